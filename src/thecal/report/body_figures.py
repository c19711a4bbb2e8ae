"""Figures of the body: a day of the dose, and concentrations, tone and risks over the course."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from thecal.body.doses import Infusion
from thecal.body.schedule import Grid
from thecal.report.effects import Effects, csf_channel
from thecal.report.figures import DELIVERED, ORDERED, dated, drawn, plain, when
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.exposure import Exposure, midnight_of

Floats = NDArray[np.float64]

_ARMS, _SPASMS, _SEDATION, _WEAKNESS = "#7d3c98", "#148f77", "#b7950b", "#5d6d7e"
_SMOOTH_FROM = 60 * DAY_S
_MINUTES = 10
_TABLE_HOURS = 3


def effects_figure(case: Case, effects: Effects) -> str:
    """Concentrations, tone and spasms, and the indices of risk, under one another as one SVG.

    Over more than two months each day is drawn as its mean, within the band of its lowest and highest.
    """

    def draw(axes: Sequence[Axes]) -> None:
        fluid, tone, risk = axes
        level = case.geometry.tip_level
        _line(fluid, case, effects, effects.csf, f"spinal fluid at {level}", ORDERED)
        _line(fluid, case, effects, "legs_ng_per_ml", "leg cord", DELIVERED)
        fluid.set_ylabel("ng/mL")
        _line(tone, case, effects, "ashworth_legs", "Ashworth legs", DELIVERED)
        _line(tone, case, effects, "ashworth_arms", "Ashworth arms", _ARMS)
        _line(tone, case, effects, "spasm_penn", "spasms, Penn", _SPASMS)
        tone.set_ylabel("score")
        tone.set_ylim(0, 5)
        for channel, name, color in (
            ("withdrawal_index", "withdrawal", DELIVERED),
            ("sedation_index", "drowsiness", _SEDATION),
            ("weakness_index", "weakness", _WEAKNESS),
            ("overdose_index", "overdose", ORDERED),
        ):
            _line(risk, case, effects, channel, name, color)
        risk.set_ylabel("index (settings)")
        risk.set_ylim(0, 1)
        dated(risk, case)
        for one in axes:
            one.yaxis.set_major_formatter(plain)
            one.set_ylim(bottom=0)
            one.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=4)

    return drawn(draw, 3, 7.2)


def _line(axes: Axes, case: Case, effects: Effects, channel: str, label: str, color: str) -> None:
    values, at = effects[channel], np.array([when(instant, case) for instant in (effects.instants[0], effects.instants[-1])])
    times = np.linspace(at[0], at[1], len(values))
    per_day = DAY_S // effects.grid.step_s
    if len(values) * effects.grid.step_s > _SMOOTH_FROM:
        days = len(values) // per_day
        rows = values[: days * per_day].reshape(days, per_day)
        middle = times[: days * per_day].reshape(days, per_day).mean(axis=1)
        axes.fill_between(middle, rows.min(axis=1), rows.max(axis=1), color=color, alpha=0.18, lw=0)
        times, values = middle, rows.mean(axis=1)
    axes.plot(times, values, color=color, lw=1.4, label=label)


@dataclass(frozen=True, slots=True)
class Day:
    """The last whole day, by the wall clock, on which drug left the tip: the flow, fluid, cord and tone."""

    title: str
    edges: list[float]
    flows: list[float]
    hours: Floats
    csf: Floats
    legs: Floats
    ashworth: Floats

    @classmethod
    def last(cls, case: Case, exposure: Exposure, end: Instant) -> "Day | None":
        """Of a course; None where drug did not flow for a day."""
        if not exposure.infusions:
            return None
        last = max((one.end_s for one in exposure.infusions if one.end_s <= end.s), default=0)
        day = Instant(last).date(case.zone)
        start, end_of_day = (midnight_of(day - timedelta(days=n), case.zone) for n in (1, 0))
        if end_of_day - start != DAY_S:  # the clocks changed: the day before
            start, end_of_day = (midnight_of(day - timedelta(days=n), case.zone) for n in (2, 1))
        if start < exposure.infusions[0].start_s:
            return None
        csf = csf_channel(case)
        seen = exposure.response(
            Grid(start, _MINUTES * 60, DAY_S // (_MINUTES * 60) + 1), (csf, "legs_ng_per_ml", "ashworth_legs")
        )
        edges, flows = _flows(exposure, start)
        title = f"{Instant(start).date(case.zone)}, by the wall clock"
        channels = (seen[name][0] for name in (csf, "legs_ng_per_ml", "ashworth_legs"))
        return cls(title, edges, flows, seen.hours - start / 3600, *channels)

    def table(self) -> Iterator[tuple[str, float, float, float, float]]:
        """(hours, mcg that left the tip, mean concentrations at the tip and in the leg cord, mean Ashworth), every 3 h."""
        amounts = np.concatenate([[0.0], np.cumsum(np.diff(self.edges) * self.flows)])
        for hour in range(0, 24, _TABLE_HOURS):
            part = (self.hours >= hour) & (self.hours < hour + _TABLE_HOURS)
            given = np.diff(np.interp([hour, hour + _TABLE_HOURS], self.edges, amounts))
            csf, legs, ashworth = (float(channel[part].mean()) for channel in (self.csf, self.legs, self.ashworth))
            yield f"{hour:02d}:00 to {hour + _TABLE_HOURS:02d}:00", float(given[0]), csf, legs, ashworth


def day_figure(case: Case, day: Day) -> str:
    """The dose at the tip, the concentrations and the tone of a day, under one another as one SVG."""

    def draw(axes: Sequence[Axes]) -> None:
        dose, fluid, tone = axes
        dose.stairs(day.flows, day.edges, baseline=None, color=ORDERED, lw=1.6)
        dose.set_ylabel("mcg/h at the tip")
        dose.set_title(day.title, loc="left", fontsize=10)
        fluid.plot(day.hours, day.csf, color=ORDERED, lw=1.4, label=f"spinal fluid at {case.geometry.tip_level}")
        fluid.plot(day.hours, day.legs, color=DELIVERED, lw=1.4, label="leg cord")
        fluid.set_ylabel("ng/mL")
        fluid.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)
        tone.plot(day.hours, day.ashworth, color=DELIVERED, lw=1.4)
        tone.set_ylabel("Ashworth legs")
        tone.set_ylim(1, 5)
        tone.set_xticks(range(0, 25, 3))
        tone.set_xticklabels([f"{hour:02d}:00" for hour in range(0, 25, 3)])
        for one in (dose, fluid):
            one.set_ylim(bottom=0)
            one.yaxis.set_major_formatter(plain)

    return drawn(draw, 3, 5.6)


def _flows(exposure: Exposure, start: int) -> tuple[list[float], list[float]]:
    """(the hours at which the flow at the tip changes over a day, the flow between them)."""
    cuts = {start, start + DAY_S}
    here = [one for one in exposure.infusions if one.start_s < start + DAY_S and one.end_s > start]
    for one in here:
        origin = one.start_s - one.phase_s
        ends = range(start - (start - origin) % one.period_s, start + DAY_S, one.period_s)
        cuts |= {period + end for period in ends for end in one.ends_s} | {one.start_s, one.end_s}
    inside = sorted(cut for cut in cuts if start <= cut <= start + DAY_S)
    flows = [sum(_flow(one, second) for one in here) for second in inside[:-1]]
    return [(cut - start) / 3600 for cut in inside], flows


def _flow(infusion: Infusion, second: int) -> float:
    if not infusion.start_s <= second < infusion.end_s:
        return 0.0
    phase = (second - infusion.start_s + infusion.phase_s) % infusion.period_s
    return float(np.ravel(infusion.mcg_per_h[int(np.searchsorted(infusion.ends_s, phase, side="right"))])[0])
