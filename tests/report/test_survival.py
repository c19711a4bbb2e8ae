"""Survival and cumulative incidence: a trial of the textbooks, closed forms, and others' code."""

from math import exp, log, sqrt
from warnings import catch_warnings, simplefilter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import CensoredData, ecdf

from thecal.errors import InputError
from thecal.report.survival import Z, cumulative_incidence, influence, kaplan_meier

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

# Weeks of remission under 6-mercaptopurine (Freireich 1963), as in the textbooks of survival; 0: still in remission.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]

times = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40)
causes = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=40)


def drawn(seed: int, count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Times without ties and one of two causes, or none."""
    chance = np.random.default_rng(seed)
    return chance.exponential(100, count), chance.integers(0, 3, count)


def weighted(days: Floats, happened: Booleans, weights: Floats, day: float) -> float:
    """Survival with weights of the patients, by the product over days."""
    survival = 1.0
    for when in np.unique(days[happened & (days <= day)]):
        survival *= 1 - weights[happened & (days == when)].sum() / weights[days >= when].sum()
    return float(survival)


def test_the_trial_of_the_textbooks() -> None:
    """Survival, numbers at risk and Greenwood's error as they are printed; log-log intervals as R gives them."""
    curve = kaplan_meier(WEEKS, RELAPSED)
    assert curve.days.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [0, 3, 1, 1, 1, 1, 1, 1]
    assert curve.survival.round(3).tolist() == [1, 0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]
    errors = [float(np.sqrt((influence(WEEKS, RELAPSED, week) ** 2).sum())) for week in (6, 7, 10, 13, 16, 22, 23)]
    assert errors == pytest.approx([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=5e-5)
    assert curve.at(6) == pytest.approx((0.857, 0.620, 0.952), abs=5e-4)
    assert curve.at(23.9) == pytest.approx((0.448, 0.188, 0.680), abs=5e-4)


def test_at_risk_as_counted_by_hand() -> None:
    """Who leaves on a day is at risk on it."""
    assert kaplan_meier(WEEKS, RELAPSED).at_risk_on([0, 6, 6.5, 10, 35, 36]).tolist() == [21, 21, 17, 15, 1, 0]


@given(times)
def test_survival_is_what_scipy_says(rows: list[tuple[int, bool]]) -> None:
    """With ties and censoring; the intervals too, wherever scipy has them."""
    days, happened = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    curve = kaplan_meier(days, happened)
    theirs = ecdf(CensoredData(uncensored=days[happened], right=days[~happened])).sf
    places = np.searchsorted(curve.days, theirs.quantiles, side="right") - 1
    assert curve.survival[places] == pytest.approx(theirs.probabilities)
    with np.errstate(all="ignore"), catch_warnings():
        simplefilter("ignore")  # where it has none, it warns
        interval = theirs.confidence_interval(method="log-log")
    inner = (theirs.probabilities > 0) & (theirs.probabilities < 1)
    assert curve.low[places][inner] == pytest.approx(interval.low.probabilities[inner])
    assert curve.high[places][inner] == pytest.approx(interval.high.probabilities[inner])


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_without_censoring_it_is_the_share_who_are_left(days: list[int]) -> None:
    """One less the empirical distribution, whose variance is binomial."""
    curve, left, count = kaplan_meier(days, np.ones(len(days))), np.array(days), len(days)
    for day in range(22):
        share = float((left > day).mean())
        assert curve.at(day)[0] == pytest.approx(share)
        variance = float((influence(days, np.ones(count), day) ** 2).sum())
        assert variance == pytest.approx(share * (1 - share) / count if share else 0)


@given(times)
def test_an_interval_holds_its_value_and_never_leaves_0_to_1(rows: list[tuple[int, bool]]) -> None:
    curve = kaplan_meier([row[0] for row in rows], [row[1] for row in rows])
    for day in range(14):
        value, low, high = curve.at(day)
        assert 0 <= low <= value <= high <= 1
    assert np.all(np.diff(curve.survival) <= 0)
    assert np.all(np.diff(curve.high) <= 1e-12)


def test_where_nothing_or_everything_happened() -> None:
    """Nobody of 20: the exact binomial end. All of 20 at once: the other one. The last of the rest: the end stays."""
    assert kaplan_meier([365.0] * 20, [False] * 20).at(365) == pytest.approx((1, 0.025 ** (1 / 20), 1))
    assert kaplan_meier([365.0] * 20, [False] * 20).at(400) == pytest.approx((1, 0.025 ** (1 / 20), 1))
    assert kaplan_meier([3.0] * 20, [True] * 20).at(3) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 20)))
    both = kaplan_meier([3.0, 5.0], [True, True])
    assert both.at(5) == (0, 0, both.at(4)[2])
    assert both.at(0) == (1, 1, 1)
    assert both.at(-1) == (1, 1, 1)


