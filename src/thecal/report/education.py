"""Texts for patients, the decision aid, and the emergency plan, in words."""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.decision_aid import Row
from thecal.therapy.education import NOTICE, Paragraph, Text
from thecal.therapy.emergency_plan import EmergencyPlan

_WIDTH = 100
_LABEL = 39


def text_lines(text: Text) -> Iterator[Line]:
    """One text, each paragraph with its source, and the notice."""
    yield Line(text.title, "title")
    for paragraph in text.paragraphs:
        yield from _paragraph(paragraph)
    yield from (Line(part, "note") for part in wrap(text.notice, _WIDTH))
    yield Line(BANNER, "note")


def _paragraph(paragraph: Paragraph, indent: str = "") -> Iterator[Line]:
    yield from (Line(indent + part) for part in wrap(paragraph.text, _WIDTH - len(indent)))
    told = f"[{paragraph.confidence}] {paragraph.source}"
    yield from (Line(f"{indent}  {part}", "note") for part in wrap(told, _WIDTH - len(indent) - 2))


def text_document(text: Text) -> dict[str, Any]:
    """One text as JSON."""
    return {
        "name": text.name,
        "title": text.title,
        "paragraphs": [_paragraph_document(paragraph) for paragraph in text.paragraphs],
        "notice": text.notice,
    }


def _paragraph_document(paragraph: Paragraph) -> dict[str, str]:
    return {"text": paragraph.text, "source": paragraph.source, "confidence": paragraph.confidence}


def aid_lines(rows: Iterable[Row]) -> Iterator[Line]:
    """Tablets against pump, row by row; what matters to this person is marked, with the reason."""
    yield Line("Tablets or pump", "title")
    for row in rows:
        yield Line(row.name + (": this matters here" if row.matters else ""), "head")
        for reason in row.why:
            yield from (Line(f"  {part}", "done") for part in wrap(reason, _WIDTH - 2))
        for name, paragraphs in (("tablets", row.tablets), ("pump", row.pump)):
            yield Line(f"  {name}", "head")
            for paragraph in paragraphs:
                yield from _paragraph(paragraph, "    ")
    yield from (Line(part, "note") for part in wrap(NOTICE, _WIDTH))
    yield Line(BANNER, "note")


def aid_document(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Tablets against pump as JSON rows."""
    return [
        {
            "name": row.name,
            "matters": row.matters,
            "why": list(row.why),
            "tablets": [_paragraph_document(paragraph) for paragraph in row.tablets],
            "pump": [_paragraph_document(paragraph) for paragraph in row.pump],
        }
        for row in rows
    ]


def emergency_lines(plan: EmergencyPlan, zone: ZoneInfo) -> Iterator[Line]:
    """The emergency plan of a person (EMG-01), to be carried and hung up."""
    yield Line(f"Emergency plan, as of {plan.at.local_text(zone)}", "title")
    for line in plan.lines:
        for number, part in enumerate(wrap(line.value, _WIDTH - _LABEL) or [""]):
            yield Line(f"{line.label if not number else '':<{_LABEL}}{part}", "plain" if line.recorded else "non-critical")
    yield Line(BANNER, "note")


def emergency_document(plan: EmergencyPlan, zone: ZoneInfo) -> dict[str, Any]:
    """The emergency plan as JSON."""
    return {
        "schema": 1,
        "at_local": plan.at.local_text(zone),
        "lines": [{"label": line.label, "value": line.value if line.recorded else None} for line in plan.lines],
        "missing": list(plan.missing),
        "disclaimer": BANNER,
    }
