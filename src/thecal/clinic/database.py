"""The database of a clinic: SQLite in its folder, or PostgreSQL by its address; opened, migrated, written to in turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from thecal.errors import InputError, ThecalError

_BUSY_S = 10
_HEAD = "0001"


class DatabaseDownError(ThecalError):
    """The database does not answer, or is held by another for too long. Nothing was written."""


class NewerDatabaseError(ThecalError):
    """The database was written by a newer version of the program."""


class Database:
    """A database that is there and of the shape that this version writes. Raises DatabaseDownError, NewerDatabaseError."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.url = url
        try:
            with self.writing() as connection:
                self._migrate(connection)
        except BaseException:
            self.close()
            raise

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def _migrate(self, connection: Connection) -> None:
        at = MigrationContext.configure(connection).get_current_revision()
        if at is not None and at > _HEAD:
            raise NewerDatabaseError(f"the database is of version {at}, this program knows {_HEAD}: use the newer thecal")
        if at != _HEAD:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database. Raises DatabaseDownError."""
        with _down(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose work is kept as a whole when the block ends, and not at all if it raises.

        SQLite takes its one writer at the beginning, so that two who read and then write follow one another. Raises
        DatabaseDownError.
        """
        with _down(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()  # whatever is raised before leaves nothing behind: the connection rolls back as it closes

    def hold(self, connection: Connection, stream: str) -> None:
        """Wait until nobody else writes into a stream or works out its standing, until the end of this transaction.

        SQLite has one writer at a time; in PostgreSQL a standing could else be that of an older version than the record.
        """
        if not self.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:stream, 0))"), {"stream": stream})

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _down() -> Iterator[None]:
    """What a database that is down or locked raises, in one name."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseDownError(f"the database does not answer: {str(error.orig).strip()}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseDownError(f"the link to the database was cut: {str(error.orig).strip()}") from error
        raise


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite+pysqlite:///{path}"


def _engine(url: str) -> Engine:
    try:
        kind = make_url(url).get_backend_name()
    except ArgumentError:
        raise InputError("--database", url, "is no address of a database", accepted=_ADDRESSES) from None
    if kind == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})
        event.listen(engine, "connect", _prepare)
        return engine
    if kind == "postgresql":
        address = make_url(url).set(drivername="postgresql+psycopg")
        return create_engine(address, pool_size=10, max_overflow=20, pool_pre_ping=True)
    raise InputError("--database", url, "is of a kind that is not supported", accepted=_ADDRESSES)


_ADDRESSES = ("sqlite:///FILE", "postgresql://USER@HOST/NAME")


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    """Durable with a write-ahead log, references held, and transactions begun by us alone."""
    connection.isolation_level = None  # no transaction that nobody asked for
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
