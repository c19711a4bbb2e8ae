"""Every page by axe, light and dark; none scrolls sideways on a telephone, asks elsewhere for anything, or says an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.clinic.practice import admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import NO_PAGES, Served, every_page, served, with_demo_people
from tests.e2e.visiting import begin
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.stock_kept import put_in_stock
from thecal.clinic.visit import KINDS
from thecal.quantity import Concentration, Volume
from thecal.web.app import routes

pytestmark = [needs_chromium, pytest.mark.long]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GOOD = [*WCAG, "best-practice"]
_RUN = "async ([tags, rules]) => (await axe.run(document, rules ? {runOnly: rules} : {runOnly: tags})).violations"
_NARROW = 390


@dataclass(frozen=True, slots=True)
class Everything:
    """A clinic with people of the demonstration, and the addresses of all of its pages by their routes."""

    clinic: Served
    pages: dict[str, tuple[str, ...]]

    @property
    def addresses(self) -> list[str]:
        return [address for several in self.pages.values() for address in several]


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


def test_every_page_is_looked_at(everything: Everything) -> None:
    """A route that is new has an address here, or is said to be no page."""
    assert {route.path for route in routes() if route.method == "GET"} - NO_PAGES == set(everything.pages) - {"no such page"}


def test_axe_finds_nothing_on_any_page(everything: Everything) -> None:
    """By the rules of WCAG 2.2 AA and of good practice; in the dark the contrast; at 390 px nothing is cut off."""
    nora = everything.clinic.as_("nora")
    page, wrong = nora.page, dict[str, list[str]]()
    nora.context.add_init_script(path=AXE)
    page.emulate_media(reduced_motion="reduce")  # a color that is still on its way to another has no contrast
    for address in everything.addresses:
        status = nora.go(address)
        assert status in ((404,) if address in everything.pages["no such page"] else (200,)), f"{address}: {status}"
        found = violations(page)
        page.emulate_media(color_scheme="dark")
        found += [f"dark {each}" for each in violations(page, ["color-contrast"])]
        page.set_viewport_size({"width": _NARROW, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{wide} px wide at {_NARROW} px"] if wide > _NARROW else []
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        if found:
            wrong[address] = found
    assert wrong == {}, "\n".join(f"{address}: {each}" for address, several in wrong.items() for each in several)


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
