"""What a clinic says of itself: its name, where its clock hangs, whom to call by day and by night. Kept in its database."""

from dataclasses import asdict, dataclass, fields
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from thecal.bench.codec import canonical, parse
from thecal.clinic.schema import setting as table
from thecal.timeline import read_zone

_NAME = "office"


@dataclass(frozen=True, slots=True)
class Office:
    """What stands on every paper of a clinic. What is not known is empty, and the papers say so."""

    name: str = "Pump clinic"
    timezone: str = "UTC"
    by_day: str = ""
    by_night: str = ""
    address: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def read_office(connection: Connection) -> Office:
    """What the clinic says of itself; the defaults of a new one."""
    value = connection.execute(select(table.c.value).where(table.c.name == _NAME)).scalar_one_or_none()
    plain = parse(value) if value is not None else {}
    return Office(**{field.name: plain[field.name] for field in fields(Office) if field.name in plain})


def write_office(connection: Connection, office: Office) -> None:
    """Keep it. Raises InputError for a time zone that is not known."""
    read_zone(office.timezone)
    connection.execute(delete(table).where(table.c.name == _NAME))
    connection.execute(insert(table).values(name=_NAME, value=canonical(asdict(office))))
