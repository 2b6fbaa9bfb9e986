"""The activation with two slopes: exactness, gradients, transformations of PyTorch, and the traps beside it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from companion.errors import CompanionError
from companion.proxygrad import AsymmetricLeakyReLU, asymmetric_leaky_relu
from companion.proxygrad.activation import ProxyLeakyReLU
from companion.sugar import sugar_relu

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def sample(dtype=torch.float64, count=2000):
    x = 4 * torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.cat([x, torch.tensor([0.0, -0.0, 1e-30, -1e-30])]).to(dtype)


def value_and_gradient(function, z, upstream=None):
    z = z.detach().requires_grad_()
    y = function(z)
    (gradient,) = torch.autograd.grad(y, z, torch.ones_like(y) if upstream is None else upstream)
    return y.detach(), gradient


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("a_f", [0.0, 0.01, 0.3])
def test_the_forward_pass_is_leaky_relu_bit_for_bit_whatever_the_backward_slope(a_f, dtype):
    z = sample(dtype)
    reference = F.relu(z) if a_f == 0 else F.leaky_relu(z, a_f)
    for a_b in (0.0, 0.1, 1.0):
        for form in ("function", "formula"):
            assert torch.equal(asymmetric_leaky_relu(z, a_f, a_b, form), reference)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_gradient_is_upstream_times_one_or_the_backward_slope(dtype):
    z = sample(dtype)
    upstream = torch.randn(len(z), generator=torch.Generator().manual_seed(1)).to(dtype)
    _, gradient = value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.25), z, upstream)
    assert torch.equal(gradient, torch.where(z > 0, upstream, 0.25 * upstream))


@pytest.mark.parametrize(("a_f", "a_b"), [(0.0, 0.0), (0.0, 0.3), (0.01, 0.5), (0.2, 1.0)])
def test_the_function_and_the_detach_formula_agree_bit_for_bit_forward_and_backward(a_f, a_b):
    z = sample()
    first = value_and_gradient(lambda x: asymmetric_leaky_relu(x, a_f, a_b), z)
    second = value_and_gradient(lambda x: asymmetric_leaky_relu(x, a_f, a_b, "formula"), z)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_gradcheck_passes_for_equal_slopes_and_fails_for_different_ones():
    z = torch.tensor([-2.0, -0.5, 0.7, 1.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: asymmetric_leaky_relu(x, 0.3, 0.3), z)
    assert not torch.autograd.gradcheck(lambda x: asymmetric_leaky_relu(x, 0.0, 0.3), z, raise_exception=False)


def test_at_zero_and_minus_zero_the_gradient_is_the_backward_slope():
    zero = torch.tensor([0.0, -0.0], dtype=torch.float64)
    assert value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.3), zero)[1].tolist() == [0.3, 0.3]
    assert value_and_gradient(lambda x: F.leaky_relu(x, 0.3), zero)[1].tolist() == [0.3, 0.3]
    assert value_and_gradient(F.relu, zero)[1].tolist() == [0.0, 0.0]


def test_sugar_with_leaky_relu_is_the_special_case_of_a_relu_forward():
    z = sample(torch.float32)
    first = value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.2), z)
    second = value_and_gradient(lambda x: sugar_relu(x, "leaky_relu", alpha=0.2), z)
    assert torch.equal(first[0], second[0])
    torch.testing.assert_close(first[1], second[1])


def test_setting_the_slope_of_leaky_relu_between_the_passes_changes_nothing():
    leaky = nn.LeakyReLU(0.0)
    z = torch.tensor([-2.0], requires_grad=True)
    y = leaky(z)
    leaky.negative_slope = 0.3
    y.backward()
    assert z.grad.item() == 0.0


def test_what_is_kept_for_the_backward_pass_is_the_output_itself_so_that_it_costs_no_memory():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        y = asymmetric_leaky_relu(torch.randn(10, requires_grad=True), 0.0, 0.3)
    assert kept == [y.data_ptr()]


def test_overflow_keeps_its_sign_and_gives_no_nan():
    z = torch.tensor([float("inf"), -float("inf")])
    y, gradient = value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.3), z)
    assert y.tolist() == [float("inf"), 0.0]
    assert gradient.tolist() == pytest.approx([1.0, 0.3])


def test_a_tensor_of_slopes_gives_every_image_its_own():
    slopes = torch.tensor([0.0, 0.1, 1.0], dtype=torch.float64)
    z = sample()[:12].view(3, 2, 2)
    for module in (AsymmetricLeakyReLU(0.0, slopes), ProxyLeakyReLU(slopes)):
        together = value_and_gradient(module, z)
        for k, slope in enumerate(slopes.tolist()):
            alone = value_and_gradient(type(module)(backward_slope=slope), z[k : k + 1])
            torch.testing.assert_close(together[0][k : k + 1], alone[0])
            torch.testing.assert_close(together[1][k : k + 1], alone[1])


@pytest.mark.parametrize("a_b", [0.3, torch.tensor(0.3, dtype=torch.float64)], ids=["number", "tensor"])
def test_it_works_under_grad_vmap_and_functional_call(a_b):
    z = sample()[:40].view(4, 10)
    gradients = torch.func.vmap(torch.func.grad(lambda x: asymmetric_leaky_relu(x, 0.0, a_b).sum()))(z)
    assert torch.equal(gradients, torch.where(z > 0, torch.ones_like(z), torch.full_like(z, 0.3)))
    slopes = torch.tensor([0.0, 0.1, 0.5, 1.0], dtype=torch.float64)

    def one(x, a):
        return asymmetric_leaky_relu(x, 0.0, a).sum()

    stacked = torch.func.vmap(torch.func.grad(one))(z, slopes)
    assert torch.equal(stacked, torch.where(z > 0, torch.ones_like(z), slopes[:, None].expand_as(z)))


def test_the_jacobian_of_the_local_reading_is_diagonal_with_both_slopes():
    z = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda x: asymmetric_leaky_relu(x, 0.0, 0.2))(z)
    assert jacobian.tolist() == [[0.2, 0.0], [0.0, 1.0]]


def test_a_second_derivative_flows_through_the_upstream_gradient_alone():
    z = torch.tensor([-1.0, 2.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(asymmetric_leaky_relu(z, 0.0, 0.5).square().sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    assert second.tolist() == [0.5, 2.0]  # d/dz of 2 y(z) s: 2 s times the injected slope s


def test_it_compiles_to_the_same_values_and_gradients():
    module = AsymmetricLeakyReLU(0.0, 0.3)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    z = sample(torch.float32)
    for one, other in zip(value_and_gradient(module, z), value_and_gradient(compiled, z), strict=True):
        assert torch.equal(one, other)


def test_mixed_precision_keeps_the_type_of_the_layer_before():
    network = nn.Sequential(nn.Linear(4, 3), AsymmetricLeakyReLU(0.0, torch.full((5,), 0.3)), nn.Linear(3, 1))
    with torch.autocast("cpu", torch.bfloat16):
        y = network[:2](torch.randn(5, 4))
        loss = network(torch.randn(5, 4)).float().sum()
    assert y.dtype == torch.bfloat16
    loss.backward()
    assert network[0].weight.grad.dtype == torch.float32


def test_it_is_active_in_evaluation_mode_too():
    module = AsymmetricLeakyReLU(0.0, 0.3).eval()
    assert value_and_gradient(module, torch.tensor([-1.0]))[1].tolist() == pytest.approx([0.3])


@pytest.mark.parametrize("a_f", [-0.1, torch.tensor(0.1), float("nan")])
def test_a_forward_slope_that_hides_the_sign_is_refused(a_f):
    with pytest.raises(CompanionError, match="at least 0"):
        AsymmetricLeakyReLU(a_f, 0.3)


@pytest.mark.gpu
def test_the_gpu_computes_what_the_cpu_computes():
    z = sample(torch.float32)
    here = value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.3), z)
    there = value_and_gradient(lambda x: asymmetric_leaky_relu(x, 0.0, 0.3), z.cuda())
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
