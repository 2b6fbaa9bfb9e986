"""The experiment in its smallest form: rows, claims, figures, tables, live points."""

import pandas as pd
import pytest
import torch

from companion.claims import judge
from companion.proxygrad import figures, mechanism_figures
from companion.proxygrad.claims import CLAIMS
from companion.proxygrad.declaration import ProxyGrad
from companion.proxygrad.experiment import EXPERIMENT, ascent_point, run, train_point
from companion.proxygrad.pictures import decode_pictures, encode_pictures
from companion.proxygrad.random_networks import Method
from companion.proxygrad.samples import draw_starts, image_sample, step_length
from companion.proxygrad.tables import recorded_ascents, recorded_evolution, recorded_random_networks
from companion.proxygrad.trained import Networks
from companion.records import Record, table

SMALL = {
    "train_images": 100, "test_images": 60, "epochs": 2, "seeds": 2, "train_seeds": 2,
    "steps": 6, "units": 3, "classes": 3, "starts": 2,
    "shown": 2, "slopes": (0.1, 0.3, 1.0), "depths": (1, 2), "random_networks": 3, "random_starts": 3,
    "random_steps": 10, "train_slopes": (0.1, 1.0), "other_slopes": (0.1,),
}  # fmt: skip
METHODS = 1 + 2 * 3  # plain, and three slopes in both readings


@pytest.fixture(scope="module")
def rows():
    parts = ("toys", "random", "units", "logits", "variations", "pictures", "training")
    parameters = ProxyGrad.at("quick", **SMALL, parts=parts)
    record = Record("proxygrad", "quick", parameters.values(), run(parameters))
    return table([Record.from_json(record.to_json())])


def test_a_small_run_has_a_row_for_everything(rows):
    counts = rows["part"].value_counts()
    assert counts["random"] == 2 * 3 * (METHODS + 3)  # depths, networks, methods with two stages
    assert counts["logits"] == 2 * (METHODS + 1 + 1)  # networks; two-stage, author's schedule
    assert counts["units"] == 3 * counts["logits"]  # three layers
    assert counts["variations"] == 4 * 3
    assert counts["pictures"] == 2 * 4 * 2
    assert counts["training"] == 2 * (1 + 2 + 2)


def test_the_toys_end_as_listed(rows):
    verdicts = {claim.key: judge(claim, rows, "quick") for claim in CLAIMS}
    assert [verdicts[key].state for key in ("C1", "P1a", "P1b")] == ["holds"] * 3


def test_every_claim_finds_its_rows_or_says_that_they_are_missing(rows):
    verdicts = {claim.key: judge(claim, rows, "quick") for claim in CLAIMS}
    missing = {key for key, verdict in verdicts.items() if verdict.state == "not measured"}
    assert missing == {"P0a", "P0b"}
    empty = pd.DataFrame({"part": ["none"]})
    assert {judge(claim, empty, "quick").state for claim in CLAIMS} == {"not measured"}


def test_the_figures_of_a_small_run_can_be_drawn(rows):
    names = ("toys", "random_networks", "line_maxima", "units", "unit_histograms", "logits", "variations")
    for name in (*names, "gallery", "evolution", "training"):
        figures.plt.close(getattr(figures, name)(rows))


def test_the_figures_of_the_mechanism_can_be_drawn():
    networks = mechanism_figures.one_input_networks((2,), 1)
    for figure in (
        mechanism_figures.two_slopes(), mechanism_figures.hinges(), mechanism_figures.detector(),
        mechanism_figures.fields(), mechanism_figures.deep_landscape(networks, depth=2, network=1),
    ):  # fmt: skip
        figures.plt.close(figure)


def test_the_tables_of_the_explorers_have_a_row_for_every_view(rows):
    random = recorded_random_networks(rows)
    assert set(random["method"]) == {"plain gradient", "local reading", "proxy reading", "two-stage (ours)"}
    assert random.loc[random["method"] == "plain gradient", "slope"].isna().all()
    ascents = recorded_ascents(rows)
    assert ascents.loc[ascents["method"] == "plain gradient", "relative"].dropna().eq(1).all()
    frames = recorded_evolution(rows)
    assert len(frames) == 16 * 6
    assert frames["image"].iloc[0].shape == (8, 8)


