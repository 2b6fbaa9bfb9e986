"""The explorers on a page with no kernel: what is drawn follows every control, and equals the records."""

import numpy as np
import pytest
from drawing import assert_affine, drawn, explorer, line_of, means, response_times, vertices
from explorer_samples import (
    ARCHITECTURES,
    PER_CLASS,
    WIDTHS,
    records,
    write_page,
)

from companion.statistics import mean_interval

pytestmark = pytest.mark.browser


def test_a_sliders_arrow_key_draws_the_means_of_the_next_recorded_width(opened):
    box = explorer(opened, "few-data")
    slider = box.get_by_role("slider", name="Width")
    for width, key in zip((16, 32, 8), (None, "ArrowRight", "Home"), strict=True):
        if key:
            before = drawn(box)
            slider.press(key)
            assert drawn(box) != before
        assert slider.get_attribute("aria-valuetext") == str(width)
        pixels = np.concatenate([line_of(box, arch)[:, 1] for arch in ARCHITECTURES])
        assert_affine(pixels, np.concatenate([means(arch, width) for arch in ARCHITECTURES]))


def test_the_y_axis_stays_while_the_width_moves_so_that_heights_compare(opened):
    box = explorer(opened, "few-data")
    slider = box.get_by_role("slider", name="Width")
    pixels, values = [], []
    for key in ("Home", "ArrowRight", "ArrowRight"):
        slider.press(key)
        pixels.append(line_of(box, "cnn")[:, 1])
    for width in WIDTHS:
        values.append(means("cnn", width))
    assert_affine(np.concatenate(pixels), np.concatenate(values))


def test_a_slider_moved_by_mouse_snaps_to_a_recorded_value_and_moves_the_rule(opened):
    box = explorer(opened, "few-data")
    slider = box.get_by_role("slider", name="Images per class")
    before = drawn(box)
    place = slider.bounding_box()
    opened.mouse.click(place["x"] + place["width"] * 0.98, place["y"] + place["height"] / 2)
    assert drawn(box) != before
    assert box.locator("output").first.text_content().startswith("100")
    rule = vertices(box.locator("path.cx-rule").get_attribute("d"))
    assert rule[0, 0] == pytest.approx(line_of(box, "cnn")[-1, 0], abs=0.15)
    readout = box.locator(".cx-readout").first.text_content()
    expected = records().query("arch == 'cnn' and width == 16 and per_class == 100").test_accuracy
    assert f"{100 * expected.mean():.1f}" in readout
    interval = mean_interval(expected)
    assert f"[{100 * interval.low:.1f}" in readout
    assert f"{100 * interval.high:.1f}" in readout


def test_the_band_is_the_95_percent_t_interval_over_seeds(opened):
    box = explorer(opened, "few-data")
    band = vertices(box.locator(".cx-panel").first.locator("path.cx-band.cx-c0").get_attribute("d"))
    table = records().query("arch == 'cnn' and width == 16")
    intervals = [mean_interval(table.query("per_class == @n").test_accuracy) for n in PER_CLASS]
    values = np.array([one.high for one in intervals] + [one.low for one in intervals][::-1])
    assert_affine(band[:, 1], values)


def test_the_curves_of_training_are_averaged_over_seeds_epoch_by_epoch(opened):
    box = explorer(opened, "few-data")
    table = records().query("width == 16 and per_class == 20")
    pixels, values = [], []
    for arch in ARCHITECTURES:
        pixels.append(line_of(box, arch, panel=1)[:, 1])
        values.append(np.mean(table.query("arch == @arch").curve.tolist(), axis=0))
    assert_affine(np.concatenate(pixels), np.concatenate(values))


def test_every_control_of_every_explorer_changes_what_is_drawn(opened):
    moved = []
    for box in opened.locator(".cx-host").all():
        for control in box.locator(".cx-control").all():
            before = drawn(box)
            name = control.get_attribute("data-control")
            if control.locator("input[type=range]").count():
                control.locator("input").press("End")
            elif control.locator("select").count():
                control.locator("select").select_option(index=2)
            else:
                control.locator("input").press("Space")
            assert drawn(box) != before, f"{name} changes nothing"
            moved.append(name)
    assert len(moved) == 10
    print("moved:", ", ".join(moved))  # noqa: T201 - the list of what was moved belongs to the test's output


def test_bars_histogram_scatter_and_heat_map_show_the_records(opened):
    box = explorer(opened, "kinds")
    panels = box.locator(".cx-panel")
    table = records().query("per_class == 10 and width == 8")
    heights = [float(bar.get_attribute("height")) for bar in panels.nth(0).locator("rect.cx-bar").all()]
    expected = table.groupby("arch").test_accuracy.mean().loc[list(ARCHITECTURES)].to_numpy()
    assert np.allclose(np.array(heights) / heights[0], expected / expected[0], atol=0.01)
    assert panels.nth(1).locator("path.cx-dot").count() == len(table)
    assert panels.nth(2).locator("path.cx-line").count() == len(ARCHITECTURES)
    cells = [float(text) for text in panels.nth(3).locator("text.cx-cell").all_text_contents()]
    mean = records().query("arch == 'cnn'").groupby(["width", "per_class"]).test_accuracy.mean().to_numpy()
    assert np.allclose(cells, 100 * mean, atol=0.06)


def test_the_closed_form_follows_its_sliders_and_the_measured_points_stay(opened):
    box = explorer(opened, "curve")
    dots = box.locator("path.cx-dot").count()
    for key in (None, "Home", "End"):
        if key:
            box.get_by_role("slider", name="Asymptote").press(key)
        E_min = {None: 0.05, "Home": 0.0, "End": 0.3}[key]
        curve = line_of(box, "closed form")
        n = np.geomspace(1, 1000, len(curve))
        assert_affine(curve[:, 1], E_min + (1 - E_min) * 4 / (4 + 1 + n))
    assert box.locator(".cx-panels path.cx-dot").count() == len(PER_CLASS)
    assert dots >= len(PER_CLASS)


