"""What the second halves of H20, H31 and H32 rest on: a clinic does tell what people act on in them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from tests.clinic.practice import Clock
from tests.hazards.clinic_laws import MODEL, NORA, Made, copied, history_of
from thecal.clinic.closures import affected, name_deputy, staffing
from thecal.clinic.entry import DeviceRecorded, Recalled
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import Practice
from thecal.clinic.rebuild import rebuild_outdated
from thecal.clinic.recall_sweep import mark, open_recall, recall_named, swept
from thecal.clinic.standing import Standing
from thecal.clinic.worklist import worklist
from thecal.therapy.check import check
from thecal.therapy.escalation import RUNGS
from thecal.timeline import DAY_S, Duration, Instant

EMERGENCY, RED, AMBER = 0, 1, 2
RECALL = "recall/FA-1"


@pytest.fixture
def clinic(made: Made) -> Iterator[tuple[Practice, Clock, str]]:
    """A copy of the clinic, its clock, and the chart of somebody whose refill is not booked."""
    with copied(made) as (practice, clock):
        yield practice, clock, made.streams[0]


def on_worklist(practice: Practice, stream: str) -> Standing:
    """Where a person stands on the worklist of today."""
    rebuild_outdated(practice)
    with practice.database.reading() as connection:
        return next(row.standing for row in worklist(connection).rows if row.standing.stream == stream)


def ladder(standing: Standing) -> list[str]:
    """What the ladder of REF-10 asks for on the worklist."""
    return [item.next for item in standing.items if item.rule == "REF-10"]


@pytest.mark.requirement("WLT-04")
def test_a_refill_that_nobody_booked_climbs_the_worklist(clinic: tuple[Practice, Clock, str]) -> None:
    """H20: amber three weeks before its date, red two weeks before; each rung of the ladder as it comes, an emergency at last."""
    practice, clock, stream = clinic
    first = on_worklist(practice, stream)
    assert first.refill_by is not None
    assert first.alarm is not None
    assert first.empty is not None
    call, again, clinician, emergency_refill, alarm, empty = RUNGS.values()
    steps: dict[int, tuple[int, list[str]]] = {
        first.refill_by.s - 20 * DAY_S: (AMBER, []),
        first.refill_by.s - 14 * DAY_S: (RED, []),
        first.alarm.s - 14 * DAY_S: (RED, [call]),
        first.alarm.s - 7 * DAY_S: (RED, [call, again]),
        first.alarm.s - 3 * DAY_S: (RED, [call, again, clinician]),
        first.alarm.s - DAY_S: (RED, [call, again, clinician, emergency_refill]),
        first.alarm.s: (RED, [call, again, clinician, emergency_refill, alarm]),
        first.empty.s: (EMERGENCY, [call, again, clinician, emergency_refill, alarm, empty]),
    }
    for at, (tier, rungs) in steps.items():
        clock.now = Instant(at)
        standing = on_worklist(practice, stream)
        assert (standing.tier, sorted(ladder(standing))) == (tier, sorted(rungs))


@pytest.mark.requirement("WLT-08")
def test_a_pump_that_comes_after_the_notice_is_on_the_worklist(clinic: tuple[Practice, Clock, str]) -> None:
    """H31: with its papers it is listed at once; its chart warns before an order once the sweep is run again."""
    practice, clock, stream = clinic
    open_recall(practice, Recalled(practice.now, "FA-1", MODEL, ("S-9",), (), "the tubing volume is another", "the maker"), NORA)
    assert mark(practice, "FA-1", NORA) == 0
    clock.pass_(Duration(DAY_S))
    entries = [DeviceRecorded(practice.now, MODEL, "S-9")]
    practice.write(stream, history_of(practice, stream).version, entries, NORA, "wrote down the papers")
    assert RECALL in [item.name for item in on_worklist(practice, stream).items]
    assert behind(practice) == [stream]
    assert not warns(practice, stream)
    assert mark(practice, "FA-1", NORA) == 0
    assert behind(practice) == []
    assert warns(practice, stream)


def behind(practice: Practice) -> list[str]:
    """The charts that the sweep has still to mark."""
    with practice.reading() as reading:
        found = recall_named(reading, "FA-1")
        assert found is not None
        return [row.stream for row in swept(reading, found) if row.behind]


def warns(practice: Practice, stream: str) -> bool:
    """Whether SAF-07 is found on a chart."""
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    return any(finding.rule == "SAF-07" for finding in check(look, "device"))


@pytest.mark.requirement("SLO-05")
def test_an_absence_names_whom_it_leaves_without_a_day(clinic: tuple[Practice, Clock, str]) -> None:
    """H32: before it is written down, with who covers, or that nobody does; a deputy stands for a service of one person."""
    practice, _, stream = clinic
    due = on_worklist(practice, stream).refill_by
    assert due is not None
    away = Closure("", practice.now.date(practice.office().zone), date(2027, 3, 1), "the nurse is ill")
    for closure, says in (
        (away, "Nobody covers"),
        (replace(away, cover="the clinic in the next town"), "Ask the clinic in the next"),
    ):
        with practice.reading() as reading:
            found = next(one for one in affected(reading, closure) if one.stream == stream)
        assert (found.outcome, found.to) == ("gap", None)
        assert says in found.told
    with practice.database.writing() as connection:
        name_deputy(connection, "the clinic in the next town, 555-0199")
    with practice.reading() as reading:
        assert staffing(reading).deputy
