"""The theory of rare_bad_minima: exact models with the sheet's digits, bounds, and identities of any density."""

from itertools import pairwise

import numpy as np
import pytest

from companion.errors import CompanionError
from companion.rare_bad_minima import (
    BetaError,
    Cells,
    ErrorDensity,
    TeacherStudent,
    bound_without_atom,
    rarity_bound,
    samples_needed,
    separable_bound,
)

JUST_BELOW_2_OF_6 = 2 / 6 - 1e-9
CELLS = Cells(6)


def some_density(seed: int) -> ErrorDensity:
    """Atoms at random errors below 1, the lowest above 0."""
    random = np.random.default_rng(seed)
    weights = random.gamma(0.7, size=40)
    return ErrorDensity(np.sort(random.uniform(0.01, 0.99, 40)), weights / weights.sum())


# Oracle 1: the cells model


@pytest.mark.parametrize(
    ("n", "joint", "fixed", "bound", "volume"),
    [
        (0, 0.890625, 0.890625, 57, 1),
        (5, 0.4383892, 0.3490548, 7.50617, 0.09490741),
        (10, 0.1244622, 0.0601955, 0.988467, 0.03513972),
        (20, 0.0039017, 0.00112296, 0.0171415, 0.01814116),
        (40, 1.35107e-6, 3.39137e-7, 5.15495e-6, 0.01568881),
    ],
)
def test_six_cells_with_two_labels_give_the_numbers_of_the_sheet(n, joint, fixed, bound, volume):
    density = CELLS.density
    assert density.bad_fraction(n, JUST_BELOW_2_OF_6) == pytest.approx(joint, rel=2e-5)
    assert CELLS.fixed_set_bad_fraction(n, JUST_BELOW_2_OF_6) == pytest.approx(fixed, rel=5e-6)
    q_epsilon = density.below(JUST_BELOW_2_OF_6)
    assert separable_bound(n, JUST_BELOW_2_OF_6, q_epsilon, density.atom) == pytest.approx(bound, rel=5e-6)
    assert density.volume(n) == pytest.approx(volume, rel=5e-7)
    assert CELLS.mean_volume(n) == pytest.approx(volume, rel=5e-7)


def test_the_version_space_of_the_cells_shrinks_to_the_truth_alone():
    assert CELLS.density.volume(5000) == pytest.approx(2**-6)
    assert CELLS.density.atom == 2**-6


def test_the_fixed_set_mean_error_of_the_cells_is_that_of_drawn_training_sets():
    random = np.random.default_rng(0)
    for cells, labels, n in ((6, 2, 5), (8, 4, 12)):
        seen = random.integers(cells, size=(20_000, n))
        unseen = cells - np.array([len(set(row)) for row in seen.tolist()])
        error = (1 - 1 / labels) * unseen / cells
        expected = Cells(cells, labels).fixed_set_mean_error(n)
        assert abs(error.mean() - expected) < 4 * error.std() / np.sqrt(20_000)


# Oracle 2: the perceptron


@pytest.mark.parametrize("n", [0, 1, 2, 10, 100])
def test_a_perceptron_in_the_plane_has_joint_error_1_over_n_plus_2(n):
    model = TeacherStudent(2)
    assert model.mean_error(n) == pytest.approx(1 / (n + 2), rel=1e-9)
    assert model.bad_fraction(n, 0.1) == pytest.approx(0.9 ** (n + 1), rel=1e-9)


def test_its_fixed_set_error_is_lower_by_two_thirds_in_the_limit():
    model = TeacherStudent(2)
    assert model.fixed_set_mean_error(1) == pytest.approx(model.mean_error(1)) == pytest.approx(1 / 3)
    assert model.fixed_set_mean_error(10) == pytest.approx(0.060606, abs=5e-7)
    assert model.mean_error(10) == pytest.approx(0.083333, abs=5e-7)
    assert model.mean_error(2000) / model.fixed_set_mean_error(2000) == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_drawn_version_spaces_of_the_perceptron_have_the_fixed_set_error(n):
    """The teacher is at angle 0; the examples' boundaries cut an arc around it out of the circle."""
    cuts = np.random.default_rng(n).uniform(size=(200_000, n))
    right, left = cuts.min(1), 1 - cuts.max(1)
    error = (right**2 + left**2) / (2 * (right + left))
    assert abs(error.mean() - TeacherStudent(2).fixed_set_mean_error(n)) < 4 * error.std() / np.sqrt(200_000)


