"""``companion list`` and ``companion run``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from companion.claims import judge_all
from companion.command_line.settings import read_settings
from companion.command_line.showing import TerminalProgress, verdict_table
from companion.experiment import experiment_names, load_experiment
from companion.measure import measure
from companion.records import Records, table
from companion.scales import SCALES


def list_experiments(
    name: Annotated[str | None, typer.Argument(help="Show this experiment's parameters.")] = None,
) -> None:
    """List the experiments, or one experiment's parameters with their ranges and defaults.

    [dim]companion list[/]

    [dim]companion list few_data[/]
    """
    console = Console()
    if name is None:
        listing = Table("experiment", "paper", "claims", "what to expect")
        for each in experiment_names():
            experiment = load_experiment(each)
            listing.add_row(each, experiment.title, str(len(experiment.claims)), experiment.expect)
        console.print(listing)
        return
    experiment = load_experiment(name)
    listing = Table("parameter", "allowed", *SCALES, "what it does", title=f"{name}: {experiment.title}")
    for info in experiment.parameters.describe():
        defaults = (_short(info.defaults[scale]) for scale in SCALES)
        listing.add_row(info.name, info.allowed, *defaults, info.help)
    console.print(listing)


def run(
    experiment: Annotated[str, typer.Argument(help="The experiment's name, as in [bold]companion list[/].")],
    scale: Annotated[str, typer.Option(help="quick, standard or paper.")] = "quick",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, as often as you like.", metavar="NAME=VALUE")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the record (default: $COMPANION_RECORDS, else ./runs).")
    ] = None,
) -> None:
    """Run an experiment, store what it measured, and print the verdicts on its claims.

    [dim]companion run few_data --scale quick --set per_class=5[/]

    [dim]COMPANION_DATA=~/data companion run few_data --scale standard --set data=caltech101[/]
    """
    chosen = load_experiment(experiment)
    overrides = read_settings(settings or [])
    chosen.parameters.at(scale, **overrides)  # names that `measure` itself takes are no parameters either
    with TerminalProgress(experiment) as progress:
        record = measure(chosen, scale, device=device, progress=progress, **overrides)
    path = Records(out).write(record)
    console = Console()
    verdicts = judge_all(chosen.claims, table([record]), record.scale)
    console.print(verdict_table(verdicts, f"{chosen.title} ({scale} scale)"))
    hardware = record.provenance["hardware"]
    console.print(
        f"{len(record.rows)} rows in {record.seconds:.1f} s on {hardware['device']} ({hardware['processor']}, "
        f"{hardware['threads']} threads).",
        highlight=False,
    )
    console.print(f"Record: {path}", soft_wrap=True, highlight=False)


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
