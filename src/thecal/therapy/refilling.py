"""Refills: what is due, what is unbooked, and what a residual asks for."""

from collections.abc import Iterator
from itertools import takewhile
from math import ceil

from thecal.chart.vocabulary import grouped
from thecal.pump.program import MinimumRate, program_pattern
from thecal.quantity import FlowRate, Gain, Volume
from thecal.therapy.appointment import appointments, booked_refill, in_time, settled
from thecal.therapy.due import last_read, mean_flow, refill_due, unread_fill
from thecal.therapy.escalation import escalation
from thecal.therapy.finding import Finding
from thecal.therapy.gain import empties_before_alarm, pump_gain
from thecal.therapy.home_refill import gated
from thecal.therapy.look import Checks, Look
from thecal.therapy.refill import check_low_reservoir
from thecal.therapy.refill_visit import closed, identity, needle_stop, observed, reminded, verified
from thecal.therapy.residual import pocket_fill, residual_off
from thecal.therapy.service import booked
from thecal.timeline import DAY_S, Duration

DRUG = "refill drug"
OWN_THRESHOLD = "own low reservoir threshold"
_ML = 10**6
_TENTH_ML = _ML // 10


def _no_alarm(look: Look) -> Iterator[Finding]:
    """REF-01."""
    first = look.chart.fill_session
    if first is None or first.report.calculated is None:
        return
    refusal = check_low_reservoir(first.report.calculated, first.report.low_reservoir)
    if refusal is not None:
        yield look.found("REF-01", "warn", refusal.asked, refusal.limit, refusal.advice)


