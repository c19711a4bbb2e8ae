"""A trial: one subject under one check, and short ways to do to it what a clinic does."""

from collections.abc import Callable
from dataclasses import dataclass, field

from thecal.bench.conformance.subject import Ability, Introduced, Subject
from thecal.errors import Refusal
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    Command,
    Commit,
    Fill,
    Interrogate,
    Message,
    Procedure,
    Report,
    Stage,
    Syringe,
    Update,
    Write,
)
from thecal.pump.program import Program, SimpleContinuous
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Instant

START = Instant(1_767_571_200)  # 2026-01-05 00:00 UTC, a Monday
STRENGTH = Concentration(500)


class Different(Exception):  # noqa: N818  # it is a finding, not an error
    """The subject does something else than the reference behavior: what was expected, and what was found."""


class NotPossible(Exception):  # noqa: N818  # as above
    """What cannot be tried on this subject, or on a pump of this data sheet, and why."""


@dataclass(slots=True)
class Trial:
    """A subject that has begun, what was done to it (``steps``), and the session that talks to it."""

    subject: Subject
    sheet: PumpSheet
    introduced: Introduced
    steps: list[str] = field(default_factory=list)
    session: str = "kit/1"
    sequence: int = 0
    seconds: int = 0

    @property
    def now(self) -> Instant:
        return Instant(START.s + self.seconds)

    def needs(self, ability: Ability) -> None:
        """Not possible where the subject lacks it."""
        if ability not in self.introduced.can:
            raise NotPossible(f"the subject has no {ability}")

    def only_if(self, so: bool, why: str) -> None:
        """Not possible on a pump of this data sheet."""
        if not so:
            raise NotPossible(f"{self.sheet.name}: {why}")

    def expect(self, expected: object, found: object, what: str) -> None:
        """The two must be equal."""
        if found != expected:
            raise Different(f"{what}: expected {expected}, found {found}")

    def say(self, message: Message) -> Report | Refusal:
        """A message as it is."""
        reply = self.subject.say(message)
        said = f"refused: {reply.limit}" if isinstance(reply, Refusal) else f"mode {reply.mode}"
        self.steps.append(f"{message.session} {message.sequence} {message.command.name}: {said}")
        return reply

    def ask(self, command: Command, session: str | None = None) -> Report | Refusal:
        """The next message of the session; of another one, its first or next."""
        if session not in (None, self.session):
            self.session, self.sequence = session or "", 0
        self.sequence += 1
        return self.say(Message(self.session, self.sequence, command))

    def report(self, command: Command, session: str | None = None) -> Report:
        """A message that must be taken."""
        reply = self.ask(command, session)
        if isinstance(reply, Refusal):
            raise Different(f"{command.name}: expected to be taken, found refused: {reply}")
        return reply

    def refused(self, command: Command, why: str, session: str | None = None) -> Refusal:
        """A message that must be refused."""
        reply = self.ask(command, session)
        if isinstance(reply, Report):
            raise Different(f"{command.name}: expected to be refused ({why}), found taken")
        return reply

    def read(self) -> Report:
        """What the pump says, by an interrogation."""
        return self.report(Interrogate())

    def begin(self) -> None:
        """Interrogate, and begin an update by the token."""
        self.report(BeginUpdate(self.read().token))

    def write(self, write: Write) -> Report:
        """A whole update that must be taken."""
        self.begin()
        self.report(Stage(write))
        return self.report(Commit(digest(write)))

    def not_written(self, write: Write, why: str) -> None:
        """A write that must be refused when it is staged, and leave what was written as it was."""
        before = settings(self.read())
        self.begin()
        self.refused(Stage(write), why)
        self.wait(self.sheet.update_idle_clear.s)
        if not self.sheet.stops_while_updating:
            self.expect(before, settings(self.read()), f"the settings after a refused {write.name}")

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        """A needle, whatever comes of it."""
        reply = self.subject.needle(procedure)
        self.steps.append(f"{procedure.name}: {'refused' if isinstance(reply, Refusal) else 'done'}")
        return reply

    def fill(self, volume: Volume, strength: Concentration = STRENGTH) -> None:
        """A fill that must go in."""
        reply = self.needle(Fill(volume, strength))
        if isinstance(reply, Refusal):
            raise Different(f"fill {volume}: expected to go in, found refused: {reply}")

    @property
    def half(self) -> Volume:
        """Half of what the reservoir holds."""
        return Volume(self.sheet.reservoir_capacity.nl // 2)

    def running(self, program: Program | None = None) -> Report:
        """Half filled, and then :meth:`programmed`."""
        self.fill(self.half)
        return self.programmed(program)

    def programmed(self, program: Program | None = None) -> Report:
        """Told of half a reservoir, and programmed; a middling flow if nothing else is asked for."""
        return self.write(Update(program or SimpleContinuous(self.flow()), STRENGTH, self.half))

    def flow(self, times: int = 1) -> FlowRate:
        """A flow that every such pump can run: a few times its slowest, not a whole number of nanolitres a second."""
        step = self.sheet.flow_step.nl_per_day
        return FlowRate((self.sheet.flow_min.nl_per_day * 3 * times // step + 1) * step)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.subject.wait(seconds)
        self.seconds += seconds
        self.steps.append(f"wait {seconds} s")

    def until(self, second_of_day: int) -> None:
        """Let time pass until a second of the day, UTC."""
        self.wait((second_of_day - self.seconds) % DAY_S)

    def delivered(self, seconds: int) -> int:
        """The nanolitres that leave the pump in some seconds."""
        before = self.subject.weigh()
        self.wait(seconds)
        return self.subject.weigh() - before

    def expect_delivered(self, expected_nl: int, seconds: int, what: str, off_nl: int = 1) -> None:
        """So many nanolitres must leave the pump in some seconds: to ``off_nl``, which remainders may make, and to what the
        subject allows itself.
        """
        found = self.delivered(seconds)
        allowed = off_nl + expected_nl * self.introduced.tolerance_ppm // 10**6
        if abs(found - expected_nl) > allowed:
            raise Different(f"{what}, in {seconds} s: expected {expected_nl} nL (+-{allowed}), found {found} nL")


def settings(report: Report) -> tuple[object, ...]:
    """What was written into a pump, as it says."""
    return report.program, report.patient, report.concentration, report.low_reservoir


def flowed_nl(nl_per_day: int, seconds: int) -> int:
    """What a flow makes in some seconds."""
    return nl_per_day * seconds // DAY_S


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its number, what a pump does that passes it, the requirements it shows, and the trial."""

    id: str
    shall: str
    shows: tuple[str, ...]
    run: Callable[[Trial], None]


CHECKS: list[Check] = []


def check(number: str, shall: str, *shows: str) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Make a check of a trial."""

    def registered(run: Callable[[Trial], None]) -> Callable[[Trial], None]:
        CHECKS.append(Check(f"CNF-{number}", shall, shows, run))
        return run

    return registered
