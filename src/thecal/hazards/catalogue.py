"""The hazards: what happened and why, how bad it was, what answers it here, and what is left."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

from thecal.datum import DataError, pick, read_data
from thecal.errors import InputError

Kind = Literal["field", "defect"]
Answer = Literal["prevents", "detects", "bounds"]
ANSWERS: Mapping[Answer, str] = {
    "prevents": "it cannot happen in the same way: what led to it is refused, or is not there",
    "detects": "it can happen, and is told of before or soon after it harms",
    "bounds": "it can happen, and is limited or stated in size",
}
_KEYS = {"title", "happened", "cause", "severity", "source", "harm", "answer", "here", "residual", "test"}
_ALSO = {"also", "open"}
_ID = re.compile("H[0-9]{2}")
_FOLDER, _FILE = "hazards", "catalogue"


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard.

    ``severity`` is a word of the scale, ``also`` are answers that stand outside the requirements of pump and programmer, ``open``
    is what is still unanswered, and why; ``test`` is where it is held.
    """

    id: str
    title: str
    happened: str
    cause: str
    severity: str
    source: str
    harm: str
    answer: Answer
    here: str
    residual: str
    test: str
    also: tuple[str, ...] = ()
    open: str = ""

    @property
    def kind(self) -> Kind:
        """``field`` where it has happened with implanted pumps, ``defect`` where users of software report it."""
        return "field" if int(self.id[1:]) < _FIRST_DEFECT else "defect"


_FIRST_DEFECT = 40


@cache
def hazards() -> Mapping[str, Hazard]:
    """Every hazard by its id, in their order. Raises DataError for a catalogue that cannot be right."""
    return {name: hazard_of(name, table) for name, table in read_data(_FOLDER, _FILE)["hazards"].items()}


def hazard_named(name: str, field: str = "HAZARD") -> Hazard:
    """A hazard by its id, in capitals or not. Raises InputError with the nearest id, that of its number before any other."""
    asked = name.upper()
    meant = f"H{asked.removeprefix('H').zfill(2)}"
    if meant != asked and meant in hazards():
        raise InputError(field, name, "is not known", accepted=hazards(), nearest=repr(meant))
    return pick(asked, hazards(), field)


@cache
def severities() -> Mapping[str, str]:
    """Each word for severity and what it means."""
    scale: Mapping[str, str] = read_data(_FOLDER, _FILE)["severity"]
    return scale


def hazard_of(name: str, table: Mapping[str, object]) -> Hazard:
    """One entry of the catalogue. Raises DataError where it cannot be right."""
    missing, unknown = _KEYS - set(table), set(table) - _KEYS - _ALSO
    if missing or unknown or not _ID.fullmatch(name):
        raise DataError(f"{name}: missing {sorted(missing)}, not known {sorted(unknown)}")
    if table["answer"] not in get_args(Answer) or table["severity"] not in severities():
        raise DataError(f"{name}: the answer {table['answer']!r} or the severity {table['severity']!r} is no word of its scale")
    unsaid = sorted(key for key in set(table) - {"also"} if not _said(table[key]))
    if unsaid:
        raise DataError(f"{name}: {', '.join(unsaid)} says nothing")
    also = table.get("also", [])
    if not isinstance(also, list) or not all(_said(each) for each in also):
        raise DataError(f"{name}: also is no list of ids")
    words = {key: str(table[key]) for key in _KEYS - {"answer"}}
    return Hazard(name, answer=cast("Answer", table["answer"]), also=tuple(also), open=str(table.get("open", "")), **words)


def _said(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
