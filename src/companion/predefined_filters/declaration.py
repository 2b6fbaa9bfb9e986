"""The parameters of the predefined_filters experiment, declared once."""

from typing import Literal

from companion.parameters import Parameters, parameter
from companion.predefined_filters.arms import ARMS
from companion.training import Schedule

NAMES = tuple(ARMS)
QUICK = ("pfnet", "no_blur", "no_relu", "random", "trainable", "dense", "dense_blur")
STANDARD = ("pfnet", "no_blur", "random", "dense", "dense_blur")  # what fits into ten minutes on two cores


class FewImages(Parameters):
    """Networks trained from scratch on few images of every class: what this experiment shares with edge_line's."""

    data: str = parameter(
        "digits", standard="folder:flowers17_128/flowers17_128.zip", paper="flowers102",
        help="data set by name, or folder:PATH for your own images",
    )  # fmt: skip
    image_size: int = parameter(16, standard=64, paper=224, low=8, high=512, unit="pixels", help="side length")
    fit: Literal["crop", "squash"] = parameter("crop", paper="squash", help="how photographs become squares")
    width: int = parameter(16, paper=64, low=4, high=256, log=True, unit="channels", help="channels of the first stage")
    per_class: int = parameter(20, low=1, high=5000, log=True, unit="images", help="training images per class")
    sizes: tuple[int, ...] = parameter(
        (5,), paper=(5, 10), low=1, high=5000, unit="images", help="further points of the curve"
    )
    largest: int = parameter(
        80, standard=40, paper=20, low=1, high=5000, unit="images", help="test images lie behind this position"
    )
    test_per_class: int = parameter(
        30, standard=0, low=0, high=10000, unit="images", help="test images per class; 0 for all the rest"
    )
    seeds: int = parameter(3, paper=5, low=1, high=50, help="number of seeds (initialisation, batch order)")
    seed: int = parameter(0, low=0, high=9999, help="first seed")
    split_seed: int = parameter(42, low=0, high=9999, help="seed of the data split")
    optimiser: Literal["lamb", "adam", "sgd"] = parameter("lamb", help="optimiser (LAMB: the authors')")
    learning_rate: float = parameter(
        0.03, standard=0.01, paper=0.003, low=1e-6, high=10, log=True, help="initial learning rate"
    )
    weight_decay: float = parameter(1.0, low=0, high=10, help="weight decay inside LAMB's trust ratio")
    steps: int = parameter(
        78, standard=550, paper=9600, low=1, high=1000000, log=True, help="optimiser steps, the same at every size"
    )
    batch: int = parameter(16, standard=32, paper=64, low=2, high=4096, unit="images", help="images a step")
    schedule: Schedule = parameter("steps", help="learning rate over time (steps: down to a thousandth)")
    augment: bool = parameter(False, standard=True, help="shift and mirror the training images at random")
    curve_points: int = parameter(
        1, standard=2, paper=10, low=1, high=100, help="points of a training curve; each costs a pass over all images"
    )


class PredefinedFilters(FewImages):
    """Parameters of the predefined_filters experiment."""

    arms: tuple[str, ...] = parameter(
        QUICK, standard=STANDARD, paper=NAMES, choices=NAMES, help="networks to compare at per_class images"
    )
    curve_arms: tuple[str, ...] = parameter(
        ("pfnet", "dense"), choices=NAMES, help="networks to train at the other sizes too"
    )
    depth: Literal["two stages", "18 layers"] = parameter(
        "two stages", standard="18 layers", help="two stages of one block, or the topology of ResNet18"
    )
    stem: Literal["auto", "cifar", "imagenet"] = parameter(
        "auto", help="first layer: cifar keeps the size, imagenet quarters it; auto takes cifar below 64 pixels"
    )
    stem_f: int = parameter(16, low=1, high=64, help="kernels that each colour channel meets in the stem (1 or 16)")
    n_angles: int = parameter(4, low=1, high=16, help="orientations of each family")
    sigma_edge: float = parameter(0.9, low=0.3, high=3, unit="pixels", help="width of the edge profile")
    sigma_line: float = parameter(0.45, low=0.2, high=2, unit="pixels", help="width of the line profile")
    init: Literal["pytorch", "kaiming_normal"] = parameter(
        "pytorch", help="PFNet's initialisation: what the authors' code does, or what the paper says"
    )
