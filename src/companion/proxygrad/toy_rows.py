"""The toys as rows: where every slope ends, and whether that is what the tables say."""

import torch
from torch import Tensor, nn

from companion.experiment import Row
from companion.proxygrad.activation import asymmetric_leaky_relu, leaky_relu
from companion.proxygrad.random_networks import draw_networks
from companion.proxygrad.readings import circulation, input_gradient_angles
from companion.proxygrad.toys import (
    DETECTOR_STARTS,
    EdgeDetector,
    PolarityDetector,
    TwoHinges,
    climb_toy,
    dead_start,
    detector_start,
    slope_threshold,
)

__all__ = ["EXPECTED", "mechanics_rows", "toy_rows"]

CIRCLED = 20  # random networks of two inputs, around whose fields a circle is walked
TOY_SLOPES = (0.0, 0.01, 0.1, 0.3, 0.5, 1.0)
# what f reaches with each of the slopes, by toy and start
EXPECTED: dict[tuple[str, str], tuple[float, ...]] = {
    ("T1", "x = -1"): (0, 0, 0, 2, 2, 2),
    ("T2", "x = -0.5"): (2, 2, 2, 2, 3, 3),
    ("T2", "x = 0.5"): (0, 0, 3, 3, 3, 3),
    ("T3", "grey"): (0, 4, 4, 4, 4, 4),
    ("T3", "bright square"): (4, 4, 4, 4, 4, 4),
    ("T3", "dark square"): (0, 0, 4, 4, 4, 4),
    ("T4", "u = -0.5"): (1, 1, 1, 1, 2.25, 2.25),
}
GLOBAL = {"T1": 2.0, "T2": 3.0, "T3": 4.0, "T4": 2.25}


def cases() -> list[tuple[str, nn.Module, dict[str, Tensor], dict]]:
    """Every toy with its starts, by name, and its settings."""
    point = torch.ones(1, dtype=torch.float64)
    patch = torch.tensor([[0.5, 0.0, -0.5]] * 3, dtype=torch.float64)
    return [
        ("T1", dead_start(), {"x = -1": -point}, {"box": 2.0, "steps": 200}),
        # from 0.5 the slope 0.01 has not left the plateau after 400 steps
        ("T2", TwoHinges(), {"x = -0.5": -0.5 * point, "x = 0.5": 0.5 * point}, {"box": 2.0, "steps": 400}),
        ("T3", EdgeDetector(), {name: detector_start(name)[None] for name in DETECTOR_STARTS}, {"eta": 0.1}),
        ("T4", PolarityDetector(), {"u = -0.5": patch}, {"eta": 0.2, "steps": 500}),
    ]


def toy_rows(noise_starts: int = 64) -> list[Row]:
    """One row a toy, start and slope, and one for each slope of the noise starts of T3."""
    rows: list[Row] = []
    slopes = torch.tensor(TOY_SLOPES, dtype=torch.float64)
    for toy, function, starts, settings in cases():
        together = torch.stack(list(starts.values())).repeat_interleave(len(slopes), 0)
        reached = climb_toy(function, together, slopes.repeat(len(starts)), **settings).values[-1]
        for k, value in enumerate(reached.tolist()):
            name, slope = list(starts)[k // len(slopes)], TOY_SLOPES[k % len(slopes)]
            expected = float(EXPECTED[toy, name][k % len(slopes)])
            rows.append({
                "part": "toys", "toy": toy, "start": name, "a_b": slope, "value": value, "expected": expected,
                "global_maximum": GLOBAL[toy],
            })  # fmt: skip
    noise = 0.3 * torch.randn(noise_starts, 1, 15, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    chosen = torch.tensor([0.0, 0.3], dtype=torch.float64)
    found = climb_toy(EdgeDetector(), noise.repeat(2, 1, 1, 1), chosen.repeat_interleave(noise_starts), eta=0.1)
    for slope, values in zip(chosen.tolist(), found.values[-1].view(2, -1), strict=True):
        shared = {"part": "toys", "toy": "T3", "start": "noise", "a_b": slope, "global_maximum": 4.0}
        rows.append(shared | {"value": float(values.mean()), "stuck": float((values < 4 - 1e-6).double().mean())})
    for w1, w2 in ((3.0, 1.0), (2.0, 1.5), (5.0, 0.5)):
        shared = {"part": "toys", "toy": "T2", "start": "threshold", "expected": w2 / w1}
        rows.append(shared | {"value": slope_threshold(w1, w2)})
    return rows


def exactness(dtype: torch.dtype, device: str) -> tuple[float, float]:
    """The largest error of the output and of the gradient of the activation, against their definitions."""
    generator = torch.Generator().manual_seed(0)
    z = (4 * torch.randn(20_000, generator=generator, dtype=torch.float64)).to(device, dtype).requires_grad_()
    upstream = torch.randn(20_000, generator=generator, dtype=torch.float64).to(device, dtype)
    errors = [0.0, 0.0]
    for a_f, a_b in ((0.0, 0.1), (0.0, 1.0), (0.01, 0.5)):
        y = asymmetric_leaky_relu(z, a_f, a_b)
        (gradient,) = torch.autograd.grad(y, z, upstream)
        expected = torch.where(z > 0, upstream, a_b * upstream)
        errors[0] = max(errors[0], float((y - leaky_relu(z, a_f)).detach().abs().max()))
        errors[1] = max(errors[1], float((gradient - expected).detach().abs().max()))
    return errors[0], errors[1]


def mechanics_rows(device: str = "cpu") -> list[Row]:
    """Exactness by dtype; angles between the gradients by depth and slope; loop integrals of both readings."""
    rows: list[Row] = []
    for name in ("float64", "float32", "float16", "bfloat16"):
        rows.append({"part": "exactness", "arm": name, "value": max(exactness(getattr(torch, name), device))})
    for depth in (1, 2, 3, 5, 10):
        for slope in (0.1, 0.3, 0.5, 1.0):
            shared = {"part": "angles", "depth": depth, "a_b": slope}
            rows.append(shared | input_gradient_angles(depth, slope, count=4))
    plane = draw_networks(3, CIRCLED, inputs=2, width=16, dtype=torch.float64)
    for reading in ("local", "proxy"):
        for seed, value in enumerate(circulation(plane, reading, 0.3, steps=4000).tolist()):
            shared = {"part": "circulation", "semantics": reading, "schedule": "constant", "a_b": 0.3, "seed": seed}
            rows.append(shared | {"value": value})
    return rows
