"""Oral baclofen and the list of medicines: both sides of every limit, and the plan of a start."""

import re
from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import (
    Answered,
    Described,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Overrode,
    Prescribed,
    SymptomReported,
)
from thecal.chart.facts import TabletsStarted, TabletsStopped
from thecal.errors import Refusal
from thecal.quantity import OralDose
from thecal.therapy.clinic import Clinic
from thecal.therapy.forms import FORMS, read_strength
from thecal.therapy.look import Look
from thecal.therapy.medication import medication_list, sedatives
from thecal.therapy.oral_plan import oral_titration_plan, titration_levels
from thecal.therapy.plan import Plan
from thecal.therapy.renal import adjusted

UK = Clinic(jurisdiction="UK")


def takes(mg: float, on: float = 0, doses: int = 3, medicine: str = "baclofen", **more: str | float) -> Prescribed:
    return Prescribed(day(on), medicine, "oral", mg, doses, **more)  # type: ignore[arg-type]


def course(*steps: tuple[float, float], doses: int = 3) -> Story:
    """Oral baclofen by (day, mg/day); 0 is a stop."""
    facts = [takes(mg, on, doses) if mg else Discontinued(day(on), "baclofen") for on, mg in steps]
    return Story().person().fact(*facts)


def amounts(plan: Plan | Refusal) -> list[float]:
    assert isinstance(plan, Plan), plan
    return [float(match[1]) for step in plan.steps if (match := re.fullmatch(r"([0-9.]+) mg/day", step.what))]


@pytest.mark.requirement("ORL-01")
@pytest.mark.parametrize(
    ("clinic", "mg", "severity"), [(Clinic(), 80, []), (Clinic(), 81, ["block"]), (UK, 100, []), (UK, 101, ["block"])]
)
def test_the_maximum_is_that_of_the_jurisdiction(clinic: Clinic, mg: float, severity: list[str]) -> None:
    """80 mg a day in the US, 100 mg in the UK."""
    assert severities(course((0, mg)).look(30, clinic=clinic), "ORL-01") == severity


@pytest.mark.requirement("ORL-01")
@pytest.mark.parametrize("document", ["cover order", "withdrawal plan"])
def test_a_plan_with_a_named_prescriber_may_go_above(document: str) -> None:
    """Inside it the maximum warns and names who wrote it; without a name, and after its end, it blocks."""
    story = course((0, 120)).fact(Documented(day(1), document, day(40), "Dr A"))
    warned = found(story.look(30), "ORL-01")
    assert [finding.severity for finding in warned] == ["warn"]
    assert "Dr A" in warned[0].asked
    assert severities(story.look(41), "ORL-01") == ["block"]
    nameless = course((0, 120)).fact(Documented(day(1), document, day(40)))
    assert severities(nameless.look(30), "ORL-01") == ["block"]


@pytest.mark.requirement("ORL-01")
@pytest.mark.parametrize(("mg", "on", "severity"), [(15, 0.1, []), (20, 0.1, ["warn"]), (20, 3, [])])
def test_a_first_prescription_above_a_start_is_asked_about(mg: float, on: float, severity: list[str]) -> None:
    """For as long as a step takes: afterwards it is history."""
    assert severities(course((0, mg)).look(on), "ORL-01") == severity


@pytest.mark.requirement("ORL-01")
def test_tablets_of_a_case_are_oral_baclofen() -> None:
    tablets = TabletsStarted(day(0), (OralDose(30_000),) * 3, (0, 28_800, 57_600), "tablet")
    story = Story().person().fact(tablets)
    assert severities(story.look(30), "ORL-01") == ["block"]
    assert severities(story.fact(TabletsStopped(day(20))).look(30), "ORL-01") == []


@pytest.mark.requirement("ORL-01")
def test_what_a_pump_holds_is_no_oral_dose() -> None:
    """A prescription by the intrathecal route is not counted in milligrams by mouth."""
    story = Story().person().fact(Prescribed(day(0), "baclofen", "intrathecal", 200))
    assert severities(story.look(1), "ORL-01") == []


