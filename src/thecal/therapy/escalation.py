"""The ladder of an unbooked or missed refill: who does what, counted from the alarm date (REF-10)."""

from collections.abc import Iterator, Mapping

from thecal.therapy.appointment import appointments, settled
from thecal.therapy.due import RefillDue, refill_due
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Instant

EMPTY = "empty"
RUNGS: Mapping[str, str] = {
    "call": "Call the person and book the refill.",
    "second contact": "Call again, and call the second contact.",
    "clinician": "A clinician takes over.",
    "emergency refill": "Arrange a refill at home or as an emergency.",
    "alarm": "A clinician speaks with the person: oral baclofen in hand, and a plan for the emergency department.",
    EMPTY: "To hospital with a clinician who knows the pump: refill it, and watch for a withdrawal.",
}
"""Every rung, by the name of its limit, in order, and what is done on it."""


def rung(look: Look, name: str, due: RefillDue) -> Instant | None:
    """The instant of a rung; None where no date is known to count from."""
    start = due.empty if name == EMPTY else due.runs_out
    return Instant(start.s - round(look.limit("REF-10", name).value * DAY_S)) if start is not None else None


def escalation(look: Look) -> tuple[Finding, ...]:
    """REF-10: every rung that has come while no refill is booked in time. Only a refill that is, or is done, ends them."""
    due = refill_due(look)
    if due is None or due.runs_out is None or settled(look, due):
        return ()
    return tuple(_reached(look, due))


def _reached(look: Look, due: RefillDue) -> Iterator[Finding]:
    ahead = appointments(look)
    state = f"the refill is booked for {ahead[0].on.date(look.zone)}, too late" if ahead else "no refill is booked"
    for name, what in RUNGS.items():
        at, counted = rung(look, name, due), due.empty if name == EMPTY else due.runs_out
        if at is None or counted is None or look.now < at:
            continue
        of = "the pump may be empty from" if name == EMPTY else "the alarm date is"
        asked = f"{state}, and {of} {counted.date(look.zone)}"
        yield look.passed(look.limit("REF-10", name), asked, f"a refill by {due.date(look.zone)}", what, at)
