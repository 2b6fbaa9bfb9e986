"""The experiment in its smallest form: rows, claims on tables whose verdict is known, figures, the explorer's data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from companion.claims import judge, judge_all
from companion.data import load
from companion.error_density import BetaDensity, GaussianDensity, figures
from companion.error_density.claims import CLAIMS, EASY, HARD, chosen_pair, fixed_set_curve, kernel_a
from companion.error_density.declaration import ErrorDensity
from companion.error_density.experiment import EXPERIMENT, point, run
from companion.error_density.image_curve import balanced_order, train_and_test
from companion.error_density.measurements import descend
from companion.error_density.tables import controls, explorer_data, recorded_alignment
from companion.error_density.tasks import pair_pool
from companion.errors import CompanionError
from companion.explorer import Choice, Explorer, Slider
from companion.progress import Cancelled, Progress
from companion.records import Record, table

SMALL = {
    "nets": 2000, "sizes": (2, 5, 10), "sets": 20, "smc_sets": 3, "particles": 40, "moves": 3, "runs": 10,
    "gradient_sizes": (5, 10, 20), "widths": (2, 5), "width_nets": 1000, "permutations": 3, "difficulty_runs": 1,
    "repetitions": 2, "curve_sizes": (10, 20, 40, 80), "epochs": 300,
}  # fmt: skip
KINDS = {"choice": Choice, "slider": Slider}
CLAIM = {claim.key: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    parameters = ErrorDensity.at("quick", **SMALL)
    record = Record("error_density", "quick", parameters.values(), run(parameters))
    return table([Record.from_json(record.to_json())])


def test_a_run_holds_every_arm_for_every_pair(rows):
    counted = rows.groupby("arm").size()
    assert counted["kernel"] == 45
    assert counted["permuted labels"] == 2 * 3
    assert counted["difficulty"] == 45
    assert counted["curve"] == 4 * 2
    assert counted["width"] == 2
    assert set(rows[rows["arm"] == "fixed sets"]["method"]) == {"rejection", "SMC"}
    for arm in ("density", "formula", "joint", "gradient descent"):
        assert set(rows[rows["arm"] == arm]["pair"]) == {"0 vs 1", "3 vs 8"}


def test_the_histogram_of_a_record_is_the_density_of_its_networks(rows):
    row = rows[(rows["arm"] == "density") & (rows["pair"] == "3 vs 8")].iloc[0]
    assert sum(row["counts"]) == 2000
    assert np.average(row["values"], weights=row["counts"]) == pytest.approx(row["error"], abs=1e-6)
    assert row["a"] == pytest.approx(kernel_a(rows, "3 vs 8"), rel=0.2)


def test_every_claim_gets_a_verdict_and_the_paper_s_own_is_marked_as_such(rows):
    verdicts = judge_all(CLAIMS, rows, "quick").verdicts
    assert {verdict.claim.key: verdict.state for verdict in verdicts if verdict.state == "not measured"} == {
        "D5": "not measured"  # no training set of 100 images in this small run
    }
    assert [claim.key for claim in CLAIMS if claim.origin == "paper"] == ["D1"]
    assert EXPERIMENT.claims is CLAIMS


def test_a_part_of_the_run_can_be_asked_for_alone():
    parameters = ErrorDensity.at("quick", **SMALL | {"parts": ("kernel",), "permutations": 0})
    assert {row["arm"] for row in run(parameters)} == {"kernel"}


def test_the_same_seed_gives_the_same_rows():
    parameters = ErrorDensity.at(
        "quick", **SMALL | {"parts": ("smc", "gradient"), "pairs": ("3 vs 8",), "gradient_sizes": (5,)}
    )
    first, second = run(parameters), run(parameters)
    assert str(first) == str(second)


def test_a_run_can_be_cancelled():
    class Impatient(Progress):
        def show(self, *_: object) -> None:
            self.cancel()

    with pytest.raises(Cancelled):
        run(ErrorDensity.at("quick", **SMALL), Impatient(interval=0))


# Claims on tables whose verdict is known


def synthetic(gap: float = 0.0, floor_gain: float = 4.5) -> pd.DataFrame:
    """Random minima at `gap` above the kernel's curve, with the scatter of a few per cent."""
    noise = np.random.default_rng(0).normal(1, 0.02, 12)
    rows = [{"arm": "kernel", "pair": "easy", "a": 2.0}, {"arm": "kernel", "pair": "hard", "a": 8.0}]
    gaussian = GaussianDensity.like(BetaDensity.binary(8.0))
    for pair, a in (("easy", 2.0), ("hard", 8.0)):
        for n in (5, 20, 50, 100):
            error = float(BetaDensity.binary(a).mean(n)) / (1 + gap)
            if pair == "hard" and n == 100:
                error = floor_gain * float(gaussian.mean(100))
            each = (error * noise / noise.mean()).tolist()
            rows.append({"arm": "fixed sets", "method": "SMC", "pair": pair, "n": n, "error": error, "each": each})
    return pd.DataFrame(rows)


