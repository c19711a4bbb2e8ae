"""A run as one self-contained HTML page: figures, course, events, refusals, ledger, notes and sources."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from thecal.report.body_figures import Day, day_figure, effects_figure
from thecal.report.body_lines import BODY_WORDS, body_text, episode_text
from thecal.report.document import ledger_rows
from thecal.report.effects import HONESTY, Effects
from thecal.report.figures import course_figure
from thecal.report.html import page, scrolling, table
from thecal.report.tables import ACCOUNT_WORDS, COLUMN_WORDS
from thecal.report.words import BANNER, digits_text, number_text
from thecal.timeline import DAY_S
from thecal.twin.case import Case
from thecal.twin.trace import Trace
from thecal.unit import decimal_text


def page_text(case: Case, trace: Trace, document: dict[str, Any], effects: Effects | None = None) -> str:
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
        *_body(case, trace, effects),
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


def _body(case: Case, trace: Trace, effects: Effects | None) -> Iterable[str]:
    """What the therapy did: each figure with its table, and how far it may be believed."""
    if effects is None or trace.world.exposure is None:
        return
    yield "<h2>The body</h2>"
    yield f"<p>{escape(body_text(case))}.</p>"
    yield f'<p class="banner">{escape(HONESTY)}</p>'
    yield scrolling("Concentration, tone and risks over time", f"<figure>{effects_figure(case, effects)}</figure>")
    yield _body_table(case, effects)
    if effects.episodes:
        yield "<h3>Signs</h3>"
        yield _list(episode_text(episode, case).removeprefix("** ") for episode in effects.episodes)
    yield f"<dl>{''.join(f'<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>' for word, meaning in BODY_WORDS.items())}</dl>"
    day = Day.last(case, trace.world.exposure, trace.end)
    if day:
        yield "<h2>A day of the dose</h2>"
        yield scrolling("Dose, concentration and tone over 24 hours", f"<figure>{day_figure(case, day)}</figure>")
        yield _day_table(case, day)


def _day_table(case: Case, day: Day) -> str:
    heads = ("hours", "mcg at the tip", f"csf {case.geometry.tip_level}, ng/mL", "leg cord, ng/mL", "Ashworth legs")
    rows = (
        [hours, digits_text(mcg), digits_text(csf), digits_text(legs), f"{ashworth:.2f}"]
        for hours, mcg, csf, legs, ashworth in day.table()
    )
    note = f"{day.title}. The amounts are what truly left the tip; the rest is the model's, within a factor of two"
    return table(heads, rows, {0: "text time"}, note)


def _body_table(case: Case, effects: Effects) -> str:
    heads = (
        "from",
        f"csf {case.geometry.tip_level}, ng/mL",
        "leg cord, ng/mL",
        "plasma, ng/mL",
        "Ashworth legs",
        "lowest",
        "highest",
    )
    more = ("Ashworth arms", "spasms, Penn", "tolerance", "weakness", "drowsiness", "overdose", "withdrawal")
    rows = (
        [
            escape(row.course.interval.start.local_text(case.zone)),
            digits_text(row.csf_ng_per_ml),
            digits_text(row.legs_ng_per_ml),
            digits_text(row.plasma_ng_per_ml, 2),
            *(f"{score:.1f}" for score in (row.ashworth_legs, row.ashworth_legs_min, row.ashworth_legs_max, row.ashworth_arms)),
            f"{row.spasm_penn:.1f}",
            f"{row.tolerance:.2f}",
            *(
                f"{index:.2f}"
                for index in (row.weakness_index_max, row.sedation_index_max, row.overdose_index_max, row.withdrawal_index_max)
            ),
        ]
        for row in effects.rows
    )
    return table(
        [*heads, *more], rows, {0: "text time"}, "One row from one change to the next: means; of the indices the highest"
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
