"""The built book as its readers meet it: no kernel, no outside network, every control of every chapter moved."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawing import response_times

from companion.few_data import tables as few_data
from companion.predefined_filters import tables as predefined_filters
from companion.records import published_records, table
from companion.sugar import tables as sugar

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path.parent.name for path in (ROOT / "notebooks").glob("*/idea.ipynb"))
WELCOME = "book/welcome.html"

DRAWN = """node => JSON.stringify([...node.querySelectorAll('.cx-panels :is(path, rect, circle, text, image, canvas)')]
    .map(mark => mark.toDataURL ? mark.toDataURL() : mark.outerHTML))"""
MOVE = """([node, value]) => {
    if (node.type === 'checkbox') node.click();
    else { node.value = value; node.dispatchEvent(new Event(node.type === 'range' ? 'input' : 'change')); }
}"""
PLACES = """node => node.type === 'checkbox' ? [!node.checked]
    : node.tagName === 'SELECT' ? [...node.options].map(option => option.value)
    : [...new Set([Number(node.min), Math.round(node.max / 3), Math.round(node.max / 2), Number(node.max)])]"""


def idea(site, chapter: str) -> str:
    path = Path("notebooks") / chapter / "idea.html"
    if not (site.folder / path).exists():
        pytest.fail(f"{path} is not in the built book: is it in _toc.yml?")
    return f"{site.url}/{path.as_posix()}"


def control_of(box, name: str):
    return box.locator(f'.cx-control[data-control="{name}"] :is(input, select)')


def set_control(node, value: object) -> None:
    """Bring a control to a position: the index of a slider or an option, the state of a toggle."""
    handle = node.element_handle()
    if handle.evaluate("node => node.type === 'checkbox'"):
        if handle.evaluate("node => node.checked") != value:
            handle.evaluate("node => node.click()")
        return
    node.page.evaluate(MOVE, [handle, str(value)])


def position(node) -> object:
    return node.evaluate("node => node.type === 'checkbox' ? node.checked : node.value")


def changes_something(box, node) -> bool:
    """Whether moving this control draws anything else; the control is brought back."""
    start, before = position(node), box.evaluate(DRAWN)
    for place in node.evaluate(PLACES):
        set_control(node, place)
        if box.evaluate(DRAWN) != before:
            set_control(node, start)
            return True
    set_control(node, start)
    return False


def acts(box, name: str, others: list[str]) -> bool:
    """Whether a control changes the drawing in this view, or in that of another choice (a shape that f has not)."""
    node = control_of(box, name)
    if changes_something(box, node):
        return True
    for other in (other for other in others if other != name):
        switch = control_of(box, other)
        start = position(switch)
        for place in switch.evaluate(PLACES):
            set_control(switch, place)
            if changes_something(box, node):
                set_control(switch, start)
                return True
        set_control(switch, start)
    return False


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_control_of_every_explorer_changes_the_drawing(site, page, chapter, record_property):
    page.goto(idea(site, chapter))
    boxes = page.locator(".cx-host").all()
    assert boxes, "a chapter has at least one explorer that needs no kernel"
    for box in boxes:
        names = [one.get_attribute("data-control") for one in box.locator(".cx-control").all()]
        assert names
        idle = [name for name in names if not acts(box, name, names)]
        assert idle == [], f"{box.get_attribute('id')}: these controls change nothing"
        record_property("told", f"{chapter}: #{box.get_attribute('id')} follows {', '.join(names)}")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_response_takes_less_than_50_ms(site, page, chapter, record_property):
    page.goto(idea(site, chapter))
    times = response_times(page)
    record_property("told", f"{chapter}: responses in {', '.join(f'{one:.1f}' for one in times)} ms")
    assert max(times) < 50


@dataclass(frozen=True)
class Recorded:
    """An explorer of records: where its rows come from, what it draws, and another view to move to."""

    chapter: str
    id: str
    rows: Callable[[], pd.DataFrame]
    x: str
    series: str
    start: dict[str, object]
    moved: dict[str, object]


def rows_of(chapter: str, tidy: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[], pd.DataFrame]:
    return lambda: tidy(table(published_records("sweeps"), experiment=chapter))


RECORDED = (
    Recorded(
        "few_data", "few-data", rows_of("few_data", few_data.recorded_points), "per_class", "width",
        {"arch": "cnn", "weight_decay": 0.0, "label_noise": 0.0}, {"label_noise": 0.5},
    ),
    Recorded(
        "sugar", "sugar-sweep", rows_of("sugar", sugar.recorded_points), "learning_rate", "reading",
        {"f": "B-SiLU", "depth": 8}, {"depth": 2},
    ),
    Recorded(
        "predefined_filters", "frozen-kernels", rows_of("predefined_filters", predefined_filters.recorded_points),
        "per_class", "network", {"n_angles": 4}, {"n_angles": 8},
    ),
)  # fmt: skip


def means(rows: pd.DataFrame, one: Recorded, view: dict[str, object]) -> dict[tuple[str, float], float]:
    """Mean over seeds of every point of a view; a row without a control's value belongs to every value."""
    for name, value in view.items():
        rows = rows[(rows[name] == value) | rows[name].isna()]
    grouped = rows.groupby([one.series, one.x])["test_accuracy"].mean()
    return {
        (f"{series:g}" if isinstance(series, float) else str(series), float(x)): mean
        for (series, x), mean in grouped.items()
    }


