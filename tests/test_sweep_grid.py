"""The grid of a sweep: what --set may say, and what is refused before anything runs."""

import itertools

import pytest
from sweep_toys import TOY, ToyParameters

from companion.errors import CompanionError
from companion.experiment import Together
from companion.sweep import Sweep, make_grid, read_grid
from companion.sweep.batches import batches
from companion.sweep.point import find_experiment, origin_of


def values(setting: str) -> list:
    """The values of one axis as --set reads it."""
    name, _, text = setting.partition("=")
    (axis,) = read_grid({name: text}, ToyParameters).axes
    return list(axis.values)


# What a setting says


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("surrogate=relu,b_silu", ["relu", "b_silu"]),
        ("surrogate=relu", ["relu"]),
        ("seed=0..9", list(range(10))),
        ("seed=3,0..2,7", [3, 0, 1, 2, 7]),
        ("seed=1..100:log3", [1, 10, 100]),
        ("seed=0..3:lin7", [0, 1, 2, 3]),
        ("depth=1..2", [1, 2]),
        ("x=0.5", [0.5]),
        ("x=-1..1:lin5", [-1.0, -0.5, 0.0, 0.5, 1.0]),
        ("x=1e-3..1e-1:log5", [0.001, 0.00316228, 0.01, 0.0316228, 0.1]),
        ("x=.5..1.5:lin3", [0.5, 1.0, 1.5]),
        ("x=0,1e-2..1:log3", [0.0, 0.01, 0.1, 1.0]),
        ("bias=true,false", [True, False]),
        ("widths=4,16,48", [(4, 16, 48)]),
        ("widths=[4],[16,48],[]", [(4,), (16, 48), ()]),
        ("widths=[4, 16]", [(4, 16)]),
        ('data="folder:/a,b..c",digits', ["folder:/a,b..c", "digits"]),
        ("seed=1,1,01", [1]),
    ],
)
def test_a_setting_names_these_values(setting, expected):
    assert values(setting) == expected


def test_a_logarithmic_range_has_equal_ratios_and_its_ends():
    found = values("x=1e-4..10:log6")
    assert (found[0], found[-1]) == (1e-4, 10)
    assert [b / a for a, b in itertools.pairwise(found)] == pytest.approx([10] * 5, rel=1e-5)


def test_the_grid_is_the_product_of_its_axes_and_the_last_runs_fastest():
    grid = read_grid({"surrogate": "relu,b_silu", "seed": "0..2"}, ToyParameters)
    assert len(grid) == 6
    assert list(grid)[:4] == [
        {"surrogate": "relu", "seed": 0}, {"surrogate": "relu", "seed": 1}, {"surrogate": "relu", "seed": 2},
        {"surrogate": "b_silu", "seed": 0},
    ]  # fmt: skip


def test_in_python_a_grid_is_values_by_name():
    assert make_grid({"seed": range(3), "x": 0.5}, ToyParameters) == read_grid(
        {"seed": "0..2", "x": "0.5"}, ToyParameters
    )
    (axis,) = make_grid({"widths": [[4], [16, 48]]}, ToyParameters).axes
    assert axis.values == ((4,), (16, 48))


def test_no_settings_are_one_point_of_defaults():
    (point,) = Sweep(TOY, {}, out="nowhere").points
    assert point.parameters == ToyParameters.at("quick").values()


def test_points_with_the_same_parameters_are_one_and_other_parameters_come_from_the_scale():
    sweep = Sweep(TOY, {"seed": [1, 2, 1], "depth": [1, 2]}, "standard", out="nowhere")
    assert len(sweep.points) == 4 == len({point.key for point in sweep.points})
    assert {point.parameters["pause"] for point in sweep.points} == {0.001}
    assert sweep.points[1].label == "seed=1, depth=2"