def synthetic_units(relu, slope):
    """Two networks whose shares of stuck ascents are as given."""
    shared = {"part": "units", "layer": "layer 3", "schedule": "constant", "semantics": "local", "restarted": 1.0}
    arms = [(0.0, relu)] + [(a, slope) for a in (0.01, 0.1, 0.3)]
    return pd.DataFrame(
        [
            shared | {"a_b": a, "stuck": s + 0.01 * seed, "value": 1 - s, "seed": seed}
            for a, s in arms
            for seed in (0, 1)
        ]
    )


def test_half_as_many_stuck_ascents_are_asked_for():
    claims = {claim.key: claim for claim in CLAIMS}
    assert judge(claims["P2b"], synthetic_units(0.5, 0.05), "quick").state == "holds"
    assert judge(claims["P2b"], synthetic_units(0.5, 0.4), "quick").state == "fails"
    assert judge(claims["P2a"], synthetic_units(0.5, 0.05), "quick").state == "holds"


def test_pictures_survive_the_record():
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    pixels = decode_pictures(encode_pictures(images))
    assert pixels.shape == (3, 8, 8)
    assert (torch.tensor(pixels) - 255 * images[:, 0]).abs().max() <= 0.5
    assert decode_pictures(encode_pictures(images.expand(3, 3, 8, 8))).shape == (3, 8, 8, 3)


def test_starts_and_steps_are_measured_in_the_range_of_the_pixels():
    sample = image_sample("digits", train_images=50, test_images=20)
    grey = draw_starts(sample, 2, "grey")
    torch.testing.assert_close(sample.pixels(grey), torch.full_like(grey, 0.5))
    noise = sample.pixels(draw_starts(sample, 200, "noise", 0.2))
    assert 0.4 <= float(noise.min()) < float(noise.max()) <= 0.6
    assert torch.equal(draw_starts(sample, 3, "image", seed=1), draw_starts(sample, 3, "image", seed=1))
    step = torch.full((1, 8, 8), 1.0) / sample.deviation * 0.03  # every pixel by 3 % of its range
    assert step_length(sample, 0.03) == pytest.approx(float(step.norm()), rel=1e-5)


def test_slope_zero_of_every_method_is_the_plain_gradient():
    assert Method("proxy", 0.0).label == Method("local", 0.0).label == "ReLU"


def test_the_live_points_have_curves_and_all_parameters():
    small = {name: SMALL[name] for name in ("train_images", "test_images", "epochs", "steps", "starts")}
    trained = train_point(**small, train_seeds=1, a_b=0.3, reading="pulled back")
    assert [row["arm"] for row in trained] == ["ordinary", "pulled back 0.3"]
    assert all(len(row["curve_test_accuracy"]) == 2 for row in trained)
    climbed = ascent_point(**small, seeds=1, layer=0, unit=2, a_b=0.3, schedule="two-stage", semantics="local")
    assert [row["arm"] for row in climbed] == ["ReLU", "ReLU", "local 0.3, two-stage", "local 0.3, two-stage"]
    assert all(len(row["curve_value"]) == 7 for row in climbed)
    figures.plt.close(figures.ascents(climbed))


def test_the_paper_scale_looks_into_torchvisions_resnet18():
    changes = {"pretrained": False, "image_size": 32, "units": 2, "classes": 2, "starts": 1, "steps": 2, "seeds": 2}
    parameters = ProxyGrad.at("paper", **changes, slopes=(0.1,), jitter=1, parts=("units", "logits"))
    networks = Networks(parameters)
    assert list(networks.target_seeds()) == [0]
    found = run(parameters)
    assert {row["layer"] for row in found} == {"layer 2", "layer 3", "layer 4", "logits"}
    assert all(row["target"] == "imagenet" for row in found)


def test_the_experiment_declares_every_scale():
    paper = ProxyGrad.at("paper")
    assert (paper.optimiser, paper.weight_decay, paper.epochs, paper.seeds, paper.batch) == ("lamb", 1.0, 300, 5, 64)
    assert paper.target == "imagenet"
    for scale in ("quick", "standard"):
        assert ProxyGrad.at(scale).seeds >= 3 <= ProxyGrad.at(scale).train_seeds
        assert 0.1 in ProxyGrad.at(scale).slopes
    assert EXPERIMENT.paper == "proxygrad"
