"""Activation maximisation: gradient ascent on the input, scored by the forward network, the best kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from companion.progress import SILENT, Progress
from companion.proxygrad.activation import Slope
from companion.proxygrad.objectives import Objective
from companion.proxygrad.schedules import Schedule, scheduled_slope
from companion.proxygrad.transforms import NO_TRANSFORM, Regulariser
from companion.proxygrad.twins import Semantics, forward_slope, set_slope, twin

__all__ = ["Ascent", "Found", "climb", "input_gradient", "maximise", "value_and_gradient"]


@dataclass(frozen=True)
class Found:
    """What an ascent found, one entry a start.

    Attributes:
        best: the inputs with the highest value on the way, ``[B, ...]``.
        best_values: their values by the forward network, ``[B]``.
        last: where the ascent ended, ``[B, ...]``.
        values: the forward network's value at every step, start and end included, ``[steps + 1, B]``.
        frames: the inputs at the steps that were asked for, by step.
    """

    best: Tensor
    best_values: Tensor
    last: Tensor
    values: Tensor
    frames: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Ascent:
    """How the ascent goes: x <- clamp(x + eta g), g the gradient of a twin.

    Attributes:
        steps: number of steps.
        eta: step length; of a normalised gradient the length of the step in the input space.
        semantics: the reading, ``proxy`` (default) or ``local``.
        backward_slope: a_b; a tensor [B] gives every start its own. None for plain gradients of f.
        schedule: how a_b changes; ``author-2023`` is meant for the proxy reading.
        normalise: divide every image's gradient by its L2 norm.
        decay: let eta fall linearly to 0.
        low: lower end of the box, a number or a tensor that broadcasts against an image.
        high: upper end of the box.
        regulariser: transforms.
    """

    steps: int = 200
    eta: float = 0.05
    semantics: Semantics = "proxy"
    backward_slope: Slope | None = 0.3
    schedule: Schedule = "constant"
    normalise: bool = True
    decay: bool = False
    low: float | Tensor = -1.0
    high: float | Tensor = 1.0
    regulariser: Regulariser = NO_TRANSFORM


def climb(
    start: Tensor,
    score: Callable[[Tensor], Tensor],
    look: Callable[[Tensor, int], tuple[Tensor | None, Tensor]],
    settings: Ascent,
    *,
    after_step: Callable[[Tensor, int], Tensor] = lambda x, step: x,
    frames: Sequence[int] = (),
    progress: Progress = SILENT,
) -> Found:
    """The ascent itself: from `start` along the gradients of `look`, scored by `score`.

    Args:
        start: inputs; the leading axes are those of the scores.
        score: x -> values by the forward network, of the batch's shape.
        look: (x, step) -> values by the forward network if they came along, else None; and the gradient, of x's shape.
        settings: steps, step length, normalisation, box.
        after_step: (x, step) -> x, before the box is enforced.
        frames: steps after which the inputs are kept.
        progress: told every step.
    """
    x = start.detach().clone()
    low, high = (torch.as_tensor(bound, dtype=x.dtype, device=x.device) for bound in (settings.low, settings.high))
    values: list[Tensor] = []
    best, best_values = x, None
    kept = {0: x} if 0 in frames else {}
    for step in range(settings.steps + 1):
        done = step == settings.steps
        value, gradient = (None, None) if done else look(x, step)
        values.append(score(x) if value is None else value)
        own = tuple(range(values[-1].dim(), x.dim()))  # the axes of one input
        best_values = values[-1] if best_values is None else best_values
        better = values[-1] > best_values
        best = torch.where(better.view(*better.shape, *[1] * len(own)), x, best)
        best_values = torch.where(better, values[-1], best_values)
        if done or gradient is None:
            break
        if settings.normalise:  # a zero gradient stays zero: nothing says where to go
            length = gradient.square().sum(own, keepdim=True).sqrt()
            gradient = gradient / length.clamp_min(torch.finfo(length.dtype).tiny)
        eta = settings.eta * (1 - step / settings.steps if settings.decay else 1.0)
        x = torch.minimum(torch.maximum(after_step(x + eta * gradient, step), low), high)
        if step + 1 in frames:
            kept[step + 1] = x
        progress.update(step + 1, settings.steps, "step")
    return Found(best, best_values, x, torch.stack(values), kept)


def maximise(
    network: nn.Module,
    objective: Objective,
    start: Tensor,
    settings: Ascent,
    *,
    generator: torch.Generator | None = None,
    frames: Sequence[int] = (),
    progress: Progress = SILENT,
) -> Found:
    """Search for inputs that excite units of a network, all starts as one batch.

    The gradient comes from the twin of the chosen reading; values and the best are those of the network itself, since
    for a_b != a_f the iterates need not settle at a maximum of f. The network runs in evaluation mode.

    Args:
        network: f.
        objective: which units, and how they are read.
        start: inputs ``[B, ...]``, on the network's device.
        settings: reading, slope, schedule, steps, box, transforms.
        generator: of the random transforms (CPU); None seeds one with 0.
        frames: steps after which the images are kept, for a strip of the evolution.
        progress: told every step.

    Example:
        >>> found = maximise(network, Objective(unit=3), start, Ascent(semantics="proxy", backward_slope=0.3))

    References:
        Linse, Barth and Martinetz 2024, abstract; step, transforms and clamping as in the authors' code of 2023.
    """
    generator = generator or torch.Generator().manual_seed(0)
    plain = settings.backward_slope is None
    a_b = 0.0 if plain else settings.backward_slope
    a_f = next((s for m in network.modules() if (s := forward_slope(m)) is not None), 0.0)
    guide = network if plain else twin(network, settings.semantics, a_b)
    regulariser = settings.regulariser

    def transforms_at(step: int) -> bool:
        return step < settings.steps - regulariser.clean_steps

    def look(x: Tensor, step: int) -> tuple[Tensor | None, Tensor]:
        if not plain and settings.schedule != "constant":
            set_slope(guide, scheduled_slope(settings.schedule, step / settings.steps, a_b, a_f))
        moved = transforms_at(step) and regulariser.moves
        transform = partial(regulariser.moved, generator=generator) if moved else None
        values, gradient = value_and_gradient(guide, objective, x, transform)
        # where the guide runs as f does, on the image that is kept, its values are f's
        own = (plain or settings.semantics == "local") and not moved
        return (values if own else None), (regulariser.treated(gradient) if transforms_at(step) else gradient)

    def after_step(x: Tensor, step: int) -> Tensor:
        return regulariser.smoothed(x) if transforms_at(step) else x

    @torch.no_grad()
    def score(x: Tensor) -> Tensor:
        return objective(network, x)

    with evaluation_mode(network, guide):
        return climb(start, score, look, settings, after_step=after_step, frames=frames, progress=progress)


def value_and_gradient(
    network: nn.Module, objective: Objective, x: Tensor, transform: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """The objective of every image, ``[B]``, and its gradient with respect to that image, of x's shape."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        values = objective(network, x if transform is None else transform(x))
        return values.detach(), torch.autograd.grad(values.sum(), x)[0]


def input_gradient(network: nn.Module, objective: Objective, x: Tensor) -> Tensor:
    """The gradient of every image's objective with respect to that image, of x's shape."""
    return value_and_gradient(network, objective, x)[1]


@contextmanager
def evaluation_mode(*networks: nn.Module) -> Iterator[None]:
    """Networks in evaluation mode for a while; every module's own mode is restored."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training
