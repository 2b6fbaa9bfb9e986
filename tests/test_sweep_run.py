"""Running a sweep: records as points are done, resuming, failures, a full disk, tensor programs, the summary."""

import errno
import json
import os
from pathlib import Path

import pytest
from sweep_toys import LOG, TOY, TRAINED, ToyParameters

from companion.measure import measure
from companion.records import Record, Records, table
from companion.sweep import sweep
from companion.sweep.summary import summarise

GRID = {"surrogate": ["relu", "b_silu"], "seed": range(3)}


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """The lines that points leave when they are begun."""
    path = tmp_path / "begun.txt"
    monkeypatch.setenv(LOG, str(path))
    return lambda: path.read_text().splitlines() if path.exists() else []


# Records


def test_every_point_leaves_the_record_of_a_single_run(tmp_path):
    outcome = sweep(TOY, GRID, out=tmp_path, jobs=1)
    assert (len(outcome.points), outcome.reused, outcome.failed) == (6, 0, {})
    for record in outcome.records():
        alone = measure(TOY, **{name: record.parameters[name] for name in GRID})
        assert (record.key, record.parameters) == (alone.key, alone.parameters)
        assert [list(row) for row in record.rows] == [list(row) for row in alone.rows]
        assert [row["value"] for row in record.rows] == pytest.approx([row["value"] for row in alone.rows], rel=1e-5)
        assert set(alone.provenance) == set(record.provenance)
    rows = table(tmp_path, experiment="toy")
    assert rows.equals(table(Records(tmp_path)))
    assert sorted(rows.groupby(["surrogate", "seed"]).size()) == [2] * 6


def test_a_second_run_measures_nothing_and_a_larger_grid_only_what_is_new(tmp_path, begun):
    sweep(TOY, GRID, out=tmp_path, jobs=1)
    assert len(begun()) == 6
    again = sweep(TOY, GRID, out=tmp_path, jobs=1)
    assert (again.reused, len(begun())) == (6, 6)
    larger = sweep(TOY, GRID | {"seed": range(5)}, out=tmp_path, jobs=1)
    assert (larger.reused, len(begun()), len(list(larger.records()))) == (6, 10, 10)


def test_a_run_of_the_same_parameters_counts_as_a_point(tmp_path):
    Records(tmp_path).write(measure(TOY, seed=1))
    assert sweep(TOY, {"seed": range(3)}, out=tmp_path, jobs=1).reused == 1


def test_a_damaged_record_is_measured_again(tmp_path, begun, caplog):
    outcome = sweep(TOY, {"seed": range(2)}, out=tmp_path, jobs=1)
    path = tmp_path / "toy" / outcome.points[0].file_name
    path.write_text(path.read_text()[:50])
    assert sweep(TOY, {"seed": range(2)}, out=tmp_path, jobs=1).reused == 1
    assert "damaged" in caplog.text
    assert len(begun()) == 3


def test_fresh_sets_earlier_records_aside_and_an_interrupted_fresh_sweep_resumes(tmp_path, command, begun):
    words = ("sweep", "sweep_toys:TOY", "--set", "seed=0..3", "--jobs", "1", "--out", str(tmp_path / "o"))
    assert command(*words).code == 0
    answer = command(*words, "--fresh")
    assert "4 earlier records set aside" in answer.out
    assert len(begun()) == 8
    assert len(list((tmp_path / "o").glob("superseded/toy/*.json"))) == 4
    assert len(list(Records(tmp_path / "o"))) == 4, "those set aside are no records any more"


def test_records_of_other_code_are_reused_with_a_note(tmp_path, command):
    words = ("sweep", "sweep_toys:TOY", "--set", "seed=0..1", "--jobs", "1", "--out", str(tmp_path))
    command(*words)
    for path in tmp_path.glob("toy/*.json"):
        content = json.loads(path.read_text())
        content["provenance"]["code"] = "0123456789ab"
        path.write_text(json.dumps(content))
    answer = command(*words)
    assert answer.code == 0
    assert "measured before the package changed: 2 by 0123456789ab. --fresh" in answer.out
    assert "2 reused" in answer.out


# The command


def test_the_command_shows_the_grid_and_the_count_and_resumes(command, tmp_path):
    words = ("sweep", "sweep_toys:TOY", "--set", "seed=0..9", "--set", "x=0.1..1:log2", "--jobs", "1")
    answer = command(*words, "--out", str(tmp_path))
    assert answer.code == 0
    assert all(word in answer.out for word in ("seed", "0, 1, 2", "0.1, 1", "20 points", "20 points done, 0 reused"))
    assert "The other 17 points will take about" in answer.err
    answer = command(*words, "--out", str(tmp_path))
    assert "20 are there, 0 to do" in answer.out
    assert "0 points done, 20 reused, 0 failed" in answer.out


