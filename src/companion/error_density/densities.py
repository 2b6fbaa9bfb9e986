"""Models of the density of the true error, and the learning curve that each of them fixes."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from companion.errors import CompanionError

Numbers = NDArray[np.float64]
GAMMAS = 400  # thresholds that the bound is optimised over


class DensityModel(ABC):
    r"""A density D(E) of the true error over the functions that a classifier could be, drawn before any data are seen.

    After n labelled samples that the classifier gets right, the density is

    .. math:: D_n(E) = (1 - E)^n D(E) / \mu_n, \qquad \mu_n = \int_0^1 (1 - E)^n D(E)\, dE .

    From it follow the mean error, the fraction of bad solutions and a bound on it. All averages are over jointly drawn
    pairs of function and training set ("annealed"); :class:`CellsDensity` and :class:`PerceptronDensity` also know the
    average over training sets of the mean error given the set ("quenched").

    References:
        error_density: that the curve follows from D alone is the paper's claim (abstract); the formulas are derived
        in this project, the paper's own were not available to it.
    """

    @abstractmethod
    def pdf(self, error: ArrayLike, n: float = 0) -> Numbers:
        """The density D_n at `error`, after n samples; zero outside its support."""

    @abstractmethod
    def log_mu(self, n: ArrayLike) -> Numbers:
        """ln mu_n, the log of the probability that a random function gets n random samples right."""

    @abstractmethod
    def bad_fraction(self, epsilon: float, n: ArrayLike) -> Numbers:
        """R(epsilon, n), the share of D_n above `epsilon`."""

    @abstractmethod
    def mass(self, threshold: ArrayLike) -> Numbers:
        """q_t, the share of D at or below the threshold t."""

    @property
    def floor(self) -> float:
        """E_min, the lower end of the support."""
        return 0.0

    def mean(self, n: ArrayLike) -> Numbers:
        """The mean error after n samples, 1 - mu_{n+1} / mu_n."""
        n = np.asarray(n, dtype=float)
        return -np.expm1(self.log_mu(n + 1) - self.log_mu(n))

    def bound(self, epsilon: float, n: ArrayLike) -> Numbers:
        r"""The least over gamma of (1 - q_epsilon) / q_gamma ((1 - epsilon) / (1 - gamma))^n, a bound on R."""
        gamma = self.floor + (epsilon - self.floor) * (np.geomspace(1, 1e-5, GAMMAS) if epsilon > self.floor else 1)
        gamma = np.atleast_1d(gamma)
        with np.errstate(divide="ignore"):
            log_q = np.log(np.maximum(self.mass(gamma), 0))
            above = np.log(np.maximum(1 - self.mass(epsilon), 0))
        n = np.asarray(n, dtype=float)[..., None]
        return np.exp((above - log_q + n * (math.log1p(-epsilon) - np.log1p(-gamma))).min(-1))

    def samples_needed(self, epsilon: float, share: float = 0.01, most: float = 1e9) -> int | None:
        """The smallest n with R(epsilon, n) <= share; None where there is none up to `most`."""

        def good(n: int) -> bool:
            return bool(self.bad_fraction(epsilon, n) <= share)

        if good(0):
            return 0
        high = 1
        while not good(high):
            high *= 2
            if high > most:
                return None
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if good(middle) else (middle, high)
        return high


@dataclass(frozen=True)
class BetaDensity(DensityModel):
    """The (shifted) Beta density: E = E_min + (1 - E_min) u with u ~ Beta(a, b).

    Mean error E_min + (1 - E_min) a / (a + b + n); D_n is Beta(a, b + n) on the same floor. The choice of the Beta
    family is ours: it lives on [0, 1] and keeps its form under (1 - E)^n. The paper's own model of the density was
    not available.

    Attributes:
        a: how thin D is at its lower end, D ~ (E - E_min)^(a - 1): the number of parameters that matter to the task.
        b: the same at the upper end.
        e_min: the error that no number of samples removes.
    """

    a: float
    b: float
    e_min: float = 0.0

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and 0 <= self.e_min < 1):
            raise CompanionError(
                f"Beta density with a = {self.a:g}, b = {self.b:g}, e_min = {self.e_min:g}: "
                "a and b must be above 0, e_min from 0 to below 1."
            )

    @classmethod
    def binary(cls, a: float) -> "BetaDensity":
        """Two classes treated alike: Beta(a, a), mean error a / (2a + n)."""
        return cls(a, a)

    @classmethod
    def with_prior_mean(cls, a: float, prior_mean: float, e_min: float = 0.0) -> "BetaDensity":
        """b = a (1 - m) / m, so that u has the mean m before any sample; 1 - 1/k for k balanced classes."""
        return cls(a, a * (1 - prior_mean) / prior_mean, e_min)

    @classmethod
    def with_variance(cls, variance: float) -> "BetaDensity":
        """Beta(a, a) with a given variance of E: a = (1 / (4 Var E) - 1) / 2."""
        return cls.binary(beta_parameter(variance))

    @property
    def floor(self) -> float:
        return self.e_min

    @property
    def variance(self) -> float:
        """The variance of E before any sample."""
        total = self.a + self.b
        return (1 - self.e_min) ** 2 * self.a * self.b / (total**2 * (total + 1))

    def posterior(self, n: float) -> "BetaDensity":
        """D_n, of the same family."""
        return replace(self, b=self.b + n)

    def pdf(self, error: ArrayLike, n: float = 0) -> Numbers:
        u = self._unshifted(error)
        inside = np.where((u > 0) & (u < 1), u, 0.5)
        a, b = self.a, self.b + n
        log = (a - 1) * np.log(inside) + (b - 1) * np.log1p(-inside) - special.betaln(a, b)
        return np.where((u > 0) & (u < 1), np.exp(log), 0.0) / (1 - self.e_min)

    def log_mu(self, n: ArrayLike) -> Numbers:
        n = np.asarray(n, dtype=float)
        return special.betaln(self.a, self.b + n) - special.betaln(self.a, self.b) + n * math.log1p(-self.e_min)

    def mean(self, n: ArrayLike) -> Numbers:
        n = np.asarray(n, dtype=float)
        return self.e_min + (1 - self.e_min) * self.a / (self.a + self.b + n)

    def bad_fraction(self, epsilon: float, n: ArrayLike) -> Numbers:
        n = np.asarray(n, dtype=float)
        u = np.clip(self._unshifted(epsilon), 0, 1)
        return special.betainc(self.b + n, self.a, 1 - u)

    def mass(self, threshold: ArrayLike) -> Numbers:
        return special.betainc(self.a, self.b, np.clip(self._unshifted(threshold), 0, 1))

    def _unshifted(self, error: ArrayLike) -> Numbers:
        return (np.asarray(error, dtype=float) - self.e_min) / (1 - self.e_min)


def beta_parameter(variance: ArrayLike) -> Numbers:
    """The a of the Beta(a, a) with this variance of E: (1 / (4 Var E) - 1) / 2."""
    return 0.5 * (1 / (4 * np.asarray(variance, dtype=float)) - 1)


def asymptotic_bad_fraction(model: BetaDensity, epsilon: float, n: float) -> float:
    """R of a Beta density for large n: epsilon^(a-1) (1 - epsilon)^(n + b) n^(a-1) / Gamma(a), without a shift."""
    a, b = model.a, model.b
    log = (a - 1) * math.log(epsilon * n) + (n + b) * math.log1p(-epsilon) - math.lgamma(a)
    return math.exp(log)
