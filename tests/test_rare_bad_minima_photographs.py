"""Deep networks on few photographs: training sets, runs, the exponential fit and its resamples."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from companion.claims import judge
from companion.data import ImageSet
from companion.rare_bad_minima.claims import CLAIMS
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.rare_bad_minima.experiment import run
from companion.rare_bad_minima.photograph_figures import photographs as draw
from companion.rare_bad_minima.photographs import (
    Photographs,
    bootstrapped_fits,
    draw_sets,
    log_linear_fit,
    train_on_photographs,
)

DARK_AND_LIGHT = {"photographs": "anything", "photo_size": 16, "photo_runs": 3, "photo_width": 0.125, "at_least": 20}


def dark_and_light(count: int, seed: int) -> ImageSet:
    """Two classes that are easy to tell: dark images, and light ones."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 60, (count, 3, 16, 16), generator=torch.Generator().manual_seed(seed))
    images = (noise + 150 * labels[:, None, None, None]).to(torch.uint8)
    return ImageSet("dark and light", images, labels, ("dark", "light"))


def test_every_run_gets_a_training_set_of_its_own_with_equally_many_images_of_both_classes():
    labels = torch.arange(40) % 2
    sets = draw_sets(labels, 5, 20, torch.Generator().manual_seed(0))
    assert all(len(set(chosen.tolist())) == 10 and int(labels[chosen].sum()) == 5 for chosen in sets)
    assert len({tuple(sorted(chosen.tolist())) for chosen in sets}) == 20


def test_networks_are_trained_to_zero_training_error_and_told_one_row_each():
    p = RareBadMinima.at("quick", **DARK_AND_LIGHT, photo_epochs=60)
    rows = train_on_photographs(p, Photographs(dark_and_light(40, 0), dark_and_light(30, 1)), "resnet18", 4)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert all(row["n"] == 8 and row["train_error"] == 0 and row["test_images"] == 30 for row in rows)
    assert all(0 <= row["test_error"] < 0.3 and row["steps"] >= 20 for row in rows)


def test_an_exact_exponential_is_recovered_and_its_resamples_scatter_around_it():
    sizes = np.repeat([4, 8, 12, 16], 1024)
    bad = np.concatenate([np.arange(1024) < 1024 / 2**k for k in range(4)])
    start, rate = log_linear_fit(sizes, bad)
    assert (start, rate) == pytest.approx((np.log(2), np.log(2) / 4))
    rates = bootstrapped_fits(sizes, bad)[:, 1]
    assert np.nanmean(rates) == pytest.approx(rate, abs=0.01)
    assert 0.001 < np.nanstd(rates) < 0.02


def test_sizes_without_a_bad_run_are_left_out_of_the_fit_and_one_point_is_no_line():
    sizes = np.repeat([4, 8, 12], 4)
    assert np.isnan(log_linear_fit(sizes, sizes == 4)).all()
    _, rate = log_linear_fit(sizes, np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], bool))
    assert rate == pytest.approx(np.log(4) / 4)


@pytest.mark.parametrize(("later", "state"), [(0.05, "holds"), (0.5, "fails")])
def test_r7_asks_whether_bad_networks_become_rare(later, state):
    errors = np.concatenate([np.tile([0.05, 0.5], 20), np.full(38, later), [0.5, 0.5]])
    rows = pd.DataFrame({"arm": "photographs", "arch": "resnet18", "n": np.repeat([4, 40], 40), "test_error": errors})
    claim = next(claim for claim in CLAIMS if claim.key == "R7")
    assert judge(claim, rows.assign(scale="standard"), "standard").state == state


def test_the_figure_has_a_mark_for_every_epsilon_and_a_line_where_two_sizes_have_bad_runs():
    errors = np.concatenate([np.tile([0.07, 0.5], 20), np.tile([0.02, 0.12, 0.02, 0.02], 10)])
    rows = pd.DataFrame({"arm": "photographs", "arch": "resnet18", "n": np.repeat([4, 40], 40), "test_error": errors})
    figure = draw(rows)
    (axes,) = figure.axes
    assert len(axes.containers) == 4
    assert len(axes.collections) - len(axes.containers) == 2  # bands: two epsilons have bad runs at both sizes
    plt.close(figure)


def test_by_default_no_photographs_are_asked_for():
    assert run(RareBadMinima.at("quick", parts=("photographs",))) == []
    assert RareBadMinima.at("paper").photographs == "caltech101"
