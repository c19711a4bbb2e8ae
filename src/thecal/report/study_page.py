"""A study as one self-contained HTML page: what came of it, every figure with its table, and what the model cannot know."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from thecal.errors import sentence
from thecal.report.html import page, scrolling, table
from thecal.report.study_figures import bands_figure, forest_figure, incidence_figure, spread_figure, survival_figure
from thecal.report.study_lines import (
    LOOKING,
    PAIRED,
    command,
    counted,
    difference_of,
    estimate_text,
    failure_command,
    heading,
    level_text,
    p_text,
    percent_text,
)
from thecal.report.study_summary import CAUSES, LEVELS, METHODS, Measure, Summary
from thecal.report.validation import Published
from thecal.report.words import BANNER, significant_text

_POINTS = 7
"""How many days a table of a curve shows at most."""


def study_page(summary: Summary) -> str:
    """The page. It loads nothing: styles and figures are inside it."""
    parts = [
        f"<h1>{escape(summary.title)}</h1>",
        *(f'<p class="muted">{escape(text)}</p>' for text in heading(summary)),
        f'<p class="banner">{escape(BANNER)}</p>',
        *_failed_note(summary),
        f"<h2>Primary endpoint: {escape(summary.primary.title)}</h2>",
        _values(summary, [summary.primary], summary.primary.words),
        "<h2>Patients</h2>",
        _arms(summary),
        *_endpoints(summary),
        *_differences(summary),
        *_spreads(summary),
        *_survival(summary),
        *_first_events(summary),
        *_bands(summary),
        *_published(summary.published),
        *_looks(summary),
        *_section("What the model cannot know", summary.limits),
        *_section("How it was worked out", _methods(summary)),
        *_section("Sources", summary.sources),
        *_failures(summary),
        "<h2>How to do it once more</h2>",
        f"<p><code>{escape(command(summary))}</code> makes the same rows, whatever machine, and however many processes work.</p>",
    ]
    return page(summary.title, parts)


def _values(summary: Summary, measures: Sequence[Measure], caption: str) -> str:
    """A row for each endpoint and arm; one endpoint is named by the caption alone."""
    named = len(measures) > 1
    rows = (
        [
            *([escape(measure.words)] if named else []),
            escape(summary.title_of(value.arm)),
            f"{value.patients:,}",
            counted(value, measure) or "-",
            estimate_text(value.estimate),
            *_beside(summary, value.arm, measure.name),
        ]
        for measure in measures
        for value in summary.values
        if value.measure == measure.name
    )
    apart = f"less {summary.title_of(summary.reference)}"
    columns = ["arm", "patients", "counted", "value (95 %)", apart, "p"]
    kinds = {0: "text", 2: "time", 3: "time", 4: "time"}
    if named:
        columns, kinds = ["endpoint", *columns], {0: "text", **{column + 1: kind for column, kind in kinds.items()}}
    return table(columns, rows, kinds, caption)


def _beside(summary: Summary, arm: str, measure: str) -> tuple[str, str]:
    difference = difference_of(summary, arm, measure)
    if difference is None:
        return "reference", "-"
    return estimate_text(difference.estimate, sign=True), p_text(difference.p)


def _arms(summary: Summary) -> str:
    columns = ("arm", "way", "enrolled", "analyzed", "screened", "responded", "implanted", "not implanted", "failed", "missing")
    rows = (
        [
            escape(arm.title or arm.name),
            escape(arm.route),
            *(f"{count:,}" for count in (arm.enrolled, arm.analyzed, arm.screened, arm.responded, arm.implanted)),
            "-" if arm.not_implanted is None else f"{arm.not_implanted:,}",
            *(_bad(count) for count in (arm.failed, arm.missing)),
        ]
        for arm in summary.arms
    )
    note = "The same patients in every arm; failed and missing ones are in no value"
    return table(columns, rows, {0: "text", 1: "text"}, note)


def _bad(count: int) -> str:
    return f'<span class="critical">{count:,}</span>' if count else "0"


def _endpoints(summary: Summary) -> Iterator[str]:
    if len(summary.measures) > 1:
        yield "<h2>Endpoints</h2>"
        yield _values(summary, summary.measures, "Values by arm, and paired differences")


def _differences(summary: Summary) -> Iterator[str]:
    drawn = forest_figure(summary)
    if not drawn:
        return
    yield "<h2>Differences between arms</h2>"
    yield f"<p>{escape(PAIRED)}</p>"
    yield _framed("Paired differences of every endpoint", drawn)
    rows = (
        [
            escape(measure.what),
            escape(summary.title_of(each.arm)),
            f"{each.patients:,}",
            estimate_text(each.estimate, sign=True),
            escape(measure.unit_of_difference or "-"),
        ]
        for measure in summary.measures
        for each in summary.differences
        if each.measure == measure.name
    )
    note = f"Each arm less {summary.title_of(summary.reference)}"
    columns = ["endpoint", "arm", "pairs", "difference (95 %)", "unit"]
    yield table(columns, rows, {0: "text", 1: "text", 3: "time", 4: "text"}, note)


def _spreads(summary: Summary) -> Iterator[str]:
    drawn = spread_figure(summary)
    if not drawn:
        return
    measure = summary.measure(summary.spreads[0].measure)
    yield "<h2>Patient by patient</h2>"
    yield _framed(f"Distribution of the paired differences: {measure.title}", drawn)
    rows = (
        [
            escape(summary.title_of(each.arm)),
            *(significant_text(float(level)) for level in each.levels),
            *(f"{100 * share:.0f} %" for share in (each.below, each.above)),
        ]
        for each in summary.spreads
    )
    columns = ["arm", *(level_text(level) for level in LEVELS), "pairs below 0", "pairs above 0"]
    unit = f", {measure.unit_of_difference}" if measure.unit else ""
    yield table(columns, rows, {0: "text"}, f"Paired differences of {measure.title}{unit}: the value that a part lies below")


def _survival(summary: Summary) -> Iterator[str]:
    for measure in summary.measures:
        drawn = survival_figure(summary, measure.name)
        if not drawn:
            continue
        yield f"<h2>{escape(sentence(measure.title))}</h2>"
        yield _framed(f"Without the event over time: {measure.title}", drawn)
        days = _points(list(range(summary.follow_up_days + 1)))[1:]
        rows = (
            [escape(summary.title_of(each.arm)), *(percent_text(each.survival.at(day)) for day in days)]
            for each in summary.curves
            if each.measure == measure.name
        )
        note = "Without the event up to and on a day, % (Kaplan-Meier, 95 %)"
        kinds = {0: "text", **dict.fromkeys(range(1, len(days) + 1), "time")}
        yield table(["arm", *(f"day {day:,}" for day in days)], rows, kinds, note)
        yield "<h3>Patients at risk</h3>"
        counts = (
            [escape(summary.title_of(each.arm)), *(f"{count:,}" for count in each.survival.at_risk_on(days))]
            for each in summary.curves
            if each.measure == measure.name
        )
        yield table(
            ["arm", *(f"day {day:,}" for day in days)],
            counts,
            {0: "text"},
            "Who have neither left nor had the event before a day",
        )


def _first_events(summary: Summary) -> Iterator[str]:
    drawn = incidence_figure(summary)
    if not drawn:
        return
    yield "<h2>What goes wrong first</h2>"
    yield "<p>Catheter, pump and infection compete: only the first of them counts, among those who were implanted.</p>"
    yield _framed("Cumulative incidence of the first event of an implant", drawn)
    days = _points(list(range(summary.follow_up_days + 1)))[1:]
    rows = (
        [
            escape(summary.title_of(first.arm)),
            f"{first.patients:,}",
            cause,
            *(percent_text(first.incidence.at(n, day)) for day in days),
        ]
        for first in summary.first_events
        for n, cause in enumerate(CAUSES)
    )
    columns = ["arm", "implanted", "first", *(f"day {day:,}" for day in days)]
    kinds = {0: "text", 2: "text", **dict.fromkeys(range(3, len(days) + 3), "time")}
    yield table(columns, rows, kinds, "To whom each came first up to and on a day, % (Aalen-Johansen, 95 %)")


def _bands(summary: Summary) -> Iterator[str]:
    for quantity in dict.fromkeys(each.quantity for each in summary.bands):
        shown = [each for each in summary.bands if each.quantity == quantity]
        title = f"{sentence(quantity)} over time"
        yield f"<h2>{escape(title)}</h2>"
        yield _framed(title, bands_figure(summary, quantity))
        rows = (
            [
                escape(summary.title_of(band.arm)),
                f"{band.days[place]:,}",
                f"{band.patients[place]:,}",
                *(significant_text(float(value)) for value in band.levels[:, place]),
            ]
            for band in shown
            for place in _points(list(range(len(band.days))))
        )
        columns = ["arm", "day", "patients", *(level_text(level) for level in LEVELS)]
        note = f"{sentence(quantity)}, {shown[0].unit}: the value that a part of the patients lies below; some of the visits"
        yield table(columns, rows, {0: "text"}, note)


def _published(published: Sequence[Published]) -> Iterator[str]:
    if not published:
        return
    failed = sum(row.ok is False for row in published)
    asked = sum(row.ok is not None for row in published)
    yield "<h2>Published numbers and the model</h2>"
    yield f"<p>{asked - failed} of {asked} are within what is accepted.</p>"
    rows = (
        [
            escape(row.id),
            escape(f"{row.quantity}, {row.unit}" if row.unit else row.quantity),
            escape(row.shown),
            "-" if row.model is None else significant_text(row.model),
            f"{significant_text(row.low)} to {significant_text(row.high)}",
            f'<span class="{"critical" if row.ok is False else "muted"}">{row.verdict}</span>',
            escape(row.role),
            escape(row.source),
            escape(row.protocol),
        ]
        for row in published
    )
    columns = ["id", "quantity", "published", "model", "accepted", "verdict", "role", "source", "how the model was asked"]
    classes = {0: "text", 1: "text", 4: "time", 5: "text", 6: "text", 7: "text", 8: "text"}
    yield table(columns, rows, classes, "A miss stays: FAILS is outside what is accepted")


def _looks(summary: Summary) -> Iterator[str]:
    if not summary.looks:
        return
    yield "<h2>Looks before the end</h2>"
    yield f"<p>{escape(LOOKING)}</p>"
    rows = (
        [
            escape(summary.title_of(look.arm)),
            f"{look.day:,}",
            f"{100 * look.fraction:.0f} %",
            f"{look.patients:,}",
            estimate_text(look.estimate, sign=True),
            p_text(look.p),
            p_text(look.boundary),
            "crossed" if look.crossed else "not crossed",
        ]
        for look in summary.looks
    )
    columns = ["arm", "day", "information", "pairs", "difference (95 %)", "p, nominal", "boundary of p", "boundary"]
    measure = summary.primary
    yield table(columns, rows, {0: "text", 4: "time", 7: "text"}, f"{measure.title}, {measure.unit_of_difference}")


def _methods(summary: Summary) -> Iterator[str]:
    for kind in dict.fromkeys(measure.kind for measure in summary.measures):
        names = ", ".join(measure.title for measure in summary.measures if measure.kind == kind)
        yield f"{names}: {METHODS[kind]}."


def _failed_note(summary: Summary) -> Iterator[str]:
    lacking = sum(arm.failed + arm.missing for arm in summary.arms)
    if lacking:
        many = f"{lacking:,} patients of arms are" if lacking > 1 else "1 patient of an arm is"
        yield f'<p class="critical">{many} in no value: failed or missing. See the failures below.</p>'


def _failures(summary: Summary) -> Iterator[str]:
    yield "<h2>Failures</h2>"
    if not summary.failures:
        yield "<p>None.</p>"
        return
    rows = (
        [
            str(each.patient),
            escape(each.arm or "every arm"),
            escape(each.error),
            f"<code>{escape(failure_command(summary, each))}</code>",
        ]
        for each in summary.failures
    )
    yield table(
        ["patient", "arm", "error", "to see it again"],
        rows,
        dict.fromkeys((1, 2, 3), "text"),
        "An error ended these; the others went on",
    )


def _section(title: str, texts: Iterable[str]) -> Iterator[str]:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    if items:
        yield f"<h2>{title}</h2>"
        yield f"<ul>{items}</ul>"


def _framed(label: str, figure: str) -> str:
    return scrolling(label, f"<figure>{figure}</figure>")


def _points(days: Sequence[int]) -> list[int]:
    """The first, the last and some between."""
    if len(days) <= _POINTS:
        return list(days)
    return [days[round(n * (len(days) - 1) / (_POINTS - 1))] for n in range(_POINTS)]
