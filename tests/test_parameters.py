"""The one declaration: what it accepts, what it refuses, and that every refusal names the nearest valid."""

import json
from typing import Literal

import pytest

from companion.errors import CompanionError, nearest, unknown
from companion.few_data.declaration import FewData
from companion.parameters import Parameters, parameter
from companion.scales import SCALES


class Oven(Parameters):
    """A declaration with one parameter of every kind."""

    degrees: int = parameter(180, standard=200, paper=220, low=50, high=250, unit="degrees", help="temperature")
    hours: float = parameter(1.0, standard=1.5, low=0.1, high=10, log=True, unit="hours", help="how long")
    mode: Literal["fan", "grill", "steam"] = parameter("fan", paper="steam", help="heating")
    preheat: bool = parameter(True, paper=False, help="heat up first")
    dish: str = parameter("bread", help="what is baked")
    shelves: tuple[int, ...] = parameter((1, 2), standard=(2,), low=1, high=5, help="shelves in use")
    sides: tuple[str, ...] = parameter(("top",), choices=("top", "bottom"), help="which sides are heated")


def test_every_scale_has_its_own_defaults_and_inherits_from_the_scale_before():
    assert [Oven.at(scale).degrees for scale in SCALES] == [180, 200, 220]
    assert [Oven.at(scale).hours for scale in SCALES] == [1.0, 1.5, 1.5]
    assert [Oven.at(scale).mode for scale in SCALES] == ["fan", "fan", "steam"]
    assert [Oven.at(scale).preheat for scale in SCALES] == [True, True, False]
    assert [Oven.at(scale).shelves for scale in SCALES] == [(1, 2), (2,), (2,)]


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown parameter of Oven 'degreees'\. Did you mean 'degrees'\?"):
        Oven.at("quick", degreees=200)
    with pytest.raises(CompanionError, match=r"Unknown parameter of FewData 'per_clas'\. Did you mean 'per_class'\?"):
        FewData.at("quick", per_clas=5)


