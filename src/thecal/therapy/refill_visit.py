"""The day of a refill: whether it is today, and what its list still lacks (RPC-01 to RPC-13)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from thecal.chart.clinical import Booked
from thecal.chart.facts import Filled
from thecal.therapy.appointment import HOME, REFILLS, appointments, open_refill
from thecal.therapy.due import filled_elsewhere
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.look import Look
from thecal.therapy.memo import of_last_look
from thecal.therapy.service import booked, pump_in_place
from thecal.timeline import HOUR_S, Instant

REFILL = "refill"
BEFORE = ("identity twice", "allergy", "no infection signs", "interval history", "reconciliation")
VERIFIED = ("two people verified drug", "one concentration per tray")
NEEDLE = ("at the needle stop",)
PRINTED, OBSERVED, REMINDED = "printout given", "observed", "signs reminded"


@dataclass(frozen=True, slots=True)
class RefillVisit:
    """A refill of today: when it is or was, whether at home, and the fill itself once it is done."""

    at: Instant
    home: bool
    filled: Filled | None


@of_last_look
def refill_visit(look: Look) -> RefillVisit | None:
    """The refill of today: one that was done or came for in the last 24 h, or is booked for today."""
    if look.chart.filled is None:
        return None
    fill, day = percutaneous_fill(look), day_s(look)
    here = fill is not None and filled_elsewhere(look) is None
    done = fill if here and fill is not None and look.since(fill.at).s < day else None
    came = [visit for visit in look.known.visits if visit.visit in REFILLS and look.since(visit.at).s < day]
    today = look.now.date(look.zone)
    ahead = [visit for visit in appointments(look) if visit.on.date(look.zone) == today]
    names = {*(visit.visit for visit in came), *(visit.visit for visit in (*ahead, *_booked_then(look, done)))}
    starts = [done.at] if done is not None else [visit.at for visit in came] or [visit.on for visit in ahead]
    return RefillVisit(max(starts), HOME in names, done) if starts else None


def percutaneous_fill(look: Look) -> Filled | None:
    """The last fill, if it was a refill: not one of the day on which the pump was put in, which the surgeon did."""
    fill, pump = look.chart.filled, pump_in_place(look.known)
    if fill is None or (pump is not None and fill.at.s - pump.at.s < day_s(look)):
        return None
    return fill


def day_s(look: Look) -> int:
    """How far a refill and what belongs to it may lie apart, in seconds."""
    return round(look.limit("RPC-01", "day").value * HOUR_S)


def missing_items(look: Look, checklist: str, items: Iterable[str], since: Instant) -> str:
    """The items that nobody has answered with yes since then; those that were answered with no say so."""
    told = []
    for item in items:
        answered = look.known.answers.get((checklist, item))
        if answered is None or answered.at < since:
            told.append(item)
        elif not answered.yes:
            told.append(f"{item} (no)")
    return ", ".join(told)


def answers_since(look: Look, visit: RefillVisit) -> Instant:
    """From when on an answer belongs to a visit."""
    return Instant(visit.at.s - day_s(look))


def identity(look: Look) -> Iterator[Finding]:
    """RPC-01."""
    advice = "Stop until each is checked and answered with yes."
    yield from _listed(look, "RPC-01", "block", BEFORE, advice)


def verified(look: Look) -> Iterator[Finding]:
    """RPC-03."""
    advice = "Stop. Two people compare drug, concentration, volume, expiry and lot with the order."
    yield from _listed(look, "RPC-03", "block", VERIFIED, advice)


def needle_stop(look: Look) -> Iterator[Finding]:
    """RPC-05."""
    advice = "Do not inject until the stop is felt and held; take ultrasound if the pump is hard to feel."
    yield from _listed(look, "RPC-05", "block", NEEDLE, advice)


def closed(look: Look) -> Iterator[Finding]:
    """RPC-11."""
    visit = refill_visit(look)
    if visit is None or visit.filled is None:
        return
    read = look.known.interrogations
    lacking = [] if read and read[-1].at >= visit.filled.at else ["an interrogation after the fill"]
    lacking += ["the alarm date in writing"] if missing_items(look, REFILL, (PRINTED,), answers_since(look, visit)) else []
    still = open_refill(look)
    lacking += [f"the next visit booked in time ({still})"] if still else []
    if lacking:
        allowed = "read again, the new alarm date in writing, and the next visit booked"
        advice = "Do not close the visit before that is done."
        yield look.found("RPC-11", "block", f"a refill without {', '.join(lacking)}", allowed, advice)


def observed(look: Look) -> Iterator[Finding]:
    """RPC-12."""
    visit = refill_visit(look) if look.on("RPC-12") else None
    if visit is None or visit.filled is None:
        return
    limit, answered = look.limit("RPC-12", "observe"), look.known.answers.get((REFILL, OBSERVED))
    until = Instant(visit.filled.at.s + round(limit.value * 60))
    if answered is None or not answered.yes or answered.at < until:
        asked = f"no end of observation on record {look.ago(visit.filled.at)} after the fill"
        yield look.passed(limit, asked, f"{limit} after it", "Look at wakefulness and gait until then, and record it.", until)


def reminded(look: Look) -> Iterator[Finding]:
    """RPC-13."""
    visit = refill_visit(look)
    if visit is not None and visit.filled is not None:
        advice = "Tell the person what overdose, too little and withdrawal feel like, and whom to call."
        yield from _listed(look, "RPC-13", "task", (REMINDED,), advice)


def _listed(look: Look, rule: str, severity: Severity, items: tuple[str, ...], advice: str) -> Iterator[Finding]:
    visit = refill_visit(look)
    if visit is None:
        return
    lacking = missing_items(look, REFILL, items, answers_since(look, visit))
    if lacking:
        asked = f"not on record at the refill of {visit.at.date(look.zone)}: {lacking}"
        yield look.found(rule, severity, asked, f"answered with yes: {', '.join(items)}", advice)


def _booked_then(look: Look, fill: Filled | None) -> tuple[Booked, ...]:
    """What was booked for the day of a fill."""
    if fill is None:
        return ()
    day = fill.at.date(look.zone)
    return tuple(visit for visit in booked(look, HOME, Instant(fill.at.s - day_s(look))) if visit.on.date(look.zone) == day)
