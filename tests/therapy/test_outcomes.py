"""Scores over time: what is mixed is flagged, what is due is asked for, and a trend holds what can be read."""

from itertools import permutations

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Booked, Closed, Scored, SymptomReported, Visited
from thecal.chart.facts import Explanted
from thecal.chart.vocabulary import words
from thecal.errors import InputError
from thecal.therapy.clinic import Clinic
from thecal.therapy.outcomes import BASELINE, trend
from thecal.timeline import DAY_S

MONTH = 365.25 / 12
SET = {
    "spasm": ("penn-frequency", "3"),
    "stiffness": ("ashworth-1-5", "4"),
    "pain": ("pain-nrs", "6"),
    "sleep": ("sleep-nrs", "5"),
    "function": ("timed-25-foot-walk", "12.5"),
    "goals": ("goal-attainment", "-1"),
}


def scored(on: float, *domains: str) -> list[Scored]:
    return [Scored(day(on), *SET[domain]) for domain in (domains or SET)]


def implanted() -> Story:
    """A pump since day 0, with nothing scored yet; the test lies before it."""
    return Story().person().tested(-14).implanted()


@pytest.mark.requirement("SAF-09")
@pytest.mark.parametrize(
    ("scales", "severity"),
    [
        ([("ashworth-1-5", "4"), ("ashworth-1-5", "3")], []),
        ([("ashworth-1-5", "4"), ("ashworth-0-4", "3")], ["warn"]),
        ([("ashworth-1-5", "4"), ("modified-ashworth", "1+"), ("ashworth-0-4", "3")], ["warn"]),
        ([("penn-frequency", "3"), ("penn-severity", "2")], []),
    ],
)
def test_variants_on_one_chart_are_flagged(scales: list[tuple[str, str]], severity: list[str]) -> None:
    """In whatever order the scores of one instant stand."""
    facts = [Scored(day(1), *each) for each in scales]
    for order in permutations(facts):
        assert severities(Story().person().fact(*order).look(2), "SAF-09") == severity


@pytest.mark.requirement("SAF-09")
def test_an_examination_is_on_the_scale_from_one_to_five() -> None:
    story = Story().person().assessed(1, 3)
    assert severities(story.look(2), "SAF-09") == []
    story.fact(Scored(day(1), "ashworth-1-5", "3"))
    assert severities(story.look(2), "SAF-09") == []
    story.fact(Scored(day(1), "modified-ashworth", "2"))
    assert severities(story.look(2), "SAF-09") == ["warn"]


@pytest.mark.requirement("SAF-09")
@pytest.mark.parametrize(
    ("scale", "text", "part"), [("ashworth", "3", None), ("modified-ashworth", "1.5", None), ("msss-88", "37", "pain")]
)
def test_a_score_without_variant_or_off_its_scale_is_flagged_and_left_out(scale: str, text: str, part: str | None) -> None:
    story = Story().person().fact(Scored(day(1), scale, text, part))
    (finding,) = found(story.look(2), "SAF-09", "outcomes")
    assert finding.severity == "warn"
    assert repr(text) in finding.asked
    if scale == "ashworth":
        with pytest.raises(InputError):
            trend(story.look(2), scale)
    else:
        assert trend(story.look(2), scale) == ()
    fine = Story().person().fact(Scored(day(1), "msss-88", "36", "pain"))
    assert severities(fine.look(2), "SAF-09") == []


@pytest.mark.requirement("SAF-09")
@pytest.mark.parametrize(
    ("scale", "raters", "severity"),
    [
        ("ashworth-0-4", ("PT A", "PT A"), []),
        ("ashworth-0-4", ("PT A", None), []),
        ("ashworth-0-4", ("PT A", "PT B"), ["warn"]),
        ("pain-nrs", ("nurse", "PT B"), []),
    ],
)
def test_several_raters_are_flagged_where_an_examiner_rates(
    scale: str, raters: tuple[str | None, ...], severity: list[str]
) -> None:
    """What the person says of themselves has no rater."""
    facts = [Scored(day(number), scale, "3", rater=rater) for number, rater in enumerate(raters)]
    assert severities(Story().person().fact(*facts).look(5), "SAF-09") == severity


def test_a_trend_is_in_order_of_time_and_of_one_part_where_one_is_named() -> None:
    facts = [
        Scored(day(3), "ashworth-0-4", "2", "left knee"),
        Scored(day(1), "ashworth-0-4", "4", "left knee"),
        Scored(day(1), "ashworth-0-4", "3", "right knee"),
    ]
    look = Story().person().fact(*facts).look(5)
    assert [(at, score.text) for at, score in trend(look, "ashworth-0-4", "left knee")] == [(day(1), "4"), (day(3), "2")]
    assert len(trend(look, "ashworth-0-4")) == 3
    assert trend(look, "pain-nrs") == ()


