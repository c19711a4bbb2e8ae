"""Baclofen and the kidneys: both tables, the stricter of them, and never more than without."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, found, severities
from thecal.chart.clinical import Measured, Noticed, Prescribed
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.therapy.renal import adjusted

WHOLE, TWO_THIRDS, HALF, NONE = Fraction(1), Fraction(2, 3), Fraction(1, 2), Fraction(0)
MEASURES = ("eGFR", "creatinine clearance")


def measured(egfr: float | None = None, clearance: float | None = None, clinic: Clinic | None = None) -> Look:
    values = zip(MEASURES, (egfr, clearance), strict=True)
    return (
        Story()
        .person()
        .fact(*(Measured(day(0), name, value) for name, value in values if value is not None))
        .look(1, clinic=clinic)
    )


@pytest.mark.requirement("ORL-05")
@pytest.mark.parametrize(
    ("egfr", "clearance", "part"),
    [
        (90.1, None, WHOLE),
        (90, None, TWO_THIRDS),
        (60, None, TWO_THIRDS),
        (59.9, None, HALF),
        (30, None, HALF),
        (29.9, None, NONE),
        (None, 80.1, WHOLE),
        (None, 80, TWO_THIRDS),
        (None, 50, TWO_THIRDS),
        (None, 49.9, HALF),
        (None, 30, HALF),
        (None, 29.9, NONE),
        (95, 60, TWO_THIRDS),
        (75, 40, HALF),
        (45, 90, HALF),
        (95, 25, NONE),
        (None, None, WHOLE),
    ],
)
def test_each_has_its_table_and_the_stricter_counts(egfr: float | None, clearance: float | None, part: Fraction) -> None:
    answer = adjusted(60, measured(egfr, clearance))
    assert answer.part == part
    assert answer.daily_mg == float(60 * part)
    assert answer.avoid == (part == NONE)
    assert [band.value for band in answer.bands] == [value for value in (egfr, clearance) if value is not None]


@pytest.mark.requirement("ORL-05")
def test_both_tables_are_shown() -> None:
    told = str(adjusted(60, measured(75, 40)))
    assert "eGFR 75 mL/min/1.73m2: a third less" in told
    assert "creatinine clearance 40 mL/min: half the dose" in told
    assert "no eGFR" in str(adjusted(60, measured()))


@pytest.mark.requirement("ORL-05")
def test_dialysis_leaves_nothing() -> None:
    look = Story().person().fact(Measured(day(0), "eGFR", 95), Noticed(day(0), "dialysis")).look(1)
    assert adjusted(60, look).avoid
    assert "dialysis" in str(adjusted(60, look))


@pytest.mark.requirement("ORL-05")
def test_the_latest_value_counts_and_the_lower_of_one_instant() -> None:
    story = Story().person().fact(Measured(day(0), "eGFR", 20), Measured(day(1), "eGFR", 50), Measured(day(1), "eGFR", 95))
    assert adjusted(60, story.look(2)).part == HALF
    assert adjusted(60, story.look(2), at=day(0.5)).part == NONE


@given(egfr=st.none() | st.floats(0, 250), clearance=st.none() | st.floats(0, 300), mg=st.floats(0, 1000))
@pytest.mark.requirement("ORL-05")
def test_kidneys_never_raise_a_dose(egfr: float | None, clearance: float | None, mg: float) -> None:
    """Nor does a second measurement, which can only make it stricter."""
    both = adjusted(mg, measured(egfr, clearance))
    assert 0 <= both.daily_mg <= mg
    assert both.daily_mg <= min(adjusted(mg, measured(egfr)).daily_mg, adjusted(mg, measured(clearance=clearance)).daily_mg)


@given(egfr=st.floats(0, 250), less=st.floats(0, 250), name=st.sampled_from(["full", "third", "half"]), more=st.floats(0, 60))
@pytest.mark.requirement("ORL-05")
def test_worse_kidneys_and_stricter_limits_leave_no_more(egfr: float, less: float, name: str, more: float) -> None:
    here = adjusted(60, measured(egfr)).daily_mg
    assert adjusted(60, measured(max(egfr - less, 0))).daily_mg <= here
    strict = Clinic().with_limit(f"ORL-05.{name}", {"full": 90, "third": 60, "half": 30}[name] + more)
    assert adjusted(60, measured(egfr, clinic=strict)).daily_mg <= here


def taken(mg: float, egfr: float | None, on: float = -10) -> Story:
    story = Story().person().fact(Prescribed(day(on), "baclofen", "oral", mg, 3))
    return story.fact(*([Measured(day(-20), "eGFR", egfr)] if egfr is not None else []))


@pytest.mark.requirement("ORL-05")
@pytest.mark.parametrize(
    ("mg", "egfr", "severity"),
    [
        (80, 95, []),
        (53, 70, []),
        (54, 70, ["warn"]),
        (40, 45, []),
        (41, 45, ["warn"]),
        (5, 30, []),
        (5, 29, ["block"]),
        (60, None, []),
    ],
)
def test_a_dose_is_at_most_what_the_kidneys_leave_of_the_maximum(mg: float, egfr: float | None, severity: list[str]) -> None:
    assert severities(taken(mg, egfr).look(0), "ORL-05") == severity


@pytest.mark.requirement("ORL-05")
def test_a_dose_from_before_the_kidneys_failed_is_lowered() -> None:
    """A prescription from before a worse measurement is asked about, once that; a later one has taken it into account."""
    story = taken(30, 95).fact(Measured(day(-5), "eGFR", 45))
    warned = found(story.look(0), "ORL-05")
    assert [finding.severity for finding in warned] == ["warn"]
    assert "15 mg/day" in warned[0].allowed
    assert severities(story.fact(Prescribed(day(-1), "baclofen", "oral", 15, 3)).look(0), "ORL-05") == []
    assert severities(taken(30, 70).fact(Measured(day(-5), "eGFR", 75)).look(0), "ORL-05") == []


@pytest.mark.requirement("ORL-05")
def test_ill_kidneys_without_a_number_are_measured() -> None:
    story = taken(30, None).fact(Noticed(day(-3), "chronic kidney disease"))
    assert severities(story.look(0), "ORL-05") == ["task"]
    assert severities(Story().person().fact(Noticed(day(-3), "chronic kidney disease")).look(0), "ORL-05") == []
    assert severities(taken(30, None).fact(Noticed(day(-3), "dialysis")).look(0), "ORL-05") == ["block"]
