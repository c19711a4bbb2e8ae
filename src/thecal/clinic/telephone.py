"""The telephone: a call that was taken and what it comes to, the call before a visit and what its answers mean.

What is told of symptoms becomes facts of the chart, so that the rules go on asking after the call has ended.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import takewhile
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from thecal.chart.clinical import AlarmHeard, Booked, Documented, Noticed, Scanned, SymptomReported, Tone
from thecal.chart.facts import Fact
from thecal.chart.vocabulary import Word, words
from thecal.clinic.entry import Contacted, Entry, PreVisitAnswer, PreVisitAsked, Telephoned
from thecal.clinic.history import History, Recorded
from thecal.clinic.people import person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import CHART, Reading
from thecal.clinic.standing import Standing, standing_of
from thecal.datum import DataError, read_data
from thecal.therapy.check import check
from thecal.therapy.finding import Finding
from thecal.therapy.first_actions import ByRule, in_order
from thecal.therapy.look import Look
from thecal.therapy.mri import last_scan
from thecal.therapy.overdose import only_mild
from thecal.therapy.signs import signs_of
from thecal.therapy.team import open_bookings
from thecal.therapy.triage import Triage, triage
from thecal.timeline import HOUR_S, Instant

CALLERS = ("patient", "carer", "second contact", "nursing home", "hospital", "other")
"""Who calls, or is called."""
WAYS = ("telephone", "message", "email", "letter", "in person")
"""How somebody is reached."""
UNSCHEDULED = "unscheduled"
_SECTIONS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Early signs of withdrawal", frozenset({"early withdrawal"})),
    ("Severe signs of withdrawal", frozenset({"severe withdrawal"})),
    ("Signs of an overdose", frozenset({"overdose", "overdose tone"})),
    ("Over the pump", frozenset({"pocket fill", "post-op"})),
)
_IN_AN_HOUR, _AFTERNOON, _MORNING = "in 1 h", "this afternoon", "tomorrow 09:00"
_CLOCK = {_AFTERNOON: "15:00", _MORNING: "09:00"}  # D: a choice of thecal that any typed time takes the place of
NOON = "12:00"
"""D: the hour of a day that is told without one; off by half a day at most."""
_LAST_SECOND = "23:59:59"


# A call ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Section:
    """Symptoms that are asked for together."""

    title: str
    symptoms: tuple[Word, ...]


@cache
def symptom_sections() -> tuple[Section, ...]:
    """Every symptom of the vocabulary, once, under the first of the sections that it belongs to."""
    left = dict(words("symptoms"))
    found = []
    for title, groups in _SECTIONS:
        found.append(Section(title, tuple(word for word in left.values() if groups & set(word.groups))))
        left = {name: word for name, word in left.items() if not groups & set(word.groups)}
    return (*found, Section("Other", tuple(left.values())))


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody tells at ``at``: symptoms with their grades (0 gone, to 3 severe) and since when, a tone and when."""

    at: Instant
    caller: str
    reason: str
    symptoms: Mapping[str, int]
    began: Instant | None = None
    tone: Tone | None = None
    heard: Instant | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What the chart is told: each symptom at the call, and also when it began, where that was before; the tone."""
        told: list[Fact] = []
        for symptom, grade in self.symptoms.items():
            if self.began is not None and self.began < self.at and grade:
                told.append(SymptomReported(self.began, symptom, grade))
            told.append(SymptomReported(self.at, symptom, grade))
        if self.tone is not None:
            told.append(AlarmHeard(self.heard or self.at, self.tone))
        return tuple(told)


def supposed(history: History, entries: Iterable[Entry], now: Instant) -> History:
    """The history as it would be with more entries."""
    more = (Recorded(history.version + number, entry, "", now) for number, entry in enumerate(entries, start=1))
    return History(history.stream, (*history.rows, *more))


def triage_of(call: Call, look: Look) -> Triage:
    """What a call comes to; ``look`` already knows its facts."""
    return triage(call.symptoms, look)


def actions_without_chart(answer: Triage, look: Look) -> tuple[ByRule, ...]:
    """What is done first, in words that tell nothing of the chart: for those who take a call and may not read it."""
    grades = {fact.symptom: fact.grade for fact in sorted(look.known.symptoms, key=lambda fact: (fact.at.s, fact.grade))}
    conditions = {name for name in look.known.conditions if look.known.present(name)}
    mild, emergency = only_mild(signs_of(look), grades), answer.tier == "emergency"
    pocket = (said for said in answer.first_actions[:1] if said.rule == "RPC-09")
    return (*pocket, *in_order(answer.suspicion, emergency, conditions, look.clinic, None, mild))


def entries_of(
    call: Call, answer: Triage, advice: str, call_back: Instant | None = None, visit: Instant | None = None
) -> tuple[Entry, ...]:
    """Everything that a call writes down, a visit of the same day included, where one was promised."""
    told = Telephoned(call.at, call.caller, call.reason, answer.tier, answer.suspicion, advice, call_back)
    booked = (Booked(call.at, UNSCHEDULED, visit),) if visit is not None else ()
    return (*call.facts, told, *booked)


def call_backs(now: Instant, zone: ZoneInfo) -> dict[str, Instant]:
    """The times at which somebody is usually called back, those that are past left out."""
    today = now.date(zone)
    offers = {
        _IN_AN_HOUR: Instant(now.s + HOUR_S),
        _AFTERNOON: at_clock(today, _CLOCK[_AFTERNOON], zone),
        _MORNING: at_clock(today + timedelta(days=1), _CLOCK[_MORNING], zone),
    }
    return {name: at for name, at in offers.items() if at > now}


def at_clock(day: date, clock: str, zone: ZoneInfo) -> Instant:
    """An hour of a local day."""
    return Instant.parse(f"{day.isoformat()} {clock}", zone)


# What is at hand while somebody talks ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spoken:
    """A contact that was: who wrote it down, what happened, what was said, when somebody is called back."""

    at: Instant
    who: str
    what: str
    told: str
    call_back: Instant | None


@dataclass(frozen=True, slots=True)
class AtHand:
    """What stands beside the telephone."""

    history: History
    look: Look
    standing: Standing
    person: Person | None

    @property
    def since(self) -> tuple[tuple[str, Instant], ...]:
        """When something was last done to the pump: the first thing that a triage asks."""
        known, scan = self.look.known, last_scan(self.look)
        found = (
            ("Refill", self.look.chart.filled.at if self.look.chart.filled else None),
            ("Session with the pump", known.last_session.at if known.last_session else None),
            ("Change of the program", known.doses[-1].at if known.doses else None),
            ("MRI", scan.at if scan else None),
        )
        return tuple((what, at) for what, at in found if at is not None)

    def spoken(self, most: int = 5) -> tuple[Spoken, ...]:
        """The last contacts, the latest first."""
        found = [_spoken(row) for row in reversed(self.history.standing) if isinstance(row.entry, Telephoned | Contacted)]
        return tuple(found[:most])

    def bookings(self) -> tuple[Booked, ...]:
        """The visits to this clinic that are still to come."""
        return tuple(booking for booking in open_bookings(self.look) if booking.on > self.look.now)


def _spoken(row: Recorded) -> Spoken:
    entry = row.entry
    assert isinstance(entry, Telephoned | Contacted)  # the caller asks for these
    if isinstance(entry, Telephoned):
        advice = f" Advice: {entry.advice}" if entry.advice else ""
        return Spoken(entry.at, row.who, f"{entry.caller} called", f"{entry.reason} ({entry.tier}).{advice}", entry.call_back)
    reached = "reached" if entry.reached else "not reached"
    return Spoken(entry.at, row.who, f"{entry.whom} {reached} ({entry.how})", f"{entry.item}: {entry.outcome}", entry.call_back)


def at_hand(reading: Reading, stream: str) -> AtHand | None:
    """What is known of a person; None of a stream that is no chart, or is empty."""
    history = reading.history(stream)
    if not stream.startswith(CHART) or not history.rows:
        return None
    look = reading.look(history)
    return AtHand(
        history, look, standing_of(history, look, reading.recalls(), reading.open_days), person_of(reading.connection, stream)
    )


# The call before a visit ----------------------------------------------------------------------------------------------------

Writes = Literal["condition", "booking", "scan", "drug", "call", "words"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the call before a visit.

    A yes writes what ``writes`` says: a ``word`` that is noticed, booked, or a document; ``undated`` is the condition that
    stands in for a booking of which nobody knows the day. A no ends the condition where ``ends`` says so; ``means`` is told.
    """

    name: str
    ask: str
    writes: Writes
    means: str
    word: str = ""
    undated: str = ""
    ends: bool = False


