"""What a running notebook really used: modules of the package, files it read, folders it listed.

The executor starts a `Trace` in the notebook's kernel before the first cell and asks it for a report after the last
one; the report becomes part of the execution key.
"""

import os
import resource
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

_READ_FLAGS = os.O_WRONLY | os.O_RDWR


class Trace:
    """Listens to the interpreter's audit events from its creation on (an audit hook cannot be taken out again)."""

    def __init__(self) -> None:
        self._opened: set[str] = set()
        self._written: set[str] = set()
        self._listed: set[str] = set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path, mode, flags = arguments
            writes = any(c in mode for c in "wax+") if mode else bool((flags or 0) & _READ_FLAGS)
            (self._written if writes else self._opened).add(os.fsdecode(path))
        elif event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes | os.PathLike):
            self._listed.add(os.fsdecode(arguments[0]))

    def report(self) -> dict[str, Any]:
        """The modules, files and folders used so far, and the peak memory of this process in MiB."""
        modules = {
            name: module.__file__
            for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "companion" and getattr(module, "__file__", None)
        }
        read = {_absolute(path) for path in self._opened} - {_absolute(path) for path in self._written}
        return {
            "modules": modules,
            "files": sorted(path for path in read if _is_data(path) and Path(path).is_file()),
            "folders": sorted(
                path for path in map(_absolute, self._listed) if _is_data(path + os.sep) and Path(path).is_dir()
            ),
            "peak_memory_mib": _peak_memory_mib(),
        }


def _peak_memory_mib() -> float:
    """The most memory that this process held; Linux counts its parent's into ``ru_maxrss``, hence ``/proc``."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _absolute(path: str) -> str:
    return os.path.realpath(path)


def _is_data(path: str) -> bool:
    """Whether a path belongs to the reader's data rather than to the system, the libraries or the package's code."""
    parts = Path(path).parts
    if path.endswith((".py", ".pyc", ".so", ".pth")) or "__pycache__" in parts or ".git" in parts:
        return False
    return path.startswith(_roots()) or not path.startswith(_system_folders())


def _roots() -> tuple[str, ...]:
    """The reader's data folders, wherever they lie (``companion.data`` is not imported: it would count as used)."""
    named = os.environ.get("COMPANION_DATA", "").split(os.pathsep)
    return tuple(_absolute(name).rstrip(os.sep) + os.sep for name in named if name)


def _system_folders() -> tuple[str, ...]:
    home = Path.home()
    places = [
        sys.prefix,
        sys.base_prefix,
        *sysconfig.get_paths().values(),
        tempfile.gettempdir(),
        *("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/opt", "/run", "/var"),
        *(home / name for name in (".ipython", ".jupyter", ".local", ".config", ".cache/matplotlib", ".cache/torch")),
    ]
    return tuple(f"{_absolute(str(place)).rstrip(os.sep)}{os.sep}" for place in places if len(str(place)) > 1)
