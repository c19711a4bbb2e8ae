"""Side effects and lost function: both sides of each limit, and what counts as new."""

from itertools import permutations

import pytest

from tests.charts import Story, day, found, mcg_a_day, severities, started
from thecal.chart.clinical import Overrode, Scored, SymptomReported
from thecal.chart.facts import Explanted
from thecal.chart.order import OrderBolus, OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.quantity import Amount
from thecal.therapy.clinic import Clinic
from thecal.timeline import Duration


def reported(on: float, symptom: str, grade: int) -> SymptomReported:
    return SymptomReported(day(on), symptom, grade)


def walked(on: float, score: str) -> Scored:
    return Scored(day(on), "timed-25-foot-walk", score)


def raised() -> Story:
    """100 mcg/day on day 0, 120 on day 7."""
    return started(100).programmed(7, 120)


@pytest.mark.requirement("AE-01")
@pytest.mark.parametrize(("grade", "with_rise", "without"), [(1, [], []), (2, ["block"], ["warn"]), (3, ["block"], ["warn"])])
def test_no_rise_with_a_new_side_effect_that_nobody_reviewed(grade: int, with_rise: list[str], without: list[str]) -> None:
    story = raised().fact(reported(9, "drowsiness", grade))
    assert severities(story.look(10, 130), "AE-01") == with_rise
    for order in (None, 120, 110):
        assert severities(story.look(10, order), "AE-01") == without


@pytest.mark.requirement("AE-01")
def test_what_was_there_before_the_last_change_is_not_new_and_what_got_worse_is() -> None:
    """What is reported at the visit of the change was there before it."""
    assert severities(raised().fact(reported(6, "nausea", 2)).look(10, 130), "AE-01") == []
    assert severities(raised().fact(reported(7, "nausea", 2)).look(10, 130), "AE-01") == []
    assert severities(raised().fact(reported(6, "nausea", 2), reported(9, "nausea", 2)).look(10, 130), "AE-01") == []
    worse = raised().fact(reported(6, "nausea", 2), reported(9, "nausea", 3))
    assert "grade 2 before" in found(worse.look(10, 130), "AE-01")[0].asked
    back = raised().fact(reported(5, "nausea", 2), reported(6, "nausea", 0), reported(9, "nausea", 2))
    assert severities(back.look(10, 130), "AE-01") == ["block"]


@pytest.mark.requirement("AE-01")
def test_what_went_away_or_is_no_side_effect_stops_nothing() -> None:
    gone = raised().fact(reported(8, "nausea", 3), reported(9, "nausea", 0))
    assert severities(gone.look(10, 130), "AE-01") == []
    assert severities(raised().fact(reported(9, "clothing rub", 3)).look(10, 130), "AE-01") == []
    assert severities(Story().person().fact(reported(-3, "nausea", 3)).look(0), "AE-01") == []
    assert severities(raised().fact(reported(9, "nausea", 3), Explanted(day(9.5))).look(10), "AE-01") == []


@pytest.mark.requirement("AE-01")
def test_each_side_effect_is_said_and_those_of_one_instant_in_whatever_order() -> None:
    facts = (reported(9, "nausea", 2), reported(9, "drowsiness", 3), reported(9, "drowsiness", 1))
    told = {tuple(finding.asked for finding in found(raised().fact(*order).look(10), "AE-01")) for order in permutations(facts)}
    assert len(told) == 1
    assert [text.split()[0:4] for text in next(iter(told))] == [
        ["drowsiness", "of", "grade", "3,"],
        ["nausea", "of", "grade", "2,"],
    ]


@pytest.mark.requirement("AE-01")
def test_a_single_bolus_is_a_rise_and_the_same_dose_is_none() -> None:
    story = raised().fact(reported(9, "confusion", 2))
    bolus = OrderSheet(bolus=OrderBolus(Amount(10 * 10**6), Duration(600)))
    assert severities(story.look(10, bolus), "AE-01") == ["block"]
    assert severities(story.look(10, OrderSheet(dosing=OrderContinuous(mcg_a_day(120)))), "AE-01") == ["warn"]


@pytest.mark.requirement("AE-01")
def test_who_may_order_reviews_and_goes_on() -> None:
    story = raised().fact(reported(9, "drowsiness", 2))
    for role, stops in (("nurse", True), ("physician", False)):
        look = story.fact(Overrode(day(9.5), "AE-01", "a new antihistamine, now stopped", "Dr A", role)).look(10, 130)
        assert found(look, "AE-01")[0].stops is stops


@pytest.mark.requirement("AE-01")
def test_a_clinic_may_stop_at_mild_ones() -> None:
    clinic = Clinic().with_limit("AE-01.grade", 1)
    assert severities(raised().fact(reported(9, "fatigue", 1)).look(10, 130, clinic), "AE-01") == ["block"]


