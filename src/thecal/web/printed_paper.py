"""Papers of one person, as a page to print or as a PDF: emergency card, admission sheet, refill note, dose letter, passport.

A paper's page brings a style of its own. Pages of the clinic take styles from addresses alone, so it is served under one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Literal, get_args

from starlette.responses import Response

from thecal.chart.facts import Filled
from thecal.clinic.account import accounts
from thecal.clinic.admission_sheet import admission_sheet
from thecal.clinic.dose_letter import dose_letter
from thecal.clinic.emergency_card import emergency_card
from thecal.clinic.entry import (
    DeviceRecorded,
    DrugVerified,
    LineUnknown,
    PassportIssued,
    RefillStepped,
    VisitAbandoned,
    VisitBegun,
    VisitClosed,
)
from thecal.clinic.history import History
from thecal.clinic.paper import Paper, Size, pairs, paper_html, printed_line
from thecal.clinic.passport import PassportError, passport_of, passport_rows
from thecal.clinic.pdf import paper_pdf
from thecal.clinic.people import ERASED
from thecal.clinic.person import Person
from thecal.clinic.practice import Reading
from thecal.clinic.refill_note import refill_note, visit_note
from thecal.clinic.visit import visit_of
from thecal.errors import InputError
from thecal.programmer.printout import Section
from thecal.therapy.emergency_plan import NOT_RECORDED
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.chart import history_of
from thecal.web.guard import NotFoundError, plain_page
from thecal.web.route import OPEN, Pages

PAGES = Pages()
_STYLE = ("<style>", "</style>")
_MANY = 7  # columns of a table for which a sheet is printed across


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a paper is made from: the chart, whom it names, and who prints it."""

    ask: Ask
    reading: Reading
    history: History
    person: Person

    @property
    def by(self) -> str:
        return self.ask.account.full_name

    @property
    def device(self) -> DeviceRecorded | None:
        return self.history.last(DeviceRecorded)

    @property
    def line_known(self) -> bool:
        """Whether somebody knows the volume of the catheter."""
        unknown = self.history.last(LineUnknown)
        return unknown is None or unknown.known

    @property
    def printed(self) -> str:
        """When and by whom it is printed."""
        return printed_line(self.reading.now, self.reading.zone, self.by, self.reading.office.name)


@PAGES.get("/chart/{stream}/print/{what}", "print")
def print_paper(ask: Ask, stream: str, what: str) -> Response:
    """A paper of a person: a page, or a PDF where ``format`` says so. What cannot be printed says why."""
    if what not in PAPERS:
        raise NotFoundError(f"There is no paper of the name {what}. There are: {', '.join(PAPERS)}.")
    name, make = PAPERS[what]
    as_pdf = ask.query("format") == "pdf"
    try:
        with ask.practice.reading() as reading:
            history, person = history_of(reading, stream)
            named = person if person is not None and person.name != ERASED and ask.sees("identify") else Person(stream)
            paper = make(_Asked(ask, reading, history, named))
        made: bytes | str = paper_pdf(paper) if as_pdf else _linked(paper)
    except (InputError, PassportError) as error:
        return plain_page(ask, 422, str(error))
    printed = paper.title.lower() if make is _note else name
    ask.audit(f"printed the {printed}", stream, "as PDF" if as_pdf else "as a page")
    if as_pdf:
        return ask.file(made, f"{what}-{stream}.pdf", "application/pdf", shown=True)
    return ask.file(made, f"{what}-{stream}.html", "text/html; charset=utf-8", shown=True)


def _linked(paper: Paper) -> str:
    """The page of a paper, its style by address."""
    html = paper_html(paper)
    before, _, rest = html.partition(_STYLE[0])
    wide = "-wide" if paper.wide else ""
    return f'{before}<link rel="stylesheet" href="/paper-style/{paper.size}{wide}.css">{rest.partition(_STYLE[1])[2]}'


@PAGES.get("/paper-style/{name}", OPEN)
def paper_style(ask: Ask, name: str) -> Response:
    """The style of the papers of one size; it says nothing of anybody."""
    return ask.file(_style(name), name, "text/css; charset=utf-8", shown=True)


def _style(name: str) -> str:
    """Raises NotFoundError for a size that there is not."""
    for size in get_args(Size):
        for across in (False, True):
            columns = ("",) * (_MANY if across else 1)
            paper = Paper("", (), (Section("", columns, ()),), size=size)
            if name == f"{size}{'-wide' if paper.wide else ''}.css":
                return paper_html(paper).partition(_STYLE[0])[2].partition(_STYLE[1])[0]
    raise NotFoundError


def _card(asked: _Asked) -> Paper:
    reading, office = asked.reading, asked.reading.office
    size: Literal["card", "sheet"] = "sheet" if asked.ask.query("size") == "sheet" else "card"
    look = reading.look(asked.history)
    return emergency_card(
        look, asked.person, asked.device, office.by_day, office.by_night, size=size, by=asked.by, clinic=office.name
    )  # fmt: skip


def _admission(asked: _Asked) -> Paper:
    reading, office = asked.reading, asked.reading.office
    return admission_sheet(
        reading.look(asked.history),
        asked.person,
        asked.device,
        office.by_day,
        office.by_night,
        by=asked.by,
        clinic=office.name,
        line_known=asked.line_known,
    )


