"""Booking: a slot is sold and the chart says so, both in one transaction or neither; moved, cancelled, confirmed elsewhere.

A refill is never later than its day to refill by (SAF-08, REF-04). Where that day has passed it is on the first day that has a
free slot, and no later. A person has one refill ahead: booking another one takes the older back. What was kept stays.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from sqlalchemy import Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from thecal.chart.clinical import Booked
from thecal.chart.facts import Filled
from thecal.chart.vocabulary import words
from thecal.clinic.closures import day_start
from thecal.clinic.entry import Ended, Entry
from thecal.clinic.history import History, Recorded
from thecal.clinic.item import span
from thecal.clinic.people import person_of
from thecal.clinic.practice import CHART, By, Practice, Reading
from thecal.clinic.record import StaleError
from thecal.clinic.schema import booking as table
from thecal.clinic.schema import slot as slot_table
from thecal.clinic.slots import RULES, Booking, Crew, Slot, booking_of, bookings, free_slots, slot_named
from thecal.clinic.stock_kept import KeptStock, stock_on_hand
from thecal.errors import InputError, Refusal, nearest_name
from thecal.quantity import Volume
from thecal.therapy.appointment import HOME, REFILLS, appointments, in_time
from thecal.therapy.due import RefillDue, refill_due
from thecal.therapy.home_refill import home_refill_gates
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.therapy.rules import refusal_by
from thecal.therapy.service import pump_in_place
from thecal.therapy.team import NEEDS, open_bookings, upcoming
from thecal.therapy.visiting import last_visit
from thecal.timeline import DAY_S, HOUR_S, Instant

VISITS = ("refill", HOME, "titration", "follow-up", "post-op", "assessment", "unscheduled")
"""The visits that are done in a slot."""
REASONS = ("the person asked for it", "the person is ill", "nobody is there to do it", "it was booked by mistake")
"""Why a booking is taken back: words that say nothing of who it is, for the audit."""
_REFILL_DUE = "a refill"  # what the pathway calls it


@dataclass(frozen=True, slots=True)
class Fit:
    """How a slot fits a visit: why not, where it does not; what to look at first; what else the same day serves.

    ``clinical`` are warnings of the drug, for those who may read the chart.
    """

    slot: Slot
    refusal: Refusal | None
    warnings: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is booked of a person: in the chart, in a slot, or (as it should be) in both."""

    visit: str
    on: Instant
    who: str
    slot: Slot | None
    in_chart: bool


