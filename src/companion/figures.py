"""One visual style for all figures: colour-blind safe, readable in print, on light and on dark pages."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from companion.statistics import mean_interval

# Okabe and Ito's colours, the strongest first; black is kept for text and yellow is left out (too pale on white).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
NEUTRAL = "#6B7280"
MARKERS = ("o", "s", "^", "D", "v", "P")


def use_style() -> None:
    """Set the style of all figures that follow; the ground is white on dark pages too, as in print."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=sns.color_palette(PALETTE),
        rc={
            "figure.figsize": (7.0, 3.8),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "axes.grid": True,
            "grid.color": "#E5E7EB",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "font.family": "sans-serif",
            "svg.hashsalt": "companion",
        },
    )


def mean_with_band(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    label: str | None = None,
    colour: str | None = None,
    marker: str = "o",
    **line: Any,
) -> None:
    """Draw the mean of `y` over seeds against `x`, with the 95 % t interval as a band.

    Args:
        axes: where to draw.
        table: one row a seed and a value of `x`.
        x: column of the abscissa.
        y: column of the ordinate.
        label: for the legend.
        colour: default the next of the palette.
        marker: at every value of `x`.
        line: further arguments of ``Axes.plot``.
    """
    points = sorted(table[x].dropna().unique())
    intervals = [mean_interval(table.loc[table[x] == point, y].astype(float).tolist()) for point in points]
    (drawn,) = axes.plot(points, [i.mean for i in intervals], marker=marker, color=colour, label=label, **line)
    low = [i.low if i.count > 1 else i.mean for i in intervals]
    high = [i.high if i.count > 1 else i.mean for i in intervals]
    axes.fill_between(points, low, high, color=drawn.get_color(), alpha=0.18, linewidth=0)


def published_value(axes: Axes, value: float, label: str, *, horizontal: bool = True) -> None:
    """Mark a published value: a dashed grey line that says what it is."""
    draw = axes.axhline if horizontal else axes.axvline
    draw(value, color=NEUTRAL, linestyle="--", linewidth=1.2, label=f"published: {label}")


def percent_axis(axes: Axes, axis: str = "y") -> None:
    """Show shares from 0 to 1 as percentages."""
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    chosen.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def plain_log_axis(axes: Axes, ticks: Sequence[float], axis: str = "x") -> None:
    """A logarithmic axis whose ticks are plain numbers at the given places."""
    set_scale, chosen = (axes.set_xscale, axes.xaxis) if axis == "x" else (axes.set_yscale, axes.yaxis)
    set_scale("log")
    chosen.set_ticks(list(ticks), labels=[f"{tick:g}" for tick in ticks])
    chosen.set_minor_locator(plt.NullLocator())


def image_grid(
    images: Tensor, titles: Sequence[str] | None = None, *, columns: int = 10, size: float = 0.8, full_scale: int = 255
) -> Figure:
    """Show images ``[N, C, H, W]`` side by side.

    Args:
        images: uint8, or floating point from 0 to 1 with ``full_scale=1``.
        titles: one word above each image.
        columns: images a row.
        size: inches an image.
        full_scale: the value of a fully bright pixel.
    """
    N, C, _, _ = images.shape
    rows = -(-N // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(columns * size, rows * size * (1.25 if titles else 1)), squeeze=False
    )
    for k, axes in enumerate(grid.flat):
        axes.axis("off")
        if k < N:
            pixels = np.clip(images[k].cpu().float().numpy() / full_scale, 0, 1)
            if C == 1:
                axes.imshow(pixels[0], cmap="gray", vmin=0, vmax=1)
            else:
                axes.imshow(pixels.transpose(1, 2, 0))
            if titles:
                axes.set_title(titles[k], fontsize=7, loc="center", pad=2)
    return figure
