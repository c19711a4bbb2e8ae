"""Administration: what the clinic says of itself, the sessions that stand, and the tokens of the programming interface.

A token acts for an account, never with more rights than that account has, and is shown once: the database knows its digest.
"""

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import get_args

from sqlalchemy import Connection, RowMapping, insert, select, update
from starlette.responses import Response

from thecal.bench.codec import canonical
from thecal.clinic.access import Duty, denied
from thecal.clinic.account import Account, account_named, accounts
from thecal.clinic.audit import write_audit
from thecal.clinic.office import Office, read_office, write_office
from thecal.clinic.schema import api_token as table
from thecal.clinic.sign_in import digest_of, idle_end, longest, revoke, sessions
from thecal.errors import InputError
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.route import Pages

PAGES = Pages()
OFFICE = ("name", "timezone", "by_day", "by_night", "address")
GRANTED: tuple[str, ...] = ("worklist", "chart", "identify", "record", "call", "book", "print", "stock", "audit")
"""What a token may be given: nothing that orders, signs, erases or administers."""
_TEXT_MAX = 200
_LABEL_MAX = 120
_SHOWN = "thecal_token"


# Tokens of the programming interface -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token: its number (a digest), what it is for, for whom it acts and what it may, until when."""

    number: str
    label: str
    account: str
    permissions: tuple[str, ...]
    made: Instant
    ends: Instant
    revoked: Instant | None

    def state(self, now: Instant) -> str:
        """``counts``, ``ended`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "ended" if now >= self.ends else "counts"


def token_lasts() -> Duration:
    """How long a token counts (settings clinic.api_token)."""
    return Duration.parse(settings_of("clinic")["api_token"].value, "api_token")


def make_token(
    connection: Connection, label: str, account: str, permissions: Iterable[str], now: Instant
) -> tuple[str, ApiToken]:
    """(the token, which is not kept and not shown again; what is kept of it). Raises InputError for what no token may do."""
    granted = tuple(sorted(set(permissions)))
    unknown = [name for name in granted if name not in GRANTED]
    if unknown or not granted:
        problem = "cannot be given to a token" if unknown else "are missing"
        raise InputError("permissions", ", ".join(unknown), problem, accepted=GRANTED)
    token = secrets.token_urlsafe(32)
    made = ApiToken(digest_of(token), label[:_LABEL_MAX], account, granted, now, now + token_lasts(), None)
    values = {"token": made.number, "label": made.label, "account": account, "permissions": ",".join(granted)}
    connection.execute(insert(table).values(**values, made=now.s, ends=made.ends.s))
    return token, made


def tokens(connection: Connection) -> list[ApiToken]:
    """Every token there was, the newest first."""
    rows = connection.execute(select(table).order_by(table.c.made.desc(), table.c.token)).mappings()
    return [_token(row) for row in rows]


def token_standing(connection: Connection, token: str, now: Instant) -> tuple[ApiToken, Account] | None:
    """(the token, the account it acts for), where it counts and the account is open; else None."""
    row = connection.execute(select(table).where(table.c.token == digest_of(token))).mappings().one_or_none()
    found = _token(row) if row is not None else None
    account = account_named(connection, found.account) if found is not None and found.state(now) == "counts" else None
    return (found, account) if found is not None and account is not None and account.active else None


def revoke_token(connection: Connection, number: str, now: Instant) -> bool:
    """End a token now; whether there was one that was not revoked before."""
    which = (table.c.token == number, table.c.revoked.is_(None))
    return connection.execute(update(table).where(*which).values(revoked=now.s)).rowcount == 1


def revoke_tokens_of(connection: Connection, account: str, now: Instant) -> int:
    """End every token that acts for an account; how many."""
    which = (table.c.account == account, table.c.revoked.is_(None))
    return connection.execute(update(table).where(*which).values(revoked=now.s)).rowcount


def _token(row: RowMapping) -> ApiToken:
    revoked = Instant(row["revoked"]) if row["revoked"] is not None else None
    granted = tuple(str(row["permissions"]).split(","))
    return ApiToken(row["token"], row["label"], row["account"], granted, Instant(row["made"]), Instant(row["ends"]), revoked)


# The page --------------------------------------------------------------------------------------------------------------


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
    charts = practice.refresh_all(every=True)
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
    if not label or len(label) > _LABEL_MAX:
        form.refuse("label", label, "is missing" if not label else f"is longer than {_LABEL_MAX} characters")
    with practice.reading() as reading:
        found, staff = account_named(reading.connection, account), reading.staff()
    if found is None or not found.active:
        form.refuse("account", account, "is not an open account")
    else:
        for duty in get_args(Duty):
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
