"""Signing in: a session of a browser, with an end, that can be revoked. The database knows only the digest of its token."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from thecal.clinic.account import Account, account_named
from thecal.clinic.schema import sign_in as table
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session that stands: whose it is, its number (a digest), until when, and the secret that its forms carry."""

    account: Account
    number: str
    begun: Instant
    ends: Instant
    csrf: str
    where_from: str


def idle_end() -> Duration:
    """How long a session may be left alone."""
    return Duration.parse(settings_of("clinic")["session_idle"].value)


def longest() -> Duration:
    """How long a session lasts at most."""
    return Duration.parse(settings_of("clinic")["session_longest"].value)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def begin(connection: Connection, account: Account, where_from: str, now: Instant) -> tuple[str, SignIn]:
    """(the token of a new session, for the browser alone; the session). Every sign-in has a token of its own."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_hex(32)
    session = SignIn(account, digest_of(token), now, now + longest(), csrf, where_from[:120])
    connection.execute(
        insert(table).values(
            token=session.number,
            account=account.name,
            begun=now.s,
            seen=now.s,
            ends=session.ends.s,
            csrf=csrf,
            where_from=session.where_from,
        )
    )
    return token, session


def standing(connection: Connection, token: str, now: Instant) -> SignIn | None:
    """The session of a token, if it still stands: not ended, not left alone for too long, not revoked, its account open."""
    row = connection.execute(select(table).where(table.c.token == digest_of(token))).one_or_none()
    if row is None or row.revoked is not None or now.s >= row.ends or now.s - row.seen >= idle_end().s:
        return None
    account = account_named(connection, row.account)
    if account is None or not account.active:
        return None
    return SignIn(account, row.token, Instant(row.begun), Instant(row.ends), row.csrf, row.where_from)


def seen(connection: Connection, number: str, now: Instant) -> None:
    """Somebody is there."""
    connection.execute(update(table).where(table.c.token == number, table.c.seen < now.s).values(seen=now.s))


def last_seen(connection: Connection, number: str) -> Instant:
    """When somebody was there last."""
    return Instant(connection.execute(select(table.c.seen).where(table.c.token == number)).scalar_one())


def revoke(connection: Connection, now: Instant, *, number: str | None = None, account: str | None = None) -> int:
    """End a session, or all of an account; how many."""
    which = table.c.token == number if number is not None else table.c.account == account
    return connection.execute(update(table).where(which, table.c.revoked.is_(None)).values(revoked=now.s)).rowcount


def sessions(connection: Connection, now: Instant) -> list[SignIn]:
    """The sessions that stand, the newest first."""
    found = select(table).where(table.c.revoked.is_(None), table.c.ends > now.s).order_by(table.c.begun.desc())
    standing_now = []
    for row in connection.execute(found):
        account = account_named(connection, row.account)
        if account is not None and now.s - row.seen < idle_end().s:
            standing_now.append(SignIn(account, row.token, Instant(row.begun), Instant(row.ends), row.csrf, row.where_from))
    return standing_now
