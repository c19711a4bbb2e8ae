"""What is done elsewhere: a refill that is confirmed, its proof and what it leaves open, visits that take no slot."""

from dataclasses import replace
from datetime import date

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.clinic.test_booking import DUE, in_charts, sold, version_of, write
from tests.clinic.test_slots import SUSAN, ZONE, at, offered
from thecal.chart.clinical import Booked, Documented, Visited
from thecal.chart.facts import Filled, SessionEnded
from thecal.clinic.booking import REASONS, VISITS, cancel
from thecal.clinic.elsewhere import DATED, confirm_elsewhere, date_visit, proof_came
from thecal.clinic.emergency_card import uncertain_words
from thecal.clinic.entry import Ended
from thecal.clinic.practice import Practice
from thecal.clinic.record import StaleError
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.due import ELSEWHERE, refill_due
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Instant

FILL, STRENGTH = Volume.parse("20 mL"), Concentration.parse("500 mcg/mL")
DONE = date(2027, 1, 20)
"""The day on which others refill the pump of the tests."""


def look_of(practice: Practice, stream: str) -> Look:
    with practice.reading() as reading:
        return reading.look(reading.history(stream))


def items_of(practice: Practice, stream: str) -> set[str]:
    """The items of the worklist, each as its rule and what it says."""
    with practice.reading() as reading:
        return {f"{item.rule}: {item.asked}" for item in reading.standing(stream).items}


def confirmed(practice: Practice, clock: Clock, on: date = DONE, *, days: int = 3) -> str:
    """Somebody whose refill others have confirmed, so many days after its day."""
    stream = admit(practice)
    assert isinstance(confirm_elsewhere(practice, stream, version_of(practice, stream), on, "Clinic B", "Dr. Other", SUSAN), int)
    clock.now = Instant(at(f"{on} 09:00").s + days * DAY_S)
    return stream


def proof(
    practice: Practice, stream: str, on: date = DONE, volume: Volume = FILL, strength: Concentration = STRENGTH
) -> int | Refusal:
    seen = version_of(practice, stream)
    return proof_came(practice, stream, seen, on, volume, strength, "Clinic B", "Dr. Other", SUSAN)


def test_a_refill_elsewhere_is_a_paper_with_site_person_and_day(small: Practice) -> None:
    """It counts to the end of that day, and settles the refill where it is in time (SAF-08)."""
    stream = admit(small)
    done = confirm_elsewhere(small, stream, version_of(small, stream), DUE, " Clinic  B ", "Dr. Ann Other", SUSAN)
    assert isinstance(done, int)
    with small.reading() as reading:
        paper, standing = reading.history(stream).last(Documented), reading.standing(stream)
    assert paper == Documented(NOW, ELSEWHERE, Instant(at("2027-01-25 00:00").s - 1), "Clinic B, Dr. Ann Other")
    assert (standing.in_time, standing.booked_with) == (True, "elsewhere: Clinic B, Dr. Ann Other")


@pytest.mark.parametrize(
    ("on", "site", "person", "field"),
    [
        (date(2026, 11, 19), "Clinic B", "Dr. Other", "on"),
        (DUE, "", "Dr. Other", "site"),
        (DUE, "Clinic B", " ", "person"),
        (DUE, "x" * 81, "Dr. Other", "site"),
    ],
)
def test_a_refill_elsewhere_without_its_day_or_names_is_none(
    small: Practice, on: date, site: str, person: str, field: str
) -> None:
    """What is missing is named."""
    stream = admit(small)
    with pytest.raises(InputError) as error:
        confirm_elsewhere(small, stream, version_of(small, stream), on, site, person, SUSAN)
    assert error.value.field == field


def test_a_refill_elsewhere_that_is_late_is_kept_and_stays_on_the_worklist(small: Practice) -> None:
    """What was confirmed is on record; that it is late is not hidden."""
    stream = admit(small)
    done = confirm_elsewhere(small, stream, version_of(small, stream), date(2027, 1, 25), "Clinic B", "Dr. Other", SUSAN)
    assert isinstance(done, int)
    with small.reading() as reading:
        standing = reading.standing(stream)
    assert not standing.in_time
    assert any("on or before 2027-01-24" in item.allowed for item in standing.items)


def test_somebody_without_a_fill_has_no_refill_elsewhere(small: Practice) -> None:
    """There is nothing that it would be of."""
    small.write("P-EMPTY", 0, [Visited(NOW, "assessment")], SUSAN, "wrote")
    assert isinstance(confirm_elsewhere(small, "P-EMPTY", 1, DUE, "Clinic B", "Dr. Other", SUSAN), Refusal)


