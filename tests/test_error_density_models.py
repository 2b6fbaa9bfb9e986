"""The models of the density against the exact values of the oracles, and against each other."""

import math

import numpy as np
import pytest

from companion.error_density import (
    DENSITY_MODELS,
    BetaDensity,
    CellsDensity,
    EmpiricalDensity,
    GaussianDensity,
    PerceptronDensity,
    asymptotic_bad_fraction,
)
from companion.errors import CompanionError

ERRORS = np.random.default_rng(0).beta(4, 4, 3000).round(2)
MODELS = {
    "Beta": BetaDensity(9, 1),
    "shifted Beta": BetaDensity(15, 15 / 9, 0.014),
    "cells": CellsDensity(20, 3),
    "Gaussian": GaussianDensity(0.5, 0.05),
    "perceptron": PerceptronDensity(20),
    "perceptron, d = 2": PerceptronDensity(2),
    "empirical": EmpiricalDensity(ERRORS),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))


# Oracle 1: Beta


def test_the_mean_error_of_beta_9_1_is_9_tenths_then_45_hundredths_then_8_hundredths():
    assert BetaDensity(9, 1).mean([0, 10, 100]) == pytest.approx([0.9, 0.45, 0.0818182], abs=5e-8)


def test_the_bad_fraction_of_beta_9_1_has_the_digits_of_oracle_1():
    measured = BetaDensity(9, 1).bad_fraction(0.1, [0, 10, 100, 200])
    assert measured == pytest.approx([1 - 1e-9, 0.99996386, 0.22706741, 0.00075295], abs=5e-9)
    assert 1 - measured[0] == pytest.approx(1e-9, rel=1e-6)


def test_beta_with_half_a_parameter_at_the_upper_end():
    model = BetaDensity(4.5, 0.5)
    assert model.bad_fraction(0.05, 100) == pytest.approx(0.31244771, abs=5e-9)
    assert model.mean(100) == pytest.approx(0.0428571, abs=5e-8)


def test_the_bad_fraction_of_beta_approaches_its_asymptote():
    model = BetaDensity(3, 1)
    gaps = [asymptotic_bad_fraction(model, 0.1, n) / model.bad_fraction(0.1, n) - 1 for n in (200, 1000, 4000)]
    assert np.abs(gaps).max() < 0.25
    assert abs(gaps[2]) < abs(gaps[1]) < abs(gaps[0])


@pytest.mark.parametrize(
    ("a", "b", "epsilon", "needed"), [(3, 1, 0.05, 162), (3, 1, 0.1, 78), (9, 1, 0.05, 335), (9, 1, 0.1, 161)]
)
def test_the_number_of_samples_that_makes_bad_solutions_rarer_than_one_per_cent(a, b, epsilon, needed):
    assert BetaDensity(a, b).samples_needed(epsilon) == needed


def test_no_number_of_samples_suffices_below_the_floor():
    assert BetaDensity(3, 1, 0.2).samples_needed(0.1) is None


# Oracle 2: cells


def test_four_cells_learn_at_the_annealed_and_the_quenched_rate_of_oracle_2():
    model, n = CellsDensity(4, 2), np.arange(6)
    assert model.mean(n) == pytest.approx([0.5, 0.375, 0.3, 0.241071, 0.194118, 0.156022], abs=5e-7)
    assert model.quenched_mean(n) == pytest.approx(0.5 * 0.75**n, rel=1e-14)


@pytest.mark.parametrize(
    ("n", "annealed", "quenched"),
    [(10, 0.319234, 0.299368), (40, 0.094453, 0.064256), (160, 2.72e-4, 1.36e-4)],
)
def test_twenty_cells(n, annealed, quenched):
    assert CellsDensity(20, 2).mean(n) == pytest.approx(annealed, rel=2e-3 if n == 160 else 1e-5)
    assert CellsDensity(20, 2).quenched_mean(n) == pytest.approx(quenched, rel=3e-3 if n == 160 else 1e-5)


def test_a_hundred_cells_of_ten_classes_are_too_pessimistic_by_the_number_of_classes():
    model = CellsDensity(100, 10)
    assert model.mean(100) == pytest.approx(0.522784, abs=5e-7)
    assert model.quenched_mean(100) == pytest.approx(0.329429, abs=5e-7)
    assert model.mean(1600) / model.quenched_mean(1600) == pytest.approx(9.9999, abs=5e-5)


@pytest.mark.parametrize(("M", "k"), [(4, 2), (20, 2), (100, 10), (7, 5)])
def test_annealed_and_quenched_agree_before_the_first_and_the_second_sample(M, k):
    model = CellsDensity(M, k)
    assert model.mean([0, 1]) == pytest.approx(model.quenched_mean([0, 1]), rel=1e-12)


# Oracle 3: the perceptron


