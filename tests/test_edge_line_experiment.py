"""The experiment of edge_line: its smallest run, its paired statistics, its tables and figures."""

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest
import torch

from companion.claims import judge_all
from companion.edge_line import claims, figures
from companion.edge_line.arms import Arm, compared
from companion.edge_line.declaration import EdgeLine
from companion.edge_line.experiment import EXPERIMENT, networks, point
from companion.edge_line.tables import MEASURED, POINT, recorded_points, size_and_span, train_point
from companion.errors import CompanionError
from companion.experiment import load_experiment
from companion.measure import measure
from companion.predefined_filters.measurements import load_images
from companion.records import table

SMALLEST = {
    "seeds": 2, "steps": 2, "per_class": 2, "sizes": "1", "filter_counts": "2", "one_filter_counts": "2",
    "dash_sizes": "4,32,128,1024", "dash_seeds": 2, "twin_filters": "2", "twin_sizes": "128",
    "banks": "H and V",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return table([measure(EXPERIMENT, "quick", **SMALLEST)])


def accuracies(per_class: int = 10, data: str = "flowers", **reached: list[float]) -> pd.DataFrame:
    """Rows of arms, named like ``edge_line_9``; the k-th value is that of seed k."""
    arms = {
        "nine": Arm("edge+line"), "dense": Arm("dense"), "two": Arm("edge+line", 2), "shifts": Arm("translating"),
        "edges": Arm("edge", 16), "wide": Arm("edge+line", 16), "one_filter": Arm("edge+line", 2, "one_filter"),
    }  # fmt: skip
    shared = {"part": "images", "bn_mid": "none", "relu_mid": True, "data": data, "per_class": per_class}
    return pd.DataFrame(
        [
            shared | vars(arms[name]) | {"arm": arms[name].label, "seed": seed, "test_accuracy": value}
            for name, values in reached.items()
            for seed, value in enumerate(values)
        ]
    )


def test_the_smallest_run_trains_every_arm_with_every_seed(rows):
    images = rows[rows["part"] == "images"]
    assert len(images) == 2 * (len(networks(EdgeLine.at("quick", **SMALLEST))))
    assert images["test_accuracy"].between(0, 1).all()
    nine = images[(images["n_filters"] == 9) & (images["mode"] == "all_filters")]
    assert nine["parameters"].nunique() == 1  # the dense host among them
    assert set(images.loc[images["per_class"] == 1, "family"]) == {"dense", "edge+line"}


def test_the_dashes_are_solved_with_two_learned_numbers(rows):
    dashes = rows[rows["part"] == "dashes"]
    solved = dashes[(dashes["arm"] == "H and V") & (dashes["train_images"] >= 32)]
    assert len(solved) == 3 * 2
    assert (solved["parameters"] == 2).all()
    assert solved["test_accuracy"].min() > 0.99


def test_the_smallest_run_is_judged_and_drawn(rows):
    verdicts = {v.claim.key: v.state for v in judge_all(EXPERIMENT.claims, rows, "quick").verdicts}
    assert {verdicts[key] for key in ("P1a", "P1b", "P4a", "P5a")} == {"holds"}
    assert {verdicts[key] for key in ("C1", "P2a", "P2b")} == {"not checked"}  # not promised at quick scale
    assert verdicts["P5c"] == "not measured"
    for draw in (
        figures.families, figures.accuracy_against_size, figures.accuracy_against_filters, figures.dashes_accuracy,
    ):  # fmt: skip
        matplotlib.pyplot.close(draw(rows))


def test_a_data_set_is_named_by_its_folder_or_archive():
    assert figures.data_name("folder:flowers17_128/flowers17_128.zip") == "flowers17"
    assert figures.data_name("folder:birds/") == figures.data_name("birds") == "birds"


def test_every_figure_of_the_idea_is_drawn():
    for draw in (figures.response_cloud, figures.dash_responses, figures.parameters_against_filters):
        matplotlib.pyplot.close(draw())


def test_one_training_image_of_each_class_is_shown():
    parameters = EdgeLine.at("quick")
    figure = figures.training_images(load_images(parameters), parameters)
    titles = [axes.get_title(loc="center") for axes in figure.axes]
    assert titles == [str(digit) for digit in range(10)]
    matplotlib.pyplot.close(figure)


def test_the_gain_is_paired_by_data_set_and_seed_where_all_arms_were_trained():
    rows = pd.concat(
        [
            accuracies(nine=[0.5, 0.6], dense=[0.4, 0.55], shifts=[0.4, 0.5]),
            accuracies(20, nine=[0.9, 0.9], dense=[0.1, 0.1]),
            accuracies(5, "cars", nine=[0.3], dense=[0.35], shifts=[0.3]),
        ]
    )
    assert claims.gain(("edge+line",), ("dense",))(rows) == pytest.approx([-0.05, 0.1, 0.05])
    assert claims.gain(("edge+line",), ("random",))(rows) == []


def test_the_lead_is_taken_at_each_data_sets_own_smallest_and_largest_training_set():
    flowers = [accuracies(n, nine=[a], dense=[0.5]) for n, a in ((5, 0.6), (10, 0.2), (40, 0.45))]
    cars = [accuracies(n, "cars", nine=[a], dense=[0.5]) for n, a in ((10, 0.55), (20, 0.65))]
    rows = pd.concat(flowers + cars)
    assert sorted(claims.lead_at_fewest(rows)) == pytest.approx([0.05, 0.1])
    assert sorted(claims.fall_of_the_lead(rows)) == pytest.approx([-0.1, 0.15])


def test_span_is_compared_in_units_of_the_larger_deviation_and_the_worst_data_set_decides():
    near = accuracies(edges=[0.4, 0.6], wide=[0.5, 0.52], shifts=[0.1, 0.1])
    far = accuracies(data="cars", edges=[0.1, 0.2], wide=[0.4, 0.41], shifts=[0.1, 0.1])
    statistic = claims.in_deviations(("edge", 16), ("edge+line", 16))
    assert statistic(near) == pytest.approx([0.01 / 0.1414], rel=1e-3)
    assert statistic(pd.concat([near, far])) == pytest.approx([0.255 / 0.0707], rel=1e-3)
    assert statistic(accuracies(edges=[0.4, 0.6])) == []


def test_networks_with_a_batch_norm_in_the_middle_or_without_relu_do_not_enter_the_claims():
    plain = accuracies(nine=[0.5], dense=[0.4], shifts=[0.4])
    others = [accuracies(nine=[0.9]).assign(bn_mid="affine"), accuracies(nine=[0.9]).assign(relu_mid=False)]
    assert claims.gain(("edge+line",), ("dense",))(pd.concat([plain, *others])) == pytest.approx([0.1])


def test_the_modes_are_kept_apart():
    rows = accuracies(two=[0.3], one_filter=[0.2], nine=[0.4])
    assert claims.reached(rows, "edge+line", 2).tolist() == [0.3]
    assert claims.reached(rows, "edge+line", 2, "one_filter").tolist() == [0.2]


def test_two_fixed_filters_are_held_against_two_learned_ones_by_seed():
    rows = pd.DataFrame(
        {"part": "dashes", "train_images": 128, "seed": [0, 1, 0, 1], "test_accuracy": [1, 1, 0.5, 1],
         "arm": ["H and V", "H and V", "2 learned", "2 learned"]}
    )  # fmt: skip
    assert claims.fixed_against_learned(rows) == [0.5, 0]


def test_every_network_is_trained_once():
    todo = networks(EdgeLine.at("standard", sizes="5,10"))
    assert len(todo) == len(set(todo))
    assert compared(("edge",), 16, (), ("edge",), ()) == [Arm("dense"), Arm("edge", 16)]


def test_a_family_without_that_many_filters_is_an_error_that_says_how_many_there_are():
    with pytest.raises(CompanionError, match="1 to 9"):
        networks(EdgeLine.at("quick", n_filters=12))


def test_a_point_trained_in_the_explorer_has_the_columns_of_the_recorded_ones():
    rows = train_point({"family": "dense", "n_filters": 4, "per_class": 1})
    assert list(rows[0]) == [*POINT, *MEASURED]
    assert [(row["family"], row["n_filters"]) for row in rows] == [("dense", None)] * 3


def test_the_explorer_shows_the_dense_host_at_every_number_of_filters():
    one = accuracies(data="digits", nine=[0.8], dense=[0.9], one_filter=[0.1]).assign(train_accuracy=1.0)
    shown = recorded_points(pd.concat([one, one]))
    assert shown["family"].tolist() == ["dense", "edge+line"]
    assert shown["n_filters"].tolist() == [None, 9]


def test_the_point_that_a_reader_asks_for_is_trained_alone():
    rows = point(family="learned", mode="one_filter", n_filters=4, bn_mid="plain", seeds=1, steps=1, per_class=1)
    assert [(row["family"], row["mode"], row["bn_mid"], row["seed"]) for row in rows] == [
        ("learned", "one_filter", "plain", 0)
    ]


def test_the_table_of_size_and_span_leaves_the_random_numbers_of_torch_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert size_and_span().set_index("set").loc["our nine"].tolist() == [9, 7]
    assert torch.equal(torch.rand(1), expected)


def test_the_experiment_is_found_by_its_name():
    assert load_experiment("edge_line") is EXPERIMENT
    assert {claim.key for claim in EXPERIMENT.claims} >= {"P1a", "P2a", "P3a", "P4b", "P5a"}
