"""What a sweep costs for each point beside the experiment itself, direct and via papermill.

    OMP_NUM_THREADS=1 python benchmarks/sweep_overhead.py      # the table, and benchmarks/results/sweep_overhead.json

The experiment measures nothing, so that the time of a point is the sweep's own: parameters read and checked, the
record made, written to the disk (fsync included) and renamed, the progress told. One process that does points in
turn, and the two of a pool once they are started; papermill with the notebook that is made for the point, and for
comparison one ``companion run`` a point, as a shell's loop does it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from companion.experiment import Experiment, Row
from companion.measure import measure
from companion.parameters import Parameters, parameter
from companion.progress import SILENT, Progress
from companion.provenance import provenance
from companion.records import Records
from companion.sweep import sweep

FOLDER = Path(__file__).parent / "results"
NAME = f"{Path(__file__).stem}:NOTHING"
RUN_ONE = """
import sys
from companion.measure import measure
from companion.records import Records
from sweep_overhead import NOTHING
Records(sys.argv[1]).write(measure(NOTHING, seed=int(sys.argv[2])))
"""


class NothingParameters(Parameters):
    """Parameters of an experiment that measures nothing."""

    seed: int = parameter(0, low=0, high=10**6, help="tells points apart")
    width: int = parameter(4, low=1, high=1000, help="is not used")


def run(parameters: NothingParameters, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """One row, at once."""
    return [{"arm": "nothing", "value": parameters.seed / 7}]


NOTHING = Experiment("nothing", "An experiment that measures nothing", "none", NothingParameters, run, claims=())


def in_one_process(folder: Path, count: int) -> None:
    """``companion sweep --jobs 1``."""
    sweep(NAME, {"seed": range(count)}, out=folder, jobs=1)


def in_two_processes(folder: Path, count: int) -> None:
    """``companion sweep --jobs 2``; the processes are those of an earlier sweep."""
    sweep(NAME, {"seed": range(count)}, out=folder, jobs=2)


def via_papermill(folder: Path, count: int) -> None:
    """``companion sweep --jobs 1 --via papermill``."""
    sweep(NAME, {"seed": range(count)}, out=folder, jobs=1, via="papermill")


def one_after_the_other(folder: Path, count: int) -> None:
    """:func:`companion.measure.measure` and a record in one process, as a loop in a notebook does it."""
    for seed in range(count):
        Records(folder).write(measure(NOTHING, seed=seed))


def one_process_a_point(folder: Path, count: int) -> None:
    """A new process for every point, as a loop in a shell does it."""
    for seed in range(count):
        command = [sys.executable, "-c", RUN_ONE, str(folder), str(seed)]
        subprocess.run(command, check=True, cwd=Path(__file__).parent)


WAYS: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "sweep, direct, 1 process": (in_one_process, 500),
    "sweep, direct, 2 processes": (in_two_processes, 500),
    "sweep, via papermill, 1 process": (via_papermill, 5),
    "loop over measure() in Python": (one_after_the_other, 100),
    "loop in a shell, a process a point": (one_process_a_point, 5),
}


def measure_way(way: str, place: Path) -> dict[str, object]:
    """Milliseconds a point, after a run over few points that pays for imports and processes."""
    work, count = WAYS[way]
    with tempfile.TemporaryDirectory(dir=place) as first, tempfile.TemporaryDirectory(dir=place) as second:
        work(Path(first), min(count, 10) if count > 5 else 1)
        started, processor = time.perf_counter(), time.process_time()
        work(Path(second), count)
        seconds, used = time.perf_counter() - started, time.process_time() - processor
        stored = len(list(Records(second)))
    assert stored == count, f"{way}: {stored} records of {count}"
    return {
        "way": way,
        "points": count,
        "milliseconds_a_point": 1e3 * seconds / count,
        "processor_milliseconds_a_point": 1e3 * used / count,
    }


def show(record: dict, console: Console) -> None:
    """The record as a table."""
    hardware = record["provenance"]["hardware"]
    table = Table(title=f"{hardware['processor']}, {hardware['threads']} thread(s), {record['provenance']['date']}")
    table.add_column("way")
    for column in ("points", "ms a point (wall)", "ms a point (processor, this process)"):
        table.add_column(column, justify="right")
    for cell in record["cells"]:
        numbers = (cell["milliseconds_a_point"], cell["processor_milliseconds_a_point"])
        table.add_row(cell["way"], str(cell["points"]), *(f"{number:.1f}" for number in numbers))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the record")
    parser.add_argument("--show", type=Path, help="print the table of a record and measure nothing")
    arguments = parser.parse_args()
    console = Console(width=120)
    if arguments.show:
        show(json.loads(arguments.show.read_text()), console)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    cells = [measure_way(way, arguments.out) for way in WAYS]
    record = {
        "benchmark": "sweep_overhead",
        "cells": cells,
        "load_average_at_start": load,
        "provenance": provenance("cpu"),
    }
    path = arguments.out / "sweep_overhead.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    show(record, console)
    console.print(f"Written to {path}")


if __name__ == "__main__":
    main()
