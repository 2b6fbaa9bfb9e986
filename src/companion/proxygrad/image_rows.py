"""Trained networks as rows: what every method makes of inner units and logits, and the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from companion.experiment import Row
from companion.progress import Part, Progress
from companion.proxygrad.ascent import Found
from companion.proxygrad.excitation import excite, raw_step
from companion.proxygrad.networks import INNER_LAYERS
from companion.proxygrad.objectives import Objective, activation_at
from companion.proxygrad.pictures import encode_pictures
from companion.proxygrad.random_networks import Method
from companion.proxygrad.samples import draw_starts
from companion.proxygrad.trained import Networks, first_batch
from companion.proxygrad.transforms import NO_TRANSFORM, Regulariser

__all__ = ["Target", "excitation_rows", "image_methods", "picture_rows", "targets", "variation_rows"]

CURVE_POINTS = 10  # of the curve of values over the steps, about
STRIP = (0, 0.05, 0.15, 0.3, 0.6, 1.0)  # shares of the steps that a strip of the evolution shows


@dataclass(frozen=True)
class Target:
    """Units of one layer: its name for the reader, its module, how it is read, which channels."""

    name: str
    layer: str
    read: str
    units: tuple[int, ...]


def targets(networks: Networks, seed: int, kind: str) -> list[Target]:
    """The inner layers (``units``) or the logits (``logits``) whose units are excited."""
    p, space = networks.parameters, networks.space
    if kind == "logits":
        return [Target("logits", "", "logit", tuple(range(min(p.classes, len(space.classes)))))]
    network, probe = networks.target(seed), first_batch(networks, 1)
    found = []
    for k, layer in enumerate(INNER_LAYERS[networks.architecture], start=1):
        with torch.no_grad():
            channels = activation_at(network, layer, probe).shape[1]
        found.append(Target(f"layer {k}", layer, _map_read(p.objective), tuple(range(min(p.units, channels)))))
    return found[-3:]


def _map_read(read: str) -> str:
    return "centre" if read == "logit" else read


def image_methods(slopes: Sequence[float]) -> tuple[Method, ...]:
    """Plain gradients, every slope in both readings, our two-stage ascent, and the authors' schedule of 2023."""
    slopes = tuple(a for a in slopes if a > 0)
    both = [Method(reading, a) for reading in ("local", "proxy") for a in slopes]
    stages = [Method("local", a, "two-stage") for a in slopes if 0.2 <= a <= 0.3]
    return (Method(), *both, *stages, Method("proxy", 1.0, "author-2023"))


def excitation_rows(networks: Networks, kind: str, seed: int, progress: Progress) -> list[Row]:
    """One row a layer and method: means over units and starts, restarts, and the share of runs that end at 0."""
    p = networks.parameters
    network = networks.target(seed)
    starts = draw_starts(networks.space, p.starts, p.start, p.start_noise, seed)
    methods = image_methods(p.slopes)
    rows: list[Row] = []
    chosen = targets(networks, seed, kind)
    left_out = ("curve_step", "curve_value") if kind == "units" else ("unit_values",)  # what no figure shows
    for k, target in enumerate(chosen):
        watch = Part(progress, k, 1, len(chosen), target.name)
        found = excite(network, target.layer, target.read, target.units, starts, methods, networks.ascent(),
                       progress=watch)  # fmt: skip
        measured = _rows(networks, kind, target, seed, methods, found)
        rows += [{name: value for name, value in row.items() if name not in left_out} for row in measured]
    progress.update(len(chosen), len(chosen))
    return rows


