"""Data sets: what every one can do, which names are known, and what the real ones hold."""

from collections.abc import Callable

import pytest
import torch

from companion.data import ImageSet, check, load
from companion.errors import CompanionError

# Digits, and what every set can do


def test_digits_are_1797_grey_images_of_8_by_8_from_0_to_16():
    digits = load("digits")
    assert digits.images.shape == (1797, 1, 8, 8)
    assert (digits.images.dtype, digits.labels.dtype) == (torch.uint8, torch.int64)
    assert int(digits.images.max()) == digits.full_scale == 16
    assert digits.classes == tuple("0123456789")
    assert min(digits.counts().values()) == 174


def test_scaled_images_lie_between_0_and_1_and_reach_both():
    scaled = load("digits").scaled()
    assert (float(scaled.min()), float(scaled.max())) == (0, 1)


def test_standardised_images_have_channel_mean_0_and_deviation_1():
    generator = torch.Generator().manual_seed(0)
    images = ImageSet(
        "noise", torch.randint(256, (50, 3, 4, 4), generator=generator).to(torch.uint8), torch.zeros(50).long(), ("a",)
    )
    standardised = images.standardised(dtype=torch.float64)
    torch.testing.assert_close(standardised.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(standardised.std((0, 2, 3)), torch.ones(3, dtype=torch.float64))


def test_test_images_are_standardised_by_the_training_set():
    digits = load("digits")
    train, test = digits[:100], digits[100:]
    torch.testing.assert_close(
        torch.cat([train.standardised(), test.standardised(like=train)])[:100], train.standardised()
    )
    shifted = test.standardised(like=train) - test.standardised()
    assert float(shifted.abs().max()) > 0


def test_chosen_classes_are_renumbered_in_the_order_of_the_set():
    pair = load("digits", classes=("7", "3"))
    assert pair.classes == ("3", "7")
    assert pair.counts() == {"3": 183, "7": 179}
    assert torch.equal(pair.images, load("digits").images[(load("digits").labels == 3) | (load("digits").labels == 7)])


def test_a_missing_class_is_named_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown class of digits 'nine'"):
        load("digits", classes=("nine",))


def test_a_set_can_be_brought_to_another_size():
    assert load("digits", size=16).images.shape == (1797, 1, 16, 16)


def test_images_that_are_not_uint8_or_do_not_match_their_labels_are_refused():
    with pytest.raises(ValueError, match=r"must be uint8 of shape \[N, C, H, W\]"):
        ImageSet("x", torch.zeros(2, 1, 8, 8), torch.zeros(2).long(), ("a",))
    with pytest.raises(ValueError, match="2 images but 3 labels"):
        ImageSet("x", torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(3).long(), ("a",))


# Names


def test_an_unknown_data_set_is_refused_with_the_nearest(own_folders):
    with pytest.raises(CompanionError, match=r"Unknown data set 'fashion_mnst'\. Did you mean 'fashion_mnist'\?"):
        load("fashion_mnst")


def test_an_unknown_part_or_fit_is_refused_with_the_nearest(vehicles):
    with pytest.raises(CompanionError, match=r"Unknown part 'tests'\. Did you mean 'test'\?"):
        load("digits", "tests")
    with pytest.raises(CompanionError, match=r"Unknown fit 'croop'\. Did you mean 'crop'\?"):
        load(f"folder:{vehicles}", fit="croop")


def test_a_set_without_an_official_split_says_so():
    with pytest.raises(CompanionError, match=r"no official parts: load it with part='all'"):
        load("digits", "train")


def test_a_set_that_is_nowhere_says_where_it_was_looked_for_and_what_to_do(own_folders):
    with pytest.raises(CompanionError) as error:
        load("fashion_mnist")
    for part in (str(own_folders / "cache"), "companion data get fashion_mnist", "COMPANION_DATA"):
        assert part in str(error.value)


# Real data, through COMPANION_DATA


def test_caltech101_holds_798_motorbikes_and_then_800_airplanes(real_data: Callable[[str], None]):
    real_data("caltech101")
    pair = load("caltech101", size=16, classes=("airplanes", "Motorbikes"))
    assert pair.classes == ("Motorbikes", "airplanes")
    assert pair.counts() == {"Motorbikes": 798, "airplanes": 800}
    assert pair.fidelity == "exact"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_mnists_hold_seven_thousand_images_a_class_on_average(real_data: Callable[[str], None], name):
    real_data(name)
    assert len(check(name)) == 4
    images = load(name)
    assert images.images.shape == (70_000, 1, 28, 28)
    assert len(load(name, "test")) == 10_000
    assert sum(images.counts().values()) == 70_000
    if name == "fashion_mnist":
        assert set(images.counts().values()) == {7000}


def test_a_reduced_cifar10_says_that_it_is_a_part(real_data: Callable[[str], None]):
    real_data("cifar10")
    images = load("cifar10", "test")
    assert images.images.shape[1:] == (3, 32, 32)
    assert len(images) == 10_000 or "a part" in images.fidelity
