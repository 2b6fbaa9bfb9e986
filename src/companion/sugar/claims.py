"""What the paper states and what our controls add, S1 to S9, as data."""

import math
from collections.abc import Sequence
from functools import partial

import pandas as pd

from companion.claims import Claim, Published
from companion.sugar.gain import backward_gain

ASKED_FOR = ("kind", "f", "learning_rate", "test_accuracy", "dead", "zeros", "bias_init", "surrogate", "circulation")
PAIRED = ["key", "data", "arch", "learning_rate", "optimiser", "seed"]


def part(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one part of the measurement, with all columns that claims ask for: a run may leave parts out."""
    rows = table[table["part"] == name]
    return rows.reindex(columns=[*rows.columns, *(one for one in ASKED_FOR if one not in rows)])


def arm(table: pd.DataFrame, kind: str, surrogate: str = "b_silu") -> pd.DataFrame:
    """The rows of one arm: plain ReLU, or what belongs to one surrogate f (its control included)."""
    rows = table[table["kind"] == kind]
    return rows if kind == "relu" else rows[rows["f"] == surrogate]


def difference(first: pd.DataFrame, second: pd.DataFrame, metric: str = "test_accuracy") -> pd.DataFrame:
    """first - second, paired by data, network, learning rate and seed; column `value`."""
    keys = [name for name in PAIRED if name in first and name in second]
    pairs = first[[*keys, metric]].merge(second[[*keys, metric]], on=keys, suffixes=("", "_other"))
    return pairs.assign(value=pairs[metric] - pairs[f"{metric}_other"])


def central(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison at its central learning rate: the one at which f was also trained forward."""
    rows = part(table, "comparison")
    return rows[rows["learning_rate"].isin(arm(rows, "forward")["learning_rate"])]


def largest_error(table: pd.DataFrame) -> Sequence[float]:
    """S1: the largest error of any output or gradient, over all surrogates and dtypes."""
    rows = part(table, "mechanics")
    return [float(rows[["output_error", "gradient_error"]].max().max())] if len(rows) else []


def silent(table: pd.DataFrame, bias: float) -> pd.DataFrame:
    """The rows of the silent start at one initial bias."""
    rows = part(table, "silence")
    return rows[rows["bias_init"] == bias]


def resurrection(table: pd.DataFrame) -> Sequence[float]:
    """S2: accuracy of SUGAR minus that of ReLU after a silent start at bias -2, by seed."""
    rows = silent(table, -2)
    return difference(arm(rows, "sugar"), arm(rows, "relu"))["value"].tolist()


def silent_accuracy(table: pd.DataFrame, kind: str, bias: float) -> Sequence[float]:
    """S2, S3: accuracy of one arm after a silent start, by seed."""
    return arm(silent(table, bias), kind)["test_accuracy"].tolist()


def advantage(table: pd.DataFrame, over: str, metric: str = "test_accuracy") -> Sequence[float]:
    """S4, S6: SUGAR with B-SiLU minus another arm at the central learning rate, by seed."""
    rows = central(table)
    return difference(arm(rows, "sugar"), arm(rows, over), metric)["value"].tolist()


def recovered_by_gain(table: pd.DataFrame) -> Sequence[float]:
    """S5a: what the gain-matched control wins over ReLU, minus half of what SUGAR wins, by seed."""
    rows = central(table)
    keys = [name for name in PAIRED if name in rows]
    control = difference(arm(rows, "gain-matched"), arm(rows, "relu"))
    pairs = control.merge(difference(arm(rows, "sugar"), arm(rows, "relu")), on=keys, suffixes=("", "_sugar"))
    return (pairs["value"] - 0.5 * pairs["value_sugar"]).tolist()


def best_rate(rows: pd.DataFrame) -> pd.Series:
    """Accuracy by seed at the learning rate with the best mean; runs that diverged count as they ended."""
    means = rows.groupby("learning_rate")["test_accuracy"].mean()
    return rows[rows["learning_rate"] == means.idxmax()].groupby("seed")["test_accuracy"].mean()


def advantage_when_tuned(table: pd.DataFrame) -> Sequence[float]:
    """S5b: SUGAR minus ReLU, each at its own best learning rate, by seed."""
    rows = part(table, "comparison")
    sugar, relu = arm(rows, "sugar"), arm(rows, "relu")
    if sugar.empty or relu.empty or rows["learning_rate"].nunique() < 2:
        return []
    return (best_rate(sugar) - best_rate(relu)).dropna().tolist()


def leaky_advantage(table: pd.DataFrame) -> Sequence[float]:
    """S7: SUGAR with LeakyReLU minus LeakyReLU forward, by seed."""
    rows = central(table)
    return difference(arm(rows, "sugar", "leaky_relu"), arm(rows, "forward", "leaky_relu"))["value"].tolist()


def circulation(table: pd.DataFrame) -> Sequence[float]:
    """S8: the loop integral of the injected field of B-SiLU in the two-weight network."""
    rows = part(table, "mechanics")
    return rows[rows["surrogate"] == "b_silu"]["circulation"].abs().head(1).tolist()


def gain_error(table: pd.DataFrame) -> Sequence[float]:
    """S9: |measured gain a layer / closed form - 1| of B-SiLU before training, gradients of single images, by seed."""
    rows = central(table)
    if rows.empty or "image_gradient_norms" not in rows:
        return []
    first = rows.assign(first=[norms[0] for norms in rows["image_gradient_norms"]])
    pairs = difference(arm(first, "sugar"), arm(first, "relu"), "first")
    layers = len(rows["image_gradient_norms"].iloc[0]) - 1
    measured = (pairs["first"] / pairs["first_other"]) ** (1 / layers)
    return (measured / backward_gain("b_silu", deviation=math.sqrt(2)) - 1).abs().tolist()


FEW_STEPS = (
    "1,000 steps of SGD, against some 19,500 in the paper: no arm has left the beginning of its training (22 to 34 % "
    "test accuracy). B-SiLU as the activation is the fastest starter, since it passes signals and gradients for "
    "negative inputs too: before training its output layer's gradient is four times that of the other arms, which all "
    "have ReLU's signal. With batch normalisation all arms end within about two points of one another. What the order "
    "is at the end of a long training has not been measured yet."
)

_EASY = (
    "Perceptrons on digits leave little room: SUGAR wins three points over the activation and five to six over plain "
    "ReLU in the few epochs given, about the five that are asked for."
)
_START = (
    "After 1,000 steps SUGAR is four points ahead, at 25 against 21 %: all arms are at the beginning of their training."
)
_GAIN_TOO = (
    "The gain-matched ReLU wins three of SUGAR's four points in the mean, so more than half; with differences "
    "this small six networks do not decide."
)
_TUNED = (
    "At the larger rate SUGAR is five points ahead (34 against 29 %), just what is asked about; the networks differ by "
    "more than the distance to the threshold."
)
_SPARSE = "A point or two less sparse at the end of this short training, within the scatter of five networks."

CLAIMS = (
    Claim(
        "S1",
        "The output of SUGAR is ReLU's bit for bit, and its gradient is upstream times f~, in every dtype.",
        largest_error, "<=", 0.0, exact=True,
    ),
    Claim(
        "S2",
        "Where all units start silent (bias -2), SUGAR with B-SiLU ends at least 50 points above plain ReLU.",
        resurrection, ">=", 0.5, "pp", scales=("quick", "standard"),
    ),
    Claim(
        "S2 control",
        "The gain-matched ReLU stays at chance there: a larger step alone resurrects nothing.",
        partial(silent_accuracy, kind="gain-matched", bias=-2), "<=", 0.15, "%",
        scales=("quick", "standard"), origin="companion",
    ),
    Claim(
        "S3",
        "Resurrection has a reach: with bias -4, below the zero of B-SiLU' at -2.73, SUGAR stays at chance too.",
        partial(silent_accuracy, kind="sugar", bias=-4), "<=", 0.15, "%",
        scales=("quick", "standard"), origin="companion",
    ),
    Claim(
        "S4a",
        "SUGAR with B-SiLU beats B-SiLU as the activation by at least 5 points.",
        partial(advantage, over="forward"), ">=", 0.05, "pp",
        published=Published("+9.85 points (78.50 to 88.35 %)", "main table, VGG-16 on CIFAR-10"),
        remarks={"quick": _EASY, "standard": FEW_STEPS},
    ),
    Claim(
        "S4b",
        "SUGAR with B-SiLU beats plain ReLU by at least 5 points at the same learning rate.",
        partial(advantage, over="relu"), ">=", 0.05, "pp",
        published=Published("about +10 points over the best network without SUGAR", "Section 4.1, VGG-16 on CIFAR-10"),
        remarks={"quick": _EASY, "standard": _START},
    ),
    Claim(
        "S5a",
        "It is in good part the step size: ReLU with B-SiLU's gain wins at least half of what SUGAR wins.",
        recovered_by_gain, ">=", 0.0, "pp", origin="companion",
        remarks={"standard": _GAIN_TOO},
    ),
    Claim(
        "S5b",
        "With the learning rate tuned for each, SUGAR is less than 5 points ahead of plain ReLU.",
        advantage_when_tuned, "<=", 0.05, "pp", origin="companion",
        remarks={"standard": _TUNED},
    ),
    Claim(
        "S6a",
        "SUGAR leaves fewer dead units than plain ReLU.",
        partial(advantage, over="relu", metric="dead"), "<=", 0.0, "pp",
    ),
    Claim(
        "S6b",
        "SUGAR's activations are at least as sparse as plain ReLU's.",
        partial(advantage, over="relu", metric="zeros"), ">=", 0.0, "pp",
        remarks={"quick": _SPARSE},
    ),
    Claim(
        "S7",
        "LeakyReLU as a surrogate gains nothing: at most 1 point over LeakyReLU as the activation.",
        leaky_advantage, "<=", 0.01, "pp", scales=("quick", "paper"),
        published=Published("43.67 to 43.41 %", "main table, ResNet-18 on CIFAR-100"),
    ),
    Claim(
        "S8",
        "The injected gradient is the gradient of no function: its loop integral does not vanish.",
        circulation, ">=", 0.01, exact=True, origin="companion",
    ),
    Claim(
        "S9",
        "Before training, B-SiLU multiplies the gradient by the closed form's 1.291 a layer (within 5 %).",
        gain_error, "<=", 0.05, "%", scales=("quick",), origin="companion",
    ),
)  # fmt: skip
