"""A titration as a plan never passes the limits of its own steps."""

from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, mcg_a_day, started
from thecal.errors import Refusal
from thecal.therapy.plan import Plan
from thecal.therapy.titration_plan import titration_plan
from thecal.timeline import DAY_S, Duration, Instant

WEEK = Duration(7 * DAY_S)


def doses(plan: Plan) -> list[float]:
    return [float(step.what.split()[0].replace(",", "")) for step in plan.steps if step.rule != "TIT-08"]


@pytest.mark.requirement("TIT-03")
@given(st.integers(30, 600), st.integers(30, 900), st.floats(0.5, 30))
def test_no_step_passes_its_limit_and_the_last_is_the_target(now: int, target: int, percent: float) -> None:
    """Up by no more than asked, down by no more than 20 %, always towards the target."""
    plan = titration_plan(started(now).look(10), day(11), mcg_a_day(target), WEEK, percent)
    if isinstance(plan, Refusal):
        assert "in one plan" in plan.limit
        return
    way = [float(now), *doses(plan)]
    assert way[-1] == target
    for before, after in pairwise(way):
        assert (after - before) * (target - now) > 0
        assert -20 - 1e-6 <= 100 * (after - before) / before <= percent + 1e-6


@pytest.mark.requirement("TIT-08")
def test_every_step_is_assessed_within_a_day() -> None:
    plan = titration_plan(started(100).look(10), day(11), mcg_a_day(150), WEEK)
    assert isinstance(plan, Plan)
    assert doses(plan) == [115, 132.2, 150]  # MS: 15 %, the middle of the lower half
    changes = [step.at for step in plan.steps if step.rule == "TIT-03"]
    assert [step.at for step in plan.steps if step.rule == "TIT-08"] == [at + Duration(DAY_S) for at in changes]


@pytest.mark.requirement("TIT-04")
@pytest.mark.parametrize(
    ("target", "every", "percent", "rule"),
    [
        (150, WEEK, 16, "TIT-04"),
        (150, Duration(DAY_S - 1), 10, "TIT-04"),
        (2001, WEEK, 10, "SAF-01"),
        (150, WEEK, 0, "TIT-04"),
    ],
)
def test_a_plan_beyond_a_limit_is_refused(target: int, every: Duration, percent: float, rule: str) -> None:
    story = Story().person("cerebral", "stroke").implanted().filled().programmed(0, 100)
    answer = titration_plan(story.look(10), day(11), mcg_a_day(target), every, percent)
    assert isinstance(answer, Refusal)
    assert answer.rule == rule


@pytest.mark.requirement("TIT-08")
def test_weeks_keep_the_clock_on_the_wall() -> None:
    """Across the end of summer time, each step is at the same hour of the day; a fall stands under its own rule."""
    look = replace(started(400).look(10), zone=ZoneInfo("Europe/Berlin"))
    start = Instant.parse("2026-10-12 10:00", look.zone)
    plan = titration_plan(look, start, mcg_a_day(200), WEEK)
    assert isinstance(plan, Plan)
    changes = [step for step in plan.steps if step.rule == "PRG-02"]
    assert len(changes) == 5
    assert {step.at.local(look.zone).strftime("%a %H:%M") for step in changes} == {"Mon 10:00"}


@pytest.mark.requirement("TIT-05")
def test_without_a_dose_there_is_nothing_to_raise() -> None:
    answer = titration_plan(Story().person().look(0), day(1), mcg_a_day(100), WEEK)
    assert isinstance(answer, Refusal)
    assert "without a dose that runs" in answer.asked
