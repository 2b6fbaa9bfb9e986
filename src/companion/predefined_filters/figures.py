"""The chapter's figures."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from torch import Tensor

from companion.data import ImageSet
from companion.figures import (
    MARKERS,
    NEUTRAL,
    PALETTE,
    image_grid,
    mean_with_band,
    percent_axis,
    plain_log_axis,
)
from companion.predefined_filters.aliasing import (
    LINES,
    blurred,
    lines_seen,
    responses,
    subsampled,
    two_lines,
)
from companion.predefined_filters.arms import ARMS
from companion.predefined_filters.claims import at_main_size, differences
from companion.predefined_filters.counts import Cost
from companion.predefined_filters.declaration import PredefinedFilters
from companion.predefined_filters.filters import filter_bank, filter_names, singular_values, span
from companion.predefined_filters.measurements import split_of
from companion.statistics import mean_interval


def kernel_gallery(bank: Tensor, names: Sequence[str], columns: int = 8) -> Figure:
    """The kernels (k, 3, 3) side by side, blue negative and red positive, on one scale of colours."""
    rows = -(-len(bank) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(columns * 0.95, rows * 1.15), squeeze=False)
    most = float(bank.abs().max())
    for k, axes in enumerate(grid.flat):
        axes.axis("off")
        if k < len(bank):
            axes.imshow(bank[k], cmap="RdBu_r", vmin=-most, vmax=most)
            axes.set_title(names[k].replace("-", "−"), fontsize=9, loc="center", pad=3)
    return figure


def spectra(banks: Mapping[str, Tensor]) -> Figure:
    """Singular values of some banks (k, 3, 3): how many of the nine dimensions each of them spans."""
    figure, axes = plt.subplots()
    for k, (name, bank) in enumerate(banks.items()):
        values = singular_values(bank)
        label = f"{name}: {len(bank)} kernels, {span(bank)} dimensions"
        axes.plot(range(1, len(values) + 1), values, marker=MARKERS[k], color=PALETTE[k], label=label)
    axes.set(xlabel="number of the singular value", ylabel="singular value", xticks=range(1, 10))
    axes.legend()
    return figure


def aliasing_steps(rows: Sequence[int] = LINES) -> Figure:
    """The skip path step by step: every second pixel of the image, and of the blurred image."""
    image = two_lines(rows)
    steps = {
        "image": image,
        "every second pixel": subsampled(image),
        "image, blurred": blurred(image),
        "every second pixel of it": subsampled(image, blur=True),
    }
    figure, grid = plt.subplots(1, 4, figsize=(8, 2.3))
    for axes, (name, picture) in zip(grid, steps.items(), strict=True):
        axes.imshow(picture[0, 0], cmap="gray", vmin=0, vmax=1)
        axes.set_title(name, fontsize=9)
        axes.set(xticks=[], yticks=range(0, picture.shape[-1], picture.shape[-1] // 4))
        axes.grid(False)
    return figure


def kernel_responses(rows: Sequence[int] = LINES) -> Figure:
    """ReLU of the 16 stride-2 responses to the two lines; the title says which line a kernel sees."""
    maps = responses(two_lines(rows), filter_bank())
    seen = lines_seen(maps, rows)
    figure, grid = plt.subplots(2, 8, figsize=(8, 2.7))
    for axes, name, picture, (first, second) in zip(grid.flat, filter_names(), maps, seen.tolist(), strict=True):
        line = "both" if first and second else str(rows[0]) if first else str(rows[1]) if second else "none"
        axes.imshow(picture, cmap="gray", vmin=0, vmax=float(maps.max()))
        axes.set_title(f"{name.replace('-', '−')}: {line}", fontsize=8, pad=3)
        axes.axis("off")
    return figure


def cost_bars(pfnet: Cost, dense: Cost) -> Figure:
    """Learned numbers and multiply-adds of a PFNet and its dense twin, by kind of layer, in millions."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3))
    for axes, attribute, title in zip(
        panels, ("learned", "multiply_adds"), ("learned numbers", "multiply-adds of one image"), strict=True
    ):
        counts = [getattr(cost, attribute) for cost in (pfnet, dense)]
        kinds = [kind for kind in sorted(counts[0] | counts[1]) if counts[0][kind] + counts[1][kind]]
        for k, (count, label) in enumerate(zip(counts, ("PFNet", "dense twin"), strict=True)):
            places = [place + 0.4 * (k - 0.5) for place in range(len(kinds))]
            axes.bar(places, [count[kind] / 1e6 for kind in kinds], 0.38, color=PALETTE[k], label=label)
        axes.set_xticks(range(len(kinds)), kinds, rotation=20)
        axes.set(title=title, ylabel="millions")
    panels[0].legend()
    return figure


