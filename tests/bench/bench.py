"""A bench for these tests: on the event loop of a test, with a clock that the test may hold; or as a process of its own."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.courses import GEOMETRY, flow, ml, running_pump
from tests.programmer.desk import C500, HUNDRED
from thecal.bench import control
from thecal.bench.access import PERMISSIONS
from thecal.bench.bad_link import BadLink
from thecal.bench.bench_folder import BenchFolder, Listening
from thecal.bench.desk import Desk
from thecal.bench.frame import Decoder, Frame, FrameType
from thecal.bench.keys import issue_programmer, make_authority, programmer_context
from thecal.bench.pace import Pace
from thecal.bench.patient_charts import add_facts, read_chart
from thecal.bench.server import BenchServer
from thecal.bench.start import BenchOptions, NewPump, bench_start, open_shelf, run_bench
from thecal.bench.virtual_pump import VirtualPump, on_bench
from thecal.bench.wand import Patience, Wand
from thecal.bench.wire import Hello, Notice, frame_of
from thecal.chart.facts import Filled, Implanted, SessionEnded
from thecal.pump.advance import advance
from thecal.pump.handle import report
from thecal.pump.messages import Command
from thecal.pump.program import SimpleContinuous
from thecal.timeline import DAY_S, Duration, Instant

YEAR = Duration(365 * DAY_S)
PROGRAMMERS = ("nurse", "doctor")
PATIENT = Patience(answer_s=10.0, times=2, connect_s=20.0)
"""Longer than a busy machine takes: what is lost in these tests is lost on purpose."""


class Clock:
    """A steady clock that stands until it is moved."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def new_pump(serial: str, at: Instant, sheet: str = "reference-40") -> NewPump:
    """A pump that has run 100 mcg/day of 500 mcg/mL for four days, and its chart."""
    begin = Instant(at.s - 4 * DAY_S)
    pump = running_pump(SimpleContinuous(flow(0.2)), sheet, at=begin)
    volume = min(ml(30), pump.sheet.reservoir_capacity)
    implanted = Implanted(begin, sheet, "indura-8709sc", "T10", GEOMETRY.dead_volume, GEOMETRY, "CSF", C500)
    facts = (implanted, Filled(begin, volume, C500), SessionEnded(begin, HUNDRED, report(pump)))
    return NewPump(on_bench(serial, advance(pump, at).state), facts)


def serial_of(number: int) -> str:
    return f"TC-{number:04d}"


def new_folder(path: Path, *, pumps: int = 1, sheet: str = "reference-40", keys: bool = True, ahead_s: int = 0) -> BenchFolder:
    """A bench that has not been started: its pumps, and the keys of a clinic in which two may do everything.

    With ``ahead_s`` its time is ahead of the machine's, so that none passes between two starts.
    """
    folder = BenchFolder(path)
    folder.make()
    if keys:
        now = datetime.now(UTC)
        make_authority(folder.keys, now)
        for name in PROGRAMMERS:
            issue_programmer(folder.keys, name, PERMISSIONS, [], YEAR, now)
    with folder.locked():
        serials = [serial_of(number) for number in range(1, pumps + 1)]
        shelf = open_shelf(folder, lambda at: [new_pump(serial, Instant(at.s + ahead_s), sheet) for serial in serials])
        for shelved in shelf.values():
            shelved.journal.folder.close()  # type: ignore[attr-defined]  # a folder of the file system
    return folder


