"""The notebooks: clean sources, parameters that are declared, and executed copies that hold what a chapter promises."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra 'notebooks'")

from companion.execution import declared_experiment  # noqa: E402
from companion.experiment import load_experiment  # noqa: E402

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in (ROOT / "notebooks").glob("*/*.ipynb") if not path.name.endswith(".failed.ipynb"))
EXECUTED = ROOT / "_build" / "executed"
MOST_LINES = 20
MOST_CELLS = 25

each_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell: Any) -> list[str]:
    return cell.metadata.get("tags", [])


def executed(path: Path) -> Any:
    copy = EXECUTED / path.relative_to(ROOT)
    if not copy.exists():
        pytest.skip("not executed yet: `make book` does it")
    return read(copy)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


# Sources


def test_every_chapter_has_an_idea_and_an_experiment():
    if not SOURCES:
        pytest.skip("no notebook is written yet")
    chapters = {path.parent.name: set() for path in SOURCES}
    for path in SOURCES:
        chapters[path.parent.name].add(path.stem)
    assert {name: found for name, found in chapters.items() if not {"idea", "experiment"} <= found} == {}


@each_notebook
def test_a_source_holds_no_outputs(path):
    assert [cell.id for cell in code_cells(path) if cell.outputs or cell.execution_count] == []


def test_the_sources_are_as_nbstripout_leaves_them():
    pytest.importorskip("nbstripout", reason="this test needs the extra 'test'")
    if not SOURCES:
        pytest.skip("no notebook is written yet")
    run = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--verify", *map(str, SOURCES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-1000:]


@each_notebook
def test_cell_ids_are_their_numbers_so_that_an_edit_changes_only_what_was_edited(path):
    ids = [cell.id for cell in read(path).cells]
    assert len(set(ids)) == len(ids)
    assert ids == [str(k) for k in range(len(ids))]


@each_notebook
def test_the_first_code_cell_that_is_not_the_installation_holds_the_parameters(path):
    first = next(cell for cell in code_cells(path) if "google.colab" not in cell.source)
    assert "parameters" in tags(first)
    assert sum("parameters" in tags(cell) for cell in code_cells(path)) == 1


@each_notebook
def test_every_parameter_of_the_notebook_is_declared(path):
    declaration = load_experiment(declared_experiment(read(path), path)).parameters
    known = {info.name for info in declaration.describe()} | {"scale"}
    cell = next(cell for cell in code_cells(path) if "parameters" in tags(cell))
    assigned = {
        target.id
        for node in ast.parse(cell.source).body
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", []))
    }
    assert assigned <= known
    assert "scale" in assigned


@each_notebook
def test_code_cells_are_short_and_not_too_many(path):
    cells = code_cells(path)
    assert [cell.source[:60] for cell in cells if _lines_to_read(cell.source) > MOST_LINES] == []
    assert len(cells) <= MOST_CELLS


@each_notebook
def test_no_definition_is_longer_than_five_lines(path):
    long = [
        node.name
        for cell in code_cells(path)
        for node in ast.walk(ast.parse(_python(cell.source)))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.end_lineno - node.lineno >= 5
    ]
    assert long == []


@each_notebook
def test_prose_comes_before_code(path):
    assert read(path).cells[0].cell_type == "markdown"
    assert read(path).cells[0].source.startswith("# ")


def _lines_to_read(source: str) -> int:
    """The lines of a cell, without empty ones and imports."""
    return sum(bool(line.strip()) and not line.startswith(("import ", "from ")) for line in source.splitlines())


def _python(source: str) -> str:
    """The source with `pass` in place of the lines that only IPython understands."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


# Executed copies


@each_notebook
def test_an_executed_copy_has_no_error_and_no_warning(path):
    shown = outputs(executed(path))
    assert [output.ename for output in shown if output.output_type == "error"] == []
    assert [output.text[:200] for output in shown if output.get("name") == "stderr"] == []


@each_notebook
def test_an_executed_copy_belongs_to_its_source(path):
    copy = executed(path)
    ran = [c.source for c in copy.cells if c.cell_type == "code" and "injected-parameters" not in tags(c)]
    assert ran == [cell.source for cell in code_cells(path)], "run `make book` again"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.stem == "experiment"], ids=lambda path: path.parent.name
)
def test_an_experiment_ends_in_a_verdict_on_every_claim(path):
    pages = "".join(str(output.data.get("text/html", "")) for output in outputs(executed(path)) if "data" in output)
    assert 'class="verdicts"' in pages
    claims = load_experiment(declared_experiment(read(path), path)).claims
    assert [claim.key for claim in claims if f"<td>{claim.key}</td>" not in pages] == []


@each_notebook
def test_an_executed_copy_shows_a_picture(path):
    pictures = [
        o for o in outputs(executed(path)) if {"image/png", "image/svg+xml", "text/html"} & set(o.get("data", {}))
    ]
    assert pictures
