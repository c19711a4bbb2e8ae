"""Closures: whom they concern, what becomes of slots inside, who covers."""

from datetime import date

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.clinic.test_booking import DUE, sold, version_of, write
from tests.clinic.test_slots import SUSAN, at, offered
from thecal.chart.chart import Chart
from thecal.chart.clinical import Booked, Documented
from thecal.clinic.account import set_active
from thecal.clinic.audit import read_audit
from thecal.clinic.closures import Affected, affected, check_closure, close, free_inside, name_deputy, reopen, staffing
from thecal.clinic.elsewhere import confirm_elsewhere
from thecal.clinic.entry import Corrected, Ended
from thecal.clinic.item import refill_tier
from thecal.clinic.open_days import Closure, OpenDays, open_weekdays, read_closures, set_weekdays
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.slots import free_slots
from thecal.clinic.standing import Standing, kept
from thecal.errors import InputError, Refusal
from thecal.therapy.look import Look
from thecal.timeline import Instant

NORA = By("nora")
WINTER = Closure("", date(2027, 1, 18), date(2027, 1, 29), "winter holiday")
"""Monday of one week to Friday of the next; the pump of the tests is due on the Sunday between."""


def closed(practice: Practice, closure: Closure) -> tuple[Closure, int]:
    done = close(practice, closure, NORA)
    assert not isinstance(done, Refusal), str(done)
    return done


def concerned(practice: Practice, closure: Closure) -> tuple[Affected, ...]:
    with practice.reading() as reading:
        return affected(reading, closure)


def uncertify(practice: Practice, *names: str) -> None:
    with practice.reading() as reading:
        rows = [row for row in reading.history(STAFF).rows if getattr(row.entry, "who", "") in names]
    write(practice, STAFF, *(Corrected(practice.now, row.version, "it has ended") for row in rows))


def test_a_closure_is_kept_with_its_days(practice: Practice) -> None:
    """The earliest first, without those that are over where a day is named; it can be taken back once."""
    late, _ = closed(practice, WINTER)
    early, _ = closed(practice, Closure("", date(2026, 12, 24), date(2026, 12, 31), " end of year ", "nils", "dora"))
    with practice.reading() as reading:
        assert read_closures(reading.connection) == (early, late)
        assert read_closures(reading.connection, date(2026, 12, 31)) == (early, late)
        assert read_closures(reading.connection, date(2027, 1, 1)) == (late,)
        assert [one.did for one in read_audit(reading.connection, who="nora", limit=2)] == ["wrote down a closure"] * 2
    assert early.what == "end of year"
    assert reopen(practice, early.name, NORA)
    assert not reopen(practice, early.name, NORA)
    with practice.reading() as reading:
        assert read_closures(reading.connection) == (late,)


@pytest.mark.parametrize(
    ("closure", "field"),
    [
        (Closure("", date(2027, 1, 2), date(2027, 1, 1), "x"), "last"),
        (Closure("", date(2026, 11, 1), date(2026, 11, 19), "x"), "last"),
        (Closure("", date(2026, 12, 1), date(2027, 12, 2), "x"), "last"),
        (Closure("", date(2026, 12, 1), date(2026, 12, 2), "  "), "what"),
        (Closure("", date(2026, 12, 1), date(2026, 12, 2), "x" * 121), "what"),
        (Closure("", date(2026, 12, 1), date(2026, 12, 2), "x", "nobody"), "who"),
        (Closure("", date(2026, 12, 1), date(2026, 12, 2), "x", "nils", "nils"), "cover"),
        (Closure("", date(2026, 12, 1), date(2026, 12, 2), "x", "nils", "y" * 121), "cover"),
    ],
)
def test_a_closure_that_cannot_be_is_told_by_its_field(small: Practice, closure: Closure, field: str) -> None:
    """And nothing is written."""
    with pytest.raises(InputError) as error:
        close(small, closure, NORA)
    assert error.value.field == field
    with small.reading() as reading:
        assert read_closures(reading.connection) == ()


def test_the_same_days_are_closed_once(small: Practice) -> None:
    """For one person or for all."""
    closed(small, WINTER)
    with small.reading() as reading, pytest.raises(InputError, match="already"):
        check_closure(reading, WINTER)
    closed(small, Closure("", WINTER.first, WINTER.last, "leave", "nils"))


