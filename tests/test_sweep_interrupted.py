"""Pulling the plug: kill -9, Ctrl-C, lost workers. Afterwards the sweep is complete, every point exactly once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sweep_toys import LOG, TOY

from companion.errors import CompanionError
from companion.records import Records, table
from companion.sweep import Outcome, sweep
from companion.sweep.workers import open_workers

psutil = pytest.importorskip("psutil", reason="watching processes needs psutil, which the extra 'dask' brings")
distributed = pytest.importorskip("distributed", reason="a Dask cluster needs the extra 'dask'")

pytestmark = pytest.mark.slow  # every process imports torch
TESTS = Path(__file__).parent
PATIENCE = 300.0  # seconds; a busy machine takes long to start a process
SETTINGS = ("--set", "x=0.1..2:lin20", "--set", "seed=0..9", "--set", "pause=0.01")
GRID = {"x": [round(0.1 * k, 1) for k in range(1, 21)], "seed": range(10), "pause": 0.01}
COMMAND = (sys.executable, "-c", "from companion.command_line import main; main()", "sweep", "sweep_toys:TOY")


def start(out: Path, *words: str) -> subprocess.Popen:
    """``companion sweep`` in a process and a process group of its own."""
    # A shell's background job ignores Ctrl-C, and so would every process below it, this test's own among them.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    environment = os.environ | {LOG: str(out / "begun.txt"), "COLUMNS": "300"}
    out.mkdir(exist_ok=True)
    return subprocess.Popen(
        [*COMMAND, *words, "--out", str(out)],
        cwd=TESTS, env=environment, start_new_session=True, preexec_fn=listening,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(condition: Callable[[], bool], process: subprocess.Popen | None = None) -> None:
    """Until the condition holds; an error if the process ends before."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def stored(out: Path) -> int:
    return len(list(out.glob("toy/*.json")))