@pytest.mark.requirement("ORL-02")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((0, 15), (3, 30)), 3, []),
        (((0, 15), (3, 31)), 3, ["block"]),
        (((0, 15), (2.9, 30)), 2.95, ["block"]),
        (((0, 30), (60, 45)), 60, []),
        (((0, 30), (60, 46)), 60, ["block"]),
        (((0, 30), (60, 46)), 63, []),
        (((0, 30), (60, 38), (61, 45)), 61, []),
        (((0, 30), (60, 38), (61, 46)), 61, ["block"]),
        (((0, 60), (50, 0), (60, 15)), 60, []),
        (((0, 60), (50, 0), (60, 20)), 60, ["block"]),
        (((0, 60), (50, 30)), 50, []),
    ],
)
def test_a_dose_rises_by_fifteen_milligrams_in_three_days(
    steps: tuple[tuple[float, float], ...], now: float, severity: list[str]
) -> None:
    """Counted over any three days, so that small steps do not hide a large one; a restart counts from nothing."""
    assert severities(course(*steps).look(now), "ORL-02") == severity


@pytest.mark.requirement("ORL-02")
def test_cover_in_a_withdrawal_is_not_blocked() -> None:
    """A dose given back at once, or ordered as cover, is warned about."""
    story = course((0, 60), (50, 0), (51, 60))
    assert severities(story.look(51), "ORL-02") == ["block"]
    covered = course((0, 60), (50, 0), (51, 60)).fact(Documented(day(50), "cover order", None, "Dr A"))
    assert severities(covered.look(51), "ORL-02") == ["warn"]
    assert severities(story.fact(Noticed(day(51), "withdrawal suspected")).look(51), "ORL-02") == ["warn"]


@pytest.mark.requirement("ORL-02")
@pytest.mark.parametrize(
    ("mg", "doses", "severity"), [(30, 2, ["warn"]), (30, 3, []), (30, 4, []), (30, 5, ["warn"]), (15, 2, ["warn"]), (10, 2, [])]
)
def test_it_is_taken_in_three_or_four_doses(mg: float, doses: int, severity: list[str]) -> None:
    """Below the dose of a start fewer are enough."""
    assert severities(course((0, mg), doses=doses).look(30), "ORL-02") == severity


@pytest.mark.requirement("ORL-04")
@pytest.mark.parametrize(("mg", "days", "severity"), [(80, 42, ["task"]), (80, 41.9, []), (75, 60, [])])
def test_six_weeks_at_the_maximum_without_benefit_end_in_a_taper(mg: float, days: float, severity: list[str]) -> None:
    story = course((0, mg)).fact(Answered(day(10), "oral trial", "inadequate response", True))
    assert severities(story.look(days), "ORL-04") == severity
    assert severities(course((0, mg)).look(days), "ORL-04") == []  # nobody has judged it


@pytest.mark.requirement("ORL-04")
def test_the_highest_dose_is_what_is_borne_and_what_the_kidneys_leave() -> None:
    """A maximum that was said to be reached counts, and so does the one of the kidneys; a due date goes with the task."""
    judged = Answered(day(10), "oral trial", "inadequate response", True)
    borne = course((0, 45)).fact(judged, Answered(day(5), "oral trial", "maximum tolerated dose reached", True))
    tasks = found(borne.look(42), "ORL-04")
    assert [(task.severity, task.due) for task in tasks] == [("task", day(42))]
    half = course((0, 40)).fact(judged, Measured(day(0), "eGFR", 45))
    assert severities(half.look(42), "ORL-04") == ["task"]
    assert severities(course((0, 40)).fact(judged).look(42), "ORL-04") == []


@pytest.mark.requirement("ORL-06")
@pytest.mark.parametrize(
    ("born", "mg", "days", "ill", "severity"),
    [
        (date(1950, 1, 1), 20, 5, True, ["second_person"]),
        (date(1950, 1, 1), 15, 5, True, []),
        (date(1950, 1, 1), 20, 30, True, ["second_person"]),
        (date(1950, 1, 1), 20, 31, True, []),
        (date(1950, 1, 1), 20, 5, False, []),
        (date(1975, 1, 1), 20, 5, True, []),
    ],
)
def test_older_people_with_ill_kidneys_start_low_or_with_a_second_person(
    born: date, mg: float, days: float, ill: bool, severity: list[str]
) -> None:
    story = Story().person(born=born).fact(takes(mg), *([Noticed(day(-50), "chronic kidney disease")] if ill else []))
    assert severities(story.look(days), "ORL-06") == severity


