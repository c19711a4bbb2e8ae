"""A chart as a document: what is known and recorded of a person, alone or as a part of a case.

The device events of a chart are carried out by a pump of exact flow without faults: its reports are what a programmer would show.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.chart.contradiction import contradictions
from thecal.chart.facts import Acted, Fact
from thecal.chart.order_sheet import OrderSheet
from thecal.datum import pick
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import PumpSheet
from thecal.therapy.check import Topic
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import SEVERITIES
from thecal.therapy.look import Look
from thecal.therapy.pathway import State
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.rules import rule_named
from thecal.timeline import Instant
from thecal.twin.case import Case, case_of
from thecal.twin.document import CaseTable, ChartTable, LookTable
from thecal.twin.reading import BYTES_MAX, Found, Place, read_document
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a reader of the chart should find at an instant; see ``LookTable``."""

    at: Instant
    topic: str
    orders: OrderSheet | None
    state: str | None
    finds: tuple[str, ...] | None
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChartFile:
    """What a document records: ``facts`` about the person, and the ``case`` of its device events, where it has any.

    ``looks`` are what a reader should find, where the document says so. ``recorded`` says that it is a chart: what stands in it
    was done. Lines are those of the document.
    """

    name: str
    sha256: str
    title: str
    zone: ZoneInfo
    facts: tuple[Fact, ...]
    until: Instant
    case: Case | None = None
    looks: tuple[Expectation, ...] = ()
    recorded: bool = False
    event_lines: tuple[int, ...] = ()
    fact_lines: tuple[tuple[Fact, int], ...] = ()

    @property
    def policy(self) -> RefillPolicy:
        """What bounds the time between refills."""
        return self.case.policy if self.case else RefillPolicy.default()

    @property
    def first(self) -> Instant:
        """When the first of it was."""
        begins = [fact.at for fact in self.facts[:1]] + ([self.case.actions[0].at] if self.case else [])
        return min(begins)

    def at(self, now: Instant) -> tuple[Chart, PumpSheet | None]:
        """(the chart as it was at an instant, the sheet of the pump in place). Raises InputErrors for facts that contradict."""
        facts = [fact for fact in self.facts if fact.at <= now]
        sheet = None
        if self.case is not None and self.case.actions[0].at <= now:
            until = min(now, self.case.until)
            record = Record(policy=self.case.policy, keep_rows=False, keep_blocks=False)
            trace = run(self.case.world, self.case.source, until, record)
            self._check_done(trace)
            facts += trace.chart.facts
            sheet = trace.world.pump.sheet if trace.world.pump else None
        self._check(facts)
        return Chart().after(*sorted(facts, key=lambda fact: fact.at)), sheet

    def look(self, now: Instant, clinic: Clinic | None = None) -> Look:
        """What rules are given of the chart at an instant. Raises InputErrors for facts that contradict."""
        chart, sheet = self.at(now)
        return Look.at(chart, now, self.zone, sheet, clinic)

    def instant(self, at: str | None) -> Instant:
        """The instant that a local time says, that of the last fact without one. Raises InputError before the first fact."""
        if at is None:
            return self.until
        now = Instant.parse(at, self.zone, "--at")
        if now < self.first:
            raise InputError("--at", at, "is before the first fact", accepted=(f"{self.first.local_text(self.zone)} or later",))
        return now

    def _check_done(self, trace: Trace) -> None:
        """What a chart says was done has been done; a case may hold what was refused, and says so itself."""
        if not self.recorded:
            return
        errors = []
        for number, row in enumerate(fact for fact in trace.chart.facts if isinstance(fact, Acted)):
            if row.refusal is not None and self.case is not None and not self.case.actions[number].expect_refused:
                where = f"{self.name}:{self.event_lines[number]}"
                errors.append(
                    InputError(f"event[{number + 1}]", row.action, f"cannot have been done: {row.refusal}", where=where)
                )
        if errors:
            raise InputErrors(errors)

    def _check(self, facts: list[Fact]) -> None:
        lines = dict(self.fact_lines)
        errors = []
        for found in contradictions(facts):
            pair = [fact for fact in (found.first, found.second) if fact is not None]
            told = " / ".join(f"{_in_words(fact)} at {fact.at.local_text(self.zone)}" for fact in pair)
            known = [f"{self.name}:{lines[fact]}" for fact in pair if fact in lines]
            errors.append(InputError("fact", told, f"contradicts: {found.problem}", where=" and ".join(known) or self.name))
        if errors:
            raise InputErrors(errors)


