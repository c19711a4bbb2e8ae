"""The stored memory: the checksum of the settings and of the event log, the safe state, and the bounded log."""

from binascii import crc32
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import PROGRAMS, START, disturbed, done, ml, refused, running_pump
from tests.pump.pumps import (
    FLEX,
    HOUR,
    PERIODIC,
    RUNNING,
    check_cuts,
    in_seconds,
    pump_in,
    reading,
    reported,
    sounding,
    told,
    with_patient,
)
from tests.pump.pumps import given as given_nl
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.memory import checksum, flipped, image
from thecal.pump.messages import Event, MemoryCorruption, TestAlarm, Update
from thecal.pump.program import Program, Stopped
from thecal.pump.settle import Change
from thecal.pump.sheet import pump_sheets
from thecal.pump.state import PumpState
from thecal.quantity import Concentration
from thecal.timeline import DAY_S, Instant

CORRUPTED = MemoryCorruption("settings", 77)
FLEXIBLE = with_patient(running_pump(FLEX))


def bits(pump: PumpState) -> int:
    return 8 * len(image(pump.memory.settings))


def with_log(entries: int) -> PumpState:
    pump = running_pump(RUNNING)
    for _ in range(entries):
        pump = done(handle(in_seconds(pump, 60), TestAlarm("critical")))
    return pump


@pytest.mark.requirement("PMP-56")
@pytest.mark.parametrize(
    "mode", ["stopped", "minimum rate", "simple continuous", "flex", "periodic bolus", "single bolus", "updating"]
)
def test_the_checksum_finds_every_flipped_bit(mode: str) -> None:
    """Each bit of the stored settings, one after the other: none passes."""
    stored = image(pump_in(mode).memory.settings)
    written = checksum(pump_in(mode).memory.settings)
    assert written == crc32(stored)
    for bit in range(8 * len(stored)):
        bad = flipped(stored, bit)
        assert sum((a ^ b).bit_count() for a, b in zip(bad, stored, strict=True)) == 1
        assert crc32(bad) != written


@pytest.mark.requirement("PMP-56")
def test_every_flipped_bit_of_the_settings_leads_to_the_safe_state() -> None:
    """Whichever bit, through the fault itself; one past the end is counted on from the start."""
    for bit in (*range(0, bits(FLEXIBLE), 13), bits(FLEXIBLE) - 1, bits(FLEXIBLE), 10**9):
        pump = disturbed(FLEXIBLE, MemoryCorruption("settings", bit))
        assert (pump.mode, sounding(pump)) == ("safe state", ["critical memory error"])


@pytest.mark.requirement("PMP-56")
@given(PROGRAMS, st.integers(0, 10**6))
def test_settings_that_differ_have_images_that_differ(program: Program, bit: int) -> None:
    """The image holds every field: what was written is what is checked."""
    pump = running_pump(program)
    settings = pump.memory.settings
    others = [
        replace(settings, low_reservoir_nl=settings.low_reservoir_nl + 1),
        replace(settings, concentration=Concentration(501)),
        replace(settings, patient=FLEXIBLE.memory.settings.patient),
        replace(settings, clock=replace(settings.clock, offset_s=1)),
    ]
    assert len({image(settings), *(image(other) for other in others)}) == 5
    assert disturbed(pump, MemoryCorruption("settings", bit)).mode == "safe state"


@pytest.mark.requirement("PMP-56")
@pytest.mark.parametrize("name", [name for name, sheet in pump_sheets().items() if sheet.programmable])
@pytest.mark.parametrize("safe_state", ["minimum rate", "stopped"])
def test_the_safe_state_is_as_the_sheet_says(name: str, safe_state: str) -> None:
    """Every profile, under both readings: the minimum rate or nothing, from the second of the fault."""
    pump = disturbed(reading(in_seconds(running_pump(RUNNING, name), HOUR), safe_state=safe_state), CORRUPTED)
    assert given_nl(pump, DAY_S) == (pump.sheet.minimum_rate_flow.nl_per_day if safe_state == "minimum rate" else 0)
    assert pump.usable_nl == in_seconds(running_pump(RUNNING, name), HOUR).usable_nl
    check_cuts(pump, 3 * DAY_S)


@pytest.mark.requirement("PMP-11")
@pytest.mark.requirement("PMP-56")
def test_nothing_of_the_lost_settings_is_used() -> None:
    """Program, patient boluses, concentration and volume are gone; the concentration has to be entered again."""
    pump = disturbed(FLEXIBLE, CORRUPTED)
    report = reported(pump)
    assert (report.patient, report.concentration, report.calculated) == (None, None, None)
    assert refused(handle(pump, Update(RUNNING))).rule == "PMP-11"
    again = done(handle(pump, Update(RUNNING, Concentration(2000))))
    assert sounding(again) == []
    assert reported(again).calculated is None
    assert given_nl(again, DAY_S) == 200_000
    assert reported(done(handle(again, Update(reservoir=ml(9))))).calculated == ml(9)


@pytest.mark.requirement("PMP-56")
def test_the_low_reservoir_threshold_is_lost_with_the_settings() -> None:
    """It was written into the part that is bad: until it is written again, that of the data sheet holds."""
    pump = disturbed(done(handle(running_pump(RUNNING), Update(low_reservoir=ml(17)))), CORRUPTED)
    assert reported(pump).low_reservoir == pump.sheet.low_reservoir_threshold


