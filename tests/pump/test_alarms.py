"""Alarms: each condition to the second, its tones, and what ends it."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import START, disturbed, done, flow, ml, needled, running_pump
from tests.pump.pumps import (
    HOUR,
    MINUTE,
    PRIMING,
    RUNNING,
    after,
    check_cuts,
    in_seconds,
    reading,
    reported,
    sounding,
    told,
)
from tests.pump.pumps import given as given_nl
from thecal.pump.alarms import ALARMS, LOW_RESERVOIR, Alarm, tones
from thecal.pump.handle import handle
from thecal.pump.messages import (
    BeginUpdate,
    Fill,
    Interference,
    Interrogate,
    LowBattery,
    MemoryCorruption,
    SeptumLeak,
    Stall,
    StartBolus,
    TestAlarm,
    Update,
    Withdraw,
)
from thecal.pump.program import MinimumRate, SimpleContinuous, SingleBolus, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant, Interval

NANOLITRE_A_SECOND = SimpleContinuous(FlowRate(DAY_S))


def counting(volume_nl: int) -> PumpState:
    """A pump that counts down a nanolitre a second, from a volume typed in."""
    return done(handle(running_pump(NANOLITRE_A_SECOND), Update(reservoir=Volume(volume_nl))))


def stopped() -> PumpState:
    """A pump that ran for an hour and was then stopped by an order."""
    return done(handle(in_seconds(running_pump(RUNNING), HOUR), Update(Stopped())))


BY_TIME: dict[str, tuple[Callable[[], PumpState], int]] = {
    "low reservoir": (lambda: counting(2_000_000 + 5000), 5000),
    "empty reservoir": (lambda: counting(7000), 7000),
    "elective replacement": (lambda: running_pump(Stopped()), 2466 * DAY_S),
    "end of service": (lambda: running_pump(Stopped()), 2556 * DAY_S),
    "motor stall": (lambda: disturbed(running_pump(RUNNING), Stall(None)), 20 * MINUTE),
    "pump stopped": (stopped, 48 * HOUR),
}
AT_ONCE: dict[str, Callable[[], PumpState]] = {
    "low battery reset": lambda: disturbed(running_pump(RUNNING), LowBattery()),
    "critical memory error": lambda: disturbed(running_pump(RUNNING), MemoryCorruption("settings", 0)),
    "non-critical memory error": lambda: disturbed(running_pump(RUNNING), MemoryCorruption("log", 0)),
}
CRITICAL = {
    "empty reservoir", "end of service", "motor stall", "pump stopped", "low battery reset", "critical memory error",
}  # fmt: skip


@pytest.mark.requirement("PMP-53")
def test_every_alarm_is_tried_here() -> None:
    """The table of alarms has no other, and their severities are those of the field."""
    assert {*BY_TIME, *AT_ONCE} == {kind.name for kind in ALARMS}
    assert {kind.name for kind in ALARMS if kind.severity == "critical"} == CRITICAL


@pytest.mark.requirement("PMP-53")
@pytest.mark.parametrize("name", BY_TIME)
def test_it_sounds_at_the_first_second_of_its_condition(name: str) -> None:
    """Not a second before; its onset, its event and the log agree, and it lasts."""
    build, seconds = BY_TIME[name]
    pump = build()
    onset = Instant(pump.now.s + seconds)
    assert name not in sounding(in_seconds(pump, seconds - 1))
    passage = after(pump, seconds)
    assert name in sounding(passage.state)
    (event,) = (event for event in passage.events if event.kind == f"{name} alarm")
    assert (event.at, event.severity) == (onset, "critical" if name in CRITICAL else "non-critical")
    assert event in passage.state.memory.signals.log
    later = in_seconds(passage.state, 5 * DAY_S)
    assert [alarm.onset for alarm in later.memory.alarms if alarm.kind.name == name] == [onset]
    check_cuts(pump, seconds + DAY_S)


@pytest.mark.requirement("PMP-53")
@pytest.mark.parametrize("name", AT_ONCE)
def test_what_a_fault_latches_sounds_at_once(name: str) -> None:
    """Until a programmer ends it: time alone does not, nor does an interrogation."""
    pump = AT_ONCE[name]()
    assert sounding(pump) == [name]
    assert name in reported(in_seconds(pump, 5 * DAY_S)).alarms
    update = Update(RUNNING, Concentration(500)) if name in CRITICAL else Update(low_reservoir=ml(1))
    assert sounding(done(handle(pump, update))) == []


@pytest.mark.requirement("PMP-53")
@pytest.mark.requirement("PMP-56")
def test_only_a_program_ends_a_reset() -> None:
    """An update without one ends the alarm of the event log and leaves those of the lost settings sounding."""
    for fault, name in ((LowBattery(), "low battery reset"), (MemoryCorruption("settings", 5), "critical memory error")):
        pump = disturbed(disturbed(running_pump(RUNNING), fault), MemoryCorruption("log", 9))
        assert sounding(pump) == [name, "non-critical memory error"]
        assert sounding(done(handle(pump, Update(low_reservoir=ml(1))))) == [name]
        assert sounding(done(handle(pump, Update(RUNNING, Concentration(500))))) == []


@pytest.mark.requirement("PMP-53")
@settings(max_examples=60)
@given(st.integers(0, 10**5), st.integers(0, 10**5), st.integers(0, 10**5))
def test_tones_sound_at_the_onset_and_every_interval_from_it(onset: int, start: int, seconds: int) -> None:
    """The first at the onset, none outside the interval that is asked for, and those of two halves are those of the whole."""
    sheet = pump_sheet("reference-40")
    for kind in ALARMS:
        every = 600 if kind.severity == "critical" else 3600
        alarm = Alarm(kind, Instant(onset))
        heard = [tone.s for tone in tones(alarm, sheet, Interval(Instant(start), Instant(start + seconds)))]
        assert heard == [second for second in range(onset, start + seconds, every) if second >= start]
        middle = Instant(start + seconds // 3)
        halves = (Interval(Instant(start), middle), Interval(middle, Instant(start + seconds)))
        assert [tone.s for half in halves for tone in tones(alarm, sheet, half)] == heard


@pytest.mark.requirement("PMP-53")
def test_tones_of_a_pump() -> None:
    """A low reservoir at 07:00 sounds at 07:00, 08:00 and 09:00; there is no tone before, and at most an hour between."""
    pump = in_seconds(counting(2_000_000 + 600), 3 * HOUR)
    (alarm,) = pump.memory.alarms
    assert alarm == Alarm(LOW_RESERVOIR, Instant(START.s + 600))
    heard = list(tones(alarm, pump.sheet, Interval(START, pump.now)))
    assert [tone.s - START.s for tone in heard] == [600, 600 + HOUR, 600 + 2 * HOUR]
    assert all(later.s - earlier.s == HOUR for earlier, later in pairwise(heard))


@pytest.mark.requirement("PMP-53")
def test_a_reservoir_alarm_ends_with_a_volume() -> None:
    """Typed in above the threshold both end; below it only the empty alarm does; a new threshold begins or ends it too."""
    pump = in_seconds(counting(7000), HOUR * 3)
    assert sounding(pump) == ["low reservoir", "empty reservoir"]
    answer = done(handle(pump, Update(reservoir=ml(20))))
    assert sounding(answer) == []
    assert [event.kind for event in answer.memory.signals.log[-2:]] == [
        "low reservoir alarm ended",
        "empty reservoir alarm ended",
    ]
    assert sounding(done(handle(pump, Update(reservoir=ml(2))))) == ["low reservoir"]
    assert sounding(done(handle(pump, Update(reservoir=Volume(2_000_001))))) == []
    assert sounding(done(handle(answer, Update(low_reservoir=ml(20))))) == ["low reservoir"]


def ran(sheet: str = "reference-40", **readings: str) -> PumpState:
    return in_seconds(reading(running_pump(RUNNING, sheet), **readings), HOUR)


def in_telemetry_mode() -> PumpState:
    return disturbed(done(handle(ran("synchromed-ii-40"), Update(reservoir=ml(1)))), Interference())


STOPS: dict[str, Callable[[], PumpState]] = {
    "ordered": stopped,
    "an update left open": lambda: done(handle(ran("synchromed-ii-40"), BeginUpdate())),
    "telemetry mode": in_telemetry_mode,
    "a scheduled return": lambda: in_seconds(done(handle(ran(after_priming_bolus="stopped"), StartBolus(PRIMING))), 720),
    "a stop under a bolus": lambda: done(handle(in_seconds(done(handle(ran(), StartBolus(PRIMING))), 60), Update(Stopped()))),
    "a reset under a bolus": lambda: disturbed(done(handle(ran(safe_state="stopped"), StartBolus(PRIMING))), LowBattery()),
    "a safe state": lambda: disturbed(ran(safe_state="stopped"), LowBattery()),
}


@pytest.mark.requirement("PMP-59")
@pytest.mark.parametrize("why", STOPS)
def test_a_stop_of_48_h_sounds(why: str) -> None:
    """However the pump came to infuse nothing, 48 h after that second."""
    pump = STOPS[why]()
    assert "pump stopped" not in sounding(in_seconds(pump, 48 * HOUR - 1))
    assert "pump stopped" in sounding(in_seconds(pump, 48 * HOUR))
    check_cuts(pump, 3 * DAY_S)


@pytest.mark.requirement("PMP-59")
def test_a_stop_after_a_stop_is_one() -> None:
    """A pump that stood an hour in an update that then stopped it is stopped since that update was begun."""
    pump = in_seconds(done(handle(ran("synchromed-ii-40"), BeginUpdate())), HOUR)
    pump = done(handle(pump, Update(Stopped())))
    assert "pump stopped" not in sounding(in_seconds(pump, 47 * HOUR - 1))
    assert "pump stopped" in sounding(in_seconds(pump, 47 * HOUR))


@pytest.mark.requirement("PMP-59")
def test_the_alarm_of_a_stop_ends_as_it_infuses_again() -> None:
    """At the second of the new program; and a stop that ended in time leaves nothing behind."""
    pump = in_seconds(stopped(), 50 * HOUR)
    assert sounding(pump) == ["pump stopped"]
    again = done(handle(pump, Update(RUNNING)))
    assert sounding(again) == []
    assert told(again.memory.signals.log)[-1] == ("pump stopped alarm ended", 51 * HOUR)
    in_time = done(handle(in_seconds(stopped(), 48 * HOUR - 1), Update(RUNNING)))
    assert [kind for kind, _ in told(after(in_time, 5 * DAY_S).events)] == []
    assert sounding(done(handle(in_time, Interrogate()))) == []
    assert sounding(in_seconds(done(handle(in_time, Update(Stopped()))), 48 * HOUR - 1)) == []


@pytest.mark.requirement("PMP-59")
def test_a_question_does_not_begin_the_stop_anew() -> None:
    """The 48 h run from the stop, whatever is asked or tested meanwhile."""
    pump = in_seconds(stopped(), 30 * HOUR)
    pump = done(handle(done(handle(pump, Interrogate())), TestAlarm("critical")))
    assert sounding(in_seconds(pump, 18 * HOUR - 1)) == []
    assert sounding(in_seconds(pump, 18 * HOUR)) == ["pump stopped"]


@pytest.mark.requirement("PMP-59")
@pytest.mark.parametrize("build", ["new", "filled", "programmed"])
def test_a_pump_that_never_ran_is_not_stopped(build: str) -> None:
    """Out of its box, filled, or told to stop before it ever turned; the minimum rate is no stop either."""
    pump = new_pump(pump_sheet("synchromed-ii-40"), START)
    if build != "new":
        pump = needled(perform(pump, Fill(ml(20), Concentration(500))))
    if build == "programmed":
        pump = done(handle(pump, Update(Stopped(), Concentration(500), ml(20))))
    assert after(pump, 30 * DAY_S).events == ()
    slow = done(handle(in_seconds(running_pump(RUNNING), HOUR), Update(MinimumRate())))
    assert after(slow, 30 * DAY_S).events == ()


SENSED = SimpleContinuous(flow(0.5))


@pytest.mark.requirement("PMP-62")
@pytest.mark.parametrize("percent", [70, 100, 130])
def test_a_fill_sensor_sounds_by_what_is_there(percent: int) -> None:
    """3 mL by the sensor to the second, whatever the pump gives; the calculated volume plays no part."""
    pump = running_pump(SENSED, "medstream-40", fill=ml(10), gain=None)
    pump = done(handle(pump, Update(reservoir=ml(33))))
    pump = disturbed(pump, SeptumLeak(FlowRate(500_000 * (percent - 100) // 100))) if percent > 100 else pump
    if percent < 100:
        pump = done(handle(pump, Update(SimpleContinuous(flow(0.35)))))
    low_s, empty_s = (nl * 100 * DAY_S // (500_000 * percent) for nl in (7_000_000, 10_000_000))
    events = [(kind, at) for kind, at in told(check_cuts(pump, 40 * DAY_S).events) if "alarm" in kind]
    assert [kind for kind, _ in events] == ["low reservoir alarm", "empty reservoir alarm"]
    assert all(0 <= at - expected <= 1 for (_, at), expected in zip(events, (low_s, empty_s), strict=True))


@pytest.mark.requirement("PMP-62")
def test_a_fill_sensor_notices_the_needle() -> None:
    """Aspirated below the threshold the alarm sounds at once, and a fill ends it; without a sensor nothing is noticed."""
    for sheet, sensed in (("medstream-40", True), ("reference-40", False)):
        pump = running_pump(SENSED, sheet, fill=ml(10))
        low = needled(perform(pump, Withdraw(ml(7.5))))
        assert sounding(low) == (["low reservoir"] if sensed else [])
        assert sounding(needled(perform(low, Withdraw()))) == (["low reservoir", "empty reservoir"] if sensed else [])
        assert sounding(needled(perform(low, Fill(ml(20), Concentration(500))))) == []
        assert reported(low).calculated == (ml(2.5) if sensed else ml(10))


@pytest.mark.requirement("PMP-62")
@pytest.mark.requirement("PMP-53")
def test_a_fill_sensor_of_a_pump_that_was_never_told_a_volume() -> None:
    """An alarm that sounds lasts while its condition holds: what is asked afterwards does not end it."""
    pump = needled(perform(new_pump(pump_sheet("medstream-40"), START), Fill(ml(4), Concentration(500))))
    pump = in_seconds(done(handle(pump, Update(SENSED, Concentration(500)))), 4 * DAY_S)
    assert sounding(done(handle(pump, TestAlarm("critical")))) == sounding(pump)


@pytest.mark.requirement("PMP-62")
@pytest.mark.requirement("PMP-15")
def test_a_bolus_fits_what_the_sensor_sees() -> None:
    """A pump that senses 0.05 mL refuses 0.1 mL, though 10 mL were typed in."""
    pump = needled(perform(running_pump(SENSED, "medstream-40", fill=ml(10)), Withdraw(ml(9.95))))
    bolus = SingleBolus(Volume(50_001), Duration(600))
    assert getattr(handle(pump, StartBolus(bolus)), "rule", None) == "PMP-15"
    assert done(handle(pump, StartBolus(SingleBolus(Volume(50_000), Duration(600))))).mode == "single bolus"


def test_alarms_do_not_change_the_flow() -> None:
    """A pump that says it is empty gives on what is in it."""
    pump = in_seconds(counting(7000), 3 * HOUR)
    assert given_nl(pump, HOUR) == HOUR
