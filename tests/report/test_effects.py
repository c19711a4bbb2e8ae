"""What the therapy did to a body: rows against the response itself, signs at their thresholds, and how it is said."""

import tomllib
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.command import ROOT
from tests.twin.cases import CASE
from tests.twin.test_exposure import BERLIN, BODY, HOUR, ODD, TROUBLE, WITH_BODY, busy, exposure_of, ran, second_of
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.report.body_figures import Day
from thecal.report.body_lines import body_document, body_lines
from thecal.report.effects import SEEN, Effects, effects_of
from thecal.report.signs import TONE, Episode, episodes, usual_tone
from thecal.report.tables import WIDTH
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.trace import Trace

Floats = NDArray[np.float64]

RULES = tomllib.loads((ROOT / "src/thecal/data/settings/signs.toml").read_text(encoding="utf-8"))
RISE = float(RULES["tone_rise"]["value"])
LIMITS = {
    "withdrawal_index": ("withdrawal", float(RULES["withdrawal"]["value"])),
    "weakness_index": ("weakness", float(RULES["weakness"]["value"])),
    "sedation_index": ("drowsiness", float(RULES["sedation"]["value"])),
    "overdose_index": ("overdose", float(RULES["overdose"]["value"])),
}
DAYS = 30
GRID = Grid.over(0, DAYS * DAY_S, HOUR)
UNTIL = '"2026-04-20 09:00"'


def quiet(**changed: Floats) -> Mapping[str, Floats]:
    """A body in which nothing happens, except in the channels that are given."""
    blank = {name: np.zeros(GRID.count) for name in LIMITS}
    return {**blank, "ashworth_legs": np.full(GRID.count, 1.5), **changed}


def found_since(since: Instant | None, **changed: Floats) -> list[Episode]:
    return list(episodes(GRID, quiet(**changed), since))


def found(**changed: Floats) -> list[Episode]:
    return found_since(Instant(0), **changed)


def raised(usual: float, by: float, first: int, after: int) -> Floats:
    """A flat channel that is higher between two hours."""
    channel = np.full(GRID.count, usual)
    channel[first:after] += by
    return channel


def effects(text: str) -> tuple[Case, Trace, Effects]:
    case, trace = ran(text)
    told = effects_of(case, trace)
    assert told is not None
    return case, trace, told


# Signs ----------------------------------------------------------------------------------------------------------------


def test_nothing_is_a_sign_of_nothing() -> None:
    """A flat course has none, however high its tone."""
    assert found() == []
    assert found(ashworth_legs=np.full(GRID.count, 5.0)) == []


