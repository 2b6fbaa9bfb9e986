"""The four toys: the tables of outcomes, and the threshold in closed form."""

import pytest
import torch

from companion.proxygrad.toys import (
    DETECTOR_STARTS,
    EdgeDetector,
    PolarityDetector,
    TwoHinges,
    climb_toy,
    dead_start,
    detector_start,
    slope_threshold,
)

DOUBLE = torch.float64


def ends(toy, start, slopes, **settings):
    slopes = torch.tensor(slopes, dtype=DOUBLE)
    starts = torch.as_tensor(start, dtype=DOUBLE).expand(len(slopes), *torch.as_tensor(start).shape)
    found = climb_toy(toy, starts, slopes, **settings)
    return found.last.flatten(1), found.values[-1]


def with_leaky(toy, slope):
    """The toy with Leaky ReLU in both passes."""
    for parent in list(toy.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, torch.nn.ReLU):
                parent._modules[name] = torch.nn.LeakyReLU(slope)
    return toy


def test_t1_a_dead_start_moves_by_the_step_times_the_backward_slope():
    x, f = ends(dead_start(), [-1.0], [0.0, 0.01, 0.1, 0.3, 1.0], box=2.0)
    assert x[:, 0].tolist() == pytest.approx([-1.0, -0.9, 0.0, 2.0, 2.0], abs=1e-6)
    assert f.tolist() == pytest.approx([0.0, 0.0, 0.0, 2.0, 2.0], abs=1e-6)


def test_t1_leaky_relu_in_both_passes_is_as_slow():
    found = climb_toy(with_leaky(dead_start(), 0.01), torch.tensor([[-1.0]], dtype=DOUBLE), None, box=2.0)
    assert float(found.last) == pytest.approx(-0.9)


@pytest.mark.parametrize("a_b", [0.1, 0.3, 1.0])
def test_t1_crossing_takes_the_distance_over_step_times_slope(a_b):
    found = climb_toy(dead_start(), torch.tensor([[-1.0]], dtype=DOUBLE), a_b, box=2.0, steps=250)
    crossed = int((found.values[:, 0] > 1e-9).nonzero()[0])
    assert crossed == pytest.approx(1 / (0.05 * a_b), abs=2)


def test_t1_with_normalised_gradients_every_positive_slope_crosses_equally_fast():
    x, _ = ends(dead_start(), [-1.0], [0.01, 0.1, 1.0], box=2.0, steps=30, normalise=True)
    assert x[:, 0].tolist() == pytest.approx([0.5, 0.5, 0.5])


def test_t2_small_slopes_end_in_the_trap_and_large_ones_at_the_global_maximum():
    slopes = [0.0, 0.01, 0.1, 0.3, 0.35, 0.5, 1.0]
    x, f = ends(TwoHinges(), [-0.5], slopes, box=2.0, steps=400)
    assert x[:, 0].tolist() == pytest.approx([-2.0] * 4 + [2.0] * 3, abs=1e-6)
    assert f.tolist() == pytest.approx([2.0] * 4 + [3.0] * 3, abs=1e-6)


def test_t2_just_below_and_above_the_threshold_the_ascent_is_still_travelling():
    slopes = torch.tensor([0.32, 0.33, 0.34], dtype=DOUBLE)
    x, _ = ends(TwoHinges(), [-0.5], slopes.tolist(), box=2.0, steps=400)
    torch.testing.assert_close(x[:, 0], -0.5 + 400 * 0.05 * (3 * slopes - 1))
    assert (x.abs() < 2).all()


@pytest.mark.parametrize("slope", [0.01, 0.1, 0.3])
def test_t2_leaky_relu_in_both_passes_ends_in_the_trap(slope):
    toy = with_leaky(TwoHinges(), slope)
    found = climb_toy(toy, torch.tensor([[-0.5]], dtype=DOUBLE), None, box=2.0, steps=400)
    assert float(found.last) == pytest.approx(-2.0)


