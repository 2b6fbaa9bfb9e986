"""The Python side of the explorers: state, encoding, HTML, errors, training; the drawing is tested in tests/browser."""

import json
import math
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from companion.errors import CompanionError
from companion.explorer import Choice, Marker, Panel, Slider, Toggle, bundle
from companion.explorer.columns import decode_column, encode_column, encode_table
from companion.explorer.live import Trainer
from companion.explorer.page import state_json
from companion.explorer.state import form_state, identifier, table_state
from companion.parameters import Parameters, parameter

Explorer = pytest.importorskip("companion.explorer.widget", reason="needs anywidget").Explorer


class Declaration(Parameters):
    per_class: int = parameter(20, low=1, high=200, log=True, unit="images", help="training images per class")


def rows(**more) -> pd.DataFrame:
    made = [
        {"arch": arch, "per_class": n, "seed": seed, "accuracy": n / (n + 5) + seed / 1000, "augment": n > 5}
        for arch in ("cnn", "mlp")
        for n in (5, 10, 20)
        for seed in range(3)
    ]
    return pd.DataFrame(made).assign(**more)


def explorer(table=None, **options) -> Explorer:
    settings = {"x": "per_class", "y": "accuracy", "series": "arch", "controls": ["per_class"], "title": "A title"}
    return Explorer.from_table(rows() if table is None else table, **(settings | options))


# Encoding


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b", "a", None],
        [1, 2, 3, 1],
        [0.5, 0.25, None, 1e-9],
        [True, False, True],
        [[1, 2, 3], [4, 5, 6]],
        [[1], [2, 3], []],
        list(range(100)),
        [f"name {k}" for k in range(50)],
        [1, "1", True],
    ],
)
def test_a_column_is_the_same_after_encoding_and_decoding(cells):
    encoded = json.loads(json.dumps(encode_column(cells)))
    decoded = decode_column(encoded, len(cells))
    assert decoded == cells
    assert [type(cell) for cell in decoded] == [type(cell) for cell in cells]


def test_metrics_keep_four_significant_digits_and_factors_all_of_them():
    table = pd.DataFrame({"per_class": [12345, 123456], "alpha": [0.123456, 0.1234561], "loss": [0.123456, 1234.56]})
    data = encode_table(table, exact=["alpha"])
    decoded = {name: decode_column(column, 2) for name, column in data["columns"].items()}
    assert decoded == {"per_class": [12345, 123456], "alpha": [0.123456, 0.1234561], "loss": [0.1235, 1235]}


def test_nan_and_infinity_become_null():
    column = encode_column([math.nan, math.inf, -math.inf, np.float32("nan"), 1.5])
    assert decode_column(column, 5) == [None, None, None, None, 1.5]
    assert "NaN" not in state_json(explorer(rows(accuracy=math.nan)).state)


def test_curves_of_tensors_and_arrays_are_lists():
    assert decode_column(encode_column([np.array([0.5, math.nan]), np.array([1.0, 2.0])]), 2) == [[0.5, None], [1, 2]]


def test_only_the_columns_that_are_drawn_are_in_the_page():
    assert set(explorer(rows(note="x" * 1000)).state["data"]["columns"]) == {"per_class", "accuracy", "arch", "seed"}


# State


def test_a_slider_holds_the_recorded_values_and_the_words_of_the_declaration():
    (control,) = explorer(declaration=Declaration).state["controls"]
    assert control == {
        "kind": "slider",
        "name": "per_class",
        "label": "Per class",
        "help": "training images per class",
        "unit": "images",
        "low": 1,
        "high": 200,
        "log": True,
        "integer": True,
        "values": [5, 10, 20],
        "value": 10,
    }


def test_strings_make_a_choice_and_booleans_a_toggle():
    table = rows()
    state = explorer(table, controls=["per_class", "arch", "augment"], series=None).state
    assert [control["kind"] for control in state["controls"]] == ["slider", "choice", "toggle"]
    assert state["controls"][1]["choices"] == ["cnn", "mlp"]


def test_start_values_and_labels_reach_the_page():
    state = explorer(start={"per_class": 20}, labels={"per_class": "Images per class"}).state
    assert state["controls"][0]["value"] == 20
    assert state["controls"][0]["label"] == "Images per class"
    assert state["columns"]["accuracy"] == {"label": "Accuracy"}


def test_a_control_made_by_hand_overrules_the_column():
    state = explorer(controls=[Slider("per_class", 1, 50, value=5, label="n")]).state
    assert (state["controls"][0]["label"], state["controls"][0]["high"], state["controls"][0]["value"]) == ("n", 50, 5)
    assert explorer(controls=[Choice("per_class")]).state["controls"][0]["choices"] == [5, 10, 20]


