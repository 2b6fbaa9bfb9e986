"""Many networks as one program against three ways of training them one after the other, and random networks a second.

    OMP_NUM_THREADS=1 python benchmarks/ensemble.py      # the table, and benchmarks/results/ensemble-cpu.json

Every cell runs in a process of its own, so that its peak memory is its own. What costs nothing more per network (the
loops) is measured on a few networks; a cell that would take longer than --cap seconds is left out. Networks are
counted per second of the wall clock and per second of the processor; ratios use the latter, which does not suffer
from other programs on the machine (and is the same on an idle machine with one thread). For one network, where the
ensemble is the loop with some more bookkeeping, both are measured in turns in one process.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.utils.data import DataLoader, TensorDataset

from companion.ensemble import Ensemble, RandomPerceptron, random_error_rates
from companion.networks import cnn, mlp, resnet, seeded
from companion.provenance import provenance
from companion.training import Settings, train

SIZES = (1, 8, 32, 128, 1024)
ALONE = ("loop", "DataLoader", "process")
LONG_ENOUGH = 3.0  # processor seconds; shorter cells are repeated
FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Workload:
    """What is trained: networks of one architecture, each on digits images of its own."""

    title: str
    build: Callable[[], nn.Module]
    images: int
    batch: int
    epochs: int
    image_size: int = 8
    measured_alone: int = 4  # networks by which the ways of training one by one are measured


WORKLOADS = {
    "mlp": Workload("MLP 64-100-10", lambda: mlp((64, 100, 10)), images=500, batch=128, epochs=20),
    "cnn": Workload("digits CNN, w = 16", lambda: cnn(16, 10), images=50, batch=50, epochs=30),
    "resnet": Workload(
        "ResNet18, width 1/8, 32 x 32",
        lambda: resnet("resnet18", 10, 1, 32, 0.125),
        images=96,
        batch=32,
        epochs=6,
        image_size=32,
        measured_alone=2,
    ),
}


def digits(size: int) -> tuple[Tensor, Tensor]:
    """The digits as float32 ``[1797, 1, size, size]`` in [0, 1], and their labels."""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    return interpolate(images, size=size) if size != 8 else images, torch.tensor(data.target)


def rows_of(seed: int, count: int) -> Tensor:
    """The training images of the network of a seed."""
    return torch.randperm(1797, generator=torch.Generator().manual_seed(seed))[:count]


def settings_of(workload: Workload, seed: int) -> Settings:
    """Adam, one measurement of the training accuracy at the end."""
    return Settings(
        epochs=workload.epochs,
        batch=workload.batch,
        optimiser="adam",
        order_seed=seed,
        evaluate_every=workload.epochs,
    )


def train_ensemble(workload: Workload, K: int, device: str) -> dict[str, object]:
    """All networks by :class:`companion.ensemble.Ensemble`."""
    images, labels = (x.to(device) for x in digits(workload.image_size))
    ensemble = Ensemble(workload.build, seeds=range(K), device=device)
    outcome = ensemble.train(
        images,
        labels,
        [settings_of(workload, k) for k in range(K)],
        subsets=[rows_of(k, workload.images) for k in range(K)],
    )
    return {"method": outcome.methods[0], "accuracy": float(outcome.train_accuracy.mean())}


def train_loop(workload: Workload, K: int, device: str) -> dict[str, object]:
    """One network after the other by :func:`companion.training.train`."""
    images, labels = (x.to(device) for x in digits(workload.image_size))
    accuracies = []
    for k in range(K):
        rows = rows_of(k, workload.images).to(device)
        network = seeded(workload.build, k).to(device)
        accuracies.append(train(network, images[rows], labels[rows], settings_of(workload, k)).train_accuracy)
    return {"accuracy": sum(accuracies) / K}


def train_from_loader(workload: Workload, K: int, device: str) -> dict[str, object]:
    """One network after the other, with a DataLoader, as most tutorials do it."""
    images, labels = digits(workload.image_size)
    accuracies = []
    for k in range(K):
        rows = rows_of(k, workload.images)
        network = seeded(workload.build, k).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=settings_of(workload, k).learning_rate)
        loader = DataLoader(TensorDataset(images[rows], labels[rows]), batch_size=workload.batch, shuffle=True)
        for _ in range(workload.epochs):
            for x, y in loader:
                optimiser.zero_grad()
                cross_entropy(network(x.to(device)), y.to(device)).backward()
                optimiser.step()
        network.eval()
        with torch.no_grad():
            right = network(images[rows].to(device)).argmax(1).cpu() == labels[rows]
        accuracies.append(float(right.float().mean()))
    return {"accuracy": sum(accuracies) / K}


def sample_random_networks(workload: Workload, K: int, device: str) -> dict[str, object]:
    """True errors of random networks 64-20-1 on the pair 0 against 1."""
    images, labels = digits(8)
    pair = labels < 2
    images = images[pair] - images[pair].mean(0)
    errors = random_error_rates(RandomPerceptron((64, 20, 1)), images.to(device), labels[pair].to(device), count=K)
    return {"mean error": float(errors.mean())}


WAYS: dict[str, Callable[[Workload, int, str], dict[str, object]]] = {
    "ensemble": train_ensemble,
    "loop": train_loop,
    "DataLoader": train_from_loader,
    "process": train_loop,
    "random networks": sample_random_networks,
}


def run_cell(way: str, name: str, K: int, device: str) -> dict[str, object]:
    """Measure one cell in this process, after one small run that pays for imports and first calls."""
    workload, run = WORKLOADS[name], WAYS[way]
    if way != "process":
        run(replace(workload, epochs=2), min(K, 2), device)
    started, processor = time.perf_counter(), time.process_time()
    repetitions = 0
    while repetitions == 0 or (way != "process" and time.process_time() - processor < LONG_ENOUGH):
        found = run(workload, K, device)
        repetitions += 1
    if device != "cpu":
        torch.cuda.synchronize()
    cell = {
        "workload": name,
        "way": way,
        "networks": K,
        "seconds": (time.perf_counter() - started) / repetitions,
        "processor_seconds": (time.process_time() - processor) / repetitions,
        "memory_mb": memory_mb(device),
        **found,
    }
    return cell | {"ratio_in_turns": ratio_in_turns(workload, device)} if way == "ensemble" and K == 1 else cell


def ratio_in_turns(workload: Workload, device: str, rounds: int = 9) -> float:
    """Time of the loop over time of the ensemble, one network each, median over rounds."""
    ratios = []
    for _ in range(rounds):
        seconds = []
        for run in (train_loop, train_ensemble):
            started = time.process_time()
            run(workload, 1, device)
            seconds.append(time.process_time() - started)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def memory_mb(device: str) -> float:
    """The peak memory of this process, or of the GPU, in MB."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e3 if platform.system() == "Linux" else 1e6)


