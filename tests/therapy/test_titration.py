"""Titration: both sides of every limit."""

from dataclasses import replace
from datetime import date

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Overrode
from thecal.therapy.clinic import Clinic

SAFE = 30  # days after the start: drug is long at the tip


def stepped(*doses: float) -> Story:
    """A start at the first dose and a week between the others; drug reaches the tip within the first days."""
    story = started(doses[0])
    for number, dose in enumerate(doses[1:], 1):
        story.programmed(7 * number, dose)
    return story


@pytest.mark.requirement("TIT-01")
@pytest.mark.parametrize(
    ("lasted_h", "negative", "dose", "severity"),
    [
        (8, False, 100, []),
        (8, False, 101, ["warn"]),
        (8.1, False, 50, []),
        (8.1, False, 51, ["warn"]),
        (6, True, 50, []),
        (6, True, 51, ["warn"]),
        (None, False, 50, ["warn"]),
    ],
)
def test_a_first_dose_follows_the_test(lasted_h: float | None, negative: bool, dose: float, severity: list[str]) -> None:
    """Twice the dose that worked; the dose itself after a long effect or a bad reaction; a test without a duration is said."""
    story = Story().person().tested(-14, 50, lasted_h).implanted().filled()
    story.fact(Answered(day(-14), "test result", "negative reaction", negative))
    assert severities(story.look(0.1, dose), "TIT-01") == severity


@pytest.mark.requirement("TIT-02")
def test_no_rise_before_drug_was_a_day_at_the_tip() -> None:
    """The clock starts at the tip: a line of 0.3368 mL without drug takes a day and more at 0.2 mL/day."""
    story = Story().person().tested(-14).implanted().filled().programmed(0, 100)
    line_days = story.chart.implanted.dead_volume.nl / 200_000  # type: ignore[union-attr]
    for when, severity in ((0.5, ["block"]), (line_days + 0.99, ["block"]), (line_days + 1.01, [])):
        assert severities(story.look(when, 110), "TIT-02") == severity
    assert severities(story.look(0.5, 90), "TIT-02") == []  # less is no rise


@pytest.mark.requirement("TIT-03")
@pytest.mark.parametrize(("dose", "hours", "rules"), [(130, 24, 0), (131, 24, 1), (130, 23, 1), (131, 23, 2), (60, 1, 0)])
def test_spinal_origin_rises_by_thirty_percent_once_a_day(dose: float, hours: float, rules: int) -> None:
    story = stepped(95, 100)
    assert severities(story.look(7 + hours / 24, dose), "TIT-03") == ["block"] * rules
    assert not severities(story.look(7 + hours / 24, dose), "TIT-04")


@pytest.mark.requirement("TIT-04")
@pytest.mark.parametrize(("dose", "hours", "rules"), [(115, 24, 0), (116, 24, 1), (115, 23, 1)])
def test_cerebral_origin_rises_by_fifteen_percent_once_a_day(dose: float, hours: float, rules: int) -> None:
    story = stepped(95, 100)
    story.person("cerebral", "stroke")
    story.facts.insert(0, story.facts.pop())
    story.facts = [fact for fact in story.facts if getattr(fact, "origin", "cerebral") == "cerebral"]
    assert severities(story.look(7 + hours / 24, dose), "TIT-04") == ["block"] * rules


@pytest.mark.requirement("TIT-05")
@pytest.mark.parametrize(("dose", "hours", "rules"), [(115, 24, 0), (116, 24, 1), (115, 23, 1)])
def test_a_child_rises_by_fifteen_percent_once_a_day(dose: float, hours: float, rules: int) -> None:
    story = stepped(95, 100)
    described = next(fact for fact in story.facts if getattr(fact, "origin", None))
    eighteen = replace(described, born=date(2007, 1, 1))  # type: ignore[arg-type]
    story.facts = [fact if fact is not described else replace(described, born=date(2015, 1, 1)) for fact in story.facts]  # type: ignore[arg-type]
    look = story.look(7 + hours / 24, dose)
    assert look.age_years is not None
    assert look.age_years < 18
    assert severities(look, "TIT-05") == ["block"] * rules
    story.facts = [fact if getattr(fact, "origin", None) is None else eighteen for fact in story.facts]
    grown = story.look(7 + hours / 24, dose)
    assert not severities(grown, "TIT-05")


@pytest.mark.requirement("TIT-06")
@pytest.mark.parametrize(("before", "after", "severity"), [(199, 250, []), (200, 240, []), (200, 242, ["second_person"])])
def test_higher_doses_rise_by_a_fifth_or_are_entered_twice(before: float, after: float, severity: list[str]) -> None:
    assert severities(stepped(before * 0.95, before).look(14, after), "TIT-06") == severity


@pytest.mark.requirement("TIT-06")
def test_a_stable_dose_is_under_the_limits_of_maintenance() -> None:
    story = started(250).programmed(30, 250).programmed(60, 250)
    assert severities(story.look(70, 320), "TIT-06") == []


