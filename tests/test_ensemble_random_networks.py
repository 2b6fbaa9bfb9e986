"""Random networks by the hundred thousand: the distribution, its independence of the chunks, and the sheets' values."""

import math

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from companion.ensemble import Ensemble, RandomPerceptron, random_correctness, random_error_rates, random_network
from companion.errors import CompanionError
from companion.networks import mlp
from companion.training import Settings


def digit_pair(first: int, second: int) -> tuple[Tensor, Tensor]:
    """The pool of the sheets: pixels to [0, 1], each pixel's mean over the pool subtracted."""
    digits = load_digits(n_class=10)
    target = torch.tensor(digits.target)
    chosen = (target == first) | (target == second)
    images = torch.tensor(digits.data, dtype=torch.float32)[chosen] / 16
    return images - images.mean(0), (target[chosen] == second).long()


@pytest.fixture(scope="module")
def zeros_and_ones() -> tuple[Tensor, Tensor]:
    return digit_pair(0, 1)


def test_the_spread_of_the_true_error_is_that_of_the_sheets(zeros_and_ones):
    """rare_bad_minima, reference numbers: 0 vs 1 mean .499, sd .196, q_.1 = .019; 3 vs 8 sd .132."""
    errors = random_error_rates(RandomPerceptron((64, 20, 1)), *zeros_and_ones, count=20_000)
    standard_error = 0.196 / math.sqrt(20_000)
    assert abs(float(errors.mean()) - 0.5) < 4 * standard_error
    assert float(errors.std()) == pytest.approx(0.196, abs=0.003)
    assert float((errors <= 0.1).double().mean()) == pytest.approx(0.019, abs=0.003)
    errors = random_error_rates(RandomPerceptron((64, 20, 1)), *digit_pair(3, 8), count=20_000)
    assert float(errors.std()) == pytest.approx(0.132, abs=0.003)


@pytest.mark.parametrize(("width", "spread"), [(5, 0.193), (100, 0.198)])
def test_the_spread_hardly_depends_on_the_width(zeros_and_ones, width, spread):
    """rare_bad_minima, width check: sd of D .193 and .198 for H = 5 and 100."""
    errors = random_error_rates(RandomPerceptron((64, width, 1)), *zeros_and_ones, count=4_000)
    assert float(errors.std()) == pytest.approx(spread, abs=0.006)


def test_the_spread_of_wide_networks_is_that_of_the_infinitely_wide_one(zeros_and_ones):
    """error_density: Var E = 1/4 mean y y' 2/pi arcsin rho with the arc-cosine kernel; .1973 for 0 vs 1."""
    images, labels = zeros_and_ones
    gram = 2 / 64 * images.double() @ images.double().T + 0.01
    norm = gram.diag().sqrt()
    cosine = (gram / norm[:, None] / norm).clamp(-1, 1)
    kernel = cosine.arccos().sin() + (math.pi - cosine.arccos()) * cosine
    sign = (2 * labels - 1).double()
    correlation = (kernel / math.pi).clamp(-1, 1)
    variance = 0.25 * (sign[:, None] * sign * 2 / math.pi * correlation.arcsin()).mean()
    assert float(variance.sqrt()) == pytest.approx(0.1973, abs=5e-5)
    errors = random_error_rates(RandomPerceptron((64, 200, 1)), images, labels, count=3_000)
    assert float(errors.std()) == pytest.approx(float(variance.sqrt()), abs=0.006)


def test_error_rates_do_not_depend_on_the_chunk(zeros_and_ones):
    measure = RandomPerceptron((64, 20, 1))
    runs = [random_error_rates(measure, *zeros_and_ones, count=1500, seed=3, chunk=c) for c in (1, 256, 700, 10_000)]
    assert all(torch.equal(runs[0], run) for run in runs[1:])


def test_the_first_networks_of_a_longer_run_are_those_of_a_shorter_one(zeros_and_ones):
    measure = RandomPerceptron((64, 20, 1))
    short = random_error_rates(measure, *zeros_and_ones, count=300, seed=1)
    assert torch.equal(short, random_error_rates(measure, *zeros_and_ones, count=900, seed=1)[:300])
    assert not torch.equal(short, random_error_rates(measure, *zeros_and_ones, count=300, seed=2))


