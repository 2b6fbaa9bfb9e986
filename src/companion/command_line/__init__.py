"""The command ``companion``: run experiments, sweep them, execute notebooks, read claims, look after data."""

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from companion import __version__
from companion.command_line import building, claiming, data, doctoring, running, sweeping
from companion.errors import CompanionError
from companion.progress import Cancelled

app = typer.Typer(
    name="companion",
    help="The Lübeck Companion: run the experiments of the book and look after its records.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(running.list_experiments)
app.command("run")(running.run)
app.add_typer(sweeping.app, name="sweep")
app.command("notebook")(building.notebook)
app.command("build")(building.build)
app.command("claims")(claiming.claims)
app.add_typer(data.app, name="data")
app.command("doctor")(doctoring.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        Console(highlight=False).print(__version__)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    version: Annotated[  # eager, as no command follows it
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command."""
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(message)s")


def main() -> None:
    """Run the command line; an error is one clear paragraph, with ``--debug`` a traceback."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
        sys.argv.insert(1, "--debug")
    try:
        app()
    except CompanionError as error:
        if debug:
            raise
        Console(stderr=True, highlight=False).print(f"[bold red]Error:[/] {_plain(error)}", soft_wrap=True)
        sys.exit(2)
    except (Cancelled, KeyboardInterrupt):
        Console(stderr=True).print("Cancelled. What was finished before is kept.")
        sys.exit(130)


def _plain(error: Exception) -> str:
    return str(error).replace("[", r"\[")
