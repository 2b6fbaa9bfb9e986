"""Few-sample splits: the authors' algorithm with its golden values."""

from itertools import pairwise

import pytest
import torch

from companion.data import few_sample_split, permute_labels
from companion.errors import CompanionError

MOTORBIKES, AIRPLANES = 798, 800  # Caltech101, folders in byte order
PAIR = torch.tensor([0] * MOTORBIKES + [1] * AIRPLANES)
TEN_CLASSES = torch.arange(400) % 10


def test_the_split_of_ten_images_is_the_permutation_of_random_state_42():
    split = few_sample_split(torch.zeros(10, dtype=torch.long), per_class=9, split_seed=42)
    assert split.train.tolist() == [8, 1, 5, 0, 7, 2, 9, 4, 3]
    assert split.test.tolist() == [6]


def test_one_random_state_runs_through_motorbikes_and_then_airplanes():
    split = few_sample_split(PAIR, per_class=8, split_seed=42)
    assert split.train[:8].tolist() == [694, 665, 63, 533, 66, 621, 346, 490]
    assert (split.train[8:] - MOTORBIKES).tolist() == [135, 476, 183, 564, 373, 93, 21, 371]


def test_sorting_the_folders_without_regard_to_case_gives_another_split():
    airplanes_first = torch.tensor([0] * AIRPLANES + [1] * MOTORBIKES)
    split = few_sample_split(airplanes_first, per_class=8, split_seed=42)
    assert split.train[:8].tolist() != [135, 476, 183, 564, 373, 93, 21, 371]


def test_twenty_images_a_class_leave_1558_test_images():
    split = few_sample_split(PAIR, per_class=20)
    assert len(split.train) == 40
    assert len(split.test) == 1558


def test_training_sets_are_nested_and_the_test_set_stays_the_same():
    splits = [few_sample_split(TEN_CLASSES, n, split_seed=7, largest=30) for n in range(1, 31)]
    for smaller, larger in pairwise(splits):
        assert set(smaller.train.tolist()) < set(larger.train.tolist())
        assert torch.equal(smaller.test, larger.test)


@pytest.mark.parametrize("per_class", [1, 5, 20])
def test_training_and_test_set_are_disjoint_with_exactly_n_images_of_every_class(per_class):
    split = few_sample_split(TEN_CLASSES, per_class, largest=20)
    assert not set(split.train.tolist()) & set(split.test.tolist())
    assert torch.bincount(TEN_CLASSES[split.train]).tolist() == [per_class] * 10
    assert torch.bincount(TEN_CLASSES[split.test]).tolist() == [20] * 10


def test_the_test_set_can_be_given_a_size_per_class():
    split = few_sample_split(TEN_CLASSES, 5, largest=20, test_per_class=3)
    assert torch.bincount(TEN_CLASSES[split.test]).tolist() == [3] * 10
    everything = few_sample_split(TEN_CLASSES, 5, largest=20)
    assert set(split.test.tolist()) < set(everything.test.tolist())


def test_another_split_seed_draws_other_images():
    first, second = (few_sample_split(TEN_CLASSES, 5, seed).train.tolist() for seed in (42, 43))
    assert set(first) != set(second)


def test_a_class_with_too_few_images_is_named_with_the_largest_possible_number():
    labels = torch.tensor([0] * 30 + [1] * 6)
    with pytest.raises(CompanionError, match=r"Class 'dog' has 6 images, .*lower per_class to at most 5"):
        few_sample_split(labels, 20, classes=("cat", "dog"))


def test_where_the_fixed_test_set_asks_for_too_much_the_error_says_so():
    labels = torch.tensor([0] * 30 + [1] * 30)
    with pytest.raises(CompanionError, match=r"too few for 100 training images .*lower largest to at most 29"):
        few_sample_split(labels, 5, largest=100, classes=("cat", "dog"))


@pytest.mark.parametrize(("labels", "missing"), [([0] * 9 + [2] * 9, "dog"), ([0] * 9 + [1] * 9, "owl")])
def test_a_class_without_images_is_named(labels, missing):
    with pytest.raises(CompanionError, match=f"Class '{missing}' has 0 images"):
        few_sample_split(torch.tensor(labels), 2, classes=("cat", "dog", "owl"))


@pytest.mark.parametrize("per_class", [0, -1, 31])
def test_a_size_outside_the_learning_curve_is_refused(per_class):
    with pytest.raises(CompanionError, match=f"per_class is {per_class}: it must be from 1 to 30"):
        few_sample_split(TEN_CLASSES, per_class, largest=30)


def test_zero_label_noise_changes_no_label():
    assert torch.equal(permute_labels(TEN_CLASSES, 0.0, torch.Generator().manual_seed(0)), TEN_CLASSES)


def test_permuted_labels_keep_every_class_count_and_agree_with_the_truth_by_chance_only():
    permuted = permute_labels(TEN_CLASSES, 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(torch.bincount(permuted), torch.bincount(TEN_CLASSES))
    # expectation 40 of 400, standard deviation close to 6
    assert abs(int((permuted == TEN_CLASSES).sum()) - 40) < 24


def test_label_noise_of_one_fifth_leaves_four_fifths_of_the_labels_alone():
    permuted = permute_labels(TEN_CLASSES, 0.2, torch.Generator().manual_seed(3))
    assert 0 < int((permuted != TEN_CLASSES).sum()) <= 80


def test_the_same_generator_seed_permutes_alike():
    first, second = (permute_labels(TEN_CLASSES, 0.5, torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_of_labels_outside_0_to_1_is_refused(share):
    with pytest.raises(CompanionError, match=r"must be from 0 to 1"):
        permute_labels(TEN_CLASSES, share, torch.Generator())
