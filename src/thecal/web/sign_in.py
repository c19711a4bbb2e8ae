"""Signing in and out, the first administrator, another password, and the sessions of one's own."""

import secrets
from urllib.parse import quote

from starlette.responses import Response

from thecal.clinic import account as kept
from thecal.clinic.account import Account, Locked
from thecal.clinic.audit import write_audit
from thecal.clinic.office import Office, write_office
from thecal.clinic.sign_in import begin, revoke, sessions
from thecal.errors import InputError
from thecal.web.ask import Ask
from thecal.web.guard import COOKIE, PRE, NotFoundError, kept_page, same, with_pre
from thecal.web.route import OPEN, SIGNED_IN, Pages

PAGES = Pages()
_STAFF = ("physician", "nurse practitioner", "nurse", "therapist", "pharmacist", "scheduler", "social worker")
_WRONG = "is not right, or the name is not, or the account is locked: after some failures in a row it is for a while"
"""The same whatever it was, and for a name that is nobody's: nobody learns who has an account."""


def back_of(text: str) -> str:
    """A way back that stays within this clinic: a path of ours, or the worklist."""
    fits = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if fits else "/worklist"


@PAGES.get("/", SIGNED_IN)
def home(ask: Ask) -> Response:
    """The worklist is where the day begins."""
    return ask.go("/worklist")


@PAGES.get("/sign-in", OPEN)
def sign_in_page(ask: Ask) -> Response:
    """The form to sign in."""
    if not _anybody(ask):
        return ask.page(
            "plain.html",
            200,
            status=200,
            told="Nobody has an account yet: open the address that the program printed.",
            number=ask.number,
        )
    pre = secrets.token_urlsafe(24)
    return with_pre(ask, ask.page("sign_in.html", pre=pre, back=back_of(ask.query("back")), kept=[], path=""), pre)


def _anybody(ask: Ask) -> bool:
    with ask.practice.database.reading() as connection:
        return bool(kept.accounts(connection))


@PAGES.post("/sign-in", OPEN)
def signed_in(ask: Ask) -> Response:
    """Sign in. What fails says no more than that it failed."""
    form, practice, now = ask.form, ask.practice, ask.practice.now
    name, back = form.text("name").lower(), back_of(form.text("back"))
    with practice.database.reading() as connection:
        stored = kept.stored_password(connection, name)
    right = kept.fits(stored, form.values.get("password", ("",))[0])
    with practice.database.writing() as connection:
        found = kept.tried(connection, name, right=right, now=now)
        if isinstance(found, Account):
            where = ask.request.client.host if ask.request.client else ""
            token, _ = begin(connection, found, f"{where} {ask.request.headers.get('user-agent', '')}"[:120], now)
            write_audit(connection, found.name, "signed in", now, request=ask.number)
        else:
            did = "was locked out" if isinstance(found, Locked) else "failed to sign in"
            write_audit(connection, name[:60], did, now, request=ask.number)
    if not isinstance(found, Account):
        form.refuse("password", "", _WRONG)
        pre = secrets.token_urlsafe(24)
        return with_pre(ask, ask.again("sign_in.html", pre=pre, back=back, kept=[], path=""), pre)
    response = ask.go("/password" if found.change_password else back)
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/", secure=ask.request.app.state.secure)
    response.delete_cookie(PRE, path="/")
    return response


@PAGES.post("/sign-out", SIGNED_IN)
def sign_out(ask: Ask) -> Response:
    """End this session."""
    assert ask.sign_in is not None  # the route says so
    with ask.practice.database.writing() as connection:
        revoke(connection, ask.practice.now, number=ask.sign_in.number)
        write_audit(connection, ask.account.name, "signed out", ask.practice.now, request=ask.number)
    response = ask.go("/sign-in")
    response.delete_cookie(COOKIE, path="/")
    return response


