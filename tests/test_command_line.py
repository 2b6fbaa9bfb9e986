"""The command ``companion``: what it prints, where it writes, and errors of one clear paragraph."""

import json
from pathlib import Path

import pytest

from companion.errors import CompanionError
from companion.few_data.declaration import FewData
from companion.records import Record, Records

LIGHT = [
    "--set", "parts=baselines", "--set", "per_class=5", "--set", "sizes=1,5", "--set", "seeds=1",
]  # fmt: skip


def test_run_prints_verdicts_and_where_the_record_is(command, own_folders):
    answer = command("run", "few_data", "--scale", "quick", *LIGHT)
    assert answer.code == 0
    assert "F5a" in answer.out
    (path,) = (own_folders / "records").glob("few_data/*.json")
    assert f"Record: {path}" in answer.out
    stored = json.loads(path.read_text())
    assert (stored["parameters"]["per_class"], stored["parameters"]["sizes"]) == (5, [1, 5])
    assert {"package", "code", "python", "libraries", "hardware", "date"} <= set(stored["provenance"])


def test_run_writes_where_it_is_told(command, tmp_path):
    assert command("run", "few_data", "--out", str(tmp_path / "here"), *LIGHT).code == 0
    assert len(list((tmp_path / "here").glob("few_data/*.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "few_data", "--set", "per_clas=5"], ["per_clas", "Did you mean 'per_class'?"]),
        (["run", "few_data", "--set", "per_class=500"], ["per_class", "out of range", "140"]),
        (["run", "few_data", "--set", "per_class=many"], ["'many'", "a whole number from 1 to 140 images"]),
        (["run", "few_data", "--set", "per_class"], ["NAME=VALUE"]),
        (["run", "few_data", "--set", "seed=1", "--set", "seed=2"], ["'seed' twice"]),
        (["run", "few_data", "--set", "device=cpu"], ["Unknown parameter of FewData 'device'"]),
        (["run", "few_data", "--set", "scale=paper"], ["Unknown parameter of FewData 'scale'"]),
        (["run", "few_data", "--scale", "quik"], ["Unknown scale 'quik'", "'quick'"]),
        (["run", "few_date"], ["Unknown experiment 'few_date'", "'few_data'"]),
        (["run", "few_data", "--device", "gpu"], ["Unknown device 'gpu'"]),
        (["run", "few_data", "--set", "data=digit"], ["Unknown data set 'digit'", "'digits'"]),
        (["run", "few_data", "--set", "data=folder:nowhere"], ["There is no folder or zip archive 'nowhere'"]),
        (["run", "few_data", "--set", "data=fashion_mnist"], ["companion data get fashion_mnist", "COMPANION_DATA"]),
        (["list", "few_date"], ["'few_data'"]),
        (["claims", "few_date"], ["'few_data'"]),
        (["claims", "--scale", "quik"], ["'quick'"]),
        (["data", "get", "mnst"], ["Unknown data set 'mnst'", "'mnist'"]),
        (["data", "check", "mnist"], ["'mnist' is not on this machine"]),
        (["notebook", "nowhere.ipynb"], ["There is no notebook 'nowhere.ipynb'"]),
        (["build", "--notebooks", "nowhere"], ["There is no folder 'nowhere'"]),
    ],
)
def test_an_error_is_one_paragraph_on_standard_error_with_exit_status_2(command, arguments, words):
    answer = command(*arguments)
    assert answer.code == 2
    assert answer.err.strip().startswith("Error: ")
    assert [word for word in words if word not in answer.err] == []
    assert "Traceback" not in answer.err + answer.out
    assert answer.err.strip().count("\n") == 0


def test_debug_shows_where_an_error_comes_from(command):
    with pytest.raises(CompanionError, match="per_class"):
        command("run", "few_data", "--set", "per_clas=5", "--debug")


def test_brackets_in_an_error_are_shown_as_they_are(command):
    assert "[bold]" in command("run", "few_data", "--set", "data=[bold]x").err


def test_an_unknown_command_or_option_is_an_error(command):
    assert command("runn").code == 2
    assert command("run", "few_data", "--scales", "quick").code == 2


# Notebooks


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """A notebook that belongs to few_data and is never executed here."""
    nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra 'notebooks'")
    book = nbformat.v4.new_notebook(metadata={"companion": {"experiment": "few_data"}})
    book.cells = [nbformat.v4.new_code_cell("per_class = 20", metadata={"tags": ["parameters"]})]
    path = tmp_path / "chapter.ipynb"
    nbformat.write(book, path)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "per_clas", "5"], ["per_clas", "Did you mean 'per_class'?"]),
        (["-p", "per_class", "5", "-p", "sed", "1"], ["'sed'", "'seed'"]),
        (["-p", "per_class", "5000"], ["out of range", "140"]),
        (["-p", "per_class=0"], ["out of range", "nearest valid value is 1"]),
        (["-p", "scale", "quik"], ["Unknown scale 'quik'", "'quick'"]),
        (["-p", "per_class"], ["-p takes NAME VALUE"]),
        (["-p", "per_class", "5", "-p", "per_class", "6"], ["'per_class' twice"]),
    ],
)
def test_a_notebooks_parameters_are_checked_before_anything_runs(command, chapter, tmp_path, arguments, words):
    out = tmp_path / "out.ipynb"
    answer = command("notebook", str(chapter), *arguments, "-o", str(out))
    assert answer.code == 2
    assert [word for word in words if word not in answer.err] == []
    assert "Traceback" not in answer.err
    assert not out.exists()