def test_without_out_records_go_where_those_of_companion_run_go(command, own_folders):
    assert command("sweep", "sweep_toys:TOY", "--jobs", "1").code == 0
    assert len(list(own_folders.glob("records/toy/*.json"))) == 1


# Failures


@pytest.mark.parametrize(("fate", "error"), [("raises", "ZeroDivisionError"), ("leaves", "SystemExit")])
def test_a_failing_point_is_recorded_with_its_error_and_the_others_go_on(command, tmp_path, fate, error):
    words = [
        "sweep",
        "sweep_toys:TOY",
        "--set",
        "seed=0..4",
        "--set",
        "unlucky=2",
        "--jobs",
        "1",
        "--out",
        str(tmp_path),
    ]
    answer = command(*words, "--set", f"fate={fate}")
    assert answer.code == 1
    assert f"failed seed=2, unlucky=2, fate={fate}: {error}" in answer.err
    assert "4 points done, 0 reused, 1 failed" in answer.out
    (path,) = tmp_path.glob("failed/toy/*.json")
    told = json.loads(path.read_text())
    assert (told["error"], told["settings"]["seed"], told["parameters"]["x"]) == (error, 2, 0.5)
    assert "sweep_toys.py" in told["traceback"]
    assert "libraries" in told["provenance"]
    assert len(list(Records(tmp_path))) == 4


def test_failed_points_are_tried_again_by_the_same_command_and_forgotten_when_they_succeed(
    tmp_path, begun, monkeypatch
):
    grid = {"seed": range(4), "fate": "raises", "unlucky": 2}
    assert len(sweep(TOY, grid, out=tmp_path, jobs=1).failed) == 1
    outcome = sweep(TOY, grid, out=tmp_path, jobs=1)
    assert (outcome.reused, len(outcome.failed), len(begun())) == (3, 1, 5)
    monkeypatch.setattr("sweep_toys._end", lambda fate: None)
    assert sweep(TOY, grid, out=tmp_path, jobs=1).failed == {}
    assert list(tmp_path.glob("failed/toy/*")) == []


def test_rows_that_no_record_can_hold_fail_their_point_only(tmp_path):
    strange = type(TOY)(
        "strange", "", "none", ToyParameters, lambda p, *_: [{"value": {1, 2} if p.seed == 1 else 1.0}], claims=()
    )
    outcome = sweep(strange, {"seed": range(3)}, out=tmp_path, jobs=1)
    ((_, failure),) = outcome.failed.items()
    assert failure.error == "TypeError"
    assert len(list(outcome.records())) == 2


# A full disk