@pytest.mark.requirement("ORL-06")
@pytest.mark.parametrize(("age", "severity"), [(65, []), (66, ["second_person"])])
def test_from_sixty_six_years_on(age: int, severity: list[str]) -> None:
    today = day(5).date(Story().look(5).zone)
    story = Story().person(born=date(today.year - age, 1, 1)).fact(takes(20), Noticed(day(-50), "chronic kidney disease"))
    assert severities(story.look(5), "ORL-06") == severity


@pytest.mark.requirement("ORL-06")
@pytest.mark.parametrize(
    ("egfr", "severity", "more"), [(59, ["second_person"], "0.42 %"), (60, [], ""), (20, ["second_person"], "2.90 %")]
)
def test_a_low_filtration_counts_as_kidney_disease(egfr: float, severity: list[str], more: str) -> None:
    """And the finding says how many more were admitted."""
    story = Story().person(born=date(1950, 1, 1)).fact(takes(20), Measured(day(-1), "eGFR", egfr))
    findings = found(story.look(5), "ORL-06")
    assert [finding.severity for finding in findings] == severity
    assert all(more in finding.asked for finding in findings)


@pytest.mark.requirement("ORL-06")
def test_a_second_person_lets_it_pass() -> None:
    story = Story().person(born=date(1950, 1, 1)).fact(takes(20), Measured(day(-1), "eGFR", 50))
    story.fact(Overrode(day(1), "ORL-06", "checked with the family", "P. B", "pharmacist"))
    assert not found(story.look(5), "ORL-06")[0].stops


@pytest.mark.requirement("ORL-07")
@pytest.mark.parametrize(
    ("form", "strength", "ml", "severity"),
    [
        ("solution", "5 mg/5 mL", 10, []),
        ("solution", "5 mg/mL", 10, ["block"]),
        ("solution", "5 mg/mL", 2, []),
        ("solution", "5 mg/mL", 2.1, []),
        ("solution", "5 mg/mL", 2.11, ["block"]),
        ("solution", "10 mg/5 mL", 5, []),
        ("suspension", "25 mg/5 mL", 2, []),
        ("suspension", "25 mg/5 mL", 10, ["block"]),
        ("suspension", "5 mg/5 mL", 10, ["block"]),
        ("solution", "25 mg/5 mL", 2, []),
        ("solution", None, 10, ["warn"]),
        ("solution", None, None, []),
        ("tablet", "10 mg", None, []),
        ("tablet", "25 mg", None, ["block"]),
        ("tablet", "10 mg", 5, ["block"]),
        ("granules", "20 mg", None, []),
        ("tablet", "5 mg/5 mL", None, ["block"]),
        ("solution", "five", 10, ["block"]),
        ("capsule", "10 mg", None, ["warn"]),
        (None, "10 mg", None, []),
    ],
)
def test_milligrams_and_milliliters_agree(form: str | None, strength: str | None, ml: float | None, severity: list[str]) -> None:
    """10 mg a dose, three times a day, in the forms that are sold: within 5 % nothing is said."""
    story = Story().person().fact(Prescribed(day(0), "baclofen", "oral", 30, 3, None, form, strength, ml))
    assert severities(story.look(1), "ORL-07") == severity


@pytest.mark.requirement("ORL-07")
def test_a_mismatch_names_what_was_meant() -> None:
    """10 mL of the strong liquid are five times the dose: 2 mL, or the weak liquid, was meant."""
    story = Story().person().fact(takes(30, form="solution", strength="5 mg/mL", ml_per_dose=10))
    finding = found(story.look(1), "ORL-07")[0]
    assert "hold 50 mg" in finding.asked
    assert "Write 2 mL" in finding.next
    assert "5 mg/5 mL" in finding.next
    wrong = Story().person().fact(takes(30, form="suspension", strength="5 mg/5 mL", ml_per_dose=10))
    assert "solution" in found(wrong.look(1), "ORL-07")[0].next


@pytest.mark.requirement("ORL-07")
def test_strengths_are_read_as_people_write_them() -> None:
    for known in FORMS.values():
        assert all(read_strength(str(strength)) == strength for strength in known)
    assert read_strength("25mg/5ml") == read_strength("25 mg / 5 mL")
    assert [read_strength(text) for text in ("", "mg", "5 mcg", "5 mg/0 mL", "0 mg", "5 mg 5")] == [None] * 6


