"""What if, in text, data and on a page: both courses side by side, first signs and the worst."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from thecal.pump.messages import Event
from thecal.report.body_lines import body_text
from thecal.report.effects import HONESTY, Effects, effects_of
from thecal.report.figures import DELIVERED, ORDERED, dated, drawn, plain, when
from thecal.report.html import page, scrolling, table
from thecal.report.signs import INDICES, TONE, Episode, above, held, threshold
from thecal.report.tables import WIDTH, Line, event_lines
from thecal.report.words import BANNER, digits_text
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.supposed import Supposed
from thecal.twin.trace import Trace

Floats = NDArray[np.float64]

_BEFORE_S = 9 * DAY_S  # tone is told against the week before
_DOSE_DIFFERS = 1e-4
_PARTS = "the tip no longer gives what was planned"
_HEADS = ("mcg at the tip", "leg cord ng/mL", "Ashworth legs", "withdrawal", "drowsy", "overdose")


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that the mistake brings: where the course gone wrong stands above the planned one by what makes a sign."""

    episode: Episode
    hours_to_first: float
    hours_to_worst: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Both courses, what their bodies did, and how they part. ``doses`` are (24 h from, mcg as planned, mcg gone wrong)."""

    supposed: Supposed
    planned: Effects
    wrong: Effects
    doses: tuple[tuple[Instant, float, float], ...]
    parts_at: Instant | None
    signs: tuple[Sign, ...]
    events: tuple[Event, ...]
    refused: tuple[str, ...]

    @property
    def case(self) -> Case:
        return self.supposed.gone_wrong


def what_if(supposed: Supposed, planned: Trace, wrong: Trace) -> WhatIf:
    """How two courses part, day by day from the moment on. Both cases describe a body."""
    since = Instant(max(planned.start.s, supposed.moment.s - _BEFORE_S))
    usual = effects_of(supposed.as_planned, planned, since)
    other = effects_of(supposed.gone_wrong, wrong, since)
    assert usual is not None
    assert other is not None
    days = [Instant(second) for second in range(supposed.moment.s, planned.end.s + 1, DAY_S)]
    given = [(np.diff([pg for _, pg in trace.delivered_at(days)]) / 1e6).tolist() for trace in (planned, wrong)]
    parts_at = _parts_at(usual, planned, wrong, supposed.moment)
    signs = tuple(_signs(usual, other, parts_at)) if parts_at else ()
    known = {(event.at, event.kind) for event in planned.events}
    events = tuple(event for event in wrong.events if event.at >= supposed.moment and (event.at, event.kind) not in known)
    return WhatIf(
        supposed, usual, other, tuple(zip(days, *given, strict=False)), parts_at, signs, events, tuple(_refused(planned, wrong))
    )


def _refused(planned: Trace, wrong: Trace) -> Iterator[str]:
    """What is refused in either course, and what should have been."""
    for name, trace in (("as planned", planned), ("if it goes wrong", wrong)):
        for refused in trace.refused:
            if not refused.action.expect_refused:
                yield f"{name}, {refused.action.name} is {refused.refusal}"
        for action in trace.unrefused:
            yield f"{name}, {action.name} is not refused, which the case expects"


def _parts_at(effects: Effects, planned: Trace, wrong: Trace, moment: Instant) -> Instant | None:
    """From when on the tip gives another dose; None where it does not. To the step of the grid."""
    instants = [moment, *(instant for instant in effects.instants if instant > moment)]
    flows = [np.diff([pg for _, pg in trace.delivered_at(instants)]) for trace in (planned, wrong)]
    differs = np.abs(flows[1] - flows[0]) > _DOSE_DIFFERS * np.maximum(flows[0], 1.0)
    return instants[int(np.argmax(differs))] if np.any(differs) else None


def _signs(planned: Effects, wrong: Effects, parts_at: Instant) -> Iterator[Sign]:
    """The first sign of each kind since the courses part, in the order of their beginning."""
    kinds = {"ashworth_legs": ("tone_rise", TONE), **INDICES}
    found: list[Episode] = []
    for channel, (setting, kind) in kinds.items():
        limit = held(wrong[channel], planned[channel] + threshold(setting))
        found.extend([one for one in above(kind, wrong.grid, wrong[channel], limit) if one.start >= parts_at][:1])
    for episode in sorted(found, key=lambda episode: (episode.start, episode.kind)):
        yield Sign(episode, (episode.start.s - parts_at.s) / 3600, (episode.worst_at.s - parts_at.s) / 3600)


def what_if_lines(told: WhatIf) -> Iterator[Line]:
    """As text: the signs first, then day by day."""
    case, zone = told.case, told.case.zone
    yield from (Line(text, "title") for text in wrap(f"What if {told.supposed.what}", WIDTH))
    yield from (Line(text) for text in wrap(f"{case.title}; {body_text(case)}; times {zone.key}", WIDTH))
    yield Line("")
    if told.parts_at is None:
        yield Line("Nothing changes at the tip.", "done")
    else:
        yield Line(f"{told.parts_at.local_text(zone):<20} {_PARTS}", "unsensed")
        if not told.signs:
            yield Line(f"{'':<20} no sign until {Instant(told.wrong.grid.end_s).local_text(zone)}", "done")
    happened = [(sign.episode.start, [Line(_sign_text(sign, case), "critical")]) for sign in told.signs]
    happened += [(event.at, list(event_lines(case, event))) for event in told.events]
    yield from (line for _, lines in sorted(happened, key=lambda one: one[0]) for line in lines)
    for text in told.refused:
        yield from (Line(line, "refused") for line in wrap(f"x  {text}", WIDTH, subsequent_indent="   "))
    yield Line("")
    yield Line(f"{'24 h from':<16}{''.join(f'{head:>15}' for head in _HEADS)}", "head")
    yield Line(f"{'':<16}{'planned / if':>15}{'planned / if':>15}{'highest, / if':>15}{'if':>15}{'if':>15}{'if':>15}", "head")
    shown = False
    for day, cells, differs in _days(told):
        if differs:
            yield Line(f"{day:<16}{''.join(f'{cell:>15}' for cell in cells)}")
        elif shown is not differs:
            yield Line("the other days are as planned", "note")
        shown = differs
    yield Line("")
    yield from (Line(text, "note") for text in wrap(HONESTY, WIDTH))
    yield from (Line(text, "note") for text in wrap(BANNER, WIDTH))


def _sign_text(sign: Sign, case: Case) -> str:
    episode = sign.episode
    worst = f"Ashworth of the legs {episode.worst:.1f}" if episode.kind == TONE else f"index {episode.worst:.2f}"
    first, most = digits_text(sign.hours_to_first, 2), digits_text(sign.hours_to_worst, 2)
    lasts = ", and lasts" if episode.lasting else ""
    when_told = f"{episode.start.local_text(case.zone):<20} {episode.kind}, {first} h after that"
    return f"{when_told}; at its worst after {most} h ({worst}){lasts}"


def _days(told: WhatIf) -> Iterator[tuple[str, list[str], bool]]:
    """(the day, its cells with planned beside gone wrong, whether they differ)."""
    for start, planned, wrong in told.doses:
        usual, other = (_part(effects, start) for effects in (told.planned, told.wrong))
        legs = [digits_text(float(part["legs_ng_per_ml"].mean())) for part in (usual, other)]
        tone = [f"{part['ashworth_legs'].max():.1f}" for part in (usual, other)]
        doses = [digits_text(planned), digits_text(wrong)]
        indices = [f"{other[name].max():.2f}" for name in ("withdrawal_index", "sedation_index", "overdose_index")]
        pairs = (doses, legs, tone)
        yield (
            start.local_text(told.case.zone),
            [*(f"{one} / {two}" for one, two in pairs), *indices],
            any(one != two for one, two in pairs),
        )


def _part(effects: Effects, start: Instant) -> dict[str, Floats]:
    step, names = effects.grid.step_s, ("legs_ng_per_ml", "ashworth_legs", "withdrawal_index", "sedation_index", "overdose_index")
    first = max(0, (start.s - effects.grid.start_s) // step)
    return {name: effects[name][first : first + DAY_S // step] for name in names}


def what_if_document(told: WhatIf) -> dict[str, Any]:
    """As plain data."""
    zone = told.case.zone
    return {
        "schema": 1,
        "case": told.case.name,
        "what": told.supposed.what,
        "body": told.case.body.kind if told.case.body else None,
        "moment_local": told.supposed.moment.local_text(zone),
        "parts_at_local": told.parts_at.local_text(zone) if told.parts_at else None,
        "signs": [
            {
                "kind": sign.episode.kind,
                "first_local": sign.episode.start.local_text(zone),
                "hours_to_first": round(sign.hours_to_first, 6),
                "worst_local": sign.episode.worst_at.local_text(zone),
                "hours_to_worst": round(sign.hours_to_worst, 6),
                "worst": round(sign.episode.worst, 6),
                "scale": "ashworth" if sign.episode.kind == TONE else "index",
                "lasting": sign.episode.lasting,
            }
            for sign in told.signs
        ],
        "days": [
            {"from_local": start.local_text(zone), "planned_mcg": round(planned, 6), "mcg": round(wrong, 6)}
            for start, planned, wrong in told.doses
        ],
        "events": [{"at_local": event.at.local_text(zone), "kind": event.kind, "text": event.text} for event in told.events],
        "refused": list(told.refused),
        "note": HONESTY,
    }


def what_if_page(told: WhatIf) -> str:
    """As one self-contained page with a figure."""
    parts = f"{told.parts_at.local_text(told.case.zone)} {_PARTS}" if told.parts_at else "Nothing changes at the tip."
    signs = [parts, *(_sign_text(sign, told.case) for sign in told.signs), *told.refused]
    heads = ("24 h from", *_HEADS)
    rows = ([escape(day), *(escape(cell) for cell in cells)] for day, cells, _ in _days(told))
    body: Iterable[str] = [
        f"<h1>What if {escape(told.supposed.what)}</h1>",
        f'<p class="muted">{escape(told.case.title)}; {escape(body_text(told.case))}; times {told.case.zone.key}</p>',
        f'<p class="banner">{escape(BANNER)} {escape(HONESTY)}</p>',
        f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in signs)}</ul>",
        scrolling("Both courses", f"<figure>{_figure(told)}</figure>"),
        _events(told),
        table(
            heads,
            rows,
            {0: "text time"},
            "Each pair: as planned, and if it goes wrong; the indices if it goes wrong, the highest",
        ),
    ]
    return page(f"What if {told.supposed.what}", body)


def _events(told: WhatIf) -> str:
    """What the device said and what happened unseen, where the planned course has none of it."""
    if not told.events:
        return ""
    rows = (
        [
            escape(event.at.local_text(told.case.zone)),
            f'<span class="{event.severity}">{escape(event.kind)}</span>',
            escape(event.text),
        ]
        for event in told.events
    )
    return table(["at", "event", "what it means"], rows, dict.fromkeys(range(3), "text"), "What the planned course does not have")


def _figure(told: WhatIf) -> str:
    channels = (
        ("legs_ng_per_ml", "leg cord, ng/mL", None),
        ("ashworth_legs", "Ashworth legs", (1.0, 5.0)),
        ("withdrawal_index", "withdrawal", (0.0, 1.0)),
        ("sedation_index", "drowsiness", (0.0, 1.0)),
    )

    def draw(axes: Any) -> None:
        for one, (channel, label, limits) in zip(axes, channels, strict=True):
            axis: Axes = one
            for effects, color, name in ((told.planned, ORDERED, "as planned"), (told.wrong, DELIVERED, "what if")):
                ends = [when(instant, told.case) for instant in (effects.instants[0], effects.instants[-1])]
                at = np.linspace(ends[0], ends[1], effects.grid.count)
                axis.plot(at, effects[channel], color=color, lw=1.5, label=name)
            axis.set_ylabel(label)
            axis.yaxis.set_major_formatter(plain)
            axis.set_ylim(*limits) if limits else axis.set_ylim(bottom=0)
        axes[0].legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)
        dated(axes[-1], told.case)

    return drawn(draw, len(channels), 8.0)
