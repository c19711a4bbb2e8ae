"""The archive and the backup: from either database to either, equal to the original, or nothing at all."""

import json
import random
import resource
import shutil
import sqlite3
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from sqlalchemy import func, insert, select, text

from tests.clinic.practice import NOW, PASSWORD, Clock, admit, new_practice
from tests.postgres import new_database
from thecal.chart.facts import Noted
from thecal.clinic import archive
from thecal.clinic.account import fits, stored_password
from thecal.clinic.archive import (
    FOR_RESEARCH,
    LEFT_OUT,
    Archive,
    ArchiveError,
    Manifest,
    RestoreError,
    Source,
    carried,
    restore,
    rows_of,
)
from thecal.clinic.database import Database, DatabaseDownError, NewerDatabaseError, sqlite_url
from thecal.clinic.online_backup import backup, check_noted, export, heads_text, noted_heads, open_source, target
from thecal.clinic.people import find
from thecal.clinic.practice import By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import BrokenChainError, Head, heads_digest, verify
from thecal.clinic.schema import metadata
from thecal.errors import InputError
from thecal.timeline import Instant

BY = By("nora")
Write = Callable[[Database, Path, Instant], Manifest]


def fill(practice: Practice) -> Practice:
    """Two people in treatment, a slot that is sold, stock, and a session that is open."""
    stream = admit(practice, "Ada Ünïcode \u2028", number="7")
    admit(practice, "Bo Example")
    practice.write(stream, _version(practice, stream), [Noted(NOW, 'a "text" with ü, \n and \\')], BY, "wrote")
    rows: dict[str, dict[str, Any]] = {
        "slot": {"id": "s1", "begins": NOW.s, "ends": NOW.s + 1800, "place": "room 1", "refiller": "nora", "checker": "nils"},
        "booking": {"id": "b1", "slot": "s1", "stream": stream, "visit": "refill", "made": NOW.s, "made_by": "nora"},
        "closure": {"id": "c1", "first": "2026-12-24", "last": "2027-01-01", "what": "holidays"},
        "stock": {"id": "k", "strength_mcg_per_ml": 500, "vial_nl": 20_000_000, "count": 3, "lot": "L", "expires": "2027-01-01"},
        "setting": {"name": "picture", "value": bytes(range(256))},
        "sign_in": {"token": "t" * 64, "account": "nora", "begun": 1, "seen": 1, "ends": NOW.s, "csrf": "c"},
    }
    with practice.database.writing() as connection:
        for name, row in rows.items():
            connection.execute(insert(metadata.tables[name]).values(row))
    return practice


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of such a clinic; each test has a copy."""
    path = tmp_path_factory.mktemp("made") / "clinic.db"
    fill(new_practice(sqlite_url(path), path.parent)).database.close()
    return path


@pytest.fixture
def full(made_once: Path, tmp_path: Path) -> Iterator[Practice]:
    """Such a clinic, on SQLite."""
    shutil.copy(made_once, tmp_path / "clinic.db")
    made = Practice(Database(sqlite_url(tmp_path / "clinic.db")), tmp_path, Clock())
    yield made
    made.database.close()


@pytest.fixture
def either(request: pytest.FixtureRequest, postgres: str, tmp_path: Path) -> Iterator[Practice]:
    """Such a clinic, on the database that is named."""
    if request.param == "sqlite":
        yield request.getfixturevalue("full")
        return
    made = fill(new_practice(new_database(postgres), tmp_path))
    yield made
    made.database.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    """An empty database, to restore into."""
    database = Database(sqlite_url(tmp_path / "other.db"))
    yield database
    database.close()


@pytest.fixture
def other(request: pytest.FixtureRequest, postgres: str, tmp_path: Path) -> Iterator[Database]:
    """An empty database, of the kind that is named."""
    database = Database(sqlite_url(tmp_path / "other.db") if request.param == "sqlite" else new_database(postgres))
    yield database
    database.close()


def _version(practice: Practice, stream: str) -> int:
    with practice.reading() as reading:
        return reading.history(stream).version


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table that an archive carries."""
    with database.reading() as connection:
        return {table.name: list(rows_of(connection, table)) for table in carried()}


def heads(database: Database) -> list[Head]:
    with database.reading() as connection:
        return list(verify(connection))


def read_in(path: Path, database: Database) -> bool:
    with open_source(path) as source:
        return restore(database, source, "somebody", NOW)


