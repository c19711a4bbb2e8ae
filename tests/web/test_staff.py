"""The staff: accounts that are made, changed, closed and opened, and certificates that end."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.clinic.practice import PASSWORD, Clock, admit
from tests.web.visitor import Answer, Visitor, hidden
from thecal.chart.clinical import Booked, Certified
from thecal.clinic.account import account_named
from thecal.clinic.closures import close
from thecal.clinic.history import History
from thecal.clinic.open_days import Closure
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.worklist import all_standings
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.staff import needs_certificate

SignIn = Callable[[str], Visitor]


NEW: dict[str, object] = {
    "name": "rita",
    "full_name": "Rita New",
    "role": "nurse",
    "password": "a first good one",
    "password_again": "a first good one",
}
GIVEN = {"password": "a given good one", "password_again": "a given good one"}


def post(visitor: Visitor, page: str, to: str, **fields: object) -> Answer:
    text = visitor.get(page).text
    given: dict[str, object] = {"csrf": hidden(text, "csrf"), "once": hidden(text, "once")}
    if 'name="seen"' in text:
        given["seen"] = hidden(text, "seen")
    return visitor.post(to, {**given, **fields})


def history(practice: Practice) -> History:
    with practice.reading() as reading:
        return reading.history(STAFF)


def may(practice: Practice, name: str, role: str) -> bool:
    with practice.reading() as reading:
        return reading.staff().may(name, role, "program")


def test_only_an_administrator_sees_the_staff(as_: SignIn) -> None:
    """Nobody else reads or makes accounts."""
    assert as_("nils").get("/staff").status == 403
    assert as_("dora").get("/staff/nora").status == 403


def test_a_new_account_has_to_change_its_first_password(as_: SignIn, practice: Practice) -> None:
    """Until then no other page is to be had."""
    assert post(as_("nora"), "/staff", "/staff", **NEW).url.endswith("/staff/rita")
    rita = as_("")
    rita.name = "rita"
    assert rita.sign_in(str(NEW["password"])).url.endswith("/password")
    assert rita.get("/worklist").url.endswith("/password")
    fields = {"old_password": NEW["password"], "password": "a second good one", "password_again": "a second good one"}
    assert rita.send("/password", fields).url.endswith("/worklist")
    assert practice


def test_a_form_that_is_sent_twice_makes_one_account(as_: SignIn, practice: Practice) -> None:
    """Both lead to the account."""
    nora = as_("nora")
    page = nora.get("/staff").text
    fields = {"csrf": hidden(page, "csrf"), "once": hidden(page, "once"), **NEW}
    assert [nora.post("/staff", fields).url for _ in range(2)] == ["http://clinic.test/staff/rita"] * 2
    assert practice


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "nora"}, "is taken"),
        ({"name": "a b"}, "cannot be the name of an account"),
        ({"password_again": "another one"}, "is not the same password"),
        ({"password": "short", "password_again": "short"}, "has 5 characters"),
        ({"role": "king"}, "is not one of those"),
        ({"full_name": ""}, "is missing"),
    ],
)
def test_a_bad_account_is_not_made(as_: SignIn, practice: Practice, changed: dict[str, str], said: str) -> None:
    """What was typed is kept, the passwords are not, and the field says what is wrong."""
    answer = post(as_("nora"), "/staff", "/staff", **{**NEW, **changed})
    assert answer.status == 422
    assert said in answer.text
    assert str(NEW["password"]) not in answer.text
    assert 'aria-invalid="true"' in answer.text
    with practice.database.reading() as connection:
        assert account_named(connection, "rita") is None


def test_the_last_administrator_stays(as_: SignIn, practice: Practice) -> None:
    """Nobody takes it from them or closes the account, until there is another one."""
    nora = as_("nora")
    taken = post(nora, "/staff/nora", "/staff/nora", full_name="Nora Nurse", role="nurse")
    closed = post(nora, "/staff/nora", "/staff/nora/close")
    for answer in (taken, closed):
        assert answer.status == 422
        assert "is the last administrator" in answer.text
    post(nora, "/staff/dora", "/staff/dora", full_name="Dora Doctor", role="physician", administrator="yes")
    assert post(nora, "/staff/nora", "/staff/nora/close").status == 200
    assert "/sign-in" in nora.get("/staff").url
    with practice.database.reading() as connection:
        account = account_named(connection, "nora")
    assert account is not None
    assert not account.active


def test_a_closed_administrator_does_not_count(as_: SignIn) -> None:
    """The last open one stays."""
    nora = as_("nora")
    post(nora, "/staff/dora", "/staff/dora", full_name="Dora Doctor", role="physician", administrator="yes")
    assert post(nora, "/staff/dora", "/staff/dora/close").status == 200
    assert "is the last administrator" in post(nora, "/staff/nora", "/staff/nora/close").text


def test_a_closed_account_is_out_at_once_and_opened_again(as_: SignIn) -> None:
    """Its session ends; opened, the old password counts."""
    nora, nils = as_("nora"), as_("nils")
    post(nora, "/staff/nils", "/staff/nils/close")
    assert "/sign-in" in nils.get("/worklist").url
    assert "is not right" in nils.sign_in(PASSWORD).text
    post(nora, "/staff/nils", "/staff/nils/open")
    assert nils.sign_in(PASSWORD).url.endswith("/worklist")


def test_a_given_password_ends_the_sessions(as_: SignIn) -> None:
    """The old one is worth nothing, the new one has to be changed."""
    nora, nils = as_("nora"), as_("nils")
    post(nora, "/staff/nils", "/staff/nils/password", **GIVEN)
    assert "/sign-in" in nils.get("/worklist").url
    assert "is not right" in nils.sign_in(PASSWORD).text
    assert nils.sign_in(GIVEN["password"]).url.endswith("/password")


def test_a_wrong_password_form_leaves_the_other_forms_as_they_are(as_: SignIn) -> None:
    """The tick of the administrator is still there: it was not that form that was sent."""
    answer = post(as_("nora"), "/staff/nora", "/staff/nora/password", **(GIVEN | {"password_again": "y"}))
    assert answer.status == 422
    tick = answer.text.partition('id="administrator"')[2].partition(">")[0]
    assert "checked" in tick


def test_a_certificate_lets_somebody_program(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """From the day it was given, to the end of its last day, and no longer than the clinic's twelve months."""
    nora = as_("nora")
    post(nora, "/staff", "/staff", **NEW)
    assert not may(practice, "rita", "nurse")
    today = clock.now.date(practice.office().zone)
    fields = {"permission": ["program", "refill"], "given": today, "until": today + timedelta(days=10)}
    answer = post(nora, "/staff/rita", "/staff/rita/certificate", **fields)
    assert "The certificate is on record." in answer.text
    assert may(practice, "rita", "nurse")
    clock.pass_(Duration(10 * DAY_S))
    assert may(practice, "rita", "nurse")
    clock.pass_(Duration(DAY_S))
    assert not may(practice, "rita", "nurse")
    assert [fact.permission for fact in history(practice).all(Certified) if fact.who == "rita"] == ["program", "refill"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": "2026-11-18"}, "is before the day on which it was given"),
        ({"given": "2026-11-21"}, "is in the future"),
        ({"given": "yesterday"}, "is not a date"),
        ({"permission": []}, "is missing"),
        ({"permission": ["view"]}, "needs no certificate"),
    ],
)
def test_a_bad_certificate_is_not_written(as_: SignIn, practice: Practice, changed: dict[str, object], said: str) -> None:
    """The version of the staff stays what it was."""
    before = history(practice).version
    fields = {"permission": ["program"], "given": "2026-11-19", "until": "2027-11-19", **changed}
    answer = post(as_("nora"), "/staff/nils", "/staff/nils/certificate", **fields)
    assert (answer.status, said in answer.text) == (422, True)
    assert history(practice).version == before


