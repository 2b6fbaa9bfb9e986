"""The residual network with 18 layers in which PFNet18 and its dense twin differ in one thing: the unit.

block(x) = ReLU( unit2(ReLU(unit1(x))) + skip(x) )
skip(x)  = x,  or  BN(conv1x1(blur(x), stride))  where the stride or the width changes
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from companion.predefined_filters.module import Blur

STEMS = ("imagenet", "cifar")

Unit = Callable[[int, int, int], nn.Module]
"""(n_in, n_out, stride) -> a module that ends in a batch-norm, without a non-linearity at its end."""


class DenseUnit(nn.Sequential):
    """BN(conv3x3(x)): the ordinary, fully learned layer of a ResNet.

    Args:
        n_in, n_out: input and output channels.
        stride: of the convolution.
        size: side of the kernel (3, or 7 in the ImageNet stem).
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1, size: int = 3):
        convolution = nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(n_out))


class Pointwise(nn.Conv2d):
    """A 1x1 convolution without bias that drops the pixels its stride skips before it computes.

    The same numbers as ``nn.Conv2d(n_in, n_out, 1, stride)``; torch 2.15's gradient of strided 1x1 kernels writes out
    of bounds on CPUs (seen for 8 to 16 channels, 46 pixels and more, channels last).

    Args:
        n_in, n_out: input and output channels.
        stride: 1 or 2.
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1):
        super().__init__(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[..., :: self.stride[0], :: self.stride[1]], self.weight)


class Skip(nn.Sequential):
    """BN(conv1x1(blur(x), stride)): the skip path where the stride or the width changes.

    The blur runs at the resolution of the input; the stride is in the 1x1 convolution, which without the blur
    would drop three pixels of four unseen.

    Args:
        n_in, n_out: input and output channels.
        stride: of the 1x1 convolution.
        blur: the 3x3 Gaussian before it.

    Attributes:
        kept_pixels_only: blur only the pixels that the stride keeps, the same values for a quarter of the time
            and the memory; off, so that the layers do (and count) what the paper describes.

    References:
        Linse, Barth, Martinetz (2023), Sec. 3.3 and 5.4.
    """

    def __init__(self, n_in: int, n_out: int, stride: int, blur: bool = True):
        smooth = [Blur(n_in)] if blur else []
        pointwise = Pointwise(n_in, n_out, stride)
        super().__init__(*smooth, pointwise, nn.BatchNorm2d(n_out))
        self.kept_pixels_only = False

    def forward(self, x: Tensor) -> Tensor:
        if not (self.kept_pixels_only and len(self) == 3):
            return super().forward(x)
        blur, pointwise, norm = self
        smooth = F.conv2d(x, blur.weight(), stride=pointwise.stride, padding=1, groups=blur.n_in)
        return norm(F.conv2d(smooth, pointwise.weight))


class Block(nn.Module):
    """ReLU(unit2(ReLU(unit1(x))) + skip(x)): the double block; the stride sits in unit 1 and in the skip.

    Args:
        unit: makes the two units.
        n_in, n_out: input and output channels.
        stride: 1 or 2.
        blur: blur the skip before it is subsampled.
    """

    def __init__(self, unit: Unit, n_in: int, n_out: int, stride: int, blur: bool):
        super().__init__()
        self.unit1 = unit(n_in, n_out, stride)
        self.relu1 = nn.ReLU()
        self.unit2 = unit(n_out, n_out, 1)
        self.skip = nn.Identity() if stride == 1 and n_in == n_out else Skip(n_in, n_out, stride, blur)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(self.unit2(self.relu1(self.unit1(x))) + self.skip(x))


class ResidualNetwork(nn.Module):
    """Stem, stages of double blocks (each later stage starts by halving the image), average pool, classifier.

    Args:
        stem: module from the image to ``widths[0]`` channels, its activation and pooling included.
        unit: makes the two units of every block.
        classes: outputs of the classifier.
        widths: channels of the stages.
        blocks: number of blocks of each stage.
        blur: blur in the skips that subsample.

    Shape:
        images (N, channels, H, W) -> logits (N, classes).
    """

    def __init__(
        self,
        stem: nn.Module,
        unit: Unit,
        classes: int,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (2, 2, 2, 2),
        blur: bool = True,
    ):
        super().__init__()
        if len(widths) != len(blocks) or not widths:
            raise ValueError(f"widths {tuple(widths)} and blocks {tuple(blocks)}: give one of each per stage.")
        self.stem = stem
        self.stages = nn.Sequential()
        n_in = widths[0]
        for stage, (n_out, depth) in enumerate(zip(widths, blocks, strict=True)):
            strides = [1 if stage == 0 else 2] + [1] * (depth - 1)
            row = []
            for stride in strides:
                row.append(Block(unit, n_in, n_out, stride, blur))
                n_in = n_out
            self.stages.append(nn.Sequential(*row))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(n_in, classes)

    def features(self, x: Tensor) -> Tensor:
        """Pooled features of the last stage: (N, channels, H, W) -> (N, widths[-1])."""
        return self.pool(self.stages(self.stem(x))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def stem_stride(stem: str) -> int:
    """Stride of the first layer: 2 for "imagenet", 1 for "cifar".

    Raises:
        ValueError: for any other stem.
    """
    if stem not in STEMS:
        raise ValueError(f"stem is {stem!r}: allowed are imagenet (stride 2, max-pool) and cifar (3x3, stride 1).")
    return 2 if stem == "imagenet" else 1


def with_pool(first: nn.Module, stem: str) -> nn.Sequential:
    """The first layer, its ReLU and, in the ImageNet stem, the 3x3 max-pool with stride 2."""
    pool = [nn.MaxPool2d(3, stride=2, padding=1)] if stem_stride(stem) == 2 else []
    return nn.Sequential(first, nn.ReLU(), *pool)
