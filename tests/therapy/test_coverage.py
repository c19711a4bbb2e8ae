"""Coverage: each criterion of a payer is met, not met or not on file; a payer's no warns and stops nothing."""

from dataclasses import replace
from datetime import date

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import (
    Answered,
    Booked,
    Closed,
    Described,
    Discontinued,
    Documented,
    Noticed,
    Prescribed,
    Referred,
    Scored,
)
from thecal.chart.vocabulary import words
from thecal.errors import InputError
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.coverage import coverage
from thecal.therapy.criteria import State, longest_course_s
from thecal.therapy.payers import Edition, Payer, payer_named, payers
from thecal.timeline import DAY_S

MEDICARE, EVICORE, BCBS = (Clinic(payers=(name,)) for name in ("medicare", "evicore", "bcbs"))
PAPERS = ("oral trial record", "physical therapy record", "baseline scales", "test response record", "letter of necessity")
ABSENT = ("baclofen hypersensitivity", "active infection", "body too small", "other programmable implant")


def papers(on: float = -50) -> list[Documented]:
    return [Documented(day(on), name) for name in PAPERS]


def tablets(start: float, weeks: float) -> list[Prescribed | Discontinued]:
    return [Prescribed(day(start), "baclofen", "oral", 60, 3), Discontinued(day(start + 7 * weeks), "baclofen")]


def candidate(weeks: float = 6, severe: bool | None = True) -> Story:
    """Referred, with a course of tablets that failed, physical therapy, baseline scores and all papers."""
    story = Story().fact(Described(day(-100), "multiple sclerosis", "spinal", None, None, severe))
    story.fact(Referred(day(-60)), *tablets(-90, weeks), *papers())
    story.fact(Answered(day(-40), "oral trial", "inadequate response", True))
    story.fact(Answered(day(-40), "physical management", "physical therapy", True))
    return story.fact(Scored(day(-30), "penn-frequency", "3"), *(Noticed(day(-30), name, False) for name in ABSENT))


def answered(story: Story, lasting_h: float, points: int) -> Story:
    """A test on day -14 after which, an hour later, spasms fell by so many points for so long."""
    story.tested(-14, 50, lasting_h)
    story.fact(Scored(day(-14.01), "penn-frequency", "3"))
    for hours in (1, 1 + lasting_h):
        story.fact(Scored(day(-14 + hours / 24), "penn-frequency", str(3 - points)))
    story.fact(Scored(day(-14 + (lasting_h + 1.5) / 24), "penn-frequency", "3"))
    return story


def state(story: Story, payer: str, name: str) -> State:
    (criterion,) = (one for one in coverage(story.look(0), payer).criteria if one.name == name)
    return criterion.state


def test_an_unknown_payer_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="'medicare'"):
        coverage(Story().person().look(0), "medcare")
    assert payer_named("uk-cba").key == "UK-CBA"
    assert payer_named("Medicare NCD 280.14").key == "medicare"
    with pytest.raises(InputError, match="'evicore'"):
        check(candidate().look(0, clinic=Clinic(payers=("evicor",))), "coverage")


def test_every_paper_and_condition_that_a_payer_names_is_a_word() -> None:
    for payer in payers().values():
        named = {*payer.documents}
        for edition in payer.editions:
            named |= {paper for criterion in edition.criteria for paper in criterion.documents}
            conditions = {name for criterion in edition.criteria for name in criterion.conditions}
            assert conditions <= words("conditions").keys()
        assert named <= words("documents").keys()


@pytest.mark.requirement("BIL-01")
@pytest.mark.parametrize(("days", "severity"), [(42, []), (41.9, ["warn"])])
def test_medicare_asks_for_six_weeks_without_a_pump(days: float, severity: list[str]) -> None:
    story = candidate(days / 7)
    assert severities(story.look(0, clinic=MEDICARE), "BIL-01") == severity
    assert state(story, "medicare", "trial of other treatment") == ("not met" if severity else "met")
    stricter = MEDICARE.with_limit("BIL-01.trial", 8)
    assert severities(story.look(0, clinic=stricter), "BIL-01") == ["warn"]


