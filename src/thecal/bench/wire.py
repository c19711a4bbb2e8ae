"""What is said on the wand, as frames: the hello and its welcome, commands, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from thecal.bench.codec import UnreadableError, canonical, read, written
from thecal.bench.frame import PAYLOAD_MAX, SEQUENCE_MAX, Frame, FrameType
from thecal.errors import Refusal
from thecal.pump.messages import Command, Report
from thecal.timeline import Instant

COMMAND_MAX = PAYLOAD_MAX // 2
"""How many bytes a command may have, so that its entry in the journal and a refusal that repeats it fit into a frame too."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Who wants to talk to which pump; the name counts only where no certificate says it."""

    serial: str
    programmer: str


@dataclass(frozen=True, slots=True)
class SheetReading:
    """A property of the data sheet that is read the other way."""

    name: str
    reading: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who answers: the pump, its data sheet by name, readings and digest, the time of the bench, and what the client may do.

    ``speed`` is how many times as fast as true time passes, as a fraction of two whole numbers.
    """

    serial: str
    model: str
    readings: tuple[SheetReading, ...]
    sheet: str
    now: Instant
    speed: tuple[int, ...]
    real_time: bool
    programmer: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said unasked: ``idle`` (a programming session was left alone), ``cleared`` (it is over), ``malformed`` (what came
    was no frame), ``bye`` (the bench closes).
    """

    what: Literal["idle", "cleared", "malformed", "bye"]
    text: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The client goes, and programs no longer."""


SPOKEN: Mapping[FrameType, Any] = {
    FrameType.HELLO: Hello,
    FrameType.WELCOME: Welcome,
    FrameType.COMMAND: Command,
    FrameType.REPORT: Report,
    FrameType.REFUSAL: Refusal,
    FrameType.NOTICE: Notice,
    FrameType.GOODBYE: Goodbye,
}
"""What a frame of each type on the wand holds."""


def frame_of(kind: FrameType, said: object, session: int = 0, sequence: int = 0) -> Frame:
    """What is said, as a frame."""
    return Frame(kind, session, sequence, written(said, SPOKEN[kind]))


def said_in(frame: Frame, wanted: FrameType) -> Any:
    """What a frame of a type says. Raises UnreadableError for another type, and for what is not of it."""
    if frame.type is not wanted:
        raise UnreadableError(f"{frame.type.name} came where {wanted.name} should")
    return read(SPOKEN[wanted], frame.payload)


def check_frame(frame: Frame) -> Refusal | None:
    """Whether a command may be taken, by its frame.

    The last number of a session is never used: after it there is none, and numbers never begin anew (BEN-15). What is heard must
    fit into the journal (BEN-02).
    """
    if frame.sequence == SEQUENCE_MAX:
        limit, source = f"numbers below {SEQUENCE_MAX}", "thecal: the numbers of a session never begin anew"
        return Refusal("BEN-15", f"message {frame.sequence} of a session", limit, source, "Begin a new session.")
    size = len(canonical(frame.payload))
    if size > COMMAND_MAX:
        limit, source = f"commands of up to {COMMAND_MAX:,} bytes", "thecal: what is heard must fit into the journal"
        return Refusal("BEN-02", f"a command of {size:,} bytes", limit, source, "Order less in one session.")
    return None


def reply_frame(reply: Report | Refusal, session: int, sequence: int) -> Frame:
    """A reply; of a log that is too long for a frame, the latest events that fit."""
    if isinstance(reply, Refusal):
        return frame_of(FrameType.REFUSAL, reply, session, sequence)
    frame = frame_of(FrameType.REPORT, reply, session, sequence)
    while len(canonical(frame.payload)) > PAYLOAD_MAX and reply.log:
        reply = replace(reply, log=reply.log[len(reply.log) // 2 + 1 :])
        frame = frame_of(FrameType.REPORT, reply, session, sequence)
    return frame
