"""Tokens of the programming interface: a program that reads and writes for an account, with less than that account may.

A token is shown once, when it is made: the database knows only its digest, so nobody can make one out of the database. It never
has more rights than its account has at the moment of a call, whatever was written into it.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select, update

from thecal.clinic.access import RIGHTS, Right, denied
from thecal.clinic.account import Account, account_named
from thecal.clinic.schema import api_token as table
from thecal.clinic.sign_in import digest_of
from thecal.errors import InputError
from thecal.therapy.look import Look
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant

GRANTED: tuple[Right, ...] = ("worklist", "chart", "identify", "record", "call", "book", "print", "stock", "audit")
"""What a token may be given: nothing that orders, signs, erases or administers."""
LABEL_MAX = 120


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

    def rights(self, account: Account, staff: Look) -> frozenset[Right]:
        """What may be done with it now: what it was given, and of that what its account may. ``staff`` knows the certificates."""
        return frozenset(
            right for right in RIGHTS if right in GRANTED and right in self.permissions and denied(account, right, staff) is None
        )


def token_lasts() -> Duration:
    """How long a token counts (settings clinic.api_token)."""
    return Duration.parse(settings_of("clinic")["api_token"].value, "api_token")


def make_token(
    connection: Connection, label: str, account: str, permissions: Iterable[str], now: Instant
) -> tuple[str, ApiToken]:
    """(the token, which is not kept and not shown again; what is kept of it).

    Raises InputError for what no token may do, without a label or with one that is too long, and for an account that is not open.
    """
    label, granted = label.strip(), tuple(sorted(set(permissions)))
    unknown = [name for name in granted if name not in GRANTED]
    if unknown or not granted:
        problem = "cannot be given to a token" if unknown else "are missing"
        raise InputError("permissions", ", ".join(unknown), problem, accepted=GRANTED)
    if not 0 < len(label) <= LABEL_MAX:
        raise InputError("label", label, "is missing" if not label else f"is longer than {LABEL_MAX} characters")
    found = account_named(connection, account)
    if found is None or not found.active:
        raise InputError("account", account, "is not an open account")
    token = secrets.token_urlsafe(32)
    made = ApiToken(digest_of(token), label, account, granted, now, now + token_lasts(), None)
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
