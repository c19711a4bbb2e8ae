"""The control socket: what is done to pumps by hand and by fate, and that none of it comes by the wand."""

import asyncio
import contextlib
import json
import socket
import stat
import threading
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.bench.bench import Bench, Clock, hello, line, new_folder, said, serve, until
from thecal.bench import control
from thecal.bench.bench_folder import CONTROL, BenchError, BenchFolder
from thecal.bench.codec import canonical, written
from thecal.bench.control import DoNeedle, Happened, ListPumps, PressActivator, ReadKeys, Strike, Wish
from thecal.bench.frame import Frame, FrameType
from thecal.bench.wand import Confirmed, Refused
from thecal.bench.wire import said_in
from thecal.errors import Refusal
from thecal.pump.messages import (
    ChangeGain,
    Command,
    Fault,
    Fill,
    Interference,
    Interrogate,
    Message,
    Procedure,
    Report,
    RequestBolus,
    ResetValve,
    SetClock,
    Stall,
    StartBolus,
    Syringe,
    Update,
    Withdraw,
)
from thecal.pump.program import MinimumRate, SingleBolus, Stopped
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import Duration

ML = 10**6


@pytest.fixture
def folder(tmp_path: Path) -> BenchFolder:
    return new_folder(tmp_path / "bench", pumps=2, keys=False, ahead_s=3600)


async def happened(bench: Bench, wish: Wish) -> Happened | Refusal:
    """Let something happen by the socket."""
    return await asyncio.to_thread(control.happened, bench.folder, wish)


