"""The kernels of predefined_filters: values, symmetries, spans (oracles of the fact sheet)."""

import pytest
import torch
import torch.nn.functional as F

from companion.predefined_filters import (
    filter_bank,
    filter_names,
    singular_values,
    smooth_kernel,
    span,
)

A, B, SIXTH, TWELFTH = 0.28586795, 0.10706602, 1 / 6, 1 / 12
P, Q = 0.14218937, 0.05390531
TABLE = {
    "e0": [[-SIXTH, 0, SIXTH]] * 3,
    "e45": [[-A, -B, 0], [-B, 0, B], [0, B, A]],
    "e90": [[-SIXTH] * 3, [0] * 3, [SIXTH] * 3],
    "e135": [[0, -B, -A], [B, 0, -B], [A, B, 0]],
    "l0": [[-TWELFTH, SIXTH, -TWELFTH]] * 3,
    "l45": [[-P, -Q, SIXTH], [-Q, SIXTH, -Q], [SIXTH, -Q, -P]],
    "l90": [[-TWELFTH] * 3, [SIXTH] * 3, [-TWELFTH] * 3],
    "l135": [[SIXTH, -Q, -P], [-Q, SIXTH, -Q], [-P, -Q, SIXTH]],
}
BANK = filter_bank()
POSITIVE = dict(zip(filter_names(signs="+"), filter_bank(signs="+", dtype=torch.float64), strict=True))


def cosine(a: str, b: str) -> float:
    return F.cosine_similarity(POSITIVE["+" + a].flatten(), POSITIVE["+" + b].flatten(), dim=0).item()


@pytest.mark.parametrize("name", TABLE)
def test_each_kernel_has_the_values_of_the_table(name):
    expected = torch.tensor(TABLE[name])
    at = filter_names().index("+" + name)
    assert (BANK[at] - expected).abs().max() < 1e-7
    assert (BANK[at - 1] + expected).abs().max() < 1e-7


def test_the_pool_is_ordered_by_family_then_angle_with_the_negative_first():
    expected = [s + n for n in TABLE for s in "-+"]
    assert list(filter_names()) == expected
    assert BANK.shape == (16, 3, 3)


def test_every_kernel_sums_to_zero_and_has_l1_norm_one():
    assert BANK.sum((1, 2)).abs().max() < 1e-7
    assert torch.allclose(BANK.abs().sum((1, 2)), torch.ones(16), atol=1e-7)


def test_the_squared_l2_norms_are_those_of_the_sheet():
    squared = {name: (k**2).sum().item() for name, k in POSITIVE.items()}
    for names, value in (
        (("+e0", "+e90"), 1 / 6),
        (("+e45", "+e135"), 0.20929351),
        (("+l0", "+l90"), 1 / 8),
        (("+l45", "+l135"), 0.13539210),
    ):
        for name in names:
            assert squared[name] == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("n_angles", [1, 2, 3, 4, 5, 8, 16])
def test_edges_are_odd_and_lines_are_even_at_every_angle(n_angles):
    edges, lines = filter_bank(("edge",), n_angles), filter_bank(("line",), n_angles)
    assert (edges.flip(1, 2) + edges).abs().max() < 1e-7
    assert (lines.flip(1, 2) - lines).abs().max() < 1e-7


def test_the_transpose_of_the_kernel_at_0_is_the_kernel_at_90_degrees():
    assert torch.allclose(POSITIVE["+e0"].T, POSITIVE["+e90"])
    assert torch.allclose(POSITIVE["+l0"].T, POSITIVE["+l90"])


def test_the_16_kernels_span_the_8_dimensions_of_all_zero_sum_kernels():
    assert span(BANK) == 8
    assert span(filter_bank(signs="+")) == 8
    assert span(torch.cat([BANK, smooth_kernel().float()[None]])) == 9


def test_the_singular_values_are_those_of_the_sheet():
    expected = [0.86537, 0.86537, 0.61771, 0.52829, 0.5, 0.36182, 0.05526, 0.05526, 0]
    values = singular_values(BANK)
    assert torch.allclose(values, torch.tensor(expected, dtype=torch.float64), atol=6e-6)
    positive = singular_values(filter_bank(signs="+"))
    assert torch.allclose(positive, values[:8] / 2**0.5, atol=1e-6)
    assert positive[0] / positive[-1] == pytest.approx(15.66, abs=0.005)


@pytest.mark.parametrize("n_angles", [4, 5, 7, 8, 16])
def test_edges_span_4_dimensions_and_lines_4_for_any_number_of_angles_from_4(n_angles):
    assert span(filter_bank(("edge",), n_angles)) == 4
    assert span(filter_bank(("line",), n_angles)) == 4


@pytest.mark.parametrize("n_angles", [1, 2, 3])
def test_fewer_than_4_angles_span_as_many_dimensions_as_there_are_angles(n_angles):
    assert span(filter_bank(("edge",), n_angles)) == n_angles
    assert span(filter_bank(("line",), n_angles)) == n_angles


def test_the_cosines_between_kernels_are_those_of_the_sheet():
    assert cosine("e0", "e45") == pytest.approx(0.7013, abs=5e-5)
    assert cosine("e0", "e90") == pytest.approx(0, abs=1e-12)
    assert cosine("l45", "l135") == pytest.approx(-0.4091, abs=5e-5)
    assert cosine("l0", "l45") == pytest.approx(0.1131, abs=5e-5)
    assert cosine("l0", "l90") == pytest.approx(0, abs=1e-12)
    edges, lines = (filter_bank((f,), dtype=torch.float64).flatten(1) for f in ("edge", "line"))
    assert (edges @ lines.T).abs().max() < 1e-15


def test_a_constant_image_gives_no_response_but_at_the_padded_border():
    image = torch.full((1, 1, 10, 10), 3.7)
    response = F.conv2d(image, BANK[:, None], padding=1)
    assert response[..., 1:-1, 1:-1].abs().max() < 2e-7
    assert response[..., 0, :].abs().max() > 0.1


def test_a_pair_of_opposite_kernels_keeps_the_linear_response_through_the_relu():
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    k = BANK[3][None, None]
    linear = F.conv2d(x, k, padding=1)
    assert torch.equal(F.relu(linear) - F.relu(F.conv2d(x, -k, padding=1)), linear)


def test_the_blur_kernel_has_the_values_of_the_sheet():
    corner, edge, centre = 0.05089992, 0.12381027, 0.30115924
    expected = torch.tensor([[corner, edge, corner], [edge, centre, edge], [corner, edge, corner]])
    assert (smooth_kernel() - expected).abs().max() < 1e-7
    assert smooth_kernel().sum() == pytest.approx(1)
    assert torch.equal(filter_bank(("smooth",))[0], smooth_kernel().float())


def test_random_kernels_are_uniform_on_minus_one_to_one_and_follow_their_generator():
    many = filter_bank(("random",), n_random=4000, generator=torch.Generator().manual_seed(1))
    assert many.abs().max() <= 1
    assert many.mean().abs() < 0.01
    assert many.var() == pytest.approx(1 / 3, abs=0.01)
    again = filter_bank(("random",), n_random=4000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(many, again)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"families": ("edges",)}, "edges.*edge, line, random, smooth"),
        ({"families": "edge"}, "sequence"),
        ({"families": ()}, "one or more"),
        ({"n_angles": 0}, "n_angles is 0"),
        ({"signs": "-"}, "signs is '-'"),
        ({"sigma_edge": 0.0}, "sigma is 0"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(arguments, words):
    with pytest.raises(ValueError, match=words):
        filter_bank(**arguments)
