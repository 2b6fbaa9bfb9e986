"""The chapter's figures."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.figure import Figure

from companion.data import ImageSet
from companion.edge_line.claims import differences, on_images
from companion.edge_line.counts import host_cost
from companion.edge_line.dashes import oriented_dashes
from companion.edge_line.declaration import EdgeLine
from companion.edge_line.toy import dash_kernels, pooled_responses
from companion.figures import MARKERS, NEUTRAL, PALETTE, image_grid, mean_with_band, percent_axis, plain_log_axis
from companion.predefined_filters.figures import curves_and_lead
from companion.predefined_filters.measurements import split_of
from companion.statistics import mean_interval

FAMILY_COLOURS = {
    "dense": PALETTE[1],
    "edge+line": PALETTE[0],
    "edge": PALETTE[4],
    "line": PALETTE[2],
    "random": PALETTE[3],
    "translating": PALETTE[5],
    "learned": NEUTRAL,
}
HOST_NAMES = {"resnet18": "ResNet18", "densenet121": "DenseNet121"}


def response_cloud(count: int = 400) -> Figure:
    """Two pooled responses (F_H, F_V) of each Oriented Dashes image, and the line F_H = F_V that separates them."""
    images = oriented_dashes("train", count)
    responses = pooled_responses(images.scaled(), dash_kernels())
    figure, axes = plt.subplots(figsize=(7.4, 4.2))
    for label, name in ((1, "more horizontal"), (0, "more vertical")):
        x, y = responses[images.labels == label].T.numpy()
        axes.plot(x, y, MARKERS[1 - label], color=PALETTE[1 - label], alpha=0.6, markersize=4, label=name)
    most = float(responses.max())
    axes.plot([0, most], [0, most], color="black", linewidth=1.2, label="score 0 of the weights (1, −1)")
    axes.set(xlabel="sum of ReLU(H * x)", ylabel="sum of ReLU(V * x)")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def dash_responses(index: int = 0) -> Figure:
    """One Oriented Dashes image and its two response maps after the ReLU."""
    image = oriented_dashes("train", index + 1).scaled()[index]
    maps = torch.nn.functional.conv2d(image[None], dash_kernels()[:, None])[0].relu()
    figure, grid = plt.subplots(1, 3, figsize=(8, 2.8))
    titles = ("image", f"ReLU(H * x), sum {maps[0].sum():.0f}", f"ReLU(V * x), sum {maps[1].sum():.0f}")
    for axes, picture, title in zip(grid, (image[0], *maps), titles, strict=True):
        axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=float(picture.max()))
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    return figure


def parameters_against_filters(hosts: Sequence[str] = ("resnet18", "densenet121"), classes: int = 102) -> Figure:
    """Learned numbers with 1 to 16 filters, and the level of the dense host, in millions."""
    figure, panels = plt.subplots(1, len(hosts), figsize=(4.5 * len(hosts), 3.1))
    for axes, host in zip(panels, hosts, strict=True):
        cost, counts = host_cost(host, classes), range(1, 17)
        axes.plot(counts, [cost.parameters(n) / 1e6 for n in counts], marker="o", label="every channel, every filter")
        level = cost.parameters(9, "one_filter") / 1e6
        axes.axhline(level, color=PALETTE[2], linestyle=":", label="every channel, one filter")
        axes.axhline(cost.dense_parameters / 1e6, color=PALETTE[1], linestyle="--", label="dense host")
        axes.set(
            title=HOST_NAMES.get(host, host),
            xlabel="filters",
            ylabel="learned numbers (millions)",
            xticks=(1, 4, 9, 12, 16),
        )
        axes.set_ylim(bottom=0)
    panels[0].legend(loc="upper left")
    return figure


def training_images(images: ImageSet, parameters: EdgeLine, columns: int = 10) -> Figure:
    """The first training images of the classes (at most two rows), as the networks see them."""
    split = split_of(parameters, images, parameters.per_class)
    first = split.train[:: parameters.per_class][: 2 * columns]
    chosen = images[first]
    titles = [images.classes[int(label)][:14] for label in chosen.labels]
    return image_grid(chosen.images, titles, columns=columns, full_scale=images.full_scale)


def dashes_accuracy(table: pd.DataFrame) -> Figure:
    """Test accuracy on Oriented Dashes against the number of training images: fixed banks and learned twins."""
    rows = table[table["part"] == "dashes"]
    shown = {
        "H and V": "fixed H and V (2 learned)",
        "16 edges and lines": "fixed 16 edges and lines (16)",
        "16 random": "fixed 16 random (16)",
        "2 random": "fixed 2 random (2)",
        "8 lines without ReLU": "fixed 8 lines without ReLU (8)",
        "9 shifts": "9 shifts (9)",
    }
    learned = [arm for arm in rows["arm"].unique() if "learned" in arm]
    shown |= {arm: f"{arm} filters ({10 * int(arm.split()[0])})" for arm in learned}
    figure, axes = plt.subplots(figsize=(7.4, 4))
    styles = {"2 random": ":", "8 lines without ReLU": "--", "9 shifts": ":"}
    for k, arm in enumerate(arm for arm in shown if arm in set(rows["arm"])):
        means = rows[rows["arm"] == arm].groupby("train_images")["test_accuracy"].mean()
        colour, marker = NEUTRAL if arm in learned else PALETTE[k % len(PALETTE)], MARKERS[k % len(MARKERS)]
        style = "-." if arm in learned else styles.get(arm, "-")
        axes.plot(means.index, means, style, color=colour, marker=marker, label=shown[arm], alpha=0.85)
    plain_log_axis(axes, sorted(rows["train_images"].unique()))
    percent_axis(axes)
    axes.set(xlabel="training images in total", ylabel="test accuracy, mean over seeds")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="filters (learned numbers)")
    return figure


def families(table: pd.DataFrame) -> Figure:
    """Test accuracy of every arm (mean, 95 % interval, a dot a seed) at the number of images where all were trained."""
    rows = main_rows(table)
    arms = list(dict.fromkeys(rows["arm"]))
    figure, axes = plt.subplots(figsize=(7.4, 0.9 + 0.36 * len(arms)))
    for k, arm in enumerate(arms):
        of_arm = rows[rows["arm"] == arm]
        values = of_arm["test_accuracy"].astype(float).tolist()
        interval, family = mean_interval(values), of_arm["family"].iloc[0]
        axes.barh(k, interval.mean, color=FAMILY_COLOURS[family], height=0.62, alpha=0.85)
        if interval.count > 1:
            axes.plot([interval.low, interval.high], [k, k], color="black", linewidth=1.4)
        axes.plot(values, [k] * len(values), "o", color="white", markeredgecolor="black", markersize=4)
    labels = [f"{arm} ({int(rows.loc[rows['arm'] == arm, 'parameters'].iloc[0]):,})" for arm in arms]
    axes.set_yticks(range(len(arms)), labels)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"test accuracy, {int(rows['per_class'].iloc[0])} images per class")
    percent_axis(axes, "x")
    return figure


def accuracy_against_size(table: pd.DataFrame) -> Figure:
    """Test accuracy of nine edges and lines and of the dense host against images a class, and the paired lead."""
    rows = on_images(table)
    nine = rows[(rows["n_filters"] == 9) & (rows["mode"] == "all_filters")]
    curves = {
        label: (nine[nine["family"] == family], FAMILY_COLOURS[family])
        for family, label in (("edge+line", "9 edges and lines"), ("dense", "dense host"))
    }
    return curves_and_lead(curves, differences(table, ("edge+line",), ("dense",)), "lead of the fixed filters (points)")


def accuracy_against_filters(table: pd.DataFrame) -> Figure:
    """Test accuracy against the number of edge and line filters in both modes, beside that of the dense host."""
    rows = main_rows(table)
    figure, axes = plt.subplots()
    names = {"all_filters": "every channel, every filter", "one_filter": "every channel, one filter"}
    for k, (mode, label) in enumerate(names.items()):
        chosen = rows[(rows["family"] == "edge+line") & (rows["mode"] == mode)]
        if len(chosen):
            mean_with_band(
                axes, chosen, "n_filters", "test_accuracy", label=label, colour=PALETTE[2 * k], marker=MARKERS[k]
            )
    dense = mean_interval(rows.loc[rows["family"] == "dense", "test_accuracy"].astype(float).tolist())
    axes.axhline(dense.mean, color=PALETTE[1], linestyle="--", label="dense host")
    axes.set(xlabel="filters", ylabel="test accuracy", xticks=sorted(rows["n_filters"].unique()))
    percent_axis(axes)
    axes.legend()
    return figure


def data_name(data: str) -> str:
    """A data set's name for the reader: that of its folder or archive, without the size behind it."""
    return data.removeprefix("folder:").rstrip("/").rsplit("/", 1)[-1].removesuffix(".zip").rsplit("_", 1)[0]


def main_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of images at the number of images a class at which the most arms were trained."""
    rows = on_images(table)
    return rows[rows["per_class"] == rows.groupby("per_class")["arm"].nunique().idxmax()]
