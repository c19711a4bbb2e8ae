"""A patient with a pump: refills, alarms, outages, faults, operations and errors, and what the clinic makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.clinic_of_one import FIXED, HEAD, protocol_of, pump_course, rows_of, told, within, world_of
from thecal.catheter.faults import Disconnection, Kink
from thecal.chart.facts import Acted, Assessed, Filled, SessionEnded, TabletsStarted, TabletsStopped
from thecal.chart.order import OrderContinuous, ordered_dose
from thecal.errors import ThecalError
from thecal.pump.messages import Magnet, Stall
from thecal.quantity import DailyDose, Length
from thecal.study.block import START, run_block
from thecal.study.pump_course import PumpCourse
from thecal.timeline import DAY_S, HOUR_S, Instant
from thecal.twin.world import PlannedFault

NO_FAULTS = {"catheter_per_year": "0 /year", "stall_per_year": "0 /year", "infection": "0"}
HIGH = {
    "catheter_per_year": "2 /year",
    "stall_per_year": "1 /year",
    "infection": "0.2",
    "missed_refill": "0.5",
    "missed_refill_days": "30 days",
    "programming_error": "0.5",
    "second_person_finds": "0",
    "scan_per_year": "4 /year",
    "scan_recovery": "0.5",
    "battery_film_per_year": "1 /year",
}
QUIET = {**NO_FAULTS, "flow_spread": "0 %", "flow_bias": "0 %"}


def fixed(dose: str = "100 mcg/day", more: str = "", **world: str) -> Any:
    """A study whose one arm has a fixed dose, in a quiet world but for these settings."""
    return protocol_of(HEAD + FIXED.replace("100 mcg/day", dose) + more + world_of(**{**QUIET, **world}))


def refills_of(kind: str, every: str = "60 days") -> str:
    """The refills of an arm; only those at fixed intervals say how far apart."""
    return f'refills.kind = "{kind}"\n' + (f'refills.every = "{every}"\n' if kind == "fixed interval" else "")


def befallen(protocol: Any, faults: Sequence[tuple[float, Any]], days: int, number: int = 0) -> PumpCourse:
    """A course to its end, with these faults on these days instead of those of chance."""
    course = pump_course(protocol, number, days, run=False)
    planned = tuple(PlannedFault(Instant(START.s + int(day * DAY_S)), fault, "a test") for day, fault in faults)
    course._planned, course.world = planned, replace(course.world, faults=planned)
    course.reach(course.end)
    return course


def magnet(day: float, hours: float) -> tuple[float, Magnet]:
    """A field of 45 min, after which the rotor turns so many hours later."""
    leaves = START.s + int(day * DAY_S) + 2700
    return day, Magnet(Instant(leaves), Instant(leaves + int(hours * HOUR_S)))


def ordered(course: PumpCourse) -> list[tuple[float, float]]:
    """(day, mcg/day) of every program that the pump took, where the dose changed."""
    doses: list[tuple[float, float]] = []
    for fact in course.chart.facts:
        if isinstance(fact, SessionEnded) and fact.order is not None:
            dose = ordered_dose(fact.order)
            if dose is not None and (not doses or doses[-1][1] != dose.pg_per_day / 1e6):
                doses.append(((fact.at.s - START.s) / DAY_S, dose.pg_per_day / 1e6))
    return doses


def filled(course: PumpCourse) -> list[float]:
    """The days of all fills, the first at the implant."""
    return [(fact.at.s - START.s) / DAY_S for fact in course.chart.facts if isinstance(fact, Filled)]


def events(course: PumpCourse, kind: str) -> list[float]:
    """The days of the pump's or line's own events of a kind."""
    return [(event.at.s - START.s) / DAY_S for event in course._record.events if event.kind == kind]


def gaps(course: PumpCourse) -> tuple[int, int]:
    """What the ledger cannot account for, in nanolitres and picograms."""
    balance = course.world.balance()
    return balance.gap_nl, balance.gap_pg


# the ledger


@settings(max_examples=12)
@given(
    number=st.integers(0, 10**6),
    catheter=st.sampled_from(["0", "1", "4"]),
    stall=st.sampled_from(["0", "2"]),
    scan=st.sampled_from(["0", "6"]),
    infection=st.sampled_from(["0", "0.5"]),
    kind=st.sampled_from(["by alarm date", "fixed interval", "at alarm"]),
    dose=st.sampled_from(["60 mcg/day", "100 mcg/day", "450 mcg/day", "900 mcg/day"]),
)
def test_no_drug_is_lost_or_made(number: int, catheter: str, stall: str, scan: str, infection: str, kind: str, dose: str) -> None:
    """Whatever goes wrong in a year, every nanolitre and picogram that came from a vial is somewhere."""
    world = {**HIGH, "catheter_per_year": f"{catheter} /year", "stall_per_year": f"{stall} /year"}
    world |= {"scan_per_year": f"{scan} /year", "infection": infection}
    course = pump_course(fixed(dose, refills_of(kind), **world), number, 365)
    assert gaps(course) == (0, 0)
    assert course.world.now == course.end


# refills


def test_a_refill_by_the_alarm_date_comes_before_the_low_alarm() -> None:
    """With nobody late and an exact pump no alarm ever sounds, and no refill counts as late."""
    course = pump_course(fixed(), 0, 800)
    assert len(filled(course)) > 3
    assert not events(course, "low reservoir alarm")
    assert course.tally.refills == len(filled(course)) - 1
    assert course.tally.refills_late == 0


def test_a_refill_at_fixed_intervals() -> None:
    """Every 90 days to the second, counted from the last fill."""
    course = pump_course(fixed(more=refills_of("fixed interval", "90 days")), 0, 365)
    assert filled(course) == [0, 90, 180, 270, 360]


def test_a_refill_at_the_alarm() -> None:
    """The clinic waits until the pump is heard, then fills within days."""
    course = pump_course(fixed(more='refills.kind = "at alarm"\n', alarm_heard="1"), 0, 800)
    alarms, fills = events(course, "low reservoir alarm"), filled(course)[1:]
    assert len(alarms) >= 3
    assert all(0 <= fill - alarm < 15 for alarm, fill in zip(alarms, fills, strict=False))


def test_nobody_is_late_where_nobody_misses_a_refill() -> None:
    """A refill that a higher dose asks for sooner is not one to which the patient came late."""
    text = HEAD.replace("patients = 12", "patients = 8") + "[population.given]\nlegs_ashworth = 4.5\n"
    arm = '[[arm]]\nname = "a"\npolicy = "label"\nfirst_dose = "300 mcg/day"\nconcentrations = ["500 mcg/mL"]\n'
    protocol = protocol_of(text + arm + world_of(**QUIET))
    for row in rows_of(run_block(protocol, range(8)), "patients"):
        assert row["refills_late"] == 0, row["patient"]


def test_late_refills_are_counted() -> None:
    """Where everybody comes late, every refill is late, but one that an alarm made earlier."""
    course = pump_course(fixed(missed_refill="1", missed_refill_days="1 days", alarm_heard="0"), 0, 1200)
    assert course.tally.refills == course.tally.refills_late > 3


@pytest.mark.parametrize("kind", ["by alarm date", "fixed interval", "at alarm"])
def test_an_empty_reservoir_is_found_and_the_dose_comes_back_by_steps(kind: str) -> None:
    """Found by its symptoms, filled, restarted at a part of the dose, raised day by day to the ordered dose."""
    more = refills_of(kind, "300 days")
    missed = {"missed_refill": "1", "missed_refill_days": "3000 days", "alarm_heard": "0", "fault_found_days": "9 days"}
    course = pump_course(fixed(more=more, **missed), 1, 600)
    (dry, *_) = told(course, "empty reservoir")
    (fill, *_) = [day for day in filled(course)[1:] if day > dry]
    after = [(day - fill, dose) for day, dose in ordered(course) if day >= fill - 1e-4]
    assert fill - dry > 1
    assert [day for day, _ in after[:5]] == pytest.approx([0, 1, 2, 3, 4], abs=1e-4)
    assert [dose for _, dose in after[:5]] == pytest.approx([50, 60, 72, 86.4, 100])


@pytest.mark.parametrize("number", [0, 17, 21, 23, 29])
def test_nobody_stays_with_a_dry_pump_for_months(number: int) -> None:
    """Whatever else is broken at the time, an empty reservoir is found and filled."""
    world = {"alarm_heard": "0", "fault_found_days": "3 days"}
    protocol = fixed(more='refills.kind = "at alarm"\n', **world)
    dry = events(pump_course(protocol, 0, 800), "reservoir ran dry")[0]
    course = befallen(protocol, [(dry - 2, Disconnection(Length(0)))], int(dry) + 200, number)
    assert course.tally.revisions == 1
    assert [day for day in filled(course) if day > dry], "never filled again"


# outages


def catheter_fails(kind: Any, day: float = 40, days: int = 120, **world: str) -> PumpCourse:
    return befallen(fixed(**world), [(day, kind)], days)


@pytest.mark.parametrize("fault", [Kink(0), Disconnection(Length(0))])
def test_a_failed_catheter_is_covered_by_tablets_and_revised(fault: Any) -> None:
    """Found, covered four times a day, operated after some days, off the cover, and the dose comes back by steps."""
    course = catheter_fails(fault)
    (revised,) = told(course, "revision")
    starts = [fact for fact in course.chart.facts if isinstance(fact, TabletsStarted)]
    stops = [fact for fact in course.chart.facts if isinstance(fact, TabletsStopped)]
    assert course.tally.first_days == {"catheter": 40}
    assert [len(fact.doses) for fact in starts] == [4]
    assert (starts[0].at.s - START.s) / DAY_S == pytest.approx(revised - 3)
    assert [(fact.at.s - START.s) / DAY_S for fact in stops] == [revised]
    assert [dose for day, dose in ordered(course) if day >= revised] == pytest.approx([50, 60, 72, 86.4, 100])
    assert course.tally.revisions == 1
    assert course.tally.pump_replacements == 0


def test_a_scan_does_not_hide_how_long_a_catheter_has_been_broken() -> None:
    """The rotor that turns again after a scan gives no drug through a broken catheter: the restart is reduced all the same."""
    course = befallen(fixed(fault_found_days="40 days"), [(40, Disconnection(Length(0))), magnet(40.05, 0)], 300)
    (revised,) = told(course, "revision")
    assert revised > 42
    assert [dose for day, dose in ordered(course) if day >= revised][:1] == [50]


def test_a_pump_that_stalls_for_good_is_replaced() -> None:
    """The stall is told, found, and the new pump starts with a part of the dose."""
    course = befallen(fixed(), [(40, Stall(None))], 120)
    (replaced,) = told(course, "pump replaced")
    assert course.tally.first_days == {"pump": 40}
    assert [dose for day, dose in ordered(course) if day >= replaced] == pytest.approx([50, 60, 72, 86.4, 100])


@pytest.mark.parametrize("hours", [0, 6, 20])
@pytest.mark.parametrize("number", [0, 4, 11, 12])
def test_no_pump_is_replaced_for_a_scan(hours: float, number: int) -> None:
    """A rotor that stands in a field and turns again afterwards is no fault of the pump."""
    course = befallen(fixed(alarm_heard="1", alarm_told_days="0.1 day"), [magnet(40, hours)], 100, number)
    assert events(course, "rotor turns")
    assert course.tally.pump_replacements == 0
    assert "pump" not in course.tally.first_days


def test_a_worn_battery_is_replaced() -> None:
    """The pump's own battery ends within 5 to 8 years, and the pump is changed before it stops."""
    course = pump_course(fixed(), 0, 365 * 9)
    (indicated,), (replaced,) = told(course, "battery"), told(course, "pump replaced")
    assert 5 * 365 < indicated < 8 * 365
    assert replaced == pytest.approx(indicated + 30)
    assert not events(course, "end of service alarm")


