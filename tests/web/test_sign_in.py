"""Signing in: who is let in, for how long, and what is kept of what was typed."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.clinic.practice import PASSWORD, Clock
from tests.web.visitor import Visitor, hidden
from thecal.clinic.practice import Practice
from thecal.timeline import Duration
from thecal.web import app

SignIn = Callable[[str], Visitor]
CHANGED = {"old_password": PASSWORD, "password": "another good one", "password_again": "another good one"}


def test_nobody_sees_a_page_without_signing_in(as_: SignIn) -> None:
    """The way back leads to where one wanted to go."""
    stranger = as_("")
    answer = stranger.get("/worklist?tier=red")
    assert answer.url == "http://clinic.test/sign-in?back=/worklist%3Ftier%3Dred"


def test_a_session_is_another_one_after_each_sign_in(as_: SignIn) -> None:
    """A token that somebody planted before is not the one that counts (session fixation)."""
    nora = as_("nora")
    first = nora.client.cookies["thecal_session"]
    nora.sign_in()
    assert nora.client.cookies["thecal_session"] != first


def test_five_failures_lock_an_account_for_a_while(as_: SignIn, clock: Clock) -> None:
    """Also for the right password; afterwards it counts again."""
    stranger = as_("")
    stranger.name = "nora"
    told = {stranger.sign_in(password).words for password in [*["wrong password"] * 5, PASSWORD]}
    assert len(told) == 1
    assert "or the account is locked" in told.pop()
    clock.pass_(Duration(15 * 60 + 1))
    assert stranger.sign_in(PASSWORD).url.endswith("/worklist")


def test_an_address_that_signs_in_too_often_waits(as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty times a minute; the page says for how long, and leads on. To who is signed in there nothing changes."""
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(app, "time", clock)
    stranger, nora = as_(""), as_("nora")
    for _ in range(19):
        assert stranger.post("/sign-in", {}).status == 403
    clock.monotonic = lambda: 1030.0
    refused = stranger.post("/sign-in", {"name": "nora", "password": PASSWORD})
    assert (refused.status, refused.headers["retry-after"]) == (429, "31")
    assert "Wait 31 s, and try again. Nothing was done." in refused.words
    assert 'href="/worklist"' in refused.text
    assert "default-src 'none'" in refused.headers["content-security-policy"]
    assert nora.get("/worklist").status == 200
    clock.monotonic = lambda: 1061.0
    assert nora.sign_in().url.endswith("/worklist")


@pytest.mark.parametrize(("path", "kind"), [("/worklist", "text/html"), ("/api/charts", "text/plain")])
def test_an_address_that_asks_too_often_waits(as_: SignIn, monkeypatch: pytest.MonkeyPatch, path: str, kind: str) -> None:
    """A person is told on a page, a program in plain text."""
    monkeypatch.setattr(app, "_ALL", (2, 60.0))
    stranger = as_("")
    told = [stranger.client.get(path, follow_redirects=False) for _ in range(3)]
    assert [answer.status_code == 429 for answer in told] == [False, False, True]
    assert 0 < int(told[2].headers["retry-after"]) <= 61
    assert told[2].headers["content-type"].startswith(kind)
    assert "Too many requests from here." in told[2].text


def test_an_unknown_name_is_told_the_same_as_a_wrong_password(as_: SignIn) -> None:
    """Nobody learns who has an account."""
    stranger = as_("")
    told = {}
    for stranger.name in ("nobody", "nora"):
        told[stranger.name] = {stranger.sign_in("wrong password").words.replace(stranger.name, "") for _ in range(6)}
    assert told["nobody"] == told["nora"]


def test_a_session_that_is_left_alone_ends(as_: SignIn, clock: Clock) -> None:
    """After half an hour; one that is used goes on, for twelve hours at most."""
    nora = as_("nora")
    for _ in range(23):
        clock.pass_(Duration(29 * 60))
        assert nora.get("/worklist").url.endswith("/worklist")
    clock.pass_(Duration(30 * 60))
    assert "/sign-in" in nora.get("/worklist").url


def test_nobody_goes_on_for_longer_than_a_day_of_work(as_: SignIn, clock: Clock) -> None:
    """Twelve hours after signing in it ends, however busy one was."""
    nora = as_("nora")
    for _ in range(29):
        clock.pass_(Duration(25 * 60))
        last = nora.get("/worklist")
    assert "/sign-in" in last.url


def test_a_form_without_the_secret_of_the_session_changes_nothing(as_: SignIn) -> None:
    """And what was typed is given back."""
    nora = as_("nora")
    answer = nora.post("/password", CHANGED)
    assert answer.status == 403
    assert "another good one" not in answer.text
    assert PASSWORD not in answer.text
    assert nora.sign_in(PASSWORD).url.endswith("/worklist")


def test_a_form_of_another_site_is_refused(as_: SignIn) -> None:
    """By its origin, whatever it carries."""
    nora = as_("nora")
    page = nora.get("/password")
    data = {**CHANGED, "csrf": hidden(page.text, "csrf")}
    for headers in ({"Origin": "http://elsewhere.test"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = nora.client.post("/password", data=data, headers=headers)
        assert answer.status_code == 403
    assert nora.sign_in(PASSWORD).url.endswith("/worklist")


def test_no_way_back_leads_elsewhere(as_: SignIn) -> None:
    """An address that is not ours is the worklist."""
    stranger = as_("")
    for back in ("//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)"):
        page = stranger.get("/sign-in")
        data = {"pre": hidden(page.text, "pre"), "name": "nora", "password": PASSWORD, "back": back}
        assert stranger.post("/sign-in", data).url == "http://clinic.test/worklist"


def test_what_was_typed_outlives_the_session(as_: SignIn, clock: Clock) -> None:
    """The page of an ended session holds it, and shows it again after signing in; passwords are not kept."""
    nora = as_("nora")
    clock.pass_(Duration(31 * 60))
    lost = nora.post("/password", {"csrf": "old", "old_password": "secret one", "note": "typed <b>with care</b>"})
    assert lost.status == 401
    assert "typed &lt;b&gt;with care&lt;/b&gt;" in lost.text
    assert "secret one" not in lost.text
    nora.sign_in()
    again = nora.post("/send-again", {"csrf": "", "send_again_to": "/password", "note": "typed <b>with care</b>"})
    assert again.status == 200
    assert "typed &lt;b&gt;with care&lt;/b&gt;" in again.text
    assert 'action="/password"' in again.text
    assert 'action="/worklist"' in nora.post("/send-again", {"send_again_to": "//evil.test", "note": "x"}).text


def test_every_answer_has_strict_headers(as_: SignIn, practice: Practice) -> None:
    """Pages, errors and files alike."""
    assert practice
    nora = as_("nora")
    for path in ("/worklist", "/nowhere", "/static/thecal.css", "/sign-in"):
        headers = nora.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_a_changed_password_ends_the_other_sessions(as_: SignIn) -> None:
    """The one that changed it goes on."""
    here, there = as_("nora"), as_("nora")
    answer = here.send("/password", CHANGED)
    assert answer.url.endswith("/worklist")
    assert "/sign-in" in there.get("/worklist").url
    assert here.get("/worklist").url.endswith("/worklist")


def test_after_signing_out_the_token_is_worth_nothing(as_: SignIn) -> None:
    """Also for who has kept it."""
    nora = as_("nora")
    token = nora.client.cookies["thecal_session"]
    nora.send("/worklist", {}, to="/sign-out")
    nora.client.cookies.set("thecal_session", token)
    assert "/sign-in" in nora.get("/worklist").url
