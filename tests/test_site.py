"""The pages: how sources and executed copies are joined, and what the built site must be like."""

import copy
import gzip
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_ext"))

docstrings = pytest.importorskip("docstrings", reason="the pages need the extra 'book'")
import executed_pages  # noqa: E402
import offline_pages  # noqa: E402
import scoreboard  # noqa: E402

WIDGET = {executed_pages.WIDGET_VIEW: {"model_id": "1"}}


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": text}
    return cell | {"outputs": list(outputs), "execution_count": 1 if outputs else None}


def shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


SOURCE = notebook(markdown("# New prose"), code("n = 5", tags=("parameters",)), markdown("More"), code("plot(n)"))
EXECUTED = notebook(
    markdown("# Old prose"),
    code("n = 5", tags=("parameters",)),
    code("n = 7", tags=("injected-parameters",)),
    code("plot(n)", shown(png="a picture")),
)


# Joining a source with its executed copy


def test_an_edit_of_prose_appears_beside_the_outputs_of_the_last_execution():
    merged = executed_pages.merge(SOURCE, EXECUTED, "a.ipynb")
    assert [cell["source"] for cell in merged["cells"] if cell["cell_type"] == "markdown"] == ["# New prose", "More"]
    assert merged["cells"][-1]["outputs"] == [shown(png="a picture")]


def test_injected_parameters_stay_right_behind_the_parameters():
    merged = executed_pages.merge(SOURCE, EXECUTED, "a.ipynb")
    assert [cell["source"] for cell in merged["cells"]] == ["# New prose", "n = 5", "n = 7", "More", "plot(n)"]


def test_changed_code_is_an_error_that_names_the_cell_and_says_what_to_run():
    changed = copy.deepcopy(SOURCE)
    changed["cells"][-1]["source"] = "plot(2 * n)"
    with pytest.raises(executed_pages.ExecutedCopyError, match=r"a\.ipynb .*`plot\(2 \* n\)`.*companion build"):
        executed_pages.merge(changed, EXECUTED, "a.ipynb")


@pytest.mark.parametrize(("keep", "word"), [(slice(0, 2), "fewer"), (slice(0, None), "more")])
def test_a_code_cell_that_was_added_or_removed_is_an_error(keep, word):
    source = SOURCE | {"cells": [*SOURCE["cells"][keep], *([code("new()")] if word == "more" else [])]}
    with pytest.raises(executed_pages.ExecutedCopyError, match=f"{word} code cells.*companion build"):
        executed_pages.merge(source, EXECUTED, "a.ipynb")


def test_a_missing_executed_copy_is_an_error_that_says_what_to_run(tmp_path):
    with pytest.raises(executed_pages.ExecutedCopyError, match=r"has not been executed.*companion build"):
        executed_pages.swap(_app(tmp_path), "notebooks/a", [json.dumps(SOURCE)])


def test_a_page_depends_on_the_executed_copy(tmp_path):
    app, content = _app(tmp_path), [json.dumps(SOURCE)]
    executed = tmp_path / "_build" / "executed" / "notebooks" / "a.ipynb"
    executed.parent.mkdir(parents=True)
    executed.write_text(json.dumps(EXECUTED), encoding="utf8")
    executed_pages.swap(app, "notebooks/a", content)
    assert app.env.dependencies == [str(executed)]
    assert "a picture" in content[0]


def test_prose_pages_are_left_alone(tmp_path):
    content = ["# A page"]
    executed_pages.swap(_app(tmp_path, suffix=".md"), "book/page", content)
    assert content == ["# A page"]


@pytest.mark.parametrize(("html", "kept"), [({"text/html": "<svg/>"}, False), ({}, True)])
def test_widget_state_is_on_the_page_only_for_widgets_without_html(html, kept):
    executed = notebook(code("w", shown(**WIDGET, **html)), widgets={"state": {}})
    merged = executed_pages.merge(notebook(code("w")), executed, "a.ipynb")
    assert ("widgets" in merged["metadata"]) is kept


def _app(folder: Path, suffix: str = ".ipynb") -> SimpleNamespace:
    dependencies: list[str] = []
    environment = SimpleNamespace(
        doc2path=lambda docname: str(folder / f"{docname}{suffix}"),
        note_dependency=dependencies.append,
        dependencies=dependencies,
    )
    return SimpleNamespace(env=environment, srcdir=folder, config=SimpleNamespace(executed_notebooks="_build/executed"))


