"""What is kept of a study: four tables, and who failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.timeline import DAY_S

Floats = NDArray[np.float64]
Table = dict[str, list[Any]]

UBIGINT, TEXT, DOUBLE, INTEGER, BOOLEAN = "UBIGINT", "VARCHAR", "DOUBLE", "INTEGER", "BOOLEAN"
_WHO = {"patient": UBIGINT, "arm": TEXT}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "patients": {
        **_WHO,
        **dict.fromkeys(("stratum", "origin", "sheet"), TEXT),
        **dict.fromkeys(("age_years", "crcl_ml_per_min"), DOUBLE),
        **dict.fromkeys(("tip_level", "pump", "catheter"), TEXT),
        **dict.fromkeys(("screened", "responded", "implanted"), BOOLEAN),
        **dict.fromkeys(("follow_up_days", "since_implant_days", "pump_days"), DOUBLE),
        **dict.fromkeys(("ashworth_before", "ashworth_after", "ashworth_change"), DOUBLE),
        "responder": BOOLEAN,
        **dict.fromkeys(("spasm_before", "spasm_after", "spasm_change", "target_tone_percent", "walking_percent"), DOUBLE),
        **dict.fromkeys(("withdrawal_episodes", "overdose_episodes", "refills", "refills_late"), INTEGER),
        **dict.fromkeys(("drug_filled_mg", "drug_wasted_mg", "underdosed_hours", "unnoticed_hours"), DOUBLE),
        **dict.fromkeys(("mcg_per_day_first", "mcg_per_day_last", "tablets_mg_per_day_last"), DOUBLE),
        **dict.fromkeys(("revisions", "pump_replacements", "infections"), INTEGER),
        **dict.fromkeys(("first_catheter_day", "first_pump_day", "first_infection_day"), DOUBLE),
        **dict.fromkeys(("first_withdrawal_day", "first_overdose_day"), DOUBLE),
    },
    "visits": {
        **_WHO,
        "day": INTEGER,
        **dict.fromkeys(("ashworth_legs", "ashworth_arms", "spasm_penn", "mcg_per_day", "tablets_mg_per_day"), DOUBLE),
    },
    "course": {**_WHO, **dict.fromkeys(("hour", "ashworth_legs", "ashworth_arms", "spasm_penn", "withdrawal_index"), DOUBLE)},
    "events": {**_WHO, "day": DOUBLE, "kind": TEXT, "detail": TEXT},
}
"""The tables of a study: their columns and types, in order."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A patient who could not be followed in an arm, and why: the last line says it, the lines before it where it happened."""

    patient: int
    arm: str
    error: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a block by table and column, and its failures."""

    tables: dict[str, Table]
    failures: tuple[Failure, ...] = ()

    @classmethod
    def empty(cls) -> "Rows":
        """No rows."""
        return cls({name: {column: [] for column in columns} for name, columns in COLUMNS.items()})

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """One row more; it has exactly the columns of the table."""
        columns = self.tables[table]
        assert row.keys() == columns.keys(), sorted(row.keys() ^ columns.keys())
        for name, value in row.items():
            columns[name].append(value)


@dataclass(slots=True)
class Watched:
    """Episodes of a block in which a channel is at a level or above it; two that are less than ``apart_s`` apart are one."""

    level: float
    apart_s: float
    count: NDArray[np.int64]
    first_s: Floats
    _last_s: Floats
    _above: NDArray[np.bool_]

    @classmethod
    def of(cls, people: int, level: float, apart_days: float) -> "Watched":
        """None yet, of so many people."""
        nobody = np.full(people, np.nan)
        never, no = np.full(people, -np.inf), np.zeros(people, dtype=np.bool_)
        return cls(level, apart_days * DAY_S, np.zeros(people, dtype=np.int64), nobody, never, no)

    def see(self, values: Floats, first_s: int, step_s: int) -> None:
        """Take in looks (people, looks) at ``first_s`` and every ``step_s`` after it."""
        above = values >= self.level
        for look in range(values.shape[1]):
            here, before = above[:, look], self._above
            self._above = here
            if not here.any():
                continue
            now = first_s + look * step_s
            new = here & ~before & (now - self._last_s >= self.apart_s)
            self.count[new] += 1
            self.first_s = np.where(new & np.isnan(self.first_s), now, self.first_s)
            self._last_s = np.where(here, now, self._last_s)
