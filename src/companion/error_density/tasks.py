"""Binary tasks: the images of two classes as the whole truth, from which training sets are drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from companion.data import ImageSet
from companion.ensemble import RandomPerceptron
from companion.error_density.kernel import Alignment, Matrix, agreement, output_correlations
from companion.errors import CompanionError

BETWEEN = " vs "


@dataclass(frozen=True)
class Pool:
    """All images of two classes. The error of a network is its error on the pool; training sets are drawn from it
    with replacement, so that the theory holds exactly.

    Attributes:
        name: ``"3 vs 8"``.
        images: ``[T, d]``, pixels from 0 to 1 with the mean image subtracted.
        labels: int64 ``[T]``; 1 for the second class.
    """

    name: str
    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def measure(self, hidden: int) -> RandomPerceptron:
        """The distribution of random networks: one hidden ReLU layer of so many units, one output."""
        return RandomPerceptron((self.images.shape[1], hidden, 1))

    def agreement(self) -> Matrix:
        """How far random networks of any width agree on every two images, ``[T, T]``; it does not see the labels."""
        return agreement(output_correlations(self.images.double().cpu().numpy()))

    def alignment(self, agreed: Matrix | None = None) -> Alignment:
        """The kernel-target alignment of the task, which fixes the spread of the error without a network."""
        agreed = self.agreement() if agreed is None else agreed
        return Alignment.of(agreed, 2.0 * self.labels.cpu().numpy() - 1)

    def permuted(self, seed: int) -> "Pool":
        """The same images with their labels permuted: nothing is left to learn."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return Pool(f"{self.name}, permuted", self.images, self.labels[order.to(self.labels.device)])

    def training_sets(self, sets: int, n: int, seed: int) -> Tensor:
        """Rows of the pool, int64 ``[sets, n]``, drawn with replacement; smaller sets are the first columns."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(len(self), (sets, n), generator=generator).to(self.labels.device)


def pair_pool(images: ImageSet, pair: str, most: int = 0) -> Pool:
    """The pool of two classes.

    Args:
        images: the loaded data set.
        pair: two names of classes, ``"3 vs 8"``.
        most: images to take at most, half of each class; 0 for all.

    Raises:
        CompanionError: not two different names, or an unknown one.
    """
    names = pair.split(BETWEEN)
    if len(names) != 2 or names[0] == names[1]:
        raise CompanionError(f"pair is {pair!r}: name two different classes, such as '3{BETWEEN}8'.")
    chosen = images.only(names)
    if most:
        rows = [torch.nonzero(chosen.labels == k).flatten()[: most // 2] for k in (0, 1)]
        chosen = chosen[torch.cat(rows).sort().values]
    pixels = chosen.scaled().flatten(1)
    return Pool(pair, pixels - pixels.mean(0), chosen.labels)


def all_pairs(classes: tuple[str, ...]) -> Iterator[str]:
    """The names of all pairs of classes."""
    return (BETWEEN.join(pair) for pair in combinations(classes, 2))
