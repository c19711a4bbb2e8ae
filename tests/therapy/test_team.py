"""The team: certificates on the day, signatures that count, and who covers."""

from itertools import permutations

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Booked, Certified, Documented, Noticed, Signed
from thecal.therapy.clinic import Clinic
from thecal.therapy.permissions import Permission
from thecal.therapy.team import open_bookings, upcoming
from thecal.timeline import Instant

YEARS = 365  # calendar months: no leap day between


def certified(at: float, until: float, permission: str = "refill", who: str = "Nurse N", role: str = "nurse") -> Certified:
    return Certified(day(at), who, role, permission, day(until))


def refill_by_n(on: float = 30, visit: str = "refill", who: str | None = "Nurse N") -> Booked:
    return Booked(day(1), visit, day(on), who)


@pytest.mark.requirement("ROL-11")
@pytest.mark.parametrize(
    ("at", "until", "severity"),
    [
        (-1, 30, []),  # its last instant
        (-1, 29.99, ["block"]),
        (30 - YEARS, 2000, []),  # twelve months old on the day
        (29.99 - YEARS, 2000, ["block"]),
    ],
)
def test_who_is_booked_holds_a_certificate_on_the_day(at: float, until: float, severity: list[str]) -> None:
    story = started().fact(certified(at, until), refill_by_n())
    assert severities(story.look(2), "ROL-11") == severity
    assert [finding.due for finding in found(story.look(2), "ROL-11")] == [day(30)] * len(severity)


@pytest.mark.requirement("ROL-11")
def test_a_certificate_for_something_else_is_missing_and_of_who_has_none_nothing_is_known() -> None:
    """A refill takes a certificate to refill, a titration one to program; a renewal is enough; other visits ask for none."""
    to_program = started().fact(certified(0, 300, "program"))
    assert severities(to_program.fact(refill_by_n()).look(2), "ROL-11") == ["block"]
    assert "who has none" in found(to_program.look(2), "ROL-11")[0].asked
    assert severities(started().fact(certified(0, 300, "program"), refill_by_n(30, "titration")).look(2), "ROL-11") == []
    assert severities(started().fact(certified(0, 300), refill_by_n(30, "titration")).look(2), "ROL-11") == ["block"]
    assert severities(started().fact(certified(0, 20), certified(1, 300), refill_by_n(30, "home refill")).look(2), "ROL-11") == []
    assert severities(started().fact(certified(0, 20), refill_by_n(30, "follow-up")).look(2), "ROL-11") == []
    assert severities(started().fact(certified(0, 20), refill_by_n(who="Nurse O")).look(2), "ROL-11") == []
    assert severities(started().fact(certified(0, 20), refill_by_n(who=None)).look(2), "ROL-11") == []


@pytest.mark.requirement("ROL-11")
def test_a_booking_that_was_taken_back_or_is_past_asks_for_nothing() -> None:
    story = started().fact(certified(0, 20), refill_by_n())
    assert severities(story.look(30.5), "ROL-11") == ["block"]  # the same day
    assert severities(story.look(31), "ROL-11") == []
    assert severities(story.fact(Booked(day(3), "refill", day(30), cancelled=True)).look(4), "ROL-11") == []


@pytest.mark.requirement("ROL-11")
def test_a_clinic_sets_how_long_a_certificate_counts() -> None:
    story = started().fact(certified(0, 900), refill_by_n(200))
    for months, severity in ((6, ["block"]), (7, []), (24, [])):
        assert severities(story.look(2, clinic=Clinic().with_limit("ROL-11.valid", months)), "ROL-11") == severity


@pytest.mark.parametrize(
    ("role", "permission", "before", "with_one"),
    [
        ("physician", "order", True, True),
        ("physician", "program", False, True),
        ("nurse practitioner", "order", False, True),
        ("nurse", "refill", False, True),
        ("nurse", "order", False, False),
        ("nurse", "double-check", True, True),
        ("therapist", "program", False, False),  # a certificate gives nobody what the profession may not
        ("pharmacist", "double-check", True, True),
        ("scheduler", "propose", False, False),
        ("vendor", "view", True, True),
        ("gardener", "view", False, False),
    ],
)
def test_a_profession_may_what_it_may_and_some_of_it_with_a_certificate(
    role: str, permission: Permission, before: bool, with_one: bool
) -> None:
    look = started().fact(certified(0, 300, permission, role=role)).look(10)
    assert started().look(10).may("Nurse N", role, permission) is before
    assert look.may("Nurse N", role, permission) is with_one
    assert look.may("Nurse O", role, permission) is before
    assert look.may("Nurse N", role, permission, day(-1)) is before
    assert look.may("Nurse N", role, permission, day(301)) is before


