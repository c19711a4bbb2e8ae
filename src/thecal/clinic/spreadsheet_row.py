"""The rows of a clinic's spreadsheet by the columns that are understood, what their cells say, and what is wrong in them.

Every problem is written down beside the cell that it is of; none ends the reading of the others.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from openpyxl.utils import get_column_letter

from thecal.catheter.geometry import TIP_LEVELS, catheter_sheets
from thecal.clinic.spreadsheet import Column, Sheet, SheetRow, column_of, columns, import_settings
from thecal.errors import InputError, Refusal, nearest_name
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Quantity
from thecal.therapy.clinic import Clinic
from thecal.timeline import Instant

T = TypeVar("T")
Q = TypeVar("Q", bound=Quantity)
Severity = Literal["stops", "look"]
First = Literal["day", "month"] | None
_NUMBER = re.compile(r"[+\-\u2212]?[0-9][0-9.,]*")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WRITTEN = re.compile(r"([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})")
_DATES = ("2026-12-31", "31.12.2026", "31/12/2026")
_JOINERS = "\u200c\u200d"  # no sign of their own; names in some scripts need them


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a cell, or to be looked at: ``row`` as people see it, ``said`` what stands there, ``accepted`` what may.

    One that ``stops`` keeps its row out; one in the row of the headings that stops keeps every row out. The others come in and
    are to be looked at.
    """

    row: int
    column: str
    said: str
    problem: str
    accepted: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when it is read, and which of day and month comes first where that is said."""

    zone: ZoneInfo
    now: Instant
    clinic: Clinic
    first: First = None


@dataclass(slots=True)
class Cells:
    """The cells of a row that hold something, by the name of their column; ``units`` are those of the headings."""

    row: int
    place: Place
    cells: Mapping[str, str]
    units: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def tell(self, column: str, problem: str, accepted: str | None = None, severity: Severity = "stops") -> None:
        """Write a problem of a cell down; without ``accepted``, what the column accepts."""
        known = _columns().get(column)
        allowed = accepted if accepted is not None else known.accepted if known else ""
        self.problems.append(Problem(self.row, column, self.text(column), problem, allowed, severity))

    @property
    def stopped(self) -> bool:
        return any(problem.severity == "stops" for problem in self.problems)

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def read(self, column: str, reader: Callable[[str, str], T]) -> T | None:
        """What a cell says; None, with the problem written down, where it cannot be read, or where it is empty."""
        if not self.text(column):
            return None
        try:
            return reader(self.text(column), column)
        except InputError as error:
            meant = f"; is {error.nearest} meant?" if error.nearest else ""
            self.tell(column, error.problem + meant, ", ".join(error.accepted) or None)
            return None

    def with_unit(self, text: str, column: str) -> str:
        """A number with the unit of its heading; a cell that says its own keeps that."""
        unit = self.units.get(column)
        return f"{text} {unit}" if unit and _NUMBER.fullmatch(text) else text

    def moment(self, column: str, *, ahead: bool = False) -> Instant | None:
        """A date with or without a time that is not in the future; or one ``ahead``, which is not past."""
        return self.read(column, lambda text, name: read_moment(text, name, self.place, ahead=ahead))

    def amount(self, column: str, kind: type[Q], *, zero: bool = False) -> Q | None:
        """A quantity with its unit, or with that of its heading."""
        return self.read(column, lambda text, name: kind.parse(self.with_unit(text, name), name, zero=zero))

    def refused(self, column: str, refusal: Refusal) -> None:
        """Write down what a rule declined."""
        self.tell(column, f"is refused by {refusal.rule}: {refusal.asked}. {refusal.advice}", refusal.limit)


# One cell --------------------------------------------------------------------------------------------------------------


def read_date(text: str, name: str, first: First) -> date:
    """A date. Raises InputError for what is none, and for one that may be read in two ways, both of which it names."""
    iso, written = _ISO.fullmatch(text), _WRITTEN.fullmatch(text)
    if iso:
        readings = [_calendar(int(iso[1]), int(iso[2]), int(iso[3]))]
    elif written:
        one, two, year = int(written[1]), int(written[3]), int(written[4])
        by_day, by_month = _calendar(year, two, one), _calendar(year, one, two)
        readings = [by_day] * (first != "month") + [by_month] * (first != "day")
    else:
        raise InputError(name, text, "is no date that can be read", accepted=_DATES)
    found = sorted({day for day in readings if day is not None})
    if len(found) > 1:
        problem = f"is {by_day} where the day comes first and {by_month} where the month does"
        raise InputError(name, text, problem, accepted=(f"{by_day} or {by_month}", "or say which comes first in this table"))
    if not found:
        said = f" with the {first} first" if first and written else ""
        raise InputError(name, text, f"is no day of the calendar{said}", accepted=_DATES)
    return found[0]


def _calendar(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_moment(text: str, name: str, place: Place, *, ahead: bool) -> Instant:
    """A date with or without a time; without one the setting's hour counts, and today that or now.

    Raises InputError for what is none, for one in the future, or, where it is to be ``ahead``, for one that is past.
    """
    day_text, _, time_text = text.replace("T", " ", 1).partition(" ")
    day, now = read_date(day_text, name, place.first), place.now
    clock = time_text.strip() or import_settings()["hour"].value
    at = Instant.parse(f"{day} {clock if clock[1:2] != ':' else f'0{clock}'}", place.zone, name)
    if not time_text and day == now.date(place.zone):
        at = max(at, now) if ahead else min(at, now)  # today, at an hour that nobody wrote down
    if ahead and at < now:
        problem = "is past: either that refill was done and is the last one, or another visit is booked"
        raise InputError(name, text, problem, accepted=(f"{now.date(place.zone)} or later", "an empty cell"))
    if not ahead and at > now:
        raise InputError(name, text, "is in the future", accepted=(f"at the latest {now.local_text(place.zone)}",))
    return at


def model_named(text: str, name: str, spellings: Mapping[str, set[str]]) -> str:
    """The one model that is spelled so. Raises InputError with the nearest."""
    names = spellings.get(_bare(text), set())
    if len(names) == 1:
        return next(iter(names))
    every = sorted(set().union(*spellings.values()))
    if names:
        raise InputError(name, text, "is what several models are called", accepted=sorted(names))
    close = nearest_name(_bare(text), spellings)
    nearest = nearest_name(text, every) or (f"{sorted(spellings[close[1:-1]])[0]!r}" if close else None)
    raise InputError(name, text, "is not known", accepted=every, nearest=nearest)


def _bare(text: str) -> str:
    return re.sub(r"(?<=[0-9])ml$", "", re.sub(r"[^a-z0-9]", "", text.lower()))


@cache
def pump_spellings() -> Mapping[str, set[str]]:
    """The pump models that are spelled so, without case, spaces and signs: by name, title, or title and reservoir."""
    return _spelled_by((sheet.name, sheet.title, f"{sheet.title} {sheet.reservoir_capacity}") for sheet in pump_sheets().values())


@cache
def catheter_spellings() -> Mapping[str, set[str]]:
    """The catheter models that are spelled so, as those of pumps: by name, title, or number."""
    return _spelled_by((sheet.name, sheet.title, sheet.name.rpartition("-")[2]) for sheet in catheter_sheets().values())


def _spelled_by(models: Iterable[tuple[str, ...]]) -> Mapping[str, set[str]]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for name, *others in models:
        for text in (name, *others):
            spellings[_bare(text)].add(name)
    return spellings


def level_named(text: str, name: str) -> str:
    """A vertebral level; ``Th10`` is T10. Raises InputError for another."""
    level = re.sub(r"^TH", "T", text.upper().replace(" ", ""))
    if level not in TIP_LEVELS:
        raise InputError(name, text, "is not a vertebral level", accepted=("C1 to C7", "T1 to T12", "L1 to L5"))
    return level


def holding(text: str, name: str, mark: str) -> str:
    """A text that has a mark of its kind, by its pattern. Raises InputError for one that has not."""
    if not re.search(mark, text):
        raise InputError(name, text, "cannot be one")
    return text


@cache
def _columns() -> Mapping[str, Column]:
    return {column.name: column for column in columns()}


# All of them -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heading:
    """The column of a heading, and the unit of its numbers."""

    column: Column
    unit: str


def read_rows(sheet: Sheet, place: Place) -> tuple[list[Problem], list[Cells]]:
    """(the problems of the table as a whole, its rows). A needed column that is not there is told once, not in every row."""
    headings, problems = _headings(sheet)
    if not sheet.rows:
        problems.append(Problem(sheet.header_row, "", "", "there is nobody below the headings", "a row per person", "stops"))
    for title in sheet.left_out:
        problem = "is another worksheet, which was not read"
        problems.append(Problem(sheet.header_row, "", title, problem, "one worksheet, or a file for each", "look"))
    return problems, [_cells(row, headings, sheet.headers, place) for row in sheet.rows]


def _headings(sheet: Sheet) -> tuple[dict[int, _Heading], list[Problem]]:
    headings: dict[int, _Heading] = {}
    problems: list[Problem] = []
    seen: dict[str, str] = {}

    def tell(column: str, said: str, problem: str, accepted: str, severity: Severity = "stops") -> None:
        problems.append(Problem(sheet.header_row, column, said, problem, accepted, severity))

    for place, header in enumerate(sheet.headers):
        found = column_of(header)
        if found is None:
            if header:
                known = {spelling: column.name for column in columns() for spelling in (column.name, *column.aliases)}
                close = nearest_name(header.lower(), known)
                meant = f"; is {known[close[1:-1]]!r} meant?" if close else ""
                tell(header, header, f"is a column that is not known, and is left out{meant}", ", ".join(_columns()), "look")
            continue
        column = found[0]
        if column.name in seen:
            tell(column.name, header, f"means the same as {seen[column.name]!r}", "one of the two")
        seen[column.name] = header
        headings[place] = _Heading(*found)
    for column in columns():
        if column.needed and column.name not in seen:
            tell(column.name, "", "is a column that is missing", column.accepted)
    return headings, problems


def _cells(row: SheetRow, headings: Mapping[int, _Heading], headers: Collection[str], place: Place) -> Cells:
    texts = {number: " ".join(cell.split()) for number, cell in enumerate(row.cells) if cell.strip()}
    said = {heading.column.name: texts[number] for number, heading in headings.items() if number in texts}
    units = {heading.column.name: heading.unit for heading in headings.values()}
    cells = Cells(row.number, place, said, units)
    for number, text in texts.items():
        letter = get_column_letter(number + 1)
        if number >= len(headers) or not tuple(headers)[number]:
            problem = "stands under no heading; a comma in a number or a name may have split its cell"
            cells.problems.append(Problem(row.number, letter, text, problem, "an empty cell, or a heading above it", "stops"))
    for name, text in said.items():
        if not all(c.isprintable() or c in _JOINERS for c in text):
            cells.tell(name, "holds a character that cannot be seen")
    for heading in headings.values():
        column = heading.column
        if column.needed and column.name not in said and column.name != "daily dose":  # which some pumps do not need
            cells.tell(column.name, "is missing")
    return cells
