"""A pump's own gain from its residuals: the regression, its interval, and what it does to the date to refill by."""

from fractions import Fraction
from math import exp, lgamma, pi, sqrt
from random import Random
from statistics import linear_regression

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, flow, ml, running_pump
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart, Use
from thecal.chart.facts import Filled, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.pump.advance import RAN_DRY, advance
from thecal.pump.handle import report
from thecal.pump.program import SimpleContinuous
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, DailyDose, Gain, Length, Volume
from thecal.therapy.gain import T_THOUSANDTHS, PumpGain, empties_before_alarm, pump_gain
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.timeline import DAY_S, Instant
from thecal.twin.action import Action, Implant, Refill
from thecal.twin.run import run
from thecal.twin.world import World

POLICY = RefillPolicy.default()
SHEET = pump_sheet("reference-40")
STRENGTH = Concentration(500)


def uses(*pairs: tuple[float, float]) -> tuple[Use, ...]:
    return tuple(Use(ml(programmed).nl, ml(measured).nl) for programmed, measured in pairs)


def learned(*pairs: tuple[float, float]) -> PumpGain:
    return pump_gain(Chart(uses=uses(*pairs)), SHEET)


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize("count", [0, 1, 2])
def test_below_three_residuals_the_label_counts(count: int) -> None:
    """Whatever they say: no estimate, and the labelled accuracy either way."""
    gain = learned(*[(30, 36)] * count)
    assert gain == PumpGain(Gain(1_000_000), Gain(855_000), Gain(1_145_000), count)
    assert not gain.learned


@pytest.mark.requirement("REF-12")
def test_from_three_on_it_is_the_pumps_own() -> None:
    """Three of 33 for 30 mL: +10 %; the reading error of 0.2 mL gives 4.303 x 0.2 / (30 x root of 3) = 1.6562 % either way."""
    gain = learned((30, 33), (30, 33), (30, 33))
    assert gain.learned
    assert (gain.estimate, gain.residuals) == (Gain(1_100_000), 3)
    half = 4.303 * 0.2 / (30 * sqrt(3)) * 10**6
    assert 16_562 < half < 16_563
    assert (gain.low, gain.high) == (Gain(1_100_000 - 16_563), Gain(1_100_000 + 16_563))


def test_what_scatters_more_than_a_syringe_widens_the_interval() -> None:
    """10 for 10, 11 for 10 and 12 for 10 mL: +10 %, errors of -1, 0 and 1 mL, so s is 1 mL with two degrees of freedom."""
    gain = learned((10, 10), (10, 11), (10, 12))
    assert gain.estimate == Gain(1_100_000)
    assert abs(gain.high.ppm - (1.1 + 4.303 / (10 * sqrt(3))) * 10**6) < 1
    assert abs(gain.low.ppm - (1.1 - 4.303 / (10 * sqrt(3))) * 10**6) < 1


def test_a_long_interval_says_more_than_a_short_one() -> None:
    """The error of a syringe is the same for 1 mL and for 30: the slope is 31.3 / 30.1 weighed by the programmed use."""
    gain = learned((1, 1.3), (30, 30), (1, 1.3))
    assert gain.estimate == Gain(round((1.3 + 900 + 1.3) / 902 * 10**6))


def test_a_low_bound_is_more_than_nothing() -> None:
    """A gain is at least one part per million, even where residuals make no sense."""
    gain = learned((1, 0), (1, 0), (1, 0))
    assert (gain.estimate.ppm, gain.low.ppm) == (1, 1)
    assert gain.high.ppm > 400_000
    absurd = learned((1, -9), (1, -9), (1, -9))
    assert (absurd.estimate.ppm, absurd.low.ppm, absurd.high.ppm) == (1, 1, 1)


