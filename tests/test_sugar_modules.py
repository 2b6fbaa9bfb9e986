"""SugarReLU in whole networks: eval mode, state dicts, torchvision, shared modules, compilation."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from companion.sugar import SugarReLU, SurrogateActivation, functional_relus, replace_relu
from companion.sugar.networks import vgg16, vgg_mini


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def twins(make):
    torch.manual_seed(0)
    relu = make()
    return relu, replace_relu(copy.deepcopy(relu))


@pytest.mark.parametrize("arch", ["resnet18", "squeezenet1_1", "mobilenet_v3_small"])
def test_in_eval_mode_a_sugar_network_is_the_relu_network(arch):
    relu, sugar = twins(lambda: getattr(torchvision.models, arch)(num_classes=10))
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(relu.eval()(x), sugar.eval()(x))


def test_in_training_mode_the_logits_are_the_same_and_the_gradients_differ():
    relu, sugar = twins(lambda: vgg_mini(10, width=8))
    x = torch.randn(4, 3, 32, 32)
    first, second = relu(x), sugar(x)
    assert torch.equal(first, second)
    first.square().sum().backward()
    second.square().sum().backward()
    assert not torch.allclose(relu[0].weight.grad, sugar[0].weight.grad)


def test_the_state_dict_stays_as_it_was():
    relu, sugar = twins(lambda: torchvision.models.resnet18(num_classes=10))
    assert list(relu.state_dict()) == list(sugar.state_dict())
    assert parameters(relu) == parameters(sugar)
    relu.load_state_dict(sugar.state_dict())
    tensor_alpha = replace_relu(vgg_mini(10, width=8), "b_silu", alpha=torch.tensor(1.0))
    assert not [name for name in tensor_alpha.state_dict() if "alpha" in name]


def test_no_relu_is_left_and_none_works_in_place():
    with torch.device("meta"):
        network = replace_relu(torchvision.models.vgg11_bn())
    assert not [m for m in network.modules() if isinstance(m, nn.ReLU)]
    x = torch.randn(3, requires_grad=True)
    before = x.detach().clone()
    SugarReLU()(x)
    assert torch.equal(x.detach(), before)


def test_a_relu_shared_by_two_layers_stays_shared():
    shared = nn.ReLU(inplace=True)
    network = replace_relu(nn.Sequential(nn.Linear(2, 2), shared, nn.Linear(2, 2), shared))
    assert isinstance(network[1], SugarReLU)
    assert network[1] is network[3]


def test_a_residual_block_that_calls_one_relu_twice_back_propagates():
    network = replace_relu(torchvision.models.resnet18(num_classes=4))
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_a_network_that_is_itself_a_relu_is_replaced():
    assert isinstance(replace_relu(nn.ReLU(), "elu"), SugarReLU)


def test_the_mode_of_the_replaced_module_is_kept():
    assert not replace_relu(nn.Sequential(nn.ReLU()).eval())[0].training


def test_other_activations_can_be_exchanged():
    network = replace_relu(nn.Sequential(nn.Linear(2, 2), nn.GELU()), "nelu", 0.01, kinds=(nn.GELU,))
    assert isinstance(network[1], SugarReLU)
    assert network[1].alpha == 0.01


def test_a_network_without_relu_modules_is_refused_and_says_what_it_has():
    with pytest.raises(ValueError, match=r"Sequential holds no nn.ReLU .*Linear, Tanh"):
        replace_relu(nn.Sequential(nn.Linear(2, 2), nn.Tanh()))


class WithFunctionalReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.relu = nn.Linear(2, 2), nn.ReLU()

    def forward(self, x):
        return F.relu(self.relu(self.first(x)))


def test_relus_called_as_functions_are_named():
    with pytest.warns(UserWarning, match="WithFunctionalReLU calls ReLU as a function"):
        network = replace_relu(WithFunctionalReLU())
    assert functional_relus(network) == [""]
    assert functional_relus(replace_relu(torchvision.models.resnet18())) == []


def test_the_surrogate_as_activation_has_its_own_gradient():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SurrogateActivation("b_silu"), x)


def test_a_surrogate_without_value_cannot_be_an_activation_or_take_the_indirect_form():
    with pytest.raises(ValueError, match="no value"):
        SurrogateActivation(torch.ones_like)
    with pytest.raises(ValueError, match="use 'direct'"):
        SugarReLU(torch.ones_like, form="indirect")


def test_the_parameter_counts_are_those_of_the_sheet():
    with torch.device("meta"):
        assert parameters(vgg16(10)) == 14_728_266
        assert parameters(torchvision.models.vgg16_bn().features) == 14_723_136
        assert parameters(torchvision.models.vgg16().features) == 14_714_688
        assert parameters(vgg16(10, batch_norm=False)) == 14_714_688 + 5_130
        assert parameters(replace_relu(torchvision.models.resnet18(num_classes=10))) == 11_181_642
        assert parameters(torchvision.models.swin_t(num_classes=200)) == 27_673_154


@pytest.mark.parametrize(("classes", "count"), [(10, 11_173_962), (100, 11_220_132)])
def test_resnet18_with_the_stem_for_small_images_has_the_parameters_of_the_sheet(classes, count):
    with torch.device("meta"):
        network = torchvision.models.resnet18(num_classes=classes)
        network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    assert parameters(replace_relu(network)) == count


def test_vgg_mini_has_six_convolutions():
    convolutions = [m.out_channels for m in vgg_mini(10).modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [32, 32, 64, 64, 128, 128]


def steps(activation, count=5):
    torch.manual_seed(0)
    network = vgg_mini(10, width=8, activation=activation)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(8, 3, 32, 32, generator=generator)
        y = torch.randint(10, (8,), generator=generator)
        optimiser.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimiser.step()
    return network.state_dict()


@pytest.mark.parametrize("form", ["direct", "formula"])
def test_with_the_slope_of_relu_training_is_that_of_relu_bit_for_bit(form):
    relu, sugar = steps(nn.ReLU), steps(lambda: SugarReLU("relu", form=form))
    assert list(relu) == list(sugar)
    assert all(torch.equal(relu[name], sugar[name]) for name in relu)


def test_without_gradients_it_is_plain_relu():
    module = SugarReLU(lambda x: pytest.fail("the slope is not needed"))
    with torch.no_grad():
        assert torch.equal(module(torch.tensor([-1.0, 2.0])), torch.tensor([0.0, 2.0]))
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(module.eval()(x).sum(), x)
    assert gradient.tolist() == [0.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["direct", "formula"])
def test_a_compiled_network_without_graph_breaks_has_the_same_gradients(form):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 8), SugarReLU(form=form), nn.Linear(8, 2))
    x = torch.randn(5, 6)
    expected = torch.autograd.grad(network(x).square().sum(), list(network.parameters()))
    compiled = torch.compile(network, fullgraph=True)
    found = torch.autograd.grad(compiled(x).square().sum(), list(network.parameters()))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
