"""Faults: what a profile cannot have, what makes the true flow differ, and interference while an alarm sounds."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import GAINS, START, disturbed, done, flow, ml, refused, running_pump
from tests.pump.pumps import FLEX, HOUR, PERIODIC, RUNNING, check_cuts, in_seconds, pump_in, reading, reported, sounding, told
from tests.pump.pumps import given as given_nl
from thecal.pump.faults import check_fault, disturb
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import (
    BatteryFilm,
    CancelBolus,
    ChangeGain,
    Fault,
    Interference,
    Interrogate,
    LowBattery,
    Magnet,
    MemoryCorruption,
    Resistance,
    SeptumLeak,
    Stall,
    Surroundings,
    TestAlarm,
    Update,
)
from thecal.pump.program import SimpleContinuous, Stopped
from thecal.pump.settle import Change
from thecal.pump.sheet import pump_sheet, pump_sheets
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Gain
from thecal.timeline import DAY_S, Duration, Instant

FAULTS: dict[str, Fault] = {
    "gain": ChangeGain(Gain.parse("+3 %")),
    "temperature": Surroundings("temperature", Gain.parse("+1 %")),
    "pressure": Surroundings("pressure", Gain.parse("+2 %")),
    "resistance": Resistance(900_000),
    "stall": Stall(None),
    "magnet": Magnet(Instant(START.s + HOUR), None),
    "interference": Interference(),
    "film": BatteryFilm(100_000, Duration(DAY_S)),
    "low battery": LowBattery(),
    "settings": MemoryCorruption("settings", 1),
    "log": MemoryCorruption("log", 1),
    "leak": SeptumLeak(flow(0.1)),
}
ELECTRONIC = {"interference", "film", "low battery", "settings", "log"}


@pytest.mark.requirement("PMP-41")
@pytest.mark.parametrize("name", pump_sheets())
@pytest.mark.parametrize("fault", FAULTS)
def test_a_pump_has_no_fault_that_its_sheet_rules_out(name: str, fault: str) -> None:
    """A stall only of a rotor, an electronic fault only with electronics; the refusal quotes the sheet and its source."""
    sheet = pump_sheet(name)
    ruled_out_by = "drive" if fault == "stall" and sheet.drive != "rotor" else ""
    if fault in ELECTRONIC and not sheet.programmable:
        ruled_out_by = "flow"
    pump = new_pump(sheet, START)
    outcome = disturb(pump, FAULTS[fault])
    if ruled_out_by:
        refusal = refused(outcome)
        assert refusal == check_fault(FAULTS[fault], sheet)
        assert refusal.rule == "PMP-41"
        datum = sheet.datum(ruled_out_by)
        assert refusal.source == f"{name} data sheet, {ruled_out_by}, confidence {datum.confidence}: {datum.source}"
        assert FAULTS[fault].name in refusal.asked
    else:
        assert isinstance(outcome, Change)
        assert check_fault(FAULTS[fault], sheet) is None
        assert all(event.at == START for event in outcome.events)
        assert outcome.state.now == START


@pytest.mark.requirement("PMP-24")
@settings(max_examples=60)
@given(GAINS, GAINS, GAINS, st.integers(0, 1_000_000), st.integers(1, 10 * DAY_S))
def test_influences_multiply(own: Gain, temperature: Gain, pressure: Gain, open_ppm: int, seconds: int) -> None:
    """Pump, temperature, pressure and line, in any order, to the nearest part per million; the count knows of none."""
    faults: list[Fault] = [
        ChangeGain(own), Surroundings("temperature", temperature), Surroundings("pressure", pressure), Resistance(open_ppm),
    ]  # fmt: skip
    pump = backwards = running_pump(RUNNING)
    for one, other in zip(faults, reversed(faults), strict=True):
        pump, backwards = disturbed(pump, one), disturbed(backwards, other)
    assert pump == backwards
    exact = Fraction(own.ppm * temperature.ppm * pressure.ppm * open_ppm, 10**18)
    end = in_seconds(pump, seconds)
    parts = [n for n in (floor(exact), floor(exact) + 1) if abs(n - exact) <= Fraction(1, 2)]
    expected = [floor(Fraction(200_000 * seconds * ppm, DAY_S * 10**6)) for ppm in parts]
    assert pump.usable_nl - end.usable_nl in expected
    assert end.memory.calculated_nl == in_seconds(running_pump(RUNNING), seconds).memory.calculated_nl


@pytest.mark.requirement("PMP-24")
def test_an_influence_is_as_it_was_set_last() -> None:
    """A second gain takes the place of the first, and a temperature that returns takes its part back."""
    pump = disturbed(disturbed(running_pump(RUNNING), ChangeGain(Gain.parse("+50 %"))), ChangeGain(Gain.parse("+10 %")))
    assert given_nl(pump, DAY_S) == 220_000
    warm = disturbed(pump, Surroundings("temperature", Gain.parse("+10 %")))
    assert given_nl(warm, DAY_S) == 242_000
    assert given_nl(disturbed(warm, Surroundings("temperature", Gain.parse("0 %"))), DAY_S) == 220_000
    assert given_nl(disturbed(warm, Surroundings("pressure", Gain.parse("-10 %"))), DAY_S) == 217_800


@pytest.mark.requirement("PMP-24")
def test_a_line_that_is_shut_leaves_everything_in_the_reservoir() -> None:
    """Nothing leaves the pump, it counts on, and no sensor tells it."""
    pump = check_cuts(disturbed(running_pump(RUNNING), Resistance(0)), 10 * DAY_S).state
    assert (pump.usable_nl, pump.memory.calculated_nl, sounding(pump)) == (30_000_000, 28_000_000, [])
    assert given_nl(disturbed(pump, Resistance(250_000)), DAY_S) == 50_000


def alarmed(sheet: str) -> PumpState:
    """A pump that runs with its low reservoir alarm sounding."""
    pump = running_pump(RUNNING, sheet)
    return in_seconds(done(handle(pump, Update(low_reservoir=pump.sheet.reservoir_capacity))), HOUR)


@pytest.mark.requirement("PMP-36")
@pytest.mark.requirement("PMP-58")
@pytest.mark.parametrize("sheet", ["synchromed-ii-20", "synchromed-iii-40"])
def test_interference_while_an_alarm_sounds_stops_the_infusion(sheet: str) -> None:
    """Nothing is infused until somebody interrogates; then the program goes on at that second."""
    change = disturb(alarmed(sheet), Interference())
    assert isinstance(change, Change)
    assert [(event.kind, event.severity) for event in change.events] == [("telemetry mode", "unsensed")]
    pump = change.state
    assert pump.mode == "telemetry mode"
    assert given_nl(pump, 30 * DAY_S) == 0
    late = check_cuts(pump, 5 * HOUR).state
    assert refused(handle(late, TestAlarm("critical"))).rule == "PMP-36"
    assert refused(handle(late, Update(RUNNING))).rule == "PMP-36"
    answer = handle(late, Interrogate())
    assert isinstance(answer, Answer)
    assert [event.kind for event in answer.events] == ["telemetry mode ended"]
    assert answer.report.mode == "simple continuous"
    assert given_nl(answer.state, DAY_S) == 200_000
    assert handle(answer.state, Interrogate()) == Answer(answer.state, answer.report)


@pytest.mark.requirement("PMP-58")
def test_interference_does_nothing_without_an_alarm_nor_where_the_sheet_says_so() -> None:
    """Both conditions are needed; under the other reading the reference pump stops as well."""
    quiet = running_pump(RUNNING, "synchromed-ii-40")
    assert disturb(quiet, Interference()) == Change(quiet)
    for sheet in ("reference-40", "prometra-ii-40", "medstream-40"):
        pump = alarmed(sheet)
        assert disturb(pump, Interference()) == Change(pump)
        assert disturbed(reading(pump, emi_during_alarm="telemetry mode"), Interference()).mode == "telemetry mode"


@pytest.mark.requirement("PMP-58")
@pytest.mark.parametrize("mode", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_interference_cuts_a_bolus(mode: str) -> None:
    """It does not go on after the interrogation; the program does."""
    pump = reading(in_seconds(pump_in(mode), 300), emi_during_alarm="telemetry mode")
    pump = disturbed(reading(pump, update_during_bolus="cancels"), MemoryCorruption("log", 1))  # any alarm
    change = disturb(pump, Interference())
    assert isinstance(change, Change)
    assert [event.kind for event in change.events][-1] == f"{'bolus' if mode == 'single bolus' else mode} cut short"
    assert done(handle(change.state, Interrogate())).mode == "simple continuous"


@pytest.mark.requirement("PMP-58")
def test_periodic_boluses_are_not_given_in_telemetry_mode() -> None:
    """One that fell due is not begun halfway when somebody interrogates; the next one is given."""
    pump = reading(running_pump(PERIODIC), emi_during_alarm="telemetry mode")
    pump = disturbed(done(handle(pump, Update(reservoir=ml(1)))), Interference())
    woken = done(handle(in_seconds(pump, 3 * HOUR + 60), Interrogate()))
    assert woken.mode == "between periodic boluses"
    assert refused(handle(woken, CancelBolus())).rule == "PMP-07"
    assert given_nl(woken, 6 * HOUR - 60) == 6 * HOUR - 60
    assert in_seconds(woken, 6 * HOUR - 60).mode == "periodic bolus"


@pytest.mark.requirement("PMP-58")
def test_a_flex_program_goes_on_at_its_step() -> None:
    """After telemetry mode the flow is that of the pump clock, as if nothing had been."""
    pump = reading(done(handle(running_pump(FLEX), Update(reservoir=ml(1)))), emi_during_alarm="telemetry mode")
    sound = in_seconds(pump, 20 * HOUR)
    woken = done(handle(in_seconds(disturbed(pump, Interference()), 20 * HOUR), Interrogate()))
    assert abs(given_nl(woken, DAY_S) - given_nl(sound, DAY_S)) <= 1


@pytest.mark.requirement("PMP-57")
def test_a_stopped_pump_delays_the_notice_of_a_stall() -> None:
    """In telemetry mode nothing is to turn, so nothing is noticed; after the interrogation it is, as long after as ever."""
    pump = disturbed(disturbed(alarmed("synchromed-ii-40"), Interference()), Stall(Instant(START.s + 9 * HOUR)))
    passage = check_cuts(pump, 5 * HOUR)
    assert told(passage.events) == []
    woken = done(handle(passage.state, Interrogate()))
    assert told(check_cuts(woken, 2 * HOUR).events)[0] == ("motor stall alarm", 6 * HOUR + 1200)
    stopped = disturbed(running_pump(Stopped()), Stall(None))
    assert "motor stall" not in reported(in_seconds(stopped, 30 * DAY_S)).alarms


def test_a_low_battery_reset_is_one_however_often() -> None:
    """A second one finds the settings lost already; one alarm, one program to write."""
    once = disturbed(running_pump(SimpleContinuous(flow(0.3))), LowBattery())
    twice = disturbed(in_seconds(once, HOUR), LowBattery())
    assert twice == in_seconds(once, HOUR)
