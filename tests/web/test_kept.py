"""What was typed is kept on the page that says why nothing came of it, whatever it was."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.clinic.practice import PASSWORD, Clock, admit, new_practice
from tests.clinic.test_booking import sold
from tests.clinic.test_slots import offered
from tests.web.test_pre_visit import answers, history
from tests.web.test_to_do import contact, number_of, promised
from tests.web.visitor import Visitor, hidden, visitor
from thecal.clinic import database
from thecal.clinic.account import set_password
from thecal.clinic.booking import book
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.entry import Contacted, PreVisitAsked, Resolved
from thecal.clinic.practice import By, Practice
from thecal.clinic.recall_sweep import resolution
from thecal.errors import Refusal
from thecal.timeline import Duration
from thecal.web import passport

SignIn = Callable[[str], Visitor]
TYPED = "typed with <care>"
SHOWN = "typed with &lt;care&gt;"
FIRST = {
    "name": "anna",
    "full_name": TYPED,
    "role": "nurse",
    "password": "a first good one",
    "password_again": "a first good one",
}


def secrets_of(page: str) -> dict[str, object]:
    """What the page puts into its form of its own."""
    return {name: hidden(page, name) for name in ("csrf", "once", "seen")}


# What is not there any more --------------------------------------------------------------------------------------------


def test_the_call_before_a_visit_that_was_moved_meanwhile_keeps_its_answers(
    as_: SignIn, practice: Practice, clock: Clock
) -> None:
    """The visit is not there any more: nothing is written, the answers are on the page, and nothing is sent to it again."""
    stream = admit(practice)
    first, other = offered(practice, "2026-11-23 09:00", "2027-01-20 09:00")
    seen = sold(practice, stream, first)
    clock.pass_(Duration(60))
    nora = as_("nora")
    page = nora.get(f"/pre-visit/{stream}").text
    assert not isinstance(book(practice, stream, seen, other.name, "refill", By("susan")), Refusal)
    sent = {**secrets_of(page), "visit": hidden(page, "visit"), **answers(skin="yes"), "told-skin": TYPED}
    answer = nora.post(f"/pre-visit/{stream}", sent)
    assert answer.status == 404
    assert "This visit is not booked any more" in answer.words
    assert SHOWN in answer.text
    assert "Send it again" not in answer.text
    assert history(practice, stream).last(PreVisitAsked) is None


@pytest.mark.parametrize(("form", "field"), [("contact", "outcome"), ("resolve", "resolved")])
def test_a_word_on_an_item_that_ended_meanwhile_is_kept(as_: SignIn, practice: Practice, form: str, field: str) -> None:
    """Somebody else has resolved it while it was typed: nothing is written, and the words are on the page."""
    stream = promised(practice)
    nora = as_("nora")
    n = number_of(practice, stream, "call back")
    typed = {**secrets_of(nora.get(f"/to-do/{stream}").text), **contact(practice, stream, "call back"), f"{field}-{n}": TYPED}
    with practice.reading() as reading:
        found = reading.history(stream)
        ended = resolution(found, reading.look(found), reading.recalls(), "call back", "called")
    practice.write(stream, found.version, ended, By("nils"), "resolved an item")
    answer = nora.post(f"/to-do/{stream}/{form}", typed)
    assert answer.status == 404
    assert "This is not to be done any more" in answer.words
    assert SHOWN in answer.text
    assert (len(history(practice, stream).all(Contacted)), len(history(practice, stream).all(Resolved))) == (0, 1)


def test_a_form_that_holds_nothing_is_answered_in_one_sentence(as_: SignIn) -> None:
    """Nothing was typed that could be kept; a page that is only read is told the same."""
    nora = as_("nora")
    sent = nora.post("/to-do/P-NOBODY22/contact", {"csrf": hidden(nora.get("/worklist").text, "csrf")})
    for answer in (sent, nora.get("/to-do/P-NOBODY22")):
        assert answer.status == 404
        assert "What you typed" not in answer.text


# Before there is a session ---------------------------------------------------------------------------------------------


def test_a_passport_whose_page_was_open_for_too_long_is_sent_again(as_: SignIn) -> None:
    """The cookie of the page has ended: text and key are on the page that says so, and sent from there they are checked."""
    stranger = as_("")
    page = stranger.get("/passport-check")
    typed = {"passport_text": TYPED, "public_key": "thecal-key:none"}
    stranger.client.cookies.clear()
    lost = stranger.post("/passport-check", {"pre": hidden(page.text, "pre"), **typed})
    assert lost.status == 403
    assert SHOWN in lost.text
    assert 'action="/passport-check"' in lost.text
    names = ("pre", "passport_text", "public_key")
    again = stranger.post("/passport-check", {name: hidden(lost.text, name) for name in names})
    assert again.status == 422
    assert 'id="public_key-error"' in again.text
    assert SHOWN in again.text


def test_a_passport_whose_check_failed_is_sent_again_without_signing_in(as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever checks one has no account here."""
    stranger = as_("")
    page = stranger.get("/passport-check").text
    with monkeypatch.context() as broken:
        broken.setattr(passport, "check_passport_text", Mock(side_effect=RuntimeError("no memory")))
        typed = {"pre": hidden(page, "pre"), "passport_text": TYPED, "public_key": "thecal-key:none"}
        lost = stranger.post("/passport-check", typed)
    assert lost.status == 500
    assert SHOWN in lost.text
    assert 'action="/passport-check"' in lost.text
    assert stranger.post("/passport-check", {name: hidden(lost.text, name) for name in typed}).status == 422


