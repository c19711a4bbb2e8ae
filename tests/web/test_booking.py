"""The bookings of one person: what is done elsewhere and its proof, visits that have a date, a visit that is closed in time."""

from collections.abc import Callable
from datetime import date

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.clinic.test_booking import in_charts, sold, version_of, write
from tests.clinic.test_elsewhere import DONE, confirmed, look_of
from tests.clinic.test_slots import at, offered
from tests.web.test_visit import begun, step
from tests.web.visitor import Visitor
from thecal.chart.clinical import Booked, Visited
from thecal.chart.facts import Filled
from thecal.clinic.elsewhere import confirm_elsewhere
from thecal.clinic.practice import By, Practice
from thecal.quantity import Concentration, Volume
from thecal.timeline import DAY_S, Instant

SignIn = Callable[[str], Visitor]
PROOF: dict[str, object] = {
    "filled_on": DONE.isoformat(),
    "filled_volume": "18 mL",
    "filled_strength": "500 mcg/mL",
    "proof_site": "Clinic B",
    "proof_person": "Dr. Other",
}


def test_a_proof_is_written_down_and_the_reading_is_asked_for(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """From the worklist to the page, and the fill is on the chart as it happened; nobody says what was programmed there."""
    stream = confirmed(practice, clock)
    nora = as_("nora")
    to_do = nora.get(f"/to-do/{stream}")
    assert "nothing came back of the refill elsewhere on 2027-01-20" in to_do.words
    assert f'href="/book/{stream}"' in to_do.text
    page = nora.get(f"/book/{stream}")
    assert "Confirmed for Wed 2027-01-20, Clinic B, Dr. Other; the proof is due by Fri 2027-01-22" in page.words
    answer = nora.send(f"/book/{stream}", PROOF, f"/book/{stream}/proof")
    assert "is not known until the pump is read" in answer.text
    assert look_of(practice, stream).chart.filled == Filled(
        at(f"{DONE} 12:00"), Volume.parse("18 mL"), Concentration.parse("500 mcg/mL")
    )
    told = nora.get(f"/to-do/{stream}").words
    assert "nothing came back" not in told
    assert "18 mL filled elsewhere on 2027-01-20, and the pump not read since" in told
    assert f"Refilled elsewhere on {DONE} and not read since" in nora.get(f"/chart/{stream}").words


@pytest.mark.parametrize(
    ("changed", "field", "told"),
    [
        ({"filled_on": ""}, "filled_on", "is missing"),
        ({"filled_on": "2027-02-20"}, "filled_on", "is still to come"),
        ({"filled_volume": "18"}, "filled_volume", "unit"),
        ({"filled_strength": "0.5 mg/mL"}, "filled_strength", "mcg/mL"),
        ({"proof_site": " "}, "proof_site", "is missing"),
        ({"proof_person": "x" * 81}, "proof_person", "too long"),
    ],
)
def test_a_proof_that_cannot_be_is_given_back(
    as_: SignIn, practice: Practice, clock: Clock, changed: dict[str, object], field: str, told: str
) -> None:
    """The field is marked, what was typed is still there, and nothing is written."""
    stream = confirmed(practice, clock)
    before = version_of(practice, stream)
    answer = as_("nora").send(f"/book/{stream}", {**PROOF, "proof_site": "Clinic <B>", **changed}, f"/book/{stream}/proof")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert told in answer.text
    assert version_of(practice, stream) == before
    if field != "proof_site":
        assert 'value="Clinic &lt;B&gt;"' in answer.text


def test_more_than_the_reservoir_holds_is_refused_with_its_rule(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """As at a fill of our own."""
    stream = confirmed(practice, clock)
    answer = as_("nora").send(f"/book/{stream}", {**PROOF, "filled_volume": "41 mL"}, f"/book/{stream}/proof")
    assert (answer.status, "refused by RPC-08" in answer.words) == (422, True)


def test_who_does_not_refill_hands_the_proof_on(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """A scheduler sees that it is awaited, and writes no fill."""
    stream = confirmed(practice, clock)
    susan = as_("susan")
    page = susan.get(f"/book/{stream}")
    assert "Give it to somebody who refills" in page.words
    assert "/proof" not in page.text
    assert susan.send(f"/book/{stream}", PROOF, f"/book/{stream}/proof").status == 403


def test_a_visit_that_takes_no_slot_has_its_date_on_the_page(as_: SignIn, practice: Practice) -> None:
    """Chosen as any visit; without an hour it counts as noon; it is taken back as any booking."""
    stream, susan = admit(practice), as_("susan")
    page = susan.get(f"/book/{stream}?visit=replacement")
    assert "When is the operation that replaces the pump?" in page.words
    assert "No free slot fits" not in page.words
    to, typed = f"/book/{stream}/date", {"dated_on": "2026-12-01", "dated_who": "Hospital C"}
    answer = susan.send(f"/book/{stream}?visit=replacement", typed, to)
    assert "Written down: the operation that replaces the pump, 2026-12-01 12:00." in answer.text
    assert "2026-12-01 12:00 the operation that replaces the pump Hospital C" in answer.words
    assert in_charts(practice, [stream]) == {(stream, "replacement", at("2026-12-01 12:00"))}
    susan.send(f"/book/{stream}?visit=travel", {**typed, "dated_hour": "07:30"}, to)
    assert (stream, "travel", at("2026-12-01 07:30")) in in_charts(practice, [stream])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"dated_on": ""}, "dated_on"),
        ({"dated_on": "2026-11-19"}, "dated_on"),
        ({"dated_hour": "25:00"}, "dated_on"),
        ({"dated_who": ""}, "dated_who"),
    ],
)
def test_a_date_that_cannot_be_is_given_back(as_: SignIn, practice: Practice, changed: dict[str, object], field: str) -> None:
    """The form of that visit again, with the field marked."""
    stream = admit(practice)
    typed = {"dated_on": "2026-12-01", "dated_hour": "07:30", "dated_who": "Hospital C", **changed}
    answer = as_("susan").send(f"/book/{stream}?visit=MRI", typed, f"/book/{stream}/date")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert "When is a magnetic resonance scan?" in answer.words
    assert in_charts(practice, [stream]) == set()


