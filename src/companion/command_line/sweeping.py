"""``companion sweep``: a grid of points, resumable; ``companion sweep show``: what it found."""

import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import click
import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from companion.command_line.settings import read_settings
from companion.command_line.sweep_progress import SweepProgress, duration, plain
from companion.command_line.sweep_showing import short, show
from companion.sweep import Outcome, Sweep, read_grid
from companion.sweep.folder import other_code
from companion.sweep.point import origin_of


class SweepGroup(TyperGroup):
    """``companion sweep EXPERIMENT ...`` starts a sweep; only ``show`` is a command of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``sweep X`` as ``sweep start X`` unless X is a command."""
        if not args or args[0] not in self.commands:
            args = ["start", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The usage line says ``companion sweep``, as it is typed."""
        name, found, rest = super().resolve_command(ctx, args)
        return ("" if name == "start" else name), found, rest


app = typer.Typer(
    cls=SweepGroup, rich_markup_mode="rich", help="Run an experiment at every point of a grid; show what it found."
)
app.command("show")(show)


@app.command("start", hidden=True)
def start(
    experiment: Annotated[str, typer.Argument(help="As in [bold]companion list[/], or MODULE:ATTRIBUTE.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="NAME=VALUES: a list (1,2,5), whole numbers (0..9), a range (0..1:lin5, 1e-3..1e-1:log5).",
            metavar="NAME=VALUES",
        ),
    ] = None,
    scale: Annotated[str, typer.Option(help="quick, standard or paper.")] = "quick",
    jobs: Annotated[int | None, typer.Option(help="Points at a time (default: one a processor).")] = None,
    via: Annotated[str, typer.Option(help="direct, or papermill for an executed notebook a point.")] = "direct",
    notebook: Annotated[Path | None, typer.Option(help="What papermill executes (default: one made for it).")] = None,
    backend: Annotated[str, typer.Option(help="loky (processes of this machine), dask or ray.")] = "loky",
    scheduler: Annotated[str | None, typer.Option(help="Address of a running Dask scheduler or Ray cluster.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder (default: $COMPANION_RECORDS, else ./runs).")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(help="torch threads in each worker.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Set earlier records aside and measure all again.")] = False,
    apart: Annotated[bool, typer.Option("--apart", help="Never several points as one tensor program.")] = False,
) -> None:
    """Run an experiment at every point of a grid; the same command goes on where it was stopped.

    Exit status 0: all points are done; 1: some failed (the others are done); 130: interrupted.

    [dim]companion sweep few_data --set weight_decay=0,0.01,0.1 --set seed=0..4 --set seeds=1 --out runs/decay[/]

    [dim]companion sweep few_data --set learning_rate=1e-4..1e-1:log4 --backend dask --scheduler tcp://host:8786[/]

    [dim]companion sweep few_data --set seed=0,1 --via papermill --notebook notebooks/few_data/experiment.ipynb[/]

    [dim]companion sweep show runs/decay[/]
    """
    chosen = origin_of(experiment).experiment()
    grid = read_grid(read_settings(settings or []), chosen.parameters, scale)
    sweep = Sweep(
        experiment, grid, scale, out=out, device=device, via=via, notebook=notebook, threads=threads,
        together=not apart,
    )  # fmt: skip
    console = Console(highlight=False)
    there = _announce(console, sweep, fresh)
    again = shlex.join(["companion", *(word for word in sys.argv[1:] if word not in ("--fresh", "--debug"))])
    outcome = None
    with SweepProgress(len(sweep.points), there) as bar, suppress(KeyboardInterrupt):
        outcome = sweep.run(jobs=jobs, backend=backend, scheduler=scheduler, tell=bar.tell, command=again)
    if outcome is None:
        count = len(sweep.stored())
        console.print(
            f"Interrupted: {count} of {len(sweep.points)} points are stored in {sweep.folder.path}. "
            f"To go on with the others:\n\n    {plain(again)}\n",
            soft_wrap=True,
        )
        raise typer.Exit(130)
    _conclude(console, sweep, outcome)
    if outcome.failed:
        raise typer.Exit(1)


def _announce(console: Console, sweep: Sweep, fresh: bool) -> int:
    """Print the grid, how many points it has, and how many of them are there already; returns the latter."""
    listing = Table(
        "parameter", "values", "", title=f"{sweep.experiment.name} at {sweep.scale} scale", title_justify="left"
    )
    for axis in sweep.grid.axes:
        listing.add_row(axis.name, _values(axis.values), str(len(axis.values)))
    if sweep.grid.axes:
        console.print(listing)
    if fresh and (count := sweep.set_aside()):
        console.print(f"{count} earlier records set aside in {sweep.folder.path / 'superseded'}", soft_wrap=True)
    stored = sweep.stored()
    todo = [point for point in sweep.points if point.key not in stored]
    tasks = len(sweep.tasks(todo, 1))
    shared = f" in {tasks} tensor programs" if tasks < len(todo) else ""
    there = f": {len(stored)} are there, {len(todo)} to do" if stored else ""
    console.print(f"{len(sweep.points)} points{there}{shared}. Records: {sweep.folder.path}", soft_wrap=True)
    others = other_code(stored.values())
    if others:
        named = ", ".join(f"{count} by {code}" for code, count in others.items())
        note = f"[yellow]Note:[/] measured before the package changed: {named}. --fresh measures them again."
        console.print(note, soft_wrap=True)
    return len(stored)


def _conclude(console: Console, sweep: Sweep, outcome: Outcome) -> None:
    done = len(outcome.points) - outcome.reused - len(outcome.failed)
    console.print(
        f"{done} points done, {outcome.reused} reused, {len(outcome.failed)} failed in {duration(outcome.seconds)}.",
    )
    if outcome.failed:
        place = sweep.folder.path / "failed" / sweep.experiment.name
        console.print(f"Errors: {place}. The same command tries these points again.", soft_wrap=True)
    console.print(f"Table and figure: companion sweep show {sweep.folder.path}", soft_wrap=True)


def _values(values: tuple) -> str:
    shown = [short(value) for value in values]
    text = ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", *shown[-2:]])
    return plain(text)
