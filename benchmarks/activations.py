"""SUGAR's activation against nn.ReLU and against the formula with detach: time, memory kept, a whole training step.

    OMP_NUM_THREADS=1 python benchmarks/activations.py [--device cuda] [--compile]

Everything is measured in turns within one run; what counts are the ratios.
"""

import torch
from side_by_side import show, write
from side_by_side.activations import Activation, Rows, activation_rows, arguments, compiled, resnet, step_rows
from torch import nn

from companion.sugar import SugarReLU, replace_relu

DETACH = "SUGAR B-SiLU, formula with detach"


def activations(device: str, with_compiled: bool) -> Rows:
    """The activation alone."""
    cases: dict[str, Activation] = {
        "nn.ReLU": nn.ReLU(),
        "SiLU": nn.SiLU(),
        "SUGAR B-SiLU": SugarReLU("b_silu"),
        DETACH: SugarReLU("b_silu", form="formula"),
        "SUGAR B-SiLU, indirect": SugarReLU("b_silu", form="indirect"),
        "SUGAR NeLU": SugarReLU("nelu"),
    }
    if with_compiled:
        cases |= compiled(cases, ("nn.ReLU", "SUGAR B-SiLU", DETACH))
    return activation_rows(cases, DETACH, device)


def resnets(device: str) -> dict[str, nn.Module]:
    """The same network with three activations."""
    return {
        "nn.ReLU": resnet(device),
        "SUGAR B-SiLU": replace_relu(resnet(device), "b_silu"),
        DETACH: replace_relu(resnet(device), "b_silu", form="formula"),
    }


def main() -> None:
    asked = arguments(__doc__.splitlines()[0])
    torch.manual_seed(0)
    rows = activations(asked.device, asked.compile) + step_rows(
        resnets, DETACH, asked.device, asked.batch, asked.compile
    )
    show(rows, "Activations")
    write("activations", rows, asked.device)


if __name__ == "__main__":
    main()
