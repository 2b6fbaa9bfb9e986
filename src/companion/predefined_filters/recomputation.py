"""A PFM that keeps its input alone for the backward pass, and computes the intermediate maps again there.

Autograd keeps three maps of a module: x, Z = fixed3x3(X) for the batch-norm, and R = ReLU(BN(Z)) for the 1x1
convolution. A fixed depthwise convolution is cheap, so Z and R are made again from x when the gradient needs them.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

aten = torch.ops.aten


class RecomputedMixing(torch.autograd.Function):
    """conv1x1(ReLU(BN(fixed3x3(x)))) with the statistics of the batch; returns them too.

    Inputs: x (N, n_in, H, W), kernels (f n_in, 1, 3, 3), mixing (n_out, f n_in, 1, 1), scale and shift of the
    batch-norm (f n_in,) or None, epsilon, stride. Outputs: Y (N, n_out, H', W'), mean and inverse standard
    deviation of every intermediate channel (f n_in,), both without gradient. First derivatives only.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        kernels: Tensor,
        mixing: Tensor,
        scale: Tensor | None,
        shift: Tensor | None,
        epsilon: float,
        stride: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        dtype = _working_type(x)
        x, kernels = x.to(dtype), kernels.to(dtype)
        z = _filtered(x, kernels, stride)
        normal, mean, inverse = torch.native_batch_norm(z, scale, shift, None, None, True, 0.0, epsilon)
        y = F.conv2d(normal.relu_(), mixing.to(dtype))
        ctx.save_for_backward(x, kernels, mixing, scale, shift, mean, inverse)
        ctx.epsilon, ctx.stride = epsilon, stride
        ctx.mark_non_differentiable(mean, inverse)
        return y, mean, inverse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, kernels, mixing, scale, shift, mean, inverse = ctx.saved_tensors
        z = _filtered(x, kernels, ctx.stride)
        r = F.batch_norm(z, mean, inverse.pow(-2) - ctx.epsilon, scale, shift, False, 0.0, ctx.epsilon).relu_()
        wants_x, wants_kernels, *wants_norm = ctx.needs_input_grad[:2] + ctx.needs_input_grad[3:5]
        grad_r, grad_mixing, _ = aten.convolution_backward(
            grad_y, r, mixing.to(r.dtype), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False]
        )
        grad_normal = aten.threshold_backward(grad_r, r, 0)
        del r, grad_r
        grad_z, grad_scale, grad_shift = aten.native_batch_norm_backward(
            grad_normal, z, scale, None, None, mean, inverse, True, ctx.epsilon, [True, *wants_norm]
        )
        strides, groups = [ctx.stride] * 2, x.shape[1]
        grad_x, grad_kernels, _ = aten.convolution_backward(
            grad_z, x, kernels, None, strides, [1, 1], [1, 1], False, [0, 0], groups, [wants_x, wants_kernels, False]
        )
        return grad_x, grad_kernels, grad_mixing, grad_scale, grad_shift, None, None


def _filtered(x: Tensor, kernels: Tensor, stride: int) -> Tensor:
    return F.conv2d(x, kernels, stride=stride, padding=1, groups=x.shape[1])


def _working_type(x: Tensor) -> torch.dtype:
    """The type of the convolutions: autocast's, where it is on, for the maps are not seen by autocast itself."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


@torch.no_grad()
def follow(norm: torch.nn.BatchNorm2d, mean: Tensor, inverse: Tensor, count: int) -> None:
    """Update the running statistics of a batch-norm as its own forward pass would have done.

    Args:
        norm: with running statistics and a momentum.
        mean, inverse: mean and 1 / sqrt(variance + epsilon) of the batch (C,).
        count: values per channel in the batch, for the unbiased variance.
    """
    variance = (inverse.pow(-2) - norm.eps) * count / (count - 1)
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), norm.momentum)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), norm.momentum)
