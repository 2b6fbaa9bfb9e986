"""What a sweep found, at a glance: which parameters vary, a table of means over seeds, a figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from companion.errors import CompanionError, unknown
from companion.figures import MARKERS, PALETTE, mean_with_band
from companion.records import Record, table
from companion.statistics import mean_interval

PREFERRED = ("test_accuracy", "accuracy", "test_error", "error", "loss")
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

    def figure(self, metric: str | None = None, against: str | None = None) -> Figure:
        """A metric against one factor, a line for every combination of the others, with 95 % intervals over seeds."""
        y, x = self.metric(metric), self.abscissa(against)
        others = [factor for factor in self.factors if factor != x]
        figure = Figure(figsize=(7.0, 4.2), layout="constrained", facecolor="white", dpi=110)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        rows = self.rows.dropna(subset=[x, y])
        groups = rows.groupby(others, sort=True, dropna=False) if others else [((), rows)]
        for k, (values, group) in enumerate(groups):
            label = ", ".join(f"{name} {_short(value)}" for name, value in zip(others, values, strict=True))
            colour, marker = PALETTE[k % len(PALETTE)], MARKERS[(k // len(PALETTE)) % len(MARKERS)]
            mean_with_band(axes, group, x, y, label=label or None, colour=colour, marker=marker)
        if _spans_decades(rows[x]):
            axes.set_xscale("log")
        axes.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
        if others:
            axes.legend(frameon=False, fontsize=8, ncols=1 + (len(axes.lines) > 8))
        return figure


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


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
