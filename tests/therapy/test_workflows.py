"""Workflows: pregnancy, operation and journey as dated plans."""

import pytest

from tests.charts import MODEL, Story, day, started
from thecal.chart.clinical import AlarmHeard, Documented
from thecal.chart.order import FlexDay, OrderFlex, StepDose
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, DailyDose
from thecal.therapy.plan import Plan
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.therapy.rules import all_rules
from thecal.therapy.workflows import WATCH, pregnancy_plan, surgery_plan, travel_plan
from thecal.timeline import Instant

PLANS = (pregnancy_plan, surgery_plan, travel_plan)


def dates(plan: Plan) -> dict[str, Instant]:
    return {step.what: step.at for step in plan.steps}


def due(story: Story) -> Instant:
    """By when the pump of a story is to be refilled."""
    found = refill_by(story.chart, pump_sheet(MODEL), RefillPolicy.default())
    assert found is not None
    return found.instant


@pytest.mark.parametrize("plan_of", PLANS, ids=lambda plan_of: plan_of.__name__)
def test_steps_are_in_order_not_in_the_past_and_rest_on_rules(plan_of) -> None:  # type: ignore[no-untyped-def]
    look = started().look(30)
    plan = plan_of(look, day(200))
    assert [step.at for step in plan.steps] == sorted(step.at for step in plan.steps)
    assert plan.steps[0].at == look.now
    assert {step.rule for step in plan.steps} <= set(all_rules())
    assert all(step.detail.endswith(".") for step in plan.steps)
    assert all(note.endswith(".") for note in plan.notes)


@pytest.mark.parametrize("plan_of", PLANS, ids=lambda plan_of: plan_of.__name__)
def test_an_open_alarm_stands_against_a_plan(plan_of) -> None:  # type: ignore[no-untyped-def]
    """And without a pump there is a plan that says what is not known."""
    story = started().fact(AlarmHeard(day(29), "two-tone"))
    assert "DEV-03" in {finding.rule for finding in plan_of(story.look(30), day(60)).findings}
    assert not plan_of(Story().person().look(30), day(60)).findings


def test_a_journey_comes_after_a_refill() -> None:
    """Five days before leaving, or by the refill-by date where that is earlier, and never in the past."""
    story = started()
    assert dates(travel_plan(story.look(30), day(60)))["refill"] == day(55)
    assert dates(travel_plan(story.look(30), day(200)))["refill"] == due(story)
    assert dates(travel_plan(story.look(30), day(32)))["refill"] == day(30)
    assert "before the end" in travel_plan(story.look(30), day(60), day(300)).notes[0]
    assert "after the end" in travel_plan(story.look(30), day(60), day(70)).notes[0]
    assert dates(travel_plan(story.look(30), day(60), day(70)))["return"] == day(70)
    assert "not known" in travel_plan(Story().person().look(30), day(60)).notes[0]


def test_doses_by_the_clock_shift_with_the_zone() -> None:
    flex = OrderFlex(
        (
            FlexDay(
                (),
                DailyDose(120 * 10**6),
                (StepDose(0, 43_200, Amount(40 * 10**6)), StepDose(43_200, 0, Amount(80 * 10**6))),
            ),
        )
    )
    assert "doses by the clock" not in dates(travel_plan(started().look(30), day(60)))
    assert "doses by the clock" in dates(travel_plan(started().programmed(20, flex).look(30), day(60)))


def test_an_operation_is_watched_for_three_days() -> None:
    plan = surgery_plan(started().look(30), day(40))
    assert dates(plan)["end of the watch for withdrawal"] == day(40) + WATCH
    assert dates(plan)["operation"] == day(40)
    assert "refill" not in dates(plan)  # it is not due before
    assert plan.notes
    papers = started().fact(Documented(day(29), "anaesthesia plan"))
    assert not surgery_plan(papers.look(30), day(40)).notes


def test_a_refill_that_is_due_before_comes_before() -> None:
    story = started()
    late = Instant(due(story).s + 1)
    assert dates(surgery_plan(story.look(30), late))["refill"] == due(story)
    assert "refill" not in dates(surgery_plan(story.look(30), Instant(due(story).s - 1)))
    assert dates(pregnancy_plan(story.look(30), late))["refill"] == due(story)


def test_a_pregnancy_names_the_papers_that_are_missing() -> None:
    plan = pregnancy_plan(started().look(30), day(200))
    assert "high-risk pregnancy pathway, anaesthesia plan" in plan.notes[0]
    assert dates(plan)["watch the newborn"] == day(200)
    papers = started().fact(Documented(day(29), "anaesthesia plan"), Documented(day(29), "high-risk pregnancy pathway"))
    assert not any("Not on file" in note for note in pregnancy_plan(papers.look(30), day(200)).notes)
