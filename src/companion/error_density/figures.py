"""The chapter's figures."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from companion.error_density.atoms import CellsDensity, EmpiricalDensity
from companion.error_density.claims import arm, fixed_set_curve, kernel_a
from companion.error_density.densities import BetaDensity, DensityModel
from companion.error_density.fitting import CurveFit, fit_beta, fit_cells, fit_power_law, fit_shifted_beta
from companion.error_density.grids import GaussianDensity, PerceptronDensity
from companion.error_density.kernel import Alignment
from companion.error_density.tables import NAMES, trained_curves
from companion.figures import MARKERS, NEUTRAL, PALETTE, mean_with_band, percent_axis, plain_log_axis

SIZES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
SHARES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def prior_to_posterior(model: DensityModel, sizes: Sequence[int] = (0, 5, 20, 100), epsilon: float = 0.1) -> Figure:
    """D and D_n for growing n, the bad part of the last one shaded."""
    figure, axes = plt.subplots(figsize=(7, 3.2))
    error = np.linspace(model.floor, 1, 1001)[1:-1]
    for k, n in enumerate(sizes):
        density = model.pdf(error, n)
        axes.plot(error, density, color=PALETTE[k], label=f"n = {n}" if n else "before any data")
        if n == sizes[-1]:
            bad = error > epsilon
            axes.fill_between(error[bad], density[bad], color=PALETTE[k], alpha=0.25, label=f"bad: E > {epsilon:g}")
    percent_axis(axes, "x")
    axes.set(xlabel="true error E", ylabel="density $D_n(E)$", xlim=(0, 1), ylim=(0, None))
    axes.legend()
    return figure


def model_curves(n: Sequence[int] | None = None) -> Figure:
    """Learning curves of five densities with the same mean, 1/2: what decides is the lower end of D."""
    n = np.unique(np.geomspace(1, 3000, 80).round()) if n is None else np.asarray(n)
    beta, cells = BetaDensity.binary(6.58), CellsDensity(20, 2)
    models: dict[str, DensityModel] = {
        "Beta(6.58, 6.58)": beta,
        "the same on a floor of 3 %": BetaDensity(6.58, 6.58, 0.03),
        "perceptron, d = 20": PerceptronDensity(20),
        "20 cells": cells,
        "Gaussian, mean and variance of the first": GaussianDensity.like(beta),
    }
    figure, axes = plt.subplots(figsize=(7, 4))
    for k, (name, model) in enumerate(models.items()):
        axes.plot(n, model.mean(n), color=PALETTE[k], label=name)
    axes.plot(n, cells.quenched_mean(n), "--", color=PALETTE[3], label="20 cells, given the training set")
    axes.plot(n, 20 / n, ":", color=NEUTRAL, label="slope $-1$")
    axes.set(xscale="log", yscale="log", xlabel="training samples n", ylabel="mean error", ylim=(1e-3, 0.7))
    axes.legend(fontsize=8)
    return figure


def four_panels(alignment: Alignment | None = None) -> Figure:
    """The explorer's four panels at its start, for readers without scripts; the last one from a pair's alignment."""
    model, epsilon, n = BetaDensity.binary(6.58), 0.1, 20
    figure, grid = plt.subplots(2, 2, figsize=(8.5, 5.6))
    error = np.linspace(0, 1, 400)[1:-1]
    for k, m in enumerate((0, n)):
        density = model.pdf(error, m)
        label = f"after {m} samples" if m else "before data"
        grid[0, 0].plot(error, density / density.max(), color=(NEUTRAL, PALETTE[0])[k], label=label)
    grid[0, 0].set(title="1. Prior to posterior", xlabel="true error E")
    places = np.geomspace(1, 1e5, 60)
    grid[0, 1].loglog(places, model.mean(places), color=PALETTE[0], label="a = 6.58")
    grid[0, 1].loglog(places, 1 / places, ":", color=NEUTRAL, label="slope $-1$")
    grid[0, 1].set(title="2. Learning curve", xlabel="training images n", ylabel="error")
    sizes = np.arange(0, 300, 5)
    grid[1, 0].semilogy(sizes, model.bad_fraction(epsilon, sizes), color=PALETTE[1], label="R(0.1, n)")
    grid[1, 0].semilogy(sizes, model.bound(epsilon, sizes), color=PALETTE[5], label="bound")
    grid[1, 0].set(title="3. How rare the bad ones are", xlabel="training images n", ylim=(1e-6, 2))
    if alignment is not None:
        shares = np.linspace(0, 1, 51)
        grid[1, 1].semilogy(shares, [alignment.a(one) for one in shares], color=PALETTE[2], label="kernel, 3 vs 8")
    grid[1, 1].set(title="4. Where a comes from", xlabel="permuted share of the labels", ylabel="a", ylim=(1, 600))
    for axes in grid.flat:
        if axes.lines:
            axes.legend(fontsize=8)
    return figure


def density_of_random_networks(table: pd.DataFrame) -> Figure:
    """Histograms of the error of random networks, with the kernel's Beta(a, a) and the Gaussian of the same spread."""
    rows = arm(table, "density")
    figure, panels = plt.subplots(1, len(rows), figsize=(3.9 * len(rows), 3.2), squeeze=False)
    error = np.linspace(0, 1, 801)[1:-1]
    for axes, (_, row) in zip(panels[0], rows.iterrows(), strict=True):
        counts, edges = np.histogram(row["values"], 60, (0, 1), weights=row["counts"])
        axes.stairs(counts / counts.sum() / np.diff(edges), edges, fill=True, color=PALETTE[4], alpha=0.6)
        a = kernel_a(table, row["pair"])
        beta = BetaDensity.binary(a)
        axes.plot(error, beta.pdf(error), color=PALETTE[1], label=f"kernel: a = {a:.2f}")
        axes.plot(error, GaussianDensity.like(beta).pdf(error), "--", color=NEUTRAL, label="Gaussian")
        percent_axis(axes, "x")
        axes.set(title=row["pair"], xlabel="error of a random network", yscale="log", ylim=(1e-3, 20))
        axes.legend(fontsize=8)
    panels[0, 0].set_ylabel("density D(E)")
    return figure


