"""Whether rows have the tables and columns that a study keeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from thecal.errors import ThecalError
from thecal.study.rows import COLUMNS

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
