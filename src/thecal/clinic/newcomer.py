"""Newcomers: the persons of a clinic's spreadsheet, as the record begins with them on the first day, and all that is wrong in it.

Nothing is written here: to call it is the dry run. A row goes in whole or not at all.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

from thecal.catheter.geometry import TIP_LEVELS, Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.clinical import Booked, Described, Documented, Origin, Prescribed
from thecal.chart.facts import Acted, Fact, Implanted, Noted
from thecal.chart.order import OFF_MAX_PERCENT, OrderContinuous, programmed
from thecal.chart.vocabulary import named
from thecal.clinic.catheter import LENGTH, MODEL, TIP, VOLUME, Catheter, Line
from thecal.clinic.entry import DeviceRecorded, Entry, LineUnknown
from thecal.clinic.operation import papers_of
from thecal.clinic.people import too_long
from thecal.clinic.person import Person
from thecal.clinic.spreadsheet import Sheet, columns, import_settings, setting_number
from thecal.clinic.spreadsheet_row import (
    Cells,
    First,
    Place,
    Problem,
    catheter_spellings,
    holding,
    level_named,
    model_named,
    pump_spellings,
    read_date,
    read_rows,
)
from thecal.errors import InputError, Refusal, nearest_name
from thecal.pump.program import check_program
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, DailyDose, Length, OralDose, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.therapy.refill import check_low_reservoir
from thecal.timeline import Instant
from thecal.twin.action import Action, Implant, Refill
from thecal.twin.run import run
from thecal.twin.trace import Record
from thecal.twin.world import World

_MCG_PG = 10**6
_STRENGTHS = ("low strength", "middle strength", "high strength")
_ORIGINS: tuple[Origin, ...] = ("spinal", "cerebral")
_COLUMN_OF = {"number": "hospital number", "second_contact": "second contact"}
_PAPER_MAX = 60  # characters of a serial number or a lot, as the database keeps them
_EXAMPLES_ON = date(2026, 3, 16)  # the day of the examples of the columns


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person of a row, and the entries with which the record of them begins, in order of time."""

    row: int
    person: Person
    entries: tuple[Entry, ...]
    serial: str


@dataclass(frozen=True, slots=True)
class Import:
    """What a spreadsheet comes to: the rows that may go in, and every problem, in the order of the rows."""

    rows: tuple[Newcomer, ...]
    problems: tuple[Problem, ...]


def newcomers(
    sheet: Sheet,
    zone: ZoneInfo,
    now: Instant,
    *,
    known_numbers: Collection[str] = (),
    known_serials: Collection[str] = (),
    day_first: bool = False,
    month_first: bool = False,
    clinic: Clinic | None = None,
) -> Import:
    """The persons of a spreadsheet and every problem of it, as of ``now`` in the clinic's ``zone``.

    ``known_numbers`` and ``known_serials`` are on record already. A date such as 01/02/2026 is a problem unless the caller says
    which comes first. Raises InputError where both are said to come first.
    """
    if day_first and month_first:
        raise InputError("day_first", "", "and month_first exclude each other", accepted=("one of them", "none"))
    first: First = "day" if day_first else "month" if month_first else None
    problems, rows = read_rows(sheet, Place(zone, now, clinic or Clinic(), first))
    whole = not any(problem.severity == "stops" for problem in problems)
    found = [(cells, _newcomer(cells)) for cells in rows]
    _check_once(rows, "hospital number", known_numbers)
    _check_once(rows, "serial", known_serials)
    for cells in rows:
        problems.extend(cells.problems)
    into = tuple(newcomer for cells, newcomer in found if whole and newcomer is not None and not cells.stopped)
    return Import(into, tuple(problems))


def template_csv(today: date | None = None) -> str:
    """The headings with their units, and two rows of invented persons, as of ``today``, else of 2026-03-16; comma separated."""
    later = (today - _EXAMPLES_ON) if today is not None else timedelta(0)

    def shown(example: str, name: str) -> str:
        if name == "born":  # nobody is born later for that
            return example
        return re.sub(r"\d{4}-\d{2}-\d{2}", lambda day: str(date.fromisoformat(day[0]) + later), example)

    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([f"{column.name} ({column.unit})" if column.unit else column.name for column in columns()])
    writer.writerows(zip(*([shown(each, column.name) for each in column.examples] for column in columns()), strict=True))
    return text.getvalue()


