"""Intervals over seeds, and the verdicts that follow from them."""

import math

import numpy as np
import pandas as pd
import pytest

from companion.claims import Claim, Published, judge, judge_all
from companion.statistics import binomial_interval, mean_interval


def values(*numbers: float, scale: str = "quick") -> pd.DataFrame:
    return pd.DataFrame({"scale": scale, "value": list(numbers)})


def claim(direction: str = ">=", threshold: float = 0.5, **more) -> Claim:
    return Claim("X1", "The value is large.", lambda rows: rows["value"].tolist(), direction, threshold, **more)


# Intervals


def test_the_interval_is_students_t_times_the_standard_error():
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)  # t(2) at 97.5 %, deviation 1
    assert (interval.mean, interval.count, interval.deviation) == (2.0, 3, 1.0)
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half))


def test_one_value_gives_a_mean_without_an_interval_and_none_gives_nothing():
    one, none = mean_interval([0.7]), mean_interval([])
    assert (one.mean, one.count) == (0.7, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert none.count == 0
    assert math.isnan(none.mean)


def test_values_that_are_not_finite_are_not_counted():
    assert mean_interval([1.0, float("nan"), 3.0, float("inf")]).count == 2


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval([0.3, 0.3, 0.3])
    assert interval.low == interval.high == pytest.approx(0.3)


def test_ninety_five_in_a_hundred_intervals_contain_the_mean():
    random = np.random.default_rng(0)
    intervals = [mean_interval(random.normal(size=4)) for _ in range(1000)]
    assert 930 <= sum(i.low <= 0 <= i.high for i in intervals) <= 970  # 950 expected, deviation 7


def test_a_test_set_of_1558_images_knows_95_percent_to_about_one_point():
    low, high = binomial_interval(1480, 1558)
    assert (high - low) / 2 == pytest.approx(0.011, abs=0.0005)


@pytest.mark.parametrize(("right", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_the_wilson_interval_is_sensible_at_none_and_all(right, low, high):
    assert binomial_interval(right, 10) == pytest.approx((low, high), abs=1e-4)


# Verdicts


@pytest.mark.parametrize(
    ("direction", "numbers", "state"),
    [
        (">=", (0.60, 0.61, 0.62), "holds"),
        (">=", (0.40, 0.41, 0.42), "fails"),
        (">=", (0.30, 0.55, 0.80), "undecided"),
        ("<=", (0.40, 0.41, 0.42), "holds"),
        ("<=", (0.60, 0.61, 0.62), "fails"),
        ("<=", (0.30, 0.55, 0.80), "undecided"),
        ("==", (0.45, 0.52, 0.55), "holds"),
        ("==", (0.60, 0.61, 0.62), "fails"),
        ("==", (0.5, 0.5, 0.5), "holds"),
        (">=", (0.5, 0.5, 0.5), "holds"),
        ("<=", (0.5, 0.5, 0.5), "holds"),
        (">=", (0.9,), "undecided"),
        ("==", (0.5,), "undecided"),
        (">=", (), "not measured"),
    ],
)
def test_the_whole_interval_must_lie_on_one_side_of_the_threshold(direction, numbers, state):
    assert judge(claim(direction), values(*numbers), "quick").state == state


def test_equality_means_within_three_standard_errors():
    numbers = np.array([-1.0, 1.0, -1.0, 1.0])
    error = numbers.std(ddof=1) / 2
    for shift, state in ((2.9 * error, "holds"), (3.1 * error, "fails")):
        assert judge(claim("==", 0.0), values(*(numbers + shift)), "quick").state == state


@pytest.mark.parametrize(
    ("direction", "number", "state"),
    [
        *((">=", 0.5, "holds"), (">=", 0.49, "fails")),
        *(("<=", 0.5, "holds"), ("<=", 0.51, "fails")),
        *(("==", 0.5, "holds"), ("==", 0.51, "fails")),
    ],
)
def test_an_exact_claim_is_decided_by_one_value(direction, number, state):
    assert judge(claim(direction, exact=True), values(number), "quick").state == state


def test_pairing_decides_what_unpaired_values_leave_open():
    split = np.array([0.50, 0.70, 0.90])  # the split dominates
    rows = pd.DataFrame({"scale": "quick", "narrow": split, "wide": split + np.array([0.020, 0.021, 0.022])})
    paired = Claim("P", "", lambda t: (t["wide"] - t["narrow"]).tolist(), ">=", 0.0)
    unpaired = Claim("U", "", lambda t: (t["wide"] - t["narrow"].mean()).tolist(), ">=", 0.0)
    assert judge(paired, rows, "quick").state == "holds"
    assert judge(unpaired, rows, "quick").state == "undecided"


def test_only_the_rows_of_the_scale_are_judged():
    rows = pd.concat([values(0.6, 0.61, 0.62), values(0.1, 0.11, 0.12, scale="standard")])
    assert [judge(claim(), rows, scale).state for scale in ("quick", "standard", "paper")] == [
        "holds", "fails", "not measured",
    ]  # fmt: skip


def test_a_claim_is_not_checked_at_a_scale_that_it_does_not_name():
    verdict = judge(claim(scales=("paper",)), values(0.9, 0.9), "quick")
    assert verdict.state == "not checked"
    assert verdict.reason == "not asked at this scale"


def test_an_empty_table_measures_nothing():
    assert judge(claim(), pd.DataFrame(), "quick").state == "not measured"


# What is shown


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        *(("%", 0.9512, "95.1 %"), ("%", math.nan, "–"), ("pp", -0.0123, "-1.2 pp")),
        *(("", 0.98765, "0.988"), ("s", 12.34, "12.3 s")),
    ],
)
def test_values_are_rounded_to_what_a_few_seeds_can_carry(unit, value, text):
    assert claim(unit=unit).show(value) == text


def test_the_measured_text_holds_mean_and_interval():
    assert judge(claim(unit="%"), values(0.90, 0.91, 0.92), "quick").measured == "91.0 % [88.5, 93.5]"
    assert judge(claim(unit="%"), values(0.9), "quick").measured == "90.0 %"
    assert judge(claim(unit="%"), values(0.9, 0.9), "quick").measured == "90.0 %"
    assert judge(claim(), values(), "quick").measured == "–"


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((0.9,), "one seed gives no interval"),
        ((0.3, 0.55, 0.8), "the interval contains the threshold 50.0 %"),
        ((), "no record at this scale"),
        ((0.6, 0.61, 0.62), ""),
    ],
)
def test_the_reason_says_why_nothing_was_decided(numbers, reason):
    assert judge(claim(unit="%"), values(*numbers), "quick").reason == reason


