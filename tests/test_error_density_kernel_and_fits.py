"""The density from a kernel, random networks and their minima on digits, and the fits of learning curves."""

import math

import numpy as np
import pytest
import torch

from companion.data import load, permute_labels
from companion.ensemble import RandomPerceptron, random_correctness, random_error_rates
from companion.error_density import (
    Alignment,
    BetaDensity,
    EmpiricalDensity,
    agreement,
    aic_gain,
    fit_beta,
    fit_cells,
    fit_power_law,
    fit_shifted_beta,
    output_correlations,
)
from companion.error_density.random_minima import FixedSets, JointRejection
from companion.error_density.smc import Cloud, sample_minima
from companion.error_density.tasks import Pool, all_pairs, pair_pool
from companion.errors import CompanionError

SIZES = [10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 800, 1200]
REFERENCE = [0.606, 0.536, 0.462, 0.312, 0.244, 0.170, 0.126, 0.097, 0.079, 0.0625, 0.0434, 0.0322, 0.0255]


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def easy(digits):
    return pair_pool(digits, "0 vs 1")


@pytest.fixture(scope="module")
def hard(digits):
    return pair_pool(digits, "3 vs 8")


# Oracle 7: the spread of the error without a network


@pytest.mark.parametrize(
    ("pair", "images", "sd", "a"),
    [("0 vs 1", 360, 0.19730, 2.71), ("3 vs 8", 357, 0.13286, 6.58), ("4 vs 9", 361, 0.17532, 3.57)],
)
def test_the_kernel_foresees_the_spread_of_the_reference_values(digits, pair, images, sd, a):
    pool = pair_pool(digits, pair)
    alignment = pool.alignment()
    assert len(pool) == images
    assert math.sqrt(alignment.variance()) == pytest.approx(sd, abs=5e-6)
    assert alignment.a() == pytest.approx(a, abs=0.005)
    assert alignment.density() == BetaDensity.binary(alignment.a())


def test_wide_random_networks_have_the_spread_that_the_kernel_foresees(easy):
    errors = random_error_rates(easy.measure(200), easy.images, easy.labels, 8000, seed=3)
    spread = EmpiricalDensity(errors.numpy()).variance ** 0.5
    assert spread == pytest.approx(0.19727, abs=3 * 0.0016)
    assert float(errors.mean()) == pytest.approx(0.5, abs=0.005)


def test_the_kernel_is_the_correlation_of_the_outputs_of_random_networks(easy):
    images = easy.images[:6].double()
    network = RandomPerceptron((64, 50, 1))
    generator = torch.Generator().manual_seed(0)
    outputs = [network.outputs(network.draw(generator, torch.float64), network.prepare(images)) for _ in range(40)]
    measured = np.corrcoef(torch.cat(outputs)[:, 0].T.numpy())
    assert np.abs(measured - output_correlations(images.numpy())).max() < 0.03


def test_with_permuted_labels_the_spread_is_that_of_the_reference_values(easy):
    spreads = [math.sqrt(easy.permuted(k).alignment().variance()) for k in range(6)]
    assert 0.017 < min(spreads) < max(spreads) < 0.026


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_the_expected_spread_after_permuting_a_share_is_the_mean_over_permutations(easy, share):
    alignment, generator = easy.alignment(), torch.Generator().manual_seed(1)
    agreed = agreement(output_correlations(easy.images.double().numpy()))
    found = [
        Alignment.of(agreed, 2.0 * permute_labels(easy.labels, share, generator).numpy() - 1).variance()
        for _ in range(300)
    ]
    error = np.std(found) / math.sqrt(len(found))
    assert alignment.variance(share) == pytest.approx(np.mean(found), abs=4 * error + 1e-6)


def test_tasks_are_named_and_checked(digits):
    assert len(list(all_pairs(digits.classes))) == 45
    small = pair_pool(digits, "3 vs 8", most=50)
    assert small.labels.bincount().tolist() == [25, 25]
    assert float(small.images.mean(0).abs().max()) < 1e-6
    for wrong in ("3", "3 vs 3"):
        with pytest.raises(CompanionError, match="two different classes"):
            pair_pool(digits, wrong)


