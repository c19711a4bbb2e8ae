"""When a refill is due: every bound, the buffers, and the dates that go with it.

200 mcg a day of 500 mcg/mL are 0.4 mL a day: 38 mL of 40 to the alarm last 95 days by the pump's own count, and 82.97 at the
+14.5 % of its label; all 40 mL then last 87.34.
"""

from dataclasses import replace

import pytest

from tests.charts import Story, day, started
from tests.courses import done, ml
from thecal.chart.chart import Chart
from thecal.chart.clinical import Booked, Noticed, Visited
from thecal.chart.facts import Filled, Interrogated, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Interrogate, RequestBolus, Update
from thecal.pump.program import PatientBolus
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, DailyDose
from thecal.therapy.clinic import Clinic
from thecal.therapy.due import RefillDue, last_read, refill_due
from thecal.therapy.look import Look
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.timeline import DAY_S, Duration

BOLUS = PatientBolus(ml(0.05), Duration(600), Duration(3600), 4)  # 0.2 mL a day at most, half of 0.4


def days(count: float) -> Duration:
    return Duration(round(count * DAY_S))


def due(look: Look, policy: RefillPolicy | None = None) -> RefillDue:
    answer = refill_due(look, policy)
    assert answer is not None
    return answer


def bounds(answer: RefillDue) -> dict[str, float]:
    """What bounds it, in days from the fill."""
    return {bound.governor: (bound.at.s - answer.filled.s) / DAY_S for bound in answer.bounds}


@pytest.mark.requirement("REF-04")
def test_the_earliest_bound_governs_less_the_buffer() -> None:
    answer = due(started(200).look(1))
    assert (answer.days, answer.governed_by, answer.buffer) == (77, "alarm", days(5))
    shown = bounds(answer)
    assert list(shown)[:3] == ["alarm", "stability", "clinic"]
    assert (shown["alarm"], shown["stability"], shown["clinic"]) == (82, 180, 183)
    assert answer.refill_by == day(77)
    assert str(answer.date(Look(started().look(0).known, day(0)).zone)) == "2026-03-23"


@pytest.mark.requirement("REF-01")
def test_the_dates_of_the_alarm_and_of_an_empty_pump() -> None:
    """At the label's upper bound, and the alarm date that the pump itself computes."""
    answer = due(started(200).look(1))
    assert answer.alarm == answer.runs_out == day(82)
    assert answer.empty == day(87)
    assert answer.counted == day(95)
    assert answer.likely is None  # nobody may ask for a bolus


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize("mcg", [60, 90, 100, 200, 450, 800])
@pytest.mark.parametrize("on", [0.5, 20])
def test_it_agrees_with_the_date_that_sessions_show(mcg: float, on: float) -> None:
    look = started(mcg).look(on)
    assert look.sheet is not None
    one = refill_by(look.chart, look.sheet, RefillPolicy.default())
    assert one is not None
    assert (due(look).days, due(look).governed_by, due(look).refill_by) == (one.days, one.governed_by, one.instant)


@pytest.mark.requirement("REF-04")
def test_a_slow_flow_is_bounded_by_stability_and_by_the_clinic() -> None:
    """0.18 mL a day last 184 days to the alarm."""
    story = started(90)
    assert (due(story.look(1)).days, due(story.look(1)).governed_by) == (175, "stability")
    clinic = Clinic().with_limit("REF-04.stability", 60)
    assert (due(story.look(1, clinic=clinic)).days, due(story.look(1, clinic=clinic)).governed_by) == (55, "stability")
    clinic = Clinic().with_limit("REF-05.long", 90)
    assert (due(story.look(1, clinic=clinic)).days, due(story.look(1, clinic=clinic)).governed_by) == (85, "clinic")


@pytest.mark.requirement("REF-04")
def test_a_policy_takes_the_place_of_the_clinics() -> None:
    policy = RefillPolicy(days(120), days(3), clinic_max=days(60), service=days(50))
    answer = due(started(90).look(1), policy)
    assert (answer.days, answer.governed_by) == (47, "service")
    assert bounds(answer) == {"service": 50, "clinic": 60, "stability": 120, "alarm": 184}


@pytest.mark.requirement("REF-04")
def test_the_end_of_service_bounds_it_by_age_and_by_the_indicator() -> None:
    look = started(200).look(10)
    assert look.sheet is not None
    aged = replace(look, sheet=replace(look.sheet, service_life_max=days(50)))
    assert (due(aged).days, due(aged).governed_by) == (45, "service")
    read = last_read(look)
    assert read is not None
    shown = replace(read, at=day(9), replace_by=day(40), calculated=ml(36.4), pumped=ml(3.6) + read.pumped)
    told = started(200).fact(Interrogated(day(9), shown)).look(10)
    assert (due(told).days, due(told).governed_by) == (35, "service")
    assert due(told).alarm == due(look).alarm  # which the indicator does not move


@pytest.mark.requirement("REF-06")
def test_a_way_that_may_fail_makes_the_buffer_a_week_longer() -> None:
    story = started(200)
    assert due(story.look(1, clinic=Clinic().with_limit("REF-06.buffer", 10))).days == 72
    story.fact(Noticed(day(1), "transport risk"))
    assert (due(story.look(1)).days, due(story.look(1)).buffer) == (70, days(12))
    assert due(story.look(1, clinic=Clinic().with_limit("REF-06.risk", 10))).days == 67
    story.fact(Noticed(day(2), "transport risk", present=False))
    assert due(story.look(2)).days == 77


