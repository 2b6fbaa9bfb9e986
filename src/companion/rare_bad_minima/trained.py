"""Minima found by gradient descent from random weights, good ones by ordinary training and bad ones on purpose."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.ensemble import Ensemble, EnsembleOutcome, RandomPerceptron
from companion.errors import CompanionError
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.density import ErrorDensity
from companion.rare_bad_minima.pools import Pool
from companion.training import Settings


@dataclass(frozen=True)
class TrainedMinima:
    """Networks trained on n samples each, every one on samples of its own.

    Attributes:
        n: samples a training set.
        errors: true errors on the pool, float64 ``[runs]``.
        train_errors: share of the n samples that are classified wrongly at the end, ``[runs]``; 0 for a minimum.
        steps: optimiser steps made, ``[runs]``.
        outcome: all that the training measured.
    """

    n: int
    errors: NDArray[np.float64]
    train_errors: NDArray[np.float64]
    steps: NDArray[np.int64]
    outcome: EnsembleOutcome

    @property
    def minima(self) -> NDArray[np.float64]:
        """The true errors of the runs that ended without training error."""
        return self.errors[self.train_errors == 0]


def train_minima(
    measure: RandomPerceptron,
    pool: Pool,
    n: int,
    runs: int,
    settings: Settings,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TrainedMinima:
    """Train networks from the random measure on n samples each (drawn with replacement) until none is wrong.

    Args:
        measure: the distribution of the initial weights, the one that random minima are drawn from.
        pool: the truth, from which training samples are drawn.
        n: samples a network.
        runs: networks, with the seeds seed, seed + 1, ...
        settings: how they are trained.
        seed: of samples and initial weights.
        progress: told every step.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + n)
    subsets = torch.randint(len(pool), (runs, n), generator=generator).to(pool.labels.device)
    return _train(measure, pool, pool.labels, subsets, n, settings, seed, progress)


def train_bad_minima(
    measure: RandomPerceptron,
    pool: Pool,
    n: int,
    runs: int,
    settings: Settings,
    *,
    mislabelled: int,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TrainedMinima:
    """Bad minima on purpose: each network also learns further samples of the pool with the wrong label.

    A network that fits all of them is a global minimum of the n samples as well, and a bad one.

    Args:
        measure: as for :func:`train_minima`, with `pool`, `n`, `runs`, `settings`, `seed` and `progress`.
        pool: the truth.
        n: samples that are labelled correctly.
        runs: networks.
        settings: how they are trained.
        mislabelled: further samples, none among the n, whose labels are exchanged.
        seed: of samples and initial weights.
        progress: told every step.

    Raises:
        CompanionError: the pool is too small.

    References:
        The idea is that of Liu, Papailiopoulos and Achlioptas 2020 (arXiv 1906.02613), as an exercise on this task.
    """
    if n + mislabelled > len(pool):
        raise CompanionError(f"{n} + {mislabelled} samples from a pool of {len(pool)}: take fewer mislabelled ones.")
    generator = torch.Generator().manual_seed(seed * 1_000_003 + n)
    device = pool.labels.device
    subsets = torch.rand(runs, len(pool), generator=generator).argsort(1)[:, : n + mislabelled].to(device)
    labels = pool.labels.repeat(runs, 1)
    wrong = subsets[:, n:]
    labels.scatter_(1, wrong, 1 - labels.gather(1, wrong))
    return _train(measure, pool, labels, subsets, n, settings, seed, progress)


def _train(
    measure: RandomPerceptron,
    pool: Pool,
    labels: Tensor,
    subsets: Tensor,
    n: int,
    settings: Settings,
    seed: int,
    progress: Progress,
) -> TrainedMinima:
    runs = len(subsets)
    ensemble = Ensemble(measure.build, seeds=range(seed, seed + runs), device=pool.inputs.device)
    outcome = ensemble.train(
        pool.inputs, labels, settings, subsets=list(subsets), test=(pool.inputs, pool.labels), progress=progress
    )
    with torch.no_grad():
        wrong = ensemble.logits(pool.inputs).argmax(2) != pool.labels
    return TrainedMinima(
        n,
        wrong.double().mean(1).cpu().numpy(),
        wrong.gather(1, subsets[:, :n]).double().mean(1).cpu().numpy(),
        np.array([member.steps for member in outcome.members]),
        outcome,
    )


def rank_among_minima(errors: NDArray[np.float64], density: ErrorDensity, n: int) -> NDArray[np.float64]:
    """The share of random minima of n samples that are better than each of some true errors, ties counted half."""
    share = density.after(n)
    below = np.array([share[density.errors < error - 1e-12].sum() for error in errors])
    equal = np.array([share[np.abs(density.errors - error) <= 1e-12].sum() for error in errors])
    return below + equal / 2
