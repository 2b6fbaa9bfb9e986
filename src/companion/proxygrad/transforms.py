"""Regularising transforms of activation maximisation: shifts, rotations, blur, a whitened gradient."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["NO_TRANSFORM", "Regulariser", "gaussian_blur", "rotate", "whiten"]

BLUR_SIZE = 5


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Images [B, C, H, W] blurred with a Gaussian of deviation `sigma` pixels, 5 x 5, edges replicated."""
    if sigma <= 0:
        return images
    place = torch.arange(BLUR_SIZE, device=images.device, dtype=images.dtype) - BLUR_SIZE // 2
    bell = torch.exp(-(place**2) / (2 * sigma**2))
    kernel = torch.outer(bell, bell) / bell.sum() ** 2
    C = images.shape[1]
    padded = F.pad(images, [BLUR_SIZE // 2] * 4, mode="replicate")
    return F.conv2d(padded, kernel.expand(C, 1, BLUR_SIZE, BLUR_SIZE), groups=C)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Images [B, C, H, W] turned about their centres by angles [B], bilinear, edges replicated."""
    angle = degrees.to(images) * (math.pi / 180)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turn = torch.stack([torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def whiten(gradient: Tensor) -> Tensor:
    """The gradient [B, C, H, W] with every Fourier magnitude set to 1: all spatial frequencies move alike."""
    spectrum = torch.fft.rfft2(gradient)
    return torch.fft.irfft2(spectrum / spectrum.abs().clamp_min(1e-12), s=gradient.shape[-2:])


@dataclass(frozen=True)
class Regulariser:
    """What is done to the image beside the ascent.

    Attributes:
        blur_sigma: deviation in pixels of the Gaussian that blurs the image after every step; 0 for none.
        jitter: largest shift in pixels (cyclic) of the image that the gradient is taken at.
        rotation: largest angle in degrees by which that image is turned.
        probability: of a rotation, for each image and step.
        whitened: whether the gradient is whitened.
        clean_steps: the last steps, without any of it.

    References:
        The authors' code of 2023: blur 5 x 5 with sigma 0.5 every step, rotation with probability 0.2 to 0.3, roll,
        optional whitening, ten clean steps at the end.
    """

    blur_sigma: float = 0.0
    jitter: int = 0
    rotation: float = 0.0
    probability: float = 0.25
    whitened: bool = False
    clean_steps: int = 10

    @property
    def moves(self) -> bool:
        """Whether the gradient is taken at another image than the one that is kept."""
        return self.jitter > 0 or self.rotation > 0

    def moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The images as the gradient sees them: shifted and turned at random, differentiably."""
        if self.jitter > 0:
            dy, dx = torch.randint(-self.jitter, self.jitter + 1, (2,), generator=generator).tolist()
            images = images.roll((dy, dx), (2, 3))
        if self.rotation > 0:
            draw = torch.rand(2, len(images), generator=generator)
            degrees = (2 * draw[0] - 1) * self.rotation * (draw[1] < self.probability)
            images = rotate(images, degrees)
        return images

    def treated(self, gradient: Tensor) -> Tensor:
        """The gradient, whitened if that is wanted."""
        return whiten(gradient) if self.whitened else gradient

    def smoothed(self, images: Tensor) -> Tensor:
        """The images after a step, blurred if that is wanted."""
        return gaussian_blur(images, self.blur_sigma)


NO_TRANSFORM = Regulariser()
