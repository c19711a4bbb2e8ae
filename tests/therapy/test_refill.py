"""Refill rules: dates, residuals, discrepancies."""

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, done, flow, ml, running_pump
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import StartBolus
from thecal.pump.program import SimpleContinuous, SingleBolus, Stopped
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, DailyDose, FlowRate, Volume
from thecal.therapy.refill import (
    RefillBy,
    RefillPolicy,
    check_low_reservoir,
    discrepancy_flag,
    expected_residual,
    interval_outside,
    low_reservoir_advised,
    refill_by,
    refill_dates,
    strength_advised,
)
from thecal.timeline import DAY_S, Duration, Instant

POLICY = RefillPolicy.default()


def days(count: float) -> Duration:
    return Duration(round(count * DAY_S))


@pytest.mark.requirement("REF-01")
def test_dates_are_exact() -> None:
    """40 mL at 0.15 mL/day: the alarm after 253 1/3 days, empty after 266 2/3; the threshold lies below the volume."""
    dates = refill_dates(ml(40), ml(2), Fraction(150_000), POLICY)
    assert dates.days_to_alarm == Fraction(38_000, 150)
    assert dates.days_to_empty == Fraction(40_000, 150)
    assert check_low_reservoir(ml(40), ml(39.999999)) is None
    refusal = check_low_reservoir(ml(40), ml(40))
    assert refusal is not None
    assert refusal.rule == "REF-01"


@pytest.mark.requirement("REF-04")
@pytest.mark.parametrize(
    ("flow_nl", "clinic", "service", "governed_by", "day"),
    [
        (150_000, None, None, "stability", 175),
        (250_000, None, None, "alarm", 147),
        (250_000, 90, None, "clinic", 85),
        (250_000, 90, 30.9, "service", 25),
        (250_000, 152, None, "alarm", 147),
    ],
)
def test_the_earliest_bound_governs(
    flow_nl: int, clinic: float | None, service: float | None, governed_by: str, day: int
) -> None:
    """The floor of it after the buffer; at a tie the alarm is named."""
    policy = RefillPolicy(POLICY.stability, POLICY.buffer, days(clinic) if clinic else None, days(service) if service else None)
    dates = refill_dates(ml(40), ml(2), Fraction(flow_nl), policy)
    assert (dates.governed_by, dates.refill_by_day) == (governed_by, day)


@pytest.mark.requirement("REF-04")
def test_a_buffer_longer_than_the_interval_is_no_plan() -> None:
    """A date before the fill is refused; the day of the fill is still a plan."""
    dates = refill_dates(ml(3), ml(2), Fraction(200_000), POLICY)
    assert dates.refill_by_day == 0
    assert dates.check(POLICY) is None
    late = refill_dates(ml(3), ml(2), Fraction(200_001), POLICY)
    refusal = late.check(POLICY)
    assert refusal is not None
    assert refusal.rule == "REF-04"


def chart_of(pump: PumpState) -> Chart:
    order = OrderContinuous(DailyDose(100_000_000))
    filled = report(running_pump(SimpleContinuous(flow(0.4))))
    sessions = [SessionEnded(START, order, filled), SessionEnded(pump.now, order, report(pump))]
    return Chart().after(Filled(START, ml(30), Concentration(500)), *sessions)


@pytest.mark.requirement("REF-12")
def test_a_pump_is_counted_at_the_upper_bound_of_its_label() -> None:
    """28 mL to the alarm at 0.4 mL/day, and 14.5 % faster, less five days."""
    due = refill_by(chart_of(running_pump(SimpleContinuous(flow(0.4)))), pump_sheet("reference-40"), POLICY)
    assert due == RefillBy(START, int(28 / (0.4 * 1.145)) - 5, "alarm")
    assert due.instant == Instant(START.s + 56 * DAY_S)
    assert due.date(ZoneInfo("Asia/Tokyo")).isoformat() == "2026-03-02"


def test_it_is_recomputed_from_what_is_left() -> None:
    """A bolus moves the date by its volume; the uncertainty since the fill stays, and the drug does not get younger."""
    pump = running_pump(SimpleContinuous(flow(0.4)))
    later = advance(pump, Instant(START.s + 10 * DAY_S)).state
    first, plain = refill_by(chart_of(pump), pump.sheet, POLICY), refill_by(chart_of(later), later.sheet, POLICY)
    assert first == plain
    bolus = done(handle(later, StartBolus(SingleBolus(ml(2), Duration(8 * 3600)))))
    after = refill_by(chart_of(bolus), bolus.sheet, POLICY)
    assert plain is not None
    assert after is not None
    assert plain.days - after.days == 5
    slow = advance(running_pump(SimpleContinuous(flow(0.05))), Instant(START.s + 10 * DAY_S)).state
    assert refill_by(chart_of(slow), slow.sheet, POLICY) == RefillBy(START, 175, "stability")


def test_a_pump_that_believes_itself_empty_is_due() -> None:
    """Its count says no more, so the date is not later than the session that found it so, less the buffer."""
    empty = advance(running_pump(SimpleContinuous(flow(0.4))), Instant(START.s + 100 * DAY_S)).state
    due = refill_by(chart_of(empty), empty.sheet, POLICY)
    assert due is not None
    assert due.days <= 95


def test_a_stopped_pump_has_no_date() -> None:
    """Nothing flows, nothing was filled: nothing to count."""
    assert refill_by(chart_of(running_pump(Stopped())), pump_sheet("reference-40"), POLICY) is None
    assert refill_by(Chart(), pump_sheet("reference-40"), POLICY) is None


