"""A sweep via papermill: the same records as the direct way, and one executed notebook beside each."""

from pathlib import Path

import pytest
from sweep_toys import TOY, ToyParameters

nbformat = pytest.importorskip("nbformat", reason="papermill needs the extra 'notebooks'")
pytest.importorskip("papermill", reason="papermill needs the extra 'notebooks'")

from companion.records import Records  # noqa: E402
from companion.sweep import Outcome, Sweep, sweep  # noqa: E402

pytestmark = pytest.mark.slow  # every kernel imports torch
GRID = {"x": [0.25, 1e-3], "widths": [[4, 16]], "surrogate": "b_silu"}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The same grid measured both ways."""
    folder = tmp_path_factory.mktemp("ways")
    return {via: sweep(TOY, GRID, out=folder / via, jobs=1, via=via) for via in ("direct", "papermill")}


def test_both_ways_give_the_same_records(ways):
    assert ways["direct"].failed == ways["papermill"].failed == {}
    pairs = list(zip(ways["direct"].records(), ways["papermill"].records(), strict=True))
    assert len(pairs) == 2
    for direct, executed in pairs:
        assert (direct.key, direct.scale, direct.parameters) == (executed.key, executed.scale, executed.parameters)
        assert direct.rows == executed.rows
        assert set(direct.provenance) == set(executed.provenance)
        assert direct.provenance["hardware"]["threads"] == executed.provenance["hardware"]["threads"] == 1


def test_papermill_leaves_one_executed_notebook_beside_every_record(ways):
    folder = ways["papermill"].folder.path / "toy"
    for point in ways["papermill"].points:
        executed = nbformat.read((folder / point.file_name).with_suffix(".ipynb"), as_version=4)
        (injected,) = [c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", [])]
        assert f"x = {point.parameters['x']}" in injected.source
        assert "widths = [4, 16]" in injected.source
        shown = "".join(str(c.get("outputs", "")) for c in executed.cells)
        assert "value" in shown
    assert not list((ways["direct"].folder.path / "toy").glob("*.ipynb"))


def test_the_second_run_executes_nothing(ways):
    again = sweep(TOY, GRID, out=ways["papermill"].folder.path, jobs=1, via="papermill")
    assert (again.reused, again.seconds < 5) == (2, True)


# A notebook of one's own


def notebook(path: Path, *cells: str) -> Path:
    """A notebook with a parameters cell and further cells."""
    new = nbformat.v4
    first = new.new_code_cell("scale = 'quick'\nseed = None", metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = new.new_notebook(cells=[first, *map(new.new_code_cell, cells)], metadata={"kernelspec": kernel})
    nbformat.write(book, path)
    return path


WRITE = """
from companion.records import Record, Records
Records().write(Record("toy", scale, {parameters!r} | {{"seed": seed}}, [{{"value": 1.5 * seed}}]));
"""


def test_a_notebook_of_ones_own_is_executed_and_its_record_taken_while_one_that_fails_is_kept(tmp_path):
    parameters = ToyParameters.at("quick").values()
    own = notebook(tmp_path / "own.ipynb", "assert seed != 2, 'no seed 2'", WRITE.format(parameters=parameters))
    outcome = Sweep(TOY, {"seed": [1, 2]}, out=tmp_path / "out", via="papermill", notebook=own).run(jobs=1)
    (record,) = Records(tmp_path / "out")
    assert record.rows == [{"value": 1.5}]
    ((key, failure),) = outcome.failed.items()
    assert (failure.error, failure.message.splitlines()[0]) == ("notebook, cell 3 [3]", "AssertionError: no seed 2")
    (partial,) = (tmp_path / "out").glob("failed/toy/*.ipynb")
    assert key in partial.name
    assert "no seed 2" in partial.read_text()


def test_a_notebook_that_leaves_no_record_of_its_point_fails_it_and_says_what_is_missing(tmp_path):
    outcome = Sweep(
        TOY, {"seed": [3]}, out=tmp_path, via="papermill", notebook=notebook(tmp_path / "none.ipynb", "seed")
    ).run(jobs=1)
    ((_, failure),) = outcome.failed.items()
    assert failure.error == "no record"
    assert "Records().write(record)" in failure.message
