"""How the command line shows progress and verdicts."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from companion.claims import SIGNS, VerdictTable, published_text
from companion.progress import Progress

COLOURS = {"holds": "green", "fails": "red", "undecided": "yellow"}


class TerminalProgress(Progress):
    """A progress bar with the time left and the latest metrics, on standard error."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("[dim]{task.fields[note]}"),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=1.0, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        numbers = "  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in metrics.items())
        self._bar.update(self._task, completed=done, total=total, note=f"{label}  {numbers}".strip())


def verdict_table(verdicts: VerdictTable, title: str) -> Table:
    """Verdicts as a table for the terminal."""
    table = Table(title=title, title_justify="left", show_lines=False)
    for column, width in (("claim", None), ("statement", 44), ("published", 16), ("measured", None), ("n", None)):
        table.add_column(column, max_width=width, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("what differs, and why", max_width=44)
    for verdict in verdicts.verdicts:
        colour = COLOURS.get(verdict.state, "dim")
        table.add_row(
            verdict.claim.key,
            verdict.claim.statement,
            published_text(verdict.claim),
            verdict.measured.replace("[", r"\["),
            str(verdict.interval.count),
            f"[{colour}]{SIGNS[verdict.state]} {verdict.state}[/]",
            verdict.reason,
        )
    return table