@given(st.lists(st.tuples(st.integers(1, 40_000_000), st.integers(-2_000_000, 45_000_000)), min_size=3, max_size=40))
def test_it_is_the_regression_through_the_origin(pairs: list[tuple[int, int]]) -> None:
    """The slope is that of the standard library; the bounds lie outside t times its standard error, by less than 3 ppm."""
    programmed, measured = [list(map(float, column)) for column in zip(*pairs, strict=True)]
    slope = linear_regression(programmed, measured, proportional=True).slope
    gain = pump_gain(Chart(uses=tuple(Use(*pair) for pair in pairs)), SHEET)
    assert gain.low <= gain.estimate <= gain.high
    assert abs(gain.estimate.ppm - max(slope * 10**6, 1)) < 1 + abs(slope)
    errors = [y - slope * x for x, y in zip(programmed, measured, strict=True)]
    deviation = max(sqrt(sum(error**2 for error in errors) / (len(pairs) - 1)), 200_000)
    quantile = T_THOUSANDTHS[min(len(pairs) - 1, 30) - 2] / 1000
    half = quantile * deviation / sqrt(sum(x**2 for x in programmed)) * 10**6
    tolerance = 3 + (half + abs(slope)) * 1e-9
    assert abs(gain.high.ppm - max(slope * 10**6 + half, 1)) < tolerance
    assert abs(gain.low.ppm - max(slope * 10**6 - half, 1)) < tolerance


