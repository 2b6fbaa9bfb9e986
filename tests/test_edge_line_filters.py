"""Filter sets, the module and the hosts of edge_line: size, span, identities, parameter counts."""

import copy
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from companion.edge_line import (
    SETS,
    EdgeLineModule,
    build_host,
    filter_layers,
    filter_set,
    host_cost,
    set_names,
    shift_identity,
    three_by_three,
    with_filters,
)
from companion.edge_line.arms import Arm, build, dimensions
from companion.errors import CompanionError
from companion.predefined_filters import filter_bank, measured_cost, span, trainable_parameters

SPANS = {
    "edges, 2 angles, ±": (4, 2),
    "edges, 4 angles, ±": (8, 4),
    "edges, 8 angles, ±": (16, 4),
    "lines, 4 angles, ±": (8, 4),
    "lines, 8 angles, ±": (16, 4),
    "edges and lines, 2 angles each, ±": (8, 4),
    "edges and lines, 4 angles each, +": (8, 8),
    "edges and lines, 4 angles each, ±": (16, 8),
    "our nine": (9, 7),
    "nine shifts": (9, 9),
    "nine random": (9, 9),
}
RESNET18 = {1: 1463974, 2: 2684582, 4: 5125798, 8: 10008230, 9: 11228838, 12: 14890662, 16: 19773094}
DENSENET121 = {1: 5157862, 2: 5395430, 4: 5870566, 8: 6820838, 9: 7058406, 12: 7771110, 16: 8721382}


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def small(arm: Arm, **switches) -> nn.Module:
    torch.manual_seed(3)
    values = {"width": 8, "small_images": True, "blur": True, "stem": "learned", "relu_mid": True, "bn_mid": "none"}
    return build(arm, "small_resnet", 4, 1, **(values | switches))


@pytest.mark.parametrize("name", SETS)
def test_size_and_span_are_two_things(name):
    torch.manual_seed(0)
    bank = SETS[name]()
    assert (len(bank), span(bank)) == SPANS[name]


@pytest.mark.parametrize("family", ["edge+line", "edge", "line", "translating"])
def test_sets_are_nested_and_have_no_kernel_twice(family):
    full = filter_set(family, 9 if family == "translating" else 32)
    names = [set_names(family, n) for n in range(1, len(full) + 1)]
    assert all(set(few) < set(more) for few, more in pairwise(names))
    distances = torch.cdist(full.flatten(1), full.flatten(1)) + torch.eye(len(full))
    assert distances.min() > 0.01


