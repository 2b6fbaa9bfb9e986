"""The chapter's figures. Plain ReLU and its gain-matched control are in every figure that compares."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures import MARKERS, NEUTRAL, PALETTE, mean_with_band, percent_axis, plain_log_axis
from companion.statistics import mean_interval
from companion.sugar.claims import arm, central, part, silent
from companion.sugar.gain import backward_gain
from companion.sugar.surrogates import find_surrogate

COLOURS = {"relu": "black", "gain-matched": PALETTE[5], "sugar": PALETTE[0], "forward": PALETTE[1]}
LINES = {"relu": "-", "gain-matched": "--", "sugar": "-", "forward": "-."}
CENTRAL = ("relu", "gain-matched", "sugar", "forward")


def central_rows(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of one of the central arms: those of the main surrogate."""
    return arm(table, kind, main_surrogate(table))


def main_surrogate(table: pd.DataFrame) -> str:
    """The first surrogate trained with SUGAR."""
    named = table.loc[table["kind"] == "sugar", "f"]
    return "b_silu" if named.empty else named.iloc[0]


def label_of(rows: pd.DataFrame) -> str:
    return rows["arm"].iloc[0]


def accuracy_by_arm(table: pd.DataFrame) -> Figure:
    """Test accuracy of every arm at the central learning rate: a dot a seed, bar and line for mean and interval.

    An arm that did not learn is named at the left edge instead of stretching the axis.
    """
    rows = central(table)
    arms = list(dict.fromkeys(rows["arm"]))
    edge = float(rows.loc[rows["kind"].isin(("relu", "sugar")), "test_accuracy"].median()) / 2
    learned = rows[rows["test_accuracy"] > edge]["test_accuracy"]
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.34 * len(arms)))
    for k, name in enumerate(arms):
        group = rows[rows["arm"] == name]
        summary = mean_interval(group["test_accuracy"].tolist())
        if summary.mean < edge:
            axes.text(0.01, k, f"◂ {100 * summary.mean:.1f} %", va="center", transform=axes.get_yaxis_transform())
        else:
            seed_dots(axes, group, k)
    axes.set_yticks(range(len(arms)), arms)
    axes.set(xlim=(learned.min() - 0.02, learned.max() + 0.02), ylim=(len(arms) - 0.4, -0.6))
    percent_axis(axes, "x")
    axes.set(xlabel=f"test accuracy at learning rate {rows['learning_rate'].iloc[0]:g} (dots: seeds)")
    return figure


def seed_dots(axes: Axes, group: pd.DataFrame, y: float, label: str | None = None) -> None:
    """One arm as dots (seeds), a line (95 % interval) and a bar (mean) at height y."""
    reached, colour = group["test_accuracy"].astype(float), COLOURS[group["kind"].iloc[0]]
    summary = mean_interval(reached.tolist())
    axes.plot(reached, [y] * len(reached), "o", color=colour, alpha=0.45, markersize=4)
    axes.plot([summary.low, summary.high], [y, y], color=colour, linewidth=1.5)
    axes.plot(summary.mean, y, "|", color=colour, markersize=15, markeredgewidth=2.5, label=label)


def mean_curve(axes: Axes, rows: pd.DataFrame, metric: str, kind: str, label: str | None = None) -> None:
    """The mean over seeds of a curve, and its 95 % interval as a band."""
    long = rows[["seed", "curve_epoch", metric]].explode(["curve_epoch", metric]).dropna()
    if long.empty:
        return
    mean_with_band(
        axes, long, "curve_epoch", metric, label=label or label_of(rows), colour=COLOURS[kind],
        marker="", linestyle=LINES[kind],
    )  # fmt: skip


def learning(table: pd.DataFrame) -> Figure:
    """Test accuracy and training loss of the central arms while they learn."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4))
    rows = central(table)
    for kind in CENTRAL:
        group = central_rows(rows, kind)
        if len(group):
            mean_curve(panels[0], group, "curve_test_accuracy", kind)
            mean_curve(panels[1], group, "curve_train_loss", kind)
    percent_axis(panels[0])
    means = [value for curve in rows["curve_train_loss"] for value in curve if value and value > 0]
    panels[0].set(xlabel="epoch", title="test accuracy")
    panels[1].set(xlabel="epoch", title="training loss", yscale="log", ylim=(0.5 * min(means), None))
    panels[0].legend(fontsize=8, loc="lower right")
    return figure


def accuracy_by_rate(table: pd.DataFrame) -> Figure:
    """Test accuracy against the learning rate: is SUGAR's advantage that of a larger step?"""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    rows = part(table, "comparison")
    for kind, marker in zip(CENTRAL[:3], MARKERS, strict=False):
        group = central_rows(rows, kind)
        if len(group):
            mean_with_band(
                axes, group, "learning_rate", "test_accuracy", label=label_of(group), colour=COLOURS[kind],
                marker=marker, linestyle=LINES[kind],
            )  # fmt: skip
    plain_log_axis(axes, sorted(rows["learning_rate"].unique()))
    percent_axis(axes)
    axes.set(xlabel="learning rate", ylabel="test accuracy", ylim=(0, 1.02))
    axes.legend(loc="lower left")
    return figure


