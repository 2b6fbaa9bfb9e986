"""Fits of learning curves: the models with two free numbers each, compared by AIC."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from companion.error_density.densities import BetaDensity
from companion.errors import CompanionError

Numbers = NDArray[np.float64]
Curve = Callable[..., Numbers]


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve.

    Attributes:
        model: its name.
        parameters: by name.
        rms: root-mean-square of the differences in ln error.
        points: how many sizes were fitted.
        free: how many of the parameters were fitted; the others were given.
    """

    model: str
    parameters: dict[str, float]
    rms: float
    points: int
    free: int

    @property
    def aic(self) -> float:
        """Akaike's criterion for equal scatter in ln error: points ln(rms^2) + 2 (free + 1), less is better."""
        return float(self.points * np.log(self.rms**2) + 2 * (self.free + 1))

    def predict(self, n: ArrayLike) -> Numbers:
        """The fitted error after n images."""
        return _CURVES[self.model](np.asarray(n, dtype=float), **self.parameters)


def fit_shifted_beta(n: Sequence[float], error: Sequence[float], prior_mean: float) -> CurveFit:
    """E_min + (1 - E_min) a / (a / m + n): least squares in ln error over a > 0 and E_min >= 0; m is given."""
    n, log = _read(n, error)

    def gap(free: Numbers) -> Numbers:
        density = BetaDensity.with_prior_mean(float(np.exp(free[0])), prior_mean, float(free[1]))
        return np.log(density.mean(n)) - log

    highest = float(np.exp(log.min()))
    starts = [(np.log(a), share * highest) for a in (1.0, 10.0, 100.0) for share in (0.1, 0.7)]
    best = _best(gap, starts, ([np.log(1e-4), 0.0], [np.log(1e6), highest]))
    found = {"a": float(np.exp(best[0])), "prior_mean": prior_mean, "e_min": float(best[1])}
    return _fit("shifted Beta", found, gap(best), free=2)


def fit_beta(n: Sequence[float], error: Sequence[float], prior_mean: float) -> CurveFit:
    """a / (a / m + n): one free number, the effective a of whatever found these solutions."""
    n, log = _read(n, error)

    def gap(free: Numbers) -> Numbers:
        return np.log(BetaDensity.with_prior_mean(float(np.exp(free[0])), prior_mean).mean(n)) - log

    best = _best(gap, [(np.log(a),) for a in (0.1, 1.0, 10.0)], ([np.log(1e-6)], [np.log(1e6)]))
    found = {"a": float(np.exp(best[0])), "prior_mean": prior_mean}
    return _fit("Beta", found, gap(best), free=1)


def fit_power_law(n: Sequence[float], error: Sequence[float]) -> CurveFit:
    """c n^-beta: a straight line through (ln n, ln error)."""
    n, log = _read(n, error)
    slope, intercept = np.polyfit(np.log(n), log, 1)
    gap = intercept + slope * np.log(n) - log
    return _fit("power law", {"c": float(np.exp(intercept)), "beta": float(-slope)}, gap, free=2)


def fit_cells(n: Sequence[float], error: Sequence[float], prior_mean: float) -> CurveFit:
    """m exp(-n / M): what a lookup table of M cells would do; nothing carries over from one cell to another."""
    n, log = _read(n, error)

    def gap(free: Numbers) -> Numbers:
        return np.log(prior_mean) - n / np.exp(free[0]) - log

    best = _best(gap, [(np.log(M),) for M in (30.0, 300.0, 3000.0)], ([0.0], [np.log(1e7)]))
    found = {"prior_mean": prior_mean, "M": float(np.exp(best[0]))}
    return _fit("cells", found, gap(best), free=1)


def aic_gain(n: Sequence[float], error: Sequence[float], prior_mean: float) -> float:
    """AIC of the power law minus AIC of the shifted Beta, both with two free numbers: above 0 where Beta is better."""
    return fit_power_law(n, error).aic - fit_shifted_beta(n, error, prior_mean).aic


def _power_law(n: Numbers, c: float, beta: float) -> Numbers:
    return c * n**-beta


def _shifted_beta(n: Numbers, a: float, prior_mean: float, e_min: float = 0.0) -> Numbers:
    return BetaDensity.with_prior_mean(a, prior_mean, e_min).mean(n)


def _cells(n: Numbers, prior_mean: float, M: float) -> Numbers:
    return prior_mean * np.exp(-n / M)


_CURVES: dict[str, Curve] = {
    "power law": _power_law,
    "shifted Beta": _shifted_beta,
    "Beta": _shifted_beta,
    "cells": _cells,
}


def _read(n: Sequence[float], error: Sequence[float]) -> tuple[Numbers, Numbers]:
    n, error = np.asarray(n, dtype=float), np.asarray(error, dtype=float)
    if len(np.unique(n)) < 3:
        raise CompanionError(f"A learning curve needs three sizes or more, got {sorted(set(n.tolist()))}.")
    if not (error > 0).all():
        raise CompanionError("A test error is zero or missing: its logarithm does not exist. Use more test images.")
    return n, np.log(error)


def _best(gap: Callable[[Numbers], Numbers], starts: Sequence[tuple[float, ...]], bounds: tuple) -> Numbers:
    """The best of several local searches: the squared gap has flat directions."""
    found = [least_squares(gap, start, bounds=bounds) for start in starts]
    return min(found, key=lambda one: one.cost).x


def _fit(model: str, found: dict[str, float], gap: Numbers, free: int) -> CurveFit:
    return CurveFit(model, found, float(np.sqrt(np.mean(gap**2))), len(gap), free)
