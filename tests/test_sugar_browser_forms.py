"""The closed forms of sugar that the page computes equal the package: the page's own JavaScript is run."""

import pytest
import torch
from page_forms import form, readout

from companion.sugar import SURROGATES, backward_gain, mean_slope_of_silent_units, mean_squared_slope, slope_zero

SHAPED = {"leaky_relu": 0.3, "nelu": 0.05, "elu": 1.3, "b_silu": 1.67}


@pytest.mark.parametrize("name", [name for name in SURROGATES if name != "slope_one"])
def test_the_page_draws_value_and_slope_of_every_surrogate(name):
    surrogate, alpha = SURROGATES[name], SHAPED.get(name)
    drawn = form("surrogate", surrogate=surrogate.label, alpha=alpha or 1.67, small_alpha=alpha or 0.05)
    for panel, curve in zip(drawn["panels"], (surrogate, surrogate.slope), strict=True):
        series = panel["series"][0]
        x, y = (torch.tensor(series[axis], dtype=torch.float64) for axis in "xy")
        torch.testing.assert_close(y, curve(x, alpha), rtol=0, atol=1e-9)


def test_on_one_side_only_the_page_draws_slope_one_above_zero():
    series = form("surrogate", surrogate="B-SiLU", positive_side=False)["panels"][1]["series"][0]
    assert all(y == 1 for x, y in zip(series["x"], series["y"], strict=True) if x > 0)


@pytest.mark.parametrize("name", ["b_silu", "elu", "silu", "nelu", "gelu", "mish", "selu"])
def test_the_page_computes_the_gain_of_the_package(name):
    for deviation in (0.7, 1.0, 2**0.5):
        drawn = form(
            "backward_gain", surrogate=SURROGATES[name].label, alpha=SURROGATES[name].alpha, deviation=deviation
        )
        squared = mean_squared_slope(name, deviation=deviation)
        assert readout(drawn, "mean squared slope") == pytest.approx(squared, abs=1e-5)
        assert readout(drawn, "gain a layer") == pytest.approx(backward_gain(name, deviation=deviation), abs=1e-5)


def test_the_page_shows_the_oracles_of_b_silu():
    drawn = form("surrogate", surrogate="B-SiLU", alpha=1.67)
    assert readout(drawn, "slope at 0") == pytest.approx(0.9175)
    assert readout(drawn, "slope changes its sign at") == pytest.approx(slope_zero("b_silu"), abs=1e-6)
    assert readout(drawn, "mean slope of silent units") == pytest.approx(mean_slope_of_silent_units(), abs=1e-5)
    assert readout(form("backward_gain", surrogate="B-SiLU"), "gain over 8 layers") == pytest.approx(8.34, abs=0.005)


def test_a_deep_bias_puts_the_silent_units_out_of_reach():
    near = readout(form("surrogate", surrogate="B-SiLU", mean=-2), "silent units within reach")
    far = readout(form("surrogate", surrogate="B-SiLU", mean=-4), "silent units within reach")
    assert near > 0.75
    assert far < 0.15