async def answers(bench: Bench, *lines: bytes) -> list[Any]:
    """What the socket answers to lines, until it closes the connection or has answered all."""
    with contextlib.chdir(bench.folder.path):
        reader, writer = await asyncio.open_unix_connection(CONTROL)
    found = []
    for each in lines:
        writer.write(each + b"\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = await reader.readline()
        if not answer:
            break
        found.append(json.loads(answer))
    writer.close()
    return found


def test_the_pumps_are_listed_as_they_are(folder: BenchFolder) -> None:
    """What they do, what the programmer believes and what is true, and the time of the bench."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock(), speed=60) as bench:
            await happened(bench, Strike("TC-0002", ChangeGain(Gain(900_000))))
            assert bench.clock
            bench.clock.s = 10 * 86_400 / 60
            listed = await bench.ask(ListPumps())
            assert listed["now"] == bench.server.pace.now().utc_text()
            assert (listed["now_s"], listed["speed"]) == (bench.pump().now.s, "60")
            assert listed["lag_s"] >= 0
            one, two = listed["pumps"]
            assert one == {
                "serial": "TC-0001",
                "model": "reference-40",
                "mode": "simple continuous",
                "alarms": [],
                "calculated_nl": 30 * ML - 14 * ML // 5,
                "true_usable_nl": 30 * ML - 14 * ML // 5,
                "delivered_nl": 10 * ML // 5,
                "programmed_by": None,
                "segment": 1,
                "entries": one["entries"],
                "torn_bytes": 0,
            }
            assert (two["calculated_nl"], two["delivered_nl"]) == (one["calculated_nl"], 10 * ML // 5 * 9 // 10)

    asyncio.run(course())


@pytest.mark.requirement("BEN-22")
def test_a_needle_fills_and_withdraws(folder: BenchFolder) -> None:
    """What came out is told; the account is kept; what cannot be done is refused by the pump's own rule."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench:
            withdrawn = await happened(bench, DoNeedle("TC-0001", Withdraw()))
            assert isinstance(withdrawn, Happened)
            assert isinstance(withdrawn.answer, Syringe)
            assert withdrawn.answer.volume_nl == 30 * ML - 4 * ML // 5
            assert withdrawn.at == bench.pump().now
            filled = await happened(bench, DoNeedle("TC-0001", Fill(Volume(20 * ML), Concentration(2000))))
            assert isinstance(filled, Happened)
            assert bench.pump().state.usable_nl == 20 * ML
            too_much = await happened(bench, DoNeedle("TC-0001", Fill(Volume(40 * ML), Concentration(2000))))
            assert isinstance(too_much, Happened)
            assert isinstance(too_much.answer, Refusal)
            assert bench.pump().state.usable_nl == 20 * ML
            account = bench.pump().account
            assert (account.filled.volume_nl, account.withdrawn.volume_nl) == (20 * ML, withdrawn.answer.volume_nl)
            nothing = await happened(bench, DoNeedle("TC-0001", ResetValve()))
            assert isinstance(nothing, Happened)
            assert bench.pump("TC-0002").state.usable_nl == 30 * ML - 4 * ML // 5

    asyncio.run(course())


@pytest.mark.requirement("BEN-22")
def test_faults_strike_now_and_the_patient_presses(folder: BenchFolder) -> None:
    """A fault with an end lasts as long as it was meant to, however late it strikes; what the activator asks is answered."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench:
            now = bench.pump().now
            bench.pass_time(3600)
            struck = await happened(bench, Strike("TC-0001", Stall(now + Duration(600)), now))
            assert isinstance(struck, Happened)
            assert [(event.kind, event.at.s - now.s) for event in struck.events] == [("rotor stands", 3600)]
            delivered = bench.pump().account.delivered.volume_nl
            bench.pass_time(599)
            assert bench.pump().account.delivered.volume_nl == delivered
            bench.pass_time(3601)
            assert bench.pump().account.delivered.volume_nl > delivered
            assert [told["event"] for told in bench.log("event")][:2] == ["rotor stands", "rotor turns"]
            pressed = await happened(bench, PressActivator("TC-0001"))
            assert isinstance(pressed, Happened)
            assert isinstance(pressed.answer, Refusal)
            assert pressed.answer.rule.startswith("PMP-")
            assert await bench.ask(ReadKeys()) == {"read": True}

    asyncio.run(course())


def test_what_is_done_by_hand_is_durable_when_it_is_answered(folder: BenchFolder) -> None:
    """The bench goes on from it after it was put away, and from nothing else."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench:
            before = bench.server.shelf["TC-0001"].journal.count
            await happened(bench, DoNeedle("TC-0001", Withdraw(Volume(ML))))
            await happened(bench, Strike("TC-0001", ChangeGain(Gain(900_000))))
            assert bench.server.shelf["TC-0001"].journal.count == before + 2
        async with serve(folder, plain=True, clock=Clock()) as bench:
            assert bench.pump().account.withdrawn.volume_nl == ML
            assert bench.pump().state.mechanics.influences.own_ppm == 900_000
            assert bench.pump("TC-0002").account.withdrawn.volume_nl == 0

    asyncio.run(course())


@pytest.mark.requirement("BEN-22")
def test_the_socket_is_its_owners_alone(folder: BenchFolder) -> None:
    """Nobody else may write to it; it goes with the bench, and one that a killed bench left is in nobody's way."""

    async def course() -> None:
        left = socket.socket(socket.AF_UNIX)
        with contextlib.chdir(folder.path):
            left.bind(CONTROL)
        left.close()
        async with serve(folder, plain=True):
            mode = folder.control.stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
            assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert not folder.control.exists()

    asyncio.run(course())


NO_WISHES = {
    "no JSON": b"stop",
    "no object": b"[]",
    "no wish": b'{"kind":"Explode"}',
    "a command": b'{"kind":"Interrogate"}',
    "not canonical": b'{ "kind":"ListPumps"}',
    "too much": b'{"kind":"ListPumps","now":1}',
    "too little": b'{"kind":"PressActivator"}',
    "a wrong type": b'{"kind":"PressActivator","serial":1}',
    "no such fault": canonical(written(Strike("TC-0001", Interference()), Wish)).replace(b"Interference", b"Lightning"),
    "nested": b"[" * 100_000,
    "not ASCII": b'{"kind":"\xff"}',
    "a number without end": b'{"kind":"PressActivator","serial":' + b"9" * 10_000 + b"}",
    "an unknown pump": canonical(written(PressActivator("TC-0009"), Wish)),
}


@pytest.mark.parametrize("what", NO_WISHES)
def test_what_is_no_wish_is_told_and_changes_nothing(folder: BenchFolder, what: str) -> None:
    """And the next line is heard."""

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench:
            before = bench.pump()
            error, listed = await answers(bench, NO_WISHES[what], canonical(written(ListPumps(), Wish)))
            assert list(error) == ["error"]
            assert error["error"]
            assert len(listed["pumps"]) == 2
            assert bench.pump() == before

    asyncio.run(course())


def test_an_endless_line_ends_its_connection_only(folder: BenchFolder) -> None:
    """Nothing longer than any wish is kept."""

    async def course() -> None:
        async with serve(folder, plain=True) as bench:
            assert await answers(bench, b"x" * 3 * 2**20) == []
            assert await answers(bench, b"") == []
            (listed,) = await answers(bench, canonical(written(ListPumps(), Wish)))
            assert len(listed["pumps"]) == 2

    asyncio.run(course())


def test_who_asks_is_told_what_cannot_be_done(folder: BenchFolder) -> None:
    """By an error that names the folder and what to do, or the pump that is not there."""

    async def course() -> None:
        async with serve(folder, plain=True) as bench:
            with pytest.raises(BenchError, match="TC-0009 is no pump of this bench"):
                await bench.ask(PressActivator("TC-0009"))
        with pytest.raises(BenchError, match=f"no bench serves {folder.path}. Start one with: thecal bench start --dir"):
            control.ask(folder, ListPumps())

    asyncio.run(course())


def test_a_bench_that_goes_away_without_an_answer_is_told(folder: BenchFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it closes the connection, or says nothing for too long."""
    monkeypatch.setattr(control, "_PATIENCE_S", 0.1)
    for closes in (True, False):
        with socket.socket(socket.AF_UNIX) as bench, contextlib.chdir(folder.path):
            folder.control.unlink(missing_ok=True)
            bench.bind(CONTROL)
            bench.listen()
            answering = threading.Thread(target=lambda: bench.accept()[0].close() if closes else None)  # noqa: B023  # joined
            answering.start()
            with pytest.raises(BenchError, match=r"did not answer; see what it does with: thecal bench list"):
                control.ask(folder, ListPumps())
            answering.join()


def test_an_open_connection_does_not_keep_the_bench_from_closing(folder: BenchFolder) -> None:
    """It is ended."""

    async def course() -> None:
        async with serve(folder, plain=True) as bench:
            with contextlib.chdir(folder.path):
                reader, writer = await asyncio.open_unix_connection(CONTROL)
            writer.write(canonical(written(ListPumps(), Wish)) + b"\n")
            assert await reader.readline()
        assert bench.serving.done()
        writer.close()

    asyncio.run(course())


@pytest.mark.requirement("BEN-22")
def test_no_needle_activator_or_fault_comes_by_the_wand(folder: BenchFolder) -> None:
    """There is no frame for one; what of the pump's commands is not of the wand is refused by PMP-74, whoever asks."""
    by_hand = {each.__name__ for each in (*get_args(Fault), *get_args(Procedure))}
    assert not by_hand & {each.__name__ for each in get_args(Command)}
    assert not by_hand & {kind.name for kind in FrameType}
    others: list[Command] = [
        RequestBolus(),
        Update(MinimumRate()),
        Update(Stopped()),
        StartBolus(SingleBolus(Volume(1000), Duration(600))),
        SetClock(3600),
    ]

    async def course() -> None:
        async with serve(folder, plain=True, clock=Clock()) as bench:
            async with bench.wand() as wand:
                read = await wand.say(Message("", 1, Interrogate()))
                assert isinstance(read, Confirmed)
                assert isinstance(read.report, Report)
                before = bench.pump().state.memory.settings
                for number, command in enumerate(others, start=2):
                    refused = await wand.say(Message("", number, command))
                    assert isinstance(refused, Refused)
                    assert (refused.refusal.rule, refused.refusal.asked) == ("PMP-74", f"{command.name} by the wand")
                assert bench.pump().state.memory.settings == before
            async with line(bench.where) as stranger:
                stranger.writer.write(hello())
                for name in sorted(by_hand):
                    stranger.writer.write(Frame(FrameType.COMMAND, 9, 1, {"kind": name}).encoded())
                stranger.writer.write(said(Interrogate(), 1, session=9))
                await until(lambda: bench.server.counts["malformed"] == len(by_hand))
                kinds = [await stranger.frame() for _ in range(5)]
                assert [frame.type.name for frame in kinds if frame] == ["WELCOME", *["NOTICE"] * 3, "REPORT"]
                assert all("no command" in said_in(frame, FrameType.NOTICE).text for frame in kinds[1:4] if frame)

    asyncio.run(course())
