"""The measurement: networks of several widths on nested few-sample training sets, their controls and baselines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from companion.data import ImageSet, few_sample_split, load, permute_labels
from companion.errors import CompanionError
from companion.experiment import Experiment, Row
from companion.few_data.baselines import logistic_regression_accuracy, nearest_neighbour_accuracy
from companion.few_data.claims import CLAIMS
from companion.networks import build, parameter_count, seeded
from companion.parameters import Parameters, parameter
from companion.progress import SILENT, Part, Progress
from companion.training import Outcome, Schedule, Settings, train

Arch = Literal["cnn", "mlp", "resnet18", "resnet101", "vgg19", "vgg19_bn"]
PARTS = ("grid", "permuted", "baselines", "curve")


class FewData(Parameters):
    """Parameters of the few_data experiment."""

    data: str = parameter("digits", standard="caltech101", help="data set by name, or folder:PATH for your own images")
    classes: tuple[str, ...] = parameter(
        (), standard=("Motorbikes", "airplanes"), help="keep these classes only; empty for all"
    )
    arch: Arch = parameter("cnn", standard="vgg19_bn", help="architecture")
    widths: tuple[float, ...] = parameter(
        (4, 16, 48), standard=(0.125, 0.25, 0.5), paper=(1,), low=0.01, high=512,
        help="width multipliers (cnn and mlp: the widths themselves)",
    )  # fmt: skip
    per_class: int = parameter(20, low=1, high=140, log=True, unit="images", help="training images per class")
    sizes: tuple[int, ...] = parameter(
        (1, 5, 20), standard=(5, 20), paper=(10, 20, 40, 80, 140), low=1, high=140, unit="images",
        help="further points of the learning curve",
    )  # fmt: skip
    largest: int = parameter(
        100, standard=140, low=1, high=1000, unit="images", help="test images lie behind this position of each class"
    )
    test_per_class: int = parameter(
        0, standard=200, paper=0, low=0, high=10000, unit="images", help="test images per class; 0 for all the rest"
    )
    image_size: int = parameter(8, standard=64, paper=224, low=8, high=512, unit="pixels", help="side length")
    fit: Literal["crop", "squash"] = parameter("crop", help="how photographs become squares")
    seeds: int = parameter(3, paper=5, low=1, high=50, help="number of seeds (initialisation and batch order)")
    seed: int = parameter(0, low=0, high=9999, help="first seed")
    split_seed: int = parameter(42, low=0, high=9999, help="seed of the data split")
    optimiser: Literal["lamb", "adam", "sgd"] = parameter(
        "adam", standard="lamb", help="optimiser (LAMB: the authors')"
    )
    learning_rate: float = parameter(1e-3, standard=3e-3, paper=1e-3, low=1e-6, high=10, log=True, help="learning rate")
    epochs: int = parameter(60, standard=60, paper=3000, low=1, high=100000, help="passes over the training set")
    batch: int = parameter(0, standard=64, low=0, high=4096, unit="images", help="images a step; 0 for all at once")
    schedule: Schedule = parameter("constant", paper="steps", help="learning rate over time")
    stop_early: bool = parameter(False, standard=True, paper=False, help="stop at zero training error")
    weight_decay: float = parameter(0.0, low=0, high=1, help="hidden regulariser: weight decay lambda")
    dropout: float = parameter(0.0, low=0, high=0.5, help="hidden regulariser: dropout probability (VGG, MLP)")
    augment: bool = parameter(False, help="hidden regulariser: shift and mirror the training images")
    label_noise: float = parameter(0.0, low=0, high=1, help="share of the training labels that are permuted")
    permutations: int = parameter(20, standard=20, low=0, high=200, help="networks trained on permuted labels")
    repetitions: int = parameter(20, standard=0, low=0, high=200, help="repetitions of the MLP's learning curve")
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")


@dataclass(frozen=True)
class _Sample:
    """One few-sample training set with its test set, ready for a network."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def run(parameters: FewData, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure all parts; one row a network (``arm``: ``network``, ``permuted labels``, baselines, ``curve``)."""
    images = load(
        parameters.data,
        size=parameters.image_size,
        fit=parameters.fit,
        classes=parameters.classes or None,
        device=device,
    )
    jobs = [job for part in parameters.parts for job in _JOBS[part](parameters, images)]
    total = sum(cost for _, cost, _ in jobs)
    rows, done = [], 0.0
    for label, cost, job in jobs:
        rows += job(Part(progress, done, cost, total, label))
        done += cost
    return rows


