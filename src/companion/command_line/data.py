"""``companion data``: which data sets are here, fetch one, verify one."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from companion.data import DATA_SETS, check, find, load
from companion.data.roots import VARIABLE, search_path
from companion.errors import CompanionError, unknown

app = typer.Typer(help="Data sets: list, get, check.", no_args_is_help=True)


@app.command("list")
def list_sets() -> None:
    """List the data sets known by name and where each was found.

    [dim]companion data list[/]
    """
    listing = Table("name", "found", "fidelity", "about")
    for name, data_set in DATA_SETS.items():
        found = find(name) if data_set.forms else None
        where = str(found.root) if found else ("scikit-learn" if name == "digits" else "[dim]no[/]")
        fidelity = found.form.fidelity if found else ("exact" if name == "digits" else "")
        listing.add_row(name, where, fidelity, data_set.about)
    listing.add_row("folder:PATH", "", "as given", "any folder or zip of class folders")
    console = Console()
    console.print(listing)
    console.print(f"Looked in: {', '.join(map(str, search_path()))} (set {VARIABLE} to add folders)", soft_wrap=True)


@app.command()
def get(name: Annotated[str, typer.Argument(help="A data set's name.")]) -> None:
    """Fetch a data set from its official source into the cache, verified.

    [dim]companion data get fashion_mnist[/]
    """
    if name not in DATA_SETS:
        raise unknown("data set", name, DATA_SETS)
    console = Console()
    found = find(name) if DATA_SETS[name].forms else None
    if found:
        console.print(f"{name} is already in {found.root}", soft_wrap=True)
        return
    if DATA_SETS[name].download is None and name != "digits":
        raise CompanionError(f"{name!r} has no official download.")
    loaded = load(name, download=True)
    console.print(f"{name}: {len(loaded)} images, {len(loaded.classes)} classes")


@app.command("check")
def check_sets(name: Annotated[str | None, typer.Argument(help="Default: all that are found.")] = None) -> None:
    """Verify the checksums of the data sets that are here.

    [dim]companion data check mnist[/]
    """
    console = Console()
    for each in [name] if name else [n for n, d in DATA_SETS.items() if d.forms and find(n)]:
        verified = check(each)
        console.print(f"{each}: {len(verified)} files verified" if verified else f"{each}: found; no checksums known")
