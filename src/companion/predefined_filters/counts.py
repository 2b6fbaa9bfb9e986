"""How many numbers are learned and how many multiply-adds one image costs: by formula and by hooks.

PFM(n_in -> n_out, f, stride) on H x W pixels, H' W' = ceil(H / stride) ceil(W / stride):
    learned        f n_in n_out + 2 f n_in + 2 n_out     (+ 9 k where the k kernels are trainable)
    multiply-adds  H' W' (9 f n_in + f n_in n_out)
dense k x k convolution:
    learned        k^2 n_in n_out + 2 n_out
    multiply-adds  H' W' k^2 n_in n_out
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from companion.predefined_filters.module import Blur, FixedConvolution
from companion.predefined_filters.residual import stem_stride


@dataclass(frozen=True)
class Cost:
    """Learned numbers and multiply-adds of one image, each by kind of layer.

    Kinds: "pointwise" (1x1 convolutions), "dense" (larger learned convolutions), "kernels" (a learned filter
    bank), "norm", "classifier"; for multiply-adds also "fixed" (the depthwise 3x3 convolutions) and "blur".
    Batch-norms, activations and pools are not counted as multiply-adds.
    """

    learned: Counter = field(default_factory=Counter)
    multiply_adds: Counter = field(default_factory=Counter)

    @property
    def parameters(self) -> int:
        """All learned numbers; frozen kernels are none."""
        return self.learned.total()

    @property
    def operations(self) -> int:
        """All multiply-adds of one image."""
        return self.multiply_adds.total()

    def add(self, kind: str, weights: int, pixels: int, per_pixel: int | None = None) -> None:
        """Enter one layer: learned ``weights``, and products per output pixel (default: as many)."""
        self.learned[kind] += weights
        self.multiply_adds[kind] += pixels * (weights if per_pixel is None else per_pixel)


def pfnet_cost(
    classes: int,
    widths: Sequence[int] = (64, 128, 256, 512),
    blocks: Sequence[int] = (2, 2, 2, 2),
    *,
    stem: str = "imagenet",
    channels: int = 3,
    image_size: int = 224,
    kernels: int = 16,
    stem_f: int | None = None,
    blur: bool = True,
    trainable_kernels: bool = False,
) -> Cost:
    """Cost of a PFNet by the formula, without building it.

    Args:
        classes, widths, blocks, stem, channels, stem_f, blur, trainable_kernels: as for
            :func:`~companion.predefined_filters.pfnet.pfnet`; the defaults are PFNet18.
        image_size: side of the square image in pixels.
        kernels: size k of the bank.

    Returns:
        The cost; 1,412,192 + 513 classes learned numbers for PFNet18.

    References:
        Linse, Barth, Martinetz (2023), Table 6.
    """
    cost = Cost()

    def unit(n_in: int, n_out: int, side: int, f: int = 1) -> None:
        cost.add("fixed", 0, side**2, 9 * f * n_in)
        cost.add("pointwise", f * n_in * n_out, side**2)
        cost.learned["norm"] += 2 * f * n_in + 2 * n_out
        cost.learned["kernels"] += 9 * kernels * trainable_kernels

    side = -(-image_size // stem_stride(stem))
    unit(channels, widths[0], side, kernels if stem_f is None else stem_f)
    return _residual(cost, unit, classes, widths, blocks, stem, side, blur)


def dense_cost(
    classes: int,
    widths: Sequence[int] = (64, 128, 256, 512),
    blocks: Sequence[int] = (2, 2, 2, 2),
    *,
    stem: str = "imagenet",
    channels: int = 3,
    image_size: int = 224,
    blur: bool = False,
) -> Cost:
    """Cost of the dense twin by the formula; 11,176,512 + 513 classes learned numbers for ResNet18.

    Args:
        classes, widths, blocks, stem, channels, image_size, blur: as for :func:`pfnet_cost`.

    Returns:
        The cost.
    """
    cost = Cost()

    def unit(n_in: int, n_out: int, side: int, size: int = 3) -> None:
        cost.add("dense", size**2 * n_in * n_out, side**2)
        cost.learned["norm"] += 2 * n_out

    side = -(-image_size // stem_stride(stem))
    unit(channels, widths[0], side, 7 if stem == "imagenet" else 3)
    return _residual(cost, unit, classes, widths, blocks, stem, side, blur)


def measured_cost(network: nn.Module, image_shape: Sequence[int] = (3, 224, 224)) -> Cost:
    """Cost counted by hooks while one image of zeros runs through the network.

    Args:
        network: built of ``FixedConvolution``, ``Conv2d``, ``Linear`` and normalisation layers; its mode is
            restored. On the device "meta" nothing is computed.
        image_shape: (channels, H, W).

    Returns:
        The cost, equal to the formula's.
    """
    cost = Cost()
    handles = [m.register_forward_hook(_enter(cost)) for m in network.modules()]
    like = next(network.parameters())
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, *image_shape, device=like.device, dtype=like.dtype))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return cost


def trainable_parameters(network: nn.Module) -> int:
    """Number of learned numbers: all elements of all parameters that ask for a gradient."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _residual(cost: Cost, unit, classes: int, widths, blocks, stem: str, side: int, blur: bool) -> Cost:
    """The part that both networks share: blocks, skips, classifier; ``side`` is that of the stem's output."""
    side = -(-side // 2) if stem == "imagenet" else side  # max-pool
    n_in = widths[0]
    for stage, (n_out, depth) in enumerate(zip(widths, blocks, strict=True)):
        for position in range(depth):
            shrinks = stage > 0 and position == 0
            if shrinks and blur:
                cost.add("blur", 0, side**2, 9 * n_in)
            side = -(-side // 2) if shrinks else side
            unit(n_in, n_out, side)
            unit(n_out, n_out, side)
            if shrinks:
                cost.add("pointwise", n_in * n_out, side**2)
                cost.learned["norm"] += 2 * n_out
            n_in = n_out
    cost.add("classifier", (n_in + 1) * classes, 1, n_in * classes)
    return cost


def _enter(cost: Cost):
    def hook(layer: nn.Module, _, output: torch.Tensor) -> None:
        if isinstance(layer, FixedConvolution):
            kind = "blur" if isinstance(layer, Blur) else "fixed"
            cost.multiply_adds[kind] += 9 * output[0].numel()
            cost.learned["kernels"] += trainable_parameters(layer)
        elif isinstance(layer, nn.Conv2d):
            kind = "pointwise" if layer.kernel_size == (1, 1) else "dense"
            cost.add(kind, layer.weight.numel(), output[0, 0].numel())
        elif isinstance(layer, nn.BatchNorm2d):
            cost.learned["norm"] += trainable_parameters(layer)
        elif isinstance(layer, nn.Linear):
            cost.add("classifier", trainable_parameters(layer), 1, layer.weight.numel())

    return hook
