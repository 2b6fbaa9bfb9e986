"""The networks that are compared: the dense host, and the host with N filters of a family."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from torch import nn

from companion.edge_line.banks import FAMILIES, filter_set, set_names
from companion.edge_line.hosts import build_host, with_filters
from companion.edge_line.module import MODES
from companion.errors import CompanionError, unknown
from companion.predefined_filters import span

NETWORKS = ("dense", *FAMILIES, "learned")


@dataclass(frozen=True)
class Arm:
    """One network of the comparison.

    Attributes:
        family: "dense" for the host itself, a filter family, or "learned" (random kernels that are trained too).
        n_filters: N; 9 for the dense host, whose kernels have nine places.
        mode: "all_filters" or "one_filter".
    """

    family: str
    n_filters: int = 9
    mode: str = "all_filters"

    def __post_init__(self) -> None:
        if self.family not in NETWORKS:
            raise unknown("family", self.family, NETWORKS)
        if self.mode not in MODES:
            raise unknown("mode", self.mode, MODES)
        if not self.dense:
            try:
                set_names(self.bank, self.n_filters)
            except ValueError as error:
                raise CompanionError(str(error)) from None

    @property
    def dense(self) -> bool:
        """Whether it is the host without any fixed filter."""
        return self.family == "dense"

    @property
    def bank(self) -> str:
        """The family of the kernels at the start."""
        return "random" if self.family == "learned" else self.family

    @property
    def label(self) -> str:
        """Name for the reader."""
        if self.dense:
            return "dense 3x3 (host)"
        name = {"edge+line": "edges and lines", "edge": "edges", "line": "lines", "translating": "shifts"}
        text = f"{self.n_filters} {name.get(self.family, self.family)}"
        return text if self.mode == "all_filters" else f"{text}, one a channel"


def dimensions(family: str, n_filters: int) -> int:
    """Dimensions that the N kernels of a family span, 1 to 9 (nine random kernels: nine, with probability 1)."""
    if family in ("dense", "learned", "random"):
        return min(n_filters, 9)
    return span(filter_set(family, n_filters))


def compared(
    families: Iterable[str], n_filters: int, counts: Iterable[int], wide: Iterable[str], one_filter: Iterable[int]
) -> list[Arm]:
    """The arms to train at the main number of images, each once.

    Args:
        families: of the arms with ``n_filters`` filters.
        n_filters: their number of filters.
        counts: further numbers of filters for edges and lines.
        wide: families with sixteen filters too (equal number, other span).
        one_filter: numbers of filters for edges and lines where each channel meets one filter.

    Returns:
        The dense host first.
    """
    arms = [Arm("dense"), *(Arm(family, n_filters) for family in families)]
    arms += [Arm("edge+line", count) for count in counts]
    arms += [Arm(family, 16) for family in wide]
    arms += [Arm("edge+line", count, "one_filter") for count in one_filter]
    return list(dict.fromkeys(arms))


def build(
    arm: Arm,
    host: str,
    classes: int,
    channels: int,
    *,
    width: int,
    small_images: bool,
    blur: bool,
    stem: str,
    relu_mid: bool,
    bn_mid: str,
) -> nn.Module:
    """The network of an arm, freshly initialised from torch's global generator.

    Arms with nine filters start from the same numbers as the dense host of the same seed.

    Args:
        arm: what it is.
        host, classes, channels, width, small_images, blur: as for :func:`~companion.edge_line.hosts.build_host`.
        stem: "learned" or "pfm" (the dense host keeps its own).
        relu_mid, bn_mid: of the modules.

    Returns:
        The network, (B, channels, H, W) -> (B, classes).
    """
    network = build_host(host, classes, channels=channels, width=width, small_images=small_images, blur=blur)
    if arm.dense:
        return network
    return with_filters(
        network,
        partial(filter_set, arm.bank, arm.n_filters),
        stem=stem,
        mode=arm.mode,
        relu_mid=relu_mid,
        bn_mid=bn_mid,
        trainable_kernels=arm.family == "learned",
    )
