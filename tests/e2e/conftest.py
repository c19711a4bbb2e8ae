"""One browser for all pages, and a picture of how a journey through them ends."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.chromium import CHROMIUM, keep_picture


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "chromium is required here: apt install chromium"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def picture_of_the_end(browser: Browser, request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep a picture of the page that was opened last, by whomever."""
    yield
    pages = [page for context in browser.contexts for page in context.pages]
    if pages:
        last = max(pages, key=lambda page: float(page.evaluate("performance.timeOrigin")))
        keep_picture(last, "journeys", request.node.name)
