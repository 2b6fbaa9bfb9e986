"""ReLU forward, f~ backward: exactness of the forms, their second derivatives, low precision, overflow."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, jacrev, vmap

from companion.sugar import PAPER_SURROGATES, SURROGATES, SugarReLU, bypass, multiplication_trick, sugar_relu

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
FORMS = ["direct", "formula", "indirect"]


def sample(dtype, count=20_000):
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(count, generator=generator, dtype=torch.float64)
    upstream = torch.randn(count, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_(), upstream.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PAPER_SURROGATES)
def test_the_forward_pass_is_relu_bit_for_bit(name, form, dtype):
    x, _ = sample(dtype)
    y = sugar_relu(x, name, form=form)
    assert y.dtype == dtype
    assert torch.equal(y, F.relu(x))
    assert (y[x < 0] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["direct", "formula"])
@pytest.mark.parametrize("name", PAPER_SURROGATES)
def test_the_direct_gradient_is_exactly_upstream_times_the_slope(name, form, dtype):
    x, upstream = sample(dtype)
    (gradient,) = torch.autograd.grad(sugar_relu(x, name, form=form), x, upstream)
    assert torch.equal(gradient, upstream * SURROGATES[name].slope(x.detach()))


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 9e-15), (torch.float32, 5e-6), (torch.float16, 4e-2), (torch.bfloat16, 3e-1)],
)
def test_the_indirect_gradient_has_the_rounding_of_autograd(dtype, tolerance):
    # the sheet's 9e-16 / 5e-7 / 4e-3 / 3e-2 are for gradients of size 1; upstream reaches 5 here
    x, upstream = sample(dtype)
    (gradient,) = torch.autograd.grad(sugar_relu(x, "b_silu", form="indirect"), x, upstream)
    error = (gradient - upstream * SURROGATES["b_silu"].slope(x.detach())).abs().max()
    assert float(error) <= tolerance


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_gradient_injection_agrees_exactly(dtype):
    # Otte 2024: fgi(x, fx, fdx) = x sg(fdx) - sg(x sg(fdx)) + sg(fx), written out anew
    x, upstream = sample(dtype, 200_000)
    slope = SURROGATES["b_silu"].slope(x)
    m = x * slope.detach()
    reference = m - m.detach() + F.relu(x).detach()
    y = sugar_relu(x, "b_silu")
    assert torch.equal(y, reference)
    (expected,) = torch.autograd.grad(reference, x, upstream)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    assert torch.equal(gradient, expected)


def test_bypass_has_the_value_of_one_and_the_gradient_of_the_other():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).requires_grad_()
    y = bypass(value=torch.sign(x), carrier=torch.tanh(x))
    assert torch.equal(y, torch.sign(x))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, 1 - torch.tanh(x.detach()) ** 2)


def test_the_other_order_of_the_sum_is_not_exact():
    # why the difference must come first: relu + m - sg(m) rounds
    x, _ = sample(torch.float32)
    m = x * SURROGATES["b_silu"].slope(x.detach())
    assert not torch.equal(F.relu(x).detach() + m - m.detach(), F.relu(x))
    assert torch.equal(multiplication_trick(x, F.relu(x), SURROGATES["b_silu"].slope(x.detach())), F.relu(x))


def test_gradcheck_fails_below_zero_by_design():
    module = SugarReLU("b_silu")
    below = torch.linspace(-3, -0.5, 6, dtype=torch.float64).requires_grad_()
    assert not torch.autograd.gradcheck(module, below, raise_exception=False)


def test_gradcheck_passes_for_the_function_whose_derivative_is_injected():
    x = torch.linspace(-3, 3, 8, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(SURROGATES["b_silu"], x)
    (injected,) = torch.autograd.grad(sugar_relu(x).sum(), x)
    (analytic,) = torch.autograd.grad(SURROGATES["b_silu"](x).sum(), x)
    torch.testing.assert_close(injected, analytic, rtol=0, atol=1e-14)


@pytest.mark.parametrize("form", ["direct", "formula"])
def test_the_direct_form_has_no_second_order_graph(form):
    x = torch.tensor([-0.5], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(sugar_relu(x, form=form).sum(), x, create_graph=True)
    assert float(first) == pytest.approx(0.652495, abs=5e-7)
    assert not first.requires_grad


def test_the_indirect_form_returns_the_second_derivative():
    x = torch.tensor([-0.5], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(sugar_relu(x, form="indirect").sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert float(first.detach()) == pytest.approx(0.652495, abs=5e-7)
    assert float(second) == pytest.approx(0.537349, abs=5e-7)


def test_the_operator_and_the_formula_have_the_same_hessian_of_a_network():
    torch.manual_seed(0)
    x = torch.randn(6, 4, dtype=torch.float64)
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), SugarReLU(), torch.nn.Linear(5, 2)).double()
    weights = dict(network.named_parameters())

    def hessian(form):
        network[1].form = form
        return jacrev(jacrev(lambda w: functional_call(network, w, (x,)).square().sum()))(weights)

    fused, formula = hessian("direct"), hessian("formula")
    for one in weights:
        for other in weights:
            torch.testing.assert_close(fused[one][other], formula[one][other])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinite_inputs_give_relu_and_finite_gradients(dtype, form):
    x = torch.tensor([-math.inf, -1.0, 2.0, math.inf], dtype=dtype, requires_grad=True)
    y = sugar_relu(x, "b_silu", form=form)
    assert torch.equal(y, F.relu(x))
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert torch.isfinite(gradient).all()


def test_infinite_inputs_get_the_limits_of_the_slope():
    x = torch.tensor([-math.inf, math.inf], requires_grad=True)
    (gradient,) = torch.autograd.grad(sugar_relu(x).sum(), x)
    assert gradient.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("form", FORMS)
def test_a_network_under_autocast_trains_in_low_precision(form):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 16), SugarReLU(form=form), torch.nn.Linear(16, 3))
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(torch.randn(5, 8)).float().square().mean()
    loss.backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in network.parameters())


def test_per_sample_gradients_by_vmap_equal_those_of_a_loop():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 6), SugarReLU(), torch.nn.Linear(6, 1)).double()
    weights = {name: p.detach() for name, p in network.named_parameters()}
    x = torch.randn(5, 4, dtype=torch.float64)

    def loss(w, one):
        return functional_call(network, w, (one[None],)).square().sum()

    together = vmap(grad(loss), in_dims=(None, 0))(weights, x)
    for k in range(len(x)):
        alone = grad(loss)(weights, x[k])
        for name in weights:
            torch.testing.assert_close(together[name][k], alone[name])


@pytest.mark.parametrize("form", FORMS)
def test_members_of_an_ensemble_may_differ_in_alpha(form):
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)
    alphas = torch.tensor([0.0, 1.67, 3.0], dtype=torch.float64)

    def injected(alpha):
        return grad(lambda z: sugar_relu(z, "b_silu", alpha, form=form).sum())(x)

    together = vmap(injected)(alphas)
    for alpha, row in zip(alphas, together, strict=True):
        torch.testing.assert_close(row, SURROGATES["b_silu"].slope(x, float(alpha)))


def test_the_operator_keeps_one_tensor_for_the_backward_pass():
    kept = []
    x = torch.randn(1000, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        sugar_relu(x)
    assert [t.numel() for t in kept] == [1000]


def test_an_unknown_form_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'direct'"):
        sugar_relu(torch.zeros(1), form="dirct")
