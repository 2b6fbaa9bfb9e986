"""How the test error falls with the number of training images: two closed forms and their fits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

from companion.errors import CompanionError


def power_law(n: ArrayLike, c: float, beta: float) -> NDArray[np.float64]:
    """Test error c n^-beta after n training images."""
    return c * np.asarray(n, dtype=float) ** -beta


def shifted_hyperbola(n: ArrayLike, e_min: float, a: float, b: float) -> NDArray[np.float64]:
    """Test error E_min + (1 - E_min) a / (a + b + n): the mean of a Beta-distributed error on a floor.

    Args:
        n: number of training images, all classes together.
        e_min: the error that no number of images removes.
        a: with `b`, the two parameters of the Beta distribution of the error before any image was seen.
        b: see `a`.

    References:
        Claim F6; the model behind it is the subject of error_density.
    """
    return e_min + (1 - e_min) * a / (a + b + np.asarray(n, dtype=float))


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve: its parameters by name, and the share of the variance of log error that it explains."""

    parameters: dict[str, float]
    r_squared: float


def fit_power_law(n: Sequence[float], error: Sequence[float]) -> CurveFit:
    """Least squares straight line through (log n, log error).

    Raises:
        CompanionError: fewer than three sizes, or an error of zero, whose logarithm does not exist.
    """
    x, y = _logs(n, error)
    slope, intercept = np.polyfit(x, y, 1)
    return CurveFit({"c": float(np.exp(intercept)), "beta": float(-slope)}, _r_squared(y, intercept + slope * x))


def fit_shifted_hyperbola(n: Sequence[float], error: Sequence[float]) -> CurveFit:
    """Least squares in log error over 0 <= E_min <= 1 and a, b > 0."""
    x, y = _logs(n, error)
    (e_min, a, b), _ = curve_fit(
        lambda log_n, e_min, a, b: np.log(shifted_hyperbola(np.exp(log_n), e_min, a, b)),
        x,
        y,
        p0=(0.5 * min(error), 10.0, 1.0),
        bounds=([0, 1e-6, 1e-6], [1, 1e6, 1e6]),
        max_nfev=20000,
    )
    fitted = np.log(shifted_hyperbola(np.exp(x), e_min, a, b))
    return CurveFit({"e_min": float(e_min), "a": float(a), "b": float(b)}, _r_squared(y, fitted))


def _logs(n: Sequence[float], error: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n, error = np.asarray(n, dtype=float), np.asarray(error, dtype=float)
    if len(np.unique(n)) < 3:
        raise CompanionError(f"A learning curve needs three sizes or more, got {sorted(set(n.tolist()))}.")
    if (error <= 0).any():
        raise CompanionError("A test error is zero: its logarithm does not exist. Take a larger test set.")
    return np.log(n), np.log(error)


def _r_squared(y: NDArray[np.float64], fitted: NDArray[np.float64]) -> float:
    return float(1 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum())