@cache
def questions() -> Mapping[str, Question]:
    """The questions, in their order. Raises DataError for a word that no vocabulary has: always a defect."""
    found = {name: Question(name, **table) for name, table in read_data("clinic", "pre_visit").items()}
    vocabularies = {"condition": words("conditions"), "booking": words("visits"), "drug": words("documents")}
    for question in found.values():
        known = vocabularies.get(question.writes)
        if question.writes not in get_args(Writes) or (known is not None and question.word not in known):
            raise DataError(f"pre_visit: {question.name} writes {question.writes} {question.word!r}, which is not known")
        if question.undated and question.undated not in words("conditions"):
            raise DataError(f"pre_visit: {question.name}: {question.undated!r} is no condition")
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; ``day`` of what is planned, was done, or expires; the scanner's field in T."""

    question: str
    yes: bool
    told: str = ""
    day: date | None = None
    tesla: float | None = None


def asked_before(visit_on: Instant, answers: Iterable[Answer], look: Look) -> tuple[Entry, ...]:
    """What the call before a visit writes down: the answers, then the facts that rules know of them."""
    given = tuple(answers)
    said = tuple(PreVisitAnswer(answer.question, answer.yes, answer.told) for answer in given)
    facts = (fact for answer in given for fact in _facts(questions()[answer.question], answer, look))
    return (PreVisitAsked(look.now, visit_on, said), *facts)


