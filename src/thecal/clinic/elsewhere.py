"""What is done elsewhere: a refill that others confirm, its proof, and visits that have a date but no slot of this clinic.

What was programmed at a refill elsewhere nobody here knows until the pump is read: the chart says so (REF-13).
"""

from datetime import date, timedelta

from thecal.chart.clinical import Booked, Documented, Visited
from thecal.chart.contradiction import new_contradictions
from thecal.chart.facts import Filled
from thecal.chart.vocabulary import words
from thecal.clinic.booking import VISITS, Wish, look_after, same_second
from thecal.clinic.closures import day_start
from thecal.clinic.practice import By, Practice, Reading
from thecal.clinic.slots import RULES
from thecal.clinic.telephone import NOON, at_clock
from thecal.errors import InputError, Refusal, nearest_name
from thecal.quantity import Concentration, Volume
from thecal.therapy.due import ELSEWHERE
from thecal.therapy.rules import refusal_by
from thecal.therapy.service import pump_in_place
from thecal.therapy.team import open_bookings
from thecal.timeline import Instant

SITE_MAX = 80
DATED = tuple(name for name in words("visits") if name not in (*VISITS, ELSEWHERE))
"""The visits that have a date and are in no slot of this clinic."""


def confirm_elsewhere(practice: Practice, stream: str, seen: int, on: date, site: str, person: str, by: By) -> int | Refusal:
    """Write down that a refill was confirmed elsewhere: the day, the site and who does it (SAF-08). The chart's new version.

    One that is too late is written down as well, and stays on the worklist. Refused where nothing is in a pump. Raises
    StaleError, and InputError for a day that has passed or a name that is missing.
    """
    by_whom = _by_whom(site, person)
    with practice.database.writing() as connection:
        wish = Wish.seen(Reading(practice, connection), stream, seen, "refill")
        if on < wish.today:
            raise InputError("on", on.isoformat(), f"has passed: today is {wish.today}")
        if wish.look.chart.filled is None or pump_in_place(wish.look.known) is None:
            return refusal_by("SAF-08", "a refill elsewhere of nothing", "a pump that was filled", "Record the fill first.")
        until = Instant(day_start(on + timedelta(days=1), wish.look.zone).s - 1)
        paper = Documented(wish.look.now, ELSEWHERE, until, by_whom)
        return practice.write_with(connection, stream, seen, [paper], by, "wrote down a refill elsewhere", detail=f"on {on}")


def _by_whom(site: str, person: str) -> str:
    """Where it is done and by whom, in one line. Raises InputError for a name that is missing."""
    site, person = (" ".join(text.split()) for text in (site, person))
    for name, text in (("site", site), ("person", person)):
        if not 0 < len(text) <= SITE_MAX:
            raise InputError(name, text[:40], "is missing or too long", accepted=(f"1 to {SITE_MAX} characters",))
    return f"{site}, {person}"


def proof_came(
    practice: Practice,
    stream: str,
    seen: int,
    on: date,
    volume: Volume,
    strength: Concentration,
    site: str,
    person: str,
    by: By,
) -> int | Refusal:
    """Write down that a refill was done elsewhere, on its day: what was filled there, where and by whom. The chart's new version.

    It ends the refill that was confirmed, and the days to refill by count from it. Raises StaleError, and InputError for a day
    or a name that cannot be.
    """
    by_whom = _by_whom(site, person)
    with practice.database.writing() as connection:
        wish = Wish.seen(Reading(practice, connection), stream, seen, "refill")
        look, sheet = wish.look, wish.look.sheet
        if sheet is None or pump_in_place(look.known) is None:
            return refusal_by("REF-04", "a refill without a pump", "a pump in place", "Record the implant first.")
        if volume > sheet.reservoir_capacity:
            asked, allowed = f"{volume} filled elsewhere", f"the reservoir holds {sheet.reservoir_capacity}"
            return refusal_by("RPC-08", asked, allowed, "Read the volume on the proof again, and the model of the pump.")
        screening = look.limit("SAF-02", "screening strength")
        if strength.mcg_per_ml <= screening.value:
            asked, allowed = f"{strength} filled elsewhere", f"more than {screening}, the strength of a screening test"
            return refusal_by("SAF-02", asked, allowed, "Read the strength on the proof again; ask the site where it says so.")
        at = _filled_at(wish, on)
        facts = (Filled(at, volume, strength), Visited(at, ELSEWHERE, by_whom))
        new = new_contradictions(look.chart.facts, facts, look.birth)
        if new:
            raise InputError("filled_on", on.isoformat(), f"contradicts the chart: {new[0].problem}")
        detail = f"on {on}"
        return practice.write_with(
            connection, stream, seen, facts, by, "wrote down the proof of a refill elsewhere", detail=detail
        )


def _filled_at(wish: Wish, on: date) -> Instant:
    """When a fill of a day counts as done: at noon, but after what was there before and not later than now. Raises InputError."""
    look, zone = wish.look, wish.look.zone
    if on > wish.today:
        raise InputError("filled_on", on.isoformat(), f"is still to come: today is {wish.today}")
    filled, paper = look.chart.filled, look.known.documents.get(ELSEWHERE)
    before = {"the last fill": filled.at if filled else None, "it was confirmed": paper.at if paper else None}
    last = max((at for at in before.values() if at is not None), default=None)
    earliest = Instant(last.s + 1) if last is not None else Instant(0)
    at = min(max(at_clock(on, NOON, zone), earliest), look.now)
    if at < earliest or at.date(zone) != on:
        told = next(name for name, known in before.items() if known == last)
        accepted = (f"from {earliest.date(zone)} to {wish.today}",)
        raise InputError(
            "filled_on", on.isoformat(), f"is before {told}; a fill that is wrong is taken back first", accepted=accepted
        )
    return at


def date_visit(practice: Practice, stream: str, seen: int, visit: str, on: Instant, who: str, by: By) -> int | Refusal:
    """Write down when a visit is that is in no slot of this clinic, and where or with whom; one that was booked stays.

    Refused of somebody who is no longer treated, and where it is booked for that time already. Raises StaleError, and InputError
    for a visit that takes a slot, a time that has passed, or words that are missing.
    """
    if visit not in DATED:
        told = "takes a slot of this clinic" if visit in VISITS else "is not a visit"
        raise InputError("visit", visit, told, accepted=DATED, nearest=nearest_name(visit, DATED))
    who = " ".join(who.split())
    if not 0 < len(who) <= SITE_MAX:
        raise InputError("dated_who", who[:40], "is missing or too long", accepted=(f"1 to {SITE_MAX} characters",))
    with practice.database.writing() as connection:
        wish = Wish.seen(Reading(practice, connection), stream, seen, VISITS[0])
        zone = wish.look.zone
        if wish.ended is not None:
            return wish.ended
        if on <= wish.look.now:
            raise InputError("dated_on", on.local_text(zone), "has passed: what was is written down in the chart")
        if any((fact.visit, fact.on) == (visit, on) for fact in open_bookings(wish.look)):
            asked = f"{words('visits')[visit].text} at {on.local_text(zone)}, which is booked already"
            return Refusal(
                "CLN-02", asked, "another time, or that booking", RULES, "Take the booking back first, to book it anew."
            )
        booked = Booked(wish.look.now, visit, on, who)
        if booked not in open_bookings(look_after(wish, [booked])):
            return same_second("the date")
        detail = f"{visit} on {on.utc_text()}"
        return practice.write_with(connection, stream, seen, [booked], by, "wrote down when a visit is", detail=detail)
