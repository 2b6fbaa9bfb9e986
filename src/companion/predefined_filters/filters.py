"""Banks of hand-chosen 3x3 kernels: oriented edges, oriented lines, random kernels, and one that smooths.

With x = column and y = row in {-1, 0, 1} and c = x cos(phi) + y sin(phi), the signed distance to a line
through the centre whose normal points at the angle phi,

    edge:  e(x, y) = sign(c) (1 - exp(-c^2 / (2 sigma^2)))      odd:   e(-x, -y) = -e(x, y)
    line:  l(x, y) = 2 exp(-c^2 / (2 sigma^2))                  even:  l(-x, -y) =  l(x, y)

Both then lose their mean and are divided by their L1 norm, so that sum w = 0 and sum |w| = 1.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

FAMILIES = ("edge", "line", "random", "smooth")
SIGNS = ("+-", "+")
SIGMA_EDGE = 0.9  # 0.3 kernel sides
SIGMA_LINE = 0.45  # 0.15 kernel sides
SIGMA_SMOOTH = 0.75  # 0.25 kernel sides


def filter_bank(
    families: Sequence[str] = ("edge", "line"),
    n_angles: int = 4,
    *,
    sigma_edge: float = SIGMA_EDGE,
    sigma_line: float = SIGMA_LINE,
    sigma_smooth: float = SIGMA_SMOOTH,
    signs: str = "+-",
    n_random: int = 16,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The kernels of the named families one after the other, k = sum over the families of their sizes.

    Oriented families give one kernel (``signs="+"``) or a pair, negative first (``signs="+-"``), at each
    angle phi = 0, 180/n, 2 * 180/n, ... degrees. The defaults give the paper's 16 kernels in the paper's
    order (-e0, +e0, -e45, +e45, ..., -l135, +l135).

    Args:
        families: any of "edge", "line" (both oriented), "random" (i.i.d. U(-1, 1), as drawn: neither
            zero-mean nor normalised nor in pairs) and "smooth" (one positive Gaussian of sum 1).
        n_angles: orientations n of each oriented family; more than four add kernels but no new dimension.
        sigma_edge, sigma_line, sigma_smooth: widths of the profiles in pixels.
        signs: "+-" for pairs of opposite kernels, "+" for the positive ones alone.
        n_random: number of random kernels.
        generator: source of the random kernels (default: torch's global one).
        device, dtype: of the result; the closed forms are computed in float64.

    Returns:
        Tensor (k, 3, 3), rows growing downwards, to be used with ``conv2d`` (correlation: no flip).

    Raises:
        ValueError: for an unknown family or sign rule, and for numbers out of range.

    References:
        Linse, Barth, Martinetz (2023), Sec. 3.3; formulae and order as in the authors' published model file,
        with sign(c) in place of its angle difference, which agrees up to four angles and is right beyond.

    Example:
        >>> filter_bank().shape
        torch.Size([16, 3, 3])
    """
    _check(families, n_angles, signs, n_random)
    angles = [math.pi * i / n_angles for i in range(n_angles)]
    parts = []
    for family in families:
        if family == "random":
            parts.append(torch.rand(n_random, 3, 3, generator=generator, dtype=torch.float64) * 2 - 1)
        elif family == "smooth":
            parts.append(smooth_kernel(sigma_smooth)[None])
        else:
            oriented = edge_kernel if family == "edge" else line_kernel
            sigma = sigma_edge if family == "edge" else sigma_line
            positive = torch.stack([oriented(phi, sigma) for phi in angles])
            parts.append(positive if signs == "+" else _pairs(positive))
    return torch.cat(parts).to(device=device, dtype=dtype)


def filter_names(families: Sequence[str] = ("edge", "line"), n_angles: int = 4, *, signs: str = "+-", n_random=16):
    """Short names of the kernels of :func:`filter_bank` in its order: "-e0", "+e0", ..., "r0", ..., "g".

    Args:
        families, n_angles, signs, n_random: as for :func:`filter_bank`.

    Returns:
        Tuple of k strings; the number is the angle in degrees.
    """
    _check(families, n_angles, signs, n_random)
    degrees = [f"{180 * i / n_angles:g}" for i in range(n_angles)]
    names: list[str] = []
    for family in families:
        if family == "random":
            names += [f"r{i}" for i in range(n_random)]
        elif family == "smooth":
            names.append("g")
        else:
            names += [sign + family[0] + d for d in degrees for sign in ("-+" if signs == "+-" else "+")]
    return tuple(names)


