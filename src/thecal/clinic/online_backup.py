"""What a clinic keeps beside its database: backups made while it works, and the heads of its chains in a notebook.

The backup of SQLite is a copy of one state of the file by SQLite itself, with the manifest of an archive in a table of its own.
That of PostgreSQL is the portable archive. What is no part of the record, the standings, is rebuilt from it at any time.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from errno import ENOENT
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, create_engine, make_url, select, text
from sqlalchemy.exc import DatabaseError

from thecal.bench.codec import canonical
from thecal.clinic.archive import (
    MANIFEST,
    Archive,
    ArchiveError,
    Manifest,
    Plain,
    Source,
    Told,
    inventory,
    manifest_of,
    rows_of,
    untold,
)
from thecal.clinic.database import Database
from thecal.clinic.record import BrokenChainError, Head, heads_digest
from thecal.clinic.schema import entry
from thecal.errors import InputError
from thecal.timeline import Instant

_SQLITE, _ZIP = b"SQLite format 3\0", b"PK"
_TABLE = "archive_manifest"
_PAGES = 2048  # so many are copied between two looks at whether somebody wants to stop
_BUSY_S = 10
_UTC = ZoneInfo("UTC")


@contextmanager
def placed(place: Path, *, force: bool = False) -> Iterator[Path]:
    """A file beside a place, for its owner alone; put there when the block ends and it is on the disk, gone if it raises.

    Raises InputError where something is there and ``force`` does not say that it goes, OSError.
    """
    _check_free(place, force=force)
    if not place.parent.is_dir():
        raise FileNotFoundError(ENOENT, "no such folder", str(place.parent))
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        _sync(beside)
        _check_free(place, force=force)
        beside.replace(place)
        _sync(place.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(place)) from None
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            beside.with_name(beside.name + end).unlink(missing_ok=True)


def _check_free(place: Path, *, force: bool) -> None:
    if place.exists() and not place.is_file():
        raise InputError("FILE", str(place), "is no file", accepted=("the name of a file",))
    if place.exists() and not force:
        raise InputError(
            "FILE", str(place), "is there already", accepted=("another name", "--force, to put this one in its place")
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def backup(database: Database, place: Path, now: Instant, *, force: bool = False, told: Told = untold) -> Manifest:
    """Keep one state of a database in a file, while others write; verified before it is put in its place.

    Raises BrokenChainError for a record that is not as it was written, ArchiveError, InputError, OSError.
    """
    if not database.is_sqlite:
        return export(database, place, now, force=force, told=told)
    with placed(place, force=force) as beside:
        try:
            _copy(make_url(database.url).database or "", beside, told)
            with closing(sqlite3.connect(beside, isolation_level=None)) as copied:
                copied.execute("PRAGMA journal_mode=DELETE")  # one file, and none beside it
            with _opened(beside) as connection:
                _check_pages(connection, place)
                manifest = inventory(connection, now, told=told)
            with closing(sqlite3.connect(beside, isolation_level=None)) as copied:
                copied.execute(f"CREATE TABLE {_TABLE} (body TEXT NOT NULL)")
                copied.execute(f"INSERT INTO {_TABLE} VALUES (?)", (canonical(manifest.plain()).decode("ascii"),))  # noqa: S608
        except (sqlite3.Error, DatabaseError) as error:
            raise ArchiveError(f"{place} was not written: {error}") from None
    return manifest


def _copy(source: str, target: Path, told: Told) -> None:
    """Copy one state of a database: what others write meanwhile is not in it, and does not make the copy begin again."""
    with closing(sqlite3.connect(source, timeout=_BUSY_S, isolation_level=None)) as live:
        live.execute("BEGIN")
        live.execute("SELECT 1 FROM sqlite_schema").fetchone()  # from here on this connection sees one state
        with closing(sqlite3.connect(target, isolation_level=None)) as copied:
            live.backup(copied, pages=_PAGES, progress=lambda _, left, total: told("copying the database", total - left, total))


def export(
    database: Database, place: Path, now: Instant, *, identifiers: bool = True, force: bool = False, told: Told = untold
) -> Manifest:
    """Write the portable archive into a file; read again and checked before it is put in its place. Raises as ``backup``."""
    with placed(place, force=force) as beside:
        with beside.open("wb") as file:
            manifest = _write(database, file, now, identifiers=identifiers, told=told)
        with closing(Archive(beside)) as written:
            written.check(told)
    return manifest


def _write(database: Database, file: BinaryIO, made: Instant, *, identifiers: bool = True, told: Told = untold) -> Manifest:
    """Write an archive of one state of a database. Raises OSError, and BrokenChainError for a record that was changed."""
    with database.reading() as connection, ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as zipped:
        stamp = made.local(_UTC).timetuple()[:6]

        def member(name: str) -> ZipInfo:
            info = ZipInfo(name, stamp)
            info.compress_type, info.external_attr = ZIP_DEFLATED, 0o600 << 16
            return info

        opened: list[Any] = []

        def sink(table: Table) -> Callable[[bytes], object]:
            if opened:
                opened.pop().close()
            opened.append(zipped.open(member(f"{table.name}.jsonl"), "w", force_zip64=True))
            return cast(Callable[[bytes], object], opened[-1].write)

        try:
            manifest = inventory(connection, made, identifiers=identifiers, told=told, sink=sink)
        finally:
            for each in opened:
                each.close()
        zipped.writestr(member(MANIFEST), canonical(manifest.plain()))
    return manifest


class BackupFile:
    """The backup of an SQLite database. Raises ArchiveError where it is none."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path, self.connection = path, connection
        try:
            body = connection.execute(text(f"SELECT body FROM {_TABLE}")).scalar_one()  # noqa: S608  # our own name
        except DatabaseError as error:
            advice = "A copy of a live database is read by: thecal clinic export --database sqlite:///FILE"
            raise ArchiveError(f"{path} is no backup made by thecal clinic backup ({error.orig}). {advice}") from None
        self.manifest = manifest_of(body.encode(), str(path))

    def check(self, told: Told = untold) -> None:
        """Whether it is whole, and holds what its manifest says. Raises ArchiveError, BrokenChainError."""
        try:
            _check_pages(self.connection, self.path)
            found = inventory(self.connection, self.manifest.made, told=told)
        except (DatabaseError, TypeError, ValueError) as error:
            raise ArchiveError(f"{self.path} is damaged: {getattr(error, 'orig', error)}") from None
        if found.heads != self.manifest.heads or found.parts != self.manifest.parts:
            raise ArchiveError(f"{self.path} does not hold what its manifest says: it was changed or damaged")

    def rows(self, table: Table) -> Iterator[Plain]:
        """The rows of a table."""
        return rows_of(self.connection, table)


