"""Claims are data: what a paper states, how it is measured, and what our runs say of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

import pandas as pd

from companion.scales import SCALES, Scale
from companion.statistics import Interval, mean_interval

State = Literal["holds", "fails", "undecided", "not measured", "not checked"]
Direction = Literal[">=", "<=", "=="]
SIGNS: dict[State, str] = {"holds": "✓", "fails": "✗", "undecided": "?", "not measured": "·", "not checked": "–"}


@dataclass(frozen=True)
class Published:
    """A number printed in the paper, as text with its unit, and its place there."""

    value: str
    where: str


@dataclass(frozen=True)
class Claim:
    """One falsifiable statement.

    Attributes:
        key: short name within the chapter, such as ``F3``.
        statement: what is claimed, in one sentence.
        statistic: takes the rows measured at one scale; returns one value a seed (differences paired by seed where
            the claim compares two arms). No values mean that it was not measured.
        direction: how the mean relates to the threshold; ``==`` means within three standard errors.
        threshold: the number of the statement. It is never bent to make a claim hold.
        unit: of the values: ``%`` shows shares in percent, ``pp`` differences of shares in percentage points.
        scales: the scales at which the claim is checked.
        exact: the statistic is a fact without scatter over seeds, so one value decides.
        published: the paper's number.
        origin: ``paper`` for the authors' claim, ``companion`` for ours (controls, closed forms).
        remarks: by scale, what differs from the paper, and the reason found where the claim does not hold.
    """

    key: str
    statement: str
    statistic: Callable[[pd.DataFrame], Sequence[float]]
    direction: Direction
    threshold: float
    unit: str = ""
    scales: tuple[Scale, ...] = SCALES
    exact: bool = False
    published: Published | None = None
    origin: Literal["paper", "companion"] = "paper"
    remarks: dict[Scale, str] = field(default_factory=dict)

    def show(self, value: float) -> str:
        """A value in the claim's unit, rounded to what intervals over a few seeds can carry."""
        if math.isnan(value):
            return "–"
        if self.unit in ("%", "pp"):
            return f"{100 * value:.1f} {self.unit}"
        return f"{value:.3g}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Verdict:
    """What the rows of one scale say of a claim."""

    claim: Claim
    scale: Scale
    state: State
    interval: Interval

    @property
    def measured(self) -> str:
        """Mean and interval as text."""
        interval = self.interval
        if interval.count == 0:
            return "–"
        text = self.claim.show(interval.mean)
        if math.isnan(interval.low) or interval.low == interval.high:
            return text
        low, high = (self.claim.show(bound).split(" ")[0] for bound in (interval.low, interval.high))
        return f"{text} [{low}, {high}]"

    @property
    def reason(self) -> str:
        """The committed remark on this scale, or what the numbers alone say."""
        if remark := self.claim.remarks.get(self.scale):
            return remark
        if self.state == "undecided" and self.interval.count < 2:
            return "one seed gives no interval"
        if self.state == "undecided":
            return f"the interval contains the threshold {self.claim.show(self.claim.threshold)}"
        return {"not measured": "no record at this scale", "not checked": "not asked at this scale"}.get(self.state, "")


def judge(claim: Claim, table: pd.DataFrame, scale: Scale) -> Verdict:
    """Judge one claim by the rows measured at one scale.

    ``>=`` holds when the whole 95 % interval is at or above the threshold, fails when it is below, and is undecided
    in between; ``<=`` likewise; ``==`` holds when the mean is within three standard errors of the threshold.

    Args:
        claim: the claim.
        table: rows of `companion.records.table`, or a run's own rows; a column ``scale``, if there, selects.
        scale: the scale to judge at.
    """
    if scale not in claim.scales:
        return Verdict(claim, scale, "not checked", mean_interval([]))
    rows = table[table["scale"] == scale] if "scale" in table else table
    interval = mean_interval(claim.statistic(rows) if len(rows) else [])
    return Verdict(claim, scale, _state(claim, interval), interval)


def _state(claim: Claim, interval: Interval) -> State:
    if interval.count == 0:
        return "not measured"
    if claim.exact:
        met = {">=": interval.mean >= claim.threshold, "<=": interval.mean <= claim.threshold}
        return "holds" if met.get(claim.direction, interval.mean == claim.threshold) else "fails"
    if interval.count < 2:
        return "undecided"
    if claim.direction == "==":
        error = interval.deviation / math.sqrt(interval.count)
        return "holds" if abs(interval.mean - claim.threshold) <= 3 * error else "fails"
    sign = 1 if claim.direction == ">=" else -1
    worst, best = sorted((sign * interval.low, sign * interval.high))
    if worst >= sign * claim.threshold:
        return "holds"
    return "fails" if best < sign * claim.threshold else "undecided"


@dataclass(frozen=True)
class VerdictTable:
    """Verdicts as a table: rich in a notebook, one line a claim as text."""

    verdicts: tuple[Verdict, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a claim: claim, statement, published, measured, seeds, verdict, reason."""
        return pd.DataFrame(
            [
                {
                    "claim": verdict.claim.key,
                    "statement": verdict.claim.statement,
                    "published": published_text(verdict.claim),
                    "measured": verdict.measured,
                    "n": verdict.interval.count,
                    "verdict": f"{SIGNS[verdict.state]} {verdict.state}",
                    "what differs, and why": verdict.reason,
                }
                for verdict in self.verdicts
            ]
        )

    def __str__(self) -> str:
        return "\n".join(f"{v.claim.key}: {v.state} ({v.measured}, n = {v.interval.count})" for v in self.verdicts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("claim", "statement", "published", "measured", "n", "verdict"))
        rows = "\n".join(_html_row(verdict) for verdict in self.verdicts)
        return f'<table class="verdicts"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>'


def _html_row(verdict: Verdict) -> str:
    """One claim as a table row; what differs, and why, stands below the statement."""
    statement = escape(verdict.claim.statement)
    if verdict.reason and verdict.state in ("fails", "undecided"):
        statement += f"<br><em>{escape(verdict.reason)}</em>"
    state = f'<td class="verdict {verdict.state.replace(" ", "-")}">{SIGNS[verdict.state]} {verdict.state}</td>'
    cells = (
        verdict.claim.key,
        statement,
        published_text(verdict.claim),
        verdict.measured,
        verdict.interval.count or "",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}{state}</tr>"


def published_text(claim: Claim) -> str:
    """The published number with its place; our own claims say that they are ours."""
    if claim.published:
        return f"{claim.published.value} ({claim.published.where})"
    return "ours" if claim.origin == "companion" else "stated without a number"


def judge_all(claims: Sequence[Claim], table: pd.DataFrame, scale: Scale) -> VerdictTable:
    """The verdicts on several claims at one scale."""
    return VerdictTable(tuple(judge(claim, table, scale) for claim in claims))
