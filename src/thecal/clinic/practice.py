"""A clinic at work: its database, its rules, its clock and its folder, wired together.

Everything that changes a chart goes through :meth:`Practice.write`: the entries, what is worked out of them and the line of the
audit are kept together, or none of them is.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from thecal.chart.clinical import Certified
from thecal.clinic.account import accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.bench_link import BenchLink
from thecal.clinic.database import Database
from thecal.clinic.entry import DeviceRecorded, Entry, Recalled
from thecal.clinic.histories import Histories
from thecal.clinic.history import History
from thecal.clinic.office import Office, read_office
from thecal.clinic.open_days import OpenDays, open_weekdays, read_closures
from thecal.clinic.people import person_of
from thecal.clinic.record import append
from thecal.clinic.standing import Standing, keep, sheet_in_place, standing_of
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.timeline import Instant

STAFF = "staff"
"""The stream of the people who work here: their certificates."""
HOUSE = "clinic"
"""The stream of what concerns all charts: field actions."""
CHART = "P-"
"""How the streams of charts begin."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and in which request."""

    who: str
    request: str = ""


class Practice:
    """A clinic. ``clock`` says what time it is, ``settings`` what it chose of the rules, ``folder`` holds its files.

    ``bench`` has the virtual pumps that it can reach, where there are any.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        clock: Callable[[], Instant],
        settings: Clinic | None = None,
        bench: BenchLink | None = None,
    ) -> None:
        self.database, self.folder, self.clock = database, folder, clock
        self.settings, self.bench = settings or Clinic(), bench
        self.histories = Histories()

    @property
    def now(self) -> Instant:
        return self.clock()

    def office(self) -> Office:
        """What the clinic says of itself."""
        with self.database.reading() as connection:
            return read_office(connection)

    @contextmanager
    def reading(self) -> Iterator["Reading"]:
        """One state of everything, to be read from."""
        with self.database.reading() as connection:
            yield Reading(self, connection)

    def write(
        self,
        stream: str,
        seen: int,
        entries: Iterable[Entry],
        by: By,
        did: str,
        *,
        detail: str = "",
        also: Callable[[Connection], None] | None = None,
    ) -> int:
        """Write entries at the end of a stream, and give its new version; ``also`` is done in the same transaction.

        Raises StaleError where somebody else has written since ``seen``, DatabaseDownError; then nothing was written.
        """
        with self.database.writing() as connection:
            return self.write_with(connection, stream, seen, entries, by, did, detail=detail, also=also)

    def write_with(
        self,
        connection: Connection,
        stream: str,
        seen: int,
        entries: Iterable[Entry],
        by: By,
        did: str,
        *,
        detail: str = "",
        also: Callable[[Connection], None] | None = None,
    ) -> int:
        """The same as a part of a larger transaction."""
        now = self.now
        self.database.hold(connection, stream)
        version = append(connection, stream, seen, entries, by.who, now)
        if also is not None:
            also(connection)
        if stream.startswith(CHART):
            self._refresh(connection, stream)
        write_audit(connection, by.who, did, now, stream=stream, detail=detail, request=by.request)
        return version

    def refresh(self, stream: str) -> Standing:
        """Work out anew where the person of a chart stands."""
        with self.database.writing() as connection:
            self.database.hold(connection, stream)
            return self._refresh(connection, stream)

    def _refresh(self, connection: Connection, stream: str) -> Standing:
        found = Reading(self, connection).standing(stream)
        keep(connection, found)
        return found


class Reading:
    """One state of the database, and what is asked of it."""

    def __init__(self, practice: Practice, connection: Connection) -> None:
        self.practice, self.connection = practice, connection
        self.now = practice.now
        self.office = read_office(connection)

    @property
    def zone(self) -> ZoneInfo:
        return self.office.zone

    def certificates(self) -> list[Certified]:
        """The certificates of everybody who works here."""
        return [entry for entry in self.history(STAFF).all(Certified) if entry.at <= self.now]

    @cached_property
    def _held(self) -> list[Certified]:
        return self._by_both_names(self.certificates())

    def _by_both_names(self, held: list[Certified]) -> list[Certified]:
        """Certificates, under the name of the account and the full one: a booking names people as they are called."""
        called = {account.name: account.full_name for account in accounts(self.connection)} if held else {}
        return [*held, *(replace(one, who=called[one.who]) for one in held if called.get(one.who, one.who) != one.who)]

    def recalls(self) -> tuple[Recalled, ...]:
        """The field actions, each as it was written last."""
        return self._recalls

    @cached_property
    def _recalls(self) -> tuple[Recalled, ...]:
        return _latest(self.history(HOUSE))

    def history(self, stream: str) -> History:
        """A stream as it was written."""
        return self.practice.histories.read(self.connection, stream)

    def on_bench(self, history: History) -> str:
        """The serial number of the pump of a chart, if it is a virtual one that can be reached; else nothing."""
        device, bench = history.last(DeviceRecorded), self.practice.bench
        return device.serial if device is not None and bench is not None and device.serial in bench.serials() else ""

    def staff(self) -> Look:
        """A look that knows the certificates and nothing else."""
        return self.look(History(STAFF))

    @cached_property
    def open_days(self) -> OpenDays:
        """On which days this clinic can refill."""
        staff, today = self.staff(), self.now.date(self.zone)
        may = [one.name for one in accounts(self.connection) if one.active and staff.may(one.name, one.role, "refill")]
        return OpenDays(read_closures(self.connection, today), open_weekdays(self.connection), frozenset(may))

    def look(self, history: History, now: Instant | None = None) -> Look:
        """What rules are given of a chart, with the certificates of those who work here; at an instant, else now.

        A clock that was set back hides nothing of a chart: until it is there again, now is when the last entry was.
        """
        return self._look(history, now or history.moment(self.now), self._held)

    def _look(self, history: History, now: Instant, held: list[Certified]) -> Look:
        look = Look.at(history.chart, now, self.zone, None, self.practice.settings)
        look.known.certificates.extend(held)
        person = person_of(self.connection, history.stream) if history.stream.startswith(CHART) else None
        return replace(look, sheet=sheet_in_place(look), birth=person.born if person is not None else None)

    def known_at(self, history: History, at: Instant) -> tuple[History, Look, tuple[Recalled, ...]]:
        """What was known at an instant: of a chart, of the certificates of those who work here, and of field actions."""
        then, staff, house = (each.known_at(at) for each in (history, self.history(STAFF), self.history(HOUSE)))
        return then, self._look(then, at, self._by_both_names(staff.all(Certified))), _latest(house)

    def standing(self, stream: str) -> Standing:
        """Where the person of a chart stands now."""
        history = self.history(stream)
        return standing_of(history, self.look(history), self.recalls(), self.open_days)


def _latest(house: History) -> tuple[Recalled, ...]:
    return tuple({entry.recall: entry for entry in house.all(Recalled)}.values())
