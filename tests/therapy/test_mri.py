"""Magnetic resonance: before, during and after the field, by model."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Booked, Measured, Overrode, Scanned, Visited
from thecal.chart.facts import Interrogated, PumpReplaced
from thecal.chart.order import OrderContinuous, OrderStop
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.clinic import Clinic, Loosened
from thecal.therapy.mri import CONDITIONAL, conditional

ITEMS = ("conditional status known", "interruption tolerated", "alternative drug plan", "alarm not near")
SCAN = 20


def running(model: str = "synchromed-ii-40") -> Story:
    """A course with a pump of this model, filled with as much as each of them takes."""
    return Story(model).person().tested(-14).implanted(0, Concentration(500)).filled(0, 20).programmed(0, 100)


def ready(model: str = "synchromed-ii-40", on: float = SCAN, without: str | None = None) -> Story:
    """A scan is booked, and everything but one item is ticked."""
    story = running(model).fact(Booked(day(10), "MRI", day(on)))
    return story.fact(*(Answered(day(11), "before MRI", item, yes=True) for item in ITEMS if item != without))


def scanned(model: str = "synchromed-ii-40") -> Story:
    return running(model).fact(Scanned(day(SCAN), 1.5))


def read(on: float, *alarms: str, mode: str = "simple continuous") -> Interrogated:
    session = started().chart.session
    assert session is not None
    return Interrogated(day(on), replace(session.report, at=day(on), alarms=alarms, mode=mode))


@pytest.mark.requirement("MRI-01")
def test_what_is_not_known_stops_a_scan() -> None:
    assert severities(started().look(12), "MRI-01") == []
    assert severities(started().fact(Booked(day(10), "MRI", day(SCAN))).look(12), "MRI-01") == ["block"]
    assert severities(ready().look(12), "MRI-01") == []
    for item in ITEMS:
        assert item in found(ready(without=item).look(12), "MRI-01")[0].asked
    no = ready().fact(Answered(day(11.5), "before MRI", ITEMS[0], yes=False))
    assert severities(no.look(12), "MRI-01") == ["block"]


@pytest.mark.requirement("MRI-01")
def test_the_lowest_field_counts_until_a_clinic_sets_its_label() -> None:
    def at(tesla: float) -> Story:
        return ready().fact(Measured(day(11), "scanner field strength", tesla))

    label = Clinic().with_limit("MRI-01.field", 3, Loosened("MRI-01.field", "label of 2020 for this model", "Dr A"))
    assert severities(at(1.5).look(12), "MRI-01") == []
    assert severities(at(3).look(12), "MRI-01") == ["block"]
    assert severities(at(3).look(12, clinic=label), "MRI-01") == []
    assert severities(at(3.1).look(12, clinic=label), "MRI-01") == ["block"]


@pytest.mark.requirement("MRI-01")
def test_a_gate_closes_again_after_the_scan_and_ends_with_the_booking() -> None:
    """Answers before the last scan count no more; a cancelled, a done and a past booking ask for nothing.

    A visit to the scanner is no scan: what has to be known before it is still asked for.
    """
    again = ready().fact(Scanned(day(SCAN), 1.5), Booked(day(30), "MRI", day(40)))
    assert severities(again.look(31), "MRI-01") == ["block"]
    missing = ready(without=ITEMS[0])
    assert severities(missing.look(SCAN + 0.1), "MRI-01") == ["block"]  # still that day
    assert severities(missing.look(SCAN + 1), "MRI-01") == []
    assert severities(missing.fact(Visited(day(SCAN), "MRI")).look(SCAN + 0.1), "MRI-01") == ["block"]
    assert severities(missing.fact(Scanned(day(SCAN))).look(SCAN + 0.1), "MRI-01") == []
    cancelled = ready(without=ITEMS[0]).fact(Booked(day(12), "MRI", day(SCAN), cancelled=True))
    assert severities(cancelled.look(12.5), "MRI-01") == []


@pytest.mark.requirement("MRI-01")
def test_a_refill_that_is_due_before_the_scan_comes_first() -> None:
    """At 100 mcg/day of 500 mcg/mL 20 mL last 90 days to the alarm; the label's accuracy and the buffer take some of them."""
    assert severities(ready(on=70).look(12), "MRI-01") == []
    assert severities(ready(on=85).look(12), "MRI-01") == ["block"]


@pytest.mark.requirement("MRI-01")
def test_the_status_is_that_of_the_model() -> None:
    """Every family that the package knows of is one of the data sheets; of the others nothing is claimed."""
    assert set(CONDITIONAL) <= {sheet.title for sheet in pump_sheets().values()}
    assert "3 T" in found(ready(without=ITEMS[0]).look(12), "MRI-01")[0].allowed
    assert "nothing is known" in found(ready("reference-40", without=ITEMS[0]).look(12), "MRI-01")[0].allowed
    assert conditional(None) is None


@pytest.mark.requirement("MRI-02")
def test_a_pump_is_not_stopped_for_a_scan() -> None:
    assert severities(ready().look(12, OrderStop()), "MRI-02") == ["warn"]
    assert severities(ready().look(12, OrderContinuous(DailyDose(110 * 10**6))), "MRI-02") == []
    assert severities(started().look(12, OrderStop()), "MRI-02") == []
    assert severities(ready("prometra-ii-40").look(12, OrderStop()), "MRI-02") == []  # it has no rotor


