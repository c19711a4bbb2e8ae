"""Rules in words: listed, and one in full with its limits, its source and its tests."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from textwrap import wrap
from typing import Any

from thecal.datum import read_data
from thecal.report.tables import Line
from thecal.therapy.clinic import Clinic
from thecal.therapy.rules import SURENESS, Limit, Rule

_WIDTH = 110


def rule_document(rule: Rule, clinic: Clinic) -> dict[str, Any]:
    """A rule as JSON: its limits as this clinic has set them."""
    return {
        "id": rule.id,
        "kind": rule.kind,
        "topic": rule.topic,
        "statement": rule.statement,
        "inputs": list(rule.inputs),
        "limits": [_limit_document(clinic.limit(rule.id, name)) for name in rule.limits],
        "source": rule.source,
        "confidence": rule.confidence,
        "configurable": rule.configurable,
        "on": clinic.on(rule.id),
        "tests": list(tests_of(rule.id)),
    }


def _limit_document(limit: Limit) -> dict[str, Any]:
    return {
        "name": limit.name,
        "when": limit.when,
        "value": int(limit.value) if limit.value.is_integer() else limit.value,
        "unit": limit.unit,
        "severity": limit.severity,
        "confidence": limit.confidence,
        "configurable": limit.configurable,
    }


def rule_list(rules: Iterable[Rule]) -> Iterator[Line]:
    """Rules, one in a line of a table with as much of its statement as fits."""
    yield Line(f"{'rule':<8}{'kind':<11}{'conf.':<7}statement", "head")
    for rule in rules:
        room = _WIDTH - 26
        shown = rule.statement if len(rule.statement) <= room else rule.statement[: room - 3].rstrip() + "..."
        yield Line(f"{rule.id:<8}{rule.kind:<11}{rule.confidence:<7}{shown}")


def rule_lines(rule: Rule, clinic: Clinic) -> Iterator[Line]:
    """One rule in full."""
    yield Line(f"{rule.id}  {rule.kind}, {rule.topic.replace('_', ' ')}", "title")
    yield from _wrapped("", rule.statement)
    if rule.inputs:
        yield from _wrapped("looks at      ", "; ".join(rule.inputs))
    for name in rule.limits:
        limit = clinic.limit(rule.id, name)
        yield from _wrapped("limit         ", f"{limit.when} {limit}: {limit.severity.replace('_', ' ')}{_may(limit)}")
    yield from _wrapped("source        ", rule.source)
    told = "; ".join(f"{letter}: {SURENESS[letter]}" for letter in rule.confidence.split("/"))
    yield from _wrapped("confidence    ", told)
    if rule.switch is not None:
        yield from _wrapped("switch        ", "on" if clinic.on(rule.id) else "off; a clinic may switch it on")
    tests = tests_of(rule.id)
    for number, test in enumerate(tests):
        yield Line(f"{'tests' if not number else '':<14}{test}", "note")
    if rule.kind == "reference":
        yield Line("A reference is shown with its source, and not evaluated.", "note")


def _may(limit: Limit) -> str:
    may = {"yes": "a clinic may set it", "only stricter": "a clinic may make it stricter", "no": "fixed"}[limit.configurable]
    override = f"; who may {limit.override} may go on, with a reason" if limit.override else ""
    return f" ({limit.confidence}; {limit.rule}.{limit.name}: {may}{override})"


def _wrapped(label: str, text: str) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, _WIDTH - len(label))):
        yield Line(f"{label if not number else ' ' * len(label)}{part}")


@cache
def _tests() -> Mapping[str, Any]:
    return read_data("coverage", "tests")


def tests_of(rule: str) -> tuple[str, ...]:
    """The tests that hold a rule, as they are named in the source tree."""
    return tuple(_tests().get(rule, ()))