def edge_kernel(phi: float, sigma: float = SIGMA_EDGE) -> Tensor:
    """Edge at the angle ``phi``: sign(c) (1 - exp(-c^2 / (2 sigma^2))), mean 0, L1 norm 1.

    Args:
        phi: angle of the normal in radians; 0 answers to a step from dark on the left to bright on the right.
        sigma: width of the profile in pixels, > 0.

    Returns:
        Tensor (3, 3), float64.
    """
    c = _distance(phi)
    return _balanced(-torch.sign(c) * torch.expm1(-(c**2) / (2 * _positive("sigma", sigma) ** 2)))


def line_kernel(phi: float, sigma: float = SIGMA_LINE) -> Tensor:
    """Bright line with its normal at the angle ``phi``: 2 exp(-c^2 / (2 sigma^2)), mean 0, L1 norm 1.

    Args:
        phi: angle of the normal in radians; 0 answers to a vertical bright line.
        sigma: width of the profile in pixels, > 0.

    Returns:
        Tensor (3, 3), float64.
    """
    c = _distance(phi)
    return _balanced(2 * torch.exp(-(c**2) / (2 * _positive("sigma", sigma) ** 2)))


def smooth_kernel(sigma: float = SIGMA_SMOOTH) -> Tensor:
    """Gaussian blur g = exp(-(x^2 + y^2) / (2 sigma^2)) / sum, the kernel of the skip path.

    Args:
        sigma: standard deviation in pixels, > 0.

    Returns:
        Tensor (3, 3), float64, of sum 1.
    """
    g = torch.exp(-(_grid() ** 2) / (2 * _positive("sigma", sigma) ** 2))
    kernel = torch.outer(g, g)
    return kernel / kernel.sum()


def singular_values(bank: Tensor) -> Tensor:
    """Singular values of the (k, 9) matrix that has one kernel in each row, largest first.

    Args:
        bank: kernels (k, 3, 3).

    Returns:
        Tensor (min(k, 9),), float64.
    """
    return torch.linalg.svdvals(bank.detach().double().flatten(1))


def span(bank: Tensor, tolerance: float = 1e-6) -> int:
    """Dimensions that the kernels span: number of singular values above ``tolerance`` times the largest.

    Args:
        bank: kernels (k, 3, 3).
        tolerance: relative; 1e-6 suits float32 kernels.

    Returns:
        The rank, 0 to 9. All zero-sum kernels together have 8 dimensions.
    """
    values = singular_values(bank)
    return int((values > tolerance * values.max()).sum())


def _grid() -> Tensor:
    return torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)


def _distance(phi: float) -> Tensor:
    """c = x cos(phi) + y sin(phi), (3, 3); exact zeros where the line through the centre passes."""
    x = _grid()
    c = x[None, :] * math.cos(phi) + x[:, None] * math.sin(phi)
    return torch.where(c.abs() < 1e-12, 0.0, c)


def _balanced(kernel: Tensor) -> Tensor:
    kernel = kernel - kernel.mean()
    return kernel / kernel.abs().sum()


def _pairs(positive: Tensor) -> Tensor:
    """(k, 3, 3) -> (2k, 3, 3): each kernel preceded by its negative."""
    return torch.stack([-positive, positive], dim=1).flatten(0, 1)


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} is {value}: the width of a profile must be greater than 0.")
    return value


def _check(families: Sequence[str], n_angles: int, signs: str, n_random: int) -> None:
    if isinstance(families, str):
        raise ValueError(f'families is the string {families!r}: give a sequence, for instance ("{families}",).')
    unknown = [family for family in families if family not in FAMILIES]
    if unknown or not families:
        raise ValueError(f"Unknown filter families {unknown}: choose one or more of {', '.join(FAMILIES)}.")
    if signs not in SIGNS:
        raise ValueError(f'signs is {signs!r}: allowed are "+-" (pairs of opposite kernels) and "+" (positive only).')
    for name, number in (("n_angles", n_angles), ("n_random", n_random)):
        if number < 1:
            raise ValueError(f"{name} is {number}: at least 1 is needed.")