@pytest.mark.parametrize("channel", LIMITS)
def test_an_index_is_a_sign_from_its_threshold_on(channel: str) -> None:
    """At the threshold it is one, just below it is none; from its first to its last instant, with its worst."""
    kind, limit = LIMITS[channel]
    assert found(**{channel: np.full(GRID.count, limit - 1e-9)}) == []
    values = np.zeros(GRID.count)
    values[100:110] = limit
    values[104] = limit + 0.1
    (one,) = found(**{channel: values})
    hours = [instant.s // HOUR for instant in (one.start, one.end, one.worst_at)]
    assert (one.kind, hours, one.worst, one.lasting) == (kind, [100, 109, 104], limit + 0.1, False)


def test_a_sign_at_the_end_lasts_and_one_at_the_beginning_counts() -> None:
    """What is there at the first and at the last instant."""
    _, limit = LIMITS["overdose_index"]
    values = np.zeros(GRID.count)
    values[:3] = values[-2:] = limit
    first, last = found(overdose_index=values)
    assert (first.start.s, first.end.s, first.lasting) == (0, 2 * HOUR, False)
    assert (last.start.s, last.end.s, last.lasting) == (GRID.end_s - HOUR, GRID.end_s, True)


def test_tone_returns_from_half_a_grade_above_the_usual() -> None:
    """Exactly the rise is a sign, less is none; before 24 h of therapy, and without an implant, nothing is usual."""
    (one,) = found(ashworth_legs=raised(1.5, RISE, 300, 320))
    assert (one.kind, one.start.s // HOUR, one.end.s // HOUR, one.worst) == (TONE, 300, 319, 1.5 + RISE)
    assert found(ashworth_legs=raised(1.5, RISE - 1e-6, 300, 320)) == []
    assert found_since(None, ashworth_legs=raised(1.5, 2, 300, 320)) == []
    assert found(ashworth_legs=raised(1.5, 2, 5, 20)) == []
    assert found_since(Instant(290 * HOUR), ashworth_legs=raised(1.5, 2, 300, 310)) == []


def test_a_slow_fall_of_the_usual_is_followed() -> None:
    """Tone that returns to the level of a week and a day ago, after the drug had taken it lower, is above the usual."""
    channel = np.concatenate([np.full(200, 4.0), np.full(GRID.count - 200, 1.5)])
    channel[400:404] = 2.5
    (one,) = found(ashworth_legs=channel)
    assert (one.start.s // HOUR, one.worst) == (400, 2.5)


def test_signs_stand_in_the_order_of_their_beginning() -> None:
    """Of whatever kind."""
    told = found(overdose_index=raised(0, 1, 50, 52), sedation_index=raised(0, 1, 49, 53), weakness_index=raised(0, 1, 50, 51))
    assert [(one.start.s // HOUR, one.kind) for one in told] == [(49, "drowsiness"), (50, "overdose"), (50, "weakness")]


@given(st.lists(st.floats(1, 1.4), min_size=80, max_size=260), st.integers(0, 60), st.sampled_from([HOUR, 2 * HOUR]))
def test_the_usual_tone_is_the_median_day_of_the_week_before(values: list[float], first: int, step: int) -> None:
    """Worked out instant by instant, where nothing is a sign: of the 24 h that ended just before and on six days before that."""
    channel, day = np.array(values), DAY_S // step
    got = usual_tone(Grid(0, step, len(values)), channel, Instant(first * step))
    for n in range(len(values)):
        ends = [n - 1 - day * back for back in range(7) if n - 1 - day * back >= first + day - 1]
        means = [float(np.mean(channel[end - day + 1 : end + 1])) for end in ends]
        assert got[n] == pytest.approx(float(np.median(means)) if means else np.inf, abs=1e-9)


def test_tone_that_stays_high_goes_on_being_a_sign() -> None:
    """Three weeks without drug are one sign that lasts."""
    (one,) = found(ashworth_legs=raised(1.5, 2.5, 200, GRID.count))
    assert one.lasting


def test_the_worst_is_when_nothing_worse_comes_that_anybody_could_see() -> None:
    """Tone that is back in full after two days, to a thousandth of a grade, is at its worst then, and not five days later."""
    hours = np.arange(GRID.count) - 200.0
    channel = 1.5 + 2.5 * np.where(hours > 0, 1 - np.exp(-np.maximum(hours, 0) / 6), 0.0)
    one = found(ashworth_legs=channel)[0]
    assert (one.worst_at.s // HOUR) - 200 <= 72


# Rows -----------------------------------------------------------------------------------------------------------------


def test_rows_are_the_response_looked_at() -> None:
    """Means, extremes and the last of the tolerance, from the response on the same grid, row by row."""
    case, trace, told = effects(busy())
    exposure = exposure_of(trace)
    assert exposure.implant is not None
    assert told.grid == Grid.over(trace.start.s, trace.end.s, 1800)  # ten days to two months are looked at every half hour
    channels = ("csf_t10_ng_per_ml", *SEEN)
    seen = propagate(exposure.patient, exposure.doses(trace.end), Record(told.grid, channels, exposure.implant.s))
    times = told.grid.start_s + told.grid.step_s * np.arange(told.grid.count)
    lasted = [course for course in trace.courses if np.any((times >= course.interval.start.s) & (times < course.interval.end.s))]
    assert [row.course for row in told.rows] == lasted
    assert told.csf == f"csf_{case.geometry.tip_level.lower()}_ng_per_ml" == channels[0]
    for row in told.rows:
        inside = (times >= row.course.interval.start.s) & (times < row.course.interval.end.s)
        part = {name: seen[name][0][inside] for name in channels}
        assert row.csf_ng_per_ml == pytest.approx(np.mean(part[channels[0]]), rel=1e-9)
        for name in ("legs_ng_per_ml", "plasma_ng_per_ml", "ashworth_legs", "ashworth_arms", "spasm_penn"):
            assert getattr(row, name) == pytest.approx(np.mean(part[name]), rel=1e-9, abs=1e-12)
        for name in LIMITS:
            assert getattr(row, f"{name}_max") == pytest.approx(np.max(part[name]), rel=1e-9, abs=1e-12)
        assert row.ashworth_legs_min == pytest.approx(np.min(part["ashworth_legs"]), rel=1e-9)
        assert row.ashworth_legs_max == pytest.approx(np.max(part["ashworth_legs"]), rel=1e-9)
        assert row.tolerance == pytest.approx(part["tolerance"][-1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("until", "step"), [("2026-03-12 09:00", 600), ("2026-05-01 10:00", 1800), ("2026-05-01 11:00", 3600)], ids=str
)
def test_a_course_is_looked_at_as_closely_as_it_is_short(until: str, step: int) -> None:
    """Up to ten days every ten minutes, up to sixty every half hour, then every hour."""
    implant = CASE[: CASE.index('[[event]]\nat = "2026-03-02 10:00"')].replace(UNTIL, f'"{until}"')
    text = implant[: implant.index("[[world.event]]")] + BODY + '[[event]]\nat = "2026-03-02 09:00"\nkind = "implant"\n'
    _, trace, told = effects(text)
    assert (told.grid.step_s, told.grid.end_s) == (step, trace.end.s)


def test_there_is_nothing_to_say_without_a_body_or_an_hour() -> None:
    """No body, no effects; nor in less than an hour."""
    case, trace = ran(CASE)
    assert effects_of(case, trace) is None
    text = CASE[: CASE.index("[[world.event]]")] + BODY + '[[event]]\nat = "2026-03-02 09:00"\nkind = "implant"\n'
    for until, some in (("09:59", False), ("10:00", True)):
        case, trace = ran(text.replace(UNTIL, f'"2026-03-02 {until}"'))
        assert (effects_of(case, trace) is not None) == some


def test_the_days_of_the_document_are_whole_days() -> None:
    """As many as fit; means, and the highest of each index; the signs with both clocks."""
    case, trace, told = effects(busy())
    document = body_document(case, told)
    per_day = DAY_S // told.grid.step_s
    assert len(document["days"]) == (trace.end.s - trace.start.s) // DAY_S
    for n, day in enumerate(document["days"]):
        part = slice(n * per_day, (n + 1) * per_day)
        assert day["legs_ng_per_ml"] == pytest.approx(np.mean(told["legs_ng_per_ml"][part]), abs=1e-6)
        assert day["sedation_index"] == pytest.approx(np.max(told["sedation_index"][part]), abs=1e-6)
    assert len(document["signs"]) == len(told.episodes) > 0
    assert document["kind"] == "adult-ms"
    assert len(document["rows"]) == len(told.rows)


def test_a_rotor_that_stands_is_a_sign_within_a_day() -> None:
    """Thirty hours of it: tone returns 6 to 24 h after the flow stopped, and is at its worst by the time it flows again."""
    _, _, told = effects(busy())
    stands = second_of("2026-04-02 12:00")
    one = next(episode for episode in told.episodes if episode.kind == TONE and episode.start.s >= stands)
    assert 6 * HOUR <= one.start.s - stands <= 24 * HOUR
    assert one.worst_at.s - stands <= 36 * HOUR
    assert "stall" in TROUBLE
    assert "explant" in ODD


# How it is said -------------------------------------------------------------------------------------------------------


def test_the_table_is_as_wide_as_the_others() -> None:
    """No line of the text is wider than the rest of the run."""
    case, _, told = effects(WITH_BODY)
    assert max(len(line.text) for line in body_lines(case, told)) <= WIDTH


def test_every_row_is_in_the_text() -> None:
    """A line for each, in order, beginning with the row's local time."""
    case, _, told = effects(busy())
    rows = [line.text for line in body_lines(case, told) if line.style == "row"]
    assert [row[:20].strip() for row in rows] == [row.course.interval.start.local_text(BERLIN) for row in told.rows]
    signs = [line.text for line in body_lines(case, told) if line.text.startswith("** ")]
    assert len(signs) == len(told.episodes)


def day_of(until: str) -> Day:
    steady = CASE[: CASE.index('[[event]]\nat = "2026-03-16')].replace(UNTIL, f'"{until}"')
    steady = steady.replace("[world]", BODY + "[world]").replace('low_reservoir = "2 mL"', "")
    case, trace = ran(steady)
    day = Day.last(case, exposure_of(trace), trace.end)
    assert day is not None
    return day


def test_the_day_of_the_dose_is_the_last_whole_one() -> None:
    """From midnight to midnight of the wall clock; its amounts are those that left the tip."""
    day = day_of("2026-03-27 15:00")
    assert day.title.startswith("2026-03-26")
    assert (day.hours[0], day.hours[-1], day.edges[0], day.edges[-1]) == (0, 24, 0, 24)
    given_mcg = [mcg for _, mcg, _, _, _ in day.table()]
    assert sum(given_mcg) == pytest.approx(200 * 1.03, rel=1e-3)  # flex 120/80, and a pump that runs 3 % fast
    assert given_mcg[2] == pytest.approx(120 / 16 * 3 * 1.03, rel=1e-3)


def test_the_day_of_the_dose_follows_the_wall_clock() -> None:
    """On the day after the clocks went forward, it is the day before that: a day of 23 hours is no day of the dose."""
    assert day_of("2026-03-30 15:00").title.startswith("2026-03-28")
    assert day_of("2026-03-31 15:00").title.startswith("2026-03-30")