def test_a_proof_is_the_fill_of_its_day_and_ends_what_was_confirmed(practice: Practice, clock: Clock) -> None:
    """Nothing came back for three days; with the proof that ends, and no needle and no residual is made up (SAF-08)."""
    stream = confirmed(practice, clock)
    assert f"SAF-08: nothing came back of the refill elsewhere on {DONE}" in items_of(practice, stream)
    assert isinstance(proof(practice, stream), int)
    filled = at(f"{DONE} 12:00")
    with practice.reading() as reading:
        rows = reading.history(stream).rows[-2:]
    assert [row.entry for row in rows] == [Filled(filled, FILL, STRENGTH), Visited(filled, ELSEWHERE, "Clinic B, Dr. Other")]
    assert not any("nothing came back" in told for told in items_of(practice, stream))


def test_the_day_to_refill_by_starts_at_the_fill_and_goes_by_what_ran(small: Practice, clock: Clock) -> None:
    """Half the volume of before lasts about half as long; nobody counts with the stability of the drug alone."""
    stream = confirmed(small, clock)
    before = refill_due(look_of(small, stream))
    assert before is not None
    assert before.governed_by == "alarm"
    filled = look_of(small, stream).chart.filled
    assert filled is not None
    half = Volume(filled.volume.nl // 2)
    assert isinstance(proof(small, stream, volume=half, strength=filled.concentration), int)
    after = refill_due(look_of(small, stream))
    assert after is not None
    assert (after.filled, after.governed_by) == (at(f"{DONE} 12:00"), "alarm")
    assert 0 < after.days < before.days / 2
    assert after.counted is None  # what the pump shows there nobody has read


def test_what_was_programmed_elsewhere_is_not_known_until_the_pump_is_read(small: Practice, clock: Clock) -> None:
    """The worklist asks for a reading, the papers say so, and a session with the pump ends it (REF-13)."""
    stream = confirmed(small, clock)
    assert isinstance(proof(small, stream), int)
    told = f"REF-13: 20 mL filled elsewhere on {DONE}, and the pump not read since: its program may be another"
    assert told in items_of(small, stream)
    doubt = f"refilled elsewhere on {DONE} and not read since"
    assert uncertain_words(look_of(small, stream)).startswith(doubt)
    session = look_of(small, stream).chart.session
    assert session is not None
    report = replace(session.report, at=clock.now, calculated=Volume.parse("19 mL"))
    write(small, stream, SessionEnded(clock.now, session.order, report))
    assert told not in items_of(small, stream)
    assert uncertain_words(look_of(small, stream)) == ""
    due = refill_due(look_of(small, stream))
    assert due is not None
    assert due.counted is not None


def test_a_refill_elsewhere_is_not_asked_for_our_own_list(small: Practice, clock: Clock) -> None:
    """Identity, drug and needle were checked there (RPC-01 to RPC-05); signs in the pocket are still looked for (RPC-09)."""
    stream = confirmed(small, clock, days=0)
    clock.now = at(f"{DONE} 18:00")
    assert isinstance(proof(small, stream), int)
    assert not any(told.startswith(("RPC-01", "RPC-03", "RPC-05", "RPC-11", "RPC-13")) for told in items_of(small, stream))


def test_a_proof_without_a_confirmation_is_a_fill_too(small: Practice, clock: Clock) -> None:
    """Somebody was refilled on a journey, and nobody had asked before."""
    stream = admit(small)
    clock.now = Instant(at(f"{DONE} 09:00").s + DAY_S)
    assert isinstance(proof(small, stream), int)
    filled = look_of(small, stream).chart.filled
    assert filled == Filled(at(f"{DONE} 12:00"), FILL, STRENGTH)


def test_a_proof_on_the_day_of_its_confirmation_is_after_it(small: Practice, clock: Clock) -> None:
    """It was confirmed in the afternoon and done in the evening: the fill is not before what it ends."""
    stream = admit(small)
    clock.now = at(f"{DONE} 15:00")
    assert isinstance(confirm_elsewhere(small, stream, version_of(small, stream), DONE, "Clinic B", "Dr. Other", SUSAN), int)
    clock.now = at(f"{DONE} 20:00")
    assert isinstance(proof(small, stream), int)
    filled = look_of(small, stream).chart.filled
    assert filled is not None
    assert filled.at == Instant(at(f"{DONE} 15:00").s + 1)
    assert not any("elsewhere without" in told or "nothing came back" in told for told in items_of(small, stream))


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (date(2027, 1, 24), "is still to come"),
        (date(2026, 11, 19), "is before it was confirmed"),
        (date(2026, 11, 1), "is before it was confirmed"),
    ],
)
def test_a_proof_of_a_day_that_cannot_be_is_none(small: Practice, clock: Clock, on: date, told: str) -> None:
    """Not to come, not before what it would end."""
    stream = confirmed(small, clock)
    with pytest.raises(InputError, match=told) as error:
        proof(small, stream, on)
    assert error.value.field == "filled_on"