def test_a_residual_has_its_band() -> None:
    """40 mL less 30 mL, and 14.5 % of the 30 mL either way; clipped to what a reservoir can hold."""
    residual = expected_residual(ml(40), Fraction(250_000), days(120), ml(40), 145_000)
    assert (residual.expected, residual.low, residual.high) == (ml(10), ml(5.65), ml(14.35))
    dry = expected_residual(ml(40), Fraction(250_000), days(200), ml(40), 145_000)
    assert (dry.expected, dry.low, dry.high) == (Volume(0), Volume(0), Volume(0))


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize(
    ("reservoir", "off", "flag"),
    [
        (20, 1, "ok"),
        (20, 1.000001, "amber"),
        (20, -1.000001, "amber"),
        (20, 2, "amber"),
        (20, 2.000001, "red"),
        (40, 2, "ok"),
        (40, -2.000001, "amber"),
        (40, 4, "amber"),
        (40, -4.000001, "red"),
    ],
)
def test_a_discrepancy_is_flagged_by_size_and_sign(reservoir: int, off: float, flag: str) -> None:
    """More than 1 or 2 mL is amber, more than twice that red."""
    assert discrepancy_flag(ml(10), ml(10 + off), ml(reservoir)) == flag


@given(st.integers(2_000_001, 40_000_000), st.integers(48_000, 24_000_000))
def test_the_alarm_comes_before_empty_and_never_before_the_refill(volume_nl: int, nl_per_day: int) -> None:
    """Refill by is never later than the alarm, and the alarm never later than empty."""
    dates = refill_dates(Volume(volume_nl), ml(2), Fraction(nl_per_day), POLICY)
    assert dates.refill_by < dates.days_to_alarm < dates.days_to_empty
    assert dates.refill_by_day <= dates.refill_by < dates.refill_by_day + 1


@pytest.mark.requirement("REF-02")
@pytest.mark.parametrize(
    ("nl_per_day", "patient", "advised"),
    [
        (Fraction(0), None, 2_000_000),
        (Fraction(2_000_000, 7), None, 2_000_000),  # seven days of it are 2 mL
        (Fraction(2_000_001, 7), None, 2_000_001),
        (Fraction(2_000_001, 8), None, 2_000_000),
        (Fraction(1_200_000), None, 8_400_000),
        (Fraction(3_000_000, 11) + 100_000, None, 2_609_091),  # 2,609,090.9
        (Fraction(1_200_000), 8_400_001, 8_400_001),
        (Fraction(1_200_000), 8_399_999, 8_400_000),
        (Fraction(0), 1_000_000, 2_000_000),
    ],
)
def test_an_alarm_warns_a_week_ahead(nl_per_day: Fraction, patient: int | None, advised: int) -> None:
    """2 mL, seven days of flow rounded up, or the patient's own value, whichever is most."""
    own = None if patient is None else Volume(patient)
    assert low_reservoir_advised(nl_per_day, patient=own) == Volume(advised)


@pytest.mark.requirement("REF-03")
@pytest.mark.parametrize(("ml_per_day", "before", "after"), [(0.1, 2, 4), (0.57, 3.99, 4), (0.58, 4.06, 4.06)])
def test_an_alarm_is_raised_after_a_withdrawal_with_drug_left(ml_per_day: float, before: float, after: float) -> None:
    """4 mL, unless a week of flow is more already."""
    nl_per_day = Fraction(flow(ml_per_day).nl_per_day)
    assert low_reservoir_advised(nl_per_day) == ml(before)
    assert low_reservoir_advised(nl_per_day, withdrawn=True) == ml(after)


@pytest.mark.requirement("REF-05")
@pytest.mark.parametrize(
    ("seconds", "outside"),
    [
        (28 * DAY_S - 1, "short"),
        (28 * DAY_S, None),
        (183 * DAY_S, None),
        (183 * DAY_S + 1, "long"),
    ],
)
def test_an_interval_is_one_to_six_months(seconds: int, outside: str | None) -> None:
    """28 days and 183 days are inside."""
    assert interval_outside(Duration(seconds)) == outside


@pytest.mark.requirement("REF-09")
@pytest.mark.parametrize(
    ("interval_s", "stable", "flow_nl", "strength"),
    [
        (30 * DAY_S - 1, 2, 48_001, "higher"),
        (30 * DAY_S, 2, 48_001, None),
        (30 * DAY_S - 1, 1, 48_001, None),
        (90 * DAY_S, 0, 48_001, None),
        (90 * DAY_S, 0, 48_000, "lower"),
        (90 * DAY_S, 0, 6_000, "lower"),
        (29 * DAY_S, 2, 48_000, "lower"),  # a flow that is too slow comes first
    ],
)
def test_another_strength_is_proposed(interval_s: int, stable: int, flow_nl: int, strength: str | None) -> None:
    """A higher one below 30 days at a dose of two refills, a lower one at the pump's slowest flow; and why."""
    sheet = pump_sheet("reference-40")
    advice = strength_advised(Duration(interval_s), stable, FlowRate(flow_nl), sheet)
    assert (advice and advice.strength) == strength
    if advice:
        assert ("0.048 mL/day" if strength == "lower" else "30 days") in advice.reason


def test_the_strength_of_a_constant_flow_pump_is_its_dose() -> None:
    """So no other is proposed."""
    assert strength_advised(days(20), 5, FlowRate(1_000_000), pump_sheet("isomed-8472-20-10")) is None
