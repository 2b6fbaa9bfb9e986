"""Live controls from the declaration: choose a point, train it, watch, cancel, compare.

They need a kernel; on the published page the explorer beside them answers instead.
"""

import html
import io
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from companion.errors import CompanionError
from companion.experiment import Row
from companion.figures import PALETTE
from companion.parameters import ParameterInfo, Parameters
from companion.progress import Cancelled, Progress

Train = Callable[..., list[Row]]
PAGE_NOTE = (
    "A live control stands here when the notebook runs in JupyterLab or Colab: choose a point, train it, watch it "
    "learn. On this page the explorer above answers from recorded runs."
)


def control_for(info: ParameterInfo, value: Any = None) -> ipywidgets.Widget:
    """The widget that suits one declared parameter."""
    value = info.default if value is None else value
    shared = {
        "description": info.name,
        "tooltip": f"{info.help} ({info.allowed})",
        "style": {"description_width": "9em"},
    }
    if info.kind == "bool":
        return ipywidgets.Checkbox(value=value, **shared)
    if info.choices is not None and info.kind != "list":
        return ipywidgets.Dropdown(options=list(info.choices), value=value, **shared)
    bounded = info.low is not None and info.high is not None
    if info.kind == "int" and bounded:
        return ipywidgets.IntSlider(value=value, min=int(info.low), max=int(info.high), **shared)
    if info.kind == "float" and bounded and info.log:
        from math import log10

        return ipywidgets.FloatLogSlider(value=value, min=log10(info.low), max=log10(info.high), step=0.05, **shared)
    if info.kind == "float" and bounded:
        return ipywidgets.FloatSlider(
            value=value, min=info.low, max=info.high, step=(info.high - info.low) / 100, **shared
        )
    return ipywidgets.Text(value=str(value), **shared)


