"""The plan of the next refill: its dates, the ladder while it is not booked, and the visit in its order."""

from collections.abc import Iterator

from thecal.errors import Refusal
from thecal.therapy.appointment import HOME, appointments, in_time
from thecal.therapy.check import check
from thecal.therapy.due import RefillDue, refill_due
from thecal.therapy.escalation import RUNGS, rung
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.rules import refusal_by
from thecal.timeline import Instant

PROCEDURE: tuple[tuple[str, str, str], ...] = (
    ("identity, allergy, infection, history, medicines", "RPC-01", "Stop if one of them is not clear."),
    ("interrogate and print", "RPC-02", "Stop if the pump does not answer."),
    ("two people verify the drug", "RPC-03", "Stop at any mismatch with the order."),
    ("kit, needle, template, refill port", "RPC-04", "Do not inject if unsure."),
    ("needle to the needle stop", "RPC-05", "Do not inject if the stop is not felt."),
    ("aspirate to empty, record the residual", "RPC-06", "Nothing is injected before."),
    ("compare measured with expected", "RPC-07", "Amber: aspirate again. Red: stop and find out why."),
    ("port, needle and match on record", "RPC-16", "Nothing is injected before all three are."),
    ("rinse, or state the mixture, where the strength changes", "RPC-15", "Stop if a step is out of its order."),
    ("inject slowly", "RPC-08", "Refuse what does not fit on top of what was not aspirated."),
    ("watch for drug in the tissue", "RPC-09", "At pain, swelling, lost resistance or a mismatch: stop, aspirate, emergency."),
    ("program the injected volume, confirm the 24-h total", "RPC-10", "Block until the totals are confirmed."),
    ("interrogate again, print, alarm date in writing, next visit booked", "RPC-11", "The visit is not closed before."),
    ("observe", "RPC-12", "Stay until the time is over."),
    ("remind of the signs", "RPC-13", "Tick when it is told."),
)
"""The visit in its order: what, by which rule, and when it stops."""
_AT_HOME = ("home: second checker, syringes, kit, route to hospital", "RPC-14", "Do not begin without one of them.")


def refill_plan(look: Look, policy: RefillPolicy | None = None) -> Plan | Refusal:
    """The way to the next refill, in order of time; or why there is none."""
    due = refill_due(look, policy)
    if due is None:
        return refusal_by(
            "REF-04", "a plan of the next refill", "a pump in place that was filled", "Record the pump and its fill first."
        )
    if due.refill_by < due.filled:
        asked = f"a refill {due.buffer} before the {due.governed_by} bound on {due.bounds[0].at.date(look.zone)}"
        advice = "Fill more, use a higher concentration, or plan a shorter buffer."
        return refusal_by("REF-04", asked, f"a date after the fill of {due.filled.date(look.zone)}", advice)
    steps, findings = (*_dates(look, due), *_visit(look, due)), check(look, "refill")
    return Plan("Next refill", tuple(sorted(steps, key=lambda step: step.at)), findings, tuple(_notes(look, due, findings)))


def visit_day(look: Look, due: RefillDue) -> Instant:
    """When the refill is: as it is booked, if that is in time, otherwise when it is due, or now where that has passed."""
    ahead = appointments(look)
    return ahead[0].on if ahead and in_time(look, ahead[0].on, due) else max(due.refill_by, look.now)


def _dates(look: Look, due: RefillDue) -> Iterator[PlanStep]:
    first, booked = rung(look, "call", due), due.refill_by
    if first is not None and first < booked:
        booked = first
    yield PlanStep(booked, "book by", "SAF-08", f"A refill on or before {due.date(look.zone)}, with one owner.")
    for name, what in RUNGS.items():
        at = rung(look, name, due)
        if at is not None:
            yield PlanStep(at, f"escalation: {name}", "REF-10", f"While no refill is booked in time: {what[0].lower()}{what[1:]}")
    yield PlanStep(due.refill_by, "refill by", "REF-04", f"{due.buffer} before the {due.governed_by} bound.")
    if due.alarm is not None:
        yield PlanStep(due.alarm, "alarm date", "REF-12", "The earliest that the gain of this pump allows.")
    if due.empty is not None:
        yield PlanStep(due.empty, "empty date", "REF-12", "From here on the pump may be empty.")


def _visit(look: Look, due: RefillDue) -> Iterator[PlanStep]:
    at, ahead = visit_day(look, due), appointments(look)
    home = bool(ahead) and ahead[0].on == at and ahead[0].visit == HOME
    for what, rule, stop in (*((_AT_HOME,) if home else ()), *PROCEDURE):
        if look.on(rule):
            yield PlanStep(at, what, rule, stop)


def _notes(look: Look, due: RefillDue, findings: tuple[Finding, ...]) -> Iterator[str]:
    for bound in due.bounds:
        yield f"{bound.governor} ({bound.rule}): {bound.at.date(look.zone)}"
    if due.counted is not None:
        yield f"By its own count the pump sounds on {due.counted.date(look.zone)}."
    if due.likely is not None:
        yield f"Likely, with boluses as until now: {due.likely.date(look.zone)}. What binds counts every allotted bolus as taken."
    yield from (f"Strength: {finding.asked}. {finding.next}" for finding in findings if finding.rule == "REF-09")
    yield "A normal residual excludes no leak, disconnection or migration (RPC-07)."
