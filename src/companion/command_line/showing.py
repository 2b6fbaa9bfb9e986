"""How the command line shows progress and verdicts."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

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


def verdict_table(verdicts: VerdictTable, title: str) -> Group:
    """Verdicts for the terminal: a line of numbers a claim, its statement and the reason below."""
    parts: list[RenderableType] = [Text(f"\n{title}", style="bold")]
    for verdict in verdicts.verdicts:
        numbers = Text.assemble(
            (f"{verdict.claim.key:<4} ", "bold"),
            (f"{SIGNS[verdict.state]} {verdict.state:<13}", COLOURS.get(verdict.state, "dim")),
            f"{verdict.measured}" + (f"  n = {verdict.interval.count}" if verdict.interval.count else ""),
            (f"   published: {published_text(verdict.claim)}" if verdict.claim.published else "", "cyan"),
        )
        parts += [numbers, Padding(Text(verdict.claim.statement, style="dim"), (0, 0, 0, 5))]
        if verdict.reason and verdict.state != "holds":
            parts.append(Padding(Text(verdict.reason, style="italic"), (0, 0, 0, 5)))
    return Group(*parts)
