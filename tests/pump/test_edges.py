"""Edges of programs, modes and alarms: the last value that is taken, and every refusal and alarm word for word."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.courses import START, done, flow, ml, refused, running_pump
from tests.pump.pumps import (
    FLEX,
    HOUR,
    MIDNIGHT,
    MINUTE,
    PATIENT,
    PERIODIC,
    PRIMING,
    RUNNING,
    given,
    in_seconds,
    reading,
    sounding,
)
from tests.pump.test_changes import taken
from thecal.errors import Refusal
from thecal.pump.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR, Alarm, AlarmKind
from thecal.pump.handle import handle
from thecal.pump.messages import Event, Update
from thecal.pump.modes import CHANGES, check_mode, members
from thecal.pump.program import (
    BridgeBolus,
    Flex,
    SimpleContinuous,
    SingleBolus,
    Step,
    check_bolus_duration,
    check_bolus_flow,
    check_patient_bolus,
    check_program,
    program_pattern,
)
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import pump_sheet
from thecal.quantity import FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant, Pattern

SHEET = pump_sheet("reference-40")
WHOLE_DAY = (Step(DAY_S, flow(0.1)),)
FOURTEEN = tuple(Step(DAY_S * n // 14, flow(0.1 + n / 100)) for n in range(1, 15))
SUSPENDS = replace(SHEET, basal_during_bolus="suspended")


def of_sheet(name: str, confidence: str, source: str) -> str:
    return f"reference-40 data sheet, {name}, confidence {confidence}: {source}"


FAMILY = "design: as the pump family it stands for"
REFUSALS: list[tuple[Callable[[], object], Refusal]] = [
    (
        lambda: check_program(SimpleContinuous(FlowRate(47_999)), SHEET),
        Refusal(
            "PMP-01",
            "a flow of 0.047999 mL/day",
            "at least 0.048 mL/day",
            of_sheet("flow_min", "D", FAMILY),
            "Order a higher dose, fill a lower concentration, or order the minimum rate or a stop by name.",
        ),
    ),
    (
        lambda: check_bolus_flow(SingleBolus(Volume(200_001), Duration(720)), SHEET),
        Refusal(
            "PMP-02",
            "a flow of 24.00012 mL/day",
            "at most 24 mL/day",
            of_sheet("flow_max", "D", FAMILY),
            "Check the dose and its unit; fill a higher concentration, or give a bolus over a longer time.",
        ),
    ),
    (
        lambda: check_program(Flex((FOURTEEN,)), SHEET),
        Refusal(
            "PMP-03",
            "a flex day of 14 steps",
            "at most 13 steps a day",
            of_sheet("flex_steps_max", "D", FAMILY),
            "Join neighboring steps until the day fits.",
        ),
    ),
    (
        lambda: check_program(Flex(((Step(HOUR, flow(0.1)),),)), SHEET),
        Refusal(
            "PMP-04",
            "a flex day whose steps end at [3600] s",
            "steps follow each other from pump midnight to the next",
            "thecal: what a flex day is",
            "Give steps that cover the 24 hours once.",
        ),
    ),
    (
        lambda: check_program(Flex((WHOLE_DAY, WHOLE_DAY)), SHEET),
        Refusal(
            "PMP-04",
            "a flex program of 2 days",
            "one day for every day, or one for each of the seven weekdays",
            "thecal: what a flex program is",
            "Give every weekday its day.",
        ),
    ),
    (
        lambda: check_bolus_duration(Duration(59), SHEET),
        Refusal(
            "PMP-13",
            "a bolus over 59 s",
            "a bolus lasts 60 s to 24 h",
            of_sheet("bolus_duration_min", "D", "design"),
            "Choose a duration within the limits.",
        ),
    ),
    (
        lambda: check_bolus_duration(Duration(DAY_S + 1), SHEET),
        Refusal(
            "PMP-13",
            "a bolus over 86401 s",
            "a bolus lasts 60 s to 24 h",
            of_sheet("bolus_duration_max", "D", "design"),
            "Choose a duration within the limits.",
        ),
    ),
    (
        lambda: check_program(replace(PERIODIC, every=Duration(5 * HOUR)), SHEET),
        Refusal(
            "PMP-16",
            "a bolus over 10 min every 5 h",
            "an interval that divides 24 h and is longer than the bolus",
            "thecal: periodic boluses follow the pump clock, each day alike",
            "Check the unit of the interval: hours typed as minutes have killed (FDA Class I, 2004).",
        ),
    ),
    (
        lambda: check_patient_bolus(replace(PATIENT, lockout=Duration(599)), RUNNING, SHEET),
        Refusal(
            "PMP-17",
            "3 patient boluses a day over 10 min, 599 s apart",
            "at least one a day, the lockout no shorter than the bolus and no longer than 24 h",
            "thecal: the lockout runs from start to start, one bolus at a time",
            "Check lockout and duration, and their units.",
        ),
    ),
    (
        lambda: check_bolus_flow(BridgeBolus(Volume(900_000), flow(0.05)), SHEET),
        Refusal(
            "PMP-32",
            "a bridge over 18 days",
            "a bridge lasts at most 14 days",
            of_sheet("bridge_duration_max", "D", "design"),
            "Do not bridge: aspirate the line through the access port and prime the catheter instead.",
        ),
    ),
    (
        lambda: check_patient_bolus(PATIENT, RUNNING, pump_sheet("medstream-40")),
        Refusal(
            "PMP-33",
            "a patient bolus",
            "medstream-40 has none",
            pump_sheet("medstream-40").source("patient_bolus"),
            "Order periodic boluses instead.",
        ),
    ),
    (
        lambda: check_mode("stopped", "cancel bolus", SHEET),
        Refusal(
            "PMP-07",
            "cancel bolus while the pump is in stopped",
            "there must be a bolus to cancel",
            "thecal: the pump's table of modes",
            "Interrogate to see what the pump is doing.",
        ),
    ),
    (
        lambda: check_mode("single bolus", "update", SHEET),
        Refusal(
            "PMP-08",
            "update while the pump is in single bolus",
            "no update while a bolus runs",
            of_sheet("update_during_bolus", "D", "design: one change at a time"),
            "Wait until the bolus has ended, or cancel it; a stop is always taken.",
        ),
    ),
    (
        lambda: check_mode("constant flow", "interrogate", pump_sheet("isomed-8472-20-10")),
        Refusal(
            "PMP-40",
            "interrogate on isomed-8472-20-10",
            "a constant-flow pump has no electronics: it runs at 1 mL/day and takes no command",
            pump_sheet("isomed-8472-20-10").source("flow"),
            "Change the dose by the concentration that is filled, or implant a programmable pump.",
        ),
    ),
]


@pytest.mark.parametrize(("ask", "refusal"), REFUSALS, ids=[refusal.asked for _, refusal in REFUSALS])
def test_a_refusal_says_what_was_asked_what_is_allowed_where_from_and_what_to_do(
    ask: Callable[[], object], refusal: Refusal
) -> None:
    """Word for word, as a person reads it."""
    assert ask() == refusal


@pytest.mark.requirement("PMP-53")
@pytest.mark.requirement("PMP-62")
@pytest.mark.parametrize(
    ("sheet", "kind", "begins", "ends"),
    [
        (
            "reference-40",
            LOW_RESERVOIR,
            "the calculated volume has reached the low reservoir threshold",
            "a volume above it is typed in",
        ),
        ("reference-40", EMPTY_RESERVOIR, "the calculated volume has reached zero", "a volume is typed in"),
        (
            "medstream-40",
            LOW_RESERVOIR,
            "the sensed volume has reached the low reservoir threshold",
            "a volume above it is sensed",
        ),
        ("medstream-40", EMPTY_RESERVOIR, "the sensed volume has reached zero", "a volume is sensed"),
    ],
)
def test_an_alarm_says_why_it_began_and_why_it_ended(sheet: str, kind: AlarmKind, begins: str, ends: str) -> None:
    """A pump that calculates is told a volume; one with a fill sensor senses it."""
    alarm, later = Alarm(kind, START), Instant(START.s + HOUR)
    assert alarm.began(pump_sheet(sheet)) == Event(START, f"{kind.name} alarm", kind.severity, begins)
    assert alarm.ended(later, pump_sheet(sheet)) == Event(later, f"{kind.name} alarm ended", "information", ends)


@pytest.mark.requirement("PMP-27")
def test_no_pump_changes_its_mode_in_a_way_that_is_no_row() -> None:
    """Whatever the courses do that take every row, they leave a mode only as the table says."""
    rows = {(a, cause, b) for source, cause, target in CHANGES for a in members(source) for b in members(target)}
    assert {(a, cause, b) for a, cause, b in taken() if a != b} <= rows


@pytest.mark.requirement("PMP-23")
@pytest.mark.parametrize(("nl", "sounds"), [(0, ["low reservoir", "empty reservoir"]), (1, ["low reservoir"])])
def test_the_last_nanolitre_is_not_nothing(nl: int, sounds: list[str]) -> None:
    """Told that one nanolitre is left, the pump does not sound as empty; told that none is, it does at once."""
    assert sounding(done(handle(running_pump(RUNNING), Update(reservoir=Volume(nl))))) == sounds


@pytest.mark.requirement("PMP-04")
@pytest.mark.parametrize(("days", "taken"), [(0, False), (1, True), (2, False), (6, False), (7, True), (8, False)])
def test_a_flex_program_is_a_day_or_a_week(days: int, *, taken: bool) -> None:
    """A day for every day, or one for each weekday."""
    outcome = check_program(Flex((WHOLE_DAY,) * days), SHEET)
    assert outcome is None if taken else refused(outcome).rule == "PMP-04"


@pytest.mark.requirement("PMP-52")
@pytest.mark.parametrize("days", [2, 8])
def test_a_flex_program_that_is_neither_a_day_nor_a_week_has_no_words(days: int) -> None:
    """No pump takes one; to read it aloud with some weekdays or none would be a defect."""
    with pytest.raises(ValueError, match="zip"):
        Flex((WHOLE_DAY,) * days).in_words()


@pytest.mark.requirement("PMP-04")
def test_the_shortest_step_is_a_second() -> None:
    """A first step that ends at second 1 of the day is a step; one that ends at second 0 is none."""
    assert check_program(Flex(((Step(1, flow(0.2)), *WHOLE_DAY),)), SHEET) is None
    assert refused(check_program(Flex(((Step(0, flow(0.2)), *WHOLE_DAY),)), SHEET)).rule == "PMP-04"


@pytest.mark.requirement("PMP-03")
def test_a_step_over_midnight_is_one_where_a_day_has_only_one() -> None:
    """The evening and the morning of one flow count as one step, however few a data sheet allows; two flows are two."""
    one_step = replace(SHEET, flex_steps_max=1)
    assert check_program(Flex(((Step(HOUR, flow(0.1)), *WHOLE_DAY),)), one_step) is None
    assert refused(check_program(Flex(((Step(HOUR, flow(0.2)), *WHOLE_DAY),)), one_step)).rule == "PMP-03"


@pytest.mark.requirement("PMP-50")
@pytest.mark.parametrize("over_s", [0, 1])
def test_a_bolus_may_end_at_midnight_or_a_second_later(over_s: int) -> None:
    """One of 10 min that ends at pump midnight, or its last second after it: the same bolus, at its own second."""
    pump = running_pump(replace(PERIODIC, first_s=DAY_S - 600 + over_s))
    begins = in_seconds(pump, MIDNIGHT.s + DAY_S - 600 + over_s - START.s)
    assert in_seconds(begins, 599).mode == "periodic bolus"
    assert in_seconds(begins, 600).mode == "between periodic boluses"
    assert [given(begins, seconds) for seconds in (1, 599, 600, 601)] == [101, 60_499, 60_600, 60_601]
    assert given(begins, DAY_S) == 4 * 60_000 + DAY_S


@pytest.mark.requirement("PMP-50")
def test_the_pattern_of_a_bolus_at_midnight_is_two_steps() -> None:
    """The bolus and what is between: there is no step of no length before it."""
    program = replace(PERIODIC, first_s=0)
    basal = DAY_S * 600
    assert program_pattern(program, SHEET) == Pattern.of([(600, 60_000 * DAY_S + basal), (6 * HOUR - 600, basal)], DAY_S * 600)


@pytest.mark.requirement("PMP-22")
@pytest.mark.requirement("PMP-52")
def test_a_periodic_bolus_is_given_instead_of_the_basal_flow_where_the_sheet_says_so() -> None:
    """Four boluses of 0.06 mL, and 1 nL a second between them only; the total of the day is told to the nanolitre."""
    pump = done(handle(reading(running_pump(RUNNING), basal_during_bolus="suspended"), Update(PERIODIC)))
    exact = 4 * 60_000 + DAY_S - 4 * 10 * MINUTE
    assert given(pump, DAY_S) == exact
    assert Regimen(PERIODIC, SUSPENDS).totals().day == Volume(exact)


@pytest.mark.requirement("PMP-02")
def test_a_patient_bolus_may_be_as_fast_as_the_pump() -> None:
    """0.2 mL over 12 min are 24 mL/day: taken where nothing flows under it, not a nanolitre more, and not on top of a flow."""
    fastest = replace(PATIENT, volume=PRIMING.volume, duration=PRIMING.duration)
    assert check_patient_bolus(fastest, RUNNING, SUSPENDS) is None
    assert refused(check_patient_bolus(replace(fastest, volume=Volume(200_001)), RUNNING, SUSPENDS)).rule == "PMP-02"
    assert refused(check_patient_bolus(fastest, FLEX, SHEET)).rule == "PMP-02"
    pump = reading(running_pump(RUNNING), basal_during_bolus="suspended")
    assert done(handle(pump, Update(patient=fastest))).memory.settings.patient == fastest


@pytest.mark.requirement("PMP-02")
def test_a_single_bolus_may_be_as_fast_as_the_pump() -> None:
    """By itself 24 mL/day are taken, and a slow bolus has no slowest flow: it comes on top of one."""
    assert check_bolus_flow(SingleBolus(ml(0.2), Duration(720)), SHEET) is None
    assert check_bolus_flow(SingleBolus(Volume(1), Duration(DAY_S)), SHEET) is None
