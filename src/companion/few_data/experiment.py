"""The experiment: all parts of the measurement in one run, and the one network that a reader asks for."""

from typing import Any

from companion.data import ImageSet, load
from companion.errors import CompanionError
from companion.experiment import Experiment, Row
from companion.few_data.claims import CLAIMS
from companion.few_data.declaration import FewData
from companion.few_data.measurements import baselines, grid, learning_curve, permuted, train_networks
from companion.jobs import run_jobs
from companion.progress import SILENT, Progress

_PARTS = {"grid": grid, "permuted": permuted, "baselines": baselines, "curve": learning_curve}


def run(parameters: FewData, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure the declared parts.

    Returns:
        One row a network, in arms: ``network`` (the grid), ``permuted labels``, ``nearest neighbour``,
        ``logistic regression``, ``curve``.
    """
    images = load_images(parameters, device, progress)
    return run_jobs((job for part in parameters.parts for job in _PARTS[part](parameters, images)), progress)


def load_images(parameters: FewData, device: str = "cpu", progress: Progress = SILENT) -> ImageSet:
    """The data set that the parameters name, at their size, with their classes."""
    return load(
        parameters.data,
        size=parameters.image_size,
        fit=parameters.fit,
        classes=parameters.classes or None,
        device=device,
        progress=progress,
    )


def point(progress: Progress = SILENT, *, scale: str = "quick", width: float, **values: Any) -> list[Row]:
    """Train the one network that a reader asks for with the live controls; the row holds all its parameters.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        width: the network's width.
        values: parameters by name.
    """
    parameters = FewData.at(scale, **values)
    if not width > 0:
        raise CompanionError(f"The width is {width:g}: it must be positive.")
    rows = train_networks(
        parameters,
        load_images(parameters),
        width=width,
        per_class=parameters.per_class,
        seeds=range(parameters.seed, parameters.seed + parameters.seeds),
        progress=progress,
    )
    return [parameters.values() | row for row in rows]


EXPERIMENT = Experiment(
    name="few_data",
    title="Large Neural Networks Learning from Scratch with Very Few Data and without Explicit Regularization",
    paper="few_data",
    parameters=FewData,
    run=run,
    claims=CLAIMS,
    expect="quick: digits, three CNN widths, half a minute; standard: airplanes against motorbikes, VGG19 from scratch",
)
