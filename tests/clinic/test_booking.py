"""Booking: a slot is sold once, never too late, and the chart says exactly what was sold."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import func, select

from tests.clinic.practice import NOW, Clock, admit
from tests.clinic.test_slots import SUSAN, ZONE, at, offered
from thecal.chart.clinical import Booked, Visited
from thecal.chart.facts import Filled
from thecal.clinic.audit import read_audit
from thecal.clinic.booking import REASONS, Fit, Wish, book, cancel, fits, free_unbooked, standing_bookings
from thecal.clinic.closures import close
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.entry import Corrected, Ended, Entry
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.record import StaleError
from thecal.clinic.schema import booking as table
from thecal.clinic.schema import entry as entry_table
from thecal.clinic.slots import Slot, bookings, free_slots, withdraw
from thecal.clinic.stock_kept import put_in_stock
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.team import open_bookings
from thecal.timeline import DAY_S, Duration, Instant

DUE = date(2027, 1, 24)
"""By when the pump of the tests is to be refilled."""
THREADS = 16


def version_of(practice: Practice, stream: str) -> int:
    with practice.reading() as reading:
        return reading.history(stream).version


def write(practice: Practice, stream: str, *entries: Entry) -> int:
    return practice.write(stream, version_of(practice, stream), entries, By("nora"), "wrote")


def sell(practice: Practice, stream: str, slot: Slot, visit: str = "refill") -> int | Refusal:
    return book(practice, stream, version_of(practice, stream), slot.name, visit, SUSAN)


def sold(practice: Practice, stream: str, slot: Slot, visit: str = "refill") -> int:
    """Sell a slot that has to fit."""
    done = sell(practice, stream, slot, visit)
    assert not isinstance(done, Refusal), str(done)
    return done


def refused(practice: Practice, stream: str, slot: Slot, visit: str = "refill") -> Refusal:
    """Try to sell a slot that does not fit; nothing of it may be written."""
    before = state(practice)
    done = sell(practice, stream, slot, visit)
    assert isinstance(done, Refusal)
    assert state(practice) == before
    return done


def state(practice: Practice) -> tuple[int, int]:
    with practice.reading() as reading:
        entries: int = reading.connection.execute(select(func.count()).select_from(entry_table)).scalar_one()
        rows: int = reading.connection.execute(select(func.count()).select_from(table)).scalar_one()
    return entries, rows


def in_charts(practice: Practice, streams: Iterable[str]) -> set[tuple[str, str, Instant]]:
    with practice.reading() as reading:
        looks = {stream: reading.look(reading.history(stream)) for stream in streams}
    return {(stream, fact.visit, fact.on) for stream, look in looks.items() for fact in open_bookings(look)}


def in_rows(practice: Practice) -> set[tuple[str, str, Instant]]:
    with practice.reading() as reading:
        return {(one.stream, one.visit, one.slot.begins) for one in bookings(reading.connection, Instant(0))}


def fit_of(practice: Practice, stream: str, visit: str = "refill") -> tuple[Fit, ...]:
    with practice.reading() as reading:
        return fits(Wish.of(reading, stream, visit))


@pytest.mark.requirement("SLO-03")
def test_a_booking_is_a_row_and_a_fact(practice: Practice) -> None:
    """Of the same visit and hour, with the full name of who refills; the worklist knows of it at once."""
    stream = admit(practice)
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    with practice.reading() as reading:
        history = reading.history(stream)
        standing = reading.standing(stream)
        audited = next(iter(read_audit(reading.connection, stream=stream)))
        assert free_slots(reading.connection, NOW) == []
    assert history.last(Booked) == Booked(NOW, "refill", slot.begins, "Nora Nurse")
    assert (standing.booked, standing.in_time) == (slot.begins, True)
    assert (audited.did, audited.who) == ("booked a visit", "susan")
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", slot.begins)}


@pytest.mark.requirement("SLO-02")
@pytest.mark.parametrize(("day", "fits_in"), [(DUE.isoformat(), True), ("2027-01-25", False)])
def test_no_refill_is_booked_later_than_its_day(small: Practice, day: str, fits_in: bool) -> None:
    """The day itself is in time at any hour; the next one is refused with both dates (SAF-08, REF-04)."""
    stream = admit(small)
    [slot] = offered(small, f"{day} 18:00")
    if fits_in:
        sold(small, stream, slot)
        return
    told = refused(small, stream, slot)
    assert told.rule == "SAF-08"
    assert day in told.asked
    assert DUE.isoformat() in told.limit
    assert "REF-04" in told.limit


def test_another_visit_is_not_bound_to_the_refill(small: Practice) -> None:
    """A follow-up may be after it, and both stand."""
    stream = admit(small)
    first, later = offered(small, "2027-01-20 09:00", "2027-02-01 09:00")
    sold(small, stream, first)
    sold(small, stream, later, "follow-up")
    assert in_charts(small, [stream]) == in_rows(small)
    assert len(in_rows(small)) == 2


@pytest.mark.requirement("SLO-02")
def test_an_overdue_refill_is_on_the_first_day_that_is_free(small: Practice, clock: Clock) -> None:
    """No later; a slot that nobody may use does not count as free."""
    stream = admit(small)
    early, late, later = offered(small, "2027-02-02 09:00", "2027-02-02 15:00", "2027-02-03 09:00")
    clock.now = at("2027-02-01 09:00")
    [one, two, three] = fit_of(small, stream)
    assert [one.slot, two.slot, three.slot] == [early, late, later]
    assert "It was due by 2027-01-24" in one.warnings[0]
    told = refused(small, stream, later)
    assert "2027-02-02" in told.limit
    close(small, Closure("", date(2027, 2, 2), date(2027, 2, 2), "fire"), By("nora"))
    sold(small, stream, later)


def test_a_newer_booking_takes_the_older_one_back(practice: Practice, clock: Clock) -> None:
    """Its slot is free again, and the chart has one refill ahead, whether at the clinic or at home."""
    stream = admit(practice)
    first, second, third = offered(practice, "2027-01-20 09:00", "2027-01-19 09:00", "2027-01-18 09:00")
    sold(practice, stream, first)
    for slot, visit in ((second, "refill"), (third, "home refill")):
        clock.pass_(Duration(60))
        sold(practice, stream, slot, visit)
        assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, visit, slot.begins)}
    with practice.reading() as reading:
        assert free_slots(reading.connection, clock.now) == [second, first]


@pytest.mark.parametrize("visit", ["refill", "follow-up"])
def test_what_was_kept_this_morning_is_not_taken_back(practice: Practice, clock: Clock, visit: str) -> None:
    """The next visit is booked while somebody is still there: only a booking that is still ahead makes way for it."""
    stream = admit(practice)
    kept, missed, later = offered(practice, "2026-11-20 10:00", "2026-11-20 15:00", "2027-01-18 09:00")
    sold(practice, stream, kept, visit)
    clock.pass_(Duration(30 * 60))  # somebody who came early
    filled = [Filled(clock.now, Volume.parse("40 mL"), Concentration.parse("500 mcg/mL"))] if visit == "refill" else []
    write(practice, stream, Visited(clock.now, visit, "Nora Nurse"), *filled)
    clock.pass_(Duration(60))
    if visit != "refill":  # nobody is refilled twice on a day
        sold(practice, stream, missed, visit)
        assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, visit, one.begins) for one in (kept, missed)}
        clock.pass_(Duration(60))
    sold(practice, stream, later, visit)
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, visit, one.begins) for one in (kept, later)}


def test_who_is_refilled_a_day_early_has_no_refill_left_on_that_day(practice: Practice, clock: Clock) -> None:
    """The slot of tomorrow is free again with the next booking; a visit that was begun without a fill keeps none either."""
    stream = admit(practice)
    tomorrow, later, last = offered(practice, "2026-11-21 09:00", "2027-01-18 09:00", "2027-01-19 09:00")
    sold(practice, stream, tomorrow)
    clock.pass_(Duration(6 * 3600))
    write(practice, stream, Visited(clock.now, "refill", "Nora Nurse"))
    write(practice, stream, Filled(clock.now, Volume.parse("40 mL"), Concentration.parse("500 mcg/mL")))
    clock.pass_(Duration(60))
    sold(practice, stream, later)
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", later.begins)}
    write(practice, stream, Visited(clock.now, "refill", "Nora Nurse"))
    clock.pass_(Duration(60))
    sold(practice, stream, last)
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", last.begins)}


def test_a_reading_is_no_titration_that_was_kept(practice: Practice, clock: Clock) -> None:
    """What is booked for the afternoon is moved, whatever visit there was in the morning."""
    stream = admit(practice)
    afternoon, later = offered(practice, "2026-11-20 16:00", "2026-11-27 09:00")
    sold(practice, stream, afternoon, "titration")
    clock.pass_(Duration(1800))
    with practice.reading() as reading:
        session = reading.history(stream).chart.session
    assert session is not None
    report = replace(session.report, at=clock.now)
    write(practice, stream, Visited(clock.now, "refill", "Nora Nurse"), replace(session, at=clock.now, report=report))
    clock.pass_(Duration(60))
    sold(practice, stream, later, "titration")
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "titration", later.begins)}


def test_a_booking_that_came_from_elsewhere_is_taken_back_too(small: Practice, clock: Clock) -> None:
    """It stands in the chart and in no slot."""
    stream = admit(small)
    write(small, stream, Booked(NOW, "refill", at("2027-01-21 11:00"), "Nurse of before"))
    clock.pass_(Duration(60))
    [slot] = offered(small, "2027-01-20 09:00")
    sold(small, stream, slot)
    assert in_charts(small, [stream]) == {(stream, "refill", slot.begins)}


def test_the_same_hour_at_another_place_is_one_booking(small: Practice, clock: Clock) -> None:
    """With the other name; the slot of before is free."""
    stream = admit(small)
    [here] = offered(small, "2027-01-20 09:00")
    [there] = offered(small, "2027-01-20 09:00", place="Room 2", refiller="nils", checker="nora")
    sold(small, stream, here)
    clock.pass_(Duration(1))
    sold(small, stream, there)
    with small.reading() as reading:
        assert [booking.slot for booking in bookings(reading.connection, NOW)] == [there]
        look = reading.look(reading.history(stream))
    assert [fact.who for fact in open_bookings(look)] == ["Nils Nurse"]


def test_what_one_second_cannot_tell_apart_is_not_written(small: Practice, clock: Clock) -> None:
    """Booked, cancelled and booked again in one second would be cancelled in the chart and sold in the slots."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-20 09:00")
    version = sold(small, stream, slot)
    assert isinstance(cancel(small, stream, version, "refill", slot.begins, REASONS[0], SUSAN), int)
    assert "Wait a second" in refused(small, stream, slot).advice
    clock.pass_(Duration(1))
    sold(small, stream, slot)
    assert in_charts(small, [stream]) == in_rows(small) == {(stream, "refill", slot.begins)}


