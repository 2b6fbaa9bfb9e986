"""The parts of the measurement on binary tasks: kernel, density, random minima, gradient descent, widths."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from companion.data import ImageSet
from companion.ensemble import Ensemble, random_correctness, random_error_rates
from companion.error_density.atoms import EmpiricalDensity
from companion.error_density.declaration import ErrorDensity
from companion.error_density.densities import beta_parameter
from companion.error_density.kernel import Matrix
from companion.error_density.random_minima import FixedSets, JointRejection
from companion.error_density.smc import sample_minima
from companion.error_density.tasks import Pool, all_pairs, pair_pool
from companion.experiment import Row
from companion.jobs import Job
from companion.progress import SILENT, Progress
from companion.training import Settings

BLOCKS = 10  # independent blocks of networks, training sets or runs, between which the scatter is taken
COVERED = 0.95  # rejection is shown only where networks were found for this share of the training sets
BINS = 400  # most values of an error that a record keeps
DESCENT = Settings(
    epochs=1000,
    batch=None,
    optimiser="adam",
    learning_rate=1e-2,
    stop_at_zero_error=True,
    at_least=50,  # the first zero training error comes after some ten steps, with several times the test error
    evaluate_every=1000,
)


def kernel(parameters: ErrorDensity, images: ImageSet) -> Iterator[Job]:
    """The spread of the error of every pair of classes from its kernel, and with permuted labels."""

    def work(progress: Progress) -> list[Row]:
        rows = []
        pairs = list(dict.fromkeys([*parameters.pairs, *all_pairs(images.classes)]))
        for done, pair in enumerate(pairs):
            pool = pair_pool(images, pair, parameters.pool)
            agreed = pool.agreement()
            alignment = pool.alignment(agreed)
            shared = {"arm": "kernel", "pair": pair, "images": len(pool)}
            found = {"alignment": vars(alignment) | {"T": len(pool)}, "a": alignment.a()}
            rows.append(shared | found | {"sd": alignment.variance() ** 0.5})
            if pair in parameters.pairs:
                rows += [shared | one for one in _permuted(pool, agreed, parameters)]
            progress.update(done + 1, len(pairs), pair)
        return rows

    yield Job("kernel of every pair", 2e-7 * 45 * (parameters.pool or 360) ** 2, work)


def _permuted(pool: Pool, agreed: Matrix, parameters: ErrorDensity) -> Iterator[Row]:
    for k in range(parameters.permutations):
        variance = pool.permuted(parameters.seed + k).alignment(agreed).variance()
        a = float(beta_parameter(variance))
        yield {"arm": "permuted labels", "seed": k, "a": a, "sd": variance**0.5}


def density(parameters: ErrorDensity, images: ImageSet) -> Iterator[Job]:
    """D from random networks, the curve that it predicts, and rejection sampling with other random networks."""
    for pair in parameters.pairs:
        pool = pair_pool(images, pair, parameters.pool)
        cost = 1e-9 * parameters.nets * parameters.hidden * len(pool) * (20 + pool.images.shape[1]) / 10
        yield Job(f"random networks, {pair}", cost, lambda progress, p=pool: _density(parameters, p, progress))
        yield Job(f"rejection, {pair}", 1.5 * cost, lambda progress, p=pool: _rejection(parameters, p, progress))


def _density(parameters: ErrorDensity, pool: Pool, progress: Progress) -> list[Row]:
    errors = random_error_rates(
        pool.measure(parameters.hidden),
        pool.images,
        pool.labels,
        parameters.nets,
        seed=2 * parameters.seed,
        progress=progress,
    )
    model = EmpiricalDensity(errors.cpu().numpy())
    histogram, edges = np.histogram(model.values, min(BINS, len(pool)) + 1, _ends(len(pool)), weights=model.counts)
    kept = np.flatnonzero(histogram)
    shared = {"pair": pool.name, "hidden": parameters.hidden, "nets": parameters.nets}
    found = {"error": float(model.mean(0)), "sd": model.variance**0.5, "a": float(beta_parameter(model.variance))}
    middles = (edges[1:] + edges[:-1])[kept] / 2
    shape = {"values": middles.tolist(), "counts": histogram[kept].astype(int).tolist()}
    rows = [{"arm": "density"} | shared | found | shape]
    for n in (n for n in (0, *parameters.sizes) if model.reach(n)):
        point = {"n": n, "error": float(model.mean(n)), "standard_error": float(model.mean_error(n)[0])}
        bad = float(model.bad_fraction(parameters.epsilon, n))
        rows.append({"arm": "formula", "pair": pool.name} | point | {"bad": bad})
    return rows


def _ends(T: int) -> tuple[float, float]:
    """Ends of a histogram whose bins are centred on whole errors, where there are few enough of them."""
    half = 0.5 / min(BINS, T)
    return -half, 1 + half


def _rejection(parameters: ErrorDensity, pool: Pool, progress: Progress) -> list[Row]:
    sizes = parameters.sizes
    joint = JointRejection(sizes, seed=parameters.seed + 1)
    fixed = FixedSets(pool.training_sets(parameters.sets, max(sizes), parameters.seed), sizes, len(pool))
    measure = pool.measure(parameters.hidden)
    for correct in random_correctness(
        measure, pool.images, pool.labels, parameters.nets, seed=2 * parameters.seed + 1, progress=progress
    ):
        joint.add(correct)
        fixed.add(correct)
    rows = []
    accepted = joint.accepted
    for k, n in enumerate(sizes):
        if accepted.count[k] >= 100:
            point = {"n": n, "error": float(accepted.mean[k]), "standard_error": float(accepted.standard_error[k])}
            rows.append({"arm": "joint", "pair": pool.name, "networks": int(accepted.count[k])} | point)
        if fixed.coverage[k] >= COVERED:
            means = _block_means(fixed.accepted.mean[:, k])
            rows.append(_summary("fixed sets", pool.name, n, means) | {"method": "rejection"})
    return rows


def smc(parameters: ErrorDensity, images: ImageSet) -> Iterator[Job]:
    """Random minima of given training sets by sequential Monte Carlo, where rejection finds none."""
    for pair in parameters.smc_pairs:
        pool = pair_pool(images, pair, parameters.pool)

        def work(progress: Progress, pool: Pool = pool) -> list[Row]:
            sets = pool.training_sets(parameters.smc_sets, max(parameters.sizes), parameters.seed + 7)
            found = sample_minima(
                pool.measure(parameters.hidden),
                pool,
                sets,
                parameters.sizes,
                particles=parameters.particles,
                moves=parameters.moves,
                epsilon=parameters.epsilon,
                seed=parameters.seed,
                progress=progress,
            )
            rows = []
            for k, n in enumerate(found.sizes):
                if float(found.error[:, k].isnan().double().mean()) > 1 - COVERED:
                    break  # the sets that are left are the easy ones
                row = _summary("fixed sets", pool.name, n, found.error[:, k].tolist()) | {"method": "SMC"}
                rows.append(row | {"bad": float(found.bad[:, k].mean()), "ln V": float(found.log_volume[:, k].mean())})
            return rows

        chains = parameters.smc_sets * parameters.particles * parameters.moves * max(parameters.sizes)
        yield Job(f"sequential Monte Carlo, {pair}", 2e-7 * chains * pool.images.shape[1], work)


def gradient(parameters: ErrorDensity, images: ImageSet) -> Iterator[Job]:
    """What gradient descent finds from the same random networks: not random minima, but better ones."""
    for pair in parameters.pairs:
        pool = pair_pool(images, pair, parameters.pool)
        for n in parameters.gradient_sizes:

            def work(progress: Progress, pool: Pool = pool, n: int = n) -> list[Row]:
                sets = pool.training_sets(parameters.runs, n, parameters.seed + 100 + n)
                error, fitted = descend(pool, sets, parameters.hidden, parameters.seed, progress)
                means = _block_means(torch.where(fitted, error, torch.nan))
                row = _summary("gradient descent", pool.name, n, means)
                return [row | {"fitted": float(fitted.double().mean())}]

            yield Job(f"gradient descent, {pair}, {n} images", 1e-4 * parameters.runs * (20 + n), work)


def descend(pool: Pool, sets: Tensor, hidden: int, seed: int = 0, progress: Progress = SILENT) -> tuple[Tensor, Tensor]:
    """Errors on the pool and whether the training set was learned, ``[sets]``, after full-batch Adam from random."""
    measure = pool.measure(hidden)
    first = 1000 * seed
    ensemble = Ensemble(measure.build, range(first, first + len(sets)), device=pool.images.device)
    test = (pool.images, pool.labels)
    outcome = ensemble.train(pool.images, pool.labels, DESCENT, subsets=list(sets), test=test, progress=progress)
    return 1 - outcome.test_accuracy.double(), outcome.train_accuracy == 1


def widths(parameters: ErrorDensity, images: ImageSet) -> Iterator[Job]:
    """The a of random networks of several widths on the first pair, in independent blocks."""
    pool = pair_pool(images, parameters.pairs[0], parameters.pool)
    d = pool.images.shape[1]
    for hidden in parameters.widths:
        nets = int(parameters.width_nets * min(1.0, max(0.25, 20 / hidden))) // BLOCKS * BLOCKS

        def work(progress: Progress, hidden: int = hidden, nets: int = nets) -> list[Row]:
            measure, seed = pool.measure(hidden), parameters.seed + 10_000 + hidden
            errors = random_error_rates(measure, pool.images, pool.labels, nets, seed=seed, progress=progress)
            # the networks are symmetric under a change of sign, so that the mean error is 1/2
            squares = ((errors - 0.5) ** 2).view(BLOCKS, -1).mean(1).cpu().numpy()
            shared = {"arm": "width", "pair": pool.name, "hidden": hidden, "weights": hidden * (d + 2), "nets": nets}
            return [shared | {"a": float(beta_parameter(squares.mean())), "each": beta_parameter(squares).tolist()}]

        yield Job(f"width {hidden}", 1e-10 * nets * hidden * len(pool) * (20 + d), work)


def difficulty(parameters: ErrorDensity, images: ImageSet, n: int = 20, test_images: int = 320) -> Iterator[Job]:
    """The error of gradient descent after 20 images, for every pair of classes: is it what the kernel foresees?"""
    pairs, runs = list(all_pairs(images.classes)), parameters.difficulty_runs

    def work(progress: Progress) -> list[Row]:
        learned, labels, tests = [], [], []
        for pair in pairs:
            pool = pair_pool(images, pair, test_images)
            for rows in pool.training_sets(runs, n, parameters.seed + 5):
                learned.append(pool.images[rows])
                labels.append(pool.labels[rows])
                tests.append((pool.images, pool.labels))
        ensemble = Ensemble(pool.measure(parameters.hidden).build, range(len(learned)), device=pool.images.device)
        outcome = ensemble.train(learned, labels, DESCENT, test=tests, progress=progress)
        error = torch.where(outcome.train_accuracy == 1, 1 - outcome.test_accuracy, torch.nan).view(-1, runs)
        return [
            {"arm": "difficulty", "pair": pair, "n": n, "error": float(mean)}
            for pair, mean in zip(pairs, error.nanmean(1), strict=True)
        ]

    yield Job("difficulty of every pair", 0.05 * len(pairs), work)


def _block_means(values: Tensor) -> list[float]:
    """The means of `BLOCKS` blocks of independent values, those that are missing left out."""
    return [float(block.nanmean()) for block in values.tensor_split(BLOCKS)]


def _summary(arm: str, pair: str, n: int, each: Sequence[float]) -> Row:
    values = np.asarray(each)
    values = values[np.isfinite(values)]
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return {"arm": arm, "pair": pair, "n": n, "error": float(values.mean()), "standard_error": error, "each": [*each]}
