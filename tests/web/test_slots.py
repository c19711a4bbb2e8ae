"""The pages of slots, bookings, closures and calendars."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from icalendar import Calendar

from tests.clinic.practice import CERTIFIED, NOW, Clock, admit
from tests.clinic.test_booking import in_charts, in_rows, sold, version_of, write
from tests.clinic.test_slots import at, count, offered
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Visited
from thecal.clinic.account import set_active
from thecal.clinic.audit import read_audit
from thecal.clinic.closures import close, staffing
from thecal.clinic.open_days import Closure, open_weekdays, read_closures
from thecal.clinic.practice import By, Practice
from thecal.clinic.slots import bookings
from thecal.errors import Refusal
from thecal.timeline import DAY_S, Duration, Instant

SignIn = Callable[[str], Visitor]
OFFER = {"first": "2027-01-18", "last": "2027-01-19", "times": "09:00", "minutes": "60", "place": "Room 1"}
PEOPLE = {"refiller": "nora", "checker": "nils"}
CLOSURE: dict[str, object] = {
    "first": "2027-01-18",
    "last": "2027-01-29",
    "what": "winter holiday",
    "who": "",
    "cover": "",
    "cover_account": "",
}


def tags(page: str, field: str) -> str:
    """The tag of a field of a form."""
    found = re.search(rf'<(input|select|textarea)[^>]*name="{field}"[^>]*>', page)
    assert found
    return found.group(0)


def test_a_week_shows_its_slots_by_day_and_place(as_: SignIn, practice: Practice) -> None:
    """What is free and who has what is sold; other weeks are a step away."""
    stream = admit(practice, "Ada Example")
    slot, _ = offered(practice, "2027-01-20 09:00", "2027-01-21 10:30")
    sold(practice, stream, slot)
    page = as_("susan").get("/slots?week=2027-01-22")
    assert "Mon 2027-01-18 to Sun 2027-01-24" in page.words
    assert "1 sold, 1 free" in page.words
    assert "09:00 to 10:00 Ada Example , refill Nora Nurse; Nils Nurse checks" in page.words
    assert "10:30 to 11:30 free" in page.words
    assert 'href="/slots?week=2027-01-11"' in page.text
    assert 'href="/slots?week=2027-01-25"' in page.text
    assert "No slot is offered in this week" in as_("susan").get("/slots?week=nonsense").words


def test_slots_are_offered_by_a_form_once(as_: SignIn, practice: Practice) -> None:
    """On each day and time; the same form a second time does nothing more."""
    susan = as_("susan")
    page = susan.get("/slots").text
    data: dict[str, object] = {**OFFER, **PEOPLE, "csrf": hidden(page, "csrf"), "once": hidden(page, "once")}
    first, again = susan.post("/slots", data), susan.post("/slots", data)
    assert first.url == again.url == "http://clinic.test/slots?week=2027-01-18"
    assert "2 slots are offered" in first.text
    assert count(practice) == 2


@pytest.mark.parametrize(
    ("changed", "field", "told"),
    [
        ({"first": "18.1.2027"}, "first", "is not a date"),
        ({"times": "9 o'clock"}, "times", "is no time of day"),
        ({"first": "2027-03-28", "last": "", "times": "02:30"}, "times", "does not exist"),
        ({"minutes": "0"}, "minutes", "is not a number that can be"),
        ({"place": ""}, "place", "is missing"),
        ({"checker": "nora"}, "checker", "needs two people"),
        ({"refiller": ""}, "refiller", "nobody who works here"),
    ],
)
def test_what_cannot_be_offered_is_given_back(
    as_: SignIn, practice: Practice, changed: dict[str, str], field: str, told: str
) -> None:
    """With the field marked, and everything that was typed still there."""
    answer = as_("susan").send("/slots", {**OFFER, **PEOPLE, "place": "Room <7>", **changed})
    assert answer.status == 422
    assert told in answer.text
    assert 'aria-invalid="true"' in tags(answer.text, field)
    assert count(practice) == 0
    if field != "place":
        assert 'value="Room &lt;7&gt;"' in answer.text


def test_a_refusal_says_why_and_keeps_what_was_typed(as_: SignIn, practice: Practice) -> None:
    """A certificate that has ended by then."""
    answer = as_("susan").send("/slots", {**OFFER, **PEOPLE, "first": "2027-11-01", "last": "2027-11-01"})
    assert (answer.status, count(practice)) == (422, 0)
    assert "refused by ROL-11: Nora Nurse, nurse, to refill on 2027-11-01" in answer.words
    assert 'value="2027-11-01"' in answer.text


def test_a_free_slot_is_withdrawn_and_a_sold_one_is_not(as_: SignIn, practice: Practice) -> None:
    """The page of the week says so."""
    stream, nils = admit(practice), as_("nils")
    slot, other = offered(practice, "2027-01-20 09:00", "2027-01-21 09:00")
    assert "is withdrawn" in nils.send("/slots?week=2027-01-20", {}, f"/slots/{other.name}/withdraw").text
    assert "not offered any more" in nils.send("/slots?week=2027-01-20", {}, f"/slots/{other.name}/withdraw").text
    sold(practice, stream, slot)
    answer = nils.send("/slots", {}, f"/slots/{slot.name}/withdraw")
    assert (answer.status, "Move the booking" in answer.words) == (409, True)


@pytest.mark.parametrize("name", ["paul", "thea", "sol"])
def test_who_may_not_book_sees_neither_slots_nor_dates(as_: SignIn, practice: Practice, name: str) -> None:
    """Nor can they sell one by sending its form."""
    stream, who = admit(practice), as_(name)
    [slot] = offered(practice, "2027-01-20 09:00")
    for path in ("/slots", f"/book/{stream}", f"/book/{stream}/visit.ics"):
        assert who.get(path).status == 403
    seen = version_of(practice, stream)
    data: dict[str, object] = {
        "csrf": hidden(who.get("/password").text, "csrf"),
        "slot": slot.name,
        "visit": "refill",
        "seen": seen,
    }
    assert who.post(f"/book/{stream}", data).status == 403
    assert in_rows(practice) == set()


def test_a_person_s_page_has_dates_and_the_best_slot_first(as_: SignIn, practice: Practice) -> None:
    """What does not fit stands below with the reason; reading it is in the audit."""
    stream = admit(practice, "Ada Example")
    offered(practice, "2027-01-11 09:00", "2027-01-22 09:00", "2027-01-26 09:00")
    page = as_("susan").get(f"/book/{stream}")
    assert "Book Ada Example" in page.words
    assert "Refill by Sun 2027-01-24 , in 65 days" in page.words
    assert "not booked" in page.words
    assert page.words.index("Fri 2027-01-22 09:00") < page.words.index("Mon 2027-01-11 09:00")
    assert "a refill on 2027-01-26. Allowed: on or before 2027-01-24" in page.words
    with practice.reading() as reading:
        assert next(iter(read_audit(reading.connection, who="susan", stream=stream))).did == "read when somebody is due"


def test_nobody_is_not_found(as_: SignIn, practice: Practice) -> None:
    """Neither to read nor to book, cancel or confirm."""
    assert practice
    susan = as_("susan")
    assert susan.get("/book/P-NOBODY").status == 404
    assert susan.get("/book/P-NOBODY/visit.ics").status == 404
    for path in ("/book/P-NOBODY", "/book/P-NOBODY/cancel", "/book/P-NOBODY/elsewhere"):
        assert susan.send("/slots", {"seen": "0"}, path).status == 404


def test_a_booking_by_the_page_is_done_once(as_: SignIn, practice: Practice) -> None:
    """Sent twice it is the same booking, and the person's page says so."""
    stream, susan = admit(practice), as_("susan")
    [slot] = offered(practice, "2027-01-20 09:00")
    page = susan.get(f"/book/{stream}").text
    names = ("csrf", "once", "seen", "slot", "visit")
    data: dict[str, object] = {name: hidden(page, name) for name in names}
    first, again = susan.post(f"/book/{stream}", data), susan.post(f"/book/{stream}", data)
    assert first.url == again.url == f"http://clinic.test/book/{stream}"
    assert "Booked: a refill, 2027-01-20 09:00" in first.text
    assert "2027-01-20 09:00, Nora Nurse: in time" in again.words
    assert in_charts(practice, [stream]) == in_rows(practice) == {(stream, "refill", slot.begins)}


