"""Dose policies: pure functions of a history, within their limits, whose orders add up."""

from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.study.clinic_of_one import person_of
from thecal.chart.chart import Chart
from thecal.chart.facts import Assessed
from thecal.chart.order import OrderContinuous, OrderFlex, OrderPeriodic, ordered_dose
from thecal.study.history import NO_TABLETS, Decision, History, TabletOrder
from thecal.study.policy import (
    POLICIES,
    Boluses,
    FlexNight,
    Label,
    Tablets,
    TabletsThenPump,
    Weaning,
    continuous,
    dose_pg,
    scaled,
)
from thecal.timeline import DAY_S, Instant

START = Instant(1_767_258_000)
DOSES = st.floats(10.0, 2000.0)
SCORES = st.integers(10, 50).map(lambda tenths: tenths / 10)
TENTH_PG = 100_000


def history(
    legs: float = 3.0,
    dose: float | None = 100.0,
    day: int = 30,
    *,
    since: int | None = -1,
    tablets: TabletOrder = NO_TABLETS,
    tablets_days: float = 0.0,
    ordered: Any = None,
    before: float = 60.0,
) -> History:
    """Somebody seen on a day of their study, with a pump since day 0 unless ``since`` says another."""
    now = Instant(START.s + day * DAY_S)
    pump = dose is not None
    since = (day if pump else None) if since == -1 else since
    order = ordered if ordered is not None or dose is None else continuous(dose)
    seen = (Assessed(now, legs, 2.0, 1.0),)
    return History(person_of(0, before), Chart(), now, day, since, seen, dose, order, tablets, tablets_days)


def decided(policy: Any, seen: History) -> Decision:
    found = policy(seen)
    assert isinstance(found, Decision)
    return found


def dose_of(decision: Decision) -> float | None:
    dose = ordered_dose(decision.dosing) if decision.dosing is not None else None
    return None if dose is None else dose.pg_per_day / 1e6


@given(st.sampled_from(sorted(POLICIES)), SCORES, DOSES, st.integers(0, 800), st.sampled_from([0, 2, 3]), st.floats(0, 400))
def test_policies_are_pure(name: str, legs: float, dose: float, day: int, times: int, days: float) -> None:
    """The same history twice gives the same decision, from the same or another instance, and is not changed."""
    mg = TabletOrder(15.0, times) if times else NO_TABLETS
    for pump in (dose, None):
        seen = history(legs, pump, day, tablets=mg, tablets_days=days)
        kept = deepcopy((seen.visits, seen.mcg_per_day, seen.ordered, seen.tablets, seen.day))
        policy = POLICIES[name]()
        assert policy(seen) == policy(seen) == POLICIES[name]()(seen)
        assert (seen.visits, seen.mcg_per_day, seen.ordered, seen.tablets, seen.day) == kept


@given(SCORES, DOSES)
def test_the_label_never_decides_before_day_one(legs: float, dose: float) -> None:
    """Not on the day of the implant, nor without a pump."""
    for name in ("label", "conservative", "flex night", "periodic bolus", "weaning"):
        day_0 = decided(POLICIES[name](), history(legs, dose, 0))
        assert dose_of(day_0) in (None, pytest.approx(dose, abs=0.051)), name
        assert decided(POLICIES[name](), history(legs, None, 30)).dosing is None, name


@given(SCORES, DOSES, st.integers(1, 800))
def test_the_label_raises_above_and_lowers_below(legs: float, dose: float, day: int) -> None:
    """By its parts, never past the largest dose, and between the scores not at all."""
    new = dose_of(decided(Label(), history(legs, dose, day)))
    rise = 1.2 if day <= 60 else 1.25
    if legs > 2:
        assert new == (pytest.approx(dose * rise, abs=0.051) if dose * rise <= 2000 else None)
    elif legs < 1.5:
        assert new == pytest.approx(dose * 0.85, abs=0.051)
    else:
        assert new is None
    assert new is None or new <= 2000


@given(DOSES, st.integers(1, 800))
def test_the_conservative_rises_less(dose: float, day: int) -> None:
    """And lowers and stops where the label does."""
    label, less = (dose_of(decided(POLICIES[name](), history(4.0, dose, day))) for name in ("label", "conservative"))
    assert less is None or label is None or dose < less < label
    low = [dose_of(decided(POLICIES[name](), history(1.1, dose, day))) for name in ("label", "conservative")]
    assert low[0] == low[1]


