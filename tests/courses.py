"""Courses for the tests: a pump with a line and a ledger under random operations, and short ways to build one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from thecal.catheter.line import Line
from thecal.errors import Refusal
from thecal.pump.faults import disturb
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import (
    CancelBolus,
    ChangeGain,
    Command,
    Event,
    Fault,
    Fill,
    Procedure,
    StartBolus,
    Syringe,
    Update,
    Withdraw,
)
from thecal.pump.program import Flex, MinimumRate, Program, SimpleContinuous, SingleBolus, Step, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.settle import Change
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.world import World, pass_time

START = Instant(1_767_603_600)  # 2026-01-05 09:00 UTC, a Monday
SHEETS = ("reference-20", "reference-40", "synchromed-ii-20", "synchromed-ii-40")


def ml(text: float) -> Volume:
    return Volume(round(text * 10**6))


def flow(ml_per_day: float) -> FlowRate:
    return FlowRate(round(ml_per_day * 10**6))


def done(answer: Answer | Refusal) -> PumpState:
    assert isinstance(answer, Answer), answer
    return answer.state


def needled(outcome: tuple[PumpState, Syringe] | Refusal) -> PumpState:
    assert not isinstance(outcome, Refusal), outcome
    return outcome[0]


def refused(outcome: object) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    return outcome


def disturbed(pump: PumpState, fault: Fault) -> PumpState:
    change = disturb(pump, fault)
    assert isinstance(change, Change), change
    return change.state


def running_pump(
    program: Program,
    sheet: str = "reference-40",
    fill: Volume | None = None,
    mcg_per_ml: int = 500,
    at: Instant = START,
    gain: Gain | None = None,
) -> PumpState:
    """A pump that was just filled (30 mL if nothing else is said) and programmed."""
    volume = fill or min(ml(30), pump_sheet(sheet).reservoir_capacity)
    pump = new_pump(pump_sheet(sheet), at)
    if gain:
        pump = disturbed(pump, ChangeGain(gain))
    pump = needled(perform(pump, Fill(volume, Concentration(mcg_per_ml))))
    return done(handle(pump, Update(program, Concentration(mcg_per_ml), volume)))


@dataclass(frozen=True)
class Wait:
    """Let some seconds pass."""

    seconds: int


Operation = Wait | Command | Procedure | Fault


def flex_days(draw_flows: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Step, ...]]:
    """Flex days of 1 to 13 steps on whole minutes."""

    def day(ends: set[int], flows: list[int]) -> tuple[Step, ...]:
        untils = sorted({*(end * 60 for end in ends), DAY_S})
        return tuple(Step(until, FlowRate(flow)) for until, flow in zip(untils, flows, strict=False))

    return st.builds(day, st.sets(st.integers(1, 1439), max_size=12), st.lists(draw_flows, min_size=13, max_size=13))


FLOWS = st.integers(48, 24_000).map(lambda thousand: thousand * 1000)
ODD_FLOWS = st.integers(48_000, 2_400_000)
PROGRAMS: st.SearchStrategy[Program] = st.one_of(
    st.just(Stopped()),
    st.just(MinimumRate()),
    ODD_FLOWS.map(lambda flow: SimpleContinuous(FlowRate(flow))),
    flex_days(ODD_FLOWS).map(lambda day: Flex((day,))),
    st.lists(flex_days(ODD_FLOWS), min_size=7, max_size=7).map(lambda days: Flex(tuple(days))),
)
CONCENTRATIONS = st.sampled_from([500, 1000, 2000, 605]).map(Concentration)
VOLUMES = st.integers(1, 40_000_000).map(Volume)
GAINS = st.integers(700_000, 1_300_000).map(Gain)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.integers(0, 40 * DAY_S).map(Wait),
    st.integers(0, 7200).map(Wait),
    st.builds(Update, PROGRAMS, CONCENTRATIONS, st.none() | VOLUMES, st.none() | st.integers(0, 5_000_000).map(Volume)),
    st.builds(
        lambda volume, s: StartBolus(SingleBolus(Volume(volume), Duration(s))), st.integers(1, 400_000), st.integers(60, 86_400)
    ),
    st.just(CancelBolus()),
    st.builds(Fill, VOLUMES, CONCENTRATIONS),
    st.just(Withdraw()),
    st.builds(Withdraw, VOLUMES),
    st.builds(ChangeGain, GAINS),
)
COURSES = st.lists(OPERATIONS, min_size=1, max_size=25)


@dataclass(frozen=True)
class Bench:
    """A world under operations, with every refusal and event so far."""

    world: World
    refusals: tuple[Refusal, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def pump(self) -> PumpState:
        assert self.world.pump is not None
        return self.world.pump

    def do(self, operation: Operation) -> "Bench":
        match operation:
            case Wait(seconds):
                passed = pass_time(self.world, Instant(self.world.now.s + seconds))
                return Bench(passed.world, self.refusals, self.events + passed.events)
            case Fill() | Withdraw():
                return self._needle(operation)
            case ChangeGain():
                return replace(self, world=replace(self.world, pump=disturbed(self.pump, operation)))
            case _:
                answer = handle(self.pump, operation)
                if isinstance(answer, Refusal):
                    return replace(self, refusals=(*self.refusals, answer))
                return Bench(replace(self.world, pump=answer.state), self.refusals, self.events + answer.events)

    def _needle(self, procedure: Procedure) -> "Bench":
        outcome = perform(self.pump, procedure)
        if isinstance(outcome, Refusal):
            return replace(self, refusals=(*self.refusals, outcome))
        pump, syringe = outcome
        ledger = self.world.ledger.book(withdrawn=(syringe.volume_nl, syringe.amount_pg))
        if isinstance(procedure, Fill):
            ledger = ledger.book(vial=(procedure.volume.nl, procedure.volume.of(procedure.concentration).pg))
        return replace(self, world=replace(self.world, pump=pump, ledger=ledger))


def new_bench(sheet: PumpSheet, at: Instant = START, clock_offset_s: int = 0, dead_volume: Volume | None = None) -> Bench:
    """A pump out of its box with a line of sterile water."""
    pump = new_pump(sheet, at, clock_offset_s)
    line = Line.holding(dead_volume or ml(0.336), "sterile water")
    world = World(at, pump, line)
    prefilled = pump.mechanics.reservoir.volume_nl + line.volume_nl
    return Bench(replace(world, ledger=world.ledger.book(prefilled=(prefilled, 0))))


def run_course(bench: Bench, operations: Iterable[Operation]) -> Bench:
    for operation in operations:
        bench = bench.do(operation)
    return bench
