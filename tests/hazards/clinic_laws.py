"""What the laws of the clinic try: a copy of a clinic, what people do there, and what has to hold whoever does it."""

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.clinic.practice import Clock
from tests.web.visitor import Answer, hidden, visitor
from thecal.bench.desk import Desk
from thecal.bench.new_pump import ready_pump
from thecal.bench.wand import Confirmed, Refused, Said, Wand
from thecal.chart.chart import Chart
from thecal.chart.clinical import Documented, Noticed
from thecal.chart.facts import Fact, Filled, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.clinic.archive import rows_of
from thecal.clinic.bench_link import BenchLink
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.entry import Corrected, DeviceRecorded, Entry, VisitBegun
from thecal.clinic.history import History
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import StaleError, verify
from thecal.clinic.schema import entry as entry_table
from thecal.clinic.slots import Slot, bookings, offer_slots
from thecal.clinic.standing import Standing, kept, standing_of
from thecal.errors import Refusal
from thecal.pump.messages import Message
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.pump.wand import receive
from thecal.quantity import Concentration, DailyDose, FlowRate, Volume
from thecal.therapy.team import open_bookings
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

PEOPLE = 6
MODEL = "synchromed-ii-40"
SERIAL = "N-1"
NORA = By("nora")
Book = Callable[[Practice, str, int, str, str, By], int | Refusal]
KnownAt = Callable[[History, Instant], History]
What = Literal["noticed late", "noticed", "taken back", "filled", "programmed"]


@dataclass(frozen=True)
class Made:
    """A clinic that was made once: its file, the charts of its people, its slots."""

    path: Path
    streams: tuple[str, ...]
    slots: tuple[str, ...]


@contextmanager
def copied(made: Made, bench: BenchLink | None = None) -> Iterator[tuple[Practice, Clock]]:
    """A copy of it, with a clock of its own."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(made.path, Path(name) / "clinic.db")
        clock = Clock()
        practice = Practice(Database(sqlite_url(Path(name) / "clinic.db")), Path(name), clock, bench=bench)
        try:
            yield practice, clock
        finally:
            practice.database.close()


def offer(practice: Practice) -> tuple[str, ...]:
    """Two slots of one hour, before every day to refill by."""
    begins = [Instant(practice.now.s + (30 + day) * DAY_S) for day in range(2)]
    made = offer_slots(practice, [(at, at + Duration(HOUR_S)) for at in begins], "Room 1", "nora", "nils", NORA)
    assert not isinstance(made, Refusal), made
    return tuple(slot.name for slot in made)


def history_of(practice: Practice, stream: str) -> History:
    """A chart's stream as it stands now."""
    with practice.reading() as reading:
        return reading.history(stream)


# H43: the past as it was known --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What somebody writes into a chart after so many hours; ``number`` is what it is about."""

    hours: int
    what: What
    number: int


_WHATS: tuple[What, ...] = ("noticed late", "noticed", "taken back", "filled", "programmed")
STEPS = st.builds(Step, st.integers(1, 40), st.sampled_from(_WHATS), st.integers(0, 30))


def the_past_is_as_it_was_known(made: Made, steps: list[Step], known_at: KnownAt) -> None:
    """Whatever is written later, the chart and the standing of each instant come out as they were kept at it."""
    stream = made.streams[0]
    then: list[tuple[Instant, Chart, Standing | None]] = []
    with copied(made) as (practice, clock):
        for step in steps:
            clock.pass_(Duration(step.hours * HOUR_S))
            history = history_of(practice, stream)
            practice.write(stream, history.version, _entries(step, history, clock.now), NORA, "wrote")
            with practice.database.reading() as connection:
                then.append((clock.now, history_of(practice, stream).chart, kept(connection, stream)))
        clock.pass_(Duration(DAY_S))
        with practice.reading() as reading:
            today = reading.history(stream)
            for at, chart, standing in then:
                past = known_at(today, at)
                assert past.chart == chart
                assert standing_of(past, reading.look(past, at), reading.recalls(), reading.open_days) == standing


