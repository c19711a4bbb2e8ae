"""Candidacy: both sides of every gate, the route, and what payers would say."""

from datetime import date

import pytest

from tests.charts import BORN, Story, day, found, severities, started
from thecal.chart.clinical import (
    Answered,
    Closed,
    Described,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Prescribed,
    Referred,
    Scored,
    SymptomReported,
)
from thecal.chart.facts import Assessed
from thecal.chart.vocabulary import words
from thecal.therapy.candidacy import Candidacy, candidacy
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import UTC, Look

MS = "multiple sclerosis"
UK_CBA = Clinic(payers=("UK-CBA",))


def answered(story: Story, checklist: str, *items: str, yes: bool = True, on: float = -50) -> Story:
    return story.fact(*(Answered(day(on), checklist, item, yes) for item in items))


def person(cause: str = MS, severe: bool | None = True, injured: date | None = None, born: date | None = BORN) -> Story:
    """Somebody who was referred, and of whom only that is known."""
    return Story().fact(Described(day(-100), cause, "spinal", born, injured, severe), Referred(day(-60)))


def candidate() -> Story:
    """Somebody of whom everything is known that speaks for a pump, and nothing against it."""
    story = person().fact(Prescribed(day(-200), "baclofen", "oral", 80, 4), Documented(day(-60), "physical therapy record"))
    answered(story, "impact", "mobility", "caregiving")
    answered(story, "oral trial", "maximum tolerated dose reached", "inadequate response")
    answered(story, "distribution", "both legs")
    return answered(story, "before test", *words("checklists")["before test"].items)


def of(story: Story, clinic: Clinic | None = None) -> Candidacy:
    return candidacy(story.look(0, clinic=clinic))


def rules_of(look: Look) -> set[str]:
    """The rules of candidacy that find something."""
    return {rule for rule in (f"CAN-{number:02}" for number in range(1, 18)) if severities(look, rule)}


def test_a_candidate_is_one_with_nothing_missing_and_nothing_against() -> None:
    result = of(candidate())
    assert result.standing == "candidate"
    assert result.route.way == "intrathecal"
    assert not result.findings
    assert {rule for rule, _ in result.told("met")} >= {"CAN-01", "CAN-02", "CAN-03", "CAN-05", "CAN-07", "CAN-11", "CAN-12"}
    assert not rules_of(candidate().look(0))


def test_an_empty_chart_decides_nothing() -> None:
    result = of(Story())
    assert result.standing == "not decided yet"
    assert {rule for rule, _ in result.told("missing")} == {"CAN-01", "CAN-02", "CAN-12"}


def test_the_checks_are_quiet_with_a_pump_and_on_a_closed_way() -> None:
    """Even of somebody of whom nothing but a contraindication is known."""
    facts = (Noticed(day(-50), "baclofen hypersensitivity"), Noticed(day(-50), "primary weakness"))
    assert rules_of(Story().fact(*facts, Referred(day(-60))).look(0)) > {"CAN-06", "CAN-08"}
    assert not rules_of(Story().fact(*facts).look(0))  # nobody asks for a pump
    assert not rules_of(started(100).fact(*facts).look(1, clinic=UK_CBA))
    assert not rules_of(Story().fact(*facts, Closed(day(-1), "another treatment")).look(0, clinic=UK_CBA))


@pytest.mark.requirement("CAN-01")
@pytest.mark.parametrize(
    ("severe", "severity", "standing"),
    [(True, [], "candidate"), (None, ["block"], "not decided yet"), (False, ["block"], "not a candidate")],
)
def test_the_spasticity_is_severe(severe: bool | None, severity: list[str], standing: str) -> None:
    story = candidate().fact(Described(day(-99), MS, "spinal", BORN, None, severe))
    assert severities(story.look(0), "CAN-01") == severity
    assert of(story).standing == standing


