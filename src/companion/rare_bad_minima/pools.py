"""Two classes as a pool of labelled images that counts as the truth; errors on it are true errors, exactly."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from companion.data import ImageSet, load, permute_labels
from companion.errors import CompanionError

GENERATED = ("blobs", "moons")
POINTS = 400  # of a generated pool, where no number is asked for


@dataclass(frozen=True)
class Pool:
    """A pool of T labelled inputs.

    Attributes:
        name: the task in words, such as ``0 vs 1``.
        inputs: floating point ``[T, 1, H, W]`` (``[T, 1, 1, 2]`` for points in the plane), mean 0 over the pool.
        labels: int64 ``[T]``, 0 or 1.
    """

    name: str
    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dimension(self) -> int:
        """Numbers an input."""
        return self.inputs[0].numel()

    def permuted(self, seed: int) -> Self:
        """The same inputs with all labels permuted: the control in which nothing can be learnt."""
        labels = permute_labels(self.labels.cpu(), 1.0, torch.Generator().manual_seed(seed)).to(self.labels.device)
        return replace(self, labels=labels)


def load_pool(
    data: str,
    pair: str,
    *,
    image_size: int = 8,
    size: int = 0,
    label_noise: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
) -> Pool:
    """A pool of two classes: pixels from 0 to 1, average-pooled to `image_size`, each pixel's mean subtracted.

    Args:
        data: a data set by name, or ``blobs`` or ``moons`` (points in the plane).
        pair: the two classes as ``A vs B``; A is class 0 in the order of the data set. Not used for points.
        image_size: side length; the images' own must be a multiple of it.
        size: images drawn at random from the two classes; 0 for all of them.
        label_noise: share of the pool's labels that are permuted, for good.
        seed: of the draw.
        device: where the pool goes.

    Raises:
        CompanionError: a pair that does not name two classes, more images than there are, or an odd image size.
    """
    generator = torch.Generator().manual_seed(seed)
    if data in GENERATED:
        inputs, labels = _points(data, size or POINTS, seed)
        name = data
    else:
        images = load(data, classes=classes_of(pair))
        name = pair
        if size > len(images):
            raise CompanionError(f"A pool of {size} images, but {data} has {len(images)} of {pair}: take at most that.")
        if size:
            images = images[torch.randperm(len(images), generator=generator)[:size]]
        inputs, labels = _pooled(images, image_size), images.labels
    if label_noise:
        labels = permute_labels(labels, label_noise, generator)
    inputs = inputs - inputs.mean(0)
    return Pool(name, inputs.to(device), labels.to(device))


def classes_of(pair: str) -> tuple[str, str]:
    """The two class names of ``A vs B``."""
    names = tuple(part.strip() for part in pair.split(" vs "))
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise CompanionError(f"{pair!r} does not name two classes: write them as '0 vs 1'.")
    return names


def _pooled(images: ImageSet, image_size: int) -> Tensor:
    side = images.images.shape[-1]
    if image_size > side or side % image_size:
        fit = [str(k) for k in range(1, side + 1) if side % k == 0]
        raise CompanionError(f"image_size is {image_size}, but images of {images.name} can become {', '.join(fit)}.")
    return avg_pool2d(images.scaled(), side // image_size)


def _points(kind: str, count: int, seed: int) -> tuple[Tensor, Tensor]:
    from sklearn.datasets import make_blobs, make_moons

    if kind == "blobs":
        points, labels = make_blobs(count, centers=[[-1.0, 0.0], [1.0, 0.0]], cluster_std=0.4, random_state=seed)
    else:
        points, labels = make_moons(count, noise=0.1, random_state=seed)
    return torch.tensor(points, dtype=torch.float32).view(-1, 1, 1, 2), torch.tensor(labels, dtype=torch.int64)
