"""A clinic for tests: on a new database, with a clock that stands still until it is moved, and people who work there."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from sqlalchemy import make_url, text

from tests.postgres import new_database
from thecal.bench.new_pump import ready_pump
from thecal.chart.clinical import Certified, Documented, Overrode
from thecal.chart.facts import Fact
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import account as kept
from thecal.clinic.account import Account, accounts, make_account
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.entry import DeviceRecorded, OrderWritten, VisitBegun, VisitStepped
from thecal.clinic.office import Office, write_office
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.record import version_of
from thecal.errors import Refusal
from thecal.pump.sheet import pump_sheet
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Duration, Instant

NOW = Instant.parse("2026-11-20 09:00", ZoneInfo("Europe/Berlin"))
PASSWORD = "correct horse battery"  # noqa: S105  # of the accounts of tests
STAFF_OF_TESTS = (
    Account("nora", "Nora Nurse", "nurse", administrator=True),
    Account("nils", "Nils Nurse", "nurse"),
    Account("dora", "Dora Doctor", "physician"),
    Account("susan", "Susan Scheduler", "scheduler"),
    Account("paul", "Paul Pharmacist", "pharmacist"),
    Account("thea", "Thea Therapist", "therapist"),
    Account("sol", "Sol Social", "social worker"),
)
kept._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # seven accounts a test are made
CERTIFIED = (("nora", "nurse"), ("nils", "nurse"), ("dora", "physician"))


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    now: Instant = NOW

    def __call__(self) -> Instant:
        return self.now

    def pass_(self, duration: Duration) -> None:
        """Let time pass."""
        self.now = self.now + duration


def new_practice(url: str, folder: Path, clock: Clock | None = None) -> Practice:
    """A clinic with people and certificates, and nobody to treat; of a ``ready_database`` as it is."""
    clock = clock or Clock()
    file = Path(make_url(url).database or "") if url.startswith("sqlite") else None
    if file is not None and not file.exists() and clock() == NOW:
        shutil.copyfile(_first_day(), file)
    practice = Practice(Database(url), folder, clock)
    with practice.database.reading() as connection:
        ready = bool(accounts(connection))
    return practice if ready else _made(practice)


def ready_database(server: str) -> str:
    """The address of a new database of a PostgreSQL server that holds such a clinic on its first day."""
    return new_database(server, like=_first_day_on(server))


@cache
def _first_day_on(server: str) -> str:
    url = new_database(server)
    _made(Practice(Database(url), Path(), Clock())).database.close()
    return url


@cache
def _first_day() -> Path:
    """The database of such a clinic, made once and copied: that takes a tenth of the time."""
    folder = Path(tempfile.mkdtemp(prefix="thecal-first-day-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "clinic.db"
    _made(Practice(Database(sqlite_url(file)), folder, Clock())).database.close()
    assert [path.name for path in folder.iterdir()] == [file.name], "all of it is in one file"
    return file


def _made(practice: Practice) -> Practice:
    now = practice.now
    with practice.database.writing() as connection:
        write_office(connection, Office("Clinic of tests", "Europe/Berlin", "555-0101", "555-0102"))
        for account in STAFF_OF_TESTS:
            make_account(connection, account, PASSWORD, now)
    given = Instant(now.s - 30 * DAY_S)
    until = Instant(now.s + 300 * DAY_S)
    papers = [
        Certified(given, who, role, permission, until) for who, role in CERTIFIED for permission in ("program", "refill", "order")
    ]
    practice.write(STAFF, 0, papers, By("nora"), "wrote down certificates")
    return practice


def admit(
    practice: Practice, name: str = "Ada Example", model: str = "synchromed-ii-40", *, number: str = "", papers: bool = False
) -> str:
    """Somebody with a pump that runs since a week ago, with its ``papers`` or without; the pseudonym."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person(name, number=number, phone="555-0110", second_contact="Bo Example 555-0111"))
        device = DeviceRecorded(practice.now, model, f"SN-{stream[2:]}", "L-1")
        entries = (*_course(model, practice.now), *((Documented(practice.now, "device record"), device) if papers else ()))
        practice.write_with(connection, stream, 0, entries, By("nora"), "wrote down a course")
    return stream


def ordered_for_a_second(practice: Practice) -> str:
    """Somebody whose rise by half, to 153 mcg/day, was ordered by a physician, in spite of TIT-03; the pseudonym."""
    found, now, dose = admit(practice), practice.now, DailyDose(153 * 10**6)
    with practice.database.reading() as connection:
        seen = version_of(connection, found)
    entries = (
        Documented(now, "device record"),
        Documented(now, "reconciliation"),
        VisitBegun(now, "v1", "titration"),
        Overrode(now, "TIT-03", "spasms", "dora", "physician"),
        OrderWritten(now, "v1", "dora", OrderSheet(OrderContinuous(dose), confirm_total=dose)),
        VisitStepped(now, "v1", "order approved", "dora"),
    )
    practice.write(found, seen, entries, By("dora"), "wrote an order")
    return found


@cache
def _course(model: str, now: Instant) -> tuple[Fact, ...]:
    made = ready_pump(pump_sheet(model), now)
    assert not isinstance(made, Refusal)
    return made.facts


def change_behind_the_back(practice: Practice, change: str) -> None:
    """Take the triggers away that hold the record, and change it, as somebody can who owns the database."""
    with practice.database.writing() as connection:
        if practice.database.is_sqlite:
            connection.execute(text("DROP TRIGGER entry_stays_update"))
            connection.execute(text("DROP TRIGGER entry_stays_delete"))
        else:
            connection.execute(text("DROP TRIGGER entry_stays ON entry"))
        connection.execute(text(change))
