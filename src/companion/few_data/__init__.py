"""Large neural networks learning from scratch with very few data and without explicit regularisation.

Linse and Martinetz (ICMLC 2023, arXiv 2205.08836). The paper's networks are in `companion.networks`, its optimiser in
`companion.optimisers`, its splits in `companion.data`; here are the learning curves and the baselines.
"""

from companion.few_data.baselines import logistic_regression_accuracy, nearest_neighbour_accuracy
from companion.few_data.learning_curves import (
    CurveFit,
    fit_power_law,
    fit_shifted_hyperbola,
    power_law,
    shifted_hyperbola,
)

__all__ = [
    "CurveFit",
    "fit_power_law",
    "fit_shifted_hyperbola",
    "logistic_regression_accuracy",
    "nearest_neighbour_accuracy",
    "power_law",
    "shifted_hyperbola",
]
