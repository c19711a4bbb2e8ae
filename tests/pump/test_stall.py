"""A rotor that stands: nothing flows, the pump counts on, notices late, and notices the recovery late."""

from dataclasses import replace

import pytest

from tests.courses import START, disturbed, done, ml, refused, running_pump
from tests.pump.pumps import (
    FLEX,
    HOUR,
    MINUTE,
    PERIODIC,
    RUNNING,
    after,
    check_cuts,
    in_seconds,
    pump_in,
    reported,
    sounding,
    told,
)
from tests.pump.pumps import given as given_nl
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import Magnet, ResetValve, Stall, StartBolus, Update
from thecal.pump.program import Program, SimpleContinuous, SingleBolus
from thecal.pump.reservoir import perform
from thecal.pump.settle import Change
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import FlowRate
from thecal.timeline import DAY_S, Duration, Instant

A_NANOLITRE_A_SECOND = SimpleContinuous(FlowRate(DAY_S))
NOTICED, RECOVERED = 20 * MINUTE, 2 * HOUR
ROTORS = ["reference-40", "synchromed-ii-20", "synchromed-iii-40"]


def stalled(seconds: int | None, sheet: str = "reference-40", program: Program = A_NANOLITRE_A_SECOND) -> PumpState:
    return disturbed(running_pump(program, sheet), Stall(None if seconds is None else Instant(START.s + seconds)))


@pytest.mark.requirement("PMP-57")
@pytest.mark.parametrize("sheet", ROTORS)
@pytest.mark.parametrize("seconds", [1, 600, NOTICED - 1, NOTICED, NOTICED + 1, 5 * HOUR, 40 * HOUR])
def test_nothing_flows_while_it_stands(sheet: str, seconds: int) -> None:
    """From the second of the stall to the second of its end, exactly; the pump counts on as if it turned."""
    pump = stalled(seconds, sheet)
    assert given_nl(pump, seconds) == 0
    assert given_nl(pump, 50 * HOUR) == 50 * HOUR - seconds
    end = check_cuts(pump, 50 * HOUR).state
    assert end.memory.calculated_nl == in_seconds(running_pump(A_NANOLITRE_A_SECOND, sheet), 50 * HOUR).memory.calculated_nl
    assert end.memory.count.pumped_nl == 50 * HOUR


@pytest.mark.requirement("PMP-57")
@pytest.mark.parametrize("sheet", ROTORS)
def test_it_is_noticed_late_and_so_is_its_end(sheet: str) -> None:
    """The alarm 20 min after the stall, its end 2 h after the rotor turns again: by the data sheet, to the second."""
    passage = check_cuts(stalled(3 * HOUR, sheet), 10 * HOUR)
    assert told(passage.events) == [
        ("motor stall alarm", NOTICED),
        ("rotor turns", 3 * HOUR),
        ("motor stall alarm ended", 3 * HOUR + RECOVERED),
    ]
    assert [event.severity for event in passage.events] == ["critical", "unsensed", "information"]
    assert [event.kind for event in passage.state.memory.signals.log] == ["motor stall alarm", "motor stall alarm ended"]


@pytest.mark.requirement("PMP-57")
@pytest.mark.parametrize(("seconds", "noticed"), [(1, False), (NOTICED - 1, False), (NOTICED, True), (NOTICED + 1, True)])
def test_a_short_stall_is_never_noticed(seconds: int, *, noticed: bool) -> None:
    """A second decides: what ends before the delay leaves nothing in alarms and log."""
    passage = after(stalled(seconds), 10 * HOUR)
    assert ("motor stall alarm" in dict(told(passage.events))) == noticed
    assert bool(passage.state.memory.signals.log) == noticed
    assert dict(told(passage.events))["rotor turns"] == seconds


@pytest.mark.requirement("PMP-57")
def test_a_stall_for_good_sounds_for_good() -> None:
    """Nothing ever flows again, the alarm goes on, and the reservoir is not empty when the count says so."""
    pump = in_seconds(stalled(None), 400 * DAY_S)
    assert pump.usable_nl == 30_000_000
    assert pump.memory.calculated_nl == 0
    assert sorted(sounding(pump)) == ["empty reservoir", "low reservoir", "motor stall"]
    assert sounding(done(handle(pump, Update(reservoir=ml(30))))) == ["motor stall"]


@pytest.mark.requirement("PMP-57")
def test_overlapping_stalls_last_to_the_later_end() -> None:
    """A second one while the first lasts: the rotor stands until the later of both, noticed once."""
    for first, second, end in ((3, 5, 5), (5, 3, 5), (None, 2, None), (2, None, None)):
        pump = in_seconds(stalled(None if first is None else first * HOUR), HOUR)
        pump = disturbed(pump, Stall(None if second is None else Instant(START.s + second * HOUR)))
        passage = check_cuts(pump, 20 * HOUR)
        flowed = sum(block.volume_nl for block in passage.blocks)
        assert flowed == (0 if end is None else (21 - end) * HOUR)
        assert [kind for kind, _ in told(passage.events)].count("motor stall alarm") == 0  # it sounds already
        assert ("motor stall" in sounding(passage.state)) == (end is None)


@pytest.mark.requirement("PMP-57")
def test_a_second_stall_before_the_recovery_was_noticed() -> None:
    """The alarm has not ended yet, so it does not end before the recovery from the second one."""
    pump = in_seconds(stalled(HOUR), 2 * HOUR)
    assert sounding(pump) == ["motor stall"]
    pump = disturbed(pump, Stall(Instant(START.s + 3 * HOUR)))
    passage = check_cuts(pump, 10 * HOUR)
    assert told(passage.events) == [("rotor turns", 3 * HOUR), ("motor stall alarm ended", 3 * HOUR + RECOVERED)]
    assert given_nl(pump, 10 * HOUR) == 9 * HOUR


