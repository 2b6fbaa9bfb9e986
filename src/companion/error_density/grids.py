"""Densities without a closed learning curve, integrated on a fine grid in logarithms."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from companion.error_density.densities import DensityModel, Numbers
from companion.errors import CompanionError

REACH = 45.0  # the grid runs over logit(E) from -REACH to REACH
PANEL, NODES = 0.3, 12  # in panels of this width, each with so many Gauss-Legendre nodes


class GridDensity(DensityModel):
    """A density given by its logarithm, integrated by Gauss-Legendre panels over logit(E).

    Everything is summed in logarithms. Adaptive quadrature in E misses the narrow peak at large n without a warning.
    """

    @abstractmethod
    def log_pdf(self, error: Numbers, rest: Numbers) -> Numbers:
        """ln D(E) up to a constant, at E and 1 - E = `rest` (given separately: near 1 the difference is lost)."""

    def pdf(self, error: ArrayLike, n: float = 0) -> Numbers:
        error = np.asarray(error, dtype=float)
        inside = np.clip(error, 1e-300, 1 - 1e-16)
        log = self.log_pdf(inside, 1 - inside) - self._log_total + n * np.log1p(-inside) - self.log_mu(n)
        return np.where((error >= 0) & (error <= 1), np.exp(log), 0.0)

    def log_mu(self, n: ArrayLike) -> Numbers:
        return special.logsumexp(self._tilted(self._grid, n), axis=-1) - self._log_total

    def mean(self, n: ArrayLike) -> Numbers:
        each = self._tilted(self._grid, n)
        each = np.exp(each - each.max(-1, keepdims=True))
        return (each * self._grid[0]).sum(-1) / each.sum(-1)

    def bad_fraction(self, epsilon: float, n: ArrayLike) -> Numbers:
        above = special.logsumexp(self._tilted(self._nodes(epsilon), n), axis=-1)
        return np.exp(above - self._log_total - self.log_mu(n))

    def mass(self, threshold: ArrayLike) -> Numbers:
        below = [special.logsumexp(self._nodes(0.0, float(t))[2]) for t in np.ravel(threshold)]
        return np.exp(np.reshape(below, np.shape(threshold)) - self._log_total)

    @cached_property
    def _grid(self) -> tuple[Numbers, Numbers, Numbers]:
        return self._nodes(0.0)

    @cached_property
    def _log_total(self) -> float:
        return float(special.logsumexp(self._grid[2]))

    def _nodes(self, low: float, high: float = 1.0) -> tuple[Numbers, Numbers, Numbers]:
        """Errors between `low` and `high`, ln(1 - E), and ln of D(E) dE up to a constant."""
        start, end = (float(np.clip(special.logit(one), -REACH, REACH)) for one in (low, high))
        edges = np.linspace(start, end, math.ceil((end - start) / PANEL) + 1)
        places, weights = np.polynomial.legendre.leggauss(NODES)
        half = np.diff(edges)[:, None] / 2
        t = (edges[:-1, None] + half * (1 + places)).ravel()
        log_error, log_rest = -np.logaddexp(0, -t), -np.logaddexp(0, t)
        log_density = self.log_pdf(special.expit(t), special.expit(-t))
        return special.expit(t), log_rest, log_density + log_error + log_rest + np.log(half * weights).ravel()

    @staticmethod
    def _tilted(nodes: tuple[Numbers, Numbers, Numbers], n: ArrayLike) -> Numbers:
        return nodes[2] + np.asarray(n, dtype=float)[..., None] * nodes[1]


@dataclass(frozen=True)
class GaussianDensity(GridDensity):
    """A normal density N(mean, sd^2), cut off outside [0, 1]: what the central limit theorem would suggest.

    Its middle may be right; its lower end, which decides the learning curve, is not.
    """

    centre: float
    sd: float

    def __post_init__(self) -> None:
        if not self.sd > 0:
            raise CompanionError(f"Gaussian density with sd = {self.sd:g}: it must be above 0.")

    @classmethod
    def like(cls, other: DensityModel) -> "GaussianDensity":
        """The one with the mean and the variance of another density."""
        first, second = np.exp(other.log_mu(1)), np.exp(other.log_mu(2))
        return cls(float(1 - first), float(np.sqrt(second - first**2)))

    def log_pdf(self, error: Numbers, rest: Numbers) -> Numbers:
        return -0.5 * ((error - self.centre) / self.sd) ** 2

    @property
    def edge(self) -> float:
        """n_c = mean / sd^2, where the saddle point reaches E = 0."""
        return self.centre / self.sd**2

    def saddle(self, n: ArrayLike) -> Numbers:
        """E* = (1 + m - sqrt((1 - m)^2 + 4 n sd^2)) / 2, the peak of D_n for n below `edge`."""
        n = np.asarray(n, dtype=float)
        return 0.5 * (1 + self.centre - np.sqrt((1 - self.centre) ** 2 + 4 * n * self.sd**2))


@dataclass(frozen=True)
class PerceptronDensity(GridDensity):
    """A perceptron in d dimensions that learns from another one: D(E) proportional to sin(pi E)^(d - 2), exactly.

    Near E = 0 it behaves like a Beta density with a = d - 1.
    """

    d: int

    def __post_init__(self) -> None:
        if self.d < 2:
            raise CompanionError(f"Perceptron density with d = {self.d}: it needs at least 2 dimensions.")

    def log_pdf(self, error: Numbers, rest: Numbers) -> Numbers:
        # the smaller of E and 1 - E keeps its digits at both ends
        return (self.d - 2) * np.log(np.sin(np.pi * np.minimum(error, rest))) if self.d > 2 else np.zeros_like(error)

    def quenched_mean(self, n: ArrayLike) -> Numbers:
        """The mean error given the training set, averaged over sets; exact for d = 2: 2 / (3 (n + 1)) from n = 1 on.

        Raises:
            CompanionError: in other dimensions it is not known in closed form.
        """
        if self.d != 2:
            raise CompanionError(f"The quenched curve is known in closed form for d = 2 only, not for d = {self.d}.")
        n = np.asarray(n, dtype=float)
        return np.where(n >= 1, 2 / (3 * (n + 1)), 0.5)
