"""Who may open which page: every route, for everybody of the staff and for nobody, as the data says and as it is written here."""

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

import thecal.web
from tests.clinic.practice import STAFF_OF_TESTS, new_practice
from thecal.clinic.access import RIGHTS, Right, denied
from thecal.clinic.account import Account, set_active
from thecal.clinic.database import sqlite_url
from thecal.clinic.practice import Practice
from thecal.clinic.sign_in import begin
from thecal.web import app as application
from thecal.web.app import routes
from thecal.web.ask import Ask
from thecal.web.guard import COOKIE
from thecal.web.route import OPEN, SIGNED_IN, PageRoute, Pages

CARE = {"worklist", "chart", "identify", "record", "call", "book", "visit", "print", "teach"}
CLERK = {"administer", "import", "erase", "audit", "stock", "recall", "closures", "worklist"}
MAY: dict[str, set[str]] = {
    "nora": {*CARE, *CLERK, "view", "propose", "program", "refill", "double-check"},
    "nils": {*CARE, "view", "propose", "program", "refill", "double-check"},
    "dora": {*CARE, "view", "propose", "order", "program", "refill", "double-check"},
    "susan": {"worklist", "identify", "call", "book", "view"},
    "paul": {"worklist", "chart", "record", "stock", "print", "teach", "view", "propose", "double-check"},
    "thea": {"worklist", "chart", "record", "teach", "view", "propose"},
    "sol": {"worklist", "identify", "call", "view"},
}
"""What everybody of the staff may, written out: a change of the data is seen here. Nora is a nurse and an administrator."""
NOT_THEIRS = "You may not do this"
LICENSED: tuple[Right, ...] = ("program", "refill")


def every_page() -> list[PageRoute]:
    """The pages of the application, and those of modules that it does not have yet."""
    known = {(route.method, route.path): route for route in routes()}
    for module in pkgutil.iter_modules(thecal.web.__path__):
        pages = getattr(import_module(f"thecal.web.{module.name}"), "PAGES", None)
        if isinstance(pages, Pages):
            known = {(route.method, route.path): route for route in pages.routes} | known
    return list(known.values())


