"""The catheter as somebody writes it down, by its lengths or its volume; and the one on record, put right once it is known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from thecal.catheter.geometry import TIP_LEVELS, CatheterSheet, Geometry, catheter_sheet
from thecal.chart.clinical import Documented
from thecal.chart.facts import Implanted, PumpReplaced, Revised
from thecal.clinic.entry import Corrected, Entry
from thecal.clinic.history import History, Recorded
from thecal.clinic.spreadsheet import import_settings
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Length, Volume
from thecal.therapy.look import Look
from thecal.timeline import Instant

MODEL, LENGTH, TIP, VOLUME = "catheter model", "catheter length", "catheter tip", "dead volume"
"""How the parts of it are called, in a spreadsheet and in what is said of them."""


@dataclass(frozen=True, slots=True)
class Catheter:
    """What somebody says of a catheter: its model, the ``length`` that is in place, its tip, and the volume of the whole line."""

    model: CatheterSheet | None
    length: Length | None
    tip: str | None
    volume: Volume | None

    def problems(self, sheet: PumpSheet | None) -> Iterator[InputError]:
        """What of it cannot be, behind the tubing of a pump."""
        if self.length and not self.model:
            yield InputError(MODEL, "", "is missing: the length of the catheter is given")
        if self.model and self.length and self.length > self.model.length:
            accepted = (f"at most {self.model.length}",)
            yield InputError(LENGTH, str(self.length), "is longer than the catheter comes", accepted=accepted)
        elif sheet is not None and self.volume:
            yield from self._of_volume(sheet, self.volume)

    def _of_volume(self, sheet: PumpSheet, given: Volume) -> Iterator[InputError]:
        if given <= sheet.tubing_volume:
            problem = f"is no more than the tubing of the pump alone, {sheet.tubing_volume}"
            yield InputError(VOLUME, str(given), problem, accepted=("tubing and catheter together",))
        by_length = self.by_length(sheet)
        if by_length and abs(given.nl - by_length.nl) > Volume.parse(import_settings()["dead_volume_off"].value).nl:
            problem = f"is not what the catheter gives by its length, {by_length}"
            yield InputError(VOLUME, str(given), problem, accepted=("one of the two, or both alike",))

    def by_length(self, sheet: PumpSheet) -> Volume | None:
        """The volume of tubing and catheter by model and length."""
        if not self.model or not self.length:
            return None
        return sheet.tubing_volume + self.model.volume_per_length.times(self.length)

    def line(self, sheet: PumpSheet) -> "Line":
        """What then lies between reservoir and tip. Raises InputErrors."""
        problems = list(self.problems(sheet))
        if problems:
            raise InputErrors(problems)
        model, length, tip = self.model, self.length, self.tip
        name, level = model.name if model else "a catheter that is not known", tip or "a level that is not known"
        geometry = Geometry(model, model.length - length, tip, sheet.tubing_volume) if model and length and tip else None
        volume = self.by_length(sheet) or self.volume
        if volume is not None:
            return Line(name, level, volume, geometry, known=True)
        whole = model or catheter_sheet(import_settings()["stand_in_catheter"].value)
        return Line(name, level, sheet.tubing_volume + whole.volume_per_length.times(whole.length), None, known=False)


@dataclass(frozen=True, slots=True)
class Line:
    """What lies between reservoir and tip; where it is not ``known``, the volume of another catheter stands in."""

    catheter: str
    tip: str
    dead_volume: Volume
    geometry: Geometry | None
    known: bool


def put_right(history: History, look: Look, told: Catheter, how: str) -> list[Entry]:
    """What puts the catheter as it is ``told`` in the place of the one on record: old entries are taken back and written again.

    What is not told of model and tip stays; lengths that give another volume than the one that was measured do not. Raises
    InputErrors for what cannot be, and where no catheter is on record.
    """
    rows = _operations(history)
    if not rows or look.sheet is None:
        problem = "is of a line that is not on record"
        raise InputError(VOLUME, str(told.volume or ""), problem, accepted=("record the pump in place first",))
    if told.tip is None and history.chart.catheter is not None and history.chart.catheter.tip_level in TIP_LEVELS:
        told = replace(told, tip=history.chart.catheter.tip_level)
    line = told.line(look.sheet)
    if not line.known:
        lengths = "the model of the catheter and the length in place"
        raise InputError(VOLUME, "", "is missing", accepted=("0.32 mL, tubing and catheter together", lengths))
    catheter = line.dead_volume - look.sheet.tubing_volume
    changed = [(row, new) for row in rows if (new := _with(row.entry, _tubing(history, row), catheter, line, told)) != row.entry]
    taken_back = [Corrected(look.now, row.version, f"what is known of the catheter: {how}") for row, _ in changed]
    for seconds in (0, 1):  # what was written in the same second has to come after it again
        again = [replace(new, at=Instant(new.at.s - seconds)) for _, new in changed]
        entries: list[Entry] = [*taken_back, *again]
        written = (Recorded(history.version + number, entry, "", look.now) for number, entry in enumerate(entries, 1))
        chart = History(history.stream, (*history.rows, *written)).chart
        if (chart.filled, chart.session, chart.uses) == (look.chart.filled, look.chart.session, look.chart.uses):
            return entries
    problem = "cannot be put in the place of the old one"
    raise InputError(VOLUME, str(line.dead_volume), problem, accepted=("an entry that is taken back first",))


def not_known_after_all(history: History, now: Instant, how: str) -> list[Entry]:
    """What takes back that the volume of the catheter was measured."""
    catheter = history.chart.catheter
    papers = [row for row in history.standing if isinstance(row.entry, Documented) and row.entry.document == "catheter volume"]
    of_this_one = [row for row in papers if catheter is not None and row.entry.at >= catheter.at]
    return [Corrected(now, row.version, f"what is known of the catheter: {how}") for row in of_this_one]


def _operations(history: History) -> list[Recorded]:
    """What put in the catheter that is there now, and every pump that was put on it since."""
    found: list[Recorded] = []
    for row in history.standing:
        if isinstance(row.entry, Implanted | Revised):
            found = [row]
        elif isinstance(row.entry, PumpReplaced) and found:
            found.append(row)
    return found if history.chart.catheter is not None else []


def _tubing(history: History, operation: Recorded) -> Volume:
    """The tubing of the pump that an operation left in place."""
    pump = ""
    for row in history.standing:
        if isinstance(row.entry, Implanted | PumpReplaced):
            pump = row.entry.pump
        if row is operation:
            break
    return pump_sheet(pump).tubing_volume


def _with(entry: Entry, tubing: Volume, catheter: Volume, line: Line, told: Catheter) -> Entry:
    """An operation as it is to be written: with this catheter behind the tubing of that time."""
    volume = tubing + catheter
    if isinstance(entry, PumpReplaced):
        return replace(entry, dead_volume=volume)
    assert isinstance(entry, Implanted | Revised)  # every other one is
    geometry = replace(line.geometry, tubing_volume=tubing) if line.geometry else None
    if geometry is None and entry.dead_volume == volume:
        geometry = entry.geometry  # measured, and as its lengths have it
    name, tip = line.catheter if told.model else entry.catheter, line.tip if told.tip else entry.tip_level
    return replace(entry, catheter=name, tip_level=tip, dead_volume=volume, geometry=geometry)
