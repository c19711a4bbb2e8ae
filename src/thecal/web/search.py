"""Finding somebody: by a name that is spelled nearly right, a number, a pseudonym, or the serial number of a pump."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select
from starlette.responses import Response

from thecal.clinic.people import ERASED, find, people_of
from thecal.clinic.person import Person
from thecal.clinic.schema import standing as table
from thecal.clinic.standing import Standing, standing_in
from thecal.web.ask import Ask
from thecal.web.route import Pages

PAGES = Pages()
_LONGEST = 100
_MOST = 50
"""How many are shown; a search that finds more is to be made narrower."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody who was found; ``person`` only for those who may know it."""

    stream: str
    person: Person | None
    standing: Standing | None


@PAGES.get("/search", "worklist")
def search_page(ask: Ask) -> Response:
    """Who is meant; straight to the chart where it is one alone. Names are searched only for those who may see them."""
    text = ask.query("q")[:_LONGEST]
    with ask.practice.reading() as reading:
        hits = list(_hits(reading.connection, text, by_name=ask.sees("identify"))) if text else []
    if text:
        ask.audit("searched for a person", detail=f"{len(hits)} found")  # not what was typed: it may be a name
    if len(hits) == 1 and ask.sees("chart"):
        return ask.go(f"/chart/{hits[0].stream}")
    return ask.page("search.html", q=text, hits=hits[:_MOST], more=max(len(hits) - _MOST, 0), by_name=ask.sees("identify"))


def _hits(connection: Connection, text: str, *, by_name: bool) -> Iterator[Hit]:
    """By the record first: serial number and pseudonym as they are written; then by identifiers, the likeliest first."""
    exact = or_(table.c.serial.icontains(text, autoescape=True), table.c.stream.icontains(text, autoescape=True))
    query = select(table.c.stream, table.c.body).where(exact).order_by(table.c.stream).limit(_MOST + 1)
    found = {row.stream: standing_in(row.body) for row in connection.execute(query)}
    people = dict(find(connection, text, _MOST + 1)) if by_name else {}
    missing = [stream for stream in people if stream not in found]
    rows = connection.execute(select(table.c.stream, table.c.body).where(table.c.stream.in_(missing)))
    standings = found | {row.stream: standing_in(row.body) for row in rows}
    if by_name:
        people = {**people_of(connection, [stream for stream in found if stream not in people]), **people}
    for stream in [*found, *missing]:
        person = people.get(stream)
        yield Hit(stream, person if person is not None and person.name != ERASED else None, standings.get(stream))