@dataclass(slots=True)
class Door:
    """An application of which every page only notes that it was reached, and the sessions of everybody."""

    practice: Practice
    client: TestClient
    reached: list[tuple[str, str]] = field(default_factory=list)
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)

    def knock(self, name: str, route: PageRoute) -> tuple[int, str, str, bool]:
        """(status, where to, what it says, whether the page was reached) of a call by somebody, whose form is right."""
        self.reached.clear()
        self.client.cookies.clear()
        token, csrf = self.sessions.get(name, ("", ""))
        if token:
            self.client.cookies.set(COOKIE, token)
        path = route.path.replace("{", "").replace("}", "")
        if route.method == "GET":
            answer = self.client.get(path, follow_redirects=False)
        else:
            answer = self.client.post(path, data={"csrf": csrf}, follow_redirects=False)
        return answer.status_code, answer.headers.get("location", ""), answer.text, (route.method, path) in self.reached


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The guards of all pages before doors that only say who came through."""
    folder: Path = tmp_path_factory.mktemp("permissions")
    practice = new_practice(sqlite_url(folder / "clinic.db"), folder)
    made = Door(practice, TestClient(application.make_app(practice)))

    def note(ask: Ask, **_: str) -> Response:
        made.reached.append((ask.request.method, ask.request.url.path))
        return Response("reached")

    with pytest.MonkeyPatch.context() as patch:
        stubs = sorted((replace(route, handler=note) for route in every_page()), key=lambda route: route.path.count("{"))
        patch.setattr(application, "all_pages", lambda: stubs)
        made.client = TestClient(application.make_app(practice), base_url="http://clinic.test")
    with practice.database.writing() as connection:
        for account in STAFF_OF_TESTS:
            token, session = begin(connection, account, "", practice.now)
            made.sessions[account.name] = (token, session.csrf)
    yield made
    practice.database.close()


def test_every_page_says_what_it_asks_for() -> None:
    """A right that is known, or in so many words none; and what is open to all is little, and written out here."""
    for route in every_page():
        assert route.needs in (*RIGHTS, OPEN, SIGNED_IN), route.path
    known = {
        "/sign-in", "/first", "/patient/{token}", "/patient/{token}/{topic}", "/passport-check", "/paper-style/{name}",
        "/calendar/{token}.ics",
    }  # fmt: skip
    assert {route.path for route in every_page() if route.needs == OPEN} <= known
    alike = {"/", "/password", "/sign-out", "/signed-in-again", "/send-again", "/emergency", "/calculators"}
    found = {route.path for route in every_page() if route.needs == SIGNED_IN}
    assert {path for path in found if not path.startswith("/calculators")} <= alike


def test_no_page_is_left_out_of_the_application() -> None:
    """A module of pages that nobody has registered would be read by nobody, and looked after by nobody."""
    assert {(route.method, route.path) for route in every_page()} == {(route.method, route.path) for route in routes()}


def test_no_two_pages_have_one_address() -> None:
    """The second one would never be reached, and its right never asked for."""
    addresses = [(route.method, route.path) for route in routes()]
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize("account", STAFF_OF_TESTS, ids=lambda account: account.name)
def test_everybody_may_what_is_written_here(door: Door, account: Account) -> None:
    """No more and no less, whatever the data says."""
    with door.practice.reading() as reading:
        staff = reading.staff()
    assert {right for right in RIGHTS if denied(account, right, staff) is None} == MAY[account.name]
    assert MAY.keys() == {each.name for each in STAFF_OF_TESTS}


@pytest.mark.requirement("ACC-01")
@pytest.mark.parametrize("account", STAFF_OF_TESTS, ids=lambda account: account.name)
def test_who_may_not_never_reaches_a_page(door: Door, account: Account) -> None:
    """Each page of each method: those who may come through, all others are told who may, with a form that is right besides."""
    for route in every_page():
        status, location, text, reached = door.knock(account.name, route)
        where = f"{account.name} {route.method} {route.path}"
        if route.needs == OPEN:
            assert reached == (route.method == "GET"), where  # a form of these pages carries a secret of its own
        elif route.needs == SIGNED_IN or route.needs in MAY[account.name]:
            assert (reached, status) == (True, 200), where
        else:
            assert (reached, status, location) == (False, 403, ""), where
            assert NOT_THEIRS in text, where
            assert "Who may: " in text, where


@pytest.mark.requirement("ACC-02")
def test_nobody_reaches_a_page_without_signing_in(door: Door) -> None:
    """A page leads to the sign-in, a form is kept there; only what is open to all is open."""
    for route in every_page():
        status, location, text, reached = door.knock("", route)
        where = f"{route.method} {route.path}"
        if route.needs == OPEN:
            assert (reached, status) == ((True, 200) if route.method == "GET" else (False, 403)), where
        elif route.method == "GET":
            assert (reached, status) == (False, 303), where
            assert location.startswith("/sign-in?back="), where
        else:
            assert (reached, status) == (False, 401), where
            assert "signed out" in text, where


def test_an_account_that_was_closed_is_nobody(door: Door) -> None:
    """At once, in the middle of a session."""
    worklist = next(route for route in routes() if route.path == "/worklist")
    assert door.knock("sol", worklist)[3]
    with door.practice.database.writing() as connection:
        set_active(connection, "sol", active=False)
    assert door.knock("sol", worklist)[:2] == (303, "/sign-in?back=/worklist")
    with door.practice.database.writing() as connection:
        set_active(connection, "sol", active=True)


@pytest.mark.requirement("ACC-05")
def test_a_right_that_needs_a_certificate_ends_with_it(door: Door) -> None:
    """The roles whose data says so may program and refill with one, and not a day longer; the pharmacist never."""
    with door.practice.reading() as reading:
        staff = reading.staff()
    later = replace(staff, now=replace(staff.now, s=staff.now.s + 301 * 86_400))
    for account in STAFF_OF_TESTS:
        for right in LICENSED:
            assert denied(account, right, later) is not None
            assert (denied(account, right, staff) is None) == (right in MAY[account.name])
