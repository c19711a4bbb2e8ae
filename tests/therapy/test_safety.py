"""Safety: both sides of what holds for every order."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, found, mcg_a_day, severities, started
from thecal.chart.clinical import ClinicalFact, Documented, Overrode, Signed
from thecal.chart.facts import Explanted
from thecal.chart.order import OrderBolus, OrderContinuous, OrderMinimumRate, OrderPatient, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.quantity import Amount, Concentration
from thecal.therapy.safety import re_entered, second_person_for
from thecal.timeline import Duration


def mcg(amount: float) -> Amount:
    return Amount(round(amount * 10**6))


@pytest.mark.requirement("SAF-01")
@pytest.mark.parametrize(
    ("dose", "severity"), [(1000, []), (1002, ["second_person"]), (2000, ["second_person"]), (2002, ["block"])]
)
def test_a_day_has_a_dose_that_nobody_passes(dose: float, severity: list[str]) -> None:
    assert severities(Story().person().implanted().filled(0, 40, 2000).look(0.1, dose), "SAF-01") == severity


@pytest.mark.requirement("SAF-01")
def test_every_bolus_counts_towards_the_most_of_a_day() -> None:
    """900 mcg a day with five boluses of 30 mcg that the patient may ask for, and then a single one of 1,000 mcg."""
    story = Story().person().implanted().filled(0, 40, 2000)
    patient = OrderPatient(mcg(30), Duration(600), Duration(3600), 5)
    orders = OrderSheet(dosing=OrderContinuous(mcg_a_day(900)), patient=patient)
    assert severities(story.look(0.1, orders), "SAF-01") == ["second_person"]
    story.programmed(0.2, 999)
    assert severities(story.look(1, OrderSheet(bolus=OrderBolus(mcg(1000), Duration(600)))), "SAF-01") == ["second_person"]
    assert severities(story.look(1, OrderSheet(bolus=OrderBolus(mcg(1010), Duration(600)))), "SAF-01") == ["block"]


@pytest.mark.requirement("SAF-01")
@pytest.mark.parametrize(("dose", "severity"), [(100, []), (101, ["block"])])
def test_a_screening_dose_above_the_last_one_is_a_mistake(dose: int, severity: list[str]) -> None:
    assert severities(Story().person().tested(0, dose).look(1), "SAF-01") == severity


@pytest.mark.requirement("SAF-02")
@pytest.mark.parametrize(
    ("strength", "severity"), [(50, ["block"]), (51, ["warn"]), (500, []), (1000, []), (1500, ["warn"]), (2000, [])]
)
def test_a_pump_takes_stocked_strengths(strength: int, severity: list[str]) -> None:
    orders = OrderSheet(dosing=OrderContinuous(mcg_a_day(50)), concentration=Concentration(strength))
    assert severities(Story().person().implanted().filled(0, 40, strength).look(0.1, orders), "SAF-02") == severity


@pytest.mark.requirement("SAF-03")
@pytest.mark.parametrize("order", [OrderStop(), OrderMinimumRate()])
def test_nothing_stops_without_taper_cover_and_two_signatures(order: OrderStop | OrderMinimumRate) -> None:
    """Each alone is not enough; all three are; a recorded emergency is, and opens a question that is due within two days."""
    story = started()
    papers = [Documented(day(10), "taper plan"), Documented(day(10), "cover order")]
    signed = [Signed(day(10), "Dr A", name, "physician") for name in ("Dr B", "Dr C")]
    every: list[ClinicalFact] = [*papers, *signed]
    for missing in every:
        partly = started().fact(*(fact for fact in every if fact is not missing))
        assert severities(partly.look(10, order), "SAF-03") == ["block"]
    assert severities(started().fact(*every).look(10, order), "SAF-03") == []
    emergency = story.fact(Documented(day(10), "overdose recorded"))
    opened = found(emergency.look(10, order), "SAF-03")
    assert [(finding.severity, finding.due) for finding in opened] == [("task", day(12))]
    assert severities(emergency.look(10, order), "SAF-05") == []  # one step: signed afterwards
    stopped = emergency.programmed(10, order)
    assert [finding.due for finding in found(stopped.look(11), "SAF-03")] == [day(12)]


@pytest.mark.requirement("SAF-03")
def test_the_question_after_an_emergency_stop_ends_with_its_answer_and_a_signature() -> None:
    """Either alone is not enough; where pump and catheter are out, nothing is asked any more."""
    story = started().fact(Documented(day(10), "emergency reason")).programmed(10.1, OrderStop())
    decided, signed = Documented(day(11), "restart or explant"), Signed(day(11), "Dr A", "Dr B", "physician")
    for facts, severity in (((), ["task"]), ((decided,), ["task"]), ((signed,), ["task"]), ((decided, signed), [])):
        after = started().fact(Documented(day(10), "emergency reason")).programmed(10.1, OrderStop())
        assert severities(after.fact(*facts).look(20), "SAF-03") == severity
    assert severities(story.fact(Explanted(day(12))).look(20), "SAF-03") == []


@pytest.mark.requirement("SAF-03")
@pytest.mark.parametrize(("on", "severity"), [(11.9, ["task"]), (12.1, ["block"])])
def test_an_old_overdose_is_no_reason_to_stop(on: float, severity: list[str]) -> None:
    story = started().fact(Documented(day(10), "overdose recorded"))
    assert severities(story.look(on, OrderStop()), "SAF-03") == severity


@pytest.mark.requirement("SAF-03")
def test_a_signature_of_somebody_who_may_not_double_check_counts_for_nothing() -> None:
    story = started().fact(Documented(day(10), "taper plan"), Documented(day(10), "cover order"))
    story.fact(Signed(day(10), "Dr A", "Dr B", "physician"), Signed(day(10), "Dr A", "desk", "scheduler"))
    assert severities(story.look(10, OrderStop()), "SAF-03") == ["block"]


@pytest.mark.requirement("SAF-03")
def test_signatures_of_before_the_last_session_count_for_nothing() -> None:
    story = started().fact(Documented(day(1), "taper plan"), Documented(day(1), "cover order"))
    story.fact(*(Signed(day(1), "Dr A", name, "physician") for name in ("Dr B", "Dr C"))).programmed(5, 110)
    assert severities(story.look(10, OrderStop()), "SAF-03") == ["block"]


@pytest.mark.requirement("SAF-04")
@pytest.mark.parametrize(
    ("confirmed", "severity"), [(110, []), (111, []), (111.2, ["block"]), (108.8, ["block"]), (2640, ["block"])]
)
def test_the_total_that_a_person_worked_out_is_the_one_that_runs(confirmed: float, severity: list[str]) -> None:
    orders = OrderSheet(dosing=OrderContinuous(mcg_a_day(110)), confirm_total=mcg_a_day(confirmed))
    assert severities(started().look(10, orders), "SAF-04") == severity


@pytest.mark.requirement("SAF-05")
@pytest.mark.parametrize(
    ("orders", "reasons"),
    [
        (OrderSheet(dosing=OrderContinuous(mcg_a_day(110))), ()),
        (OrderSheet(bolus=OrderBolus(mcg(10), Duration(600))), ("a bolus",)),
        (OrderSheet(concentration=Concentration(1000), bridge=True), ("a new concentration", "a bridge")),
        (OrderSheet(prime=True), ("a prime",)),
        (OrderSheet(dosing=OrderStop()), ("a stop",)),
    ],
)
def test_what_a_second_person_enters_again(orders: OrderSheet, reasons: tuple[str, ...]) -> None:
    """It is owed until another person who may double-check has signed; the author is nobody else."""
    look = started().look(10, orders)
    assert second_person_for(look) == reasons
    assert severities(look, "SAF-05") == (["second_person"] if reasons else [])
    for checker, role, severity in (
        ("Dr B", "nurse", []),
        ("Dr B", "scheduler", ["second_person"] if reasons else []),
        ("Dr A", "nurse", ["block", "second_person"] if reasons else ["block"]),
    ):
        story = started().fact(Signed(day(9), "Dr A", checker, role))
        assert severities(story.look(10, orders), "SAF-05") == severity


@pytest.mark.requirement("SAF-05")
@pytest.mark.parametrize(("dose", "severity"), [(130, []), (131, ["second_person"])])
def test_a_change_beyond_the_limits_is_entered_again(dose: float, severity: list[str]) -> None:
    """Also where a person who may order has overridden the limit; a second person who signs ends it."""
    story = started().fact(Overrode(day(9), "TIT-03", "spasms break the wheelchair", "Dr A", "physician"))
    assert severities(story.look(10, dose), "SAF-05") == severity
    story.fact(Signed(day(9), "Dr A", "Dr B", "physician"))
    assert severities(story.look(10, dose), "SAF-05") == []


@pytest.mark.requirement("SAF-01")
@pytest.mark.requirement("PRG-05")
@pytest.mark.requirement("TIT-06")
def test_what_a_second_person_has_signed_is_no_longer_owed() -> None:
    """More than 1,000 mcg, and more than 20 % of a higher dose; the look for a fault stays advised."""
    story = started(850)
    for rule in ("SAF-01", "PRG-05", "TIT-06"):
        assert severities(story.look(10, 1050), rule) == ["second_person"]
    story.fact(Signed(day(9), "Dr A", "Dr B", "physician"))
    assert [severities(story.look(10, 1050), rule) for rule in ("SAF-01", "PRG-05", "TIT-06")] == [[], ["advise"], []]


@pytest.mark.requirement("SAF-05")
def test_a_restart_is_entered_again() -> None:
    story = started().programmed(5, OrderStop())
    assert second_person_for(story.look(6, 50)) == ("a restart",)


def test_the_second_person_sees_no_value_of_the_first() -> None:
    """What must be entered again, with the values that must come out: strength and the totals first."""
    orders = OrderSheet(concentration=Concentration(1000), dosing=OrderContinuous(mcg_a_day(110)))
    look = started().look(10, orders)
    assert look.asked is not None
    rows = dict(re_entered(look.asked))
    assert rows["concentration"] == "1,000 mcg/mL"
    assert rows["24-h total"] == str(look.asked.after.day)  # type: ignore[union-attr]


@pytest.mark.requirement("SAF-04")
@given(st.integers(50, 500), st.integers(50, 500))
def test_the_change_is_that_of_the_totals(before: int, after: int) -> None:
    """The percentage is of the totals that would be programmed, whatever was ordered."""
    asked = started(before).asked(after)
    assert asked.before is not None
    assert asked.after is not None
    assert asked.change_percent == 100 * (asked.after.day.pg - asked.before.day.pg) / Fraction(asked.before.day.pg)
