"""What an experiment is: its declaration, its measurement, its claims. Each paper's package declares one."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
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


class RunTogether(Protocol):
    """Measures several settings as one tensor program: one list of rows a setting, in their order."""

    def __call__(self, settings: Sequence[Any], progress: Progress, device: str) -> list[list[Row]]: ...


@dataclass(frozen=True)
class Together:
    """How points of a sweep that differ in a few parameters only are measured as one tensor program.

    Attributes:
        differ: the parameters in which these points may differ; in all others they agree.
        run: measures them. The rows of each point are those that the experiment's own `run` gives for it alone, every
            number within the relative `tolerance`.
        tolerance: how far a number may be from that of the point measured alone (sums in another order).
        most: how many points go into one program at the most. All of them are lost when it is interrupted.
    """

    differ: tuple[str, ...]
    run: RunTogether | Callable[..., list[list[Row]]]
    tolerance: float = 1e-4
    most: int = 64


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
        together: how a sweep measures several points as one tensor program, for experiments that can.
    """

    name: str
    title: str
    paper: str
    parameters: type[Parameters]
    run: Run | Callable[..., list[Row]]
    claims: tuple[Claim, ...]
    expect: str = ""
    together: Together | None = None


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