def _rows(
    networks: Networks, kind: str, target: Target, seed: int, methods: Sequence[Method], found: Found
) -> list[Row]:
    M, U = len(methods), len(target.units)
    best = found.best_values.view(M, U, -1).double().cpu()
    last = found.values[-1].view(M, U, -1).cpu()
    curve = found.values.view(len(found.values), M, -1).mean(2).cpu()
    every = max(1, len(curve) // CURVE_POINTS)
    p = networks.parameters
    return [
        {
            "part": kind, "target": p.target, "data": p.data, "layer": target.name, "seed": seed, "arm": method.label,
            "semantics": method.semantics, "a_b": method.a_b, "schedule": method.schedule, "starts": best.shape[2],
            "value": float(best[m].mean()), "restarted": float(best[m].amax(1).mean()),
            "stuck": float((last[m] == 0).double().mean()), "unit_values": best[m].mean(1).tolist(),
            "curve_step": list(range(len(curve)))[::every], "curve_value": curve[::every, m].tolist(),
        }
        for m, method in enumerate(methods)
    ]  # fmt: skip


def variation_rows(networks: Networks, seed: int, progress: Progress) -> list[Row]:
    """Raw or normalised gradients, with and without blur and jitter, for plain ReLU and three slopes: logits."""
    p = networks.parameters
    network = networks.target(seed)
    (target,) = targets(networks, seed, "logits")
    starts = draw_starts(networks.space, p.starts, p.start, p.start_noise, seed)
    methods = (Method(), *(Method(p.semantics, a) for a in (0.1, 0.3)))
    normal = networks.ascent()
    objective = Objective(torch.tensor(target.units[: len(starts)], device=starts.device))
    raw = raw_step(network, objective, starts[: len(target.units)], normal.eta)
    rows: list[Row] = []
    choices = [(normalise, transforms) for normalise in (True, False) for transforms in (False, True)]
    for k, (normalise, transforms) in enumerate(choices):
        regulariser = Regulariser(p.blur_sigma, p.jitter) if transforms else NO_TRANSFORM
        settings = networks.ascent(normalise=normalise, eta=normal.eta if normalise else raw, regulariser=regulariser)
        found = excite(network, "", "logit", target.units, starts, methods, settings,
                       progress=Part(progress, k, 1, len(choices), "variations"))  # fmt: skip
        measured = _rows(networks, "variations", target, seed, methods, found)
        words = f"{'normalised' if normalise else 'raw'}{', blur and shifts' if transforms else ''}"
        left_out = ("curve_step", "curve_value", "unit_values")
        rows += [{n: v for n, v in row.items() if n not in left_out} | {"variation": words} for row in measured]
    return rows


def picture_rows(networks: Networks, seed: int, progress: Progress) -> list[Row]:
    """The evolution of the images of some classes and of one inner unit, by method: one strip a row."""
    p = networks.parameters
    network, space = networks.target(seed), networks.space
    starts = draw_starts(space, 1, p.start, p.start_noise, seed)
    methods = (Method(), Method("local", p.a_b), Method("proxy", p.a_b), Method(p.semantics, 1.0))
    frames = tuple(round(share * p.steps) for share in STRIP)
    settings = networks.ascent(regulariser=Regulariser(p.blur_sigma, p.jitter))
    logits = targets(networks, seed, "logits")[0]
    inner = targets(networks, seed, "units")[-1]
    shown = [Target("logits", "", "logit", logits.units[: p.shown]),
             Target(inner.name, inner.layer, inner.read, inner.units[: p.shown])]  # fmt: skip
    rows: list[Row] = []
    for k, target in enumerate(shown):
        found = excite(network, target.layer, target.read, target.units, starts, methods, settings, frames=frames,
                       progress=Part(progress, k, 1, len(shown), "pictures"))  # fmt: skip
        entries = [(method, unit) for method in methods for unit in target.units]
        for i, (method, unit) in enumerate(entries):
            strip = [_shown(networks, found.frames[step][i]) for step in frames]
            name = space.classes[unit] if target.name == "logits" else f"unit {unit}"
            rows.append({
                "part": "pictures", "data": p.data, "target": p.target, "layer": target.name, "unit": name,
                "arm": method.label, "semantics": method.semantics, "a_b": method.a_b, "seed": seed,
                "value": float(found.best_values[i]), "frame_steps": list(frames),
                "frame_values": [float(found.values[step, i]) for step in frames],
                "picture": encode_pictures(torch.stack(strip)),
            })  # fmt: skip
    return rows


def _shown(networks: Networks, image: Tensor) -> Tensor:
    """An image as pixels from 0 to 1, ``[C, H, W]``."""
    return networks.space.pixels(image)
