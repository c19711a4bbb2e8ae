"""Operations, needles and commands in a run: what they leave in the pump, the line, the chart and the ledger."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import GEOMETRY, START, flow, ml
from thecal.catheter.faults import CatheterLeak, Disconnection, Kink, Migration
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.facts import PortUsed, PumpReplaced, ResidualMeasured, Revised, SessionEnded
from thecal.chart.order import OrderBolus, OrderContinuous, OrderMinimumRate, OrderPatient, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.messages import ChangeGain, Interference, LowBattery, Magnet, MemoryCorruption, SeptumLeak, Stall
from thecal.pump.program import BridgeBolus
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Length, Volume
from thecal.report.figures import true_rows
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.act import act
from thecal.twin.action import (
    Action,
    AskForBolus,
    EmptyReservoir,
    EndBolus,
    Explant,
    GiveBolus,
    HoldSession,
    Implant,
    Look,
    Needle,
    OpenUpdate,
    OpenValve,
    Prime,
    Refill,
    ReplacePump,
    Reprogram,
    Revise,
    SetPumpClock,
    UsePort,
)
from thecal.twin.case import parse_case
from thecal.twin.ledger import Entry
from thecal.twin.run import run
from thecal.twin.trace import Trace
from thecal.twin.world import Mishap, PlannedFault, Slip, World, befall, pass_time

# GEOMETRY: a lumen of 176,800 nL behind 140,000 nL of tubing. HUNDRED at 500 mcg/mL is 0.2 mL/day.
DEAD_NL = 316_800
REFERENCE, SYNCHROMED = pump_sheet("reference-20"), pump_sheet("synchromed-ii-20")
C500, C2000 = Concentration(500), Concentration(2000)
HUNDRED = OrderContinuous(DailyDose(100_000_000))
PATIENT = OrderPatient(Amount(10_000_000), Duration(300), Duration(4 * 3600), 3)
IMPLANT = Implant(START, REFERENCE, GEOMETRY, 0)
FIRST = Refill(START, ml(18), C500, HUNDRED)


CASE_WITH_DRIFT = """
case = 1
title = "x"
timezone = "UTC"
until = "2026-03-01 09:00"
[pump]
model = "reference-20"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
[[event]]
at = "2026-01-05 09:00"
kind = "implant"
[[event]]
at = "2026-01-20 09:00"
kind = "replace_pump"
[[world.event]]
at = "2026-01-10 09:00"
kind = "gain"
gain = "+20 %"
[[world.event]]
at = "2026-02-01 09:00"
kind = "gain_drift"
by = "+1 %"
every = "5 days"
times = 2
"""


def at(days: float) -> Instant:
    return Instant(START.s + round(days * DAY_S))


def ran(*actions: Action, until: float, faults: list[tuple[float, Mishap]] | None = None, gain: Gain | None = None) -> Trace:
    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    planned = tuple(PlannedFault(at(day), fault) for day, fault in faults or [])
    trace = run(World(START, faults=planned, gain=gain or Gain(Gain.EXACT)), source, at(until))
    assert trace.balance.closes
    return trace


def pump_of(trace: Trace) -> PumpState:
    assert trace.world.pump is not None
    return trace.world.pump


def rules(trace: Trace) -> list[str]:
    return [refused.refusal.rule for refused in trace.refused]


def given_by(trace: Trace, *days: float) -> list[int]:
    """The nanolitres that had left the tip by each of the days."""
    return [volume_nl for volume_nl, _ in trace.delivered_at([at(day) for day in days])]


def told(trace: Trace) -> list[tuple[str, float]]:
    """Each event, and on which day it was."""
    return [(event.kind, (event.at.s - START.s) / DAY_S) for event in trace.events]


@pytest.mark.parametrize(
    ("old", "new", "bridge_flow", "seconds", "after_nl"),
    [
        (C500, C2000, 0.2, 136_858, 50_000),  # 100 mcg/day of 500 mcg/mL until 0.3168 mL have passed: 1.584 days
        (C2000, C500, 0.05, 547_431, 200_000),  # of 2,000 mcg/mL: 6.336 days
    ],
)
def test_a_bridge_keeps_the_dose_until_the_old_concentration_is_out(
    old: Concentration, new: Concentration, bridge_flow: float, seconds: int, after_nl: int
) -> None:
    """The dead volume at the ordered dose over the old concentration, to the second; then the program of the new one."""
    refill = Refill(at(20), ml(18), new, HUNDRED, bridge=True)
    first = replace(FIRST, concentration=old)
    ends = 20 + seconds / DAY_S
    trace = ran(IMPLANT, first, refill, until=40)
    bridge = pump_of(ran(IMPLANT, first, refill, until=ends - 1 / DAY_S)).memory.bolus
    assert bridge is not None
    assert bridge.bolus == BridgeBolus(Volume(DEAD_NL), flow(bridge_flow))
    assert told(trace)[-1] == ("bridge bolus ended", ends)
    before, during, after = given_by(trace, 20, ends, ends + 1)
    assert during - before == DEAD_NL
    assert abs(after - during - after_nl) <= 1
    # what mixes ahead of the front and behind it aside, the dose is kept through the change
    pg = [amount for _, amount in trace.delivered_at([at(20), at(ends)])]
    assert (pg[1] - pg[0]) / 10**6 == pytest.approx(100 * seconds / DAY_S, rel=0.05)
    assert pump_of(trace).memory.concentration == new


@pytest.mark.requirement("PMP-08")
def test_no_other_program_while_a_bridge_runs_but_it_can_be_cancelled() -> None:
    """The remainder then leaves at the flow of the new program."""
    refill = Refill(at(20), ml(18), C2000, HUNDRED, bridge=True)
    trace = ran(IMPLANT, FIRST, refill, Reprogram(at(20.5), HUNDRED), EndBolus(at(21)), until=22)
    assert rules(trace) == ["PMP-08"]
    assert given_by(trace, 20, 21, 22) == [4_000_000, 4_200_000, 4_250_000]
    assert trace.events[-1].text.startswith("0.2 mL of 0.3168 mL programmed. The remainder lies in the line")


@pytest.mark.requirement("TWN-05")
@pytest.mark.requirement("TWN-12")
@pytest.mark.parametrize(
    ("before", "bad"),
    [
        ([], replace(FIRST, bridge=True)),
        ([FIRST], Refill(at(10), ml(18), C500, HUNDRED, bridge=True)),
        ([FIRST], Refill(at(10), ml(18), C2000, OrderStop(), bridge=True)),
        ([FIRST], Refill(at(10), ml(18), C2000, OrderMinimumRate(), bridge=True)),
        ([FIRST, Reprogram(at(5), OrderStop())], Refill(at(10), ml(18), C2000, bridge=True)),
    ],
)
def test_a_bridge_needs_an_old_concentration_and_a_dose(before: list[Action], bad: Refill) -> None:
    """Not at the first fill, not at the same strength, not to a stop or the minimum rate; the refill is refused whole."""
    with_it, without = ran(IMPLANT, *before, bad, until=20), ran(IMPLANT, *before, until=20)
    assert rules(with_it) == ["TWN-05"]
    assert with_it.world == without.world
    assert with_it.refused[0].refusal.advice == "Leave the bridge out."


def test_a_bridge_that_the_pump_cannot_run_is_refused_with_the_whole_refill() -> None:
    """60 mcg/day of 2,000 mcg/mL are 0.03 mL/day, less than a reference pump's slowest; the plan's way out is named."""
    sixty = OrderContinuous(DailyDose(60_000_000))
    trace = ran(IMPLANT, replace(FIRST, concentration=C2000), Refill(at(10), ml(18), C500, sixty, bridge=True), until=20)
    assert rules(trace) == ["PMP-01"]
    assert "Do not bridge" in trace.refused[0].refusal.advice
    assert pump_of(trace).memory.concentration == C2000
    assert pump_of(trace).usable_nl == 17_000_000


def test_a_bridge_needs_its_program() -> None:
    """A new concentration comes with its program, bridge or not."""
    assert rules(ran(IMPLANT, FIRST, Refill(at(10), ml(18), C2000, bridge=True), until=11)) == ["PMP-12"]


def test_a_new_pump_takes_over_the_catheter() -> None:
    """Of the old one 16 mL are withdrawn and its tubing is thrown away; the catheter stays with its 88.4 mcg."""
    trace = ran(IMPLANT, FIRST, ReplacePump(at(10), SYNCHROMED, 3600), until=12)
    ledger, balance = trace.balance.ledger, trace.balance
    assert ledger.withdrawn == Entry(16_000_000, 8_000_000_000)
    assert ledger.wasted == Entry(140_000, 70_000_000)
    assert ledger.prefilled == Entry(DEAD_NL + 140_000 + 1_400_000, 0)  # new tubing, and what no needle reaches
    assert balance.line == Entry(DEAD_NL, 88_400_000)
    assert (balance.reservoir, ledger.intrathecal.volume_nl) == (Entry(1_400_000, 0), 2_000_000)
    assert PumpReplaced(at(10), "synchromed-ii-20", Volume(DEAD_NL)) in trace.chart.facts
    pump = pump_of(trace)
    assert (pump.sheet.name, pump.mode, pump.memory.concentration) == ("synchromed-ii-20", "stopped", None)
    assert pump.memory.settings.clock.offset_s == 3600


def test_a_new_pump_begins_a_new_page_of_the_chart() -> None:
    """No fill, no session, no residual; its first residual is a first one again; who was implanted when stays."""
    trace = ran(IMPLANT, FIRST, Refill(at(5), ml(18), C500), ReplacePump(at(10), REFERENCE, 0), until=12)
    chart = trace.chart
    assert (chart.filled, chart.session, chart.fill_session, chart.residual) == (None, None, None, None)
    assert chart.implanted is not None
    assert trace.courses[-1].refill_by is None
    refills = [replace(FIRST, at=at(10)), Refill(at(20), ml(18), C500), Refill(at(25), ml(18), C500)]
    trace = ran(IMPLANT, FIRST, Refill(at(5), ml(18), C500), ReplacePump(at(10), REFERENCE, 0), *refills, until=30)
    residuals = [fact for fact in trace.chart.facts if isinstance(fact, ResidualMeasured)]
    assert [(residual.measured, residual.first) for residual in residuals] == [(ml(17), True), (ml(16), True), (ml(17), False)]


def test_what_was_wrong_with_the_old_pump_goes_with_it_and_what_is_wrong_with_the_catheter_stays() -> None:
    """A stall and a gain of 40 % are the old pump's; the case's 10 %, a kink to a half and a leak of a fifth the new one's."""
    faults: list[tuple[float, Mishap]] = [
        (2, ChangeGain(Gain.parse("+40 %"))), (3, Stall(None)), (4, Kink(500_000)), (4, CatheterLeak(Length(400), 200_000)),
    ]  # fmt: skip
    exchange = ReplacePump(at(10), REFERENCE, 0), replace(FIRST, at=at(10))
    trace = ran(IMPLANT, FIRST, *exchange, until=20, faults=faults, gain=Gain.parse("+10 %"))
    assert given_by(trace, 2, 3, 10, 20) == [440_000, 720_000, 720_000, 720_000 + 880_000]
    assert pump_of(trace).usable_nl == 18_000_000 - 1_100_000
    assert trace.balance.ledger.tissue.volume_nl == 220_000


