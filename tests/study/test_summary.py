"""What a study comes to: against scipy, textbooks and the bootstrap, and what must hold whatever the numbers are."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from tests.study.made_up import ARMS, ENDPOINTS, MadeUpArm, MadeUpEndpoint, MadeUpProtocol, Tables, made_up, summary_of
from thecal.errors import InputError
from thecal.report.study_lines import estimate_text
from thecal.report.study_summary import CAUSES, LEVELS, Difference, Estimate, Summary, Value
from thecal.report.survival import cumulative_incidence, kaplan_meier
from thecal.study.arm_rows import arm_rows
from thecal.study.intervals import amount_rate, paired_p, rate, rate_difference, share_difference, survival_difference
from thecal.study.spending import boundaries, spent
from thecal.study.summary import difference as compared

Floats = NDArray[np.float64]

PROTOCOL = MadeUpProtocol()


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_up()


@pytest.fixture(scope="module")
def summary(tables: Tables) -> Summary:
    return summary_of(tables, PROTOCOL)


def column(tables: Tables, arm: str, name: str, table: str = "patients") -> NDArray[Any]:
    """A column of an arm by patient."""
    rows = tables[table]
    chosen = rows["arm"] == arm
    found: NDArray[Any] = rows[name][chosen][np.argsort(rows["patient"][chosen], kind="stable")]
    return found


def value(summary: Summary, arm: str, measure: str) -> Value:
    return next(each for each in summary.values if (each.arm, each.measure) == (arm, measure))


def difference(summary: Summary, arm: str, measure: str) -> Difference:
    return next(each for each in summary.differences if (each.arm, each.measure) == (arm, measure))


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def bootstrap(statistic: Callable[[NDArray[np.int64]], float], patients: int) -> tuple[float, float]:
    """The ends of what 2,000 samples of the patients give."""
    chance = np.random.default_rng(4)
    low, high = np.quantile([statistic(chance.integers(0, patients, patients)) for _ in range(2000)], [0.025, 0.975])
    return float(low), float(high)


def test_a_mean_and_its_paired_difference_are_those_of_scipy(tables: Tables, summary: Summary) -> None:
    change, reference = column(tables, "slow", "ashworth_change"), column(tables, "label", "ashworth_change")
    shown = value(summary, "slow", "ashworth_change").estimate
    assert shown.value == pytest.approx(change.mean())
    assert ends(shown) == pytest.approx(tuple(stats.ttest_1samp(change, 0).confidence_interval()))
    paired, theirs = difference(summary, "slow", "ashworth_change"), stats.ttest_rel(change, reference)
    assert ends(paired.estimate) == pytest.approx(tuple(theirs.confidence_interval()))
    assert paired.p == pytest.approx(theirs.pvalue)
    assert paired.patients == 200


def test_a_share_is_scipys_wilson_in_hundredths(tables: Tables, summary: Summary) -> None:
    yes = int(column(tables, "label", "responder").sum())
    theirs = stats.binomtest(yes, 200).proportion_ci(method="wilson")
    shown = value(summary, "label", "responder")
    assert shown.events == yes
    assert shown.estimate.value == pytest.approx(yes / 2)
    assert ends(shown.estimate) == pytest.approx((100 * theirs.low, 100 * theirs.high))


def test_a_paired_difference_of_shares_is_that_of_the_textbook() -> None:
    """Altman, Statistics with Confidence: 20 both, 12 and 2 one only, 16 neither; 0.20 (0.056 to 0.329) by Newcombe's method."""
    one = np.array([True] * 20 + [True] * 12 + [False] * 18)
    other = np.array([True] * 20 + [False] * 12 + [True] * 2 + [False] * 16)
    found = share_difference(one, other)
    assert (found.value, *ends(found)) == pytest.approx((0.2, 0.056, 0.329), abs=5e-4)
    turned = share_difference(other, one)
    assert (turned.value, *ends(turned)) == pytest.approx((-0.2, -0.329, -0.056), abs=5e-4)


def test_a_rate_is_exact_poisson(tables: Tables, summary: Summary) -> None:
    """Each end is the mean at which so many or fewer, or so many or more, have 2.5 %."""
    count, years = int(column(tables, "slow", "withdrawal_episodes").sum()), column(tables, "slow", "pump_days").sum() / 365.25
    low = brentq(lambda mean: stats.poisson.sf(count - 1, mean) - 0.025, 1e-9, 100)
    high = brentq(lambda mean: stats.poisson.cdf(count, mean) - 0.025, 1e-9, 100)
    shown = value(summary, "slow", "withdrawals")
    assert shown.events == count
    assert shown.years == pytest.approx(years)
    assert shown.estimate.value == pytest.approx(100 * count / years)
    assert ends(shown.estimate) == pytest.approx((100 * low / years, 100 * high / years))
    assert value(summary, "tablets", "withdrawals").estimate.value is None
    assert difference(summary, "tablets", "withdrawals").estimate.value is None


