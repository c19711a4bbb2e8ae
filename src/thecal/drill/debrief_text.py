"""The debrief in lines, as data and on a page."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from textwrap import wrap
from typing import Any

from thecal.drill.debrief import Debrief, Harm, Judged
from thecal.drill.document import INDICES
from thecal.drill.move import lines_of
from thecal.report.bars import PARTS, bars
from thecal.report.effects import HONESTY
from thecal.report.html import page, scrolling, table
from thecal.report.signs import TONE
from thecal.report.tables import WIDTH, Line, Style
from thecal.report.words import BANNER, digits_text
from thecal.therapy.check import check
from thecal.therapy.look import Look
from thecal.therapy.rules import all_rules
from thecal.timeline import DAY_S, Instant

_BEFORE_S = DAY_S
_SHOWN = 4
_STYLES: dict[str, Style] = {"in time": "done", "late": "non-critical", "missed": "critical"}
_GRAVE = ("emergency", "block", "second_person", "warn")


def debrief_lines(told: Debrief) -> Iterator[Line]:
    """All of it, from what was done to what to talk about."""
    state, drill = told.state, told.drill
    yield Line(f"Debrief: {drill.table.title}", "title")
    yield from lines_of(score_text(told), "done" if told.in_time == len(told.judged) and not told.harms else "non-critical")
    yield Line("")
    yield Line("What had to be done", "head")
    for judged in told.judged:
        yield from _judged_lines(told, judged)
    for harm in told.harms:
        yield from _harm_lines(told, harm)
    if state.overrode:
        yield Line("")
        yield Line("Rules that you went on in spite of", "head")
        for at, text in state.overrode:
            yield from lines_of(f"{at.local_text(drill.zone)}  {text}", "refused")
    yield Line("")
    yield Line("What was so", "head")
    yield from (line for text in drill.table.hidden for line in lines_of(text, "unsensed"))
    for fault in state.faults:
        what = fault.told or fault.fault.name
        yield from lines_of(f"The instructor let this happen at {fault.at.local_text(drill.zone)}: {what}.", "unsensed")
    yield Line("")
    yield Line("What the patient went through", "head")
    yield from (line for text in body_texts(told) for line in lines_of(text))
    yield from _bars(told)
    findings = list(rule_texts(told))
    yield Line("")
    yield Line("What the rules find on the chart at the end", "head")
    yield from (line for text in findings or ["nothing graver than advice"] for line in lines_of(text))
    if drill.table.debrief:
        yield Line("")
        yield Line("To talk about", "head")
        yield from (line for text in drill.table.debrief for line in lines_of(f"- {text}"))
    yield Line("")
    yield Line("Sources", "head")
    yield from (line for text in drill.table.sources for line in lines_of(f"- {text}", "note"))
    yield Line("")
    yield from (Line(part, "note") for part in wrap(f"{HONESTY} {BANNER}", WIDTH))


def score_text(told: Debrief) -> str:
    """The count, in a sentence."""
    harms = f"; {len(told.harms)} harmful, which takes all of it" if told.harms else ""
    return f"{told.in_time} of {len(told.judged)} in time{harms}: {told.score_percent} %."


def body_texts(told: Debrief) -> Iterator[str]:
    """The dose since the beginning, the worst of tone and risks, and the signs, in sentences."""
    drill, end = told.drill, told.state.now
    first, last = told.given_mcg([Instant(drill.start.s - 1), end])  # a needle at once counts too
    hours = (end.s - drill.start.s) / 3600
    yield f"In the {digits_text(hours)} h of the drill {digits_text(last - first)} mcg left the tip."
    for word, channel in INDICES.items():
        value, at = told.worst(channel)
        scale = "Ashworth of the legs, 1 to 5" if word == "tone" else "index, 0 to 1"
        yield f"{word}: at most {value:.2f} ({scale}), at {at.local_text(drill.zone)}"
    for episode in told.effects.episodes:
        if episode.end >= drill.start:
            what = f"Ashworth {episode.worst:.1f}" if episode.kind == TONE else f"index {episode.worst:.2f}"
            lasts = "to the end" if episode.lasting else f"to {episode.end.local_text(drill.zone)}"
            yield f"{episode.kind}: from {episode.start.local_text(drill.zone)} {lasts}, at its worst {what}"


def rule_texts(told: Debrief) -> Iterator[str]:
    """What the rules find on the learner's chart at the end, the gravest first."""
    state = told.state
    sheet = state.world.pump.sheet if state.world.pump else None
    findings = check(Look.at(state.chart, state.now, told.drill.zone, sheet))
    grave = [finding for finding in findings if finding.severity in _GRAVE]
    for finding in grave[:_SHOWN]:
        yield f"{finding.rule} ({finding.severity}): {finding.asked}. {finding.next} Source: {finding.source}."
    if len(grave) > _SHOWN:
        yield f"and {len(grave) - _SHOWN} more"