def test_a_new_catheter_is_whole_and_empty_of_drug() -> None:
    """89 cm behind the tubing: the kink and the leak are gone, what lay in the old catheter is thrown away."""
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T4", Volume(1))  # the tubing is the pump's own
    faults: list[tuple[float, Mishap]] = [(5, Kink(0)), (6, CatheterLeak(Length(400), 500_000))]
    trace = ran(IMPLANT, FIRST, Revise(at(10), geometry, "CSF"), until=15, faults=faults)
    assert given_by(trace, 5, 10, 15) == [1_000_000, 1_000_000, 2_000_000]
    ledger = trace.balance.ledger
    assert ledger.wasted == Entry(176_800, 88_400_000)
    assert ledger.prefilled == Entry(DEAD_NL + 196_690, 0)
    assert (ledger.tissue, trace.balance.line) == (Entry(), Entry(336_690, 168_345_000))
    [revised] = [fact for fact in trace.chart.facts if isinstance(fact, Revised)]
    assert (revised.catheter, revised.tip_level, revised.dead_volume) == ("indura-8709sc", "T4", Volume(336_690))
    assert (revised.at, revised.holds) == (at(10), "CSF")
    assert trace.world.geometry == replace(geometry, tubing_volume=ml(0.14))


def test_an_emptied_reservoir_gives_only_what_lies_in_the_line() -> None:
    """All that can be aspirated is withdrawn, the residual is on the chart, and the pump counts on as if nothing had been."""
    trace = ran(IMPLANT, FIRST, EmptyReservoir(at(10)), until=40)
    before, after = given_by(trace, 10, 40)
    assert before == after == 2_000_000
    fact = next(fact for fact in trace.chart.facts if isinstance(fact, ResidualMeasured))
    assert (fact.expected, fact.measured) == (Volume(16_000_000), Volume(16_000_000))
    assert trace.balance.ledger.withdrawn.volume_nl == 16_000_000
    assert ("reservoir ran dry", 10.0) in told(trace)
    assert pump_of(trace).known_nl == 18_000_000 - 40 * 200_000
    again = ran(IMPLANT, FIRST, EmptyReservoir(at(10), ml(15.5)), EmptyReservoir(at(11)), until=12)
    residuals = [fact for fact in again.chart.facts if isinstance(fact, ResidualMeasured)]
    assert [fact.measured for fact in residuals] == [ml(15.5), Volume(0)]
    assert residuals[1].expected == Volume(0)


