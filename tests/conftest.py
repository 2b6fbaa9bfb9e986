"""What several test files share: bound threads, folders of their own, real data or GPU only where there are any."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tiny networks crawl when threads fight

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("torch sees no CUDA GPU")


def pytest_terminal_summary(terminalreporter) -> None:
    """List what tests tell beside their verdict (``record_property("told", ...)``), such as every control moved."""
    reports = terminalreporter.stats.get("passed", [])
    told = sorted(text for report in reports for name, text in report.user_properties if name == "told")
    if told:
        terminalreporter.section("what the tests saw")
        terminalreporter.write_line("\n".join(told))


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data roots, and an empty cache and record folder below `tmp_path`."""
    monkeypatch.delenv("COMPANION_DATA", raising=False)
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COMPANION_RECORDS", str(tmp_path / "records"))
    return tmp_path


@pytest.fixture
def vehicles(tmp_path: Path) -> Path:
    """Two classes whose order depends on case: three red airplanes, two green Motorbikes."""
    from pictures import GREEN, RED, png

    for name, colour, count in (("airplanes", RED, 3), ("Motorbikes", GREEN, 2)):
        folder = tmp_path / "vehicles" / name
        folder.mkdir(parents=True)
        for k in range(count):
            (folder / f"image_{k:04}.png").write_bytes(png(colour))
    return tmp_path / "vehicles"


@pytest.fixture
def real_data() -> Callable[[str], None]:
    """Skips the test where a real data set is not on this machine."""

    def need(name: str) -> None:
        from companion.data import find

        if not os.environ.get("COMPANION_DATA"):
            pytest.skip("COMPANION_DATA is not set: no real data")
        if find(name) is None:
            pytest.skip(f"COMPANION_DATA does not hold {name}")

    return need


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(own_folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Answer]:
    """Runs ``companion ...`` in this process, records and cache below `tmp_path`."""

    def call(*arguments: str) -> Answer:
        from companion.command_line import main

        monkeypatch.setenv("COLUMNS", "300")  # no line breaks within the words that a test looks for
        monkeypatch.setattr("sys.argv", ["companion", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call
