"""A clinic's pages for tests, asked without a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clinic.practice import Clock, new_practice
from tests.web.visitor import Visitor, visitor
from thecal.clinic.database import sqlite_url
from thecal.clinic.practice import Practice


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def practice(tmp_path: Path, clock: Clock) -> Iterator[Practice]:
    """A clinic with people who work there, on SQLite."""
    made = new_practice(sqlite_url(tmp_path / "clinic.db"), tmp_path, clock)
    yield made
    made.database.close()


@pytest.fixture
def as_(practice: Practice) -> Iterator[Callable[[str], Visitor]]:
    """Somebody of the staff at a browser, signed in: ``as_("nora")``."""
    with visitor(practice) as sign_in:
        yield sign_in