def test_the_fixed_dose_and_no_treatment_decide_nothing() -> None:
    """Whatever is seen."""
    for name in ("fixed", "untreated"):
        assert POLICIES[name]()(history(5.0, 100.0, 90)) == Decision()


@given(DOSES, st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.integers(0, 23), st.integers(1, 23))
def test_the_steps_of_a_flexible_day_add_up_exactly(dose: float, ratio: float, begins: int, hours: int) -> None:
    """To the picogram, with more by the ratio in the night, over the whole day."""
    policy = FlexNight(begins, (begins + hours) % 24, ratio)
    (day,) = policy.order(dose).days
    assert sum(step.dose.pg for step in day.steps) == day.daily_total.pg_per_day == dose_pg(dose)
    assert day.weekdays == ()
    night, rest = day.steps
    assert (night.to_s, rest.to_s) == (rest.from_s, night.from_s)
    assert all(step.dose.pg >= 0 and step.dose.pg % TENTH_PG == 0 for step in day.steps)
    flow = night.dose.pg / hours, rest.dose.pg / (24 - hours)
    assert flow[0] == pytest.approx(ratio * flow[1], abs=2.1 * ratio * TENTH_PG)


@given(DOSES, st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]), st.floats(0.1, 1.0))
def test_boluses_and_basal_add_up_exactly(dose: float, every_h: int, part: float) -> None:
    """To the picogram over a day; neither is below nothing."""
    order = Boluses(every_h=every_h, bolus_part=part).order(dose)
    assert 24 // every_h * order.dose.pg + order.basal.pg_per_day == dose_pg(dose)
    assert order.every.s == every_h * 3600
    assert order.over.s == 600
    assert order.dose.pg >= 0
    assert order.basal.pg_per_day >= 0
    total = ordered_dose(order)
    assert total is not None
    assert total.pg_per_day == dose_pg(dose)


@pytest.mark.parametrize("policy", ["flex night", "periodic bolus"])
def test_a_mode_begins_at_the_first_visit(policy: str) -> None:
    """The dose stays, its shape becomes the policy's; from then on it changes only with the dose."""
    one = POLICIES[policy]()
    first = decided(one, history(1.8, 100.0, 1))
    kind = OrderFlex if policy == "flex night" else OrderPeriodic
    assert isinstance(first.dosing, kind)
    assert dose_of(first) == 100
    assert decided(one, history(1.8, 100.0, 30, ordered=first.dosing)).dosing is None
    higher = decided(one, history(3.0, 100.0, 30, ordered=first.dosing))
    assert isinstance(higher.dosing, kind)
    assert dose_of(higher) == pytest.approx(120)


def test_tablets_rise_by_5_mg_to_the_largest_dose_and_stay() -> None:
    """5, 10, 15, 20 mg three times a day while the legs are stiff."""
    taken, seen = NO_TABLETS, []
    for visit in range(8):
        decision = decided(Tablets(), history(4.0, None, 30 * visit, tablets=taken, tablets_days=30.0))
        taken = decision.tablets or taken
        seen.append((taken.mg, taken.times))
    assert seen == [(5, 3), (10, 3), (15, 3), (20, 3), (20, 3), (20, 3), (20, 3), (20, 3)]
    assert taken.mg_per_day == 60


def test_tablets_rise_no_sooner_than_every_three_days() -> None:
    """Whatever the visits are."""
    taken = TabletOrder(5, 3)
    assert decided(Tablets(), history(4.0, None, 2, tablets=taken, tablets_days=2.0)) == Decision()
    assert decided(Tablets(), history(4.0, None, 3, tablets=taken, tablets_days=3.0)).tablets == TabletOrder(10, 3)


def test_tablets_stay_where_the_legs_are_loose_enough() -> None:
    """But the first dose is given to everybody; nothing is ever implanted."""
    assert decided(Tablets(), history(1.2, None, 30, tablets=TabletOrder(10, 3))) == Decision()
    assert decided(Tablets(), history(1.2, None, 0)).tablets == TabletOrder(5, 3)
    assert not decided(Tablets(), history(5.0, None, 900, tablets=TabletOrder(20, 3), tablets_days=800)).implant


