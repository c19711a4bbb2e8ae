"""Infection: early and late, redness that is looked at again, and no explant without a plan."""

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Booked, Documented, Noticed, Visited
from thecal.chart.facts import Explanted, PumpReplaced, Revised
from thecal.quantity import Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.infection import infection_timing
from thecal.timeline import Instant


def explant(on: float = 40, at: float = 30.2, cancelled: bool = False) -> Booked:
    return Booked(day(at), "explant", day(on), cancelled=cancelled)


@pytest.mark.requirement("INF-01")
@pytest.mark.parametrize(("on", "timing"), [(1, "early"), (90, "early"), (90.1, "late"), (800, "late")])
@pytest.mark.parametrize("condition", ["pocket erythema", "pocket infection", "CSF infection"])
def test_an_infection_is_early_up_to_ninety_days(on: float, timing: str, condition: str) -> None:
    assert infection_timing(started().fact(Noticed(day(on), condition)).look(on + 1)) == timing


@pytest.mark.requirement("INF-01")
def test_the_last_operation_before_an_infection_counts() -> None:
    """A replacement or a revision counts, one that came after it does not, nor does when it was noticed again."""
    assert infection_timing(started().look(5)) is None
    assert infection_timing(started().fact(Noticed(day(1), "urinary tract infection")).look(5)) is None
    assert infection_timing(Story().person().fact(Noticed(day(1), "pocket erythema")).look(5)) is None
    noticed = Noticed(day(150), "pocket infection")
    replaced = PumpReplaced(day(100), "synchromed-ii-40", Volume(300_000))
    revised = Revised(day(100), "indura-8709sc", "T10", Volume(300_000))
    assert infection_timing(started().fact(noticed, replaced).look(160)) == "early"
    assert infection_timing(started().fact(noticed, revised).look(160)) == "early"
    later = started().fact(noticed, PumpReplaced(day(155), "synchromed-ii-40", Volume(300_000)))
    assert infection_timing(later.look(160)) == "late"
    again = started().fact(Noticed(day(80), "pocket infection"), Noticed(day(120), "pocket infection"))
    assert infection_timing(again.look(130)) == "early"
    gone = started().fact(Noticed(day(80), "pocket infection"), Noticed(day(85), "pocket infection", False))
    assert infection_timing(gone.look(130)) is None
    assert infection_timing(gone.fact(Noticed(day(120), "pocket infection")).look(130)) == "late"


@pytest.mark.requirement("INF-02")
def test_redness_is_looked_at_again_within_two_days_until_it_is_gone() -> None:
    story = started().fact(Noticed(day(30), "pocket erythema"))
    assert severities(story.look(29), "INF-02") == []
    inside, outside = found(story.look(32), "INF-02")[0], found(story.look(32.1), "INF-02")[0]
    assert (inside.severity, inside.due, outside.due) == ("task", day(32), day(32))
    assert "overdue" not in inside.asked
    assert "overdue" in outside.asked
    assert found(story.fact(Visited(day(31.5), "unscheduled")).look(32.1), "INF-02")[0].due == day(33.5)
    assert found(story.fact(Visited(day(31.8), "rehabilitation")).look(32.1), "INF-02")[0].due == day(33.5)
    assert found(story.fact(Noticed(day(33), "pocket erythema")).look(33.1), "INF-02")[0].due == day(35)
    assert severities(story.fact(Noticed(day(34), "pocket erythema", False)).look(34.1), "INF-02") == []


@pytest.mark.requirement("INF-02")
def test_redness_with_a_deep_infection_or_without_a_pump_is_another_matter() -> None:
    story = started().fact(Noticed(day(30), "pocket erythema"))
    assert severities(story.fact(Noticed(day(31), "CSF infection")).look(31.5), "INF-02") == []
    assert severities(started().fact(Noticed(day(30), "pocket erythema"), Explanted(day(31))).look(32), "INF-02") == []
    strict = Clinic().with_limit("INF-02.recheck", 24)
    assert found(started().fact(Noticed(day(30), "pocket erythema")).look(30.5, clinic=strict), "INF-02")[0].due == day(31)


@pytest.mark.requirement("INF-03")
@pytest.mark.parametrize("condition", ["pocket infection", "CSF infection"])
def test_a_deep_infection_stops_until_operation_and_way_off_the_drug_are_planned(condition: str) -> None:
    story = started().fact(Noticed(day(30), condition))
    finding = found(story.look(30.1), "INF-03")[0]
    assert finding.severity == "block"
    assert "without an operation or a plan against withdrawal" in finding.asked
    assert finding.due == Instant(day(30).s + 15 * 3600 - 1)  # the same day
    assert "without a plan against withdrawal" in found(story.fact(explant()).look(30.3), "INF-03")[0].asked
    assert severities(story.fact(Documented(day(30.3), "withdrawal plan")).look(30.4), "INF-03") == []
    assert severities(story.fact(explant(at=30.5, cancelled=True)).look(30.6), "INF-03") == ["block"]


@pytest.mark.requirement("INF-03")
def test_what_is_shallow_gone_or_taken_out_asks_for_no_operation() -> None:
    assert severities(started().fact(Noticed(day(30), "pocket erythema")).look(31), "INF-03") == []
    assert severities(started().fact(Noticed(day(30), "pocket infection", False)).look(31), "INF-03") == []
    assert severities(started().fact(Noticed(day(30), "pocket infection"), Explanted(day(30.5))).look(31), "INF-03") == []
    exchange = Booked(day(30.1), "replacement", day(31))
    planned = started().fact(Noticed(day(30), "pocket infection"), exchange, Documented(day(30.1), "withdrawal plan"))
    assert severities(planned.look(30.2), "INF-03") == []
    taper = started().fact(Noticed(day(30), "pocket infection"), exchange, Documented(day(3), "taper plan"))
    assert severities(taper.look(30.2), "INF-03") == ["block"]  # a taper of something else, long ago
    both = started().fact(Noticed(day(30), "pocket infection"), Noticed(day(31), "CSF infection"))
    assert found(both.look(32), "INF-03")[0].due == Instant(day(30).s + 15 * 3600 - 1)


@pytest.mark.requirement("INF-05")
def test_no_explant_is_booked_without_a_plan_that_counts_on_the_day() -> None:
    story = started().fact(explant())
    finding = found(story.look(31), "INF-05")[0]
    assert (finding.severity, finding.due) == ("block", day(40))
    assert severities(story.look(40.2), "INF-05") == ["block"]  # the hour has passed, the pump is still in place
    assert severities(story.fact(Documented(day(31), "withdrawal plan", day(39.9))).look(32), "INF-05") == ["block"]
    assert severities(story.fact(Documented(day(32), "withdrawal plan", day(40))).look(33), "INF-05") == []
    assert severities(started().fact(explant(), explant(at=31, cancelled=True)).look(32), "INF-05") == []
    assert severities(started().fact(explant(), Explanted(day(40))).look(40.1), "INF-05") == []
    assert severities(started().look(31), "INF-05") == []


@pytest.mark.requirement("INF-05")
def test_no_explant_is_ordered_without_a_plan() -> None:
    story = started().fact(Documented(day(30), "explant order"))
    assert severities(story.look(31), "INF-05") == ["block"]
    assert severities(story.fact(Documented(day(31), "withdrawal plan")).look(32), "INF-05") == []


@pytest.mark.requirement("INF-05")
def test_a_plan_of_an_earlier_implant_is_none() -> None:
    story = started().fact(Documented(day(-10), "withdrawal plan"), explant())
    assert severities(story.look(31), "INF-05") == ["block"]