def test_a_slot_that_somebody_took_meanwhile_is_told(as_: SignIn, practice: Practice) -> None:
    """Nothing is written, and the page shows what is left."""
    stream, other, susan = admit(practice), admit(practice, "Bo Sample"), as_("susan")
    [slot] = offered(practice, "2027-01-20 09:00")
    page = susan.get(f"/book/{stream}").text
    sold(practice, other, slot)
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen", "slot", "visit")}
    answer = susan.post(f"/book/{stream}", data)
    assert (answer.status, "taken a moment ago" in answer.words) == (422, True)
    assert "No free slot fits" in answer.words
    assert in_charts(practice, [stream]) == set()


def test_a_chart_that_has_changed_meanwhile_is_not_written_to(as_: SignIn, practice: Practice) -> None:
    """Somebody else wrote since the page was opened: neither row nor fact."""
    stream, susan = admit(practice), as_("susan")
    offered(practice, "2027-01-20 09:00")
    page = susan.get(f"/book/{stream}").text
    write(practice, stream, Visited(NOW, "follow-up"))
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen", "slot", "visit")}
    assert susan.post(f"/book/{stream}", data).status == 409
    assert susan.post(f"/book/{stream}", {**data, "seen": "x"}).status == 409
    assert in_rows(practice) == set()