@dataclass(frozen=True)
class Wish:
    """A visit that somebody is to have, and all that decides when."""

    reading: Reading
    history: History
    look: Look
    visit: str
    crew: Crew
    due: RefillDue | None

    @classmethod
    def of(cls, reading: Reading, stream: str, visit: str) -> "Wish":
        """Of the person of a chart. Raises InputError for a visit that is in no slot, and where nobody has that chart."""
        if visit not in VISITS:
            raise InputError("visit", visit, "is not booked in slots", accepted=VISITS, nearest=nearest_name(visit, VISITS))
        history = reading.history(stream)
        if not stream.startswith(CHART) or (not history.rows and person_of(reading.connection, stream) is None):
            raise InputError("person", stream, "is nobody who is on record here")
        look = reading.look(history)
        return cls(reading, history, look, visit, Crew.of(reading), refill_due(look) if visit in REFILLS else None)

    @classmethod
    def seen(cls, reading: Reading, stream: str, seen: int, visit: str) -> "Wish":
        """The same, as somebody has seen it at a version. Raises StaleError where another one was written since."""
        wish = cls.of(reading, stream, visit)
        if wish.history.version != seen:
            raise StaleError(stream, seen, wish.history.version, wish.history.rows[-1].who if wish.history.rows else "")
        return wish

    @property
    def ended(self) -> Refusal | None:
        """Why somebody whom the clinic no longer treats gets no visit."""
        ended = self.history.last(Ended)
        if ended is None:
            return None
        asked = f"a visit of somebody whom the clinic no longer treats ({ended.how})"
        return Refusal("CLN-02", asked, "people who are treated here", RULES, "Correct that first, where it is wrong.")

    @property
    def today(self) -> date:
        return self.look.now.date(self.look.zone)

    @property
    def overdue(self) -> bool:
        """Whether the day to refill by has passed."""
        return self.due is not None and self.due.date(self.look.zone) < self.today

    @property
    def kinds(self) -> tuple[str, ...]:
        """The visits of which one is booked at a time."""
        return REFILLS if self.visit in REFILLS else (self.visit,)

    def refused(self, slot: Slot) -> Refusal | None:
        """Why the visit cannot be in a slot; None where it can."""
        return self._refused_by_itself(slot) or (self._refused_late(slot) if self.visit in REFILLS else None)

    def _refused_by_itself(self, slot: Slot) -> Refusal | None:
        """Everything but the day to refill by."""
        day = slot.begins.date(self.look.zone)
        if self.ended is not None:
            return self.ended
        if slot.withdrawn is not None or slot.begins < self.look.now:
            told = "was withdrawn" if slot.withdrawn is not None else "has begun"
            return Refusal("CLN-02", f"a slot that {told}", "slots that are free and to come", RULES, "Take another slot.")
        if self.visit in REFILLS:
            if pump_in_place(self.look.known) is None:
                return refusal_by("REF-04", "a refill without a pump", "a pump in place", "Record the implant first.")
            filled = self.look.chart.filled
            if filled is not None and slot.begins.s < filled.at.s + round(self.look.limit("RPC-01", "day").value * HOUR_S):
                asked, allowed = (
                    f"a refill on {day}, the day of the last one",
                    f"after the refill of {filled.at.date(self.look.zone)}",
                )
                return refusal_by("REF-05", asked, allowed, "Take a later slot.")
        return self.crew.refused(slot, NEEDS.get(self.visit))

    def _refused_late(self, slot: Slot) -> Refusal | None:
        due, zone, day = self.due, self.look.zone, slot.begins.date(self.look.zone)
        if due is None or in_time(self.look, slot.begins, due):
            return None
        by = f"{due.date(zone)}, {due.buffer} before the {due.governed_by} bound (REF-04)"
        if not self.overdue:
            advice = "Take or offer an earlier slot, or have it refilled elsewhere before that day."
            return refusal_by("SAF-08", f"a refill on {day}", f"on or before {by}", advice)
        first = self._first_free_day
        if first is None or day <= first:
            return None
        asked, allowed = f"a refill on {day}, which was due by {by}", f"the first day that has a free slot, {first}"
        return refusal_by("SAF-08", asked, allowed, "Take a slot of that day, or have it refilled elsewhere today.")

    @cached_property
    def _first_free_day(self) -> date | None:
        free = free_slots(self.reading.connection, self.look.now)
        days = (slot.begins.date(self.look.zone) for slot in free if self._refused_by_itself(slot) is None)
        return next(days, None)

    @cached_property
    def _stock(self) -> list[KeptStock]:
        return stock_on_hand(self.reading.connection)

    def warnings(self, slot: Slot) -> Iterator[str]:
        """What of its date to look at before a slot is taken; nothing of it stops."""
        if self.visit not in REFILLS:
            return
        filled, look = self.look.chart.filled, self.look
        if self.due is None:
            yield "By when to refill is not known: the chart does not say what runs."
        elif self.overdue:
            yield f"It was due by {self.due.date(look.zone)}: as soon as it can be done (REF-04)."
        if filled is not None:
            short = look.limit("REF-05", "short")
            if slot.begins.s - filled.at.s < short.value * DAY_S:
                days = (slot.begins.s - filled.at.s) // DAY_S
                yield f"{days} days after the last refill: clinics wait at least {short} (REF-05)."

    def clinical(self, slot: Slot) -> Iterator[str]:
        """What of the drug to look at before; nothing of it stops."""
        if self.visit in REFILLS and self.look.chart.filled is not None:
            yield from self._short_of_drug(slot, self.look.chart.filled)

    @property
    def gates(self) -> tuple[str, ...]:
        """What still stands against a refill at home, whichever slot it is in (RPC-14); it does not stop a booking."""
        found = home_refill_gates(self.look) if self.visit == HOME else ()
        return tuple(f"{finding.asked}. {finding.next} ({finding.rule})" for finding in found)

    def _short_of_drug(self, slot: Slot, filled: Filled) -> Iterator[str]:
        """Of a clinic that keeps its stock: that it holds less of the strength than the last fill took."""
        if not self._stock:
            return
        day = slot.begins.date(self.look.zone)
        good = [one.stock for one in self._stock if one.stock.strength == filled.concentration and one.stock.expires >= day]
        held = Volume(sum(lot.vial.nl * lot.count for lot in good))
        if held < filled.volume:
            took = f"the last refill took {filled.volume}"
            yield f"In stock and good on that day: {held} of {filled.concentration}; {took} (REF-11)."

    def combines(self, slot: Slot) -> Iterator[str]:
        """What else the day of a slot serves (CLN-03): visits that are booked on it, and due ones that would come before long."""
        day, zone = slot.begins.date(self.look.zone), self.look.zone
        for booking in upcoming(self.look, *words("visits")):
            if booking.visit not in self.kinds and booking.on.date(zone) == day:
                yield f"{words('visits')[booking.visit].text}, booked at {booking.on.local_text(zone)[-5:]}"
        if self.due is None or self.overdue:
            return
        near = Instant(max(self.due.refill_by.s - span("amber").s, 0))  # earlier than that, drug is thrown away for it
        for other in pathway(self.look).due:
            within = other.by is not None and near <= other.by <= self.due.refill_by
            if other.what != _REFILL_DUE and within and other.by and near <= slot.begins and day <= other.by.date(zone):
                yield f"{other.what}, due by {other.by.date(zone)} ({other.rule})"

    def fit(self, slot: Slot) -> Fit:
        """How a slot fits."""
        refusal = self.refused(slot)
        if refusal is not None:
            return Fit(slot, refusal)
        return Fit(slot, None, tuple(self.warnings(slot)), tuple(self.clinical(slot)), tuple(self.combines(slot)))


