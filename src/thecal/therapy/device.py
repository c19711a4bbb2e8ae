"""What the device asks of people: its record, its alarms, its recalls; and, from their own modules, scanners and its end."""

from collections.abc import Iterator

from thecal.chart.clinical import AlarmHeard, Tone
from thecal.pump.alarms import ALARMS
from thecal.pump.messages import Report
from thecal.therapy import mri, service
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.look import Checks, Look
from thecal.therapy.service import day_ends, last_report, line_measured, pump_in_place
from thecal.timeline import Instant

CRITICAL = frozenset(alarm.name for alarm in ALARMS if alarm.severity == "critical")
NON_CRITICAL = frozenset(alarm.name for alarm in ALARMS if alarm.severity == "non-critical")


def unanswered(look: Look, tone: Tone) -> AlarmHeard | None:
    """The latest alarm of a tone that was heard from the pump in place and after which it was not read; None without one."""
    pump = pump_in_place(look.known)
    if pump is None:
        return None
    read = max((read.at for read in look.known.interrogations[-1:]), default=pump.at)
    after = [heard for heard in look.known.alarms if heard.tone == tone and heard.at >= max(pump.at, read)]
    return max(after, key=lambda heard: heard.at, default=None)


def _record(look: Look) -> Iterator[Finding]:
    """DEV-01."""
    pump, paper = pump_in_place(look.known), look.known.document("device record", look.now)
    if pump is None:
        return
    on_file = paper is not None and paper.at.date(look.zone) >= pump.at.date(look.zone)
    missing = [] if on_file else ["the device record"]
    missing += [] if line_measured(look) else ["the lengths of the catheter, or its volume as measured"]
    limit = look.limit("DEV-01", "missing")
    asked, allowed = f"not on file: {' and '.join(missing)}", "a complete record of pump and catheter"
    advice = "Write down model, serial number, site, catheter and tip on the page of the person and the device."
    if look.asked is not None and not look.asked.stops and len(missing) > limit.value:
        if look.asked.orders.only_refills:
            yield look.found("DEV-01", "warn", f"the volume of a refill, and {asked}", allowed, advice)
        else:
            yield look.passed(limit, f"an order, and {asked}", allowed, advice)
    elif missing:
        yield look.found("DEV-01", "task", asked, allowed, advice)


def _single_tone(look: Look) -> Iterator[Finding]:
    """DEV-02."""
    heard = unanswered(look, "single")
    if heard is not None:
        yield look.found(
            "DEV-02",
            "task",
            f"a single tone was heard on {heard.at.local_text(look.zone)}, and the pump was not read since",
            "answered on the same day",
            "Call the person today and read the pump.",
            day_ends(look, heard.at),
        )
    report = last_report(look.known)
    if report is None:
        return
    for name in sorted(NON_CRITICAL & set(report.alarms)):
        asked = f"the alarm {name!r} when the pump was last read, on {report.at.local_text(look.zone)}"
        yield look.found("DEV-02", "task", asked, "answered on the same day", _ANSWERS[name], day_ends(look, report.at))


def _two_tones(look: Look) -> Iterator[Finding]:
    """DEV-03."""
    heard = unanswered(look, "two-tone")
    if heard is not None:
        asked = f"a two-tone alarm was heard on {heard.at.local_text(look.zone)}, and the pump was not read since"
        advice = "Page the person on call now: read the pump, and look for withdrawal."
        yield look.found("DEV-03", "emergency", asked, "read at once", advice, heard.at)
    report = last_report(look.known)
    if report is None:
        return
    for name in sorted(CRITICAL & set(report.alarms)):
        asked = f"the critical alarm {name!r} when the pump was last read, on {report.at.local_text(look.zone)}"
        yield look.found("DEV-03", "emergency", asked, "no critical alarm", _ANSWERS[name], report.at)


def _heard_and_clean(look: Look) -> Iterator[Finding]:
    """DEV-04."""
    pump = pump_in_place(look.known)
    if pump is None or not look.known.alarms or look.known.alarms[-1].at < pump.at:
        return
    heard = max(look.known.alarms, key=lambda alarm: (alarm.at, alarm.tone))
    read = next((read.report for read in look.known.interrogations if read.at > heard.at), None)
    if read is None or read.alarms or sounding(read, heard.at) or service.answered_since(look, "advice", "alarms", heard.at):
        return
    asked = f"an alarm was heard on {heard.at.local_text(look.zone)}, and the pump then reported none"
    advice = "Read the event log, interrogate again, and play both alarms to the person; tick the advice on alarms."
    yield look.found("DEV-04", "advise", asked, "an alarm that people can tell from others", advice)


def sounding(report: Report, at: Instant) -> tuple[str, ...]:
    """The alarms that, by the log of a later report, had begun and not ended at an instant."""
    found = []
    for name in sorted(CRITICAL | NON_CRITICAL):
        begun = [event.at for event in report.log if event.kind == f"{name} alarm" and event.at <= at]
        ended = [event.at for event in report.log if event.kind == f"{name} alarm ended" and event.at <= at]
        if begun and max(begun) >= max(ended, default=max(begun)):
            found.append(name)
    return tuple(found)


def _recalls(look: Look) -> Iterator[Finding]:
    """SAF-07."""
    if pump_in_place(look.known) is None:
        return
    programming = look.asked is not None and not look.asked.stops
    if look.known.present("recall open"):
        severity: Severity = "task"
        if programming:
            severity = "block" if look.on("SAF-07") else "warn"
        asked = "an open field action for this pump or its software" + (", and an order" if programming else "")
        advice = "Read the notice, act on it, and record that the action is closed."
        yield look.found("SAF-07", severity, asked, "no open field action at programming", advice)
    if programming and look.known.document("software notice", look.now) is None:
        asked = "an order, and no software version on file"
        yield look.found("SAF-07", "advise", asked, "version and field actions on file", "Record the programmer's version.")


_ANSWERS = {
    "low reservoir": "Refill; find out why it was not refilled before.",
    "elective replacement": "Plan the replacement now.",
    "non-critical memory error": "Read the pump, compare it with the record, and tell the maker.",
    "empty reservoir": "Refill now, and treat a withdrawal; measure what is really in it.",
    "end of service": "Replace the pump now, and treat a withdrawal.",
    "motor stall": "Find out whether it was in a scanner; treat a withdrawal, and plan a replacement.",
    "pump stopped": "Find out why; restart it as after an interruption.",
    "low battery reset": "Program the pump again, treat a withdrawal, and plan a replacement.",
    "critical memory error": "Program the pump again, treat a withdrawal, and tell the maker.",
}
_OWN: Checks = {
    "SAF-07": _recalls,
    "DEV-01": _record,
    "DEV-02": _single_tone,
    "DEV-03": _two_tones,
    "DEV-04": _heard_and_clean,
}
CHECKS: Checks = {**_OWN, **mri.CHECKS, **service.CHECKS}
