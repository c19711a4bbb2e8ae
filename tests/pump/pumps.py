"""Pumps for these tests: one in every mode, ways to let time pass, and a time cut anywhere."""

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.courses import START, disturbed, done, flow, ml, needled, running_pump
from thecal.fluid import amount_of, volume_of
from thecal.pump.advance import Passage, advance
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import BeginUpdate, Event, Fill, Interference, Interrogate, LowBattery, Report, StartBolus, Update
from thecal.pump.messages import RequestBolus as Request
from thecal.pump.program import (
    BridgeBolus,
    Flex,
    MinimumRate,
    PatientBolus,
    PeriodicBolus,
    PrimingBolus,
    Program,
    SimpleContinuous,
    SingleBolus,
    Step,
    Stopped,
)
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate
from thecal.timeline import DAY_S, Duration, Instant

MINUTE, HOUR = 60, 3600
MIDNIGHT = Instant(START.s - START.s % DAY_S)  # of that Monday, UTC
RUNNING = SimpleContinuous(flow(0.2))
FLEX = Flex(((Step(6 * HOUR, flow(0.1)), Step(10 * HOUR, flow(1.3)), Step(DAY_S, flow(0.237911))),))
PERIODIC = PeriodicBolus(ml(0.06), Duration(10 * MINUTE), Duration(6 * HOUR), 6 * HOUR, FlowRate(DAY_S))  # 1 nL a second
SINGLE = SingleBolus(ml(0.1), Duration(10 * MINUTE))
PATIENT = PatientBolus(ml(0.02), Duration(10 * MINUTE), Duration(2 * HOUR), 3)
PRIMING = PrimingBolus(ml(0.2), Duration(720))
BRIDGE = BridgeBolus(ml(0.336), flow(0.4))
PROGRAMS: dict[str, Program] = {
    "stopped": Stopped(),
    "minimum rate": MinimumRate(),
    "simple continuous": RUNNING,
    "flex": FLEX,
    "between periodic boluses": PERIODIC,
}
BOLUSES: dict[str, SingleBolus | PrimingBolus | BridgeBolus] = {
    "single bolus": SINGLE,
    "priming bolus": PRIMING,
    "bridge bolus": BRIDGE,
}
ELSEWHERE = {"telemetry mode": "synchromed-ii-40", "constant flow": "isomed-8472-20-10"}


def in_seconds(pump: PumpState, seconds: int) -> PumpState:
    return after(pump, seconds).state


def after(pump: PumpState, seconds: int) -> Passage:
    return advance(pump, Instant(pump.now.s + seconds))


def given(pump: PumpState, seconds: int) -> int:
    """The nanolitres that leave the pump in the next ``seconds``."""
    return sum(block.volume_nl for block in after(pump, seconds).blocks)


def told(events: Iterable[Event], since: Instant = START) -> list[tuple[str, int]]:
    """Each event and how many seconds after an instant it was."""
    return [(event.kind, event.at.s - since.s) for event in events]


def sounding(pump: PumpState) -> list[str]:
    return [alarm.kind.name for alarm in pump.memory.alarms]


def reported(pump: PumpState) -> Report:
    answer = handle(pump, Interrogate())
    assert isinstance(answer, Answer)
    return answer.report


def reading(pump: PumpState, **readings: Any) -> PumpState:
    """The pump with another reading of its data sheet."""
    return replace(pump, sheet=replace(pump.sheet, **readings))


def with_patient(pump: PumpState, bolus: PatientBolus = PATIENT) -> PumpState:
    return done(handle(pump, Update(patient=bolus)))


def pump_in(mode: str, sheet: str | None = None, **readings: Any) -> PumpState:
    """A pump that was brought into a mode as any pump is."""
    sheet = sheet or ELSEWHERE.get(mode, "reference-40")
    if mode == "constant flow":
        return needled(perform(new_pump(pump_sheet(sheet), START), Fill(ml(20), Concentration(500))))
    pump = reading(running_pump(PROGRAMS.get(mode, PERIODIC if mode == "periodic bolus" else RUNNING), sheet), **readings)
    if pump.sheet.patient_bolus:
        pump = with_patient(pump)
    match mode:
        case "periodic bolus":
            pump = in_seconds(pump, 3 * HOUR + 1)
        case "single bolus" | "priming bolus" | "bridge bolus":
            pump = done(handle(pump, StartBolus(BOLUSES[mode])))
        case "patient bolus":
            pump = done(handle(pump, Request()))
        case "updating":
            pump = done(handle(pump, BeginUpdate()))
        case "telemetry mode":
            pump = disturbed(done(handle(pump, Update(reservoir=ml(1)))), Interference())
        case "safe state":
            pump = disturbed(pump, LowBattery())
        case "end of service":
            pump = in_seconds(pump, 2556 * DAY_S)
        case _:
            pass
    return pump


def check_cuts(pump: PumpState, seconds: int, seed: int = 0, cuts: int = 40) -> Passage:
    """Assert that the time ahead is the same however it is cut; returns it as a whole."""
    whole = after(pump, seconds)
    state, events, blocks, leaked = pump, [], [], []  # type: PumpState, list[Event], list[Any], list[Any]
    source = random.Random(seed)
    edges = {event.at.s - pump.now.s + source.randint(-1, 1) for event in whole.events[:cuts]}  # where it matters most
    for second in sorted(
        {*source.choices(range(seconds + 1), k=cuts), *(edge for edge in edges if 0 <= edge < seconds), seconds}
    ):
        passed = advance(state, Instant(pump.now.s + second))
        state = passed.state
        events += passed.events
        blocks += passed.blocks
        leaked += passed.leaked
    assert state == whole.state
    assert tuple(events) == whole.events
    assert volume_of(leaked) == volume_of(whole.leaked)
    assert amount_of(leaked) == amount_of(whole.leaked)
    assert sum(block.volume_nl for block in blocks) == sum(block.volume_nl for block in whole.blocks)
    assert sum(block.amount_pg for block in blocks) == sum(block.amount_pg for block in whole.blocks)
    return whole
