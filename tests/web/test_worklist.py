"""The worklist: its pages one after the other, and rows that show each person what they may see, as it is now."""

import re
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor
from thecal.chart.clinical import Noticed
from thecal.clinic import worklist
from thecal.clinic.access import duties
from thecal.clinic.closures import close
from thecal.clinic.open_days import Closure
from thecal.clinic.people import change_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.errors import Refusal
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.templating import days_text

SignIn = Callable[[str], Visitor]
BERLIN = ZoneInfo("Europe/Berlin")


def test_a_long_list_is_turned_page_by_page(as_: SignIn, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is on one of them; a page beyond the last is the last."""
    monkeypatch.setattr(worklist, "PAGE", 2)
    names = [f"Ada {letter}" for letter in "ABCDE"]
    for name in names:
        admit(practice, name)
    nora = as_("nora")
    shown = [[name for name in names if name in nora.get(f"/worklist?page={page}").text] for page in (1, 2, 3)]
    assert [len(page) for page in shown] == [2, 2, 1]
    assert sorted(name for page in shown for name in page) == names
    first, middle, last = (nora.get(f"/worklist?page={page}") for page in (1, 2, 9))
    assert "Page 1 of 3" in first.words
    assert 'rel="prev"' not in first.text
    assert 'href="/worklist?page=2" rel="next"' in first.text
    assert 'href="/worklist?page=1" rel="prev"' in middle.text
    assert "Page 3 of 3" in last.words
    assert 'rel="next"' not in last.text


def test_a_row_shows_each_person_what_they_may_see(as_: SignIn, practice: Practice) -> None:
    """A row that was made for one is not shown to another who may not see the name, or may not book."""
    stream = admit(practice, "Ada Example")
    nora, pharmacist = as_("nora"), as_("paul")
    assert "identify" not in duties()["pharmacist"]
    assert "Ada Example" in nora.get("/worklist").text
    other = pharmacist.get("/worklist").text
    assert stream in other
    assert "Ada Example" not in other
    assert f"/book/{stream}" not in other
    assert "Ada Example" in nora.get("/worklist").text


def test_who_may_read_no_chart_sees_dates_and_calls(as_: SignIn, practice: Practice) -> None:
    """That there is something else to be done, and neither what nor the dose; who reads charts sees all of it."""
    stream = admit(practice)
    practice.write(stream, 11, [Noticed(practice.now, "overdose suspected")], By("nora"), "wrote for a test")
    [item] = [item for item in practice.refresh(stream).items if item.rule == "OVD-01"]
    nora, susan = as_("nora").get("/worklist").words, as_("susan").get("/worklist").words
    assert item.asked in nora
    assert "100 mcg/day" in nora
    assert item.asked not in susan
    assert "100 mcg/day" not in susan
    assert "symptoms : for those who may read the chart." in susan
    assert "visit : " in susan


def test_a_row_is_that_of_now(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Another name and another day change it, though nothing was written into the chart."""
    stream = admit(practice, "Ada Example")
    nora = as_("nora")
    before = nora.get("/worklist").words
    with practice.database.writing() as connection:
        change_person(connection, stream, Person("Ada Changed"))
    clock.pass_(Duration(DAY_S))
    after = as_("nora").get("/worklist").words
    assert "Ada Changed" in after
    assert "Ada Example" not in after
    days = [int(number) for words in (before, after) for number in re.findall(r"in (\d+) days", words)]
    assert days == [days[0], days[0] - 1]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("11-23 23:59", "in 1 day"),
        ("11-24 00:01", "today"),
        ("11-24 18:00", "today"),
        ("11-25 08:00", "1 day over"),
        ("11-22 10:00", "in 2 days"),
    ],
)
def test_days_are_those_of_the_calendar(now: str, told: str) -> None:
    """Due on Tuesday at 9:30: on Monday night that is tomorrow, and on Wednesday morning it is over."""
    assert days_text(Instant.parse("2026-11-24 09:30", BERLIN), Instant.parse(f"2026-{now}", BERLIN), BERLIN) == told


@pytest.mark.requirement("CLN-04")
def test_a_row_says_that_the_clinic_is_closed_on_the_day_to_refill_by(as_: SignIn, practice: Practice) -> None:
    """By which day to refill then; so do the chart, the bookings and the telephone. Without an open day that is said."""
    stream, nora = admit(practice), as_("nora")
    pages = ("/worklist", f"/chart/{stream}", f"/book/{stream}", f"/call/{stream}")
    for page in pages:
        assert "by Fri 2027-01-22" in nora.get(page).words, page  # the day itself is a Sunday
    made = close(practice, Closure("", date(2027, 1, 18), date(2027, 1, 29), "leave"), By("nora"))
    assert not isinstance(made, Refusal)
    for page in pages:
        assert "by Fri 2027-01-15" in nora.get(page).words, page
    close(practice, Closure("", date(2026, 11, 20), date(2027, 1, 17), "fire"), By("nora"))
    for page in pages:
        assert "no open day is left" in nora.get(page).words, page
    assert "red" in nora.get("/worklist?tier=red").words
    assert stream in nora.get("/worklist?tier=red").text


def test_open_weekdays_move_the_last_open_day(as_: SignIn, practice: Practice) -> None:
    """A clinic that is open on Sundays refills on the day itself."""
    admit(practice)
    nora = as_("nora")
    assert "closed then" in nora.get("/worklist").words
    nora.send("/closures", {"open_weekdays": ["Fri", "Sun"]}, "/closures/weekdays")
    assert "closed then" not in nora.get("/worklist").words
