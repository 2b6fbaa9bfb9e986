"""How many members fit into a memory budget, and whether one program or a loop is faster, both by trying."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
MEASURED = 512  # images of a trial's evaluation
TRIAL_SHARE = 20  # the trial may cost one part in so many of the training
FEWEST = 4  # members of a program even where the caches do not hold them
STATES_PER_PARAMETER = 5  # the parameter, its gradient, two moments and one intermediate result
LARGEST_TENSOR = 8 * 2**20  # bytes of an activation on a CPU: larger ones were measured slower, out of the caches
OVERHEAD = 1.5  # gradients of activations and workspaces beside what the backward pass keeps


@dataclass(frozen=True)
class Plan:
    """How members of one shape are trained.

    Attributes:
        method: ``grouped``, ``vmap`` or ``loop``.
        forward: of a program; None for the loop.
        members: that go into one program.
        images_a_pass: of all of them together, that are measured at once.
    """

    method: str
    forward: Forward | None = None
    members: int = 1
    images_a_pass: int = 1


def room(work: Work, k: int, memory: int) -> tuple[int, int]:
    """How many members like member k fit into `memory` bytes and on a CPU into its caches, and images a pass."""
    total, largest, batch = _bytes_needed(work, k)
    an_image = max(1, largest // batch)
    if work.subsets.pool.device.type == "cpu":
        members = min(memory // total, max(FEWEST, LARGEST_TENSOR // largest))
        return max(1, members), max(64, LARGEST_TENSOR // an_image)
    return max(1, memory // total), max(64, memory // (4 * an_image))


def _bytes_needed(work: Work, k: int) -> tuple[int, int, int]:
    """The memory that member k needs in a program, that of its largest activation, and its images a step.

    It needs what a backward pass keeps (found by one forward pass), its images, and the optimiser's states.
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
    kept[images.untyped_storage().data_ptr()] = images[:batch].nbytes  # the first layer may keep the whole pool
    states = STATES_PER_PARAMETER * sum(value.nbytes for value in state.values())
    return int(OVERHEAD * sum(kept.values())) + states, max(kept.values()), batch


def _unchanged_randomness(work: Work) -> AbstractContextManager[None]:
    """What a trial draws (dropout) must not move the random numbers of the training."""
    device = work.subsets.pool.device
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def make_plan(work: Work, members: Sequence[int], method: Method, memory: int) -> Plan:
    """Decide how members of one shape are trained.

    Args:
        work: that of the ensemble.
        members: those that could share a program.
        method: ``auto`` or what the caller insists on.
        memory: bytes that a program may take.

    Raises:
        CompanionError: an unknown method, or one that this network cannot be trained by.
    """
    if method not in get_args(Method):
        raise unknown("method", method, get_args(Method))
    obstacle = refuse_what_vmap_cannot(work.stack.template)
    if method == "vmap" and obstacle:
        raise CompanionError(f"This network cannot be trained by vmap: {obstacle}. Use method='loop' or 'auto'.")
    if method == "grouped" and work.grouped is None:
        raise CompanionError(
            "This network cannot be trained by grouped layers (they need a convolution, layers known to "
            "companion.ensemble.grouped, and no arguments). Use method='vmap' or 'auto'."
        )
    if method == "loop" or (method == "auto" and (obstacle or len(members) == 1)):
        return Plan("loop")
    with _unchanged_randomness(work):
        fit, images_a_pass = room(work, members[0], memory)
        if method == "auto" and not _is_faster_together(work, members[: max(fit, FEWEST)], len(members)):
            return Plan("loop")
    if method == "vmap" or work.grouped is None:
        return Plan("vmap", Stack.forward, fit, images_a_pass)
    return Plan("grouped", work.grouped, fit, images_a_pass)


def _is_faster_together(work: Work, members: Sequence[int], K: int) -> bool:
    """Whether K members, in programs as large as that of `members`, are trained faster than one after the other.

    A short trial of both, on copies, decides. Where the whole training is so short that the trial would cost more than
    a twentieth of it, what has mostly been found does: grouped layers and networks without convolution, together.
    """
    if not _can_be_batched(work):
        return False
    steps = K * work.settings[members[0]].epochs * work.steps(members[0])
    affordable = int((steps / TRIAL_SHARE - 3) / 2)  # three steps alone, and mostly at most two together
    if affordable < min(K, FEWEST):
        return K >= FEWEST and (work.grouped is not None or not _convolves(work.stack.template))
    few = list(members[: min(affordable, PROBED_MEMBERS)])
    trial = work.copy_of(few)
    alone = _seconds_alone(trial) * len(few)
    program = Program(trial, range(len(few)), work.grouped or Stack.forward)
    # the first trial is slower than later ones: it may decide for the program, against it only when far off
    for slack in (3.0, 1.2, 1.0):
        together = _seconds_together(program, trial)
        if together < alone or together > slack * alone:
            break
    return together < alone


@torch.no_grad()
def _can_be_batched(work: Work) -> bool:
    """Whether `vmap` knows a rule for every operation of the network."""
    few = work.copy_of([0, 1])
    few.stack.template.eval()
    try:
        few.stack.forward(work.subsets.pool[:2], few.arguments, shared=True)
    except RuntimeError:  # the loop raises whatever else is wrong
        return False
    return True


def _convolves(template: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.conv._ConvNd) for module in template.modules())


def _seconds_together(program: Program, trial: Work) -> float:
    """Seconds of one epoch of the program."""
    started = _now(trial)
    program.epoch(most_steps=1)
    seconds = trial.steps(0) * (_now(trial) - started)
    for batches in filter(None, (program.batches, program.test_batches)):
        started = _now(trial)
        measured = program.measure_one_pass(batches)
        seconds += (_now(trial) - started) * batches.size / measured / trial.settings[0].evaluate_every
    return seconds


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
        seconds.append(_now(trial) - started)
    network.eval()
    measuring = 0.0
    for x, y in [(images, labels)] + ([test] if test is not None else []):
        started = _now(trial)
        accuracy(network, x[:MEASURED], y[:MEASURED])
        measuring += (_now(trial) - started) * len(y) / len(y[:MEASURED])
    return trial.steps(0) * min(seconds[1:]) + measuring / settings.evaluate_every


def _now(work: Work) -> float:
    """Seconds on the clock that tells most: of the processor where one thread computes and others may share it."""
    device = work.subsets.pool.device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()
