"""The surrogate functions f of the paper with their derivatives f~ = f', each as one closed form.

SUGAR needs only the derivative: ReLU stays in the forward pass and f~ replaces its derivative in the backward
pass. The value f is needed where f itself is the activation ("without SUGAR" in the paper's tables) and for the
indirect injection form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from companion.errors import CompanionError, nearest

__all__ = ["CONTROLS", "PAPER_SURROGATES", "SURROGATES", "Surrogate", "find_surrogate"]

Alpha = float | Tensor
Curve = Callable[[Tensor, Alpha], Tensor]

# The constants of torch.nn.SELU (Klambauer et al. 2017, equation 14).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
# sqrt(2 E[f~(z)^2]) of B-SiLU at alpha 1.67: companion.sugar.backward_gain computes it.
B_SILU_GAIN = 1.3035


@dataclass(frozen=True)
class Surrogate:
    """One surrogate: the derivative f~ that is injected, and the function f it belongs to.

    Args:
        name: the key in `SURROGATES`.
        label: how figures and tables write it.
        formula: f~(x) in words of mathematics, for legends and help texts.
        derivative: (x, alpha) -> f~(x), element-wise, in the dtype of x.
        value: (x, alpha) -> f(x), or None where only the derivative is known.
        alpha: the default shape parameter; None where the function has none.
        alpha_range: the range a slider offers; None where alpha is None.

    References:
        Horuz et al. 2025, arXiv 2505.22074, Sections 2 and 3.
    """

    name: str
    label: str
    formula: str
    derivative: Curve
    value: Curve | None = None
    alpha: float | None = None
    alpha_range: tuple[float, float] | None = None

    def slope(self, x: Tensor, alpha: Alpha | None = None, positive_side: bool = True) -> Tensor:
        """f~(x), finite for infinite x as well (its limit), as overflow under mixed precision needs it.

        Args:
            x: pre-activations, any shape, floating point.
            alpha: the shape parameter; None means the surrogate's default.
            positive_side: False keeps ReLU's own slope 1 for x > 0 and takes f~ only for x <= 0. The paper
                injects on both sides; the one-sided reading is common in re-implementations.

        Returns:
            A tensor of x's shape and dtype.
        """
        limits = torch.finfo(x.dtype)
        return self.finite_slope(x.clamp(limits.min, limits.max), alpha, positive_side)

    def finite_slope(self, x: Tensor, alpha: Alpha | None = None, positive_side: bool = True) -> Tensor:
        """f~(x) for x that is known to be finite."""
        slope = self.derivative(x, self.resolve(alpha))
        return slope if positive_side else one_above_zero(slope, x)

    def __call__(self, x: Tensor, alpha: Alpha | None = None) -> Tensor:
        """f(x) itself, differentiable.

        Raises:
            CompanionError: if only the derivative of this surrogate is known.
        """
        if self.value is None:
            raise CompanionError(
                f"surrogate '{self.name}' is defined by its derivative alone, so it has no value f(x); "
                "use the direct form, or give `value` when you build the Surrogate"
            )
        return self.value(x, self.resolve(alpha))

    def resolve(self, alpha: Alpha | None) -> Alpha:
        """The shape parameter in use: `alpha` itself, or the default (0, and ignored, where there is none).

        Raises:
            CompanionError: if alpha is given to a surrogate that has no shape parameter.
        """
        if alpha is None:
            return 0.0 if self.alpha is None else self.alpha
        if self.alpha is None:
            with_alpha = ", ".join(s.name for s in SURROGATES.values() if s.alpha is not None)
            raise CompanionError(
                f"surrogate '{self.name}' has no shape parameter, but alpha = {alpha} was given; "
                f"leave alpha out, or choose one of: {with_alpha}"
            )
        return alpha


def step(x: Tensor) -> Tensor:
    """1[x > 0]; by sign and clamp, which run vectorised on the CPU where a comparison does not."""
    return torch.sign(x).clamp_min(0)


def one_above_zero(negative_side: Tensor | Alpha, x: Tensor) -> Tensor:
    """1 where x > 0 and the given (finite) slope elsewhere, exactly."""
    positive = step(x)
    return positive + negative_side * (1 - positive)


def leaky_relu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """1 for x > 0, else alpha."""
    return one_above_zero(alpha, x)


def leaky_relu(x: Tensor, alpha: Alpha) -> Tensor:
    """x for x > 0, else alpha x."""
    return torch.where(x > 0, x, alpha * x) if isinstance(alpha, Tensor) else F.leaky_relu(x, alpha)


def elu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """1 for x > 0, else alpha exp(x)."""
    return one_above_zero(alpha * torch.exp(x.clamp_max(0)), x)


def elu(x: Tensor, alpha: Alpha) -> Tensor:
    """x for x > 0, else alpha (exp(x) - 1)."""
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


def selu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """ELU's slope with PyTorch's two constants."""
    return SELU_SCALE * elu_slope(x, SELU_ALPHA)


def selu(x: Tensor, alpha: Alpha) -> Tensor:
    """ELU with PyTorch's two constants."""
    return F.selu(x)


def gelu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """Phi(x) + x phi(x), with the normal distribution Phi and its density phi."""
    distribution = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    density = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return distribution + x * density


def gelu(x: Tensor, alpha: Alpha) -> Tensor:
    """x Phi(x)."""
    return F.gelu(x)


def silu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """sigma(x) (1 + x (1 - sigma(x)))."""
    return b_silu_slope(x, 0.0)


