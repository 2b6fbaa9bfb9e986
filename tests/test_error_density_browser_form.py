"""The four linked panels of the page: the page's own JavaScript against SciPy and against the package."""

from typing import Any

import numpy as np
import pytest
from page_forms import forms, readout
from scipy import special

from companion.error_density import (
    Alignment,
    BetaDensity,
    CellsDensity,
    DensityModel,
    EmpiricalDensity,
    GaussianDensity,
    PerceptronDensity,
    fit_shifted_beta,
)

ERRORS = np.random.default_rng(0).beta(4, 4, 3000).round(2)
VALUES, COUNTS = np.unique(ERRORS, return_counts=True)
SIZES = [10, 20, 50, 100, 200, 500, 1000]
MEASURED = [0.6, 0.45, 0.24, 0.13, 0.08, 0.045, 0.03]
ALIGNMENT = Alignment(0.07, 0.001, 0.31, 0.02, 357)
EXTRA = {
    "sampled": {"random networks": {"values": VALUES.tolist(), "counts": COUNTS.tolist()}},
    "overlays": {"trained": {"n": SIZES, "error": MEASURED, "prior_mean": 0.9}},
    "alignments": {"3 vs 8": vars(ALIGNMENT)},
}


def drawn(*views: dict[str, Any]) -> list[dict[str, Any]]:
    """What the browser computes for each view: panels and read-outs of the closed form."""
    return forms("error_density", views, EXTRA)


