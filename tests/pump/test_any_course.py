"""Any course of orders, needles and faults: the same however time is cut, nothing lost, and every alarm is its condition."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import FLOWS, PROGRAMS, START, done, flow, ml, needled
from tests.pump.pumps import (
    BRIDGE,
    HOUR,
    PATIENT,
    PERIODIC,
    PRIMING,
    RUNNING,
    check_cuts,
)
from thecal.errors import Refusal
from thecal.fluid import amount_of, volume_of
from thecal.pump.alarms import ALARMS
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import (
    BatteryFilm,
    BeginUpdate,
    CancelBolus,
    ChangeGain,
    Command,
    Fault,
    Fill,
    Interference,
    Interrogate,
    LowBattery,
    Magnet,
    MemoryCorruption,
    Procedure,
    RequestBolus,
    ResetValve,
    Resistance,
    SeptumLeak,
    SetClock,
    Stall,
    StartBolus,
    Surroundings,
    Update,
    Withdraw,
)
from thecal.pump.modes import MODES
from thecal.pump.program import PeriodicBolus, SingleBolus
from thecal.pump.reservoir import perform
from thecal.pump.sheet import READINGS, PumpSheet, pump_sheet, pump_sheets
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

SHEETS = [name for name in pump_sheets() if not name.startswith("isomed")] + ["isomed-8472-20-10"]
SPANS = st.integers(0, 3 * HOUR) | st.integers(0, 3 * DAY_S) | st.integers(0, 400 * DAY_S)
UPDATES = st.builds(
    Update,
    st.none() | PROGRAMS | st.just(PERIODIC) | st.just(PeriodicBolus(ml(0.1), Duration(3599), Duration(HOUR), 1234, flow(0.07))),
    st.none() | st.just(Concentration(500)) | st.just(Concentration(2000)),
    st.none() | st.integers(0, 20_000_000).map(Volume),
    st.none() | st.integers(0, 5_000_000).map(Volume),
    st.none() | st.just(PATIENT),
    st.none() | st.just(PRIMING) | st.just(BRIDGE),
)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    UPDATES,
    UPDATES,
    st.sampled_from([Interrogate(), BeginUpdate(), RequestBolus(), CancelBolus(), StartBolus(PRIMING), StartBolus(BRIDGE)]),
    st.builds(
        lambda volume, s: StartBolus(SingleBolus(Volume(volume), Duration(s))), st.integers(1, 400_000), st.integers(60, DAY_S)
    ),
    st.integers(-14 * HOUR, 14 * HOUR).map(SetClock),
)
FAULTS = st.one_of(
    st.integers(700_000, 1_300_000).map(lambda ppm: ChangeGain(Gain(ppm))),
    st.integers(900_000, 1_100_000).map(lambda ppm: Surroundings("temperature", Gain(ppm))),
    st.integers(0, 1_000_000).map(Resistance),
    st.none() | st.integers(0, 3 * HOUR),
    st.tuples(st.integers(0, HOUR), st.none() | st.integers(0, DAY_S)),
    st.just(Interference()),
    st.builds(BatteryFilm, st.integers(0, 400_000), st.integers(0, 90 * DAY_S).map(Duration)),
    st.just(LowBattery()),
    st.builds(MemoryCorruption, st.sampled_from(["settings", "log"]), st.integers(0, 2000)),
    FLOWS.map(lambda nl_per_day: SeptumLeak(FlowRate(nl_per_day // 20))),
)
NEEDLES: st.SearchStrategy[Procedure] = st.one_of(
    st.builds(Fill, st.integers(1, 20_000_000).map(Volume), st.just(Concentration(500)) | st.just(Concentration(2000))),
    st.just(Withdraw()),
    st.integers(1, 9_000_000).map(lambda nl: Withdraw(Volume(nl))),
    st.just(ResetValve()),
)


def fault_at(now: Instant, drawn: object) -> Fault:
    """A fault whose times are counted from now."""
    if drawn is None or isinstance(drawn, int):
        return Stall(None if drawn is None else Instant(now.s + drawn))
    if isinstance(drawn, tuple):
        leaves, recovers = drawn
        return Magnet(Instant(now.s + leaves), None if recovers is None else Instant(now.s + leaves + recovers))
    return drawn  # type: ignore[return-value]  # the other kinds are faults as they are drawn


def sheet_of(name: str, readings: dict[str, int]) -> PumpSheet:
    """The sheet of a model under any readings, those that a source decides included."""
    sheet = pump_sheet(name)
    if not sheet.programmable:
        return sheet
    values = {of: READINGS[of][n] == "yes" if of == "stops_while_updating" else READINGS[of][n] for of, n in readings.items()}
    return replace(sheet, **values)  # type: ignore[arg-type]


def check_sound(pump: PumpState) -> None:
    """What holds of every pump between two operations."""
    assert pump.mode in MODES
    assert pump.usable_nl >= 0
    if pump.sheet.programmable:
        assert {alarm.kind.name for alarm in pump.memory.alarms} == {kind.name for kind in ALARMS if kind.condition(pump)}
    assert all(alarm.onset <= pump.now for alarm in pump.memory.alarms)
    assert 0 <= pump.memory.count.carry < pump.memory.pattern.per
    assert 0 <= pump.mechanics.carry < pump.mechanics.drive.per
    assert len(pump.memory.signals.log) <= pump.sheet.event_log_max
    stands = pump.memory.count.pumped_nl > 0 and not pump.memory.pattern.total and pump.mode != "end of service"
    assert (pump.memory.signals.stopped_since is not None) == (stands and pump.sheet.programmable)
    if pump.memory.critical == "end of service":
        assert pump.mechanics.drive.total == 0 or pump.mechanics.valve is not None


@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("PMP-31")
@pytest.mark.requirement("PMP-60")
@settings(max_examples=120)
@given(
    st.sampled_from(SHEETS),
    st.dictionaries(st.sampled_from(list(READINGS)), st.integers(0, 1), max_size=4),
    st.none() | st.just(ml(18)),
    st.integers(-30, 30),
    st.lists(st.tuples(COMMANDS | FAULTS | NEEDLES, SPANS), min_size=1, max_size=12),
)
def test_any_course(
    name: str, readings: dict[str, int], typed: Volume | None, drift_s: int, course: list[tuple[object, int]]
) -> None:
    """Whatever is done: cut anywhere it is the same, what went in is what is where, and every alarm is its condition."""
    pump = needled(perform(new_pump(sheet_of(name, readings), START, 0, drift_s), Fill(ml(18), Concentration(500))))
    if pump.sheet.programmable:
        pump = done(handle(pump, Update(RUNNING, Concentration(500), typed)))
    fluid = pump.mechanics.reservoir
    volume_nl, amount_pg = fluid.volume_nl, fluid.amount_pg
    for number, (operation, seconds) in enumerate(course):
        if isinstance(operation, Command):
            outcome = handle(pump, operation)
            pump = pump if isinstance(outcome, Refusal) else outcome.state
        elif isinstance(operation, Procedure):
            performed = perform(pump, operation)
            if not isinstance(performed, Refusal):
                pump, syringe = performed
                added = operation if isinstance(operation, Fill) else None
                volume_nl += (added.volume.nl if added else 0) - syringe.volume_nl
                amount_pg += (added.volume.of(added.concentration).pg if added else 0) - syringe.amount_pg
        else:
            change = disturb(pump, fault_at(pump.now, operation))
            pump = pump if isinstance(change, Refusal) else change.state
        check_sound(pump)
        passage = check_cuts(pump, seconds, seed=number, cuts=6)
        pump = passage.state
        check_sound(pump)
        volume_nl -= sum(block.volume_nl for block in passage.blocks) + volume_of(passage.leaked)
        amount_pg -= sum(block.amount_pg for block in passage.blocks) + amount_of(passage.leaked)
        assert (pump.mechanics.reservoir.volume_nl, pump.mechanics.reservoir.amount_pg) == (volume_nl, amount_pg)
