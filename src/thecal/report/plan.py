"""A dated plan as a table, as JSON, and as a calendar."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from hashlib import sha256
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.report.findings import finding_document, finding_lines
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.plan import Plan
from thecal.therapy.rules import SURENESS, all_rules

_WIDTH = 118
_WHEN = 25


def plan_lines(plan: Plan, zone: ZoneInfo) -> Iterator[Line]:
    """Steps in order of time, each with the rule that it rests on; then what stands against the plan, and its notes."""
    yield Line(plan.title, "title")
    yield Line(f"{'when':<{_WHEN}}{'rule':<9}what", "head")
    for step in plan.steps:
        told = f"{step.what}{': ' + step.detail if step.detail else ''}"
        for number, part in enumerate(wrap(told, _WIDTH - _WHEN - 9)):
            left = f"{step.at.local_text(zone):<{_WHEN}}{step.rule:<9}" if not number else " " * (_WHEN + 9)
            yield Line(left + part)
    yield from finding_lines(plan.findings, zone)
    for note in plan.notes:
        yield from (Line(part, "note") for part in wrap(note, _WIDTH))
    used = sorted({step.rule for step in plan.steps})
    for name in used:
        rule = all_rules()[name]
        yield from (Line(part, "note") for part in wrap(f"{name} [{rule.confidence}] {rule.source}", _WIDTH))
    letters = {letter for name in used for letter in all_rules()[name].confidence.split("/")}
    yield from (Line(f"[{letter}] {SURENESS[letter]}", "note") for letter in SURENESS if letter in letters)
    yield Line(BANNER, "note")


def plan_document(plan: Plan, zone: ZoneInfo) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "schema": 1,
        "title": plan.title,
        "timezone": zone.key,
        "steps": [
            {
                "at": step.at.utc_text(),
                "at_local": step.at.local_text(zone),
                "what": step.what,
                "detail": step.detail,
                "rule": step.rule,
                "source": all_rules()[step.rule].source,
                "confidence": all_rules()[step.rule].confidence,
            }
            for step in plan.steps
        ],
        "findings": [finding_document(finding, zone) for finding in plan.findings],
        "notes": list(plan.notes),
        "disclaimer": BANNER,
    }


def plan_calendar(plan: Plan, zone: ZoneInfo) -> str:
    """A plan as an iCalendar file: each step an entry of a quarter of an hour. The same plan gives the same entries."""
    from icalendar import Calendar, Event  # noqa: PLC0415  # it takes as long to load as the rest of a plan

    calendar = Calendar()
    calendar.add("prodid", "-//thecal//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", plan.title)
    for number, step in enumerate(plan.steps):
        start = step.at.local(zone).astimezone(UTC)
        entry = Event()
        entry.add("uid", sha256(f"{plan.title}|{number}|{step.at.s}|{step.what}".encode()).hexdigest()[:32] + "@thecal")
        entry.add("dtstamp", start)
        entry.add("dtstart", start)
        entry.add("dtend", start + timedelta(minutes=15))
        entry.add("summary", step.what)
        rule = all_rules()[step.rule]
        rests_on = f"{rule.id} [{rule.confidence}] {rule.source}"
        entry.add("description", "\n".join(part for part in (step.detail, rests_on, BANNER) if part))
        calendar.add_component(entry)
    raw: bytes = calendar.to_ical()
    return raw.decode("utf-8")