def test_the_name_of_the_explorer_comes_from_its_title():
    assert identifier("", "How far do 5 images carry?") == "how-far-do-5-images-carry"
    with pytest.raises(CompanionError, match="unique on its page"):
        identifier("two words", "")


def test_images_are_packed_once_and_numbered():
    square = np.zeros((4, 4), np.uint8)
    table = pd.DataFrame({"image": [square, square + 9, square, None], "k": [0, 1, 2, 3]})
    state = table_state(table, controls=["k"], panels=[Panel("images", image="image")], title="t")
    assert decode_column(state["data"]["columns"]["image"], 4) == [0, 1, 0, None]
    assert state["sprite"]["uri"].startswith("data:image/png;base64,")
    assert (state["sprite"]["width"], state["sprite"]["height"], state["sprite"]["across"]) == (4, 4, 2)


# Errors that a chapter's author can act on


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": "acuracy"}, "Did you mean 'accuracy'"),
        ({"controls": ["perclass"]}, "Did you mean 'per_class'"),
        ({"panels": [Panel("lines")]}, "Did you mean 'line'"),
        ({"panels": [Panel("heatmap")]}, "needs value="),
        ({"start": {"per_class": 7}}, "Unknown value of per_class '7'"),
        ({"start": {"width": 7}}, "Unknown control in start"),
        ({"published": [Marker(0.5, panel=3)]}, "there are 1 panels"),
        ({"published": [Marker(0.5, where={"per_class": 11})]}, "Unknown value of per_class in where"),
        ({"series": "accuracy"}, "at most 8 colours"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_be_right(options, message):
    with pytest.raises(CompanionError, match=message.replace("(", r"\(")):
        explorer(**options)


def test_a_mean_that_would_mix_different_runs_is_refused_and_the_column_named():
    both = pd.concat([rows(dropout=0.0), rows(dropout=0.5)])
    with pytest.raises(CompanionError, match=r"These columns vary there: dropout\."):
        explorer(both)
    assert explorer(both, controls=["dropout", "per_class"])
    assert explorer(both, panels=[Panel(fix={"dropout": 0.5})])


def test_an_empty_table_is_refused():
    with pytest.raises(CompanionError, match="no rows"):
        explorer(rows().iloc[:0])


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (Slider("a"), "low < high"),
        (Slider("a", 2, 1), "low < high"),
        (Slider("a", 0, 1, log=True), "above 0"),
        (Slider("a", 0, 1, 3), "outside 0 to 1"),
        (Choice("a"), "no choices"),
    ],
)
def test_a_control_of_a_closed_form_must_have_a_valid_range(control, message):
    with pytest.raises(CompanionError, match=message):
        form_state("learning_curve", controls=[control], title="t")


def test_an_unknown_closed_form_names_the_nearest():
    with pytest.raises(CompanionError, match="Did you mean 'learning_curve'"):
        form_state("learning_curves", controls=[Toggle("a")], title="t")


# The page


def test_the_html_holds_the_static_figure_and_the_state():
    html = explorer(caption="It ends with </script><script>alert(1)</script> & more").html()
    assert html.count("<script") == 1
    assert html.count("</script>") == 1
    assert '<img src="data:image/png;base64,' in html
    state = html.split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(state)["caption"] == "It ends with </script><script>alert(1)</script> & more"


def test_the_static_figure_stays_under_40_kb_whatever_is_drawn():
    noise = np.random.default_rng(0).normal(size=(40, 2))
    table = pd.DataFrame({"x": noise[:, 0], "y": noise[:, 1], "k": 1, "seed": range(40)})
    panels = [Panel("scatter", x="x", y="y"), Panel("histogram", x="x"), Panel("scatter", x="y", y="x")]
    shown = Explorer.from_table(table, controls=["k"], panels=panels, title="t")
    assert 5_000 < len(shown.static_image()) <= 40_000


def test_a_figure_of_the_authors_own_can_be_the_static_one():
    from matplotlib.figure import Figure

    asked = []

    def figure(values):
        asked.append(values)
        made = Figure(figsize=(2, 1))
        made.subplots().plot([0, 1])
        return made

    shown = Explorer.from_form("learning_curve", controls=[Slider("a", 0, 2)], title="t", fallback=figure)
    assert "<img" in shown.html()
    assert asked == [{"a": 1}]
    bare = Explorer.from_form("learning_curve", controls=[Slider("a", 0, 2)], title="t").html()
    assert "<img" not in bare
    assert "switched off" in bare


def test_the_mime_bundle_has_the_widget_and_the_html_and_in_colab_the_widget_alone(monkeypatch):
    shown = explorer()
    data, _ = shown._repr_mimebundle_()
    assert {"text/html", "application/vnd.jupyter.widget-view+json"} <= set(data)
    monkeypatch.setitem(sys.modules, "google.colab", object())
    data, _ = shown._repr_mimebundle_()
    assert "text/html" not in data
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_widget_carries_module_style_and_start_values():
    shown = explorer(start={"per_class": 5})
    assert shown._esm.endswith("export default explorer;\n")
    assert ".cx-plot" in shown._css
    assert shown.values == {"per_class": 5}


