"""One person's body in a world: what it was given, by whatever way, and how it is at an instant.

The one door between the device's integers and the body's floats: a Block at the catheter tip becomes an infusion here, with the
very amount of the Block.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from math import isclose
from zoneinfo import ZoneInfo

import numpy as np

from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.response import Response, State
from thecal.body.schedule import Grid
from thecal.quantity import OralDose
from thecal.timeline import DAY_S, Block, Instant

_PG_PER_MCG = 10**6
_SAME_FLOW = 1e-7
_SCORES = ("ashworth_legs", "ashworth_arms", "spasm_penn")


@dataclass(frozen=True, slots=True)
class TabletCourse:
    """Doses by mouth each day at times of the wall clock (seconds of the day), from an instant on, until it is stopped."""

    start: Instant
    doses: tuple[OralDose, ...]
    times_s: tuple[int, ...]
    form: str
    zone: ZoneInfo
    end: Instant | None = None

    def until(self, end: Instant) -> tuple[Tablets, ...]:
        """As the body takes them, up to an instant: days of 24 h together, and dose by dose where the clocks change."""
        last = end.s if self.end is None else min(end.s, self.end.s)
        stretches: list[Tablets] = []
        day, begun, mg = self.start.date(self.zone), None, tuple(dose.mcg / 1000 for dose in self.doses)
        while (midnight := midnight_of(day, self.zone)) < last:
            after = midnight_of(day + timedelta(days=1), self.zone)
            begun = midnight if begun is None else begun
            if after - midnight != DAY_S or after >= last:
                whole = midnight if after - midnight != DAY_S else last
                stretches.extend(self._days(begun, max(begun, self.start.s), min(whole, last)))
                begun = None
            if after - midnight != DAY_S:
                moments = (_instant_of(day, time, self.zone) for time in self.times_s)
                pairs = [(at, dose) for at, dose in zip(moments, mg, strict=True) if self.start.s <= at < last]
                stretches.extend(Tablets(at, at + 1, (dose,), (0,), DAY_S, self.form) for at, dose in pairs)
            day += timedelta(days=1)
        return tuple(stretches)

    def _days(self, midnight: int, start: int, end: int) -> Iterator[Tablets]:
        """Days of 24 h from a local midnight on, of which those between two instants count."""
        if start < end:
            ahead = (start - midnight) % DAY_S
            pairs = sorted(((time - ahead) % DAY_S, dose.mcg / 1000) for time, dose in zip(self.times_s, self.doses, strict=True))
            yield Tablets(start, end, tuple(mg for _, mg in pairs), tuple(time for time, _ in pairs), DAY_S, self.form)


def midnight_of(day: date, zone: ZoneInfo) -> int:
    """The second of UTC at which a day of the wall clock begins."""
    return _instant_of(day, 0, zone)


def _instant_of(day: date, time_s: int, zone: ZoneInfo) -> int:
    """A time of the wall clock: once where it comes twice, and an hour on where the clocks skip it."""
    return int((datetime.combine(day, time(), zone) + timedelta(seconds=time_s)).timestamp())


@dataclass(frozen=True, slots=True)
class Scores:
    """What an examiner finds: Ashworth of legs and arms (1 to 5), spasm frequency (Penn 0 to 4)."""

    ashworth_legs: float
    ashworth_arms: float
    spasm_penn: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """A body (a batch of one) and all it was given. ``implant`` is when the therapy began, from which tolerance counts; ``state``
    spares an assessment the time before it.
    """

    patient: Patients
    infusions: tuple[Infusion, ...] = ()
    boluses: tuple[Bolus, ...] = ()
    courses: tuple[TabletCourse, ...] = ()
    tablets: tuple[Tablets, ...] = ()
    implant: Instant | None = None
    state: State | None = None

    def infused(self, blocks: tuple[Block, ...], level: str) -> "Exposure":
        """With what left the tip at a vertebral level."""
        if not blocks:
            return self
        infusions = list(self.infusions)
        for block in blocks:
            one = infusion_of(block, level)
            if one is not None and not (infusions and _extends(infusions, one)):
                infusions.append(one)
        return replace(self, infusions=tuple(infusions))

    def injected(self, at: Instant, pg: int, level: str) -> "Exposure":
        """With a bolus into the spinal fluid."""
        if not pg:
            return self
        return replace(self, boluses=(*self.boluses, Bolus(at.s, np.array([pg / _PG_PER_MCG]), level)))

    def takes(self, course: TabletCourse) -> "Exposure":
        """With tablets each day from now on, instead of those of before."""
        before = self.stops(course.start)
        return replace(before, courses=(*before.courses, course))

    def takes_once(self, at: Instant, dose: OralDose, form: str) -> "Exposure":
        """With one dose by mouth."""
        return replace(self, tablets=(*self.tablets, Tablets(at.s, at.s + 1, (dose.mcg / 1000,), (0,), DAY_S, form)))

    def stops(self, at: Instant) -> "Exposure":
        """Without tablets from now on."""
        ended = tuple(replace(course, end=at) if course.end is None else course for course in self.courses)
        return replace(self, courses=tuple(course for course in ended if course.end is None or course.start < course.end))

    def implanted(self, at: Instant) -> "Exposure":
        """With the therapy begun; a second implant does not begin it anew."""
        return self if self.implant else replace(self, implant=at)

    def doses(self, until: Instant, since_s: int | None = None) -> Doses:
        """All that was given up to an instant; ``since_s`` leaves out what was over by then."""
        by_mouth = (*self.tablets, *(tablets for course in self.courses for tablets in course.until(until)))
        if since_s is None:
            return Doses(self.infusions, self.boluses, by_mouth)
        return Doses(
            tuple(one for one in self.infusions if one.end_s > since_s),
            tuple(one for one in self.boluses if one.at_s >= since_s),
            tuple(one for one in by_mouth if one.end_s + one.lag_s > since_s),
        )

    def response(self, grid: Grid, channels: tuple[str, ...], state: State | None = None, *, resumable: bool = False) -> Response:
        """What the body did, from its first dose or from a state on."""
        end = Instant(grid.end_s)
        implant_s = self.implant.s if self.implant else end.s
        return propagate(
            self.patient,
            self.doses(end, state.second if state else None),
            Record(grid, channels, implant_s, resumable=resumable),
            state,
        )

    def assessed(self, at: Instant) -> tuple["Exposure", Scores]:
        """(the same body, quicker to assess again; what an examiner finds now)."""
        seen = self.response(Grid(at.s, 1, 1), _SCORES, self.state, resumable=self.implant is not None)
        scores = Scores(*(float(seen[name][0, 0]) for name in _SCORES))
        return (replace(self, state=seen.state) if seen.state else self), scores


def infusion_of(block: Block, level: str) -> Infusion | None:
    """A Block at the tip as an infusion of exactly its amount in the shape of its pattern; None where it holds no drug."""
    seconds, pattern = block.interval.seconds, block.pattern
    amount_pg = block.amount_pg
    flowed = pattern.numerator(block.phase_s, seconds)
    if not amount_pg or not seconds:
        return None
    start, end = block.interval.start.s, block.interval.end.s
    if not flowed:  # a remainder that came due in a second without flow
        return Infusion(start, end, level, np.array([amount_pg / _PG_PER_MCG * 3600 / seconds]))
    mcg_per_h = np.array(pattern.rates, dtype=np.float64) * (amount_pg / flowed * 3600 / _PG_PER_MCG)
    return Infusion(start, end, level, mcg_per_h, pattern.ends, block.phase_s)


def _extends(infusions: list[Infusion], later: Infusion) -> bool:
    """Whether the last infusion goes on as one flow that differs by no more than a picogram's rounding; then it is made longer,
    with the amount of both.
    """
    last = infusions[-1]
    if last.end_s != later.start_s or last.level != later.level or not (last.steady and later.steady):
        return False
    before, after = last.mcg_per_h[0], later.mcg_per_h[0]
    if not isclose(before, after, rel_tol=_SAME_FLOW):
        return False
    longer = last.end_s - last.start_s, later.end_s - later.start_s
    mean = (before * longer[0] + after * longer[1]) / sum(longer)
    infusions[-1] = Infusion(last.start_s, later.end_s, last.level, np.array([mean]))
    return True
