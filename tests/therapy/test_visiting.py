"""Visits: each cadence, both sides of its limit."""

from zoneinfo import ZoneInfo

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import (
    AlarmHeard,
    Answered,
    Booked,
    Closed,
    Documented,
    Noticed,
    Scanned,
    Scored,
    SymptomReported,
    Tone,
    Visited,
)
from thecal.chart.facts import Explanted, Interrogated, PumpReplaced, ResidualMeasured, SessionEnded
from thecal.quantity import Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.therapy.visiting import operated, same_day
from thecal.timeline import Instant

POST_OP = ("wound", "soreness", "clothing rub", "CSF leak", "headache")


def stable_story() -> Story:
    """The same dose at three visits with the pump, a month apart."""
    return started(100).programmed(28, 100).programmed(56, 100)


def booked(on: float, visit: str = "home refill", who: str | None = None, at: float = 1, cancelled: bool = False) -> Booked:
    return Booked(day(at), visit, day(on), who, cancelled)


def ready_at_home(story: Story) -> Story:
    story.fact(*(Answered(day(57), "home refill", item, True) for item in ("route to hospital", "second checker")))
    return story.fact(booked(80))


@pytest.mark.requirement("VIS-01")
def test_a_visit_after_the_operation_is_booked_from_the_operation_on() -> None:
    """Within one to two weeks: a booking in between is enough until then, one before or after is not."""
    assert [finding.due for finding in found(started().look(1), "VIS-01")] == [day(14)]
    assert severities(started().fact(booked(7, "post-op")).look(2), "VIS-01") == []
    assert severities(started().fact(booked(14, "post-op")).look(2), "VIS-01") == []
    assert severities(started().fact(booked(6.9, "post-op")).look(2), "VIS-01") == ["task"]
    assert severities(started().fact(booked(14.1, "post-op")).look(2), "VIS-01") == ["task"]
    assert severities(started().fact(booked(10, "post-op"), booked(10, "post-op", cancelled=True)).look(2), "VIS-01") == ["task"]


@pytest.mark.requirement("VIS-01")
@pytest.mark.parametrize(("on", "open_tasks"), [(6.9, 1), (7, 0)])
def test_a_visit_of_the_first_days_is_not_the_one_after_the_operation(on: float, open_tasks: int) -> None:
    story = started().fact(Visited(day(on), "post-op"), *(Answered(day(on), "post-op", item, True) for item in POST_OP))
    assert severities(story.look(12), "VIS-01") == ["task"] * open_tasks


@pytest.mark.requirement("VIS-01")
def test_a_visit_after_the_operation_answers_its_whole_list() -> None:
    story = started().fact(Visited(day(10), "post-op"), *(Answered(day(10), "post-op", item, False) for item in POST_OP[:-2]))
    finding = found(story.look(11), "VIS-01")[0]
    assert finding.severity == "task"
    assert finding.asked == "a visit after the operation without CSF leak, headache"
    story.fact(*(Answered(day(11), "post-op", item, True) for item in POST_OP[-2:]))
    assert severities(story.look(12), "VIS-01") == []


@pytest.mark.requirement("VIS-01")
def test_an_operation_that_nobody_looked_after_is_overdue_and_long_ago_is_quiet() -> None:
    """It is asked for as long as an infection would count as early; a new pump asks anew."""
    story = started().fact(booked(14, "post-op"))
    assert severities(story.look(14), "VIS-01") == []
    assert "overdue" in found(story.look(14.1), "VIS-01")[0].asked
    assert severities(story.look(90), "VIS-01") == ["task"]
    assert severities(story.look(90.1), "VIS-01") == []
    story.fact(PumpReplaced(day(100), "synchromed-ii-20", Volume(300_000)))
    assert severities(story.look(101), "VIS-01") == ["task"]
    assert severities(Story().person().look(1), "VIS-01") == []


@pytest.mark.requirement("VIS-02")
def test_until_the_dose_is_stable_somebody_looks_each_month() -> None:
    story = started()
    assert severities(story.look(31), "VIS-02") == []
    late = found(story.look(31.1), "VIS-02")
    assert [(finding.severity, finding.due) for finding in late] == [("task", day(31))]
    assert severities(story.fact(Visited(day(20), "titration")).look(51), "VIS-02") == []
    assert severities(story.look(51.1), "VIS-02") == ["task"]
    assert severities(story.fact(Visited(day(30), "rehabilitation")).look(52), "VIS-02") == ["task"]


