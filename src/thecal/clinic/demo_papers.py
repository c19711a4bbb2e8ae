"""What the demonstration clinic writes down beside the facts of the twin: scores, visits, papers, answers, bookings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp

from thecal.chart.clinical import (
    Answered,
    Booked,
    Described,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Prescribed,
    Referred,
    Scored,
    SymptomReported,
    Visited,
)
from thecal.chart.facts import Assessed, TestBolusGiven
from thecal.chart.vocabulary import words
from thecal.clinic.demo_people import Cause, born, cause_of
from thecal.clinic.demo_problems import (
    DOCTOR,
    NURSE,
    PHARMACIST,
    REFERRED,
    SCHEDULER,
    TESTED,
    THERAPIST,
    Problem,
    Row,
    Today,
    lasting,
    working_day,
)
from thecal.clinic.entry import DeviceRecorded, LineUnknown
from thecal.quantity import Amount, Concentration
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

FOLLOW_UPS = (22, 84, 174)
"""Days after the implant of the first visits with a clinician: before the dates of 1, 3 and 6 months (PRO-01)."""
_YEAR, _BEFORE = 365, 10
_LATELY = 400
_DRUG_KEEPS = 200  # a demonstration: longer than from any fill to the next


@dataclass(frozen=True, slots=True)
class Course:
    """What papers say of: one person's pump, serial number and dates. ``ahead`` is the next refill, None where none is booked."""

    index: int
    number: str
    serial: str
    cause: Cause
    problem: Problem
    model: str
    catheter: str
    screened: Instant
    implanted: Instant
    titrated: tuple[Instant, ...]
    refilled: tuple[Instant, ...]
    ahead: Instant | None


def papers(course: Course, today: Today) -> Iterator[Row]:
    """Every entry beside the facts of the twin, in no order, and none after now."""
    yield from _before(course, today)
    yield from _operation(course, today)
    visits = _visits(course, today)
    for at, kind in visits:
        yield from _visit(course, today, at, kind)
    for at, kind in visits[-3:]:
        yield from _asked(course, today, at, kind)
    yield from _medicines(course, today)
    yield from _bookings(course, today)
    yield from _authorizations(course, today)
    yield from course.problem.rows(today)


def _later(at: Instant, days: float = 0, minutes: int = 0) -> Instant:
    return Instant(at.s + round(days * DAY_S) + minutes * 60)


def _described(index: int, cause: Cause, at: Instant, today: Today) -> Described:
    birth = born(index, cause, today.day)
    hurt = max(birth + timedelta(days=18 * _YEAR), at.date(today.zone) - timedelta(days=900 + index * 11))
    return Described(at, cause.name, cause.origin, injured=hurt if cause.injury else None, severe=True)


def _before(course: Course, today: Today) -> Iterator[Row]:
    """The way to the pump: who it is, what was tried, how stiff it was."""
    at = _later(course.screened, -20)
    yield today.row(_described(course.index, course.cause, at, today), DOCTOR)
    yield today.row(Referred(at), DOCTOR)
    yield today.row(Documented(_later(course.screened, -12), "reachable contact"), SCHEDULER)
    yield today.row(Assessed(_later(course.screened, -5), 3.8, spasm_penn=3), THERAPIST)
    consent = _later(course.implanted, -6)
    yield from _ticked(today, consent, "consent", words("checklists")["consent"].items, DOCTOR)


def _ticked(today: Today, at: Instant, checklist: str, items: tuple[str, ...], who: str) -> Iterator[Row]:
    for item in items:
        yield today.row(Answered(at, checklist, item, yes=True), who)


def _operation(course: Course, today: Today) -> Iterator[Row]:
    at, lists = course.implanted, words("checklists")
    known_from = course.refilled[-1] if course.problem.transferred else at
    recorded = _later(known_from, minutes=150)
    device = DeviceRecorded(
        recorded, course.model, course.serial, f"LOT-{1000 + course.index * 7}", f"CATH-{course.index + 1:04d}",
        access_port=None if course.problem.transferred else True, site="left abdomen" if course.index % 3 else "right abdomen",
    )  # fmt: skip
    yield today.row(device, NURSE)
    yield today.row(Documented(recorded, "device record", by=NURSE), NURSE)
    yield today.row(Documented(_later(at, 1), "rehabilitation referral"), DOCTOR)
    yield from _ticked(today, _later(at, 2), "discharge", lists["discharge"].items, NURSE)
    yield today.row(Visited(_later(at, 2), "discharge", DOCTOR), NURSE)
    yield today.row(Visited(_later(at, 10), "post-op", DOCTOR), DOCTOR)
    yield from _ticked(today, _later(at, 10), "post-op", lists["post-op"].items, DOCTOR)
    yield today.row(Documented(_later(at, 1), "emergency plan", by=DOCTOR), DOCTOR)
    yield from _ticked(today, _later(at, 1), "emergency plan", lists["emergency plan"].items, DOCTOR)
    yield from _ticked(today, _later(at, 2), "advice", lists["advice"].items, NURSE)
    yield from _ticked(today, _later(at, 2), "physical management", ("physical therapy", "daily stretching"), THERAPIST)
    if course.problem.transferred:
        yield today.row(LineUnknown(_later(known_from, minutes=20), how="the record of the operation never came"), NURSE)


