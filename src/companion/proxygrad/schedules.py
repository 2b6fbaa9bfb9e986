"""How the backward slope changes over the steps of an ascent."""

from typing import Literal, get_args

from companion.errors import unknown
from companion.proxygrad.activation import Slope

__all__ = ["Schedule", "scheduled_slope"]

Schedule = Literal["constant", "two-stage", "linear", "author-2023"]
AUTHOR_START, AUTHOR_END = 1.0, 0.01  # the Leaky slope of the authors' code of 2023 ...
AUTHOR_FROM, AUTHOR_TO = 0.25, 0.75  # ... which is annealed between these shares of the steps


def scheduled_slope(schedule: Schedule, share: float, backward_slope: Slope, forward_slope: Slope = 0.0) -> Slope:
    """The slope of the backward pass after a share of the steps.

    ``constant``: a_b throughout, as the abstract suggests. ``two-stage`` (ours): a_b in the first half, then a_f, the
    true gradient. ``linear`` (ours): from a_b to a_f. ``author-2023``: 1 until a quarter, falling linearly to 0.01 at
    three quarters, as in the authors' forerunner code, where it is the slope of both passes (the proxy reading).

    Args:
        schedule: its name.
        share: of the steps done, from 0 to 1.
        backward_slope: a_b, a number or one for each image.
        forward_slope: a_f of the network.
    """
    if schedule == "constant":
        return backward_slope
    if schedule == "two-stage":
        return backward_slope if share < 0.5 else backward_slope * 0 + forward_slope
    if schedule == "linear":
        return backward_slope + (forward_slope - backward_slope) * share
    if schedule == "author-2023":
        done = min(max((share - AUTHOR_FROM) / (AUTHOR_TO - AUTHOR_FROM), 0.0), 1.0)
        return backward_slope * 0 + AUTHOR_START + (AUTHOR_END - AUTHOR_START) * done
    raise unknown("schedule", schedule, get_args(Schedule))
