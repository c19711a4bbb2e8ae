"""The people of a clinic: their identifiers by pseudonym, found by names that are spelled nearly right, and erased for good."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date
from difflib import SequenceMatcher

from sqlalchemy import Connection, Row, String, insert, select, update
from sqlalchemy.exc import IntegrityError

from thecal.clinic.person import Person, new_pseudonym
from thecal.clinic.schema import person as table
from thecal.errors import InputError
from thecal.timeline import Instant

ERASED = "erased"
_ALIKE = 0.72  # ours: below it two names are no longer taken for spellings of one
_FIELDS = tuple(field.name for field in fields(Person))


def add_person(connection: Connection, person: Person, pseudonym: str | None = None) -> str:
    """Keep the identifiers of somebody new, and give the pseudonym. Raises InputError without a name, or for a number twice."""
    pseudonym = pseudonym or new_pseudonym()
    try:
        connection.execute(insert(table).values(pseudonym=pseudonym, **_plain(person)))
    except IntegrityError:
        raise InputError("number", person.number, "is that of somebody who is here already") from None
    return pseudonym


def change_person(connection: Connection, pseudonym: str, person: Person) -> tuple[str, ...]:
    """Other identifiers of the same person; the names of those that changed.

    Raises InputError as ``add_person``, and for somebody who was erased: nobody comes back by a form that was open meanwhile.
    """
    before, there = person_of(connection, pseudonym), (table.c.pseudonym == pseudonym, table.c.erased.is_(None))
    try:
        done = connection.execute(update(table).where(*there).values(**_plain(person)))
    except IntegrityError:
        raise InputError("number", person.number, "is that of somebody who is here already") from None
    if not done.rowcount:
        raise InputError("name", person.name, "is of nobody whose identifiers are kept: they were erased")
    return tuple(name for name in _FIELDS if before is None or getattr(before, name) != getattr(person, name))


def erase_person(connection: Connection, pseudonym: str, now: Instant) -> None:
    """Erase every identifier. The record of the pseudonym stays, and says nothing of anybody."""
    empty = {name: "" for name in _FIELDS if name != "name"}
    connection.execute(update(table).where(table.c.pseudonym == pseudonym).values(name=ERASED, erased=now.s, **empty))


def person_of(connection: Connection, pseudonym: str) -> Person | None:
    """Who a pseudonym is; None where nobody is known."""
    row = connection.execute(select(table).where(table.c.pseudonym == pseudonym)).one_or_none()
    return _person(row) if row else None


def people_of(connection: Connection, pseudonyms: Iterable[str]) -> dict[str, Person]:
    """Who several pseudonyms are."""
    wanted = list(pseudonyms)
    rows = connection.execute(select(table).where(table.c.pseudonym.in_(wanted))) if len(wanted) <= 500 else everybody(connection)
    return {row.pseudonym: _person(row) for row in rows}


def everybody(connection: Connection) -> list[Row[tuple[object, ...]]]:
    """The identifiers of all."""
    return list(connection.execute(select(table).order_by(table.c.name, table.c.pseudonym)))


def find(connection: Connection, text: str, limit: int = 20) -> list[tuple[str, Person]]:
    """People whose name, number, pseudonym or day of birth is nearly what was typed, the likeliest first."""
    wanted = _folded(text)
    if not wanted:
        return []
    scored = []
    for row in everybody(connection):
        score = max(_likeness(wanted, _folded(field)) for field in (row.name, row.number, row.pseudonym, row.born) if field)
        if score >= _ALIKE and row.erased is None:
            scored.append((-score, row.name, row))
    return [(row.pseudonym, _person(row)) for _, _, row in sorted(scored, key=lambda found: found[:2])[:limit]]


def _likeness(wanted: str, field: str) -> float:
    """1 for what is the same or begins so, less for what is spelled another way, in whole or word by word."""
    if wanted in field:
        return 1.0 if field.startswith(wanted) or f" {wanted}" in field else 0.9
    words, has = wanted.split(), field.split()
    by_word = [max((_ratio(word, other) for other in has), default=0.0) for word in words]
    return max(_ratio(wanted, field), min(by_word, default=0.0) * 0.98)


def _ratio(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, a, b)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0


def _folded(text: str) -> str:
    """Without accents, capitals and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(letters.split())


def _plain(person: Person) -> dict[str, str]:
    if not person.name.strip():
        raise InputError("name", "", "is missing")
    if person.name.strip().casefold() == ERASED:
        raise InputError("name", person.name, "is what stands where everything was erased")
    plain = {name: str(value).strip() for name, value in asdict(person).items()}
    plain["born"] = person.born.isoformat() if person.born else ""
    for name, most in too_long(person):
        raise InputError(name, plain[name][:40], "is too long", accepted=(f"at most {most} characters",))
    return plain


def too_long(person: Person) -> Iterator[tuple[str, int]]:
    """The identifiers that are longer than can be kept, with how long they may be: one of the databases would take more."""
    for name, value in asdict(person).items():
        kind = table.c[name].type
        if isinstance(kind, String) and kind.length is not None and len(str(value or "").strip()) > kind.length:
            yield name, kind.length


def _person(row: Row[tuple[object, ...]]) -> Person:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Person(**{**values, "born": date.fromisoformat(row.born) if row.born else None})
