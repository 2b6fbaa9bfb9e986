"""The arms of the comparison: PFNet, one switch changed at a time, and the dense twin with and without blur."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from companion.predefined_filters.filters import filter_bank
from companion.predefined_filters.pfnet import dense_twin, pfnet


@dataclass(frozen=True)
class Arm:
    """One network of the comparison.

    Attributes:
        label: name for the reader.
        dense: whether it is the dense twin.
        bank: filter families of the kernels.
        blur: blur before the stride-2 skips.
        relu_mid: ReLU between fixed and 1x1 convolution.
        trainable: whether the kernels are learned from their start.
        table_7: test accuracy and its standard deviation over 5 seeds on Flowers102, if the paper's Table 7 has it.
    """

    label: str
    dense: bool = False
    bank: tuple[str, ...] = ("edge", "line")
    blur: bool = True
    relu_mid: bool = True
    trainable: bool = False
    table_7: tuple[float, float] | None = None


ARMS: dict[str, Arm] = {
    "pfnet": Arm("PFNet: frozen edges and lines, blur", table_7=(0.8066, 0.0035)),
    "no_blur": Arm("no blur in the skips", blur=False, table_7=(0.7240, 0.0059)),
    "no_relu": Arm("no ReLU after the fixed kernels", relu_mid=False, table_7=(0.7521, 0.0023)),
    "edges": Arm("frozen edges only", bank=("edge",)),
    "lines": Arm("frozen lines only", bank=("line",)),
    "random": Arm("frozen random kernels", bank=("random",), table_7=(0.7398, 0.0124)),
    "trainable": Arm("edges and lines, then trained", trainable=True, table_7=(0.8011, 0.0062)),
    "trainable_random": Arm("random kernels, then trained", bank=("random",), trainable=True, table_7=(0.7454, 0.0088)),
    "dense": Arm("dense twin (ResNet)", dense=True, blur=False, table_7=(0.7340, 0.0034)),
    "dense_blur": Arm("dense twin with blur", dense=True, table_7=(0.7436, 0.0057)),
}


def build(
    arm: Arm,
    classes: int,
    channels: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    *,
    stem: str,
    stem_f: int,
    n_angles: int,
    sigma_edge: float,
    sigma_line: float,
    init: str,
) -> nn.Module:
    """The network of an arm, freshly initialised from torch's global generator.

    Args:
        arm: what it is.
        classes, channels, widths, blocks, stem, stem_f, init: as for
            :func:`~companion.predefined_filters.pfnet.pfnet`; the twin keeps torchvision's initialisation.
        n_angles, sigma_edge, sigma_line: of the oriented kernels.

    Returns:
        The network, (N, channels, H, W) -> (N, classes).
    """
    if arm.dense:
        return dense_twin(classes, widths, blocks, stem=stem, channels=channels, blur=arm.blur)
    bank: Callable[[], Tensor] = partial(filter_bank, arm.bank, n_angles, sigma_edge=sigma_edge, sigma_line=sigma_line)
    return pfnet(
        classes,
        widths,
        blocks,
        stem=stem,
        channels=channels,
        bank=bank,
        stem_f=stem_f,
        blur=arm.blur,
        relu_mid=arm.relu_mid,
        trainable_kernels=arm.trainable,
        init=init,
    )
