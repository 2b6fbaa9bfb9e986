"""Training one arm on few images of every class, one network a seed."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from companion.data import ImageSet, Split, few_sample_split, load
from companion.ensemble import Ensemble, MemberOutcome
from companion.experiment import Row
from companion.predefined_filters.arms import ARMS, build
from companion.predefined_filters.counts import measured_cost
from companion.predefined_filters.declaration import FewImages, PredefinedFilters
from companion.predefined_filters.pfnet import STAGES_18
from companion.progress import SILENT, Progress
from companion.training import Settings

SMALL = 32  # pixels; below, what a step costs is mostly the number of its operations
LAYOUTS = {"two stages": ((1, 2), (1, 1)), "18 layers": (STAGES_18, (2, 2, 2, 2))}


class ChannelsLast(nn.Module):
    """Hands the images on with their channels last in memory, which saves a CPU a fifth of a PFNet's step."""

    def forward(self, images: Tensor) -> Tensor:
        return images.contiguous(memory_format=torch.channels_last)


def load_images(parameters: FewImages, device: str = "cpu", progress: Progress = SILENT) -> ImageSet:
    """The data set that the parameters name, at their size; digits are enlarged by bilinear interpolation."""
    images = load(parameters.data, size=parameters.image_size, fit=parameters.fit, device=device, progress=progress)
    side = parameters.image_size
    if images.images.shape[-1] == side:
        return images
    pixels = interpolate(images.scaled(), (side, side), mode="bilinear").mul(255).round().to(torch.uint8)
    return ImageSet(images.name, pixels, images.labels, images.classes, 255, f"{images.fidelity}, enlarged to {side}")


def split_of(parameters: FewImages, images: ImageSet, per_class: int) -> Split:
    """The training images, nested in `per_class`, and test images that are the same for every `per_class`."""
    return few_sample_split(
        images.labels,
        per_class,
        parameters.split_seed,
        largest=max(parameters.largest, parameters.per_class, per_class),
        test_per_class=parameters.test_per_class or None,
        classes=images.classes,
    )


def train_arm(
    parameters: PredefinedFilters,
    images: ImageSet,
    arm: str,
    per_class: int,
    seeds: Sequence[int],
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one arm, a name of :data:`~companion.predefined_filters.arms.ARMS`; else as :func:`train_networks`."""
    factors = {"arm": arm, "network": "dense" if ARMS[arm].dense else "pfnet"}
    make = partial(network, parameters, images, arm)
    return train_networks(parameters, images, make, factors, per_class, seeds, progress)


def train_networks(
    parameters: FewImages,
    images: ImageSet,
    make: Callable[[], nn.Module],
    factors: Row,
    per_class: int,
    seeds: Sequence[int],
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one kind of network from scratch on few images of every class, a network a seed.

    Args:
        parameters: how it is trained, and on how many images it is tested.
        images: the loaded data set.
        make: builds a network with random weights.
        factors: what tells this kind of network from the others; it goes into every row.
        per_class: training images of each class.
        seeds: each fixes initialisation, batch order and augmentation of one network.
        progress: told every epoch.

    Returns:
        One row a network.
    """
    split, device = split_of(parameters, images, per_class), images.images.device
    train, test = images[split.train], images[split.test]
    small = parameters.image_size < SMALL
    ensemble = Ensemble(make if small else lambda: nn.Sequential(ChannelsLast(), make()), seeds, device=device)
    # Measured on a CPU: three networks as one program need 0.8 of the loop's time at 8 pixels, 0.85 at 16, 1.1 at 64.
    together = "auto" if device.type == "cuda" else "vmap" if small else "loop"
    outcome = ensemble.train(
        train.standardised(),
        train.labels,
        [settings(parameters, len(train), seed, device) for seed in seeds],
        test=(test.standardised(like=train), test.labels),
        method=together,
        progress=progress,
    )
    cost = measured_cost(ensemble.member(0), images.images.shape[1:])
    shared = factors | {
        "per_class": per_class,
        "parameters": cost.parameters,
        "multiply_adds": cost.operations,
        "class_count": len(images.classes),
        "train_images": len(train),
        "test_images": len(test),
    }
    return [shared | {"seed": seed} | measured(one) for seed, one in zip(seeds, outcome.members, strict=True)]


def network(parameters: PredefinedFilters, images: ImageSet, arm: str) -> nn.Module:
    """The network of an arm for these images."""
    multiples, blocks = LAYOUTS[parameters.depth]
    by_size = "cifar" if parameters.image_size < 64 else "imagenet"
    return build(
        ARMS[arm],
        len(images.classes),
        images.images.shape[1],
        [parameters.width * multiple for multiple in multiples],
        blocks,
        stem=by_size if parameters.stem == "auto" else parameters.stem,
        stem_f=parameters.stem_f,
        n_angles=parameters.n_angles,
        sigma_edge=parameters.sigma_edge,
        sigma_line=parameters.sigma_line,
        init=parameters.init,
    )


def settings(parameters: FewImages, train_images: int, seed: int, device: torch.device) -> Settings:
    """How a network is trained: as many epochs as the declared steps take."""
    epochs = max(1, math.ceil(parameters.steps / math.ceil(train_images / parameters.batch)))
    return Settings(
        epochs=epochs,
        batch=parameters.batch,
        optimiser=parameters.optimiser,
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        schedule=parameters.schedule,
        augment=parameters.augment,
        order_seed=seed,
        evaluate_every=max(1, math.ceil(epochs / parameters.curve_points)),
        mixed_precision=device.type == "cuda",
    )


def measured(outcome: MemberOutcome) -> Row:
    """What is kept of one network's training."""
    return {
        "train_accuracy": outcome.train_accuracy,
        "test_accuracy": outcome.test_accuracy,
        "batch_norm_reestimated": outcome.batch_norm_reestimated,
        "epochs_run": outcome.epochs,
        "steps_run": outcome.steps,
        "diverged_at_step": outcome.diverged_at_step,
        **{f"curve_{name}": values for name, values in outcome.curves.items()},
    }