@pytest.mark.requirement("VIS-02")
def test_a_stable_dose_or_no_pump_asks_for_no_monthly_visit() -> None:
    assert severities(stable_story().look(120), "VIS-02") == []
    assert severities(stable_story().look(120, clinic=Clinic().with_limit("VIS-03.visits", 3)), "VIS-02") == ["task"]
    assert severities(started().fact(Explanted(day(10))).look(60), "VIS-02") == []
    assert severities(started().look(29, clinic=Clinic().with_limit("VIS-02.monthly", 28)), "VIS-02") == ["task"]
    constant = Story("isomed-8472-35-25").person().implanted(0)
    assert severities(constant.look(60), "VIS-02") == []


@pytest.mark.requirement("VIS-03")
@pytest.mark.parametrize(("dose", "text"), [(109, "become stable"), (110, "not stable yet")])
def test_less_than_a_tenth_of_change_over_two_visits_is_stable(dose: float, text: str) -> None:
    story = started(100).programmed(28, 100).programmed(56, dose)
    assert severities(story.look(57), "VIS-03") == ["advise"]
    assert text in found(story.look(57), "VIS-03")[0].asked


@pytest.mark.requirement("VIS-03")
def test_the_switch_of_cadence_is_said_once() -> None:
    """One session is no change yet, two visits make the switch, and after the next session it is old."""
    assert severities(started(100).look(1), "VIS-03") == []
    early = found(started(100).programmed(28, 100).look(29), "VIS-03")[0]
    assert "not stable yet" in early.asked
    assert early.due == day(59)
    assert "become stable" in found(stable_story().look(57), "VIS-03")[0].asked
    assert severities(stable_story().programmed(84, 100).look(85), "VIS-03") == []


@pytest.mark.requirement("VIS-03")
def test_sessions_of_one_day_are_one_visit() -> None:
    """A prime and two readings back on the day of the implant make no stable dose: the limits of titration hold."""
    story = started(100).programmed(0.1, 100).programmed(0.2, 100)
    assert "not stable yet" in found(story.look(3), "VIS-03")[0].asked
    assert severities(story.look(3, 138), "TIT-03") == ["block"]
    assert severities(story.look(3, 138), "PRG-02") == []
    twice = started(100).programmed(28, 100).programmed(56, 100).programmed(56.1, 100)
    assert "become stable" in found(twice.look(57), "VIS-03")[0].asked


@pytest.mark.requirement("VIS-03")
@pytest.mark.parametrize("scores", [("0", "-1"), ("-1", "0")])
def test_one_missed_goal_of_several_is_a_missed_goal(scores: tuple[str, str]) -> None:
    """Whatever the order in which goals of one visit were written down."""
    story = stable_story()
    story.fact(*(Scored(day(56), "goal-attainment", score, part) for score, part in zip(scores, "ab", strict=True)))
    assert "not stable yet" in found(story.look(57), "VIS-03")[0].asked
    unnamed = stable_story().fact(*(Scored(day(56), "goal-attainment", score) for score in scores))
    assert "not stable yet" in found(unnamed.look(57), "VIS-03")[0].asked


@pytest.mark.requirement("VIS-03")
def test_a_goal_that_is_missed_keeps_a_dose_from_being_stable() -> None:
    story = stable_story().programmed(84, 100).fact(Scored(day(30), "goal-attainment", "-1"))
    assert "not stable yet" in found(story.look(85), "VIS-03")[0].asked
    story.fact(Scored(day(86), "goal-attainment", "0"))
    assert "become stable" in found(story.look(87), "VIS-03")[0].asked


@pytest.mark.requirement("VIS-03")
@pytest.mark.parametrize(("limit", "value"), [("change", 5), ("visits", 3)])
def test_a_stricter_clinic_hears_no_less_of_the_cadence(limit: str, value: float) -> None:
    clinic = Clinic().with_limit(f"VIS-03.{limit}", value)
    for story in (stable_story(), stable_story().programmed(84, 106), stable_story().programmed(84, 100)):
        assert len(found(story.look(90, clinic=clinic), "VIS-03")) >= len(found(story.look(90), "VIS-03"))


@pytest.mark.requirement("VIS-05")
def test_a_clinician_sees_the_patient_once_a_year() -> None:
    """A year from the implant, and then from each follow-up; a refill is none."""
    story = started()
    assert severities(story.look(365), "VIS-05") == []
    assert severities(story.look(365.1), "VIS-05") == ["warn"]
    assert severities(story.fact(Visited(day(360), "home refill")).look(366), "VIS-05") == ["warn"]
    assert severities(story.fact(Visited(day(300), "follow-up")).look(665), "VIS-05") == []
    assert found(story.look(665.1), "VIS-05")[0].due == day(665)
    assert severities(started().fact(Explanted(day(10))).look(400), "VIS-05") == []


