"""Training one arm on few images of every class, one network a seed."""

from collections.abc import Sequence

from torch import nn

from companion.data import ImageSet
from companion.edge_line.arms import Arm, build, dimensions
from companion.edge_line.declaration import EdgeLine
from companion.ensemble import Ensemble
from companion.experiment import Row
from companion.predefined_filters import measured_cost
from companion.predefined_filters.measurements import ChannelsLast, measured, settings, split_of
from companion.progress import SILENT, Progress

SMALL = 32  # pixels; below, what a step costs is mostly the number of its operations


def train_arm(
    parameters: EdgeLine,
    images: ImageSet,
    arm: Arm,
    per_class: int,
    seeds: Sequence[int],
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one arm from scratch, a network a seed.

    Args:
        parameters: everything that is not given here.
        images: the loaded data set.
        arm: the network.
        per_class: training images of each class.
        seeds: each fixes initialisation, batch order and augmentation of one network.
        progress: told every epoch.

    Returns:
        One row a network.
    """
    split, device = split_of(parameters, images, per_class), images.images.device
    train, test = images[split.train], images[split.test]
    ensemble = Ensemble(lambda: network(parameters, images, arm), seeds, device=device)
    # Measured on a CPU: three networks as one program need 0.8 of the loop's time at 8 pixels, more than it at 64.
    together = "auto" if device.type == "cuda" else "vmap" if parameters.image_size < SMALL else "loop"
    outcome = ensemble.train(
        train.standardised(),
        train.labels,
        [settings(parameters, len(train), seed, device) for seed in seeds],
        test=(test.standardised(like=train), test.labels),
        method=together,
        progress=progress,
    )
    cost = measured_cost(ensemble.member(0), images.images.shape[1:])
    shared = {
        "part": "images",
        "arm": arm.label,
        "family": arm.family,
        "n_filters": arm.n_filters,
        "mode": arm.mode,
        "span": dimensions(arm.family, arm.n_filters),
        "per_class": per_class,
        "parameters": cost.parameters,
        "multiply_adds": cost.operations,
        "class_count": len(images.classes),
        "train_images": len(train),
        "test_images": len(test),
    }
    return [shared | {"seed": seed} | measured(one) for seed, one in zip(seeds, outcome.members, strict=True)]


def network(parameters: EdgeLine, images: ImageSet, arm: Arm) -> nn.Module:
    """The network of an arm for these images."""
    made = build(
        arm,
        parameters.host,
        len(images.classes),
        images.images.shape[1],
        width=parameters.width,
        small_images=parameters.image_size < 2 * SMALL,
        blur=parameters.blur,
        stem=parameters.stem,
        relu_mid=parameters.relu_mid,
        bn_mid=parameters.bn_mid,
    )
    return made if parameters.image_size < SMALL else nn.Sequential(ChannelsLast(), made)
