"""The folder of a sweep: records of the points that are done, errors of those that failed, what was asked for.

::

    OUT/few_data.sweep.json                        the grid last asked for, and the keys of its points
    OUT/few_data/few_data-quick-KEY.json           the record of a point: with it the point is done
    OUT/few_data/few_data-quick-KEY.ipynb          its executed notebook (--via papermill)
    OUT/failed/few_data/few_data-quick-KEY.json    the error of a point that failed (and .ipynb, as far as it came)
    OUT/superseded/few_data/...                    records that --fresh has set aside

All of it is written by the process that was started, never by its workers: whole files, renamed into place.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from companion.errors import CompanionError
from companion.provenance import code_state
from companion.records import Record, Records, write_atomically
from companion.sweep.point import Point

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a point failed: the error's class, its message, where it was raised, and on which machine."""

    error: str
    message: str
    traceback: str = ""
    provenance: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.error}: {self.message}".rstrip(": ")


class SweepFolder:
    """Reads and writes what a sweep leaves behind.

    Args:
        folder: default the environment variable ``COMPANION_RECORDS``, else ``runs`` below the working directory.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.records = Records(folder)
        self.path = self.records.folder

    def stored(self, point: Point) -> Record | None:
        """The record of a point, if it is there and whole."""
        path = self.path / point.experiment / point.file_name
        if not path.is_file():
            return None
        try:
            return Record.from_json(path.read_text(encoding="utf-8"))
        except (CompanionError, OSError, UnicodeDecodeError) as error:
            log.warning("The record %s is damaged (%s): its point is measured again.", path, error)
            return None

    def store(self, point: Point, record: Record, notebook: str = "") -> Path:
        """Store what a point measured; the notebook first, since a point with a record is done."""
        target = self.path / point.experiment / point.file_name
        if notebook:
            self._write(target.with_suffix(".ipynb"), notebook)
        self.records.write(record)
        failed = self.failure_path(point)
        for leftover in (failed, failed.with_suffix(".ipynb")):
            leftover.unlink(missing_ok=True)
        return target

    def store_failure(self, point: Point, failure: Failure, notebook: str = "") -> Path:
        """Store why a point failed; its next run replaces or removes this."""
        target = self.failure_path(point)
        if notebook:
            self._write(target.with_suffix(".ipynb"), notebook)
        content = asdict(point) | {"key": point.key} | asdict(failure)
        self._write(target, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return target

    def failure_path(self, point: Point) -> Path:
        """Where the error of a point is stored."""
        return self.path / "failed" / point.experiment / point.file_name

    def failures(self, experiment: str) -> dict[str, dict[str, Any]]:
        """The stored errors of an experiment's points, by key."""
        found = {}
        for path in sorted((self.path / "failed" / experiment).glob("*.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                found[content["key"]] = content
            except (OSError, ValueError, KeyError, TypeError):
                log.warning("Skipped the damaged file %s.", path)
        return found

    def set_aside(self, points: Iterable[Point]) -> int:
        """Move the records of these points away, so that they are measured again; returns how many there were."""
        count = 0
        for point in points:
            old = self.path / point.experiment / point.file_name
            if old.is_file():
                new = self.path / "superseded" / point.experiment / point.file_name
                new.parent.mkdir(parents=True, exist_ok=True)
                old.replace(new)
                count += 1
        return count

    def describe(self, experiment: str, content: dict[str, Any]) -> None:
        """Store what was asked for."""
        self._write(self.path / f"{experiment}.sweep.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def described(self) -> dict[str, dict[str, Any]]:
        """What was last asked for, by experiment."""
        found = {}
        for path in sorted(self.path.glob("*.sweep.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                found[content["experiment"]] = content
            except (OSError, ValueError, KeyError, TypeError):
                log.warning("Skipped the damaged file %s.", path)
        return found

    def _write(self, target: Path, text: str) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, text)
        except OSError as error:
            raise CompanionError(f"{str(target)!r} cannot be written ({error}).") from error


def other_code(records: Iterable[Record]) -> dict[str, int]:
    """How many records were measured by another state of the package than the present one, by that state."""
    now = code_state()
    counts: dict[str, int] = {}
    for record in records:
        code = str(record.provenance.get("code", "unknown"))
        if code != now:
            counts[code] = counts.get(code, 0) + 1
    return counts
