"""What the paper states and what our models of the density add, D1 to D5, as data."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from companion.claims import Claim
from companion.error_density.densities import BetaDensity
from companion.error_density.fitting import aic_gain, fit_beta
from companion.error_density.grids import GaussianDensity

HARD, EASY = "the hardest", "the easiest"


def arm(table: pd.DataFrame, name: str, pair: str | None = None) -> pd.DataFrame:
    """The rows of an arm, of one pair if asked."""
    rows = table[table["arm"] == name]
    return rows if pair is None or rows.empty else rows[rows["pair"] == pair]


def kernel_a(table: pd.DataFrame, pair: str) -> float:
    """The a that the kernel foresees for a pair."""
    return float(arm(table, "kernel", pair)["a"].iloc[0])


def chosen_pair(table: pd.DataFrame, which: str) -> str | None:
    """Of the pairs whose random minima were sampled the one with the largest (hardest) or smallest a."""
    if "a" not in table or arm(table, "kernel").empty:
        return None
    pairs = arm(table, "fixed sets")["pair"].dropna().unique()
    if not len(pairs):
        return None
    chosen = max if which == HARD else min
    return chosen(pairs, key=lambda pair: kernel_a(table, pair))


def fixed_set_curve(table: pd.DataFrame, pair: str) -> pd.DataFrame:
    """Random minima of given training sets along n: by rejection (more sets) where it works, else by Monte Carlo."""
    rows = arm(table, "fixed sets", pair).sort_values(["n", "method"], ascending=[True, False])
    return rows.drop_duplicates("n")


def formula_against_sampling(table: pd.DataFrame) -> Sequence[float]:
    """D1: the largest distance of formula and joint rejection in standard errors, over pairs and sizes."""
    distances = []
    for _, joint in arm(table, "joint").iterrows():
        for _, formula in arm(table, "formula", joint["pair"]).iterrows():
            if formula["n"] == joint["n"]:
                error = np.hypot(joint["standard_error"], formula["standard_error"])
                distances.append(abs(joint["error"] - formula["error"]) / error)
    return [max(distances)] if distances else []


def kernel_against_minima(table: pd.DataFrame, which: str) -> Sequence[float]:
    """D2: relative distance of the kernel's curve from random minima, at the worst size, a value a block of sets."""
    pair = chosen_pair(table, which)
    if pair is None:
        return []
    model = BetaDensity.binary(kernel_a(table, pair))
    gaps = [
        (float(model.mean(row["n"])) - np.asarray(_numbers(row["each"]))) / row["error"]
        for _, row in fixed_set_curve(table, pair).iterrows()
    ]
    worst = max(gaps, key=lambda gap: abs(gap.mean()))
    return (worst * np.sign(worst.mean())).tolist()


def spread_against_width(table: pd.DataFrame) -> Sequence[float]:
    """D3: relative distance of a from the kernel's limit, at the worst pair and width, a value a block of networks."""
    gaps = [np.asarray(row["each"]) / kernel_a(table, row["pair"]) - 1 for _, row in arm(table, "width").iterrows()]
    if not gaps:
        return []
    worst = max(gaps, key=lambda gap: abs(gap.mean()))
    return (worst * np.sign(worst.mean())).tolist()


def spread_after_permuting(table: pd.DataFrame) -> Sequence[float]:
    """D3: the factor by which permuting the labels of the easiest pair raises a, a value a permutation."""
    rows = arm(table, "permuted labels")
    if rows.empty:
        return []
    pair = min(rows["pair"].unique(), key=lambda one: kernel_a(table, one))
    return (arm(table, "permuted labels", pair)["a"] / kernel_a(table, pair)).tolist()


def fitted_curves(table: pd.DataFrame) -> Iterator[tuple[list[float], list[float], float]]:
    """n, error and prior mean of every repetition's learning curve; runs that missed zero training error left out."""
    rows = arm(table, "curve")
    for _, run in rows.groupby([name for name in ("data", "arch", "label_noise", "seed") if name in rows]):
        run = run[(run["fitted"] == 1) & (run["error"] > 0)].sort_values("n")
        if len(run) >= 4:
            yield run["n"].tolist(), run["error"].tolist(), 1 - 1 / run["classes"].iloc[0]


def beta_against_power_law(table: pd.DataFrame) -> Sequence[float]:
    """D4: AIC of the power law minus AIC of the shifted Beta, a value a repetition."""
    return [aic_gain(n, error, prior_mean) for n, error, prior_mean in fitted_curves(table)]


def effective_a(table: pd.DataFrame, pair: str) -> list[float]:
    """The a of Beta(a, a) fitted to gradient descent, a value a block of runs."""
    rows = arm(table, "gradient descent", pair).sort_values("n")
    each = np.array([_numbers(row, missing=True) for row in rows["each"]], dtype=float)  # [sizes, blocks]
    found = []
    for errors in each.T:
        good = errors > 0  # a block without a single error has no logarithm
        if good.sum() >= 3:
            found.append(fit_beta(rows["n"].to_numpy()[good], errors[good], 0.5).parameters["a"])
    return found


