"""Sphinx extension: pages that need no network, also when opened as files, and that stay light.

- MathJax is served from the site; its files come from the package `sphinx-mathjax-offline` (MathJax 3.2.2, Apache 2.0).
- sphinx-thebe, which Jupyter Book always loads, names a content delivery network on every page: its scripts go.
- The theme ships all icons of Font Awesome (0.5 MB compressed); only those that some page or script shows are kept.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

# The output fonts and the TeX extensions are loaded on demand by tex-chtml.js; speech and SVG output are left out.
MATHJAX_FILES = ("tex-chtml.js", "output/chtml/fonts/woff-v2/*.woff", "input/tex/extensions/*.js")
# Icons that a script of the theme may add after loading, so that no page names them.
SCRIPTED_ICONS = frozenset({"xmark"})
ICON = re.compile(  # name: [width, height, [aliases], unicode, path or two paths]
    r'"?([a-z0-9-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?'
)


def mathjax_folder() -> Path:
    """Where `sphinx-mathjax-offline` keeps MathJax.

    Raises:
        ExtensionError: the package is not installed.
    """
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ExtensionError("the pages need MathJax: pip install sphinx-mathjax-offline (extra `book` has it)")
    return Path(package.origin).parent / "static" / "mathjax"


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point Sphinx at the copy in the site's own static folder (event `config-inited`)."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app: Sphinx) -> None:
    """Copy MathJax into the site, once (event `builder-inited`)."""
    if app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for pattern in MATHJAX_FILES:
        for file in source.glob(pattern):
            copy = target / file.relative_to(source)
            if not copy.exists() or copy.stat().st_size != file.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)


def drop_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Take sphinx-thebe off every page, and MathJax off those without a formula (event `html-page-context`)."""
    has_formula = app.env.get_domain("math").data["has_equations"].get(page, False)
    needless = ("thebe",) if has_formula else ("thebe", "mathjax")
    for kind in ("script_files", "css_files"):
        files = context.get(kind, [])
        context[kind] = [file for file in files if not any(word in _words(file) for word in needless)]


def _words(file: Any) -> str:
    """Name, body and id of a script or style that Sphinx will put on a page."""
    attributes = getattr(file, "attributes", {})
    return f"{getattr(file, 'filename', file)} {attributes.get('body', '')} {attributes.get('id', '')}".lower()


def keep_used_icons(app: Sphinx, failure: Exception | None) -> None:
    """Cut the theme's icon script down to the icons in use (event `build-finished`)."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if failure or app.builder.format != "html" or not script.is_file():
        return
    used = set(SCRIPTED_ICONS)
    for page in Path(app.outdir).rglob("*.html"):
        used |= set(re.findall(r"\bfa-([a-z0-9-]+)", page.read_text(encoding="utf8")))
    light = kept_icons(_whole_icon_script(app), used)
    if light != script.read_text(encoding="utf8"):
        script.write_text(light, encoding="utf8")


def kept_icons(script: str, used: set[str]) -> str:
    """The text of Font Awesome's script with only those icons whose name or alias is in `used`."""
    return ICON.sub(lambda icon: icon[0] if used & {icon[1], *re.findall(r"[a-z0-9-]+", icon[2])} else "", script)


def _whole_icon_script(app: Sphinx) -> str:
    """The theme's own file: the copy in the site may have been cut by the last build."""
    for folder in app.builder.theme.get_theme_dirs():
        script = Path(folder) / "static" / "scripts" / "fontawesome.js"
        if script.is_file():
            return script.read_text(encoding="utf8")
    raise ExtensionError("the theme has no static/scripts/fontawesome.js: adapt book/_ext/offline_pages.py to it")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_local_mathjax)
    app.connect("builder-inited", copy_mathjax)
    app.connect("html-page-context", drop_scripts, priority=990)  # after those that add them
    app.connect("build-finished", keep_used_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
