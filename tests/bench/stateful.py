"""What the stateful tests play with: a programmer at its desk with frames under way, and a listener at the pump."""

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.bench.disk import SECTOR, Disk
from tests.bench.disk import Write as Unsynced
from thecal.bench.codec import UnreadableError
from thecal.bench.desk import Desk
from thecal.bench.frame import Decoder, Frame, FrameType, Malformed
from thecal.bench.virtual_pump import sheet_digest
from thecal.bench.wand import Confirmed, Refused, Said, Uncertain, Wand
from thecal.bench.wire import Welcome, frame_of, said_in
from thecal.chart.facts import Fact, Interrogated, SessionEnded
from thecal.errors import Refusal
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Interrogate,
    Message,
    Report,
    SetClock,
    Stage,
    StartBolus,
    Update,
    Write,
)
from thecal.pump.program import NoPatientBolus
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import Link, PumpState
from thecal.pump.wand import SESSIONS_KEPT
from thecal.pump.written import clock_offset_s
from thecal.timeline import Instant

Reply = Report | Refusal
Step = Coroutine[Any, Any, Refusal | None]


# A programmer ---------------------------------------------------------------------------------------------------------


class TooLateError(ValueError):
    """Facts that come after what was written down meanwhile."""


class _Asking:
    """Waits for what comes of a message, outside of any event loop."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def __await__(self) -> Generator[Message, Said, Said]:
        return (yield self._message)


class CarriedWand(Wand):
    """A wand whose messages the test carries: what is said waits until the test tells what came of it."""

    def __init__(self, name: str, number: int, sheet: PumpSheet, clock: Callable[[], Instant]) -> None:
        self._sheet, self._clock, self.number = sheet, clock, number
        self._welcome = Welcome("TC-0001", sheet.name, (), sheet_digest(sheet), clock(), (1, 1), False, name, ())

    def now(self) -> Instant:
        return self._clock()

    async def say(self, message: Message) -> Said:
        return await _Asking(message)


@dataclass(eq=False)
class Visit:
    """A programmer with the pump in reach: the real desk, the step that it is in, and the frames that are under way.

    ``heard`` is what came of each message of the step so far.
    """

    desk: Desk
    going: Step | None = None
    waits: Message | None = None
    heard: list[tuple[Command, Said]] = field(default_factory=list)
    to_pump: list[bytes] = field(default_factory=list)
    to_client: list[bytes] = field(default_factory=list)
    at_pump: Decoder = field(default_factory=Decoder)
    at_client: Decoder = field(default_factory=Decoder)

    def begin(self, step: Step) -> None:
        """Take a step of the desk, up to its first message."""
        assert self.going is None
        self.going, self.heard = step, []
        self._go(None)

    def send(self) -> None:
        """Send the message that is waited for, for the first time or again."""
        if self.waits:
            frame = frame_of(FrameType.COMMAND, self.waits.command, self.desk.wand.number, self.waits.sequence)
            self.to_pump.append(frame.encoded())

    def arrives(self, data: bytes) -> None:
        """Bytes come from the pump; whatever is no answer to the message that waits is passed over."""
        for piece in self.at_client.feed(data):
            if isinstance(piece, Malformed):
                continue
            if self.waits and (piece.session, piece.sequence) == (self.desk.wand.number, self.waits.sequence):
                answer = said_in(piece, piece.type)
                self.told(Confirmed(answer) if isinstance(answer, Report) else Refused(answer))

    def told(self, said: Said) -> None:
        """The step goes on with what came of its message."""
        if self.waits:
            self.heard.append((self.waits.command, said))
            self._go(said)

    def killed(self) -> None:
        """The program is ended where it stands."""
        if self.going and self.waits:
            self.heard.append((self.waits.command, Uncertain("the program was ended")))
            going, self.going, self.waits = self.going, None, None
            with suppress(KeyboardInterrupt):
                going.throw(KeyboardInterrupt)

    def cut(self) -> None:
        """Nothing that is under way arrives any more."""
        self.to_pump, self.to_client, self.at_pump, self.at_client = [], [], Decoder(), Decoder()

    def _go(self, said: Said | None) -> None:
        assert self.going is not None
        going, self.going, self.waits = self.going, None, None
        with suppress(StopIteration, TooLateError):
            self.waits = going.send(said)
            self.going = going
        self.send()


def write_under_way(visit: Visit, who: str, latest: Mapping[str, tuple[Message, Reply]]) -> bool:
    """Whether something may still come to the pump that changes it: no interrogation, and newer than what came last."""
    if visit.at_pump.waiting:
        return True
    for data in visit.to_pump:
        frame = next(piece for piece in Decoder().feed(data) if isinstance(piece, Frame))
        known = latest.get(session_name(who, frame))
        if (known is None or frame.sequence > known[0].sequence) and not isinstance(command_in(frame), Interrogate):
            return True
    return False


def session_name(who: str, frame: Frame) -> str:
    """The session of a frame, as the bench names it."""
    return f"{who}/{frame.session:016x}"


def command_in(frame: Frame) -> Command | None:
    """The command of a frame that came to the pump, as the bench reads it."""
    try:
        command: Command = said_in(frame, FrameType.COMMAND)
    except UnreadableError:
        return None
    return command


# Never twice, never half ----------------------------------------------------------------------------------------------


@dataclass
class Listener:
    """What somebody knows who hears all that comes to the pump and all that it answers: every message is checked by it.

    ``fresh`` holds the tokens that were given since the last write; ``writes`` counts what the pump said it has carried out.
    """

    writes: int
    latest: dict[str, tuple[Message, Reply]] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    opened: tuple[str, Write | None] | None = None
    written: list[tuple[str, Write, int]] = field(default_factory=list)

    def hear(self, before: PumpState, message: Message, after: PumpState, reply: Reply) -> None:
        """A message that came to the pump ``before``, and what it made of it."""
        said = self.latest.get(message.session)
        if said and message.sequence <= said[0].sequence:
            alike = reply == said[1] if message == said[0] else isinstance(reply, Refusal)
            assert alike, "a message that comes again is answered the same, and refused once another was taken"
            assert after == before, "a message that comes again does nothing"
            return
        if isinstance(reply, Refusal):
            assert unseen(after) == unseen(kept_open(before, message)), "a refused message changes nothing but what was seen"
        else:
            self._carried_out(before, message, after, reply)
        assert after.memory.link.writes == self.writes, "the pump was written as often as it said"
        if after.memory.link.seen != before.memory.link.seen:
            self.latest.pop(message.session, None)
            self.latest[message.session] = (message, reply)
            for forgotten in list(self.latest)[:-SESSIONS_KEPT]:
                del self.latest[forgotten]

    def of(self, session: str) -> Write | None:
        """What a session wrote last."""
        return next((write for name, write, _ in reversed(self.written) if name == session), None)

    def done_by(self, session: str) -> int:
        """How often the pump had been written when a session wrote last."""
        return next(writes for name, _, writes in reversed(self.written) if name == session)

    def changed_otherwise(self, state: PumpState) -> None:
        """The pump was written, or lost what was written, by no message."""
        self.fresh.clear()
        if state.memory.hold is None or state.memory.hold.session is None:
            self.opened = None

    def _carried_out(self, before: PumpState, message: Message, after: PumpState, reply: Report) -> None:
        kept = after.memory.settings == before.memory.settings
        match message.command:
            case Interrogate():
                assert kept
                assert reply.token
                self.fresh.add(reply.token)
            case BeginUpdate(token):
                assert kept
                assert token in self.fresh, "an update begins only by a reading since which nothing was written"
                self.opened = (message.session, None)
            case Stage(write):
                assert kept, "what is staged changes nothing"
                assert self.opened, "stages in no update"
                assert self.opened[0] == message.session, "only who opened the update stages in it"
                self.opened = (message.session, write)
            case Commit(sent):
                assert self.opened, "commits no update"
                session, staged = self.opened
                assert session == message.session, "only who opened the update commits it"
                assert staged is not None
                assert digest(staged) == sent, "what is committed is what was staged"
                check_whole(before, staged, after)
                self._write()
                self.written.append((session, staged, self.writes))
            case CancelBolus():
                assert kept
                self._write()
            case _:
                assert kept

    def _write(self) -> None:
        self.writes += 1
        self.opened = None
        self.fresh.clear()


def kept_open(state: PumpState, message: Message) -> PumpState:
    """The pump with the update that a message belongs to kept open from now on, as any message of it does, a refused one too."""
    hold = state.memory.hold
    if hold is None or hold.session != message.session:
        return state
    hold = replace(hold, clears=state.now + state.sheet.update_idle_clear)
    return replace(state, memory=replace(state.memory, hold=hold))


def unseen(state: PumpState) -> PumpState:
    """The pump without the messages that it remembers."""
    return replace(state, memory=replace(state.memory, link=Link(state.memory.link.writes)))


def check_whole(before: PumpState, write: Write, after: PumpState) -> None:
    """Never half a write: all of it is so, and nothing else has changed."""
    was, now, bolus = before.memory.settings, after.memory.settings, after.memory.bolus
    match write:
        case Update():
            patient = was.patient if write.patient is None else write.patient
            meant = replace(
                was,
                program=write.program or was.program,
                concentration=write.concentration or was.concentration,
                low_reservoir_nl=was.low_reservoir_nl if write.low_reservoir is None else write.low_reservoir.nl,
                patient=None if isinstance(patient, NoPatientBolus) else patient,
            )
            counted = before.memory.calculated_nl if write.reservoir is None else write.reservoir.nl
            assert after.memory.calculated_nl == counted, "the volume is what was typed in"
            assert write.bolus is None or (bolus and bolus.bolus == write.bolus), "the bolus of an update begins with it"
        case StartBolus():
            meant = was
            assert bolus, "a bolus begins"
            assert bolus.bolus == write.bolus, "the bolus that was written is given"
        case SetClock(offset_s):
            meant = replace(was, clock=now.clock)
            assert now.clock.offset_s == offset_s, "the clock is what was written"
    assert now == meant, "a write is carried out whole, and nothing else with it"
    assert after.memory.hold is None, "the update is closed by its commit"


# What a chart says -----------------------------------------------------------------------------------------------------


def reports_in(facts: tuple[Fact, ...]) -> list[Report]:
    """What a pump said, as facts hold it."""
    return [fact.report for fact in facts if isinstance(fact, Interrogated | SessionEnded)]


def runs(said: Report, write: Write) -> bool:
    """Whether a pump that said this runs what was written."""
    if not isinstance(write, Update):
        return isinstance(write, StartBolus) or clock_offset_s(said) == write.offset_s
    asked = (write.program, write.concentration, write.low_reservoir)
    pairs = zip(asked, (said.program, said.concentration, said.low_reservoir), strict=True)
    patient = said.patient or NoPatientBolus()
    return all(wanted in (None, found) for wanted, found in pairs) and write.patient in (None, patient)


# What a power failure leaves ------------------------------------------------------------------------------------------


def left_of(disk: Disk, chance: Random) -> dict[str, bytes]:
    """One of the disks that can be there when power comes back: of what was not synced, whatever chance keeps."""
    names = dict(disk.names_durable)
    for renaming in disk.renamings:
        if chance.random() < 0.5:
            names |= {name: number for name, number in renaming if number is not None}
            for name in (name for name, number in renaming if number is None):
                names.pop(name, None)
    left: dict[str, bytes] = {}
    for name, number in names.items():
        left[name] = disk.files[number].durable
        for write in disk.files[number].pending:
            left[name] = _left(write, left[name], chance)
    return left


def _left(write: Unsynced, content: bytes, chance: Random) -> bytes:
    """A file after a write that was not synced: nothing of it, all, a beginning, or one with sectors that never came."""
    fate = chance.choice(["nothing", "all", "torn", "holes"])
    if fate == "nothing":
        return content
    if fate == "all" or write.data is None:
        return write.whole(content)
    data = bytearray(write.data[: chance.randrange(len(write.data) + 1)])
    if fate == "holes" and write.at >= len(content):
        for edge in range(-(write.at % SECTOR), len(data), SECTOR):
            if chance.random() < 0.5:
                start, stop = max(edge, 0), min(edge + SECTOR, len(data))
                data[start:stop] = bytes(stop - start)
    return replace(write, data=bytes(data)).whole(content)
