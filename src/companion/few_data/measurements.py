"""The parts of the measurement: networks on few images, the permuted-label control, baselines, a learning curve."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from companion.data import ImageSet, Split, few_sample_split, permute_labels
from companion.ensemble import Ensemble, MemberOutcome
from companion.experiment import Row
from companion.few_data.baselines import logistic_regression_accuracy, nearest_neighbour_accuracy
from companion.few_data.declaration import FewData
from companion.jobs import Job
from companion.networks import build, parameter_count
from companion.progress import SILENT, Progress
from companion.training import Settings

CURVE_SIZES = (10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Sample:
    """One few-sample training set ``[N, C, H, W]`` with its test set, both standardised by the training set."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def sample(parameters: FewData, images: ImageSet, per_class: int) -> Sample:
    """The training set of `per_class` images a class, and the test set that is the same for every `per_class`."""
    test_per_class = parameters.test_per_class or None
    largest = max(parameters.largest, *sizes(parameters))  # one test set for the whole curve
    split = sample_indices(images, per_class, parameters.split_seed, largest, test_per_class)
    train, test = images[split.train], images[split.test]
    return Sample(train.standardised(), train.labels, test.standardised(like=train), test.labels)


def sample_indices(
    images: ImageSet, per_class: int, split_seed: int, largest: int, test_per_class: int | None = None
) -> Split:
    """The paper's split of a loaded data set; the test images lie behind position `largest` of every class."""
    return few_sample_split(
        images.labels,
        per_class,
        split_seed,
        largest=max(largest, per_class),
        test_per_class=test_per_class,
        classes=images.classes,
    )


