"""ProxyGrad's activation against nn.ReLU and the formula with detach, and optimised images a second.

    OMP_NUM_THREADS=1 python benchmarks/proxygrad.py [--device cuda] [--compile]

Everything is measured in turns within one run; what counts are the ratios. An optimised image is one start that has
gone through all steps of an ascent, scored by the forward network at every step.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from side_by_side import addresses, in_turns, kept_bytes, ratio, show, write
from torch import Tensor, nn

from companion.networks import build
from companion.proxygrad import Ascent, AsymmetricLeakyReLU, Objective, asymmetric_leaky_relu, maximise, twin
from companion.proxygrad.activation import leaky_relu
from companion.proxygrad.networks import build_network

SHAPE = (64, 64, 32, 32)  # images, channels, height, width: the first stage of a CIFAR ResNet
STEPS = 20


def detach_formula(z: Tensor) -> Tensor:
    """The plain formula of the method: s + sg(relu(z) - s) with s = leaky_relu(z, a_b)."""
    s = F.leaky_relu(z, 0.3)
    return s + (F.relu(z) - s).detach()


def passes(activation: Callable[[Tensor], Tensor], device: str) -> tuple[Callable[[], None], Callable[[], Tensor]]:
    """Forward and backward of an activation on one input, and its forward pass alone."""
    x = torch.randn(SHAPE, device=device, requires_grad=True)
    upstream = torch.randn(SHAPE, device=device)

    def both() -> None:
        x.grad = None
        activation(x).backward(upstream)

    return both, lambda: activation(x)


def activation_rows(device: str, compiled: bool) -> list[dict[str, object]]:
    """The activation alone, and as the next convolution sees it: what it keeps beyond its own output."""
    slopes = torch.full((SHAPE[0],), 0.3, device=device)
    chosen: dict[str, Callable[[Tensor], Tensor]] = {
        "nn.ReLU": nn.ReLU(),
        "nn.LeakyReLU": nn.LeakyReLU(0.3),
        "ProxyGrad": AsymmetricLeakyReLU(0.0, 0.3),
        "ProxyGrad, a slope an image": AsymmetricLeakyReLU(0.0, slopes),
        "ProxyGrad, exact formula": partial(asymmetric_leaky_relu, backward_slope=0.3, form="formula"),
        "formula with detach": detach_formula,
        "proxy, a slope an image": lambda z: leaky_relu(z, slopes.view(-1, 1, 1, 1)),
    }
    if compiled:
        chosen |= {f"{name}, compiled": torch.compile(chosen[name]) for name in ("nn.ReLU", "ProxyGrad")}
    made = {name: passes(activation, device) for name, activation in chosen.items()}
    taken = in_turns({name: both for name, (both, _) in made.items()}, device=device)
    memory = {name: kept_bytes(forward) / 1e6 for name, (_, forward) in made.items()}
    return [
        {
            "what": f"{name}, forward and backward",
            "milliseconds": 1000 * min(taken[name]),
            "time / ReLU": ratio(taken, name, "nn.ReLU"),
            "time / detach": ratio(taken, name, "formula with detach"),
            "MB kept": memory[name],
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
    torch.manual_seed(0)
    relu = build("resnet18", classes=10, channels=3, image_size=32).to(device)
    networks = {"nn.ReLU": relu, "ProxyGrad": twin(relu, "local", 0.3)}
    if compiled:
        for network in networks.values():
            network.compile()
    images = torch.randn(batch, 3, 32, 32, device=device)
    memory = {name: kept_bytes(partial(one, images), addresses(one)) / 1e6 for name, one in networks.items()}
    taken = in_turns({name: step(one, device, batch) for name, one in networks.items()}, rounds=5, device=device)
    return [
        {
            "what": f"{name}, step of ResNet18, {batch} images{', compiled' if compiled else ''}",
            "milliseconds": 1000 * min(taken[name]),
            "time / ReLU": ratio(taken, name, "nn.ReLU"),
            "MB kept": memory[name],
        }
        for name in networks
    ]


def maximisation_rows(device: str, arch: str, side: int, channels: int, batch: int) -> list[dict[str, object]]:
    """Ascents of `STEPS` steps on the logits of a network, by reading, one after the other and as one batch."""
    torch.manual_seed(0)
    network = build_network(arch, 10, channels, side).to(device).eval()
    start = 0.1 * torch.randn(batch, channels, side, side, device=device)
    units = torch.arange(batch, device=device) % 10
    readings: dict[str, Ascent] = {
        "plain gradient": Ascent(STEPS, 0.3, backward_slope=None),
        "local": Ascent(STEPS, 0.3, "local", 0.3),
        "proxy": Ascent(STEPS, 0.3, "proxy", 0.3),
        "proxy, a slope an image": Ascent(STEPS, 0.3, "proxy", torch.full((batch,), 0.3, device=device)),
    }
    cases: dict[str, Callable[[], object]] = {
        name: partial(maximise, network, Objective(units), start, settings) for name, settings in readings.items()
    }

    def one_by_one() -> None:
        for k in range(batch):
            maximise(network, Objective(units[k : k + 1]), start[k : k + 1], readings["proxy"])

    taken = in_turns(cases | {"proxy, one image at a time": one_by_one}, rounds=3, device=device)
    return [
        {
            "what": f"{name}, {arch}, {batch} images of {side} x {side}",
            "images a second, 200 steps": batch * STEPS / 200 / min(taken[name]),
            "time / plain gradient": ratio(taken, name, "plain gradient"),
        }
        for name in taken
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="with torch.compile too (slow to start on a CPU)")
    parser.add_argument("--batch", type=int, default=16, help="images of a training step")
    arguments = parser.parse_args()
    device, batch = arguments.device, arguments.batch
    torch.manual_seed(0)
    activation = activation_rows(device, arguments.compile)
    show(activation, "ProxyGrad's activation")
    steps = step_rows(device, False, batch)
    if arguments.compile:
        steps += step_rows(device, True, batch)
    show(steps, "A training step")
    many = 4 if device == "cpu" else 64
    images = maximisation_rows(device, "cnn", 8, 1, 8 * many)
    images += maximisation_rows(device, "resnet8", 32, 3, 8 * many)
    images += maximisation_rows(device, "resnet18", 64, 3, many // 2)
    show(images, "Activation maximisation")
    write("proxygrad", activation + steps + images, device)


if __name__ == "__main__":
    main()
