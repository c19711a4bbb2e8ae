"""The totals that a reviewer confirms, against a count of every minute; and the words they are read in."""

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import flex_days, flow, ml
from tests.pump.pumps import FLEX, HOUR, MINUTE, PATIENT, PERIODIC, RUNNING
from thecal.pump.program import (
    Day,
    EndOfService,
    Flex,
    MinimumRate,
    PatientBolus,
    PeriodicBolus,
    Program,
    SafeState,
    SimpleContinuous,
    Step,
    Stopped,
)
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration

SHEET = pump_sheet("reference-40")
MINUTES = 1440
FLOWS = st.integers(48_000, 9_000_000)


def days_of(program: Flex | PeriodicBolus) -> list[list[int]]:
    """Each minute of each day of the week in nL/day times the duration of a bolus, one minute after the other."""
    if isinstance(program, Flex):
        days = [
            [next(step.flow.nl_per_day for step in day if 60 * n < step.until_s) for n in range(MINUTES)] for day in program.days
        ]
        return days if len(days) == 7 else days * 7
    every, first, lasts = program.every.s // 60, program.first_s // 60, program.duration.s // 60
    basal, bolus = program.flow.nl_per_day * lasts, program.volume.nl * MINUTES
    return [[basal + bolus * ((n - first) % every < lasts) for n in range(MINUTES)]] * 7


