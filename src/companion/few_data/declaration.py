"""The parameters of the few_data experiment, declared once."""

from typing import Literal

from companion.parameters import Parameters, parameter
from companion.training import Schedule

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
        (4, 16, 48), standard=(0.0625, 0.25), paper=(1,), low=0.01, high=512,
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
    learning_rate: float = parameter(3e-3, paper=1e-3, low=1e-6, high=10, log=True, help="learning rate")
    epochs: int = parameter(40, standard=60, paper=3000, low=1, high=100000, help="passes over the training set")
    batch: int = parameter(0, standard=64, low=0, high=4096, unit="images", help="images a step; 0 for all at once")
    schedule: Schedule = parameter("constant", paper="steps", help="learning rate over time")
    stop_early: bool = parameter(False, help="stop at zero training error")
    at_least: int = parameter(20, paper=3000, low=0, high=100000, help="optimiser steps before an early stop")
    weight_decay: float = parameter(0.0, low=0, high=1, help="hidden regulariser: weight decay lambda")
    dropout: float = parameter(0.0, low=0, high=0.5, help="hidden regulariser: dropout probability (VGG, MLP)")
    augment: bool = parameter(False, help="hidden regulariser: shift and mirror the training images")
    label_noise: float = parameter(0.0, low=0, high=1, help="share of the training labels that are permuted")
    permutations: int = parameter(20, standard=20, low=0, high=200, help="networks trained on permuted labels")
    repetitions: int = parameter(5, standard=0, low=0, high=200, help="repetitions of the MLP's learning curve")
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