def test_a_pump_found_broken_is_not_left_longer_for_its_battery() -> None:
    """An operation that stands in three days is not put off to the date of a battery that ends as well."""
    protocol = fixed(alarm_heard="1", alarm_told_days="0 day", surgery_days="10 days")
    indicated = told(pump_course(protocol, 0, 365 * 9), "battery")[0]
    course = befallen(protocol, [(indicated - 1, Stall(None))], int(indicated) + 60)
    replaced = told(course, "pump replaced")
    assert replaced[0] - (indicated - 1) < 11, replaced


def test_an_infected_pump_is_taken_out_and_another_comes() -> None:
    """Infection, explant after the days until surgery, cover, a new implant after the wound has healed."""
    protocol = fixed(infection="0.5", infection_days="5 days")
    course = next(one for one in (pump_course(protocol, n, 400) for n in range(50)) if len(told(one, "infection")) == 1)
    (infected,), (out,) = told(course, "infection"), told(course, "explant")
    assert out == pytest.approx(infected + 3)
    assert course.tally.infections == 1
    assert course.world.pump is not None
    assert course.pump_days == pytest.approx(400 - 90)
    again = out + 90
    assert any(abs(day - again) < 1e-4 for day in filled(course))
    after = [dose for day, dose in ordered(course) if day >= again - 1e-4]
    assert after == pytest.approx([50, 60, 72, 86.4, 100]), "the dose of the new pump rises once, and stays"


