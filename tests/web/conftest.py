"""A clinic's pages for tests, asked without a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clinic.practice import Clock, new_practice, ready_database
from tests.postgres import new_database
from tests.web.visitor import Visitor, visitor
from thecal.clinic.database import sqlite_url
from thecal.clinic.practice import Practice


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database; PostgreSQL takes longer to make one."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "clinic.db")
    server = request.getfixturevalue("postgres")
    return ready_database(server) if "practice" in request.fixturenames else new_database(server)


@pytest.fixture
def practice(url: str, tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A clinic with people who work there, on either kind of database."""
    made = new_practice(url, tmp_path, clock)
    yield made
    made.database.close()


@pytest.fixture
def as_(practice: Practice) -> Iterator[Callable[[str], Visitor]]:
    """Somebody of the staff at a browser, signed in: ``as_("nora")``."""
    with visitor(practice) as sign_in:
        yield sign_in