@pytest.mark.parametrize(("measured", "refused"), [(16.0, []), (15.5, []), (5.0, ["RPC-07"]), (0.0, ["RPC-07"])])
def test_a_reservoir_that_was_not_emptied_is_not_taken_for_empty(measured: float, refused: list[str]) -> None:
    """Where less came than had to come, the refill after it is stopped as ever: it may lie in the tissue, or still be there."""
    needle = Needle(ml(17), C500, measured=Volume(0))
    refill = HoldSession(at(10.1), OrderSheet(concentration=C500, reservoir=ml(17)), needle)
    trace = ran(IMPLANT, FIRST, EmptyReservoir(at(10), ml(measured)), refill, until=12)
    assert rules(trace) == refused


def test_a_catheter_that_comes_apart_at_the_pump_s_end_is_not_looked_at_each_second() -> None:
    """Nothing enters the lumen any more, so no mixing is due: days are a few Blocks, and not one for each second."""
    trace = ran(IMPLANT, FIRST, until=3, faults=[(0.5, Disconnection(Length(0)))])
    assert len(trace.tip) < 10
    assert trace.balance.ledger.tissue.volume_nl == 500_000
    assert given_by(trace, 0.5, 3) == [100_000, 100_000]


def test_explant_after_all_of_it_leaves_nothing() -> None:
    """Reservoir and line are in the ledger's other accounts, and a pump may be implanted again, with an open line."""
    operations = ReplacePump(at(5), SYNCHROMED, 0), replace(FIRST, at=at(5)), Revise(at(8), GEOMETRY), Explant(at(10))
    faults: list[tuple[float, Mishap]] = [(9, Kink(0)), (9, Migration(None))]
    trace = ran(IMPLANT, FIRST, *operations, until=12, faults=faults)
    assert (trace.balance.reservoir, trace.balance.line, trace.world.pump) == (Entry(), Entry(), None)
    again = replace(IMPLANT, at=at(10)), replace(FIRST, at=at(10))
    trace = ran(IMPLANT, FIRST, *operations, *again, until=12, faults=faults)
    assert given_by(trace, 9, 10, 12) == [1_800_000, 1_800_000, 2_200_000]


