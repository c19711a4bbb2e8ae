"""The course as text: what was done, what then ran, and what happened, in the order of time."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from thecal.chart.facts import Acted, Entered, Fact, Filled, ResidualMeasured, SessionEnded, SessionUncertain
from thecal.datum import CONFIDENCE, Datum
from thecal.pump.messages import Event
from thecal.pump.readings import COURSE, Reading
from thecal.pump.sheet import PumpSheet
from thecal.quantity import DailyDose, Volume
from thecal.report.document import ledger_rows, notes
from thecal.report.words import fact_text, number_text
from thecal.therapy.refill import discrepancy_flag
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.exchange import OLD_FLUID
from thecal.twin.ledger import Balance
from thecal.twin.needle import PORT_BOLUS
from thecal.twin.trace import Course, Trace
from thecal.unit import decimal_text

WIDTH = 106
_TIME = 21
_MARKS = "- what happened, ! a warning or non-critical alarm, !! a critical one, ** true but not sensed, x refused"
Style = Literal["title", "head", "done", "row", "critical", "non-critical", "unsensed", "information", "refused", "note", "plain"]

ACCOUNT_WORDS = {
    "vial": "drawn from vials",
    "prefilled": "fluid without drug that came in",
    "reservoir": "in the reservoir, all of it",
    "line": "in tubing and catheter",
    "intrathecal": "intrathecal",
    "tissue": "in tissue",
    "withdrawn": "withdrawn",
    "wasted": "wasted",
}
COLUMN_WORDS = {
    "ordered": "the running dose that was asked for, boluses apart; its mean over the day or the week",
    "programmed": "the dose that the pump runs for it: its nearest flow with periodic boluses, at the concentration it was told",
    "delivered": "the dose that truly left the catheter tip, boluses and all: the mean over the row",
    "left the tip": "the volume that truly left the catheter tip in the row",
    "believed": "what the pump calculates, or senses where it can, is left in the reservoir at the end of the row",
    "true": "what can truly still be delivered at the end of the row",
    "refill by": "counted from the fill at the upper bound of this pump's flow (its label until residuals tell), less the buffer",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and what it is, so that a terminal can color it."""

    text: str
    style: Style = "plain"


def course_lines(case: Case, trace: Trace, body: Iterable[Line] = ()) -> Iterator[Line]:
    """The whole run as text, ``WIDTH`` columns wide; what the ``body`` did stands between the course and the ledger."""
    device = f"{case.sheet.name}, {case.geometry.sheet.name} at {case.geometry.tip_level}"
    yield from (Line(line, "title") for line in wrap(case.title, WIDTH))
    for text in (case.patient or "", f"{device}; times {case.zone.key}"):
        yield from (Line(line) for line in wrap(text, WIDTH))
    yield Line("")
    yield Line(
        _row("days", "mode", "ordered", "programmed", "delivered", "left the tip", "believed", "true", "refill by"), "head"
    )
    yield Line(_row("", "", "mcg/day", "mcg/day", "mcg/day", "mL", "mL", "mL", ""), "head")
    events = deque(trace.events)
    for course in trace.courses:
        inside = []
        while events and events[0].at < course.interval.end:
            inside.append(events.popleft())
        yield from _course_lines(case, course, inside)
    yield from (line for event in events for line in event_lines(case, event))
    yield Line(_timed(case, trace.end, "end of the case"), "done")
    yield Line("")
    yield from body
    yield from ledger_lines(trace.balance)
    yield Line("")
    for word, meaning in COLUMN_WORDS.items():
        yield from (Line(text, "note") for text in wrap(f"{word:<13}{meaning}", WIDTH, subsequent_indent=" " * 13))
    yield from (Line(text, "note") for text in wrap(f"{'marks':<13}{_MARKS}", WIDTH, subsequent_indent=" " * 13))
    yield Line("")
    for note in notes(case, trace):
        yield from (Line(text, "note") for text in wrap(note, WIDTH, subsequent_indent="  "))


def _course_lines(case: Case, course: Course, events: list[Event]) -> Iterator[Line]:
    """What opened the row, what happened in it, and its figures."""
    happened = [(fact.at, 1, _fact_lines(case, fact)) for fact in course.facts]
    # What nobody ordered strikes before what people do in the same second.
    happened += [(event.at, 0 if _strikes(event) else 2, list(event_lines(case, event))) for event in events]
    happened += [(at, 2, lines) for at, lines in _passed_lines(case, course)]
    happened.sort(key=lambda one: one[:2])
    yield from (line for _, _, lines in happened for line in lines)
    if course.mode is not None and course.interval.seconds:
        yield Line(course_row(case, course), "row")


def _dated(course: Course) -> bool:
    """Whether a date to refill by was worked out anew at the start of the row."""
    return any(isinstance(fact, Filled | SessionEnded) for fact in course.facts)


def _strikes(event: Event) -> bool:
    return event.severity == "unsensed" and event.kind not in (OLD_FLUID, PORT_BOLUS)


def _passed_lines(case: Case, course: Course) -> Iterator[tuple[Instant, list[Line]]]:
    """The date to refill by, where it passes in this row, or where what opened the row leaves it passed."""
    due = course.refill_by
    if due and course.refill_by_passed and (due.instant >= course.interval.start or _dated(course)):
        at = max(due.instant, course.interval.start)
        yield at, [Line(_timed(case, at, f"!  the date to refill by has passed ({due.governed_by})"), "non-critical")]


