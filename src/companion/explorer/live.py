"""Training one point for an explorer: in a thread, with progress, at most one at a time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from companion.errors import CompanionError
from companion.explorer.columns import plain
from companion.progress import Cancelled, Progress

Rows = Sequence[Mapping[str, Any]]
Train = Callable[[dict[str, Any], Progress], Rows]
Send = Callable[[dict[str, Any]], None]


class Messages(Progress):
    """Progress that is sent to the browser."""

    def __init__(self, send: Send) -> None:
        super().__init__(interval=0.15)
        self._send = send

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        numbers = {name: plain(value) for name, value in metrics.items()}
        self._send({"type": "progress", "done": done, "total": total, "label": label, "metrics": numbers})


class Trainer:
    """Answers the browser's messages ``ping``, ``train`` and ``cancel``.

    Args:
        train: trains one point: ``train(values, progress) -> rows``; None when nothing can be trained.
        add: takes the new rows into the records.
        send: sends one message to the browser.
    """

    def __init__(self, train: Train | None, add: Callable[[Rows], None], send: Send) -> None:
        self._train, self._add, self._send = train, add, send
        self._progress: Messages | None = None
        self._thread: threading.Thread | None = None

    def receive(self, message: Mapping[str, Any]) -> None:
        """Answer one message of the browser."""
        kind = message.get("type")
        if kind == "ping":
            self._send({"type": "pong", "trains": self._train is not None})
        elif kind == "cancel" and self._progress is not None:
            self._progress.cancel()
        elif kind == "train" and self._train is not None:
            self._start(dict(message.get("values", {})))

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the present training ends."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _start(self, values: dict[str, Any]) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._send({"type": "error", "message": "Another point is being trained; wait for it or cancel it."})
            return
        self._progress = Messages(self._send)
        self._thread = threading.Thread(target=self._work, args=(values, self._progress), daemon=True)
        self._thread.start()

    def _work(self, values: dict[str, Any], progress: Messages) -> None:
        try:
            rows = self._train(values, progress)
            self._add(rows)
            self._send({"type": "done", "message": f"Trained and recorded: {len(rows)} new rows."})
        except Cancelled:
            self._send({"type": "cancelled"})
        except CompanionError as error:
            self._send({"type": "error", "message": str(error)})
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            self._send({"type": "error", "message": f"The training of this point failed. {said}"})
