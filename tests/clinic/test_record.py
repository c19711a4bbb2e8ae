"""The record: what is written stays as it was, on both databases."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.clinic.practice import NOW, Clock, admit, change_behind_the_back
from thecal.chart.clinical import Described, Noticed, Visited
from thecal.chart.facts import Noted
from thecal.clinic.entry import Corrected, Entry
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import BrokenChainError, StaleError, heads_digest, read_history, verify
from thecal.timeline import DAY_S, Duration, Instant

BY = By("nora")


def test_what_is_written_is_read_again(practice: Practice) -> None:
    """Entry for entry, with who wrote it and when."""
    entries: list[Entry] = [Visited(NOW, "refill", "nora"), Noted(NOW, "text with ü and \u2028")]
    assert practice.write("P-1", 0, entries, BY, "wrote") == 2
    with practice.reading() as reading:
        rows = reading.history("P-1").rows
    assert [row.entry for row in rows] == entries
    assert [(row.version, row.who, row.recorded) for row in rows] == [(1, "nora", NOW), (2, "nora", NOW)]


@pytest.mark.requirement("REC-03")
def test_who_has_not_seen_the_latest_writes_nothing(practice: Practice) -> None:
    """The second of two who opened one chart is told who was first, and nothing of theirs is there."""
    practice.write("P-1", 0, [Noted(NOW, "first")], BY, "wrote")
    with pytest.raises(StaleError, match="nora has written here") as told:
        practice.write("P-1", 0, [Noted(NOW, "second")], By("dora"), "wrote")
    assert (told.value.seen, told.value.now) == (0, 1)
    with practice.reading() as reading:
        assert [row.entry for row in reading.history("P-1").rows] == [Noted(NOW, "first")]


@pytest.mark.requirement("REC-05")
def test_nothing_is_written_before_it_happens(practice: Practice) -> None:
    """What is to come is booked, and no fact; the whole of what was sent with it is left out."""
    with pytest.raises(ValueError, match="cannot be written down"):
        practice.write("P-1", 0, [Noted(NOW, "now"), Noted(Instant(NOW.s + 1), "later")], BY, "wrote")
    with practice.reading() as reading:
        assert reading.history("P-1").version == 0


def test_no_day_of_birth_is_written_into_the_record(practice: Practice) -> None:
    """It tells who somebody is, and the record cannot be erased."""
    told = Described(NOW, "stroke", "cerebral", date(1960, 1, 2))
    with pytest.raises(ValueError, match="stands beside the record"):
        practice.write("P-1", 0, [Noted(NOW, "referred"), told], BY, "wrote")
    with practice.reading() as reading:
        assert reading.history("P-1").version == 0
    assert practice.write("P-1", 0, [replace(told, born=None)], BY, "wrote") == 1


@pytest.mark.requirement("REC-01")
@pytest.mark.parametrize(
    "change", ["UPDATE entry SET who = 'x'", "DELETE FROM entry", "UPDATE audit SET who = 'x'", "DELETE FROM audit"]
)
def test_the_database_itself_refuses_to_change_the_record(practice: Practice, change: str) -> None:
    """Append-only is not a habit of the program alone (H44)."""
    practice.write("P-1", 0, [Noted(NOW, "first")], BY, "wrote")
    with pytest.raises(DBAPIError, match="append-only"), practice.database.writing() as connection:
        connection.execute(text(change))
    with practice.reading() as reading:
        assert [row.who for row in reading.history("P-1").rows] == ["nora"]


@pytest.mark.requirement("REC-02")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE entry SET body = replace(body, 'second', 'zecond') WHERE version = 2", "was changed"),
        ("UPDATE entry SET who = 'eve' WHERE version = 1", "was changed"),
        ("DELETE FROM entry WHERE version = 2", "version 2 is missing"),
        ("UPDATE entry SET recorded = recorded + 1 WHERE version = 3", "was changed"),
    ],
)
def test_a_change_behind_the_back_is_found(practice: Practice, change: str, told: str) -> None:
    """Where somebody takes the trigger away and changes the record, the chain breaks at that place."""
    for number, words in enumerate(("first", "second", "third")):
        practice.write("P-1", number, [Noted(NOW, words)], BY, "wrote")
    change_behind_the_back(practice, change)
    with pytest.raises(BrokenChainError, match=told), practice.database.reading() as connection:
        list(verify(connection))


def test_the_heads_stand_for_everything(practice: Practice) -> None:
    """One entry more is another head; the same record has the same."""
    practice.write("P-1", 0, [Noted(NOW, "first")], BY, "wrote")
    with practice.database.reading() as connection:
        heads = list(verify(connection))
    assert {head.stream: head.version for head in heads} == {"P-1": 1, "staff": 9}
    practice.write("P-1", 1, [Noted(NOW, "second")], BY, "wrote")
    with practice.database.reading() as connection:
        assert heads_digest(verify(connection)) != heads_digest(heads)


@pytest.mark.requirement("REC-04")
def test_the_chart_of_a_past_day_is_the_one_that_was_known_then(practice: Practice, clock: Clock) -> None:
    """A fact that was written down late, and a correction, are not in what was known before them (H43)."""
    stream = admit(practice)
    clock.pass_(Duration(10 * DAY_S))
    with practice.reading() as reading:
        before = reading.history(stream)
        known, version = before.chart, before.version
    late = Noticed(Instant(NOW.s + DAY_S), "transport risk")
    version = practice.write(stream, version, [late], BY, "wrote down late")
    clock.pass_(Duration(DAY_S))
    practice.write(stream, version, [Corrected(clock.now, version, "another person's")], BY, "took back")
    with practice.database.reading() as connection:
        history = read_history(connection, stream)
    assert history.known_at(Instant(NOW.s + 10 * DAY_S - 1)).chart == known
    assert late in history.known_at(Instant(NOW.s + 10 * DAY_S)).chart.facts
    assert late not in history.chart.facts
    assert history.chart == known


def test_a_clock_that_is_set_back_reorders_nothing(practice: Practice, clock: Clock) -> None:
    """What was written after is known after, whatever the clock says."""
    practice.write("P-1", 0, [Noted(NOW, "first")], BY, "wrote")
    clock.now = Instant(NOW.s - 3600)
    practice.write("P-1", 1, [Noted(clock.now, "second")], BY, "wrote")
    with practice.reading() as reading:
        rows = reading.history("P-1").rows
    assert [row.recorded for row in rows] == [NOW, NOW]