# The other extensions


def test_only_icons_that_a_page_shows_by_name_or_alias_are_kept():
    script = 'x={"sun":[5,5,[],"f1","M1"],"magnifying-glass":[5,5,["search"],"f2","M2"],gear:[5,5,[],"f3",["M","3"]]}'
    names = [icon[1] for icon in offline_pages.ICON.finditer(script)]
    assert names == ["sun", "magnifying-glass", "gear"]
    assert offline_pages.kept_icons(script, {"search"}) == 'x={"magnifying-glass":[5,5,["search"],"f2","M2"],}'


def test_formulas_in_docstrings_are_no_markup():
    assert docstrings.prepare(["|u| * `w` and a_ or :meth:`f`"]) == ["\\|u\\| \\* ``w`` and a\\_ or :meth:`f`"]


def test_an_indented_block_of_a_docstring_is_code_and_a_section_is_not():
    assert docstrings.prepare(["Use:", "", "    a * b", "", "Args:", "    x: |x|."]) == [
        *("Use:", "", "::", "", "    a * b", ""),
        *("Args:", "    x: \\|x\\|."),
    ]


def test_the_scoreboard_is_built_again_when_a_record_or_a_module_changes(tmp_path):
    first = scoreboard.fingerprint(tmp_path)
    for file in ("results/few_data/a.json", "src/companion/few_data/claims.py", "_build/records/sugar/b.json"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("1")
        first, before = scoreboard.fingerprint(tmp_path), first
        assert first != before, file


def test_of_two_records_with_the_same_parameters_the_scoreboard_takes_the_newer(tmp_path):
    from companion.records import Record, Records

    for folder, date in (("results", "2026-01-01"), ("_build/records", "2026-02-01")):
        Records(tmp_path / folder).write(Record("few_data", "quick", {"per_class": 5}, [{"a": 1}], {"date": date}))
    (record,) = scoreboard.all_records(tmp_path)
    assert record.provenance["date"] == "2026-02-01"


# What the pages are made from


@cache
def papers() -> dict[str, dict[str, Any]]:
    parts = yaml.safe_load((ROOT / "book" / "papers.yml").read_text(encoding="utf8"))
    assert len(parts) == 5
    return {paper["key"]: paper for part in parts for paper in part["papers"]}


def test_there_are_seventeen_papers_and_the_bibliography_has_each_with_its_arxiv_number():
    entries = re.split(r"\n@", (ROOT / "book" / "references.bib").read_text(encoding="utf8"))
    by_key = {entry.split("{", 1)[1].split(",", 1)[0]: entry for entry in entries[1:]}
    assert len(papers()) == 17
    for key, paper in papers().items():
        assert f"eprint = {{{paper['arxiv']}}}" in by_key[key]
        assert f"year = {{{paper['year']}}}" in by_key[key]


def test_every_notebook_is_in_the_table_of_contents_under_a_known_paper():
    listed = re.findall(r"file: (notebooks/\S+)", (ROOT / "_toc.yml").read_text(encoding="utf8"))
    there = [path.relative_to(ROOT) for path in sorted((ROOT / "notebooks").glob("*/*.ipynb"))]
    assert sorted(listed) == [path.with_suffix("").as_posix() for path in there]
    assert {path.parent.name for path in there} <= set(papers())


# The built site


LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "image": "href"}
NAVIGATION = ("next", "prev", "index", "search", "canonical", "author")


class Page(HTMLParser):
    """What a page loads, where it leads, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors = path, {""}
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.feed(path.read_text(encoding="utf8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        target = named.get(LOADING.get(tag, ""), "")
        if target and named.get("rel", "") not in NAVIGATION:
            self.loads.append(target)
        elif target or (tag == "a" and "href" in named):
            self.leads.append(target or named["href"])

    def local(self, target: str) -> tuple[Path, str]:
        """The file that a link of this page means, and the anchor."""
        url = urlsplit(target)
        file = (self.path.parent / unquote(url.path)).resolve() if url.path else self.path
        return file, unquote(url.fragment)


def outside(target: str) -> bool:
    return bool(urlsplit(target).netloc) or target.startswith(("mailto:", "data:"))


@cache
def page(path: Path) -> Page:
    return Page(path)


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    """All pages that a reader can reach from the first one."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built: run `make book`")
    found = {path: page(path) for path in _reachable(SITE / "book" / "welcome.html")}
    return list(found.values())


