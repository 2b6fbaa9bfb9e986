"""What the chapter's explorer draws: recorded densities by task and network, and measured points beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from companion.rare_bad_minima.density import ErrorDensity
from companion.rare_bad_minima.rows import density_of_row

DENSITY_ARMS = ("width", "density")  # of the same task and network the later one, of more networks, is taken


def stored_densities(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Every recorded density on a small pool: task, network, pool, first, apart and counts, as the page reads it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for arm in DENSITY_ARMS:
        for _, row in table[(table["arm"] == arm) & (table["pool_images"] <= 400)].iterrows():
            key = task_name(row), network_name(row)
            found[key] = {
                "task": key[0],
                "network": key[1],
                "pool": int(row["pool_images"]),
                "first": int(row["first_error"]),
                "apart": int(row["errors_apart"]),
                "counts": [int(count) for count in row["error_counts"]],
            }
    return list(found.values())


def stored_points(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Measured points beside the formula: task, network, sampler, n, mean error, and tail at every hundredth."""
    fixed = table[(table["arm"] == "fixed") & (table["n"] > 0)]
    rows = [row for _, row in fixed.iterrows() if row["usable"]]
    rows += [row for _, row in table[table["arm"] == "trained"].iterrows()]
    points = [_point(row, row["arm"], row["mean_error"], row["tail"]) for row in rows]
    sets = table[table["arm"] == "sequential"]
    for _, group in sets.groupby(["task", "n"], sort=False):
        tails = np.array(group["tail"].tolist(), dtype=float)
        points.append(_point(group.iloc[0], "sequential", group["mean_error"].mean(), tails.mean(0)))
    return points


def by_number(entries: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Entries as a mapping, as the constants of a closed form are handed to the page."""
    return {str(number): entry for number, entry in enumerate(entries)}


def _point(row: Any, sampler: str, mean: float, tail: Any) -> dict[str, Any]:
    return {
        "task": task_name(row),
        "network": network_name(row),
        "sampler": sampler,
        "n": int(row["n"]),
        "mean": round(float(mean), 5),
        "tail": np.round(np.asarray(tail, dtype=float), 4).tolist(),
    }


def task_name(row: Any) -> str:
    """The task in words, such as ``0 vs 1, labels permuted``."""
    return row["task"] + (", labels permuted" if row["label_noise"] == 1 else "")


def network_name(row: Any) -> str:
    """The network in words, such as ``20 units`` or ``3 layers of 20 units, tanh``."""
    units = f"{int(row['width'])} units" if row["depth"] == 1 else f"{int(row['depth'])} layers of {int(row['width'])}"
    return units + ("" if row["activation"] == "relu" else f", {row['activation']}")


def density_of(stored: Mapping[str, Any]) -> ErrorDensity:
    """The density that an entry of :func:`stored_densities` holds."""
    names = {"error_counts": "counts", "errors_apart": "apart", "first_error": "first", "pool_images": "pool"}
    return density_of_row({name: stored[short] for name, short in names.items()})
