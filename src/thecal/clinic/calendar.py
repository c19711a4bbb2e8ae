"""Calendars to subscribe to: what is booked, as iCalendar (RFC 5545), behind a secret address that ends and can be revoked.

Nobody's name is in a calendar but that of the staff, unless its address was made so; a pseudonym stands for the person. The
database knows only the digest of an address.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from icalendar import Calendar, Event
from sqlalchemy import Connection, Row, insert, select, update

from thecal.chart.vocabulary import words
from thecal.clinic.account import Account, accounts
from thecal.clinic.booking import Wish, next_booking, sold_ahead
from thecal.clinic.open_days import Closure, closing, read_closures
from thecal.clinic.people import people_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Reading
from thecal.clinic.schema import api_token as table
from thecal.clinic.sign_in import digest_of
from thecal.clinic.slots import Booking
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError
from thecal.therapy.look import UTC
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant

KIND = "text/calendar; charset=utf-8"
NAME_MAX = 60
_LABEL, _CALENDAR, _CLINIC, _NAMES = "calendar ", "calendar", "clinic", "names"
_ZONE_YEARS = 5  # as far as anybody books, the changes of the clocks are written out
_PRODUCT = "-//thecal//calendar of a pump clinic//EN"


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar that somebody subscribes to: the clinic's or their own, with the names of people or without.

    ``number`` is the digest of its address, ``name`` what its owner calls it.
    """

    number: str
    account: str
    name: str
    clinic: bool
    names: bool
    made: Instant
    ends: Instant
    revoked: Instant | None = None

    def state(self, now: Instant) -> str:
        """``counts``, ``ended`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "ended" if now >= self.ends else "counts"


def make_feed(connection: Connection, account: str, name: str, now: Instant, *, clinic: bool, names: bool) -> tuple[str, Feed]:
    """(the token of a new calendar, which is not kept and not shown again; the calendar).

    It takes the place of the one of the same owner and name. Raises InputError for a name that is missing or too long.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_MAX:
        raise InputError("name", name[:40], "is missing or too long", accepted=(f"1 to {NAME_MAX} characters",))
    for other in feeds(connection, account):
        if other.name == name and other.revoked is None:
            revoke_feed(connection, other.number, now, account=account)
    token = secrets.token_urlsafe(32)
    ends = now + Duration.parse(settings_of("clinic")["api_token"].value, "api_token")
    made = Feed(digest_of(token), account, name, clinic, names, now, ends)
    permissions = " ".join((_CALENDAR, *([_CLINIC] if clinic else []), *([_NAMES] if names else [])))
    values = {"token": made.number, "label": _LABEL + name, "account": account, "permissions": permissions}
    connection.execute(insert(table).values(**values, made=now.s, ends=ends.s))
    return token, made


def feeds(connection: Connection, account: str | None = None) -> list[Feed]:
    """The calendars of somebody, or of everybody, the newest first."""
    query = select(table).order_by(table.c.made.desc(), table.c.token)
    if account is not None:
        query = query.where(table.c.account == account)
    return [_feed(row) for row in connection.execute(query) if _is_calendar(row)]


def feed_of(connection: Connection, token: str, now: Instant) -> Feed | None:
    """The calendar of a token, where it counts. One that is wrong, ended, revoked or for something else is nothing."""
    row = connection.execute(select(table).where(table.c.token == digest_of(token))).one_or_none()
    found = _feed(row) if row is not None and _is_calendar(row) else None
    return found if found is not None and found.state(now) == "counts" else None


def revoke_feed(connection: Connection, number: str, now: Instant, *, account: str | None = None) -> bool:
    """End a calendar now, one of an account where it is named; whether there was one that was not revoked before."""
    which = [table.c.token == number, table.c.revoked.is_(None), table.c.label.startswith(_LABEL)]
    if account is not None:
        which.append(table.c.account == account)
    return connection.execute(update(table).where(*which).values(revoked=now.s)).rowcount == 1


def _is_calendar(row: Row[tuple[object, ...]]) -> bool:
    return bool(row.permissions.split()[:1] == [_CALENDAR] and row.label.startswith(_LABEL))


def _feed(row: Row[tuple[object, ...]]) -> Feed:
    rights = row.permissions.split()
    revoked = Instant(row.revoked) if row.revoked is not None else None
    name = row.label.removeprefix(_LABEL)
    return Feed(row.token, row.account, name, _CLINIC in rights, _NAMES in rights, Instant(row.made), Instant(row.ends), revoked)


