"""The rows of one arm of a study's tables, by column, whatever stands for NULL there: a mask, None or NaN."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.errors import InputError, nearest_name

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ArmRows:
    """The rows of an arm in a table: ``patients`` is the number of each row's patient, ``columns`` the others by name."""

    table: str
    arm: str
    patients: NDArray[np.uint64]
    columns: Mapping[str, NDArray[Any]]

    def where(self, chosen: NDArray[Any]) -> "ArmRows":
        """Some of the rows: by a mask, or by their places in a new order."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return ArmRows(self.table, self.arm, self.patients[chosen], columns)


def arm_rows(tables: Mapping[str, Mapping[str, NDArray[Any]]], table: str, arm: str) -> ArmRows:
    """The rows of an arm by the number of their patient, so that no sum depends on how a table was sorted.

    Raises InputError for a table that is not there, or that does not name patients and arms, and where a
    patient is in the arm of ``patients`` twice.
    """
    if table not in tables:
        raise InputError("tables", table, "is not there", accepted=tuple(tables))
    columns = tables[table]
    for name in ("patient", "arm"):
        if name not in columns:
            raise InputError(table, name, "is no column of it", accepted=tuple(columns))
    chosen = np.flatnonzero(np.asarray(columns["arm"]) == arm)
    chosen = chosen[np.argsort(np.asarray(columns["patient"])[chosen], kind="stable")]
    patients = np.asarray(columns["patient"])[chosen].astype(np.uint64)
    if table == "patients" and len(np.unique(patients)) < len(patients):
        raise InputError(table, arm, "has a patient twice", accepted=("one row for each patient and arm",))
    others = {name: column[chosen] for name, column in columns.items() if name not in ("patient", "arm")}
    return ArmRows(table, arm, patients, others)


def both(one: ArmRows, other: ArmRows) -> tuple[ArmRows, ArmRows]:
    """The rows of the patients whom both have, in the order of their numbers."""
    _, first, second = np.intersect1d(one.patients, other.patients, assume_unique=True, return_indices=True)
    return one.where(first), other.where(second)


def numbers(rows: ArmRows, column: str) -> Floats:
    """A column as floats, NaN where it is NULL. Raises InputError for a column that is not there."""
    if column not in rows.columns:
        nearest = nearest_name(column, rows.columns)
        raise InputError(rows.table, column, "is no column of it", accepted=tuple(rows.columns), nearest=nearest)
    values = rows.columns[column]
    missing = np.array(np.ma.getmaskarray(values), dtype=np.bool_)
    plain = np.asarray(np.ma.getdata(values))
    if plain.dtype == np.object_:
        missing |= np.array([each is None for each in plain], dtype=np.bool_)
    found = np.full(len(plain), np.nan)
    found[~missing] = plain[~missing].astype(np.float64)
    return found


def truths(rows: ArmRows, column: str) -> tuple[Booleans, Booleans]:
    """Where a column of true and false is not NULL, and where it is true. Raises InputError for a column that is not there."""
    values = numbers(rows, column)
    known = ~np.isnan(values)
    return known, known & (values != 0)
