"""Exciting units of a network: many methods, units and starts as one batch, and what each of them reaches."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from companion.progress import SILENT, Part, Progress
from companion.proxygrad.ascent import Ascent, Found, input_gradient, maximise
from companion.proxygrad.objectives import Objective, Read
from companion.proxygrad.random_networks import Method

__all__ = ["excite", "raw_step"]

MOST_IMAGES = 256  # images of one batch: larger ones leave a processor's cache


def excite(
    network: nn.Module,
    layer: str,
    read: Read,
    units: Sequence[int],
    starts: Tensor,
    methods: Sequence[Method],
    settings: Ascent,
    *,
    frames: Sequence[int] = (),
    progress: Progress = SILENT,
) -> Found:
    """Ascents by every method for every unit from every start; methods of one reading and schedule share a batch.

    Args:
        network: f.
        layer: name of the layer; empty for the logits.
        read: how its channels are read.
        units: U channels or classes.
        starts: S images ``[S, C, H, W]``.
        methods: M ways to climb.
        settings: steps, step, box, transforms.
        frames: steps after which the images are kept.
        progress: told every step.

    Returns:
        What was found, in the order method, unit, start: entry ``(m U + u) S + s``.
    """
    U, S = len(units), len(starts)
    unit = torch.tensor(list(units), device=starts.device).repeat_interleave(S)
    found: dict[int, Found] = {}
    groups: dict[tuple[str, str], list[int]] = {}
    for m, method in enumerate(methods):
        groups.setdefault((method.semantics, method.schedule), []).append(m)
    done = 0
    for (semantics, schedule), members in groups.items():
        at_once = max(1, MOST_IMAGES // (U * S))
        for part in (members[i : i + at_once] for i in range(0, len(members), at_once)):
            slopes = torch.tensor([methods[m].a_b for m in part], device=starts.device).repeat_interleave(U * S)
            chosen = replace(settings, semantics=semantics, schedule=schedule, backward_slope=slopes)
            objective = Objective(unit.repeat(len(part)), layer, read)
            watch = Part(progress, done, len(part), len(methods), layer or "logits")
            together = maximise(network, objective, starts.repeat(len(part) * U, 1, 1, 1), chosen, frames=frames,
                                progress=watch)  # fmt: skip
            done += len(part)
            found |= {m: _slice(together, k, U * S) for k, m in enumerate(part)}
    return _joined([found[m] for m in range(len(methods))])


def raw_step(network: nn.Module, objective: Objective, starts: Tensor, length: float) -> float:
    """The eta of raw gradients with which the mean first step of plain ascent has the given length.

    Args:
        network: f.
        objective: what is maximised.
        starts: images, one for each unit of the objective; those with gradient 0 do not count.
        length: of a normalised step.
    """
    norms = input_gradient(network, objective, starts).flatten(1).norm(dim=1)
    alive = norms[norms > 0]
    return length / float(alive.mean()) if len(alive) else length


def _slice(found: Found, k: int, size: int) -> Found:
    rows = slice(k * size, (k + 1) * size)
    frames = {step: images[rows] for step, images in found.frames.items()}
    return Found(found.best[rows], found.best_values[rows], found.last[rows], found.values[:, rows], frames)


def _joined(parts: Sequence[Found]) -> Found:
    frames = {step: torch.cat([part.frames[step] for part in parts]) for step in parts[0].frames}
    best, values, last = (torch.cat([getattr(p, n) for p in parts]) for n in ("best", "best_values", "last"))
    return Found(best, values, last, torch.cat([part.values for part in parts], 1), frames)
