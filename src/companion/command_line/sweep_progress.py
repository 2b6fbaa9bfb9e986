"""The progress bar of a sweep, and how it words durations."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from companion.sweep import Finished


class SweepProgress:
    """The bar of a sweep: points done, failed and reused, points a second, the time left."""

    def __init__(self, total: int, reused: int) -> None:
        self.total, self.reused = total, reused
        self.done = self.failed = 0
        self._working_since: float | None = None
        self._estimated = False
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            TextColumn("{task.fields[counts]}"), TextColumn("[dim]{task.fields[pace]}"),
            console=Console(stderr=True, highlight=False), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("points", total=total, completed=reused, counts=self._counts(), pace="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, finished: Sequence[Finished]) -> None:
        """Hear of the points of a task, which have been stored."""
        now = time.monotonic()
        if self._working_since is None:  # the start of the workers does not count
            self._working_since = now - sum(one.seconds for one in finished)
        for one in finished:
            self.done += one.failure is None
            self.failed += one.failure is not None
            if one.failure is not None:
                text = f"[red]failed[/] {plain(one.point.label)}: {plain(str(one.failure).splitlines()[0])}"
                self._bar.console.print(text, soft_wrap=True)
        measured = self.done + self.failed
        rate = measured / max(now - self._working_since, 1e-3)
        left = self.total - self.reused - measured
        if measured >= 3 and left and not self._estimated:
            self._estimated = True
            self._bar.console.print(f"The other {left} points will take about {duration(left / rate)}.")
        pace = f"{_pace(rate)}, {duration(left / rate)} left" if left else ""
        self._bar.update(self._task, completed=self.reused + measured, counts=self._counts(), pace=pace)

    def _counts(self) -> str:
        reused = f", {self.reused} reused" if self.reused else ""
        return f"{self.done} done{reused}, " + (f"[red]{self.failed} failed[/]" if self.failed else "0 failed")


def _pace(rate: float) -> str:
    return f"{rate:.1f} points/s" if rate >= 1 else f"{1 / rate:.1f} s/point"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plain(text: str) -> str:
    """The text as it is, with no markup read into it."""
    return text.replace("[", r"\[")
