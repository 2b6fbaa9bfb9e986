"""Two solutions in one loss landscape: a plane through both of them, with filter-normalised directions.

The loss of a SUGAR network is that of the ReLU network with the same weights: the surrogate changes the way through
the landscape, not the landscape. So the end points of both trainings belong into one picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from companion.errors import CompanionError
from companion.progress import SILENT, Progress

__all__ = ["LossSlice", "filter_normalised", "filter_normalised_direction", "loss_slice", "plane_through"]

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class LossSlice:
    """Loss values on a grid of the plane origin + a * first + b * second.

    Args:
        a: [A] coordinates along the first direction.
        b: [B] coordinates along the second direction.
        loss: [B, A] values.
    """

    a: Tensor
    b: Tensor
    loss: Tensor


def filter_normalised(direction: Weights, reference: Weights) -> dict[str, Tensor]:
    """A direction whose every filter has the norm of the reference's filter: d <- d / |d| * |w|.

    Filters are the rows of a weight tensor; biases and normalisation parameters (one dimension) are set to 0, so
    that the plane does not leave along a scale to which the network is indifferent.

    References:
        Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, Section 4.
    """
    scaled = {}
    for name, d in direction.items():
        if d.ndim < 2:
            scaled[name] = torch.zeros_like(d)
            continue
        length = d.flatten(1).norm(dim=1).clamp_min(torch.finfo(d.dtype).tiny)
        ratio = reference[name].flatten(1).norm(dim=1) / length
        scaled[name] = d * ratio.view(-1, *[1] * (d.ndim - 1))
    return scaled


def filter_normalised_direction(reference: Weights, generator: torch.Generator) -> dict[str, Tensor]:
    """A Gaussian direction, filter-normalised to the reference; the generator lives on the CPU."""
    gaussian = {name: torch.randn(w.shape, generator=generator).to(w) for name, w in reference.items()}
    return filter_normalised(gaussian, reference)


def plane_through(first: Weights, second: Weights, generator: torch.Generator) -> tuple[dict, dict]:
    """Directions of a plane through two solutions: first -> second, and a random one orthogonal to it.

    Returns:
        (along, across): `first + 1 * along` is `second`; `across` is filter-normalised to `first`, made orthogonal
        to `along`, and has the length of `along`, so that both axes have one scale.
    """
    along = {name: second[name] - first[name] for name in first}
    across = filter_normalised_direction(first, generator)
    squared = sum(float(d.square().sum()) for d in along.values())
    if squared == 0:
        raise CompanionError("both solutions are the same point, so they span no plane; choose different solutions")
    overlap = sum(float((across[n] * along[n]).sum()) for n in first) / squared
    across = {name: across[name] - overlap * along[name] for name in first}
    stretch = (squared / sum(float(d.square().sum()) for d in across.values())) ** 0.5
    return along, {name: stretch * d for name, d in across.items()}


@torch.no_grad()
def loss_slice(
    network: nn.Module,
    origin: Weights,
    along: Weights,
    across: Weights,
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    a: Tensor,
    b: Tensor,
    progress: Progress = SILENT,
) -> LossSlice:
    """The loss at origin + a * along + b * across for every point of a grid; the network is not changed.

    Args:
        network: called with the weights of each point, in its current mode. For networks with batch normalisation use
            training mode (batch statistics): running statistics belong to one point only.
        origin, along, across: weights by name, as `network.named_parameters()` gives them.
        loss: logits -> scalar.
        images: [N, ...].
        a: [A] coordinates along the first direction.
        b: [B] coordinates along the second direction.
        progress: told after each row.
    """
    rows = []
    for done, y in enumerate(b.tolist(), start=1):
        row = []
        for x in a.tolist():
            weights = {name: w + x * along[name] + y * across[name] for name, w in origin.items()}
            row.append(loss(functional_call(network, weights, (images,))))
        rows.append(torch.stack(row))
        progress.update(done, len(b), "loss slice")
    return LossSlice(a, b, torch.stack(rows))
