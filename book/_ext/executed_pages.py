"""Sphinx extension: a chapter's page shows today's prose with the outputs of the last execution.

Notebooks are committed without outputs. `companion build` executes them through papermill into
`_build/executed/<path of the notebook>`. When Sphinx reads a notebook, this extension takes the markdown cells
of the source and the outputs of the executed copy: an edit of prose shows at once and executes nothing, while
an edit of code without a new execution is an error. Download, Colab and "edit" links still lead to the source.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from light_pictures import lighter
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

Notebook = dict[str, Any]
Cell = dict[str, Any]

ADVICE = "run `companion build` (or `make book`) and build the pages again"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class ExecutedCopyError(ExtensionError):
    """The executed copy of a notebook is missing or belongs to other code."""


def merge(source: Notebook, executed: Notebook, name: str) -> Notebook:
    """Join the cells of `source` with the outputs that `executed` holds for its code cells.

    Args:
        source: the notebook as committed: prose, code and tags, no outputs.
        executed: papermill's copy. Its code cells are matched in order; the cell tagged
            `injected-parameters`, which the source does not have, stays right behind the parameters cell.
        name: how an error calls the notebook.

    Returns:
        A new notebook; neither argument is changed.

    Raises:
        ExecutedCopyError: the code cells of the two differ in number or in text.
    """
    answers = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    cells = _injected(answers)  # where a notebook has no parameters cell, papermill puts its own on top
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        if not answers:
            raise ExecutedCopyError(f"{name} has more code cells than its executed copy: {ADVICE}")
        answer = answers.pop(0)
        if text(answer) != text(cell):
            line = next(iter(text(cell).splitlines()), "(empty)")
            raise ExecutedCopyError(f"{name} was changed after it was executed, at the cell `{line}`: {ADVICE}")
        outputs = [lighter(output) for output in answer["outputs"]]
        cells.append({**cell, "outputs": outputs, "execution_count": answer["execution_count"]})
        cells += _injected(answers)
    if answers:
        raise ExecutedCopyError(f"{name} has fewer code cells than its executed copy: {ADVICE}")
    return {**source, "cells": cells, "metadata": _metadata(source, executed, cells)}


def text(cell: Cell) -> str:
    """The text of a cell (nbformat allows a string or a list of lines), without blanks at its ends."""
    return "".join(cell["source"]).strip()


def _injected(answers: list[Cell]) -> list[Cell]:
    """Take papermill's own cells off the front of `answers`."""
    taken = []
    while answers and "injected-parameters" in answers[0].get("metadata", {}).get("tags", []):
        cell = answers.pop(0)
        taken.append({**cell, "metadata": {"tags": cell["metadata"]["tags"]}})
    return taken


def _metadata(source: Notebook, executed: Notebook, cells: list[Cell]) -> dict[str, Any]:
    """The source's metadata, with the widgets' state only where a widget has no HTML of its own."""
    metadata = {key: value for key, value in source["metadata"].items() if key != "widgets"}
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    needed = any(WIDGET_VIEW in bundle and "text/html" not in bundle for bundle in bundles)
    if needed and "widgets" in executed["metadata"]:
        metadata["widgets"] = executed["metadata"]["widgets"]
    return metadata


def swap(app: Sphinx, docname: str, content: list[str]) -> None:
    """Replace the text of a notebook that Sphinx has just read by the merged one (event `source-read`)."""
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return
    name = path.relative_to(app.srcdir).as_posix()
    copy = Path(app.srcdir) / app.config.executed_notebooks / name
    if not copy.is_file():
        raise ExecutedCopyError(f"{name} has not been executed ({copy} is missing): {ADVICE}")
    app.env.note_dependency(str(copy))
    merged = merge(json.loads(content[0]), json.loads(copy.read_text(encoding="utf8")), name)
    content[0] = json.dumps(merged, ensure_ascii=False)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("executed_notebooks", "_build/executed", "env", [str])
    app.connect("source-read", swap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
