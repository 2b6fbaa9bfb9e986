"""Training one arm on few images of every class, one network a seed."""

from collections.abc import Sequence
from functools import partial

from torch import nn

from companion.data import ImageSet
from companion.edge_line.arms import Arm, build, dimensions
from companion.edge_line.declaration import EdgeLine
from companion.experiment import Row
from companion.predefined_filters.measurements import train_networks
from companion.progress import SILENT, Progress


def train_arm(
    parameters: EdgeLine,
    images: ImageSet,
    arm: Arm,
    per_class: int,
    seeds: Sequence[int],
    progress: Progress = SILENT,
) -> list[Row]:
    """Train one arm from scratch, a network a seed; arguments as for :func:`train_networks`, one row a network."""
    factors = {
        "part": "images",
        "arm": arm.label,
        "family": arm.family,
        "n_filters": arm.n_filters,
        "mode": arm.mode,
        "span": dimensions(arm.family, arm.n_filters),
    }
    make = partial(network, parameters, images, arm)
    return train_networks(parameters, images, make, factors, per_class, seeds, progress)


def network(parameters: EdgeLine, images: ImageSet, arm: Arm) -> nn.Module:
    """The network of an arm for these images."""
    return build(
        arm,
        parameters.host,
        len(images.classes),
        images.images.shape[1],
        width=parameters.width,
        small_images=parameters.image_size < 64,
        blur=parameters.blur,
        stem=parameters.stem,
        relu_mid=parameters.relu_mid,
        bn_mid=parameters.bn_mid,
    )
