"""Time to a first event: Kaplan and Meier's survival, and cumulative incidence among competing events (Aalen and Johansen).

Plain functions of arrays. Times are days from the start, one for each patient: of the event, or of the end of the follow-up where
it did not happen. What happens on the day on which somebody leaves is counted with them at risk. All intervals are of 95 %.

    curve = kaplan_meier([6, 6, 6, 7, 10], [True, True, False, True, False])
    curve.at(7)  # survival with its interval
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Interval = tuple[float, float, float]
"""A value, and the low and the high end of its interval."""

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
_TAIL = (1 - LEVEL) / 2
_ROUND_OFF = 1e-12


@dataclass(frozen=True, slots=True)
class Survival:
    """The share without the event: one value from each of ``days`` until the next, 1 from day 0.

    ``low`` and ``high`` are by the log-log transform of Greenwood's variance; where nobody is left without the event the high end
    stays what it was. ``at_risk`` and ``events`` belong to the same days. ``left`` is when each patient leaves, sorted.
    """

    days: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Integers
    events: Integers
    left: Floats

    def at(self, day: float) -> Interval:
        """The share that has no event up to and on a day.

        Where nothing has happened yet, the low end is the exact binomial one for those who are still at risk.
        """
        step = int(np.searchsorted(self.days, day, side="right")) - 1
        if step < 0:
            return 1.0, 1.0, 1.0
        value = float(self.survival[step])
        low = 1 - _none_of(self._still(day)) if value == 1 and day > 0 else float(self.low[step])
        return value, low, float(self.high[step])

    def at_risk_on(self, days: ArrayLike) -> Integers:
        """How many have neither left nor had the event before each of some days."""
        return _at_risk(self.left, np.asarray(days, dtype=np.float64))

    def _still(self, day: float) -> int:
        return int(self.at_risk_on([min(day, self.left[-1])])[0])


@dataclass(frozen=True, slots=True)
class Incidence:
    """The share to whom each cause came first: ``share``, ``low`` and ``high`` are (causes, days), 0 from day 0.

    ``survival`` is the share to whom none came; the shares of all causes and it are 1 together.
    """

    days: Floats
    survival: Floats
    share: Floats
    low: Floats
    high: Floats
    left: Floats

    def at(self, cause: int, day: float) -> Interval:
        """The share to whom a cause came first up to and on a day; where it came to nobody, the high end is the exact binomial
        one for those who are still at risk.
        """
        step = int(np.searchsorted(self.days, day, side="right")) - 1
        if step < 0:
            return 0.0, 0.0, 0.0
        value, low, high = (float(values[cause, step]) for values in (self.share, self.low, self.high))
        if value == 0 and day > 0:
            still = int(_at_risk(self.left, np.array([min(day, self.left[-1])]))[0])
            return 0.0, 0.0, _none_of(still)
        return value, low, high


def kaplan_meier(days: ArrayLike, happened: ArrayLike) -> Survival:
    """Survival from when each patient leaves, and whether that was the event.

    Raises InputError for no patients, arrays of different lengths, and times that are negative or no numbers.
    """
    left, event = _checked(days, np.asarray(happened, dtype=np.bool_))
    when, events = np.unique(left[event], return_counts=True)
    risk = _at_risk(left, when)
    survival = np.cumprod(1 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (risk * (risk - events)))
        spread = Z * np.sqrt(greenwood) / np.log(survival)
        low, high = survival ** np.exp(-spread), survival ** np.exp(spread)
    gone = survival == 0
    low[gone] = 0
    if gone.any():
        high[gone] = high[~gone][-1] if (~gone).any() else _none_of(int(risk[0]))
    zero, count = np.zeros(1), np.array([len(left)])
    return Survival(
        np.concatenate((zero, when)),
        np.concatenate((zero + 1, survival)),
        np.concatenate((zero + 1, low)),
        np.concatenate((zero + 1, high)),
        np.concatenate((count, risk)),
        np.concatenate((zero.astype(np.int64), events)),
        np.sort(left),
    )


def influence(days: ArrayLike, happened: ArrayLike, day: float) -> Floats:
    """What each patient's weight does to survival on a day: the infinitesimal jackknife, one value for each, 0 in sum.

    The sum of squares is a variance of survival, and for two curves of the same patients the sum of the squared differences is
    one of their difference. Nothing moves a curve that has come to 0. Raises InputError as ``kaplan_meier`` does.
    """
    left, event = _checked(days, np.asarray(happened, dtype=np.bool_))
    when, events = np.unique(left[event & (left <= day)], return_counts=True)
    risk = _at_risk(left, when)
    if np.any(risk == events):
        return np.zeros(len(left))
    survival = float(np.prod(1 - events / risk))
    exposed = np.concatenate(([0.0], np.cumsum(events / (risk * (risk - events)))))[np.searchsorted(when, left, side="right")]
    own = np.zeros(len(left))
    counted = event & (left <= day)
    at = np.searchsorted(when, left[counted])
    own[counted] = 1 / (risk - events)[at]
    moved: Floats = survival * (exposed - own)
    return moved


def cumulative_incidence(days: ArrayLike, cause: ArrayLike, causes: int) -> Incidence:
    """The share to whom each of several causes came first, from when each patient leaves and of what: 1 to ``causes``, or 0 where
    nothing happened.

    Intervals are by the log-log transform of the delta-method variance, which without censoring is the binomial one. Raises
    InputError as ``kaplan_meier`` does, and for a cause that is none of these.
    """
    kinds = np.asarray(cause, dtype=np.int64)
    odd = kinds[(kinds < 0) | (kinds > causes)]
    if len(odd):
        raise InputError("cause", str(int(odd[0])), "is no cause", accepted=(f"1 to {causes}, or 0 for none",))
    left, event = _checked(days, kinds > 0)
    kinds = kinds.reshape(left.shape)
    when = np.unique(left[event])
    by_cause = np.array([_counts(left[kinds == one], when) for one in range(1, causes + 1)]).reshape(causes, len(when))
    risk, events = _at_risk(left, when), by_cause.sum(axis=0)
    after = np.cumprod(1 - events / risk)
    before = np.concatenate(([1.0], after[:-1]))[: len(when)]
    share = np.cumsum(before * by_cause / risk, axis=1)
    low, high = _around(share, _variance(share, by_cause, events, risk, before), risk)
    none = np.zeros((causes, 1))
    return Incidence(
        np.concatenate(([0.0], when)),
        np.concatenate(([1.0], after)),
        np.hstack((none, share)),
        np.hstack((none, low)),
        np.hstack((none, high)),
        np.sort(left),
    )


def _variance(share: Floats, by_cause: Integers, events: Integers, risk: Integers, before: Floats) -> Floats:
    """Of each share, (causes, days), by the delta method (Marubini and Valsecchi): sums over the days up to each."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(risk > events, events / (risk * (risk - events)), 0.0)  # after it nothing is added to any share
    own = before**2 * (risk - by_cause) / risk**3 * by_cause
    cross = before * by_cause / risk**2

    def sums(terms: Floats) -> Floats:
        return np.cumsum(terms, axis=-1)

    of_survival = share**2 * sums(weight) - 2 * share * sums(share * weight) + sums(share**2 * weight)
    of_both = share * sums(cross) - sums(share * cross)
    return np.maximum(of_survival + sums(own) - 2 * of_both, 0.0)


