"""End of service: both sides of every date, and the dated plan."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Booked, Documented
from thecal.chart.facts import Interrogated, PumpReplaced
from thecal.errors import Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.plan import Plan
from thecal.therapy.service import end_of_service, replacement_plan
from thecal.timeline import DAY_S, Duration

LIFE = 2556  # days: automatic shut-off at 7 years
ERI = 2000  # days after the start
AUTHORIZED = Documented(day(2000), "replacement authorization")


def read(story: Story, on: float, alarms: tuple[str, ...] = (), replace_by: float | None = None) -> Story:
    """The pump is read, and says this."""
    session = story.chart.session
    assert session is not None
    until = day(replace_by) if replace_by is not None else None
    return story.fact(Interrogated(day(on), replace(session.report, at=day(on), alarms=alarms, replace_by=until)))


def at_indicator(replace_by: float | None = ERI + 90) -> Story:
    return read(started(), ERI, ("elective replacement",), replace_by)


def replaced(on: float = 100) -> Story:
    return started().fact(PumpReplaced(day(on), "synchromed-ii-40", Volume(336_890)))


def booked(at: float, on: float, cancelled: bool = False) -> Booked:
    return Booked(day(at), "replacement", day(on), cancelled=cancelled)


@pytest.mark.requirement("EOS-01")
def test_a_pump_stops_at_seven_years_at_the_latest() -> None:
    assert severities(started().look(LIFE - 0.01), "EOS-01") == []
    finding = found(started().look(LIFE), "EOS-01")
    assert [(one.severity, one.due) for one in finding] == [("emergency", day(LIFE))]
    stricter = Clinic().with_limit("EOS-01.age", 72)
    assert severities(started().look(6 * 365.25 - 1, clinic=stricter), "EOS-01") == []
    assert severities(started().look(6 * 365.25 + 1, clinic=stricter), "EOS-01") == ["emergency"]


@pytest.mark.requirement("EOS-01")
def test_only_a_pump_that_its_age_ends_has_such_a_date() -> None:
    """No source gives one for the valve pump; a constant-flow pump has no battery; a replaced pump begins anew."""
    assert severities(started(model="prometra-ii-40").look(LIFE + 1), "EOS-01") == []
    assert end_of_service(started(model="prometra-ii-40").look(LIFE + 1)) is None
    constant = Story("isomed-8472-20-10").person().implanted()
    assert end_of_service(constant.look(LIFE + 1)) is None
    assert end_of_service(replaced(100).look(200)) == day(100 + LIFE)


@pytest.mark.requirement("EOS-02")
def test_the_indicator_without_a_surgery_date_is_an_emergency() -> None:
    look = at_indicator().look(ERI + 1)
    assert [(one.severity, one.due) for one in found(look, "EOS-02")] == [("emergency", day(ERI + 90))]
    assert severities(at_indicator().fact(booked(ERI, ERI + 90)).look(ERI + 1), "EOS-02") == ["advise"]
    assert severities(at_indicator().fact(booked(ERI, ERI + 90.01)).look(ERI + 1), "EOS-02") == ["emergency"]
    assert severities(at_indicator().fact(booked(ERI, ERI + 30)).look(ERI + 31), "EOS-02") == ["emergency"]  # it was not done
    taken_back = at_indicator().fact(booked(ERI, ERI + 30), booked(ERI + 1, ERI + 30, cancelled=True))
    assert severities(taken_back.look(ERI + 2), "EOS-02") == ["emergency"]
    paper = at_indicator().fact(Documented(day(ERI), "replacement date"))
    assert severities(paper.look(ERI + 89), "EOS-02") == ["advise"]
    assert severities(paper.look(ERI + 90), "EOS-02") == ["emergency"]  # it has stopped
    assert severities(read(started(), ERI).look(ERI + 1), "EOS-02") == []


@pytest.mark.requirement("EOS-02")
@pytest.mark.parametrize(
    ("told", "expected"),
    [(None, ERI + 90), (ERI + 60, ERI + 60), (ERI + 400, ERI + 90)],
    ids=["no date is told", "an earlier one", "a later one"],
)
def test_a_date_always_exists_and_is_never_later_than_ninety_days(told: float | None, expected: float) -> None:
    assert end_of_service(at_indicator(told).look(ERI + 1)) == day(expected)


@pytest.mark.requirement("EOS-02")
def test_the_age_bounds_the_indicator() -> None:
    """An indicator 30 days before the end by age leaves 30 days."""
    assert end_of_service(read(started(), LIFE - 30, ("elective replacement",)).look(LIFE - 29)) == day(LIFE)
    stricter = Clinic().with_limit("EOS-02.after indicator", 45)
    assert end_of_service(at_indicator().look(ERI + 1, clinic=stricter)) == day(ERI + 45)


@pytest.mark.requirement("EOS-03")
def test_a_replacement_is_booked_half_a_year_before() -> None:
    story = started().fact(AUTHORIZED)
    assert severities(story.look(LIFE - 180), "EOS-03") == []
    late = found(story.look(LIFE - 179), "EOS-03")
    assert [(one.severity, one.due) for one in late] == [("task", day(LIFE))]
    assert severities(story.fact(booked(2300, LIFE - 20)).look(LIFE - 179), "EOS-03") == []


@pytest.mark.requirement("EOS-03")
def test_an_authorization_is_begun_at_sixty_six_months_and_there_at_seventy_two() -> None:
    """From 2026-01-05: 66 months are 2031-07-05 (2,007 days), 72 months 2032-01-05 (2,191 days)."""
    assert severities(started().look(2007), "EOS-03") == []
    assert severities(started().look(2008), "EOS-03") == ["task"]
    assert severities(started().look(2191), "EOS-03") == ["task"]
    assert severities(started().look(2192), "EOS-03") == ["warn"]
    assert severities(started().fact(AUTHORIZED).look(2192), "EOS-03") == []
    expired = replace(AUTHORIZED, until=day(2100))
    assert severities(started().fact(expired).look(2192), "EOS-03") == ["warn"]


@pytest.mark.requirement("EOS-04")
def test_what_the_surgeon_decided_of_the_catheter_is_recorded() -> None:
    items = ("catheter decision", "patency confirmed", "volumes recorded")
    answers = [Answered(day(100), "after replacement", item, yes=True) for item in items]
    assert severities(started().look(101), "EOS-04") == []
    assert severities(replaced().look(101), "EOS-04") == ["task"]
    assert severities(replaced().fact(*answers[:2]).look(101), "EOS-04") == ["task"]
    assert severities(replaced().fact(*answers).look(101), "EOS-04") == []
    before = [replace(answer, at=day(99)) for answer in answers]
    assert severities(replaced().fact(*before).look(101), "EOS-04") == ["task"]


@pytest.mark.requirement("EOS-05")
def test_a_new_pump_is_a_start() -> None:
    """Its first order comes with the catheter's volume and a prime or bridge; its first day is monitored."""
    entered = Answered(day(100), "after replacement", "catheter volume entered", yes=True)
    primed = Answered(day(100), "after replacement", "prime or bridge", yes=True)
    story = (
        Story()
        .person()
        .implanted(0, Concentration(500))
        .fact(PumpReplaced(day(99), "synchromed-ii-40", Volume(336_890)))
        .filled(100)
    )
    assert severities(story.look(100.1, 100), "EOS-05") == ["warn"]
    assert "catheter volume and prime" in found(story.look(100.1, 100), "EOS-05")[0].asked
    assert severities(story.fact(entered).look(100.1, 100), "EOS-05") == ["warn"]
    assert severities(story.fact(primed).look(100.1, 100), "EOS-05") == []
    assert severities(started().look(1, 110), "EOS-05") == []  # no replacement