def most(minutes: list[int], window: int, per: int) -> int:
    """The most in any window of a week that repeats, in nanolitres, rounded up."""
    sums = [0, *accumulate([*minutes, *minutes[:window]])]
    return -(-max(sums[n + window] - sums[n] for n in range(len(minutes))) // per)


def check_totals(program: Flex | PeriodicBolus, patient: PatientBolus | None = None) -> None:
    minutes = [rate for day in days_of(program) for rate in day]
    per = MINUTES * (program.duration.s // 60 if isinstance(program, PeriodicBolus) else 1)
    totals = Regimen(program, SHEET, patient).totals()
    assert totals.day.nl == most(minutes, MINUTES, per)
    assert totals.peak_hour.nl == most(minutes, 60, per)
    assert totals.seven_day_mean.nl == -(-sum(minutes) // (7 * per))
    assert totals.day_max.nl == totals.day.nl + (patient.volume.nl * patient.per_day if patient else 0)


@pytest.mark.requirement("PMP-52")
@settings(max_examples=25)
@given(flex_days(FLOWS), st.integers(1, 100_000), st.integers(1, 20))
def test_the_totals_of_a_flex_day(day: Day, volume: int, per_day: int) -> None:
    """Any hour, not only a full one; rounded up; and every bolus that the patient may ask for."""
    check_totals(Flex((day,)), replace(PATIENT, volume=Volume(volume), per_day=per_day))


@pytest.mark.requirement("PMP-52")
@settings(max_examples=8)
@given(st.lists(flex_days(FLOWS), min_size=7, max_size=7))
def test_the_totals_of_a_flex_week(days: list[Day]) -> None:
    """The most in any 24 h is not that of a calendar day, and the week goes on after Sunday."""
    check_totals(Flex(tuple(days)))


@pytest.mark.requirement("PMP-52")
@settings(max_examples=25)
@given(
    st.sampled_from([n for n in range(2, MINUTES + 1) if MINUTES % n == 0]),
    st.integers(1, 200),
    st.integers(0, MINUTES - 1),
    st.integers(1, 50_000),
    FLOWS,
)
def test_the_totals_of_periodic_boluses(every: int, lasts: int, first: int, volume: int, basal: int) -> None:
    """The same in any 24 h; the peak hour holds as much of the boluses as any hour does."""
    lasts = min(lasts, every - 1)
    check_totals(PeriodicBolus(Volume(volume), Duration(60 * lasts), Duration(60 * every), 60 * first, FlowRate(basal)))


@pytest.mark.requirement("PMP-52")
def test_the_most_in_24_hours_may_lie_over_midnight() -> None:
    """A fast evening before a fast morning: 12 h of each day at 2 mL/day are 2 mL in 24 h that no calendar day has."""
    evening = (Step(12 * HOUR, flow(0.1)), Step(DAY_S, flow(2)))
    morning = (Step(12 * HOUR, flow(2)), Step(DAY_S, flow(0.1)))
    quiet = (Step(DAY_S, flow(0.1)),)
    totals = Regimen(Flex((morning, quiet, quiet, quiet, quiet, quiet, evening)), SHEET).totals()  # Sunday night, Monday morning
    assert totals.day == ml(2)
    assert totals.seven_day_mean.nl == -(-(2 * 1_050_000 + 5 * 100_000) // 7)
    check_totals(Flex((morning, quiet, quiet, quiet, quiet, quiet, evening)))


@pytest.mark.requirement("PMP-52")
@pytest.mark.parametrize(
    ("program", "day", "hour"),
    [
        (Stopped(), 0, 0),
        (EndOfService(), 0, 0),
        (MinimumRate(), 6_000, 250),
        (SafeState(), 6_000, 250),
        (RUNNING, 200_000, 8_334),  # 8,333.3 rounded up
        (SimpleContinuous(FlowRate(48_001)), 48_001, 2_001),
    ],
)
def test_the_totals_of_one_flow(program: Program, day: int, hour: int) -> None:
    """Nothing is told smaller than it is."""
    totals = Regimen(program, SHEET).totals()
    assert (totals.day, totals.day_max, totals.seven_day_mean, totals.peak_hour) == (*[Volume(day)] * 3, Volume(hour))


WORDS: list[tuple[Program | SafeState | EndOfService, str]] = [
    (Stopped(), "stopped: nothing is infused"),
    (MinimumRate(), "minimum rate: the slowest flow the pump runs at"),
    (RUNNING, "simple continuous: 0.2 mL/day all day, every day"),
    (
        FLEX,
        "flex, every day alike: 00:00 to 06:00 0.1 mL/day, 06:00 to 10:00 1.3 mL/day, 10:00 to 24:00 0.237911 mL/day",
    ),
    (
        Flex((FLEX.days[0], *[(Step(DAY_S, flow(0.1)),)] * 4, FLEX.days[0], (Step(DAY_S, flow(0.1)),))),
        "flex by weekday: Mon Sat 00:00 to 06:00 0.1 mL/day, 06:00 to 10:00 1.3 mL/day, 10:00 to 24:00 0.237911 mL/day; "
        "Tue Wed Thu Fri Sun 00:00 to 24:00 0.1 mL/day",
    ),
    (
        replace(PERIODIC, flow=flow(0.1), first_s=6 * HOUR + 30 * MINUTE + 5),
        "periodic bolus: 0.06 mL over 10 min every 6 h, 4 times a day, one of them at 06:30:05; "
        "0.1 mL/day between and under them",
    ),
    (SafeState(), "safe state: the settings are lost, the pump runs as its data sheet says"),
    (EndOfService(), "end of service: the pump has stopped for good"),
]


@pytest.mark.requirement("PMP-52")
@pytest.mark.parametrize(("program", "words"), WORDS)
def test_a_program_in_words(program: Program, words: str) -> None:
    """Each program as it is read aloud."""
    assert program.in_words() == words


@pytest.mark.requirement("PMP-52")
def test_an_hour_that_was_meant_once_is_read_every_hour() -> None:
    """An interval typed in the minutes field reads as what it is: 24 times a day."""
    words = replace(PERIODIC, every=Duration(HOUR)).in_words()
    assert "every 60 min, 24 times a day" in words


@pytest.mark.requirement("PMP-52")
def test_a_regimen_in_words() -> None:
    """Program, patient boluses and totals; as doses where the concentration is known."""
    regimen = Regimen(RUNNING, SHEET, PATIENT)
    begins = (
        "simple continuous: 0.2 mL/day all day, every day. patient bolus: 0.02 mL over 10 min, 2 h apart, at most 3 in 24 h. "
    )
    assert regimen.in_words() == begins + (
        "24-h total 0.2 mL, at most 0.26 mL with patient boluses; peak hour 0.008334 mL; 7-day mean 0.2 mL a day."
    )
    assert regimen.in_words(Concentration(500)) == begins + (
        "24-h total 100 mcg, at most 130 mcg with patient boluses; peak hour 4.167 mcg; 7-day mean 100 mcg a day."
    )
    assert Regimen(RUNNING, SHEET).in_words().startswith("simple continuous: 0.2 mL/day all day, every day. 24-h total 0.2 mL")
