"""What a method without depth reaches on the same few images: the bar that a network has to clear."""

import torch
from torch import Tensor


def nearest_neighbour_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Accuracy of the label of the nearest training image in Euclidean distance of pixels.

    Args:
        train: ``[N, C, H, W]``; `test`: ``[T, C, H, W]``; the labels: int64 ``[N]`` and ``[T]``.
    """
    nearest = torch.cat([torch.cdist(part, train.flatten(1)).argmin(1) for part in test.flatten(1).split(1024)])
    return float((train_labels[nearest] == test_labels).double().mean())


def logistic_regression_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Accuracy of multinomial logistic regression on raw pixels, practically unregularised (scikit-learn, C = 1e4)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e4, max_iter=500)
    model.fit(train.flatten(1).cpu().numpy(), train_labels.cpu().numpy())
    return float(model.score(test.flatten(1).cpu().numpy(), test_labels.cpu().numpy()))
