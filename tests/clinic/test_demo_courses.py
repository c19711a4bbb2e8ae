"""The courses of the demonstration clinic: the same each time, nothing ahead of now, problems that are found, pumps that fit."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from thecal.chart.order import ordered_dose
from thecal.clinic.demo_courses import DemoPatient, demo_patients
from thecal.clinic.demo_problems import PROBLEMS, REFERRED, TESTED
from thecal.clinic.entry import DeviceRecorded, LineUnknown, entry_of, entry_plain
from thecal.clinic.history import History, Recorded
from thecal.pump.handle import report
from thecal.pump.sheet import pump_sheet
from thecal.therapy.check import check
from thecal.therapy.finding import Finding
from thecal.therapy.gain import pump_gain
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Instant

BERLIN = ZoneInfo("Europe/Berlin")
NOW = Instant.parse("2026-11-19 10:20", BERLIN)
ACCOUNTS = {"demo.nurse", "demo.doctor", "demo.scheduler", "demo.pharmacist", "demo.therapist"}
GRAVE = {"emergency", "block", "second_person"}
OTHER_DAYS = (
    ("Europe/London", "2026-11-21 00:10"),
    ("America/New_York", "2026-03-08 12:00"),
    ("America/Los_Angeles", "2027-02-28 23:50"),
    ("Australia/Sydney", "2026-12-25 15:00"),
    ("Europe/London", "2028-02-29 10:00"),
    ("Europe/Berlin", "2026-10-25 07:30"),
)


@pytest.fixture(scope="module")
def everybody() -> tuple[DemoPatient, ...]:
    return tuple(demo_patients(NOW, BERLIN))


def history(patient: DemoPatient) -> History:
    rows = (Recorded(number, entry, who, at) for number, (at, who, entry) in enumerate(patient.entries, start=1))
    return History(patient.serial or patient.person.number, tuple(rows))


def look_at(patient: DemoPatient, now: Instant = NOW, zone: ZoneInfo = BERLIN) -> Look:
    chart = history(patient).chart
    return Look.at(chart, now, zone, pump_sheet(chart.implanted.pump) if chart.implanted else None)


def named(everybody: tuple[DemoPatient, ...]) -> Mapping[str, DemoPatient]:
    return {patient.person.number: patient for patient in everybody}


def not_in_order(found: tuple[Finding, ...]) -> list[Finding]:
    """What an ordinary person may not have: a grave finding, and more than two warnings."""
    warned = [finding for finding in found if finding.severity == "warn"]
    return [finding for finding in found if finding.severity in GRAVE] + warned[2:]


def test_the_same_instant_gives_the_same_people() -> None:
    """Nothing is left to chance: a second call gives every name, entry and pump again."""
    assert list(demo_patients(NOW, BERLIN, 4)) == list(demo_patients(NOW, BERLIN, 4))


def test_sixty_pumps_and_two_candidates(everybody: tuple[DemoPatient, ...]) -> None:
    """Sixty serial numbers of several models; two constant-flow pumps are nothing for a bench, and the candidates have none."""
    pumps = [patient for patient in everybody if patient.serial]
    assert [patient.serial for patient in pumps] == [f"TC-{number:04d}" for number in range(1, 61)]
    assert [patient.person.number for patient in everybody if not patient.serial] == [REFERRED, TESTED]
    on_bench = [patient.pump.sheet.name for patient in everybody if patient.pump is not None]
    assert len(on_bench) == 58
    assert len(set(on_bench)) >= 8
    without = [patient for patient in pumps if patient.pump is None]
    assert all(history(patient).chart.implanted.pump.startswith("isomed") for patient in without)  # type: ignore[union-attr]


def test_everybody_is_plainly_invented(everybody: tuple[DemoPatient, ...]) -> None:
    """Names and numbers are all different, telephones are those of fiction, and the day of birth is on no chart."""
    people = [patient.person for patient in everybody]
    assert len({person.name for person in people}) == len({person.number for person in people}) == len(people)
    assert all("555-01" in person.phone and "555-01" in person.second_contact for person in people)
    assert all(person.email.endswith("@example.org") for person in people)
    for patient in everybody:
        described = look_at(patient).known.described
        assert described is not None
        assert described.born is None
        assert patient.person.born is not None


def test_nothing_is_after_now(everybody: tuple[DemoPatient, ...]) -> None:
    """Entries stand in order of writing, by accounts of the clinic; each was written down after it happened, and by now."""
    for patient in everybody:
        written = [at for at, _, _ in patient.entries]
        assert written == sorted(written)
        assert {who for _, who, _ in patient.entries} <= ACCOUNTS
        assert all(entry.at <= at <= NOW for at, _, entry in patient.entries), patient.serial
        assert patient.pump is None or patient.pump.now == NOW


def test_every_entry_can_be_kept(everybody: tuple[DemoPatient, ...]) -> None:
    """What is written of an entry is read back as it was."""
    for patient in (everybody[0], everybody[10], everybody[19], everybody[33], *everybody[-2:]):
        assert all(entry_of(entry_plain(entry)) == entry for _, _, entry in patient.entries)


def test_each_record_has_its_device(everybody: tuple[DemoPatient, ...]) -> None:
    """The papers name the model and the serial number of the pump that the chart knows."""
    for patient in everybody[:60]:
        record = history(patient)
        device = record.last(DeviceRecorded)
        assert device is not None
        assert record.chart.implanted is not None
        assert (device.serial, device.model) == (patient.serial, record.chart.implanted.pump)


def test_each_problem_is_found(everybody: tuple[DemoPatient, ...]) -> None:
    """The rule that the table names is among the findings of that person."""
    people = named(everybody)
    assert PROBLEMS.keys() <= people.keys()
    missing = {
        number: problem.wrong
        for number, problem in PROBLEMS.items()
        if problem.rule not in {finding.rule for finding in check(look_at(people[number]))}
    }
    assert not missing


def test_the_problems_are_what_they_say(everybody: tuple[DemoPatient, ...]) -> None:
    """Of rules that find several things, each person has the one that the table tells."""
    people = list(everybody)
    told = [" ".join(f.asked for f in check(look_at(patient)) if f.rule in ("SAF-08", "RPC-07")) for patient in people]
    assert "no refill is booked" in told[1]
    assert "the refill is booked for" in told[2]
    assert "no refill is booked" in told[3]
    flagged = [[f.severity for f in check(look_at(people[index])) if f.rule == "RPC-07"] for index in (4, 5)]
    assert flagged == [["block"], ["warn"]]
    assert history(people[19]).last(LineUnknown) is not None
    assert look_at(people[11]).chart.uncertain is not None
    fast, sheet = look_at(people[20]), pump_sheet("synchromed-ii-40")
    assert pump_gain(fast.chart, sheet).low.ppm <= 1_090_000 <= pump_gain(fast.chart, sheet).high.ppm


def test_the_others_are_in_order(everybody: tuple[DemoPatient, ...]) -> None:
    """Who has no problem has nothing grave, and at most two warnings."""
    ordinary = [patient for patient in everybody if patient.person.number not in PROBLEMS]
    assert len(ordinary) == 39
    wrong = {patient.serial: not_in_order(check(look_at(patient))) for patient in ordinary}
    assert not {serial: found for serial, found in wrong.items() if found}


def test_the_pump_is_the_one_of_the_chart(everybody: tuple[DemoPatient, ...]) -> None:
    """Read now, the pump counts down from what the chart heard last, at the flow of the order that runs."""
    for patient in everybody:
        if patient.pump is None:
            continue
        chart, now = look_at(patient).chart, report(patient.pump)
        session = chart.session
        assert session is not None
        if patient.person.number == "DEMO-0012":  # nobody has read what the last session wrote
            assert now.program != session.report.program
            continue
        assert (now.program, now.concentration, now.patient) == (
            session.report.program,
            session.report.concentration,
            session.report.patient,
        )
        assert session.report.calculated is not None
        assert now.calculated is not None
        flowed_nl = now.pumped.nl - session.report.pumped.nl
        if not patient.pump.sheet.fill_sensor:  # a sensor reads the volume, and does not count it
            assert abs(session.report.calculated.nl - flowed_nl - now.calculated.nl) <= 1
        dose = ordered_dose(session.order) if session.order else None
        assert dose is not None
        assert now.concentration is not None
        by_order_nl = dose.pg_per_day * (NOW.s - session.at.s) / DAY_S / now.concentration.mcg_per_ml
        assert by_order_nl * 0.98 <= flowed_nl <= by_order_nl * (1.12 if now.patient else 1.02)


def test_what_truly_befell_pumps_is_in_them_and_not_on_the_chart(everybody: tuple[DemoPatient, ...]) -> None:
    """The pump that beeps has an alarm, the scanned one has logged a stall, the rotor of the withdrawn one stands."""
    beeping, scanned, withdrawn = (everybody[index] for index in (6, 7, 10))
    alarms: list[tuple[str, ...]] = []
    logs: list[set[str]] = []
    for patient in (beeping, scanned, withdrawn):
        session = look_at(patient).chart.session
        assert patient.pump is not None
        assert session is not None
        assert not session.report.alarms
        now = report(patient.pump)
        alarms.append(now.alarms)
        logs.append({event.kind for event in now.log})
    assert alarms == [("non-critical memory error",), (), ("motor stall",)]
    assert "motor stall alarm ended" in logs[1]


def test_the_spread_of_the_clinic(everybody: tuple[DemoPatient, ...]) -> None:
    """Implants from 5 months to more than 6 years ago, about 3 in the mean; most have MS, all shapes of dose are there."""
    looks = [look_at(patient) for patient in everybody[:60]]
    years = [look.since(look.chart.implanted.at).s / DAY_S / 365.25 for look in looks if look.chart.implanted]
    assert min(years) < 0.5
    assert max(years) > 6.2
    assert 2.3 < sum(years) / len(years) < 3.7
    causes = [look.known.described.cause for look in looks if look.known.described]
    assert causes.count("multiple sclerosis") > len(causes) / 2
    modes = {look.chart.session.order.mode for look in looks if look.chart.session and look.chart.session.order}
    assert modes >= {"simple continuous", "flex", "periodic bolus"}
    assert any(patient.pump and report(patient.pump).patient for patient in everybody)


@pytest.mark.long
@pytest.mark.parametrize(("place", "text"), OTHER_DAYS)
def test_any_day_will_do(place: str, text: str) -> None:
    """At night, on a weekend, at a change of the clocks, on a leap day: problems are found, the others are in order."""
    zone = ZoneInfo(place)
    now = Instant.parse(text, zone)
    for patient in demo_patients(now, zone):
        found = check(look_at(patient, now, zone))
        problem = PROBLEMS.get(patient.person.number)
        if problem is None:
            assert not not_in_order(found), patient.serial
        else:
            assert problem.rule in {finding.rule for finding in found}, problem.wrong
        assert all(entry.at <= at <= now for at, _, entry in patient.entries), patient.serial
