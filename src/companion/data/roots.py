"""Where data sets are looked for: the roots of the reader's choice, then the cache."""

import hashlib
import os
from pathlib import Path

from companion.errors import CompanionError

VARIABLE = "COMPANION_DATA"


def data_roots() -> list[Path]:
    """The folders in the environment variable ``COMPANION_DATA`` (separated as in PATH); they are only read."""
    return [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]


def cache_folder() -> Path:
    """The folder that downloads go to: ``COMPANION_CACHE``, or ``luebeck-companion`` in the user's cache."""
    if chosen := os.environ.get("COMPANION_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "luebeck-companion"


def search_path() -> list[Path]:
    """All folders that are searched, in order."""
    return [*data_roots(), cache_folder()]


def digest(path: Path, algorithm: str) -> str:
    """The checksum of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def verify(path: Path, expected: str) -> None:
    """Compare a file with its checksum (32 hexadecimal digits: MD5, 64: SHA-256).

    Raises:
        CompanionError: the file is damaged.
    """
    found = digest(path, "md5" if len(expected) == 32 else "sha256")
    if found != expected:
        raise CompanionError(
            f"The file {str(path)!r} is damaged: its checksum is {found}, expected {expected}. "
            "Remove it and fetch it again."
        )
