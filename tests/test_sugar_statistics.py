"""Dead units, activation counts, and loss slices of networks that are known in full."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from companion.sugar import SugarReLU, unit_statistics
from companion.sugar.landscape import filter_normalised_direction, loss_slice, plane_through
from companion.sugar.networks import vgg_mini
from companion.sugar.statistics import record_outputs


def three_units():
    """Unit 0 answers to positive x, unit 1 to everything, unit 2 is dead."""
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0], [0.0], [0.0]]))
        network[0].bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    return network


def test_counts_dead_units_and_zeros_are_those_of_the_hand_set_network():
    images = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    layer = unit_statistics(three_units(), images, batch=3)["1"]
    assert layer.counts.tolist() == [2, 4, 0]
    assert layer.dead == pytest.approx(1 / 3)
    assert layer.zeros == pytest.approx(6 / 12)


def test_the_histogram_places_units_by_the_share_of_images():
    images = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    counts, edges = unit_statistics(three_units(), images)["1"].histogram(4)
    assert counts.tolist() == [1, 0, 1, 1]
    assert edges.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_a_channel_is_alive_if_it_answers_anywhere():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    nn.init.ones_(network[0].weight)
    images = -torch.ones(2, 1, 3, 3)
    images[0, 0, 2, 1] = 1
    assert unit_statistics(network, images)["1"].counts.tolist() == [1]


def test_statistics_do_not_depend_on_the_batch_and_leave_the_mode():
    torch.manual_seed(0)
    network = vgg_mini(10, width=8, activation=SugarReLU).train()
    images = torch.randn(20, 3, 32, 32)
    one, other = unit_statistics(network, images, batch=20), unit_statistics(network, images, batch=7)
    assert list(one) == list(other)
    assert len(one) == 6
    assert all(torch.equal(one[name].counts, other[name].counts) for name in one)
    assert all(one[name].zeros == pytest.approx(other[name].zeros, abs=1e-6) for name in one)
    assert network.training


def test_a_shared_activation_is_recorded_once_for_each_call():
    shared = nn.ReLU()
    network = nn.Sequential(nn.Linear(2, 2), shared, nn.Linear(2, 2), shared)
    with record_outputs(network) as outputs:
        network(torch.ones(1, 2))
        network(torch.ones(1, 2))
    assert list(outputs) == ["1", "1 (2)"]


def test_a_network_without_activations_has_no_statistics():
    with pytest.raises(ValueError, match="no activation module"):
        unit_statistics(nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 2))


def weights_of(network):
    return {name: p.detach() for name, p in network.named_parameters()}


def test_every_filter_of_a_direction_has_the_norm_of_the_networks_filter():
    weights = weights_of(vgg_mini(10, width=8))
    direction = filter_normalised_direction(weights, torch.Generator().manual_seed(0))
    for name, d in direction.items():
        if d.ndim > 1:
            torch.testing.assert_close(d.flatten(1).norm(dim=1), weights[name].flatten(1).norm(dim=1))
        else:
            assert not d.any()


def test_both_solutions_lie_in_the_plane_and_its_axes_are_orthogonal_and_equally_long():
    torch.manual_seed(0)
    first, second = weights_of(vgg_mini(10, width=8)), weights_of(vgg_mini(10, width=8))
    along, across = plane_through(first, second, torch.Generator().manual_seed(0))
    for name in first:
        torch.testing.assert_close(first[name] + along[name], second[name])
    product = sum(float((along[n] * across[n]).sum()) for n in along)
    lengths = [sum(float(d.square().sum()) for d in axis.values()) for axis in (along, across)]
    assert abs(product) < 1e-4 * lengths[0]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-4)


def test_the_slice_takes_the_losses_of_both_solutions_at_their_places():
    torch.manual_seed(0)
    x, y = torch.randn(30, 4), torch.randint(3, (30,))
    make = lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))  # noqa: E731
    one, other = make(), make()
    origin = weights_of(one)
    axes = plane_through(origin, weights_of(other), torch.Generator().manual_seed(0))
    grid = torch.linspace(-1, 1, 5)
    found = loss_slice(one, origin, *axes, lambda logits: cross_entropy(logits, y), x, grid, grid)
    assert found.loss.shape == (5, 5)
    torch.testing.assert_close(found.loss[2, 2], cross_entropy(one(x), y).detach())
    torch.testing.assert_close(found.loss[2, 4], cross_entropy(other(x), y).detach())


def test_one_solution_spans_no_plane():
    weights = weights_of(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="the same point"):
        plane_through(weights, weights, torch.Generator())
