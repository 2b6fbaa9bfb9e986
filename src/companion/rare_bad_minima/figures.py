"""The chapter's figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures import MARKERS, NEUTRAL, PALETTE, image_grid, percent_axis, plain_log_axis
from companion.rare_bad_minima.claims import trustworthy
from companion.rare_bad_minima.density import FEWEST, ErrorDensity
from companion.rare_bad_minima.exact_models import Cells
from companion.rare_bad_minima.pools import Pool
from companion.rare_bad_minima.rows import density_of_row
from companion.rare_bad_minima.tables import density_of

BINS = 90
ERROR_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
ARMS = {
    "joint": ("joint pairs", "s", PALETTE[2]),
    "fixed": ("one training set, averaged", "o", PALETTE[1]),
    "sequential": ("the same, sequential Monte Carlo", "^", PALETTE[3]),
    "trained": ("gradient descent", "D", PALETTE[5]),
}


def pool_images(pools: Sequence[Pool], each: int = 10) -> Figure:
    """The first images of both classes of every pool, one row a class."""
    rows = [pool.inputs[pool.labels == label][:each] for pool in pools for label in (0, 1)]
    images = torch.cat(rows)
    low, high = float(images.min()), float(images.max())
    return image_grid((images - low) / (high - low), columns=each, size=0.55, full_scale=1)


def draw_density(axes: Axes, density: ErrorDensity, share: np.ndarray | None = None, **line: Any) -> None:
    """Draw a density, or its atoms with other shares, as a curve over bins that hold equally many atoms."""
    share = density.weights if share is None else share
    apart = max(1, round((density.pool or 400) / BINS)) / (density.pool or 400)
    heights = np.zeros(int(np.ceil(1 / apart)) + 1)
    np.add.at(heights, np.floor(density.errors / apart + 1e-9).astype(int), share / apart)
    axes.plot((np.arange(len(heights)) + 0.5) * apart, heights, **line)


def densities(table: pd.DataFrame) -> Figure:
    """D(E) of every task, and of permuted labels."""
    figure, axes = plt.subplots()
    rows = table[table["arm"] == "density"]
    for k, (_, row) in enumerate(rows.iterrows()):
        label = f"{row['task']}: standard deviation {row['deviation']:.3f}"
        draw_density(axes, density_of_row(row), color=PALETTE[k], label=label)
    permuted = table[table["arm"] == "permuted labels"]
    if len(permuted):
        row = permuted.iloc[0]
        label = f"{row['task']}, labels permuted: {row['deviation']:.3f}"
        draw_density(axes, density_of_row(row), color=NEUTRAL, linestyle="--", label=label)
    percent_axis(axes, "x")
    axes.set(xlabel="true error E of a random network", ylabel="density D(E)", xlim=(0, 1), ylim=(0, None))
    axes.legend(loc="upper left")
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
    return figure


def reweighted(density: ErrorDensity, sizes: Sequence[int] = (0, 2, 10, 30), epsilon: float = 0.1) -> Figure:
    """The density after some numbers of samples."""
    figure, axes = plt.subplots()
    for k, n in enumerate(sizes):
        draw_density(axes, density, density.after(n), color=PALETTE[k % len(PALETTE)], label=f"n = {n}")
    axes.axvline(epsilon, color="black", linestyle=(0, (1, 2)), linewidth=1)
    axes.annotate(
        "bad →", (epsilon, 0.93), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points"
    )
    percent_axis(axes, "x")
    axes.set(xlabel="true error E", ylabel="density $D_n(E)$", xlim=(0, 1), ylim=(0, None))
    axes.legend()
    return figure


def curves(table: pd.DataFrame, value: str = "mean_error") -> Figure:
    """The formula with its sampling error, and what was measured, against n; one panel a task."""
    tasks = table.loc[table["arm"] == "density", "task"].tolist()
    figure, panels = plt.subplots(1, len(tasks), figsize=(3.9 * len(tasks), 3.8), sharey=True, squeeze=False)
    for axes, task in zip(panels[0], tasks, strict=True):
        own = table[table["task"] == task]
        _formula(axes, trustworthy(own), value)
        for arm, (label, marker, colour) in ARMS.items():
            _measured(axes, own[own["arm"] == arm], arm, value, label=label, marker=marker, color=colour)
        axes.set(xlabel="training samples n", title=task)
        plain_log_axis(axes, (1, 3, 10, 30, 100))
        if value == "mean_error":
            plain_log_axis(axes, ERROR_TICKS, "y")
        else:
            plain_log_axis(axes, (0.01, 0.03, 0.1, 0.3, 1), "y")
    panels[0, 0].set_ylabel("mean true error of the minima" if value == "mean_error" else "fraction of bad minima")
    handles = {
        label: handle for axes in panels[0] for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return figure


def _formula(axes: Axes, rows: pd.DataFrame, value: str) -> None:
    rows = rows[rows["n"] > 0].sort_values("n")
    n, y, error = (rows[name].to_numpy(dtype=float) for name in ("n", value, f"{value}_uncertainty"))
    axes.plot(n, y, color=PALETTE[0], label="formula T2, ± 2 standard errors")
    axes.fill_between(n, np.maximum(y - 2 * error, 1e-5), y + 2 * error, color=PALETTE[0], alpha=0.2, linewidth=0)


def _measured(axes: Axes, rows: pd.DataFrame, arm: str, value: str, **style: Any) -> None:
    if arm == "joint":
        rows = rows[rows["accepted"] >= FEWEST] if len(rows) else rows
    if arm == "fixed":
        rows = rows[rows["usable"].astype(bool)] if len(rows) else rows
    if rows.empty:
        return
    points = rows.assign(y=rows[value].astype(float)).groupby("n")["y"].mean()
    points = points[(points > 0) & (points.index > 0)]
    axes.plot(points.index, points.to_numpy(), linestyle="none", markersize=6, alpha=0.85, **style)


def widths(table: pd.DataFrame) -> Figure:
    """The density at every width, and the mean error of the formula against the number of weights."""
    rows = table[table["arm"] == "width"].sort_values("width")
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    for k, (_, row) in enumerate(rows.iterrows()):
        label = f"{int(row['width'])} units"
        draw_density(left, density_of_row(row), color=PALETTE[k % len(PALETTE)], label=label)
        right.errorbar(
            row["weights"], row["mean_error"], 2 * row["mean_error_uncertainty"],
            marker=MARKERS[k % len(MARKERS)], color=PALETTE[k % len(PALETTE)], capsize=3,
        )  # fmt: skip
    percent_axis(left, "x")
    percent_axis(right)
    left.set(xlabel="true error E", ylabel="density D(E)", xlim=(0, 1), ylim=(0, 6))  # silent networks stick out
    left.legend()
    plain_log_axis(right, rows["weights"].astype(int).tolist())
    right.set(xlabel="weights", ylabel=f"mean error, n = {int(rows['n'].iloc[0])}", ylim=(0, None))
    return figure


def permuted_curves(table: pd.DataFrame) -> Figure:
    """The fraction of bad minima against n, for the true labels of the first task and for permuted ones."""
    row = table[table["arm"] == "density"].iloc[0]
    figure, axes = plt.subplots(figsize=(7, 3.2))
    n, density = np.arange(1, 61), density_of_row(row)
    firm = [k for k in n if density.effective_sample_size(k) >= FEWEST]
    axes.plot(firm, [density.bad_fraction(k, 0.1) for k in firm], color=PALETTE[0], label=row["task"])
    for k, (_, other) in enumerate(table[table["arm"] == "permuted labels"].iterrows()):
        bad = [density_of_row(other).bad_fraction(m, 0.1) for m in n]
        label = f"{row['task']}, labels permuted ({(table['arm'] == 'permuted labels').sum()} times)"
        axes.plot(n, bad, color=NEUTRAL, linestyle="--", linewidth=1, label=None if k else label)
    plain_log_axis(axes, (0.05, 0.1, 0.2, 0.5, 1), "y")
    axes.set(xlabel="training samples n", ylabel="fraction of bad minima")
    axes.legend(loc="lower left")
    return figure


def slopes(table: pd.DataFrame) -> Figure:
    """The local slope of -ln R against n, and the limit that it tends to, of the tasks with good networks."""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    rows = trustworthy(table)
    rows = rows[rows["networks_below_epsilon"].astype(float) >= FEWEST]
    for k, (task, group) in enumerate(rows.groupby("task", sort=False)):
        axes.plot(group["n"], group["decay_rate"], marker="o", color=PALETTE[k], label=task)
        axes.axhline(group["asymptotic_rate"].iloc[0], color=PALETTE[k], linestyle=":", label=f"{task}: limit")
    axes.set(xlabel="training samples n", ylabel="local slope of $-\\ln R$ per sample", ylim=(0, None))
    axes.legend(loc="center right")
    return figure


def trained_among_random(table: pd.DataFrame, n: int) -> Figure:
    """The density of random minima after n samples, and the true error of every trained network."""
    tasks = table[table["arm"] == "density"]
    figure, panels = plt.subplots(1, len(tasks), figsize=(3.9 * len(tasks), 3.2), squeeze=False)
    for axes, (_, row) in zip(panels[0], tasks.iterrows(), strict=True):
        density = density_of_row(row)
        draw_density(axes, density, density.after(n), color=PALETTE[0], label="random minima, $D_n$")
        rows = table[(table["arm"] == "trained") & (table["task"] == row["task"]) & (table["n"] == n)]
        errors = np.array(rows["errors"].iloc[0], dtype=float)
        apart = max(1, round((density.pool or 400) / BINS)) / (density.pool or 400)
        edges = np.arange(0, max(errors.max(), 0.05) + 2 * apart, apart)
        axes.hist(errors, edges, density=True, color=PALETTE[5], alpha=0.6, label="gradient descent")
        percent_axis(axes, "x")
        axes.set(xlabel="true error E", title=f"{row['task']}, n = {n}", xlim=(0, 0.4), yscale="symlog")
    panels[0, 0].set_ylabel("density (linear below 1)")
    panels[0, -1].legend(loc="upper right")
    return figure


def rarity_view(
    stored: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]], values: Mapping[str, Any]
) -> Figure:
    """The explorer's first view for readers without scripts."""
    chosen = {name: values[name] for name in ("task", "network")}
    density = density_of(next(one for one in stored if {name: one[name] for name in chosen} == chosen))
    n, epsilon = int(values["n"]), float(values["epsilon"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    draw_density(left, density, color=PALETTE[1], label="all networks, D(E)")
    draw_density(left, density, density.after(n), color=PALETTE[0], label=f"without error on {n} samples")
    left.axvline(epsilon, color="black", linestyle=":")
    left.set(xlabel="true error E", ylabel="density", title=", ".join(chosen.values()), ylim=(0, None))
    left.legend()
    sizes = [k for k in range(101) if density.effective_sample_size(k) >= FEWEST]
    right.plot(sizes, [density.bad_fraction(k, epsilon) for k in sizes], color=PALETTE[0], label="the formula")
    if (density.errors < epsilon).any():
        right.plot(sizes, [density.bound(k, epsilon).value for k in sizes], "--", color=PALETTE[1], label="bound")
    column = round(100 * epsilon) - 1
    for sampler, (label, marker, colour) in ARMS.items():
        own = [one for one in points if one["sampler"] == sampler and {name: one[name] for name in chosen} == chosen]
        at = [(one["n"], one["tail"][column]) for one in own if one["tail"][column] > 0]
        if at:
            right.plot(*zip(*at, strict=True), marker, color=colour, label=label)
    right.set(
        xlabel="training samples n", yscale="log", ylim=(1e-3, 100), title=f"fraction of bad minima, E > {epsilon:g}"
    )
    right.legend()
    plt.close(figure)  # the explorer shows it, not the cell
    return figure


def exact_view(values: Mapping[str, Any]) -> Figure:
    """The cells model for readers without scripts."""
    model, epsilon = Cells(int(values["cells"]), int(values["labels"])), float(values["epsilon"])
    density, n = model.density, range(0, 201, 2)
    figure, axes = plt.subplots()
    axes.plot(n, [density.bad_fraction(k, epsilon) for k in n], color=PALETTE[0], label="formula (joint sampling)")
    fixed = [model.fixed_set_bad_fraction(k, epsilon) for k in n]
    axes.plot(n, fixed, color=PALETTE[3], label="one training set, averaged")
    axes.plot(n, [density.bound(k, epsilon).value for k in n], "--", color=PALETTE[1], label="bound, best gamma")
    axes.set(xlabel="training samples n", ylabel="fraction R", yscale="log", ylim=(1e-8, 100))
    axes.legend()
    plt.close(figure)  # the explorer shows it, not the cell
    return figure