@given(times, st.integers(1, 12))
def test_influence_is_what_a_weight_does(rows: list[tuple[int, bool]], day: int) -> None:
    """The derivative of survival by each patient's weight, by differences."""
    days, happened = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    found = influence(days, happened, day)
    assert found.sum() == pytest.approx(0, abs=1e-12)
    if weighted(days, happened, np.ones(len(days)), day) <= 1e-12:
        assert not found.any()
        return
    for place in range(len(days)):
        step = np.eye(len(days))[place] * 1e-5
        slope = (weighted(days, happened, 1 + step, day) - weighted(days, happened, 1 - step, day)) / 2e-5
        assert found[place] == pytest.approx(slope, abs=1e-7)


def test_the_jackknife_is_greenwood_where_no_two_times_are_the_same() -> None:
    days, kinds = drawn(5, 300)
    curve = kaplan_meier(days, kinds > 0)
    kept = (curve.days <= 120) & (curve.events > 0)
    terms = curve.events[kept] / (curve.at_risk[kept] * (curve.at_risk[kept] - curve.events[kept]))
    assert (influence(days, kinds > 0, 120) ** 2).sum() == pytest.approx(curve.at(120)[0] ** 2 * terms.sum())


def test_competing_causes_by_hand() -> None:
    """Five patients: cause 1 on day 1, one leaves, cause 2 on day 3 (of 3), cause 1 on day 4 (of 2), one leaves."""
    found = cumulative_incidence([1, 2, 3, 4, 5], [1, 0, 2, 1, 0], 2)
    assert found.days.tolist() == [0, 1, 3, 4]
    assert found.survival == pytest.approx([1, 4 / 5, 8 / 15, 4 / 15])
    assert found.share[0] == pytest.approx([0, 1 / 5, 1 / 5, 7 / 15])
    assert found.share[1] == pytest.approx([0, 0, 4 / 15, 4 / 15])
    assert found.at(0, 3.5)[0] == pytest.approx(1 / 5)
    assert found.at(1, 1) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 5)))
    assert found.at(1, 0) == found.at(1, -1) == (0, 0, 0)


@given(causes)
def test_all_causes_and_survival_are_1_together(rows: list[tuple[int, int]]) -> None:
    """And survival is that of any cause; every interval holds its value."""
    days, kinds = [row[0] for row in rows], [row[1] for row in rows]
    found = cumulative_incidence(days, kinds, 3)
    assert found.survival + found.share.sum(axis=0) == pytest.approx(np.ones(len(found.days)))
    assert found.survival == pytest.approx(kaplan_meier(days, np.array(kinds) > 0).survival)
    slack = 1e-9
    assert np.all((found.low <= found.share + slack) & (found.share <= found.high + slack))
    assert np.all((found.low >= 0) & (found.high <= 1))


@given(times)
def test_one_cause_is_one_less_survival(rows: list[tuple[int, bool]]) -> None:
    days, happened = [row[0] for row in rows], [row[1] for row in rows]
    found, curve = cumulative_incidence(days, happened, 1), kaplan_meier(days, happened)
    for day in range(1, 13):
        assert found.at(0, day)[0] == pytest.approx(1 - curve.at(day)[0])


def test_without_censoring_a_share_has_its_binomial_variance() -> None:
    """The interval in closed form, at each of some days."""
    days, kinds = drawn(3, 150)
    kinds = 1 + (kinds > 0)
    found = cumulative_incidence(days, kinds, 2)
    for day in (20, 90, 250):
        share = float(((days <= day) & (kinds == 2)).mean())
        spread = Z * sqrt(share * (1 - share) / 150) / (share * log(share))
        assert found.at(1, day) == pytest.approx((share, share ** exp(-spread), share ** exp(spread)))


def test_the_interval_of_a_share_is_that_of_the_bootstrap() -> None:
    """With censoring and two causes: the standard error on the log-log scale against 2,000 samples of the patients."""
    days, kinds = drawn(11, 250)
    chance, value = np.random.default_rng(1), cumulative_incidence(days, kinds, 2).at(0, 100)
    samples = []
    for _ in range(2000):
        who = chance.integers(0, 250, 250)
        samples.append(cumulative_incidence(days[who], kinds[who], 2).at(0, 100)[0])
    low, high = np.quantile(samples, [0.025, 0.975])
    assert value[1:] == pytest.approx((low, high), abs=0.012)


@pytest.mark.parametrize(
    ("days", "happened", "said"),
    [
        ([], [], "1 or more"),
        ([1.0, 2.0], [True], "one of each"),
        ([1.0, -2.0], [True, True], "'-2' is no time from the start"),
        ([float("nan")], [True], "'nan' is no time"),
    ],
)
def test_what_cannot_be_a_time(days: list[float], happened: list[bool], said: str) -> None:
    with pytest.raises(InputError, match=said):
        kaplan_meier(days, happened)


def test_what_is_no_cause() -> None:
    with pytest.raises(InputError, match=r"'4' is no cause\. Accepted: 1 to 3, or 0 for none"):
        cumulative_incidence([1, 2], [4, 0], 3)