def test_the_first_account_whose_page_was_open_for_too_long_keeps_all_but_the_password(as_: SignIn) -> None:
    """Nor is the key shown that the program printed: it is filled in at its own page, which opens with that key."""
    answer = as_("").post("/first", {"pre": "of yesterday", "key": "of the program", **FIRST})
    assert answer.status == 403
    assert "Open the page again." in answer.words
    assert SHOWN in answer.text
    assert all(secret not in answer.text for secret in ("of yesterday", "of the program", str(FIRST["password"])))
    assert "Send it again" not in answer.text


def test_who_has_to_change_the_password_first_keeps_what_was_typed(as_: SignIn, practice: Practice) -> None:
    """But for passwords; once it is changed the same is sent again from the page that kept it."""
    nora = as_("nora")
    stream = admit(practice)
    number = number_of(practice, stream, "SAF-08")
    typed = secrets_of(nora.get(f"/to-do/{stream}").text) | contact(practice, stream, "SAF-08", outcome=TYPED)
    with practice.database.writing() as connection:
        set_password(connection, "nora", PASSWORD, change=True)
    lost = nora.post(f"/to-do/{stream}/contact", {**typed, "password": "typed by mistake"})
    assert lost.status == 403
    assert SHOWN in lost.text
    assert "typed by mistake" not in lost.text
    assert 'href="/password"' in lost.text
    assert history(practice, stream).all(Contacted) == []
    another = "another good one"
    nora.send("/password", {"old_password": PASSWORD, "password": another, "password_again": another})
    again = {name: hidden(lost.text, name) for name in ("csrf", "seen", *typed) if name != "once"}
    assert again[f"outcome-{number}"] == TYPED
    assert nora.post(f"/to-do/{stream}/contact", again).status == 200
    assert [told.outcome for told in history(practice, stream).all(Contacted)] == [TYPED]


def test_who_has_to_change_the_password_and_typed_nothing_is_led_there(as_: SignIn, practice: Practice) -> None:
    """As from every page that is only read."""
    nora = as_("nora")
    csrf = hidden(nora.get("/worklist").text, "csrf")
    with practice.database.writing() as connection:
        set_password(connection, "nora", PASSWORD, change=True)
    assert nora.post("/calendar", {"csrf": csrf}).url.endswith("/password")


# What nobody expected --------------------------------------------------------------------------------------------------


def test_an_error_that_nobody_expected_keeps_what_was_typed(
    as_: SignIn, practice: Practice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the number of the request, by which it is found in the log; afterwards the same form is new, and written once."""
    stream = admit(practice)
    nora = as_("nora")
    typed = secrets_of(nora.get(f"/to-do/{stream}").text) | contact(practice, stream, "SAF-08", outcome=TYPED)
    with monkeypatch.context() as broken:
        broken.setattr(Practice, "write", Mock(side_effect=RuntimeError("no memory")))
        lost = nora.post(f"/to-do/{stream}/contact", typed)
    assert lost.status == 500
    assert SHOWN in lost.text
    number = lost.words.partition("Request ")[2].partition(",")[0]
    assert f"request {number} to /to-do/{stream}/contact" in caplog.text
    assert "no memory" not in lost.text
    assert history(practice, stream).all(Contacted) == []
    for _ in range(2):
        assert nora.post(f"/to-do/{stream}/contact", typed).status == 200
    assert [told.outcome for told in history(practice, stream).all(Contacted)] == [TYPED]


def test_a_database_that_another_writer_holds_keeps_what_was_typed(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written while it is held; sent again afterwards, from the page that kept it, it is written once."""
    monkeypatch.setattr(database, "_BUSY_S", 0.05)
    practice = new_practice(sqlite_url(tmp_path / "clinic.db"), tmp_path, clock)
    other = Database(practice.database.url)
    stream = admit(practice)
    with visitor(practice) as as_:
        nora = as_("nora")
        typed = secrets_of(nora.get(f"/to-do/{stream}").text) | contact(practice, stream, "SAF-08", outcome=TYPED)
        with other.writing():
            lost = nora.post(f"/to-do/{stream}/contact", typed)
        assert lost.status == 503
        assert "Nothing was written." in lost.words
        assert SHOWN in lost.text
        assert history(practice, stream).all(Contacted) == []
        again = {name: hidden(lost.text, name) for name in typed if name != "once"}
        assert nora.post(f"/to-do/{stream}/contact", again).status == 200
        assert nora.post(f"/to-do/{stream}/contact", typed).status == 409
    assert [told.outcome for told in history(practice, stream).all(Contacted)] == [TYPED]
    other.close()
    practice.database.close()