def test_a_certificate_over_one_that_came_between_is_stale(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Nothing is written, and what was typed is given back."""
    nora = as_("nora")
    seen = history(practice).version
    practice.write(STAFF, seen, [Certified(clock.now, "nils", "nurse", "refill", clock.now)], By("dora"), "wrote")
    fields = {"permission": ["program"], "given": "2026-11-19", "until": "2027-11-19"}
    answer = post(nora, "/staff/nils", "/staff/nils/certificate", **fields, seen=seen)
    assert answer.status == 409
    assert "2027-11-19" in answer.text
    assert history(practice).version == seen + 1


def test_a_certificate_is_taken_back_with_a_reason(as_: SignIn, practice: Practice) -> None:
    """It counts no longer, stays in the history, and one that is not there any more is said."""
    nora = as_("nora")
    page = nora.get("/staff/nils").text
    version = next(str(row.version) for row in history(practice).standing if getattr(row.entry, "who", "") == "nils")
    assert f'name="version" value="{version}"' in page
    assert post(nora, "/staff/nils", "/staff/nils/certificate/back", version=version, why="").status == 422
    answer = post(nora, "/staff/nils", "/staff/nils/certificate/back", version=version, why="it was of another nurse")
    assert "does not count any more" in answer.text
    assert not may(practice, "nils", "nurse")
    assert len(history(practice).rows) == 10
    assert post(nora, "/staff/nils", "/staff/nils/certificate/back", version=version, why="again").status == 422


def test_who_is_booked_with_somebody_is_looked_at_again(as_: SignIn, practice: Practice) -> None:
    """A certificate that is taken back is on the worklist at once, of those who are booked with that person."""
    stream, other = admit(practice), admit(practice, "Bo Other")
    for person, who in ((stream, "Nils Nurse"), (other, "Nora Nurse")):
        booked = Booked(practice.now, "refill", Instant(practice.now.s + 50 * DAY_S), who)
        practice.write(person, 11, [booked], By("susan"), "booked")

    def of_certificates() -> set[str]:
        with practice.database.reading() as connection:
            return {one.stream for one in all_standings(connection) if any(item.rule == "ROL-11" for item in one.items)}

    assert of_certificates() == set()
    wanted = [row for row in history(practice).standing if getattr(row.entry, "who", "") == "nils"]
    [refill] = [row.version for row in wanted if getattr(row.entry, "permission", "") == "refill"]
    post(as_("nora"), "/staff/nils", "/staff/nils/certificate/back", version=str(refill), why="it was of another nurse")
    assert of_certificates() == {stream}


def test_the_last_open_day_is_that_of_who_may_refill_now(as_: SignIn, practice: Practice) -> None:
    """Where the one who was left may not any more, a refill is due on the day before the others are away."""
    stream = admit(practice)
    for who in ("nora", "dora"):
        close(practice, Closure("", date(2027, 1, 18), date(2027, 1, 24), "leave", who), By("nora"))

    def open_by() -> date | None:
        with practice.reading() as reading:
            standing = next(one for one in all_standings(reading.connection) if one.stream == stream)
            return standing.open_by.date(reading.zone) if standing.open_by else None

    assert open_by() == date(2027, 1, 22)
    nora = as_("nora")
    post(nora, "/staff/nils", "/staff/nils/close")
    assert open_by() == date(2027, 1, 15)
    post(nora, "/staff/nils", "/staff/nils/open")
    assert open_by() == date(2027, 1, 22)


def test_certificates_that_end_soon_stand_first(as_: SignIn, clock: Clock, practice: Practice) -> None:
    """From sixty days before; once they are over they say so, and who never had one is named too."""
    nora = as_("nora")
    assert "Certificates to look after" not in nora.get("/staff").words
    clock.now = Instant(clock.now.s + 241 * DAY_S)
    nora.sign_in()
    assert "nils, program: ends soon" in nora.get("/staff").words
    clock.now = Instant(clock.now.s + 60 * DAY_S)
    nora.sign_in()
    assert "nils, program: ended" in nora.get("/staff").words
    post(nora, "/staff", "/staff", **NEW)
    assert "rita, nurse: no certificate on record to" in nora.get("/staff").words
    assert practice


def test_who_needs_one_is_what_the_roles_say() -> None:
    """A nurse does to program and refill, a social worker to nothing."""
    assert set(needs_certificate("nurse")) >= {"program", "refill"}
    assert needs_certificate("social worker") == ()
    assert needs_certificate("nobody") == ()


def test_an_unknown_account_is_not_found(as_: SignIn) -> None:
    """By its name, whatever it is."""
    assert as_("nora").get("/staff/nobody").status == 404


def test_the_page_says_what_taking_a_certificate_back_does(as_: SignIn) -> None:
    """Where somebody has one."""
    nora, told = as_("nora"), "Taking a certificate back ends at once what they may do by it."
    assert told in nora.get("/staff/nils").words
    assert told not in nora.get("/staff/susan").words
