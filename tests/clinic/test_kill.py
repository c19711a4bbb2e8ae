"""The process is killed, or the power fails: what was acknowledged is there, nothing is there by half.

The kills are real: SIGKILL to a process that writes, on both databases. The failures of power are simulated, on SQLite alone: the
bytes of its file and of its write-ahead log as they were after each commit, the log cut at every boundary of a frame and within
frames, or with a frame lost while later ones came through, and a checkpoint cut between pages and within one. It is not simulated
that a disk says that it has written what it has not, nor that a file system loses the name of a file.
"""

import os
import random
import shutil
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NoReturn

import pytest

from tests.clinic.practice import NOW, Clock, admit
from thecal.chart.clinical import SymptomReported, Visited
from thecal.chart.facts import Noted
from thecal.clinic.database import Database
from thecal.clinic.entry import Entry, VisitBegun, VisitClosed, VisitStepped
from thecal.clinic.practice import By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import verify
from thecal.clinic.schema import audit

BATCH = 3
"""So many entries each batch of a visit has: a record that holds another number of them holds a batch by half."""


def visit(number: int) -> Iterator[list[Entry]]:
    """A visit, in the batches in which it is written."""
    name = f"visit-{number}"
    yield [VisitBegun(NOW, name, "refill"), Visited(NOW, "refill", "nora"), Noted(NOW, "begun")]
    for step in ("asked", "examined", "filled", "read"):
        yield [SymptomReported(NOW, "itching", number % 4), VisitStepped(NOW, name, step), Noted(NOW, step * 20)]
    yield [VisitStepped(NOW, name, "told"), Noted(NOW, "ended"), VisitClosed(NOW, name)]


def script(first: int) -> Iterator[list[Entry]]:
    """Visits without end, each under a name of its own."""
    for number in count(first):
        yield from visit(number)


def write_on(url: str, folder: Path, stream: str, acknowledge: Callable[[int], object]) -> NoReturn:
    """Write visits, and acknowledge each version that was reached once it is committed."""
    practice = Practice(Database(url), folder, Clock())
    with practice.reading() as reading:
        version = reading.history(stream).version
    for batch in script(version):
        version = practice.write(stream, version, batch, By("nora"), "wrote a step")
        acknowledge(version)
    raise AssertionError("the script has no end")


def killed_at(url: str, folder: Path, stream: str, acks: int, delay_s: float) -> int:
    """The last version that a process acknowledged before it was killed, some time after so many acknowledgements."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            write_on(url, folder, stream, lambda version: os.write(writer, b"%d\n" % version))
        except BaseException:  # noqa: BLE001  # nothing may run on in a copy of the tests
            os.write(writer, traceback.format_exc().encode())
        os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        try:
            lines = [told.readline() for _ in range(acks)]
            time.sleep(delay_s)
        finally:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        lines += told.readlines()
    assert os.WIFSIGNALED(status), b"".join(lines).decode()
    return int([line for line in lines if line.endswith(b"\n")][-1])


def check_whole(practice: Practice, stream: str, begun: int, acknowledged: int, *, most: int = 1) -> int:
    """That everything acknowledged is there, at most so many batches more, none by half; the version that it has."""
    with practice.reading() as reading:
        version = reading.history(stream).version
        connection = reading.connection
        assert {head.version for head in verify(connection) if head.stream == stream} == {version}
        told = connection.execute(audit.select().where(audit.c.did == "wrote a step")).all()
    assert acknowledged <= version <= acknowledged + most * BATCH
    assert (version - begun) % BATCH == 0
    assert len(told) * BATCH == version - begun  # the line of the audit is kept with what it tells of
    assert rebuild(practice).changed == {}
    return version


def kills(practice: Practice, folder: Path, number: int, seed: int) -> None:
    chance = random.Random(seed)
    stream = admit(practice)
    with practice.reading() as reading:
        begun = version = reading.history(stream).version
    practice.database.close()  # a child takes no connection over
    for _ in range(number):
        delay_s = chance.random() * 0.03
        url = practice.database.engine.url.render_as_string(hide_password=False)
        acknowledged = killed_at(url, folder, stream, chance.randrange(1, 8), delay_s)
        assert acknowledged > version
        version = _settled(practice, stream, begun, acknowledged)
        practice.database.close()


def _settled(practice: Practice, stream: str, begun: int, acknowledged: int) -> int:
    """PostgreSQL may still commit what the dead process had sent: look once its connection is gone."""
    if not practice.database.is_sqlite:
        until = time.monotonic() + 10
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while True:
            with practice.database.reading() as connection:
                if connection.exec_driver_sql(others).scalar_one() == 0:
                    break
            assert time.monotonic() < until
            time.sleep(0.01)
    return check_whole(practice, stream, begun, acknowledged)


def test_what_was_acknowledged_outlives_a_kill(practice: Practice, tmp_path: Path) -> None:
    """Six times in a row on the same record, on both databases, at times that chance chooses."""
    kills(practice, tmp_path, 6, 1)


@pytest.mark.long
def test_what_was_acknowledged_outlives_many_kills(practice: Practice, tmp_path: Path) -> None:
    """Twenty more."""
    kills(practice, tmp_path, 20, 2)


# Power ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A visit on the disk: the file before it, the log after it, how long the log was at each version that was acknowledged."""

    stream: str
    begun: int
    page: int
    before: bytes
    log: bytes
    after_checkpoint: bytes
    lengths: tuple[tuple[int, int], ...]

    @property
    def frames(self) -> list[int]:
        """Where the frames of the log begin, and where the last one ends."""
        return list(range(32, len(self.log) + 1, self.page + 24))

    def acknowledged(self, length: int) -> int:
        """What had been acknowledged when the log was so long."""
        return max((version for version, at in self.lengths if at <= length), default=self.begun)


