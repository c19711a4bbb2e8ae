"""The timeline: every entry in words, and nothing of it lost."""

from dataclasses import replace
from datetime import date
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from tests.charts import day, started
from tests.clinic.practice import NOW, admit
from thecal.chart import clinical
from thecal.chart.facts import Acted, Entered, Fact, Noted, SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import entry as of_clinic
from thecal.clinic.entry import ClinicEntry, Corrected, Entry
from thecal.clinic.history import History, Recorded
from thecal.clinic.practice import By, Practice
from thecal.clinic.timeline_words import PAGE, entry_text, kind_of, timeline
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.steps import Aspirated, Rinsed, Verified
from thecal.timeline import DAY_S, Duration, Instant

ZONE = ZoneInfo("Europe/Berlin")
AT = Instant.parse("2026-11-10 08:00", ZONE)
LATER = Instant(AT.s + 3600)
EXPIRES = date(2027, 10, 31)
REPORT = next(fact for fact in started().chart.facts if isinstance(fact, SessionEnded)).report
PRINTED = of_clinic.Printed(
    AT, OrderContinuous(DailyDose(10**8)), None, Concentration(500), DailyDose(10**8), Volume(10**7), Volume(10**6), None
)
OF_CLINIC: tuple[tuple[ClinicEntry, str], ...] = (
    (Corrected(AT, 7, "wrong chart"), "entry 7 taken back: wrong chart"),
    (of_clinic.DeviceRecorded(AT, "reference-20", "R-1", access_port=False), "serial number R-1; no catheter access port"),
    (of_clinic.LineUnknown(AT, how="no papers"), "not known: no papers; no prime and no bridge until it is measured"),
    (of_clinic.LineUnknown(AT, known=True, how="CT"), "the volume of the catheter is known now: CT"),
    (of_clinic.Contacted(AT, "REF-12", "mother", "phone", reached=False, outcome="rang", call_back=LATER), "not reached (phone)"),
    (of_clinic.Resolved(AT, "call back", "called"), "call back resolved: called"),
    (of_clinic.Telephoned(AT, "patient", "spasms", "same day", "withdrawal", "come in", LATER), "call back by 2026-11-10 09:00"),
    (of_clinic.PreVisitAsked(AT, LATER, (of_clinic.PreVisitAnswer("drugs?", yes=True, told="new"),)), "drugs? yes (new)"),
    (of_clinic.VisitBegun(AT, "V1", "refill"), "visit V1 begun: refill"),
    (of_clinic.VisitStepped(AT, "V1", "arrive", "late"), "visit V1: arrive done, late"),
    (of_clinic.RefillStepped(AT, "V1", Aspirated(AT, Volume(2_000_000))), "2 mL aspirated"),
    (of_clinic.RefillStepped(AT, "V1", Rinsed(AT, Volume(10**6), 2, Concentration(500))), "2 times with 1 mL of 500 mcg/mL"),
    (
        of_clinic.DrugVerified(AT, "V1", Concentration(500), "A-7", EXPIRES, "nils", "k", 2),
        "visit V1: drug verified with nils, 500 mcg/mL, lot A-7, expires 2027-10-31; 2 out of stock",
    ),
    (of_clinic.RefillStepped(AT, "V1", Verified(AT, REPORT)), "refill: verified"),
    (
        of_clinic.OrderWritten(AT, "V1", "dora", OrderSheet(OrderContinuous(DailyDose(10**8)), prime=True)),
        "ordered by dora: 100 mcg/day, simple continuous; with a prime",
    ),
    (of_clinic.PrintoutTyped(AT, "V1", "reading", PRINTED), "it counts once a second person enters the same"),
    (of_clinic.PrintoutEntered(AT, "V1", REPORT), "not entered again by a second person"),
    (of_clinic.VisitClosed(AT, "V1"), "visit V1 closed"),
    (of_clinic.VisitAbandoned(AT, "V1", "fire alarm"), "visit V1 given up: fire alarm"),
    (of_clinic.PassportIssued(AT, "N-1", "00"), "pump passport N-1 issued"),
    (of_clinic.Ended(AT, "transferred", "to Elsewhere"), "treatment here ended: transferred, to Elsewhere"),
    (of_clinic.Recalled(AT, "FA-1", "reference-20", (), (), "stall", "maker", closed=True), "field action FA-1 of reference-20"),
)  # fmt: skip
FACTS: tuple[tuple[Fact, str], ...] = (
    (clinical.Measured(AT, "SpO2", 97), "oxygen saturation: 97 % measured"),
    (
        clinical.Prescribed(AT, "baclofen", "oral", 30, 3, "spasms", "tablets", "10 mg"),
        "30 mg/day in 3 doses, oral, tablets, 10 mg",
    ),
    (clinical.Prescribed(AT, "baclofen", "oral", 5, ml_per_dose=2.5), "5 mg/day in 1 dose, oral, 2.5 mL each"),
    (clinical.Documented(AT, "authorization", LATER, "payer"), "on file: authorization by payer, until 2026-11-10"),
    (clinical.Booked(AT, "refill", LATER, "nora"), "refill on 2026-11-10 09:00 booked, with nora"),
    (clinical.Visited(AT, "refill", "nora"), "visit: refill, with nora"),
    (clinical.Scored(AT, "modified-ashworth", "1+", rater="thea"), "modified-ashworth: 1+, rated by thea"),
    (clinical.Scanned(AT, 1.5, Duration(3600)), "MRI at 1.5 T, no infusion known for 60 min"),
    (Entered(AT, Volume(10**7), Volume(10**7)), "10 mL typed in as the volume, as injected"),
    (Acted(AT, "refill", None), "done: refill"),
    (SessionEnded(AT, OrderContinuous(DailyDose(10**8)), REPORT), "programmed to 100 mcg/day"),
)


