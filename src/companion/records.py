"""What a run measured, stored as one small JSON file under a key of its parameters."""

import hashlib
import json
import logging
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from companion.errors import CompanionError
from companion.scales import Scale

FORMAT = 1
RECORDS_VARIABLE = "COMPANION_RECORDS"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """The rows that one run measured, with the parameters that it was asked for and where it ran."""

    experiment: str
    scale: Scale
    parameters: dict[str, Any]
    rows: list[dict[str, Any]]
    provenance: dict[str, Any] = field(default_factory=dict)
    seconds: float = math.nan

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that depend on the experiment and the parameters alone."""
        asked = json.dumps([self.experiment, self.parameters], sort_keys=True, default=str)
        return hashlib.sha256(asked.encode()).hexdigest()[:12]

    @property
    def file_name(self) -> str:
        """The name of the record's file."""
        return f"{self.experiment}-{self.scale}-{self.key}.json"

    def to_json(self) -> str:
        """The record as JSON: the rows column by column, numbers with six significant digits."""
        content = {
            "format": FORMAT,
            "experiment": self.experiment,
            "scale": self.scale,
            "key": self.key,
            "parameters": self.parameters,
            "seconds": _rounded(self.seconds),
            "provenance": self.provenance,
            "columns": _columns(self.rows),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """The record of a text written by :meth:`to_json`.

        Raises:
            CompanionError: the text is no complete record of a known format.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise CompanionError(f"format {content['format']!r} is not {FORMAT}: written by another version")
            columns = content["columns"]
            rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
            record = cls(
                content["experiment"],
                content["scale"],
                content["parameters"],
                rows,
                content["provenance"],
                content["seconds"] if content["seconds"] is not None else math.nan,
            )
        except CompanionError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CompanionError(f"not a complete record ({type(error).__name__}: {error})") from None
        if record.key != content["key"]:
            raise CompanionError("its key does not belong to its parameters: it was edited by hand")
        return record


class Records:
    """A folder of records. Writing is atomic; a damaged file is named in the log and skipped.

    Args:
        folder: default the environment variable ``COMPANION_RECORDS``, else ``runs`` below the working directory.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = Path(folder or os.environ.get(RECORDS_VARIABLE) or "runs")

    def write(self, record: Record) -> Path:
        """Store a record under its key, in place of an older one; returns the file's path.

        The text goes to a temporary file beside the target, which is then renamed: a reader, a second writer or a
        kill never sees half of it.
        """
        target = self.folder / record.experiment / record.file_name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, record.to_json())
        except OSError as error:
            raise CompanionError(
                f"The record cannot be written to {str(target)!r} ({error}). Choose another folder."
            ) from error
        return target

    def find(self, record_or_key: Record | str) -> Record | None:
        """The stored record of the same key, or None."""
        key = record_or_key if isinstance(record_or_key, str) else record_or_key.key
        return next((record for record in self if record.key == key), None)

    def __iter__(self) -> Iterator[Record]:
        for path in sorted(self.folder.glob("*/*.json")):
            try:
                yield Record.from_json(path.read_text(encoding="utf-8"))
            except (CompanionError, OSError, UnicodeDecodeError) as error:
                log.warning("Skipped the damaged record %s: %s. Remove it, or run it again.", path, error)


def published_records(part: str = "") -> Records:
    """The records that the book shows: ``results`` of this checkout, or the copy inside an installed package.

    Args:
        part: ``""`` for the runs that claims are judged by, ``"sweeps"`` for those behind the explorers.
    """
    package = Path(__file__).parent
    inside = package / "results"
    return Records((inside if inside.is_dir() else package.parent.parent / "results") / part)


def write_atomically(target: Path, text: str) -> None:
    """Write a text file by way of a temporary file in the same folder, renamed when it is complete."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def table(
    records: Iterable[Record] | Path | str, *, experiment: str | None = None, scale: Scale | None = None
) -> pd.DataFrame:
    """All rows of the records as one tidy table: a run's parameters, scale, key, date and device stand in every row.

    A column of the rows wins over a parameter of the same name (a run that varies ``width`` itself writes it), also
    in rows that do not have it: there it is empty.

    Args:
        records: records, or the folder that holds them.
        experiment: take this experiment's only.
        scale: take this scale's only.
    """
    source = Records(records) if isinstance(records, str | Path) else records
    rows = []
    for record in source:
        if experiment in (None, record.experiment) and scale in (None, record.scale):
            shared = {
                **record.parameters,
                "experiment": record.experiment,
                "scale": record.scale,
                "key": record.key,
                "date": record.provenance.get("date"),
                "device": (record.provenance.get("hardware") or {}).get("device"),
            }
            shared |= dict.fromkeys(name for row in record.rows for name in row)
            rows += [shared | row for row in record.rows]
    return pd.DataFrame(rows)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [_rounded(row.get(name)) for row in rows] for name in names}


def _rounded(value: Any) -> Any:
    """JSON-ready: six significant digits, NaN and infinity as null, NumPy and torch scalars as numbers."""
    if isinstance(value, list | tuple):
        return [_rounded(element) for element in value]
    if isinstance(value, dict):
        return {name: _rounded(element) for name, element in value.items()}
    if hasattr(value, "tolist") and not isinstance(value, str):
        return _rounded(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
