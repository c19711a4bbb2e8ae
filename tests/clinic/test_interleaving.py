"""Two people at one clinic: whatever they do, in whatever order, with whatever they have seen, the record stays whole."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from tests.clinic.meeting import MEETING, met
from tests.clinic.practice import NOW, Clock, admit, new_practice
from tests.postgres import new_database
from thecal.chart.clinical import Booked, Noticed, Visited
from thecal.chart.facts import Noted
from thecal.clinic.archive import rows_of
from thecal.clinic.booking import book, free_unbooked
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.entry import Contacted, Entry, Resolved, Telephoned
from thecal.clinic.practice import CHART, By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import StaleError, streams, verify
from thecal.clinic.schema import booking, metadata, slot
from thecal.clinic.slots import offer_slots, slots_between
from thecal.clinic.visit import open_visits
from thecal.clinic.visit_writing import taken_back
from thecal.errors import Refusal
from thecal.timeline import DAY_S, HOUR_S, Instant

USERS = ("nora", "dora")
REFUSALS = (StaleError, IntegrityError, ValueError)


@dataclass(frozen=True)
class Command:
    """What somebody does with a chart; ``behind`` is how many entries they have not seen, ``number`` what it is about."""

    user: str
    what: str
    chart: int
    behind: int
    number: int


COMMANDS = st.builds(
    Command,
    st.sampled_from(USERS),
    st.sampled_from(["write", "correct", "book", "sell", "resolve", "refresh", "call", "too early", *MEETING]),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.integers(0, 30),
)


@dataclass
class Two:
    """A clinic with two charts, and what was refused in it."""

    practice: Practice
    charts: list[str]
    refused: list[str] = field(default_factory=list)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is kept."""
        with self.practice.database.reading() as connection:
            return {table.name: list(rows_of(connection, table)) for table in metadata.sorted_tables}

    def do(self, command: Command) -> None:
        """Do it. What is refused has changed nothing."""
        stream = self.charts[command.chart]
        if command.what == "refresh":
            before = self.rows()
            self.practice.refresh(stream)
            assert self.rows() == before
            return
        with self.practice.reading() as reading:
            version = reading.history(stream).version
        before = self.rows()
        try:
            made = self._made(command, stream, version)
        except REFUSALS:
            made = None
        after = self.rows()
        if made is None or isinstance(made, Refusal):
            assert after == before
            self.refused.append(command.what)
        else:
            assert command.behind == 0
            assert made == version + len(after["entry"]) - len(before["entry"])
            assert made > version
            assert len(after["audit"]) == len(before["audit"]) + 1

    def _made(self, command: Command, stream: str, version: int) -> int | Refusal:
        """The version that a chart has come to by it, or why it has not."""
        seen, by = version - command.behind, By(command.user)
        if command.what == "sell":
            with self.practice.reading() as reading:
                every = slots_between(reading.connection, NOW, Instant(NOW.s + 30 * DAY_S))
            visit = ("refill", "follow-up")[command.number % 2]
            return book(self.practice, stream, seen, every[command.number % len(every)].name, visit, by)
        entries, also = self._written(command, stream, version)
        if isinstance(entries, Refusal):
            return entries
        return self.practice.write(stream, seen, entries, by, command.what, also=also)

    def _written(
        self, command: Command, stream: str, version: int
    ) -> tuple[Sequence[Entry] | Refusal, Callable[[Connection], None] | None]:
        at = Instant(NOW.s - command.number * 3600)
        match command.what:
            case what if what in MEETING:
                return met(self.practice, stream, command.user, what, command.number), None
            case "write":
                return [Visited(at, "follow-up", command.user), Noted(at, "told"), Noticed(at, "transport risk")], None
            case "correct":
                with self.practice.reading() as reading:
                    history = reading.history(stream)
                free = partial(free_unbooked, self.practice, stream=stream)
                return taken_back(history, command.number % version + 1, "another person's", NOW), free
            case "call":
                return [Telephoned(at, "she", "asks", "to do", "", "", call_back=Instant(NOW.s + DAY_S))], None
            case "resolve":
                return [Contacted(at, "call back", "she", "telephone", True, "well"), Resolved(NOW, "call back", "done")], None
            case "book":
                on = Instant(NOW.s + (command.number + 1) * DAY_S)
                return [Booked(NOW, "refill", on, "Nora Nurse")], lambda connection: _sell(connection, stream, command.number % 3)
            case _:
                return [Noted(NOW, "now"), Noted(Instant(NOW.s + 1), "later")], None

    def check(self) -> None:
        """The record verifies, every chart folds, one visit is open at most, no slot is sold twice, standings are the same."""
        with self.practice.database.reading() as connection:
            assert {head.stream for head in verify(connection)} == set(streams(connection))
        with self.practice.reading() as reading:
            for stream in streams(reading.connection, CHART):
                assert reading.history(stream).chart.facts is not None
                assert len(open_visits(reading.history(stream))) <= 1
            sold = list(reading.connection.execute(select(booking.c.slot).where(booking.c.cancelled.is_(None))).scalars())
            assert len(sold) == len(set(sold))
        assert rebuild(self.practice).changed == {}