def test_a_paired_difference_of_rates_is_that_of_the_bootstrap() -> None:
    """Patients of whom some have many events, and who have more in both arms."""
    chance = np.random.default_rng(8)
    frailty = chance.gamma(0.5, 2, 300)
    one, other = (chance.poisson(frailty * rate).astype(float) for rate in (1.0, 0.7))
    years, others = chance.uniform(0.5, 1, 300), chance.uniform(0.5, 1, 300)
    found = rate_difference((one, years), (other, others), 100)

    def again(who: NDArray[np.int64]) -> float:
        return float(100 * (one[who].sum() / years[who].sum() - other[who].sum() / others[who].sum()))

    assert ends(found) == pytest.approx(bootstrap(again, 300), abs=3)
    assert found.value == pytest.approx(again(np.arange(300)))


def test_rates_of_nothing() -> None:
    """No event in 10 years: the exact end. None in either: both ends. An amount of 0 has no interval; no exposure no value."""
    none, years = np.zeros(10), np.ones(10)
    limit = -np.log(0.025) / 10
    assert ends(rate(none, years, 1)) == pytest.approx((0, limit))
    assert ends(rate_difference((none, years), (none, years), 1)) == pytest.approx((-limit, limit))
    assert rate_difference((none, years), (none, years), 1, counted=False) == Estimate(0, None, None)
    assert amount_rate(none, years, 1) == Estimate(0, None, None)
    assert amount_rate(none, none, 1) == Estimate(None, None, None)


def test_an_amount_has_the_interval_of_a_ratio() -> None:
    """With the same exposure for all it is the t interval of the mean; it is no count."""
    amounts = np.random.default_rng(2).gamma(2, 3, 40)
    theirs = stats.ttest_1samp(amounts, 0).confidence_interval()
    assert ends(amount_rate(amounts, np.full(40, 2.0), 1)) == pytest.approx((theirs.low / 2, theirs.high / 2))
    tables = made_up(30)
    tables["patients"]["drug_wasted_mg"] = np.random.default_rng(3).uniform(0, 9, 90)
    wasted = MadeUpEndpoint("wasted", "drug thrown away", "mg per pump-year", "rate", "drug_wasted_mg", "pump_days")
    shown = value(summary_of(tables, MadeUpProtocol(patients=30, endpoints=(*ENDPOINTS, wasted))), "label", "wasted")
    assert shown.events is None
    assert shown.estimate.value == pytest.approx(
        column(tables, "label", "drug_wasted_mg").sum() / (column(tables, "label", "pump_days").sum() / 365.25)
    )


def test_a_time_is_kaplan_meier_at_the_end(tables: Tables, summary: Summary) -> None:
    """Of those who were implanted: who never had a pump cannot lose it."""
    implanted = column(tables, "label", "implanted")
    first, left = (column(tables, "label", name)[implanted] for name in ("first_catheter_day", "since_implant_days"))
    curve = kaplan_meier(np.where(np.isnan(first), left, first), ~np.isnan(first))
    shown = value(summary, "label", "catheter_free")
    assert (shown.estimate.value, *ends(shown.estimate)) == pytest.approx(tuple(100 * each for each in curve.at(365)))
    assert shown.events == int((~np.isnan(first)).sum())
    assert value(summary, "tablets", "catheter_free").patients == 0
    assert value(summary, "tablets", "catheter_free").estimate.value is None


def test_what_happens_on_the_last_day_counts_and_later_does_not() -> None:
    """Nobody sees what comes after the follow-up."""
    tables = made_up(10, arms=ARMS[:1])
    tables["patients"]["since_implant_days"] = np.full(10, 365.0)
    tables["patients"]["implanted"] = np.full(10, fill_value=True)
    tables["patients"]["first_catheter_day"] = np.array([365.0, 365.5] + [np.nan] * 8)
    shown = value(summary_of(tables, MadeUpProtocol(patients=10, arms=ARMS[:1])), "label", "catheter_free")
    assert shown.events == 1
    assert shown.estimate.value == pytest.approx(90)


