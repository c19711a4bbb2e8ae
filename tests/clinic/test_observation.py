"""The observation after a screening bolus: what is due when, and what a test lacks before it is closed."""

import pytest

from thecal.chart.chart import Chart
from thecal.chart.clinical import Measured, SymptomReported
from thecal.chart.facts import Assessed, Fact, TestBolusGiven
from thecal.clinic.observation import State, adverse_signs, minutes_after, observation_sheet
from thecal.quantity import Amount, Concentration
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.timeline import HOUR_S, Duration, Instant

BOLUS = TestBolusGiven(Instant(1_790_000_000), Amount.parse("50 mcg"), Concentration.parse("50 mcg/mL"), None)


def after(hours: float) -> Instant:
    return Instant(BOLUS.at.s + round(hours * HOUR_S))


def scored(hours: float, legs: float = 3.0) -> Assessed:
    return Assessed(after(hours), legs, spasm_penn=2.0)


def states(now: float, *facts: Fact, clinic: Clinic | None = None) -> dict[tuple[str, int], State]:
    """The state of each row so many hours after the bolus, by what and minutes."""
    chart = Chart().after(*sorted((BOLUS, *facts), key=lambda fact: fact.at))
    sheet = observation_sheet(Look.at(chart, after(now), clinic=clinic))
    assert sheet is not None
    return {(row.what, minutes_after(BOLUS, row.at)): row.state for row in sheet.due}


def lacks(now: float, *facts: Fact) -> tuple[str, ...]:
    chart = Chart().after(*sorted((BOLUS, *facts), key=lambda fact: fact.at))
    sheet = observation_sheet(Look.at(chart, after(now)))
    assert sheet is not None
    return sheet.lacks


def test_without_a_bolus_there_is_nothing_to_observe() -> None:
    """No sheet."""
    assert observation_sheet(Look.at(Chart(), after(0))) is None


def test_the_times_are_those_of_the_rules() -> None:
    """Scores before it and after 1, 2, 3 and 4 h (SCR-07), vital signs in the first 2 h, a result after 8 h (SCR-06)."""
    assert set(states(0)) == {
        ("scores", 0), ("scores", 60), ("scores", 120), ("scores", 180), ("scores", 240),
        ("vital signs", 60), ("vital signs", 120), ("result", 480),
    }  # fmt: skip


def test_a_clinic_that_observes_longer_has_another_row() -> None:
    """The end of the observation is the clinic's own limit of SCR-06."""
    assert ("scores", 300) in states(0, clinic=Clinic().with_limit("SCR-06.observe", 5))


@pytest.mark.parametrize(("now", "state"), [(0.9, "to come"), (1.0, "due"), (1.99, "due"), (2.0, "missed")])
def test_what_is_not_seen_is_due_and_then_missed(now: float, state: State) -> None:
    """Due from its minute on, and missed once the next one of its kind is due."""
    assert states(now)["scores", 60] == state


def test_what_is_seen_belongs_to_the_time_it_is_nearest_to() -> None:
    """A score after 80 min is the one of 1 h, one after 100 min that of 2 h; one after 10 min is none of them."""
    for hours, done in ((10 / 60, set()), (80 / 60, {60}), (100 / 60, {120}), (5, {240})):
        found = states(5.5, scored(hours))
        assert {minutes for (what, minutes), state in found.items() if what == "scores" and state == "done"} == done


def test_scores_before_the_bolus_are_the_baseline() -> None:
    """Without them the first row is missed, for they cannot be made up for."""
    assert states(1)["scores", 0] == "missed"
    assert states(1, scored(-20))["scores", 0] == "done"


def test_scores_are_no_vital_signs() -> None:
    """And the other way round."""
    found = states(1.1, scored(1))
    assert (found["scores", 60], found["vital signs", 60]) == ("done", "due")
    found = states(1.1, Measured(after(1), "SpO2", 97.0))
    assert (found["scores", 60], found["vital signs", 60]) == ("due", "done")


def test_the_result_is_there_once_the_duration_is() -> None:
    """It is due after the longest observation, and done when somebody has written how long the effect lasted."""
    assert states(7.9)["result", 480] == "to come"
    assert states(8)["result", 480] == "due"
    known = TestBolusGiven(BOLUS.at, BOLUS.dose, BOLUS.concentration, Duration(6 * HOUR_S))
    sheet = observation_sheet(Look.at(Chart().after(known), after(8)))
    assert sheet is not None
    assert [row.state for row in sheet.due if row.what == "result"] == ["done"]


def test_a_test_that_was_observed_by_the_rules_lacks_nothing() -> None:
    """Twice within 4 h, vital signs in the first 2 h, and once 4 h or later: SCR-06, at its limits."""
    seen = (scored(1), scored(4), Measured(after(2), "respiratory rate", 14.0))
    assert lacks(4, *seen) == ()
    assert len(lacks(4, *seen[1:])) == 1
    assert "1 time so far" in lacks(4, *seen[1:])[0]
    late = Measured(after(2) + Duration(1), "respiratory rate", 14.0)
    assert lacks(4, *seen[:2], late) == ("vital signs in the first 2 h",)
    early = Assessed(Instant(after(4).s - 1), 3.0)
    assert lacks(4, scored(1), early, seen[2]) == ("tone or spasms 4 h or more after the bolus",)


def test_the_next_row_is_the_first_that_is_open() -> None:
    """What is due before what is to come; what was missed is over."""
    chart = Chart().after(BOLUS, scored(1), Measured(after(1), "SpO2", 97.0))
    sheet = observation_sheet(Look.at(chart, after(1.5)))
    assert sheet is not None
    assert sheet.next is not None
    assert minutes_after(BOLUS, sheet.next.at) == 120


def test_all_that_was_noted_stands_in_order_of_time() -> None:
    """Scores, measures and symptoms of one instant in one row, from the baseline on; of one symptom the graver grade."""
    facts: tuple[Fact, ...] = (
        scored(-1, 4.0), BOLUS, scored(1, 2.5), Measured(after(1), "SpO2", 97.0), SymptomReported(after(1), "hypotension", 1),
        SymptomReported(after(1), "hypotension", 2), Measured(after(2), "body temperature", 36.5), scored(30),
    )  # fmt: skip
    sheet = observation_sheet(Look.at(Chart().after(*facts), after(31)))
    assert sheet is not None
    assert [(minutes_after(BOLUS, row.at), row.legs) for row in sheet.seen] == [(-60, 4.0), (60, 2.5), (120, None)]
    assert sheet.seen[1].symptoms == (("hypotension", 2),)
    assert sheet.seen[1].measures == (("SpO2", 97.0),)


def test_the_signs_that_are_looked_for_hold_every_stop_sign() -> None:
    """Those that end a test (SCR-12) and those of a lumbar puncture; each once."""
    signs = adverse_signs()
    assert {"somnolence", "respiratory depression", "hypotension", "desaturation", "seizure", "coma"} <= set(signs)
    assert {"postural headache", "urinary retention"} <= set(signs)
    assert len(set(signs)) == len(signs)
