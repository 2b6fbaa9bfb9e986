"""What the benchmarks share: cases measured in turns, memory that autograd keeps, and one record with its table."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from companion.provenance import provenance
from companion.records import write_atomically

FOLDER = Path(__file__).parents[1] / "results"
Case = Callable[[], object]


def in_turns(cases: Mapping[str, Case], rounds: int = 15, device: str = "cpu") -> dict[str, list[float]]:
    """Seconds of every case in every round: one call of each, then the next round, after one round that is not counted.

    On a CPU these are processor seconds, which suffer little from other programs; on a GPU seconds of the clock.
    """
    clock = time.process_time if device == "cpu" else time.perf_counter
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            started = clock()
            case()
            if device != "cpu":
                torch.cuda.synchronize()
            if number:
                taken[name].append(clock() - started)
    return taken


def ratio(taken: Mapping[str, list[float]], case: str, reference: str) -> float:
    """The median over rounds of case / reference: both were measured in the same round, under the same load."""
    return statistics.median(a / b for a, b in zip(taken[case], taken[reference], strict=True))


def kept_bytes(forward: Callable[[], Tensor], own: set[int] = frozenset()) -> int:
    """Bytes that the forward pass keeps for the backward pass, each storage once.

    Args:
        forward: the forward pass.
        own: addresses of storages that are there anyway (parameters, buffers), which do not count.
    """
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)  # an address must not be given out again while we count
        return tensor

    alive: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive.append(forward())
    return sum(kept.values())


def addresses(module: torch.nn.Module) -> set[int]:
    """The storages of a module's parameters and buffers."""
    return {tensor.untyped_storage().data_ptr() for tensor in [*module.parameters(), *module.buffers()]}


def write(benchmark: str, rows: list[dict[str, object]], device: str) -> Path:
    """Store the rows with hardware, versions and date in ``benchmarks/results``."""
    FOLDER.mkdir(exist_ok=True)
    record = {
        "benchmark": benchmark,
        "rows": rows,
        "load_average": os.getloadavg()[0],
        "provenance": provenance(device),
    }
    path = FOLDER / f"{benchmark}-{device.partition(':')[0]}.json"
    write_atomically(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return path


def show(rows: list[dict[str, object]], title: str) -> None:
    """The rows as a table on the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=140, file=sys.stdout).print(table)
