"""Time: instants with their zone, durations, half-open intervals, patterns and Blocks."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.errors import InputError
from thecal.fluid import Parcel
from thecal.timeline import DAY_S, NO_FLOW, Block, Duration, Instant, Interval, Pattern, read_zone

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-03-01 09:30", "2026-03-01T08:30:00Z"),
        ("2026-03-01T09:30:15", "2026-03-01T08:30:15Z"),
        (datetime(2026, 7, 1, 9, 30), "2026-07-01T07:30:00Z"),  # noqa: DTZ001  # what TOML gives for a local time
        ("2026-10-25 02:30+02:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25 02:30+01:00", "2026-10-25T01:30:00Z"),
        ("2026-03-01T08:30:00Z", "2026-03-01T08:30:00Z"),
    ],
)
def test_a_local_time_is_an_instant(value: Any, utc: str) -> None:
    """A local time means its zone; an offset is taken where the zone has it, and UTC always."""
    instant = Instant.parse(value, BERLIN)
    assert instant.utc_text() == utc
    assert Instant.parse(instant.local_text(BERLIN), BERLIN) == instant


@pytest.mark.requirement("TIM-01")
@pytest.mark.parametrize(
    ("value", "problem", "written"),
    [
        ("2026-03-29 02:30", "does not exist in Europe/Berlin", "2026-03-29 03:30"),
        ("2026-10-25 02:30", "happens twice in Europe/Berlin", "2026-10-25 02:30+02:00"),
        ("2026-07-01 09:30+05:00", "has an offset that Europe/Berlin does not have then", "2026-07-01 06:30+02:00"),
        (date(2026, 3, 1), "has no time of day", "2026-03-01 08:00"),
        ("2026-02-30 09:00", "is not a date and time", "2026-03-01 09:30"),
        ("yesterday", "is not a date and time", "2026-03-01 09:30"),
        ("2026-03-01 09:30:00.5", "finer than a second", ""),
        ("0001-01-01 00:00", "outside the years 1970 to 2199", ""),
        ("9999-12-31 23:59+00:00", "outside the years 1970 to 2199", ""),
        (12, "is not a date and time", ""),
        (10**30, "is not a date and time", ""),
    ],
)
def test_a_time_that_is_not_one_instant_is_refused(value: Any, problem: str, written: str) -> None:
    """A skipped, repeated or impossible time says so and what to write."""
    with pytest.raises(InputError, match=problem) as caught:
        Instant.parse(value, BERLIN, "at")
    assert written in str(caught.value)


@given(
    st.integers(0, 7_258_118_399), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
)
def test_every_instant_has_one_text(second: int, zone_name: str) -> None:
    """Local text says its offset exactly where the local time exists twice, so that it can be read back."""
    zone = ZoneInfo(zone_name)
    assert Instant.parse(Instant(second).local_text(zone), zone) == Instant(second)


def test_a_zone_has_a_name() -> None:
    """A misspelled zone names the nearest one."""
    assert read_zone("Europe/Berlin").key == "Europe/Berlin"
    with pytest.raises(InputError, match="Europe/Berlin"):
        read_zone("Europe/Berln")
    with pytest.raises(InputError):
        read_zone(1)


@pytest.mark.requirement("TIM-02")
def test_an_interval_ends_before_its_end() -> None:
    """What begins when another ends does not overlap it: its seconds are end minus start."""
    first, second = Interval(Instant(0), Instant(60)), Interval(Instant(60), Instant(90))
    assert first.seconds + second.seconds == Interval(first.start, second.end).seconds
    assert Instant(90) - Instant(60) == Duration(30)
    assert Instant(60) + Duration(30) == Instant(90)


def test_a_pattern_repeats() -> None:
    """A day of two steps, from any second of it, over many days."""
    pattern = Pattern.of([(6 * 3600, 100), (18 * 3600, 300)])
    assert (pattern.period_s, pattern.total) == (DAY_S, 6 * 3600 * 100 + 18 * 3600 * 300)
    assert pattern.numerator(0, DAY_S) == pattern.numerator(12345, DAY_S) == pattern.total
    assert pattern.numerator(5 * 3600, 2 * 3600) == 3600 * 100 + 3600 * 300
    assert pattern.mean_nl_per_day == 250
    assert list(pattern.window(5 * 3600, 2 * 3600)) == [(3600, 100), (3600, 300)]


def test_no_flow_never_arrives() -> None:
    """A stopped pump reaches nothing; and what is reached already takes no time."""
    assert NO_FLOW.seconds_to(0, 1) is None
    assert NO_FLOW.seconds_to(0, 0) == 0


def test_a_block_is_a_month_of_the_same_day() -> None:
    """A Block holds the pattern and the fluid; its segments are the steps."""
    pattern = Pattern.of([(6 * 3600, 86_400), (18 * 3600, 2 * 86_400)])
    fluid = Parcel.whole(30 * (6 + 2 * 18) * 3600, 30 * (6 + 2 * 18) * 3600 * 500)
    block = Block(Interval(Instant(0), Instant(30 * DAY_S)), pattern, 0, 0, (fluid,))
    assert block.volume_by(30 * DAY_S) == block.volume_nl == fluid.volume_nl
    assert block.amount_by(3600) == 3600 * 500
    assert block.first_second(6 * 3600 + 1) == 6 * 3600 + 1
    segments = list(block.segments())
    assert len(segments) == 60
    assert [segment.flow_nl_per_day for segment in segments[:2]] == [86_400, 172_800]
    assert segments[0].interval.end == segments[1].interval.start
    assert block.period_s == DAY_S