def fits(wish: Wish) -> tuple[Fit, ...]:
    """Every free slot, best first (CLN-03): those that save a visit, then the latest in time; what does not fit stands last.

    What is overdue, and what is no refill, is best as soon as it can be.
    """
    found = [wish.fit(slot) for slot in free_slots(wish.reading.connection, wish.look.now)]
    late = -1 if wish.due is not None and not wish.overdue else 1
    good = sorted((one for one in found if one.refusal is None), key=lambda one: (-len(one.combines), late * one.slot.begins.s))
    return (*good, *(one for one in found if one.refusal is not None))


def standing_bookings(wish: Wish) -> tuple[Standing, ...]:
    """What is booked of the person from today on, by date, whatever the visit."""
    connection, zone = wish.reading.connection, wish.look.zone
    sold = bookings(connection, day_start(wish.today, zone), stream=wish.history.stream)
    in_chart = {(fact.visit, fact.on): fact for fact in upcoming(wish.look, *words("visits"))}
    in_slot = {(one.visit, one.slot.begins): one for one in sold}
    found = []
    for key in sorted({*in_chart, *in_slot}, key=lambda key: (key[1], key[0])):
        fact, row = in_chart.get(key), in_slot.get(key)
        full_name = wish.crew.staff[row.slot.refiller].full_name if row and row.slot.refiller in wish.crew.staff else ""
        who = (fact.who or "") if fact else full_name
        found.append(Standing(*key, who, row.slot if row else None, fact is not None))
    return tuple(found)


class _TakenError(Exception):
    """Somebody else has sold the slot of that time."""


def _taken(when: str) -> Refusal:
    asked = f"the slot of {when}, which was taken a moment ago"
    return Refusal("CLN-02", asked, "slots that nobody has", RULES, "Nothing was written. Take another slot.")


def book(practice: Practice, stream: str, seen: int, slot: str, visit: str, by: By) -> int | Refusal:
    """Sell a slot for a visit, take back what was booked of that visit before, and give the chart's new version.

    Of a slot that somebody else has taken meanwhile, and of one that does not fit, nothing is written: a Refusal says why.
    Raises StaleError, and InputError for a slot, person or visit that is not there.
    """
    try:
        with practice.database.writing() as connection:
            reading = Reading(practice, connection)
            held = slot_named(connection, slot, hold=True)
            if held is None:
                raise InputError("slot", slot, "is not offered")
            if booking_of(connection, slot) is not None:  # first of all: who lost a race holds up nobody
                return _taken(held.begins.local_text(reading.zone))
            wish = Wish.seen(reading, stream, seen, visit)
            refusal = wish.refused(held)
            if refusal is not None:
                return refusal
            return _sell(wish, held, by)
    except _TakenError as error:
        return _taken(str(error))


def _sell(wish: Wish, slot: Slot, by: By) -> int | Refusal:
    now, connection = wish.look.now, wish.reading.connection
    booked = Booked(now, wish.visit, slot.begins, wish.crew.staff[slot.refiller].full_name)
    older = [fact for fact in _ahead(wish.look, *wish.kinds) if (fact.visit, fact.on) != (booked.visit, booked.on)]
    entries: list[Entry] = [Booked(now, fact.visit, fact.on, fact.who, cancelled=True) for fact in older]
    entries.append(booked)
    after = look_after(wish, entries)
    ahead = appointments(after) if wish.visit in REFILLS else (booked,)
    if ahead != (booked,) or _ahead(after, *wish.kinds) != (booked,):
        return same_second("the booking")
    _give_back(wish, wish.kinds)
    row = {"id": secrets.token_hex(16), "slot": slot.name, "stream": wish.history.stream, "visit": wish.visit}
    try:
        connection.execute(insert(table).values(**row, made=now.s, made_by=by.who))
    except IntegrityError:  # the index that no slot is sold twice
        raise _TakenError(slot.begins.local_text(wish.look.zone)) from None
    detail = f"{wish.visit} on {slot.begins.utc_text()}, {slot.place}"
    practice, version = wish.reading.practice, wish.history.version
    return practice.write_with(connection, wish.history.stream, version, entries, by, "booked a visit", detail=detail)


