"""The networks of a run: loaded or trained once, then shared by its parts."""

from functools import cached_property

import torch
from torch import nn

from companion.experiment import Row
from companion.networks import seeded
from companion.progress import SILENT, Progress
from companion.proxygrad.activation import AsymmetricLeakyReLU
from companion.proxygrad.ascent import Ascent
from companion.proxygrad.declaration import ProxyGrad
from companion.proxygrad.networks import build_network, pretrained_resnet18
from companion.proxygrad.samples import ImageSample, image_sample, imagenet_sample, step_length
from companion.proxygrad.weight_training import TrainingReading, for_training
from companion.training import Diverged, Outcome, Settings, accuracy, train

__all__ = ["Networks"]


class Networks:
    """The data and the networks that the parameters declare.

    Args:
        parameters: the declaration.
        device: where they are.
    """

    def __init__(self, parameters: ProxyGrad, device: str = "cpu") -> None:
        self.parameters, self.device = parameters, device
        self._trained: dict[tuple[TrainingReading, float, int], tuple[nn.Module, Outcome]] = {}

    @cached_property
    def sample(self) -> ImageSample:
        """Training and test images."""
        p = self.parameters
        return image_sample(p.data, size=p.image_size, train_images=p.train_images, test_images=p.test_images,
                            split_seed=p.split_seed, device=self.device)  # fmt: skip

    @cached_property
    def space(self) -> ImageSample:
        """The input space in which images are optimised."""
        if self.parameters.target == "trained":
            return self.sample
        return imagenet_sample(self.parameters.image_size or 224, self.device)

    def target(self, seed: int, progress: Progress = SILENT) -> nn.Module:
        """The network that is looked into: trained as usual from a seed, or torchvision's."""
        if self.parameters.target == "imagenet":
            network = seeded(lambda: pretrained_resnet18(self.parameters.pretrained), seed)
            return network.to(self.device)
        return self.trained("local", self.parameters.a_f, seed, progress)[0]

    @property
    def architecture(self) -> str:
        """That of the network that is looked into."""
        return "resnet18" if self.parameters.target == "imagenet" else self.parameters.arch

    def target_seeds(self) -> range:
        """Seeds of the networks that are looked into; torchvision has but one."""
        first, count = self.parameters.seed, self.parameters.seeds
        return range(first, first + (count if self.parameters.target == "trained" else 1))

    def trained(
        self, reading: TrainingReading, slope: float, seed: int, progress: Progress = SILENT
    ) -> tuple[nn.Module, Outcome]:
        """A network trained in a reading with a backward slope, and how that went; equal seeds, equal starts."""
        key = (reading, slope, seed)
        if key not in self._trained:
            self._trained[key] = self._train(reading, slope, seed, progress)
        return self._trained[key]

    def _train(
        self, reading: TrainingReading, slope: float, seed: int, progress: Progress
    ) -> tuple[nn.Module, Outcome]:
        p, sample = self.parameters, self.sample
        C, H, _ = sample.train.shape[1:]
        network = seeded(lambda: build_network(p.arch, len(sample.classes), C, H, p.width), seed)
        network = network.to(self.device, memory_format=torch.channels_last)
        if p.a_f:
            network = with_forward_slope(network, p.a_f)
        settings = Settings(
            epochs=p.epochs, batch=p.batch, optimiser=p.optimiser, learning_rate=p.learning_rate,
            weight_decay=p.weight_decay, schedule=p.rate_schedule, augment=p.augment, order_seed=seed,
            evaluate_every=max(1, p.epochs // 5), mixed_precision=self.device.startswith("cuda"),
        )  # fmt: skip
        ordinary = reading == "local" and slope == p.a_f
        learner = network if ordinary else for_training(network, reading, slope)
        test = (sample.test, sample.test_labels)
        try:
            outcome = train(learner, sample.train, sample.train_labels, settings, test=test, progress=progress)
        except Diverged as diverged:  # the network as it was left counts
            outcome = diverged.outcome
            network.eval()
            outcome.test_accuracy = accuracy(network, *test)
            outcome.train_accuracy = accuracy(network, sample.train, sample.train_labels)
        return network.eval(), outcome

    def ascent(self, **changes: object) -> Ascent:
        """The settings of an ascent in this input space."""
        p, space = self.parameters, self.space
        shared = {"steps": p.steps, "eta": step_length(space, p.eta), "normalise": p.normalise}
        return Ascent(**(shared | {"low": space.low, "high": space.high} | changes))


def with_forward_slope(network: nn.Module, slope: float) -> nn.Module:
    """The network as a Leaky ReLU network: forward and backward slope a_f."""
    for parent in list(network.modules()):
        for name, child in parent._modules.items():
            if type(child) is nn.ReLU:
                parent._modules[name] = AsymmetricLeakyReLU(slope, slope)
    return network


def training_row(networks: Networks, reading: TrainingReading, slope: float, seed: int, progress: Progress) -> Row:
    """One row: a network trained in a reading with a slope."""
    p = networks.parameters
    _, outcome = networks.trained(reading, slope, seed, progress)
    return {
        "part": "training", "data": p.data, "reading": reading, "a_b": slope, "seed": seed,
        "arm": "ordinary" if reading == "local" and slope == p.a_f else f"{reading} {slope:g}",
        "test_accuracy": outcome.test_accuracy, "train_accuracy": outcome.train_accuracy,
        "curve_epoch": outcome.curves["epoch"], "curve_test_accuracy": outcome.curves.get("test_accuracy", []),
    }  # fmt: skip


def first_batch(networks: Networks, size: int = 64) -> torch.Tensor:
    """Some training images, to find out the shapes of layers."""
    shape = networks.space.train.shape[1:]
    images = networks.space.train[:size]
    return images if len(images) else torch.zeros(1, *shape, device=networks.device)
