"""Refills: what is due, booked, late, too often or too slow; both sides of every limit.

200 mcg a day of 500 mcg/mL are due on day 77, the alarm on day 82 at the label's upper bound, the pump empty on day 87.
"""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from tests.courses import ml
from thecal.chart.chart import Chart
from thecal.chart.clinical import Booked, ClinicalFact, Documented, Measured, Noticed
from thecal.chart.facts import Filled, Interrogated, SessionEnded, SessionUncertain
from thecal.chart.order import OrderContinuous, OrderMinimumRate
from thecal.pump.messages import Report
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, DailyDose
from thecal.therapy.clinic import Clinic
from thecal.therapy.escalation import escalation
from thecal.therapy.look import Look
from thecal.therapy.refilling import refills_at_dose


def reachable(mcg: float = 200) -> Story:
    """A pump that runs, and somebody who can be called."""
    return started(mcg).fact(Documented(day(0), "reachable contact"))


def booked(story: Story, on: float, at: float = 1, who: str | None = "nurse", visit: str = "refill") -> Story:
    return story.fact(Booked(day(at), visit, day(on), who))


def with_report(story: Story, on: float, **changes: object) -> Story:
    """The pump was read on a day, and said this besides what it had said before."""
    last = story.chart.session
    assert last is not None
    report: Report = replace(last.report, at=day(on), **changes)  # type: ignore[arg-type]
    return story.fact(Interrogated(day(on), report))


@pytest.mark.requirement("SAF-08")
def test_one_appointment_on_or_before_the_day_to_refill_by() -> None:
    assert severities(reachable().look(2), "SAF-08") == ["warn"]
    assert found(reachable().look(2), "SAF-08")[0].due == day(77)
    assert severities(booked(reachable(), 77).look(2), "SAF-08") == []
    assert severities(booked(reachable(), 77.5).look(2), "SAF-08") == []  # later the same day
    assert severities(booked(reachable(), 78).look(2), "SAF-08") == ["warn"]
    assert severities(booked(reachable(), 70, visit="home refill").look(2), "SAF-08") == []
    assert severities(booked(reachable(), 70, visit="follow-up").look(2), "SAF-08") == ["warn"]
    assert severities(booked(booked(reachable(), 70), 75).look(2), "SAF-08") == ["warn"]
    assert severities(booked(booked(reachable(), 70), 70, at=2).look(3), "SAF-08") == []  # one, told twice


@pytest.mark.requirement("SAF-08")
def test_an_appointment_that_was_taken_back_or_missed_is_none() -> None:
    story = booked(reachable(), 70)
    assert severities(story.look(70.3), "SAF-08") == []  # until the end of the day
    assert severities(story.look(71), "SAF-08") == ["warn"]
    story.fact(Booked(day(3), "refill", day(70), cancelled=True))
    assert severities(story.look(2), "SAF-08") == []
    assert severities(story.look(4), "SAF-08") == ["warn"]


@pytest.mark.requirement("SAF-08")
def test_the_appointment_of_a_fill_is_not_the_next_one() -> None:
    """Who comes an hour early has no appointment left."""
    story = booked(reachable(), 60.1).filled(60).programmed(60, 200)
    assert severities(story.look(60.05), "SAF-08") == ["warn"]
    assert severities(booked(story, 120, at=60).look(60.05), "SAF-08") == []


@pytest.mark.requirement("SAF-08")
def test_an_owner_and_a_contact() -> None:
    assert severities(booked(reachable(), 70, who=None).look(2), "SAF-08") == ["task"]
    assert severities(booked(started(200), 70).look(2), "SAF-08") == ["task"]