def test_a_committed_remark_is_the_reason_at_its_own_scale_only():
    remarked = claim(remarks={"quick": "digits are too easy"})
    assert judge(remarked, values(0.1, 0.1, 0.1), "quick").reason == "digits are too easy"
    assert judge(remarked, values(0.1, 0.1, scale="paper"), "paper").reason == ""


def test_the_table_shows_every_claim_with_its_published_number_and_place():
    claims = (
        claim(published=Published("95 %", "abstract")),
        Claim("X2", "Ours.", lambda rows: [], ">=", 0, origin="companion"),
        Claim("X3", "Wordy.", lambda rows: [], ">=", 0),
    )
    verdicts = judge_all(claims, values(0.6, 0.61, 0.62), "quick")
    assert verdicts.frame["published"].tolist() == ["95 % (abstract)", "ours", "stated without a number"]
    assert verdicts.frame["verdict"].tolist() == ["✓ holds", "· not measured", "· not measured"]
    assert str(verdicts).splitlines()[0].startswith("X1: holds (0.61 [")
    assert repr(verdicts) == str(verdicts)


def test_the_html_escapes_text_keeps_long_statements_and_marks_the_state():
    statement = "a < b " + "and so on " * 30
    shown = judge_all([Claim("X", statement, lambda rows: [0.1], ">=", 0.5, exact=True)], values(0.1), "quick")
    html = shown._repr_html_()
    assert "a &lt; b " + "and so on " * 29 in html
    assert '<td class="verdict fails">✗ fails</td>' in html
