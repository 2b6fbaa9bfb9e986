"""The experiment: all parts of the measurement in one run, and the one training that a reader asks for."""

from collections.abc import Iterator
from typing import Any

from companion.data import ImageSet, load
from companion.ensemble import Ensemble
from companion.error_density import measurements
from companion.error_density.claims import CLAIMS
from companion.error_density.declaration import ErrorDensity
from companion.error_density.image_curve import curve
from companion.error_density.measurements import DESCENT
from companion.error_density.tasks import Pool, pair_pool
from companion.experiment import Experiment, Row
from companion.jobs import Job, run_jobs
from companion.progress import SILENT, Progress


def run(parameters: ErrorDensity, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure the declared parts.

    Returns:
        Rows in arms: ``kernel`` and ``permuted labels`` (the spread of the error from the kernel), ``density`` (the
        histogram), ``formula`` and ``joint`` (the curve predicted and sampled), ``fixed sets`` (random minima of given
        training sets), ``gradient descent``, ``width``, ``difficulty``, ``curve`` (all classes, a row a repetition).
    """
    return run_jobs(_jobs(parameters, progress, device), progress)


def _jobs(parameters: ErrorDensity, progress: Progress, device: str) -> Iterator[Job]:
    binary = [part for part in parameters.parts if part != "curve"]
    if binary:
        images = load_images(parameters, device, progress)
        for part in binary:
            yield from getattr(measurements, part)(parameters, images)
    if "curve" in parameters.parts:
        yield from curve(parameters, device)


def load_images(parameters: ErrorDensity, device: str = "cpu", progress: Progress = SILENT) -> ImageSet:
    """The images of the binary tasks."""
    return load(parameters.data, size=parameters.image_size, device=device, progress=progress)


def load_pool(parameters: ErrorDensity, pair: str, device: str = "cpu") -> Pool:
    """One binary task of the declared data set."""
    return pair_pool(load_images(parameters, device), pair, parameters.pool)


def point(progress: Progress = SILENT, *, scale: str = "quick", pair: str, n: int, **values: Any) -> list[Row]:
    """Train networks of one hidden layer on n images of a pair; one row a network, its curves in it.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        pair: the task, ``"3 vs 8"``.
        n: training images, both classes together.
        values: parameters by name.
    """
    parameters = ErrorDensity.at(scale, **values)
    pool = load_pool(parameters, pair)
    seeds = range(1000 * parameters.seed, 1000 * parameters.seed + 5)
    sets = pool.training_sets(len(seeds), n, parameters.seed)
    ensemble = Ensemble(pool.measure(parameters.hidden).build, seeds)
    plan = type(DESCENT)(**vars(DESCENT) | {"evaluate_every": 1})
    outcome = ensemble.train(
        pool.images, pool.labels, plan, subsets=list(sets), test=(pool.images, pool.labels), progress=progress
    )
    foreseen = 1 - float(pool.alignment().density().mean(n))
    return [
        {
            "seed": seed,
            "test_accuracy": member.test_accuracy,
            "random_minima_foreseen": foreseen,
            **{f"curve_{name}": values for name, values in member.curves.items()},
        }
        for seed, member in zip(seeds, outcome.members, strict=True)
    ]


EXPERIMENT = Experiment(
    name="error_density",
    title="Rethinking generalization of classifiers in separable classes scenarios and over-parameterized regimes",
    paper="error_density",
    parameters=ErrorDensity,
    run=run,
    claims=CLAIMS,
    expect="quick: digits, half a minute; standard: MNIST or Fashion-MNIST, pairs and all classes, ten minutes",
)