@pytest.mark.parametrize("freedom", range(2, 31))
def test_the_quantiles_are_those_of_student(freedom: int) -> None:
    """The density from zero to the quantile holds 47.5 %, as closely as thousandths can tell; Simpson's rule."""

    def density(t: float) -> float:
        scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
        return float(scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2))

    quantile = T_THOUSANDTHS[freedom - 2] / 1000
    steps = 2000
    weights = [1, *([4, 2] * (steps // 2))[:-1], 1]
    area = sum(weight * density(quantile * n / steps) for n, weight in enumerate(weights)) * quantile / steps / 3
    assert abs(area - 0.475) < density(quantile) * 0.00051
    assert len(T_THOUSANDTHS) == 29


def test_beyond_thirty_degrees_of_freedom_the_quantile_stays() -> None:
    """Forty equal residuals: 2.042 x 0.2 / (30 x root of 40), rounded outwards."""
    gain = learned(*[(30, 30)] * 40)
    assert gain.high == Gain(1_000_000 + int(2.042 * 0.2 / (30 * sqrt(40)) * 10**6) + 1)


def test_the_interval_holds_the_truth_in_nineteen_of_twenty() -> None:
    """A thousand pumps at +6 %, read from a syringe that errs by 0.5 mL, six refills each."""
    chance = Random(20260105)
    held = 0
    for _ in range(1000):
        programmed = [chance.uniform(10, 35) for _ in range(6)]
        gain = learned(*[(volume, volume * 1.06 + chance.gauss(0, 0.5)) for volume in programmed])
        held += gain.low.ppm <= 1_060_000 <= gain.high.ppm
    assert 930 < held < 970


def test_a_fill_sensor_says_nothing_of_the_gain() -> None:
    """What such a pump expects is what it senses, so both uses are the true one: its label stays."""
    sensing = pump_sheet("medstream-40")
    assert sensing.fill_sensor
    gain = pump_gain(Chart(uses=uses((30, 30), (30, 30), (30, 30))), sensing)
    assert (gain.learned, gain.high.ppm) == (False, 1_000_000 + sensing.flow_accuracy_ppm)


def chart_of(*pairs: tuple[float, float]) -> Chart:
    """A pump at 0.4 mL/day that was just filled with 30 mL, after such uses."""
    session = SessionEnded(START, OrderContinuous(DailyDose(10**8)), report(running_pump(SimpleContinuous(flow(0.4)))))
    return Chart(uses=uses(*pairs)).after(Filled(START, ml(30), STRENGTH), session)


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(
    ("measured", "day"),
    [
        (30, 63),  # 28 / (0.4 x 1.016563) = 68.86 days, less 5
        (33, 57),  # 28 / (0.4 x 1.116563) = 62.69
        (36, 52),  # 28 / (0.4 x 1.216563) = 57.54, earlier than by the label
        (27, 65),  # slower than programmed: 28 / 0.4 = 70, its own alarm
    ],
)
def test_the_date_follows_the_gain_that_was_learned(measured: float, day: int) -> None:
    """Three refills of 30 mL; before the third the label gives day 56. The pump's own alarm is never waited for."""
    assert refill_by(chart_of(*[(30, measured)] * 2), SHEET, POLICY) == RefillBy(START, 56, "alarm")
    assert refill_by(chart_of(*[(30, measured)] * 3), SHEET, POLICY) == RefillBy(START, day, "alarm")


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(("measured", "day"), [(20, 14), (21, 13), (24, 11), (18, 15)])
def test_a_pump_without_electronics_learns_too(measured: float, day: int) -> None:
    """20 mL at 1 mL/day and half = 4.303 x 0.2 / (20 x root of 3) = 2.4844 %: 19.515, 18.604, 16.326 and 20 days, less 5."""
    sheet = pump_sheet("isomed-8472-20-10")
    chart = Chart(uses=uses(*[(20, measured)] * 3)).after(Filled(START, ml(20), STRENGTH))
    assert refill_by(chart, sheet, POLICY) == RefillBy(START, day, "empty")


def run_refills(gain: str, typed: Volume | None) -> Chart:
    """Seven refills every 60 days at 0.4 mL/day, the true flow at a gain."""
    order = OrderContinuous(DailyDose(200 * 10**6))
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", SHEET.tubing_volume)
    actions: list[Action] = [Implant(START, SHEET, geometry, 0)]
    actions += [Refill(Instant(START.s + n * 60 * DAY_S), ml(35), STRENGTH, order, typed=typed) for n in range(7)]

    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    return run(World(START, gain=Gain.parse(gain)), source, Instant(START.s + 400 * DAY_S)).chart


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize("gain", ["0 %", "+2.5 %", "-7 %", "+14.5 %", "+30 %"])
@pytest.mark.parametrize("typed", [None, ml(38)])
def test_a_run_learns_the_gain_of_its_world(gain: str, typed: Volume | None) -> None:
    """Of six residuals the first does not count; what was typed wrong does not deceive: 2.776 x 0.2 / (24 x root of 5)."""
    chart = run_refills(gain, typed)
    found = pump_gain(chart, SHEET)
    assert found.residuals == 5
    assert abs(found.estimate.ppm - Gain.parse(gain).ppm) <= 1
    assert abs(found.high.ppm - Gain.parse(gain).ppm - 10_346) <= 2
    assert abs(Gain.parse(gain).ppm - found.low.ppm - 10_346) <= 2


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(
    ("volume", "alarm", "gain_ppm", "dry"),
    [
        (40, 2, 1_052_631, False),  # 40 / 38 = 1.0526316
        (40, 2, 1_052_632, True),
        (20, 2, 1_111_111, False),  # 20 / 18 = 1.1111111
        (20, 2, 1_111_112, True),
        (20, 4, 1_250_000, False),  # at the same second
        (20, 4, 1_250_001, True),
        (40, 0, 1_000_001, True),  # an alarm at empty comes too late for any faster pump
        (40, 0, 1_000_000, False),
        (2, 2, 9_000_000, False),  # it sounds at once
    ],
)
def test_a_pump_inside_its_label_can_be_empty_before_its_alarm(volume: float, alarm: float, gain_ppm: int, dry: bool) -> None:
    """Above V / (V - A), exactly; the alarm counts the programmed flow."""
    assert empties_before_alarm(ml(volume), ml(alarm), Gain(gain_ppm)) is dry


@given(st.integers(1, 40 * 10**6), st.integers(0, 40 * 10**6), st.integers(1, 3 * 10**6))
def test_empty_before_its_alarm_is_the_quotient(volume_nl: int, alarm_nl: int, gain_ppm: int) -> None:
    """The same as the deviation that is more than A / (V - A)."""
    dry = empties_before_alarm(Volume(volume_nl), Volume(alarm_nl), Gain(gain_ppm))
    counted = volume_nl - alarm_nl
    assert dry is (counted > 0 and Fraction(gain_ppm, 10**6) - 1 > Fraction(alarm_nl, counted))


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(("gain", "first"), [("+5.2 %", "low reservoir alarm"), ("+5.4 %", RAN_DRY)])
def test_a_pump_that_runs_so_shows_it(gain: str, first: str) -> None:
    """40 mL at 0.4 mL/day: which comes first in the pump is what the comparison says."""
    pump = running_pump(SimpleContinuous(flow(0.4)), fill=ml(40), gain=Gain.parse(gain))
    events = advance(pump, Instant(START.s + 120 * DAY_S)).events
    kinds = [event.kind for event in events if event.kind in ("low reservoir alarm", RAN_DRY)]
    assert kinds[0] == first
    assert empties_before_alarm(ml(40), report(pump).low_reservoir, Gain.parse(gain)) is (first == RAN_DRY)
