"""Take the README's picture of the built welcome page: book/_static/screenshot.png.

python book/screenshot.py        # after `make book`; needs playwright and Debian's chromium
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "_build" / "html" / "book" / "welcome.html"
TARGET = ROOT / "book" / "_static" / "screenshot.png"


def main() -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1360, "height": 850}, color_scheme="light")
        page.goto(PAGE.as_uri())
        page.wait_for_load_state("networkidle")
        page.screenshot(path=TARGET)
        chromium.close()


if __name__ == "__main__":
    main()