@pytest.mark.requirement("SAF-08")
def test_a_refill_elsewhere_counts_until_its_proof_is_overdue() -> None:
    """Confirmed for day 70, proof due on day 72; a fill on the chart is the proof."""

    def elsewhere(on: float, by: str | None = "Clinic B") -> Story:
        return reachable().fact(Documented(day(1), "refill elsewhere", day(on), by))

    assert severities(elsewhere(70).look(2), "SAF-08") == []
    assert severities(elsewhere(70).look(72), "SAF-08") == []
    late = found(elsewhere(70).look(72.01), "SAF-08")
    assert [finding.severity for finding in late] == ["warn", "warn"]
    assert any("nothing came back" in finding.asked and finding.due == day(72) for finding in late)
    assert severities(elsewhere(70).look(71.5, clinic=Clinic().with_limit("SAF-08.proof", 1)), "SAF-08") == ["warn", "warn"]
    assert severities(elsewhere(78).look(2), "SAF-08") == ["warn"]
    assert severities(elsewhere(70, by=None).look(2), "SAF-08") == ["task"]
    filled = booked(elsewhere(70).filled(70).programmed(70, 200), 130, at=70)
    assert severities(filled.look(80), "SAF-08") == []


@pytest.mark.requirement("SAF-08")
def test_no_pump_and_no_fill_need_no_appointment() -> None:
    assert severities(Story().person().look(0), "SAF-08") == []
    assert severities(Story().person().implanted().look(1), "SAF-08") == []


@pytest.mark.requirement("REF-01")
@pytest.mark.parametrize(("threshold", "severity"), [(39.9, []), (40, ["warn"])])
def test_a_fill_that_begins_below_its_own_alarm(threshold: float, severity: list[str]) -> None:
    story = started(200)
    first = story.facts.pop()
    assert isinstance(first, SessionEnded)
    story.fact(replace(first, report=replace(first.report, low_reservoir=ml(threshold))))
    assert severities(story.look(1), "REF-01") == severity


@pytest.mark.requirement("REF-02")
@pytest.mark.parametrize(("threshold", "severity"), [(2.8, []), (2.799, ["warn"])])
def test_the_threshold_warns_a_week_before(threshold: float, severity: list[str]) -> None:
    """Seven days at 0.4 mL are 2.8 mL."""
    story = with_report(started(200), 0.5, low_reservoir=ml(threshold))
    assert severities(story.look(1), "REF-02") == severity


@pytest.mark.requirement("REF-02")
def test_the_threshold_is_never_below_the_makers_or_the_patients_own() -> None:
    slow = started(100)  # 1.4 mL in a week
    assert severities(slow.look(1), "REF-02") == []
    assert severities(with_report(started(100), 0.5, low_reservoir=ml(1.99)).look(1), "REF-02") == ["warn"]
    assert severities(slow.look(1, clinic=Clinic().with_limit("REF-02.least", 3)), "REF-02") == ["warn"]
    assert severities(slow.look(1, clinic=Clinic().with_limit("REF-02.warning", 14)), "REF-02") == ["warn"]
    assert severities(started(100).fact(Measured(day(0), "own low reservoir threshold", 2)).look(1), "REF-02") == []
    assert severities(started(100).fact(Measured(day(0), "own low reservoir threshold", 2.1)).look(1), "REF-02") == ["warn"]


@pytest.mark.requirement("REF-03")
@pytest.mark.parametrize(("threshold", "severity"), [(4, []), (3.99, ["warn"])])
def test_after_a_withdrawal_the_threshold_is_higher(threshold: float, severity: list[str]) -> None:
    story = with_report(started(100), 0.5, low_reservoir=ml(threshold))
    assert severities(story.look(1), "REF-03") == []
    assert severities(story.fact(Noticed(day(0.6), "previous withdrawal")).look(1), "REF-03") == severity


@pytest.mark.requirement("REF-04")
@pytest.mark.parametrize(("mcg", "last", "why"), [(200, 77, "alarm"), (90, 175, "stability")])
def test_a_day_to_refill_by_that_has_passed(mcg: float, last: float, why: str) -> None:
    assert severities(reachable(mcg).look(last + 0.3), "REF-04") == []
    late = found(reachable(mcg).look(last + 1), "REF-04")
    assert [finding.severity for finding in late] == ["warn"]
    assert late[0].due == day(last)
    assert why in late[0].asked
    assert severities(reachable(mcg).filled(last + 0.5).programmed(last + 0.5, mcg).look(last + 1), "REF-04") == []


