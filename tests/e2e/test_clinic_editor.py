"""The program editor in a real browser, at a real server: by the keyboard alone, and the bars by a pointer."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.clinic.practice import PASSWORD, admit, new_practice
from tests.e2e.chromium import keep_picture, needs_chromium
from thecal.chart.clinical import Documented
from thecal.chart.order import OrderFlex
from thecal.clinic.database import sqlite_url
from thecal.clinic.entry import OrderWritten, VisitBegun
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import version_of
from thecal.web import order, pages, second_person
from thecal.web.app import make_app

pytestmark = [needs_chromium, pytest.mark.long]
_TABS_MAX = 120


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    made = new_practice(sqlite_url(tmp_path / "clinic.db"), tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def stream(practice: Practice) -> str:
    """Somebody at a titration visit, on 100 mcg/day."""
    found = admit(practice)
    now = practice.now
    with practice.database.reading() as connection:
        seen = version_of(connection, found)
    entries = (Documented(now, "device record"), Documented(now, "reconciliation"), VisitBegun(now, "v1", "titration"))
    practice.write(found, seen, entries, By("nora"), "wrote for a test")
    return found


@pytest.fixture
def address(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the clinic is served."""
    others = [module for module in pages._MODULES if module not in (order.PAGES, second_person.PAGES)]
    monkeypatch.setattr(pages, "_MODULES", (order.PAGES, second_person.PAGES, *others))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(make_app(practice), log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def page(browser: Browser, address: str, stream: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The editor, opened by a physician who signed in by the keyboard; nothing is said on the console; a picture of its end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(f"{address}/sign-in")
    to(opened, "name")
    opened.keyboard.type("dora")
    to(opened, "password")
    opened.keyboard.type(PASSWORD)
    opened.keyboard.press("Enter")
    opened.wait_for_url("**/worklist")
    opened.goto(f"{address}/visit/{stream}/v1/order")
    yield opened
    keep_picture(opened, "journeys", request.node.name)
    assert said == []
    context.close()


def focused(page: Page) -> str:
    """The field, or what the button does, that has the focus."""
    found = page.evaluate(
        "(() => { const a = document.activeElement; return a.tagName === 'BUTTON' ? a.value : a.id || a.name || a.tagName; })()"
    )
    return str(found)


def to(page: Page, name: str) -> None:
    """Press Tab until a field or button has the focus."""
    for _ in range(_TABS_MAX):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name}")


def typed(page: Page, name: str, text: str) -> None:
    """Go to a field by Tab, which selects what is in it, and type over it."""
    to(page, name)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def flex_typed(page: Page) -> None:
    """A day of 70 mcg and a night of 50 mcg, by the keyboard."""
    to(page, "mode")
    for _ in range(6):
        if page.locator("#mode").input_value() == "flex":
            break
        page.keyboard.press("ArrowDown")
    for name, text in (("from-0-0", "06:00"), ("to-0-0", "22:00"), ("dose-0-0", "70")):
        typed(page, name, text)
    to(page, "add row 0")
    page.keyboard.press("Enter")
    expect(page.locator("#from-0-1")).to_be_focused()
    for name, text in (("from-0-1", "22:00"), ("to-0-1", "06:00"), ("dose-0-1", "50"), ("total-0", "120")):
        typed(page, name, text)


def test_a_flex_program_is_ordered_by_the_keyboard_alone(page: Page, practice: Practice, stream: str) -> None:
    """Tab, arrows, typing and Enter are enough; what it comes to is told as one types; it is saved as it was typed."""
    expect(page.locator("#p_dose")).to_be_hidden()
    flex_typed(page)
    expect(page.locator("#preview")).to_contain_text("24-h total 100 mcg to 120 mcg: +20.0 %")
    to(page, "save")
    page.keyboard.press("Enter")
    expect(page.locator("#stands")).to_be_visible()
    with practice.reading() as reading:
        written = reading.history(stream).last(OrderWritten)
    assert written is not None
    assert isinstance(written.orders.dosing, OrderFlex)
    assert [str(step) for step in written.orders.dosing.days[0].steps] == ["06:00 to 22:00: 70 mcg", "22:00 to 06:00: 50 mcg"]
    assert written.author == "dora"


def test_enter_in_a_field_works_the_order_out_and_writes_nothing(page: Page, practice: Practice, stream: str) -> None:
    """The first button of a form is that of Enter: it is not to save, nor to remove a step."""
    flex_typed(page)
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_contain_text("120 mcg")
    expect(page.locator("#dose-0-1")).to_have_value("50")
    with practice.reading() as reading:
        assert reading.history(stream).last(OrderWritten) is None


def test_the_bars_are_dragged_and_the_table_follows(page: Page) -> None:
    """The border of two steps moves both of them, a bar's height its dose; for a reader of screens there are no bars."""
    flex_typed(page)
    expect(page.locator("svg.bars")).to_have_attribute("aria-hidden", "true")
    bar = page.locator("rect[data-row='0']").bounding_box()
    assert bar is not None
    drag(page, bar["x"] + bar["width"] - 2, bar["y"] + bar["height"] / 2, -bar["width"] / 16 * 2, 0)
    assert page.locator("#to-0-0").input_value() == page.locator("#from-0-1").input_value()
    assert page.locator("#to-0-0").input_value() in ("19:45", "20:00", "20:15")
    assert page.locator("#to-0-1").input_value() == "06:00"
    bar = page.locator("rect[data-row='0']").bounding_box()
    assert bar is not None
    drag(page, bar["x"] + bar["width"] / 2, bar["y"] + 1, 0, bar["height"] / 2)
    assert 25 <= float(page.locator("#dose-0-0").input_value()) <= 45
    expect(page.locator("#preview")).to_contain_text("ORD-01")


def drag(page: Page, x: float, y: float, right: float, down: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=5)
    page.mouse.up()


def test_on_a_telephone_nothing_is_cut_off(page: Page) -> None:
    """At 320 px the page does not scroll sideways."""
    flex_typed(page)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
