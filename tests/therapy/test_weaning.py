"""Weaning: what is stopped or lowered too fast is found, with a pump and without; and the plans around a pump."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, found, mcg_a_day, severities, started
from thecal.chart.clinical import Discontinued, Documented, Measured, Noticed, Prescribed, Scored
from thecal.chart.facts import Explanted, TabletsStarted, TabletsStopped
from thecal.errors import Refusal
from thecal.quantity import OralDose
from thecal.therapy.clinic import Clinic
from thecal.therapy.plan import Plan
from thecal.therapy.removal import removal_plan
from thecal.therapy.weaning import wean_plan
from thecal.timeline import DAY_S

Steps = tuple[tuple[float, float], ...]


def takes(mg: float, on: float = 0, medicine: str = "baclofen", doses: int = 3) -> Prescribed:
    return Prescribed(day(on), medicine, "oral", mg, doses)


def course(*steps: tuple[float, float], medicine: str = "baclofen", story: Story | None = None) -> Story:
    """A drug by (day, mg/day) in three doses; 0 is a stop."""
    facts = [takes(mg, on, medicine) if mg else Discontinued(day(on), medicine) for on, mg in steps]
    return (story or Story().person()).fact(*facts)


def with_pump(*steps: tuple[float, float], medicine: str = "baclofen") -> Story:
    """The same with a pump that has run since day 0."""
    return course(*steps, medicine=medicine, story=started())


@pytest.mark.requirement("WEA-01")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((-90, 60), (0, 0)), 1, ["block"]),
        (((-90, 16), (0, 0)), 1, ["block"]),
        (((-90, 15), (0, 0)), 1, []),
        (((-90, 60), (-1.1, 15), (0, 0)), 1, []),  # no stop from 60; WEA-02 finds that it took a day
        (((-90, 60), (-0.9, 15), (0, 0)), 1, ["block"]),
        (((-90, 60), (0, 0)), 7, []),
        (((-90, 60), (0, 0), (1, 60)), 1, []),
        (((-90, 60), (0, 29)), 1, ["warn"]),
        (((-90, 60), (0, 30)), 1, []),
        (((-90, 20), (0, 5)), 1, []),
    ],
)
def test_baclofen_is_never_stopped_at_once(steps: Steps, now: float, severity: list[str]) -> None:
    """From more than 5 mg in each dose it is a block, as long as a taper would have taken; more than half warns."""
    assert severities(course(*steps).look(now), "WEA-01") == severity


@pytest.mark.requirement("WEA-01")
def test_tablets_of_a_case_are_not_stopped_at_once_either() -> None:
    story = Story().person().fact(TabletsStarted(day(-50), (OralDose(20_000),) * 3, (0, 28_800, 57_600), "tablet"))
    assert severities(story.fact(TabletsStopped(day(0))).look(1), "WEA-01") == ["block"]


@pytest.mark.requirement("WEA-01")
@pytest.mark.parametrize("document", ["emergency reason", "overdose recorded"])
def test_a_recorded_emergency_is_the_one_reason(document: str) -> None:
    """Of that time: one of long ago is none."""
    stopped = ((-90, 60), (0, 0))
    for rule in ("WEA-01", "WEA-02"):
        assert severities(course(*stopped).look(1), rule) == ["block"]
        assert severities(course(*stopped).fact(Documented(day(0), document)).look(1), rule) == []
        assert severities(course(*stopped).fact(Documented(day(-60), document)).look(1), rule) == ["block"]


@pytest.mark.requirement("WEA-02")
@pytest.mark.parametrize(
    ("steps", "severity"),
    [
        (((-90, 60), (-7, 40), (-3, 15), (0, 0)), []),
        (((-90, 60), (-6.9, 40), (-3, 15), (0, 0)), ["block"]),
        (((-90, 60), (0, 0)), ["block"]),
        (((-90, 15), (0, 0)), []),
        (((-90, 80), (-60, 60), (-4, 15), (0, 0)), ["block"]),
        (((-90, 80), (-13, 60), (-4, 15), (0, 0)), []),
        (((-90, 60), (-45, 45), (-30, 30), (-15, 15), (0, 0)), []),
    ],
)
def test_a_taper_takes_a_week_or_more(steps: Steps, severity: list[str]) -> None:
    """From its first step to the stop; a dose that was kept for two weeks parts two tapers."""
    assert severities(course(*steps).look(1), "WEA-02") == severity
    assert severities(course(*steps).look(7), "WEA-02") == []


@pytest.mark.requirement("WEA-03")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((-90, 60), (0, 45)), 1, []),
        (((-90, 60), (0, 44)), 1, ["advise"]),
        (((-90, 60), (-3, 45), (0, 30)), 0, []),
        (((-90, 60), (-2.9, 45), (0, 30)), 0, ["advise"]),
        (((-90, 60), (0, 44)), 3, []),
    ],
)
def test_a_taper_follows_the_schedules_in_use(steps: Steps, now: float, severity: list[str]) -> None:
    """5 mg less in each of three doses every 3 days; with a pump the steps are those of WEA-05."""
    assert severities(course(*steps).look(now), "WEA-03") == severity
    assert severities(course(*((on + 100, mg) for on, mg in steps), story=started()).look(now + 100), "WEA-03") == []


@pytest.mark.requirement("WEA-04")
@pytest.mark.parametrize(
    ("steps", "severity"),
    [
        (((-63, 20), (0, 16)), []),
        (((-63, 20), (0, 15)), ["warn"]),
        (((-62, 20), (0, 15)), ["advise"]),
        (((-90, 19), (0, 0)), ["advise"]),
        (((-90, 36), (-1, 32), (0, 28)), []),
        (((-90, 36), (-0.9, 32), (0, 28)), ["warn"]),
        (((-90, 4), (0, 0)), []),
    ],
)
def test_tizanidine_needs_a_taper_of_its_own(steps: Steps, severity: list[str]) -> None:
    """At most 4 mg a day less, all the more after nine weeks at 20 mg a day."""
    assert severities(course(*steps, medicine="tizanidine").look(0.01), "WEA-04") == severity


@pytest.mark.requirement("WEA-04")
@pytest.mark.parametrize(
    ("steps", "now", "severity"),
    [
        (((-90, 10), (0, 0)), 1, ["warn"]),
        (((-90, 10), (0, 0)), 7, []),
        (((-90, 10), (-10, 5), (0, 0)), 1, []),
        (((-90, 10), (-80, 5), (0, 0)), 1, ["warn"]),
    ],
)
@pytest.mark.parametrize("medicine", ["diazepam", "clonazepam", "lorazepam"])
def test_benzodiazepines_need_a_taper_of_their_own(medicine: str, steps: Steps, now: float, severity: list[str]) -> None:
    assert severities(course(*steps, medicine=medicine).look(now), "WEA-04") == severity


@pytest.mark.requirement("WEA-05")
@pytest.mark.parametrize(
    ("steps", "severity"),
    [
        (((-90, 60), (30, 30)), []),
        (((-90, 60), (30, 29)), ["block"]),
        (((-90, 60), (29.5, 45), (30, 25)), ["block"]),
        (((-90, 60), (29, 45), (30, 25)), []),
        (((-90, 60), (20, 30), (30, 0)), []),
        (((-90, 60), (20, 31), (30, 0)), ["block"]),
        (((-90, 60), (30, 0)), ["block"]),
        (((-90, 5), (30, 0)), []),
        (((-90, 60), (-1, 20)), []),
    ],
)
def test_with_a_pump_a_drug_falls_by_half_at_most(steps: Steps, severity: list[str]) -> None:
    """Counted over a day; the last step is at most half of the dose at the start. What was before the pump is none of it."""
    blocks = [name for name in severities(with_pump(*steps).look(30.5), "WEA-05") if name != "task"]
    assert blocks == severity
    assert severities(with_pump(*steps).fact(Explanted(day(30.2))).look(30.5), "WEA-05") == []


@pytest.mark.requirement("WEA-05")
@pytest.mark.parametrize(
    ("baclofen", "tizanidine", "severity"),
    [
        (((-90, 60), (30, 45)), ((-90, 12),), []),
        (((-90, 60), (30, 45)), ((-90, 12), (30, 8)), ["block"]),
        (((-90, 60), (24, 45)), ((-90, 12), (30, 8)), ["block"]),
        (((-90, 60), (23, 45)), ((-90, 12), (30, 8)), []),
        (((-90, 60), (26, 30), (29, 0)), ((-90, 12), (30, 8)), []),
        (((-90, 60),), ((-90, 12), (30, 8)), ["warn"]),
        ((), ((-90, 12), (30, 8)), []),
    ],
)
def test_one_drug_at_a_time_and_baclofen_first(baclofen: Steps, tizanidine: Steps, severity: list[str]) -> None:
    """Two within a week are together, unless the first is done."""
    story = course(*tizanidine, medicine="tizanidine", story=with_pump(*baclofen))
    assert [name for name in severities(story.look(30.5), "WEA-05") if name != "task"] == severity


@pytest.mark.requirement("WEA-05")
def test_a_step_is_assessed_within_a_day() -> None:
    story = with_pump((-90, 60), (30, 45))
    assert severities(story.look(31), "WEA-05") == []
    late = found(story.look(31.1), "WEA-05")
    assert [(finding.severity, finding.due) for finding in late] == [("task", day(31))]
    assert severities(with_pump((-90, 60), (30, 45)).assessed(30.5, 3).look(31.1), "WEA-05") == []
    scored = with_pump((-90, 60), (30, 45)).fact(Scored(day(30.5), "spasticity-nrs", "4"))
    assert severities(scored.look(31.1), "WEA-05") == []


def doses(plan: Plan, medicine: str) -> list[tuple[float, float]]:
    """Day and mg/day of every step of a drug."""
    told = ((step.at, re.fullmatch(rf"{medicine} ([0-9.e-]+) mg/day", step.what)) for step in plan.steps)
    return [((at.s - day(0).s) / DAY_S, float(match[1])) for at, match in told if match]


@pytest.mark.requirement("WEA-05")
def test_a_weaning_takes_baclofen_first_and_one_drug_after_the_other() -> None:
    story = course((-90, 12), medicine="tizanidine", story=with_pump((-90, 60)))
    course((-90, 5), medicine="diazepam", story=story)
    plan = wean_plan(story.look(10), day(10))
    assert isinstance(plan, Plan)
    assert doses(plan, "baclofen") == [(10, 45), (13, 30), (16, 20), (19, 15), (22, 0)]
    first = doses(plan, "tizanidine")
    assert [mg for _, mg in first] == [10, 8, 6, 4, 2, 0]
    assert first[0][0] == 29
    assert [finding.rule for finding in plan.findings] == ["WEA-04"]  # diazepam needs a taper that nobody publishes
    assert plan.steps[0].what == "reserve"
    assert sum(step.what == "assess" for step in plan.steps) == 11


@pytest.mark.requirement("WEA-05")
def test_a_weaning_needs_a_pump_that_runs_and_something_to_wean() -> None:
    for look in (course((-90, 60)).look(10), started().look(10), with_pump((-90, 60)).fact(Explanted(day(9))).look(10)):
        answer = wean_plan(look, day(10))
        assert isinstance(answer, Refusal)
        assert answer.rule == "WEA-05"


@given(
    mg=st.floats(0.5, 200),
    other=st.integers(1, 40),
    times=st.integers(1, 4),
    medicine=st.sampled_from(["tizanidine", "gabapentin"]),
)
@pytest.mark.requirement("WEA-05")
def test_a_weaning_kept_to_finds_nothing(mg: float, other: int, times: int, medicine: str) -> None:
    """It falls to nothing, and a chart on which it was done is one that the rules of weaning leave in peace."""
    story = started().fact(takes(mg, -90, doses=times), takes(other, -90, medicine, times))
    plan = wean_plan(story.look(10), day(10))
    assert isinstance(plan, Plan)
    steps = doses(plan, "baclofen")
    assert steps[-1][1] == 0
    assert all(later < earlier for earlier, later in pairwise([mg, *(dose for _, dose in steps)]))
    others = doses(plan, medicine)
    assert others[-1][1] == 0
    for name, on, dose in [*(("baclofen", *step) for step in steps), *((medicine, *step) for step in others)]:
        story.fact(takes(dose, on, name, times) if dose else Discontinued(day(on), name)).assessed(on + 0.1, 3)
    for on, _ in [*steps, *others]:
        look = story.look(on + 0.5)
        for rule in ("WEA-01", "WEA-02", "WEA-04", "WEA-05"):
            assert severities(look, rule) == [], (on, rule)


@pytest.mark.requirement("WEA-06")
def test_an_elective_removal_is_prepared_in_order() -> None:
    """10 % less three days before, 20 % two days before, with the drugs that cover it; the removal comes last."""
    refused = removal_plan(started(400).look(30), day(40))
    assert isinstance(refused, Refusal)
    assert refused.rule == "ORL-01"  # its doses by mouth pass the usual maximum
    named = Documented(day(29), "withdrawal plan", None, "Dr A")
    plan = removal_plan(started(400).fact(named).look(30), day(40))
    assert isinstance(plan, Plan)
    assert [(step.at, step.what) for step in plan.steps if step.what.startswith("pump")] == [
        (day(37), f"pump {mcg_a_day(360)}"),
        (day(38), f"pump {mcg_a_day(320)}"),
    ]
    assert doses(plan, "baclofen") == [(37, 90), (38, 120)]
    assert doses(plan, "tizanidine") == [(37, 4), (38, 16)]
    assert plan.steps[-1].what == "removal"
    assert list(plan.steps) == sorted(plan.steps, key=lambda step: step.at)
    assert ("ORL-01", "warn") in [(finding.rule, finding.severity) for finding in plan.findings]


@pytest.mark.requirement("WEA-06")
def test_a_removal_that_comes_too_soon_or_without_a_dose_stops() -> None:
    for look, at in ((started().look(30), day(32.9)), (Story().person().look(30), day(40))):
        answer = removal_plan(look, at)
        assert isinstance(answer, Refusal)
        assert answer.rule == "WEA-06"
    named = started().fact(Documented(day(29), "withdrawal plan", None, "Dr A"))
    assert isinstance(removal_plan(named.look(30), day(33)), Plan)


@pytest.mark.requirement("WEA-06")
def test_the_cover_of_a_removal_suits_kidneys_and_other_drugs() -> None:
    """Half for half kidneys, none for none; no tizanidine with fluvoxamine."""
    half = removal_plan(started(400).fact(Measured(day(1), "eGFR", 45)).look(30), day(40))
    assert isinstance(half, Plan)
    assert doses(half, "baclofen") == [(37, 45), (38, 60)]
    none = removal_plan(started(400).fact(Measured(day(1), "eGFR", 20), takes(100, 1, "fluvoxamine")).look(30), day(40))
    assert isinstance(none, Plan)
    assert doses(none, "baclofen") == doses(none, "tizanidine") == []
    assert {"ORL-05", "ALT-01"} <= {finding.rule for finding in none.findings if finding.severity == "block"}


@pytest.mark.requirement("WEA-07")
@pytest.mark.parametrize("condition", ["pocket infection", "CSF infection"])
def test_an_infected_pump_is_weaned_by_the_day(condition: str) -> None:
    """Over 5 or 6 days, each by 20 to 50 %, and then off; with fewer days it stops here."""
    story = started(400).fact(Noticed(day(29), condition))
    for days, count in ((5, 5), (6, 6), (20, 6)):
        plan = removal_plan(story.look(30), day(30 + days))
        assert isinstance(plan, Plan)
        running = [400, *(float(step.what.split()[1].replace(",", "")) for step in plan.steps[:-1])]
        assert len(running) == count + 1
        assert all(20 <= 100 * (earlier - later) / earlier <= 50 for earlier, later in pairwise(running))
        assert plan.steps[-1].at == day(30 + days)
        assert all(later.at.s - earlier.at.s == DAY_S for earlier, later in pairwise(plan.steps))
    answer = removal_plan(story.look(30), day(34.9))
    assert isinstance(answer, Refusal)
    assert answer.rule == "WEA-07"


@given(share=st.sampled_from([0.5, 0.9, 1.0]), steps=st.lists(st.integers(0, 16), min_size=2, max_size=6), gap=st.floats(0.3, 9))
@pytest.mark.requirement("WEA-02")
def test_a_stricter_limit_never_finds_less(share: float, steps: list[int], gap: float) -> None:
    """Whatever was prescribed: with each limit made stricter, what was found is found."""
    stricter = {
        "WEA-01.cut": 50 * share, "WEA-02.shortest": 7 / share, "WEA-02.pause": 14 * share, "WEA-03.per dose": 5 * share,
        "WEA-03.every": 3 / share, "WEA-04.step": 4 * share, "WEA-05.step": 50 * share, "WEA-05.together": 7 / share,
        "ORL-01.maximum US": 80 * share, "ORL-02.step": 15 * share, "ORL-02.every": 3 / share, "ORL-01.start": 15 * share,
    }  # fmt: skip
    story = course(*((number * gap, 5.0 * units) for number, units in enumerate(steps)))
    now = gap * (len(steps) - 1) + 0.1
    for name, value in stricter.items():
        clinic = Clinic().with_limit(name, value)
        for rule in {name.partition(".")[0], "WEA-01", "WEA-02", "ORL-02"}:
            usual, strict = severities(story.look(now), rule), severities(story.look(now, clinic=clinic), rule)
            assert len(strict) >= len(usual), (name, rule)