def _visits(course: Course, today: Today) -> list[tuple[Instant, str]]:
    """Every visit that was, with its kind."""
    follow_ups = [day for day in _days_of_follow_ups() if _later(course.implanted, day) < today.ago(DAY_S)]
    days = [working_day(course.implanted.date(today.zone) + timedelta(days=day)) for day in follow_ups]
    seen = [today.clock(day, 14 + course.index % 3, 15) for day in days]
    unseen_since = today.ago(course.problem.unseen * DAY_S)
    visits = [(at, "follow-up") for at in seen if at <= unseen_since]
    visits += [(at, "titration") for at in course.titrated] + [(at, "refill") for at in course.refilled]
    return sorted(visits)


def _days_of_follow_ups() -> Iterator[int]:
    yield from FOLLOW_UPS
    for year in range(1, 8):
        yield year * _YEAR - _BEFORE
        yield year * _YEAR + 182 - _BEFORE


def _visit(course: Course, today: Today, at: Instant, kind: str) -> Iterator[Row]:
    """A visit: who saw the person, the scores, and after a refill in the last year the papers of it."""
    yield today.row(Visited(_later(at, minutes=-10), kind, DOCTOR if kind == "follow-up" else NURSE), NURSE, 15)
    days = (at.s - course.implanted.s) / DAY_S
    legs = round(1.9 + 1.9 * exp(-days / 60), 1)
    penn = 3 if days < 14 else 2 if days < 60 else 1
    scored = _later(at, minutes=-20)
    arms = round(legs / 2 + 0.5, 1) if course.index % 4 == 0 else None
    yield today.row(Assessed(scored, legs, arms, penn), THERAPIST)
    if kind == "follow-up":
        pain = str(max(6 - int(days / 30), 2))
        for scale, score in (("penn-frequency", str(penn)), ("spasticity-nrs", pain), ("pain-nrs", pain)):
            yield today.row(Scored(scored, scale, score), THERAPIST)
    if at < today.ago(_LATELY * DAY_S):
        return
    yield today.row(Documented(_later(at, minutes=-15), "reconciliation", by=NURSE), NURSE)
    if kind in ("refill", "titration") and (course.problem.renewed or at != course.refilled[-1]):
        yield today.row(Documented(_later(at, minutes=25), "emergency plan", by=NURSE), NURSE)


def _asked(course: Course, today: Today, at: Instant, kind: str) -> Iterator[Row]:
    """What the person was asked at one of the last visits, and what of a refill was ticked."""
    reported, of_refill = words("checklists")["reported"].items, words("checklists")["refill"].items
    yield from _ticked(today, _later(at, minutes=-15), "reported", reported, NURSE)
    if kind == "refill" and at == course.refilled[-1]:
        yield from _ticked(today, _later(at, minutes=-5), "refill", of_refill[:-1], NURSE)
        yield from _ticked(today, _later(at, minutes=35), "refill", of_refill[-1:], NURSE)


def _medicines(course: Course, today: Today) -> Iterator[Row]:
    """A medicine against pain or blood pressure, and side effects that came with a rise and went."""
    if course.index % 5 == 2:
        yield today.row(Prescribed(_later(course.screened, -15), "aspirin", "oral", 100, 1, "earlier thrombosis"), DOCTOR)
    for rise in course.titrated:
        yield today.row(Answered(_later(rise, minutes=15), "advice", "driving", yes=True), NURSE)
    if course.index % 7 == 3:
        yield today.row(Prescribed(_later(course.implanted, -200), "gabapentin", "oral", 900, 3, "pain"), DOCTOR)
        yield today.row(Discontinued(_later(course.implanted, 70), "gabapentin"), DOCTOR)
    if course.index % 4 == 1 and len(course.titrated) > 1:
        rise = course.titrated[1]
        yield today.row(SymptomReported(_later(rise, 1), "drowsiness", 1), NURSE)
        yield today.row(SymptomReported(_later(rise, 9), "drowsiness", 0), NURSE)
    if course.index % 9 == 4 and course.cause.name != "stroke":
        yield today.row(Noticed(_later(course.screened, -15), "ambulatory"), DOCTOR)


