"""The learning curve of a trained network that tells all classes apart."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from companion.data import ImageSet, load, permute_labels
from companion.data.catalogue import DATA_SETS
from companion.ensemble import Ensemble
from companion.error_density.declaration import ErrorDensity
from companion.experiment import Row
from companion.jobs import Job
from companion.networks import build
from companion.progress import SILENT, Progress
from companion.training import Settings

TEST_SHARE = 1 / 3  # of a data set without an official test part


def curve(parameters: ErrorDensity, device: str = "cpu") -> Iterator[Job]:
    """Test error against the number of training images: nested class-balanced subsets, trained to zero error."""
    train, test = train_and_test(parameters, device)
    for n in (n for n in parameters.curve_sizes if n <= len(train)):

        def work(progress: Progress, n: int = n) -> list[Row]:
            return curve_point(parameters, train, test, n, progress)

        yield Job(f"learning curve, {n} images", parameters.repetitions * (0.2 + 2e-3 * n), work)


def train_and_test(parameters: ErrorDensity, device: str = "cpu") -> tuple[ImageSet, ImageSet]:
    """The official parts where there are some, else a random third for testing; with label noise in both, if asked."""
    known = DATA_SETS.get(parameters.data)
    if known is not None and known.has_test_part:
        parts = [load(parameters.data, part, size=parameters.curve_image_size) for part in ("train", "test")]
    else:
        whole = load(parameters.data, size=parameters.curve_image_size)
        order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(42))
        border = len(whole) - int(TEST_SHARE * len(whole))
        parts = [whole[order[:border]], whole[order[border:]]]
    generator = torch.Generator().manual_seed(parameters.seed)
    noise = parameters.label_noise
    parts = [replace(one, labels=permute_labels(one.labels, noise, generator)) if noise else one for one in parts]
    train, test = (one.to(device) for one in parts)
    return train, test


def balanced_order(labels: Tensor, seed: int) -> Tensor:
    """A random order, int64 ``[N]``, in which every beginning holds the classes as evenly as they last."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    shuffled = labels.cpu()[order]
    position = torch.empty_like(order)
    for k in shuffled.unique():
        mine = torch.nonzero(shuffled == k).flatten()
        position[mine] = torch.arange(len(mine))
    # within a round of one image of every class the order of the classes is random
    rounds = position.double() + 0.999 * torch.rand(len(order), generator=generator, dtype=torch.float64)
    return order[rounds.argsort()]


def curve_point(
    parameters: ErrorDensity, train: ImageSet, test: ImageSet, n: int, progress: Progress = SILENT
) -> list[Row]:
    """Networks trained on n images each, one row a repetition."""
    seeds = range(parameters.seed, parameters.seed + parameters.repetitions)
    orders = [balanced_order(train.labels, seed)[:n].to(train.labels.device) for seed in seeds]
    plan = Settings(
        epochs=parameters.epochs,
        batch=min(n, parameters.batch),
        optimiser="adam",
        learning_rate=parameters.learning_rate,
        stop_at_zero_error=True,
        evaluate_every=parameters.epochs,
        mixed_precision=train.labels.is_cuda,
    )
    pixels, tested = train.standardised(), test.standardised(like=train)
    _, C, H, _ = pixels.shape
    ensemble = Ensemble(
        lambda: build(parameters.arch, classes=len(train.classes), channels=C, image_size=H, width=parameters.width),
        list(seeds),
        device=pixels.device,
    )
    outcome = ensemble.train(
        pixels,
        train.labels,
        [replace(plan, order_seed=seed) for seed in seeds],
        subsets=orders,
        test=(tested, test.labels),
        progress=progress,
    )
    shared = {"arm": "curve", "n": n, "classes": len(train.classes), "test_images": len(test)}
    return [
        shared | {"seed": k, "error": 1 - member.test_accuracy, "fitted": float(member.train_accuracy == 1)}
        for k, member in enumerate(outcome.members)
    ]