@pytest.mark.requirement("CAN-02")
def test_the_spasticity_interferes_with_something() -> None:
    """One area is enough; what was not asked is missing; where everything was denied there is nothing to gain."""
    items = words("checklists")["impact"].items
    assert severities(person().look(0), "CAN-02") == ["block"]
    assert severities(answered(person(), "impact", "comfort").look(0), "CAN-02") == []
    assert "not asked" in found(answered(person(), "impact", *items[1:], yes=False).look(0), "CAN-02")[0].asked
    denied = answered(candidate(), "impact", *items, yes=False, on=-40)
    assert severities(denied.look(0), "CAN-02") == ["block"]
    assert of(denied).standing == "not a candidate"
    stricter = Clinic().with_limit("CAN-02.areas", 2)
    assert severities(answered(person(), "impact", "comfort").look(0, clinic=stricter), "CAN-02") == ["block"]


@pytest.mark.requirement("CAN-03")
def test_spinal_spasticity_was_tried_by_mouth() -> None:
    """No answer is missing, a good one is against; an origin in the brain asks for no trial."""
    assert severities(person().look(0), "CAN-03") == ["block"]
    helped = answered(candidate(), "oral trial", "inadequate response", yes=False, on=-40)
    answered(helped, "oral trial", "intolerable effects", yes=False, on=-40)
    assert severities(helped.look(0), "CAN-03") == ["block"]
    assert of(helped).standing == "not a candidate"
    assert severities(answered(person(), "oral trial", "inadequate response").look(0), "CAN-03") == []
    assert severities(Story().person("cerebral", "stroke").look(0), "CAN-03") == []


@pytest.mark.requirement("CAN-03")
@pytest.mark.parametrize(("days", "severity"), [(42, []), (41, ["warn"])])
def test_payers_ask_for_six_weeks_by_mouth(days: int, severity: list[str]) -> None:
    """Two courses count together; who could not bear the drug need not have taken it so long."""
    story = answered(person(), "oral trial", "inadequate response")
    story.fact(Prescribed(day(-90), "baclofen", "oral", 30, 3), Discontinued(day(-80), "baclofen"))
    story.fact(Prescribed(day(-days + 10), "baclofen", "oral", 60, 3))
    assert severities(story.look(0), "CAN-03") == severity
    assert of(candidate().fact(Discontinued(day(-170), "baclofen"))).standing == "candidate"
    story.facts = [fact for fact in story.facts if not isinstance(fact, Answered)]
    assert severities(answered(story, "oral trial", "intolerable effects").look(0), "CAN-03") == []


@pytest.mark.requirement("CAN-03")
def test_a_dose_by_mouth_that_could_still_rise_is_told() -> None:
    story = answered(candidate(), "oral trial", "maximum tolerated dose reached", yes=False, on=-40)
    assert severities(story.look(0), "CAN-03") == ["warn"]
    assert of(story).standing == "candidate"


@pytest.mark.requirement("CAN-04")
@pytest.mark.parametrize(("grade", "coded"), [(1, False), (2, True)])
def test_an_intolerable_effect_has_a_name_and_a_grade(grade: int, coded: bool) -> None:
    """Said to be intolerable it counts, but is to be coded; of grade 2 it counts without being called so."""
    story = person().fact(Prescribed(day(-60), "baclofen", "oral", 60, 3), SymptomReported(day(-40), "drowsiness", grade))
    assert severities(story.look(0), "CAN-03") == ([] if coded else ["block"])
    answered(story, "oral trial", "intolerable effects")
    assert severities(story.look(0), "CAN-03") == []
    assert severities(story.look(0), "CAN-04") == ([] if coded else ["warn"])


@pytest.mark.requirement("CAN-04")
def test_what_was_felt_without_the_tablets_is_none_of_their_effects() -> None:
    story = person().fact(SymptomReported(day(-40), "drowsiness", 3))
    assert severities(story.look(0), "CAN-03") == ["block"]
    story.fact(Prescribed(day(-39), "baclofen", "oral", 60, 3))
    assert severities(story.look(0), "CAN-03") == ["block"]


@pytest.mark.requirement("CAN-05")
def test_physical_management_goes_on() -> None:
    assert severities(person().look(0), "CAN-05") == ["warn"]
    assert severities(answered(person(), "physical management", "daily stretching").look(0), "CAN-05") == []
    assert severities(person().fact(Documented(day(-9), "physical therapy record")).look(0), "CAN-05") == []


