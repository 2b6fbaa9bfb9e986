"""The chapter's figures of a run. Plain gradients are in every figure that compares, and so are restarts."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.figures import MARKERS, NEUTRAL, PALETTE, mean_with_band, percent_axis
from companion.proxygrad.claims import method, part, toy_cases
from companion.proxygrad.pictures import decode_pictures
from companion.proxygrad.readings import predicted_alignment
from companion.statistics import mean_interval

READINGS = {"local": PALETTE[0], "proxy": PALETTE[1]}
MARKS = {"local": MARKERS[0], "proxy": MARKERS[1]}


def slope_axis(axes: Axes, slopes: list[float]) -> None:
    """Slopes from 0 to 1 so that the small ones are apart: linear to 0.01, logarithmic beyond."""
    axes.set_xscale("symlog", linthresh=0.01, linscale=0.6)
    axes.set_xticks(slopes, [f"{slope:g}" for slope in slopes])
    axes.minorticks_off()
    axes.set_xlabel("backward slope $a_b$")


def against_slope(axes: Axes, rows: pd.DataFrame, metric: str, colours: dict[str, str] = READINGS) -> None:
    """Mean and interval of a metric against the slope, a line a reading; plain gradients as a level line."""
    constant = rows[rows["schedule"] == "constant"]
    for reading, colour in colours.items():
        group = constant[(constant["semantics"] == reading) & (constant["a_b"] > 0)]
        if len(group):
            mean_with_band(axes, group, "a_b", metric, label=f"{reading} reading", colour=colour, marker=MARKS[reading])
    plain = mean_interval(method(rows, 0)[metric].tolist())
    axes.axhline(plain.mean, color="black", linestyle="--", linewidth=1.3, label="plain gradient")
    if plain.count > 1:
        axes.axhspan(plain.low, plain.high, color="black", alpha=0.07, linewidth=0)
    staged = rows[rows["schedule"] == "two-stage"]
    if len(staged):
        mean = staged.groupby("a_b")[metric].mean()
        axes.plot(mean.index, mean, "*", color=PALETTE[2], markersize=11, label="two-stage (ours)")
    slope_axis(axes, sorted(a for a in constant["a_b"].unique() if a > 0))


def toys(table: pd.DataFrame) -> Figure:
    """Where the ascents on the toys end: share of the global maximum, by toy, start and slope."""
    rows = toy_cases(table)
    rows = rows.assign(case=rows["toy"] + ", " + rows["start"], share=rows["value"] / rows["global_maximum"])
    cases = sorted(rows["case"].unique())
    grid = rows.pivot(index="case", columns="a_b", values="share").loc[cases]
    values = rows.pivot(index="case", columns="a_b", values="value").loc[cases]
    figure, axes = plt.subplots(figsize=(6.6, 0.5 + 0.42 * len(cases)))
    axes.imshow(grid, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for r in range(len(cases)):
        for c in range(grid.shape[1]):
            solved = grid.iloc[r, c] > 1 - 1e-6
            axes.text(c, r, f"{round(values.iloc[r, c], 6):.3g}", ha="center", va="center", fontsize=9,
                      color="white" if solved else "black", fontweight="bold" if solved else "normal")  # fmt: skip
    axes.set_xticks(range(grid.shape[1]), [f"{a:g}" for a in grid.columns])
    axes.set_yticks(range(len(cases)), cases)
    axes.grid(False)
    axes.set(xlabel="backward slope $a_b$", title="f at the end (bold: the global maximum)")
    return figure


def random_networks(table: pd.DataFrame) -> Figure:
    """Share of the best value known against the slope, a panel a depth; dotted: best of all plain restarts."""
    rows = part(table, "random")
    depths = sorted(rows["depth"].astype(int).unique())
    figure, panels = plt.subplots(1, len(depths), figsize=(3.4 * len(depths), 3.4), sharey=True, squeeze=False)
    for axes, depth in zip(panels.flat, depths, strict=True):
        group = rows[rows["depth"] == depth]
        against_slope(axes, group, "value")
        restarts = method(group, 0)["restarted"].mean()
        starts = int(group["starts"].iloc[0])
        axes.axhline(restarts, color=NEUTRAL, linestyle=":", label=f"best of {starts} plain restarts")
        axes.set(title=f"{depth} hidden layer{'s' if depth > 1 else ''}")
    panels[0, 0].set(ylabel="mean of best f / best known", ylim=(0, 1.03))
    percent_axis(panels[0, 0])
    panels[0, 0].legend(fontsize=7.5, loc="lower left")
    return figure


def line_maxima(table: pd.DataFrame) -> Figure:
    """Local maxima along straight lines through the box, in the network (slope 0) and in proxies."""
    rows = part(table, "random")
    rows = rows[rows["line_maxima"].notna() & ((rows["semantics"] == "proxy") | (rows["a_b"] == 0))]
    rows = rows.assign(line_maxima=rows["line_maxima"].astype(float))
    figure, axes = plt.subplots(figsize=(6.5, 3.2))
    for k, (depth, group) in enumerate(rows.groupby("depth")):
        label = f"{depth:.0f} hidden layer{'s' if depth > 1 else ''}"
        mean_with_band(axes, group, "a_b", "line_maxima", label=label, colour=PALETTE[k], marker=MARKERS[k])
    slope_axis(axes, sorted(rows["a_b"].unique()))
    axes.set(ylabel="local maxima a line", xlabel="slope of the proxy (0: the network itself)")
    axes.legend()
    return figure


def angles(table: pd.DataFrame) -> Figure:
    """Cosines between the input gradients of both readings and the true gradient, by depth."""
    rows = part(table, "angles")
    titles = {
        "local_true": "local reading and true gradient",
        "proxy_true": "proxy and true gradient",
        "local_proxy": "the two readings",
    }
    figure, panels = plt.subplots(1, 3, figsize=(10.5, 3.1), sharey=True)
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        for k, (slope, group) in enumerate(rows.groupby("a_b")):
            axes.plot(group["depth"], group[column], color=PALETTE[k], marker=MARKERS[k], label=f"$a_b$ = {slope:g}")
            if column == "local_true":
                closed = [predicted_alignment(depth, slope) for depth in group["depth"].astype(int)]
                axes.plot(group["depth"], closed, color=PALETTE[k], linestyle=":", linewidth=1.2)
        axes.set(title=title, xlabel="hidden layers")
    panels[0].set(ylabel="cosine")
    panels[0].legend(fontsize=8)
    return figure


def units(table: pd.DataFrame) -> Figure:
    """Inner units: share of ascents that end at activation 0, and the mean activation found, against the slope."""
    rows = part(table, "units")
    rows = rows.groupby(["seed", "arm", "semantics", "a_b", "schedule"], as_index=False)[["stuck", "value"]].mean()
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4))
    against_slope(panels[0], rows, "stuck")
    against_slope(panels[1], rows, "value")
    percent_axis(panels[0])
    panels[0].set(title="ascents that end at activation 0", ylim=(0, None))
    panels[1].set(title="mean activation found", ylim=(0, None))
    panels[1].legend(fontsize=8)
    return figure


def unit_histograms(table: pd.DataFrame, a_b: float = 0.1) -> Figure:
    """How the activations found are spread over the units, with plain gradients and with a backward slope."""
    rows = part(table, "units")
    rows = rows[rows["layer"] == rows["layer"].iloc[-1]]
    cases = {"plain gradient": method(rows, 0)}
    cases |= {f"{reading} {a_b:g}": method(rows, a_b, reading) for reading in READINGS}
    values = {
        label: np.concatenate([np.asarray(v, float) for v in group["unit_values"]]) for label, group in cases.items()
    }
    bins = np.linspace(0, max(v.max() for v in values.values()), 25)
    figure, axes = plt.subplots(figsize=(7, 3))
    for k, (label, found) in enumerate(values.items()):
        colour = "black" if k == 0 else PALETTE[k - 1]
        axes.hist(found, bins, histtype="step", linewidth=2, color=colour, label=label)
    axes.set(xlabel="activation found (mean over starts)", ylabel="units")
    axes.legend()
    return figure


def logits(table: pd.DataFrame) -> Figure:
    """Logits found, relative to plain gradients of the same network, against the slope; and the values step by step."""
    rows = part(table, "logits")
    plain = method(rows, 0)[["seed", "value"]].rename(columns={"value": "plain"})
    rows = rows.merge(plain, on="seed")
    rows = rows.assign(ratio=rows["value"] / rows["plain"])
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4))
    against_slope(panels[0], rows, "ratio")
    panels[0].set(title="logit found / that of plain gradients")
    panels[0].legend(fontsize=8, loc="lower left")
    shown = [("plain gradient", method(rows, 0), "black", "-")]
    shown += [(f"proxy {a:g}", method(rows, a, "proxy"), PALETTE[k], "-") for k, a in enumerate((0.1, 0.3, 1.0))]
    shown += [("author schedule 2023", rows[rows["schedule"] == "author-2023"], PALETTE[4], "--")]
    for label, group, colour, style in shown:
        if len(group):
            curve = np.mean(np.stack([np.asarray(v, float) for v in group["curve_value"]]), axis=0)
            panels[1].plot(group["curve_step"].iloc[0], curve, color=colour, linestyle=style, label=label)
    panels[1].set(title="mean logit of the forward network", xlabel="step")
    panels[1].legend(fontsize=8, loc="lower right")
    return figure


def variations(table: pd.DataFrame) -> Figure:
    """Logits with raw and normalised gradients, with and without blur and jitter."""
    rows = part(table, "variations")
    figure, axes = plt.subplots(figsize=(7, 3))
    arms, words = list(dict.fromkeys(rows["arm"])), list(dict.fromkeys(rows["variation"]))
    for k, arm in enumerate(arms):
        heights = [float(rows[(rows["arm"] == arm) & (rows["variation"] == word)]["value"].mean()) for word in words]
        colour = "black" if arm == "ReLU" else PALETTE[k - 1]
        label = "plain gradient" if arm == "ReLU" else arm
        axes.bar(np.arange(len(words)) + 0.25 * (k - 1), heights, 0.23, color=colour, label=label)
    axes.set_xticks(range(len(words)), [word.replace(", ", ",\n") for word in words])
    axes.grid(False, axis="x")
    axes.set(ylabel="mean logit found")
    axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def ascents(rows: list[dict]) -> Figure:
    """The forward network's value step by step, a line a start: plain gradients and the method beside them."""
    figure, axes = plt.subplots(figsize=(7, 3))
    for row in rows:
        plain, first = row["arm"] == "ReLU", row["start_number"] == 0
        label = ("plain gradient" if plain else row["arm"]) if first else None
        colour = "black" if plain else PALETTE[0]
        axes.plot(row["curve_step"], row["curve_value"], color=colour, label=label, alpha=0.8,
                  linestyle="--" if plain else "-")  # fmt: skip
    axes.set(xlabel="step", ylabel="value of the forward network")
    axes.legend()
    return figure


