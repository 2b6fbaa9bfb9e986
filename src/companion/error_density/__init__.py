"""Learning curves from the density of the true error.

Martinetz, Linse and Martinetz (IJCNN 2024, arXiv 2410.16868). The density models with their learning curves, the
prediction of the density from a kernel, samplers of random minima, and fits.
"""

from companion.error_density.atoms import CellsDensity, EmpiricalDensity
from companion.error_density.densities import (
    BetaDensity,
    DensityModel,
    asymptotic_bad_fraction,
    beta_parameter,
)
from companion.error_density.fitting import (
    CurveFit,
    aic_gain,
    fit_beta,
    fit_cells,
    fit_power_law,
    fit_shifted_beta,
)
from companion.error_density.grids import GaussianDensity, PerceptronDensity
from companion.error_density.kernel import Alignment, agreement, output_correlations

DENSITY_MODELS: dict[str, type[DensityModel]] = {
    "beta": BetaDensity,
    "cells": CellsDensity,
    "gaussian": GaussianDensity,
    "perceptron": PerceptronDensity,
    "empirical": EmpiricalDensity,
}

__all__ = [
    "DENSITY_MODELS",
    "Alignment",
    "BetaDensity",
    "CellsDensity",
    "CurveFit",
    "DensityModel",
    "EmpiricalDensity",
    "GaussianDensity",
    "PerceptronDensity",
    "agreement",
    "aic_gain",
    "asymptotic_bad_fraction",
    "beta_parameter",
    "fit_beta",
    "fit_cells",
    "fit_power_law",
    "fit_shifted_beta",
    "output_correlations",
]