@pytest.mark.requirement("SLO-04")
def test_free_slots_inside_are_withdrawn_and_sold_ones_named(practice: Practice) -> None:
    """Those before and after stay; the preview says the number before."""
    stream = admit(practice)
    before, free, taken, after = offered(practice, "2027-01-15 16:00", "2027-01-18 00:30", "2027-01-21 09:00", "2027-02-01 09:00")
    sold(practice, stream, taken)
    with practice.reading() as reading:
        assert free_inside(reading, WINTER) == 1
    closure, withdrawn = closed(practice, WINTER)
    with practice.reading() as reading:
        assert free_slots(reading.connection, NOW) == [before, after]
    [found] = concerned(practice, closure)
    assert (withdrawn, found.stream, found.outcome, found.to) == (1, stream, "move", date(2027, 1, 15))
    assert [(each.visit, each.on, each.place) for each in found.inside] == [("refill", taken.begins, "Room 1")]
    assert "Move the refill to 2027-01-15 or before" in found.told
    assert free.begins == at("2027-01-18 00:30")


def test_a_closure_of_one_takes_only_the_slots_of_that_person(small: Practice) -> None:
    """As the one who refills, or as the one who checks."""
    offered(small, "2027-01-18 09:00")
    offered(small, "2027-01-19 09:00", refiller="nils", checker="nora")
    [kept] = offered(small, "2027-01-20 09:00", refiller="nora", checker="dora")
    closed(small, Closure("", WINTER.first, WINTER.last, "leave", "nils"))
    with small.reading() as reading:
        assert free_slots(reading.connection, NOW) == [kept]


@pytest.mark.requirement("CLN-04")
def test_a_refill_that_is_due_inside_moves_to_the_last_open_day_before(small: Practice) -> None:
    """Before the weekend, which is no working day, and before the closure (CLN-04)."""
    stream = admit(small)
    assert [(one.stream, one.outcome, one.refill_by, one.to) for one in concerned(small, WINTER)] == [
        (stream, "move", DUE, date(2027, 1, 15))
    ]
    assert concerned(small, Closure("", date(2027, 1, 25), date(2027, 1, 29), "after it")) == ()
    assert concerned(small, Closure("", date(2027, 1, 11), date(2027, 1, 15), "well before it")) == ()


@pytest.mark.requirement("SLO-05")
def test_a_closure_that_leaves_no_open_day_is_a_gap(small: Practice) -> None:
    """It says who covers, or that nobody does, and what to do (H32)."""
    admit(small)
    everything = Closure("", date(2026, 11, 20), date(2027, 1, 31), "rebuilding")
    [found] = concerned(small, everything)
    assert (found.outcome, found.to) == ("gap", None)
    assert "Nobody covers" in found.told
    [found] = concerned(small, Closure("", everything.first, everything.last, "rebuilding", "", "Clinic B, 555-0177"))
    assert "Ask Clinic B, 555-0177, who covers" in found.told


def test_what_is_booked_in_time_outside_is_settled(small: Practice) -> None:
    """Here or elsewhere."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-14 09:00")
    sold(small, stream, slot)
    other = admit(small, "Bo Sample")
    confirm_elsewhere(small, other, version_of(small, other), date(2027, 1, 20), "Clinic B", "Dr. Other", SUSAN)
    assert [one.outcome for one in concerned(small, WINTER)] == ["settled", "settled"]


def test_a_booking_that_stands_in_the_chart_alone_is_named(small: Practice) -> None:
    """One that was brought in from elsewhere has no slot; of one person it is named where that person does it."""
    stream = admit(small)
    write(small, stream, Booked(NOW, "refill", at("2027-01-20 09:00"), "Nora Nurse"))
    [found] = concerned(small, WINTER)
    assert (found.outcome, [each.place for each in found.inside]) == ("move", [""])
    [found] = concerned(small, Closure("", WINTER.first, WINTER.last, "leave", "nora"))
    assert [each.on for each in found.inside] == [at("2027-01-20 09:00")]
    assert concerned(small, Closure("", WINTER.first, WINTER.last, "leave", "nils")) == ()


def test_another_visit_inside_is_moved_for_itself(small: Practice) -> None:
    """And a refill that is not booked is not forgotten over it."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-20 09:00")
    sold(small, stream, slot, "follow-up")
    [found] = concerned(small, WINTER)
    assert (found.outcome, found.to) == ("move", date(2027, 1, 15))
    assert found.told == "Move the visit to an open day. Refill by 2027-01-15, which is not booked either."


