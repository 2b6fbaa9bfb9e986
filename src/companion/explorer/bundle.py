"""The explorer's JavaScript, put together from its files: a module for anywidget, a classic script for the page."""

import re
from functools import cache
from pathlib import Path

PUNCTUATION = re.compile(r" *([{}()\[\];,=<>?:&|*]+) *")
FOLDER = Path(__file__).parent
ORDER = (
    "maths",
    "table",
    "registry",
    "elements",
    "scales",
    "records",
    "marks",
    "images",
    "plot",
    "inputs",
    "legend",
    "csv",
    "address",
    "live",
    "explorer",
)


def source_files() -> list[Path]:
    """The files of the bundle in order: the explorer's own, the chapters' closed forms, the page's host."""
    own = [FOLDER / f"{name}.js" for name in ORDER]
    return [*own, *form_files(), FOLDER / "page_host.js"]


def form_files() -> list[Path]:
    """The chapters' closed forms, ``forms/<chapter>.js``; each calls ``registerForm(name, form)``."""
    return sorted((FOLDER / "forms").glob("*.js"))


def form_names() -> list[str]:
    """The names under which the closed forms are registered."""
    files = (path.read_text(encoding="utf-8") for path in form_files())
    return sorted(name for text in files for name in re.findall(r'^registerForm\(\s*"([^"]+)"', text, re.MULTILINE))


@cache
def module() -> str:
    """The ES module that anywidget loads: ``export default { render({ model, el }) }``."""
    return f"const explorer = (() => {{\n{_shared()}return {{ render }};\n}})();\nexport default explorer;\n"


@cache
def script() -> str:
    """The classic script of a page: the same code and the static host (``file://`` allows no modules)."""
    exposed = "globalThis.CompanionExplorer = { maths, forms, render, decodeTable, mountAll };\n"
    return f"(() => {{\n{_shared()}{_body(FOLDER / 'page_host.js')}{exposed}}})();\n"


@cache
def style() -> str:
    """The style sheet of both hosts."""
    lines = (FOLDER / "explorer.css").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip()) + "\n"


def _shared() -> str:
    own = "".join(_body(FOLDER / f"{name}.js") for name in ORDER)
    # A block of its own keeps a chapter's helper functions out of the others' way.
    return '"use strict";\n' + own + "".join(f"{{\n{_body(path)}}}\n" for path in form_files())


def _body(path: Path) -> str:
    """A file without comment lines, indentation and the spaces around punctuation: a third of its weight."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    code = "".join(f"{_tight(line)}\n" for line in lines if line and not line.startswith("//"))
    # A line is joined to the next after , ; ( { [ but never where it ends in a comment.
    return re.sub(r"^((?:(?!//).)*[,;({\[])\n(?!\Z)", r"\1", code, flags=re.MULTILINE)


def _tight(line: str) -> str:
    """Drop spaces around punctuation in code; strings, regular expressions and nested templates stay as they are."""
    parts = re.split(r'("[^"]*"|`[^`]*`)', line)
    if any(part.startswith("`") and part.count("${") != part.count("}") for part in parts):
        return line
    if any(set(part.replace(" / ", "")) & set("`/'\\") for part in parts[::2]):
        return line
    return "".join(part if k % 2 else PUNCTUATION.sub(r"\1", part) for k, part in enumerate(parts))
