"""Histories that are held are those of the record, whatever was written, and whatever came to nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clinic.practice import NOW, new_practice
from thecal.chart.facts import Noted
from thecal.clinic.database import sqlite_url
from thecal.clinic.histories import Histories
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import append, read_history

STREAMS = ("P-1", "P-2", "P-3")
BY = By("nora")


def check(practice: Practice, histories: Histories) -> None:
    with practice.database.reading() as connection:
        for stream in STREAMS:
            assert histories.read(connection, stream) == read_history(connection, stream)


def test_what_is_held_is_what_is_read(practice: Practice) -> None:
    """After each writing, and one more by somebody else."""
    histories = Histories(2)
    for number in range(6):
        stream = STREAMS[number % 3]
        with practice.database.reading() as connection:
            seen = histories.read(connection, stream).version
        practice.write(stream, seen, [Noted(NOW, f"note {number}")], BY, "wrote")
        check(practice, histories)


def test_an_entry_that_came_to_nothing_is_not_held(practice: Practice) -> None:
    """It was read inside of its transaction, which was then given up; another one took its version."""
    histories = Histories()
    practice.write("P-1", 0, [Noted(NOW, "first")], BY, "wrote")
    connection = practice.database.engine.connect()
    if practice.database.is_sqlite:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    append(connection, "P-1", 1, [Noted(NOW, "given up")], "nora", NOW)
    assert histories.read(connection, "P-1").version == 2
    connection.rollback()
    connection.close()
    practice.write("P-1", 1, [Noted(NOW, "another")], BY, "wrote")
    check(practice, histories)
    with practice.database.reading() as connection:
        assert histories.read(connection, "P-1").all(Noted)[-1].text == "another"


@pytest.mark.long
@given(st.lists(st.tuples(st.sampled_from(STREAMS), st.booleans(), st.booleans()), max_size=25))
def test_any_order_of_writings_and_readings(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, bool]]
) -> None:
    """Kept or given up, looked at in between or not."""
    folder = tmp_path_factory.mktemp("clinic")
    practice, histories = new_practice(sqlite_url(folder / "clinic.db"), folder), Histories(2)
    for number, (stream, keeps, looks) in enumerate(steps):
        connection = practice.database.engine.connect()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        seen = read_history(connection, stream).version
        append(connection, stream, seen, [Noted(NOW, f"note {number}")], "nora", NOW)
        if looks:
            assert histories.read(connection, stream) == read_history(connection, stream)
        if keeps:
            connection.commit()
        connection.close()
        check(practice, histories)
    practice.database.close()