@pytest.mark.requirement("REC-08")
@pytest.mark.parametrize(
    ("either", "other", "write"),
    [
        ("sqlite", "sqlite", backup),
        ("sqlite", "postgresql", backup),
        ("sqlite", "sqlite", export),
        ("sqlite", "postgresql", export),
        ("postgresql", "sqlite", backup),
        ("postgresql", "postgresql", export),
    ],
    indirect=["either", "other"],
)
def test_what_is_restored_equals_the_original(either: Practice, other: Database, tmp_path: Path, write: Write) -> None:
    """From each database into each, by a backup or an archive: row for row, with one line of the audit more; and it goes on."""
    before = everything(either.database)
    manifest = write(either.database, tmp_path / "kept", NOW)
    assert all(before[name] for name in ("entry", "person", "account", "slot", "booking", "closure", "stock", "setting", "audit"))
    assert read_in(tmp_path / "kept", other)
    after = everything(other)
    assert after["audit"].pop()["did"] == "restored the record"
    assert after == before
    assert heads_digest(heads(other)) == heads_digest(heads(either.database)) == manifest.heads
    restored = Practice(other, tmp_path, Clock())
    restored.write("P-9", 0, [Noted(NOW, "goes on")], BY, "wrote on")
    assert everything(other)["audit"][-1]["did"] == "wrote on"


def test_a_restored_clinic_goes_on(full: Practice, empty: Database, tmp_path: Path) -> None:
    """People sign in with their passwords, charts are written on, and no standing differs."""
    export(full.database, tmp_path / "kept.zip", NOW)
    read_in(tmp_path / "kept.zip", empty)
    restored = Practice(empty, tmp_path, Clock())
    with restored.reading() as reading:
        assert fits(stored_password(reading.connection, "nora"), PASSWORD)
        ((stream, _),) = find(reading.connection, "Bo Example")
    restored.write(stream, _version(restored, stream), [Noted(NOW, "goes on")], BY, "wrote")
    assert sum(head.version for head in heads(empty)) == sum(head.version for head in heads(full.database)) + 1
    assert rebuild(restored).changed == {}


def test_what_opens_a_door_is_not_carried(full: Practice, empty: Database, tmp_path: Path) -> None:
    """A session that is open is in no restored clinic, from a backup neither."""
    backup(full.database, tmp_path / "kept", NOW)
    read_in(tmp_path / "kept", empty)
    with full.database.reading() as was, empty.reading() as now:
        count = select(func.count()).select_from(metadata.tables["sign_in"])
        assert (was.execute(count).scalar_one(), now.execute(count).scalar_one()) == (1, 0)


def test_every_table_is_carried_or_left_out_by_name() -> None:
    """A new table is carried unless somebody has said that it is not."""
    assert LEFT_OUT | {table.name for table in carried()} == metadata.tables.keys()
    assert metadata.tables.keys() > LEFT_OUT
    assert {table.name for table in carried(identifiers=False)} == FOR_RESEARCH


def test_an_archive_for_research_names_nobody(full: Practice, empty: Database, tmp_path: Path) -> None:
    """The record is whole and has the same heads; no person is in the file, and the standings are rebuilt."""
    manifest = export(full.database, tmp_path / "research.zip", NOW, identifiers=False)
    with ZipFile(tmp_path / "research.zip") as zipped:
        assert zipped.namelist() == ["entry.jsonl", "manifest.json"]
        assert not any(word in zipped.read(name) for name in zipped.namelist() for word in (b"Ada", b"Bo Example", b"555-01"))
    assert read_in(tmp_path / "research.zip", empty) is False
    assert heads_digest(heads(empty)) == manifest.heads == heads_digest(heads(full.database))
    assert set(rebuild(Practice(empty, tmp_path, Clock())).changed.values()) == {"missing"}


def test_the_same_record_gives_the_same_archive(full: Practice, tmp_path: Path) -> None:
    """Byte for byte, so that two archives can be compared."""
    for name in ("one.zip", "two.zip"):
        export(full.database, tmp_path / name, NOW)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_clinic_that_is_not_empty_is_not_restored_into(full: Practice, tmp_path: Path) -> None:
    """Nothing is ever mixed: the clinic stays as it was."""
    export(full.database, tmp_path / "kept.zip", NOW)
    before = everything(full.database)
    with pytest.raises(InputError, match="not empty"):
        read_in(tmp_path / "kept.zip", full.database)
    assert everything(full.database) == before


