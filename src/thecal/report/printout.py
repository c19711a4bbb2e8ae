"""A printout as text, as one self-contained page, and as plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.errors import Refusal
from thecal.programmer.bridge import Stretch
from thecal.programmer.printout import Printout, Section
from thecal.programmer.review import Dates, Review
from thecal.programmer.session import Session
from thecal.pump.messages import Report
from thecal.report.document import SCHEMA, refusal_document
from thecal.report.html import page, table
from thecal.report.tables import WIDTH, Line
from thecal.report.words import BANNER, number_text
from thecal.therapy.procedure import MeasuredResidual
from thecal.therapy.totals import Totals
from thecal.timeline import Instant
from thecal.twin.forecast import TipDay

SIGNATURES = ("Programmed by", "Checked by a second person (SAF-05)", "Date and time")
_WHAT_IF = "Tip dose of the next days, if updated now"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands over a printout: the case, the device, when, and by which session and version."""

    title: str
    patient: str | None
    device: str
    at: Instant
    zone: ZoneInfo
    session: str
    version: str

    def lines(self) -> Iterator[str]:
        yield self.device
        if self.patient:
            yield self.patient
        yield f"session {self.session}; {self.at.local_text(self.zone)} {self.zone.key}; thecal {self.version}"


def forecast_section(days: Sequence[TipDay], zone: ZoneInfo, *, plan: bool) -> Section:
    """The forecast as a table; without a plan in the write both columns would be the same, and one is shown."""
    columns = ("24 h from", "with the plan", "without it") if plan else ("24 h from", "at the tip")
    rows = []
    for day in days:
        given = [f"{number_text(day.with_plan.mcg)} mcg", f"{number_text(day.without_plan.mcg)} mcg"]
        rows.append((day.start.local_text(zone), *given[: 2 if plan else 1]))
    return Section(_WHAT_IF, columns, tuple(rows))


def printout_lines(heading: Heading, printed: Printout) -> Iterator[Line]:
    """The whole printout, ``WIDTH`` columns wide."""
    yield from (Line(text, "title") for text in wrap(f"Programming record: {heading.title}", WIDTH))
    for text in heading.lines():
        yield from (Line(line) for line in wrap(text, WIDTH))
    yield Line(printed.status, "done" if printed.may_be_signed else "critical")
    for section in printed.sections:
        yield Line("")
        yield from section_lines(section)
    yield Line("")
    for words in SIGNATURES:
        yield Line(f"{words + ':':<40}{'_' * 40}" if printed.may_be_signed else f"{words + ':':<40}not to be signed")
    yield from (Line(text, "note") for text in wrap(BANNER, WIDTH))


def section_lines(section: Section) -> Iterator[Line]:
    """One table; a marked row begins with an arrow."""
    yield Line(section.title, "title")
    widths = _widths(section)
    if any(section.columns):
        yield Line(_cells(section.columns, widths, " "), "head")
    for number, row in enumerate(section.rows):
        yield from _row_lines(row, widths, marked=number in section.marked)


