"""Who somebody is, and what frames the record of them: identifiers, the end of treatment, erasure; device and line are shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from hashlib import sha256
from typing import Any, get_args

from sqlalchemy import Connection, String
from starlette.responses import Response

from thecal.catheter.geometry import TIP_LEVELS, catheter_sheets
from thecal.chart.clinical import Closed, Documented, Referred
from thecal.chart.facts import Explanted
from thecal.clinic.booking import free_unbooked
from thecal.clinic.entry import LOST, DeviceRecorded, Ended, Ending, Entry, LineUnknown
from thecal.clinic.newcomer import newcomers
from thecal.clinic.people import ERASED, add_person, change_person, erase_person, everybody, person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Reading
from thecal.clinic.record import version_of
from thecal.clinic.schema import person as table
from thecal.clinic.spreadsheet import Sheet, SheetRow, columns, setting_number
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError
from thecal.pump.sheet import pump_sheets
from thecal.therapy.appointment import CONTACT
from thecal.therapy.service import pump_in_place
from thecal.therapy.team import open_bookings
from thecal.timeline import Instant
from thecal.twin.fields import plain_text
from thecal.web.ask import Ask
from thecal.web.chart import called, history_of
from thecal.web.form import BIRTHS, Form
from thecal.web.guard import need
from thecal.web.nightly import outage_kept
from thecal.web.route import Pages
from thecal.web.worklist import forget_rows

PAGES = Pages()
_OF_PERSON = tuple(field.name for field in fields(Person))
_IN_SHEET = {"number": "hospital number", "second_contact": "second contact"}
"""How the columns of a spreadsheet call what a person has."""
_ENDINGS: tuple[str, ...] = get_args(Ending)


def pump_models() -> list[tuple[str, str]]:
    """The pumps that may be chosen, by name."""
    return [(name, f"{sheet.title} ({name})") for name, sheet in sorted(pump_sheets().items())]


def catheter_models() -> list[tuple[str, str]]:
    """The catheters that may be chosen, by name, each with the length in which it comes."""
    return [(name, f"{sheet.title} ({name}), {sheet.length}") for name, sheet in sorted(catheter_sheets().items())]


# Somebody new ----------------------------------------------------------------------------------------------------------


@PAGES.get("/new-person", "identify")
def new_person(ask: Ask) -> Response:
    """The form for somebody new: referred, or with a pump from elsewhere."""
    return ask.page("person.html", **_new_values(ask, with_pump=ask.query("with") == "pump"))


def _new_values(ask: Ask, *, with_pump: bool) -> dict[str, Any]:
    with_pump = with_pump and ask.sees("record")
    own = {_IN_SHEET.get(name, name) for name in _OF_PERSON}
    of_pump = [(_field(column.name), column) for column in columns() if column.name not in own]
    return {"stream": "", "with_pump": with_pump, "columns": of_pump if with_pump else [], "person": None}


@PAGES.post("/new-person", "identify")
def write_new_person(ask: Ask) -> Response:
    """Write down somebody new: identifiers beside the record, and the first entries of it."""
    with_pump = ask.form.text("with") == "pump"
    if with_pump:
        need(ask, "record")
    with ask.practice.reading() as reading:
        person = _person(ask, reading)
        found, look_at = _brought(ask, reading) if with_pump and person is not None else (None, "")
        now = reading.now
    if person is None or (with_pump and found is None) or ask.form.errors:
        return ask.again("person.html", **_new_values(ask, with_pump=with_pump))
    entries: list[Entry] = list(found) if found is not None else [Referred(now)]
    if person.phone and found is None:
        entries.append(Documented(now, CONTACT))
    did = "wrote down a person with a pump" if with_pump else "wrote down a person"
    stream = ""
    with _by_field(ask.form), ask.practice.database.writing() as connection:
        stream = add_person(connection, person)
        ask.practice.write_with(connection, stream, 0, entries, ask.by, did)
    if not stream:
        return ask.again("person.html", **_new_values(ask, with_pump=with_pump))
    return ask.go(f"/chart/{stream}" if ask.sees("chart") else f"/person/{stream}", f"Written down as {stream}.{look_at}")


def _field(column: str) -> str:
    """A column as the name of a field."""
    return column.replace(" ", "_")


def _brought(ask: Ask, reading: Reading) -> tuple[tuple[Entry, ...] | None, str]:
    """The entries with which the record of a pump from elsewhere begins, as a spreadsheet of one row; and what to look at."""
    form = ask.form
    asked = {_IN_SHEET.get(name, name): name for name in _OF_PERSON}
    headers = tuple(f"{column.name} ({column.unit})" if column.unit else column.name for column in columns())
    cells = tuple(form.text(asked.get(column.name, _field(column.name))) for column in columns())
    numbers = [str(row.number) for row in everybody(reading.connection) if row.number]
    serials = [standing.serial for standing in all_standings(reading.connection) if standing.serial]
    sheet = Sheet("the form", 1, headers, (SheetRow(2, cells),))
    found = newcomers(
        sheet, reading.zone, reading.now, known_numbers=numbers, known_serials=serials, clinic=reading.practice.settings
    )
    look_at = [f"{problem.column}: {problem.problem}" for problem in found.problems if problem.severity == "look"]
    for problem in found.problems:
        if problem.severity == "stops":
            name = asked.get(problem.column, _field(problem.column))
            accepted = (problem.accepted,) if problem.accepted else ()
            form.errors.setdefault(name, InputError(problem.column, problem.said, problem.problem, accepted=accepted))
    entries = found.rows[0].entries if found.rows else None
    return entries, f" To be looked at: {'; '.join(look_at)}." if look_at else ""


def _person(ask: Ask, reading: Reading) -> Person | None:
    """Identifiers as they were typed; None where one of them cannot be."""
    form, today = ask.form, reading.now.date(reading.zone)
    texts = {name: form.read(name, partial(_identifier, name)) or "" for name in _OF_PERSON if name not in ("name", "born")}
    texts["name"] = form.needed("name", partial(_identifier, "name")) or ""
    born = form.day("born", needed=False, first=BIRTHS)
    if born is not None and not 0 <= today.year - born.year <= setting_number("age_max"):
        form.refuse("born", str(born), f"would be an age of {today.year - born.year} years")
    elif born is not None and born > today:
        form.refuse("born", str(born), "is in the future")
    return None if form.errors else Person(born=born, **texts)


def _identifier(name: str, text: str) -> str:
    """An identifier, no longer than the database keeps it."""
    kind = table.c[name].type
    assert isinstance(kind, String)  # all of them are texts
    assert kind.length is not None
    return fitting(text, name, kind.length)


def fitting(text: str, field: str, longest: int) -> str:
    """One line of text that is not too long to be kept. Raises InputError."""
    line = plain_text(text, field.replace("_", " "))
    if len(line) > longest:
        raise InputError(field.replace("_", " "), line, f"is longer than {longest} characters")
    return line


# Somebody known --------------------------------------------------------------------------------------------------------


@PAGES.get("/person/{stream}", "identify")
def person_page(ask: Ask, stream: str) -> Response:
    """Identifiers, device, line, and how the treatment ends."""
    return ask.page("person.html", **person_values(ask, stream))


def person_values(ask: Ask, stream: str) -> dict[str, Any]:
    """What the page of a person shows, also where a form of it comes back; that it was read is audited."""
    ask.audit("read the identifiers", stream)
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        look = reading.look(history)
        ahead = [booking for booking in open_bookings(look) if booking.on > reading.now]
    return {
        "stream": stream,
        "with_pump": False,
        "columns": [],
        "person": person,
        "erased": person is not None and person.name == ERASED,
        "name": called(ask, person, stream),
        "seen": history.version,
        "was": _digest(person),
        "device": history.last(DeviceRecorded),
        "in_place": look.sheet.name if look.sheet is not None else "",
        "models": pump_models(),
        "catheters": catheter_models(),
        "tips": TIP_LEVELS,
        "unknown": history.last(LineUnknown),
        "catheter": history.chart.catheter,
        "ended": history.last(Ended),
        "endings": _ENDINGS,
        "ahead": ahead,
        "has_pump": pump_in_place(look.known) is not None,
    }


def _digest(person: Person | None) -> str:
    """Names the state of the identifiers that a form has shown, and says nothing of them."""
    return sha256(repr(person).encode()).hexdigest()


@PAGES.post("/person/{stream}", "identify")
def write_person(ask: Ask, stream: str) -> Response:
    """Other identifiers. The audit names the fields that changed, and holds no value of them."""
    with ask.practice.reading() as reading:
        history, before = history_of(reading, stream)
        person = _person(ask, reading)
        contact = reading.look(history).known.document(CONTACT, reading.now)
    if before is not None and before.name == ERASED:
        ask.form.refuse("name", "", "was erased with all identifiers, and is not written down again")
    changed: tuple[str, ...] = ()
    if person is not None and not ask.form.errors:
        with _by_field(ask.form), ask.practice.database.writing() as connection:
            changed = _changed(connection, stream, person, ask.form.text("was"))
            entries = [Documented(ask.practice.now, CONTACT)] if person.phone and contact is None else []
            detail, seen = ", ".join(changed) or "nothing", ask.form.seen
            ask.practice.write_with(connection, stream, seen, entries, ask.by, "changed identifiers", detail=detail)
    if person is None or ask.form.errors:
        return ask.again("person.html", **person_values(ask, stream))
    said = f"Changed: {', '.join(name.replace('_', ' ') for name in changed)}." if changed else "Nothing was changed."
    return ask.go(f"/person/{stream}", said)


def _changed(connection: Connection, stream: str, person: Person, was: str) -> tuple[str, ...]:
    before = person_of(connection, stream)
    if _digest(before) != was:
        told = "were changed by somebody else meanwhile: compare with the page of the person, and send it again"
        raise InputError("name", person.name, told)
    if before is None:
        add_person(connection, person, stream)
        return tuple(name for name in _OF_PERSON if getattr(person, name))
    return change_person(connection, stream, person)


@contextmanager
def _by_field(form: Form) -> Iterator[None]:
    """An InputError that is raised inside stands at the field that it names."""
    try:
        yield
    except InputError as error:
        form.errors.setdefault(error.field, error)


def past(ask: Ask, name: str, reading: Reading) -> Instant:
    """When it was: now where nothing was typed; not in the future."""
    at = ask.form.instant(name, reading.zone, needed=False)
    if at is not None and at > reading.now:
        ask.form.refuse(name, at.local_text(reading.zone), "is in the future: what is to come is booked, not written down")
    return at or reading.now


# The end ---------------------------------------------------------------------------------------------------------------


@PAGES.post("/person/{stream}/ended", "identify")
def write_ended(ask: Ask, stream: str) -> Response:
    """The clinic no longer treats the person: no item of the worklist is made any more."""
    need(ask, "record")
    form = ask.form
    with ask.practice.reading() as reading:
        history, _ = history_of(reading, stream)
        at, pump = past(ask, "ended_at", reading), pump_in_place(reading.look(history).known)
    how = form.chosen("ended_how", _ENDINGS)
    read = form.needed if how in ("transferred", LOST) else form.read
    told = read("ended_told", lambda text: plain_text(text, "told"))
    if history.last(Ended) is not None:
        form.refuse("ended_how", how or "", "is not needed: the treatment here has ended already")
    if form.errors or how is None:
        return ask.again("person.html", **person_values(ask, stream))
    ending: Ending = how  # type: ignore[assignment]  # it is one of them
    entries: list[Entry] = [Ended(at, ending, told or ""), Closed(at, f"{how}{f': {told}' if told else ''}")]
    if how == "explanted" and pump is not None:
        entries.insert(0, Explanted(at))
    free = partial(free_unbooked, ask.practice, stream=stream)
    ask.practice.write(stream, ask.form.seen, entries, ask.by, "ended the treatment", detail=how, also=free)
    stays = "what becomes of the pump stays on the worklist" if how == LOST else "nothing is on the worklist any more"
    said = f"The treatment here has ended; {stays}, and slots that were booked are free."
    return ask.go(f"/person/{stream}#ended", said)


@PAGES.get("/person/{stream}/erase", "erase")
def erase_page(ask: Ask, stream: str) -> Response:
    """What an erasure does, before it is done."""
    values = _erasure(ask, stream)
    ask.audit("looked at what an erasure does", stream)
    return ask.page("erase.html", **values)


def _erasure(ask: Ask, stream: str) -> dict[str, Any]:
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
    erased, named = person is None or person.name == ERASED, called(ask, person, stream)
    return {"stream": stream, "name": named, "erased": erased, "entries": history.version, "outage_kept": outage_kept()}


@PAGES.post("/person/{stream}/erase", "erase")
def erase(ask: Ask, stream: str) -> Response:
    """Erase every identifier, once the pseudonym was typed. The record stays."""
    values = _erasure(ask, stream)
    if ask.form.text("confirm") != stream:
        ask.form.refuse("confirm", ask.form.text("confirm"), "is not the pseudonym of this chart", accepted=(stream,))
    if ask.form.errors or values["erased"]:
        return ask.again("erase.html", **values)
    with ask.practice.database.writing() as connection:
        ask.practice.database.hold(connection, stream)
        erase_person(connection, stream, ask.practice.now)
        version = version_of(connection, stream)
        ask.practice.write_with(connection, stream, version, (), ask.by, "erased the identifiers")  # rules of age fall silent
    forget_rows()
    return ask.go(f"/person/{stream}/erase", "The identifiers were erased.")