def debrief_document(told: Debrief) -> dict[str, Any]:
    """The score as data."""
    zone = told.drill.zone

    def local(at: Instant | None) -> str | None:
        return at.local_text(zone) if at else None

    return {
        "schema": 1,
        "drill": told.drill.name,
        "title": told.drill.table.title,
        "from_local": local(told.drill.start),
        "to_local": local(told.state.now),
        "score_percent": told.score_percent,
        "critical": [
            {"does": one.asked.does, "standing": one.standing, "at_local": local(one.at), "due_local": local(one.due)}
            | ({"mcg": round(one.mcg, 6)} if one.mcg is not None else {})
            for one in told.judged
        ],
        "harmful": [{"does": one.asked.does, "at_local": local(one.at)} for one in told.harms],
        "overrode": [{"at_local": local(at), "rule": text} for at, text in told.state.overrode],
        "worst": {word: round(told.worst(channel)[0], 6) for word, channel in INDICES.items()},
        "deeds": [{"at_local": local(deed.at), "deed": deed.name} for deed in told.state.deeds],
        "note": HONESTY,
        "disclaimer": BANNER,
    }


def debrief_page(told: Debrief) -> str:
    """As one self-contained page with the body's course."""
    from thecal.report.body_figures import effects_figure  # noqa: PLC0415  # draws, so slow

    lines = list(debrief_lines(told))
    items = [f"<li>{escape(line.text.strip())}</li>" for line in lines[1:] if line.text.strip() and line.style != "note"]
    rows = [(escape(one.asked.does), one.standing, escape(_when(told, one))) for one in told.judged]
    return page(
        f"Debrief: {told.drill.table.title}",
        [
            f"<h1>Debrief: {escape(told.drill.table.title)}</h1>",
            f'<p class="muted">{escape(score_text(told))}</p>',
            f'<p class="banner">{escape(BANNER)} {escape(HONESTY)}</p>',
            table(("what had to be done", "", "when"), rows, {0: "text", 1: "text", 2: "text"}, "Critical actions"),
            scrolling("The body", f"<figure>{effects_figure(told.case, told.effects)}</figure>"),
            f"<ul>{''.join(items)}</ul>",
        ],
    )


def _judged_lines(told: Debrief, judged: Judged) -> Iterator[Line]:
    mark = {"in time": "+ ", "late": "~ ", "missed": "- "}[judged.standing]
    yield from lines_of(f"{mark}{judged.asked.does}: {_when(told, judged)}", _STYLES[judged.standing])
    yield from lines_of(judged.asked.why, indent="      ")
    for rule in judged.asked.rules:
        yield from lines_of(f"{rule}: {all_rules()[rule].source}", "note", indent="      ")


def _when(told: Debrief, judged: Judged) -> str:
    """When it was done, and until when it should have been."""
    zone = told.drill.zone
    given = f"{digits_text(judged.mcg)} mcg left the tip" if judged.mcg is not None else ""
    due = f"by {judged.due.local_text(zone)}" if judged.due else "before the end"
    if judged.standing == "missed" and judged.due and judged.due > told.state.now:
        return f"NOT DONE before the drill was ended ({due})"
    if judged.standing == "missed":
        return f"MISSED{f', {given}' if given else ''} ({due})"
    assert judged.at is not None
    at = given or judged.at.local_text(zone)
    return f"{judged.standing}, {at}" + (f" ({due})" if judged.standing == "late" else "")


def _harm_lines(told: Debrief, harm: Harm) -> Iterator[Line]:
    yield from lines_of(f"!! {harm.asked.does}, {harm.at.local_text(told.drill.zone)}", "critical")
    yield from lines_of(harm.asked.why, indent="      ")
    for rule in harm.asked.rules:
        yield from lines_of(f"{rule}: {all_rules()[rule].source}", "note", indent="      ")


def _bars(told: Debrief) -> Iterator[Line]:
    """The dose at the tip from a day before the drill to its end."""
    start, end = Instant(told.drill.start.s - _BEFORE_S), told.state.now
    edges = [Instant(start.s + (end.s - start.s) * n // PARTS) for n in range(PARTS + 1)]
    given = told.given_mcg(edges)
    rates = [(after - before) * DAY_S * PARTS / (end.s - start.s) for before, after in pairwise(given)]
    highest = sorted(rates)[-PARTS // 16]  # a bolus would make the rest invisible
    more = f" (at most {digits_text(max(rates))})" if max(rates) > 1.01 * highest else ""
    zone = told.drill.zone
    yield Line(f"  {bars(rates, highest)}  0 to {digits_text(highest)} mcg/day at the tip{more}")
    yield Line(f"  {start.local_text(zone):<{PARTS - 16}}{end.local_text(zone)}", "note")
