"""Slots: a time at a place with somebody who may refill and somebody who checks (CLN-02); offered, sold once, or withdrawn."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, insert, select, update

from thecal.clinic.account import Account, accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.open_days import Closure, closing, read_closures
from thecal.clinic.practice import By, Practice, Reading
from thecal.clinic.schema import booking as booking_table
from thecal.clinic.schema import slot as table
from thecal.errors import InputError, Refusal, nearest_name
from thecal.therapy.look import Look
from thecal.therapy.permissions import Permission
from thecal.therapy.rules import refusal_by
from thecal.timeline import DAY_S, Duration, Instant

PLACE_MAX = 120
DAYS_MAX = 366
SLOTS_MAX = 500
"""So many at once are offered at most: more is a slip."""
RULES = "thecal: the rules of scheduling, a default (D)"
"""Where the rules of CLN-02 to CLN-04 come from."""
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")
Times = Sequence[tuple[Instant, Instant]]


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at a place. ``refiller`` and ``checker`` are names of accounts, never the same."""

    name: str
    begins: Instant
    ends: Instant
    place: str
    refiller: str
    checker: str
    withdrawn: Instant | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A slot that was sold, to whom, for which visit."""

    name: str
    slot: Slot
    stream: str
    visit: str
    made: Instant
    made_by: str


def slot_of(row: Row[tuple[object, ...]]) -> Slot:
    """A slot from its row."""
    withdrawn = Instant(row.withdrawn) if row.withdrawn is not None else None
    return Slot(row.id, Instant(row.begins), Instant(row.ends), row.place, row.refiller, row.checker, withdrawn)


def slot_named(connection: Connection, name: str, *, hold: bool = False) -> Slot | None:
    """The slot of a name; ``hold`` keeps everybody else from selling or withdrawing it until the transaction ends."""
    query = select(table).where(table.c.id == name)
    row = connection.execute(query.with_for_update() if hold else query).one_or_none()
    return slot_of(row) if row is not None else None


def slots_between(connection: Connection, start: Instant, end: Instant) -> list[Slot]:
    """The slots that begin from an instant on and before another, the withdrawn ones left out, in order of time."""
    return [slot_of(row) for row in connection.execute(_slots(start).where(table.c.begins < end.s))]


def free_slots(connection: Connection, since: Instant) -> list[Slot]:
    """The slots that nobody has taken, from an instant on."""
    sold = select(booking_table.c.slot).where(booking_table.c.cancelled.is_(None))
    return [slot_of(row) for row in connection.execute(_slots(since).where(table.c.id.not_in(sold)))]


def _slots(since: Instant) -> Select[tuple[object, ...]]:
    there = (table.c.begins >= since.s, table.c.withdrawn.is_(None))
    return select(table).where(*there).order_by(table.c.begins, table.c.place)


def bookings(connection: Connection, since: Instant, until: Instant | None = None, *, stream: str | None = None) -> list[Booking]:
    """What is sold and not taken back, of slots that begin from an instant on, in order of time; of one chart where named."""
    query = _sold().where(table.c.begins >= since.s)
    if until is not None:
        query = query.where(table.c.begins < until.s)
    if stream is not None:
        query = query.where(booking_table.c.stream == stream)
    return [_booking(row) for row in connection.execute(query)]


def booking_of(connection: Connection, slot: str) -> Booking | None:
    """Who has a slot; None where nobody has."""
    row = connection.execute(_sold().where(table.c.id == slot)).one_or_none()
    return _booking(row) if row is not None else None


def _sold() -> Select[tuple[object, ...]]:
    own = [column.label(f"booking_{column.name}") for column in booking_table.columns]
    query = select(table, *own).join(booking_table, booking_table.c.slot == table.c.id)
    return query.where(booking_table.c.cancelled.is_(None)).order_by(table.c.begins, table.c.place)


def _booking(row: Row[tuple[object, ...]]) -> Booking:
    made = Instant(row.booking_made)
    return Booking(row.booking_id, slot_of(row), row.booking_stream, row.booking_visit, made, row.booking_made_by)


def local_times(first: date, last: date, weekdays: Iterable[int], times: str, lasts: Duration, zone: ZoneInfo) -> Times:
    """Beginnings and ends from a first to a last day on some weekdays (Monday is 0), each at ``times`` ("09:00, 10:30").

    Raises InputError for what cannot be, and for a time that a change of the clocks leaves out or brings twice.
    """
    if last < first:
        raise InputError("last", last.isoformat(), f"is before the first day, {first}")
    if (last - first).days >= DAYS_MAX:
        raise InputError("last", last.isoformat(), f"makes it longer than {DAYS_MAX} days")
    if not 0 < lasts.s <= DAY_S // 2:
        raise InputError("minutes", str(lasts), "is no length of a slot", accepted=("1 min to 12 h",))
    clocks = [part for part in re.split(r"[\s,;]+", times) if part]
    wrong = next((clock for clock in clocks if not _TIME.fullmatch(clock)), None)
    if wrong is not None or not clocks:
        raise InputError("times", wrong or "", "is no time of day" if wrong else "are missing", accepted=("09:00, 10:30",))
    wanted = set(weekdays)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [
        Instant.parse(f"{day} {clock.zfill(5)}", zone, "times") for day in days if day.weekday() in wanted for clock in clocks
    ]
    if not begins:
        raise InputError("weekdays", "", f"have no day from {first} to {last}")
    return tuple((begin, begin + lasts) for begin in sorted(set(begins)))


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works here, what they may do (by a look that knows the certificates), and when they are away."""

    staff: Mapping[str, Account]
    look: Look
    closures: tuple[Closure, ...]

    @classmethod
    def of(cls, reading: Reading) -> "Crew":
        """The people of today, and the closures from today on."""
        staff = {account.name: account for account in accounts(reading.connection) if account.active}
        return cls(staff, reading.staff(), read_closures(reading.connection, reading.now.date(reading.zone)))

    def refused(self, slot: Slot, permission: Permission | None) -> Refusal | None:
        """Why the people of a slot cannot do a visit that asks for a permission: not there, not certified on the day, or away."""
        day = slot.begins.date(self.look.zone)
        away = closing(self.closures, day, (slot.refiller, slot.checker))
        if away is not None:
            whose = self.staff[away.who].full_name if away.who in self.staff else away.who
            asked = f"a slot on {day}, when {f'{whose} is away' if whose else 'the clinic is closed'} ({away.what})"
            return Refusal("CLN-04", asked, "a day that is open", RULES, "Take an open day before it.")
        wants: tuple[tuple[str, Permission | None], ...] = ((slot.refiller, permission), (slot.checker, "double-check"))
        for name, needed in wants:
            account = self.staff.get(name)
            if account is None:
                asked = f"a slot on {day} with {name}, who no longer works here"
                return Refusal("CLN-02", asked, "two people who work here", RULES, "Withdraw the slot, and offer it with others.")
            if needed is not None and not self.look.may(name, account.role, needed, slot.begins):
                asked = f"{account.full_name}, {account.role}, to {needed} on {day}"
                allowed = f"somebody who may {needed} on that day"
                return refusal_by("ROL-11", asked, allowed, "Take somebody who may, or renew the certificate before.")
        return None


