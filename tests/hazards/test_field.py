"""The hazards of the field: each first half really harms, each second half really answers it."""

import pytest

from tests.hazards.played import played
from thecal.hazards.catalogue import hazards
from thecal.hazards.reenactment import reenactment, reenactments

FIELD = [name for name, hazard in hazards().items() if hazard.kind == "field"]


@pytest.mark.requirement("HAZ-01")
def test_every_hazard_of_the_field_has_both_halves() -> None:
    """What happened is never told without how it goes here."""
    assert list(reenactments()) == FIELD
    assert [name for name in FIELD if reenactment(name).here is None] == []


@pytest.mark.requirement("HAZ-01")
@pytest.mark.parametrize("name", reenactments())
def test_a_hazard_is_re_enacted(name: str) -> None:
    """Both halves run as their file says: the size of the harm, what is refused and found, and what is left of the harm here."""
    assert played(name).problems() == []


@pytest.mark.requirement("HAZ-02")
@pytest.mark.parametrize("name", reenactments())
def test_the_harm_is_asserted(name: str) -> None:
    """By a number with its bound in the first half, and by one whose bounds in both halves exclude each other."""
    told = reenactment(name)
    assert told.sources
    assert any(measure.happened for measure in told.measures)
    assert any(one.happened and one.here and one.happened.apart(one.here) for one in told.measures)
