"""Rows of the perceptron experiments: the comparison, the silent start, and the loss landscape of two solutions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from companion.data import load
from companion.experiment import Row
from companion.progress import SILENT, Progress
from companion.sugar.arms import Arm
from companion.sugar.landscape import filter_normalised_direction, loss_slice, plane_through
from companion.sugar.networks import StackedMLP
from companion.sugar.stacked_training import FlatSample, Plan, StackedOutcome, train_stacked

__all__ = ["flat_sample", "landscape_rows", "perceptron_rows", "silent_preactivations"]

HISTOGRAM_BINS = 20


def flat_sample(
    data: str, train_images: int = 0, split_seed: int = 0, device: str = "cpu", scaling: str = "standardised"
) -> FlatSample:
    """Images as vectors, split at random: `train_images` for training (0: four fifths), the rest to test.

    Args:
        scaling: "standardised" by the training set's channel mean and deviation, or "symmetric": -1 black, 1 bright.
    """
    images = load(data, device=device)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(split_seed)).to(device)
    cut = train_images if 0 < train_images < len(images) else round(0.8 * len(images))
    train, test = images[order[:cut]], images[order[cut:]]
    if scaling == "symmetric":
        vectors = [2 * part.scaled().flatten(1) - 1 for part in (train, test)]
    else:
        vectors = [part.standardised(like=train).flatten(1) for part in (train, test)]
    return FlatSample(vectors[0], train.labels, vectors[1], test.labels)


def perceptron_rows(
    part: str,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    plan: Plan,
    *,
    data: str = "digits",
    train_images: int = 0,
    split_seed: int = 0,
    scaling: str = "standardised",
    device: str = "cpu",
    progress: Progress = SILENT,
) -> list[Row]:
    """Train every arm from every seed in one program; one row a network.

    Columns: the plan; `arm`, `kind`, `surrogate`, `alpha`, `seed`; `test_accuracy`, `train_accuracy`, `train_loss`;
    `dead` (share of hidden units) and `zeros` (share of outputs); lists by layer `dead_by_layer`, `zeros_by_layer`,
    and before training `gradient_norms`, `image_gradient_norms`; lists by evaluation `curve_epoch`,
    `curve_test_accuracy`, `curve_train_accuracy`, `curve_train_loss`, `curve_dead`, `dead_over_time` [.][layers];
    `count_histogram`, the units by the share of images they respond to.
    """
    sample = flat_sample(data, train_images, split_seed, device, scaling)
    outcome = train_stacked(arms, seeds, sample, plan, progress)
    described = {name: value for name, value in vars(plan).items() if name != "evaluations"}
    rows = []
    for a, arm in enumerate(arms):
        for s, seed in enumerate(seeds):
            factors = {"part": part, "arch": "mlp", "data": data, "train_images": len(sample.train)}
            factors |= {"test_images": len(sample.test), "seed": seed} | arm.describe() | described
            rows.append(factors | measured(outcome, a * len(seeds) + s, len(sample.train)))
    return rows


def measured(outcome: StackedOutcome, k: int, images: int) -> Row:
    """The metrics of member k."""
    curves = {name: [float(point[k]) for point in points] for name, points in outcome.curves.items() if name != "dead"}
    dead = torch.stack([point[k] for point in outcome.curves["dead"]])  # [evaluations, layers]
    return {
        **{name: values[-1] for name, values in curves.items()},
        "dead": float(dead[-1].mean()),
        "dead_by_layer": dead[-1],
        "zeros": float(outcome.zeros[k].mean()),
        "zeros_by_layer": outcome.zeros[k],
        "gradient_norms": outcome.gradient_norms[k],
        "image_gradient_norms": outcome.image_gradient_norms[k],
        "curve_epoch": outcome.epochs,
        "curve_test_accuracy": curves["test_accuracy"],
        "curve_train_accuracy": curves["train_accuracy"],
        "curve_train_loss": curves["train_loss"],
        "curve_dead": dead.mean(1),
        "dead_over_time": dead,
        "count_histogram": torch.histc(outcome.counts[k].float() / images, HISTOGRAM_BINS, 0, 1),
    }


def silent_preactivations(bias: float, width: int = 128, seed: int = 0) -> Tensor:
    """Pre-activations [images, width] of the second hidden layer of the silent start, before training, on digits."""
    sample = flat_sample("digits", 1000, scaling="symmetric")
    sizes = (sample.train.shape[1], width, width, int(sample.train_labels.max()) + 1)
    _, preactivations = StackedMLP(sizes, [seed], nn.ReLU(), bias).signals(sample.train[None])
    return preactivations[1][0].detach()


def landscape_rows(
    relu: Arm,
    sugar: Arm,
    seed: int,
    plan: Plan,
    points: int = 21,
    *,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> list[Row]:
    """Loss slices of one ReLU network: through both end points, and around each of them.

    The landscape is that of the ReLU network for both: SUGAR changes the gradient, not the loss. One row a slice
    (`slice`: "through both", "around <arm>"), with `a`, `b` and `loss` [b][a] (training set, mean cross-entropy).
    """
    sample = flat_sample("digits", 1000, device=device)
    trained = train_stacked([relu, sugar], [seed], sample, plan).network
    network = trained.member(0)
    ends = [{name: w.detach() for name, w in trained.member(k).named_parameters()} for k in (0, 1)]
    generator = torch.Generator().manual_seed(seed)
    planes = [("through both", ends[0], *plane_through(*ends, generator), torch.linspace(-0.5, 1.5, points))]
    for arm, end in zip((relu, sugar), ends, strict=True):
        directions = [filter_normalised_direction(end, generator) for _ in range(2)]
        planes.append((f"around {arm.label}", end, *directions, torch.linspace(-0.5, 0.5, points)))
    rows = []
    for name, origin, first, second, a in planes:
        b = torch.linspace(-1, 1, points) if name == "through both" else a
        found = loss_slice(
            network, origin, first, second, lambda z: cross_entropy(z, sample.train_labels), sample.train, a, b
        )
        rows.append({"part": "landscape", "slice": name, "seed": seed, "a": a, "b": b, "loss": found.loss})
        progress.update(len(rows), len(planes), name)
    return rows
