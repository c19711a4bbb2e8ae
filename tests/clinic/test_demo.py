"""The demonstration clinic: it is whole, its worklist has today's problems, and its pumps can be put on a bench."""

from pathlib import Path

import pytest

from tests.clinic.practice import Clock
from thecal.bench.bench_folder import BenchFolder
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.demo import PEOPLE, fill
from thecal.clinic.practice import Practice
from thecal.clinic.record import verify
from thecal.clinic.slots import free_slots
from thecal.clinic.worklist import worklist


@pytest.mark.long
def test_the_demonstration_is_a_whole_clinic(tmp_path: Path, clock: Clock) -> None:
    """Every chain verifies, the worklist has every urgency, sixty pumps have a serial number and all but two lie on the bench."""
    practice = Practice(Database(sqlite_url(tmp_path / "clinic.db")), tmp_path, clock)
    bench = BenchFolder(tmp_path / "bench")
    assert fill(practice, bench) == 60
    with practice.reading() as reading:
        found = worklist(reading.connection)
        assert len(list(verify(reading.connection))) == 63
        assert found.total == 62
        assert all(found.counts.values())
        assert len(free_slots(reading.connection, clock.now)) > 60
        assert len(reading.certificates()) == 9
    assert len(bench.serials()) == 58
    assert len(PEOPLE) == 6
    practice.database.close()
