"""Sphinx extension: the directive `{scoreboard}` judges every claim of the book by the records.

The records are those committed in `results/` and those that the execution of the chapters left in
`_build/records/`. `{scoreboard}` shows all chapters under an overview; `{scoreboard} few_data` shows the claims of
one. A page with the directive is built again when a record or a module of the package has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from scoreboard_page import chapter_html, overview_html
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:  # imported where it is needed: a build that changes no such page does without torch
    from companion.claims import Verdict
    from companion.experiment import Experiment
    from companion.records import Record

RECORDS = ("results", "_build/records")
PACKAGE, PAPERS = "src/companion", "book/papers.yml"


class Scoreboard(SphinxDirective):
    """All chapters with an overview, or the one chapter that the argument names."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        from companion.errors import CompanionError
        from companion.experiment import experiment_names, load_experiment

        root = Path(self.env.srcdir)
        if not hasattr(self.env, "scoreboard_pages"):
            self.env.scoreboard_pages = {}
        self.env.scoreboard_pages[self.env.docname] = fingerprint(root)
        names = chapter_names(root)
        try:
            chosen = self.arguments or sorted(experiment_names(), key=[*names, *experiment_names()].index)
            experiments = [load_experiment(name) for name in chosen]
        except CompanionError as error:
            raise self.error(f"scoreboard: {error}") from None
        page = "\n".join(board(experiments, all_records(root), names, overview=not self.arguments))
        return [nodes.raw("", f'<div class="scoreboard">\n{page}\n</div>', format="html")]


def board(
    experiments: Sequence[Experiment], records: Sequence[Record], names: dict[str, str], *, overview: bool
) -> Iterator[str]:
    """The HTML of the chapters, with the overview in front where it is asked for.

    Args:
        experiments: the chapters in the order to show.
        records: of any experiments.
        names: how the book calls a chapter, by experiment.
        overview: whether to begin with a table of signs.
    """
    judged = {experiment.name: verdicts(experiment, records) for experiment in experiments}
    if overview:
        yield overview_html(judged, names)
    for experiment in experiments:
        own = [record for record in records if record.experiment == experiment.name]
        title = names.get(experiment.name, experiment.name)
        yield chapter_html(experiment, title, judged[experiment.name], own)


def all_records(root: Path) -> list[Record]:
    """The committed records and that of the last execution of each chapter; of two with the same key the newer."""
    from companion.records import Records

    def date(record: Record) -> str:
        return record.provenance.get("date", "")

    committed, built = RECORDS
    last = {(record.experiment, record.scale): record for record in sorted(Records(root / built), key=date)}
    everything = sorted([*Records(root / committed), *last.values()], key=date)
    newest = {record.key: record for record in everything}
    return sorted(newest.values(), key=lambda record: (record.experiment, record.scale, record.key))


def verdicts(experiment: Experiment, records: Sequence[Record]) -> list[list[Verdict]]:
    """For every claim its verdicts at the three scales.

    Raises:
        ExtensionError: a statistic cannot deal with the records; the message names the claim.
    """
    from companion.claims import judge
    from companion.records import table
    from companion.scales import SCALES

    rows = {scale: table(records, experiment=experiment.name, scale=scale) for scale in SCALES}
    judged = []
    for claim in experiment.claims:
        try:
            judged.append([judge(claim, rows[scale], scale) for scale in SCALES])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            place = f"claim {claim.key} of {experiment.name}"
            raise ExtensionError(f"{place} cannot be judged by the records: {error!r}") from error
    return judged


def chapter_names(root: Path) -> dict[str, str]:
    """How the book calls its chapters, by experiment and in reading order."""
    parts = yaml.safe_load((root / PAPERS).read_text(encoding="utf8"))
    return {paper["key"]: paper["name"] for part in parts for paper in part["papers"]}


def fingerprint(root: Path) -> str:
    """A digest of everything that a verdict depends on: the records and the package's modules."""
    digest = hashlib.sha256()
    files = [*(root / PACKAGE).rglob("*.py"), root / PAPERS]
    files += [file for folder in RECORDS for file in (root / folder).rglob("*.json")]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages whose records or modules have changed since they were read (event `env-get-outdated`)."""
    pages: dict[str, str] = getattr(env, "scoreboard_pages", {})
    now = fingerprint(Path(app.srcdir)) if pages else ""
    return [page for page, then in pages.items() if then != now and page in env.found_docs]


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read again or gone (event `env-purge-doc`)."""
    getattr(env, "scoreboard_pages", {}).pop(docname, None)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("scoreboard", Scoreboard)
    app.connect("env-get-outdated", outdated)
    app.connect("env-purge-doc", purge)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
