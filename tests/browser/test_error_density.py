"""The four linked panels with no kernel and no network, and the exact values that are readable beside them."""

import pytest
from explorer_samples import write_page

from companion.error_density.figures import four_panels
from companion.error_density.tables import controls, explorer_data
from companion.explorer import Choice, Explorer, Slider
from companion.records import published_records, table

pytestmark = pytest.mark.browser
ID = "error-density"
KINDS = {"choice": Choice, "slider": Slider}
PATHS = """node => [...node.querySelectorAll(':is(path, line, text)')].map(mark => mark.outerHTML).join('')"""
MOVE = """([node, value]) => { node.value = value;
    node.dispatchEvent(new Event(node.type === 'range' ? 'input' : 'change')); }"""


@pytest.fixture(scope="module")
def own_page(tmp_path_factory, served) -> str:
    """The explorer on a page of its own, with what is recorded of digits."""
    records = table(published_records(), experiment="error_density")
    data = explorer_data(records)
    folder = tmp_path_factory.mktemp("error_density")
    explorer = Explorer.from_form(
        "error_density",
        controls=[KINDS[kind](*given, **named) for kind, given, named in controls(data)],
        extra=data,
        title="One page",
        id=ID,
        fallback=four_panels(),
    )
    write_page(folder, [explorer])
    return served(folder).url


@pytest.fixture(params=["a page of its own", "the book"])
def url(request) -> str:
    """Where the explorer stands: alone, and in the built book."""
    if request.param == "a page of its own":
        return request.getfixturevalue("own_page")
    site, path = request.getfixturevalue("site"), "notebooks/error_density/idea.html"
    if not (site.folder / path).exists():
        pytest.fail(f"{path} is not in the built book: is it in _toc.yml?")
    return f"{site.url}/{path}"


def box_on(page, url: str):
    page.goto(url)
    box = page.locator(f"#explorer-{ID}")
    box.locator(".cx-panels path").first.wait_for(state="attached")
    return box


def set_to(box, name: str, wanted: float | str) -> None:
    """Bring a control to the grid value nearest to what is wanted, through the page's own inputs."""
    node = box.locator(f'.cx-control[data-control="{name}"] :is(input, select)')
    if node.evaluate("node => node.tagName") == "SELECT":
        node.select_option(label=str(wanted))
        return
    output = box.locator(f'.cx-control[data-control="{name}"] output')

    def value() -> float:
        return float(output.text_content().replace("\u202f", "").replace("−", "-"))

    low, high = 0, int(node.get_attribute("max"))
    while low < high:  # the grid ascends
        middle = (low + high) // 2
        box.page.evaluate(MOVE, [node.element_handle(), middle])
        low, high = (low, middle) if value() >= float(wanted) - 1e-9 else (middle + 1, high)
    box.page.evaluate(MOVE, [node.element_handle(), low])
    assert value() == pytest.approx(float(wanted), rel=1e-6)


def readouts(box) -> dict[str, str]:
    return dict(
        box.locator(".cx-readout").evaluate_all(
            "nodes => nodes.map(node => [node.querySelector('span').textContent, node.querySelector('b').textContent])"
        )
    )


def paths(box) -> list[str]:
    """What is drawn in each of the four panels."""
    panels = box.locator(".cx-panel")
    assert panels.count() == 4
    return [panels.nth(k).evaluate(PATHS) for k in range(4)]


def panels_moved_by(box, name: str, value: float | str) -> list[int]:
    """The numbers, from 1, of the panels that look different after the move."""
    before = paths(box)
    set_to(box, name, value)
    return [k for k, (one, other) in enumerate(zip(before, paths(box), strict=True), 1) if one != other]


def test_the_four_panels_are_linked_with_no_kernel_and_no_network(url, page, record_property):
    """`page` refuses every outside request, and a static page has no kernel."""
    box = box_on(page, url)
    moves = {"n": 200, "epsilon": 0.2, "E_min": 0.05, "permuted": 0.5, "pair": "0 vs 1", "a": 20, "model": "cells"}
    moved = {name: panels_moved_by(box, name, value) for name, value in moves.items()}
    # the number of samples sweeps the density, marks the curve and the rarity; labels move the kernel's a and curve
    assert moved["n"] == [1, 2, 3]
    assert moved["epsilon"] == [1, 3]
    assert moved["E_min"] == [1, 2, 3]
    assert moved["permuted"] == [2, 4]
    assert moved["pair"] == [2, 4]
    assert moved["a"] == [1, 2, 3, 4]
    assert set(moved["model"]) >= {1, 2, 3}
    assert box.locator(".cx-problem").text_content() == ""
    record_property("told", f"error_density: panels moved by each control {moved}")


def test_the_values_of_oracle_1_are_readable_on_the_page(url, page):
    box = box_on(page, url)
    for name, value in {"model": "Beta", "a": 9, "prior_mean": 0.9, "epsilon": 0.1}.items():
        set_to(box, name, value)
    shown = []
    for n in (0, 10, 100, 200):
        set_to(box, "n", n)
        shown.append(readouts(box))
    assert [one["mean error"] for one in shown[:3]] == ["0.90000000", "0.45000000", "0.08181818"]
    assert [one["bad share R"] for one in shown] == ["1 − 1.00·10^−9", "0.99996386", "0.22706741", "0.00075295"]
    assert shown[0]["n for R ≤ 1 %"] == "161"
    for name, value in {"a": 4.5, "epsilon": 0.05, "n": 100}.items():
        set_to(box, name, value)
    assert readouts(box)["bad share R"] == "0.31244771"
    assert readouts(box)["mean error"] == "0.04285714"


def test_random_networks_can_stand_in_for_a_model(own_page, page):
    box = box_on(page, own_page)
    set_to(box, "model", "random networks, 3 vs 8")
    set_to(box, "n", 10)
    shown = readouts(box)
    assert float(shown["mean error"]) == pytest.approx(0.27459, abs=0.006)  # the formula, with more networks
    set_to(box, "n", 100_000)
    assert readouts(box)["mean error"] == "too few networks left"


def test_a_screenshot_for_the_eye(own_page, page, artefacts):
    box_on(page, own_page)
    page.screenshot(path=artefacts / "error-density.png", full_page=True)
