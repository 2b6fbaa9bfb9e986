"""The parameters of the edge_line experiment, declared once."""

from typing import Literal

from companion.edge_line.banks import FAMILIES
from companion.edge_line.toy import BANKS
from companion.parameters import parameter
from companion.predefined_filters.declaration import FewImages

PARTS = ("dashes", "images")
PATTERNS = tuple(BANKS)


class EdgeLine(FewImages):
    """Parameters of the edge_line experiment."""

    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
    banks: tuple[str, ...] = parameter(PATTERNS, choices=PATTERNS, help="dashes: filter banks to train on")
    dash_sizes: tuple[int, ...] = parameter(
        (4, 8, 16, 32, 128, 1024), low=1, high=1024, unit="images", help="dashes: training images in total"
    )
    dash_seeds: int = parameter(5, low=1, high=50, help="dashes: number of seeds (training images, random kernels)")
    twin_filters: tuple[int, ...] = parameter((2, 16), low=1, high=256, help="dashes: kernels of the learned twins")
    twin_sizes: tuple[int, ...] = parameter(
        (8, 128), standard=(8, 32, 128, 1024), low=1, high=1024, unit="images", help="dashes: the twins' images"
    )
    image_size: int = parameter(8, standard=64, paper=224, low=8, high=512, unit="pixels", help="side length")
    host: Literal["small_resnet", "resnet18", "densenet121"] = parameter(
        "small_resnet", paper="resnet18", help="the network whose 3x3 convolutions are replaced"
    )
    width: int = parameter(
        8, standard=16, paper=64, low=4, high=256, log=True, unit="channels", help="channels of the first stage"
    )
    n_filters: int = parameter(9, low=1, high=32, help="filters that each channel meets")
    families: tuple[str, ...] = parameter(
        ("edge+line", "random", "translating"), paper=FAMILIES, choices=(*FAMILIES, "learned"),
        help="filter families to compare with the dense host",
    )  # fmt: skip
    filter_counts: tuple[int, ...] = parameter(
        (2, 16), paper=(1, 2, 4, 8, 12, 16), low=1, high=32, help="further numbers of filters, edges and lines"
    )
    wide_families: tuple[str, ...] = parameter(
        (), standard=("edge",), choices=FAMILIES[:4], help="families with sixteen filters too: as many, another span"
    )
    one_filter_counts: tuple[int, ...] = parameter(
        (2, 16), paper=(2, 4, 9, 16), low=1, high=32, help="numbers of filters where each channel meets only one"
    )
    curve_families: tuple[str, ...] = parameter(
        ("edge+line",), choices=(*FAMILIES, "learned"), help="families to train at the other sizes too"
    )
    bn_mid: Literal["none", "plain", "affine"] = parameter("none", help="batch-norm between fixed filters and ReLU")
    relu_mid: bool = parameter(True, help="the ReLU after the fixed filters")
    stem: Literal["learned", "pfm"] = parameter("learned", help="the first layer: learned, or fixed filters as well")
    blur: bool = parameter(True, help="3x3 Gaussian before the stride-2 skips, in every network alike")
    per_class: int = parameter(
        10, paper=20, low=1, high=5000, log=True, unit="images", help="training images per class"
    )
    sizes: tuple[int, ...] = parameter(
        (2, 40), standard=(5, 20), paper=(5, 10), low=1, high=5000, unit="images", help="further points of the curve"
    )
    largest: int = parameter(
        40, standard=20, low=1, high=5000, unit="images", help="test images lie behind this position"
    )
    test_per_class: int = parameter(
        40, standard=0, low=0, high=10000, unit="images", help="test images per class; 0 for all the rest"
    )
    steps: int = parameter(
        60, standard=300, paper=9600, low=1, high=1000000, log=True, help="optimiser steps, the same at every size"
    )
    curve_points: int = parameter(
        1, paper=10, low=1, high=100, help="points of a training curve; each costs a pass over all images"
    )
