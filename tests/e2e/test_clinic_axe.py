"""Every page by axe, light and dark; none scrolls sideways on a telephone, asks elsewhere for anything, or says an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.clinic.practice import Clock, admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_pages import NO_PAGES, every_page, with_demo_people
from tests.e2e.clinic_server import Reader, Served, at_port, served
from tests.e2e.visiting import begin
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.practice import Practice
from thecal.clinic.stock_kept import put_in_stock
from thecal.clinic.visit import KINDS
from thecal.quantity import Concentration, Volume
from thecal.web.app import routes

pytestmark = [needs_chromium, pytest.mark.long]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GOOD = [*WCAG, "best-practice"]
_RUN = "async ([tags, rules]) => (await axe.run(document, {runOnly: rules ?? tags, resultTypes: ['violations']})).violations"
_NARROW = 390


@dataclass(frozen=True, slots=True)
class Everything:
    """A clinic with people of the demonstration, and the addresses of all of its pages by their routes."""

    clinic: Served
    pages: dict[str, tuple[str, ...]]


@pytest.fixture(scope="module")
def everything(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with served(browser, tmp_path_factory.mktemp("all")) as clinic:
        streams = with_demo_people(clinic.practice, 13)
        yield Everything(clinic, every_page(clinic.practice, streams))


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds on a page: the rule, and where. Papers to be printed have no landmarks, as good practice asks."""
    tags = WCAG if "/print/" in page.url else GOOD
    found: list[dict[str, Any]] = page.evaluate(_RUN, [tags, rules])
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


