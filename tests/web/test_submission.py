"""A form that was sent is kept under its number, with the page that it led to."""

from thecal.clinic.practice import Practice
from thecal.web.submission import came_to, take, write_location


def test_of_a_very_long_address_the_page_is_kept(practice: Practice) -> None:
    """An address that was cut would be another; a long one without what is asked of the page is that page."""
    for once, location in (("a1", "/book/P-1?said=yes#top"), ("a2", f"/worklist?kind={'x' * 500}")):
        assert take(practice, once)
        write_location(practice, once, location)
    assert came_to(practice, "a1") == "/book/P-1?said=yes#top"
    assert came_to(practice, "a2") == "/worklist"
