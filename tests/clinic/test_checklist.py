"""Which items of checklists end what a rule finds."""

from collections.abc import Iterable

import pytest

from tests.charts import Story, day, started
from thecal.chart.clinical import Answered, Booked, Documented, Measured, Scanned
from thecal.chart.vocabulary import words
from thecal.clinic.checklist import checklist_of, lists_ending, questions
from thecal.clinic.history import History, Recorded
from thecal.therapy.check import check, checks_of
from thecal.therapy.look import Look

PLAN = "emergency plan"


def asked(look: Look, rule: str, said: tuple[bool, ...] = (True, False)) -> list[tuple[str, ...]]:
    """The items, of each finding of a rule."""
    return [tuple(item for _, item in questions(look, found, said)) for found in check(look) if found.rule == rule]


def history(facts: Iterable[Answered]) -> History:
    return History("P-X", tuple(Recorded(n, fact, "nora", fact.at) for n, fact in enumerate(facts, start=1)))


def test_what_ends_by_a_list_is_a_rule_that_is_checked() -> None:
    """And every list names the rule that asks for it."""
    for word in words("checklists").values():
        assert word.rule
        assert set(word.ends) <= checks_of().keys(), word.name
    assert [word.name for word in lists_ending("MRI-04")] == ["before MRI"]
    assert lists_ending("REF-10") == ()


@pytest.mark.requirement("CHL-01")
def test_only_the_items_that_a_finding_lacks_are_asked_for() -> None:
    """Of findings of one rule each its own; what no answer ends asks for none."""
    plan = started().fact(Documented(day(0), PLAN))
    assert asked(plan.look(1), "EMG-01") == [words("checklists")[PLAN].items]
    most = plan.fact(*(Answered(day(0), PLAN, item, yes=True) for item in words("checklists")[PLAN].items[:-2]))
    assert asked(most.look(1), "EMG-01") == [("T6 flag", "MRI status")]
    assert asked(started().look(1), "EMG-01") == [()]
    changed = most.programmed(2, 120).look(3)
    assert sorted(asked(changed, "EMG-01")) == [(), ("T6 flag", "MRI status")]


@pytest.mark.requirement("CHL-01")
def test_an_answer_counts_only_where_the_rule_says_so() -> None:
    """Items that were answered before the last scan are asked for again, and a field that is too strong is not."""
    gate = words("checklists")["before MRI"].items[:4]
    ready = started().fact(Booked(day(10), "MRI", day(20)), *(Answered(day(11), "before MRI", item, yes=True) for item in gate))
    strong = ready.fact(Measured(day(11), "scanner field strength", 7))
    assert asked(strong.look(12), "MRI-01") == [()]
    again = ready.fact(Scanned(day(20), 1.5), Booked(day(21), "MRI", day(40)))
    assert asked(again.look(22), "MRI-01") == [gate]
    assert asked(again.look(22), "MRI-01", said=(False,)) == [()]


def test_a_line_holds_the_last_answer_that_counts() -> None:
    """With who wrote it down; and which rules ask for one now."""
    rose: Story = started().programmed(10, 120)
    told = (Answered(day(1), "advice", "driving", yes=False), Answered(day(5), "advice", "driving", yes=True))
    found = checklist_of(history(told), rose.fact(*told).look(11), words("checklists")["advice"])
    assert [(line.item, line.rules) for line in found.lines if line.rules] == [("driving", ("INT-10",))]
    assert (found.lines[0].said, found.answered) == (told[1], 1)
    assert found.lines[0].last is not None
    assert found.lines[0].last.who == "nora"
    assert [finding.rule for finding in found.findings] == ["INT-10"]
    assert found.lines[1].said is None
