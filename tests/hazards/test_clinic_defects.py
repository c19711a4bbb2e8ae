"""The defects that the record and the pages of a clinic answer: their laws, each with a broken variant that it catches.

A law takes what it tries: the real one holds it over random input, the broken one of :mod:`tests.hazards.test_clinic_broken` does
not. Every docstring ends with the source as the catalogue of hazards has it.
"""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.hazards.clinic_laws import (
    EDITS,
    STEPS,
    WISHES,
    Edit,
    Made,
    Step,
    corrected,
    narrow_pump,
    nothing_is_overwritten,
    one_slot_one_person,
    refusal_is_on_the_screen,
    the_past_is_as_it_was_known,
)
from thecal.clinic.booking import book
from thecal.clinic.history import History

FEW = settings(max_examples=6)
FEWER = settings(max_examples=3)


@pytest.mark.requirement("REC-04")
@FEW
@given(st.lists(STEPS, min_size=3, max_size=7))
def test_h43(made: Made, steps: list[Step]) -> None:
    """H43: chart and worklist of a past instant come out as they were kept then, whatever is written or taken back later.

    Users of open pump software.
    """
    the_past_is_as_it_was_known(made, steps, History.known_at)


@pytest.mark.requirement("REC-01")
@pytest.mark.requirement("REC-02")
@FEW
@given(st.lists(EDITS, min_size=2, max_size=6))
def test_h44(made: Made, edits: list[Edit]) -> None:
    """H44: the record is only ever added to: every row stands as it was written, and the database itself refuses to change one.

    Users of open pump software.
    """
    nothing_is_overwritten(made, edits, corrected)


@pytest.mark.requirement("SLO-01")
@FEWER
@given(WISHES)
def test_h48(made: Made, wishes: list[int]) -> None:
    """H48: however many want a slot at once, one person gets it, the others are told, and the charts say what was sold.

    Users of booking software.
    """
    one_slot_one_person(made, wishes, book)


@pytest.mark.requirement("VST-05")
@FEWER
@given(st.integers(101, 119), st.integers(201_000, 240_000))
@example(110, 219_999)
def test_h49(made: Made, mcg_per_day: int, most_nl: int) -> None:
    """H49: where the pump takes less than the order's sheet allows, its refusal stands on the page, and nothing says it was done.

    Users of open pump software.
    """
    refusal_is_on_the_screen(made, mcg_per_day, narrow_pump(most_nl))