def train_networks(
    parameters: FewData,
    images: ImageSet,
    *,
    width: float,
    per_class: int,
    seeds: Sequence[int],
    label_noise: float | None = None,
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one network a seed from scratch, all as one ensemble, and return their rows.

    Args:
        parameters: everything that is not given here.
        images: the loaded data set.
        width: the networks' width.
        per_class: training images of each class.
        seeds: each fixes initialisation, batch order and label permutation of one network.
        label_noise: share of permuted training labels; default the declared one.
        progress: told every epoch.
    """
    given = sample(parameters, images, per_class)
    noise = parameters.label_noise if label_noise is None else label_noise
    labels = [permute_labels(given.train_labels, noise, torch.Generator().manual_seed(seed)) for seed in seeds]
    ensemble = Ensemble(lambda: _network(parameters, images, width), seeds, device=given.train.device)
    outcome = ensemble.train(
        given.train,
        torch.stack(labels),
        [settings(parameters, seed, given.train.device) for seed in seeds],
        test=(given.test, given.test_labels),
        progress=progress,
    )
    shared = {
        "arm": "network",
        "width": width,
        "weights": parameter_count(ensemble.member(0)),
        "per_class": per_class,
        "label_noise": noise,
        "class_count": len(images.classes),
        "train_images": len(given.train_labels),
        "test_images": len(given.test_labels),
    }
    return [shared | {"seed": seed} | measured(member) for seed, member in zip(seeds, outcome.members, strict=True)]


def settings(parameters: FewData, seed: int, device: torch.device) -> Settings:
    """How a network of the grid is trained."""
    return Settings(
        epochs=parameters.epochs,
        batch=parameters.batch or None,
        optimiser=parameters.optimiser,
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        schedule=parameters.schedule,
        augment=parameters.augment,
        stop_at_zero_error=parameters.stop_early,
        at_least=parameters.at_least,
        order_seed=seed,
        evaluate_every=max(1, parameters.epochs // 5),
        mixed_precision=device.type == "cuda",
    )


def measured(outcome: MemberOutcome) -> Row:
    """What is kept of one network's training."""
    return {
        "train_accuracy": outcome.train_accuracy,
        "train_accuracy_batch_statistics": outcome.train_accuracy_batch_statistics,
        "batch_norm_reestimated": outcome.batch_norm_reestimated,
        "test_accuracy": outcome.test_accuracy,
        "epochs_run": outcome.epochs,
        "steps": outcome.steps,
        "diverged_at_step": outcome.diverged_at_step,
        **{f"curve_{name}": values for name, values in outcome.curves.items()},
    }


def grid(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """Every width at every size, all seeds."""
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)
    for per_class in sizes(parameters):
        for width in parameters.widths:

            def work(progress: Progress, width: float = width, per_class: int = per_class) -> list[Row]:
                return train_networks(
                    parameters, images, width=width, per_class=per_class, seeds=seeds, progress=progress
                )

            cost = len(seeds) * parameters.epochs * (20 + per_class) * width**1.5
            yield Job(f"width {width:g}, {per_class} per class", cost, work)


def permuted(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """The control: labels permuted. Of the widths the middle one (the smaller of two), and few images, as many run."""
    width = sorted(parameters.widths)[(len(parameters.widths) - 1) // 2]
    per_class = min(5, parameters.per_class)
    patient = parameters.replace(epochs=2 * parameters.epochs, stop_early=True)  # noise takes longer to learn

    def work(progress: Progress) -> list[Row]:
        rows = train_networks(
            patient,
            images,
            width=width,
            per_class=per_class,
            seeds=range(parameters.permutations),
            label_noise=1.0,
            progress=progress,
        )
        return [row | {"arm": "permuted labels"} for row in rows]

    if parameters.permutations:
        cost = parameters.permutations * parameters.epochs * (20 + per_class) * width**1.5
        yield Job(f"{parameters.permutations} label permutations", cost, work)


def baselines(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """Nearest neighbour and logistic regression on raw pixels at every size."""
    methods = {"nearest neighbour": nearest_neighbour_accuracy, "logistic regression": logistic_regression_accuracy}
    for per_class in sizes(parameters):

        def work(progress: Progress, per_class: int = per_class) -> list[Row]:
            given = sample(parameters, images, per_class)
            rows = []
            for done, (arm, method) in enumerate(methods.items()):
                progress.update(done, len(methods), arm)
                reached = method(given.train, given.train_labels, given.test, given.test_labels)
                rows.append({"arm": arm, "per_class": per_class, "test_accuracy": reached})
            return rows

        yield Job(f"baselines, {per_class} per class", 1e4, work)


def learning_curve(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """Test error of an MLP with 100 hidden units against the total number of images, many random subsets a size."""
    for n in (n for n in CURVE_SIZES if parameters.repetitions and n <= 0.7 * len(images)):

        def work(progress: Progress, n: int = n) -> list[Row]:
            return _curve_point(images, n, parameters.repetitions, progress)

        yield Job(f"learning curve, {n} images", parameters.repetitions * 5.0 * n, work)


def _curve_point(images: ImageSet, n: int, repetitions: int, progress: Progress) -> list[Row]:
    pixels, labels = images.scaled(), images.labels
    orders = [torch.from_numpy(np.random.RandomState(r).permutation(len(images))) for r in range(repetitions)]
    ensemble = Ensemble(lambda: _mlp(images), range(repetitions), device=pixels.device)
    plan = Settings(
        epochs=400, batch=64, optimiser="adam", learning_rate=1e-3, stop_at_zero_error=True, evaluate_every=400
    )
    outcome = ensemble.train(
        pixels,
        labels,
        [replace(plan, order_seed=r) for r in range(repetitions)],
        subsets=[order[:n].to(pixels.device) for order in orders],
        test=[(pixels[order[n:]], labels[order[n:]]) for order in orders],
        progress=progress,
    )
    return [
        {
            "arm": "curve",
            "train_images": n,
            "test_images": len(images) - n,
            "seed": r,
            "train_accuracy": member.train_accuracy,
            "test_accuracy": member.test_accuracy,
            "epochs_run": member.epochs,
        }
        for r, member in enumerate(outcome.members)
    ]


def sizes(parameters: FewData) -> list[int]:
    """The training images a class at which networks are trained, in rising order."""
    return sorted({*parameters.sizes, parameters.per_class})


def _network(parameters: FewData, images: ImageSet, width: float) -> nn.Module:
    return build(
        parameters.arch,
        classes=len(images.classes),
        channels=images.images.shape[1],
        image_size=images.images.shape[-1],
        width=width,
        dropout=parameters.dropout,
    )


def _mlp(images: ImageSet) -> nn.Module:
    _, C, H, _ = images.images.shape
    return build("mlp", classes=len(images.classes), channels=C, image_size=H, width=100)
