"""The explorer in JupyterLab with a kernel: the same controls, and a point trained where nobody computed before."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab_server import notebook_in_lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import time
import pandas as pd
from companion.explorer import Explorer, Slider
from companion.errors import CompanionError

def accuracy(n):
    return n / (n + 5)

def train(values, progress):
    n = values["per_class"]
    if n > 90:
        raise CompanionError(f"per_class={n} is more than the data set holds: choose at most 90.")
    for step in range(12):
        progress.update(step + 1, 12, "Epoch", test_accuracy=accuracy(n) * (step + 1) / 12)
        time.sleep(0.2)
    return [{"per_class": n, "seed": seed, "test_accuracy": accuracy(n) + seed / 100} for seed in range(3)]

known = [{"per_class": n, "seed": s, "test_accuracy": accuracy(n) + s / 100} for n in (5, 10, 50) for s in range(3)]
kept = []
explorer = Explorer.from_table(pd.DataFrame(known), x="per_class", y="test_accuracy", title="Live", id="live",
    controls=[Slider("per_class", 5, 100, value=10, step=5, integer=True)], train=train, on_rows=kept.extend)
explorer
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """JupyterLab with the live explorer; yields the notebook's address."""
    pytest.importorskip("jupyterlab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    with notebook_in_lab(notebook, tmp_path_factory.mktemp("lab")) as address:
        yield address


def run_all(page) -> None:
    page.get_by_text("| Idle").wait_for(timeout=120_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(".cx").wait_for(timeout=120_000)


def test_a_point_nobody_computed_is_trained_shown_and_from_then_on_there(lab, new_page, artefacts: Path):
    page = new_page(viewport={"width": 1280, "height": 1000})
    page.goto(lab, timeout=120_000)  # the first start of JupyterLab is slow
    run_all(page)
    slider = page.locator(".cx input[type=range]")
    line = page.locator(".cx-panels path.cx-line").first
    train = page.get_by_role("button", name="Train this point")
    assert train.is_hidden()
    assert page.locator(".cx").evaluate("node => getComputedStyle(node).borderRadius") == "10px"

    before = line.get_attribute("d")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".cx output").text_content() == "15"
    train.click()
    page.locator(".cx-live-curve path.cx-line").first.wait_for()
    assert page.locator(".cx-live progress").is_visible()
    page.locator(".cx").screenshot(path=artefacts / "explorer-training.png")
    page.get_by_text("Trained and recorded").wait_for(timeout=30_000)
    assert line.get_attribute("d") != before
    assert "0.76" in page.locator(".cx-readouts").text_content()  # 15 / (15 + 5) and the seeds' mean offset 0.01
    assert train.is_hidden()

    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".cx output").text_content() == "20"
    train.click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled; nothing was recorded.").or_(
        page.get_by_text("not in the records yet")
    ).first.wait_for()
    assert train.is_visible()

    slider.focus()
    page.keyboard.press("End")
    train.click()
    page.locator(".cx-problem").get_by_text("more than the data set holds").wait_for()
    page.locator(".cx").screenshot(path=artefacts / "explorer-lab.png")
    page.problems.clear()  # JupyterLab's own warnings