def test_who_is_no_longer_treated_is_not_concerned(small: Practice) -> None:
    """But for a slot that is still held."""
    stream, other = admit(small), admit(small, "Bo Sample")
    [slot] = offered(small, "2027-01-20 09:00")
    sold(small, other, slot)
    for each in (stream, other):
        write(small, each, Ended(NOW, "transferred"))
    assert [(one.stream, one.refill_by) for one in concerned(small, WINTER)] == [(other, None)]


def test_one_person_away_closes_nothing_while_others_may_refill(small: Practice) -> None:
    """Where that person alone may, the days are closed (H32)."""
    stream = admit(small)
    leave = Closure("", WINTER.first, WINTER.last, "leave", "nora")
    assert concerned(small, leave) == ()
    uncertify(small, "nils", "dora")
    [found] = concerned(small, leave)
    assert (found.stream, found.outcome, found.to) == (stream, "move", date(2027, 1, 15))


def test_everybody_away_is_a_closure_of_all(small: Practice) -> None:
    """Also where each is away for another reason."""
    for name in ("nora", "nils", "dora"):
        closed(small, Closure("", date(2026, 12, 1), date(2026, 12, 1), f"{name}'s reason", name))
        with small.reading() as reading:
            why = reading.open_days.why_closed(date(2026, 12, 1))
        assert why == ("everybody who may refill is away" if name == "dora" else "")


@pytest.mark.parametrize(
    ("day", "today", "last"),
    [
        (date(2026, 12, 4), date(2026, 12, 1), date(2026, 12, 4)),
        (date(2026, 12, 6), date(2026, 12, 1), date(2026, 12, 4)),
        (date(2026, 12, 9), date(2026, 12, 1), date(2026, 12, 4)),
        (date(2026, 12, 9), date(2026, 12, 4), date(2026, 12, 4)),
        (date(2026, 12, 9), date(2026, 12, 5), None),
        (date(2026, 11, 30), date(2026, 12, 1), None),
    ],
)
def test_the_last_open_day_is_searched_back_to_today(day: date, today: date, last: date | None) -> None:
    """Over closures and weekends; the day itself counts."""
    week = Closure("a", date(2026, 12, 7), date(2026, 12, 11), "closed")
    assert OpenDays((week,), frozenset(range(5)), frozenset({"nora"})).last_open(day, today) == last


def test_a_clinic_says_on_which_weekdays_it_is_open(practice: Practice) -> None:
    """Monday to Friday until it does; none is no week."""
    with practice.database.writing() as connection:
        assert open_weekdays(connection) == frozenset(range(5))
        set_weekdays(connection, (6, 0, 1))
        set_weekdays(connection, (6, 0, 0))
    with practice.reading() as reading:
        assert open_weekdays(reading.connection) == {6, 0}
        days = reading.open_days
    assert (days.why_closed(date(2026, 12, 6)), days.why_closed(date(2026, 12, 4))) == ("", "Fri is no working day")
    for wrong in ((), (7,)):
        with pytest.raises(InputError), practice.database.writing() as connection:
            set_weekdays(connection, wrong)


def test_a_cover_of_this_clinic_may_refill_and_is_there(small: Practice) -> None:
    """On each of the days; of a cover elsewhere nothing is asked."""
    leave = Closure("", WINTER.first, WINTER.last, "leave", "nora")
    for cover, why in (("susan", "no certificate"), ("nils", "is away")):
        if cover == "nils":
            closed(small, Closure("", date(2027, 1, 29), date(2027, 2, 3), "leave", "nils"))
        done = close(small, Closure("", leave.first, leave.last, "leave", "nora", cover), NORA)
        assert isinstance(done, Refusal)
        assert (done.rule, why in done.asked) == ("ROL-12", True)
    closed(small, Closure("", leave.first, leave.last, "leave", "nora", "dora"))
    closed(small, Closure("", leave.first, date(2027, 1, 28), "leave", "nora", "Clinic B, Dr. Other"))


