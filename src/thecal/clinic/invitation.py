"""Invitations: the address under which one person reads their own page, without an account. It ends, and can be revoked.

The database knows only the digest of an address, so nobody can make one out of the database; it is shown once, when it is made.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, insert, select, update

from thecal.clinic.schema import invitation as table
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to the page of one chart: its number (a digest), who made it and when, until when it counts."""

    number: str
    stream: str
    made_by: str
    made: Instant
    ends: Instant
    revoked: Instant | None

    def state(self, now: Instant) -> str:
        """``counts``, ``ended`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "ended" if now >= self.ends else "counts"


def counts_for() -> Duration:
    """How long an invitation counts (settings clinic.invitation)."""
    return Duration.parse(settings_of("clinic")["invitation"].value, "invitation")


def invite(connection: Connection, stream: str, made_by: str, now: Instant) -> tuple[str, Invitation]:
    """(the token of a new invitation, which is not kept and not shown again; the invitation)."""
    token = secrets.token_urlsafe(32)
    made = Invitation(_digest(token), stream, made_by, now, now + counts_for(), None)
    values = {"token": made.number, "stream": stream, "made_by": made_by, "made": now.s, "ends": made.ends.s}
    connection.execute(insert(table).values(values))
    return token, made


def invited(connection: Connection, token: str, now: Instant) -> Invitation | None:
    """The invitation of a token, where it counts. One that is wrong, ended or revoked takes the same question and answer."""
    row = connection.execute(select(table).where(table.c.token == _digest(token))).one_or_none()
    found = _invitation(row) if row is not None else None
    return found if found is not None and found.state(now) == "counts" else None


def invitations(connection: Connection, stream: str) -> list[Invitation]:
    """Every invitation to the page of a chart, the newest first."""
    found = select(table).where(table.c.stream == stream).order_by(table.c.made.desc(), table.c.token)
    return [_invitation(row) for row in connection.execute(found)]


def revoke_invitation(connection: Connection, stream: str, number: str, now: Instant) -> bool:
    """End an invitation of a chart now; whether there was one that was not revoked before."""
    which = (table.c.token == number, table.c.stream == stream, table.c.revoked.is_(None))
    return connection.execute(update(table).where(*which).values(revoked=now.s)).rowcount == 1


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _invitation(row: Row[tuple[object, ...]]) -> Invitation:
    revoked = Instant(row.revoked) if row.revoked is not None else None
    return Invitation(row.token, row.stream, row.made_by, Instant(row.made), Instant(row.ends), revoked)