def test_a_certificate_belongs_to_its_role() -> None:
    look = started().fact(certified(0, 300)).look(10)
    assert look.may("Nurse N", "nurse", "refill")
    assert not look.may("Nurse N", "physician", "refill")


@pytest.mark.requirement("ROL-05")
@pytest.mark.requirement("ROL-07")
@pytest.mark.requirement("ROL-08")
@pytest.mark.requirement("ROL-09")
@pytest.mark.requirement("ROL-10")
@pytest.mark.parametrize(
    ("role", "rule"),
    [
        ("therapist", "ROL-05"),
        ("scheduler", "ROL-07"),
        ("social worker", "ROL-08"),
        ("patient", "ROL-09"),
        ("vendor", "ROL-10"),
        ("physician", None),
        ("nurse practitioner", None),
        ("nurse", None),
        ("pharmacist", None),
    ],
)
def test_a_signature_counts_by_profession(role: str, rule: str | None) -> None:
    """One since the last session, by a profession that may not double-check, stops; by one that may it does not."""
    story = started().fact(Signed(day(5), "Dr A", "B", role))
    findings = [finding for key in ("ROL-05", "ROL-07", "ROL-08", "ROL-09", "ROL-10") for finding in found(story.look(6), key)]
    assert [(finding.rule, finding.severity) for finding in findings] == ([(rule, "block")] if rule else [])
    story.programmed(6, 110)
    assert not any(found(story.look(7), key) for key in ("ROL-05", "ROL-07", "ROL-08", "ROL-09", "ROL-10"))


@pytest.mark.requirement("ROL-12")
def test_one_person_alone_names_a_deputy() -> None:
    """A paper that has ended is none."""
    story = started().fact(Noticed(day(0), "single-handed service"))
    assert severities(started().look(2), "ROL-12") == []
    assert severities(story.look(2), "ROL-12") == ["warn"]
    story.fact(Documented(day(1), "deputy named", day(20)))
    assert severities(story.look(20), "ROL-12") == []
    assert severities(story.look(20.1), "ROL-12") == ["warn"]
    assert severities(story.fact(Noticed(day(20.1), "single-handed service", False)).look(21), "ROL-12") == []


def bookings(*facts: Booked) -> list[tuple[Instant, str | None]]:
    return [(fact.on, fact.who) for fact in open_bookings(Story().person().fact(*facts).look(5))]


def test_a_booking_stands_until_it_is_taken_back_or_given_to_somebody_else() -> None:
    first, second = Booked(day(1), "refill", day(30), "N"), Booked(day(2), "refill", day(30), "O")
    back = Booked(day(3), "refill", day(30), cancelled=True)
    assert bookings(first) == [(day(30), "N")]
    assert bookings(first, second) == [(day(30), "O")]
    assert bookings(first, second, back) == []
    assert bookings(first, Booked(day(2), "refill", day(30), "N", cancelled=True), second) == [(day(30), "O")]
    assert bookings(first, back, Booked(day(4), "refill", day(30), "N")) == [(day(30), "N")]
    assert bookings(first, Booked(day(3), "refill", day(31), cancelled=True)) == [(day(30), "N")]
    assert bookings(first, Booked(day(1), "follow-up", day(20))) == [(day(20), None), (day(30), "N")]


def test_bookings_of_one_instant_count_in_whatever_order() -> None:
    facts = (
        Booked(day(1), "refill", day(30), "N"),
        Booked(day(1), "refill", day(30), "O"),
        Booked(day(1), "refill", day(40), "N"),
        Booked(day(1), "refill", day(30), "N", cancelled=True),
    )
    assert {tuple(bookings(*order)) for order in permutations(facts)} == {((day(30), "O"), (day(40), "N"))}


def test_what_is_booked_for_today_is_still_ahead() -> None:
    story = (
        Story().person().fact(Booked(day(1), "refill", day(4.9)), Booked(day(1), "refill", day(3)), Booked(day(1), "MRI", day(9)))
    )
    assert [fact.on for fact in upcoming(story.look(5), "refill")] == [day(4.9)]
