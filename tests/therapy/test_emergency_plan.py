"""The emergency plan: what it says of a chart, and when it is missing, incomplete or old."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Documented, Noticed, Prescribed
from thecal.chart.facts import Explanted, Interrogated, PumpReplaced, Revised, SessionEnded
from thecal.chart.vocabulary import words
from thecal.pump.messages import Report
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED, emergency_plan

ITEMS = words("checklists")["emergency plan"].items
BY_HAND = ("Serial number", "Catheter access port", "Clinic by day", "Clinic by night")


def planned(story: Story, on: float = 1) -> Story:
    """With a complete plan, written on a day."""
    return story.fact(Documented(day(on), "emergency plan"), *(Answered(day(on), "emergency plan", item, True) for item in ITEMS))


def last_report(story: Story) -> Report:
    return [fact for fact in story.facts if isinstance(fact, SessionEnded)][-1].report


@pytest.mark.requirement("EMG-01")
def test_whoever_carries_a_pump_carries_a_plan() -> None:
    assert severities(Story().person().look(0), "EMG-01") == []
    assert severities(started().look(1), "EMG-01") == ["warn"]
    assert severities(planned(started()).look(2), "EMG-01") == []
    assert severities(started().fact(Explanted(day(1))).look(2), "EMG-01") == []
    ended = started().fact(Documented(day(1), "emergency plan", day(100)))
    assert "no emergency plan" in found(ended.look(100.1), "EMG-01")[0].asked


@pytest.mark.requirement("EMG-01")
@pytest.mark.parametrize("item", ITEMS)
def test_a_plan_without_an_item_names_it(item: str) -> None:
    story = planned(started()).fact(Answered(day(1.5), "emergency plan", item, False))
    assert [(finding.severity, finding.asked) for finding in found(story.look(2), "EMG-01")] == [
        ("warn", f"an emergency plan without {item}")
    ]


@pytest.mark.requirement("EMG-01")
def test_another_dose_or_fill_makes_a_plan_old() -> None:
    """The same dose in another session does not; a plan that is written again is new."""
    story = planned(started(100)).programmed(5, 100)
    assert severities(story.look(6), "EMG-01") == []
    story.programmed(7, 110)
    finding = found(story.look(8), "EMG-01")[0]
    assert finding.severity == "task"
    assert finding.asked == "the daily dose, the alarm date changed since the emergency plan of 2026-01-06"
    assert severities(planned(story, 8).look(9), "EMG-01") == []
    refilled = planned(started(100)).filled(60, 40, 2000).programmed(60, 100)
    assert found(refilled.look(61), "EMG-01")[0].asked.startswith("the concentration, the alarm date changed")


@pytest.mark.requirement("EMG-01")
def test_what_happens_as_the_plan_is_written_is_in_it() -> None:
    story = planned(started(100), 7).programmed(7, 110)
    assert severities(story.look(8), "EMG-01") == []


@pytest.mark.requirement("EMG-01")
def test_another_pump_or_the_replacement_indicator_makes_a_plan_old() -> None:
    replaced = planned(started()).fact(PumpReplaced(day(5), "synchromed-ii-20", Volume(300_000)))
    assert found(replaced.look(6), "EMG-01")[0].asked.startswith("the pump changed")
    before_implant = planned(started(), -1)
    assert found(before_implant.look(1), "EMG-01")[0].asked.startswith(
        "the pump, the concentration, the daily dose, the alarm date"
    )
    story = planned(started())
    story.fact(Interrogated(day(9), replace(last_report(story), at=day(9), replace_by=day(99))))
    assert found(story.look(10), "EMG-01")[0].asked.startswith("the replacement indicator changed")


def test_a_plan_is_filled_in_from_the_chart() -> None:
    """40 mL of 500 mcg/mL at 100 mcg a day last 190 days to the alarm at 2 mL; the date to refill by is earlier."""
    story = started(100).fact(Prescribed(day(1), "baclofen", "oral", 30, 3))
    story.fact(Noticed(day(-50), "SCI at T6 or above"), Noticed(day(-50), "autonomic dysreflexia", False))
    story.fact(Answered(day(1), "before MRI", "conditional status known", True))
    plan = emergency_plan(story.look(2))
    assert plan.missing == BY_HAND
    assert plan.value("Pump") == "SynchroMed II (synchromed-ii-40)"
    assert plan.value("Drug") == "baclofen, intrathecal"
    assert plan.value("Concentration") == "500 mcg/mL"
    assert plan.value("Daily dose") == "100 mcg/day"
    assert plan.value("Mode") == "simple continuous: 0.2 mL/day all day, every day"
    assert plan.value("Catheter") == "indura-8709sc, tip at T10"
    assert "2026-06-01" < plan.value("Refill by") < "2026-07-09"
    assert plan.value("Low reservoir alarm") == "2026-07-14, as the pump counts"
    assert plan.value("Replacement indicator") == "not reached on 2026-01-05"
    assert plan.value("Oral baclofen at home") == "30 mg a day in 3 doses"
    assert plan.value("Injury at T6 or above, or dysreflexia") == "yes: a spinal cord injury at T6 or above"
    assert "itching without a rash" in plan.value("Early signs of withdrawal")
    assert "coma" in plan.value("Go to hospital if")
    assert "the rotor stands still" in plan.value("In the field of an MRI")


def test_a_plan_says_what_is_not_recorded() -> None:
    """Without a pump nearly all of it; a line that does not exist is an error."""
    plan = emergency_plan(Story().person().look(0))
    for label in ("Pump", "Drug", "Concentration", "Daily dose", "Mode", "Catheter", "Refill by", "MRI status", *BY_HAND):
        assert plan.value(label) == NOT_RECORDED
    assert {"Early signs of withdrawal", "Go to hospital if", "In hospital"}.isdisjoint(plan.missing)
    with pytest.raises(KeyError):
        plan.value("Shoe size")


def test_a_plan_follows_revision_replacement_and_indicator() -> None:
    story = started(100).fact(Revised(day(3), "ascenda-8780", "T6", Volume(300_000)))
    assert emergency_plan(story.look(4)).value("Catheter") == "ascenda-8780, tip at T6"
    story.fact(Interrogated(day(5), replace(last_report(story), at=day(5), replace_by=day(95))))
    assert emergency_plan(story.look(6)).value("Replacement indicator") == "reached; replace the pump by 2026-04-10"
    gone = emergency_plan(story.fact(Explanted(day(7))).look(8))
    assert {"Pump", "Daily dose", "Catheter", "Concentration"} <= set(gone.missing)


def test_the_pump_in_place_is_known_without_its_sheet() -> None:
    story = started(100).fact(PumpReplaced(day(5), "prometra-ii-20", Volume(300_000)))
    plan = emergency_plan(replace(story.look(6), sheet=None))
    assert plan.value("Pump") == "Prometra II (prometra-ii-20)"
    assert "reservoir is emptied before" in plan.value("In the field of an MRI")
    assert plan.value("Maker's line") == NOT_RECORDED


def test_a_makers_line_belongs_to_its_country() -> None:
    assert emergency_plan(started().look(1)).value("Maker's line").startswith("800-707-0933")
    assert emergency_plan(started().look(1, clinic=Clinic("UK"))).value("Maker's line") == NOT_RECORDED


def test_a_pump_without_electronics_has_a_plan_too() -> None:
    story = Story("isomed-8472-35-25").person().implanted()
    assert emergency_plan(story.look(1)).value("Replacement indicator") == "none: the pump has no battery"
    assert set(IN_MAGNET) >= {sheet.magnet for sheet in pump_sheets().values()}


def test_a_bridge_comes_before_the_program() -> None:
    story = started(100)
    bridging = replace(last_report(story), at=day(5), mode="bridge bolus")
    plan = emergency_plan(story.fact(Interrogated(day(5), bridging)).look(6))
    assert plan.value("Mode") == "bridge bolus, then simple continuous: 0.2 mL/day all day, every day"


def test_a_fill_that_was_not_typed_in_has_no_alarm_date() -> None:
    story = started(100).filled(60)
    plan = emergency_plan(story.look(61))
    assert plan.value("Low reservoir alarm") == NOT_RECORDED
    assert plan.value("Concentration") == "500 mcg/mL"
