"""The explorers on a page with no kernel: static figure, addresses, CSV, keyboard, phone, print, accessibility."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from drawing import drawn, explorer, means
from explorer_samples import (
    ARCHITECTURES,
    PER_CLASS,
    all_kinds,
    closed_form,
    learning_curves,
    pictures,
    write_page,
)

pytestmark = pytest.mark.browser


def test_the_static_figure_gives_way_to_the_explorer(opened):
    for box in opened.locator(".cx-host").all():
        assert box.locator(".cx-static").is_hidden()
        assert box.locator(".cx").is_visible()


def test_every_input_keeps_its_arrow_keys_from_jupyterlab(opened):
    assert (
        opened.locator(
            ".cx input:not([data-lm-suppress-shortcuts=true]), .cx select:not([data-lm-suppress-shortcuts=true])"
        ).count()
        == 0
    )


def test_the_csv_holds_what_is_drawn(opened):
    box = explorer(opened, "few-data")
    with opened.expect_download() as waiting:
        box.get_by_role("button", name="CSV").click()
    assert waiting.value.suggested_filename == "few-data.csv"
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()))
    chosen = [
        row for row in rows if row["panel"] == "Learning curve" and row["series"] == "cnn" and row["which"] == "mean"
    ]
    assert [float(row["x"]) for row in chosen] == list(PER_CLASS)
    assert np.allclose([float(row["y"]) for row in chosen], means("cnn", 16), rtol=1e-3)
    assert {row["n_or_value"] for row in chosen} == {"5"}
    seeds = [row for row in rows if row["which"] == "seed 3" and row["panel"] == "Learning curve"]
    assert len(seeds) == len(PER_CLASS) * len(ARCHITECTURES)


def test_a_view_travels_in_the_address_with_several_explorers_on_the_page(opened, new_page):
    explorer(opened, "few-data").get_by_role("slider", name="Width").press("End")
    explorer(opened, "few-data").get_by_role("button", name="Seeds").click()
    explorer(opened, "few-data").get_by_role("button", name="mlp").click()
    explorer(opened, "curve").get_by_role("slider", name="Asymptote").press("End")
    opened.wait_for_function("location.hash.includes('explorer-curve') && location.hash.includes('hide')")
    assert "explorer-few-data:width=32" in opened.url
    other = new_page()
    other.goto(opened.url)
    for id in ("few-data", "curve"):
        assert drawn(explorer(other, id)) == drawn(explorer(opened, id))
    assert explorer(other, "few-data").get_by_role("button", name="mlp").get_attribute("aria-pressed") == "false"
    explorer(other, "few-data").get_by_role("button", name="Reset").click()
    explorer(other, "curve").get_by_role("button", name="Reset").click()
    other.wait_for_function("location.hash === ''")


def test_copy_link_gives_an_address_that_opens_this_view(opened, new_page):
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    box = explorer(opened, "few-data")
    box.get_by_role("slider", name="Width").press("Home")
    box.get_by_role("button", name="Copy link").click()
    box.get_by_text("Link copied.").wait_for()
    link = opened.evaluate("navigator.clipboard.readText()")
    other = new_page()
    other.goto(link)
    assert explorer(other, "few-data").get_by_role("slider", name="Width").get_attribute("aria-valuetext") == "8"


def test_a_meddled_address_does_no_harm(new_page, samples):
    page = new_page()
    page.goto(samples.url + "/#explorer-few-data:width=9999&nonsense=%E0%A4%A&per_class=abc;explorer-gone:a=1;section")
    assert explorer(page, "few-data").get_by_role("slider", name="Width").get_attribute("aria-valuetext") == "32"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_check_finds_nothing(new_page, tmp_path, served, violations, scheme):
    write_page(tmp_path, [learning_curves(), all_kinds(), closed_form(), pictures()], scheme)
    page = new_page()
    page.goto(served(tmp_path).url)
    assert violations(page) == []


def test_nothing_is_wider_than_a_phone(new_page, samples, artefacts):
    page = new_page(viewport={"width": 360, "height": 740}, device_scale_factor=2, has_touch=True)
    page.goto(samples.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    explorer(page, "few-data").screenshot(path=artefacts / "explorer-phone.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots_in_light_and_dark(new_page, tmp_path, artefacts, served, theme):
    write_page(tmp_path, [learning_curves(), all_kinds(), closed_form(), pictures()], theme)
    page = new_page(device_scale_factor=1.5)
    page.goto(served(tmp_path).url)
    explorer(page, "pictures").locator("canvas").first.wait_for()
    grounds = {page.locator(".cx").nth(k).evaluate("node => getComputedStyle(node).backgroundColor") for k in range(4)}
    assert grounds == {"rgb(255, 255, 255)" if theme == "light" else "rgb(23, 27, 34)"}
    for id in ("few-data", "kinds", "curve", "pictures"):
        explorer(page, id).screenshot(path=artefacts / f"explorer-{id}-{theme}.png")


def test_with_scripts_off_the_static_figure_stands_there(new_page, samples):
    page = new_page(java_script_enabled=False)
    page.goto(samples.url)
    for id in ("few-data", "kinds", "pictures"):
        image = explorer(page, id).locator(".cx-static img")
        assert image.is_visible()
        assert image.bounding_box()["height"] > 80
        assert len(image.get_attribute("src")) <= 40_000
        assert explorer(page, id).locator(".cx").count() == 0


def test_on_paper_the_static_figure_stands_there(opened):
    opened.emulate_media(media="print")
    box = explorer(opened, "few-data")
    assert box.locator(".cx-static img").is_visible()
    assert box.locator(".cx").is_hidden()


def test_the_page_works_from_a_folder_on_disk(new_page, tmp_path):
    path = write_page(tmp_path, [learning_curves()])
    page = new_page()
    page.goto(path.as_uri())
    box = explorer(page, "few-data")
    before = drawn(box)
    box.get_by_role("slider", name="Width").press("End")
    assert drawn(box) != before


def test_the_state_in_the_page_is_the_state_of_the_explorer(opened):
    text = explorer(opened, "few-data").locator("script").text_content()
    assert json.loads(text) == learning_curves().state
