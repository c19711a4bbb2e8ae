"""What one client does to the others and to the machine: too little, too much, or nonsense."""

import asyncio
import errno
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench import Clock, Line, hello, line, new_folder, said, serve, tls, until
from tests.courses import running_pump
from thecal.bench import server
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.folder import RealFolder
from thecal.bench.frame import CRC_BYTES, FRAME_MAX, HEAD_BYTES, PAYLOAD_MAX, SEQUENCE_MAX, Frame, FrameType
from thecal.bench.keys import pump_host
from thecal.bench.server import MALFORMED_MAX, BenchServer
from thecal.bench.wand import Confirmed, Refused, Uncertain
from thecal.bench.wire import COMMAND_MAX, Hello, Welcome, check_frame, frame_of, reply_frame, said_in
from thecal.errors import Refusal
from thecal.pump.handle import report
from thecal.pump.memory import digest
from thecal.pump.messages import BeginUpdate, Commit, Event, Interrogate, Message, Report, Stage, Update
from thecal.pump.program import MinimumRate, SimpleContinuous
from thecal.quantity import FlowRate
from thecal.timeline import Instant


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> BenchFolder:
    return new_folder(tmp_path_factory.mktemp("bench"), pumps=2)


async def welcomed(stranger: Line, serial: str = "TC-0001", who: str = "nurse") -> None:
    """Say hello, and be welcomed."""
    stranger.writer.write(hello(serial, who))
    welcome = await stranger.frame()
    assert welcome
    assert isinstance(said_in(welcome, FrameType.WELCOME), Welcome)


@pytest.mark.requirement("BEN-16")
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("manner", ["nothing", "half a hello", "a byte at a time"])
def test_who_does_not_say_hello_in_time_is_sent_away(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, manner: str, plain: bool
) -> None:
    """Others are served meanwhile; the log says who it was, where a certificate was shown."""
    monkeypatch.setattr(server, "HELLO_S", 0.3)

    async def course() -> None:
        context = None if plain else tls(folder.keys, "programmer-nurse")
        async with serve(folder, plain=plain) as bench, line(bench.where, context, pump_host("TC-0001")) as stranger:
            begun, refused = time.monotonic(), len(bench.log("refused"))
            ending = asyncio.create_task(stranger.ends())
            if manner == "half a hello":
                stranger.writer.write(hello()[:-5])
            for byte in hello()[: 10_000 if manner == "a byte at a time" else 0]:
                stranger.writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
                if ending.done():
                    break
            async with bench.wand() as wand:
                assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
            assert await ending == []
            assert 0.25 < time.monotonic() - begun < 10
            (told,) = bench.log("refused")[refused:]
            assert told["why"] == "no hello came first"
            assert told.get("client") == (None if plain else "nurse")

    asyncio.run(course())


def test_who_says_hello_and_then_nothing_is_only_told_when_the_bench_closes(tmp_path: Path) -> None:
    """Two hundred of them hold nobody up, program nothing, and do not keep the bench from closing."""

    async def course() -> None:
        async with serve(new_folder(tmp_path, keys=False), plain=True) as bench:
            lines = [line(bench.where) for _ in range(200)]
            strangers = [await each.__aenter__() for each in lines]
            await asyncio.gather(*map(welcomed, strangers))
            async with bench.wand("doctor") as wand:
                read = await wand.say(Message("", 1, Interrogate()))
                assert isinstance(read, Confirmed)
                assert isinstance(await wand.say(Message("", 2, BeginUpdate(read.report.token))), Confirmed)
            closing = time.monotonic()
        for stranger in strangers:
            (frame,) = await stranger.ends()
            assert said_in(frame, FrameType.NOTICE).what == "bye"
        assert time.monotonic() - closing < 10
        for each in lines:
            await each.__aexit__(None, None, None)

    asyncio.run(course())


