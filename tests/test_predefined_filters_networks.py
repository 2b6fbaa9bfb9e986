"""PFNet18 and its dense twin: counts, shapes, the parity fingerprint, and equality with torchvision's ResNet18."""

import re
import subprocess
import sys

import pytest
import torch
import torchvision
from torch import nn

from companion.predefined_filters import (
    Blur,
    FixedConvolution,
    Skip,
    dense_cost,
    dense_twin,
    dense_twin18,
    filter_bank,
    measured_cost,
    pfnet,
    pfnet18,
    pfnet_cost,
    trainable_parameters,
)
from companion.predefined_filters.residual import Pointwise

PFNET18 = {10: 1417322, 100: 1463492, 101: 1464005, 102: 1464518, 196: 1512740, 200: 1514792, 1000: 1925192}
RESNET18 = {10: 11181642, 100: 11227812, 101: 11228325, 102: 11228838, 196: 11277060, 200: 11279112}


@pytest.mark.parametrize(("classes", "count"), PFNET18.items())
def test_pfnet18_learns_as_many_numbers_as_in_the_sheet(classes, count):
    with torch.device("meta"):
        assert trainable_parameters(pfnet18(classes)) == count
    assert pfnet_cost(classes).parameters == count == 1_412_192 + 513 * classes


@pytest.mark.parametrize(("classes", "count"), RESNET18.items())
def test_the_dense_twin_learns_as_many_numbers_as_resnet18(classes, count):
    with torch.device("meta"):
        assert trainable_parameters(dense_twin18(classes)) == count
    assert dense_cost(classes).parameters == count == 11_176_512 + 513 * classes


def test_the_parameters_of_pfnet18_split_as_in_the_sheet():
    learned = pfnet_cost(102).learned
    assert (learned["pointwise"], learned["norm"], learned["classifier"]) == (1_395_712, 16_480, 52_326)


def test_the_cifar_variants_learn_1417322_and_11173962_numbers():
    assert pfnet_cost(10, stem="cifar").parameters == 1_417_322
    assert dense_cost(10, stem="cifar").parameters == 11_173_962


def test_trainable_kernels_add_144_numbers_for_each_of_17_modules():
    assert pfnet_cost(10, trainable_kernels=True).parameters == 1_417_322 + 17 * 144
    with torch.device("meta"):
        network = pfnet18(10, trainable_kernels=True)
    assert trainable_parameters(network) == 1_417_322 + 17 * 144


def test_the_multiply_adds_at_224_pixels_are_those_of_the_sheet():
    operations = pfnet_cost(102).multiply_adds
    assert operations["pointwise"] == 244_056_064
    assert operations["fixed"] == 18_176_256
    assert operations["blur"] == 3_161_088
    assert operations["classifier"] == 52_224
    assert operations.total() == 265_445_632
    assert pfnet_cost(102, blur=False).operations == 262_284_544
    assert dense_cost(102).operations == 1_813_613_568


def test_the_multiply_adds_of_the_cifar_variants_are_those_of_the_sheet():
    assert pfnet_cost(10, stem="cifar", image_size=32).operations == 75_899_904
    assert dense_cost(10, stem="cifar", image_size=32).operations == 555_422_720


@pytest.mark.parametrize(
    ("stem", "width", "channels", "size"),
    [("imagenet", 64, 3, 224), ("cifar", 16, 3, 32), ("imagenet", 32, 1, 70), ("cifar", 16, 1, 17)],
)
@pytest.mark.parametrize("blur", [True, False])
def test_counting_by_formula_equals_counting_by_hooks(stem, width, channels, size, blur):
    widths, settings = [width * m for m in (1, 2, 4, 8)], {"stem": stem, "channels": channels, "blur": blur}
    with torch.device("meta"):
        networks = (
            pfnet18(7, width=width, **settings),
            pfnet18(7, width=width, trainable_kernels=True, **settings),
            dense_twin18(7, width=width, **settings),
        )
    formulas = (
        pfnet_cost(7, widths, image_size=size, **settings),
        pfnet_cost(7, widths, image_size=size, trainable_kernels=True, **settings),
        dense_cost(7, widths, image_size=size, **settings),
    )
    for network, formula in zip(networks, formulas, strict=True):
        measured = measured_cost(network, (channels, size, size))
        assert measured.learned == formula.learned
        assert measured.multiply_adds == formula.multiply_adds
        assert measured.parameters == trainable_parameters(network)


def test_the_stages_have_the_shapes_of_the_paper():
    with torch.device("meta"):
        network = pfnet18(102)
        x = network.stem(torch.zeros(1, 3, 224, 224))
        shapes = [tuple(x.shape[1:])]
        for stage in network.stages:
            x = stage(x)
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(64, 56, 56), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_the_blur_runs_at_the_input_resolution_and_the_stride_is_in_the_1x1_convolution():
    with torch.device("meta"):
        skips = [m for m in pfnet18(10).modules() if isinstance(m, Skip)]
    assert [(type(s[0]), s[0].stride, s[0].n_in, s[1].stride) for s in skips] == [
        (Blur, 1, n, (2, 2)) for n in (64, 128, 256)
    ]
    with torch.device("meta"):
        without = pfnet18(10, blur=False)
    assert not any(isinstance(m, Blur) for m in without.modules())