@pytest.mark.requirement("REF-04")
def test_a_clinic_may_trust_a_drug_for_shorter() -> None:
    assert severities(reachable(90).look(60), "REF-04") == []
    assert severities(reachable(90).look(60, clinic=Clinic().with_limit("REF-04.stability", 60)), "REF-04") == ["warn"]


@pytest.mark.requirement("REF-05")
@pytest.mark.parametrize(("on", "severity"), [(27.9, ["warn"]), (28, []), (183, []), (183.1, ["warn"])])
def test_an_interval_from_one_month_to_six(on: float, severity: list[str]) -> None:
    assert severities(booked(reachable(60), on).look(1), "REF-05") == severity


@pytest.mark.requirement("REF-05")
def test_an_interval_that_nobody_booked_is_the_one_that_is_due_or_has_passed() -> None:
    """600 mcg a day are 1.2 mL: due after 22 days."""
    assert severities(reachable(600).look(1), "REF-05") == ["warn"]
    assert severities(reachable(60).look(183), "REF-05") == []
    assert severities(reachable(60).look(183.1), "REF-05") == ["warn"]


@pytest.mark.requirement("REF-06")
def test_an_appointment_inside_the_buffer_is_too_late() -> None:
    """The alarm bound is day 82: five days before it are enough, and twelve where the way may fail."""
    assert severities(booked(reachable(), 77).look(2), "SAF-08") == []
    late = found(booked(reachable(), 78).look(2), "SAF-08")
    assert [finding.allowed for finding in late] == ["on or before 2026-03-23, 5 days before the alarm bound"]
    assert severities(booked(reachable(), 77).look(2, clinic=Clinic().with_limit("REF-06.buffer", 6)), "SAF-08") == ["warn"]
    risky = Noticed(day(1), "transport risk")
    assert severities(booked(reachable(), 70).fact(risky).look(2), "SAF-08") == []
    assert severities(booked(reachable(), 71).fact(risky).look(2), "SAF-08") == ["warn"]
    longer = Clinic().with_limit("REF-06.risk", 8)
    assert severities(booked(reachable(), 70).fact(risky).look(2, clinic=longer), "SAF-08") == ["warn"]


@pytest.mark.requirement("REF-06")
def test_a_journey_is_written_down_and_comes_after_a_refill() -> None:
    story = booked(reachable(), 70).fact(Noticed(day(1), "travel planned"))
    assert severities(story.look(2), "REF-06") == ["task"]
    story.fact(Booked(day(2), "travel", day(60)))
    journey = found(story.look(3), "REF-06")
    assert [finding.severity for finding in journey] == ["task"]
    assert journey[0].due == day(55)
    assert severities(booked(reachable(), 55).fact(Booked(day(2), "travel", day(60))).look(3), "REF-06") == []


@pytest.mark.requirement("REF-07")
def test_an_appointment_that_a_new_dose_has_left_behind() -> None:
    """In time at 200 mcg a day; at 300 from day 10 on the refill is due before it."""
    story = booked(reachable(), 75)
    assert severities(story.look(20), "REF-07") == []
    story.programmed(10, 300)
    moved = found(story.look(20), "REF-07")
    assert [finding.severity for finding in moved] == ["warn"]
    assert moved[0].due is not None
    assert moved[0].due < day(75)
    assert severities(booked(reachable(), 50).programmed(10, 300).look(20), "REF-07") == []  # still in time


