"""The telephone: what is at hand while somebody talks, the form of a call, and what the call comes to, while it is typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from zoneinfo import ZoneInfo

from starlette.responses import Response

from thecal.chart.clinical import Tone
from thecal.clinic.item import OF_DATES, Item
from thecal.clinic.record import StaleError
from thecal.clinic.telephone import (
    CALLERS,
    UNSCHEDULED,
    AtHand,
    Call,
    actions_without_chart,
    at_hand,
    call_backs,
    entries_of,
    supposed,
    symptom_sections,
    triage_of,
)
from thecal.therapy.first_actions import ByRule
from thecal.therapy.triage import Triage
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
TIER_WORDS: Mapping[str, str] = {
    "emergency": "EMERGENCY: act now",
    "same day": "TODAY: a clinician who knows the therapy sees this person today",
    "routine": "Routine: no sign that cannot wait for the next visit",
}
_GRADES = ("0", "1", "2", "3")
_TONES: tuple[str, ...] = get_args(Tone)
_TYPED = "at"
_NOW, _BOOK = "now", "book"


@dataclass(frozen=True, slots=True)
class Comes:
    """What a call comes to, as it is shown: the triage, and what is done first in words that the person who asks may read."""

    answer: Triage
    actions: tuple[ByRule, ...]
    reasons: tuple[ByRule, ...]

    @property
    def advice(self) -> str:
        """What is proposed as the advice."""
        return "\n".join(f"{number}. {said.text}" for number, said in enumerate(self.actions, start=1))


def opened(ask: Ask, stream: str) -> AtHand:
    """The person of a stream. Raises NotFoundError for one that nobody knows."""
    with ask.practice.reading() as reading:
        hand = at_hand(reading, stream)
    if hand is None:
        raise NotFoundError("There is no chart of that name.")
    return hand


def shown_items(ask: Ask, hand: AtHand) -> tuple[Item, ...]:
    """The open items that the person who asks needs for a call: without the chart, those of dates and calls."""
    return tuple(item for item in hand.standing.items if ask.sees("chart") or item.kind in OF_DATES)


def field_of(symptom: str) -> str:
    """What the field of a symptom's grade is called."""
    return f"grade-{symptom.replace(' ', '_')}"


@PAGES.get("/call/{stream}", "call")
def call_page(ask: Ask, stream: str) -> Response:
    """What is at hand, and an empty form."""
    return _page(ask, opened(ask, stream))


@PAGES.post("/call/{stream}/triage", "call", only_shows=True)
def call_triage(ask: Ask, stream: str) -> Response:
    """What the call comes to so far; nothing is written."""
    hand = opened(ask, stream)
    return _page(ask, hand, _read_call(ask.form, hand.look.now, hand.look.zone, whole=False))


@PAGES.post("/call/{stream}", "call")
def call_taken(ask: Ask, stream: str) -> Response:
    """Write the call down: its symptoms, the alarm, the call itself and a visit of the same day."""
    hand, form = opened(ask, stream), ask.form
    now, zone = hand.look.now, hand.look.zone
    call = _read_call(form, now, zone, whole=True)
    call_back, visit = read_call_back(form, now, zone), _read_visit(ask, now, zone)
    comes = _comes_to(ask, hand, call)
    advice, tier = form.text("advice"), comes.answer.tier
    if tier != "routine" and not advice:
        form.refuse("advice", "", "is missing: read what is done first, and write down what was told")
    if tier == "emergency" and form.text("shown") != tier:
        form.refuse("advice", "", "is to be looked at again: this call is an emergency, and what is done at once stands above it")
    if form.errors:
        return _page(ask, hand, call, code=422)
    entries = entries_of(call, comes.answer, advice, call_back, visit)
    try:
        ask.practice.write(stream, int(form.number("seen", 0, 10**9) or 0), entries, ask.by, "took a call", detail=tier)
    except StaleError as error:  # a call is not typed twice: the same form, beside what is new
        told = f"is an older version: {error}. Look at what is new beside the form, and send it again"
        form.refuse("seen", "", told, label="what you saw")
        return _page(ask, opened(ask, stream), call, code=409)
    said = f"The call is written down. {TIER_WORDS[tier]}."
    if visit is None:
        return ask.go(f"/call/{stream}", said)
    if form.text("today") == _NOW:
        return ask.go(f"/visit/{stream}", f"{said} Begin the visit.")
    told = (
        f"A visit today at {visit.local_text(zone)} is on the chart; take a slot for it here, so that people and room are kept."
    )
    return ask.go(f"/book/{stream}?visit={UNSCHEDULED}", f"{said} {told}")


