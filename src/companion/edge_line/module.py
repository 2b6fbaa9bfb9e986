"""The module of this paper: every channel meets every filter, then ReLU, then a learned 1x1 convolution.

Z[:, c N + i] = ReLU(conv2d(X[:, c], k_i, stride, zero padding 1))      c = 0 .. n_in - 1,  i = 0 .. N - 1
Y             = conv1x1(Z)                                              N n_in n_out weights, no bias

With nine filters these are exactly as many weights as a dense 3x3 convolution from n_in to n_out channels has.
"""

import torch
from torch import Tensor, nn

from companion.edge_line.banks import filter_set
from companion.predefined_filters import PredefinedFilterModule

MODES = ("all_filters", "one_filter")


class EdgeLineModule(PredefinedFilterModule):
    """Y = conv1x1(ReLU(fixed3x3(X))): takes the place of a 3x3 convolution; the host's batch-norm follows.

    It is the module of the earlier paper with f = N, without its batch-norms. N n_in n_out numbers are learned (n_in
    n_out in the mode "one_filter"), and 2 N n_in more with an affine batch-norm in the middle.

    Args:
        n_in, n_out: input and output channels.
        bank: kernels (N, 3, 3); default: nine edges and lines, :func:`~companion.edge_line.banks.filter_set`.
        mode: "all_filters" (each channel meets all N), or "one_filter" (channel c meets filter c mod N, as in a
            PFNet: the number of weights does not depend on N).
        stride: of the fixed convolution.
        relu_mid: the ReLU between the fixed and the 1x1 convolution.
        bn_mid: batch-norm before that ReLU: "none", "plain" (without learned scale) or "affine".
        trainable_kernels: learn the kernels too, starting from ``bank``.

    Shape:
        (B, n_in, H, W) -> (B, n_out, ceil(H / stride), ceil(W / stride)).

    References:
        Linse, Brueckner, Martinetz (2024), abstract: "identical number of trainable parameters", nine or more filters.
        That every channel meets every filter is inferred: it is the reading under which both hold.

    Example:
        >>> sum(p.numel() for p in EdgeLineModule(64, 128).parameters())  # = 64 * 128 * 3 * 3
        73728
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bank: Tensor | None = None,
        *,
        mode: str = "all_filters",
        stride: int = 1,
        relu_mid: bool = True,
        bn_mid: str = "none",
        trainable_kernels: bool = False,
    ):
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}: allowed are {' and '.join(MODES)}.")
        bank = filter_set() if bank is None else bank
        super().__init__(
            n_in,
            n_out,
            bank,
            f=len(bank) if mode == "all_filters" else 1,
            stride=stride,
            relu_mid=relu_mid,
            trainable_kernels=trainable_kernels,
            mid_norm=bn_mid,
            out_norm=False,
        )


@torch.no_grad()
def shift_identity(channels: int = 16, side: int = 12) -> float:
    """Largest difference between a dense 3x3 convolution and nine shifts, ReLU and 1x1 with the same weights.

    On inputs without negative values the ReLU after a shift does nothing, so the two are one function.

    Args:
        channels: in and out.
        side: of the input, which is |N(0, 1)|, in pixels.

    Returns:
        The difference, for outputs of about unit size; rounding only.
    """
    generator = torch.Generator().manual_seed(0)
    dense = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    module = EdgeLineModule(channels, channels, filter_set("translating"))
    dense.weight.copy_(torch.randn(dense.weight.shape, generator=generator) / (9 * channels) ** 0.5)
    module.pointwise.weight.copy_(dense.weight.flatten(1)[:, :, None, None])
    x = torch.randn(4, channels, side, side, generator=generator).abs()
    return float((dense(x) - module(x)).abs().max())
