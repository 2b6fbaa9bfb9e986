"""The table behind the chapter's explorer of recorded networks."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from companion.experiment import Row
from companion.predefined_filters.arms import ARMS
from companion.predefined_filters.experiment import point
from companion.progress import SILENT, Progress

POINT = ("network", "n_angles", "per_class")
MEASURED = ("seed", "test_accuracy", "train_accuracy")


def recorded_points(table: pd.DataFrame) -> pd.DataFrame:
    """The recorded networks on digits, each once: network in words, angles, images a class, seed, accuracies.

    The number of angles is missing where it has no meaning (dense twins, random kernels), so that these networks
    belong to every number.
    """
    rows = table[table["data"] == "digits"]
    shown = pd.DataFrame([_shown(row) for row in rows.to_dict("records")], columns=[*POINT, *MEASURED])
    shown["n_angles"] = shown["n_angles"].astype(object).where(shown["n_angles"].notna(), None)
    return shown.drop_duplicates([*POINT, "seed"]).sort_values([*POINT, "seed"], ignore_index=True, key=_order)


def train_point(values: Mapping[str, Any], progress: Progress = SILENT, scale: str = "quick") -> list[Row]:
    """Train the point that a reader of the explorer asks for; rows as in :func:`recorded_points`."""
    arm = str(values["network"]).replace(" ", "_")
    chosen = {"per_class": int(values["per_class"]), "n_angles": int(values["n_angles"])}
    return [_shown(row) for row in point(progress, scale=scale, arm=arm, **chosen)]


def _shown(row: Mapping[str, Any]) -> Row:
    arm = ARMS[row["arm"]]
    oriented = not arm.dense and "random" not in arm.bank
    return {
        "network": row["arm"].replace("_", " "),
        "n_angles": row["n_angles"] if oriented else None,
        **{name: row[name] for name in ("per_class", *MEASURED)},
    }


def _order(column: pd.Series) -> pd.Series:
    """Networks in the order of the arms, numbers as they are; a missing number of angles comes first."""
    if column.name == "network":
        return column.map([arm.replace("_", " ") for arm in ARMS].index)
    return column.fillna(0) if column.name == "n_angles" else column