def _check_once(rows: Sequence[Cells], column: str, known: Collection[str]) -> None:
    """What names one person stands in one row, and not in the record."""
    recorded = {_key(text) for text in known}
    holders: dict[str, list[Cells]] = defaultdict(list)
    for cells in rows:
        if cells.text(column):
            holders[_key(cells.text(column))].append(cells)
    for key, alike in holders.items():
        numbers = [cells.row for cells in alike]
        for cells in alike:
            others = ", ".join(str(number) for number in numbers if number != cells.row)
            if others:
                cells.tell(column, f"stands in row {others} as well")
            if key in recorded:
                cells.tell(column, "is in the record already")


def _key(text: str) -> str:
    return "".join(text.split()).casefold()


# One row ---------------------------------------------------------------------------------------------------------------


def _person(cells: Cells) -> Person:
    today = cells.place.now.date(cells.place.zone)
    born = cells.read("born", lambda text, name: read_date(text, name, cells.place.first))
    if born is not None and not 0 <= today.year - born.year <= setting_number("age_max"):
        cells.tell("born", f"would be an age of {today.year - born.year} years")
    elif born is not None and born > today:
        cells.tell("born", "is in the future")
    phone = cells.read("phone", lambda text, name: holding(text, name, "[0-9]"))
    email = cells.read("email", lambda text, name: holding(text, name, r"^[^@\s]+@[^@\s]+$"))
    others = [cells.text(name) for name in ("address", "referrer")]
    person = Person(
        cells.text("name"), born, cells.text("hospital number"), phone or "", cells.text("second contact"), email or "", *others
    )
    for name, most in too_long(person):
        cells.tell(_COLUMN_OF.get(name, name), "is too long", f"at most {most} characters")
    return person


def _told(cells: Cells, person: Person) -> Iterator[Fact]:
    """What is so now, by the table."""
    now = cells.place.now
    cause = cells.read("cause", lambda text, name: named("causes", text.lower(), name).name)
    origin = cells.read("origin", _origin)
    for given, other in (("cause", "origin"), ("origin", "cause")):
        if cells.text(given) and not cells.text(other):
            cells.tell(other, f"is missing: the {given} is given")
    if cause and origin:
        yield Described(now, cause, origin)
    oral = cells.read("oral baclofen", lambda text, name: _oral(cells.with_unit(text, name), name))
    if oral and oral.mcg:
        yield Prescribed(now, "baclofen", "oral", oral.mcg / 1000)
    booked = cells.moment("next refill booked on", ahead=True)
    if booked is not None:
        yield Booked(now, "refill", booked, cells.text("booked with") or None)
    elif cells.text("booked with") and not cells.text("next refill booked on"):
        cells.tell("next refill booked on", "is missing: it is said with whom")
    if person.phone:
        yield Documented(now, "reachable contact")
    if cells.text("notes"):
        yield Noted(now, cells.text("notes"))
    worked_out = "what the pump shows is worked out from the refill and the dose written there; the pump was not read"
    yield Noted(now, f"taken over from row {cells.row} of a spreadsheet: {worked_out}")


def _origin(text: str, name: str) -> Origin:
    for origin in _ORIGINS:
        if text.lower() == origin:
            return origin
    raise InputError(name, text, "is no origin", accepted=_ORIGINS, nearest=nearest_name(text, _ORIGINS))


def _oral(text: str, name: str) -> OralDose:
    return OralDose.parse(re.sub(r"\s*/\s*day$", "", text), name, zero=True)


def _line(cells: Cells, sheet: PumpSheet | None) -> Line | None:
    model = cells.read(MODEL, lambda text, name: catheter_sheet(model_named(text, name, catheter_spellings())))
    told = Catheter(model, cells.amount(LENGTH, Length), cells.read(TIP, level_named), cells.amount(VOLUME, Volume))
    problems = list(told.problems(sheet))
    for problem in problems:
        cells.tell(problem.field, problem.problem, ", ".join(problem.accepted) or None)
    if sheet is None or problems:
        return None
    line = told.line(sheet)
    if not line.known and not cells.text(LENGTH) and not cells.text(VOLUME):
        cells.tell(LENGTH, "is not known: no prime and no bridge is planned until it is measured", severity="look")
    return line


@dataclass(frozen=True, slots=True)
class _Fill:
    """The last refill, and what the pump was told."""

    volume: Volume
    concentration: Concentration
    dose: DailyDose | None
    low: Volume | None
    residual: Volume | None


