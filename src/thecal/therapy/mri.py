"""Magnetic resonance: what must be known before a scan, that the pump is read after it, and which pumps are emptied for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from thecal.chart.clinical import Booked, Scanned
from thecal.pump.messages import Report
from thecal.pump.program import Stopped
from thecal.pump.sheet import PumpSheet
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.therapy.service import answered_since, booked, day_ends, last_report, pump_in_place
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

BEFORE = "before MRI"
FIELD = "scanner field strength"
_GATE = ("conditional status known", "interruption tolerated", "alternative drug plan", "alarm not near")


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the maker says of a family of pumps in a scanner, and where; ``newer`` fields are of later labels (CON-06)."""

    text: str
    tesla: float
    newer: float | None
    source: str


CONDITIONAL: Mapping[str, Conditional] = {
    "SynchroMed II": Conditional(
        "conditional at 1.5 T; at 3 T under conditions by newer labels",
        1.5,
        3,
        "Medtronic MRI guidelines, Aug 2008; Medtronic UK, SynchroMed II",
    ),
    "SynchroMed III": Conditional("conditional at 1.5 T and 3 T", 1.5, 3, "Medtronic news, SynchroMed III approval, Oct 2023"),
    "Prometra I": Conditional(
        "the reservoir is emptied first: both valves can open in the field", 1.5, None, "Flowonix PL-21604-02 (dokumen.tips)"
    ),
    "Prometra II": Conditional(
        "the reservoir is emptied first: a valve shuts after 0.01 mL and stays shut",
        1.5,
        None,
        "Prometra II manual 13827, pages 8 and 14 (manualshive.com)",
    ),
}
"""By the title of the data sheet. Of a family that is not here nothing was found: unknown until a person has looked it up."""


def conditional(sheet: PumpSheet | None) -> Conditional | None:
    """What is known of a model in a scanner; None where nothing is."""
    return CONDITIONAL.get(sheet.title) if sheet is not None else None


def scan_ahead(look: Look) -> Booked | None:
    """The next scan that is booked, or was for today, and is not done."""
    if pump_in_place(look.known) is None:
        return None
    done = max((scan.at.date(look.zone) for scan in look.known.scans), default=date.min)
    for booking in booked(look, "MRI", Instant(max(look.now.s - DAY_S, Instant.FIRST))):
        on = booking.on.date(look.zone)
        if done < on and look.now.date(look.zone) <= on:
            return booking
    return None


def last_scan(look: Look) -> Scanned | None:
    """The latest scan of the pump in place."""
    pump = pump_in_place(look.known)
    if pump is None:
        return None
    return max((scan for scan in look.known.scans if scan.at >= pump.at), key=lambda scan: scan.at, default=None)


def read_since_scan(look: Look) -> bool:
    """Whether the pump was read after its last scan, whatever it said."""
    scan = last_scan(look)
    return scan is not None and any(read.at > scan.at for read in look.known.interrogations)


def detection_delay(sheet: PumpSheet | None) -> Duration:
    """How long after the field the pump may need to notice that its rotor stands, or turns again; nothing without a rotor."""
    if sheet is None:
        return Duration(0)
    return max(sheet.stall_detection_delay, sheet.stall_recovery_delay)


def _before(look: Look) -> Iterator[Finding]:
    """MRI-01."""
    ahead = scan_ahead(look)
    if ahead is None:
        return
    last = last_scan(look)
    since = Instant(last.at.s + 1) if last else Instant(Instant.FIRST)
    missing = [item for item in _GATE if not answered_since(look, BEFORE, item, since)]
    status, on = conditional(look.sheet), ahead.on.local_text(look.zone)
    told = f"{status.text} ({status.source})" if status else "nothing is known of this model"
    if missing:
        asked = f"an MRI on {on} without: {', '.join(missing)}"
        yield look.found(
            "MRI-01", "block", asked, told, "Look up the label of this model; plan the interruption; then tick each."
        )
    limit, field = look.limit("MRI-01", "field"), look.known.measure(FIELD)
    if field is not None and field.at >= since and field.value > limit.value:
        asked = f"an MRI on {on} at {field.value:g} T"
        yield look.passed(
            limit, asked, f"at most {limit}; {told}", "Use a weaker scanner, or set the field of the label in force."
        )
    yield from _near_alarm(look, ahead)


