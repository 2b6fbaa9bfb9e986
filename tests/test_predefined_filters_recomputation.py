"""A module that makes its maps again computes what the module that keeps them computes, with half the memory."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.predefined_filters import PredefinedFilterModule, pfnet18


def twins(**switches) -> tuple[nn.Module, nn.Module]:
    """The same module keeping its maps, and making them again."""
    torch.manual_seed(0)
    keeping = PredefinedFilterModule(6, 5, **switches).double()
    with torch.no_grad():
        for parameter in keeping.norm_mid.parameters():
            parameter.uniform_(-0.5, 1.5)
    again = copy.deepcopy(keeping)
    again.recompute = True
    return keeping, again


def kept_numbers(forward) -> int:
    """Numbers that autograd keeps in different storages, those of parameters and buffers included."""
    storages = {}

    def note(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = (tensor, tensor.untyped_storage().nbytes() // 4)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        alive = forward()
    assert alive.requires_grad
    return sum(count for _, count in storages.values())


@pytest.mark.parametrize("f", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("mid_norm", ["affine", "plain"])
@pytest.mark.parametrize("trainable", [False, True])
def test_value_gradients_and_running_statistics_equal_those_of_the_module_that_keeps_its_maps(
    f, stride, mid_norm, trainable
):
    keeping, again = twins(f=f, stride=stride, mid_norm=mid_norm, trainable_kernels=trainable)
    x = torch.randn(4, 6, 9, 9, dtype=torch.float64)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = [module(images) for module, images in zip((keeping, again), inputs, strict=True)]
    torch.testing.assert_close(*outputs)
    upstream = torch.randn_like(outputs[0])
    for output in outputs:
        output.backward(upstream)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for (name, one), other in zip(keeping.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    for name, value in keeping.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], msg=name)


def test_the_gradient_agrees_with_finite_differences():
    _, again = twins(f=2, stride=2)
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(again, (x,), atol=1e-6)


def test_in_eval_mode_the_running_statistics_are_used_and_stay():
    keeping, again = twins()
    x = torch.randn(2, 6, 7, 7, dtype=torch.float64)
    torch.testing.assert_close(keeping.eval()(x), again.eval()(x))
    assert int(again.norm_mid.num_batches_tracked) == 0


def test_a_module_keeps_its_input_and_what_the_last_batch_norm_needs_and_nothing_else():
    torch.manual_seed(0)
    module = PredefinedFilterModule(16, 16, recompute=True)
    x = torch.randn(8, 16, 32, 32, requires_grad=True)
    kept = kept_numbers(lambda: module(x))
    module.recompute = False
    assert kept < 2.1 * x.numel()
    assert kept_numbers(lambda: module(x)) > 3.9 * x.numel()


def test_pfnet18_keeps_at_most_60_per_cent_and_takes_the_same_training_step():
    networks = []
    for recompute in (False, True):
        torch.manual_seed(3)
        networks.append(pfnet18(classes=5, stem="cifar", width=16, recompute=recompute).double())
    x, labels = torch.randn(6, 3, 16, 16, dtype=torch.float64), torch.arange(6) % 5
    for network in networks:
        F.cross_entropy(network(x), labels).backward()
    for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    x = torch.randn(16, 3, 32, 32)
    own = sum(p.numel() for p in networks[0].parameters())
    keeping, again = (kept_numbers(lambda n=network: n(x)) - own for network in (n.float() for n in networks))
    assert again <= 0.6 * keeping


def test_mixed_precision_works_as_in_the_module_that_keeps_its_maps():
    keeping, again = (module.float() for module in twins())
    x = torch.randn(4, 6, 9, 9)
    gradients = []
    for module in (keeping, again):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = module(x)
        assert y.dtype == torch.bfloat16
        y.float().square().sum().backward()
        gradients.append(module.pointwise.weight.grad)
    assert gradients[1].dtype == torch.float32
    torch.testing.assert_close(*gradients, rtol=0.1, atol=0.1 * float(gradients[0].abs().max()))


@pytest.mark.parametrize("switch", [{"mid_norm": "none"}, {"relu_mid": False}])
def test_without_batch_norm_or_relu_there_is_nothing_to_make_again(switch):
    with pytest.raises(ValueError, match="recompute=True needs the batch-norm and the ReLU"):
        PredefinedFilterModule(4, 4, recompute=True, **switch)
