"""The measurement: SUGAR beside plain ReLU, the gain-matched control and f itself, and networks that start silent."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from companion.devices import choose_device
from companion.experiment import Experiment, Row
from companion.jobs import Job, run_jobs
from companion.progress import SILENT, Progress
from companion.sugar.arms import Arm, forward_arm, gain_matched_arm, relu_arm, sugar_arm
from companion.sugar.claims import CLAIMS
from companion.sugar.declaration import Sugar
from companion.sugar.image_training import image_rows, image_sample
from companion.sugar.mechanics import mechanics_rows
from companion.sugar.perceptrons import landscape_rows, perceptron_rows
from companion.sugar.stacked_training import Plan
from companion.sugar.surrogates import SURROGATES

SILENT_PLAN = Plan(depth=2, width=128, learning_rate=0.05, batch=50, epochs=30)
"""The silent start is one experiment at every scale: two hidden layers of 128 units on scikit-learn's digits, pixels
from -1 to 1, so that at bias -2 no unit of the second layer fires."""


def run(parameters: Sugar, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure all parts; one row a network, with `part`, `arm`, `learning_rate`, `seed` and what was measured."""
    return run_jobs((job for part in parameters.parts for job in JOBS[part](parameters, device)), progress)


def shape_of(parameters: Sugar) -> float | None:
    """The shape parameter asked for, None for the surrogate's own (and where it has none)."""
    chosen = SURROGATES[parameters.surrogate]
    return None if parameters.alpha < 0 or chosen.alpha is None else parameters.alpha


def central_arms(parameters: Sugar) -> list[Arm]:
    """ReLU, its gain-matched control and SUGAR: these three are in every figure."""
    f, alpha, both = parameters.surrogate, shape_of(parameters), parameters.positive_side
    return [relu_arm(), gain_matched_arm(f, alpha, both), sugar_arm(f, alpha, both)]


def all_arms(parameters: Sugar) -> list[Arm]:
    """The central arms, the other surrogates, and the functions that also run forward."""
    names = [name for name in parameters.others if name != parameters.surrogate]
    others = [gain_matched_arm(name) for name in names if parameters.all_controls]
    others += [sugar_arm(name) for name in names]
    own = {parameters.surrogate: shape_of(parameters)}
    return central_arms(parameters) + others + [forward_arm(name, own.get(name)) for name in parameters.forward]


def plan_of(parameters: Sugar, learning_rate: float) -> Plan:
    """The training that the parameters declare, at one learning rate."""
    shared = ("depth", "width", "bias_init", "batch_norm", "optimiser", "batch", "epochs", "evaluations")
    return Plan(**{name: getattr(parameters, name) for name in shared}, learning_rate=learning_rate)


def _mechanics(parameters: Sugar, device: str) -> Iterator[Job]:
    yield Job("exactness", 1.0, lambda progress: mechanics_rows(device))


def _comparison(parameters: Sugar, device: str) -> Iterator[Job]:
    yield from _training(parameters, device, "comparison", all_arms(parameters), parameters.learning_rate)


def _rates(parameters: Sugar, device: str) -> Iterator[Job]:
    for rate in parameters.rates:
        yield from _training(parameters, device, "comparison", central_arms(parameters), rate)


def _training(parameters: Sugar, device: str, part: str, arms: list[Arm], rate: float) -> Iterator[Job]:
    """One job for all perceptrons together, or one for each larger network."""
    plan = plan_of(parameters, rate)
    seeds = range(parameters.seed, parameters.seed + parameters.seeds)
    drawn = {"data": parameters.data, "train_images": parameters.train_images, "split_seed": parameters.split_seed}
    if parameters.arch == "mlp":

        def together(progress: Progress) -> list[Row]:
            return perceptron_rows(part, arms, seeds, plan, device=device, progress=progress, **drawn)

        members = len(arms) * len(seeds)
        yield Job(f"{members} perceptrons, learning rate {rate:g}", parameters.epochs * (10.0 + members), together)
        return
    sample = cache(lambda: image_sample(**drawn, device=device))  # loaded once, when the first network needs it
    for arm in arms:
        for seed in seeds:

            def alone(progress: Progress, arm: Arm = arm, seed: int = seed) -> list[Row]:
                return image_rows(part, parameters.arch, arm, seed, plan, sample(), progress)

            yield Job(f"{parameters.arch}, {arm.label}, learning rate {rate:g}, seed {seed}", 1e5, alone)


def _silence(parameters: Sugar, device: str) -> Iterator[Job]:
    arms = central_arms(parameters)
    others = [sugar_arm(name) for name in ("elu", "silu") if name != parameters.surrogate]
    seeds = range(parameters.seed, parameters.seed + parameters.silent_seeds)
    for bias in parameters.silent_biases:
        chosen = arms + others if bias == max(parameters.silent_biases) else arms
        plan = Plan(**(vars(SILENT_PLAN) | {"bias_init": bias}))

        def job(progress: Progress, plan: Plan = plan, chosen: list[Arm] = chosen) -> list[Row]:
            return perceptron_rows(
                "silence", chosen, seeds, plan, data="digits", train_images=1000, scaling="symmetric",
                device=device, progress=progress,
            )  # fmt: skip

        yield Job(f"silent start, bias {bias:g}", 30.0 * (10 + len(chosen) * len(seeds)), job)


def _landscape(parameters: Sugar, device: str) -> Iterator[Job]:
    """The loss slices are those of the perceptron on digits at every scale: a slice of a VGG costs hours here."""
    relu, _, sugar = central_arms(parameters)
    plan = plan_of(parameters, parameters.learning_rate) if parameters.arch == "mlp" else Plan()

    def job(progress: Progress) -> list[Row]:
        return landscape_rows(relu, sugar, parameters.seed, plan, parameters.grid, device=device, progress=progress)

    yield Job("loss landscape", 300.0, job)


JOBS = {
    "mechanics": _mechanics,
    "comparison": _comparison,
    "rates": _rates,
    "silence": _silence,
    "landscape": _landscape,
}


def point(progress: Progress = SILENT, *, scale: str = "quick", **values: Any) -> list[Row]:
    """Train what a reader asks for with the live controls: ReLU, its control, SUGAR, and f forward.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        values: parameters by name.

    Returns:
        One row a network, with all parameters.
    """
    parameters = Sugar.at(scale, **values)
    arms = [*central_arms(parameters), forward_arm(parameters.surrogate, shape_of(parameters))]
    jobs = _training(parameters, choose_device().name, "point", arms, parameters.learning_rate)
    return [parameters.values() | row for row in run_jobs(jobs, progress)]


EXPERIMENT = Experiment(
    name="sugar",
    title="The Resurrection of the ReLU",
    paper="sugar",
    parameters=Sugar,
    run=run,
    claims=CLAIMS,
    expect="quick: about 200 perceptrons on digits; standard: a small VGG on a part of CIFAR-10.",
)
