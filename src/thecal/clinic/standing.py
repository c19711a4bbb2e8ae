"""Where a person stands today: what the worklist and the lists of a clinic show, worked out once for each version of a chart.

It is a read model. It holds nothing that is not in the record, and is written anew when an entry or a day is added.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from sqlalchemy import Connection, delete, insert, select

from thecal.bench.codec import canonical, parse, read, written
from thecal.clinic.entry import LOST, DeviceRecorded, Ended, Recalled
from thecal.clinic.history import History
from thecal.clinic.item import OF_DATES, TIERS, Item, items_of, refill_tier
from thecal.clinic.open_days import ALWAYS_OPEN, OpenDays
from thecal.clinic.schema import item as item_table
from thecal.clinic.schema import standing as table
from thecal.pump.program import MinimumRate, Stopped
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.appointment import appointments, elsewhere, settled
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.therapy.service import end_of_service, last_report, pump_in_place
from thecal.timeline import DAY_S, Instant

Row = dict[str, str | int | None]
"""What is kept, by column."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A person in one line, and what is to be done. What is not known is None.

    ``refill_by``, ``alarm`` and ``empty`` are the earliest that the upper bound of the pump's gain allows, ``counted`` the alarm
    date that the pump computes for itself; ``open_by`` is the hour of ``refill_by`` on the last open day up to it (CLN-04), None
    where none is left; ``booked`` is the next refill, in time if ``in_time``. ``tier`` is the gravest of all.
    """

    stream: str
    version: int
    day: str
    tier: int
    state: str
    model: str
    serial: str
    mode: str
    dose: DailyDose | None
    concentration: Concentration | None
    filled: Instant | None
    fill: Volume | None
    refill_by: Instant | None
    open_by: Instant | None
    governed_by: str
    alarm: Instant | None
    empty: Instant | None
    counted: Instant | None
    end_of_service: Instant | None
    booked: Instant | None
    booked_with: str
    in_time: bool
    ended: str
    items: tuple[Item, ...]

    @property
    def due(self) -> Instant | None:
        """When the first of it is due."""
        dates = [item.due for item in self.items if item.tier == self.tier and item.due is not None]
        return min(dates, default=self.open_by or self.refill_by)

    @property
    def of_dates(self) -> "Standing":
        """What of it is for those who may read no chart: dates, calls and visits, and that there is more to be done."""
        told = "for those who may read the chart"
        items = (
            item if item.kind in OF_DATES else replace(item, asked=told, allowed="", next="", told="") for item in self.items
        )
        return replace(self, mode="", dose=None, concentration=None, fill=None, items=tuple(items))

    def days_left(self, now: Instant) -> int | None:
        """Whole days to the date to refill by; below zero where it has passed."""
        return None if self.refill_by is None else (self.refill_by.s - now.s) // DAY_S


def open_instant(day: date, by: Instant, today: date, days: OpenDays) -> Instant | None:
    """The hour of ``by`` on the last open day up to its ``day``; None where none is left. What has passed is moved no more."""
    last = days.last_open(day, today) if day >= today else day
    return None if last is None else Instant(by.s - (day - last).days * DAY_S)


def sheet_in_place(look: Look) -> PumpSheet | None:
    """The data sheet of the pump in place."""
    pump = pump_in_place(look.known)
    return pump_sheet(pump.pump) if pump is not None else None


def standing_of(history: History, look: Look, recalls: tuple[Recalled, ...] = (), days: OpenDays = ALWAYS_OPEN) -> Standing:
    """Where the person of a chart stands at the instant of a look, with the days on which the clinic can refill."""
    ended, device, due = history.last(Ended), history.last(DeviceRecorded), refill_due(look)
    items = items_of(history, look, recalls)
    ahead, other, report = appointments(look), elsewhere(look), last_report(look.known)
    is_settled = due is not None and settled(look, due)
    runs = report is not None and not isinstance(report.program, Stopped | MinimumRate)
    goes_on = ended is None or (ended.how == LOST and look.sheet is not None)
    by = due.refill_by if due is not None else None
    open_by = open_instant(due.date(look.zone), due.refill_by, look.now.date(look.zone), days) if due is not None else None
    latest = by if is_settled else open_by or look.now
    own = refill_tier(look, latest if by else None, settled=is_settled)
    tier = min([own, *(item.tier for item in items)]) if goes_on else len(TIERS) - 1
    filled = look.chart.filled
    return Standing(
        stream=history.stream,
        version=history.version,
        day=look.now.date(look.zone).isoformat(),
        tier=tier,
        state=ended.how if ended else pathway(look).state or "not referred",
        model=look.sheet.name if look.sheet else "",
        serial=device.serial if device else "",
        mode=report.mode if report else "",
        dose=look.known.dose if runs and look.sheet else None,
        concentration=report.concentration if report and report.concentration else filled.concentration if filled else None,
        filled=filled.at if filled else None,
        fill=filled.volume if filled else None,
        refill_by=by if goes_on else None,
        open_by=open_by if goes_on else None,
        governed_by=due.governed_by if due else "",
        alarm=due.alarm if due else None,
        empty=due.empty if due else None,
        counted=due.counted if due else None,
        end_of_service=end_of_service(look) if look.sheet else None,
        booked=ahead[0].on if ahead else other.on if other else None,
        booked_with=(ahead[0].who or "") if ahead else f"elsewhere: {other.paper.by or 'no name'}" if other else "",
        in_time=is_settled,
        ended=ended.how if ended else "",
        items=items,
    )


def keep(connection: Connection, found: Standing) -> None:
    """Put a standing in the place of the one that was there."""
    connection.execute(delete(item_table).where(item_table.c.stream == found.stream))
    connection.execute(delete(table).where(table.c.stream == found.stream))
    own, items = rows_of(found)
    connection.execute(insert(table), [own])
    if items:
        connection.execute(insert(item_table), items)


def rows_of(found: Standing) -> tuple[Row, list[Row]]:
    """What is kept of a standing: its own row, and those of its items."""
    return _row(found), [_item_row(found.stream, item) for item in found.items]


def _row(found: Standing) -> Row:
    return {
        "stream": found.stream,
        "version": found.version,
        "day": found.day,
        "tier": found.tier,
        "due": found.due.s if found.due else None,
        "serial": found.serial,
        "model": found.model,
        "body": canonical(written(found, Standing)).decode("ascii"),
    }


def _item_row(stream: str, item: Item) -> Row:
    body = canonical(written(item, Item)).decode("ascii")
    due = item.due.s if item.due else None
    return {"stream": stream, "name": item.name, "kind": item.kind, "tier": item.tier, "due": due, "body": body}


def kept(connection: Connection, stream: str) -> Standing | None:
    """The standing of a chart, as it was kept last."""
    body = connection.execute(select(table.c.body).where(table.c.stream == stream)).scalar_one_or_none()
    return standing_in(body) if body is not None else None


@lru_cache(maxsize=8192)  # the worklist shows the same ones again and again, and they never change
def standing_in(body: str) -> Standing:
    """A standing from the body of its row."""
    found: Standing = read(Standing, parse(body.encode("ascii")), "standing")
    return found


def outdated(connection: Connection, day: str) -> list[str]:
    """The charts whose standing is that of another day."""
    return list(connection.execute(select(table.c.stream).where(table.c.day != day).order_by(table.c.stream)).scalars())