def _entries(step: Step, history: History, now: Instant) -> list[Entry]:
    session = history.chart.session
    match step.what:
        case "noticed late":
            return [Noticed(Instant(now.s - step.number * HOUR_S - 1), "transport risk")]
        case "noticed":
            return [Noticed(now, "transport risk", present=bool(step.number % 2))]
        case "filled":
            return [Filled(now, Volume((10 + step.number % 10) * 10**6), Concentration(500))]
        case "programmed" if session is not None:
            order = OrderContinuous(DailyDose((100 + step.number) * 10**6))
            return [SessionEnded(now, order, session.report)]
        case _:
            return [Corrected(now, history.version, "another person's")]  # the last one, whatever it is


# H44: nothing is overwritten ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """Somebody writes, or says that an entry of a chart was wrong; ``behind`` is how many entries they have not seen."""

    what: Literal["write", "correct"]
    person: int
    number: int
    behind: int


EDITS = st.builds(Edit, st.sampled_from(["write", "correct"]), st.integers(0, 1), st.integers(0, 30), st.sampled_from([0, 0, 1]))
CHANGES = ("UPDATE entry SET body = '{}' WHERE version = 1", "DELETE FROM entry WHERE version = 1")
Correct = Callable[[Practice, str, int, int], None]


def corrected(practice: Practice, stream: str, seen: int, version: int) -> None:
    """A correction as a clinic writes it: an entry of its own."""
    practice.write(stream, seen, [Corrected(practice.now, version, "another person's")], NORA, "corrected")


