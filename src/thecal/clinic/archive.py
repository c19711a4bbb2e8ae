"""The portable archive of a clinic: one ZIP of canonical JSON lines, a file for each table, and a manifest with their SHA-256.

It is written from one state of a database and read into an empty one, of either kind, as a whole or not at all. What was read in
is read out again before it counts: every part has the hash of the manifest, and every chain ends in the head that it had.

Sessions, tokens and invitations are left out: what was revoked since would open a door again. Passwords are in it as hashes.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast
from zipfile import BadZipFile, ZipFile

import psycopg
from sqlalchemy import Column, Connection, LargeBinary, Table, collate, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import String

from thecal.bench.codec import UnreadableError, canonical
from thecal.clinic.audit import write_audit
from thecal.clinic.database import Database, NewerDatabaseError
from thecal.clinic.record import GENESIS, BrokenChainError, Head, heads_digest, row_digest
from thecal.clinic.schema import metadata
from thecal.clinic.standing import standing_in
from thecal.errors import InputError, ThecalError
from thecal.timeline import Instant

LEFT_OUT = frozenset({"sign_in", "api_token", "invitation", "submission"})
"""Tables that no archive carries: what opens a door is issued anew."""
FOR_RESEARCH = frozenset({"entry"})
"""All that an archive without identifiers carries."""
_VERSION = 1
_BATCH = 2000
_LINE_MAX = 1 << 24  # bytes of a row; a bound of the program
_MANIFEST_MAX = 1 << 20
_CHUNK = 1 << 20
MANIFEST = "manifest.json"
"""What the file of the manifest is called, in an archive."""
Told = Callable[[str, int, int], None]
"""How far it is: what is being done, how many rows of how many; of 0 where nobody knows."""
Plain = dict[str, Any]


class ArchiveError(ThecalError):
    """An archive that is damaged, or does not hold what it says. Nothing of it was used."""


class RestoreError(ThecalError):
    """What was restored is not what was archived. Nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table of an archive: its rows, and the SHA-256 and size in bytes of its lines."""

    table: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds. ``heads`` is the one digest of all chains, ``schema`` the shape of the database it was made of."""

    made: Instant
    program: str
    schema: str
    identifiers: bool
    streams: int
    heads: str
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many rows there are in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def entries(self) -> int:
        """How many entries the record has."""
        return sum(part.rows for part in self.parts if part.table == "entry")

    def plain(self) -> Plain:
        """As JSON holds it."""
        return {"archive": _VERSION, **asdict(self), "made": self.made.s, "made_utc": self.made.utc_text()}


class Source(Protocol):
    """Where rows come from when a clinic is restored: an archive, or the backup of an SQLite database."""

    @property
    def manifest(self) -> Manifest:
        """What it says that it holds."""

    def rows(self, table: Table) -> Iterator[Plain]:
        """The rows of a table. Raises ArchiveError where they are damaged."""


def untold(_: str, __: int, ___: int) -> None:
    """Where nobody asks how far it is."""


# Out of a database --------------------------------------------------------------------------------------------------------


def carried(*, identifiers: bool = True) -> list[Table]:
    """The tables of an archive, each after those that it refers to."""
    return [
        table for table in metadata.sorted_tables if (table.name not in LEFT_OUT if identifiers else table.name in FOR_RESEARCH)
    ]


def rows_of(connection: Connection, table: Table) -> Generator[Plain, None, None]:
    """The rows of a table by their key, in the order of code points whatever the database is; never all of them in memory."""
    names = [column.name for column in table.columns]
    binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
    found = select(table).order_by(*(_ordered(connection, column) for column in table.primary_key.columns))
    with connection.execute(found.execution_options(yield_per=_BATCH)) as result:
        for row in result:
            plain = dict(zip(names, row, strict=True))
            for name in binary:
                plain[name] = b64encode(plain[name]).decode("ascii")
            yield plain


def _ordered(connection: Connection, column: Column[Any]) -> Any:
    if connection.dialect.name == "postgresql" and isinstance(column.type, String):
        return collate(column, "C")
    return column


def chained(rows: Iterable[Plain], heads: list[Head]) -> Iterator[Plain]:
    """Rows of the record, each checked to follow the one before it; ``heads`` gets the ends of the streams.

    Raises BrokenChainError. It asks for the digests alone; that every entry can still be read is asked by ``record.verify``.
    """
    head = Head("", 0, GENESIS)
    for row in rows:
        if row["stream"] != head.stream:
            if head.version:
                heads.append(head)
            head = Head(row["stream"], 0, GENESIS)
        where = f"{row['stream']}, version {row['version']}"
        if row["version"] != head.version + 1:
            raise BrokenChainError(f"{where}: version {head.version + 1} is missing before it")
        if row["previous"] != head.digest:
            raise BrokenChainError(f"{where} does not follow the entry before it")
        if row["digest"] != row_digest(row):
            raise BrokenChainError(f"{where} was changed after it was written")
        head = Head(head.stream, row["version"], row["digest"])
        yield row
    if head.version:
        heads.append(head)


