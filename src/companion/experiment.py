"""What an experiment is: its declaration, its measurement, its claims. Each paper's package declares one."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import companion
from companion.claims import Claim
from companion.errors import unknown
from companion.parameters import Parameters
from companion.progress import Progress

Row = dict[str, Any]


class Run(Protocol):
    """Measures: tidy rows, one a trained network or measured point, of factors (arm, width, seed) and metrics."""

    def __call__(self, parameters: Any, progress: Progress, device: str) -> list[Row]: ...


@dataclass(frozen=True)
class Experiment:
    """One paper's experiment.

    Attributes:
        name: the package's name, such as ``few_data``.
        title: the paper's title.
        paper: the paper's key in the bibliography.
        parameters: the declaration.
        run: measures; the same code at every scale.
        claims: what the measurement is held against.
        expect: one sentence on what to expect and how long it takes, by scale.
    """

    name: str
    title: str
    paper: str
    parameters: type[Parameters]
    run: Run | Callable[..., list[Row]]
    claims: tuple[Claim, ...]
    expect: str = ""


def experiment_names() -> list[str]:
    """The names of all papers that have an experiment: packages of ``companion`` with a module ``experiment``."""
    found = []
    for module in pkgutil.iter_modules(companion.__path__):
        if module.ispkg and (spec := importlib.util.find_spec(f"companion.{module.name}")) and spec.origin:
            folder = spec.submodule_search_locations or []
            if any(entry.name == "experiment" for entry in pkgutil.iter_modules(folder)):
                found.append(module.name)
    return sorted(found)


def load_experiment(name: str) -> Experiment:
    """The experiment of a paper.

    Raises:
        CompanionError: no paper of this name has an experiment; the message names the nearest.
    """
    known = experiment_names()
    if name not in known:
        raise unknown("experiment", name, known)
    return importlib.import_module(f"companion.{name}.experiment").EXPERIMENT