def test_in_more_dimensions_the_perceptron_needs_more_examples():
    errors = [TeacherStudent(d).mean_error(20) for d in (2, 5, 20, 100)]
    assert errors == sorted(errors)
    assert TeacherStudent(50).mean_error(0) == pytest.approx(0.5)


# Oracle 3: the Beta density


@pytest.mark.parametrize(
    ("n", "exact", "bound"), [(50, 0.08979938, 522.9), (100, 0.00149671, 20.64), (200, 1.4230e-7, 4.289e-3)]
)
def test_beta_3_1_has_the_exact_fraction_and_the_loose_bound_of_the_sheet(n, exact, bound):
    """At n = 50 the sheet prints .0897938 and has lost a digit: 19.36 * .9^51 = .08979938, three binomial terms."""
    model = BetaError(3, 1)
    assert model.bad_fraction(n, 0.1) == pytest.approx(exact, rel=5e-5)
    assert model.bound(n, 0.1).value == pytest.approx(bound, rel=5e-4)


def test_the_best_gamma_of_beta_3_1_at_200_samples_is_0_0148():
    assert BetaError(3, 1).bound(200, 0.1).gamma == pytest.approx(0.0148, abs=5e-5)


def test_a_uniform_error_is_the_perceptron_in_the_plane():
    uniform, model = BetaError(1, 1), TeacherStudent(2)
    for n in (0, 7, 30):
        assert uniform.mean_error(n) == pytest.approx(model.mean_error(n))
        assert uniform.bad_fraction(n, 0.2) == pytest.approx(model.bad_fraction(n, 0.2))
        assert uniform.volume(n) == pytest.approx(1 / (n + 1))


# Any density


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_error_never_grows_with_the_number_of_samples(seed):
    density = some_density(seed)
    errors = [density.mean_error(n) for n in range(200)]
    assert all(later <= earlier + 1e-14 for earlier, later in pairwise(errors))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 10, 60])
def test_the_local_slope_is_the_difference_of_two_averages_of_lambda(seed, n):
    density, step = some_density(seed), 1e-4
    slope = -np.log(density.bad_fraction(n + step, 0.3) / density.bad_fraction(n - step, 0.3)) / (2 * step)
    assert density.decay_rate(n, 0.3) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_tends_to_the_asymptotic_one(seed):
    density = some_density(seed)
    limit = density.asymptotic_rate(0.3)
    bad = density.errors[density.errors > 0.3][0]
    assert limit == pytest.approx(np.log((1 - density.errors[0]) / (1 - bad)))
    assert density.decay_rate(20_000, 0.3) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [0, 1, 10, 100])
def test_the_bound_is_above_the_fraction_for_every_gamma(seed, n):
    density = some_density(seed)
    exact = density.bad_fraction(n, 0.3)
    assert density.bound(n, 0.3).value >= exact
    for gamma in density.errors[density.errors < 0.3]:
        assert density.bound(n, 0.3, float(gamma)).value >= density.bound(n, 0.3).value * (1 - 1e-12)


def test_where_the_least_error_is_above_epsilon_every_minimum_is_bad():
    density = ErrorDensity(np.array([0.2, 0.5]), np.array([0.5, 0.5]))
    assert density.bad_fraction(1000, 0.1) == 1.0
    with pytest.raises(CompanionError, match=r"true error below epsilon = 0\.1"):
        density.bound(10, 0.1)


