"""The chart: a fold over facts, in the order of time."""

from dataclasses import fields, replace

import pytest

from tests.courses import START, ml
from thecal.chart import facts as facts_room
from thecal.chart.chart import Chart, Use
from thecal.chart.facts import (
    Acted,
    Entered,
    Explanted,
    Fact,
    Filled,
    Implanted,
    Noted,
    PumpReplaced,
    ResidualMeasured,
    SessionUncertain,
)
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


def refilled(expected: float | None, measured: float, *, first: bool = False, typed: float | None = 39) -> tuple[Fact, ...]:
    """One refill as its facts come: the residual of the fill before it, then the fill of 38 mL, then what was typed."""
    residual = ResidualMeasured(LATER, None if expected is None else ml(expected), ml(measured), ml(40), first)
    entered = () if typed is None else (Entered(LATER, ml(typed), ml(38)),)
    return residual, Filled(LATER, ml(38), Concentration(500)), *entered


BEGUN = (IMPLANTED, *refilled(None, 1, first=True))


@pytest.mark.requirement("REF-12")
def test_a_use_goes_from_a_fill_to_its_residual() -> None:
    """The pump counted typed less expected, and injected less measured went; what was injected is typed where nothing else is."""
    chart = Chart().after(*BEGUN, *refilled(10, 11, typed=None), *refilled(8, 5.5))
    assert chart.uses == (Use(29_000_000, 27_000_000), Use(30_000_000, 32_500_000))
    assert chart.typed == ml(39)


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize(
    "refill",
    [
        refilled(10, 9, first=True),  # the first after implant
        refilled(0, 9),  # the pump counted to zero: nobody knows when
        refilled(10, 0),  # the reservoir was empty: nobody knows when
        refilled(None, 9),  # the pump knows no volume
        refilled(39, 37),  # nothing was programmed
        refilled(39.5, 37),
    ],
)
def test_a_residual_that_tells_of_no_gain_is_no_use(refill: tuple[Fact, ...]) -> None:
    """And the next one counts again, from its own fill."""
    chart = Chart().after(*BEGUN, *refill)
    assert chart.uses == ()
    assert chart.after(*refilled(9, 8)).uses == (Use(30_000_000, 30_000_000),)


@pytest.mark.requirement("REF-12")
def test_a_fill_has_one_residual() -> None:
    """Without a fill before it there is no use, nor when it is measured again, whatever is typed then."""
    residual = ResidualMeasured(LATER, ml(10), ml(9), ml(40))
    assert Chart().after(residual, Entered(LATER, ml(30), ml(30)), residual).uses == ()
    once = Chart().after(*BEGUN, residual)
    assert len(once.uses) == 1
    assert once.after(residual, Entered(LATER, ml(30), ml(30)), residual).uses == once.uses


@pytest.mark.requirement("REF-12")
def test_a_session_that_ends_uncertain_leaves_the_count_open() -> None:
    """Nobody knows from what volume the pump counts: the use up to the next residual says nothing, the one after it does."""
    chart = Chart().after(*BEGUN, SessionUncertain(LATER, None, "no reply"))
    assert chart.typed is None
    chart = chart.after(*refilled(10, 9))
    assert chart.uses == ()
    assert len(chart.after(*refilled(10, 9)).uses) == 1


@pytest.mark.requirement("REF-12")
@pytest.mark.parametrize("end", [replace(IMPLANTED, at=LATER), PumpReplaced(LATER, "reference-40", ml(0.3)), Explanted(LATER)])
def test_another_pump_has_a_gain_of_its_own(end: Implanted | PumpReplaced | Explanted) -> None:
    """The uses of the old one go with it, and its last fill is not measured in the new one."""
    chart = Chart().after(*BEGUN, *refilled(10, 9))
    assert len(chart.uses) == 1
    other = chart.after(end)
    assert (other.uses, other.typed) == ((), None)
    assert other.after(*refilled(10, 9)).uses == ()


@pytest.mark.requirement("CHT-01")
def test_uses_do_not_depend_on_how_facts_come() -> None:
    """One by one, all at once or cut anywhere: the same uses."""
    facts = (*BEGUN, *refilled(10, 9), *refilled(5, 6, typed=None), *refilled(0, 6), *refilled(5, 6), Explanted(LATER))
    whole = Chart().after(*facts)
    for cut in range(len(facts)):
        assert Chart().after(*facts[:cut]).after(*facts[cut:]) == whole
    assert len(Chart().after(*facts[:-1]).uses) == 3


@pytest.mark.requirement("TWN-13")
def test_no_fact_claims_what_nobody_knows() -> None:
    """No fact has a field for the gain, for what is true, or for what was delivered."""
    kinds = [kind for kind in vars(facts_room).values() if isinstance(kind, type) and kind.__module__ == facts_room.__name__]
    assert len(kinds) >= 9
    names = {field.name for kind in kinds for field in fields(kind)}
    assert not {name for name in names if any(word in name for word in ("gain", "true", "deliver", "mechanic"))}
