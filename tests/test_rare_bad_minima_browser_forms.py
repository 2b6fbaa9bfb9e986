"""The closed forms of rare_bad_minima that the page computes equal the package: the page's own JavaScript is run."""

from typing import Any

import numpy as np
import pytest
from page_forms import form, readout

from companion.explorer.state import plain_tree
from companion.rare_bad_minima import BetaError, Cells, ErrorDensity, separable_bound
from companion.rare_bad_minima.tables import by_number

JUST_BELOW_2_OF_6 = 2 / 6 - 1e-9


# The exact models


@pytest.mark.parametrize(
    ("n", "joint", "fixed", "bound", "volume"),
    [
        (0, 0.890625, 0.890625, 57, 1),
        (5, 0.4383892, 0.3490548, 7.50617, 0.09490741),
        (20, 0.0039017, 0.00112296, 0.0171415, 0.01814116),
        (40, 1.35107e-6, 3.39137e-7, 5.15495e-6, 0.01568881),
    ],
)
def test_the_page_shows_the_oracle_of_the_cells(n, joint, fixed, bound, volume):
    drawn = form("exact_rarity", model="cells", cells=6, labels=2, epsilon=JUST_BELOW_2_OF_6, n=n, a=1, b=1)
    assert readout(drawn, "R of the formula") == pytest.approx(joint, rel=2e-5)
    assert readout(drawn, "R of one training set, averaged") == pytest.approx(fixed, rel=5e-6)
    assert readout(drawn, "bound with perfect classifiers") == pytest.approx(bound, rel=5e-6)
    assert readout(drawn, "share of classifiers that fit") == pytest.approx(volume, rel=5e-7)


def test_the_page_computes_the_cells_of_the_package():
    model = Cells(9, 3)
    drawn = form("exact_rarity", model="cells", cells=9, labels=3, epsilon=0.2, n=12, a=1, b=1)
    assert readout(drawn, "R of the formula") == pytest.approx(model.density.bad_fraction(12, 0.2), rel=1e-9)
    assert readout(drawn, "bound with the best gamma") == pytest.approx(model.density.bound(12, 0.2).value, rel=1e-9)
    fixed = model.fixed_set_bad_fraction(12, 0.2)
    assert readout(drawn, "R of one training set, averaged") == pytest.approx(fixed, rel=1e-9)
    mean = readout(drawn, "mean error of one training set, averaged")
    assert mean == pytest.approx(model.fixed_set_mean_error(12), rel=1e-9)
    separable = separable_bound(12, 0.2, model.density.below(0.2), model.density.atom)
    assert readout(drawn, "bound with perfect classifiers") == pytest.approx(separable, rel=1e-9)


@pytest.mark.parametrize(("n", "exact", "bound"), [(50, 0.08979938, 522.9), (200, 1.4230e-7, 4.289e-3)])
def test_the_page_shows_the_oracle_of_beta_3_1(n, exact, bound):
    drawn = form("exact_rarity", model="Beta density", a=3, b=1, epsilon=0.1, n=n)
    assert readout(drawn, "R of the formula") == pytest.approx(exact, rel=5e-5)
    assert readout(drawn, "bound with the best gamma") == pytest.approx(bound, rel=2e-3)
    assert readout(drawn, "share of classifiers that fit") == pytest.approx(BetaError(3, 1).volume(n), rel=1e-9)


def test_the_page_shows_the_perceptron_in_the_plane():
    drawn = form("exact_rarity", model="perceptron in the plane", a=3, b=1, epsilon=0.1, n=10)
    assert readout(drawn, "R of the formula") == pytest.approx(0.9**11, rel=1e-9)
    assert readout(drawn, "mean error of the formula") == pytest.approx(1 / 12, rel=1e-9)
    assert readout(drawn, "mean error of one training set, averaged") == pytest.approx(0.060606, abs=5e-7)


# A sampled density


@pytest.fixture(scope="module")
def sampled() -> tuple[ErrorDensity, dict[str, Any]]:
    counts = np.bincount(np.random.default_rng(0).binomial(360, 0.5, 5000), minlength=361)
    counts += np.bincount(np.random.default_rng(1).integers(4, 360, 15_000), minlength=361)
    stored = {"task": "t", "network": "w", "pool": 360, "first": 0, "apart": 1, "counts": counts.tolist()}
    dots = [{"task": "t", "network": "w", "sampler": "trained", "n": 10, "mean": 0.01, "tail": [0.5] * 50}]
    extra = {"densities": by_number([stored]), "dots": by_number(dots)}
    return ErrorDensity.from_counts(counts), plain_tree(extra)  # as an explorer's state holds them


@pytest.mark.parametrize("n", [0, 1, 10, 60])
def test_the_page_reweights_a_density_as_the_package_does(sampled, n):
    density, extra = sampled
    drawn = form("rare_minima", extra, task="t", network="w", n=n, epsilon=0.1, optimal=True, gamma=0.0)
    assert readout(drawn, "fraction of bad minima R") == pytest.approx(density.bad_fraction(n, 0.1), rel=1e-9)
    assert readout(drawn, "mean true error of the minima") == pytest.approx(density.mean_error(n), rel=1e-9)
    assert readout(drawn, "share of networks that fit") == pytest.approx(density.volume(n), rel=1e-9)
    assert readout(drawn, "bound on R") == pytest.approx(density.bound(n, 0.1).value, rel=1e-9)
    assert readout(drawn, "with gamma") == pytest.approx(density.bound(n, 0.1).gamma, rel=1e-9)
    if n:
        assert readout(drawn, "slope of −ln R here") == pytest.approx(density.decay_rate(n, 0.1), rel=1e-9)
    effective = readout(drawn, "effective networks (below 100 nothing is shown)")
    assert effective == pytest.approx(density.effective_sample_size(n), abs=0.5)


def test_a_gamma_by_hand_gives_the_bound_at_it(sampled):
    density, extra = sampled
    drawn = form("rare_minima", extra, task="t", network="w", n=20, epsilon=0.1, optimal=False, gamma=0.05)
    assert readout(drawn, "bound on R") == pytest.approx(density.bound(20, 0.1, 0.05).value, rel=1e-9)


def test_the_drawn_densities_have_area_one_and_the_curve_falls(sampled):
    _, extra = sampled
    drawn = form("rare_minima", extra, task="t", network="w", n=10, epsilon=0.1, optimal=True, gamma=0.0)
    for series in drawn["panels"][0]["series"][:2]:
        x, y = np.array(series["x"]), np.array(series["y"])
        assert (y * (x[1] - x[0])).sum() == pytest.approx(1)
    means = drawn["panels"][2]["series"][0]["y"]
    assert means == sorted(means, reverse=True)
    trained = drawn["panels"][1]["series"][-1]
    assert (trained["x"], trained["y"], trained["style"]) == ([10], [0.5], "points")


def test_nothing_is_shown_below_a_hundred_effective_networks(sampled):
    few = dict(sampled[1]["densities"]["0"])
    few["counts"] = [count // 50 for count in few["counts"]]
    drawn = form(
        "rare_minima",
        {"densities": [few], "dots": []},
        task="t",
        network="w",
        n=100,
        epsilon=0.1,
        optimal=True,
        gamma=0,
    )
    assert readout(drawn, "fraction of bad minima R") == "–"
    assert max(drawn["panels"][1]["series"][0]["x"]) < 100
