"""Which points of a sweep go into one task: those that an experiment can measure as one tensor program."""

import json
from collections.abc import Sequence

from companion.errors import unknown
from companion.experiment import Together
from companion.sweep.point import Point


def batches(points: Sequence[Point], together: Together | None, jobs: int = 1) -> list[tuple[Point, ...]]:
    """The points in tasks, in the order of the grid.

    Args:
        points: to be measured.
        together: what the experiment says of measuring points together; None for each point alone.
        jobs: workers; no task is so large that one of them would have nothing to do.

    Raises:
        CompanionError: `together` names a parameter that the experiment does not have.
    """
    if together is None or not points:
        return [(point,) for point in points]
    for name in together.differ:
        if name not in points[0].parameters:
            raise unknown(f"parameter that points of {points[0].experiment} may differ in", name, points[0].parameters)
    groups: dict[str, list[Point]] = {}
    for point in points:
        shared = {name: value for name, value in point.parameters.items() if name not in together.differ}
        groups.setdefault(json.dumps(shared, sort_keys=True), []).append(point)
    most = max(1, min(together.most, -(-len(points) // jobs)))
    return [part for group in groups.values() for part in _parts(group, most)]


def _parts(points: list[Point], most: int) -> list[tuple[Point, ...]]:
    """As few parts of nearly equal size as `most` allows."""
    count = -(-len(points) // most)
    size = -(-len(points) // count)
    return [tuple(points[start : start + size]) for start in range(0, len(points), size)]
