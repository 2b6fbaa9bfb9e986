"""One loop that trains any classifier, and what it measures on the way."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from companion.augmentation import crop_and_flip
from companion.errors import CompanionError
from companion.networks import reestimate_batch_norm
from companion.optimisers import make_optimiser
from companion.progress import SILENT, Progress

Schedule = Literal["constant", "steps"]
# The authors' demo: (share of the epochs after which it holds, factor of the learning rate).
STEPS = ((0.6, 0.3), (0.8, 0.1), (0.84, 0.03), (0.88, 0.01), (0.92, 0.003), (0.96, 0.001))
NEGLIGIBLE_LOSS = 1e-12  # a batch whose summed loss is below is skipped, as in the authors' framework


@dataclass(frozen=True)
class Settings:
    """How a classifier is trained.

    Attributes:
        epochs: passes over the training set (the budget).
        batch: images a step; None for the whole training set.
        optimiser: ``lamb``, ``adam`` or ``sgd``.
        learning_rate: the initial learning rate.
        weight_decay: L2 decay (inside the trust ratio for LAMB).
        momentum: SGD's.
        schedule: ``constant``, or ``steps`` as in the authors' demo.
        augment: shift and mirror the training images at random.
        stop_at_zero_error: stop as soon as every training image is classified correctly in evaluation mode.
        at_least: optimiser steps to make before stopping early.
        order_seed: seed of the batch order and the augmentation.
        mixed_precision: run the network in bfloat16 where that is safe.
        evaluate_every: epochs between two points of the curves.
    """

    epochs: int = 60
    batch: int | None = None
    optimiser: str = "lamb"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    schedule: Schedule = "constant"
    augment: bool = False
    stop_at_zero_error: bool = False
    at_least: int = 0
    order_seed: int = 0
    mixed_precision: bool = False
    evaluate_every: int = 1

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        factor = 1.0
        if self.schedule == "steps":
            factor = next((f for share, f in reversed(STEPS) if epoch >= share * self.epochs), 1.0)
        return self.learning_rate * factor


@dataclass
class Outcome:
    """What a training run measured. Accuracies are shares from 0 to 1, measured in evaluation mode."""

    train_accuracy: float = math.nan
    test_accuracy: float = math.nan
    train_accuracy_batch_statistics: float = math.nan
    batch_norm_reestimated: bool = False
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    curves: dict[str, list[float]] = field(
        default_factory=lambda: {"epoch": [], "train_loss": [], "train_accuracy": []}
    )


class Diverged(CompanionError):  # noqa: N818 - it says what happened
    """The training loss became infinite or not a number; `outcome` holds what was measured up to there."""

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: Settings,
    *,
    test: tuple[Tensor, Tensor] | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Train a classifier with softmax cross-entropy, on the device that it and the data are on.

    Args:
        network: maps ``[N, C, H, W]`` to logits; changed in place.
        images: floating point ``[N, C, H, W]``.
        labels: int64 ``[N]``.
        settings: how.
        test: images and labels to measure at every point of the curves.
        progress: told every epoch; its cancellation stops the run.

    Returns:
        Final accuracies and curves. Where the network fits its training set with batch statistics but not with the
        running ones, the latter are estimated anew on the training set, and the outcome says so.

    Raises:
        Diverged: the loss is no longer finite; the message says at which step and what to lower.
        Cancelled: the progress was cancelled.
    """
    started, outcome = time.monotonic(), Outcome()
    optimiser = make_optimiser(
        settings.optimiser,
        network.parameters(),
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
    )
    generator = torch.Generator().manual_seed(settings.order_seed)
    for epoch in range(settings.epochs):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate(epoch)
        loss, right = _epoch(network, images, labels, settings, optimiser, generator, outcome)
        outcome.epochs = epoch + 1
        last = outcome.epochs == settings.epochs
        # evaluation mode is asked for an early stop only when the epoch itself made no error
        may_stop = settings.stop_at_zero_error and outcome.steps >= settings.at_least and right == 1.0
        if last or may_stop or outcome.epochs % settings.evaluate_every == 0:
            _note(outcome, network, images, labels, test, loss)
        progress.update(outcome.epochs, settings.epochs, "epoch", loss=loss, **_latest(outcome))
        if may_stop and outcome.curves["train_accuracy"][-1] == 1.0:
            break
    _finish(outcome, network, images, labels, test)
    outcome.seconds = time.monotonic() - started
    return outcome


