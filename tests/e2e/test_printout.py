"""The printout of a session in a real browser: it stands alone, says what the data say, and fits a telephone and a sheet."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.command import inside as thecal
from tests.e2e.chromium import needs_chromium, opened

pytestmark = [
    pytest.mark.requirement("CLI-04"),
    pytest.mark.requirement("SES-18"),
    needs_chromium,
]

CASE = """\
case = 1
title = "A <b>case</b> & its printout"
timezone = "Europe/Berlin"
until = "2026-03-22 09:00"
[patient]
label = "adult with multiple sclerosis"
[pump]
model = "synchromed-ii-20"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"
[[event]]
at = "2026-03-02 09:00"
kind = "implant"
[[event]]
at = "2026-03-02 09:00"
kind = "refill"
volume = "18 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "200 mcg/day"
"""
ORDERS = {
    "bridge": """\
order = 1
bridge = true
confirm_total = "240 mcg/day"
[program]
mode = "simple continuous"
dose = "240 mcg/day"
[fill]
volume = "18 mL"
concentration = "2000 mcg/mL"
rinse = "2 mL"
rinses = 3
""",
    "week": """\
order = 1
low_reservoir = "4 mL"
[program]
mode = "flex"
patient_bolus = { dose = "10 mcg", over = "10 min", lockout = "2 h", per_day = 3 }
[[program.day]]
days = ["Mon", "Tue", "Wed", "Thu", "Fri"]
daily_total = "220 mcg/day"
steps = [{ from = "00:00", to = "07:00", dose = "70 mcg" }, { from = "07:00", to = "24:00", dose = "150 mcg" }]
[[program.day]]
days = ["Sat", "Sun"]
daily_total = "200 mcg/day"
steps = [{ from = "00:00", to = "24:00", dose = "200 mcg" }]
""",
}


@pytest.fixture(scope="module", params=ORDERS)
def printout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page and the JSON of a session."""
    folder = tmp_path_factory.mktemp("printout")
    (folder / "case.toml").write_text(CASE, encoding="utf-8")
    (folder / "order.toml").write_text(ORDERS[request.param], encoding="utf-8")
    told = "--what-if-now", "--html", folder / "page.html", "--json", folder / "page.json"
    result = thecal("program", folder / "case.toml", "--order", folder / "order.toml", *told)
    assert (result.returncode, result.stderr) == (0, "")
    return folder


def document(printout: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((printout / "page.json").read_text(encoding="utf-8"))
    return read


def table_below(page: Page, title: str) -> Locator:
    """The first table after a heading."""
    return page.get_by_role("heading", name=title, exact=True).locator("xpath=following::table[1]")


def rows_of(table: Locator) -> list[list[str]]:
    rows = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in table.locator("tr").all()]
    return [row for row in rows if row]


def number(text: str) -> float:
    """The number that a cell begins with."""
    return float(text.split(maxsplit=1)[0].replace(",", ""))


@pytest.mark.parametrize("width", [390, 1280])
def test_it_loads_nothing_and_says_everything(browser: Browser, printout: Path, width: int) -> None:
    """One request, for itself; no word on the console; every table of the data is on it, cell by cell."""
    asked: list[str] = []
    said: list[str] = []
    page = opened(browser, printout / "page.html", width, asked, said)
    assert asked == [(printout / "page.html").as_uri()]
    assert said == []
    told = document(printout)
    for section in told["sections"]:
        shown = [[row[0].removesuffix(" (changed)"), *row[1:]] for row in rows_of(table_below(page, section["title"]))]
        assert shown == section["rows"], section["title"]
    words = page.inner_text("body")
    assert told["banner"] in words
    assert told["status"] in words
    assert told["title"] in words
    assert told["session"] in words
    assert page.title() == told["title"]
    page.close()


def test_its_numbers_are_those_of_the_data(browser: Browser, printout: Path) -> None:
    """Totals, doses, thresholds, dates and the forecast: what is shown as text is what stands in the data as a number."""
    page = opened(browser, printout / "page.html", 1280, [], [])
    told = document(printout)
    dose = {row[0].removesuffix(" (changed)"): row for row in rows_of(table_below(page, "The dose"))}
    for name, key in {
        "24-h total": "day_mcg",
        "peak hour of the program": "peak_hour_mcg",
        "mean of a day over 7 days": "seven_day_mean_mcg",
    }.items():
        assert [number(cell) for cell in dose[name][1:3]] == [told["totals"][when][key] for when in ("before", "after")]
    assert number(dose["24-h total"][3]) == pytest.approx(told["change_percent"], abs=0.05)
    assert number(dose["ordered"][2]) == told["ordered_mcg_per_day"]
    assert number(dose["programmed"][2]) == told["programmed_mcg_per_day"]
    rows = rows_of(table_below(page, "Every setting (changed ones are marked)"))
    settings = {row[0].removesuffix(" (changed)"): row[1:] for row in rows}
    for name, key, per in (
        ("reservoir volume", "calculated_nl", 10**6),
        ("low reservoir threshold", "low_reservoir_nl", 10**6),
        ("concentration", "concentration_mcg_per_ml", 1),
    ):
        shown = [round(number(cell) * per) for cell in settings[name]]
        assert shown == [told[when][key] for when in ("before", "after")], name
    title = "Tip dose of the next days, if updated now"
    forecast = [[number(cell) for cell in row[1:]] for row in rows_of(table_below(page, title))]
    days = [[day["with_plan_pg"], day["without_plan_pg"]][: len(forecast[0])] for day in told["what_if_now"]]
    assert len(forecast) == 7
    assert forecast == [[pytest.approx(pg / 10**6, abs=0.05) for pg in day] for day in days]
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits(browser: Browser, printout: Path, width: int) -> None:
    """The page itself never scrolls sideways; wide tables do, inside their frames, which the keyboard reaches."""
    page = opened(browser, printout / "page.html", width, [], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.scrollWidth") <= width
    for frame in page.locator(".scroll").all():
        box = frame.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert frame.get_attribute("tabindex") == "0"
    page.close()


def test_it_is_made_to_be_printed_and_signed(browser: Browser, printout: Path) -> None:
    """On a sheet no table is cut off behind a frame, and every signature has a line to write on."""
    page = opened(browser, printout / "page.html", 1280, [], [])
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # 190 mm of A4
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => getComputedStyle(e).overflowX === 'visible')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    lines = table_below(page, "Signatures").locator("tr")
    assert lines.count() == 3
    for line in lines.all():
        box = line.locator("td").last.bounding_box()
        assert box is not None
        assert box["width"] > 200
    page.close()
