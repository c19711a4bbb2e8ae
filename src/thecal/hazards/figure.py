"""Both halves of a re-enactment as a figure and on a page."""

from collections.abc import Sequence
from html import escape

from matplotlib.axes import Axes

from thecal.hazards.catalogue import Hazard
from thecal.hazards.play import Played, Reenacted
from thecal.hazards.told import looks, refusals, value_text
from thecal.report.figures import DELIVERED, ORDERED, dated, drawn, plain, when
from thecal.report.html import page, scrolling, table
from thecal.report.words import BANNER
from thecal.timeline import Instant

_PARTS = 192
_NAMES = {"happened": ("as it happened", DELIVERED), "here": ("here", ORDERED)}


def halves_figure(reenacted: Reenacted) -> str:
    """The dose at the tip over time in both halves, under one another on one scale, as SVG."""
    start, to = reenacted.reenactment.shown

    def draw(axes: Sequence[Axes]) -> None:
        for one, played in zip(axes, reenacted.halves, strict=True):
            name, color = _NAMES[played.half.name]
            edges = [when(Instant(start.s + (to.s - start.s) * n // _PARTS), played.case) for n in range(_PARTS + 1)]
            one.stairs(played.rates(start, to, _PARTS), edges, fill=True, color=color, alpha=0.75)
            one.set_title(name, loc="left")
            one.set_ylabel("mcg/day at the tip")
            one.yaxis.set_major_formatter(plain)
        highest = max(one.get_ylim()[1] for one in axes)
        for one in axes:
            one.set_ylim(0, highest)
        dated(axes[-1], reenacted.happened.case)

    return drawn(draw, len(reenacted.halves), 2.3 * len(reenacted.halves) + 0.4)


def hazard_page(hazard: Hazard, reenacted: Reenacted) -> str:
    """The hazard with both halves as one self-contained page."""
    rows = [
        (escape(measure.says), value_text(measure, happened), value_text(measure, here))
        for measure, happened, here in reenacted.measured
    ]
    sources = "".join(f"<li>{escape(source)}</li>" for source in (hazard.source, *reenacted.reenactment.sources))
    return page(
        f"{hazard.id} {hazard.title}",
        [
            f"<h1>{escape(hazard.id)} {escape(hazard.title)}</h1>",
            f'<p class="muted">{escape(hazard.happened)}; {escape(hazard.harm)}</p>',
            f'<p class="banner">{escape(BANNER)}</p>',
            f"<p><b>{escape(hazard.answer)}</b>: {escape(hazard.here)}.</p>",
            f"<p>What is left: {escape(hazard.residual)}.</p>",
            scrolling("Both halves", f"<figure>{halves_figure(reenacted)}</figure>"),
            table(("", "as it happened", "here"), rows, {0: "text"}, "What was measured in both halves"),
            *(part for played in reenacted.halves for part in _half(played)),
            f"<h2>Sources</h2><ul>{sources}</ul>",
        ],
    )


def _half(played: Played) -> list[str]:
    told = [f"<li>{escape(text)}</li>" for text in refusals(played)]
    told += [f"<li>{escape(at)}: the rules find {escape(', '.join(words) or 'nothing')}</li>" for at, words in looks(played)]
    return [
        f"<h2>{_NAMES[played.half.name][0].capitalize()}</h2>",
        f"<p>{escape(played.half.story)}</p>",
        f"<ul>{''.join(told)}</ul>" if told else "",
    ]
