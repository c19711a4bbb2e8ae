"""This pump's own gain: its true flow over its programmed flow, learned from its residuals (REF-12)."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from math import ceil, floor, isqrt

from thecal.chart.chart import Chart, Use
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Gain, Volume, nearest
from thecal.therapy.settings import setting_count, settings_of

T_THOUSANDTHS = (
    *(4303, 3182, 2776, 2571, 2447, 2365, 2306, 2262, 2228),
    *(2201, 2179, 2160, 2145, 2131, 2120, 2110, 2101, 2093, 2086),
    *(2080, 2074, 2069, 2064, 2060, 2056, 2052, 2048, 2045, 2042),
)
"""The 97.5 % quantiles of Student's t for 2 to 30 degrees of freedom, in thousandths."""


@dataclass(frozen=True, slots=True)
class PumpGain:
    """The gain of one pump: an estimate and its 95 % interval from so many residuals, or its label while they are too few."""

    estimate: Gain
    low: Gain
    high: Gain
    residuals: int

    @property
    def learned(self) -> bool:
        """Whether it is this pump's own, not its label's."""
        return self.residuals >= _residuals_min()


def pump_gain(chart: Chart, sheet: PumpSheet) -> PumpGain:
    """REF-12: what the residuals of this pump say of its gain; the labelled accuracy until there are enough of them.

    A pump with a fill sensor keeps its label: what it expects is what it senses, not what it counted.
    """
    uses = () if sheet.fill_sensor else chart.uses
    if len(uses) < _residuals_min():
        accuracy = sheet.flow_accuracy_ppm
        return PumpGain(Gain(Gain.EXACT), Gain(Gain.EXACT - accuracy), Gain(Gain.EXACT + accuracy), len(uses))
    return _learned(uses)


@lru_cache(maxsize=1024)  # asked for at every row of a course, and another one only after a refill
def _learned(uses: tuple[Use, ...]) -> PumpGain:
    """Regression of the true on the programmed use through the origin; a syringe errs by as much whatever it holds."""
    freedom = len(uses) - 1
    programmed = sum(use.programmed_nl**2 for use in uses)
    cross = sum(use.programmed_nl * use.measured_nl for use in uses)
    slope = Fraction(cross, programmed)
    spread = sum(use.measured_nl**2 for use in uses) - slope * cross
    variance = max(spread / freedom, Fraction(_syringe_reading().nl ** 2))
    quantile = Fraction(T_THOUSANDTHS[min(freedom - 2, len(T_THOUSANDTHS) - 1)], 1000)
    half = _root(variance / programmed * (quantile * Gain.EXACT) ** 2)
    return PumpGain(
        estimate=Gain(max(nearest(cross * Gain.EXACT, programmed), 1)),
        low=Gain(max(floor(slope * Gain.EXACT - half), 1)),
        high=Gain(max(ceil(slope * Gain.EXACT + half), 1)),
        residuals=len(uses),
    )


def _root(square: Fraction) -> Fraction:
    """The square root, up to the next part of its denominator: an interval is never too narrow."""
    over, under = square.numerator, square.denominator
    return Fraction(isqrt(over * under) + 1, under)


@cache
def _residuals_min() -> int:
    return setting_count("refill", "gain_residuals")


@cache
def _syringe_reading() -> Volume:
    """The smallest error with which a residual is taken to be read."""
    return Volume.parse(settings_of("refill")["syringe_reading"].value, "syringe_reading")


def empties_before_alarm(volume: Volume, low_reservoir: Volume, gain: Gain) -> bool:
    """REF-12: whether a pump of this gain is empty before the alarm that it computes from its programmed flow.

    Above ``volume / (volume - low_reservoir)``: +5.3 % for 40 mL and +11.1 % for 20 mL with the alarm at 2 mL.
    """
    return gain.ppm * (volume.nl - low_reservoir.nl) > volume.nl * Gain.EXACT