@dataclass
class Bench:
    """A bench that is being served on this loop. With a ``clock``, time passes as that says."""

    folder: BenchFolder
    server: BenchServer
    where: Listening
    serving: asyncio.Task[None]
    clock: Clock | None

    def wand(
        self,
        who: str = "nurse",
        serial: str = "TC-0001",
        *,
        link: BadLink | None = None,
        patience: Patience = PATIENT,
        heed: Callable[[Notice], None] = lambda _: None,
        **options: Any,
    ) -> Wand:
        """A programmer's wand, not opened yet."""
        context = None if self.where.plain else programmer_context(self.folder.keys, who)
        host, port = self.where.host, self.where.port
        return Wand(host, port, serial, context=context, programmer=who, link=link, patience=patience, heed=heed, **options)

    def desk(self, wand: Wand) -> Desk:
        """A desk at an open wand, with the chart of its pump."""
        serial = wand.welcome.serial
        return Desk(wand, read_chart(self.folder, serial), lambda facts: add_facts(self.folder, serial, facts))

    def pump(self, serial: str = "TC-0001") -> VirtualPump:
        return self.server.shelf[serial].pump

    def log(self, what: str) -> list[dict[str, Any]]:
        """The lines of the log of one kind."""
        return [line for line in logged(self.folder) if line["what"] == what]

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on, and the bench see it."""
        assert self.clock is not None
        self.clock.s += seconds
        self.server.passed()

    async def ask(self, wish: control.Wish) -> Any:
        """Ask by the control socket."""
        return await asyncio.to_thread(control.ask, self.folder, wish)


def logged(folder: BenchFolder) -> list[dict[str, Any]]:
    """The log of a bench."""
    return [json.loads(line) for line in folder.log.read_text(encoding="utf-8").splitlines()] if folder.log.exists() else []


@asynccontextmanager
async def serve(folder: BenchFolder, *, clock: Clock | None = None, **options: Any) -> AsyncIterator[Bench]:
    """Serve the pumps of a folder, and put them away in the end."""
    ready: asyncio.Future[tuple[BenchServer, Listening]] = asyncio.get_running_loop().create_future()
    with folder.locked():
        shelf = open_shelf(folder, lambda _: ())
        start = bench_start(shelf)
        run = run_bench(folder, shelf, BenchOptions(**options), lambda server, where: ready.set_result((server, where)))
        serving = asyncio.create_task(run)
        waited: set[asyncio.Future[Any]] = {serving, ready}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        server, where = ready.result()
        if clock is not None:
            server.pace = Pace(start, Fraction(options.get("speed", 1)), clock)
        bench = Bench(folder, server, where, serving, clock)
        try:
            yield bench
        finally:
            if not serving.done():
                await bench.ask(control.StopBench())
            await serving
            for shelved in shelf.values():
                shelved.journal.folder.close()  # type: ignore[attr-defined]  # a folder of the file system


def tls(keys: Path, stem: str | None, *, trusted: Path | None = None) -> ssl.SSLContext:
    """What somebody talks with who has the key of that file, or none, and trusts an authority; by hand, unlike a programmer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations((trusted or keys) / "trusted.pem")
    if stem:
        context.load_cert_chain(keys / f"{stem}.pem", keys / f"{stem}.key")
    return context


class Line:
    """A connection of somebody who sends what they like."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self._decoder = reader, writer, Decoder()
        self._found: list[Frame] = []

    async def frame(self) -> Frame | None:
        """The next frame that comes; None where the connection ends. Raises TimeoutError where neither comes."""
        while not self._found:
            try:
                async with asyncio.timeout(20.0):
                    data = await self.reader.read(65_536)
            except (ConnectionError, ssl.SSLError):
                data = b""
            if not data:
                return None
            self._found += [piece for piece in self._decoder.feed(data) if isinstance(piece, Frame)]
        return self._found.pop(0)

    async def ends(self) -> list[Frame]:
        """What still comes until the connection ends."""
        found = []
        while (frame := await self.frame()) is not None:
            found.append(frame)
        return found


@asynccontextmanager
async def line(where: Listening, context: ssl.SSLContext | None = None, name: str = "") -> AsyncIterator[Line]:
    """A connection, with TLS where a context is given, for a pump by its name."""
    host = name if context else None
    reader, writer = await asyncio.open_connection(where.host, where.port, ssl=context, server_hostname=host)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


def hello(serial: str = "TC-0001", programmer: str = "nurse") -> bytes:
    return frame_of(FrameType.HELLO, Hello(serial, programmer)).encoded()


def said(command: Command, sequence: int, session: int = 7) -> bytes:
    """A command as it is sent."""
    return frame_of(FrameType.COMMAND, command, session, sequence).encoded()


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so, which the event loop brings about."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def _process(path: Path, options: dict[str, Any], said: Connection) -> None:
    folder = BenchFolder(path)
    with folder.locked():
        shelf = open_shelf(folder, lambda _: ())
        asyncio.run(run_bench(folder, shelf, BenchOptions(**options), lambda _, where: said.send(where)))


@contextmanager
def process(folder: BenchFolder, **options: Any) -> Iterator[tuple[Listening, Callable[[], None]]]:
    """A bench as a process of its own: where it listens, and how to end it at once, as power does."""
    hears, said = _PROCESSES.Pipe(duplex=False)
    running = _PROCESSES.Process(target=_process, args=(folder.path, options, said))
    running.start()
    said.close()

    def kill() -> None:
        if running.is_alive():
            running.kill()
        running.join()

    try:
        with hears:
            assert hears.poll(30), "the bench did not come up"
            yield hears.recv(), kill
    finally:
        kill()
        running.close()