def test_a_visit_of_the_same_day_is_booked_into_a_slot(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """From the telephone to a slot with people and a room, in the chart and in the slots."""
    stream, susan = admit(practice), as_("susan")
    [slot] = offered(practice, "2026-11-20 14:00")
    write(practice, stream, Booked(NOW, "unscheduled", at("2026-11-20 15:00")))
    clock.now = Instant(NOW.s + 60)
    page = f"/book/{stream}?visit=unscheduled"
    assert "Slots for a visit that nobody planned" in susan.get(page).words
    answer = susan.send(page, {"slot": slot.name, "visit": "unscheduled"}, f"/book/{stream}")
    assert "Booked: a visit that nobody planned, 2026-11-20 14:00" in answer.text
    assert in_charts(practice, [stream]) == {(stream, "unscheduled", slot.begins)}


@pytest.mark.requirement("VST-02")
def test_a_visit_is_not_closed_while_the_next_refill_is_too_late(as_: SignIn, practice: Practice) -> None:
    """What is booked after the day to refill by does not count, and both dates are told (SAF-08, RPC-11)."""
    stream, nora = admit(practice, papers=True), as_("nora")
    write(practice, stream, Booked(NOW, "refill", at("2027-01-26 09:00"), "Nora Nurse"))
    visit = begun(nora, stream, "follow-up")
    told = "the refill is booked for 2027-01-26, which is too late; refill by 2027-01-24"
    assert told in nora.get(visit).words
    answer = step(nora, visit, "close")
    assert (answer.status, f"the next visit booked ({told})" in answer.words) == (422, True)
    assert f'href="/book/{stream}"' in answer.text


def test_a_confirmation_whose_proof_is_overdue_closes_no_visit(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Nothing came back, so nobody knows that the next refill is arranged; what is confirmed in time does."""
    stream = admit(practice, papers=True)
    confirm_elsewhere(practice, stream, version_of(practice, stream), date(2026, 11, 22), "Clinic B", "Dr. Other", By("susan"))
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    assert "the next visit booked" not in step(nora, visit, "close").words
    clock.now = Instant(at("2026-11-25 09:00").s)
    nora.sign_in()
    answer = step(nora, visit, "close")
    assert "nothing came back of the refill elsewhere on 2026-11-22; refill by 2027-01-24" in answer.words


def test_an_overdue_refill_that_is_booked_as_soon_as_can_be_lets_a_visit_close(
    as_: SignIn, practice: Practice, clock: Clock
) -> None:
    """No booking could be in time any more; the worklist keeps its emergency."""
    stream = admit(practice, papers=True)
    [slot] = offered(practice, "2027-01-27 09:00")
    clock.now = at("2027-01-26 09:00")
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    assert "no refill is booked; refill by 2027-01-24" in step(nora, visit, "close").words
    sold(practice, stream, slot)
    assert "the next visit booked" not in step(nora, visit, "close").words


def test_a_refill_elsewhere_is_a_visit_that_was(practice: Practice, clock: Clock, as_: SignIn) -> None:
    """The timeline says where and by whom."""
    stream = confirmed(practice, clock)
    as_("nora").send(f"/book/{stream}", PROOF, f"/book/{stream}/proof")
    with practice.reading() as reading:
        visited = reading.history(stream).last(Visited)
    assert visited == Visited(at(f"{DONE} 12:00"), "refill elsewhere", "Clinic B, Dr. Other")
    assert Instant(visited.at.s + DAY_S) < practice.now


def test_the_page_says_what_taking_a_visit_back_does(as_: SignIn, practice: Practice) -> None:
    """Beside the buttons, where there is something to be taken back."""
    stream, susan = admit(practice), as_("susan")
    told = "Taking a visit back frees its slot"
    assert told not in susan.get(f"/book/{stream}").words
    write(practice, stream, Booked(NOW, "unscheduled", at("2026-11-20 15:00")))
    assert told in susan.get(f"/book/{stream}").words
