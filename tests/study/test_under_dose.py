"""Hours of under-dose against a count minute by minute."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.body.doses import Infusion
from thecal.study.under_dose import UnderDose, daily_mean

MINUTES = 600
TIMES = st.integers(0, MINUTES)


@st.composite
def infusions(draw: st.DrawFn) -> list[Infusion]:
    """Flows one after another, with gaps, some of two steps."""
    edges = sorted(draw(st.sets(TIMES, min_size=2, max_size=9)))
    found = []
    for begin, end in pairwise(edges):
        if draw(st.booleans()):
            continue
        rates = draw(st.lists(st.sampled_from([0.0, 2.0, 3.9, 4.0, 5.0, 10.0]), min_size=1, max_size=2))
        ends = (86_400,) if len(rates) == 1 else (7200, 86_400)
        found.append(Infusion(60 * begin, 60 * end, "T10", np.array(rates), ends, draw(st.sampled_from([0, 3600]))))
    return found


Changes = st.lists(st.tuples(TIMES, st.one_of(st.sampled_from([0.0, 60.0, 100.0, 120.0]), st.booleans())), max_size=8)


def minute_by_minute(part: float, flows: list[Infusion], changes: list[tuple[int, float | bool]]) -> tuple[float, float]:
    """(hours, hours that nobody had noticed), looked at in the middle of each minute."""
    hours = unnoticed = 0
    for minute in range(MINUTES):
        dose, known = 0.0, False
        for at, change in changes:
            if at <= minute:
                dose, known = (dose, change) if isinstance(change, bool) else (change, known)
        given = sum(daily_mean(one) for one in flows if one.start_s <= 60 * minute + 30 < one.end_s)
        if given < part * dose:
            hours += 1
            unnoticed += not known
    return hours / 60, unnoticed / 60


@given(infusions(), Changes, st.sampled_from([0.5, 0.8, 1.0]), st.sets(TIMES, max_size=4))
def test_hours_are_those_of_a_count_minute_by_minute(
    flows: list[Infusion], changes: list[tuple[int, float | bool]], part: float, visits: set[int]
) -> None:
    """However the time is cut into visits, and whatever was ordered and noticed in between."""
    under = UnderDose(part)
    changes = sorted(changes, key=lambda change: change[0])
    left = list(changes)
    for low, high in zip([0, *sorted(visits)], [*sorted(visits), MINUTES], strict=True):
        while left and (left[0][0] < high or high == MINUTES):
            at, change = left.pop(0)
            if isinstance(change, bool):
                under.noticed(60 * at, known=change)
            else:
                under.ordered(60 * at, change)
        if low < high:
            under.count(flows, 60 * low, 60 * high)
    assert (under.hours, under.unnoticed_hours) == pytest.approx(minute_by_minute(part, flows, changes), abs=1e-9)


def test_nothing_ordered_is_no_under_dose() -> None:
    """Before the implant, and after it was taken out."""
    under = UnderDose(0.8)
    under.count([], 0, 86_400)
    assert (under.hours, under.unnoticed_hours) == (0, 0)


def test_a_mean_is_over_the_whole_pattern() -> None:
    """24 hours of the mean rate, whatever the period and where it begins."""
    assert daily_mean(Infusion(0, 10, "T10", np.array([2.0]))) == 48
    assert daily_mean(Infusion(0, 10, "T10", np.array([2.0, 4.0]), (21_600, 43_200))) == 72
    assert daily_mean(Infusion(5, 10, "T10", np.array([2.0, 4.0]), (21_600, 86_400), 70_000)) == pytest.approx(84)
    assert daily_mean(Infusion(0, 10, "T10", np.array([[2.0], [4.0]]), (21_600, 43_200))) == 72
