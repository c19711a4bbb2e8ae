"""Closures and cover (CLN-04, ROL-12): days on which the clinic or one of its people is away, whom that concerns, who covers.

A closure is of the whole clinic, or of one person. Days on which everybody who may refill is away are closed as well (H32).
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, update

from thecal.clinic.account import Account, accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.open_days import Closure, closing, read_closures, set_setting, setting_of
from thecal.clinic.practice import By, Practice, Reading
from thecal.clinic.schema import booking as booking_table
from thecal.clinic.schema import closure as table
from thecal.clinic.schema import slot as slot_table
from thecal.clinic.standing import Standing, open_instant
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError, Refusal, nearest_name
from thecal.therapy.appointment import REFILLS
from thecal.therapy.rules import refusal_by
from thecal.timeline import DAY_S, Instant

TEXT_MAX = 120
DAYS_MAX = 366
"""Longer is a slip, or the end of the clinic."""
_DEPUTY = "deputy"
Outcome = Literal["gap", "move", "settled"]


@dataclass(frozen=True, slots=True)
class Inside:
    """A booking that falls into a closure. ``place`` is empty where no slot of this clinic was sold."""

    visit: str
    on: Instant
    place: str


@dataclass(frozen=True, slots=True)
class Affected:
    """Somebody whom a closure concerns: what is booked inside of it, the day to refill by, the open day before, what to do.

    A ``gap`` has no open day left, ``move`` has to be refilled or booked earlier, ``settled`` has a refill in time beside it.
    """

    stream: str
    outcome: Outcome
    refill_by: date | None
    inside: tuple[Inside, ...]
    to: date | None
    told: str


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who may refill today, and the deputy whom the clinic has named (ROL-12)."""

    refillers: tuple[Account, ...]
    deputy: str

    @property
    def alone(self) -> bool:
        """Whether one person or nobody may refill, and no deputy is named."""
        return len(self.refillers) < 2 and not self.deputy


def staffing(reading: Reading) -> Staffing:
    """Who may refill today, and who is the deputy."""
    staff = reading.staff()
    may = [one for one in accounts(reading.connection) if one.active and staff.may(one.name, one.role, "refill")]
    return Staffing(tuple(may), setting_of(reading.connection, _DEPUTY, ""))


def name_deputy(connection: Connection, told: str) -> None:
    """Keep who covers for a service of one person: name, site, telephone; nothing takes it back. Raises InputError."""
    if len(told) > 3 * TEXT_MAX:
        raise InputError("deputy", told[:40], f"is longer than {3 * TEXT_MAX} characters")
    set_setting(connection, _DEPUTY, told.strip())


def close(practice: Practice, wanted: Closure, by: By) -> tuple[Closure, int] | Refusal:
    """Write a closure down and withdraw the free slots inside of it: (the closure under its name, how many slots).

    Sold slots stay and are named by ``affected``. Refused where the cover may not refill or is away. Raises InputError.
    """
    with practice.database.writing() as connection:
        reading = Reading(practice, connection)
        refusal = check_closure(reading, wanted)
        if refusal is not None:
            return refusal
        made = replace(wanted, name=secrets.token_hex(8), what=wanted.what.strip(), cover=wanted.cover.strip())
        values = {"id": made.name, "first": made.first.isoformat(), "last": made.last.isoformat()}
        connection.execute(insert(table).values(**values, what=made.what, who=made.who, cover=made.cover))
        free = _free(reading, made, hold=True)
        connection.execute(update(slot_table).where(slot_table.c.id.in_(free)).values(withdrawn=reading.now.s))
        detail = f"{made.first} to {made.last}, {made.who or 'the whole clinic'}; {len(free)} free slots withdrawn"
        write_audit(connection, by.who, "wrote down a closure", reading.now, detail=detail, request=by.request)
    renew(practice)
    return made, len(free)


def reopen(practice: Practice, name: str, by: By) -> bool:
    """Take a closure back; whether there was one. Slots that it withdrew are not offered again by that."""
    with practice.database.writing() as connection:
        if not connection.execute(delete(table).where(table.c.id == name)).rowcount:
            return False
        write_audit(connection, by.who, "took back a closure", practice.now, detail=name, request=by.request)
    renew(practice)
    return True


