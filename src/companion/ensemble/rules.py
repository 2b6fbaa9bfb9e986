"""The optimisers of the book on stacked parameters: one step for K networks, each with its own rates and norms."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from companion.errors import unknown
from companion.training import Settings

Rule = Callable[["UpdateRule", Tensor, Tensor, dict[str, Tensor]], None]


class UpdateRule:
    """SGD with momentum, Adam or the authors' LAMB, as the single-network classes compute them, row by row.

    Args:
        parameters: stacked ``[K, ...]``; those without gradient are left alone.
        settings: one for every member; learning rate, weight decay and momentum may differ between members.
    """

    def __init__(self, parameters: dict[str, Tensor], settings: Sequence[Settings]) -> None:
        name = settings[0].optimiser
        if name not in _RULES:
            raise unknown("optimiser", name, _RULES)
        self.parameters = parameters
        self._update = _RULES[name]
        self.device = next(iter(parameters.values())).device
        self.rates = self.column([s.learning_rate for s in settings])
        self.weight_decays = self.column([s.weight_decay for s in settings])
        self.momenta = self.column([s.momentum for s in settings])
        self.decays = any(s.weight_decay for s in settings)
        self.has_momentum = any(s.momentum for s in settings)
        self.steps = torch.zeros_like(self.rates)
        self.states: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}

    def column(self, values: Sequence[float]) -> Tensor:
        """One value a member ``[K]``, in double precision where the device has it."""
        precision = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.tensor(values, dtype=precision, device=self.device)

    @torch.no_grad()
    def step(self, gradients: dict[str, Tensor], stepping: Tensor | None = None) -> None:
        """One step.

        Args:
            gradients: by parameter name, stacked.
            stepping: bool ``[K]``, the members that take it; None for all.
        """
        self.steps += 1 if stepping is None else stepping
        for name, gradient in gradients.items():
            p, state = self.parameters[name], self.states[name]
            if stepping is None:
                self._update(self, p, gradient, state)
                continue
            kept = {"p": p.clone(), **{key: value.clone() for key, value in state.items()}}
            self._update(self, p, gradient, state)
            for key, value in {"p": p, **state}.items():
                before = kept.get(key, torch.zeros_like(value))
                value.copy_(torch.where(self.along(stepping, value), value, before))

    def select(self, parameters: dict[str, Tensor], rows: Tensor) -> None:
        """Keep the members of some rows (int64 ``[k]``), whose parameters are `parameters`."""
        self.parameters = parameters
        self.rates, self.weight_decays, self.momenta, self.steps = (
            column[rows] for column in (self.rates, self.weight_decays, self.momenta, self.steps)
        )
        self.states = {name: {key: v[rows] for key, v in state.items()} for name, state in self.states.items()}

    @staticmethod
    def along(column: Tensor, p: Tensor) -> Tensor:
        """One value a member, shaped to act on the stacked `p`."""
        column = column if column.dtype == torch.bool else column.to(p.dtype)
        return column.view(-1, *[1] * (p.dim() - 1))

    def _decayed(self, p: Tensor, gradient: Tensor) -> Tensor:
        return gradient + self.along(self.weight_decays, p) * p if self.decays else gradient

    def _sgd(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        gradient = self._decayed(p, gradient)
        if self.has_momentum:
            velocity = state.setdefault("velocity", torch.zeros_like(p))
            gradient = velocity.mul_(self.along(self.momenta, p)).add_(gradient)
        p.sub_(self.along(self.rates, p) * gradient)

    def _adam(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        m, v = _moments(state, p, self._decayed(p, gradient))
        # 1 where a member has not stepped yet: its row is put back anyway
        first = (1 - 0.9**self.steps).where(self.steps > 0, 1.0)
        second = (1 - 0.999**self.steps).where(self.steps > 0, 1.0)
        root = v.sqrt().div_(self.along(second.sqrt(), p)).add_(1e-8)
        p.sub_(torch.div(m, root, out=root).mul_(self.along(self.rates / first, p)))

    def _lamb(self, p: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        m, v = _moments(state, p, gradient)
        u = torch.div(m, v.sqrt().add_(1e-6))
        if self.decays:
            u += self.along(self.weight_decays, p) * p
        weight, update = p.flatten(1).norm(dim=1).clamp(max=10), u.flatten(1).norm(dim=1)
        trust = torch.where((weight > 0) & (update > 0), weight / update, torch.ones_like(weight))
        p.sub_(u.mul_(self.along(self.rates.to(p.dtype) * trust, p)))


_RULES: dict[str, Rule] = {"sgd": UpdateRule._sgd, "adam": UpdateRule._adam, "lamb": UpdateRule._lamb}


def _moments(state: dict[str, Tensor], p: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """The running means of gradient and squared gradient (decay 0.9 and 0.999), updated."""
    if not state:
        state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
    m = state["m"].mul_(0.9).add_(gradient, alpha=0.1)
    v = state["v"].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    return m, v
