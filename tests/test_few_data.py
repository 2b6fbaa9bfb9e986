"""The chapter few_data: closed forms, baselines, the measurement's oracles, and the statistics of its claims."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from companion.claims import judge
from companion.data import load
from companion.errors import CompanionError
from companion.few_data import (
    fit_power_law,
    fit_shifted_hyperbola,
    logistic_regression_accuracy,
    nearest_neighbour_accuracy,
    power_law,
    shifted_hyperbola,
)
from companion.few_data.claims import (
    CLAIMS,
    above_chance_on_permuted_labels,
    gain_over,
    headline_best,
    headline_mean,
    interpolating,
    memorised,
    straightness,
    wider_by_four,
)
from companion.few_data.declaration import FewData
from companion.few_data.experiment import EXPERIMENT, load_images, point, run
from companion.few_data.measurements import sample, sample_indices, settings, sizes
from companion.records import Record, table

CLAIM = {claim.key: claim for claim in CLAIMS}


# Closed forms


def test_the_fit_of_an_exact_power_law_finds_its_two_numbers():
    n = np.array([10, 20, 50, 100, 500])
    fit = fit_power_law(n, power_law(n, 3.2, 0.7))
    assert fit.parameters == pytest.approx({"c": 3.2, "beta": 0.7})
    assert fit.r_squared == pytest.approx(1)


def test_the_fit_of_an_exact_shifted_hyperbola_finds_the_curve_again():
    n = np.array([10, 20, 50, 100, 200, 500, 1200])
    error = shifted_hyperbola(n, 0.02, 15.0, 3.0)
    fit = fit_shifted_hyperbola(n, error)
    np.testing.assert_allclose(shifted_hyperbola(n, **fit.parameters), error, rtol=1e-4)
    assert fit.parameters == pytest.approx({"e_min": 0.02, "a": 15.0, "b": 3.0}, rel=0.02)
    assert fit.r_squared == pytest.approx(1)


def test_the_shifted_hyperbola_starts_at_the_prior_mean_and_ends_at_the_floor():
    assert shifted_hyperbola(0, 0.1, 6.0, 4.0) == pytest.approx(0.1 + 0.9 * 0.6)
    assert shifted_hyperbola(1e12, 0.1, 6.0, 4.0) == pytest.approx(0.1)


def test_the_errors_of_the_sheet_fall_with_a_log_log_slope_near_minus_0_7():
    n, error = (10, 20, 50, 100, 200, 500, 1200), (0.606, 0.462, 0.244, 0.126, 0.079, 0.043, 0.026)
    fit = fit_power_law(n, error)
    assert fit.parameters["beta"] == pytest.approx(0.70, abs=0.02)
    assert fit.r_squared > 0.95


def test_a_learning_curve_of_two_sizes_or_with_a_zero_error_cannot_be_fitted():
    with pytest.raises(CompanionError, match="needs three sizes or more"):
        fit_power_law([10, 20, 20], [0.5, 0.4, 0.4])
    with pytest.raises(CompanionError, match="A test error is zero"):
        fit_power_law([10, 20, 50], [0.5, 0.4, 0.0])


# Baselines


def test_the_nearest_neighbour_is_the_one_of_a_direct_search():
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(count, 1, 3, 3, generator=generator) for count in (20, 30))
    train_labels = torch.arange(20) % 4
    truth = torch.randint(4, (30,), generator=generator)
    nearest = [min(range(20), key=lambda k: float((image - train[k]).square().sum())) for image in test]
    expected = float((train_labels[nearest] == truth).double().mean())
    assert nearest_neighbour_accuracy(train, train_labels, test, truth) == pytest.approx(expected)


def test_both_baselines_solve_what_is_linearly_separable_with_a_wide_gap():
    labels = torch.arange(40) % 2
    images = torch.randn(40, 1, 2, 2, generator=torch.Generator().manual_seed(0)) + 20.0 * labels[:, None, None, None]
    for baseline in (nearest_neighbour_accuracy, logistic_regression_accuracy):
        assert baseline(images[:20], labels[:20], images[20:], labels[20:]) == 1.0


# The measurement


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    """The middle width on five images a class: three seeds, twenty permutations, the baselines."""
    parameters = FewData.at(
        "quick", widths=(4, 16), sizes=(5,), per_class=5, permutations=20, parts=("grid", "permuted", "baselines")
    )
    return table([Record("few_data", "quick", parameters.values(), run(parameters))])


def test_every_network_that_is_not_tiny_reaches_training_error_zero(measured):
    assert interpolating(measured) == [1.0]
    assert judge(CLAIM["F1"], measured, "quick").state == "holds"


def test_five_images_a_class_give_the_accuracy_of_the_sheet(measured):
    reached = measured[(measured["arm"] == "network") & (measured["width"] == 16)]["test_accuracy"]
    assert reached.mean() == pytest.approx(0.86, abs=3 * 0.03)  # three times the spread over seeds


def test_150_000_weights_learn_ten_images_and_classify_seven_of_ten_others():
    rows = point(width=48, per_class=1, seeds=3)
    assert {row["weights"] for row in rows} == {150_010}
    assert {row["train_images"] for row in rows} == {10}
    assert sum(row["test_accuracy"] for row in rows) / 3 == pytest.approx(0.71, abs=3 * 0.05)


def test_with_permuted_labels_the_same_networks_memorise_and_are_at_chance(measured):
    rows = measured[measured["arm"] == "permuted labels"]
    assert len(rows) == 20
    assert memorised(measured) == [1.0]
    above = rows["test_accuracy"] - 0.1
    assert abs(above.mean()) <= 3 * above.std() / math.sqrt(20)
    assert judge(CLAIM["F4b"], measured, "quick").state == "holds"


def test_the_rows_say_what_was_trained(measured):
    row = measured[(measured["arm"] == "network") & (measured["width"] == 16)].iloc[0]
    assert (row["weights"], row["train_images"], row["test_images"], row["class_count"]) == (17_754, 50, 797, 10)
    assert (row["per_class"], row["label_noise"], row["data"]) == (5, 0, "digits")
    assert row["curve_epoch"][-1] == row["epochs_run"]
    assert set(measured["arm"]) == {"network", "permuted labels", "nearest neighbour", "logistic regression"}


def test_a_narrow_and_a_wide_network_are_paired_by_seed(measured):
    networks = measured[measured["arm"] == "network"].set_index(["seed", "width"])["test_accuracy"].unstack()
    assert wider_by_four(measured) == pytest.approx((networks[16] - networks[4]).tolist())


def test_the_same_seed_gives_the_same_numbers():
    first, second = (point(width=4, per_class=2, epochs=5, seeds=2)[1] for _ in range(2))
    assert first == second
    assert point(width=4, per_class=2, epochs=5, seeds=1, seed=1)[0]["curve_train_loss"] == pytest.approx(
        first["curve_train_loss"], rel=1e-4
    )


def test_zero_label_noise_is_no_noise_and_full_noise_is_much():
    clean, noisy = (
        point(width=4, per_class=10, epochs=30, seeds=1, label_noise=noise)[0]["test_accuracy"] for noise in (0.0, 1.0)
    )
    assert clean > noisy + 0.2


def test_a_width_that_is_not_positive_is_refused():
    with pytest.raises(CompanionError, match=r"width is 0: it must be positive"):
        point(width=0)


def test_all_sizes_of_a_curve_are_tested_on_the_same_images():
    images = load("digits")
    parameters = FewData.at("quick", sizes=(1, 5), per_class=20)
    assert sizes(parameters) == [1, 5, 20]
    splits = [sample_indices(images, n, parameters.split_seed, parameters.largest) for n in sizes(parameters)]
    assert all(torch.equal(split.test, splits[0].test) for split in splits)
    assert set(splits[0].train.tolist()) < set(splits[1].train.tolist()) < set(splits[2].train.tolist())


def test_a_sample_is_standardised_by_its_training_images_alone():
    drawn = sample(FewData.at("quick"), load("digits"), 20)
    assert abs(float(drawn.train.mean())) < 1e-5
    assert float(drawn.train.std()) == pytest.approx(1, abs=1e-5)
    assert abs(float(drawn.test.mean())) > 1e-5


def test_the_declared_settings_reach_the_training_loop():
    parameters = FewData.at("paper", weight_decay=0.5, batch=32)
    plan = settings(parameters, seed=3, device=torch.device("cpu"))
    assert (plan.optimiser, plan.schedule, plan.batch, plan.weight_decay) == ("lamb", "steps", 32, 0.5)
    assert (plan.order_seed, plan.mixed_precision, plan.stop_at_zero_error) == (3, False, False)
    assert settings(parameters, 3, torch.device("cuda")).mixed_precision


def test_the_images_come_with_the_declared_size_and_classes():
    images = load_images(FewData.at("quick", classes=("3", "8"), image_size=16))
    assert images.classes == ("3", "8")
    assert images.images.shape[2:] == (16, 16)


# The claims


def network_rows(**columns) -> pd.DataFrame:
    plain = {
        "arm": "network", "data": "caltech101", "arch": "vgg19_bn", "class_count": 2, "per_class": 20, "width": 1.0,
        "weights": 1000, "train_images": 40, "train_accuracy": 1.0, "weight_decay": 0.0, "dropout": 0.0,
        "augment": False, "label_noise": 0.0, "seed": 0, "split_seed": 42, "scale": "standard",
    }  # fmt: skip
    return pd.DataFrame(columns).assign(**{name: value for name, value in plain.items() if name not in columns})


def test_the_headline_is_the_mean_over_seeds_of_the_widest_and_the_best_of_all():
    rows = network_rows(test_accuracy=[0.90, 0.92, 0.95], width=[1.0, 1.0, 0.5], seed=[0, 1, 0])
    assert headline_mean(rows) == [0.90, 0.92]
    assert headline_best(rows) == [0.95]


@pytest.mark.parametrize(
    "hidden", [{"weight_decay": 1.0}, {"dropout": 0.5}, {"augment": True}, {"label_noise": 0.2}, {"arm": "curve"}]
)
def test_a_network_with_a_hidden_regulariser_counts_for_no_claim_of_the_paper(hidden):
    rows = network_rows(test_accuracy=[0.99], **{name: [value] for name, value in hidden.items()})
    assert headline_mean(rows) == []
    assert wider_by_four(rows) == []
    assert interpolating(rows) == []


def test_a_tiny_network_need_not_interpolate():
    rows = network_rows(test_accuracy=[0.5, 0.9], weights=[399, 400], train_accuracy=[0.8, 1.0])
    assert interpolating(rows) == [1.0]


def test_the_width_claim_pairs_networks_of_the_same_seed_and_size():
    rows = network_rows(test_accuracy=[0.80, 0.82, 0.70, 0.75], width=[0.25, 1.0, 0.25, 1.0], seed=[0, 0, 1, 1])
    assert wider_by_four(rows) == pytest.approx([0.02, 0.05])


def test_the_gain_over_a_baseline_is_taken_at_the_same_images():
    networks = network_rows(test_accuracy=[0.8, 0.9, 0.6, 0.7], per_class=[5, 20, 5, 20], seed=[0, 0, 1, 1])
    baselines = network_rows(test_accuracy=[0.5, 0.7], per_class=[5, 20]).assign(arm="nearest neighbour", seed=np.nan)
    assert gain_over("nearest neighbour", pd.concat([networks, baselines])) == pytest.approx([0.25, 0.05])


def test_the_permutation_control_subtracts_chance():
    rows = network_rows(test_accuracy=[0.4, 0.7], train_accuracy=[1.0, 0.9]).assign(arm="permuted labels")
    assert above_chance_on_permuted_labels(rows) == pytest.approx([-0.1, 0.2])
    assert memorised(rows) == [0.5]


def test_an_exact_power_law_is_straight():
    n = np.array([10, 20, 50, 100])
    rows = pd.DataFrame({"arm": "curve", "train_images": n, "test_accuracy": 1 - power_law(n, 2.0, 0.6), "seed": 0})
    assert straightness(rows) == pytest.approx([1.0])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_every_claim_can_be_judged_from_a_table_in_which_nothing_was_measured(claim):
    baselines = network_rows(test_accuracy=[0.5]).assign(arm="some other arm")
    for scale in claim.scales:
        assert judge(claim, baselines.assign(scale=scale), scale).state == "not measured"


def test_the_published_number_is_the_one_of_the_abstract():
    assert {c.published.value for c in CLAIMS if c.published} == {"zero training error", "up to 95 %"}
    assert (CLAIM["F2a"].threshold, CLAIM["F2b"].threshold, CLAIM["F3"].threshold) == (0.88, 0.93, -0.01)
    assert [claim.key[:2] for claim in EXPERIMENT.claims] == sorted(claim.key[:2] for claim in EXPERIMENT.claims)
    assert {claim.key[:2] for claim in EXPERIMENT.claims} == {f"F{k}" for k in range(1, 7)}