@pytest.mark.requirement("CAN-06")
def test_weakness_excludes_and_tone_that_is_used_asks_for_care() -> None:
    weak = candidate().fact(Noticed(day(-50), "primary weakness"))
    assert severities(weak.look(0), "CAN-06") == ["block"]
    assert of(weak).standing == "not a candidate"
    standing = candidate().fact(Noticed(day(-50), "relies on spasticity"))
    warned = found(standing.look(0), "CAN-06")
    assert [finding.severity for finding in warned] == ["warn"]
    assert "25 mcg" in warned[0].next
    assert of(standing).standing == "candidate"
    assert severities(candidate().look(0), "CAN-06") == []


@pytest.mark.requirement("CAN-07")
@pytest.mark.parametrize(
    ("items", "way", "severity"),
    [
        ((), "open", ["advise"]),
        (("focal",), "botulinum toxin", ["advise"]),
        (("focal", "segmental"), "botulinum toxin", ["advise"]),
        (("multi-segmental",), "intrathecal", []),
        (("generalised",), "intrathecal", []),
        (("both legs",), "intrathecal", []),
        (("legs and trunk",), "intrathecal", []),
        (("one side with trunk",), "intrathecal", []),
        (("upper and lower limbs",), "intrathecal", []),
        (("focal", "both legs"), "intrathecal", []),
    ],
)
def test_the_distribution_speaks_for_a_route(items: tuple[str, ...], way: str, severity: list[str]) -> None:
    story = answered(person(), "distribution", *items)
    assert of(story).route.way == way
    assert all(item in of(story).route.why for item in items)
    assert severities(story.look(0), "CAN-07") == severity


@pytest.mark.requirement("CAN-08")
@pytest.mark.parametrize("condition", ["baclofen hypersensitivity", "active infection", "CSF infection"])
def test_a_contraindication_stops(condition: str) -> None:
    """As long as it is there."""
    story = candidate().fact(Noticed(day(-50), condition))
    assert severities(story.look(0), "CAN-08") == ["block"]
    assert of(story).standing == "not a candidate"
    assert severities(story.fact(Noticed(day(-1), condition, present=False)).look(0), "CAN-08") == []


@pytest.mark.requirement("CAN-08")
def test_a_side_effect_is_no_allergy() -> None:
    story = candidate().fact(SymptomReported(day(-90), "drowsiness", 3), SymptomReported(day(-90), "nausea", 3))
    assert severities(story.look(0), "CAN-08") == []
    assert of(story).standing == "candidate"


@pytest.mark.requirement("CAN-09")
def test_a_concern_goes_to_the_team() -> None:
    items = words("checklists")["relative concerns"].items
    assert severities(answered(candidate(), "relative concerns", *items).look(0), "CAN-09") == ["advise"] * len(items)
    assert severities(answered(candidate(), "relative concerns", *items, yes=False).look(0), "CAN-09") == []
    assert of(answered(candidate(), "relative concerns", *items)).standing == "candidate"


@pytest.mark.requirement("CAN-10")
@pytest.mark.parametrize("condition", ["CSF shunt", "seizure disorder", "abdominal surgery", "progressive disease", "ambulatory"])
def test_what_excludes_nobody_is_only_told(condition: str) -> None:
    story = candidate().fact(Noticed(day(-50), condition))
    assert severities(story.look(0), "CAN-10") == ["advise"]
    assert of(story).standing == "candidate"
    assert severities(candidate().look(0), "CAN-10") == []


@pytest.mark.requirement("CAN-11")
def test_who_may_be_helped_is_referred() -> None:
    def unreferred() -> Story:
        return Story().fact(Described(day(-100), MS, "spinal", BORN, None, True))

    story = answered(answered(unreferred(), "impact", "mobility"), "oral trial", "inadequate response")
    assert severities(story.look(0), "CAN-11") == ["task"]
    assert severities(story.fact(Referred(day(-1))).look(0), "CAN-11") == []
    assert severities(answered(unreferred(), "impact", "mobility").look(0), "CAN-11") == []
    assert severities(answered(unreferred(), "oral trial", "inadequate response").look(0), "CAN-11") == []


@pytest.mark.requirement("CAN-12")
@pytest.mark.parametrize("item", words("checklists")["before test"].items)
def test_all_is_done_before_a_test(item: str) -> None:
    """A gate to the first bolus, and none once one was given."""
    story = answered(candidate(), "before test", item, yes=False, on=-40)
    gate = found(story.look(0), "CAN-12")
    assert [finding.severity for finding in gate] == ["block"]
    assert item in gate[0].asked
    assert of(story).standing == "not decided yet"
    assert severities(story.tested(-10).look(0), "CAN-12") == []


