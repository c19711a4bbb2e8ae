"""A clinic for the laws of the record and the pages: made once, copied for each example."""

import pytest

from tests.clinic.practice import admit, new_practice
from tests.hazards.clinic_laws import PEOPLE, Made, offer
from thecal.clinic.database import sqlite_url


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The file of a clinic on SQLite with some people and two slots."""
    path = tmp_path_factory.mktemp("clinic") / "clinic.db"
    practice = new_practice(sqlite_url(path), path.parent)
    streams = tuple(admit(practice, f"Person {number}", number=str(number)) for number in range(PEOPLE))
    slots = offer(practice)
    practice.database.close()
    return Made(path, streams, slots)