@pytest.mark.requirement("TIT-08")
def test_a_change_is_assessed_within_a_day() -> None:
    story = stepped(95, 100)
    assert severities(story.look(7.9), "TIT-08") == []
    late = found(story.look(8.1), "TIT-08")
    assert [finding.severity for finding in late] == ["task"]
    assert late[0].due == day(8)
    assert severities(story.assessed(7.5, 3).look(8.1), "TIT-08") == []


@pytest.mark.requirement("TIT-09")
@pytest.mark.parametrize(("strength", "severity"), [(500, []), (1000, ["advise"])])
def test_a_start_with_the_low_strength(strength: int, severity: list[str]) -> None:
    story = Story().person().tested(-14).implanted().filled(0, 40, strength)
    assert severities(story.look(0.1, 100), "TIT-09") == severity


@pytest.mark.requirement("TIT-10")
@pytest.mark.parametrize(("dose", "severity"), [(160, []), (162, ["advise"])])
def test_a_dose_beyond_what_others_needed_is_worth_a_look(dose: float, severity: list[str]) -> None:
    """MS at discharge: 83 + 2 x 39 = 161 mcg/day."""
    assert severities(started(dose).look(0.1), "TIT-10") == severity


@pytest.mark.requirement("TIT-10")
@pytest.mark.parametrize(
    ("years", "dose", "severity"),
    [(0.5, 386, []), (0.5, 390, ["advise"]), (1, 612, []), (1, 614, ["advise"]), (12, 844, ["advise"])],
)
def test_what_others_needed_grows_between_the_published_times(years: float, dose: float, severity: list[str]) -> None:
    """MS after half a year: 155 + 2 x 116; after a year 227 + 2 x 193, after ten and more 321 + 2 x 261."""
    assert severities(started(dose).look(years * 365.25), "TIT-10") == severity


@pytest.mark.requirement("TIT-12")
def test_rises_without_a_response_end_in_troubleshooting() -> None:
    """Three that changed nothing stop the fourth; a response, or a fall of the dose, starts the count again."""
    story = stepped(100, 110, 120).assessed(6, 3, 3).assessed(13, 3, 3)
    assert severities(story.look(20, 130), "TIT-12") == []
    story.programmed(21, 130).assessed(20, 3, 3).assessed(27, 3, 3)
    assert severities(story.look(28, 140), "TIT-12") == ["block"]
    assert severities(story.look(28, 120), "TIT-12") == []  # no rise
    story.assessed(27.5, 3, 3)
    answered = stepped(100, 110, 120).programmed(21, 130).assessed(20, 3, 3).assessed(27, 3, 2)
    assert severities(answered.look(28, 140), "TIT-12") == []


@pytest.mark.requirement("TIT-12")
def test_small_falls_add_up_to_a_response() -> None:
    """Less than a point with each of three rises, and more than one with all of them."""
    story = stepped(100, 110, 120).programmed(21, 130)
    for on, legs in ((6, 3), (13, 2.6), (20, 2.2), (27, 1.8)):
        story.assessed(on, legs)
    assert severities(story.look(28, 140), "TIT-12") == []
    flat = stepped(100, 110, 120).programmed(21, 130)
    for on, legs in ((6, 3), (13, 2.8), (20, 2.6), (27, 2.4)):
        flat.assessed(on, legs)
    assert severities(flat.look(28, 140), "TIT-12") == ["block"]


@pytest.mark.requirement("TIT-12")
def test_what_a_screening_bolus_did_is_no_baseline_of_the_rises() -> None:
    """Four before the test, one under it, one again under the pump after three rises: the pump works."""
    story = stepped(100, 110, 120).programmed(21, 130).assessed(-14.5, 4).assessed(-13.9, 1).assessed(27, 1)
    assert severities(story.look(28, 140), "TIT-12") == []


@pytest.mark.requirement("TIT-03")
def test_an_override_needs_a_person_who_may_order_and_holds_until_the_next_session() -> None:
    story = stepped(95, 100).fact(Overrode(day(8), "TIT-03", "spasms break the wheelchair", "Dr A", "nurse"))
    assert found(story.look(8.1, 140), "TIT-03")[0].stops  # a nurse may not
    story.fact(Overrode(day(8), "TIT-03", "spasms break the wheelchair", "Dr A", "physician"))
    finding = found(story.look(8.1, 140), "TIT-03")[0]
    assert not finding.stops
    assert finding.overridden == "Dr A (physician): spasms break the wheelchair"
    story.programmed(8.2, 120)
    assert found(story.look(10, 160), "TIT-03")[0].stops


@pytest.mark.requirement("TIT-03")
def test_a_clinic_may_be_stricter() -> None:
    clinic = Clinic().with_limit("TIT-03.rise", 20)
    assert severities(stepped(95, 100).look(9, 125, clinic), "TIT-03") == ["block"]
