"""What a pump says when it is read: as tables, as text, as one self-contained page, and as plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.chart.line_ledger import LineLedger, line_ledger
from thecal.programmer.printout import Section
from thecal.pump.messages import Report
from thecal.pump.program import WEEKDAYS, clock_text
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import SETTINGS, clock_offset_s, offset_words
from thecal.report.document import SCHEMA, event_document
from thecal.report.html import page
from thecal.report.printout import Heading, report_document, section_html, section_lines, totals_document
from thecal.report.tables import WIDTH, Line
from thecal.report.words import BANNER, fact_text
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.therapy.totals import Totals, totals
from thecal.timeline import DAY_S
from thecal.unit import decimal_text

_LOG_SHOWN = 10
_AS_ONE_S = 60  # a clock is set to the minute


@dataclass(frozen=True, slots=True)
class Interrogation:
    """What a pump of a data sheet said, and the chart with it: what people know of its line and of its last fill."""

    report: Report
    chart: Chart
    sheet: PumpSheet
    policy: RefillPolicy

    @property
    def totals(self) -> Totals | None:
        return totals(self.report, self.sheet)

    @property
    def line(self) -> LineLedger | None:
        return line_ledger(self.chart)

    @property
    def due(self) -> RefillBy | None:
        return refill_by(self.chart, self.sheet, self.policy)

    def urgent(self) -> Iterator[str]:
        """What is to be seen before anything else."""
        if self.report.alarms:
            yield f"ALARM: {', '.join(self.report.alarms)}"
        if self.report.mode == "updating" or self.report.staged:
            yield "AN UPDATE IS OPEN: somebody has begun one and not finished it"
        if self.report.mode in ("stopped", "safe state", "end of service"):
            yield f"THE PUMP GIVES NO THERAPY: {self.report.mode}"


def interrogation_sections(said: Interrogation, zone: ZoneInfo) -> tuple[Section, ...]:
    """All of it as titled tables: the dose and every setting, alarms and dates, the clock, the line, the event log."""
    return (
        Section("What the pump runs", ("", ""), (*_dose(said.totals), *_settings(said.report))),
        Section("Alarms, battery, refill", ("", ""), _dates(said, zone)),
        Section("Clock", ("", ""), _clock(said.report, zone)),
        Section("Tubing and catheter, as people know them", ("", ""), _line(said.line)),
        _log(said.report, zone),
    )


def _dose(given: Totals | None) -> tuple[tuple[str, str], ...]:
    if given is None:
        return (("24-h total", "not known: the pump was told no concentration"),)
    most = (("with every patient bolus", str(given.day_max)),) if given.day_max != given.day else ()
    return ("24-h total", str(given.day)), *most, ("peak hour of the program", str(given.peak_hour))


def _settings(report: Report) -> tuple[tuple[str, str], ...]:
    return tuple((name, told(report)) for name, told in SETTINGS.items() if name != "pump clock")


def _dates(said: Interrogation, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    report, due, filled = said.report, said.due, said.chart.filled
    return (
        ("alarms", ", ".join(report.alarms) or "none"),
        ("replace by", report.replace_by.date(zone).isoformat() if report.replace_by else "no replacement indicator (ERI)"),
        ("last fill", f"{filled.at.local_text(zone)}, {fact_text(filled, zone)}" if filled else "none on record"),
        ("refill by", f"{due.date(zone).isoformat()} ({due.governed_by})" if due else "none: nothing to count from"),
    )


def _clock(report: Report, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    weekday, second = divmod(report.clock_reading_s, DAY_S)
    shown = f"{WEEKDAYS[weekday % len(WEEKDAYS)]} {clock_text(second)}, {offset_words(clock_offset_s(report))}"
    return ("pump clock", shown), ("wall clock", _wall(report, zone))


def _wall(report: Report, zone: ZoneInfo) -> str:
    """The wall clock of a zone, and by how much the pump clock is off it."""
    wall = report.at.local(zone)
    off_s = clock_offset_s(report) - (wall.utcoffset() or timedelta()) // timedelta(seconds=1)
    off = f"the pump clock is {decimal_text(abs(off_s), 3600, 2)} h {'ahead of' if off_s > 0 else 'behind'} it"
    return f"{wall:%a %H:%M:%S}, {zone.key}; {'the pump clock is set to it' if abs(off_s) < _AS_ONE_S else off}"


def _line(ledger: LineLedger | None) -> tuple[tuple[str, str], ...]:
    if ledger is None:
        return (("it holds", "not known: no implant is on record"),)
    return ("it holds", ledger.in_words()), *(("but", text) for text in ledger.cautions)


def _log(report: Report, zone: ZoneInfo) -> Section:
    shown = report.log[-_LOG_SHOWN:]
    if not shown:
        return Section("Event log", ("", ""), (("events", "none"),))
    of = f", the latest {len(shown)} of {report.logged}" if len(shown) < report.logged else ""
    rows = tuple((event.at.local_text(zone), event.kind, event.text) for event in shown)
    return Section(f"Event log{of}", ("at", "event", ""), rows)


def interrogation_lines(heading: Heading, said: Interrogation) -> Iterator[Line]:
    """The whole of it, ``WIDTH`` columns wide."""
    yield from (Line(text, "title") for text in wrap(f"Interrogation: {heading.title}", WIDTH))
    for text in heading.lines():
        yield from (Line(line) for line in wrap(text, WIDTH))
    yield from (Line(text, "critical") for text in said.urgent())
    for section in interrogation_sections(said, heading.zone):
        yield Line("")
        yield from section_lines(section)
    yield Line("")
    yield from (Line(text, "note") for text in wrap(BANNER, WIDTH))


def interrogation_page(heading: Heading, said: Interrogation) -> str:
    """The same as one page that loads nothing."""
    body = [
        f"<h1>Interrogation: {escape(heading.title)}</h1>",
        *(f'<p class="muted">{escape(text)}</p>' for text in heading.lines()),
        f'<p class="banner">{escape(BANNER)}</p>',
        *(f'<p class="critical">{escape(text)}</p>' for text in said.urgent()),
        *(part for section in interrogation_sections(said, heading.zone) for part in section_html(section)),
    ]
    return page(heading.title, body)


def interrogation_document(heading: Heading, said: Interrogation) -> dict[str, Any]:
    """The same as plain data: numbers as numbers in the units of their keys, and the tables as text."""
    report, due, ledger = said.report, said.due, said.line
    sections = interrogation_sections(said, heading.zone)
    return {
        "schema": SCHEMA,
        "thecal": heading.version,
        "banner": BANNER,
        "title": heading.title,
        "device": heading.device,
        "session": heading.session,
        "at_utc": heading.at.utc_text(),
        "timezone": heading.zone.key,
        "totals": totals_document(said.totals),
        "report": report_document(report),
        "clock_offset_s": clock_offset_s(report),
        "pumped_nl": report.pumped.nl,
        "refill_by_local": due.date(heading.zone).isoformat() if due else None,
        "refill_by_governed_by": due.governed_by if due else None,
        "line": ledger
        and {
            "in_words": ledger.in_words(),
            "volume_nl": ledger.line.volume_nl,
            "amount_pg": ledger.line.amount_pg,
            "cautions": list(ledger.cautions),
        },
        "logged": report.logged,
        "log": [event_document(event, heading.zone) for event in report.log],
        "sections": [{"title": part.title, "columns": list(part.columns), "rows": list(part.rows)} for part in sections],
    }