def test_the_perceptron_in_the_plane_is_one_over_n_plus_two():
    n = np.array([0, 1, 7, 100, 10_000])
    assert PerceptronDensity(2).mean(n) == pytest.approx(1 / (n + 2), rel=1e-10)
    assert PerceptronDensity(2).bad_fraction(0.1, n) == pytest.approx(0.9 ** (n + 1.0), rel=1e-9, abs=1e-300)
    assert PerceptronDensity(2).quenched_mean([0, 1, 10]) == pytest.approx([0.5, 1 / 3, 2 / 33])


@pytest.mark.parametrize(
    ("d", "curve"),
    [
        (5, (0.5, 0.32156, 0.23517, 0.12788, 0.07171, 0.03794)),
        (20, (0.5, 0.34695, 0.26299, 0.14863, 0.08453, 0.04495)),
        (200, (0.5, 0.35352, 0.27059, 0.15465, 0.08833, 0.04705)),
    ],
)
def test_the_perceptron_in_more_dimensions(d, curve):
    assert PerceptronDensity(d).mean(d * np.array([0, 1, 2, 5, 10, 20])) == pytest.approx(curve, abs=5.1e-6)


def test_the_peak_that_adaptive_quadrature_misses():
    assert PerceptronDensity(50).mean(1000) == pytest.approx(0.04635, abs=5e-6)


def test_the_perceptron_behaves_like_a_beta_density_with_a_equal_to_d_minus_one():
    n = 100_000
    assert n * PerceptronDensity(10).mean(n) == pytest.approx(9, rel=0.01)


def test_the_quenched_perceptron_is_known_in_the_plane_only():
    with pytest.raises(CompanionError, match="d = 2 only, not for d = 5"):
        PerceptronDensity(5).quenched_mean(3)


# Oracle 4: the Gaussian


def test_the_gaussian_and_its_saddle_point():
    model = GaussianDensity(0.5, 0.05)
    exact = model.mean([20, 50, 100, 150, 200, 250])
    assert exact == pytest.approx([0.41411, 0.31637, 0.19036, 0.08983, 0.03224, 0.01477], abs=5.1e-6)
    assert model.saddle([20, 50, 100, 150]) == pytest.approx([0.41459, 0.31699, 0.19098, 0.08856], abs=5.1e-6)
    assert model.edge == pytest.approx(200)


def test_a_gaussian_made_like_another_density_has_its_mean_and_variance():
    beta = BetaDensity.binary(6.58)
    model = GaussianDensity.like(beta)
    assert model.centre == pytest.approx(0.5)
    assert model.sd**2 == pytest.approx(beta.variance, rel=1e-9)
    assert beta.variance == pytest.approx(1 / (4 * (2 * 6.58 + 1)))


# Oracle 5: moments


@each_model
def test_one_minus_the_ratio_of_moments_is_the_mean(model):
    n = np.array([0, 1, 5, 30, 100])
    assert 1 - np.exp(model.log_mu(n + 1) - model.log_mu(n)) == pytest.approx(model.mean(n), abs=1e-10)


@each_model
def test_the_mean_never_rises_and_stays_above_the_floor(model):
    curve = model.mean(np.arange(0, 500, 7))
    assert (np.diff(curve) <= 1e-12).all()
    assert curve.min() >= model.floor


@each_model
def test_without_samples_the_bad_fraction_is_what_lies_above(model):
    for epsilon in (0.05, 0.3, 0.5):
        assert model.bad_fraction(epsilon, 0) == pytest.approx(1 - model.mass(epsilon), abs=1e-10)


@each_model
def test_the_bound_lies_above_the_bad_fraction(model):
    n = np.array([0, 10, 100, 1000])
    assert (model.bound(0.35, n) >= model.bad_fraction(0.35, n) * (1 - 1e-9)).all()


def test_the_bound_for_beta_3_1_is_loose_by_the_factor_known_from_rare_bad_minima():
    model = BetaDensity(3, 1)
    assert model.bad_fraction(0.1, [50, 100, 200]) == pytest.approx([0.0897938, 0.00149671, 1.4230e-7], rel=1e-4)
    assert model.bound(0.1, [50, 100, 200]) == pytest.approx([522.9, 20.64, 4.289e-3], rel=2e-3)


@pytest.mark.parametrize("name", ["Beta", "shifted Beta", "Gaussian", "perceptron"])
@pytest.mark.parametrize("n", [0, 40])
def test_a_continuous_density_integrates_to_one(name, n):
    x = np.linspace(0, 1, 200_001)[1:-1]
    assert np.trapezoid(MODELS[name].pdf(x, n), x) == pytest.approx(1, abs=2e-4)


def test_mu_is_the_success_rate_of_guessing():
    generator = np.random.default_rng(1)
    errors = generator.beta(3, 3, 400_000)
    lucky = (generator.random((400_000, 5)) > errors[:, None]).all(1)
    assert np.exp(BetaDensity(3, 3).log_mu(5)) == pytest.approx(lucky.mean(), rel=0.01)
    assert BetaDensity(3, 3).mean(5) == pytest.approx(errors[lucky].mean(), rel=0.01)


# Oracle 6: the shift


