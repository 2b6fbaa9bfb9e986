"""Activations as modules, and the exchange of the ReLUs of a finished network."""

import warnings
from collections.abc import Callable
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.activations import exchange_activations, functional_relus
from companion.errors import CompanionError, unknown
from companion.sugar.injection import Form, sugar_relu
from companion.sugar.surrogates import Alpha, Surrogate, find_surrogate

__all__ = ["SugarReLU", "SurrogateActivation", "replace_modules", "replace_relu"]


class ShapedActivation(nn.Module):
    """A surrogate and its shape parameter; holds no parameters and leaves the state dict as it is."""

    is_activation = True

    def __init__(self, surrogate: str | Surrogate, alpha: Alpha | None):
        super().__init__()
        self.surrogate = find_surrogate(surrogate)
        self.surrogate.resolve(alpha)  # refuses an alpha that the surrogate does not have
        if isinstance(alpha, Tensor):
            # A buffer moves with the module and can be stacked over the members of an ensemble.
            self.register_buffer("alpha", alpha, persistent=False)
        else:
            self.alpha = self.surrogate.alpha if alpha is None else alpha

    def extra_repr(self) -> str:
        shape = "" if self.alpha is None else f", alpha={self.alpha}"
        return f"surrogate='{self.surrogate.name}'{shape}"


class SugarReLU(ShapedActivation):
    """ReLU with a surrogate derivative: y = max(0, x), dL/dx = dL/dy * f~(x) for all x.

    In eval mode, and where no gradient is recorded, it is `F.relu`. It has no parameters: a network keeps its
    state dict when its ReLUs become SugarReLUs.

    Args:
        surrogate: a name in `SURROGATES`, a `Surrogate`, or a function x -> f~(x).
        alpha: shape parameter (None: the surrogate's default). A tensor becomes a buffer outside the state dict.
        positive_side: inject for x > 0 too (the paper) or keep slope 1 there.
        form: "direct", "formula" or "indirect"; see `sugar_relu`.

    Shape:
        Input and output: any shape, the same.

    Example:
        >>> network = nn.Sequential(nn.Linear(64, 32), SugarReLU("b_silu"), nn.Linear(32, 10))

    References:
        Horuz et al. 2025, arXiv 2505.22074, Section 3.
    """

    def __init__(
        self,
        surrogate: str | Surrogate | Callable[[Tensor], Tensor] = "b_silu",
        alpha: Alpha | None = None,
        positive_side: bool = True,
        form: Form = "direct",
    ):
        super().__init__(surrogate, alpha)
        if form not in get_args(Form):
            raise unknown("form", form, get_args(Form))
        if form == "indirect" and self.surrogate.value is None:
            raise CompanionError(f"the indirect form needs f(x), which '{self.surrogate.name}' lacks; use 'direct'")
        self.positive_side = positive_side
        self.form = form

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and torch.is_grad_enabled()):
            return F.relu(x)
        return sugar_relu(x, self.surrogate, self.alpha, self.positive_side, self.form)

    def extra_repr(self) -> str:
        side = "" if self.positive_side else ", positive_side=False"
        return f"{super().extra_repr()}{side}, form='{self.form}'"


class SurrogateActivation(ShapedActivation):
    """f itself as activation with its true gradient: "without SUGAR" in the paper's tables.

    Args:
        surrogate: a name in `SURROGATES` or a `Surrogate` with a value.
        alpha: shape parameter (None: the surrogate's default).
    """

    def __init__(self, surrogate: str | Surrogate = "b_silu", alpha: Alpha | None = None):
        super().__init__(surrogate, alpha)
        if self.surrogate.value is None:
            raise CompanionError(f"'{self.surrogate.name}' has no value f(x), so it cannot be an activation")

    def forward(self, x: Tensor) -> Tensor:
        return self.surrogate(x, self.alpha)


def replace_modules(
    model: nn.Module, make: Callable[[], nn.Module], kinds: tuple[type[nn.Module], ...] = (nn.ReLU,)
) -> nn.Module:
    """Exchange every module of exactly these kinds, in place; a module used twice stays one module used twice.

    Args:
        model: the network; it is changed.
        make: builds one replacement.
        kinds: the module classes to exchange (subclasses are left alone).

    Returns:
        The same network (or the replacement, if the network itself is of one of the kinds).

    Raises:
        CompanionError: if the network holds no such module.
    """
    wanted = " or ".join(f"nn.{kind.__name__}" for kind in kinds)
    return exchange_activations(model, lambda old: make() if type(old) in kinds else None, wanted)


def replace_relu(
    model: nn.Module,
    surrogate: str | Surrogate | Callable[[Tensor], Tensor] = "b_silu",
    alpha: Alpha | None = None,
    positive_side: bool = True,
    form: Form = "direct",
    kinds: tuple[type[nn.Module], ...] = (nn.ReLU,),
) -> nn.Module:
    """Give every ReLU of a network the surrogate's derivative; weights, state dict and outputs stay the same.

    `nn.ReLU(inplace=True)`, as torchvision has it, is exchanged for a module that leaves its input intact: the
    backward pass needs it. A ReLU shared by several layers stays shared (the module has no state).

    Args:
        model: any network, for instance `torchvision.models.resnet18()`; it is changed in place.
        surrogate, alpha, positive_side, form: as in `SugarReLU`.
        kinds: the activations to exchange; `(nn.GELU,)` turns Swin or ConvNeXt into a ReLU network with SUGAR,
            which changes its outputs.

    Returns:
        The same network.

    Raises:
        CompanionError: if there is nothing to replace, or for an unknown surrogate.

    Example:
        >>> network = replace_relu(torchvision.models.resnet18(num_classes=10), "b_silu")

    Warns:
        UserWarning: where the network also calls ReLU as a function: those calls keep ReLU's own derivative.
    """
    model = replace_modules(model, lambda: SugarReLU(surrogate, alpha, positive_side, form), kinds)
    left = functional_relus(model) if nn.ReLU in kinds and list(model.children()) else []
    if left:
        where = ", ".join(name or type(model).__name__ for name in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        warnings.warn(
            f"{where}{more} calls ReLU as a function, which keeps ReLU's own derivative. Use nn.ReLU modules there.",
            stacklevel=2,
        )
    return model