def test_t2_on_the_plateau_relu_does_not_move():
    x, f = ends(TwoHinges(), [0.5], [0.0, 0.1, 0.3, 1.0], box=2.0, steps=400)
    assert x[:, 0].tolist() == pytest.approx([0.5, 2.0, 2.0, 2.0])
    assert f.tolist() == pytest.approx([0.0, 3.0, 3.0, 3.0])


@pytest.mark.parametrize(("w1", "w2"), [(3.0, 1.0), (1.0, 0.9), (7.0, 0.3), (2.0, 1.0)])
def test_t2_the_threshold_found_by_bisection_is_the_ratio_of_the_weights(w1, w2):
    assert slope_threshold(w1, w2) == pytest.approx(w2 / w1, abs=1e-6)


@pytest.mark.parametrize("normalise", [False, True])
def test_t3_the_detector_of_a_bright_square_is_found_by_every_slope_but_from_the_dark_start(normalise):
    slopes = [0.0, 0.01, 0.1, 0.3, 1.0]
    settings = {"eta": 0.5 if normalise else 0.1, "normalise": normalise}
    reached = {s: ends(EdgeDetector(), detector_start(s)[None], slopes, **settings)[1] for s in DETECTOR_STARTS}
    assert reached["grey"].tolist() == pytest.approx([0, 4, 4, 4, 4], abs=1e-6)
    assert reached["bright square"].tolist() == pytest.approx([4, 4, 4, 4, 4], abs=1e-6)
    dark = [0, 4, 4, 4, 4] if normalise else [0, 0, 4, 4, 4]
    assert reached["dark square"].tolist() == pytest.approx(dark, abs=1e-6)


def test_t3_leaky_relu_in_both_passes_fails_from_the_dark_square():
    toy = with_leaky(EdgeDetector(), 0.01)
    starts = torch.stack([detector_start(s) for s in DETECTOR_STARTS])[:, None]
    found = climb_toy(toy, starts, None, eta=0.1)
    assert EdgeDetector()(found.last).tolist() == pytest.approx([4, 4, 0], abs=1e-6)


def test_t3_the_largest_value_in_the_box_is_four_at_a_bright_square():
    image = torch.full((1, 1, 15, 15), -1.0, dtype=DOUBLE)
    image[..., 6:9, 6:9] = 1.0
    assert float(EdgeDetector()(image)) == pytest.approx(4.0)
    noise = torch.rand(64, 1, 15, 15, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert (EdgeDetector()(noise) < 4).all()


def test_t3_from_noise_most_relu_ascents_arrive_and_all_with_a_slope():
    starts = 0.3 * torch.randn(64, 1, 15, 15, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    relu = climb_toy(EdgeDetector(), starts, None, eta=0.1).values[-1]
    slope = climb_toy(EdgeDetector(), starts, 0.3, eta=0.1).values[-1]
    arrived = int((relu > 4 - 1e-6).sum())
    assert 48 <= arrived < 64  # 56 in the reference; the start seeds differ
    assert 3.4 < float(relu.mean()) < 3.95
    assert (slope > 4 - 1e-6).all()


def test_t4_the_wrong_polarity_is_left_only_above_the_threshold():
    patch = torch.tensor([[0.5, 0.0, -0.5]] * 3)  # u = -0.5
    slopes = [0.0, 0.01, 0.1, 0.3, 0.4, 0.5, 1.0]
    _, f = ends(PolarityDetector(), patch, slopes, eta=0.2, steps=500)
    assert f.tolist() == pytest.approx([1.0] * 4 + [2.25] * 3, abs=1e-6)


@pytest.mark.parametrize(("slope", "expected"), [(0.01, 1.0), (0.3, 1.0), (0.5, 2.25)])
def test_t4_leaky_relu_in_both_passes_has_the_same_threshold(slope, expected):
    toy = with_leaky(PolarityDetector(), slope)
    patch = torch.tensor([[[0.5, 0.0, -0.5]] * 3], dtype=DOUBLE)
    found = climb_toy(toy, patch, None, eta=0.2, steps=500)
    assert float(PolarityDetector()(found.last)) == pytest.approx(expected, abs=1e-6)
