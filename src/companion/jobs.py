"""An experiment as a list of jobs with one progress: what to do, what to call it, and about how long it takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from companion.experiment import Row
from companion.progress import Part, Progress


class Work(Protocol):
    """One piece of a measurement: it reports its progress and returns rows."""

    def __call__(self, progress: Progress) -> list[Row]: ...


@dataclass(frozen=True)
class Job:
    """A piece of work, what to call it, and a rough measure of its cost, such as seconds."""

    label: str
    cost: float
    work: Work


def run_jobs(jobs: Iterable[Job], progress: Progress) -> list[Row]:
    """Do the jobs in turn and return all their rows; each job moves the progress by its share of the cost.

    Args:
        jobs: what to do. All of them are listed before the first one starts.
        progress: told of the whole; cancelling it ends the job that runs.
    """
    planned = list(jobs)
    total, done = sum(job.cost for job in planned), 0.0
    rows: list[Row] = []
    for job in planned:
        rows += job.work(Part(progress, done, job.cost, total, job.label))
        done += job.cost
    if planned:
        progress.update(total, total)  # the sum of the parts can miss the total by a rounding
    return rows
