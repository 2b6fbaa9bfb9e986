"""The tables behind the chapter's explorers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from companion.experiment import Row
from companion.progress import SILENT, Progress
from companion.sugar.experiment import point
from companion.sugar.surrogates import SURROGATES

READINGS = {
    "relu": "plain ReLU",
    "gain-matched": "ReLU, gain-matched",
    "forward": "f forward",
    "sugar": "SUGAR with f",
}
POINT = ("f", "depth", "learning_rate")
MEASURED = ("seed", "test_accuracy", "dead")


def recorded_points(table: pd.DataFrame) -> pd.DataFrame:
    """The recorded perceptrons of the sweep over f, depth and learning rate, in four readings.

    Rows of plain ReLU have no f, so they belong to every f; a control is there for the f whose gain it has.

    Args:
        table: rows of the recorded sweep; plain ReLU, trained in several runs, is taken once.
    """
    rows = table[table["part"].isin(["comparison", "point"]) & (table["arch"] == "mlp")]
    rows = rows.assign(
        reading=rows["kind"].map(READINGS),
        f=[None if name is None or pd.isna(name) else SURROGATES[name].label for name in rows["f"]],
    )
    rows = rows[["reading", *POINT, *MEASURED]].drop_duplicates(["reading", *POINT, "seed"])
    order = {reading: k for k, reading in enumerate(READINGS.values())}
    return rows.sort_values(["reading", "f", "depth", "learning_rate", "seed"],
                            key=lambda c: c.map(order) if c.name == "reading" else c, ignore_index=True)  # fmt: skip


def train_point(values: Mapping[str, Any], progress: Progress = SILENT, scale: str = "quick") -> list[Row]:
    """Train the point that a reader of the explorer asks for, from three seeds; rows of :func:`recorded_points`."""
    name = next(name for name, f in SURROGATES.items() if f.label == values["f"])
    chosen = {"depth": int(values["depth"]), "learning_rate": float(values["learning_rate"])}
    rows = point(progress, scale=scale, surrogate=name, seeds=3, evaluations=1, **chosen)
    return recorded_points(pd.DataFrame(rows)).to_dict("records")


def published_pairs() -> pd.DataFrame:
    """The paper's main table as far as its numbers are known: test accuracies in per cent, 5 seeds.

    "without SUGAR" is f as the activation, with its own gradient. It is not plain ReLU.

    References:
        Horuz et al. 2025, main table; the rows whose values could not be sourced are left out.
    """
    known = (
        ("VGG-16", "CIFAR-10", "B-SiLU", 78.50, 88.35),
        ("VGG-16", "CIFAR-100", "B-SiLU", 48.73, 64.47),
        ("ResNet-18", "CIFAR-10", "B-SiLU", 76.76, 86.42),
        ("ResNet-18", "CIFAR-100", "B-SiLU", 48.99, 56.51),
        ("ResNet-18", "CIFAR-100", "LeakyReLU", 43.67, 43.41),
    )
    pairs = pd.DataFrame(known, columns=["network", "data", "f", "f forward (%)", "SUGAR with f (%)"])
    gain = (pairs["SUGAR with f (%)"] - pairs["f forward (%)"]).round(2)
    return pairs.assign(**{"gain (points)": gain, "plain ReLU (%)": "not known"})