def test_the_hardest_pair_has_the_largest_a():
    rows = synthetic()
    assert (chosen_pair(rows, HARD), chosen_pair(rows, EASY)) == ("hard", "easy")


@pytest.mark.parametrize(("gap", "state"), [(0.10, "holds"), (-0.10, "holds"), (0.40, "fails"), (-0.40, "fails")])
def test_the_kernel_is_judged_at_its_worst_size_whatever_the_sign(gap, state):
    assert judge(CLAIM["D2b"], synthetic(gap), "quick").state == state


@pytest.mark.parametrize(("factor", "state"), [(4.5, "holds"), (3.5, "fails")])
def test_the_gaussian_is_judged_at_a_hundred_images(factor, state):
    assert judge(CLAIM["D5"], synthetic(floor_gain=factor), "quick").state == state


@pytest.mark.parametrize(("distance", "state"), [(2.0, "holds"), (3.5, "fails")])
def test_formula_and_sampling_are_compared_in_standard_errors(distance, state):
    common = {"pair": "easy", "n": 5, "standard_error": 0.01}
    joint = {"arm": "joint", "error": 0.3 + distance * 0.01 * np.sqrt(2)}
    rows = pd.DataFrame([common | joint, common | {"arm": "formula", "error": 0.3}])
    assert judge(CLAIM["D1"], rows, "quick").state == state


def test_rejection_goes_before_monte_carlo_where_both_were_measured():
    rows = synthetic()
    more = rows[(rows["pair"] == "hard") & (rows["n"] == 5)].assign(method="rejection", error=0.123)
    curve = fixed_set_curve(pd.concat([rows, more]), "hard")
    assert curve["n"].tolist() == [5, 20, 50, 100]
    assert curve["method"].tolist() == ["rejection", "SMC", "SMC", "SMC"]


@pytest.mark.parametrize(("made_by", "state"), [("beta", "holds"), ("power law", "fails")])
def test_the_comparison_with_the_power_law_knows_who_made_the_curve(made_by, state):
    sizes, generator = (10, 20, 50, 100, 200, 500, 1000), np.random.default_rng(0)
    beta = BetaDensity.with_prior_mean(15, 0.9, 0.02)
    curves = {"beta": lambda n: float(beta.mean(n)), "power law": lambda n: 3 * n**-0.7}
    rows = [
        {"arm": "curve", "n": n, "seed": k, "classes": 10, "fitted": 1.0}
        | {"error": curves[made_by](n) * np.exp(0.03 * generator.normal())}
        for k in range(5)
        for n in sizes
    ]
    assert judge(CLAIM["D4a"], pd.DataFrame(rows), "quick").state == state


def test_a_run_that_missed_zero_training_error_counts_for_no_fit(rows):
    spoiled = rows.assign(fitted=np.where(rows["arm"] == "curve", 0.0, rows["fitted"]))
    assert judge(CLAIM["D4a"], spoiled, "quick").state == "not measured"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_every_claim_can_be_judged_from_a_table_in_which_nothing_was_measured(claim):
    empty = pd.DataFrame([{"arm": "nothing", "scale": "quick"}])
    assert judge(claim, empty, "quick").state == "not measured"