@pytest.mark.requirement("BIL-01")
@pytest.mark.parametrize(("significant", "expected"), [(True, "met"), (False, "not met"), (None, "not on file")])
def test_medicare_asks_for_a_response_to_the_test(significant: bool | None, expected: State) -> None:
    story = candidate().tested(-14)
    if significant is not None:
        story.fact(Answered(day(-13.5), "test result", "significant fall in tone", significant))
    assert state(story, "medicare", "response to a trial dose") == expected
    severity = {"met": [], "not met": ["warn"], "not on file": ["task"]}[expected]
    assert severities(story.look(0, clinic=MEDICARE), "BIL-01") == severity


@pytest.mark.requirement("BIL-01")
@pytest.mark.parametrize("condition", ABSENT)
def test_medicare_excludes_what_its_text_excludes(condition: str) -> None:
    """Present it warns; absent it is met; where nobody has noted it, it is not on file, and no finding."""
    story = candidate()
    assert coverage(story.look(0), "medicare").met is None  # there was no test yet
    story.facts = [fact for fact in story.facts if getattr(fact, "condition", None) != condition]
    states = {one.state for one in coverage(story.look(0), "medicare").criteria if one.name.startswith(("no ", "body"))}
    assert states == {"met", "not on file"}
    assert severities(story.look(0, clinic=MEDICARE), "BIL-01") == []
    story.fact(Noticed(day(-5), condition))
    assert severities(story.look(0, clinic=MEDICARE), "BIL-01") == ["warn"]
    assert coverage(story.look(0), "medicare").met is False


@pytest.mark.requirement("BIL-02")
@pytest.mark.parametrize(("hours", "points", "expected"), [(4, 2, "met"), (3.9, 2, "not met"), (4, 1, "not met"), (6, 3, "met")])
def test_evicore_asks_for_two_points_for_four_hours(hours: float, points: int, expected: State) -> None:
    story = answered(candidate(), hours, points)
    assert state(story, "evicore", "response to the test") == expected
    assert severities(story.look(0, clinic=EVICORE), "BIL-02") == ([] if expected == "met" else ["warn"])
    assert coverage(story.look(0), "evicore").met is (expected == "met")


@pytest.mark.requirement("BIL-02")
def test_evicore_asks_for_tablets_therapy_and_baseline_scores() -> None:
    """What is missing is one task that names it, with the papers; what is there and short of it warns."""
    assert severities(candidate().look(0, clinic=EVICORE), "BIL-02") == []
    assert severities(candidate(5.9).look(0, clinic=EVICORE), "BIL-02") == ["warn"]
    bare = Story().person().fact(Referred(day(-60)))
    (finding,) = found(bare.look(0, clinic=EVICORE), "BIL-02")
    assert finding.severity == "task"
    for name in ("antispastics by mouth", "physical therapy", "baseline scores", words("documents")["letter of necessity"].text):
        assert name in finding.asked
    refused = bare.fact(Answered(day(-40), "physical management", "physical therapy", False))
    assert sorted(severities(refused.look(0, clinic=EVICORE), "BIL-02")) == ["task", "warn"]


@pytest.mark.requirement("BIL-02")
@pytest.mark.parametrize(
    ("answers", "severity"),
    [
        ({}, ["task"]),
        ({"near the end of its battery": True}, []),
        ({"cannot be repaired": True}, ["task"]),
        ({"cannot be repaired": True, "abuse or neglect": False}, []),
        ({"cannot be repaired": True, "abuse or neglect": True}, ["warn"]),
        ({"near the end of its battery": False, "cannot be repaired": False}, ["warn"]),
    ],
)
def test_evicore_asks_why_a_pump_is_replaced(answers: dict[str, bool], severity: list[str]) -> None:
    """Only once a replacement is booked, and then for nothing that belonged to the first pump."""
    story = started(100).fact(*papers())
    story.fact(*(Answered(day(1), "replacement reason", item, yes) for item, yes in answers.items()))
    assert severities(story.look(2, clinic=EVICORE), "BIL-02") == []
    assert severities(story.fact(Booked(day(2), "replacement", day(60))).look(3, clinic=EVICORE), "BIL-02") == severity


