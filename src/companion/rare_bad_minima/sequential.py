"""Random minima of a fixed training set by sequential Monte Carlo, where guessing would never find one.

Particles start as random networks; training samples are added a few at a time; particles that err are replaced by
copies of others, and all are moved by preconditioned Crank-Nicolson steps that leave the weights' Gaussian invariant.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.ensemble import RandomPerceptron
from companion.errors import CompanionError
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.rejection import EPSILONS

TARGET_ACCEPTANCE = 0.3


@dataclass(frozen=True)
class VersionSpace:
    """What the random minima of one training set of n samples are like.

    Attributes:
        n: samples in the training set.
        log_volume: ln V(S), the logarithm of the share of all networks that make no error on it.
        errors: true errors of the particles, float64 ``[particles]``.
        step: the size beta of the last moves.
    """

    n: int
    log_volume: float
    errors: NDArray[np.float64]
    step: float

    @property
    def mean_error(self) -> float:
        """The mean true error of the minima."""
        return float(self.errors.mean())

    @property
    def tail(self) -> NDArray[np.float64]:
        """The fraction of minima with an error above each of `rejection.EPSILONS`."""
        return (self.errors[:, None] > EPSILONS).mean(0)


def sample_version_spaces(
    measure: RandomPerceptron,
    inputs: Tensor,
    labels: Tensor,
    training_set: Tensor,
    sizes: Sequence[int],
    *,
    particles: int = 256,
    moves: int = 25,
    survive: float = 0.5,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[VersionSpace]:
    r"""Sample the version spaces of the first n samples of a training set, for every n of `sizes`.

    Samples are added until fewer than a share `survive` of the particles would be left (one at least): a share f is,
    and :math:`\ln V` grows by :math:`\ln f`. The survivors are resampled, then every particle makes `moves` steps
    :math:`w' = \sqrt{1-\beta^2}\,w + \beta\xi`, accepted if w' makes no error on the samples so far, where
    :math:`\xi` is drawn as the initial weights are. Beta is adapted to an acceptance of 30 %.

    Args:
        measure: the Gaussian distribution of the weights.
        inputs: the pool ``[T, ...]``, the truth.
        labels: int64 ``[T]``, 0 or 1.
        training_set: rows of the pool, int64 ``[n_max]``.
        sizes: numbers of samples to report at, at most n_max.
        particles: networks that are moved together.
        moves: steps after each resampling.
        survive: share of particles below which no further sample is added at once; 1 adds them one by one.
        seed: of weights and moves.
        progress: told after every stage.

    Raises:
        CompanionError: no particle is consistent with the next sample: take more particles or more moves.

    References:
        This book's, not the paper's.
    """
    sizes = sorted(set(sizes))
    if sizes[-1] > len(training_set):
        raise CompanionError(f"sizes up to {sizes[-1]}, but the training set has {len(training_set)} samples.")
    generator = torch.Generator(inputs.device).manual_seed(seed)
    columns, wanted = measure.prepare(inputs), labels == 1
    training, truth = columns[:, training_set].contiguous(), wanted[training_set]
    state = _draw(measure, particles, generator, inputs.dtype)
    scales = _scales(measure, inputs)
    n, log_volume, beta, found = 0, 0.0, 0.5, []
    with torch.inference_mode():
        for target in sizes:
            while n < target:
                reach = _consistent_with(measure, state, training[:, n:target], truth[n:target])
                n, left = _next_stage(reach, n, target, survive)
                log_volume += math.log(len(left) / particles)
                again = torch.randint(len(left), (particles,), generator=generator, device=left.device)
                state = [layer[left[again]] for layer in state]
                state, beta = _move(measure, scales, state, training[:, :n], truth[:n], moves, beta, generator)
                progress.update(n, sizes[-1], "samples")
            outputs = measure.outputs(state, columns)[:, 0]
            errors = ((outputs >= 0) != wanted).double().mean(1)
            found.append(VersionSpace(target, log_volume, errors.cpu().numpy(), beta))
    return found


def _draw(measure: RandomPerceptron, particles: int, generator: torch.Generator, dtype: torch.dtype) -> list[Tensor]:
    """The weights of so many networks, layer by layer ``[particles, out, in (+ 1)]``."""
    blocks = [measure.draw(generator, dtype)]
    while len(blocks) * len(blocks[0][0]) < particles:
        blocks.append(measure.draw(generator, dtype))
    return [torch.cat(layer)[:particles] for layer in zip(*blocks, strict=True)]


def _scales(measure: RandomPerceptron, like: Tensor) -> list[Tensor]:
    """The deviations of the weights, layer by layer ``[in (+ 1)]``, the bias last."""
    scales = []
    for fan_in in measure.sizes[:-2]:
        scale = torch.full((fan_in + 1,), measure.weight_sd / math.sqrt(fan_in), dtype=like.dtype, device=like.device)
        scale[-1] = measure.bias_sd
        scales.append(scale)
    fan_in = measure.sizes[-2]
    last = torch.full((fan_in,), measure.output_sd / math.sqrt(fan_in), dtype=like.dtype, device=like.device)
    return [*scales, last]


def _consistent_with(measure: RandomPerceptron, state: list[Tensor], columns: Tensor, truth: Tensor) -> Tensor:
    """How many of the samples each particle gets right before its first error, int64 ``[particles]``."""
    right = (measure.outputs(state, columns)[:, 0] >= 0) == truth
    return right.to(torch.int64).cumprod(1).sum(1)


def _next_stage(reach: Tensor, n: int, target: int, survive: float) -> tuple[int, Tensor]:
    """The number of samples of the next stage, and the particles that are consistent with them."""
    for more in range(target - n, 0, -1):
        left = (reach >= more).nonzero().flatten()
        if len(left) >= survive * len(reach) or more == 1:
            break
    if not len(left):
        raise CompanionError(
            f"None of {len(reach)} particles is consistent with sample {n + 1}: take more particles or more moves."
        )
    return n + more, left


def _move(
    measure: RandomPerceptron,
    scales: list[Tensor],
    state: list[Tensor],
    columns: Tensor,
    truth: Tensor,
    moves: int,
    beta: float,
    generator: torch.Generator,
) -> tuple[list[Tensor], float]:
    """Crank-Nicolson moves within the version space; returns the particles and the adapted step."""
    for _ in range(moves):
        proposed = [
            torch.empty_like(w).normal_(generator=generator).mul_(beta * scale).add_(w, alpha=math.sqrt(1 - beta**2))
            for w, scale in zip(state, scales, strict=True)
        ]
        accepted = ((measure.outputs(proposed, columns)[:, 0] >= 0) == truth).all(1)
        state = [torch.where(accepted[:, None, None], new, w) for w, new in zip(state, proposed, strict=True)]
        rate = float(accepted.double().mean())
        beta = min(max(beta * math.exp(0.3 * (rate - TARGET_ACCEPTANCE)), 1e-3), 1.0)
    return state, beta
