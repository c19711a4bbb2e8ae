"""Facts that a program writes down: what may be sent, read by the tables of chart documents, so that nothing else gets in."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema

from thecal.chart.contradiction import new_contradictions
from thecal.chart.facts import Fact
from thecal.chart.vocabulary import Vocabulary, words
from thecal.clinic.history import History
from thecal.clinic.people import person_of
from thecal.clinic.practice import Reading
from thecal.errors import InputError, nearest_name, printable
from thecal.therapy.scales import scales
from thecal.twin.fact_tables import FACT_TABLES, FactTable
from thecal.web.api_documents import VERSION_MAX, ApiDocument
from thecal.web.form import TEXT_MAX

RECORDED = (
    "described", "referred", "checklist", "condition", "symptom", "score", "measured", "prescribed", "discontinued", "visited",
    "document", "alarm", "scan", "assessment",
)  # fmt: skip
"""The kinds of fact that may be written down: what somebody with the right "record" may. The others have their own ways: a
booking needs a slot, a signature and an override a profession, a certificate stands in the stream of the staff."""
FACTS_MAX = 100
_IDENTIFIER = "born"
_SAID = {"missing": "is missing", "extra_forbidden": "is no field of this"}
_VOCABULARIES: dict[str, Vocabulary] = {
    "cause": "causes", "condition": "conditions", "symptom": "symptoms", "measure": "measures", "medicine": "medicines",
    "document": "documents", "visit": "visits", "checklist": "checklists",
}  # fmt: skip


def _fact_schema() -> dict[str, Any]:
    """What a fact may be, by its kind: the tables of chart documents, with the words of the vocabularies beside their fields."""
    shapes = []
    for kind in RECORDED:
        shape = TypeAdapter(FACT_TABLES[kind]).json_schema()
        shape["properties"].pop(_IDENTIFIER, None)
        for name, field in shape["properties"].items():
            _describe(name, field)
        shapes.append(shape)
    return {"type": "object", "oneOf": shapes}


def _describe(name: str, field: dict[str, Any]) -> None:
    """Say of a field that is read from text that it is text, and which words it takes."""
    field.pop("title", None)
    if field.get("type") == "array":
        field["items"] = {"type": "string"}
    for option in field.get("anyOf", [field]):
        if option.keys() <= {"default"}:
            option["type"] = "string"
            if name in _VOCABULARIES:
                option["enum"] = sorted(words(_VOCABULARIES[name]))
            elif name == "scale":
                option["enum"] = sorted(scales())
            elif name in ("at", "until"):
                option["description"] = "Local time of the clinic, or with an offset or Z."
                option["examples"] = ["2026-11-20 09:30", "2026-11-20T08:30:00Z"]


AFact = Annotated[dict[str, Any], WithJsonSchema(_fact_schema())]


class FactsAsked(ApiDocument):
    """Facts to be written at the end of a chart of which version ``seen`` was read: all of them or none."""

    seen: int = Field(ge=0, le=VERSION_MAX, strict=True)
    facts: list[AFact] = Field(min_length=1, max_length=FACTS_MAX)


def facts_of(asked: list[dict[str, Any]], reading: Reading, history: History) -> list[Fact]:
    """The facts that were sent, read and compared with the chart.

    Raises InputError, its field the place where it stands: for what no chart document may say, what may not be written this way,
    what is to come, and what the chart contradicts.
    """
    found = [fact for number, table in enumerate(asked) for fact in _read(table, f"facts[{number}]", reading)]
    person = person_of(reading.connection, history.stream)
    new = new_contradictions(history.chart.facts, found, person.born if person is not None else None)
    if new:
        raise InputError("facts", "", f"contradict the chart: {new[0].problem}")
    return found


def _read(table: dict[str, Any], where: str, reading: Reading) -> Iterator[Fact]:
    kind = table.get("kind")
    if kind not in RECORDED:
        nearest = nearest_name(kind, RECORDED) if isinstance(kind, str) else None
        raise InputError(f"{where}.kind", _short(kind), "is no kind that is written down so", accepted=RECORDED, nearest=nearest)
    _check_lengths(table, where)
    if table.get(_IDENTIFIER) is not None:
        problem = "is an identifier, which stands beside the record: it is written down on the page of the person"
        raise InputError(f"{where}.{_IDENTIFIER}", _short(table[_IDENTIFIER]), problem)
    try:
        checked = FACT_TABLES[kind].model_validate(table, context={"zone": reading.zone})
        assert isinstance(checked, FactTable)  # every table of facts is one
        facts = list(checked.facts())
    except ValidationError as errors:
        raise _placed(errors, where) from None
    except InputError as error:
        raise _at(error, f"{where}.{error.field}") from None
    if checked.at > reading.now:
        problem = "is in the future: what is to come is booked, not written down"
        raise InputError(f"{where}.at", checked.at.utc_text(), problem, accepted=(f"up to {reading.now.utc_text()}",))
    if not facts:
        raise InputError(where, kind, "says nothing")
    yield from facts


def _check_lengths(table: dict[str, Any], where: str) -> None:
    for name, value in table.items():
        texts = value if isinstance(value, list) else [value]
        if len(texts) > FACTS_MAX or any(isinstance(text, str) and len(text) > TEXT_MAX for text in texts):
            problem = f"is longer than {TEXT_MAX:,} characters, or {FACTS_MAX} items"
            raise InputError(f"{where}.{name[:40]}", "", problem)


def _placed(errors: ValidationError, where: str) -> InputError:
    """The first of pydantic's findings in our words."""
    first = errors.errors(include_url=False)[0]
    return input_error(first, ".".join([where, *(str(part) for part in first["loc"])]))


def input_error(found: Any, field: str) -> InputError:
    """One of pydantic's findings as an error of a field; it holds no more of what was sent than a line."""
    if found["type"] == "input":
        return _at(found["ctx"]["error"], field)
    if found["type"] == "json_invalid":
        return InputError("body", "", "cannot be read as JSON")
    if found["type"] in _SAID:
        return InputError(field, "", _SAID[found["type"]])
    limits = {name: value for name, value in found.get("ctx", {}).items() if isinstance(value, str | int | float)}
    accepted = tuple(str(value) if name == "expected" else f"{name} {value}" for name, value in limits.items() if name != "error")
    return InputError(field, _short(found.get("input")), f"cannot be read: {found['msg']}", accepted=accepted)


def _at(error: InputError, field: str) -> InputError:
    return InputError(field, error.text, error.problem, accepted=error.accepted, nearest=error.nearest)


def _short(value: object) -> str:
    """A value as an error shows it."""
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, dict | list) else repr(value)
    return printable(text[:60])
