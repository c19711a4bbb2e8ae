"""Infection of wound, pocket and spinal fluid: when it came, when to look again, and no explant without a plan."""

from collections.abc import Iterator
from typing import Literal

from thecal.chart.clinical import Noticed
from thecal.chart.facts import Implanted, PumpReplaced, Revised
from thecal.chart.vocabulary import grouped
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.team import upcoming
from thecal.therapy.visiting import same_day
from thecal.timeline import DAY_S, HOUR_S, Instant

Timing = Literal["early", "late"]
ERYTHEMA, DEEP = "pocket erythema", "deep infection"
EXPLANT, EXPLANT_ORDER, WITHDRAWAL_PLAN = "explant", "explant order", "withdrawal plan"
LOOKED = ("post-op", "titration", "refill", "home refill", "follow-up", "unscheduled")
"""The visits at which somebody looks at the pocket."""


def infection_timing(look: Look) -> Timing | None:
    """INF-01: whether the infection at the device that is there now is an early or a late one; None without one.

    It is counted from the last operation before it was first noticed, a revision of the catheter included.
    """
    at_device = {ERYTHEMA, *grouped("conditions", DEEP)}
    operated: Instant | None = None
    began: dict[str, tuple[Instant, Instant]] = {}
    for fact in look.chart.facts:
        if isinstance(fact, Implanted | PumpReplaced | Revised):
            operated = fact.at
        elif isinstance(fact, Noticed) and fact.condition in at_device:
            if not fact.present:
                began.pop(fact.condition, None)
            elif operated is not None:
                began.setdefault(fact.condition, (operated, fact.at))
    if not began:
        return None
    operation, first = min(began.values(), key=lambda times: times[1])
    return "early" if (first - operation).s <= look.limit("INF-01", "early").value * DAY_S else "late"


def _look_again(look: Look) -> Iterator[Finding]:
    """INF-02: redness and nothing deeper, until it is gone."""
    if not look.known.present(ERYTHEMA) or _deep(look) or look.chart.implanted is None:
        return
    noticed, limit = look.known.conditions[ERYTHEMA].at, look.limit("INF-02", "recheck")
    last = max((fact.at for fact in look.known.visits if fact.visit in LOOKED and fact.at > noticed), default=noticed)
    due = Instant(last.s + int(limit.value * HOUR_S))
    late = ", overdue" if look.now > due else ""
    asked = f"redness over pocket or wound, looked at {look.ago(last)} ago{late}"
    yield look.passed(limit, asked, f"looked at again within {limit}", "Examine it again; record whether it is still there.", due)


def _plan_surgery(look: Look) -> Iterator[Finding]:
    """INF-03: until both the operation and the way off the drug are planned."""
    deep = _deep(look)
    if not deep or look.chart.implanted is None:
        return
    began = min(noticed.at for noticed in deep)
    missing = [] if upcoming(look, EXPLANT, "replacement") else ["an operation"]
    if not _covers(look, WITHDRAWAL_PLAN, look.now):
        missing.append("a plan against withdrawal")
    if missing:
        asked = f"{' and '.join(sorted(noticed.condition for noticed in deep))}, without {' or '.join(missing)}"
        allowed = "surgery and a way off the drug planned on the same day; antibiotics alone failed in 8 of 8"
        next_step = "Plan the explant with a bridge for the drug today (WEA-06)."
        yield look.found("INF-03", "block", asked, allowed, next_step, same_day(look, began))


def _no_explant_without_plan(look: Look) -> Iterator[Finding]:
    """INF-05."""
    if look.chart.implanted is None:
        return
    next_step = "Write and sign a plan against withdrawal first."
    for booking in upcoming(look, EXPLANT):
        if not _covers(look, WITHDRAWAL_PLAN, max(booking.on, look.now)):
            asked = f"an explant booked on {booking.on.date(look.zone)} without a plan against withdrawal"
            yield look.found("INF-05", "block", asked, "an explant with a signed plan that counts then", next_step, booking.on)
    if _covers(look, EXPLANT_ORDER, look.now) and not _covers(look, WITHDRAWAL_PLAN, look.now):
        asked = "an explant ordered without a plan against withdrawal"
        yield look.found("INF-05", "block", asked, "an explant with a signed plan", next_step)


def _deep(look: Look) -> list[Noticed]:
    conditions = grouped("conditions", DEEP)
    return [fact for name, fact in look.known.conditions.items() if name in conditions and fact.present]


def _covers(look: Look, document: str, at: Instant) -> bool:
    """Whether a paper counts at an instant, and is of this implant: what was written for an earlier one does not."""
    paper, implanted = look.known.document(document, at), look.known.implanted
    return paper is not None and (implanted is None or paper.at >= implanted.at)


CHECKS: Checks = {"INF-02": _look_again, "INF-03": _plan_surgery, "INF-05": _no_explant_without_plan}