def test_a_file_is_not_overwritten_unasked(full: Practice, tmp_path: Path) -> None:
    """A backup that is there stays, and nothing is left beside it."""
    place = tmp_path / "kept"
    place.write_text("mine")
    for write in (backup, export):
        with pytest.raises(InputError, match="is there already"):
            write(full.database, place, NOW)
    assert place.read_text() == "mine"
    backup(full.database, place, NOW, force=True)
    with open_source(place) as source:
        assert source.manifest.streams == 3
    assert {path.name for path in tmp_path.iterdir()} <= {"kept", "clinic.db", "clinic.db-wal", "clinic.db-shm"}
    assert place.stat().st_mode & 0o777 == 0o600


def _remade(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """An archive with its members changed, and its ZIP whole."""
    with ZipFile(path) as zipped:
        members = {name: zipped.read(name) for name in zipped.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as zipped:
        for name, data in members.items():
            zipped.writestr(name, change(name, data))


def _without_last_line(name: str, data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1]) if name == "entry.jsonl" else data


def _newer(name: str, data: bytes) -> bytes:
    return data.replace(b'"schema":"0001"', b'"schema":"9999"') if name == "manifest.json" else data


def _stranger(name: str, data: bytes) -> bytes:
    return data.replace(b'"table":"stock"', b'"table":"stocks"') if name == "manifest.json" else data


@pytest.mark.requirement("REC-08")
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda name, data: data.replace(b"nora", b"eve0") if name == "entry.jsonl" else data, ArchiveError),
        (lambda name, data: data.replace(b"Bo Ex", b"Xo Ex") if name == "person.jsonl" else data, ArchiveError),
        (_without_last_line, ArchiveError),
        (_newer, NewerDatabaseError),
        (_stranger, NewerDatabaseError),
        (lambda name, data: b"{}" if name == "manifest.json" else data, ArchiveError),
    ],
)
def test_a_changed_archive_is_not_used(
    full: Practice, empty: Database, tmp_path: Path, change: Callable[[str, bytes], bytes], error: type[Exception]
) -> None:
    """One letter of a chart or of a name, a line less, another manifest: the target stays empty."""
    export(full.database, tmp_path / "kept.zip", NOW)
    _remade(tmp_path / "kept.zip", change)
    with pytest.raises(error):
        read_in(tmp_path / "kept.zip", empty)
    assert not any(everything(empty).values())


def test_an_archive_whose_hashes_were_made_to_fit_breaks_its_chain(full: Practice, empty: Database, tmp_path: Path) -> None:
    """Who changes an entry and the hash of its part has not changed the chain: it is found before anything counts."""
    export(full.database, tmp_path / "kept.zip", NOW)
    with ZipFile(tmp_path / "kept.zip") as zipped:
        changed = zipped.read("entry.jsonl").replace(b'"who":"nora"', b'"who":"eve0"', 1)
        plain = json.loads(zipped.read("manifest.json"))
    for part in plain["parts"]:
        if part["table"] == "entry":
            part["sha256"] = sha256(changed).hexdigest()
    manifest = json.dumps(plain).encode()
    changes = {"entry.jsonl": changed, "manifest.json": manifest}
    _remade(tmp_path / "kept.zip", changes.get)
    with pytest.raises(BrokenChainError, match="was changed"):
        read_in(tmp_path / "kept.zip", empty)
    assert not any(everything(empty).values())


def test_a_damaged_file_is_not_used(full: Practice, tmp_path: Path) -> None:
    """Cut anywhere, or with a byte flipped anywhere: it restores to the same record, or is refused; nothing in between."""
    chance = random.Random(1)
    for write in (backup, export):
        write(full.database, tmp_path / "kept", NOW, force=True)
        data = (tmp_path / "kept").read_bytes()
        original = everything(full.database)
        for number in range(12):
            at = chance.randrange(len(data))
            flipped = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
            (tmp_path / "bad").write_bytes(data[:at] if number % 2 else flipped)
            url = sqlite_url(tmp_path / f"{write.__name__}-{number}.db")
            try:
                with target(url) as database:
                    read_in(tmp_path / "bad", database)
                    restored = everything(database)
            except (ArchiveError, BrokenChainError, RestoreError):
                assert not list(tmp_path.glob(f"{write.__name__}-{number}.db*"))
            else:
                restored["audit"].pop()
                assert restored == original  # the byte said nothing: it lay in a free page, or in a time stamp


