"""The experiment: all parts of the measurement in one run, and the networks that a reader asks for."""

from typing import Any

from companion.experiment import Experiment, Row
from companion.jobs import run_jobs
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.claims import CLAIMS
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.rare_bad_minima.measurements import Tasks, jobs_of, train_point


def run(parameters: RareBadMinima, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure the declared parts.

    Returns:
        Rows in arms: ``density``, ``theory`` (T2 at every n), ``joint`` and ``fixed`` (rejection), ``width``,
        ``permuted labels``, ``sequential`` (a training set each), ``trained``, ``bad minima``, ``convolutional``.
    """
    return run_jobs(jobs_of(Tasks(parameters, device), parameters.parts), progress)


def point(progress: Progress = SILENT, *, scale: str = "quick", pair: str, n: int, **values: Any) -> list[Row]:
    """Train the networks that a reader asks for with the live controls.

    Args:
        progress: told every step.
        scale: whose defaults to take for what is not given.
        pair: the task, such as ``3 vs 8``.
        n: training samples of each network.
        values: parameters by name.
    """
    return train_point(RareBadMinima.at(scale, **values), pair, n, progress=progress)


EXPERIMENT = Experiment(
    name="rare_bad_minima",
    title="Do highly over-parameterized neural networks generalize since bad solutions are rare?",
    paper="rare_bad_minima",
    parameters=RareBadMinima,
    run=run,
    claims=CLAIMS,
    expect="quick: two pairs of digits, 50,000 random networks each, half a minute; standard: three pairs of MNIST",
)
