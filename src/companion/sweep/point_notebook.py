"""One point by way of papermill: a notebook is executed, and the record is the one that the notebook wrote.

The notebook is one of the book (``--notebook notebooks/few_data/experiment.ipynb``), or a small one made for the
point. Either writes its record with ``Records().write(record)``, that is to ``COMPANION_RECORDS``, which is a
temporary folder here.
"""

import os
import tempfile
import time
from pathlib import Path

import nbformat

from companion.execution import execute_cells
from companion.experiment import Experiment
from companion.records import RECORDS_VARIABLE, Records
from companion.sweep.folder import Failure
from companion.sweep.measurement import Measured, Task
from companion.sweep.point import Origin, Point

_MEASURE = """\
from companion.claims import judge_all
from companion.measure import measure
from companion.records import Records, table
from companion.sweep import find_experiment

experiment = find_experiment({reference!r}, {folder!r})
record = measure(experiment, scale, device={device!r}, **experiment.parameters.given(globals()))
Records().write(record);"""


def measure_by_notebook(task: Task, point: Point) -> Measured:
    """Execute the notebook of a point in a temporary folder and collect its record.

    Returns:
        Record and executed notebook; or the failure with the notebook as far as it came.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="companion-sweep-") as name:
        folder = Path(name)
        executed = folder / "executed.ipynb"
        source = Path(task.notebook) if task.notebook else folder / f"{point.experiment}.ipynb"
        if not task.notebook:
            nbformat.write(point_notebook(task.origin.experiment(), task.origin, task.device), source)
        kept = os.environ.get(RECORDS_VARIABLE)
        os.environ[RECORDS_VARIABLE] = str(folder / "records")
        try:
            error, _ = execute_cells(source, executed, {"scale": point.scale, **point.settings}, task.threads)
        finally:
            os.environ.pop(RECORDS_VARIABLE) if kept is None else os.environ.__setitem__(RECORDS_VARIABLE, kept)
        text = executed.read_text(encoding="utf-8") if executed.is_file() else ""
        seconds = time.monotonic() - started
        if error:
            where, _, message = error.partition(": ")
            return Measured(point, seconds, failure=Failure(f"notebook, {where}", message, error), notebook=text)
        records = list(Records(folder / "records"))
        for record in records:
            if (record.experiment, record.scale, record.key) == (point.experiment, point.scale, point.key):
                return Measured(point, seconds, record.to_json(), notebook=text)
        found = ", ".join(record.file_name for record in records) or "none"
        why = (
            f"The notebook left no record {point.file_name} (records: {found}). It must run the experiment with all "
            "injected parameters, as in measure(EXPERIMENT, scale, **PARAMETERS.given(globals())), and write the "
            "record with Records().write(record)."
        )
        return Measured(point, seconds, failure=Failure("no record", why), notebook=text)


def point_notebook(experiment: Experiment, origin: Origin, device: str = "auto") -> nbformat.NotebookNode:
    """A notebook that measures one point: its parameters cell declares what the experiment does, papermill fills it."""
    new = nbformat.v4
    declared = ['scale = "quick"  # quick, standard or paper']
    declared += [f"{info.name} = None  # {info.help} ({info.allowed})" for info in experiment.parameters.describe()]
    code = _MEASURE.format(reference=origin.reference, folder=origin.folder, device=device)
    cells = [
        new.new_markdown_cell(f"# {experiment.title}\n\nOne point of a sweep of the experiment `{experiment.name}`."),
        new.new_code_cell("\n".join(declared), metadata={"tags": ["parameters"]}),
        new.new_code_cell(code),
        new.new_code_cell("table([record])"),
        new.new_code_cell("judge_all(experiment.claims, table([record]), scale)"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new.new_notebook(cells=cells, metadata=metadata | {"companion": {"experiment": experiment.name}})
