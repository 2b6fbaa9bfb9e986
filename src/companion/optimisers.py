"""The authors' LAMB, beside torch's own optimisers."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from companion.errors import unknown

OPTIMISERS = ("lamb", "adam", "sgd")


class Lamb(Optimizer):
    r"""LAMB as in the authors' framework: no bias correction, norm clamp 10, one rule for every tensor.

    .. math::
        m \leftarrow \beta_1 m + (1-\beta_1) g,\quad v \leftarrow \beta_2 v + (1-\beta_2) g^2,\quad
        u = \frac{m}{\sqrt v + \epsilon} + \lambda p,\quad
        p \leftarrow p - \eta\,\frac{\min(\lVert p\rVert_2, 10)}{\lVert u\rVert_2}\,u

    The trust ratio is 1 where either norm is 0. With weight decay 0 a tensor's step has the length
    ``lr * min(norm, 10)`` whatever the gradient's scale. torch_optimizer's and apex's LAMB differ.

    Args:
        params: tensors or parameter groups.
        lr: learning rate.
        betas: decay rates of the two moments.
        eps: added to the root of the second moment.
        weight_decay: decay coefficient, added inside the update, before the trust ratio.

    References:
        few_data and predefined_filters, author file ``Lamb2.py``.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step for every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    kinds.setdefault((p.device, p.dtype), []).append(p)
            for tensors in kinds.values():
                self._update(tensors, group)
        return loss

    def _update(self, tensors: list[Tensor], group: dict) -> None:
        """One step of tensors of one device and type, all at once: a network of small layers waits for nothing else."""
        for p in tensors:
            if not self.state[p]:
                self.state[p].update(m=torch.zeros_like(p), v=torch.zeros_like(p))
        gradients = [p.grad for p in tensors]
        m, v = ([self.state[p][moment] for p in tensors] for moment in ("m", "v"))
        first, second = group["betas"]
        torch._foreach_mul_(m, first)
        torch._foreach_add_(m, gradients, alpha=1 - first)
        torch._foreach_mul_(v, second)
        torch._foreach_addcmul_(v, gradients, gradients, value=1 - second)
        u = torch._foreach_sqrt(v)
        torch._foreach_add_(u, group["eps"])
        torch._foreach_reciprocal_(u)
        torch._foreach_mul_(u, m)
        if group["weight_decay"]:
            torch._foreach_add_(u, tensors, alpha=group["weight_decay"])
        weights, updates = torch.stack(torch._foreach_norm(tensors)).clamp(max=10), torch.stack(torch._foreach_norm(u))
        trust = torch.where((weights > 0) & (updates > 0), weights / updates, torch.ones_like(weights))
        torch._foreach_mul_(u, list((-group["lr"] * trust).unbind()))
        torch._foreach_add_(tensors, u)


def make_optimiser(
    name: str, params: Iterable[Tensor], lr: float, *, weight_decay: float = 0.0, momentum: float = 0.0
) -> Optimizer:
    """One of ``lamb``, ``adam``, ``sgd`` by name; `momentum` is SGD's."""
    if name not in OPTIMISERS:
        raise unknown("optimiser", name, OPTIMISERS)
    if name == "lamb":
        return Lamb(params, lr, weight_decay=weight_decay)
    if name == "adam":
        return Adam(params, lr, weight_decay=weight_decay)
    return SGD(params, lr, momentum=momentum, weight_decay=weight_decay)
