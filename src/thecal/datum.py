"""A value with where it comes from and how sure that is, and the reading of the data files that hold them.

A data file is TOML: each table with a ``value`` is a datum; its unit is part of the value's text.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from thecal.errors import InputError, ThecalError, nearest_name

T = TypeVar("T")

CONFIDENCE = {
    "M": "the maker's manual, letter or web page",
    "R": "a regulator's notice quoting the maker",
    "Q": "read in the cited clinical source",
    "S": "a secondary source: a paper, a hospital page, a textbook",
    "I": "inferred from sourced facts",
    "D": "arithmetic, or a design choice of thecal that a clinic can configure",
    "U": "no source found: a setting to check against the real device, no fidelity is claimed on it",
}


@dataclass(frozen=True, slots=True)
class Datum:
    """One value as text with its unit, its source, and its confidence (a key of ``CONFIDENCE``)."""

    name: str
    value: str
    source: str
    confidence: str


class DataError(ThecalError):
    """A data file of the package that cannot be right. Always a defect."""


@cache
def data_names(folder: str) -> tuple[str, ...]:
    """The names of the data files in a folder of ``thecal/data``."""
    entries = (files("thecal") / "data" / folder).iterdir()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml")))


@cache
def read_data(folder: str, name: str) -> Mapping[str, Any]:
    """One data file as its tables."""
    return tomllib.loads((files("thecal") / "data" / folder / f"{name}.toml").read_text(encoding="utf-8"))


def read_datum(name: str, table: object, where: str) -> Datum:
    """One table of a data file as a Datum. Raises DataError where a key is missing, added, or the confidence unknown."""
    if not isinstance(table, dict) or set(table) != {"value", "source", "confidence"}:
        raise DataError(f"{where}: {name} needs exactly value, source and confidence")
    if table["confidence"] not in CONFIDENCE:
        raise DataError(f"{where}: {name} has the unknown confidence {table['confidence']!r}")
    return Datum(name, table["value"], table["source"], table["confidence"])


def pick(name: str, known: Mapping[str, T], field: str) -> T:
    """The entry of a name. Raises InputError with the nearest known name."""
    if name not in known:
        raise InputError(field, name, "is not known", accepted=sorted(known), nearest=nearest_name(name, known))
    return known[name]
