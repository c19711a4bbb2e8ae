"""The implant: gates before it, what is recorded of it, the start of the infusion, and the way home."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Booked, Closed, Documented, Measured, Noticed, Visited
from thecal.chart.facts import Explanted, Implanted, PumpReplaced
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import words
from thecal.errors import Refusal
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.implantation import start_plan
from thecal.therapy.plan import Plan
from thecal.timeline import DAY_S, Instant

H = 1 / 24
PRIMED = Concentration(500)


def checklist(story: Story, name: str, *left_out: str, on: float = -1) -> Story:
    """Every item of a checklist answered yes, but some."""
    items = [item for item in words("checklists")[name].items if item not in left_out]
    return story.fact(*(Answered(day(on), name, item, True) for item in items))


def booked(on: float = 0) -> Story:
    """Somebody whose operation is booked."""
    return Story().person().tested(-14).fact(Booked(day(-10), "implant", day(on)))


def operated(primed: Concentration | None = PRIMED) -> Story:
    """A pump that was put in and filled on day 0."""
    return Story().person().tested(-14).implanted(0, primed).filled(0)


def running(mcg: float = 100) -> Story:
    """A pump that was started on day 0, and of which nothing else is on the chart; its line holds no drug."""
    return operated(None).programmed(0, mcg)


def tip_day(story: Story) -> float:
    """When drug is at the tip, in days, at 100 mcg/day of 500 mcg/mL from day 0: the first whole second by which it is."""
    implanted = story.chart.implanted
    assert implanted is not None
    return -(-implanted.dead_volume.nl * DAY_S // 200_000) / DAY_S


@pytest.mark.requirement("IMP-01")
@pytest.mark.parametrize("item", words("checklists")["consent"].items)
def test_consent_covers_everything(item: str) -> None:
    """From a positive test or a booked operation on, until the operation."""
    gate = found(checklist(booked(), "consent", item).look(-0.5), "IMP-01")
    assert [finding.severity for finding in gate] == ["block"]
    assert item in gate[0].asked
    assert severities(checklist(booked(), "consent").look(-0.5), "IMP-01") == []


@pytest.mark.requirement("IMP-01")
def test_gates_open_with_a_positive_test_and_close_with_the_operation() -> None:
    tested = Story().person().tested(-14)
    assert severities(tested.look(-5), "IMP-01") == []
    tested.fact(Answered(day(-13), "test result", "goal met", True))
    assert severities(tested.look(-5), "IMP-01") == ["block"]
    assert severities(tested.implanted(-4).look(-3), "IMP-01") == []
    assert severities(booked().fact(Closed(day(-2), "moved away")).look(-1), "IMP-01") == []
    taken_back = booked().fact(Booked(day(-2), "implant", day(0), cancelled=True))
    assert severities(taken_back.look(-1), "IMP-01") == []
    again = started(100).fact(Explanted(day(50)), Booked(day(60), "implant", day(90)))
    assert severities(again.look(70), "IMP-01") == ["block"]


@pytest.mark.requirement("IMP-02")
@pytest.mark.parametrize("condition", ["active infection", "urinary tract infection", "CSF infection"])
def test_an_infection_calls_the_operation_off(condition: str) -> None:
    story = booked().fact(Noticed(day(-3), condition))
    assert severities(story.look(-1), "IMP-02") == ["block"]
    assert severities(story.fact(Noticed(day(-2), condition, present=False)).look(-1), "IMP-02") == []
    assert severities(Story().person().fact(Noticed(day(-3), condition)).look(-1), "IMP-02") == []


@pytest.mark.requirement("IMP-02")
def test_infection_and_prophylaxis_are_checked_on_the_day() -> None:
    """Yesterday's examination does not count; a no on the day is one."""
    assert severities(booked().look(-1), "IMP-02") == []
    assert severities(booked().look(0), "IMP-02") == ["block", "warn"]
    assert severities(checklist(booked(), "day of implant", on=-1).look(0), "IMP-02") == ["block", "warn"]
    assert severities(checklist(booked(), "day of implant", on=0).look(0), "IMP-02") == []
    assert severities(checklist(booked(), "day of implant", "antibiotic prophylaxis", on=0).look(0), "IMP-02") == ["warn"]
    denied = checklist(booked(), "day of implant", "no infection", on=0).fact(
        Answered(day(0), "day of implant", "no infection", False)
    )
    assert severities(denied.look(0), "IMP-02") == ["block"]


