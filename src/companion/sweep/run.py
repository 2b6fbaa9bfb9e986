"""The sweep: a grid of points, those that are done already, and the run over the others."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import cpu_count

from companion.errors import CompanionError, unknown
from companion.experiment import Experiment
from companion.provenance import code_state
from companion.records import Record, table
from companion.scales import Scale
from companion.sweep.batches import batches
from companion.sweep.folder import Failure, SweepFolder
from companion.sweep.grid import Grid, make_grid
from companion.sweep.measurement import Measured, Task, Via, absolute
from companion.sweep.point import Point, origin_of
from companion.sweep.workers import open_workers, with_parent

VIA: tuple[Via, ...] = ("direct", "papermill")


@dataclass(frozen=True)
class Finished:
    """One point that has just been stored.

    Attributes:
        point: which.
        seconds: that its measurement took.
        failure: why it failed, if it did.
    """

    point: Point
    seconds: float
    failure: Failure | None = None


@dataclass
class Outcome:
    """What became of a sweep.

    Attributes:
        points: all points of the grid.
        folder: where their records are.
        reused: points whose records were there before.
        failed: why points failed, by key.
        seconds: of the clock.
    """

    points: list[Point]
    folder: SweepFolder
    reused: int
    failed: dict[str, Failure] = field(default_factory=dict)
    seconds: float = 0.0

    def records(self) -> Iterator[Record]:
        """The records of all points that are done, in the order of the grid."""
        return (record for point in self.points if (record := self.folder.stored(point)) is not None)

    def table(self) -> pd.DataFrame:
        """All rows of all points with their parameters, as :func:`companion.records.table`."""
        return table(self.records())


class Sweep:
    """A grid of points of one experiment in a folder.

    ::

        sweep = Sweep("few_data", {"weight_decay": [0, 0.1], "seed": range(5), "seeds": 1}, out="runs/decay")
        rows = sweep.run(jobs=2).table()

    Run in a script, it stands below ``if __name__ == "__main__":``, as all that starts processes.

    Args:
        experiment: an experiment, its name, or ``MODULE:ATTRIBUTE``.
        grid: a :class:`Grid`, or for every parameter the values it takes (see :func:`make_grid`).
        scale: whose defaults the other parameters have.
        out: folder of the records; default the environment variable ``COMPANION_RECORDS``, else ``runs``.
        device: ``auto``, ``cpu`` or ``cuda``, chosen where the point is measured.
        via: ``direct``, or ``papermill`` for an executed notebook beside every record.
        notebook: the notebook that papermill executes; default a small one made for the point.
        threads: of torch, in every worker.
        together: whether points that the experiment can measure as one tensor program are.

    Raises:
        CompanionError: an unknown experiment, parameter or scale, or values that are not allowed.
    """

    def __init__(
        self,
        experiment: Experiment | str,
        grid: Grid | Mapping[str, Any],
        scale: Scale = "quick",
        *,
        out: Path | str | None = None,
        device: str = "auto",
        via: Via = "direct",
        notebook: Path | str | None = None,
        threads: int = 1,
        together: bool = True,
    ) -> None:
        if via not in VIA:
            raise unknown("way", via, VIA)
        if notebook and via != "papermill":
            raise CompanionError("A notebook is executed with --via papermill only.")
        self.origin = origin_of(experiment)
        self.experiment = experiment if isinstance(experiment, Experiment) else self.origin.experiment()
        if via == "papermill" and not self.origin.reference:
            raise CompanionError("papermill needs an experiment that a notebook can import: define it in a module.")
        self.grid = grid if isinstance(grid, Grid) else make_grid(grid, self.experiment.parameters, scale)
        self.scale, self.device, self.via, self.threads = scale, device, via, threads
        self.notebook = absolute(notebook)
        self.together = together and via == "direct"
        self.folder = SweepFolder(out)

    @cached_property
    def points(self) -> list[Point]:
        """The points of the grid, each once."""
        found: dict[str, Point] = {}
        names = [axis.name for axis in self.grid.axes]
        for settings in self.grid:
            parameters = self.experiment.parameters.at(self.scale, **settings).values()
            point = Point(self.experiment.name, self.scale, {name: parameters[name] for name in names}, parameters)
            found.setdefault(point.key, point)
        return list(found.values())

    def stored(self) -> dict[str, Record]:
        """The records that are there already, by key."""
        return {point.key: record for point in self.points if (record := self.folder.stored(point)) is not None}

    def run(
        self,
        *,
        jobs: int | None = None,
        backend: str = "loky",
        scheduler: str | None = None,
        tell: Callable[[list[Finished]], None] = lambda finished: None,
        command: str = "",
    ) -> Outcome:
        """Measure every point that has no record yet, and store each as soon as it is done.

        Args:
            jobs: points at a time; default one a processor, or whatever the cluster has.
            backend: ``loky`` (processes of this machine), ``dask`` or ``ray``.
            scheduler: address of a running cluster.
            tell: hears of the points of every task when they have been stored.
            command: how to start this sweep again; it is stored for ``companion sweep show``.

        Raises:
            CompanionError: the folder cannot be written or is full; a cluster that does not answer. All points
                stored before stay.
        """
        started = time.monotonic()
        done = self.stored()
        outcome = Outcome(self.points, self.folder, reused=len(done))
        todo = [point for point in self.points if point.key not in done]
        self._describe(command)
        if todo:
            with open_workers(backend, jobs, scheduler) as workers:
                tasks = [with_parent(task, backend) for task in self.tasks(todo, jobs or cpu_count())]
                with closing(workers.measure(tasks)) as answers:
                    for answer in answers:
                        tell([self._store(measured, outcome) for measured in answer])
        outcome.seconds = time.monotonic() - started
        return outcome

    def tasks(self, points: list[Point], jobs: int) -> list[Task]:
        """The work on these points, those that can share one tensor program in one task."""
        together = self.experiment.together if self.together else None
        return [
            Task(number, self.origin, batch, self.device, self.threads, self.via, self.notebook)
            for number, batch in enumerate(batches(points, together, jobs))
        ]

    def set_aside(self) -> int:
        """Move the records of this sweep's points to ``superseded``, so that all are measured again.

        Returns:
            How many there were.
        """
        try:
            return self.folder.set_aside(self.points)
        except OSError as error:
            raise CompanionError(f"The earlier records cannot be moved ({error}). They are where they were.") from error

    def _store(self, measured: Measured, outcome: Outcome) -> Finished:
        point = measured.point
        try:
            if measured.failure is None:
                self.folder.store(point, Record.from_json(measured.record), measured.notebook)
            else:
                outcome.failed[point.key] = measured.failure
                self.folder.store_failure(point, measured.failure, measured.notebook)
        except (CompanionError, OSError) as error:
            count = len(self.stored())
            raise CompanionError(
                f"{error} The sweep stops; the records of {count} of {len(self.points)} points are stored and whole. "
                "Make room, and give the same command again: it goes on with the others."
            ) from error
        return Finished(point, measured.seconds, measured.failure)

    def _describe(self, command: str) -> None:
        content = {
            "experiment": self.experiment.name,
            "reference": self.origin.reference,
            "scale": self.scale,
            "axes": {axis.name: list(axis.values) for axis in self.grid.axes},
            "command": command,
            "code": code_state(),
            "keys": [point.key for point in self.points],
        }
        self.folder.describe(self.experiment.name, content)


def sweep(experiment: Experiment | str, grid: Grid | Mapping[str, Any], scale: Scale = "quick", **more: Any) -> Outcome:
    """Measure a grid: :class:`Sweep` and its :meth:`~Sweep.run` in one call, with the arguments of both.

    ::

        rows = sweep("few_data", {"seed": range(5), "seeds": 1}, out="runs/seeds", jobs=2).table()
    """
    running = {name: more.pop(name) for name in ("jobs", "backend", "scheduler", "tell", "command") if name in more}
    return Sweep(experiment, grid, scale, **more).run(**running)
