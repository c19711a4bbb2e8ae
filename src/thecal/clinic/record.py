"""The record: streams of entries, each chained to the one before it; written whole or not at all, never changed.

The number of an entry in its stream is its version. Who writes says which version they have seen; where another one came between,
nothing is written (StaleError), so that two people never overwrite each other.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby

from sqlalchemy import Connection, Row, RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError

from thecal.bench.codec import UnreadableError, canonical, parse
from thecal.chart.clinical import Described
from thecal.clinic.entry import Entry, entry_of, entry_plain
from thecal.clinic.history import History, Recorded
from thecal.clinic.schema import entry as table
from thecal.errors import ThecalError
from thecal.timeline import Instant

_BATCH = 2000
GENESIS = "0" * 64
"""What the first entry of a stream is chained to."""


class StaleError(ThecalError):
    """Somebody else wrote in the meantime; nothing of this was written. ``seen`` is the version before, ``now`` that of today."""

    def __init__(self, stream: str, seen: int, now: int, who: str) -> None:
        self.stream, self.seen, self.now, self.who = stream, seen, now, who
        told = f"{who or 'somebody'} has written here since you opened it"
        super().__init__(f"{told} (version {now}, yours {seen}); nothing was written")


class ToComeError(ThecalError, ValueError):
    """An entry happens after the clock of the clinic says it is written down; nothing was written."""

    def __init__(self, at: Instant, now: Instant) -> None:
        super().__init__(f"an entry of {at.utc_text()} cannot be written down at {now.utc_text()}")


class BrokenChainError(ThecalError):
    """The record is not as it was written; names the place."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: its last version, and the digest that stands for all of it."""

    stream: str
    version: int
    digest: str


def read_history(connection: Connection, stream: str) -> History:
    """A stream as it was written; empty where nothing was."""
    rows = connection.execute(select(*RECORDED).where(table.c.stream == stream).order_by(table.c.version))
    return History(stream, tuple(recorded(row) for row in rows))


_DECODER = json.JSONDecoder()
RECORDED = (table.c.version, table.c.body, table.c.who, table.c.recorded, table.c.digest)
"""The columns of which an entry of a history is made, and the digest that stands for all before it."""


def recorded(row: Row[int, str, str, int, str]) -> Recorded:
    """The columns of ``RECORDED`` as an entry of a history."""
    version, body, who, at, _ = row
    return Recorded(version, entry_of(_DECODER.decode(body)), who, Instant(at))


def version_of(connection: Connection, stream: str) -> int:
    """The version of a stream; 0 where nothing was written."""
    found: int | None = connection.execute(select(func.max(table.c.version)).where(table.c.stream == stream)).scalar_one()
    return found or 0


def append(connection: Connection, stream: str, seen: int, entries: Iterable[Entry], who: str, now: Instant) -> int:
    """Write entries at the end of a stream, and give its new version. Raises StaleError where somebody else has written.

    Raises ToComeError for an entry that happens after it is written down (what is to come is booked, not recorded), ValueError
    for a day of birth, which is an identifier.
    """
    last = connection.execute(
        select(table.c.version, table.c.digest, table.c.who, table.c.recorded)
        .where(table.c.stream == stream)
        .order_by(table.c.version.desc())
        .limit(1)
    ).one_or_none()
    version, digest = (last.version, last.digest) if last else (0, GENESIS)
    if version != seen:
        raise StaleError(stream, seen, version, last.who if last else "")
    recorded = max(now.s, last.recorded if last else 0)  # a clock that was set back does not reorder what is known
    rows = []
    for entry in entries:
        if entry.at.s > recorded:
            raise ToComeError(entry.at, now)
        if isinstance(entry, Described) and entry.born is not None:
            raise ValueError("a day of birth tells who somebody is: it stands beside the record, where it can be erased")
        version += 1
        row = _row(stream, version, entry, who, recorded, digest)
        digest = row["digest"]
        rows.append(row)
    if rows:
        try:
            connection.execute(insert(table), rows)
        except IntegrityError:
            raise StaleError(stream, seen, version, "") from None
    return version


def _row(stream: str, version: int, entry: Entry, who: str, recorded: int, previous: str) -> dict[str, str | int]:
    plain = entry_plain(entry)
    if entry_of(plain) != entry:  # what cannot be read again must not be acknowledged
        raise ValueError(f"{type(entry).__name__} cannot be read again as it was written")
    row: dict[str, str | int] = {
        "stream": stream,
        "version": version,
        "kind": plain["kind"],
        "body": canonical(plain).decode("ascii"),
        "happened": entry.at.s,
        "recorded": recorded,
        "who": who,
        "previous": previous,
    }
    return {**row, "digest": row_digest(row)}


def row_digest(row: dict[str, str | int] | RowMapping) -> str:
    """What stands for a row and all before it."""
    keys = ("stream", "version", "kind", "body", "happened", "recorded", "who", "previous")
    return sha256(canonical({key: row[key] for key in keys})).hexdigest()


def streams(connection: Connection, prefix: str = "") -> list[str]:
    """The streams that there are."""
    found = select(table.c.stream).distinct().where(table.c.stream.startswith(prefix, autoescape=True)).order_by(table.c.stream)
    return list(connection.execute(found).scalars())


def verify(connection: Connection) -> Iterator[Head]:
    """Every stream from its beginning, and where it ends. Raises BrokenChainError at the first thing that is not as written."""
    found = select(table).order_by(table.c.stream, table.c.version)
    with connection.execute(found, execution_options={"yield_per": _BATCH}) as result:  # the rest stays on the server
        for stream, of_stream in groupby(result.mappings(), key=lambda row: str(row["stream"])):
            head = Head(stream, 0, GENESIS)
            for row in of_stream:
                head = _next(head, row)
            yield head


def _next(head: Head, row: RowMapping) -> Head:
    where = f"{row['stream']}, version {row['version']}"
    if row["version"] != head.version + 1:
        raise BrokenChainError(f"{where}: version {head.version + 1} is missing before it")
    if row["previous"] != head.digest:
        raise BrokenChainError(f"{where} does not follow the entry before it")
    if row["digest"] != row_digest(row):
        raise BrokenChainError(f"{where} was changed after it was written")
    try:
        entry = entry_of(parse(row["body"].encode("ascii")))
    except (UnreadableError, UnicodeEncodeError) as error:
        raise BrokenChainError(f"{where} cannot be read: {error}") from None
    if entry.at.s != row["happened"] or type(entry).__name__ != row["kind"]:
        raise BrokenChainError(f"{where} says another time or kind than its entry")
    return Head(head.stream, row["version"], row["digest"])


def heads_digest(heads: Iterable[Head]) -> str:
    """One digest for all heads: what a clinic writes into its notebook, and compares after a restore."""
    return sha256(canonical({head.stream: [head.version, head.digest] for head in heads})).hexdigest()