@pytest.mark.requirement("CAN-13")
@pytest.mark.parametrize(("days", "severity"), [(365, []), (364, ["block"])])
def test_a_year_passes_after_an_injury_of_the_brain(days: int, severity: list[str]) -> None:
    """Of an injury of something else nothing is asked."""
    injured = day(-days).date(UTC)
    assert severities(person("traumatic brain injury", injured=injured).look(0), "CAN-13") == severity
    assert severities(person(MS, injured=injured).look(0), "CAN-13") == []


@pytest.mark.requirement("CAN-13")
def test_the_year_is_counted_to_the_day() -> None:
    """Just before and at the end of day 365; an injury without a day is asked for."""
    story = person("traumatic brain injury", injured=day(-365).date(UTC))
    due = found(story.look(-1), "CAN-13")[0].due
    assert due is not None
    last = (due.s - day(0).s) / 86_400
    assert severities(story.look(last - 0.001), "CAN-13") == ["block"]
    assert severities(story.look(last), "CAN-13") == []
    assert of(person("traumatic brain injury")).standing == "not decided yet"
    assert severities(person("traumatic brain injury").look(0), "CAN-13") == ["block"]


@pytest.mark.requirement("CAN-14")
def test_four_years_and_a_body_large_enough() -> None:
    now = day(0).date(UTC)
    four, three = now.replace(year=now.year - 4), now.replace(year=now.year - 4, day=now.day + 1)
    assert severities(person(born=four).look(0), "CAN-14") == []
    assert severities(person(born=three).look(0), "CAN-14") == ["block"]
    assert severities(person(born=None).look(0), "CAN-14") == []
    assert severities(person().fact(Noticed(day(-9), "body too small")).look(0), "CAN-14") == ["block"]


@pytest.mark.requirement("CAN-15")
@pytest.mark.parametrize(("depth", "severity"), [(2.5, []), (2.6, ["block"])])
def test_a_pump_lies_no_deeper_than_it_may(depth: float, severity: list[str]) -> None:
    story = candidate().fact(Measured(day(-9), "implant depth", depth))
    assert severities(story.look(0), "CAN-15") == severity
    assert of(story).standing == ("not a candidate" if severity else "candidate")
    assert severities(person().fact(Noticed(day(-9), "spinal anomaly")).look(0), "CAN-15") == ["block"]


def scored(story: Story, scale: str, *scores: str) -> Story:
    return story.fact(*(Scored(day(-20), scale, score, f"muscle {number}") for number, score in enumerate(scores)))


@pytest.mark.requirement("CAN-16")
@pytest.mark.parametrize(
    ("scale", "scores", "severity"),
    [
        ("ashworth-1-5", ("4", "4"), ["advise"]),  # on the scale from 0 to 4 that would be 3
        ("ashworth-1-5", ("5", "5"), []),
        ("ashworth-1-5", ("4", "3"), ["warn"]),
        ("ashworth-0-4", ("4", "4"), []),
        ("ashworth-0-4", ("3", "3"), ["advise"]),
        ("ashworth-0-4", ("3", "2"), ["warn"]),
        ("modified-ashworth", ("3", "4"), ["advise"]),
        ("modified-ashworth", ("4", "2", "1+"), ["warn"]),
    ],
)
def test_a_payer_reads_ashworth_from_one_to_five(scale: str, scores: tuple[str, ...], severity: list[str]) -> None:
    """What is enough on one scale only is told; it never blocks, for it is no clinical gate."""
    story = scored(candidate(), scale, *scores)
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == severity
    assert severities(story.look(0), "CAN-16") == []
    assert of(story, UK_CBA).standing == "candidate"
    assert "1 to 5" in of(story, UK_CBA).payers[0].note
    assert not of(story).payers


@pytest.mark.requirement("CAN-16")
def test_two_ways_to_write_ashworth_are_never_counted_together() -> None:
    """One muscle on each of two scales are not two muscle groups; the scale that was used last counts."""
    story = candidate().fact(Scored(day(-20), "ashworth-1-5", "5", "knee"), Scored(day(-19), "modified-ashworth", "4", "ankle"))
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == ["warn"]