def test_who_has_no_pump_has_no_dose_of_it() -> None:
    """Between explant and implant the ordered dose of the pump is none, for the rows and for a policy."""
    course = pump_course(fixed(infection="1", infection_days="1 days"), 0, 60)
    assert course.world.pump is None
    assert course.mcg_per_day is None
    assert course.history(course.world.now).mcg_per_day is None


def test_after_a_new_implant_an_outage_is_unnoticed_again() -> None:
    """What the clinic knew of the pump that was taken out says nothing about the next one."""
    protocol = fixed(infection="0.5", infection_days="5 days")
    course = next(one for one in (pump_course(protocol, n, 110) for n in range(50)) if len(told(one, "infection")) == 1)
    assert course.world.pump is not None
    assert course.under_dose._changes[-1][2] is False


# programs


def test_a_programming_error_is_found_and_corrected() -> None:
    """The pump runs a multiple of the ordered dose until it is noticed, then what was ordered."""
    world = {"programming_error": "1", "second_person_finds": "0", "fault_found_days": "5 days"}
    course = pump_course(fixed(**world), 0, 200, run=False)
    course.reach(Instant(START.s + DAY_S))
    course._program(OrderContinuous(DailyDose(120 * 10**6)), course.world.now)
    course.reach(course.end)
    doses = [dose for _, dose in ordered(course)]
    errors = told(course, "programming error")
    assert errors[0] == 1
    assert doses[:2] in ([100, 60], [100, 240])
    assert len(errors) > 1, "the correction is a program too, and chance makes errors of it"


