"""Two ways to give ReLU another derivative, and the fused operator that is the default.

All of them compute y = max(0, x) exactly and send dL/dx = dL/dy * f~(x) back, for every x.
"""

from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from companion.activations import bypass
from companion.errors import unknown
from companion.sugar.surrogates import Alpha, Surrogate, find_surrogate

__all__ = ["Form", "multiplication_trick", "sugar_relu"]

Form = Literal["direct", "formula", "indirect"]


def multiplication_trick(x: Tensor, value: Tensor, slope: Tensor) -> Tensor:
    """The value v with the gradient s of x: m = x sg(s), y = m - sg(m) + sg(v), the direct form.

    Args:
        x: the input, any shape.
        value: what comes out, v, of x's shape.
        slope: the injected derivative s = f~(x), of x's shape.

    References:
        Horuz et al. 2025, Section 3, direct form; Otte 2024, arXiv 2406.00177.
    """
    return bypass(value, x * slope.detach())


class InjectedSlope(torch.autograd.Function):
    """The direct form as one operator: max(0, x) forward, grad * f~(x) backward; keeps x and nothing else.

    The formula with `detach` builds about ten temporary tensors in the forward pass; here the forward pass is
    ReLU itself, and f~ is computed when it is needed. `setup_context` and `generate_vmap_rule` make it work
    under torch.func.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, alpha: Tensor | float | None, surrogate: Surrogate, positive_side: bool) -> Tensor:
        return F.relu(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, alpha, ctx.surrogate, ctx.positive_side = inputs
        ctx.alpha = None if isinstance(alpha, Tensor) else alpha
        ctx.save_for_backward(x, alpha if isinstance(alpha, Tensor) else None)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        x, alpha = ctx.saved_tensors
        alpha = ctx.alpha if alpha is None else alpha.detach()
        # x is detached, grad is not: as in the formula, a second derivative flows through grad alone.
        return grad * ctx.surrogate.slope(x.detach(), alpha, ctx.positive_side), None, None, None


def sugar_relu(
    x: Tensor,
    surrogate: str | Surrogate = "b_silu",
    alpha: Alpha | None = None,
    positive_side: bool = True,
    form: Form = "direct",
) -> Tensor:
    """y = max(0, x) with dy/dx = f~(x): ReLU forward, the surrogate's derivative backward.

    Args:
        x: pre-activations, any shape, floating point.
        surrogate: a name in `SURROGATES`, a `Surrogate`, or a function x -> f~(x).
        alpha: shape parameter of the surrogate (None: its default); a tensor is broadcast against x, so that
            the members of an ensemble may differ in it.
        positive_side: inject for x > 0 too (the paper) or keep slope 1 there.
        form: "direct" is one operator; "formula" the same spelled with `detach`; "indirect" needs f and
            leaves the derivative to autograd, with its rounding and its second derivative f''.

    Returns:
        A tensor of x's shape and dtype, equal to `F.relu(x)` bit for bit.

    Raises:
        CompanionError: for an unknown form or surrogate, or the indirect form of a surrogate without value.

    References:
        Horuz et al. 2025, arXiv 2505.22074, Section 3.
    """
    chosen = find_surrogate(surrogate)
    if form == "direct":
        chosen.resolve(alpha)  # a wrong alpha is refused here, not in the backward pass
        return InjectedSlope.apply(x, alpha, chosen, positive_side)
    if form == "formula":
        return multiplication_trick(x, F.relu(x), chosen.slope(x.detach(), alpha, positive_side))
    if form == "indirect":
        limits = torch.finfo(x.dtype)
        f = chosen(x.clamp(limits.min, limits.max), alpha)  # autograd through f(inf) would give nan
        return bypass(F.relu(x), f if positive_side else torch.where(x > 0, x, f))
    raise unknown("form", form, get_args(Form))
