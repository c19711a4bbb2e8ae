"""Bookings of one person: when a visit is due, the slots that fit, what is booked, and what is done or has a date elsewhere."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.responses import Response

from thecal.chart.vocabulary import words
from thecal.clinic import booking, elsewhere
from thecal.clinic.account import accounts
from thecal.clinic.booking import REASONS, VISITS, Wish, fits, standing_bookings
from thecal.clinic.elsewhere import DATED
from thecal.clinic.people import people_of
from thecal.clinic.practice import Reading
from thecal.clinic.slots import bookings
from thecal.clinic.telephone import NOON
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.appointment import elsewhere as of_refill_elsewhere
from thecal.therapy.due import refill_due, unread_fill
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages
from thecal.web.slots import named

PAGES = Pages()
_SHOWN = 40
"""So many slots are shown on a page: more is no choice."""
_OF_PROOF = {"site": "proof_site", "person": "proof_person"}
"""The fields of the proof that are called otherwise than those of what was confirmed."""


@PAGES.get("/book/{stream}", "book")
def book_page(ask: Ask, stream: str) -> Response:
    """When a person is due, what is booked, and the slots that fit, best first."""
    return _person(ask, stream)


@PAGES.post("/book/{stream}", "book")
def booked(ask: Ask, stream: str) -> Response:
    """Sell a slot to a person."""
    _check_there(ask, stream)
    form = ask.form
    visit = form.chosen("visit", VISITS)
    if visit is None or not form.text("slot"):
        form.refuse("slot", "", "is missing")
        return _person(ask, stream, code=422)
    no = _tried(ask, stream, lambda: booking.book(ask.practice, stream, form.seen, form.text("slot"), visit, ask.by))
    if no is not None:
        return no
    with ask.practice.reading() as reading:
        on = next(
            (one for one in bookings(reading.connection, reading.now, stream=stream) if one.slot.name == form.text("slot")), None
        )
        when = on.slot.begins.local_text(reading.zone) if on else ""
    return ask.go(f"/book/{stream}", f"Booked: {words('visits')[visit].text}, {when}. What was still ahead of it is taken back.")


@PAGES.post("/book/{stream}/cancel", "book")
def cancelled(ask: Ask, stream: str) -> Response:
    """Take a booking back; its slot is free again."""
    _check_there(ask, stream)
    form = ask.form
    why = form.chosen("why", REASONS)
    when = form.text("on")
    if why is None or not when.isdecimal() or int(when[:12]) >= Instant.LAST:
        return _person(ask, stream, code=422)
    on = Instant(int(when[:12]))
    cancelled_visit = form.text("cancelled_visit")
    no = _tried(ask, stream, lambda: booking.cancel(ask.practice, stream, form.seen, cancelled_visit, on, why, ask.by))
    return no or ask.go(f"/book/{stream}", "The booking is taken back. Book another one, or write down where it is done.")


@PAGES.post("/book/{stream}/elsewhere", "book")
def confirmed_elsewhere(ask: Ask, stream: str) -> Response:
    """Write down that a refill was confirmed elsewhere."""
    _check_there(ask, stream)
    form = ask.form
    on, site, who = form.day("on"), form.needed("site", str), form.needed("person", str)
    if on is None or site is None or who is None:
        return _person(ask, stream, code=422)
    no = _tried(ask, stream, lambda: elsewhere.confirm_elsewhere(ask.practice, stream, form.seen, on, site, who, ask.by))
    if no is not None:
        return no
    with ask.practice.reading() as reading:
        late = not reading.standing(stream).in_time
    told = " It is later than the day to refill by, and stays on the worklist." if late else ""
    return ask.go(f"/book/{stream}", f"The refill elsewhere on {on} is written down.{told}")


@PAGES.post("/book/{stream}/proof", "visit")
def proof_came(ask: Ask, stream: str) -> Response:
    """Write down what came back of a refill elsewhere: it was done, on which day, with what."""
    _check_there(ask, stream)
    form = ask.form
    on = form.day("filled_on")
    volume = form.needed("filled_volume", lambda text: Volume.parse(text, "volume"))
    strength = form.needed("filled_strength", lambda text: Concentration.parse(text, "strength"))
    site, who = form.needed("proof_site", str, label="site"), form.needed("proof_person", str, label="who did it")
    if on is None or volume is None or strength is None or site is None or who is None:
        return _person(ask, stream, code=422)
    no = _tried(
        ask,
        stream,
        lambda: elsewhere.proof_came(ask.practice, stream, form.seen, on, volume, strength, site, who, ask.by),
        _OF_PROOF,
    )
    if no is not None:
        return no
    with ask.practice.reading() as reading:
        unread = unread_fill(reading.look(reading.history(stream))) is not None
    told = " What was programmed there is not known until the pump is read: enter its printout at a visit." if unread else ""
    return ask.go(f"/book/{stream}", f"The refill elsewhere of {on} is written down.{told}")


@PAGES.post("/book/{stream}/date", "book")
def visit_dated(ask: Ask, stream: str) -> Response:
    """Write down when a visit is that takes no slot of this clinic."""
    _check_there(ask, stream)
    form = ask.form
    visit = form.chosen("visit", DATED)
    day, who = form.day("dated_on"), form.needed("dated_who", str, label="where or with whom")
    with ask.practice.reading() as reading:
        zone = reading.zone
    hour = form.text("dated_hour") or NOON
    on = form.read("dated_on", lambda text: Instant.parse(f"{text} {hour}", zone, "hour")) if day is not None else None
    if visit is None or on is None or who is None:
        return _person(ask, stream, code=422)
    no = _tried(ask, stream, lambda: elsewhere.date_visit(ask.practice, stream, form.seen, visit, on, who, ask.by))
    return no or ask.go(f"/book/{stream}", f"Written down: {words('visits')[visit].text}, {on.local_text(zone)}.")


def _tried(
    ask: Ask, stream: str, do: Callable[[], int | Refusal], fields: Mapping[str, str] = MappingProxyType({})
) -> Response | None:
    """The page as it was sent, with what was wrong of a field or the refusal, where nothing could be written; None once it was.

    ``fields`` are those of the form that are called otherwise than in the error.
    """
    try:
        done = do()
    except InputError as error:
        ask.form.errors.setdefault(fields.get(error.field, error.field), error)
        return _person(ask, stream, code=422)
    return _person(ask, stream, done, 422) if isinstance(done, Refusal) else None


def _check_there(ask: Ask, stream: str) -> None:
    with ask.practice.reading() as reading:
        _wish(reading, stream, VISITS[0])


def _wish(reading: Reading, stream: str, visit: str) -> Wish:
    try:
        return Wish.of(reading, stream, visit)
    except InputError:
        raise NotFoundError("There is no chart of that name.") from None


def _person(ask: Ask, stream: str, refusal: Refusal | None = None, code: int = 200) -> Response:
    asked = ask.form.text("visit") or ask.query("visit")
    dated = asked in DATED
    visit = asked if asked in (*VISITS, *DATED) else VISITS[0]
    with ask.practice.reading() as reading:
        wish = _wish(reading, stream, VISITS[0] if dated else visit)
        found, now_booked = () if dated else fits(wish), standing_bookings(wish)
        due, person = refill_due(wish.look), people_of(reading.connection, [stream]).get(stream)
        names = {one.name: one.full_name for one in accounts(reading.connection)}
        paper = reading.standing(stream)
    ask.audit("read when somebody is due", stream)
    good, bad = [one for one in found if one.refusal is None], [one for one in found if one.refusal is not None]
    return ask.page(
        "book.html",
        code,
        stream=stream,
        called=named(ask, {stream: person} if person else {}, stream),
        person=person,
        seen=wish.history.version,
        visit=visit,
        visits=[(name, words("visits")[name].text) for name in (*VISITS, *DATED)],
        dated=dated,
        noon=NOON,
        confirmed=of_refill_elsewhere(wish.look),
        due=due,
        overdue=wish.due is not None and wish.overdue,
        standing=paper,
        booked=now_booked,
        good=good[:_SHOWN],
        bad=bad[:_SHOWN],
        more=(max(len(good) - _SHOWN, 0), max(len(bad) - _SHOWN, 0)),
        names=names,
        gates=wish.gates,
        proof=str(wish.look.limit("SAF-08", "proof")),
        reasons=REASONS,
        refusal=refusal,
        said_of={name: word.text for name, word in words("visits").items()},
    )
