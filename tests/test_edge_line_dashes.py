"""Oriented Dashes: the generator, the hand-set solution, patch counts, learning from few images."""

import pytest
import torch

from companion.edge_line import (
    LearnedTwin,
    dash_kernels,
    filter_set,
    hand_set_outputs,
    oriented_dashes,
    patch_counts,
    pooled_responses,
)
from companion.edge_line.dashes_measurements import counted, fixed_filters, learned_filters, orders
from companion.edge_line.toy import BANKS, fit_weights, patterns


@pytest.fixture(scope="module")
def parts():
    return {part: oriented_dashes(part) for part in ("train", "test")}


@pytest.fixture(scope="module")
def counts(parts):
    return [counted(parts[part]) for part in ("train", "test")]


def mean_accuracy(counts, name: str, size: int, seeds: int = 5) -> float:
    rows = fixed_filters(*counts, name, (size,), range(seeds))
    return sum(row["test_accuracy"] for row in rows) / len(rows)


def dash(horizontal: bool) -> torch.Tensor:
    image = torch.zeros(1, 1, 48, 48)
    image[..., 20, 20:25] = 1
    return image if horizontal else image.mT


@pytest.mark.parametrize(
    ("part", "share", "pixel", "lit"), [("train", 0.48730, 0.017520, 40.37), ("test", 0.47461, 0.017516, 40.36)]
)
def test_the_images_are_those_of_the_authors_script(parts, part, share, pixel, lit):
    one = parts[part]
    assert one.images.shape == (1024, 1, 48, 48)
    assert one.labels.float().mean().item() == pytest.approx(share, abs=5e-6)
    assert one.images.float().mean().item() == pytest.approx(pixel, abs=5e-7)
    assert one.images.sum((1, 2, 3)).float().mean().item() == pytest.approx(lit, abs=0.005)


def test_between_15_and_70_pixels_are_lit_in_training_images_and_10_to_70_in_test_images(parts):
    lit = {part: one.images.sum((1, 2, 3)) for part, one in parts.items()}
    assert (lit["train"].min(), lit["train"].max()) == (15, 70)
    assert (lit["test"].min(), lit["test"].max()) == (10, 70)


def test_a_shorter_set_is_the_beginning_of_the_longer_one(parts):
    assert torch.equal(oriented_dashes("test", 7).images, parts["test"].images[:7])


def test_a_dash_gives_30_to_its_own_kernel_and_6_to_the_other():
    assert pooled_responses(dash(True), dash_kernels()).tolist() == [[30, 6]]
    assert pooled_responses(dash(False), dash_kernels()).tolist() == [[6, 30]]
    assert hand_set_outputs(dash(True)).item() == 24


@pytest.mark.parametrize(
    ("part", "multiples", "least", "low", "high"), [("train", 0.9697, 24, -241, 216), ("test", 0.9678, 22, -216, 240)]
)
def test_the_hand_set_network_is_right_on_every_image(parts, part, multiples, least, low, high):
    outputs = hand_set_outputs(parts[part].scaled())
    assert torch.equal(outputs > 0, parts[part].labels == 1)
    assert (outputs % 24 == 0).float().mean().item() == pytest.approx(multiples, abs=5e-5)
    assert (outputs.abs().min(), outputs.min(), outputs.max()) == (least, low, high)


def test_patch_counts_hold_all_that_a_pooled_3x3_layer_can_see(parts):
    images, bank = parts["train"].scaled()[:20], filter_set("random", 5, generator=torch.Generator().manual_seed(0))
    counts = patch_counts(images)
    assert (counts.sum(1) == 46 * 46).all()
    for relu in (True, False):
        by_position = pooled_responses(images, bank, relu)
        assert torch.allclose(counts @ pooled_responses(patterns(), bank, relu), by_position, atol=2e-3)


def test_the_learned_twin_on_counts_is_the_network_on_images(parts):
    torch.manual_seed(0)
    twin, images = LearnedTwin(4), parts["train"].scaled()[:8]
    logits = twin(patch_counts(images))
    assert torch.allclose(logits[:, 1], twin.scores(images), atol=1e-3)
    assert (logits[:, 0] == 0).all()
    assert sum(p.numel() for p in twin.parameters()) == 40


def test_fitting_many_sizes_at_once_equals_fitting_each_alone(parts):
    features = torch.rand(2, 12, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(24).view(2, 12) % 2
    both = fit_weights(features, labels, (4, 12), steps=20)
    assert torch.allclose(both[0], fit_weights(features[:, :4], labels[:, :4], (4,), steps=20)[0], atol=1e-5)
    assert torch.allclose(both[1], fit_weights(features, labels, (12,), steps=20)[0], atol=1e-5)


def test_training_sets_are_nested_in_a_random_order_of_all_images():
    order = orders(50, range(3))
    assert (order.sort(1).values == torch.arange(50)).all()
    assert not torch.equal(order[0], order[1])


@pytest.mark.parametrize("name", ["H and V", "8 lines", "8 edges", "16 edges and lines", "16 random"])
def test_every_bank_with_oriented_or_many_kernels_solves_the_task_from_32_images(counts, name):
    assert mean_accuracy(counts, name, 32) > 0.995
    assert 0.7 < mean_accuracy(counts, name, 4) < 0.9  # 80 % over five seeds


@pytest.mark.parametrize(("name", "expected"), [("8 lines without ReLU", 0.525), ("9 shifts", 0.525)])
def test_without_oriented_positive_responses_1024_images_leave_it_at_chance(counts, name, expected):
    assert mean_accuracy(counts, name, 1024) == pytest.approx(expected, abs=0.01)


def test_two_random_filters_are_not_reliable(counts):
    assert mean_accuracy(counts, "2 random", 32) < 0.95


def test_the_learned_twin_with_two_filters_dies_for_most_seeds(counts):
    rows = learned_filters(*counts, 2, 8, range(4))
    reached = [row["test_accuracy"] for row in rows]
    assert {row["parameters"] for row in rows} == {20}
    assert sum(one < 0.6 for one in reached) == 3  # mean 63.4 %
    assert max(reached) > 0.99


def test_every_bank_can_be_made_and_has_the_size_of_its_name():
    for name, (make, _) in BANKS.items():
        assert len(make()) == (2 if name == "H and V" else int(name.split()[0]))