def test_the_parity_fingerprint_of_the_authors_network():
    network = pfnet18(10).double()
    fill(network)
    x = wave(2 * 3 * 64 * 64, lambda i: torch.sin(0.37 * i + 0.001 * i**1.5)).view(2, 3, 64, 64)
    pooled, logits = network.features(x), network(x)
    assert pooled.mean().item() == pytest.approx(0.813241, abs=1e-3)
    assert pooled.std().item() == pytest.approx(0.424427, abs=1e-3)
    assert pooled[0, :5].tolist() == pytest.approx([0.92722, 1.33923, 0.88102, 1.44380, 0.59699], abs=1e-3)
    expected = [-0.06877, -0.05386, -0.03537, -0.01453, 0.00727, 0.02859, 0.04801, 0.06425, 0.07621, 0.08312]
    assert logits[0].tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("size", [64, 75])
def test_the_dense_twin_without_blur_computes_what_torchvisions_resnet18_computes(size):
    theirs = torchvision.models.resnet18(num_classes=5).eval()
    ours = dense_twin18(5).eval()
    ours.load_state_dict(
        {_our_name(k): v for k, v in theirs.state_dict().items()},
    )
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_pytorchs_initialisation_has_std_0_0255_and_kaiming_normal_0_0625():
    torch.manual_seed(0)
    for init, std in (("pytorch", 0.0255), ("kaiming_normal", 0.0625)):
        pointwise = pfnet18(10, init=init).stages[3][1].unit1.pointwise.weight
        assert pointwise.shape == (512, 512, 1, 1)
        assert pointwise.std().item() == pytest.approx(std, rel=0.01)


def test_random_kernels_are_drawn_anew_for_each_module_and_one_bank_is_shared_otherwise():
    def banks(**switches):
        network = pfnet(4, (16,), (1,), **switches)
        return [m.kernels for m in network.modules() if isinstance(m, FixedConvolution)]

    random = banks(bank="random")
    assert [len(k) for k in random] == [16, 16, 16]
    assert not torch.equal(random[0], random[1])
    assert torch.equal(*banks(bank="edge+line")[:2])
    own = filter_bank(("edge",), 6)
    assert all(torch.equal(k[:, 0], own) for k in banks(bank=own))


def test_a_bank_given_as_a_function_is_called_once_for_each_module():
    calls = []
    pfnet(4, (16, 32), (1, 1), bank=lambda: calls.append(0) or filter_bank())
    assert len(calls) == 1 + 4


@pytest.mark.parametrize("maker", [pfnet, dense_twin])
def test_a_stage_less_network_and_unknown_switches_are_refused_with_what_is_allowed(maker):
    with pytest.raises(ValueError, match=r"imagenet.*cifar"):
        maker(4, (16,), (1,), stem="vgg")
    with pytest.raises(ValueError, match="pytorch and kaiming_normal"):
        maker(4, (16,), (1,), init="xavier")
    with pytest.raises(ValueError, match="one of each per stage"):
        maker(4, (16, 32), (1,))
    with pytest.raises(ValueError, match=r"edge\+line, edge, line, random"):
        pfnet(4, (16,), (1,), bank="gabor")


def test_the_method_works_in_a_bare_script_that_loads_no_notebook_library():
    script = (
        "import sys, torch; from companion.predefined_filters import pfnet18, filter_bank;"
        "assert filter_bank().shape == (16, 3, 3);"
        "assert pfnet18(classes=10, stem='cifar', width=16)(torch.zeros(2, 3, 32, 32)).shape == (2, 10);"
        "assert not {'pandas', 'matplotlib', 'ipywidgets', 'sklearn', 'pydantic'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def wave(n: int, function) -> torch.Tensor:
    return function(torch.arange(n, dtype=torch.float64))


@torch.no_grad()
def fill(network: nn.Module) -> None:
    """The weights of the parity fingerprint."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            scale = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.copy_(wave(layer.weight.numel(), lambda i: torch.sin(0.7 * i)).view_as(layer.weight) * scale)
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.copy_(wave(len(layer.weight), lambda i: 1 + 0.1 * torch.sin(i)))
            layer.bias.copy_(wave(len(layer.bias), lambda i: 0.1 * torch.cos(i)))


def _our_name(name: str) -> str:
    """torchvision's name of a weight of resnet18 -> ours."""
    rules = (
        (r"^conv1\.", "stem.0.0."),
        (r"^bn1\.", "stem.0.1."),
        (r"^fc\.", "classifier."),
        (r"^layer(\d)", lambda m: f"stages.{int(m[1]) - 1}"),
        (r"\.conv(\d)\.", r".unit\1.0."),
        (r"\.bn(\d)\.", r".unit\1.1."),
        (r"\.downsample\.", ".skip."),
    )
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def test_the_pointwise_convolution_of_a_skip_is_a_strided_1x1_convolution_also_with_channels_last():
    torch.manual_seed(0)
    own = Pointwise(8, 16, 2)
    plain = torch.nn.Conv2d(8, 16, 1, 2, bias=False)
    plain.load_state_dict(own.state_dict())
    for side in (7, 8, 48):
        x = torch.randn(4, 8, side, side)
        torch.testing.assert_close(own(x), plain(x))
    own = own.to(memory_format=torch.channels_last)
    x = torch.randn(10, 8, 48, 48).to(memory_format=torch.channels_last)
    for _ in range(20):  # the gradient of the plain one writes out of bounds here
        own(x).square().sum().backward()
    assert torch.isfinite(own.weight.grad).all()
