"""The grid of a sweep: for every parameter the values it takes, checked against the declaration before anything runs.

What ``--set NAME=VALUES`` may say::

    surrogate=relu,b_silu        a list
    seed=0..9                    whole numbers, both ends included
    dropout=0..0.5:lin6          6 numbers at equal distances
    lr=1e-3..1e-1:log5           5 numbers at equal ratios
    per_class=1..5,10,20         ranges can stand in a list
    widths=4,16,48               a parameter that is itself a list: one value, as in `companion run`
    widths=[4],[16,48]           two values of such a parameter
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from companion.errors import CompanionError, unknown
from companion.parameters import ParameterInfo, Parameters
from companion.scales import SCALES, Scale

MOST = 100_000  # points of a grid; a slip of the pen (seed=0..1e9) is an error rather than a full memory
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}?)\.\.({_NUMBER})(?::(lin|log)(\d+))?")


@dataclass(frozen=True)
class Axis:
    """A parameter and the values that it takes, each read and checked."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Grid:
    """The product of the axes; the last one runs fastest."""

    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for values in product(*(axis.values for axis in self.axes)):
            yield {axis.name: value for axis, value in zip(self.axes, values, strict=True)}


def make_grid(values: Mapping[str, Any], declaration: type[Parameters], scale: Scale = "quick") -> Grid:
    """The grid of values given in Python: ``{"surrogate": ["relu", "b_silu"], "seed": range(10), "epochs": 40}``.

    Args:
        values: for every parameter a sequence of the values it takes, or one single value. What a parameter that is
            itself a list takes is a sequence of lists.
        declaration: of the experiment.
        scale: whose defaults the other parameters have.

    Raises:
        CompanionError: names all unknown parameters (with the nearest known one) and all values that are not allowed.
    """
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    given = {name: list(value) if _is_sequence(value) else [value] for name, value in values.items()}
    known = {info.name: info for info in declaration.describe()}
    wrong, axes = [], []
    for name, candidates in given.items():
        if name not in known:
            wrong.append(str(unknown(f"parameter of {declaration.__name__}", name, known)))
            continue
        if not candidates:
            wrong.append(f"Parameter {name!r} is given no value.")
        checked, errors = _check(declaration, scale, name, candidates)
        axes.append(Axis(name, tuple(checked)))
        wrong += errors
    if wrong:
        raise CompanionError(" ".join(wrong))
    return _not_too_large(Grid(tuple(axes)))


def read_grid(settings: Mapping[str, str], declaration: type[Parameters], scale: Scale = "quick") -> Grid:
    """The grid of the command line's settings, by name, such as ``{"seed": "0..9"}``; see the module's examples.

    Raises:
        CompanionError: as :func:`make_grid`, or a range that cannot be read.
    """
    known = {info.name: info for info in declaration.describe()}
    values = {name: read_values(known[name], text) if name in known else [text] for name, text in settings.items()}
    return make_grid(values, declaration, scale)


def read_values(info: ParameterInfo, text: str) -> list[Any]:
    """The values that a text names for a parameter; they are not checked yet.

    Raises:
        CompanionError: a range that cannot be read, or brackets that do not match.
    """
    if info.kind == "list":
        return _read_lists(info, text)
    numeric = info.kind in ("int", "float") or all(isinstance(c, int | float) for c in info.choices or ("text",))
    values: list[Any] = []
    for part in _split(text, info.name):
        values += _read_range(info, part) if numeric and ".." in part else [part]
    return values


def _read_lists(info: ParameterInfo, text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        if ".." in text:
            raise CompanionError(
                f"--set {info.name}={text}: {info.name!r} takes lists, and a range could mean one or many. "
                f"Write each value in brackets, such as '{info.name}=[1],[2],[3]'."
            )
        return [text]
    parts = _split(text, info.name)
    if not all(part.startswith("[") and part.endswith("]") for part in parts):
        raise CompanionError(f"--set {info.name}={text}: write every list in brackets, such as '{info.name}=[1],[2]'.")
    return parts


def _split(text: str, name: str) -> list[str]:
    """The parts between commas; commas within brackets or double quotes do not count."""
    parts, depth, quoted = [""], 0, False
    for sign in text:
        quoted ^= sign == '"'
        depth += 0 if quoted else (sign == "[") - (sign == "]")
        if sign == "," and not quoted and depth == 0:
            parts.append("")
        elif sign != '"':
            parts[-1] += sign
    if depth or quoted:
        raise CompanionError(f"--set {name}={text}: a bracket or quotation mark has no partner.")
    return [part.strip() for part in parts if part.strip()] or [""]


def _read_range(info: ParameterInfo, text: str) -> list[Any]:
    """``LOW..HIGH``, ``LOW..HIGH:linN`` or ``LOW..HIGH:logN``, both ends included.

    Numbers are kept to six significant digits, so that they have the same keys on every machine.
    """
    found = _RANGE.fullmatch(text)
    where = f"--set {info.name}={text}"
    if not found or not found[1]:
        raise CompanionError(f"{where}: a range is 0..9, 0..1:lin5 or 1e-3..1e-1:log5.")
    low, high, whole = float(found[1]), float(found[2]), info.kind != "float"
    if not low < high:
        raise CompanionError(f"{where}: a range goes from the smaller to the larger number.")
    if found[3] is None:
        if not whole:
            raise CompanionError(
                f"{where}: {info.name!r} is a number; say how many, such as {text}:lin5 or {text}:log5."
            )
        if not (low.is_integer() and high.is_integer() and high - low < MOST):
            raise CompanionError(f"{where}: a range without spacing is of whole numbers, at most {MOST}.")
        return list(range(int(low), int(high) + 1))
    count = int(found[4])
    if not 2 <= count <= MOST:
        raise CompanionError(f"{where}: a range has at least 2 values and at most {MOST}.")
    if found[3] == "log" and low <= 0:
        raise CompanionError(f"{where}: equal ratios need numbers above 0; use :lin{count}.")
    spaced = np.linspace(low, high, count) if found[3] == "lin" else np.geomspace(low, high, count)
    return [round(x) if whole else float(f"{x:.6g}") for x in spaced.tolist()]


def _check(
    declaration: type[Parameters], scale: Scale, name: str, candidates: Sequence[Any]
) -> tuple[list[Any], list[str]]:
    """The values as declared, each once, and what is wrong: the first message, then the other values by name."""
    checked: list[Any] = []
    refused: list[Any] = []
    message = ""
    for candidate in candidates:
        try:
            value = getattr(declaration.at(scale, **{name: candidate}), name)
        except CompanionError as error:
            message = message or str(error)
            refused.append(candidate)
        else:
            checked += [value] if value not in checked[-1:] and value not in checked else []
    if len(refused) < 2:
        return checked, [message] * len(refused)
    others = ", ".join(map(str, refused[1:21])) + (f" and {len(refused) - 21} more" if len(refused) > 21 else "")
    return checked, [f"{message} Not allowed either: {others}."]


def _is_sequence(value: Any) -> bool:
    return not isinstance(value, str | bytes | Mapping) and (hasattr(value, "__iter__"))


def _not_too_large(grid: Grid) -> Grid:
    if len(grid) > MOST:
        counts = " x ".join(f"{len(axis.values)} ({axis.name})" for axis in grid.axes)
        raise CompanionError(f"The grid has {len(grid)} points, {counts}: at most {MOST} in one sweep.")
    return grid
