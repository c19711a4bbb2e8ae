"""The outage list (CLN-06): every pump of the clinic on paper and as CSV, for the hours in which no computer answers."""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from zoneinfo import ZoneInfo

from thecal.clinic.emergency_card import dose_in_place, mode_in_place, uncertain_words, with_sheet
from thecal.clinic.paper import Paper, printed_line, recorded
from thecal.clinic.person import Person
from thecal.programmer.printout import Section
from thecal.therapy.due import refill_due
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED
from thecal.therapy.look import Look
from thecal.therapy.restart import reading
from thecal.therapy.service import pump_in_place
from thecal.timeline import Instant

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_COLUMNS = (
    "person",
    "telephone",
    "second contact",
    "pump, serial",
    "strength",
    "daily dose, mode",
    "refill by",
    "alarm, empty",
    "oral baclofen",
    "in an MRI",
)


@dataclass(frozen=True, slots=True)
class RunDates:
    """Until when a pump runs, in words: by when to refill it, its own alarm date, and the earliest dates of alarm and empty.

    ``alarm`` is what the pump counts for itself; the earliest dates are at the upper bound of its gain (REF-12).
    """

    refill_by: str
    governed_by: str
    alarm: str
    earliest_alarm: str
    earliest_empty: str


@dataclass(frozen=True, slots=True)
class OutageRow:
    """One pump, in words. What is not on record says so."""

    name: str
    pseudonym: str
    phone: str
    second_contact: str
    pump: str
    serial: str
    concentration: str
    daily_dose: str
    mode: str
    refill_by: str
    alarm: str
    earliest_empty: str
    oral_baclofen: str
    in_mri: str


def run_dates(look: Look) -> RunDates:
    """The dates of the pump in place; ``not recorded`` where none is known."""
    look = with_sheet(look)
    due = refill_due(look) if look.sheet is not None else None
    if due is None or look.sheet is None:
        return RunDates(*[NOT_RECORDED] * 5)

    def day(at: Instant | None) -> str:
        return recorded(at.date(look.zone) if at is not None else None)

    if look.chart.emptied:  # all dates are of the fill before
        return RunDates(str(due.date(look.zone)), due.governed_by, *["emptied, and not filled since"] * 3)
    none = "none: this pump has no alarm"
    alarms = (day(due.counted), day(due.alarm)) if look.sheet.programmable else (none, none)
    return RunDates(str(due.date(look.zone)), due.governed_by, *alarms, day(due.empty))


def outage_row(person: Person, look: Look, serial: str | None, pseudonym: str = "") -> OutageRow:
    """The row of one pump, as the chart knows it."""
    look = with_sheet(look)
    sheet, report, filled = look.sheet, reading(look) if look.sheet is not None else None, look.chart.filled
    strength = report.concentration if report and report.concentration else filled.concentration if filled else None
    dates, doubt = run_dates(look), uncertain_words(look)
    mode = recorded(mode_in_place(look))
    return OutageRow(
        name=recorded(person.name),
        pseudonym=recorded(pseudonym),
        phone=recorded(person.phone),
        second_contact=recorded(person.second_contact),
        pump=f"{sheet.title} ({sheet.name})" if sheet else "no pump in place",
        serial=recorded(serial),
        concentration=recorded(strength if sheet else None),
        daily_dose=recorded(dose_in_place(look)),
        mode=f"{doubt}; before that: {mode}" if doubt else mode,
        refill_by=dates.refill_by,
        alarm=dates.alarm,
        earliest_empty=dates.earliest_empty,
        oral_baclofen=oral_words(look),
        in_mri=IN_MAGNET[sheet.magnet] if sheet else NOT_RECORDED,
    )


def outage_rows(pumps: Iterable[tuple[Person, Look, str | None, str]]) -> tuple[OutageRow, ...]:
    """The rows of (person, look, serial number, pseudonym), without those who have no pump in place."""
    return tuple(
        outage_row(person, look, serial, pseudonym)
        for person, look, serial, pseudonym in pumps
        if pump_in_place(look.known) is not None
    )


def outage_list(rows: Iterable[OutageRow], now: Instant, zone: ZoneInfo, *, by: str = "", clinic: str = "") -> Paper:
    """The list on paper: those without a date to refill by first, for nobody knows how long they run, then by that date."""
    ordered = sorted(rows, key=lambda row: (row.refill_by != NOT_RECORDED, row.refill_by, row.name, row.pseudonym))
    count = "1 pump" if len(ordered) == 1 else f"{len(ordered)} pumps"
    lines = (f"Outage list of {now.date(zone)}: {count}", printed_line(now, zone, by, clinic))
    foot = (
        "The alarm date is what the pump counts for itself; a pump can be empty on its earliest date, before it sounds (REF-12).",
        "What was done after this list was printed is not on it. Shred it when the next one is there: it names people.",
    )
    section = Section("Every pump, the first refill first", _COLUMNS, tuple(_cells(row) for row in ordered))
    return Paper("Every pump, for when the computer is down", lines, (section,), foot)


def outage_csv(rows: Iterable[OutageRow]) -> str:
    """The same rows as CSV with a heading. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow([field.name for field in fields(OutageRow)])
    table.writerows([_harmless(cell) for cell in astuple(row)] for row in rows)
    return out.getvalue()


def oral_words(look: Look) -> str:
    """The baclofen that is taken by mouth, in words."""
    taken = look.known.medicines.get("baclofen")
    if taken is None or taken.route != "oral":
        return NOT_RECORDED
    return f"{taken.per_day:g} mg a day in {taken.doses_a_day} {'dose' if taken.doses_a_day == 1 else 'doses'}"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell


def _cells(row: OutageRow) -> tuple[str, ...]:
    return (
        f"{row.name} ({row.pseudonym})",
        row.phone,
        row.second_contact,
        f"{row.pump}, {row.serial}",
        row.concentration,
        f"{row.daily_dose}; {row.mode}",
        row.refill_by,
        f"alarm {row.alarm}; empty at the earliest {row.earliest_empty}",
        row.oral_baclofen,
        row.in_mri,
    )
