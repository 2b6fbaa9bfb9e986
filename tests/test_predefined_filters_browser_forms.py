"""The closed forms of predefined_filters that the page computes equal the package: the page's own JavaScript is run."""

import pytest
import torch
from page_forms import form, readout

from companion.predefined_filters import (
    dense_cost,
    filter_bank,
    lines_seen,
    pfnet_cost,
    responses,
    singular_values,
    span,
    subsampled,
    two_lines,
)


@pytest.mark.parametrize(
    ("families", "n_angles", "sigma_edge", "sigma_line", "pairs"),
    [
        ("edge+line", 4, 0.9, 0.45, True),
        ("edge", 7, 0.3, 0.45, True),
        ("line", 16, 0.9, 2.0, True),
        ("edge+line", 3, 3, 0.2, False),
    ],
)
def test_the_bank_its_singular_values_and_its_span(families, n_angles, sigma_edge, sigma_line, pairs):
    widths = {"n_angles": n_angles, "sigma_edge": sigma_edge, "sigma_line": sigma_line}
    drawn = form("filter_bank", families=families, pairs=pairs, **widths)
    bank = filter_bank(families.split("+"), signs="+-" if pairs else "+", dtype=torch.float64, **widths)
    shown = torch.tensor([tile["values"] for tile in drawn["panels"][0]["tiles"]], dtype=torch.float64)
    assert torch.allclose(shown, bank, atol=1e-12)
    spectrum = torch.tensor(drawn["panels"][1]["series"][0]["y"], dtype=torch.float64)
    expected = singular_values(bank)
    assert torch.allclose(spectrum[: len(expected)], expected, atol=1e-8)
    assert readout(drawn, "dimensions they span, of 9") == span(bank)
    assert readout(drawn, "kernels") == len(bank)


@pytest.mark.parametrize("rows", [(4, 9), (5, 10), (2, 12), (3, 9)])
def test_the_aliasing_demonstration(rows):
    drawn = form("aliasing", row_1=rows[0], row_2=rows[1], thickness=1)
    image = two_lines(rows)
    skips, maps = drawn["panels"][0]["tiles"], drawn["panels"][1]["tiles"]
    for blur in (False, True):
        shown = torch.tensor(skips[2 + blur]["values"], dtype=torch.float32)
        assert torch.allclose(shown, subsampled(image, blur)[0, 0], atol=1e-6)
    expected = responses(image, filter_bank())
    assert torch.allclose(torch.tensor([tile["values"] for tile in maps], dtype=torch.float32), expected, atol=1e-6)
    seen = lines_seen(expected, rows)
    assert readout(drawn, f"kernels that see line {rows[0]}") == seen[:, 0].sum()
    assert readout(drawn, f"kernels that see line {rows[1]}") == seen[:, 1].sum()
    assert readout(drawn, "kernels that see both") == seen.all(1).sum()


def test_the_aliasing_demonstration_says_in_words_which_lines_the_skip_sees():
    drawn = form("aliasing", row_1=4, row_2=9, thickness=1)
    assert readout(drawn, "skip without blur sees") == "line 4 only"
    assert readout(drawn, "skip with blur sees") == "both lines"
    assert readout(drawn, "kernels that see both") == 0


@pytest.mark.parametrize(
    ("width", "classes", "image_size", "stem", "f_stem", "blur"),
    [(64, 102, 224, "ImageNet", 16, True), (64, 10, 32, "CIFAR", 16, False), (16, 17, 65, "ImageNet", 1, True)],
)
def test_the_calculator_counts_as_the_package_does(width, classes, image_size, stem, f_stem, blur):
    values = {"width": width, "classes": classes, "image_size": image_size, "stem": stem}
    drawn = form("network_cost", f_stem=f_stem, blur=blur, learned_kernels=False, **values)
    widths = [width * m for m in (1, 2, 4, 8)]
    ours = pfnet_cost(classes, widths, stem=stem.lower(), image_size=image_size, stem_f=f_stem, blur=blur)
    dense = dense_cost(classes, widths, stem=stem.lower(), image_size=image_size)
    for name, cost in (("PFNet18", ours), ("dense twin", dense)):
        for label, number in (("learned numbers", cost.parameters), ("multiply-adds", cost.operations)):
            assert int(readout(drawn, f"{name}, {label}").replace("\u202f", "")) == number
    share = readout(drawn, "PFNet18's share of the learned numbers")
    assert share == pytest.approx(ours.parameters / dense.parameters)
