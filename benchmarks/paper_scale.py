"""What the paper scale of each chapter asks for: networks, arithmetic and memory, counted; hours, estimated.

    python benchmarks/paper_scale.py      # benchmarks/results/paper_scale.md, which the page "At paper scale" shows

Nothing is trained. One training step of every network is traced on torch's meta device, which computes shapes and no
numbers: that gives its floating-point operations and the bytes that the backward pass needs. How many networks and
steps there are follows from the declared parameters.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.markdown import Markdown
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from companion.edge_line.arms import Arm
from companion.edge_line.arms import build as build_edge_line
from companion.edge_line.declaration import EdgeLine
from companion.edge_line.experiment import jobs as edge_line_jobs
from companion.few_data.declaration import FewData
from companion.networks import build
from companion.predefined_filters import dense_twin18, pfnet18
from companion.predefined_filters.arms import ARMS
from companion.predefined_filters.declaration import PredefinedFilters
from companion.proxygrad.declaration import ProxyGrad
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.records import write_atomically
from companion.sugar.arms import relu_arm
from companion.sugar.declaration import Sugar
from companion.sugar.experiment import all_arms, central_arms
from companion.sugar.networks import vgg16

TARGET = Path(__file__).parent / "results" / "paper_scale.md"
RATES = {224: 50e12, 96: 30e12, 48: 15e12, 0: 5e12}  # assumed operations a second, by least side of the images
FLOWERS_IMAGES = 2040  # training images of Flowers102 that are fitted: 20 of each of 102 classes


@dataclass(frozen=True)
class Work:
    """One line of the table.

    Attributes:
        chapter: the chapter.
        what: what is computed, in words.
        build: the network.
        shape: of one image (C, H, W).
        batch: images a step.
        networks: how many are trained (or looked into).
        images: images that pass forward and backward in all, over all networks and steps.
    """

    chapter: str
    what: str
    build: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    batch: int
    networks: int
    images: int


def all_work() -> Iterator[Work]:
    """The costly part of every chapter at paper scale."""
    yield few_data(FewData.at("paper"))
    yield from rare_bad_minima(RareBadMinima.at("paper"))
    yield from predefined_filters(PredefinedFilters.at("paper"))
    yield edge_line(EdgeLine.at("paper"))
    yield sugar(Sugar.at("paper"))
    yield from proxygrad(ProxyGrad.at("paper"))


def few_data(p: FewData) -> Work:
    """The learning curve, and networks on permuted labels."""
    sizes, classes = {*p.sizes, p.per_class}, len(p.classes)
    grid = [(classes * size, p.seeds * len(p.widths)) for size in sizes]
    fits = [*grid, (classes * p.per_class, p.permutations)]
    images = sum(count * n * p.epochs for n, count in fits)
    what = f"{p.arch} on motorbikes and airplanes, {p.epochs:,} epochs"
    network = lambda: build(p.arch, classes=classes, image_size=p.image_size)  # noqa: E731
    return Work("few_data", what, network, _square(p.image_size), p.batch, sum(count for _, count in fits), images)


def rare_bad_minima(p: RareBadMinima) -> Iterator[Work]:
    """The trained networks on photographs; the random perceptrons are in the text."""
    for arch in p.photo_archs:
        count = p.photo_runs * len(p.photo_per_class)
        images = sum(p.photo_runs * max(p.at_least, 100) * 2 * n for n in p.photo_per_class)
        network = lambda arch=arch: build(arch, classes=2, image_size=p.photo_size)  # noqa: E731
        what = f"{arch} on motorbikes and airplanes to zero training error (100 epochs assumed)"
        yield Work("rare_bad_minima", what, network, _square(p.photo_size), 64, count, images)


def predefined_filters(p: PredefinedFilters) -> Iterator[Work]:
    """PFNets and dense twins on Flowers102."""
    shape = _square(p.image_size)
    for dense, network in ((False, pfnet18), (True, dense_twin18)):
        count = p.seeds * sum(ARMS[arm].dense == dense for arm in p.arms)
        count += p.seeds * len(p.sizes) * sum(ARMS[arm].dense == dense for arm in p.curve_arms)
        what = f"{'ResNet18 and its blurred twin' if dense else 'PFNet18 and its variants'} on Flowers102"
        make = lambda network=network: network(102, width=p.width)  # noqa: E731
        yield Work("predefined_filters", what, make, shape, p.batch, count, count * p.steps * p.batch)


def edge_line(p: EdgeLine) -> Work:
    """ResNet18 with fixed filters, each channel meeting every filter, on Flowers102."""
    count = len(edge_line_jobs(p)) * p.seeds
    arm = Arm("edge+line", p.n_filters)
    switches = {"small_images": False, "blur": p.blur, "stem": p.stem, "relu_mid": p.relu_mid, "bn_mid": p.bn_mid}
    network = lambda: build_edge_line(arm, p.host, 102, 3, width=p.width, **switches)  # noqa: E731
    what = f"{p.host} with {p.n_filters} filters and its dense host on Flowers102"
    return Work("edge_line", what, network, _square(p.image_size), p.batch, count, count * p.steps * p.batch)


def sugar(p: Sugar) -> Work:
    """VGG16 with batch normalisation on all of CIFAR-10."""
    count = p.seeds * (len(all_arms(p)) + len(p.rates) * len(central_arms(p)))
    what = f"{p.arch} on CIFAR-10, all arms and learning rates, {p.epochs} epochs"
    network = lambda: vgg16(10, True, relu_arm().module)  # noqa: E731
    return Work("sugar", what, network, (3, 32, 32), p.batch, count, count * p.epochs * 50_000)


def proxygrad(p: ProxyGrad) -> Iterator[Work]:
    """Training with ProxyGrad, and ascents in torchvision's ResNet18."""
    shape = _square(p.image_size)
    count = p.train_seeds * (1 + len(p.train_slopes) + len(p.other_slopes))
    network = lambda: build("resnet18", classes=102, image_size=p.image_size)  # noqa: E731
    what = f"{p.arch} on Flowers102, every slope, {p.epochs} epochs"
    yield Work("proxygrad", what, network, shape, p.batch, count, count * p.epochs * FLOWERS_IMAGES)
    ascents = (p.classes + 4 * p.units) * p.starts * (1 + len(p.slopes))
    what = f"{ascents:,} ascents of {p.steps} steps in torchvision's ResNet18"
    yield Work("proxygrad", what, network, shape, p.batch, 1, ascents * p.steps)


