"""Calendars: what is in them, for whom, for how long."""

from datetime import date, datetime, timedelta

import pytest
from icalendar import Calendar, Event

from tests.clinic.practice import NOW, Clock, admit
from tests.clinic.test_booking import sold, version_of, write
from tests.clinic.test_slots import SUSAN, ZONE, at, offered
from thecal.chart.clinical import Booked
from thecal.clinic.account import Account, account_named
from thecal.clinic.booking import REASONS, cancel
from thecal.clinic.calendar import Feed, feed_calendar, feed_of, feeds, make_feed, revoke_feed, visit_calendar
from thecal.clinic.closures import close
from thecal.clinic.elsewhere import confirm_elsewhere
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import By, Practice
from thecal.clinic.rebuild import rebuild_outdated
from thecal.clinic.schema import api_token
from thecal.errors import InputError
from thecal.timeline import DAY_S, Duration, Instant


def made(practice: Practice, account: str = "nora", name: str = "phone", *, clinic: bool = True, names: bool = False) -> Feed:
    with practice.database.writing() as connection:
        return make_feed(connection, account, name, practice.now, clinic=clinic, names=names)[1]


def raw(practice: Practice, feed: Feed, *, names: bool = True) -> bytes:
    with practice.reading() as reading:
        owner: Account | None = account_named(reading.connection, feed.account)
        assert owner is not None
        return feed_calendar(reading, feed, owner, names=names)


def events(data: bytes) -> list[Event]:
    return [part for part in Calendar.from_ical(data).walk("VEVENT") if isinstance(part, Event)]


def summaries(data: bytes) -> list[str]:
    return [str(event["SUMMARY"]) for event in events(data)]


def test_a_booking_is_an_event_at_the_clinic_s_own_time(practice: Practice) -> None:
    """With place and people, and a time zone that a calendar anywhere can read."""
    stream = admit(practice)
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    data = raw(practice, made(practice))
    [event] = events(data)
    assert event.decoded("DTSTART") == datetime(2027, 1, 20, 9, tzinfo=ZONE)
    assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(hours=1)
    assert (str(event["SUMMARY"]), str(event["LOCATION"])) == (f"refill: {stream}", "Room 1")
    assert "Nora Nurse" in str(event["DESCRIPTION"])
    [zone] = Calendar.from_ical(data).walk("VTIMEZONE")
    assert str(zone["TZID"]) == "Europe/Berlin"
    assert b"DTSTART;TZID=Europe/Berlin:20270120T090000" in data


def test_summer_time_is_written_out(small: Practice) -> None:
    """Nine o'clock in May is nine o'clock; the rules of the zone say which instant that is."""
    stream = admit(small)
    [slot] = offered(small, "2027-05-20 09:00")
    sold(small, stream, slot, "follow-up")
    [event] = events(raw(small, made(small)))
    begins = event.decoded("DTSTART")
    assert (begins.hour, int(begins.timestamp())) == (9, slot.begins.s)


def test_nobody_s_name_is_in_it_unless_both_say_so(small: Practice) -> None:
    """The address has to be made for it, and its owner has to be one who may see names today."""
    stream = admit(small, "Ada Example")
    [slot] = offered(small, "2027-01-20 09:00")
    sold(small, stream, slot)
    plain, named = made(small), made(small, name="desk", names=True)
    assert b"Ada" not in raw(small, plain, names=True)
    assert b"Ada" not in raw(small, named, names=False)
    assert summaries(raw(small, named, names=True)) == ["refill: Ada Example"]


def test_somebody_s_own_calendar_has_what_they_refill_or_check(small: Practice) -> None:
    """And the closures of the clinic and their own."""
    stream, other = admit(small), admit(small, "Bo Sample")
    [with_nils] = offered(small, "2027-01-19 09:00")
    [without] = offered(small, "2027-01-20 09:00", checker="dora")
    sold(small, stream, with_nils)
    sold(small, other, without)
    for who in ("", "nils", "dora"):
        close(small, Closure("", date(2027, 2, 1), date(2027, 2, 2), "leave", who), By("nora"))
    own = summaries(raw(small, made(small, "nils", clinic=False)))
    assert own[0] == f"refill: {stream}"
    assert sorted(own[1:]) == ["closed: Nils Nurse (leave)", "closed: the clinic (leave)"]
    assert len(summaries(raw(small, made(small)))) == 5


def test_a_closure_is_whole_days(small: Practice) -> None:
    """The last of them included, as iCalendar counts; it says who covers."""
    close(small, Closure("", date(2027, 2, 1), date(2027, 2, 2), "leave", "nils", "dora"), By("nora"))
    [event] = events(raw(small, made(small)))
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (date(2027, 2, 1), date(2027, 2, 3))
    assert str(event["DESCRIPTION"]) == "Cover: Dora Doctor"


