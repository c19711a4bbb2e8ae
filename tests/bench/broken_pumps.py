"""Pumps with one thing wrong each, for the conformance kit to find: the reference pump, and what it would be without a law."""

from dataclasses import replace
from typing import Any

from thecal.bench.conformance.subject import ReferencePump
from thecal.errors import Refusal
from thecal.pump.handle import handle
from thecal.pump.messages import (
    BeginUpdate,
    Commit,
    Fault,
    Fill,
    Interrogate,
    Message,
    Procedure,
    Report,
    RequestBolus,
    Stage,
    Syringe,
    Update,
    Write,
)
from thecal.pump.state import Link, PumpState
from thecal.timeline import Instant


class Changed(ReferencePump):
    """A reference pump whose state can be tampered with."""

    def change(self, state: PumpState) -> None:
        self._pump = replace(self.pump, state=state)

    def memory(self, **parts: Any) -> None:
        self.change(replace(self.pump.state, memory=replace(self.pump.state.memory, **parts)))


class Forgetful(Changed):
    """Does a repeated message again."""

    _last: Write

    def say(self, message: Message) -> Report | Refusal:
        held = self.pump.state.memory
        if isinstance(message.command, Commit) and any(seen.sequence == message.sequence for seen in held.link.seen):
            answer = handle(self.pump.state, self._last)
            assert not isinstance(answer, Refusal), answer
            self.change(answer.state)
            return answer.report
        if isinstance(message.command, Stage):
            self._last = message.command.write
        return super().say(message)


class ForgetsAtPowerLoss(Changed):
    """Remembers no session after a loss of power."""

    def lose_power(self) -> None:
        super().lose_power()
        self.memory(link=Link())


class LosesVolume(Changed):
    """Counts from nothing after a loss of power."""

    def lose_power(self) -> None:
        super().lose_power()
        self.memory(count=replace(self.pump.state.memory.count, calculated_nl=0))


class Hasty(Changed):
    """Carries out what is only staged."""

    def say(self, message: Message) -> Report | Refusal:
        reply = super().say(message)
        if isinstance(message.command, Stage) and isinstance(reply, Report):
            hold = self.pump.state.memory.hold
            answer = handle(self.pump.state, message.command.write)
            if not isinstance(answer, Refusal):
                self.change(answer.state)
                self.memory(hold=hold)
                return replace(reply, program=answer.report.program)
        return reply


class Lenient(Changed):
    """Begins an update by any token."""

    def say(self, message: Message) -> Report | Refusal:
        if isinstance(message.command, BeginUpdate) and message.command.token:
            answer = handle(self.pump.state, Interrogate())
            assert not isinstance(answer, Refusal)
            message = replace(message, command=BeginUpdate(answer.report.token))
        return super().say(message)


class Open(Changed):
    """Takes an update by the wand that was never staged."""

    def say(self, message: Message) -> Report | Refusal:
        if isinstance(message.command, Update):
            answer = handle(self.pump.state, message.command)
            if not isinstance(answer, Refusal):
                self.change(answer.state)
                return answer.report
        return super().say(message)


class Shared(Changed):
    """Lets any session go on with an open update."""

    def say(self, message: Message) -> Report | Refusal:
        hold = self.pump.state.memory.hold
        if isinstance(message.command, Stage | Commit) and hold:
            self.memory(hold=replace(hold, session=message.session))
        return super().say(message)


class Patient(Changed):
    """Never clears an open update."""

    def wait(self, seconds: int) -> None:
        hold = self.pump.state.memory.hold
        if hold and hold.clears:
            self.memory(hold=replace(hold, clears=Instant(hold.clears.s + seconds)))
        super().wait(seconds)


class Leaky(Changed):
    """Delivers a thousandth more than it should."""

    def weigh(self) -> int:
        return super().weigh() * 1001 // 1000


class Rounding(Changed):
    """Delivers whole microlitres."""

    def weigh(self) -> int:
        return super().weigh() // 1000 * 1000


class Running(Changed):
    """Drips while it is stopped."""

    dripped = 0

    def wait(self, seconds: int) -> None:
        if not self.pump.state.memory.pattern.total:
            self.dripped += seconds
        super().wait(seconds)

    def weigh(self) -> int:
        return super().weigh() + self.dripped // 60


