"""Many pumps in one process: none is overlooked, and none keeps the others waiting."""

import asyncio
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from tests.bench.bench import Bench, Clock, new_folder, serial_of, serve, until
from thecal.bench.control import ListPumps
from thecal.bench.wand import Confirmed
from thecal.pump.messages import Interrogate, Message
from thecal.timeline import DAY_S

PUMPS = 200


@pytest.mark.requirement("BEN-24")
def test_every_alarm_of_every_pump_is_told_once(tmp_path: Path) -> None:
    """With the time at which it was in the pump, whether the bench looked every hour or once in half a year."""

    async def course() -> None:
        folder = new_folder(tmp_path, pumps=20, keys=False)
        async with serve(folder, plain=True, clock=Clock()) as bench:
            for _ in range(150 * 4):
                bench.pass_time(DAY_S / 4)
            async with bench.wand("nurse", "TC-0007") as wand:
                assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
        async with serve(folder, plain=True, clock=Clock()) as bench:
            bench.pass_time(5 * 366 * DAY_S)
            told = Counter((line["serial"], line["pump_time"], line["event"], line["severity"]) for line in bench.log("event"))
            in_pumps = Counter(
                (serial, event.at.utc_text(), event.kind, event.severity)
                for serial, shelved in bench.server.shelf.items()
                for event in shelved.pump.state.memory.signals.log
                if event.severity != "information"
            )
            sensed = {alarm: times for alarm, times in told.items() if alarm[3] != "unsensed"}
            assert sensed == in_pumps
            assert set(told.values()) == {1}
            kinds = Counter(kind for _, _, kind, _ in told)
            assert kinds["low reservoir alarm"] == kinds["empty reservoir alarm"] == kinds["reservoir ran dry"] == 20

    asyncio.run(course())


async def visit(bench: Bench, number: int) -> float:
    """Read a pump; how many seconds the answer took."""
    loop = asyncio.get_running_loop()
    async with bench.wand("nurse", serial_of(number)) as wand:
        begun = loop.time()
        assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
        return loop.time() - begun


@pytest.mark.requirement("BEN-24")
def test_hundreds_of_pumps_do_not_fall_behind(tmp_path: Path) -> None:
    """At a thousand times true speed, while programmers read them: every beat comes in time, and every pump is at its second."""

    async def course() -> None:
        folder = new_folder(tmp_path, pumps=PUMPS, keys=False)
        async with serve(folder, plain=True, speed=Fraction(1000)) as bench:
            begun = bench.pump().now.s
            lags, took = [], []
            for number in range(1, PUMPS + 1, 20):
                took.append(await visit(bench, number))
                lags.append(bench.server.lag_s)
            await until(lambda: bench.pump(serial_of(PUMPS)).now.s - begun >= 1000)
            listed = await bench.ask(ListPumps())
            assert len(listed["pumps"]) == PUMPS
            assert {shelved.pump.now for shelved in bench.server.shelf.values()} == {bench.pump().now}
            assert sorted(lags)[len(lags) // 2] < 0.25
            assert sorted(took)[len(took) // 2] < 1.0

    asyncio.run(course())