def test_what_the_database_cannot_hold_is_refused(full: Practice, postgres: str, tmp_path: Path) -> None:
    """A name with a NUL, which PostgreSQL does not take: nothing is restored, and the reason is told."""
    with full.database.writing() as connection:
        connection.execute(text("UPDATE person SET address = :a"), {"a": "a\x00b"})
    export(full.database, tmp_path / "kept.zip", NOW)
    database = Database(new_database(postgres))
    with pytest.raises(RestoreError, match="refuses a row of person"):
        read_in(tmp_path / "kept.zip", database)
    assert not any(everything(database).values())
    database.close()


def test_a_restore_that_is_stopped_leaves_nothing(full: Practice, empty: Database, tmp_path: Path) -> None:
    """Ctrl-C while rows are read in, and while they are compared."""
    export(full.database, tmp_path / "kept.zip", NOW)
    for when in ("restoring", "reading the record"):

        def interrupt(what: str, _: int, __: int, when: str = when) -> None:
            if what == when:
                raise KeyboardInterrupt

        with open_source(tmp_path / "kept.zip") as source, pytest.raises(KeyboardInterrupt):
            restore(empty, source, "somebody", NOW, interrupt)
        assert not any(everything(empty).values())


def test_a_file_that_is_stopped_is_not_there(full: Practice, tmp_path: Path) -> None:
    """Ctrl-C while a backup or an archive is written leaves no file, whole or half."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for write in (backup, export):
        with pytest.raises(KeyboardInterrupt):
            write(full.database, tmp_path / "new", NOW, told=interrupt)
    assert not [path.name for path in tmp_path.iterdir() if "new" in path.name]


@pytest.mark.parametrize("either", ["sqlite", "postgresql"], indirect=True)
def test_a_broken_record_is_not_kept_as_if_it_were_whole(either: Practice, tmp_path: Path) -> None:
    """Whoever backs up is told the place, on the day that it breaks."""
    with either.database.writing() as connection:
        trigger = "entry_stays_update" if either.database.is_sqlite else "entry_stays ON entry"
        connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text("UPDATE entry SET who = 'eve' WHERE stream = 'staff' AND version = 3"))
    for write in (backup, export):
        with pytest.raises(BrokenChainError, match="staff, version 3 was changed"):
            write(either.database, tmp_path / "kept", NOW)
    assert not (tmp_path / "kept").exists()


def test_a_backup_is_one_state_while_others_write(small: Practice, tmp_path: Path) -> None:
    """Somebody writes without a pause: the backup ends, verifies, and holds a prefix of what was written."""
    stream = admit(small)
    begun, ended = threading.Event(), threading.Event()

    def write_on() -> None:
        version = _version(small, stream)
        while not ended.is_set():
            version = small.write(stream, version, [Noted(NOW, "x" * 5000)], BY, "wrote")
            begun.set()

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        assert begun.wait(10)
        manifest = backup(small.database, tmp_path / "kept", NOW)
    finally:
        ended.set()
        writer.join()
    with open_source(tmp_path / "kept") as source:
        kept = [row for row in source.rows(metadata.tables["entry"]) if row["stream"] == stream]
    now = [row for row in everything(small.database)["entry"] if row["stream"] == stream]
    assert kept == now[: len(kept)]
    assert manifest.entries == len(kept) + 9


def test_a_live_file_is_no_backup(small: Practice, tmp_path: Path) -> None:
    """The advice is how to read it."""
    admit(small)
    small.database.close()
    with pytest.raises(ArchiveError, match="export --database"), open_source(tmp_path / "clinic.db"):
        pass


def test_a_full_disk_leaves_no_file(full: Practice, tmp_path: Path) -> None:
    """What cannot be written is told, and nothing stands in its place."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for write in (backup, export):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
        try:
            with pytest.raises((OSError, ArchiveError)):
                write(full.database, tmp_path / "new", NOW)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path.name for path in tmp_path.iterdir() if "new" in path.name]


