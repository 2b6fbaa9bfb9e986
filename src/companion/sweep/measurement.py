"""What a worker does: measure the points of one task and return records as text. It writes nothing itself."""

import os
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from companion.devices import choose_device
from companion.errors import CompanionError
from companion.experiment import Experiment, Row
from companion.progress import SILENT
from companion.provenance import provenance
from companion.records import Record
from companion.sweep.folder import Failure
from companion.sweep.point import Origin, Point

Via = Literal["direct", "papermill"]
# A Dask worker may run several tasks in threads of one process. torch's random generator and its number of threads
# belong to the process, so that two points at once would spoil each other: they take turns.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Task:
    """Points that a worker measures in one go: a single one, or several that share one tensor program.

    Attributes:
        number: tells tasks apart.
        origin: where the experiment is found.
        points: to be measured.
        device: as asked for; the worker chooses.
        threads: of torch.
        via: ``direct``, or ``papermill``.
        notebook: an existing notebook to execute; empty for one that is made for the point.
        parent: process to end with; 0 when the worker looks after itself.
    """

    number: int
    origin: Origin
    points: tuple[Point, ...]
    device: str = "auto"
    threads: int = 1
    via: Via = "direct"
    notebook: str = ""
    parent: int = 0


@dataclass(frozen=True)
class Measured:
    """What became of one point: the text of its record, or why it failed; the executed notebook where there is one."""

    point: Point
    seconds: float
    record: str = ""
    failure: Failure | None = None
    notebook: str = ""


def measure_task(task: Task) -> tuple[int, list[Measured]]:
    """Measure a task's points. Errors of the experiment are returned, not raised.

    Returns:
        The task's number and, for every point in order, what became of it.
    """
    if task.parent not in (0, os.getpid()):
        _end_with(task.parent)
    with _TURN, _torch_threads(task.threads):
        if task.via == "papermill":
            from companion.sweep.point_notebook import measure_by_notebook

            return task.number, [guarded(point, lambda p: measure_by_notebook(task, p)) for point in task.points]
        if len(task.points) > 1:
            return task.number, _measure_together(task)
        return task.number, [guarded(point, lambda p: _measure_one(task, p)) for point in task.points]


def guarded(point: Point, measure: Any) -> Measured:
    """The outcome of ``measure(point)``; an exception becomes a :class:`Failure`."""
    started = time.monotonic()
    try:
        return measure(point)
    except (Exception, SystemExit) as error:
        failure = Failure(type(error).__name__, str(error), traceback.format_exc(), _here("cpu"))
        return Measured(point, time.monotonic() - started, failure=failure)


def _measure_one(task: Task, point: Point, **note: Any) -> Measured:
    experiment = task.origin.experiment()
    device = choose_device(task.device).name
    started = time.monotonic()
    rows = experiment.run(_parameters(experiment, point), SILENT, device)
    return _measured(point, rows, time.monotonic() - started, device, **note)


def _measure_together(task: Task) -> list[Measured]:
    """All points as one tensor program; if that fails, each alone, so that only the culprit fails."""
    started = time.monotonic()
    try:
        experiment = task.origin.experiment()
        device = choose_device(task.device).name
        settings = [_parameters(experiment, point) for point in task.points]
        found = experiment.together.run(settings, SILENT, device)
        seconds = (time.monotonic() - started) / len(task.points)
        return [
            guarded(point, lambda p, rows=rows: _measured(p, rows, seconds, device, together=len(task.points)))
            for point, rows in zip(task.points, found, strict=True)
        ]
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        return [guarded(point, lambda p: _measure_one(task, p, together_failed=why)) for point in task.points]


def _parameters(experiment: Experiment, point: Point) -> Any:
    """The point's parameters, read again by the worker's own version of the experiment."""
    parameters = experiment.parameters.at(point.scale, **point.settings)
    if parameters.values() != point.parameters or experiment.name != point.experiment:
        raise CompanionError(
            "The worker's version of the experiment declares other parameters or defaults than the one that started "
            "the sweep. Install the same version of the package on all machines."
        )
    return parameters


def _measured(point: Point, rows: list[Row], seconds: float, device: str, **note: Any) -> Measured:
    where = _here(device) | {"date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} | note
    record = Record(point.experiment, point.scale, point.parameters, rows, where, seconds)
    return Measured(point, seconds, record.to_json())


def _here(device: str) -> dict[str, Any]:
    return _provenance(device, torch.get_num_threads())


@cache
def _provenance(device: str, threads: int) -> dict[str, Any]:
    """Asked once a process: it takes longer than a small point, and the code that runs is the code once imported."""
    return provenance(device)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


@cache
def _end_with(parent: int) -> None:
    """End this worker within a second when the process that started it is gone, however it went."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name=f"ends with {parent}").start()


def absolute(notebook: Path | str | None) -> str:
    """The absolute path of a notebook, as workers have working directories of their own."""
    if not notebook:
        return ""
    path = Path(notebook).resolve()
    if not path.is_file():
        raise CompanionError(f"There is no notebook {str(notebook)!r}.")
    return str(path)