@pytest.mark.requirement("CLN-04")
def test_a_slot_in_a_closure_is_not_sold(small: Practice) -> None:
    """Also where it was offered before and somebody had it then."""
    stream, other = admit(small), admit(small, "Bo Sample")
    slot, free = offered(small, "2027-01-20 09:00", "2027-01-20 10:00")
    sold(small, other, slot)
    close(small, Closure("", date(2027, 1, 19), date(2027, 1, 21), "leave", "nils"), By("nora"))
    with small.reading() as reading:
        seen = reading.history(other).version
    assert isinstance(cancel(small, other, seen, "refill", slot.begins, REASONS[0], SUSAN), int)
    assert refused(small, stream, slot).rule == "CLN-04"
    assert "withdrawn" in refused(small, stream, free).asked


@pytest.mark.requirement("CLN-02")
def test_a_certificate_that_was_taken_back_stops_the_sale(small: Practice) -> None:
    """A slot was offered when it counted; it is looked at again when it is sold (ROL-11)."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-20 09:00")
    with small.reading() as reading:
        rows = [row for row in reading.history(STAFF).rows if getattr(row.entry, "who", "") == "nora"]
    write(small, STAFF, *(Corrected(NOW, row.version, "it was another person's") for row in rows))
    told = refused(small, stream, slot)
    assert (told.rule, "Nora Nurse" in told.asked) == ("ROL-11", True)
    sold(small, stream, slot, "follow-up")


def test_who_is_no_longer_treated_or_has_no_pump_gets_no_refill(small: Practice) -> None:
    """And a slot that has begun is nobody's."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-20 09:00")
    small.write("P-EMPTY", 0, [Visited(NOW, "assessment")], SUSAN, "wrote")
    assert refused(small, "P-EMPTY", slot).rule == "REF-04"
    sold(small, "P-EMPTY", slot, "assessment")
    write(small, stream, Ended(NOW, "transferred"))
    [other] = offered(small, "2027-01-20 10:00")
    assert "no longer treats" in refused(small, stream, other).asked


