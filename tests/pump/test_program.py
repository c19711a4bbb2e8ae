"""Programs: flows within the pump's limits, and their pattern over the day."""

from typing import Any

import pytest

from tests.courses import flow, refused
from thecal.pump.program import (
    Flex,
    MinimumRate,
    Program,
    SimpleContinuous,
    Step,
    Stopped,
    check_program,
    nearest_flow,
    program_pattern,
)
from thecal.pump.sheet import pump_sheet
from thecal.quantity import FlowRate
from thecal.timeline import DAY_S

SHEET = pump_sheet("synchromed-ii-40")


def day(count: int) -> tuple[Step, ...]:
    return tuple(Step(DAY_S * (n + 1) // count, flow(0.1 + n / 100)) for n in range(count))


@pytest.mark.parametrize(
    ("program", "mean"),
    [
        (Stopped(), 0),
        (MinimumRate(), 6_000),
        (SimpleContinuous(flow(0.25)), 250_000),
        (Flex(((Step(6 * 3600, flow(0.4)), Step(DAY_S, flow(0.2))),)), 250_000),
        (Flex((day(1), day(1), day(1), day(1), day(1), (Step(DAY_S, flow(0.8)),), day(1))), 200_000),
    ],
)
def test_a_program_has_a_mean_flow(program: Program, mean: int) -> None:
    """Over its day, or its week where days differ."""
    pattern = program_pattern(program, SHEET)
    assert pattern.mean_nl_per_day == mean
    assert pattern.period_s == (7 * DAY_S if isinstance(program, Flex) and len(program.days) == 7 else DAY_S)


@pytest.mark.requirement("PMP-01")
def test_a_flow_below_the_slowest_is_refused() -> None:
    """One nanolitre a day decides; the refusal says rule, limit, source and what to do."""
    assert check_program(SimpleContinuous(SHEET.flow_min), SHEET) is None
    refusal = refused(check_program(SimpleContinuous(FlowRate(SHEET.flow_min.nl_per_day - 1)), SHEET))
    assert (refusal.rule, refusal.limit) == ("PMP-01", "at least 0.048 mL/day")
    assert "synchromed-ii-40 data sheet" in refusal.source
    assert refusal.advice


@pytest.mark.requirement("PMP-02")
def test_a_flow_above_the_fastest_is_refused() -> None:
    """The fastest itself is taken."""
    assert check_program(SimpleContinuous(SHEET.flow_max), SHEET) is None
    assert refused(check_program(SimpleContinuous(FlowRate(SHEET.flow_max.nl_per_day + 1)), SHEET)).rule == "PMP-02"
    too_fast = Flex(((Step(3600, flow(25)), Step(DAY_S, flow(0.2))),))
    assert refused(check_program(too_fast, SHEET)).rule == "PMP-02"


@pytest.mark.requirement("PMP-03")
def test_thirteen_steps_and_no_more() -> None:
    """A step that runs over midnight is one step, but not where the days differ: there each day has its own."""
    assert check_program(Flex((day(13),)), SHEET) is None
    assert refused(check_program(Flex((day(14),)), SHEET)).rule == "PMP-03"
    over_midnight = (*day(14)[:13], Step(DAY_S, day(14)[0].flow))
    assert check_program(Flex((over_midnight,)), SHEET) is None
    assert refused(check_program(Flex((over_midnight, *(day(1) for _ in range(6)))), SHEET)).rule == "PMP-03"


@pytest.mark.requirement("PMP-04")
@pytest.mark.parametrize("ends", [[], [3600], [3600, 3600, DAY_S], [7200, 3600, DAY_S], [DAY_S, DAY_S + 60], [0, DAY_S]])
def test_steps_cover_the_day_once(ends: list[int]) -> None:
    """No gap, no overlap, no empty step."""
    steps = tuple(Step(end, flow(0.1 + n / 10)) for n, end in enumerate(ends))
    assert refused(check_program(Flex((steps,)), SHEET)).rule == "PMP-04"


@pytest.mark.requirement("ORD-07")
@pytest.mark.parametrize(
    ("mcg", "expected"),
    [(100, 200_000), (100.25, 200_000), (100.250001, 201_000), (100.5, 201_000), (100.75, 201_000), (100.750001, 202_000)],
)
def test_a_dose_becomes_the_nearest_flow_ties_down(mcg: float, expected: Any) -> None:
    """In the pump's own steps: 0.001 mL/day is 0.5 mcg/day at 500 mcg/mL."""
    assert nearest_flow(round(mcg * 10**6), DAY_S, 500, SHEET) == FlowRate(expected)