def rows(practice: Practice) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row of the record, by its key."""
    with practice.database.reading() as connection:
        return {(row["stream"], row["version"]): row for row in rows_of(connection, entry_table)}


def nothing_is_overwritten(made: Made, edits: list[Edit], correct: Correct) -> None:
    """Each row that was there stands as it stood, the chains verify, and the database refuses to change or delete a row."""
    with copied(made) as (practice, clock):
        before = rows(practice)
        for edit in edits:
            clock.pass_(Duration(60))
            stream = made.streams[edit.person]
            version = history_of(practice, stream).version
            try:
                if edit.what == "write":
                    practice.write(stream, version - edit.behind, [Noticed(clock.now, "transport risk")], NORA, "wrote")
                else:
                    correct(practice, stream, version - edit.behind, edit.number % version + 1)
            except StaleError:
                assert edit.behind
                assert rows(practice) == before
            now = rows(practice)
            assert {key: now.get(key) for key in before} == before
            before = now
        for change in CHANGES:
            with pytest.raises(DBAPIError, match="append-only"), practice.database.writing() as connection:
                connection.execute(text(change))
        assert rows(practice) == before
        with practice.database.reading() as connection:
            assert sum(head.version for head in verify(connection)) == len(before)


# H48: one slot, one person ------------------------------------------------------------------------------------------------

WISHES = st.lists(st.integers(0, 1), min_size=2, max_size=PEOPLE)
"""Which of the two slots each of some people wants, all at once."""


def one_slot_one_person(made: Made, wishes: list[int], booking: Book) -> None:
    """Every slot that somebody wants is sold once; who did not get it is told, and has nothing in the chart."""
    with copied(made) as (practice, _):
        sold_once(practice, made.streams, made.slots, wishes, booking)


def sold_once(practice: Practice, streams: tuple[str, ...], slots: tuple[str, ...], wishes: list[int], booking: Book) -> None:
    """The law at one clinic, on whichever database."""
    wanted = dict(zip(streams, (slots[wish] for wish in wishes), strict=False))
    seen = {stream: history_of(practice, stream).version for stream in wanted}
    together = Barrier(len(wanted))

    def want(stream: str) -> int | Refusal:
        together.wait(timeout=30)
        return booking(practice, stream, seen[stream], wanted[stream], "refill", NORA)

    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = dict(zip(wanted, pool.map(want, wanted), strict=True))
    with practice.reading() as reading:
        sold = bookings(reading.connection, practice.now)
        looks = {stream: reading.look(reading.history(stream)) for stream in wanted}
    assert sorted(one.slot.name for one in sold) == sorted(set(wanted.values()))
    winners = {one.stream: one.slot for one in sold}
    assert winners.keys() == {stream for stream, answer in answers.items() if isinstance(answer, int)}
    for stream, answer in answers.items():
        assert [fact.on for fact in open_bookings(looks[stream])] == [slot.begins for slot in _own(winners, stream)]
        assert stream in winners or (isinstance(answer, Refusal) and answer.rule == "CLN-02")


def _own(winners: dict[str, Slot], stream: str) -> list[Slot]:
    return [winners[stream]] if stream in winners else []


# H49: the refusal of the pump reaches the screen --------------------------------------------------------------------------


_WRITTEN = "The update done done"
"""How the page of a visit lists the step once the pump has taken it."""


@dataclass
class OneWand:
    """A wand at one pump in memory. The sheet that it shows may allow more than the pump takes."""

    pump: PumpState
    most: FlowRate
    number: int = 1

    def __post_init__(self) -> None:
        self.sheet, self.welcome = self.pump.sheet, SimpleNamespace(programmer="plain")
        self.pump = replace(self.pump, sheet=replace(self.pump.sheet, flow_max=self.most))

    def now(self) -> Instant:
        """The time of the pump."""
        return self.pump.now

    async def say(self, message: Message) -> Said:
        """What the pump answers."""
        received = receive(self.pump, message)
        self.pump = received.state
        return Refused(received.reply) if isinstance(received.reply, Refusal) else Confirmed(received.reply)


@dataclass
class OnePump:
    """A bench with one pump, as a clinic reaches it."""

    wand: OneWand

    def serials(self) -> frozenset[str]:
        """The one."""
        return frozenset({SERIAL})

    @asynccontextmanager
    async def desk(self, _: str, chart: Chart, write_down: Callable[[tuple[Fact, ...]], Chart]) -> AsyncIterator[Desk]:
        """A programmer at its wand."""
        yield Desk(cast(Wand, self.wand), chart, write_down)


def narrow_pump(most_nl: int) -> OnePump:
    """The pump of everybody in these tests, which takes at most so much a day."""
    ready = ready_pump(pump_sheet(MODEL), Clock().now)
    assert not isinstance(ready, Refusal)
    return OnePump(OneWand(ready.state, FlowRate(most_nl)))


def refusal_is_on_the_screen(made: Made, mcg_per_day: int, bench: OnePump) -> None:
    """At 500 mcg/mL a dose is written where its flow is within what the pump takes; else the page says why it is not."""
    stream, before = made.streams[0], bench.wand.pump.memory.program
    with copied(made, cast(BenchLink, bench)) as (practice, clock):
        papers = (Documented(clock.now, "device record"), Documented(clock.now, "reconciliation"))
        entries = (*papers, DeviceRecorded(clock.now, MODEL, SERIAL), VisitBegun(clock.now, "v1", "titration"))
        practice.write(stream, history_of(practice, stream).version, entries, NORA, "began")
        answer = _ordered_and_written(practice, f"/visit/{stream}/v1", f"{mcg_per_day} mcg/day")
        done = [row.entry.order for row in history_of(practice, stream).rows if isinstance(row.entry, SessionEnded)]
    if mcg_per_day * 2000 <= bench.wand.most.nl_per_day:
        assert (answer.status, _WRITTEN in answer.words) == (200, True), answer.words
        assert bench.wand.pump.memory.program != before
        assert done[-1] == OrderContinuous(DailyDose(mcg_per_day * 10**6))
        return
    assert (answer.status, "PMP-02" in answer.words) == (422, True), answer.words
    assert _WRITTEN not in answer.words
    assert bench.wand.pump.memory.program == before
    assert done[-1] == OrderContinuous(DailyDose(100 * 10**6))


def _ordered_and_written(practice: Practice, visit: str, dose: str) -> Answer:
    """By somebody who may do both: the order, the review, and the update with its total worked out."""
    with visitor(practice) as sign_in:
        dora = sign_in("dora")
        saved = dora.send(f"{visit}/order", {"do": "save", "mode": "simple continuous", "dose": dose, "total": dose})
        assert saved.status == 200, saved.words
        review = dora.send(visit, {}, to=f"{visit}/pump/review")
        assert review.status == 200, review.words
        names = set(re.findall(r'type="hidden" name="([^"]+)"', review.text))
        assert "digest" in names, review.words
        return dora.post(f"{visit}/pump/update", {**{name: hidden(review.text, name) for name in names}, "total": dose})
