"""The plan of the next refill: its dates in order of time, and the visit in the order of the procedure."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, started
from thecal.chart.clinical import Booked, Documented, Noticed
from thecal.errors import Refusal
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.refill_plan import refill_plan
from thecal.therapy.rules import all_rules
from thecal.timeline import DAY_S, Duration

ORDER = [
    "RPC-01", "RPC-02", "RPC-03", "RPC-04", "RPC-05", "RPC-06", "RPC-07", "RPC-16", "RPC-15", "RPC-08", "RPC-09", "RPC-10",
    "RPC-11", "RPC-13",
]  # fmt: skip


def planned(look: Look, policy: RefillPolicy | None = None) -> Plan:
    plan = refill_plan(look, policy)
    assert isinstance(plan, Plan), plan
    return plan


def dates(plan: Plan) -> dict[str, float]:
    """Day by day, what is no step of the visit."""
    return {step.what: (step.at.s - day(0).s) / DAY_S for step in plan.steps if not step.rule.startswith("RPC")}


@pytest.mark.requirement("REF-10")
@pytest.mark.requirement("REF-04")
def test_the_dates_of_a_refill_in_order_of_time() -> None:
    """200 mcg a day: alarm on day 82 at the earliest, empty on day 87, refill by day 77."""
    plan = planned(started(200).look(1))
    assert list(dates(plan).items()) == [
        ("book by", 68),
        ("escalation: call", 68),
        ("escalation: second contact", 75),
        ("refill by", 77),
        ("escalation: clinician", 79),
        ("escalation: emergency refill", 81),
        ("escalation: alarm", 82),
        ("alarm date", 82),
        ("escalation: empty", 87),
        ("empty date", 87),
    ]
    assert [step.at for step in plan.steps] == sorted(step.at for step in plan.steps)
    assert all(step.rule in all_rules() for step in plan.steps)


@pytest.mark.requirement("RPC-01")
@pytest.mark.requirement("RPC-15")
@pytest.mark.requirement("RPC-16")
def test_the_visit_is_in_the_order_of_the_procedure_and_says_when_it_stops() -> None:
    """On the day of the appointment where that is in time, otherwise on the day to refill by."""
    for story, on in (
        (started(200), 77),
        (started(200).fact(Booked(day(1), "refill", day(70), "nurse")), 70),
        (started(200).fact(Booked(day(1), "refill", day(80), "nurse")), 77),
    ):
        visit = [step for step in planned(story.look(2)).steps if step.rule.startswith("RPC")]
        assert [step.rule for step in visit] == ORDER
        assert {step.at for step in visit} == {day(on)}
        assert all(step.detail for step in visit)


@pytest.mark.requirement("REF-04")
def test_an_overdue_visit_is_today() -> None:
    assert {step.at for step in planned(started(200).look(80)).steps if step.rule.startswith("RPC")} == {day(80)}


@pytest.mark.requirement("RPC-12")
@pytest.mark.requirement("RPC-14")
def test_a_visit_at_home_and_an_observation_have_their_steps() -> None:
    story = started(200).fact(Booked(day(1), "home refill", day(70), "nurse"))
    clinic = Clinic().with_switch("RPC-12", on=True)
    rules = [step.rule for step in planned(story.look(2, clinic=clinic)).steps if step.rule.startswith("RPC")]
    assert rules == ["RPC-14", *ORDER[:-1], "RPC-12", "RPC-13"]


@pytest.mark.requirement("REF-04")
def test_a_slow_pump_is_booked_before_its_drug_is_old() -> None:
    """Due on day 175 by stability, with the alarm only on day 184."""
    shown = dates(planned(started(90).look(1)))
    assert (shown["book by"], shown["refill by"], shown["alarm date"]) == (170, 175, 184)
    shown = dates(planned(started(60).look(1)))
    assert (shown["book by"], shown["refill by"]) == (175, 175)


@pytest.mark.requirement("SAF-08")
def test_what_stands_against_it_comes_with_it() -> None:
    plan = planned(started(200).look(1))
    assert {"SAF-08", "REF-12"} <= {finding.rule for finding in plan.findings}
    done = started(200).fact(Booked(day(1), "refill", day(70), "nurse"), Documented(day(1), "reachable contact"))
    assert "SAF-08" not in {finding.rule for finding in planned(done.look(2)).findings}


@pytest.mark.requirement("REF-09")
def test_the_notes_show_every_bound_and_a_strength() -> None:
    notes = planned(started(24).look(1)).notes
    assert any(note.startswith("stability (REF-04)") for note in notes)
    assert any("Consider a lower strength" in note for note in notes)
    assert any("excludes no leak" in note for note in notes)


@pytest.mark.requirement("REF-06")
def test_a_policy_and_a_risk_move_the_whole_plan() -> None:
    policy = RefillPolicy(Duration(60 * DAY_S), Duration(3 * DAY_S))
    assert dates(planned(started(200).look(1), policy))["refill by"] == 57
    risky = started(200).fact(Noticed(day(1), "transport risk"))
    assert dates(planned(risky.look(2), policy))["refill by"] == 50


@pytest.mark.requirement("REF-04")
def test_what_has_no_date_is_refused() -> None:
    nothing = refill_plan(Story().person().look(0))
    assert isinstance(nothing, Refusal)
    assert nothing.rule == "REF-04"
    assert isinstance(refill_plan(replace(started(200).look(1), sheet=None)), Refusal)
    short = refill_plan(started(200).look(1), RefillPolicy(Duration(3 * DAY_S), Duration(5 * DAY_S)))
    assert isinstance(short, Refusal)
    assert "buffer" in short.advice
