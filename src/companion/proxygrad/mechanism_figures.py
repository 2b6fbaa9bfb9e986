"""Figures of the mechanism: slopes, toys, the field of each reading, a deep network of one input."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from companion.figures import NEUTRAL, PALETTE
from companion.proxygrad.activation import asymmetric_leaky_relu, leaky_relu
from companion.proxygrad.random_networks import RandomNetworks, draw_networks
from companion.proxygrad.readings import circulation, gradient_of
from companion.proxygrad.toys import DETECTOR_STARTS, EdgeDetector, TwoHinges, climb_toy, detector_start

__all__ = ["deep_landscape", "detector", "fields", "hinges", "one_input_networks", "two_slopes"]

BOX = 3.0  # of the networks of one input


def two_slopes(backward_slope: float = 0.3) -> Figure:
    """The activation: value on the left, derivative on the right, for plain ReLU, ProxyGrad and Leaky ReLU."""
    x = torch.linspace(-2, 2, 401, dtype=torch.float64, requires_grad=True)
    cases = {
        "ReLU": lambda z: asymmetric_leaky_relu(z, 0.0, 0.0),
        f"forward 0, backward {backward_slope:g}": lambda z: asymmetric_leaky_relu(z, 0.0, backward_slope),
        f"Leaky ReLU, {backward_slope:g} in both": lambda z: leaky_relu(z, backward_slope),
    }
    figure, panels = plt.subplots(1, 2, figsize=(8.5, 2.9))
    for k, (label, function) in enumerate(cases.items()):
        y = function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        style = {"color": (PALETTE[1], PALETTE[0], PALETTE[2])[k], "linestyle": ("-", "--", ":")[k], "linewidth": 2.2}
        panels[0].plot(x.detach().numpy(), y.detach().numpy(), label=label, **style)
        panels[1].plot(x.detach().numpy(), slope.numpy(), label=label, **style)
    panels[0].set(title="forward: the value", xlabel="pre-activation z")
    panels[1].set(title="backward: the slope", xlabel="pre-activation z")
    panels[0].legend()
    return figure


def hinges(a_b: float = 0.5, w1: float = 3.0, w2: float = 1.0, x0: float = -0.5, **ignored: object) -> Figure:
    """T2: the function, its proxy, the path of the ascent; and where the ascent ends for every slope."""
    toy, box = TwoHinges(w1, w2), 2.0
    grid = torch.linspace(-box, box, 201, dtype=torch.float64)[:, None]
    path = climb_toy(toy, torch.tensor([[x0]], dtype=torch.float64), a_b, box=box, steps=400, frames=range(0, 401, 10))
    slopes = torch.linspace(0, 1, 41, dtype=torch.float64)
    ends = climb_toy(toy, torch.full((41, 1), x0, dtype=torch.float64), slopes, box=box, steps=400).values[-1]
    proxy = w1 * leaky_relu(grid - 1, a_b) + w2 * leaky_relu(-grid, a_b)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2))
    panels[0].plot(grid.numpy(), toy(grid).numpy(), color=PALETTE[1], label="f, the function")
    panels[0].plot(grid.numpy(), proxy.numpy(), "--", color=PALETTE[0], label=f"p, the proxy with slope {a_b:g}")
    x = torch.cat(list(path.frames.values()))
    panels[0].plot(x.numpy(), toy(x).numpy(), "o", color=PALETTE[2], markersize=4, label="the ascent")
    panels[0].set(xlabel="x")
    panels[0].legend()
    panels[1].plot(slopes.numpy(), ends.numpy(), color=PALETTE[0])
    panels[1].axvline(w2 / w1, color=NEUTRAL, linestyle="--", label="$w_2 / w_1$")
    panels[1].set(xlabel="backward slope $a_b$", ylabel="f at the end", ylim=(0, None))
    panels[1].legend()
    return figure


def detector(a_b: float = 0.1, **ignored: object) -> Figure:
    """T3: start and end of the ascent from three starts, with plain gradients and with a backward slope."""
    starts = torch.stack([detector_start(name) for name in DETECTOR_STARTS])[:, None]
    columns = {"start": starts}
    for label, slope in (("plain gradient", None), (f"$a_b$ = {a_b:g}", a_b)):
        columns[label] = climb_toy(EdgeDetector(), starts, slope, eta=0.1).last
    figure, grid = plt.subplots(3, 3, figsize=(5.2, 5.4))
    for column, (label, images) in enumerate(columns.items()):
        for row, image in enumerate(images):
            axes = grid[row, column]
            axes.imshow(image[0].numpy(), cmap="gray", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
            value = float(EdgeDetector()(image[None]))
            axes.set_title(f"{label}\nf = {value:.2f}" if row == 0 else f"f = {value:.2f}", fontsize=9, loc="center")
            if column == 0:
                axes.set_ylabel(DETECTOR_STARTS[row])
    return figure


def fields(slope: float = 0.3, seed: int = 0) -> Figure:
    """Three fields over the landscape of a network with two inputs, and their loop integrals around the circle."""
    network = draw_networks(3, 1, seed, inputs=2, width=16, dtype=torch.float64)
    fine, coarse = (torch.linspace(-1.5, 1.5, n, dtype=torch.float64) for n in (121, 15))
    X, Y = torch.meshgrid(fine, fine, indexing="xy")
    x, y = torch.meshgrid(coarse, coarse, indexing="xy")
    points = torch.stack([x.flatten(), y.flatten()], 1)[None]
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True)
    cases = (("true gradient", "local", 0.0), ("local reading", "local", slope), ("proxy reading", "proxy", slope))
    for axes, (label, reading, a) in zip(panels, cases, strict=True):
        landscape = network(torch.stack([X.flatten(), Y.flatten()], 1)[None], "proxy", a if reading == "proxy" else 0.0)
        axes.contourf(X.numpy(), Y.numpy(), landscape.view(X.shape).numpy(), levels=18, cmap="Greys", alpha=0.5)
        g = gradient_of(network, points, reading, a)[0]
        axes.quiver(x.numpy(), y.numpy(), *g.T.reshape(2, *x.shape).numpy(), color=PALETTE[0], angles="xy", width=0.006)
        angle = torch.linspace(0, 2 * torch.pi, 200)
        axes.plot(angle.cos().numpy(), angle.sin().numpy(), color=PALETTE[1], linewidth=1.2)
        axes.set(title=f"{label}: {abs(float(circulation(network, reading, a))):.3f}", aspect="equal")
        axes.grid(False)
    return figure


def one_input_networks(
    depths: Sequence[int] = (1, 2, 3, 5), count: int = 3, width: int = 8, drawn: int = 200
) -> dict[str, list[list[list]]]:
    """Networks of one input as plain numbers, for the browser: by depth a list of networks, each of layers.

    Of `drawn` random networks of each depth those with the most local maxima between -3 and 3 are taken: most random
    networks of one input have a single hump, on which there is nothing to see. A layer is a pair, weights [out][in]
    and biases [out], with four decimals; the last one is the read-out.
    """
    x = torch.linspace(-BOX, BOX, 401, dtype=torch.float64)[None, :, None]
    found: dict[str, list[list[list]]] = {}
    for depth in depths:
        all_drawn = draw_networks(depth, drawn, seed=7, inputs=1, width=width, bias_deviation=1.0, dtype=torch.float64)
        rising = all_drawn(x.expand(drawn, -1, -1)).diff(dim=1) > 1e-9
        maxima = (rising[:, :-1] & ~rising[:, 1:]).sum(1)
        chosen = maxima.argsort(descending=True, stable=True)[:count].tolist()
        found[str(depth)] = [
            [[_decimals(W[k].T), _decimals(b[k, 0])] for W, b in zip(all_drawn.weights, all_drawn.biases, strict=True)]
            for k in chosen
        ]
    return found


def _decimals(values: Tensor) -> list:
    return torch.round(values, decimals=4).tolist()


def from_numbers(layers: Sequence[Sequence[list]]) -> RandomNetworks:
    """One network of :func:`one_input_networks` as a function of tensors."""
    weights = tuple(torch.tensor(weight, dtype=torch.float64).T[None] for weight, _ in layers)
    return RandomNetworks(weights, tuple(torch.tensor(bias, dtype=torch.float64)[None, None] for _, bias in layers))


def deep_landscape(
    networks: Mapping[str, Sequence], depth: int = 3, network: int = 2, a_b: float = 0.3, **ignored: object
) -> Figure:
    """A random network of one input, its proxy, and the integral of the local reading's field."""
    chosen = from_numbers(networks[str(depth)][network - 1])
    x = torch.linspace(-BOX, BOX, 601, dtype=torch.float64)[None, :, None]
    f, p = (chosen(x, "proxy", a)[0].detach() for a in (0.0, a_b))
    field = gradient_of(chosen, x, "local", a_b)[0, :, 0]
    steps = 0.5 * (field[1:] + field[:-1]) * (x[0, 1, 0] - x[0, 0, 0])
    climbed = torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])
    figure, axes = plt.subplots(figsize=(7, 3.3))
    place = x[0, :, 0].numpy()
    axes.plot(place, f.numpy(), color=PALETTE[1], label="f, the network")
    axes.plot(place, p.numpy(), "--", color=PALETTE[0], label=f"p, the proxy with slope {a_b:g}")
    axes.plot(
        place, (climbed - climbed[300] + f[300]).numpy(), ":", color=PALETTE[3], label="integral of the local reading"
    )
    axes.set(xlabel="input x")
    axes.legend()
    return figure
