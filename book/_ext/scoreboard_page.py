"""The scoreboard as HTML: an overview of signs, then for each chapter its claims and the runs behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where it is needed: a build that changes no such page does without torch
    from companion.claims import Claim, Verdict
    from companion.experiment import Experiment
    from companion.records import Record

FILTERS = ("all", "holds", "fails", "undecided")

OVERVIEW = """\
<fieldset class="show"><legend>Show</legend>{choices}</fieldset>
<table class="overview"><thead><tr><th scope="col">chapter</th>{scales}</tr></thead><tbody>{rows}</tbody></table>
"""
CHAPTER = """\
<section class="chapter" id="{name}">
<h2>{title}</h2>
<p class="paper">{paper}</p>
<table class="claims">
<thead><tr><th scope="col">claim</th><th scope="col">published</th>{scales}</tr></thead>
{claims}
</table>
{runs}
</section>
"""
CLAIM = """\
<tbody class="claim {states}" id="{anchor}">
<tr><th scope="row"><span class="key">{key}</span> {statement}<span class="rule">holds if {rule}</span></th>
<td data-label="published">{published}</td>{cells}</tr>
{reasons}</tbody>
"""
CELL = """\
<td data-label="{scale}"><span class="verdict {style}">{sign} {state}</span>
<span class="measured">{measured}</span><span class="seeds">{seeds}</span></td>
"""


def overview_html(judged: dict[str, list[list[Verdict]]], names: dict[str, str]) -> str:
    """One sign for each claim and scale, each a link to its row, and the choice of verdicts to show."""
    from companion.claims import SIGNS
    from companion.scales import SCALES

    counted = Counter(verdict.state for claims in judged.values() for claim in claims for verdict in claim)
    choices = "".join(
        f'<label><input type="radio" name="show" value="{state}"{" checked" * (state == "all")}> '
        f"{'all claims' if state == 'all' else f'{SIGNS[state]} {state} ({counted[state]})'}</label>"
        for state in FILTERS
    )
    rows = []
    for chapter, claims in judged.items():
        cells = []
        for index in range(len(SCALES)):
            signs = "".join(_sign(chapter, claim[index]) for claim in claims)
            cells.append(f'<td data-label="{SCALES[index]}"><span class="signs">{signs}</span></td>')
        name = f'<a href="#{chapter}">{escape(names.get(chapter, chapter))}</a>'
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    return OVERVIEW.format(choices=choices, scales=_heads(), rows="".join(rows))


def _sign(chapter: str, verdict: Verdict) -> str:
    from companion.claims import SIGNS

    key, words = verdict.claim.key, f"{verdict.claim.key}, {verdict.scale}: {verdict.state}"
    link = f'href="#{chapter}-{key}" title="{words}" aria-label="{words}"'
    return f'<a class="sign verdict {_style(verdict)}" {link}>{SIGNS[verdict.state]}</a>'


def chapter_html(experiment: Experiment, title: str, judged: list[list[Verdict]], records: Sequence[Record]) -> str:
    """The claims of one chapter and the runs behind them."""
    return CHAPTER.format(
        name=experiment.name,
        title=escape(title),
        paper=escape(experiment.title),
        scales=_heads(),
        claims="".join(claim_html(experiment.name, verdicts) for verdicts in judged),
        runs=runs_html(records),
    )


def claim_html(chapter: str, verdicts: Sequence[Verdict]) -> str:
    """One claim: its statement, the published number, the verdict at each scale, and the reasons."""
    from companion.claims import published_text

    claim = verdicts[0].claim
    reasons = "".join(f"<p><b>{v.scale}:</b> {escape(reason(v))}</p>" for v in verdicts if reason(v))
    return CLAIM.format(
        states=" ".join(_style(verdict) for verdict in verdicts),
        anchor=f"{chapter}-{claim.key}",
        key=escape(claim.key),
        statement=escape(claim.statement),
        rule=rule(claim),
        published=escape(published_text(claim)),
        cells="".join(cell_html(verdict) for verdict in verdicts),
        reasons=f'<tr class="reasons"><td colspan="5">{reasons}</td></tr>' if reasons else "",
    )


def reason(verdict: Verdict) -> str:
    """What differs from the paper, or why the claim does not hold; nothing where nothing was measured."""
    if verdict.state in ("not measured", "not checked"):
        return ""
    return verdict.reason or ("the reason has not been found yet" if verdict.state == "fails" else "")


def rule(claim: Claim) -> str:
    """When the claim holds, in signs: `≥ 88.0 %`."""
    sign = {">=": "≥", "<=": "≤", "==": "equal to"}[claim.direction]
    return escape(f"{sign} {claim.show(claim.threshold)}".replace("-", "−"))


def cell_html(verdict: Verdict) -> str:
    """The verdict at one scale: sign and word, mean and interval, number of seeds."""
    from companion.claims import SIGNS

    count = verdict.interval.count
    return CELL.format(
        scale=verdict.scale,
        style=_style(verdict),
        sign=SIGNS[verdict.state],
        state=verdict.state,
        measured=escape(verdict.measured.replace("-", "−")) if count else "",
        seeds=f"n = {count}" if count and not verdict.claim.exact else "",
    )


def runs_html(records: Sequence[Record]) -> str:
    """Where the numbers come from: one line for each record."""
    if not records:
        return '<p class="runs">No run of this experiment has been recorded yet.</p>'
    lines = "".join(f"<li>{escape(run_text(record))}</li>" for record in records)
    summary = f"<summary>The runs behind these numbers ({len(records)})</summary>"
    return f'<details class="runs">{summary}<ul>{lines}</ul></details>'


def run_text(record: Record) -> str:
    """Scale, what was measured on what hardware, when, how long, and with which code."""
    source = record.provenance
    machine = source.get("hardware", {})
    processor = (
        machine.get("gpu") or f"{machine.get('processor', 'unknown processor')}, {machine.get('threads', '?')} threads"
    )
    data = record.parameters.get("data")
    parts = [f"{record.scale}{f', {data}' if data else ''}: {len(record.rows)} rows", processor]
    parts += [str(source.get("date", "undated"))[:10], f"{record.seconds:.0f} s"]
    parts += [f"torch {source.get('libraries', {}).get('torch', '?')}", f"record {record.key}"]
    return ", ".join(parts)


def _heads() -> str:
    from companion.scales import SCALES

    return "".join(f'<th scope="col">{scale}</th>' for scale in SCALES)


def _style(verdict: Verdict) -> str:
    return verdict.state.replace(" ", "-")
