"""A patient sheet as text and as plain data."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from thecal.body.patient import PatientSheet, Setting, Spread
from thecal.datum import CONFIDENCE
from thecal.report.tables import WIDTH, Line

_INDENT = 8


def patient_lines(sheet: PatientSheet) -> Iterator[Line]:
    """Every parameter: name, value, how it varies between people, confidence; what it is and its source below."""
    yield Line(f"{sheet.name}: {sheet.title}", "title")
    for setting in sheet.settings.values():
        parameter, datum = setting.parameter, setting.datum
        yield Line(f"{parameter.name:<34}{datum.value:<16}{_spread_text(setting.spread):<32}{datum.confidence}")
        for text in wrap(f"{parameter.meaning}. {datum.source}", WIDTH - _INDENT):
            yield Line(" " * _INDENT + text, "note")
    yield Line("")
    for (one, other), value in sheet.correlations.items():
        yield Line(f"{one} and {other} are correlated: {value:g}")
    for mark in sorted({setting.datum.confidence for setting in sheet.settings.values()}):
        yield Line(f"{mark}: {CONFIDENCE[mark]}", "note")


def _spread_text(spread: Spread | None) -> str:
    if spread is None:
        return ""
    if spread.kind == "mixture":
        return f"{spread.size:.0%} have {spread.factor:g} times it".replace("%", " %")
    return f"{spread.kind}, SD {spread.size:g}"


def patient_document(sheet: PatientSheet) -> dict[str, Any]:
    """As plain data."""
    return {
        "name": sheet.name,
        "title": sheet.title,
        "parameters": [_parameter(setting) for setting in sheet.settings.values()],
        "correlations": [{"between": list(pair), "value": value} for pair, value in sheet.correlations.items()],
    }


def _parameter(setting: Setting) -> dict[str, Any]:
    parameter, spread, datum = setting.parameter, setting.spread, setting.datum
    return {
        "name": parameter.name,
        "value": setting.typical,
        "unit": parameter.unit,
        "low": parameter.low,
        "high": parameter.high,
        "meaning": parameter.meaning,
        "varies": None if spread is None else {"kind": spread.kind, "size": spread.size, "factor": spread.factor},
        "source": datum.source,
        "confidence": datum.confidence,
    }
