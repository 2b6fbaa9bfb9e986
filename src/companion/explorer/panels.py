"""What an explorer draws: its panels and the published values marked in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from companion.errors import CompanionError, unknown
from companion.explorer.columns import plain

Kind = Literal["line", "scatter", "bars", "histogram", "heatmap", "images"]
NEEDS: dict[str, tuple[str, ...]] = {
    "line": ("y",),
    "scatter": ("x", "y"),
    "bars": ("x", "y"),
    "histogram": ("x",),
    "heatmap": ("x", "y", "value"),
    "images": ("image",),
}


@dataclass(frozen=True)
class Panel:
    """One plot of the records.

    A control filters a panel's rows unless the panel uses its column as an axis or as its series: the control of the
    x axis moves a rule along it, and the control of the series column makes one series stand out. A row whose cell is
    missing belongs to every value (plain ReLU has no slope), and a row without x is drawn as a level line.

    Attributes:
        kind: ``line`` (mean over seeds and 95 % t-interval along x; cells of y may be curves, which are lists),
            ``scatter`` (every row a dot), ``bars`` (mean and interval for each x), ``histogram`` (of column x),
            ``heatmap`` (mean of `value` over x and y) or ``images`` (pictures of column `image`).
        x: column of the horizontal axis; for curves a column of lists, or None to count 1, 2, 3, ...
        y: column of the vertical axis.
        series: column that gives colours and legend; ``""`` for none where the explorer has one.
        value: column of a heat map's colour.
        image: column of images: arrays [H, W] or [H, W, 3], uint8 or in [0, 1].
        label: column of the images' captions.
        fix: values that rows must have here whatever the controls say, such as ``{"arm": "sugar"}``.
        title: heading of the panel.
        log_x: logarithmic x axis; None takes the explorer's.
        log_y: logarithmic y axis; None takes the explorer's.
        percent: whether y (the colour of a heat map, the x of a histogram) is a share to be shown in per cent.
        low: end of the y axis; by default the axis spans all the records and stays while the controls move.
        high: end of the y axis.
        bins: number of bins of a histogram.
        across: images in a row.
        most: most images shown.
        diverging: colours of a heat map from blue by white to red, for signed values.
        x_label: title of the x axis of curves that have no x column.
    """

    kind: Kind = "line"
    x: str | None = None
    y: str | None = None
    series: str | None = None
    value: str | None = None
    image: str | None = None
    label: str | None = None
    fix: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    log_x: bool | None = None
    log_y: bool | None = None
    percent: bool = False
    low: float | None = None
    high: float | None = None
    bins: int = 24
    across: int | None = None
    most: int = 60
    diverging: bool = False
    x_label: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the panel reads."""
        named = (self.x, self.y, self.series, self.value, self.image, self.label, *self.fix)
        return tuple(dict.fromkeys(name for name in named if name))

    def to_json(self) -> dict[str, Any]:
        """The panel as the browser reads it."""
        fields = {name: plain(value) if name != "fix" else value for name, value in vars(self).items()}
        fields["fix"] = {name: plain(value) for name, value in self.fix.items()}
        keep = {"kind": self.kind}
        defaults = vars(Panel())
        return keep | {name: value for name, value in fields.items() if value != defaults[name]}


@dataclass(frozen=True)
class Marker:
    """A published value: a diamond at (x, y), or a dashed level where x is None.

    Attributes:
        y: the value, in the units of the panel's column.
        x: its place on the x axis.
        label: what it is and where it stands, such as ``"paper, Table 2"``.
        panel: number of the panel, from 0.
        where: values of controls at which it applies; elsewhere it is not shown.
    """

    y: float
    x: Any = None
    label: str = "published"
    panel: int = 0
    where: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The marker as the browser reads it."""
        where = {name: plain(value) for name, value in self.where.items()}
        return {"x": plain(self.x), "y": plain(self.y), "label": self.label, "panel": self.panel, "where": where}


def complete(panel: Panel, columns: Iterable[str], **shared: Any) -> Panel:
    """A panel with the explorer's own x, y, series and axes where it says nothing, and its columns checked.

    Raises:
        CompanionError: an unknown kind or column (the nearest is named), or a column the kind needs is not given.
    """
    if panel.kind not in NEEDS:
        raise unknown("kind of panel", panel.kind, NEEDS)
    inherited = set(NEEDS[panel.kind]) | {"series", "log_x", "log_y"} | ({"x"} if panel.kind == "line" else set())
    if panel.kind in ("heatmap", "images"):
        inherited -= {"series"}
    curves = panel.kind == "line" and panel.x is None and panel.y is not None and panel.x_label
    if curves:
        inherited -= {"x", "log_x"}
    given = {name: value for name, value in shared.items() if name in inherited and getattr(panel, name) is None}
    panel = replace(panel, **given)
    for name in NEEDS[panel.kind]:
        if not getattr(panel, name):
            raise CompanionError(f"A panel of kind {panel.kind!r} needs {name}=, the name of a column.")
    known = [str(name) for name in columns]
    for name in panel.columns:
        if name not in known:
            raise unknown("column", name, known)
    return panel