def training_images(images: ImageSet, parameters: PredefinedFilters, columns: int = 10) -> Figure:
    """One training image of each class (at most two rows), as the networks see it."""
    chosen = images[split_of(parameters, images, 1).train][: 2 * columns]
    titles = [images.classes[int(label)] for label in chosen.labels]
    return image_grid(chosen.images, titles, columns=columns, full_scale=images.full_scale)


def ablation(table: pd.DataFrame) -> Figure:
    """Test accuracy of every arm (mean, 95 % interval, a dot a seed), and the paper's Table 7 beside it."""
    rows = at_main_size(table)
    arms = [arm for arm in ARMS if arm in set(rows["arm"])]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 0.8 + 0.42 * len(arms)), sharey=True)
    for k, arm in enumerate(arms):
        reached = rows.loc[rows["arm"] == arm, "test_accuracy"].astype(float).tolist()
        interval = mean_interval(reached)
        left.barh(k, interval.mean, color=_colour(arm), height=0.62, alpha=0.85)
        if interval.count > 1:
            left.plot([interval.low, interval.high], [k, k], color="black", linewidth=1.4)
        left.plot(reached, [k] * len(reached), "o", color="white", markeredgecolor="black", markersize=4)
        if published := ARMS[arm].table_7:
            right.barh(k, published[0], xerr=published[1], color=_colour(arm), height=0.62, alpha=0.45, capsize=3)
    left.set_yticks(range(len(arms)), [ARMS[arm].label for arm in arms])
    left.invert_yaxis()
    left.set(xlabel="test accuracy", title="measured here")
    right.set(xlabel="test accuracy", title="published: Flowers102, Table 7")
    for axes in (left, right):
        percent_axis(axes, "x")
        axes.grid(axis="y", visible=False)
    return figure


def accuracy_against_size(table: pd.DataFrame) -> Figure:
    """Test accuracy of PFNet and dense twin against images a class, and the lead of the PFNet, paired by seed."""
    curves = {}
    for arm in ("pfnet", "dense"):
        rows = table[table["arm"] == arm]
        label = f"{'PFNet' if arm == 'pfnet' else 'dense twin'} ({int(rows['parameters'].iloc[0]):,} learned)"
        curves[label] = (rows, _colour(arm))
    return curves_and_lead(curves, differences(table, "pfnet", "dense"), "PFNet minus dense twin (points)")


def curves_and_lead(curves: Mapping[str, tuple[pd.DataFrame, str]], lead: pd.Series, lead_label: str) -> Figure:
    """Test accuracy against images a class of several kinds of networks, and the lead of one of them.

    Args:
        curves: rows and colour of each, by label.
        lead: differences paired by seed, with ``per_class`` in the index.
        lead_label: the label of their axis.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    for k, (label, (rows, colour)) in enumerate(curves.items()):
        mean_with_band(left, rows, "per_class", "test_accuracy", label=label, colour=colour, marker=MARKERS[k])
    leads = lead.reset_index(name="lead")
    mean_with_band(right, leads, "per_class", "lead", colour=PALETTE[2])
    right.axhline(0, color="black", linewidth=0.8)
    for axes in (left, right):
        plain_log_axis(axes, sorted(leads["per_class"].unique()))
        percent_axis(axes)
        axes.set(xlabel="training images per class")
    left.set(ylabel="test accuracy")
    right.set(ylabel=lead_label)
    left.legend(loc="lower right")
    return figure


def economy(table: pd.DataFrame) -> Figure:
    """Test accuracy against the number of learned parameters, a dot a seed."""
    rows = at_main_size(table)
    figure, axes = plt.subplots()
    for k, arm in enumerate(arm for arm in ARMS if arm in set(rows["arm"])):
        of_arm = rows[rows["arm"] == arm]
        _scatter(axes, of_arm, arm, MARKERS[k % len(MARKERS)], ARMS[arm].label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    percent_axis(axes)
    axes.set(xlabel="learned parameters", ylabel="test accuracy")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _scatter(axes: Axes, rows: pd.DataFrame, arm: str, marker: str, label: str) -> None:
    axes.plot(
        rows["parameters"], rows["test_accuracy"], marker, color=_colour(arm), alpha=0.75, label=label, linestyle="none"
    )


def _colour(arm: str) -> str:
    """PFNet blue, its switches grey, other kernels green, the dense twins vermilion."""
    if ARMS[arm].dense:
        return PALETTE[1]
    if arm == "pfnet":
        return PALETTE[0]
    return PALETTE[2] if "random" in arm or arm in ("edges", "lines", "trainable") else NEUTRAL