def _widths(section: Section) -> list[int]:
    """The width of each column: the first as wide as it must be, the others share what is left."""
    first = min(max(len(row[0]) for row in (section.columns, *section.rows)), 40)
    others = len(section.columns) - 1
    return [first, *[(WIDTH - first - 2 - 2 * others) // others] * others]


def _cells(row: Sequence[str], widths: list[int], mark: str) -> str:
    return f"{mark} {'  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=True))}".rstrip()


def _row_lines(row: Sequence[str], widths: list[int], *, marked: bool) -> Iterator[Line]:
    wrapped = [wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for number in range(max(len(cell) for cell in wrapped)):
        cells = [cell[number] if number < len(cell) else "" for cell in wrapped]
        yield Line(_cells(cells, widths, ">" if marked and not number else " "), "row")


def printout_page(heading: Heading, printed: Printout) -> str:
    """The printout as one page that loads nothing, made to be printed."""
    status = f'<p class="{"done" if printed.may_be_signed else "critical"}">{escape(printed.status)}</p>'
    sign = "" if printed.may_be_signed else "not to be signed"
    signatures = table(
        ("", ""), [[words, sign] for words in SIGNATURES], {0: "text", 1: "text line"}, "Signatures", captioned=False
    )
    body = [
        f"<h1>Programming record: {escape(heading.title)}</h1>",
        *(f'<p class="muted">{escape(text)}</p>' for text in heading.lines()),
        f'<p class="banner">{escape(BANNER)}</p>',
        status,
        *(part for section in printed.sections for part in section_html(section)),
        f"<h2>Signatures</h2>{signatures}",
    ]
    return page(heading.title, body)


def section_html(section: Section) -> Iterator[str]:
    """One table with its title; a marked row is said to be changed."""
    yield f"<h2>{escape(section.title)}</h2>"
    rows = []
    for number, row in enumerate(section.rows):
        cells = [escape(cell) for cell in row]
        rows.append([f"<strong>{cells[0]} (changed)</strong>", *cells[1:]] if number in section.marked else cells)
    classes = dict.fromkeys(range(len(section.columns)), "text")
    yield table(section.columns, rows, classes, section.title, captioned=False)


def printout_document(
    heading: Heading,
    session: Session,
    printed: Printout,
    residual: MeasuredResidual | None,
    days: Sequence[TipDay] | Refusal | None,
) -> dict[str, Any]:
    """The printout as plain data: its numbers as numbers in the units of their keys, and its tables as text."""
    made = session.review
    assert made is not None  # a printout has one
    return {
        "schema": SCHEMA,
        "thecal": heading.version,
        "banner": BANNER,
        "title": heading.title,
        "device": heading.device,
        "session": heading.session,
        "at_utc": heading.at.utc_text(),
        "timezone": heading.zone.key,
        "standing": session.standing,
        "status": printed.status,
        "may_be_signed": printed.may_be_signed,
        "why": session.why or None,
        "totals": {"before": totals_document(made.totals[0]), "after": totals_document(made.totals[1])},
        "change_percent": None if made.change_percent is None else round(float(made.change_percent), 6),
        "ordered_mcg_per_day": made.ordered.mcg_per_day if made.ordered else None,
        "programmed_mcg_per_day": made.programmed.mcg_per_day if made.programmed else None,
        "confirmed_mcg_per_day": made.orders.confirm_total.mcg_per_day if made.orders.confirm_total else None,
        "settings": [
            {"name": one.name, "before": one.before, "after": one.after, "changed": one.changed} for one in made.settings
        ],
        "before": report_document(made.before),
        "after": report_document(made.after),
        "read_back": report_document(session.read_back) if session.read_back else None,
        "unlike": [{"name": one.name, "said": one.before, "meant": one.after} for one in session.found],
        "dates": {name: _dates(dates, heading.zone) for name, dates in zip(("before", "after"), made.dates, strict=True)},
        "line": _line(made),
        "residual": _residual(residual),
        "gain": {
            "estimate_ppm": made.gain.estimate.ppm,
            "low_ppm": made.gain.low.ppm,
            "high_ppm": made.gain.high.ppm,
            "residuals": made.gain.residuals,
            "learned": made.gain.learned,
        },
        "cautions": [{"rule": one.rule, "severity": one.weight, "text": one.text, "source": one.source} for one in made.cautions],
        "what_if_now": _forecast(days),
        "sections": [{"title": part.title, "columns": list(part.columns), "rows": list(part.rows)} for part in printed.sections],
    }


def totals_document(totals: Totals | None) -> dict[str, float] | None:
    """The totals of a day as plain data."""
    if totals is None:
        return None
    return {
        "day_mcg": totals.day.mcg,
        "day_max_mcg": totals.day_max.mcg,
        "peak_hour_mcg": totals.peak_hour.mcg,
        "seven_day_mean_mcg": totals.seven_day_mean.mcg,
    }


def report_document(report: Report) -> dict[str, Any]:
    """The settings and the state that a pump says, as plain data."""
    return {
        "at_utc": report.at.utc_text(),
        "mode": report.mode,
        "program": report.program.in_words(),
        "patient_bolus": report.patient.in_words() if report.patient else None,
        "concentration_mcg_per_ml": report.concentration.mcg_per_ml if report.concentration else None,
        "calculated_nl": report.calculated.nl if report.calculated else None,
        "bolus_left_nl": report.bolus_left.nl,
        "bolus_ends_utc": report.bolus_ends.utc_text() if report.bolus_ends else None,
        "low_reservoir_nl": report.low_reservoir.nl,
        "alarms": list(report.alarms),
        "replace_by_utc": report.replace_by.utc_text() if report.replace_by else None,
    }


def _dates(dates: Dates, zone: ZoneInfo) -> dict[str, str | None]:
    named = {
        "low_reservoir_utc": dates.low_reservoir,
        "empty_utc": dates.empty,
        "likely_low_reservoir_utc": dates.likely_low_reservoir,
    }
    due = dates.refill_by
    return {
        **{name: None if instant is None else instant.utc_text() for name, instant in named.items()},
        "refill_by_local": due.date(zone).isoformat() if due else None,
        "refill_by_governed_by": due.governed_by if due else None,
    }


def _line(review: Review) -> dict[str, Any]:
    bridge, prime = review.bridge, review.prime
    return {
        "in_words": review.ledger.in_words(),
        "volume_nl": review.ledger.line.volume_nl,
        "amount_pg": review.ledger.line.amount_pg,
        "without_plan": [_stretch(stretch) for stretch in review.if_now],
        "bridge": bridge
        and {
            "in_words": bridge.in_words(),
            "volume_nl": bridge.volume.nl,
            "flow_nl_per_day": bridge.flow.nl_per_day,
            "seconds": bridge.ends_after.s,
            "dose_pg": bridge.dose.pg,
        },
        "prime": prime
        and {
            "in_words": prime.in_words(),
            "part": prime.part,
            "volume_nl": prime.volume.nl,
            "flow_nl_per_day": prime.flow.nl_per_day,
            "seconds": prime.duration.s,
            "early_pg": prime.early.pg,
            "early_bound_pg": prime.early_bound.pg,
            "pushed_pg": prime.pushed.pg,
            "front_nl": prime.front.nl,
            "reaches_tip_utc": prime.reaches_tip.utc_text(),
            "observe_until_utc": prime.observe_until.utc_text(),
        },
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {
        "in_words": stretch.in_words(),
        "volume_nl": stretch.volume.nl,
        "start_s": stretch.start_s,
        "end_s": stretch.end_s,
        "mcg_per_day": None if stretch.mcg_per_day is None else round(float(stretch.mcg_per_day), 6),
        "percent": None if stretch.percent is None else round(float(stretch.percent), 6),
    }


def _residual(residual: MeasuredResidual | None) -> dict[str, Any] | None:
    if residual is None:
        return None
    off = residual.discrepancy
    return {
        "expected_nl": residual.expected.nl if residual.expected is not None else None,
        "measured_nl": residual.measured.nl,
        "discrepancy_nl": off.nl if off is not None else None,
        "flag": residual.flag,
        "first_after_implant": residual.unreliable,
        "taken_on": residual.taken_on,
    }


def _forecast(days: Sequence[TipDay] | Refusal | None) -> Any:
    if days is None:
        return None
    if isinstance(days, Refusal):
        return {"refused": refusal_document(days)}
    return [
        {"start_utc": day.start.utc_text(), "with_plan_pg": day.with_plan.pg, "without_plan_pg": day.without_plan.pg}
        for day in days
    ]
