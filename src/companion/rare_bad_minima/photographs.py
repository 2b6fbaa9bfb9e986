"""The paper's last experiment: deep networks trained on few photographs, and how rarely they end badly.

Random networks that classify photographs cannot be found by guessing, so here minima are trained, many for every
number of samples, each on samples and from initial weights of its own. The theory of random minima does not cover
this; what is looked at is whether the share of bad minima falls exponentially too.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.data import ImageSet, load
from companion.ensemble import Ensemble
from companion.experiment import Row
from companion.networks import build, parameter_count
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.training import Settings

CLASSES = ("Motorbikes", "airplanes")
EPSILONS = (0.05, 0.1, 0.2, 0.3)  # a minimum counts as bad above each of these test errors
BATCH, LEARNING_RATE = 64, 1e-3  # LAMB without weight decay, as in few_data
RESAMPLES = 1000  # bootstrap resamples of the runs


@dataclass(frozen=True)
class Photographs:
    """Two classes of photographs: the images to draw training sets from, and the test images.

    Attributes:
        pool: images from which training sets are drawn.
        test: the other images.
    """

    pool: ImageSet
    test: ImageSet


def load_photographs(parameters: RareBadMinima, device: str = "cpu") -> Photographs:
    """The declared photographs; the last ``photo_test`` images of each class, in a fixed random order, are the test."""
    p = parameters
    images = load(p.photographs, size=p.photo_size, classes=CLASSES, device=device)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(p.seed))
    shuffled = images[order.to(images.labels.device)]
    by_class = [torch.nonzero(shuffled.labels == k).flatten() for k in range(len(CLASSES))]
    pool = torch.cat([rows[: -p.photo_test] for rows in by_class])
    test = torch.cat([rows[-p.photo_test :] for rows in by_class])
    return Photographs(shuffled[pool], shuffled[test])


def draw_sets(labels: Tensor, per_class: int, runs: int, generator: torch.Generator) -> list[Tensor]:
    """Training sets of `per_class` different images of every class, one set a run: int64 ``[2 per_class]`` each."""
    sets = []
    for _ in range(runs):
        order = torch.randperm(len(labels), generator=generator).to(labels.device)
        sets.append(torch.cat([order[labels[order] == k][:per_class] for k in range(len(CLASSES))]))
    return sets


def train_on_photographs(
    parameters: RareBadMinima, photographs: Photographs, arch: str, per_class: int, progress: Progress = SILENT
) -> list[Row]:
    """Train ``photo_runs`` networks to zero training error, each on images of its own: one row a run.

    Returns:
        Rows with the number of samples ``n``, ``test_error``, ``train_error`` (0 at a global minimum) and ``steps``.
    """
    p, pool, test = parameters, photographs.pool, photographs.test
    seeds = range(p.seed, p.seed + p.photo_runs)
    generator = torch.Generator().manual_seed(p.seed * 1_000_003 + per_class)
    ensemble = Ensemble(
        lambda: build(arch, classes=2, image_size=p.photo_size, width=p.photo_width), seeds, device=pool.images.device
    )
    settings = [
        Settings(
            epochs=p.photo_epochs,
            batch=BATCH,
            optimiser="lamb",
            learning_rate=LEARNING_RATE,
            stop_at_zero_error=True,
            at_least=p.at_least,
            order_seed=seed,
            evaluate_every=p.photo_epochs,
            mixed_precision=pool.images.device.type == "cuda",
        )
        for seed in seeds
    ]
    outcome = ensemble.train(
        pool.standardised(),
        pool.labels,
        settings,
        subsets=draw_sets(pool.labels, per_class, p.photo_runs, generator),
        test=(test.standardised(like=pool), test.labels),
        progress=progress,
    )
    shared = {
        "arm": "photographs",
        "task": f"{CLASSES[0]} vs {CLASSES[1]}, {p.photo_size} pixels",
        "arch": arch,
        "n": len(CLASSES) * per_class,
        "weights": parameter_count(ensemble.member(0)),
        "test_images": len(test),
    }
    return [
        shared
        | {
            "seed": seed,
            "test_error": 1 - member.test_accuracy,
            "train_error": 1 - member.train_accuracy,
            "steps": member.steps,
        }
        for seed, member in zip(seeds, outcome.members, strict=True)
    ]


def log_linear_fit(n: NDArray, bad: NDArray) -> tuple[float, float]:
    """Least squares of ln R = a - c n over the numbers of samples that have any bad run.

    Args:
        n: numbers of samples, ``[runs]``.
        bad: whether each run ended above epsilon, bool ``[runs]``.

    Returns:
        a and the rate c; not-a-number where fewer than two numbers of samples have bad runs.
    """
    sizes = np.unique(n)
    share = np.array([bad[n == size].mean() for size in sizes])
    some = share > 0
    if some.sum() < 2:
        return float("nan"), float("nan")
    slope, start = np.polyfit(sizes[some], np.log(share[some]), 1)
    return float(start), float(-slope)


def bootstrapped_fits(n: NDArray, bad: NDArray, seed: int = 0) -> NDArray[np.float64]:
    """:func:`log_linear_fit` of bootstrap resamples of the runs at every n, float64 ``[1000, 2]``.

    Resamples with fewer than two numbers of samples that have bad runs are not-a-number.
    """
    generator = np.random.default_rng(seed)
    rows = [np.flatnonzero(n == size) for size in np.unique(n)]
    draws = (np.concatenate([generator.choice(group, len(group)) for group in rows]) for _ in range(RESAMPLES))
    return np.array([log_linear_fit(n[chosen], bad[chosen]) for chosen in draws])
