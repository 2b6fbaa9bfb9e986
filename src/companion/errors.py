"""Errors a reader can act on, and the search for the name they meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class CompanionError(ValueError):
    """Something a reader can put right; the message says what, what is allowed, and what to do next."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close."""
    folded = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(str(name).lower(), folded, n=1, cutoff=0.5)
    return folded[matches[0]] if matches else None


def unknown(kind: str, name: str, known: Iterable[str]) -> CompanionError:
    """The error for a name that is not among the known ones: it names the nearest and lists all."""
    known = sorted(known)
    close = nearest(name, known)
    hint = f" Did you mean {close!r}?" if close else ""
    return CompanionError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known) or 'none'}.")
