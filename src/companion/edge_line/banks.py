"""Filter sets of any size: edges, lines, both, random kernels and shifts; number and span vary independently.

The kernels are those of :mod:`companion.predefined_filters`; here they are put in an order whose first N make a
sensible set for every N. More angles make a set larger, but edges never span more than 4 dimensions and lines
never more than 4.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from companion.predefined_filters import edge_kernel, filter_bank, line_kernel

FAMILIES = ("edge+line", "edge", "line", "random", "translating")
MOST = 32
_QUARTERS = (0.0, 90.0, 45.0, 135.0)
_EIGHTHS = (22.5, 112.5, 67.5, 157.5)
_SIXTEENTHS = (11.25, 101.25, 56.25, 146.25, 33.75, 123.75, 78.75, 168.75)
# The first nine: edges at 0 and 90 degrees with both signs, four lines, one diagonal edge (our choice).
_MIXED = (
    *("+e0", "+l90", "+e90", "+l0", "-e0", "-e90", "+l45", "+l135", "+e45"),
    *("-e45", "+e135", "-e135", "-l0", "-l90", "-l45", "-l135"),
)
_SHIFTS = ("N", "S", "W", "E", "NW", "NE", "SW", "SE", "centre")  # the 4, the 8 neighbours, then no shift
_PLACES = {"NW": 0, "N": 1, "NE": 2, "W": 3, "centre": 4, "E": 5, "SW": 6, "S": 7, "SE": 8}  # of the one, row by row


def filter_set(
    family: str = "edge+line",
    n_filters: int = 9,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The first N kernels of a family; every kernel has the L1 norm 1.

    ========================  ========================================================================
    ``edge+line``             edges and lines at 4 angles (16 kernels), then at the angles between
    ``edge``, ``line``        one family: 0 and 90 degrees with both signs, then 45 and 135, then between
    ``random``                i.i.d. U(-1, 1) per entry, divided by the L1 norm
    ``translating``           one-hot: the map shifted by a pixel to 4 or 8 sides; the ninth does not shift
    ========================  ========================================================================

    Args:
        family: one of :data:`FAMILIES`.
        n_filters: N, 1 to 32 (1 to 9 shifts).
        generator: source of the random kernels (default: torch's global one).
        device, dtype: of the result.

    Returns:
        Tensor (N, 3, 3), to be used with ``conv2d`` (correlation: no flip).

    Raises:
        ValueError: an unknown family, or a number of filters that it does not have.

    References:
        Linse, Brueckner, Martinetz (2024): the families; which kernels their sets hold, and in which order, is
        not known. The order is ours.

    Example:
        >>> filter_set("edge+line", 9).shape
        torch.Size([9, 3, 3])
    """
    names = set_names(family, n_filters)
    if family == "random":
        kernels = filter_bank(("random",), n_random=n_filters, generator=generator, dtype=torch.float64)
        kernels = kernels / kernels.abs().sum((1, 2), keepdim=True)
    elif family == "translating":
        kernels = torch.eye(9, dtype=torch.float64)[[_PLACES[name] for name in names]].unflatten(1, (3, 3))
    else:
        kernels = torch.stack([_oriented(name) for name in names])
    return kernels.to(device=device, dtype=dtype)


def set_names(family: str = "edge+line", n_filters: int = 9) -> tuple[str, ...]:
    """Short names of the kernels of :func:`filter_set`: "+e0" (sign, family, angle in degrees), "r0", "NW".

    Shifts stand row by row, so that nine of them are the nine weights of a dense kernel in their usual order.

    Args:
        family, n_filters: as for :func:`filter_set`.

    Returns:
        Tuple of N strings.
    """
    if family not in FAMILIES:
        raise ValueError(f"Unknown filter family {family!r}: choose one of {', '.join(FAMILIES)}.")
    most = 9 if family == "translating" else MOST
    if not 1 <= n_filters <= most:
        raise ValueError(f"n_filters is {n_filters}: the family {family} has 1 to {most} filters.")
    if family == "random":
        return tuple(f"r{i}" for i in range(n_filters))
    if family == "translating":
        return tuple(sorted(_SHIFTS[:n_filters], key=_PLACES.__getitem__))
    order = _MIXED + _between("e", _EIGHTHS) + _between("l", _EIGHTHS) if family == "edge+line" else _one(family[0])
    return order[:n_filters]


# Sets that show that size and span are two things, each a function without arguments.
SETS: dict[str, Callable[[], Tensor]] = {
    "edges, 2 angles, ±": partial(filter_bank, ("edge",), 2),
    "edges, 4 angles, ±": partial(filter_bank, ("edge",), 4),
    "edges, 8 angles, ±": partial(filter_bank, ("edge",), 8),
    "lines, 4 angles, ±": partial(filter_bank, ("line",), 4),
    "lines, 8 angles, ±": partial(filter_bank, ("line",), 8),
    "edges and lines, 2 angles each, ±": partial(filter_bank, ("edge", "line"), 2),
    "edges and lines, 4 angles each, +": partial(filter_bank, ("edge", "line"), 4, signs="+"),
    "edges and lines, 4 angles each, ±": partial(filter_bank, ("edge", "line"), 4),
    "our nine": filter_set,
    "nine shifts": partial(filter_set, "translating"),
    "nine random": partial(filter_set, "random"),
}


def _one(letter: str) -> tuple[str, ...]:
    """The order of a single oriented family: 32 kernels at 16 angles."""
    signed = [sign + letter + f"{a:g}" for pair in (_QUARTERS[:2], _QUARTERS[2:]) for sign in "+-" for a in pair]
    return (*signed, *_between(letter, _EIGHTHS), *_between(letter, _SIXTEENTHS))


def _between(letter: str, angles: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f"{sign}{letter}{angle:g}" for sign in "+-" for angle in angles)


def _oriented(name: str) -> Tensor:
    sign, letter, degrees = name[0], name[1], float(name[2:])
    kernel = (edge_kernel if letter == "e" else line_kernel)(math.radians(degrees))
    return kernel if sign == "+" else -kernel