def _fact_lines(case: Case, fact: Fact) -> list[Line]:
    text = fact_text(fact, case.zone)
    if text is None:
        return []
    mark, style = _fact_mark(fact)
    text = f"{mark} {text}" if mark else text
    first, *more = wrap(text, WIDTH - _TIME, subsequent_indent="   ") or [""]
    return [Line(_timed(case, fact.at, first), style), *(Line(" " * _TIME + line, style) for line in more)]


def _fact_mark(fact: Fact) -> tuple[str, Style]:
    """The mark that draws the eye, and the color: a refusal, a residual that is off."""
    if isinstance(fact, Acted) and fact.refusal:
        return "x ", "refused"
    if isinstance(fact, SessionUncertain):
        return "!!", "critical"
    if isinstance(fact, ResidualMeasured):
        if fact.expected is None:
            return "", "done"
        flag = discrepancy_flag(fact.expected, fact.measured, fact.reservoir)
        if flag != "ok":
            return ("!!", "critical") if flag == "red" else ("! ", "non-critical")
    if isinstance(fact, Entered) and fact.volume != fact.injected:
        return "! ", "non-critical"
    return "", "done"


def _timed(case: Case, at: Instant, text: str) -> str:
    return f"{at.local_text(case.zone):<{_TIME - 1}} {text}"


def course_row(case: Case, course: Course) -> str:
    """The figures of one row."""
    assert course.mode is not None
    return _row(
        decimal_text(course.interval.seconds, DAY_S, 2 if course.interval.seconds >= 0.01 * DAY_S else 4),
        course.mode,
        _dose(course.ordered),
        _dose(course.programmed),
        number_text(course.delivered_mcg_per_day or 0),
        decimal_text(course.delivered_nl, 10**6),
        _volume(course.believed),
        _volume(course.true),
        course.refill_by.date(case.zone).isoformat() if course.refill_by else "-",
    )


def _row(*cells: str) -> str:
    days, mode, ordered, programmed, delivered, left, believed, true, refill_by = cells
    return (
        f"{days:>8}  {mode:<17} {ordered:>8} {programmed:>10} {delivered:>9} "
        f"{left:>12} {believed:>10} {true:>10}  {refill_by:<10}"
    ).rstrip()


def _dose(dose: DailyDose | None) -> str:
    return decimal_text(dose.pg_per_day, 10**6, 2) if dose else "-"


def _volume(volume: Volume | None) -> str:
    return decimal_text(volume.nl, 10**6) if volume is not None else "-"


def event_lines(case: Case, event: Event) -> Iterator[Line]:
    """An event with its mark, as a terminal colors it."""
    mark = {"critical": "!!", "non-critical": "! ", "unsensed": "**", "information": "- "}[event.severity]
    first, *more = wrap(f"{mark} {event.kind}: {event.text}", WIDTH - _TIME, subsequent_indent="   ")
    yield Line(_timed(case, event.at, first), event.severity)
    yield from (Line(" " * _TIME + line, event.severity) for line in more)


def ledger_lines(balance: Balance) -> Iterator[Line]:
    """The ledger as an equality, exact to the nanolitre and the picogram."""
    yield Line(f"{'Where all of it came from':<36}{'mL':>16}{'mcg':>22}", "head")
    for account, volume_nl, amount_pg in ledger_rows(balance):
        if account == "reservoir":
            yield Line("and where it is", "head")
        words = f"  {ACCOUNT_WORDS[account]}"
        yield Line(f"{words:<36}{decimal_text(volume_nl, 10**6):>16}{decimal_text(amount_pg, 10**6):>22}")
    closing = "closes to the nanolitre and the picogram" if balance.closes else "DOES NOT CLOSE"
    yield Line(f"  {closing}: gap {balance.gap_nl} nL, {balance.gap_pg} pg", "note" if balance.closes else "critical")


def sheet_lines(title: str, data: tuple[Datum, ...]) -> Iterator[Line]:
    """A data sheet: every value with its confidence and source, and what the marks mean."""
    yield Line(title, "title")
    for datum in data:
        head = f"{datum.name.replace('_', ' '):<29}{datum.value:<16}{datum.confidence}  "
        first, *more = wrap(datum.source, WIDTH - len(head)) or [""]
        yield Line(head + first)
        yield from (Line(" " * len(head) + line) for line in more)
    yield Line("")
    for mark in sorted({datum.confidence for datum in data}):
        yield Line(f"{mark}: {CONFIDENCE[mark]}", "note")


def reading_lines(sheet: PumpSheet, computed: Iterable[Reading]) -> Iterator[Line]:
    """Both readings of what no source decides, one line each, with what a pump delivers in the 24 h afterwards."""
    yield Line(f"{sheet.name}: what no source decides, both ways", "title")
    yield Line(f"After 24 h of {COURSE}.")
    yield Line(f"{'property':<22}{'read as':<17}{'delivered':<12}{'then':<19}after", "head")
    for reading in computed:
        mark = " *" if reading.on_sheet else ""
        refused = f", refused by {reading.refused.rule}" if reading.refused else ""
        alarms = f"; then sounds: {', '.join(reading.alarms)}" if reading.alarms else ""
        figures = f"{reading.value + mark:<17}{reading.delivered!s:<12}{reading.mode:<19}"
        row = f"{reading.name:<22}{figures}{reading.happens}{refused}{alarms}"
        first, *more = wrap(row, WIDTH, subsequent_indent=" " * 70)
        yield Line(first)
        yield from (Line(line) for line in more)
    yield Line("* on the data sheet. Choose the other with readings = { ... } in the [pump] table of a case.", "note")
