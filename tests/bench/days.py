"""Scripted days of a virtual pump: what was said and done to it, in order, and the pump after each of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tests.courses import START, flow, ml, running_pump
from thecal.bench.codec import Plain
from thecal.bench.entry import Asked, Befell, Entry, Heard, Needled, Passed, entry_plain
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, on_bench
from thecal.errors import Refusal
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    ChangeGain,
    Command,
    Commit,
    Fault,
    Fill,
    Interrogate,
    MemoryCorruption,
    Message,
    Procedure,
    ReadBack,
    Report,
    SeptumLeak,
    SetClock,
    Stage,
    Stall,
    StartBolus,
    Update,
    Withdraw,
    Write,
)
from thecal.pump.program import (
    BridgeBolus,
    Flex,
    PatientBolus,
    PrimingBolus,
    SimpleContinuous,
    SingleBolus,
    Step,
)
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

HOUR_S = 3600
FLEX = Flex(((Step(6 * HOUR_S, flow(0.1)), Step(10 * HOUR_S, flow(1.3)), Step(DAY_S, flow(0.237911))),))
WEEK = Flex(
    tuple(
        tuple(Step(min(step * 6647, DAY_S), FlowRate(90_000 + 7919 * (day + step))) for step in range(1, 14)) for day in range(7)
    )
)
"""So long that it goes over many sectors of a disk."""
PATIENT = PatientBolus(ml(0.02), Duration(600), Duration(2 * HOUR_S), 3)


@dataclass
class Day:
    """A pump under a script. Every entry is one that a journal would hold: it changed something."""

    begun: VirtualPump
    entries: list[Entry] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    now: Instant = START
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def pump(self) -> VirtualPump:
        return self.outcomes[-1].pump if self.outcomes else self.begun

    @property
    def pumps(self) -> list[VirtualPump]:
        """The pump at the beginning, and after each entry."""
        return [self.begun, *(outcome.pump for outcome in self.outcomes)]

    @property
    def plains(self) -> list[Plain]:
        return [entry_plain(entry) for entry in self.entries]

    def wait(self, seconds: int) -> None:
        self.now = Instant(self.now.s + seconds)

    def happen(self, make: Callable[[Instant], Entry]) -> Outcome:
        entry = make(self.now)
        outcome = after(self.pump, entry)
        assert outcome.changed, entry
        self.entries.append(entry)
        self.outcomes.append(outcome)
        return outcome

    def say(self, session: str, command: Command) -> Report | Refusal:
        """The next message of a session."""
        number = self._numbers[session] = self._numbers.get(session, 0) + 1
        answer = self.happen(lambda now: Heard(now, Message(session, number, command))).answer
        assert isinstance(answer, Report | Refusal)
        return answer

    def asked(self) -> None:
        self.happen(Asked)

    def needle(self, procedure: Procedure) -> None:
        self.happen(lambda now: Needled(now, procedure))

    def fault(self, fault: Fault) -> None:
        self.happen(lambda now: Befell(now, fault))

    def write(self, session: str, write: Write) -> Report:
        """A whole session: interrogate, begin, stage, commit, read back, a few seconds apart."""
        read = self.say(session, Interrogate())
        assert isinstance(read, Report)
        said = read
        for command in (BeginUpdate(read.token), Stage(write), Commit(digest(write)), ReadBack()):
            self.wait(7)
            answer = self.say(session, command)
            assert isinstance(answer, Report), answer
            said = answer
        return said

    def refill(self, session: str, volume: Volume, mcg_per_ml: int = 500) -> None:
        """Aspirate, fill and type in, with the program of now."""
        strength = Concentration(mcg_per_ml)
        self.needle(Withdraw())
        self.wait(60)
        self.needle(Fill(volume, strength))
        self.wait(60)
        program = self.pump.state.memory.program
        assert isinstance(program, SimpleContinuous | Flex)
        self.write(session, Update(program, strength, volume))


def day_of(pump: PumpState) -> Day:
    """A day that begins with a pump."""
    return Day(on_bench("TC-1000001", pump), now=pump.now)


@cache
def full_day() -> Day:
    """Sessions, needles, faults, boluses, a session that is refused, and one that nobody finishes."""
    day = day_of(running_pump(SimpleContinuous(flow(0.2))))
    day.wait(HOUR_S)
    day.write("A", Update(FLEX, patient=PATIENT))
    day.wait(100)
    day.asked()
    day.wait(1300)
    day.say("A", StartBolus(SingleBolus(ml(0.01), Duration(600))))  # refused: not by the wand
    day.write("A", StartBolus(SingleBolus(ml(0.01), Duration(600))))
    day.wait(30)
    day.say("A", CancelBolus())
    day.fault(ChangeGain(Gain(1_025_000)))
    day.wait(HOUR_S)
    day.refill("B", ml(25))
    day.wait(17)
    day.fault(MemoryCorruption("log", 5))
    day.fault(Stall(day.now + Duration(3 * HOUR_S)))
    day.write("B", SetClock(3600))
    day.say("C", Interrogate())
    day.say("C", BeginUpdate(day.say("C", Interrogate()).token))  # type: ignore[union-attr]  # an interrogation is never refused here
    day.say("C", Stage(StartBolus(PrimingBolus(ml(0.2), Duration(720)))))
    day.wait(DAY_S)  # left alone: the pump clears it
    day.fault(SeptumLeak(FlowRate(40_000)))
    day.write("C", Update(SimpleContinuous(flow(0.1)), Concentration(500), bolus=BridgeBolus(ml(0.05), flow(0.4))))
    day.wait(4 * HOUR_S)
    day.write("C", Update(WEEK))
    day.wait(10)
    day.happen(Passed)
    return day


@cache
def short_day() -> Day:
    """One session and two needles."""
    day = day_of(running_pump(SimpleContinuous(flow(0.2))))
    day.wait(HOUR_S)
    day.write("A", Update(SimpleContinuous(flow(0.25))))
    day.wait(60)
    day.needle(Withdraw())
    day.wait(60)
    day.needle(Fill(ml(20), Concentration(500)))
    return day