def test_a_priming_bolus_fills_the_line_and_nothing_else_flows_meanwhile() -> None:
    """0.3168 mL at 24 mL/day take 1,141 s; then 0.2 mL/day."""
    trace = ran(IMPLANT, FIRST, Prime(START, Volume(DEAD_NL), flow(24)), until=1)
    assert told(trace)[-1] == ("priming bolus ended", 1141 / DAY_S)
    assert given_by(trace, 1141 / DAY_S, 1) == [DEAD_NL, DEAD_NL + 200_000 * (DAY_S - 1141) // DAY_S]
    assert trace.balance.ledger.intrathecal.amount_pg > 195_000 * 500  # water first, then almost only drug


@pytest.mark.parametrize(("volume", "rate", "rule"), [(0.3168, 24.1, "PMP-02"), (0.3168, 0.3, "PMP-13"), (20, 23.9, "PMP-15")])
def test_a_priming_bolus_keeps_the_limits_of_the_pump(volume: float, rate: float, rule: str) -> None:
    """Too fast, longer than 24 h, more than there is."""
    trace = ran(IMPLANT, FIRST, Prime(at(1), ml(volume), flow(rate)), until=1)
    assert rules(trace) == [rule]


@pytest.mark.requirement("PMP-18")
@pytest.mark.requirement("PMP-19")
def test_a_patient_asks_and_the_lockout_answers() -> None:
    """4 h apart, three in any 24 h, 0.02 mL each; what the patient does reads nothing into the chart."""
    asked = [AskForBolus(at(1 + hours / 24), expect_refused=hours in (1, 12)) for hours in (0, 1, 4, 8, 12, 24)]
    trace = ran(IMPLANT, replace(FIRST, patient=PATIENT), *asked, until=3)
    assert rules(trace) == ["PMP-18", "PMP-19"]
    assert trace.as_expected
    assert given_by(trace, 1, 2, 3) == [200_000, 460_000, 680_000]
    assert len([fact for fact in trace.chart.facts if isinstance(fact, SessionEnded)]) == 1
    assert rules(ran(IMPLANT, FIRST, AskForBolus(at(1)), until=2)) == ["PMP-33"]


@pytest.mark.requirement("PMP-12")
def test_a_patient_bolus_keeps_its_dose_through_a_change_of_concentration() -> None:
    """10 mcg are 0.02 mL of 500 mcg/mL and 0.005 of 2,000: the change is refused unless the bolus is ordered with it."""
    without = Refill(at(10), ml(18), C2000, HUNDRED)
    actions = replace(FIRST, patient=PATIENT), without, replace(without, patient=PATIENT), AskForBolus(at(20))
    trace = ran(IMPLANT, *actions, until=20.5)
    assert rules(trace) == ["PMP-12"]
    assert given_by(trace, 10, 20, 20.5) == [2_000_000, 2_500_000, 2_530_000]


@pytest.mark.requirement("PMP-34")
def test_the_pump_clock_is_set_but_not_under_a_bolus() -> None:
    """To an offset that a zone can have; the session says what it shows."""
    bolus = GiveBolus(at(1), OrderBolus(Amount(50_000_000), Duration(600)))
    early, late = SetPumpClock(Instant(at(1).s + 300), 3600), SetPumpClock(at(2), -7200)
    trace = ran(IMPLANT, FIRST, bolus, early, late, SetPumpClock(at(2), 15 * 3600), until=3)
    assert rules(trace) == ["PMP-34", "PMP-38"]
    assert pump_of(trace).memory.settings.clock.offset_s == -7200
    assert trace.chart.session is not None
    assert trace.chart.session.report.clock_reading_s % DAY_S == 7 * 3600  # 09:00 UTC


@pytest.mark.requirement("PMP-35")
@pytest.mark.requirement("PMP-59")
def test_an_update_left_open_stops_a_synchromed_and_not_a_reference_pump() -> None:
    """Five days until the program is written; after 48 h the stopped one says so, and takes no bolus meanwhile."""
    bolus = GiveBolus(at(6), OrderBolus(Amount(50_000_000), Duration(600)))
    actions = FIRST, OpenUpdate(at(5)), bolus, Reprogram(at(10), HUNDRED)
    stopped = ran(replace(IMPLANT, sheet=SYNCHROMED), *actions, until=15)
    assert given_by(stopped, 5, 10, 15) == [1_000_000, 1_000_000, 2_000_000]
    assert [pair for pair in told(stopped) if "alarm" in pair[0]] == [("pump stopped alarm", 7), ("pump stopped alarm ended", 10)]
    running = ran(IMPLANT, *actions, until=15)  # its open update is cleared within minutes, so the bolus is taken
    assert given_by(running, 5, 10, 15) == [1_000_000, 2_100_000, 3_100_000]
    assert not [kind for kind, _ in told(running) if "alarm" in kind]
    assert (rules(stopped), rules(running)) == (["PMP-35"], [])


@pytest.mark.requirement("PMP-36")
@pytest.mark.requirement("PMP-58")
def test_an_interrogation_ends_telemetry_mode() -> None:
    """Interference while the low reservoir alarm sounds: nothing for two days, no program, until somebody looks."""
    short = replace(FIRST, typed=ml(2.2))
    actions = replace(IMPLANT, sheet=SYNCHROMED), short, Reprogram(at(3), HUNDRED), Look(at(4))
    trace = ran(*actions, until=5, faults=[(2, Interference())])
    assert rules(trace) == ["PMP-36"]
    assert given_by(trace, 2, 4, 5) == [400_000, 400_000, 600_000]
    assert ("telemetry mode ended", 4) in told(trace)


@pytest.mark.requirement("PMP-43")
def test_a_valve_that_a_scanner_shut_is_opened_by_hand() -> None:
    """A Prometra II gives 10 µL from the fifth day to the seventh; where no valve is shut there is nothing to reset."""
    field = Magnet(at(5) + Duration(1800), None)
    actions = replace(IMPLANT, sheet=pump_sheet("prometra-ii-20")), FIRST, OpenValve(at(4)), OpenValve(at(7))
    trace = ran(*actions, until=8, faults=[(5, field)])
    assert rules(trace) == ["PMP-43"]
    assert given_by(trace, 5, 7, 8) == [1_000_000, 1_010_000, 1_210_000]  # its 10 µL, in the second in which it shuts
    assert ("valve reset", 7) in told(trace)
    assert rules(ran(IMPLANT, FIRST, OpenValve(at(7)), until=8, faults=[(5, field)])) == ["PMP-43"]


@pytest.mark.requirement("CAT-11")
def test_a_needle_in_the_port_is_in_the_ledger() -> None:
    """0.17 mL of contrast drive 85 mcg in at once; 0.05 mL that are drawn come back as spinal fluid; drug comes from a vial."""
    actions = (
        UsePort(at(10), "inject", ml(0.17)),
        UsePort(at(10), "aspirate", ml(0.05)),
        UsePort(at(10), "inject", ml(0.1), C2000),
    )
    trace = ran(IMPLANT, FIRST, *actions, until=10)
    ledger = trace.balance.ledger
    given_pg = (2_000_000 - DEAD_NL) * 500 + 85_000_000 + 6_800 * 500  # and the rest of the lumen by the last of them
    assert ledger.intrathecal == Entry(2_270_000, given_pg)
    assert ledger.withdrawn == Entry(50_000, 0)
    assert ledger.vial == Entry(18_100_000, 9_200_000_000)
    assert ledger.prefilled == Entry(DEAD_NL + 170_000 + 50_000, 0)
    (event,) = (event for event in trace.events if "85 mcg" in event.text)
    assert (event.kind, event.severity) == ("bolus through the port", "unsensed")
    assert PortUsed(at(10), "inject", ml(0.1), C2000) in trace.chart.facts


@pytest.mark.requirement("CAT-10")
@pytest.mark.requirement("TWN-12")
def test_a_needle_that_gets_nothing_changes_nothing() -> None:
    """An occluded catheter is the same afterwards, and the chart has the attempt."""
    faults: list[tuple[float, Mishap]] = [(5, Kink(0))]
    needles = UsePort(at(10), "aspirate", ml(0.2)), UsePort(at(10), "inject", ml(0.2), C500)
    with_it, without = (ran(IMPLANT, FIRST, *tried, until=12, faults=faults) for tried in (needles, ()))
    assert rules(with_it) == ["CAT-10"] * 2
    assert with_it.world == without.world


SHEETS = st.sampled_from(["reference-20", "synchromed-ii-20", "prometra-ii-20", "medstream-20", "isomed-8472-20-10"]).map(
    pump_sheet
)
GEOMETRIES = st.builds(Geometry, st.just(GEOMETRY.sheet), st.integers(0, 800).map(Length), st.just("T4"), st.just(ml(0.14)))
STRENGTHS, VOLUMES = st.sampled_from([C500, C2000]), st.integers(1, 21_000_000).map(Volume)
NOW = st.just(START)  # each is done when its turn comes
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(Implant, NOW, SHEETS, GEOMETRIES, st.just(0), st.sampled_from(["sterile water", "air"])),
    st.builds(ReplacePump, NOW, SHEETS, st.just(0)),
    st.builds(Revise, NOW, GEOMETRIES),
    st.builds(Refill, NOW, VOLUMES, STRENGTHS, st.none() | st.just(HUNDRED), drawn_up=st.none() | VOLUMES, bridge=st.booleans()),
    st.builds(Refill, NOW, st.just(ml(18)), STRENGTHS, st.just(HUNDRED), bridge=st.booleans()),
    st.builds(Prime, NOW, st.integers(1, 500_000).map(Volume), st.just(flow(24))),
    st.builds(UsePort, NOW, st.sampled_from(["aspirate", "inject"]), st.integers(1, 300_000).map(Volume), st.none() | STRENGTHS),
    st.sampled_from([Explant(START), OpenUpdate(START), Look(START), OpenValve(START), EndBolus(START)]),
)
MISHAPS: st.SearchStrategy[Mishap] = st.sampled_from(
    [
        Slip(concentration=C2000), Slip(content="other drug"), Slip(pocket=ml(20)), Slip(extra=ml(5)), Kink(0), Kink(300_000),
        Disconnection(Length(0)), Migration(None), Migration("L1"), Stall(None), Interference(), ChangeGain(Gain(1_300_000)),
    ]
)  # fmt: skip
STEPS = st.lists(st.tuples(st.integers(0, 30 * DAY_S), st.one_of(ACTIONS, ACTIONS, MISHAPS)), max_size=12)


