"""The aliasing demonstration: which of two thin lines survive a step of two pixels.

A 1x1 convolution with stride 2 reads rows 0, 2, 4, ... and never sees the others. A 3x3 kernel with stride 2
sees all rows, but each one through a different row of its weights, so that after the ReLU it answers to even
or to odd rows.
The blur spreads a line over three rows first: then every line leaves something on an even row.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from companion.predefined_filters.filters import smooth_kernel

SIDE = 16
LINES = (4, 9)


def two_lines(rows: Sequence[int] = LINES, side: int = SIDE) -> Tensor:
    """A dark square image with white horizontal lines, one pixel thick.

    Args:
        rows: of the lines, counted from 0 at the top.
        side: of the image in pixels.

    Returns:
        Tensor (1, 1, side, side) of zeros and ones.
    """
    image = torch.zeros(1, 1, side, side)
    image[..., list(rows), :] = 1.0
    return image


def blurred(image: Tensor) -> Tensor:
    """The image (N, 1, H, W) convolved with the 3x3 Gaussian of the skip path, zero padding 1."""
    return F.conv2d(image, smooth_kernel().to(image)[None, None], padding=1)


def subsampled(image: Tensor, blur: bool = False) -> Tensor:
    """What a 1x1 convolution with stride 2 and weight 1 sees of the image (N, 1, H, W), blurred or not."""
    return (blurred(image) if blur else image)[..., ::2, ::2]


def responses(image: Tensor, bank: Tensor) -> Tensor:
    """ReLU(conv2d(image, k, stride 2, zero padding 1)) for every kernel k of the bank.

    Args:
        image: (1, 1, H, W).
        bank: kernels (k, 3, 3).

    Returns:
        Tensor (k, H / 2, W / 2).
    """
    return F.relu(F.conv2d(image, bank[:, None].to(image), stride=2, padding=1))[0]


def lines_seen(output: Tensor, rows: Sequence[int] = LINES, threshold: float = 1e-6) -> Tensor:
    """Which lines left a trace in maps of half the size, read in a column away from the sides of the image.

    Line r can only reach the output rows whose 3x3 window covers it: r / 2 for even r, (r - 1) / 2 and (r +
    1) / 2 for odd r.

    Args:
        output: maps (k, H / 2, W / 2).
        rows: of the lines in the full image.
        threshold: a response above it counts as seen.

    Returns:
        Bool tensor (k, number of lines).
    """
    profile = output[..., output.shape[-1] // 2]
    reached = [profile[:, r // 2 : (r + 1) // 2 + 1].amax(1) for r in rows]
    return torch.stack(reached, dim=1) > threshold