def _note(asked: _Asked) -> Paper:
    """The note of the last refill, or of the visit that is named. Raises NotFoundError where there was none."""
    reading, history, named = asked.reading, asked.history, asked.ask.query("visit")
    began, ended = _visit(asked) if named else _last_refill(asked)
    before = reading.look(history, Instant(max(began.s - 1, 0)))
    after = reading.look(history, ended)
    filled = [row.who for row in history.standing if isinstance(row.entry, Filled) and began <= row.entry.at <= ended]
    names = {account.name: account.full_name for account in accounts(reading.connection)}
    visit = visit_of(history, named, after.sheet) if named and not filled else None
    if visit is not None:
        found = visit_note(
            before, after, visit, who=_identity(asked.person), names=names, clinic=reading.office.name, device=asked.device
        )
        return replace(found, lines=(*found.lines[:-1], asked.printed))
    by = names.get(filled[-1], filled[-1]) if filled else ""
    refills = {entry.visit for entry in history.all(RefillStepped) if isinstance(entry.step, Filled)}
    drugs = {
        row.entry.lot: (row.entry, row.who)
        for row in history.standing
        if isinstance(row.entry, DrugVerified) and row.entry.visit in refills and began <= row.entry.at <= ended
    }
    both = dict.fromkeys(f"{names.get(who, who)} and {names.get(drug.second, drug.second)}" for drug, who in drugs.values())
    note = refill_note(
        before,
        after,
        who=_identity(asked.person),
        by=by,
        clinic=reading.office.name,
        device=asked.device,
        lot="; ".join(f"{lot}, expires {drug.expires}" for lot, (drug, _) in drugs.items()),
        verified_by="; ".join(both),
    )
    return replace(note, lines=(*note.lines[:-1], asked.printed))  # who did it need not be who prints it, nor today


def _identity(person: Person) -> str:
    born = f", born {person.born}" if person.born else ""
    return f"{person.name}{born}{f', number {person.number}' if person.number else ''}"


def _visit(asked: _Asked) -> tuple[Instant, Instant]:
    history, visit = asked.history, asked.ask.query("visit")
    begun = [entry.at for entry in history.all(VisitBegun) if entry.visit == visit]
    if not begun:
        raise NotFoundError(f"There is no visit {visit} on record.")
    closed = [entry.at for entry in history.all(VisitClosed) if entry.visit == visit]
    given_up = [entry.at for entry in history.all(VisitAbandoned) if entry.visit == visit]
    return begun[0], max([*closed, *given_up], default=history.moment(asked.reading.now))


def _last_refill(asked: _Asked) -> tuple[Instant, Instant]:
    """The day of the last fill, until now where that is today: what was written down on it is of the refill."""
    fills = asked.history.all(Filled)
    if not fills:
        raise NotFoundError("No refill is on record: there is nothing to write a note of.")
    day = fills[-1].at.date(asked.reading.zone)
    same = [row.entry.at for row in asked.history.standing if row.entry.at.date(asked.reading.zone) == day]
    return min(same), max(same)


def _letter(asked: _Asked) -> Paper:
    """The letter since a day; where none is named, since the fill before the last one. Raises InputError for a day to come."""
    reading, history, since = asked.reading, asked.history, asked.ask.query("since")
    fills = history.all(Filled)
    first = history.standing[0].entry.at if history.standing else reading.now
    at = fills[-2].at if len(fills) > 1 else first
    if since:
        at = _day(since, reading)
    return dose_letter(reading.look(history), asked.person, at, by=asked.by, clinic=reading.office.name)


def _day(text: str, reading: Reading) -> Instant:
    accepted = (f"1970-01-02 to {reading.now.date(reading.zone)}",)
    try:
        begins = datetime.combine(date.fromisoformat(text), time(), reading.zone)
    except ValueError:
        raise InputError("since", text, "is not a date", accepted=accepted) from None
    if begins.year < 1970 or not 0 <= begins.timestamp() <= reading.now.s:
        raise InputError("since", text, "is no day that was", accepted=accepted)
    return Instant(int(begins.timestamp()))


def _passport(asked: _Asked) -> Paper:
    """What a passport says, to be read; the one that proves itself is issued with its code, on a page of its own."""
    reading, office, last = asked.reading, asked.reading.office, asked.history.last(PassportIssued)
    number = last.number if last is not None else "none issued"
    look = reading.look(asked.history)
    passport = passport_of(
        look, asked.device, number, reading.now, office.name, office.by_day, office.by_night, line_known=asked.line_known
    )
    beware = "Not signed: the passport that proves itself is issued with its code."
    lines = (asked.person.name or NOT_RECORDED, beware, asked.printed)
    return Paper("Pump passport, to read", lines, (pairs("The pump", *passport_rows(passport)),))


PAPERS: Mapping[str, tuple[str, Callable[[_Asked], Paper]]] = {
    "emergency-card": ("emergency card", _card),
    "admission-sheet": ("admission sheet", _admission),
    "refill-note": ("refill note", _note),
    "dose-letter": ("dose letter", _letter),
    "passport": ("passport", _passport),
}
"""Every paper, by the name that the address gives it."""
