"""Who programs a pump: one at a time, for as long as an update is open, and not for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bench.bench import Bench, Clock, hello, line, new_folder, serve, until
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.control import ListPumps
from thecal.bench.frame import FrameType
from thecal.bench.wand import Confirmed, Refused, Said, Wand
from thecal.bench.wire import Goodbye, Notice, frame_of
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Interrogate,
    Message,
    ReadBack,
    Report,
    Stage,
    TestAlarm,
    Update,
)
from thecal.pump.program import SimpleContinuous
from thecal.quantity import FlowRate
from thecal.timeline import Instant

MINUTE = 60
WRITE = Update(SimpleContinuous(FlowRate(250_000)))


@pytest.fixture
def bench_folder(tmp_path: Path) -> BenchFolder:
    return new_folder(tmp_path, keys=False)


class Programmer:
    """Somebody at a wand, who says one command after another and hears the notices."""

    def __init__(self, bench: Bench, who: str) -> None:
        self.who, self.notices, self.number = who, list[Notice](), 0
        self.wand: Wand = bench.wand(who, heed=self.notices.append)

    async def say(self, command: Command) -> Said:
        self.number += 1
        return await self.wand.say(Message("", self.number, command))

    async def does(self, command: Command) -> Report:
        """Say what is confirmed."""
        said = await self.say(command)
        assert isinstance(said, Confirmed), said
        return said.report

    async def must_not(self, command: Command) -> str:
        """Say what is refused: by which rule, and in which words."""
        said = await self.say(command)
        assert isinstance(said, Refused), said
        return str(said.refusal)

    async def begins(self) -> None:
        await self.does(BeginUpdate((await self.does(Interrogate())).token))


@asynccontextmanager
async def two_at(folder: BenchFolder) -> AsyncIterator[tuple[Bench, Programmer, Programmer]]:
    """A bench whose clock stands, with a nurse and a doctor at its pump."""
    async with serve(folder, plain=True, clock=Clock()) as bench:
        nurse, doctor = Programmer(bench, "nurse"), Programmer(bench, "doctor")
        async with nurse.wand, doctor.wand:
            yield bench, nurse, doctor
        await until(lambda: not bench.server._talks)


@pytest.mark.requirement("BEN-13")
def test_one_programs_and_the_others_wait_and_may_read(bench_folder: BenchFolder) -> None:
    """Who asks meanwhile is told who programs, and until when at most; the pump never hears of it."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            token = (await doctor.does(Interrogate())).token
            begun, before = bench.pump().now, bench.pump()
            commands: list[Command] = [
                BeginUpdate(token),
                Stage(WRITE),
                Commit(digest(WRITE)),
                CancelBolus(),
                TestAlarm("critical"),
            ]
            for command in commands:
                clears = Instant(begun.s + 10 * MINUTE).utc_text()
                assert await doctor.must_not(command) == (
                    f"refused by BEN-13: {command.name} by doctor. "
                    "Allowed: one programming session at a time: nurse programs this pump. "
                    f"Wait until that session has ended; left alone, it is cleared at {clears}. Then interrogate. "
                    "Source: thecal: who programs a pump, programs it alone."
                )
                told = bench.log("refused")[-1]
                assert (told["client"], told["serial"]) == ("doctor", "TC-0001")
            assert bench.pump() == before
            await doctor.does(ReadBack())
            await nurse.does(Stage(WRITE))
            await nurse.does(Commit(digest(WRITE)))
            assert (await nurse.does(ReadBack())).program == WRITE.program
            await doctor.begins()

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_what_was_refused_keeps_nobody_waiting(bench_folder: BenchFolder) -> None:
    """Only an update that is open is a session; a begin that the pump refused opens none."""

    async def course() -> None:
        async with two_at(bench_folder) as (_, nurse, doctor):
            await nurse.does(Interrogate())
            assert "refused by PMP-70" in await nurse.must_not(BeginUpdate("an old token"))
            await doctor.begins()

    asyncio.run(course())


@pytest.mark.requirement("BEN-17")
@pytest.mark.parametrize("step", [1, 60, 299])
def test_a_session_left_alone_is_alerted_at_five_minutes_and_over_at_ten(bench_folder: BenchFolder, step: int) -> None:
    """Once each, to the programmer who left it alone and to nobody else; then another one may program. Whatever the beat."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            before = len(bench.log("idle")), len(bench.log("cleared"))
            await nurse.begins()
            for passed in [*range(step, 10 * MINUTE, step), 10 * MINUTE - 1]:
                assert bench.clock
                bench.clock.s = passed
                bench.server.passed()
                assert len(bench.log("idle")) - before[0] == (passed >= 5 * MINUTE)
                assert len(bench.log("cleared")) == before[1]
            await until(lambda: len(nurse.notices) == 1)
            assert nurse.notices == [Notice("idle", "the session was left alone for 5 min; go on, or it ends")]
            bench.pass_time(1)
            bench.pass_time(3600)
            await until(lambda: len(nurse.notices) > 1)
            assert nurse.notices[1:] == [Notice("cleared", "the session was left alone for too long and is over; interrogate")]
            assert bench.log("cleared")[-1]["client"] == "nurse"
            await doctor.begins()
            assert doctor.notices == []
            assert len(bench.log("idle")) - before[0] == len(bench.log("cleared")) - before[1] == 1

    asyncio.run(course())


@pytest.mark.requirement("BEN-17")
def test_an_alert_comes_before_the_end_however_fast_time_passes(bench_folder: BenchFolder) -> None:
    """Where five minutes and ten are over within one beat, both are told, in this order."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, _):
            await nurse.begins()
            bench.pass_time(86_400)
            await until(lambda: len(nurse.notices) == 2)
            assert [notice.what for notice in nurse.notices] == ["idle", "cleared"]

    asyncio.run(course())