@pytest.mark.requirement("REF-06")
def test_who_travels_is_refilled_first() -> None:
    """A journey bounds it, unless the person is back before the refill is due, or was seen since."""
    story = started(200).fact(Booked(day(1), "travel", day(60)))
    assert (due(story.look(2)).days, due(story.look(2)).governed_by) == (55, "absence")
    back = started(200).fact(Booked(day(1), "travel", day(60)), Booked(day(1), "return", day(77)))
    assert (due(back.look(2)).days, due(back.look(2)).governed_by) == (77, "alarm")
    late = started(200).fact(Booked(day(1), "travel", day(60)), Booked(day(1), "return", day(77.1)))
    assert due(late.look(2)).governed_by == "absence"
    seen = story.fact(Visited(day(60), "travel")).look(62)
    assert due(seen).governed_by == "absence"
    assert due(story.fact(Visited(day(63), "follow-up")).look(64)).governed_by == "alarm"
    off = started(200).fact(Booked(day(1), "travel", day(60)), Booked(day(2), "travel", day(60), cancelled=True))
    assert due(off.look(3)).governed_by == "alarm"


def allowed(story: Story, on: float) -> Story:
    """The patient may ask for boluses from that day on."""
    assert story.pump is not None
    pump = advance(story.pump, day(on)).state
    story.pump = done(handle(pump, Update(patient=BOLUS)))
    return story.fact(SessionEnded(day(on), OrderContinuous(DailyDose(200 * 10**6)), report(story.pump)))


@pytest.mark.requirement("REF-01")
def test_the_binding_date_counts_every_allotted_bolus_and_a_likely_one_stands_beside() -> None:
    """38 mL at 0.6 x 1.145 mL a day are 55.3 days; the program alone takes 95."""
    story = allowed(started(200), 0.5)
    answer = due(story.look(1))
    assert answer.alarm == day(55)
    assert answer.counted is not None
    assert round((answer.counted.s - day(0).s) / DAY_S, 1) == 63.5
    assert answer.likely is not None
    assert round((answer.likely.s - day(0).s) / DAY_S, 1) == 95


@pytest.mark.requirement("REF-01")
def test_the_likely_date_goes_by_the_boluses_that_were_taken() -> None:
    """Ten boluses of 0.05 mL in ten days are 0.05 mL a day more: 33.5 mL last 74.4 days from then on."""
    story = allowed(started(200), 0)
    for number in range(10):
        assert story.pump is not None
        story.pump = done(handle(advance(story.pump, day(number + 0.5)).state, RequestBolus()))
    assert story.pump is not None
    pump = advance(story.pump, day(10)).state
    story.fact(Interrogated(day(10), report(done(handle(pump, Interrogate())))))
    answer = due(story.look(11))
    assert answer.likely is not None
    assert round((answer.likely.s - day(10).s) / DAY_S, 1) == 74.4
    assert answer.alarm is not None
    assert answer.alarm < answer.likely


@pytest.mark.requirement("REF-13")
def test_a_later_interrogation_moves_the_dates() -> None:
    """A pump that says that less is left is due earlier, without another session; a reading of before the fill says nothing."""
    story = started(200)
    read = last_read(story.look(10))
    assert read is not None
    story.fact(Interrogated(day(10), replace(read, at=day(10), calculated=ml(20), pumped=ml(20))))
    assert last_read(story.look(11)) == replace(read, at=day(10), calculated=ml(20), pumped=ml(20))
    assert due(story.look(11)).days < 40
    assert due(story.look(9)).days == 77
    again = started(200).fact(Interrogated(day(0), replace(read, calculated=ml(3))))
    assert due(again.look(11)).days == 77


def test_without_a_running_program_what_else_bounds_it_is_left() -> None:
    """A fill that was not typed in has no alarm date; its drug ages all the same."""
    story = Story().person().implanted().filled()
    answer = due(story.look(1))
    assert (answer.days, answer.governed_by, answer.runs_out, answer.counted) == (175, "stability", None, None)


def test_nothing_is_due_without_a_pump_or_a_fill() -> None:
    assert refill_due(Story().person().look(0)) is None
    assert refill_due(Story().person().implanted().look(1)) is None
    assert refill_due(replace(started(200).look(1), sheet=None)) is None


@pytest.mark.requirement("REF-12")
def test_a_pump_without_an_alarm_is_due_before_it_is_empty() -> None:
    """20 mL at 1.145 mL a day."""
    chart = Chart().after(Filled(day(0), ml(20), Concentration(500)))
    answer = due(Look.at(chart, day(1), sheet=pump_sheet("isomed-8472-20-10")))
    assert (answer.days, answer.governed_by, answer.alarm, answer.empty) == (12, "empty", None, day(17))
    assert answer.runs_out == day(17)


@pytest.mark.requirement("REF-12")
def test_a_measured_gain_takes_the_place_of_the_label() -> None:
    """After three residuals that fit, the same fill lasts longer than the label allows."""
    story = started(200)
    for number in range(1, 6):
        story.filled(60 * number).programmed(60 * number, 200)
    answer = due(story.look(301))
    assert answer.alarm is not None
    assert day(300 + 85) < answer.alarm <= day(300 + 95)


def test_what_was_worked_out_for_one_look_is_not_told_of_another() -> None:
    """Dates are kept for the look that was asked last, and for no other."""
    one, other = started(200).look(1), started(90).look(1)
    assert [due(look).days for look in (one, other, one, other)] == [77, 175, 77, 175]
    assert refill_due(one) is refill_due(one)