@PAGES.get("/first", OPEN)
def first_page(ask: Ask) -> Response:
    """The form of the first administrator, for who has the key that the program printed."""
    _check_first(ask, ask.query("key"))
    pre = secrets.token_urlsafe(24)
    return with_pre(ask, ask.page("first.html", pre=pre, key=ask.query("key"), roles=_STAFF), pre)


def _check_first(ask: Ask, key: str) -> None:
    wanted = getattr(ask.request.app.state, "first_key", "")
    if not wanted or not same(key, wanted) or _anybody(ask):
        raise NotFoundError("The first account has been made, or the key is not the one that the program printed.")


@PAGES.post("/first", OPEN)
def first_made(ask: Ask) -> Response:
    """Make the first administrator and say what the clinic is called."""
    form = ask.form
    _check_first(ask, form.text("key"))
    role = form.chosen("role", _STAFF)
    password = form.values.get("password", ("",))[0]
    if password != form.values.get("password_again", ("",))[0]:
        form.refuse("password_again", "", "is not the same password")
    office = Office(form.text("clinic") or "Pump clinic", form.text("timezone"), form.text("by_day"), form.text("by_night"))
    if not form.errors:
        account = Account(form.text("name").lower(), form.text("full_name"), role or "", administrator=True)
        try:
            with ask.practice.database.writing() as connection:
                kept.make_account(connection, account, password, ask.practice.now)
                write_office(connection, office)
                write_audit(connection, account.name, "made the first account", ask.practice.now, request=ask.number)
        except InputError as error:
            form.errors.setdefault(error.field.replace(" ", "_"), error)
    if form.errors:
        pre = secrets.token_urlsafe(24)
        return with_pre(ask, ask.again("first.html", pre=pre, key=form.text("key"), roles=_STAFF), pre)
    return ask.go(f"/sign-in?back={quote('/worklist')}", "The first account is made. Sign in with it.")


@PAGES.get("/password", SIGNED_IN)
def password_page(ask: Ask) -> Response:
    """The form of another password."""
    return ask.page("password.html")


@PAGES.post("/password", SIGNED_IN)
def password_changed(ask: Ask) -> Response:
    """Another password; all other sessions of the account end."""
    form, name = ask.form, ask.account.name
    with ask.practice.database.reading() as connection:
        stored = kept.stored_password(connection, name)
    if not kept.fits(stored, form.values.get("old_password", ("",))[0]):
        form.refuse("old_password", "", "is not right")
    new = form.values.get("password", ("",))[0]
    if new != form.values.get("password_again", ("",))[0]:
        form.refuse("password_again", "", "is not the same password")
    with form.reading("password"):
        kept.check_password(new)
    if form.errors:
        return ask.again("password.html")
    assert ask.sign_in is not None  # the route says so
    with ask.practice.database.writing() as connection:
        kept.set_password(connection, name, new)
        for other in sessions(connection, ask.practice.now):
            if other.account.name == name and other.number != ask.sign_in.number:
                revoke(connection, ask.practice.now, number=other.number)
        write_audit(connection, name, "changed the password", ask.practice.now, request=ask.number)
    return ask.go("/worklist", "The password is changed, and your other sessions are ended.")


@PAGES.get("/signed-in-again", SIGNED_IN)
def signed_in_again(ask: Ask) -> Response:
    """What a window says that was opened to sign in again."""
    return ask.page(
        "plain.html", status=200, told="You are signed in. Close this window, and send what you typed again.", number=ask.number
    )


@PAGES.post("/send-again", SIGNED_IN, only_shows=True)
def send_again(ask: Ask) -> Response:
    """What was typed before a session ended, to be looked at and sent again under the new one. Nothing is done by it."""
    to = back_of(ask.form.text("send_again_to"))
    kept_fields = [(name, value) for name, value in ask.form.kept if name != "send_again_to"]
    return kept_page(ask, 200, "What you typed before", "Look at it, and send it again.", path=to, kept=kept_fields)
