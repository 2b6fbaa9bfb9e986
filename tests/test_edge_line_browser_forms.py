"""The closed forms of edge_line that the page computes equal the package: the page's own JavaScript is run."""

from typing import Any

import pytest
import torch
from page_forms import form, readout

from companion.edge_line import filter_set, hand_set_outputs, host_cost, set_names
from companion.predefined_filters import singular_values, span


def whole(text: str) -> int:
    return int(text.replace("\u202f", "").replace("−", "-"))


@pytest.mark.parametrize(
    ("family", "count"), [("edge+line", 9), ("edge+line", 32), ("edge", 32), ("line", 5), ("translating", 4)]
)
def test_the_page_shows_the_kernels_their_names_and_their_span(family, count):
    drawn = form("filter_set", family=family, n_filters=count)
    tiles, bank = drawn["panels"][0]["tiles"], filter_set(family, count, dtype=torch.float64)
    assert [tile["label"].replace("−", "-") for tile in tiles] == list(set_names(family, count))
    assert torch.allclose(torch.tensor([tile["values"] for tile in tiles], dtype=torch.float64), bank, atol=1e-12)
    spectrum = torch.tensor(drawn["panels"][1]["series"][0]["y"], dtype=torch.float64)
    expected = singular_values(bank)
    assert torch.allclose(spectrum[: len(expected)], expected, atol=1e-8)
    assert readout(drawn, "dimensions they span, of 9") == span(bank)


def test_random_kernels_of_the_page_have_l1_norm_1_span_nine_dimensions_and_depend_on_the_seed():
    drawn = [form("filter_set", family="random", n_filters=9, seed=seed) for seed in (0, 1)]
    banks = [torch.tensor([tile["values"] for tile in one["panels"][0]["tiles"]]) for one in drawn]
    assert torch.allclose(banks[0].abs().sum((1, 2)), torch.ones(9))
    assert readout(drawn[0], "dimensions they span, of 9") == 9
    assert not torch.allclose(banks[0], banks[1])


def test_there_are_only_nine_shifts():
    assert readout(form("filter_set", family="translating", n_filters=20), "filters") == 9


@pytest.mark.parametrize("host", ["ResNet18", "DenseNet121"])
@pytest.mark.parametrize(
    ("n_filters", "mode", "bn_mid", "classes"),
    [(9, "every filter", "none", 102), (4, "every filter", "affine", 10), (16, "one filter", "affine", 200)],
)
def test_the_calculator_counts_as_the_package_does(host, n_filters, mode, bn_mid, classes):
    drawn = form("filter_parameters", host=host, n_filters=n_filters, mode=mode, bn_mid=bn_mid, classes=classes)
    cost = host_cost(host.lower(), classes)
    mode = "all_filters" if mode == "every filter" else "one_filter"
    learned = cost.parameters(n_filters, mode, bn_mid)
    assert whole(readout(drawn, "learned with fixed filters")) == learned
    assert whole(readout(drawn, "learned by the dense host")) == cost.dense_parameters
    assert whole(readout(drawn, "difference")) == learned - cost.dense_parameters
    assert whole(readout(drawn, "numbers in the largest intermediate map")) == cost.intermediate(n_filters, mode)
    share = cost.operations(n_filters, mode) / cost.dense_operations
    assert readout(drawn, "multiply-adds, of the dense host's") == pytest.approx(share)


def images_and_points(drawn: dict[str, Any]) -> tuple[torch.Tensor, list[list[float]]]:
    images = torch.tensor([tile["values"] for tile in drawn["panels"][0]["tiles"][:4]], dtype=torch.float32)
    points = [[x, y] for cloud in drawn["panels"][1]["series"][:2] for x, y in zip(cloud["x"], cloud["y"], strict=True)]
    return images[:, None], points


def test_the_hand_set_weights_are_right_on_every_image_that_the_page_draws():
    drawn = form("oriented_dashes", angle=-45, seed=3)
    assert readout(drawn, "images on the right side") == 1
    images, points = images_and_points(drawn)
    assert len(points) == 200
    outputs = hand_set_outputs(images)
    differences = [x - y for x, y in points]
    assert all(any(abs(output - one) < 1e-3 for one in differences) for output in outputs.tolist())


def test_on_the_page_too_lines_without_relu_and_shifts_carry_no_orientation():
    _, points = images_and_points(form("oriented_dashes", angle=-45, relu=False))
    assert torch.tensor(points).abs().max() < 1e-9
    _, points = images_and_points(form("oriented_dashes", angle=-45, kernels="shifts"))
    assert all(x == y for x, y in points)


def test_the_line_of_score_zero_is_drawn_where_both_responses_are_positive():
    crossing = form("oriented_dashes", angle=-45)["panels"][1]["series"]
    assert len(crossing) == 3
    assert crossing[2]["x"] == pytest.approx(crossing[2]["y"])
    assert len(form("oriented_dashes", angle=30)["panels"][1]["series"]) == 2
