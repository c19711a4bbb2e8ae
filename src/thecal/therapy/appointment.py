"""The next refill: what is booked of it, here or elsewhere, and whether it is in time (SAF-08)."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.clinical import Booked, Documented
from thecal.therapy.due import ELSEWHERE, RefillDue, refill_due
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.memo import of_last_look
from thecal.therapy.service import booked
from thecal.timeline import DAY_S, HOUR_S, Instant

HOME = "home refill"
REFILLS = ("refill", HOME)
CONTACT = "reachable contact"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A refill confirmed elsewhere: on which day, and by when its proof is due back."""

    paper: Documented
    on: Instant
    proof_due: Instant


@of_last_look
def appointments(look: Look) -> tuple[Booked, ...]:
    """The refills that are booked from today on, in order of time; what belongs to the last fill is over."""
    filled, today = look.chart.filled, look.now.date(look.zone)
    since = Instant(filled.at.s + _day_s(look)) if filled is not None else Instant(look.now.s - DAY_S)
    ahead = [visit for name in REFILLS for visit in booked(look, name, since) if visit.on.date(look.zone) >= today]
    return tuple(sorted(ahead, key=lambda visit: (visit.on, visit.visit)))


def elsewhere(look: Look) -> Elsewhere | None:
    """The refill that was confirmed elsewhere since the last fill. What shows it is a fill, which ends it."""
    paper, filled = look.known.documents.get(ELSEWHERE), look.chart.filled
    if paper is None or filled is None or paper.at <= filled.at:
        return None
    on = paper.until or paper.at
    return Elsewhere(paper, on, Instant(on.s + round(look.limit("SAF-08", "proof").value * DAY_S)))


def in_time(look: Look, on: Instant, due: RefillDue) -> bool:
    """Whether a refill is on or before the day to refill by."""
    return on.date(look.zone) <= due.date(look.zone)


def settled(look: Look, due: RefillDue) -> bool:
    """Whether the next refill is booked in time, or confirmed in time elsewhere."""
    ahead, other = appointments(look), elsewhere(look)
    if other is not None and look.now <= other.proof_due and in_time(look, other.on, due):
        return True
    return bool(ahead) and in_time(look, ahead[0].on, due)


def open_refill(look: Look) -> str:
    """Why the next refill is still open; empty where it is not. What is overdue already is on whatever day it is booked for."""
    due, ahead, other = refill_due(look), appointments(look), elsewhere(look)
    if due is not None and settled(look, due):
        return ""
    overdue = due is not None and due.date(look.zone) < look.now.date(look.zone)
    if ahead and (due is None or overdue):
        return ""
    by = f"; refill by {due.date(look.zone)}" if due is not None else ""
    if ahead:
        return f"the refill is booked for {ahead[0].on.date(look.zone)}, which is too late{by}"
    if other is None:
        return f"no refill is booked{by}"
    day = other.on.date(look.zone)
    if look.now > other.proof_due:
        return f"nothing came back of the refill elsewhere on {day}{by}"
    return "" if due is None or overdue else f"the refill elsewhere is on {day}, which is too late{by}"


def booked_refill(look: Look) -> Iterator[Finding]:
    """SAF-08."""
    if look.chart.filled is None:
        return
    due, ahead, other = refill_due(look), appointments(look), elsewhere(look)
    yield from _contact(look)
    if other is not None:
        yield from _elsewhere(look, other, due)
        if look.now <= other.proof_due and not ahead:
            return
    limit, by = look.limit("SAF-08", "booked"), due.refill_by if due else None
    allowed = f"exactly {limit}" + (f", on or before {due.date(look.zone)}" if due else "")
    if not ahead:
        yield look.passed(limit, "no refill is booked", allowed, "Book the refill, with who does it.", by)
        return
    if len(ahead) > limit.value:
        days = ", ".join(str(visit.on.date(look.zone)) for visit in ahead)
        yield look.passed(limit, f"{len(ahead)} refills are booked: {days}", allowed, "Keep one, and take the others back.", by)
    if due is not None and not in_time(look, ahead[0].on, due):
        asked = f"the refill is booked for {ahead[0].on.date(look.zone)}"
        latest = f"on or before {due.date(look.zone)}, {due.buffer} before the {due.governed_by} bound"
        yield look.passed(limit, asked, latest, "Move the appointment to that day or before.", by)
    if ahead[0].who is None:
        yield look.found("SAF-08", "task", "the next refill has no owner", "one owner", "Write down who does it.", ahead[0].on)


def _elsewhere(look: Look, other: Elsewhere, due: RefillDue | None) -> Iterator[Finding]:
    day, limit = other.on.date(look.zone), look.limit("SAF-08", "proof")
    if look.now > other.proof_due:
        asked = f"nothing came back of the refill elsewhere on {day}"
        advice = "Ask for the proof today, and book a refill until it is there."
        yield look.passed(limit, asked, f"its proof within {limit}", advice, other.proof_due)
    if due is not None and not in_time(look, other.on, due):
        asked, allowed = f"a refill elsewhere on {day}", f"on or before {due.date(look.zone)}"
        yield look.found("SAF-08", "warn", asked, allowed, "Have it done earlier, there or here.", due.refill_by)
    if other.paper.by is None:
        asked, allowed = "a refill elsewhere without a name", "site, person and date"
        yield look.found("SAF-08", "task", asked, allowed, "Write down who does it.", other.on)


def _contact(look: Look) -> Iterator[Finding]:
    if look.known.document(CONTACT, look.now) is None:
        asked, allowed = "nobody is on record who can be reached", "one reachable contact"
        yield look.found("SAF-08", "task", asked, allowed, "Write down whom to call, and how.")


def _day_s(look: Look) -> int:
    return round(look.limit("RPC-01", "day").value * HOUR_S)
