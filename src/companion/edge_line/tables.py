"""The tables behind the chapter's explorers, and the table of size and span."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from companion.edge_line.banks import SETS
from companion.edge_line.experiment import point
from companion.experiment import Row
from companion.predefined_filters import span
from companion.progress import SILENT, Progress

POINT = ("family", "n_filters", "per_class")
MEASURED = ("seed", "test_accuracy", "train_accuracy")


def recorded_points(table: pd.DataFrame) -> pd.DataFrame:
    """The recorded networks on digits, each once: family, filters, images a class, seed, accuracies.

    The dense host has no number of filters, so that it belongs to every number.
    """
    rows = table[(table["part"] == "images") & (table["data"] == "digits") & (table["mode"] == "all_filters")]
    shown = rows[[*POINT, *MEASURED]].drop_duplicates([*POINT, "seed"])
    shown = shown.sort_values([*POINT, "seed"], ignore_index=True)
    return shown.assign(n_filters=shown["n_filters"].astype(object).where(shown["family"] != "dense", None))


def train_point(values: Mapping[str, Any], progress: Progress = SILENT, scale: str = "quick") -> list[Row]:
    """Train the point that a reader of the explorer asks for; rows as in :func:`recorded_points`."""
    numbers = {name: int(values[name]) for name in ("n_filters", "per_class")}
    rows = point(progress, scale=scale, family=str(values["family"]), **numbers)
    dense = values["family"] == "dense"
    return [
        {name: None if name == "n_filters" and dense else row[name] for name in (*POINT, *MEASURED)} for row in rows
    ]


def size_and_span() -> pd.DataFrame:
    """Number of filters and dimensions that they span, for every set of :data:`~companion.edge_line.banks.SETS`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        banks = {name: make() for name, make in SETS.items()}
    columns = {"filters": map(len, banks.values()), "dimensions they span": map(span, banks.values())}
    return pd.DataFrame({"set": list(banks), **columns})
