"""Figures of the mechanism: the surrogates, their gain and reach, and the field that is no gradient."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from companion.figures import NEUTRAL, PALETTE, plain_log_axis
from companion.sugar.gain import backward_gain, slope_zero
from companion.sugar.mechanics import LOOP, example_field
from companion.sugar.surrogates import PAPER_SURROGATES, find_surrogate
from companion.sugar.vector_field import circle, circulation

STYLES = [{"color": c, "linestyle": s, "linewidth": 1.3} for s in ("-", "--") for c in PALETTE[1:]]


def surrogates(names: Sequence[str] = tuple(PAPER_SURROGATES)) -> Figure:
    """f and its derivative f~ for several surrogates, ReLU dotted."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6))
    x = torch.linspace(-5, 4, 901, dtype=torch.float64)
    for axes, curve in zip(panels, ("value", "slope"), strict=True):
        for k, name in enumerate(names):
            f = find_surrogate(name)
            style = {"color": PALETTE[0], "linewidth": 3, "zorder": 3} if name == "b_silu" else STYLES[k % len(STYLES)]
            axes.plot(x, f(x) if curve == "value" else f.slope(x), label=f.label, **style)
        axes.plot(x, x.clamp_min(0) if curve == "value" else (x > 0).double(), "k:", label="ReLU")
        axes.set(xlabel="pre-activation x")
    panels[0].set(title="f(x)", ylim=(-1.6, 4))
    panels[1].set(title="f~(x), the slope that runs backward", ylim=(-0.3, 1.9))
    panels[1].legend(ncol=2, fontsize=7, loc="upper left")
    return figure


HIGHEST_SHARE = 0.3
"""Of the pre-activations, in one bar of :func:`reach`; higher bars are cut off and carry their share as text."""


def gains(depth: int = 8, names: Sequence[str] = ("b_silu", "elu", "silu", "nelu")) -> Figure:
    """The closed form g^(layers above) of the gradient's norm for several surrogates, relative to ReLU."""
    figure, axes = plt.subplots(figsize=(6.5, 3.4))
    layers = np.arange(1, depth + 2)
    for k, name in enumerate(names):
        gain = backward_gain(name)
        label = f"{find_surrogate(name).label}, g = {gain:.4f}"
        axes.plot(layers, gain ** (depth + 1 - layers), "o-", color=PALETTE[k], label=label)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":", label="ReLU")
    plain_log_axis(axes, (0.5, 1, 2, 4, 8), "y")
    axes.set(xlabel="weights of layer (1 is next to the input)", ylabel="gradient norm / ReLU's")
    axes.legend(fontsize=8)
    return figure


def reach(preactivations: dict[str, torch.Tensor], surrogate: str = "b_silu") -> Figure:
    """The slope f~ over histograms of pre-activations: what lies left of its zero cannot be pulled up.

    Args:
        preactivations: values of any shape by label, such as those of a layer at several initial biases.
        surrogate: whose slope is drawn.
    """
    figure, axes = plt.subplots(figsize=(8, 3.4))
    density = axes.twinx()
    for k, (label, values) in enumerate(preactivations.items()):
        counts, edges = np.histogram(values.flatten().numpy(), bins=60, range=(-8, 4))
        share = counts / values.numel()
        density.stairs(share, edges, fill=True, color=PALETTE[k], alpha=0.35, label=label)
        if share.max() > HIGHEST_SHARE:  # behind a silent first layer every pre-activation is the bias itself
            place = edges[share.argmax()] + 0.1, HIGHEST_SHARE
            density.annotate(f"{share.max():.0%}", place, ha="center", va="bottom", fontsize=8, color=PALETTE[k])
    x = torch.linspace(-8, 4, 601, dtype=torch.float64)
    f = find_surrogate(surrogate)
    axes.plot(x, f.slope(x), color="black", label=f"slope of {f.label}")
    axes.plot(x, (x > 0).double(), color="black", linestyle=":", label="slope of ReLU")
    if (zero := slope_zero(surrogate)) is not None:
        axes.axvline(zero, color=NEUTRAL, linestyle="--", linewidth=1, label=f"zero at {zero:.2f}")
    axes.set(xlabel="pre-activation x", ylabel="slope", xlim=(-8, 4))
    axes.set_zorder(density.get_zorder() + 1)
    axes.patch.set_visible(False)
    density.set(yticks=[], ylim=(0, HIGHEST_SHARE))
    density.grid(False)
    density.spines["left"].set_visible(False)
    handles = [*axes.get_legend_handles_labels()[0], *density.get_legend_handles_labels()[0]]
    names = [*axes.get_legend_handles_labels()[1], *density.get_legend_handles_labels()[1]]
    axes.legend(handles, names, fontsize=8, loc="center left")
    return figure


def injected_fields(names: tuple[str, ...] = ("relu", "gain_matched", "b_silu"), points: int = 17) -> Figure:
    """Loss (contours), negative field (arrows), and a loop with its circulation, one panel a surrogate."""
    figure, panels = plt.subplots(1, len(names), figsize=(3.6 * len(names), 3.6), sharey=True, squeeze=False)
    u, v = torch.linspace(-1, 1, 81, dtype=torch.float64), torch.linspace(-0.5, 1.5, 81, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(u, v, indexing="xy"), dim=-1)
    coarse = torch.stack(torch.meshgrid(u[:: 80 // (points - 1)], v[:: 80 // (points - 1)], indexing="xy"), dim=-1)
    loop = circle(*LOOP)
    for axes, name in zip(panels.flat, names, strict=True):
        network = example_field(name)
        axes.contour(u, v, network.loss(grid), levels=14, cmap="Greys", linewidths=0.8)
        down = -network.field(coarse)
        axes.quiver(coarse[..., 0], coarse[..., 1], down[..., 0], down[..., 1], color=PALETTE[0], angles="xy")
        axes.plot(loop[:, 0], loop[:, 1], color=PALETTE[1])
        amount = circulation(network, loop)
        axes.set(title=f"{find_surrogate(name).label}: {abs(round(amount, 3)):.3f}", xlabel="u", aspect="equal")
        axes.grid(False)
    panels[0, 0].set(ylabel="v")
    return figure