def _near_alarm(look: Look, ahead: Booked) -> Iterator[Finding]:
    due = refill_by(look.chart, look.sheet, RefillPolicy.default()) if look.sheet is not None else None
    if due is not None and due.instant <= ahead.on:
        asked = f"an MRI on {ahead.on.local_text(look.zone)}, after the refill-by date {due.date(look.zone)}"
        yield look.found("MRI-01", "block", asked, "no low reservoir alarm near the scan", "Refill before the scan.", due.instant)


def _stopped_before(look: Look) -> Iterator[Finding]:
    """MRI-02."""
    ahead = scan_ahead(look)
    if ahead is None or look.sheet is None or look.sheet.magnet != "stalls" or look.asked is None:
        return
    if isinstance(look.asked.program, Stopped) and look.asked.orders.dosing is not None:
        asked = f"a stop before the MRI on {ahead.on.local_text(look.zone)}"
        yield look.found(
            "MRI-02", "warn", asked, "the pump runs into the field", "Let it run: a stop would hide a stall that lasts."
        )


def _after(look: Look) -> Iterator[Finding]:
    """MRI-03."""
    scan = last_scan(look)
    if scan is None or (look.sheet is not None and not look.sheet.programmable):
        return
    latest, again = last_report(look.known) if read_since_scan(look) else None, scan.at + detection_delay(look.sheet)
    if latest is not None and _runs(latest) and latest.at >= again:
        return
    told = f"the MRI on {scan.at.local_text(look.zone)}"
    if latest is None:
        asked, due, advice = (
            f"not interrogated since {told}",
            day_ends(look, scan.at),
            "Interrogate before the person leaves the scanner.",
        )
    elif not _runs(latest):
        asked, due = f"{_state(latest)} when read after {told}", latest.at
        advice = "Interrogate again; without recovery restore the drug and replace the pump."
    else:
        asked, due = f"interrogated after {told} only before its detection delay of {detection_delay(look.sheet)}", again
        advice = "Interrogate a second time."
    late = look.now.date(look.zone) > scan.at.date(look.zone) or (latest is not None and not _runs(latest))
    yield look.found("MRI-03", "warn" if late else "task", asked, "a clean interrogation on the same day", advice, due)
    limit = look.limit("MRI-03", "watch")
    until = Instant(scan.at.s + round(limit.value * HOUR_S))
    if look.now < until:
        advice = "Watch for tone, itching, fever, a changed mind; call at the first sign."
        yield look.passed(limit, f"{asked}: infusion may be off", f"watched for {limit}", advice, until)


def _runs(report: Report) -> bool:
    return "motor stall" not in report.alarms and report.mode != "telemetry mode"


def _state(report: Report) -> str:
    return "the motor stood still" if "motor stall" in report.alarms else "in telemetry mode"


def _valves(look: Look) -> Iterator[Finding]:
    """MRI-04."""
    sheet, ahead, last = look.sheet, scan_ahead(look), last_scan(look)
    if sheet is None or sheet.magnet not in ("opens", "shuts"):
        return
    filled = look.chart.filled
    since = max([Instant(Instant.FIRST), *([Instant(last.at.s + 1)] if last else []), *([filled.at] if filled else [])])
    if ahead is not None and filled is not None and not answered_since(look, BEFORE, "reservoir empty", since):
        limit = look.limit("MRI-04", "valve that shuts" if sheet.magnet == "shuts" else "valves that open")
        asked = f"an MRI on {ahead.on.local_text(look.zone)}, and the reservoir not recorded empty"
        advice = "Empty the reservoir right before the scan and record it; plan cover for the interruption."
        yield look.passed(limit, asked, f"more than {limit} must not be left in {sheet.title}", advice)
    if last is not None and not any(session.at > last.at for session in look.known.sessions):
        asked = f"no session since the MRI on {last.at.local_text(look.zone)}: the reservoir may be empty, or a valve shut"
        advice = "Reset the valve, refill, program and read the pump; watch for withdrawal, counted from the scan."
        yield look.found("MRI-04", "warn", asked, "reset, refilled and read after the scan", advice, last.at)


CHECKS: Checks = {"MRI-01": _before, "MRI-02": _stopped_before, "MRI-03": _after, "MRI-04": _valves}
