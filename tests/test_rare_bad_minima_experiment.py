"""The experiment of rare_bad_minima: what a small run measures, the statistics of the claims, tables and figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from companion.claims import judge
from companion.errors import CompanionError
from companion.rare_bad_minima import figures
from companion.rare_bad_minima.claims import (
    CLAIMS,
    bad_fraction_left,
    factor_over_trained,
    identity_gap,
    largest_gap,
    mean_above_theory,
    share_of_the_limit,
    tiny_against_wide,
    wide_against_narrow,
    worst_z,
)
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.rare_bad_minima.experiment import EXPERIMENT, point, run
from companion.rare_bad_minima.measurements import Tasks
from companion.rare_bad_minima.rows import column_of, density_of_row, density_row
from companion.rare_bad_minima.tables import density_of, stored_densities, stored_points
from companion.records import Record, table

CLAIM = {claim.key: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    """All parts, small: 8000 random networks a task."""
    parameters = RareBadMinima.at(
        "quick",
        networks=8000,
        sizes=(0, 2, 10, 20),
        training_sets=60,
        widths=(2, 20),
        width_networks=4000,
        width_samples=10,
        permutations=3,
        permuted_networks=1000,
        sequential_sizes=(4, 30),
        sequential_sets=2,
        particles=64,
        moves=5,
        runs=20,
        trained_sizes=(30,),
        mislabelled=20,
        convolutional_networks=256,
    )
    return table([Record("rare_bad_minima", "quick", parameters.values(), run(parameters))])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# The run


def test_the_run_has_an_arm_for_every_part(measured):
    arms = ["density", "theory", "joint", "fixed", "width", "sequential", "trained"]
    arms += ["permuted labels", "bad minima", "convolutional", "convolutional theory", "convolutional joint"]
    assert set(measured["arm"]) == set(arms)
    assert set(measured["task"]) == {"0 vs 1", "3 vs 8"}
    assert set(measured.loc[measured["arm"] == "sequential", "task"]) == {"3 vs 8"}


def test_the_rows_say_what_was_drawn(measured):
    row = measured[measured["arm"] == "density"].iloc[0]
    assert (row["networks"], row["pool_images"], row["width"], row["weights"]) == (8000, 360, 20, 64 * 20 + 20 + 20)
    assert sum(row["error_counts"]) == 8000
    assert density_of_row(row).deviation == pytest.approx(row["deviation"], rel=1e-4)


def test_the_small_run_agrees_with_the_formula(measured):
    joint = measured[(measured["arm"] == "joint") & (measured["accepted"] >= 100)]
    assert joint[["mean_error_z", "bad_fraction_z"]].abs().max().max() <= 4
    assert identity_gap(measured)[0] < 1e-4
    cnn = measured[measured["arm"] == "convolutional theory"].set_index("n")["mean_error"]
    kept = measured[measured["arm"] == "convolutional joint"].set_index("n")["mean_error"]
    assert kept[0] == pytest.approx(cnn[0])
    assert kept[2] == pytest.approx(cnn[2], abs=0.06)


def test_trained_networks_are_better_than_random_minima_and_bad_ones_are_bad(measured):
    trained = measured[measured["arm"] == "trained"].set_index("task")
    assert trained.loc["0 vs 1", "mean_error"] < 0.01
    assert trained.loc["3 vs 8", "mean_error"] < 0.08
    assert (trained["rank"] < 0.2).all()
    assert (measured.loc[measured["arm"] == "bad minima", "mean_error"] > 0.3).all()


def test_the_same_seed_gives_the_same_rows():
    small = {"networks": 1000, "pairs": ("0 vs 1",), "sizes": (2,), "training_sets": 10, "parts": ("density",)}
    first, second = (run(RareBadMinima.at("quick", **small)) for _ in range(2))
    assert repr(first) == repr(second)
    assert repr(run(RareBadMinima.at("quick", **small, seed=1))) != repr(first)


def test_a_point_is_a_row_for_every_run_with_its_curves():
    rows = point(pair="0 vs 1", n=5, runs=10, at_least=3)
    assert len(rows) == 10
    assert [row["seed"] for row in rows] == list(range(10))
    for row in rows:
        assert row["test_accuracy"] == pytest.approx(1 - row["true_error"])
        assert len(row["curve_epoch"]) == len(row["curve_test_accuracy"])
        assert row["curve_train_accuracy"][-1] == 1 - row["train_error"]


def test_epsilon_is_a_hundredth():
    assert column_of(0.1) == 9
    with pytest.raises(CompanionError, match=r"multiple of 0\.01"):
        column_of(0.105)


def test_a_density_on_a_large_pool_is_stored_in_bins_that_keep_its_moments():
    from companion.rare_bad_minima import ErrorDensity

    counts = np.bincount(np.random.default_rng(0).binomial(2000, 0.3, 5000), minlength=2001)
    density = ErrorDensity.from_counts(counts)
    row = density_row(density) | {"pool_images": 2000}
    assert len(row["error_counts"]) <= 400
    again = density_of_row(row)
    assert again.mean_error(0) == pytest.approx(density.mean_error(0), abs=1e-3)
    assert again.deviation == pytest.approx(density.deviation, rel=0.02)


def test_every_task_is_loaded_once():
    tasks = Tasks(RareBadMinima.at("quick"), "cpu")
    assert tasks.pool("0 vs 1") is tasks.pool("0 vs 1")


# The statistics of the claims


def rows(arm: str, **columns) -> pd.DataFrame:
    return pd.DataFrame(columns).assign(arm=arm, task="a")


def test_the_worst_z_leaves_out_what_few_pairs_carry():
    few = rows("joint", n=[1, 2], accepted=[500, 99], mean_error_z=[-2.0, 5.0])
    assert worst_z("mean_error", few) == [2.0]


def fixed_rows(**columns) -> pd.DataFrame:
    return rows("fixed", **columns).assign(theory_mean_error=0.2)


def test_fixed_sets_are_compared_with_the_formula_block_by_block():
    table = fixed_rows(n=[10, 30, 40], block_mean_error=[[0.18, 0.2], [0.16, 0.18], [0.0, 0.0]], usable=[True] * 3)
    assert mean_above_theory("mean_error", table) == pytest.approx([-0.15, -0.05])
    assert largest_gap("mean_error", table) == pytest.approx([0.2, 0.1])
    assert largest_gap("mean_error", table.assign(usable=False)) == []


def theory_rows(**columns) -> pd.DataFrame:
    return rows("theory", **columns).assign(effective_networks=1000, networks_below_epsilon=200)


def test_the_decay_is_read_at_the_largest_n_that_enough_networks_carry():
    table = theory_rows(
        n=[1, 30, 60], bad_fraction=[0.8, 0.2, 0.1], decay_rate=[0.01, 0.05, 0.09], asymptotic_rate=[0.1] * 3
    )
    assert bad_fraction_left(table) == pytest.approx([0.125])
    assert share_of_the_limit(table) == pytest.approx([0.5])
    assert bad_fraction_left(table.assign(effective_networks=[1000, 1000, 50])) == pytest.approx([0.25])
    assert bad_fraction_left(table.assign(networks_below_epsilon=10)) == []


def test_widths_are_compared_with_the_widest():
    table = rows("width", width=[2, 5, 100], block_mean_error=[[0.3, 0.3], [0.1, 0.1], [0.2, 0.1]])
    assert wide_against_narrow(table) == pytest.approx([1.0, 0.0])
    assert tiny_against_wide(table) == pytest.approx([0.1 / 0.15, 0.2 / 0.15])
    assert wide_against_narrow(table[table["width"] < 100]) == []


def test_the_factor_over_trained_networks_is_taken_where_it_is_least():
    trained = rows("trained", n=[30, 50], block_mean_error=[[0.01] * 10, [0.02] * 10])
    fixed = fixed_rows(n=[30], block_mean_error=[[0.1] * 10], usable=[True])
    sets = rows("sequential", n=[50, 50], mean_error=[0.05, 0.07], seed=[0, 1])
    table = pd.concat([trained, fixed, sets])
    assert factor_over_trained(table) == pytest.approx([2.5, 3.5])
    assert factor_over_trained(pd.concat([trained, fixed])) == pytest.approx([10.0] * 10)
    assert factor_over_trained(trained) == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_every_claim_can_be_judged_from_a_table_in_which_nothing_was_measured(claim):
    for scale in claim.scales:
        empty = pd.DataFrame({"arm": ["some other arm"], "scale": [scale]})
        assert judge(claim, empty, scale).state == "not measured"


def test_the_claims_are_r1_to_r7_and_no_number_is_said_to_be_published():
    assert {claim.key[:2] for claim in EXPERIMENT.claims} == {f"R{k}" for k in range(1, 8)}
    assert [claim.key for claim in CLAIMS] == sorted(CLAIM)
    assert all(claim.published is None for claim in CLAIMS)
    assert {claim.key for claim in CLAIMS if claim.origin == "paper"} == {"R3a", "R4a", "R7"}
    assert (CLAIM["R1a"].threshold, CLAIM["R2b"].threshold, CLAIM["R2d"].threshold) == (3, 0.1, 0.15)
    assert CLAIM["R6a"].threshold == 3


# What the page draws


def test_the_explorer_gets_every_density_once_and_every_measured_point(measured):
    stored, points = stored_densities(measured), stored_points(measured)
    names = [(one["task"], one["network"]) for one in stored]
    assert sorted(names) == [("0 vs 1", "2 units"), ("0 vs 1", "20 units"), ("3 vs 8", "20 units")]
    wide = next(one for one in stored if (one["task"], one["network"]) == ("0 vs 1", "20 units"))
    assert sum(wide["counts"]) == 8000
    assert density_of(wide).networks == 8000
    assert {one["sampler"] for one in points} == {"fixed", "sequential", "trained"}
    assert all(len(one["tail"]) == 50 and one["n"] > 0 for one in points)


def test_permuted_labels_and_other_networks_are_named(measured):
    row = measured[measured["arm"] == "width"]
    other = stored_densities(row.assign(label_noise=1.0, depth=3, activation="tanh"))
    assert {one["task"] for one in other} == {"0 vs 1, labels permuted"}
    assert {one["network"] for one in other} == {"3 layers of 2, tanh", "3 layers of 20, tanh"}


def test_every_figure_is_drawn(measured):
    stored, points = stored_densities(measured), stored_points(measured)
    values = {"task": "0 vs 1", "network": "20 units", "n": 10, "epsilon": 0.1}
    drawn = [
        figures.densities(measured),
        figures.reweighted(density_of(stored[0])),
        figures.curves(measured),
        figures.curves(measured, "bad_fraction"),
        figures.widths(measured),
        figures.permuted_curves(measured),
        figures.slopes(measured),
        figures.trained_among_random(measured, 30),
        figures.rarity_view(stored, points, values),
        figures.exact_view({"cells": 6, "labels": 2, "epsilon": 0.32}),
        figures.pool_images([Tasks(RareBadMinima.at("quick"), "cpu").pool("0 vs 1")]),
    ]
    for figure in drawn:
        assert isinstance(figure, Figure)
        figure.canvas.draw()
