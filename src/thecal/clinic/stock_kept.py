"""The vials on hand: put in stock, used up, and the forecast of what the next weeks need beyond them."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from thecal.clinic.drug_forecast import Forecast, NextRefill, Settings, Stock, default_settings, drug_forecast, refills_ahead
from thecal.clinic.entry import DrugVerified
from thecal.clinic.practice import Reading
from thecal.clinic.schema import standing as standing_table
from thecal.clinic.schema import stock as table
from thecal.clinic.standing import Standing, standing_in
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.rules import refusal_by

COUNT_MAX = 10_000
"""Vials in one lot: more is a slip."""
LOT_MAX = 60


@dataclass(frozen=True, slots=True)
class KeptStock:
    """Vials of one lot as they are kept, under a name of their own."""

    name: str
    stock: Stock


def stock_on_hand(connection: Connection) -> list[KeptStock]:
    """All of it, the weakest strength first, of one strength the first expiry."""
    order = (table.c.strength_mcg_per_ml, table.c.expires, table.c.vial_nl, table.c.lot, table.c.id)
    return [_kept(row) for row in connection.execute(select(table).order_by(*order)).mappings()]


def _kept(row: RowMapping) -> KeptStock:
    strength, vial = Concentration(row["strength_mcg_per_ml"]), Volume(row["vial_nl"])
    return KeptStock(row["id"], Stock(strength, vial, row["count"], row["lot"], date.fromisoformat(row["expires"])))


def read_lot(text: str) -> str:
    """A lot number, without spaces around it. Raises InputError for one that is empty or too long."""
    lot = text.strip()
    if not lot or len(lot) > LOT_MAX:
        raise InputError("lot", lot, "is no lot number", accepted=(f"1 to {LOT_MAX} characters, as on the vial",))
    return lot


def put_in_stock(connection: Connection, stock: Stock) -> Stock:
    """Add vials to those of the same lot, or as a new lot; what is there of it now.

    Raises InputError for a lot without a name, one that is on hand with another expiry, and more vials than can be.
    """
    lot = read_lot(stock.lot)
    same = (
        table.c.strength_mcg_per_ml == stock.strength.mcg_per_ml,
        table.c.vial_nl == stock.vial.nl,
        table.c.lot == lot,
    )
    row = connection.execute(select(table).where(*same).with_for_update()).mappings().one_or_none()
    found = _kept(row) if row is not None else None
    count = stock.count + (found.stock.count if found is not None else 0)
    if count > COUNT_MAX:
        raise InputError("count", str(count), "is more than one lot can be", accepted=(f"at most {COUNT_MAX:,}",))
    if found is None:
        values = {"strength_mcg_per_ml": stock.strength.mcg_per_ml, "vial_nl": stock.vial.nl, "lot": lot}
        try:
            connection.execute(
                insert(table).values(**values, id=secrets.token_hex(8), count=count, expires=stock.expires.isoformat())
            )
        except IntegrityError:
            raise InputError("lot", lot, "was put in stock by somebody else a moment ago: look, and send it again") from None
    elif found.stock.expires != stock.expires:
        problem = f"is not the expiry of lot {lot} on hand: one lot has one"
        raise InputError("expires", stock.expires.isoformat(), problem, accepted=(found.stock.expires.isoformat(),))
    else:
        connection.execute(update(table).where(table.c.id == found.name).values(count=count))
    return Stock(stock.strength, stock.vial, count, lot, stock.expires)


def use_up(connection: Connection, name: str, count: int) -> tuple[Stock, int]:
    """(the lot as it was, how many of it are left) after vials were taken out of it.

    Raises InputError for a lot that is not there any more, and for more vials than it has.
    """
    row = connection.execute(select(table).where(table.c.id == name).with_for_update()).mappings().one_or_none()
    if row is None:
        raise InputError("lot", "", "is not on hand any more: somebody has used up the last of it")
    before = _kept(row).stock
    if not 1 <= count <= before.count:
        raise InputError("count", str(count), "cannot be taken out", accepted=(f"1 to {before.count}",))
    left = before.count - count
    if left:
        connection.execute(update(table).where(table.c.id == name).values(count=left))
    else:
        connection.execute(delete(table).where(table.c.id == name))
    return before, left


def lots_on_hand(connection: Connection, today: date) -> list[KeptStock]:
    """What may be used today: the lots that have not expired."""
    return [kept for kept in stock_on_hand(connection) if kept.stock.expires >= today]


def use_up_verified(connection: Connection, drugs: Iterable[DrugVerified]) -> list[str]:
    """Take out of stock what was verified out of it, with what is left of each lot. Raises InputError as ``use_up`` does."""
    told = []
    for drug in drugs:
        if drug.stock:
            before, left = use_up(connection, drug.stock, drug.vials)
            told.append(f"{drug.vials} x {before.vial} of {before.strength}, lot {before.lot}: for a refill; {left} left")
    return told


def check_stock(connection: Connection, drugs: Iterable[DrugVerified]) -> Refusal | None:
    """Whether what was verified is still on hand."""
    on_hand = {kept.name: kept.stock.count for kept in stock_on_hand(connection)}
    for drug in drugs:
        there = on_hand.get(drug.stock, 0)
        if drug.stock and there < drug.vials:
            asked, limit = f"{drug.vials} of lot {drug.lot} out of stock", f"{there} on hand"
            return refusal_by("REF-11", asked, limit, "Verify again which drug it is: of a lot on hand, or as it is typed in.")
    return None


def forecast_now(reading: Reading, settings: Settings | None = None) -> Forecast:
    """What the refills of all charts need from today on, out of the stock on hand.

    Pumps stand in it by pseudonym. A chart whose refill lies beyond the last week is not opened.
    """
    settings = settings or default_settings()
    today = reading.now.date(reading.zone)
    end = today + timedelta(weeks=settings.weeks)
    refills: list[NextRefill] = []
    for row in reading.connection.execute(select(standing_table.c.body).order_by(standing_table.c.stream)):
        found = standing_in(row.body)
        if _within(found, end, reading):
            refills += refills_ahead(reading.look(reading.history(found.stream)), found.stream, end)
    stock = [each.stock for each in stock_on_hand(reading.connection)]
    return drug_forecast(refills, today, stock, settings)


def _within(found: Standing, end: date, reading: Reading) -> bool:
    """Whether a pump is in place here that may be refilled before a day, or of which nobody knows when."""
    if not found.model or found.ended:
        return False
    days = [at.date(reading.zone) for at in (found.refill_by, found.booked) if at is not None]
    return not days or min(days) <= end
