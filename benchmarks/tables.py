"""All benchmark records as tables with the targets that were set, for the book's page and for the terminal.

    python benchmarks/tables.py      # benchmarks/results/tables.md

Nothing is measured here. What has not been measured yet is left out.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from companion.records import write_atomically

FOLDER = Path(__file__).parent / "results"
TARGET = FOLDER / "tables.md"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """A number that was asked for, and how to read it off the rows of a benchmark."""

    benchmark: str
    what: str
    read: Callable[[Rows], float]
    limit: float
    at_least: bool
    unit: str = "times"

    def line(self, rows: Rows) -> str:
        """A line of the table: asked, measured, reached or not."""
        value = self.read(rows)
        reached = value >= self.limit if self.at_least else value <= self.limit
        sign = "≥" if self.at_least else "≤"
        return (
            f"| {self.what} | {sign} {self.limit:,g} {self.unit} | {_cell(value)} | {'yes' if reached else '**no**'} |"
        )


def of(name: str, column: str) -> Callable[[Rows], float]:
    """One cell of a benchmark that has a row for every thing measured."""
    return lambda rows: next(float(row[column]) for row in rows if row["what"].startswith(name))


def against(way: str, workload: str, sizes: tuple[int, ...]) -> Callable[[Rows], float]:
    """The ensemble's networks a processor second over those of another way, the least of some sizes."""

    def read(rows: Rows) -> float:
        rates = {
            (row["way"], row["networks"]): row["networks"] / row["processor_seconds"]
            for row in rows
            if row["workload"] == workload
        }
        alone = next(rate for (name, _), rate in rates.items() if name == way)
        own = {networks: rate / alone for (name, networks), rate in rates.items() if name == "ensemble"}
        for row in rows:
            if row["workload"] == workload and "ratio_in_turns" in row and way == "loop":
                own[row["networks"]] = row["ratio_in_turns"]
        return min(ratio for networks, ratio in own.items() if networks in sizes)

    return read


def random_rate(rows: Rows) -> float:
    """Random networks measured in a second of the clock."""
    return next(row["networks"] / row["seconds"] for row in rows if row["way"] == "random networks")


def overhead(rows: Rows) -> float:
    """Milliseconds that a sweep adds to a point."""
    return next(row["milliseconds_a_point"] for row in rows if row["way"] == "sweep, direct, 1 process")


ALL, MANY = (1, 8, 32, 128, 1024), (32, 128, 1024)
TARGETS = (
    Target("ensemble", "MLP, 32 networks and more, against the loop", against("loop", "mlp", MANY), 3, True),
    Target("ensemble", "... against a DataLoader loop", against("DataLoader", "mlp", MANY), 4, True),
    Target("ensemble", "digits CNN, 8 networks and more, against the loop", against("loop", "cnn", ALL[1:]), 1.5, True),
    Target("ensemble", "MLP, any number of networks, against the loop", against("loop", "mlp", ALL), 0.95, True),
    Target("ensemble", "digits CNN, any number", against("loop", "cnn", ALL), 0.95, True),
    Target("ensemble", "ResNet18 of width 1/8, any number", against("loop", "resnet", ALL), 0.95, True),
    Target("ensemble", "random MLP 64-20-1 on the digits pair", random_rate, 20_000, True, "a second"),
    Target("sweep_overhead", "a sweep's overhead for a point, direct", overhead, 20, False, "ms"),
    Target(
        "activations", "training step of ResNet18, SUGAR against nn.ReLU",
        of("SUGAR B-SiLU, step", "time / ReLU"), 1.10, False,
    ),
    Target(
        "activations", "SUGAR's activation alone: time against the formula with detach",
        of("SUGAR B-SiLU, forward", "time / detach"), 0.5, False,
    ),
    Target("activations", "... memory kept", of("SUGAR B-SiLU, forward", "kept / detach"), 0.5, False),
    Target(
        "proxygrad", "training step of ResNet18, ProxyGrad against nn.ReLU",
        of("ProxyGrad, step", "time / ReLU"), 1.10, False,
    ),
    Target(
        "proxygrad", "ProxyGrad's activation alone: time against the formula with detach",
        of("ProxyGrad, forward", "time / detach"), 0.5, False,
    ),
    Target("proxygrad", "... memory kept", of("ProxyGrad, forward", "kept / detach"), 0.5, False),
    Target(
        "fixed_filters", "training step of PFNet18, 224 pixels, as the chapter trains it (channels last) and with "
        "recomputation: time against the depthwise reference",
        of("PFNet18, channels last, recomputed", "time / reference"), 1, False,
    ),
    Target(
        "fixed_filters", "... memory kept", of("PFNet18, channels last, recomputed", "kept / reference"), 0.6, False
    ),
)  # fmt: skip


def records() -> Iterator[tuple[str, Rows, dict[str, Any]]]:
    """Every benchmark's name, rows and provenance."""
    for path in sorted(FOLDER.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        yield record["benchmark"], record.get("rows") or record["cells"], record["provenance"]


def table_of(name: str, rows: Rows, provenance: dict[str, Any]) -> list[str]:
    """A record as a heading, the machine and a table."""
    machine = provenance["hardware"]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"## {name.replace('_', ' ').capitalize()}", ""]
    lines += [
        f"{machine['device']}, {machine['processor']}, {machine['threads']} thread(s), {provenance['date'][:10]}."
    ]
    lines += ["", f"| {' | '.join(column.replace('_', ' ') for column in columns)} |"]
    lines += ["|" + "".join("---|" if isinstance(rows[0].get(column), str) else "--:|" for column in columns)]
    for row in rows:
        lines.append(f"| {' | '.join(_cell(row.get(column)) for column in columns)} |")
    return [*lines, ""]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    found = {name: (rows, provenance) for name, rows, provenance in records()}
    lines = ["## Targets", "", "| what | asked | measured | reached |", "|---|--:|--:|---|"]
    lines += [target.line(found[target.benchmark][0]) for target in TARGETS if target.benchmark in found]
    lines.append("")
    for name, (rows, provenance) in found.items():
        lines += table_of(name, rows, provenance)
    write_atomically(TARGET, "\n".join(lines).rstrip() + "\n")
    Console(width=180).print(Markdown(TARGET.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
