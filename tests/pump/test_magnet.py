"""A strong magnetic field on pumps with valves: one opens and empties, one shuts, one does not care."""

from dataclasses import replace

import pytest

from tests.courses import START, disturbed, done, flow, ml, needled, refused, running_pump
from tests.pump.pumps import HOUR, MINUTE, after, check_cuts, in_seconds, pump_in, reported, sounding, told
from tests.pump.pumps import given as given_nl
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Fill, Magnet, ResetValve, Resistance, Update, Withdraw
from thecal.pump.program import SimpleContinuous
from thecal.pump.reservoir import perform
from thecal.pump.settle import Change
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Gain
from thecal.timeline import DAY_S, Instant

A_NANOLITRE_A_SECOND = SimpleContinuous(FlowRate(DAY_S))
OPEN_NL = 1_000_000_000  # a day, of both valve pumps
OPENS, SHUTS = "prometra-i-20", "prometra-ii-40"


def pump(sheet: str) -> PumpState:
    return running_pump(A_NANOLITRE_A_SECOND, sheet, fill=ml(15))


def scanned(sheet: str, seconds: int) -> PumpState:
    return disturbed(pump(sheet), Magnet(Instant(START.s + seconds), Instant(START.s + seconds)))


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize("seconds", [1, 60, 10 * MINUTE, 20 * MINUTE])
def test_valves_that_open_let_the_reservoir_run_into_the_patient(seconds: int) -> None:
    """As fast as the data sheet says while the field lasts, then the program goes on; the pump counts as if nothing was."""
    ill = scanned(OPENS, seconds)
    assert given_nl(ill, seconds) == OPEN_NL * seconds // DAY_S
    passage = check_cuts(ill, 5 * HOUR)
    assert ill.usable_nl - passage.state.usable_nl == OPEN_NL * seconds // DAY_S + 5 * HOUR - seconds
    assert passage.state.memory.calculated_nl == 15_000_000 - 5 * HOUR
    assert (sounding(passage.state), reported(passage.state).log) == ([], ())


