"""The chart: a fold over facts, in the order of time."""

from dataclasses import fields

import pytest

from tests.courses import START, ml
from thecal.chart import facts as facts_room
from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, Explanted, Filled, Implanted, Noted, ResidualMeasured
from thecal.quantity import Concentration
from thecal.timeline import Instant

LATER = Instant(START.s + 60)
IMPLANTED = Implanted(START, "reference-40", "indura-8709sc", "T10", ml(0.3))
FILLED = Filled(LATER, ml(40), Concentration(500))


@pytest.mark.requirement("CHT-01")
def test_the_latest_fact_of_a_kind_counts() -> None:
    """Folding one by one or all at once is the same chart, and nothing is lost."""
    residual = ResidualMeasured(LATER, ml(5), ml(4.8), ml(40))
    every = (IMPLANTED, FILLED, residual, Noted(LATER, "x"), Acted(LATER, "refill", None))
    chart = Chart().after(*every)
    one_by_one = Chart()
    for fact in every:
        one_by_one = one_by_one.after(fact)
    assert chart == one_by_one
    assert chart.facts == every
    assert (chart.implanted, chart.filled, chart.residual, chart.acted) == (IMPLANTED, FILLED, residual, 1)


@pytest.mark.requirement("CHT-01")
def test_facts_come_in_order() -> None:
    """A fact before the last one is an error, and the chart stays."""
    chart = Chart().after(FILLED)
    with pytest.raises(ValueError, match="after one of"):
        chart.after(IMPLANTED)
    assert chart.facts == (FILLED,)


def test_what_belonged_to_a_pump_goes_with_it() -> None:
    """After explant nothing is implanted, filled or running; the facts stay."""
    chart = Chart().after(IMPLANTED, FILLED, Explanted(LATER))
    assert (chart.implanted, chart.filled, chart.session) == (None, None, None)
    assert len(chart.facts) == 3


@pytest.mark.requirement("TWN-13")
def test_no_fact_claims_what_nobody_knows() -> None:
    """No fact has a field for the gain, for what is true, or for what was delivered."""
    kinds = [kind for kind in vars(facts_room).values() if isinstance(kind, type) and kind.__module__ == facts_room.__name__]
    assert len(kinds) >= 9
    names = {field.name for kind in kinds for field in fields(kind)}
    assert not {name for name in names if any(word in name for word in ("gain", "true", "deliver", "mechanic"))}
