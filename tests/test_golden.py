"""Scenarios: input and golden output, integers exact and floats to six digits."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.golden import SCENARIOS, SHEETS, document_of, expected_path, sheets


def same(got: Any, expected: Any, place: str = "") -> None:
    if isinstance(expected, dict):
        assert list(got) == list(expected), place
        for key, value in expected.items():
            same(got[key], value, f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), place
        for number, value in enumerate(expected):
            same(got[number], value, f"{place}[{number}]")
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, rel=1e-6), place
    else:
        assert (type(got), got) == (type(expected), expected), place


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_gives_its_golden_output(scenario: Path) -> None:
    """Every row, event, refusal and account, as reviewed."""
    same(document_of(scenario), json.loads(expected_path(scenario).read_text(encoding="utf-8")))


def test_no_number_of_a_sheet_changes_unseen() -> None:
    """Value, source and confidence of every datum, as reviewed."""
    assert json.loads(sheets()) == json.loads(SHEETS.read_text(encoding="utf-8"))


def test_there_are_three_and_each_cites_its_sources() -> None:
    """The first year and two more, each number with where it comes from."""
    assert {path.stem for path in SCENARIOS} == {"first-year", "missed-refill", "weekend-flex"}
    for scenario in SCENARIOS:
        assert len(document_of(scenario)["case"]["sources"]) >= 4


def test_the_first_year_follows_its_sources() -> None:
    """Start at twice the test dose, steps of at most 30 % once a day, refills before their date, residuals inside the label."""
    intervals = document_of(next(path for path in SCENARIOS if path.stem == "first-year"))["intervals"]
    doses = [row["ordered_mcg_per_day"] for row in intervals if row["ordered_mcg_per_day"]]
    assert doses[0] == 2 * 50
    assert all(before <= after <= 1.3 * before for before, after in pairwise(doses))
    assert doses[-1] == 228
    assert all(row["end_local"][:10] <= row["refill_by_local"] for row in intervals if row["refill_by_local"])
    assert sum("residual" in fact["text"] and "ok" in fact["text"] for row in intervals for fact in row["what"]) == 4
