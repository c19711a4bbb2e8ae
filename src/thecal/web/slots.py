"""Slots: the week with what is free and sold, closures and whom they concern."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response

from thecal.clinic import closures
from thecal.clinic.account import Account, accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.closures import Affected, affected, day_start, free_inside, staffing
from thecal.clinic.open_days import WEEKDAYS, Closure, open_weekdays, read_closures, set_weekdays
from thecal.clinic.people import people_of
from thecal.clinic.person import Person
from thecal.clinic.slots import Booking, Slot, bookings, local_times, offer_slots, slots_between, withdraw
from thecal.errors import InputError, Refusal
from thecal.therapy.permissions import may
from thecal.therapy.rules import all_rules
from thecal.timeline import Duration
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
_LONGEST_MIN = 12 * 60


@dataclass(frozen=True, slots=True)
class Cell:
    """A slot of the week, and who has it."""

    slot: Slot
    booking: Booking | None
    called: str


def named(ask: Ask, people: Mapping[str, Person], stream: str) -> str:
    """The name of a person for those who may see it, else the pseudonym."""
    return people[stream].name if stream in people and ask.sees("identify") else stream


@PAGES.get("/slots", "book")
def slots_page(ask: Ask) -> Response:
    """A week by day and place, and the form that offers slots."""
    return _week(ask)


@PAGES.post("/slots", "book")
def slots_offered(ask: Ask) -> Response:
    """Offer slots on the days and times that were typed: all of them, or none."""
    form = ask.form
    first, last = form.day("first"), form.day("last", needed=bool(form.text("last")))
    minutes = form.number("minutes", 1, _LONGEST_MIN)
    weekdays = [WEEKDAYS.index(day) for day in form.texts("weekdays") if day in WEEKDAYS]
    if first is None or minutes is None or form.errors:
        return _week(ask, code=422)
    with ask.practice.reading() as reading:
        zone = reading.zone
    made: tuple[Slot, ...] | Refusal = ()
    try:
        length = Duration(round(minutes) * 60)
        times = local_times(first, last or first, weekdays or range(7), form.text("times"), length, zone)
        made = offer_slots(ask.practice, times, form.text("place"), form.text("refiller"), form.text("checker"), ask.by)
    except InputError as error:
        form.errors.setdefault(error.field, error)
    if form.errors:
        return _week(ask, code=422)
    if isinstance(made, Refusal):
        return _week(ask, made, 422)
    return ask.go(f"/slots?week={first}", f"{len(made)} {'slot is' if len(made) == 1 else 'slots are'} offered.")


@PAGES.post("/slots/{slot}/withdraw", "book")
def slot_withdrawn(ask: Ask, slot: str) -> Response:
    """Withdraw a slot that nobody has."""
    try:
        done = withdraw(ask.practice, slot, ask.by)
    except InputError:
        return ask.go("/slots", "That slot is not offered any more.")
    if isinstance(done, Refusal):
        return _week(ask, done, 409)
    with ask.practice.reading() as reading:
        day = done.begins.date(reading.zone)
    return ask.go(f"/slots?week={day}", "The slot is withdrawn. It can be offered again.")


def _week(ask: Ask, refusal: Refusal | None = None, code: int = 200) -> Response:
    with ask.practice.reading() as reading:
        today = reading.now.date(reading.zone)
        monday = _monday(ask.query("week") or ask.form.text("first"), today)
        days = [monday + timedelta(days=number) for number in range(7)]
        start, end = (day_start(day, reading.zone) for day in (monday, monday + timedelta(days=7)))
        slots = slots_between(reading.connection, start, end)
        sold = {one.slot.name: one for one in bookings(reading.connection, start, end)}
        people = people_of(reading.connection, {one.stream for one in sold.values()})
        everybody = accounts(reading.connection)
        team = staffing(reading)
        away = [one for one in read_closures(reading.connection, monday) if one.first < monday + timedelta(days=7)]
        zone = reading.zone
    places = sorted({slot.place for slot in slots})
    cells: dict[tuple[str, date], list[Cell]] = {}
    for slot in slots:
        one = sold.get(slot.name)
        cell = Cell(slot, one, named(ask, people, one.stream) if one else "")
        cells.setdefault((slot.place, slot.begins.date(zone)), []).append(cell)
    checkers = [one for one in everybody if one.active and may(one.role, "double-check")]
    names = {one.name: one.full_name for one in everybody}
    values = {"days": days, "places": places, "cells": cells, "away": away, "team": team, "names": names}
    values |= {"refiller_choice": _choice(team.refillers), "checker_choice": _choice(checkers)}
    values |= {"before": monday - timedelta(days=7), "after": monday + timedelta(days=7)}
    free = sum(1 for slot in slots if slot.name not in sold)
    return ask.page(
        "slots.html", code, **values, refusal=refusal, free=free, sold=len(sold), weekdays=WEEKDAYS, rule=_rule("ROL-12")
    )


def _choice(people: Iterable[Account]) -> list[tuple[str, str]]:
    """People to choose from: the account, and the name with the profession."""
    return [(one.name, f"{one.full_name}, {one.role}") for one in people]


def _rule(name: str) -> str:
    return all_rules()[name].statement


def _monday(text: str, today: date) -> date:
    """The Monday of the week of a day that was asked for; this week where it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    if not date(1971, 1, 1) <= day <= date(2199, 1, 1):
        day = today
    return day - timedelta(days=day.weekday())


