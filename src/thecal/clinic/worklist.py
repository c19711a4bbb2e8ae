"""The worklist: who must be seen or called, by when, the gravest first. It reads what is kept and works nothing out."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from thecal.clinic.item import TIERS
from thecal.clinic.people import people_of
from thecal.clinic.person import Person
from thecal.clinic.schema import item as item_table
from thecal.clinic.schema import standing as table
from thecal.clinic.standing import Standing, standing_in

PAGE = 50
"""How many people a page of the worklist shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A person on the worklist: the standing as it is kept, and who it is."""

    body: str
    person: Person | None

    @property
    def standing(self) -> Standing:
        return standing_in(self.body)


@dataclass(frozen=True, slots=True)
class Worklist:
    """A page of it; ``counts`` are the people of each tier, ``kinds`` the items of each kind, over all pages."""

    rows: tuple[Row, ...]
    page: int
    pages: int
    total: int
    counts: dict[str, int]
    kinds: dict[str, int]


def worklist(connection: Connection, *, tier: int | None = None, kind: str | None = None, page: int = 1) -> Worklist:
    """A page of the worklist, of one tier or with items of one kind where one is named."""
    wheres = list(_wheres(tier, kind))
    total: int = connection.execute(select(func.count()).select_from(table).where(*wheres)).scalar_one()
    pages = max(-(-total // PAGE), 1)
    page = min(max(page, 1), pages)
    order = (table.c.tier, table.c.due.is_(None), table.c.due, table.c.stream)
    query = select(table.c.stream).where(*wheres).order_by(*order).limit(PAGE).offset((page - 1) * PAGE)
    shown = list(connection.execute(query).scalars())  # from the index alone; then the bodies of those that are shown
    bodies = connection.execute(select(table.c.stream, table.c.body).where(table.c.stream.in_(shown)))
    kept = {row.stream: row.body for row in bodies}
    people = people_of(connection, shown)
    found = tuple(Row(kept[stream], people.get(stream)) for stream in shown)
    of_tier = connection.execute(select(table.c.tier, func.count()).group_by(table.c.tier)).all()
    of_kind = connection.execute(select(item_table.c.kind, func.count()).group_by(item_table.c.kind)).all()
    counts = {name: next((number for tier, number in of_tier if tier == n), 0) for n, name in enumerate(TIERS)}
    return Worklist(found, page, pages, total, counts, dict(sorted((kind, number) for kind, number in of_kind)))


def _wheres(tier: int | None, kind: str | None) -> Iterator[ColumnElement[bool]]:
    if tier is not None:
        yield table.c.tier == tier
    if kind is not None:
        yield table.c.stream.in_(select(item_table.c.stream).where(item_table.c.kind == kind))


def all_standings(connection: Connection) -> list[Standing]:
    """Everybody, by name of the stream."""
    return [standing_in(body) for body in connection.execute(select(table.c.body).order_by(table.c.stream)).scalars()]