@pytest.mark.requirement("ORL-08")
@pytest.mark.parametrize(
    ("condition", "clinic", "severity"),
    [
        ("peptic ulcer", Clinic(), ["warn"]),
        ("peptic ulcer", UK, ["block"]),
        ("seizure disorder", UK, ["warn"]),
        ("porphyria", Clinic(), ["warn"]),
        ("fracture", Clinic(), []),
    ],
)
def test_cautions_of_baclofen_by_mouth(condition: str, clinic: Clinic, severity: list[str]) -> None:
    """A peptic ulcer forbids it in the UK; nothing is said to somebody who does not take it."""
    story = Story().person().fact(Noticed(day(-1), condition))
    assert severities(story.look(1, clinic=clinic), "ORL-08") == []
    assert severities(story.fact(takes(30)).look(1, clinic=clinic), "ORL-08") == severity


@pytest.mark.requirement("ORL-08")
def test_drugs_against_diabetes_ask_for_caution() -> None:
    story = Story().person().fact(takes(30), takes(1000, medicine="metformin"))
    assert severities(story.look(1), "ORL-08") == ["warn"]
    assert severities(story.fact(Discontinued(day(2), "metformin")).look(3), "ORL-08") == []


@pytest.mark.requirement("MED-01")
@pytest.mark.parametrize(("others", "severity"), [((), []), (("diazepam",), []), (("diazepam", "gabapentin"), ["warn"])])
def test_three_medicines_that_sedate_are_worth_a_look(others: tuple[str, ...], severity: list[str]) -> None:
    story = (
        Story().person().fact(takes(30), *(takes(10, medicine=name) for name in others), takes(0.25, medicine="interferon beta"))
    )
    assert severities(story.look(1), "MED-01") == severity


@pytest.mark.requirement("MED-01")
def test_the_list_holds_the_pump_and_counts_baclofen_once() -> None:
    """By pump and by mouth it is one medicine; the list tells what each is for."""
    story = started().fact(takes(30), takes(10, medicine="diazepam"), takes(60, medicine="interferon beta"))
    look = story.look(1)
    assert severities(look, "MED-01") == []
    lines = medication_list(look)
    assert [(line.medicine, line.route) for line in lines if line.medicine == "baclofen"] == [
        ("baclofen", "by mouth"),
        ("baclofen", "by pump"),
    ]
    assert {line.medicine: line.purpose for line in lines}["interferon beta"] == "MS disease-modifying"
    assert "100 mcg/day" in str(sedatives(look)[1])
    warned = found(story.fact(takes(600, medicine="gabapentin")).look(1), "MED-01")
    assert all(name in warned[0].asked for name in ("baclofen", "diazepam", "gabapentin 600 mg/day"))


@pytest.mark.requirement("ORL-02")
def test_the_order_of_facts_of_one_instant_changes_nothing() -> None:
    facts: list[Prescribed | Discontinued] = [takes(30), takes(60, 60), Discontinued(day(60), "baclofen"), takes(45, 60)]
    one, other = Story().person().fact(*facts), Story().person().fact(*reversed(facts))
    for rule in ("ORL-01", "ORL-02", "ORL-05", "WEA-01"):
        assert found(one.look(60), rule) == found(other.look(60), rule)
    assert severities(one.look(60), "ORL-02") == ["block"]


def look_at(egfr: float | None = None, clearance: float | None = None, jurisdiction: str = "US", mg: float | None = None) -> Look:
    story = Story().person()
    story.fact(*([Measured(day(-1), "eGFR", egfr)] if egfr is not None else []))
    story.fact(*([Measured(day(-1), "creatinine clearance", clearance)] if clearance is not None else []))
    story.fact(*([takes(mg, -60)] if mg else []))
    return story.look(0, clinic=UK if jurisdiction == "UK" else None)