@pytest.mark.requirement("BIL-03")
@pytest.mark.parametrize(("severe", "severity"), [(True, []), (False, ["warn"]), (None, ["task"])])
def test_bcbs_asks_for_severe_spasticity(severe: bool | None, severity: list[str]) -> None:
    assert severities(candidate(severe=severe).look(0, clinic=BCBS), "BIL-03") == severity


@pytest.mark.requirement("BIL-03")
@pytest.mark.parametrize(
    ("inadequate", "intolerable", "severity"),
    [(True, None, []), (False, True, []), (False, False, ["warn"]), (None, None, ["task"]), (False, None, ["task"])],
)
def test_bcbs_asks_what_baclofen_by_mouth_did(inadequate: bool | None, intolerable: bool | None, severity: list[str]) -> None:
    story = candidate()
    story.facts = [fact for fact in story.facts if getattr(fact, "checklist", "") != "oral trial"]
    for item, yes in (("inadequate response", inadequate), ("intolerable effects", intolerable)):
        if yes is not None:
            story.fact(Answered(day(-20), "oral trial", item, yes))
    assert severities(story.look(0, clinic=BCBS), "BIL-03") == severity


@pytest.mark.requirement("BIL-01")
@pytest.mark.requirement("BIL-02")
@pytest.mark.requirement("BIL-03")
def test_payers_are_asked_only_where_they_pay_and_while_a_pump_is_thought_of() -> None:
    """Nothing without a payer, before a referral, after the end or after the implant; and nothing that stops anybody."""
    rules = ("BIL-01", "BIL-02", "BIL-03")
    every = Clinic(payers=("medicare", "evicore", "bcbs"))
    bare = Story().person().fact(Referred(day(-60)))
    assert all(severities(bare.look(0), rule) == [] for rule in rules)
    assert all(severities(bare.look(0, clinic=every), rule) == ["task"] for rule in rules)
    assert all(severities(Story().person().look(0, clinic=every), rule) == [] for rule in rules)
    booked = Story().person().fact(Booked(day(-3), "screening test", day(9)))
    assert all(severities(booked.look(0, clinic=every), rule) == ["task"] for rule in rules)
    closed = Story().person().fact(Referred(day(-60)), Closed(day(-1), "declined"))
    assert all(severities(closed.look(0, clinic=every), rule) == [] for rule in rules)
    assert all(severities(started(100).look(3, clinic=every), rule) == [] for rule in rules)
    worst = answered(candidate(1, severe=False), 1, 1).fact(*(Noticed(day(-1), name) for name in ABSENT))
    assert not any(finding.stops for finding in check(worst.look(0, clinic=every), "coverage"))


def test_a_coverage_names_its_source_its_days_and_what_is_missing() -> None:
    found_here = coverage(candidate().look(0), "evicore")
    assert found_here.valid_from == date(2020, 2, 14)
    assert found_here.in_force is True
    assert found_here.missing_documents == ()
    assert {one.rule for one in found_here.criteria} == {"BIL-02"}
    assert all(one.source and one.confidence == "Q" for one in found_here.criteria)
    assert {one.confidence for one in coverage(candidate().look(0), "medicare").criteria} == {"R"}
    bare = coverage(Story().person().look(0), "evicore")
    assert set(bare.missing_documents) == set(PAPERS)
    ended = Story().person().fact(Documented(day(-9), "letter of necessity", day(-1)))
    assert "letter of necessity" in coverage(ended.look(0), "evicore").missing_documents