def offer_slots(practice: Practice, times: Times, place: str, refiller: str, checker: str, by: By) -> tuple[Slot, ...] | Refusal:
    """Offer slots, all of them or none. Refused where somebody may not do it on a day (ROL-11), or is away (CLN-04).

    Raises InputError for people who are not there, and for times that are over or overlap with what is offered at the place or
    by the refiller. Who checks may do so at two places: a check takes minutes of a slot.
    """
    place = " ".join(place.split())
    with practice.database.writing() as connection:
        if connection.dialect.name == "postgresql":  # the other database has one writer anyway
            connection.exec_driver_sql("LOCK TABLE slot IN SHARE ROW EXCLUSIVE MODE")
        reading = Reading(practice, connection)
        _check_words(reading, times, place)
        crew = Crew.of(reading)
        for field, name in (("refiller", refiller), ("checker", checker)):
            if name not in crew.staff:
                raise InputError(field, name, "is nobody who works here", nearest=nearest_name(name, crew.staff))
        if refiller == checker:
            raise InputError("checker", checker, "refills already: a slot needs two people")
        wanted = [Slot(secrets.token_hex(8), begin, end, place, refiller, checker) for begin, end in times]
        for slot in wanted:
            refusal = crew.refused(slot, "refill")
            if refusal is not None:
                return refusal
        _check_overlaps(connection, wanted, reading.zone)
        kept = [_keep(connection, slot) for slot in wanted]
        detail = f"{len(kept)} at {place}, with {refiller} and {checker}, from {kept[0].begins.utc_text()}"
        write_audit(connection, by.who, "offered slots", reading.now, detail=detail, request=by.request)
    return tuple(kept)


