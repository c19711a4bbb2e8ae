"""The refill as a procedure under random steps: no way leads around one, and volumes are kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, ml
from tests.therapy.test_procedure import LARGE, PROGRAM, SMALL, STEPS, WEAK, Outcome, minute, report_of
from thecal.chart.facts import Filled, Interrogated
from thecal.errors import Refusal
from thecal.pump.messages import Update
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, Volume
from thecal.therapy.mixture import agrees, mixture
from thecal.therapy.procedure import RefillProcedure
from thecal.therapy.refill import discrepancy_flag
from thecal.therapy.steps import Aspirated, MixtureStated, Overridden, PortConfirmed, Programmed, Rinsed, Step, Verified
from thecal.timeline import Instant

Tried = Callable[[RefillProcedure, Instant], Outcome]


@dataclass(frozen=True)
class Try:
    """A step that is tried so many seconds after the last one that was taken."""

    after_s: int
    step: Tried


SOME = st.sampled_from([0, 1, 2_000_000, 3_600_000, 5_000_000, 9_000_000, 18_000_000, 40_000_000]).map(Volume)
STRENGTHS = st.sampled_from([500, 598, 608, 2000]).map(Concentration)


def last_fill(procedure: RefillProcedure) -> Filled:
    return next((step for step in procedure.steps if isinstance(step, Filled)), Filled(START, ml(1), WEAK))


def read_as_written(procedure: RefillProcedure, at: Instant) -> Outcome:
    """A pump that says what was written last."""
    written = [step.update for step in procedure.steps if isinstance(step, Programmed)]
    before = next((step.report for step in procedure.steps if isinstance(step, Interrogated)), None)
    strength = (written and written[-1].concentration) or (before and before.concentration) or None
    return procedure.read_back(report_of(last_fill(procedure).volume, strength, at), at)


GOOD: list[Tried] = [
    STEPS["interrogated"],
    STEPS["port"],
    lambda procedure, at: procedure.aspirated(ml(5), at),
    lambda procedure, at: procedure.aspirated(ml(0), at),
    STEPS["overridden"],
    lambda procedure, at: procedure.rinsed(ml(1), 20, WEAK, at),
    lambda procedure, at: procedure.filled(Volume(15_000_000), WEAK, at),
    lambda procedure, at: procedure.filled(ml(1), WEAK, at),
    lambda procedure, at: procedure.programmed(Update(PROGRAM, procedure.concentration, last_fill(procedure).volume), at),
    read_as_written,
]
"""What helps on, in its order, whatever was done before: some of it is refused."""
ANY: st.SearchStrategy[Tried] = st.one_of(
    st.sampled_from([*STEPS.values(), *GOOD]),
    st.builds(lambda volume: lambda procedure, at: procedure.aspirated(volume, at), SOME),
    st.builds(
        lambda volume, strength: lambda procedure, at: procedure.interrogated(report_of(volume, strength), at),
        st.none() | SOME,
        st.none() | STRENGTHS,
    ),
    st.builds(lambda strength: lambda procedure, at: procedure.mixture_stated(strength, at), STRENGTHS),
    st.builds(
        lambda volume, times, strength: lambda procedure, at: procedure.rinsed(volume, times, strength, at),
        SOME,
        st.integers(0, 4),
        STRENGTHS,
    ),
    st.builds(lambda volume, strength: lambda procedure, at: procedure.filled(volume, strength, at), SOME, STRENGTHS),
    st.builds(
        lambda volume, strength: lambda procedure, at: procedure.programmed(Update(PROGRAM, strength, volume), at),
        SOME,
        st.none() | STRENGTHS,
    ),
)
TRIES = st.builds(Try, st.sampled_from([-1, 0, 60]), ANY)
COURSES = st.lists(st.tuples(st.integers(0, 9), st.lists(TRIES, max_size=2)), min_size=len(GOOD), max_size=len(GOOD))
"""Some tries before each step that helps on; one in ten of those is left out."""


def kinds(procedure: RefillProcedure) -> list[type]:
    return [type(step) for step in procedure.steps]


def of(procedure: RefillProcedure, kind: type) -> list[Step]:
    return [step for step in procedure.steps if isinstance(step, kind)]


def check_order(procedure: RefillProcedure) -> None:
    """Nothing is injected, written or read back before what comes first; and time goes one way."""
    order = kinds(procedure)
    for kind, before in (
        (Filled, (Interrogated, PortConfirmed, Aspirated)),
        (Rinsed, (Interrogated, PortConfirmed, Aspirated)),
        (Programmed, (Filled,)),
        (Verified, (Programmed,)),
    ):
        if kind in order:
            places = [order.index(needed) for needed in before]
            assert places == sorted(places)
            assert places[-1] < order.index(kind)
    assert order.count(Filled) <= 1
    instants = [step.at for step in procedure.steps]
    assert instants == sorted(instants)


def check_volumes(procedure: RefillProcedure) -> None:
    """What came is the sum; what was expected came or counts as left; what went in fits on it, and is what was typed."""
    residual, capacity = procedure.residual, procedure.sheet.reservoir_capacity
    aspirated = [step.volume for step in procedure.steps if isinstance(step, Aspirated)]
    assert (residual is None) == (not aspirated)
    if residual is None:
        return
    assert residual.measured.nl == sum(volume.nl for volume in aspirated) <= capacity.nl
    if residual.expected is not None:
        short = residual.expected > residual.measured and residual.flag != "ok"
        assert residual.measured + procedure.not_aspirated == (residual.expected if short else residual.measured)
        assert residual.flag == discrepancy_flag(residual.expected, residual.measured, capacity)
    for step in procedure.steps:
        if isinstance(step, Filled | Rinsed):
            assert Volume(0) < step.volume
            assert step.volume + procedure.not_aspirated <= capacity
            assert residual.flag != "red" or of(procedure, Overridden)
            assert residual.flag != "amber" or len(aspirated) > 1
        if isinstance(step, Filled):
            held = procedure.concentration
            assert held is not None
            if not of(procedure, Rinsed):
                first = procedure.steps[0]
                assert isinstance(first, Interrogated)
                old = first.report.concentration or step.concentration
                assert held == mixture(procedure.sheet.undeliverable_volume, old, step.volume, step.concentration)
            stated = of(procedure, MixtureStated)
            said = stated[-1] if stated else step
            assert isinstance(said, MixtureStated | Filled)
            assert agrees(said.concentration, held)
        if isinstance(step, Programmed):
            assert step.update.reservoir == next(made.volume for made in procedure.steps if isinstance(made, Filled))


@pytest.mark.requirement("RPC-15")
@pytest.mark.requirement("RPC-16")
@given(COURSES, st.sampled_from([SMALL, LARGE]))
def test_no_way_leads_around_a_step(course: list[tuple[int, list[Try]]], sheet: PumpSheet) -> None:
    """Random steps at random times between those of a refill, of which some are left out: what is refused changes nothing,
    every step stands on those before it, and volumes are kept.
    """
    procedure = RefillProcedure(sheet, first=False)
    for (left_out, tries), good in zip(course, GOOD, strict=True):
        for tried in [*tries, *([Try(60, good)] if left_out else [])]:
            last = procedure.steps[-1].at if procedure.steps else START
            before = replace(procedure)
            outcome = tried.step(procedure, Instant(last.s + tried.after_s))
            assert procedure == before
            if isinstance(outcome, Refusal):
                assert outcome.rule.startswith("RPC-")
                assert all((outcome.asked, outcome.limit, outcome.source, outcome.advice))
                continue
            assert outcome.steps[:-1] == procedure.steps
            procedure = outcome
            check_order(procedure)
            check_volumes(procedure)


@pytest.mark.requirement("RPC-15")
def test_a_refill_without_anything_in_the_way_is_complete() -> None:
    """So the courses above can come to an end."""
    procedure = RefillProcedure(SMALL, first=False)
    for place, good in enumerate(GOOD):
        outcome = good(procedure, minute(place))
        procedure = procedure if isinstance(outcome, Refusal) else outcome
    assert procedure.complete
    check_order(procedure)
    check_volumes(procedure)
