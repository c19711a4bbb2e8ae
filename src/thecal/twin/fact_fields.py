"""The fields of facts: dates, numbers with their unit, and the words of the vocabularies, read into what they mean."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import PlainValidator

from thecal.chart.vocabulary import Vocabulary, named
from thecal.errors import InputError
from thecal.therapy.permissions import role_named
from thecal.therapy.rules import rule_named
from thecal.twin.fields import reading

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


def _word(vocabulary: Vocabulary) -> PlainValidator:
    return reading(lambda value, name: named(vocabulary, _text(value, name), name).name)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(name, value, "is not a name in quotes")
    return value


def _date(value: object, name: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise InputError(name, value, "is not a date", accepted=('"1975-05-01"',)) from None


def _known(read: Callable[[str, str], Any]) -> PlainValidator:
    return reading(lambda value, name: read(_text(value, name), name))


def quantity_of(text: str, unit: str, name: str) -> float:
    """A plain number with its unit. Raises InputError without the unit, or with another."""
    number, _, given = text.strip().partition(" ")
    if not _NUMBER.fullmatch(number) or given.strip() != unit:
        raise InputError(name, text, "is not a plain number with its unit", accepted=(f'such as "5 {unit}"',))
    return float(number)


ACause = Annotated[str, _word("causes")]
ADate = Annotated[date, reading(_date)]
ACondition = Annotated[str, _word("conditions")]
ASymptom = Annotated[str, _word("symptoms")]
AMeasure = Annotated[str, _word("measures")]
AMedicine = Annotated[str, _word("medicines")]
ADocument = Annotated[str, _word("documents")]
AVisit = Annotated[str, _word("visits")]
AChecklist = Annotated[str, _word("checklists")]
ARole = Annotated[str, _known(lambda text, name: role_named(text, name).name)]
ARule = Annotated[str, _known(lambda text, name: rule_named(text, name).id)]