def _check_words(reading: Reading, times: Times, place: str) -> None:
    if not 0 < len(place) <= PLACE_MAX:
        raise InputError("place", place[:40], "is missing or too long", accepted=(f"1 to {PLACE_MAX} characters",))
    if not 0 < len(times) <= SLOTS_MAX:
        raise InputError("times", str(len(times)), "is no number of slots to offer at once", accepted=(f"1 to {SLOTS_MAX}",))
    for begin, end in times:
        if begin < reading.now:
            raise InputError("times", begin.local_text(reading.zone), "is over already")
        if end <= begin:
            raise InputError("times", begin.local_text(reading.zone), "ends before it begins")


def _check_overlaps(connection: Connection, wanted: Sequence[Slot], zone: ZoneInfo) -> None:
    start, end = min(slot.begins.s for slot in wanted), max(slot.ends.s for slot in wanted)
    there = select(table).where(table.c.withdrawn.is_(None), table.c.ends > start, table.c.begins < end)
    known = [slot_of(row) for row in connection.execute(there)]
    for slot in wanted:
        for other in known:
            shared = slot.place == other.place or slot.refiller == other.refiller
            if shared and slot.begins < other.ends and other.begins < slot.ends:
                told = f"overlaps with {other.begins.local_text(zone)} at {other.place}, with {other.refiller}"
                raise InputError("times", slot.begins.local_text(zone), told)
        known.append(slot)


def _keep(connection: Connection, slot: Slot) -> Slot:
    """Write a slot down; one of the same time and place that was withdrawn is offered again with who is there now."""
    values = {"ends": slot.ends.s, "refiller": slot.refiller, "checker": slot.checker, "withdrawn": None}
    same = (table.c.begins == slot.begins.s, table.c.place == slot.place)
    name: str | None = connection.execute(select(table.c.id).where(*same)).scalar_one_or_none()
    if name is None:
        connection.execute(insert(table).values(id=slot.name, begins=slot.begins.s, place=slot.place, **values))
        return slot
    connection.execute(update(table).where(table.c.id == name).values(values))
    return Slot(name, slot.begins, slot.ends, slot.place, slot.refiller, slot.checker)


def withdraw(practice: Practice, name: str, by: By) -> Slot | Refusal:
    """Withdraw a slot that nobody has; a sold one is to be moved first. Raises InputError for one that is not there."""
    with practice.database.writing() as connection:
        slot = slot_named(connection, name, hold=True)
        if slot is None or slot.withdrawn is not None:
            raise InputError("slot", name, "is not offered, or was withdrawn already")
        if booking_of(connection, name) is not None:
            asked = "to withdraw a slot that somebody has"
            return Refusal("CLN-02", asked, "slots that nobody has", RULES, "Move the booking to another slot first.")
        connection.execute(update(table).where(table.c.id == name).values(withdrawn=practice.now.s))
        write_audit(connection, by.who, "withdrew a slot", practice.now, detail=name, request=by.request)
    return slot