class Summertime(Changed):
    """Its clock is an hour off."""

    def begin(self, model: str, at: Instant) -> Any:
        introduced = super().begin(model, at)
        settings = self.pump.state.memory.settings
        self.memory(settings=replace(settings, clock=replace(settings.clock, offset_s=3600)))
        return introduced


class Quiet(Changed):
    """Sounds no reservoir alarm."""

    def say(self, message: Message) -> Report | Refusal:
        reply = super().say(message)
        if isinstance(reply, Report):
            reply = replace(reply, alarms=tuple(name for name in reply.alarms if "reservoir" not in name))
        return reply


class Late(Changed):
    """Tells its alarms a minute late."""

    def say(self, message: Message) -> Report | Refusal:
        reply = super().say(message)
        onsets = {alarm.kind.name: alarm.onset for alarm in self.pump.state.memory.alarms}
        if isinstance(reply, Report):
            told = tuple(name for name in reply.alarms if self.pump.now.s - onsets[name].s >= 60)
            reply = replace(reply, alarms=told)
        return reply


class Silent(Changed):
    """Writes nothing into its log."""

    def say(self, message: Message) -> Report | Refusal:
        reply = super().say(message)
        return replace(reply, log=()) if isinstance(reply, Report) else reply


class Generous(Changed):
    """Knows no lockout and no allotment: gives whatever the patient asks for."""

    def press(self) -> Report | Refusal:
        self.memory(given=())
        return super().press()


class Endless(Changed):
    """Holds whatever is filled."""

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        if isinstance(procedure, Fill):
            procedure = replace(procedure, forced=True)
        return super().needle(procedure)


class Knowing(Changed):
    """Notices what the needle takes, without a sensor."""

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        outcome = super().needle(procedure)
        count = self.pump.state.memory.count
        if count.calculated_nl is not None:
            self.memory(count=replace(count, calculated_nl=max(self.pump.state.usable_nl, 0)))
        return outcome


class Unharmed(Changed):
    """Suffers no fault."""

    def fault(self, fault: Fault) -> Refusal | None:
        assert fault.name
        return None


class Sleepy(Changed):
    """Takes up a new program ten minutes late."""

    def say(self, message: Message) -> Report | Refusal:
        before = self.pump.state.memory.basal
        reply = super().say(message)
        memory = self.pump.state.memory
        if isinstance(message.command, Commit) and memory.basal != before and before.total:
            self.owed += (memory.basal.total - before.total) * 600 // (memory.basal.period_s * memory.basal.per)
            self.begun = self.pump.now
        return reply

    owed = 0
    begun: Instant | None = None

    def weigh(self) -> int:
        late = self.begun is not None and self.pump.now.s > self.begun.s
        return super().weigh() - (self.owed if late else 0)


class Twice(Changed):
    """Gives the patient two boluses at a press."""

    def press(self) -> Report | Refusal:
        reply = super().press()
        if isinstance(reply, Report):
            self.extra += reply.bolus_left.nl
            self.begun = self.pump.now
        return reply

    extra = 0
    begun: Instant | None = None

    def weigh(self) -> int:
        given = self.begun is not None and self.pump.now.s > self.begun.s
        return super().weigh() + (self.extra if given else 0)


class Breaking(Changed):
    """Breaks when it is asked for a bolus."""

    def say(self, message: Message) -> Report | Refusal:
        if isinstance(message.command, RequestBolus):
            raise ZeroDivisionError("flow")
        return super().say(message)


CAUGHT: dict[type[ReferencePump], str] = {
    Forgetful: "CNF-06",
    ForgetsAtPowerLoss: "CNF-13",
    LosesVolume: "CNF-80",
    Hasty: "CNF-04",
    Lenient: "CNF-08",
    Open: "CNF-11",
    Shared: "CNF-09",
    Patient: "CNF-10",
    Leaky: "CNF-21",
    Rounding: "CNF-21",
    Running: "CNF-23",
    Summertime: "CNF-24",
    Quiet: "CNF-60",
    Late: "CNF-60",
    Silent: "CNF-65",
    Generous: "CNF-48",
    Endless: "CNF-70",
    Knowing: "CNF-73",
    Unharmed: "CNF-81",
    Sleepy: "CNF-28",
    Twice: "CNF-48",
    Breaking: "CNF-11",
}
"""Each broken pump, and the check that is meant for it."""
