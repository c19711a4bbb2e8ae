"""Courses for the tests: a pump with a line and a ledger under random operations, and short ways to build one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from hypothesis import strategies as st

from thecal.catheter.faults import CatheterFault, CatheterLeak, Disconnection, Kink, Migration
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.catheter.line import Line
from thecal.catheter.port import aspirate, inject
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, volume_of
from thecal.pump.faults import disturb
from thecal.pump.handle import Answer, handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BatteryFilm,
    BeginUpdate,
    CancelBolus,
    ChangeGain,
    Command,
    Commit,
    Event,
    Fault,
    Fill,
    Interference,
    Interrogate,
    LowBattery,
    Magnet,
    MemoryCorruption,
    Procedure,
    ReadBack,
    RequestBolus,
    ResetValve,
    SeptumLeak,
    SetClock,
    Stage,
    Stall,
    StartBolus,
    Surroundings,
    Syringe,
    TestAlarm,
    Update,
    Withdraw,
    Write,
)
from thecal.pump.program import (
    BridgeBolus,
    Flex,
    MinimumRate,
    NoPatientBolus,
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
from thecal.pump.settle import Change
from thecal.pump.sheet import PumpSheet, pump_sheet, pump_sheets
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Gain, Length, Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.world import PlannedFault, World, befall, pass_time

START = Instant(1_767_603_600)  # 2026-01-05 09:00 UTC, a Monday
SHEETS = tuple(sorted(pump_sheets()))
PROGRAMMABLE = tuple(name for name in SHEETS if pump_sheet(name).programmable)
SOME = (*PROGRAMMABLE, "isomed-8472-20-10", "isomed-8472-35-25")
GEOMETRY = Geometry(catheter_sheet("indura-8709sc"), Length(90), "T10", Volume(140_000))


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


@dataclass(frozen=True)
class MagnetFor:
    """A magnetic field for some seconds, and a rotor that turns again some seconds later, or never."""

    seconds: int
    recovers_s: int | None


@dataclass(frozen=True)
class StallFor:
    """A stall for some seconds, or for good."""

    seconds: int | None


@dataclass(frozen=True)
class Port:
    """A needle in the catheter access port."""

    what: Literal["aspirate", "inject"]
    volume: Volume
    mcg_per_ml: int = 0


Operation = Wait | Command | Procedure | Fault | CatheterFault | MagnetFor | StallFor | Port


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
PERIODIC: st.SearchStrategy[Program] = st.builds(
    lambda volume, duration, times, first, flow: PeriodicBolus(
        Volume(volume), Duration(duration), Duration(DAY_S // times), first, FlowRate(flow)
    ),
    st.integers(1, 20_000),
    st.integers(60, 3000),
    st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]),
    st.integers(0, DAY_S - 1),
    st.integers(48_000, 1_000_000),
)
PATIENTS = st.builds(
    lambda volume, duration, extra, times: PatientBolus(Volume(volume), Duration(duration), Duration(duration + extra), times),
    st.integers(1, 50_000),
    st.integers(60, 1800),
    st.integers(0, 14_400),
    st.integers(1, 6),
)
CONCENTRATIONS = st.sampled_from([500, 1000, 2000, 605]).map(Concentration)
VOLUMES = st.integers(1, 40_000_000).map(Volume)
GAINS = st.integers(700_000, 1_300_000).map(Gain)
PRIMES = st.builds(lambda nl, s: PrimingBolus(Volume(nl), Duration(s)), st.integers(1, 400_000), st.integers(60, 86_400))
BRIDGES = st.builds(lambda nl, flow: BridgeBolus(Volume(nl), FlowRate(flow)), st.integers(1, 400_000), st.integers(48_000, 10**6))
SINGLES = st.builds(lambda nl, s: SingleBolus(Volume(nl), Duration(s)), st.integers(1, 400_000), st.integers(60, 86_400))
WRITES: st.SearchStrategy[Write] = st.sampled_from(
    [
        Update(SimpleContinuous(flow(0.3)), Concentration(500)),
        Update(low_reservoir=ml(3)),
        Update(SimpleContinuous(flow(0.1)), Concentration(2000), ml(18), bolus=BridgeBolus(ml(0.3), flow(0.4))),
        StartBolus(SingleBolus(ml(0.05), Duration(600))),
        SetClock(7200),
    ]
)
COMMANDS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Update,
        PROGRAMS | PERIODIC,
        CONCENTRATIONS,
        st.none() | VOLUMES,
        st.none() | st.integers(0, 5_000_000).map(Volume),
        st.none() | PATIENTS | st.just(NoPatientBolus()),
        st.none() | PRIMES | BRIDGES,
    ),
    (SINGLES | PRIMES | BRIDGES).map(StartBolus),
    st.sampled_from([Interrogate(), BeginUpdate(), CancelBolus(), RequestBolus(), TestAlarm("critical"), ReadBack()]),
    WRITES.map(Stage),
    WRITES.map(lambda write: Commit(digest(write))),
    st.integers(-14 * 3600, 14 * 3600).map(SetClock),
)
NEEDLES: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Fill, VOLUMES, CONCENTRATIONS),
    st.builds(Fill, VOLUMES, CONCENTRATIONS),
    st.just(Withdraw()),
    st.builds(Withdraw, VOLUMES),
    st.just(ResetValve()),
    st.builds(Port, st.sampled_from(["aspirate", "inject"]), st.integers(1, 600_000).map(Volume), st.sampled_from([0, 500])),
)
FAULTS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(ChangeGain, GAINS),
    st.builds(Surroundings, st.sampled_from(["temperature", "pressure"]), GAINS),
    (st.none() | st.integers(1, 5 * DAY_S)).map(StallFor),
    st.builds(MagnetFor, st.integers(1, 7200), st.none() | st.integers(0, DAY_S)),
    st.sampled_from([Interference(), LowBattery(), MemoryCorruption("settings", 77), MemoryCorruption("log", 5)]),
    st.builds(BatteryFilm, st.integers(0, 400_000), st.integers(1, 90 * DAY_S).map(Duration)),
    st.integers(1, 5_000_000).map(lambda flow: SeptumLeak(FlowRate(flow))),
    st.integers(0, 10**6).map(Kink),
    st.builds(CatheterLeak, st.integers(0, 799).map(Length), st.integers(0, 10**6)),
    st.integers(0, 799).map(lambda mm: Disconnection(Length(mm))),
    st.sampled_from([Migration("L1"), Migration(None)]),
)
WAITS: st.SearchStrategy[Operation] = st.one_of(
    st.integers(0, 40 * DAY_S).map(Wait), st.integers(0, 7200).map(Wait), st.sampled_from([3600, DAY_S, 9 * DAY_S + 17]).map(Wait)
)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(WAITS, COMMANDS, COMMANDS, NEEDLES, FAULTS)
_FLOWING = st.one_of(
    ODD_FLOWS.map(lambda flow: SimpleContinuous(FlowRate(flow))), flex_days(ODD_FLOWS).map(lambda day: Flex((day,))), PERIODIC
)
STARTS: st.SearchStrategy[list[Operation]] = st.builds(
    lambda fill, strength, program, patient: [Fill(fill, strength), Update(program, strength, fill, patient=patient)],
    st.integers(10**6, 20 * 10**6).map(Volume),
    CONCENTRATIONS,
    _FLOWING,
    st.none() | PATIENTS,
)
STEPS = st.tuples(st.sampled_from([0, 1800, 5 * 3600, 2 * DAY_S, 11 * DAY_S]).map(Wait), OPERATIONS)
COURSES: st.SearchStrategy[list[Operation]] = st.builds(
    lambda start, steps: [*start, *(operation for step in steps for operation in step), Wait(3 * DAY_S)],
    STARTS | st.just([]),
    st.lists(STEPS, min_size=1, max_size=12),
)
"""Most courses begin with a pump that was filled and runs; some with one out of its box."""


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
            case Fill() | Withdraw() | ResetValve():
                return self._needle(operation)
            case Port():
                return self._port(operation)
            case MagnetFor(seconds, recovers_s):
                leaves = Instant(self.world.now.s + seconds)
                return self._befall(Magnet(leaves, None if recovers_s is None else Instant(leaves.s + recovers_s)))
            case StallFor(seconds):
                return self._befall(Stall(None if seconds is None else Instant(self.world.now.s + seconds)))
            case _ if isinstance(operation, Fault | CatheterFault):
                return self._befall(operation)
            case _:
                answer = handle(self.pump, operation)
                if isinstance(answer, Refusal):
                    return replace(self, refusals=(*self.refusals, answer))
                return Bench(replace(self.world, pump=answer.state), self.refusals, self.events + answer.events)

    def _befall(self, fault: Fault | CatheterFault) -> "Bench":
        events: list[Event] = []
        world = befall(self.world, PlannedFault(self.world.now, fault), events)
        return Bench(world, self.refusals, (*self.events, *events))

    def _port(self, port: Port) -> "Bench":
        parcel = Parcel.whole(port.volume.nl, port.volume.nl * port.mcg_per_ml)
        used = aspirate(self.world.line, port.volume) if port.what == "aspirate" else inject(self.world.line, parcel)
        if isinstance(used, Refusal):
            return replace(self, refusals=(*self.refusals, used))
        ledger = self.world.ledger.book(
            vial=(parcel.volume_nl, parcel.amount_pg) if port.what == "inject" else (0, 0),
            prefilled=(used.csf_nl, 0),
            withdrawn=(volume_of(used.drawn), amount_of(used.drawn)),
            intrathecal=(volume_of(used.out), amount_of(used.out)),
            tissue=(used.lost_nl, used.lost_pg),
        )
        return replace(self, world=replace(self.world, line=used.line, ledger=ledger))

    def _needle(self, procedure: Procedure) -> "Bench":
        outcome = perform(self.pump, procedure)
        if isinstance(outcome, Refusal):
            return replace(self, refusals=(*self.refusals, outcome))
        pump, syringe = outcome
        ledger = self.world.ledger.book(withdrawn=(syringe.volume_nl, syringe.amount_pg))
        if isinstance(procedure, Fill):
            ledger = ledger.book(vial=(procedure.volume.nl, procedure.volume.of(procedure.concentration).pg))
        return replace(self, world=replace(self.world, pump=pump, ledger=ledger))


def new_bench(
    sheet: PumpSheet, at: Instant = START, clock_offset_s: int = 0, dead_volume: Volume | None = None, clock_drift_s: int = 0
) -> Bench:
    """A pump out of its box with a line of sterile water: a catheter, or with a ``dead_volume`` a plug that never mixes."""
    pump = new_pump(sheet, at, clock_offset_s, clock_drift_s)
    bore = None if dead_volume else GEOMETRY.bore
    line = Line.holding(dead_volume or GEOMETRY.dead_volume, "sterile water", bore=bore)
    world = World(at, pump, line, geometry=GEOMETRY)
    prefilled = pump.mechanics.reservoir.volume_nl + line.volume_nl
    return Bench(replace(world, ledger=world.ledger.book(prefilled=(prefilled, 0))))


def run_course(bench: Bench, operations: Iterable[Operation]) -> Bench:
    for operation in operations:
        bench = bench.do(operation)
    return bench
