"""The demonstration clinic: invented people, sixty pumps with years of history, and problems of today."""

from collections.abc import Callable
from datetime import timedelta
from itertools import groupby

from sqlalchemy import Connection

from thecal.bench.bench_folder import BenchFolder
from thecal.bench.start import NewPump, open_shelf
from thecal.bench.virtual_pump import on_bench
from thecal.chart.clinical import Certified
from thecal.clinic.account import Account, make_account
from thecal.clinic.demo_courses import DemoPatient, demo_patients
from thecal.clinic.entry import Entry
from thecal.clinic.office import Office, write_office
from thecal.clinic.people import add_person
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import append
from thecal.clinic.slots import local_times, offer_slots
from thecal.errors import Refusal
from thecal.timeline import DAY_S, Duration, Instant

PASSWORD = "only a demonstration"  # noqa: S105  # it is printed, and guards nothing
OFFICE = Office("Demonstration pump clinic", "Europe/Berlin", "555-0100", "555-0199", "1 Invented Street")
PEOPLE = (
    Account("demo.nurse", "Nora Nurse", "nurse", administrator=True),
    Account("demo.second", "Nils Nurse", "nurse"),
    Account("demo.doctor", "Dora Doctor", "physician"),
    Account("demo.scheduler", "Susan Scheduler", "scheduler"),
    Account("demo.pharmacist", "Paul Pharmacist", "pharmacist"),
    Account("demo.therapist", "Thea Therapist", "therapist"),
)
_CERTIFIED = ("demo.nurse", "demo.second", "demo.doctor")
_OFFERED_DAYS = 42
_GIVEN_S, _COUNTS_S = 60 * DAY_S, 300 * DAY_S  # a demonstration: some weeks ago, and for most of a year


def fill(practice: Practice, bench: BenchFolder, told: Callable[[str], None] = lambda _: None) -> int:
    """Make the demonstration clinic in an empty database, and put its pumps on a bench that is not started; how many pumps."""
    now = practice.now
    with practice.database.writing() as connection:
        write_office(connection, OFFICE)
        for account in PEOPLE:
            make_account(connection, account, PASSWORD, now)
        given, until = Instant(now.s - _GIVEN_S), Instant(now.s + _COUNTS_S)
        roles = {account.name: account.role for account in PEOPLE}
        papers = [Certified(given, who, roles[who], may, until) for who in _CERTIFIED for may in ("program", "refill", "order")]
        append(connection, STAFF, 0, papers, "demo.nurse", given)
    told("making years of history with the twin")
    patients = list(demo_patients(now, OFFICE.zone))
    told(f"writing down {sum(len(each.entries) for each in patients):,} entries")
    with practice.database.writing() as connection:
        for each in patients:
            _write(connection, each)
    _offer(practice)
    told("working out the worklist")
    rebuild(practice)
    told("putting the pumps on the bench")
    bench.make()
    pumps = [each for each in patients if each.pump is not None]
    open_shelf(bench, lambda _: [NewPump(on_bench(each.serial, each.pump), ()) for each in pumps if each.pump is not None])
    return sum(bool(each.serial) for each in patients)


def _offer(practice: Practice) -> None:
    """Slots for some weeks from tomorrow on, three each morning."""
    today = practice.now.date(OFFICE.zone)
    first, last = today + timedelta(days=1), today + timedelta(days=_OFFERED_DAYS)
    times = local_times(first, last, range(5), "09:00, 10:15, 11:30", Duration(60 * 60), OFFICE.zone)
    offered = offer_slots(practice, times, "Room 1", "demo.nurse", "demo.second", By("demo.nurse"))
    assert not isinstance(offered, Refusal), offered  # both are certified, and nobody is away


def _write(connection: Connection, each: DemoPatient) -> None:
    stream = add_person(connection, each.person)
    version = 0
    for (recorded, who), rows in groupby(each.entries, key=lambda row: (row[0], row[1])):
        entries: list[Entry] = [entry for _, _, entry in rows]
        version = append(connection, stream, version, entries, who, recorded)
