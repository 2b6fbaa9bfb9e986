"""What an explorer has drawn on a page, read back as numbers."""

import re

import numpy as np
from explorer_samples import PER_CLASS, records


def explorer(page, id: str):
    return page.locator(f"#explorer-{id}")


def drawn(box) -> str:
    """Everything that is drawn: path data, bars, pixels."""
    return box.evaluate(
        """node => [...node.querySelectorAll('.cx-panels :is(path, rect, image, canvas)')].map(mark =>
        mark.getAttribute('d') || mark.getAttribute('href') || (mark.toDataURL && mark.toDataURL()) ||
        ['x', 'y', 'width', 'height'].map(name => mark.getAttribute(name)).join())
        .join('|') + [...node.querySelectorAll('.cx-panels [class]')].map(mark => mark.getAttribute('class'))"""
    )


def vertices(path: str) -> np.ndarray:
    """The points of an SVG path, [N, 2] in pixels."""
    return np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path), dtype=float)


def line_of(box, series: str, panel: int = 0) -> np.ndarray:
    path = box.locator(".cx-panel").nth(panel).locator(f'path.cx-line[data-series="{series}"]')
    return vertices(path.get_attribute("d"))


def assert_affine(pixels: np.ndarray, values: np.ndarray) -> None:
    """Pixels (rounded to a tenth) are a decreasing affine function of the values: that is what a y axis is."""
    slope, offset = np.polyfit(values, pixels, 1)
    assert slope < 0
    assert np.abs(slope * values + offset - pixels).max() < 0.12


def means(arch: str, width: int) -> np.ndarray:
    table = records().query("arch == @arch and width == @width")
    return table.groupby("per_class").test_accuracy.mean().loc[list(PER_CLASS)].to_numpy()


RESPONSES = """() => [...document.querySelectorAll('.cx-host')].map(host => {
    const input = host.querySelector('input[type=range]:not([disabled])'), took = [];
    if (!input) return 0;
    for (let k = 0; k < 8; k++) {
        input.value = k % (Number(input.max) + 1);
        const start = performance.now();
        input.dispatchEvent(new Event('input', { bubbles: true }));
        host.getBoundingClientRect();
        took.push(performance.now() - start);
    }
    return Math.min(...took);
})"""


def response_times(page, enough: float = 50) -> list[float]:
    """Milliseconds from an input event to the finished layout, for every explorer of a page.

    The best of many, since other work may share this machine; it stops when all are below `enough`.
    """
    times = page.evaluate(RESPONSES)
    for _ in range(15):
        times = [min(pair) for pair in zip(times, page.evaluate(RESPONSES), strict=True)]
        if max(times) < enough:
            break
    return times
