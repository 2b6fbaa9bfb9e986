"""The experiment: the dashes in closed features, then all arms on images; and the one network asked for."""

from functools import partial
from typing import Any

from companion.edge_line.arms import Arm, compared
from companion.edge_line.claims import CLAIMS
from companion.edge_line.dashes import oriented_dashes
from companion.edge_line.dashes_measurements import counted, fixed_filters, learned_filters
from companion.edge_line.declaration import EdgeLine
from companion.edge_line.measurements import train_arm
from companion.experiment import Experiment, Row
from companion.jobs import Job, run_jobs
from companion.predefined_filters.measurements import load_images
from companion.progress import SILENT, Part, Progress

LIVE_POINTS = 6  # a reader who waits wants to see the curve


def run(parameters: EdgeLine, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure the declared parts.

    Returns:
        One row a network: ``part`` "dashes" (arm, train_images) or "images" (family, n_filters, mode, per_class),
        seed, accuracies, learned numbers.
    """
    shares = {"dashes": 1.0, "images": 4.0}
    total, done, rows = sum(shares[part] for part in parameters.parts), 0.0, []
    for part in parameters.parts:
        inner = Part(progress, done, shares[part], total, part)
        rows += dashes(parameters, inner) if part == "dashes" else on_images(parameters, inner, device)
        done += shares[part]
    progress.update(total, total)
    return rows


def dashes(parameters: EdgeLine, progress: Progress = SILENT) -> list[Row]:
    """Oriented Dashes: every bank at every size, and the learned twins at theirs."""
    train, test = (counted(oriented_dashes(part)) for part in ("train", "test"))
    seeds = range(parameters.seed, parameters.seed + parameters.dash_seeds)
    twins = [(c, size) for c in parameters.twin_filters for size in parameters.twin_sizes]
    total, rows = len(parameters.banks) + len(twins), []
    for done, name in enumerate(parameters.banks):
        rows += fixed_filters(train, test, name, parameters.dash_sizes, seeds)
        progress.update(done + 1, total, name)
    for done, (filters, size) in enumerate(twins, start=len(parameters.banks)):
        rows += learned_filters(train, test, filters, size, seeds, Part(progress, done, 1, total, "learned twin"))
    return [{"part": "dashes"} | row for row in rows]


def on_images(parameters: EdgeLine, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Every arm at ``per_class`` images, the dense host and the families of the curve at the other sizes too."""
    images = load_images(parameters, device, progress)
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)

    def job(arm: Arm, per_class: int) -> Job:
        label = f"{arm.label}, {per_class} per class"
        return Job(label, 1, partial(train_arm, parameters, images, arm, per_class, seeds))

    return run_jobs((job(*one) for one in networks(parameters)), progress)


def networks(parameters: EdgeLine) -> list[tuple[Arm, int]]:
    """The (arm, images per class) to train, each once."""
    p = parameters
    arms = compared(p.families, p.n_filters, p.filter_counts, p.wide_families, p.one_filter_counts)
    curve = [Arm("dense"), *(Arm(family, p.n_filters) for family in p.curve_families)]
    others = [(arm, size) for size in p.sizes for arm in curve]
    return list(dict.fromkeys([(arm, p.per_class) for arm in arms] + others))


def point(
    progress: Progress = SILENT,
    *,
    scale: str = "quick",
    family: str = "edge+line",
    mode: str = "all_filters",
    **values: Any,
) -> list[Row]:
    """Train the one network that a reader asks for; the rows hold all parameters.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        family: of the filters, or "dense".
        mode: "all_filters" or "one_filter".
        values: parameters by name.
    """
    parameters = EdgeLine.at(scale, **({"curve_points": LIVE_POINTS} | values))
    arm = Arm(family, 9 if family == "dense" else parameters.n_filters, mode)
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)
    rows = train_arm(parameters, load_images(parameters), arm, parameters.per_class, seeds, progress)
    return [parameters.values() | row for row in rows]


EXPERIMENT = Experiment(
    name="edge_line",
    title="Enhancing Generalization in CNNs through Regularization with Edge and Line Features",
    paper="edge_line",
    parameters=EdgeLine,
    run=run,
    claims=CLAIMS,
    expect=(
        "quick: Oriented Dashes and digits at 8 pixels, under a minute; standard: photographs at 64 pixels, a small "
        "residual network; paper: ResNet18 or DenseNet121 at 224 pixels, one GPU"
    ),
)