@pytest.mark.requirement("AE-02")
@pytest.mark.parametrize(("after", "severity"), [("11.9", []), ("12", ["warn"]), ("12.0 s", ["warn"]), ("8", [])])
def test_a_slower_walk_after_a_rise_speaks_for_the_dose_before(after: str, severity: list[str]) -> None:
    story = raised().fact(walked(6, "10"), walked(9, after))
    assert severities(story.look(10), "AE-02") == severity
    assert all("100 mcg/day" in finding.next for finding in found(story.look(10), "AE-02"))


@pytest.mark.requirement("AE-02")
def test_a_walk_is_compared_across_the_last_rise() -> None:
    """The last one before and the last since; the mean of two at one instant; without one of them nothing is known."""
    assert severities(raised().fact(walked(9, "30")).look(10), "AE-02") == []
    assert severities(raised().fact(walked(6, "10"), walked(9, "could not")).look(10), "AE-02") == []
    assert severities(raised().fact(walked(1, "20"), walked(6, "10"), walked(8, "14"), walked(9, "11")).look(10), "AE-02") == []
    assert severities(raised().fact(walked(6, "9"), walked(6, "11"), walked(9, "11"), walked(9, "13")).look(10), "AE-02") == [
        "warn"
    ]
    assert severities(raised().fact(walked(6, "11"), walked(7, "10"), walked(9, "12")).look(10), "AE-02") == [
        "warn"
    ]  # at the visit


@pytest.mark.requirement("AE-02")
def test_function_that_is_lost_since_a_rise_speaks_for_the_dose_before() -> None:
    story = raised().fact(reported(9, "transfer loss", 2), reported(9.2, "new fall", 1))
    finding = found(story.look(10), "AE-02")[0]
    assert finding.severity == "warn"
    assert finding.asked == "new fall, transfer loss since the rise to 120 mcg/day"
    assert severities(raised().fact(reported(7, "new fall", 1)).look(10), "AE-02") == []
    assert severities(raised().fact(reported(9, "new fall", 1), reported(9.5, "new fall", 0)).look(10), "AE-02") == []


@pytest.mark.requirement("AE-02")
def test_only_a_rise_that_stands_can_be_taken_back() -> None:
    """Not the first dose, not a fall, not a rise that was taken back, and not one from a stopped pump."""
    assert severities(started(100).fact(reported(3, "new fall", 1)).look(4), "AE-02") == []
    assert severities(started(100).programmed(7, 90).fact(reported(9, "new fall", 1)).look(10), "AE-02") == []
    taken_back = raised().fact(walked(6, "10"), walked(8, "15"), reported(8, "new fall", 1)).programmed(9, 100)
    assert severities(taken_back.look(10), "AE-02") == []
    assert severities(raised().fact(reported(9, "new fall", 1), Explanted(day(9.5))).look(10), "AE-02") == []


@pytest.mark.requirement("AE-03")
def test_a_tolerable_side_effect_is_graded_again_after_one_to_two_weeks() -> None:
    story = raised().fact(reported(9, "dizziness", 2))
    assert severities(story.look(13.9), "AE-03") == []
    open_task = found(story.look(14), "AE-03")[0]
    assert (open_task.severity, open_task.due) == ("task", day(21))
    assert "overdue" not in found(story.look(21), "AE-03")[0].asked
    assert "overdue" in found(story.look(21.1), "AE-03")[0].asked


@pytest.mark.requirement("AE-03")
@pytest.mark.parametrize(("again", "severity"), [(13.9, ["task"]), (14, [])])
def test_what_was_graded_again_in_time_is_done(again: float, severity: list[str]) -> None:
    story = raised().fact(reported(9, "dizziness", 2), reported(again, "dizziness", 2))
    assert severities(story.look(16), "AE-03") == severity


@pytest.mark.requirement("AE-03")
@pytest.mark.parametrize(("grade", "severity"), [(0, []), (1, ["task"]), (2, ["task"]), (3, [])])
def test_tolerable_is_mild_or_moderate(grade: int, severity: list[str]) -> None:
    assert severities(raised().fact(reported(9, "headache", grade)).look(15), "AE-03") == severity


@pytest.mark.requirement("AE-03")
def test_what_was_reported_before_the_change_or_before_another_is_not_asked_for() -> None:
    assert severities(raised().fact(reported(7, "headache", 1)).look(15), "AE-03") == []
    assert severities(raised().fact(reported(9, "headache", 1)).programmed(13, 110).look(21), "AE-03") == []
    assert severities(raised().fact(reported(9, "headache", 1), Explanted(day(10))).look(18), "AE-03") == []
