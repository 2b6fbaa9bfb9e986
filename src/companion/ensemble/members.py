"""One member of an ensemble on its own: how it is trained by the plain loop, and what is measured of it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from companion.ensemble.stacking import State
from companion.ensemble.work import Work
from companion.progress import Progress
from companion.training import Diverged, Outcome, _finish, train


@dataclass
class MemberOutcome(Outcome):
    """What the training of one member measured; of one that diverged, the curves up to there."""

    diverged_at_step: int | None = None

    def note(self, epoch: int, loss: float, train_accuracy: float, test_accuracy: float | None) -> None:
        """Append one point to the curves."""
        self.curves["epoch"].append(epoch)
        self.curves["train_loss"].append(loss)
        self.curves["train_accuracy"].append(train_accuracy)
        if test_accuracy is not None:
            self.curves.setdefault("test_accuracy", []).append(test_accuracy)


class Bound(nn.Module):
    """A network with some keyword arguments of its forward fixed."""

    def __init__(self, network: nn.Module, arguments: State) -> None:
        super().__init__()
        self.network, self.arguments = network, arguments

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images, **self.arguments)


def train_alone(work: Work, k: int, progress: Progress) -> MemberOutcome:
    """Train member k by :func:`companion.training.train` and write it back into the stack."""
    network = work.stack.member(k)
    images, labels = work.subsets.of_member(k)
    bound = Bound(network, work.arguments_of(k))
    try:
        outcome = train(bound, images, labels, work.settings[k], test=work.test_of(k), progress=progress)
        result = MemberOutcome(**vars(outcome))
    except Diverged as error:
        result = MemberOutcome(**vars(getattr(error, "outcome", Outcome())))
        result.diverged_at_step = result.steps + 1
    _write(work, k, network)
    return result


def finish(work: Work, k: int, outcome: MemberOutcome) -> None:
    """Fill in the final accuracies of member k, estimating stale running statistics anew as :func:`train` does."""
    current = outcome.curves["epoch"][-1:] == [outcome.epochs]
    fitted = current and outcome.curves["train_accuracy"][-1] == 1.0
    normalised = any(isinstance(module, _BatchNorm) for module in work.stack.template.modules())
    if current and (fitted or not normalised):
        outcome.train_accuracy = outcome.train_accuracy_batch_statistics = outcome.curves["train_accuracy"][-1]
        if work.tests is not None:
            outcome.test_accuracy = outcome.curves["test_accuracy"][-1]
        return
    network = work.stack.member(k)
    _finish(outcome, Bound(network, work.arguments_of(k)), *work.subsets.of_member(k), work.test_of(k))
    if outcome.batch_norm_reestimated:
        _write(work, k, network)


@torch.no_grad()
def _write(work: Work, k: int, network: nn.Module) -> None:
    stacked = work.stack.tensors()
    for name, value in [*network.named_parameters(), *network.named_buffers()]:
        stacked[name][k] = value
