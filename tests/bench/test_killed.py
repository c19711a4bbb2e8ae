"""A bench that is killed, again and again, at moments that nobody chose, while several programmers write as fast as they can."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.bench.bench import logged, new_folder, process, until
from thecal.bench import control
from thecal.bench.bench_folder import BenchFolder, Listening
from thecal.bench.keys import programmer_context
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import VirtualPump
from thecal.bench.wand import Confirmed, LinkError, Patience, Said, Uncertain, Wand
from thecal.pump.memory import digest
from thecal.pump.messages import BeginUpdate, Command, Commit, Interrogate, Message, ReadBack, Stage, Update
from thecal.pump.program import SimpleContinuous
from thecal.quantity import FlowRate

PATIENT = Patience(answer_s=60.0, times=1, connect_s=60.0)
SERIALS = ("TC-0001", "TC-0002", "TC-0003")
WRITERS = (("nurse", "TC-0001"), ("doctor", "TC-0001"), ("nurse", "TC-0002"), ("doctor", "TC-0003"))


@dataclass
class Doubt:
    """A commit of which no answer came: whose, in which session, and what it would write."""

    who: str
    session: int
    message: Message
    flow: FlowRate


@dataclass
class Known:
    """What the programmers of a pump know of it: how often it was written, what it runs, and what nobody knows."""

    writes: int
    flow: FlowRate
    doubts: list[Doubt] = field(default_factory=list)
    flows: Iterator[int] = field(default_factory=lambda: count(200_000, 100))


class Programmer:
    """Somebody who writes one flow after another into a pump, until the link is cut."""

    def __init__(self, folder: BenchFolder, where: Listening, who: str, serial: str, known: Known) -> None:
        context = programmer_context(folder.keys, who)
        self.wand = Wand(where.host, where.port, serial, context=context, patience=PATIENT)
        self.who, self.known, self.number = who, known, 0

    async def say(self, command: Command) -> Said:
        self.number += 1
        said = await self.wand.say(Message("", self.number, command))
        if isinstance(said, Uncertain):
            raise ConnectionError(said.why)
        return said

    async def write_for_ever(self) -> None:
        try:
            async with self.wand:
                while True:
                    await self._write()
        except (LinkError, ConnectionError):
            return

    async def _write(self) -> None:
        flow = FlowRate(next(self.known.flows))
        write = Update(SimpleContinuous(flow))
        read = await self.say(Interrogate())
        assert isinstance(read, Confirmed), read
        for command in (BeginUpdate(read.report.token), Stage(write)):
            if not isinstance(await self.say(command), Confirmed):
                return  # somebody else was quicker
        doubt = Doubt(self.who, self.wand.number, Message("", self.number + 1, Commit(digest(write))), flow)
        self.known.doubts.append(doubt)
        if isinstance(await self.say(doubt.message.command), Confirmed):
            self.known.writes, self.known.flow = self.known.writes + 1, flow
        self.known.doubts.remove(doubt)
        await self.say(ReadBack())

    async def ask_again(self, doubt: Doubt) -> None:
        """Send a commit once more as it was sent; whether it was done before or is done now, it is done once."""
        self.wand.number = doubt.session
        async with self.wand:
            said = await self.wand.say(doubt.message)
        assert not isinstance(said, Uncertain)
        self.known.doubts.remove(doubt)
        if isinstance(said, Confirmed):
            assert said.report.program == SimpleContinuous(doubt.flow)
            self.known.writes, self.known.flow = self.known.writes + 1, doubt.flow


@dataclass
class Siege:
    """A bench with everything that its programmers know of its pumps."""

    folder: BenchFolder
    known: dict[str, Known]
    chance: Random
    torn: int = 0

    async def round(self, where: Listening) -> asyncio.Task[list[None]]:
        """Clear up what nobody knew from the round before, and begin to write again."""
        for serial, known in self.known.items():
            for doubt in list(known.doubts):
                await Programmer(self.folder, where, doubt.who, serial, known).ask_again(doubt)
        writers = [Programmer(self.folder, where, who, serial, self.known[serial]) for who, serial in WRITERS]
        return asyncio.ensure_future(asyncio.gather(*(writer.write_for_ever() for writer in writers)))

    @property
    def writes(self) -> int:
        return sum(known.writes for known in self.known.values())

    async def storm(self) -> None:
        """Start the bench, let some be written, and kill it a moment later."""
        with process(self.folder) as (where, kill):
            writing, enough = await self.round(where), self.writes + self.chance.randrange(20)
            await until(lambda: self.writes >= enough)
            await asyncio.sleep(self.chance.uniform(0.0, 0.02))
            await asyncio.to_thread(kill)
            await writing

    def check(self, scratch: Path) -> None:
        """Everything that was acknowledged is on the disk, once, and nothing else but what nobody knows."""
        for serial, known in self.known.items():
            kept = self._kept(serial, scratch)
            memory = kept.state.memory
            extra = memory.link.writes - known.writes
            assert 0 <= extra <= len(known.doubts)
            possible = [doubt.flow for doubt in known.doubts] if extra else [known.flow]
            assert isinstance(memory.program, SimpleContinuous)
            assert memory.program.flow in possible

    def _kept(self, serial: str, scratch: Path) -> VirtualPump:
        """A pump as its disk has it, read from a copy so that the bench itself recovers it."""
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self.folder.pumps / serial, scratch / "pumps" / serial)
        opened = ShelvedPump.open(BenchFolder(scratch).pump(serial))
        opened.journal.folder.close()  # type: ignore[attr-defined]  # a folder of the file system
        self.torn += opened.torn > 0
        return opened.pump


def besieged(path: Path, kills: int, seed: int) -> Siege:
    """A bench after that many kills, started once more and put away properly."""
    folder = new_folder(path / "bench", pumps=len(SERIALS))
    siege = Siege(folder, {serial: Known(1, FlowRate(200_000)) for serial in SERIALS}, Random(seed))
    scratch = path / "scratch"
    siege.check(scratch)

    async def course() -> None:
        for _ in range(kills):
            await siege.storm()
            siege.check(scratch)
        with process(folder) as (where, _):
            writing = await siege.round(where)
            await asyncio.to_thread(control.ask, folder, control.StopBench())
            await writing
        siege.check(scratch)

    asyncio.run(course())
    return siege


@pytest.mark.long
@pytest.mark.requirement("BEN-07")
def test_a_killed_bench_has_everything_that_it_acknowledged(tmp_path: Path) -> None:
    """After each of twenty kills every confirmed write is there, once; and a commit that is sent again is done once."""
    siege = besieged(tmp_path, 20, 1)
    assert siege.writes > 150
    assert min(known.writes for known in siege.known.values()) > 5
    assert not [line for line in logged(siege.folder) if line["what"] in ("memory broken", "not put away")]


@pytest.mark.long
@pytest.mark.requirement("BEN-07")
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_bench_that_is_killed_all_day_has_everything_too(tmp_path: Path, seed: int) -> None:
    """A hundred times each."""
    siege = besieged(tmp_path, 100, seed)
    assert siege.writes > 750
