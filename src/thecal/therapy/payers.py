"""Payers: what each asks for, as data, in editions that count from a day to a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from thecal.datum import CONFIDENCE, DataError, data_names, read_data
from thecal.errors import InputError, nearest_name

Stage = Literal["before the test", "after the test", "exclusion", "replacement"]
Asks = Literal[
    "weeks by mouth", "oral trial failed", "physical therapy", "baseline scores", "severe", "favorable response",
    "measured response", "absent", "replacement reason",
]  # fmt: skip
_FOLDER = "payers"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a payer asks for: what of the chart answers it (``asks``), by which ``limits``, shown by which papers."""

    name: str
    text: str
    stage: Stage
    asks: Asks
    limits: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """What a payer asks for from a ``first`` to a ``last`` day, None where that day is not known.

    The criteria of a ``profile`` are those of the payer's own rule.
    """

    source: str
    confidence: str
    first: date | None
    last: date | None
    criteria: tuple[Criterion, ...]
    profile: bool = False

    def in_force(self, on: date) -> bool | None:
        """Whether it counts on a day; None where nobody knows since when."""
        if (self.first is not None and on < self.first) or (self.last is not None and on > self.last):
            return False
        return None if self.first is None else True


@dataclass(frozen=True, slots=True)
class Payer:
    """A payer by its ``key``, the rule that it stands in, and the ``documents`` that it wants in any case."""

    key: str
    name: str
    rule: str
    jurisdiction: str
    documents: tuple[str, ...]
    editions: tuple[Edition, ...]

    def edition(self, on: date) -> Edition:
        """The edition that counts on a day; where none does, the one whose day is nearest."""
        counting = [edition for edition in self.editions if edition.in_force(on) is not False]
        begun = [edition for edition in self.editions if edition.first is None or edition.first <= on]
        return (counting or begun or self.editions[:1])[-1]


@cache
def payers() -> Mapping[str, Payer]:
    """Every payer, by key."""
    found = [_payer(name, read_data(_FOLDER, name)) for name in data_names(_FOLDER)]
    return MappingProxyType({payer.key: payer for payer in found})


def payer_named(name: str, field: str = "payer") -> Payer:
    """The payer of a key or a full name. Raises InputError with the nearest known one."""
    known = payers()
    wanted = name.strip().lower()
    for payer in known.values():
        if wanted in (payer.key.lower(), payer.name.lower()):
            return payer
    names = [*known, *(payer.name for payer in known.values() if payer.name not in known)]
    raise InputError(field, name, "is not a known payer", accepted=known, nearest=nearest_name(name, names))


def _payer(name: str, table: Mapping[str, Any]) -> Payer:
    editions = tuple(sorted((_edition(name, edition) for edition in table["edition"]), key=lambda one: one.first or date.min))
    key = table.get("key", name)
    return Payer(key, table["name"], table["rule"], table["jurisdiction"], tuple(table["documents"]), editions)


def _edition(payer: str, table: Mapping[str, Any]) -> Edition:
    criteria = tuple(_criterion(payer, criterion) for criterion in table.get("criterion", ()))
    profile = table.get("profile", False)
    if bool(criteria) == profile or table["confidence"] not in CONFIDENCE:
        raise DataError(f"payers {payer}: an edition needs criteria or a profile, and a known confidence")
    return Edition(table["source"], table["confidence"], table.get("from"), table.get("until"), criteria, profile)


def _criterion(payer: str, table: Mapping[str, Any]) -> Criterion:
    if table["stage"] not in get_args(Stage) or table["asks"] not in get_args(Asks):
        raise DataError(f"payers {payer}: {table['name']} has an unknown stage or asks for something unknown")
    lists = {key: tuple(table.get(key, ())) for key in ("limits", "conditions", "documents")}
    return Criterion(table["name"], table["text"], table["stage"], table["asks"], **lists)