@pytest.mark.requirement("PMP-56")
def test_the_fault_is_told() -> None:
    """An alarm with its event, in the log and in the report."""
    change = disturb(FLEXIBLE, CORRUPTED)
    assert isinstance(change, Change)
    assert [(event.kind, event.severity) for event in change.events] == [("critical memory error alarm", "critical")]
    assert reported(change.state).log == change.events
    assert reported(change.state).alarms == ("critical memory error",)


@pytest.mark.requirement("PMP-56")
@pytest.mark.parametrize("mode", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_a_bolus_ends_with_its_settings(mode: str) -> None:
    """It is cut at that second, and nothing of it is given later."""
    pump = disturbed(in_seconds(pump_in(mode), 300), CORRUPTED)
    assert pump.mode == "safe state"
    assert [event.kind for event in pump.memory.signals.log[-2:]] == [
        f"{'bolus' if mode == 'single bolus' else mode} cut short",
        "critical memory error alarm",
    ]
    assert given_nl(pump, DAY_S) == 6_000


@pytest.mark.requirement("PMP-56")
def test_periodic_boluses_end_with_their_settings() -> None:
    """None is given in the safe state; written again, they come at their times, the count going on from the new volume."""
    pump = disturbed(in_seconds(running_pump(PERIODIC), 3 * HOUR + 60), CORRUPTED)
    assert given_nl(pump, DAY_S) == 6_000
    again = done(handle(in_seconds(pump, 60), Update(PERIODIC, Concentration(500), ml(20))))
    assert again.mode == "between periodic boluses"
    assert in_seconds(again, 6 * HOUR - 120).mode == "periodic bolus"


@pytest.mark.requirement("PMP-56")
def test_the_clock_and_the_counters_go_on() -> None:
    """The clock keeps its offset, and what the motor turned for is not forgotten: the battery knows it."""
    pump = in_seconds(running_pump(RUNNING), 10 * DAY_S)
    after = disturbed(pump, CORRUPTED)
    assert reported(after).clock_reading_s == reported(pump).clock_reading_s
    assert after.memory.count.pumped_nl == pump.memory.count.pumped_nl == 2_000_000
    assert in_seconds(after, 10 * DAY_S).memory.count.pumped_nl == 2_060_000


@pytest.mark.requirement("PMP-56")
@pytest.mark.parametrize("bit", [0, 5, 1000, 12_345])
def test_a_bad_log_is_cleared_and_the_therapy_goes_on(bit: int) -> None:
    """A non-critical alarm until an update; the program does not change, and the count of events goes on."""
    pump = with_log(7)
    after = disturbed(pump, MemoryCorruption("log", bit))
    assert (after.mode, sounding(after)) == ("simple continuous", ["non-critical memory error"])
    assert [event.kind for event in after.memory.signals.log] == ["event log cleared", "non-critical memory error alarm"]
    assert after.memory.signals.log[0].text == "7 entries were lost, 7 had been written"
    assert reported(after).logged == 9
    assert given_nl(after, DAY_S) == given_nl(pump, DAY_S)
    assert sounding(done(handle(after, Update(low_reservoir=ml(1))))) == []


@pytest.mark.requirement("PMP-56")
def test_a_bad_log_that_is_empty_is_found_as_well() -> None:
    """There is a checksum from the first day."""
    assert sounding(disturbed(running_pump(RUNNING), MemoryCorruption("log", 3))) == ["non-critical memory error"]


@pytest.mark.requirement("PMP-56")
def test_the_log_is_bounded_and_its_count_is_not() -> None:
    """The latest 200 entries of 230, in order; below the bound all of them."""
    pump = with_log(230)
    report = reported(pump)
    assert (len(report.log), report.logged) == (200, 230)
    assert [event.at.s - START.s for event in report.log] == [60 * n for n in range(31, 231)]
    assert (len(reported(with_log(200)).log), reported(with_log(200)).logged) == (200, 200)


@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("PMP-56")
@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_short_log_is_the_same_however_time_is_cut(most: int) -> None:
    """A pump that keeps hardly any event counts all of them."""
    pump = reading(done(handle(running_pump(PERIODIC), Update(reservoir=ml(2.1)))), event_log_max=most)
    passage = check_cuts(pump, 2700 * DAY_S)
    assert len(passage.state.memory.signals.log) == most
    assert passage.state.memory.signals.logged == len(passage.events) - 1  # of an empty reservoir nothing is sensed


@pytest.mark.requirement("PMP-56")
def test_only_what_the_pump_notices_is_in_its_log() -> None:
    """A reservoir that ran dry is an event of the twin; the log of the pump knows nothing of it."""
    pump = done(handle(running_pump(RUNNING), Update(reservoir=ml(40))))
    passage = check_cuts(pump, 160 * DAY_S)
    assert told(passage.events) == [("reservoir ran dry", 150 * DAY_S)]
    assert passage.state.memory.signals.log == ()
    assert passage.events[0].severity == "unsensed"


@pytest.mark.requirement("PMP-37")
def test_a_pump_at_its_end_has_nothing_to_lose() -> None:
    """After the end of service a flipped bit changes nothing."""
    pump = pump_in("end of service")
    for part in ("settings", "log"):
        assert disturbed(pump, MemoryCorruption(part, 3)) == pump


def test_an_image_is_what_was_stored() -> None:
    """The same settings have the same image and the same checksum, and an event is part of the log's."""
    settings = running_pump(Stopped()).memory.settings
    assert image(settings) == image(running_pump(Stopped()).memory.settings)
    event = Event(Instant(0), "alarm test", "information", "critical")
    assert checksum((event,)) != checksum((replace(event, at=Instant(1)),)) != checksum(())
