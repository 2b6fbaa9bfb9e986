"""One point of a sweep, and how a worker in another process finds its experiment."""

import importlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from companion.errors import CompanionError
from companion.experiment import Experiment, experiment_names, load_experiment
from companion.records import Record
from companion.scales import Scale


@dataclass(frozen=True)
class Point:
    """One point of the grid.

    Attributes:
        experiment: its name.
        scale: whose defaults the parameters have that the grid does not name.
        settings: what the grid says, JSON-ready.
        parameters: all parameters, JSON-ready, as they stand in the record.
    """

    experiment: str
    scale: Scale
    settings: dict[str, Any]
    parameters: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """The key of the point's record."""
        return Record(self.experiment, self.scale, self.parameters, []).key

    @property
    def file_name(self) -> str:
        """The name of the record's file."""
        return f"{self.experiment}-{self.scale}-{self.key}.json"

    @property
    def label(self) -> str:
        """The settings in words: ``surrogate=relu, seed=3``."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items())


@dataclass(frozen=True)
class Origin:
    """Where any process finds an experiment: a name of the book, ``MODULE:ATTRIBUTE``, or the object itself.

    Attributes:
        reference: the name or ``MODULE:ATTRIBUTE``; empty when only the object is known.
        folder: goes onto the import path for ``MODULE:ATTRIBUTE``.
        object: pickled into the task when there is no reference.
    """

    reference: str
    folder: str = ""
    object: Experiment | None = None

    def experiment(self) -> Experiment:
        """The experiment, imported in this process."""
        return self.object or find_experiment(self.reference, self.folder)


def find_experiment(reference: str, folder: Path | str = "") -> Experiment:
    """An experiment of the book by its name, or any other one as ``MODULE:ATTRIBUTE``.

    ::

        find_experiment("few_data")
        find_experiment("my_study:EXPERIMENT")   # EXPERIMENT = Experiment(...) in my_study.py

    Args:
        reference: a name as in ``companion list``, or module and attribute.
        folder: where the module lies; it goes onto the import path. Default: the working directory.

    Raises:
        CompanionError: there is no such experiment, module or attribute.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon:
        return load_experiment(reference)
    place = str(Path(folder).resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CompanionError(
            f"The experiment {reference!r} cannot be imported: {error}. MODULE:ATTRIBUTE is looked for in the working "
            f"directory ({place}) and on the import path."
        ) from error
    found = getattr(module, attribute or "EXPERIMENT", None)
    if not isinstance(found, Experiment):
        names = sorted(name for name, value in vars(module).items() if isinstance(value, Experiment))
        raise CompanionError(
            f"{module_name!r} has no experiment {attribute!r}. Experiments in it: {', '.join(names) or 'none'}."
        )
    return found


def origin_of(experiment: Experiment | str) -> Origin:
    """Where other processes find this experiment."""
    if isinstance(experiment, str):
        module_name, colon, _ = experiment.partition(":")
        find_experiment(experiment)
        return Origin(experiment, _import_folder(sys.modules[module_name]) if colon else "")
    if experiment.name in experiment_names() and load_experiment(experiment.name) is experiment:
        return Origin(experiment.name)
    module = sys.modules.get(getattr(experiment.run, "__module__", ""))
    if module is None or module.__name__ == "__main__" or not getattr(module, "__file__", None):
        return Origin("", object=experiment)
    for name, value in vars(module).items():
        if value is experiment:
            return Origin(f"{module.__name__}:{name}", _import_folder(module))
    return Origin("", object=experiment)


def _import_folder(module: ModuleType) -> str:
    """The folder that must be on the import path for this module: that of its outermost package."""
    file = Path(module.__file__).resolve()
    return str(file.parents[module.__name__.count(".") + (file.name == "__init__.py")])
