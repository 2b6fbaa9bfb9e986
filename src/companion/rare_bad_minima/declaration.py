"""The parameters of the rare_bad_minima experiment, declared once."""

import math
from typing import Literal

from companion.parameters import Parameters, parameter

PARTS = ("density", "widths", "permuted", "sequential", "trained", "bad minima", "convolutional", "photographs")


class RareBadMinima(Parameters):
    """Parameters of the rare_bad_minima experiment."""

    data: str = parameter("digits", standard="mnist", help="data set by name, or blobs or moons (points in the plane)")
    pairs: tuple[str, ...] = parameter(
        ("0 vs 1", "3 vs 8"), standard=("0 vs 1", "4 vs 9", "3 vs 8"),
        help="the tasks, two classes each; sequential Monte Carlo runs on the last one",
    )  # fmt: skip
    image_size: int = parameter(8, standard=14, low=1, high=64, unit="pixels", help="side length, by average pooling")
    pool: int = parameter(0, standard=2000, low=0, high=70000, unit="images", help="images of the truth; 0 for all")
    label_noise: float = parameter(0.0, low=0, high=1, help="share of the pool's labels that are permuted, for good")
    width: int = parameter(20, low=1, high=1000, log=True, help="hidden units a layer")
    depth: int = parameter(1, low=1, high=4, help="hidden layers")
    activation: Literal["relu", "tanh", "erf"] = parameter("relu", help="activation")
    weight_sd: float = parameter(math.sqrt(2), low=0.1, high=3, help="weights: deviation times square root of fan-in")
    bias_sd: float = parameter(0.1, low=0, high=2, help="biases: deviation")
    networks: int = parameter(
        50_000, standard=100_000, paper=10_000_000, low=1000, high=100_000_000, log=True, help="random networks a task"
    )
    sizes: tuple[int, ...] = parameter(
        (1, 2, 4, 6, 10, 15, 20, 30), paper=(1, 2, 4, 6, 10, 15, 20, 30, 50, 70), low=0, high=200, unit="samples",
        help="numbers of training samples n",
    )  # fmt: skip
    training_sets: int = parameter(400, standard=300, low=10, high=2000, help="fixed training sets a size")
    draws: int = parameter(4, low=0, high=100, help="fresh training sets a network, for joint sampling")
    epsilon: float = parameter(0.1, low=0.01, high=0.5, help="a minimum is bad above this true error")
    widths: tuple[int, ...] = parameter(
        (2, 20, 100), standard=(2, 5, 20, 100), paper=(1, 2, 5, 20, 100, 400), low=1, high=1000,
        help="widths of the width control, on the first task",
    )  # fmt: skip
    width_networks: int = parameter(
        20_000, paper=1_000_000, low=1000, high=100_000_000, log=True, help="random networks a width"
    )
    width_samples: int = parameter(30, low=1, high=200, unit="samples", help="n at which widths are compared")
    permutations: int = parameter(20, standard=10, low=0, high=200, help="permutations of the pool's labels")
    permuted_networks: int = parameter(
        4000, standard=8000, low=1000, high=10_000_000, log=True, help="networks a label permutation"
    )
    sequential_sizes: tuple[int, ...] = parameter(
        (10, 30, 50), standard=(10, 30, 50, 100), low=1, high=500, unit="samples", help="n of sequential Monte Carlo"
    )
    sequential_sets: int = parameter(8, standard=8, paper=24, low=0, high=200, help="training sets of it")
    particles: int = parameter(
        128, standard=256, paper=2048, low=16, high=100_000, log=True, help="particles a training set"
    )
    moves: int = parameter(25, paper=100, low=1, high=1000, help="Crank-Nicolson moves a stage")
    runs: int = parameter(100, paper=1000, low=10, high=10_000, log=True, help="networks trained by gradient descent")
    trained_sizes: tuple[int, ...] = parameter(
        (2, 10, 30, 50), standard=(2, 10, 30, 50, 100), low=1, high=1000, unit="samples", help="n of the trained ones"
    )
    optimiser: Literal["adam", "sgd", "lamb"] = parameter("adam", help="optimiser, full batch")
    learning_rate: float = parameter(1e-2, low=1e-5, high=10, log=True, help="learning rate")
    steps: int = parameter(300, low=1, high=100_000, unit="steps", help="most optimiser steps")
    at_least: int = parameter(50, low=0, high=100_000, unit="steps", help="steps before an early stop")
    mislabelled: int = parameter(40, low=1, high=1000, unit="samples", help="wrong labels that make bad minima")
    convolutional_networks: int = parameter(
        0, standard=1500, paper=100_000, low=0, high=10_000_000, help="random CNNs on the first task; 0 for none"
    )
    photographs: str = parameter(
        "", paper="caltech101", help="photographs of motorbikes and airplanes to train deep networks on; empty for none"
    )
    photo_archs: tuple[str, ...] = parameter(
        ("resnet18",), paper=("vgg19_bn", "resnet18"), choices=("resnet18", "vgg19", "vgg19_bn"), help="deep networks"
    )
    photo_width: float = parameter(0.125, paper=1.0, low=0.01, high=4, help="multiplies their numbers of channels")
    photo_size: int = parameter(48, paper=224, low=16, high=512, unit="pixels", help="side length of the photographs")
    photo_per_class: tuple[int, ...] = parameter(
        (2, 5, 10, 20), paper=(2, 5, 10, 20, 40), low=1, high=500, unit="images", help="training images per class"
    )
    photo_runs: int = parameter(30, paper=100, low=2, high=10_000, log=True, help="networks a number of images")
    photo_epochs: int = parameter(300, paper=3000, low=1, high=100_000, help="most passes over the training images")
    photo_test: int = parameter(200, low=10, high=700, unit="images", help="test images per class")
    seed: int = parameter(0, low=0, high=9999, help="seed of everything")
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