def curves_of_a_pair(table: pd.DataFrame, pair: str) -> Figure:
    """Formula, jointly drawn pairs, random minima, gradient descent, the kernel's prediction and the Gaussian's."""
    figure, axes = plt.subplots(figsize=(8.6, 3.8))
    beta = BetaDensity.binary(kernel_a(table, pair))
    n = np.geomspace(4, 130, 60)
    axes.plot(n, beta.mean(n), color=PALETTE[1], label=f"kernel: Beta(a, a), a = {beta.a:.2f}, no fit")
    axes.plot(n, GaussianDensity.like(beta).mean(n), "--", color=NEUTRAL, label="Gaussian, same variance")
    formula = arm(table, "formula", pair)
    formula = formula[formula["n"] > 0]
    axes.plot(formula["n"], formula["error"], "k_", markersize=14, label="formula, D from random networks")
    minima = fixed_set_curve(table, pair)
    series = (
        ("networks with a set of their own", arm(table, "joint", pair), 3, 0.965),  # aside, so that all can be seen
        ("random minima of given sets", minima, 0, 1.035),
        ("gradient descent", arm(table, "gradient descent", pair).sort_values("n"), 2, 1.0),
    )
    for k, (name, rows, colour, aside) in enumerate(series):
        style = {"color": PALETTE[colour], "fmt": MARKERS[k], "markersize": 5, "capsize": 2}
        axes.errorbar(aside * rows["n"], rows["error"], 2 * rows["standard_error"], label=name, **style)
    _log_axis(axes, SIZES)
    _log_axis(axes, SHARES, "y")
    percent_axis(axes)
    axes.set(title=pair, xlabel="training images n", ylabel="true error")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def bad_share(table: pd.DataFrame, pair: str, epsilon: float) -> Figure:
    """R(epsilon, n): the kernel's, the formula's, that of random minima, and the bound of the theory."""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    beta = BetaDensity.binary(kernel_a(table, pair))
    n = np.linspace(0, 320, 161)
    axes.plot(n, beta.bad_fraction(epsilon, n), color=PALETTE[1], label="kernel: Beta(a, a)")
    axes.plot(n, beta.bound(epsilon, n), ":", color=NEUTRAL, label="bound")
    formula, minima = arm(table, "formula", pair), arm(table, "fixed sets", pair)
    axes.plot(formula["n"], formula["bad"], "k_", markersize=12, label="formula, D from random networks")
    minima = minima[minima["bad"].notna()]
    axes.plot(minima["n"], minima["bad"], "o", color=PALETTE[0], label="random minima of given sets")
    axes.set(
        yscale="log", ylim=(1e-4, 3), xlabel="training images n", ylabel=f"share with error above {100 * epsilon:g} %"
    )
    axes.legend(fontsize=8)
    return figure


