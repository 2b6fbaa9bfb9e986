"""SUGAR's activation against nn.ReLU and against the formula with detach: time, memory kept, a whole training step.

    OMP_NUM_THREADS=1 python benchmarks/activations.py [--device cuda] [--compile]

Everything is measured in turns within one run; what counts are the ratios.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from side_by_side import addresses, in_turns, kept_bytes, ratio, show, write
from torch import Tensor, nn

from companion.networks import build
from companion.sugar import SugarReLU, replace_relu

SHAPE = (64, 64, 32, 32)  # images, channels, height, width: the first stage of a CIFAR ResNet


def passes(activation: Callable[[Tensor], Tensor], device: str) -> tuple[Callable[[], None], Callable[[], Tensor]]:
    """Forward and backward of an activation on one input, and its forward pass alone."""
    x = torch.randn(SHAPE, device=device, requires_grad=True)
    upstream = torch.randn(SHAPE, device=device)

    def both() -> None:
        x.grad = None
        activation(x).backward(upstream)

    return both, lambda: activation(x)


def activation_rows(device: str, compiled: bool) -> list[dict[str, object]]:
    """The activation alone."""
    chosen: dict[str, Callable[[Tensor], Tensor]] = {
        "nn.ReLU": nn.ReLU(),
        "SiLU": nn.SiLU(),
        "SUGAR B-SiLU": SugarReLU("b_silu"),
        "SUGAR B-SiLU, formula with detach": SugarReLU("b_silu", form="formula"),
        "SUGAR B-SiLU, indirect": SugarReLU("b_silu", form="indirect"),
        "SUGAR NeLU": SugarReLU("nelu"),
    }
    if compiled:
        chosen |= {f"{name}, compiled": torch.compile(chosen[name]) for name in ("nn.ReLU", "SUGAR B-SiLU")}
    made = {name: passes(activation, device) for name, activation in chosen.items()}
    taken = in_turns({name: both for name, (both, _) in made.items()}, device=device)
    memory = {name: kept_bytes(forward) / 1e6 for name, (_, forward) in made.items()}
    return [
        {
            "what": f"{name}, forward and backward",
            "milliseconds": 1000 * min(taken[name]),
            "time / ReLU": ratio(taken, name, "nn.ReLU"),
            "time / detach": ratio(taken, name, "SUGAR B-SiLU, formula with detach"),
            "MB kept": memory[name],
            "kept / detach": memory[name] / memory["SUGAR B-SiLU, formula with detach"],
        }
        for name in made
    ]


def step(network: nn.Module, device: str, batch: int) -> Callable[[], None]:
    """A training step of a network on random images."""
    network = network.to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    images, labels = torch.randn(batch, 3, 32, 32, device=device), torch.randint(10, (batch,), device=device)

    def train() -> None:
        optimiser.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimiser.step()

    return train


def step_rows(device: str, compiled: bool, batch: int) -> list[dict[str, object]]:
    """A training step of ResNet18 with the CIFAR stem."""

    def resnet() -> nn.Module:
        return build("resnet18", classes=10, channels=3, image_size=32)

    networks = {
        "nn.ReLU": resnet(),
        "SUGAR B-SiLU": replace_relu(resnet(), "b_silu"),
        "SUGAR B-SiLU, formula with detach": replace_relu(resnet(), "b_silu", form="formula"),
    }
    if compiled:
        for network in networks.values():
            network.compile()
    images = torch.randn(batch, 3, 32, 32, device=device)
    for network in networks.values():
        network.to(device)
    memory = {name: kept_bytes(partial(one, images), addresses(one)) / 1e6 for name, one in networks.items()}
    taken = in_turns({name: step(one, device, batch) for name, one in networks.items()}, rounds=7, device=device)
    return [
        {
            "what": f"{name}, step of ResNet18, {batch} images{', compiled' if compiled else ''}",
            "milliseconds": 1000 * min(taken[name]),
            "time / ReLU": ratio(taken, name, "nn.ReLU"),
            "time / detach": ratio(taken, name, "SUGAR B-SiLU, formula with detach"),
            "MB kept": memory[name],
            "kept / detach": memory[name] / memory["SUGAR B-SiLU, formula with detach"],
        }
        for name in networks
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="with torch.compile too (slow to start on a CPU)")
    parser.add_argument("--batch", type=int, default=16, help="images of a training step")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rows = activation_rows(arguments.device, arguments.compile)
    rows += step_rows(arguments.device, False, arguments.batch)
    if arguments.compile:
        rows += step_rows(arguments.device, True, arguments.batch)
    show(rows, "Activations")
    write("activations", rows, arguments.device)


if __name__ == "__main__":
    main()