def silent_start(table: pd.DataFrame) -> Figure:
    """Test accuracy of networks whose units all start silent, one panel an initial bias."""
    biases = sorted(part(table, "silence")["bias_init"].unique(), reverse=True)
    figure, panels = plt.subplots(1, len(biases), figsize=(4.5 * len(biases), 3.4), sharey=True, squeeze=False)
    extra = {"elu": PALETTE[2], "silu": PALETTE[3]}
    for axes, bias in zip(panels.flat, biases, strict=True):
        rows = silent(table, bias)
        for kind in CENTRAL[:3]:
            mean_curve(axes, central_rows(rows, kind), "curve_test_accuracy", kind)
        for name, colour in extra.items():
            group = arm(rows, "sugar", name)
            if len(group) and name != main_surrogate(rows):
                mean = np.mean(np.stack(group["curve_test_accuracy"]), axis=0)
                axes.plot(group["curve_epoch"].iloc[0], mean, color=colour, linewidth=1.2, label=label_of(group))
        percent_axis(axes)
        axes.set(xlabel="epoch", title=f"initial bias {bias:g}", ylim=(0, 1.02))
        if rows["test_accuracy"].max() < 0.2:
            axes.text(0.5, 0.16, "all arms at chance", ha="center", transform=axes.transAxes, color=NEUTRAL)
    panels[0, 0].set(ylabel="test accuracy")
    panels[0, 0].legend(fontsize=8, loc="center right")
    return figure


def dead_units(table: pd.DataFrame) -> Figure:
    """Share of dead units by layer after training, and their mean share while the network learns."""
    rows = central(table)
    over_time = "curve_dead" in rows and rows["curve_dead"].notna().any()
    figure, panels = plt.subplots(1, 2 if over_time else 1, figsize=(9 if over_time else 5.5, 3.4), squeeze=False)
    for kind in CENTRAL[:3]:
        group = central_rows(rows, kind)
        layers = pd.DataFrame(np.stack(group["dead_by_layer"]), index=group["seed"])
        long = layers.rename(columns=lambda c: c + 1).melt(var_name="layer", value_name="dead", ignore_index=False)
        mean_with_band(
            panels[0, 0], long.reset_index(), "layer", "dead", label=label_of(group), colour=COLOURS[kind],
            linestyle=LINES[kind],
        )  # fmt: skip
        if over_time:
            mean_curve(panels[0, 1], group, "curve_dead", kind)
    for axes, title in zip(panels.flat, ("after training, by layer", "while learning, all layers"), strict=False):
        percent_axis(axes)
        axes.set(title=title, ylim=(0, None))
    panels[0, 0].set(xlabel="layer", ylabel="dead units")
    panels[0, 0].legend(fontsize=8)
    if over_time:
        panels[0, 1].set(xlabel="epoch")
    return figure


def dead_over_time(table: pd.DataFrame) -> Figure:
    """Share of dead units by layer and epoch, mean over seeds, one heat map an arm."""
    rows = central(table)
    figure, panels = plt.subplots(1, 3, figsize=(9.5, 2.8), sharey=True)
    groups = [central_rows(rows, kind) for kind in CENTRAL[:3]]
    shares = [np.stack([np.asarray(one) for one in group["dead_over_time"]]).mean(0) for group in groups]
    top = max(share.max() for share in shares)
    for axes, group, share in zip(panels, groups, shares, strict=True):
        picture = axes.imshow(share.T, aspect="auto", origin="lower", cmap="viridis", vmin=0, vmax=top)
        epochs = group["curve_epoch"].iloc[0]
        axes.set_xticks(range(0, len(epochs), 2), [f"{epoch:g}" for epoch in epochs[::2]])
        axes.set_yticks(range(share.shape[1]), range(1, share.shape[1] + 1))
        axes.set(title=label_of(group), xlabel="epoch")
        axes.grid(False)
    panels[0].set(ylabel="layer")
    bar = figure.colorbar(picture, ax=panels[-1], label="dead units")
    percent_axis(bar.ax)
    return figure


def activation_counts(table: pd.DataFrame) -> Figure:
    """How many units respond to which share of the training images, one panel an arm."""
    rows = central(table)
    figure, panels = plt.subplots(1, 3, figsize=(9.5, 2.8), sharey=True)
    for axes, kind in zip(panels, CENTRAL[:3], strict=True):
        group = central_rows(rows, kind)
        counts = np.stack(group["count_histogram"])
        share = (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)
        edges = np.linspace(0, 1, len(share) + 1)
        axes.stairs(share, edges, fill=True, color=COLOURS[kind], alpha=0.75)
        percent_axis(axes, "x")
        percent_axis(axes)
        axes.set(title=label_of(group), xlabel="images a unit responds to")
    panels[0].set(ylabel="units")
    return figure


