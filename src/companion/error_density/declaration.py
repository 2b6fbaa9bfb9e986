"""The parameters of the error_density experiment, declared once."""

from typing import Literal

from companion.parameters import Parameters, parameter

PARTS = ("kernel", "density", "smc", "gradient", "widths", "difficulty", "curve")


class ErrorDensity(Parameters):
    """Parameters of the error_density experiment."""

    data: str = parameter("digits", standard="mnist", help="data set by name, or folder:PATH for your own images")
    pairs: tuple[str, ...] = parameter(("0 vs 1", "3 vs 8"), help="binary tasks, two names of classes each")
    image_size: int = parameter(8, standard=14, low=4, high=64, unit="pixels", help="side length in the binary tasks")
    pool: int = parameter(
        0, standard=1000, low=0, high=100_000, unit="images", help="most images of a binary task; 0 for all"
    )
    hidden: int = parameter(20, low=1, high=1000, unit="units", help="hidden units of the random networks")
    nets: int = parameter(
        50_000, paper=10_000_000, low=1000, high=1_000_000_000, log=True,
        help="random networks for the density, and as many others for rejection sampling",
    )  # fmt: skip
    sizes: tuple[int, ...] = parameter(
        (5, 10, 15, 20, 30, 50, 75, 100), low=1, high=10_000, unit="images",
        help="training images of the binary tasks, both classes together",
    )  # fmt: skip
    sets: int = parameter(200, low=20, high=100_000, help="training sets for rejection sampling")
    epsilon: float = parameter(0.1, low=0.001, high=0.5, help="error above which a solution counts as bad")
    smc_pairs: tuple[str, ...] = parameter(
        ("3 vs 8",), help="tasks whose random minima are sampled by sequential Monte Carlo"
    )
    smc_sets: int = parameter(
        24, standard=12, paper=48, low=2, high=1000, help="training sets for sequential Monte Carlo"
    )
    particles: int = parameter(64, standard=96, paper=1000, low=20, high=100_000, help="networks of a cloud")
    moves: int = parameter(6, standard=16, paper=25, low=1, high=1000, help="moves at every renewal of a cloud")
    gradient_sizes: tuple[int, ...] = parameter(
        (10, 20, 50, 100),
        standard=(10, 20, 30, 50, 100),
        low=1,
        high=10_000,
        unit="images",
        help="training images for gradient descent",
    )
    runs: int = parameter(100, low=10, high=10_000, help="networks trained by gradient descent, at each size")
    widths: tuple[int, ...] = parameter(
        (5, 20, 100), standard=(5, 20, 100, 400), low=1, high=10_000, unit="units", help="widths to compare"
    )
    width_nets: int = parameter(
        20_000, paper=200_000, low=1000, high=10_000_000,
        help="random networks of each width, for comparing widths; down to a quarter for wide ones",
    )  # fmt: skip
    permutations: int = parameter(5, standard=10, low=0, high=1000, help="permutations of the labels")
    difficulty_runs: int = parameter(4, low=1, high=1000, help="networks trained on every pair of classes")
    arch: Literal["mlp", "cnn"] = parameter("mlp", help="network of the learning curve with all classes")
    curve_image_size: int = parameter(
        8, standard=28, low=4, high=64, unit="pixels", help="side length in the learning curve"
    )
    width: int = parameter(100, standard=256, paper=512, low=1, high=4096, unit="units", help="its width")
    curve_sizes: tuple[int, ...] = parameter(
        (10, 20, 50, 100, 200, 400, 800),
        standard=(10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
        paper=(10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000),
        low=1, high=10_000_000, unit="images", help="its training images, all classes together",
    )  # fmt: skip
    repetitions: int = parameter(5, paper=10, low=2, high=1000, help="its repetitions: subset and initialisation")
    learning_rate: float = parameter(1e-3, low=1e-6, high=1, log=True, help="its learning rate (Adam)")
    batch: int = parameter(128, low=1, high=4096, unit="images", help="its images a step")
    epochs: int = parameter(600, standard=400, low=1, high=100_000, help="its most passes over the training set")
    label_noise: float = parameter(
        0.0, low=0, high=1, help="share of all labels, training and test, that are permuted: raises the floor"
    )
    seed: int = parameter(0, low=0, high=9999, help="seed of everything that is drawn")
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
