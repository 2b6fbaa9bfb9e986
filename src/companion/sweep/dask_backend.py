"""joblib's Dask backend, with an answer for tasks that fail on the cluster itself.

Dask gives a task up when several workers have died with it, or when a worker cannot read it. joblib's backend then
waits for ever, since it is told of results only. Here such a task is answered with a failure of its points.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from joblib._dask import DaskDistributedBackend

from companion.sweep.measurement import Task
from companion.sweep.workers import died

log = logging.getLogger(__name__)


class _GivenUp:
    """Stands for the result of a task that Dask gave up."""

    def __init__(self, task: Task, error: BaseException) -> None:
        self.task, self.error = task, error


class SweepDask(DaskDistributedBackend):
    """Answers a task that Dask gives up with the failure of its points; the other tasks go on."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """At least 2: joblib would compute in this process for 1, and not begin for 0, when workers are still to come.

        Tasks wait on the scheduler until there is a worker, however many there are in the end.
        """
        count = sum(self.client.ncores().values())
        if not count:
            log.warning("The Dask cluster has no worker yet. The points wait until there is one.")
        return max(2, count)

    def submit(self, func: Any, callback: Callable[[Any], None]) -> Future:
        """Submit one task, as joblib calls it."""
        ((_, (task,), _),) = func.items
        future = super().submit(func, callback)

        def done(finished: Future) -> None:
            error = finished.exception()
            if error is not None:
                callback(_GivenUp(task, error))

        future.add_done_callback(done)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """The result of one task."""
        if isinstance(out, _GivenUp):
            return [(out.task.number, died(out.task, out.error))]
        return super().retrieve_result_callback(out)