def _square(side: int) -> tuple[int, int, int]:
    return (3, side, side)


def operations_and_memory(work: Work) -> tuple[float, float]:
    """Floating-point operations of one image's forward and backward pass, and the bytes of a training step.

    Bytes: what autograd keeps for a batch, and weights, gradients and two moments in float32.
    """
    kept: dict[int, int] = {}
    alive: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        alive.append(tensor)
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.device("meta"):
        network = work.build().train()
        images, labels = torch.empty(2, *work.shape), torch.zeros(2, dtype=torch.long)
        counter = FlopCounterMode(display=False)
        with counter, torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            cross_entropy(network(images), labels).backward()
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    return counter.get_total_flops() / 2, (sum(kept.values()) - weights) * work.batch / 2 + 4 * weights


def line_of(work: Work) -> str:
    """One line of the table."""
    operations, memory = operations_and_memory(work)
    total = operations * work.images
    rate = next(rate for side, rate in RATES.items() if work.shape[-1] >= side)
    hours = total / rate / 3600
    cells = (
        f"`{work.chapter}`",
        work.what,
        f"{work.networks:,}",
        f"{work.images / 1e6:,.1f}",
        f"{operations / 1e9:.2f}",
        f"{total / 1e15:,.0f}",
        f"{memory / 1e9:.1f}",
        f"{hours:.1f}" if hours >= 0.1 else f"{hours:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    head = (
        "chapter", "what", "networks", "million images", "GFLOP an image", "PFLOP in all", "GB a step",
        "hours (estimated)",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * (len(head) - 2)]
    lines += [line_of(work) for work in all_work()]
    write_atomically(TARGET, "\n".join(lines) + "\n")
    Console(width=180).print(Markdown(TARGET.read_text()))


if __name__ == "__main__":
    main()