def _in_words(fact: Fact) -> str:
    values = [getattr(fact, field.name) for field in fields(fact) if field.name != "at"]
    shown = [str(value) for value in values if isinstance(value, str | int | float | date) and not isinstance(value, bool)]
    return f"{type(fact).__name__.lower()} {', '.join(shown)}".strip()


def read_chart(path: str | Path) -> ChartFile:
    """Read a chart or a case file.

    Raises InputErrors, each with its line, for a document that cannot be right, and OSError where there is no file to read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_chart(file.read(BYTES_MAX + 1), path.name.encode("utf-8", "backslashreplace").decode())


def parse_chart(raw: bytes, name: str) -> ChartFile:
    """A chart from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    table, zone, place = read_document(raw, name)
    found = Found(place)
    facts: list[Fact] = []
    lines: list[tuple[Fact, int]] = []
    for number, row in enumerate(table.fact):
        with found.at("fact", number):
            made = list(row.facts())
            facts += made
            lines += [(fact, place.line(("fact", number))) for fact in made]
    _raise(found)
    digest = sha256(raw).hexdigest()
    if isinstance(table, CaseTable):
        case: Case | None = case_of(table, zone, place, digest)
    else:
        case = _case(table, zone, place, digest)
    times = [fact.at for fact in facts]
    looks = table.look if isinstance(table, ChartTable) else []
    expected = []
    for number, row_of_look in enumerate(looks):
        with found.at("look", number):
            expected.append(expectation(row_of_look))
    _raise(found)
    until = max([*times, *([case.until] if case else [])])
    ordered = tuple(sorted(facts, key=lambda fact: fact.at))
    events = tuple(place.line(("event", number)) for number in range(len(table.event)))
    recorded = isinstance(table, ChartTable)
    return ChartFile(name, digest, table.title, zone, ordered, until, case, tuple(expected), recorded, events, tuple(lines))


def expectation(look: LookTable) -> Expectation:
    """What a look of a document asks for. Raises InputError for a topic, a state, a rule or a severity that is not known."""
    pick(look.topic, {name: name for name in (*get_args(Topic), "all")}, "topic")
    if look.state is not None:
        pick(look.state, {name: name for name in get_args(State)}, "state")
    for name, rows in (("finds", look.finds or ()), ("also", look.also)):
        for row in rows:
            rule, _, severity = row.partition(" ")
            rule_named(rule, name)
            pick(severity, {word: word for word in (*SEVERITIES, "overridden")}, name)
    finds = None if look.finds is None else tuple(look.finds)
    return Expectation(look.at, look.topic, look.order.sheet() if look.order else None, look.state, finds, tuple(look.also))


def _case(table: ChartTable, zone: ZoneInfo, place: Place, digest: str) -> Case | None:
    """The device events of a chart as a case without a truth of its own."""
    if not table.event:
        if not table.fact:
            raise InputErrors([place.error((), InputError("fact", "", "is missing: a chart records at least one fact"))])
        return None
    missing = [key for key in ("pump", "catheter") if getattr(table, key) is None]
    if missing:
        problem = "is missing: the events of a chart need the pump and the catheter"
        raise InputErrors([place.error((key,), InputError(key, "", problem)) for key in missing])
    given: Mapping[str, Any] = {key: getattr(table, key) for key in ("title", "timezone", "sources", "pump", "catheter", "event")}
    whole = CaseTable.model_construct(case=1, until=max(event.at for event in table.event), refill=table.refill, **given)
    return case_of(whole, zone, place, digest)


def _raise(found: Found) -> None:
    found.end()
