"""Figures of a run, as SVG: the dose over time, and the reservoir as believed and as it is."""

import io
from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, pairwise
from math import nan
from typing import Any
from warnings import catch_warnings, simplefilter

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from thecal.chart.facts import SessionEnded
from thecal.chart.order import OrderFlex
from thecal.pump.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR
from thecal.quantity import Volume
from thecal.report.words import number_text
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.trace import Course, Trace

ORDERED, DELIVERED, BELIEVED, TRUE, ALARM = "#1b4f72", "#d35400", "#1b4f72", "#d35400", "#b03a2e"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "thecal",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7e9",
    "axes.axisbelow": True,
    "text.usetex": False,
    "text.parse_math": False,
}


def course_figure(case: Case, trace: Trace) -> str:
    """Both figures under one another as one SVG."""

    def draw(axes: Sequence[Axes]) -> None:
        _draw_dose(axes[0], case, trace)
        _draw_reservoir(axes[1], case, trace)
        dated(axes[1], case)

    return drawn(draw, 2, 5.6)


def drawn(draw: Callable[[Sequence[Axes]], None], panels: int, height: float) -> str:
    """Panels under one another, with one axis of time, as one SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, height), layout="constrained")
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)
        draw(list(axes[:, 0]))
        out = io.StringIO()
        with catch_warnings():
            simplefilter("ignore")  # of glyphs that the measuring font lacks: the page is drawn with the reader's fonts
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "thecal"})
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def dated(axes: Axes, case: Case) -> None:
    """Dates of the case's zone along the axis."""
    locator = AutoDateLocator(tz=case.zone)  # type: ignore[no-untyped-call]  # matplotlib types it so
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=case.zone))  # type: ignore[no-untyped-call]  # as above


def _draw_dose(axes: Axes, case: Case, trace: Trace) -> None:
    courses = list(dropwhile(lambda course: course.ordered is None, trace.courses))
    if not courses:
        axes.text(0.5, 0.5, "no dose was ordered", transform=axes.transAxes, ha="center")
        return
    edges = [when(course.interval.start, case) for course in courses] + [when(trace.end, case)]
    ordered = [course.ordered.mcg_per_day if course.ordered else nan for course in courses]
    axes.stairs(ordered, edges, baseline=None, color=ORDERED, lw=2, label=_ordered_label(trace))
    days = list(_days(courses[0].interval.start, trace.end))
    given = [amount_pg for _, amount_pg in trace.delivered_at(days)]
    doses = [(after - before) / 10**6 for before, after in pairwise(given)]
    axes.stairs(doses, [when(day, case) for day in days], baseline=None, color=DELIVERED, lw=1.2, label="delivered at the tip")
    axes.set_ylabel("mcg/day")
    axes.yaxis.set_major_formatter(plain)
    axes.set_ylim(bottom=0)
    axes.set_title(case.title, loc="left", fontweight="bold")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)


def _ordered_label(trace: Trace) -> str:
    orders = [fact.order for fact in trace.chart.facts if isinstance(fact, SessionEnded)]
    weekly = any(isinstance(order, OrderFlex) and len(order.days) > 1 for order in orders)
    return "ordered, the mean of the week" if weekly else "ordered"


def _draw_reservoir(axes: Axes, case: Case, trace: Trace) -> None:
    believed = list(_believed(case, trace))
    true = list(_true(trace))
    axes.plot([when(at, case) for at, _ in believed], [ml for _, ml in believed], color=BELIEVED, lw=2, label="believed")
    axes.plot([when(at, case) for at, _ in true], [ml for _, ml in true], color=TRUE, lw=1.2, label="true")
    axes.axhline(_low_reservoir(case, trace).ml, color="#7f8c8d", lw=0.8, ls="--", label="low reservoir threshold")
    alarms = [event for event in trace.events if event.severity != "information" and "alarm" in event.kind]
    for event in alarms:
        axes.axvline(when(event.at, case), color=ALARM, lw=0.8)
    if alarms:
        axes.plot([], [], color=ALARM, lw=0.8, label="alarm")
    axes.set_ylabel("reservoir, mL")
    axes.yaxis.set_major_formatter(plain)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4)


def plain(value: float, _: object) -> str:
    """A number beside an axis by the same habit as in the tables: 5 and never 5.0."""
    return number_text(value, 3)


def when(instant: Instant, case: Case) -> float:
    """An instant where it stands on an axis of time."""
    return float(date2num(instant.local(case.zone)))  # type: ignore[no-untyped-call]  # as above


def _days(start: Instant, end: Instant) -> Iterator[Instant]:
    """Every 24 hours from the start, as far as they are whole; a part of a day of a flex program is no daily dose."""
    yield from (Instant(second) for second in range(start.s, end.s + 1, DAY_S))


def _true(trace: Trace) -> Iterator[tuple[Instant, float]]:
    """The true volume at both ends of every Block; between them it falls evenly, but for the pattern of the day."""
    for _, points in true_rows(trace):
        yield from points


def true_rows(trace: Trace) -> Iterator[tuple[Course, list[tuple[Instant, float]]]]:
    """The rows with a pump, each with the course of its true volume; what runs out another way does so evenly."""
    blocks = iter(trace.outlet)
    for course in trace.courses:
        if course.true_at_start is None:
            continue
        left_nl, start, seconds = course.true_at_start.nl, course.interval.start, course.interval.seconds
        within = []
        for block in blocks:
            within.append(block)
            if block.interval.end >= course.interval.end:
                break
        end_nl = course.true.nl if course.true is not None else 0
        leaked_nl = left_nl - sum(block.volume_nl for block in within) - end_nl
        points = [(start, left_nl / 10**6)]
        for block in within:
            left_nl -= block.volume_nl
            so_far = leaked_nl * (block.interval.end.s - start.s) / seconds if seconds else 0
            points.append((block.interval.end, (left_nl - so_far) / 10**6))
        yield course, points


def _believed(case: Case, trace: Trace) -> Iterator[tuple[Instant, float]]:
    """The calculated volume at both ends of every row, and where it crossed an alarm's threshold.

    Within a row it is drawn in the shape of the true flow, where there is one: boluses and primes count in both.
    """
    for course, points in true_rows(trace):
        if course.believed_at_start is None or course.believed is None:
            continue
        fell, truly = course.believed_at_start.ml - course.believed.ml, points[0][1] - points[-1][1]
        yield course.interval.start, course.believed_at_start.ml
        crossings = list(_crossings(case, course, trace))
        if not crossings and truly > fell / 2 > 0:
            start = points[0][1]
            yield from ((at, course.believed_at_start.ml - (start - ml) * fell / truly) for at, ml in points[1:-1])
        yield from crossings
        yield course.interval.end, course.believed.ml


def _crossings(case: Case, course: Course, trace: Trace) -> Iterator[tuple[Instant, float]]:
    thresholds = {LOW_RESERVOIR.name: _low_reservoir(case, trace).nl, EMPTY_RESERVOIR.name: 0}
    for event in trace.events:
        name = event.kind.removesuffix(" alarm")
        if name in thresholds and course.interval.start < event.at <= course.interval.end:
            yield event.at, thresholds[name] / 10**6


def _low_reservoir(case: Case, trace: Trace) -> Volume:
    """The threshold that the pump last reported."""
    sessions = [fact for fact in trace.chart.facts if isinstance(fact, SessionEnded)]
    return sessions[-1].report.low_reservoir if sessions else case.sheet.low_reservoir_threshold