def _sell(connection: Connection, stream: str, number: int) -> None:
    """One of three slots; each is sold once."""
    row = {
        "id": f"{stream}-{number}",
        "slot": f"slot-{number}",
        "stream": stream,
        "visit": "refill",
        "made": 1,
        "made_by": "nora",
    }
    connection.execute(insert(booking).values(row))


def _offer(practice: Practice) -> None:
    """Three slots of which the test sells, and three on the days to come that are booked as pages do it."""
    begins = [Instant(NOW.s + days * DAY_S) for days in (3, 4, 5)]
    times = [(begin, Instant(begin.s + HOUR_S)) for begin in begins]
    assert not isinstance(offer_slots(practice, times, "Room 1", "nora", "nils", By("nora")), Refusal)
    with practice.database.writing() as connection:
        for number in range(3):
            row = {"id": f"slot-{number}", "begins": number, "ends": number + 1, "place": "1", "refiller": "a", "checker": "b"}
            connection.execute(insert(slot).values(row))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The file of a clinic with two people; each example has a copy."""
    path = tmp_path_factory.mktemp("made") / "clinic.db"
    practice = new_practice(sqlite_url(path), path.parent)
    charts = [admit(practice, papers=True), admit(practice, "Bo Example", papers=True)]
    _offer(practice)
    practice.database.close()
    return path, charts


@contextmanager
def copied(made: tuple[Path, list[str]]) -> Iterator[Two]:
    path, charts = made
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(path, Path(name) / "clinic.db")
        practice = Practice(Database(sqlite_url(Path(name) / "clinic.db")), Path(name), Clock())
        yield Two(practice, charts)
        practice.database.close()


def holds(made: tuple[Path, list[str]], commands: list[Command]) -> None:
    with copied(made) as two:
        for command in commands:
            two.do(command)
        two.check()


@settings(max_examples=12)
@given(commands=st.lists(COMMANDS, min_size=3, max_size=8))
def test_any_order_of_commands_leaves_a_whole_record(made_once: tuple[Path, list[str]], commands: list[Command]) -> None:
    """Writes, corrections, visits, orders, bookings and calls of two people, some of whom have not seen the latest."""
    holds(made_once, commands)


@pytest.mark.long
@settings(max_examples=300)
@given(commands=st.lists(COMMANDS, min_size=3, max_size=16))
def test_any_order_of_many_commands_leaves_a_whole_record(made_once: tuple[Path, list[str]], commands: list[Command]) -> None:
    """The same with more of them."""
    holds(made_once, commands)


SCRIPT = [
    Command("nora", "write", 0, 0, 2),
    Command("dora", "write", 0, 2, 2),
    Command("dora", "call", 0, 0, 1),
    Command("nora", "book", 0, 0, 1),
    Command("dora", "book", 1, 0, 4),
    Command("nora", "correct", 0, 0, 20),
    Command("nora", "refresh", 0, 0, 0),
    Command("dora", "resolve", 0, 0, 0),
    Command("dora", "too early", 1, 0, 0),
    Command("nora", "book", 1, 0, 5),
]


def test_what_is_refused_is_refused_on_both_databases(practice: Practice) -> None:
    """A version not seen, a slot that is sold, an entry of what is to come: refused, and the rest is there."""
    two = Two(practice, [admit(practice, papers=True), admit(practice, "Bo Example", papers=True)])
    _offer(practice)
    for command in SCRIPT:
        two.do(command)
    two.check()
    assert two.refused == ["write", "book", "too early"]


AT_ONE_VISIT = [
    Command("nora", "begin", 0, 0, 2),
    Command("dora", "begin", 0, 0, 1),
    Command("nora", "step", 0, 0, 3),
    Command("dora", "order", 0, 0, 2),
    Command("dora", "sign", 0, 0, 0),
    Command("nora", "sign", 0, 0, 0),
    Command("nora", "order", 0, 0, 0),
    Command("dora", "approve", 0, 1, 0),
    Command("dora", "approve", 0, 0, 0),
    Command("nora", "close", 0, 0, 0),
    Command("nora", "give up", 0, 0, 0),
    Command("dora", "step", 0, 0, 1),
    Command("dora", "begin", 0, 0, 0),
    Command("nora", "sell", 0, 0, 1),
    Command("dora", "sell", 1, 0, 1),
    Command("dora", "sell", 1, 0, 2),
]


def test_two_people_at_one_visit_and_one_slot_on_both_databases(practice: Practice) -> None:
    """A second visit, the author as second person, an order not seen, a visit with gaps, a step after its end, a sold slot."""
    two = Two(practice, [admit(practice, papers=True), admit(practice, "Bo Example", papers=True)])
    _offer(practice)
    for command in AT_ONE_VISIT:
        two.do(command)
    two.check()
    assert two.refused == ["begin", "sign", "approve", "close", "step", "sell"]


@pytest.mark.long
def test_any_order_of_commands_leaves_a_whole_record_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """The same property on the other database, in one clinic that all examples write on."""
    practice = new_practice(new_database(postgres), tmp_path)
    _offer(practice)

    @settings(max_examples=25)
    @given(commands=st.lists(COMMANDS, min_size=3, max_size=8))
    def in_turn(commands: list[Command]) -> None:
        two = Two(practice, [admit(practice, papers=True), admit(practice, "Bo Example", papers=True)])
        for command in commands:
            two.do(command)
        two.check()

    in_turn()
    practice.database.close()
