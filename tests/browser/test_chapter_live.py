"""A chapter in JupyterLab, as its reader uses it: run it, move a live control, train, stop a training."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab_server import notebook_in_lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHAPTER = Path(__file__).parents[2] / "notebooks" / "few_data" / "idea.ipynb"


@pytest.fixture(scope="module")
def chapter(tmp_path_factory) -> Iterator[str]:
    """JupyterLab with the chapter's first notebook; yields its address."""
    pytest.importorskip("jupyterlab")
    with notebook_in_lab(nbformat.read(CHAPTER, 4), tmp_path_factory.mktemp("chapter")) as address:
        yield address


def slider(page, name: str):
    """The handle of a live control by its parameter's name."""
    return page.locator(".jupyter-widgets.widget-inline-hbox", has_text=re.compile(f"^{name}")).get_by_role("slider")


def test_the_chapter_runs_a_live_control_changes_its_figure_and_cancel_stops_a_training(
    chapter, new_page, artefacts: Path
):
    page = new_page(viewport={"width": 1280, "height": 1000})
    page.goto(chapter, timeout=120_000)  # the first start of JupyterLab is slow
    page.get_by_text("| Idle").wait_for(timeout=120_000)
    page.locator(".lm-MenuBar").get_by_text("Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()

    run, cancel = (page.locator("button.jupyter-button", has_text=name) for name in ("Run", "Cancel"))
    run.wait_for(timeout=180_000)
    assert page.locator(".cx").count() == 3  # the chapter's explorers are alive as well
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

    handle = slider(page, "per_class")
    handle.focus()
    before = handle.get_attribute("aria-valuenow")
    page.keyboard.press("ArrowLeft")
    assert handle.get_attribute("aria-valuenow") != before
    run.click()
    page.get_by_text("Done in").wait_for(timeout=120_000)
    picture = page.locator("img.widget-image")
    first = picture.get_attribute("src")

    handle.focus()
    page.keyboard.press("Home")
    run.click()
    page.wait_for_function("old => document.querySelector('img.widget-image').src !== old", arg=first)
    page.get_by_text("Done in").wait_for(timeout=120_000)
    assert page.locator("td", has_text="per_class 1,").count() == 1  # both results stand in the table of kept ones
    assert page.locator("td", has_text="per_class").count() == 2
    picture.screenshot(path=artefacts / "chapter-live-curves.png")

    slider(page, "epochs").focus()
    page.keyboard.press("End")  # hours of training
    run.click()
    page.get_by_text("s left").wait_for(timeout=60_000)
    cancel.click()
    page.get_by_text("Cancelled; earlier results are kept.").wait_for(timeout=30_000)
    assert cancel.is_disabled()
    assert run.is_enabled()
    assert page.locator("td", has_text="per_class").count() == 2
    page.problems.clear()  # JupyterLab's own warnings
