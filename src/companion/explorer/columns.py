"""Tidy columns as compact JSON: dictionaries for factors, four significant digits for metrics."""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

CODES = "0123456789abcdefghijklmnopqrstuvwxyz"
DIGITS = 4


def encode_table(table: pd.DataFrame, exact: Iterable[str] = ()) -> dict[str, Any]:
    """The columns of a table as JSON-ready data; NaN and infinities become null.

    Args:
        table: tidy rows; a cell may be a list (a curve).
        exact: columns whose values are compared with a control's, and are therefore never rounded.

    Returns:
        ``{"rows": n, "columns": {name: column}}``; :func:`decode_column` says what a column looks like.
    """
    exact = set(exact)
    columns = {str(name): encode_column(table[name].tolist(), name in exact) for name in table.columns}
    return {"rows": len(table), "columns": columns}


def encode_column(cells: list[Any], exact: bool = False) -> dict[str, Any]:
    """One column: ``{"d", "s"}`` or ``{"d", "i"}`` a dictionary with codes, ``{"n", "v"}`` lists, ``{"v"}`` values."""
    cells = [plain(cell) for cell in cells]
    if any(isinstance(cell, list) for cell in cells):
        return _encode_lists(cells)
    values = list(dict.fromkeys((type(cell), cell) for cell in cells))
    floats = any(isinstance(cell, float) for cell in cells)
    if exact or not floats:
        codes = {value: code for code, value in enumerate(values)}
        indices = [codes[type(cell), cell] for cell in cells]
        dictionary = [cell for _, cell in values]
        if len(values) <= len(CODES):
            return {"d": dictionary, "s": "".join(CODES[index] for index in indices)}
        if not all(isinstance(cell, int | float | None) for cell in cells):
            return {"d": dictionary, "i": indices}
        return {"v": cells}
    return {"v": [rounded(cell) for cell in cells]}


def _encode_lists(cells: list[Any]) -> dict[str, Any]:
    lists = [cell if isinstance(cell, list) else [] for cell in cells]
    lengths = {len(one) for one in lists}
    flat = [rounded(value) for one in lists for value in one]
    return {"n": lengths.pop() if len(lengths) == 1 else [len(one) for one in lists], "v": flat}


def decode_column(column: Mapping[str, Any], rows: int) -> list[Any]:
    """The cells of an encoded column, as the browser reads them."""
    if "s" in column:
        return [column["d"][CODES.index(code)] for code in column["s"]]
    if "i" in column:
        return [column["d"][index] for index in column["i"]]
    if "n" not in column:
        return list(column["v"])
    lengths = column["n"] if isinstance(column["n"], list) else [column["n"]] * rows
    ends = np.cumsum([0, *lengths])
    return [column["v"][start:end] for start, end in pairwise(ends)]


def plain(value: Any) -> Any:
    """JSON-ready: NumPy and torch values become Python's, NaN and infinities None."""
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    if hasattr(value, "tolist") and not isinstance(value, str):
        return plain(value.tolist())
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value if isinstance(value, bool | int | str) else str(value)


def rounded(value: Any) -> Any:
    """A number with four significant digits; anything else as it is."""
    return plain(float(f"{value:.{DIGITS}g}")) if isinstance(value, float) else value