def _epoch(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: Settings,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    outcome: Outcome,
) -> tuple[float, float]:
    """One pass over the training set; returns the mean loss over its images and the share classified correctly."""
    network.train()
    N = len(images)
    batch = settings.batch or N
    # a last batch of one image would leave batch normalisation nothing to normalise by
    order = torch.arange(N) if batch >= N else torch.randperm(N, generator=generator)
    parts = [part for part in order.split(batch) if len(part) > 1 or N == 1 or batch == 1]
    total, right = 0.0, 0
    for part in (part.to(images.device) for part in parts):
        chosen = images[part] if len(parts) > 1 else images
        chosen = crop_and_flip(chosen, generator) if settings.augment else chosen
        targets = labels[part] if len(parts) > 1 else labels
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.mixed_precision):
            logits = network(chosen).float()
            loss = cross_entropy(logits, targets)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(
                f"The training loss is {value} at step {outcome.steps + 1}: lower the learning rate "
                f"(now {optimiser.param_groups[0]['lr']:g}) or change the initialisation.",
                outcome,
            )
        total += value * len(part)
        right += int((logits.argmax(1) == targets).sum())
        if value * len(part) > NEGLIGIBLE_LOSS:
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        outcome.steps += 1
    seen = sum(map(len, parts))
    return total / seen, right / seen


@torch.no_grad()
def accuracy(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, batch: int = 512) -> float:
    """The share of images ``[N, C, H, W]`` whose largest logit is the label's, in the network's current mode."""
    right = sum(
        int((network(x).argmax(1) == y).sum()) for x, y in zip(images.split(batch), labels.split(batch), strict=True)
    )
    return right / len(labels)


def _note(
    outcome: Outcome,
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    test: tuple[Tensor, Tensor] | None,
    loss: float,
) -> None:
    network.eval()
    outcome.curves["epoch"].append(outcome.epochs)
    outcome.curves["train_loss"].append(loss)
    outcome.curves["train_accuracy"].append(accuracy(network, images, labels))
    if test is not None:
        outcome.curves.setdefault("test_accuracy", []).append(accuracy(network, *test))


def _latest(outcome: Outcome) -> dict[str, float]:
    return {name: values[-1] for name, values in outcome.curves.items() if name != "epoch" and values}


def _finish(
    outcome: Outcome, network: nn.Module, images: Tensor, labels: Tensor, test: tuple[Tensor, Tensor] | None
) -> None:
    """Measure the final accuracies, with fresh running statistics where the old ones are stale."""
    network.eval()
    outcome.train_accuracy = accuracy(network, images, labels)
    if outcome.train_accuracy < 1.0 and len(images) > 1:
        outcome.train_accuracy_batch_statistics = _accuracy_with_batch_statistics(network, images, labels)
        if outcome.train_accuracy_batch_statistics > outcome.train_accuracy:
            reestimate_batch_norm(network, images)
            outcome.batch_norm_reestimated = True
            network.eval()
            outcome.train_accuracy = accuracy(network, images, labels)
    else:
        outcome.train_accuracy_batch_statistics = outcome.train_accuracy
    if test is not None:
        outcome.test_accuracy = accuracy(network, *test)


def _accuracy_with_batch_statistics(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Training accuracy with batch statistics, without touching the running ones."""
    twin = copy.deepcopy(network).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return accuracy(twin, images, labels, batch=len(images))