def renew(practice: Practice) -> int:
    """Work out anew where those stand whose last open day is another one now; how many. Each chart is a transaction of its own:
    what is not reached is done by night.
    """
    with practice.reading() as reading:
        today, moved = reading.now.date(reading.zone), []
        for standing in all_standings(reading.connection):
            day, by = _due_day(standing, reading), standing.refill_by
            if day is not None and by is not None and open_instant(day, by, today, reading.open_days) != standing.open_by:
                moved.append(standing.stream)
    for stream in moved:
        practice.refresh(stream)
    return len(moved)


def check_closure(reading: Reading, wanted: Closure) -> Refusal | None:
    """Whether a closure can be written down. Raises InputError for days, words or people that cannot be."""
    today = reading.now.date(reading.zone)
    if wanted.last < wanted.first:
        raise InputError("last", wanted.last.isoformat(), f"is before the first day, {wanted.first}")
    if wanted.last < today:
        raise InputError("last", wanted.last.isoformat(), f"has passed: today is {today}")
    if (wanted.last - wanted.first).days >= DAYS_MAX:
        raise InputError("last", wanted.last.isoformat(), f"makes it longer than {DAYS_MAX} days")
    if not 0 < len(wanted.what.strip()) <= TEXT_MAX:
        raise InputError("what", wanted.what[:40], "is missing or too long", accepted=(f"1 to {TEXT_MAX} characters",))
    if len(wanted.cover) > TEXT_MAX:
        raise InputError("cover", wanted.cover[:40], "is too long", accepted=(f"at most {TEXT_MAX} characters",))
    staff = {account.name: account for account in accounts(reading.connection) if account.active}
    if wanted.who and wanted.who not in staff:
        raise InputError("who", wanted.who, "is nobody who works here", nearest=nearest_name(wanted.who, staff))
    same = [each for each in read_closures(reading.connection, today) if each.who == wanted.who]
    if any((each.first, each.last) == (wanted.first, wanted.last) for each in same):
        raise InputError("first", wanted.first.isoformat(), "to the last day is written down as closed already")
    return _cover_refused(reading, wanted, staff)


def _cover_refused(reading: Reading, wanted: Closure, staff: Mapping[str, Account]) -> Refusal | None:
    """A cover of this clinic has to be there, and may refill on each of the days; of one elsewhere nothing is known."""
    cover = staff.get(wanted.cover.strip())
    if cover is None:
        return None
    if cover.name == wanted.who:
        raise InputError("cover", cover.name, "is the person who is away")
    look, closures = reading.staff(), read_closures(reading.connection)
    for number in range((wanted.last - wanted.first).days + 1):
        day = wanted.first + timedelta(days=number)
        away = closing((each for each in closures if each.who), day, [cover.name])
        noon = Instant.parse(f"{day} 12:00", reading.zone, "first")
        if away is not None or not look.may(cover.name, cover.role, "refill", noon):
            why = f"is away ({away.what})" if away else "has no certificate to refill that counts"
            asked = f"{cover.full_name} as cover, who {why} on {day}"
            return refusal_by("ROL-12", asked, "a cover who is there and may refill", "Name somebody else, or a cover elsewhere.")
    return None


def day_start(day: date, zone: ZoneInfo) -> Instant:
    """The first second of a day at the clinic, also where the clocks change at midnight."""
    return Instant(int(datetime.combine(day, time(), zone).timestamp()))


def _bounds(reading: Reading, closure: Closure) -> tuple[int, int]:
    """Its first second, and the first after it."""
    return day_start(closure.first, reading.zone).s, day_start(closure.last + timedelta(days=1), reading.zone).s


def _free(reading: Reading, closure: Closure, *, hold: bool = False) -> list[str]:
    """The free slots inside; ``hold`` keeps everybody else from selling them until the transaction ends."""
    connection, (start, end) = reading.connection, _bounds(reading, closure)
    there = (slot_table.c.begins >= start, slot_table.c.begins < end, slot_table.c.withdrawn.is_(None))
    query = select(slot_table).where(*there).order_by(slot_table.c.id)
    rows = connection.execute(query.with_for_update() if hold else query).all()
    wanted = [row.id for row in rows if not closure.who or closure.who in (row.refiller, row.checker)]
    sold = select(booking_table.c.slot).where(booking_table.c.slot.in_(wanted), booking_table.c.cancelled.is_(None))
    taken = set(connection.execute(sold).scalars())
    return [name for name in wanted if name not in taken]


def free_inside(reading: Reading, closure: Closure) -> int:
    """How many free slots a closure would withdraw."""
    return len(_free(reading, closure))