def gallery(table: pd.DataFrame, layer: str = "logits", size: float = 1.0) -> Figure:
    """The images found: a row a method, a column a unit or class, with the forward network's value below."""
    rows = part(table, "pictures")
    rows = rows[rows["layer"] == layer] if (rows["layer"] == layer).any() else rows[rows["layer"] != "logits"]
    arms, shown = list(dict.fromkeys(rows["arm"])), list(dict.fromkeys(rows["unit"]))
    figure, grid = plt.subplots(
        len(arms), len(shown), figsize=(1.1 + size * len(shown), 1.32 * size * len(arms)), squeeze=False
    )
    for axes, (arm, unit) in zip(grid.flat, [(a, u) for a in arms for u in shown], strict=True):
        row = rows[(rows["arm"] == arm) & (rows["unit"] == unit)].iloc[0]
        picture(axes, decode_pictures(row["picture"])[-1])
        axes.set_xlabel(f"{row['frame_values'][-1]:.3g}", fontsize=8, labelpad=2)
        if arm == arms[0]:
            axes.set_title(str(unit), fontsize=8, loc="center")
        if unit == shown[0]:
            axes.set_ylabel("plain" if arm == "ReLU" else arm, fontsize=8)
    return figure


def evolution(table: pd.DataFrame, layer: str = "logits", unit: str | None = None, size: float = 1.05) -> Figure:
    """One image on its way: a row a method, from the start to the end."""
    rows = part(table, "pictures")
    rows = rows[rows["layer"] == layer] if (rows["layer"] == layer).any() else rows[rows["layer"] != "logits"]
    rows = rows[rows["unit"] == (rows["unit"].iloc[0] if unit is None else unit)]
    frames = len(rows["frame_steps"].iloc[0])
    figure, grid = plt.subplots(
        len(rows), frames, figsize=(1.1 + size * frames, 1.32 * size * len(rows)), squeeze=False
    )
    for r, (line, (_, row)) in enumerate(zip(grid, rows.iterrows(), strict=True)):
        for k, (axes, image) in enumerate(zip(line, decode_pictures(row["picture"]), strict=True)):
            picture(axes, image)
            axes.set_xlabel(f"{row['frame_values'][k]:.3g}", fontsize=8, labelpad=2)
            if r == 0:
                axes.set_title(f"step {row['frame_steps'][k]}", fontsize=8, loc="center")
        line[0].set_ylabel("plain" if row["arm"] == "ReLU" else row["arm"], fontsize=8)
    return figure


