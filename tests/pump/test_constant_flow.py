"""A constant-flow pump: one flow as long as there is fluid in it, and nobody to talk to."""

from dataclasses import replace

import pytest

from tests.courses import START, disturbed, ml, needled, refused
from tests.pump.pumps import HOUR, check_cuts, in_seconds, pump_in, told
from tests.pump.pumps import given as given_nl
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Fill, Interrogate, Resistance, SeptumLeak, Update, Withdraw
from thecal.pump.program import ConstantFlow, SimpleContinuous
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet, pump_sheets
from thecal.pump.state import new_pump
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S

ISOMED = [name for name in pump_sheets() if name.startswith("isomed")]
FLOWS = {"03": 300_000, "05": 500_000, "10": 1_000_000, "15": 1_500_000, "20": 2_000_000, "25": 2_500_000}


@pytest.mark.requirement("PMP-63")
@pytest.mark.parametrize("name", ISOMED)
def test_it_runs_at_its_flow_until_it_is_empty(name: str) -> None:
    """Capacity over daily flow is its running time, as its code says: reservoir and flow."""
    _, _, capacity, code = name.split("-")
    sheet = pump_sheet(name)
    assert (sheet.reservoir_capacity, sheet.flow_min) == (ml(int(capacity)), FlowRate(FLOWS[code]))
    pump = needled(perform(new_pump(sheet, START), Fill(sheet.reservoir_capacity, Concentration(500))))
    assert pump.mode == "constant flow"
    passage = check_cuts(pump, 4000 * DAY_S)
    assert told(passage.events) == [("reservoir ran dry", -(-sheet.reservoir_capacity.nl * DAY_S // FLOWS[code]))]
    assert passage.state.usable_nl == 0
    assert (passage.state.memory.alarms, passage.state.memory.signals.log) == ((), ())


@pytest.mark.requirement("PMP-63")
def test_it_begins_with_the_fill_and_begins_again_with_the_next() -> None:
    """Empty it gives nothing, however long; filled it runs from that second, ten years on as on the first day."""
    pump = new_pump(pump_sheet("isomed-8472-35-10"), START)
    assert given_nl(pump, 100 * DAY_S) == 0
    for _ in range(3):
        pump = in_seconds(pump, 1200 * DAY_S)
        pump = needled(perform(pump, Fill(ml(20), Concentration(2000))))
        assert given_nl(pump, HOUR) == 1_000_000 // 24
        assert given_nl(pump, 100 * DAY_S) == 20_000_000
    assert needled(perform(pump, Withdraw())).usable_nl == 0


@pytest.mark.requirement("PMP-63")
def test_only_influences_change_its_flow() -> None:
    """Its own deviation, the line, and a septum that leaks."""
    pump = pump_in("constant flow")
    assert given_nl(disturbed(pump, ChangeGain(Gain.parse("+10 %"))), DAY_S) == 1_100_000
    assert given_nl(disturbed(pump, Resistance(400_000)), DAY_S) == 400_000
    leaking = disturbed(pump, SeptumLeak(FlowRate(1_000_000)))
    assert check_cuts(leaking, 10 * DAY_S).state.usable_nl == 0


@pytest.mark.requirement("PMP-40")
@pytest.mark.parametrize("name", ISOMED)
def test_a_refusal_says_why_and_what_else_changes_the_dose(name: str) -> None:
    """It has no electronics: not even an interrogation is answered."""
    pump = new_pump(pump_sheet(name), START)
    for command in (Interrogate(), Update(SimpleContinuous(FlowRate(300_000)), Concentration(500))):
        refusal = refused(handle(pump, command))
        assert refusal.rule == "PMP-40"
        assert f"it runs at {pump.sheet.flow_max} and takes no command" in refusal.limit
        assert refusal.source == pump.sheet.source("flow")
        assert "concentration" in refusal.advice


@pytest.mark.requirement("PMP-20")
@pytest.mark.requirement("PMP-21")
def test_the_needle_has_its_limits_here_too() -> None:
    """No more than it holds, in either direction."""
    pump = pump_in("constant flow")
    assert refused(perform(pump, Fill(Volume(1), Concentration(500)))).rule == "PMP-20"
    assert refused(perform(pump, Withdraw(Volume(20_000_001)))).rule == "PMP-21"
    half = in_seconds(pump, 10 * DAY_S)
    assert needled(perform(half, Fill(ml(10), Concentration(2000)))).mechanics.reservoir.mcg_per_ml == 1250


def test_its_program_is_what_it_is() -> None:
    """In words, and with its totals elsewhere: one flow that nobody can change."""
    pump = pump_in("constant flow")
    assert pump.memory.program == ConstantFlow(FlowRate(1_000_000))
    assert pump.memory.program.in_words() == "constant flow: 1 mL/day, which nobody can change"
    assert replace(pump, now=START) == pump