def spawn(way: str, name: str, K: int, device: str) -> dict[str, object]:
    """Measure one cell in a fresh process; for ``process`` each network gets one, imports included."""
    command = [sys.executable, __file__, "--cell", way, name, "--device", device, "--networks"]
    if way != "process":
        done = subprocess.run([*command, str(K)], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for _ in range(K):
        done = subprocess.run([*command, "1"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cell = json.loads(done.stdout.splitlines()[-1])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**cell, "networks": K, "seconds": time.perf_counter() - started, "processor_seconds": used}


def measure(names: list[str], sizes: list[int], cap: float, device: str, console: Console) -> list[dict[str, object]]:
    """All cells, the quick ones first; sizes that would exceed `cap` seconds are left out."""
    cells = []
    for name in names:
        for way in ALONE:
            cells.append(spawn(way, name, WORKLOADS[name].measured_alone, device))
            console.log(line(cells[-1]))
        alone = float(cells[-len(ALONE)]["processor_seconds"]) / WORKLOADS[name].measured_alone
        for K in sizes:
            if K * alone <= cap:
                cells.append(spawn("ensemble", name, K, device))
                alone = float(cells[-1]["processor_seconds"]) / K
                console.log(line(cells[-1]))
    cells.append(spawn("random networks", "mlp", 100_000, device))
    console.log(line(cells[-1]))
    return cells


def rate(cell: dict[str, object], clock: str = "processor_seconds") -> float:
    """Networks a second."""
    return int(cell["networks"]) / float(cell[clock])


def line(cell: dict[str, object]) -> str:
    """One cell in words."""
    return f"{cell['workload']} {cell['way']} K={cell['networks']}: {rate(cell):.3g} networks per processor second"


def show(record: dict, console: Console) -> None:
    """The record as a table."""
    hardware = record["provenance"]["hardware"]
    title = f"{hardware['processor']}, {hardware['threads']} thread(s), {record['provenance']['date']}"
    table = Table(title=title)
    for column in (
        "workload",
        "way",
        "networks",
        "a second (wall)",
        "a second (processor)",
        "x loop",
        "x DataLoader",
        "MB",
    ):
        table.add_column(column, justify="left" if column in ("workload", "way") else "right")
    for cell in record["cells"]:
        rates = {c["way"]: rate(c) for c in record["cells"] if c["workload"] == cell["workload"]}
        ratios = [rate(cell) / rates[way] for way in ALONE[:2]] if cell["way"] == "ensemble" else []
        if "ratio_in_turns" in cell:
            ratios[0] = cell["ratio_in_turns"]
        way = f"ensemble ({cell['method']})" if cell["way"] == "ensemble" else cell["way"]
        workload = "MLP 64-20-1" if cell["way"] == "random networks" else WORKLOADS[cell["workload"]].title
        shown = [f"{ratio:.2f}" for ratio in ratios] or ["", ""]
        numbers = [str(cell["networks"]), f"{rate(cell, 'seconds'):.3g}", f"{rate(cell):.3g}", *shown]
        table.add_row(workload, way, *numbers, f"{cell['memory_mb']:.0f}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="numbers of networks")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds that a cell may take")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the record")
    parser.add_argument("--show", type=Path, help="print the table of a record and measure nothing")
    parser.add_argument("--cell", nargs=2, metavar=("WAY", "WORKLOAD"), help=argparse.SUPPRESS)
    parser.add_argument("--networks", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    console = Console(width=130)
    if arguments.show:
        show(json.loads(arguments.show.read_text()), console)
    elif arguments.cell:
        cell = run_cell(*arguments.cell, arguments.networks, arguments.device)
        sys.stdout.write(json.dumps(cell) + "\n")
    else:
        load = os.getloadavg()[0]
        cells = measure(arguments.workloads, arguments.sizes, arguments.cap, arguments.device, console)
        record = {
            "benchmark": "ensemble",
            "cells": cells,
            "load_average_at_start": load,
            "provenance": provenance(arguments.device),
        }
        arguments.out.mkdir(parents=True, exist_ok=True)
        path = arguments.out / f"ensemble-{arguments.device.partition(':')[0]}.json"
        path.write_text(json.dumps(record, indent=1) + "\n")
        show(record, console)
        console.print(f"Written to {path}")


if __name__ == "__main__":
    main()
