"""Rows of the image networks: a VGG or a ResNet of 32 x 32 images, one network at a time."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from companion.data import load
from companion.experiment import Row
from companion.networks import build, seeded
from companion.progress import SILENT, Progress
from companion.sugar.arms import Arm
from companion.sugar.modules import replace_modules
from companion.sugar.networks import vgg16, vgg_mini
from companion.sugar.stacked_training import Plan
from companion.sugar.statistics import gradient_norms, unit_statistics
from companion.training import Diverged, Outcome, Settings, accuracy, train

__all__ = ["ImageSample", "image_network", "image_rows", "image_sample"]

HISTOGRAM_BINS = 20
PROBE = 256  # images for the gradient norms before training


@dataclass(frozen=True)
class ImageSample:
    """Standardised images [N, C, H, W] with labels int64 [N], the number of classes, and how exact the pixels are."""

    data: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: int
    fidelity: str


def image_sample(data: str, train_images: int = 0, split_seed: int = 0, device: str = "cpu") -> ImageSample:
    """The official parts of a data set, standardised by channel; `train_images` drawn at random (0: all)."""
    train_set, test_set = load(data, "train", device=device), load(data, "test", device=device)
    if 0 < train_images < len(train_set):
        order = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(split_seed))
        train_set = train_set[order[:train_images].to(device)]
    return ImageSample(
        data,
        train_set.standardised(),
        train_set.labels,
        test_set.standardised(like=train_set),
        test_set.labels,
        len(train_set.classes),
        train_set.fidelity,
    )


def image_network(arch: str, arm: Arm, classes: int, plan: Plan, channels: int = 3) -> nn.Module:
    """A freshly initialised network of the arm; equal torch seeds give equal weights whatever the arm."""
    if arch == "vgg_mini":
        return vgg_mini(classes, plan.batch_norm, arm.module, channels, plan.width)
    if arch in ("vgg16", "vgg16_bn"):
        return vgg16(classes, arch == "vgg16_bn", arm.module, channels)
    return replace_modules(build(arch, classes=classes, channels=channels, image_size=32), arm.module)


def image_rows(
    part: str,
    arch: str,
    arm: Arm,
    seed: int,
    plan: Plan,
    sample: ImageSample,
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one network; one row with the columns of `perceptron_rows`, but without the course of the dead units."""
    network = seeded(lambda: image_network(arch, arm, sample.classes, plan, sample.train.shape[1]), seed)
    network = network.to(sample.train.device, memory_format=torch.channels_last)
    norms = gradient_norms(network.train(), sample.train[:PROBE], sample.train_labels[:PROBE])
    outcome = trained(network, sample, plan, seed, progress)
    units = unit_statistics(network, sample.train)
    counts = torch.cat([layer.counts for layer in units.values()]) / len(sample.train)
    described = {name: value for name, value in vars(plan).items() if name not in ("evaluations", "depth")}
    return [
        {
            "part": part,
            "arch": arch,
            "data": sample.data,
            "fidelity": sample.fidelity,
            "train_images": len(sample.train),
        }
        | {"test_images": len(sample.test), "seed": seed}
        | arm.describe()
        | described
        | {
            "test_accuracy": outcome.test_accuracy,
            "train_accuracy": outcome.train_accuracy,
            "train_loss": outcome.curves["train_loss"][-1] if outcome.curves["train_loss"] else math.nan,
            "train_seconds": outcome.seconds,
            "dead": sum(layer.dead for layer in units.values()) / len(units),
            "dead_by_layer": [layer.dead for layer in units.values()],
            "zeros": sum(layer.zeros for layer in units.values()) / len(units),
            "zeros_by_layer": [layer.zeros for layer in units.values()],
            "gradient_norms": list(norms.values()),
            "count_histogram": torch.histc(counts.float(), HISTOGRAM_BINS, 0, 1),
            "curve_epoch": outcome.curves["epoch"],
            "curve_test_accuracy": outcome.curves.get("test_accuracy", []),
            "curve_train_loss": outcome.curves["train_loss"],
        }
    ]


def trained(network: nn.Module, sample: ImageSample, plan: Plan, seed: int, progress: Progress) -> Outcome:
    """Train the network; where the loss diverges, the accuracies are those of the network as it was left."""
    settings = Settings(
        epochs=plan.epochs,
        batch=plan.batch,
        optimiser="adam" if plan.optimiser == "adam" else "sgd",
        learning_rate=plan.learning_rate,
        momentum=0.9 if plan.optimiser == "momentum" else 0.0,
        order_seed=seed,
        evaluate_every=max(1, plan.epochs // plan.evaluations),
        mixed_precision=sample.train.is_cuda,
    )
    test = (sample.test, sample.test_labels)
    try:
        return train(network, sample.train, sample.train_labels, settings, test=test, progress=progress)
    except Diverged:
        outcome = Outcome()
        network.eval()
        outcome.test_accuracy = accuracy(network, *test)
        outcome.train_accuracy = accuracy(network, sample.train, sample.train_labels)
        return outcome
