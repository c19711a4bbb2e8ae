"""The items of the worklist: what is to be done for a person, by when, how grave it is, which rule asks for it.

What a rule finds ends when the chart no longer says so: such an item is resolved by doing what it asks for. What no fact ends (a
call back, a field action) is resolved with a word of how. Nothing is dismissed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from thecal.clinic.checklist import questions
from thecal.clinic.entry import (
    LOST,
    Contacted,
    DeviceRecorded,
    Ended,
    LineUnknown,
    PreVisitAsked,
    Recalled,
    Resolved,
    Telephoned,
    VisitAbandoned,
    VisitBegun,
    VisitClosed,
)
from thecal.clinic.history import History
from thecal.therapy.check import TOPICS, check
from thecal.therapy.escalation import RUNGS
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.look import Look
from thecal.therapy.settings import settings_of
from thecal.therapy.team import open_bookings
from thecal.timeline import DAY_S, Duration, Instant

TIERS = ("emergency", "red", "amber", "to do")
_TIER: dict[Severity, int] = {"emergency": 0, "block": 1, "second_person": 1, "warn": 2, "task": 3, "advise": 3}
_CALLED_BEFORE = ("refill", "home refill", "titration", "follow-up", "screening test")
"""The visits of the clinic that were planned: somebody is called before them."""
_ASKED_FOR = {
    "EOS-02": "replacement", "EOS-03": "replacement", "REF-06": "travel", "VIS-01": "post-op", "VIS-02": "titration",
    "VIS-05": "follow-up",
}  # fmt: skip
"""Which visit ends what a rule asks for."""
_FAMILIES = {
    "REF": "refill", "SAF-08": "refill", "RPC-07": "residual", "RPC-09": "residual", "DEV": "alarm", "SAF-07": "recall",
    "MRI": "MRI", "EOS": "end of service", "INF": "infection", "VIS": "visit", "EMG": "emergency plan", "ROL": "certificate",
    "WDL": "symptoms", "OVD": "symptoms", "BIL": "authorization", "ORL": "laboratory", "TRB": "troubleshooting", "SES": "session",
}  # fmt: skip


OF_DATES = ("refill", "telephone", "visit")
"""The kinds of items that say nothing of how somebody is."""
_OF_A_LOST_PUMP = ("refill", "end of service", "recall")


@dataclass(frozen=True, slots=True)
class Item:
    """Something to do. ``tier`` counts from the gravest; ``told`` is the last that was done about it, ``call_back`` when next.

    ``by_hand`` says that no fact ends it: it is resolved with a word of how. ``checklist`` is the one that ends it, where one
    does, and ``question`` the first of its items that is asked for.
    """

    name: str
    kind: str
    rule: str
    tier: int
    due: Instant | None
    asked: str
    allowed: str
    next: str
    source: str
    confidence: str
    by_hand: bool = False
    told: str = ""
    call_back: Instant | None = None
    checklist: str = ""
    question: str = ""

    @property
    def visit(self) -> str:
        """The visit that is to be booked for it; empty where it is a refill."""
        return _ASKED_FOR.get(self.rule, "")


def items_of(history: History, look: Look, recalls: tuple[Recalled, ...] = ()) -> tuple[Item, ...]:
    """Everything that is to be done for the person of a chart, the gravest first; nothing where the clinic no longer treats.

    Of somebody who is lost to follow-up the pump still runs empty and wears out: that stays.
    """
    ended = history.last(Ended)
    if ended is None:
        found = [*_of_rules(look), *_of_clinic(history, look, recalls)]
    else:
        found = [item for item in _of_rules(look) if ended.how == LOST and item.kind in _OF_A_LOST_PUMP]
        found += _recalls(history, recalls) if ended.how == LOST else ()
    contacts = history.all(Contacted)
    named = {item.name: item for item in found}
    told = [_with_contact(item, [contact for contact in contacts if contact.item == name]) for name, item in named.items()]
    return tuple(sorted(told, key=lambda item: (item.tier, item.due.s if item.due else Instant.LAST, item.name)))


def _of_rules(look: Look) -> Iterator[Item]:
    """What the rules find: every topic but the way to a pump, for whom there is one."""
    skipped = ("order", "outcomes") if look.chart.implanted else ("order", "outcomes", "refill")
    findings = [finding for topic in TOPICS if topic not in skipped for finding in check(look, topic)]
    counted: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()
    for finding in findings:
        if finding.severity == "advise" or finding.overridden or (finding.rule, finding.asked, finding.next) in seen:
            continue
        seen.add((finding.rule, finding.asked, finding.next))
        counted[finding.rule] += 1
        rung = next((rung for rung, what in RUNGS.items() if (finding.rule, finding.next) == ("REF-10", what)), "")
        number = rung or (str(counted[finding.rule]) if counted[finding.rule] > 1 else "")
        name = f"{finding.rule}/{number}" if number else finding.rule
        checklist, question = next(questions(look, finding), ("", ""))
        yield Item(
            name,
            _kind(finding.rule),
            finding.rule,
            _tier(finding, look),
            finding.due,
            finding.asked,
            finding.allowed,
            finding.next,
            finding.source,
            finding.confidence,
            checklist=checklist,
            question=question,
        )


def _kind(rule: str) -> str:
    return _FAMILIES.get(rule) or _FAMILIES.get(rule.partition("-")[0], "rule")


def _tier(finding: Finding, look: Look) -> int:
    """By how grave it is, and by how near it is: what is not grave yet becomes so with its date."""
    tier = _TIER[finding.severity]
    if tier < 2 or finding.due is None:
        return tier
    left = finding.due.s - look.now.s
    if left > span("amber").s:
        return 3
    return tier - 1 if left <= span("red").s else tier


def span(name: str) -> Duration:
    """One of the spans by which the worklist counts."""
    return Duration.parse(settings_of("clinic")[name].value, name)


def _own(name: str, kind: str, tier: int, due: Instant | None, asked: str, next_step: str, *, by_hand: bool = False) -> Item:
    """An item that the record itself asks for."""
    return Item(name, kind, name.partition("/")[0], tier, due, asked, "", next_step, "thecal: the clinic's record", "D", by_hand)


def _of_clinic(history: History, look: Look, recalls: tuple[Recalled, ...]) -> Iterator[Item]:
    uncertain = look.chart.uncertain
    if uncertain is not None:
        asked = f"a session of {uncertain.at.local_text(look.zone)} of which nobody knows how it ended: {uncertain.why}"
        yield _own("SES-05", "session", 0, uncertain.at, asked, "Interrogate the pump before anything else.")
    yield from _call_backs(history, look)
    yield from _visits(history, look)
    unknown = history.last(LineUnknown)
    if unknown is not None and not unknown.known:
        asked = "the volume of the catheter is not known: no prime and no bridge"
        yield _own("line", "transfer", 3, None, asked, "Image the catheter, or plan a monitored start; then record its volume.")
    yield from _recalls(history, recalls)


def _call_backs(history: History, look: Look) -> Iterator[Item]:
    """The latest promise to call back that nobody has kept; a try that reached nobody keeps none."""
    calls: list[Telephoned | Contacted] = [*history.all(Telephoned), *history.all(Contacted)]
    promised = [told for told in calls if told.call_back is not None]
    if not promised:
        return
    last = max(promised, key=lambda told: told.at)
    kept = [told.at for told in calls if told.at > last.at and (isinstance(told, Telephoned) or told.reached)]
    kept += [done.at for done in history.all(Resolved) if done.item == "call back" and done.at >= last.at]
    if kept or last.call_back is None:
        return
    tier = 1 if last.call_back <= look.now else 2
    asked = f"a call back was promised on {last.at.local_text(look.zone)}"
    yield _own("call back", "telephone", tier, last.call_back, asked, "Call, and write down what came of it.", by_hand=True)


def _visits(history: History, look: Look) -> Iterator[Item]:
    """Visits that are open, and calls that are due before booked ones."""
    ended = {entry.visit for entry in history.all(VisitClosed)} | {entry.visit for entry in history.all(VisitAbandoned)}
    for begun in history.all(VisitBegun):
        if begun.visit not in ended:
            today = begun.at.date(look.zone) == look.now.date(look.zone)
            asked = f"a {begun.what} visit of {begun.at.local_text(look.zone)} is open"
            yield _own(f"visit/{begun.visit}", "visit", 2 if today else 1, begun.at, asked, "Go on with it, and close it.")
    asked_of = {asked.visit_on for asked in history.all(PreVisitAsked)}
    for booking in open_bookings(look):
        if booking.visit not in _CALLED_BEFORE:
            continue
        left = booking.on.s - look.now.s
        if 0 < left <= span("pre_visit_call").s + DAY_S // 2 and booking.on not in asked_of:
            asked = f"{booking.visit} on {booking.on.local_text(look.zone)}, and nobody has called before it"
            due = Instant(max(booking.on.s - span("pre_visit_call").s, 0))
            name = f"pre-visit call/{booking.on.s}"
            yield _own(name, "telephone", 2, due, asked, "Ask the questions of the call before a visit.")


def _recalls(history: History, recalls: tuple[Recalled, ...]) -> Iterator[Item]:
    device = history.last(DeviceRecorded)
    if device is None:
        return
    for recall in recalls:
        name = f"recall/{recall.recall}"
        if recall.closed or not concerns(recall, device):
            continue
        if any(done.item == name and done.at >= recall.at for done in history.all(Resolved)):
            continue
        asked = f"field action {recall.recall} of {device.model} {device.serial}: {recall.what}"
        yield _own(
            name, "recall", 1, recall.at, asked, "Tell the person, act on the notice, and write down what was done.", by_hand=True
        )


def concerns(recall: Recalled, device: DeviceRecorded) -> bool:
    """Whether a field action is about a pump: by its model, and by serial number or lot where it names any."""
    if recall.model != device.model:
        return False
    if not recall.serials and not recall.lots:
        return True
    serials, lots = ({letters_of(number) for number in numbers} for numbers in (recall.serials, recall.lots))
    return letters_of(device.serial) in serials or (bool(device.lot) and letters_of(device.lot) in lots)


def letters_of(number: str) -> str:
    """A serial or lot number without capitals, spaces and hyphens, which people write as they like."""
    return "".join(c for c in number.casefold() if c.isalnum())


def _with_contact(item: Item, contacts: list[Contacted]) -> Item:
    if not contacts:
        return item
    last = max(contacts, key=lambda contact: contact.at)
    reached = "reached" if last.reached else "not reached"
    number = "1 contact" if len(contacts) == 1 else f"{len(contacts)} contacts"
    told = f"{number}, the last: {last.whom} {reached} ({last.how}): {last.outcome}"
    return replace(item, told=told, call_back=last.call_back)


def refill_tier(look: Look, by: Instant | None, *, settled: bool) -> int:
    """How near a refill is: red a week before its date, or two where none is booked; amber three weeks before it."""
    if by is None:
        return len(TIERS) - 1
    left = by.s - look.now.s
    if left <= span("red").s or (left <= span("red_unbooked").s and not settled):
        return 1 if not settled or left <= 0 else 2
    return 2 if left <= span("amber").s and not settled else 3
