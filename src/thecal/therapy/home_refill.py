"""The refill at home: what has to be so before it may be done there (RPC-14)."""

from collections.abc import Iterator

from thecal.therapy.appointment import HOME, appointments
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.refill_visit import answers_since, missing_items, refill_visit
from thecal.therapy.residual import unresolved
from thecal.therapy.stability import settled

ITEMS = ("second checker", "prefilled labelled syringes", "overdose and withdrawal kit", "route to hospital")


def home_refill_gates(look: Look) -> tuple[Finding, ...]:
    """RPC-14: what still stands against a refill at home; nothing where it may be done.

    On the day of a refill its list is that of the day; before, what was answered since the last fill counts.
    """
    return (*person_gates(look), *_day(look))


def gated(look: Look) -> Iterator[Finding]:
    """RPC-14: of a refill at home that is booked, the dose and the residual; on its day, its list too."""
    visit = refill_visit(look)
    if visit is not None and visit.home:
        yield from home_refill_gates(look)
    elif any(booking.visit == HOME for booking in appointments(look)):
        yield from person_gates(look)


def person_gates(look: Look) -> Iterator[Finding]:
    """RPC-14: what of the person stands against it, whatever is there on the day: the dose, and the residual.

    A pump that is not programmed gives what it is filled with: there is no dose that could still be on its way.
    """
    if (look.sheet is None or look.sheet.programmable) and not settled(look):
        asked, allowed = "a refill at home while the dose is not stable", "a dose that is stable (VIS-03)"
        yield look.found("RPC-14", "block", asked, allowed, "Refill in the clinic until the dose is stable.")
    if unresolved(look) is not None:
        asked, allowed = "a refill at home with a residual that nobody has explained", "no open discrepancy"
        yield look.found("RPC-14", "block", asked, allowed, "Refill in the clinic, and find the reason first (RPC-07).")


def _day(look: Look) -> Iterator[Finding]:
    visit, filled = refill_visit(look), look.chart.filled
    since = answers_since(look, visit) if visit is not None else filled.at if filled is not None else look.now
    for item in ITEMS:
        if missing_items(look, HOME, (item,), since):
            asked, allowed = f"a refill at home without: {item}", f"answered with yes: {', '.join(ITEMS)}"
            yield look.found("RPC-14", "block", asked, allowed, "Do not begin until it is there.")
