"""Maintenance: both sides of what a program may change once the dose is stable."""

from itertools import pairwise

import pytest

from tests.charts import Story, day, found, mcg_a_day, severities, started
from thecal.chart.clinical import Overrode
from thecal.chart.order import FlexDay, OrderContinuous, OrderFlex, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.quantity import Amount
from thecal.therapy.stability import stable

HOUR_S = 3600


def steady(dose: float = 300, origin: str = "spinal") -> Story:
    """A dose that two more visits left as it was."""
    story = Story().person(
        "cerebral" if origin == "cerebral" else "spinal", "stroke" if origin == "cerebral" else "spinal cord injury"
    )
    story.implanted().filled().programmed(0, dose)
    return story.programmed(30, dose).programmed(60, dose)


@pytest.mark.requirement("PRG-02")
@pytest.mark.parametrize(
    ("origin", "dose", "severity"),
    [
        ("spinal", 420, []),
        ("spinal", 424, ["block"]),
        ("cerebral", 360, []),
        ("cerebral", 364, ["block"]),
        ("spinal", 240, []),
        ("spinal", 236, ["block"]),
        ("cerebral", 236, ["block"]),
    ],
)
def test_a_stable_dose_changes_within_bounds(origin: str, dose: float, severity: list[str]) -> None:
    """And neither the limits of titration hold any longer, nor these before; only that a fall is abrupt is told at any time."""
    look = steady(300, origin).look(90, dose)
    assert stable(look.known, look.clinic)
    assert severities(look, "PRG-02") == severity
    assert not severities(look, "TIT-03")
    assert severities(started(300).look(10, dose), "PRG-02") == (["warn"] if dose == 236 else [])


@pytest.mark.requirement("PRG-02")
def test_a_person_who_may_order_goes_beyond_with_a_reason() -> None:
    story = steady().fact(Overrode(day(89), "PRG-02", "pneumonia resolved, back to the dose of spring", "Dr A", "physician"))
    look = story.look(90, 430)
    assert [finding.stops for finding in found(look, "PRG-02")] == [False]


@pytest.mark.requirement("PRG-03")
@pytest.mark.parametrize(("steps", "severity"), [(13, []), (14, ["block"])])
def test_a_day_has_thirteen_steps(steps: int, severity: list[str]) -> None:
    each, last = Amount(10 * 10**6), 24 * HOUR_S
    edges = [*(HOUR_S * number for number in range(steps)), last]
    doses = tuple(StepDose(a, b, each) for a, b in pairwise(edges))
    order = OrderFlex((FlexDay((), mcg_a_day(10 * steps), doses),))
    assert severities(started().look(10, order), "PRG-03") == severity


@pytest.mark.requirement("PRG-04")
@pytest.mark.parametrize(
    ("origin", "dose", "severity"),
    [
        ("spinal", 299, ["advise"]),
        ("spinal", 301, []),
        ("spinal", 799, []),
        ("spinal", 801, ["advise"]),
        ("cerebral", 89, ["advise"]),
        ("cerebral", 91, []),
        ("cerebral", 702, []),
        ("cerebral", 704, ["advise"]),
    ],
)
def test_a_stable_dose_outside_the_usual_is_hinted_at(origin: str, dose: float, severity: list[str]) -> None:
    assert severities(steady(dose, origin).look(61), "PRG-04") == severity


@pytest.mark.requirement("PRG-05")
@pytest.mark.parametrize(("dose", "severity"), [(1000, []), (1002, ["second_person"])])
def test_there_is_little_experience_above_a_thousand(dose: float, severity: list[str]) -> None:
    story = Story().person().implanted().filled(0, 40, 2000)
    assert severities(story.look(0.1, dose), "PRG-05") == severity


@pytest.mark.requirement("PRG-06")
def test_a_program_is_valid_once_its_total_is_confirmed() -> None:
    """Of a change; an order that changes nothing of the dose owes nothing."""
    order = OrderContinuous(mcg_a_day(110))
    assert severities(started().look(10, order), "PRG-06") == ["block"]
    assert severities(started().look(10, OrderSheet(dosing=order, confirm_total=mcg_a_day(110))), "PRG-06") == []
    assert severities(started().look(10, OrderContinuous(mcg_a_day(100))), "PRG-06") == []


@pytest.mark.requirement("PRG-07")
def test_a_stable_dose_that_suddenly_rises_has_a_reason_to_be_found() -> None:
    """More than a fifth at once, or twice in 30 days; in titration one rise follows another as it should."""
    assert severities(steady().look(90, 360), "PRG-07") == []
    assert severities(steady().look(90, 364), "PRG-07") == ["warn"]
    twice = steady().programmed(90, 330)
    assert severities(twice.look(119, 350), "PRG-07") == ["warn"]
    assert severities(twice.look(121, 350), "PRG-07") == []
    assert severities(started().programmed(3, 110).programmed(6, 120).look(9, 130), "PRG-07") == []


@pytest.mark.requirement("PRG-09")
@pytest.mark.parametrize(("dose", "severity"), [(330, []), (332, ["advise"])])
def test_after_years_a_dose_hardly_changes(dose: float, severity: list[str]) -> None:
    """Compared with a year before, from the third year on."""
    story = steady()
    for number in range(1, 9):
        story.filled(60 + 120 * number).programmed(60 + 120 * number, 300)
    assert severities(story.programmed(1050, dose).look(1094), "PRG-09") == []
    assert severities(story.look(1100), "PRG-09") == severity