@pytest.mark.requirement("TWN-10")
@given(SHEETS, STEPS)
def test_the_ledger_closes_after_every_operation(sheet: PumpSheet, steps: list[tuple[int, Action | Mishap]]) -> None:
    """In any order, done or refused: nothing is missing, and the line holds its dead volume, or nothing without a pump."""
    chart = Chart()
    first: list[tuple[int, Action | Mishap]] = [(0, replace(IMPLANT, sheet=sheet)), (0, replace(FIRST, volume=ml(9)))]
    world = World(START)
    for seconds, step in first + steps:
        world = pass_time(world, Instant(world.now.s + seconds)).world
        if isinstance(step, Mishap):
            world = befall(world, PlannedFault(world.now, step), [])
        else:
            outcome = act(world, chart, replace(step, at=world.now))
            if not isinstance(outcome, Refusal):
                world, chart = outcome.world, chart.after(*outcome.facts)
        assert world.balance().closes
        assert all(entry.volume_nl >= 0 and entry.amount_pg >= 0 for entry in world.balance().held)
        assert world.line.volume_nl == (world.geometry.dead_volume.nl if world.geometry else 0)


@pytest.mark.parametrize(
    ("fault", "breaks"),
    [
        (Stall(at(10)), 2),
        (Kink(0), 1),
        (CatheterLeak(Length(200), 500_000), 1),
        (Disconnection(Length(200)), 1),
        (Migration(None), 1),
        (LowBattery(), 1),
        (MemoryCorruption("settings", 3), 1),
    ],
)
def test_a_row_ends_where_the_flow_does(fault: Mishap, breaks: int) -> None:
    """What stops the flow on the fifth day, or lets less of it through, ends the row, so that no mean hides it."""
    plain, broken = ran(IMPLANT, FIRST, until=20), ran(IMPLANT, FIRST, until=20, faults=[(5, fault)])
    assert len(broken.courses) == len(plain.courses) + breaks
    assert at(5) in {course.interval.end for course in broken.courses}


