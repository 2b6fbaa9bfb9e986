"""Densities that sit on single values of the error: the model of cells, and samples of random networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from companion.error_density.densities import DensityModel, Numbers
from companion.errors import CompanionError

LEAST_EFFECTIVE = 100  # an average over fewer effective samples is not shown


class AtomicDensity(DensityModel):
    """A density that consists of values with weights."""

    @property
    def values(self) -> Numbers:
        """The errors that occur, ascending."""
        raise NotImplementedError

    @property
    def log_weights(self) -> Numbers:
        """The logarithm of their probabilities."""
        raise NotImplementedError

    def pdf(self, error: ArrayLike, n: float = 0) -> Numbers:
        """The share of D_n at the value nearest to each of the errors, over the distance of two values."""
        weights = np.exp(self._tilted(n) - self.log_mu(n))
        values = self.values
        middles = (values[1:] + values[:-1]) / 2
        cells = np.diff(np.concatenate([[values[0]], middles, [values[-1]]])) if len(values) > 1 else np.ones(1)
        return (weights / cells)[np.searchsorted(middles, np.asarray(error, dtype=float))]

    def log_mu(self, n: ArrayLike) -> Numbers:
        return special.logsumexp(self._tilted(n), axis=-1)

    def mean(self, n: ArrayLike) -> Numbers:
        tilted = self._tilted(n)
        each = np.exp(tilted - tilted.max(-1, keepdims=True))
        return (each * self.values).sum(-1) / each.sum(-1)

    def bad_fraction(self, epsilon: float, n: ArrayLike) -> Numbers:
        tilted = self._tilted(n)
        each = np.exp(tilted - tilted.max(-1, keepdims=True))
        return (each * (self.values > epsilon)).sum(-1) / each.sum(-1)

    def mass(self, threshold: ArrayLike) -> Numbers:
        threshold = np.asarray(threshold, dtype=float)
        return (np.exp(self.log_weights) * (self.values <= threshold[..., None])).sum(-1)

    def _tilted(self, n: ArrayLike) -> Numbers:
        n = np.asarray(n, dtype=float)[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            log_right = n * np.log1p(-self.values)
        return self.log_weights + np.where(n == 0, 0.0, log_right)


@dataclass(frozen=True)
class CellsDensity(AtomicDensity):
    """A lookup table: M cells that know nothing of each other, each with one of k labels at random.

    M E ~ Bin(M, 1 - 1/k). Nothing is learned of a cell from another, yet the density falls on its own with n.

    Attributes:
        M: cells.
        k: classes.
    """

    M: int
    k: int = 2

    def __post_init__(self) -> None:
        if self.M < 1 or self.k < 2:
            raise CompanionError(f"Cells density with M = {self.M}, k = {self.k}: M must be 1 or more, k 2 or more.")

    @property
    def values(self) -> Numbers:
        return np.arange(self.M + 1) / self.M

    @cached_property
    def log_weights(self) -> Numbers:  # type: ignore[override]
        wrong = np.arange(self.M + 1)
        ways = special.gammaln(self.M + 1) - special.gammaln(wrong + 1) - special.gammaln(self.M - wrong + 1)
        return ways + wrong * np.log1p(-1 / self.k) - (self.M - wrong) * np.log(self.k)

    def quenched_mean(self, n: ArrayLike) -> Numbers:
        """The mean error given the training set, averaged over sets: (1 - 1/k) (1 - 1/M)^n, exactly."""
        return (1 - 1 / self.k) * (1 - 1 / self.M) ** np.asarray(n, dtype=float)


class EmpiricalDensity(AtomicDensity):
    """The errors of random networks on a pool of labelled images: no assumption, but a limited number of them.

    Args:
        errors: error rates of networks, or the values that occur when `counts` is given.
        counts: how many networks have each value.
    """

    def __init__(self, errors: ArrayLike, counts: Sequence[float] | None = None) -> None:
        errors = np.asarray(errors, dtype=float)
        counts = np.ones(len(errors)) if counts is None else np.asarray(counts, dtype=float)
        if len(errors) == 0 or len(errors) != len(counts):
            raise CompanionError(f"{len(errors)} errors with {len(counts)} counts: give equally many, one at least.")
        self._values, place = np.unique(errors, return_inverse=True)
        self.counts = np.bincount(place, weights=counts)

    @property
    def values(self) -> Numbers:
        return self._values

    @cached_property
    def log_weights(self) -> Numbers:  # type: ignore[override]
        with np.errstate(divide="ignore"):
            return np.log(self.counts / self.counts.sum())

    @property
    def floor(self) -> float:
        return float(self._values[0])

    @property
    def variance(self) -> float:
        """The variance of E over the networks."""
        weights = np.exp(self.log_weights)
        mean = weights @ self._values
        return float(weights @ (self._values - mean) ** 2)

    def effective_size(self, n: ArrayLike) -> Numbers:
        """(sum w)^2 / sum w^2 with w = (1 - E)^n: how many networks an average after n samples rests on."""
        with np.errstate(divide="ignore"):
            log_right = np.asarray(n, dtype=float)[..., None] * np.log1p(-self._values)
        log_right = np.where(np.isnan(log_right), 0.0, log_right)
        right = np.exp(log_right - log_right.max(-1, keepdims=True))
        return (right @ self.counts) ** 2 / (right**2 @ self.counts)

    def reach(self, n: ArrayLike) -> NDArray[np.bool_]:
        """At which n an average still rests on `LEAST_EFFECTIVE` networks or more."""
        return self.effective_size(n) >= LEAST_EFFECTIVE

    def mean_error(self, n: ArrayLike) -> Numbers:
        """The standard error of :meth:`mean` after n samples (delta method for a ratio of means)."""
        n = np.atleast_1d(np.asarray(n, dtype=float))
        right = np.exp(n[:, None] * np.log1p(-np.minimum(self._values, 1 - 1e-12)))
        spread = ((right * (self._values - self.mean(n)[:, None])) ** 2) @ self.counts
        return np.sqrt(spread) / (right @ self.counts)
