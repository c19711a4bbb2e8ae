"""The people who work here: their accounts, what they are, and the certificates without which some of them may not (ROL-11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import get_args

from sqlalchemy import Connection, select, update
from starlette.responses import Response

from thecal.chart.clinical import Certified
from thecal.clinic import account as kept
from thecal.clinic.account import Account
from thecal.clinic.api_token import revoke_tokens_of
from thecal.clinic.audit import write_audit
from thecal.clinic.closures import renew
from thecal.clinic.entry import Corrected
from thecal.clinic.history import History
from thecal.clinic.practice import STAFF, Practice, Reading
from thecal.clinic.schema import account as table
from thecal.clinic.sign_in import revoke
from thecal.clinic.slots import bookings
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError
from thecal.therapy.look import Look
from thecal.therapy.permissions import Permission, roles
from thecal.timeline import DAY_S, Instant
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
SOON_S = 60 * DAY_S
"""A certificate that ends within so long is shown: a choice of ours (D), to leave time for refills under observation."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate as it was written down, and until when it counts: its own end, or the clinic's months (ROL-11)."""

    version: int
    fact: Certified
    ends: Instant
    state: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who works here, with the certificates of the role that they have."""

    account: Account
    papers: tuple[Paper, ...]

    @property
    def state(self) -> str:
        """Whether they can sign in."""
        if not self.account.active:
            return "closed"
        return "open, asked for a new password" if self.account.change_password else "open"


def needs_certificate(role: str) -> tuple[Permission, ...]:
    """What a profession may do only with a certificate."""
    known = roles().get(role)
    return tuple(name for name in get_args(Permission) if known is not None and known.permissions[name] == "if certified")


def papers_of(history: History, look: Look, name: str | None = None) -> tuple[Paper, ...]:
    """The certificates that stand, of everybody or of one person, the first to end first; those of each kind that were renewed
    are not shown.
    """
    months = look.limit("ROL-11", "valid").value
    latest: dict[tuple[str, str, str], Paper] = {}
    for row in history.standing:
        fact = row.entry
        if isinstance(fact, Certified) and name in (None, fact.who) and fact.at <= look.now:
            ends = min(fact.until, look.later(fact.at, months=months))
            key, paper = (fact.who, fact.role, fact.permission), Paper(row.version, fact, ends, _state(ends, look.now))
            if key not in latest or latest[key].ends <= ends:
                latest[key] = paper
    return tuple(sorted(latest.values(), key=lambda paper: (paper.ends, paper.fact.who, paper.fact.permission)))


def _state(ends: Instant, now: Instant) -> str:
    if ends < now:
        return "ended"
    return "ends soon" if ends.s - now.s <= SOON_S else "counts"


def _members(reading: Reading) -> list[Member]:
    papers = papers_of(reading.history(STAFF), reading.staff())
    found = []
    for account in kept.accounts(reading.connection):
        own = tuple(paper for paper in papers if (paper.fact.who, paper.fact.role) == (account.name, account.role))
        found.append(Member(account, own))
    return found


# Everybody -------------------------------------------------------------------------------------------------------------


@PAGES.get("/staff", "administer")
def staff_page(ask: Ask) -> Response:
    """Everybody who has an account, whose certificates end, and the form of a new account."""
    return _staff(ask, 200)


def _staff(ask: Ask, status: int) -> Response:
    with ask.practice.reading() as reading:
        members, look = _members(reading), reading.staff()
    ending = [paper for member in members if member.account.active for paper in member.papers if paper.state != "counts"]
    missing = [member for member in members if member.account.active and needs_certificate(member.account.role)]
    lacking = [(member, _lacks(member)) for member in missing if _lacks(member)]
    months = look.limit("ROL-11", "valid")
    return ask.page("staff.html", status, members=members, ending=ending, lacking=lacking, roles=tuple(roles()), months=months)


def _lacks(member: Member) -> tuple[str, ...]:
    held = {paper.fact.permission for paper in member.papers}
    return tuple(name for name in needs_certificate(member.account.role) if name not in held)


@PAGES.post("/staff", "administer")
def account_made(ask: Ask) -> Response:
    """Make an account, with a first password that its owner has to change."""
    form, practice = ask.form, ask.practice
    role, password = form.chosen("role", tuple(roles())), _twice(form)
    if not form.errors:
        name = form.text("name").lower()
        account = Account(name, form.text("full_name"), role or "", form.ticked("administrator"), change_password=True)
        try:
            with practice.database.writing() as connection:
                kept.make_account(connection, account, password, practice.now)
                detail = f"{name}, {role}{', administrator' if account.administrator else ''}"
                write_audit(connection, ask.by.who, "made an account", practice.now, detail=detail, request=ask.number)
            return ask.go(f"/staff/{name}", f"The account {name} is made. The password has to be changed at the first sign-in.")
        except InputError as error:
            form.errors[error.field.replace(" ", "_")] = error
    return _staff(ask, 422)


def _twice(form: Form) -> str:
    """The password of both fields, with nothing taken from it."""
    password = form.values.get("password", ("",))[0]
    if password != form.values.get("password_again", ("",))[0]:
        form.refuse("password_again", "", "is not the same password")
    with form.reading("password"):
        kept.check_password(password)
    return password


# One person ------------------------------------------------------------------------------------------------------------


@PAGES.get("/staff/{name}", "administer")
def account_page(ask: Ask, name: str) -> Response:
    """One account: what it is, its certificates, and what can be done with it."""
    return _account(ask, name, 200)


def _account(ask: Ask, name: str, status: int, **forms: Form) -> Response:
    """Each form of the page has what was typed into it, and nothing of the others."""
    with ask.practice.reading() as reading:
        history = reading.history(STAFF)
        account, look = _named(reading.connection, name), reading.staff()
        papers = papers_of(history, look, name)
    return ask.page(
        "account.html",
        status,
        person=account,
        papers=papers,
        needs=needs_certificate(account.role),
        months=look.limit("ROL-11", "valid"),
        roles=tuple(roles()),
        seen=history.version,
        **{f"{which}_form": forms.get(which, Form()) for which in ("details", "password", "certificate", "back")},
    )


def _named(connection: Connection, name: str) -> Account:
    found = kept.account_named(connection, name)
    if found is None:
        raise NotFoundError(f"There is no account {name[:60]}.")
    return found


def keep_an_administrator(connection: Connection, name: str) -> None:
    """Raises InputError where this is the only open account of an administrator: somebody must be left to open the others."""
    which = select(table.c.name).where(table.c.administrator, table.c.active).order_by(table.c.name).with_for_update()
    if list(connection.execute(which).scalars()) == [name]:
        raise InputError("administrator", name, "is the last administrator: make another one first")


@PAGES.post("/staff/{name}", "administer")
def account_changed(ask: Ask, name: str) -> Response:
    """Another name, role, or administrator or not. Certificates are of a role, and do not go with somebody into another."""
    form, practice = ask.form, ask.practice
    role, full_name, administrator = form.chosen("role", tuple(roles())), form.text("full_name"), form.ticked("administrator")
    if not full_name or len(full_name) > kept.NAME_MAX:
        form.refuse("full_name", full_name, "is missing" if not full_name else f"is longer than {kept.NAME_MAX} characters")
    if not form.errors:
        try:
            with practice.database.writing() as connection:
                before = _named(connection, name)
                if before.administrator and not administrator:
                    keep_an_administrator(connection, name)
                values = {"full_name": full_name, "role": role, "administrator": administrator}
                changed = [f"{field}: {value}" for field, value in values.items() if getattr(before, field) != value]
                connection.execute(update(table).where(table.c.name == name).values(**values))
                detail = f"{name}: {', '.join(text for text in changed if not text.startswith('full_name')) or 'the full name'}"
                write_audit(connection, ask.by.who, "changed an account", practice.now, detail=detail, request=ask.number)
            return ask.go(f"/staff/{name}", "The account is changed." if changed else "Nothing was changed.")
        except InputError as error:
            form.errors[error.field] = error
    return _account(ask, name, 422, details=form)


@PAGES.post("/staff/{name}/password", "administer")
def password_given(ask: Ask, name: str) -> Response:
    """Another first password for somebody who has lost theirs; their sessions end."""
    form, practice = ask.form, ask.practice
    password = _twice(form)
    if form.errors:
        return _account(ask, name, 422, password=form)
    with practice.database.writing() as connection:
        _named(connection, name)
        kept.set_password(connection, name, password, change=True)
        revoke(connection, practice.now, account=name)
        write_audit(connection, ask.by.who, "gave a new password", practice.now, detail=name, request=ask.number)
    return ask.go(
        "/staff", f"The password of {name} is another one, to be changed at the next sign-in. Their sessions are ended."
    )


@PAGES.post("/staff/{name}/close", "administer")
def account_closed(ask: Ask, name: str) -> Response:
    """Close an account: its sessions and tokens end now, and what it has written stays."""
    practice = ask.practice
    try:
        with practice.database.writing() as connection:
            _named(connection, name)
            keep_an_administrator(connection, name)
            kept.set_active(connection, name, active=False)
            revoke(connection, practice.now, account=name)
            revoke_tokens_of(connection, name, practice.now)
            write_audit(connection, ask.by.who, "closed an account", practice.now, detail=name, request=ask.number)
    except InputError as error:
        ask.form.errors[error.field] = error
        return _account(ask, name, 422)
    renew(practice)
    return ask.go("/staff", f"The account {name} is closed: its sessions and tokens are ended.")


@PAGES.post("/staff/{name}/open", "administer")
def account_opened(ask: Ask, name: str) -> Response:
    """Open an account again, with the password that it had; its tokens stay revoked."""
    practice = ask.practice
    with practice.database.writing() as connection:
        _named(connection, name)
        kept.set_active(connection, name, active=True)
        write_audit(connection, ask.by.who, "opened an account", practice.now, detail=name, request=ask.number)
    renew(practice)
    return ask.go(f"/staff/{name}", f"The account {name} is open again.")


# Certificates ----------------------------------------------------------------------------------------------------------


@PAGES.post("/staff/{name}/certificate", "administer")
def certificate_written(ask: Ask, name: str) -> Response:
    """Write down a certificate: from the day on which it was given to the end of its last day."""
    form, practice = ask.form, ask.practice
    with practice.reading() as reading:
        account, zone, now = _named(reading.connection, name), reading.zone, reading.now
    needs = needs_certificate(account.role)
    wanted = form.texts("permission")
    if not wanted or not set(wanted) <= set(needs):
        form.refuse("permission", ", ".join(wanted), "is missing" if not wanted else "needs no certificate", accepted=needs)
    given, until = form.day("given"), form.day("until")
    if given is not None and given > now.date(zone):
        form.refuse("given", form.text("given"), "is in the future")
    if given is not None and until is not None and until < given:
        form.refuse("until", form.text("until"), "is before the day on which it was given")
    if form.errors or given is None or until is None:
        return _account(ask, name, 422, certificate=form)
    begins = int(datetime.combine(given, time(), zone).timestamp())
    ends = int(datetime.combine(until + timedelta(days=1), time(), zone).timestamp()) - 1
    facts = _facts(wanted, account, Instant(min(begins, now.s)), Instant(ends))
    detail = f"{name}: {', '.join(wanted)}, until {until}"
    practice.write(STAFF, form.seen, facts, ask.by, "wrote down a certificate", detail=detail)
    _refresh_booked(practice, account)
    renew(practice)
    return ask.go(f"/staff/{name}", "The certificate is on record.")


def _facts(permissions: Iterable[str], account: Account, at: Instant, until: Instant) -> list[Certified]:
    return [Certified(at, account.name, account.role, permission, until) for permission in permissions]


@PAGES.post("/staff/{name}/certificate/back", "administer")
def certificate_taken_back(ask: Ask, name: str) -> Response:
    """Take a certificate back that should not be on record, and say why; it stays in the history."""
    form, practice = ask.form, ask.practice
    with practice.reading() as reading:
        account = _named(reading.connection, name)
        papers = {str(paper.version): paper for paper in papers_of(reading.history(STAFF), reading.staff(), name)}
    found = papers.get(form.text("version"))
    if found is None:
        form.refuse("why", form.text("version"), "is of a certificate that is not on record any more")
    if not form.text("why"):
        form.refuse("why", "", "is missing", label="why it is taken back")
    if form.errors or found is None:
        return _account(ask, name, 422, back=form)
    entry = Corrected(practice.now, found.version, form.text("why"))
    detail = f"{name}: {found.fact.permission}"
    practice.write(STAFF, form.seen, [entry], ask.by, "took a certificate back", detail=detail)
    _refresh_booked(practice, account)
    renew(practice)
    return ask.go(f"/staff/{name}", "The certificate does not count any more.")


def _refresh_booked(practice: Practice, account: Account) -> None:
    """Work out anew where those stand who are booked with somebody: on the day of the visit a certificate must count (ROL-11)."""
    with practice.reading() as reading:
        connection = reading.connection
        booked = {one.stream for one in all_standings(connection) if one.booked_with == account.full_name}
        booked |= {one.stream for one in bookings(connection, reading.now) if one.slot.refiller == account.name}
    for stream in sorted(booked):
        practice.refresh(stream)
