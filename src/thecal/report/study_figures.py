"""Figures of a study, as SVG: differences between arms, survival, what went wrong first, doses and scores over time.

Color never stands alone: an arm has a line style and a marker of its own, and its name beside it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, floor, inf
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thecal.report.figures import drawn, plain
from thecal.report.study_lines import estimate_text
from thecal.report.study_summary import CAUSES, Bands, Curve, Difference, FirstEvents, Spread, Summary
from thecal.report.survival import Interval

Floats = NDArray[np.float64]

COLORS = ("#1b4f72", "#d35400", "#148f77", "#7d3c98", "#9a7d0a", "#5d6d7e", "#b03a2e", "#2e86c1")
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_INK, _MUTED = "#1c2833", "#566573"
_YEAR_DAYS = 365.25
_IN_YEARS_FROM = 3 * 365
_ALMOST_A_YEAR = 0.02  # ten years of 365 days are shown as ten years
_STEPS = (1, 2, 7, 14, 30, 60, 90, 180, 365)
_TICKS = 8
_ACROSS = 3
_DRAWN_MAX, _GRID = 500, 121  # steps that are drawn one by one, and points to draw instead of more
_BANDS_MAX = 4
"""More curves than these are drawn without their intervals, which the table has."""
_LINE = 0.055
"""How far labels at the end of lines stand apart, as a part of the height."""


def forest_figure(summary: Summary) -> str:
    """The paired differences of every endpoint, a panel for each, with a line where there is none."""
    panels = [(each, [one for one in summary.differences if one.measure == each.name]) for each in summary.measures]
    panels = [(measure, shown) for measure, shown in panels if any(one.estimate.value is not None for one in shown)]
    if not panels:
        return ""
    heights = [0.75 + 0.36 * len(each) for _, each in panels]

    def draw(axes: NDArray[Any]) -> None:
        for one, (measure, differences) in zip(axes[:, 0], panels, strict=True):
            _forest(one, summary, differences)
            primary = " (primary)" if measure == summary.primary else ""
            unit = f", {measure.unit_of_difference}" if measure.unit else ""
            one.set_title(f"{measure.what}{primary}{unit}", loc="left", fontsize=10, fontweight="bold")

    below = f"less {summary.title_of(summary.reference)}; the line is no difference"
    return _figure(draw, len(panels), 1, sum(heights) + 0.4, heights, below)


def _forest(axes: Axes, summary: Summary, differences: Sequence[Difference]) -> None:
    names = []
    for place, difference in enumerate(differences):
        estimate, n = difference.estimate, _number(summary, difference.arm)
        label = "not defined" if estimate.value is None else estimate_text(estimate, sign=True)
        if estimate.value is not None:
            low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
            axes.plot([low, high], [place, place], color=COLORS[n], lw=2, ls="-", solid_capstyle="butt")
            axes.plot([estimate.value], [place], color=COLORS[n], marker=MARKERS[n], ms=7)
        axes.text(1.015, place, label, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=_INK)
        names.append(_short(summary.title_of(difference.arm)))
    axes.axvline(0, color=_INK, lw=1)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(plain)


def survival_figure(summary: Summary, measure: str) -> str:
    """The share without an event over time, by arm, with those at risk below; nothing where there is no curve."""
    curves = [each for each in summary.curves if each.measure == measure]
    if not curves:
        return ""
    told = summary.measure(measure)
    risk = 0.29 * len(curves) + 0.35

    def draw(axes: NDArray[Any]) -> None:
        main, below = axes[0, 0], axes[1, 0]
        banded = len(curves) <= _BANDS_MAX
        drawn_at = [_stepped(curve.survival.days, summary.follow_up_days, curve.survival.at) for curve in curves]
        for curve, (days, values) in zip(curves, drawn_at, strict=True):
            _survival(main, summary, curve, days, values, banded)
        lowest = min(float(values[1 if banded else 0].min()) for _, values in drawn_at)
        bottom = max(0.0, min(90.0, floor(lowest / 10) * 10.0))
        main.yaxis.set_major_formatter(plain)
        main.set_ylim(bottom, 100 + (100 - bottom) * 0.03)
        ends = [float(values[0, -1]) for _, values in drawn_at]
        _named(main, [summary.title_of(curve.arm) for curve in curves], ends, [_number(summary, curve.arm) for curve in curves])
        cut = "" if bottom == 0 else f" (the axis begins at {bottom:.0f})"
        main.set_ylabel(f"% without it{cut}")
        main.set_title(told.title, loc="left", fontsize=10, fontweight="bold")
        _days(main, summary.follow_up_days)
        main.tick_params(labelbottom=True)
        _at_risk(below, summary, curves)

    return _figure(draw, 2, 1, 3.6 + risk, [3.6, risk], sharex=True)


def _survival(axes: Axes, summary: Summary, curve: Curve, days: Floats, values: Floats, banded: bool) -> None:
    """The curve, and its interval where there is one to be drawn."""
    n = _number(summary, curve.arm)
    if banded:
        axes.fill_between(days, values[1], values[2], step="post", color=COLORS[n], alpha=0.13, lw=0)
    axes.step(days, values[0], where="post", color=COLORS[n], ls=STYLES[n], lw=1.8)


def _stepped(days: Floats, end: int, at: Callable[[float], Interval]) -> tuple[Floats, Floats]:
    """Days to draw steps at, and value, low and high there in percent: a page need not hold every step of many patients."""
    grid = np.linspace(0, end, _GRID)
    drawn_at = grid if len(days) > _DRAWN_MAX else np.union1d(days[days <= end], grid)
    return drawn_at, 100 * np.array([at(float(day)) for day in drawn_at]).T


def _at_risk(axes: Axes, summary: Summary, curves: Sequence[Curve]) -> None:
    """Numbers under the ticks of the axis above."""
    days = _ticks(summary.follow_up_days)
    names = []
    for row, curve in enumerate(curves):
        for day, count in zip(days, curve.survival.at_risk_on(np.minimum(days, summary.follow_up_days)), strict=True):
            axes.text(day, row, f"{count:,}", ha="center", va="center", fontsize=8.5, color=COLORS[_number(summary, curve.arm)])
        names.append(_short(summary.title_of(curve.arm)))
    axes.set_ylim(len(curves) - 0.4, -0.6)
    axes.set_yticks(range(len(curves)), names, fontsize=8.5)
    axes.set_title("at risk", loc="left", fontsize=9, color=_MUTED)
    axes.grid(visible=False)
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=16)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def incidence_figure(summary: Summary) -> str:
    """What went wrong first with an implant, a panel for each arm. Nothing where nobody was implanted."""
    shown = summary.first_events
    if not shown:
        return ""
    columns, rows = _places(len(shown))

    def draw(axes: NDArray[Any]) -> None:
        end = summary.follow_up_days
        top = max(each.incidence.at(n, day)[2] for each in shown for n in range(len(CAUSES)) for day in (end / 10, end))
        for one, each in _each(axes, shown):
            _incidence(one, summary, each, 100 * min(1.0, 1.08 * max(top, 0.01)))
        _outer(axes, len(shown))

    return _figure(draw, rows, columns, 3.1 * rows + 0.2, sharex=True, sharey=True)


def _incidence(axes: Axes, summary: Summary, first: FirstEvents, top: float) -> None:
    end, found = summary.follow_up_days, first.incidence
    ends = []
    for n in range(len(CAUSES)):
        days, (share, low, high) = _stepped(found.days, end, partial(found.at, n))
        axes.fill_between(days, low, high, step="post", color=COLORS[n], alpha=0.13, lw=0)
        axes.step(days, share, where="post", color=COLORS[n], ls=STYLES[n], lw=1.8)
        ends.append(float(share[-1]))
    axes.set_ylim(0, top)
    _named(axes, CAUSES, ends, range(len(CAUSES)))
    axes.set_title("\n".join(wrap(summary.title_of(first.arm), 34)), loc="left", fontsize=10, fontweight="bold")
    axes.set_ylabel("% of the implanted")
    axes.yaxis.set_major_formatter(plain)
    _days(axes, end)


def bands_figure(summary: Summary, quantity: str) -> str:
    """A quantity over time, a panel for each arm: the middle, and the bands of half and nine tenths of the patients."""
    shown = [each for each in summary.bands if each.quantity == quantity]
    if not shown:
        return ""
    columns, rows = _places(len(shown))

    def draw(axes: NDArray[Any]) -> None:
        for one, each in _each(axes, shown):
            _band(one, summary, each)
        lowest, highest = (float(end) for end in (min(b.levels.min() for b in shown), max(b.levels.max() for b in shown)))
        for one, _ in _each(axes, shown):
            if quantity == "dose":
                one.set_ylim(0, 1.05 * highest or 1)
            else:
                one.set_ylim(max(0.0, lowest - 0.1 * (highest - lowest + 0.1)), highest + 0.1 * (highest - lowest + 0.1))
        last, band = max(_each(axes, shown), key=lambda pair: float(np.ptp(pair[1].levels[:, -1])))  # where there is room
        gap = (last.get_ylim()[1] - last.get_ylim()[0]) * 0.075
        words = ("5 %", "25 %", "median", "75 %", "95 %")
        for place, word in zip(_apart(band.levels[:, -1].tolist(), gap), words, strict=True):
            _beside(last, place, word, _MUTED)
        _outer(axes, len(shown))

    return _figure(draw, rows, columns, 3.0 * rows + 0.2, sharex=True, sharey=True)


def _band(axes: Axes, summary: Summary, band: Bands) -> None:
    n = _number(summary, band.arm)
    lowest, low, middle, high, highest = band.levels
    marker = MARKERS[n] if len(band.days) <= 40 else ""
    axes.fill_between(band.days, lowest, highest, color=COLORS[n], alpha=0.15, lw=0)
    axes.fill_between(band.days, low, high, color=COLORS[n], alpha=0.3, lw=0)
    for edge in (lowest, highest):
        axes.plot(band.days, edge, color=COLORS[n], lw=0.7, ls=":")
    axes.plot(band.days, middle, color=COLORS[n], lw=1.8, ls=STYLES[n], marker=marker, ms=3)
    axes.set_title("\n".join(wrap(summary.title_of(band.arm), 34)), loc="left", fontsize=10, fontweight="bold")
    axes.set_ylabel(f"{band.quantity}, {band.unit}")
    axes.yaxis.set_major_formatter(plain)
    _days(axes, summary.follow_up_days)


def spread_figure(summary: Summary) -> str:
    """How the paired differences of the first mean lie, a panel for each arm. Nothing where there is none."""
    shown = summary.spreads
    if not shown:
        return ""
    columns, rows = _places(len(shown))
    measure = summary.measure(shown[0].measure)

    def draw(axes: NDArray[Any]) -> None:
        for one, each in _each(axes, shown):
            _spread(one, summary, each)
            one.set_ylabel("% of the pairs")
        highest = max(float(each.counts.max() / each.counts.sum()) for each in shown)
        axes[0, 0].set_ylim(0, 118 * highest)  # the word above the highest bar
        _outer(axes, len(shown))

    unit = f", {measure.unit_of_difference}" if measure.unit else ""
    below = f"{measure.title}{unit}: each patient less the same patient under {summary.title_of(summary.reference)}"
    return _figure(draw, rows, columns, 2.7 * rows + 0.4, None, below, sharex=True, sharey=True)


def _spread(axes: Axes, summary: Summary, spread: Spread) -> None:
    n = _number(summary, spread.arm)
    axes.stairs(100 * spread.counts / spread.counts.sum(), spread.edges, fill=True, color=COLORS[n], alpha=0.45)
    axes.axvline(0, color=_INK, lw=1)
    axes.axvline(float(spread.levels[2]), color=COLORS[n], lw=1.5, ls="--")
    top = axes.get_xaxis_transform()
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    axes.text(float(spread.levels[2]), 0.98, " median", transform=top, va="top", fontsize=8.5, color=COLORS[n], bbox=ground)
    axes.set_title("\n".join(wrap(summary.title_of(spread.arm), 34)), loc="left", fontsize=10, fontweight="bold")
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)


def _figure(
    draw: Callable[[NDArray[Any]], None],
    rows: int,
    columns: int,
    height: float,
    heights: Sequence[float] | None = None,
    below: str = "",
    sharex: bool = False,
    sharey: bool = False,
) -> str:
    """Panels in rows and columns, the house's way of drawing one column of them put aside."""

    def inside(first: Sequence[Axes]) -> None:
        figure = first[0].figure
        assert isinstance(figure, Figure)
        first[0].remove()
        draw(figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey, height_ratios=heights))
        if below:
            figure.supxlabel("\n".join(wrap(below, 90)), fontsize=9, color=_MUTED)

    return drawn(inside, 1, height)


