"""Random minima where drawing at random finds none: sequential Monte Carlo with moves that keep the Gaussian measure.

A cloud of random networks meets the training images one by one. Networks that get the new image wrong are replaced by
copies of others, and all are moved by a random step that leaves the distribution of random networks as it is
(preconditioned Crank-Nicolson), refused where it would break a label learned so far. What is left after n images is a
sample of the random networks that make no error on them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from companion.ensemble import RandomPerceptron
from companion.error_density.tasks import Pool
from companion.errors import CompanionError
from companion.progress import SILENT, Progress

AIM = 0.3  # share of accepted moves that the step is adapted to
FEWEST, PATIENCE = 16, 300  # fewer than a 16th of a cloud are too few to go on from; so many moves wait for more
RENEW = 0.75  # the cloud is renewed when fewer than this share has survived, on average over the training sets


@dataclass(frozen=True)
class Minima:
    """Random minima of several training sets along their images.

    Attributes:
        sizes: sizes n.
        error: mean error on the pool given the set, ``[sets, sizes]``; not-a-number from where no network followed.
        bad: share of the minima whose error is above epsilon, ``[sets, sizes]``.
        log_volume: estimate of ln V(S), ``[sets, sizes]``.
    """

    sizes: list[int]
    error: Tensor
    bad: Tensor
    log_volume: Tensor


class Cloud:
    """Networks ``[sets * particles]`` of one hidden layer, and the images that they have learned."""

    def __init__(self, measure: RandomPerceptron, pool: Pool, sets: Tensor, particles: int, seed: int) -> None:
        if len(measure.sizes) != 3 or measure.sizes[2] != 1:
            raise CompanionError(
                f"sizes is {measure.sizes}: these moves know networks of one hidden layer, one output."
            )
        d, H, _ = measure.sizes
        device = pool.images.device
        self.S, self.P, self.H = len(sets), particles, H
        self.generator = torch.Generator(device).manual_seed(seed)
        ones = torch.ones(len(pool), 1, device=device)
        varying = pool.images.std(0) > 0  # the weights of a pixel that never changes do not matter
        self.columns = torch.cat([pool.images[:, varying], ones], 1)  # [T, pixels + 1]
        self.scale = torch.full((self.columns.shape[1],), measure.weight_sd / math.sqrt(d), device=device)
        self.scale[-1] = measure.bias_sd
        self.pool, self.sets = pool, sets
        self.signs = (2 * pool.labels - 1).float()
        self.W, self.v = self._draw()
        self.step = torch.full((self.S, 1), 0.5, device=device)
        self.alive = torch.ones(self.S, self.P, dtype=torch.bool, device=device)
        self.lost = torch.zeros(self.S, dtype=torch.bool, device=device)
        self.log_volume = torch.zeros(self.S, dtype=torch.float64, device=device)

    def _draw(self) -> tuple[Tensor, Tensor]:
        """Weights ``[S, P, H, pixels + 1]`` and ``[S, P, H]`` of random networks."""
        shape = (self.S, self.P, self.H)
        W = torch.empty(*shape, len(self.scale), device=self.scale.device).normal_(generator=self.generator)
        v = torch.empty(*shape, device=self.scale.device).normal_(generator=self.generator)
        return W.mul_(self.scale), v.div_(math.sqrt(self.H))

    def right(self, W: Tensor, v: Tensor, rows: Tensor) -> Tensor:
        """Which networks get all images of their set right, bool ``[S, P]``; `rows` are the sets' images ``[S, n]``."""
        images = self.columns[rows].transpose(1, 2)  # [S, pixels + 1, n]
        units = torch.bmm(W.flatten(1, 2), images).relu_().view(self.S * self.P, self.H, -1)
        outputs = torch.bmm(v.reshape(-1, 1, self.H), units).view(self.S, self.P, -1)
        return ((outputs >= 0) == (self.signs[rows] > 0)[:, None]).all(-1)

    def meet(self, position: int, moves: int = 6) -> None:
        """Show every set its image at `position`; who gets it wrong is out.

        Of a set where hardly anyone gets it right, the cloud first moves on among the networks that know the images
        before, and whoever comes to get the new one right stays. A set is lost where none does after `PATIENCE` moves.
        """
        fewest = max(1, self.P // FEWEST)
        image = self.sets[:, position : position + 1]
        right = self.right(self.W, self.v, image) | self.lost[:, None]
        if not self.alive.all() and bool(((self.alive & right).sum(1) < fewest).any()):
            self.renew(moves, position)
            right = self.right(self.W, self.v, image) | self.lost[:, None]
        met = self.alive.sum(1)
        looks = met.clone()  # at networks that know the images before
        for _ in range(PATIENCE):
            short = (self.alive & right).sum(1) < fewest
            if not short.any():
                break
            looks += met * short
            self._move(self.sets[:, :position], short[:, None] & ~right)
            right = right | self.right(self.W, self.v, image)
        self.alive &= right
        after = self.alive.sum(1)
        self.log_volume += (after.double() / looks.double()).log()
        self.lost |= after == 0
        self.alive |= self.lost[:, None]  # nothing more is asked of them

    def renew(self, moves: int, known: int) -> None:
        """Replace those that are out by copies of survivors, and move all, given the first `known` images."""
        chosen = torch.multinomial(self.alive.float(), self.P, replacement=True, generator=self.generator)
        chosen = torch.where(self.alive, torch.arange(self.P, device=chosen.device), chosen)
        self.W = self.W.gather(1, chosen[:, :, None, None].expand_as(self.W))
        self.v = self.v.gather(1, chosen[:, :, None].expand_as(self.v))
        self.alive.fill_(True)
        for _ in range(moves):
            self._move(self.sets[:, :known])

    def _move(self, rows: Tensor, movable: Tensor | None = None) -> None:
        """A step of every network, or of the `movable` ones ``[S, P]``, that keeps its labels on the sets' images."""
        kept = (1 - self.step**2).sqrt()
        W, v = self._draw()
        W.mul_(self.step[..., None, None]).add_(kept[..., None, None] * self.W)
        v.mul_(self.step[..., None]).add_(kept[..., None] * self.v)
        accepted = self.right(W, v, rows)
        share = accepted.float().mean(1, keepdim=True)
        accepted = accepted if movable is None else accepted & movable
        self.W = torch.where(accepted[..., None, None], W, self.W)
        self.v = torch.where(accepted[..., None], v, self.v)
        self.step = (self.step * torch.exp(0.4 * (share - AIM))).clamp(0.01, 1.0)

    def errors(self) -> Tensor:
        """The errors on the pool, ``[S, P]``; not-a-number for the sets that are lost."""
        parts = []
        for W, v in zip(self.W.flatten(0, 1).split(64), self.v.flatten(0, 1).split(64), strict=True):
            units = (W @ self.columns.T).relu_()
            parts.append((torch.einsum("ph,pht->pt", v, units) >= 0) != (self.signs > 0))
        errors = torch.cat(parts).double().mean(1).view(self.S, self.P)
        return errors.masked_fill(self.lost[:, None], torch.nan)


def sample_minima(
    measure: RandomPerceptron,
    pool: Pool,
    sets: Tensor,
    sizes: Sequence[int],
    *,
    particles: int = 200,
    moves: int = 15,
    epsilon: float = 0.1,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Minima:
    """Random minima of given training sets, at several sizes.

    Args:
        measure: the distribution of random networks; one hidden layer.
        pool: the task.
        sets: rows of the pool, int64 ``[sets, n]``.
        sizes: sizes n to measure at, ascending.
        particles: networks in a cloud.
        moves: moves at every renewal of the cloud.
        epsilon: what error counts as bad.
        seed: of networks and moves.
        progress: told after every image.

    Raises:
        CompanionError: the network has not one hidden layer.
    """
    cloud = Cloud(measure, pool, sets, particles, seed)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    with torch.inference_mode():
        for position in range(max(sizes)):
            cloud.meet(position, moves)
            measured = position + 1 in sizes
            if measured or float(cloud.alive.float().mean()) < RENEW or float(cloud.alive.float().mean(1).min()) < 0.3:
                cloud.renew(moves, position + 1)
            if measured:
                errors = cloud.errors()
                bad = (errors > epsilon).double().mean(1).masked_fill(cloud.lost, torch.nan)
                found.append((errors.mean(1), bad, cloud.log_volume.clone()))
            progress.update(position + 1, max(sizes), "training images")
    error, bad, volume = (torch.stack(column, 1).cpu() for column in zip(*found, strict=True))
    return Minima(sorted(sizes), error, bad, volume)
