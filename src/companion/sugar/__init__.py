"""SUGAR: surrogate gradient learning for ReLU (Horuz et al. 2025, arXiv 2505.22074).

ReLU stays in the forward pass; in the backward pass its derivative is replaced by that of a smooth function::

    from companion.sugar import SugarReLU, replace_relu

    network = replace_relu(torchvision.models.resnet18(num_classes=10), "b_silu")
"""

from companion.activations import bypass, functional_relus
from companion.sugar.gain import backward_gain, mean_slope_of_silent_units, mean_squared_slope, slope_zero
from companion.sugar.injection import multiplication_trick, sugar_relu
from companion.sugar.modules import (
    SugarReLU,
    SurrogateActivation,
    replace_modules,
    replace_relu,
)
from companion.sugar.statistics import UnitStatistics, gradient_norms, unit_statistics
from companion.sugar.surrogates import CONTROLS, PAPER_SURROGATES, SURROGATES, Surrogate, find_surrogate

__all__ = [
    "CONTROLS",
    "PAPER_SURROGATES",
    "SURROGATES",
    "SugarReLU",
    "Surrogate",
    "SurrogateActivation",
    "UnitStatistics",
    "backward_gain",
    "bypass",
    "find_surrogate",
    "functional_relus",
    "gradient_norms",
    "mean_slope_of_silent_units",
    "mean_squared_slope",
    "multiplication_trick",
    "replace_modules",
    "replace_relu",
    "slope_zero",
    "sugar_relu",
    "unit_statistics",
]
