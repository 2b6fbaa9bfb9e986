"""How widely the error of random networks is spread, from the images and labels alone: kernel-target alignment."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from companion.error_density.densities import BetaDensity, beta_parameter
from companion.errors import CompanionError

Matrix = NDArray[np.float64]


def output_correlations(images: Matrix, *, weight_sd: float = math.sqrt(2), bias_sd: float = 0.1) -> Matrix:
    r"""Correlations rho ``[T, T]`` of the outputs of a random network, over its weights, for every pair of images.

    One hidden ReLU layer, W ~ N(0, s_w^2 / d), b ~ N(0, s_b^2): with G = s_w^2 X X^T / d + s_b^2 and the angle theta
    of two rows under G, K = sqrt(G_ii G_jj) / (2 pi) (sin theta + (pi - theta) cos theta), and rho is K normalised.
    It does not depend on the width.

    Args:
        images: ``[T, d]``, the mean image subtracted.
        weight_sd: s_w.
        bias_sd: s_b.

    References:
        The arc-cosine kernel of degree 1. That it fixes the spread of the error is derived in this project; the paper
        is not known to use it.
    """
    if images.ndim != 2:
        raise CompanionError(f"images has shape {images.shape}: give one row of pixels an image, [T, d].")
    gram = weight_sd**2 / images.shape[1] * images @ images.T + bias_sd**2
    scale = np.sqrt(np.diag(gram))
    cosine = np.clip(gram / np.outer(scale, scale), -1, 1)
    angle = np.arccos(cosine)
    # on the diagonal K = G / 2, so that the scales cancel in the correlation
    return (np.sin(angle) + (math.pi - angle) * cosine) / math.pi


def agreement(correlations: Matrix) -> Matrix:
    """(2 / pi) arcsin(rho): the mean of the product of the decisions +1 and -1 on two images."""
    agreed = 2 / math.pi * np.arcsin(np.clip(correlations, -1, 1))
    np.fill_diagonal(agreed, 1.0)
    return agreed


@dataclass(frozen=True)
class Alignment:
    """Everything of a binary task that the spread of the error depends on: four means and a count.

    Attributes:
        labels: mean over pairs of images of y y' times their agreement; y is +1 or -1.
        cross: mean of y times the agreement.
        images: mean of the agreement, whatever the labels.
        balance: mean of y.
        T: images.
    """

    labels: float
    cross: float
    images: float
    balance: float
    T: int

    @classmethod
    def of(cls, agreed: Matrix, y: NDArray[np.float64]) -> "Alignment":
        """The alignment of a matrix of :func:`agreement` with labels +1 and -1 ``[T]``."""
        T = len(y)
        sums = agreed @ np.stack([y, np.ones(T)], 1) / T
        return cls(float(y @ sums[:, 0] / T), float(y @ sums[:, 1] / T), float(sums[:, 1].mean()), float(y.mean()), T)

    def permuted(self, share: float) -> float:
        """The expected `labels` after a random share p of the labels was permuted among themselves.

        For two different images the product of the labels keeps (1 - p)^2 of its value and takes the rest from the
        mean label. Exact for p = 0 and p = 1, up to terms of order 1 / T in between.
        """
        T, m = self.T, self.balance
        different = self.images - 1 / T  # the part of pairs of two different images
        chance = (T * m * m - 1) / (T - 1)  # E[y y'] for two different images of a random order
        kept = (1 - share) ** 2 * (self.labels - 1 / T)
        mixed = 2 * share * (1 - share) * m * (self.cross - m / T)
        return 1 / T + kept + mixed + share**2 * chance * different

    def variance(self, share: float = 0.0) -> float:
        """Var E = (mean of y y' (2 / pi) arcsin rho) / 4, for sign-symmetric networks of any width."""
        return self.permuted(share) / 4

    def a(self, share: float = 0.0) -> float:
        """The a of the Beta(a, a) with this variance."""
        return float(beta_parameter(self.variance(share)))

    def density(self, share: float = 0.0) -> BetaDensity:
        """Beta(a, a): the density of the error, and with it the learning curve, without drawing a network."""
        return BetaDensity.binary(self.a(share))