def _ahead(look: Look, *visits: str) -> tuple[Booked, ...]:
    """What of these visits is booked from today on and has not been kept: today's may be over."""
    return tuple(fact for fact in upcoming(look, *visits) if not _kept(look, fact))


def _kept(look: Look, fact: Booked) -> bool:
    """Whether the visit was on the day for which it had been booked: a refill with its fill, another one as it was begun."""
    filled = look.chart.filled
    last = (filled.at if filled is not None else None) if fact.visit in REFILLS else last_visit(look, fact.visit)
    return last is not None and last > fact.at and last.date(look.zone) >= fact.on.date(look.zone)


def _give_back(wish: Wish, visits: tuple[str, ...], on: Instant | None = None) -> int:
    """Free the slots from today on that the person has for these visits and did not keep, or for one instant; how many."""
    since = day_start(wish.today, wish.look.zone)
    kept = [fact.on.s for fact in upcoming(wish.look, *visits) if _kept(wish.look, fact)]
    ahead_of_it = and_(slot_table.c.begins >= since.s, slot_table.c.begins.not_in(kept))
    when = ahead_of_it if on is None else slot_table.c.begins == on.s
    ahead = select(slot_table.c.id).where(when)
    which = (table.c.stream == wish.history.stream, table.c.visit.in_(visits), table.c.cancelled.is_(None))
    query = update(table).where(*which, table.c.slot.in_(ahead)).values(cancelled=wish.look.now.s)
    return wish.reading.connection.execute(query).rowcount


def look_after(wish: Wish, entries: list[Entry]) -> Look:
    """The chart as it will be with these entries."""
    now, history = wish.look.now, wish.history
    more = [Recorded(history.version + number, entry, "", now) for number, entry in enumerate(entries, start=1)]
    return wish.reading.look(History(history.stream, (*history.rows, *more)), now)


def same_second(what: str) -> Refusal:
    """The chart tells a booking and its cancellation of one second apart by nothing, so such a pair is not written."""
    asked = f"{what}, while the chart holds another one of this time, of the same second or later"
    return Refusal("SAF-08", asked, "exactly one booking that stands", RULES, "Wait a second, look, and send it again.")


def cancel(practice: Practice, stream: str, seen: int, visit: str, on: Instant, why: str, by: By) -> int | Refusal:
    """Take a booking from today on back: in the chart, and its slot is free again. The chart's new version.

    Refused where nothing is booked of it. Raises StaleError, and InputError for a reason that is none of ``REASONS``.
    """
    if why not in REASONS:
        raise InputError("why", why, "is not a reason", accepted=REASONS)
    with practice.database.writing() as connection:
        reading = Reading(practice, connection)
        wish = Wish.seen(reading, stream, seen, "refill")
        facts = [fact for fact in open_bookings(wish.look) if (fact.visit, fact.on) == (visit, on)]
        today = on.date(wish.look.zone) >= wish.today
        if not today or not any((one.visit, one.on) == (visit, on) for one in standing_bookings(wish)):
            asked = f"to take back {visit} on {on.local_text(reading.zone)}"
            return Refusal("SAF-08", asked, "what is booked from today on", RULES, "Look at what is booked now.")
        now = wish.look.now
        entries: list[Entry] = [Booked(now, visit, on, fact.who, cancelled=True) for fact in facts]
        if any((fact.visit, fact.on) == (visit, on) for fact in open_bookings(look_after(wish, entries))):
            return same_second("the cancellation")
        _give_back(wish, (visit,), on)
        detail = f"{visit} on {on.utc_text()}: {why}"
        return practice.write_with(connection, stream, seen, entries, by, "took a booking back", detail=detail)


def free_unbooked(practice: Practice, connection: Connection, stream: str) -> None:
    """Free the slots from now on that a chart no longer holds: its booking was corrected, or the treatment has ended."""
    reading = Reading(practice, connection)
    history = reading.history(stream)
    held = set() if history.last(Ended) else {(fact.visit, fact.on) for fact in open_bookings(reading.look(history))}
    sold = bookings(connection, reading.now, stream=stream)
    left = [one.name for one in sold if (one.visit, one.slot.begins) not in held]
    connection.execute(update(table).where(table.c.id.in_(left)).values(cancelled=reading.now.s))


def next_booking(wish: Wish) -> Standing | None:
    """The next visit that the chart holds and that has not begun."""
    return next((one for one in standing_bookings(wish) if one.in_chart and one.on >= wish.look.now), None)


def sold_ahead(reading: Reading) -> list[Booking]:
    """Everything that is sold from today on."""
    return bookings(reading.connection, day_start(reading.now.date(reading.zone), reading.zone))
