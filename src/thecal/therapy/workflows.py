"""Workflows around the therapy: a pregnancy, an operation, a journey, each as a dated plan to be checked by a person."""

from collections.abc import Iterator

from thecal.chart.order import OrderFlex, OrderPeriodic
from thecal.therapy import device
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

WATCH = Duration(3 * DAY_S)
"""Withdrawals cluster within 72 h after surgery or a manipulation of the pump (fpnotebook; neurosurgerywiki)."""
_NO_CONTENTS = "The refill-by date is not known: no fill and no session with this pump are on the chart."


def pregnancy_plan(look: Look, at: Instant) -> Plan:
    """A pregnancy with the birth expected ``at`` an instant: the pathway now, refills before, and what follows the birth."""
    now = look.now
    steps = [
        PlanStep(now, "triage on the same day", "VIS-07", "A pregnancy is a reason for an unscheduled visit."),
        PlanStep(now, "weigh benefit and risk", "INT-13", "Go on by mouth or pump only where the benefit outweighs the risk."),
        PlanStep(now, "high-risk pathway", "INT-13", "Obstetrics, anesthesia, neurology and the pump team name one plan."),
        PlanStep(now, "no abrupt stop", "WEA-01", "A stop by either route can bring a withdrawal: taper, if at all."),
        PlanStep(
            now, "emergency plan to the maternity unit", "EMG-01", "Pump, drug, dose, alarm date, who answers by day and night."
        ),
        *_refill_before(look, at, "the birth"),
        PlanStep(at, "birth", "INT-13", "Anesthesia keeps needles away from catheter and pump; the dose may have had to rise."),
        PlanStep(at, "watch the newborn", "INT-13", "After oral baclofen to term a withdrawal can come within hours to days."),
        PlanStep(at, "decide on breast-feeding together", "INT-14", "One measured milk level on a pump was judged negligible."),
    ]
    missing = [name for name in ("high-risk pregnancy pathway", "anaesthesia plan") if look.known.document(name, now) is None]
    notes = [f"Not on file yet: {', '.join(missing)}."] if missing else []
    notes.append("About 5 to 9 pregnancies with a pump are published: little is known.")
    return _plan(look, "Pregnancy with a pump", steps, notes)


def surgery_plan(look: Look, at: Instant) -> Plan:
    """An operation ``at`` an instant that is not on the pump: what is known before it, and how long to watch after it."""
    now = look.now
    steps = [
        PlanStep(now, "pre-operative triage", "VIS-07", "Read the pump; compare program, residual and alarms with the record."),
        PlanStep(now, "tell the anesthetist", "INT-11", "General anesthetics with intrathecal baclofen: heart and seizures."),
        PlanStep(now, "emergency plan to the ward", "EMG-01", "Pump, drug, dose, alarm date, who answers by day and night."),
        PlanStep(now, "keep baclofen going", "WEA-01", "The pump runs on; oral baclofen is not left out on the day."),
        *_refill_before(look, at, "the operation"),
        PlanStep(at, "operation", "INT-11", "The team in the room knows where pump and catheter lie."),
        PlanStep(at, "read the pump again", "DEV-03", "Before the person leaves recovery: alarms, mode, program."),
        PlanStep(at + WATCH, "end of the watch for withdrawal", "WDL-04", f"Withdrawals cluster within {_hours(WATCH)} h."),
    ]
    missing = look.known.document("anaesthesia plan", now) is None
    notes = ["A plan of anesthesia around catheter and pump is not on file."] if missing else []
    return _plan(look, "Operation with a pump", steps, notes)


def travel_plan(look: Look, at: Instant, until: Instant | None = None) -> Plan:
    """A journey that begins ``at`` an instant and ends ``until`` another, if that is known: refill first, then go."""
    now, policy = look.now, RefillPolicy.default()
    before = max(now, Instant(at.s - policy.buffer.s))
    due = _due(look)
    if due is not None:
        before = max(now, min(before, due.instant))
    steps = [
        PlanStep(now, "book the refill before the journey", "REF-06", "A journey comes after a refill, not before."),
        PlanStep(before, "refill", "REF-06", f"Planned {policy.buffer} before leaving: time for a residual that does not fit."),
        PlanStep(before, "new alarm date in writing", "RPC-11", "The person carries the printout; the alarm is not relied on."),
        PlanStep(
            before, "emergency plan and papers", "EMG-01", "Card, plan, a clinic at the goal, oral baclofen in the hand luggage."
        ),
        PlanStep(at, "departure", "VIS-07", "Alarm or symptoms on the way are triaged on the same day."),
    ]
    if _by_the_clock(look):
        steps.append(
            PlanStep(at, "doses by the clock", "PRG-03", "The pump keeps its clock: its steps shift with the time zone.")
        )
    if until is not None:
        steps.append(PlanStep(until, "return", "VIS-07", "Read the pump, and compare the residual with what was expected."))
    notes = [_refill_note(look, due, until or at)]
    notes.append("Lower air pressure can raise the flow, and diving below 10 m can deform a reservoir: ask before either.")
    return _plan(look, "Journey with a pump", steps, notes)


def _plan(look: Look, title: str, steps: list[PlanStep], notes: list[str]) -> Plan:
    return Plan(title, tuple(sorted(steps, key=lambda step: step.at)), ordered(_against(look)), tuple(notes))


def _against(look: Look) -> Iterator[Finding]:
    """What the device asks of people now: nobody travels or is operated on with an alarm open."""
    for check in device.CHECKS.values():
        yield from check(look)


def _due(look: Look) -> RefillBy | None:
    return refill_by(look.chart, look.sheet, RefillPolicy.default()) if look.sheet is not None else None


def _refill_before(look: Look, at: Instant, what: str) -> Iterator[PlanStep]:
    """The refill that is due before an event, by its refill-by date."""
    due = _due(look)
    if due is not None and due.instant <= at:
        detail = f"Refill-by is {due.date(look.zone)}, before {what}; later refills are planned from there."
        yield PlanStep(max(due.instant, look.now), "refill", "REF-06", detail)


def _refill_note(look: Look, due: RefillBy | None, end: Instant) -> str:
    if due is None:
        return _NO_CONTENTS
    side = "before" if due.instant <= end else "after"
    return (
        f"Without that refill the refill-by date is {due.date(look.zone)}, {side} the end of the journey as far as it is known."
    )


def _by_the_clock(look: Look) -> bool:
    last = look.known.last_session
    return last is not None and isinstance(last.order, OrderFlex | OrderPeriodic)


def _hours(duration: Duration) -> int:
    return duration.s // HOUR_S
