"""One patient in one arm: visits, tablets and decisions as the chart, the agenda and the history tell them."""

from typing import Any

import pytest

from tests.study.clinic_of_one import FIXED, HEAD, UNTREATED, person_of, protocol_of, rows_of, within, world_of
from thecal.chart.facts import Assessed
from thecal.study.agenda import Agenda
from thecal.study.block import START, run_block
from thecal.study.course import BEFORE_DAYS, Course, Entry, daily_mcg, days_on
from thecal.study.fate import Fate
from thecal.study.history import History, TabletOrder
from thecal.study.policy import continuous
from thecal.timeline import DAY_S, Instant
from thecal.twin.action import Note

OWN = """
from thecal.study.history import Decision, TabletOrder, NO_TABLETS
from thecal.study.policy import continuous
SEEN = []

def own(history):
    SEEN.append(history)
    BODY
"""
QUIET = world_of(catheter_per_year="0 /year", stall_per_year="0 /year", infection="0", flow_spread="0 %", flow_bias="0 %")


def course_of(arm: str, files: dict[str, str] | None = None, tablets_before: float = 60.0) -> Course:
    """The course of one person without a body, in the only arm of a study."""
    protocol = protocol_of(HEAD + arm, files)
    treatment = protocol.arms[0]
    end = Instant(START.s + 365 * DAY_S)
    fate = Fate(3, 0, treatment.world)
    return Course(Entry(treatment, person_of(0, tablets_before), None, fate, START, end))  # type: ignore[arg-type]  # no body


def seen(course: Course, day: int, legs: float = 3.0) -> None:
    """A visit on a day."""
    at = Instant(START.s + day * DAY_S)
    course.reach(at)
    course.visit(Assessed(at, legs, 2.0, 1.0))
    course.reach(at)


def own_arm(body: str, more: str = 'first_dose = "100 mcg/day"\n') -> tuple[str, dict[str, str]]:
    return '[[arm]]\nname = "own"\npolicy = "own.py:own"\n' + more, {"own.py": OWN.replace("BODY", body)}


def block_rows(body: str, days: int = 60, more: str = 'first_dose = "100 mcg/day"\n', head: str = "") -> Any:
    """The rows of two patients under a policy of one's own."""
    arm, files = own_arm(body, more)
    text = HEAD.replace("365 days", f"{days} days") + head + arm + QUIET
    return run_block(protocol_of(text, files), range(2))


def test_a_course_without_treatment_goes_by() -> None:
    """Nothing is given, nothing happens, every visit is written down."""
    course = course_of(UNTREATED)
    for day in (0, 10, 20):
        seen(course, day, 4.0)
    assert len(course.visits) == 3
    assert course.tally.events == []
    assert (course.pump_days, course.mcg_per_day, course.implanted) == (0, None, None)
    assert course.world.balance().closes
    assert course.day(course.world.now) == 20


def test_tablets_of_before_begin_before_the_start() -> None:
    """A fortnight earlier, three times a day; without them the course begins with the study."""
    course = course_of(UNTREATED + "tablets_before = true\n")
    assert course.world.now == days_on(START, -BEFORE_DAYS)
    assert course.tablets == TabletOrder(20, 3)
    assert course_of(UNTREATED + "tablets_before = true\n", tablets_before=0).world.now == START
    assert course_of(UNTREATED).tablets.mg_per_day == 0


def test_the_history_tells_what_the_clinic_knows() -> None:
    """The day, the scores of today and of the first visit, the tablets and since when."""
    course = course_of('[[arm]]\nname = "tablets"\npolicy = "tablets"\n')
    for day, legs in ((0, 4.0), (7, 3.5), (21, 3.0)):
        seen(course, day, legs)
    known: History = course.history(course.world.now)
    assert (known.day, known.since_implant, known.mcg_per_day, known.ordered) == (21, None, None, None)
    assert (known.ashworth_legs, known.ashworth_before, known.spasm_penn) == (3.0, 4.0, 1.0)
    assert known.tablets == TabletOrder(15, 3)
    assert known.tablets_days == 0
    assert len(known.visits) == 3


def test_days_and_doses() -> None:
    """To the second, and to the microgram."""
    assert days_on(START, 1.5).s == START.s + 129_600
    assert daily_mcg(None) is None
    assert daily_mcg(continuous(123.4)) == 123.4


def test_an_agenda_keeps_the_order_of_time_and_then_of_words() -> None:
    """What is due at one second keeps the order in which it was put down, also after something was struck out."""
    agenda = Agenda()
    for purpose, second in (("b", 20), ("c", 20), ("a", 10), ("d", 20), ("c", 30)):
        agenda.put(purpose, Instant(second), lambda at: Note(at, "x"))
    agenda.drop("c")
    done = []
    while agenda.next() is not None:
        due = agenda.done()
        done.append((due.purpose, due.at_s, due.at.s))
    assert done == [("a", 10, 10), ("b", 20, 20), ("d", 20, 20)]


