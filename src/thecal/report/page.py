"""A run as one self-contained HTML page: figures, course, events, refusals, ledger, notes and sources."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from thecal.report.document import ledger_rows
from thecal.report.figures import course_figure
from thecal.report.tables import ACCOUNT_WORDS, COLUMN_WORDS
from thecal.report.words import BANNER, number_text
from thecal.timeline import DAY_S
from thecal.twin.case import Case
from thecal.twin.trace import Trace
from thecal.unit import decimal_text

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2833; margin: 0 auto; max-width: 1280px; padding: 0 1rem 3rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5d8dc; }
.banner { background: #fef5e7; border-left: 4px solid #d35400; padding: .5rem .8rem; }
.muted { color: #566573; } .scroll { overflow-x: auto; } .scroll:focus { outline: 2px solid #1b4f72; }
figure { margin: 1rem 0; } svg { width: 100%; min-width: 620px; max-width: 1000px; height: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #566573; padding-bottom: .3rem; }
th, td { padding: .25rem .45rem; text-align: right; vertical-align: top; border-bottom: 1px solid #eaecee; }
th { border-bottom: 2px solid #aeb6bf; } .text { text-align: left; } .what { min-width: 15rem; }
.time { white-space: nowrap; }
.critical { color: #b03a2e; font-weight: bold; } .non-critical { color: #9c640c; font-weight: bold; }
.unsensed { color: #6c3483; font-weight: bold; } .refused { color: #6c3483; }
dt { font-weight: 600; } dd { margin: 0 0 .3rem 1rem; }
@media print { .scroll { overflow: visible; } }
"""


def page_text(case: Case, trace: Trace, document: dict[str, Any]) -> str:
    """The page. It loads nothing: styles and figures are inside it."""
    device = f"{case.sheet.name}, {case.geometry.sheet.name} at {case.geometry.tip_level}. Times: {case.zone.key}."
    about = f"{case.patient}. {device}" if case.patient else device
    parts = [
        f"<h1>{escape(case.title)}</h1>",
        f'<p class="muted">{escape(about)}</p>',
        f'<p class="banner">{escape(BANNER)}</p>',
        _scrolling("Dose and reservoir over time", f"<figure>{course_figure(case, trace)}</figure>"),
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
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"{meta}<title>{escape(case.title)}</title>"
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'


def _course(intervals: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]]) -> str:
    heads = ("from", "what was done", "days", "mode", "ordered", "programmed", "delivered")
    more = ("left the tip", "believed", "true", "refill by")
    units = {
        **dict.fromkeys(("ordered", "programmed", "delivered"), "mcg/day"),
        **dict.fromkeys(("left the tip", "believed", "true"), "mL"),
    }
    columns = [(f"{head}, {units[head]}" if head in units else head) for head in (*heads, *more)]
    classes = {0: "text time", 1: "text what", 3: "text", 10: "text time"}
    return _table(
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
    return _table(
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
    yield _table(columns, rows, dict.fromkeys(range(7), "text"), "What was asked for and declined; nothing was changed")


def _ledger(trace: Trace) -> str:
    rows = (
        [escape(ACCOUNT_WORDS[account]), decimal_text(volume_nl, 10**6), decimal_text(amount_pg, 10**6)]
        for account, volume_nl, amount_pg in ledger_rows(trace.balance)
    )
    gap = f"The first two came in, the others are where they are now. Gap: {trace.balance.gap_nl} nL, {trace.balance.gap_pg} pg."
    return _table(["account", "mL", "mcg"], rows, {0: "text"}, gap)


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], classes: dict[int, str], caption: str) -> str:
    def cell(tag: str, column: int, text: str) -> str:
        kind = f' class="{classes[column]}"' if column in classes else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{kind}{scope}>{text}</{tag}>"

    head = "".join(cell("th", column, escape(text)) for column, text in enumerate(columns))
    body = "\n".join(f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in rows)
    inside = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"
    return _scrolling(caption, f"<table>{inside}</table>")


def _scrolling(label: str, inside: str) -> str:
    """What may be wider than the page, in a frame of its own that scrolls sideways and can be reached by keyboard."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{inside}</div>'
