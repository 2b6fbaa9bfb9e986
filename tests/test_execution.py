"""Execution: what a notebook really used decides whether it runs again; failures are named; a kill loses nothing.

The notebooks here are tiny, and their kernels import a copy of the package, so that a test can edit its modules.
"""

import ast
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="execution needs the extra 'notebooks'")
pytest.importorskip("papermill", reason="execution needs the extra 'notebooks'")

import companion  # noqa: E402
from companion.errors import CompanionError  # noqa: E402
from companion.execution import execute, execute_all, kernel_environment, validated  # noqa: E402
from companion.execution_key import ExecutionKey, code_digest  # noqa: E402
from companion.tracing import Trace  # noqa: E402

DATA = "import os, pathlib\ntext = (pathlib.Path(os.environ['COMPANION_DATA']) / 'set' / 'numbers.txt').read_text()"
SCALES = f"from companion.scales import SCALES\n{DATA}\nprint(len(SCALES), text)"
THREADS = "import os\nthreads = os.environ['OMP_NUM_THREADS']"
ERRORS = f"{THREADS}\nfrom companion.errors import nearest\nprint(per_class, nearest('a', 'ab'), threads)"
WAIT = "import pathlib, time\npathlib.Path('{0}').touch()\nwhile pathlib.Path('{0}.hold').exists(): time.sleep(0.1)"


def write(path: Path, *cells: str) -> Path:
    """A notebook of few_data: prose, its parameters, then the given code cells."""
    new = nbformat.v4
    made = [
        new.new_markdown_cell("# An idea"),
        new.new_code_cell("per_class = 20", metadata={"tags": ["parameters"]}),
        *map(new.new_code_cell, cells),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new.new_notebook(cells=made, metadata={"companion": {"experiment": "few_data"}}), path)
    return path


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.text for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


