"""The experiment of predefined_filters: its smallest run, its paired statistics, its figures."""

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest
import torch

from companion.claims import judge_all
from companion.errors import CompanionError
from companion.experiment import load_experiment
from companion.measure import measure
from companion.predefined_filters import claims, figures, filter_bank
from companion.predefined_filters.arms import ARMS, build
from companion.predefined_filters.declaration import PredefinedFilters
from companion.predefined_filters.experiment import EXPERIMENT, networks, point
from companion.predefined_filters.measurements import load_images, network, split_of
from companion.predefined_filters.tables import MEASURED, POINT, recorded_points, train_point
from companion.records import table

PAPER_BANK = {"n_angles": 4, "sigma_edge": 0.9, "sigma_line": 0.45}
SMALLEST = {"seeds": 2, "steps": 2, "per_class": 2, "sizes": "1", "arms": "pfnet,no_blur,dense,dense_blur"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return table([measure(EXPERIMENT, "quick", **SMALLEST)])


def accuracies(**reached: list[float]) -> pd.DataFrame:
    """Rows of arms at 20 images a class on a data set; the k-th value is that of seed k."""
    return pd.DataFrame(
        [
            PAPER_BANK | {"data": "digits", "per_class": 20, "arm": arm, "seed": seed, "test_accuracy": value}
            for arm, values in reached.items()
            for seed, value in enumerate(values)
        ]
    )


def test_the_smallest_run_trains_every_arm_with_every_seed(rows):
    assert len(rows) == 2 * (4 + 2)
    assert set(rows.loc[rows["per_class"] == 1, "arm"]) == {"pfnet", "dense"}
    assert rows["test_accuracy"].between(0, 1).all()
    assert (rows.groupby("arm")["parameters"].nunique() == 1).all()
    assert rows.loc[rows["arm"] == "pfnet", "parameters"].iloc[0] == 3626


def test_the_smallest_run_is_judged_and_drawn(rows):
    verdicts = {v.claim.key: v.state for v in judge_all(EXPERIMENT.claims, rows, "quick").verdicts}
    assert verdicts["K1"] == verdicts["K2"] == "holds"
    assert verdicts["C2"] == verdicts["C5"] == verdicts["P5"] == "not checked"  # not promised at quick scale
    for draw in (figures.ablation, figures.accuracy_against_size, figures.economy):
        matplotlib.pyplot.close(draw(rows))


def test_each_arm_changes_one_switch_of_the_pfnet():
    base = vars(ARMS["pfnet"]) | {"label": "", "table_7": None}
    for name, arm in ARMS.items():
        changed = {k for k, v in vars(arm).items() if k not in ("label", "table_7") and v != base[k]}
        assert len(changed) == {"pfnet": 0, "trainable_random": 2, "dense": 2}.get(name, 1), name


def test_arms_start_from_the_same_1x1_weights_so_that_differences_are_paired():
    def first(arm):
        torch.manual_seed(5)
        return build(
            ARMS[arm], 10, 1, (16, 32), (1, 1), stem="cifar", stem_f=16, n_angles=4, sigma_edge=0.9, sigma_line=0.45,
            init="pytorch",
        ).stages[1][0].unit2.pointwise.weight  # fmt: skip

    for arm in ("no_blur", "no_relu", "edges", "lines", "trainable"):
        assert torch.equal(first(arm), first("pfnet")), arm


def test_every_pfnet_arm_learns_equally_many_numbers_but_for_trained_kernels():
    parameters = PredefinedFilters.at("quick")
    images = load_images(parameters)
    counts = {
        arm: sum(p.numel() for p in network(parameters, images, arm).parameters())
        for arm in ("pfnet", "no_blur", "no_relu", "edges", "lines", "random", "trainable")
    }
    assert counts.pop("trainable") == counts["pfnet"] + 5 * 144
    assert set(counts.values()) == {3626}


def test_the_difference_of_two_arms_is_paired_by_seed():
    rows = accuracies(pfnet=[0.8, 0.9], no_blur=[0.75, 0.8])
    assert claims.gain("pfnet", "no_blur")(rows) == pytest.approx([0.05, 0.1])
    assert claims.gain("pfnet", "random")(rows) == []


def test_the_rise_of_the_lead_compares_fewest_with_most_images():
    few = accuracies(pfnet=[0.5, 0.6], dense=[0.4, 0.5])
    many = accuracies(pfnet=[0.8, 0.9], dense=[0.85, 0.9]).assign(per_class=100)
    middle = accuracies(pfnet=[0.1, 0.1], dense=[0.9, 0.9]).assign(per_class=50)
    rows = pd.concat([few, many, middle])
    assert claims.rise_of_the_lead(claims.own_data)(rows) == pytest.approx([0.15, 0.1])
    assert claims.rise_of_the_lead(claims.cifar10)(rows) == []


def test_cifar_10_is_judged_apart_from_the_scales_own_data():
    rows = pd.concat(
        [
            accuracies(pfnet=[0.8], dense=[0.7]),
            accuracies(pfnet=[0.5], dense=[0.6]).assign(data="cifar10", per_class=500),
        ]
    )
    assert claims.gain("pfnet", "dense")(rows) == pytest.approx([0.1])
    assert claims.lead_at_most_images(rows) == pytest.approx([-0.1])


def test_ablations_are_compared_where_all_arms_were_trained():
    main = accuracies(pfnet=[0.5], no_blur=[0.4], dense=[0.6], dense_blur=[0.6])
    larger = accuracies(pfnet=[0.9], dense=[0.8]).assign(per_class=40)
    rows = pd.concat([main, larger])
    assert claims.gain("pfnet", "dense")(rows) == pytest.approx([-0.1])


def test_networks_with_other_kernels_than_the_papers_do_not_enter_the_claims():
    rows = pd.concat([accuracies(pfnet=[0.8], random=[0.7]), accuracies(pfnet=[0.1]).assign(n_angles=8)])
    assert claims.gain("pfnet", "random")(rows) == pytest.approx([0.1])


@pytest.mark.parametrize("data", ["cifar10", "folder:flowers17_128/flowers17_128.zip"])
def test_the_record_of_one_data_set_alone_is_judged(rows, data):
    """Claims on the other data set are not measured then, which is no error."""
    verdicts = {v.claim.key: v.state for v in judge_all(EXPERIMENT.claims, rows.assign(data=data), "standard").verdicts}
    other = ("P1", "P2a", "P4a", "C2") if data == "cifar10" else ("P2c", "P3", "P4b")
    assert {verdicts[key] for key in other} == {"not measured"}


def test_the_explorer_shows_each_network_once_and_dense_ones_at_every_number_of_angles():
    two = pd.concat([accuracies(pfnet=[0.8], dense=[0.9])] * 2).assign(train_accuracy=1.0)
    shown = recorded_points(pd.concat([two, accuracies(pfnet=[0.7]).assign(n_angles=8, train_accuracy=1.0)]))
    assert shown["network"].tolist() == ["pfnet", "pfnet", "dense"]
    assert shown["n_angles"].tolist() == [4, 8, None]


def test_a_point_trained_in_the_explorer_has_the_columns_of_the_recorded_ones():
    rows = train_point({"network": "no blur", "n_angles": 2, "per_class": 1}, scale="quick")
    assert list(rows[0]) == [*POINT, *MEASURED]
    assert [(row["network"], row["n_angles"]) for row in rows] == [("no blur", 2)] * 3


def test_every_network_is_trained_once_even_where_sizes_repeat():
    todo = networks(PredefinedFilters.at("quick", sizes="5,20"))
    assert len(todo) == len(set(todo)) == 7 + 2


def test_digits_are_enlarged_to_the_declared_size_and_the_test_set_is_the_same_at_every_size():
    parameters = PredefinedFilters.at("quick")
    images = load_images(parameters)
    assert images.images.shape[1:] == (1, 16, 16)
    few, many = (split_of(parameters, images, n) for n in (5, 80))
    assert torch.equal(few.test, many.test)
    assert set(few.train.tolist()) < set(many.train.tolist())


def test_the_point_that_a_reader_asks_for_is_trained_alone():
    rows = point(arm="no_relu", seeds=1, steps=1, per_class=1, n_angles=6)
    assert [(row["arm"], row["n_angles"], row["seed"]) for row in rows] == [("no_relu", 6, 0)]


def test_an_unknown_arm_is_named_with_the_nearest():
    with pytest.raises(CompanionError, match="no_blur"):
        PredefinedFilters.at("quick", arms="no_blurr")


def test_the_experiment_is_found_by_its_name():
    assert load_experiment("predefined_filters") is EXPERIMENT
    assert {claim.key for claim in EXPERIMENT.claims} >= {"P1", "P2a", "P2b", "P3", "P4a", "P5"}


def test_every_figure_of_the_idea_is_drawn():
    bank = filter_bank()
    for figure in (
        figures.kernel_gallery(bank, [str(k) for k in range(16)]),
        figures.spectra({"bank": bank}),
        figures.aliasing_steps(),
        figures.kernel_responses(),
    ):
        matplotlib.pyplot.close(figure)