def test_a_form_that_was_changed_by_hand_is_told(as_: SignIn, practice: Practice) -> None:
    """A slot or visit that is not there."""
    stream, susan = admit(practice), as_("susan")
    assert susan.send(f"/book/{stream}", {"slot": "nothing", "visit": "refill"}).status == 422
    assert susan.send(f"/book/{stream}", {"slot": "nothing", "visit": "implant"}).status == 422
    assert susan.send(f"/book/{stream}", {"why": "x", "on": "soon"}, f"/book/{stream}/cancel").status == 422


def test_another_visit_has_its_own_slots(as_: SignIn, practice: Practice) -> None:
    """A follow-up may be after the day to refill by."""
    stream = admit(practice)
    offered(practice, "2027-01-26 09:00")
    page = as_("susan").get(f"/book/{stream}?visit=follow-up")
    assert "Slots for a visit with a clinician" in page.words
    assert "No free slot fits" not in page.words
    assert hidden(page.text, "visit") == "follow-up"


def test_a_booking_is_taken_back_with_a_reason(as_: SignIn, practice: Practice) -> None:
    """Without one it stands; afterwards the slot is free."""
    stream, susan = admit(practice), as_("susan")
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    to = f"/book/{stream}/cancel"
    answer = susan.send(f"/book/{stream}", {"why": ""}, to)
    assert (answer.status, len(in_rows(practice))) == (422, 1)
    answer = susan.send(f"/book/{stream}", {"why": "the person is ill"}, to)
    assert "is taken back" in answer.text
    assert "Nothing is booked" in answer.words
    assert in_charts(practice, [stream]) == in_rows(practice) == set()
    answer = susan.send(f"/book/{stream}", {"why": "the person is ill", "on": slot.begins.s, "cancelled_visit": "refill"}, to)
    assert (answer.status, "what is booked from today on" in answer.words) == (422, True)


def test_a_refill_elsewhere_is_written_down(as_: SignIn, practice: Practice) -> None:
    """With day, site and person; what is missing is marked; a late one is said to be late."""
    stream, susan = admit(practice), as_("susan")
    to = f"/book/{stream}/elsewhere"
    answer = susan.send(f"/book/{stream}", {"on": "2027-01-20", "site": "Clinic B", "person": ""}, to)
    assert (answer.status, 'value="Clinic B"' in answer.text) == (422, True)
    assert 'aria-invalid="true"' in tags(answer.text, "person")
    answer = susan.send(f"/book/{stream}", {"on": "2026-11-01", "site": "Clinic B", "person": "Dr. Other"}, to)
    assert (answer.status, "has passed" in answer.text) == (422, True)
    answer = susan.send(f"/book/{stream}", {"on": "2027-01-25", "site": "Clinic B", "person": "Dr. Other"}, to)
    assert "stays on the worklist" in answer.text
    answer = susan.send(f"/book/{stream}", {"on": "2027-01-24", "site": "Clinic B", "person": "Dr. Other"}, to)
    assert "elsewhere: Clinic B, Dr. Other: in time" in answer.words


