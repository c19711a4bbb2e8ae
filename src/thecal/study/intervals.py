"""Intervals of 95 % for what a study measures: means, shares, rates, and paired differences of each.

Every function takes arrays with one entry for each patient and gives ``Estimate``; what is not defined is None. A difference is
the first less the second, of the same patients in the same order.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import chi2, t

from thecal.report.study_summary import UNDEFINED, Estimate
from thecal.report.survival import LEVEL, Interval, Z, influence, kaplan_meier

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_UPPER = (1 + LEVEL) / 2


def mean(values: Floats) -> Estimate:
    """The mean with a t interval, which two patients at least have."""
    if not len(values):
        return UNDEFINED
    value = float(values.mean())
    if len(values) < 2:
        return Estimate(value, None, None)
    half = float(t.ppf(_UPPER, len(values) - 1) * values.std(ddof=1) / sqrt(len(values)))
    return Estimate(value, value - half, value + half)


def paired_p(differences: Floats) -> float | None:
    """The two-sided p value of the paired t, which two patients at least have; 1 where no pair differs."""
    if len(differences) < 2:
        return None
    value, spread = float(differences.mean()), float(differences.std(ddof=1))
    if not spread:
        return 0.0 if value else 1.0
    return float(2 * t.sf(abs(value) / spread * sqrt(len(differences)), len(differences) - 1))


def share(yes: Booleans) -> Estimate:
    """The share with Wilson's interval, from 0 to 1."""
    if not len(yes):
        return UNDEFINED
    return Estimate(*_wilson(int(yes.sum()), len(yes)))


def share_difference(one: Booleans, other: Booleans) -> Estimate:
    """The difference of paired shares with Newcombe's interval: Wilson's two, joined with the correlation of the pairs, which is
    corrected for continuity where it is positive (Newcombe 1998, method 10).

    Where no pair differs, the interval still has the width that so few patients leave.
    """
    count = len(one)
    if not count:
        return UNDEFINED
    both, neither = int((one & other).sum()), int((~one & ~other).sum())
    alone, lacking = int((one & ~other).sum()), int((~one & other).sum())
    product = float(both * neither - alone * lacking)
    if product > 0:
        product = max(product - count / 2, 0)
    margins = (both + alone) * (lacking + neither) * (both + lacking) * (alone + neither)
    return _joined(_wilson(both + alone, count), _wilson(both + lacking, count), product / sqrt(margins) if margins else 0.0)


def rate(events: Floats, years: Floats, scale: float) -> Estimate:
    """Events per ``scale`` years with the exact Poisson interval; nothing where nobody was exposed."""
    exposure, count = float(years.sum()), int(events.sum())
    if exposure <= 0:
        return UNDEFINED
    low, high = _poisson(count)
    return Estimate(count / exposure * scale, low / exposure * scale, high / exposure * scale)


def amount_rate(amounts: Floats, years: Floats, scale: float) -> Estimate:
    """An amount, such as mg or hours, per ``scale`` years with a t interval by the infinitesimal jackknife of the patients.

    It does not go below 0. There is no interval where nobody had any of it, and nothing where nobody was exposed.
    """
    exposure, amount = float(years.sum()), float(amounts.sum())
    if exposure <= 0:
        return UNDEFINED
    if not np.any(amounts):
        return Estimate(0.0, None, None)
    found = _jackknifed(scale * amount / exposure, scale * (amounts - amount / exposure * years) / exposure)
    return Estimate(found.value, None if found.low is None else max(found.low, 0.0), found.high)


def rate_difference(one: tuple[Floats, Floats], other: tuple[Floats, Floats], scale: float, counted: bool = True) -> Estimate:
    """The difference of the rates of paired patients, each given as events and years, with a t interval by the infinitesimal
    jackknife of the patients: events of one patient need not be independent, nor those of a pair.

    Where neither had an event, the ends are those of the two exact Poisson intervals; of amounts, which are not counted, there
    is no interval then.
    """
    exposures, counts = [float(years.sum()) for _, years in (one, other)], [float(events.sum()) for events, _ in (one, other)]
    if min(exposures) <= 0:
        return UNDEFINED
    rates = [count / exposure for count, exposure in zip(counts, exposures, strict=True)]
    value = scale * (rates[0] - rates[1])
    if not any(counts) and not counted:
        return Estimate(value, None, None)
    if not any(counts):
        high = _poisson(0)[1]
        return Estimate(value, -scale * high / exposures[1], scale * high / exposures[0])
    moved = (one[0] - rates[0] * one[1]) / exposures[0] - (other[0] - rates[1] * other[1]) / exposures[1]
    return _jackknifed(value, scale * moved)


def survival_at(days: Floats, happened: Booleans, day: float) -> Estimate:
    """The share without the event up to a day, by Kaplan and Meier, from 0 to 1."""
    return Estimate(*kaplan_meier(days, happened).at(day)) if len(days) else UNDEFINED


def survival_difference(one: tuple[Floats, Booleans], other: tuple[Floats, Booleans], day: float) -> Estimate:
    """The difference of two survivals of paired patients on a day, each given as times and outcomes.

    Both intervals are joined as Newcombe joins those of shares, with the correlation of what each patient's weight does to either
    curve (the infinitesimal jackknife), so that it needs no chance and holds near 0 and 1.
    """
    if not len(one[0]):
        return UNDEFINED
    moved = [influence(*each, day) for each in (one, other)]
    sizes = [sqrt(float((each**2).sum())) for each in moved]
    together = float((moved[0] * moved[1]).sum()) / (sizes[0] * sizes[1]) if all(sizes) else 0.0
    return _joined(kaplan_meier(*one).at(day), kaplan_meier(*other).at(day), together)


def _joined(one: Interval, other: Interval, correlation: float) -> Estimate:
    """The difference of two values from their intervals and the correlation of the two."""
    value = one[0] - other[0]

    def distance(first: float, second: float) -> float:
        return sqrt(max(first**2 - 2 * correlation * first * second + second**2, 0.0))

    return Estimate(
        value, value - distance(one[0] - one[1], other[2] - other[0]), value + distance(one[2] - one[0], other[0] - other[1])
    )


def _jackknifed(value: float, moved: Floats) -> Estimate:
    """A value with a t interval from what each patient's weight does to it; two patients at least have one."""
    count = len(moved)
    if count < 2:
        return Estimate(value, None, None)
    half = float(t.ppf(_UPPER, count - 1)) * sqrt(count / (count - 1) * float((moved**2).sum()))
    return Estimate(value, value - half, value + half)


def _wilson(count: int, of: int) -> Interval:
    value, squared = count / of, Z**2 / of
    middle = (value + squared / 2) / (1 + squared)
    half = sqrt(squared * (value * (1 - value) + squared / 4)) / (1 + squared)
    return value, max(middle - half, 0.0) if count else 0.0, min(middle + half, 1.0) if count < of else 1.0


def _poisson(count: int) -> tuple[float, float]:
    low = float(chi2.ppf(1 - _UPPER, 2 * count) / 2) if count else 0.0
    return low, float(chi2.ppf(_UPPER, 2 * count + 2) / 2)


def two_sided(z: float) -> float:
    """The two-sided p value of a standard normal deviate."""
    return float(2 * ndtr(-abs(z)))
