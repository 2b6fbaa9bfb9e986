"""Explorers with made-up numbers, and a page that shows them without Jupyter Book."""

from pathlib import Path

import numpy as np
import pandas as pd

from companion.explorer import Choice, Explorer, Marker, Panel, Slider, Toggle, bundle
from companion.parameters import Parameters, parameter

ARCHITECTURES = ("cnn", "mlp", "resnet")
PER_CLASS = (1, 2, 5, 10, 20, 50, 100)
WIDTHS = (8, 16, 32)
SEEDS = 5


class Declaration(Parameters):
    """What the sample's experiment declares."""

    per_class: int = parameter(20, low=1, high=200, log=True, unit="images", help="training images per class")
    width: int = parameter(16, low=4, high=64, help="channels of the first layer")


def records() -> pd.DataFrame:
    """A full factorial of made-up accuracies and training curves."""
    generator = np.random.default_rng(7)
    rows = []
    for k, arch in enumerate(ARCHITECTURES):
        for n in PER_CLASS:
            for width in WIDTHS:
                for seed in range(SEEDS):
                    a = 3 + 4 * k + 16 / width
                    accuracy = 0.97 - 0.9 * a / (a + n) + generator.normal() * 0.05 / n**0.3
                    epochs = np.arange(1, 21)
                    curve = accuracy * (1 - np.exp(-epochs / 5)) + generator.normal(size=20) * 0.01
                    loss = float(np.exp(-3 * accuracy) + 0.02 * generator.random())
                    row = {"arch": arch, "per_class": n, "width": width, "seed": seed}
                    rows.append(row | {"test_accuracy": float(accuracy), "loss": loss, "curve": curve.tolist()})
    return pd.DataFrame(rows)


def learning_curves(**options) -> Explorer:
    """Two line panels: accuracy along images per class, and the curves of training."""
    return Explorer.from_table(
        records(),
        x="per_class",
        y="test_accuracy",
        series="arch",
        controls=["per_class", "width"],
        declaration=Declaration,
        panels=[
            Panel(percent=True, log_x=True, title="Learning curve"),
            Panel(y="curve", x_label="epoch", title="While training", percent=True),
        ],
        labels={"test_accuracy": "Accuracy", "per_class": "Images per class", "arch": "Architecture"},
        published=[Marker(x=20, y=0.80, label="paper, Table 2", where={"width": 16})],
        start={"per_class": 20, "width": 16},
        title="How far do a few images per class carry?",
        caption="Mean and 95 % t-interval over five seeds; made-up numbers.",
        id="few-data",
        **options,
    )


def all_kinds() -> Explorer:
    """Bars, scatter, histogram and heat map of the same records."""
    return Explorer.from_table(
        records(),
        x="arch",
        y="test_accuracy",
        controls=["per_class", Choice("width", label="Channels"), "arch"],
        panels=[
            Panel("bars", percent=True),
            Panel("scatter", x="loss", series="arch", percent=True),
            Panel("histogram", x="loss", series="arch", bins=12),
            Panel("heatmap", x="per_class", y="width", value="test_accuracy", percent=True, fix={"arch": "cnn"}),
        ],
        labels={"test_accuracy": "Accuracy", "arch": "Architecture", "per_class": "Images per class"},
        title="One table, four views",
        id="kinds",
    )


def closed_form() -> Explorer:
    """The learning curve E(n) with measured points."""
    rows = records().query("width == 16 and arch == 'cnn'")
    data = rows.assign(n=rows.per_class, error=1 - rows.test_accuracy)[["n", "error", "seed"]]
    return Explorer.from_form(
        "learning_curve",
        controls=[
            Slider("E_min", 0, 0.3, 0.05, step=0.005, label="Asymptote"),
            Slider("a", 0.5, 20, 4, log=True),
            Slider("b", 0, 20, 1, step=0.25),
        ],
        data=data,
        extra={"low": 1, "high": 1000},
        title="The learning curve of a counting machine",
        caption="E(n) = E_min + (1 − E_min) a / (a + b + n)",
        id="curve",
    )


def pictures() -> Explorer:
    """A grid of images chosen by a toggle and a slider."""
    ramp = np.add.outer(np.linspace(0, 1, 12), np.linspace(0, 1, 12)) / 2
    rows = [
        {
            "picture": np.roll(ramp, k, 0) if not flipped else 1 - np.roll(ramp, k, 0),
            "name": f"{k}",
            "shift": k % 4,
            "negative": flipped,
        }
        for k in range(16)
        for flipped in (False, True)
    ]
    return Explorer.from_table(
        pd.DataFrame(rows),
        controls=["shift", Toggle("negative", label="Negative")],
        panels=[Panel("images", image="picture", label="name")],
        title="Images from one sprite",
        id="pictures",
    )


def write_page(folder: Path, explorers: list[Explorer], theme: str = "light") -> Path:
    """A page of explorers as a site would hold it: script, style sheet and the cells' HTML outputs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer.js").write_text(bundle.script(), encoding="utf-8")
    (folder / "explorer.css").write_text(bundle.style(), encoding="utf-8")
    body = "\n".join(f"<h2>Part {k}</h2>{one.html()}" for k, one in enumerate(explorers))
    ground, ink = ("#121417", "#ffffff") if theme == "dark" else ("#ffffff", "#000000")
    page = (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Explorers</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="explorer.css"></head>'
        f'<body style="margin:0 auto;max-width:860px;padding:12px;background:{ground};color:{ink}">'
        f"<main><h1>Explorers</h1>{body}</main>"
        '<script src="explorer.js"></script></body></html>'
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path
