"""Guess and check: random networks kept where they make no error, jointly with a fresh training set or for fixed ones.

All training sets of all sizes are answered by one pass over the random networks, block by block; nothing is stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from companion.ensemble import RandomPerceptron, random_correctness
from companion.errors import CompanionError
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.density import ErrorDensity

Array = NDArray[np.float64]
BLOCKS = 10  # groups of networks, of training sets and of runs: what intervals are taken over
EPSILONS = np.round(np.arange(1, 51) / 100, 2)
CHUNK = 4096


@dataclass(frozen=True)
class FixedSets:
    """What the random minima of each of some training sets of n samples are like.

    Attributes:
        n: samples a training set.
        found: consistent networks found, ``[sets]``.
        mean_error: their mean true error, ``[sets]``; NaN where none was found.
        tail: the fraction of them with an error above each of `EPSILONS`, ``[sets, 50]``.
        networks: networks tried.
    """

    n: int
    found: Array
    mean_error: Array
    tail: Array
    networks: int

    @property
    def volume(self) -> float:
        """The mean share of networks that are consistent, E_S V."""
        return float(self.found.mean()) / self.networks

    @property
    def usable(self) -> bool:
        """Whether next to no set is without minima and most have twenty: else the mean favours large version spaces."""
        return bool((self.found == 0).mean() <= 0.01 and np.median(self.found) >= 20)


@dataclass(frozen=True)
class Survey:
    """One pass over random networks.

    Attributes:
        counts: networks by number of errors on the pool, ``[BLOCKS, T + 1]``, in interleaved blocks.
        joint: by n, accepted (network, training set) pairs by number of errors ``[T + 1]``.
        draws: training sets drawn for every network in joint sampling.
        fixed: by n, the minima of the fixed training sets.
    """

    counts: NDArray[np.int64]
    joint: dict[int, NDArray[np.int64]]
    draws: int
    fixed: dict[int, FixedSets]

    @property
    def density(self) -> ErrorDensity:
        """The density of the true error over all sampled networks."""
        return ErrorDensity.from_counts(self.counts.sum(0))

    @property
    def block_densities(self) -> list[ErrorDensity]:
        """The density in each block of networks."""
        return [ErrorDensity.from_counts(block) for block in self.counts]


def draw_training_sets(pool_size: int, sets: int, n: int, seed: int) -> Tensor:
    """Training sets with replacement, int64 ``[sets, n]``; the first k columns are the training sets of k samples."""
    return torch.randint(pool_size, (sets, n), generator=torch.Generator().manual_seed(seed))


def survey(
    measure: RandomPerceptron | Callable[[], nn.Module],
    inputs: Tensor,
    labels: Tensor,
    networks: int,
    *,
    sizes: Sequence[int] = (),
    training_sets: int = 0,
    draws: int = 0,
    replacement: bool = True,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Survey:
    """Draw networks once and keep, for every n, those without training error.

    Args:
        measure: the distribution that networks are drawn from.
        inputs: the pool ``[T, ...]``.
        labels: int64 ``[T]``.
        networks: how many to draw.
        sizes: the numbers of samples n.
        training_sets: fixed training sets, the same for all networks (nested in n); 0 for none.
        draws: fresh training sets for every network (joint sampling); 0 for none.
        replacement: whether the samples of a fresh training set are drawn with replacement.
        seed: of networks and training sets.
        progress: told after every chunk.

    Raises:
        CompanionError: a size below 0, or above the pool's without replacement.
    """
    T, sizes, device = len(labels), sorted(set(sizes)), inputs.device
    if sizes and (sizes[0] < 0 or (not replacement and sizes[-1] > T)):
        raise CompanionError(f"sizes {sizes} from a pool of {T}: take 0 to {T} samples.")
    longest = max(sizes, default=0)
    generator = torch.Generator(device).manual_seed(seed + 1)
    chosen = draw_training_sets(T, training_sets, longest, seed).to(device)
    counts = torch.zeros(BLOCKS * (T + 1), dtype=torch.int64, device=device)
    joint = {n: torch.zeros(T + 1, dtype=torch.int64, device=device) for n in sizes if draws}
    sums = {n: torch.zeros(training_sets, 2 + len(EPSILONS), dtype=torch.float64) for n in sizes if training_sets}
    done = 0
    chunks = random_correctness(measure, inputs, labels, networks, seed=seed, chunk=CHUNK, progress=progress)
    with torch.inference_mode():
        for correct in chunks:
            errors = T - correct.sum(1)
            block = torch.arange(done, done + len(errors), device=device) % BLOCKS
            counts += torch.bincount(block * (T + 1) + errors, minlength=len(counts))
            done += len(errors)
            for _ in range(draws):
                _keep_jointly(correct, errors, joint, _fresh(correct, longest, replacement, generator))
            if training_sets:
                _keep_fixed(correct, errors, sums, chosen)
    fixed = {n: _fixed_sets(n, total.numpy(), networks) for n, total in sums.items()}
    kept = {n: histogram.cpu().numpy() for n, histogram in joint.items()}
    return Survey(counts.view(BLOCKS, T + 1).cpu().numpy(), kept, draws, fixed)


def _fresh(correct: Tensor, n: int, replacement: bool, generator: torch.Generator) -> Tensor:
    """A training set for every network, int64 ``[networks, n]``."""
    networks, T = correct.shape
    if replacement:
        return torch.randint(T, (networks, n), generator=generator, device=correct.device)
    return torch.rand(networks, T, generator=generator, device=correct.device).argsort(1)[:, :n]


def _keep_jointly(correct: Tensor, errors: Tensor, joint: dict[int, Tensor], rows: Tensor) -> None:
    right = correct.gather(1, rows)
    first_error = torch.where(right.all(1), rows.shape[1], (~right).to(torch.uint8).argmax(1))
    for n, histogram in joint.items():
        histogram += torch.bincount(errors[first_error >= n], minlength=len(histogram))


def _keep_fixed(correct: Tensor, errors: Tensor, sums: dict[int, Tensor], chosen: Tensor) -> None:
    """Add each training set's number of minima, their errors, and how many are above each epsilon."""
    true_error = errors.double() / correct.shape[1]
    above = true_error[:, None] > torch.as_tensor(EPSILONS, device=errors.device)
    features = torch.cat([torch.ones_like(true_error)[:, None], true_error[:, None], above.double()], 1).float()
    consistent = torch.ones(len(chosen), len(correct), dtype=torch.bool, device=errors.device)
    images = correct.T.contiguous()
    for n in range(chosen.shape[1] + 1):
        if n in sums:
            sums[n] += (consistent.float() @ features).double().cpu()
        if n < chosen.shape[1]:
            consistent &= images[chosen[:, n]]


