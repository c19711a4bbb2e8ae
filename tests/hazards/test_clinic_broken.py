"""The broken variants of what a clinic's record and pages do: each is what the hazard tells, and the law catches it.

They stand here because a law that nothing breaks would say nothing. H48 is also tried on PostgreSQL.
"""

from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from tests.clinic.practice import admit, new_practice
from tests.hazards.clinic_laws import (
    NORA,
    Edit,
    Made,
    Step,
    copied,
    corrected,
    history_of,
    narrow_pump,
    nothing_is_overwritten,
    offer,
    one_slot_one_person,
    refusal_is_on_the_screen,
    sold_once,
    the_past_is_as_it_was_known,
)
from tests.postgres import new_database
from thecal.chart.clinical import Booked
from thecal.clinic.booking import book
from thecal.clinic.history import History
from thecal.clinic.practice import By, Practice
from thecal.clinic.schema import booking as booking_table
from thecal.clinic.slots import booking_of, slot_named
from thecal.errors import Refusal
from thecal.timeline import Instant
from thecal.web.visit import show

LATE = [Step(1, "noticed", 1), Step(20, "noticed late", 30), Step(2, "programmed", 9)]
BACK = [Step(1, "noticed", 1), Step(5, "taken back", 0)]
EDITED = [Edit("write", 0, 0, 0), Edit("correct", 0, 3, 0)]
THREADS = 6


def of_today(history: History, _: Instant) -> History:
    """A past day that is told by what is known today."""
    return history


def by_when_it_happened(history: History, at: Instant) -> History:
    """A past day without the second time: what had happened by it, whenever that was written down."""
    return History(history.stream, tuple(row for row in history.rows if row.entry.at <= at))


@pytest.mark.parametrize("steps", [LATE, BACK])
def test_h43_the_past_by_todays_record_is_caught(made: Made, steps: list[Step]) -> None:
    """What was written down or taken back since then stands in a report of the day before it."""
    the_past_is_as_it_was_known(made, steps, History.known_at)
    with pytest.raises(AssertionError):
        the_past_is_as_it_was_known(made, steps, of_today)


def test_h43_a_history_of_one_time_is_caught(made: Made) -> None:
    """A fact that was written down late was not known on the day on which it happened."""
    with pytest.raises(AssertionError):
        the_past_is_as_it_was_known(made, LATE, by_when_it_happened)


def edited_in_place(practice: Practice, stream: str, _: int, version: int) -> None:
    """A correction that overwrites the row, on a database whose triggers somebody has taken away."""
    with practice.database.writing() as connection:
        for what in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS entry_stays_{what}"))
        change = text("UPDATE entry SET who = 'another' WHERE stream = :stream AND version = :version")
        connection.execute(change, {"stream": stream, "version": version})


def test_h44_an_edit_in_place_is_caught(made: Made) -> None:
    """A row is no longer as it was written."""
    nothing_is_overwritten(made, EDITED, corrected)
    with pytest.raises(AssertionError):
        nothing_is_overwritten(made, EDITED, edited_in_place)


def test_h44_a_record_that_its_database_does_not_guard_is_caught(made: Made) -> None:
    """Even where the program itself only ever adds to it."""
    with copied(made) as (practice, _):
        edited_in_place(practice, made.streams[0], 0, 0)  # no row is of version 0: only the triggers go
        practice.database.close()
        unguarded = Made(Path(practice.folder) / "clinic.db", made.streams, made.slots)
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            nothing_is_overwritten(unguarded, EDITED, corrected)


class LooksThenWrites:
    """A booking that looks, and writes in another transaction: everybody has looked before anybody writes."""

    def __init__(self, people: int, *, index: bool) -> None:
        self.looked, self.index = Barrier(people), index

    def __call__(self, practice: Practice, stream: str, seen: int, slot: str, visit: str, by: By) -> int | Refusal:
        """Sell a slot that was free when it was looked at."""
        taken = Refusal("CLN-02", "a slot that was taken", "slots that nobody has", "a test", "Take another slot.")
        with practice.database.reading() as connection:
            found, free = slot_named(connection, slot), booking_of(connection, slot) is None
        self.looked.wait(timeout=30)
        if found is None or not free:
            return taken
        row = {
            "id": f"{stream}-{slot}",
            "slot": slot,
            "stream": stream,
            "visit": visit,
            "made": practice.now.s,
            "made_by": by.who,
        }
        try:
            with practice.database.writing() as connection:
                if not self.index:
                    connection.execute(text("DROP INDEX IF EXISTS uq_booking_slot"))
                connection.execute(insert(booking_table).values(row))
                entries = [Booked(practice.now, visit, found.begins, "Nora Nurse")]
                return practice.write_with(connection, stream, seen, entries, by, "booked a visit")
        except IntegrityError:
            return taken


def test_h48_a_booking_without_the_unique_index_is_caught(made: Made) -> None:
    """Who looks and then writes sells a slot twice; with the index the database lets one of them through."""
    wishes = [0, 0, 0, 1]
    one_slot_one_person(made, wishes, LooksThenWrites(len(wishes), index=True))
    with pytest.raises(AssertionError):
        one_slot_one_person(made, wishes, LooksThenWrites(len(wishes), index=False))


@pytest.mark.long
@pytest.mark.requirement("SLO-01")
def test_h48_holds_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """The real booking sells each slot once there too, and so does the index alone; without it the law catches it."""
    wishes = [0, 0, 1, 0, 1, 0]
    for booking, holds in (
        (book, True),
        (LooksThenWrites(THREADS, index=True), True),
        (LooksThenWrites(THREADS, index=False), False),
    ):
        practice = new_practice(new_database(postgres), tmp_path)
        streams = tuple(admit(practice, f"Person {number}", number=str(number)) for number in range(THREADS))
        slots = offer(practice)
        if holds:
            sold_once(practice, streams, slots, wishes, booking)
        else:
            with pytest.raises(AssertionError):
                sold_once(practice, streams, slots, wishes, booking)
        practice.database.close()


def test_h49_a_page_that_swallows_the_refusal_is_caught(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pump refuses, and the page of the visit comes back as if nothing had been asked."""
    refusal_is_on_the_screen(made, 110, narrow_pump(210_000))
    monkeypatch.setattr("thecal.web.visit_pump.show", lambda ask, found, *_, **__: show(ask, found))
    with pytest.raises(AssertionError):
        refusal_is_on_the_screen(made, 110, narrow_pump(210_000))


def test_the_clinic_of_the_laws_is_not_written_to(made: Made) -> None:
    """Each example has a copy: what one writes the next does not find."""
    with copied(made) as (practice, _):
        before = history_of(practice, made.streams[0]).version
        practice.write(made.streams[0], before, [Booked(practice.now, "follow-up", Instant(practice.now.s + 1))], NORA, "booked")
    with copied(made) as (practice, _):
        assert history_of(practice, made.streams[0]).version == before
