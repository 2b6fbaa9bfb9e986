"""Headless Chromium for the tests: no outside traffic, and no error on the page may pass unseen."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ADVICE = (
    "The browser tests need Chromium: `apt-get install chromium` (or set COMPANION_CHROMIUM to its path), and the "
    "package playwright: `pip install 'luebeck-companion[test]'`. COMPANION_NO_BROWSER=1 skips them."
)
LOCAL = (
    "http://127.0.0.1",
    "http://localhost",
    "ws://127.0.0.1",
    "ws://localhost",
    "file:",
    "data:",
    "blob:",
    "about:",
)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output free of requests."""


class Served:
    """A folder that is served on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(QuietHandler, directory=str(folder))
        self.folder = folder
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def served() -> Iterator:
    """``served(folder)`` serves a folder until the end of the session and returns it with its ``url``."""
    open_servers: list[Served] = []

    def serve(folder: Path) -> Served:
        open_servers.append(Served(folder))
        return open_servers[-1]

    yield serve
    for server in open_servers:
        server.close()


@pytest.fixture(scope="session")
def site(served) -> Served:
    """The built book (`make book`), served; the tests that need it are skipped where it is not built."""
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").exists():
        pytest.skip("the book is not built: run `make book` first")
    return served(folder)


def chromium_path() -> str | None:
    """The Chromium of this machine, or None."""
    return os.environ.get("COMPANION_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """One headless Chromium for all tests."""
    if os.environ.get("COMPANION_NO_BROWSER") == "1":
        pytest.skip("COMPANION_NO_BROWSER=1")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        pytest.fail(ADVICE)
    path = chromium_path()
    if path is None:
        pytest.fail(ADVICE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser) -> Iterator:
    """``new_page(**options)`` opens a page in a context of its own, cut off from the outside.

    ``page.problems`` collects console errors, uncaught exceptions and refused requests; at the end of the test it
    must be empty. A test that expects a problem clears the list.
    """
    pages = []

    def open_page(**options):
        context = browser.new_context(**({"viewport": {"width": 1100, "height": 900}} | options))
        context.set_default_timeout(10_000)
        context.set_default_navigation_timeout(60_000)
        problems: list[str] = []

        def refuse(route) -> None:
            if route.request.url.startswith(LOCAL):
                route.continue_()
            else:
                problems.append(f"outside traffic: {route.request.url}")
                route.abort()

        context.route("**/*", refuse)
        page = context.new_page()
        page.problems = problems
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        pages.append(page)
        return page

    yield open_page
    left = [problem for page in pages for problem in page.problems]
    for page in pages:
        page.context.close()
    assert left == []


@pytest.fixture
def page(new_page):
    """One page 1100 x 900 in the light scheme."""
    return new_page()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """The folder of screenshots, ignored by git."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; ``axe_violations(page, axe)`` runs it."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def violations(axe):
    """``violations(page, selector)``: axe-core's findings (WCAG 2 A and AA and best practices), one line each."""

    def check(page, selector: str = "body") -> list[str]:
        if not page.evaluate("typeof axe !== 'undefined'"):
            page.evaluate(axe)
        found = page.evaluate(
            "selector => axe.run(selector, { preload: false }).then(result => result.violations)", selector
        )
        return [f"{one['id']}: {one['help']} ({node['html'][:160]})" for one in found for node in one["nodes"]]

    return check


@pytest.fixture(scope="module")
def samples(tmp_path_factory, served):
    """The four sample explorers on one page, served."""
    from explorer_samples import all_kinds, closed_form, learning_curves, pictures, write_page

    folder = tmp_path_factory.mktemp("explorers")
    write_page(folder, [learning_curves(), all_kinds(), closed_form(), pictures()])
    return served(folder)


@pytest.fixture
def opened(page, samples):
    page.goto(samples.url)
    return page
