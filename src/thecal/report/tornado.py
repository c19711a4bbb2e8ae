"""A tornado: what an endpoint is where one parameter is at its low end and at its high end, as SVG."""

from collections.abc import Sequence
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from thecal.report.figures import drawn, plain
from thecal.report.swing import Swing, widest_first
from thecal.report.words import significant_text

LOW_COLOR, HIGH_COLOR = "#1b4f72", "#d35400"
_INK, _MUTED = "#1c2833", "#566573"
_ROW, _ABOVE_AND_BELOW = 0.62, 1.75
_HALF = 0.36
_ROOM = 0.34
"""How much of the width of the bars is left free at either side, for what stands beside their ends."""


def tornado_figure(swings: Sequence[Swing], title: str, axis: str, below: str = "") -> str:
    """Swings as one SVG, the widest on top: two bars for each, from the typical value to that at the low end and at the high end.

    ``axis`` is the endpoint with its unit, ``below`` a sentence under it. There is no figure of no swings: then it is "".
    """
    shown = widest_first(swings)
    if not shown:
        return ""

    def draw(panels: Sequence[Axes]) -> None:
        axes = panels[0]
        for place, swing in enumerate(shown):
            _bars(axes, place, swing)
        _edges(axes, shown)
        axes.axvline(shown[0].at_typical, color=_INK, lw=1)
        axes.set_yticks(range(len(shown)), [f"{swing.name}\n{swing.range_text}" for swing in shown], fontsize=8.5)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(plain)
        axes.set_title("\n".join(wrap(title, 72)), loc="left", fontsize=10, fontweight="bold")
        typical = f"the line, {significant_text(shown[0].at_typical)}: all at their typical values"
        figure = axes.figure
        assert isinstance(figure, Figure)
        figure.supxlabel("\n".join([*wrap(axis, 90), *wrap("; ".join(filter(None, (typical, below))), 100)]), fontsize=9)
        ends = [
            Patch(facecolor=LOW_COLOR, edgecolor="white", label="upper bar: at the low end"),
            Patch(facecolor=HIGH_COLOR, edgecolor="white", hatch="////", label="lower bar: at the high end"),
        ]
        axes.legend(handles=ends, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, fontsize=9)
        axes.tick_params(axis="x", labelsize=9)
        axes.xaxis.set_ticks_position("top")
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(False)

    return drawn(draw, 1, _ABOVE_AND_BELOW + _ROW * len(shown))


def _bars(axes: Axes, place: int, swing: Swing) -> None:
    """The low end above, the high end below, so that neither hides the other where both lie at one side."""
    ends = ((swing.at_low, swing.low, -_HALF / 2, LOW_COLOR, ""), (swing.at_high, swing.high, _HALF / 2, HIGH_COLOR, "////"))
    for value, at, offset, color, hatch in ends:
        base = swing.at_typical
        axes.barh(place + offset, value - base, _HALF, base, color=color, hatch=hatch, edgecolor="white", lw=0)
        left = value < base
        axes.annotate(
            f"{significant_text(value)} at {significant_text(at)}",
            (value, place + offset),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8,
            color=_MUTED if value == base else color,
        )


def _edges(axes: Axes, swings: Sequence[Swing]) -> None:
    """Limits that leave room for the labels at either side."""
    values = [value for swing in swings for value in (swing.at_low, swing.at_typical, swing.at_high)]
    low, high = min(values), max(values)
    span = high - low or abs(high) or 1.0
    axes.set_xlim(low - _ROOM * span, high + _ROOM * span)
