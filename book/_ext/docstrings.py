"""Sphinx extension: docstrings written for the reader of the source become valid reStructuredText.

The package's docstrings use single backticks for code and plain signs in formulas (`|u|`, `x*y`, `w_`), which
reStructuredText would take for markup. Before napoleon reads a docstring, backticks become literals, those signs
are escaped, and a block that is indented after an empty line becomes a literal block. A type in a signature links to
the package that re-exports it, and is plain text where it is private.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import get_node_source, make_refnode

LITERAL = re.compile(r"(:[\w:+-]+:`[^`]+`|``.+?``|`[^`]+`)")
DIRECTIVE = re.compile(r"\s*\.\. ")


def prepare(lines: list[str]) -> list[str]:
    """The lines of a docstring with literal blocks marked and signs escaped."""
    prepared: list[str] = []
    literal: int | None = None  # the indentation that a literal block must exceed
    for line in _with_literal_marks(lines):
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indent <= literal:
            literal = None
        prepared.append(line if literal is not None else "".join(_plain(part) for part in LITERAL.split(line)))
        if literal is None and line.rstrip().endswith("::"):
            literal = indent
    return prepared


def _with_literal_marks(lines: list[str]) -> Iterator[str]:
    """Put `::` before a block that is indented after an empty line (sections such as `Args:` have none)."""
    text, inside = "", False  # the last line of text before the present one
    for number, line in enumerate(lines):
        indent, before = len(line) - len(line.lstrip()), len(text) - len(text.lstrip())
        deeper = bool(line.strip()) and indent > before
        if deeper and not inside and number and not lines[number - 1].strip() and not _opens_block(text):
            yield from (" " * before + "::", "")
            inside = True
        if line.strip():
            inside = inside and deeper
            text = line if not inside else text
        yield line


def _opens_block(text: str) -> bool:
    return not text.strip() or text.rstrip().endswith("::") or bool(DIRECTIVE.match(text)) or text.lstrip()[0] in "-*"


def _plain(part: str) -> str:
    """A stretch of text: a literal with two backticks, or words with their signs escaped."""
    if part.startswith((":", "``")) and part.endswith("`"):
        return part
    if part.startswith("`") and part.endswith("`"):
        return f"`{part}`"
    escaped = re.sub(r"(?<!\\)([|*])", r"\\\1", part)
    return re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", escaped)


def process(app: Sphinx, what: str, name: str, subject: object, options: Any, lines: list[str]) -> None:
    """Prepare one docstring in place (event `autodoc-process-docstring`, before napoleon)."""
    lines[:] = prepare(lines)


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement) -> nodes.Node | None:
    """Link a name of the package in a docstring to where the reference has it (event `missing-reference`)."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or "docstring of" not in (get_node_source(node) or ""):
        return None
    modules, _, name = target.rpartition(".")
    while modules:
        modules = modules.rpartition(".")[0]
        if entry := env.domaindata["py"]["objects"].get(f"{modules}.{name}"):
            return make_refnode(app.builder, node.get("refdoc", ""), entry.docname, entry.node_id, content)
    return content


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
