"""K networks of one architecture as one set of tensors: every parameter and buffer gains a leading axis K."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

from companion.errors import CompanionError
from companion.networks import seeded

State = dict[str, Tensor]
Forward = Callable[..., Tensor]  # (stack, images, arguments, *, shared) -> outputs [K, N, ...]
REPLAY_FROM = 4  # members; below, recording the initialisation costs more than it saves


class Stack:
    """K networks as stacked tensors: member k's tensor `name` is ``parameters[name][k]`` or ``buffers[name][k]``.

    Attributes:
        template: one module of the architecture; its own tensors are never used, only its ``forward``.
        parameters: ``[K, ...]`` tensors that are trained or constant, as ``template`` says.
        buffers: ``[K, ...]`` tensors such as the running statistics of batch normalisation.
    """

    def __init__(self, template: nn.Module, parameters: State, buffers: State) -> None:
        self.template, self.parameters, self.buffers = template, parameters, buffers

    def __len__(self) -> int:
        return len(next(iter({**self.parameters, **self.buffers}.values())))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(iter(self.tensors().values())).device

    def tensors(self) -> State:
        """All stacked tensors by name."""
        return {**self.parameters, **self.buffers}

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Stack":
        """The stack on another device; `dtype` converts its floating-point tensors."""

        def moved(state: State) -> State:
            return {n: v.to(device, dtype if v.is_floating_point() else None) for n, v in state.items()}

        return Stack(self.template.to(device, dtype), moved(self.parameters), moved(self.buffers))

    def select(self, members: Tensor) -> "Stack":
        """A copy of some members (int64 ``[k]``)."""
        return Stack(
            self.template,
            {name: value.detach()[members] for name, value in self.parameters.items()},
            {name: value[members] for name, value in self.buffers.items()},
        )

    def write(self, members: Tensor, source: "Stack", rows: Tensor) -> None:
        """Replace `members` by the `rows` of another stack (both int64 ``[k]``)."""
        written = source.tensors()
        with torch.no_grad():
            for name, value in self.tensors().items():
                value[members] = written[name][rows]

    def member(self, k: int) -> nn.Module:
        """Member k as a module of its own."""
        module = copy.deepcopy(self.template)
        module.load_state_dict({name: value[k] for name, value in self.tensors().items()}, strict=False)
        return module

    def forward(self, images: Tensor, arguments: Mapping[str, Tensor], *, shared: bool) -> Tensor:
        """The outputs ``[K, N, ...]`` of all members in one program.

        In training mode batch normalisation normalises every member by its own batch, and updates its row of the
        stacked running statistics in place; dropout draws another mask for every member.

        Args:
            images: ``[N, ...]`` for all members (`shared`), else ``[K, N, ...]``.
            arguments: keyword arguments of the module's forward, ``[K, ...]`` each, one row a member.
            shared: whether all members see the same images.
        """

        def member_forward(parameters: State, buffers: State, x: Tensor, keywords: State) -> Tensor:
            return functional_call(self.template, (parameters, buffers), (x,), keywords)

        stacked = vmap(member_forward, in_dims=(0, 0, None if shared else 0, 0), randomness="different")
        return stacked(self.parameters, self.buffers, images, dict(arguments))


def stack(build: Callable[[], nn.Module], seeds: Sequence[int]) -> Stack:
    """The networks ``torch.manual_seed(seed); build()`` for every seed, stacked, bit for bit.

    At most two modules exist at a time. The random numbers that `build` draws are recorded once and drawn again
    for every seed, straight into the stacked tensors; where that does not reproduce a second, really built, network
    (an initialisation by other means than in-place draws), every network is built and copied.

    Args:
        build: makes one network; all its randomness comes from torch's global generator on the CPU.
        seeds: one seed a member.

    Raises:
        CompanionError: no seed, or a network without parameters.
    """
    if not len(seeds):
        raise CompanionError("An ensemble needs at least one seed.")
    recorder = DrawRecorder()
    with recorder:
        template = seeded(build, seeds[0])
    first = named_state(template)
    if not first:
        raise CompanionError(f"{type(template).__name__} has no parameters: nothing to stack.")
    K = len(seeds)
    stacked = {name: value.new_empty((K, *value.shape)) for name, value in first.items()}
    _fill(stacked, 0, first)
    start = 1
    if len(seeds) >= REPLAY_FROM and recorder.reproduces(build, first):
        for k in range(1, K):
            recorder.replay(seeds[k], {name: value[k] for name, value in stacked.items()}, first)
        start = K
    for k in range(start, K):
        _fill(stacked, k, named_state(seeded(build, seeds[k])))
    parameters = {name: stacked[name] for name, _ in template.named_parameters()}
    buffers = {name: stacked[name] for name, _ in template.named_buffers()}
    return Stack(template, parameters, buffers)


def refuse_what_vmap_cannot(template: nn.Module) -> str | None:
    """Why the architecture cannot run as one program, or None when it can."""
    for name, module in template.named_modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats and module.momentum is None:
            return f"{name} averages its running statistics cumulatively (momentum=None)"
        if isinstance(module, nn.RNNBase):
            return f"{name} is a recurrent layer, which torch.vmap does not support"
    return None


class DrawRecorder(TorchDispatchMode):
    """Records the in-place operations of a `build`, to repeat them for another seed on the stacked tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func._schema.is_mutable and args and isinstance(args[0], Tensor):
            # an alias: the parameter itself may be given other storage later
            self.calls.append((args[0].detach(), func, args[1:], kwargs or {}))
        return result

    @torch.no_grad()
    def replay(self, seed: int, state: State, first: State) -> None:
        """Draw the network of `seed` into the tensors of `state`; `first` is the network that was recorded."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for name, target, operation, args, kwargs in self._named(first):
                # a tensor that the build drew and threw away is drawn as well
                operation(state[name] if name else torch.empty_like(target), *args, **kwargs)
        self._copy_constants(state, first)

    @torch.no_grad()
    def draw(self, first: State, K: int, generator: torch.Generator) -> State:
        """K networks ``[K, ...]`` of the recorded initialisation, from a generator of any device."""
        stacked = {n: v.new_empty((K, *v.shape), device=generator.device) for n, v in first.items()}
        for name, _, operation, args, kwargs in self._named(first):
            if name:
                random = any(argument.name == "generator" for argument in operation._schema.arguments)
                operation(stacked[name], *args, **(kwargs | ({"generator": generator} if random else {})))
        self._copy_constants(stacked, first)
        return stacked

    def reproduces(self, build: Callable[[], nn.Module], first: State) -> bool:
        """Whether repeating the recorded operations for another seed gives the network that is really built."""
        built = named_state(seeded(build, 1))
        repeated = {name: torch.empty_like(value) for name, value in first.items()}
        self.replay(1, repeated, first)
        return all(torch.equal(built[name].nan_to_num(), repeated[name].nan_to_num()) for name in first)

    def _named(self, first: State) -> Iterator[tuple[str | None, Tensor, Callable[..., Any], Any, Any]]:
        """The recorded operations with the name of the tensor that each acted on, None for one thrown away."""
        names = {value.data_ptr(): name for name, value in first.items() if value.numel()}
        for target, operation, args, kwargs in self.calls:
            name = names.get(target.data_ptr())
            whole = name is not None and target.shape == first[name].shape
            yield name if whole else None, target, operation, args, kwargs

    def _copy_constants(self, state: State, first: State) -> None:
        """Copy what no operation touched: a constant of the architecture."""
        for name in first.keys() - {name for name, *_ in self._named(first)}:
            state[name].copy_(first[name])


def named_state(module: nn.Module) -> State:
    """The parameters and buffers of a module by name, without gradients."""
    return {name: value.detach() for name, value in [*module.named_parameters(), *module.named_buffers()]}


def _fill(stacked: State, k: int, state: State) -> None:
    for name, value in state.items():
        stacked[name][k] = value
