"""The one declaration of an experiment's parameters.

A declaration is a class; each field says its type, its range, its unit, a line of help and its default at every
scale. It feeds the notebook's parameters cell, the validation of `-p` and `--set`, the command line's help, the
live controls and the explorers' sliders::

    class FewData(Parameters):
        per_class: int = parameter(20, low=1, high=140, log=True, unit="images", help="training images per class")

    FewData.at("quick", per_class=5)      # validated; every other field at its default of that scale
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from companion.errors import CompanionError, unknown
from companion.scales import SCALES, Scale


@dataclass(frozen=True)
class ParameterInfo:
    """What is declared of one parameter: all that a control, a help text or an error message needs."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "text", "list"]
    default: Any
    defaults: dict[Scale, Any]
    low: float | None
    high: float | None
    choices: tuple[Any, ...] | None
    log: bool
    unit: str
    help: str

    @property
    def allowed(self) -> str:
        """The allowed values in words, such as ``1 to 140 images`` or ``lamb, adam, sgd``."""
        if self.choices is not None:
            return ", ".join(str(choice) for choice in self.choices)
        if self.kind == "bool":
            return "true or false"
        kind = {"int": "a whole number", "float": "a number", "list": "a list"}.get(self.kind, "text")
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return kind + unit
        low = "any" if self.low is None else f"{self.low:g}"
        high = "any" if self.high is None else f"{self.high:g}"
        return f"{kind} from {low} to {high}{unit}"


def parameter(
    default: Any,
    *,
    standard: Any = None,
    paper: Any = None,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    log: bool = False,
    unit: str = "",
    help: str = "",
) -> Any:
    """Declare one parameter.

    Args:
        default: value at the `quick` scale.
        standard: value at the `standard` scale, where it differs from `default`.
        paper: value at the `paper` scale, where it differs from that of the `standard` scale.
        low: smallest allowed value (of every element, for a list).
        high: largest allowed value (of every element, for a list).
        choices: the allowed values, when they are few.
        log: whether a slider over the range should be logarithmic.
        unit: the unit, in words or SI.
        help: one line that says what the parameter does.
    """
    standard = default if standard is None else standard
    paper = standard if paper is None else paper
    declared = {
        "defaults": {"quick": default, "standard": standard, "paper": paper},
        "low": low,
        "high": high,
        "choices": choices,
        "log": log,
        "unit": unit,
    }
    return Field(default=default, description=help, json_schema_extra={"companion": declared})


class Parameters(BaseModel):
    """Base class of every declaration: immutable, and no unknown name is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def describe(cls) -> tuple[ParameterInfo, ...]:
        """The declared parameters in order."""
        return tuple(_info(name, field) for name, field in cls.model_fields.items())

    @classmethod
    def at(cls, scale: Scale = "quick", /, **overrides: Any) -> Self:
        """The parameters at a scale, some of them overridden.

        Args:
            scale: ``quick``, ``standard`` or ``paper``.
            overrides: values by name; text such as ``"5"`` is read as the declared type.

        Raises:
            CompanionError: an unknown name, a wrong type or a value out of range; the message names the nearest
                valid name or value.
        """
        if scale not in SCALES:
            raise unknown("scale", scale, SCALES)
        infos = {info.name: info for info in cls.describe()}
        for name in overrides:
            if name not in infos:
                raise unknown(f"parameter of {cls.__name__}", name, infos)
        values = {name: info.defaults[scale] for name, info in infos.items()}
        values |= {name: _read(infos[name], value) for name, value in overrides.items()}
        try:
            parameters = cls(**values)
        except ValidationError as error:
            raise CompanionError(" ".join(_explain(infos, detail) for detail in error.errors())) from None
        for name, info in infos.items():
            _check_range(info, getattr(parameters, name))
        return parameters

    @classmethod
    def given(cls, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """The declared parameters that a notebook's variables set; None stands for the scale's default.

        Imported modules, functions and classes that happen to have a parameter's name are no values of it. Take the
        parameters in the first cell, before other variables can be mistaken for them::

            given = FewData.given(globals())
            record = measure("few_data", scale, **given)
        """
        asked = ((info.name, namespace.get(info.name)) for info in cls.describe())
        return {
            name: value
            for name, value in asked
            if value is not None and not callable(value) and not isinstance(value, ModuleType)
        }

    def values(self) -> dict[str, Any]:
        """The values as plain JSON-ready data, in the order of declaration."""
        return self.model_dump(mode="json")

    def replace(self, **overrides: Any) -> Self:
        """A copy with some values changed, validated again."""
        return type(self).at("quick", **(dict(self) | overrides))


def _info(name: str, field: Any) -> ParameterInfo:
    declared = (field.json_schema_extra or {}).get("companion", {})
    defaults = declared.get("defaults") or dict.fromkeys(SCALES, field.default)
    choices = declared.get("choices")
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
    return ParameterInfo(
        name=name,
        kind=_kind(annotation, choices),
        default=field.default,
        defaults=defaults,
        low=declared.get("low"),
        high=declared.get("high"),
        choices=tuple(choices) if choices is not None else None,
        log=declared.get("log", False),
        unit=declared.get("unit", ""),
        help=field.description or "",
    )


def _kind(annotation: Any, choices: Any) -> Literal["int", "float", "bool", "choice", "text", "list"]:
    if get_origin(annotation) in (tuple, list):
        return "list"
    if choices is not None:
        return "choice"
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    for python_type, kind in ((bool, "bool"), (int, "int"), (float, "float")):
        if python_type in members:
            return kind  # type: ignore[return-value]
    return "text"


def _read(info: ParameterInfo, value: Any) -> Any:
    """Text given for a list is split at commas; the type itself is read by pydantic."""
    if info.kind == "list" and isinstance(value, str):
        return [part.strip() for part in value.strip("[]() ").split(",") if part.strip()]
    if info.kind == "list" and isinstance(value, int | float):
        return [value]
    if info.kind == "choice" and info.choices and isinstance(value, str):
        return next((choice for choice in info.choices if str(choice) == value), value)
    return value


def _explain(infos: dict[str, ParameterInfo], detail: ErrorDetails) -> str:
    info = infos[str(detail["loc"][0])]
    value = detail["input"]
    if info.choices is not None:
        return _not_allowed(info, value)
    return f"Parameter {info.name!r} cannot be {value!r}: it takes {info.allowed}."


def _not_allowed(info: ParameterInfo, value: Any) -> str:
    close = unknown("value", str(value), map(str, info.choices or ())).args[0]
    return f"Parameter {info.name!r}: {close}"


def _check_range(info: ParameterInfo, value: Any) -> None:
    for element in value if info.kind == "list" else (value,):
        if info.choices is not None and element not in info.choices:
            raise CompanionError(_not_allowed(info, element))
        if isinstance(element, bool) or not isinstance(element, int | float):
            continue
        low, high = info.low, info.high
        if (low is not None and not element >= low) or (high is not None and not element <= high):
            close = low if (low is not None and not element >= low) else high
            raise CompanionError(
                f"Parameter {info.name!r} is {element:g}, out of range: it takes {info.allowed}. "
                f"The nearest valid value is {close:g}."
            )
