"""Administration: the office, the sessions that stand, and the tokens of programs."""

import re
from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Answer, Visitor, hidden
from thecal.clinic.account import set_active
from thecal.clinic.api_token import GRANTED, make_token, revoke_token, token_standing, tokens
from thecal.clinic.audit import read_audit
from thecal.clinic.practice import Practice
from thecal.errors import InputError
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]


OFFICE = {
    "name": "Clinic of tests",
    "timezone": "Europe/Berlin",
    "by_day": "555-0101",
    "by_night": "555-0199",
    "address": "1 Way",
}


def office(visitor: Visitor, **changed: str) -> Answer:
    page = visitor.get("/admin")
    secrets = {name: hidden(page.text, name) for name in ("csrf", "once", "office_seen")}
    return visitor.post("/admin/office", {**secrets, **OFFICE, **changed})


def make(visitor: Visitor, **fields: object) -> Answer:
    page = visitor.get("/admin")
    given = {"label": "export", "account": "nils", "permissions": ["worklist", "chart"], **fields}
    return visitor.post("/admin/token", {"csrf": hidden(page.text, "csrf"), "once": hidden(page.text, "once"), **given})


def token_of(page: str) -> str:
    found = re.search(r'<pre class="typed">([^<]+)</pre>', page)
    return found.group(1) if found else ""


def test_only_an_administrator_administers(as_: SignIn) -> None:
    """Whatever the profession; the page says who may."""
    for name in ("nils", "dora", "susan"):
        answer = as_(name).get("/admin")
        assert (answer.status, "Who may: administrator" in answer.text) == (403, True)


def test_what_the_clinic_says_of_itself_is_written_down(as_: SignIn, practice: Practice) -> None:
    """It stands on the papers from then on, and the audit says which of it was changed, not what it says."""
    answer = office(as_("nora"))
    assert answer.status == 200
    assert "stands on every paper" in answer.text
    assert (practice.office().by_night, practice.office().address) == ("555-0199", "1 Way")
    with practice.database.reading() as connection:
        line = next(line for line in read_audit(connection, who="nora") if line.did == "changed the office")
    assert line.detail == "by_night, address"


def test_an_unknown_time_zone_keeps_what_was_typed(as_: SignIn, practice: Practice) -> None:
    """The field says the nearest one; nothing is written."""
    answer = office(as_("nora"), timezone="Europe/Berln", by_day="555-0777")
    assert answer.status == 422
    assert "Europe/Berlin" in answer.text
    assert 'value="555-0777"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert practice.office().by_day == "555-0101"


def test_another_time_zone_works_out_every_chart_anew(as_: SignIn, practice: Practice) -> None:
    """The day of a standing is that of the clinic."""
    admit(practice)
    answer = office(as_("nora"), timezone="Pacific/Auckland")
    assert "1 charts were worked out anew" in answer.text
    assert practice.office().zone.key == "Pacific/Auckland"


def test_an_office_that_somebody_else_changed_is_not_overwritten(as_: SignIn, practice: Practice) -> None:
    """The second form is refused, and what was typed is kept."""
    nora = as_("nora")
    page = nora.get("/admin")
    secrets = {name: hidden(page.text, name) for name in ("csrf", "office_seen")}
    office(as_("nora"), name="The other name")
    answer = nora.post("/admin/office", {**secrets, "once": "1", **OFFICE, "address": "mine"})
    assert answer.status == 422
    assert "changed by somebody else" in answer.text
    assert 'value="mine"' in answer.text
    assert practice.office().name == "The other name"


def test_a_session_that_is_ended_signs_in_again(as_: SignIn) -> None:
    """One's own is not offered; ending one twice says so."""
    nora, nils = as_("nora"), as_("nils")
    page = nora.get("/admin")
    assert "this session" in page.words
    numbers = re.findall(r'name="number" value="([0-9a-f]{64})"', page.text)
    assert len(numbers) == 1
    fields = {"csrf": hidden(page.text, "csrf"), "number": numbers[0]}
    assert "The session is ended." in nora.post("/admin/session", {**fields, "once": "1"}).text
    assert "/sign-in" in nils.get("/worklist").url
    assert "It had ended already." in nora.post("/admin/session", {**fields, "once": "2"}).text


def test_a_token_is_shown_once(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """It acts for its account with what it was given; the next page and the database no longer have it."""
    nora = as_("nora")
    token = token_of(make(nora).text)
    assert token
    assert token_of(nora.get("/admin").text) == ""
    with practice.database.reading() as connection:
        found = token_standing(connection, token, clock.now)
        assert found is not None
        assert (found[1].name, found[0].permissions) == ("nils", ("chart", "worklist"))
        assert token not in str(tokens(connection))
        assert token_standing(connection, token, clock.now + Duration(365 * DAY_S)) is None
        audited = next(line for line in read_audit(connection, who="nora") if line.did == "made a token")
    assert audited.detail == "for nils: chart, worklist"


def test_a_token_has_no_more_than_its_account(as_: SignIn, practice: Practice) -> None:
    """What is too much is said beside the field, and nothing is made."""
    answer = make(as_("nora"), account="susan", permissions=["worklist", "chart"])
    assert answer.status == 422
    assert "is more than susan has" in answer.text
    assert 'value="export"' in answer.text
    with practice.database.reading() as connection:
        assert not tokens(connection)


@pytest.mark.parametrize("name", ["administer", "erase", "program", "order", "import"])
def test_no_token_signs_or_administers(as_: SignIn, practice: Practice, name: str) -> None:
    """Not by the page and not by the function."""
    assert name not in GRANTED
    assert make(as_("nora"), account="nora", permissions=[name]).status == 422
    with practice.database.writing() as connection, pytest.raises(InputError, match="cannot be given to a token"):
        make_token(connection, "x", "nora", [name], practice.now)


def test_a_revoked_token_and_one_of_a_closed_account_open_nothing(practice: Practice, clock: Clock) -> None:
    """Revoking it twice changes nothing the second time."""
    with practice.database.writing() as connection:
        first, kept = make_token(connection, "a", "nils", ["worklist"], clock.now)
        second, _ = make_token(connection, "b", "dora", ["worklist"], clock.now)
        assert revoke_token(connection, kept.number, clock.now)
        assert not revoke_token(connection, kept.number, clock.now)
        set_active(connection, "dora", active=False)
        assert token_standing(connection, first, clock.now) is None
        assert token_standing(connection, second, clock.now) is None


def test_the_page_says_what_ending_and_revoking_do(as_: SignIn) -> None:
    """Beside the tables of sessions and tokens."""
    page = as_("nora").get("/admin").words
    assert "Ending one signs out at once whoever uses it" in page
    assert "Revoking one shuts out at once, and for good, the program or calendar that uses it" in page
