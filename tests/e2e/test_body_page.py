"""The pages of a body in a real browser: a run, regimens side by side, and what if; they stand alone and fit a telephone."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.command import ROOT
from tests.command import inside as thecal
from tests.e2e.chromium import needs_chromium, opened
from thecal.report.comparison import QUANTITIES
from thecal.report.effects import HONESTY
from thecal.report.words import BANNER

pytestmark = [
    pytest.mark.requirement("CLI-04"),
    needs_chromium,
]
SCENARIOS = ROOT / "scenarios"
REGIMENS = [SCENARIOS / f"{name}.toml" for name in ("even-day", "strong-night", "bolus-by-schedule", "tablets")]
PAGES: dict[str, list[str | Path]] = {
    "run": ["run", SCENARIOS / "missed-refill.toml"],
    "compare": ["compare", *REGIMENS],
    "whatif": ["whatif", SCENARIOS / "missed-refill.toml", "--stall", "for good", "--at", "2026-04-01 10:00"],
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages and their JSON."""
    folder = tmp_path_factory.mktemp("pages")
    for name, arguments in PAGES.items():
        result = thecal(*arguments, "--html", folder / f"{name}.html", "--json", folder / f"{name}.json")
        assert result.returncode == 0
    return folder


def tables_of(page: Page) -> dict[str, list[list[str]]]:
    """The cells of every table, row by row, under its caption."""
    return {
        table.locator("caption").inner_text(): [
            row.locator("td, th").all_inner_texts() for row in table.locator("tbody tr").all()
        ]
        for table in page.locator("table").all()
    }


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_it_stands_alone_and_fits(browser: Browser, reports: Path, name: str, width: int) -> None:
    """One request, no word on the console; the page never scrolls sideways; what may be believed is said on it."""
    asked: list[str] = []
    said: list[str] = []
    page = opened(browser, reports / f"{name}.html", width, asked, said)
    assert (asked, said) == ([(reports / f"{name}.html").as_uri()], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    text = page.inner_text("body")
    assert BANNER in text
    assert HONESTY in text
    for figure in page.locator("svg").all():
        box = figure.bounding_box()
        assert box is not None
        assert min(width, 1000) * 0.6 < box["width"] <= max(width, 1000)
        assert box["height"] > 100
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_words_of_a_figure_lie_on_one_another_or_outside(browser: Browser, reports: Path, name: str) -> None:
    """Every letter of a figure is inside it; no two texts share a place."""
    page = opened(browser, reports / f"{name}.html", 1280, [], [])
    for figure in page.locator("svg").all():
        outer = figure.bounding_box()
        assert outer is not None
        boxes = [box for text in figure.locator("g[id^='text_']").all() if (box := text.bounding_box())]
        assert boxes
        for box in boxes:
            assert outer["x"] - 1 <= box["x"]
            assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1
            assert outer["y"] - 1 <= box["y"]
            assert box["y"] + box["height"] <= outer["y"] + outer["height"] + 1
        for n, one in enumerate(boxes):
            for other in boxes[n + 1 :]:
                across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
                down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
                assert across < 2 or down < 2, (one, other)
    page.close()


def test_the_body_of_a_run_is_on_its_page(browser: Browser, reports: Path) -> None:
    """Every row with its time and its tone, every sign; the day's doses add up to those of the tip."""
    page = opened(browser, reports / "run.html", 1280, [], [])
    data = json.loads((reports / "run.json").read_text(encoding="utf-8"))
    body = data["body"]
    tables = tables_of(page)
    rows = tables["One row from one change to the next: means; of the indices the highest"]
    assert [row[0] for row in rows] == [row["start_local"] for row in body["rows"]]
    for cells, row in zip(rows, body["rows"], strict=True):
        shown = [float(cell) for cell in cells[4:7]]
        exact = [row["ashworth_legs"], row["ashworth_legs_min"], row["ashworth_legs_max"]]
        assert shown == pytest.approx(exact, abs=0.051)
        assert float(cells[-1]) == pytest.approx(row["withdrawal_index_max"], abs=0.0051)
    text = page.inner_text("body")
    assert all(f"{sign['kind']}: from {sign['start_local']}" in text for sign in body["signs"])
    (day,) = [rows for caption, rows in tables.items() if "by the wall clock" in caption]
    assert [row[0] for row in day] == [f"{hour:02d}:00 to {hour + 3:02d}:00" for hour in range(0, 24, 3)]
    assert sum(float(row[1]) for row in day) == pytest.approx(data["intervals"][-1]["delivered_mcg_per_day"], rel=0.005)
    page.close()


def test_the_page_of_a_comparison_has_every_number(browser: Browser, reports: Path) -> None:
    """A column for each regimen, a row for each quantity, and the four cells of the dose."""
    page = opened(browser, reports / "compare.html", 1280, [], [])
    data = json.loads((reports / "compare.json").read_text(encoding="utf-8"))
    ((_, rows),) = tables_of(page).items()
    assert len(rows) == len(QUANTITIES)
    assert page.locator("thead th").all_inner_texts()[1:] == [regimen["title"] for regimen in data["regimens"]]
    assert rows[0][1:] == ["228", "228", "228", "-"]
    assert rows[1][1:] == ["-", "-", "-", "60"]
    means = [float(cell) for cell in rows[5][1:]]
    assert means == pytest.approx([regimen["legs_mean_ng_per_ml"] for regimen in data["regimens"]], rel=0.005)
    page.close()


def test_the_page_of_a_mistake_has_its_signs_and_days(browser: Browser, reports: Path) -> None:
    """Every sign that the data have, with its hours, and every day."""
    page = opened(browser, reports / "whatif.html", 1280, [], [])
    data = json.loads((reports / "whatif.json").read_text(encoding="utf-8"))
    said = page.locator("li").all_inner_texts()
    assert len(said) == 1 + len(data["signs"]) > 1
    for sign, text in zip(data["signs"], said[1:], strict=True):
        assert " ".join(text.split()).startswith(f"{sign['first_local']} {sign['kind']}")
    *_, (_, rows) = tables_of(page).items()
    assert [row[0] for row in rows] == [day["from_local"] for day in data["days"]]
    page.close()


def test_the_page_of_a_mistake_has_the_alarms(browser: Browser, reports: Path) -> None:
    """What the pump says when its rotor stands is on the page too."""
    page = opened(browser, reports / "whatif.html", 1280, [], [])
    text = page.inner_text("body")
    page.close()
    assert "motor stall alarm" in text
