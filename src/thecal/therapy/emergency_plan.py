"""The emergency plan (EMG-01): what it says, filled in from the chart, and when there is none, or one of yesterday's pump."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from thecal.chart.chart import Chart
from thecal.chart.vocabulary import grouped, words
from thecal.pump.messages import Report
from thecal.pump.program import program_pattern
from thecal.pump.sheet import InMagnet, PumpSheet, pump_sheet
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.refill import RefillPolicy, refill_by, refill_dates
from thecal.timeline import DAY_S, Instant

PLAN = "emergency plan"
NOT_RECORDED = "not recorded"
MAKER_LINES = {"US": {"SynchroMed": "800-707-0933, day and night"}}
"""The makers' technical lines, by jurisdiction and the title of the pumps. Medtronic, ITB emergency card (WDL-12)."""
IN_MAGNET: dict[InMagnet, str] = {
    "stalls": "the rotor stands still in the field and nothing is infused; interrogate after the scan",
    "opens": "the valves open in the field: the reservoir has to be empty before the scan",
    "shuts": "the valve shuts in the field and stays shut until it is reset; the reservoir is emptied before the scan",
    "nothing": "the flow goes on in the field",
}
IN_HOSPITAL = (
    "Reach a physician for intrathecal baclofen at once, and interrogate the pump. Withdrawal: restore the infusion as soon as "
    "possible, monitor, and do not rely on tablets alone meanwhile. Overdose: secure the airway, stop the pump, then empty its "
    "reservoir."
)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line of the plan."""

    label: str
    value: str = NOT_RECORDED

    @property
    def recorded(self) -> bool:
        """Whether the chart says it."""
        return self.value != NOT_RECORDED


@dataclass(frozen=True, slots=True)
class EmergencyPlan:
    """What a person with a pump carries, line by line, as the chart knew it at ``at``."""

    at: Instant
    lines: tuple[PlanLine, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The lines that have to be filled in by hand."""
        return tuple(line.label for line in self.lines if not line.recorded)

    def value(self, label: str) -> str:
        """What a line says. Raises KeyError for a line that the plan does not have."""
        return {line.label: line.value for line in self.lines}[label]


def emergency_plan(look: Look) -> EmergencyPlan:
    """The plan, filled in from the chart; what no fact holds (serial, port, telephone numbers) is left open and says so."""
    sheet = _sheet(look)
    report = look.known.interrogations[-1].report if sheet and look.known.interrogations else None
    lines = (*_pump_lines(look, sheet, report), *_date_lines(look, sheet, report), *_person_lines(look, sheet))
    return EmergencyPlan(look.now, tuple(PlanLine(label, value or NOT_RECORDED) for label, value in lines))


_Lines = Iterator[tuple[str, str | None]]


def _pump_lines(look: Look, sheet: PumpSheet | None, report: Report | None) -> _Lines:
    filled = look.chart.filled
    strength = report.concentration if report and report.concentration else filled.concentration if filled else None
    dose = look.known.dose if sheet else None
    yield "Pump", f"{sheet.title} ({sheet.name})" if sheet else None
    yield "Serial number", None
    yield "Drug", "baclofen, intrathecal" if strength else None
    yield "Concentration", str(strength) if strength else None
    yield "Daily dose", str(dose) if dose else None
    yield "Mode", _mode(report) if report else None
    yield "Catheter", _catheter(look.chart)
    yield "Catheter access port", None


def _date_lines(look: Look, sheet: PumpSheet | None, report: Report | None) -> _Lines:
    due = refill_by(look.chart, sheet, RefillPolicy.default()) if sheet else None
    yield "Refill by", f"{due.date(look.zone)}, by {due.governed_by}" if due else None
    alarm = _alarm(look.chart, sheet, report) if sheet and report else None
    yield "Low reservoir alarm", f"{alarm.date(look.zone)}, as the pump counts" if alarm else None
    if sheet and not sheet.programmable:
        yield "Replacement indicator", "none: the pump has no battery"
    elif report and report.replace_by:
        yield "Replacement indicator", f"reached; replace the pump by {report.replace_by.date(look.zone)}"
    else:
        yield "Replacement indicator", f"not reached on {report.at.date(look.zone)}" if report else None


def _person_lines(look: Look, sheet: PumpSheet | None) -> _Lines:
    early, gravest = grouped("symptoms", "early withdrawal"), grouped("symptoms", "severe withdrawal")
    too_much = grouped("symptoms", "overdose")
    lines = MAKER_LINES.get(look.clinic.jurisdiction, {})
    yield "Clinic by day", None
    yield "Clinic by night", None
    yield "Maker's line", next((line for title, line in lines.items() if sheet and sheet.title.startswith(title)), None)
    yield "Early signs of withdrawal", _texts(early)
    yield "Oral baclofen at home", _oral_baclofen(look)
    yield "Go to hospital if", f"a two-tone alarm; withdrawal: {_texts(gravest)}; overdose: {_texts(too_much - gravest)}"
    yield "In hospital", IN_HOSPITAL
    yield "Injury at T6 or above, or dysreflexia", _dysreflexia(look)
    known = look.known.answer("before MRI", "conditional status known")
    yield "MRI status", "conditional status known; ask the clinic before any scan" if known else None
    yield "In the field of an MRI", IN_MAGNET[sheet.magnet] if sheet else None