@pytest.mark.requirement("REF-07")
def test_an_appointment_that_is_late_without_news_of_the_pump_has_not_moved() -> None:
    """That it is late is another rule's; what was booked before the fill was typed in, or before a reading, has to move."""
    story = booked(reachable(), 80)
    assert severities(story.look(20), "REF-07") == []
    assert severities(story.look(20), "SAF-08") == ["warn"]
    assert severities(booked(reachable(), 80, at=-1).look(20), "REF-07") == ["warn"]
    assert severities(with_report(booked(reachable(), 80), 10, calculated=ml(30)).look(20), "REF-07") == ["warn"]


@pytest.mark.requirement("REF-08")
def test_a_pump_or_a_person_that_gives_no_alarm() -> None:
    assert severities(reachable().look(1), "REF-08") == []
    assert severities(with_report(reachable(), 0.5, calculated=None).look(1), "REF-08") == ["warn"]
    for condition in ("hearing loss", "deep pump"):
        assert severities(reachable().fact(Noticed(day(0), condition)).look(1), "REF-08") == ["advise"]
    chart = Chart().after(Filled(day(0), ml(20), Concentration(500)))
    assert severities(Look.at(chart, day(1), sheet=pump_sheet("isomed-8472-20-10")), "REF-08") == ["warn"]


def refilled(mcg: float, times: int, every: float = 20) -> Story:
    story = reachable(mcg)
    for number in range(1, times + 1):
        story.filled(every * number).programmed(every * number, mcg)
    return story


@pytest.mark.requirement("REF-09")
def test_a_stable_dose_that_needs_refills_too_often_asks_for_a_higher_strength() -> None:
    """600 mcg a day are due after 22 days; 495 after 28, 470 after 30."""
    assert refills_at_dose(refilled(600, 2).look(41)) == 2
    assert severities(refilled(600, 1).look(21), "REF-09") == []
    assert severities(refilled(600, 2).look(41), "REF-09") == ["advise"]
    assert severities(refilled(495, 2).look(41), "REF-09") == ["advise"]
    assert severities(refilled(470, 2).look(41), "REF-09") == []
    assert severities(refilled(470, 2).look(41, clinic=Clinic().with_limit("REF-09.interval", 40)), "REF-09") == ["advise"]
    assert severities(refilled(600, 1).look(21, clinic=Clinic().with_limit("REF-09.stable", 1)), "REF-09") == ["advise"]
    assert severities(refilled(600, 2).programmed(41, 620).look(42), "REF-09") == []  # another dose is not yet stable


@pytest.mark.requirement("REF-09")
def test_the_slowest_flow_asks_for_a_lower_strength() -> None:
    """0.048 mL a day of 500 mcg/mL are 24 mcg."""
    assert severities(reachable(24).look(1), "REF-09") == ["advise"]
    assert "lower" in found(reachable(24).look(1), "REF-09")[0].next
    assert severities(reachable(26).look(1), "REF-09") == []
    assert severities(reachable(100).programmed(1, OrderMinimumRate()).look(2), "REF-09") == []


RUNGS = [(14, 1), (7, 2), (3, 3), (1, 4), (0, 5)]


@pytest.mark.requirement("REF-10")
@pytest.mark.parametrize(("before", "reached"), RUNGS)
def test_the_ladder_of_an_unbooked_refill(before: int, reached: int) -> None:
    """The alarm date is day 82: every rung from its day on, and none of them closes by itself."""
    story = reachable()
    assert len(escalation(story.look(82 - before - 0.001))) == reached - 1
    steps = found(story.look(82 - before), "REF-10")
    assert [finding.severity for finding in steps] == ["task"] * reached
    assert max(finding.due for finding in steps if finding.due) == day(82 - before)
    assert not any(finding.overridden for finding in steps)


@pytest.mark.requirement("REF-10")
def test_a_pump_that_may_be_empty_is_an_emergency() -> None:
    assert severities(reachable().look(86.99), "REF-10") == ["task"] * 5
    assert severities(reachable().look(87), "REF-10") == ["emergency", *["task"] * 5]
    sooner = Clinic().with_limit("REF-10.empty", 2)
    assert severities(reachable().look(85, clinic=sooner), "REF-10")[0] == "emergency"


