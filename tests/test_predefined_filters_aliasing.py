"""The aliasing demonstration: a 16x16 image with white lines on rows 4 and 9, seen at stride 2."""

import pytest
import torch

from companion.predefined_filters import (
    blurred,
    filter_bank,
    filter_names,
    lines_seen,
    responses,
    subsampled,
    two_lines,
)

NAMES = filter_names()
OUTPUT = responses(two_lines(), filter_bank())
PROFILE = dict(zip(NAMES, OUTPUT[:, :, 4], strict=True))


def lit(name: str) -> list[int]:
    return PROFILE[name].gt(1e-6).nonzero().flatten().tolist()


def test_a_1x1_convolution_with_stride_2_loses_the_line_on_row_9():
    assert subsampled(two_lines())[0, 0, :, 4].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]


def test_after_the_blur_both_lines_survive_with_0_5488_and_0_2256():
    expected = [0, 0, 0.5488, 0, 0.2256, 0.2256, 0, 0]
    assert subsampled(two_lines(), blur=True)[0, 0, :, 4].tolist() == pytest.approx(expected, abs=5e-5)
    assert torch.equal(subsampled(two_lines(), blur=True), blurred(two_lines())[..., ::2, ::2])


def test_the_four_kernels_at_0_degrees_see_nothing_away_from_the_sides():
    assert all(lit(name) == [] for name in ("-e0", "+e0", "-l0", "+l0"))


def test_every_other_edge_kernel_sees_only_row_9():
    for name in NAMES:
        if name[1] == "e" and name[2:] != "0":
            assert lit(name) in ([4], [5])


def test_positive_lines_see_only_row_4_and_negative_lines_only_row_9():
    for angle in ("45", "90", "135"):
        assert lit("+l" + angle) == [2]
        assert lit("-l" + angle) == [4, 5]


def test_no_single_kernel_sees_both_lines_and_the_blur_lets_all_but_the_blind_ones():
    seen = lines_seen(OUTPUT)
    assert not seen.all(1).any()
    assert seen.sum(0).tolist() == [3, 9]
    survived = lines_seen(subsampled(two_lines(), blur=True)[0])
    assert survived.tolist() == [[True, True]]


def test_which_line_is_seen_swaps_when_the_image_moves_by_one_row():
    moved = lines_seen(responses(two_lines((5, 10)), filter_bank()), (5, 10))
    assert torch.equal(moved, lines_seen(OUTPUT).flip(1))
