"""The picture of the two-weight network: its loss, the field that is followed, and its circulation around a loop."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from companion.figures import PALETTE
from companion.sugar.mechanics import LOOP, example_field
from companion.sugar.surrogates import find_surrogate
from companion.sugar.vector_field import circle, circulation

__all__ = ["injected_fields"]


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
