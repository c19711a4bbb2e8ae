"""The day of a refill: its list, its residual, the signs of drug in the tissue, and a refill at home."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from tests.courses import ml
from thecal.chart.clinical import Answered, Booked, Documented, SymptomReported, Visited
from thecal.chart.facts import PumpReplaced, ResidualMeasured
from thecal.therapy.clinic import Clinic
from thecal.therapy.home_refill import home_refill_gates
from thecal.therapy.refill_visit import refill_visit
from thecal.therapy.residual import discrepancy, unresolved

BEFORE = ("identity twice", "allergy", "no infection signs", "interval history", "reconciliation")
DRUG = ("two people verified drug", "one concentration per tray")
HOME = ("second checker", "prefilled labelled syringes", "overdose and withdrawal kit", "route to hospital")
VISIT = 60


def answered(story: Story, on: float, items: tuple[str, ...], checklist: str = "refill", yes: bool = True) -> Story:
    return story.fact(*(Answered(day(on), checklist, item, yes) for item in items))


def came(visit: str = "refill") -> Story:
    """A pump that runs since day 0, and somebody who came for a refill on day 60."""
    return started(200).fact(Visited(day(VISIT), visit))


def refilled(measured_ml: float | None = None) -> Story:
    """The refill itself, and a session after it."""
    return came().filled(VISIT, measured_ml=measured_ml).programmed(VISIT + 0.01, 200)


def test_a_refill_is_of_today_when_it_was_done_or_came_for_or_is_booked() -> None:
    assert refill_visit(started(200).look(0.1)) is None  # the surgeon's fill is none
    assert refill_visit(started(200).look(30)) is None
    assert refill_visit(Story().person().look(0)) is None
    assert refill_visit(came().look(VISIT + 0.99)) is not None
    assert refill_visit(came().look(VISIT + 1)) is None
    assert refill_visit(started(200).filled(VISIT).look(VISIT + 0.99)) is not None
    ahead = started(200).fact(Booked(day(1), "refill", day(VISIT), "nurse"))
    assert refill_visit(ahead.look(VISIT - 0.2)) is not None
    assert refill_visit(ahead.look(VISIT - 1)) is None
    assert refill_visit(ahead.fact(Booked(day(2), "refill", day(VISIT), cancelled=True)).look(VISIT)) is None


@pytest.mark.requirement("RPC-01")
@pytest.mark.requirement("RPC-03")
@pytest.mark.requirement("RPC-05")
@pytest.mark.parametrize(("rule", "items"), [("RPC-01", BEFORE), ("RPC-03", DRUG), ("RPC-05", ("at the needle stop",))])
def test_what_stops_a_refill_until_it_is_answered(rule: str, items: tuple[str, ...]) -> None:
    """Each item by itself; answers of an earlier refill count for nothing, and a no stops as well."""
    assert severities(started(200).look(30), rule) == []
    assert severities(came().look(VISIT), rule) == ["block"]
    assert severities(answered(came(), VISIT, items).look(VISIT), rule) == []
    for item in items:
        others = tuple(other for other in items if other != item)
        assert severities(answered(came(), VISIT, others).look(VISIT), rule) == ["block"]
        told = found(answered(answered(came(), VISIT, items), VISIT + 0.01, (item,), yes=False).look(VISIT + 0.02), rule)
        assert [finding.severity for finding in told] == ["block"]
        assert f"{item} (no)" in told[0].asked
    assert severities(answered(came(), VISIT - 1, items).look(VISIT), rule) == []
    assert severities(answered(came(), VISIT - 1.01, items).look(VISIT), rule) == ["block"]
    shorter = Clinic().with_limit("RPC-01.day", 12)
    assert severities(answered(came(), VISIT - 1, items).look(VISIT, clinic=shorter), rule) == ["block"]


@pytest.mark.requirement("RPC-11")
def test_a_visit_is_closed_with_a_reading_a_printout_and_a_booking() -> None:
    assert severities(came().look(VISIT), "RPC-11") == []  # nothing is filled yet
    story = answered(refilled(), VISIT + 0.02, ("printout given",)).fact(Booked(day(VISIT), "refill", day(120), "nurse"))
    assert severities(story.look(VISIT + 0.1), "RPC-11") == []
    without = answered(refilled(), VISIT + 0.02, ("printout given",))
    assert severities(without.look(VISIT + 0.1), "RPC-11") == ["block"]
    elsewhere = without.fact(Documented(day(VISIT + 0.03), "refill elsewhere", day(120), "Clinic B"))
    assert severities(elsewhere.look(VISIT + 0.1), "RPC-11") == []
    on_paper = refilled().fact(Booked(day(VISIT), "refill", day(120), "nurse"))
    assert severities(on_paper.look(VISIT + 0.1), "RPC-11") == ["block"]
    unread = answered(came().filled(VISIT), VISIT + 0.02, ("printout given",)).fact(
        Booked(day(VISIT), "refill", day(120), "nurse")
    )
    told = found(unread.look(VISIT + 0.1), "RPC-11")
    assert [finding.asked for finding in told] == ["a refill without an interrogation after the fill"]


@pytest.mark.requirement("RPC-12")
def test_observation_is_off_until_a_clinic_turns_it_on() -> None:
    """30 minutes after the fill."""
    on, later = Clinic().with_switch("RPC-12", on=True), VISIT + 31 / 1440
    assert severities(refilled().look(VISIT + 0.02), "RPC-12") == []
    assert severities(refilled().look(VISIT + 0.02, clinic=on), "RPC-12") == ["task"]
    early = answered(refilled(), VISIT + 29 / 1440, ("observed",))
    assert severities(early.look(VISIT + 0.1, clinic=on), "RPC-12") == ["task"]
    assert severities(answered(refilled(), later, ("observed",)).look(VISIT + 0.1, clinic=on), "RPC-12") == []
    longer = on.with_limit("RPC-12.observe", 60)
    assert severities(answered(refilled(), later, ("observed",)).look(VISIT + 0.1, clinic=longer), "RPC-12") == ["task"]
    assert severities(came().look(VISIT, clinic=on), "RPC-12") == []


@pytest.mark.requirement("RPC-13")
def test_the_signs_are_told_again_at_every_refill() -> None:
    assert severities(came().look(VISIT), "RPC-13") == []
    assert severities(refilled().look(VISIT + 0.1), "RPC-13") == ["task"]
    assert severities(answered(refilled(), VISIT, ("signs reminded",)).look(VISIT + 0.1), "RPC-13") == []


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize(
    ("off", "severity"),
    [(2, []), (2.01, ["warn"]), (-2, []), (-2.01, ["warn"]), (4, ["warn"]), (4.01, ["block"]), (-4.01, ["block"])],
)
def test_a_residual_that_is_off(off: float, severity: list[str]) -> None:
    """16 mL are expected after 60 days; amber above 2 mL of 40, red above 4."""
    assert severities(refilled(16 + off).look(VISIT + 2), "RPC-07") == severity


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize(("off", "severity"), [(1, []), (1.01, ["warn"]), (2, ["warn"]), (2.01, ["block"])])
def test_a_small_reservoir_has_half_the_limits(off: float, severity: list[str]) -> None:
    story = started(200).fact(ResidualMeasured(day(30), ml(5), ml(5 + off), ml(20)))
    assert severities(story.look(31), "RPC-07") == severity


@pytest.mark.requirement("RPC-07")
def test_a_clinic_may_look_closer() -> None:
    assert severities(refilled(17.5).look(VISIT + 2, clinic=Clinic().with_limit("RPC-07.large reservoir", 1)), "RPC-07") == [
        "warn"
    ]
    assert severities(refilled(19.5).look(VISIT + 2, clinic=Clinic().with_limit("RPC-07.red", 1.5)), "RPC-07") == ["block"]


@pytest.mark.requirement("RPC-07")
def test_a_discrepancy_stands_until_a_later_paper_explains_it() -> None:
    """A person who filled in spite of it is named, and then it stops nothing; explained it is only by the paper."""
    story = refilled(21)
    assert found(story.look(VISIT + 2), "RPC-07")[0].stops
    early = story.fact(Documented(day(VISIT), "residual explained"))
    assert severities(early.look(VISIT + 2), "RPC-07") == ["block"]
    assert severities(story.fact(Documented(day(VISIT + 1), "residual explained")).look(VISIT + 2), "RPC-07") == []
    taken = refilled(21)
    taken.facts = [replace(f, taken_on="Dr A: known gain") if isinstance(f, ResidualMeasured) else f for f in taken.facts]
    finding = found(taken.look(VISIT + 2), "RPC-07")[0]
    assert (finding.severity, finding.stops, finding.overridden) == ("block", False, "Dr A: known gain")
    assert unresolved(taken.look(VISIT + 2)) is not None


@pytest.mark.requirement("RPC-07")
def test_the_first_residual_says_that_it_is_unreliable_and_a_new_pump_has_none() -> None:
    first = started(200).fact(ResidualMeasured(day(30), ml(20), ml(25), ml(40), first=True))
    assert "unreliable" in found(first.look(31), "RPC-07")[0].asked
    assert discrepancy(started(200).fact(ResidualMeasured(day(30), None, ml(25), ml(40))).look(31)) is None
    assert severities(first.fact(PumpReplaced(day(40), "synchromed-ii-40", ml(0.3))).look(41), "RPC-07") == []
    assert severities(started(200).look(1), "RPC-07") == []


@pytest.mark.requirement("RPC-09")
@pytest.mark.parametrize("sign", ["pocket pain", "pocket swelling", "lost resistance"])
@pytest.mark.parametrize(("hours", "severity"), [(-0.1, ["emergency"]), (24, ["emergency"]), (24.1, []), (-24.1, [])])
def test_a_sign_at_the_pocket_within_a_day_of_a_refill(sign: str, hours: float, severity: list[str]) -> None:
    story = refilled().fact(SymptomReported(day(VISIT + hours / 24), sign, 1))
    assert severities(story.look(VISIT + 3), "RPC-09") == severity


@pytest.mark.requirement("RPC-09")
def test_it_stays_an_emergency_until_it_is_gone_or_drug_in_the_tissue_is_excluded() -> None:
    story = refilled().fact(
        SymptomReported(day(VISIT + 0.1), "pocket pain", 2), SymptomReported(day(VISIT + 2), "pocket pain", 1)
    )
    told = found(story.look(VISIT + 3), "RPC-09")
    assert [finding.severity for finding in told] == ["emergency"]
    assert "aspirate" in told[0].next.lower()
    assert "withdrawal" in told[0].next
    assert severities(story.fact(SymptomReported(day(VISIT + 4), "pocket pain", 0)).look(VISIT + 5), "RPC-09") == []
    excluded = refilled().fact(SymptomReported(day(VISIT + 0.1), "pocket pain", 2))
    excluded.fact(Documented(day(VISIT + 0.2), "pocket fill excluded"))
    assert severities(excluded.look(VISIT + 3), "RPC-09") == []
    excluded.fact(SymptomReported(day(VISIT + 0.3), "pocket swelling", 2))
    assert severities(excluded.look(VISIT + 3), "RPC-09") == ["emergency"]


@pytest.mark.requirement("RPC-09")
def test_a_volume_that_does_not_come_back_after_the_fill() -> None:
    def again(hours: float, measured: float) -> Story:
        return refilled().fact(ResidualMeasured(day(VISIT + hours / 24), ml(40), ml(measured), ml(40)))

    assert severities(again(1, 36).look(VISIT + 2), "RPC-09") == []
    assert severities(again(1, 35.9).look(VISIT + 2), "RPC-09") == ["emergency"]
    assert severities(again(24.1, 30).look(VISIT + 2), "RPC-09") == []
    assert severities(again(24.1, 30).look(VISIT + 2, clinic=Clinic().with_limit("RPC-09.watch", 48)), "RPC-09") == ["emergency"]
    assert severities(refilled(30).look(VISIT + 2), "RPC-09") == []  # that of before the fill
    excluded = again(1, 30).fact(Documented(day(VISIT + 0.5), "pocket fill excluded"))
    assert severities(excluded.look(VISIT + 2), "RPC-09") == []


@pytest.mark.requirement("RPC-09")
def test_a_swelling_after_the_operation_is_none_of_it() -> None:
    story = started(200).fact(SymptomReported(day(0.5), "pocket swelling", 2))
    assert severities(story.look(1), "RPC-09") == []


def steady(visit: str = "home refill") -> Story:
    """A dose that was the same over three visits, and somebody visited for a refill."""
    story = started(200)
    for number in (1, 2):
        story.filled(VISIT * number / 3).programmed(VISIT * number / 3, 200)
    return story.fact(Visited(day(VISIT), visit))


@pytest.mark.requirement("RPC-14")
def test_a_refill_at_home_needs_each_of_its_gates() -> None:
    assert home_refill_gates(answered(steady(), VISIT, HOME, "home refill").look(VISIT)) == ()
    assert severities(answered(steady(), VISIT, HOME, "home refill").look(VISIT), "RPC-14") == []
    for item in HOME:
        others = tuple(other for other in HOME if other != item)
        told = found(answered(steady(), VISIT, others, "home refill").look(VISIT), "RPC-14")
        assert [(finding.severity, item in finding.asked) for finding in told] == [("block", True)]
    assert severities(steady("refill").look(VISIT), "RPC-14") == []  # not at home
    assert len(home_refill_gates(steady("refill").look(VISIT))) == 4


@pytest.mark.requirement("RPC-14")
def test_a_refill_at_home_needs_a_stable_dose_and_an_explained_residual() -> None:
    """Already when it is booked; the list is that of the day."""
    ready = answered(steady(), VISIT, HOME, "home refill")
    assert severities(ready.fact(ResidualMeasured(day(VISIT), ml(20), ml(23), ml(40))).look(VISIT), "RPC-14") == ["block"]
    booking = Booked(day(1), "home refill", day(VISIT), "nurse")
    unsteady = started(200).fact(booking)
    assert ["not stable" in finding.asked for finding in found(unsteady.look(30), "RPC-14")] == [True]
    settled = steady("follow-up").fact(booking)
    assert severities(settled.look(VISIT - 5), "RPC-14") == []
    assert severities(settled.look(VISIT), "RPC-14") == ["block"] * 4


@pytest.mark.requirement("RPC-14")
def test_a_pump_of_constant_flow_has_no_dose_that_is_not_stable_yet() -> None:
    """It is filled at home by its list and its residual."""
    story = Story("isomed-8472-20-10").person().implanted().filled(0, 20, 500)
    assert not [finding for finding in home_refill_gates(story.look(30)) if "stable" in finding.asked]


@pytest.mark.requirement("RPC-14")
def test_before_the_day_what_was_answered_since_the_last_fill_counts() -> None:
    assert len(home_refill_gates(answered(steady("follow-up"), 39, HOME, "home refill").look(50))) == 4
    assert home_refill_gates(answered(steady("follow-up"), 45, HOME, "home refill").look(50)) == ()


def test_the_fill_of_a_visit_at_home_is_still_at_home_after_it() -> None:
    """With the booking as all that tells of the place."""
    story = started(200).fact(Booked(day(1), "home refill", day(VISIT), "nurse")).filled(VISIT + 0.1).programmed(VISIT + 0.1, 200)
    visit = refill_visit(story.look(VISIT + 0.2))
    assert visit is not None
    assert visit.home
    assert visit.filled is not None