# The bundle


def test_the_explorers_own_script_weighs_less_than_60_kb(monkeypatch):
    assert len(bundle.style().encode()) < 16_000
    monkeypatch.setattr(bundle, "form_files", list)
    assert len(bundle.script.__wrapped__().encode()) < 60_000


def test_the_script_reaches_for_nothing_outside():
    for word in ("fetch(", "XMLHttpRequest", "import(", "require(", "https://"):
        assert word not in bundle.script()
    assert bundle.script().replace("http://www.w3.org/2000/svg", "").count("http://") == 0


def test_tightening_leaves_strings_templates_and_regular_expressions_alone():
    assert bundle._tight('const a = b + "x , y" ;') == 'const a=b + "x , y";'
    assert bundle._tight("const a = `x , ${b} , y` ;") == "const a=`x , ${b} , y`;"
    for line in ("x = `a ${b ? `c , d` : 1} , e`;", "x = y.replace(/ , /g, 1);"):
        assert bundle._tight(line) == line


def test_a_comment_at_the_end_of_a_line_swallows_nothing(tmp_path):
    path = tmp_path / "form.js"
    path.write_text("f(a, // first,\n  b);\n// whole line (\ng({\n  c: 1,\n});\n", encoding="utf-8")
    assert bundle._body(path) == "f(a, // first,\nb);g({c:1,});\n"


def test_no_template_runs_over_several_lines_because_indentation_is_dropped():
    for path in bundle.source_files():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert line.count("`") % 2 == 0, f"{path.name}:{number}"


def test_every_file_of_the_folder_is_in_the_bundle():
    assert {path.stem for path in bundle.FOLDER.glob("*.js")} == {*bundle.ORDER, "page_host"}
    assert "learning_curve" in bundle.form_names()


def test_the_package_imports_without_anywidget_and_says_what_to_install():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import companion.explorer as explorer\n"
        "explorer.Panel('line'), explorer.Slider('a')\n"
        "try:\n    from companion.explorer import Explorer\n"
        "except ImportError as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'luebeck-companion[notebooks]'" in said


# Training a point


def trainer(train):
    """A trainer, the messages that it sent and the rows that it added."""
    messages, added = [], []
    return Trainer(train, added.extend, messages.append), messages, added


def test_ping_is_answered_with_whether_points_can_be_trained():
    for train, trains in ((None, False), (lambda values, progress: [], True)):
        one, messages, _ = trainer(train)
        one.receive({"type": "ping"})
        assert messages == [{"type": "pong", "trains": trains}]


def test_a_trained_point_reports_its_progress_and_adds_its_rows():
    def train(values, progress):
        progress.update(1, 1, "Epoch", loss=0.5)
        return [{"n": values["n"]}]

    one, messages, added = trainer(train)
    one.receive({"type": "train", "values": {"n": 7}})
    one.wait(10)
    assert [message["type"] for message in messages] == ["progress", "done"]
    assert messages[0]["metrics"] == {"loss": 0.5}
    assert added == [{"n": 7}]


def test_a_training_can_be_cancelled_and_adds_nothing():
    ready, go = threading.Event(), threading.Event()

    def train(values, progress):
        ready.set()
        go.wait(10)
        progress.update(1, 2)
        return [{}]

    one, messages, added = trainer(train)
    one.receive({"type": "train", "values": {}})
    ready.wait(10)
    one.receive({"type": "train", "values": {}})
    assert "Another point is being trained" in messages[-1]["message"]
    one.receive({"type": "cancel"})
    go.set()
    one.wait(10)
    assert messages[-1] == {"type": "cancelled"}
    assert added == []


def test_an_error_of_the_training_is_told_in_plain_words():
    def train(values, progress):
        raise CompanionError("per_class=7 is more than the data set holds.")

    one, messages, _ = trainer(train)
    one.receive({"type": "train", "values": {}})
    one.wait(10)
    assert messages == [{"type": "error", "message": "per_class=7 is more than the data set holds."}]


def test_added_rows_are_in_the_state_and_handed_on():
    kept = []
    shown = explorer(on_rows=kept.extend)
    new = [{"arch": "cnn", "per_class": 15, "seed": 0, "accuracy": 0.75}]
    shown.add_rows(new)
    assert shown.state["controls"][0]["values"] == [5, 10, 15, 20]
    assert shown.state["data"]["rows"] == len(rows()) + 1
    assert kept == new
    with pytest.raises(CompanionError, match="accuracy"):
        shown.add_rows([{"arch": "cnn", "per_class": 15, "seed": 1}])