@pytest.mark.parametrize("dose", [0.5, 1.0, 5.0, 3000.0, 20_000.0, 60_000.0])
def test_a_dose_that_the_pump_cannot_run_is_not_believed(dose: float) -> None:
    """Too little and too much become the nearest that it can, and the dose of the rows is one that was really given."""
    with within(3):
        rows = block_rows(f"return continuous({dose}) if history.since_implant else None", 60)
    assert rows.failures == ()
    for row in rows_of(rows, "patients"):
        refused = [event for event in rows_of(rows, "events", patient=row["patient"]) if event["kind"] == "refused"]
        assert refused == [], refused
        assert row["underdosed_hours"] < 48
        if dose < 10:
            assert row["mcg_per_day_last"] >= dose
        assert row["mcg_per_day_last"] > 0


@pytest.mark.parametrize("dose", ["0", "-5", "float('nan')", "float('inf')"])
def test_what_is_no_dose_fails_the_patient_or_is_refused(dose: str) -> None:
    """It is never passed over in silence."""
    with within(3):
        rows = block_rows(f"return continuous({dose}) if history.since_implant else None", 20)
    for number in range(2):
        failed = [failure for failure in rows.failures if failure.patient == number]
        refused = rows_of(rows, "events", patient=number, kind="refused")
        assert failed or refused


def test_a_policy_sees_no_dose_of_a_pump_that_is_out() -> None:
    """Between explant and new implant ``mcg_per_day`` is None, as the history says of itself, and so it is in the rows."""
    text = HEAD.replace("365 days", "60 days") + FIXED
    text += world_of(infection="1", infection_days="1 days", catheter_per_year="0 /year", stall_per_year="0 /year")
    rows = run_block(protocol_of(text), range(2))
    for row in rows_of(rows, "patients"):
        assert row["pump_days"] < 10
        assert row["mcg_per_day_last"] is None


def test_the_cover_of_an_outage_is_not_weaned_off() -> None:
    """While the pump is out, tablets that stand in for it stay what they are."""
    head = '[population.settings]\ntablets_share = "1"\n'
    text = (
        HEAD.replace("365 days", "120 days")
        + head
        + '[[arm]]\nname = "weaning"\npolicy = "weaning"\nfirst_dose = "100 mcg/day"\n'
    )
    text += "tablets_before = true\n"
    text += world_of(infection="1", infection_days="1 days", catheter_per_year="0 /year", stall_per_year="0 /year")
    rows = run_block(protocol_of(text), range(2))
    for number in range(2):
        out = [visit for visit in rows_of(rows, "visits", patient=number) if 10 <= visit["day"] <= 92]
        assert len(out) >= 3
        assert {visit["tablets_mg_per_day"] for visit in out} == {60.0}


def test_times_to_an_event_are_not_before_the_implant() -> None:
    """What happened before the pump is in no time since the implant."""
    text = (
        HEAD + "[definitions]\noverdose_index = 0.000001\nwithdrawal_index = 0.000001\n[population.given]\nlegs_ashworth = 4.5\n"
    )
    text += '[[arm]]\nname = "then"\npolicy = "tablets then pump"\nfirst_dose = "100 mcg/day"\n' + QUIET
    rows = run_block(protocol_of(text), range(4))
    assert rows.failures == ()
    implanted = rows_of(rows, "patients", implanted=True)
    assert implanted
    for row in implanted:
        for name in ("withdrawal", "overdose"):
            day = row[f"first_{name}_day"]
            assert day is None or 0 <= day <= row["since_implant_days"], (row["patient"], name, day)


def test_who_is_implanted_has_a_dose_in_the_last_row() -> None:
    """Also where the pump came at the last visit."""
    text = HEAD.replace("365 days", "90 days") + "[population.given]\nlegs_ashworth = 4.5\n"
    text += (
        '[[arm]]\nname = "then"\npolicy = "tablets then pump"\nfirst_dose = "100 mcg/day"\nsettings.days_at_most = 60\n' + QUIET
    )
    rows = run_block(protocol_of(text), range(4))
    for row in rows_of(rows, "patients"):
        assert row["implanted"] == (row["mcg_per_day_last"] is not None), row["patient"]


def test_a_policy_asked_at_a_visit_knows_the_last_dose_and_time() -> None:
    """Day by day what was ordered before, and how long the pump is in."""
    arm, files = own_arm("return continuous(history.mcg_per_day + 10) if history.since_implant else None")
    text = HEAD.replace("365 days", "40 days").replace("title =", 'visits = ["1 day", "2 days", "30 days"]\ntitle =')
    protocol = protocol_of(text + arm + QUIET, files)
    rows = run_block(protocol, [0])
    known = protocol.arms[0].policy.__globals__["SEEN"]
    assert [(one.day, one.since_implant, one.mcg_per_day) for one in known] == [
        (0, 0, 100),
        (1, 1, 100),
        (2, 2, 110),
        (30, 30, 120),
    ]
    assert [row["mcg_per_day"] for row in rows_of(rows, "visits")] == [100, 100, 110, 120, 130]