@pytest.mark.requirement("PMP-57")
def test_a_stall_that_is_over_before_it_begins_is_none() -> None:
    """An end that is not later than now."""
    pump = running_pump(RUNNING)
    change = disturb(pump, Stall(START))
    assert change == Change(pump)
    assert disturb(pump, Stall(Instant(START.s - 5))) == Change(pump)


@pytest.mark.requirement("PMP-57")
def test_a_bolus_is_cut_when_the_stall_is_noticed() -> None:
    """Not before: until then the pump believes that it gives it. What it truly gave is what flowed before the stall."""
    bolus = StartBolus(SingleBolus(ml(0.3), Duration(HOUR)))
    pump = in_seconds(done(handle(running_pump(A_NANOLITRE_A_SECOND), bolus)), 10 * MINUTE)
    pump = disturbed(pump, Stall(None))
    passage = check_cuts(pump, 5 * HOUR)
    assert told(passage.events) == [("bolus cut short", 30 * MINUTE), ("motor stall alarm", 30 * MINUTE)]
    assert passage.events[0].text == "0.15 mL of 0.3 mL programmed"
    assert passage.state.usable_nl == 30_000_000 - 50_000 - 600
    assert passage.state.memory.calculated_nl == 30_000_000 - 150_000 - 310 * MINUTE
    assert refused(handle(passage.state, bolus)).rule == "PMP-14"


@pytest.mark.requirement("PMP-57")
@pytest.mark.parametrize("mode", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_a_short_stall_cuts_no_bolus(mode: str) -> None:
    """The pump notices nothing and counts the whole bolus; the patient gets what flowed before and after."""
    pump = pump_in(mode)
    assert pump.memory.bolus is not None
    end = pump.memory.bolus.end.s - pump.now.s
    whole = given_nl(pump, end)
    ill = disturbed(in_seconds(pump, 100), Stall(Instant(pump.now.s + 400)))
    passage = check_cuts(ill, end - 100)
    assert [kind for kind, _ in told(passage.events)] == ["rotor turns", f"{'bolus' if mode == 'single bolus' else mode} ended"]
    assert passage.state.memory.calculated_nl == 30_000_000 - whole
    missed = in_seconds(pump, 100).usable_nl - in_seconds(pump, 400).usable_nl
    assert abs(passage.state.usable_nl - (30_000_000 - whole + missed)) <= 1


@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("PMP-57")
@pytest.mark.parametrize("program", [FLEX, PERIODIC])
def test_after_a_stall_the_program_goes_on_by_the_clock(program: Program) -> None:
    """No step and no bolus is made up for: the flow is that of a pump that never stood."""
    sound = in_seconds(running_pump(program), 8 * HOUR)
    ill = check_cuts(disturbed(running_pump(program), Stall(Instant(START.s + 5 * HOUR))), 8 * HOUR).state
    assert ill.mode == sound.mode
    assert abs(given_nl(ill, 2 * DAY_S) - given_nl(sound, 2 * DAY_S)) <= 1


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize("sheet", ROTORS)
@pytest.mark.parametrize(
    ("recovers_after", "flowed"), [(0, 20 * HOUR - 1800), (10 * MINUTE, 19 * HOUR + 1200), (18 * HOUR, 5400), (None, 0)]
)
def test_a_magnetic_field_stalls_a_rotor(sheet: str, recovers_after: int | None, flowed: int) -> None:
    """For half an hour in the scanner, and until the gears are free: at once, 10 min or 18 h later, or never."""
    leaves = Instant(START.s + 30 * MINUTE)
    recovers = None if recovers_after is None else Instant(leaves.s + recovers_after)
    pump = disturbed(running_pump(A_NANOLITRE_A_SECOND, sheet), Magnet(leaves, recovers))
    passage = check_cuts(pump, 20 * HOUR)
    assert given_nl(pump, 30 * MINUTE) == 0
    assert pump.usable_nl - passage.state.usable_nl == flowed
    assert dict(told(passage.events))["motor stall alarm"] == NOTICED
    assert ("motor stall" in sounding(passage.state)) == (recovers_after in (18 * HOUR, None))
    assert dict(told(passage.events)).get("rotor turns") == (None if recovers is None else recovers.s - START.s)


@pytest.mark.requirement("PMP-61")
def test_a_short_scan_is_not_noticed() -> None:
    """Ten minutes in the field: the dose is missing, and the pump has nothing to report."""
    leaves = Instant(START.s + 10 * MINUTE)
    passage = after(disturbed(running_pump(A_NANOLITRE_A_SECOND), Magnet(leaves, leaves)), DAY_S)
    assert 30_000_000 - passage.state.usable_nl == DAY_S - 10 * MINUTE
    assert (reported(passage.state).alarms, reported(passage.state).log) == ((), ())


@pytest.mark.requirement("PMP-43")
def test_a_rotor_is_not_reset_by_hand() -> None:
    """There is no valve to reset in a peristaltic pump."""
    assert refused(perform(stalled(None), ResetValve())).rule == "PMP-43"


@pytest.mark.requirement("PMP-57")
def test_other_delays_of_another_sheet() -> None:
    """The delays are the data sheet's, not the program's."""
    sheet = replace(pump_sheet("reference-40"), stall_detection_delay=Duration(7), stall_recovery_delay=Duration(11))
    pump = disturbed(replace(running_pump(RUNNING), sheet=sheet), Stall(Instant(START.s + 9)))
    assert told(check_cuts(pump, 100).events) == [("motor stall alarm", 7), ("rotor turns", 9), ("motor stall alarm ended", 20)]
