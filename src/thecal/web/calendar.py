"""Calendars: the addresses that somebody has made, and what is read at them; the next visit of a person as a file."""

from starlette.responses import Response

from thecal.clinic.access import denied
from thecal.clinic.account import account_named, accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.calendar import KIND, feed_calendar, feed_of, feeds, make_feed, revoke_feed, visit_calendar
from thecal.errors import InputError
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import OPEN, Pages

PAGES = Pages()
_WHICH = ("own", "clinic")
_GONE = "There is no calendar at this address: it has ended, was revoked, or never was."


@PAGES.get("/calendar", "worklist")
def calendar_page(ask: Ask) -> Response:
    """The calendars of the person who asks; an administrator sees those of everybody."""
    return _page(ask)


@PAGES.post("/calendar", "worklist")
def calendar_made(ask: Ask) -> Response:
    """Make the address of a calendar, and show it: this once, for the database knows only its digest."""
    form = ask.form
    which, names = form.chosen("which", _WHICH), form.ticked("names")
    if which == "clinic" and not ask.sees("book"):
        form.refuse("which", "clinic", "is for those who book")
    if names and not ask.sees("identify"):
        form.refuse("names", "", "is for those who may see names")
    token = ""
    if not form.errors:
        try:
            with ask.practice.database.writing() as connection:
                now, owner = ask.practice.now, ask.account.name
                token, made = make_feed(connection, owner, form.text("name"), now, clinic=which == "clinic", names=names)
                detail = f"{which}, {'with' if made.names else 'without'} names, until {made.ends.utc_text()}"
                write_audit(connection, owner, "made a calendar address", now, detail=detail, request=ask.number)
        except InputError as error:
            form.errors.setdefault(error.field, error)
    return _page(ask, 422) if form.errors else _page(ask, address=f"{ask.site}/calendar/{token}.ics")


@PAGES.post("/calendar/{number}/revoke", "worklist")
def calendar_revoked(ask: Ask, number: str) -> Response:
    """End a calendar: one's own, or anybody's for an administrator."""
    now, whose = ask.practice.now, None if ask.sees("administer") else ask.account.name
    with ask.practice.database.writing() as connection:
        done = revoke_feed(connection, number, now, account=whose)
        if done:
            write_audit(connection, ask.account.name, "revoked a calendar address", now, detail=number[:12], request=ask.number)
    return ask.go("/calendar", "The address is revoked: nothing is read at it any more." if done else "It was revoked already.")


def _page(ask: Ask, code: int = 200, address: str = "") -> Response:
    everybody = ask.sees("administer")
    with ask.practice.reading() as reading:
        known = feeds(reading.connection, None if everybody else ask.account.name)
        names = {one.name: one.full_name for one in accounts(reading.connection)}
    return ask.page("calendar.html", code, feeds=known, names=names, address=address)


@PAGES.get("/calendar/{token}.ics", OPEN)
def calendar_read(ask: Ask, token: str) -> Response:
    """A calendar, for whoever has its address, as far as its owner may see it today."""
    with ask.practice.reading() as reading:
        feed = feed_of(reading.connection, token, reading.now)
        owner = account_named(reading.connection, feed.account) if feed is not None else None
        if feed is None or owner is None or not owner.active:
            raise NotFoundError(_GONE)
        staff = reading.staff()
        if denied(owner, "book" if feed.clinic else "worklist", staff) is not None:
            raise NotFoundError(_GONE)
        names = denied(owner, "identify", staff) is None
        raw = feed_calendar(reading, feed, owner, names=names)
    if feed.names and names:
        with ask.practice.database.writing() as connection:
            did, detail = "read a calendar with names", f"{feed.name}, address {feed.number[:12]}"
            write_audit(connection, owner.name, did, ask.practice.now, detail=detail, request=ask.number)
    return Response(raw, media_type=KIND, headers={"Content-Disposition": 'inline; filename="calendar.ics"'})


@PAGES.get("/book/{stream}/visit.ics", "book")
def visit_file(ask: Ask, stream: str) -> Response:
    """The next visit of a person as a file for their own calendar; no name is in it."""
    with ask.practice.reading() as reading:
        try:
            raw = visit_calendar(reading, stream)
        except InputError:
            raise NotFoundError("There is no chart of that name.") from None
    if raw is None:
        raise NotFoundError("Nothing is booked that is still to come.")
    ask.audit("gave out the next visit as a calendar file", stream)
    return ask.file(raw, "visit.ics", KIND)
