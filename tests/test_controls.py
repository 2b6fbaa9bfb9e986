"""Live controls without a browser: widgets from a declaration, runs that are kept, cancelled or explained."""

import threading

import ipywidgets
import pytest

from companion.controls import Controls, control_for
from companion.errors import CompanionError
from companion.few_data.declaration import FewData

NAMES = ("per_class", "learning_rate", "augment", "optimiser", "seed")


def train(progress, per_class, **values):
    """Two seeds whose accuracy follows from the number of images."""
    if per_class > 100:
        raise CompanionError(f"per_class={per_class} is <too> many: choose at most 100.")
    progress.update(1, 2, "Epoch", test_accuracy=0.5)
    curve = {"curve_epoch": [1, 2], "curve_test_accuracy": [0.5, 0.6]}
    return [{"seed": seed, "test_accuracy": 0.6 + seed / 10, **curve} for seed in range(2)]


def finished(controls: Controls) -> Controls:
    controls.start()
    controls.wait(20)
    return controls


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("per_class", ipywidgets.IntSlider),
        ("learning_rate", ipywidgets.FloatLogSlider),
        ("label_noise", ipywidgets.FloatSlider),
        ("augment", ipywidgets.Checkbox),
        ("optimiser", ipywidgets.Dropdown),
        ("data", ipywidgets.Text),
    ],
)
def test_the_declaration_chooses_the_widget_and_its_start(name, kind):
    info = next(info for info in FewData.describe() if info.name == name)
    widget = control_for(info)
    assert type(widget) is kind
    assert widget.value == (pytest.approx(info.default) if kind is ipywidgets.FloatLogSlider else info.default)
    assert info.help in widget.tooltip


def test_results_are_kept_and_told_apart_by_what_differs():
    kept = []
    controls = Controls(FewData, train, names=NAMES, keep=kept.extend)
    finished(controls)
    one = controls.picture.value
    controls.inputs["per_class"].value = 3
    finished(controls)
    assert len(controls.results) == 2
    assert len(kept) == 4
    assert controls.picture.value != one
    assert controls.picture.value[:4] == b"\x89PNG"
    assert controls.status.value.startswith("Done in")
    assert "per_class 3, learning_rate" in controls.kept.value
    assert controls.kept.value.count("65.0 %") == 2
    controls.clear()
    assert (controls.results, controls.kept.value) == ([], "")


def test_an_error_is_told_in_plain_words_beside_the_control_and_nothing_is_kept():
    controls = Controls(FewData, train, names=NAMES)
    controls.inputs["per_class"].value = 140
    finished(controls)
    assert "per_class=140 is &lt;too&gt; many: choose at most 100." in controls.status.value
    assert controls.results == []
    assert not controls.run_button.disabled
    assert controls.cancel_button.disabled


def test_cancel_stops_a_training_at_its_next_step_and_earlier_results_stay():
    go_on = threading.Event()

    def endless(progress, **values):
        if values["per_class"] == 1:
            return [{"test_accuracy": 0.5}]
        go_on.set()
        step = 0
        while True:
            step += 1
            progress.update(min(step, 10**6), 10**6, "Step")

    controls = Controls(FewData, endless, names=NAMES)
    controls.inputs["per_class"].value = 1
    finished(controls)
    controls.inputs["per_class"].value = 2
    controls.start()
    assert go_on.wait(20)
    assert controls.run_button.disabled
    controls.cancel()
    controls.wait(20)
    assert controls.status.value == "Cancelled; earlier results are kept."
    assert len(controls.results) == 1
    assert not controls.run_button.disabled


def test_a_second_start_while_training_is_ignored():
    release, calls = threading.Event(), []

    def waiting(progress, **values):
        calls.append(values)
        assert release.wait(20)
        return [{"test_accuracy": 1.0}]

    controls = Controls(
        FewData, waiting, names=NAMES, extra={"width": ipywidgets.IntSlider(8, 1, 9)}, fixed={"seeds": 1}
    )
    controls.start()
    controls.start()
    release.set()
    controls.wait(20)
    assert len(calls) == 1
    assert (calls[0]["width"], calls[0]["seeds"]) == (8, 1)
