"""An activation with one negative slope forward and another one backward."""

from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.activations import bypass
from companion.errors import CompanionError, unknown

__all__ = [
    "AsymmetricLeakyReLU",
    "Form",
    "ProxyLeakyReLU",
    "Slope",
    "asymmetric_leaky_relu",
    "leaky_relu",
    "over_batch",
]

Slope = float | Tensor
Form = Literal["function", "formula"]


def leaky_relu(z: Tensor, slope: Slope) -> Tensor:
    """phi_a(z) = z if z > 0 else a z, with derivative a at z = 0; a = 0 is ReLU itself.

    Args:
        z: pre-activations, any shape.
        slope: a, a number or a tensor that broadcasts against z.
    """
    if isinstance(slope, Tensor):
        return torch.where(z > 0, z, slope.to(z.dtype) * z)
    return F.relu(z) if slope == 0 else F.leaky_relu(z, slope)


class AsymmetricSlope(torch.autograd.Function):
    """phi_{a_f} forward; upstream times (1 if z > 0 else a_b) backward.

    For a_f >= 0 the output is positive exactly where z is, so the output is what is kept: the next convolution keeps
    it too, and the activation costs no memory of its own, as `nn.ReLU` does not. `setup_context` and
    `generate_vmap_rule` make it work under torch.func.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, backward_slope: Slope, forward_slope: float) -> Tensor:
        return leaky_relu(z, forward_slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        _, slope, _ = inputs
        ctx.slope = None if isinstance(slope, Tensor) else slope
        ctx.save_for_backward(output, slope if isinstance(slope, Tensor) else None)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        y, slope = ctx.saved_tensors
        y = y.detach()
        if slope is None:  # one kernel; at y = 0 it takes the slope, as leaky_relu does
            return torch.ops.aten.leaky_relu_backward(upstream, y, ctx.slope, False), None, None
        return torch.where(y > 0, upstream, slope.detach().to(upstream.dtype) * upstream), None, None


def asymmetric_leaky_relu(
    z: Tensor, forward_slope: float = 0.0, backward_slope: Slope = 0.3, form: Form = "function"
) -> Tensor:
    """y = phi_{a_f}(z) with dy/dz = 1 if z > 0 else a_b: the "local" reading of ProxyGrad.

    Args:
        z: pre-activations, any shape, floating point.
        forward_slope: a_f >= 0, the negative slope of the value (0 for ReLU).
        backward_slope: a_b, the negative slope of the derivative; a tensor is broadcast against z, so that the
            images of a batch or the members of an ensemble may differ in it.
        form: "function" is one operator; "formula" is spelled with `detach`, s - sg(s) + sg(phi_{a_f}(z)) with
            s = phi_{a_b}(z).

    Returns:
        A tensor of z's shape and dtype, equal to `F.leaky_relu(z, a_f)` (for a_f = 0 to `F.relu(z)`) bit for bit.

    Raises:
        CompanionError: for a negative or tensor-valued forward slope, or an unknown form.

    References:
        Linse, Barth and Martinetz 2024, arXiv 2410.16958, title and abstract.
    """
    check_forward_slope(forward_slope)
    if form == "function":
        return AsymmetricSlope.apply(z, backward_slope, forward_slope)
    if form == "formula":
        return bypass(value=leaky_relu(z, forward_slope), carrier=leaky_relu(z, backward_slope))
    raise unknown("form", form, get_args(Form))


def check_forward_slope(slope: Any) -> None:
    """Refuse a forward slope by which the sign of the input could not be read off the output."""
    if isinstance(slope, Tensor) or not slope >= 0:
        raise CompanionError(
            f"The forward slope is {slope}: it must be one number of at least 0 (0 for a ReLU network). "
            "Only the backward slope may be a tensor or negative."
        )


def over_batch(slope: Slope, z: Tensor) -> Slope:
    """A tensor [B] of slopes, one an image, in a shape that broadcasts against z [B, ...]; numbers as they are."""
    return slope.view(-1, *[1] * (z.dim() - 1)) if isinstance(slope, Tensor) and slope.dim() == 1 else slope


class AsymmetricLeakyReLU(nn.Module):
    """Leaky ReLU with slope a_f forward and a_b backward, in training and in evaluation mode alike.

    It has no parameters and leaves the state dict of a network as it is. Unlike `companion.sugar.SugarReLU` it keeps
    its backward slope in evaluation mode: images are optimised with batch normalisation in evaluation mode.

    Args:
        forward_slope: a_f >= 0.
        backward_slope: a_b; a tensor [B] gives every image of a batch its own.

    Example:
        >>> network = nn.Sequential(nn.Linear(64, 32), AsymmetricLeakyReLU(0.0, 0.3), nn.Linear(32, 10))

    References:
        Linse, Barth and Martinetz 2024, arXiv 2410.16958.
    """

    def __init__(self, forward_slope: float = 0.0, backward_slope: Slope = 0.3) -> None:
        super().__init__()
        check_forward_slope(forward_slope)
        self.forward_slope = forward_slope
        self.backward_slope = backward_slope

    def forward(self, z: Tensor) -> Tensor:
        return asymmetric_leaky_relu(z, self.forward_slope, over_batch(self.backward_slope, z))

    def extra_repr(self) -> str:
        return f"forward_slope={self.forward_slope}, backward_slope={self.backward_slope}"


class ProxyLeakyReLU(nn.Module):
    """An ordinary Leaky ReLU, slope a_b in both passes, that can be given a slope for every image: the proxy's.

    Args:
        backward_slope: a_b; a tensor [B] gives every image of a batch its own.
    """

    def __init__(self, backward_slope: Slope = 0.3) -> None:
        super().__init__()
        self.backward_slope = backward_slope

    def forward(self, z: Tensor) -> Tensor:
        return leaky_relu(z, over_batch(self.backward_slope, z))

    def extra_repr(self) -> str:
        return f"slope={self.backward_slope}"
