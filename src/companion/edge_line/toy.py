"""Networks for Oriented Dashes: fixed filters with N learned numbers, the hand-set solution, the learned twin.

s(x) = sum_i w_i F_i(x),   F_i(x) = sum over all positions of ReLU(k_i * x);   horizontal where s(x) > 0

With fixed kernels the F_i are computed once and the network is a logistic regression without bias on N numbers.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.edge_line.banks import filter_set

HAND_SET_WEIGHTS = (1.0, -1.0)


def dash_kernels(scale: float = 1.0) -> Tensor:
    """H = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]] and V, its transpose: Tensor (2, 3, 3), times ``scale``.

    References:
        Authors' repository Oriented_Dashes_Classification_Dataset, ``scripts/model.py``.
    """
    horizontal = torch.tensor([[-1.0, -1.0, -1.0], [2.0, 2.0, 2.0], [-1.0, -1.0, -1.0]])
    return scale * torch.stack([horizontal, horizontal.T])


BANKS: dict[str, tuple[Callable[[], Tensor], bool]] = {
    "H and V": (lambda: dash_kernels(1 / 6), True),
    "8 lines": (lambda: filter_set("line", 8), True),
    "8 edges": (lambda: filter_set("edge", 8), True),
    "16 edges and lines": (lambda: filter_set("edge+line", 16), True),
    "16 random": (lambda: filter_set("random", 16), True),
    "4 random": (lambda: filter_set("random", 4), True),
    "2 random": (lambda: filter_set("random", 2), True),
    "8 lines without ReLU": (lambda: filter_set("line", 8), False),
    "9 shifts": (lambda: filter_set("translating", 9), True),
}
"""Filter banks by name: a function that makes the kernels, and whether the ReLU follows them."""


def pooled_responses(images: Tensor, bank: Tensor, relu: bool = True) -> Tensor:
    """F_i(x) = sum over positions of ReLU(k_i * x), valid convolution.

    Args:
        images: (B, 1, H, W), floating point.
        bank: kernels (N, 3, 3).
        relu: whether to apply the ReLU before the sum.

    Returns:
        Tensor (B, N).
    """
    maps = F.conv2d(images, bank[:, None].to(images))
    return (maps.relu() if relu else maps).sum((2, 3))


def hand_set_outputs(images: Tensor) -> Tensor:
    """s(x) = F_H(x) - F_V(x): the solution with two numbers, +1 and -1; positive means horizontal.

    A dash of its own orientation gives 30, one of the other 6, so s = 24 (n_h - n_v) while no window holds two
    dashes.

    Args:
        images: (B, 1, H, W), floating point.

    Returns:
        Tensor (B,).
    """
    return pooled_responses(images, dash_kernels()) @ torch.tensor(HAND_SET_WEIGHTS).to(images)


def patterns() -> Tensor:
    """All 512 binary 3x3 patches, (512, 1, 3, 3): pixel number j (row by row) of patch p is bit j of p."""
    bits = torch.arange(512)[:, None] >> torch.arange(9) & 1
    return bits.float().unflatten(1, (1, 3, 3))


def patch_counts(images: Tensor) -> Tensor:
    """How often each of the 512 patches occurs in binary images.

    All that a 3x3 convolution with a sum over positions can see of a binary image: for every function g of a patch,
    the sum of g over the positions is counts @ g(patches).

    Args:
        images: (B, 1, H, W) of zeros and ones.

    Returns:
        Tensor (B, 512), floating point; every row sums to (H - 2) (W - 2).
    """
    codes = F.conv2d(images.float(), (2.0 ** torch.arange(9)).view(1, 1, 3, 3).to(images.device)).flatten(1).long()
    return torch.zeros(len(images), 512, device=images.device).scatter_add_(1, codes, torch.ones_like(codes).float())


def fit_weights(
    features: Tensor, labels: Tensor, sizes: Sequence[int], steps: int = 400, learning_rate: float = 0.03
) -> Tensor:
    """Logistic regression without bias by Adam from zero weights, for K orders of the images and S sizes at once.

    Args:
        features: (K, n, N), images in the order of which training sets take the first.
        labels: (K, n) of 0 and 1.
        sizes: S numbers of training images, each up to n.
        steps: full-batch steps.
        learning_rate: Adam's.

    Returns:
        Weights (S, K, N).
    """
    K, n, N = features.shape
    weights = torch.zeros(len(sizes), K, N, device=features.device, requires_grad=True)
    optimiser = torch.optim.Adam([weights], learning_rate)
    count = torch.tensor(sizes, device=features.device)[:, None, None]
    share = (torch.arange(n, device=features.device) < count) / count  # (S, 1, n): the mean over the first images
    for _ in range(steps):
        scores = torch.einsum("kni,ski->skn", features, weights.detach())
        weights.grad = torch.einsum("kni,skn->ski", features, (scores.sigmoid() - labels) * share)
        optimiser.step()
    return weights.detach()


class LearnedTwin(nn.Module):
    """The same network with c learned kernels: conv3x3(1 -> c) + ReLU + conv1x1 + sum, 10 c learned numbers.

    It runs on patch counts: the convolution sees each of the 512 patches once.

    Args:
        filters: c.

    Shape:
        counts (B, 512) -> (B, 2): the logits (0, s), whose softmax cross-entropy is the logistic loss.
    """

    def __init__(self, filters: int):
        super().__init__()
        self.convolution = nn.Conv2d(1, filters, 3, bias=False)
        self.pointwise = nn.Conv2d(filters, 1, 1, bias=False)
        self.register_buffer("patches", patterns().flatten(1))

    def scores(self, images: Tensor) -> Tensor:
        """s of images (B, 1, H, W), computed position by position: Tensor (B,)."""
        return self.pointwise(self.convolution(images).relu()).sum((1, 2, 3))

    def forward(self, counts: Tensor) -> Tensor:
        responses = (self.patches @ self.convolution.weight.flatten(1).T).relu()  # (512, c)
        score = counts @ (responses @ self.pointwise.weight.flatten())
        return torch.stack([torch.zeros_like(score), score], dim=1)