def _mode(report: Report) -> str:
    """What it runs; and what it does before that, where that is something else."""
    words_of_it = report.program.in_words()
    return words_of_it if report.mode == report.program.mode else f"{report.mode}, then {words_of_it}"


def _sheet(look: Look) -> PumpSheet | None:
    """The data sheet of the pump in place."""
    if look.chart.implanted is None:
        return None
    return look.sheet or pump_sheet(_pumps(look)[-1][1])


def _pumps(look: Look) -> list[tuple[Instant, str]]:
    """The pumps of this implant, with the instants of their operations."""
    implanted = look.known.implanted
    if implanted is None:
        return []
    later = [(fact.at, fact.pump) for fact in look.known.replaced if fact.at >= implanted.at]
    return [(implanted.at, implanted.pump), *later]


def _catheter(chart: Chart) -> str | None:
    latest = chart.catheter
    return f"{latest.catheter}, tip at {latest.tip_level}" if latest else None


def _alarm(chart: Chart, sheet: PumpSheet, report: Report) -> Instant | None:
    """When the pump's own count reaches its low reservoir threshold by the running program; past where it has."""
    pattern = program_pattern(report.program, sheet)
    if report.calculated is None or not pattern.total or (chart.filled and chart.filled.at > report.at):
        return None
    since = report.bolus_ends if report.bolus_left.nl and report.bolus_ends else report.at
    a_day = Fraction(pattern.total * DAY_S, pattern.per * pattern.period_s)
    left = report.calculated - report.bolus_left
    dates = refill_dates(left, report.low_reservoir, a_day, RefillPolicy.default())
    return Instant(since.s + floor(dates.days_to_alarm * DAY_S))


def _oral_baclofen(look: Look) -> str | None:
    taken = look.known.medicines.get("baclofen")
    if taken is None or taken.route != "oral":
        return None
    return f"{taken.per_day:g} mg a day in {taken.doses_a_day} doses"


def _dysreflexia(look: Look) -> str | None:
    flags = ("SCI at T6 or above", "autonomic dysreflexia")
    if not any(flag in look.known.conditions for flag in flags):
        return None
    there = [words("conditions")[flag].text for flag in flags if look.known.present(flag)]
    return f"yes: {', '.join(there)}" if there else "no"


def _texts(symptoms: frozenset[str]) -> str:
    return ", ".join(words("symptoms")[name].text for name in sorted(symptoms))


def _plan_there(look: Look) -> Iterator[Finding]:
    """EMG-01: a plan, all of it, and of the pump as it runs."""
    if look.chart.implanted is None:
        return
    paper = look.known.document(PLAN, look.now)
    if paper is None:
        asked = "a pump in place, and no emergency plan"
        yield look.found(
            "EMG-01", "warn", asked, "an emergency plan from the implant on", "Write the emergency plan, and hand it out."
        )
        return
    missing = [item for item in words("checklists")[PLAN].items if not look.known.answer(PLAN, item)]
    if missing:
        asked = f"an emergency plan without {', '.join(missing)}"
        yield look.found("EMG-01", "warn", asked, "every item of the list", "Complete the emergency plan.")
    changed = list(_changed_since(look, paper.at))
    if changed:
        asked = f"{', '.join(changed)} changed since the emergency plan of {paper.at.date(look.zone)}"
        yield look.found("EMG-01", "task", asked, "a plan of the pump as it runs", "Renew the emergency plan, and hand it out.")


def _changed_since(look: Look, written: Instant) -> Iterator[str]:
    """What of the plan is no longer so. What happened at the instant of writing is in it."""
    known = look.known
    if any(at > written for at, _ in _pumps(look)):
        yield "the pump"
    place = bisect_right(known.interrogations, written, key=lambda fact: fact.at)
    before = known.interrogations[place - 1].report if place else None
    now = known.interrogations[-1].report if known.interrogations else None
    filled = look.chart.filled
    if now is not None and now.concentration != (before.concentration if before else None):
        yield "the concentration"
    if known.doses and known.dose != next((dose.dose for dose in reversed(known.doses) if dose.at <= written), None):
        yield "the daily dose"
    if (filled is not None and filled.at > written) or (known.doses and known.doses[-1].at > written):
        yield "the alarm date"
    if now is not None and now.replace_by != (before.replace_by if before else None):
        yield "the replacement indicator"


CHECKS: Checks = {"EMG-01": _plan_there}
