"""The page of the call before a visit."""

from collections.abc import Callable
from datetime import date

import pytest

from tests.clinic.practice import Clock, admit
from tests.clinic.test_booking import in_charts, in_rows, sold
from tests.clinic.test_slots import offered
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Booked, Noticed
from thecal.clinic.audit import read_audit
from thecal.clinic.closures import close
from thecal.clinic.entry import Entry, PreVisitAsked
from thecal.clinic.history import History
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import read_history, version_of
from thecal.clinic.slots import Slot, free_slots
from thecal.clinic.telephone import questions
from thecal.timeline import DAY_S, Duration, Instant

SignIn = Callable[[str], Visitor]


def history(practice: Practice, stream: str) -> History:
    with practice.database.reading() as connection:
        return read_history(connection, stream)


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nils"), "wrote for a test")


def booked(practice: Practice, days: int = 2, visit: str = "refill") -> tuple[str, Instant]:
    """Somebody with a pump and a visit in some days."""
    stream, on = admit(practice), Instant(practice.now.s + days * DAY_S)
    write(practice, stream, Booked(practice.now, visit, on, "nora"))
    return stream, on


def answers(**yes: str) -> dict[str, object]:
    return {f"q-{name}": yes.get(name, "no") for name in questions()}


def test_every_question_is_asked_with_whom_to_call(as_: SignIn, practice: Practice) -> None:
    """And the visit that it is about, and by when the refill is due."""
    stream, _ = booked(practice)
    told = as_("nora").get(f"/pre-visit/{stream}").words
    assert all(question.ask in told for question in questions().values())
    assert "555-0110" in told
    assert "refill , Sun 2026-11-22" in told
    assert "Refill by" in told
    with practice.database.reading() as connection:
        assert next(iter(read_audit(connection, stream=stream, who="nora"))).did == "opened the call before a visit"


def test_answers_write_facts_and_say_what_they_mean(as_: SignIn, practice: Practice) -> None:
    """Sent twice and done once; the item of the worklist ends."""
    stream, on = booked(practice)
    name = f"pre-visit call/{on.s}"
    assert name in {item.name for item in practice.refresh(stream).items}
    nora = as_("nora")
    page = nora.get(f"/pre-visit/{stream}")
    sent = {key: hidden(page.text, key) for key in ("csrf", "once", "seen", "visit")}
    data: dict[str, object] = {**sent, **answers(skin="yes", worries="yes", drug="yes"), "told-skin": "a red spot"}
    data["day-drug"] = "2026-12-31"
    for _ in range(2):
        meant = nora.post(f"/pre-visit/{stream}", data)
        assert meant.status == 200
    assert len(history(practice, stream).all(PreVisitAsked)) == 1
    assert history(practice, stream).all(Noticed) == [Noticed(practice.now, "pocket erythema")]
    assert "redness over pocket or wound, looked at 0 min ago" in meant.words
    assert "yes : a red spot." in meant.words
    assert f'<a href="/call/{stream}">Take it as a call</a>' in meant.text
    assert name not in {item.name for item in practice.refresh(stream).items}


def test_no_drug_in_the_house_is_what_something_follows_from(as_: SignIn, practice: Practice) -> None:
    """Of this question it is the no that is told again."""
    stream, _ = booked(practice)
    meant = as_("nora").send(f"/pre-visit/{stream}", answers())
    assert "is the drug for the refill in the house? no . Order the drug today" in meant.words
    assert "The rules find nothing that they did not find before." in meant.words


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"q-skin": ""}, "q-skin"),
        ({"q-skin": "perhaps"}, "q-skin"),
        ({"q-drug": "yes"}, "day-drug"),
        ({"q-drug": "yes", "day-drug": "2026-11-20"}, "day-drug"),
        ({"q-mri_done": "yes"}, "day-mri_done"),
        ({"q-mri_done": "yes", "day-mri_done": "2026-11-21"}, "day-mri_done"),
        ({"q-mri_done": "yes", "day-mri_done": "2026-11-19", "tesla-mri_done": "100"}, "tesla-mri_done"),
        ({"q-mri_planned": "yes", "day-mri_planned": "2026-11-01"}, "day-mri_planned"),
    ],
)
def test_what_is_not_right_comes_back_with_its_field_marked(
    as_: SignIn, practice: Practice, typed: dict[str, object], field: str
) -> None:
    """Nothing is written, and what was typed is still there."""
    stream, _ = booked(practice)
    version = history(practice, stream).version
    answer = as_("nora").send(f"/pre-visit/{stream}", {**answers(), "told-weight": "typed with care", **typed})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert 'value="typed with care"' in answer.text
    assert history(practice, stream).version == version


def moves(practice: Practice) -> tuple[str, Slot, Slot, Slot]:
    """Somebody whose refill is in a slot, another slot that is in time, and one that is too late."""
    stream = admit(practice)
    first, other, late = offered(practice, "2026-11-23 09:00", "2027-01-20 09:00", "2027-01-26 09:00")
    sold(practice, stream, first)
    return stream, first, other, late


