"""The words that facts are written with, in words."""

from collections.abc import Iterator
from typing import Any, get_args

from thecal.chart.vocabulary import Vocabulary, Word, words
from thecal.report.tables import Line
from thecal.therapy.permissions import roles
from thecal.therapy.scales import scales

VOCABULARIES: tuple[str, ...] = (*get_args(Vocabulary), "scales", "roles")


def vocabulary_document(name: str) -> list[dict[str, Any]]:
    """The words of a vocabulary as JSON rows."""
    if name == "roles":
        return [{"name": role.name, "rule": role.rule} | dict(role.permissions.items()) for role in roles().values()]
    if name == "scales":
        return [{"name": scale.name, "rule": scale.rule, "range": scale.range_text()} for scale in scales().values()]
    return [_row(word) for word in words(name).values()]


def _row(word: Word) -> dict[str, Any]:
    row: dict[str, Any] = {"name": word.name, "text": word.text}
    if word.groups:
        row["groups"] = list(word.groups)
    if word.items:
        row["items"] = list(word.items)
    if word.unit:
        row |= {"unit": word.unit, "low": word.low, "high": word.high}
    return row


def vocabulary_lines(name: str) -> Iterator[Line]:
    """The words of a vocabulary, one in a line."""
    yield Line(name, "title")
    rows = vocabulary_document(name)
    width = max(len(row["name"]) for row in rows) + 2
    for row in rows:
        told = [_told(key, value, name) for key, value in row.items() if key != "name"]
        yield Line(f"  {row['name']:<{width}}{'; '.join(told)}")


def _told(key: str, value: Any, vocabulary: str) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return f"{key}: {text}" if vocabulary == "roles" and key != "rule" else text