def test_the_profile_of_the_uk_is_judged_by_its_own_rule() -> None:
    """Its criteria are those of CAN-16, whoever pays here; and since when it counts nobody has found."""
    look = candidate().look(0)
    result = coverage(look, "UK-CBA")
    assert result.in_force is None
    assert {one.rule for one in result.criteria} == {"CAN-16"}
    assert len(result.criteria) == 4
    assert next(iter(result.criteria)).state == "met"  # Penn of 3
    assert "0 to 4" in result.note


def test_the_edition_of_the_day_counts() -> None:
    """Before the first and after the last one the nearest is shown, as not in force."""
    editions = tuple(
        Edition(name, "Q", first, last, ())
        for name, first, last in (
            ("old", date(2020, 1, 1), date(2021, 12, 31)),
            ("new", date(2022, 1, 1), date(2023, 12, 31)),
        )
    )
    payer = Payer("x", "X", "BIL-03", "US", (), editions)
    days = (date(2019, 1, 1), date(2021, 12, 31), date(2022, 1, 1), date(2025, 1, 1))
    assert [payer.edition(on).source for on in days] == ["old", "old", "new", "new"]
    assert [payer.edition(on).in_force(on) for on in days] == [False, True, True, False]


def test_the_longest_unbroken_course_counts_and_none_in_a_pump_does() -> None:
    """A change of dose breaks nothing, a stop does; toxin is no course by mouth, and tablets after the implant are none."""
    story = Story().person().fact(*tablets(-200, 4), Prescribed(day(-100), "tizanidine", "oral", 8, 2))
    story.fact(Prescribed(day(-80), "tizanidine", "oral", 12, 3), Discontinued(day(-70), "tizanidine"))
    story.fact(Prescribed(day(-300), "onabotulinumtoxinA", "injection", 400))
    assert longest_course_s(story.look(0)) == 30 * DAY_S
    assert longest_course_s(Story().person().look(0)) is None
    going_on = Story().person().implanted().fact(Prescribed(day(-21), "baclofen", "oral", 30, 3))
    assert longest_course_s(going_on.look(90)) == 21 * DAY_S


@pytest.mark.requirement("BIL-14")
@pytest.mark.parametrize(("until", "severity"), [(90, []), (89.9, ["warn"]), (59, ["warn"]), (2, ["warn"]), (None, [])])
@pytest.mark.parametrize("visit", ["refill", "home refill", "replacement"])
def test_an_authorization_counts_a_month_beyond_a_visit(until: float | None, severity: list[str], visit: str) -> None:
    """A visit on day 60; the authorization is said to have ended where it has."""
    paper = Documented(day(1), "authorization", day(until) if until is not None else None)
    story = started(100).fact(paper, Booked(day(1), visit, day(60)))
    findings = found(story.look(3), "BIL-14")
    assert [finding.severity for finding in findings] == severity
    assert all(("has ended" in finding.asked) == (until == 2) for finding in findings)


@pytest.mark.requirement("BIL-14")
def test_an_authorization_that_ended_or_is_not_there_is_asked_for() -> None:
    """Of a replacement its own counts; a booking that was taken back asks for nothing."""
    booked = Booked(day(1), "replacement", day(60))
    assert severities(started(100).fact(booked).look(3), "BIL-14") == []  # nobody pays here
    assert severities(started(100).fact(booked).look(3, clinic=EVICORE), "BIL-14") == ["task"]
    general = Documented(day(1), "authorization", day(400))
    own = Documented(day(1), "replacement authorization", day(70))
    assert severities(started(100).fact(booked, general).look(3), "BIL-14") == []
    assert severities(started(100).fact(booked, general, own).look(3), "BIL-14") == ["warn"]
    taken_back = started(100).fact(booked, own, replace(booked, at=day(2), cancelled=True))
    assert severities(taken_back.look(3), "BIL-14") == []
    ended = started(100).fact(Documented(day(1), "authorization", day(2)))
    assert severities(ended.look(1.5), "BIL-14") == []
    assert severities(ended.look(3), "BIL-14") == ["warn"]