@PAGES.get("/closures", "closures")
def closures_page(ask: Ask) -> Response:
    """The closures to come, who covers, and the form of a new one."""
    return _closures(ask)


@PAGES.post("/closures", "closures")
def closure_made(ask: Ask) -> Response:
    """Show what a closure would do; once that was seen, write it down and withdraw the free slots inside."""
    form = ask.form
    first, last, what = form.day("first"), form.day("last"), form.needed("what", str)
    if first is None or last is None or what is None:
        return _closures(ask, code=422)
    wanted = Closure("", first, last, what, form.text("who"), form.text("cover_account") or form.text("cover"))
    try:
        if not form.ticked("confirmed"):
            return _preview(ask, wanted)
        done = closures.close(ask.practice, wanted, ask.by)
    except InputError as error:
        form.errors.setdefault(error.field, error)
        return _closures(ask, code=422)
    if isinstance(done, Refusal):
        return _closures(ask, done, 422)
    made, withdrawn = done
    return ask.go(f"/closures/{made.name}", f"Written down; {withdrawn} free {'slot' if withdrawn == 1 else 'slots'} withdrawn.")


def _preview(ask: Ask, wanted: Closure) -> Response:
    with ask.practice.reading() as reading:
        refusal = closures.check_closure(reading, wanted)
        rows, free = affected(reading, wanted), free_inside(reading, wanted)
    if refusal is not None:
        return _closures(ask, refusal, 422)
    ask.audit("read whom a closure would concern", detail=f"{wanted.first} to {wanted.last}")
    return _closures(ask, preview=wanted, rows=rows, free=free)


@PAGES.get("/closures/{name}", "worklist")
def closure_page(ask: Ask, name: str) -> Response:
    """Whom a closure concerns, and what is to be done for each."""
    with ask.practice.reading() as reading:
        found = next((one for one in read_closures(reading.connection) if one.name == name), None)
        rows = affected(reading, found) if found is not None else ()
    if found is None:
        raise NotFoundError("There is no closure of that name.")
    ask.audit("read whom a closure concerns", detail=f"{found.first} to {found.last}")
    return _closures(ask, shown=found, rows=rows)


@PAGES.post("/closures/{name}/reopen", "closures")
def closure_taken_back(ask: Ask, name: str) -> Response:
    """Take a closure back."""
    done = closures.reopen(ask.practice, name, ask.by)
    told = (
        "The closure is taken back. Slots that it withdrew are offered again by hand." if done else "It was taken back already."
    )
    return ask.go("/closures", told)


@PAGES.post("/closures/deputy", "closures")
def deputy_named(ask: Ask) -> Response:
    """Name the deputy of the service."""
    told = ask.form.text("deputy")
    try:
        with ask.practice.database.writing() as connection:
            closures.name_deputy(connection, told)
            write_audit(connection, ask.account.name, "named the deputy", ask.practice.now, request=ask.number)
    except InputError as error:
        ask.form.errors.setdefault(error.field, error)
        return _closures(ask, code=422)
    return ask.go("/closures", "The deputy is named." if told else "No deputy is named any more.")


@PAGES.post("/closures/weekdays", "closures")
def weekdays_set(ask: Ask) -> Response:
    """Say on which weekdays the clinic is open."""
    wanted = [WEEKDAYS.index(day) for day in ask.form.texts("open_weekdays") if day in WEEKDAYS]
    try:
        with ask.practice.database.writing() as connection:
            set_weekdays(connection, wanted)
            told = " ".join(WEEKDAYS[day] for day in sorted(wanted))
            write_audit(connection, ask.account.name, "set the open weekdays", ask.practice.now, detail=told, request=ask.number)
    except InputError as error:
        ask.form.errors.setdefault("open_weekdays", error)
        return _closures(ask, code=422)
    closures.renew(ask.practice)
    return ask.go("/closures", f"Open on {told}.")


def _closures(
    ask: Ask,
    refusal: Refusal | None = None,
    code: int = 200,
    *,
    shown: Closure | None = None,
    preview: Closure | None = None,
    rows: tuple[Affected, ...] = (),
    free: int = 0,
) -> Response:
    """The page of closures: all of them with the form, one of them (``shown``), or one as it would be (``preview``)."""
    with ask.practice.reading() as reading:
        known = read_closures(reading.connection, reading.now.date(reading.zone))
        everybody, team, week = accounts(reading.connection), staffing(reading), open_weekdays(reading.connection)
        people = people_of(reading.connection, {row.stream for row in rows})
        listed = () if shown or preview else tuple((one, _counts(affected(reading, one))) for one in known)
    return ask.page(
        "closures.html",
        code,
        refusal=refusal,
        shown=shown,
        preview=preview,
        rows=[(row, named(ask, people, row.stream)) for row in rows],
        free=free,
        listed=listed,
        staff_choice=_choice(one for one in everybody if one.active),
        names={one.name: one.full_name for one in everybody},
        team=team,
        week=[WEEKDAYS[day] for day in sorted(week)],
        weekdays=WEEKDAYS,
        rule=_rule("ROL-12"),
    )


def _counts(rows: tuple[Affected, ...]) -> dict[str, int]:
    """How many people there are of each outcome."""
    return {outcome: sum(row.outcome == outcome for row in rows) for outcome in ("gap", "move", "settled")}
