"""Random networks by the hundred thousand: what each gets wrong on a pool of images, streamed, nothing stored."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from companion.ensemble.random_builds import RandomBuilds
from companion.errors import CompanionError, unknown
from companion.progress import SILENT, Progress

BLOCK = 256  # networks that share one seed; a part of the reproducible result, like the seed itself
CACHED = 2**18  # numbers of one layer's activations that a pass should not exceed, so that they stay in the cache

Activation = Literal["relu", "tanh", "erf"]
_ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {"relu": Tensor.relu_, "tanh": Tensor.tanh_, "erf": Tensor.erf_}


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
        tile = BLOCK if columns.is_cuda else max(1, min(BLOCK, CACHED // (widest * columns.shape[1])))
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

    def network(self, layers: list[Tensor], position: int) -> nn.Module:
        """The network at a position of a block as a module of its own."""
        modules: list[nn.Module] = [nn.Flatten()]
        for weight in layers[:-1]:
            linear = nn.Linear(weight.shape[2] - 1, weight.shape[1], dtype=weight.dtype, device=weight.device)
            linear.weight.data, linear.bias.data = weight[position, :, :-1].clone(), weight[position, :, -1].clone()
            modules += [linear, {"relu": nn.ReLU, "tanh": nn.Tanh, "erf": Erf}[self.activation]()]
        last = nn.Linear(layers[-1].shape[2], layers[-1].shape[1], bias=False, dtype=layers[-1].dtype)
        last.weight.data = layers[-1][position].clone()
        return nn.Sequential(*modules, last)


class Erf(nn.Module):
    """The error function as an activation."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.erf(inputs)


def random_correctness(
    measure: RandomPerceptron | Callable[[], nn.Module],
    images: Tensor,
    labels: Tensor,
    count: int,
    *,
    seed: int = 0,
    chunk: int = 16 * BLOCK,
    progress: Progress = SILENT,
) -> Iterator[Tensor]:
    """Which images each of `count` random networks classifies correctly, chunk by chunk, in the networks' order.

    Networks come in blocks of `BLOCK`; block b is drawn from a generator of its own, seeded by (seed, b). So network i
    is the same whatever `count` and `chunk` are, and the first networks of a longer run are those of a shorter one.
    The numbers belong to the kind of device: a CPU and a GPU draw different ones.

    Args:
        measure: the distribution that networks are drawn from: a :class:`RandomPerceptron`, or any function that
            builds a freshly initialised network (slower).
        images: floating point ``[N, ...]``, on the device to compute on.
        labels: int64 ``[N]``: 0 or 1 for networks of one output, which decide for 1 where the output is at least 0,
            so that a tie is no error of both classes; the class for networks of several outputs.
        count: number of networks.
        seed: of the whole sequence.
        chunk: networks to hand over at once, rounded up to whole blocks.
        progress: told after every chunk.

    Yields:
        Bool ``[chunk, N]``.

    Raises:
        CompanionError: images and labels do not fit together or to the networks.
    """
    if len(images) != len(labels):
        raise CompanionError(f"{len(labels)} labels for {len(images)} images: give equally many.")
    random = measure if isinstance(measure, RandomPerceptron) else RandomBuilds(measure, BLOCK)
    prepared, blocks = random.prepare(images), -(-count // BLOCK)
    together = max(1, chunk // BLOCK + (chunk % BLOCK > 0))
    with torch.inference_mode():
        for first in range(0, blocks, together):
            parts = [
                _decide(random.outputs(random.draw(_generator(seed, b, images.device), images.dtype), prepared), labels)
                for b in range(first, min(first + together, blocks))
            ]
            done = min(count, (first + together) * BLOCK)
            yield torch.cat(parts)[: done - first * BLOCK]
            progress.update(done, count, "random networks")


def random_error_rates(
    measure: RandomPerceptron | Callable[[], nn.Module],
    images: Tensor,
    labels: Tensor,
    count: int,
    *,
    seed: int = 0,
    chunk: int = 16 * BLOCK,
    progress: Progress = SILENT,
) -> Tensor:
    """The error rates on a pool, float64 ``[count]``, of random networks; arguments as for :func:`random_correctness`.

    A sample of the density D(E) of the true error, the pool being the truth::

        errors = random_error_rates(RandomPerceptron((64, 20, 1)), images, labels, count=100_000)
    """
    chunks = random_correctness(measure, images, labels, count, seed=seed, chunk=chunk, progress=progress)
    wrong = [len(labels) - correct.sum(1) for correct in chunks]
    return torch.cat(wrong).double() / len(labels) if wrong else torch.empty(0, dtype=torch.float64)


def random_network(
    measure: RandomPerceptron | Callable[[], nn.Module],
    index: int,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Network `index` of the sequence that :func:`random_correctness` evaluates, such as the best one of a run."""
    random = measure if isinstance(measure, RandomPerceptron) else RandomBuilds(measure, BLOCK)
    block, position = divmod(index, BLOCK)
    return random.network(random.draw(_generator(seed, block, torch.device(device)), dtype), position).eval()


def _generator(seed: int, block: int, device: torch.device) -> torch.Generator:
    state = np.random.SeedSequence(seed, spawn_key=(block,)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


def _decide(outputs: Tensor, labels: Tensor) -> Tensor:
    """Which of the outputs ``[networks, out, N]`` are correct, bool ``[networks, N]``."""
    if outputs.shape[1] == 1:
        if not bool(((labels == 0) | (labels == 1)).all()):
            raise CompanionError("A network of one output tells 0 from 1: give labels 0 and 1, or more outputs.")
        return (outputs[:, 0] >= 0) == (labels == 1)
    return outputs.argmax(1) == labels
