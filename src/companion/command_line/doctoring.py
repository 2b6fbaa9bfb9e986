"""``companion doctor``: what this machine has, and what will be used."""

import os
import platform
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

import companion
from companion.data import DATA_SETS, find
from companion.data.roots import VARIABLE, cache_folder, data_roots
from companion.devices import choose_device
from companion.provenance import COMPUTING, SHOWING, code_state, hardware, library_versions
from companion.records import Records

EXTRAS = ("ipywidgets", "anywidget", "jupyterlab", "papermill", "jupyter-book", "playwright", "distributed")


def doctor() -> None:
    """Tell the versions, the device and the reason for it, the threads, the data found, and what can be written.

    [dim]companion doctor[/]
    """
    listing = Table(show_header=False, box=None, pad_edge=False)
    device = choose_device()
    machine = hardware(device.name)
    listing.add_row("companion", f"{companion.__version__} ({code_state()})")
    listing.add_row("Python", platform.python_version())
    for name, version in library_versions((*COMPUTING, *SHOWING, *EXTRAS)).items():
        listing.add_row(name, version if version != "absent" else "[yellow]absent[/]")
    listing.add_row("device", f"{device.name}: {device.reason}")
    listing.add_row(
        "processor", f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} torch threads"
    )
    listing.add_row("mixed precision", "bfloat16" if device.name == "cuda" else "not used on the CPU")
    listing.add_row("CUDA in torch", torch.version.cuda or "none")
    roots = [str(root) + ("" if root.is_dir() else " [red](no such folder)[/]") for root in data_roots()]
    listing.add_row(VARIABLE, ", ".join(roots) or "[dim]not set[/]")
    listing.add_row("data found", ", ".join(["digits", *(n for n, d in DATA_SETS.items() if d.forms and find(n))]))
    for what, folder in (("records", Records().folder), ("cache", cache_folder())):
        listing.add_row(what, f"{folder} ({_writable(folder)})")
    Console(highlight=False).print(listing)


def _writable(folder: Path) -> str:
    """Whether a file can be made there, tried in the nearest folder that exists."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize / 1e9
            return f"writable, {free:.0f} GB free"
    except OSError as error:
        return f"[red]not writable: {error}[/]"
