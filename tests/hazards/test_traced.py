"""From hazard to requirement to test to result: the page is what would be written, and no arrow of it leads nowhere."""

import pytest

from evidence.matrix import read_hazards
from tests.hazards import traced
from thecal.hazards.catalogue import hazards
from thecal.hazards.reenactment import reenactments


def cut(text: str) -> tuple[list[str], list[str]]:
    """The lines of the page without the last cell of each row, and these last cells."""
    cells = [
        line.removesuffix(" |").rpartition(" | ") if line.startswith("| H") else (line, "", "") for line in text.splitlines()
    ]
    return [first for first, _, _ in cells], [last for _, _, last in cells if last]


@pytest.mark.requirement("HAZ-07")
def test_what_is_written_of_the_hazards_is_true() -> None:
    """All but the results, which ``make hazards`` writes anew with the rest; what they rest on is run by its own tests."""
    said = traced.DOCUMENT.read_text(encoding="utf-8")
    lines, results = cut(said)
    expected, _ = cut(traced.text_of(dict.fromkeys(hazards(), "")))
    assert lines == expected
    held = [name for name, hazard in hazards().items() if (name in reenactments() if hazard.kind == "field" else hazard.test)]
    assert dict(zip(hazards(), results, strict=True)) == {
        name: traced.PASSED if name in held else traced.NONE for name in hazards()
    }


@pytest.mark.requirement("HAZ-07")
def test_every_arrow_leads_somewhere() -> None:
    """Each hazard has requirements or says what is open; each of them stands in a document or is a rule, and has its tests."""
    for hazard in read_hazards():
        assert hazard.controls or hazard.open
        assert not [name for name in hazard.controls if not traced.tests_by_requirement().get(name)], hazard.name
        row = traced.text_of(dict.fromkeys(hazards(), "")).partition(f"| {hazard.name} ")[2].partition("\n")[0]
        assert all(f"{name} by " in row and f"[{name}](" in row for name in hazard.controls)