@contextmanager
def open_source(path: Path, told: Told = untold) -> Iterator[Source]:
    """A backup or an archive, whichever a file is, checked in whole. Raises ArchiveError, BrokenChainError, OSError."""
    with path.open("rb") as file:
        begins = file.read(len(_SQLITE))
    if begins == _SQLITE:
        with _opened(path) as connection:
            found = BackupFile(path, connection)
            found.check(told)
            yield found
    elif begins.startswith(_ZIP):
        with closing(Archive(path)) as archive:
            archive.check(told)
            yield archive
    else:
        raise ArchiveError(f"{path} is neither a backup nor an archive of thecal")


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    """An SQLite file that nobody writes, to be read from."""
    engine = create_engine(f"sqlite+pysqlite:///file:{quote(str(path.resolve()))}?mode=ro&immutable=1&uri=true")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _check_pages(connection: Connection, place: Path) -> None:
    found = connection.execute(text("PRAGMA integrity_check(1)")).scalar_one()
    if found != "ok":
        raise ArchiveError(f"{place} is damaged: {found}")


@contextmanager
def target(url: str) -> Iterator[Database]:
    """A database to restore into. The SQLite file that is made for it goes again if the block raises."""
    address = make_url(url)
    path = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    is_new = path is not None and not path.exists()
    database = Database(url)
    try:
        yield database
    except BaseException:
        database.close()
        if path is not None and is_new:
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
        raise
    finally:
        database.close()


# The notebook -------------------------------------------------------------------------------------------------------------


def heads_text(heads: Iterable[Head]) -> str:
    """The heads of all chains as JSON, to be kept where the database is not."""
    found = sorted(heads, key=lambda head: head.stream)
    plain = {"heads": 1, "digest": heads_digest(found), "streams": {head.stream: [head.version, head.digest] for head in found}}
    return json.dumps(plain, indent=1, ensure_ascii=True) + "\n"


def noted_heads(data: str, where: str) -> list[Head]:
    """The heads of a notebook. Raises InputError for what is none, or was not written whole."""
    try:
        plain: Any = json.loads(data)
        heads = [Head(str(stream), int(version), str(digest)) for stream, (version, digest) in plain["streams"].items()]
        if plain["heads"] != 1 or heads_digest(heads) != plain["digest"]:
            raise ValueError("its digest is another")
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError("--heads", where, f"holds no heads: {error}", accepted=("a file that --heads wrote",)) from None
    return heads


def check_noted(connection: Connection, noted: Iterable[Head], found: Iterable[Head]) -> None:
    """That each chain still goes through the head that was noted: no end is cut off, and none was written anew.

    Raises BrokenChainError, naming the place.
    """
    ends = {head.stream: head for head in found}
    for head in noted:
        end = ends.get(head.stream)
        if end is None:
            raise BrokenChainError(f"{head.stream} is gone: it had {head.version} entries when the heads were noted")
        if end.version < head.version:
            raise BrokenChainError(
                f"{head.stream} ends at version {end.version}: it had {head.version} when the heads were noted"
            )
        where = (entry.c.stream == head.stream, entry.c.version == head.version)
        if connection.execute(select(entry.c.digest).where(*where)).scalar_one() != head.digest:
            raise BrokenChainError(
                f"{head.stream}, version {head.version} is not the entry that it was when the heads were noted"
            )