@pytest.mark.requirement("PRO-01")
def test_every_domain_is_asked_about_at_a_visit() -> None:
    """Scored, answered or reported on that day, whichever; what is missing is named, and due by the end of the day."""
    story = Story().person().fact(Visited(day(10), "follow-up"))
    (finding,) = found(story.look(10.1), "PRO-01")
    assert finding.severity == "task"
    assert finding.due is not None
    assert day(10) < finding.due <= day(11)
    assert all(domain in finding.asked for domain in words("checklists")["reported"].items)
    story.fact(*scored(10), SymptomReported(day(10), "drowsiness", 0))
    (left,) = found(story.look(10.1), "PRO-01")
    assert left.asked.endswith("nothing was noted of mood")
    story.fact(Answered(day(10), "reported", "mood", True))
    assert severities(story.look(10.1), "PRO-01") == []
    story.fact(Visited(day(40), "refill"))
    assert severities(story.look(40.1), "PRO-01") == ["task"]


@pytest.mark.requirement("PRO-01")
def test_an_operation_or_a_scan_is_no_visit_at_which_one_asks() -> None:
    story = Story().person().fact(Visited(day(1), "implant"), Visited(day(2), "MRI"))
    assert severities(story.look(3), "PRO-01") == []


@pytest.mark.requirement("PRO-01")
def test_the_set_is_scored_before_the_test_and_after_it() -> None:
    """Asked for with a date while the test is ahead; afterwards what is missing of it is named, and the hours after it."""
    story = Story().person().fact(Booked(day(0), "screening test", day(10)))
    (ahead,) = found(story.look(1), "PRO-01")
    assert (ahead.severity, ahead.due) == ("advise", day(10))
    assert all(domain in ahead.asked for domain in BASELINE)
    story.fact(*scored(2))
    assert severities(story.look(3), "PRO-01") == []
    story.tested(10)
    (after,) = found(story.look(10.1), "PRO-01")
    assert (after.severity, after.due) == ("task", day(10))
    story.fact(Scored(day(10.1), "penn-frequency", "1"))
    assert severities(story.look(10.2), "PRO-01") == []
    late = Story().person().tested(10).fact(*scored(10.1))
    assert severities(late.look(10.2), "PRO-01") == ["advise"]
    assert severities(late.fact(Closed(day(11), "no response")).look(11), "PRO-01") == []


@pytest.mark.requirement("PRO-01")
@pytest.mark.parametrize(("months", "early"), [(1, 14), (3, 14), (6, 14), (12, 14), (24, 14), (36, 14)])
def test_the_set_is_due_at_months_after_the_implant(months: int, early: int) -> None:
    """Asked for from two weeks ahead until it is scored; a score from before that does not count."""
    due = (implanted().look(0).later(day(0), months=months).s - day(0).s) / DAY_S
    story = implanted().fact(*scored(due - early - 0.1))
    before = found(story.look(due - early - 0.05), "PRO-01")
    assert not [finding for finding in before if finding.due == day(due)]
    (asked,) = found(story.look(due - early + 0.01), "PRO-01")
    assert asked.severity == "task"
    assert asked.due is not None
    assert abs(asked.due.s - day(due).s) <= 1
    assert f"{months} month{'s' if months > 1 else ''} after" in asked.asked
    (overdue,) = found(story.look(due + 5), "PRO-01")
    assert overdue.due == asked.due
    assert severities(story.fact(*scored(due - early + 0.02)).look(due + 5), "PRO-01") == []


@pytest.mark.requirement("PRO-01")
def test_without_a_pump_no_assessment_is_due() -> None:
    assert severities(Story().person().look(400), "PRO-01") == []
    story = started(100)
    assert severities(story.look(40), "PRO-01") == ["task"]
    assert severities(story.fact(Explanted(day(39))).look(40), "PRO-01") == []


@pytest.mark.requirement("PRO-01")
def test_a_clinic_has_a_cadence_of_its_own() -> None:
    story = implanted().fact(*scored(30))
    assert severities(story.look(2 * MONTH), "PRO-01") == []
    assert severities(story.look(2 * MONTH, clinic=Clinic().with_limit("PRO-01.second", 2)), "PRO-01") == ["task"]
    rarely = Clinic().with_limit("PRO-01.yearly", 48)
    assert severities(story.fact(*scored(180)).look(13 * MONTH, clinic=rarely), "PRO-01") == []
