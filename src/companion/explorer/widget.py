"""The explorer as a widget: alive with a kernel through anywidget, and as HTML for pages that have none."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import pandas as pd
import traitlets
from matplotlib import pyplot
from matplotlib.figure import Figure

from companion.errors import unknown
from companion.explorer import bundle
from companion.explorer.columns import plain
from companion.explorer.fallback import compressed, default_figure
from companion.explorer.inputs import Control
from companion.explorer.live import Rows, Train, Trainer
from companion.explorer.page import container
from companion.explorer.panels import Marker, Panel
from companion.explorer.state import form_state, table_state
from companion.parameters import Parameters

Fallback = Figure | Callable[[dict[str, Any]], Figure] | None


class Explorer(anywidget.AnyWidget):
    """A figure with controls that answers at once, with a kernel and without one.

    Make one with :meth:`from_table` or :meth:`from_form` and let it be the last line of a cell.

    Attributes:
        state: everything the browser needs, as one JSON-ready dictionary.
        values: the present values of the controls (with a kernel; ``observe`` works).
    """

    state = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    # ipywidgets 7 shows a widget by this method, which would leave out the HTML.
    _ipython_display_ = None

    @traitlets.default("_esm")
    def _module(self) -> str:
        return bundle.module()

    @traitlets.default("_css")
    def _style(self) -> str:
        return bundle.style()

    def __init__(
        self,
        state: dict[str, Any],
        *,
        fallback: Fallback = None,
        train: Train | None = None,
        on_rows: Callable[[Rows], Any] | None = None,
        table: pd.DataFrame | None = None,
        rebuild: Callable[[pd.DataFrame], dict[str, Any]] | None = None,
    ) -> None:
        self._fallback, self._table, self._rebuild, self._on_rows = fallback, table, rebuild, on_rows
        start = {control["name"]: control["value"] for control in state["controls"]}
        super().__init__(state=state, values=start)
        self.trainer = Trainer(train, self.add_rows, self.send)
        self.on_msg(lambda _widget, message, _buffers: self.trainer.receive(message))

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        x: str | None = None,
        y: str | None = None,
        controls: Sequence[str | Control] = (),
        series: str | None = None,
        seed: str = "seed",
        declaration: type[Parameters] | None = None,
        panels: Sequence[Panel] | None = None,
        published: Sequence[Marker | Mapping[str, Any]] = (),
        start: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        title: str = "",
        caption: str = "",
        log_x: bool | None = None,
        log_y: bool | None = None,
        percent: bool = False,
        id: str = "",
        fallback: Fallback = None,
        train: Train | None = None,
        on_rows: Callable[[Rows], Any] | None = None,
    ) -> "Explorer":
        """An explorer of tidy records: the controls filter the rows, the browser averages over seeds.

        Args:
            table: tidy rows: factor columns, metric columns, a seed; a cell may be a curve (a list of numbers).
            x: column of the x axis of every panel that names none.
            y: column of the y axis of every panel that names none.
            controls: columns to choose from (a slider, a choice or a toggle is made from the column and the
                declaration), or controls made by hand.
            series: column that gives colours and legend (at most 8 values).
            seed: column of the seed; means and 95 % t-intervals are taken over it.
            declaration: the experiment's parameters: units, help, ranges, logarithmic sliders.
            panels: the plots; one line plot of y along x where it is None.
            published: published values to mark.
            start: values of the controls in the first view.
            labels: names of columns for the reader (``{"test_accuracy": "Accuracy on the test set"}``).
            units: units of columns.
            title: title of the figure.
            caption: one or two sentences below it.
            log_x: logarithmic x axes.
            log_y: logarithmic y axes.
            percent: whether y of the default panel is a share to be shown in per cent.
            id: name in the page's address, unique on its page; made of the title where it is empty.
            fallback: the static figure: a Matplotlib figure, or a function of the start values that makes one; drawn
                from the records where it is None.
            train: with a kernel, trains a point that is not recorded: ``train(values, progress) -> rows``.
            on_rows: called with the rows of every trained point, to record them.

        Raises:
            CompanionError: an unknown column (the nearest is named), no rows, or a mean that would mix different runs.
        """
        words = {"labels": labels, "units": units, "title": title, "caption": caption, "id": id, "published": published}
        axes = {"x": x, "y": y, "series": series, "log_x": log_x, "log_y": log_y, "percent": percent, "panels": panels}

        def build(rows: pd.DataFrame) -> dict[str, Any]:
            options = {"controls": controls, "seed": seed, "declaration": declaration, "start": start}
            return table_state(rows, **axes, **words, **options)

        return cls(build(table), fallback=fallback, train=train, on_rows=on_rows, table=table, rebuild=build)

    @classmethod
    def from_form(
        cls,
        form: str,
        *,
        controls: Sequence[Control],
        data: pd.DataFrame | None = None,
        panels: Sequence[Panel] = (),
        extra: Mapping[str, Any] | None = None,
        published: Sequence[Marker | Mapping[str, Any]] = (),
        labels: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        seed: str = "seed",
        title: str = "",
        caption: str = "",
        id: str = "",
        fallback: Fallback = None,
    ) -> "Explorer":
        """An explorer of a closed form that the browser computes; the forms stand in ``explorer/forms/*.js``.

        Args:
            form: the name under which it is registered.
            controls: its arguments as Slider, Choice and Toggle.
            data: measured rows for the form to draw beside its curve (``context.series(x, y, series)``).
            panels: panels of the rows, drawn after those of the form.
            extra: constants for the form (``context.extra``): numbers, lists, arrays.
            published: published values to mark in the form's panels.
            labels: names of the columns of `data`.
            units: units of the columns of `data`.
            seed: column of the seed in `data`.
            title: title of the figure.
            caption: one or two sentences below it.
            id: name in the page's address, unique on its page.
            fallback: the static figure, or a function of the start values that makes one. Give one: without it, readers
                without scripts see the title and caption only.

        Raises:
            CompanionError: an unknown form (the nearest is named), or a control without a valid range.
        """
        words = {"labels": labels, "units": units, "title": title, "caption": caption, "id": id, "published": published}
        state = form_state(form, controls=controls, data=data, panels=panels, extra=extra, seed=seed, **words)
        return cls(state, fallback=fallback)

    def add_rows(self, rows: Rows) -> None:
        """Add measured rows to the records and redraw; they are passed on to `on_rows`.

        Raises:
            CompanionError: a row has no value for a column that the explorer draws.
        """
        for name in self.state["columns"]:
            for row in rows:
                if name not in row:
                    raise unknown("column (the new rows do not have it)", name, row)
        table = pd.concat([self._table, pd.DataFrame(list(rows))], ignore_index=True)
        self.state = self._rebuild(table)
        self._table = table
        if self._on_rows is not None:
            self._on_rows(rows)

    def static_image(self) -> str | None:
        """The static figure as a PNG data URI of at most 40 kB, or None where there is nothing to draw."""
        figure = self._fallback
        if callable(figure):
            figure = figure({control["name"]: plain(control["value"]) for control in self.state["controls"]})
        figure = figure or default_figure(self.state)
        if figure is None:
            return None
        pyplot.close(figure)  # it stands in the explorer's place: the notebook shall not show it a second time
        return compressed(figure)

    def html(self) -> str:
        """The explorer for a page without kernel: static figure and state, which the page's script brings to life."""
        return container(self.state, self.static_image())

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and the HTML for pages; Colab shows the HTML first, so there the live view alone."""
        bundled = super()._repr_mimebundle_(**options) or {}
        data, metadata = bundled if isinstance(bundled, tuple) else (bundled, {})
        if "google.colab" not in sys.modules:
            data = {**data, "text/html": self.html()}
        return data, metadata