@pytest.mark.requirement("VIS-06")
def test_a_refill_at_home_of_a_stable_dose_with_a_second_checker_and_a_way_to_hospital() -> None:
    assert severities(ready_at_home(stable_story()).look(60), "VIS-06") == []
    assert severities(stable_story().look(60), "VIS-06") == []  # none is booked
    assert severities(stable_story().fact(booked(80)).look(60), "VIS-06") == ["block"] * 2
    assert severities(ready_at_home(stable_story()).fact(booked(80, cancelled=True)).look(60), "VIS-06") == []
    unstable = ready_at_home(started(100).programmed(56, 130))
    assert [finding.asked for finding in found(unstable.look(60), "VIS-06")] == [
        "a refill at home on 2026-03-26 at a dose that is not stable"
    ]
    no = ready_at_home(stable_story()).fact(Answered(day(58), "home refill", "second checker", False))
    assert [finding.asked for finding in found(no.look(60), "VIS-06")] == [
        "a refill at home on 2026-03-26 without second checker"
    ]
    assert severities(no.look(81), "VIS-06") == []  # it was yesterday


@pytest.mark.requirement("VIS-06")
@pytest.mark.parametrize(("measured", "count"), [(16.0, 0), (16.1, 1), (8.0, 0), (7.9, 1)])
def test_no_refill_at_home_while_a_residual_is_far_off(measured: float, count: int) -> None:
    """Red is more than twice 2 mL off in a reservoir of 40 mL, either sign, until it is explained."""
    red = ResidualMeasured(day(50), Volume(12_000_000), Volume(round(measured * 10**6)), Volume(40_000_000))
    story = ready_at_home(stable_story()).fact(red)
    assert severities(story.look(60), "VIS-06") == ["block"] * count
    assert severities(story.fact(Documented(day(55), "residual explained")).look(60), "VIS-06") == []


@pytest.mark.requirement("VIS-06")
def test_the_first_residual_and_that_of_an_earlier_pump_do_not_count() -> None:
    first = ResidualMeasured(day(50), Volume(12_000_000), Volume(30_000_000), Volume(40_000_000), first=True)
    assert severities(ready_at_home(stable_story()).fact(first).look(60), "VIS-06") == []
    red = ResidualMeasured(day(50), Volume(12_000_000), Volume(30_000_000), Volume(40_000_000))
    replaced = ready_at_home(stable_story()).fact(red, PumpReplaced(day(57), "synchromed-ii-40", Volume(300_000)))
    assert replaced.look(60).chart.implanted is not None
    assert severities(replaced.look(60), "VIS-06") == []


@pytest.mark.requirement("VIS-07")
@pytest.mark.parametrize("tone", ["single", "two-tone"])
def test_an_alarm_is_triaged_on_its_day(tone: Tone) -> None:
    story = started().fact(AlarmHeard(day(10), tone))
    finding = found(story.look(10.5), "VIS-07")[0]
    assert finding.severity == "task"
    assert tone in finding.asked
    assert finding.due == Instant(day(10).s + 15 * 3600 - 1)  # 09:00 UTC, so the day ends 15 hours later
    assert severities(story.look(9.9), "VIS-07") == []
    assert severities(story.fact(Visited(day(10.2), "unscheduled")).look(10.5), "VIS-07") == []


@pytest.mark.requirement("VIS-07")
def test_symptoms_are_triaged_and_those_that_went_away_are_not() -> None:
    story = started().fact(SymptomReported(day(9), "fever", 2), SymptomReported(day(9), "drowsiness", 1))
    story.fact(SymptomReported(day(9), "nausea", 3))
    findings = found(story.look(10), "VIS-07")
    assert [finding.severity for finding in findings] == ["task"]
    assert findings[0].asked.startswith("drowsiness, fever reported")
    story.fact(SymptomReported(day(9.5), "fever", 0), SymptomReported(day(9.5), "drowsiness", 0))
    assert severities(story.look(10), "VIS-07") == []


@pytest.mark.requirement("VIS-07")
def test_what_is_reported_at_one_instant_counts_in_whatever_order() -> None:
    gone, there = SymptomReported(day(9), "fever", 0), SymptomReported(day(9), "fever", 2)
    looks = [started().fact(*facts).look(10) for facts in ((gone, there), (there, gone))]
    assert [severities(look, "VIS-07") for look in looks] == [["task"]] * 2


