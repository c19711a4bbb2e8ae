"""The note of a visit: of a refill where something was filled at it, else of what it changed."""

import re
from collections.abc import Callable
from html import unescape

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, at_the_pump, ordered, pass_, printed
from tests.web.test_broken_off import RAISED
from tests.web.test_clock_set_back import refilled
from tests.web.test_printed_again import again
from tests.web.test_visit import begun, step
from tests.web.visitor import Visitor
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.audit import read_audit
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import Practice
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Look as Interrogate
from thecal.twin.action import Reprogram

SignIn = Callable[[str], Visitor]


def link_of(page: str) -> str:
    """Where the page of a visit prints its note."""
    found = re.search(r'href="([^"]+)"[^>]*>Print the note', page)
    assert found
    return unescape(found.group(1))


def rows_of(page: str) -> list[tuple[str, ...]]:
    """The rows of a paper's tables."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    cells = (re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows)
    return [tuple(unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row) for row in cells]


def test_the_note_of_a_titration_tells_what_it_changed(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Order and author, the program before and after, the dates of both; and not the fill of a month ago."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora = as_("nora")
    pass_(clock, nora, Duration(20 * DAY_S))
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(60))
    typed = printed(virtual.until(practice.now, Reprogram(practice.now, RAISED), Interrogate(practice.now)), "update")
    assert step(nora, visit, "pump/printed", typed).status == 200
    assert as_("nils").send(f"{visit}/second", again(typed)).status == 200
    address = link_of(nora.get(visit).text)
    assert address == f"/chart/{stream}/print/refill-note?visit={visit.rpartition('/')[2]}"
    page = nora.get(address)
    assert page.status == 200
    assert "<h1>Visit note</h1>" in page.text
    assert "Titration visit of" in page.text
    assert "Drug filled" not in page.text
    rows = rows_of(page.text)
    assert ("ordered", "105 mcg/day, simple continuous") in rows
    assert ("ordered by", "Dora Doctor") in rows
    assert ("written into the pump", practice.now.local_text(practice.office().zone)) in rows
    assert ("24-h total (changed)", "100 mcg", "105 mcg", "+5 %") in rows
    (refill_by,) = (row for row in rows if row[0] == "refill by (changed)")
    assert len(refill_by) == 3
    assert refill_by[2] < refill_by[1], "a higher dose is refilled sooner"
    with practice.database.reading() as connection:
        assert next(iter(read_audit(connection, stream=stream))).did == "printed the visit note"
    assert nora.get(f"{address}&format=pdf").headers["content-type"] == "application/pdf"


def test_who_never_had_a_fill_has_a_note_of_their_visit(as_: SignIn, practice: Practice) -> None:
    """Without a pump too: it says what is not recorded, and what was told of it."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person("Cora Example"))
    nora = as_("nora")
    visit = begun(nora, stream, "unscheduled")
    assert step(nora, visit, "symptoms", {"grade drowsiness": "2"}).status == 200
    page = nora.get(link_of(nora.get(visit).text))
    assert page.status == 200
    assert "<h1>Visit note</h1>" in page.text
    assert "Unscheduled visit of" in page.text
    assert ("ordered", "not recorded") in rows_of(page.text)
    assert "moderate" in page.text


def test_where_something_was_filled_the_note_is_that_of_the_refill(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Under the name of the visit, while it is open, and also where the clock was set back in it."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(20 * DAY_S))
    nora = as_("nora")
    visit = refilled(practice, nora, clock, stream, "next visit")
    clock.now = Instant(clock.now.s - DAY_S)
    nora.sign_in()
    page = nora.get(f"/chart/{stream}/print/refill-note?visit={visit.rpartition('/')[2]}")
    assert page.status == 200
    assert "<h1>Refill note</h1>" in page.text
    assert ("volume", "18 mL") in rows_of(page.text)
