"""A data set as one uint8 tensor with its labels and class names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from companion.errors import unknown


@dataclass(frozen=True)
class ImageSet:
    """Images and their labels, on one device.

    Attributes:
        name: the name it was loaded by.
        images: uint8 tensor ``[N, C, H, W]``, 0 to `full_scale`.
        labels: int64 tensor ``[N]``.
        classes: the class names; label ``k`` is ``classes[k]``.
        full_scale: the value of a fully bright pixel (255; 16 for scikit-learn's digits).
        fidelity: how these pixels relate to the official release, in words.
    """

    name: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    full_scale: int = 255
    fidelity: str = "exact"

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images must be uint8 of shape [N, C, H, W], got {self.images.dtype} {list(self.images.shape)}"
            )
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> Self:
        return replace(self, images=self.images[index], labels=self.labels[index])

    def to(self, device: torch.device | str) -> Self:
        """The same set on another device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def only(self, classes: Sequence[str]) -> Self:
        """The images of the named classes; labels are renumbered in the order of this set's classes.

        Raises:
            CompanionError: a class that the set does not have.
        """
        for name in classes:
            if name not in self.classes:
                raise unknown(f"class of {self.name}", name, self.classes)
        kept = [k for k, name in enumerate(self.classes) if name in classes]
        renumber = torch.full((len(self.classes),), -1, device=self.labels.device)
        renumber[kept] = torch.arange(len(kept), device=self.labels.device)
        labels = renumber[self.labels]
        keep = labels >= 0
        names = tuple(self.classes[k] for k in kept)
        return replace(self, images=self.images[keep], labels=labels[keep], classes=names)

    def counts(self) -> dict[str, int]:
        """The number of images of every class."""
        numbers = torch.bincount(self.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, numbers, strict=True))

    def scaled(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The images as floating point numbers from 0 to 1, ``[N, C, H, W]``."""
        return self.images.to(dtype) / self.full_scale

    def standardised(self, like: "ImageSet | None" = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """The images with the channel mean of `like` (default: this set) subtracted, over its channel deviation.

        Args:
            like: the training set, so that test images are treated as the training images were.
            dtype: the floating point type of the result, ``[N, C, H, W]``.
        """
        reference = (like or self).scaled(torch.float64)
        mean = reference.mean((0, 2, 3), keepdim=True)
        deviation = reference.std((0, 2, 3), keepdim=True).clamp_min(1e-6)
        return ((self.scaled(torch.float64) - mean) / deviation).to(dtype)
