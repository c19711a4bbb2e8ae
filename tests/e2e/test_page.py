"""The page of a run in a real browser: it stands alone, shows everything, and fits a telephone."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.command import inside as thecal
from tests.e2e.chromium import needs_chromium, opened
from tests.golden import SCENARIOS

pytestmark = [
    pytest.mark.requirement("CLI-04"),
    needs_chromium,
]


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page and the JSON of a scenario."""
    folder = tmp_path_factory.mktemp("page")
    result = thecal("run", request.param, "--html", folder / "run.html", "--json", folder / "run.json")
    assert result.returncode == 0
    return folder


def test_it_loads_nothing_and_says_everything(browser: Browser, report: Path) -> None:
    """One request, for itself; no word on the console; every row, event, refusal and account is on it."""
    asked: list[str] = []
    said: list[str] = []
    page = opened(browser, report / "run.html", 1280, asked, said)
    document = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert asked == [(report / "run.html").as_uri()]
    assert said == []
    tables = dict(zip(page.locator("caption").all_inner_texts(), rows_of(page), strict=True))
    assert tables["One row from one change to the next"] == len(document["intervals"])
    assert tables.get("What the pump said, and what happened unseen", 0) == len(document["events"])
    assert tables.get("What was asked for and declined; nothing was changed", 0) == len(document["refusals"])
    assert next(rows for caption, rows in tables.items() if "Gap: 0 nL, 0 pg." in caption) == 8
    for cells, row in zip(course_cells(page), document["intervals"], strict=True):
        assert cells[0] == row["start_local"]
        shown = [cell.replace(",", "") for cell in cells[7:10]]
        exact = [row["delivered_nl"], row["reservoir_believed_nl"], row["reservoir_true_nl"]]
        assert [None if cell == "-" else round(float(cell) * 10**6) for cell in shown] == exact
        assert (cells[10] == "-") == (row["refill_by_local"] is None)
    text = page.inner_text("body")
    assert "never talks to a real implant" in text
    assert all(source in text for source in document["case"]["sources"])
    page.close()


def course_cells(page: Page) -> list[list[str]]:
    """The cells of the first table, row by row, asked for at once: there are hundreds."""
    cells = (
        "table => [...table.querySelectorAll('tbody tr')].map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))"
    )
    found: list[list[str]] = page.locator("table").first.evaluate(cells)
    return found


def rows_of(page: Page) -> list[int]:
    """How many rows each table has."""
    counts = "tables => tables.map(table => table.querySelectorAll('tbody tr').length)"
    found: list[int] = page.locator("table").evaluate_all(counts)
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits(browser: Browser, report: Path, width: int) -> None:
    """The page itself never scrolls sideways; wide tables do, inside their frames; the figures are as wide as there is room."""
    page = opened(browser, report / "run.html", width, [], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("svg").first.bounding_box()
    assert box is not None
    assert min(width, 1000) * 0.9 < box["width"] <= max(width, 620)
    assert box["height"] > 100
    page.close()
