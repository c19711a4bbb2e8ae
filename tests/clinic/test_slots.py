"""Slots: what can be offered, and what becomes of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from tests.clinic.practice import NOW, Clock, admit
from thecal.chart.clinical import Certified
from thecal.clinic.account import set_active
from thecal.clinic.audit import read_audit
from thecal.clinic.booking import book
from thecal.clinic.closures import close
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.schema import slot as table
from thecal.clinic.slots import Slot, Times, free_slots, local_times, offer_slots, slot_named, slots_between, withdraw
from thecal.errors import InputError, Refusal
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

ZONE = ZoneInfo("Europe/Berlin")
SUSAN = By("susan")
HOUR = Duration(HOUR_S)


def at(text: str) -> Instant:
    return Instant.parse(text, ZONE)


def one(text: str) -> Times:
    return ((at(text), at(text) + HOUR),)


def offered(practice: Practice, *texts: str, place: str = "Room 1", refiller: str = "nora", checker: str = "nils") -> list[Slot]:
    made = [offer_slots(practice, one(text), place, refiller, checker, SUSAN) for text in texts]
    assert not any(isinstance(each, Refusal) for each in made)
    return [slot for each in made if not isinstance(each, Refusal) for slot in each]


def count(practice: Practice) -> int:
    with practice.reading() as reading:
        found: int = reading.connection.execute(select(func.count()).select_from(table)).scalar_one()
    return found


def test_what_is_offered_is_there_in_order(practice: Practice) -> None:
    """With its place and people; who offered it stands in the audit."""
    offered(practice, "2026-12-02 10:00", "2026-12-01 09:00")
    with practice.reading() as reading:
        free = free_slots(reading.connection, NOW)
        audited = next(iter(read_audit(reading.connection, who="susan")))
        of_first = slots_between(reading.connection, at("2026-12-01 09:00"), at("2026-12-02 10:00"))
    assert [(slot.begins, slot.place, slot.refiller, slot.checker) for slot in free] == [
        (at("2026-12-01 09:00"), "Room 1", "nora", "nils"),
        (at("2026-12-02 10:00"), "Room 1", "nora", "nils"),
    ]
    assert of_first == free[:1]
    assert audited.did == "offered slots"


def test_times_are_those_of_the_clock_on_the_wall() -> None:
    """Nine o'clock stays nine o'clock over a change of the clocks."""
    times = local_times(date(2026, 10, 23), date(2026, 10, 26), (0, 4), "9:00, 10:30", Duration(45 * 60), ZONE)
    assert [begin.local_text(ZONE) for begin, _ in times] == [
        "2026-10-23 09:00", "2026-10-23 10:30", "2026-10-26 09:00", "2026-10-26 10:30",
    ]  # fmt: skip
    assert all(end.s - begin.s == 45 * 60 for begin, end in times)
    assert times[2][0].s - times[0][0].s == 3 * DAY_S + HOUR_S


@pytest.mark.parametrize(
    ("first", "last", "times", "minutes", "field", "told"),
    [
        (date(2027, 3, 28), date(2027, 3, 28), "02:30", 60, "times", "does not exist"),
        (date(2026, 10, 25), date(2026, 10, 25), "02:30", 60, "times", "happens twice"),
        (date(2026, 12, 2), date(2026, 12, 1), "09:00", 60, "last", "before the first day"),
        (date(2026, 12, 1), date(2027, 12, 2), "09:00", 60, "last", "longer than"),
        (date(2026, 12, 1), date(2026, 12, 1), "", 60, "times", "missing"),
        (date(2026, 12, 1), date(2026, 12, 1), "09:00 25:00", 60, "times", "no time of day"),
        (date(2026, 12, 1), date(2026, 12, 1), "09:00", 0, "minutes", "no length"),
        (date(2026, 12, 1), date(2026, 12, 1), "09:00", 721, "minutes", "no length"),
    ],
)
def test_times_that_cannot_be_are_refused(first: date, last: date, times: str, minutes: int, field: str, told: str) -> None:
    """By the field that has to change; an hour that the clocks leave out or bring twice is none."""
    with pytest.raises(InputError, match=told) as error:
        local_times(first, last, range(7), times, Duration(minutes * 60), ZONE)
    assert error.value.field == field


def test_days_without_the_weekday_are_told() -> None:
    """Nothing to offer is not silently nothing."""
    with pytest.raises(InputError, match="have no day"):
        local_times(date(2026, 12, 1), date(2026, 12, 2), (6,), "09:00", HOUR, ZONE)


@pytest.mark.parametrize(
    ("refiller", "checker", "place", "when", "field"),
    [
        ("nobody", "nils", "Room 1", "2026-12-01 09:00", "refiller"),
        ("nora", "nobody", "Room 1", "2026-12-01 09:00", "checker"),
        ("nora", "nora", "Room 1", "2026-12-01 09:00", "checker"),
        ("nora", "nils", " ", "2026-12-01 09:00", "place"),
        ("nora", "nils", "Room 1", "2026-11-20 08:59", "times"),
    ],
)
def test_a_slot_needs_two_people_a_place_and_a_time_to_come(
    small: Practice, refiller: str, checker: str, place: str, when: str, field: str
) -> None:
    """What is wrong is named, and nothing is offered."""
    with pytest.raises(InputError) as error:
        offer_slots(small, one(when), place, refiller, checker, SUSAN)
    assert error.value.field == field
    assert count(small) == 0


@pytest.mark.requirement("CLN-02")
def test_who_refills_is_certified_on_that_day(small: Practice) -> None:
    """The last day of a certificate is good, the one after it is not; then none of what was asked for is offered."""
    last = Instant(NOW.s + 300 * DAY_S)  # the certificates of the tests end at this very hour
    fits = ((Instant(last.s), Instant(last.s + HOUR_S)),)
    late = ((Instant(last.s + 1), Instant(last.s + HOUR_S)),)
    refused = offer_slots(small, (*one("2026-12-01 09:00"), *late), "Room 1", "nora", "nils", SUSAN)
    assert isinstance(refused, Refusal)
    assert (refused.rule, count(small)) == ("ROL-11", 0)
    assert not isinstance(offer_slots(small, fits, "Room 1", "nora", "nils", SUSAN), Refusal)


@pytest.mark.requirement("CLN-02")
def test_who_checks_may_double_check(small: Practice) -> None:
    """A pharmacist may, a therapist may not; neither may refill."""
    assert not isinstance(offer_slots(small, one("2026-12-01 09:00"), "Room 1", "nora", "paul", SUSAN), Refusal)
    for refiller, checker in (("nora", "thea"), ("paul", "nora")):
        refused = offer_slots(small, one("2026-12-02 09:00"), "Room 1", refiller, checker, SUSAN)
        assert isinstance(refused, Refusal)
        assert refused.rule == "ROL-11"


def test_a_closed_account_is_nobody(small: Practice) -> None:
    """Who has left is in no slot."""
    with small.database.writing() as connection:
        set_active(connection, "nils", active=False)
    with pytest.raises(InputError, match="nobody who works here"):
        offer_slots(small, one("2026-12-01 09:00"), "Room 1", "nora", "nils", SUSAN)


@pytest.mark.parametrize(
    ("place", "refiller", "checker", "when", "fits"),
    [
        ("Room 1", "nils", "nora", "2026-12-01 09:59", False),
        ("Room 1", "nils", "nora", "2026-12-01 10:00", True),
        ("Room 1", "nils", "nora", "2026-12-01 08:01", False),
        ("Room 1", "nils", "nora", "2026-12-01 08:00", True),
        ("Room 2", "nora", "dora", "2026-12-01 09:30", False),
        ("Room 2", "nils", "nora", "2026-12-01 09:00", True),
    ],
)
def test_neither_a_place_nor_who_refills_is_twice_at_one_time(
    small: Practice, place: str, refiller: str, checker: str, when: str, fits: bool
) -> None:
    """Slots may follow one another without a gap; who checks may do so next door."""
    offered(small, "2026-12-01 09:00")
    if fits:
        assert len(offered(small, when, place=place, refiller=refiller, checker=checker)) == 1
    else:
        with pytest.raises(InputError, match="overlaps with 2026-12-01 09:00 at Room 1"):
            offer_slots(small, one(when), place, refiller, checker, SUSAN)


def test_eight_offer_times_that_overlap_and_one_does(practice: Practice) -> None:
    """At one place, each some minutes after another, all at once."""
    together = Barrier(8)

    def offer(minute: int) -> bool:
        together.wait()
        try:
            made = offer_slots(practice, one(f"2026-12-01 09:{minute:02d}"), "Room 1", "nora", "nils", SUSAN)
        except InputError:
            return False
        return not isinstance(made, Refusal)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(offer, range(0, 56, 7)))
    assert (done.count(True), count(practice)) == (1, 1)


def test_two_slots_of_one_form_do_not_overlap_either(small: Practice) -> None:
    """Times that are closer than a slot is long are told."""
    with pytest.raises(InputError, match="overlaps"):
        offer_slots(small, (*one("2026-12-01 09:00"), *one("2026-12-01 09:30")), "Room 1", "nora", "nils", SUSAN)
    assert count(small) == 0


@pytest.mark.requirement("CLN-04")
def test_no_slot_is_offered_where_somebody_of_it_is_away(small: Practice) -> None:
    """Nor on a day on which the clinic is closed (CLN-04)."""
    close(small, Closure("", date(2026, 12, 1), date(2026, 12, 2), "leave", "nils"), By("nora"))
    refused = offer_slots(small, one("2026-12-02 16:00"), "Room 1", "nora", "nils", SUSAN)
    assert isinstance(refused, Refusal)
    assert (refused.rule, "Nils Nurse is away" in refused.asked) == ("CLN-04", True)
    assert not isinstance(offer_slots(small, one("2026-12-02 16:00"), "Room 1", "nora", "dora", SUSAN), Refusal)
    assert not isinstance(offer_slots(small, one("2026-12-03 08:00"), "Room 1", "nora", "nils", SUSAN), Refusal)


def test_a_free_slot_is_withdrawn_and_can_be_offered_again(practice: Practice) -> None:
    """With other people, under its old name; withdrawn twice is told."""
    [slot] = offered(practice, "2026-12-01 09:00")
    assert withdraw(practice, slot.name, SUSAN) == slot
    with pytest.raises(InputError, match="withdrawn already"):
        withdraw(practice, slot.name, SUSAN)
    with practice.reading() as reading:
        assert free_slots(reading.connection, NOW) == []
    [again] = offered(practice, "2026-12-01 09:00", refiller="nils", checker="dora")
    with practice.reading() as reading:
        assert free_slots(reading.connection, NOW) == [again]
    assert (again.name, again.refiller, count(practice)) == (slot.name, "nils", 1)


def test_a_sold_slot_is_not_withdrawn(practice: Practice, clock: Clock) -> None:
    """It has to be moved first; then it can be."""
    stream = admit(practice)
    first, second = offered(practice, "2026-12-21 09:00", "2026-12-22 09:00")
    with practice.reading() as reading:
        seen = reading.history(stream).version
    version = book(practice, stream, seen, first.name, "refill", SUSAN)
    assert isinstance(version, int)
    refused = withdraw(practice, first.name, SUSAN)
    assert isinstance(refused, Refusal)
    assert "Move the booking" in refused.advice
    clock.pass_(Duration(60))
    assert isinstance(book(practice, stream, version, second.name, "refill", SUSAN), int)
    assert isinstance(withdraw(practice, first.name, SUSAN), Slot)


def test_a_certificate_that_is_renewed_counts(small: Practice) -> None:
    """Beyond the end of the one before."""
    later = Instant(NOW.s + 320 * DAY_S)
    times = ((later, later + HOUR),)
    assert isinstance(offer_slots(small, times, "Room 1", "nora", "nils", SUSAN), Refusal)
    with small.reading() as reading:
        seen = reading.history(STAFF).version
    small.write(STAFF, seen, [Certified(NOW, "nora", "nurse", "refill", Instant(NOW.s + 360 * DAY_S))], SUSAN, "wrote")
    made = offer_slots(small, times, "Room 1", "nora", "nils", SUSAN)
    assert not isinstance(made, Refusal)
    with small.reading() as reading:
        assert slot_named(reading.connection, made[0].name) == made[0]
