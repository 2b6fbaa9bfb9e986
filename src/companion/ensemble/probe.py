"""How many members fit into a memory budget, and whether one program or a loop is faster, both by trying."""

import time
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from companion.ensemble.grouped import GroupedForward, can_be_grouped, groups_correctly
from companion.ensemble.members import Bound
from companion.ensemble.program import Program
from companion.ensemble.stacking import Forward, Stack, refuse_what_vmap_cannot
from companion.ensemble.work import Work
from companion.errors import CompanionError, unknown
from companion.optimisers import make_optimiser
from companion.training import accuracy

Method = Literal["auto", "vmap", "grouped", "loop"]
PROBED_MEMBERS = 8
TRIALS = 3
STATES_PER_PARAMETER = 5  # the parameter, its gradient, two moments and one intermediate result
LARGEST_TENSOR = 32 * 2**20  # bytes on a CPU; beyond, the allocator returns every block to the system
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
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        functional_call(work.stack.template, state, (images[:batch],), work.arguments_of(k))
    states = STATES_PER_PARAMETER * sum(value.nbytes for value in state.values())
    gathered = images[:batch].nbytes
    return int(OVERHEAD * (sum(kept.values()) + gathered)) + states, max(kept.values(), default=1)


def members_that_fit(work: Work, k: int, memory: int) -> int:
    """The members like member k that `memory` bytes hold; at least one."""
    total, largest = bytes_per_member(work, k)
    fit = memory // total
    if work.subsets.pool.device.type == "cpu":
        fit = min(fit, LARGEST_TENSOR // largest)
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
    template, images = work.stack.template, work.subsets.pool
    obstacle = refuse_what_vmap_cannot(template)
    groupable = not obstacle and not work.arguments and can_be_grouped(template)
    if method == "vmap" and obstacle:
        raise CompanionError(f"This network cannot be trained by vmap: {obstacle}. Use method='loop' or 'auto'.")
    if method == "loop" or (method == "auto" and (obstacle or len(members) == 1)):
        return "loop", None
    if method == "vmap":
        return "vmap", Stack.forward
    grouped = groupable and groups_correctly(work.stack, images)
    if method == "grouped" and not grouped:
        raise CompanionError(
            "This network cannot be trained by grouped layers (they need a convolution, layers known to "
            "companion.ensemble.grouped, and no arguments). Use method='vmap' or 'auto'."
        )
    name, forward = ("grouped", GroupedForward(template)) if grouped else ("vmap", Stack.forward)
    if method == "grouped" or _is_faster_together(work, members, forward):
        return name, forward
    return "loop", None


def _is_faster_together(work: Work, members: Sequence[int], forward: Forward) -> bool:
    """Whether members are trained faster together than one after the other, by a short trial of both on copies."""
    few = list(members[:PROBED_MEMBERS])
    trial = work.copy_of(few)
    alone = _seconds_alone(trial) * len(few)
    program = Program(trial, range(len(few)), forward)
    try:
        # the first trial is slower than all later ones: it may decide for the program, not against it
        return any(_seconds_together(program, trial) < alone for _ in range(TRIALS))
    except RuntimeError:  # an operation without a batching rule; the loop raises whatever is truly wrong
        return False


def _seconds_together(program: Program, trial: Work) -> float:
    """Seconds of one epoch of the program."""
    everyone = torch.arange(len(program.members), device=program.device)
    started = time.perf_counter()
    program.epoch(most_steps=1)
    _wait(trial)
    stepped = time.perf_counter()
    if program.test_batches is not None:
        program.accuracies(program.test_batches, everyone)
    program.accuracies(program.batches, everyone)
    _wait(trial)
    measured = time.perf_counter()
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
        started = time.perf_counter()
        network.train()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.mixed_precision):
            loss = cross_entropy(network(images[:batch]).float(), labels[:batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        _wait(trial)
        stepped = time.perf_counter()
        seconds.append(stepped - started)
    network.eval()
    for data in [(images, labels)] + ([test] if test is not None else []):
        accuracy(network, *data)
    _wait(trial)
    measuring = time.perf_counter() - stepped
    return trial.steps(0) * min(seconds[1:]) + measuring / settings.evaluate_every


def _wait(work: Work) -> None:
    device = work.subsets.pool.device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
