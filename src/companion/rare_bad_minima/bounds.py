r"""Bounds on the fraction of bad minima, in closed form; q_t is the share of classifiers of true error at most t.

References:
    T2, T4 and T5: derived in this book from the abstract's sentences, not quoted from the paper.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.errors import CompanionError


class Bound(NamedTuple):
    """A bound on the fraction of bad minima, and the gamma that gives it."""

    value: float
    gamma: float


def rarity_bound(n: float, epsilon: float, gamma: float, q_epsilon: float, q_gamma: float) -> float:
    r"""T2: :math:`R \le \frac{1-q_\epsilon}{q_\gamma} \left(\frac{1-\epsilon}{1-\gamma}\right)^n`.

    Args:
        n: number of training samples.
        epsilon: the error above which a minimum is bad.
        gamma: any error below epsilon.
        q_epsilon: share of classifiers of error at most epsilon.
        q_gamma: share of classifiers of error at most gamma.

    Raises:
        CompanionError: gamma is not below epsilon, or no classifier is that good.
    """
    if not 0 <= gamma < epsilon:
        raise CompanionError(f"gamma is {gamma:g}: the bound needs 0 <= gamma < epsilon = {epsilon:g}.")
    if q_gamma <= 0:
        raise CompanionError(
            f"No classifier has a true error of at most gamma = {gamma:g}, so the bound says nothing: take a larger "
            "gamma, or sample more networks."
        )
    return (1 - q_epsilon) / q_gamma * math.exp(n * (math.log1p(-epsilon) - math.log1p(-gamma)))


def tightest_bound(
    n: float,
    epsilon: float,
    gammas: NDArray[np.float64],
    masses: NDArray[np.float64],
    q_epsilon: float,
) -> Bound:
    """The smallest T2 bound over some gammas below epsilon, given the share of classifiers at most as bad as each.

    Raises:
        CompanionError: none of the gammas has any classifier below it.
    """
    if not (masses > 0).any():
        raise CompanionError(
            f"No classifier has a true error below epsilon = {epsilon:g}, so the bound says nothing: take a larger "
            "epsilon, or sample more networks."
        )
    bounds = [
        Bound(rarity_bound(n, epsilon, float(gamma), q_epsilon, float(mass)), float(gamma))
        for gamma, mass in zip(gammas, masses, strict=True)
        if mass > 0
    ]
    return min(bounds)


def separable_bound(n: float, epsilon: float, q_epsilon: float, q_zero: float) -> float:
    r"""T4: :math:`E_S[r(S)] \le (1-q_\epsilon)(1-\epsilon)^n / q_0`, where a share :math:`q_0` makes no error at all.

    It holds for the fraction r(S) of bad minima of a single training set, averaged over training sets.
    """
    if q_zero <= 0:
        raise CompanionError("q_zero is 0: the bound needs classifiers without any error (T5 does without).")
    return (1 - q_epsilon) / q_zero * (1 - epsilon) ** n


def samples_needed(epsilon: float, eta: float, delta: float, q_zero: float) -> float:
    r"""T4 turned round: :math:`n \ge \frac1\epsilon \ln\frac1{\eta\,\delta\,q_0}` samples.

    With probability :math:`1-\delta` at most a share :math:`\eta` of the minima is then bad.
    """
    for name, value in (("epsilon", epsilon), ("eta", eta), ("delta", delta), ("q_zero", q_zero)):
        if not 0 < value <= 1:
            raise CompanionError(f"{name} is {value:g}: it must be above 0 and at most 1.")
    return math.log(1 / (eta * delta * q_zero)) / epsilon


def bound_without_atom(n: float, epsilon: float, eta: float, gamma: float, q_epsilon: float, q_gamma: float) -> float:
    r"""T5: a bound on the probability that a training set has more than a share :math:`\eta` of bad minima.

    :math:`P_S(r>\eta) \le 2(1-(1-\gamma)^n) + \frac{2(1-\eta)(1-q_\epsilon)(1-\epsilon)^n}{\eta\,q_\gamma}`; no
    classifier need be perfect, but :math:`\gamma` must be far below 1/n for it to say anything.
    """
    if q_gamma <= 0:
        raise CompanionError(f"No classifier has a true error of at most gamma = {gamma:g}: take a larger gamma.")
    missed = -math.expm1(n * math.log1p(-gamma))
    return 2 * missed + 2 * (1 - eta) * (1 - q_epsilon) * (1 - epsilon) ** n / (eta * q_gamma)
