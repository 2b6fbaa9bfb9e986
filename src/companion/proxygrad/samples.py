"""Training and test images, standardised, and the box that holds every image there can be."""

from dataclasses import dataclass

import torch
from torch import Tensor

from companion.data import DATA_SETS, ImageSet, load

__all__ = ["ImageSample", "draw_starts", "image_sample", "step_length"]

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImageSample:
    """Standardised images ``[N, C, H, W]`` with labels int64 ``[N]``, class names, mean and deviation by channel."""

    data: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    mean: Tensor
    deviation: Tensor
    fidelity: str

    @property
    def low(self) -> Tensor:
        """The value of a black pixel, ``[C, 1, 1]``."""
        return -self.mean / self.deviation

    @property
    def high(self) -> Tensor:
        """The value of a fully bright pixel, ``[C, 1, 1]``."""
        return (1 - self.mean) / self.deviation

    def pixels(self, images: Tensor) -> Tensor:
        """Standardised images as pixels from 0 to 1."""
        return (images * self.deviation + self.mean).clamp(0, 1)


def image_sample(
    data: str, *, size: int = 0, train_images: int = 0, test_images: int = 0, split_seed: int = 0, device: str = "cpu"
) -> ImageSample:
    """Load a data set and standardise it by the mean and deviation of its training images.

    Args:
        data: name or ``folder:PATH``.
        size: side length; 0 for the images' own.
        train_images: drawn at random; 0 for all (of sets without official parts, two thirds).
        test_images: drawn at random; 0 for all.
        split_seed: of the draws.
        device: where the tensors go.
    """
    official = data in DATA_SETS and DATA_SETS[data].has_test_part
    parts = [
        load(data, part, size=size or None, device=device) for part in (("train", "test") if official else ("all",))
    ]
    generator = torch.Generator().manual_seed(split_seed)
    shuffled = [part[torch.randperm(len(part), generator=generator).to(device)] for part in parts]
    if not official:
        border = 2 * len(shuffled[0]) // 3
        shuffled = [shuffled[0][:border], shuffled[0][border:]]
    train, test = (part[:n] if n else part for part, n in zip(shuffled, (train_images, test_images), strict=True))
    return standardised(data, train, test)


def standardised(data: str, train: ImageSet, test: ImageSet) -> ImageSample:
    """Both parts standardised by the training part."""
    pixels = train.scaled(torch.float64)
    mean = pixels.mean((0, 2, 3))[:, None, None].float()
    deviation = pixels.std((0, 2, 3)).clamp_min(1e-6)[:, None, None].float()
    images = [(part.scaled() - mean) / deviation for part in (train, test)]
    return ImageSample(
        data, images[0], train.labels, images[1], test.labels, train.classes, mean, deviation, train.fidelity
    )


def imagenet_sample(size: int = 224, device: str = "cpu") -> ImageSample:
    """The input space of torchvision's ImageNet networks, without images: for maximisation alone."""
    from torchvision.models import ResNet18_Weights

    names = tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
    mean, deviation = (torch.tensor(v, device=device)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    none, labels = torch.empty(0, 3, size, size, device=device), torch.empty(0, dtype=torch.int64, device=device)
    return ImageSample("imagenet", none, labels, none, labels, names, mean, deviation, "no images are used")


def draw_starts(sample: ImageSample, count: int, kind: str = "noise", amount: float = 0.2, seed: int = 0) -> Tensor:
    """Starts ``[count, C, H, W]`` of an ascent, in the standardised space.

    Args:
        sample: whose input space, and whose test images.
        count: how many.
        kind: ``grey`` (the middle of the box), ``noise`` (grey plus uniform noise) or ``image`` (test images).
        amount: of the noise; 1 fills the box.
        seed: of the noise and the choice of images.
    """
    generator = torch.Generator().manual_seed(40_000 + seed)
    if kind == "image" and len(sample.test):
        return sample.test[torch.randint(len(sample.test), (count,), generator=generator).to(sample.test.device)]
    shape = (count, *sample.train.shape[1:])
    middle, half = (sample.low + sample.high) / 2, (sample.high - sample.low) / 2
    noise = 2 * torch.rand(shape, generator=generator).to(middle.device) - 1
    return middle + half * (noise * (0.0 if kind == "grey" else amount))


def step_length(sample: ImageSample, eta: float) -> float:
    """The length in the standardised space of a step whose root mean square over the pixels is eta of their range.

    The authors' step of 20 for normalised images of 224 x 224 x 3 is an eta of about 0.0116 in this measure.
    """
    H, W = sample.train.shape[2:]
    return eta * float(((sample.high - sample.low).square().sum() * H * W).sqrt())