def _fill(cells: Cells, sheet: PumpSheet | None) -> _Fill | None:
    volume, low = cells.amount("filled volume", Volume), cells.amount("low reservoir alarm at", Volume)
    residual = cells.amount("measured residual", Volume, zero=True)
    concentration, dose = cells.amount("concentration", Concentration), cells.amount("daily dose", DailyDose)
    if concentration is not None:
        _check_strength(cells, concentration)
    if sheet is not None and not sheet.programmable and concentration is not None:
        _check_constant_flow(cells, sheet, concentration, dose)
    elif dose is not None:
        _check_dose(cells, dose)
    if sheet is None:
        return None
    for column, held in (("filled volume", volume), ("measured residual", residual)):
        if held and held > sheet.reservoir_capacity:
            cells.tell(column, f"is more than the reservoir of {sheet.name} holds", f"at most {sheet.reservoir_capacity}")
    if not sheet.programmable and cells.text("low reservoir alarm at"):
        cells.tell("low reservoir alarm at", "is that of a constant-flow pump, which has no alarm", "an empty cell")
    if sheet.programmable and not cells.text("low reservoir alarm at"):
        low = sheet.low_reservoir_threshold
        cells.tell("low reservoir alarm at", f"is not given: {low} is taken, that of the data sheet", severity="look")
    if volume is None or concentration is None:
        return None
    fill = _Fill(volume, concentration, dose, low, residual)
    if sheet.programmable:
        _check_program(cells, sheet, fill)
    return fill


def _check_program(cells: Cells, sheet: PumpSheet, fill: _Fill) -> None:
    """Whether the pump can be told so: REF-01, and the rules of orders."""
    if "daily dose" in cells.units and not cells.text("daily dose"):
        cells.tell("daily dose", "is missing")
    refusal = check_low_reservoir(fill.volume, fill.low) if fill.low else None
    if refusal:
        cells.refused("low reservoir alarm at", refusal)
    if fill.dose:
        program = programmed(OrderContinuous(fill.dose), fill.concentration, sheet)
        refusal = program if isinstance(program, Refusal) else check_program(program, sheet)
        if refusal:
            cells.refused("daily dose", refusal)


def _check_strength(cells: Cells, concentration: Concentration) -> None:
    """SAF-02."""
    screening = cells.place.clinic.limit("SAF-02", "screening strength")
    stocked = [cells.place.clinic.limit("SAF-02", name) for name in _STRENGTHS]
    accepted = ", ".join(str(limit) for limit in stocked)
    if concentration.mcg_per_ml <= screening.value:
        cells.tell("concentration", "is that of a screening test, which goes into no pump (SAF-02)", accepted)
    elif concentration.mcg_per_ml not in [limit.value for limit in stocked]:
        cells.tell("concentration", "is none of the stocked strengths (SAF-02)", accepted, "look")


def _check_dose(cells: Cells, dose: DailyDose) -> None:
    """SAF-01."""
    most, second = (cells.place.clinic.limit("SAF-01", name) for name in ("daily dose", "second person"))
    if dose.pg_per_day > most.value * _MCG_PG:
        cells.tell("daily dose", f"is {dose}, more than goes in 24 h (SAF-01)", f"at most {most} in 24 h")
    elif dose.pg_per_day > second.value * _MCG_PG:
        cells.tell("daily dose", f"is {dose}, which a second person confirms (SAF-01)", f"up to {second} by one person", "look")


def _check_constant_flow(cells: Cells, sheet: PumpSheet, concentration: Concentration, dose: DailyDose | None) -> None:
    """What a pump without electronics gives is its flow at the strength, whatever is written."""
    given = sheet.flow_max.of(concentration)
    _check_dose(cells, given)
    if dose and abs(dose.pg_per_day - given.pg_per_day) * 100 > given.pg_per_day * OFF_MAX_PERCENT:
        cells.tell("daily dose", f"is not what {sheet.name} gives at {concentration}", str(given), "look")


