"""Administration: what the clinic says of itself, the sessions that stand, and the tokens of the programming interface.

A token acts for an account, never with more rights than that account has, and is shown once: the database knows its digest.
"""

from dataclasses import asdict
from hashlib import sha256

from starlette.responses import Response

from thecal.bench.codec import canonical
from thecal.clinic.access import denied
from thecal.clinic.account import account_named, accounts
from thecal.clinic.api_token import GRANTED, LABEL_MAX, make_token, revoke_token, token_lasts, token_standing, tokens
from thecal.clinic.audit import write_audit
from thecal.clinic.office import Office, read_office, write_office
from thecal.clinic.rebuild import rebuild
from thecal.clinic.sign_in import idle_end, longest, revoke, sessions
from thecal.errors import InputError
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.route import Pages

PAGES = Pages()
OFFICE = ("name", "timezone", "by_day", "by_night", "address")
_TEXT_MAX = 200
_SHOWN = "thecal_token"


@PAGES.get("/admin", "administer")
def admin_page(ask: Ask) -> Response:
    """Settings, sessions and tokens. A new token is shown this once: it comes in a cookie that this page takes away."""
    made = ask.request.cookies.get(_SHOWN, "")
    with ask.practice.database.reading() as connection:
        mine = made if made and token_standing(connection, made, ask.practice.now) is not None else ""
    response = _page(ask, 200, new_token=mine)
    if made:
        response.delete_cookie(_SHOWN, path="/admin")
    return response


def _page(
    ask: Ask, status: int, *, office_form: Form | None = None, token_form: Form | None = None, new_token: str = ""
) -> Response:
    now = ask.practice.now
    with ask.practice.reading() as reading:
        office, connection = reading.office, reading.connection
        standing, made, people = sessions(connection, now), tokens(connection), accounts(connection)
    assert ask.sign_in is not None  # the route says so
    return ask.page(
        "admin.html",
        status,
        asked=asdict(office),
        office_seen=_digest(office),
        office_form=office_form or Form(),
        token_form=token_form or Form(),
        sessions=standing,
        mine=ask.sign_in.number,
        idle=idle_end(),
        longest=longest(),
        tokens=made,
        lasts=token_lasts(),
        people=[(account.name, f"{account.full_name} ({account.role})") for account in people if account.active],
        granted=GRANTED,
        new_token=new_token,
    )


def _digest(office: Office) -> str:
    return sha256(canonical(asdict(office))).hexdigest()


@PAGES.post("/admin/office", "administer")
def office_changed(ask: Ask) -> Response:
    """What stands on every paper. Another time zone works out every chart anew."""
    form, practice = ask.form, ask.practice
    if not form.text("name"):
        form.refuse("name", "", "is missing")
    for name in OFFICE:
        if len(form.text(name)) > _TEXT_MAX:
            form.refuse(name, form.text(name), f"is longer than {_TEXT_MAX} characters")
    office = Office(*(form.text(name) for name in OFFICE))
    before = Office()
    if not form.errors:
        try:
            with practice.database.writing() as connection:
                before = read_office(connection)
                if form.text("office_seen") != _digest(before):
                    raise InputError("name", "", "and the rest were changed by somebody else since you opened the page; compare")
                changed = [name for name in OFFICE if getattr(before, name) != getattr(office, name)]
                write_office(connection, office)
                detail = ", ".join(changed) or "nothing"
                write_audit(connection, ask.by.who, "changed the office", practice.now, detail=detail, request=ask.number)
        except InputError as error:
            form.errors[error.field] = error
    if form.errors:
        return _page(ask, 422, office_form=form)
    if before.timezone == office.timezone:
        return ask.go("/admin", "Written down. It stands on every paper from now on.")
    charts = rebuild(practice).charts
    return ask.go("/admin", f"Written down. The clock is that of {office.timezone}; {charts} charts were worked out anew.")


@PAGES.post("/admin/session", "administer")
def session_ended(ask: Ask) -> Response:
    """End a session: whoever uses it signs in again."""
    practice, number = ask.practice, ask.form.text("number")
    with practice.database.writing() as connection:
        whose = [session.account.name for session in sessions(connection, practice.now) if session.number == number]
        ended = revoke(connection, practice.now, number=number)
        if ended:
            detail = f"of {whose[0]}" if whose else ""
            write_audit(connection, ask.by.who, "ended a session", practice.now, detail=detail, request=ask.number)
    return ask.go("/admin", "The session is ended." if ended else "It had ended already.")


@PAGES.post("/admin/token", "administer")
def token_made(ask: Ask) -> Response:
    """Make a token. It goes to the next page in a cookie that that page takes away."""
    form, practice = ask.form, ask.practice
    label, account = form.text("label"), form.text("account")
    if not label or len(label) > LABEL_MAX:
        form.refuse("label", label, "is missing" if not label else f"is longer than {LABEL_MAX} characters")
    with practice.reading() as reading:
        found, staff = account_named(reading.connection, account), reading.staff()
    if found is None or not found.active:
        form.refuse("account", account, "is not an open account")
    else:
        for duty in GRANTED:
            if duty in form.texts("permissions") and (why := denied(found, duty, staff)) is not None:
                form.refuse("permissions", duty, f"is more than {found.name} has: {why.why}")
    token = ""
    if not form.errors:
        try:
            with practice.database.writing() as connection:
                token, made = make_token(connection, label, account, form.texts("permissions"), practice.now)
                detail = f"for {account}: {', '.join(made.permissions)}"
                write_audit(connection, ask.by.who, "made a token", practice.now, detail=detail, request=ask.number)
        except InputError as error:
            form.errors[error.field] = error
    if form.errors:
        return _page(ask, 422, token_form=form)
    response = ask.go("/admin", "The token is made. It is shown this once.")
    secure = ask.request.app.state.secure
    response.set_cookie(_SHOWN, token, max_age=60, httponly=True, samesite="strict", secure=secure, path="/admin")
    return response


@PAGES.post("/admin/token/revoke", "administer")
def token_revoked(ask: Ask) -> Response:
    """End a token now."""
    practice = ask.practice
    with practice.database.writing() as connection:
        ended = revoke_token(connection, ask.form.text("number"), practice.now)
        if ended:
            write_audit(connection, ask.by.who, "revoked a token", practice.now, request=ask.number)
    return ask.go("/admin", "The token is revoked: it opens nothing now." if ended else "It was revoked already.")
