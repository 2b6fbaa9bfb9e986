"""Sphinx extension: the directive `{papers}` shows the parts of the book and their papers as cards.

Everything comes from `book/papers.yml`. A paper whose `notebooks/<key>/idea.ipynb` is in the table of contents
has a card that opens its chapter; the others are marked as still to come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAPERS = "book/papers.yml"

PART = """\
:::{{div}} part-title
{number} · {title}
:::
:::{{div}} part-question
{question}
:::

::::{{grid}} 1 2 2 3
:gutter: 3
:class-container: paper-cards

{cards}
::::
"""

CARD = """\
:::{{grid-item-card}} {name}
:class-card: paper-card {state}
{link}
{idea}
+++
<span class="paper-source">{authors} {year}</span>
[arXiv {arxiv}](https://arxiv.org/abs/{arxiv}) <span class="state">{mark}</span>
:::
"""


def card(paper: dict[str, Any], present: bool) -> str:
    """One paper as a MyST card; it opens the chapter where `present`."""
    chapter = f":link: /notebooks/{paper['key']}/idea\n:link-type: doc\n:link-alt: Read the chapter {paper['name']}\n"
    return CARD.format(
        **paper | {"authors": shortened(paper["authors"])},
        state="present" if present else "coming",
        link=chapter if present else "",
        mark="read →" if present else "to come",
    )


def shortened(authors: str, most: int = 4) -> str:
    """`A, B, C, D, E` becomes `A, B et al.`: a card is small, and the bibliography names everyone."""
    names = authors.split(", ")
    return authors if len(names) <= most else f"{', '.join(names[:2])} et al."


class PaperCards(SphinxDirective):
    """All parts and papers of `book/papers.yml`."""

    def run(self) -> list[nodes.Node]:
        source = Path(self.env.srcdir) / PAPERS
        self.env.note_dependency(str(source))
        parts = yaml.safe_load(source.read_text(encoding="utf8"))
        container = nodes.container(classes=["parts"])
        for number, part in zip(("I", "II", "III", "IV", "V"), parts, strict=True):
            cards = "\n".join(card(paper, self.is_present(paper["key"])) for paper in part["papers"])
            text = PART.format(number=number, cards=cards, **{key: part[key] for key in ("title", "question")})
            self.state.nested_parse(StringList(text.splitlines(), str(source)), self.content_offset, container)
        return [container]

    def is_present(self, key: str) -> bool:
        return f"notebooks/{key}/idea" in self.env.found_docs


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("papers", PaperCards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
