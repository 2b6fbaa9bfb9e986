"""What a sweep found, at a glance: which parameters vary, a table of means over seeds, a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from companion.errors import CompanionError, unknown
from companion.figures import MARKERS, PALETTE, mean_with_band
from companion.records import Record, table
from companion.statistics import mean_interval

PREFERRED = ("test_accuracy", "accuracy", "test_error", "error", "loss")
LINES, PANELS = 8, 5  # in a panel, and in a row or column of panels, before the figure is divided
BOOKKEEPING = {"experiment", "scale", "key", "date", "device"}


@dataclass(frozen=True)
class Summary:
    """The rows of one experiment's records, sorted into what was varied and what was measured.

    Attributes:
        rows: as :func:`companion.records.table`.
        factors: what takes several values: parameters, texts of the rows such as ``arm``, and numbers that every run
            sets alike, such as a ``width``. Seeds are left out, as means are over them.
        metrics: what was measured and varies, the preferred ones first.
    """

    rows: pd.DataFrame
    factors: tuple[str, ...]
    metrics: tuple[str, ...]

    def metric(self, name: str | None = None) -> str:
        """The metric of this name, or the first."""
        if not self.metrics:
            raise CompanionError("The records measured no number that varies.")
        if name is not None and name not in self.metrics:
            raise unknown("metric", name, self.metrics)
        return name or self.metrics[0]

    def means(self, metric: str | None = None) -> pd.DataFrame:
        """Mean, 95 % interval and count of a metric at every combination of the factors."""
        chosen = self.metric(metric)
        rows = self.rows.dropna(subset=[chosen])
        groups = rows.groupby(list(self.factors), sort=True, dropna=False) if self.factors else [((), rows)]
        found = []
        for values, group in groups:
            interval = mean_interval(group[chosen].astype(float).tolist())
            numbers = {"mean": interval.mean, "low": interval.low, "high": interval.high, "count": interval.count}
            found.append(dict(zip(self.factors, values, strict=True)) | numbers)
        return pd.DataFrame(found)

    def abscissa(self, name: str | None = None) -> str:
        """The factor to draw against: the one named, or the number with most values."""
        if name is not None:
            if name not in self.factors:
                raise unknown("varied parameter", name, self.factors)
            return name
        numbers = [factor for factor in self.factors if pd.api.types.is_numeric_dtype(self.rows[factor])]
        if not numbers:
            raise CompanionError("No parameter with numbers was varied: there is nothing to draw against.")
        return max(numbers, key=lambda factor: self.rows[factor].nunique())

    def panels(self, against: str | None = None) -> tuple[str, list[str], list[str]]:
        """Abscissa, factors of the lines, and factors of columns and rows of panels where lines would be too many."""
        x = self.abscissa(against)
        lines = [factor for factor in self.factors if factor != x]
        facets: list[str] = []
        while len(self.rows.groupby(lines, dropna=False)) > LINES if lines else False:
            few = [name for name in lines if self.rows[name].nunique() <= PANELS and self.rows[name].notna().all()]
            if len(facets) == 2 or not few:
                break
            facets.append(max(few, key=lambda name: self.rows[name].nunique()))
            lines.remove(facets[-1])
        return x, lines, facets

    def figure(self, metric: str | None = None, against: str | None = None) -> Figure:
        """A metric against one factor, a line for every combination of the others, with 95 % intervals over seeds."""
        y = self.metric(metric)
        x, lines, facets = self.panels(against)
        rows = self.rows.dropna(subset=[x, y])
        values = [rows[factor].drop_duplicates().sort_values().tolist() for factor in facets]
        values += [[None]] * (2 - len(facets))
        columns, down = len(values[0]), len(values[1])
        size = (3.0 + 4.0 * columns, 0.6 + 3.4 * down)
        figure = Figure(figsize=size, layout="constrained", facecolor="white", dpi=110)
        FigureCanvasAgg(figure)
        grid = figure.subplots(down, columns, squeeze=False, sharex=True, sharey=True)
        styles: dict[str, tuple[str, str]] = {}
        for (row, column), axes in np.ndenumerate(grid):
            chosen = dict(zip(facets, (values[0][column], values[1][row]), strict=False))
            part = rows
            for name, value in chosen.items():
                part = part[part[name] == value]
            for label, group in _lines(part, lines):
                colour, marker = styles.setdefault(label, _style(len(styles)))
                mean_with_band(axes, group, x, y, label=label, colour=colour, marker=marker)
            if _spans_decades(rows[x]):
                axes.set_xscale("log")
            axes.set_title(_label(chosen), fontsize=9, loc="left")
            axes.spines[["top", "right"]].set_visible(False)
        figure.supxlabel(x.replace("_", " "), fontsize=10)
        figure.supylabel(y.replace("_", " "), fontsize=10)
        drawn = {line.get_label(): line for axes in grid.flat for line in axes.lines}
        if lines:
            figure.legend(drawn.values(), drawn.keys(), loc="outside right upper", frameon=False, fontsize=8)
        return figure


def _lines(rows: pd.DataFrame, factors: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    if not factors:
        yield "", rows
        return
    for values, group in rows.groupby(factors, sort=True, dropna=False):
        yield _label(dict(zip(factors, values, strict=True))), group


def _label(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


def _style(k: int) -> tuple[str, str]:
    return PALETTE[k % len(PALETTE)], MARKERS[(k // len(PALETTE)) % len(MARKERS)]


def summarise(records: Sequence[Record]) -> Summary:
    """The summary of one experiment's records.

    Raises:
        CompanionError: there are no rows.
    """
    rows = table(records)
    if not len(rows):
        raise CompanionError("There are no records to show.")
    rows = rows.map(lambda value: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value)
    parameters = {name for record in records for name in record.parameters}
    varying = [name for name in rows.columns if name not in BOOKKEEPING and rows[name].nunique() > 1]
    numbers = [name for name in varying if pd.api.types.is_numeric_dtype(rows[name])]
    measured = [name for name in numbers if name not in parameters and "seed" not in name]
    set_by_run = [name for name in measured if _same_in_every_record(rows, name)]
    factors: list[str] = []
    for name in [name for name in varying if name not in measured] + set_by_run:
        if "seed" in name or name.startswith("curve_") or (name in set_by_run and _follows_from(rows, name, factors)):
            continue
        factors.append(name)
    metrics = [name for name in measured if name not in set_by_run]
    metrics.sort(key=lambda name: next((k for k, word in enumerate(PREFERRED) if word in name), len(PREFERRED)))
    return Summary(rows, tuple(factors), tuple(metrics))


def _same_in_every_record(rows: pd.DataFrame, name: str) -> bool:
    """Whether a column takes the same values in every record: then the run has set them (widths), not measured them."""
    values = rows.groupby("key")[name].agg(lambda column: frozenset(column.dropna()))
    return len(values) > 1 and values.nunique() == 1


def _follows_from(rows: pd.DataFrame, name: str, factors: Sequence[str]) -> bool:
    """Whether the factors fix the column (the count of weights follows from the width)."""
    if not factors:
        return False
    return bool(rows.groupby(list(factors), dropna=False)[name].nunique(dropna=False).max() <= 1)


def _spans_decades(values: pd.Series) -> bool:
    return bool(values.min() > 0 and values.max() / values.min() >= 20)
