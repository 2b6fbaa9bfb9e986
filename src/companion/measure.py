"""From parameters to a record: the one call behind the command line, the notebooks and the sweeps."""

import time
from typing import Any

from companion.devices import choose_device
from companion.experiment import Experiment, load_experiment
from companion.progress import SILENT, Progress
from companion.provenance import provenance
from companion.records import Record
from companion.scales import Scale


def measure(
    experiment: Experiment | str,
    scale: Scale = "quick",
    *,
    device: str = "auto",
    progress: Progress = SILENT,
    **overrides: Any,
) -> Record:
    """Run an experiment and return what it measured, ready to be stored.

    ::

        record = measure("few_data", "quick", per_class=5)

    Args:
        experiment: an experiment, or its name.
        scale: whose defaults to take.
        device: ``auto``, ``cpu``, ``cuda``.
        progress: told how far it is.
        overrides: parameters that differ from the scale's defaults.

    Raises:
        CompanionError: an unknown experiment, parameter or device, or a value out of range.
        Cancelled: the progress was cancelled.
    """
    experiment = load_experiment(experiment) if isinstance(experiment, str) else experiment
    parameters = experiment.parameters.at(scale, **overrides)
    chosen = choose_device(device).name
    started = time.monotonic()
    rows = experiment.run(parameters, progress, chosen)
    seconds = time.monotonic() - started
    return Record(experiment.name, scale, parameters.values(), rows, provenance(chosen), seconds)
