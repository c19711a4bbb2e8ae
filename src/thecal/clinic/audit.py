"""The audit: who has seen or done what, and when. Written in the transaction that it tells of, never changed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from thecal.clinic.schema import audit as table
from thecal.timeline import Instant

DETAIL_MAX = 400


@dataclass(frozen=True, slots=True)
class Audited:
    """One line of the audit. ``did`` begins with a verb; ``request`` is the number of the request that it belongs to."""

    at: Instant
    who: str
    did: str
    stream: str
    detail: str
    request: str


def write_audit(
    connection: Connection, who: str, did: str, now: Instant, *, stream: str = "", detail: str = "", request: str = ""
) -> None:
    """Add a line. No identifier of a person belongs into ``detail``: the audit outlives an erasure."""
    values = {"at": now.s, "who": who, "did": did, "stream": stream, "detail": detail[:DETAIL_MAX], "request": request}
    connection.execute(insert(table).values(values))


def read_audit(
    connection: Connection, *, stream: str | None = None, who: str | None = None, limit: int = 200
) -> Iterable[Audited]:
    """The latest lines, of a chart or a person where one is named."""
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if stream is not None:
        query = query.where(table.c.stream == stream)
    if who is not None:
        query = query.where(table.c.who == who)
    for row in connection.execute(query):
        yield Audited(Instant(row.at), row.who, row.did, row.stream, row.detail, row.request)
