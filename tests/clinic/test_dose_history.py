"""Doses over the years: each change once, by how much, and who."""

import pytest

from tests.charts import day, started
from thecal.chart.chart import Chart
from thecal.chart.facts import Explanted, Fact, SessionEnded
from thecal.chart.order import OrderContinuous, OrderMinimumRate, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.dose_history import dose_history, dose_points
from thecal.clinic.entry import Corrected, Entry, OrderWritten
from thecal.clinic.history import History, Recorded
from thecal.quantity import DailyDose
from thecal.therapy.known import known
from thecal.timeline import Instant


def history(*entries: Entry) -> History:
    return History("P-TEST", tuple(Recorded(number, entry, f"who{number}", entry.at) for number, entry in enumerate(entries, 1)))


def course() -> list[Fact]:
    story = started(100).programmed(30, 120).programmed(60, 120).programmed(90, OrderMinimumRate()).programmed(95, 90)
    return list(story.programmed(120, OrderStop()).chart.facts)


def test_each_change_is_told_once_with_its_percent() -> None:
    """A session that leaves the dose is none; a flow is no dose, and nothing is compared with it."""
    found = dose_history(history(*course()))
    assert [str(change.dose) for change in found] == ["100 mcg/day", "120 mcg/day", "None", "90 mcg/day", "0 mcg/day"]
    assert [change.change for change in found] == ["", "+20 %", "", "", "-100 %"]
    assert [change.words for change in found][2] == "no dose known"


def test_it_is_what_the_rules_know() -> None:
    """The same doses at the same instants, the explant included."""
    facts: list[Fact] = [*course(), Explanted(day(130))]
    doses = [(change.at, change.dose, change.before) for change in dose_history(history(*facts))]
    assert doses == [(dose.at, dose.dose, dose.before) for dose in known(Chart().after(*facts)).doses]
    assert dose_history(history(*facts))[-1].words == "none: pump and catheter taken out"


def test_the_mode_is_that_of_the_program_that_goes_on() -> None:
    """Not that of the moment in which the session ended."""
    assert dose_history(history(*course()))[0].mode == "simple continuous"


def test_who_ordered_is_told_beside_who_wrote_it_down() -> None:
    """The author of the order of that day; nobody where none is on record."""
    facts = started(100).programmed(30, 120).chart.facts
    order = OrderWritten(day(29.9), "V1", "dora", OrderSheet(OrderContinuous(DailyDose(120 * 10**6))))
    found = dose_history(history(*facts, order))
    assert [change.ordered_by for change in found] == ["", "dora"]
    assert found[1].who == f"who{len(facts)}"


def test_a_session_that_was_taken_back_changes_nothing() -> None:
    """The dose of before goes on."""
    facts = started(100).programmed(30, 120).chart.facts
    (version,) = [n for n, fact in enumerate(facts, 1) if isinstance(fact, SessionEnded) and fact.at == day(30)]
    found = dose_history(history(*facts, Corrected(day(31), version, "of another person")))
    assert [str(change.dose) for change in found] == ["100 mcg/day"]


@pytest.mark.parametrize("until", [120, 200])
def test_the_figure_goes_on_until_now(until: float) -> None:
    """In seconds and mcg/day; what is no dose is a gap."""
    points = dose_points(dose_history(history(*course())), day(until))
    assert [value for _, value in points][:5] == [100.0, 120.0, None, 90.0, 0.0]
    assert points[-1] == (max(day(until).s, day(120).s), 0.0)
    assert len(points) == (6 if until > 120 else 5)


def test_without_a_session_there_is_nothing_to_draw() -> None:
    """Neither rows nor points."""
    assert dose_history(history()) == ()
    assert dose_points((), Instant(0)) == []
