"""The closed forms of proxygrad that the page computes equal the package: the page's own JavaScript is run."""

from typing import Any

import pytest
import torch
from page_forms import form, forms, readout

from companion.proxygrad.mechanism_figures import from_numbers, one_input_networks
from companion.proxygrad.readings import gradient_of
from companion.proxygrad.toys import EdgeDetector, PolarityDetector, TwoHinges, climb_toy, dead_start, detector_start

DOUBLE = torch.float64
NETWORKS = one_input_networks((1, 3), 2)


def series(panel: dict[str, Any], name: str) -> tuple[list[float], list[float]]:
    found = next(one for one in panel["series"] if one["name"].startswith(name))
    return found["x"], found["y"]


TOYS = {
    "T1: a lone ReLU": (dead_start(), [-1.0], 2.0),
    "T2: the wrong maximum": (TwoHinges(2.0, 0.5), [-0.5], 2.0),
    "T4: the wrong edge": (PolarityDetector(2.0, 0.5), [[0.5, 0.0, -0.5]] * 3, 1.0),
}


def test_the_page_climbs_the_toys_as_the_package_does():
    settings = [(0.0, False), (0.2, False), (0.6, False), (0.6, True)]
    cases = [(toy, *one) for toy in TOYS for one in settings]
    shared = {"w1": 2.0, "w2": 0.5, "eta": 0.05, "steps": 150}
    calls = [
        shared | {"toy": t, "a_b": a, "normalise": n, "x0": -0.5 if t.startswith("T4") else TOYS[t][1][0]}
        for t, a, n in cases
    ]
    for (toy, a_b, normalise), drawn in zip(cases, forms("two_hinges", calls), strict=True):
        function, start, box = TOYS[toy]
        here = climb_toy(function, torch.tensor([start], dtype=DOUBLE), a_b, box=box, steps=150, normalise=normalise)
        page = torch.tensor(series(drawn["panels"][1], "gradient of the proxy")[1], dtype=DOUBLE)
        torch.testing.assert_close(page, here.values[:, 0], rtol=0, atol=1e-9)


def test_the_page_shows_the_threshold_of_the_second_toy():
    shared = {"toy": "T2: the wrong maximum", "w1": 3, "w2": 1, "x0": -0.5, "steps": 400}
    drawn = form("two_hinges", **shared, a_b=0.5)
    assert readout(drawn, "threshold w2 / w1") == pytest.approx(1 / 3)
    assert readout(drawn, "gradient at the start") == pytest.approx(0.5)
    slopes, ends = series(drawn["panels"][2], "f at the end")
    assert {end for slope, end in zip(slopes, ends, strict=True) if slope <= 0.30} == {2}
    assert {end for slope, end in zip(slopes, ends, strict=True) if slope >= 0.38} == {3}
    staged = form("two_hinges", **shared, a_b=0.5, two_stage=True)
    assert readout(staged, "f at the end") == 3


def test_the_page_evolves_the_image_of_the_detector_as_the_package_does():
    cases = [
        {"start": start, "noise": 3, "a_b": a_b, "eta": 0.1, "steps": 60, "normalise": normalise}
        for start in ("grey", "bright square", "dark square", "noise")
        for a_b, normalise in ((0.0, False), (0.1, False), (0.3, True))
    ]
    for case, drawn in zip(cases, forms("edge_detector", cases), strict=True):
        tiles = drawn["panels"][0]["tiles"]
        image = torch.tensor(tiles[0]["values"], dtype=DOUBLE)
        if case["start"] != "noise":
            assert torch.equal(image, detector_start(case["start"]))
        settings = {name: case[name] for name in ("eta", "steps", "normalise")}
        here = climb_toy(EdgeDetector(), image[None, None], case["a_b"], **settings)
        torch.testing.assert_close(torch.tensor(tiles[-1]["values"], dtype=DOUBLE), here.last[0, 0], rtol=0, atol=1e-9)
        page = torch.tensor(series(drawn["panels"][2], "chosen slope")[1], dtype=DOUBLE)
        torch.testing.assert_close(page, here.values[:, 0], rtol=0, atol=1e-9)


def test_the_noise_of_the_page_has_the_deviation_of_the_toy():
    drawn = form("edge_detector", start="noise", noise=1, a_b=0.1, steps=2)
    image = torch.tensor(drawn["panels"][0]["tiles"][0]["values"])
    assert float(image.std()) == pytest.approx(0.3, abs=0.05)
    assert float(image.mean()) == pytest.approx(0.0, abs=0.07)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_page_draws_a_deep_network_its_proxy_and_what_the_local_reading_climbs(depth):
    drawn = form("deep_landscape", {"networks": NETWORKS, "box": 3.0}, depth=depth, network=2, a_b=0.3, x0=-1.0)
    network = from_numbers(NETWORKS[str(depth)][1])
    x, f = (torch.tensor(v, dtype=DOUBLE) for v in series(drawn["panels"][0], "f,"))
    p = torch.tensor(series(drawn["panels"][0], "p,")[1], dtype=DOUBLE)
    torch.testing.assert_close(f, network(x[None, :, None], "proxy", 0.0)[0])
    torch.testing.assert_close(p, network(x[None, :, None], "proxy", 0.3)[0])
    local = torch.tensor(series(drawn["panels"][0], "integral")[1], dtype=DOUBLE)
    field = gradient_of(network, x[None, :, None], "local", 0.3)[0, :, 0]
    torch.testing.assert_close(local.diff(), 0.5 * (field[1:] + field[:-1]) * (x[1] - x[0]))
    if depth == 1:  # one layer of ReLUs: both readings climb the same
        torch.testing.assert_close(local.diff(), p.diff(), rtol=0, atol=0.05)


def test_the_numbers_handed_to_the_page_are_networks_of_one_input():
    assert [len(one) for one in NETWORKS["3"]] == [4, 4]
    assert [len(weights[0]) for weights, _ in NETWORKS["3"][0]] == [1, 8, 8, 8]
