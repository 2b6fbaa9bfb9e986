"""The surrogates and their derivatives against the oracles of the fact sheet."""

import math

import pytest
import torch

from companion.sugar import PAPER_SURROGATES, SURROGATES, Surrogate, find_surrogate, slope_zero

POINTS = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
SLOPES = {
    "leaky_relu": (0.01, 0.01, 0.01, 1, 1),
    "elu": (0.049787, 0.367879, 1, 1, 1),
    "selu": (0.087531, 0.646769, 1.758099, 1.050701, 1.050701),
    "gelu": (-0.011946, -0.083315, 0.5, 1.083315, 1.011946),
    "silu": (-0.088104, 0.072329, 0.5, 0.927671, 1.088104),
    "mish": (-0.093393, 0.059217, 0.6, 1.049036, 1.021107),
    "relu": (0, 0, 0, 1, 1),
    "gain_matched": (0, 0, 0, 1.3035, 1.3035),
    "slope_one": (1, 1, 1, 1, 1),
}


def exactly(values, expected, tolerance=1e-12):
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=tolerance)


def test_b_silu_takes_its_published_values():
    expected = [-0.8980764113261638, -0.6548092476821032, 0, 1.1169264049421130, 3.6135211722607634]
    exactly(SURROGATES["b_silu"](POINTS), expected)


def test_the_derivative_of_b_silu_takes_its_published_values():
    expected = [-0.0126590842645464, 0.4006714166417879, 0.9175, 1.2560124403847615, 1.1635491277657923]
    exactly(SURROGATES["b_silu"].slope(POINTS), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.67, 4.0])
def test_the_slope_of_b_silu_at_zero_is_a_half_plus_a_quarter_of_alpha(alpha):
    exactly(SURROGATES["b_silu"].slope(torch.zeros(1, dtype=torch.float64), alpha), [0.5 + alpha / 4])


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_the_slope_of_nelu_is_negative_below_zero(alpha):
    exactly(SURROGATES["nelu"].slope(POINTS, alpha), [-0.06 * alpha, -0.5 * alpha, 0, 1, 1])


def test_the_slope_of_nelu_is_most_negative_at_minus_one_over_root_three():
    x = torch.linspace(-3, 0, 30001, dtype=torch.float64)
    slope = SURROGATES["nelu"].slope(x, 1.0)
    assert float(x[slope.argmin()]) == pytest.approx(-1 / math.sqrt(3), abs=1e-4)
    assert float(slope.min()) == pytest.approx(-0.6495, abs=1e-4)


@pytest.mark.parametrize("name", SLOPES)
def test_the_slopes_of_the_others_follow_pytorch(name):
    exactly(SURROGATES[name].slope(POINTS), SLOPES[name], tolerance=6e-7)


@pytest.mark.parametrize("name", SURROGATES)
def test_every_slope_is_the_derivative_of_its_value(name):
    x = torch.linspace(-6, 6, 1201, dtype=torch.float64)[1::2].requires_grad_()  # 0 itself is a matter of convention
    surrogate = SURROGATES[name]
    (autograd,) = torch.autograd.grad(surrogate(x).sum(), x)
    torch.testing.assert_close(surrogate.slope(x.detach()), autograd, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "alpha"), [("leaky_relu", 0.3), ("elu", 1.67), ("b_silu", 3.0), ("nelu", 0.2), ("gain_matched", 1.2)]
)
def test_every_slope_with_a_shape_is_the_derivative_of_its_value_with_that_shape(name, alpha):
    x = torch.linspace(-6, 6, 1201, dtype=torch.float64)[1::2].requires_grad_()
    (autograd,) = torch.autograd.grad(SURROGATES[name](x, alpha).sum(), x)
    torch.testing.assert_close(SURROGATES[name].slope(x.detach(), alpha), autograd, rtol=0, atol=1e-13)


def test_b_silu_dips_below_its_limit():
    x = torch.linspace(-12, 0, 1200001, dtype=torch.float64)
    values = SURROGATES["b_silu"](x)
    assert float(values.min()) == pytest.approx(-0.89990, abs=5e-6)
    assert float(x[values.argmin()]) == pytest.approx(-2.7349, abs=5e-5)
    assert slope_zero("b_silu") == pytest.approx(-2.7349, abs=5e-5)
    limit = SURROGATES["b_silu"](torch.tensor([-800.0], dtype=torch.float64))
    exactly(limit, [-0.835])


def test_the_slope_of_b_silu_has_its_extremes_where_the_sheet_says():
    x = torch.linspace(-8, 8, 1600001, dtype=torch.float64)
    slope = SURROGATES["b_silu"].slope(x)
    assert float(slope.max()) == pytest.approx(1.29038, abs=5e-6)
    assert float(x[slope.argmax()]) == pytest.approx(1.4915, abs=5e-5)
    assert float(slope.min()) == pytest.approx(-0.02372, abs=5e-6)
    assert float(x[slope.argmin()]) == pytest.approx(-3.7649, abs=5e-5)


def test_b_silu_without_alpha_is_silu():
    exactly(SURROGATES["b_silu"].slope(POINTS, 0.0), SURROGATES["silu"].slope(POINTS).tolist())
    torch.testing.assert_close(SURROGATES["b_silu"](POINTS, 0.0), torch.nn.functional.silu(POINTS))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", SURROGATES)
def test_slopes_stay_finite_at_infinity(name, dtype):
    largest = torch.finfo(dtype).max
    x = torch.tensor([-math.inf, -largest, largest, math.inf], dtype=dtype)
    slope = SURROGATES[name].slope(x)
    assert slope.dtype == dtype
    assert torch.isfinite(slope).all()


def test_on_one_side_only_the_slope_is_one_above_zero():
    slope = SURROGATES["b_silu"].slope(POINTS, positive_side=False)
    exactly(slope[3:], [1, 1])
    exactly(slope[:3], SURROGATES["b_silu"].slope(POINTS)[:3].tolist())


def test_an_alpha_for_each_member_is_broadcast():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    alphas = torch.tensor([[0.0], [1.67], [3.0]], dtype=torch.float64)
    for name in ("leaky_relu", "elu", "b_silu", "nelu"):
        together = SURROGATES[name].slope(x, alphas)
        for alpha, row in zip(alphas.flatten().tolist(), together, strict=True):
            torch.testing.assert_close(row, SURROGATES[name].slope(x, alpha))


def test_there_are_the_eight_surrogates_of_the_paper():
    assert list(PAPER_SURROGATES) == ["leaky_relu", "elu", "selu", "gelu", "silu", "mish", "b_silu", "nelu"]


@pytest.mark.parametrize(("wrong", "meant"), [("bsilu", "b_silu"), ("Leaky ReLU", "leaky_relu"), ("ELUU", "elu")])
def test_a_wrong_name_is_answered_with_the_nearest_surrogate(wrong, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        find_surrogate(wrong)


def test_an_alpha_that_the_surrogate_does_not_have_is_refused():
    with pytest.raises(ValueError, match="'gelu' has no shape parameter"):
        SURROGATES["gelu"].slope(POINTS, 0.5)


def test_a_function_becomes_a_surrogate_without_a_value():
    box = find_surrogate(lambda x: (x.abs() < 1).to(x.dtype))
    assert isinstance(box, Surrogate)
    exactly(box.slope(POINTS), [0, 0, 1, 0, 0])
    with pytest.raises(ValueError, match="derivative alone"):
        box(POINTS)