# Oracle 8: the formula, jointly drawn pairs, given training sets


def test_formula_joint_rejection_and_fixed_sets_have_the_reference_values(hard):
    sizes = [5, 10]
    model = EmpiricalDensity(random_error_rates(hard.measure(20), hard.images, hard.labels, 30_000, seed=0).numpy())
    joint = JointRejection(sizes)
    fixed = FixedSets(hard.training_sets(150, 10, seed=0), sizes, len(hard))
    for correct in random_correctness(hard.measure(20), hard.images, hard.labels, 30_000, seed=1):
        joint.add(correct)
        fixed.add(correct)
    formula, error = model.mean(sizes), model.mean_error(sizes)
    assert np.abs(formula - [0.36056, 0.27459]) == pytest.approx(0, abs=4 * error.max())
    together = np.hypot(joint.accepted.standard_error.numpy(), error)
    assert (np.abs(joint.accepted.mean.numpy() - formula) < 3 * together).all()
    given = fixed.accepted.mean.nanmean(0).numpy()
    assert given == pytest.approx([0.3503, 0.2644], abs=0.012)
    assert (given < formula).all()
    volume = (fixed.accepted.count / fixed.networks).mean(0).numpy()
    assert volume == pytest.approx(np.exp(model.log_mu(sizes)), rel=0.15)


def test_one_sample_halves_the_networks_of_every_training_set(hard):
    fixed = FixedSets(hard.training_sets(20, 1, seed=4), [1], len(hard))
    for correct in random_correctness(hard.measure(20), hard.images, hard.labels, 4096, seed=9):
        fixed.add(correct)
    assert (fixed.accepted.count[:, 0] / 4096).numpy() == pytest.approx(0.5, abs=0.035)
    assert fixed.coverage.tolist() == [1.0]


def test_sequential_monte_carlo_finds_the_minima_that_rejection_finds(easy):
    sizes, sets = [3, 10, 20], easy.training_sets(12, 20, seed=5)
    found = sample_minima(easy.measure(20), easy, sets, sizes, particles=150, moves=12, seed=1)
    fixed = FixedSets(sets, sizes, len(easy))
    for correct in random_correctness(easy.measure(20), easy.images, easy.labels, 40_000, seed=6):
        fixed.add(correct)
    expected = fixed.accepted.mean
    # means over the same twelve sets; each cloud has few independent networks
    assert found.error.mean(0).numpy() == pytest.approx(expected.mean(0).numpy(), rel=0.15)
    volume = (fixed.accepted.count / fixed.networks).log().mean(0)
    assert found.log_volume.mean(0).numpy() == pytest.approx(volume.numpy(), abs=0.5)
    assert (found.bad[:, 0] >= found.bad[:, 2]).float().mean() > 0.8


def test_every_network_that_sequential_monte_carlo_keeps_has_learned_its_set():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, 5, generator=generator)
    pool = Pool("sides of a plane", images, (images[:, 0] > 0).long())
    sets = pool.training_sets(3, 12, seed=0)
    cloud = Cloud(pool.measure(8), pool, sets, 64, seed=0)
    for position in range(12):
        cloud.meet(position)
        cloud.renew(5, position + 1)
    assert bool(cloud.right(cloud.W, cloud.v, sets).all())


def test_a_training_set_that_no_network_can_learn_is_given_up_and_the_others_go_on():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, 5, generator=generator)
    labels = (images[:, 0] > 0).long()
    pool = Pool("every image with both labels", torch.cat([images, images]), torch.cat([labels, 1 - labels]))
    sets = torch.arange(12).repeat(3, 1)
    sets[1, 7] = 40  # the first image again, with the other label
    found = sample_minima(pool.measure(8), pool, sets, [5, 7, 12], particles=40, moves=4)
    assert torch.isnan(found.error).tolist() == [[False] * 3, [False, False, True], [False] * 3]
    assert torch.isnan(found.bad).equal(torch.isnan(found.error))
    assert bool((found.log_volume[[0, 2]].diff(dim=1) < 0).all())