def gradient_against_random(table: pd.DataFrame) -> Sequence[float]:
    """D4: effective a of gradient descent over that of random minima, hardest pair, a value a block of runs."""
    pair = chosen_pair(table, HARD)
    if pair is None or arm(table, "gradient descent", pair).empty:
        return []
    minima = fixed_set_curve(table, pair)
    random = fit_beta(minima["n"].tolist(), minima["error"].tolist(), 0.5).parameters["a"]
    return [a / random for a in effective_a(table, pair)]


def minima_against_gaussian(table: pd.DataFrame, n: int = 100) -> Sequence[float]:
    """D5: error of random minima at n = 100 over that of a Gaussian with D's mean and variance, a value a set."""
    pair = chosen_pair(table, HARD)
    if pair is None:
        return []
    rows = fixed_set_curve(table, pair)
    rows = rows[rows["n"] == n]
    if rows.empty:
        return []
    gaussian = float(GaussianDensity.like(BetaDensity.binary(kernel_a(table, pair))).mean(n))
    return (np.asarray(_numbers(rows["each"].iloc[0])) / gaussian).tolist()


def _numbers(cell: Sequence[float | None], missing: bool = False) -> list[float]:
    numbers = [float("nan") if value is None else float(value) for value in cell]
    return numbers if missing else [value for value in numbers if np.isfinite(value)]


_THICKER_END = (
    "The spread is right, the lower end is not: on 0 against 1 twice as many random networks err on at most 5 % as "
    "Beta(a, a) has there, so that its curve is too high, and ever more so as n grows: by a tenth at 5 images, by more "
    "than a quarter at 100."
)
_THICKER_END_AGAIN = (
    "As on the small digits, the lower end is thicker: of the random networks 0.41 % err on at most 5 % of 0 against "
    "1, where Beta(a, a) has 0.17 %."
)
_TOO_LOW_IN_THE_END = (
    "On 3 against 8 of MNIST the curve is within 10 % up to 50 images, then crosses, and is 15 % too low at 100 (three "
    "times as many moves of the sampler give the same errors). On T-shirts against dresses it is 22 % too low at 50. "
    "Good networks are rarer than Beta(a, a) has them: of 50,000 random networks one errs on at most 5 % of T-shirts "
    "against trousers, where seven are foreseen, and gradient descent does not fit a fifth of its training sets of 100 "
    "images there. Clothes seem to have a floor, and Beta(a, a) has none."
)
_NO_FLOOR = (
    "From 10 to 5,000 images the error falls as a power of n, with an exponent of 0.4 on MNIST and of 0.2 on "
    "Fashion-MNIST. A Beta density on a floor falls as 1/n and then stays: its fit puts the floor at the last point "
    "and misses the middle by up to a quarter. A density that starts as a power of E has no room for such exponents."
)
_WITHIN_SCATTER = (
    "From 10 to 800 images the two fits are at most 15 % apart, and single repetitions scatter by 11 to 26 % at a "
    "size: too few sizes and images to tell them apart."
)

CLAIMS = (
    Claim(
        "D1",
        "The density of the true error over random networks alone gives the learning curve: formula and joint "
        "rejection sampling agree at every n, within three standard errors.",
        formula_against_sampling, "<=", 3.0, "se", exact=True,
    ),
    Claim(
        "D2a",
        "Without drawing a network, Beta(a, a) with a from the kernel predicts the error of random minima of given "
        "training sets, up to the largest n, within 15 % on the hardest pair.",
        lambda table: kernel_against_minima(table, HARD), "<=", 0.15, "%", origin="companion",
        remarks={"standard": _TOO_LOW_IN_THE_END},
    ),
    Claim(
        "D2b",
        "... and within 25 % on the easiest pair.",
        lambda table: kernel_against_minima(table, EASY), "<=", 0.25, "%", origin="companion",
        remarks={"quick": _THICKER_END, "standard": _THICKER_END_AGAIN},
    ),
    Claim(
        "D3a",
        "The number of weights does not matter: for five hidden units and more, a is within 10 % of its limit for "
        "infinite width.",
        spread_against_width, "<=", 0.10, "%", origin="companion",
    ),
    Claim(
        "D3b",
        "The labels do: permuting them raises a at least fifty-fold on the easiest pair.",
        spread_after_permuting, ">=", 50.0, "x", origin="companion",
    ),
    Claim(
        "D4a",
        "Learning curves of trained networks follow the shifted Beta model at least as well as a power law with as "
        "many free numbers (difference of AIC).",
        beta_against_power_law, ">=", 0.0, "", origin="companion",
        remarks={"quick": _WITHIN_SCATTER, "standard": _NO_FLOOR},
    ),
    Claim(
        "D4b",
        "Networks trained by gradient descent have a smaller effective a than random minima (ratio below 1, hardest "
        "pair).",
        gradient_against_random, "<=", 1.0, "", origin="companion",
    ),
    Claim(
        "D5",
        "A Gaussian density is rejected: with the same mean and variance it puts the error of random minima at "
        "n = 100 too low by a factor of four or more.",
        minima_against_gaussian, ">=", 4.0, "x", origin="companion",
    ),
)  # fmt: skip