@pytest.mark.requirement("ORL-01")
def test_a_start_is_raised_every_three_days_up_to_the_maximum() -> None:
    """5 mg three times a day, then 10, 15 and 20; then a fourth dose, up to 80 mg in the US and 100 mg in the UK."""
    plan = oral_titration_plan(look_at(), day(2))
    assert isinstance(plan, Plan)
    assert amounts(plan) == [15, 30, 45, 60, 75, 80]
    assert [step.at for step in plan.steps] == [day(2 + 3 * number) for number in range(6)]
    assert plan.steps[0].detail.startswith("5 + 5 + 5 mg")
    assert plan.steps[-1].detail.startswith("20 + 20 + 20 + 20 mg")
    assert amounts(oral_titration_plan(look_at(jurisdiction="UK"), day(2)))[-1] == 100
    assert amounts(oral_titration_plan(look_at(mg=30), day(2))) == [45, 60, 75, 80]


@pytest.mark.requirement("ORL-05")
def test_a_start_follows_the_kidneys() -> None:
    """A third less, half, or not at all."""
    assert amounts(oral_titration_plan(look_at(70), day(1))) == [10, 20, 30, 40, 50]
    assert amounts(oral_titration_plan(look_at(45), day(1))) == [5, 15, 20, 30, 35, 40]
    refused = oral_titration_plan(look_at(29), day(1))
    assert isinstance(refused, Refusal)
    assert refused.rule == "ORL-05"


@pytest.mark.requirement("ORL-08")
def test_a_start_is_refused_where_it_may_not_be() -> None:
    for condition, clinic, rule in (("peptic ulcer", UK, "ORL-08"), ("baclofen hypersensitivity", None, "ORL-08")):
        answer = oral_titration_plan(Story().person().fact(Noticed(day(-1), condition)).look(0, clinic=clinic), day(1))
        assert isinstance(answer, Refusal)
        assert answer.rule == rule
    child = oral_titration_plan(Story().person(born=date(2018, 1, 1)).look(0), day(1))
    assert isinstance(child, Refusal)
    full = oral_titration_plan(look_at(mg=80), day(1))
    assert isinstance(full, Refusal)
    assert full.rule == "ORL-01"


@pytest.mark.requirement("ORL-06")
def test_a_plan_says_what_it_meets() -> None:
    story = Story().fact(Described(day(-9), "multiple sclerosis", "spinal", date(1950, 1, 1)), Measured(day(-1), "eGFR", 50))
    plan = oral_titration_plan(story.look(0), day(0))
    assert isinstance(plan, Plan)
    assert [(finding.rule, finding.severity) for finding in plan.findings] == [("ORL-06", "second_person")]


@given(
    egfr=st.none() | st.floats(0, 200),
    clearance=st.none() | st.floats(0, 200),
    jurisdiction=st.sampled_from(["US", "UK"]),
    mg=st.none() | st.floats(1, 120),
)
@pytest.mark.requirement("ORL-01")
def test_no_plan_goes_beyond_its_limits(egfr: float | None, clearance: float | None, jurisdiction: str, mg: float | None) -> None:
    """Never above the maximum of the place or of the kidneys, never faster than 15 mg a day in 3 days, always whole tablets."""
    look = look_at(egfr, clearance, jurisdiction, mg)
    plan = oral_titration_plan(look, day(1))
    if isinstance(plan, Refusal):
        return
    doses = [mg or 0, *amounts(plan)]
    most = adjusted(100 if jurisdiction == "UK" else 80, look).daily_mg
    assert max(doses[1:]) <= most
    assert all(0 < after - before <= 15 for before, after in pairwise(doses))
    assert not any(dose % 5 for dose in doses[1:])
    assert all(later.at.s - earlier.at.s >= 3 * 86400 for earlier, later in pairwise(plan.steps))
    assert all(
        sum(map(float, re.findall(r"[0-9.]+", step.detail.partition(" mg")[0]))) == float(step.what[:-7]) for step in plan.steps
    )
    assert titration_levels(look) == sorted(set(titration_levels(look)))
    assert Fraction(0) < adjusted(1, look).part <= 1


@pytest.mark.requirement("ORL-01")
def test_cover_in_withdrawal_is_no_first_dose() -> None:
    """80 mg a day begin where the pump gives nothing: WDL-08 judges it, and not the rule for a start by mouth."""
    story = started(200).fact(Prescribed(day(30), "baclofen", "oral", 80, 4))
    assert severities(story.look(30.1), "ORL-01") == ["warn"]
    assert severities(story.fact(SymptomReported(day(30.1), "itching without rash", 2)).look(30.2), "ORL-01") == []
