"""``companion notebook`` and ``companion build``: papermill with validation."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companion.command_line.settings import read_settings
from companion.errors import CompanionError
from companion.records import RECORDS_VARIABLE

if TYPE_CHECKING:  # the executor needs the extra `notebooks`; the other commands do not
    from companion.execution import Report

SIGNS = {"executed": "[green]executed[/]", "reused": "[dim]reused[/]", "failed": "[bold red]FAILED[/]"}


def notebook(
    path: Annotated[Path, typer.Argument(help="The notebook.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", "-p", help="NAME VALUE (or NAME=VALUE), as often as you like.", metavar="NAME VALUE"
        ),
    ] = None,
    values: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The executed copy.")] = Path("out.ipynb"),
    threads: Annotated[int, typer.Option(help="torch threads in the kernel.")] = 1,
) -> None:
    """Execute one notebook with parameters, as papermill does, but check every name and value first.

    [dim]companion notebook notebooks/few_data/experiment.ipynb -p per_class 5 -o out.ipynb[/]

    [dim]companion notebook notebooks/few_data/experiment.ipynb -p scale standard -p seeds 5 -o out.ipynb[/]
    """
    from companion.execution import execute

    names = parameter or []
    pairs = [name for name in names if "=" in name]
    bare = [name for name in names if "=" not in name]
    if len(bare) != len(values or []):
        raise CompanionError(f"-p takes NAME VALUE: got the names {bare} and the values {values or []}.")
    parameters = read_settings([*pairs, *(f"{name}={value}" for name, value in zip(bare, values or [], strict=True))])
    report = execute(path, out, parameters, threads=threads, reuse=False)
    _finish([report])


def build(
    folder: Annotated[Path, typer.Option("--notebooks", help="Where the notebooks are.")] = Path("notebooks"),
    out: Annotated[Path, typer.Option(help="Where the executed copies go.")] = Path("_build/executed"),
    scale: Annotated[str, typer.Option(help="quick, standard or paper.")] = "quick",
    jobs: Annotated[int | None, typer.Option(help="Notebooks side by side (default: one a core).")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A chapter, or CHAPTER/NOTEBOOK; repeatable.")] = None,
    threads: Annotated[int, typer.Option(help="torch threads in each kernel.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Execute even what could be reused.")] = False,
) -> None:
    """Execute all notebooks, side by side; those whose outputs cannot have changed are reused.

    [dim]companion build[/]

    [dim]companion build --only few_data --scale standard --jobs 1 --threads 2[/]
    """
    from companion.execution import execute_all

    chosen = _select(folder, only or [])
    os.environ.setdefault(RECORDS_VARIABLE, str((out.parent / "records").resolve()))
    parameters = {} if scale == "quick" else {"scale": scale}
    console = Console(highlight=False)
    console.print(f"{len(chosen)} notebooks at {scale} scale")
    reports = execute_all(
        chosen,
        lambda path: out / path,
        parameters,
        jobs=jobs,
        threads=threads,
        reuse=not force,
        tell=lambda report: console.print(_line(report), soft_wrap=True),
    )
    _finish(reports)


def _select(folder: Path, only: list[str]) -> list[Path]:
    if not folder.is_dir():
        raise CompanionError(f"There is no folder {str(folder)!r}: run this in the repository, or give --notebooks.")
    found = sorted(path for path in folder.glob("*/*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if not only:
        return found
    chosen = [p for p in found if any(name in (p.parent.name, f"{p.parent.name}/{p.stem}") for name in only)]
    if not chosen:
        known = sorted({path.parent.name for path in found})
        raise CompanionError(f"--only {', '.join(only)} matches no notebook. Chapters: {', '.join(known)}.")
    return chosen


def _line(report: "Report") -> str:
    took = f"{report.seconds:6.1f} s {report.peak_memory_mib:6.0f} MiB" if report.seconds else " " * 19
    why = report.why.splitlines()[0].replace("[", r"\[") if report.why else ""
    return f"  {SIGNS[report.state]:<30} {took}  {report.notebook}  [dim]{why}[/]"


def _finish(reports: "list[Report]") -> None:
    """Sum up; a failed notebook is named with its cell and error, and the exit status tells."""
    console = Console(highlight=False)
    failed = [report for report in reports if report.state == "failed"]
    summary = Table.grid(padding=(0, 2))
    for state in ("executed", "reused", "failed"):
        summary.add_row(str(sum(report.state == state for report in reports)), state)
    console.print(summary)
    for report in reports:
        if report.state == "executed":
            console.print(f"Executed copy: {report.output}", soft_wrap=True)
    for report in failed:
        why = escape(report.why).replace("\n", "\n    ")
        console.print(f"[bold red]{report.notebook} failed[/] in {why}", soft_wrap=True)
        console.print(f"Its partial copy: {report.output}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)
