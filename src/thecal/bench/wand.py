"""The wand: the programmer's side of the link. What it says of a message is one of three: confirmed, refused, or uncertain.

A message that is not answered in time is sent again, with the same number, which the pump does once. When no answer comes at all,
nobody knows whether it was done, and only an interrogation tells.
"""

import asyncio
import os
import secrets
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from types import TracebackType

from thecal.bench.bad_link import BadLink, fate
from thecal.bench.codec import UnreadableError
from thecal.bench.frame import Decoder, Frame, FrameType, Malformed
from thecal.bench.keys import SERIAL, pump_host
from thecal.bench.virtual_pump import sheet_digest, sheet_with
from thecal.bench.wire import Goodbye, Hello, Notice, Welcome, frame_of, said_in
from thecal.errors import InputError, Refusal, ThecalError
from thecal.pump.messages import Message, Report
from thecal.pump.sheet import PumpSheet
from thecal.timeline import Instant

_CHUNK = 65_536


class LinkError(ThecalError):
    """No link to a pump: says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The pump has done it, and says so."""

    report: Report


@dataclass(frozen=True, slots=True)
class Refused:
    """The pump, or the bench before it, has refused it; nothing was changed."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Uncertain:
    """No answer came: nobody knows whether it was done."""

    why: str


Said = Confirmed | Refused | Uncertain


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for, and how often a message is sent."""

    answer_s: float = 2.0
    times: int = 4
    connect_s: float = 10.0