def test_what_is_cancelled_is_gone_and_what_stays_keeps_its_name(small: Practice, clock: Clock) -> None:
    """A calendar that asks again changes the event that it has, and drops what is no longer there; so does the day after."""
    stream, other = admit(small), admit(small, "Bo Sample")
    first, second = offered(small, "2027-01-19 09:00", "2027-01-20 09:00")
    version = sold(small, stream, first)
    sold(small, other, second)
    write(small, other, Booked(NOW, "refill", at("2027-01-21 09:00"), "Nora Nurse"))
    feed = made(small)
    before = {str(event["UID"]) for event in events(raw(small, feed))}
    clock.pass_(Duration(60))
    cancel(small, stream, version, "refill", first.begins, REASONS[0], SUSAN)
    after = {str(event["UID"]) for event in events(raw(small, feed))}
    assert (len(before), len(after)) == (2, 1)
    assert after < before
    assert not any(stream in name or other in name for name in before)
    clock.now = Instant(second.begins.s + DAY_S)
    rebuild_outdated(small)
    [left] = events(raw(small, feed))  # the one in the chart alone, of this day
    assert left.decoded("DTSTART") == datetime(2027, 1, 21, 9, tzinfo=ZONE)


def test_a_refill_in_the_chart_alone_is_in_the_calendar(small: Practice) -> None:
    """One that is done elsewhere is not: nobody here has to be there."""
    stream, other = admit(small), admit(small, "Bo Sample")
    write(small, stream, Booked(NOW, "refill", at("2027-01-20 11:00"), "Nils Nurse"))
    confirm_elsewhere(small, other, version_of(small, other), date(2027, 1, 20), "Clinic B", "Nils Nurse", SUSAN)
    assert summaries(raw(small, made(small))) == [f"refill: {stream}"]
    assert summaries(raw(small, made(small, "nils", clinic=False))) == [f"refill: {stream}"]
    assert summaries(raw(small, made(small, "nora", "own", clinic=False))) == []


def test_words_of_people_cannot_add_lines(small: Practice) -> None:
    """A name with a line break and an event in it stays one line of text."""
    stream = admit(small, "Ada\r\nEND:VEVENT\r\nBEGIN:VEVENT; x, y")
    [slot] = offered(small, "2027-01-20 09:00")
    sold(small, stream, slot)
    [event] = events(raw(small, made(small, names=True)))
    assert "BEGIN:VEVENT; x, y" in str(event["SUMMARY"])


def test_an_address_counts_until_it_ends_or_is_revoked(practice: Practice, clock: Clock) -> None:
    """The database does not hold it; a wrong one is nothing."""
    with practice.database.writing() as connection:
        token, feed = make_feed(connection, "nora", " my  phone ", NOW, clinic=True, names=False)
    with practice.reading() as reading:
        assert feed_of(reading.connection, token, NOW) == feed
        assert feed_of(reading.connection, token + "x", NOW) is None
        assert feed_of(reading.connection, feed.number, NOW) is None
        assert feed_of(reading.connection, token, Instant(feed.ends.s - 1)) == feed
        assert feed_of(reading.connection, token, feed.ends) is None
        assert feeds(reading.connection, "nora") == [feed]
        assert feeds(reading.connection, "dora") == []
    assert (feed.name, feed.state(NOW), feed.state(feed.ends)) == ("my phone", "counts", "ended")
    with practice.database.writing() as connection:
        assert not revoke_feed(connection, feed.number, clock.now, account="dora")
        assert revoke_feed(connection, feed.number, clock.now, account="nora")
        assert not revoke_feed(connection, feed.number, clock.now)
    with practice.reading() as reading:
        assert feed_of(reading.connection, token, NOW) is None
        assert [one.state(NOW) for one in feeds(reading.connection)] == ["revoked"]


def test_the_same_name_again_is_another_address(small: Practice) -> None:
    """The older one no longer counts; that of somebody else of this name does."""
    first, other, second = made(small), made(small, "dora"), made(small)
    with small.reading() as reading:
        states = {feed.number: feed.state(NOW) for feed in feeds(reading.connection)}
    assert states == {first.number: "revoked", other.number: "counts", second.number: "counts"}


def test_a_token_for_something_else_opens_no_calendar(small: Practice) -> None:
    """Nor is it listed or revoked as one."""
    feed = made(small)
    with small.database.writing() as connection:
        connection.execute(api_token.update().values(permissions="chart", label="research"))
        assert feeds(connection) == []
        assert not revoke_feed(connection, feed.number, NOW)


def test_a_calendar_has_a_name(small: Practice) -> None:
    """Of some letters, not too many."""
    for name in (" ", "x" * 61):
        with pytest.raises(InputError):
            made(small, name=name)


def test_the_next_visit_of_a_person_is_a_file_without_a_name(small: Practice, clock: Clock) -> None:
    """Neither name nor pseudonym; nothing where nothing is booked or all of it is over."""
    stream = admit(small, "Ada Example")
    [slot] = offered(small, "2027-01-20 09:00")
    with small.reading() as reading:
        assert visit_calendar(reading, stream) is None
    sold(small, stream, slot)
    with small.reading() as reading:
        data = visit_calendar(reading, stream)
    assert data is not None
    [event] = events(data)
    assert str(event["SUMMARY"]) == "Clinic of tests: a refill"
    assert "555-0101" in str(event["DESCRIPTION"])
    assert b"Ada" not in data
    assert stream.encode() not in data
    clock.now = Instant(slot.begins.s + 1)
    with small.reading() as reading:
        assert visit_calendar(reading, stream) is None
