"""The bench: many pumps at a thousand times true speed, sessions through mutual TLS, durable updates, and recovery.

Beside them in the same run, from the shelf: a plain echo through the same TLS for what a round trip costs, and a row committed to
SQLite for what a durable write costs.
"""

import asyncio
import contextlib
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random

from thecal.bench import control
from thecal.bench.bench_folder import BenchFolder, Listening
from thecal.bench.entry import Heard, Needled
from thecal.bench.folder import RealFolder
from thecal.bench.frame import FRAME_MAX, Decoder, Malformed
from thecal.bench.keys import issue_programmer, issue_pump, make_authority, programmer_context, pump_context, pump_host
from thecal.bench.shelf import ShelvedPump
from thecal.bench.start import BenchOptions, NewPump, open_shelf, run_bench
from thecal.bench.virtual_pump import VirtualPump, on_bench
from thecal.bench.wand import Confirmed, Wand
from thecal.pump.advance import advance
from thecal.pump.handle import Answer, handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    Command,
    Commit,
    Fill,
    Interrogate,
    Message,
    ReadBack,
    Report,
    Stage,
    Update,
    Withdraw,
)
from thecal.pump.program import Flex, SimpleContinuous, Step
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant

PUMPS, SPEED = 500, 1000
SECONDS = 10.0
WANDS = 8
YEARS = 10


def running(at: Instant) -> PumpState:
    """A reference pump that was filled and gives a flex day of six steps."""
    filled = perform(new_pump(pump_sheet("reference-40"), at), Fill(Volume(40_000_000), Concentration(500)))
    assert isinstance(filled, tuple)
    steps = tuple(Step(4 * (n + 1) * 3600, FlowRate(200_000 + 40_000 * n)) for n in range(6))
    answer = handle(filled[0], Update(Flex((steps,)), Concentration(500), Volume(40_000_000)))
    assert isinstance(answer, Answer)
    return answer.state


def serve(path: Path, pumps: int, speed: int) -> None:
    """A bench with keys, in a process of its own, until it is told to stop."""
    folder = BenchFolder(path)
    folder.make()
    now = datetime.now(UTC)
    make_authority(folder.keys, now)
    issue_programmer(folder.keys, "clinic", ["may_interrogate", "may_program"], [], Duration(DAY_S), now)

    def new(at: Instant) -> Iterator[NewPump]:
        state = running(at)
        yield from (NewPump(on_bench(f"TC-{number:04d}", state), ()) for number in range(1, pumps + 1))

    with folder.locked():
        shelf = open_shelf(folder, new)
        asyncio.run(run_bench(folder, shelf, BenchOptions(speed=Fraction(speed)), lambda *_: None))


@contextlib.contextmanager
def bench(pumps: int, speed: int) -> Iterator[tuple[BenchFolder, Listening]]:
    """A bench that serves, and where."""
    with tempfile.TemporaryDirectory() as place:
        folder = BenchFolder(Path(place) / "bench")
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder.path, pumps, speed))
        process.start()
        while folder.listening() is None:
            assert process.is_alive()
            time.sleep(0.05)
        listening = folder.listening()
        assert listening is not None
        try:
            yield folder, listening
        finally:
            control.ask(folder, control.StopBench())
            process.join()


async def rate(work: Callable[[int], AsyncGenerator[None, None]]) -> float:
    """How many times a second something is done by all wands together."""
    done = 0
    ends = time.perf_counter() + SECONDS

    async def one(number: int) -> None:
        nonlocal done
        async with contextlib.aclosing(work(number)) as doing:
            async for _ in doing:
                done += 1
                if time.perf_counter() >= ends:
                    return

    await asyncio.gather(*(one(number) for number in range(WANDS)))
    return done / SECONDS


async def said(wand: Wand, sequence: int, command: Command) -> Report:
    """A message that must be confirmed."""
    answer = await wand.say(Message("", sequence, command))
    assert isinstance(answer, Confirmed), answer
    return answer.report


async def measure_sessions(folder: BenchFolder, where: Listening) -> dict[str, float]:
    """Interrogations a second, and whole updates a second of which each message was durable before its answer."""
    context = programmer_context(folder.keys, "clinic")

    def wand(number: int) -> Wand:
        return Wand(where.host, where.port, f"TC-{number + 1:04d}", context=context)

    async def interrogations(number: int) -> AsyncGenerator[None, None]:
        async with wand(number) as link:
            for sequence in count(1):
                await said(link, sequence, Interrogate())
                yield

    async def updates(number: int) -> AsyncGenerator[None, None]:
        async with wand(number) as link:
            for sequence in count(1, 4):
                write = Update(SimpleContinuous(FlowRate(240_000 + 1000 * (sequence % 10))))
                token = (await said(link, sequence, Interrogate())).token
                await said(link, sequence + 1, BeginUpdate(token))
                await said(link, sequence + 2, Stage(write))
                await said(link, sequence + 3, Commit(digest(write)))
                yield

    async def connections(number: int) -> AsyncGenerator[None, None]:
        while True:
            async with wand(number) as link:
                await said(link, 1, Interrogate())
            yield

    return {
        "interrogations_per_s": round(await rate(interrogations), 1),
        "updates_of_4_durable_messages_per_s": round(await rate(updates), 1),
        "connections_with_an_interrogation_per_s": round(await rate(connections), 1),
    }


