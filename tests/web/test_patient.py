"""The page of one person by invitation, and who invites."""

import re
from collections.abc import Callable
from datetime import date

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Booked
from thecal.clinic.audit import read_audit
from thecal.clinic.closures import close
from thecal.clinic.entry import Ended
from thecal.clinic.invitation import counts_for, invitations
from thecal.clinic.open_days import Closure
from thecal.clinic.people import erase_person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import version_of
from thecal.therapy.due import refill_due
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web import patient

SignIn = Callable[[str], Visitor]


def address(visitor: Visitor, stream: str) -> str:
    """Make an invitation, and give the path of its page."""
    answer = visitor.send(f"/invite/{stream}", {})
    found = re.search(r"http://clinic\.test(/patient/[\w-]+)", answer.text)
    assert found, answer.words
    return found.group(1)


def write(practice: Practice, stream: str, *entries: Booked | Ended) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nora"), "wrote for a test")


def refill_day(practice: Practice, stream: str) -> str:
    with practice.reading() as reading:
        due = refill_due(reading.look(reading.history(stream)))
        assert due is not None
        return due.date(reading.zone).isoformat()


def test_the_address_is_shown_once_with_its_code(as_: SignIn, practice: Practice) -> None:
    """And not again; nor to somebody else, nor from the database."""
    stream = admit(practice)
    nora = as_("nora")
    answer = nora.send(f"/invite/{stream}", {})
    assert '<svg role="img"' in answer.text
    assert "/patient/" in answer.text
    again = nora.get(f"/invite/{stream}")
    assert "/patient/" not in again.text
    assert "counts" in again.words
    assert "/patient/" not in as_("nils").get(f"/invite/{stream}").text


def test_the_page_says_the_refill_the_card_and_whom_to_call(as_: SignIn, practice: Practice) -> None:
    """Without signing in; with the words of what to do when it is late, the early signs, and what there is to read."""
    stream = admit(practice)
    told = as_("").get(address(as_("nora"), stream)).words
    assert refill_day(practice, stream) in told
    assert "nothing is booked: call the clinic" in told
    for text in ("Ada Example", "555-0101", "555-0102", "itching without a rash", "If a refill is late by some days"):
        assert text in told
    assert "Emergency card: intrathecal baclofen pump" in told
    assert "The alarm, at the earliest" in told
    assert "This is information and no medical advice" in told


