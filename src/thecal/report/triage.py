"""A triage in words and as JSON."""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from thecal.report.tables import Line, Style
from thecal.report.words import BANNER
from thecal.therapy.first_actions import ByRule
from thecal.therapy.rules import SURENESS, all_rules
from thecal.therapy.triage import Triage

_WIDTH = 118
_STYLES: dict[str, Style] = {"emergency": "critical", "same day": "non-critical", "routine": "row"}
_TIERS = {
    "emergency": "EMERGENCY: act now",
    "same day": "TODAY: a clinician who knows the therapy sees this person today",
    "routine": "routine: no sign that cannot wait for the next visit",
}


def triage_lines(answer: Triage, zone: ZoneInfo) -> Iterator[Line]:
    """The tier first, then what to do, why, what else it may be, and what must not decide."""
    yield Line(_TIERS[answer.tier], _STYLES[answer.tier])
    yield Line(f"suspected: {answer.suspicion}", "title")
    yield from _part("first, in this order", answer.first_actions, numbered=True)
    yield from _part("why", answer.reasons)
    yield from _part("looked at meanwhile", answer.work_up)
    if answer.differential:
        yield from (Line(part) for part in wrap(f"it may also be: {', '.join(answer.differential)}", _WIDTH))
    if answer.watch is not None:
        until = f", until {answer.watch_until.local_text(zone)}" if answer.watch_until else ""
        yield Line(f"watch for {answer.watch}{until}")
    yield from _part("what does not decide", answer.never_decides)
    for rule in answer.confidence:
        told = f"{rule} [{answer.confidence[rule]}] {all_rules()[rule].source}"
        yield from (Line(part, "note") for part in wrap(told, _WIDTH))
    letters = {letter for confidence in answer.confidence.values() for letter in confidence.split("/")}
    yield from (Line(f"[{letter}] {SURENESS[letter]}", "note") for letter in SURENESS if letter in letters)
    yield Line(BANNER, "note")


def _part(title: str, said: Iterable[ByRule], *, numbered: bool = False) -> Iterator[Line]:
    rows = list(said)
    if rows:
        yield Line(title, "head")
    for number, row in enumerate(rows, 1):
        label = f"{number}." if numbered else "-"
        for place, part in enumerate(wrap(f"{row.text} ({row.rule})", _WIDTH - 6)):
            yield Line(f"  {label if not place else '':<4}{part}")


def triage_document(answer: Triage, zone: ZoneInfo) -> dict[str, Any]:
    """A triage as JSON."""
    return {
        "schema": 1,
        "tier": answer.tier,
        "suspicion": answer.suspicion,
        "first_actions": _rows(answer.first_actions),
        "reasons": _rows(answer.reasons),
        "work_up": _rows(answer.work_up),
        "differential": list(answer.differential),
        "watch_h": answer.watch.s / 3600 if answer.watch is not None else None,
        "watch_until_local": answer.watch_until.local_text(zone) if answer.watch_until else None,
        "never_decides": _rows(answer.never_decides),
        "disclaimer": BANNER,
    }


def _rows(said: Iterable[ByRule]) -> list[dict[str, str]]:
    return [
        {"rule": row.rule, "text": row.text, "source": all_rules()[row.rule].source, "confidence": row.confidence} for row in said
    ]