def test_an_overdue_refill_is_an_emergency_on_its_page(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """It says that only the first free day fits."""
    stream = admit(practice)
    offered(practice, "2027-01-27 09:00", "2027-01-28 09:00")
    clock.now = at("2027-01-26 09:00")
    page = as_("susan").get(f"/book/{stream}")
    assert "2 days over" in page.words
    assert "emergency The day to refill by has passed" in page.words
    assert "the first day that has a free slot, 2027-01-27" in page.words


def test_drug_and_dose_are_for_those_who_read_the_chart(as_: SignIn, practice: Practice) -> None:
    """Others are told to ask."""
    stream = admit(practice)
    offered(practice, "2027-01-20 09:00")
    path = f"/book/{stream}?visit=home+refill"
    assert "without: second checker" in as_("nils").get(path).words
    page = as_("susan").get(path)
    assert "second checker" not in page.words
    assert "Ask who refills" in page.words


def test_a_closure_is_shown_before_it_is_written_down(as_: SignIn, practice: Practice) -> None:
    """What it withdraws and whom it concerns; only the second form does it, once."""
    stream, nora = admit(practice, "Ada Example"), as_("nora")
    offered(practice, "2027-01-19 09:00", "2027-01-20 09:00")
    preview = nora.send("/closures", CLOSURE)
    assert preview.status == 200
    assert "2 free slots inside will be withdrawn" in preview.words
    assert "move Ada Example Sun 2027-01-24 Fri 2027-01-15" in preview.words
    with practice.reading() as reading:
        assert read_closures(reading.connection) == ()
    names = ("csrf", "once", "confirmed", "first", "last", "what", "who", "cover")
    data: dict[str, object] = {name: hidden(preview.text, name) for name in names}
    done, again = nora.post("/closures", data), nora.post("/closures", data)
    assert done.url == again.url
    assert "2 free slots withdrawn" in done.text
    assert "Book the refill for 2027-01-15 or before" in again.words
    assert f'href="/book/{stream}"' in done.text
    listed = nora.get("/closures")
    assert "winter holiday the whole clinic nobody move 1" in listed.words


@pytest.mark.parametrize(
    ("changed", "field", "told"),
    [
        ({"last": "2027-01-17"}, "last", "before the first day"),
        ({"what": ""}, "what", "is missing"),
        ({"who": "nobody"}, "who", "nobody who works here"),
        ({"who": "nils", "cover": "nils"}, "cover", "is the person who is away"),
    ],
)
def test_a_closure_that_cannot_be_is_given_back(
    as_: SignIn, practice: Practice, changed: dict[str, str], field: str, told: str
) -> None:
    """With the field marked; also where the first step was left out."""
    nora = as_("nora")
    for confirmed in ("", "yes"):
        answer = nora.send("/closures", {**CLOSURE, **changed, "confirmed": confirmed})
        assert (answer.status, told in answer.text) == (422, True)
        assert 'aria-invalid="true"' in tags(answer.text, field)
        assert 'value="2027-01-18"' in answer.text
    with practice.reading() as reading:
        assert read_closures(reading.connection) == ()


def test_a_cover_who_may_not_refill_is_refused(as_: SignIn, practice: Practice) -> None:
    """Both at the first step and at the second."""
    assert practice
    nora = as_("nora")
    for confirmed in ("", "yes"):
        data: dict[str, object] = {**CLOSURE, "who": "nils", "cover_account": "susan", "confirmed": confirmed}
        answer = nora.send("/closures", data)
        assert (answer.status, "refused by ROL-12: Susan Scheduler as cover" in answer.words) == (422, True)


def test_a_closure_is_taken_back(as_: SignIn, practice: Practice) -> None:
    """And gone from the list; its page is not found any more."""
    done = close(practice, Closure("", date(2027, 1, 18), date(2027, 1, 29), "winter holiday"), By("nora"))
    assert not isinstance(done, Refusal)
    path, nora = f"/closures/{done[0].name}", as_("nora")
    assert "taken back" in nora.send(path, {}, f"{path}/reopen").text
    assert nora.get(path).status == 404
    assert "No closure is written down" in nora.get("/closures").words
    assert "taken back already" in nora.send("/closures", {}, f"{path}/reopen").text


def test_closures_are_for_administrators_and_what_they_move_for_all(as_: SignIn, practice: Practice) -> None:
    """Who books works through the list; who may not see names sees pseudonyms."""
    stream = admit(practice, "Ada Example")
    done = close(practice, Closure("", date(2027, 1, 18), date(2027, 1, 29), "winter holiday"), By("nora"))
    assert not isinstance(done, Refusal)
    path = f"/closures/{done[0].name}"
    for name in ("nils", "dora", "susan", "paul"):
        assert as_(name).get("/closures").status == 403
    assert as_("susan").send("/slots", CLOSURE, "/closures").status == 403
    assert "Ada Example" in as_("susan").get(path).words
    page = as_("paul").get(path)
    assert "Ada Example" not in page.text
    assert stream in page.words
    assert "Take the closure back" not in page.text
    assert "winter holiday" in as_("susan").get("/slots?week=2027-01-25").words


def test_a_service_of_one_is_red_until_a_deputy_is_named(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """On both pages (ROL-12)."""
    with practice.database.writing() as connection:
        for name, _ in CERTIFIED:
            if name != "nora":
                set_active(connection, name, active=False)
    nora = as_("nora")
    for path in ("/closures", "/slots"):
        assert "red Nora Nurse alone may refill here, and no deputy is named" in nora.get(path).words
    assert nora.send("/closures", {"deputy": "x" * 361}, "/closures/deputy").status == 422
    assert "The deputy is named" in nora.send("/closures", {"deputy": "Clinic B, 555-0177"}, "/closures/deputy").text
    assert "alone may refill" not in nora.get("/slots").words
    with practice.reading() as reading:
        assert staffing(reading).deputy == "Clinic B, 555-0177"
    nora.send("/closures", {"deputy": ""}, "/closures/deputy")
    clock.pass_(Duration(301 * DAY_S))
    nora.sign_in()
    assert "red Nobody may refill here today" in nora.get("/slots").words


def test_open_weekdays_are_set(as_: SignIn, practice: Practice) -> None:
    """At least one of them."""
    nora = as_("nora")
    assert nora.send("/closures", {"open_weekdays": []}, "/closures/weekdays").status == 422
    assert "Open on Tue Sat." in nora.send("/closures", {"open_weekdays": ["Sat", "Tue"]}, "/closures/weekdays").text
    with practice.reading() as reading:
        assert open_weekdays(reading.connection) == {1, 5}


def address_of(page: str) -> str:
    found = re.search(r"http://clinic\.test(/calendar/[A-Za-z0-9_-]+\.ics)", page)
    assert found
    return found.group(1)


def test_a_calendar_is_read_by_its_address_alone(as_: SignIn, practice: Practice) -> None:
    """Without signing in; the address is shown once, and nothing is read at it after it was revoked."""
    stream, susan, stranger = admit(practice, "Ada Example"), as_("susan"), as_("")
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    address = address_of(susan.send("/calendar", {"name": "desk", "which": "clinic"}).text)
    assert "/calendar/" + address.split("/")[2] not in susan.get("/calendar").text
    read = stranger.client.get(address)
    assert (read.status_code, read.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    [event] = Calendar.from_ical(read.content).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"refill: {stream}"
    assert stranger.get(address.replace(".ics", "x.ics")).status == 404
    page = susan.get("/calendar").text
    revoke = re.search(r"/calendar/[0-9a-f]{64}/revoke", page)
    assert revoke
    assert "is revoked" in susan.send("/calendar", {}, revoke.group(0)).text
    assert stranger.get(address).status == 404


def test_names_are_in_a_calendar_only_while_its_owner_may_see_them(as_: SignIn, practice: Practice) -> None:
    """Reading them is in the audit; a closed account reads nothing."""
    stream, susan, stranger = admit(practice, "Ada Example"), as_("susan"), as_("")
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    address = address_of(susan.send("/calendar", {"name": "desk", "which": "clinic", "names": "yes"}).text)
    assert "Ada Example" in stranger.client.get(address).text
    with practice.reading() as reading:
        assert next(iter(read_audit(reading.connection, who="susan"))).did == "read a calendar with names"
    with practice.database.writing() as connection:
        set_active(connection, "susan", active=False)
    assert stranger.get(address).status == 404


def test_nobody_makes_a_calendar_of_more_than_they_may_see(as_: SignIn, practice: Practice) -> None:
    """A therapist neither books nor sees names; a name of the calendar is needed."""
    assert practice
    thea = as_("thea")
    page = thea.get("/calendar").text
    assert 'value="clinic"' not in page
    assert 'name="names"' not in page
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"name": "x", "which": "clinic"}, "is for those who book"),
        ({"name": "x", "which": "own", "names": "yes"}, "1 field is not right yet"),
        ({"name": "", "which": "own"}, "is missing"),
        ({"name": "x", "which": "all"}, "is not one of those"),
    )
    for data, told in wrong:
        answer = thea.send("/calendar", data)
        assert (answer.status, told in answer.text) == (422, True)
    assert "No address was made yet" in thea.get("/calendar").words


