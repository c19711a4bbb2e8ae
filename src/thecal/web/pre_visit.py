"""The call before a visit: its questions, what the answers mean by the rules, and moving the visit."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from thecal.chart.clinical import Booked
from thecal.clinic.booking import VISITS, Wish, book, fits
from thecal.clinic.entry import PreVisitAsked
from thecal.clinic.slots import Slot, slot_named
from thecal.clinic.telephone import Answer, AtHand, Question, asked_before, found_by, last_asked, questions
from thecal.errors import Refusal
from thecal.therapy.due import refill_due
from thecal.therapy.finding import Finding
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages
from thecal.web.telephone import opened

PAGES = Pages()
_YES, _NO = "yes", "no"
_OFFERED = 5
"""So many slots are offered to move a visit to; the bookings of the person show all."""
_JOURNEYS = ("travel", "return")
TESLA = 0.01, 20.0  # a bound of the program, that of the measure "scanner field strength"
_DAYS = {"booking": "On which day, if it is known", "scan": "On which day", "drug": "It expires on"}
_OF_DATES = ("SAF", "REF", "VIS")
"""The families of rules that say nothing of how somebody is."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What the last call before a visit came to: the questions that were answered so that something follows; what rules find."""

    asked: PreVisitAsked
    said: tuple[tuple[Question, str], ...]
    findings: tuple[Finding, ...]
    hidden: int


@PAGES.get("/pre-visit/{stream}", "call")
def pre_visit_page(ask: Ask, stream: str) -> Response:
    """The questions before the next visit, or before the one that the address names."""
    hand = opened(ask, stream)
    return _page(ask, hand, _booking(hand, ask.query("visit")))


@PAGES.post("/pre-visit/{stream}", "call")
def pre_visit_asked(ask: Ask, stream: str) -> Response:
    """Write the answers down, and the facts that rules know of them."""
    hand = opened(ask, stream)
    booking = _needed(hand, ask.form.text("visit"))
    answers = tuple(answer for question in questions().values() if (answer := _answer(ask, hand, question)) is not None)
    if ask.form.errors:
        return _page(ask, hand, booking, code=422)
    entries = asked_before(booking.on, answers, hand.look)
    ask.practice.write(stream, ask.form.seen, entries, ask.by, "called before a visit")
    return ask.go(f"/pre-visit/{stream}?visit={booking.on.s}", "The answers are written down. What they mean stands here.")


@PAGES.post("/pre-visit/{stream}/move", "book")
def visit_moved(ask: Ask, stream: str) -> Response:
    """Move a visit to a free slot that fits: it is sold, and the one of before is free again, or nothing is written."""
    hand, form = opened(ask, stream), ask.form
    visit = _needed(hand, form.text("visit"))
    with ask.practice.reading() as reading:
        slot = slot_named(reading.connection, form.text("slot"))
    if slot is None or visit.visit not in VISITS:
        form.refuse("slot", "", "is missing: choose one of those that fit")
        return _page(ask, hand, visit, code=422)
    done = book(ask.practice, stream, ask.form.seen, slot.name, visit.visit, ask.by)
    if isinstance(done, Refusal):
        return _page(ask, hand, visit, code=422, refusal=done)
    told = f"The {visit.visit} is moved to {slot.begins.local_text(hand.look.zone)}, {slot.place}."
    return ask.go(f"/pre-visit/{stream}?visit={slot.begins.s}", told)


def _visits(hand: AtHand) -> list[Booked]:
    return [booking for booking in hand.bookings() if booking.visit not in _JOURNEYS]


def _booking(hand: AtHand, on: str) -> Booked | None:
    """The visit that is named by its instant, else the next one; None where nothing is booked."""
    ahead = _visits(hand)
    named = [booking for booking in ahead if str(booking.on.s) == on]
    return next(iter(named or ahead), None)


def _needed(hand: AtHand, on: str) -> Booked:
    booking = next((booking for booking in _visits(hand) if str(booking.on.s) == on), None)
    if booking is None:
        raise NotFoundError("This visit is not booked any more, or is over.")
    return booking


def _answer(ask: Ask, hand: AtHand, question: Question) -> Answer | None:
    """What was answered to a question; each has to be answered."""
    form, name = ask.form, question.name
    answer = form.chosen(f"q-{name}", (_YES, _NO))
    told = form.read(f"told-{name}", str) or ""
    if answer != _YES:
        return Answer(name, yes=False, told=told) if answer == _NO else None
    day = form.day(f"day-{name}", needed=question.writes in ("scan", "drug")) if question.writes in _DAYS else None
    tesla = form.number(f"tesla-{name}", *TESLA, needed=False) if question.writes == "scan" else None
    today = hand.look.now.date(hand.look.zone)
    if day is not None and question.writes == "scan" and day > today:
        form.refuse(f"day-{name}", day.isoformat(), "is still to come")
    if day is not None and question.writes != "scan" and day <= today:
        form.refuse(f"day-{name}", day.isoformat(), "is not after today")
    return Answer(name, yes=True, told=told, day=day, tesla=tesla)


def _page(ask: Ask, hand: AtHand, booking: Booked | None, code: int = 200, refusal: Refusal | None = None) -> Response:
    ask.audit("opened the call before a visit", hand.history.stream)
    movable = booking is not None and booking.visit in VISITS
    due = refill_due(hand.look)
    latest = due.refill_by if due is not None else None
    return ask.page(
        "pre_visit.html",
        code,
        hand=hand,
        stream=hand.history.stream,
        booking=booking,
        movable=movable,
        slots=_slots(ask, hand, booking) if booking is not None and movable else (),
        refusal=refusal,
        others=[other for other in _visits(hand) if other != booking],
        questions=tuple(questions().values()),
        days=_DAYS,
        latest=latest,
        meant=_meant(ask, hand, booking.on) if booking is not None else None,
        on_chart={word: _noticed(hand, word) for word in {question.word for question in questions().values()}},
    )


def _slots(ask: Ask, hand: AtHand, visit: Booked) -> tuple[Slot, ...]:
    """The first of the free slots that fit a visit, best first; for those who may book."""
    if not ask.sees("book"):
        return ()
    with ask.practice.reading() as reading:
        found = fits(Wish.of(reading, hand.history.stream, visit.visit))
    return tuple(one.slot for one in found if one.refusal is None)[:_OFFERED]


def _noticed(hand: AtHand, word: str) -> Instant | None:
    """Since when a condition stands on the chart."""
    noticed = hand.look.known.conditions.get(word)
    return noticed.at if noticed is not None and noticed.present else None


def _meant(ask: Ask, hand: AtHand, visit_on: Instant) -> Meant | None:
    last = last_asked(hand.history, visit_on)
    if last is None:
        return None
    version, asked = last
    known = questions()
    said = tuple(
        (known[answer.question], answer.told) for answer in asked.answers if _follows(known, answer.question, answer.yes)
    )
    with ask.practice.reading() as reading:
        findings = found_by(reading, hand.history, version)
    shown = tuple(found for found in findings if ask.sees("chart") or found.rule.partition("-")[0] in _OF_DATES)
    return Meant(asked, said, shown, len(findings) - len(shown))


def _follows(known: Mapping[str, Question], name: str, yes: bool) -> bool:
    """Whether something follows from an answer: from a yes, and of the drug from a no."""
    return name in known and yes == (known[name].writes != "drug")
