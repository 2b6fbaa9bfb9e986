"""Host networks, and the replacement of their 3x3 convolutions by modules with fixed filters."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torchvision.models import densenet121

from companion.edge_line.banks import filter_set
from companion.edge_line.module import EdgeLineModule
from companion.predefined_filters import dense_twin, dense_twin18

HOSTS = ("small_resnet", "resnet18", "densenet121")
STEMS = ("learned", "pfm")


def build_host(
    host: str,
    classes: int,
    *,
    channels: int = 3,
    width: int = 64,
    small_images: bool = False,
    blur: bool = False,
) -> nn.Module:
    """The dense network: PyTorch's default initialisation, all its randomness from torch's global generator.

    Args:
        host: "small_resnet" (three stages of one block), "resnet18" or "densenet121".
        classes: outputs.
        channels: of the images.
        width: channels of the first stage of a residual network (DenseNet121 has its own).
        small_images: a 3x3 stem that keeps the size, in place of stride 2 and max-pool (residual networks).
        blur: 3x3 Gaussian before the stride-2 skips (residual networks).

    Returns:
        The network, (B, channels, H, W) -> (B, classes).

    References:
        ResNet18 and DenseNet121 as the paper's baselines are second-hand knowledge; the initialisation is inferred.
    """
    if host not in HOSTS:
        raise ValueError(f"host is {host!r}: allowed are {', '.join(HOSTS)}.")
    switches = {"stem": "cifar" if small_images else "imagenet", "channels": channels, "blur": blur, "init": "pytorch"}
    if host == "small_resnet":
        return dense_twin(classes, (width, 2 * width, 4 * width), (1, 1, 1), **switches)
    if host == "resnet18":
        return dense_twin18(classes, width=width, **switches)
    network = densenet121(weights=None, num_classes=classes)
    if channels != 3:
        network.features.conv0 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    return network


def with_filters(
    network: nn.Module,
    bank: Tensor | Callable[[], Tensor] | None = None,
    *,
    stem: str = "learned",
    **switches,
) -> nn.Module:
    """Replace every 3x3 convolution of a network by an :class:`~companion.edge_line.module.EdgeLineModule`.

    The first convolution (the stem) stays learned unless ``stem="pfm"``; 1x1 convolutions stay as they are. Where
    the shapes agree (nine filters) the 1x1 weights take over the numbers of the convolution: weight (c, i) of an
    output channel is that of channel c and kernel place i. So networks of one seed start from the same numbers.

    Args:
        network: changed in place.
        bank: kernels (N, 3, 3) for all layers, or a function called once for each layer; default nine edges and
            lines.
        stem: "learned" or "pfm".
        **switches: ``mode, relu_mid, bn_mid, trainable_kernels`` of the module.

    Returns:
        The same network.

    Raises:
        ValueError: an unknown stem, or a network without a 3x3 convolution.
    """
    if stem not in STEMS:
        raise ValueError(f"stem is {stem!r}: allowed are {' and '.join(STEMS)}.")
    convolutions = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    chosen = [pair for pair in convolutions[1:] if pair[1].kernel_size == (3, 3)]
    chosen = convolutions[:1] + chosen if stem == "pfm" else chosen
    if not chosen:
        raise ValueError(f"{type(network).__name__} has no 3x3 convolution behind its stem: nothing to replace.")
    bank = filter_set() if bank is None else bank
    for name, layer in chosen:
        path, _, last = name.rpartition(".")
        setattr(network.get_submodule(path), last, _in_place_of(layer, bank() if callable(bank) else bank, **switches))
    return network


def filter_layers(network: nn.Module) -> list[EdgeLineModule]:
    """The modules with fixed filters of a network, in its order."""
    return [layer for layer in network.modules() if isinstance(layer, EdgeLineModule)]


def three_by_three(network: nn.Module) -> list[tuple[int, int]]:
    """(n_in, n_out) of the learned 3x3 convolutions behind the stem of a network."""
    layers: Sequence[nn.Conv2d] = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    return [(layer.in_channels, layer.out_channels) for layer in layers[1:] if layer.kernel_size == (3, 3)]


def _in_place_of(layer: nn.Conv2d, bank: Tensor, **switches) -> EdgeLineModule:
    if layer.groups != 1 or layer.dilation != (1, 1) or layer.stride[0] != layer.stride[1]:
        raise ValueError(f"{layer} cannot be replaced: only plain convolutions with equal strides can.")
    module = EdgeLineModule(layer.in_channels, layer.out_channels, bank, stride=layer.stride[0], **switches)
    module.to(device=layer.weight.device)
    if module.pointwise.weight.numel() == layer.weight.numel():
        with torch.no_grad():
            module.pointwise.weight.copy_(layer.weight.flatten(1)[:, :, None, None])
    return module
