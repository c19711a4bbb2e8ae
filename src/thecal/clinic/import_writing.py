"""The rows of a spreadsheet written into the record: everybody of it in one transaction, or nobody; and the file until then.

A file that was sent waits in the clinic's folder under the digest of its bytes. It names people, so it is removed when its rows
are written or it is given up, and otherwise once it has waited for a day.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, select

from thecal.clinic.audit import write_audit
from thecal.clinic.newcomer import Newcomer
from thecal.clinic.people import add_person
from thecal.clinic.practice import By, Practice
from thecal.clinic.schema import person, standing
from thecal.errors import InputError
from thecal.timeline import DAY_S, Instant

UPLOADS = "uploads"
"""The folder, inside that of the clinic, in which files wait."""
WAITS_S = DAY_S
"""How long a file waits at most: a choice of ours, a working day and the night after it."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class OnRecord:
    """The hospital numbers and the serial numbers of pumps that are on record."""

    numbers: frozenset[str]
    serials: frozenset[str]


def on_record(connection: Connection) -> OnRecord:
    """What a new row may not repeat."""
    numbers = connection.execute(select(person.c.number).where(person.c.number != "")).scalars()
    serials = connection.execute(select(standing.c.serial).where(standing.c.serial != "")).scalars()
    return OnRecord(frozenset(numbers), frozenset(serials))


def write_newcomers(practice: Practice, rows: Iterable[Newcomer], by: By, digest: str) -> tuple[str, ...]:
    """Write down everybody of these rows, and give their pseudonyms; nobody where one of them cannot be written.

    ``digest`` is that of the file, and stands in the audit. Raises InputError for no rows, and for a number or a serial number
    that came onto the record after the rows were read; DatabaseDownError.
    """
    rows = tuple(rows)
    if not rows:
        raise InputError("rows", "", "are none: there is nobody to write down")
    with practice.database.writing() as connection:
        _check_new(rows, on_record(connection))
        made = tuple(_write(practice, connection, row, by, digest) for row in rows)
        detail = f"{len(made)} people; the file's SHA-256 is {digest}"
        write_audit(connection, by.who, "imported a spreadsheet", practice.now, detail=detail, request=by.request)
    return made


def _check_new(rows: Iterable[Newcomer], known: OnRecord) -> None:
    """Somebody else may have written since the dry run."""
    numbers, serials = ({_key(text) for text in several} for several in (known.numbers, known.serials))
    for row in rows:
        for name, text, taken in (("hospital number", row.person.number, numbers), ("serial", row.serial, serials)):
            if text and _key(text) in taken:
                raise InputError(name, text, "is in the record already; nobody of this table was written", where=f"row {row.row}")


def _key(text: str) -> str:
    return "".join(text.split()).casefold()


def _write(practice: Practice, connection: Connection, row: Newcomer, by: By, digest: str) -> str:
    stream = add_person(connection, row.person)
    detail = f"row {row.row} of the file {digest[:12]}"
    practice.write_with(connection, stream, 0, row.entries, by, "brought in from a spreadsheet", detail=detail)
    return stream


# The file until then ---------------------------------------------------------------------------------------------------


def keep_upload(folder: Path, raw: bytes, now: Instant) -> str:
    """Keep the bytes of a file, whole or not at all, for nobody but the program; the digest that names them."""
    digest = sha256(raw).hexdigest()
    place = folder / UPLOADS
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = place / f".{digest}.part"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    os.utime(beside, (now.s, now.s))  # the clock that says when it has waited too long
    beside.replace(place / digest)
    return digest


def kept_upload(folder: Path, digest: str) -> bytes | None:
    """The bytes that wait under a digest; None where there are none, or where they are no longer what they were."""
    if not _DIGEST.fullmatch(digest):
        return None
    try:
        raw = (folder / UPLOADS / digest).read_bytes()
    except FileNotFoundError:
        return None
    return raw if sha256(raw).hexdigest() == digest else None


def drop_upload(folder: Path, digest: str) -> None:
    """Remove what waits under a digest, if anything does."""
    if _DIGEST.fullmatch(digest):
        (folder / UPLOADS / digest).unlink(missing_ok=True)


def drop_old_uploads(folder: Path, now: Instant) -> int:
    """Remove what has waited for too long; how many."""
    place, dropped = folder / UPLOADS, 0
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        with suppress(FileNotFoundError):  # another request may have been faster
            if path.stat().st_mtime <= now.s - WAITS_S:
                path.unlink()
                dropped += 1
    return dropped