def _reachable(start: Path) -> Iterator[Path]:
    waiting, seen = [start.resolve()], {start.resolve()}
    while waiting:
        path = waiting.pop()
        yield path
        for target in page(path).leads:
            file, _ = page(path).local(target)
            if not outside(target) and file.suffix == ".html" and file.is_file() and file not in seen:
                seen.add(file)
                waiting.append(file)


def test_the_first_page_leads_to_the_welcome_page_and_from_there_to_every_chapter(pages):
    assert "book/welcome.html" in (SITE / "index.html").read_text(encoding="utf8")
    reached = {page.path.relative_to(SITE.resolve()).with_suffix("").as_posix() for page in pages}
    listed = re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf8"))
    assert set(listed) <= reached


def test_no_page_loads_anything_from_another_host(pages):
    assert [(page.path.name, target) for page in pages for target in page.loads if urlsplit(target).netloc] == []
    words = re.compile(r"""(?:url\(|@import|importScripts\(|import\()\s*["']?https?://""")
    styles = {page.local(target)[0] for page in pages for target in page.loads if target.split("?")[0].endswith(".css")}
    assert [path.name for path in styles if words.search(path.read_text(encoding="utf8"))] == []


def test_every_internal_link_leads_to_a_file_and_an_anchor_that_exist(pages):
    broken = []
    for here in pages:
        for target in (t for t in here.loads + here.leads if not outside(t)):
            file, anchor = here.local(target)
            if not file.is_file() or (file.suffix == ".html" and anchor not in page(file).anchors):
                broken.append((here.path.name, target))
    assert broken == []


def test_a_page_weighs_less_than_a_megabyte_with_all_it_loads(pages):
    for here in pages:
        files = {here.path} | {here.local(target)[0] for target in here.loads if not outside(target)}
        weight = sum(_sent(file) for file in files)
        assert weight < 1_000_000, f"{here.path.name} weighs {weight:,} bytes"


@cache
def _sent(file: Path) -> int:
    """Bytes that travel for a file: text is compressed on its way, pictures are already."""
    content = file.read_bytes()
    return len(content) if file.suffix in (".png", ".jpg", ".webp", ".woff", ".woff2") else len(gzip.compress(content))


def test_chapters_show_outputs_and_offer_the_clean_source_for_colab_and_download(pages):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    repository = config["repository"]["url"].removeprefix("https://github.com/")
    chapters = [page for page in pages if page.path.parent.parent.name == "notebooks"]
    assert chapters
    for here in chapters:
        name = here.path.relative_to(SITE.resolve()).with_suffix(".ipynb").as_posix()
        assert f"https://colab.research.google.com/github/{repository}/blob/main/{name}" in here.leads
        sources = [here.local(target)[0] for target in here.leads if target.endswith(".ipynb") and not outside(target)]
        assert sources[0].read_bytes() == (ROOT / name).read_bytes(), "the download is not the committed notebook"
        assert "cell_output" in here.path.read_text(encoding="utf8"), f"{name} shows no output"


def test_no_page_shows_an_error_of_a_cell(pages):
    assert [page.path.name for page in pages if "Traceback (most recent" in page.path.read_text(encoding="utf8")] == []


def test_pictures_become_lighter_and_look_the_same():
    import base64
    import io

    import light_pictures
    import numpy as np
    from PIL import Image

    wave = np.sin(np.arange(160) / 7) * np.cos(np.arange(120) / 9)[:, None]
    grey = (127 + 120 * wave).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.stack([grey, grey, grey, np.full_like(grey, 255)], 2)).save(stream, "PNG", compress_level=1)
    output = {"output_type": "display_data", "data": {"image/png": base64.b64encode(stream.getvalue()).decode()}}
    after = light_pictures.lighter(output)["data"]["image/png"]
    assert len(after) < 0.8 * len(output["data"]["image/png"])
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(after))).convert("L")).astype(int)
    assert np.abs(shown - grey).max() <= 2
    assert light_pictures.lighter({"output_type": "stream", "text": "x"}) == {"output_type": "stream", "text": "x"}
