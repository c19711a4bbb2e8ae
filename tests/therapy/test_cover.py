"""Cover: the order set while the pump cannot give the drug, by kidneys and age, with what is an emergency first."""

from datetime import date

import pytest

from tests.charts import Story, day, started
from thecal.chart.chart import Chart
from thecal.chart.clinical import Documented, Measured, Noticed, Prescribed
from thecal.errors import Refusal
from thecal.quantity import Concentration
from thecal.therapy.clinic import Clinic, Loosened
from thecal.therapy.cover import cover_plan
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep

NOW = 60


def plan_of(story: Story, clinic: Clinic | None = None) -> Plan:
    plan = cover_plan(story.look(NOW, clinic=clinic), day(NOW))
    assert isinstance(plan, Plan)
    return plan


def step(plan: Plan, what: str) -> PlanStep | None:
    return next((step for step in plan.steps if step.what == what), None)


def with_kidneys(value: float, measure: str = "eGFR") -> Story:
    return started(300).fact(Measured(day(NOW - 1), measure, value))


@pytest.mark.requirement("WDL-08")
@pytest.mark.parametrize(
    ("value", "doses"),
    [
        (91, "10 to 20 mg"),
        (90, "5 to 10 mg"),
        (60, "5 to 10 mg"),
        (59, "5 to 10 mg"),
        (30, "5 to 10 mg"),
        (29, None),
    ],
)
def test_baclofen_by_mouth_follows_the_kidneys(value: float, doses: str | None) -> None:
    plan = plan_of(with_kidneys(value))
    found = step(plan, "Baclofen by mouth or tube")
    if doses is None:
        assert found is None
    else:
        assert found is not None
        assert found.detail.startswith(f"{doses} every 6 h")
    blocks = [finding.rule for finding in plan.findings if finding.severity == "block"]
    assert blocks == ([] if doses else ["ORL-05"])


@pytest.mark.requirement("WDL-08")
@pytest.mark.parametrize("condition", ["dialysis", "renal failure"])
def test_without_baclofen_by_mouth_the_alternatives_stay(condition: str) -> None:
    """Refused is one drug, never the plan."""
    plan = plan_of(started(300).fact(Noticed(day(1), condition)))
    instead = step(plan, "No baclofen by mouth or tube")
    assert instead is not None
    assert "definitive cover" in instead.detail
    assert step(plan, "Baclofen by mouth or tube") is None
    for what in ("Diazepam", "Cyproheptadine", "Intensive care option", "Definitive cover", "Restore the therapy"):
        assert step(plan, what) is not None


@pytest.mark.requirement("WDL-08")
def test_the_published_doses() -> None:
    plan = plan_of(with_kidneys(100))
    details = {one.what: one.detail for one in plan.steps}
    assert details["Diazepam"].startswith("5 to 10 mg every 6 to 12 h")
    assert details["Cyproheptadine"].startswith("4 to 8 mg every 6 to 8 h")
    assert "propofol" in details["Intensive care option"]
    assert "lumbar puncture, or a temporary intrathecal catheter" in details["Definitive cover"]
    assert "300 mcg in 24 h" in details["Restore the therapy"]
    assert plan.notes[0].startswith("Never rely on drugs by mouth alone")


@pytest.mark.requirement("WDL-08")
@pytest.mark.requirement("WDL-09")
def test_the_emergency_comes_first_and_reassessments_follow_to_the_third_day() -> None:
    plan = plan_of(with_kidneys(100))
    assert [one.rule for one in plan.steps[:2]] == ["WDL-02", "WDL-09"]
    assert [one.at for one in plan.steps] == sorted(one.at for one in plan.steps)
    looks = [(one.at.s - day(NOW).s) / 3600 for one in plan.steps if one.what == "Look again"]
    assert looks == [6, 12, 18, 24, 48, 72]
    assert "Taper the cover only after" in plan.steps[-1].detail


@pytest.mark.requirement("WDL-08")
def test_kidneys_that_nobody_has_measured_are_asked_for() -> None:
    plan = plan_of(started(300))
    assert [finding.rule for finding in plan.findings if finding.severity == "warn"] == ["ORL-05"]
    assert step(plan, "Baclofen by mouth or tube") is not None


@pytest.mark.requirement("WDL-08")
def test_a_child_gets_no_adult_dose() -> None:
    story = Story().person(born=date(2018, 1, 1)).implanted(0, Concentration(500)).filled(0).programmed(0, 100)
    plan = plan_of(story.fact(Measured(day(1), "body weight", 20), Measured(day(1), "eGFR", 100)))
    for what in ("Baclofen by mouth or tube", "Diazepam", "Cyproheptadine"):
        found = step(plan, what)
        assert found is not None
        assert "mg" not in found.detail
        assert "for 20 kg" in found.detail


@pytest.mark.requirement("WDL-08")
def test_what_stands_on_the_chart_is_counted() -> None:
    story = with_kidneys(100).fact(
        Noticed(day(1), "lumbar puncture contraindicated"),
        Prescribed(day(1), "morphine", "oral", 20, 2),
        Documented(day(NOW - 1), "cover order", by="Dr A"),
    )
    plan = plan_of(story)
    definitive = step(plan, "Definitive cover")
    assert definitive is not None
    assert "contraindicated here" in definitive.detail
    assert any("morphine" in note for note in plan.notes)
    assert plan.findings == ()
    assert [finding.severity for finding in plan_of(with_kidneys(100)).findings] == ["task"]


@pytest.mark.requirement("WDL-08")
def test_a_clinic_has_its_own_doses() -> None:
    clinic = Clinic().with_limit("WDL-08.baclofen to", 15)
    found = step(plan_of(with_kidneys(100), clinic), "Baclofen by mouth or tube")
    assert found is not None
    assert found.detail.startswith("10 to 15 mg every 6 h")
    less = clinic.with_limit("WDL-08.baclofen from", 5, Loosened("WDL-08.baclofen from", "our protocol", "Dr A"))
    found = step(plan_of(with_kidneys(45), less), "Baclofen by mouth or tube")
    assert found is not None
    assert found.detail.startswith("2.5 to 5 mg every 6 h")


@pytest.mark.requirement("WDL-08")
def test_nothing_to_cover_is_refused() -> None:
    refused = cover_plan(Look.at(Chart().after(*Story().person().facts), day(NOW)), day(NOW))
    assert isinstance(refused, Refusal)
    assert refused.rule == "WDL-08"
