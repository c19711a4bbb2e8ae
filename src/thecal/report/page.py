"""A run as one self-contained HTML page: figures, course, events, refusals, ledger, notes and sources."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from thecal.report.document import ledger_rows
from thecal.report.figures import course_figure
from thecal.report.html import page, scrolling, table
from thecal.report.tables import ACCOUNT_WORDS, COLUMN_WORDS
from thecal.report.words import BANNER, number_text
from thecal.timeline import DAY_S
from thecal.twin.case import Case
from thecal.twin.trace import Trace
from thecal.unit import decimal_text


def page_text(case: Case, trace: Trace, document: dict[str, Any]) -> str:
    """The page. It loads nothing: styles and figures are inside it."""
    device = f"{case.sheet.name}, {case.geometry.sheet.name} at {case.geometry.tip_level}. Times: {case.zone.key}."
    about = f"{case.patient}. {device}" if case.patient else device
    parts = [
        f"<h1>{escape(case.title)}</h1>",
        f'<p class="muted">{escape(about)}</p>',
        f'<p class="banner">{escape(BANNER)}</p>',
        scrolling("Dose and reservoir over time", f"<figure>{course_figure(case, trace)}</figure>"),
        "<h2>Course</h2>",
        _course(document["intervals"], document["events"]),
        f"<dl>{''.join(f'<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>' for word, meaning in COLUMN_WORDS.items())}</dl>",
        "<h2>Alarms and device events</h2>",
        _events(document["events"]),
        *_refusals(document["refusals"]),
        "<h2>Where all of it is</h2>",
        _ledger(trace),
        "<h2>Notes</h2>",
        _list(document["notes"]),
        *(["<h2>Sources</h2>", _list(case.sources)] if case.sources else []),
        f'<p class="muted">{escape(case.name)}, SHA-256 {case.sha256[:16]}…, thecal {escape(document["thecal"])}</p>',
    ]
    return page(case.title, parts)


def _course(intervals: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]]) -> str:
    heads = ("from", "what was done", "days", "mode", "ordered", "programmed", "delivered")
    more = ("left the tip", "believed", "true", "refill by")
    units = {
        **dict.fromkeys(("ordered", "programmed", "delivered"), "mcg/day"),
        **dict.fromkeys(("left the tip", "believed", "true"), "mL"),
    }
    columns = [(f"{head}, {units[head]}" if head in units else head) for head in (*heads, *more)]
    classes = {0: "text time", 1: "text what", 3: "text", 10: "text time"}
    return table(
        columns,
        (_course_cells(row, _opened_by(row, events)) for row in intervals),
        classes,
        "One row from one change to the next",
    )


def _opened_by(row: dict[str, Any], events: Sequence[dict[str, Any]]) -> list[str]:
    """What happened unseen, or sounded, at the second in which a row begins that nobody opened."""
    if row["what"]:
        return []
    return [
        f'<span class="{event["severity"]}">{escape(event["kind"])}: {escape(event["text"])}</span>'
        for event in events
        if event["at_utc"] == row["start_utc"]
    ]


def _course_cells(row: dict[str, Any], opened_by: list[str]) -> list[str]:
    doses = (row["ordered_mcg_per_day"], row["programmed_mcg_per_day"], row["delivered_mcg_per_day"])
    volumes = (row["delivered_nl"], row["reservoir_believed_nl"], row["reservoir_true_nl"])
    return [
        escape(row["start_local"]),
        "<br>".join([*opened_by, *(_what(fact, row["start_local"]) for fact in row["what"])]),
        decimal_text(row["seconds"], DAY_S, 2 if row["seconds"] >= 0.01 * DAY_S else 4),
        escape(row["mode"] or "no pump"),
        *("-" if dose is None else number_text(dose) for dose in doses),
        *("-" if nl is None else decimal_text(nl, 10**6) for nl in volumes),
        _refill_by(row),
    ]


def _refill_by(row: dict[str, Any]) -> str:
    if row["refill_by_local"] is None:
        return "-"
    text = f"{escape(row['refill_by_local'])}<br>{escape(row['refill_by_governed_by'])}"
    return f'<span class="non-critical">{text}, passed</span>' if row["refill_by_passed"] else text


def _what(fact: dict[str, Any], start: str) -> str:
    """A fact in words, with its own time where it came later than the row's start."""
    time = "" if fact["at_local"] == start else f'<span class="muted">{escape(fact["at_local"])}</span> '
    refused = ' class="refused"' if fact["refused"] else ""
    return f"{time}<span{refused}>{escape(fact['text'])}</span>"


def _events(events: Sequence[dict[str, Any]]) -> str:
    if not events:
        return "<p>None.</p>"
    rows = (
        [
            escape(event["at_local"]),
            f'<span class="{event["severity"]}">{escape(event["kind"])}</span>',
            escape(event["severity"]),
            escape(event["text"]),
        ]
        for event in events
    )
    return table(
        ["at", "event", "severity", "what it means"],
        rows,
        dict.fromkeys(range(4), "text"),
        "What the pump said, and what happened unseen",
    )


def _refusals(refusals: Sequence[dict[str, Any]]) -> Iterable[str]:
    if not refusals:
        return
    columns = ["at", "rule", "asked", "allowed", "source", "what to do", "expected"]
    keys = ("at_local", "rule", "asked", "limit", "source", "advice")
    rows = ([*(escape(row[key]) for key in keys), "yes" if row["expected"] else "no"] for row in refusals)
    yield "<h2>Refusals</h2>"
    yield table(columns, rows, dict.fromkeys(range(7), "text"), "What was asked for and declined; nothing was changed")


def _ledger(trace: Trace) -> str:
    rows = (
        [escape(ACCOUNT_WORDS[account]), decimal_text(volume_nl, 10**6), decimal_text(amount_pg, 10**6)]
        for account, volume_nl, amount_pg in ledger_rows(trace.balance)
    )
    gap = f"The first two came in, the others are where they are now. Gap: {trace.balance.gap_nl} nL, {trace.balance.gap_pg} pg."
    return table(["account", "mL", "mcg"], rows, {0: "text"}, gap)


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"
