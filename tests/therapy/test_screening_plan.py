"""The plan of a screening test: dated from the bolus, and refused where it is too much or too soon."""

import pytest

from tests.charts import Story, day, found, started
from tests.therapy.boluses import NO_FALL, H, given, mcg, result, said
from thecal.chart.clinical import (
    Answered,
    Closed,
    Measured,
    SymptomReported,
)
from thecal.chart.facts import Assessed, TestBolusGiven
from thecal.chart.vocabulary import words
from thecal.errors import Refusal
from thecal.quantity import Concentration
from thecal.therapy.plan import Plan
from thecal.therapy.screening_test import screening_plan, screening_step
from thecal.timeline import Duration, Instant


@pytest.mark.requirement("SCR-07")
def test_observations_are_dated_in_order() -> None:
    """Before the bolus and at 1, 2, 3 and 4 h; a plan is in order of time, and the bolus comes after every gate."""
    plan = screening_plan(Story().person().look(0), day(1))
    assert isinstance(plan, Plan)
    times = [step.at for step in plan.steps]
    assert times == sorted(times)
    assert [step.at for step in plan.steps if step.rule == "SCR-07"] == [day(1 + hours * H) for hours in (0, 1, 2, 3, 4)]
    names = [step.what for step in plan.steps]
    assert names.index("bolus") > max(number for number, name in enumerate(names) if name in ("gates", "baseline"))


def test_a_plan_is_dated_from_the_bolus() -> None:
    """Volume, end of observation at 4 to 8 h, and the earliest next bolus; the gates that are not met come with it."""
    plan = screening_plan(Story().person().look(0), day(1))
    assert isinstance(plan, Plan)
    by_name = {step.what: step for step in plan.steps}
    assert "1 mL of 50 mcg/mL" in by_name["bolus"].detail
    assert "1 min" in by_name["bolus"].detail
    assert by_name["observation may end"].at == day(1 + 4 * H)
    assert by_name["observation ends"].at == day(1 + 8 * H)
    assert by_name["earliest next bolus"].at == day(2)
    assert {finding.rule for finding in plan.findings} == {"CAN-12", "SCR-11", "SCR-13"}


def test_the_plan_of_the_largest_bolus_has_none_after_it() -> None:
    story = said(given(50, 75), *NO_FALL, yes=False)
    plan = screening_plan(story.look(0.5), day(1))
    assert isinstance(plan, Plan)
    assert "2 mL" in next(step for step in plan.steps if step.what == "bolus").detail
    assert "earliest next bolus" not in {step.what for step in plan.steps}


def test_a_plan_that_was_made_is_one_that_the_checks_pass() -> None:
    """Once every gate is met and the plan is followed, no rule of the plan stops anything."""
    story = (
        Story()
        .person()
        .fact(
            *(Answered(day(-1), "before test", item, True) for item in words("checklists")["before test"].items),
            *(Answered(day(-1), "test site", item, True) for item in words("checklists")["test site"].items),
            Measured(day(-1), "platelets", 200_000),
            Measured(day(-1), "INR", 1.0),
        )
    )
    plan = screening_plan(story.look(0), day(0))
    assert isinstance(plan, Plan)
    assert not plan.findings
    dose = screening_step(story.look(0)).dose
    assert dose is not None
    story.fact(TestBolusGiven(day(0), dose, Concentration(50), Duration(6 * 3600)), Measured(day(H), "SpO2", 97))
    scored = {step.at for step in plan.steps if step.what in ("baseline", "observation")}
    story.fact(*(Assessed(at, 4.0 if at == day(0) else 2.0) for at in sorted(scored)))
    for number in range(1, 14):
        assert not [finding for finding in found(story.look(9 * H), f"SCR-{number:02}") if finding.stops]
    assert result(story).clinical == "positive"


@pytest.mark.parametrize(
    ("at", "dose", "rule"),
    [(1.0, 100, None), (1.0, 101, "SCR-05"), (23.9 * H, 75, "SCR-04"), (-0.5, 75, "SCR-04"), (1.0, 0, "SCR-02")],
)
def test_a_plan_refuses_too_much_and_too_soon(at: float, dose: float, rule: str | None) -> None:
    """With what was asked, what is allowed, where that comes from and what to do."""
    answer = screening_plan(said(given(50), *NO_FALL, yes=False).look(0.5), day(at), mcg(dose))
    assert (answer.rule if isinstance(answer, Refusal) else None) == rule
    if isinstance(answer, Refusal):
        assert all((answer.asked, answer.limit, answer.source, answer.advice))


def test_a_plan_is_refused_where_the_way_has_ended() -> None:
    spent = said(given(50, 75, 100), *NO_FALL, yes=False)
    closed = Story().person().fact(Closed(day(-1), "moved away"))
    stopped = said(given(50), *NO_FALL, yes=False).fact(SymptomReported(day(2 * H), "somnolence", 2))
    for story, rule in ((spent, "SCR-05"), (closed, "SCR-05"), (stopped, "SCR-12"), (started(100), "SCR-10")):
        for dose in (None, mcg(50)):
            answer = screening_plan(story.look(0.5), day(3), dose)
            assert isinstance(answer, Refusal)
            assert answer.rule == rule


def test_an_unusual_dose_comes_with_its_finding() -> None:
    answer = screening_plan(Story().person().look(0), day(1), mcg(75))
    assert isinstance(answer, Plan)
    assert "SCR-02" in {finding.rule for finding in answer.findings}


def test_an_instant_is_all_that_a_plan_needs_of_time() -> None:
    """The same plan an hour later is the same plan, an hour later."""
    first, later = (screening_plan(Story().person().look(0), day(on)) for on in (1, 1 + H))
    assert isinstance(first, Plan)
    assert isinstance(later, Plan)
    assert [Instant(step.at.s + 3600) for step in first.steps] == [step.at for step in later.steps]