def test_a_scan_stalls_the_rotor_and_it_turns_again() -> None:
    """The flow is back after the scan, and a short one changes no program."""
    course = befallen(fixed(alarm_heard="0"), [magnet(40, 0)], 80)
    assert events(course, "rotor stands") == [40]
    assert events(course, "rotor turns") == pytest.approx([40 + 2700 / DAY_S], abs=1e-4)
    assert [dose for _, dose in ordered(course)] == [100]


RISING = """
from thecal.study.history import Decision
from thecal.study.policy import continuous

def rising(history):
    return continuous(1.02 * history.mcg_per_day) if history.since_implant and history.mcg_per_day < 900 else None
"""


def test_the_clinic_believes_what_the_pump_runs() -> None:
    """An order that meets the bridge bolus of a refill is not lost: in the end the pump runs the dose that was ordered."""
    arm = 'name = "a"\npolicy = "own.py:rising"\nfirst_dose = "600 mcg/day"\nconcentrations = ["500 mcg/mL", "2000 mcg/mL"]\n'
    protocol = protocol_of(HEAD + "[[arm]]\n" + arm + world_of(**QUIET), {"own.py": RISING})
    course = pump_course(protocol, 0, 90, run=False)
    for day in range(1, 90):
        at = Instant(START.s + day * DAY_S)
        course.visit(Assessed(at, 3.0, 2.0, 1.0))
        course.reach(at)
        if course.world.pump is not None and day > 1:
            assert course.mcg_per_day == pytest.approx(ordered(course)[-1][1]), (day, course.tally.events)
    course.reach(course.end)


def test_restart_part_zero_ends() -> None:
    """A share that leaves nothing to raise from is refused at the door, and does not hang a course."""
    with pytest.raises(ThecalError):
        fixed(restart_part="0")


# everything at once


@pytest.mark.long
@pytest.mark.parametrize("kind", ["by alarm date", "fixed interval", "at alarm"])
def test_two_hundred_patients_for_three_years_with_all_rates_high(kind: str) -> None:
    """Nobody's course raises, loses drug, or does anything before what was done last."""
    protocol = fixed("250 mcg/day", refills_of(kind), **HIGH)
    for number in range(200):
        course = pump_course(protocol, number, 3 * 365)
        times = [fact.at.s for fact in course.chart.facts if isinstance(fact, Acted)]
        assert gaps(course) == (0, 0), number
        assert times == sorted(times), number
        assert 0 <= course.pump_days <= 3 * 365, number
        days = [day for day, _, _ in course.tally.events]
        assert days == sorted(days), number


def test_a_stall_is_found_as_late_whatever_failed_before() -> None:
    """How long a fault stays unnoticed belongs to the fault: another kind that is turned off does not move it."""
    protocol = fixed(alarm_heard="0")
    without = befallen(protocol, [(80, Stall(None))], 200)
    after = befallen(protocol, [(10, Disconnection(Length(0))), (80, Stall(None))], 200)
    assert told(without, "pump replaced") == told(after, "pump replaced")


def test_a_stall_of_a_pump_that_stands_already_breaks_no_course() -> None:
    """A second stall, or one in a field, is heard when it comes and not after the pump was changed."""
    for fault in ((41.0, Stall(None)), (46.0, Stall(None))):
        course = befallen(fixed(fault_found_days="3 days", surgery_days="8 days"), [(40, Stall(None)), fault], 120)
        assert len(told(course, "pump replaced")) == 1
        days = [day for day, _, _ in course.tally.events]
        assert days == sorted(days)


def test_a_buffer_longer_than_a_fill_lasts_ends() -> None:
    """Where the date to refill is past as soon as the pump is full, the patient does not come for ever at that second."""
    with within(3):
        course = pump_course(fixed("500 mcg/day", 'refills.buffer = "45 days"\nconcentrations = ["500 mcg/mL"]\n'), 0, 30)
    assert 1 <= course.tally.refills <= 30, "a refill that was refused while the prime runs is asked for again"
