"""The classifiers of the book: torchvision's where it has them, with a width multiplier and stems for small images."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.models import VGG
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from companion.errors import CompanionError, unknown

_VGG19 = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M")
_RESNETS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], list[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet101": (Bottleneck, [3, 4, 23, 3]),
}
ARCHITECTURES = ("cnn", "mlp", "resnet18", "resnet101", "vgg19", "vgg19_bn")


def build(
    arch: str,
    *,
    classes: int,
    channels: int = 3,
    image_size: int = 224,
    width: float | Fraction = 1,
    dropout: float = 0.0,
) -> nn.Module:
    """Build a classifier, freshly initialised from torch's global generator.

    Args:
        arch: one of ``cnn``, ``mlp``, ``resnet18``, ``resnet101``, ``vgg19``, ``vgg19_bn``.
        classes: number of classes C; the network maps ``[N, channels, H, W]`` to logits ``[N, C]``.
        channels: 1 for grey images, 3 for colour.
        image_size: side length of the images; a ResNet for images below 64 pixels gets a 3 x 3 stem of stride 1 and
            no max-pooling, as in the authors' ``ResNetCIFAR``.
        width: every number of channels is multiplied by it (for ``cnn`` and ``mlp`` it is the width itself).
        dropout: probability of dropping a unit of a VGG's or the MLP's hidden layers. The authors' VGG class has
            0.5; the title of few_data asks for 0.

    References:
        few_data, section Networks; author files ``ResNet.py``, ``ResNetCIFAR.py``, ``VGG.py``.
    """
    if arch not in ARCHITECTURES:
        raise unknown("architecture", arch, ARCHITECTURES)
    if dropout and arch not in ("mlp", "vgg19", "vgg19_bn"):
        raise CompanionError(f"{arch!r} has no dropout layers: set dropout to 0, or choose mlp, vgg19 or vgg19_bn.")
    if arch == "cnn":
        return cnn(int(width), classes, channels, image_size)
    if arch == "mlp":
        return mlp((channels * image_size**2, int(width), classes), dropout)
    if arch in _RESNETS:
        return resnet(arch, classes, channels, image_size, width)
    return vgg19(classes, channels, width, batch_norm=arch == "vgg19_bn", dropout=dropout)


def parameter_count(network: nn.Module, trainable: bool = True) -> int:
    """The number of (trainable) parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad or not trainable)


def cnn(width: int, classes: int, channels: int = 1, image_size: int = 8) -> nn.Sequential:
    """The small CNN of the `quick` scale: [conv 3x3, BN, ReLU] x 2, pool, twice (second time 2w wide), pool, linear.

    Maps ``[N, channels, image_size, image_size]`` to ``[N, classes]``; for 10 classes and grey images of 8 x 8 it has
    1,422 (w = 4), 17,754 (w = 16) or 150,010 (w = 48) parameters.
    """
    w = width
    layers: list[nn.Module] = []
    for before, after in ((channels, w), (w, w), (w, 2 * w), (2 * w, 2 * w)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        if len(layers) in (6, 13):
            layers.append(nn.MaxPool2d(2))
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * w * (image_size // 4) ** 2, classes))
    _kaiming(network)
    return network


def mlp(sizes: tuple[int, ...], dropout: float = 0.0) -> nn.Sequential:
    """A multi-layer perceptron with ReLU on flattened images, PyTorch's default initialisation.

    Args:
        sizes: units of the input, the hidden layers and the output.
        dropout: probability of dropping a hidden unit.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes[:-1]):
        layers += [nn.Linear(before, after), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def resnet(arch: str, classes: int, channels: int = 3, image_size: int = 224, width: float | Fraction = 1) -> ResNet:
    """torchvision's ResNet, every channel count times `width`.

    Convolutions: Kaiming normal, fan_out; batch normalisation: weight 1, bias 0; linear layer: PyTorch's default.
    """
    block, depths = _RESNETS[arch]
    planes = [_scaled(64 * 2**stage, width, 4) for stage in range(4)]
    network = ResNet(block, depths, num_classes=classes)
    if width != 1:
        network.inplanes = planes[0]
        network.bn1 = nn.BatchNorm2d(planes[0])
        for stage, (number, depth) in enumerate(zip(planes, depths, strict=True), start=1):
            setattr(network, f"layer{stage}", network._make_layer(block, number, depth, stride=1 if stage == 1 else 2))
        network.fc = nn.Linear(planes[-1] * block.expansion, classes)
    if image_size < 64:
        network.conv1 = nn.Conv2d(channels, planes[0], 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    elif width != 1 or channels != 3:
        network.conv1 = nn.Conv2d(channels, planes[0], 7, stride=2, padding=3, bias=False)
    _kaiming(network)
    for module in network.modules():
        if isinstance(module, nn.ReLU):  # as in the author file
            module.inplace = False
    return network


def vgg19(
    classes: int, channels: int = 3, width: float | Fraction = 1, *, batch_norm: bool = True, dropout: float = 0.0
) -> VGG:
    """torchvision's VGG19 (configuration E), every channel and unit count times `width`.

    Convolutions: Kaiming normal, fan_out, bias 0; linear layers: N(0, 0.01^2), bias 0. With the adaptive pooling to
    7 x 7 the full network keeps its 140 million weights at any image size of at least 32 pixels.
    """
    layers: list[nn.Module] = []
    before = channels
    for entry in _VGG19:
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        after = _scaled(int(entry), width, 4)
        layers.append(nn.Conv2d(before, after, 3, padding=1))
        layers += [nn.BatchNorm2d(after), nn.ReLU()] if batch_norm else [nn.ReLU()]
        before = after
    hidden = _scaled(4096, width, 8)
    # torchvision builds its own head of 123 million weights; on the meta device that costs nothing
    with torch.device("meta"):
        network = VGG(nn.Sequential(), classes, init_weights=False)
    network.features = nn.Sequential(*layers)
    network.classifier = nn.Sequential(
        nn.Linear(before * 49, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )  # fmt: skip
    _kaiming(network)
    for module in network.classifier:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
            nn.init.zeros_(module.bias)
    return network


def reestimate_batch_norm(network: nn.Module, images: Tensor, batch: int = 256) -> None:
    """Replace the running statistics of every batch normalisation by those over `images` ``[N, C, H, W]``.

    After few optimiser steps the running averages (momentum 0.1) still remember the initial network, so that a
    network that fits its training set in training mode can fail on it in evaluation mode.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    network.train()
    with torch.no_grad():
        for part in images.split(batch):
            if len(part) > 1 or len(images) == 1:
                network(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a network with the initialisation that belongs to `seed`, leaving torch's global generator untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _scaled(number: int, width: float | Fraction, at_least: int) -> int:
    return max(at_least, round(number * Fraction(width).limit_denominator(1024)))


def _kaiming(network: nn.Module) -> None:
    """Initialise every convolution with Kaiming normal, fan_out, gain of ReLU, and zero bias."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