def affected(reading: Reading, closure: Closure) -> tuple[Affected, ...]:
    """Everybody whom a closure concerns, gaps first: those booked inside, and those whose last open day it takes.

    ``closure`` need not be written down yet.
    """
    days, today = reading.open_days, reading.now.date(reading.zone)
    others = tuple(each for each in days.closures if each.name != closure.name)
    without, closed = replace(days, closures=others), replace(days, closures=(*others, closure))
    sold = _sold_inside(reading, closure)
    full_name = {account.name: account.full_name for account in accounts(reading.connection)}.get(closure.who, "")
    found: list[Affected] = []
    for standing in all_standings(reading.connection):
        due = _due_day(standing, reading) if not standing.ended else None
        inside = [*sold.pop(standing.stream, ())]
        inside += _booked_elsewhere_than_in_a_slot(standing, closure, reading, full_name, inside)
        moved = due is not None and without.last_open(due, today) != closed.last_open(due, today)
        if inside or moved:
            to = closed.last_open(due, today) if due is not None else None
            found.append(_judged(standing, closure, due, tuple(inside), to, reading))
    for stream, left in sold.items():
        found.append(Affected(stream, "move", None, tuple(left), None, "Move it to an open day."))
    rank: Mapping[Outcome, int] = {"gap": 0, "move": 1, "settled": 2}
    return tuple(sorted(found, key=lambda one: (rank[one.outcome], one.refill_by or date.max, one.stream)))


def _due_day(standing: Standing, reading: Reading) -> date | None:
    """The day to refill by on the calendar: whole days from the fill, as the rules count them, whatever the clocks did."""
    if standing.refill_by is None or standing.filled is None:
        return None
    return standing.filled.date(reading.zone) + timedelta(days=(standing.refill_by.s - standing.filled.s) // DAY_S)


def _sold_inside(reading: Reading, closure: Closure) -> dict[str, list[Inside]]:
    start, end = _bounds(reading, closure)
    rows = reading.connection.execute(
        select(booking_table.c.stream, booking_table.c.visit, slot_table)
        .join(slot_table, slot_table.c.id == booking_table.c.slot)
        .where(booking_table.c.cancelled.is_(None), slot_table.c.begins >= max(start, reading.now.s), slot_table.c.begins < end)
        .order_by(slot_table.c.begins, slot_table.c.id)
    )
    found: dict[str, list[Inside]] = defaultdict(list)
    for row in rows:
        if not closure.who or closure.who in (row.refiller, row.checker):
            found[row.stream].append(Inside(row.visit, Instant(row.begins), row.place))
    return dict(found)


def _booked_elsewhere_than_in_a_slot(
    standing: Standing, closure: Closure, reading: Reading, full_name: str, sold: list[Inside]
) -> Iterator[Inside]:
    """The next refill where it stands in the chart alone, as it does when it was brought in from elsewhere."""
    on = standing.booked
    if on is None or not closure.holds(on.date(reading.zone)) or standing.booked_with.startswith("elsewhere: "):
        return
    with_them = not closure.who or standing.booked_with in (full_name, closure.who)
    if with_them and all(each.on != on for each in sold):
        yield Inside("refill", on, "")


def _judged(
    standing: Standing, closure: Closure, due: date | None, inside: tuple[Inside, ...], to: date | None, reading: Reading
) -> Affected:
    refill_inside = any(each.visit in REFILLS for each in inside)
    if not inside and standing.in_time and standing.booked is not None:
        told = f"Booked for {standing.booked.date(reading.zone)}, in time: nothing to do."
        return Affected(standing.stream, "settled", due, inside, to, told)
    if inside and not refill_inside:
        unsettled = due is not None and not standing.in_time
        told = "Move the visit to an open day." + (f" Refill by {to}, which is not booked either." if unsettled and to else "")
        return Affected(standing.stream, "move", due, inside, to, told)
    if due is None:
        return Affected(standing.stream, "move", due, inside, to, "Move it to an open day; by when to refill is not known.")
    if to is None:
        cover = f"Ask {closure.cover}, who covers" if closure.cover else "Nobody covers: name a cover"
        told = f"No open day is left on or before {due}. {cover}; have it refilled elsewhere, or open a day for it."
        return Affected(standing.stream, "gap", due, inside, None, told)
    verb = "Move the refill to" if refill_inside else "Book the refill for"
    return Affected(standing.stream, "move", due, inside, to, f"{verb} {to} or before: the last open day by {due}.")