def widths_and_labels(table: pd.DataFrame) -> Figure:
    """Left: a against the number of weights. Right: a with true and with permuted labels, pair by pair."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    rows = arm(table, "width").sort_values("weights")
    pair = rows["pair"].iloc[0]
    spread = [2 * np.std(row, ddof=1) / np.sqrt(len(row)) for row in rows["each"]]
    left.errorbar(rows["weights"], rows["a"], spread, fmt="o", capsize=2, color=PALETTE[0], label="random networks")
    left.axhline(kernel_a(table, pair), color=PALETTE[1], label="kernel, infinite width")
    left.set(xscale="log", xlabel="weights", ylabel=f"a, {pair}", ylim=(0, 1.4 * rows["a"].max()))
    _log_axis(left, [int(one) for one in rows["weights"]])
    left.legend(loc="lower right")
    names = list(dict.fromkeys(arm(table, "permuted labels")["pair"]))
    for k, name in enumerate(names):
        permuted = arm(table, "permuted labels", name)["a"]
        right.plot(
            [k] * len(permuted), permuted, "s", color=PALETTE[3], alpha=0.7, label=None if k else "permuted labels"
        )
        right.plot(k, kernel_a(table, name), "o", color=PALETTE[0], label=None if k else "true labels")
    right.set(yscale="log", ylabel="a from the kernel", xlim=(-0.5, len(names) - 0.5))
    right.set_xticks(range(len(names)), names)
    right.legend(loc="center right")
    return figure


def foreseen_difficulty(table: pd.DataFrame) -> Figure:
    """For every pair of classes: a from the kernel against the error of gradient descent after 20 images."""
    both = arm(table, "difficulty").merge(arm(table, "kernel"), on="pair", suffixes=("", "_kernel"))
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot(both["a_kernel"], both["error"], "o", color=PALETTE[0], alpha=0.7)
    for k, (_, row) in enumerate(both.nlargest(3, "error").iterrows()):
        place = {"xytext": (-6, 2 - 8 * (k % 2)), "textcoords": "offset points", "ha": "right"}
        axes.annotate(row["pair"], (row["a_kernel"], row["error"]), fontsize=8, **place)
    rank = spearmanr(both["a_kernel"], both["error"]).statistic
    percent_axis(axes)
    axes.set(
        xlabel="a from the kernel, without training", ylabel="error after 20 images", xscale="log",
        title=f"rank correlation {rank:.2f} over {len(both)} pairs",
    )  # fmt: skip
    _log_axis(axes, (2, 3, 4, 6, 10, 15, 20, 30, 50))
    return figure


def trained_curve(table: pd.DataFrame) -> Figure:
    """Test error of trained networks against n, data set by data set, with the fits of two free numbers."""
    rows = trained_curves(table)
    groups = list(rows.groupby(["data", "arch"], sort=False))
    figure, axes = plt.subplots(figsize=(7, 4))
    for k, ((data, arch), group) in enumerate(groups):
        mean, prior_mean = group.groupby("n")["error"].mean(), 1 - 1 / group["classes"].iloc[0]
        name = f"{NAMES.get(data, data)}, {arch.upper()}"
        mean_with_band(axes, group, "n", "error", label=name, colour=PALETTE[k], marker=MARKERS[k], linestyle="none")
        dense = np.geomspace(mean.index.min(), mean.index.max(), 80)
        for fit, style in (
            (fit_shifted_beta(mean.index.tolist(), mean.tolist(), prior_mean), "-"),
            (fit_power_law(mean.index.tolist(), mean.tolist()), ":"),
        ):
            axes.plot(dense, fit.predict(dense), style, color=PALETTE[k], label=_in_words(fit))
    axes.set_xscale("log")
    _log_axis(axes, SIZES)
    _log_axis(axes, SHARES, "y")
    percent_axis(axes)
    axes.set(xlabel="training images n, all classes together", ylabel="test error")
    axes.legend(fontsize=8, loc="lower left")
    return figure


def fit_table(table: pd.DataFrame) -> pd.DataFrame:
    """Every model fitted to the mean learning curve of every data set: parameters, misfit, AIC."""
    lines = []
    for (data, arch), group in trained_curves(table).groupby(["data", "arch"], sort=False):
        mean, prior_mean = group.groupby("n")["error"].mean(), 1 - 1 / group["classes"].iloc[0]
        n, error = mean.index.tolist(), mean.tolist()
        fits = [fit_shifted_beta(n, error, prior_mean), fit_power_law(n, error)]
        fits += [fit_beta(n, error, prior_mean), fit_cells(n, error, prior_mean)]
        for fit in fits:
            found = {"data": NAMES.get(data, data), "network": arch, "model": fit.model, "free numbers": fit.free}
            lines.append(found | {"fit": _numbers(fit), "rms of ln error": round(fit.rms, 3), "AIC": round(fit.aic, 1)})
    return pd.DataFrame(lines)


def own_curve(axes: Axes, n: Sequence[float], error: Sequence[float], prior_mean: float) -> CurveFit:
    """Draw a reader's own learning curve with its fit by the shifted Beta; returns the fit."""
    fit = fit_shifted_beta(n, error, prior_mean)
    dense = np.geomspace(min(n), 10 * max(n), 100)
    axes.loglog(n, error, "o", color=PALETTE[0], label="measured")
    axes.loglog(dense, fit.predict(dense), color=PALETTE[1], label=_in_words(fit))
    axes.set(xlabel="training images n", ylabel="error")
    axes.legend()
    return fit


def effective_sizes(table: pd.DataFrame) -> dict[str, float]:
    """How many random networks an average over D_n rests on at n = 10, 30 and 100, on the first pair."""
    row = arm(table, "density").iloc[0]
    model = EmpiricalDensity(row["values"], row["counts"])
    return {f"n = {n}": float(model.effective_size(n)) for n in (10, 30, 100)}


def _log_axis(axes: Axes, ticks: Sequence[float], axis: str = "x") -> None:
    """Plain numbers on a logarithmic axis, at those ticks that lie within what is drawn."""
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    plain_log_axis(axes, [tick for tick in ticks if low <= tick <= high], axis)


def _in_words(fit: CurveFit) -> str:
    return f"{fit.model}: {_numbers(fit)}"


def _numbers(fit: CurveFit) -> str:
    words = {
        "a": "a = {:.3g}",
        "e_min": "E_min = {:.2%}",
        "c": "c = {:.3g}",
        "beta": "exponent {:.2f}",
        "M": "M = {:.3g}",
    }
    return ", ".join(words[name].format(value) for name, value in fit.parameters.items() if name in words)