@pytest.mark.requirement("IMP-03")
def test_the_site_is_marked_and_the_side_recorded() -> None:
    assert severities(booked().look(-1), "IMP-03") == []
    assert severities(booked().look(0), "IMP-03") == ["warn"]
    assert severities(checklist(booked(), "day of implant", "side recorded", on=0).look(0), "IMP-03") == ["warn"]
    assert severities(checklist(booked(), "day of implant", on=0).look(0), "IMP-03") == []


@pytest.mark.requirement("IMP-03")
@pytest.mark.parametrize(("depth", "severity"), [(2.5, []), (2.6, ["block"])])
def test_a_pump_that_lies_too_deep_is_placed_again(depth: float, severity: list[str]) -> None:
    """As long as the person is in hospital, and by the limit of CAN-15, which a clinic may set stricter."""
    story = operated().fact(Measured(day(0), "implant depth", depth))
    assert severities(story.look(0.5), "IMP-03") == severity
    assert severities(story.look(0.5, clinic=Clinic().with_limit("CAN-15.depth", 2)), "IMP-03") == ["block"]
    assert severities(story.look(30), "IMP-03") == []


@pytest.mark.requirement("IMP-04")
@pytest.mark.parametrize(
    ("pattern", "tip", "severity"),
    [
        ("both legs", "T10", []),
        ("legs and trunk", "T6", []),
        ("both legs", "T11", ["advise"]),
        ("both legs", "T5", ["advise"]),
        ("upper and lower limbs", "T2", []),
        ("upper and lower limbs", "T10", ["advise"]),
        ("dystonia", "C4", []),
        ("dystonia", "T1", ["advise"]),
        (None, "L1", []),
    ],
)
def test_the_tip_lies_where_the_pattern_asks_for_it(pattern: str | None, tip: str, severity: list[str]) -> None:
    story = operated()
    story.facts = [replace(fact, tip_level=tip) if isinstance(fact, Implanted) else fact for fact in story.facts]
    if pattern == "dystonia":
        story.fact(Noticed(day(-50), pattern))
    elif pattern:
        story.fact(Answered(day(-50), "distribution", pattern, True))
    assert severities(story.look(0.5), "IMP-04") == severity
    assert severities(story.look(30), "IMP-04") == []


@pytest.mark.requirement("IMP-05")
def test_the_record_is_complete_before_the_first_program() -> None:
    """Geometry, volumes and device record; once a session has ended the gate is passed."""
    story = operated()
    assert severities(story.look(0.1), "IMP-05") == ["block"]
    early = operated().fact(Documented(day(-1), "device record"))
    assert severities(early.look(0.1), "IMP-05") == ["block"]  # it is of another pump
    complete = operated().fact(Documented(day(0), "device record"))
    assert severities(complete.look(0.1), "IMP-05") == []
    for change in ({"geometry": None}, {"dead_volume": Volume(0)}):
        changed = operated().fact(Documented(day(0), "device record"))
        changed.facts = [replace(fact, **change) if isinstance(fact, Implanted) else fact for fact in changed.facts]
        assert severities(changed.look(0.1), "IMP-05") == ["block"]
    assert severities(story.programmed(0.2, 100).look(0.3), "IMP-05") == []
    assert severities(booked().look(0), "IMP-05") == []