def test_a_service_of_one_person_needs_a_deputy(practice: Practice) -> None:
    """Red without one (ROL-12), and with nobody at all; closed accounts do not count."""
    with practice.reading() as reading:
        assert not staffing(reading).alone
    uncertify(practice, "nils")
    with practice.database.writing() as connection:
        set_active(connection, "dora", active=False)
    with practice.reading() as reading:
        found = staffing(reading)
    assert ([account.name for account in found.refillers], found.alone) == (["nora"], True)
    with practice.database.writing() as connection:
        name_deputy(connection, " Clinic B, Dr. Other, 555-0177 ")
    with practice.reading() as reading:
        found = staffing(reading)
    assert (found.deputy, found.alone) == ("Clinic B, Dr. Other, 555-0177", False)
    with practice.database.writing() as connection:
        name_deputy(connection, "")
    with practice.reading() as reading:
        assert staffing(reading).alone


def test_a_booking_that_is_over_is_not_named(small: Practice, clock: Clock) -> None:
    """A closure that began before today concerns what is still to come."""
    stream = admit(small)
    [slot] = offered(small, "2026-11-23 09:00")
    sold(small, stream, slot, "follow-up")
    week = Closure("", date(2026, 11, 23), date(2026, 11, 27), "flood")
    assert len(concerned(small, week)) == 1
    clock.now = Instant(slot.ends.s + 1)
    assert concerned(small, week) == ()


def open_by(practice: Practice, stream: str) -> tuple[str | None, int]:
    """(the last open day that is kept of somebody, how grave it is kept)."""
    with practice.reading() as reading:
        standing = kept(reading.connection, stream)
        assert standing is not None
        return (standing.open_by.date(reading.zone).isoformat() if standing.open_by else None), standing.tier


@pytest.mark.requirement("CLN-04")
def test_a_closure_moves_the_last_open_day_and_urgency_counts_from_it(practice: Practice, clock: Clock) -> None:
    """Where somebody stands is worked out anew as it is written down and taken back, and is that of a rebuild each time."""
    stream = admit(practice, papers=True)
    write(practice, stream, Documented(clock.now, "reachable contact"))
    assert open_by(practice, stream)[0] == "2027-01-22"  # the 24th is a Sunday
    clock.now = at("2027-01-04 09:00")
    practice.refresh(stream)
    before = open_by(practice, stream)
    done = close(practice, Closure("", date(2027, 1, 11), date(2027, 1, 29), "leave"), By("nora"))
    assert not isinstance(done, Refusal)
    assert open_by(practice, stream)[0] == "2027-01-08"
    with practice.reading() as reading:
        standing = reading.standing(stream)
    assert refill_tiers(standing, clock) == (2, 1)
    assert rebuild(practice).changed == {}
    assert reopen(practice, done[0].name, By("nora"))
    assert open_by(practice, stream) == before
    assert rebuild(practice).changed == {}


def refill_tiers(standing: Standing, clock: Clock) -> tuple[int, int]:
    """How near a refill that nobody has booked is: by its own day, and by the last open day before it."""
    assert standing.refill_by is not None
    assert standing.open_by is not None
    look = Look.at(Chart(), clock.now)
    own, opened = (refill_tier(look, by, settled=False) for by in (standing.refill_by, standing.open_by))
    assert standing.tier <= opened
    return own, opened


def test_without_an_open_day_left_it_is_red_unless_it_is_arranged(small: Practice) -> None:
    """Every day up to it is closed: somebody has to do something now. What is confirmed elsewhere counts by its own day."""
    stream, other = admit(small), admit(small, "Bo Sample")
    confirm_elsewhere(small, other, version_of(small, other), date(2027, 1, 20), "Clinic B", "Dr. Other", SUSAN)
    before = open_by(small, other)[1]
    close(small, Closure("", date(2026, 11, 20), date(2027, 1, 29), "fire"), By("nora"))
    assert open_by(small, stream) == (None, 1)
    assert open_by(small, other) == (None, before)
    assert before > 1


def test_what_has_passed_is_moved_no_more(small: Practice, clock: Clock) -> None:
    """An overdue refill is overdue since its own day, whatever was closed."""
    stream = admit(small)
    clock.now = at("2027-01-26 09:00")
    with small.reading() as reading:
        standing = reading.standing(stream)
    assert standing.open_by == standing.refill_by