def _fixed_sets(n: int, sums: Array, networks: int) -> FixedSets:
    found = sums[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return FixedSets(n, found, sums[:, 1] / found, sums[:, 2:] / found[:, None], networks)


def joint_z_scores(density: ErrorDensity, kept: NDArray[np.int64], n: int, draws: int, epsilon: float) -> Array:
    """How many standard errors joint sampling is from T2: for the mean error and for the bad fraction, ``[2]``.

    The networks are given, so that the only chance left is in their training sets: network i is kept with probability
    (1 - E_i)^n, independently. There is no free parameter.
    """
    errors = np.arange(len(kept)) / (len(kept) - 1)
    share = np.zeros(len(kept))
    share[np.rint(density.errors * (len(kept) - 1)).astype(int)] = density.weights
    tries = share * (density.networks or 0) * draws
    chance = (1 - errors) ** n
    scores = []
    for values, expected in (
        (errors, density.mean_error(n)),
        ((errors > epsilon).astype(float), density.bad_fraction(n, epsilon)),
    ):
        variance = float((tries * chance * (1 - chance)) @ (values - expected) ** 2) / float(tries @ chance) ** 2
        measured = float(kept @ values) / float(kept.sum())
        rounding = abs(measured - expected) < 1e-9  # where every network is bad, nothing is left to chance
        scores.append(0.0 if rounding else (measured - expected) / np.sqrt(variance))
    return np.array(scores)
