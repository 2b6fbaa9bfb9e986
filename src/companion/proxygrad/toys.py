"""Four functions on which plain activation maximisation goes wrong, small enough to be followed by hand.

All are networks with one ReLU layer, so that both readings of ProxyGrad give the same gradient. They are ours, built
on the toy networks of the authors' code of 2023.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from companion.proxygrad.activation import Slope
from companion.proxygrad.ascent import Ascent, Found, maximise
from companion.proxygrad.objectives import Objective

__all__ = [
    "DETECTOR_STARTS",
    "EdgeDetector",
    "PolarityDetector",
    "TwoHinges",
    "climb_toy",
    "dead_start",
    "detector_start",
    "slope_threshold",
]

SIDE = 15  # of T3's images
PREWITT = torch.tensor([[-1.0, 0.0, 1.0]] * 3, dtype=torch.float64) / 6
PLACES = ((7, 5), (7, 9), (5, 7), (9, 7))  # where T3 reads its four feature maps
DETECTOR_STARTS = ("grey", "bright square", "dark square")


class TwoHinges(nn.Module):
    """f(x) = w1 relu(x - c) + w2 relu(-x): a steep hinge on the right, a shallow one, the trap, on the left.

    Args:
        w1: slope of the right hinge.
        w2: slope of the left hinge; 0 leaves T1's lone ReLU (with c = 0).
        c: where the right hinge begins.
    """

    def __init__(self, w1: float = 3.0, w2: float = 1.0, c: float = 1.0) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.register_buffer("heights", torch.tensor([w1, w2], dtype=torch.float64))
        self.c = c

    def forward(self, x: Tensor) -> Tensor:
        """Values [B] of inputs [B, 1]."""
        return self.relu(torch.cat([x - self.c, -x], 1)) @ self.heights


def dead_start() -> TwoHinges:
    """T1: f(x) = relu(x)."""
    return TwoHinges(1.0, 0.0, 0.0)


class EdgeDetector(nn.Module):
    """T3: four edge filters (Prewitt / 6, +-0 and +-90 degrees), ReLU, each read at one place of a 15 x 15 image.

    f = relu(e0 * x)[7, 5] + relu(-e0 * x)[7, 9] + relu(e90 * x)[5, 7] + relu(-e90 * x)[9, 7] has its largest value
    in the box [-1, 1], which is 4, at a bright 3 x 3 square on a dark ground.
    """

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.stack([PREWITT, -PREWITT, PREWITT.T, -PREWITT.T])[:, None]
        self.edges = nn.Conv2d(1, 4, 3, padding=1, padding_mode="replicate", bias=False, dtype=torch.float64)
        self.edges.weight = nn.Parameter(kernels, requires_grad=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Values [B] of images [B, 1, 15, 15]."""
        maps = self.relu(self.edges(x))
        return sum(maps[:, k, row, column] for k, (row, column) in enumerate(PLACES))


def detector_start(name: str) -> Tensor:
    """A start of T3, float64 [15, 15]: grey (0), or a 3 x 3 square of 0.5 or -0.5 in the middle."""
    image = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    image[6:9, 6:9] = {"grey": 0.0, "bright square": 0.5, "dark square": -0.5}[name]
    return image


class PolarityDetector(nn.Module):
    """T4: f = 3 relu(u - 1/4) + relu(-u) with u = e0 * x, one edge filter on one 3 x 3 patch.

    The filter sees an edge of either polarity, and the wrong one is a trap of height 1; the other reaches 2.25.

    Args:
        w1: slope of the hinge that belongs to the right polarity.
        w2: slope of the other one.
    """

    def __init__(self, w1: float = 3.0, w2: float = 1.0) -> None:
        super().__init__()
        self.hinges = TwoHinges(w1, w2, 0.25)
        self.register_buffer("edge", PREWITT.flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Values [B] of patches [B, 3, 3]."""
        return self.hinges((x.flatten(1) @ self.edge)[:, None])


def climb_toy(
    toy: nn.Module,
    start: Tensor,
    slopes: Slope | None,
    *,
    eta: float = 0.05,
    steps: int = 200,
    box: float = 1.0,
    frames: Sequence[int] = (),
    **settings: object,
) -> Found:
    """Raw gradient ascent on a toy in the box [-box, box], one start for every slope.

    Args:
        toy: T1 to T4.
        start: one input, or [B, ...] with B slopes.
        slopes: a_b as a tensor [B] or a number; None for plain gradients of the toy as it is.
        eta: step length of the raw gradient.
        steps: number of steps.
        box: half the width of the box.
        frames: steps after which the inputs are kept.
        settings: further settings of `Ascent`, such as ``normalise=True``.
    """
    ascent = Ascent(steps=steps, eta=eta, backward_slope=slopes, normalise=False, low=-box, high=box)
    return maximise(toy, Objective(), start, replace(ascent, **settings), frames=frames)


def slope_threshold(w1: float, w2: float, *, start: float = -0.5, rounds: int = 22) -> float:
    """T2's threshold measured: bisection for the smallest a_b with which the ascent ends at the global maximum.

    The gradient in the left hinge is a_b w1 - w2, so the answer is w2 / w1. Normalised gradients are used: close to
    the threshold the raw ones would need very many steps.

    Args:
        w1: slope of the right hinge.
        w2: slope of the left hinge, 0 < w2 < w1.
        start: where the ascent begins, in the left hinge.
        rounds: halvings of the interval [0, 1].
    """
    low, high = 0.0, 1.0
    x = torch.tensor([[start]], dtype=torch.float64)
    for _ in range(rounds):
        middle = (low + high) / 2
        found = climb_toy(TwoHinges(w1, w2), x, middle, eta=0.2, steps=5, box=2.0, normalise=True)
        low, high = (low, middle) if float(found.last) > 0 else (middle, high)
    return (low + high) / 2
