"""The measurement: toys, random networks, units and logits of trained networks, pictures, and training."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from companion.devices import choose_device
from companion.experiment import Experiment, Row
from companion.jobs import Job, run_jobs
from companion.progress import SILENT, Part, Progress
from companion.proxygrad.claims import CLAIMS
from companion.proxygrad.declaration import ProxyGrad
from companion.proxygrad.excitation import excite
from companion.proxygrad.image_rows import excitation_rows, picture_rows, targets, variation_rows
from companion.proxygrad.random_networks import Method
from companion.proxygrad.random_rows import random_rows
from companion.proxygrad.samples import draw_starts
from companion.proxygrad.tables import recorded_ascents
from companion.proxygrad.toy_rows import mechanics_rows, toy_rows
from companion.proxygrad.trained import Networks, training_row


def run(parameters: ProxyGrad, progress: Progress = SILENT, device: str = "cpu") -> list[Row]:
    """Measure the declared parts; every row says its `part`, its `arm` and what was measured."""
    networks = Networks(parameters, device)
    return run_jobs((job for part in parameters.parts for job in JOBS[part](networks)), progress)


def _mechanics(networks: Networks) -> Iterator[Job]:
    yield Job("exactness and angles", 2.0, lambda progress: mechanics_rows(networks.device))


def _toys(networks: Networks) -> Iterator[Job]:
    yield Job("toys", 2.0, lambda progress: toy_rows())


def _random(networks: Networks) -> Iterator[Job]:
    p = networks.parameters
    size = p.random_networks * p.random_starts * p.random_steps / 64_000
    for depth in p.depths:

        def job(progress: Progress, depth: int = depth) -> list[Row]:
            return random_rows(p, depth, progress, networks.device)

        yield Job("random networks", 1.0 + size * depth, job)


def _by_network(
    label: str, cost: float, work: Callable[[Networks, int, Progress], list[Row]]
) -> Callable[[Networks], Iterator[Job]]:
    """Jobs that look into every trained network; the first to do so trains it."""

    def jobs(networks: Networks) -> Iterator[Job]:
        for seed in networks.target_seeds():

            def job(progress: Progress, seed: int = seed) -> list[Row]:
                networks.target(seed, Part(progress, 0, 0.3, 1, "training"))
                return work(networks, seed, Part(progress, 0.3, 0.7, 1))

            yield Job(f"{label}, network {seed}", cost, job)

    return jobs


def _variations(networks: Networks) -> Iterator[Job]:
    first = networks.target_seeds()[0]
    yield Job("variations", 2.0, lambda progress: variation_rows(networks, first, progress))


def _pictures(networks: Networks) -> Iterator[Job]:
    first = networks.target_seeds()[0]
    yield Job("pictures", 2.0, lambda progress: picture_rows(networks, first, progress))


def _training(networks: Networks) -> Iterator[Job]:
    p = networks.parameters
    arms = [("local", p.a_f), *(("local", a) for a in p.train_slopes if a != p.a_f)]
    arms += [(reading, a) for reading in ("pulled back", "literal") for a in p.other_slopes]
    for reading, slope in arms:
        for seed in range(p.seed, p.seed + p.train_seeds):

            def job(progress: Progress, reading: str = reading, slope: float = slope, seed: int = seed) -> list[Row]:
                return [training_row(networks, reading, slope, seed, progress)]

            yield Job(f"training, {reading} {slope:g}, seed {seed}", 2.0, job)


JOBS: dict[str, Callable[[Networks], Iterator[Job]]] = {
    "mechanics": _mechanics,
    "toys": _toys,
    "random": _random,
    "units": _by_network("units", 4.0, lambda networks, seed, watch: excitation_rows(networks, "units", seed, watch)),
    "logits": _by_network(
        "logits", 4.0, lambda networks, seed, watch: excitation_rows(networks, "logits", seed, watch)
    ),
    "variations": _variations,
    "pictures": _pictures,
    "training": _training,
}


def train_point(
    progress: Progress = SILENT, *, scale: str = "quick", reading: str = "local", **values: Any
) -> list[Row]:
    """Train what a reader asks for with the live controls: ordinary training beside ProxyGrad with slope a_b.

    Args:
        progress: told every epoch.
        scale: whose defaults to take for what is not given.
        reading: ``local``, ``pulled back`` or ``literal``.
        values: parameters by name.

    Returns:
        One row a network, with all parameters.
    """
    parameters = ProxyGrad.at(scale, **values)
    networks = Networks(parameters, choose_device().name)
    arms = [("local", parameters.a_f), (reading, parameters.a_b)]
    seeds = range(parameters.seed, parameters.seed + parameters.train_seeds)
    jobs = [(*arm, seed) for arm in arms for seed in seeds]
    return [
        parameters.values() | training_row(networks, one, slope, seed, Part(progress, k, 1, len(jobs)))
        for k, (one, slope, seed) in enumerate(jobs)
    ]


def ascent_point(progress: Progress = SILENT, *, scale: str = "quick", **values: Any) -> list[Row]:
    """One ascent as a reader asks for it, beside plain gradients: rows with the curve of values over the steps.

    Args:
        progress: told every step.
        scale: whose defaults to take for what is not given.
        values: parameters by name: `layer`, `unit`, `objective`, `semantics`, `a_b`, `schedule`, `start`, `steps`, ...
    """
    parameters = ProxyGrad.at(scale, **values)
    networks = Networks(parameters, choose_device().name)
    network = networks.target(parameters.seed, Part(progress, 0, 0.5, 1, "training"))
    if parameters.layer == 0:
        (target,) = targets(networks, parameters.seed, "logits")
    else:
        inner = targets(networks, parameters.seed, "units")
        target = inner[min(parameters.layer, len(inner)) - 1]
    unit = min(parameters.unit, len(target.units) - 1)
    method = Method(parameters.semantics, parameters.a_b, parameters.schedule)
    starts = draw_starts(networks.space, parameters.starts, parameters.start, parameters.start_noise, parameters.seed)
    found = excite(network, target.layer, target.read, (target.units[unit],), starts, (Method(), method),
                   networks.ascent(), progress=Part(progress, 0.5, 0.5, 1))  # fmt: skip
    curves = found.values.view(len(found.values), 2, -1).cpu()
    return [
        parameters.values() | {"arm": one.label, "start_number": s, "curve_step": list(range(len(curves))),
                               "curve_value": curves[:, m, s].tolist(), "value": float(curves[:, m, s].max())}
        for m, one in enumerate((Method(), method))
        for s in range(parameters.starts)
    ]  # fmt: skip


def slope_point(progress: Progress = SILENT, *, slope: float, layer: str, scale: str = "quick") -> list[Row]:
    """Measure one slope for the explorer of trained networks: rows of `companion.proxygrad.tables.recorded_ascents`.

    Args:
        progress: told every step.
        slope: a_b.
        layer: ``logits``, or an inner layer's name for the reader.
        scale: whose defaults to take.
    """
    part = "logits" if layer == "logits" else "units"
    rows = run(ProxyGrad.at(scale, slopes=(slope,), parts=(part,)), progress, choose_device().name)
    found = recorded_ascents(pd.DataFrame(rows), (layer,))
    return found[found["slope"].notna()].to_dict("records")


EXPERIMENT = Experiment(
    name="proxygrad",
    title="Leaky ReLUs That Differ in Forward and Backward Pass Facilitate Activation Maximization",
    paper="proxygrad",
    parameters=ProxyGrad,
    run=run,
    claims=CLAIMS,
    expect="quick: toys, random networks, a small CNN on digits; standard: a ResNet of eight layers on Fashion-MNIST.",
)
