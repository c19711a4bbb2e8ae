"""Tapers: by either schedule or over so many days, always down, in whole tablets, and to nothing."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.charts import Story, day, severities
from thecal.chart.clinical import Discontinued, Prescribed
from thecal.errors import InputError, Refusal
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan
from thecal.therapy.tapers import Schedule, divided, taper_plan
from thecal.timeline import DAY_S

SCHEDULES: tuple[Schedule, ...] = ("each 3 days", "weekly")


def taking(mg: float = 60, medicine: str = "baclofen", doses: int = 3) -> Story:
    return Story().person().fact(Prescribed(day(-90), medicine, "oral", mg, doses))


def levels(plan: Plan | Refusal) -> list[tuple[int, float]]:
    """Day and mg/day of every step."""
    assert isinstance(plan, Plan), plan
    return [((step.at.s - day(0).s) // DAY_S, float(step.what.removesuffix(" mg/day"))) for step in plan.steps]


@pytest.mark.requirement("WEA-03")
def test_the_two_schedules_in_use() -> None:
    """5 mg less in each dose every 3 days; or 10 mg a day less each week, and 5 mg at the end."""
    look = taking().look(0)
    assert levels(taper_plan(look, "baclofen", day(0))) == [(0, 45), (3, 30), (6, 15), (9, 0)]
    weekly = levels(taper_plan(look, "baclofen", day(0), schedule="weekly"))
    assert weekly == [(0, 50), (7, 40), (14, 30), (21, 20), (28, 15), (35, 10), (42, 5), (49, 0)]
    four = taper_plan(taking(80, doses=4).look(0), "lioresal", day(0))
    assert levels(four) == [(0, 60), (3, 40), (6, 20), (9, 0)]
    assert isinstance(four, Plan)
    assert four.steps[1].detail.startswith("10 + 10 + 10 + 10 mg")


@pytest.mark.requirement("WEA-02")
@pytest.mark.parametrize(("mg", "expected"), [(15, [(0, 10), (4, 5), (8, 0)]), (10, [(0, 5), (7, 0)]), (5, [(7, 0)])])
def test_small_doses_are_tapered_over_a_week_too(mg: float, expected: list[tuple[int, float]]) -> None:
    assert levels(taper_plan(taking(mg).look(0), "baclofen", day(0))) == expected


@pytest.mark.requirement("WEA-02")
def test_a_taper_in_less_than_a_week_is_refused() -> None:
    look = taking().look(0)
    refused = taper_plan(look, "baclofen", day(0), days=6)
    assert isinstance(refused, Refusal)
    assert refused.rule == "WEA-02"
    week = taper_plan(look, "baclofen", day(0), days=7)
    assert levels(week)[-1] == (7, 0)
    assert isinstance(week, Plan)
    assert [finding.rule for finding in week.findings] == ["WEA-03"]
    fortnight = taper_plan(look, "baclofen", day(0), days=14)
    assert isinstance(fortnight, Plan)
    assert fortnight.findings == ()


@pytest.mark.requirement("WEA-02")
def test_there_must_be_something_to_taper() -> None:
    look = Story().person().look(0)
    for from_mg in (None, 0, -5, float("nan"), 10_000):
        answer = taper_plan(look, "baclofen", day(0), from_mg)
        assert isinstance(answer, Refusal)
        assert answer.rule == "WEA-02"
    assert levels(taper_plan(look, "baclofen", day(0), 30))[-1][1] == 0
    with pytest.raises(InputError, match="baclofen"):
        taper_plan(look, "baclofan", day(0))


@pytest.mark.requirement("WEA-04")
def test_tizanidine_falls_by_two_to_four_milligrams_a_day() -> None:
    """By 2 mg where nothing else is said; in fewer days by 4 mg at most."""
    look = taking(36, "tizanidine").look(0)
    slow = levels(taper_plan(look, "tizanidine", day(0)))
    assert slow == [(number, 34 - 2 * number) for number in range(18)]
    fast = [mg for _, mg in levels(taper_plan(look, "zanaflex", day(0), days=8))]
    assert max(earlier - later for earlier, later in pairwise([36, *fast])) == 4
    refused = taper_plan(look, "tizanidine", day(0), days=7)
    assert isinstance(refused, Refusal)
    assert refused.rule == "WEA-04"
    assert "8 days" in refused.advice


@pytest.mark.requirement("WEA-04")
@pytest.mark.parametrize("medicine", ["diazepam", "clonazepam", "gabapentin", "dantrolene"])
def test_no_schedule_is_invented(medicine: str) -> None:
    """Where none is published the answer is what is missing."""
    answer = taper_plan(taking(20, medicine).look(0), medicine, day(0))
    assert isinstance(answer, Refusal)
    assert "publish none" in answer.limit


@given(
    mg=st.floats(0.5, 150),
    doses=st.integers(1, 4),
    schedule=st.sampled_from(SCHEDULES),
    days=st.none() | st.integers(-3, 90),
    medicine=st.sampled_from(["baclofen", "tizanidine"]),
)
@pytest.mark.requirement("WEA-02")
def test_every_taper_falls_to_nothing(mg: float, doses: int, schedule: Schedule, days: int | None, medicine: str) -> None:
    """Each step lower and later than the one before, in whole pieces, and the last one nothing; never less than a week."""
    plan = taper_plan(taking(mg, medicine, doses).look(0), medicine, day(0), days=days, schedule=schedule)
    assume(isinstance(plan, Plan))
    steps = levels(plan)
    assert steps[-1][1] == 0
    assert all(later < earlier for earlier, later in pairwise([mg, *(dose for _, dose in steps)]))
    assert all(later > earlier for earlier, later in pairwise(on for on, _ in steps))
    assert not any(dose % (5 if medicine == "baclofen" else 2) for _, dose in steps)
    if medicine == "baclofen":
        assert steps[-1][0] >= 7
    else:
        assert max(earlier - later for earlier, later in pairwise([mg, *(dose for _, dose in steps)])) <= 4


@given(mg=st.floats(0.5, 100), doses=st.integers(2, 4), schedule=st.sampled_from(SCHEDULES), days=st.none() | st.integers(7, 60))
@pytest.mark.requirement("WEA-02")
def test_a_taper_kept_to_finds_nothing(mg: float, doses: int, schedule: Schedule, days: int | None) -> None:
    """A chart on which the plan was done is one that the rules of weaning leave in peace; by a published schedule wholly."""
    story = taking(mg, doses=doses)
    plan = taper_plan(story.look(0), "baclofen", day(0), days=days, schedule=schedule)
    assume(isinstance(plan, Plan))
    steps = levels(plan)
    for on, dose in steps:
        story.fact(Prescribed(day(on), "baclofen", "oral", dose, doses) if dose else Discontinued(day(on), "baclofen"))
    rules = ["WEA-01", "WEA-02", *(["WEA-03"] if days is None else [])]
    for on, _ in steps:
        look: Look = story.look(on + 0.5)
        for rule in rules:
            assert severities(look, rule) == [], (on, rule)


@given(pieces=st.integers(1, 40), doses=st.integers(1, 4))
def test_a_day_is_divided_into_whole_pieces(pieces: int, doses: int) -> None:
    parts = [float(part) for part in re.findall(r"[0-9.]+", divided(pieces * 5, doses, 5))]
    assert sum(parts) == pieces * 5
    assert len(parts) <= doses
    assert max(parts) - min(parts) <= 5
    assert not any(part % 5 for part in parts)