class Book:
    """A folder with notebooks, data, and a copy of the package that the kernels import."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder, folder / "package" / "companion"
        shutil.copytree(Path(companion.__file__).parent, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.data = folder / "data"
        (self.data / "set").mkdir(parents=True)
        (self.data / "set" / "numbers.txt").write_text("1 2 3")
        self.notebooks = {
            name: write(folder / "notebooks" / "few_data" / f"{name}.ipynb", code)
            for name, code in (("scales", SCALES), ("errors", ERRORS))
        }

    def output(self, path: Path) -> Path:
        return self.folder / "executed" / path.name

    def build(self, **more: Any) -> dict[str, Any]:
        """Execute what has to be executed; the reports by the notebook's name."""
        done = execute_all(self.notebooks.values(), self.output, {"per_class": "7"}, jobs=2, **more)
        return {report.notebook.stem: report for report in done}

    def changes(self, name: str, parameters: dict[str, Any] | None = None) -> list[str]:
        """What the execution key says has changed since the execution; empty when it would be reused."""
        path = self.notebooks[name]
        key = ExecutionKey.from_json(self.output(path).with_suffix(".key.json").read_text())
        return key.changes(nbformat.read(path, as_version=4), parameters or {"per_class": 7})


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """The book, built once: both notebooks side by side."""
    made = Book(tmp_path_factory.mktemp("book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(made.package.parent))
        patch.setenv("COMPANION_DATA", str(made.data))
        patch.setenv("COMPANION_RECORDS", str(made.folder / "records"))
        made.reports = made.build()
        yield made


def spans_overlap(book: Book) -> bool:
    """Whether the notebooks ran at the same time."""
    spans = []
    for path in book.notebooks.values():
        told = nbformat.read(book.output(path), as_version=4).metadata.papermill
        spans.append((datetime.fromisoformat(told.start_time), datetime.fromisoformat(told.end_time)))
    return max(start for start, _ in spans) < min(end for _, end in spans)


# What one build did


def test_all_notebooks_are_executed_side_by_side(book):
    assert {name: report.state for name, report in book.reports.items()} == {"scales": "executed", "errors": "executed"}
    for _ in range(3):  # on a machine with other work one worker may start when the other has finished
        if spans_overlap(book):
            return
        book.build(reuse=False)
    assert spans_overlap(book)


def test_the_report_tells_time_memory_and_reason(book):
    for report in book.reports.values():
        assert report.seconds > 0
        assert 20 < report.peak_memory_mib < 400, "of the kernel, which did not import torch"
        assert report.why == "no executed copy"


def test_parameters_are_read_as_declared_injected_and_the_threads_are_bound(book):
    assert printed(book.output(book.notebooks["errors"])) == "7 a 1\n"
    cells = nbformat.read(book.output(book.notebooks["errors"]), as_version=4).cells
    tags = [tag for cell in cells for tag in cell.metadata.get("tags", [])]
    assert tags == ["parameters", "injected-parameters"]


def test_the_source_is_not_changed_by_its_execution(book):
    assert "outputs" not in str(book.notebooks["scales"].read_text().replace('"outputs": []', ""))
    assert sorted(path.suffix for path in book.output(Path("x")).parent.iterdir()) == [
        ".ipynb",
        ".ipynb",
        ".json",
        ".json",
    ]


def test_the_key_names_the_modules_of_the_package_that_were_used_and_no_others(book):
    key = ExecutionKey.from_json(book.output(Path("scales.ipynb")).with_suffix(".key.json").read_text())
    assert set(key.modules) == {"companion", "companion.tracing", "companion.scales"}
    assert list(key.files) == [str(book.data / "set" / "numbers.txt")]
    assert {"torch", "numpy", "matplotlib"} <= set(key.libraries)


def test_nothing_runs_again_when_nothing_changed(book):
    assert {report.state for report in book.build().values()} == {"reused"}
    assert book.changes("scales") == book.changes("errors") == []


def test_other_parameters_run_again(book):
    assert book.changes("errors", {"per_class": 8}) == ["parameters"]


def test_an_edit_of_prose_runs_nothing_again(book):
    edit(book.notebooks["scales"], "# An idea", "# A better idea, in more words")
    assert book.changes("scales") == []


def test_an_edit_of_code_runs_that_notebook_again_and_no_other(book):
    edit(book.notebooks["scales"], "print(len", "print( len")
    assert book.changes("scales") == ["code cells"]
    assert book.changes("errors") == []
    edit(book.notebooks["scales"], "print( len", "print(len")
    assert book.changes("scales") == []


def test_an_edit_of_a_data_file_runs_again_what_read_it(book):
    file = book.data / "set" / "numbers.txt"
    file.write_text("4 5 6")
    assert book.changes("scales") == [f"file {file}"]
    assert book.changes("errors") == []
    file.write_text("1 2 3")
    assert book.changes("scales") == [], "the same bytes at another time"
    file.unlink()
    assert book.changes("scales") == [f"file {file}"]
    file.write_text("1 2 3")


def test_another_library_version_or_device_runs_again(book, monkeypatch):
    monkeypatch.setattr("companion.execution_key.device_class", lambda: "other")
    assert book.changes("scales") == ["device class"]
    monkeypatch.undo()
    key = ExecutionKey.from_json(book.output(Path("scales.ipynb")).with_suffix(".key.json").read_text())
    older = replace(key, libraries=key.libraries | {"torch": "1.0"})
    assert older.changes(nbformat.read(book.notebooks["scales"], as_version=4), {"per_class": 7}) == [
        "version of torch"
    ]


def test_a_new_module_in_the_package_runs_nothing_again(book):
    (book.package / "a_new_paper").mkdir()
    (book.package / "a_new_paper" / "__init__.py").touch()
    assert book.changes("scales") == book.changes("errors") == []


def test_an_edit_of_a_module_runs_again_only_what_used_it(book):
    edit(book.package / "scales.py", '"""The three scales', '"""The three (3) scales')
    assert book.changes("scales") == ["module companion.scales"]
    assert book.changes("errors") == []
    reports = book.build()
    assert {name: report.state for name, report in reports.items()} == {"scales": "executed", "errors": "reused"}
    assert reports["scales"].why == "changed: module companion.scales"


def test_a_damaged_key_is_no_key(book):
    assert ExecutionKey.from_json("{") is None
    assert ExecutionKey.from_json('{"code": "x"}') is None


def test_a_module_that_changed_while_the_notebook_ran_does_not_count_as_used_in_its_new_form(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("x = 1")
    used = {"modules": {"companion.module": str(module)}, "files": [], "folders": []}
    source = nbformat.v4.new_notebook()
    assert ExecutionKey.of(source, {}, used, time.time() + 10).changes(source, {}) == []
    assert ExecutionKey.of(source, {}, used, time.time() - 10).changes(source, {}) == ["module companion.module"]


def test_the_digest_of_the_code_ignores_prose_and_injected_parameters():
    new = nbformat.v4
    code = new.new_code_cell("x = 1")
    injected = new.new_code_cell("x = 2", metadata={"tags": ["injected-parameters"]})
    plain, more = new.new_notebook(cells=[code]), new.new_notebook(cells=[new.new_markdown_cell("a"), injected, code])
    assert code_digest(plain) == code_digest(more)
    assert code_digest(plain) != code_digest(new.new_notebook(cells=[new.new_code_cell("x = 3")]))


# Parameters and environment


def test_parameters_are_validated_before_a_kernel_starts(tmp_path):
    path = write(tmp_path / "few_data" / "a.ipynb", "1")
    assert validated(path, {"per_class": "5", "scale": "standard"}) == {"per_class": 5, "scale": "standard"}
    with pytest.raises(CompanionError, match=r"Unknown parameter of a\.ipynb 'per_clas'\. Did you mean 'per_class'\?"):
        validated(path, {"per_clas": 5})
    with pytest.raises(CompanionError, match="out of range"):
        execute(path, tmp_path / "out.ipynb", {"per_class": 0})


def test_a_notebook_without_metadata_belongs_to_the_experiment_of_its_folder(tmp_path):
    path = write(tmp_path / "few_data" / "a.ipynb")
    plain = nbformat.read(path, as_version=4)
    del plain.metadata["companion"]
    nbformat.write(plain, path)
    assert validated(path, {"seed": "3"}) == {"seed": 3}


def test_the_kernels_environment_binds_threads_and_makes_paths_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPANION_DATA", "data")
    monkeypatch.delenv("COMPANION_RECORDS", raising=False)
    environment = kernel_environment(2)
    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("2", "2")
    assert environment["COMPANION_DATA"] == str(tmp_path / "data")
    assert environment["COMPANION_RECORDS"] == str(tmp_path / "runs")


def test_a_trace_hears_what_is_read_below_a_data_root_but_not_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_DATA", str(tmp_path))
    (tmp_path / "read.txt").write_text("x")
    trace = Trace()
    (tmp_path / "read.txt").read_text()
    (tmp_path / "written.txt").write_text("x")
    (tmp_path / "written.txt").read_text()
    list(tmp_path.iterdir())
    report = trace.report()
    mine = [path for path in report["files"] if path.startswith(str(tmp_path))]
    assert mine == [str(tmp_path / "read.txt")]
    assert str(tmp_path) in report["folders"]
    assert ast.literal_eval(repr(report)) == report, "it crosses from the kernel as text"


# Failures


def test_a_failing_cell_is_named_with_its_error_and_the_partial_copy_is_kept(command, tmp_path):
    path = write(tmp_path / "few_data" / "bad.ipynb", "print('before')", "1 / 0", "print('after')")
    answer = command("notebook", str(path), "-p", "per_class", "5", "-p", "seed=2", "-o", str(tmp_path / "out.ipynb"))
    assert answer.code == 1
    assert "bad.ipynb failed in cell 5 [4]: ZeroDivisionError: division by zero" in answer.out
    assert "1 / 0" in answer.out
    assert not (tmp_path / "out.ipynb").exists()
    partial = tmp_path / "out.failed.ipynb"
    assert str(partial) in answer.out
    assert printed(partial) == "before\n"
    assert "Traceback" not in answer.err


def test_a_kernel_that_dies_is_a_failed_notebook_and_not_a_crash(own_folders):
    path = write(own_folders / "few_data" / "dead.ipynb", "import os", "os._exit(9)")
    report = execute(path, own_folders / "out.ipynb")
    assert report.state == "failed"
    assert report.why.startswith("cell 4 (os._exit(9)): DeadKernelError")
    assert report.output == own_folders / "out.failed.ipynb"
    assert report.output.exists()


def test_a_killed_build_is_resumed_without_repeating_what_was_finished(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mark, hold = tmp_path / "reached", tmp_path / "reached.hold"
    hold.touch()
    write(tmp_path / "notebooks" / "few_data" / "a_quick.ipynb", "print('quick')")
    write(tmp_path / "notebooks" / "few_data" / "b_long.ipynb", WAIT.format(mark))
    first = get_context("fork").Process(target=command, args=("build", "--jobs", "1"))
    first.start()
    _wait_until(lambda: mark.exists() or not first.is_alive(), seconds=240)
    assert mark.exists(), "the second notebook was never reached"
    workers = _descendants(first.pid)
    first.kill()
    first.join()
    _wait_until(lambda: not any(map(_alive, workers)), seconds=60)
    assert not any(map(_alive, workers)), "a killed build leaves no worker and no kernel"
    executed = tmp_path / "_build" / "executed" / "notebooks" / "few_data"
    finished = (executed / "a_quick.ipynb").stat().st_mtime_ns
    assert not (executed / "b_long.ipynb").exists()
    hold.unlink()
    second = command("build", "--jobs", "1")
    assert second.code == 0
    assert (executed / "a_quick.ipynb").stat().st_mtime_ns == finished
    assert (executed / "b_long.ipynb").exists()
    states = [line.split()[0] for line in second.out.splitlines() if line.strip().startswith(("reused", "executed "))]
    assert sorted(states) == ["executed", "reused"]


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.1)


def _descendants(pid: int) -> list[int]:
    """The processes below `pid`, as /proc tells (empty where there is no /proc)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(stat.parent.name)
            found += [child, *_descendants(child)]
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