def test_an_unknown_scale_is_refused_with_the_nearest():
    with pytest.raises(CompanionError, match=r"Unknown scale 'papers'\. Did you mean 'paper'\?"):
        Oven.at("papers")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"degrees": "hot"}, r"'degrees' cannot be 'hot': it takes a whole number from 50 to 250 degrees"),
        ({"degrees": 180.5}, r"'degrees' cannot be 180\.5: it takes a whole number"),
        ({"hours": "long"}, r"'hours' cannot be 'long': it takes a number from 0\.1 to 10 hours"),
        ({"preheat": "perhaps"}, r"'preheat' cannot be 'perhaps': it takes true or false"),
        ({"shelves": "one,two"}, r"'shelves' cannot be 'one'"),
        ({"dish": None}, r"'dish' cannot be None: it takes text"),
        ({"degrees": [180]}, r"'degrees' cannot be \[180\]"),
    ],
)
def test_a_wrong_type_is_refused_with_what_is_allowed(values, message):
    with pytest.raises(CompanionError, match=message):
        Oven.at("quick", **values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"degrees": 300}, r"'degrees' is 300, out of range: .* 50 to 250 degrees\. The nearest valid value is 250\."),
        ({"degrees": "10"}, r"'degrees' is 10, out of range: .* The nearest valid value is 50\."),
        ({"hours": float("nan")}, r"'hours' is nan, out of range"),
        ({"hours": float("inf")}, r"'hours' is inf, out of range: .* The nearest valid value is 10\."),
        ({"shelves": (1, 9)}, r"'shelves' is 9, out of range: .* The nearest valid value is 5\."),
        ({"mode": "grilll"}, r"'mode': Unknown value 'grilll'\. Did you mean 'grill'\? Known: fan, grill, steam"),
        ({"sides": ("top", "botom")}, r"'sides': Unknown value 'botom'\. Did you mean 'bottom'\?"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_nearest_valid_one(values, message):
    with pytest.raises(CompanionError, match=message):
        Oven.at("quick", **values)


def test_the_bounds_themselves_are_allowed():
    assert (Oven.at("quick", degrees=50).degrees, Oven.at("quick", degrees=250).degrees) == (50, 250)


def test_text_from_a_command_line_is_read_as_the_declared_type():
    oven = Oven.at(
        "quick", degrees="200", hours="2.5", preheat="false", mode="grill", shelves="1,3", sides="top,bottom"
    )
    assert (oven.degrees, oven.hours, oven.preheat, oven.mode) == (200, 2.5, False, "grill")
    assert (oven.shelves, oven.sides) == ((1, 3), ("top", "bottom"))


@pytest.mark.parametrize(("text", "read"), [("3", (3,)), ("[1, 2]", (1, 2)), ("(4,)", (4,)), ("", ()), (4, (4,))])
def test_a_list_can_be_written_in_several_ways(text, read):
    assert Oven.at("quick", shelves=text).shelves == read


@pytest.mark.parametrize(("text", "read"), [("true", True), ("False", False), ("1", True), ("no", False)])
def test_a_switch_can_be_written_in_several_ways(text, read):
    assert Oven.at("quick", preheat=text).preheat is read


def test_several_errors_are_told_at_once():
    with pytest.raises(CompanionError, match=r"'degrees' cannot be 'hot'.*'hours' cannot be 'long'"):
        Oven.at("quick", degrees="hot", hours="long")


def test_parameters_are_immutable_and_replaced_by_validated_copies():
    oven = Oven.at("standard")
    with pytest.raises(ValueError, match="frozen"):
        oven.degrees = 10
    assert oven.replace(degrees=100).degrees == 100
    assert oven.replace(degrees=100).shelves == (2,)
    with pytest.raises(CompanionError, match="out of range"):
        oven.replace(degrees=10)


def test_the_description_says_all_that_a_control_needs():
    infos = {info.name: info for info in Oven.describe()}
    assert list(infos) == ["degrees", "hours", "mode", "preheat", "dish", "shelves", "sides"]
    assert [info.kind for info in infos.values()] == ["int", "float", "choice", "bool", "text", "list", "list"]
    assert infos["degrees"].defaults == {"quick": 180, "standard": 200, "paper": 220}
    assert (infos["hours"].low, infos["hours"].high, infos["hours"].log, infos["hours"].unit) == (
        0.1,
        10,
        True,
        "hours",
    )
    assert infos["mode"].choices == ("fan", "grill", "steam")
    assert infos["degrees"].help == "temperature"
    assert infos["preheat"].allowed == "true or false"
    assert infos["mode"].allowed == "fan, grill, steam"
    assert infos["dish"].allowed == "text"


def test_the_values_are_ready_for_json_and_come_back_the_same():
    values = json.loads(json.dumps(Oven.at("standard").values()))
    assert Oven.at("quick", **values) == Oven.at("standard")


def test_a_notebook_variable_of_none_stands_for_the_default_of_the_scale():
    assert Oven.given({"degrees": None, "hours": 2.0, "something": 1}) == {"hours": 2.0}
    assert Oven.given({"degrees": print, "hours": pytest}) == {}  # a function and a module of the same name


@pytest.mark.parametrize("scale", SCALES)
def test_the_defaults_of_few_data_are_within_their_own_ranges_at_every_scale(scale):
    values = FewData.at(scale).values()
    assert FewData.at("quick", **values) == FewData.at(scale)


def test_few_data_declares_the_ranges_of_the_sheet():
    infos = {info.name: info for info in FewData.describe()}
    assert (infos["per_class"].low, infos["per_class"].high, infos["per_class"].log) == (1, 140, True)
    assert infos["per_class"].default == 20
    assert (infos["dropout"].low, infos["dropout"].high) == (0, 0.5)
    assert (infos["label_noise"].low, infos["label_noise"].high) == (0, 1)
    assert (infos["weight_decay"].default, infos["dropout"].default, infos["augment"].default) == (0, 0, False)
    assert set(infos["optimiser"].choices) == {"lamb", "adam", "sgd"}
    assert {"vgg19_bn", "resnet18", "resnet101", "cnn"} <= set(infos["arch"].choices)
    assert all(info.help for info in infos.values())


def test_the_nearest_name_ignores_case_and_far_names_have_none():
    assert nearest("PER_CLAS", ["per_class", "seed"]) == "per_class"
    assert nearest("zzz", ["per_class", "seed"]) is None
    assert str(unknown("thing", "zzz", [])) == "Unknown thing 'zzz'. Known: none."
