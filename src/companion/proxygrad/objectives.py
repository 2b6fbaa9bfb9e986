"""What is maximised: a logit, or a channel of an inner layer read in one of three ways."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from companion.errors import CompanionError, unknown

__all__ = ["Objective", "Read", "activation_at"]

Read = Literal["logit", "mean", "centre", "quantile"]
TOP = 0.25  # the share of the positions that "quantile" averages


class _Reached(Exception):  # noqa: N818 - it ends a forward pass that has come far enough
    def __init__(self, activation: Tensor) -> None:
        super().__init__()
        self.activation = activation


def activation_at(network: nn.Module, layer: str, x: Tensor) -> Tensor:
    """The output of a named module for the input x; the rest of the network is not computed.

    Args:
        network: any network.
        layer: a name in `network.named_modules()`, such as ``"layer3.0.relu"``; empty for the network's own output.
            Of a module that runs twice it is the first output.
        x: [B, ...].

    Raises:
        CompanionError: for an unknown name; the message names the nearest.
    """
    if not layer:
        return network(x)
    modules = dict(network.named_modules(remove_duplicate=False))
    if layer not in modules:
        raise unknown(f"layer of {type(network).__name__}", layer, filter(None, modules))

    def stop(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        raise _Reached(output)

    handle = modules[layer].register_forward_hook(stop)
    try:
        network(x)
    except _Reached as reached:
        return reached.activation
    finally:
        handle.remove()
    raise CompanionError(f"The layer {layer!r} of {type(network).__name__} does not take part in its forward pass.")


@dataclass(frozen=True)
class Objective:
    """o(f(x)), one number an image.

    Attributes:
        unit: the class or channel; an int64 tensor [B] gives every image of a batch its own.
        layer: name of the module whose output is read; empty for the network's output.
        read: ``logit`` (a network's output [B, classes]); for feature maps [B, C, H, W] ``mean``, ``centre`` (the pixel
            in the middle) or ``quantile`` (mean of the largest quarter).

    References:
        The readings of feature maps are those of the authors' code of 2023 (AVERAGE, CENTERPIXEL, PERCENTILE).
    """

    unit: int | Tensor = 0
    layer: str = ""
    read: Read = "logit"

    def __post_init__(self) -> None:
        if self.read not in get_args(Read):
            raise unknown("objective", self.read, get_args(Read))

    def __call__(self, network: nn.Module, x: Tensor) -> Tensor:
        """The values [B] for inputs [B, ...], differentiable with respect to x."""
        activation = activation_at(network, self.layer, x)
        rows = torch.arange(len(activation), device=activation.device)
        chosen = activation if activation.dim() == 1 else activation[rows, self.unit]
        if chosen.dim() == 1:  # logits and dense layers have nothing to average over
            return chosen
        if self.read == "centre":
            return chosen[:, chosen.shape[1] // 2, chosen.shape[2] // 2]
        if self.read == "mean":
            return chosen.mean((1, 2))
        if self.read == "quantile":
            values = chosen.flatten(1)
            return values.topk(max(1, round(TOP * values.shape[1])), dim=1).values.mean(1)
        raise CompanionError(f"{self.layer or 'The output'} is a map {list(activation.shape)}, not a row of logits: "
                             "read it by 'mean', 'centre' or 'quantile'.")  # fmt: skip
