"""The density of the true error over a set of classifiers, and what n training samples make of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from companion.errors import CompanionError
from companion.rare_bad_minima.bounds import Bound, tightest_bound

Array = NDArray[np.float64]
FEWEST = 100  # effective networks below which a reweighted average is noise and should not be shown


@dataclass(frozen=True)
class ErrorDensity:
    r"""A distribution D(E) of the true error as atoms: the errors of sampled networks, or an exact finite model.

    A classifier of error E is consistent with n samples with probability :math:`(1-E)^n`, so that training reweights
    the density to :math:`D_n(E) \propto (1-E)^n D(E)`; everything here is an average under D or D_n.

    Attributes:
        errors: increasing true errors, float64 ``[m]``, from 0 to 1.
        weights: their probabilities, float64 ``[m]``.
        networks: how many networks were sampled; None for an exact model.
        pool: number of images on which the errors were counted; None where there is no finite pool.

    References:
        Derived in this book from the sentences of the paper's abstract; the constants are not the authors'.
    """

    errors: Array
    weights: Array
    networks: int | None = None
    pool: int | None = None

    @classmethod
    def from_counts(cls, counts: ArrayLike) -> Self:
        """The density of sampled networks: ``counts[e]`` of them make e errors on a pool of ``len(counts) - 1``."""
        counts = np.asarray(counts, dtype=np.float64)
        if counts.ndim != 1 or counts.sum() <= 0:
            raise CompanionError(f"counts of shape {counts.shape} with sum {counts.sum():g}: give counts of networks.")
        pool, found = len(counts) - 1, np.flatnonzero(counts)
        return cls(found / pool, counts[found] / counts.sum(), int(counts.sum()), pool)

    @classmethod
    def of_errors(cls, errors: ArrayLike) -> Self:
        """The density of a sample of true errors ``[networks]``."""
        values, counts = np.unique(np.asarray(errors, dtype=np.float64), return_counts=True)
        return cls(values, counts / counts.sum(), int(counts.sum()))

    # Before training

    @property
    def deviation(self) -> float:
        """The standard deviation of the true error over the classifiers."""
        mean = float(self.weights @ self.errors)
        return float(np.sqrt(self.weights @ (self.errors - mean) ** 2))

    @property
    def atom(self) -> float:
        """q_0, the share of classifiers without any error."""
        return self.below(0.0)

    def below(self, error: float) -> float:
        """q_t, the share of classifiers of true error at most t."""
        return float(self.weights[self.errors <= error].sum())

    # After n samples

    def log_consistent(self, n: float, *, replacement: bool = True) -> Array:
        r"""The log probability that each atom is consistent with n samples.

        :math:`n \ln(1-E)`, or without replacement :math:`\ln\binom{T-e}{n} - \ln\binom{T}{n}` for e errors on a pool
        of T images.
        """
        if replacement:
            with np.errstate(divide="ignore"):
                return n * np.log1p(-self.errors) if n else np.zeros_like(self.errors)
        T = self._pool_for(n)
        right = T - np.rint(self.errors * T)
        possible = right >= n
        some = np.where(possible, right, T)
        log = gammaln(some + 1) - gammaln(some - n + 1) - gammaln(T + 1) + gammaln(T - n + 1)
        return np.where(possible, log, -np.inf)

    def volume(self, n: float, *, replacement: bool = True) -> float:
        r"""The expected share of classifiers without training error, :math:`E_S V = \int (1-E)^n D(E) dE`."""
        return float(self.weights @ np.exp(self.log_consistent(n, replacement=replacement)))

    def after(self, n: float, *, replacement: bool = True) -> Array:
        r"""The probabilities of the atoms under :math:`D_n \propto (1-E)^n D`."""
        log = self.log_consistent(n, replacement=replacement)
        if not np.isfinite(log).any():
            raise CompanionError(f"No classifier can be consistent with {n:g} samples: all of them err everywhere.")
        raised = self.weights * np.exp(log - log.max())
        return raised / raised.sum()

    def mean_error(self, n: float, *, replacement: bool = True) -> float:
        """The mean true error of a classifier without error on n samples, a ratio of expectations (T2).

        Without replacement it is the error on the images that were not drawn, ``e / (T - n)``.
        """
        scale = 1.0 if replacement else self._pool_for(n) / (self._pool_for(n) - n)
        return float(self.after(n, replacement=replacement) @ self.errors) * scale

    def bad_fraction(self, n: float, epsilon: float) -> float:
        r"""R, the fraction of bad minima: :math:`\int_\epsilon^1 (1-E)^n D\,dE \big/ \int_0^1 (1-E)^n D\,dE`."""
        return float(self.after(n)[self.errors > epsilon].sum())

    def decay_rate(self, n: float, epsilon: float) -> float:
        r"""The local slope :math:`-d \ln R/dn = \langle\lambda\rangle_{bad} - \langle\lambda\rangle_{all}`.

        :math:`\lambda = -\ln(1-E)`, both averages under :math:`D_n`; an exact identity.
        """
        with np.errstate(divide="ignore"):
            log = np.log(self.weights) + self.log_consistent(n)
            rate = -np.log1p(-self.errors)
        return _mean_rate(log, rate, self.errors > epsilon) - _mean_rate(log, rate, self.errors >= 0)

    def asymptotic_rate(self, epsilon: float) -> float:
        r"""The slope that :math:`-\ln R` tends to, between the least bad atom and the best one of all.

        :math:`\ln\frac{1-E_{\min}}{1-\epsilon}` where the density reaches down to :math:`\epsilon`.
        """
        bad = self.errors[self.errors > epsilon]
        return float(np.log1p(-self.errors[0]) - np.log1p(-bad[0])) if len(bad) and bad[0] < 1 else float("nan")

    def bound(self, n: float, epsilon: float, gamma: float | None = None) -> Bound:
        r"""The bound T2 on R, at :math:`\gamma` or at the best one.

        :math:`\frac{1-q_\epsilon}{q_\gamma}\left(\frac{1-\epsilon}{1-\gamma}\right)^n` for :math:`\gamma<\epsilon`.

        Raises:
            CompanionError: no classifier has an error of at most gamma, so that the theorem says nothing.
        """
        candidates = self.errors[self.errors < epsilon] if gamma is None else np.array([gamma])
        masses = np.array([self.below(one) for one in candidates])
        return tightest_bound(n, epsilon, candidates, masses, self.below(epsilon))

    # How far sampling can be trusted

    def effective_sample_size(self, n: float) -> float:
        r"""How many networks carry the averages under :math:`D_n`: :math:`(\sum w)^2/\sum w^2, w = (1-E)^n`."""
        if self.networks is None:
            return float("inf")
        log = self.log_consistent(n)
        raised = np.exp(log - log.max())
        return self.networks * float(self.weights @ raised) ** 2 / float(self.weights @ raised**2)

    def mean_error_uncertainty(self, n: float) -> float:
        """The standard error of `mean_error` that comes from having sampled finitely many networks."""
        return self._uncertainty(n, self.errors)

    def bad_fraction_uncertainty(self, n: float, epsilon: float) -> float:
        """The standard error of `bad_fraction` that comes from having sampled finitely many networks."""
        return self._uncertainty(n, (self.errors > epsilon).astype(np.float64))

    def _uncertainty(self, n: float, values: Array) -> float:
        if self.networks is None:
            return 0.0
        share = self.after(n)
        spread = values - share @ values
        return float(np.sqrt((share**2 / self.weights) @ spread**2 / self.networks))

    def _pool_for(self, n: float) -> int:
        if self.pool is None or not n < self.pool:
            raise CompanionError(
                f"{n:g} samples without replacement from a pool of {self.pool}: give a density with a larger pool."
            )
        return self.pool


def _mean_rate(log: Array, rate: Array, among: NDArray[np.bool_]) -> float:
    """The mean rate over some atoms, relative to the likeliest of them, so that a tiny share is no zero."""
    among = among & np.isfinite(log)
    if not among.any():
        return float("nan")
    share = np.exp(log[among] - log[among].max())
    return float(rate[among] @ share / share.sum())
