"""The words that facts are written with: conditions, symptoms, measures, medicines, checklists, documents, visits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from thecal.datum import read_data
from thecal.errors import InputError, nearest_name

Vocabulary = Literal["causes", "conditions", "symptoms", "measures", "medicines", "checklists", "documents", "visits"]
ITEMS, GROUPS, CLASSES, ALIASES = "items", "groups", "classes", "aliases"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a vocabulary: what it says in full, and what rules ask for it by.

    ``groups`` are those of a condition or symptom and the classes of a medicine, ``items`` the questions of a checklist, ``rule``
    the one that asks for it, ``ends`` those whose findings its answers end; ``unit``, ``low`` and ``high`` belong to a measure.
    """

    name: str
    text: str
    groups: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    rule: str = ""
    ends: tuple[str, ...] = ()


@cache
def words(vocabulary: Vocabulary) -> Mapping[str, Word]:
    """Every word of a vocabulary, by name."""
    return {name: _word(name, table) for name, table in read_data("vocabulary", vocabulary).items()}


@cache
def grouped(vocabulary: Vocabulary, group: str) -> frozenset[str]:
    """The names of a vocabulary that are in a group. Raises KeyError for a group that none is in: always a defect."""
    names = frozenset(name for name, word in words(vocabulary).items() if group in word.groups)
    if not names:
        raise KeyError(f"no word of {vocabulary} is in {group!r}")
    return names


def named(vocabulary: Vocabulary, name: str, field: str) -> Word:
    """The word of a name, or of one of a medicine's other names. Raises InputError with the nearest known name."""
    known = words(vocabulary)
    meant = _aliases().get(name.lower(), name) if vocabulary == "medicines" else name
    if meant not in known:
        kind = {"medicines": "medicine"}.get(vocabulary, vocabulary.removesuffix("s"))
        nearest = nearest_name(name, [*known, *(_aliases() if vocabulary == "medicines" else ())])
        raise InputError(field, name, f"is not a known {kind}", accepted=sorted(known), nearest=nearest)
    return known[meant]


def item_named(checklist: str, item: str, field: str) -> str:
    """An item of a checklist. Raises InputError with the nearest known one."""
    items = named("checklists", checklist, "checklist").items
    if item not in items:
        raise InputError(field, item, f"is not an item of {checklist!r}", accepted=items, nearest=nearest_name(item, items))
    return item


@cache
def _aliases() -> Mapping[str, str]:
    medicines = read_data("vocabulary", "medicines")
    aliases = {alias.lower(): name for name, table in medicines.items() for alias in table[ALIASES]}
    return aliases | {name.lower(): name for name in medicines}


def _word(name: str, table: Mapping[str, Any]) -> Word:
    groups = tuple(table.get(GROUPS, ())) or tuple(table.get(CLASSES, ()))
    low, high = float(table.get("low", 0)), float(table.get("high", 0))
    items, rule = tuple(table.get(ITEMS, ())), table.get("rule", "")
    ends = tuple(table.get("ends", (rule,))) if items else ()
    return Word(name, table.get("text", name), groups, items, table.get("unit", ""), low, high, rule, ends)