# The learning curve with all classes, and gradient descent


def test_training_sets_are_nested_and_hold_the_classes_evenly():
    labels = load("digits").labels
    order = balanced_order(labels, seed=3)
    assert sorted(order.tolist()) == list(range(len(labels)))
    for n in (10, 50, 200, 1000):
        counts = labels[order[:n]].bincount(minlength=10)
        assert int(counts.max() - counts.min()) <= 1
    assert not torch.equal(order, balanced_order(labels, seed=4))


def test_training_and_test_images_of_digits_are_apart_and_label_noise_reaches_both():
    train, test = train_and_test(ErrorDensity.at("quick"))
    assert (len(train), len(test)) == (1198, 599)
    noisy, noisy_test = train_and_test(ErrorDensity.at("quick", label_noise=0.5))
    for clean, other in ((train, noisy), (test, noisy_test)):
        assert torch.equal(clean.images, other.images)
        assert 0.35 < float((clean.labels != other.labels).double().mean()) < 0.55


def test_gradient_descent_learns_its_images_and_finds_better_minima_than_chance_does():
    pool = pair_pool(load("digits"), "3 vs 8")
    error, fitted = descend(pool, pool.training_sets(20, 30, seed=0), hidden=20)
    assert bool(fitted.all())
    assert float(error.mean()) < 0.5 * 0.144  # random minima of given sets have 0.144


def test_a_reader_s_own_training_comes_with_what_the_kernel_foresees_for_random_minima():
    found = point(scale="quick", pair="0 vs 1", n=20, hidden=10)
    assert len(found) == 5
    assert all(row["curve_train_accuracy"][-1] == 1 for row in found)
    assert found[0]["random_minima_foreseen"] == pytest.approx(1 - 2.71 / (5.42 + 20), abs=1e-3)


def test_an_unknown_class_in_a_pair_is_named():
    with pytest.raises(CompanionError, match="'x'"):
        run(ErrorDensity.at("quick", **SMALL | {"pairs": ("x vs 3",), "parts": ("density",)}))


# Figures and the explorer's data


def test_every_figure_is_drawn(rows):
    made = [
        figures.prior_to_posterior(BetaDensity(9, 1)),
        figures.model_curves(),
        figures.four_panels(recorded_alignment(rows, "3 vs 8")),
        figures.density_of_random_networks(rows),
        figures.curves_of_a_pair(rows, "3 vs 8"),
        figures.bad_share(rows, "3 vs 8", 0.1),
        figures.widths_and_labels(rows),
        figures.foreseen_difficulty(rows),
        figures.trained_curve(rows),
    ]
    assert all(axes.lines or axes.patches or axes.texts for figure in made for axes in figure.axes)
    plt.close("all")
    assert figures.fit_table(rows)["model"].tolist() == ["shifted Beta", "power law", "Beta", "cells"]
    assert figures.effective_sizes(rows)["n = 10"] > figures.effective_sizes(rows)["n = 30"]


def test_a_reader_s_own_curve_is_fitted_and_drawn():
    _, axes = plt.subplots()
    n = [10, 30, 100, 300, 1000]
    fit = figures.own_curve(axes, n, BetaDensity.with_prior_mean(12, 0.5, 0.03).mean(n), 0.5)
    assert fit.parameters["a"] == pytest.approx(12, rel=1e-3)
    plt.close("all")


def test_the_explorer_holds_45_alignments_and_the_measured_curves_and_stays_small(rows):
    data = explorer_data(rows)
    assert len(data["alignments"]) == 45
    assert recorded_alignment(rows, "3 vs 8").a() == pytest.approx(kernel_a(rows, "3 vs 8"), rel=1e-4)
    assert set(data["sampled"]) == {"random networks, 0 vs 1", "random networks, 3 vs 8"}
    assert "digits, all classes, MLP" in data["overlays"]
    explorer = Explorer.from_form(
        "error_density",
        controls=[KINDS[kind](*given, **named) for kind, given, named in controls(data)],
        extra=data,
        title="t",
    )
    assert len(explorer.html()) < 60_000
