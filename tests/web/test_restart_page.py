"""A pump that ran empty: refilled at a visit, and started again by an order that answers the restart checklist."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.clinical import Answered
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import OrderWritten
from thecal.clinic.practice import Practice
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]
REDUCED = {"do": "save", "mode": "simple continuous", "dose": "40", "total": "40 mcg/day", "reservoir": "20 mL"}
TICK = "answer-restart-monitored-setting"


def refilled(practice: Practice, clock: Clock, nora: Visitor, stream: str) -> str:
    """The visit of somebody whose pump was found empty, after its fill."""
    clock.pass_(Duration(110 * DAY_S))
    nora.sign_in()
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    empty = {**printed_now(practice, stream), "alarms": "empty reservoir, low reservoir", "alarm_on": ""}
    read = step(nora, visit, "pump/printed", empty)
    assert read.status == 200, read.words
    step(nora, visit, "verify", VIAL)
    step(nora, visit, "needle", NEEDLE)
    step(nora, visit, "pump/aspirate", {"residual": "0 mL"})
    filled = step(nora, visit, "pump/fill", FILL)
    assert filled.status == 200, filled.words
    return visit


@pytest.mark.requirement("CHL-03")
def test_a_pump_that_ran_empty_is_started_again_from_the_pages(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The routine order leads to the editor; there it is refused, offers what it asks for, and is saved once that is ticked."""
    stream, nora = admit(practice, papers=True), as_("nora")
    visit = refilled(practice, clock, nora, stream)
    routine = step(nora, visit, "routine")
    assert routine.status == 422
    assert "SAF-06" in routine.words
    assert f'href="{visit}/order"' in routine.text
    dora = as_("dora")
    refused = dora.send(f"{visit}/order", REDUCED)
    assert refused.status == 422
    assert "a restart without a monitored setting" in refused.words
    assert f'name="{TICK}"' in refused.text
    assert 'name="dose" type="text" value="40"' in refused.text
    assert history_of(practice, stream).last(OrderWritten) is None
    saved = dora.send(f"{visit}/order", {**REDUCED, TICK: "yes"})
    assert "The order was written." in saved.text
    history = history_of(practice, stream)
    assert history.last(OrderWritten) is not None
    assert history.last(Answered) == Answered(practice.now, "restart", "monitored setting", yes=True)
    assert {row.who for row in history.rows[-3:]} == {"dora"}
    with practice.database.reading() as connection:
        written = next(line for line in read_audit(connection, stream=stream, who="dora") if line.did == "wrote an order")
    assert "answered restart, monitored setting" in written.detail
    page = dora.get(f"{visit}/order")
    assert "approved by dora" in page.words
    assert f'name="{TICK}"' not in page.text


@pytest.mark.requirement("CHL-03")
def test_what_was_ticked_stays_where_something_else_stands_against_the_order(
    as_: SignIn, practice: Practice, clock: Clock
) -> None:
    """All of the dose before is still refused; the tick and the order are there to go on with, and nothing is written."""
    stream, nora = admit(practice, papers=True), as_("nora")
    visit = refilled(practice, clock, nora, stream)
    full = {**REDUCED, "dose": "100", "total": "100 mcg/day", TICK: "yes"}
    version = history_of(practice, stream).version
    for answer in (
        nora.send(f"{visit}/order", full),
        nora.send(f"{visit}/order", {**full, "do": "work out"}),
        nora.send(f"{visit}/order", {**full, "do": "add days"}),
        nora.post("/order/preview", {"stream": stream, "visit": visit.rpartition("/")[2], **full}),
    ):
        assert f'id="{TICK}" name="{TICK}" type="checkbox" value="yes" checked' in answer.text
        assert "a restart without a monitored setting" not in answer.text
        assert "a restart at 100 mcg in 24 h" in answer.text
    assert history_of(practice, stream).version == version


def test_the_restart_checklist_may_be_answered_before_the_order(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """At its own page; the editor asks for nothing more then. A tick of what is not asked for answers nothing."""
    stream, nora = admit(practice, papers=True), as_("nora")
    visit = refilled(practice, clock, nora, stream)
    nora.send(f"/checklist/{stream}/restart", {"restart-monitored-setting": "yes"})
    saved = nora.send(f"{visit}/order", {**REDUCED, TICK: "yes"})
    assert "The proposal was written." in saved.text, saved.words
    assert len([fact for fact in history_of(practice, stream).all(Answered) if fact.checklist == "restart"]) == 1