def _facts(question: Question, answer: Answer, look: Look) -> Iterator[Fact]:
    now, there = look.now, look.known.present(question.word)
    if question.writes == "condition":
        if answer.yes and not there:
            yield Noticed(now, question.word)
        elif not answer.yes and there and question.ends:
            yield Noticed(now, question.word, present=False)
    elif question.writes == "booking" and answer.yes:
        if answer.day is not None:
            days = {booked.on.date(look.zone) for booked in open_bookings(look) if booked.visit == question.word}
            if answer.day not in days:
                yield Booked(now, question.word, at_clock(answer.day, NOON, look.zone))
        elif question.undated and not look.known.present(question.undated):
            yield Noticed(now, question.undated)
    elif question.writes == "scan" and answer.yes and answer.day is not None:
        # of a scan on a day, only what was read on a later one counts as read after it
        at = min(at_clock(answer.day, _LAST_SECOND, look.zone), now)
        yield Scanned(at, answer.tesla)
    elif question.writes == "drug" and answer.yes and answer.day is not None:
        yield Documented(now, question.word, at_clock(answer.day, _LAST_SECOND, look.zone))


def found_by(reading: Reading, history: History, version: int) -> tuple[Finding, ...]:
    """What the rules find now that they would not find without what was written down together with a version."""
    rows = history.rows[version - 1 :]
    together = list(takewhile(lambda row: (row.who, row.recorded) == (rows[0].who, rows[0].recorded), rows))
    others = tuple(row for row in history.rows if row not in together)
    old = {(finding.rule, finding.asked) for finding in check(reading.look(History(history.stream, others)))}
    return tuple(finding for finding in check(reading.look(history)) if (finding.rule, finding.asked) not in old)


def last_asked(history: History, visit_on: Instant) -> tuple[int, PreVisitAsked] | None:
    """The last call before a visit, and its version."""
    for row in reversed(history.standing):
        if isinstance(row.entry, PreVisitAsked) and row.entry.visit_on == visit_on:
            return row.version, row.entry
    return None
