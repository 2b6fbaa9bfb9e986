"""The two readings compared: angles between their gradients, their growth with depth, and who has a potential."""

import math

import torch
from torch import Tensor

from companion.proxygrad.random_networks import RandomNetworks, draw_networks
from companion.proxygrad.twins import Semantics

__all__ = [
    "circulation",
    "gradient_of",
    "gradient_size_ratio",
    "input_gradient_angles",
    "predicted_alignment",
    "predicted_growth",
]


def gradient_of(networks: RandomNetworks, x: Tensor, semantics: Semantics, slope: float) -> Tensor:
    """The input gradients ``[N, B, d]`` of a reading at inputs ``[N, B, d]``."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(networks(x, semantics, slope).sum(), x)[0]


def input_gradient_angles(
    depth: int, slope: float, *, samples: int = 64, count: int = 8, seed: int = 0
) -> dict[str, float]:
    """Mean cosines between input gradients in random He networks 20 -> 64^depth -> 10 at Gaussian inputs.

    Args:
        depth: hidden layers L.
        slope: a_b.
        samples: inputs a network.
        count: networks.
        seed: of weights and inputs.

    Returns:
        ``local_proxy``, ``local_true`` and ``proxy_true``: cosines of the two readings with each other and with
        the gradient of the ReLU network.
    """
    networks = draw_networks(depth, count, seed, outputs=10, bias_deviation=0.0, dtype=torch.float64)
    generator = torch.Generator().manual_seed(500 + seed)
    x = torch.randn(count, samples, networks.weights[0].shape[1], generator=generator, dtype=torch.float64)
    gradients = {"true": gradient_of(networks, x, "local", 0.0)}
    gradients |= {reading: gradient_of(networks, x, reading, slope) for reading in ("local", "proxy")}
    pairs = (("local", "proxy"), ("local", "true"), ("proxy", "true"))
    return {f"{a}_{b}": float(torch.cosine_similarity(gradients[a], gradients[b], dim=-1).mean()) for a, b in pairs}


def predicted_growth(depth: int, slope: float) -> float:
    """E|g| of the local reading over that of ReLU at He initialisation: (1 + a_b^2)^(L / 2).

    In a layer half of the units are active; their mean squared slope is (1 + a_b^2) / 2 in place of 1 / 2.
    """
    return (1 + slope**2) ** (depth / 2)


def predicted_alignment(depth: int, slope: float) -> float:
    """Cosine between the local reading's gradient and the true one in wide He networks: (1 + a_b^2)^(-L / 2).

    A layer leaves E[s 1] / sqrt(E[s^2] E[1^2]) = 1 / sqrt(1 + a_b^2), where s is 1 or a_b with equal probability.
    This closed form is ours; networks of 64 units are a little below it.
    """
    return 1 / predicted_growth(depth, slope)


def gradient_size_ratio(
    depth: int, slope: float, *, width: int = 512, count: int = 8, samples: int = 64, seed: int = 0
) -> float:
    """Root mean square of the local reading's input gradient over that of the true gradient, over random networks."""
    networks = draw_networks(depth, count, seed, width=width, outputs=10, bias_deviation=0.0)
    x = torch.randn(count, samples, networks.weights[0].shape[1], generator=torch.Generator().manual_seed(seed))
    sizes = [gradient_of(networks, x, "local", a).square().sum(-1).mean().sqrt() for a in (slope, 0.0)]
    return float(sizes[0] / sizes[1])


def circulation(networks: RandomNetworks, semantics: Semantics, slope: float, *, steps: int = 8000) -> Tensor:
    """The integral of a reading's field around the unit circle, over the circle's length times the mean |g|, ``[N]``.

    For the gradient of a function it vanishes (up to the error of the sum); the local reading's does not.

    Args:
        networks: N networks, drawn with ``inputs=2``.
        semantics: the reading.
        slope: a_b.
        steps: chords of the circle.
    """
    angle = torch.arange(steps, dtype=torch.float64) * (2 * math.pi / steps)
    loop = torch.stack([angle.cos(), angle.sin()], 1)
    following = loop.roll(-1, dims=0)
    middle = (0.5 * (loop + following)).to(networks.weights[0].dtype)
    field = gradient_of(networks, middle.expand(len(networks.weights[0]), -1, -1), semantics, slope).double()
    size = field.norm(dim=2).mean(1) * 2 * math.pi
    return (field * (following - loop)).sum((1, 2)) / size
