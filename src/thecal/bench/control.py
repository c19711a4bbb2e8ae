"""The control socket: what is done to pumps by hand and by fate, on this machine and by its owner alone; never by the wand.

A line of canonical JSON asks, a line of JSON answers. The socket is a file in the bench's folder.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thecal.bench.bench_folder import CONTROL, BenchError, BenchFolder, NoBenchError
from thecal.bench.codec import Plain, UnreadableError, canonical, parse, read, written
from thecal.bench.entry import Asked, Befell, Needled
from thecal.bench.journal import BrokenJournalError
from thecal.bench.server import BenchServer
from thecal.bench.virtual_pump import Outcome
from thecal.errors import Refusal
from thecal.pump.messages import Event, Fault, Magnet, Procedure, Report, Stall, Syringe
from thecal.timeline import Instant

_LINE_MAX = 2**20
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class ListPumps:
    """What every pump does."""


@dataclass(frozen=True, slots=True)
class StopBench:
    """Put the bench away."""


@dataclass(frozen=True, slots=True)
class ReadKeys:
    """Read the keys again."""


@dataclass(frozen=True, slots=True)
class DoNeedle:
    """A needle in a pump."""

    serial: str
    procedure: Procedure


@dataclass(frozen=True, slots=True)
class PressActivator:
    """The patient asks for a bolus."""

    serial: str


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault strikes a pump. What of it has an end was worked out at an instant ``since``, and lasts as long from now."""

    serial: str
    fault: Fault
    since: Instant | None = None


Wish = ListPumps | StopBench | ReadKeys | DoNeedle | PressActivator | Strike


@dataclass(frozen=True, slots=True)
class Happened:
    """What a wish did: when on the bench, the answer of the pump, and the events."""

    at: Instant
    answer: Report | Refusal | Syringe | None
    events: tuple[Event, ...]


class Control:
    """The control socket of a server."""

    def __init__(self, server: BenchServer, stop: asyncio.Event) -> None:
        self._server, self._stop = server, stop

    @contextlib.asynccontextmanager
    async def open(self, folder: BenchFolder) -> Any:
        """Listen, for as long as the bench does. Raises OSError."""
        folder.control.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.chdir(folder.path):  # the name of a socket is short, the path of a folder may not be
            listener.bind(CONTROL)
        folder.control.chmod(0o600)
        listening = await asyncio.start_unix_server(self._meet, sock=listener, limit=_LINE_MAX)
        try:
            yield self
        finally:
            listening.close()
            folder.control.unlink(missing_ok=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled: the bench closes
            while line := await _line(reader):
                writer.write(json.dumps(self._do(line)).encode("ascii") + b"\n")
                await writer.drain()
        writer.close()

    def _do(self, line: bytes) -> Plain:
        try:
            wish: Wish = read(Wish, parse(line), "wish")
            serial = getattr(wish, "serial", None)
            if serial is not None and serial not in self._server.shelf:
                return {"error": f"{serial} is no pump of this bench"}
            return self._carry_out(wish)
        except (UnreadableError, BrokenJournalError) as error:
            return {"error": str(error)}

    def _carry_out(self, wish: Wish) -> Plain:
        match wish:
            case ListPumps():
                return self._listed()
            case StopBench():
                self._stop.set()
                return {"stopping": True}
            case ReadKeys():
                self._server.forget_keys()
                return {"read": True}
            case DoNeedle(serial, procedure):
                return _happened(self._server.happen(serial, lambda at: Needled(at, procedure)))
            case PressActivator(serial):
                return _happened(self._server.happen(serial, Asked))
            case Strike(serial, fault, since):
                return _happened(self._server.happen(serial, lambda at: Befell(at, _from(fault, since or at, at))))

    def _listed(self) -> Plain:
        server = self._server
        server.passed()
        return {
            "now": server.pace.now().utc_text(),
            "now_s": server.pace.now().s,
            "speed": str(server.pace.speed),
            "lag_s": round(server.lag_s, 3),
            "counts": dict(server.counts),
            "pumps": [self._pump(serial) for serial in server.shelf],
        }

    def _pump(self, serial: str) -> Plain:
        shelved, programmer = self._server.shelf[serial], self._server.programmed_by(serial)
        pump = shelved.pump
        state = pump.state
        return {
            "serial": serial,
            "model": state.sheet.name,
            "mode": state.mode,
            "alarms": [alarm.kind.name for alarm in state.memory.alarms],
            "calculated_nl": state.known_nl,
            "true_usable_nl": state.usable_nl,
            "delivered_nl": pump.account.delivered.volume_nl,
            "programmed_by": programmer.client if programmer else None,
            "segment": shelved.journal.generation,
            "entries": shelved.journal.count,
            "torn_bytes": shelved.torn,
        }


def _from(fault: Fault, since: Instant, at: Instant) -> Fault:
    """A fault that was worked out at an instant, as it is at a later one."""
    match fault:
        case Stall(until) if until:
            return Stall(at + (until - since))
        case Magnet(leaves, recovers):
            return Magnet(at + (leaves - since), recovers and at + (recovers - since))
    return fault


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end, and where a line is longer than any wish."""
    try:
        return (await reader.readline()).rstrip(b"\n")
    except ValueError:
        return b""


def _happened(outcome: Outcome | Refusal) -> Plain:
    if isinstance(outcome, Refusal):
        return {"refusal": written(outcome, Refusal)}
    happened: Plain = written(Happened(outcome.pump.now, outcome.answer, outcome.events), Happened)
    return {"happened": happened}


def ask(folder: BenchFolder, wish: Wish) -> Plain:
    """Ask the bench that serves a folder. Raises NoBenchError where none does, BenchError where it cannot do it."""
    answer = b""
    with _connected(folder.path) as line, contextlib.suppress(OSError):  # without an answer, however that came
        line.sendall(canonical(written(wish, Wish)) + b"\n")
        while not answer.endswith(b"\n") and (data := line.recv(_LINE_MAX)):
            answer += data
    if not answer.endswith(b"\n"):
        raise BenchError(f"the bench of {folder.path} did not answer; see what it does with: thecal bench list")
    plain: Plain = json.loads(answer)
    if "error" in plain:
        raise BenchError(plain["error"])
    return plain


def happened(folder: BenchFolder, wish: Wish) -> Happened | Refusal:
    """Let something happen to a pump. Raises BenchError."""
    plain = ask(folder, wish)
    if "refusal" in plain:
        refusal: Refusal = read(Refusal, plain["refusal"])
        return refusal
    answer: Happened = read(Happened, plain["happened"])
    return answer


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(_PATIENCE_S)
    try:
        try:
            with contextlib.chdir(path):
                line.connect(CONTROL)
        except OSError:
            raise NoBenchError(f"no bench serves {path}. Start one with: thecal bench start --dir {path}") from None
        yield line
    finally:
        line.close()
