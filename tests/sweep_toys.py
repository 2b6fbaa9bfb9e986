"""Two experiments for the tests of sweeps; other processes find them as ``sweep_toys:TOY`` and ``:TRAINED``."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch

from companion.ensemble import Ensemble
from companion.experiment import Experiment, Row, Together
from companion.networks import mlp, seeded
from companion.parameters import Parameters, parameter
from companion.progress import SILENT, Progress
from companion.training import Settings, train

LOG = "SWEEP_TOY_LOG"  # a file that gets one line for every point that is begun: x, seed, process


class ToyParameters(Parameters):
    """Parameters of a point that costs nothing but a pause."""

    surrogate: Literal["relu", "b_silu", "nelu"] = parameter("relu", help="a choice")
    x: float = parameter(0.5, low=-10, high=10, unit="V", help="a number")
    seed: int = parameter(0, low=0, high=9999, help="a whole number")
    depth: int = parameter(1, choices=(1, 2, 4), help="whole numbers to choose from")
    widths: tuple[int, ...] = parameter((4,), low=1, high=64, help="a list of whole numbers")
    bias: bool = parameter(True, help="yes or no")
    data: str = parameter("digits", help="a text")
    pause: float = parameter(0.0, standard=0.001, low=0, high=10, unit="s", help="how long it takes")
    fate: Literal["lives", "raises", "dies", "leaves"] = parameter("lives", help="how the point ends")
    unlucky: int = parameter(-1, low=-1, help="the only seed that the fate is for; -1 for all")


def run(parameters: ToyParameters, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Two rows that depend on the parameters alone."""
    if os.environ.get(LOG):
        with Path(os.environ[LOG]).open("a") as file:
            file.write(f"{parameters.x:g} {parameters.seed} {os.getpid()}\n")
    time.sleep(parameters.pause)
    if parameters.unlucky in (-1, parameters.seed):
        _end(parameters.fate)
    value = (parameters.x * 1.7 + parameters.seed * 0.37) % 1
    return [{"arm": arm, "value": value * (k + 1), "cpu": device == "cpu"} for k, arm in enumerate(("a", "b"))]


def _end(fate: str) -> None:
    if fate == "raises":
        raise ZeroDivisionError("an unlucky point")
    if fate == "leaves":
        raise SystemExit("called exit")
    if fate == "dies":
        os.kill(os.getpid(), signal.SIGKILL)


TOY = Experiment("toy", "A toy", "none", ToyParameters, run, claims=())


class TrainedParameters(Parameters):
    """Parameters of a small perceptron on generated images."""

    seed: int = parameter(0, low=0, high=9999, help="initialisation and order of the batches")
    learning_rate: float = parameter(1e-2, low=1e-4, high=1, help="of Adam")
    hidden: int = parameter(6, low=1, high=64, help="units of the hidden layer")


def images_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    """Forty images of two by two pixels in two classes."""
    images = torch.randn(40, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    return images, (images.flatten(1).sum(1) > 0).long()


def settings(parameters: TrainedParameters) -> Settings:
    """How one perceptron is trained."""
    return Settings(
        epochs=5, batch=8, optimiser="adam", learning_rate=parameters.learning_rate, order_seed=parameters.seed
    )


def train_one(parameters: TrainedParameters, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """One perceptron, trained by itself."""
    images, labels = images_and_labels()
    network = seeded(lambda: mlp((4, parameters.hidden, 2)), parameters.seed)
    return [_row(train(network, images, labels, settings(parameters)))]


def train_several(points: Sequence[TrainedParameters], progress: Progress = SILENT, device: str = "cpu") -> list:
    """Perceptrons of one shape as one tensor program."""
    if any(point.seed == 666 for point in points):
        raise RuntimeError("not together with seed 666")
    images, labels = images_and_labels()
    ensemble = Ensemble(lambda: mlp((4, points[0].hidden, 2)), [point.seed for point in points])
    outcome = ensemble.train(images, labels, [settings(point) for point in points], method="vmap")
    return [[_row(member)] for member in outcome.members]


def _row(outcome) -> Row:
    return {"loss": outcome.curves["train_loss"][-1], "train_accuracy": outcome.train_accuracy}


TRAINED = Experiment(
    "trained", "A trained toy", "none", TrainedParameters, train_one, claims=(),
    together=Together(("seed", "learning_rate"), train_several, tolerance=1e-4, most=8),
)  # fmt: skip
