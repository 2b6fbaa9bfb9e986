"""The Pre-defined Filter Module (PFM): fixed 3x3 kernels, ReLU, and a learned 1x1 convolution.

Z[:, j] = conv2d(X[:, j // f], k_{j mod k}, stride, zero padding 1)      j = 0 .. f n_in - 1
Z       = ReLU(BN(Z))
Y       = BN(conv1x1(Z))
"""

import torch.nn.functional as F
from torch import Tensor, nn

from companion.predefined_filters.filters import SIGMA_SMOOTH, filter_bank, smooth_kernel
from companion.predefined_filters.recomputation import RecomputedMixing, follow

MID_NORMS = ("affine", "plain", "none")


class FixedConvolution(nn.Module):
    """Every input channel meets ``f`` kernels of one bank: Z[:, j] = conv2d(X[:, j // f], k_{j mod k}).

    The bank is one small tensor ``kernels`` (k, 1, 3, 3) that all channels share. Frozen, it is a buffer: it
    moves and is saved with the network and no optimiser sees it. Trainable, it is a parameter and is indexed
    inside autograd, so that its gradient is the sum over the channels that use a kernel.

    Args:
        n_in: input channels.
        bank: kernels (k, 3, 3); copied.
        f: kernels each channel meets; the output has f n_in channels.
        stride: of the convolution.
        trainable: whether the bank is learned.

    Shape:
        (N, n_in, H, W) -> (N, f n_in, ceil(H / stride), ceil(W / stride)); zero padding 1.

    References:
        Linse, Barth, Martinetz (2023), Sec. 3.1, index rule j mod k. The paper asks that k divides f n_in, so
        that all kernels occur equally often; here any f is allowed and the last round through the bank may be
        cut short.
    """

    kernels: Tensor

    def __init__(self, n_in: int, bank: Tensor, f: int = 1, stride: int = 1, trainable: bool = False):
        super().__init__()
        if bank.ndim != 3 or bank.shape[1:] != (3, 3):
            raise ValueError(f"bank has the shape {tuple(bank.shape)}: kernels of the shape (k, 3, 3) are needed.")
        if f < 1:
            raise ValueError(f"f is {f}: each channel must meet at least 1 kernel (the paper uses 1 and k).")
        kernels = bank.detach().clone()[:, None]
        if trainable:
            self.kernels = nn.Parameter(kernels)
        else:
            self.register_buffer("kernels", kernels)
        self.n_in, self.f, self.stride = n_in, f, stride

    @property
    def n_out(self) -> int:
        """Channels of the intermediate map, f n_in."""
        return self.f * self.n_in

    def weight(self) -> Tensor:
        """Kernel of each intermediate channel, k_{j mod k}: Tensor (f n_in, 1, 3, 3)."""
        rounds = -(-self.n_out // len(self.kernels))
        return self.kernels.repeat(rounds, 1, 1, 1)[: self.n_out]

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), stride=self.stride, padding=1, groups=self.n_in)

    def extra_repr(self) -> str:
        return f"{self.n_in} -> {self.n_out}, kernels={len(self.kernels)}, f={self.f}, stride={self.stride}"


class Blur(FixedConvolution):
    """3x3 Gaussian before a subsampling: each channel convolved with g, sum g = 1, stride 1, zero padding 1.

    The zero padding darkens the border of the image, as in the authors' code.

    Args:
        channels: input and output channels.
        sigma: standard deviation in pixels.

    References:
        Linse, Barth, Martinetz (2023), Sec. 5.4 (sigma = 0.25 kernel sides).
    """

    def __init__(self, channels: int, sigma: float = SIGMA_SMOOTH):
        super().__init__(channels, smooth_kernel(sigma).float()[None])


class PredefinedFilterModule(nn.Module):
    """Y = BN(conv1x1(ReLU(BN(fixed3x3(X))))): a convolution layer that learns only how to combine.

    Learned are 2 f n_in (first batch-norm) + f n_in n_out (1x1 convolution) + 2 n_out (second batch-norm)
    numbers.

    Args:
        n_in, n_out: input and output channels.
        bank: kernels (k, 3, 3); default: the paper's 16, :func:`filter_bank`.
        f: kernels each channel meets: 1 in the body of a PFNet, k in its stem.
        stride: of the fixed convolution.
        relu_mid: the ReLU between the fixed and the 1x1 convolution (without it both are one linear map).
        trainable_kernels: learn the bank too, starting from ``bank``.
        mid_norm: batch-norm before that ReLU: "affine" (the authors' code), "plain" (no learned scale) or
            "none".
        out_norm: batch-norm after the 1x1 convolution.
        recompute: keep only the input for the backward pass and make the intermediate maps again there: half
            the memory of activations for one more depthwise convolution. The same numbers; first derivatives
            only, and not inside ``torch.func`` transforms.

    Shape:
        (N, n_in, H, W) -> (N, n_out, ceil(H / stride), ceil(W / stride)).

    References:
        Linse, Barth, Martinetz (2023), Sec. 3.1 and Fig. 1; both batch-norms as in the authors' code.

    Example:
        >>> PredefinedFilterModule(16, 32, stride=2)(torch.zeros(2, 16, 8, 8)).shape
        torch.Size([2, 32, 4, 4])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bank: Tensor | None = None,
        *,
        f: int = 1,
        stride: int = 1,
        relu_mid: bool = True,
        trainable_kernels: bool = False,
        mid_norm: str = "affine",
        out_norm: bool = True,
        recompute: bool = False,
    ):
        super().__init__()
        if recompute and (mid_norm == "none" or not relu_mid):
            raise ValueError("recompute=True needs the batch-norm and the ReLU in the middle (mid_norm, relu_mid).")
        self.recompute = recompute
        bank = filter_bank() if bank is None else bank
        self.fixed = FixedConvolution(n_in, bank, f, stride, trainable_kernels)
        self.norm_mid = _mid_norm(mid_norm, self.fixed.n_out)
        self.relu_mid = nn.ReLU() if relu_mid else nn.Identity()
        self.pointwise = nn.Conv2d(self.fixed.n_out, n_out, 1, bias=False)
        self.norm_out = nn.BatchNorm2d(n_out) if out_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.recompute and self.training:
            return self.norm_out(self._mixed_with_little_memory(x))
        z = self.relu_mid(self.norm_mid(self.fixed(x)))
        return self.norm_out(self.pointwise(z))

    def _mixed_with_little_memory(self, x: Tensor) -> Tensor:
        norm = self.norm_mid
        if len(x) == 1 and max(x.shape[2:]) <= self.fixed.stride:
            raise ValueError(f"x has the shape {tuple(x.shape)}: a batch-norm in training needs more than one value.")
        y, mean, inverse = RecomputedMixing.apply(
            x, self.fixed.weight(), self.pointwise.weight, norm.weight, norm.bias, norm.eps, self.fixed.stride
        )
        follow(norm, mean, inverse, count=y[:, 0].numel())
        return y


def _mid_norm(kind: str, channels: int) -> nn.Module:
    if kind not in MID_NORMS:
        raise ValueError(f"mid_norm is {kind!r}: allowed are {', '.join(MID_NORMS)}.")
    return nn.Identity() if kind == "none" else nn.BatchNorm2d(channels, affine=kind == "affine")
