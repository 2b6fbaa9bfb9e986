"""The networks whose units are excited: a small CNN, a ResNet of eight layers, and torchvision's ResNet18."""

from typing import Literal

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from companion.networks import build

__all__ = ["INNER_LAYERS", "Architecture", "SmallResNet", "build_network", "pretrained_resnet18", "small_cnn"]

Architecture = Literal["cnn", "resnet8", "resnet18"]
# the activations whose channels are excited, from the input to the output
INNER_LAYERS: dict[str, tuple[str, ...]] = {
    "cnn": ("1", "3", "6"),
    "resnet8": ("stage1", "stage2", "stage3"),  # a block ends in a ReLU
    "resnet18": ("layer1.1", "layer2.1", "layer3.1", "layer4.1"),
}


def small_cnn(classes: int, channels: int = 1, image_size: int = 8, width: int = 8) -> nn.Sequential:
    """Three 3 x 3 convolutions of w, 2w and 4w channels, no batch normalisation; shallow on purpose.

    [conv, ReLU] x 2, max-pool, conv, ReLU, max-pool, linear; maps ``[N, channels, S, S]`` to ``[N, classes]``.
    """
    w = width
    return nn.Sequential(
        nn.Conv2d(channels, w, 3, padding=1), nn.ReLU(),
        nn.Conv2d(w, 2 * w, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(2 * w, 4 * w, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4 * w * (image_size // 4) ** 2, classes),
    )  # fmt: skip


class SmallResNet(nn.Module):
    """A ResNet of eight layers with batch normalisation for images of 28 to 96 pixels.

    A 3 x 3 stem, three residual blocks (torchvision's) of w, 2w and 4w channels with strides 1, 2, 2, global average,
    linear.

    Args:
        classes: number of classes.
        channels: of the images.
        width: w.
    """

    def __init__(self, classes: int, channels: int = 3, width: int = 16) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(nn.Conv2d(channels, w, 3, padding=1, bias=False), nn.BatchNorm2d(w), nn.ReLU())
        self.stage1 = BasicBlock(w, w)
        self.stage2 = BasicBlock(w, 2 * w, 2, _shortcut(w, 2 * w))
        self.stage3 = BasicBlock(2 * w, 4 * w, 2, _shortcut(2 * w, 4 * w))
        self.fc = nn.Linear(4 * w, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, nn.ReLU):
                module.inplace = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.stage3(self.stage2(self.stage1(self.stem(x)))).mean((2, 3)))


def _shortcut(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after))


def build_network(arch: Architecture, classes: int, channels: int, image_size: int, width: int = 0) -> nn.Module:
    """A freshly initialised network of (Leaky) ReLU modules.

    Args:
        arch: ``cnn``, ``resnet8`` or ``resnet18`` (torchvision's).
        classes: number of classes.
        channels: of the images.
        image_size: side length of the images.
        width: channels of the first stage; 0 for the architecture's own (8, 16, 64).
    """
    if arch == "cnn":
        return small_cnn(classes, channels, image_size, width or 8)
    if arch == "resnet8":
        return SmallResNet(classes, channels, width or 16)
    return build(arch, classes=classes, channels=channels, image_size=image_size, width=(width or 64) / 64)


def pretrained_resnet18(weights: bool = True) -> nn.Module:
    """torchvision's ResNet18 with its ImageNet weights (a download of 45 MB), for maximisation only.

    Args:
        weights: False leaves the random initialisation, which needs no download.
    """
    from torchvision.models import ResNet18_Weights, resnet18

    network = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1 if weights else None)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network.eval()
