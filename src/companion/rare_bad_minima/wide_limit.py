"""The spread of the true error over infinitely wide networks, from the kernel alone: no network is sampled."""

import math

from torch import Tensor

from companion.ensemble import RandomPerceptron
from companion.errors import CompanionError


def limit_deviation(measure: RandomPerceptron, inputs: Tensor, labels: Tensor) -> float:
    r"""The standard deviation of the true error as the hidden layers grow wide.

    :math:`\mathrm{Var}(E) = \frac14\, \mathrm E_{x,x'}\big[y y'\,\tfrac2\pi \arcsin\rho(x,x')\big]` with labels
    :math:`y = \pm1` and the correlation rho of the outputs of a random network, from the arc-cosine kernel layer by
    layer.

    Args:
        measure: its distribution of weights; ReLU only.
        inputs: the pool ``[T, ...]``.
        labels: int64 ``[T]``, 0 or 1.

    References:
        This book's, not the paper's.
    """
    if measure.activation != "relu":
        raise CompanionError(f"activation is {measure.activation!r}: the kernel is known here for relu only.")
    X = inputs.flatten(1).double()
    covariance = X @ X.T
    fan_in = X.shape[1]
    for _ in measure.sizes[1:-1]:
        gram = measure.weight_sd**2 * covariance / fan_in + measure.bias_sd**2
        norm = gram.diagonal().sqrt()
        cosine = (gram / norm[:, None] / norm).clamp(-1, 1)
        angle = cosine.arccos()
        # E[relu(u) relu(v)] of the Gaussian pre-activations; the next layer's fan-in cancels the sum over units
        covariance = norm[:, None] * norm * (angle.sin() + (math.pi - angle) * cosine) / (2 * math.pi)
        fan_in = 1
    norm = covariance.diagonal().sqrt()
    correlation = (covariance / norm[:, None] / norm).clamp(-1, 1)
    sign = (2 * labels - 1).double()
    return float((0.25 * (sign[:, None] * sign * 2 / math.pi * correlation.arcsin()).mean()).clamp_min(0).sqrt())