def test_a_full_disk_while_restoring_leaves_nothing(full: Practice, tmp_path: Path) -> None:
    """SQLite cannot go on: the file that was made goes again."""
    export(full.database, tmp_path / "kept.zip", NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def restored(source: Source) -> None:
        with target(sqlite_url(tmp_path / "new.db")) as database:
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
            try:
                restore(database, source, "somebody", NOW)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with open_source(tmp_path / "kept.zip") as source, pytest.raises(DatabaseDownError):
        restored(source)
    assert not list(tmp_path.glob("new.db*"))


def test_a_chain_that_was_cut_off_is_found_by_the_notebook(full: Practice) -> None:
    """The chain itself is whole; only who noted its head sees that the end is missing, and where."""
    before = heads(full.database)
    noted = noted_heads(heads_text(before), "notebook")
    assert noted == sorted(before, key=lambda head: head.stream)
    full.write("P-9", 0, [Noted(NOW, "later")], BY, "wrote")
    with full.database.reading() as connection:
        check_noted(connection, noted, heads(full.database))
    with full.database.writing() as connection:
        connection.execute(text("DROP TRIGGER entry_stays_delete"))
        connection.execute(text("DELETE FROM entry WHERE stream = 'staff' AND version > 7"))
    with full.database.reading() as connection, pytest.raises(BrokenChainError, match="staff ends at version 7"):
        check_noted(connection, noted, heads(full.database))


def test_a_chain_that_was_written_anew_is_found_by_the_notebook(small: Practice, tmp_path: Path) -> None:
    """Another clinic's chain of the same name and length has another head."""
    small.write("P-1", 0, [Noted(NOW, "as it was")], BY, "wrote")
    noted = [head for head in heads(small.database) if head.stream == "P-1"]
    (tmp_path / "other").mkdir()
    other = new_practice(sqlite_url(tmp_path / "other" / "clinic.db"), tmp_path)
    other.write("P-1", 0, [Noted(NOW, "as it was not")], BY, "wrote")
    with other.database.reading() as connection, pytest.raises(BrokenChainError, match="P-1, version 1 is not the entry"):
        check_noted(connection, noted, heads(other.database))
    other.database.close()


@pytest.mark.parametrize(
    "told", ["", "[]", '{"heads":1,"streams":{"a":[1,"x"]},"digest":"0"}', '{"heads":2,"streams":{},"digest":""}']
)
def test_a_notebook_that_was_not_written_whole_is_no_notebook(told: str) -> None:
    """It is bad input, and not a record that is in order."""
    with pytest.raises(InputError, match="holds no heads"):
        noted_heads(told, "notebook")


def test_an_inventory_holds_little_in_memory(full: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is four times as long is read in the same memory: rows are streamed."""
    monkeypatch.setattr(archive, "_BATCH", 100)

    def peak() -> int:
        tracemalloc.start()
        export(full.database, tmp_path / "kept.zip", NOW, force=True)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    version = full.write("Q-1", 0, [Noted(NOW, "x" * 4000)] * 500, BY, "wrote")
    before = peak()
    full.write("Q-1", version, [Noted(NOW, "x" * 4000)] * 1500, BY, "wrote")
    assert peak() < before * 1.5


def test_the_manifest_in_a_backup_is_no_part_of_the_clinic(small: Practice, tmp_path: Path) -> None:
    """A backup is a whole database too: put in its place by hand, the clinic opens it."""
    stream = admit(small)
    backup(small.database, tmp_path / "by-hand.db", NOW)
    with closing(sqlite3.connect(tmp_path / "by-hand.db")) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy = Practice(Database(sqlite_url(tmp_path / "by-hand.db")), tmp_path, Clock())
    assert _version(copy, stream) == _version(small, stream)
    copy.database.close()


def test_an_archive_is_read_without_this_program(full: Practice, tmp_path: Path) -> None:
    """A ZIP of lines of JSON: any program finds a chart's entries in their order."""
    export(full.database, tmp_path / "kept.zip", NOW)
    with ZipFile(tmp_path / "kept.zip") as zipped:
        lines = [json.loads(line) for line in zipped.read("entry.jsonl").splitlines()]
        manifest = json.loads(zipped.read("manifest.json"))
    assert [line["version"] for line in lines if line["stream"] == "staff"] == list(range(1, 10))
    assert (manifest["made_utc"], manifest["identifiers"]) == ("2026-11-20T08:00:00Z", True)
    with closing(Archive(tmp_path / "kept.zip")) as again:
        assert again.manifest.entries == len(lines)