@pytest.mark.parametrize(
    "measure",
    [
        RandomPerceptron((64, 20, 1)),
        RandomPerceptron((64, 12, 9, 1), activation="tanh"),
        RandomPerceptron((64, 7, 1), activation="erf", weight_sd=2.0, bias_sd=1.0),
        RandomPerceptron((64, 15, 2)),
        RandomPerceptron((64, 1)),
        lambda: mlp((64, 20, 2)),
    ],
)
def test_each_network_is_the_module_that_its_index_names(zeros_and_ones, measure):
    images, labels = (zeros_and_ones[0].double(), zeros_and_ones[1])
    correct = torch.cat(list(random_correctness(measure, images, labels, count=400, seed=5)))
    for index in (0, 7, 255, 256, 399):
        outputs = random_network(measure, index, seed=5, dtype=torch.float64)(images)
        decisions = (outputs[:, 0] >= 0).long() if outputs.shape[1] == 1 else outputs.argmax(1)
        assert torch.equal(correct[index], decisions == labels)


def test_streamed_correctness_and_error_rates_agree(zeros_and_ones):
    measure = RandomPerceptron((64, 20, 1))
    chunks = list(random_correctness(measure, *zeros_and_ones, count=1000, chunk=512))
    assert [len(chunk) for chunk in chunks] == [512, 488]
    rates = random_error_rates(measure, *zeros_and_ones, count=1000)
    torch.testing.assert_close(1 - torch.cat(chunks).double().mean(1), rates, rtol=0, atol=1e-12)


def test_a_tie_is_decided_for_one_class_only():
    """f >= 0 decides for class 1: a dead network is right on class 1 and wrong on class 0."""
    images, labels = torch.zeros(6, 64), torch.tensor([0, 0, 1, 1, 1, 1])
    dead = RandomPerceptron((64, 20, 1), bias_sd=0.0)
    errors = random_error_rates(dead, images, labels, count=10)
    assert errors.tolist() == pytest.approx([2 / 6] * 10)


def test_an_initialisation_by_other_means_is_drawn_network_by_network(zeros_and_ones):
    def build() -> nn.Module:
        layer = nn.Linear(64, 2)
        layer.weight = nn.Parameter(torch.randn(2, 64))
        return layer

    errors = random_error_rates(build, *zeros_and_ones, count=500)
    assert float(errors.std()) > 0.1
    assert torch.equal(errors[:100], random_error_rates(build, *zeros_and_ones, count=100))


def test_gradient_descent_starts_from_the_same_measure(zeros_and_ones):
    """The trained networks of R6 and the random ones of R1 begin with one distribution of the true error."""
    images, labels = zeros_and_ones
    measure = RandomPerceptron((64, 20, 1))
    ensemble = Ensemble(measure.build, seeds=range(400))
    errors = 1 - ensemble.evaluate(images, labels)
    assert float(errors.std()) == pytest.approx(0.196, abs=0.02)  # se of a standard deviation of 400: .007


def test_gradient_trained_minima_are_far_better_than_typical_ones(zeros_and_ones):
    """rare_bad_minima, 0 vs 1, n = 10: Adam 1e-2 stopped at zero training error .0103; random minima .150.

    At least 20 steps: stopped in the very first step without error (step 4 on average) the networks are at .05.
    """
    images, labels = zeros_and_ones
    generator = torch.Generator().manual_seed(0)
    subsets = [torch.randint(len(labels), (10,), generator=generator) for _ in range(40)]
    settings = Settings(epochs=300, optimiser="adam", learning_rate=0.01, stop_at_zero_error=True, at_least=20)
    ensemble = Ensemble(RandomPerceptron((64, 20, 1)).build, seeds=range(40))
    outcome = ensemble.train(images, labels, settings, subsets=subsets)
    assert outcome.train_accuracy.tolist() == [1.0] * 40
    assert float((1 - ensemble.evaluate(images, labels)).mean()) < 0.15 / 3


def test_what_does_not_fit_is_named(zeros_and_ones):
    images, labels = zeros_and_ones
    with pytest.raises(CompanionError, match="begins with 63, but an image has 64"):
        random_error_rates(RandomPerceptron((63, 20, 1)), images, labels, count=1)
    with pytest.raises(CompanionError, match="labels 0 and 1"):
        random_error_rates(RandomPerceptron((64, 20, 1)), images, labels + 1, count=1)
    with pytest.raises(CompanionError, match="Did you mean 'relu'"):
        RandomPerceptron((64, 20, 1), activation="rely")
