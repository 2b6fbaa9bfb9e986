"""The parts of the measurement: densities and rejection, widths, permuted labels, sequential Monte Carlo, training."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import torch
from torch import nn

from companion.ensemble import RandomPerceptron
from companion.experiment import Row
from companion.jobs import Job
from companion.networks import cnn, parameter_count
from companion.progress import SILENT, Progress
from companion.rare_bad_minima.declaration import RareBadMinima
from companion.rare_bad_minima.density import ErrorDensity
from companion.rare_bad_minima.photographs import load_photographs, train_on_photographs
from companion.rare_bad_minima.pools import Pool, load_pool
from companion.rare_bad_minima.rejection import draw_training_sets, survey
from companion.rare_bad_minima.rows import (
    density_row,
    fixed_row,
    joint_row,
    sequential_row,
    theory_row,
    trained_row,
    width_row,
)
from companion.rare_bad_minima.sequential import sample_version_spaces
from companion.rare_bad_minima.trained import train_bad_minima, train_minima
from companion.rare_bad_minima.wide_limit import limit_deviation
from companion.training import Settings

CNN_WIDTH = 4
BAD_SIZES = (10, 30)  # samples at which bad minima are made on purpose
MOST_BAD = 50  # networks that are made so


class Tasks:
    """The declared pools, and the density of random networks on each, both made when first asked for."""

    def __init__(self, parameters: RareBadMinima, device: str) -> None:
        self.parameters, self.device = parameters, device
        self.pool = cache(self._pool)
        self.densities: dict[str, ErrorDensity] = {}  # the density part leaves here what it found

    def _pool(self, pair: str) -> Pool:
        p = self.parameters
        return load_pool(
            p.data,
            pair,
            image_size=p.image_size,
            size=p.pool,
            label_noise=p.label_noise,
            seed=p.seed,
            device=self.device,
        )

    def density(self, pair: str) -> ErrorDensity:
        """The density of random networks, drawn now where the density part was left out."""
        if pair not in self.densities:
            p, pool = self.parameters, self.pool(pair)
            drawn = survey(measure_of(p, pool), pool.inputs, pool.labels, p.networks, seed=p.seed)
            self.densities[pair] = drawn.density
        return self.densities[pair]


def measure_of(parameters: RareBadMinima, pool: Pool, width: int | None = None) -> RandomPerceptron:
    """The random networks: the declared perceptron, of another width where one is given."""
    hidden = (parameters.width if width is None else width,) * parameters.depth
    return RandomPerceptron(
        (pool.dimension, *hidden, 1),
        weight_sd=parameters.weight_sd,
        bias_sd=parameters.bias_sd,
        activation=parameters.activation,
    )


def settings_of(parameters: RareBadMinima, *, curves: bool = False) -> Settings:
    """Full-batch training until no training sample is wrong."""
    return Settings(
        epochs=parameters.steps,
        optimiser=parameters.optimiser,
        learning_rate=parameters.learning_rate,
        stop_at_zero_error=True,
        at_least=parameters.at_least,
        evaluate_every=1 if curves else parameters.steps,
    )


def densities(tasks: Tasks) -> Iterator[Job]:
    """The density of every task, T2 at every n, joint and fixed-set rejection."""
    p = tasks.parameters
    for pair in p.pairs:

        def work(progress: Progress, pair: str = pair) -> list[Row]:
            pool = tasks.pool(pair)
            measure = measure_of(p, pool)
            found = survey(
                measure,
                pool.inputs,
                pool.labels,
                p.networks,
                sizes=p.sizes,
                training_sets=p.training_sets,
                draws=p.draws,
                seed=p.seed,
                progress=progress,
            )
            tasks.densities[pair] = found.density
            limit = limit_deviation(measure, pool.inputs, pool.labels) if p.activation == "relu" else None
            rows = [density_row(found.density) | {"arm": "density", "limit_deviation": limit}]
            for n in p.sizes:
                theory = theory_row(found.density, n, p.epsilon)
                rows += [theory, fixed_row(found.fixed[n], theory, p.epsilon)]
                rows += [joint_row(found, n, p.epsilon)] if n in found.joint and found.joint[n].any() else []
            return [_shared(pool, measure) | row for row in rows]

        yield Job(f"{pair}: {p.networks:,} random networks", 1.5 * _seconds(p, p.width, p.networks), work)


def widths(tasks: Tasks) -> Iterator[Job]:
    """R4: the density of the first task at other widths."""
    p = tasks.parameters
    for width in p.widths:

        def work(progress: Progress, width: int = width) -> list[Row]:
            pool = tasks.pool(p.pairs[0])
            measure = measure_of(p, pool, width)
            found = survey(
                measure, pool.inputs, pool.labels, p.width_networks, seed=p.seed + 1 + width, progress=progress
            )
            return [_shared(pool, measure) | width_row(found, p.width_samples, p.epsilon)]

        yield Job(f"width {width}", _seconds(p, width, p.width_networks), work)


def permuted(tasks: Tasks) -> Iterator[Job]:
    """R5: the first task with its labels permuted."""
    p = tasks.parameters
    for permutation in range(p.permutations):

        def work(progress: Progress, permutation: int = permutation) -> list[Row]:
            pool = tasks.pool(p.pairs[0]).permuted(permutation)
            measure = measure_of(p, pool)
            found = survey(
                measure, pool.inputs, pool.labels, p.permuted_networks, seed=p.seed + 1, progress=progress
            ).density
            limit = limit_deviation(measure, pool.inputs, pool.labels) if p.activation == "relu" else None
            row = density_row(found) | theory_row(found, p.width_samples, p.epsilon)
            own = {"arm": "permuted labels", "seed": permutation, "limit_deviation": limit}
            return [_shared(pool, measure) | row | own]

        yield Job(f"permutation {permutation}", _seconds(p, p.width, p.permuted_networks), work)


def sequential(tasks: Tasks) -> Iterator[Job]:
    """Fixed training sets of the last task where guessing finds no minimum, by sequential Monte Carlo."""
    p = tasks.parameters
    for k in range(p.sequential_sets):

        def work(progress: Progress, k: int = k) -> list[Row]:
            pool = tasks.pool(p.pairs[-1])
            measure, density = measure_of(p, pool), tasks.density(p.pairs[-1])
            sets = draw_training_sets(len(pool), p.sequential_sets, max(p.sequential_sizes), p.seed + 100)
            spaces = sample_version_spaces(
                measure,
                pool.inputs,
                pool.labels,
                sets[k].to(pool.labels.device),
                p.sequential_sizes,
                particles=p.particles,
                moves=p.moves,
                seed=p.seed + k,
                progress=progress,
            )
            rows = [sequential_row(one, theory_row(density, one.n, p.epsilon), k, p.epsilon) for one in spaces]
            return [_shared(pool, measure) | row for row in rows]

        stages = p.moves * max(p.sequential_sizes) / 2.5
        yield Job(f"sequential Monte Carlo, set {k}", 4e-5 * stages * p.particles * p.image_size**2 / 64, work)


def trained(tasks: Tasks) -> Iterator[Job]:
    """R6: gradient descent from the same random weights."""
    p = tasks.parameters
    for pair in p.pairs:
        for n in p.trained_sizes:

            def work(progress: Progress, pair: str = pair, n: int = n) -> list[Row]:
                pool = tasks.pool(pair)
                measure = measure_of(p, pool)
                found = train_minima(measure, pool, n, p.runs, settings_of(p), seed=p.seed, progress=progress)
                return [_shared(pool, measure) | trained_row(found, tasks.density(pair), p.epsilon)]

            yield Job(f"{pair}: {p.runs} networks trained on {n} samples", 0.01 * p.runs, work)


def bad_minima(tasks: Tasks) -> Iterator[Job]:
    """Bad minima on purpose, on the first task."""
    p = tasks.parameters
    for n in BAD_SIZES:

        def work(progress: Progress, n: int = n) -> list[Row]:
            pool = tasks.pool(p.pairs[0])
            measure = measure_of(p, pool)
            found = train_bad_minima(
                measure,
                pool,
                n,
                min(p.runs, MOST_BAD),
                settings_of(p),
                mislabelled=p.mislabelled,
                seed=p.seed,
                progress=progress,
            )
            return [_shared(pool, measure) | trained_row(found, tasks.density(p.pairs[0]), p.epsilon, "bad minima")]

        yield Job(f"bad minima of {n} samples", 0.02 * MOST_BAD, work)


def convolutional(tasks: Tasks) -> Iterator[Job]:
    """A second class of functions on the first task: small convolutional networks."""
    p = tasks.parameters

    def work(progress: Progress) -> list[Row]:
        pool = tasks.pool(p.pairs[0])
        C, side = pool.inputs.shape[1], pool.inputs.shape[-1]

        def build() -> nn.Module:
            return cnn(CNN_WIDTH, 2, C, side)

        found = survey(
            build,
            pool.inputs,
            pool.labels,
            p.convolutional_networks,
            sizes=p.sizes,
            draws=p.draws,
            seed=p.seed,
            progress=progress,
        )
        rows = [density_row(found.density)]
        rows += [theory_row(found.density, n, p.epsilon) for n in p.sizes]
        rows += [joint_row(found, n, p.epsilon) for n in p.sizes if found.joint and found.joint[n].any()]
        own = {"task": pool.name, "pool_images": len(pool), "weights": parameter_count(build())}
        arms = {"theory": "convolutional theory", "joint": "convolutional joint"}
        return [own | row | {"arm": arms.get(row.get("arm", ""), "convolutional")} for row in rows]

    if p.convolutional_networks:
        yield Job("random convolutional networks", 1e-5 * p.convolutional_networks * p.image_size**2 * 15, work)


def photographs(tasks: Tasks) -> Iterator[Job]:
    """Deep networks trained on few photographs, many for every number of images."""
    p = tasks.parameters
    loaded = cache(lambda: load_photographs(p, tasks.device))
    for arch in p.photo_archs if p.photographs else ():
        for per_class in p.photo_per_class:

            def work(progress: Progress, arch: str = arch, per_class: int = per_class) -> list[Row]:
                return train_on_photographs(p, loaded(), arch, per_class, progress)

            cost = p.photo_runs * (p.photo_size / 48) ** 2 * p.photo_width * 20
            yield Job(f"{arch} on {per_class} photographs of each class", cost, work)


def train_point(
    parameters: RareBadMinima, pair: str, n: int, device: str = "cpu", progress: Progress = SILENT
) -> list[Row]:
    """The networks that a reader asks for: one row a run, with its curves over the steps."""
    pool = Tasks(parameters, device).pool(pair)
    measure = measure_of(parameters, pool)
    settings = settings_of(parameters, curves=True)
    found = train_minima(measure, pool, n, parameters.runs, settings, seed=parameters.seed, progress=progress)
    members = zip(found.outcome.members, found.errors.tolist(), found.train_errors.tolist(), strict=True)
    return [
        _shared(pool, measure)
        | {"arm": "trained", "n": n, "seed": parameters.seed + k, "true_error": error, "train_error": train_error}
        | {"test_accuracy": 1 - error, **{f"curve_{name}": values for name, values in member.curves.items()}}
        for k, (member, error, train_error) in enumerate(members)
    ]


def _shared(pool: Pool, measure: RandomPerceptron) -> Row:
    with torch.device("meta"):
        weights = parameter_count(measure.build())
    return {"task": pool.name, "pool_images": len(pool), "width": measure.sizes[1], "weights": weights}


def _seconds(p: RareBadMinima, width: int, networks: int) -> float:
    pool = p.pool or 360
    return networks / 25_000 * pool / 360 * p.image_size**2 / 64 * (0.2 + 0.8 * width * p.depth / 20)


PARTS: dict[str, Callable[[Tasks], Iterator[Job]]] = {
    "density": densities,
    "widths": widths,
    "permuted": permuted,
    "sequential": sequential,
    "trained": trained,
    "bad minima": bad_minima,
    "convolutional": convolutional,
    "photographs": photographs,
}


def jobs_of(tasks: Tasks, parts: Sequence[str]) -> list[Job]:
    """The work of some parts, in order."""
    return [job for part in parts for job in PARTS[part](tasks)]
