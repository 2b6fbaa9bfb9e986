"""Few-sample splits: nested training sets, one fixed test set."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from companion.errors import CompanionError


@dataclass(frozen=True)
class Split:
    """Which images are for training and which for testing: two int64 index tensors without a common element."""

    train: Tensor
    test: Tensor


def few_sample_split(
    labels: Tensor,
    per_class: int,
    split_seed: int = 42,
    *,
    largest: int | None = None,
    test_per_class: int | None = None,
    classes: tuple[str, ...] | None = None,
) -> Split:
    """Draw `per_class` training images of every class, as the authors' framework does.

    One ``numpy.random.RandomState(split_seed)`` runs through the classes in order; of each class's permutation the
    first `per_class` images are for training. Training sets of different `per_class` are therefore nested. The test
    images are those behind position `largest`, so that they stay the same along a learning curve.

    Args:
        labels: int64 ``[N]``, classes numbered from 0.
        per_class: training images of each class.
        split_seed: seed of the permutations (42 in the authors' framework).
        largest: the largest `per_class` that the test set must stay clear of; default `per_class` itself.
        test_per_class: test images of each class; default all the rest.
        classes: class names; a class without images is then an error too, and errors name the class.

    Returns:
        The split; indices are grouped by class.

    Raises:
        CompanionError: a class has too few images.

    References:
        few_data, author file ``DatasetClassesFromFoldersNtrainNtest.py``.
    """
    largest = per_class if largest is None else largest
    if not 1 <= per_class <= largest:
        raise CompanionError(f"per_class is {per_class}: it must be from 1 to {largest}, the largest of this curve.")
    targets = labels.cpu().numpy()
    random = np.random.RandomState(split_seed)
    train, test = [], []
    for k in range(len(classes) if classes else int(targets.max()) + 1):
        members = np.flatnonzero(targets == k)
        needed = largest + (test_per_class or 1)
        if len(members) < needed:
            name, room = classes[k] if classes else str(k), max(len(members) - (test_per_class or 1), 0)
            raise CompanionError(
                f"Class {name!r} has {len(members)} images, too few for {largest} training images and "
                f"{test_per_class or 1} for testing: lower {'largest' if largest > per_class else 'per_class'} to at "
                f"most {room}, or leave the class out."
            )
        order = members[random.permutation(len(members))]
        train.append(order[:per_class])
        test.append(order[largest:] if test_per_class is None else order[largest : largest + test_per_class])
    return Split(*(torch.from_numpy(np.concatenate(part)).to(labels.device) for part in (train, test)))


def permute_labels(labels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Permute the labels of a random share of the images among themselves.

    With ``share=1`` images and labels are independent, while every class keeps its count: the control that shows
    that a network memorises.

    Args:
        labels: int64 ``[N]``.
        share: the share of images whose labels are permuted, 0 to 1.
        generator: CPU generator that fixes the permutation.
    """
    if not 0 <= share <= 1:
        raise CompanionError(f"The share of permuted labels is {share}: it must be from 0 to 1.")
    chosen = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    shuffled = chosen[torch.randperm(len(chosen), generator=generator)]
    permuted = labels.clone()
    permuted[chosen.to(labels.device)] = labels[shuffled.to(labels.device)]
    return permuted
