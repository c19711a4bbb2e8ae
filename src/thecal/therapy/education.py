"""Education: what patients and their families are told, in plain words, each paragraph with its sources and how sure they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from thecal.datum import DataError, data_names, pick, read_data
from thecal.therapy.rules import SURENESS

NOTICE = "This is information and no medical advice. It replaces no talk with your own team."
_OF_THE_NOTICE = "S109"
_STATEMENT = re.compile(r"S[1-9][0-9]{0,2}")
_KEYS = {"text", "source", "confidence", "statements"}


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences with where they come from, in words, and how sure that is.

    ``statements`` are the numbered statements of the source articles that they cover.
    """

    text: str
    source: str
    confidence: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """One topic, as a page for a patient. Wherever it is shown, ``notice`` is shown with it."""

    name: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    notice: str = NOTICE


@cache
def education() -> Mapping[str, Text]:
    """Every topic by name, in the order in which one would read them. Raises DataError where the data cannot be right."""
    places: dict[int, str] = {}
    for name in data_names("education"):
        place = read_data("education", name).get("place")
        if not isinstance(place, int) or place in places:
            raise DataError(f"education {name}: needs a place that no other text has")
        places[place] = name
    return {name: _text(name, read_data("education", name)) for _, name in sorted(places.items())}


def education_named(name: str, field: str = "TOPIC") -> Text:
    """The text of a topic. Raises InputError with the nearest known one."""
    return pick(name, education(), field)


def covered() -> frozenset[str]:
    """The statements of the source articles that some paragraph covers; the notice that goes with every text covers one more."""
    return frozenset({_OF_THE_NOTICE}).union(
        statement for text in education().values() for part in text.paragraphs for statement in part.statements
    )


def read_paragraph(table: Mapping[str, Any], where: str) -> Paragraph:
    """One table as a paragraph. Raises DataError where a key is missing, added or empty, or the confidence unknown."""
    if set(table) != _KEYS:
        raise DataError(f"{where}: a paragraph needs exactly {sorted(_KEYS)}")
    text, source, confidence, statements = (table[key] for key in ("text", "source", "confidence", "statements"))
    if not text.endswith(".") or not source.strip():
        raise DataError(f"{where}: {text[:30]!r} needs whole sentences and a source")
    if not set(confidence.split("/")) <= set(SURENESS):
        raise DataError(f"{where}: {text[:30]!r} has the unknown confidence {confidence!r}")
    if not all(_STATEMENT.fullmatch(statement) for statement in statements):
        raise DataError(f"{where}: {text[:30]!r} covers something that is no statement")
    return Paragraph(text, source, confidence, tuple(statements))


def _text(name: str, table: Mapping[str, Any]) -> Text:
    where = f"education {name}"
    if not table.get("title") or not table.get("paragraph"):
        raise DataError(f"{where}: needs a title and paragraphs")
    return Text(name, table["title"], tuple(read_paragraph(part, where) for part in table["paragraph"]))