@pytest.mark.requirement("REF-10")
def test_only_a_refill_that_is_booked_in_time_or_done_ends_the_ladder() -> None:
    assert severities(booked(reachable(), 77).look(76), "REF-10") == []
    assert severities(booked(reachable(), 78).look(76), "REF-10") == ["task"] * 2
    assert severities(booked(reachable(), 77).look(79), "REF-10") == ["task"] * 3  # it was missed
    assert severities(reachable().filled(80).programmed(80, 200).look(81), "REF-10") == []
    elsewhere = reachable().fact(Documented(day(1), "refill elsewhere", day(76), "Clinic B"))
    assert severities(elsewhere.look(77), "REF-10") == []
    assert severities(elsewhere.look(79), "REF-10") == ["task"] * 3


@pytest.mark.requirement("REF-11")
def test_the_drug_of_the_next_refill_is_there_and_keeps() -> None:
    def with_drug(at: float, until: float | None) -> list[str]:
        story = booked(reachable(), 70)
        return severities(story.fact(Documented(day(at), "refill drug", day(until) if until else None)).look(2), "REF-11")

    assert severities(reachable().look(2), "REF-11") == []
    assert severities(booked(reachable(), 70).look(2), "REF-11") == ["task"]
    assert with_drug(-1, 400) == ["task"]  # that was for the fill of before
    assert with_drug(1, 70) == []
    assert with_drug(1, None) == []
    assert with_drug(1, 69.9) == ["warn"]


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(("threshold", "severity"), [(5.07, []), (5.06, ["warn"])])
def test_a_pump_that_may_be_empty_before_its_own_alarm(threshold: float, severity: list[str]) -> None:
    """At +14.5 % 40 mL are gone when the pump has counted 34.934."""
    story = with_report(reachable(), 0.5, low_reservoir=ml(threshold))
    assert severities(story.look(1), "REF-12") == severity


@pytest.mark.requirement("REF-12")
def test_a_gain_that_was_measured_ends_the_doubt() -> None:
    story = reachable()
    for number in range(1, 6):
        story.filled(60 * number).programmed(60 * number, 200)
    assert severities(story.look(1), "REF-12") == ["warn"]
    assert severities(story.look(301), "REF-12") == []


@pytest.mark.requirement("REF-13")
def test_dates_that_rest_on_what_was_before() -> None:
    assert severities(reachable().look(1), "REF-13") == []
    assert severities(reachable().filled(60).look(60.1), "REF-13") == ["task"]
    assert severities(reachable().filled(60).programmed(60, 200).look(60.1), "REF-13") == []
    lost = reachable().fact(SessionUncertain(day(5), OrderContinuous(DailyDose(3 * 10**8)), "no answer"))
    assert severities(lost.look(6), "REF-13") == ["emergency"]  # a pump that stops for an update may stand still
    assert severities(with_report(lost, 5.5).look(6), "REF-13") == []


def test_what_is_found_does_not_depend_on_the_order_of_one_instant() -> None:
    """Clinical facts of one instant, forwards and backwards."""
    told: list[ClinicalFact] = [
        Booked(day(1), "refill", day(70), "nurse"),
        Booked(day(1), "refill", day(75), "nurse"),
        Booked(day(1), "refill", day(75), None, cancelled=True),
        Booked(day(1), "travel", day(60)),
        Noticed(day(1), "transport risk"),
        Documented(day(1), "refill drug", day(65)),
    ]
    forwards, backwards = reachable(600).fact(*told).look(2), reachable(600).fact(*reversed(told)).look(2)
    ids = ("SAF-08", "REF-04", "REF-05", "REF-06", "REF-07", "REF-10", "REF-11")
    assert [found(forwards, rule) for rule in ids] == [found(backwards, rule) for rule in ids]
