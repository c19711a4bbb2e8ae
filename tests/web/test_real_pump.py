"""A real pump that others put in: imported or brought along, its papers written down, refilled without an override."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.clinic.practice import Clock
from tests.web.test_import_page import send, written
from tests.web.test_person import WITH_PUMP, charts, history
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, printed_now, step, to_the_pump
from tests.web.visitor import Answer, Visitor, hidden
from thecal.chart.clinical import Documented, Overrode
from thecal.chart.facts import Filled, SessionEnded
from thecal.clinic.entry import LineUnknown
from thecal.clinic.practice import Practice
from thecal.clinic.visit import visit_of
from thecal.pump.sheet import pump_sheet
from thecal.therapy.check import check
from thecal.therapy.due import refill_due
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]
ROW = (
    "hospital number;name;pump model;serial;implanted on;catheter model;catheter tip;catheter length (cm);dead volume (mL);"
    "last refill on;filled volume (mL);concentration (mcg/mL);daily dose (mcg/day)\n"
    "H-1;Example, Eve;synchromed-ii-20;EX-9;2024-05-09;{line};2026-10-20 09:30;18;500;100\n"
)
UNKNOWN, LENGTHS, MEASURED = ";;;", "ascenda-8780;T10;80;", ";;;0.32"
DEVICE: dict[str, object] = {"model": "synchromed-ii-20", "serial": "EX-9", "site": "left lower abdomen"}


def imported(practice: Practice, nora: Visitor, line: str) -> str:
    """Somebody of a spreadsheet; the pseudonym."""
    assert written(nora, send(nora, ROW.format(line=line))).url.endswith("/worklist")
    (stream,) = charts(practice)
    return stream


def asked_for(practice: Practice, stream: str, rule: str) -> list[str]:
    """What a rule asks for on the worklist."""
    with practice.reading() as reading:
        return [item.asked for item in reading.standing(stream).items if item.rule == rule]


def booked(practice: Practice, visitor: Visitor, stream: str) -> Answer:
    """The next visit: a slot is offered before the day to refill by, and sold."""
    with practice.reading() as reading:
        due = refill_due(reading.look(reading.history(stream)))
        assert due is not None
        day = due.date(reading.zone) - timedelta(days=2)
    offer = {
        "first": day.isoformat(),
        "times": "09:00",
        "minutes": "60",
        "place": "Room 1",
        "refiller": "nora",
        "checker": "nils",
    }
    assert visitor.send("/slots", offer).status == 200
    page = visitor.get(f"/book/{stream}")
    slot = page.text.partition('name="slot" value="')[2].partition('"')[0]
    fields = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
    answer = visitor.post(f"/book/{stream}", {**fields, "slot": slot, "visit": "refill"})
    assert answer.status == 200, answer.words
    return answer


def refilled(practice: Practice, visitor: Visitor, clock: Clock, stream: str) -> str:
    """A routine refill through its pages, from the first step to the last; the name of the visit."""
    visit = begun(visitor, stream)
    to_the_pump(visitor, visit)
    before = printed_now(practice, stream)
    steps: tuple[tuple[str, dict[str, object]], ...] = (
        ("pump/printed", before),
        ("verify", VIAL),
        ("needle", NEEDLE),
        ("pump/aspirate", {"residual": str(before["calculated"])}),
        ("pump/fill", {**FILL, "volume": "18 mL"}),
        ("routine", {}),
    )
    for name, data in steps:
        answer = step(visitor, visit, name, data)
        assert answer.status == 200, answer.words
    clock.pass_(Duration(600))
    answer = step(visitor, visit, "pump/printed", {**printed_now(practice, stream, 18.0), "what": "update"})
    assert answer.status == 200, answer.words
    step(visitor, visit, "printout", {"given": "yes"})
    step(visitor, visit, "reminder", {"told": "yes"})
    booked(practice, visitor, stream)
    answer = step(visitor, visit, "close")
    assert answer.status == 200, answer.words
    return visit.rpartition("/")[2]


def closed_without_override(practice: Practice, stream: str, visit: str) -> None:
    """The visit is closed, the pump was told what was filled, and nobody took anything on themselves."""
    found = history(practice, stream)
    there = visit_of(found, visit, pump_sheet("synchromed-ii-20"))
    assert there is not None
    assert there.ended == "closed"
    facts = found.chart.facts
    assert not [fact for fact in facts if isinstance(fact, Overrode)]
    assert [fact.volume.nl for fact in facts if isinstance(fact, Filled)][-1] == 18 * 10**6
    assert isinstance(found.chart.session, SessionEnded)
    with practice.reading() as reading:
        due = refill_due(reading.look(found))
    assert due is not None
    assert due.filled.s > practice.now.s - DAY_S


@pytest.mark.parametrize("line", [UNKNOWN, LENGTHS, MEASURED])
def test_a_pump_of_the_spreadsheet_is_refilled(as_: SignIn, practice: Practice, clock: Clock, line: str) -> None:
    """The form of the device ends what the record lacks of it; of the line what is not known stays to be done."""
    nora = as_("nora")
    stream = imported(practice, nora, line)
    assert "the device record" in asked_for(practice, stream, "DEV-01")[0]
    assert f'href="/person/{stream}#device"' in nora.get(f"/to-do/{stream}").text
    nora.send(f"/person/{stream}", DEVICE, to=f"/person/{stream}/device")
    left = "not on file: the lengths of the catheter, or its volume as measured"
    assert asked_for(practice, stream, "DEV-01") == ([left] if line == UNKNOWN else [])
    clock.pass_(Duration(20 * DAY_S))
    closed_without_override(practice, stream, refilled(practice, as_("nora"), clock, stream))
    assert asked_for(practice, stream, "DEV-01") == ([left] if line == UNKNOWN else [])


def test_a_pump_from_elsewhere_is_refilled_on_the_day_it_comes(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """With nothing known of its catheter, and nothing written down after the transfer."""
    nora = as_("nora")
    nora.send("/new-person?with=pump", WITH_PUMP, to="/new-person")
    (stream,) = charts(practice)
    unknown = history(practice, stream).last(LineUnknown)
    assert unknown is not None
    assert not unknown.known
    closed_without_override(practice, stream, refilled(practice, nora, clock, stream))
    assert asked_for(practice, stream, "DEV-01")
    assert asked_for(practice, stream, "line")


def test_a_new_dose_waits_for_the_record_that_the_forms_complete(as_: SignIn, practice: Practice) -> None:
    """Device and lengths, written down by a nurse, are what DEV-01 asks for."""
    nora, dora = as_("nora"), as_("dora")
    stream = imported(practice, nora, UNKNOWN)
    visit = begun(nora, stream, "titration")
    to_the_pump(nora, visit)
    step(nora, visit, "pump/printed", printed_now(practice, stream))
    order = {"stream": stream, "visit": visit.rpartition("/")[2], "mode": "simple continuous", "dose": "105", "total": "105"}

    def blocked() -> bool:
        page = dora.get(f"{visit}/order").text
        return "DEV-01" in dora.post("/order/preview", {**order, "csrf": hidden(page, "csrf")}).text

    assert blocked()
    nora.send(f"/person/{stream}", DEVICE, to=f"/person/{stream}/device")
    assert blocked()
    lengths: dict[str, object] = {"line_known": "yes", "line_how": "the record of the operation"}
    lengths |= {"catheter_model": "ascenda-8780", "catheter_trimmed": "34 cm", "catheter_tip": "T10"}
    nora.send(f"/person/{stream}", lengths, to=f"/person/{stream}/line")
    assert not blocked()
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    assert not [finding for finding in check(look, "device") if finding.rule == "DEV-01"]


def test_the_papers_of_a_pump_are_complete_with_the_place_where_it_lies(as_: SignIn, practice: Practice) -> None:
    """Without it the page says what is left, and the record stays to be done."""
    nora = as_("nora")
    stream = imported(practice, nora, LENGTHS)
    data = {name: value for name, value in DEVICE.items() if name != "site"}
    answer = nora.send(f"/person/{stream}", data, to=f"/person/{stream}/device")
    assert "Not complete yet: where the pump lies (DEV-01)." in answer.text
    assert asked_for(practice, stream, "DEV-01") == ["not on file: the device record"]
    nora.send(f"/person/{stream}", DEVICE, to=f"/person/{stream}/device")
    assert asked_for(practice, stream, "DEV-01") == []
    paper = history(practice, stream).last(Documented)
    assert paper is not None
    assert (paper.document, paper.by) == ("device record", "Nora Nurse")