def test_a_full_disk_stops_with_an_error_and_loses_nothing_that_was_there(tmp_path, command, begun, monkeypatch):
    words = ("sweep", "sweep_toys:TOY", "--set", "seed=0..9", "--jobs", "1", "--out", str(tmp_path / "o"))
    synchronise, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 5:  # the description of the sweep and four records
            raise OSError(errno.ENOSPC, "No space left on device")
        synchronise(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = command(*words)
    assert answer.code == 2
    assert "No space left on device" in answer.err
    assert "the records of 4 of 10 points are stored and whole" in answer.err
    assert "Traceback" not in answer.err
    assert [path.suffix for path in sorted((tmp_path / "o" / "toy").iterdir())] == [".json"] * 4
    answer = command(*words)
    assert "6 points done, 4 reused, 0 failed" in answer.out
    assert len(begun()) == 11, "one point was measured and could not be stored"


def test_a_folder_that_cannot_be_written_is_an_error_before_anything_runs(tmp_path, command, begun):
    (tmp_path / "file").write_text("")
    answer = command("sweep", "sweep_toys:TOY", "--jobs", "1", "--out", str(tmp_path / "file" / "below"))
    assert answer.code == 2
    assert "cannot be written" in answer.err
    assert begun() == []


# Several points as one tensor program

TRAINING = {"seed": range(6), "learning_rate": [0.01, 0.1], "hidden": [4, 6]}


def test_points_trained_together_have_the_records_of_points_trained_alone(tmp_path):
    together = sweep(TRAINED, TRAINING, out=tmp_path / "together", jobs=1)
    apart = sweep(TRAINED, TRAINING, out=tmp_path / "apart", jobs=1, together=False)
    assert together.failed == apart.failed == {}
    pairs = list(zip(together.records(), apart.records(), strict=True))
    assert len(pairs) == 24
    for one, other in pairs:
        assert (one.key, one.parameters) == (other.key, other.parameters)
        assert [list(row) for row in one.rows] == [list(row) for row in other.rows]
        assert one.rows[0] == pytest.approx(other.rows[0], rel=TRAINED.together.tolerance)
        assert one.provenance["together"] == 6
        assert "together" not in other.provenance


def test_when_points_fail_together_each_is_measured_alone_and_says_why(tmp_path):
    outcome = sweep(TRAINED, {"seed": [1, 2, 666]}, out=tmp_path, jobs=1)
    assert outcome.failed == {}
    reasons = {record.provenance["together_failed"] for record in outcome.records()}
    assert reasons == {"RuntimeError: not together with seed 666"}


# Beyond this process


def test_ray_that_is_not_installed_is_an_error_that_says_what_to_install(command, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    answer = command("sweep", "sweep_toys:TOY", "--backend", "ray", "--out", str(tmp_path))
    assert answer.code == 2
    assert "pip install ray" in answer.err


def test_dask_that_is_not_installed_is_an_error_that_says_what_to_install(command, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    answer = command("sweep", "sweep_toys:TOY", "--backend", "dask", "--out", str(tmp_path))
    assert answer.code == 2
    assert "luebeck-companion[dask]" in answer.err


# Show


def test_show_prints_how_complete_the_sweep_is_its_means_and_draws_them(command, tmp_path):
    words = ("--set", "x=0.01..1:log3", "--set", "surrogate=relu,b_silu", "--set", "seed=0..4", "--out", str(tmp_path))
    command("sweep", "sweep_toys:TOY", *words, "--jobs", "1", "--set", "unlucky=4", "--set", "fate=raises")
    answer = command("sweep", "show", str(tmp_path))
    assert answer.code == 0
    assert "24 of 30 points done, 6 failed" in answer.out
    assert "To go on: companion sweep sweep_toys:TOY --set x=0.01..1:log3" in answer.out
    assert "95 % interval" in answer.out
    assert (tmp_path / "toy.png").read_bytes().startswith(b"\x89PNG")
    answer = command("sweep", "show", str(tmp_path), "--metric", "valu")
    assert (answer.code, "Did you mean 'value'?" in answer.err) == (2, True)


def test_the_summary_averages_over_seeds_at_every_combination_of_the_factors(tmp_path):
    outcome = sweep(TOY, {"x": [0.5, 1, 2], "depth": [1, 2], "seed": range(4)}, out=tmp_path, jobs=1)
    summary = summarise(list(outcome.records()))
    assert set(summary.factors) == {"x", "depth", "arm"}
    assert summary.metrics == ("value",)
    rows, means = outcome.table(), summary.means()
    assert len(means) == 3 * 2 * 2
    assert set(means["count"]) == {4}
    picked = rows[(rows["x"] == 2) & (rows["depth"] == 1) & (rows["arm"] == "b")]["value"].mean()
    shown = means[(means["x"] == 2) & (means["depth"] == 1) & (means["arm"] == "b")]["mean"].item()
    assert shown == pytest.approx(picked)
    figure = summary.figure()
    (axes,) = figure.axes
    assert (figure.get_supxlabel(), figure.get_supylabel(), len(axes.lines)) == ("x", "value", 4)


def test_a_figure_with_too_many_lines_is_divided_into_panels(tmp_path):
    grid = {"x": [0.5, 1, 2, 3, 4], "depth": [1, 2, 4], "surrogate": ["relu", "b_silu", "nelu"], "seed": [1, 2]}
    summary = summarise(list(sweep(TOY, grid, out=tmp_path, jobs=1).records()))
    assert summary.panels() == ("x", ["depth", "arm"], ["surrogate"])
    axes = summary.figure().axes
    assert [len(each.lines) for each in axes] == [6, 6, 6]
    assert [each.get_title("left") for each in axes] == ["surrogate b_silu", "surrogate nelu", "surrogate relu"]


def test_what_every_run_sets_alike_is_a_factor_unless_it_follows_from_another():
    def run(decay: float) -> Record:
        rows = [
            {
                "width": width,
                "weights": width**2,
                "seed": seed,
                "test_accuracy": 0.5 + decay + 0.01 * seed + width / 100,
            }
            for width in (4, 16)
            for seed in range(2)
        ]
        return Record("made_up", "quick", {"decay": decay}, rows)

    summary = summarise([run(0.0), run(0.1)])
    assert summary.factors == ("decay", "width")
    assert summary.metrics == ("test_accuracy",)
    assert summary.means()["mean"].tolist() == pytest.approx([0.545, 0.665, 0.645, 0.765])


def test_show_reads_a_folder_of_single_runs_too(command, tmp_path):
    for seed in range(3):
        Records(tmp_path).write(measure(TOY, seed=seed, x=seed))
    answer = command("sweep", "show", str(tmp_path), "--figure", str(tmp_path / "a.pdf"))
    assert answer.code == 0
    assert "toy: 3 records" in answer.out
    assert Path(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
