"""ProxyGrad's activation against nn.ReLU and the formula with detach, and optimised images a second.

    OMP_NUM_THREADS=1 python benchmarks/proxygrad.py [--device cuda] [--compile]

Everything is measured in turns within one run; what counts are the ratios. An optimised image is one start that has
gone through all steps of an ascent, scored by the forward network at every step.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from side_by_side import in_turns, ratio, show, write
from side_by_side.activations import SHAPE, Activation, Rows, activation_rows, arguments, compiled, resnet, step_rows
from torch import Tensor, nn

from companion.activations import exchange_activations
from companion.proxygrad import Ascent, AsymmetricLeakyReLU, Objective, asymmetric_leaky_relu, maximise, twin
from companion.proxygrad.activation import leaky_relu
from companion.proxygrad.networks import build_network

STEPS = 20
DETACH = "formula with detach"


class WithDetach(nn.Module):
    """The plain formula of the method: s + sg(relu(z) - s) with s = leaky_relu(z, a_b)."""

    def forward(self, z: Tensor) -> Tensor:
        s = F.leaky_relu(z, 0.3)
        return s + (F.relu(z) - s).detach()


def activations(device: str, with_compiled: bool) -> Rows:
    """The activation alone, and as the next convolution sees it: what it keeps beyond its own output."""
    slopes = torch.full((SHAPE[0],), 0.3, device=device)
    cases: dict[str, Activation] = {
        "nn.ReLU": nn.ReLU(),
        "nn.LeakyReLU": nn.LeakyReLU(0.3),
        "ProxyGrad": AsymmetricLeakyReLU(0.0, 0.3),
        "ProxyGrad, a slope an image": AsymmetricLeakyReLU(0.0, slopes),
        "ProxyGrad, exact formula": partial(asymmetric_leaky_relu, backward_slope=0.3, form="formula"),
        DETACH: WithDetach(),
        "proxy, a slope an image": lambda z: leaky_relu(z, slopes.view(-1, 1, 1, 1)),
    }
    if with_compiled:
        cases |= compiled(cases, ("nn.ReLU", "ProxyGrad", DETACH))
    return activation_rows(cases, DETACH, device)


def resnets(device: str) -> dict[str, nn.Module]:
    """The same network with three activations."""

    def detach(module: nn.Module) -> nn.Module | None:
        return WithDetach() if isinstance(module, nn.ReLU) else None

    return {
        "nn.ReLU": resnet(device),
        "ProxyGrad": twin(resnet(device), "local", 0.3),
        DETACH: exchange_activations(resnet(device), detach, "ReLU"),
    }


def maximisation_rows(device: str, arch: str, side: int, channels: int, batch: int) -> Rows:
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
    asked = arguments(__doc__.splitlines()[0])
    device = asked.device
    torch.manual_seed(0)
    rows = activations(device, asked.compile) + step_rows(resnets, DETACH, device, asked.batch, asked.compile)
    show(rows, "ProxyGrad's activation")
    many = 4 if device == "cpu" else 64
    images = maximisation_rows(device, "cnn", 8, 1, 8 * many)
    images += maximisation_rows(device, "resnet8", 32, 3, 8 * many)
    images += maximisation_rows(device, "resnet18", 64, 3, many // 2)
    show(images, "Activation maximisation")
    write("proxygrad", rows + images, device)


if __name__ == "__main__":
    main()
