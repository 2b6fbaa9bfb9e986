"""The execution key: everything that can change a notebook's outputs. While it holds, the outputs are reused."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from companion.provenance import COMPUTING, SHOWING, library_versions


@dataclass(frozen=True)
class ExecutionKey:
    """What an execution depended on.

    Attributes:
        code: digest of the code cells, in order. Prose is not part of it.
        parameters: what was injected.
        modules: digest of every module of the package that the notebook imported, by name.
        files: size, modification time and digest of every data file it read.
        folders: digest of the names in every folder it listed.
        libraries: versions of the libraries that compute and draw.
        device: the class of the device, ``cpu`` or ``cuda``.
    """

    code: str
    parameters: dict[str, Any]
    modules: dict[str, dict[str, str]]
    files: dict[str, dict[str, Any]]
    folders: dict[str, str]
    libraries: dict[str, str]
    device: str

    @classmethod
    def of(
        cls, notebook: nbformat.NotebookNode, parameters: dict[str, Any], used: dict[str, Any], started: float = 0.0
    ) -> "ExecutionKey":
        """The key of an execution just done.

        Args:
            notebook: its source.
            parameters: what was injected.
            used: the report of `companion.tracing.Trace`.
            started: time of the start; what changed since then may have been read in its old state.
        """
        since = started or float("inf")
        return cls(
            code=code_digest(notebook),
            parameters=parameters,
            modules={
                name: {"file": file, "sha256": "changed meanwhile" if _changed(file, since) else _digest(Path(file))}
                for name, file in sorted(used["modules"].items())
            },
            files={path: _fingerprint(Path(path)) for path in used["files"]},
            folders={path: _listing(Path(path)) for path in used["folders"]},
            libraries=_libraries(),
            device=device_class(),
        )

    def changes(self, notebook: nbformat.NotebookNode, parameters: dict[str, Any]) -> list[str]:
        """What differs now from what the execution depended on, in words; empty while the key holds."""
        found = []
        if code_digest(notebook) != self.code:
            found.append("code cells")
        if parameters != self.parameters:
            found.append("parameters")
        found += [f"module {name}" for name, one in self.modules.items() if _digest(Path(one["file"])) != one["sha256"]]
        found += [f"file {path}" for path, one in self.files.items() if _differs(Path(path), one)]
        found += [f"folder {path}" for path, names in self.folders.items() if _listing(Path(path)) != names]
        now = _libraries()
        found += [f"version of {name}" for name, known in self.libraries.items() if now.get(name) != known]
        if device_class() != self.device:
            found.append("device class")
        return found

    def to_json(self) -> str:
        """The key as JSON text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ExecutionKey | None":
        """The key of a text, or None when it is no complete key."""
        try:
            return cls(**json.loads(text))
        except (json.JSONDecodeError, TypeError):
            return None


def code_digest(notebook: nbformat.NotebookNode) -> str:
    """The digest of a notebook's code cells; the cell that papermill injects is left out."""
    code = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def device_class() -> str:
    """``cuda`` where torch finds a GPU, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _libraries() -> dict[str, str]:
    return library_versions((*COMPUTING, *SHOWING, "ipywidgets", "anywidget"))


def _digest(path: Path) -> str:
    if not path.is_file():
        return "absent"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _changed(file: str, since: float) -> bool:
    return Path(file).is_file() and Path(file).stat().st_mtime > since


def _fingerprint(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {"size": status.st_size, "modified": status.st_mtime_ns, "sha256": _digest(path)}


def _differs(path: Path, known: dict[str, Any]) -> bool:
    """Size and time first: large data files are read again only when these differ."""
    if not path.is_file():
        return True
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) == (known["size"], known["modified"]):
        return False
    return _digest(path) != known["sha256"]


def _listing(path: Path) -> str:
    if not path.is_dir():
        return "absent"
    names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith((".", "__pycache__")))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
