"""A multi-layer perceptron with Gaussian weights, as a measure on functions: drawn and evaluated block by block."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from companion.errors import CompanionError, unknown

BLOCK = 256  # networks that share one seed; a part of the reproducible result, like the seed itself
CACHED = 2**18  # numbers of one layer's activations that a pass should not exceed, so that they stay in the cache

Activation = Literal["relu", "tanh", "erf"]
_ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {"relu": Tensor.relu_, "tanh": Tensor.tanh_, "erf": Tensor.erf_}


class Erf(nn.Module):
    """The error function as an activation."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.erf(inputs)


class AgainstZero(nn.Module):
    """One output f ``[N, 1]`` as the logits of two classes, (0, f)."""

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(outputs), outputs], dim=1)


_MODULES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "erf": Erf}


@dataclass(frozen=True)
class RandomPerceptron:
    r"""A multi-layer perceptron with Gaussian weights, as a measure on functions.

    Hidden layers: :math:`W \sim N(0, s_w^2/\text{fan-in})`, :math:`b \sim N(0, s_b^2)`; output:
    :math:`v \sim N(0, s_v^2/H)`, no bias. One output decides by :math:`f \ge 0`, several by the largest.

    Attributes:
        sizes: units of the input, the hidden layers and the output, such as ``(64, 20, 1)``.
        weight_sd: :math:`s_w`; the standard deviation before the division by the fan-in.
        bias_sd: :math:`s_b`.
        output_sd: :math:`s_v`.
        activation: ``relu``, ``tanh`` or ``erf``.

    References:
        rare_bad_minima, section Experiments (the defaults are those adopted there for MNIST).
    """

    sizes: tuple[int, ...]
    weight_sd: float = math.sqrt(2)
    bias_sd: float = 0.1
    output_sd: float = 1.0
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise CompanionError(f"sizes is {self.sizes}: give at least input and output, such as (64, 20, 1).")
        if self.activation not in get_args(Activation):
            raise unknown("activation", self.activation, get_args(Activation))

    def draw(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """The weights of a block: ``[BLOCK, out, in + 1]`` for a hidden layer, bias last; last ``[BLOCK, out, in]``."""
        layers = []
        for before, after in pairwise(self.sizes[:-1]):
            weight = torch.empty(BLOCK, after, before + 1, dtype=dtype, device=generator.device)
            weight.normal_(generator=generator)
            weight[..., :-1] *= self.weight_sd / math.sqrt(before)
            weight[..., -1] *= self.bias_sd
            layers.append(weight)
        last = torch.empty(BLOCK, self.sizes[-1], self.sizes[-2], dtype=dtype, device=generator.device)
        layers.append(last.normal_(generator=generator).mul_(self.output_sd / math.sqrt(self.sizes[-2])))
        return layers

    def prepare(self, images: Tensor) -> Tensor:
        """The images ``[N, ...]`` as columns ``[d + 1, N]`` under a row of ones, ``[d, N]`` without hidden layer."""
        columns = images.flatten(1).T
        if len(columns) != self.sizes[0]:
            raise CompanionError(f"sizes begins with {self.sizes[0]}, but an image has {len(columns)} pixels.")
        ones = columns.new_ones(1, columns.shape[1])
        return (torch.cat([columns, ones]) if len(self.sizes) > 2 else columns).contiguous()

    def outputs(self, layers: list[Tensor], columns: Tensor) -> Tensor:
        """The outputs ``[networks, out, N]`` on prepared images, in passes that fit the cache."""
        widest = max(self.sizes[1:])
        tile = BLOCK if columns.is_cuda else max(1, min(BLOCK, CACHED // max(1, widest * columns.shape[1])))
        passes = zip(*(layer.split(tile) for layer in layers), strict=True)
        return torch.cat([self._pass(list(some), columns) for some in passes])

    def _pass(self, layers: list[Tensor], columns: Tensor) -> Tensor:
        T = len(layers[0])  # networks
        first = layers[0]
        units = torch.mm(first.flatten(0, 1), columns).view(T, first.shape[1], -1)
        for position, weight in enumerate(layers[1:], start=1):
            units = _ACTIVATE[self.activation](units)
            if position < len(layers) - 1:
                units = torch.baddbmm(weight[..., -1:], weight[..., :-1], units)
            else:
                units = torch.bmm(weight, units)
        return units

    def build(self) -> nn.Module:
        """One network from torch's global generator, to be trained: the start of gradient descent on this measure.

        A single output f becomes the logits (0, f), so that softmax cross-entropy is the logistic loss of f.
        """
        modules: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(self.sizes[:-1]):
            linear = nn.Linear(before, after)
            nn.init.normal_(linear.weight, std=self.weight_sd / math.sqrt(before))
            nn.init.normal_(linear.bias, std=self.bias_sd)
            modules += [linear, _MODULES[self.activation]()]
        last = nn.Linear(self.sizes[-2], self.sizes[-1], bias=False)
        nn.init.normal_(last.weight, std=self.output_sd / math.sqrt(self.sizes[-2]))
        return nn.Sequential(*modules, last, *([AgainstZero()] if self.sizes[-1] == 1 else []))

    def network(self, layers: list[Tensor], position: int) -> nn.Module:
        """The network at a position of a block as a module of its own."""
        modules: list[nn.Module] = [nn.Flatten()]
        for weight in layers[:-1]:
            linear = nn.Linear(weight.shape[2] - 1, weight.shape[1], dtype=weight.dtype, device=weight.device)
            linear.weight.data, linear.bias.data = weight[position, :, :-1].clone(), weight[position, :, -1].clone()
            modules += [linear, _MODULES[self.activation]()]
        last = nn.Linear(layers[-1].shape[2], layers[-1].shape[1], bias=False, dtype=layers[-1].dtype)
        last.weight.data = layers[-1][position].clone()
        return nn.Sequential(*modules, last)
