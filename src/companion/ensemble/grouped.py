"""The forward pass of K networks as one wide network: member k owns the channels k C ... (k + 1) C - 1 of each layer.

A convolution becomes a grouped convolution, batch normalisation becomes one over all members' channels, activations and
pooling act as they are; only linear layers need to know where a member begins. Nothing else changes, so the forward
code of any architecture whose other operations act on channels separately (residual additions, pooling, flattening)
serves all members at once. On a CPU, in the layout with channels last, this is up to several times faster than
`torch.vmap`. Whether a network allows it is found out by comparing the two.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import batch_norm, conv2d, linear
from torch.nn.modules.batchnorm import _BatchNorm

from companion.ensemble.stacking import Stack, State

PROBED_MEMBERS = 2
PROBED_IMAGES = 3


class GroupedConv2d(nn.Module):
    """The convolutions of all members: images ``[N, K C, H, W]``, or ``[N, C, H, W]`` that all share."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        self.weight, self.bias = layer.weight, layer.bias
        layer.weight = layer.bias = None

    def forward(self, images: Tensor) -> Tensor:
        K, layer = len(self.weight), self.layer
        shared = images.shape[1] == layer.in_channels
        weight = self.weight.flatten(0, 1)
        if images.device.type == "cpu":
            weight = weight.contiguous(memory_format=torch.channels_last)
        if shared and layer.groups > 1:
            images, shared = images.repeat(1, K, 1, 1), False
        bias = None if self.bias is None else self.bias.flatten()
        groups, stride = 1 if shared else K * layer.groups, layer.stride
        if layer.kernel_size == (1, 1) and layer.padding == (0, 0):
            # The same with less to do; and torch 2.15's gradient of strided 1 x 1 kernels writes out of bounds on
            # CPUs (8 to 16 channels, 46 pixels and more, channels last).
            images, stride = images[..., :: stride[0], :: stride[1]], (1, 1)
        return conv2d(images, weight, bias, stride, layer.padding, layer.dilation, groups)


class GroupedBatchNorm(nn.Module):
    """Batch normalisation of all members' channels ``[N, K C, ...]``; running statistics are updated in place."""

    def __init__(self, layer: _BatchNorm) -> None:
        super().__init__()
        self.layer = layer
        self.weight, self.bias = layer.weight, layer.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(layer, name))
        layer.weight = layer.bias = layer.running_mean = layer.running_var = layer.num_batches_tracked = None

    def forward(self, images: Tensor) -> Tensor:
        flat = [
            None if t is None else t.view(-1) for t in (self.running_mean, self.running_var, self.weight, self.bias)
        ]
        tracked = self.running_mean is not None
        if self.training and tracked:
            self.num_batches_tracked.add_(1)
        return batch_norm(images, *flat, self.training or not tracked, self.layer.momentum, self.layer.eps)


class GroupedLinear(nn.Module):
    """The linear layers of all members: ``[N, K in]``, or ``[N, in]`` that all share, to ``[N, K out]``."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features = layer.in_features
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, inputs: Tensor) -> Tensor:
        K, N = len(self.weight), len(inputs)
        if inputs.shape[1] == self.in_features:
            bias = None if self.bias is None else self.bias.flatten()
            return linear(inputs, self.weight.flatten(0, 1), bias)
        rows = inputs.view(N, K, self.in_features).transpose(0, 1)
        outputs = torch.bmm(rows, self.weight.transpose(1, 2))
        if self.bias is not None:
            outputs = outputs + self.bias[:, None]
        return outputs.transpose(0, 1).reshape(N, -1)


_GROUPED: dict[type[nn.Module], Callable[[nn.Module], nn.Module]] = {
    nn.Conv2d: GroupedConv2d,
    nn.BatchNorm1d: GroupedBatchNorm,
    nn.BatchNorm2d: GroupedBatchNorm,
    nn.Linear: GroupedLinear,
}


class GroupedForward:
    """Computes what :meth:`companion.ensemble.stacking.Stack.forward` computes, by grouped layers.

    Args:
        template: the architecture.
    """

    def __init__(self, template: nn.Module) -> None:
        self.wide = _replace(copy.deepcopy(template))

    def __call__(self, stack: Stack, images: Tensor, arguments: State, *, shared: bool) -> Tensor:
        """The outputs ``[K, N, classes]``; the forward takes no arguments that differ between members."""
        K = len(stack)
        self.wide.train(stack.template.training)
        if not shared:
            images = images.transpose(0, 1).flatten(1, 2)
        if images.dim() == 4 and images.device.type == "cpu":
            images = images.contiguous(memory_format=torch.channels_last)
        outputs = functional_call(self.wide, (stack.parameters, stack.buffers), (images,))
        return outputs.view(len(outputs), K, -1).transpose(0, 1)


def can_be_grouped(template: nn.Module) -> bool:
    """Whether all layers with parameters have a grouped form, and at least one is a convolution."""
    owners = [m for m in template.modules() if list(m.parameters(recurse=False)) or list(m.buffers(recurse=False))]
    return any(type(m) is nn.Conv2d for m in owners) and all(_has_grouped_form(m) for m in owners)


def groups_correctly(stack: Stack, images: Tensor) -> bool:
    """Whether the grouped forward gives the outputs, gradients and running statistics that `vmap` gives.

    Args:
        stack: the ensemble; it is not changed.
        images: some images ``[N, ...]``.
    """
    if images.device.type == "mps":  # no double precision there to tell a mistake from rounding
        return False
    rows = torch.arange(min(PROBED_MEMBERS, len(stack)), device=images.device)
    images = images[:PROBED_IMAGES].double()
    results: list[Sequence[Tensor]] = []
    for forward in (Stack.forward, GroupedForward(stack.template)):
        few = _distinct_doubles(stack.select(rows))
        try:
            stack.template.train()
            outputs = forward(few, images.expand(len(rows), *images.shape), {}, shared=False)
            gradients = torch.autograd.grad(outputs.square().sum(), list(few.parameters.values()), allow_unused=True)
            stack.template.eval()
            with torch.no_grad():
                evaluated = forward(few, images, {}, shared=True)
        except (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError):
            return False
        used = [gradient for gradient in gradients if gradient is not None]
        results.append([outputs.detach(), evaluated, *used, *few.buffers.values()])
    return len(results[0]) == len(results[1]) and all(_equal(a, b) for a, b in zip(*results, strict=True))


def _distinct_doubles(few: Stack) -> Stack:
    """The stack in double precision, with members that differ in every layer even where the initialisation agrees."""
    for name, parameter in few.parameters.items():
        member = torch.arange(len(few), device=parameter.device).view(-1, *[1] * (parameter.dim() - 1))
        few.parameters[name] = (parameter.double() * (1 + 0.1 * member)).requires_grad_()
    few.buffers = {n: v.double() if v.is_floating_point() else v for n, v in few.buffers.items()}
    return few


def _equal(a: Tensor, b: Tensor) -> bool:
    """Equal up to the rounding of double precision."""
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-6, atol=1e-9)


def _has_grouped_form(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d) and (module.padding_mode != "zeros"):
        return False
    if isinstance(module, _BatchNorm) and module.track_running_stats and module.momentum is None:
        return False
    return type(module) in _GROUPED


def _replace(module: nn.Module) -> nn.Module:
    """The module with every layer replaced by its grouped form, under the same names."""
    for name, child in module.named_children():
        setattr(module, name, _replace(child))
    return _GROUPED[type(module)](module) if type(module) in _GROUPED else module