async def measure_echo(keys: Path) -> float:
    """Round trips a second of a line through the same TLS, with as many connections, server and clients in two processes."""
    context = programmer_context(keys, "clinic")
    port = multiprocessing.get_context("spawn").Value("i", 0)
    server = multiprocessing.get_context("spawn").Process(target=echo, args=(keys, port))
    server.start()
    while not port.value:
        await asyncio.sleep(0.02)

    async def lines(_: int) -> AsyncGenerator[None, None]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.value, ssl=context, server_hostname=pump_host("ECHO-1"))
        while True:
            writer.write(b"x" * 100 + b"\n")
            await reader.readline()
            yield

    try:
        return await rate(lines)
    finally:
        server.terminate()
        server.join()


def echo(keys: Path, port: "multiprocessing.sharedctypes.Synchronized[int]") -> None:
    """A server that says back each line."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=pump_context(keys, "ECHO-1"))
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(run())


def measure_sqlite(place: Path) -> float:
    """Rows a second that SQLite makes durable one by one."""
    base = sqlite3.connect(place / "peer.db", isolation_level=None)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=full")
    base.execute("create table entry (n integer primary key, data blob)")
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS / 5:
        base.execute("insert into entry (data) values (?)", (b"x" * 300,))
        done += 1
    return done / (time.perf_counter() - began)


def measure_appends(place: Path) -> float:
    """Entries a second that the journal makes durable one by one, with everything that a pump does for it."""
    folder = RealFolder(place / "pump")
    folder.path.mkdir()
    kept = ShelvedPump.new(folder, on_bench("TC-0001", running(Instant(1_767_603_600))))
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS / 5:
        kept.take(Heard(Instant(kept.pump.now.s + 1), Message("clinic/1", done + 1, Interrogate())))
        done += 1
    return done / (time.perf_counter() - began)


def measure_recovery(place: Path) -> dict[str, object]:
    """How long a pump with ten years of journal takes to come back: a reading a day, an update a week, a refill every 60 days."""
    folder = RealFolder(place / "old")
    folder.path.mkdir()
    kept = ShelvedPump.new(folder, on_bench("TC-0001", running(Instant(1_767_603_600))))
    start, sequence, entries = kept.pump.now.s, 0, 0
    for day in range(365 * YEARS):
        at = Instant(start + (day + 1) * DAY_S)
        commands: list[Command] = [Interrogate()]
        if day % 7 == 0:
            write = Update(SimpleContinuous(FlowRate(240_000 + 1000 * (day % 10))))
            commands += [BeginUpdate(advanced_token(kept.pump, at)), Stage(write), Commit(digest(write)), ReadBack()]
        for command in commands:
            sequence += 1
            kept.take(Heard(at, Message("clinic/1", sequence, command)))
            entries += 1
        if day % 60 == 0:
            kept.take(Needled(at, Withdraw()))
            kept.take(Needled(at, Fill(Volume(40_000_000), Concentration(500))))
            entries += 2
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        again = ShelvedPump.open(RealFolder(folder.path))
        seconds.append(time.perf_counter() - began)
        assert again.pump == kept.pump
    size = sum(entry.stat().st_size for entry in folder.path.iterdir())
    return {"entries": entries, "journal_mb": round(size / 1e6, 2), "recovery_s": round(statistics.median(seconds), 4)}


def advanced_token(pump: VirtualPump, at: Instant) -> str:
    """The token that the pump would give then."""
    answer = handle(advance(pump.state, at).state, Interrogate())
    assert isinstance(answer, Answer)
    assert answer.report.token is not None
    return answer.report.token


def measure_malformed() -> dict[str, object]:
    """How many pieces that are no frames are refused a second, and how much of them is ever kept."""
    chance, decoder, refused, kept = Random(1), Decoder(), 0, 0  # noqa: S311  # rubbish is no secret
    began = time.perf_counter()
    while refused < 100_000:
        found = decoder.feed(b"\x89T\x01" + chance.randbytes(60))
        refused += sum(isinstance(piece, Malformed) for piece in found)
        kept = max(kept, decoder.waiting)
    assert kept <= FRAME_MAX
    seconds = time.perf_counter() - began
    return {"refused": refused, "per_s": round(refused / seconds), "bytes_kept_at_most": kept}


def measure_bench() -> dict[str, object]:
    """Everything that is said of the bench."""
    with bench(PUMPS, SPEED) as (folder, _):
        lags = []
        for _ in range(int(SECONDS)):
            time.sleep(1)
            lags.append(control.ask(folder, control.ListPumps())["lag_s"])
        busy = control.ask(folder, control.ListPumps())
    with bench(WANDS, 1) as (folder, where):
        sessions = asyncio.run(measure_sessions(folder, where))
        issue_pump(folder.keys, "ECHO-1", datetime.now(UTC))
        echoes = asyncio.run(measure_echo(folder.keys))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        appends, rows = measure_appends(place), measure_sqlite(place)
        recovery = measure_recovery(place)
    messages = 4 * sessions["updates_of_4_durable_messages_per_s"]
    return {
        "what": f"{PUMPS} pumps at {SPEED} times true speed; then {WANDS} wands through mutual TLS, each at its pump",
        "targets": "no lag; 200 interrogations/s; 100 durable updates/s; ten years recovered in under 1 s",
        "lag_s": {"median": statistics.median(lags), "max": max(lags), "pumps": len(busy["pumps"])},
        **sessions,
        "peer_tls_echo_round_trips_per_s": round(echoes, 1),
        "interrogations_per_echo": round(sessions["interrogations_per_s"] / echoes, 3),
        "durable_messages_per_echo": round(messages / echoes, 3),
        "entries_made_durable_per_s": round(appends, 1),
        "peer_sqlite_rows_made_durable_per_s": round(rows, 1),
        "entries_per_sqlite_row": round(appends / rows, 3),
        "ten_years": recovery,
        "malformed": measure_malformed(),
    }