@pytest.mark.parametrize("yields", range(6))
def test_a_hello_does_not_keep_the_bench_from_closing(folder: BenchFolder, monkeypatch: pytest.MonkeyPatch, yields: int) -> None:
    """Whether it comes before, after, or in the very moment in which the bench is told to close."""
    comes = asyncio.Event()

    async def first(*_: object) -> tuple[Hello, list[Frame]]:
        await comes.wait()
        return Hello("TC-0001", "nurse"), []

    monkeypatch.setattr(BenchServer, "_first", first)

    async def course() -> None:
        async with serve(folder, plain=True) as bench, line(bench.where):
            await until(lambda: len(bench.server._tasks) == 1)
            (meeting,) = bench.server._tasks
            await asyncio.sleep(0.01)
            comes.set()
            for _ in range(yields):
                await asyncio.sleep(0)
            meeting.cancel()
            await asyncio.wait([meeting], timeout=5)
            assert meeting.cancelled()

    asyncio.run(course())


NONSENSE = {
    "no frame": b"nonsense",
    "a wrong checksum": said(Interrogate(), 1)[:-1] + b"\0",
    "a frame of nobody's": Frame(FrameType.ENTRY, 1, 1, {}).encoded(),
    "a second hello": hello(),
    "an answer": frame_of(FrameType.REFUSAL, Refusal("a", "b", "c", "d", "e")).encoded(),
    "no command": Frame(FrameType.COMMAND, 7, 1, {"kind": "Fill"}).encoded(),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_who_talks_nonsense_for_too_long_is_cut_off(folder: BenchFolder, what: str) -> None:
    """After a thousand pieces. The log tells of the first three and the last one, and the pump never hears of any."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench, line(bench.where) as stranger:
            await welcomed(stranger)
            stranger.writer.write(said(Interrogate(), 1))
            await stranger.frame()
            before, refused = bench.pump().state.memory, len(bench.log("refused"))
            ending = asyncio.create_task(stranger.ends())
            unit = NONSENSE[what] + said(Interrogate(), 1)  # what follows one another without a frame between is one piece
            stranger.writer.write(unit * (MALFORMED_MAX // 2))
            await until(lambda: bench.server.counts["malformed"] >= MALFORMED_MAX // 2)
            assert not ending.done()
            stranger.writer.write(unit * MALFORMED_MAX)
            assert {frame.type for frame in await ending} == {FrameType.NOTICE, FrameType.REPORT}
            assert bench.server.counts["malformed"] == MALFORMED_MAX
            told = bench.log("refused")[refused:]
            assert len(told) == 4
            assert {(each["client"], each["serial"]) for each in told} == {("nurse", "TC-0001")}
            assert bench.pump().state.memory == before

    asyncio.run(course())


def test_who_does_not_read_is_not_answered(folder: BenchFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench keeps no more than about one answer for it, goes on serving others, and closes without waiting for it."""
    opened = BenchServer._open

    async def narrow(self: BenchServer, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # what the machine keeps is not the bench's
        return await opened(self, connection)

    monkeypatch.setattr(BenchServer, "_open", narrow)

    async def course() -> None:
        async with serve(folder, plain=True) as bench:
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, (bench.where.host, bench.where.port))
            await loop.sock_sendall(deaf, hello())
            talking = loop.create_task(loop.sock_sendall(deaf, said(Interrogate(), 1) * 20_000))
            await until(lambda: bool(bench.server._talks))
            (talk,) = bench.server._talks
            protocol: Any = talk.writer.transport.get_protocol()
            await until(lambda: protocol._paused)
            answered = bench.server.counts["answers"]
            async with bench.wand(serial="TC-0002") as wand:
                assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
            assert bench.server.counts["answers"] == answered + 1
            assert 16_384 < talk.writer.transport.get_write_buffer_size() < 65_536 + FRAME_MAX
            closing = time.monotonic()
        assert time.monotonic() - closing < 10
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        deaf.close()

    asyncio.run(course())


def test_who_asks_much_at_once_does_not_keep_others_waiting(folder: BenchFolder) -> None:
    """Somebody else is answered while the answers to two thousand questions are still being given."""

    async def course() -> None:
        async with serve(folder, plain=True) as bench, line(bench.where) as eager, bench.wand("doctor", "TC-0002") as wand:
            await welcomed(eager)
            eager.writer.write(said(Interrogate(), 1) * 2000)
            ending = asyncio.create_task(eager.ends())
            await until(lambda: bench.server.counts["answers"] > 0)
            for number in range(1, 6):
                assert isinstance(await wand.say(Message("", number, Interrogate())), Confirmed)
            assert bench.server.counts["answers"] < 1000
            await until(lambda: bench.server.counts["answers"] == 2005)
            eager.writer.write_eof()
            frames = await ending
            assert len(frames) == 2000
            assert {frame.type for frame in frames} == {FrameType.REPORT}
            assert len({str(frame.payload) for frame in frames}) == 1

    asyncio.run(course())


def test_half_a_frame_does_not_keep_those_behind_it_waiting(folder: BenchFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that promises more than ever comes swallows what follows for a moment only."""
    monkeypatch.setattr(server, "WHOLE_S", 0.05)

    async def course() -> None:
        async with serve(folder, plain=True) as bench, line(bench.where) as stranger:
            await welcomed(stranger)
            spoiled = bytearray(said(Interrogate(), 1))
            spoiled[18] = 0xFF  # of the length: 65 kB that never come
            stranger.writer.write(bytes(spoiled) + said(Interrogate(), 2) + spoiled + said(Interrogate(), 3))
            kinds = [await stranger.frame() for _ in range(4)]
            assert [(frame.type.name, frame.sequence) for frame in kinds if frame] == [
                *(("NOTICE", 0), ("REPORT", 2)),
                *(("NOTICE", 0), ("REPORT", 3)),
            ]

    asyncio.run(course())


@pytest.mark.requirement("BEN-18")
def test_a_commit_that_is_cut_anywhere_is_not_done(tmp_path: Path) -> None:
    """Up to its very last byte; whole, it is done once, however often it comes."""
    write = Update(SimpleContinuous(FlowRate(240_000)))
    commit = said(Commit(digest(write)), 4)

    async def course() -> None:
        async with serve(new_folder(tmp_path, keys=False), plain=True, clock=Clock()) as bench:
            async with bench.wand() as wand:
                wand.number = 7
                read = await wand.say(Message("", 1, Interrogate()))
                assert isinstance(read, Confirmed)
                assert isinstance(await wand.say(Message("", 2, BeginUpdate(read.report.token))), Confirmed)
                assert isinstance(await wand.say(Message("", 3, Stage(write))), Confirmed)
                wand.number = 8  # so that its goodbye is not that of the session
            before = bench.pump().state.memory
            for size in (*range(len(commit)), len(commit), len(commit)):
                async with line(bench.where) as stranger:
                    stranger.writer.write(hello() + commit[:size])
                    stranger.writer.write_eof()
                    frames = await stranger.ends()
                done = size == len(commit)
                assert [frame.type.name for frame in frames] == ["WELCOME", *["REPORT"] * done]
                assert bench.pump().state.memory.link.writes == before.link.writes + done
                assert done or bench.pump().state.memory == before

    asyncio.run(course())


@pytest.mark.requirement("BEN-15")
def test_the_numbers_of_a_session_never_begin_anew(folder: BenchFolder) -> None:
    """The last number that a frame can hold is refused, whatever is asked; the session then has no higher one."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench, bench.wand() as wand:
            assert isinstance(await wand.say(Message("", SEQUENCE_MAX - 1, Interrogate())), Confirmed)
            before = bench.pump().state.memory
            last = await wand.say(Message("", SEQUENCE_MAX, Interrogate()))
            assert isinstance(last, Refused)
            assert (last.refusal.rule, last.refusal.advice) == ("BEN-15", "Begin a new session.")
            for number in (0, 1, SEQUENCE_MAX - 2):
                again = await wand.say(Message("", number, Interrogate()))
                assert isinstance(again, Refused)
                assert again.refusal.rule == "PMP-73"
            assert bench.pump().state.memory == before
            with pytest.raises(ValueError, match="does not fit"):
                await wand.say(Message("", SEQUENCE_MAX + 1, Interrogate()))

    asyncio.run(course())


@pytest.mark.requirement("BEN-02")
def test_a_command_that_is_too_long_for_the_journal_is_refused(folder: BenchFolder) -> None:
    """And one that is just short enough is taken, with all that comes of it, however often it has to be escaped."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench, bench.wand() as wand:
            assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
            room = COMMAND_MAX - (len(said(BeginUpdate(""), 2)) - HEAD_BYTES - CRC_BYTES)
            before = bench.pump().state.memory
            long = await wand.say(Message("", 2, BeginUpdate("x" * (room + 1))))
            assert isinstance(long, Refused)
            assert long.refusal.rule == "BEN-02"
            assert f"{COMMAND_MAX + 1:,} bytes" in long.refusal.asked
            assert bench.pump().state.memory == before
            for number, text in enumerate(("x" * room, "\ud800" * (room // 6), "\0" * (room // 6)), start=3):
                taken = await wand.say(Message("", number, BeginUpdate(text)))
                assert isinstance(taken, Refused)
                assert taken.refusal.rule == "PMP-70"
            assert isinstance(await wand.say(Message("", 6, Commit("é" * (room // 7)))), Refused)

    asyncio.run(course())


def test_a_report_that_is_too_long_says_the_latest_events_that_fit() -> None:
    """The count of all of them stays; the earliest are left out."""
    events = tuple(Event(Instant(second), "alarm", "critical", "x" * 100) for second in range(1000))
    frame = reply_frame(_report(events), 7, 1)
    shown = said_in(frame, FrameType.REPORT)
    assert 100 < len(shown.log) < 1000
    assert shown.log == events[-len(shown.log) :]
    assert shown.logged == 1000
    assert len(frame.encoded()) <= FRAME_MAX
    assert said_in(reply_frame(_report(events[:3]), 7, 1), FrameType.REPORT) == _report(events[:3])
    assert check_frame(Frame(FrameType.COMMAND, 0, 0, {"x": "y" * PAYLOAD_MAX})) is not None
    assert check_frame(Frame(FrameType.COMMAND, 0, 0, {"x": "y"})) is None


def _report(events: tuple[Event, ...]) -> Report:
    return replace(report(running_pump(MinimumRate())), log=events, logged=len(events))


class FailingFolder(RealFolder):
    """A disk that takes nothing more, and where it is ``broken`` does not even give it back."""

    broken = False

    def append(self, name: str, data: bytes) -> None:
        super().append(name, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    def cut(self, name: str, size: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        super().cut(name, size)


@pytest.mark.requirement("BEN-02")
def test_a_full_disk_is_told_to_the_programmer(tmp_path: Path) -> None:
    """The message is refused with what to do, nothing is changed, and it can be said again when there is room."""

    async def course() -> None:
        folder = new_folder(tmp_path, keys=False)
        async with serve(folder, plain=True, clock=Clock()) as bench, bench.wand() as wand:
            shelved = bench.server.shelf["TC-0001"]
            whole, before = shelved.journal.folder, bench.pump().state.memory
            shelved.journal.folder = FailingFolder(folder.pumps / "TC-0001")
            full = await wand.say(Message("", 1, Interrogate()))
            assert isinstance(full, Refused)
            assert full.refusal.rule == "BEN-02"
            assert "No space left on device" in full.refusal.limit
            assert "Make room on the disk of the bench" in full.refusal.advice
            assert bench.pump().state.memory == before
            shelved.journal.folder.close()
            shelved.journal.folder = whole
            assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)

    asyncio.run(course())


@pytest.mark.requirement("BEN-01")
def test_a_pump_of_which_nobody_knows_what_was_written_says_nothing_more(tmp_path: Path) -> None:
    """The link is cut without an answer, every time, until the bench is started again; then all is as it was acknowledged."""

    async def course() -> None:
        folder = new_folder(tmp_path, pumps=2, keys=False)
        async with serve(folder, plain=True, clock=Clock()) as bench:
            async with bench.wand() as wand:
                assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
                before = bench.pump().state.memory
                journal = bench.server.shelf["TC-0001"].journal
                journal.folder = broken = FailingFolder(folder.pumps / "TC-0001")
                broken.broken = True
                assert await wand.say(Message("", 2, Interrogate())) == Uncertain("the link was cut")
            async with bench.wand() as wand:
                assert await wand.say(Message("", 1, Interrogate())) == Uncertain("the link was cut")
            async with bench.wand(serial="TC-0002") as wand:
                assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
            assert [told["serial"] for told in bench.log("memory broken")] == ["TC-0001"] * 2
            assert bench.pump().state.memory == before
            broken.close()
        assert [told["serial"] for told in bench.log("not put away")] == ["TC-0001"]
        async with serve(folder, plain=True, clock=Clock()) as bench, bench.wand() as wand:
            assert bench.pump().state.memory.link == before.link
            assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)

    asyncio.run(course())
