"""The arms of the comparison: ReLU, its gain-matched control, SUGAR with f, and f itself as the activation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from companion.sugar.gain import backward_gain
from companion.sugar.injection import sugar_relu
from companion.sugar.modules import SugarReLU, SurrogateActivation
from companion.sugar.surrogates import Surrogate, find_surrogate

__all__ = ["Arm", "ArmBank", "forward_arm", "gain_matched_arm", "relu_arm", "sugar_arm"]

Kind = Literal["relu", "gain-matched", "sugar", "forward"]


@dataclass(frozen=True)
class Arm:
    """One way to train: which function runs forward and which derivative runs backward.

    Attributes:
        label: how tables and figures call it.
        kind: "relu", "gain-matched" and "sugar" have ReLU forward; "forward" has f forward and backward.
        surrogate: whose derivative runs backward.
        alpha: its shape parameter; None where it has none.
        positive_side: whether the surrogate's slope counts for x > 0 as well.
        f: name of the surrogate that the arm is about: for the control the one whose gain it has, None for ReLU.
    """

    label: str
    kind: Kind
    surrogate: Surrogate
    alpha: float | None = None
    positive_side: bool = True
    f: str | None = None

    def describe(self) -> dict[str, Any]:
        """The arm's columns in a row of results."""
        names = {"arm": self.label, "kind": self.kind, "f": self.f}
        return names | {"surrogate": self.surrogate.name, "alpha": self.alpha}

    def module(self) -> nn.Module:
        """A fresh activation module of this arm; plain ReLU is torch's own."""
        if self.kind == "relu":
            return nn.ReLU()
        if self.kind == "forward":
            return SurrogateActivation(self.surrogate, self.alpha)
        return SugarReLU(self.surrogate, self.alpha, self.positive_side)


def relu_arm() -> Arm:
    """Plain ReLU: the third run, which the paper's main table does not show."""
    return Arm("ReLU", "relu", find_surrogate("relu"))


def gain_matched_arm(surrogate: str | Surrogate, alpha: float | None = None, positive_side: bool = True) -> Arm:
    """ReLU whose derivative g 1[x > 0] has the surrogate's gain g: larger steps, but silent units stay silent."""
    gain = backward_gain(surrogate, alpha, positive_side)
    return Arm(
        f"ReLU, gain x{gain:.2f}",
        "gain-matched",
        find_surrogate("gain_matched"),
        gain,
        f=find_surrogate(surrogate).name,
    )


def sugar_arm(surrogate: str | Surrogate, alpha: float | None = None, positive_side: bool = True) -> Arm:
    """SUGAR: ReLU forward, f~ backward."""
    chosen = find_surrogate(surrogate)
    alpha = chosen.alpha if alpha is None else alpha
    side = "" if positive_side else ", x ≤ 0 only"
    return Arm(f"SUGAR {chosen.label}{side}", "sugar", chosen, alpha, positive_side, chosen.name)


def forward_arm(surrogate: str | Surrogate, alpha: float | None = None) -> Arm:
    """f itself, with its own gradient: what the paper's tables call "without SUGAR"."""
    chosen = find_surrogate(surrogate)
    alpha = chosen.alpha if alpha is None else alpha
    return Arm(f"{chosen.label} forward", "forward", chosen, alpha, f=chosen.name)


class ArmBank(nn.Module):
    """The activations of several arms side by side: members [a M, (a + 1) M) of the first axis belong to arm a.

    All arms with ReLU forward share one operator; only their slopes are computed apart.

    Args:
        arms: the arms; those of kind "forward" come last.
        members: members M of each arm.

    Shape:
        [arms * M, ...] to the same.
    """

    def __init__(self, arms: Sequence[Arm], members: int):
        super().__init__()
        self.arms, self.members = tuple(arms), members
        self.relu_arms = [arm for arm in arms if arm.kind != "forward"]
        self.forward_arms = [arm for arm in arms if arm.kind == "forward"]
        if [*self.relu_arms, *self.forward_arms] != list(arms):
            raise ValueError('arms of kind "forward" must come last')
        self.bank = Surrogate("bank", "bank", "the slope of each arm", self.slopes)

    def slopes(self, x: Tensor, alpha: object = None) -> Tensor:
        """f~ of each arm on its own members."""
        parts = zip(self.relu_arms, x.split(self.members), strict=True)
        return torch.cat([a.surrogate.finite_slope(part, a.alpha, a.positive_side) for a, part in parts])

    def forward(self, x: Tensor) -> Tensor:
        first = len(self.relu_arms) * self.members
        outputs = [sugar_relu(x[:first], self.bank)] if first else []
        parts = x[first:].split(self.members) if self.forward_arms else ()
        outputs += [arm.surrogate(p, arm.alpha) for arm, p in zip(self.forward_arms, parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)