# What is refused


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sed": "0..9"}, ["'sed'", "Did you mean 'seed'?"]),
        ({"surrogate": "relu,bsilu"}, ["'bsilu'", "Did you mean 'b_silu'?"]),
        ({"x": "-20,0,5,11,12.5"}, ["'x' is -20, out of range", "-10 to 10 V", "Not allowed either: 11, 12.5."]),
        ({"seed": "9998..10002"}, ["10000", "10001, 10002"]),
        ({"seed": "9000..12000"}, ["10000", "and 1980 more"]),
        ({"sed": "1", "x": "99", "depth": "1..3"}, ["'seed'", "'x' is 99", "'depth'", "'3'"]),
        ({"x": "0..1"}, ["say how many", "0..1:lin5"]),
        ({"x": "0..1:log5"}, ["equal ratios need numbers above 0", ":lin5"]),
        ({"x": "1..0:lin5"}, ["from the smaller to the larger"]),
        ({"x": "0..1:lin1"}, ["at least 2 values"]),
        ({"x": "a..b"}, ["a range is 0..9"]),
        ({"seed": "0.5..3"}, ["whole numbers"]),
        ({"seed": "0..1e9"}, ["whole numbers, at most 100000"]),
        ({"seed": "0..999", "x": "0..1:lin200"}, ["200000 points", "1000 (seed) x 200 (x)"]),
        ({"widths": "1..3"}, ["in brackets"]),
        ({"widths": "[4],5"}, ["in brackets"]),
        ({"widths": "[4"}, ["no partner"]),
        ({"widths": "[4],[99]"}, ["'widths' is 99", "1 to 64"]),
        ({"seed": ""}, ["'seed'", "a whole number"]),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(settings, words):
    with pytest.raises(CompanionError) as error:
        read_grid(settings, ToyParameters)
    assert [word for word in words if word not in str(error.value)] == []


def test_a_parameter_without_a_value_is_refused_in_python():
    with pytest.raises(CompanionError, match="'seed' is given no value"):
        make_grid({"seed": []}, ToyParameters)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["few_date"], ["Unknown experiment 'few_date'", "'few_data'"]),
        (["few_data", "--set", "per_clas=1..3"], ["'per_clas'", "'per_class'"]),
        (["few_data", "--set", "per_class=100,500,600"], ["'per_class' is 500", "140", "600"]),
        (["few_data", "--set", "seed=1", "--set", "seed=2"], ["'seed' twice"]),
        (["few_data", "--scale", "quik"], ["Unknown scale 'quik'"]),
        (["few_data", "--via", "paper"], ["Unknown way 'paper'", "'papermill'"]),
        (["few_data", "--via", "papermill", "--notebook", "nowhere.ipynb"], ["no notebook 'nowhere.ipynb'"]),
        (["few_data", "--notebook", "a.ipynb"], ["--via papermill"]),
        (["few_data", "--backend", "dusk"], ["Unknown backend 'dusk'", "'dask'"]),
        (["few_data", "--jobs", "0"], ["--jobs is 0"]),
        (["few_data", "--scheduler", "tcp://nowhere:1"], ["--backend dask"]),
        (["no_such_module:X"], ["cannot be imported", "no_such_module"]),
        (["sweep_toys:TOYS"], ["no experiment 'TOYS'", "TOY, TRAINED"]),
        (["show", "nowhere"], ["There is no folder 'nowhere'"]),
    ],
)
def test_on_the_command_line_errors_are_one_paragraph_and_nothing_runs(command, own_folders, arguments, words):
    answer = command("sweep", *arguments)
    assert answer.code == 2
    assert [word for word in words if word not in answer.err] == []
    assert "Traceback" not in answer.err + answer.out
    assert not list(own_folders.glob("records/*/*.json"))


# Which points share a program, and where experiments are found


def test_points_that_differ_only_in_what_may_differ_share_a_task():
    points = Sweep(TOY, {"depth": [1, 2], "seed": range(10)}, out="nowhere").points
    together = Together(("seed",), lambda *_: [], most=4)
    sizes = [(len(batch), {p.parameters["depth"] for p in batch}) for batch in batches(points, together)]
    assert sizes == [(4, {1}), (4, {1}), (2, {1}), (4, {2}), (4, {2}), (2, {2})]
    assert [p for batch in batches(points, together) for p in batch] == points
    assert [len(batch) for batch in batches(points, Together(("seed", "depth"), lambda *_: []), jobs=2)] == [10, 10]
    assert {len(batch) for batch in batches(points, None)} == {1}


def test_a_parameter_to_differ_in_must_exist():
    with pytest.raises(CompanionError, match="Did you mean 'seed'"):
        batches(Sweep(TOY, {}, out="nowhere").points, Together(("seeds",), lambda *_: []))


def test_an_experiment_is_found_by_name_by_module_or_taken_along():
    from companion.few_data.experiment import EXPERIMENT

    assert origin_of(EXPERIMENT).reference == "few_data"
    assert origin_of(TOY).reference == "sweep_toys:TOY"
    assert origin_of(TOY).experiment() is TOY
    nameless = type(TOY)("other", "", "none", ToyParameters, TOY.run, claims=())
    assert (origin_of(nameless).reference, origin_of(nameless).experiment()) == ("", nameless)
    assert find_experiment("sweep_toys:TOY") is TOY
