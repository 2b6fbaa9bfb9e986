"""Training of many perceptrons at once: all arms and seeds of one learning rate are one tensor program."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from companion.errors import unknown
from companion.progress import SILENT, Progress
from companion.sugar.arms import Arm, ArmBank
from companion.sugar.networks import StackedMLP

__all__ = ["OPTIMISERS", "FlatSample", "Plan", "StackedOutcome", "layer_gradient_norms", "train_stacked"]

OPTIMISERS: dict[str, Callable[[list, float], torch.optim.Optimizer]] = {
    "sgd": lambda weights, rate: torch.optim.SGD(weights, rate),
    "momentum": lambda weights, rate: torch.optim.SGD(weights, rate, momentum=0.9),
    "adam": lambda weights, rate: torch.optim.Adam(weights, rate),
}


@dataclass(frozen=True)
class FlatSample:
    """Training and test images as vectors [N, inputs], with labels int64 [N]."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


@dataclass(frozen=True)
class Plan:
    """How the perceptrons look and are trained: one shape, one learning rate."""

    depth: int = 8
    width: int = 32
    bias_init: float = 0.0
    batch_norm: bool = False
    learning_rate: float = 0.01
    optimiser: str = "sgd"
    batch: int = 50
    epochs: int = 30
    evaluations: int = 6


@dataclass
class StackedOutcome:
    """What was measured, by member k = arm * seeds + seed.

    Attributes:
        network: the trained stack, in eval mode.
        gradient_norms: [K, layers] norm of each weight's gradient of the mean loss before training, input side first.
        image_gradient_norms: [K, layers] the same for single images, root mean square over them.
        epochs: the epochs at which the curves were measured.
        curves: by name, one [K] (or [K, layers]) tensor an evaluation.
        zeros: [K, layers] share of exact zeros after training.
        counts: [K, layers, units] training images with a positive response after training.
    """

    network: StackedMLP
    gradient_norms: Tensor
    image_gradient_norms: Tensor
    epochs: list[int] = field(default_factory=list)
    curves: dict[str, list[Tensor]] = field(default_factory=dict)
    zeros: Tensor | None = None
    counts: Tensor | None = None


def train_stacked(
    arms: Sequence[Arm], seeds: Sequence[int], data: FlatSample, plan: Plan, progress: Progress = SILENT
) -> StackedOutcome:
    """Train every arm from every seed; equal seeds have equal initial weights and batch orders.

    Args:
        arms: those of kind "forward" last.
        seeds: of initialisation and batch order.
        data: on the device that computes.
        plan: shape and training.
        progress: told after every epoch.
    """
    classes = int(data.train_labels.max()) + 1
    sizes = [data.train.shape[1], *[plan.width] * plan.depth, classes]
    bank = ArmBank(arms, len(seeds))
    network = StackedMLP(sizes, list(seeds) * len(arms), bank, plan.bias_init, plan.batch_norm).to(data.train.device)
    orders = [torch.Generator().manual_seed(seed + 10_000) for seed in seeds]
    outcome = StackedOutcome(network, *layer_gradient_norms(network, data.train, data.train_labels))
    if plan.optimiser not in OPTIMISERS:
        raise unknown("optimiser", plan.optimiser, OPTIMISERS)
    optimiser = OPTIMISERS[plan.optimiser](list(network.parameters()), plan.learning_rate)
    due = {round(plan.epochs * share / plan.evaluations) for share in range(plan.evaluations + 1)}
    evaluate(outcome, data, 0)
    for epoch in range(1, plan.epochs + 1):
        network.train()
        order = torch.stack([torch.randperm(len(data.train), generator=g) for g in orders]).to(data.train.device)
        for chosen in order.split(plan.batch, dim=1):
            chosen = chosen.repeat(len(arms), 1)  # [K, batch]
            optimiser.zero_grad()
            member_losses(network(data.train[chosen]), data.train_labels[chosen]).sum().backward()
            optimiser.step()
        if epoch in due:
            evaluate(outcome, data, epoch)
        latest = float(outcome.curves["test_accuracy"][-1].mean())
        progress.update(epoch, plan.epochs, f"epoch {epoch}", test_accuracy=latest)
    return outcome


def member_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of each member: logits [K, N, classes], labels [K, N] -> [K]."""
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1)


def layer_gradient_norms(network: StackedMLP, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean norms of each weight matrix's gradient, [K, layers] each.

    Returns:
        The norm for the mean loss over the images, and the root mean square over the images of the norm for each
        image's own loss. The closed form of `backward_gain` speaks of the latter; the former also depends on how
        much the gradients of different images agree.
    """
    network.train()
    inputs, preactivations = network.signals(images[None])
    losses = member_losses(preactivations[-1], labels.expand(len(preactivations[-1]), -1))
    wanted = [*network.weights, *preactivations]
    gradients = torch.autograd.grad(losses.sum(), wanted)
    mean = torch.stack([g.flatten(1).norm(dim=1) for g in gradients[: len(network.weights)]], dim=1)
    N = len(images)
    backward = [N * g.norm(dim=2) for g in gradients[len(network.weights) :]]  # [K, N] each
    products = [(b * a.norm(dim=2)).square().mean(1).sqrt() for b, a in zip(backward, inputs, strict=True)]
    return mean, torch.stack(products, dim=1).detach()


@torch.no_grad()
def evaluate(outcome: StackedOutcome, data: FlatSample, epoch: int) -> None:
    """Append one point to the curves; the last point's counts and zeros stay."""
    network = outcome.network.eval()
    *hidden, logits = network.layers(data.train[None])
    labels = data.train_labels.expand(len(logits), -1)
    outcome.counts = torch.stack([(h > 0).sum(1) for h in hidden], dim=1)
    outcome.zeros = torch.stack([(h == 0).float().mean((1, 2)) for h in hidden], dim=1)
    test_logits = network(data.test[None])
    point = {
        "train_loss": member_losses(logits, labels).nan_to_num(math.inf),
        "train_accuracy": (logits.argmax(-1) == labels).float().mean(1),
        "test_accuracy": (test_logits.argmax(-1) == data.test_labels).float().mean(1),
        "dead": (outcome.counts == 0).float().mean(2),
    }
    outcome.epochs.append(epoch)
    for name, value in point.items():
        outcome.curves.setdefault(name, []).append(value.cpu())
