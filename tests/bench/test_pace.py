"""The time of the bench, under whatever the clock of the machine does."""

import asyncio
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.bench import Clock, new_folder, serve
from thecal.bench.pace import SPEED_MAX, Pace
from thecal.bench.wand import Confirmed
from thecal.pump.messages import Interrogate, Message
from thecal.timeline import DAY_S, Instant

NOON = Instant(1_767_614_400)
SPEEDS = st.fractions(Fraction(1, 100), SPEED_MAX)


@given(SPEEDS, st.lists(st.floats(-1e9, 1e9)))
def test_time_never_goes_back(speed: Fraction, readings: list[float]) -> None:
    """Whether the clock of the machine stands, jumps on, or jumps back to before the bench was started."""
    clock = Clock()
    pace, before = Pace(NOON, speed, clock), NOON
    for clock.s in readings:
        now = pace.now()
        assert now >= before
        assert now.s <= max(before.s, NOON.s + clock.s * speed)
        before = now


@pytest.mark.parametrize(
    ("speed", "steady_s", "passed_s"),
    [
        (Fraction(1), 0.999, 0),
        (Fraction(1), 1.0, 1),
        (Fraction(1, 2), 3.0, 1),
        (Fraction(1000, 3), 3.0, 1000),
        (Fraction(60), 0.5, 30),
        (Fraction(SPEED_MAX), 0.0625, 62_500),
    ],
)
def test_time_passes_as_fast_as_it_is_told_to(speed: Fraction, steady_s: float, passed_s: int) -> None:
    """By the whole seconds that are over, of a clock that did not begin at nought."""
    clock = Clock()
    clock.s = 17.25
    pace = Pace(NOON, speed, clock)
    clock.s += steady_s
    assert pace.now() == Instant(NOON.s + passed_s)


def test_time_ends_with_the_calendar() -> None:
    """A bench that is left running for centuries stays at the last instant that there is."""
    clock = Clock()
    pace = Pace(Instant(Instant.LAST - 10), Fraction(SPEED_MAX), clock)
    clock.s = 1e9
    assert pace.now() == pace.now() == Instant(Instant.LAST)


@pytest.mark.requirement("BEN-21")
def test_a_bench_goes_on_from_where_it_was_put_away(tmp_path: Path) -> None:
    """After a month in a moment, time goes on from there, for pumps and programmers; nothing is pumped twice or not at all."""

    async def course() -> None:
        folder, clock = new_folder(tmp_path / "bench", keys=False, ahead_s=3600), Clock()
        async with serve(folder, plain=True, speed=Fraction(100_000), clock=clock) as bench:
            clock.s = 25.92
            bench.server.passed()
            left = bench.server.pace.now()
        async with serve(folder, plain=True, clock=Clock()) as bench:
            assert bench.server.pace.now() == left
            assert bench.pump().now == left
            assert bench.pump().account.delivered.volume_nl == 30 * 200_000
            async with bench.wand() as wand:
                assert wand.welcome.now == left
                assert not wand.welcome.real_time
                said = await wand.say(Message("", 1, Interrogate()))
                assert isinstance(said, Confirmed)
                assert said.report.pumped.nl == 34 * 200_000
            begun = Instant(left.s - 30 * DAY_S)
            assert said.report.at.s - begun.s == 30 * DAY_S

    asyncio.run(course())
