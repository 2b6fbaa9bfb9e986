"""The experiment in its smallest form: equal starts, twins, silent starts, rows, claims, figures."""

import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from companion.claims import judge, judge_all
from companion.measure import measure
from companion.records import Record, table
from companion.sugar import figures, mechanism_figures
from companion.sugar.arms import ArmBank, forward_arm, gain_matched_arm, relu_arm, sugar_arm
from companion.sugar.claims import CLAIMS
from companion.sugar.declaration import Sugar
from companion.sugar.experiment import EXPERIMENT, all_arms, point, run
from companion.sugar.networks import StackedMLP
from companion.sugar.perceptrons import flat_sample, silent_preactivations
from companion.sugar.stacked_training import Plan, train_stacked
from companion.sugar.tables import recorded_points, train_point

SMALL = {"depth": 2, "width": 8, "epochs": 2, "seeds": 2, "train_images": 100, "rates": (0.1,), "others": ("silu",)}


@pytest.fixture(scope="module")
def rows():
    parameters = Sugar.at("quick", **SMALL, grid=3, parts=("mechanics", "comparison", "rates", "landscape"))
    record = Record("sugar", "quick", parameters.values(), run(parameters))
    return table([Record.from_json(record.to_json())])


def test_every_arm_of_the_bank_computes_its_own_function_and_slope():
    arms = [relu_arm(), gain_matched_arm("b_silu"), sugar_arm("b_silu"), sugar_arm("elu"), forward_arm("b_silu")]
    x = torch.randn(10, 7, 3, dtype=torch.float64, requires_grad=True)
    together = ArmBank(arms, 2)(x)
    (gradient,) = torch.autograd.grad(together.sum(), x)
    for k, arm in enumerate(arms):
        alone = x[2 * k : 2 * k + 2].detach().requires_grad_()
        y = arm.module()(alone)
        assert torch.equal(y, together[2 * k : 2 * k + 2])
        torch.testing.assert_close(torch.autograd.grad(y.sum(), alone)[0], gradient[2 * k : 2 * k + 2])


def test_equal_seeds_start_from_equal_weights_whatever_the_arm():
    network = StackedMLP((4, 6, 3), [7, 8, 7, 8], torch.relu)
    assert torch.equal(network.weights[0][0], network.weights[0][2])
    assert not torch.equal(network.weights[0][0], network.weights[0][1])