def test_a_hard_image_is_met_by_a_cloud_that_waits_for_networks_that_get_it_right():
    generator = torch.Generator().manual_seed(0)
    pool = Pool("sides of a plane", images := torch.randn(60, 4, generator=generator), (images[:, 0] > 0).long())
    turned = Pool("one label turned", pool.images, pool.labels.clone())
    turned.labels[30] = 1 - turned.labels[30]
    cloud = Cloud(turned.measure(20), turned, torch.arange(31).repeat(2, 1), 64, seed=0)
    for position in range(30):
        cloud.meet(position)
        cloud.renew(4, position + 1)
    before = cloud.log_volume.clone()
    cloud.meet(30)
    assert not bool(cloud.lost.any())
    assert int(cloud.alive.sum(1).min()) >= 64 // 16
    assert bool(cloud.right(cloud.W, cloud.v, cloud.sets)[cloud.alive].all())
    assert bool((cloud.log_volume - before < -1).all())


def test_sequential_monte_carlo_knows_one_hidden_layer_only(easy):
    with pytest.raises(CompanionError, match="one hidden layer, one output"):
        sample_minima(RandomPerceptron((64, 5, 5, 1)), easy, easy.training_sets(2, 5, 0), [5])


# Oracle 9 and the fits of a reference curve


def test_a_shifted_beta_is_recovered_from_noisy_errors():
    generator = np.random.default_rng(0)
    truth = BetaDensity.with_prior_mean(15, 0.9, 0.014).mean(SIZES)
    fits = [fit_shifted_beta(SIZES, truth * np.exp(0.05 * generator.normal(size=13)), 0.9) for _ in range(100)]
    a, floor = (np.median([fit.parameters[name] for fit in fits]) for name in ("a", "e_min"))
    assert a == pytest.approx(15, rel=0.10)
    assert floor == pytest.approx(0.014, rel=0.25)


def test_the_reference_curve_gives_the_reference_fits():
    shifted, straight = fit_shifted_beta(SIZES, REFERENCE, 0.9), fit_power_law(SIZES, REFERENCE)
    assert shifted.parameters["a"] == pytest.approx(15.0, abs=0.2)
    assert shifted.parameters["e_min"] == pytest.approx(0.0136, abs=5e-4)
    assert shifted.rms == pytest.approx(0.062, abs=1e-3)
    assert straight.parameters == pytest.approx({"c": 3.38, "beta": 0.70}, abs=0.01)
    assert straight.rms == pytest.approx(0.063, abs=1e-3)
    assert 0.17 < fit_beta(SIZES, REFERENCE, 0.9).rms < 0.21
    assert fit_cells(SIZES, REFERENCE, 0.9).rms == pytest.approx(1.15, abs=0.01)


def test_the_comparison_by_aic_counts_free_numbers_and_prefers_the_model_that_made_the_curve():
    for model, better in (
        (BetaDensity.with_prior_mean(15, 0.9, 0.02).mean(SIZES), 1),
        (3 * np.array(SIZES) ** -0.7, -1),
    ):
        noisy = model * np.exp(0.03 * np.random.default_rng(1).normal(size=13))
        assert aic_gain(SIZES, noisy, 0.9) * better > 2
    straight = fit_power_law(SIZES, REFERENCE)
    assert straight.aic == pytest.approx(13 * math.log(straight.rms**2) + 6)
    assert fit_beta(SIZES, REFERENCE, 0.9).free == 1
    assert straight.predict(100) == pytest.approx(3.38 * 100**-0.70, rel=0.02)


def test_a_curve_of_two_sizes_or_without_an_error_cannot_be_fitted():
    with pytest.raises(CompanionError, match="three sizes"):
        fit_shifted_beta([10, 20], [0.3, 0.2], 0.9)
    with pytest.raises(CompanionError, match="zero or missing"):
        fit_power_law([10, 20, 30], [0.3, 0.2, 0.0])
