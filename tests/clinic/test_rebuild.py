"""The standings are worked out of the record at any time: what they were is told, and what they are is put right."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from tests.clinic.practice import NOW, Clock, admit
from thecal.clinic import rebuild as rebuilding
from thecal.clinic.archive import rows_of
from thecal.clinic.entry import Resolved, Telephoned
from thecal.clinic.practice import By, Practice, Reading
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import append
from thecal.clinic.schema import audit, entry, item, standing
from thecal.clinic.standing import Standing, kept
from thecal.timeline import DAY_S, Duration, Instant

BY = By("nora")


def standing_kept(practice: Practice, stream: str) -> Standing | None:
    with practice.database.reading() as connection:
        return kept(connection, stream)


@pytest.mark.requirement("REC-07")
def test_what_is_worked_out_anew_is_what_was_kept(practice: Practice) -> None:
    """On both databases: after writes, and with nothing written since, no standing is another."""
    first, second = admit(practice), admit(practice, "Bo Example")
    practice.write(first, 11, [Telephoned(NOW, "she", "asks", "to do", "", "", call_back=NOW)], BY, "wrote")
    practice.write(first, 12, [Resolved(NOW, "call back", "called")], BY, "wrote")
    before = [standing_kept(practice, stream) for stream in (first, second)]
    found = rebuild(practice)
    assert (found.charts, found.changed) == (2, {})
    assert [standing_kept(practice, stream) for stream in (first, second)] == before


def test_each_way_to_be_another_is_told(small: Practice, clock: Clock) -> None:
    """Missing, of another version, changed by hand, without an item, of no chart: each is named, and put right."""
    streams = [admit(small, f"Person {n}") for n in range(5)]
    before = {stream: standing_kept(small, stream) for stream in streams}
    missing, version, changed, itemless, same = streams
    with small.database.writing() as connection:
        for table in (item, standing):
            connection.execute(delete(table).where(table.c.stream == missing))
        connection.execute(update(standing).where(standing.c.stream == version).values(version=3))
        connection.execute(update(standing).where(standing.c.stream == changed).values(tier=0))
        assert connection.execute(delete(item).where(item.c.stream == itemless)).rowcount > 0
        row = connection.execute(select(standing).where(standing.c.stream == same)).mappings().one()
        connection.execute(insert(standing).values({**row, "stream": "P-NOBODY"}))
    assert rebuild(small).changed == {
        missing: "missing",
        version: "of version 3, not 11",
        changed: "other than the record says now",
        itemless: "other than the record says now",
        "P-NOBODY": "of a chart that has no entry",
    }
    assert {stream: standing_kept(small, stream) for stream in streams} == before
    assert standing_kept(small, "P-NOBODY") is None
    assert rebuild(small).changed == {}
    clock.pass_(Duration(DAY_S))
    assert rebuild(small).changed == dict.fromkeys(streams, "of 2026-11-20")


def test_a_rebuild_that_is_stopped_is_run_again(small: Practice) -> None:
    """What was done is kept, what was not done is as it was; the next run does the rest."""
    streams = sorted(admit(small, f"Person {n}") for n in range(4))
    with small.database.writing() as connection:
        connection.execute(update(standing).values(tier=0))

    def interrupt(_: str, done: int, __: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(small, interrupt)
    with small.database.reading() as connection:
        tiers = {row.stream: row.tier for row in connection.execute(select(standing))}
    assert [tiers[stream] == 0 for stream in streams] == [False, False, True, True]
    assert list(rebuild(small).changed) == streams[2:]


def test_a_rebuild_changes_nothing_of_the_record(small: Practice) -> None:
    """It reads the entries and the audit, and writes neither."""
    admit(small)

    def rows() -> list[object]:
        with small.database.reading() as connection:
            return [row for table in (entry, audit) for row in rows_of(connection, table)]

    before = rows()
    small.clock = lambda: Instant(NOW.s + DAY_S)
    assert rebuild(small).charts == 1
    assert rows() == before


def test_a_rebuild_that_changes_nothing_waits_for_nobody(small: Practice) -> None:
    """Somebody else is writing all the while: nothing is to be written, so nothing is waited for."""
    admit(small)
    rebuild(small)
    with small.database.writing() as busy:
        busy.execute(update(item).values(kind="held"))
        assert rebuild(small).changed == {}


def wrong_standing(practice: Practice, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Connection, str], object]) -> str:
    """A chart with a standing to be put right, and what is done to it after that was worked out and before it is kept."""
    stream = admit(practice)
    with practice.database.writing() as connection:
        connection.execute(update(standing).values(tier=0))
    hold = practice.database.hold

    def quicker(connection: Connection, held: str) -> None:
        monkeypatch.setattr(practice.database, "hold", hold)
        hold(connection, held)
        meanwhile(connection, held)

    monkeypatch.setattr(practice.database, "hold", quicker)
    return stream


def test_a_chart_that_is_written_to_meanwhile_is_not_overtaken(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both databases: its standing was worked out, then somebody wrote; what is kept is that of the record."""
    called = Telephoned(NOW, "she", "asks", "to do", "", "", call_back=NOW)
    stream = wrong_standing(practice, monkeypatch, lambda connection, held: append(connection, held, 11, [called], "nora", NOW))
    assert list(rebuild(practice).changed) == [stream]
    found = standing_kept(practice, stream)
    assert found is not None
    assert (found.version, "call back" in {one.name for one in found.items}) == (12, True)
    assert rebuild(practice).changed == {}