def gradient_profile(table: pd.DataFrame) -> Figure:
    """Gradient norm of each layer before training, relative to ReLU's, against the closed form g^(layers above).

    The closed form is taken at pre-activations of deviation sqrt(2), which standardised inputs have under He
    initialisation. Filled: gradients of single images, of which the closed form speaks. Hollow: the gradient of the
    mean loss, which SGD with large batches follows.
    """
    rows = central(table)
    relu = arm(rows, "relu").set_index("seed")
    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    others = [arm(rows, "sugar", name) for name in ("elu", "silu") if name != main_surrogate(rows)]
    groups = [central_rows(rows, "gain-matched"), central_rows(rows, "sugar"), *others]
    colours = (COLOURS["gain-matched"], COLOURS["sugar"], PALETTE[2], PALETTE[3])
    for group, colour in zip(groups, colours, strict=False):
        if group.empty:
            continue
        for column, filling in (("image_gradient_norms", colour), ("gradient_norms", "none")):
            of_relu = np.stack(relu.loc[group["seed"], column])
            ratios = (np.stack(group[column]) / of_relu).mean(0)
            layers = np.arange(1, len(ratios) + 1)
            label = label_of(group) if filling == colour else None
            axes.plot(layers, ratios, "o", color=colour, markerfacecolor=filling, label=label)
        gain = backward_gain(group["surrogate"].iloc[0], shape(group["alpha"].iloc[0]), deviation=2**0.5)
        axes.plot(layers, gain ** (layers[-1] - layers), color=colour, linewidth=1, label=f"g = {gain:.4f}")
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":", label="ReLU")
    plain_log_axis(axes, (0.3, 0.5, 1, 2, 4, 8), "y")
    axes.set(xlabel="weights of layer (1 is next to the input)", ylabel="gradient norm / ReLU's")
    axes.legend(fontsize=8, ncol=2)
    return figure


def shape(alpha: float | None) -> float | None:
    """A shape parameter read back from a table, where a missing one is NaN."""
    return None if alpha is None or pd.isna(alpha) else float(alpha)


def loss_slices(table: pd.DataFrame) -> Figure:
    """Contours of the training loss in a plane through both solutions, and around each of them."""
    rows = part(table, "landscape")
    figure, panels = plt.subplots(1, len(rows), figsize=(3.9 * len(rows), 3.5), squeeze=False)
    for axes, row in zip(panels.flat, rows.itertuples(), strict=True):
        loss = np.clip(np.asarray(row.loss, dtype=float), 1e-3, 1e2)
        levels = np.geomspace(1e-2, 1e1, 19)
        filled = axes.contourf(row.a, row.b, loss, levels=levels, norm="log", cmap="viridis", extend="both")
        axes.contour(row.a, row.b, loss, levels=levels[::3], colors="white", linewidths=0.5)
        ends = {"ReLU": 0.0, "SUGAR": 1.0} if row.slice == "through both" else {row.slice.removeprefix("around "): 0.0}
        for name, a in ends.items():
            axes.plot(a, 0, "o", color="white", markeredgecolor="black")
            axes.annotate(name, (a, 0), (0, 7), textcoords="offset points", color="white", ha="center", fontsize=8)
        axes.set(title=row.slice, xlabel="first direction", ylabel="second direction")
        axes.grid(False)
    figure.colorbar(filled, ax=panels[0, -1], label="training loss", ticks=(0.01, 0.1, 1, 10), format="{x:g}")
    return figure


def three_readings(table: pd.DataFrame) -> Figure:
    """Plain ReLU, f forward and SUGAR with f: the paper's table has the second and the third. Control included."""
    rows = central(table)
    names = [n for n in rows.loc[rows["kind"] == "forward", "surrogate"].unique() if len(arm(rows, "sugar", n))]
    figure, panels = plt.subplots(1, len(names), figsize=(4.6 * len(names), 2.4), sharex=True, squeeze=False)
    for axes, name in zip(panels.flat, names, strict=True):
        control = arm(rows, "gain-matched", name)
        control = central_rows(rows, "gain-matched") if control.empty else control
        readings = (arm(rows, "relu"), control, arm(rows, "forward", name), arm(rows, "sugar", name))
        for y, group in enumerate(readings):
            seed_dots(axes, group, y)
        axes.set_yticks(range(4), ["plain ReLU", label_of(readings[1]), "f forward", "SUGAR with f"])
        axes.set(ylim=(3.6, -0.6), title=f"f = {find_surrogate(name).label}", xlabel="test accuracy")
        percent_axis(axes, "x")
    return figure
