"""Models in which everything can be computed: cells with random labels, the perceptron, a Beta density."""

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import betainc, betaincc, betaln

from companion.errors import CompanionError
from companion.rare_bad_minima.bounds import Bound, rarity_bound
from companion.rare_bad_minima.density import ErrorDensity


@dataclass(frozen=True)
class Cells:
    """M equally likely cells, k labels, every labelling equally likely; one of them is the truth.

    A classifier with j wrong cells has the true error j / M. A training set shows the labels of the cells that it
    hits, and leaves the others free: the fraction of bad minima of one training set is a binomial tail.

    Attributes:
        cells: M.
        labels: k.

    References:
        A model of this book, not of the paper.
    """

    cells: int
    labels: int = 2

    def __post_init__(self) -> None:
        if self.cells < 1 or self.labels < 2:
            raise CompanionError(f"cells={self.cells}, labels={self.labels}: at least 1 cell and 2 labels.")

    @property
    def density(self) -> ErrorDensity:
        """The distribution of the true error: the number of wrong cells is binomial."""
        return ErrorDensity(np.arange(self.cells + 1) / self.cells, self._wrong(self.cells))

    def _wrong(self, free: int) -> NDArray[np.float64]:
        """The distribution of the number of wrong cells among `free` ones."""
        p = 1 - 1 / self.labels
        return np.array([comb(free, j) * p**j * (1 - p) ** (free - j) for j in range(free + 1)])

    def distinct(self, n: int) -> NDArray[np.float64]:
        """The probabilities ``[M + 1]`` that n samples hit so many distinct cells (the occupancy distribution)."""
        M = self.cells
        share = np.zeros(M + 1)
        share[0] = 1.0
        hit = np.arange(M + 1) / M
        for _ in range(n):
            share = share * hit + np.concatenate([[0.0], (share * (1 - hit))[:-1]])
        return share

    def fixed_set_bad_fraction(self, n: int, epsilon: float) -> float:
        r"""Exactly :math:`E_S[r(S)]`: the fraction of bad minima of one training set, averaged over training sets."""
        M = self.cells
        bad = [self._wrong(M - c)[np.arange(M - c + 1) > epsilon * M].sum() for c in range(M + 1)]
        return float(self.distinct(n) @ np.array(bad))

    def fixed_set_mean_error(self, n: int) -> float:
        r"""Exactly the mean true error of the minima of one training set, averaged: :math:`(1-1/k)(1-1/M)^n`."""
        return (1 - 1 / self.labels) * (1 - 1 / self.cells) ** n

    def mean_volume(self, n: int) -> float:
        """The expected share of consistent labellings, from the occupied cells: the mean of k to the minus c."""
        return float(self.distinct(n) @ float(self.labels) ** -np.arange(self.cells + 1))


@dataclass(frozen=True)
class TeacherStudent:
    r"""A perceptron that learns a perceptron, both uniform on the sphere in d dimensions.

    The true error is the angle between them over pi, :math:`D(E) \propto \sin^{d-2}(\pi E)`.

    References:
        A model of this book, not of the paper.
    """

    dimension: int = 2

    def __post_init__(self) -> None:
        if self.dimension < 2:
            raise CompanionError(f"dimension is {self.dimension}: a perceptron needs at least two inputs.")

    def _moment(self, n: float, low: float, error: bool = False) -> float:
        def integrand(E: float) -> float:
            return np.sin(np.pi * E) ** (self.dimension - 2) * (1 - E) ** n * (E if error else 1.0)

        peak = min(max(low, (self.dimension - 2) / (self.dimension - 2 + n + 1e-9) / 2), 1.0)
        return quad(integrand, low, 1.0, points=[peak], limit=200, epsabs=0, epsrel=1e-12)[0]

    def mean_error(self, n: float) -> float:
        """The mean true error of jointly sampled students without error on n examples; 1 / (n + 2) for d = 2."""
        return self._moment(n, 0.0, error=True) / self._moment(n, 0.0)

    def bad_fraction(self, n: float, epsilon: float) -> float:
        """R; (1 - epsilon) to the power n + 1 for d = 2."""
        return self._moment(n, epsilon) / self._moment(n, 0.0)

    def fixed_set_mean_error(self, n: int) -> float:
        r"""For d = 2 exactly: :math:`\frac{2}{3(n+1)}`, the minima of one training set, averaged over sets, n >= 1."""
        if self.dimension != 2 or n < 1:
            raise CompanionError(
                f"dimension {self.dimension}, n = {n}: known in closed form for d = 2 and n >= 1 only."
            )
        return 2 / (3 * (n + 1))


@dataclass(frozen=True)
class BetaError:
    """A true error that is Beta(a, b) distributed; after n samples it is Beta(a, b + n).

    References:
        That D is a Beta density is a model of this book.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0):
            raise CompanionError(f"a = {self.a:g}, b = {self.b:g}: both must be positive.")

    def mean_error(self, n: float) -> float:
        """a / (a + b + n)."""
        return self.a / (self.a + self.b + n)

    def volume(self, n: float) -> float:
        """B(a, b + n) / B(a, b)."""
        return float(np.exp(betaln(self.a, self.b + n) - betaln(self.a, self.b)))

    def bad_fraction(self, n: float, epsilon: float) -> float:
        """R, the upper tail of Beta(a, b + n)."""
        return float(betaincc(self.a, self.b + n, epsilon))

    def bound(self, n: float, epsilon: float) -> Bound:
        """The bound T2 at its best gamma."""
        q_epsilon = float(betainc(self.a, self.b, epsilon))

        def log_bound(share: float) -> float:
            gamma = share * epsilon
            return np.log(rarity_bound(n, epsilon, gamma, q_epsilon, float(betainc(self.a, self.b, gamma))))

        best = minimize_scalar(log_bound, bounds=(1e-6, 1 - 1e-9), method="bounded", options={"xatol": 1e-10})
        return Bound(float(np.exp(best.fun)), float(best.x * epsilon))