def test_a_file_that_is_no_notebook_is_an_error(command, tmp_path):
    (tmp_path / "broken.ipynb").write_text('{"cells": [')
    answer = command("notebook", str(tmp_path / "broken.ipynb"))
    assert answer.code == 2
    assert "is not a complete notebook" in answer.err


def test_build_refuses_a_chapter_that_does_not_exist_and_names_those_that_do(command, chapter, tmp_path):
    (tmp_path / "book" / "few_data").mkdir(parents=True)
    chapter.rename(tmp_path / "book" / "few_data" / "idea.ipynb")
    answer = command("build", "--notebooks", str(tmp_path / "book"), "--only", "few_date")
    assert answer.code == 2
    assert "Chapters: few_data" in answer.err


# Claims, lists, the doctor


def permuted(train_accuracy: float) -> list[dict]:
    row = {"arm": "permuted labels", "train_accuracy": train_accuracy, "test_accuracy": 0.1, "class_count": 10}
    return [row | {"seed": seed, "test_accuracy": 0.1 + 0.01 * (seed - 1)} for seed in range(3)]


def test_claims_are_judged_from_records_and_check_asks_for_a_reason(command, tmp_path):
    folder = tmp_path / "some"
    Records(folder).write(Record("few_data", "quick", FewData.at("quick").values(), permuted(1.0)))
    answer = command("claims", "few_data", "--records", str(folder), "--check")
    assert answer.code == 0
    assert "✓ holds" in answer.out
    Records(folder).write(Record("few_data", "quick", FewData.at("quick").values(), permuted(0.5)))
    answer = command("claims", "few_data", "--records", str(folder), "--check")
    assert answer.code == 2
    assert "few_data F4a at quick scale" in answer.err
    assert command("claims", "few_data", "--records", str(folder)).code == 0


def test_claims_without_records_say_nothing_and_succeed(command, tmp_path):
    answer = command("claims", "few_data", "--records", str(tmp_path / "none"), "--check")
    assert (answer.code, answer.err) == (0, "")


def test_list_names_every_experiment_and_one_experiments_parameters(command):
    assert "few_data" in command("list").out
    listed = command("list", "few_data").out
    assert all(word in listed for word in ("per_class", "a whole number from 1 to 140 images", "standard", "paper"))


def test_data_list_tells_what_is_here_and_where_it_looked(command, own_folders):
    answer = command("data", "list")
    assert answer.code == 0
    assert all(name in answer.out for name in ("digits", "fashion_mnist", "caltech101", "folder:PATH"))
    assert str(own_folders / "cache") in answer.out


def test_data_check_verifies_what_is_found(command, monkeypatch, tmp_path):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path / "data"))
    answer = command("data", "check")
    assert answer.code == 2
    assert "train-images-idx3-ubyte.gz' is damaged" in answer.err


def test_the_doctor_tells_versions_device_data_and_where_can_be_written(command, own_folders):
    answer = command("doctor")
    assert answer.code == 0
    assert all(word in answer.out for word in ("torch", "device", "digits", "writable", "not set"))


@pytest.mark.parametrize(
    "name", [(), ("run",), ("notebook",), ("build",), ("claims",), ("list",), ("doctor",), ("data", "get")]
)
def test_every_command_has_help_with_an_example(command, name):
    answer = command(*name, "--help")
    assert answer.code == 0
    assert not name or f"companion {' '.join(name)}" in answer.out


def test_the_version_is_printed(command):
    import companion

    assert command("--version").out.strip() == companion.__version__