def _places(panels: int) -> tuple[int, int]:
    """Columns and rows for some panels."""
    columns = min(panels, _ACROSS if panels != 4 else 2)
    return columns, ceil(panels / columns)


def _each(axes: NDArray[Any], shown: Sequence[Any]) -> list[tuple[Axes, Any]]:
    """Panels with what they show."""
    return list(zip(axes.flat, shown, strict=False))


def _outer(axes: NDArray[Any], panels: int) -> None:
    """Take away the panels that are left over, and name the axes of the outer ones only."""
    columns = axes.shape[1]
    for place, one in enumerate(axes.flat):
        lowest = place + columns >= panels
        one.set_visible(place < panels)
        one.tick_params(labelbottom=lowest)
        if not lowest:
            one.set_xlabel("")
        if place % columns:
            one.set_ylabel("")


def _named(axes: Axes, names: Sequence[str], ends: Sequence[float], colors: Sequence[int]) -> None:
    """Names at the end of lines, beside the panel, far enough from one another."""
    low, high = axes.get_ylim()
    shown = [_short(name) for name in names]
    gap = (high - low) * _LINE * max(1 + name.count("\n") for name in shown)
    for place, name, n in zip(_apart(ends, gap, low), shown, colors, strict=True):
        _beside(axes, place, name, COLORS[n])


