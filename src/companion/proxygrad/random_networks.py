"""Random ReLU networks, many at once: how high does an ascent get, by slope, reading, depth and schedule?"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from companion.progress import SILENT, Progress
from companion.proxygrad.activation import asymmetric_leaky_relu, leaky_relu
from companion.proxygrad.ascent import Ascent, climb
from companion.proxygrad.schedules import Schedule, scheduled_slope
from companion.proxygrad.twins import Semantics

__all__ = ["Method", "RandomNetworks", "ascend", "draw_networks", "maxima_on_lines", "uniform_starts"]

D, WIDTH = 20, 64  # inputs and units of a hidden layer


@dataclass(frozen=True)
class Method:
    """One way to climb: a reading, a slope, a schedule."""

    semantics: Semantics = "local"
    a_b: float = 0.0
    schedule: Schedule = "constant"

    @property
    def label(self) -> str:
        """Its name in tables and figures."""
        if self.a_b == 0:
            return "ReLU"
        stages = "" if self.schedule == "constant" else f", {self.schedule}"
        return f"{self.semantics} {self.a_b:g}{stages}"


@dataclass(frozen=True)
class RandomNetworks:
    """N perceptrons with scalar outputs: weights ``[N, in, out]`` and biases ``[N, 1, out]`` of every layer."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def __call__(self, x: Tensor, semantics: Semantics = "local", slope: float | Tensor = 0.0) -> Tensor:
        """Values ``[N, B]`` of inputs ``[N, B, d]``.

        Args:
            x: inputs.
            semantics: ``local`` has the values of the ReLU network and the slope in the backward pass alone;
                ``proxy`` has the slope in both.
            slope: a_b, a number or a tensor ``[B]``.
        """
        column = slope[:, None] if isinstance(slope, Tensor) else slope
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = torch.baddbmm(bias, x, weight)
            x = asymmetric_leaky_relu(z, 0.0, column) if semantics == "local" else leaky_relu(z, column)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])[..., 0]


def draw_networks(
    depth: int, count: int, seed: int = 0, *, inputs: int = D, width: int = WIDTH, outputs: int = 1,
    bias_deviation: float = 0.1, dtype: torch.dtype = torch.float32,
) -> RandomNetworks:  # fmt: skip
    """Networks inputs -> width^depth -> outputs: He weights, biases N(0, 0.1^2), read-out N(0, 1 / width).

    Args:
        depth: hidden layers L.
        count: number of networks N.
        seed: of their weights.
        inputs: d.
        width: units of a hidden layer.
        outputs: of the read-out; the class uses the first.
        bias_deviation: deviation of the biases; the read-out has none.
        dtype: of the weights.
    """
    generator = torch.Generator().manual_seed(1000 * depth + seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    sizes = [inputs] + [width] * depth
    weights = [normal(count, a, b) * math.sqrt(2 / a) for a, b in itertools.pairwise(sizes)]
    biases = [normal(count, 1, width) * bias_deviation for _ in weights]
    weights.append(normal(count, width, outputs) / math.sqrt(width))
    biases.append(torch.zeros(count, 1, outputs, dtype=dtype))
    return RandomNetworks(tuple(weights), tuple(biases))


def ascend(
    networks: RandomNetworks,
    methods: Sequence[Method],
    starts: Tensor,
    *,
    steps: int = 200,
    eta: float = 0.3,
    progress: Progress = SILENT,
) -> Tensor:
    """The best value of every ascent ``[M, N, S]``: M methods from the same S starts in each of N networks.

    Normalised gradients in the box [-1, 1]^d, a step that falls linearly to 0; values by the ReLU networks.

    Args:
        networks: the functions.
        methods: ways to climb, all in one tensor program.
        starts: ``[N, S, d]``.
        steps: number of steps.
        eta: length of the first step.
        progress: told every step.
    """
    N, S, _ = starts.shape
    M = len(methods)
    settings = Ascent(steps=steps, eta=eta, decay=True)
    groups: dict[Semantics, list[int]] = {}
    for k, m in enumerate(methods):
        groups.setdefault(m.semantics, []).append(k)

    def look(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
        values, gradient = torch.empty(N, M * S, dtype=x.dtype, device=x.device), torch.empty_like(x)
        slopes = [scheduled_slope(m.schedule, step / steps, m.a_b) for m in methods]
        for semantics, group in groups.items():
            rows = torch.cat([torch.arange(k * S, (k + 1) * S, device=x.device) for k in group])
            column = torch.tensor([slopes[k] for k in group], dtype=x.dtype, device=x.device).repeat_interleave(S)
            part = x[:, rows].detach().requires_grad_()
            reached = networks(part, semantics, column)
            gradient[:, rows] = torch.autograd.grad(reached.sum(), part)[0]
            with torch.no_grad():  # only the local reading's values are those of the ReLU networks
                values[:, rows] = reached.detach() if semantics == "local" else networks(part)
        return values, gradient

    @torch.no_grad()
    def score(x: Tensor) -> Tensor:
        return networks(x)

    found = climb(starts.repeat(1, M, 1), score, look, settings, progress=progress)
    return found.best_values.view(N, M, S).transpose(0, 1)


def uniform_starts(
    count: int, starts: int, seed: int = 0, inputs: int = D, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Starts ``[N, S, d]``, uniform in the box [-1, 1]^d."""
    generator = torch.Generator().manual_seed(77_000 + seed)
    return (2 * torch.rand(count, starts, inputs, generator=generator, dtype=torch.float64) - 1).to(dtype)


@torch.no_grad()
def maxima_on_lines(
    networks: RandomNetworks, slopes: Sequence[float], *, lines: int = 8, points: int = 401, seed: int = 0
) -> Tensor:
    """How many local maxima the proxy has along straight lines through the box: mean counts ``[slopes, N]``.

    Every line joins two uniform points of [-1, 1]^d; ends do not count. Slope 0 is the ReLU network itself.

    Args:
        networks: the functions.
        slopes: negative slopes a_b of the proxy.
        lines: lines a network.
        points: at which the functions are evaluated on each line.
        seed: of the lines.
    """
    N, inputs = networks.weights[0].shape[:2]
    ends = uniform_starts(N, 2 * lines, seed, inputs, networks.weights[0].dtype).view(N, 2, lines, 1, inputs)
    share = torch.linspace(0, 1, points, dtype=ends.dtype)[:, None]
    x = (ends[:, 0] + share * (ends[:, 1] - ends[:, 0])).flatten(1, 2)
    counts = []
    for slope in slopes:
        rising = networks(x, "proxy", slope).view(N, lines, points).diff(dim=2) > 0
        counts.append((rising[..., :-1] & ~rising[..., 1:]).sum(2).double().mean(1))
    return torch.stack(counts)