def _bookings(course: Course, today: Today) -> Iterator[Row]:
    """Each refill was booked when the one before was done; the next one is, with its drug."""
    ahead = [*course.refilled, *([course.ahead] if course.ahead else [])]
    for before, on in zip([_later(course.implanted, 1), *course.refilled], ahead, strict=False):
        if on is course.ahead or on >= today.ago(_LATELY * DAY_S):
            yield today.row(Booked(_later(before, minutes=30), "refill", on, NURSE), SCHEDULER)
    if course.ahead:
        drug = _later(course.refilled[-1], 1)
        yield today.row(Documented(drug, "refill drug", drug + lasting(_DRUG_KEEPS + 150), PHARMACIST), PHARMACIST)


def _authorizations(course: Course, today: Today) -> Iterator[Row]:
    ends = today.in_days(course.problem.authorized, 23, 59)
    begins = max(_later(ends, -_YEAR), _later(course.implanted, -30))
    yield today.row(Documented(min(begins, today.ago(DAY_S)), "authorization", ends), SCHEDULER)
    if today.now.s - course.implanted.s > 1990 * DAY_S:  # 66 months, from when the authorization is begun (EOS-03)
        paper = Documented(_later(course.implanted, 1980), "replacement authorization", _later(course.implanted, 2700))
        yield today.row(paper, SCHEDULER)


def candidates(index: int, today: Today) -> Iterator[tuple[str, int, tuple[Row, ...]]]:
    """Two people without a pump, from an index on: (the hospital's number, index, entries)."""
    yield REFERRED, index, tuple(_referred(index, today))
    yield TESTED, index + 1, tuple(_tested(index + 1, today))


def _referred(index: int, today: Today) -> Iterator[Row]:
    at = today.clock(working_day(today.day - timedelta(days=14)), 10)
    yield today.row(_described(index, cause_of(index), at, today), DOCTOR)
    yield today.row(Referred(at), DOCTOR)
    yield today.row(Documented(at, "referral"), SCHEDULER)
    yield today.row(Prescribed(_later(at, -100), "baclofen", "oral", 60, 3, "spasticity"), DOCTOR, 100 * 24 * 60)
    yield today.row(Answered(at, "impact", "mobility", yes=True), DOCTOR)
    yield today.row(Booked(_later(at, minutes=30), "assessment", _next_working(today, 5), DOCTOR), SCHEDULER)


def _tested(index: int, today: Today) -> Iterator[Row]:
    test = today.clock(working_day(today.day - timedelta(days=21)), 9)
    lists = words("checklists")
    yield today.row(_described(index, cause_of(index), _later(test, -40), today), DOCTOR)
    yield today.row(Referred(_later(test, -40)), DOCTOR)
    yield today.row(Documented(_later(test, -40), "referral"), SCHEDULER)
    for checklist, items in (
        ("impact", lists["impact"].items[:4]),
        ("distribution", ("both legs",)),
        ("oral trial", ("maximum tolerated dose reached", "inadequate response")),
        ("physical management", lists["physical management"].items[:2]),
        ("before test", lists["before test"].items),
        ("test site", lists["test site"].items),
    ):
        yield from _ticked(today, _later(test, -10), checklist, items, DOCTOR)
    yield from _scored_set(today, _later(test, minutes=-40))
    dose, lasted = Amount.parse("50 mcg"), Duration(6 * HOUR_S)
    yield today.row(TestBolusGiven(test, dose, Concentration.parse("50 mcg/mL"), lasted), DOCTOR, 8 * 60)
    for hour, legs, penn in ((1, 3.2, 2), (2, 2.2, 1), (4, 1.8, 1), (6, 2.6, 2)):
        yield today.row(Assessed(_later(test, hour / 24), legs, spasm_penn=penn), THERAPIST)
        yield today.row(Measured(_later(test, hour / 24), "SpO2", 97), NURSE)
    yield from _ticked(today, _later(test, 0.3), "test result", lists["test result"].items[:3], DOCTOR)
    yield from _ticked(today, _later(test, 7), "consent", lists["consent"].items, DOCTOR)
    yield today.row(Booked(_later(test, 7), "implant", _next_working(today, 9), DOCTOR), SCHEDULER)


def _scored_set(today: Today, at: Instant) -> Iterator[Row]:
    """The set before a screening test."""
    yield today.row(Assessed(at, 3.9, spasm_penn=3), THERAPIST)
    for scale, score in (("pain-nrs", "5"), ("sleep-nrs", "6"), ("goal-attainment", "-1"), ("spasticity-nrs", "8")):
        yield today.row(Scored(at, scale, score, "transfers" if scale == "goal-attainment" else None), THERAPIST)
    yield from _ticked(today, at, "reported", ("function", "mood", "goals"), THERAPIST)


def _next_working(today: Today, days: int) -> Instant:
    day: date = today.day + timedelta(days=days)
    return today.clock(day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0), 9, 30)
