"""Networks that were never trained and yet make no error on a training set: found by drawing very many at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Accepted:
    """Sums over the accepted networks: count, error and squared error, each ``[sets, sizes]`` or ``[sizes]``."""

    count: Tensor
    error: Tensor
    squared: Tensor

    @property
    def mean(self) -> Tensor:
        """The mean error; not-a-number where no network was accepted."""
        return self.error / self.count

    @property
    def standard_error(self) -> Tensor:
        """Of the mean, from the scatter of the accepted networks."""
        return ((self.squared / self.count - self.mean**2).clamp_min(0) / self.count).sqrt()


class JointRejection:
    """Draw a fresh training set for every random network and keep the network if it makes no error on it.

    This samples pairs of network and training set, which is what the formula for the learning curve averages over.

    Args:
        sizes: sizes n of the training sets; the smaller sets are the beginnings of the largest.
        repetitions: training sets a network.
        seed: of the training sets.
    """

    def __init__(self, sizes: Sequence[int], *, repetitions: int = 1, seed: int = 0) -> None:
        self.sizes, self.repetitions = list(sizes), repetitions
        self.generator = torch.Generator().manual_seed(seed)
        self.sums = torch.zeros(3, len(self.sizes), dtype=torch.float64)

    def add(self, correct: Tensor) -> None:
        """Take in bool ``[networks, T]``: which images of the pool each network gets right."""
        K, T = correct.shape
        error = 1 - correct.double().mean(1).cpu()
        last = torch.tensor(self.sizes, device=correct.device) - 1
        for _ in range(self.repetitions):
            rows = torch.randint(T, (K, max(self.sizes)), generator=self.generator).to(correct.device)
            kept = correct.gather(1, rows).cumprod(1)[:, last].double().cpu()
            self.sums += torch.stack([kept.sum(0), error @ kept, error**2 @ kept])

    @property
    def accepted(self) -> Accepted:
        """What was kept so far, ``[sizes]``."""
        return Accepted(*self.sums)


class FixedSets:
    """Keep the random networks that make no error on a given training set, for many sets at once.

    Args:
        sets: rows of the pool, int64 ``[sets, n]``; a set of size n is the first n columns.
        sizes: sizes n.
        T: images in the pool.
    """

    def __init__(self, sets: Tensor, sizes: Sequence[int], T: int) -> None:
        self.members = [_membership(sets[:, :n], T) for n in sizes]
        self.sums = torch.zeros(3, len(sets), len(sizes), dtype=torch.float64)
        self.networks = 0

    def add(self, correct: Tensor) -> None:
        """Take in bool ``[networks, T]``: which images of the pool each network gets right."""
        wrong = (~correct).float()
        error = wrong.double().mean(1)
        moments = torch.stack([torch.ones_like(error), error, error**2])
        for column, member in enumerate(self.members):
            kept = (wrong @ member == 0).double()
            self.sums[:, :, column] += (moments @ kept).cpu()
        self.networks += len(correct)

    @property
    def accepted(self) -> Accepted:
        """What was kept so far, ``[sets, sizes]``; `count` over `networks` estimates the volume V(S)."""
        return Accepted(*self.sums)

    @property
    def coverage(self) -> Tensor:
        """The share of the sets for which some network was found, ``[sizes]``."""
        return (self.accepted.count > 0).double().mean(0)


def _membership(sets: Tensor, T: int) -> Tensor:
    """Float ``[T, sets]``: 1 where an image belongs to a training set."""
    member = torch.zeros(T, len(sets), device=sets.device)
    return member.scatter_(0, sets.T, 1.0)