@pytest.mark.parametrize("family", ["edge+line", "edge", "line", "random"])
def test_every_kernel_has_l1_norm_1_and_only_random_ones_a_mean(family):
    bank = filter_set(family, 16, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(bank.abs().sum((1, 2)), torch.ones(16))
    assert (bank.sum((1, 2)).abs().max() < 1e-6) == (family != "random")


def test_our_nine_are_four_signed_axis_edges_four_lines_and_a_diagonal_edge():
    assert set(set_names()) == {"+e0", "-e0", "+e90", "-e90", "+l0", "+l45", "+l90", "+l135", "+e45"}


def test_the_first_sixteen_are_the_sixteen_of_the_earlier_paper():
    ours = {tuple(kernel.flatten().tolist()) for kernel in filter_set("edge+line", 16)}
    assert ours == {tuple(kernel.flatten().tolist()) for kernel in filter_bank()}


def test_more_angles_make_a_set_larger_but_edges_and_lines_span_at_most_four_dimensions_each():
    for family, most in (("edge", 4), ("line", 4), ("edge+line", 8)):
        spans = [dimensions(family, n) for n in (1, 2, 4, 8, 16, 32)]
        assert spans == sorted(spans)
        assert spans[-1] == spans[-2] == most


def test_nine_shifts_stand_row_by_row():
    assert torch.equal(filter_set("translating").flatten(1), torch.eye(9))
    moved = F.conv2d(torch.eye(5)[None, None], filter_set("translating", 1)[:, None], padding=1)
    assert torch.equal(moved[0, 0, 1:], torch.eye(5)[:-1])  # "N" reads the pixel above


def test_unknown_families_and_impossible_sizes_are_named():
    with pytest.raises(ValueError, match="translating has 1 to 9"):
        filter_set("translating", 10)
    with pytest.raises(ValueError, match="edge\\+line, edge, line"):
        filter_set("edges")
    with pytest.raises(CompanionError, match="1 to 32"):
        Arm("edge", 33)
    with pytest.raises(CompanionError, match="dense"):
        Arm("densse")


def test_channel_c_meets_filter_i_in_intermediate_channel_c_times_n_plus_i(generator):
    bank, x = filter_set(), torch.randn(2, 3, 7, 7, generator=generator)
    z = EdgeLineModule(3, 4, bank, stride=2).fixed(x)
    for c in range(3):
        for i in (0, 4, 8):
            expected = F.conv2d(x[:, [c]], bank[i][None, None], stride=2, padding=1)
            assert torch.allclose(z[:, [9 * c + i]], expected, atol=1e-6)


def test_in_the_mode_one_filter_channel_c_meets_filter_c_mod_n(generator):
    bank, x = filter_set("edge", 2), torch.randn(2, 5, 7, 7, generator=generator)
    z = EdgeLineModule(5, 4, bank, mode="one_filter").fixed(x)
    assert torch.allclose(z[:, [3]], F.conv2d(x[:, [3]], bank[1][None, None], padding=1), atol=1e-6)


def test_nine_shifts_are_the_dense_convolution_where_the_input_is_not_negative(generator):
    assert shift_identity() < 2e-6
    dense = nn.Conv2d(6, 5, 3, padding=1, bias=False)
    module = EdgeLineModule(6, 5, filter_set("translating"), relu_mid=False)
    module.pointwise.weight.data = dense.weight.data.flatten(1)[:, :, None, None]
    x = torch.randn(2, 6, 9, 9, generator=generator)
    assert (module(x) - dense(x)).abs().max() < 1e-6  # without the ReLU for any input
    module.relu_mid = nn.ReLU()
    assert (module(x) - dense(x)).abs().max() > 0.3  # with it not


def test_pairs_of_opposite_kernels_give_back_the_linear_response(generator):
    x = torch.randn(1, 1, 8, 8, generator=generator)
    kernel = filter_set("edge", 1)[:, None]
    positive, negative = (F.conv2d(x, sign * kernel).relu() for sign in (1, -1))
    assert torch.allclose(positive - negative, F.conv2d(x, kernel), atol=1e-6)


@pytest.mark.parametrize("n_filters", RESNET18)
def test_parameters_of_resnet18_and_densenet121(n_filters):
    assert host_cost("resnet18", 102).parameters(n_filters) == RESNET18[n_filters]
    assert host_cost("densenet121", 102).parameters(n_filters) == DENSENET121[n_filters]


def test_each_filter_adds_1220608_numbers_to_resnet18_and_237568_to_densenet121():
    for host, increment in (("resnet18", 1_220_608), ("densenet121", 237_568)):
        cost = host_cost(host, 102)
        assert cost.parameters(5) - cost.parameters(4) == increment
        assert cost.parameters(9) == cost.dense_parameters == {"resnet18": 11_228_838, "densenet121": 7_058_406}[host]


@pytest.mark.parametrize("host", ["resnet18", "densenet121"])
@pytest.mark.parametrize(("n_filters", "switches"), [(9, {}), (4, {"bn_mid": "affine"}), (16, {"mode": "one_filter"})])
def test_the_formula_counts_what_the_built_network_has(host, n_filters, switches):
    with torch.device("meta"):
        network = with_filters(build_host(host, 102), filter_set("edge", n_filters), **switches)
    assert trainable_parameters(network) == host_cost(host, 102).parameters(n_filters, **switches)
    if host == "resnet18":
        cost = measured_cost(network)
        assert cost.operations == host_cost(host, 102).operations(n_filters, switches.get("mode", "all_filters"))


def test_an_affine_norm_in_the_middle_adds_61056_numbers_and_a_plain_one_none():
    cost = host_cost("resnet18", 102)
    assert cost.parameters(9, bn_mid="affine") - cost.parameters(9) == 61_056
    assert cost.parameters(9, bn_mid="plain") == cost.parameters(9)


def test_multiply_adds_of_resnet18_and_densenet121():
    resnet, densenet = host_cost("resnet18", 102), host_cost("densenet121", 102)
    assert resnet.operations(9) - resnet.dense_operations == 114_815_232
    assert densenet.operations(9) - densenet.dense_operations == 349_526_016
    shown = [f"{n / 1e9:.3f}" for n in (resnet.dense_operations, resnet.operations(9), resnet.operations(16))]
    assert shown == ["1.814", "1.928", "3.322"]
    shown = [f"{n / 1e9:.3f}" for n in (densenet.dense_operations, densenet.operations(9), densenet.operations(16))]
    assert shown == ["2.833", "3.183", "4.421"]


def test_a_pfm_stem_of_nine_filters_has_1728_weights_instead_of_9408():
    with torch.device("meta"):
        learned, fixed = (with_filters(build_host("resnet18", 102), stem=stem) for stem in ("learned", "pfm"))
    assert trainable_parameters(learned) - trainable_parameters(fixed) == 9408 - 1728


def test_all_3x3_convolutions_behind_the_stem_are_replaced_and_nothing_else():
    with torch.device("meta"):
        dense = build_host("densenet121", 10)
        ours = with_filters(copy.deepcopy(dense))
    assert len(three_by_three(dense)) == len(filter_layers(ours)) == 58
    assert three_by_three(ours) == []
    assert isinstance(ours.features.conv0, nn.Conv2d)


def test_networks_with_nine_filters_start_from_the_numbers_of_the_dense_host():
    host, ours = small(Arm("dense")), small(Arm("edge+line"))
    weights = [m.weight for m in host.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)][1:]
    for module, weight in zip(filter_layers(ours), weights, strict=True):
        assert torch.equal(module.pointwise.weight.flatten(1), weight.flatten(1))
    assert trainable_parameters(host) == trainable_parameters(ours)