def test_before_training_the_fraction_is_the_mass_above_epsilon():
    density = ErrorDensity.from_counts([2, 3, 5, 0, 10])
    assert density.bad_fraction(0, 0.25) == pytest.approx(0.75)
    assert density.mean_error(0) == pytest.approx((3 * 0.25 + 5 * 0.5 + 10) / 20)
    assert density.effective_sample_size(0) == 20
    assert density.below(0.25) == 0.25


def test_a_density_of_errors_is_that_of_their_counts():
    by_errors, by_counts = ErrorDensity.of_errors([0.0, 0.25, 0.25, 1.0]), ErrorDensity.from_counts([1, 2, 0, 0, 1])
    np.testing.assert_allclose(by_errors.errors, by_counts.errors)
    np.testing.assert_allclose(by_errors.weights, by_counts.weights)
    assert by_errors.networks == by_counts.networks == 4


def test_without_replacement_the_whole_pool_leaves_only_the_perfect_classifier():
    density = ErrorDensity.from_counts([1, 10, 10, 10])
    assert density.volume(2, replacement=False) == pytest.approx((1 + 10 * (1 / 3)) / 31)
    assert density.mean_error(2, replacement=False) == pytest.approx((1 * 10 / 3) / (1 + 10 / 3))  # e / (T - n) = 1 / 1
    with pytest.raises(CompanionError, match="without replacement from a pool of 3"):
        density.mean_error(3, replacement=False)


def test_for_a_large_pool_replacement_does_not_matter():
    counts = np.zeros(1_000_001)
    counts[[0, 200_000, 500_000]] = 1
    density = ErrorDensity.from_counts(counts)
    assert density.mean_error(20, replacement=False) == pytest.approx(density.mean_error(20), rel=1e-3)


def test_the_sampling_error_of_the_mean_is_the_scatter_over_repetitions():
    random, means = np.random.default_rng(0), []
    for _ in range(300):
        density = ErrorDensity.from_counts(np.bincount(random.binomial(40, random.beta(2, 3, 1000)), minlength=41))
        means.append(density.mean_error(8))
    assert density.mean_error_uncertainty(8) == pytest.approx(np.std(means), rel=0.2)


# The other bounds


def test_samples_needed_makes_the_separable_bound_equal_to_eta_delta():
    n = samples_needed(0.1, 0.05, 0.01, 1e-6)
    assert 1e-6**-1 * np.exp(-0.1 * n) == pytest.approx(0.05 * 0.01)
    assert separable_bound(n, 0.1, 0.0, 1e-6) <= 0.05 * 0.01


def test_the_bound_without_an_atom_holds_for_the_cells():
    """T5 for 1 % bad minima: the share of training sets that have more, from the occupancy distribution."""
    density, eta, epsilon = CELLS.density, 0.01, JUST_BELOW_2_OF_6
    for n in (5, 20, 40):
        worse = sum(
            share
            for c, share in enumerate(CELLS.distinct(n))
            if 1 - (1 + (6 - c)) * 2.0 ** -(6 - c) > eta  # more than one wrong cell among 6 - c free ones
        )
        assert bound_without_atom(n, epsilon, eta, 0.0, density.below(epsilon), density.atom) >= worse


def test_a_bound_that_says_nothing_is_refused():
    with pytest.raises(CompanionError, match="needs 0 <= gamma < epsilon"):
        rarity_bound(10, 0.1, 0.1, 0.5, 0.5)
    with pytest.raises(CompanionError, match=r"at most gamma = 0\.01"):
        rarity_bound(10, 0.1, 0.01, 0.5, 0.0)
    with pytest.raises(CompanionError, match="q_zero is 0"):
        separable_bound(10, 0.1, 0.5, 0.0)
    with pytest.raises(CompanionError, match="eta is 2"):
        samples_needed(0.1, 2, 0.1, 0.1)


def test_models_out_of_range_are_refused():
    for model in (lambda: Cells(0), lambda: Cells(4, 1), lambda: TeacherStudent(1), lambda: BetaError(0, 1)):
        with pytest.raises(CompanionError):
            model()
