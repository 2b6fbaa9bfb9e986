"""The experiment: all arms at one number of images, two of them along a curve; and the one network asked for."""

from functools import partial
from typing import Any

from companion.experiment import Experiment, Row
from companion.jobs import Job, run_jobs
from companion.predefined_filters.claims import CLAIMS
from companion.predefined_filters.declaration import PredefinedFilters
from companion.predefined_filters.measurements import load_images, train_arm
from companion.progress import SILENT, Progress

LIVE_POINTS = 6  # a reader who waits wants to see the curve


def run(parameters: PredefinedFilters, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Train every arm at ``per_class`` and the arms of the curve at the other sizes.

    Returns:
        One row a network: arm, per_class, seed, accuracies, learned numbers, multiply-adds, curves.
    """
    images = load_images(parameters, device, progress)
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)

    def job(arm: str, per_class: int) -> Job:
        return Job(f"{arm}, {per_class} per class", 1, partial(train_arm, parameters, images, arm, per_class, seeds))

    return run_jobs((job(*one) for one in networks(parameters)), progress)


def networks(parameters: PredefinedFilters) -> list[tuple[str, int]]:
    """The (arm, images per class) to train, each once."""
    others = [(arm, n) for n in parameters.sizes for arm in parameters.curve_arms]
    return list(dict.fromkeys([(arm, parameters.per_class) for arm in parameters.arms] + others))


def point(progress: Progress = SILENT, *, scale: str = "quick", arm: str = "pfnet", **values: Any) -> list[Row]:
    """Train the one arm that a reader asks for; the rows hold all parameters.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        arm: the network.
        values: parameters by name.
    """
    parameters = PredefinedFilters.at(scale, **({"curve_points": LIVE_POINTS} | values), arms=(arm,))
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)
    rows = train_arm(parameters, load_images(parameters), arm, parameters.per_class, seeds, progress)
    return [parameters.values() | row for row in rows]


EXPERIMENT = Experiment(
    name="predefined_filters",
    title="Convolutional Neural Networks Do Work with Pre-Defined Filters",
    paper="predefined_filters",
    parameters=PredefinedFilters,
    run=run,
    claims=CLAIMS,
    expect=(
        "quick: digits at 16 pixels, seven small networks, under a minute; standard: 17 kinds of flowers at 64 pixels, "
        "PFNet18 of a quarter of its width; paper: Flowers102 at 224 pixels, one GPU"
    ),
)
