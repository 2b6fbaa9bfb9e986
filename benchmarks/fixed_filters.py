"""A pre-defined filter module and PFNet18 against dense convolutions and a straightforward depthwise reference.

    OMP_NUM_THREADS=1 python benchmarks/fixed_filters.py [--device cuda] [--size 224] [--batch 8]

The reference is what one writes first: `F.conv2d` with the kernels repeated for every channel, and every activation a
tensor of its own. Everything is measured in turns within one run; what counts are the ratios.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from side_by_side import addresses, in_turns, kept_bytes, ratio, show, write
from torch import Tensor, nn

from companion.predefined_filters import PredefinedFilterModule, dense_twin18, filter_bank, pfnet18


class DepthwiseReference(nn.Module):
    """A PFM as one writes it first: the kernels repeated for every channel, a parameter that is frozen."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1, f: int = 1) -> None:
        super().__init__()
        bank = filter_bank()
        kernels = torch.stack([bank[j % len(bank)] for j in range(f * n_in)])[:, None]
        self.kernels = nn.Parameter(kernels, requires_grad=False)
        self.norm_mid, self.norm = nn.BatchNorm2d(f * n_in), nn.BatchNorm2d(n_out)
        self.mix = nn.Conv2d(f * n_in, n_out, 1, bias=False)
        self.n_in, self.stride = n_in, stride

    def forward(self, x: Tensor) -> Tensor:
        z = F.conv2d(x, self.kernels, stride=self.stride, padding=1, groups=self.n_in)
        return self.norm(self.mix(F.relu(self.norm_mid(z))))


def with_reference_modules(network: nn.Module) -> nn.Module:
    """PFNet18 with the reference in place of every module."""
    for name, child in network.named_children():
        if isinstance(child, PredefinedFilterModule):
            fixed = child.fixed
            reference = DepthwiseReference(fixed.n_in, child.pointwise.out_channels, fixed.stride, fixed.f)
            setattr(network, name, reference)
        else:
            with_reference_modules(child)
    return network


def step(network: nn.Module, images: Tensor) -> Callable[[], None]:
    """Forward and backward of a network, in training mode."""

    def train() -> None:
        network.zero_grad()
        network(images).square().mean().backward()

    return train


def rows_of(networks: dict[str, nn.Module], images: Tensor, reference: str, rounds: int) -> list[dict[str, object]]:
    """Time and memory of every network on the same images, each in the memory format of its weights."""
    device = images.device.type
    for network in networks.values():
        network.to(images.device).train()
    inputs = {name: _in_format_of(images, name) for name in networks}
    memory = {name: kept_bytes(partial(one, inputs[name]), addresses(one)) / 1e6 for name, one in networks.items()}
    taken = in_turns({name: step(one, inputs[name]) for name, one in networks.items()}, rounds=rounds, device=device)
    return [
        {
            "what": name,
            "milliseconds": 1000 * min(taken[name]),
            "time / reference": ratio(taken, name, reference),
            "MB kept": memory[name],
            "kept / reference": memory[name] / memory[reference],
        }
        for name in networks
    ]


def _in_format_of(images: Tensor, name: str) -> Tensor:
    kind = torch.channels_last if "channels last" in name else torch.contiguous_format
    return images.detach().to(memory_format=kind).requires_grad_(images.requires_grad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=8, help="images")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    maps = torch.randn(arguments.batch, 64, 56, 56, device=arguments.device, requires_grad=True)
    last = torch.channels_last
    modules = {
        "module 64 -> 64, reference": DepthwiseReference(64, 64),
        "module 64 -> 64": PredefinedFilterModule(64, 64),
        "module 64 -> 64, channels last": PredefinedFilterModule(64, 64).to(memory_format=last),
        "module 64 -> 64, channels last, recomputed": PredefinedFilterModule(64, 64, recompute=True).to(
            memory_format=last
        ),
        "dense 3x3 convolution 64 -> 64 with BN": nn.Sequential(
            nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        ),
    }
    rows = rows_of(modules, maps, "module 64 -> 64, reference", rounds=9)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size, device=arguments.device)
    networks = {
        "PFNet18, reference modules": with_reference_modules(pfnet18(classes=10)),
        "PFNet18": pfnet18(classes=10),
        "PFNet18, recomputed": pfnet18(classes=10, recompute=True),
        "PFNet18, channels last": pfnet18(classes=10).to(memory_format=last),
        "PFNet18, channels last, recomputed": pfnet18(classes=10, recompute=True).to(memory_format=last),
        "ResNet18": dense_twin18(classes=10),
    }
    rows += rows_of(networks, images, "PFNet18, reference modules", rounds=4)
    show(rows, f"Fixed filters, {arguments.batch} images of {arguments.size} pixels")
    write("fixed_filters", rows, arguments.device)


if __name__ == "__main__":
    main()