def begun(out: Path) -> list[list[str]]:
    """x, seed and process of every point that was begun."""
    path = out / "begun.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def kill_at(out: Path, count: int, *words: str) -> list[psutil.Process]:
    """Start the sweep, kill it with ``kill -9`` once `count` records are there; returns what its workers were."""
    process = start(out, *SETTINGS, *words)
    wait_for(lambda: stored(out) >= count, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    return workers


class Unreadable:
    """Can be pickled but not read again, as a class that a worker's version of a package does not have."""

    def __reduce__(self) -> tuple:
        return int, ("not a number",)


@dataclass
class Story:
    """What happened to one sweep."""

    out: Path
    workers: list[psutil.Process] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    killed_worker: int = 0
    last: Outcome | None = None
    unreadable: list[list] = field(default_factory=list)

    def note(self) -> None:
        self.stored.append(stored(self.out))
        self.begun.append(len(begun(self.out)))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A sweep of 200 points, killed twice, then ended on a Dask cluster that loses one of its two workers."""
    told = Story(tmp_path_factory.mktemp("sweep"))
    told.workers = kill_at(told.out, 50, "--jobs", "2")
    told.note()
    kill_at(told.out, 100, "--jobs", "1")
    told.note()

    def lose_a_worker() -> None:
        wait_for(lambda: stored(told.out) >= 140)
        told.killed_worker = int(begun(told.out)[-1][2])
        os.kill(told.killed_worker, signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOG, str(told.out / "begun.txt"))
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
        with cluster:
            thief = threading.Thread(target=lose_a_worker)
            thief.start()
            told.last = sweep(TOY, GRID, out=told.out, backend="dask", scheduler=cluster.scheduler_address)
            thief.join()
            told.note()
            with open_workers("dask", scheduler=cluster.scheduler_address) as workers:
                told.unreadable = list(workers.measure([SimpleNamespace(number=0, points=("p",), more=Unreadable())]))
    return told


def test_a_sweep_killed_twice_and_robbed_of_a_dask_worker_ends_complete(story):
    assert story.killed_worker not in (0, os.getpid())
    assert story.last.failed == {}
    assert story.last.reused == story.stored[1]
    assert 50 <= story.stored[0] < story.stored[1] < 200 == story.stored[2]
    assert len({record.key for record in Records(story.out)}) == 200
    assert list(story.out.glob("failed/**/*.json")) == []


def test_it_equals_an_undisturbed_one(story, tmp_path):
    undisturbed = sweep(TOY, GRID, out=tmp_path, jobs=1).table()
    columns = ["experiment", "scale", "key", "x", "seed", "arm", "value", "cpu"]
    found = table(story.out)[columns].sort_values(["key", "arm"], ignore_index=True)
    assert len(found) == 400
    assert found.equals(undisturbed[columns].sort_values(["key", "arm"], ignore_index=True))


def test_only_points_in_flight_were_measured_twice(story):
    lost_first = story.begun[0] - story.stored[0]
    lost_then = story.begun[1] - story.begun[0] - (story.stored[1] - story.stored[0])
    assert lost_first <= 12, "two workers and what was on its way from them"
    assert lost_then <= 1, "one process measures and stores in turn"


def test_the_workers_of_a_killed_sweep_end_with_it(story):
    assert len(story.workers) >= 2
    _, alive = psutil.wait_procs(story.workers, timeout=10)
    assert alive == []


def test_a_task_that_the_cluster_cannot_read_is_a_failure_instead_of_waiting_for_ever(story):
    ((answer,),) = story.unreadable
    assert (answer.point, answer.failure.error) == ("p", "its worker could not read the task")


def test_a_cluster_whose_workers_are_still_to_come_is_waited_for(caplog):
    from companion.sweep.dask_backend import SweepDask

    backend = object.__new__(SweepDask)
    for cores, jobs in (({}, 2), ({"one": 1}, 2), ({"one": 4, "two": 4}, 8)):
        backend.client = SimpleNamespace(ncores=cores.copy)
        assert backend.effective_n_jobs(-1) == jobs, "1 would mean this process to joblib"
    assert "no worker yet" in caplog.text


def test_control_c_stops_at_once_says_how_to_go_on_and_leaves_no_process(tmp_path):
    process = start(tmp_path, *SETTINGS, "--jobs", "2")
    wait_for(lambda: stored(tmp_path) >= 20, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"Interrupted: {stored(tmp_path)} of 200 points are stored" in out
    assert "companion sweep sweep_toys:TOY --set x=0.1..2:lin20" in out
    assert "Traceback" not in out + err
    assert "KeyboardInterrupt" not in out + err
    assert len(list(Records(tmp_path))) == stored(tmp_path) < 200
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []


# Workers that die (with tasks so light that their processes need not import torch)


def deadly(*numbers: int) -> Callable[[SimpleNamespace], tuple[int, list]]:
    """What measures a task in the worker: the process of these tasks is killed."""

    def measure(task: SimpleNamespace) -> tuple[int, list]:
        import os
        import signal

        if task.number in numbers:
            os.kill(os.getpid(), signal.SIGKILL)
        return task.number, [task.number]

    return measure


def tasks(count: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(number=number, points=(number,)) for number in range(count)]


def test_a_point_that_takes_its_worker_with_it_fails_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("companion.sweep.workers.measure_task", deadly(3))
    with open_workers("loky", 2) as workers:
        answers = [answer for (answer,) in workers.measure(tasks(12))]
    (failed,) = [answer for answer in answers if not isinstance(answer, int)]
    assert sorted(answer for answer in answers if isinstance(answer, int)) == [0, 1, 2, *range(4, 12)]
    assert failed.point == 3
    assert failed.failure.error == "its worker process died"
    assert "SIGKILL" in failed.failure.message


def test_workers_that_all_die_at_once_end_the_sweep_with_an_error(monkeypatch):
    monkeypatch.setattr("companion.sweep.workers.measure_task", deadly(*range(12)))
    with open_workers("loky", 2) as workers, pytest.raises(CompanionError, match="before they measure anything"):
        list(workers.measure(tasks(12)))
