"""The parameters of the sugar experiment, declared once."""

from typing import Literal

from companion.parameters import Parameters, parameter
from companion.sugar.surrogates import PAPER_SURROGATES, SURROGATES

Architecture = Literal["mlp", "vgg_mini", "vgg16_bn", "vgg16", "resnet18"]
NAMES = tuple(PAPER_SURROGATES)
PARTS = ("mechanics", "comparison", "rates", "silence", "landscape")


class Sugar(Parameters):
    """Parameters of the sugar experiment."""

    data: str = parameter("digits", standard="cifar10", help="data set by name, or folder:PATH for your own images")
    arch: Architecture = parameter("mlp", standard="vgg_mini", paper="vgg16_bn", help="network of the comparison")
    surrogate: str = parameter("b_silu", choices=NAMES, help="surrogate f whose derivative is injected")
    alpha: float = parameter(
        -1.0, low=-1, high=4, help="shape of f; negative takes its own (B-SiLU 1.67, NeLU 0.05, LeakyReLU 0.01, ELU 1)"
    )
    positive_side: bool = parameter(True, help="inject for x > 0 as well, as the paper does")
    others: tuple[str, ...] = parameter(
        ("elu", "silu", "leaky_relu", "nelu"), standard=(),
        paper=tuple(name for name in NAMES if name != "b_silu"), choices=tuple(SURROGATES),
        help="further surrogates to compare with",
    )  # fmt: skip
    forward: tuple[str, ...] = parameter(
        ("b_silu", "leaky_relu"), standard=("b_silu",), paper=NAMES, choices=NAMES,
        help="functions f that are also trained as activation, with their own gradient",
    )  # fmt: skip
    all_controls: bool = parameter(
        False, paper=True, help="train a gain-matched control for every surrogate, not for the chosen one alone"
    )
    depth: int = parameter(8, low=1, high=16, unit="layers", help="hidden layers of the mlp")
    width: int = parameter(
        32, standard=16, paper=32, low=4, high=256, unit="units", help="units of a hidden layer; channels of vgg_mini"
    )
    bias_init: float = parameter(0.0, low=-5, high=0, help="initial bias of every hidden unit of the mlp")
    batch_norm: bool = parameter(False, help="batch normalisation before the activation (mlp, vgg_mini)")
    optimiser: Literal["sgd", "momentum", "adam"] = parameter("sgd", help="optimiser; momentum is SGD with 0.9")
    learning_rate: float = parameter(0.01, paper=0.001, low=1e-4, high=1, log=True, help="learning rate")
    rates: tuple[float, ...] = parameter(
        (0.03, 0.1), standard=(0.05,), paper=(0.003, 0.01, 0.03, 0.1), low=1e-4, high=1,
        help="further learning rates, for ReLU, its gain-matched control and SUGAR",
    )  # fmt: skip
    train_images: int = parameter(
        1000, standard=2000, paper=0, low=0, high=50000, unit="images", help="training images; 0 for all"
    )
    batch: int = parameter(50, standard=20, paper=128, low=1, high=1024, unit="images", help="images a step")
    epochs: int = parameter(30, standard=10, paper=50, low=1, high=1000, help="passes over the training set")
    evaluations: int = parameter(6, standard=5, low=1, high=100, help="points of the curves after the start")
    seeds: int = parameter(5, standard=3, paper=5, low=1, high=50, help="number of seeds (weights and batch order)")
    seed: int = parameter(0, low=0, high=9999, help="first seed")
    split_seed: int = parameter(0, low=0, high=9999, help="seed of the data split")
    silent_biases: tuple[float, ...] = parameter(
        (-2.0, -4.0), low=-8, high=0, help="initial biases of the silent start"
    )
    silent_seeds: int = parameter(3, standard=10, low=1, high=50, help="seeds of the silent start")
    grid: int = parameter(11, low=3, high=101, unit="points", help="side of the loss slices")
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