@pytest.mark.parametrize("arm", [relu_arm(), sugar_arm("b_silu"), forward_arm("b_silu")], ids=lambda a: a.kind)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_stacked_member_learns_what_its_sequential_twin_learns(arm, batch_norm):
    data = flat_sample("digits", 120)
    plan = Plan(depth=2, width=8, epochs=2, batch=40, learning_rate=0.1, batch_norm=batch_norm)
    stacked = train_stacked([sugar_arm("elu"), arm], [3, 4], data, plan).network
    sizes = (64, 8, 8, 10)
    twin = StackedMLP(sizes, [4], torch.relu, batch_norm=batch_norm).member(0)
    for position, module in enumerate(twin):
        if isinstance(module, torch.nn.ReLU):
            twin[position] = arm.module()
    optimiser = torch.optim.SGD(twin.parameters(), 0.1)
    order = torch.Generator().manual_seed(10_004)
    for _ in range(2):
        for chosen in torch.randperm(120, generator=order).split(40):
            optimiser.zero_grad()
            cross_entropy(twin(data.train[chosen]), data.train_labels[chosen]).backward()
            optimiser.step()
    for one, other in zip(stacked.member(3).parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_silent_start_is_overcome_by_sugar_and_by_no_larger_step():
    data = flat_sample("digits", 1000, scaling="symmetric")
    arms = [relu_arm(), gain_matched_arm("b_silu"), sugar_arm("b_silu")]
    plan = Plan(depth=2, width=128, bias_init=-2, learning_rate=0.05, epochs=20, evaluations=1)
    relu, control, sugar = train_stacked(arms, [0], data, plan).curves["test_accuracy"][-1].tolist()
    assert relu < 0.15
    assert control < 0.15
    assert sugar > 0.8


def test_the_second_layer_of_the_silent_start_fires_for_no_image():
    assert (silent_preactivations(0.0) > 0).any()
    assert not (silent_preactivations(-2.0) > 0).any()
    assert not (silent_preactivations(-4.0) > 0).any()
    assert silent_preactivations(-2.0).mean() > -2.7349 > silent_preactivations(-4.0).mean()


def test_a_small_run_has_a_row_for_every_network(rows):
    arms, central = len(all_arms(Sugar.at("quick", **SMALL))), 3
    assert (rows["part"] == "comparison").sum() == 2 * (arms + central)
    assert (rows["part"] == "landscape").sum() == 3
    assert set(rows.loc[rows["part"] == "comparison", "learning_rate"]) == {0.01, 0.1}
    trained = rows[rows["part"] == "comparison"]
    assert trained["dead_by_layer"].map(len).eq(2).all()
    assert trained["gradient_norms"].map(len).eq(3).all()


def test_the_mechanics_are_exact_in_every_dtype(rows):
    mechanics = rows[rows["part"] == "mechanics"]
    assert set(mechanics["dtype"]) == {"float64", "float32", "float16", "bfloat16"}
    assert (mechanics[["output_error", "gradient_error"]] == 0).all().all()


def test_the_figures_of_a_small_run_can_be_drawn(rows):
    names = ("accuracy_by_arm", "three_readings", "learning", "accuracy_by_rate", "gradient_profile", "dead_units")
    for name in (*names, "dead_over_time", "activation_counts", "loss_slices"):
        figures.plt.close(getattr(figures, name)(rows))


def test_the_figures_of_the_mechanism_can_be_drawn():
    histograms = {"bias -2": silent_preactivations(-2.0)}
    for figure in (mechanism_figures.surrogates(), mechanism_figures.gains(), mechanism_figures.reach(histograms)):
        figures.plt.close(figure)
    figures.plt.close(mechanism_figures.injected_fields())


def test_claims_need_their_control_and_say_so_when_it_is_missing(rows):
    verdicts = {claim.key: judge(claim, rows, "quick") for claim in CLAIMS}
    assert verdicts["S1"].state == "holds"
    assert verdicts["S8"].state == "holds"
    assert verdicts["S2"].state == "not measured"
    assert verdicts["S4b"].interval.count == 2
    assert verdicts["S5a"].interval.count == 2


def synthetic(relu, control, sugar, forward):
    """A comparison at one learning rate with the given accuracies, three seeds each."""
    kinds = {"relu": relu, "gain-matched": control, "sugar": sugar, "forward": forward}
    shared = {"part": "comparison", "learning_rate": 0.01, "data": "digits", "arch": "mlp", "optimiser": "sgd"}
    return pd.DataFrame(
        [
            shared
            | {"kind": kind, "f": None if kind == "relu" else "b_silu", "seed": s, "test_accuracy": a + 0.001 * s}
            for kind, a in kinds.items()
            for s in range(3)
        ]
    )


def test_an_advantage_that_the_control_shares_is_called_a_step_size_effect():
    claims = {claim.key: claim for claim in CLAIMS}
    shared = synthetic(relu=0.80, control=0.90, sugar=0.90, forward=0.80)
    assert [judge(claims[key], shared, "quick").state for key in ("S4a", "S4b", "S5a")] == ["holds", "holds", "holds"]
    own = synthetic(relu=0.80, control=0.80, sugar=0.90, forward=0.88)
    assert [judge(claims[key], own, "quick").state for key in ("S4a", "S4b", "S5a")] == ["fails", "holds", "fails"]


def test_a_point_for_the_live_controls_has_the_four_readings_and_its_parameters():
    trained = point(scale="quick", depth=1, width=8, epochs=1, seeds=1, train_images=60, surrogate="elu", alpha=0.5)
    assert [row["kind"] for row in trained] == ["relu", "gain-matched", "sugar", "forward"]
    assert {row["alpha"] for row in trained if row["kind"] in ("sugar", "forward")} == {0.5}
    assert all(row["epochs"] == 1 for row in trained)
    assert set(recorded_points(pd.DataFrame(trained))["f"].dropna()) == {"ELU"}


def test_the_experiment_declares_every_scale():
    for scale in ("quick", "standard", "paper"):
        assert Sugar.at(scale).seeds >= 3
    paper = Sugar.at("paper")
    assert (paper.learning_rate, paper.epochs, paper.batch, paper.seeds) == (0.001, 50, 128, 5)
    assert len(paper.others) == 7
    assert EXPERIMENT.paper == "sugar"


@pytest.mark.slow
def test_an_image_network_trains_in_every_reading():
    from companion.sugar.image_training import ImageSample, image_rows

    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (40,), generator=generator)
    sample = ImageSample("random", images, labels, images[:20], labels[:20], 10, "generated")
    for arm in (relu_arm(), gain_matched_arm("b_silu"), sugar_arm("b_silu"), forward_arm("b_silu")):
        (row,) = image_rows("comparison", "vgg_mini", arm, 0, Plan(width=8, epochs=1, batch=20), sample)
        assert len(row["dead_by_layer"]) == 6
        assert 0 <= row["test_accuracy"] <= 1


def test_a_point_that_a_reader_asks_for_comes_back_as_the_explorers_rows():
    rows = train_point({"f": "ELU", "depth": 1, "learning_rate": 0.02})
    assert {row["reading"] for row in rows} == {"plain ReLU", "ReLU, gain-matched", "f forward", "SUGAR with f"}
    assert {row["learning_rate"] for row in rows} == {0.02}
    assert {row["seed"] for row in rows} == {0, 1, 2}
    assert all(row["f"] == "ELU" or row["reading"] == "plain ReLU" for row in rows)


@pytest.mark.parametrize("part", ["mechanics", "comparison", "rates", "silence"])
def test_a_run_of_one_part_is_judged_by_the_claims_it_can_decide(part):
    small = SMALL | {"silent_biases": (-2.0,), "silent_seeds": 2}
    record = measure(EXPERIMENT, "quick", **small, parts=(part,))
    states = {v.claim.key: v.state for v in judge_all(EXPERIMENT.claims, table([record]), "quick").verdicts}
    assert (states["S1"] == "not measured") == (part != "mechanics")
    assert (states["S4b"] == "not measured") == (part != "comparison")
    assert (states["S2"] == "not measured") == (part != "silence")