def _since(cells: Cells) -> tuple[Instant, Instant] | None:
    """(when the pump went in, when it was filled last); of one day without a time, in that order."""
    implanted, filled = cells.moment("implanted on"), cells.moment("last refill on")
    if implanted is None or filled is None:
        return None
    zone = cells.place.zone
    if implanted > filled and implanted.date(zone) == filled.date(zone):
        timed = {name: ":" in cells.text(name) for name in ("implanted on", "last refill on")}
        implanted, filled = (filled, filled) if not timed["implanted on"] else (implanted, filled)
        filled = implanted if not timed["last refill on"] else filled
    if implanted > filled:
        cells.tell("last refill on", "is before the pump was implanted", f"{implanted.local_text(zone)} or later")
        return None
    return implanted, filled


def _taken_over(cells: Cells, sheet: PumpSheet, line: Line, fill: _Fill, since: tuple[Instant, Instant]) -> list[Fact] | None:
    """The facts of pump and refill: what a pump of exact flow shows that was filled and told so. None where it is refused.

    It is filled as a new one, for nobody knows what it has pumped before, nor how much of its battery is left.
    """
    implanted, filled = since
    offset = filled.local(cells.place.zone).utcoffset() or timedelta(0)
    stand_in = catheter_sheet(import_settings()["stand_in_catheter"].value)  # what it shows depends on no catheter
    geometry = Geometry(stand_in, Length(0), TIP_LEVELS[0], sheet.tubing_volume)
    order = OrderContinuous(fill.dose) if fill.dose and sheet.programmable else None
    actions: tuple[Action, ...] = (
        Implant(filled, sheet, geometry, int(offset.total_seconds()), low_reservoir=fill.low if sheet.programmable else None),
        Refill(filled, fill.volume, fill.concentration, order, measured=fill.residual),
    )

    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    trace = run(World(filled), source, filled, Record(keep_rows=False, keep_blocks=False))
    if trace.refused:
        cells.refused("filled volume", trace.refused[0].refusal)
        return None
    own = Implanted(implanted, sheet.name, line.catheter, line.tip, line.dead_volume, line.geometry)
    return [own, *(fact for fact in trace.chart.facts if not isinstance(fact, Implanted | Acted))]


def _compare(cells: Cells, sheet: PumpSheet, facts: Iterable[Fact], alarm: date | None) -> None:
    """What the facts come to, beside what is written."""
    place = cells.place
    due = refill_due(Look.at(Chart().after(*facts), place.now, place.zone, sheet, place.clinic))
    assert due is not None  # it was filled
    by, today = due.date(place.zone), place.now.date(place.zone)
    if by < today:
        cells.tell("last refill on", f"means a refill by {by}, which is past", "a later refill, if there was one", "look")
    if alarm is None:
        return
    counted = due.counted.date(place.zone) if due.counted else None
    if counted is None:
        cells.tell("alarm date", "is that of a constant-flow pump, which has no alarm", "an empty cell", "look")
    elif abs((counted - alarm).days) > setting_number("alarm_off"):
        off = f"is {alarm}; {counted} is what volume, dose and alarm volume come to"
        cells.tell("alarm date", off, f"at most {import_settings()['alarm_off'].value} apart", "look")


def _newcomer(cells: Cells) -> Newcomer | None:
    """The person of a row; None where something stops it. Every problem of the row is written down on the way."""
    person = _person(cells)
    told = list(_told(cells, person))
    sheet = cells.read("pump model", lambda text, name: pump_sheet(model_named(text, name, pump_spellings())))
    since, line, fill = _since(cells), _line(cells, sheet), _fill(cells, sheet)
    alarm = cells.read("alarm date", lambda text, name: read_date(re.split("[ T]", text)[0], name, cells.place.first))
    for column in ("serial", "lot", "pump site"):
        if len(cells.text(column)) > _PAPER_MAX:
            cells.tell(column, "is too long", f"at most {_PAPER_MAX} characters")
    if cells.stopped or sheet is None or since is None or line is None or fill is None:
        return None
    taken_over = _taken_over(cells, sheet, line, fill, since)
    if taken_over is None:
        return None
    facts = [*taken_over, *told]
    _compare(cells, sheet, facts, alarm)
    serial = cells.text("serial")
    papers = [*papers_of(DeviceRecorded(since[0], sheet.name, serial, cells.text("lot"), site=cells.text("pump site")))]
    if line.known and cells.text(VOLUME):
        papers.append(Documented(since[0], "catheter volume"))
    if not line.known:
        papers.append(LineUnknown(since[0], how=f"not in row {cells.row} of the spreadsheet"))
    return Newcomer(cells.row, person, (facts[0], *papers, *facts[1:]), serial)