def test_a_network_of_nine_shifts_is_the_dense_host(generator):
    x = torch.randn(5, 1, 12, 12, generator=generator)
    host, shifts = small(Arm("dense")), small(Arm("translating"))
    assert (host(x) - shifts(x)).abs().max() < 1e-5
    assert (host(x) - small(Arm("edge+line"))(x)).abs().max() > 0.01
    assert (host(x) - small(Arm("translating"), bn_mid="plain")(x)).abs().max() > 0.01  # the norm breaks it


def test_frozen_kernels_are_bit_identical_after_training_and_learned_ones_change(generator):
    for family, changes in (("edge+line", False), ("learned", True)):
        network = small(Arm(family))
        before = [module.fixed.kernels.detach().clone() for module in filter_layers(network)]
        loss = F.cross_entropy(network(torch.randn(8, 1, 8, 8, generator=generator)), torch.arange(8) % 4)
        loss.backward()
        torch.optim.SGD(network.parameters(), lr=0.1).step()
        after = [module.fixed.kernels for module in filter_layers(network)]
        assert all(torch.equal(a, b) != changes for a, b in zip(before, after, strict=True))
        assert any(name.endswith("kernels") for name, _ in network.named_parameters()) == changes


def test_random_filters_are_drawn_anew_for_every_layer_and_other_families_shared():
    kernels = [module.fixed.kernels for module in filter_layers(small(Arm("random")))]
    assert not torch.equal(kernels[0], kernels[1])
    kernels = [module.fixed.kernels for module in filter_layers(small(Arm("edge")))]
    assert torch.equal(kernels[0], kernels[-1])


def test_what_cannot_be_replaced_is_said():
    with pytest.raises(ValueError, match="no 3x3 convolution"):
        with_filters(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)))
    with pytest.raises(ValueError, match="plain convolutions"):
        with_filters(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, groups=4)))
    with pytest.raises(ValueError, match="all_filters and one_filter"):
        EdgeLineModule(4, 4, mode="both")
