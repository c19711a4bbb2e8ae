"""Findings in words and as JSON, and what an order check says beside them."""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.report.tables import Line, Style
from thecal.therapy.asked import Asked
from thecal.therapy.finding import SEVERITIES, Finding, Severity
from thecal.therapy.pathway import Due, Standing
from thecal.therapy.rules import SURENESS, all_rules
from thecal.therapy.safety import re_entered
from thecal.therapy.totals import Totals
from thecal.timeline import Instant

_WIDTH = 118
_STYLES: dict[Severity, Style] = {
    "emergency": "critical",
    "block": "refused",
    "second_person": "unsensed",
    "warn": "non-critical",
    "advise": "row",
    "task": "done",
}
_TOTALS = {"day": "24-h total", "day_max": "most in 24 h", "peak_hour": "peak hour", "seven_day_mean": "7-day mean"}
_CALLED: dict[Severity, str] = {
    "emergency": "EMERGENCY",
    "block": "BLOCKED",
    "second_person": "SECOND PERSON",
    "warn": "warning",
    "advise": "advice",
    "task": "task",
}


def finding_document(finding: Finding, zone: ZoneInfo) -> dict[str, Any]:
    """A finding as JSON."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "asked": finding.asked,
        "allowed": finding.allowed,
        "source": finding.source,
        "confidence": finding.confidence,
        "next": finding.next,
        "due_local": finding.due.local_text(zone) if finding.due else None,
        "overridden": finding.overridden,
    }


def finding_lines(findings: Iterable[Finding], zone: ZoneInfo) -> Iterator[Line]:
    """Findings, the gravest first: what was found, what is allowed, what to do, where it comes from."""
    shown: set[str] = set()
    for finding in findings:
        due = f" (by {finding.due.local_text(zone)})" if finding.due else ""
        head = f"{_CALLED[finding.severity]}  {finding.rule}  {finding.asked}{due}"
        style = _STYLES[finding.severity]
        yield from (Line(part, style) for part in wrap(head, _WIDTH, subsequent_indent="    "))
        yield from _told("allowed", finding.allowed)
        if finding.overridden:
            yield from _told("overridden", finding.overridden)
        yield from _told("next", finding.next)
        yield from _told("source", f"{finding.source} [{finding.confidence}]", "note")
        shown.update(finding.confidence.split("/"))
    if shown:
        yield Line("")
        yield from (Line(f"[{letter}] {SURENESS[letter]}", "note") for letter in SURENESS if letter in shown)


def _told(label: str, text: str, style: Style = "plain") -> Iterator[Line]:
    for number, part in enumerate(wrap(text, _WIDTH - 15) or [""]):
        yield Line(f"    {label if not number else '':<11}{part}", style)


def finding_counts(findings: Iterable[Finding]) -> str:
    """How many of each severity, in a line."""
    found = list(findings)
    counts = [(name, sum(finding.severity == name for finding in found)) for name in SEVERITIES]
    return ", ".join(f"{count} {_CALLED[name].lower()}" for name, count in counts if count) or "nothing found"


def order_lines(asked: Asked) -> Iterator[Line]:
    """The totals of an order before and after it, its change, and what a second person enters again."""
    yield Line("the order", "title")
    yield Line(f"{'':<20}{'now':<24}{'after it':<24}", "head")
    for name, label in (
        ("day", "24-h total"),
        ("day_max", "most in 24 h"),
        ("peak_hour", "peak hour"),
        ("seven_day_mean", "7-day mean"),
    ):
        before, after = (_total(totals, name) for totals in (asked.before, asked.after))
        if name == "day_max" and asked.most is not None:
            after = str(asked.most)
        yield Line(f"{label:<20}{before:<24}{after:<24}")
    percent = asked.change_percent
    change = "nothing ran before" if percent is None else f"{float(percent):+.4g} %"
    yield Line(f"{'change':<20}{change}")
    yield Line("to be entered again: " + ", ".join(label for label, _ in re_entered(asked)), "note")


def _total(totals: Totals | None, name: str) -> str:
    return "not known" if totals is None else str(getattr(totals, name))


def due_findings(standing: Standing, now: Instant, told: Iterable[Finding] = ()) -> Iterator[Finding]:
    """What is due on the pathway, as findings; what a finding of the same rule tells already is left out."""
    rules = {finding.rule for finding in told}
    for item in standing.due:
        if item.rule not in rules:
            yield _due_finding(item, now)


def _due_finding(item: Due, now: Instant) -> Finding:
    rule = all_rules()[item.rule]
    allowed = "as soon as it can be" if item.by is None else "by the date"
    late = item.by is not None and item.by < now
    asked = f"{item.what} is {'overdue' if late else 'next'}"
    return Finding(rule.id, "task", asked, allowed, rule.source, rule.confidence, "Book it.", item.by)


def standing_lines(standing: Standing, zone: ZoneInfo) -> Iterator[Line]:
    """Where a person stands in the therapy."""
    where = (
        f"{standing.state} since {standing.since.local_text(zone)}" if standing.state and standing.since else "not referred yet"
    )
    yield Line(f"pathway: {where}", "title")
    for text in standing.beside:
        yield Line(f"beside it: {text}", "non-critical")
