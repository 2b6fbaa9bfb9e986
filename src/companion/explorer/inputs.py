"""The controls of an explorer: sliders, choices and toggles, by hand or from the parameter declaration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from companion.errors import CompanionError, unknown
from companion.explorer.columns import plain
from companion.parameters import ParameterInfo, Parameters


@dataclass(frozen=True)
class Slider:
    """A slider over numbers.

    Attributes:
        name: the column of the records, or the argument of the closed form.
        low: smallest value; with records, needed only for a range beyond what is recorded.
        high: largest value.
        value: value at the start; the middle of the range (or of the recorded values) where it is None.
        step: distance of two values; None gives a hundredth of the range, or sixty equal factors where `log`.
        log: whether equal ways on the slider are equal factors.
        label: name for the reader; `name` with spaces where it is empty.
        unit: unit, in words or SI.
        help: one line that says what the parameter does.
        integer: whether only whole numbers are meant.
    """

    name: str
    low: float | None = None
    high: float | None = None
    value: float | None = None
    step: float | None = None
    log: bool = False
    label: str = ""
    unit: str = ""
    help: str = ""
    integer: bool = False
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A choice among a few values (`choices` may be left empty for a column of the records)."""

    name: str
    choices: tuple[Any, ...] = ()
    value: Any = None
    label: str = ""
    help: str = ""


@dataclass(frozen=True)
class Toggle:
    """A check box."""

    name: str
    value: bool = False
    label: str = ""
    help: str = ""


Control = Slider | Choice | Toggle


def declared(declaration: type[Parameters] | None) -> dict[str, ParameterInfo]:
    """What a declaration says of its parameters, by name."""
    return {info.name: info for info in declaration.describe()} if declaration is not None else {}


def in_words(name: str) -> str:
    """A label made of a column's name: ``test_accuracy`` reads as ``Test accuracy``."""
    return (name[:1].upper() + name[1:]).replace("_", " ") if len(name) > 1 else name


def control_of_column(
    control: str | Control, table: pd.DataFrame, info: ParameterInfo | None, start: Any = None, label: str = ""
) -> Control:
    """The control of one column of the records: its values from the table, its words from the declaration.

    Args:
        control: the column's name, or a control that says more.
        table: tidy records.
        info: what the declaration says of it.
        start: the value to start at, None to choose one.
        label: its name for the reader, where the control does not say it.

    Raises:
        CompanionError: the column does not exist or has no values.
    """
    name = control if isinstance(control, str) else control.name
    if name not in table.columns:
        raise unknown("column", name, map(str, table.columns))
    values = distinct(table[name])
    if not values:
        raise CompanionError(f"Column {name!r} has no values, so it cannot be a control. Leave it out of controls.")
    if isinstance(control, str):
        control = _guess(name, values, info)
    value = start if start is not None else control.value
    words = {"label": control.label or label or in_words(name), "help": control.help or (info.help if info else "")}
    if isinstance(control, Toggle):
        return replace(control, value=bool(value), **words)
    if isinstance(control, Choice):
        choices = control.choices or tuple(values)
        return replace(control, choices=choices, value=_member(name, value, choices), **words)
    middle = values[(len(values) - 1) // 2]
    return replace(
        control, values=tuple(values), value=_member(name, middle if value is None else value, values), **words
    )


def distinct(column: pd.Series) -> list[Any]:
    """The values of a column without repetition and without gaps; numbers in order, else as first met."""
    values = [value for value in dict.fromkeys(plain(cell) for cell in column) if value is not None]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return sorted(values) if numeric else values


def _guess(name: str, values: list[Any], info: ParameterInfo | None) -> Control:
    if all(isinstance(value, bool) for value in values):
        return Toggle(name)
    if any(not isinstance(value, int | float) for value in values):
        return Choice(name)
    integer = all(isinstance(value, int) for value in values) and (info is None or info.kind != "float")
    if info is None:
        return Slider(name, integer=integer)
    return Slider(name, info.low, info.high, log=info.log, unit=info.unit, integer=integer)


def _member(name: str, value: Any, values: Sequence[Any]) -> Any:
    if value is None:
        return values[0]
    if value not in values:
        raise unknown(f"value of {name}", str(value), map(str, values))
    return value


def check_form_control(control: Control) -> Control:
    """A control of a closed form, complete: range checked, label and start value filled in.

    Raises:
        CompanionError: no range, an empty range, a logarithmic one that includes 0, or a start outside it.
    """
    label = control.label or in_words(control.name)
    if isinstance(control, Toggle):
        return replace(control, label=label)
    if isinstance(control, Choice):
        if not control.choices:
            raise CompanionError(f"Choice {control.name!r} has no choices: give choices=(...).")
        return replace(control, label=label, value=_member(control.name, control.value, control.choices))
    low, high = control.low, control.high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise CompanionError(f"Slider {control.name!r} needs finite low < high, not low={low}, high={high}.")
    if control.log and low <= 0:
        raise CompanionError(f"Slider {control.name!r} is logarithmic: low={low} must be above 0.")
    middle = math.sqrt(low * high) if control.log else (low + high) / 2
    value = middle if control.value is None else control.value
    if not low <= value <= high:
        raise CompanionError(f"Slider {control.name!r} starts at {value}, outside {low} to {high}.")
    return replace(control, label=label, value=value)


def to_json(control: Control) -> dict[str, Any]:
    """A control as the browser reads it."""
    kind = type(control).__name__.lower()
    fields = {name: plain(value) for name, value in vars(control).items()}
    kept = {name: value for name, value in fields.items() if value not in ("", None, []) and value is not False}
    return {"kind": kind} | kept | {"value": fields["value"]}