def test_a_paired_difference_of_times_is_that_of_the_bootstrap() -> None:
    """Times that go together in pairs, so that the interval is narrower than that of two samples."""
    chance = np.random.default_rng(6)
    frailty, end = chance.gamma(1, 1, 300), chance.uniform(100, 400, 300)
    days = [chance.exponential(400 / (frailty + 0.1)), chance.exponential(250 / (frailty + 0.1))]
    one, other = ((np.minimum(each, end), each <= end) for each in days)
    found = survival_difference(one, other, 200)

    def again(who: NDArray[np.int64]) -> float:
        return kaplan_meier(one[0][who], one[1][who]).at(200)[0] - kaplan_meier(other[0][who], other[1][who]).at(200)[0]

    assert ends(found) == pytest.approx(bootstrap(again, 300), abs=0.012)
    apart = [kaplan_meier(*each).at(200) for each in (one, other)]
    unpaired = np.hypot(apart[0][0] - apart[0][1], apart[1][2] - apart[1][0])
    assert found.value is not None
    assert found.value - ends(found)[0] < 0.97 * unpaired


def test_an_arm_that_is_the_reference_in_every_patient_differs_by_nothing() -> None:
    """A mean and a rate by 0 with no width; a share and a time by 0, with the width that so few patients leave. The reference
    arm against itself is 0 without width in everything.
    """
    twins = (ARMS[0], MadeUpArm("twin", "The same", "pump"))
    tables = made_up(arms=ARMS[:1])
    for table in tables.values():
        twin = {name: each.copy() for name, each in table.items()} | {"arm": np.array(["twin"] * len(table["arm"]), dtype=object)}
        table |= {name: np.concatenate((each, twin[name])) for name, each in table.items()}
    summary = summary_of(tables, MadeUpProtocol(arms=twins))
    assert difference(summary, "twin", "ashworth_change").estimate == Estimate(0, 0, 0)
    assert difference(summary, "twin", "ashworth_change").p == 1
    assert difference(summary, "twin", "withdrawals").estimate == Estimate(0, 0, 0)
    for measure in ("responder", "catheter_free"):
        found = difference(summary, "twin", measure).estimate
        assert found.value == 0
        assert -3 < ends(found)[0] <= 0 <= ends(found)[1] < 3
    assert all(look.estimate == Estimate(0, 0, 0) and not look.crossed for look in summary.looks)
    rows = {"label": arm_rows(tables, "patients", "label")}
    itself = [compared(rows, cast(Any, PROTOCOL), cast(Any, endpoint), "label") for endpoint in ENDPOINTS]
    assert [each.estimate for each in itself] == [Estimate(0, 0, 0)] * len(ENDPOINTS)


def test_the_boundaries_are_the_published_ones() -> None:
    """Lan and DeMets, like O'Brien and Fleming, two-sided 5 %: five and two looks, and one, which is no other than usual."""
    assert boundaries([0.2, 0.4, 0.6, 0.8, 1]) == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=5e-4)
    assert boundaries([0.5, 1]) == pytest.approx((2.963, 1.969), abs=5e-4)
    assert boundaries([1]) == pytest.approx((1.959964,))
    assert boundaries([0.0001, 1])[0] == inf


def test_the_boundaries_are_those_of_scipys_multivariate_normal() -> None:
    """What is spent by each look is the chance to have crossed one of the boundaries so far."""
    parts = (0.3, 0.55, 0.8, 1.0)
    limits = np.array(boundaries(parts))
    together = np.array([[np.sqrt(min(a, b) / max(a, b)) for a in parts] for b in parts])
    for looks in range(1, len(parts) + 1):
        normal = stats.multivariate_normal(np.zeros(looks), together[:looks, :looks], seed=1, maxpts=200_000, abseps=1e-7)
        within = normal.cdf(limits[:looks], lower_limit=-limits[:looks])
        assert 1 - within == pytest.approx(2 * spent(parts[looks - 1]), abs=2e-5)


@given(st.lists(st.floats(0.02, 1), min_size=1, max_size=4, unique_by=lambda part: round(part, 2)))
def test_no_look_can_take_more_than_is_spent_by_it(parts: list[float]) -> None:
    """The first takes just that; a later one alone at most that, and never more than the error of the whole."""
    looks = sorted(parts)
    limits = boundaries(looks)
    assert limits[0] == pytest.approx(stats.norm.isf(spent(looks[0])))
    assert all(limit >= stats.norm.isf(spent(part)) - 1e-6 for part, limit in zip(looks, limits, strict=True))
    assert min(limits) >= stats.norm.isf(0.025) - 1e-6