def test_what_is_not_there_is_told(small: Practice, clock: Clock) -> None:
    """Slot, person, visit."""
    stream = admit(small)
    [slot] = offered(small, "2026-11-20 10:00")
    seen = version_of(small, stream)
    with pytest.raises(InputError, match="slot"):
        book(small, stream, seen, "nothing", "refill", SUSAN)
    with pytest.raises(InputError, match="visit"):
        book(small, stream, seen, slot.name, "implant", SUSAN)
    with pytest.raises(InputError, match="person"):
        book(small, "P-NOBODY", 0, slot.name, "refill", SUSAN)
    clock.pass_(Duration(3601))
    assert "has begun" in refused(small, stream, slot).asked


def test_the_day_of_a_refill_has_no_second_one(small: Practice) -> None:
    """A slot within a day of the last fill is none for the next."""
    stream = admit(small)
    write(small, stream, Filled(NOW, Volume.parse("20 mL"), Concentration.parse("500 mcg/mL")))
    [slot] = offered(small, "2026-11-20 15:00")
    assert refused(small, stream, slot).rule == "REF-05"


def test_an_older_version_writes_nothing(practice: Practice) -> None:
    """Neither row nor fact (StaleError)."""
    stream = admit(practice)
    [slot] = offered(practice, "2027-01-20 09:00")
    seen = version_of(practice, stream)
    write(practice, stream, Visited(NOW, "follow-up"))
    before = state(practice)
    with pytest.raises(StaleError):
        book(practice, stream, seen, slot.name, "refill", SUSAN)
    assert state(practice) == before