@pytest.mark.parametrize(("entry", "told"), [*OF_CLINIC, *FACTS], ids=lambda value: type(value).__name__)
def test_every_entry_is_told_with_what_it_holds(entry: Entry, told: str) -> None:
    """With units, persons and ends; words for what is ordered and programmed, and none for what nobody knows."""
    text = entry_text(entry, ZONE)
    assert told in text
    assert "deliver" not in text


def test_no_kind_of_the_clinic_is_without_words() -> None:
    """The list above holds each of them once at least."""
    assert {type(entry) for entry, _ in OF_CLINIC} == set(get_args(ClinicEntry))


def test_every_fact_of_a_course_has_words() -> None:
    """Also those that a report leaves out because another fact says them."""
    facts = [*started().assessed(3, 2.5).chart.facts, Acted(day(4), "x", None)]
    assert all(entry_text(fact, ZONE) for fact in facts)


def test_a_kind_is_named_in_words() -> None:
    """As its class, word by word."""
    assert kind_of(of_clinic.PreVisitAsked(AT, LATER, ())) == "pre visit asked"


def rows(*entries: Entry, recorded: Instant = NOW) -> History:
    return History("P-TEST", tuple(Recorded(number, entry, "nora", recorded) for number, entry in enumerate(entries, 1)))


def test_the_latest_that_happened_comes_first() -> None:
    """Whenever it was written down; of one second, the latest written."""
    history = rows(Noted(Instant(AT.s + 60), "second"), Noted(AT, "first"), Noted(Instant(AT.s + 60), "third"))
    assert [row.text for row in timeline(history, ZONE).rows] == ["third", "second", "first"]


def test_what_was_taken_back_stays_with_its_correction() -> None:
    """It says who took it back and why; a correction itself is not taken back."""
    history = rows(Noted(AT, "wrong chart"), Corrected(LATER, 1, "of another person"))
    correction, note = timeline(history, ZONE).rows
    assert (note.taken_back is not None, note.why, note.may_be_taken_back) == (True, "of another person", False)
    assert (correction.taken_back, correction.why, correction.may_be_taken_back) == (None, "", False)


def test_an_entry_of_another_day_is_said_to_be_late() -> None:
    """One of the same day is not, nor one of just before midnight."""
    long_ago = Noted(Instant(NOW.s - 3 * DAY_S), "late")
    history = rows(long_ago, Noted(Instant(NOW.s - 3600), "today"))
    assert [row.late for row in timeline(history, ZONE).rows] == [False, True]
    midnight = Instant.parse("2026-11-20 00:05", ZONE)
    near = rows(Noted(Instant(midnight.s - 600), "just before"), recorded=midnight)
    assert [row.late for row in timeline(near, ZONE).rows] == [False]


def test_pages_hold_every_entry_once() -> None:
    """A page that there is not is the nearest one."""
    history = rows(*(Noted(Instant(AT.s + number), str(number)) for number in range(2 * PAGE + 1)))
    pages = [timeline(history, ZONE, page) for page in (1, 2, 3)]
    assert [len(page.rows) for page in pages] == [PAGE, PAGE, 1]
    assert len({row.version for page in pages for row in page.rows}) == 2 * PAGE + 1
    assert timeline(history, ZONE, 99) == pages[2]
    assert timeline(history, ZONE, -1) == pages[0]
    assert timeline(replace(history, rows=()), ZONE).rows == ()


def test_a_written_record_is_told_from_the_database(small: Practice) -> None:
    """With the name of whoever wrote each entry."""
    stream = admit(small)
    small.write(stream, 11, [Noted(NOW, "seen by nils")], By("nils"), "wrote a note")
    with small.reading() as reading:
        found = timeline(reading.history(stream), reading.zone)
    assert (found.total, found.rows[0].text, found.rows[0].who) == (12, "seen by nils", "nils")
    assert {row.who for row in found.rows[1:]} == {"nora"}