@pytest.mark.parametrize("parts", [(), (0.0, 1.0), (0.5, 0.5), (0.5, 1.2)])
def test_what_are_no_parts_of_the_information(parts: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="rising, above 0 to 1"):
        boundaries(parts)


def test_a_look_is_at_the_visits_of_its_day(tables: Tables, summary: Summary) -> None:
    """The nominal p is that of the paired t of what has changed by then; the last look is the end."""
    changes = []
    for arm in ("slow", "label"):
        today = column(tables, arm, "day", "visits") == 90
        changes.append(column(tables, arm, "ashworth_legs", "visits")[today] - column(tables, arm, "ashworth_before"))
    theirs = stats.ttest_rel(*changes)
    first, second, last = (look for look in summary.looks if look.arm == "slow")
    assert (first.day, second.day, last.day) == (90, 180, 365)
    assert first.p == pytest.approx(theirs.pvalue)
    assert ends(first.estimate) == pytest.approx(tuple(theirs.confidence_interval()))
    assert (first.fraction, last.fraction) == pytest.approx((90 / 365, 1))
    assert (first.z, second.z, last.z) == pytest.approx(boundaries((90 / 365, 180 / 365, 1)))
    assert first.boundary == pytest.approx(2 * stats.norm.sf(first.z))
    end = difference(summary, "slow", "ashworth_change")
    assert (last.estimate, last.p) == (end.estimate, end.p)
    assert all(look.crossed for look in summary.looks if look.arm == "tablets")


def test_looks_at_what_no_visit_has() -> None:
    with pytest.raises(InputError, match=r"look at responder, which no visit has\. Accepted: ashworth_change"):
        summary_of(made_up(5), MadeUpProtocol(patients=5, endpoints=ENDPOINTS[1:]))
    assert not summary_of(made_up(5), MadeUpProtocol(patients=5, interim_days=())).looks


def test_what_comes_first_among_the_implanted(tables: Tables, summary: Summary) -> None:
    """By a loop over the patients; arms without a pump have none."""
    assert [each.arm for each in summary.first_events] == ["label", "slow"]
    who = np.flatnonzero(column(tables, "slow", "implanted"))
    columns = [column(tables, "slow", f"first_{cause}_day") for cause in CAUSES]
    left = column(tables, "slow", "since_implant_days")
    days, kinds = [], []
    for patient in who.tolist():
        day, kind = left[patient], 0
        for number, each in enumerate(columns):
            if each[patient] < day:
                day, kind = each[patient], number + 1
        days.append(day)
        kinds.append(kind)
    shown, expected = summary.first_events[1], cumulative_incidence(days, kinds, 3)
    assert shown.patients == len(who) < 200
    assert shown.incidence.share == pytest.approx(expected.share)
    assert shown.incidence.low == pytest.approx(expected.low)


def test_bands_are_quantiles_of_each_visit(tables: Tables, summary: Summary) -> None:
    assert [(band.quantity, band.arm) for band in summary.bands] == [
        ("dose", "label"),
        ("dose", "slow"),
        *(("Ashworth of the legs", arm.name) for arm in ARMS),
    ]
    band = summary.bands[1]
    for place, day in enumerate(band.days.tolist()):
        doses = column(tables, "slow", "mcg_per_day", "visits")[column(tables, "slow", "day", "visits") == day]
        assert band.levels[:, place] == pytest.approx(np.quantile(doses, LEVELS))
        assert band.patients[place] == 200


def test_how_the_pairs_lie(tables: Tables, summary: Summary) -> None:
    """All pairs are counted, between the same edges in all arms."""
    apart = column(tables, "tablets", "ashworth_change") - column(tables, "label", "ashworth_change")
    spread = summary.spreads[1]
    assert spread.counts.sum() == 200
    assert np.array_equal(spread.edges, summary.spreads[0].edges)
    assert spread.counts == pytest.approx(np.histogram(apart, spread.edges)[0])
    assert (spread.below, spread.above) == pytest.approx(((apart < 0).mean(), (apart > 0).mean()))


def nulls(kind: str, values: NDArray[Any]) -> NDArray[Any]:
    """A column whose NaN are NULL in another way."""
    if values.dtype.kind not in "fb" or kind == "nan":
        return values
    missing = np.isnan(values.astype(float))
    if kind == "masked":
        return np.ma.masked_array(np.where(missing, 99, values), missing)
    return np.array([None if lost else each for each, lost in zip(values.tolist(), missing.tolist(), strict=True)], dtype=object)


