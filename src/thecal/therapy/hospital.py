"""The stay in hospital around an implant: whether one is ahead, and whether the person has gone home."""

from datetime import date

from thecal.chart.clinical import Booked
from thecal.chart.facts import SessionEnded
from thecal.therapy.look import Look
from thecal.therapy.response import screening_result
from thecal.therapy.service import booked
from thecal.therapy.tip import drug_at_tip
from thecal.timeline import DAY_S, HOUR_S, Instant

IMPLANT = "implant"
_AT_HOME = frozenset({"discharge", "post-op", "titration", "refill", "home refill", "follow-up"})


def booked_implant(look: Look) -> Booked | None:
    """The operation that is booked and was not done yet."""
    known = look.known
    if known.closed is not None or known.chart.implanted is not None:
        return None
    since = Instant(known.explanted.at.s + 1) if known.explanted else Instant(Instant.FIRST)
    ahead = booked(look, IMPLANT, since)
    return ahead[0] if ahead else None


def implant_ahead(look: Look) -> bool:
    """Whether an operation is ahead: one is booked, or a first test was positive."""
    if booked_implant(look) is not None:
        return True
    return look.known.implanted is None and look.known.closed is None and screening_result(look).clinical == "positive"


def day_of_implant(look: Look) -> date | None:
    """The day of the operation, once it has come and until the operation is recorded."""
    ahead = booked_implant(look)
    day = ahead.on.date(look.zone) if ahead else None
    return day if day is not None and day <= look.now.date(look.zone) else None


def in_hospital(look: Look) -> bool:
    """Whether the person has not gone home since the implant, by what was recorded or by the length of a usual stay."""
    implanted = look.chart.implanted
    if implanted is None:
        return False
    if any(visit.visit in _AT_HOME and visit.at >= implanted.at for visit in look.known.visits):
        return False
    return look.since(implanted.at).s <= look.limit("IMP-07", "stay").value * DAY_S


def first_session(look: Look) -> SessionEnded | None:
    """The first session with the pump since the implant."""
    implanted = look.chart.implanted
    if implanted is None:
        return None
    return next((session for session in look.known.sessions if session.at >= implanted.at), None)


def monitored_until(look: Look) -> Instant | None:
    """IMP-07: until when a start is monitored, from drug at the tip or from the start, whichever is later; None before it."""
    session = first_session(look)
    if session is None:
        return None
    tip = drug_at_tip(look.chart)
    start = max(session.at, tip) if tip is not None else session.at
    return Instant(start.s + round(look.limit("IMP-07", "monitor").value * HOUR_S))
