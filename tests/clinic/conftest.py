"""Clinics on both databases: SQLite in a folder of its own, and PostgreSQL from its wheel or a server that is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clinic.practice import Clock, new_practice, ready_database
from tests.postgres import new_database
from thecal.clinic.database import sqlite_url
from thecal.clinic.practice import Practice
from thecal.clinic.signing_key import SigningKey, load_or_make


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database, of either kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "clinic.db")
    server = request.getfixturevalue("postgres")
    return ready_database(server) if "practice" in request.fixturenames else new_database(server)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def practice(url: str, tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A clinic with people who work there, on either kind of database."""
    made = new_practice(url, tmp_path, clock)
    yield made
    made.database.close()


@pytest.fixture
def small(tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A clinic on SQLite alone, for what does not depend on the database."""
    made = new_practice(sqlite_url(tmp_path / "clinic.db"), tmp_path, clock)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The key of a clinic."""
    return load_or_make(tmp_path_factory.mktemp("clinic"))


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """That of another one."""
    return load_or_make(tmp_path_factory.mktemp("another"))