def test_one_s_own_calendar_is_revoked_by_oneself_or_an_administrator(as_: SignIn, practice: Practice) -> None:
    """Nobody else sees it or ends it."""
    assert practice
    address = address_of(as_("thea").send("/calendar", {"name": "thea's phone", "which": "own"}).text)
    [revoke] = re.findall(r"/calendar/[0-9a-f]{64}/revoke", as_("thea").get("/calendar").text)
    sol = as_("sol")
    assert "thea" not in sol.get("/calendar").text
    sol.send("/calendar", {}, revoke)
    assert as_("").client.get(address).status_code == 200
    assert revoke in as_("nora").get("/calendar").text
    as_("nora").send("/calendar", {}, revoke)
    assert as_("").client.get(address).status_code == 404


def test_the_next_visit_is_a_file(as_: SignIn, practice: Practice) -> None:
    """For the person's own calendar, without a name; without a booking there is none."""
    stream, susan = admit(practice, "Ada Example"), as_("susan")
    assert susan.get(f"/book/{stream}/visit.ics").status == 404
    [slot] = offered(practice, "2027-01-20 09:00")
    sold(practice, stream, slot)
    answer = susan.get(f"/book/{stream}/visit.ics")
    assert answer.headers["content-disposition"] == 'attachment; filename="visit.ics"'
    assert "Ada" not in answer.text
    assert "SUMMARY:Clinic of tests: a refill" in answer.text
    with practice.reading() as reading:
        did = next(iter(read_audit(reading.connection, who="susan", stream=stream))).did
        [booked] = bookings(reading.connection, Instant(0))
    assert did == "gave out the next visit as a calendar file"
    assert booked.slot.begins.date(reading.zone) + timedelta(days=4) == date(2027, 1, 24)


def test_a_slot_is_free_again_when_the_booking_is_corrected_or_the_treatment_ends(as_: SignIn, practice: Practice) -> None:
    """By the pages themselves: both give back what nobody will come to."""
    stream, other = admit(practice), admit(practice, "Bo Other")
    first, second = offered(practice, "2027-01-20 09:00", "2027-01-21 09:00")
    version = sold(practice, stream, first)
    sold(practice, other, second)
    nora = as_("nora")
    nora.send(f"/chart/{stream}/correct/{version}", {"why": "of another person"})
    assert in_rows(practice) == {(other, "refill", second.begins)}
    nora.send(f"/person/{other}", {"ended_how": "died"}, to=f"/person/{other}/ended")
    assert in_rows(practice) == set()