@pytest.mark.requirement("SLO-01")
def test_sixteen_want_one_slot_and_one_gets_it(practice: Practice) -> None:
    """Fifteen are told that it was taken a moment ago, and nothing of theirs is written."""
    streams = [admit(practice, f"Person {number}", number=str(number)) for number in range(THREADS)]
    [slot] = offered(practice, "2027-01-20 09:00")
    seen = {stream: version_of(practice, stream) for stream in streams}
    together = Barrier(THREADS)

    def want(stream: str) -> int | Refusal:
        together.wait()
        return book(practice, stream, seen[stream], slot.name, "refill", SUSAN)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = dict(zip(streams, pool.map(want, streams), strict=True))
    winners = [stream for stream, answer in answers.items() if isinstance(answer, int)]
    assert len(winners) == 1
    assert all("taken a moment ago" in answer.asked for answer in answers.values() if isinstance(answer, Refusal))
    assert in_charts(practice, streams) == in_rows(practice) == {(winners[0], "refill", slot.begins)}
    assert [stream for stream in streams if version_of(practice, stream) != seen[stream]] == winners


def test_the_index_of_the_database_is_the_last_guard(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks whether a slot is free, it is still sold once, and the second sale leaves nothing."""
    stream, other = admit(practice), admit(practice, "Bo Sample")
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    monkeypatch.setattr("thecal.clinic.booking.booking_of", lambda *_: None)
    assert "2027-01-20 09:00, which was taken a moment ago" in refused(practice, other, slot).asked
    assert in_charts(practice, [stream, other]) == in_rows(practice) == {(stream, "refill", slot.begins)}


def test_sixteen_book_one_person_and_one_booking_stands(practice: Practice) -> None:
    """Each another slot: the others have not seen the latest of the chart, and their slots stay free."""
    stream = admit(practice)
    slots = offered(practice, *(f"2027-01-{day:02d} 09:00" for day in range(4, 4 + THREADS)))
    seen, together = version_of(practice, stream), Barrier(THREADS)

    def want(slot: Slot) -> int | Refusal | None:
        together.wait()
        try:
            return book(practice, stream, seen, slot.name, "refill", SUSAN)
        except StaleError:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(want, slots))
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType"] * (THREADS - 1) + ["int"]
    assert len(in_rows(practice)) == 1
    assert in_charts(practice, [stream]) == in_rows(practice)


def test_a_slot_is_sold_or_withdrawn_and_never_both(practice: Practice, clock: Clock) -> None:
    """Where one sells it, one withdraws it and one closes the day, all at once."""
    stream = admit(practice)
    slots = offered(practice, *(f"2027-01-{day:02d} 09:00" for day in range(4, 10)))
    for slot in slots:
        seen, together, before = version_of(practice, stream), Barrier(3), in_rows(practice)
        day = slot.begins.date(ZONE)

        def selling(slot: Slot = slot, seen: int = seen, together: Barrier = together) -> bool:
            together.wait()
            return isinstance(book(practice, stream, seen, slot.name, "follow-up", SUSAN), int)

        def withdrawing(slot: Slot = slot, together: Barrier = together) -> bool:
            together.wait()
            try:
                return isinstance(withdraw(practice, slot.name, SUSAN), Slot)
            except InputError:
                return False

        def closing(day: date = day, together: Barrier = together) -> bool:
            together.wait()
            done = close(practice, Closure("", day, day, "fire"), By("nora"))
            return not isinstance(done, Refusal) and done[1] == 1

        with ThreadPoolExecutor(3) as pool:
            done = [answer.result() for answer in [pool.submit(each) for each in (selling, withdrawing, closing)]]
        assert done.count(True) == 1
        assert (in_rows(practice) != before) == done[0]
        assert in_charts(practice, [stream]) == in_rows(practice)
        clock.pass_(Duration(1))


def test_a_cancelled_booking_frees_its_slot(practice: Practice) -> None:
    """The chart says so, the worklist asks for another one, and the reason is in the audit."""
    stream = admit(practice)
    [slot] = offered(practice, "2027-01-20 09:00")
    version = sold(practice, stream, slot)
    assert isinstance(cancel(practice, stream, version, "refill", slot.begins, "the person is ill", SUSAN), int)
    assert in_charts(practice, [stream]) == in_rows(practice) == set()
    with practice.reading() as reading:
        assert free_slots(reading.connection, NOW) == [slot]
        assert reading.standing(stream).booked is None
        assert "the person is ill" in next(iter(read_audit(reading.connection, stream=stream))).detail


def test_what_is_not_booked_is_not_cancelled(small: Practice, clock: Clock) -> None:
    """Nor what has passed, nor for a reason that could say who it is; a booking without a slot can be."""
    stream = admit(small)
    on = at("2026-12-01 09:00")
    seen = write(small, stream, Booked(NOW, "follow-up", on, "Dora Doctor"))
    assert isinstance(cancel(small, stream, seen, "refill", on, REASONS[0], SUSAN), Refusal)
    with pytest.raises(InputError, match="not a reason"):
        cancel(small, stream, seen, "follow-up", on, "Ada is ill", SUSAN)
    clock.now = Instant(on.s + DAY_S)
    assert isinstance(cancel(small, stream, seen, "follow-up", on, REASONS[0], SUSAN), Refusal)
    clock.now = Instant(on.s - DAY_S)
    assert isinstance(cancel(small, stream, seen, "follow-up", on, REASONS[0], SUSAN), int)
    assert in_charts(small, [stream]) == set()


def test_a_slot_whose_fact_was_corrected_away_is_seen_and_freed(small: Practice) -> None:
    """Both sides are shown beside one another, and a cancellation mends them."""
    stream = admit(small)
    [slot] = offered(small, "2027-01-20 09:00")
    version = sold(small, stream, slot)
    seen = write(small, stream, Corrected(NOW, version, "another person's"))
    with small.reading() as reading:
        [found] = standing_bookings(Wish.of(reading, stream, "refill"))
    assert (found.slot, found.in_chart) == (slot, False)
    assert isinstance(cancel(small, stream, seen, "refill", slot.begins, REASONS[3], SUSAN), int)
    assert in_rows(small) == set()


def test_slots_that_a_chart_no_longer_holds_are_free(practice: Practice, clock: Clock) -> None:
    """Of a booking that was corrected away its own slot alone; of a treatment that has ended, all that are to come."""
    stream, other = admit(practice), admit(practice, "Bo Other")
    soon, first, second, third = offered(practice, "2026-11-20 10:00", "2027-01-20 09:00", "2027-01-21 09:00", "2027-01-22 09:00")
    sold(practice, stream, soon, "assessment")
    version = sold(practice, stream, first)
    sold(practice, stream, second, "follow-up")
    sold(practice, other, third)
    free = partial(free_unbooked, practice, stream=stream)
    taken_back = [Corrected(NOW, version, "another person's")]
    practice.write(stream, version_of(practice, stream), taken_back, By("nora"), "took back", also=free)
    assert in_rows(practice) == {
        (stream, "assessment", soon.begins), (stream, "follow-up", second.begins), (other, "refill", third.begins),
    }  # fmt: skip
    clock.pass_(Duration(DAY_S))
    ended: list[Entry] = [Ended(clock.now, "transferred", "elsewhere")]
    practice.write(stream, version_of(practice, stream), ended, By("nora"), "ended", also=free)
    assert in_rows(practice) == {(stream, "assessment", soon.begins), (other, "refill", third.begins)}
    sold(practice, other, first, "follow-up")


@pytest.mark.requirement("CLN-03")
def test_the_best_slot_is_the_latest_in_time(small: Practice) -> None:
    """Early refills waste drug (CLN-03); what does not fit stands last, with its reason."""
    stream = admit(small)
    early, late, too_late = offered(small, "2027-01-11 09:00", "2027-01-22 09:00", "2027-01-26 09:00")
    found = fit_of(small, stream)
    assert [one.slot for one in found] == [late, early, too_late]
    assert [one.refusal is None for one in found] == [True, True, False]


@pytest.mark.requirement("CLN-03")
def test_a_slot_that_saves_a_visit_is_better_than_a_later_one(small: Practice) -> None:
    """On the day of another visit, or before one that is due shortly before the refill."""
    stream = admit(small)
    early, late = offered(small, "2027-01-11 09:00", "2027-01-22 09:00")
    write(small, stream, Booked(NOW, "follow-up", at("2027-01-11 11:00"), "Dora Doctor"))
    found = fit_of(small, stream)
    assert [one.slot for one in found] == [early, late]
    assert found[0].combines == ("a visit with a clinician, booked at 11:00",)


def test_a_visit_that_falls_due_before_the_refill_is_combined_with_it(small: Practice, clock: Clock) -> None:
    """Where it is due within three weeks of the refill, and no earlier: then drug would be wasted for it."""
    stream = admit(small)
    early, late = offered(small, "2027-01-11 09:00", "2027-01-22 09:00")
    clock.now = at("2026-12-14 09:00")
    write(small, stream, Visited(clock.now, "titration"))
    found = fit_of(small, stream)
    assert [one.slot for one in found] == [early, late]
    assert found[0].combines == ("a visit to adjust the dose, due by 2027-01-14 (VIS-02)",)
    assert found[1].combines == ()


def test_an_early_slot_and_an_empty_shelf_are_told(small: Practice) -> None:
    """Neither stops a booking; without any stock kept, nobody is told anything of it."""
    stream = admit(small)
    early, fine = offered(small, "2026-11-25 09:00", "2027-01-20 09:00")
    found = {one.slot: one.warnings for one in fit_of(small, stream)}
    assert [warning.count("REF-05") for warning in found[early]] == [1]
    assert found[fine] == ()
    assert all(not one.clinical for one in fit_of(small, stream))
    with small.reading() as reading:
        filled = reading.history(stream).chart.filled
    assert filled is not None
    with small.database.writing() as connection:
        put_in_stock(connection, Stock(filled.concentration, filled.volume, 1, "A1", date(2027, 1, 19)))
    clinical = {one.slot: one.clinical for one in fit_of(small, stream)}
    assert [warning.count("REF-11") for warning in clinical[fine]] == [1]
    assert clinical[early] == ()
    sold(small, stream, fine)


def test_a_home_refill_says_what_it_lacks(small: Practice) -> None:
    """The gates of RPC-14 stand beside the slots; a refill at the clinic has none."""
    stream = admit(small)
    with small.reading() as reading:
        home, here = Wish.of(reading, stream, "home refill").gates, Wish.of(reading, stream, "refill").gates
    assert any("second checker" in told for told in home)
    assert here == ()