def _threshold(look: Look) -> Iterator[Finding]:
    """REF-02."""
    report, sheet = last_read(look), look.sheet
    if report is None or sheet is None:
        return
    flow, per = mean_flow(report, sheet, patient=False)
    least, warning = look.limit("REF-02", "least"), look.limit("REF-02", "warning")
    own = look.known.measure(OWN_THRESHOLD)
    bounds = [(round(least.value * _ML), str(least)), (ceil(flow * warning.value / per), f"{warning} of flow")]
    bounds += [(round(own.value * _ML), "this patient's own threshold")] if own is not None else []
    most, why = max(bounds)
    advised = Volume(min(most, sheet.reservoir_capacity.nl))
    if flow and report.low_reservoir < advised:
        limit = warning if why.endswith("flow") else least
        told = Volume(min(-(-advised.nl // _TENTH_ML) * _TENTH_ML, sheet.reservoir_capacity.nl))
        asked, advice = f"a low reservoir threshold of {report.low_reservoir}", f"Set the threshold to {told}."
        yield look.passed(limit, asked, f"at least {told}: {why}", advice)


def _after_withdrawal(look: Look) -> Iterator[Finding]:
    """REF-03."""
    report, limit = last_read(look), look.limit("REF-03", "after withdrawal")
    if report is None or not look.known.present("previous withdrawal") or report.low_reservoir.nl >= limit.value * _ML:
        return
    asked = f"a low reservoir threshold of {report.low_reservoir} after a withdrawal"
    yield look.passed(limit, asked, f"at least {limit}", f"Set the threshold to {limit} or more.")


def _overdue(look: Look) -> Iterator[Finding]:
    """REF-04."""
    due = refill_due(look)
    if due is None or look.now.date(look.zone) <= due.date(look.zone):
        return
    asked = f"no refill by {due.date(look.zone)}, the {due.governed_by} bound less {due.buffer}"
    allowed, advice = f"a refill by {due.date(look.zone)}", "Refill as soon as it can be done."
    if due.governed_by == "stability":
        limit = look.limit("REF-04", "stability")
        yield look.passed(limit, asked, f"{allowed}; the drug keeps for {limit}", advice, due.refill_by)
    else:
        yield look.found("REF-04", "warn", asked, allowed, advice, due.refill_by)


def _interval(look: Look) -> Iterator[Finding]:
    """REF-05."""
    filled, due, ahead = look.chart.filled, refill_due(look), appointments(look)
    if filled is None:
        return
    planned = ahead[0].on if ahead else due.refill_by if due else None
    short, long = look.limit("REF-05", "short"), look.limit("REF-05", "long")
    if planned is not None and planned.s - filled.at.s < short.value * DAY_S:
        asked = f"the next refill on {planned.date(look.zone)}, {Duration(max(planned.s - filled.at.s, 0))} after the last"
        yield look.passed(short, asked, f"at least {short}", "Look for a reason; fill more, or a higher strength (REF-09).")
    last = max(planned or look.now, look.now)
    if last.s - filled.at.s > long.value * DAY_S:
        asked = f"{Duration(last.s - filled.at.s)} from the last refill to the next"
        yield look.passed(long, asked, f"at most {long}", "Book the refill earlier.")


def _journey(look: Look) -> Iterator[Finding]:
    """REF-06: a journey without a day, or without a refill before it. The buffers move the date that SAF-08 holds bookings to."""
    if look.known.present("travel planned") and not booked(look, "travel"):
        advice = "Book the journey with its days, and refill first."
        yield look.found("REF-06", "task", "a journey is planned, nobody has written down when", "its first day", advice)
    due = refill_due(look)
    journey = next((bound for bound in due.bounds if bound.governor == "absence"), None) if due else None
    if due is not None and journey is not None and not settled(look, due):
        asked, allowed = f"a journey from {journey.at.date(look.zone)}, and no refill before it", f"by {due.date(look.zone)}"
        yield look.found("REF-06", "task", asked, allowed, "Refill before the journey.", due.refill_by)


def _moved(look: Look) -> Iterator[Finding]:
    """REF-07."""
    due, ahead, read = refill_due(look), appointments(look), look.known.interrogations
    if due is None or not ahead or not read or in_time(look, ahead[0].on, due) or read[-1].at <= ahead[0].at:
        return
    told = f"due by {due.date(look.zone)} since the pump was read on {read[-1].at.date(look.zone)}"
    asked = f"a refill that was booked before that for {ahead[0].on.date(look.zone)}, {told}"
    advice = "Move the appointment, and tell the person the new date."
    yield look.found("REF-07", "warn", asked, "booked again when the date moves", advice, due.refill_by)


def _unheard(look: Look) -> Iterator[Finding]:
    """REF-08."""
    report, sheet, advice = last_read(look), look.sheet, "Follow the dates; nothing waits for a sound."
    if sheet is not None and not sheet.programmable and look.chart.filled is not None:
        yield look.found("REF-08", "warn", "a pump without an alarm", "dates that people follow", advice)
    if report is not None and sheet is not None and report.calculated is None and mean_flow(report, sheet, patient=False)[0]:
        asked = "a pump that knows no volume: it sounds no reservoir alarm, and has no date"
        yield look.found("REF-08", "warn", asked, "the volume typed in", "Find out what is in the reservoir, and type it in.")
    reasons = [name for name in sorted(grouped("conditions", "alarm not heard")) if look.known.present(name)]
    if reasons and look.chart.filled is not None:
        asked = f"the alarm would not be heard: {', '.join(reasons)}"
        yield look.found("REF-08", "advise", asked, "dates that people follow", advice)


def _strength(look: Look) -> Iterator[Finding]:
    """REF-09."""
    report, sheet, due, filled = last_read(look), look.sheet, refill_due(look), look.chart.filled
    if report is None or sheet is None or due is None or filled is None or isinstance(report.program, MinimumRate):
        return
    pattern = program_pattern(report.program, sheet)
    if not pattern.total:
        return
    often, stable = look.limit("REF-09", "interval"), look.limit("REF-09", "stable")
    slowest = FlowRate(min(pattern.rates) * DAY_S // pattern.per)
    if slowest <= sheet.flow_min:
        asked, allowed = f"a flow of {slowest}", f"more than the slowest of the pump, {sheet.flow_min}"
        yield look.passed(often, asked, allowed, "Consider a lower strength, with its bridge.")
    elif due.days < often.value and refills_at_dose(look) >= stable.value:
        asked = f"a refill every {max(due.days, 0)} days at a stable dose"
        yield look.passed(often, asked, f"no more often than every {often}", "Consider a higher strength, with its bridge.")


def refills_at_dose(look: Look) -> int:
    """How many refills there were since the order that runs began (REF-09)."""
    sessions = look.known.sessions
    if not sessions:
        return 0
    running = list(takewhile(lambda session: session.order == sessions[-1].order, reversed(sessions)))
    return sum(fill.at > running[-1].at for fill in look.known.fills)


def _drug(look: Look) -> Iterator[Finding]:
    """REF-11."""
    filled, ahead, paper = look.chart.filled, appointments(look), look.known.documents.get(DRUG)
    if filled is None or not ahead:
        return
    day = ahead[0].on.date(look.zone)
    if paper is None or paper.at <= filled.at:
        asked, advice = f"no drug on record for the refill of {day}", "Order it; write down strength, count, lot and expiry."
        yield look.found("REF-11", "task", asked, "the drug is there before the visit", advice, ahead[0].on)
    elif paper.until is not None and paper.until < ahead[0].on:
        asked = f"drug that expires on {paper.until.date(look.zone)} for the refill of {day}"
        yield look.found("REF-11", "warn", asked, "an expiry after the visit", "Order other drug.", ahead[0].on)


def _silent(look: Look) -> Iterator[Finding]:
    """REF-12."""
    report, sheet, filled = last_read(look), look.sheet, look.chart.filled
    if report is None or sheet is None or filled is None or not mean_flow(report, sheet, patient=False)[0]:
        return
    gain, volume, threshold = pump_gain(look.chart, sheet), filled.volume, report.low_reservoir
    if volume <= threshold or not empties_before_alarm(volume, threshold, gain.high):
        return
    whose = f"its {gain.residuals} residuals allow" if gain.learned else "its label allows"
    fast = f"{(gain.high.ppm - Gain.EXACT) / 10**4:+.3g} %"
    asked = f"at the {fast} that {whose}, {volume} are gone before the pump sounds at {threshold}"
    due = refill_due(look)
    by = due.refill_by if due else None
    advice = "Go by the date to refill by, which counts with that gain; or raise the low reservoir threshold."
    yield look.found("REF-12", "warn", asked, "an alarm before the pump is empty", advice, by)


_READ = "Interrogate the pump; the dates follow."


def _stale(look: Look) -> Iterator[Finding]:
    """REF-13."""
    chart, sheet = look.chart, look.sheet
    if chart.uncertain is not None:
        asked, allowed = "dates from before a session of which nobody knows the end", "dates from what the pump says now"
        stands = sheet is not None and sheet.stops_while_updating
        advice = "Interrogate the pump now: it may stand still with its update open." if stands else _READ
        yield look.found("REF-13", "emergency" if stands else "warn", asked, allowed, advice, chart.uncertain.at)
    unread = unread_fill(look)
    if unread is not None:
        there = f"{unread.volume} filled elsewhere on {unread.at.date(look.zone)}"
        asked = f"{there}, and the pump not read since: its program may be another"
        advice = "Interrogate the pump, or enter the printout of it at a visit; until then the dates rest on what ran before."
        yield look.found("REF-13", "warn", asked, "the pump read after each fill", advice)
    elif sheet is not None and sheet.programmable and chart.filled is not None and chart.fill_session is None:
        asked = f"{chart.filled.volume} filled on {chart.filled.at.date(look.zone)}, and not typed in since"
        advice = "Type in the volume that was injected; the dates follow."
        yield look.found("REF-13", "task", asked, "the volume typed in after each fill", advice)


def _escalation(look: Look) -> Iterator[Finding]:
    """REF-10."""
    yield from escalation(look)


CHECKS: Checks = {
    "SAF-08": booked_refill,
    "REF-01": _no_alarm,
    "REF-02": _threshold,
    "REF-03": _after_withdrawal,
    "REF-04": _overdue,
    "REF-05": _interval,
    "REF-06": _journey,
    "REF-07": _moved,
    "REF-08": _unheard,
    "REF-09": _strength,
    "REF-10": _escalation,
    "REF-11": _drug,
    "REF-12": _silent,
    "REF-13": _stale,
    "RPC-01": identity,
    "RPC-03": verified,
    "RPC-05": needle_stop,
    "RPC-07": residual_off,
    "RPC-09": pocket_fill,
    "RPC-11": closed,
    "RPC-12": observed,
    "RPC-13": reminded,
    "RPC-14": gated,
}