@pytest.mark.requirement("BEN-17")
def test_who_goes_on_is_not_alerted_and_may_be_alerted_again(bench_folder: BenchFolder) -> None:
    """Each message begins the minutes anew, a refused one and a reading too."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, _):
            await nurse.begins()
            for _ in range(4):
                bench.pass_time(5 * MINUTE - 1)
                await nurse.does(Interrogate())
            assert nurse.notices == []
            for count in (1, 2):
                bench.pass_time(6 * MINUTE)
                await until(lambda count=count: len(nurse.notices) == count)  # type: ignore[misc]  # bound at once
                await nurse.must_not(Commit("what was never staged"))
            assert [notice.what for notice in nurse.notices] == ["idle", "idle"]

    asyncio.run(course())


@pytest.mark.requirement("BEN-17")
def test_a_session_is_over_at_ten_minutes_and_not_at_the_next_beat(bench_folder: BenchFolder) -> None:
    """Another programmer, or a needle, that comes first sees the pump as it is then."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            token = (await doctor.does(Interrogate())).token
            assert bench.clock
            bench.clock.s += 10 * MINUTE - 1
            assert "BEN-13" in await doctor.must_not(BeginUpdate(token))
            bench.clock.s += 1
            await doctor.does(BeginUpdate(token))
            await until(lambda: len(nurse.notices) == 2)
            assert [notice.what for notice in nurse.notices] == ["idle", "cleared"]

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_a_goodbye_lets_the_next_one_program(bench_folder: BenchFolder) -> None:
    """An update that was left open is taken over by whoever begins next; its own session may still go on until then."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            await nurse.wand.__aexit__(None, None, None)
            await until(lambda: len(bench.server._talks) == 1)
            idle, cleared = len(bench.log("idle")), len(bench.log("cleared"))
            bench.pass_time(6 * MINUTE)
            assert (len(bench.log("idle")), len(bench.log("cleared"))) == (idle, cleared), "nobody was left alone"
            await doctor.begins()
            again = Programmer(bench, "nurse")
            again.wand.number, again.number = nurse.wand.number, nurse.number
            async with again.wand:
                assert "BEN-13" in await again.must_not(Stage(WRITE))

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_who_comes_back_after_a_goodbye_goes_on_where_nobody_else_began(bench_folder: BenchFolder) -> None:
    """In the session in which the update is still open: from its first message on, others wait again."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            await nurse.wand.__aexit__(None, None, None)
            await until(lambda: len(bench.server._talks) == 1)
            again = Programmer(bench, "nurse")
            again.wand.number, again.number = nurse.wand.number, nurse.number
            async with again.wand:
                token = (await doctor.does(Interrogate())).token
                await again.does(Stage(WRITE))
                assert "BEN-13" in await doctor.must_not(BeginUpdate(token))
                await again.does(Commit(digest(WRITE)))

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_a_goodbye_ends_its_own_session_only(bench_folder: BenchFolder) -> None:
    """The same programmer's reading on another connection, which comes and goes, leaves the update alone."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            async with bench.wand("nurse") as other:
                assert isinstance(await other.say(Message("", 1, Interrogate())), Confirmed)
            async with line(bench.where) as stranger:
                stranger.writer.write(hello("TC-0001", "visitor"))
                stranger.writer.write(frame_of(FrameType.GOODBYE, Goodbye(), nurse.wand.number).encoded())
                await stranger.ends()
            await until(lambda: len(bench.server._talks) == 2)
            token = (await doctor.does(Interrogate())).token
            assert "BEN-13" in await doctor.must_not(BeginUpdate(token))

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_a_cut_link_keeps_the_session_until_it_is_cleared(bench_folder: BenchFolder) -> None:
    """Its own programmer may come back and take over, in the same session or in a new one; others wait."""

    async def course() -> None:
        async with two_at(bench_folder) as (bench, nurse, doctor):
            await nurse.begins()
            nurse.wand._writer.transport.abort()
            await until(lambda: len(bench.server._talks) == 1)
            token = (await doctor.does(Interrogate())).token
            assert "nurse programs this pump" in await doctor.must_not(BeginUpdate(token))
            back, anew = Programmer(bench, "nurse"), Programmer(bench, "nurse")
            back.wand.number, back.number = nurse.wand.number, nurse.number
            async with back.wand, anew.wand:
                await back.does(Stage(WRITE))
                await anew.begins()
                assert "refused by PMP-75" in await back.must_not(Commit(digest(WRITE)))
                assert "nurse programs this pump" in await doctor.must_not(BeginUpdate(token))
                bench.pass_time(10 * MINUTE)
                await doctor.begins()

    asyncio.run(course())


@pytest.mark.requirement("BEN-13")
def test_who_programs_is_known_after_a_restart(bench_folder: BenchFolder) -> None:
    """It is the pump's own memory; an update that was open when the bench was put away is still its programmer's."""

    async def course() -> None:
        async with two_at(bench_folder) as (_, nurse, _):
            await nurse.begins()
            nurse.wand._writer.transport.abort()
        async with two_at(bench_folder) as (bench, nurse, doctor):
            (listed,) = (await bench.ask(ListPumps()))["pumps"]
            assert listed["programmed_by"] == "nurse"
            token = (await doctor.does(Interrogate())).token
            assert "nurse programs this pump" in await doctor.must_not(BeginUpdate(token))
            await nurse.begins()

    asyncio.run(course())