def test_a_booking_is_shown_and_one_that_is_too_late_says_so(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The appointment at its local hour."""
    stream = admit(practice)
    path, stranger = address(as_("nora"), stream), as_("")
    on = Instant(practice.now.s + 5 * DAY_S)
    write(practice, stream, Booked(practice.now, "refill", on, "nora"))
    told = stranger.get(path).words
    assert "Wed 2026-11-25, 09:00" in told
    assert "too late" not in told
    clock.pass_(Duration(60))
    far = Instant(practice.now.s + 400 * DAY_S)
    write(practice, stream, Booked(practice.now, "refill", on, cancelled=True), Booked(practice.now, "refill", far, "nora"))
    assert "That is too late: call the clinic today." in stranger.get(path).words


def test_the_page_says_that_the_clinic_is_closed_on_the_day(as_: SignIn, practice: Practice) -> None:
    """By which day to come then, and to call where no open day is left (CLN-04)."""
    stream = admit(practice, "Ada Example")
    path, stranger = address(as_("nora"), stream), as_("")
    assert "The clinic is closed then: come by Fri 2027-01-22 ." in stranger.get(path).words
    close(practice, Closure("", date(2026, 11, 20), date(2027, 1, 29), "fire"), By("nora"))
    assert "The clinic is closed then: call the clinic now ." in stranger.get(path).words


def test_a_late_refill_is_said_first_in_days(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """So many days after the date to refill by."""
    stream = admit(practice)
    path, stranger = address(as_("nora"), stream), as_("")
    with practice.reading() as reading:
        due = refill_due(reading.look(reading.history(stream)))
    assert due is not None
    assert "late. Call the clinic now" not in stranger.get(path).words
    clock.now = Instant(due.refill_by.s + 2 * DAY_S)
    assert "Your refill is 2 days late. Call the clinic now." in stranger.get(path).words


def test_nothing_of_anybody_else_stands_on_it(as_: SignIn, practice: Practice) -> None:
    """Of two people each address shows one, and no name of the staff."""
    one, other = admit(practice, "Ada Example"), admit(practice, "Bea Other")
    nora, stranger = as_("nora"), as_("")
    first, second = stranger.get(address(nora, one)).text, stranger.get(address(nora, other)).text
    assert "Ada Example" in first
    assert "Bea Other" not in first
    assert "Ada Example" not in second
    assert "Nora" not in first
    assert one not in first


def test_no_cookie_no_index_no_form(as_: SignIn, practice: Practice) -> None:
    """Search engines are told to leave it, nothing is set in the browser, and nothing can be sent."""
    path = address(as_("nora"), admit(practice))
    stranger = as_("")
    for where in (path, f"{path}/withdrawal", "/patient/wrong"):
        answer = stranger.get(where)
        assert "set-cookie" not in answer.headers
        assert "noindex" in answer.headers["x-robots-tag"]
        assert '<meta name="robots" content="noindex' in answer.text
        assert "<form" not in answer.text
        assert answer.headers["cache-control"] == "no-store"


def test_a_revoked_address_leads_nowhere(as_: SignIn, practice: Practice) -> None:
    """From the moment on at which somebody of the staff has ended it; the list says so."""
    stream = admit(practice)
    nora, stranger = as_("nora"), as_("")
    path = address(nora, stream)
    assert stranger.get(path).status == 200
    answer = nora.send(f"/invite/{stream}", {}, to=f"/invite/{stream}/revoke")
    assert "The invitation is revoked" in answer.text
    assert "revoked 2026-11-20 09:00" in answer.words
    assert stranger.get(path).status == 404


def test_wrong_ended_and_revoked_are_told_the_same(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """To the letter, and as not found; so is an address of somebody who is treated elsewhere, or erased."""
    stream, left, erased = admit(practice), admit(practice, "Cy Left"), admit(practice, "Di Gone")
    nora, stranger = as_("nora"), as_("")
    gone, nobody, revoked = address(nora, left), address(nora, erased), address(nora, stream)
    nora.send(f"/invite/{stream}", {}, to=f"/invite/{stream}/revoke")
    ended = address(nora, stream)
    write(practice, left, Ended(practice.now, "transferred"))
    with practice.database.writing() as connection:
        erase_person(connection, erased, practice.now)
    answers = [stranger.get(path) for path in (revoked, gone, nobody, "/patient/wrong", f"{ended}/no-such-text")]
    assert stranger.get(ended).status == 200
    clock.pass_(counts_for())
    answers += [stranger.get(ended), stranger.get(f"{ended}/withdrawal")]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_each_view_is_audited(as_: SignIn, practice: Practice) -> None:
    """As of the page of the patient, with what was read; a wrong address is nobody's view."""
    stream = admit(practice)
    path, stranger = address(as_("nora"), stream), as_("")
    stranger.get(path)
    stranger.get(f"{path}/withdrawal")
    stranger.get(f"{path}x")
    with practice.database.reading() as connection:
        seen = [(line.did, line.stream, line.detail) for line in read_audit(connection, who=patient.WHO)]
        made = [line.who for line in read_audit(connection, stream=stream) if line.did == "made an invitation"]
    did = "read the page of an invitation"
    assert seen == [(did, stream, "withdrawal"), (did, stream, "")]
    assert made == ["nora"]


def test_a_text_is_read_with_its_sources(as_: SignIn, practice: Practice) -> None:
    """Every link of the list leads to one."""
    path, stranger = address(as_("nora"), admit(practice)), as_("")
    links = re.findall(rf'href="({path}/[a-z-]+)"', stranger.get(path).text)
    assert len(links) > 10
    assert "Meythaler 2003" in stranger.get(f"{path}/days-late").words
    for link in links:
        answer = stranger.get(link)
        assert answer.status == 200
        assert "no medical advice" in answer.words


def test_a_form_sent_twice_makes_one(as_: SignIn, practice: Practice) -> None:
    """The second one is shown what the first came to."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/invite/{stream}").text
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once")}
    nora.post(f"/invite/{stream}", data)
    nora.post(f"/invite/{stream}", data)
    with practice.database.reading() as connection:
        assert len(invitations(connection, stream)) == 1


def test_who_may_not_identify_invites_nobody(as_: SignIn, practice: Practice) -> None:
    """Nor who may print no emergency card: it can be read there. Nobody invites who is not here or not treated any more."""
    stream = admit(practice)
    for name in ("thea", "paul", "susan", "sol"):
        visitor = as_(name)
        assert visitor.get(f"/invite/{stream}").status == 403
        csrf = hidden(visitor.get("/worklist").text, "csrf")
        assert visitor.post(f"/invite/{stream}", {"csrf": csrf, "once": "a1"}).status == 403
    nils = as_("nils")
    assert nils.get(f"/invite/{stream}").status == 200
    assert nils.get("/invite/P-NOBODY22").status == 404
    write(practice, stream, Ended(practice.now, "died"))
    answer = nils.send(f"/invite/{stream}", {})
    assert answer.status == 422
    assert "does not treat this person now" in answer.words
    with practice.database.reading() as connection:
        assert invitations(connection, stream) == []
