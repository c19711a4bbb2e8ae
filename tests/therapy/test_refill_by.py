"""By when to refill: pumps without electronics, patient boluses, and programs with a beat."""

from dataclasses import replace

import pytest

from tests.courses import START, done, flow, ml, needled, running_pump
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Fill, RequestBolus, Update
from thecal.pump.program import NoPatientBolus, PatientBolus, PeriodicBolus, Program, SimpleContinuous
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.timeline import DAY_S, Duration, Instant

POLICY = RefillPolicy.default()  # 180 days of stability, a buffer of 5
BOLUS = PatientBolus(ml(0.02), Duration(300), Duration(4 * 3600), 4)


def days(count: int) -> Duration:
    return Duration(count * DAY_S)


def later(pump: PumpState, count: int) -> PumpState:
    return advance(pump, Instant(pump.now.s + count * DAY_S)).state


def filled_with(volume: Volume, at: Instant = START) -> Chart:
    """The chart of a pump that nobody can program: a fill, and no session."""
    return Chart().after(Filled(at, volume, Concentration(500)))


def chart_of(first: PumpState, *others: PumpState) -> Chart:
    """The chart of a pump that was filled with 30 mL and read each time."""
    sessions = [SessionEnded(pump.now, OrderContinuous(DailyDose(10**8)), report(pump)) for pump in (first, *others)]
    return Chart().after(Filled(START, ml(30), Concentration(500)), *sessions)


def allowed(pump: PumpState, bolus: PatientBolus = BOLUS) -> PumpState:
    return done(handle(pump, Update(patient=bolus)))


def due(chart: Chart, sheet: PumpSheet, policy: RefillPolicy = POLICY) -> RefillBy:
    answer = refill_by(chart, sheet, policy)
    assert answer is not None
    return answer


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(
    ("model", "fill", "day"),
    [
        ("isomed-8472-20-10", 20, 12),  # 20 / 1.145 = 17.47
        ("isomed-8472-20-03", 20, 53),  # 20 / 0.3435 = 58.22
        ("isomed-8472-35-25", 35, 7),  # 35 / 2.8625 = 12.23
        ("isomed-8472-35-10", 17.175, 10),  # 17.175 / 1.145 = 15 to the second
        ("isomed-8472-35-10", 17.174999, 9),
    ],
)
def test_a_pump_without_an_alarm_is_due_before_it_is_empty(model: str, fill: float, day: int) -> None:
    """Its one flow at the upper bound of the label, less five days."""
    assert due(filled_with(ml(fill)), pump_sheet(model)) == RefillBy(START, day, "empty")


@pytest.mark.requirement("REF-12")
def test_other_bounds_govern_a_pump_without_an_alarm_too() -> None:
    """35 mL at 0.3435 mL/day last 101.9 days: longer than a clinic's 90 and a drug's 60."""
    chart, sheet = filled_with(ml(35)), pump_sheet("isomed-8472-35-03")
    assert due(chart, sheet) == RefillBy(START, 96, "empty")
    assert due(chart, sheet, replace(POLICY, clinic_max=days(90))) == RefillBy(START, 85, "clinic")
    assert due(chart, sheet, replace(POLICY, stability=days(60))) == RefillBy(START, 55, "stability")


def test_a_pump_without_electronics_is_counted_from_its_last_fill() -> None:
    """It says nothing of itself; before any fill there is no date."""
    again = Instant(START.s + 10 * DAY_S)
    chart = filled_with(ml(20)).after(Filled(again, ml(18), Concentration(500)))
    sheet = pump_sheet("isomed-8472-20-10")
    assert due(chart, sheet) == RefillBy(again, 10, "empty")  # 18 / 1.145 = 15.72
    assert refill_by(Chart(), sheet, POLICY) is None


def test_a_pump_without_electronics_is_not_empty_on_its_date() -> None:
    """Not even where it truly runs at the upper bound: five days at 1.145 mL/day are left, and a part of a day."""
    sheet = pump_sheet("isomed-8472-20-10")
    pump = needled(perform(new_pump(sheet, START), Fill(ml(20), Concentration(500))))
    at = due(filled_with(ml(20)), sheet).instant
    left = advance(pump, at).state.usable_nl
    assert left == 20_000_000 - 12 * 1_000_000
    assert left - 12 * 145_000 > 5 * 1_145_000


@pytest.mark.requirement("REF-12")
def test_every_bolus_that_may_be_asked_for_counts_as_taken() -> None:
    """28 mL to the alarm at 0.4 and four times 0.02 mL a day, and 14.5 % faster: 50.95 days, not 61.14."""
    pump = running_pump(SimpleContinuous(flow(0.4)))
    assert due(chart_of(pump), pump.sheet) == RefillBy(START, 56, "alarm")
    with_bolus = allowed(pump)
    assert due(chart_of(with_bolus), pump.sheet) == RefillBy(START, 45, "alarm")
    none = done(handle(with_bolus, Update(patient=NoPatientBolus())))
    assert due(chart_of(none), pump.sheet) == RefillBy(START, 56, "alarm")


@pytest.mark.requirement("REF-12")
def test_boluses_that_were_not_asked_for_make_the_date_later() -> None:
    """Ten days on, one bolus was taken of forty: 30 - 4.02 x 1.145 mL less the 2 are left to 0.48 x 1.145 a day."""
    first = allowed(running_pump(SimpleContinuous(flow(0.4))))
    ten = later(later(done(handle(later(first, 5), RequestBolus())), 4), 1)
    assert report(ten).calculated == ml(25.98)
    # 23.3971 / 0.5496 = 42.57 days from the tenth on, less 5
    assert due(chart_of(first, ten), first.sheet) == RefillBy(START, 47, "alarm")


def test_a_bolus_under_way_counts_as_given() -> None:
    """Asked for just now: the same date as at its end."""
    first = allowed(running_pump(SimpleContinuous(flow(0.4))), PatientBolus(ml(2), Duration(28_800), Duration(28_800), 1))
    asked = done(handle(later(first, 10), RequestBolus()))
    over = advance(asked, Instant(asked.now.s + 28_800)).state
    dates = [due(chart_of(first, pump), first.sheet) for pump in (asked, over)]
    # 30 - 6 x 1.145 - 2 = 21.13 mL at 2.4 x 1.145 a day are 7.69 days from the tenth on, less 5
    assert dates == [RefillBy(START, 12, "alarm")] * 2


@pytest.mark.parametrize("first_s", [0, 6 * 3600 + 1])
def test_periodic_boluses_count_with_their_basal_flow(first_s: int) -> None:
    """0.2 mL/day and four times 0.05 mL are 0.4 mL/day, whenever they come."""
    program: Program = PeriodicBolus(ml(0.05), Duration(600), Duration(6 * 3600), first_s, flow(0.2))
    pump = running_pump(program)
    assert due(chart_of(pump), pump.sheet) == RefillBy(START, 56, "alarm")
