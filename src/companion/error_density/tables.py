"""Tables from records, above all what the explorer draws: measured curves, sampled densities, alignments."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from companion.error_density.atoms import EmpiricalDensity
from companion.error_density.claims import arm, fixed_set_curve, kernel_a
from companion.error_density.densities import BetaDensity
from companion.error_density.grids import GaussianDensity
from companion.error_density.kernel import Alignment

NAMES = {"digits": "digits", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
A_VALUES = (
    0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.2, 1.5, 2, 2.71, 3, 3.57, 4.5, 5, 6, 6.58, 7.5, 9, 10, 12, 15, 20, 25, 30, 40, 50, 70,
    100, 150, 200, 300, 500,
)  # fmt: skip
N_VALUES = (
    0, 1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 700, 1000, 2000, 3000, 5000, 10_000,
    20_000, 50_000, 100_000,
)  # fmt: skip
SAMPLED = "random networks, "
Control = tuple[str, tuple[Any, ...], dict[str, Any]]


def explorer_data(table: pd.DataFrame) -> dict[str, Any]:
    """Measured curves by name, histograms of random networks and kernel-target alignments of every recorded pair.

    Args:
        table: rows of recorded runs of this experiment; digits wherever a pair is named.
    """
    digits = table[table["data"] == "digits"]
    alignments = {
        row["pair"]: {name: float(value) for name, value in row["alignment"].items()}
        for _, row in arm(digits, "kernel").iterrows()
    }
    sampled = {
        f"{SAMPLED}{row['pair']}": {"values": list(row["values"]), "counts": list(row["counts"])}
        for _, row in arm(digits, "density").iterrows()
    }
    return {"overlays": overlays(table), "alignments": alignments, "sampled": sampled}


def overlays(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Measured learning curves: n, error and prior mean by name; digits first."""
    found: dict[str, dict[str, Any]] = {}
    digits = table[table["data"] == "digits"]
    for pair in arm(digits, "fixed sets")["pair"].dropna().unique():
        rows = fixed_set_curve(digits, pair)
        found[f"digits {pair}, random minima"] = _points(rows["n"], rows["error"], 0.5)
        rows = arm(digits, "gradient descent", pair).sort_values("n")
        found[f"digits {pair}, gradient descent"] = _points(rows["n"], rows["error"], 0.5)
    for (data, arch), rows in trained_curves(table).groupby(["data", "arch"], sort=False):
        mean = rows.groupby("n")["error"].mean()
        found[f"{NAMES.get(data, data)}, all classes, {arch.upper()}"] = _points(
            mean.index, mean, 1 - 1 / rows["classes"].iloc[0]
        )
    return found


def lower_end(table: pd.DataFrame, errors: Sequence[float] = (0.05, 0.1, 0.2)) -> pd.DataFrame:
    """The share of random networks with an error of at most so much: drawn, and by densities of the kernel's spread."""
    lines = []
    for _, row in arm(table, "density").iterrows():
        drawn, beta = EmpiricalDensity(row["values"], row["counts"]), BetaDensity.binary(kernel_a(table, row["pair"]))
        models = {"random networks": drawn, "Beta(a, a)": beta, "Gaussian": GaussianDensity.like(beta)}
        for error in errors:
            shares = {name: f"{100 * float(model.mass(error)):.3g} %" for name, model in models.items()}
            lines.append({"pair": row["pair"], "error at most": f"{100 * error:g} %"} | shares)
    return pd.DataFrame(lines)


def trained_curves(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of trained networks with all classes, on true labels, that reached zero training error."""
    rows = arm(table, "curve")
    rows = rows[(rows["fitted"] == 1) & (rows["label_noise"] == 0)]
    order = {name: place for place, name in enumerate(NAMES)}
    return rows.sort_values(["data", "n", "seed"], key=lambda c: c.map(order).fillna(9) if c.name == "data" else c)


def controls(data: dict[str, Any]) -> list[Control]:
    """The controls of the explorer over :func:`explorer_data`, as data: kind, arguments and named arguments of each."""
    models = ("shifted Beta", "Beta", "cells", "Gaussian", "perceptron", *data["sampled"])
    pairs = tuple(sorted(data["alignments"]))
    drawn = "digits 3 vs 8, random minima"
    return [
        _choice("model", models, "shifted Beta", label="Model of the density D(E)"),
        _slider("a", 0.1, 500, 6.58, values=A_VALUES, label="a", help="exponent of D at its lower end"),
        _slider("prior_mean", 0.3, 0.99, 0.5, step=0.01, label="Mean error before data", help="fixes b = a (1−m)/m"),
        _slider("E_min", 0, 0.3, 0, step=0.005, label="Floor E_min", help="shifted Beta and Gaussian"),
        _slider("n", 0, 100_000, 20, values=N_VALUES, integer=True, label="Training images n"),
        _slider("epsilon", 0.005, 0.5, 0.1, step=0.005, label="Bad means error above ε"),
        _slider("M", 2, 500, 20, log=True, integer=True, label="Cells M"),
        _slider("k", 2, 20, 2, step=1, integer=True, label="Classes k (cells)"),
        _slider("d", 2, 200, 20, log=True, integer=True, label="Dimensions d (perceptron)"),
        _choice(
            "overlay", ("none", *data["overlays"]), drawn if drawn in data["overlays"] else "none",
            label="Measured curve, and its fit",
        ),
        _choice("pair", pairs, "3 vs 8" if "3 vs 8" in pairs else pairs[0], label="Pair of digits (kernel)"),
        _slider("permuted", 0, 1, 0, step=0.02, label="Permuted share of its labels"),
    ]  # fmt: skip


def _choice(*arguments: Any, **named: Any) -> Control:
    return "choice", arguments, named


def _slider(*arguments: Any, **named: Any) -> Control:
    return "slider", arguments, named


def recorded_alignment(table: pd.DataFrame, pair: str) -> Alignment:
    """The recorded alignment of a pair of digits."""
    digits = table[table["data"] == "digits"]
    found = dict(arm(digits, "kernel", pair)["alignment"].iloc[0])
    return Alignment(**found | {"T": int(found["T"])})


def _points(n: Any, error: Any, prior_mean: float) -> dict[str, Any]:
    return {"n": [int(one) for one in n], "error": [float(one) for one in error], "prior_mean": float(prior_mean)}
