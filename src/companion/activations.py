"""Activations of a finished network: which ones there are, how to exchange them, and values with other gradients."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.errors import CompanionError

__all__ = ["bypass", "exchange_activations", "functional_relus"]


def bypass(value: Tensor, carrier: Tensor) -> Tensor:
    """The value of one tensor with the gradient of another: c - sg(c) + sg(v), sg the stop of the gradient.

    Args:
        value: what comes out, v.
        carrier: what is differentiated, c, of the same shape.

    Returns:
        A tensor equal to `value` bit for bit wherever `carrier` is finite.

    References:
        Horuz et al. 2025, Section 3, indirect form; Otte 2024, arXiv 2406.00177 (forward gradient injection).
    """
    # The difference first: c - sg(c) is exactly 0, so that the sum is exactly v.
    zero = (carrier - carrier.detach()).nan_to_num(0.0)  # inf - inf under overflow
    return zero.to(value.dtype) + value.detach()


class _Tracer(torch.fx.Tracer):
    """Looks into every module but activations of our own, which call ReLU as a function on purpose."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return getattr(module, "is_activation", False) or super().is_leaf_module(module, name)


def functional_relus(model: nn.Module) -> list[str]:
    """Where a network calls ReLU as a function, so that no module can be exchanged: the modules' names.

    Args:
        model: the network; it is traced symbolically, without data. What modules with the attribute
            ``is_activation = True`` do inside is not meant.

    Returns:
        Names of the calling modules ("" is the network itself); empty also where tracing is not possible.
    """
    called = {("call_function", f) for f in (F.relu, F.relu_, torch.relu, torch.relu_)}
    called |= {("call_method", "relu"), ("call_method", "relu_")}
    try:
        graph = _Tracer().trace(model)
    except Exception:  # data-dependent control flow raises errors of every kind
        return []
    stacks = [node.meta.get("nn_module_stack") or {} for node in graph.nodes if (node.op, node.target) in called]
    return sorted({list(stack)[-1] if stack else "" for stack in stacks})


def exchange_activations(
    network: nn.Module, replacement: Callable[[nn.Module], nn.Module | None], wanted: str
) -> nn.Module:
    """Exchange modules of a network in place; a module used twice (torchvision's residual blocks) stays one module.

    Args:
        network: it is changed.
        replacement: the module to put in place of another, None to leave it.
        wanted: what is looked for, in words, for the error message.

    Returns:
        The same network (or the replacement, if the network itself is exchanged).

    Raises:
        CompanionError: the network holds nothing to exchange.
    """
    whole = replacement(network)
    if whole is not None:
        return whole.train(network.training)
    made: dict[nn.Module, nn.Module] = {}
    for parent in list(network.modules()):
        for name, child in parent._modules.items():  # not named_children, which skips the second name of a module
            if child is None:
                continue
            new = made.get(child) or replacement(child)
            if new is not None:
                made[child] = parent._modules[name] = new.train(child.training)
    if not made:
        found = sorted({type(m).__name__ for m in network.modules() if not list(m.children())})
        raise CompanionError(
            f"{type(network).__name__} holds no {wanted} to replace; its leaf modules are: {', '.join(found)}. "
            "A ReLU that is called as a function in `forward` must become a module first."
        )
    return network
