"""The networks of the chapter: many deep perceptrons as one tensor program, and VGGs for 32 x 32 images."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["StackedMLP", "vgg16", "vgg_mini"]

VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


class StackedMLP(nn.Module):
    """K perceptrons of one shape as one program: a batched matrix product a layer.

    Hidden weights are drawn from N(0, 2 / fan_in) (He et al. 2015), one CPU generator a seed, so that members with one
    seed start from the same weights whatever their activation. Output weights likewise; output biases are 0.

    Args:
        sizes: units of the input, the hidden layers and the output.
        seeds: one seed for each of the K members.
        activation: applied to [K, N, units] after every hidden layer; treats members separately.
        bias_init: initial bias of every hidden unit; -2 or -4 silences the network at the start.
        batch_norm: normalise every hidden unit over the batch, by member, before the activation.

    Shape:
        Input [K, N, inputs] (or [1, N, inputs] for all alike), output [K, N, classes].
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seeds: Sequence[int],
        activation: Callable[[Tensor], Tensor],
        bias_init: float = 0.0,
        batch_norm: bool = False,
    ):
        super().__init__()
        self.activation = activation
        self.batch_norm = batch_norm
        generators = {seed: torch.Generator().manual_seed(seed) for seed in dict.fromkeys(seeds)}
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            drawn = {s: torch.randn(fan_in, fan_out, generator=g) for s, g in generators.items()}
            weight = torch.stack([drawn[seed] for seed in seeds]) * (2 / fan_in) ** 0.5
            last = len(self.weights) == len(sizes) - 2
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.full((len(seeds), 1, fan_out), 0.0 if last else float(bias_init))))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[-1]

    def layers(self, x: Tensor) -> list[Tensor]:
        """The outputs of every hidden activation, and the logits last."""
        inputs, preactivations = self.signals(x)
        return [*inputs[1:], preactivations[-1]]

    def signals(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What enters each weight matrix, and what comes out before the activation (the logits last)."""
        K = self.weights[0].shape[0]
        inputs, preactivations = [x.expand(K, -1, -1)], []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            z = torch.baddbmm(bias, inputs[-1], weight)
            if len(preactivations) < len(self.weights) - 1:
                z = normalised(z) if self.batch_norm else z
                inputs.append(self.activation(z))
            preactivations.append(z)
        return inputs, preactivations

    def member(self, k: int) -> nn.Sequential:
        """Member k as an ordinary network of `nn.Linear` and `nn.ReLU`, with copies of its weights."""
        layers: list[nn.Module] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            linear = nn.Linear(*weight.shape[1:], device=weight.device)
            linear.load_state_dict({"weight": weight[k].detach().T, "bias": bias[k, 0].detach()})
            layers.append(linear)
            layers += [nn.BatchNorm1d(weight.shape[2], affine=False, track_running_stats=False)] * self.batch_norm
            layers.append(nn.ReLU())
        return nn.Sequential(*layers[: -2 if self.batch_norm else -1])


def normalised(z: Tensor) -> Tensor:
    """Zero mean and unit variance over the batch, for every member and unit of [K, N, units]; no running statistics."""
    return (z - z.mean(1, keepdim=True)) * (z.var(1, keepdim=True, unbiased=False) + 1e-5).rsqrt()


def vgg(
    plan: Sequence[int | str],
    classes: int,
    channels: int = 3,
    batch_norm: bool = True,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Convolutions 3 x 3 by plan ("M" is 2 x 2 max-pooling), then a linear layer on what is left.

    Convolutions are initialised with Kaiming normal (fan out, gain of ReLU) and zero bias, the linear layer with
    N(0, 0.01^2), as torchvision does.
    """
    features: list[nn.Module] = []
    for width in plan:
        if width == "M":
            features.append(nn.MaxPool2d(2))
            continue
        features.append(nn.Conv2d(channels, int(width), 3, padding=1))
        features += [nn.BatchNorm2d(int(width))] if batch_norm else []
        features.append(activation())
        channels = int(width)
    network = nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    for module in network:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
    return network


def vgg16(
    classes: int, batch_norm: bool = True, activation: Callable[[], nn.Module] = nn.ReLU, channels: int = 3
) -> nn.Sequential:
    """VGG-16 for 32 x 32 images: torchvision's `vgg16_bn` (or `vgg16`) features and one linear layer 512 -> classes.

    14,728,266 parameters with batch normalisation and 10 classes. The paper does not say which VGG-16 it used; this
    reading is inferred.
    """
    return vgg(VGG16, classes, channels, batch_norm, activation)


def vgg_mini(
    classes: int,
    batch_norm: bool = True,
    activation: Callable[[], nn.Module] = nn.ReLU,
    channels: int = 3,
    width: int = 32,
) -> nn.Sequential:
    """Six convolutions of w, w, 2w, 2w, 4w, 4w channels (w = `width`): a VGG for two CPU cores."""
    w = width
    return vgg((w, w, "M", 2 * w, 2 * w, "M", 4 * w, 4 * w, "M"), classes, channels, batch_norm, activation)