@pytest.mark.requirement("MRI-03")
def test_after_a_scan_the_pump_is_read_on_the_same_day() -> None:
    """A task at first, red from midnight on (15 h after 09:00), until it was read after its recovery delay of 2 h."""
    assert severities(scanned().look(SCAN + 14.9 / 24), "MRI-03") == ["task", "task"]
    assert severities(scanned().look(SCAN + 15.1 / 24), "MRI-03") == ["warn", "task"]
    assert severities(scanned().look(SCAN + 300), "MRI-03") == ["warn"]
    assert severities(scanned().fact(read(SCAN)).look(SCAN + 300), "MRI-03") == ["warn"]  # not after it
    again = found(scanned().fact(read(SCAN + 1.9 / 24)).look(SCAN + 3 / 24), "MRI-03")
    assert [(one.severity, one.due) for one in again] == [("task", day(SCAN + 2 / 24)), ("task", day(SCAN + 1))]
    assert severities(scanned().fact(read(SCAN + 1.9 / 24)).look(SCAN + 2), "MRI-03") == ["warn"]
    assert severities(scanned().fact(read(SCAN + 2 / 24)).look(SCAN + 3 / 24), "MRI-03") == []


@pytest.mark.requirement("MRI-03")
def test_a_scan_of_unknown_strength_is_read_after_like_any_other() -> None:
    """Two scans of one instant, of which one has no strength, are compared by their time alone."""
    unknown = running().fact(Scanned(day(SCAN)), Scanned(day(SCAN), 1.5), Scanned(day(SCAN)))
    assert severities(unknown.look(SCAN + 300), "MRI-03") == ["warn"]
    assert severities(unknown.fact(read(SCAN + 2 / 24)).look(SCAN + 3 / 24), "MRI-03") == []


@pytest.mark.requirement("MRI-03")
@pytest.mark.parametrize(("alarms", "mode"), [(("motor stall",), "simple continuous"), ((), "telemetry mode")])
def test_it_stays_red_until_a_clean_interrogation(alarms: tuple[str, ...], mode: str) -> None:
    story = scanned().fact(read(SCAN + 3 / 24, *alarms, mode=mode))
    assert severities(story.look(SCAN + 3.1 / 24), "MRI-03") == ["warn", "task"]
    assert severities(story.fact(read(SCAN + 5 / 24)).look(SCAN + 6 / 24), "MRI-03") == []


@pytest.mark.requirement("MRI-03")
def test_withdrawal_is_watched_for_a_day() -> None:
    assert severities(scanned().look(SCAN + 0.99), "MRI-03") == ["warn", "task"]
    assert severities(scanned().look(SCAN + 1), "MRI-03") == ["warn"]
    longer = Clinic().with_limit("MRI-03.watch", 48)
    assert severities(scanned().look(SCAN + 1, clinic=longer), "MRI-03") == ["warn", "task"]


@pytest.mark.requirement("MRI-03")
def test_only_a_scan_of_this_pump_counts_and_only_one_that_can_be_read() -> None:
    new = scanned().fact(PumpReplaced(day(SCAN + 1), "synchromed-ii-40", Volume(336_890)))
    assert severities(new.look(SCAN + 2), "MRI-03") == []
    constant = Story("isomed-8472-20-10").person().implanted().fact(Scanned(day(SCAN), 1.5))
    assert severities(constant.look(SCAN + 2), "MRI-03") == []


@pytest.mark.requirement("MRI-04")
@pytest.mark.parametrize("model", ["prometra-i-20", "prometra-ii-40"])
def test_a_pump_with_valves_is_emptied_first(model: str) -> None:
    assert severities(ready(model).look(12), "MRI-04") == ["block"]
    assert severities(ready(model).fact(Answered(day(12), "before MRI", "reservoir empty", yes=True)).look(12), "MRI-04") == []
    early = running(model).fact(Answered(day(-1), "before MRI", "reservoir empty", yes=True), Booked(day(1), "MRI", day(SCAN)))
    assert severities(early.look(12), "MRI-04") == ["block"]  # it was filled since
    assert severities(running(model).look(12), "MRI-04") == []
    assert severities(ready().look(12), "MRI-04") == []  # a rotor


@pytest.mark.requirement("MRI-04")
@pytest.mark.parametrize(("model", "stops"), [("prometra-i-20", True), ("prometra-ii-40", False)])
def test_in_an_emergency_a_physician_may_leave_drug_behind_a_valve_that_shuts(model: str, stops: bool) -> None:
    reason = Overrode(day(11), "MRI-04", "cord compression, no time to empty", "Dr A", "physician")
    assert found(ready(model).fact(reason).look(12), "MRI-04")[0].stops is stops


@pytest.mark.requirement("MRI-04")
def test_afterwards_nothing_flows_until_the_pump_was_reset_and_programmed() -> None:
    assert severities(scanned("prometra-ii-40").look(SCAN + 1), "MRI-04") == ["warn"]
    assert severities(scanned("prometra-ii-40").programmed(SCAN + 0.5, 110).look(SCAN + 1), "MRI-04") == []
    assert severities(scanned().look(SCAN + 1), "MRI-04") == []