def silu(x: Tensor, alpha: Alpha) -> Tensor:
    """x sigma(x)."""
    return F.silu(x)


def mish_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """The derivative of x tanh(softplus(x))."""
    gate = torch.tanh(F.softplus(x))
    return gate + x * torch.sigmoid(x) * (1 - gate * gate)


def mish(x: Tensor, alpha: Alpha) -> Tensor:
    """x tanh(softplus(x))."""
    return F.mish(x)


def b_silu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """sigma(x) + (x + alpha) sigma(x) (1 - sigma(x))."""
    sigma = torch.sigmoid(x)
    # one kernel for (x + alpha) sigma (1 - sigma)
    return sigma + torch.ops.aten.sigmoid_backward(x + alpha, sigma)


def b_silu(x: Tensor, alpha: Alpha) -> Tensor:
    """(x + alpha) sigma(x) - alpha / 2."""
    # The offset is alpha / 2, so that B-SiLU(0) = 0; some secondary texts print alpha^2 / 2.
    return (x + alpha) * torch.sigmoid(x) - alpha / 2


def nelu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """1 for x > 0, else alpha 2x / (1 + x^2)^2, which is negative."""
    # alpha * x / (...) before the factor 2, so that the largest finite x does not overflow.
    negative_side = 2 * (alpha * x / torch.square(1 + x * x))
    return one_above_zero(negative_side, x)


def nelu(x: Tensor, alpha: Alpha) -> Tensor:
    """x for x > 0, else alpha - alpha / (1 + x^2)."""
    # The antiderivative of the paper's derivative that is continuous at 0: alpha - alpha / (1 + x^2).
    return torch.where(x > 0, x, alpha - alpha / (1 + x * x))


def relu_slope(x: Tensor, alpha: Alpha) -> Tensor:
    """1 for x > 0, else 0."""
    return step(x)


def relu(x: Tensor, alpha: Alpha) -> Tensor:
    """max(0, x)."""
    return F.relu(x)


def gain_matched_slope(x: Tensor, alpha: Alpha) -> Tensor:
    return alpha * step(x)


def gain_matched(x: Tensor, alpha: Alpha) -> Tensor:
    return alpha * F.relu(x)


def slope_one_slope(x: Tensor, alpha: Alpha) -> Tensor:
    return torch.ones_like(x)


def slope_one(x: Tensor, alpha: Alpha) -> Tensor:
    return x.clone()


PAPER_SURROGATES: dict[str, Surrogate] = {
    s.name: s
    for s in (
        Surrogate("leaky_relu", "LeakyReLU", "1 if x > 0 else α", leaky_relu_slope, leaky_relu, 0.01, (0.0, 1.0)),
        Surrogate("elu", "ELU", "1 if x > 0 else α eˣ", elu_slope, elu, 1.0, (0.0, 2.0)),
        Surrogate("selu", "SELU", "1.0507 · (1 if x > 0 else 1.6733 eˣ)", selu_slope, selu),
        Surrogate("gelu", "GELU", "Φ(x) + x φ(x)", gelu_slope, gelu),
        Surrogate("silu", "SiLU", "σ(x) + x σ(x)(1 − σ(x))", silu_slope, silu),
        Surrogate("mish", "Mish", "d/dx [x tanh(ln(1 + eˣ))]", mish_slope, mish),
        Surrogate("b_silu", "B-SiLU", "σ(x) + (x + α) σ(x)(1 − σ(x))", b_silu_slope, b_silu, 1.67, (0.0, 4.0)),
        Surrogate("nelu", "NeLU", "1 if x > 0 else 2αx / (1 + x²)²", nelu_slope, nelu, 0.05, (0.0, 0.5)),
    )
}
"""The eight surrogates the paper compares."""

CONTROLS: dict[str, Surrogate] = {
    s.name: s
    for s in (
        Surrogate("relu", "ReLU", "1 if x > 0 else 0", relu_slope, relu),
        Surrogate(
            "gain_matched", "ReLU, gain-matched", "α if x > 0 else 0", gain_matched_slope, gain_matched,
            B_SILU_GAIN, (0.5, 2.0),
        ),
        Surrogate("slope_one", "slope 1 everywhere", "1", slope_one_slope, slope_one),
    )
}  # fmt: skip
"""Our controls: ReLU's own derivative, that derivative times B-SiLU's gain, and the straight-through slope."""

SURROGATES: dict[str, Surrogate] = PAPER_SURROGATES | CONTROLS


def find_surrogate(surrogate: str | Surrogate | Callable[[Tensor], Tensor]) -> Surrogate:
    """The surrogate of that name; a callable x -> f~(x) becomes a surrogate without a value.

    Raises:
        CompanionError: for an unknown name; the message names the nearest known one.
    """
    if isinstance(surrogate, Surrogate):
        return surrogate
    if callable(surrogate):
        name = getattr(surrogate, "__name__", type(surrogate).__name__)
        return Surrogate(name, name, name, lambda x, alpha: surrogate(x))
    known = SURROGATES.get(surrogate)
    if known is None:
        near = nearest(str(surrogate).replace("-", "_").replace(" ", "_"), SURROGATES)
        hint = f" Did you mean '{near}'?" if near else ""
        raise CompanionError(
            f"Unknown surrogate '{surrogate}'.{hint} Known: {', '.join(SURROGATES)}; or give a function x -> f~(x)."
        )
    return known
