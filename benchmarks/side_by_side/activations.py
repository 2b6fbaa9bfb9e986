"""Activations and networks that differ in them, forward and backward: what the benchmarks of both methods measure."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.networks import build
from side_by_side import addresses, in_turns, kept_bytes, ratio

SHAPE = (64, 64, 32, 32)  # images, channels, height, width: the first stage of a CIFAR ResNet
Activation = Callable[[Tensor], Tensor]
Rows = list[dict[str, object]]


def arguments(description: str) -> argparse.Namespace:
    """Device, compilation and batch from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="with torch.compile too (slow to start on a CPU)")
    parser.add_argument("--batch", type=int, default=16, help="images of a training step")
    return parser.parse_args()


def compiled(cases: Mapping[str, Activation], names: Iterable[str] | None = None) -> dict[str, Activation]:
    """Some of the activations or all networks once more, compiled."""
    return {f"{name}, compiled": torch.compile(cases[name]) for name in names or cases}


def activation_rows(cases: Mapping[str, Activation], detach: str, device: str) -> Rows:
    """Forward and backward pass of activations on one input in turns, and what each keeps.

    Args:
        cases: the activations, ``nn.ReLU`` among them.
        detach: the name of the plain formula with ``detach``, the reference of the second ratio.
        device: cpu or cuda.
    """
    made = {name: _passes(activation, device) for name, activation in cases.items()}
    taken = in_turns({name: both for name, (both, _) in made.items()}, device=device)
    memory = {name: kept_bytes(forward) / 1e6 for name, (_, forward) in made.items()}
    return [_row(f"{name}, forward and backward", name, taken, memory, detach) for name in cases]


def resnet(device: str) -> nn.Module:
    """ResNet18 with the CIFAR stem."""
    return build("resnet18", classes=10, channels=3, image_size=32).to(device)


def step_rows(
    resnets: Callable[[str], dict[str, nn.Module]], detach: str, device: str, batch: int, with_compiled: bool
) -> Rows:
    """A training step of networks on random images of 3 x 32 x 32, in turns.

    Args:
        resnets: makes :func:`resnet` with each activation on a device.
        detach: the name of the network with the plain formula.
        device: cpu or cuda.
        batch: images of a step.
        with_compiled: whether each network takes part once more, compiled.
    """
    networks = resnets(device)
    if with_compiled:
        networks |= compiled(resnets(device))
    images = torch.randn(batch, 3, 32, 32, device=device)
    memory = {name: kept_bytes(partial(one, images), addresses(one)) / 1e6 for name, one in networks.items()}
    taken = in_turns({name: _step(one, device, batch) for name, one in networks.items()}, 7, device)
    return [_row(f"{name}, step of ResNet18, {batch} images", name, taken, memory, detach) for name in networks]


def _row(
    what: str, name: str, taken: Mapping[str, list[float]], memory: Mapping[str, float], detach: str
) -> dict[str, object]:
    return {
        "what": what,
        "milliseconds": 1000 * min(taken[name]),
        "time / ReLU": ratio(taken, name, "nn.ReLU"),
        "time / detach": ratio(taken, name, detach),
        "MB kept": memory[name],
        "kept / detach": memory[name] / memory[detach],
    }


def _passes(activation: Activation, device: str) -> tuple[Callable[[], None], Callable[[], Tensor]]:
    """Forward and backward of an activation on one input, and its forward pass alone."""
    x = torch.randn(SHAPE, device=device, requires_grad=True)
    upstream = torch.randn(SHAPE, device=device)

    def both() -> None:
        x.grad = None
        activation(x).backward(upstream)

    return both, lambda: activation(x)


def _step(network: nn.Module, device: str, batch: int) -> Callable[[], None]:
    """A training step of a network on random images."""
    network = network.to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    images, labels = torch.randn(batch, 3, 32, 32, device=device), torch.randint(10, (batch,), device=device)

    def train() -> None:
        optimiser.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimiser.step()

    return train
