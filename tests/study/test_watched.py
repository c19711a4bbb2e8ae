"""Episodes of a level against a reader who goes through the looks one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.study.rows import COLUMNS, Rows, Watched

STEP_S = 21_600
DAY = 86_400


def one_by_one(values: list[float], level: float, apart_s: float, first_s: int) -> tuple[int, float | None]:
    """(episodes, the second of the first look of the first)."""
    above = [first_s + n * STEP_S for n, value in enumerate(values) if value >= level]
    episodes: list[list[int]] = []
    for second in above:
        if episodes and (second - episodes[-1][-1] < apart_s or second - episodes[-1][-1] == STEP_S):
            episodes[-1].append(second)
        else:
            episodes.append([second])
    return len(episodes), float(episodes[0][0]) if episodes else None


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.4, float("nan")]), min_size=60, max_size=60), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0]),
    st.sets(st.integers(1, 59), max_size=5),
)
def test_episodes_are_those_of_a_reader(people: list[list[float]], apart_days: float, cuts: set[int]) -> None:
    """Two that are less far apart are one, also over a visit; what is no number is no episode."""
    watched, values, first_s = Watched.of(len(people), 0.25, apart_days), np.array(people), 10**9
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True):
        watched.see(values[:, low:high], first_s + low * STEP_S, STEP_S)
    for n, looks in enumerate(people):
        count, first = one_by_one(looks, 0.25, apart_days * DAY, first_s)
        assert watched.count[n] == count
        assert (None if np.isnan(watched.first_s[n]) else watched.first_s[n]) == first


def test_an_episode_that_lasts_is_one() -> None:
    """However long, even where episodes need no time between them."""
    watched = Watched.of(1, 0.25, 0.0)
    watched.see(np.full((1, 100), 0.3), 0, STEP_S)
    assert watched.count.tolist() == [1]


def test_rows_have_exactly_the_columns_of_their_table() -> None:
    """A row that lacks one, or has another, is a defect."""
    rows = Rows.empty()
    row: dict[str, Any] = {"patient": 1, "arm": "a", "day": 2.0, "kind": "k", "detail": ""}
    rows.add("events", row)
    assert rows.tables["events"] == {name: [value] for name, value in row.items()}
    assert list(rows.tables) == list(COLUMNS)
    for odd in ({**row, "more": 1}, {name: row[name] for name in row if name != "day"}):
        with pytest.raises(AssertionError):
            rows.add("events", odd)