def feed_calendar(reading: Reading, feed: Feed, owner: Account, *, names: bool) -> bytes:
    """What a calendar holds now: bookings from today on, and closures. What was cancelled is no longer in it.

    ``names`` says whether its owner may see names today; without it there are none, whatever the calendar was made for.
    """
    staff = {account.name: account.full_name for account in accounts(reading.connection)}
    mine = None if feed.clinic else owner
    sold = [one for one in sold_ahead(reading) if mine is None or mine.name in (one.slot.refiller, one.slot.checker)]
    charted = list(_in_charts_alone(reading, mine))
    streams = {*(one.stream for one in sold), *(stream for stream, _, _ in charted)}
    people = people_of(reading.connection, streams) if feed.names and names else {}
    title = reading.office.name if mine is None else f"{reading.office.name}: {owner.full_name}"
    closures = read_closures(reading.connection, reading.now.date(reading.zone))
    events = [_of_booking(reading, one, staff, people, closures) for one in sold]
    for stream, on, who in charted:
        event = _event(f"{_stable(stream, 'refill', on)}@thecal", reading, on, None, reading.now)
        _describe(event, f"refill: {_called(stream, people)}", "", f"With {who}" if who else "Nobody is named for it")
        events.append(event)
    events += _closed(reading, mine, staff, closures)
    return _written(reading, title, events)


def _in_charts_alone(reading: Reading, mine: Account | None) -> Iterator[tuple[str, Instant, str]]:
    """The next refills that stand in a chart and in no slot: brought in from elsewhere, or written down without one."""
    sold = {(one.stream, one.slot.begins) for one in sold_ahead(reading)}
    for standing in all_standings(reading.connection):
        on, who = standing.booked, standing.booked_with
        if on is None or (standing.stream, on) in sold or who.startswith("elsewhere: "):
            continue
        ahead = on.date(reading.zone) >= reading.now.date(reading.zone)
        if ahead and (mine is None or who in (mine.full_name, mine.name)):
            yield standing.stream, on, who


def _called(stream: str, people: dict[str, Person]) -> str:
    return people[stream].name if stream in people else stream


def _of_booking(
    reading: Reading, one: Booking, staff: dict[str, str], people: dict[str, Person], closures: tuple[Closure, ...]
) -> Event:
    slot = one.slot
    event = _event(f"{one.name}@thecal", reading, slot.begins, slot.ends, one.made)
    refiller, checker = staff.get(slot.refiller, slot.refiller), staff.get(slot.checker, slot.checker)
    closed = closing(closures, slot.begins.date(reading.zone), (slot.refiller, slot.checker))
    told = f"With {refiller}; {checker} checks."
    _describe(
        event,
        f"{one.visit}: {_called(one.stream, people)}",
        slot.place,
        told + (" It is in a closure: move it." if closed else ""),
    )
    return event


def _closed(reading: Reading, mine: Account | None, staff: dict[str, str], closures: tuple[Closure, ...]) -> Iterator[Event]:
    """Closures as whole days; somebody's own calendar has those of the clinic and of that person."""
    for closure in closures:
        if mine is None or closure.who in ("", mine.name):
            event = Event()
            event.add("uid", f"{closure.name}@thecal")
            event.add("dtstamp", reading.now.local(UTC))
            event.add("dtstart", closure.first)
            event.add("dtend", closure.last + timedelta(days=1))
            whose = staff.get(closure.who, closure.who) if closure.who else "the clinic"
            cover = staff.get(closure.cover, closure.cover)
            _describe(event, f"closed: {whose} ({closure.what})", "", f"Cover: {cover}" if cover else "Nobody covers.")
            yield event


def visit_calendar(reading: Reading, stream: str) -> bytes | None:
    """The next visit of a person as a file for their own calendar, without a name; None where none is booked.

    Raises InputError where nobody has that chart.
    """
    wish = Wish.of(reading, stream, "refill")
    found = next_booking(wish)
    if found is None:
        return None
    office, ends = reading.office, found.slot.ends if found.slot else None
    event = _event(f"{_stable(stream, found.visit, found.on)}@thecal", reading, found.on, ends, reading.now)
    place = ", ".join(part for part in (found.slot.place if found.slot else "", office.address) if part)
    told = [f"With {found.who}." if found.who else "", f"Telephone by day {office.by_day}." if office.by_day else ""]
    _describe(event, f"{office.name}: {words('visits')[found.visit].text}", place, " ".join(filter(None, told)))
    return _written(reading, office.name, [event])


def _stable(stream: str, visit: str, on: Instant) -> str:
    """A name of a booking without a slot that stays the same, and says nothing of the person."""
    return sha256(f"{stream} {visit} {on.s}".encode()).hexdigest()[:32]


def _event(uid: str, reading: Reading, begins: Instant, ends: Instant | None, stamp: Instant) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp.local(UTC))
    event.add("dtstart", begins.local(reading.zone))
    if ends is not None:
        event.add("dtend", ends.local(reading.zone))
    return event


def _describe(event: Event, summary: str, place: str, told: str) -> None:
    event.add("summary", summary)
    if place:
        event.add("location", place)
    if told:
        event.add("description", told)


def _written(reading: Reading, title: str, events: list[Event]) -> bytes:
    calendar = Calendar()
    for name, value in (("prodid", _PRODUCT), ("version", "2.0"), ("x-wr-calname", title)):
        calendar.add(name, value)
    calendar.add("x-wr-timezone", reading.office.timezone)
    for event in events:
        calendar.add_component(event)
    year = reading.now.date(reading.zone).year
    calendar.add_missing_timezones(first_date=date(year - 1, 1, 1), last_date=date(year + _ZONE_YEARS, 1, 1))
    raw: bytes = calendar.to_ical()
    return raw
