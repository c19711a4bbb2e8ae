"""Facts that cannot both be so."""

from dataclasses import replace
from datetime import date
from random import Random

import pytest

from tests.charts import Story, day
from thecal.chart.clinical import Answered, Described, Discontinued, Measured, Noticed, Prescribed, SymptomReported
from thecal.chart.contradiction import contradictions, new_contradictions
from thecal.chart.facts import Explanted, Fact, Filled, PortUsed, PumpReplaced, TestBolusGiven
from thecal.quantity import Amount, Concentration, Volume

FILL = Filled(day(3), Volume(40 * 10**6), Concentration(500))
RESULT = Answered(day(2), "test result", "goal met", True)
TEST = TestBolusGiven(day(1), Amount(50 * 10**6), Concentration(50), None)
IMPLANT = Story().implanted(4).facts[0]
AGAIN = Story().implanted(7).facts[0]
OUT = Explanted(day(6))
REPLACED = PumpReplaced(day(7), "synchromed-ii-40", Volume(336_890))
PORT = PortUsed(day(2), "aspirate", Volume(10**6))
LATE = Filled(day(8), FILL.volume, FILL.concentration)


def test_what_was_so_before_is_not_new() -> None:
    """A chart that holds a contradiction takes what does not add one."""
    note = Noticed(day(9), "pregnancy")
    assert new_contradictions([FILL], [note]) == ()
    assert [each.problem for each in new_contradictions([IMPLANT], [AGAIN])] == ["an implant while a pump is in place"]


@pytest.mark.requirement("CHT-02")
@pytest.mark.parametrize(
    ("facts", "problem", "pair"),
    [
        ([FILL, IMPLANT], "a fill before an implant", (IMPLANT, FILL)),
        ([FILL], "a fill before an implant", (None, FILL)),
        ([RESULT], "the result of a screening test before any test", (None, RESULT)),
        (
            [Described(day(0), "stroke", "cerebral", date(2030, 1, 1)), TEST],
            "before the birth",
            (
                Described(day(0), "stroke", "cerebral", date(2030, 1, 1)),
                Described(day(0), "stroke", "cerebral", date(2030, 1, 1)),
            ),
        ),
        (
            [Noticed(day(1), "pregnancy"), Noticed(day(1), "pregnancy", False)],
            "condition pregnancy is said twice",
            (Noticed(day(1), "pregnancy"), Noticed(day(1), "pregnancy", False)),
        ),
        (
            [Prescribed(day(1), "baclofen", "oral", 30, 3), Discontinued(day(1), "baclofen")],
            "medicine baclofen is said twice",
            (Prescribed(day(1), "baclofen", "oral", 30, 3), Discontinued(day(1), "baclofen")),
        ),
        (
            [Measured(day(1), "eGFR", 60), Measured(day(1), "eGFR", 20)],
            "measure eGFR is said twice",
            (Measured(day(1), "eGFR", 60), Measured(day(1), "eGFR", 20)),
        ),
        ([IMPLANT, AGAIN], "an implant while a pump is in place", (IMPLANT, AGAIN)),
        ([REPLACED], "a replacement before an implant", (None, REPLACED)),
        ([PORT, IMPLANT], "a needle in the access port before an implant", (IMPLANT, PORT)),
        ([IMPLANT, OUT, REPLACED], "a replacement after the explant", (OUT, REPLACED)),
        ([IMPLANT, OUT, LATE], "a fill after the explant", (OUT, LATE)),
        ([IMPLANT, OUT, replace(OUT, at=day(7))], "an explant after the explant", (OUT, replace(OUT, at=day(7)))),
    ],
)
def test_the_pair_that_contradicts_is_named(facts: list[Fact], problem: str, pair: tuple[Fact | None, Fact]) -> None:
    found = [each for each in contradictions(facts) if problem in each.problem]
    assert [(each.first, each.second) for each in found][-1] == pair


@pytest.mark.requirement("CHT-02")
def test_what_agrees_contradicts_nothing() -> None:
    """The same fact twice, a symptom that gets worse later, a test before its result, a fill after the implant."""
    facts = [
        TEST,
        RESULT,
        RESULT,
        SymptomReported(day(1), "nausea", 1),
        SymptomReported(day(2), "nausea", 2),
        *Story().implanted(3).filled(3).programmed(3, 100).facts,
        replace(REPLACED, at=day(4)),
        OUT,
        AGAIN,
        LATE,
    ]
    Random(1).shuffle(facts)
    assert contradictions(facts) == ()
