"""Scenarios: input and golden output, integers exact and floats to six digits."""

import json
import re
from datetime import datetime, timedelta
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


DEVICE = {
    "battery-end",
    "empties-silently",
    "every-hour",
    "leak-like-tolerance",
    "old-tubing-volume",
    "stall-in-mri",
    "stronger-without-bridge",
    "unaspirated-port",
    "weaker-without-bridge",
}


REGIMENS = {"bolus-by-schedule", "even-day", "strong-night", "tablets"}
SESSIONS = {"bridge-into-flex", "first-refill", "learned-gain", "lost-reply", "two-programmers", "update-during-bridge"}


def test_each_scenario_cites_its_sources() -> None:
    """The first year and the others, each number with where it comes from, and every mark [n] in its text is one of them."""
    assert {path.stem for path in SCENARIOS} == {"first-year", "missed-refill", "weekend-flex", *DEVICE, *SESSIONS, *REGIMENS}
    for scenario in SCENARIOS:
        sources = document_of(scenario)["case"]["sources"]
        assert len(sources) >= 4
        cited = set(re.findall(r"\[[0-9]+\]", scenario.read_text(encoding="utf-8")))
        assert cited == {source.partition(" ")[0] for source in sources}


def rows_of(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = document_of(next(path for path in SCENARIOS if path.stem == name))["intervals"]
    return rows


@pytest.mark.parametrize(("name", "times"), [("stronger-without-bridge", 0.25), ("weaker-without-bridge", 4.0)])
def test_without_a_bridge_the_line_gives_the_old_strength(name: str, times: float) -> None:
    """A quarter of the dose, or four times it, for days."""
    off = [row for row in rows_of(name) if row["ordered_mcg_per_day"] and row["seconds"] > 86_400]
    ratios = [row["delivered_mcg_per_day"] / row["ordered_mcg_per_day"] for row in off]
    worst = min(off, key=lambda row: abs(row["delivered_mcg_per_day"] / row["ordered_mcg_per_day"] - times))
    assert worst["delivered_mcg_per_day"] / worst["ordered_mcg_per_day"] == pytest.approx(times, rel=0.03)
    assert worst["seconds"] >= 1.9 * 86_400
    assert any(ratio == pytest.approx(1, abs=0.01) for ratio in ratios)  # with a bridge, or once it is cleared


def test_a_silent_pump_is_dry_before_it_says_anything() -> None:
    """No alarm sounds, and the reservoir is dry where the pump counts more than 10 mL."""
    rows = rows_of("empties-silently")
    dry = next(row for row in rows if row["reservoir_true_nl"] == 0 and row["reservoir_believed_nl"])
    assert dry["alarms"] == []
    assert dry["reservoir_believed_nl"] > 10_000_000


def test_an_end_of_service_comes_ninety_days_after_its_indicator() -> None:
    """And never later than seven years after implant."""
    events = document_of(next(path for path in SCENARIOS if path.stem == "battery-end"))["events"]
    at = {event["kind"]: datetime.fromisoformat(event["at_utc"]) for event in events}
    assert at["end of service alarm"] - at["elective replacement alarm"] == timedelta(days=90)
    implanted = datetime.fromisoformat(rows_of("battery-end")[0]["start_utc"])
    assert at["end of service alarm"] <= implanted.replace(year=implanted.year + 7)


def test_the_first_year_follows_its_sources() -> None:
    """Start at twice the test dose, steps of at most 30 % once a day, refills before their date, residuals inside the label."""
    intervals = document_of(next(path for path in SCENARIOS if path.stem == "first-year"))["intervals"]
    doses = [row["ordered_mcg_per_day"] for row in intervals if row["ordered_mcg_per_day"]]
    assert doses[0] == 2 * 50
    assert all(before <= after <= 1.3 * before for before, after in pairwise(doses))
    assert doses[-1] == 228
    assert all(row["end_local"][:10] <= row["refill_by_local"] for row in intervals if row["refill_by_local"])
    assert sum("residual" in fact["text"] and "ok" in fact["text"] for row in intervals for fact in row["what"]) == 4


def facts_of(name: str) -> list[str]:
    return [fact["text"] for row in rows_of(name) for fact in row["what"]]


def test_a_bridge_keeps_the_dose_and_its_remainder_too() -> None:
    """A cancelled bridge gave 6 h and 5 min of its 0.4 mL/day; the rest of the dead volume is paced out at the new dose."""
    document = document_of(next(path for path in SCENARIOS if path.stem == "update-during-bridge"))
    started = [event["text"] for event in document["events"] if event["kind"] == "bridge bolus started"]
    left_ml = 0.3168 - 0.4 * (6 * 60 + 5) / 1440 - 0.1 * 10 / 1440  # ten minutes of the new program lie behind it
    assert started[0].startswith("0.3168 mL at 0.4 mL/day")
    assert float(started[1].partition(" ")[0]) == pytest.approx(left_ml, abs=2e-6)
    assert started[1].endswith(f"at 0.48 mL/day, over {left_ml / 0.48 * 24:.1f} h")
    assert [refusal["rule"] for refusal in document["refusals"]] == ["PMP-08", "SES-03"]


def test_a_lost_commit_stops_the_pump_and_a_lost_reply_does_not() -> None:
    """Both sessions are uncertain; the first pump runs the new dose, the second stands for two days and three hours."""
    assert len([text for text in facts_of("lost-reply") if "UNCERTAIN" in text]) == 2
    rows = {row["start_local"]: row for row in rows_of("lost-reply")}
    assert rows["2026-03-09 10:00"]["programmed_mcg_per_day"] == 220
    assert rows["2026-03-09 10:00"]["ordered_mcg_per_day"] == 200
    assert rows["2026-03-09 10:05"]["ordered_mcg_per_day"] == 220
    stopped = [row for row in rows_of("lost-reply") if row["mode"] == "updating"]
    assert sum(row["seconds"] for row in stopped) == (2 * 24 + 3) * 3600
    assert sum(row["delivered_nl"] for row in stopped) == 0


def test_the_second_programmer_is_refused_and_then_sees() -> None:
    """By the token; afterwards the ward changes only the threshold, and the dose of the clinic runs on."""
    document = document_of(next(path for path in SCENARIOS if path.stem == "two-programmers"))
    assert [refusal["rule"] for refusal in document["refusals"]] == ["PMP-70"]
    assert rows_of("two-programmers")[-1]["programmed_mcg_per_day"] == 240


def test_a_gain_is_learned_from_the_third_residual_on() -> None:
    """Days from a fill to the date to refill by: as by the label before, later afterwards, never as late as by the true gain."""
    rows = [row for row in rows_of("learned-gain") if any(fact["text"].startswith("fill") for fact in row["what"])]
    days = [
        (datetime.fromisoformat(row["refill_by_local"]) - datetime.fromisoformat(row["start_local"][:10])).days for row in rows
    ]
    by_label = int(36 / (0.4 * 1.145) - 5)  # 38 mL less the threshold, five days of buffer
    assert days[1:4] == [by_label] * 3
    assert all(by_label < day < 36 / (0.4 * 1.06) - 5 for day in days[4:])
