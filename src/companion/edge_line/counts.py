"""How many numbers a host learns with N fixed filters, and what an image costs: by formula.

A 3x3 layer from n_in to n_out channels on H' W' output pixels:
    dense          9 n_in n_out weights        H' W' 9 n_in n_out multiply-adds
    all filters    N n_in n_out                H' W' (N n_in n_out + 9 N n_in)
    one filter       n_in n_out                H' W' (  n_in n_out + 9   n_in)
An affine batch-norm in the middle learns 2 numbers for every intermediate channel (N n_in, or n_in).
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from companion.edge_line.hosts import build_host
from companion.edge_line.module import MODES
from companion.predefined_filters import measured_cost


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution behind the stem: channels in and out, and pixels of its output for one image."""

    n_in: int
    n_out: int
    pixels: int


@dataclass(frozen=True)
class HostCost:
    """What a dense host costs, and its 3x3 layers.

    Attributes:
        layers: the 3x3 convolutions that are replaced.
        dense_parameters: learned numbers of the host itself.
        dense_operations: multiply-adds of the host itself, for one image.
    """

    layers: tuple[Layer, ...]
    dense_parameters: int
    dense_operations: int

    @property
    def other_parameters(self) -> int:
        """Learned numbers of all other layers."""
        return self.dense_parameters - sum(9 * one.n_in * one.n_out for one in self.layers)

    @property
    def other_operations(self) -> int:
        """Multiply-adds of all other layers, for one image."""
        return self.dense_operations - sum(9 * one.n_in * one.n_out * one.pixels for one in self.layers)

    def parameters(self, n_filters: int, mode: str = "all_filters", bn_mid: str = "none") -> int:
        """Learned numbers with N fixed filters: other + f sum(n_in n_out), f = N or 1.

        Args:
            n_filters: N.
            mode, bn_mid: as for :class:`~companion.edge_line.module.EdgeLineModule`.
        """
        f = _met(n_filters, mode)
        norm = 2 * f * sum(one.n_in for one in self.layers) if bn_mid == "affine" else 0
        return self.other_parameters + f * sum(one.n_in * one.n_out for one in self.layers) + norm

    def operations(self, n_filters: int, mode: str = "all_filters") -> int:
        """Multiply-adds of one image with N fixed filters: other + f sum(H' W' n_in (n_out + 9)), f = N or 1."""
        f = _met(n_filters, mode)
        return self.other_operations + f * sum(one.pixels * one.n_in * (one.n_out + 9) for one in self.layers)

    def intermediate(self, n_filters: int, mode: str = "all_filters") -> int:
        """Numbers in the largest intermediate map of one image: max over the layers of f n_in H' W'."""
        return _met(n_filters, mode) * max(one.n_in * one.pixels for one in self.layers)


@cache
def host_cost(host: str, classes: int, image_size: int = 224, width: int = 64, blur: bool = False) -> HostCost:
    """Cost of a dense host for colour images, counted on a network without memory (the device "meta").

    Args:
        host, classes, width, blur: as for :func:`~companion.edge_line.hosts.build_host`.
        image_size: side of the square image in pixels.

    References:
        torchvision's ResNet18 and DenseNet121, the hosts of Linse, Brueckner, Martinetz (2024) as second-hand
        sources say; with 102 classes they learn 11,228,838 and 7,058,406 numbers (our count).
    """
    with torch.device("meta"):
        network = build_host(host, classes, width=width, blur=blur)
    layers: list[Layer] = []
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    handles = [
        layer.register_forward_hook(
            lambda one, _, out: layers.append(Layer(one.in_channels, one.out_channels, out[0, 0].numel()))
        )
        for layer in convolutions[1:]
        if layer.kernel_size == (3, 3)
    ]
    cost = measured_cost(network, (3, image_size, image_size))
    for handle in handles:
        handle.remove()
    return HostCost(tuple(layers), cost.parameters, cost.operations)


def _met(n_filters: int, mode: str) -> int:
    """Filters that each channel meets."""
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}: allowed are {' and '.join(MODES)}.")
    return n_filters if mode == "all_filters" else 1