class Controls:
    """Sliders and choices for some parameters, with Run, Cancel, progress, a live curve and kept results.

    ::

        Controls(FewData, point, names=("per_class", "label_noise", "seed"), extra={"width": width_choice})

    Args:
        declaration: the experiment's parameters.
        train: called as ``train(progress, **values)`` in a thread; returns rows.
        names: the parameters to offer, in order.
        extra: further widgets by argument name.
        fixed: arguments that the reader does not choose.
        scale: whose defaults the controls start at.
        metric: the curve to draw and the number to compare; rows hold ``curve_<metric>`` and ``<metric>``.
        keep: called with the rows of every finished run, for example to store them.
    """

    def __init__(
        self,
        declaration: type[Parameters],
        train: Train,
        *,
        names: Sequence[str],
        extra: Mapping[str, ipywidgets.Widget] | None = None,
        fixed: Mapping[str, Any] | None = None,
        scale: str = "quick",
        metric: str = "test_accuracy",
        keep: Callable[[list[Row]], None] | None = None,
    ) -> None:
        infos = {info.name: info for info in declaration.describe()}
        self.inputs = {name: control_for(infos[name], infos[name].defaults[scale]) for name in names}
        self.inputs |= dict(extra or {})
        self.train, self.fixed, self.metric, self.keep = train, dict(fixed or {}), metric, keep
        self.results: list[tuple[dict[str, Any], list[Row]]] = []
        self.run_button = ipywidgets.Button(description="Run", button_style="primary", icon="play")
        self.cancel_button = ipywidgets.Button(description="Cancel", icon="stop", disabled=True)
        self.clear_button = ipywidgets.Button(description="Clear", tooltip="Forget the kept results")
        self.bar = ipywidgets.FloatProgress(min=0, max=1, layout=ipywidgets.Layout(width="14em"))
        self.status = ipywidgets.HTML()
        self.picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="640px", display="none"))
        self.kept = ipywidgets.HTML()
        self.run_button.on_click(lambda _: self.start())
        self.cancel_button.on_click(lambda _: self.cancel())
        self.clear_button.on_click(lambda _: self.clear())
        buttons = ipywidgets.HBox([self.run_button, self.cancel_button, self.clear_button, self.bar])
        self.box = ipywidgets.VBox([*self.inputs.values(), buttons, self.status, self.picture, self.kept])
        self._progress: _Watch | None = None
        self._thread: threading.Thread | None = None

    def values(self) -> dict[str, Any]:
        """What the reader has chosen."""
        return {name: widget.value for name, widget in self.inputs.items()}

    def start(self) -> None:
        """Train the chosen point in a thread, so that the page stays alive."""
        if self._thread is not None and self._thread.is_alive():
            return
        self.run_button.disabled, self.cancel_button.disabled = True, False
        self.status.value = ""
        self._progress = _Watch(self)
        self._thread = threading.Thread(target=self._work, args=(self.values(), self._progress), daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop the running training at its next step."""
        if self._progress is not None:
            self._progress.cancel()

    def clear(self) -> None:
        """Forget the kept results."""
        self.results.clear()
        self.kept.value, self.picture.layout.display = "", "none"

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the running training to end."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self, values: dict[str, Any], progress: "_Watch") -> None:
        started = time.monotonic()
        try:
            rows = self.train(progress, **(self.fixed | values))
            self.results.append((values, rows))
            if self.keep is not None:
                self.keep(rows)
            self.bar.value = 1.0
            self.draw()
            self.kept.value = self._kept_table()
            self.status.value = f"Done in {time.monotonic() - started:.1f} s."
        except Cancelled:
            self.status.value = "Cancelled; earlier results are kept."
        except CompanionError as error:
            self._complain(str(error))
        except Exception as error:  # the thread has nobody above it: the reader must see what happened
            self._complain(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.run_button.disabled, self.cancel_button.disabled = False, True

    def _complain(self, text: str) -> None:
        self.status.value = f'<span role="alert" style="color:#B91C1C">{html.escape(text)}</span>'

    def draw(self, running: Sequence[tuple[float, float]] = ()) -> None:
        """Draw the curves of the kept results and of the running training."""
        figure = Figure(figsize=(6.4, 3.2), dpi=100, layout="constrained")
        axes = figure.add_subplot()
        names = _differing([values for values, _ in self.results])
        for k, (values, rows) in enumerate(self.results):
            for number, row in enumerate(row for row in rows if row.get(f"curve_{self.metric}")):
                label = None
                if number == 0:
                    label = f"{k + 1}: {_brief({name: values[name] for name in names})}" if names else f"{k + 1}"
                axes.plot(row["curve_epoch"], row[f"curve_{self.metric}"], color=PALETTE[k % len(PALETTE)], label=label)
        if running:
            axes.plot(*zip(*running, strict=True), color="black", linestyle=":", label="running")
        axes.set(xlabel="epoch", ylabel=self.metric.replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
        if len(self.results) + bool(running) > 1:
            figure.legend(loc="outside right upper", fontsize=7, frameon=False)
        buffer = io.BytesIO()
        FigureCanvasAgg(figure).print_png(buffer)
        self.picture.value, self.picture.layout.display = buffer.getvalue(), ""

    def _kept_table(self) -> str:
        lines = []
        for k, (values, rows) in enumerate(self.results):
            reached = [row[self.metric] for row in rows if row.get(self.metric) is not None]
            mean = f"{100 * sum(reached) / len(reached):.1f} %" if reached else "–"
            cells = (str(k + 1), html.escape(_brief(values)), mean, str(len(reached)))
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        head = f"<tr><th>run</th><th>point</th><th>{self.metric.replace('_', ' ')}</th><th>seeds</th></tr>"
        return f"<table>{head}{''.join(lines)}</table>"

    def _ipython_display_(self) -> None:
        bundle: dict[str, Any] = {
            "text/plain": f"Live controls: {', '.join(self.inputs)}",
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.box.model_id,
            },
        }
        if "google.colab" not in sys.modules:  # Colab would show the note in place of the live control
            bundle["text/html"] = f'<p class="companion-live-note">{PAGE_NOTE}</p>'
        display(bundle, raw=True)


class _Watch(Progress):
    """The progress of one run of some controls."""

    def __init__(self, controls: Controls) -> None:
        super().__init__(interval=0.2)
        self.controls = controls
        self.curve: list[tuple[float, float]] = []

    def show(self, done: float, total: float, label: str, metrics: Mapping[str, float]) -> None:
        controls = self.controls
        controls.bar.value = done / total
        left = self.seconds_left(done, total)
        numbers = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in metrics.items())
        remaining = "" if left is None else f", {left:.0f} s left"
        controls.status.value = html.escape(f"{100 * done / total:.0f} %{remaining}. {numbers}")
        if controls.metric in metrics:
            self.curve.append((done, metrics[controls.metric]))
            controls.draw(self.curve)


def _differing(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names whose values are not the same at every point."""
    return [name for name in points[0] if len({str(values[name]) for values in points}) > 1] if points else []


def _brief(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
