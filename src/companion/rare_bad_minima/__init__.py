"""Do highly over-parameterised networks generalise since bad solutions are rare?

Martinetz and Martinetz 2022 (arXiv 2211.03570). The density of the true error over random networks, what training
samples make of it, bounds, samplers of global minima, and models in which everything is exact::

    from companion.rare_bad_minima import ErrorDensity, load_pool, survey
    from companion.ensemble import RandomPerceptron

    pool = load_pool("digits", "0 vs 1")
    density = survey(RandomPerceptron((64, 20, 1)), pool.inputs, pool.labels, networks=50_000).density
    density.bad_fraction(n=30, epsilon=0.1)
"""

from companion.rare_bad_minima.bounds import (
    Bound,
    bound_without_atom,
    rarity_bound,
    samples_needed,
    separable_bound,
)
from companion.rare_bad_minima.density import ErrorDensity
from companion.rare_bad_minima.exact_models import BetaError, Cells, TeacherStudent
from companion.rare_bad_minima.pools import Pool, load_pool
from companion.rare_bad_minima.rejection import FixedSets, Survey, draw_training_sets, joint_z_scores, survey
from companion.rare_bad_minima.sequential import VersionSpace, sample_version_spaces
from companion.rare_bad_minima.trained import TrainedMinima, rank_among_minima, train_bad_minima, train_minima
from companion.rare_bad_minima.wide_limit import limit_deviation

__all__ = [
    "BetaError",
    "Bound",
    "Cells",
    "ErrorDensity",
    "FixedSets",
    "Pool",
    "Survey",
    "TeacherStudent",
    "TrainedMinima",
    "VersionSpace",
    "bound_without_atom",
    "draw_training_sets",
    "joint_z_scores",
    "limit_deviation",
    "load_pool",
    "rank_among_minima",
    "rarity_bound",
    "sample_version_spaces",
    "samples_needed",
    "separable_bound",
    "survey",
    "train_bad_minima",
    "train_minima",
]
