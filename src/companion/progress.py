"""How far a computation is, and how to stop it. What shows the progress (a terminal, a notebook) subclasses it."""

import time
from collections.abc import Mapping


class Cancelled(Exception):  # noqa: N818 - a request that was honoured, not an error
    """The computation was asked to stop and did."""


class Progress:
    """Receives the progress of a computation; the base class shows nothing.

    A computation calls :meth:`update` often; a subclass overrides :meth:`show`. Calls come at most every `interval`
    seconds, the last one always.
    """

    def __init__(self, interval: float = 0.1) -> None:
        self.interval = interval
        self.cancelled = False
        self._started = time.monotonic()
        self._shown = float("-inf")

    def cancel(self) -> None:
        """Ask the computation to stop at its next update."""
        self.cancelled = True

    def update(self, done: float, total: float, label: str = "", **metrics: float) -> None:
        """Report that `done` of `total` units are done.

        Raises:
            Cancelled: when :meth:`cancel` was called.
        """
        if self.cancelled:
            raise Cancelled(f"cancelled after {done:g} of {total:g}: {label}".rstrip(": "))
        now = time.monotonic()
        if done >= total or now - self._shown >= self.interval:
            self._shown = now
            self.show(done, total, label, metrics)

    def seconds_left(self, done: float, total: float) -> float | None:
        """The time left if the rest goes as fast as what is done, in seconds; None before the first unit."""
        return (time.monotonic() - self._started) * (total - done) / done if done > 0 else None

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        """Show the progress; the base class does nothing."""


class Part(Progress):
    """One part of a larger computation: its updates move the whole from `start` to `start + share`."""

    def __init__(self, whole: Progress, start: float, share: float, total: float, label: str = "") -> None:
        super().__init__(interval=0.0)
        self.whole, self.start, self.share, self.total, self.label = whole, start, share, total, label

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        fraction = done / total if total else 1.0
        text = f"{self.label}: {label}" if self.label and label else self.label or label
        self.whole.update(self.start + self.share * fraction, self.total, text, **metrics)


class _Silent(Progress):
    """Shows nothing and cannot be cancelled, so that one instance can serve everybody."""

    def update(self, done: float, total: float, label: str = "", **metrics: float) -> None:
        return

    def cancel(self) -> None:
        raise RuntimeError("the silent progress cannot be cancelled; pass a Progress of your own")


SILENT = _Silent()
