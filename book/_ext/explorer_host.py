"""Sphinx extension: the explorers' script and style sheet for the pages of the book.

The package's own files are put together when the build begins, so that pages and widgets never differ. One classic
script serves all pages; it works from a folder on disk too, where browsers refuse modules.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from companion.explorer import bundle

SCRIPT = "companion-explorer.js"
STYLE = "companion-explorer.css"


def write_static_files(app: Sphinx) -> None:
    """Write script and style sheet into the built site, if they differ from what is there."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((SCRIPT, bundle.script()), (STYLE, bundle.style())):
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def add_to_pages_with_explorers(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """Let a page load the two files if it holds an explorer."""
    if 'class="cx-host"' in context.get("body", ""):
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the two files, and register them on the pages that need them."""
    app.connect("builder-inited", write_static_files)
    app.connect("html-page-context", add_to_pages_with_explorers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
