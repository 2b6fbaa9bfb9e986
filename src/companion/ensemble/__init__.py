"""Many networks at once: K networks of one architecture trained and measured as one tensor program."""

from companion.ensemble.ensemble import Ensemble, EnsembleOutcome
from companion.ensemble.members import MemberOutcome
from companion.ensemble.random_networks import random_correctness, random_error_rates, random_network
from companion.ensemble.random_perceptron import RandomPerceptron

__all__ = [
    "Ensemble",
    "EnsembleOutcome",
    "MemberOutcome",
    "RandomPerceptron",
    "random_correctness",
    "random_error_rates",
    "random_network",
]