class Wand:
    """A link to one pump, as an asynchronous context manager: ``async with Wand(...) as wand``.

    ``context`` is the TLS of the programmer, None to talk plainly to a bench on this machine. ``heed`` is told every notice.
    """

    def __init__(
        self,
        host: str,
        port: int,
        serial: str,
        *,
        context: ssl.SSLContext | None,
        programmer: str = "plain",
        link: BadLink | None = None,
        chance: Random | None = None,
        patience: Patience | None = None,
        heed: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._host, self._port, self._serial, self._context, self._programmer = host, port, serial, context, programmer
        self._link, self._chance = link or BadLink(), chance or Random(secrets.randbits(64))  # noqa: S311  # a bad link is no secret
        self._patience, self._heed = patience or Patience(), heed
        self._decoder, self._behind = Decoder(), Decoder()  # the second one hears what a bad link lets through
        self._answers: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._steady = 0.0
        self._welcome: Welcome | None = None
        self._sheet: PumpSheet | None = None
        self.number = secrets.randbits(63)
        """The number of the session."""

    @property
    def welcome(self) -> Welcome:
        """What the pump said when it answered."""
        assert self._welcome is not None  # the link is open
        return self._welcome

    @property
    def sheet(self) -> PumpSheet:
        """The data sheet of the pump."""
        assert self._sheet is not None  # the link is open
        return self._sheet

    def now(self) -> Instant:
        """The time of the bench, by the time it said and what has passed since."""
        passed = (asyncio.get_running_loop().time() - self._steady) * self.welcome.speed[0] / self.welcome.speed[1]
        return Instant(min(self.welcome.now.s + int(passed), Instant.LAST))

    async def __aenter__(self) -> "Wand":
        """Open the link. Raises LinkError."""
        try:
            async with asyncio.timeout(self._patience.connect_s):  # not wait_for, which in Python 3.11 may lose a cancellation
                await self._open()
        except TimeoutError:
            await self._close()
            want = "" if self._context else "; it may want a certificate"
            raise LinkError(f"{self._place()} does not answer in {self._patience.connect_s:g} s{want}. {_LOOK}") from None
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Say goodbye and close the link."""
        with suppress(OSError):
            self._writer.write(frame_of(FrameType.GOODBYE, Goodbye(), self.number).encoded())
            await self._writer.drain()
        await self._close()

    async def say(self, message: Message) -> Said:
        """Send a message until it is answered or patience ends, and say which of the three it came to."""
        frame = frame_of(FrameType.COMMAND, message.command, self.number, message.sequence)
        for _ in range(self._patience.times):
            self._send(frame.encoded())
            try:
                async with asyncio.timeout(self._patience.answer_s):
                    answer = await self._answer(message.sequence)
            except TimeoutError:
                for piece in self._behind.give_up():  # half a frame would keep those behind it waiting
                    self._take(piece)
                continue
            if answer is None:
                return Uncertain("the link was cut")
            if isinstance(answer, Refusal):
                return Refused(answer)
            return Confirmed(answer)
        return Uncertain(f"no answer in {self._patience.answer_s * self._patience.times:g} s")

    async def _answer(self, sequence: int) -> Report | Refusal | None:
        """The answer to a message of this session; what answers another one came late and is passed over."""
        while True:
            frame = await self._answers.get()
            if frame is None:
                self._answers.put_nowait(None)  # it stays so
                return None
            if (frame.session, frame.sequence) == (self.number, sequence):
                with suppress(UnreadableError):
                    reply: Report | Refusal = said_in(frame, frame.type)
                    return reply

    async def _open(self) -> None:
        place, serial, host = self._place(), self._serial, pump_host(self._serial) if self._context else None
        if not SERIAL.fullmatch(serial):
            raise LinkError(f"{serial!r} is not spelled as a serial number is, such as TC-0001. {_LOOK}")
        try:
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._context, server_hostname=host, limit=_CHUNK
            )
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            raise LinkError(f"{place} shows no certificate of {serial} that this programmer trusts: {why}. {_LOOK}") from None
        except (ssl.SSLError, ConnectionResetError) as error:
            why = f"it has no pump {serial}, or talks without certificates"
            raise LinkError(f"{place} ends the link at once: {why}{_said_why(error)}. {_LOOK}") from None
        except OSError as error:
            raise LinkError(f"no bench answers at {place}: {_reason(error)}. {_LOOK}") from None
        try:
            self._writer.write(frame_of(FrameType.HELLO, Hello(serial, self._programmer)).encoded())
            await self._writer.drain()
            await self._greeted()
        except OSError as error:
            raise self._shut_out(_said_why(error)) from None

    def _shut_out(self, why: str = "") -> LinkError:
        """What a link means that ends before anything was said."""
        if self._context is None:
            return LinkError(f"{self._place()} ends the link at once{why}; it may want a certificate. {_KEYS}")
        causes = "it has expired, is not valid yet, or comes from another authority"
        return LinkError(f"{self._place()} does not take the certificate of this programmer: {causes}{why}. {_KEYS}")

    async def _greeted(self) -> None:
        """The first frame that comes back is a welcome, or says why not."""
        found: list[Frame | Malformed] = []
        while not found:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise self._shut_out()
            found = self._decoder.feed(data)
        first = found[0]
        if isinstance(first, Malformed):
            raise LinkError(f"{self._place()} talks another language: {first.why}. Is it a bench?")
        try:
            if first.type is FrameType.REFUSAL:
                raise LinkError(str(said_in(first, FrameType.REFUSAL)))
            self._welcome = said_in(first, FrameType.WELCOME)
            readings = tuple((reading.name, reading.reading) for reading in self.welcome.readings)
            self._sheet = sheet_with(self.welcome.model, readings)
        except (UnreadableError, InputError) as error:
            raise LinkError(f"{self._place()} talks another language: {error}. {_VERSIONS}") from None
        self._steady = asyncio.get_running_loop().time()
        if sheet_digest(self._sheet) != self.welcome.sheet:
            raise LinkError(f"the bench has another data sheet of {self.welcome.model}. {_VERSIONS}")
        for piece in found[1:]:
            self._take(piece)
        self._start(self._read())

    async def _read(self) -> None:
        """Everything that comes in, through the link, until it ends."""
        with suppress(OSError):
            while data := await self._reader.read(_CHUNK):
                for piece in self._decoder.feed(data):
                    if self._link.is_good or isinstance(piece, Malformed):
                        self._take(piece)
                    else:
                        self._suffer(piece.encoded(), self._arrived)
        self._answers.put_nowait(None)

    def _arrived(self, data: bytes) -> None:
        for piece in self._behind.feed(data):
            self._take(piece)

    def _take(self, piece: Frame | Malformed) -> None:
        if isinstance(piece, Malformed):
            return  # as if it had been lost: the message is sent again
        if piece.type in (FrameType.REPORT, FrameType.REFUSAL):
            self._answers.put_nowait(piece)
        elif piece.type is FrameType.NOTICE:
            with suppress(UnreadableError):
                self._heed(said_in(piece, FrameType.NOTICE))

    def _send(self, data: bytes) -> None:
        if self._link.is_good:
            self._out(data)
        else:
            self._suffer(data, self._out)

    def _out(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def _suffer(self, data: bytes, arrive: Callable[[bytes], None]) -> None:
        """Let the bad link have its way with what is sent, or with what has come."""
        for piece in fate(self._link, data, self._chance):
            self._start(self._later(piece.data, piece.after_s, arrive, ends=piece.ends))

    async def _later(self, data: bytes, after_s: float, arrive: Callable[[bytes], None], *, ends: bool) -> None:
        await asyncio.sleep(after_s)
        arrive(data)
        if ends:
            self._writer.transport.abort()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        writer = getattr(self, "_writer", None)
        if writer is not None:
            writer.close()
            with suppress(OSError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()
            writer.transport.abort()

    def _place(self) -> str:
        return f"{self._host}:{self._port}"


_LOOK = "See where the bench listens and which pumps it has with: thecal bench list."
_KEYS = "See the keys, and have one made, with: thecal bench keys."
_VERSIONS = "Use the same version of thecal on both sides."


def _reason(error: OSError) -> str:
    """Why no connection was made, as the operating system says it."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _said_why(error: OSError) -> str:
    """What the other side said of the end of a link, if it said anything."""
    reason = getattr(error, "reason", None) or ""
    return f" (it says: {reason.partition('ALERT_')[2].replace('_', ' ').lower()})" if "ALERT_" in reason else ""