def test_a_row_ends_where_interference_stops_the_pump() -> None:
    """Only while an alarm sounds, and until somebody interrogates: both are ends of rows, and the mode is told."""
    implant = replace(IMPLANT, sheet=SYNCHROMED, low_reservoir=ml(17.5))
    trace = ran(implant, FIRST, Look(at(8)), until=10, faults=[(5, Interference())])
    assert [(course.mode, course.delivered_nl > 0) for course in trace.courses[-3:]] == [
        ("simple continuous", True),
        ("telemetry mode", False),
        ("simple continuous", True),
    ]


def test_a_new_catheter_has_no_kink_and_a_new_pump_has_the_old_one() -> None:
    """Behind a kink that lets half through, a new pump gives half as well; with a new catheter all of it."""
    kink: list[tuple[float, Mishap]] = [(2, Kink(500_000))]
    again = Refill(at(4), ml(18), C500, HUNDRED)
    replaced = ran(IMPLANT, FIRST, ReplacePump(at(4), REFERENCE, 0), again, until=6, faults=kink)
    revised = ran(IMPLANT, FIRST, Revise(at(4), GEOMETRY), until=6, faults=kink)
    assert given_by(replaced, 2, 4, 6) == [400_000, 600_000, 800_000]
    assert given_by(revised, 2, 4, 6) == [400_000, 600_000, 1_000_000]


