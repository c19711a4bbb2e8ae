"""A subject in another process: a line of canonical JSON asks, a line answers, as docs/conformance.md says."""

import select
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, Any

from thecal.bench.codec import UnreadableError, canonical, parse, read, written
from thecal.bench.conformance.subject import Introduced, Subject, SubjectError
from thecal.errors import InputError, Refusal
from thecal.pump.messages import Fault, Message, Procedure, Report, Syringe
from thecal.timeline import Instant

PATIENCE_S = 20.0
LINE_MAX = 2**20


@dataclass(frozen=True, slots=True)
class Begin:
    """Be a new pump of this data sheet at this instant."""

    model: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Say:
    """A message by the wand."""

    message: Message


@dataclass(frozen=True, slots=True)
class UseNeedle:
    """A needle."""

    procedure: Procedure


@dataclass(frozen=True, slots=True)
class Wait:
    """Let so many seconds pass."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Weigh:
    """Say how much has left the outlet."""


@dataclass(frozen=True, slots=True)
class Press:
    """The patient asks."""


@dataclass(frozen=True, slots=True)
class LosePower:
    """Power is cut, and comes back."""


@dataclass(frozen=True, slots=True)
class SufferFault:
    """A fault strikes."""

    fault: Fault


Ask = Begin | Say | UseNeedle | Wait | Weigh | Press | LosePower | SufferFault


@dataclass(frozen=True, slots=True)
class Weighed:
    """What has left the outlet, in nanolitres."""

    nl: int


@dataclass(frozen=True, slots=True)
class Done:
    """It was done."""


Told = Introduced | Report | Refusal | Syringe | Weighed | Done


class LinesSubject:
    """A pump in another process, that reads lines and answers each with one. ``command`` is split as a shell splits it."""

    def __init__(self, command: str) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the user names the pump to be checked
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except (OSError, ValueError) as error:
            raise InputError("--command", command, f"cannot be started: {error}") from None

    def begin(self, model: str, at: Instant) -> Introduced:
        """A new pump."""
        told: Introduced = self._ask(Begin(model, at), Introduced)
        return told

    def say(self, message: Message) -> Report | Refusal:
        """By the wand."""
        told: Report | Refusal = self._ask(Say(message), Report, Refusal)
        return told

    def needle(self, procedure: Procedure) -> Syringe | Refusal:
        """By the needle."""
        told: Syringe | Refusal = self._ask(UseNeedle(procedure), Syringe, Refusal)
        return told

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self._ask(Wait(seconds), Done)

    def weigh(self) -> int:
        """What has left the outlet."""
        weighed: Weighed = self._ask(Weigh(), Weighed)
        return weighed.nl

    def press(self) -> Report | Refusal:
        """By the activator."""
        told: Report | Refusal = self._ask(Press(), Report, Refusal)
        return told

    def lose_power(self) -> None:
        """Cut it off."""
        self._ask(LosePower(), Done)

    def fault(self, fault: Fault) -> Refusal | None:
        """Let a fault strike."""
        told = self._ask(SufferFault(fault), Done, Refusal)
        return told if isinstance(told, Refusal) else None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def _ask(self, ask: Ask, *wanted: type) -> Any:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None  # both are pipes
        assert back is not None
        asked = type(ask).__name__
        try:
            to.write(canonical(written(ask, Ask)) + b"\n")
        except OSError:
            raise SubjectError(f"the pump went away before {asked}") from None
        line = self._line(back, asked)
        try:
            told = read(Told, parse(line), "answer")
        except UnreadableError as error:
            raise SubjectError(f"the answer to {asked} cannot be read: {error}") from None
        if not isinstance(told, wanted):
            raise SubjectError(f"{type(told).__name__} is no answer to {asked}")
        return told

    def _line(self, back: IO[bytes], asked: str) -> bytes:
        """The next line, in good time."""
        line, ends = b"", time.monotonic() + PATIENCE_S
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([back], [], [], max(ends - time.monotonic(), 0))
            if not ready:
                raise SubjectError(f"no answer to {asked} in {PATIENCE_S:g} s")
            piece = back.read(65_536)
            if not piece:
                raise SubjectError(f"the pump went away after {asked}")
            line += piece
            if len(line) > LINE_MAX:
                raise SubjectError(f"the answer to {asked} does not end")
        return line.rstrip(b"\n")


def answer(subject: Subject, ask: Ask) -> Told:
    """What a subject in Python says to an ask: the other side of the lines, for adapters written in Python."""
    match ask:
        case Begin(model, at):
            return subject.begin(model, at)
        case Say(message):
            return subject.say(message)
        case UseNeedle(procedure):
            return subject.needle(procedure)
        case Wait(seconds):
            subject.wait(seconds)
        case Weigh():
            return Weighed(subject.weigh())
        case Press():
            return subject.press()
        case LosePower():
            subject.lose_power()
        case SufferFault(fault):
            return subject.fault(fault) or Done()
    return Done()


def serve(subject: Subject) -> None:
    """Answer every line of standard input, until there are no more."""
    for line in sys.stdin.buffer:
        told = answer(subject, read(Ask, parse(line.rstrip(b"\n")), "ask"))
        sys.stdout.buffer.write(canonical(written(told, Told)) + b"\n")
        sys.stdout.buffer.flush()
