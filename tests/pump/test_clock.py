"""The pump's clock against one that ticks every second and jumps at its own midnight; flex steps and weekdays follow it."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.courses import START, done, flow, ml, needled, refused
from tests.pump.pumps import FLEX, HOUR, MIDNIGHT, PERIODIC, check_cuts, in_seconds, pump_in, reported, told
from tests.pump.pumps import given as given_nl
from thecal.pump.clock import Clock
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import Fill, SetClock, Update
from thecal.pump.program import Flex, Program, SimpleContinuous, Step
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate
from thecal.timeline import DAY_S, WEEK_S, Instant

SHEET = pump_sheet("reference-40")
DRIFTS = st.integers(-120, 120)
OFFSETS = st.integers(-14 * HOUR, 14 * HOUR)
STEPS = Flex(
    ((Step(50, flow(0.5)), Step(100, flow(3)), Step(7 * HOUR, flow(0.1)), Step(DAY_S - 60, flow(1)), Step(DAY_S, flow(5))),)
)


@dataclass
class TickingClock:
    """It shows ``second``, and gains ``drift`` once as it comes to a midnight; what it repeats brings no second midnight."""

    second: int
    drift: int
    midnight: int = 0

    def __post_init__(self) -> None:
        self.midnight = -(-self.second // DAY_S) * DAY_S
        self._jump()

    def tick(self) -> None:
        self.second += 1
        self._jump()

    def _jump(self) -> None:
        if self.second == self.midnight:
            self.midnight += DAY_S
            self.second += self.drift


def ticking(clock: Clock, now: Instant) -> TickingClock:
    return TickingClock(now.s - MIDNIGHT.s + clock.offset_s, clock.drift_s)


def clocked(program: Program, at: Instant, offset_s: int = 0, drift_s: int = 0) -> PumpState:
    """A pump that was programmed as its clock began."""
    pump = needled(perform(new_pump(SHEET, at, offset_s, drift_s), Fill(ml(40), Concentration(500))))
    return done(handle(pump, Update(program, Concentration(500), ml(40))))


def rate_at(program: Flex, second: int) -> int:
    """The flow at a second from a Monday's midnight."""
    day = program.days[second // DAY_S % len(program.days)]
    return next(step.flow.nl_per_day for step in day if second % DAY_S < step.until_s)


def ticked(pump: PumpState, program: Flex, seconds: int) -> int:
    """The nanolitres that a clock which ticks gives in a number of seconds."""
    clock, flowed = ticking(pump.memory.settings.clock, pump.now), Fraction(0)
    for _ in range(seconds):
        flowed += rate_at(program, clock.second)
        clock.tick()
    return floor(flowed / DAY_S)


def within_a_jump(second: int, drift_s: int) -> bool:
    """Whether a clock is set within the seconds that it skips at midnight; see the test of a clock set near midnight."""
    return 0 < second % DAY_S < drift_s


@pytest.mark.requirement("PMP-55")
@settings(max_examples=25)
@given(st.integers(0, WEEK_S), OFFSETS, DRIFTS, st.integers(0, 3 * DAY_S))
@example(DAY_S, 0, 60, 2 * DAY_S)
@example(DAY_S, 0, -60, 2 * DAY_S)
def test_it_shows_what_a_ticking_clock_shows(start_s: int, offset_s: int, drift_s: int, seconds: int) -> None:
    """Whole seconds a day, all at once at its own midnight, forward or back."""
    assume(not within_a_jump(start_s + offset_s, drift_s))
    at = Instant(MIDNIGHT.s + start_s)
    clock = Clock(offset_s, at, drift_s)
    naive = ticking(clock, at)
    zero = Clock(0, MIDNIGHT).reading_s(MIDNIGHT)
    for second in range(seconds + 1):
        if second % 7919 == 0 or abs(naive.second % DAY_S - DAY_S // 2) > DAY_S // 2 - 3:
            assert clock.reading_s(Instant(at.s + second)) - zero == naive.second
        naive.tick()


@pytest.mark.requirement("PMP-55")
def test_a_week_of_drift_is_a_week_of_drift() -> None:
    """5 s a day are 35 s after seven midnights, and a clock without drift shows UTC and its offset."""
    for drift_s in (-5, 0, 5):
        pump = new_pump(SHEET, START, 2 * HOUR, drift_s)
        shown = reported(in_seconds(pump, WEEK_S)).clock_reading_s - reported(pump).clock_reading_s
        assert shown == WEEK_S + 7 * drift_s
    assert reported(new_pump(SHEET, MIDNIGHT, 2 * HOUR)).clock_reading_s % WEEK_S == 2 * HOUR


@pytest.mark.requirement("PMP-25")
@pytest.mark.requirement("PMP-55")
@settings(max_examples=12)
@given(st.integers(0, WEEK_S), OFFSETS, DRIFTS, st.integers(0, 30 * HOUR))
def test_flex_steps_follow_a_drifting_clock(start_s: int, offset_s: int, drift_s: int, seconds: int) -> None:
    """What the gained seconds skip does not flow, what the lost seconds repeat flows again: every second on its own."""
    assume(not within_a_jump(start_s + offset_s, drift_s))
    pump = clocked(STEPS, Instant(MIDNIGHT.s + start_s), offset_s, drift_s)
    assert given_nl(pump, seconds) == ticked(pump, STEPS, seconds)


@pytest.mark.requirement("PMP-25")
@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("PMP-55")
@pytest.mark.parametrize("start_s", [0, 1, 2, 30, 59, 60, 61, DAY_S - 1, DAY_S - 60, DAY_S - 61])
@pytest.mark.parametrize("drift_s", [-60, 60])
def test_a_clock_set_near_midnight(start_s: int, drift_s: int) -> None:
    """Also where it is set within the seconds that it skips: the steps are as it shows, however time is cut."""
    pump = clocked(STEPS, Instant(MIDNIGHT.s + start_s), 0, drift_s)
    for seconds in (20, 70, 300):
        shown = [pump.memory.settings.clock.reading_s(Instant(pump.now.s + second)) for second in range(seconds)]
        assert given_nl(pump, seconds) == sum(rate_at(STEPS, second) for second in shown) // DAY_S
    check_cuts(pump, 2 * DAY_S)


@pytest.mark.requirement("PMP-25")
@pytest.mark.requirement("PMP-55")
@pytest.mark.parametrize("drift_s", [-45, 45])
def test_weekdays_follow_a_drifting_clock(drift_s: int) -> None:
    """A week of days that all differ: each begins at the pump's midnight, what is skipped skipped and what is repeated twice."""
    week = Flex(tuple((Step(DAY_S, FlowRate(100_000 * (n + 1))),) for n in range(7)))
    pump = clocked(week, MIDNIGHT, -6 * HOUR, drift_s)  # Sunday 18:00
    flowed = Fraction(6 * HOUR * 700_000)
    for n in range(7):
        flowed += (DAY_S - max(drift_s, 0)) * (n + 1) * 100_000 + max(-drift_s, 0) * (n or 7) * 100_000
        end = 6 * HOUR + (n + 1) * (DAY_S - drift_s)
        assert given_nl(pump, end) == floor(flowed / DAY_S)
    check_cuts(pump, 3 * WEEK_S)
    assert ticked(pump, week, 7 * HOUR) == given_nl(pump, 7 * HOUR)


@pytest.mark.requirement("PMP-50")
@pytest.mark.requirement("PMP-55")
@pytest.mark.parametrize("drift_s", [-30, 30])
def test_periodic_boluses_follow_a_drifting_clock(drift_s: int) -> None:
    """The bolus of 12:00 comes when the clock shows noon, on the third day two jumps from UTC."""
    pump = clocked(PERIODIC, START, 0, drift_s)
    noon_s = 3 * HOUR + 2 * DAY_S - 2 * drift_s
    before, begins = in_seconds(pump, noon_s - 1), in_seconds(pump, noon_s)
    assert (before.mode, begins.mode) == ("between periodic boluses", "periodic bolus")
    assert reported(begins).clock_reading_s % DAY_S == 12 * HOUR
    assert given_nl(begins, HOUR) == 60_000 + HOUR
    check_cuts(pump, 3 * DAY_S)


@pytest.mark.requirement("PMP-25")
def test_setting_the_clock_moves_the_steps() -> None:
    """An hour forward, and the step of 10:00 ends an hour earlier; the event says what changed."""
    pump = pump_in("flex")  # at 09:00 UTC and pump time, an hour before a slower step
    answer = handle(pump, SetClock(HOUR))
    assert isinstance(answer, Answer)
    assert [(event.kind, event.text) for event in answer.events] == [("clock set", "+3600 s on the pump clock")]
    assert given_nl(pump, HOUR) == 1_300_000 // 24
    assert given_nl(answer.state, HOUR) == 237_911 // 24
    back = handle(answer.state, SetClock(-HOUR))
    assert isinstance(back, Answer)
    assert [event.text for event in back.events] == ["-7200 s on the pump clock"]
    assert given_nl(back.state, 2 * HOUR) == 1_300_000 * 2 // 24


@pytest.mark.requirement("PMP-55")
def test_setting_the_clock_takes_back_what_it_drifted() -> None:
    """After ten midnights at +7 s it is 70 s ahead; set, it shows UTC again, and drifts on from there."""
    pump = in_seconds(clocked(FLEX, START, 0, 7), 10 * DAY_S)
    answer = handle(pump, SetClock(0))
    assert isinstance(answer, Answer)
    assert [event.text for event in answer.events] == ["-70 s on the pump clock"]
    assert reported(answer.state).clock_reading_s % DAY_S == START.s % DAY_S
    assert reported(in_seconds(answer.state, DAY_S)).clock_reading_s % DAY_S == START.s % DAY_S + 7
    assert given_nl(answer.state, DAY_S) == ticked(answer.state, FLEX, DAY_S)
    check_cuts(answer.state, 5 * DAY_S)


@pytest.mark.requirement("PMP-38")
@pytest.mark.parametrize(
    ("offset_s", "taken"), [(14 * HOUR, True), (-14 * HOUR, True), (14 * HOUR + 1, False), (-14 * HOUR - 1, False)]
)
def test_a_clock_is_at_most_14_h_from_utc(offset_s: int, *, taken: bool) -> None:
    """To the second, east and west."""
    outcome = handle(pump_in("flex"), SetClock(offset_s))
    assert isinstance(outcome, Answer) if taken else refused(outcome).rule == "PMP-38"


@pytest.mark.requirement("PMP-34")
@pytest.mark.parametrize("mode", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_the_clock_is_not_set_under_a_bolus(mode: str) -> None:
    """It can be set again at the second at which the bolus is over."""
    pump = pump_in(mode)
    assert refused(handle(pump, SetClock(HOUR))).rule == "PMP-34"
    assert pump.memory.bolus is not None
    over = in_seconds(pump, pump.memory.bolus.end.s - pump.now.s)
    assert told(done(handle(over, SetClock(HOUR))).memory.signals.log)[-1] == ("clock set", over.now.s - START.s)


def test_one_flow_does_not_care_for_the_clock() -> None:
    """A simple continuous pump with a clock that drifts gives what one without gives."""
    program = SimpleContinuous(flow(0.2))
    assert given_nl(clocked(program, START, 0, 100), WEEK_S) == given_nl(clocked(program, START), WEEK_S) == 1_400_000