def inventory(
    connection: Connection,
    made: Instant,
    *,
    identifiers: bool = True,
    told: Told = untold,
    sink: Callable[[Table], Callable[[bytes], object]] = lambda _: lambda _: None,
    heads: list[Head] | None = None,
) -> Manifest:
    """Every row of a database as a line, given to the sink of its table; what they come to. Raises BrokenChainError.

    ``heads`` gets the ends of all chains.
    """
    tables = carried(identifiers=identifiers)
    total = sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    heads = [] if heads is None else heads
    parts, done = [], 0
    for table in tables:
        add, digest, count, size = sink(table), sha256(), 0, 0
        with closing(rows_of(connection, table)) as rows:
            lines = chained(rows, heads) if table.name == "entry" else rows
            while batch := [canonical(row) + b"\n" for row in islice(lines, _BATCH)]:
                data = b"".join(batch)
                digest.update(data)
                add(data)
                count, size, done = count + len(batch), size + len(data), done + len(batch)
                told("reading the record", done, total)
        parts.append(Part(table.name, count, size, digest.hexdigest()))
    schema = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return Manifest(made, version("thecal"), schema, identifiers, len(heads), heads_digest(heads), tuple(parts))


# Out of an archive --------------------------------------------------------------------------------------------------------


class Archive:
    """An archive that was opened, and whose manifest was read. Raises ArchiveError, NewerDatabaseError, OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._damage():
            self._zip = ZipFile(path)
            with self._zip.open(MANIFEST) as member:
                self.manifest = manifest_of(member.read(_MANIFEST_MAX), str(path))
        names = sorted([*(f"{part.table}.jsonl" for part in self.manifest.parts), MANIFEST])
        if sorted(self._zip.namelist()) != names:
            raise ArchiveError(f"{path} does not hold the files of its manifest, and no other")

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def check(self, told: Told = untold) -> None:
        """Whether every part is what the manifest says. Raises ArchiveError, naming the part."""
        total = sum(part.bytes for part in self.manifest.parts)
        done = 0
        for part in self.manifest.parts:
            digest, size, rows = sha256(), 0, 0
            with self._damage(), self._zip.open(f"{part.table}.jsonl") as member:
                while size <= part.bytes and (data := member.read(_CHUNK)):
                    digest.update(data)
                    size, rows = size + len(data), rows + data.count(b"\n")
                    told("checking the archive", done + size, total)
            if (size, rows, digest.hexdigest()) != (part.bytes, part.rows, part.sha256):
                raise ArchiveError(f"{self.path}: {part.table}.jsonl is not what the manifest says: it was changed or damaged")
            done += size

    def rows(self, table: Table) -> Iterator[Plain]:
        """The rows of a table, as they are read. Raises ArchiveError for a line that is none."""
        if all(part.table != table.name for part in self.manifest.parts):
            return
        with self._damage(), self._zip.open(f"{table.name}.jsonl") as member:
            lines = BufferedReader(cast(Any, member), _CHUNK)
            while line := lines.readline(_LINE_MAX):
                yield json.loads(line.decode("ascii"))

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
            raise ArchiveError(f"{self.path} is no archive of thecal, or is damaged: {error}") from None


def manifest_of(data: bytes, where: str) -> Manifest:
    """A manifest from its JSON. Raises ArchiveError for what is none, NewerDatabaseError for one of a newer version."""
    try:
        plain = json.loads(data)
        if plain["archive"] > _VERSION:
            raise NewerDatabaseError(f"{where} is an archive of version {plain['archive']}, this program knows {_VERSION}")
        parts = tuple(Part(str(p["table"]), int(p["rows"]), int(p["bytes"]), str(p["sha256"])) for p in plain["parts"])
        facts = str(plain["program"]), str(plain["schema"]), plain["identifiers"] is True, int(plain["streams"])
        found = Manifest(Instant(int(plain["made"])), *facts, str(plain["heads"]), parts)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ArchiveError(f"{where} has no manifest that can be read: {error}") from None
    known = {table.name for table in carried(identifiers=found.identifiers)}
    if strange := sorted({part.table for part in parts} - known):
        raise NewerDatabaseError(f"{where} holds {', '.join(strange)}, which this program does not know: use the newer thecal")
    return found


# Into a database ----------------------------------------------------------------------------------------------------------


def restore(
    database: Database,
    source: Source,
    by: str,
    now: Instant,
    told: Told = untold,
    confirm: Callable[[Connection, list[Head]], None] = lambda _, __: None,
) -> bool:
    """Fill an empty database; False where the standings could not be taken over, and have to be rebuilt.

    It is one transaction: whatever is raised, also by ``confirm`` of the heads that were found, nothing of it is kept. Raises
    InputError for a database that is not empty, RestoreError where what was read in is not what was archived, BrokenChainError,
    ArchiveError, NewerDatabaseError.
    """
    manifest = source.manifest
    with database.writing() as connection:
        _check_shape(connection, manifest)
        done = 0
        for table in carried(identifiers=manifest.identifiers):
            rows = _checked(table, source.rows(table))
            while batch := list(islice(rows, _BATCH)):
                _insert(connection, table, batch)
                done += len(batch)
                told("restoring", done, manifest.rows)
            _count_on(connection, table)
        heads: list[Head] = []
        _compare(manifest, inventory(connection, manifest.made, identifiers=manifest.identifiers, told=told, heads=heads))
        confirm(connection, heads)
        readable = manifest.identifiers and _standings_readable(connection)
        if not readable:
            for table in reversed([metadata.tables[name] for name in ("standing", "item")]):
                connection.execute(delete(table))
        write_audit(connection, by, "restored the record", now, detail=f"heads {manifest.heads}")
    return readable


def _check_shape(connection: Connection, manifest: Manifest) -> None:
    """That a database is empty, and of the shape that was archived."""
    for table in carried():
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            accepted = ("an empty database: another --data or --database",)
            raise InputError("--data", "", f"names a clinic that is not empty: it has rows of {table.name}", accepted=accepted)
    shape = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    if manifest.schema > shape:
        raise NewerDatabaseError(
            f"the archive is of a database of version {manifest.schema}, this one is {shape}: use the newer thecal"
        )
    if manifest.schema < shape:
        told = f"the archive is of a database of version {manifest.schema}, this one is {shape}"
        raise ArchiveError(f"{told}: restore it with thecal {manifest.program}, then open that database with this program")


def _checked(table: Table, rows: Iterable[Any]) -> Iterator[Plain]:
    """Rows as their table takes them. Raises ArchiveError for one that has other columns, or values of another type."""
    names = [column.name for column in table.columns]
    kinds = [column.type.python_type for column in table.columns]
    allowed = [(kind, type(None)) if column.nullable else (kind,) for column, kind in zip(table.columns, kinds, strict=True)]
    binary = [name for name, kind in zip(names, kinds, strict=True) if kind is bytes]
    for row in rows:
        if not isinstance(row, dict) or len(row) != len(names) or not all(map(row.__contains__, names)):
            raise ArchiveError(f"a row of {table.name} does not have the columns of its table")
        for name in binary:
            with suppress(ValueError, TypeError):
                row[name] = b64decode(row[name], validate=True)
        for name, fitting in zip(names, allowed, strict=True):
            if type(row[name]) not in fitting:
                raise ArchiveError(f"a row of {table.name} has a {name} that is no {fitting[0].__name__}")
        yield row


def _insert(connection: Connection, table: Table, rows: list[Plain]) -> None:
    """Add rows; to PostgreSQL by COPY, its own way to take many. Raises RestoreError for one that it does not take."""
    try:
        if connection.dialect.name == "postgresql":
            names = [column.name for column in table.columns]
            columns = ", ".join(f'"{name}"' for name in names)
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
        else:
            connection.execute(insert(table), rows)
    except (DBAPIError, psycopg.DataError, psycopg.IntegrityError, OverflowError, UnicodeEncodeError) as error:
        if isinstance(error, OperationalError):
            raise
        raise RestoreError(f"the database refuses a row of {table.name}: {str(getattr(error, 'orig', error)).strip()}") from None


def _count_on(connection: Connection, table: Table) -> None:
    """The numbers that PostgreSQL gives go on after those that were read in."""
    counted = table.autoincrement_column
    if counted is None or connection.dialect.name != "postgresql":
        return
    last = connection.execute(select(func.max(counted))).scalar_one()
    if last is not None:
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, counted.name), last)))


def _compare(meant: Manifest, found: Manifest) -> None:
    """That what stands in the database now is what was archived."""
    if (meant.heads, meant.streams) != (found.heads, found.streams):
        raise RestoreError("the chains do not end in the heads that they had; nothing was restored")
    if meant.parts != found.parts:
        names = ", ".join(sorted({part.table for part in {*meant.parts} ^ {*found.parts}}))
        raise RestoreError(f"the rows of {names} are not those that were archived; nothing was restored")


def _standings_readable(connection: Connection) -> bool:
    """Whether this version of the program reads the standings of that one."""
    table = metadata.tables["standing"]
    try:
        for body in connection.execute(select(table.c.body).execution_options(yield_per=_BATCH)).scalars():
            standing_in(body)
    except (UnreadableError, UnicodeEncodeError):
        return False
    return True
