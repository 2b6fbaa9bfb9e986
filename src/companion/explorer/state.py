"""The state of an explorer: one JSON-ready dictionary, from tidy records or for a closed form."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from companion.errors import CompanionError, unknown
from companion.explorer import bundle, sprite
from companion.explorer.columns import encode_table, plain
from companion.explorer.inputs import (
    Choice,
    Control,
    Slider,
    check_form_control,
    control_of_column,
    declared,
    distinct,
    in_words,
    to_json,
)
from companion.explorer.panels import Marker, Panel, complete
from companion.parameters import Parameters

VERSION = 1
MOST_SERIES = 8


def table_state(
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
) -> dict[str, Any]:
    """The state of an explorer of tidy records; :meth:`Explorer.from_table` explains the arguments."""
    if table.empty:
        raise CompanionError("The table has no rows: run the experiment first, or check the filter of the records.")
    names = [str(name) for name in table.columns]
    infos = declared(declaration)
    shared = {"x": x, "y": y, "series": series, "log_x": log_x, "log_y": log_y}
    first = Panel(kind="line", percent=percent)
    panels = [complete(panel, names, **shared) for panel in (panels or [first])]
    start = dict(start or {})
    inputs = [
        control_of_column(control, table, infos.get(name), start.pop(name, None), (labels or {}).get(name, ""))
        for control in controls
        for name in [control if isinstance(control, str) else control.name]
    ]
    if start:
        raise unknown("control in start", next(iter(start)), [control.name for control in inputs])
    _check_series(table, panels)
    check_single(table, panels, [control.name for control in inputs], seed)
    used = _used_columns(panels, inputs, seed, names)
    table, pictures = with_sprite(table[used], panels)
    return {
        "version": VERSION,
        "id": identifier(id, title),
        "title": title,
        "caption": caption,
        "controls": [to_json(control) for control in inputs],
        "columns": {name: _meaning(name, infos, labels, units) for name in used},
        "seed": seed,
        "panels": [panel.to_json() for panel in panels],
        "data": encode_table(table, exact=_exact(panels, inputs, seed)),
        "sprite": pictures,
        "form": None,
        "extra": {},
        "published": [_marker(one, panels, inputs) for one in published],
    }


def form_state(
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
) -> dict[str, Any]:
    """The state of an explorer of a closed form; :meth:`Explorer.from_form` explains the arguments."""
    known = bundle.form_names()
    if form not in known:
        raise unknown("closed form", form, known)
    data = pd.DataFrame() if data is None else data
    names = [str(name) for name in data.columns]
    panels = [complete(panel, names) for panel in panels]
    inputs = [check_form_control(control) for control in controls]
    images = [panel for panel in panels if panel.kind == "images"]
    data, pictures = with_sprite(data, images)
    markers = [one if isinstance(one, Marker) else Marker(**one) for one in published]
    exact = {name for name in names if not pd.api.types.is_float_dtype(data[name])} | {seed}
    return {
        "version": VERSION,
        "id": identifier(id, title),
        "title": title,
        "caption": caption,
        "controls": [to_json(control) for control in inputs],
        "columns": {name: _meaning(name, {}, labels, units) for name in names},
        "seed": seed,
        "panels": [panel.to_json() for panel in panels],
        "data": encode_table(data, exact=exact | {c for p in panels for c in p.columns if c != p.y}),
        "sprite": pictures,
        "form": {"name": form},
        "extra": plain_tree(extra or {}),
        "published": [one.to_json() for one in markers],
    }


def identifier(id: str, title: str) -> str:
    """The explorer's name in the page and in its address; made of the title where none is given.

    Raises:
        CompanionError: the name has other characters than lower-case letters, digits, - and _, or there is no title.
    """
    name = id or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48]
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise CompanionError(
            f"id={name!r}: give a name of lower-case letters, digits, - and _ that is unique on its page."
        )
    return name


def plain_tree(value: Any) -> Any:
    """JSON-ready copy of nested mappings and lists, tensors and arrays included."""
    if isinstance(value, Mapping):
        return {str(name): plain_tree(element) for name, element in value.items()}
    if isinstance(value, list | tuple):
        return [plain_tree(element) for element in value]
    return plain(value)


def with_sprite(table: pd.DataFrame, panels: Iterable[Panel]) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """The table with its images replaced by tile numbers, and the sprite that holds them."""
    columns = list(dict.fromkeys(panel.image for panel in panels if panel.image))
    if not columns:
        return table, None
    if len(columns) > 1:
        raise CompanionError(
            f"One column of images in an explorer; found {', '.join(columns)}. Put them in one column."
        )
    cells = [None if cell is None or isinstance(cell, float) else cell for cell in table[columns[0]]]
    numbers, pictures = sprite.pack(cells)
    return table.assign(**{columns[0]: pd.Series(numbers, index=table.index, dtype=object)}), pictures


def check_single(table: pd.DataFrame, panels: Iterable[Panel], controls: Sequence[str], seed: str) -> None:
    """Every drawn mean must be over seeds alone.

    Raises:
        CompanionError: at one place of a panel a seed occurs twice because another column varies; it is named.
    """
    if seed not in table.columns:
        return
    for panel in panels:
        if panel.kind not in ("line", "bars"):
            continue
        rows = table
        for name, value in panel.fix.items():
            rows = rows[(rows[name] == value) | rows[name].isna()]
        axes = [name for name in (panel.x, panel.series, *controls, seed) if name and not _has_lists(table[name])]
        cells = rows.groupby(list(dict.fromkeys(axes)), dropna=False, sort=False)
        if len(rows) == 0 or cells.ngroups == len(rows):
            continue
        crowded = rows[rows.duplicated(list(dict.fromkeys(axes)), keep=False)]
        one = next(iter(crowded.groupby(list(dict.fromkeys(axes)), dropna=False)))[1]
        culprits = [str(name) for name in table.columns if not _has_lists(one[name]) and one[name].nunique() > 1]
        culprits = [name for name in culprits if name != panel.y]
        raise CompanionError(
            f"{panel.kind} of {panel.y!r}: {len(one)} rows have the same seed at one place, so the mean would mix "
            f"different runs. These columns vary there: {', '.join(culprits) or 'none (the rows are repeated)'}. "
            "Make one a control or the series, or fix it with Panel(fix={...})."
        )


def _has_lists(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(cell, list | tuple) or hasattr(cell, "shape") for cell in column)


def _check_series(table: pd.DataFrame, panels: Iterable[Panel]) -> None:
    for panel in panels:
        count = len(distinct(table[panel.series])) if panel.series else 0
        if count > MOST_SERIES:
            raise CompanionError(
                f"Series column {panel.series!r} has {count} values; at most {MOST_SERIES} colours can be told apart. "
                "Filter the table, or make the column a control."
            )


def _used_columns(panels: Sequence[Panel], inputs: Sequence[Control], seed: str, names: Sequence[str]) -> list[str]:
    wanted = [control.name for control in inputs] + [name for panel in panels for name in panel.columns]
    return [name for name in dict.fromkeys([*wanted, seed]) if name in names]


def _exact(panels: Sequence[Panel], inputs: Sequence[Control], seed: str) -> set[str]:
    """Columns whose values are compared: factors, never the metrics."""
    axes = {name for panel in panels for name in (panel.series, panel.label, *panel.fix) if name}
    axes |= {panel.x for panel in panels if panel.x and panel.kind in ("line", "bars", "heatmap")}
    axes |= {panel.y for panel in panels if panel.y and panel.kind == "heatmap"}
    return axes | {control.name for control in inputs} | {seed}


def _meaning(
    name: str, infos: Mapping[str, Any], labels: Mapping[str, str] | None, units: Mapping[str, str] | None
) -> dict[str, str]:
    info = infos.get(name)
    meaning = {"label": (labels or {}).get(name) or in_words(name)}
    unit = (units or {}).get(name) or (info.unit if info else "")
    return meaning | ({"unit": unit} if unit else {})


def _marker(one: Marker | Mapping[str, Any], panels: Sequence[Panel], inputs: Sequence[Control]) -> dict[str, Any]:
    marker = one if isinstance(one, Marker) else Marker(**one)
    if not 0 <= marker.panel < len(panels):
        raise CompanionError(
            f"Marker {marker.label!r}: panel={marker.panel}, but there are {len(panels)} panels (from 0)."
        )
    known = {control.name: control for control in inputs}
    for name, value in marker.where.items():
        if name not in known:
            raise unknown("control in where", name, known)
        control = known[name]
        values = (
            control.choices if isinstance(control, Choice) else control.values if isinstance(control, Slider) else None
        )
        if values is not None and value not in values:
            raise unknown(f"value of {name} in where", str(value), map(str, values))
    return marker.to_json()
