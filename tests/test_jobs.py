"""Jobs: every row in order, one progress over all of them in proportion to their cost, and cancelling."""

import pytest

from companion.jobs import Job, run_jobs
from companion.progress import Cancelled, Progress


class Noted(Progress):
    """Remembers the share of the whole that is done, and the labels."""

    def __init__(self) -> None:
        super().__init__(interval=0.0)
        self.seen: list[tuple[float, str]] = []

    def show(self, done, total, label, metrics):
        self.seen.append((done / total, label))


def halves(name):
    def work(progress):
        progress.update(1, 2, "half")
        return [{"name": name}]

    return work


def test_rows_come_in_order_and_the_progress_in_proportion_to_the_cost():
    watch = Noted()
    rows = run_jobs([Job("small", 1.0, halves("a")), Job("large", 3.0, halves("b"))], watch)
    assert rows == [{"name": "a"}, {"name": "b"}]
    assert watch.seen[0] == (pytest.approx(0.125), "small: half")
    assert watch.seen[1] == (pytest.approx(0.25 + 0.375), "large: half")
    assert watch.seen[-1][0] == 1.0


def test_no_job_gives_no_row():
    assert run_jobs([], Noted()) == []


def test_cancelling_ends_the_job_that_runs_and_starts_no_other():
    watch, started = Noted(), []

    def work(progress):
        started.append(True)
        watch.cancel()
        progress.update(1, 2)
        return []

    with pytest.raises(Cancelled):
        run_jobs([Job("first", 1.0, work), Job("second", 1.0, work)], watch)
    assert len(started) == 1