@pytest.mark.requirement("VIS-07")
def test_scans_operations_pregnancy_and_relapse_are_triaged() -> None:
    for fact in (
        booked(20, "MRI", at=9),
        booked(20, "surgery", at=9),
        Noticed(day(9), "pregnancy"),
        Noticed(day(9), "MS relapse"),
    ):
        story = started().fact(fact)
        assert severities(story.look(8.9), "VIS-07") == []
        assert severities(story.look(10), "VIS-07") == ["task"]
        assert severities(story.fact(Visited(day(9.5), "follow-up")).look(10), "VIS-07") == []
    assert severities(started().fact(booked(20, "MRI", at=9), booked(20, "MRI", at=9.5, cancelled=True)).look(10), "VIS-07") == []
    assert severities(started().fact(Noticed(day(9), "pregnancy", False)).look(10), "VIS-07") == []
    scanned = started().fact(Scanned(day(9), 1.5))
    assert severities(scanned.look(10), "VIS-07") == ["task"]
    assert "of unknown field strength" in found(started().fact(Scanned(day(9))).look(10), "VIS-07")[0].asked
    read = next(fact for fact in scanned.facts if isinstance(fact, SessionEnded)).report
    assert severities(scanned.fact(Interrogated(day(9.1), read)).look(10), "VIS-07") == []
    before_implant = Story().person().fact(SymptomReported(day(-1), "fever", 2))
    assert severities(before_implant.look(0), "VIS-07") == []


@pytest.mark.requirement("VIS-08")
@pytest.mark.parametrize("visit", ["refill", "follow-up", "titration", "post-op", "rehabilitation", "MRI", "screening test"])
def test_a_visit_that_did_not_take_place_is_followed_up_from_the_next_day(visit: str) -> None:
    """Until it is made up for, booked again, or taken back."""
    story = started().fact(booked(10, visit))
    assert severities(story.look(10.5), "VIS-08") == []
    late = found(story.look(10.7), "VIS-08")  # 09:00 and 16.8 h: the next morning
    assert [(finding.severity, finding.due) for finding in late] == [("task", day(10))]
    assert "REF-10" in late[0].next
    assert severities(started().fact(booked(10, visit), Visited(day(10.1), visit)).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, visit), Visited(day(9.9), visit)).look(11), "VIS-08") == []  # that morning
    assert severities(started().fact(booked(10, visit), Visited(day(9), visit)).look(11), "VIS-08") == ["task"]
    assert severities(started().fact(booked(10, visit), Visited(day(13), visit)).look(14), "VIS-08") == []
    assert severities(started().fact(booked(10, visit), booked(15, visit, at=10.9)).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, visit), booked(10, visit, at=2, cancelled=True)).look(11), "VIS-08") == []


@pytest.mark.requirement("VIS-08")
def test_what_the_chart_shows_was_a_visit() -> None:
    """A fill is a refill, at home or not, a session a titration, a scan a scan; what is closed is followed up no more."""
    assert severities(started().fact(booked(10, "home refill")).filled(10).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, "refill"), Visited(day(10), "home refill")).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, "titration")).programmed(10, 110).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, "MRI"), Scanned(day(10), 1.5)).look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, "explant"), Explanted(day(10))).look(11), "VIS-08") == []
    assert severities(started().fact(booked(-15, "screening test", at=-20)).look(1), "VIS-08") == []
    assert severities(started().fact(booked(0, "implant", at=-20)).look(1), "VIS-08") == []
    story = started().fact(booked(10, "replacement"), PumpReplaced(day(10), "synchromed-ii-40", Volume(300_000)))
    assert severities(story.look(11), "VIS-08") == []
    assert severities(started().fact(booked(10, "refill"), Closed(day(10), "moved away")).look(11), "VIS-08") == []


def test_the_day_of_an_instant_ends_where_it_is_lived() -> None:
    """In Berlin the last Sunday of March has 23 hours; 09:00 UTC is 10:00 there on the first day."""
    berlin = ZoneInfo("Europe/Berlin")
    look = Look.at(started().chart, day(1), berlin)
    assert same_day(look, day(0)) == Instant(day(0).s + 14 * 3600 - 1)
    change = Instant.parse("2026-03-29 01:30", berlin)
    assert same_day(look, change) == Instant(change.s + 21 * 3600 + 1800 - 1)


def test_the_operation_of_the_pump_in_place_counts() -> None:
    assert operated(Story().person().look(0)) is None
    assert operated(started().look(1)) == day(0)
    assert operated(started().fact(PumpReplaced(day(5), "synchromed-ii-40", Volume(300_000))).look(6)) == day(5)
    assert operated(started().fact(Explanted(day(5))).look(6)) is None