@pytest.mark.requirement("IMP-05")
def test_of_a_catheter_that_stays_the_measured_volume_is_enough() -> None:
    """Nobody measures its lengths again; of a catheter that was just put in they are known."""
    papers = (Documented(day(10), "device record"), Documented(day(10), "catheter volume"))
    story = operated().programmed(0.2, 100)
    story.facts = [replace(fact, geometry=None) if isinstance(fact, Implanted) else fact for fact in story.facts]
    replaced = PumpReplaced(day(10), "synchromed-ii-40", Volume(336_890))
    assert severities(story.fact(replaced, papers[0]).look(11), "IMP-05") == ["block"]
    assert severities(story.fact(papers[1]).look(11), "IMP-05") == []


@pytest.mark.requirement("IMP-06")
def test_the_clock_starts_when_drug_is_at_the_tip() -> None:
    """An infusion through a line without drug is told until then, and a refill ends the question."""
    story = running()
    before = found(story.look(tip_day(story) - 0.01), "IMP-06")
    assert [finding.severity for finding in before] == ["advise"]
    assert before[0].due == day(tip_day(story))
    assert severities(story.look(tip_day(story) + 0.001), "IMP-06") == []
    assert severities(operated().look(0.1), "IMP-06") == []


@pytest.mark.requirement("IMP-07")
def test_a_start_is_monitored_for_eight_hours_from_drug_at_the_tip() -> None:
    story = running()
    end = tip_day(story) + 8 * H
    watched = found(story.look(end - 0.01), "IMP-07")
    assert [finding.severity for finding in watched] == ["task"]
    assert watched[0].due == day(end)
    assert severities(story.look(end + 0.001), "IMP-07") == []
    assert severities(story.look(end + 0.001, clinic=Clinic().with_limit("IMP-07.monitor", 9)), "IMP-07") == ["task"]
    assert severities(operated().look(0.1), "IMP-07") == []


@pytest.mark.requirement("IMP-08")
def test_rehabilitation_is_asked_for_until_it_is_there() -> None:
    story = running()
    assert severities(story.look(1), "IMP-08") == ["task"]
    assert severities(story.look(40), "IMP-08") == ["task"]
    assert severities(booked().look(-1), "IMP-08") == []
    assert severities(running().fact(Documented(day(1), "rehabilitation referral")).look(2), "IMP-08") == []
    assert severities(running().fact(Visited(day(20), "rehabilitation")).look(40), "IMP-08") == []
    stable = running().programmed(30, 101).programmed(60, 102).programmed(90, 102)
    assert severities(stable.look(91), "IMP-08") == []


def sheet(prime: bool) -> OrderSheet:
    return OrderSheet(
        dosing=OrderContinuous(DailyDose(100 * 10**6)), concentration=PRIMED, reservoir=Volume(40 * 10**6), prime=prime
    )


@pytest.mark.requirement("IMP-09")
def test_a_prime_fills_what_holds_no_drug_and_nothing_else() -> None:
    """A first program without one is told; a line full of drug or of nobody knows what is not primed."""
    empty = operated()
    assert severities(empty.look(0.1, sheet(prime=True)), "IMP-09") == []
    assert severities(empty.look(0.1, sheet(prime=False)), "IMP-09") == ["advise"]
    assert severities(empty.look(0.1), "IMP-09") == []
    unknown = operated()
    unknown.facts = [replace(fact, holds="unknown") if isinstance(fact, Implanted) else fact for fact in unknown.facts]
    assert severities(unknown.look(0.1, sheet(prime=True)), "IMP-09") == ["block"]
    assert severities(unknown.look(0.1, sheet(prime=False)), "IMP-09") == []
    full = running().filled(30).programmed(30, 100)
    assert severities(full.look(31, sheet(prime=True)), "IMP-09") == ["block"]
    assert severities(full.look(31, 110), "IMP-09") == []


@pytest.mark.requirement("IMP-10")
def test_a_bundle_is_told_where_a_clinic_uses_it() -> None:
    on = Clinic().with_switch("IMP-10", on=True)
    assert severities(booked().look(0, clinic=on), "IMP-10") == ["advise"]
    assert severities(booked().look(0), "IMP-10") == []
    assert severities(booked().look(-1, clinic=on), "IMP-10") == []
    assert severities(checklist(booked(), "infection bundle").look(0, clinic=on), "IMP-10") == []


