"""What is kept of each measurement, as tidy rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.errors import CompanionError
from companion.experiment import Row
from companion.rare_bad_minima.density import ErrorDensity
from companion.rare_bad_minima.rejection import BLOCKS, EPSILONS, FixedSets, Survey, joint_z_scores
from companion.rare_bad_minima.sequential import VersionSpace
from companion.rare_bad_minima.trained import TrainedMinima, rank_among_minima

MOST_COUNTS = 400  # bins of a stored density


def column_of(epsilon: float) -> int:
    """The column of `rejection.EPSILONS` for a bad error.

    Raises:
        CompanionError: tails are kept at whole hundredths only.
    """
    found = np.flatnonzero(np.isclose(EPSILONS, epsilon))
    if not len(found):
        raise CompanionError(f"epsilon is {epsilon:g}: take a multiple of 0.01 from 0.01 to 0.5.")
    return int(found[0])


def density_row(density: ErrorDensity) -> Row:
    """The density itself: its moments, and networks by number of errors (in at most 400 bins)."""
    counts = np.zeros((density.pool or 0) + 1)
    counts[np.rint(density.errors * (density.pool or 0)).astype(int)] = density.weights * (density.networks or 0)
    apart = -(-len(counts) // MOST_COUNTS)
    binned = np.add.reduceat(counts, np.arange(0, len(counts), apart))
    first, last = np.flatnonzero(binned)[[0, -1]]
    return {
        "networks": density.networks,
        "deviation": density.deviation,
        "least_error": float(density.errors[0]),
        "q_05": density.below(0.05),
        "q_10": density.below(0.1),
        "first_error": int(first) * apart,
        "errors_apart": apart,
        "error_counts": np.rint(binned[first : last + 1]).astype(int).tolist(),
    }


def density_of_row(row: Any) -> ErrorDensity:
    """The density that a row of :func:`density_row` holds; bins of several errors stand at their middle."""
    counts = np.asarray(row["error_counts"], dtype=float)
    apart, pool = int(row["errors_apart"]), int(row["pool_images"])
    errors = np.minimum(int(row["first_error"]) + apart * np.arange(len(counts)) + (apart - 1) / 2, pool) / pool
    found = counts > 0
    return ErrorDensity(errors[found], counts[found] / counts.sum(), int(counts.sum()), pool if apart == 1 else None)


def theory_row(density: ErrorDensity, n: int, epsilon: float) -> Row:
    """What T1 to T3 say at one n, and how many networks say it."""
    bound = density.bound(n, epsilon) if (density.errors < epsilon).any() else None
    return {
        "arm": "theory",
        "n": n,
        "mean_error": density.mean_error(n),
        "mean_error_uncertainty": density.mean_error_uncertainty(n),
        "bad_fraction": density.bad_fraction(n, epsilon),
        "bad_fraction_uncertainty": density.bad_fraction_uncertainty(n, epsilon),
        "volume": density.volume(n),
        "effective_networks": density.effective_sample_size(n),
        "networks_below_epsilon": density.below(epsilon) * (density.networks or 0),
        "bound": bound.value if bound else None,
        "bound_gamma": bound.gamma if bound else None,
        "decay_rate": density.decay_rate(n, epsilon),
        "finite_difference_rate": _finite_difference(density, n, epsilon),
        "asymptotic_rate": density.asymptotic_rate(epsilon),
    }


def _finite_difference(density: ErrorDensity, n: int, epsilon: float, step: float = 1e-3) -> float | None:
    """The slope of -ln R by two values of R; None where R does not lie between 0 and 1."""
    if n < 1:
        return None
    before, after = (density.bad_fraction(n + shift, epsilon) for shift in (-step, step))
    return -float(np.log(after / before)) / (2 * step) if 0 < after <= before < 1 else None


def joint_row(found: Survey, n: int, epsilon: float) -> Row:
    """Joint sampling at one n: what was kept, and how many standard errors it is from T2."""
    kept = found.joint[n]
    errors = np.arange(len(kept)) / (len(kept) - 1)
    mean = float(kept @ errors) / float(kept.sum())
    mean_z, bad_z = joint_z_scores(found.density, kept, n, found.draws, epsilon)
    return {
        "arm": "joint",
        "n": n,
        "accepted": int(kept.sum()),
        "mean_error": mean,
        "mean_error_uncertainty": float(np.sqrt(kept @ (errors - mean) ** 2)) / float(kept.sum()),
        "bad_fraction": float(kept[errors > epsilon].sum()) / float(kept.sum()),
        "mean_error_z": float(mean_z),
        "bad_fraction_z": float(bad_z),
    }


def fixed_row(fixed: FixedSets, theory: Row, epsilon: float) -> Row:
    """Fixed training sets at one n, averaged over them and over each block of them, beside T2."""
    kept = fixed.found > 0
    if not kept.any():
        return {"arm": "fixed", "n": fixed.n, "usable": False, "empty_sets": len(kept), "volume": 0.0}
    mean, bad, blocks = fixed.mean_error, fixed.tail[:, column_of(epsilon)], np.arange(len(kept)) % BLOCKS
    return {
        "arm": "fixed",
        "n": fixed.n,
        "mean_error": float(mean[kept].mean()),
        "mean_error_uncertainty": float(mean[kept].std() / np.sqrt(kept.sum())),
        "bad_fraction": float(bad[kept].mean()),
        "tail": shares(fixed.tail[kept].mean(0)),
        "volume": fixed.volume,
        "usable": fixed.usable,
        "empty_sets": int((~kept).sum()),
        "block_mean_error": _by_block(mean, blocks, kept),
        "block_bad_fraction": _by_block(bad, blocks, kept),
        "theory_mean_error": theory["mean_error"],
        "theory_bad_fraction": theory["bad_fraction"],
    }


def sequential_row(space: VersionSpace, theory: Row, training_set: int, epsilon: float) -> Row:
    """One training set's version space, beside T2."""
    return {
        "arm": "sequential",
        "n": space.n,
        "seed": training_set,
        "mean_error": space.mean_error,
        "bad_fraction": float(space.tail[column_of(epsilon)]),
        "tail": shares(space.tail),
        "log_volume": space.log_volume,
        "step": space.step,
        "theory_mean_error": theory["mean_error"],
        "theory_effective_networks": theory["effective_networks"],
    }


