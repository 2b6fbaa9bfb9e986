"""papermill as the only executor: one notebook with validated parameters, or all of them side by side."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import nbformat

from companion.data.roots import VARIABLE, data_roots
from companion.errors import CompanionError, unknown
from companion.execution_key import ExecutionKey
from companion.experiment import load_experiment
from companion.records import RECORDS_VARIABLE, write_atomically
from companion.scales import SCALES


@dataclass(frozen=True)
class Report:
    """What became of one notebook.

    Attributes:
        notebook: the source.
        output: the executed copy, or the partial copy of a failed one.
        state: ``executed``, ``reused`` or ``failed``.
        seconds: how long it took.
        peak_memory_mib: of its kernel.
        why: why it was executed, or the cell and the error that failed.
    """

    notebook: Path
    output: Path
    state: Literal["executed", "reused", "failed"]
    seconds: float = 0.0
    peak_memory_mib: float = 0.0
    why: str = ""


def declared_experiment(notebook: nbformat.NotebookNode, path: Path) -> str:
    """The experiment that a notebook belongs to: its metadata ``companion.experiment``, else its folder's name."""
    return notebook.metadata.get("companion", {}).get("experiment", path.resolve().parent.name)


def validated(path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters to inject into a notebook, read and checked against its experiment's declaration.

    Raises:
        CompanionError: an unknown name or a bad value; the message names the nearest valid one.
    """
    notebook = _read(path)
    declaration = load_experiment(declared_experiment(notebook, path)).parameters
    scale = parameters.get("scale", "quick")
    overrides = {name: value for name, value in parameters.items() if name != "scale"}
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    names = {info.name for info in declaration.describe()}
    for name in overrides:
        if name not in names:
            raise unknown(f"parameter of {path.name}", name, {*names, "scale"})
    checked = declaration.at(scale, **overrides).values()
    return {name: scale if name == "scale" else checked[name] for name in parameters}


def execute(
    path: Path, output: Path, parameters: Mapping[str, Any] | None = None, *, threads: int = 1, reuse: bool = True
) -> Report:
    """Execute one notebook with papermill, or reuse the executed copy while its key holds.

    The copy and its key appear together when the last cell is done. When a cell fails, the partial copy is left
    beside them as ``NAME.failed.ipynb``.

    Args:
        path: the source notebook; it is not changed.
        output: the executed copy.
        parameters: what to inject after the cell tagged ``parameters``.
        threads: torch threads in the kernel. Results can differ in their last bits between thread counts.
        reuse: whether an executed copy may be reused.
    """
    parameters = validated(path, parameters or {})
    source = _read(path)
    key_path = output.with_suffix(".key.json")
    why = _reason_to_execute(source, parameters, output, key_path) if reuse else "asked to"
    if not why:
        return Report(path, output, "reused")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".failed.ipynb")
    begun, started = time.time(), time.monotonic()
    error, used = execute_cells(path, partial, parameters, threads)
    seconds = time.monotonic() - started
    if error:
        return Report(path, partial, "failed", seconds, why=error)
    key = ExecutionKey.of(source, parameters, used, begun)
    key_path.unlink(missing_ok=True)  # never an old key beside a new copy
    partial.replace(output)
    write_atomically(key_path, key.to_json())
    return Report(path, output, "executed", seconds, used["peak_memory_mib"], why)


def execute_all(
    notebooks: Iterable[Path],
    output_of: Callable[[Path], Path],
    parameters: Mapping[str, Any] | None = None,
    *,
    jobs: int | None = None,
    threads: int = 1,
    reuse: bool = True,
    tell: Callable[[Report], None] = lambda report: None,
) -> list[Report]:
    """Execute notebooks side by side, each in a process of its own; `tell` hears of each as it ends."""
    jobs = jobs or os.cpu_count() or 1
    reports: list[Report] = []
    waiting = list(notebooks)
    for path in list(waiting):  # a look at the keys costs less than a process
        source = _read(path)
        output = output_of(path)
        checked = validated(path, parameters or {})
        if reuse and not _reason_to_execute(source, checked, output, output.with_suffix(".key.json")):
            waiting.remove(path)
            reports.append(Report(path, output, "reused"))
            tell(reports[-1])
    if not waiting:
        return reports
    workers, context = min(jobs, len(waiting)), get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        futures: list[Future[Report]] = [
            pool.submit(execute, path, output_of(path), parameters, threads=threads, reuse=reuse) for path in waiting
        ]
        for future in as_completed(futures):
            reports.append(future.result())
            tell(reports[-1])
    return reports


def _end_with_parent() -> None:
    """A killed build takes its workers along (and they their kernels), so that nothing competes with the next one."""

    def watch() -> None:
        wait([parent_process().sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _read(path: Path) -> nbformat.NotebookNode:
    if not path.is_file():
        raise CompanionError(f"There is no notebook {str(path)!r}.")
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError) as error:
        raise CompanionError(f"{str(path)!r} is not a complete notebook ({str(error)[:80]}).") from None


def _reason_to_execute(source: nbformat.NotebookNode, parameters: dict[str, Any], output: Path, key_path: Path) -> str:
    if not output.is_file() or not key_path.is_file():
        return "no executed copy"
    key = ExecutionKey.from_json(key_path.read_text(encoding="utf-8"))
    if key is None:
        return "its key is damaged"
    changes = key.changes(source, parameters)
    return f"changed: {', '.join(changes[:3])}{' ...' if len(changes) > 3 else ''}" if changes else ""


def execute_cells(path: Path, partial: Path, parameters: dict[str, Any], threads: int) -> tuple[str, dict[str, Any]]:
    """Execute into `partial`; returns the error in words (empty if none) and what the notebook used."""
    import papermill
    from papermill.engines import papermill_engines

    from companion.traced_engine import ENGINE, TracedEngine

    papermill_engines.register(ENGINE, TracedEngine)
    used: dict[str, Any] = {}
    environment = kernel_environment(threads)
    kept = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)  # the kernel inherits it; papermill offers no other way
    try:
        papermill.execute_notebook(
            str(path), str(partial), parameters=parameters, engine_name=ENGINE, cwd=str(path.parent),
            kernel_name="python3", language="python", progress_bar=False, request_save_on_cell_execute=True, used=used,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        where = f"cell {error.cell_index + 1}" + (f" [{error.exec_count}]" if error.exec_count else "")
        return f"{where}: {error.ename}: {error.evalue}\n{error.source}", used
    except Exception as error:  # a kernel that died or never answered ends this notebook, not the other ones
        return f"{_last_started(partial)}: {type(error).__name__}: {error}", used
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    return "", used


def _last_started(partial: Path) -> str:
    """The cell of a partial copy that was running last."""
    if not partial.is_file():
        return "before the first cell"
    cells = nbformat.read(partial, as_version=4).cells
    started = [
        (k, cell.source)
        for k, cell in enumerate(cells, start=1)
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("start_time")
    ]
    return f"cell {started[-1][0]} ({started[-1][1].splitlines()[0]})" if started else "before the first cell"


def kernel_environment(threads: int) -> dict[str, str]:
    """The environment of a kernel: threads bound before torch is imported, paths made absolute."""
    records = Path(os.environ.get(RECORDS_VARIABLE, "runs")).resolve()
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        RECORDS_VARIABLE: str(records),
        VARIABLE: os.pathsep.join(str(root.resolve()) for root in data_roots()),
    }
