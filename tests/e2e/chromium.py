"""Chromium, for the tests of pages: where it is, whether it is needed, and how a page is opened in it."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
"""Pictures of pages, to be looked at."""
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="chromium is not installed (Debian: apt install chromium); required where CI is set",
)


def keep_picture(page: Page, folder: str, name: str, *, whole: bool = True) -> None:
    """Keep a picture of a page as it is now, of all of it or of what the window shows."""
    (PICTURES / folder).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / folder / f"{name}.png", full_page=whole)


def opened(browser: Browser, path: Path, width: int, asked: list[str], said: list[str]) -> Page:
    """A page at a width; what it asks for and what it says on the console is kept."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    return page
