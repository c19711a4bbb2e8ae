"""The database: opened and migrated, written as a whole or not at all, and told of in one name when it is down."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from tests.clinic.practice import NOW
from thecal.clinic import database as module
from thecal.clinic.audit import write_audit
from thecal.clinic.database import Database, DatabaseDownError, NewerDatabaseError, sqlite_url
from thecal.clinic.schema import audit, metadata
from thecal.errors import InputError


def lines(database: Database) -> list[str]:
    """What the audit says was done."""
    with database.reading() as connection:
        return list(connection.execute(select(audit.c.did).order_by(audit.c.id)).scalars())


def test_a_new_database_has_every_table_and_is_opened_again(url: str) -> None:
    """Opened twice, it is migrated once, and what was written is there."""
    first = Database(url)
    with first.writing() as connection:
        write_audit(connection, "nora", "wrote", NOW)
    first.close()
    second = Database(url)
    assert metadata.tables.keys() <= set(inspect(second.engine).get_table_names())
    assert lines(second) == ["wrote"]
    second.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """It is not opened, and is as it was."""
    url = sqlite_url(tmp_path / "clinic.db")
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match="use the newer thecal"):
        Database(url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    database.close()


def test_what_raises_is_not_written(url: str) -> None:
    """All of a block, or nothing of it."""
    database = Database(url)

    def stopped() -> None:
        with database.writing() as connection:
            write_audit(connection, "nora", "wrote", NOW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert lines(database) == []
    database.close()


def test_a_reader_sees_one_state(url: str) -> None:
    """What is written after the first look is not seen by the second, and does not wait for it."""
    database = Database(url)
    with database.reading() as connection:
        assert connection.execute(select(audit)).all() == []
        with database.writing() as other:
            write_audit(other, "nora", "wrote", NOW)
        assert connection.execute(select(audit)).all() == []
    assert lines(database) == ["wrote"]
    database.close()


def test_two_who_read_and_then_write_follow_one_another(tmp_path: Path) -> None:
    """On SQLite the second begins after the first has ended: both count on, and no number is there twice."""
    database = Database(sqlite_url(tmp_path / "clinic.db"))

    def count_on() -> None:
        for _ in range(10):
            with database.writing() as connection:
                done = len(connection.execute(select(audit)).all())
                write_audit(connection, "nora", f"number {done:02d}", NOW)

    threads = [threading.Thread(target=count_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines(database) == [f"number {n:02d}" for n in range(40)]
    database.close()


def test_a_database_that_is_held_for_too_long_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer who waits is told, and nothing of theirs is written."""
    monkeypatch.setattr(module, "_BUSY_S", 0.05)
    url = sqlite_url(tmp_path / "clinic.db")
    database, other = Database(url), Database(url)
    with database.writing() as connection:
        with pytest.raises(DatabaseDownError, match="locked"), other.writing():
            pass
        write_audit(connection, "nora", "wrote", NOW)
    assert lines(other) == ["wrote"]
    database.close()
    other.close()


def test_a_server_that_is_not_there_is_down() -> None:
    """Nobody listens at that port."""
    with pytest.raises(DatabaseDownError, match="does not answer"):
        Database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")


def test_a_folder_that_is_not_there_is_down(tmp_path: Path) -> None:
    """SQLite cannot make its file."""
    with pytest.raises(DatabaseDownError, match="unable to open"):
        Database(sqlite_url(tmp_path / "none" / "clinic.db"))


@pytest.mark.parametrize("address", ["", "no address", "mysql://somebody@somewhere/clinic"])
def test_an_address_of_no_database_is_bad_input(address: str) -> None:
    """With those that are accepted."""
    with pytest.raises(InputError, match="postgresql://"):
        Database(address)


def test_sqlite_is_durable(tmp_path: Path) -> None:
    """A commit is on the disk, references are held, and readers do not stop writers."""
    database = Database(sqlite_url(tmp_path / "clinic.db"))
    with database.reading() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "foreign_keys", "journal_mode")
        ]
    assert found == [2, 1, "wal"]
    database.close()
