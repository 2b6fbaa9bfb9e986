"""Is the injected gradient the gradient of anything? A loop integral in a network with two weights answers: no.

The network is y = v max(0, u x) with the loss (y - t)^2 / 2, averaged over the points (x, t). The field that SUGAR
follows is F = (F_u, F_v) = (mean (y - t) v f~(u x) x, mean (y - t) max(0, u x)). Had it a potential, its integral
around every closed loop would vanish.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from companion.sugar.injection import sugar_relu
from companion.sugar.surrogates import Surrogate, find_surrogate

__all__ = ["TwoWeights", "circle", "circulation", "curl_integral"]


@dataclass(frozen=True)
class TwoWeights:
    """The network y = v max(0, u x) on the points (x, t), with a surrogate in the backward pass.

    Args:
        x: [P] inputs.
        t: [P] targets.
        surrogate, alpha: as in `sugar_relu`; "relu" gives the true gradient.
    """

    x: Tensor
    t: Tensor
    surrogate: str | Surrogate = "b_silu"
    alpha: float | None = None

    def loss(self, weights: Tensor) -> Tensor:
        """Mean of (y - t)^2 / 2 at weights [..., 2] = (u, v); its value does not depend on the surrogate."""
        u, v = weights[..., :1], weights[..., 1:]
        y = v * sugar_relu(u * self.x, self.surrogate, self.alpha)
        return 0.5 * (y - self.t).square().mean(-1)

    def field(self, weights: Tensor) -> Tensor:
        """What back-propagation returns at weights [..., 2]: the vector field that SGD follows downhill."""
        with torch.enable_grad():
            w = weights.detach().requires_grad_()
            return torch.autograd.grad(self.loss(w).sum(), w)[0]

    def curl(self, weights: Tensor) -> Tensor:
        """dF_v/du - dF_u/dv = mean x (1[ux > 0] - f~(ux)) (2 v max(0, ux) - t), at weights [..., 2]."""
        u, v = weights[..., :1], weights[..., 1:]
        z = u * self.x
        mismatch = (z > 0).to(z.dtype) - find_surrogate(self.surrogate).slope(z, self.alpha)
        return (self.x * mismatch * (2 * v * z.clamp_min(0) - self.t)).mean(-1)


def circle(centre: tuple[float, float], radius: float, steps: int = 2000) -> Tensor:
    """A closed loop as float64 points [steps, 2], evenly spaced, counter-clockwise, first point not repeated."""
    angle = torch.arange(steps, dtype=torch.float64) * (2 * math.pi / steps)
    return torch.stack([centre[0] + radius * angle.cos(), centre[1] + radius * angle.sin()], dim=-1)


def circulation(network: TwoWeights, loop: Tensor) -> float:
    """The loop integral of the field, sum of F(midpoint) . step: 0 for a gradient, not 0 for SUGAR.

    Args:
        network: the network whose field is integrated.
        loop: [steps, 2] points of a closed loop.
    """
    following = loop.roll(-1, dims=0)
    return float((network.field(0.5 * (loop + following)) * (following - loop)).sum())


def curl_integral(network: TwoWeights, centre: tuple[float, float], radius: float, nodes: int = 400) -> float:
    """The integral of the curl over the disc, which by Green's theorem equals the circulation around it."""
    r = (torch.arange(nodes, dtype=torch.float64) + 0.5) / nodes * radius
    angle = (torch.arange(nodes, dtype=torch.float64) + 0.5) / nodes * 2 * math.pi
    points = torch.stack(
        [centre[0] + r[:, None] * angle.cos(), centre[1] + r[:, None] * angle.sin()], dim=-1
    )  # [nodes, nodes, 2]
    return float((network.curl(points) * r[:, None]).sum() * (radius / nodes) * (2 * math.pi / nodes))