def test_a_visit_is_moved_into_a_slot_and_its_old_one_is_free(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """What is offered fits; chart and slots say the same, and the calendar has the new time alone."""
    stream, first, other, late = moves(practice)
    clock.pass_(Duration(60))
    nora, page = as_("nora"), f"/pre-visit/{stream}"
    offers = nora.get(page)
    assert f'value="{other.name}"' in offers.text
    assert f'value="{late.name}"' not in offers.text
    moved = nora.send(page, {"slot": other.name}, f"{page}/move")
    assert moved.url.endswith(f"?visit={other.begins.s}")
    assert "is moved to 2027-01-20 09:00" in moved.text
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", other.begins)}
    with practice.reading() as reading:
        assert first in free_slots(reading.connection, reading.now)
    assert nora.post(f"{page}/move", {"csrf": hidden(moved.text, "csrf"), "visit": str(first.begins.s)}).status == 404


def test_a_visit_is_not_moved_past_the_day_to_refill_by(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Nor into a closure, nor to where somebody else was quicker; nothing is written, and the page says why."""
    stream, first, other, late = moves(practice)
    clock.pass_(Duration(60))
    nora, page = as_("nora"), f"/pre-visit/{stream}"
    for slot, told in ((late, "on or before 2027-01-24"), (first, "taken a moment ago")):
        refused = nora.send(page, {"slot": slot.name}, f"{page}/move")
        assert (refused.status, told in refused.words) == (422, True)
    assert nora.send(page, {"slot": "nothing"}, f"{page}/move").status == 422
    close(practice, Closure("", date(2027, 1, 20), date(2027, 1, 20), "fire"), By("nora"))
    refused = nora.send(page, {"slot": other.name}, f"{page}/move")
    assert (refused.status, "Not moved, and nothing is written" in refused.words) == (422, True)
    assert "No free slot fits. A refill is not moved past Sun 2027-01-24" in refused.words
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", first.begins)}


def test_what_takes_no_slot_is_not_moved_into_one(as_: SignIn, practice: Practice) -> None:
    """The page says so, and leads to where its date is written down."""
    stream, on = booked(practice, visit="screening test")
    [slot] = offered(practice, "2026-11-25 09:00")
    nora, page = as_("nora"), f"/pre-visit/{stream}"
    assert "It takes no slot of this clinic" in nora.get(page).words
    assert f'href="/book/{stream}?visit=screening%20test"' in nora.get(page).text
    assert nora.send(page, {"slot": slot.name}, f"{page}/move").status == 422
    assert in_charts(practice, [stream]) == {(stream, "screening test", on)}


def test_an_older_version_writes_nothing(as_: SignIn, practice: Practice) -> None:
    """What was typed is kept on the page that says so."""
    stream, _ = booked(practice)
    nora = as_("nora")
    page = nora.get(f"/pre-visit/{stream}")
    sent = {name: hidden(page.text, name) for name in ("csrf", "once", "seen", "visit")}
    write(practice, stream, Noticed(practice.now, "pregnancy"))
    late = nora.post(f"/pre-visit/{stream}", {**sent, **answers(), "told-weight": "typed with care"})
    assert late.status == 409
    assert "typed with care" in late.text
    assert history(practice, stream).last(PreVisitAsked) is None


def test_without_a_booking_there_is_nothing_to_ask_before(as_: SignIn, practice: Practice) -> None:
    """A journey is no visit to this clinic either; other visits are asked before one by one."""
    stream = admit(practice)
    write(practice, stream, Booked(practice.now, "travel", Instant(practice.now.s + DAY_S)))
    nora = as_("nora")
    assert "No visit is booked." in nora.get(f"/pre-visit/{stream}").words
    later = Instant(practice.now.s + 3 * DAY_S)
    soon = Instant(practice.now.s + 2 * DAY_S)
    write(practice, stream, Booked(practice.now, "refill", soon), Booked(practice.now, "follow-up", later))
    assert hidden(nora.get(f"/pre-visit/{stream}").text, "visit") == str(soon.s)
    assert hidden(nora.get(f"/pre-visit/{stream}?visit={later.s}").text, "visit") == str(later.s)


def test_a_scheduler_asks_and_is_told_to_tell(as_: SignIn, practice: Practice) -> None:
    """What rules find of somebody's health is for who sees the chart; dates are for all."""
    stream, _ = booked(practice)
    meant = as_("susan").send(f"/pre-visit/{stream}", answers(pregnancy="yes", skin="yes"))
    assert "more for a clinician who sees the chart: tell one of them today" in meant.words
    assert "INT-13" not in meant.words
    assert history(practice, stream).all(Noticed) == [
        Noticed(practice.now, "pocket erythema"),
        Noticed(practice.now, "pregnancy"),
    ]


def test_who_may_not_book_moves_nothing(as_: SignIn, practice: Practice) -> None:
    """A social worker asks the questions; a therapist does not call."""
    stream, _ = booked(practice)
    sol = as_("sol")
    page = sol.get(f"/pre-visit/{stream}")
    assert "Move the visit" not in page.words
    assert sol.post(f"/pre-visit/{stream}/move", {"csrf": hidden(page.text, "csrf")}).status == 403
    assert as_("thea").get(f"/pre-visit/{stream}").status == 403
    assert as_("nora").get("/pre-visit/P-NOBODY22").status == 404