@pytest.mark.parametrize(("kind", "order"), [("nan", 1), ("masked", 2), ("none", 3)])
def test_neither_the_order_of_rows_nor_the_kind_of_null_matters(kind: str, order: int) -> None:
    """To the last bit."""
    tables = made_up(40)
    tables["patients"]["ashworth_change"][5] = np.nan
    expected = summary_of(tables, MadeUpProtocol(patients=40))
    turned: Tables = {}
    for name, table in tables.items():
        places = np.random.default_rng(order).permutation(len(table["patient"]))
        turned[name] = {column: nulls(kind, each[places]) for column, each in table.items()}
    found = summary_of(turned, MadeUpProtocol(patients=40))
    assert (found.values, found.differences, found.looks, found.arms) == (
        expected.values,
        expected.differences,
        expected.looks,
        expected.arms,
    )
    assert all(np.array_equal(a.levels, b.levels) for a, b in zip(found.bands, expected.bands, strict=True))
    assert sum(each.patients for each in found.values if each.measure == "ashworth_change") == 119


def test_who_is_missing_is_counted_and_left_out() -> None:
    """A failure, a failure in every arm, and a block that has not run; pairs need both."""
    tables = made_up(50)
    rows = tables["patients"]
    keep = (
        ~((rows["patient"] == 7) & (rows["arm"] == "slow"))
        & (rows["patient"] != 9)
        & ~((rows["patient"] > 45) & (rows["arm"] == "label"))
    )
    tables["patients"] = {name: each[keep] for name, each in rows.items()}
    failures = [{"patient": 7, "arm": "slow", "error": "ValueError: x"}, {"patient": 9, "arm": "", "error": "died"}]
    summary = summary_of(tables, MadeUpProtocol(patients=50), failures=failures)
    label, slow, tablets = summary.arms
    assert (label.analyzed, label.failed, label.missing) == (45, 1, 4)
    assert (slow.analyzed, slow.failed, slow.missing) == (48, 2, 0)
    assert (tablets.analyzed, tablets.failed, tablets.missing) == (49, 1, 0)
    assert slow.not_implanted == 48 - slow.implanted > 0
    assert tablets.not_implanted is None
    assert difference(summary, "slow", "ashworth_change").patients == 44
    assert [(each.patient, each.arm, each.error) for each in summary.failures] == [(7, "slow", "ValueError: x"), (9, "", "died")]


@pytest.mark.parametrize("patients", [0, 1])
def test_nobody_and_one_have_no_interval(patients: int) -> None:
    """Nothing breaks; what is not defined is None."""
    tables = made_up(5)
    tables = {
        name: {column: each[table["patient"] < patients] for column, each in table.items()} for name, table in tables.items()
    }
    summary = summary_of(tables, MadeUpProtocol(patients=5))
    shown = value(summary, "label", "ashworth_change").estimate
    assert (shown.value is None) == (patients == 0)
    assert shown.low is shown.high is None
    assert paired_p(np.zeros(patients)) is None
    assert all(look.p is None and not look.crossed for look in summary.looks)


def test_what_a_table_lacks() -> None:
    tables = made_up(5)
    wrong = replace(ENDPOINTS[0], column="ashworth_chang")
    with pytest.raises(InputError, match=r"'ashworth_chang' is no column of it.*Did you mean 'ashworth_change'\?"):
        summary_of(tables, MadeUpProtocol(patients=5, endpoints=(wrong,), interim_days=()))
    with pytest.raises(InputError, match=r"'visits' is not there\. Accepted: patients"):
        summary_of({"patients": tables["patients"]}, MadeUpProtocol(patients=5))
    with pytest.raises(InputError, match="visits: 'arm' is no column of it"):
        summary_of({**tables, "visits": {"patient": np.arange(3)}}, MadeUpProtocol(patients=5))
    twice = {name: np.concatenate((each, each)) for name, each in tables["patients"].items()}
    with pytest.raises(InputError, match="'label' has a patient twice"):
        summary_of({**tables, "patients": twice}, MadeUpProtocol(patients=5))


def test_an_end_of_an_interval_keeps_its_side_of_zero() -> None:
    """A small end is told as it is: 0 would say that the interval ends there."""
    estimate = Estimate(0.0174, -0.00212, 0.0368)
    assert estimate_text(estimate, sign=True) == "+0.0174 (-0.00212 to 0.0368)"