@given(SCORES, st.sampled_from([NO_TABLETS, TabletOrder(5, 3), TabletOrder(15, 3), TabletOrder(20, 3)]), st.floats(0, 200))
def test_a_pump_comes_only_after_the_days_at_the_largest_dose(legs: float, tablets: TabletOrder, days: float) -> None:
    """And only where the legs are stiff; tablets end with it."""
    found = decided(TabletsThenPump(), history(legs, None, 200, tablets=tablets, tablets_days=days))
    assert found.implant == (tablets.mg == 20 and days >= 42 and legs > 2)
    if found.implant:
        assert found.tablets == NO_TABLETS
    after = decided(TabletsThenPump(), history(legs, 100.0, 200, since=10, tablets=tablets, tablets_days=days))
    assert not after.implant
    assert after.dosing == decided(Label(), history(legs, 100.0, 200, since=10)).dosing


@pytest.mark.parametrize("before", [15.0, 45.0, 60.0, 90.0])
def test_weaning_ends_at_zero(before: float) -> None:
    """Month by month less, none in the first 28 days, and at the end none at all."""
    taken, since, seen = TabletOrder(before / 3, 3), 0, []
    for day in (1, 2, 3, 27, 30, 60, 90, 120, 150):
        decision = decided(Weaning(), history(1.8, 100.0, day, tablets=taken, before=before, tablets_days=float(day - since)))
        if decision.tablets is not None:
            taken, since = decision.tablets, day
        seen.append(taken.mg_per_day)
    assert seen[:4] == [before] * 4
    assert seen[-1] == 0
    assert seen == sorted(seen, reverse=True)
    assert decided(Weaning(), history(1.8, 100.0, 180)).tablets is None


def test_weaning_is_a_month_apart() -> None:
    """Visits on consecutive days do not take the tablets off in three days."""
    taken, since, steps = TabletOrder(20, 3), 0, []
    for day in range(1, 60):
        decision = decided(Weaning(), history(1.8, 100.0, day, tablets=taken, tablets_days=float(day - since)))
        if decision.tablets is not None:
            steps.append(day)
            taken, since = decision.tablets, day
    assert all(later - day >= 28 for day, later in pairwise(steps)), steps


ORDERS = st.one_of(
    DOSES.map(continuous), DOSES.map(FlexNight().order), DOSES.map(Boluses().order), DOSES.map(Boluses(every_h=3).order)
)


@given(ORDERS, st.floats(0.05, 3.0))
def test_scaling_keeps_shape_and_total(order: Any, part: float) -> None:
    """The same pattern with each dose times the part, to a tenth of a microgram for each of its doses."""
    new: Any = scaled(order, part)
    assert type(new) is type(order)
    old, total = ordered_dose(order), ordered_dose(new)
    assert old is not None
    assert total is not None
    parts = {OrderContinuous: 1, OrderFlex: 2, OrderPeriodic: 9}[type(order)]
    assert abs(total.pg_per_day - part * old.pg_per_day) <= parts * TENTH_PG / 2
    assert scaled(order, 1.0) == order
    if isinstance(new, OrderFlex):
        assert all(day.daily_total.pg_per_day == sum(step.dose.pg for step in day.steps) for day in new.days)
        assert [[(s.from_s, s.to_s) for s in day.steps] for day in new.days] == [
            [(s.from_s, s.to_s) for s in day.steps] for day in order.days
        ]
    if isinstance(new, OrderPeriodic):
        assert (new.every, new.over, new.first_s) == (order.every, order.over, order.first_s)


def test_a_rule_with_another_setting_is_another_policy() -> None:
    """Any number of the label's may be replaced."""
    slow = Label(replace(Label().rule, early_rise=0.05))
    assert dose_of(decided(slow, history(4.0, 100.0, 10))) == pytest.approx(105)


def test_tablet_times_are_hours_of_a_day() -> None:
    """As many as doses, in order, within the day."""
    for times in (1, 2, 3, 4):
        found = TabletOrder(5, times)
        assert len(found.times_s) == len(found.doses) == times
        assert list(found.times_s) == sorted(set(found.times_s))
        assert all(0 <= second < DAY_S for second in found.times_s)
        assert found.mg_per_day == 5 * times