def found_on(page: Page) -> list[str]:
    """What is wrong with a page in the light, in the dark, and at the width of a telephone."""
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark {each}" for each in violations(page, ["color-contrast"])]
    page.set_viewport_size({"width": _NARROW, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    found += [f"{wide} px wide at {_NARROW} px"] if wide > _NARROW else []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def test_every_page_is_looked_at(everything: Everything) -> None:
    """A route that is new has an address here, or is said to be no page."""
    assert {route.path for route in routes() if route.method == "GET"} - NO_PAGES == set(everything.pages) - {"no such page"}


SHOWN = {
    "/slots": ("main form[action$='/withdraw']",),
    "/book/{stream}": ("main form[method=post]",),
    "/visit/{stream}/{name}/second": ("main input[name=total]",),
    "/passport/{stream}/{number}": ("main svg[role=img]",),
    "/teaching/{stream}": ("main [data-bands] canvas",),
    "/calculators/{kind}": ("#answer", "main:has-text('Checked by a second person')"),
    "/chart/{stream}/record": ("main textarea", "main select[name=scale]"),
}
"""What only some addresses of a route show."""


def test_axe_finds_nothing_on_any_page(everything: Everything) -> None:
    """By the rules of WCAG 2.2 AA and of good practice; in the dark the contrast; at 390 px nothing is cut off.

    Among what is looked at are slots that are free, an order that waits for a second person, a code, curves, and answers.
    """
    nora = everything.clinic.as_("nora")
    page, wrong, missing = nora.page, dict[str, list[str]](), []
    nora.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")  # a color that is still on its way to another has no contrast
    for route, addresses in everything.pages.items():
        left = set(SHOWN.get(route, ()))
        for address in addresses:
            status = nora.go(address)
            assert status == (404 if route == "no such page" else 200), f"{address}: {status}"
            found = found_on(page)
            left = {each for each in left if not page.locator(each).count()}
            if found:
                wrong[address] = found
        missing += [(route, each) for each in left]
    assert wrong == {}, "\n".join(f"{address}: {each}" for address, several in wrong.items() for each in several)
    assert missing == []


def test_axe_finds_nothing_on_a_visit_of_any_kind(everything: Everything) -> None:
    """With drug in stock to choose from; at 390 px nothing is cut off."""
    practice = everything.clinic.practice
    with practice.database.writing() as connection:
        put_in_stock(connection, Stock(Concentration(500), Volume(20 * 10**6), 3, "S-1", date(2099, 5, 31)))
    nora = everything.clinic.as_("nora")
    nora.context.add_init_script(path=AXE)
    for kind in KINDS:
        begin(nora, admit(practice, f"Vera {kind.capitalize()}"), kind)
        nora.page.set_viewport_size({"width": _NARROW, "height": 800})
        assert nora.page.evaluate("document.documentElement.scrollWidth") <= _NARROW, kind
        assert violations(nora.page) == [], kind
        nora.page.set_viewport_size({"width": 1280, "height": 900})


def test_axe_finds_nothing_where_something_is_wrong_with_a_form(everything: Everything) -> None:
    """A form that comes back with errors, what was kept of one that nobody may send any more, and a sign-in that failed."""
    nora = everything.clinic.as_("nora")
    nora.context.add_init_script(path=AXE)
    nora.go("/recalls")
    with nora.page.expect_navigation():
        nora.page.locator("main form").first.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    assert nora.page.locator("[aria-invalid=true]").count()
    assert violations(nora.page) == []
    nora.go("/new-person")
    nora.page.get_by_label("Name").fill("Typed Before")
    nora.context.clear_cookies()
    nora.press("Write it down")
    assert "You are signed out" in nora.words
    assert violations(nora.page) == []
    nora.go("/sign-in")
    nora.page.get_by_label("Name").fill("nora")
    nora.page.get_by_label("Password").fill("not it")
    nora.press("Sign in")
    assert nora.page.locator("#password-error").is_visible()
    assert violations(nora.page) == []


def test_axe_finds_nothing_where_a_secret_is_shown_this_once(everything: Everything) -> None:
    """The address for a patient with its code, the token of a program, the address of a calendar."""
    nora = everything.clinic.as_("nora")
    page = nora.page
    nora.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")
    nora.go(everything.pages["/invite/{stream}"][0])
    nora.press("Make an address")
    assert "shown this once" in nora.words
    assert found_on(page) == []
    nora.go("/admin")
    page.get_by_label("What it is for").fill("export")
    page.get_by_label("Acts for").select_option("nora")
    page.get_by_label("worklist", exact=True).check()
    nora.press("Make the token")
    assert "The new token" in nora.words
    assert found_on(page) == []
    nora.go("/calendar")
    page.locator("#name").fill("phone")
    nora.press("Make the address")
    assert "The new address" in nora.words
    assert found_on(page) == []


def test_axe_finds_nothing_on_a_closure_that_is_not_written_yet(everything: Everything) -> None:
    """A month of holidays, which concerns people, with free slots inside."""
    nora = everything.clinic.as_("nora")
    nora.context.add_init_script(path=AXE)
    nora.page.emulate_media(reduced_motion="reduce")
    nora.go("/closures")
    nora.page.get_by_label("First day").fill("2026-11-21")
    nora.page.get_by_label("Last day").fill("2026-12-20")
    nora.page.locator("#what").fill("holidays")
    nora.press("Show what it would do")
    assert "Nothing is written yet." in nora.words
    assert nora.page.locator("main table tbody tr").count()
    assert found_on(nora.page) == []


def test_axe_finds_nothing_where_nobody_has_an_account_yet(browser: Browser, tmp_path: Path) -> None:
    """The form of the first account, in a clinic that is empty."""
    practice = Practice(Database(sqlite_url(tmp_path / "clinic.db")), tmp_path, Clock())
    with at_port(practice, "key") as address, browser.new_context() as context:
        somebody = Reader(context, context.new_page(), address)
        somebody.watch(somebody.page)
        context.add_init_script(path=AXE)
        somebody.page.emulate_media(reduced_motion="reduce")
        assert somebody.go("/first?key=key") == 200
        assert found_on(somebody.page) == []
        assert somebody.wrong == []
    practice.database.close()
