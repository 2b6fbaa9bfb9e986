"""The data set "Oriented Dashes": are there more horizontal or more vertical dashes in the image?

48 x 48 pixels, cells of 8 x 8, the inner 4 x 4 of them in use. Each holds a dash with probability 1/2, horizontal or
vertical with probability 1/2, five pixels long and one thick, at a random place. Ties are drawn again.
"""

from collections.abc import Iterator

import numpy as np
import torch

from companion.data import ImageSet

COUNT = 1024
SIDE = 48
CELL = 8
CELLS = 4  # a side; the outer ring of cells stays empty
LENGTH = 5
SEEDS = {"train": 9982634964, "test": 1408368308}
CLASSES = ("vertical", "horizontal")


def oriented_dashes(part: str = "train", count: int = COUNT) -> ImageSet:
    """The images of one part; the same on every machine, as each is drawn from a generator of its own.

    Args:
        part: "train" or "test".
        count: number of images, from the first on (the authors use 1024).

    Returns:
        The set: uint8 images (count, 1, 48, 48) of zeros and ones; label 1 where more dashes are horizontal.

    Raises:
        ValueError: an unknown part.

    References:
        Linse, Brueckner, Martinetz (2024), authors' repository Oriented_Dashes_Classification_Dataset,
        ``scripts/toy_dataset.py``: geometry, seeds and the order of the random draws.
    """
    if part not in SEEDS:
        raise ValueError(f"part is {part!r}: allowed are train and test.")
    images = np.zeros((count, 1, SIDE, SIDE), dtype=np.uint8)
    labels = [_draw(images[index, 0], _uniform(index + SEEDS[part])) for index in range(count)]
    return ImageSet(
        "oriented_dashes",
        torch.from_numpy(images),
        torch.tensor(labels, dtype=torch.int64),
        CLASSES,
        full_scale=1,
        fidelity="generated as by the authors",
    )


def _uniform(seed: int) -> Iterator[float]:
    """The numbers that torch's generator draws from [0, 1) after ``manual_seed(seed)``."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.rand(4 * CELLS * CELLS, generator=generator).tolist()


def _draw(image: np.ndarray, uniform: Iterator[float]) -> int:
    """Draw one image (48, 48) in place, again until there is no tie; returns its label.

    An empty cell takes one random number, a dash takes four.
    """
    more = 0
    while not more:
        image[:] = 0
        for ix in range(1, 1 + CELLS):
            for iy in range(1, 1 + CELLS):
                if next(uniform) >= 0.5:
                    continue
                horizontal = next(uniform) < 0.5
                free_x, free_y = (0.1, 0.5) if horizontal else (0.8, 0.2)
                x = int((ix + free_x * next(uniform)) * CELL)
                y = int((iy + free_y * next(uniform)) * CELL)
                length_x, length_y = (LENGTH, 1) if horizontal else (1, LENGTH)
                image[y : y + length_y, x : x + length_x] = 1
                more += 1 if horizontal else -1
    return int(more > 0)