def told(box, page) -> dict[tuple[str, float], float]:
    """The means that the first panel draws, from the explorer's own CSV."""
    with page.expect_download() as waiting:
        box.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()))
    first = rows[0]["panel"]
    return {
        (row["series"], float(row["x"])): float(row["y"])
        for row in rows
        if row["panel"] == first and row["which"] == "mean"
    }


def drawn_heights(box) -> dict[str, list[float]]:
    """The pixel heights of the lines of the first panel, series by series."""
    lines = box.locator(".cx-panel").first.locator("path.cx-line[data-series]")
    return lines.evaluate_all(
        """lines => Object.fromEntries(lines.map(line => [line.dataset.series,
        [...line.getAttribute('d').matchAll(/[ML](-?[\\d.]+) (-?[\\d.]+)/g)].map(point => Number(point[2]))]))"""
    )


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: one.chapter)
def test_what_is_drawn_equals_the_records_before_and_after_a_move(site, page, one):
    page.goto(idea(site, one.chapter))
    box, rows = page.locator(f"#explorer-{one.id}"), one.rows()
    heights = []
    for view in (one.start, one.start | one.moved):
        for name, value in view.items():
            grid = sorted(rows[name].dropna().unique(), key=lambda entry: (isinstance(entry, str), entry))
            node = control_of(box, name)
            if node.evaluate("node => node.type === 'range'"):
                set_control(node, grid.index(value))
            else:
                node.select_option(label=str(value))
        expected, found = means(rows, one, view), told(box, page)
        assert found.keys() == expected.keys()
        assert all(abs(found[key] - expected[key]) < 2e-3 * max(1, abs(expected[key])) for key in found)
        heights.append(drawn_heights(box))
        for series, pixels in heights[-1].items():
            values = [expected[key] for key in sorted(expected) if key[0] == series]
            assert len(pixels) == len(values)
            if np.ptp(values) > 0.02:  # pixels fall as accuracies rise, along a straight line
                slope, offset = np.polyfit(values, pixels, 1)
                assert slope < 0
                assert np.abs(slope * np.array(values) + offset - pixels).max() < 0.6
    assert heights[0] != heights[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["welcome", *CHAPTERS])
def test_screenshots_of_whole_pages_in_light_and_dark(site, new_page, artefacts, place, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(f"{site.url}/{WELCOME}" if place == "welcome" else idea(site, place))
    page.locator("article h1").first.wait_for()
    page.screenshot(path=artefacts / f"page-{place}-{scheme}.png", full_page=True, timeout=60_000)


@pytest.mark.parametrize("place", ["welcome", *CHAPTERS])
def test_no_page_is_wider_than_a_phone(site, new_page, artefacts, place):
    page = new_page(viewport={"width": 390, "height": 800}, device_scale_factor=2, has_touch=True, is_mobile=True)
    page.goto(f"{site.url}/{WELCOME}" if place == "welcome" else idea(site, place))
    page.locator("article h1").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=artefacts / f"page-{place}-phone.png", full_page=True, timeout=60_000)


@pytest.mark.parametrize("place", ["welcome", *CHAPTERS])
def test_the_accessibility_check_finds_nothing_in_what_is_ours(site, page, violations, place):
    """axe-core over the article: the theme's own frame around it is not ours to change."""
    page.goto(f"{site.url}/{WELCOME}" if place == "welcome" else idea(site, place))
    page.locator("article h1").first.wait_for()
    assert violations(page, "article") == []