def sample(parameters: FewData, images: ImageSet, per_class: int) -> _Sample:
    """The training set of `per_class` images a class and the fixed test set, standardised by the training set."""
    split = few_sample_split(
        images.labels,
        per_class,
        parameters.split_seed,
        largest=max(parameters.largest, per_class),
        test_per_class=parameters.test_per_class or None,
        classes=images.classes,
    )
    train_set, test_set = images[split.train], images[split.test]
    return _Sample(train_set.standardised(), train_set.labels, test_set.standardised(like=train_set), test_set.labels)


def train_one(
    parameters: FewData,
    images: ImageSet,
    *,
    width: float,
    per_class: int,
    seed: int,
    label_noise: float | None = None,
    progress: Progress = SILENT,
) -> Row:
    """Train one network from scratch and return its row.

    Args:
        parameters: everything that is not given here.
        images: the loaded data set.
        width: the network's width.
        per_class: training images of each class.
        seed: of initialisation, batch order and label permutation.
        label_noise: share of permuted training labels; default the declared one.
        progress: told every epoch.
    """
    given = sample(parameters, images, per_class)
    noise = parameters.label_noise if label_noise is None else label_noise
    labels = permute_labels(given.train_labels, noise, torch.Generator().manual_seed(seed))
    network = seeded(lambda: _network(parameters, images, width), seed).to(given.train.device)
    settings = Settings(
        epochs=parameters.epochs,
        batch=parameters.batch or None,
        optimiser=parameters.optimiser,
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        schedule=parameters.schedule,
        augment=parameters.augment,
        stop_at_zero_error=parameters.stop_early,
        order_seed=seed,
        evaluate_every=max(1, parameters.epochs // 6),
        mixed_precision=given.train.device.type == "cuda",
    )
    outcome = train(network, given.train, labels, settings, test=(given.test, given.test_labels), progress=progress)
    return {
        "arm": "network",
        "width": width,
        "weights": parameter_count(network),
        "per_class": per_class,
        "label_noise": noise,
        "seed": seed,
        "class_count": len(images.classes),
        "train_images": len(labels),
        "test_images": len(given.test_labels),
        **_measured(outcome),
    }


def _network(parameters: FewData, images: ImageSet, width: float) -> torch.nn.Module:
    return build(
        parameters.arch,
        classes=len(images.classes),
        channels=images.images.shape[1],
        image_size=images.images.shape[-1],
        width=width,
        dropout=parameters.dropout,
    )


def _measured(outcome: Outcome) -> Row:
    return {
        "train_accuracy": outcome.train_accuracy,
        "train_accuracy_batch_statistics": outcome.train_accuracy_batch_statistics,
        "batch_norm_reestimated": outcome.batch_norm_reestimated,
        "test_accuracy": outcome.test_accuracy,
        "epochs_run": outcome.epochs,
        "steps": outcome.steps,
        "train_seconds": outcome.seconds,
        **{f"curve_{name}": values for name, values in outcome.curves.items()},
    }


Job = tuple[str, float, Any]


def _grid(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    for per_class in sorted({*parameters.sizes, parameters.per_class}):
        for width in parameters.widths:
            for seed in range(parameters.seed, parameters.seed + parameters.seeds):

                def job(progress: Progress, width=width, per_class=per_class, seed=seed) -> list[Row]:
                    return [
                        train_one(parameters, images, width=width, per_class=per_class, seed=seed, progress=progress)
                    ]

                cost = parameters.epochs * (20 + per_class) * width**1.5
                yield f"width {width:g}, {per_class} per class, seed {seed}", cost, job


def _permuted(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """The control: the same network, training labels permuted. The middle width; few images, as it is the cheapest."""
    width = sorted(parameters.widths)[len(parameters.widths) // 2]
    per_class = min(5, parameters.per_class)
    for seed in range(parameters.permutations):

        def job(progress: Progress, seed=seed) -> list[Row]:
            row = train_one(
                parameters, images, width=width, per_class=per_class, seed=seed, label_noise=1.0, progress=progress
            )
            return [row | {"arm": "permuted labels"}]

        yield f"permuted labels {seed}", parameters.epochs * (20 + per_class) * width**1.5, job


def _baselines(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    methods = {
        "nearest neighbour": nearest_neighbour_accuracy,
        "logistic regression": logistic_regression_accuracy,
    }
    for per_class in sorted({*parameters.sizes, parameters.per_class}):

        def job(progress: Progress, per_class=per_class) -> list[Row]:
            given = sample(parameters, images, per_class)
            progress.update(0, 1)
            return [
                {
                    "arm": arm,
                    "per_class": per_class,
                    "test_accuracy": method(given.train, given.train_labels, given.test, given.test_labels),
                }
                for arm, method in methods.items()
            ]

        yield f"baselines, {per_class} per class", 20.0, job


CURVE_SIZES = (10, 20, 50, 100, 200, 500, 1200)


def _curve(parameters: FewData, images: ImageSet) -> Iterator[Job]:
    """The learning curve of an MLP with 100 hidden units against the total number of images."""
    for n in (n for n in CURVE_SIZES if n <= 0.7 * len(images)):
        for repetition in range(parameters.repetitions):

            def job(progress: Progress, n=n, repetition=repetition) -> list[Row]:
                return [_curve_point(images, n, repetition, progress)]

            yield f"learning curve, {n} images", 5.0 * n**0.5, job


def _curve_point(images: ImageSet, n: int, repetition: int, progress: Progress) -> Row:
    order = np.random.RandomState(repetition).permutation(len(images))
    train_set = images[torch.from_numpy(order[:n]).to(images.labels.device)]
    test_set = images[torch.from_numpy(order[n:]).to(images.labels.device)]
    network = seeded(
        lambda: build(
            "mlp", classes=len(images.classes), channels=images.images.shape[1],
            image_size=images.images.shape[-1], width=100,
        ),
        repetition,
    ).to(images.labels.device)  # fmt: skip
    settings = Settings(
        epochs=400,
        batch=64,
        optimiser="adam",
        learning_rate=1e-3,
        stop_at_zero_error=True,
        order_seed=repetition,
        evaluate_every=400,
    )
    outcome = train(network, train_set.scaled(), train_set.labels, settings, progress=progress,
                    test=(test_set.scaled(), test_set.labels))  # fmt: skip
    return {
        "arm": "curve",
        "train_images": n,
        "test_images": len(test_set),
        "seed": repetition,
        "train_accuracy": outcome.train_accuracy,
        "test_accuracy": outcome.test_accuracy,
        "epochs_run": outcome.epochs,
    }


_JOBS = {"grid": _grid, "permuted": _permuted, "baselines": _baselines, "curve": _curve}


def point(values: dict[str, Any], progress: Progress = SILENT) -> list[Row]:
    """Train the one network that a reader asks for with the live controls; `values` override the declaration."""
    scale = values.pop("scale", "quick")
    width = values.pop("width", None)
    parameters = FewData.at(scale, **values)
    width = float(width) if width is not None else parameters.widths[0]
    if width <= 0:
        raise CompanionError(f"The width is {width:g}: it must be positive.")
    images = load(parameters.data, size=parameters.image_size, fit=parameters.fit, classes=parameters.classes or None)
    row = train_one(
        parameters, images, width=width, per_class=parameters.per_class, seed=parameters.seed, progress=progress
    )
    return [parameters.values() | row]


EXPERIMENT = Experiment(
    name="few_data",
    title="Large Neural Networks Learning from Scratch with Very Few Data and without Explicit Regularization",
    paper="linse2023few",
    parameters=FewData,
    run=run,
    claims=CLAIMS,
)
