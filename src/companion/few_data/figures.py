"""The chapter's figures."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion.data import ImageSet
from companion.few_data.claims import networks
from companion.few_data.learning_curves import (
    fit_power_law,
    fit_shifted_hyperbola,
    power_law,
    shifted_hyperbola,
)
from companion.few_data.measurements import sample_indices
from companion.figures import (
    MARKERS,
    NEUTRAL,
    PALETTE,
    image_grid,
    mean_with_band,
    percent_axis,
    plain_log_axis,
)


def training_images(images: ImageSet, per_class: int, split_seed: int, largest: int, columns: int = 10) -> Figure:
    """The training set itself: every image of the split, class by class."""
    chosen = images[sample_indices(images, per_class, split_seed, largest).train]
    titles = [images.classes[int(label)] for label in chosen.labels]
    return image_grid(chosen.images, titles, columns=columns, full_scale=images.full_scale)


def accuracy_against_size(table: pd.DataFrame) -> Figure:
    """Test accuracy against images a class: every width, and the baselines without depth."""
    figure, axes = plt.subplots()
    rows = networks(table)
    for k, (width, group) in enumerate(rows.groupby("width")):
        label = f"width {width:g} ({int(group['weights'].iloc[0]):,} weights)"
        mean_with_band(
            axes, group, "per_class", "test_accuracy", label=label, colour=PALETTE[k], marker=MARKERS[k % len(MARKERS)]
        )
    for style, name in ((":", "nearest neighbour"), ("--", "logistic regression")):
        bar = table[table["arm"] == name].sort_values("per_class")
        axes.plot(bar["per_class"], bar["test_accuracy"], style, color=NEUTRAL, label=name)
    classes = rows["class_count"].iloc[0]
    axes.axhline(1 / classes, color="black", linewidth=0.8, linestyle=(0, (1, 3)), label="chance")
    plain_log_axis(axes, sorted(rows["per_class"].unique()))
    percent_axis(axes)
    axes.set(xlabel="training images per class", ylabel="test accuracy", ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return figure


def accuracy_against_weights(table: pd.DataFrame) -> Figure:
    """Test accuracy against the number of weights at each size: does a larger network over-fit more?"""
    figure, axes = plt.subplots()
    rows = networks(table)
    for k, (per_class, group) in enumerate(rows.groupby("per_class")):
        label = f"{per_class} per class"
        mean_with_band(axes, group, "weights", "test_accuracy", label=label, colour=PALETTE[k], marker=MARKERS[k])
    axes.set_xscale("log")
    percent_axis(axes)
    axes.set(xlabel="weights of the network", ylabel="test accuracy", ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return figure


def permuted_labels(table: pd.DataFrame) -> Figure:
    """Test accuracy of every network trained on permuted labels, against chance."""
    rows = table[table["arm"] == "permuted labels"]
    chance = 1 / rows["class_count"].iloc[0]
    figure, axes = plt.subplots(figsize=(7, 2.6))
    axes.hist(rows["test_accuracy"], bins=12, color=PALETTE[4], edgecolor="white")
    axes.axvline(chance, color="black", linestyle=(0, (1, 2)), label=f"chance, {100 * chance:g} %")
    axes.axvline(rows["test_accuracy"].mean(), color=PALETTE[1], label="mean over permutations")
    percent_axis(axes, "x")
    axes.set(xlabel="test accuracy after training on permuted labels", ylabel="networks")
    axes.legend()
    return figure


def traces(table: pd.DataFrame, per_class: int) -> Figure:
    """Training and test accuracy while the networks of one size learn."""
    rows = networks(table)
    rows = rows[rows["per_class"] == per_class]
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for axes, part in zip(panels, ("train", "test"), strict=True):
        for k, (width, group) in enumerate(rows.groupby("width")):
            for number, (_, row) in enumerate(group.iterrows()):
                axes.plot(
                    row["curve_epoch"], row[f"curve_{part}_accuracy"], color=PALETTE[k], alpha=0.8,
                    label=f"width {width:g}" if number == 0 else None,
                )  # fmt: skip
        percent_axis(axes)
        axes.set(xlabel="epoch", title=f"{'training' if part == 'train' else 'test'} accuracy")
    panels[1].legend()
    return figure


def learning_curve(table: pd.DataFrame) -> Figure:
    """Test error against the number of training images, with both fitted forms."""
    rows = table[table["arm"] == "curve"]
    rows = rows.assign(error=1 - rows["test_accuracy"])
    mean = rows.groupby("train_images")["error"].mean()
    n, error = mean.index.to_numpy(), mean.to_numpy()
    figure, axes = plt.subplots()
    mean_with_band(axes, rows, "train_images", "error", label="measured", colour=PALETTE[0], linestyle="none")
    dense = np.geomspace(n.min(), n.max(), 100)
    straight, bent = fit_power_law(n, error), fit_shifted_hyperbola(n, error)
    p, q = straight.parameters, bent.parameters
    axes.plot(
        dense, power_law(dense, **p), color=PALETTE[1],
        label=f"${p['c']:.2f}\\,n^{{-{p['beta']:.2f}}}$, $R^2$ = {straight.r_squared:.3f}",
    )  # fmt: skip
    axes.plot(
        dense, shifted_hyperbola(dense, **q), color=PALETTE[2], linestyle="--",
        label=f"$E_{{min}}$ = {q['e_min']:.3f}, $a$ = {q['a']:.1f}, $b$ = {q['b']:.1f}, $R^2$ = {bent.r_squared:.3f}",
    )  # fmt: skip
    plain_log_axis(axes, n)
    plain_log_axis(axes, (0.02, 0.05, 0.1, 0.2, 0.5), "y")
    axes.set(xlabel="training images, all classes together", ylabel="test error")
    axes.legend()
    return figure


def regularisers(table: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """Test accuracy with each hidden regulariser switched on, and with none, a dot a seed."""
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.5 * len(arms)))
    for k, arm in enumerate(arms):
        reached = table.loc[table["switch"] == arm, "test_accuracy"].astype(float)
        axes.plot(reached, [k] * len(reached), "o", color=PALETTE[0 if arm == arms[0] else 1], alpha=0.6)
        axes.plot(reached.mean(), k, "|", color="black", markersize=16)
    axes.set_yticks(range(len(arms)), arms)
    axes.invert_yaxis()
    percent_axis(axes, "x")
    axes.set(xlabel="test accuracy (dots: seeds; bar: mean)")
    return figure
