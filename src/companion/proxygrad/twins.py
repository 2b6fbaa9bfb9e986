"""Twins of a network: the same weights, another negative slope. One twin for each reading of ProxyGrad."""

import copy
import itertools
import warnings
from typing import Literal, get_args

from torch import nn

from companion.activations import exchange_activations, functional_relus
from companion.errors import unknown
from companion.proxygrad.activation import AsymmetricLeakyReLU, ProxyLeakyReLU, Slope

__all__ = ["Semantics", "forward_slope", "set_slope", "shared_copy", "twin"]

Semantics = Literal["local", "proxy"]


def shared_copy(network: nn.Module) -> nn.Module:
    """A copy of the modules that shares every parameter and buffer with the original: p and f have one set of weights.

    Args:
        network: any network; it stays as it is.
    """
    tensors = itertools.chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


def forward_slope(activation: nn.Module) -> float | None:
    """The slope a_f that an activation has forward; None where it is no member of the Leaky ReLU family."""
    if type(activation) is nn.ReLU:
        return 0.0
    if type(activation) is nn.LeakyReLU:
        return activation.negative_slope
    return activation.forward_slope if isinstance(activation, AsymmetricLeakyReLU) else None


def twin(network: nn.Module, semantics: Semantics = "proxy", backward_slope: Slope = 0.3) -> nn.Module:
    """The network from which the gradient is taken; it shares all weights with the original.

    ``local``: the original forward pass; each activation multiplies the gradient by 1 where *the original's*
    pre-activation is positive, else by a_b. ``proxy``: a Leaky ReLU network with slope a_b in both passes, whose
    pre-activations (hence its pattern of active units) differ from the original's from the second activation layer on.

    Args:
        network: f, whose `nn.ReLU` and `nn.LeakyReLU` modules are exchanged in the twin.
        semantics: the reading; the abstract defines the proxy network, the title suggests the local one.
        backward_slope: a_b, a number or a tensor [B] with one for each image of a batch.

    Returns:
        The twin, in the mode (training, evaluation) of the original.

    Raises:
        CompanionError: for an unknown reading, or where there is nothing to exchange.

    Warns:
        UserWarning: where the network also calls ReLU as a function: those calls keep ReLU's own derivative.

    References:
        Linse, Barth and Martinetz 2024, abstract (the proxy network); the local reading is inferred from the title.
    """
    if semantics not in get_args(Semantics):
        raise unknown("semantics", semantics, get_args(Semantics))

    def replacement(old: nn.Module) -> nn.Module | None:
        slope = forward_slope(old)
        if slope is None:
            return None
        return AsymmetricLeakyReLU(slope, backward_slope) if semantics == "local" else ProxyLeakyReLU(backward_slope)

    left = functional_relus(network) if list(network.children()) else []
    if left:
        where = ", ".join(name or type(network).__name__ for name in left[:5])
        warnings.warn(f"{where} calls ReLU as a function, which keeps ReLU's own derivative in the twin. Use "
                      "nn.ReLU modules there.", stacklevel=2)  # fmt: skip
    return exchange_activations(shared_copy(network), replacement, "nn.ReLU or nn.LeakyReLU")


def set_slope(network: nn.Module, backward_slope: Slope) -> None:
    """Give every activation of a twin another backward slope, as a schedule asks for it.

    Setting a slope between the forward and the backward pass changes nothing: a twin needs its own forward pass.
    """
    for module in network.modules():
        if isinstance(module, AsymmetricLeakyReLU | ProxyLeakyReLU):
            module.backward_slope = backward_slope
