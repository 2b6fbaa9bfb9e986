"""PFNet18, any smaller PFNet, and the dense twins: the same networks with learned 3x3 convolutions."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from companion.predefined_filters.filters import filter_bank
from companion.predefined_filters.module import PredefinedFilterModule
from companion.predefined_filters.residual import DenseUnit, ResidualNetwork, Skip, stem_stride, with_pool

BANKS = ("edge+line", "edge", "line", "random")
INITS = ("pytorch", "kaiming_normal")
STAGES_18 = (1, 2, 4, 8)

Bank = str | Tensor | Callable[[], Tensor]
"""A name of :data:`BANKS`, kernels (k, 3, 3) for all modules, or a function called once for each module."""


def pfnet(
    classes: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    *,
    stem: str = "cifar",
    channels: int = 3,
    bank: Bank = "edge+line",
    stem_f: int | None = None,
    blur: bool = True,
    relu_mid: bool = True,
    trainable_kernels: bool = False,
    recompute: bool = False,
    init: str = "pytorch",
) -> ResidualNetwork:
    """A residual network whose every 3x3 convolution is a PFM: frozen kernels, learned 1x1 combinations.

    Args:
        classes: outputs.
        widths: channels of the stages; multiples of the number of kernels let every kernel occur equally
            often.
        blocks: blocks of each stage.
        stem: "imagenet" (stride 2 and max-pool) or "cifar" (stride 1, no pool).
        channels: of the images.
        bank: "edge+line" (the paper's 16), "edge", "line", "random" (16 kernels drawn anew for each module),
            kernels (k, 3, 3), or a function that returns kernels and is called once for each module.
        stem_f: kernels that each image channel meets in the stem; default all k of the bank.
        blur: 3x3 Gaussian before the stride-2 skips.
        relu_mid: ReLU between fixed and 1x1 convolution.
        trainable_kernels: learn k kernels per module, starting from ``bank``.
        recompute: make the intermediate maps again in the backward pass instead of keeping them
            (:class:`PredefinedFilterModule`), and blur only the pixels that the skips keep: the same numbers
            with about 60 % of the memory of activations.
        init: "pytorch" (kaiming_uniform, a = sqrt 5: what the authors' code really does) or "kaiming_normal"
            (fan-out: what the paper says).

    Returns:
        The network, (N, channels, H, W) -> (N, classes).

    References:
        Linse, Barth, Martinetz (2023), Sec. 3 and Table 7 (the switches).
    """
    draw = _drawer(bank)

    def module(n_in: int, n_out: int, stride: int, f: int | None = 1) -> PredefinedFilterModule:
        kernels = draw()
        return PredefinedFilterModule(
            n_in,
            n_out,
            kernels,
            f=len(kernels) if f is None else f,
            stride=stride,
            relu_mid=relu_mid,
            trainable_kernels=trainable_kernels,
            recompute=recompute,
        )

    first = module(channels, widths[0], stem_stride(stem), f=stem_f)
    network = ResidualNetwork(with_pool(first, stem), module, classes, widths, blocks, blur)
    for layer in network.modules():
        if isinstance(layer, Skip):
            layer.kept_pixels_only = recompute
    initialise(network, init)
    return network


def dense_twin(
    classes: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    *,
    stem: str = "cifar",
    channels: int = 3,
    blur: bool = False,
    init: str = "kaiming_normal",
) -> ResidualNetwork:
    """The same network with learned dense convolutions: each PFM becomes conv3x3 + batch-norm.

    Args:
        classes, widths, blocks, stem, channels: as for :func:`pfnet`; the ImageNet stem is a 7x7 convolution.
        blur: the blur of the PFNet's skips, off in an ordinary ResNet.
        init: "kaiming_normal" (torchvision's ResNets, fan-out) or "pytorch".

    Returns:
        The network, (N, channels, H, W) -> (N, classes).
    """
    size = 7 if stem == "imagenet" else 3
    first = DenseUnit(channels, widths[0], stem_stride(stem), size)
    network = ResidualNetwork(with_pool(first, stem), DenseUnit, classes, widths, blocks, blur)
    initialise(network, init)
    return network


def pfnet18(classes: int, stem: str = "imagenet", width: int = 64, **switches) -> ResidualNetwork:
    """PFNet18: 17 PFMs in the topology of ResNet18, 1,412,192 + 513 classes learned numbers at width 64.

    Args:
        classes: outputs.
        stem: "imagenet" (224 px: stride 2 and max-pool) or "cifar" (32 px: stride 1, no pool).
        width: channels of the first stage; the stages have 1, 2, 4 and 8 times as many.
        **switches: ``channels, bank, stem_f, blur, relu_mid, trainable_kernels, recompute, init`` of :func:`pfnet`.

    Returns:
        The network, (N, 3, H, W) -> (N, classes).

    References:
        Linse, Barth, Martinetz (2023), Sec. 3.3, Tables 4, 6 and 7.

    Example:
        >>> pfnet18(classes=10, stem="cifar", width=16)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    return pfnet(classes, [width * m for m in STAGES_18], (2, 2, 2, 2), stem=stem, **switches)


def dense_twin18(classes: int, stem: str = "imagenet", width: int = 64, **switches) -> ResidualNetwork:
    """ResNet18 of any width, with or without the blur: 11,176,512 + 513 classes learned numbers at width 64.

    Args:
        classes, stem, width: as for :func:`pfnet18`.
        **switches: ``channels, blur, init`` of :func:`dense_twin`.

    Returns:
        The network, (N, 3, H, W) -> (N, classes); without blur equal to torchvision's resnet18 in every
        layer.

    References:
        Linse, Barth, Martinetz (2023), Table 7 ("ResNet18" with and without "aliasing").
    """
    return dense_twin(classes, [width * m for m in STAGES_18], (2, 2, 2, 2), stem=stem, **switches)


def initialise(network: nn.Module, init: str) -> None:
    """Draw the learned convolutions from N(0, 2 / fan_out), or leave PyTorch's U(-b, b), b = 1/sqrt(fan_in).

    Frozen and trainable filter banks stay as they are.

    Args:
        network: changed in place.
        init: "kaiming_normal" or "pytorch".

    Raises:
        ValueError: for any other initialisation.
    """
    if init not in INITS:
        raise ValueError(f"init is {init!r}: allowed are {' and '.join(INITS)}.")
    for layer in network.modules() if init == "kaiming_normal" else ():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def _drawer(bank: Bank) -> Callable[[], Tensor]:
    if isinstance(bank, Tensor):
        return lambda: bank
    if callable(bank):
        return bank
    if bank not in BANKS:
        raise ValueError(f"bank is {bank!r}: allowed are {', '.join(BANKS)}, a tensor (k, 3, 3) or a function.")
    if bank == "random":
        return partial(filter_bank, ("random",))
    kernels = filter_bank(bank.split("+"))
    return lambda: kernels
