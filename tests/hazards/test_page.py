"""docs/hazards.md says what comes out."""

import pytest

from tests.hazards import page
from thecal.hazards.catalogue import hazards


@pytest.mark.long
def test_the_page_is_what_comes_out() -> None:
    """Every number, bar, refusal and finding; ``make hazards`` writes it anew."""
    assert page.DOCUMENT.read_text(encoding="utf-8") == page.text()


def test_every_hazard_is_found_from_its_head() -> None:
    """The list at the top leads to each."""
    text = page.DOCUMENT.read_text(encoding="utf-8")
    for hazard in hazards().values():
        assert f"(#{page.anchor(hazard)})" in text
        assert f"\n## {hazard.id} {hazard.title}\n" in text