def _page(ask: Ask, hand: AtHand, call: Call | None = None, code: int = 200) -> Response:
    ask.audit("took up the telephone", hand.history.stream)
    comes = _comes_to(ask, hand, call)
    typed, proposed = ask.form.text("advice"), ask.form.text("proposed")
    kept = typed and "".join(typed.split()) != "".join(proposed.split())
    now, zone = hand.look.now, hand.look.zone
    todays = [(_BOOK, "booked, at this time:")] if ask.sees("book") else []
    todays += [(_NOW, "the person comes now")] if ask.sees("visit") else []
    return ask.page(
        "telephone.html",
        code,
        hand=hand,
        stream=hand.history.stream,
        seen=hand.history.version if code == 409 else ask.form.text("seen", str(hand.history.version)),
        comes=comes,
        told=TIER_WORDS[comes.answer.tier],
        asked=call is not None,
        advice=typed if kept else comes.advice,
        callers=CALLERS,
        tones=_TONES,
        sections=symptom_sections(),
        field_of=field_of,
        offers=call_back_options(now, zone),
        todays=todays,
        items=shown_items(ask, hand),
        spoken=hand.spoken(),
    )


def _comes_to(ask: Ask, hand: AtHand, call: Call | None) -> Comes:
    now = hand.look.now
    given = call or Call(now, "", "", {})
    history = supposed(hand.history, given.facts, now)
    with ask.practice.reading() as reading:
        look = reading.look(history, now)
    answer = triage_of(given, look)
    if ask.sees("chart"):
        return Comes(answer, answer.first_actions, answer.reasons)
    return Comes(answer, actions_without_chart(answer, look), ())


def _read_call(form: Form, now: Instant, zone: ZoneInfo, *, whole: bool) -> Call:
    """The call, as far as it was typed; the ``whole`` of it has a caller and a reason."""
    caller = form.chosen("caller", CALLERS, needed=whole)
    if whole and not form.text("reason"):
        form.refuse("reason", "", "is missing")
    reason = form.read("reason", str) or ""
    at = _past(form, "called", now, zone) or now
    began, heard = _past(form, "began", at, zone), _past(form, "heard", at, zone)
    tone = form.chosen("tone", _TONES, needed=False)
    grades = {}
    for section in symptom_sections():
        for word in section.symptoms:
            grade = form.chosen(field_of(word.name), _GRADES, needed=False)
            if grade is not None:
                grades[word.name] = int(grade)
    if whole and began is not None and not grades:
        form.refuse("began", form.text("began"), "says when symptoms began, and none was told")
    if whole and heard is not None and tone is None:
        form.refuse("tone", "", "is missing: a time is told at which the pump was heard")
    return Call(at, caller or "", reason, grades, began, next((known for known in get_args(Tone) if known == tone), None), heard)


def _past(form: Form, name: str, latest: Instant, zone: ZoneInfo) -> Instant | None:
    at = form.instant(name, zone, needed=False)
    if at is not None and at > latest:
        form.refuse(name, form.text(name), "is later than the call", accepted=(f"up to {latest.local_text(zone)}",))
        return None
    return at


def _read_visit(ask: Ask, now: Instant, zone: ZoneInfo) -> Instant | None:
    """When a visit of the same day is to be; None where none was promised."""
    form = ask.form
    allowed = [name for name, right in ((_BOOK, "book"), (_NOW, "visit")) if right in ask.rights]
    today = form.chosen("today", tuple(allowed), needed=False)
    if today == _NOW:
        return now
    if today != _BOOK:
        return None
    at = form.instant("visit_at", zone)
    if at is not None and (at < now or at.date(zone) != now.date(zone)):
        form.refuse(
            "visit_at", form.text("visit_at"), "is not later today", accepted=(f"from {now.local_text(zone)} to midnight",)
        )
        return None
    return at


def call_back_options(now: Instant, zone: ZoneInfo) -> list[tuple[str, str]]:
    """When somebody may be called back, as a choice: the usual times, and another one."""
    offers = [(name, f"{name} ({at.local_text(zone)})") for name, at in call_backs(now, zone).items()]
    return [("", "no call back"), *offers, (_TYPED, "at another time:")]


def read_call_back(form: Form, now: Instant, zone: ZoneInfo, suffix: str = "") -> Instant | None:
    """When somebody is to be called back: one of the usual times, or one that was typed; None for not at all."""
    name, typed = f"call_back{suffix}", f"call_back_at{suffix}"
    offers = call_backs(now, zone)
    chosen = form.chosen(name, (*offers, _TYPED), needed=False)
    if chosen in offers:
        return offers[chosen]
    if chosen != _TYPED and not form.text(typed):
        return None
    at = form.instant(typed, zone)
    if at is not None and at <= now:
        form.refuse(typed, form.text(typed), "is past", accepted=(f"after {now.local_text(zone)}",))
        return None
    return at
