"""The device's record, its alarms and its recalls."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import AlarmHeard, Answered, Documented, Noticed, Overrode, Tone
from thecal.chart.facts import Explanted, Fact, Implanted, Interrogated, PumpReplaced, Revised
from thecal.chart.order import OrderContinuous, OrderNoPatient, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.pump.messages import Event
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.device import CRITICAL, NON_CRITICAL

RECORD = Documented(day(0), "device record")
NOTICE = Documented(day(0), "software notice")


def read(on: float, *alarms: str, log: tuple[Event, ...] = ()) -> Interrogated:
    """The pump of a started story is read, and says this."""
    session = started().chart.session
    assert session is not None
    return Interrogated(day(on), replace(session.report, at=day(on), alarms=alarms, log=log, logged=len(log)))


def heard(tone: Tone, on: float = 10) -> Story:
    return started().fact(AlarmHeard(day(on), tone))


@pytest.mark.requirement("DEV-01")
def test_the_device_record_gates_an_order() -> None:
    assert severities(started().look(1), "DEV-01") == ["task"]
    assert severities(started().look(1, 110), "DEV-01") == ["block"]
    assert severities(started().look(1, OrderStop()), "DEV-01") == ["task"]  # an overdose does not wait for papers
    assert severities(started().fact(RECORD).look(1, 110), "DEV-01") == []
    assert severities(Story().person().look(1), "DEV-01") == []


@pytest.mark.requirement("DEV-01")
def test_a_record_has_the_lengths_and_is_of_this_pump() -> None:
    """One of before a replacement does not count; a person who may order goes on in spite of it."""
    story = started().fact(RECORD)
    story.facts = [replace(fact, geometry=None) if isinstance(fact, Implanted) else fact for fact in story.facts]
    assert "lengths of the catheter" in found(story.look(1, 110), "DEV-01")[0].asked
    other = started().fact(RECORD, PumpReplaced(day(5), "synchromed-ii-40", Volume(336_890)))
    assert severities(other.look(6), "DEV-01") == ["task"]
    assert severities(other.fact(Documented(day(5), "device record")).look(6), "DEV-01") == []
    reason = Overrode(day(0.5), "DEV-01", "papers are on the way", "Dr A", "physician")
    assert not found(started().fact(reason).look(1, 110), "DEV-01")[0].stops


def unmeasured(*facts: Fact) -> Story:
    """A started story of which nobody wrote down the lengths of the catheter."""
    story = started()
    story.facts = [replace(fact, geometry=None) if isinstance(fact, Implanted) else fact for fact in story.facts]
    return story.fact(*facts)


@pytest.mark.requirement("DEV-01")
def test_the_volume_of_a_refill_is_entered_whatever_is_missing() -> None:
    """What was injected has to be told; whatever asks for more than that waits for the record."""
    fill = OrderSheet(reservoir=Volume.parse("20 mL"))
    assert severities(started().look(1, fill), "DEV-01") == ["warn"]
    assert severities(unmeasured(RECORD).look(1, fill), "DEV-01") == ["warn"]
    for more in (
        {"bridge": True, "concentration": Concentration(1000)},
        {"prime": True},
        {"dosing": OrderContinuous(DailyDose.parse("110 mcg/day"))},
        {"patient": OrderNoPatient()},
        {"low_reservoir": Volume.parse("3 mL")},
    ):
        assert severities(unmeasured(RECORD).look(1, replace(fill, **more)), "DEV-01") == ["block"]


@pytest.mark.requirement("DEV-01")
def test_a_volume_that_was_measured_stands_for_the_lengths() -> None:
    """Of the catheter in place: one that was measured before a revision does not; lengths of the revision do."""
    measured = Documented(day(1), "catheter volume")
    assert severities(unmeasured(RECORD, measured).look(2, 110), "DEV-01") == []
    revised = Revised(day(2), "another", "T8", Volume(300_000))
    assert severities(unmeasured(RECORD, measured, revised).look(3, 110), "DEV-01") == ["block"]
    known = started().chart.implanted
    assert known is not None
    assert severities(unmeasured(RECORD, replace(revised, geometry=known.geometry)).look(3, 110), "DEV-01") == []


@pytest.mark.requirement("DEV-02")
def test_a_single_tone_is_answered_on_the_same_day() -> None:
    """The start is at 09:00 UTC, so the day of the tone ends 15 h later."""
    finding = found(heard("single").look(10.1), "DEV-02")
    assert [(one.severity, one.due) for one in finding] == [("task", day(10 + 15 / 24))]
    assert severities(heard("single").look(10.1), "DEV-03") == []
    assert severities(heard("single").fact(read(10)).look(10.1), "DEV-02") == ["task"]  # not read after it
    assert severities(heard("single").fact(read(10.05)).look(10.1), "DEV-02") == []


@pytest.mark.requirement("DEV-02")
@pytest.mark.parametrize("alarm", sorted(NON_CRITICAL))
def test_a_non_critical_alarm_of_the_last_report_is_a_task(alarm: str) -> None:
    story = started().fact(read(10, alarm))
    assert severities(story.look(10.1), "DEV-02") == ["task"]
    assert severities(story.look(10.1), "DEV-03") == []
    assert severities(story.fact(read(10.05)).look(10.1), "DEV-02") == []


@pytest.mark.requirement("DEV-03")
def test_a_two_tone_alarm_is_an_emergency_until_the_pump_was_read() -> None:
    assert severities(heard("two-tone").look(10.1), "DEV-03") == ["emergency"]
    assert severities(heard("two-tone").look(10.1), "DEV-02") == []
    assert severities(heard("two-tone").fact(read(10.05)).look(10.1), "DEV-03") == []
    assert severities(heard("two-tone").fact(Explanted(day(11))).look(12), "DEV-03") == []


@pytest.mark.requirement("DEV-03")
@pytest.mark.parametrize("alarm", sorted(CRITICAL))
def test_a_critical_alarm_of_the_last_report_is_an_emergency(alarm: str) -> None:
    story = started().fact(read(10, alarm))
    assert severities(story.look(10.1), "DEV-03") == ["emergency"]
    assert severities(story.look(10.1), "DEV-02") == []
    assert severities(story.fact(read(10.05)).look(10.1), "DEV-03") == []


@pytest.mark.requirement("DEV-03")
def test_stall_and_stopped_for_long_are_two_alarms() -> None:
    assert severities(started().fact(read(10, "motor stall", "pump stopped")).look(11), "DEV-03") == ["emergency"] * 2


@pytest.mark.requirement("DEV-03")
def test_of_two_reports_of_one_second_the_order_does_not_matter() -> None:
    """The one that knows more of the log counts."""
    event = Event(day(10), "motor stall alarm", "critical", "the rotor does not turn")
    one, other = read(10), read(10, "motor stall", log=(event,))
    for facts in ((one, other), (other, one)):
        assert severities(started().fact(*facts).look(11), "DEV-03") == ["emergency"]


@pytest.mark.requirement("DEV-04")
def test_an_alarm_without_an_alarm_is_taught() -> None:
    story = heard("single").fact(read(10.1))
    assert severities(heard("single").look(10.2), "DEV-04") == []
    assert severities(story.look(10.2), "DEV-04") == ["advise"]
    assert severities(heard("single").fact(read(10.1, "low reservoir")).look(10.2), "DEV-04") == []
    assert severities(story.fact(Answered(day(10.2), "advice", "alarms", yes=True)).look(10.3), "DEV-04") == []


@pytest.mark.requirement("DEV-04")
@pytest.mark.parametrize(
    ("began", "ended", "severity"), [(9, 10.05, []), (9, None, []), (9, 9.9, ["advise"]), (10.01, None, ["advise"])]
)
def test_the_log_explains_what_was_heard(began: float, ended: float | None, severity: list[str]) -> None:
    """A refill ended the alarm before the pump was read: the log still has it."""
    log = [Event(day(began), "low reservoir alarm", "non-critical", "it is low")]
    if ended is not None:
        log.append(Event(day(ended), "low reservoir alarm ended", "information", "it was filled"))
    assert severities(heard("single").fact(read(10.1, log=tuple(log))).look(10.2), "DEV-04") == severity


@pytest.mark.requirement("SAF-07")
def test_an_open_recall_warns_before_programming_and_blocks_where_a_clinic_says_so() -> None:
    story = started().fact(NOTICE, Noticed(day(5), "recall open"))
    strict = Clinic().with_switch("SAF-07", on=True)
    assert severities(story.look(6), "SAF-07") == ["task"]
    assert severities(story.look(6, 110), "SAF-07") == ["warn"]
    assert severities(story.look(6, 110, strict), "SAF-07") == ["block"]
    assert severities(story.look(6, OrderStop(), strict), "SAF-07") == ["task"]
    story.fact(Noticed(day(6), "recall open", present=False))
    assert severities(story.look(7, 110), "SAF-07") == []


@pytest.mark.requirement("SAF-07")
def test_the_software_version_is_on_file() -> None:
    assert severities(started().look(6, 110), "SAF-07") == ["advise"]
    assert severities(started().look(6), "SAF-07") == []
    assert severities(started().fact(NOTICE).look(6, 110), "SAF-07") == []