@pytest.mark.requirement("EOS-05")
def test_the_first_day_of_a_new_pump_is_monitored() -> None:
    story = started().fact(PumpReplaced(day(0), "synchromed-ii-40", Volume(336_890)))
    assert [(one.severity, one.due) for one in found(story.look(0.9), "EOS-05")] == [("task", day(1))]
    assert severities(story.look(1), "EOS-05") == []
    assert severities(story.look(1.5, clinic=Clinic().with_limit("EOS-05.monitored", 48)), "EOS-05") == ["task"]
    monitored = Answered(day(0.5), "after replacement", "monitored 24 h", yes=True)
    assert severities(story.fact(monitored).look(0.9), "EOS-05") == []


@pytest.mark.requirement("EOS-03")
def test_the_plan_is_dated_and_its_last_date_is_that_of_the_pump() -> None:
    plan = replacement_plan(started().look(1000))
    assert isinstance(plan, Plan)
    dates = {step.what: step.at for step in plan.steps}
    assert dates["begin the authorization"] == day(2007)
    assert dates["have the authorization"] == day(2191)
    assert dates["book the replacement"] == day(LIFE - 180)
    assert dates["replace the pump"] == day(LIFE)
    assert dates["end of monitoring"] == day(LIFE) + Duration(DAY_S)
    assert [step.at for step in plan.steps] == sorted(step.at for step in plan.steps)
    assert not plan.findings


@pytest.mark.requirement("EOS-02")
def test_after_the_indicator_the_plan_shrinks_to_ninety_days() -> None:
    """What was due stands on today, the booked surgery where it is booked."""
    plan = replacement_plan(at_indicator().fact(booked(ERI, ERI + 40)).look(ERI + 1))
    assert isinstance(plan, Plan)
    dates = {step.what: step.at for step in plan.steps}
    assert dates["book the replacement"] == day(ERI + 1)
    assert dates["replace the pump"] == day(ERI + 40)
    assert [finding.rule for finding in plan.findings] == ["EOS-02"]


@pytest.mark.requirement("EOS-01")
def test_there_is_no_plan_without_a_battery_or_a_pump() -> None:
    constant = Story("isomed-8472-20-10").person().implanted()
    for story in (constant, Story().person(), started(model="prometra-ii-40")):
        refusal = replacement_plan(story.look(100))
        assert isinstance(refusal, Refusal)
        assert refusal.rule == "EOS-01"