@pytest.fixture
def written(small: Practice, tmp_path: Path) -> Written:
    """A visit, written with everything synced and no checkpoint, and then a checkpoint."""
    stream = admit(small)
    file, log = tmp_path / "clinic.db", tmp_path / "clinic.db-wal"
    with small.reading() as reading:
        begun = version = reading.history(stream).version
    small.database.close()
    with sqlite3.connect(file) as held:  # while it is open, no other connection that closes makes a checkpoint
        assert held.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        (page,) = held.execute("PRAGMA page_size").fetchone()
        with small.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        before, lengths = file.read_bytes(), []
        for batch in visit(0):
            version = small.write(stream, version, batch, By("nora"), "wrote a step")
            lengths.append((version, log.stat().st_size))
        assert file.read_bytes() == before  # all of it stands in the log
        data = log.read_bytes()
        small.database.close()
        held.execute("PRAGMA wal_checkpoint(FULL)")
        after = file.read_bytes()
    held.close()
    return Written(stream, begun, page, before, data, after, tuple(lengths))


def reopened(folder: Path, file: bytes, log: bytes, of: Written, acknowledged: int, most: int) -> int:
    """The clinic after the power came back; the version that its chart has."""
    place = folder / "after"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "clinic.db").write_bytes(file)
    (place / "clinic.db-wal").write_bytes(log)
    practice = Practice(Database(f"sqlite:///{place / 'clinic.db'}"), place, Clock())
    try:
        with practice.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        return check_whole(practice, of.stream, of.begun, acknowledged, most=most)
    finally:
        practice.database.close()


@pytest.mark.requirement("REC-06")
def test_power_fails_as_a_batch_is_acknowledged(written: Written, tmp_path: Path) -> None:
    """Cut right after each commit, right before its last byte, in its last frame: acknowledged is there, the rest is not."""
    for version, length in written.lengths:
        assert reopened(tmp_path, written.before, written.log[:length], written, version, 0) == version
        for less in (1, written.page // 2):
            found = reopened(tmp_path, written.before, written.log[: length - less], written, version - BATCH, 0)
            assert found == version - BATCH


@pytest.mark.requirement("REC-06")
@pytest.mark.long
def test_power_fails_at_every_boundary_of_a_write(written: Written, tmp_path: Path) -> None:
    """The log cut at each boundary of a frame, and at three places within each: exactly what was acknowledged is there."""
    cuts = [0, 1, 31]
    for begin in written.frames[:-1]:
        cuts += [begin, begin + 1, begin + 24, begin + 24 + written.page // 2]
    cuts.append(written.frames[-1])
    assert len(cuts) > 100
    for cut in cuts:
        acknowledged = written.acknowledged(cut)
        assert reopened(tmp_path, written.before, written.log[:cut], written, acknowledged, 0) == acknowledged
    assert acknowledged == written.lengths[-1][0]


def test_power_fails_and_later_frames_came_through(written: Written, tmp_path: Path) -> None:
    """A disk writes what was not synced in any order: a frame of the last batch is missing, those behind it are there."""
    (before, synced), (last, _) = written.lengths[-2:]
    lost = [begin for begin in written.frames[:-1] if begin >= synced]
    assert len(lost) > 3
    for begin in lost:
        log = bytearray(written.log)
        log[begin : begin + 24 + written.page] = bytes(24 + written.page)
        assert reopened(tmp_path, written.before, bytes(log), written, before, 0) == before
    assert reopened(tmp_path, written.before, written.log, written, last, 0) == last


def test_power_fails_in_a_checkpoint(written: Written, tmp_path: Path) -> None:
    """The log is copied into the file page by page: cut between two and within one, the log still has all of it."""
    last = written.lengths[-1][0]
    assert written.before != written.after_checkpoint
    pages = range(0, len(written.after_checkpoint), written.page)
    changed = [at for at in pages if written.before[at : at + written.page] != written.after_checkpoint[at : at + written.page]]
    assert len(changed) > 5
    for at in changed:
        for cut in (at, at + written.page // 2):
            torn = written.after_checkpoint[:cut] + written.before[cut:]
            assert reopened(tmp_path, torn, written.log, written, last, 0) == last
