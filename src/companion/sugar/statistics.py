"""What the units of a network do on a set of images: how often each fires, which are dead, how gradients spread."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from companion.errors import CompanionError
from companion.sugar.modules import SugarReLU, SurrogateActivation

__all__ = ["UnitStatistics", "gradient_norms", "record_outputs", "responses", "unit_statistics"]

ACTIVATIONS: tuple[type[nn.Module], ...] = (
    nn.ReLU, SugarReLU, SurrogateActivation, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
)  # fmt: skip


@dataclass(frozen=True)
class UnitStatistics:
    """How the units of one layer respond to a set of images. A unit is a channel or a neuron.

    Args:
        counts: number of images with a positive response anywhere, per unit, int64 [units].
        images: number of images.
        zeros: share of output values that are exactly 0, over units, positions and images.
    """

    counts: Tensor
    images: int
    zeros: float

    @property
    def dead(self) -> float:
        """Share of units whose output is 0 (or negative) at every position of every image."""
        return float((self.counts == 0).double().mean())

    def histogram(self, bins: int = 20) -> tuple[Tensor, Tensor]:
        """Number of units by the share of images they respond to: counts [bins] and bin edges [bins + 1]."""
        edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
        place = (self.counts.double() / self.images * bins).long().clamp(max=bins - 1)
        return torch.bincount(place.cpu(), minlength=bins), edges


@contextmanager
def record_outputs(network: nn.Module, kinds: tuple[type[nn.Module], ...] = ACTIVATIONS) -> Iterator[dict[str, Tensor]]:
    """Collects the output of every activation of a forward pass, in order of their calls.

    A module that is called several times, as ResNet's shared ReLU, appears once for each call: "layer1.0.relu" and
    "layer1.0.relu (2)". The collection is emptied at the start of each forward pass.
    """
    outputs: dict[str, Tensor] = {}
    names = {module: name for name, module in network.named_modules() if isinstance(module, kinds)}

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        name, call = names[module], 1
        while (key := name if call == 1 else f"{name} ({call})") in outputs:
            call += 1
        outputs[key] = output

    hooks = [module.register_forward_hook(keep) for module in names]
    hooks.append(network.register_forward_pre_hook(lambda module, inputs: outputs.clear()))
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def responses(output: Tensor) -> Tensor:
    """Whether a unit responds to an image: [N, units, ...] -> bool [N, units], any position counts."""
    positive = output > 0
    return positive.flatten(2).any(2) if positive.ndim > 2 else positive


@torch.no_grad()
def unit_statistics(network: nn.Module, images: Tensor, batch: int = 500) -> dict[str, UnitStatistics]:
    """Activation counts, dead units and sparsity of every activation layer, in eval mode.

    Args:
        network: any network whose activations are modules.
        images: [N, ...], as the network takes them; for the paper's notion of a dead unit, all training images.
        batch: images a forward pass.

    Returns:
        Statistics by layer, in the order of the forward pass.

    Raises:
        CompanionError: if the network has no activation module.
    """
    counts: dict[str, Tensor] = {}
    zeros: dict[str, float] = {}
    training = network.training
    network.eval()
    with record_outputs(network) as outputs:
        for chunk in images.split(batch):
            network(chunk)
            for name, output in outputs.items():
                counts[name] = counts.get(name, 0) + responses(output).sum(0)
                zeros[name] = zeros.get(name, 0.0) + float((output == 0).double().mean()) * len(chunk) / len(images)
    network.train(training)
    if not counts:
        raise CompanionError(f"{type(network).__name__} has no activation module, so there are no units to count")
    return {name: UnitStatistics(counts[name], len(images), zeros[name]) for name in counts}


def gradient_norms(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Norm of the loss gradient of every weight matrix or kernel, from the input to the output.

    Args:
        network: in the mode it is to be measured in; its gradients are left untouched.
        images: [N, ...].
        labels: int64 [N].

    Returns:
        The Euclidean norm by parameter name, for the parameters with two or more dimensions.
    """
    weights: Mapping[str, Tensor] = {n: p for n, p in network.named_parameters() if p.ndim > 1}
    gradients = torch.autograd.grad(cross_entropy(network(images), labels), list(weights.values()))
    return {name: float(gradient.norm()) for name, gradient in zip(weights, gradients, strict=True)}
