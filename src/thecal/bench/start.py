"""Starting a bench: pumps are taken from the shelf or put there, the door is opened, and time passes until it is told to stop."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import EACCES, EADDRINUSE
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from shlex import quote
from typing import Any

from thecal.bench.bench_folder import BenchError, BenchFolder, Listening
from thecal.bench.control import Control
from thecal.bench.folder import RealFolder
from thecal.bench.journal import JournalError
from thecal.bench.keys import TRUSTED, has_authority, issue_pump, pump_context, revoked
from thecal.bench.log import BenchLog
from thecal.bench.pace import Pace
from thecal.bench.patient_charts import begin_chart
from thecal.bench.server import BenchServer
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import VirtualPump
from thecal.chart.facts import Fact
from thecal.errors import InputError
from thecal.timeline import Instant

LOOPBACK = "127.0.0.1"
_BEAT_S = 0.25
TOLERANCE_S = 60
"""How far the time of a bench may be ahead of the machine's clock and still count as true time."""
Heed = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class NewPump:
    """A pump to put on the bench, and what its chart knows of it."""

    pump: VirtualPump
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How a bench is started. ``plain`` lets anybody on this machine talk, without a certificate."""

    host: str = LOOPBACK
    port: int = 0
    speed: Fraction = Fraction(1)
    plain: bool = False
    beat_s: float = _BEAT_S


def open_shelf(folder: BenchFolder, new: Callable[[Instant], Iterable[NewPump]]) -> dict[str, ShelvedPump]:
    """The pumps that are kept in a folder, and the new ones: of these all or none.

    Raises BenchError, naming every pump that cannot be gone on with.
    """
    _allow_files(len(folder.serials()))
    shelf: dict[str, ShelvedPump] = {}
    problems: list[str] = []
    for serial in folder.serials():
        try:
            shelf[serial] = ShelvedPump.open(folder.pump(serial))
        except (JournalError, OSError) as error:
            problems.append(f"{folder.pumps / serial}: {error}")
    if problems:
        raise BenchError("; ".join(problems))
    shelf.update(_put(folder, new(bench_start(shelf))))
    return shelf


class _Unsynced(RealFolder):
    """A folder that nobody relies on yet. It is made durable as a whole, which takes a hundredth of the time."""

    def sync(self, name: str) -> None:
        pass

    def sync_names(self) -> None:
        pass


def _put(folder: BenchFolder, new: Iterable[NewPump]) -> dict[str, ShelvedPump]:
    """Put new pumps on the shelf with their charts. They are made aside, and put in their places when all of it is durable."""
    aside, shelf = folder.unfinished, dict[str, ShelvedPump]()
    shutil.rmtree(aside.path, ignore_errors=True)  # of a start that was cut
    try:
        for made in new:
            serial = made.pump.serial
            if (folder.pumps / serial).exists() or (folder.charts / serial).exists():
                raise BenchError(f"{folder.path} holds a pump or a chart of {serial} already; nothing was put there")
            for place in (aside.pumps / serial, aside.charts / serial):
                place.mkdir(mode=0o700, parents=True)
            begin_chart(_Unsynced(aside.charts / serial), made.facts)
            shelf[serial] = ShelvedPump.new(_Unsynced(aside.pumps / serial), made.pump)
        if not shelf:
            return shelf
        os.sync()
        for serial, kept in shelf.items():
            (aside.charts / serial).rename(folder.charts / serial)
            (aside.pumps / serial).rename(folder.pumps / serial)
            kept.journal.folder = folder.pump(serial)
        for place in (folder.charts, folder.pumps):
            RealFolder(place).sync_names()
    except JournalError as error:
        raise BenchError(f"{folder.path}: no pump was put there: {error}") from None
    finally:
        shutil.rmtree(aside.path, ignore_errors=True)
    return shelf


def bench_start(shelf: dict[str, ShelvedPump]) -> Instant:
    """When the time of a bench begins: now, or where its pumps were ahead of now, when they were put away."""
    return Instant(max([int(time.time()), *(kept.pump.now.s for kept in shelf.values())]))


def open_door(folder: BenchFolder, options: BenchOptions) -> socket.socket:
    """A socket that listens for wands.

    Raises InputError where there are no keys, the port is taken, the address is not of this machine, or is not this machine
    itself and certificates are not asked for (BEN-19).
    """
    if not options.plain and not has_authority(folder.keys):
        keys = f"thecal bench keys --dir {quote(str(folder.path))}"
        problem = f"holds no keys. Make them with: {keys}; or let anybody on this machine talk, with --plain"
        raise InputError("--dir", str(folder.path), problem)
    listener = listening_at(options.host, options.port)
    if options.plain and not ip_address(listener.getsockname()[0]).is_loopback:
        listener.close()
        problem = "is not this machine alone: with --plain, without certificates, nobody else may talk (BEN-19)"
        raise InputError("--host", options.host, problem, accepted=(LOOPBACK, "::1", "localhost", "any, without --plain"))
    return listener


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError where the port is taken, or the address is not of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # by its name asyncio sends at once, not 40 ms later
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        problem = f"cannot be listened at: {error.strerror}"
        if error.errno in (EADDRINUSE, EACCES):
            raise InputError("--port", f"{host}:{port}", problem, accepted=("a free port", "0, for any")) from None
        raise InputError("--host", host, problem, accepted=("an address of this machine",)) from None
    return listener


class _ReadLog(BenchLog):
    """The log of a bench that somebody reads along."""

    def __init__(self, path: Path, heed: Heed) -> None:
        super().__init__(path)
        self._heed = heed

    def note(self, what: str, **said: Any) -> None:
        super().note(what, **said)
        self._heed(what, said)


async def run_bench(
    folder: BenchFolder,
    shelf: dict[str, ShelvedPump],
    options: BenchOptions,
    ready: Callable[[BenchServer, Listening], None],
    *,
    door: socket.socket | None = None,
    heed: Heed = lambda *_: None,
) -> None:
    """Serve until told to stop, by the control socket or a signal. Raises InputError, OSError.

    ``door`` is the socket of :func:`open_door` where it is open already; ``heed`` is told what the log is told.
    """
    with contextlib.closing(door or open_door(folder, options)) as listener:
        contexts = None if options.plain else _contexts(folder, shelf)
        start = bench_start(shelf)
        server = BenchServer(
            shelf,
            Pace(start, options.speed, time.monotonic),
            _ReadLog(folder.log, heed),
            contexts=contexts,
            revoked=lambda: revoked(folder.keys),
            real_time=options.speed == 1 and start.s - time.time() < TOLERANCE_S,
        )
        stop = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        _allow_files(len(shelf))
        host, port = listener.getsockname()[:2]
        where = Listening(host, port, options.plain, os.getpid())
        async with Control(server, stop).open(folder):
            with folder.announced(where):
                ready(server, where)
                await server.serve(listener, stop, options.beat_s)


def _contexts(folder: BenchFolder, serials: Iterable[str]) -> Callable[[str], ssl.SSLContext]:
    """The TLS of each pump, made when it is first asked for, and anew when its keys or those that are trusted have changed."""
    for serial in serials:
        if not (folder.keys / f"pump-{serial}.pem").exists():
            issue_pump(folder.keys, serial, datetime.now(UTC))
    made: dict[str, tuple[list[tuple[int, int]], ssl.SSLContext]] = {}

    def context(serial: str) -> ssl.SSLContext:
        stats = [(folder.keys / name).stat() for name in (TRUSTED, f"pump-{serial}.pem", f"pump-{serial}.key")]
        written = [(stat.st_mtime_ns, stat.st_ino) for stat in stats]
        if serial not in made or made[serial][0] != written:
            made[serial] = written, pump_context(folder.keys, serial)
        return made[serial][1]

    return context


def _allow_files(pumps: int) -> None:
    """Let the process have as many files open as so many pumps need, or as the machine allows."""
    wanted = 8 * pumps + 4096
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