def picture(axes: Axes, image: np.ndarray) -> None:
    """One image without ticks."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)


def training(table: pd.DataFrame) -> Figure:
    """Test accuracy after training in the three readings, against the slope; a level line for ordinary training."""
    rows = part(table, "training")
    figure, axes = plt.subplots(figsize=(7, 3.4))
    for k, (reading, label) in enumerate(
        (("local", "local (A)"), ("pulled back", "pulled back (B')"), ("literal", "literal (B)"))
    ):
        group = rows[(rows["reading"] == reading) & (rows["arm"] != "ordinary")]
        group = group.assign(a_b=group["a_b"] * (1.0, 0.94, 1.06)[k])  # side by side where they would coincide
        if len(group):
            mean_with_band(axes, group, "a_b", "test_accuracy", label=label, colour=PALETTE[k], marker=MARKERS[k])
    plain = rows[rows["arm"] == "ordinary"]["test_accuracy"]
    summary = mean_interval(plain.tolist())
    axes.axhline(summary.mean, color="black", linestyle="--", linewidth=1.3, label="ordinary training")
    if summary.count > 1:
        axes.axhspan(summary.low, summary.high, color="black", alpha=0.07, linewidth=0)
    slope_axis(axes, sorted(a for a in rows["a_b"].unique() if a > 0))
    percent_axis(axes)
    axes.set(ylabel="test accuracy", ylim=(None, min(1.02, axes.get_ylim()[1])))
    axes.legend(loc="lower left")
    return figure
