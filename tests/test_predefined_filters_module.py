"""The pre-defined filter module: its identities, its gradients, and the ways PyTorch can run it."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from companion.predefined_filters import (
    Blur,
    FixedConvolution,
    PredefinedFilterModule,
    filter_bank,
    pfnet,
    trainable_parameters,
)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def small_network(**switches) -> nn.Module:
    torch.manual_seed(0)
    return pfnet(4, (16, 32), (1, 1), channels=1, **switches)


def test_intermediate_channel_j_reads_input_channel_j_div_f_through_kernel_j_mod_k(generator):
    bank, x = filter_bank(), torch.randn(1, 3, 6, 6, generator=generator)
    z = FixedConvolution(3, bank, f=16)(x)
    for j in (0, 5, 16, 31, 47):
        expected = F.conv2d(x[:, [j // 16]], bank[j % 16][None, None], padding=1)
        assert torch.allclose(z[:, [j]], expected, atol=1e-6)


def test_the_index_rule_holds_where_the_bank_does_not_divide_the_channels(generator):
    bank, x = filter_bank(("edge",), 5), torch.randn(1, 16, 6, 6, generator=generator)
    z = FixedConvolution(16, bank, f=1)(x)
    assert torch.allclose(z[:, [13]], F.conv2d(x[:, [13]], bank[13 % 10][None, None], padding=1), atol=1e-6)


def test_without_norm_and_relu_a_module_is_a_dense_convolution(generator):
    module = PredefinedFilterModule(32, 24, relu_mid=False, mid_norm="none", out_norm=False)
    x = torch.randn(2, 32, 9, 9, generator=generator)
    kernels = filter_bank()[torch.arange(32) % 16]
    dense = F.conv2d(x, module.pointwise.weight * kernels[None], padding=1)
    assert (module(x) - dense).abs().max() < 4e-6


def test_the_batch_norm_absorbs_the_scale_of_the_kernels(generator):
    torch.manual_seed(0)
    module = PredefinedFilterModule(16, 16)
    scaled = copy.deepcopy(module)
    scaled.fixed.kernels *= 7
    x = 10 * torch.randn(8, 16, 12, 12, generator=generator)  # so large that eps hardly matters
    assert (module(x) - scaled(x)).abs().max() < 1e-4


def test_the_sign_of_the_kernels_matters_unless_the_batch_norm_flips_too(generator):
    torch.manual_seed(0)
    module = PredefinedFilterModule(16, 16)
    module(torch.randn(4, 16, 8, 8, generator=generator))
    flipped = copy.deepcopy(module).eval()
    module.eval()
    x = torch.randn(4, 16, 8, 8, generator=generator)
    flipped.fixed.kernels.neg_()
    assert (flipped(x) - module(x)).abs().max() > 0.01
    flipped.norm_mid.weight.data.neg_()
    flipped.norm_mid.running_mean.neg_()
    assert torch.equal(flipped(x), module(x))


def test_in_the_stem_a_permutation_of_the_colours_is_a_permutation_of_the_1x1_weights(generator):
    stem = PredefinedFilterModule(3, 16, f=16, out_norm=False)
    x = torch.randn(2, 3, 8, 8, generator=generator)
    order = torch.tensor([2, 0, 1])
    permuted = copy.deepcopy(stem)
    permuted.pointwise.weight.data = stem.pointwise.weight.unflatten(1, (3, 16))[:, order].flatten(1, 2)
    assert (permuted(x[:, order]) - stem(x)).abs().max() < 1e-6


@pytest.mark.parametrize(("n_in", "n_out", "f"), [(3, 64, 16), (64, 64, 1), (64, 128, 1)])
def test_a_module_learns_2fn_plus_fnm_plus_2m_numbers(n_in, n_out, f):
    module = PredefinedFilterModule(n_in, n_out, f=f)
    assert trainable_parameters(module) == 2 * f * n_in + f * n_in * n_out + 2 * n_out


@pytest.mark.parametrize(("kind", "numbers"), [("affine", 32), ("plain", 0), ("none", 0)])
def test_the_mid_norm_is_affine_plain_or_absent(kind, numbers):
    module = PredefinedFilterModule(16, 8, mid_norm=kind, out_norm=False)
    assert trainable_parameters(module) == 16 * 8 + numbers
    assert isinstance(module.norm_mid, nn.Identity) == (kind == "none")


def test_frozen_kernels_are_buffers_and_bit_identical_after_training(generator):
    network = small_network()
    before = {n: b.clone() for n, b in network.named_buffers() if n.endswith("kernels")}
    assert not any(n.endswith("kernels") for n, _ in network.named_parameters())
    step(network, generator)
    after = dict(network.named_buffers())
    assert len(before) == 1 + 4 + 1  # stem, two blocks of two modules, one blur
    assert all(torch.equal(before[n], after[n]) for n in before)


def test_trainable_kernels_get_gradients_and_change(generator):
    network = small_network(trainable_kernels=True)
    kernels = {n: p for n, p in network.named_parameters() if n.endswith("kernels")}
    before = {n: p.detach().clone() for n, p in kernels.items()}
    step(network, generator)
    assert len(kernels) == 1 + 4
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in kernels.values())
    assert all(not torch.equal(before[n], p) for n, p in kernels.items())


def test_the_gradient_of_a_shared_kernel_is_the_sum_over_its_channels(generator):
    fixed = FixedConvolution(32, filter_bank(), trainable=True).double()
    x = torch.randn(2, 32, 5, 5, generator=generator, dtype=torch.float64)
    weight = fixed.weight().detach().requires_grad_()
    F.conv2d(x, weight, padding=1, groups=32).square().sum().backward()
    fixed(x).square().sum().backward()
    assert torch.allclose(fixed.kernels.grad, weight.grad.unflatten(0, (2, 16)).sum(0))


def test_the_blur_keeps_a_constant_inside_and_darkens_the_border():
    out = Blur(2)(torch.ones(1, 2, 6, 6))
    assert torch.allclose(out[..., 1:-1, 1:-1], torch.ones(1, 2, 4, 4))
    assert out[0, 0, 0, 0].item() == pytest.approx(0.30115924 + 2 * 0.12381027 + 0.05089992, abs=1e-6)


def test_functional_call_with_grad_and_vmap_over_stacked_networks_equals_the_single_network(generator):
    networks = [small_network(trainable_kernels=True).double() for _ in range(3)]
    for network in networks:
        nn.init.normal_(network.classifier.weight)
    parameters, buffers = torch.func.stack_module_state(networks)
    x = torch.randn(6, 1, 16, 16, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0, 1])

    def loss(p, b):
        return F.cross_entropy(torch.func.functional_call(networks[0], (p, b), (x,)), y)

    gradients = torch.func.vmap(torch.func.grad(loss))(parameters, buffers)
    for i, network in enumerate(networks):
        network.zero_grad()
        F.cross_entropy(network(x), y).backward()
        for name, parameter in network.named_parameters():
            assert torch.allclose(gradients[name][i], parameter.grad, atol=1e-10), name


def test_torch_compile_takes_the_network_as_one_graph(generator):
    network = small_network()
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 1, 16, 16, generator=generator)
    expected = copy.deepcopy(network)(x)
    assert torch.allclose(compiled(x), expected, atol=1e-5)


def test_mixed_precision_stays_near_single_precision(generator):
    network = small_network().eval()
    x = torch.randn(2, 1, 16, 16, generator=generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = network(x)
    assert half.dtype == torch.bfloat16
    assert (half.float() - network(x)).abs().max() < 0.05


def test_channels_last_gives_the_same_outputs_and_gradients(generator):
    network = small_network(trainable_kernels=True)
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    x = torch.randn(4, 1, 16, 16, generator=generator)
    network(x).square().sum().backward()
    last(x.to(memory_format=torch.channels_last)).square().sum().backward()
    for a, b in zip(network.parameters(), last.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-3, atol=1e-4)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"\(k, 3, 3\)"):
        FixedConvolution(3, torch.zeros(16, 1, 3, 3))
    with pytest.raises(ValueError, match="f is 0"):
        FixedConvolution(3, filter_bank(), f=0)
    with pytest.raises(ValueError, match="affine, plain, none"):
        PredefinedFilterModule(16, 16, mid_norm="batch")


def step(network: nn.Module, generator: torch.Generator) -> None:
    x = torch.randn(8, 1, 16, 16, generator=generator)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    F.cross_entropy(network(x), torch.arange(8) % 4).backward()
    optimiser.step()
