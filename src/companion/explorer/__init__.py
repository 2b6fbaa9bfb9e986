"""Explorers: figures with controls that answer at once, on a page without kernel and in a notebook with one.

**From tidy records.** Controls filter the rows; the browser averages over seeds and draws mean and 95 % t-interval::

    from companion.explorer import Explorer, Marker, Panel, Slider
    from companion.records import table

    Explorer.from_table(
        table("results", experiment="few_data", scale="quick"),
        x="per_class", y="test_accuracy", series="arch",
        controls=["per_class", "width"],           # columns; sliders, choices, toggles are made from what is in them
        declaration=FewData,                       # units, help, ranges, logarithmic sliders
        panels=[
            Panel(log_x=True, percent=True, title="Learning curve"),              # takes x, y, series from above
            Panel(y="test_curve", x_label="epoch", percent=True),                 # cells that are lists: curves
            Panel("bars", x="arch", series="", percent=True, fix={"width": 16}),  # also scatter, histogram,
        ],                                                                        # heatmap (value=), images (image=)
        published=[Marker(x=20, y=0.71, label="paper, Table 2", where={"width": 16})],
        start={"per_class": 20}, labels={"test_accuracy": "Test accuracy"},
        title="How far do a few images carry?", caption="Mean of five seeds.", id="few-data",
        train=lambda values, progress: run_one(values, progress),   # with a kernel: "Train this point"
        on_rows=keep,                                               # records the new rows
    )

- A control whose column is an axis moves a rule there; one whose column is the series lets it stand out; any other
  filters. A missing cell belongs to every value (plain ReLU has no slope); a row without x is a level line.
- A mean that would mix runs (a column varies that is no control, axis, series or `fix`) is an error that names it.
- Axes span all the records and stay while controls move; `Panel(low=, high=)` sets the ends of y.
- `explorer.values` holds the present values in a kernel, and can be observed.

**From a closed form** that the browser computes::

    Explorer.from_form(
        "learning_curve",
        controls=[Slider("E_min", 0, 0.3, 0.05, step=0.005), Slider("a", 0.5, 20, 4, log=True), Slider("b", 0, 20, 1)],
        data=points, extra={"low": 1, "high": 1000}, title="The closed form", id="closed-form",
        fallback=lambda values: matplotlib_figure(**values),        # what readers without scripts see
    )

The form stands in ``explorer/forms/<chapter>.js``; the file is a scope of its own and is bundled by being there::

    registerForm("learning_curve", ({ E_min, a, b }, { maths, extra, series, column }) => ({
      panels: [{ kind: "line", title: "", x: { label: "n", log: true }, y: { label: "error", percent: true },
                 series: [{ name: "closed form", x: [...], y: [...], slot: 0 },           // low, high: a band
                          ...series("n", "error")],                                       // rows of data, averaged
                 markers: [{ x: 20, y: 0.3, label: "published" }], rule: 20 }],
      readouts: [{ label: "error at 1000", value: 0.05, percent: true }],
    }));

Other panels of a form:

- ``scatter``, as ``line``; a series may have ``style: "points"`` or ``"dashed"``;
- ``bars``: ``x: { label, categories: [...] }``, series of ``x``, ``y``, ``low``, ``high``;
- ``histogram``: series of ``edges`` and ``counts`` (``maths.histogram(sample, low, high, bins)``);
- ``heatmap``: ``x, y: { label, categories }``, rows of ``z`` along y, ``colour: { label, domain }``, ``diverging``;
- ``images``: ``tiles: [{ values: matrix, label, low, high, map }]`` with map ``"grey"``, ``"sequential"`` or
  ``"diverging"``, or ``{ sprite: k, label }``; ``across`` for the number in a row.

Axes take ``label``, ``unit``, ``percent``, ``log``, ``domain`` and ``ticks``. ``maths`` has linspace, logspace, erf,
normalPdf, normalCdf, logGamma, incompleteBeta (to 1e-10), studentQuantile, interval, histogram, matmul, transpose,
singularValues and convolve.

Readers get, without any more work: legend buttons, individual seeds, hovering and arrow keys, CSV, a link to the view
(``#explorer-<id>:width=16``), light and dark, a phone's width, and a static figure in print and without scripts.
"""

import importlib
from typing import TYPE_CHECKING, Any

from companion.explorer.inputs import Choice, Slider, Toggle
from companion.explorer.panels import Marker, Panel

if TYPE_CHECKING:
    from companion.explorer.widget import Explorer

__all__ = ["Choice", "Explorer", "Marker", "Panel", "Slider", "Toggle"]


def __getattr__(name: str) -> Any:
    """Load the widget when it is first asked for: the package itself needs no notebook."""
    if name != "Explorer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module("companion.explorer.widget").Explorer
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise ImportError(
            f"Explorers need {error.name}, which is not installed: pip install 'luebeck-companion[notebooks]'"
        ) from error
