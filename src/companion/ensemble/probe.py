"""How many members fit into a memory budget, and whether one program or a loop is faster, both by trying."""

import time
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from companion.ensemble.members import Bound
from companion.ensemble.program import Program
from companion.ensemble.stacking import Forward, Stack, refuse_what_vmap_cannot
from companion.ensemble.work import Work
from companion.errors import CompanionError, unknown
from companion.optimisers import make_optimiser
from companion.training import accuracy

Method = Literal["auto", "vmap", "grouped", "loop"]
PROBED_MEMBERS = 8
WORTH_A_TRIAL = 400  # optimiser steps of all members together
FEWEST = 4  # members of a program even where the caches do not hold them
STATES_PER_PARAMETER = 5  # the parameter, its gradient, two moments and one intermediate result
LARGEST_TENSOR = 8 * 2**20  # bytes of an activation on a CPU: larger ones were measured slower, out of the caches
OVERHEAD = 1.5  # gradients of activations and workspaces beside what the backward pass keeps


def bytes_per_member(work: Work, k: int) -> tuple[int, int]:
    """An estimate of the memory that member k needs in a program, and the bytes of its largest activation.

    It needs what a backward pass keeps, its images, and the optimiser's states.
    """
    images, labels = work.subsets.of_member(k)
    batch = min(work.settings[k].batch or len(labels), len(labels))
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    state = {name: value[k].detach().clone() for name, value in work.stack.tensors().items()}
    for name in work.stack.parameters:
        state[name].requires_grad_()
    work.stack.template.train()
    device = images.device
    forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
    with forked, torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        functional_call(work.stack.template, state, (images[:batch],), work.arguments_of(k))
    states = STATES_PER_PARAMETER * sum(value.nbytes for value in state.values())
    gathered = images[:batch].nbytes
    return int(OVERHEAD * (sum(kept.values()) + gathered)) + states, max(kept.values(), default=1)


def members_that_fit(work: Work, k: int, memory: int) -> int:
    """The members like member k that `memory` bytes hold; at least one."""
    total, largest = bytes_per_member(work, k)
    fit = memory // total
    if work.subsets.pool.device.type == "cpu":
        fit = min(fit, max(FEWEST, LARGEST_TENSOR // largest))
    return max(1, fit)


def choose_method(work: Work, members: Sequence[int], method: Method = "auto") -> tuple[str, Forward | None]:
    """How members of one shape are trained: the method's name and its forward; None for the loop.

    Args:
        work: that of the ensemble.
        members: those that could share a program.
        method: ``auto`` or what the caller insists on.

    Raises:
        CompanionError: an unknown method, or one that this network cannot be trained by.
    """
    if method not in get_args(Method):
        raise unknown("method", method, get_args(Method))
    obstacle = refuse_what_vmap_cannot(work.stack.template)
    if method == "vmap" and obstacle:
        raise CompanionError(f"This network cannot be trained by vmap: {obstacle}. Use method='loop' or 'auto'.")
    if method == "loop" or (method == "auto" and (obstacle or len(members) == 1)):
        return "loop", None
    if method == "vmap":
        return "vmap", Stack.forward
    if method == "grouped" and work.grouped is None:
        raise CompanionError(
            "This network cannot be trained by grouped layers (they need a convolution, layers known to "
            "companion.ensemble.grouped, and no arguments). Use method='vmap' or 'auto'."
        )
    name, forward = ("vmap", Stack.forward) if work.grouped is None else ("grouped", work.grouped)
    if method == "grouped":
        return name, forward
    device = work.subsets.pool.device
    # the trial's dropout must not move the random numbers of the training
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        return (name, forward) if _is_faster_together(work, members, forward) else ("loop", None)


def _is_faster_together(work: Work, members: Sequence[int], forward: Forward) -> bool:
    """Whether members are trained faster together than one after the other.

    A short trial of both, on copies, decides. Where the whole training is so short that the trial would cost more than
    a twentieth of it, what has mostly been found does: grouped layers and networks without convolution, together.
    """
    first = members[0]
    steps = len(members) * work.settings[first].epochs * work.steps(first)
    few = list(members[: PROBED_MEMBERS if steps > 2 * WORTH_A_TRIAL else PROBED_MEMBERS // 2])
    if steps < WORTH_A_TRIAL:
        return len(members) >= FEWEST and (work.grouped is not None or not _convolves(work.stack.template))
    trial = work.copy_of(few)
    alone = _seconds_alone(trial) * len(few)
    program = Program(trial, range(len(few)), forward)
    try:
        # the first trial is slower than later ones: it may decide for the program, against it only when far off
        for slack in (3.0, 1.2, 1.0):
            together = _seconds_together(program, trial)
            if together < alone or together > slack * alone:
                return together < alone
    except RuntimeError:  # an operation without a batching rule; the loop raises whatever is truly wrong
        return False
    return False


def _convolves(template: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.conv._ConvNd) for module in template.modules())


def _seconds_together(program: Program, trial: Work) -> float:
    """Seconds of one epoch of the program."""
    everyone = torch.arange(len(program.members), device=program.device)
    started = _now(trial)
    program.epoch(most_steps=1)
    stepped = _now(trial)
    if program.test_batches is not None:
        program.accuracies(program.test_batches, everyone)
    program.accuracies(program.batches, everyone)
    measured = _now(trial)
    return trial.steps(0) * (stepped - started) + (measured - stepped) / trial.settings[0].evaluate_every


def _seconds_alone(trial: Work) -> float:
    """Seconds of one epoch of the first member alone, the fastest of two steps after a first one."""
    images, labels = trial.subsets.of_member(0)
    settings, test = trial.settings[0], trial.test_of(0)
    network = Bound(trial.stack.member(0), trial.arguments_of(0))
    optimiser = make_optimiser(settings.optimiser, network.parameters(), settings.learning_rate)
    batch = min(settings.batch or len(labels), len(labels))
    seconds = []
    for _ in range(3):
        started = _now(trial)
        network.train()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.mixed_precision):
            loss = cross_entropy(network(images[:batch]).float(), labels[:batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        stepped = _now(trial)
        seconds.append(stepped - started)
    network.eval()
    for data in [(images, labels)] + ([test] if test is not None else []):
        accuracy(network, *data)
    measuring = _now(trial) - stepped
    return trial.steps(0) * min(seconds[1:]) + measuring / settings.evaluate_every


def _now(work: Work) -> float:
    """Seconds on the clock that tells most: of the processor where one thread computes and others may share it."""
    device = work.subsets.pool.device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()