def line(one: dict[str, Any], panel: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    series = next(entry for entry in one["panels"][panel]["series"] if entry["name"].startswith(name))
    return tuple(np.array(series[axis], dtype=float) for axis in "xy")


def same_curves(one: dict[str, Any], model: DensityModel, epsilon: float) -> None:
    """Learning curve and rarity of a view equal those of the package to 1e-9."""
    n, mean = line(one, 1, "after n")
    assert len(n) > 10
    assert np.abs(mean - model.mean(n)).max() < 1e-9
    n, rare = line(one, 2, "bad solutions")
    expected = model.bad_fraction(epsilon, n)
    # below 1e-30 nothing is drawn
    assert (np.abs(np.nan_to_num(rare) - expected) < 1e-9).all()
    assert np.isfinite(rare[expected > 1e-29]).all()


def test_the_page_shows_the_exact_values_of_oracle_1():
    start = {"a": 9, "prior_mean": 0.9, "epsilon": 0.1}
    views = drawn(
        *({**start, "n": n} for n in (0, 10, 100, 200)), {"a": 4.5, "prior_mean": 0.9, "epsilon": 0.05, "n": 100}
    )
    assert [readout(one, "mean error") for one in views[:3]] == ["0.90000000", "0.45000000", "0.08181818"]
    rare = [readout(one, "bad share") for one in views[:4]]
    assert rare == ["1 − 1.00·10^−9", "0.99996386", "0.22706741", "0.00075295"]
    assert readout(views[4], "bad share") == "0.31244771"
    assert readout(views[4], "mean error") == "0.04285714"
    assert readout(views[4], "b of the model") == pytest.approx(0.5)


@pytest.mark.parametrize(("a", "needed"), [(3, (162, 78)), (9, (335, 161))])
def test_the_page_shows_how_many_samples_make_bad_solutions_rare(a, needed):
    prior_mean = a / (a + 1)
    views = drawn(*({"a": a, "prior_mean": prior_mean, "epsilon": epsilon} for epsilon in (0.05, 0.1)))
    assert tuple(readout(one, "n for R") for one in views) == needed


def test_bad_shares_of_beta_equal_scipys_incomplete_beta_function_to_1e_9():
    views = [
        {"a": a, "prior_mean": m, "epsilon": epsilon, "E_min": floor, "n": 50}
        for a in (0.1, 2.71, 6.58, 80, 500)
        for m in (0.3, 0.5, 0.99)
        for epsilon, floor in ((0.02, 0), (0.1, 0), (0.4, 0.3))
    ]
    for view, one in zip(views, drawn(*views), strict=True):
        a, m, floor = view["a"], view["prior_mean"], view["E_min"]
        n, rare = line(one, 2, "bad solutions")
        u = (view["epsilon"] - floor) / (1 - floor)
        expected = special.betainc(a * (1 - m) / m + n, a, 1 - u)
        assert np.abs(np.nan_to_num(rare) - expected).max() < 1e-9


def test_every_model_of_the_page_equals_the_package():
    beta = BetaDensity.with_prior_mean(6.58, 0.6, 0.05)
    cases = [
        ({"model": "shifted Beta", "a": 6.58, "prior_mean": 0.6, "E_min": 0.05}, beta),
        ({"model": "Beta", "a": 6.58, "prior_mean": 0.6, "E_min": 0.05}, BetaDensity.with_prior_mean(6.58, 0.6)),
        ({"model": "cells", "M": 20, "k": 3}, CellsDensity(20, 3)),
        ({"model": "Gaussian", "a": 49.5}, GaussianDensity(0.5, 0.05)),
        ({"model": "perceptron", "d": 2}, PerceptronDensity(2)),
        ({"model": "perceptron", "d": 50}, PerceptronDensity(50)),
        ({"model": "random networks"}, EmpiricalDensity(ERRORS)),
    ]
    for (_view, model), one in zip(cases, drawn(*({"epsilon": 0.2, **view} for view, _ in cases)), strict=True):
        same_curves(one, model, 0.2)


def test_the_density_is_drawn_before_and_after_the_samples_with_its_bad_part_shaded():
    (one,) = drawn({"a": 6.58, "n": 20, "epsilon": 0.15})
    model = BetaDensity.binary(6.58)
    for n, name in ((0, "before data"), (20, "after n")):
        x, y = line(one, 0, name)
        density = model.pdf(x, n)
        assert np.abs(y - density / density.max()).max() < 1e-9
    x, _ = line(one, 0, "bad solutions")
    assert x.min() > 0.15
    band = one["panels"][0]["series"][2]
    assert band["high"] == band["y"]


def test_the_quenched_curve_is_drawn_where_it_is_known():
    cells, plane, solid = drawn({"model": "cells", "M": 30, "k": 4}, {"model": "perceptron", "d": 2}, {"d": 3})
    n, y = line(cells, 1, "given the set")
    assert y == pytest.approx(CellsDensity(30, 4).quenched_mean(n), rel=1e-12)
    n, y = line(plane, 1, "given the set")
    assert y == pytest.approx(PerceptronDensity(2).quenched_mean(n), rel=1e-12)
    assert not any(entry["name"].startswith("given the set") for entry in solid["panels"][1]["series"])


def test_random_networks_are_followed_only_as_far_as_a_hundred_of_them_count():
    (near, far) = drawn({"model": "random networks", "n": 5}, {"model": "random networks", "n": 5000})
    n, _ = line(near, 1, "after n")
    model = EmpiricalDensity(ERRORS)
    assert model.reach(n).all()
    assert not model.reach(1.3 * n.max())
    assert readout(far, "mean error") == "too few networks left"


def test_the_bound_lies_above_the_share_and_the_final_slope_is_ln_one_minus_epsilon():
    (one,) = drawn({"a": 3, "prior_mean": 0.75, "epsilon": 0.1})
    n, rare = line(one, 2, "bad solutions")
    _, bound = line(one, 2, "bound")
    assert (bound >= rare).all()
    expected = BetaDensity(3, 1).bound(0.1, n)
    assert np.abs(np.log(bound / expected)).max() < 0.05
    _, slope = line(one, 2, "final slope")
    assert np.diff(np.log(slope)) / np.diff(n) == pytest.approx(np.log(0.9), rel=1e-9)


def test_below_the_floor_there_is_no_bound_and_no_number_of_samples():
    (one,) = drawn({"a": 3, "E_min": 0.2, "epsilon": 0.1})
    assert readout(one, "n for R") == "never, or out of reach"
    assert np.isnan(line(one, 2, "bound")[1]).all()


def test_permuting_labels_moves_a_and_the_curve_that_the_kernel_predicts():
    for share, one in zip((0, 0.3, 1), drawn(*({"permuted": share} for share in (0, 0.3, 1))), strict=True):
        assert readout(one, "a from the kernel") == pytest.approx(ALIGNMENT.a(share), rel=1e-12)
        n, y = line(one, 1, "kernel")
        assert y == pytest.approx(ALIGNMENT.density(share).mean(n), rel=1e-12)
        x, a = line(one, 3, "kernel")
        assert a == pytest.approx([ALIGNMENT.a(float(p)) for p in x], rel=1e-12)


def test_the_live_fit_finds_what_the_package_finds():
    (one,) = drawn({"overlay": "trained"})
    fit = fit_shifted_beta(SIZES, MEASURED, 0.9)
    assert readout(one, "fitted a") == pytest.approx(fit.parameters["a"], rel=1e-3)
    assert readout(one, "fitted E_min") == pytest.approx(fit.parameters["e_min"], rel=1e-2, abs=1e-5)
    assert readout(one, "typical miss") == pytest.approx(np.expm1(fit.rms), rel=1e-4)
    n, y = line(one, 1, "measured")
    assert (n.tolist(), y.tolist()) == (SIZES, MEASURED)


def test_the_guides_have_the_slopes_that_they_name():
    (one,) = drawn({})
    n, y = line(one, 1, "slopes −1, −0.7, −0.5")
    n, y = n.reshape(3, 3)[:, :2], y.reshape(3, 3)
    assert np.isnan(y[:, 2]).all()  # the gap between two guides
    assert np.diff(np.log(y[:, :2])) / np.diff(np.log(n)) == pytest.approx(np.array([[-1], [-0.7], [-0.5]]))
