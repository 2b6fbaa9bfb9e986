"""Progress in a notebook: one line that moves while a cell runs, and one sentence when it is done."""

import html
import time
from collections.abc import Mapping

from companion.progress import Progress


class NotebookProgress(Progress):
    """Shows a bar below the running cell; the stop button of the notebook cancels.

    Args:
        what: what is being done, for the line that stays: ``training 27 networks``.
    """

    def __init__(self, what: str) -> None:
        super().__init__(interval=0.25)
        self.what = what
        self._handle = None
        self._begun = time.monotonic()

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        from IPython.display import HTML, display

        text = self._text(done, total, label, metrics)
        if self._handle is None:
            self._handle = display(HTML(text), display_id=True)
        else:
            self._handle.update(HTML(text))

    def _text(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> str:
        if done >= total:
            return f"<small>{html.escape(self.what)}: done in {time.monotonic() - self._begun:.0f} s</small>"
        left = self.seconds_left(done, total)
        numbers = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in metrics.items())
        note = html.escape(f"{label}{': ' if label and numbers else ''}{numbers}")
        remaining = "" if left is None else f" · {left:.0f} s left"
        bar = f'<progress value="{done:g}" max="{total:g}" style="width:14em;vertical-align:middle"></progress>'
        return f"<small>{html.escape(self.what)} {bar} {100 * done / total:.0f} %{remaining} · {note}</small>"
