"""Draw the three pictures of the welcome page into book/_static/hero.html.

    python book/hero.py        # about a minute on two cores

Left, a run of this project: small networks trained on one to twenty digits of each class. Middle and right,
closed forms: the sixteen pre-defined kernels with what each sees in the book's towers, and the derivative of
B-SiLU. The pictures are inline SVG whose colours are variables of companion.css, so they follow dark mode.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from companion.data import few_sample_split, load
from companion.networks import build, parameter_count, seeded
from companion.predefined_filters import filter_bank
from companion.sugar.surrogates import SURROGATES
from companion.training import Settings, train

TARGET = Path(__file__).parent / "_static" / "hero.html"
WIDTHS, PER_CLASS, SEEDS = (4, 16, 48), (1, 2, 5, 10, 20), 3
Points = Sequence[tuple[float, float]]

PANEL = """\
<a class="hero-panel" href="{page}">
<svg viewBox="0 0 360 240" role="img" aria-label="{alt}">
{drawing}
</svg>
<strong>{title}</strong>
<span>{text}</span>
</a>
"""


def main() -> None:
    panels = (few_data_panel(), filters_panel(), surrogate_panel())
    TARGET.write_text('<div class="hero">\n' + "".join(panels) + "</div>\n", encoding="utf8")


def few_data_panel() -> str:
    """Ten training images, and test accuracy against images per class for three widths."""
    digits = load("digits")
    largest = max(PER_CLASS)
    accuracy = {w: [np.mean([_accuracy(digits, w, n, s) for s in range(SEEDS)]) for n in PER_CLASS] for w in WIDTHS}
    weights = {w: parameter_count(build("cnn", classes=10, channels=1, image_size=8, width=w)) for w in WIDTHS}
    one_each = digits.images[few_sample_split(digits.labels, 1, largest=largest).train, 0]
    x = np.interp(np.log(PER_CLASS), np.log((1, largest)), (44, 244))
    drawing = [_picture(image / 16, 8 + 34.5 * k, 2, 33) for k, image in enumerate(one_each.double())]
    for share in (0.4, 0.6, 0.8, 1.0):
        drawing.append(f'<path class="grid" d="M40 {_level(share):.1f}H250"/>')
        drawing.append(_text(36, _level(share) + 4, f"{100 * share:.0f} %", "end"))
    drawing += [_text(at, 221, str(n), "middle") for at, n in zip(x, PER_CLASS, strict=True)]
    drawing.append(_text(144, 237, "training images of each class", "middle"))
    for style, w in enumerate(WIDTHS, 1):
        points = [(at, _level(share)) for at, share in zip(x, accuracy[w], strict=True)]
        drawing.append(_line(points, f"line tone{style}"))
        drawing += [f'<circle class="dot tone{style}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
    labels = np.add([_level(accuracy[w][-1]) for w in WIDTHS], (4, 11, -3))
    for style, (w, y) in enumerate(zip(WIDTHS, labels, strict=True), 1):
        drawing.append(_text(253, y, f"{weights[w]:,} weights", "start", f"ink{style}"))
    best = f"{100 * accuracy[WIDTHS[-1]][0]:.0f} %"
    return PANEL.format(
        page="../notebooks/few_data/idea.html",
        alt="Test accuracy against training images per class, for networks of three sizes",
        drawing="\n".join(drawing),
        title="Ten images are a training set",
        text=f"A network of {weights[WIDTHS[-1]]:,} weights that saw only the ten digits above recognises {best} of "
        "the others. Making it larger does not make it worse.",
    )


def _accuracy(digits, width: int, per_class: int, seed: int) -> float:
    """The test accuracy of one network after 60 full-batch epochs of Adam."""
    split = few_sample_split(digits.labels, per_class, largest=max(PER_CLASS))
    images, labels = digits.scaled(), digits.labels
    network = seeded(lambda: build("cnn", classes=10, channels=1, image_size=8, width=width), seed)
    settings = Settings(epochs=60, optimiser="adam", learning_rate=1e-3, order_seed=seed, evaluate_every=60)
    test = images[split.test], labels[split.test]
    return train(network, images[split.train], labels[split.train], settings, test=test).test_accuracy


def _level(share: float) -> float:
    """The height of an accuracy in the left picture: 0.2 to 1 from bottom to top."""
    return float(np.interp(share, (0.2, 1.0), (208, 52)))


def filters_panel() -> str:
    """The towers, and their positive responses to the sixteen kernels."""
    image, bank = towers(64), filter_bank(dtype=torch.float64)
    seen = torch.relu(torch.conv2d(image[None, None], bank[:, None], padding=1))[0]
    drawing = [
        _picture(0.85 * image, 2, 72, 92, "shape"),
        '<path class="arrow" d="M102 118h18m-7-6 7 6-7 6"/>',
    ]
    for index in range(16):
        left, top = 130 + 58 * (index % 4), 4 + 58 * (index // 4)
        drawing.append(f'<rect class="tile" x="{left}" y="{top}" width="54" height="54" rx="5"/>')
        drawing.append(_picture(seen[index] / seen.max(), left + 2, top + 2, 50, "response"))
        drawing.append(kernel(bank[index], left + 3, top + 3, 6))
    return PANEL.format(
        page="../notebooks/predefined_filters/idea.html",
        alt="Sixteen 3 by 3 kernels and what each of them sees in a picture of two towers",
        drawing="\n".join(drawing),
        title="Sixteen filters, never trained",
        text="Edges and lines at four angles, bright and dark. A network that may only learn how to mix them keeps "
        "13 % of its parameters.",
    )


def kernel(weights: Tensor, left: float, top: float, cell: float) -> str:
    """A 3 x 3 kernel as coloured squares: one colour for each sign, opacity for size."""
    squares = [f'<rect class="paper" x="{left - 1}" y="{top - 1}" width="{3 * cell + 2}" height="{3 * cell + 2}"/>']
    for (row, column), value in np.ndenumerate((weights / weights.abs().max()).numpy()):
        place = f'x="{left + cell * column:g}" y="{top + cell * row:g}" width="{cell}" height="{cell}"'
        squares.append(f'<rect class="{"plus" if value > 0 else "minus"}" {place} opacity="{abs(value):.2f}"/>')
    return "".join(squares)


def towers(side: int) -> Tensor:
    """The two towers of the logo as a grey image, float64 [side, side]."""
    y, x = np.mgrid[:side, :side] / side
    image = np.zeros((side, side))
    for middle in (0.26, 0.74):
        across = np.abs(x - middle)
        image[(across < 0.16) & (y > 0.44) & (y < 0.94)] = 0.75
        image[(across < (y - 0.06) * 0.53) & (y <= 0.44)] = 1.0
        image[(np.abs(across - 0.08) < 0.03) & ((np.abs(y - 0.58) < 0.05) | (np.abs(y - 0.78) < 0.05))] = 0.0
    image[(np.abs(x - 0.5) < 0.09) & (y > 0.56) & (y < 0.94)] = 0.5
    image[(np.abs(x - 0.5) < 0.04) & (y > 0.74) & (y < 0.94)] = 0.0
    return torch.from_numpy(image)


def surrogate_panel() -> str:
    """The derivative of the ReLU and that of B-SiLU for several alpha."""
    x = torch.linspace(-5, 5, 161, dtype=torch.float64)
    drawing = ['<rect class="silent" x="20" y="14" width="160" height="190"/>', '<path class="axis" d="M20 164H340"/>']
    for alpha in (0.0, 0.8, 2.5, 3.4):
        drawing.append(_line(_curve(x, SURROGATES["b_silu"].slope(x, alpha)), "line faint"))
    drawing.append(_line([(20, 164), (180, 164), (180, _slope(1)), (340, _slope(1))], "line dashed"))
    drawing.append(_line(_curve(x, SURROGATES["b_silu"].slope(x)), "line tone3 bold"))
    drawing += [
        _text(30, 32, "the unit is silent", "start"),
        _text(330, 32, "the unit is active", "end"),
        _text(330, _slope(1) + 18, "derivative of the ReLU", "end"),
        _text(330, 106, "derivative of B-SiLU,", "end", "ink3"),
        _text(330, 121, "α = 1.67", "end", "ink3"),
        _text(180, 225, "input of the unit", "middle"),
        _text(16, 168, "0", "end"),
        _text(16, _slope(1) + 4, "1", "end"),
    ]
    return PANEL.format(
        page="../notebooks/sugar/idea.html",
        alt="The derivative of the ReLU is zero for negative inputs, that of B-SiLU is not",
        drawing="\n".join(drawing),
        title="A gradient for units that fell silent",
        text="Forward the ReLU, backward the derivative of another function: a unit that no image excites any more can "
        "still learn.",
    )


def _slope(value: float) -> float:
    return 164 - 100 * value


def _curve(x: Tensor, slope: Tensor) -> Points:
    return [(180 + 32 * a, _slope(b)) for a, b in zip(x.tolist(), slope.tolist(), strict=True)]


def _line(points: Points, style: str) -> str:
    return f'<path class="{style}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}"/>'


def _text(x: float, y: float, words: str, anchor: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{words}</text>'


def _picture(values: Tensor, x: float, y: float, side: float, style: str = "digit") -> str:
    """An image with values from 0 to 1 as a mask over a square of the style's colour."""
    pixels = (255 * values.clamp(0, 1)).round().to(torch.uint8).numpy()
    png = io.BytesIO()
    Image.fromarray(pixels, "L").save(png, "PNG", optimize=True)
    data = base64.b64encode(png.getvalue()).decode()
    name = f"m{style}{x:g}-{y:g}".replace(".", "_")
    place = f'x="{x:g}" y="{y:g}" width="{side}" height="{side}"'
    picture = f'<image {place} href="data:image/png;base64,{data}" style="image-rendering:pixelated"/>'
    return f'<mask id="{name}">{picture}</mask><rect class="{style}" {place} mask="url(#{name})"/>'


if __name__ == "__main__":
    main()
