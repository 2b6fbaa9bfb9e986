"""The parameters of the proxygrad experiment, declared once."""

from typing import Literal

from companion.parameters import Parameters, parameter
from companion.proxygrad.networks import Architecture
from companion.proxygrad.objectives import Read
from companion.proxygrad.schedules import Schedule
from companion.proxygrad.twins import Semantics

PARTS = ("mechanics", "toys", "random", "units", "logits", "variations", "pictures", "training")


class ProxyGrad(Parameters):
    """Parameters of the proxygrad experiment."""

    data: str = parameter(
        "digits", standard="fashion_mnist", paper="flowers102", help="data set by name, or folder:PATH for your own"
    )
    arch: Architecture = parameter("cnn", standard="resnet8", paper="resnet18", help="network that is trained")
    target: Literal["trained", "imagenet"] = parameter(
        "trained", paper="imagenet", help="network that is looked into: the trained one, or torchvision's ResNet18"
    )
    pretrained: bool = parameter(True, help="with target imagenet: download torchvision's weights (45 MB)")
    width: int = parameter(
        0, standard=8, low=0, high=256, unit="channels", help="channels of the first stage; 0 for its own"
    )
    image_size: int = parameter(0, paper=224, low=0, high=512, unit="pixels", help="side length; 0 for the images' own")
    train_images: int = parameter(400, standard=2000, paper=0, low=0, high=100000, unit="images",
                                  help="training images; 0 for all")  # fmt: skip
    test_images: int = parameter(
        600, standard=1000, paper=0, low=0, high=100000, unit="images",
                                 help="test images; 0 for all")  # fmt: skip
    split_seed: int = parameter(0, low=0, high=9999, help="seed of the data split")

    a_b: float = parameter(0.1, low=0, high=1, help="backward slope of the pictures and of one training")
    a_f: float = parameter(0.0, low=0, high=0.3, help="forward slope of the trained networks (0: ReLU)")
    slopes: tuple[float, ...] = parameter(
        (0.01, 0.1, 0.3, 1.0), standard=(0.01, 0.1, 0.3, 0.5, 1.0), paper=(0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
        low=0, high=1, help="backward slopes to compare with plain gradients",
    )  # fmt: skip
    semantics: Semantics = parameter("proxy", help="reading of the pictures and of one ascent")
    objective: Read = parameter("centre", help="how a channel of an inner layer is read")
    layer: int = parameter(3, low=0, high=4, help="one ascent: inner layer counted from the input; 0 for the logits")
    unit: int = parameter(0, low=0, high=999, help="one ascent: class or channel")
    start: Literal["noise", "grey", "image"] = parameter("noise", help="where an ascent starts")
    start_noise: float = parameter(0.2, low=0, high=1, help="noise of the start; 1 fills the box of images")
    steps: int = parameter(30, standard=60, paper=200, low=1, high=1000, help="steps of an ascent")
    eta: float = parameter(
        0.03, paper=0.0116, low=1e-4, high=1, log=True, help="step: root mean square over pixels, share of their range"
    )
    normalise: bool = parameter(True, help="divide every gradient by its norm")
    blur_sigma: float = parameter(0.35, standard=0.4, paper=0.5, low=0, high=2, unit="pixels",
                                  help="blur after every step of the pictures")  # fmt: skip
    jitter: int = parameter(1, standard=2, paper=8, low=0, high=32, unit="pixels", help="largest shift, pictures")
    schedule: Schedule = parameter("constant", help="how the slope changes over the steps of one ascent")
    units: int = parameter(8, paper=64, low=1, high=1000, help="channels of each inner layer")
    classes: int = parameter(6, standard=10, paper=1000, low=1, high=1000, help="logits that are maximised")
    starts: int = parameter(3, paper=8, low=1, high=64, help="starts of every ascent")
    shown: int = parameter(5, low=1, high=10, help="classes in the gallery")

    depths: tuple[int, ...] = parameter((1, 3, 5), standard=(1, 2, 3, 5), low=1, high=12, unit="layers",
                                        help="hidden layers of the random networks")  # fmt: skip
    random_networks: int = parameter(10, standard=40, low=2, high=1000, help="random networks for each depth")
    random_starts: int = parameter(8, standard=16, low=1, high=256, help="starts in each of them")
    random_steps: int = parameter(100, standard=200, low=1, high=2000, help="steps in each of them")
    per_row: int = parameter(1, standard=4, low=1, high=100, help="random networks averaged in one row of the record")

    seeds: int = parameter(5, standard=3, paper=5, low=1, high=50, help="networks that are looked into")
    train_seeds: int = parameter(3, paper=5, low=1, high=50, help="networks of each arm of training")
    seed: int = parameter(0, low=0, high=9999, help="first seed")
    optimiser: Literal["adam", "sgd", "lamb"] = parameter("adam", paper="lamb", help="optimiser")
    learning_rate: float = parameter(3e-3, low=1e-6, high=1, log=True, help="learning rate")
    weight_decay: float = parameter(0.0, paper=1.0, low=0, high=1, help="weight decay")
    rate_schedule: Literal["constant", "steps"] = parameter("constant", paper="steps", help="learning rate over time")
    augment: bool = parameter(False, paper=True, help="shift and mirror the training images")
    epochs: int = parameter(15, standard=6, paper=300, low=1, high=10000, help="passes over the training set")
    batch: int = parameter(50, standard=64, low=1, high=4096, unit="images", help="images a step")
    train_slopes: tuple[float, ...] = parameter(
        (0.1, 0.3, 1.0), paper=(0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), low=0, high=1,
        help="backward slopes of training in the local reading",
    )  # fmt: skip
    other_slopes: tuple[float, ...] = parameter(
        (0.1,), paper=(0.1, 0.3), low=0, high=1,
        help="slopes of training in the two readings with a proxy network",
    )  # fmt: skip
    parts: tuple[str, ...] = parameter(PARTS, choices=PARTS, help="which parts to run")