def test_a_floor_of_zero_changes_nothing():
    n = np.array([0, 3, 50])
    for quantity in ("mean", "log_mu"):
        plain, shifted = (getattr(BetaDensity(4, 2, *floor), quantity)(n) for floor in ((), (0.0,)))
        assert np.array_equal(plain, shifted)


@pytest.mark.parametrize("floor", [0.05, 0.3])
def test_the_bad_fraction_does_not_know_the_floor_when_epsilon_is_rescaled(floor):
    plain, shifted = BetaDensity(4, 2), BetaDensity(4, 2, floor)
    for epsilon in (0.05, 0.2, 0.7):
        assert shifted.bad_fraction(floor + (1 - floor) * epsilon, 30) == pytest.approx(
            plain.bad_fraction(epsilon, 30), rel=1e-10
        )


def test_learning_with_a_floor_is_learning_of_u_on_the_floor():
    assert BetaDensity(4, 2, 0.1).mean(30) == pytest.approx(0.1 + 0.9 * BetaDensity(4, 2).mean(30))
    assert BetaDensity(4, 2, 0.1).log_mu(30) == pytest.approx(BetaDensity(4, 2).log_mu(30) + 30 * math.log(0.9))


# Families


def test_beta_is_conjugate():
    model = BetaDensity(3, 2, 0.1)
    assert model.posterior(10) == BetaDensity(3, 12, 0.1)
    x = np.linspace(0.11, 0.99, 50)
    assert model.posterior(10).pdf(x) == pytest.approx(model.pdf(x, 10), rel=1e-12)


def test_the_constructors_of_two_and_of_k_classes():
    assert BetaDensity.binary(5) == BetaDensity(5, 5)
    assert BetaDensity.with_prior_mean(9, 0.9).mean([0, 10]) == pytest.approx([0.9, 0.45])
    k, a, n = 10, 7.0, 25
    assert BetaDensity.with_prior_mean(a, 1 - 1 / k).mean(n) == pytest.approx(a / (a * k / (k - 1) + n))
    assert BetaDensity.with_variance(0.1973**2).a == pytest.approx(2.71, abs=0.005)


def test_the_amplitude_of_the_power_law_is_a():
    n = 1e7
    assert n * BetaDensity(6.5, 2, 0.0).mean(n) == pytest.approx(6.5, rel=1e-5)
    shifted = BetaDensity(6.5, 2, 0.2)
    assert n * (shifted.mean(n) - 0.2) == pytest.approx(0.8 * 6.5, rel=1e-5)


def test_a_gap_above_the_floor_gives_an_exponential():
    model = EmpiricalDensity([0.1, 0.3], [1, 9])
    ratio = (model.mean(61) - 0.1) / (model.mean(60) - 0.1)
    assert ratio == pytest.approx(0.7 / 0.9, rel=1e-4)


def test_the_effective_number_of_networks_falls_as_samples_come():
    model = EmpiricalDensity(ERRORS)
    assert model.effective_size(0) == pytest.approx(len(ERRORS))
    sizes = model.effective_size([0, 5, 20, 80])
    assert (np.diff(sizes) < 0).all()
    assert model.reach(0)
    assert not model.reach(2000)


def test_an_empirical_density_is_the_same_from_errors_and_from_counts():
    values, counts = np.unique(ERRORS, return_counts=True)
    n = [0, 10, 50]
    assert EmpiricalDensity(values, counts).mean(n) == pytest.approx(EmpiricalDensity(ERRORS).mean(n), rel=1e-12)


def test_the_standard_error_of_the_empirical_mean_is_that_of_repeated_samples():
    generator = np.random.default_rng(2)
    means = [EmpiricalDensity(generator.beta(4, 4, 2000)).mean(10) for _ in range(300)]
    assert EmpiricalDensity(generator.beta(4, 4, 2000)).mean_error(10)[0] == pytest.approx(np.std(means), rel=0.15)


def test_the_registry_names_every_model_and_each_can_be_asked_for_its_curve():
    arguments = {"beta": (2, 3), "cells": (5,), "gaussian": (0.5, 0.1), "perceptron": (4,), "empirical": ([0.2, 0.4],)}
    assert DENSITY_MODELS.keys() == arguments.keys()
    for name, make in DENSITY_MODELS.items():
        model = make(*arguments[name])
        assert 0 < model.mean(3) < model.mean(0) < 1
        assert np.isfinite(model.pdf(0.25, 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BetaDensity(0, 1), "a and b must be above 0"),
        (lambda: BetaDensity(1, 1, 1.0), "e_min from 0 to below 1"),
        (lambda: CellsDensity(0), "M must be 1 or more"),
        (lambda: PerceptronDensity(1), "at least 2 dimensions"),
        (lambda: GaussianDensity(0.5, 0), "must be above 0"),
        (lambda: EmpiricalDensity([]), "one at least"),
    ],
)
def test_an_impossible_density_is_refused_by_name(make, words):
    with pytest.raises(CompanionError, match=words):
        make()