def test_a_standing_that_was_kept_meanwhile_is_worked_out_once_more(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both databases: nothing was written into the chart, but its standing is another, as after a certificate's end."""
    other = update(standing).values(day="2026-11-19")
    stream = wrong_standing(practice, monkeypatch, lambda connection, _: connection.execute(other))
    worked_out: list[str] = []
    standing_now = Reading.standing

    def counted(self: Reading, of: str) -> Standing:
        worked_out.append(of)
        return standing_now(self, of)

    monkeypatch.setattr(Reading, "standing", counted)
    rebuild(practice)
    assert worked_out == [stream, stream]
    assert rebuild(practice).changed == {}


def test_the_clock_of_a_worker_goes_on(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was promised after the rebuild began is not forgotten by it."""
    stream = admit(practice)
    own = practice.settings
    settings = replace(own, limits=dict(own.limits), switches=dict(own.switches))
    monkeypatch.setattr(rebuilding, "_LASTING", ExitStack())
    monkeypatch.setattr(rebuilding, "_WORKER", {})
    with rebuilding._LASTING:
        rebuilding._open(practice.database.url, practice.folder, settings, NOW, time.time() - 90)
        worker = rebuilding._WORKER["practice"]
        assert NOW.s + 90 <= worker.now.s <= NOW.s + 150
        practice.clock = lambda: Instant(NOW.s + 60)
        practice.write(stream, 11, [Telephoned(practice.now, "she", "asks", "to do", "", "", call_back=NOW)], BY, "wrote")
        found = standing_kept(practice, stream)
        assert dict(rebuilding._renewed(worker, [stream])) == {stream: ""}
        assert standing_kept(practice, stream) == found
        worker.database.close()


@pytest.mark.long
def test_several_processes_work_out_what_one_does(practice: Practice) -> None:
    """On both databases: the same rows, whoever worked them out."""
    for number in range(5):
        admit(practice, f"Person {number}")
    with practice.database.writing() as connection:
        connection.execute(update(standing).values(tier=0))

    def rows() -> list[object]:
        with practice.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(standing).order_by(standing.c.stream))]

    assert rebuild(practice).charts == 5
    alone = rows()
    with practice.database.writing() as connection:
        connection.execute(update(standing).values(tier=0))
    assert len(rebuild(practice, many=2).changed) == 5
    assert rows() == alone
