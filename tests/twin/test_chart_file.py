"""Chart documents: what is known, read whole, or every mistake with its line and the nearest known word."""

import pytest

from tests.command import ROOT
from thecal.chart import clinical
from thecal.chart.chart import Chart
from thecal.chart.facts import Assessed, Filled, SessionEnded, TestBolusGiven
from thecal.errors import InputErrors
from thecal.timeline import Instant
from thecal.twin.chart_file import ChartFile, parse_chart, read_chart

pytestmark = pytest.mark.requirement("CHT-03")

HEAD = 'chart = 1\ntitle = "a person"\ntimezone = "Europe/Berlin"\n'
PUMP = """
[pump]
model = "synchromed-ii-40"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
[[event]]
at = "2025-02-01 08:00"
kind = "implant"
[[event]]
at = "2025-02-01 09:00"
kind = "refill"
volume = "40 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "100 mcg/day"
"""


def fact(kind: str, *lines: str, at: str = "2025-01-08 09:00") -> str:
    return "\n".join(["", "[[fact]]", f'at = "{at}"', f'kind = "{kind}"', *lines, ""])


def chart(*facts: str) -> ChartFile:
    return parse_chart((HEAD + "".join(facts)).encode(), "person.toml")


def known_of(*facts: str) -> Chart:
    read = chart(*facts)
    return read.at(read.until)[0]


def errors(*facts: str) -> str:
    with pytest.raises(InputErrors) as caught:
        known_of(*facts)
    return str(caught.value)


EVERY = [
    fact("described", 'cause = "multiple sclerosis"', 'origin = "spinal"', 'born = "1975-05-01"'),
    fact("referred"),
    fact("checklist", 'checklist = "consent"', 'yes = ["surgery"]', 'no = ["overdose"]'),
    fact("condition", 'condition = "pregnancy"', "present = false"),
    fact("symptom", 'symptom = "itching without rash"', "grade = 1"),
    fact("score", 'scale = "modified-ashworth"', 'score = "1+"', 'part = "left knee"'),
    fact("measured", 'measure = "eGFR"', 'value = "62 mL/min/1.73m2"'),
    fact("prescribed", 'medicine = "Lioresal"', 'dose = "60 mg/day"', "doses_a_day = 3"),
    fact("discontinued", 'medicine = "tizanidine"'),
    fact("booked", 'visit = "refill"', 'on = "2025-03-01 10:00"', 'who = "nurse B"'),
    fact("visited", 'visit = "follow-up"'),
    fact("document", 'document = "authorization"', 'until = "2025-06-01 00:00"'),
    fact("signed", 'author = "A"', 'checker = "B"', 'role = "nurse"'),
    fact("overrode", 'rule = "tit-03"', 'reason = "inpatient"', 'by = "A"', 'role = "physician"'),
    fact("scan", "tesla = 1.5", 'infusion_off = "40 min"'),
    fact("certified", 'who = "B"', 'role = "nurse"', 'permission = "refill"', 'until = "2025-12-01 00:00"'),
    fact("screening_test", 'dose = "50 mcg"', 'concentration = "50 mcg/mL"', 'effect_lasted = "6 h"'),
    fact("assessment", "ashworth_legs = 3.5", "spasm_penn = 2"),
    fact("closed", 'why = "another way"'),
]


def test_every_kind_of_fact_is_read() -> None:
    """Each kind once; a checklist gives a fact for each item, a trade name its generic, a rule its id."""
    read = chart(*EVERY)
    assert len(read.facts) == len(EVERY) + 1
    kinds = {type(one) for one in read.facts}
    assert {TestBolusGiven, Assessed, clinical.Certified, clinical.Closed} <= kinds
    medicine = next(one for one in read.facts if isinstance(one, clinical.Prescribed))
    assert (medicine.medicine, medicine.per_day, medicine.doses_a_day) == ("baclofen", 60, 3)
    assert next(one for one in read.facts if isinstance(one, clinical.Overrode)).rule == "TIT-03"
    answers = {one.item: one.yes for one in read.facts if isinstance(one, clinical.Answered)}
    assert answers == {"surgery": True, "overdose": False}


def test_the_facts_of_a_chart_and_its_events_are_one_chart() -> None:
    """Device events are carried out by an exact pump; what is after ``now`` has not happened."""
    read = chart(*EVERY[:2], PUMP)
    known, sheet = read.at(read.until)
    assert sheet is not None
    assert {Filled, SessionEnded, clinical.Described} <= {type(one) for one in known.facts}
    before, none = read.at(Instant.parse("2025-01-20 00:00", read.zone))
    assert none is None
    assert len(before.facts) == 2


