"""On which days the clinic can refill: its weekdays, its closures, and who may refill (CLN-04)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar, cast

from sqlalchemy import Connection, delete, insert, select

from thecal.bench.codec import canonical, parse
from thecal.clinic.schema import closure as table
from thecal.clinic.schema import setting as setting_table
from thecal.errors import InputError

WORKING_WEEK = frozenset(range(5))
"""Monday to Friday: a default of thecal (D), which a clinic sets as it is."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = "open weekdays"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Closure:
    """Days from ``first`` to ``last``, both included. ``who`` is an account, or empty for the whole clinic.

    ``cover`` is an account, or the name of somebody elsewhere; empty where nobody covers.
    """

    name: str
    first: date
    last: date
    what: str
    who: str = ""
    cover: str = ""

    def holds(self, day: date) -> bool:
        """Whether a day is within it."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class OpenDays:
    """On which days the clinic can refill: by its weekdays, its closures, and those who may refill today."""

    closures: tuple[Closure, ...]
    weekdays: frozenset[int]
    refillers: frozenset[str]

    def why_closed(self, day: date) -> str:
        """Why nobody refills on a day; empty where it is open."""
        if day.weekday() not in self.weekdays:
            return f"{WEEKDAYS[day.weekday()]} is no working day"
        there = [closure for closure in self.closures if closure.holds(day)]
        whole = next((closure for closure in there if not closure.who), None)
        if whole is not None:
            return whole.what
        away = {closure.who for closure in there}
        return "everybody who may refill is away" if self.refillers and self.refillers <= away else ""

    def last_open(self, day: date, today: date) -> date | None:
        """The last open day on or before a day, from today on (CLN-04); None where there is none."""
        while day >= today:
            if not self.why_closed(day):
                return day
            day -= timedelta(days=1)
        return None


ALWAYS_OPEN = OpenDays((), frozenset(range(7)), frozenset())
"""Of a clinic that never closes."""


def read_closures(connection: Connection, since: date | None = None) -> tuple[Closure, ...]:
    """The closures that have not ended before a day, the earliest first; all of them where no day is named."""
    query = select(table).order_by(table.c.first, table.c.last, table.c.id)
    if since is not None:
        query = query.where(table.c.last >= since.isoformat())
    rows = connection.execute(query)
    return tuple(
        Closure(row.id, date.fromisoformat(row.first), date.fromisoformat(row.last), row.what, row.who, row.cover) for row in rows
    )


def closing(closures: Iterable[Closure], day: date, people: Iterable[str]) -> Closure | None:
    """The closure that takes a day from these people, or from everybody; None where they are there."""
    wanted = {"", *people}
    return next((closure for closure in closures if closure.holds(day) and closure.who in wanted), None)


def open_weekdays(connection: Connection) -> frozenset[int]:
    """The weekdays on which the clinic is open, Monday is 0."""
    return frozenset(setting_of(connection, _WEEK, sorted(WORKING_WEEK)))


def set_weekdays(connection: Connection, weekdays: Iterable[int]) -> None:
    """Keep on which weekdays the clinic is open. Raises InputError for none, or for what is none."""
    wanted = sorted(set(weekdays))
    if not wanted or not set(wanted) <= set(range(7)):
        raise InputError("weekdays", "", "are none of a week", accepted=WEEKDAYS)
    set_setting(connection, _WEEK, wanted)


def setting_of(connection: Connection, name: str, default: T) -> T:
    """What the clinic has set under a name."""
    value = connection.execute(select(setting_table.c.value).where(setting_table.c.name == name)).scalar_one_or_none()
    return default if value is None else cast(T, parse(value)["value"])


def set_setting(connection: Connection, name: str, value: object) -> None:
    """Keep what the clinic sets under a name."""
    connection.execute(delete(setting_table).where(setting_table.c.name == name))
    connection.execute(insert(setting_table).values(name=name, value=canonical({"value": value})))
