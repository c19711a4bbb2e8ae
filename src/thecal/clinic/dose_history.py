"""Doses over the years: every other dose that a session left, by how much it differs, who ordered it and who wrote it down.

These are doses as programmed. What the pump gave nobody has measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.facts import Explanted, SessionEnded
from thecal.chart.order import ordered_dose
from thecal.clinic.entry import OrderWritten
from thecal.clinic.history import History, Recorded
from thecal.clinic.refill_note import change_text
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Instant


@dataclass(frozen=True, slots=True)
class DoseChange:
    """The mean daily dose from an instant on; None where it is a flow, not known, or the pump was taken out.

    ``change`` is in percent with its sign, empty where there is nothing to compare; ``mode`` is that of the program that goes on.
    ``ordered_by`` is the author of the order of that visit, empty where none was written down; ``who`` wrote the session down.
    """

    version: int
    at: Instant
    before: DailyDose | None
    dose: DailyDose | None
    change: str
    mode: str
    ordered_by: str
    who: str

    @property
    def words(self) -> str:
        """The dose in words."""
        if self.dose is not None:
            return str(self.dose)
        return "no dose known" if self.mode != _OUT else "none: pump and catheter taken out"


_OUT = "taken out"


def dose_history(history: History) -> tuple[DoseChange, ...]:
    """Every change of the dose, the earliest first. A session that leaves the dose as it was is none."""
    return tuple(_changes(history))


def _changes(history: History) -> Iterator[DoseChange]:
    orders = history.all(OrderWritten)
    before: DailyDose | None = None
    begun = False
    for row in history.standing:
        entry = row.entry
        if isinstance(entry, SessionEnded):
            dose = ordered_dose(entry.order) if entry.order is not None else None
            if not begun or dose != before:
                yield _change(row, before, dose, entry.report.program.mode, _author(orders, entry.at))
            begun, before = True, dose
        elif isinstance(entry, Explanted) and begun:
            yield _change(row, before, None, _OUT, "")
            before = None


def _change(row: Recorded, before: DailyDose | None, dose: DailyDose | None, mode: str, author: str) -> DoseChange:
    percent = change_text(before.pg_per_day, dose.pg_per_day) if before is not None and dose is not None else ""
    return DoseChange(row.version, row.entry.at, before, dose, percent, mode, author, row.who)


def _author(orders: list[OrderWritten], at: Instant) -> str:
    """Who wrote the order that a session carried out: the latest of the day before it."""
    known = [order for order in orders if order.at <= at and at.s - order.at.s < DAY_S and order.orders.dosing is not None]
    return known[-1].author if known else ""


def dose_points(changes: tuple[DoseChange, ...], until: Instant) -> list[tuple[int, float | None]]:
    """The doses as steps to draw: (second of UTC, mcg/day), and the last of them once more at ``until``."""
    points = [(change.at.s, change.dose.mcg_per_day if change.dose is not None else None) for change in changes]
    if points and points[-1][0] < until.s:
        points.append((until.s, points[-1][1]))
    return points