def _around(share: Floats, variance: Floats, risk: Integers) -> tuple[Floats, Floats]:
    """Log-log intervals of shares; exact binomial ones where a share is 0 or 1."""
    all_of_them = share > 1 - _ROUND_OFF
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = Z * np.sqrt(variance) / (share * np.log(share))
        low, high = share ** np.exp(-spread), share ** np.exp(spread)
    nobody = np.array([_none_of(int(count)) for count in risk]).reshape(1, -1)
    low = np.where(share <= 0, 0.0, np.where(all_of_them, 1 - nobody, low))
    high = np.where(share <= 0, nobody, np.where(all_of_them, 1.0, high))
    return low, high


def _none_of(count: int) -> float:
    """The high end of a share of which nobody of some was seen, exact binomial."""
    return float(1 - _TAIL ** (1 / count)) if count else 1.0


def _at_risk(left: Floats, when: Floats) -> Integers:
    found: Integers = len(left) - np.searchsorted(np.sort(left), when, side="left")
    return found


def _counts(left: Floats, when: Floats) -> Integers:
    return np.bincount(np.searchsorted(when, left), minlength=len(when))[: len(when)].astype(np.int64)


def _checked(days: ArrayLike, happened: Booleans) -> tuple[Floats, Booleans]:
    left = np.asarray(days, dtype=np.float64)
    if left.ndim != 1 or left.shape != happened.shape or not len(left):
        shapes = f"{left.shape} and {happened.shape}"
        raise InputError(
            "days", shapes, "are not a time and an outcome for each patient", accepted=("one of each, for 1 or more",)
        )
    if not np.all(left >= 0):
        odd = left[~(left >= 0)][0]
        raise InputError("days", f"{odd:g}", "is no time from the start", accepted=("0 days or more",))
    return left, happened
