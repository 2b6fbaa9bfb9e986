"""The training loop: what a seed fixes, when it stops, what it measures, and how it fails."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from companion.augmentation import crop_and_flip, random_crop, random_flip
from companion.data import few_sample_split, load
from companion.networks import cnn, mlp, seeded
from companion.progress import Cancelled, Part, Progress
from companion.training import Diverged, Settings, accuracy, train

ADAM = Settings(epochs=60, optimiser="adam", learning_rate=3e-3, stop_at_zero_error=True)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Five images a class to learn from, 797 to be tested on."""
    images = load("digits")
    split = few_sample_split(images.labels, 5, largest=100)
    train_set, test_set = images[split.train], images[split.test]
    return train_set.standardised(), train_set.labels, test_set.standardised(like=train_set), test_set.labels


def blobs(N: int = 40, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two well separated clouds as images of one pixel in two channels."""
    labels = torch.arange(N) % 2
    noise = torch.randn(N, 2, 1, 1, generator=torch.Generator().manual_seed(seed))
    return noise + 8.0 * (labels[:, None, None, None] - 0.5), labels


def small() -> nn.Module:
    return seeded(lambda: mlp((2, 8, 2)), 0)


def test_a_network_with_355_weights_an_image_interpolates_and_still_generalises(digits):
    images, labels, *test = digits
    outcome = train(seeded(lambda: cnn(16, 10), 0), images, labels, ADAM, test=tuple(test))
    assert outcome.train_accuracy == 1.0
    assert outcome.test_accuracy > 0.7
    assert outcome.train_accuracy_batch_statistics == 1.0


def test_the_same_seeds_give_the_same_numbers(digits):
    images, labels, *test = digits
    plan = Settings(epochs=4, batch=16, optimiser="lamb", augment=True, order_seed=3)
    runs = [train(seeded(lambda: cnn(4, 10), 1), images, labels, plan, test=tuple(test)) for _ in range(2)]
    assert runs[0].curves == runs[1].curves
    assert runs[0].test_accuracy == runs[1].test_accuracy


@pytest.mark.parametrize("changed", [{"order_seed": 1}, {"optimiser": "sgd"}, {"weight_decay": 1.0}])
def test_another_order_optimiser_or_decay_gives_other_numbers(changed):
    images, labels = blobs()
    plan = {"epochs": 3, "batch": 8, "order_seed": 0}
    first = train(small(), images, labels, Settings(**plan))
    second = train(small(), images, labels, Settings(**(plan | changed)))
    assert first.curves["train_loss"] != second.curves["train_loss"]


def test_training_does_not_touch_the_global_generator():
    before = torch.get_rng_state()
    images, labels = blobs()
    train(small(), images, labels, Settings(epochs=2, batch=8, augment=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_it_stops_at_zero_training_error_but_not_before_the_least_number_of_steps():
    images, labels = blobs()
    plan = Settings(epochs=200, optimiser="adam", learning_rate=0.05, stop_at_zero_error=True)
    at_once = train(small(), images, labels, plan)
    assert at_once.train_accuracy == 1.0
    assert at_once.epochs < 100
    assert train(small(), images, labels, replace(plan, at_least=120)).steps == 120
    assert train(small(), images, labels, replace(plan, epochs=130, stop_at_zero_error=False)).epochs == 130


def test_the_curves_hold_a_point_every_so_many_epochs_and_the_last():
    images, labels = blobs()
    outcome = train(small(), images, labels, Settings(epochs=11, evaluate_every=4), test=blobs(seed=1))
    assert outcome.curves["epoch"] == [4, 8, 11]
    assert {len(curve) for curve in outcome.curves.values()} == {3}
    assert outcome.curves["test_accuracy"][-1] == outcome.test_accuracy
    assert all(math.isfinite(loss) for loss in outcome.curves["train_loss"])


def test_without_a_test_set_the_test_accuracy_is_not_a_number():
    outcome = train(small(), *blobs(), Settings(epochs=1))
    assert math.isnan(outcome.test_accuracy)
    assert "test_accuracy" not in outcome.curves


def test_the_learning_rate_falls_as_in_the_authors_demo():
    plan = Settings(epochs=100, learning_rate=1.0, schedule="steps")
    starts = {0: 1.0, 59: 1.0, 60: 0.3, 79: 0.3, 80: 0.1, 84: 0.03, 88: 0.01, 92: 0.003, 96: 0.001, 99: 0.001}
    assert {epoch: plan.rate(epoch) for epoch in starts} == starts
    assert {Settings(epochs=100, learning_rate=1.0).rate(epoch) for epoch in range(100)} == {1.0}


def test_a_loss_that_is_no_longer_finite_names_the_step_and_what_to_lower():
    images, labels = blobs()
    with pytest.raises(
        Diverged, match=r"loss is (nan|inf) at step \d+: lower the learning rate \(now 1e\+30\)"
    ) as error:
        train(small(), images, labels, Settings(epochs=50, batch=8, optimiser="sgd", learning_rate=1e30))
    assert error.value.outcome.steps >= 1, "the loss was finite at the first step"


def test_training_can_be_cancelled():
    class AfterThree(Progress):
        def show(self, done, total, label, metrics):
            if done >= 3:
                self.cancel()

    with pytest.raises(Cancelled, match="cancelled after 4 of 50"):
        train(small(), *blobs(), Settings(epochs=50), progress=AfterThree(interval=0))


def test_progress_tells_the_epoch_and_the_latest_measurements():
    class Listening(Progress):
        def show(self, done, total, label, metrics):
            heard.append((done, total, set(metrics)))

    heard = []
    train(small(), *blobs(), Settings(epochs=2), test=blobs(seed=1), progress=Listening(interval=0))
    assert [(done, total) for done, total, _ in heard] == [(1, 2), (2, 2)]
    assert heard[-1][2] == {"loss", "train_loss", "train_accuracy", "test_accuracy"}


def test_a_part_of_a_progress_moves_the_whole_by_its_share():
    class Listening(Progress):
        def show(self, done, total, label, metrics):
            heard.append((done, total, label))

    heard = []
    whole = Listening(interval=0)
    Part(whole, start=2.0, share=4.0, total=10.0, label="second").update(1, 2, "epoch")
    assert heard == [(4.0, 10.0, "second: epoch")]
    whole.cancel()
    with pytest.raises(Cancelled):
        Part(whole, 2.0, 4.0, 10.0).update(1, 2)


def test_a_batch_whose_loss_is_negligible_takes_no_step():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[-100.0, -100.0], [100.0, 100.0]]))
    before = network[1].weight.clone()
    train(network, *blobs(), Settings(epochs=3, weight_decay=1.0))
    assert torch.equal(network[1].weight, before)


def test_a_last_batch_of_one_image_is_left_out_because_nothing_could_be_normalised():
    images, labels = blobs(N=9)
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    assert train(network, images, labels, Settings(epochs=2, batch=4)).steps == 4


def test_stale_running_statistics_are_estimated_anew_and_the_outcome_says_so():
    images, labels = blobs()
    network = nn.Sequential(nn.BatchNorm2d(2, momentum=1e-9), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].running_mean.fill_(1e3)
        network[2].weight.copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
        network[2].bias.zero_()
    outcome = train(network, images, labels, Settings(epochs=1, learning_rate=1e-9))
    assert outcome.curves["train_accuracy"] == [0.5]
    assert outcome.batch_norm_reestimated
    assert outcome.train_accuracy == outcome.train_accuracy_batch_statistics == 1.0


def test_accuracy_is_the_share_of_largest_logits_at_the_label_whatever_the_batch():
    logits = torch.eye(4)[torch.tensor([0, 1, 2, 3, 0])]
    assert accuracy(lambda x: x, logits, torch.tensor([0, 1, 2, 0, 1]), batch=2) == pytest.approx(0.6)


def test_training_works_in_mixed_precision(digits):
    images, labels, *_ = digits
    plan = Settings(epochs=60, optimiser="adam", learning_rate=3e-3, mixed_precision=True, stop_at_zero_error=True)
    network = seeded(lambda: cnn(16, 10), 0)
    assert train(network, images, labels, plan).train_accuracy == 1.0
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_the_loss_falls_under_full_batch_gradient_descent():
    losses = train(small(), *blobs(), Settings(epochs=20, optimiser="sgd", learning_rate=0.05)).curves["train_loss"]
    assert all(after < before for before, after in pairwise(losses))


# Augmentation


def test_a_flip_mirrors_an_image_or_leaves_it_alone():
    images = torch.arange(200 * 6.0).reshape(200, 1, 2, 3)
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    assert bool((mirrored | (flipped == images).flatten(1).all(1)).all())
    assert 70 < int(mirrored.sum()) < 130  # 100 expected, deviation 7


def test_a_crop_shifts_every_image_by_at_most_the_padding():
    images = torch.zeros(100, 2, 9, 9)
    images[:, :, 4, 4] = 1
    shifted = random_crop(images, 2, torch.Generator().manual_seed(0)).nonzero()
    offsets = shifted[:, 2:] - 4
    assert len(shifted) == 200
    assert int(offsets.abs().max()) == 2
    assert {tuple(o) for o in offsets.tolist()} == {(a, b) for a in range(-2, 3) for b in range(-2, 3)}


def test_augmentation_is_fixed_by_its_generator():
    images = torch.rand(10, 3, 8, 8)
    first, second = (crop_and_flip(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == images.shape
