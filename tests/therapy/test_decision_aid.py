"""Tablets beside a pump: what is published, and which rows matter for whom."""

import re

import pytest

from tests.charts import Story, day, started
from thecal.chart.clinical import Answered, Booked, ClinicalFact, Documented, Noticed, Prescribed, Scanned, SymptomReported
from thecal.chart.order import OrderStop
from thecal.therapy.decision_aid import Row, decision_aid
from thecal.therapy.rules import all_rules
from thecal.therapy.titration import EXPECTED, MS

ROWS = [
    "how it is given", "dose", "effect", "side effects", "strength and walking", "reversibility", "commitment", "risks",
    "scans and travel",
]  # fmt: skip


def row(name: str, *facts: ClinicalFact, story: Story | None = None) -> Row:
    """One row for a person, on day 30."""
    aid = decision_aid((story or Story().person()).fact(*facts).look(30))
    return next(found for found in aid if found.name == name)


def told(name: str, *facts: ClinicalFact, story: Story | None = None) -> str:
    return "; ".join(row(name, *facts, story=story).why)


def test_both_ways_stand_beside_one_another_in_every_row() -> None:
    """With sources and how sure they are, and without a word on anybody where no chart is looked at."""
    aid = decision_aid(None)
    assert [found.name for found in aid] == ROWS
    for found in aid:
        assert found.tablets
        assert found.pump
        assert not found.matters
        assert all(cell.source and cell.confidence for cell in found.tablets + found.pump)


def test_what_the_articles_compare_is_compared() -> None:
    """Dose, effect, side effects, reversibility, commitment: the comparison of tablets and pump of the articles."""
    compared = {found.name for found in decision_aid(None) if any("S98" in cell.statements for cell in found.tablets)}
    assert {"dose", "effect", "reversibility", "commitment"} <= compared
    risks = next(found for found in decision_aid(None) if found.name == "risks")
    assert any("Overdose" in cell.text for cell in risks.pump)
    assert any("Withdrawal" in cell.text for cell in risks.tablets)


def test_the_doses_of_others_are_those_of_the_rules() -> None:
    """One number, told twice, is the same."""
    (dose,) = [found for found in decision_aid(None) if found.name == "dose"]
    for expected in EXPECTED[MS]:
        assert f"{expected.mean} ± {expected.sd}" in dose.pump[0].text
    for country, name in (("United States", "maximum US"), ("United Kingdom", "maximum UK")):
        most = all_rules()["ORL-01"].limits[name]
        assert re.search(rf"{most.number} mg a day in the {country}", dose.tablets[0].text)


def test_a_person_of_whom_nothing_is_known_has_nothing_but_the_test_ahead() -> None:
    """Only what a missing fact says itself: no test dose yet."""
    aid = decision_aid(Story().look(30))
    assert [found.name for found in aid if found.matters] == ["reversibility"]
    assert "no test dose yet" in aid[5].why[0]
    assert [found.tablets for found in aid] == [found.tablets for found in decision_aid(None)]


@pytest.mark.parametrize(
    ("name", "fact", "words"),
    [
        ("how it is given", Prescribed(day(1), "baclofen", "oral", 60, 4), "4 times a day"),
        ("dose", Prescribed(day(1), "baclofen", "oral", 60, 4), "60 mg a day"),
        ("dose", Answered(day(1), "oral trial", "maximum tolerated dose reached", yes=True), "most that is tolerated"),
        ("effect", Answered(day(1), "oral trial", "inadequate response", yes=True), "too little"),
        ("effect", Answered(day(1), "distribution", "upper and lower limbs", yes=True), "less for arms than for legs"),
        ("effect", Answered(day(1), "distribution", "focal", yes=True), "botulinum"),
        ("side effects", Answered(day(1), "oral trial", "intolerable effects", yes=True), "could not be tolerated"),
        ("side effects", SymptomReported(day(1), "drowsiness", 2), "drowsiness"),
        ("side effects", Prescribed(day(1), "zolpidem", "oral", 10), "adds to sedation: zolpidem"),
        ("side effects", Answered(day(1), "test result", "negative reaction", yes=True), "negative reaction"),
        ("strength and walking", Noticed(day(1), "primary weakness"), "weakness, not spasticity"),
        ("strength and walking", Noticed(day(1), "ambulatory"), "walks"),
        ("reversibility", Noticed(day(1), "pregnancy"), "neither may end abruptly"),
        ("commitment", Answered(day(1), "relative concerns", "barriers to keeping visits", yes=True), "keeping visits"),
        ("commitment", Noticed(day(1), "transport risk"), "transport"),
        ("risks", Noticed(day(1), "previous withdrawal"), "a withdrawal before"),
        ("risks", Noticed(day(1), "chronic kidney disease"), "kidney"),
        ("risks", Noticed(day(1), "baclofen hypersensitivity"), "allergy"),
        ("risks", Noticed(day(1), "active infection"), "infection"),
        ("scans and travel", Noticed(day(1), "travel planned"), "journey"),
        ("scans and travel", Scanned(day(1), 1.5), "has had an MRI"),
        ("scans and travel", Booked(day(1), "MRI", day(40)), "MRI booked"),
    ],
)
def test_a_row_matters_for_a_reason_on_the_chart(name: str, fact: ClinicalFact, words: str) -> None:
    """Named in words; without the fact the row does not say it."""
    assert words not in told(name)
    assert words in told(name, fact)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("effect", [Answered(day(1), "distribution", "upper and lower limbs", yes=False)]),
        ("side effects", [SymptomReported(day(1), "drowsiness", 2), SymptomReported(day(2), "drowsiness", 0)]),
        ("risks", [Noticed(day(1), "active infection"), Noticed(day(2), "active infection", present=False)]),
        ("scans and travel", [Booked(day(1), "MRI", day(40)), Booked(day(2), "MRI", day(40), cancelled=True)]),
        ("scans and travel", [Booked(day(1), "MRI", day(20))]),
        ("risks", [Documented(day(1), "referral")]),
    ],
)
def test_what_is_over_or_was_denied_is_no_reason(name: str, facts: list[ClinicalFact]) -> None:
    assert not row(name, *facts).matters


def test_a_test_dose_and_a_pump_that_runs_are_told() -> None:
    """A pump that was stopped gives nothing that could end abruptly."""
    assert "the effect of a test dose of 50 mcg lasted 6 h" in told("effect", story=started())
    assert "the pump gives 100 mcg/day now" in told("dose", story=started())
    assert "has a pump, in place since" in told("commitment", story=started())
    assert "must not end abruptly" in told("reversibility", story=started())
    assert not row("reversibility", story=started().programmed(20, OrderStop())).matters


def test_few_tight_muscles_are_no_case_for_toxin_where_many_are() -> None:
    both = [Answered(day(1), "distribution", item, yes=True) for item in ("focal", "generalised")]
    assert "botulinum" not in told("effect", *both)


def test_order_of_facts_of_one_instant_changes_nothing() -> None:
    facts: list[ClinicalFact] = [
        Noticed(day(1), "travel planned"),
        Noticed(day(1), "ambulatory"),
        SymptomReported(day(1), "nausea", 1),
    ]
    one, other = (decision_aid(Story().person().fact(*order).look(30)) for order in (facts, facts[::-1]))
    assert one == other
