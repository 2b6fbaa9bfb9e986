"""Intervals over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; `low` and `high` are NaN for fewer than two values."""

    mean: float
    low: float
    high: float
    count: int
    deviation: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean over independent values (seeds, or differences paired by seed).

    mean +- t(count - 1) * deviation / sqrt(count)
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    if len(x) == 0:
        return Interval(math.nan, math.nan, math.nan, 0, math.nan)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan, 1, math.nan)
    deviation = float(x.std(ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, len(x) - 1)) * deviation / math.sqrt(len(x))
    return Interval(mean, mean - half, mean + half, len(x), deviation)


def binomial_interval(right: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share: what one network's test set can tell of its accuracy."""
    z = float(stats.norm.ppf((1 + confidence) / 2))
    p, n = right / total, total
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
