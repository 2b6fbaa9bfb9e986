"""The static figure that stands in an explorer's place where no script runs: print, GitHub, scripts switched off."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from PIL import Image

from companion.explorer.columns import decode_column
from companion.statistics import mean_interval

MOST_BYTES = 40_000
COLOURS = ("#0072b2", "#d55e00", "#00805f", "#b3568f", "#2f8fc4", "#a87200", "#5b5f66", "#7a3db8")


def compressed(figure: Figure, most: int = MOST_BYTES) -> str:
    """A figure as a PNG data URI of at most `most` bytes: fewer colours first, then fewer pixels."""
    data = b""
    for dpi in (130, 110, 90, 72, 60, 48):
        stream = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(stream, format="png", dpi=dpi, facecolor="white", bbox_inches="tight")
        picture = Image.open(stream).convert("RGB")
        stream = io.BytesIO()
        picture.quantize(48, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
        data = stream.getvalue()
        if len(data) * 4 / 3 <= most:
            break
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def default_figure(state: Mapping[str, Any]) -> Figure | None:
    """The first view of an explorer of records, drawn with Matplotlib; None where there is nothing to draw."""
    panels = [panel for panel in state["panels"] if panel["kind"] in DRAW]
    if not panels:
        return None
    rows = _rows(state)
    start = {control["name"]: control["value"] for control in state["controls"]}
    figure = Figure(figsize=(5.2 * min(len(panels), 2), 3.5 * ((len(panels) + 1) // 2)), layout="constrained")
    grid = figure.subplots((len(panels) + 1) // 2, min(len(panels), 2), squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        used = {panel.get(name) for name in ("x", "y", "series", "value")}
        wanted = {name: value for name, value in start.items() if name not in used} | panel.get("fix", {})
        shown = [
            row for row in rows if all(row.get(name) in (value, None) for name, value in wanted.items() if name in row)
        ]
        DRAW[panel["kind"]](axes, panel, shown, state)
        _finish(axes, panel, state)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure


def _rows(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    data = state["data"]
    columns = {name: decode_column(column, data["rows"]) for name, column in data["columns"].items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _groups(panel: Mapping[str, Any], rows: list[dict[str, Any]]) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row.get(panel.get("series", "")), []).append(row)
    return groups


def _samples(panel: Mapping[str, Any], rows: list[dict[str, Any]]) -> dict[Any, list[float]]:
    samples: dict[Any, list[float]] = {}
    for row in rows:
        y = row[panel["y"]]
        x = row.get(panel.get("x", ""))
        curve = isinstance(y, list)
        places = x if isinstance(x, list) else range(1, len(y) + 1) if curve else [x]
        for place, value in zip(places, y if curve else [y], strict=False):
            if value is not None:
                samples.setdefault(place, []).append(value)
    return samples


def _line(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    for (name, group), colour in zip(_groups(panel, rows).items(), COLOURS, strict=False):
        samples = _samples(panel, group)
        label = None if name is None else str(name)
        if None in samples:
            axes.axhline(mean_interval(samples[None]).mean, color=colour, ls="--", label=label)
            continue
        x = sorted(samples)
        summary = [mean_interval(samples[place]) for place in x]
        axes.plot(
            x, [one.mean for one in summary], color=colour, marker="o" if len(x) < 25 else None, ms=4, label=label
        )
        axes.fill_between(
            x, [one.low for one in summary], [one.high for one in summary], color=colour, alpha=0.15, lw=0
        )


def _bars(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    groups = _groups(panel, rows)
    places = list(dict.fromkeys(row[panel["x"]] for row in rows))
    width = 0.8 / max(len(groups), 1)
    for k, ((name, group), colour) in enumerate(zip(groups.items(), COLOURS, strict=False)):
        samples = _samples(panel, group)
        summary = {place: mean_interval(samples[place]) for place in places if place in samples}
        x = [places.index(place) + width * (k - (len(groups) - 1) / 2) for place in summary]
        error = [0 if np.isnan(one.high) else one.high - one.mean for one in summary.values()]
        axes.bar(
            x, [one.mean for one in summary.values()], width * 0.92, yerr=error, color=colour, capsize=3, label=name
        )
    axes.set_xticks(range(len(places)), [str(place) for place in places])


def _scatter(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    for (name, group), colour in zip(_groups(panel, rows).items(), COLOURS, strict=False):
        pairs = [(row[panel["x"]], row[panel["y"]]) for row in group]
        pairs = [pair for pair in pairs if None not in pair]
        axes.scatter(*zip(*pairs, strict=True) if pairs else ([], []), s=14, color=colour, alpha=0.75, label=name)


def _histogram(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    for (name, group), colour in zip(_groups(panel, rows).items(), COLOURS, strict=False):
        cells = [row[panel["x"]] for row in group]
        sample = [
            value for cell in cells for value in (cell if isinstance(cell, list) else [cell]) if value is not None
        ]
        axes.hist(sample, panel.get("bins", 24), color=colour, alpha=0.35, histtype="stepfilled", ec=colour, label=name)


def _heatmap(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    x, y = (sorted({row[panel[name]] for row in rows if row[panel[name]] is not None}) for name in ("x", "y"))
    z = np.full((len(y), len(x)), np.nan)
    for r, b in enumerate(y):
        for c, a in enumerate(x):
            cell = [row[panel["value"]] for row in rows if row[panel["x"]] == a and row[panel["y"]] == b]
            z[r, c] = np.mean([value for value in cell if value is not None] or [np.nan])
    picture = axes.imshow(z, origin="lower", aspect="auto", cmap="RdBu_r" if panel.get("diverging") else "cividis")
    axes.set_xticks(range(len(x)), map(str, x))
    axes.set_yticks(range(len(y)), map(str, y))
    axes.figure.colorbar(picture, ax=axes, label=state["columns"][panel["value"]]["label"])


def _images(axes: Axes, panel: Mapping[str, Any], rows: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
    sprite = state["sprite"]
    width, height, across = sprite["width"], sprite["height"], sprite["across"]
    sheet = Image.open(io.BytesIO(base64.b64decode(sprite["uri"].split(",")[1]))).convert("RGB")
    tiles = [row[panel["image"]] for row in rows if row[panel["image"]] is not None][: min(panel.get("most", 60), 32)]
    gap = max(1, width // 12)
    side = 8 * (width + gap) - gap
    board = Image.new("RGB", (side, max(1, -(-len(tiles) // 8)) * (height + gap) - gap), "white")
    for k, tile in enumerate(tiles):
        left, top = tile % across * width, tile // across * height
        picture = sheet.crop((left, top, left + width, top + height))
        board.paste(picture, (k % 8 * (width + gap), k // 8 * (height + gap)))
    axes.imshow(board, interpolation="nearest")


def _finish(axes: Axes, panel: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    axes.set_title(panel.get("title", ""), fontsize=10)
    if panel["kind"] == "images":
        axes.set_axis_off()
        return
    names = state["columns"]
    axes.set_xlabel(names[panel["x"]]["label"] if panel.get("x") else panel.get("x_label") or "step")
    axes.set_ylabel("count" if panel["kind"] == "histogram" else names[panel["y"]]["label"])
    if panel.get("log_x") and panel["kind"] != "bars":
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if panel.get("log_y"):
        axes.set_yscale("log")
    if panel.get("percent") and panel["kind"] != "heatmap":
        axis = axes.xaxis if panel["kind"] == "histogram" else axes.yaxis
        axis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    for one in state["published"] if panel["kind"] in ("line", "scatter") else []:
        if one["panel"] == state["panels"].index(panel) and not one["where"]:
            if one["x"] is None:
                axes.axhline(one["y"], color="k", ls="--", lw=1, label=one["label"])
            else:
                axes.plot(one["x"], one["y"], "kD", mfc="white", label=one["label"])
    axes.spines[["top", "right"]].set_visible(False)
    if any(not str(label).startswith("_") for label in axes.get_legend_handles_labels()[1]):
        axes.legend(fontsize=8, frameon=False)


DRAW = {
    "line": _line,
    "bars": _bars,
    "scatter": _scatter,
    "histogram": _histogram,
    "heatmap": _heatmap,
    "images": _images,
}