def test_a_new_pump_drifts_from_its_own_gain() -> None:
    """A staircase after a replacement begins at what the world says of a pump out of its box."""
    case = parse_case((CASE_WITH_DRIFT).encode(), "drift.toml")
    gains = [planned.fault.gain.ppm for planned in case.faults if isinstance(planned.fault, ChangeGain)]
    assert gains == [1_200_000, 1_010_000, 1_020_000]


def test_a_port_bolus_is_in_the_rows_and_in_the_course_of_the_dose() -> None:
    """0.2 mL of 500 mcg/mL at the port counts in the row that it opens, and at once in what had left the tip by then."""
    trace = ran(IMPLANT, FIRST, UsePort(at(9), "inject", ml(0.2), C500), until=10)
    assert sum(course.delivered_nl for course in trace.courses) == trace.balance.ledger.intrathecal.volume_nl
    assert sum(course.delivered_pg for course in trace.courses) == trace.balance.ledger.intrathecal.amount_pg
    (before, _), (after, _) = trace.delivered_at([Instant(at(9).s - 1), at(9)])
    assert 200_000 <= after - before <= 200_003


def test_the_true_reservoir_is_drawn_as_it_is() -> None:
    """With a leak as well: the line ends where the row does."""
    trace = ran(IMPLANT, FIRST, until=20, faults=[(5, SeptumLeak(FlowRate(200_000)))])
    (course,) = trace.courses
    assert course.true is not None
    when, drawn_ml = [point for _, row in true_rows(trace) for point in row][-1]
    assert when == at(20)
    assert drawn_ml == pytest.approx(course.true.ml)
