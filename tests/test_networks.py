"""The networks: weights counted, initial distributions, initial loss, batch statistics."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from companion.errors import CompanionError
from companion.networks import build, cnn, mlp, parameter_count, reestimate_batch_norm, resnet, seeded, vgg19

WEIGHTS = {  # for 100, 2 and 200 classes
    "resnet18": (11_227_812, 11_177_538, 11_279_112),
    "resnet101": (42_705_060, 42_504_258, 42_909_960),
    "vgg19_bn": (139_990_948, 139_589_442, 140_400_648),
    "vgg19": (139_979_940, 139_578_434, 140_389_640),
}


@pytest.mark.parametrize(
    ("arch", "classes", "weights"),
    [(arch, c, count) for arch, counts in WEIGHTS.items() for c, count in zip((100, 2, 200), counts, strict=True)],
)
def test_the_papers_networks_have_the_weights_of_the_sheet(arch, classes, weights):
    with torch.device("meta"):
        assert parameter_count(build(arch, classes=classes)) == weights


@pytest.mark.parametrize(("width", "weights"), [(4, 1_422), (16, 17_754), (48, 150_010)])
def test_the_small_cnn_has_the_weights_of_the_sheet(width, weights):
    assert parameter_count(cnn(width, classes=10)) == weights
    assert parameter_count(build("cnn", classes=10, channels=1, image_size=8, width=width)) == weights


def test_the_small_mlp_is_64_100_10():
    assert parameter_count(mlp((64, 100, 10))) == 64 * 100 + 100 + 100 * 10 + 10


def test_the_authors_cifar_resnet_has_11_173_962_weights():
    with torch.device("meta"):
        assert parameter_count(build("resnet18", classes=10, image_size=32)) == 11_173_962


@pytest.mark.parametrize(
    ("arch", "channels", "size", "width"),
    [
        ("cnn", 1, 8, 4), ("mlp", 3, 8, 20), ("resnet18", 3, 32, 1 / 8), ("resnet18", 1, 64, 1 / 8),
        ("resnet101", 3, 32, 1 / 8), ("vgg19_bn", 3, 32, 1 / 16), ("vgg19", 1, 64, 1 / 16),
    ],
)  # fmt: skip
def test_every_network_maps_images_to_one_logit_a_class(arch, channels, size, width):
    network = build(arch, classes=7, channels=channels, image_size=size, width=width)
    assert network(torch.randn(2, channels, size, size)).shape == (2, 7)


def test_half_the_width_has_about_a_quarter_of_the_weights():
    with torch.device("meta"):
        for arch in ("resnet18", "vgg19_bn"):
            ratio = parameter_count(build(arch, classes=10, width=1 / 2)) / parameter_count(build(arch, classes=10))
            assert ratio == pytest.approx(0.25, abs=0.01)


def test_small_images_meet_a_3x3_stem_without_pooling():
    small, large = (build("resnet18", classes=2, image_size=size, width=1 / 8) for size in (32, 64))
    assert small.conv1.kernel_size == (3, 3)
    assert small.conv1.stride == (1, 1)
    assert isinstance(small.maxpool, nn.Identity)
    assert large.conv1.kernel_size == (7, 7)
    assert isinstance(large.maxpool, nn.MaxPool2d)


@pytest.mark.parametrize("make", [lambda: resnet("resnet18", 10, width=1 / 2), lambda: vgg19(10, width=1 / 4)])
def test_convolutions_start_kaiming_normal_by_fan_out_without_bias(make):
    for convolution in (m for m in seeded(make, 0).modules() if isinstance(m, nn.Conv2d)):
        weight = convolution.weight
        fan_out = weight.shape[0] * weight[0, 0].numel()
        # the deviation of an estimated deviation is 1 / sqrt(2 n)
        tolerance = 5 / math.sqrt(2 * weight.numel())
        assert float(weight.std()) == pytest.approx(math.sqrt(2 / fan_out), rel=tolerance)
        assert convolution.bias is None or not convolution.bias.any()


def test_the_linear_layers_of_vgg_start_normal_with_deviation_0_01():
    network = seeded(lambda: vgg19(10, width=1 / 4), 0)
    for layer in (m for m in network.classifier if isinstance(m, nn.Linear)):
        assert float(layer.weight.std()) == pytest.approx(0.01, rel=0.05)
        assert not layer.bias.any()


def test_batch_normalisation_starts_with_weight_one_and_bias_zero():
    for norm in (m for m in build("resnet18", classes=2, width=1 / 8).modules() if isinstance(m, nn.BatchNorm2d)):
        assert bool((norm.weight == 1).all())
        assert not norm.bias.any()


def test_relu_modules_of_the_resnet_do_not_work_in_place():
    assert not any(m.inplace for m in build("resnet18", classes=2, width=1 / 8).modules() if isinstance(m, nn.ReLU))


@pytest.mark.parametrize("classes", [2, 100])
def test_the_initial_loss_of_a_resnet_lies_between_ln_c_and_ln_c_plus_0_7(classes):
    network = seeded(lambda: build("resnet18", classes=classes, image_size=32, width=1 / 2), 0)
    labels = torch.arange(40) % classes
    loss = float(cross_entropy(network(torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))), labels))
    assert math.log(classes) <= loss <= math.log(classes) + 0.7


@pytest.mark.parametrize("classes", [2, 100])
def test_the_initial_loss_of_a_vgg_lies_between_ln_c_and_ln_c_plus_0_15(classes):
    network = seeded(lambda: build("vgg19_bn", classes=classes, image_size=32, width=1 / 4), 0)
    labels = torch.arange(40) % classes
    loss = float(cross_entropy(network(torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))), labels))
    # an estimate, not a bound: the sign of the first hundredth is chance
    assert math.log(classes) - 0.01 <= loss <= math.log(classes) + 0.15


def test_dropout_is_off_by_default_and_half_when_asked():
    for asked in (0.0, 0.5):
        network = vgg19(2, width=1 / 16, dropout=asked)
        assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [asked, asked]
    assert all(m.p == 0 for m in build("vgg19_bn", classes=2, width=1 / 16).modules() if isinstance(m, nn.Dropout))


@pytest.mark.parametrize("arch", ["cnn", "resnet18", "resnet101"])
def test_a_network_without_dropout_layers_refuses_dropout(arch):
    with pytest.raises(CompanionError, match=f"'{arch}' has no dropout layers"):
        build(arch, classes=2, dropout=0.5)


def test_an_architecture_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown architecture 'resnet19'\. Did you mean 'resnet18'\?"):
        build("resnet19", classes=2)


def test_a_seed_fixes_the_initialisation_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second, other = (seeded(lambda: cnn(4, 10), seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first[0].weight, other[0].weight)


def test_only_trainable_parameters_are_counted_unless_all_are_asked_for():
    network = mlp((4, 3, 2))
    network[1].requires_grad_(False)
    assert parameter_count(network) == 3 * 2 + 2
    assert parameter_count(network, trainable=False) == 4 * 3 + 3 + 3 * 2 + 2


def test_reestimated_batch_statistics_are_those_of_the_training_set():
    images = 5 + 3 * torch.randn(64, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    network = nn.Sequential(nn.BatchNorm2d(2)).eval()
    reestimate_batch_norm(network, images, batch=16)
    torch.testing.assert_close(network[0].running_mean, images.mean((0, 2, 3)))
    torch.testing.assert_close(network[0].running_var, images.var((0, 2, 3)), rtol=0.02, atol=0)
    assert network[0].momentum == 0.1
    assert not network.training