def test_images_are_cut_from_the_sprite_pixel_by_pixel(opened):
    box = explorer(opened, "pictures")
    tiles = box.locator("canvas")
    assert tiles.count() == 4
    pixels = tiles.first.evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 12, 12).data].filter((_, i) => i % 4 === 0)"
    )
    ramp = np.add.outer(np.linspace(0, 1, 12), np.linspace(0, 1, 12)) / 2
    shift = int(tiles.first.get_attribute("aria-label"))
    assert np.abs(np.reshape(pixels, (12, 12)) - 255 * np.roll(ramp, shift, 0)).max() <= 1


def test_a_legend_button_hides_its_series_and_says_so(opened):
    box = explorer(opened, "few-data")
    chip = box.get_by_role("button", name="mlp")
    assert chip.get_attribute("aria-pressed") == "true"
    chip.focus()
    opened.keyboard.press("Enter")
    assert chip.get_attribute("aria-pressed") == "false"
    assert box.locator('path[data-series="mlp"]').count() == 0
    assert box.locator('path[data-series="cnn"]').count() == 2
    chip.click()
    assert box.locator('path[data-series="mlp"]').count() == 2


def test_the_individual_seeds_appear_at_a_click(opened):
    box = explorer(opened, "few-data")
    assert box.locator("path.cx-seed").count() == 0
    box.get_by_role("button", name="Seeds").click()
    seeds = box.locator(".cx-panel").first.locator("path.cx-seed.cx-c0")
    assert seeds.count() == 5
    table = records().query("arch == 'cnn' and width == 16 and seed == 3").sort_values("per_class")
    pixels = vertices(box.locator('.cx-panel path.cx-seed.cx-c0[data-seed="3"]').first.get_attribute("d"))[:, 1]
    assert_affine(pixels, table.test_accuracy.to_numpy())


def test_the_published_value_stands_where_it_belongs_and_nowhere_else(opened):
    box = explorer(opened, "few-data")
    assert box.locator("path.cx-diamond").count() == 1
    assert "paper, Table 2" in box.locator(".cx-marker-label").text_content()
    box.get_by_role("slider", name="Width").press("End")
    assert box.locator("path.cx-diamond").count() == 0


def test_hovering_and_the_arrow_keys_read_the_points(opened):
    box = explorer(opened, "few-data")
    plot = box.locator("svg.cx-plot").first
    place = plot.bounding_box()
    opened.mouse.move(place["x"] + place["width"] - 14, place["y"] + 100)
    tip = box.locator(".cx-tip").first
    assert "Images per class 100" in tip.text_content()
    opened.mouse.move(2, 2)
    assert tip.is_hidden()
    plot.focus()
    opened.keyboard.press("Home")
    assert "Images per class 1" in tip.text_content()
    opened.keyboard.press("ArrowRight")
    assert "Images per class 2" in tip.text_content()
    assert f"{100 * means('cnn', 16)[1]:.1f}" in tip.text_content()
    opened.keyboard.press("Escape")
    assert tip.is_hidden()


def test_a_click_in_the_plot_chooses_x(opened):
    box = explorer(opened, "few-data")
    place = box.locator("svg.cx-plot").first.bounding_box()
    opened.mouse.click(place["x"] + place["width"] - 14, place["y"] + 100)
    assert box.get_by_role("slider", name="Images per class").get_attribute("aria-valuetext").startswith("100")


def test_each_response_takes_less_than_50_ms(opened, record_property):
    times = response_times(opened)
    record_property("told", f"sample explorers: responses in {', '.join(f'{one:.1f}' for one in times)} ms")
    assert max(times) < 50


def test_a_point_that_was_not_recorded_says_so_and_leads_to_the_nearest(new_page, tmp_path, served):
    from companion.explorer import Explorer

    table = records().query("not (per_class == 100 and width == 32)")
    gap = Explorer.from_table(
        table, x="arch", y="test_accuracy", controls=["per_class", "width"], id="gap", title="A gap"
    )
    write_page(tmp_path, [gap])
    page = new_page()
    page.goto(served(tmp_path).url)
    box = explorer(page, "gap")
    box.get_by_role("slider", name="Per class").press("End")
    box.get_by_role("slider", name="Width").press("End")
    assert "No run was recorded at these values." in box.text_content()
    box.get_by_role("button", name="Go to the nearest recorded point").click()
    assert box.locator("path.cx-line").count() == 1


def test_a_baseline_without_x_is_a_level_line_and_survives_every_slider(new_page, tmp_path, served):
    import pandas as pd

    from companion.explorer import Explorer

    rows = [
        {"arm": "sugar", "alpha": a, "beta": b, "seed": s, "y": a + b + s / 9}
        for a in (1, 2, 4)
        for b in (0, 1)
        for s in (0, 1)
    ]
    rows += [{"arm": "relu", "alpha": None, "beta": None, "seed": s, "y": 3 + s / 9} for s in (0, 1)]
    made = Explorer.from_table(
        pd.DataFrame(rows), x="alpha", y="y", series="arm", controls=["alpha", "beta"], id="base", title="Base"
    )
    write_page(tmp_path, [made])
    page = new_page()
    page.goto(served(tmp_path).url)
    box = explorer(page, "base")
    for key in ("Home", "End"):
        box.get_by_role("slider", name="Beta").press(key)
        level = line_of(box, "relu")
        assert len(level) == 2
        assert level[0, 1] == level[1, 1]
        assert len(line_of(box, "sugar")) == 3
    assert box.locator(".cx-readout").count() == 2
