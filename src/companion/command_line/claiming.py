"""``companion claims``: what all records say of all claims."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from companion.claims import judge_all
from companion.command_line.showing import verdict_table
from companion.errors import CompanionError, unknown
from companion.experiment import experiment_names, load_experiment
from companion.records import Records, published_records, table
from companion.scales import SCALES


def claims(
    experiment: Annotated[str | None, typer.Argument(help="This experiment only.")] = None,
    scale: Annotated[str | None, typer.Option(help="This scale only.")] = None,
    records: Annotated[
        list[Path] | None, typer.Option(help="Folders of records (default: those of the book); later ones win.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a claim fails and no reason is committed for it.")
    ] = False,
) -> None:
    """List every claim with its verdicts from the records.

    [dim]companion claims few_data[/]

    [dim]companion claims --scale quick --check[/]
    """
    if scale is not None and scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    folders = records or [published_records().folder]
    latest = {(r.experiment, r.scale, r.key): r for folder in folders for r in Records(folder)}
    rows = table(latest.values())
    console = Console()
    unexplained = []
    for name in [experiment] if experiment else experiment_names():
        chosen = load_experiment(name)
        mine = rows[rows["experiment"] == name] if len(rows) else rows
        for each in [scale] if scale else SCALES:
            verdicts = judge_all(chosen.claims, mine, each)
            if scale or any(v.state not in ("not measured", "not checked") for v in verdicts.verdicts):
                console.print(verdict_table(verdicts, f"{chosen.title} ({each} scale)"))
            unexplained += [
                f"{name} {v.claim.key} at {each} scale"
                for v in verdicts.verdicts
                if v.state == "fails" and each not in v.claim.remarks
            ]
    if check and unexplained:
        raise CompanionError(
            f"These claims fail without a committed reason: {'; '.join(unexplained)}. "
            "Find the reason and put it into the claim's remarks."
        )