def trained_row(trained: TrainedMinima, density: ErrorDensity, epsilon: float, arm: str = "trained") -> Row:
    """Trained networks at one n: their true errors, also in blocks, and their rank among random minima."""
    minima = trained.minima
    row = {
        "arm": arm,
        "n": trained.n,
        "runs": len(trained.errors),
        "share_of_minima": len(minima) / len(trained.errors),
        "steps_run": float(trained.steps.mean()),
    }
    if not len(minima):
        return row
    blocks = np.arange(len(minima)) % BLOCKS
    return row | {
        "mean_error": float(minima.mean()),
        "mean_error_uncertainty": float(minima.std() / np.sqrt(len(minima))),
        "bad_fraction": float((minima > epsilon).mean()),
        "tail": shares((minima[:, None] > EPSILONS).mean(0)),
        "rank": float(rank_among_minima(minima, density, trained.n).mean()),
        "block_mean_error": _by_block(minima, blocks, np.ones(len(minima), dtype=bool)),
        "errors": np.round(minima, 5).tolist(),
    }


def width_row(found: Survey, n: int, epsilon: float) -> Row:
    """The density at one width, with the jackknife values of the T2 mean error over blocks of networks."""
    whole, total = found.density.mean_error(n), found.counts.sum(0)
    without = [ErrorDensity.from_counts(total - block).mean_error(n) for block in found.counts]
    return (
        density_row(found.density)
        | theory_row(found.density, n, epsilon)
        | {"arm": "width", "block_mean_error": [BLOCKS * whole - (BLOCKS - 1) * one for one in without]}
    )


def shares(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Shares as they are stored: four digits after the point."""
    return np.round(np.asarray(values, dtype=float), 4).tolist()


def _by_block(values: NDArray[np.float64], blocks: NDArray[np.int64], kept: NDArray[np.bool_]) -> list[float]:
    chosen = [values[(blocks == b) & kept] for b in range(BLOCKS)]
    return [float(block.mean()) if len(block) else float("nan") for block in chosen]