def _beside(axes: Axes, place: float, text: str, color: str) -> None:
    axes.text(1.012, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=color)


def _apart(values: Sequence[float], gap: float, low: float = -inf) -> list[float]:
    """Values moved as little as it takes to stand a gap apart, in their order, about where they were and none below a low end."""
    order = np.argsort(values, kind="stable")
    groups: list[list[int]] = []
    placed: dict[int, float] = {}

    def spread_out(group: list[int]) -> list[float]:
        middle = float(np.mean([values[n] for n in group]))
        return [middle + gap * (place - (len(group) - 1) / 2) for place in range(len(group))]

    for n in order.tolist():
        groups.append([n])
        while len(groups) > 1 and spread_out(groups[-1])[0] - spread_out(groups[-2])[-1] < gap:
            last = groups.pop()
            groups[-1] += last
    for group in groups:
        placed |= dict(zip(group, spread_out(group), strict=True))
    for place, n in enumerate(order.tolist()):
        placed[n] = max(placed[n], low + place * gap)
    return [placed[n] for n in range(len(values))]


def _number(summary: Summary, arm: str) -> int:
    """Which color, style and marker an arm has."""
    return [each.name for each in summary.arms].index(arm) % len(COLORS)


def _short(name: str) -> str:
    lines = wrap(name, 24)
    return "\n".join(lines if len(lines) <= 2 else [lines[0], f"{lines[1]} ..."])


def _ticks(end: int) -> Floats:
    if end > _IN_YEARS_FROM:
        years = end / _YEAR_DAYS
        step = max(1, ceil(years / _TICKS))
        return np.arange(0, years + _ALMOST_A_YEAR, step) * _YEAR_DAYS
    step = next((each for each in _STEPS if end / each <= _TICKS), _STEPS[-1])
    return np.arange(0, end + 1, step).astype(np.float64)


def _days(axes: Axes, end: int) -> None:
    """Days, or years where there are many, along an axis."""
    ticks = _ticks(end)
    in_years = end > _IN_YEARS_FROM
    axes.set_xticks(ticks, [f"{tick / _YEAR_DAYS:.0f}" if in_years else f"{tick:,.0f}" for tick in ticks])
    axes.set_xlim(0, max(end, ticks[-1]))
    axes.set_xlabel("years" if in_years else "days")
