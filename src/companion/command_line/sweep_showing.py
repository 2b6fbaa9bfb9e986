"""``companion sweep show``: what a sweep has found, as a table and a figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from companion.command_line.sweep_progress import plain
from companion.errors import CompanionError
from companion.sweep import SweepFolder

if TYPE_CHECKING:  # it draws: the other commands need not wait for matplotlib
    from companion.sweep.summary import Summary

LINES = 40  # of a table in the terminal


def show(
    folder: Annotated[Path, typer.Argument(help="The sweep's folder.")],
    experiment: Annotated[str | None, typer.Option(help="This experiment only.")] = None,
    metric: Annotated[str | None, typer.Option(help="What was measured (default: test accuracy, if there is).")] = None,
    against: Annotated[str | None, typer.Option(help="The parameter of the abscissa (default: most values).")] = None,
    figure: Annotated[Path | None, typer.Option(help="Where to draw it (default: FOLDER/EXPERIMENT.png).")] = None,
) -> None:
    """Print and draw what a sweep has found so far, also while it runs.

    [dim]companion sweep show runs/decay[/]

    [dim]companion sweep show runs/decay --metric train_accuracy --against width --figure train.pdf[/]
    """
    from companion.sweep.summary import summarise

    if not folder.is_dir():
        raise CompanionError(f"There is no folder {str(folder)!r}.")
    place = SweepFolder(folder)
    asked = place.described()
    by_experiment: dict[str, list] = {name: [] for name in asked}
    for record in place.records:
        keys = asked.get(record.experiment, {}).get("keys")
        if keys is None or record.key in keys:
            by_experiment.setdefault(record.experiment, []).append(record)
    names = [name for name in by_experiment if experiment in (None, name)]
    if not names:
        raise CompanionError(f"{str(folder)!r} holds no records" + (f" of {experiment!r}." if experiment else "."))
    console = Console(highlight=False)
    for name in names:
        _completeness(console, name, asked.get(name), len(by_experiment[name]), place)
        if by_experiment[name]:
            summary = summarise(by_experiment[name])
            _print_means(console, summary, metric)
            _draw(console, summary, metric, against, figure or folder / f"{name}.png")


def _completeness(console: Console, name: str, asked: dict[str, Any] | None, done: int, place: SweepFolder) -> None:
    if asked is None:
        console.print(f"[bold]{name}[/]: {done} records")
        return
    failed = [key for key in place.failures(name) if key in asked["keys"]]
    total = len(asked["keys"])
    console.print(f"[bold]{name}[/] at {asked['scale']} scale: {done} of {total} points done, {len(failed)} failed")
    if done < total and asked.get("command"):
        console.print(f"To go on: {plain(asked['command'])}", soft_wrap=True)


def _print_means(console: Console, summary: "Summary", metric: str | None) -> None:
    means, chosen = summary.means(metric), summary.metric(metric)
    listing = Table(*summary.factors)
    for column in (chosen, "95 % interval", "n"):
        listing.add_column(column, justify="right", no_wrap=column != chosen)
    for row in means.head(LINES).to_dict("records"):
        interval = f"{row['low']:.4g} to {row['high']:.4g}" if row["count"] > 1 else ""
        listing.add_row(
            *(plain(short(row[name])) for name in summary.factors), f"{row['mean']:.4g}", interval, str(row["count"])
        )
    console.print(listing)
    if len(means) > LINES:
        console.print(f"... and {len(means) - LINES} lines more: companion.records.table has them all.")
    others = [name for name in summary.metrics if name != chosen]
    if others:
        console.print(f"Other metrics: {', '.join(others)}", soft_wrap=True)


def _draw(console: Console, summary: "Summary", metric: str | None, against: str | None, path: Path) -> None:
    try:
        drawn = summary.figure(metric, against)
    except CompanionError as error:
        if against is not None:
            raise
        console.print(f"No figure: {error}", soft_wrap=True)
        return
    try:
        drawn.savefig(path)
    except (OSError, ValueError) as error:
        raise CompanionError(f"The figure cannot be written to {str(path)!r} ({error}).") from error
    console.print(f"Figure: {path}", soft_wrap=True)


def short(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(short, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