@pytest.mark.requirement("CAN-16")
@pytest.mark.parametrize(("penn", "severity"), [("3", []), ("2", ["warn"])])
def test_spasms_may_stand_for_ashworth(penn: str, severity: list[str]) -> None:
    story = scored(candidate(), "ashworth-1-5", "2", "2").fact(Scored(day(-20), "penn-frequency", penn))
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == severity
    assert of(story, UK_CBA).payers[0].met is (not severity)
    assert severities(candidate().fact(Assessed(day(-20), 4.0, 4.0, float(penn))).look(0, clinic=UK_CBA), "CAN-16") == (
        severity and ["advise"]
    )


@pytest.mark.requirement("CAN-16")
def test_the_scores_of_a_payer_are_those_before_the_test() -> None:
    story = scored(candidate(), "ashworth-0-4", "4", "4").tested(-10)
    story.fact(*(Scored(day(-9.9), "ashworth-0-4", "0", f"muscle {number}") for number in range(2)))
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == []


@pytest.mark.requirement("CAN-16")
def test_a_payer_asks_for_more_than_spasticity() -> None:
    """The dose by mouth, botulinum toxin where it is apt, and none of the exclusions; what is not known is not met."""
    story = scored(candidate(), "ashworth-0-4", "4", "4")
    assert of(story, UK_CBA).payers[0].met is True
    answered(story, "oral trial", "maximum tolerated dose reached", yes=False, on=-40)
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == ["warn"]
    answered(story, "distribution", "focal", on=-40)
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == ["warn"] * 2
    story.fact(Noticed(day(-9), "uncontrolled epilepsy"), Noticed(day(-9), "renal failure"))
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == ["warn"] * 3
    story.fact(Prescribed(day(-300), "onabotulinumtoxinA", "injection", 300))
    assert severities(story.look(0, clinic=UK_CBA), "CAN-16") == ["warn"] * 2
    nothing = of(Story(), UK_CBA).payers[0]
    assert nothing.met is None
    assert [criterion.met for criterion in nothing.criteria] == [None, None, None, True]


UK = Clinic(jurisdiction="UK")


@pytest.mark.requirement("CAN-17")
@pytest.mark.parametrize(("level", "severity"), [(3, []), (2, ["advise"])])
def test_a_child_in_the_uk_has_a_profile(level: float, severity: list[str]) -> None:
    """An adult has none, and a child elsewhere neither."""
    story = person(born=date(2015, 1, 1)).fact(Measured(day(-9), "GMFCS level", level))
    assert severities(story.look(0, clinic=UK), "CAN-17") == severity
    assert severities(story.look(0), "CAN-17") == []
    assert severities(person().fact(Measured(day(-9), "GMFCS level", level)).look(0, clinic=UK), "CAN-17") == []


@pytest.mark.requirement("CAN-17")
def test_concerns_of_children_are_told() -> None:
    story = person(born=date(2015, 1, 1))
    story.fact(*(Noticed(day(-9), name) for name in ("coagulopathy", "spinal fusion", "malnutrition", "seizure disorder")))
    assert severities(story.look(0, clinic=UK), "CAN-17") == ["advise"] * 4
    answered(story, "distribution", "upper and lower limbs", yes=False)
    assert severities(story.look(0, clinic=UK), "CAN-17") == ["advise"] * 5


def test_who_did_not_respond_to_the_largest_bolus_is_no_candidate() -> None:
    story = candidate().tested(-10, 100, None)
    assert of(story).standing == "candidate"
    answered(story, "test result", "significant fall in tone", "significant fall in spasms", yes=False, on=-9.9)
    assert of(story).standing == "not a candidate"
    assert of(story).told("against")[0][0] == "SCR-05"


def test_the_order_of_facts_of_one_instant_changes_nothing() -> None:
    story = candidate().fact(Noticed(day(-50), "CSF shunt"), Noticed(day(-50), "relies on spasticity"))
    scored(story, "modified-ashworth", "3", "4", "1+")
    backwards = Story()
    backwards.facts = list(reversed(story.facts))
    assert of(story, UK_CBA) == of(backwards, UK_CBA)