def test_a_case_is_a_chart_too_and_may_hold_facts() -> None:
    raw = (ROOT / "scenarios" / "first-year.toml").read_text(encoding="utf-8") + EVERY[0]
    read = parse_chart(raw.encode(), "case.toml")
    known, sheet = read.at(read.until)
    assert sheet is not None
    assert any(isinstance(one, clinical.Described) for one in known.facts)
    assert len(read_chart(ROOT / "scenarios" / "first-year.toml").facts) == 0


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            fact("symptom", 'symptom = "drowsines"', "grade = 1"),
            "person.toml:8: fact[1].symptom: 'drowsines' is not a known symptom",
        ),
        (fact("symptom", 'symptom = "drowsines"', "grade = 1"), "Did you mean 'drowsiness'?"),
        (
            fact("symptom", 'symptom = "nausea"', "grade = 4"),
            "grade: '4' is out of range. Accepted: at most 3",
        ),
        (fact("condition", 'condition = "pregnant"'), "'pregnancy'"),
        (fact("prescribed", 'medicine = "tizanidin"', 'dose = "4 mg/day"'), "Did you mean 'tizanidine'?"),
        (fact("prescribed", 'medicine = "baclofen"', 'dose = "60"'), "is not a plain number with its unit"),
        (fact("prescribed", 'medicine = "baclofen"', 'dose = "60 mcg/day"'), "is not a plain number with its unit"),
        (fact("measured", 'measure = "eGFR"', 'value = "62"'), 'such as "5 mL/min/1.73m2"'),
        (fact("measured", 'measure = "eGFR"', 'value = "900 mL/min/1.73m2"'), "0 to 250 mL/min/1.73m2"),
        (fact("checklist", 'checklist = "consent"', 'yes = ["surgary"]'), "Did you mean 'surgery'?"),
        (fact("score", 'scale = "ashworth-0-4"', 'score = "5"'), "ashworth-0-4"),
        (fact("score", 'scale = "modified-ashworth"', 'score = "1.5"'), "1+"),
        (fact("assessment", "ashworth_legs = 6"), "ashworth_legs"),
        (fact("described", 'cause = "stroke"', 'origin = "cerebral"', 'born = "2026-01-01"'), "an age below zero"),
        (fact("booked", 'visit = "refill"', 'on = "2024-01-01 10:00"'), "is before the booking was made"),
        (fact("overrode", 'rule = "TIT-99"', 'reason = "x"', 'by = "A"', 'role = "physician"'), "is not a rule"),
        (fact("overrode", 'rule = "TIT-03"', 'reason = ""', 'by = "A"', 'role = "physician"'), "an override has a reason"),
        (fact("overrode", 'rule = "TIT-03"', 'reason = "x"', 'by = "A"', 'role = "doctor"'), "is not a known role"),
        (fact("sympton", 'symptom = "nausea"', "grade = 1"), "is not a kind of fact"),
        (fact("alarm", 'tone = "loud"'), "Accepted: single, two-tone"),
        (fact("assessment"), "holds no score"),
        (fact("prescribed", 'medicine = "botox"', 'dose = "75 mg/day"'), 'such as "5 units"'),
        (
            fact("prescribed", 'medicine = "botox"', 'route = "oral"', 'dose = "75 mg/day"'),
            "is no way to give",
        ),
        (fact("prescribed", 'medicine = "baclofen"', 'dose = "0 mg/day"'), "is no dose"),
        (fact("signed", 'author = ""', 'checker = "B"', 'role = "nurse"'), "who entered the order"),
        (fact("booked", 'visit = "refill"', 'on = "2025-03-01 10:00"', "cancelled = true"), "that was never made"),
        (fact("alarm", 'tone = "single"'), "the alarm of a pump before an implant"),
        (EVERY[0] + EVERY[0].replace("2025-01-08", "2025-01-09").replace("1975", "1976"), "two dates of birth"),
        (PUMP.replace("100 mcg/day", "90000 mcg/day"), "cannot have been done"),
        ('[[look]]\nat = "2025-02-01 08:00"\ntopic = "orall"\n' + EVERY[1], "Did you mean 'oral'?"),
        ('[[look]]\nat = "2025-02-01 08:00"\nfinds = ["TIT-03 blok"]\n' + EVERY[1], "Did you mean 'block'?"),
        ("", "a chart records at least one fact"),
        ('[[event]]\nat = "2025-02-01 08:00"\nkind = "implant"\n', "the events of a chart need the pump and the catheter"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(written: str, says: str) -> None:
    assert says in errors(written)


def test_every_mistake_is_told_at_once() -> None:
    text = errors(EVERY[0], fact("condition", 'condition = "x"'), fact("symptom", 'symptom = "y"', "grade = 1"))
    assert "fact[2].condition" in text
    assert "fact[3].symptom" in text


@pytest.mark.requirement("CHT-02")
def test_facts_that_contradict_are_named_as_a_pair() -> None:
    result = fact("checklist", 'checklist = "test result"', 'yes = ["goal met"]')
    assert "person.toml:5: fact: 'answered test result, goal met at 2025-01-08 09:00' contradicts" in errors(result)
    assert "the result of a screening test before any test" in errors(result)
    twice = errors(
        fact("measured", 'measure = "INR"', 'value = "1 ratio"'), fact("measured", 'measure = "INR"', 'value = "2 ratio"')
    )
    assert "person.toml:5 and person.toml:11: fact: 'measured INR, 1" in twice
    assert "measure INR is said twice at one time, and differs" in twice
