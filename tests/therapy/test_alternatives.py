"""The other drugs and measures: both sides of every limit, dated tests of the liver, and the options of a person."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import (
    Answered,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Prescribed,
    Route,
    Scored,
    SymptomReported,
)
from thecal.therapy.alternatives import CHECKS, improvement
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import Finding
from thecal.therapy.liver import Phase, dates, next_test
from thecal.therapy.look import Look
from thecal.therapy.options import Option, alternatives
from thecal.timeline import DAY_S, Instant

MONTH = 365.25 / 12


def takes(medicine: str, amount: float, on: float = 0, doses: int = 1, route: Route = "oral") -> Prescribed:
    return Prescribed(day(on), medicine, route, amount, doses)


def story(*facts: Prescribed | Discontinued) -> Story:
    return Story().person().fact(*facts)


def not_tasks(look: Look, rule: str) -> list[str]:
    return [finding.severity for finding in found(look, rule) if finding.severity != "task"]


def tasks(look: Look, rule: str) -> list[Finding]:
    return [finding for finding in found(look, rule) if finding.severity == "task"]


@pytest.mark.requirement("ALT-00")
@pytest.mark.parametrize(("first", "severity"), [(None, ["advise"]), ("baclofen", []), ("gabapentin", [])])
@pytest.mark.parametrize("second", ["tizanidine", "dantrolene"])
def test_baclofen_or_gabapentin_come_first(first: str | None, second: str, severity: list[str]) -> None:
    """Having been tried once is enough, and so is a record of the trial or a pump."""
    facts: list[Prescribed | Discontinued] = [takes(first, 30, -100), Discontinued(day(-50), first)] if first else []
    tried = story(*facts, takes(second, 2))
    assert severities(tried.look(1), "ALT-00") == severity
    assert severities(tried.fact(Documented(day(0), "oral trial record")).look(1), "ALT-00") == []
    assert severities(started().fact(takes(second, 2)).look(1), "ALT-00") == []


@pytest.mark.requirement("ALT-01")
@pytest.mark.parametrize(
    ("mg", "doses", "severity"),
    [
        (24, 3, []),
        (25, 3, ["advise"]),
        (36, 3, ["advise"]),
        (36.5, 4, ["block"]),
        (16, 1, []),
        (16.5, 1, ["block"]),
        (33, 2, ["block", "advise"]),
    ],
)
def test_tizanidine_has_a_maximum_of_the_day_and_of_a_dose(mg: float, doses: int, severity: list[str]) -> None:
    """36 mg a day, 16 mg at once, usually up to 24 mg."""
    assert not_tasks(story(takes("tizanidine", mg, 0, doses)).look(30), "ALT-01") == severity


@pytest.mark.requirement("ALT-01")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((0, 2),), 0, []),
        (((0, 4),), 0, ["warn"]),
        (((0, 4),), 3, []),
        (((0, 2), (3, 4)), 3, []),
        (((0, 2), (2.9, 4)), 2.9, ["warn"]),
        (((0, 4), (30, 6)), 30, []),
        (((0, 4), (30, 7)), 30, ["warn"]),
    ],
)
def test_tizanidine_rises_by_two_milligrams_in_three_days(
    steps: tuple[tuple[float, float], ...], now: float, severity: list[str]
) -> None:
    assert not_tasks(story(*(takes("tizanidine", mg, on) for on, mg in steps)).look(now), "ALT-01") == severity


@pytest.mark.requirement("ALT-01")
@pytest.mark.parametrize(
    ("other", "severity"),
    [("fluvoxamine", ["block"]), ("ciprofloxacin", ["block"]), ("ethinylestradiol", ["warn"]), ("warfarin", [])],
)
def test_tizanidine_does_not_meet_inhibitors_of_its_breakdown(other: str, severity: list[str]) -> None:
    both = story(takes("tizanidine", 4, -50), takes(other, 100))
    assert not_tasks(both.look(1), "ALT-01") == severity
    assert not_tasks(both.fact(Discontinued(day(2), other)).look(3), "ALT-01") == []


@pytest.mark.requirement("ALT-01")
@pytest.mark.parametrize(("clearance", "severity"), [(25, []), (24.9, ["warn"])])
def test_tizanidine_is_reduced_for_the_kidneys(clearance: float, severity: list[str]) -> None:
    look = story(takes("tizanidine", 4, -50)).fact(Measured(day(0), "creatinine clearance", clearance)).look(1)
    assert not_tasks(look, "ALT-01") == severity


@pytest.mark.requirement("ALT-01")
def test_low_blood_pressure_on_tizanidine_is_said() -> None:
    taken = story(takes("tizanidine", 4, -50))
    assert not_tasks(taken.fact(SymptomReported(day(-60), "hypotension", 2)).look(1), "ALT-01") == []
    assert not_tasks(taken.fact(SymptomReported(day(0), "hypotension", 1)).look(1), "ALT-01") == ["warn"]
    assert not_tasks(taken.fact(SymptomReported(day(0.5), "hypotension", 0)).look(1), "ALT-01") == []


@pytest.mark.requirement("ALT-01")
def test_the_liver_is_tested_monthly_for_four_months_from_twelve_milligrams_on() -> None:
    """Each test is due a month after the last; below 12 mg, and after four months with tests, none is."""
    low, high = story(takes("tizanidine", 11.9)), story(takes("tizanidine", 12))
    assert tasks(low.look(40), "ALT-01") == []
    assert [task.due for task in tasks(high.look(1), "ALT-01")] == [day(MONTH)]
    for number in (1, 2, 3):
        high.fact(Measured(day(number * MONTH), "ALT", 1))
        assert [task.due for task in tasks(high.look(number * MONTH + 1), "ALT-01")] == [day((number + 1) * MONTH)]
    high.fact(Measured(day(4 * MONTH), "ALT", 1))
    assert tasks(high.look(4 * MONTH + 1), "ALT-01") == []


@pytest.mark.requirement("ALT-01")
@pytest.mark.parametrize(
    ("values", "severity"), [((3,), []), ((3.1,), ["warn"]), ((3.1, 3.1), ["block"]), ((3.1, 3), []), ((5, 2, 4), ["warn"])]
)
def test_tizanidine_stops_when_alt_stays_above_three_times_normal(values: tuple[float, ...], severity: list[str]) -> None:
    """One high value is repeated; two in a row stop it."""
    look = story(takes("tizanidine", 12, -50)).fact(*(Measured(day(number), "ALT", value) for number, value in enumerate(values)))
    assert not_tasks(look.look(9), "ALT-01") == severity


@pytest.mark.requirement("ALT-02")
@pytest.mark.parametrize(("mg", "severity"), [(225, []), (226, ["advise"]), (400, ["advise"]), (401, ["block"])])
def test_dantrolene_has_a_maximum(mg: float, severity: list[str]) -> None:
    young = Story().person(born=date(2000, 1, 1)).fact(takes("dantrolene", mg, 0, 4))
    assert not_tasks(young.look(30), "ALT-02") == severity


@pytest.mark.requirement("ALT-02")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((0, 25),), 1, []),
        (((0, 50),), 1, ["warn"]),
        (((0, 25), (7, 50)), 7, []),
        (((0, 25), (6.9, 50)), 6.95, ["warn"]),
        (((0, 25), (7, 50), (14, 75)), 14, []),
    ],
)
def test_dantrolene_rises_weekly(steps: tuple[tuple[float, float], ...], now: float, severity: list[str]) -> None:
    young = Story().person(born=date(2000, 1, 1)).fact(*(takes("dantrolene", mg, on) for on, mg in steps))
    assert not_tasks(young.look(now), "ALT-02") == severity


@pytest.mark.requirement("ALT-02")
def test_dantrolene_needs_a_baseline_and_a_series_of_liver_tests() -> None:
    """Before it, every 2 weeks for 6 weeks, then every 6 weeks to 6 months."""
    taken = story(takes("dantrolene", 25))
    assert [task.due for task in tasks(taken.look(1), "ALT-02")] == [day(0), day(14)]
    taken.fact(Measured(day(-1), "ALT", 1))
    last = 0
    for due in (14, 28, 42, 84, 126, 168):
        assert [task.due for task in tasks(taken.look(last + 1), "ALT-02") if task.due != day(45)] == [day(due)]
        taken.fact(Measured(day(due), "ALT", 1))
        last = due
    assert [task.due for task in tasks(taken.look(169), "ALT-02")] == [day(45)]


@pytest.mark.requirement("ALT-02")
@pytest.mark.parametrize(
    ("answer", "days", "count"), [(None, 44.9, 0), (None, 45, 1), (False, 45, 1), (True, 45, 0), (False, 44.9, 0)]
)
def test_dantrolene_without_benefit_ends_at_forty_five_days(answer: bool | None, days: float, count: int) -> None:
    taken = story(takes("dantrolene", 25))
    taken.fact(*([Answered(day(20), "benefit", "dantrolene", answer)] if answer is not None else []))
    assert sum(task.due == day(45) for task in tasks(taken.look(days), "ALT-02")) == count


@pytest.mark.requirement("ALT-02")
@pytest.mark.parametrize(
    ("age", "other", "condition", "severity"),
    [
        (35, None, None, []),
        (36, None, None, ["warn"]),
        (20, "ethinylestradiol", None, ["warn"]),
        (20, None, "liver disease", ["warn"]),
    ],
)
def test_what_makes_dantrolene_worse_for_the_liver(
    age: int, other: str | None, condition: str | None, severity: list[str]
) -> None:
    today = day(30).date(Story().look(30).zone)
    person = Story().person(born=date(today.year - age, 1, 1)).fact(takes("dantrolene", 25))
    person.fact(*([takes(other, 1)] if other else []), *([Noticed(day(0), condition)] if condition else []))
    assert not_tasks(person.look(30), "ALT-02") == severity


@pytest.mark.requirement("ALT-03")
@pytest.mark.parametrize(
    ("medicine", "mg", "severity"),
    [
        ("diazepam", 15, []),
        ("diazepam", 16, ["advise"]),
        ("diazepam", 60, ["advise"]),
        ("diazepam", 61, ["warn", "advise"]),
        ("clonazepam", 2, []),
        ("clonazepam", 2.1, ["warn"]),
    ],
)
def test_benzodiazepines_have_maxima(medicine: str, mg: float, severity: list[str]) -> None:
    assert severities(story(takes(medicine, mg)).look(30), "ALT-03") == severity


@pytest.mark.requirement("ALT-03")
@pytest.mark.parametrize(("mg", "on", "severity"), [(0.5, 0, []), (1, 0, ["advise"]), (1, 1, [])])
def test_clonazepam_starts_low(mg: float, on: float, severity: list[str]) -> None:
    assert severities(story(takes("clonazepam", mg)).look(on), "ALT-03") == severity


@pytest.mark.requirement("ALT-03")
def test_benzodiazepines_do_not_go_with_opioids_or_alcohol() -> None:
    alone = story(takes("diazepam", 5))
    assert severities(alone.look(30), "ALT-03") == []
    for fact in (takes("morphine", 10), takes("alcohol", 10), Noticed(day(0), "alcohol misuse")):
        assert severities(story(takes("diazepam", 5)).fact(fact).look(30), "ALT-03") == ["warn"]
    assert severities(story(takes("morphine", 10), takes("alcohol", 10)).look(30), "ALT-03") == []


@pytest.mark.requirement("ALT-04")
@pytest.mark.parametrize(
    ("mg", "on", "severity"), [(300, 0, []), (400, 0, ["warn"]), (400, 1, []), (3600, 9, []), (3601, 9, ["warn"])]
)
def test_gabapentin_starts_low_and_has_a_maximum(mg: float, on: float, severity: list[str]) -> None:
    assert severities(story(takes("gabapentin", mg)).look(on), "ALT-04") == severity


@pytest.mark.requirement("ALT-04")
def test_gabapentin_is_less_with_ill_kidneys() -> None:
    taken = story(takes("gabapentin", 900))
    assert severities(taken.fact(Measured(day(1), "eGFR", 60)).look(9), "ALT-04") == []
    assert severities(taken.fact(Measured(day(2), "eGFR", 59)).look(9), "ALT-04") == ["warn"]


@pytest.mark.requirement("ALT-05")
@pytest.mark.parametrize(("units", "severity"), [(400, []), (401, ["block"])])
def test_a_session_has_at_most_four_hundred_units(units: float, severity: list[str]) -> None:
    """Of one brand: units of another are none of it."""
    assert severities(story(takes("onabotulinumtoxinA", units, 0, 1, "injection")).look(1), "ALT-05") == severity
    assert severities(story(takes("abobotulinumtoxinA", 1000, 0, 1, "injection")).look(1), "ALT-05") == []
    assert severities(story(takes("onabotulinumtoxinA", units, 0, 1, "injection")).look(84), "ALT-05") == []


@pytest.mark.requirement("ALT-05")
@pytest.mark.parametrize(("gap", "severity"), [(84, []), (83.9, ["warn"])])
def test_sessions_are_twelve_weeks_apart(gap: float, severity: list[str]) -> None:
    """What is recalled warns; the brand may change, and then that is said too."""
    twice = story(takes("onabotulinumtoxinA", 200, 0, 1, "injection"), takes("onabotulinumtoxinA", 200, gap, 1, "injection"))
    findings = found(twice.look(gap + 1), "ALT-05")
    assert [finding.severity for finding in findings] == severity
    assert all(finding.due == day(84) for finding in findings)
    other = story(takes("onabotulinumtoxinA", 200, 0, 1, "injection"), takes("incobotulinumtoxinA", 200, gap, 1, "injection"))
    assert severities(other.look(gap + 1), "ALT-05") == ["warn", *severity]


@pytest.mark.requirement("ALT-06")
@pytest.mark.parametrize(("sprays", "severity"), [(12, []), (13, ["warn"])])
def test_at_most_twelve_sprays(sprays: float, severity: list[str]) -> None:
    assert severities(story(takes("nabiximols", sprays, 0, 3, "spray")).look(1), "ALT-06") == severity


@pytest.mark.requirement("ALT-06")
@pytest.mark.parametrize(
    ("before", "after", "days", "count"),
    [("10", "8", 28, 0), ("10", "9", 28, 1), ("10", "9", 27.9, 0), (None, "9", 28, 1), ("10", None, 28, 1), ("5", "5", 40, 1)],
)
def test_the_spray_goes_on_only_where_it_helps(before: str | None, after: str | None, days: float, count: int) -> None:
    """A fall of the score by 20 % within 4 weeks; without both scores nobody knows."""
    taken = story(takes("nabiximols", 8, 0, 3, "spray"))
    taken.fact(*([Scored(day(-1), "spasticity-nrs", before)] if before else []))
    taken.fact(*([Scored(day(26), "spasticity-nrs", after)] if after else []))
    stops = found(taken.look(days), "ALT-06")
    assert [finding.severity for finding in stops] == ["task"] * count
    assert all(finding.due == day(28) for finding in stops)


@pytest.mark.requirement("ALT-06")
def test_a_score_of_nothing_cannot_improve() -> None:
    taken = story(takes("nabiximols", 8)).fact(Scored(day(-1), "spasticity-nrs", "0"), Scored(day(9), "spasticity-nrs", "0"))
    assert improvement(taken.look(10), day(0)) is None


@pytest.mark.requirement("ALT-07")
@pytest.mark.parametrize(("answer", "severity"), [(None, ["task"]), (False, ["task"]), (True, [])])
def test_a_daily_program_stands_beside_every_drug(answer: bool | None, severity: list[str]) -> None:
    person = Story().person()
    person.fact(*([Answered(day(0), "physical management", "daily stretching", answer)] if answer is not None else []))
    assert severities(person.look(1), "ALT-07") == severity
    assert severities(Story().look(1), "ALT-07") == []


@pytest.mark.requirement("ALT-01")
def test_nothing_is_said_of_what_is_not_taken() -> None:
    look = Story().person().look(1)
    assert {rule for rule, check in CHECKS.items() if list(check(look))} == {"ALT-07"}


def options(look: Look) -> dict[str, Option]:
    return {option.name: option for option in alternatives(look)}


@pytest.mark.requirement("ALT-00")
def test_the_options_stand_in_their_order() -> None:
    """Each with steps and maxima; physical therapy beside them all."""
    all_options = alternatives(Story().person().look(0))
    assert [option.line for option in all_options] == ["first"] * 2 + ["second"] * 2 + ["other"] * 4 + ["beside"]
    assert [option.name for option in all_options[:4]] == ["baclofen", "gabapentin", "tizanidine", "dantrolene"]
    assert all(option.steps for option in all_options)
    assert all(option.maxima for option in all_options[:-1])
    assert not any(option.taken for option in all_options)
    assert options(Story().person().look(0, clinic=Clinic(jurisdiction="UK")))["baclofen"].maxima[0].value == 100


@pytest.mark.requirement("ALT-01")
def test_an_option_says_what_stands_against_it_here() -> None:
    """Ciprofloxacin against tizanidine, kidneys against baclofen, an opioid against the benzodiazepines."""
    person = story(takes("ciprofloxacin", 500), takes("morphine", 20)).fact(Measured(day(0), "eGFR", 20))
    here = options(person.look(1))
    assert [(finding.rule, finding.severity) for finding in here["tizanidine"].against] == [
        ("ALT-01", "block"),
        ("ALT-00", "advise"),
    ]
    assert ("ORL-05", "block") in [(finding.rule, finding.severity) for finding in here["baclofen"].against]
    assert [finding.rule for finding in here["diazepam"].against] == ["ALT-03"]
    assert [finding.rule for finding in here["clonazepam"].against] == ["ALT-03"]
    assert here["onabotulinumtoxinA"].against == ()
    assert person.look(1).known.medicines.keys() == {"ciprofloxacin", "morphine"}


@pytest.mark.requirement("ALT-02")
def test_an_option_has_its_tests_dated_from_now() -> None:
    here = options(Story().person().look(3))
    assert [step.at for step in here["dantrolene"].monitoring][:3] == [day(3), day(17), day(31)]
    assert [step.what for step in here["dantrolene"].monitoring].count("ALT") == 7
    assert len(here["tizanidine"].monitoring) == 4
    assert here["nabiximols"].monitoring[-1].at == day(31)
    taken = options(story(takes("tizanidine", 40, -30, 4)).look(0))["tizanidine"]
    assert taken.taken
    assert "block" in [finding.severity for finding in taken.against]


@given(every=st.integers(1, 60), count=st.integers(1, 8), late=st.floats(0, 0.4))
def test_a_series_of_tests_ends_and_each_is_an_interval_after_the_last(every: int, count: int, late: float) -> None:
    """As many as the phase has intervals, if they are kept to; a little late changes their dates and little else."""
    phases = (Phase(every * count * DAY_S, every * DAY_S),)
    planned = list(dates(day(0), phases))
    assert [(at.s - day(0).s) // DAY_S for at in planned] == [every * number for number in range(1, count + 1)]
    shifted = Instant(day(0).s + round(late * every * DAY_S))
    assert next_test(day(0), [Measured(shifted, "ALT", 1)], phases) == Instant(shifted.s + every * DAY_S)
