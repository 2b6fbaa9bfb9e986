"""Workers by way of joblib: processes of this machine (loky), a Dask cluster, or Ray.

joblib starts the workers and hands out the tasks. Added here: a worker that dies costs only its own task, Ctrl-C
reaches this process alone, and all backends answer one task at a time.
"""

import logging
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from joblib import Parallel, cpu_count, delayed

from companion.errors import CompanionError, unknown
from companion.sweep.folder import Failure
from companion.sweep.measurement import Measured, Task, measure_task

Backend = Literal["loky", "dask", "ray"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
HOPELESS = 3  # tasks in a row that take their workers with them before anything was measured


@dataclass
class Workers:
    """Started workers.

    Attributes:
        kind: of the backend.
        backend: joblib's name of the backend, or the backend itself.
        jobs: how many points are computed at a time; -1 leaves it to the cluster.
    """

    kind: Backend
    backend: Any
    jobs: int

    def measure(self, tasks: Sequence[Task]) -> Iterator[list[Measured]]:
        """The outcome of every task, as soon as it is there.

        When a process dies with its task (out of memory, a crash in a library), the tasks in flight are tried again
        one by one, so that the culprit alone is reported as failed.

        Raises:
            CompanionError: no worker survives its first task.
        """
        waiting = {task.number: task for task in tasks}
        successes, deaths = 0, 0
        while waiting:
            started: list[int] = []
            try:
                with closing(self._answers(list(waiting.values()), started)) as answers:
                    for number, found in answers:
                        waiting.pop(number)
                        successes += 1
                        yield found
            except BrokenProcessPool:
                for number in [number for number in started if number in waiting]:
                    task = waiting.pop(number)
                    try:
                        with closing(self._answers([task], [])) as answers:
                            ((_, found),) = answers
                        successes += 1
                    except BrokenProcessPool as error:
                        deaths += 1
                        if not successes and deaths >= HOPELESS:
                            raise CompanionError(f"The workers end before they measure anything: {error}") from error
                        found = died(task, error)
                    yield found

    def _answers(self, tasks: list[Task], started: list[int]) -> Iterator[tuple[int, list[Measured]]]:
        """What the workers answer; `started` collects the numbers of the tasks handed out."""
        if self.kind == "ray":  # joblib's backend of Ray answers with whole lists only
            size = 4 * self.jobs
            with Parallel(self.jobs, backend=self.backend, batch_size=1) as parallel:
                for part in (tasks[start : start + size] for start in range(0, len(tasks), size)):
                    started += [task.number for task in part]
                    yield from parallel(delayed(measure_task)(task) for task in part)
            return
        ahead = "all" if self.jobs < 0 else "2*n_jobs" if self.kind == "loky" else self.jobs
        parallel = Parallel(
            self.jobs, backend=self.backend, return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
        )
        with _interrupts_wait():  # processes started here inherit it: Ctrl-C in a terminal is for this process
            answers = parallel(delayed(measure_task)(task) for task in _noted(tasks, started))
        try:
            yield from answers
        finally:
            with warnings.catch_warnings():  # joblib warns of the tasks that are given up
                warnings.simplefilter("ignore")
                answers.close()


def _noted(tasks: list[Task], started: list[int]) -> Iterator[Task]:
    for task in tasks:
        started.append(task.number)
        yield task


def died(task: Task, error: BaseException) -> list[Measured]:
    """The failure of a task whose worker was lost with it, or could not even read it."""
    name = type(error).__name__
    lost = isinstance(error, BrokenProcessPool) or name == "KilledWorker"
    why = f"{name}: {str(error).strip()}" + (" The point was alone in its process: is the memory too small?" * lost)
    failure = Failure("its worker process died" if lost else "its worker could not read the task", why)
    return [Measured(point, 0.0, failure=failure) for point in task.points]


@contextmanager
def open_workers(backend: str = "loky", jobs: int | None = None, scheduler: str | None = None) -> Iterator[Workers]:
    """Start workers, or connect to a cluster, and leave them tidily.

    Args:
        backend: ``loky``, ``dask`` or ``ray``.
        jobs: points at a time; default the processors of this machine, or whatever the cluster has.
        scheduler: address of a running Dask scheduler or Ray cluster; without it Dask and Ray run on this machine.

    Raises:
        CompanionError: an unknown backend, a missing library, or a cluster that does not answer.
    """
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if jobs is not None and jobs < 1:
        raise CompanionError(f"--jobs is {jobs}: it takes a whole number from 1.")
    if backend == "dask":
        with _dask(jobs, scheduler) as workers:
            yield workers
    elif backend == "ray":
        yield _ray(jobs, scheduler)
    elif scheduler:
        raise CompanionError(f"--scheduler {scheduler} belongs to a cluster: add --backend dask (or ray).")
    else:
        yield Workers("loky", "loky", jobs or cpu_count())


def with_parent(task: Task, backend: str) -> Task:
    """loky's workers are children of this process and end with it; a cluster looks after its own."""
    return replace(task, parent=os.getpid()) if backend == "loky" and hasattr(os, "getppid") else task


@contextmanager
def _dask(jobs: int | None, scheduler: str | None) -> Iterator[Workers]:
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise CompanionError("--backend dask needs the extra 'dask': pip install 'luebeck-companion[dask]'.") from error
    from companion.sweep.dask_backend import SweepDask

    logging.getLogger("distributed").setLevel(logging.ERROR)
    count = jobs or cpu_count()
    cluster = client = None
    try:
        with _interrupts_wait():
            if scheduler is None:
                cluster = LocalCluster(
                    n_workers=count, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
                )
            try:
                client = Client(cluster or scheduler, timeout="20s", set_as_default=False)
            except (OSError, ValueError) as error:
                raise CompanionError(f"The Dask scheduler {scheduler!r} does not answer ({error}).") from error
        yield Workers("dask", SweepDask(client=client), -1 if jobs is None or cluster else jobs)
    finally:
        for opened in (client, cluster):
            if opened is not None:
                opened.close(timeout=5)


def _ray(jobs: int | None, scheduler: str | None) -> Workers:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ModuleNotFoundError as error:
        raise CompanionError("--backend ray needs Ray: pip install ray.") from error
    if not ray.is_initialized():
        try:
            ray.init(address=scheduler, num_cpus=None if scheduler else jobs, log_to_driver=False)
        except Exception as error:  # Ray raises bare exceptions when it does not come up
            raise CompanionError(
                f"Ray {'at ' + scheduler if scheduler else 'here'} does not answer ({error})."
            ) from error
    register_ray()
    count = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
    return Workers("ray", "ray", count)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; processes and threads started within never see it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