def test_a_proof_before_the_last_fill_is_none(small: Practice, clock: Clock) -> None:
    """The later fill is what counts; one that is wrong is taken back first."""
    stream = admit(small)
    clock.now = at("2026-12-10 09:00")
    write(small, stream, Filled(at("2026-12-05 10:00"), FILL, STRENGTH))
    with pytest.raises(InputError, match="is before the last fill"):
        proof(small, stream, date(2026, 12, 4))


@pytest.mark.parametrize(
    ("volume", "strength", "rule"),
    [("41 mL", "500 mcg/mL", "RPC-08"), ("20 mL", "50 mcg/mL", "SAF-02")],
)
def test_what_does_not_go_into_the_pump_is_not_written_down(
    small: Practice, clock: Clock, volume: str, strength: str, rule: str
) -> None:
    """More than the reservoir holds, or what is for a screening test."""
    stream = confirmed(small, clock)
    done = proof(small, stream, volume=Volume.parse(volume), strength=Concentration.parse(strength))
    assert isinstance(done, Refusal)
    assert done.rule == rule


def test_a_proof_of_nobody_s_pump_or_an_older_version_is_none(small: Practice, clock: Clock) -> None:
    """Nothing is written."""
    small.write("P-EMPTY", 0, [Visited(NOW, "assessment")], SUSAN, "wrote")
    done = proof_came(small, "P-EMPTY", 1, date(2026, 11, 19), FILL, STRENGTH, "Clinic B", "Dr. Other", SUSAN)
    assert isinstance(done, Refusal)
    stream = confirmed(small, clock)
    with pytest.raises(StaleError):
        proof_came(small, stream, version_of(small, stream) - 1, DONE, FILL, STRENGTH, "Clinic B", "Dr. Other", SUSAN)


def test_every_visit_takes_a_slot_or_has_a_date() -> None:
    """One or the other; a refill that others do has its own form."""
    assert not {*VISITS} & {*DATED}
    assert {"MRI", "surgery", "implant", "replacement", "explant", "screening test", "travel", "return"} <= {*DATED}
    assert "unscheduled" in VISITS
    assert ELSEWHERE not in (*VISITS, *DATED)


def test_a_visit_without_a_slot_has_a_date_and_is_taken_back(practice: Practice, clock: Clock) -> None:
    """On the chart, where the rules look for it; nobody has to be called before it to write it down."""
    stream, on = admit(practice), at("2026-12-01 08:00")
    clock.now = Instant(NOW.s + 30)
    assert isinstance(date_visit(practice, stream, version_of(practice, stream), "MRI", on, " Hospital  C ", SUSAN), int)
    with practice.reading() as reading:
        assert reading.history(stream).last(Booked) == Booked(clock.now, "MRI", on, "Hospital C")
    assert any("a scan is booked for 2026-12-01" in told for told in items_of(practice, stream))
    clock.now = Instant(NOW.s + 60)
    assert isinstance(cancel(practice, stream, version_of(practice, stream), "MRI", on, REASONS[0], SUSAN), int)
    assert in_charts(practice, [stream]) == set()


def test_a_date_that_cannot_be_is_told(small: Practice) -> None:
    """A visit that takes a slot, a time that is over, nobody named, the same twice, somebody who is no longer treated."""
    stream, on = admit(small), at("2026-12-01 08:00")
    seen = version_of(small, stream)
    for visit, when, who, field in (
        ("refill", on, "Hospital C", "visit"),
        ("scan", on, "Hospital C", "visit"),
        ("MRI", NOW, "Hospital C", "dated_on"),
        ("MRI", on, " ", "dated_who"),
    ):
        with pytest.raises(InputError) as error:
            date_visit(small, stream, seen, visit, when, who, SUSAN)
        assert error.value.field == field
    assert isinstance(date_visit(small, stream, seen, "MRI", on, "Hospital C", SUSAN), int)
    again = date_visit(small, stream, seen + 1, "MRI", on, "Hospital D", SUSAN)
    assert isinstance(again, Refusal)
    assert "booked already" in again.asked
    write(small, stream, Ended(NOW, "transferred"))
    ended = date_visit(small, stream, seen + 2, "surgery", on, "Hospital C", SUSAN)
    assert isinstance(ended, Refusal)
    assert "no longer treats" in ended.asked


def test_a_visit_of_the_same_day_takes_a_slot(practice: Practice, clock: Clock) -> None:
    """What was promised on the telephone is taken back for the slot, with who is there."""
    stream = admit(practice)
    write(practice, stream, Booked(NOW, "unscheduled", at("2026-11-20 15:00")))
    [slot] = offered(practice, "2026-11-20 14:00")
    clock.now = Instant(NOW.s + 60)
    sold(practice, stream, slot, "unscheduled")
    assert in_charts(practice, [stream]) == {(stream, "unscheduled", slot.begins)}
    assert slot.begins.date(ZONE) == NOW.date(ZONE)
