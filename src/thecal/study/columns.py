"""The tables of a study: what their columns are called, and what each holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from thecal.errors import ThecalError

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "patients": {
        "patient": "UBIGINT",
        "arm": "VARCHAR",
        "stratum": "VARCHAR",
        "origin": "VARCHAR",
        "sheet": "VARCHAR",
        "age_years": "DOUBLE",
        "crcl_ml_per_min": "DOUBLE",
        "tip_level": "VARCHAR",
        "pump": "VARCHAR",
        "catheter": "VARCHAR",
        "screened": "BOOLEAN",
        "responded": "BOOLEAN",
        "implanted": "BOOLEAN",
        "follow_up_days": "DOUBLE",
        "pump_days": "DOUBLE",
        "ashworth_before": "DOUBLE",
        "ashworth_after": "DOUBLE",
        "ashworth_change": "DOUBLE",
        "responder": "BOOLEAN",
        "spasm_before": "DOUBLE",
        "spasm_after": "DOUBLE",
        "spasm_change": "DOUBLE",
        "target_tone_percent": "DOUBLE",
        "walking_percent": "DOUBLE",
        "withdrawal_episodes": "INTEGER",
        "overdose_episodes": "INTEGER",
        "refills": "INTEGER",
        "refills_late": "INTEGER",
        "drug_filled_mg": "DOUBLE",
        "drug_wasted_mg": "DOUBLE",
        "underdosed_hours": "DOUBLE",
        "unnoticed_hours": "DOUBLE",
        "mcg_per_day_first": "DOUBLE",
        "mcg_per_day_last": "DOUBLE",
        "tablets_mg_per_day_last": "DOUBLE",
        "revisions": "INTEGER",
        "pump_replacements": "INTEGER",
        "infections": "INTEGER",
        "first_catheter_day": "DOUBLE",
        "first_pump_day": "DOUBLE",
        "first_infection_day": "DOUBLE",
        "first_withdrawal_day": "DOUBLE",
        "first_overdose_day": "DOUBLE",
    },
    "visits": {
        "patient": "UBIGINT",
        "arm": "VARCHAR",
        "day": "INTEGER",
        "ashworth_legs": "DOUBLE",
        "ashworth_arms": "DOUBLE",
        "spasm_penn": "DOUBLE",
        "mcg_per_day": "DOUBLE",
        "tablets_mg_per_day": "DOUBLE",
    },
    "events": {"patient": "UBIGINT", "arm": "VARCHAR", "day": "DOUBLE", "kind": "VARCHAR", "detail": "VARCHAR"},
}
"""The type of each column by table and name. Every column may hold NULL."""
TABLES = tuple(COLUMNS)
Tables = Mapping[str, Mapping[str, Sequence[Any]]]
"""Rows as columns, by table and name."""


def check_columns(tables: Tables, what: str) -> None:
    """Raises ThecalError where the rows of ``what`` have other tables or columns than these, or columns of several lengths."""
    if set(tables) != set(TABLES):
        raise ThecalError(f"{what}: its tables are {', '.join(tables)}, not {', '.join(TABLES)}")
    for table, columns in tables.items():
        if set(columns) != set(COLUMNS[table]):
            other = ", ".join(sorted(set(columns) ^ set(COLUMNS[table])))
            raise ThecalError(f"{what}: its table {table} has other columns than it should have: {other}")
        if len({len(values) for values in columns.values()}) != 1:
            raise ThecalError(f"{what}: the columns of its table {table} have several lengths")
