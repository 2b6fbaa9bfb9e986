"""Training on Oriented Dashes: N numbers on top of fixed filters, and the twin that learns its filters."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from companion.data import ImageSet
from companion.edge_line.toy import BANKS, LearnedTwin, fit_weights, patch_counts, patterns, pooled_responses
from companion.ensemble import Ensemble
from companion.experiment import Row
from companion.progress import SILENT, Progress
from companion.training import Settings

TWIN_STEPS, TWIN_BATCH, TWIN_RATE = 300, 16, 0.01


class Counted(NamedTuple):
    """A part of the data set as patch counts (B, 512) and labels (B,)."""

    patches: Tensor
    labels: Tensor


def counted(images: ImageSet) -> Counted:
    """The patch counts of binary images with their labels: all that the networks of this module need."""
    return Counted(patch_counts(images.images), images.labels)


def orders(total: int, seeds: Sequence[int]) -> Tensor:
    """A random order of all images for every seed, (K, total); training sets are their first parts, nested."""
    return torch.stack([torch.randperm(total, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def fixed_filters(
    train: Counted, test: Counted, name: str, sizes: Sequence[int], seeds: Sequence[int], steps: int = 400
) -> list[Row]:
    """Train the network on one bank, for every size and seed.

    Args:
        train, test: parts of the data set, counted.
        name: of :data:`~companion.edge_line.toy.BANKS`.
        sizes: training images in total.
        seeds: each fixes the training images, and the kernels of a random bank.
        steps: of Adam.

    Returns:
        One row a size and seed.
    """
    make, relu = BANKS[name]
    kernels = _drawn(make, seeds)  # (K, N, 3, 3)
    K, N = kernels.shape[:2]
    answers = pooled_responses(patterns(), kernels.flatten(0, 1), relu)  # (512, K N): all that an image can hold
    seen, unseen = ((one.patches @ answers).unflatten(1, (K, N)).movedim(1, 0) for one in (train, test))
    order = orders(len(train.labels), seeds)
    x, y = torch.stack([one[rows] for one, rows in zip(seen, order, strict=True)]), train.labels[order]
    weights = fit_weights(x, y, sizes, steps)  # (S, K, N)
    hits = [
        ((torch.einsum("kni,ski->skn", given, weights) > 0) == (labels == 1)).float()
        for given, labels in ((x, y), (unseen, test.labels))
    ]
    return [
        {
            "arm": name,
            "train_images": size,
            "seed": seed,
            "parameters": N,
            "train_accuracy": float(hits[0][s, k, :size].mean()),
            "test_accuracy": float(hits[1][s, k].mean()),
        }
        for s, size in enumerate(sizes)
        for k, seed in enumerate(seeds)
    ]


def learned_filters(
    train: Counted, test: Counted, filters: int, size: int, seeds: Sequence[int], progress: Progress = SILENT
) -> list[Row]:
    """Train the twin with ``filters`` learned kernels on the first ``size`` images of every seed's order.

    Returns:
        One row a seed.
    """
    ensemble = Ensemble(lambda: LearnedTwin(filters), seeds)
    batch = min(TWIN_BATCH, size)
    epochs = max(1, round(TWIN_STEPS / math.ceil(size / batch)))
    outcome = ensemble.train(
        train.patches,
        train.labels,
        [
            Settings(
                epochs=epochs, batch=batch, optimiser="adam", learning_rate=TWIN_RATE, order_seed=seed,
                evaluate_every=epochs,
            )
            for seed in seeds
        ],
        subsets=list(orders(len(train.labels), seeds)[:, :size]),
        test=(test.patches, test.labels),
        method="vmap",
        progress=progress,
    )  # fmt: skip
    return [
        {
            "arm": twin_name(filters),
            "train_images": size,
            "seed": seed,
            "parameters": 10 * filters,
            "train_accuracy": one.train_accuracy,
            "test_accuracy": one.test_accuracy,
        }
        for seed, one in zip(seeds, outcome.members, strict=True)
    ]


def twin_name(filters: int) -> str:
    """What the twin is called in rows and figures."""
    return f"{filters} learned"


def _drawn(make: Callable[[], Tensor], seeds: Sequence[int]) -> Tensor:
    """A bank a seed (K, N, 3, 3), with torch's global generator set to the seed and left as it was."""
    banks = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            banks.append(make())
    return torch.stack(banks)
