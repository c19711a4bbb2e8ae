"""The server: many virtual pumps in one process, each behind the door of its own certificate.

All work on a pump is done in one step of the event loop, so that no two messages ever meet in the middle of one. Time is let
pass on every pump at each beat; the pumps jump, they do not tick.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal
from weakref import WeakKeyDictionary

from thecal.bench.access import ANYBODY, Client, Programming, client_of, programming
from thecal.bench.codec import UnreadableError
from thecal.bench.entry import Entry, Heard
from thecal.bench.frame import Decoder, Frame, FrameType, Malformed
from thecal.bench.journal import BrokenJournalError, JournalError
from thecal.bench.keys import NAME
from thecal.bench.log import BenchLog, in_words
from thecal.bench.pace import Pace
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, sheet_digest
from thecal.bench.wire import Hello, Notice, SheetReading, Welcome, check_frame, frame_of, reply_frame, said_in
from thecal.errors import Refusal
from thecal.programmer.session import idle_alert
from thecal.pump.advance import UPDATE_CLEARED
from thecal.pump.messages import Command, Event, Interrogate, Message, ReadBack, Report
from thecal.timeline import Instant

HANDSHAKE_S = 10.0
HELLO_S = 10.0
HANG_UP_S = 1.0
WHOLE_S = 0.5
"""How long the rest of a frame is waited for. Where its length was damaged it never comes, and those behind it must not wait."""
MALFORMED_MAX = 1000
"""After how many pieces that were no frames a connection is closed."""
_CHUNK = 65_536


class Talk:
    """One connection: who it is, which pump it talks to, and how to say something to it."""

    def __init__(self, writer: asyncio.StreamWriter, peer: str, client: Client, shelved: ShelvedPump) -> None:
        self.writer, self.peer, self.client, self.shelved = writer, peer, client, shelved
        self.malformed = 0

    def say(self, frame: Frame) -> None:
        """Send a frame, if the connection still stands."""
        if not self.writer.is_closing():
            self.writer.write(frame.encoded())


class BenchServer:
    """The pumps of a bench, and everybody who talks to them.

    ``contexts`` gives the TLS of a pump by its serial number, None where anybody on this machine may talk; ``revoked`` the
    numbers of certificates that are let in no more.
    """

    def __init__(
        self,
        shelf: dict[str, ShelvedPump],
        pace: Pace,
        log: BenchLog,
        *,
        contexts: Callable[[str], ssl.SSLContext] | None,
        revoked: Callable[[], frozenset[str]] = frozenset,
        real_time: bool = True,
    ) -> None:
        self.shelf, self.pace, self.log = shelf, pace, log
        self.contexts, self.revoked, self.real_time = contexts, revoked, real_time
        self._alerted: dict[str, Programming] = {}
        self._gone: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.lag_s = 0.0
        self._talks: set[Talk] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._front: ssl.SSLContext | None = None
        self._shown: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()

    async def serve(self, listener: socket.socket, stop: asyncio.Event, beat_s: float) -> None:
        """Take connections and let time pass until told to stop; then write down how far time has passed."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        accepting = loop.create_task(self._accept(listener))
        beating = loop.create_task(self._beat(beat_s))
        stopping = loop.create_task(stop.wait())
        try:
            await asyncio.wait({accepting, beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (accepting, beating, stopping, *self._tasks):
                task.cancel()
            for talk in self._talks:
                talk.say(frame_of(FrameType.NOTICE, Notice("bye", "the bench is put away")))
            ended = await asyncio.gather(accepting, beating, stopping, *self._tasks, return_exceptions=True)
            self._put_away()
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def _put_away(self) -> None:
        for serial, shelved in self.shelf.items():
            try:
                shelved.put_away(self.pace.now())
            except JournalError as error:
                self.log.note("not put away", serial=serial, why=str(error))

    def passed(self) -> None:
        """Let time pass on every pump, and see who was left alone."""
        now = self.pace.now()
        for serial in self.shelf:
            self._wait(serial, now)

    def _wait(self, serial: str, now: Instant) -> None:
        shelved, before = self.shelf[serial], self.programmed_by(serial)
        events = shelved.wait(now)
        if before and shelved.pump.now.s - before.touched.s >= idle_alert().s and self._alerted.get(serial) != before:
            self._alerted[serial] = before
            self._notify(serial, before, "idle", f"the session was left alone for {idle_alert()}; go on, or it ends")
        self._told(serial, before, events)

    def happen(self, serial: str, make: Callable[[Instant], Entry]) -> Outcome | Refusal:
        """Let something happen to a pump now, by needle, activator or fault. Raises BrokenJournalError."""
        shelved = self.shelf[serial]
        self._wait(serial, self.pace.now())
        before = self.programmed_by(serial)
        outcome = shelved.take(make(shelved.pump.now))
        if not isinstance(outcome, Refusal):
            self._told(serial, before, outcome.events)
        return outcome

    def programmed_by(self, serial: str) -> Programming | None:
        """Who programs a pump; nobody where whoever did has said goodbye."""
        open_update = programming(self.shelf[serial].pump.state)
        return None if open_update is None or open_update.session == self._gone.get(serial) else open_update

    def _told(self, serial: str, before: Programming | None, events: tuple[Event, ...]) -> None:
        """Log what happened to a pump, and tell who programmed it ``before`` that this is over."""
        for event in events:
            if event.kind == UPDATE_CLEARED and before:
                self._notify(serial, before, "cleared", "the session was left alone for too long and is over; interrogate")
            self.counts["events"] += 1
            if event.severity != "information":
                self.log.note("event", serial=serial, pump_time=event.at.utc_text(), event=event.kind, severity=event.severity)

    async def _beat(self, beat_s: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.passed()
            due += beat_s
            self.lag_s = max(loop.time() - due, 0.0)
            due = max(due, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError as error:  # too many open files: let some close
                self.log.note("not accepted", why=str(error))
                await asyncio.sleep(0.1)
                continue
            task = loop.create_task(self._meet(connection, f"{address[0]}:{address[1]}"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _meet(self, connection: socket.socket, peer: str) -> None:
        """One connection from its first byte to its last."""
        try:
            reader, writer = await self._open(connection)
        except OSError as error:  # SSLError and TimeoutError are of them
            self._refused(peer, None, in_words(error))
            connection.close()
            return
        try:
            await self._converse(reader, writer, peer)
        except OSError as error:
            self.log.note("connection lost", peer=peer, why=in_words(error))
        finally:
            writer.close()
            with suppress(OSError):
                async with asyncio.timeout(HANG_UP_S):
                    await writer.wait_closed()
            writer.transport.abort()  # who does not take the last words in time goes without them

    async def _open(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader(limit=_CHUNK, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        guard, patience_s = (self._doorman(), HANDSHAKE_S) if self.contexts else (None, None)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=guard, ssl_handshake_timeout=patience_s
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _doorman(self) -> ssl.SSLContext:
        """The TLS that every connection begins with; the pump that is asked for by name then shows its own certificate."""
        assert self.contexts is not None  # asked before
        if self._front is None:
            self._front = self.contexts(next(iter(self.shelf)))
            self._front.sni_callback = self._show_certificate
        return self._front

    def _show_certificate(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        serial = (name or "").partition(".")[0].upper()
        if serial not in self.shelf or self.contexts is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self.contexts(serial)
        self._shown[connection] = serial
        return None

    def forget_keys(self) -> None:
        """Read the keys again for the connections to come."""
        self._front = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        decoder, certificate = Decoder(), writer.get_extra_info("peercert")
        shown = client_of(certificate) if certificate else None
        first = None
        with suppress(TimeoutError):
            async with asyncio.timeout(HELLO_S):  # not wait_for, which in Python 3.11 may lose a cancellation
                first = await self._first(reader, decoder)
        if first is None:
            self._refused(peer, shown.name if shown else None, "no hello came first")
            return
        hello, rest = first
        client = shown or replace(ANYBODY, name=hello.programmer or ANYBODY.name)
        refusal = self._check(client, hello, writer)
        if refusal:
            self._refused(peer, client.name, str(refusal), serial=hello.serial)
            writer.write(reply_frame(refusal, 0, 0).encoded())
            await writer.drain()
            return
        talk = Talk(writer, peer, client, self.shelf[hello.serial])
        talk.say(frame_of(FrameType.WELCOME, self._welcome(hello.serial, client)))
        self.log.note("connected", peer=peer, client=client.name, serial=hello.serial)
        self._talks.add(talk)
        try:
            await self._listen(reader, decoder, talk, rest)
        finally:
            self._talks.discard(talk)

    async def _first(self, reader: asyncio.StreamReader, decoder: Decoder) -> tuple[Hello, list[Frame | Malformed]] | None:
        """The hello, and what came after it in the same breath; None where something else came."""
        while data := await reader.read(_CHUNK):
            found = decoder.feed(data)
            if found:
                with suppress(UnreadableError):
                    if isinstance(found[0], Frame):
                        return said_in(found[0], FrameType.HELLO), found[1:]
                return None
        return None

    def _check(self, client: Client, hello: Hello, writer: asyncio.StreamWriter) -> Refusal | None:
        """Whether this client may talk to this pump: it is there, it is the one that showed its certificate, and so on."""
        if not NAME.fullmatch(client.name):
            limit, advice = "a name of up to 40 letters, digits, dots, dashes and underscores", "Say who programs."
            return Refusal("BEN-16", "a session of a programmer without such a name", limit, "the bench", advice)
        if hello.serial not in self.shelf:
            limit, advice = f"one of the {len(self.shelf)} pumps of this bench", "See the serial numbers with: thecal bench list."
            return Refusal("BEN-10", f"a session with {hello.serial[:40]}", limit, "the bench", advice)
        door = writer.get_extra_info("ssl_object")
        if door is not None and self._shown.get(door) != hello.serial:
            limit = "the pump whose certificate was asked for"
            return Refusal(
                "BEN-10", f"a session with {hello.serial}", limit, "the bench", "Connect to that pump by its own name."
            )
        return self._check_revoked(client) or client.check_pump(hello.serial)

    def _check_revoked(self, client: Client) -> Refusal | None:
        if client.certificate.lstrip("0") not in self.revoked():
            return None
        advice = "Have a new certificate issued: thecal bench keys."
        return Refusal("BEN-14", f"a session of {client.name}", "a certificate that is not revoked", "the bench's keys", advice)

    def _welcome(self, serial: str, client: Client) -> Welcome:
        pump, speed = self.shelf[serial].pump, self.pace.speed
        return Welcome(
            serial=serial,
            model=pump.state.sheet.name,
            readings=tuple(SheetReading(name, reading) for name, reading in pump.readings),
            sheet=sheet_digest(pump.state.sheet),
            now=max(self.pace.now(), pump.now),
            speed=(speed.numerator, speed.denominator),
            real_time=self.real_time,
            programmer=client.name,
            permissions=tuple(sorted(client.permissions)),
        )

    async def _listen(self, reader: asyncio.StreamReader, decoder: Decoder, talk: Talk, found: list[Frame | Malformed]) -> None:
        heard: list[Frame | Malformed] | None = found
        while heard is not None:
            for piece in heard:
                if isinstance(piece, Malformed):
                    self._malformed(talk, f"no frame at byte {piece.offset}: {piece.why}")
                elif piece.type is FrameType.GOODBYE:
                    self._let_go(talk, piece.session)
                    return
                else:
                    self._answer(talk, piece)
                if talk.malformed >= MALFORMED_MAX:
                    return
                await talk.writer.drain()  # who does not read is not answered
                await asyncio.sleep(0)  # who says much at once does not keep the others waiting
            heard = await _heard(reader, decoder)

    def _malformed(self, talk: Talk, why: str) -> None:
        self.counts["malformed"] += 1
        talk.malformed += 1
        if talk.malformed <= 3 or talk.malformed == MALFORMED_MAX:  # what was said already is only counted
            self._refused(talk.peer, talk.client.name, why, serial=talk.shelved.pump.serial)
            talk.say(frame_of(FrameType.NOTICE, Notice("malformed", why)))

    def _answer(self, talk: Talk, frame: Frame) -> None:
        """Answer one command; what is no command is refused as what is no frame is."""
        try:
            command: Command = said_in(frame, FrameType.COMMAND)
        except UnreadableError as error:
            self._malformed(talk, f"no command: {error}")
            return
        try:
            reply = self._reply(talk, frame, command)
        except BrokenJournalError as error:  # nobody knows what was written, so nothing is said
            self.log.note("memory broken", serial=talk.shelved.pump.serial, why=str(error))
            talk.writer.close()
            return
        self.counts["answers"] += 1
        if isinstance(reply, Refusal):
            self._refused(talk.peer, talk.client.name, str(reply), serial=talk.shelved.pump.serial)
        talk.say(reply_frame(reply, frame.session, frame.sequence))

    def _reply(self, talk: Talk, frame: Frame, command: Command) -> Report | Refusal:
        shelved, client, serial = talk.shelved, talk.client, talk.shelved.pump.serial
        self._wait(serial, self.pace.now())
        reads = isinstance(command, Interrogate | ReadBack)
        before = self.programmed_by(serial)
        refusal = self._check_revoked(client) or client.check_command(command) or check_frame(frame)
        if before and not reads and not refusal:
            refusal = before.check(client, command.name)
        if refusal:
            return refusal
        session = session_name(client, frame.session)
        outcome = shelved.take(Heard(shelved.pump.now, Message(session, frame.sequence, command)))
        if isinstance(outcome, Refusal):
            return outcome
        if self._gone.get(serial) == session:
            del self._gone[serial]
        self._told(serial, before, outcome.events)
        assert isinstance(outcome.answer, Report | Refusal)  # what is heard is answered
        return outcome.answer

    def _notify(self, serial: str, whom: Programming, what: Literal["idle", "cleared"], text: str) -> None:
        self.log.note(what, serial=serial, client=whom.client)
        for talk in self._talks:
            if talk.client.name == whom.client and talk.shelved.pump.serial == serial:
                talk.say(frame_of(FrameType.NOTICE, Notice(what, text)))

    def _let_go(self, talk: Talk, session: int) -> None:
        """Who says goodbye programs no longer; an update left open is cleared by the pump, or taken over by the next."""
        open_update = programming(talk.shelved.pump.state)
        if open_update and open_update.session == session_name(talk.client, session):
            self._gone[talk.shelved.pump.serial] = open_update.session

    def _refused(self, peer: str, client: str | None, why: str, serial: str | None = None) -> None:
        self.counts["refused"] += 1
        self.log.note("refused", peer=peer, client=client, serial=serial, why=why)


def session_name(client: Client, number: int) -> str:
    """A session as the pump knows it: nobody can speak in another client's."""
    return f"{client.name}/{number:016x}"


async def _heard(reader: asyncio.StreamReader, decoder: Decoder) -> list[Frame | Malformed] | None:
    """What comes next; None at the end of the connection. What does not become a whole frame in time was none."""
    try:
        async with asyncio.timeout(WHOLE_S if decoder.waiting else None):
            data = await reader.read(_CHUNK)
    except TimeoutError:
        return decoder.give_up()
    return decoder.feed(data) if data else None
