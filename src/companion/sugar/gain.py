"""How much one layer changes the size of the gradient, in closed form: g = sqrt(2 E[f~(z)^2]), z ~ N(0, 1)."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from companion.sugar.surrogates import Surrogate, find_surrogate

__all__ = ["backward_gain", "gaussian_mean", "mean_slope_of_silent_units", "mean_squared_slope", "slope_zero"]

TAIL = 12.0  # standard deviations; the normal density beyond is 2e-32
NODES = 200  # Gauss-Legendre nodes on each side of the kink


def gaussian_mean(
    function: Callable[[Tensor], Tensor],
    mean: float = 0.0,
    deviation: float = 1.0,
    low: float = -math.inf,
    high: float = math.inf,
) -> float:
    """E[h(z); low < z < high] for z ~ N(mean, deviation^2), by Gauss-Legendre quadrature on both sides of 0.

    Splitting at 0 keeps full precision for functions with a kink there, which Gauss-Hermite would lose.

    Args:
        function: h, element-wise on a float64 tensor.
        mean, deviation: of the normal distribution.
        low, high: the part of the line that is integrated over.
    """
    low, high = max(low, mean - TAIL * deviation), min(high, mean + TAIL * deviation)
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(NODES))
    total = 0.0
    for start, end in ((low, min(high, 0.0)), (max(low, 0.0), high)):
        if end > start:
            z = 0.5 * (end - start) * nodes + 0.5 * (end + start)
            density = torch.exp(-0.5 * ((z - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
            total += 0.5 * (end - start) * float(torch.sum(weights * density * function(z)))
    return total


def mean_squared_slope(
    surrogate: str | Surrogate = "b_silu",
    alpha: float | None = None,
    positive_side: bool = True,
    mean: float = 0.0,
    deviation: float = 1.0,
) -> float:
    """E[f~(z)^2] for pre-activations z ~ N(mean, deviation^2); 0.849583 for B-SiLU, 0.5 for ReLU at N(0, 1)."""
    chosen = find_surrogate(surrogate)
    return gaussian_mean(lambda z: chosen.slope(z, alpha, positive_side) ** 2, mean, deviation)


def backward_gain(
    surrogate: str | Surrogate = "b_silu",
    alpha: float | None = None,
    positive_side: bool = True,
    deviation: float = 1.0,
) -> float:
    """The factor by which a layer changes the gradient's norm: g = sqrt(2 E[f~(z)^2]), z ~ N(0, deviation^2).

    He initialisation gives weights the variance 2 / fan, which keeps the norm under ReLU, where E[f'^2] = 1/2.
    With another slope in the backward pass each layer multiplies the norm by g: 1.30352 for B-SiLU, so that the
    first of eight hidden layers gets a gradient 1.30352^8 = 8.3 times as large. A larger gradient under plain
    SGD is a larger step; this is what the gain-matched control takes into account.

    Args:
        surrogate, alpha, positive_side: as in `sugar_relu`.
        deviation: of the pre-activations. Under He initialisation it is the root of twice the inputs' mean square,
            in every layer: sqrt(2) for standardised inputs, for which B-SiLU has g = 1.2910.

    References:
        The closed form is this book's; the paper does not give it. He et al. 2015 for the initialisation.
    """
    return math.sqrt(2 * mean_squared_slope(surrogate, alpha, positive_side, deviation=deviation))


def mean_slope_of_silent_units(surrogate: str | Surrogate = "b_silu", alpha: float | None = None) -> float:
    """E[f~(z) | z < 0] for z ~ N(0, 1): the mean slope where ReLU has none; 0.5329 for B-SiLU."""
    chosen = find_surrogate(surrogate)
    return 2 * gaussian_mean(lambda z: chosen.slope(z, alpha), high=0.0)


def slope_zero(surrogate: str | Surrogate = "b_silu", alpha: float | None = None) -> float | None:
    """The largest x < 0 where f~ changes its sign, or None: how far below zero a unit can still be pulled up.

    For B-SiLU with alpha = 1.67 it is -2.7349; pre-activations below get a small gradient of the wrong sign.
    """
    chosen = find_surrogate(surrogate)
    grid = torch.linspace(0, -20, 4001, dtype=torch.float64)[1:]
    slopes = chosen.slope(grid, alpha)
    flips = torch.nonzero((slopes[:-1] > 0) & (slopes[1:] < 0)).flatten()
    if len(flips) == 0:
        return None
    high, low = float(grid[flips[0]]), float(grid[flips[0] + 1])
    for _ in range(60):
        middle = 0.5 * (low + high)
        positive = float(chosen.slope(torch.tensor([middle], dtype=torch.float64), alpha)) > 0
        low, high = (low, middle) if positive else (middle, high)
    return 0.5 * (low + high)