@pytest.mark.requirement("PMP-61")
def test_an_open_reservoir_runs_empty() -> None:
    """15 mL are gone after 1,296 s, all of it into the patient, and no alarm says so."""
    passage = check_cuts(scanned(OPENS, HOUR), DAY_S)
    assert told(passage.events) == [("reservoir ran dry", 15 * DAY_S // 1000)]
    assert sum(block.volume_nl for block in passage.blocks) == 15_000_000
    assert sum(block.amount_pg for block in passage.blocks) == 15_000_000 * 500
    assert reported(passage.state).calculated is not None
    assert reported(passage.state).alarms == ()


@pytest.mark.requirement("PMP-61")
def test_an_empty_reservoir_can_be_scanned() -> None:
    """The rule before a scan: what was aspirated cannot run out. Filled again, the pump goes on."""
    empty = needled(perform(pump(OPENS), Withdraw()))
    ill = disturbed(empty, Magnet(Instant(START.s + HOUR), None))
    assert given_nl(ill, 2 * HOUR) == 0
    assert given_nl(needled(perform(in_seconds(ill, 2 * HOUR), Fill(ml(9), Concentration(500)))), HOUR) == HOUR


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize(("first", "second"), [(10, 4), (4, 10), (10, 10)])
def test_overlapping_fields_last_to_the_later_end(first: int, second: int) -> None:
    """The valves stay open as long as one of them lasts."""
    ill = disturbed(in_seconds(scanned(OPENS, first * MINUTE), MINUTE), Magnet(Instant(START.s + second * MINUTE), None))
    open_s = max(first, second) * MINUTE
    assert 15_000_000 - in_seconds(ill, HOUR).usable_nl == OPEN_NL * open_s // DAY_S + 61 * MINUTE - open_s


@pytest.mark.requirement("PMP-61")
def test_a_narrow_line_slows_what_runs_out() -> None:
    """Through a line that is half open half of it flows; the gain of the pump is not that of a valve that stands open."""
    ill = disturbed(disturbed(scanned(OPENS, HOUR), Resistance(500_000)), ChangeGain(Gain.parse("+20 %")))
    assert given_nl(ill, 10 * MINUTE) == OPEN_NL * 600 // DAY_S // 2


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize("seconds", [1, 60, 2 * HOUR])
def test_a_valve_that_shuts_stays_shut(seconds: int) -> None:
    """10 microlitres pass, the most that its maker states, then nothing, long after the field; the pump notices nothing."""
    ill = scanned(SHUTS, seconds)
    passage = check_cuts(ill, 30 * DAY_S)
    assert sum(block.volume_nl for block in passage.blocks) == 10_000  # no less: nobody is told a smaller leak than there is
    assert given_nl(in_seconds(ill, 10 * MINUTE), 30 * DAY_S) == 0
    assert passage.state.memory.calculated_nl == 15_000_000 - 30 * DAY_S
    assert (passage.events, sounding(passage.state)) == ((), [])


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize(("ml_per_day", "second_field"), [(1, None), (10, None), (100, None), (10, 40), (1, 600), (0.5, 1727)])
def test_no_more_than_its_volume_passes_a_valve_that_shuts(ml_per_day: float, second_field: int | None) -> None:
    """At any flow through the valve, and where a second field follows before it has shut."""
    valve = pump(SHUTS)
    slow = replace(valve, sheet=replace(valve.sheet, magnet_flow=FlowRate(round(ml_per_day * 10**6))))
    ill = disturbed(slow, Magnet(Instant(START.s + HOUR), None))
    if second_field:
        ill = disturbed(in_seconds(ill, second_field), Magnet(Instant(START.s + 2 * HOUR), None))
    shut = in_seconds(ill, DAY_S)
    assert 10_000 - round(ml_per_day * 12) <= 15_000_000 - shut.usable_nl <= 10_000  # whole seconds
    check_cuts(ill, DAY_S)


@pytest.mark.requirement("PMP-43")
@pytest.mark.requirement("PMP-61")
def test_a_shut_valve_is_reset_by_hand() -> None:
    """From that second the program flows; a second reset is refused, and so is that of a valve that is open."""
    ill = in_seconds(scanned(SHUTS, HOUR), 5 * HOUR)
    assert given_nl(ill, HOUR) == 0
    reset = needled(perform(ill, ResetValve()))
    assert given_nl(reset, HOUR) == HOUR
    refusal = refused(perform(reset, ResetValve()))
    assert refusal.rule == "PMP-43"
    assert "prometra-ii-40 data sheet, magnet" in refusal.source
    assert refused(perform(scanned(OPENS, HOUR), ResetValve())).rule == "PMP-43"
    assert refused(perform(pump(SHUTS), ResetValve())).rule == "PMP-43"


@pytest.mark.requirement("PMP-61")
def test_a_shut_valve_does_not_care_for_a_second_field() -> None:
    """It is shut and stays so; nothing more passes."""
    ill = in_seconds(scanned(SHUTS, HOUR), HOUR)
    change = disturb(ill, Magnet(Instant(START.s + 3 * HOUR), None))
    assert change == Change(ill)


@pytest.mark.requirement("PMP-61")
def test_a_shut_valve_stays_shut_under_orders() -> None:
    """No program, no volume and no fill opens it."""
    ill = in_seconds(scanned(SHUTS, HOUR), HOUR)
    ill = done(handle(needled(perform(ill, Fill(ml(5), Concentration(500)))), Update(A_NANOLITRE_A_SECOND, reservoir=ml(20))))
    assert given_nl(ill, DAY_S) == 0
    assert needled(perform(ill, Withdraw())).usable_nl == 0


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize("sheet", ["medstream-20", "medstream-40", "isomed-8472-20-10"])
def test_a_restrictor_does_not_care(sheet: str) -> None:
    """Nothing happens, and nothing is told."""
    restrictor = pump(sheet) if sheet.startswith("medstream") else pump_in("constant flow", sheet)
    change = disturb(restrictor, Magnet(Instant(START.s + HOUR), None))
    assert change == Change(restrictor)


@pytest.mark.requirement("PMP-61")
@pytest.mark.parametrize("sheet", [OPENS, SHUTS])
def test_a_field_that_has_gone_is_none(sheet: str) -> None:
    """One that leaves now or left before does nothing."""
    sound = pump(sheet)
    assert disturb(sound, Magnet(START, None)) == Change(sound)
    assert after(sound, HOUR) == advance(disturbed(sound, Magnet(START, None)), Instant(START.s + HOUR))


@pytest.mark.requirement("PMP-61")
def test_what_the_field_did_is_told_but_not_sensed() -> None:
    """An event for the reader, none in the pump's log."""
    for sheet, words in ((OPENS, "holds the valves open"), (SHUTS, "it shuts after at most 0.01 mL, until it is reset by hand")):
        change = disturb(pump(sheet), Magnet(Instant(START.s + HOUR), None))
        assert isinstance(change, Change)
        (event,) = change.events
        assert (event.kind, event.severity) == ("valve moved", "unsensed")
        assert words in event.text
        assert change.state.memory.signals.log == ()


@pytest.mark.requirement("PMP-57")
@pytest.mark.requirement("PMP-61")
def test_a_rotor_stands_for_the_whole_exposure() -> None:
    """A recovery that is said to come within the field comes when it is left."""
    pump = running_pump(SimpleContinuous(flow(0.2)))
    early = disturbed(pump, Magnet(Instant(START.s + 3600), Instant(START.s + 60)))
    assert early == disturbed(pump, Magnet(Instant(START.s + 3600), Instant(START.s + 3600)))
