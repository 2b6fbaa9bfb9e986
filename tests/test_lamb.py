"""The authors' LAMB: golden values computed with their file, and what they imply."""

import pytest
import torch
from torch import Tensor

from companion.errors import CompanionError
from companion.optimisers import Lamb, make_optimiser


def steps(
    p: list[float], g: list[float], count: int, decay: float = 0.0, lr: float = 1e-3
) -> list[tuple[Tensor, float]]:
    """The parameter after every step with a constant gradient, and the trust ratio of that step."""
    weight = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    optimiser = Lamb([weight], lr=lr, weight_decay=decay)
    taken = []
    for _ in range(count):
        before = weight.detach().clone()
        weight.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        state = optimiser.state[weight]
        update = state["m"] / (state["v"].sqrt() + 1e-6) + decay * before
        after = weight.detach().clone()
        taken.append((after, float((before - after).norm() / (lr * update.norm()))))
    return taken


GOLDEN = {
    0.0: [
        ([2.99646447, 4.00353553], 1.11806934),
        ([2.99292843, 4.00707157], 0.83210694),
        ([2.98939189, 4.01060811], 0.71443179),
    ],
    1.0: [
        ([2.99504558, 3.99932639], 0.80400421),
        ([2.99005207, 3.99949882], 0.68927934),
        ([2.98509384, 4.00009245], 0.62444627),
    ],
}


@pytest.mark.parametrize("decay", GOLDEN)
def test_three_steps_give_the_golden_values_of_the_authors_file(decay):
    for (weight, trust), (golden_weight, golden_trust) in zip(
        steps([3, 4], [1, -1], 3, decay), GOLDEN[decay], strict=True
    ):
        torch.testing.assert_close(weight, torch.tensor(golden_weight, dtype=torch.float64), rtol=0, atol=6e-9)
        assert trust == pytest.approx(golden_trust, abs=6e-9)


def test_the_norm_of_a_tensor_is_clamped_at_ten():
    ((weight, trust),) = steps([30, 40], [1, -1], 1)
    torch.testing.assert_close(weight, torch.tensor([29.99292893, 40.00707107], dtype=torch.float64), rtol=0, atol=6e-9)
    assert trust == pytest.approx(2.23613869, abs=6e-9)


def test_a_tensor_of_zeros_takes_a_plain_step_with_trust_one():
    ((weight, trust),) = steps([0, 0], [1, -1], 1)
    torch.testing.assert_close(weight, torch.tensor([-0.00316218, 0.00316218], dtype=torch.float64), rtol=0, atol=6e-9)
    assert trust == pytest.approx(1.0)


@pytest.mark.parametrize(("p", "length"), [([3, 4], 5e-3), ([30, 40], 10e-3)])
def test_without_decay_the_step_length_is_the_rate_times_the_clamped_norm(p, length):
    ((weight, _),) = steps(p, [1, -1], 1)
    assert float((weight - torch.tensor(p)).norm()) == pytest.approx(length, rel=1e-9)


def test_a_gradient_a_thousand_times_as_large_takes_the_same_step():
    ((one, _),), ((thousand, _),) = steps([3, 4], [1, -1], 1), steps([3, 4], [1000, -1000], 1)
    start = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert float((one - thousand).norm() / (one - start).norm()) < 1e-4


def test_a_zero_gradient_moves_nothing_and_divides_by_nothing():
    ((weight, _),) = steps([3, 4], [0, 0], 1)
    assert weight.tolist() == [3, 4]


def test_a_parameter_without_gradient_is_left_alone():
    used, unused = (torch.ones(2, requires_grad=True) for _ in range(2))
    used.grad = torch.ones(2)
    Lamb([used, unused]).step()
    assert unused.tolist() == [1, 1]
    assert used.tolist() != [1, 1]


def test_the_closure_is_evaluated_with_gradients():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)

    def closure() -> Tensor:
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert Lamb([weight]).step(closure).item() == 25
    assert float(weight.norm()) < 5


def test_an_optimiser_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown optimiser 'lam'\. Did you mean 'lamb'\?"):
        make_optimiser("lam", [torch.ones(1, requires_grad=True)], 0.1)


@pytest.mark.parametrize("name", ["lamb", "adam", "sgd"])
def test_every_optimiser_goes_downhill(name):
    weight = torch.tensor([3.0, -4.0], requires_grad=True)
    optimiser = make_optimiser(name, [weight], 0.01)
    for _ in range(20):
        optimiser.zero_grad()
        (weight**2).sum().backward()
        optimiser.step()
    assert float((weight**2).sum()) < 25