@pytest.mark.requirement("IMP-11")
@pytest.mark.parametrize("item", words("checklists")["discharge"].items)
def test_nobody_goes_home_without(item: str) -> None:
    story = checklist(running(), "discharge", item, on=1)
    gate = found(story.look(2), "IMP-11")
    assert [finding.severity for finding in gate] == ["block"]
    assert item in gate[0].asked
    assert severities(checklist(running(), "discharge", on=1).look(2), "IMP-11") == []


@pytest.mark.requirement("IMP-11")
def test_a_gate_to_discharge_ends_with_it() -> None:
    """With a discharge or a visit from home, or after a usual stay; a plan that is on the chart counts as issued."""
    assert severities(running().look(5), "IMP-11") == ["block"]
    assert severities(running().look(5.01), "IMP-11") == []
    for visit in ("discharge", "post-op", "refill"):
        assert severities(running().fact(Visited(day(2), visit)).look(3), "IMP-11") == []
    assert severities(running().fact(Visited(day(-20), "follow-up")).look(3), "IMP-11") == ["block"]
    story = checklist(running(), "discharge", "emergency plan", on=1).fact(Documented(day(1), "emergency plan"))
    assert severities(story.look(2), "IMP-11") == []
    assert severities(running().look(6, clinic=Clinic().with_limit("IMP-07.stay", 7)), "IMP-11") == ["block"]


def plan(story: Story, on: float = 0.1) -> Plan:
    answer = start_plan(story.look(on))
    assert isinstance(answer, Plan), answer
    return answer


def at(answer: Plan, what: str) -> list[Instant]:
    return [step.at for step in answer.steps if step.what == what]


def test_a_start_is_planned_from_drug_at_the_tip() -> None:
    """Observation, first rise and effect count from there; visits count from the operation; all in order of time."""
    story = running()
    answer, tip = plan(story), tip_day(story)
    assert at(answer, "drug at the tip") == [day(tip)]
    assert at(answer, "monitored until") == [day(tip + 8 * H)]
    assert at(answer, "first rise not before") == [day(tip + 1)]
    assert at(answer, "first effect") == [day(tip + 6 * H)]
    assert at(answer, "full effect from") == [day(tip + 1)]
    assert at(answer, "full effect by") == [day(tip + 2)]
    assert at(answer, "post-op visit") == [day(7)]
    assert len(at(answer, "titration visit")) == 2
    assert day(27) < at(answer, "titration visit")[0] <= day(31)
    assert [step.at for step in answer.steps] == sorted(step.at for step in answer.steps)
    assert {finding.rule for finding in answer.findings} == {"IMP-08", "IMP-11"}


def test_the_first_dose_of_a_plan_is_twice_the_dose_that_worked() -> None:
    assert "100 mcg in 24 h" in plan(running()).notes[0]
    unknown = Story().person().tested(-14, 50, None).implanted(0, PRIMED).filled(0).programmed(0, 100)
    assert "not known" in plan(unknown).notes[0]


def test_before_the_first_session_a_plan_says_what_is_not_known() -> None:
    answer = plan(operated())
    assert at(answer, "first program") == [day(0.1)]
    assert not at(answer, "drug at the tip")
    assert "nothing runs yet" in answer.notes[1]
    assert "IMP-05" in {finding.rule for finding in answer.findings}


def test_without_a_pump_there_is_no_start() -> None:
    for story in (booked(), started(100).fact(Explanted(day(50)))):
        answer = start_plan(story.look(60))
        assert isinstance(answer, Refusal)
        assert answer.rule == "IMP-06"


def test_years_later_the_rules_of_the_implant_are_quiet() -> None:
    story = running().programmed(30, 101).programmed(60, 102).programmed(90, 102)
    assert not [number for number in range(1, 12) if severities(story.look(700), f"IMP-{number:02}")]
