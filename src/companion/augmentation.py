"""Augmentation as tensor code, on the device the images are on."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of ``[N, C, H, W]`` left to right with probability one half."""
    flip = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(flip.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image of ``[N, C, H, W]`` by up to `padding` pixels in both directions; zeros come in."""
    N, _, H, W = images.shape
    padded = pad(images, (padding,) * 4)
    top, left = (torch.randint(2 * padding + 1, (2, N), generator=generator)).to(images.device)
    rows = (top[:, None] + torch.arange(H, device=images.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(W, device=images.device))[:, None, None, :]
    index = torch.arange(N, device=images.device)[:, None, None, None]
    return padded[index, torch.arange(images.shape[1], device=images.device)[None, :, None, None], rows, columns]


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """The usual augmentation of small images: shift by up to an eighth of the side, then mirror half of them."""
    return random_flip(random_crop(images, max(1, images.shape[-1] // 8), generator), generator)
