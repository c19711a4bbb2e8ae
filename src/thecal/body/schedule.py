"""Doses in the order of time: spans of pieces in which every flow is constant, and spans that repeat."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from thecal.body.doses import Doses, Infusion, Tablets
from thecal.errors import InputError
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

_CYCLE_MAX_S = 14 * DAY_S
_MCG_PER_MG = 1000.0
_PARTS_MAX = 24  # of a piece: what is seen is tabled for so many at once


@dataclass(frozen=True, slots=True)
class Grid:
    """When the body is looked at: at ``start_s`` and every ``step_s`` after it, ``count`` times in all.

    What is given at such an instant is not seen in it yet.
    """

    start_s: int
    step_s: int
    count: int

    @classmethod
    def over(cls, start_s: int, end_s: int, step_s: int) -> "Grid":
        """As often as it fits, the end included. Raises InputError for a step that is none."""
        if step_s < 1:
            raise InputError("step_s", f"{step_s} s", "is no step", accepted=("1 s or more",))
        return cls(start_s, step_s, (end_s - start_s) // step_s + 1)

    @property
    def end_s(self) -> int:
        return self.start_s + (self.count - 1) * self.step_s

    @property
    def hours(self) -> Floats:
        """The instants in hours from the origin."""
        return (self.start_s + self.step_s * np.arange(self.count)) / 3600

    def within(self, coarse: "Grid") -> slice | None:
        """Where the instants of a coarser grid stand in this one; None where they do not all."""
        ahead = coarse.start_s - self.start_s
        if ahead % self.step_s or coarse.step_s % self.step_s or ahead < 0 or coarse.end_s > self.end_s:
            return None
        first = ahead // self.step_s
        return slice(first, first + (coarse.count - 1) * (coarse.step_s // self.step_s) + 1, coarse.step_s // self.step_s)

    def holds(self, second: int) -> bool:
        """Whether the body is looked at in this second."""
        return self.start_s <= second <= self.end_s and not (second - self.start_s) % self.step_s


@dataclass(frozen=True, slots=True)
class Piece:
    """Constant flow for ``parts`` times as many ``seconds``: what is ``given`` at once at its beginning (mcg; the gut is the last
    source) and what flows in an hour into the spinal fluid, by source, each (sources,) or (patients, sources); and whether the
    body is looked at at the end of each part.
    """

    seconds: int
    flows: Floats
    given: Floats | None
    seen: bool
    parts: int = 1

    @property
    def whole_s(self) -> int:
        """The seconds of all its parts."""
        return self.parts * self.seconds

    def of(self, part: slice) -> "Piece":
        """The same for some of the patients."""
        given = self.given if self.given is None or self.given.ndim == 1 else self.given[part]
        return replace(self, flows=self.flows if self.flows.ndim == 1 else self.flows[part], given=given)


@dataclass(frozen=True, slots=True)
class Span:
    """Pieces that follow one another, ``times`` times."""

    pieces: tuple[Piece, ...]
    times: int = 1

    @property
    def seconds(self) -> int:
        """The seconds of one time."""
        return sum(piece.whole_s for piece in self.pieces)

    @property
    def rows(self) -> int:
        """How often the body is looked at in one time."""
        return sum(piece.parts for piece in self.pieces if piece.seen)

    @property
    def seen(self) -> int:
        """How often the body is looked at in all of it."""
        return self.times * self.rows

    @property
    def given(self) -> Floats:
        """The mcg of all of it by source, the gut last; (sources,) or (patients, sources)."""
        total = np.zeros(self.pieces[0].flows.shape[-1] + 1)
        for piece in self.pieces:
            flowed = piece.whole_s / 3600 * piece.flows
            total = total + np.concatenate([flowed, np.zeros_like(flowed[..., :1])], axis=-1)
            total = total if piece.given is None else total + piece.given
        return self.times * total

    def of(self, part: slice) -> "Span":
        """The same for some of the patients."""
        return Span(tuple(piece.of(part) for piece in self.pieces), self.times)


def spans(doses: Doses, sources: Sequence[str], start_s: int, end_s: int, grid: Grid | None) -> Iterator[Span]:
    """The spans from ``start_s`` to ``end_s``; the gut is the source after ``sources``."""
    edges = {start_s, end_s}
    for infusion in doses.infusions:
        edges |= {infusion.start_s, infusion.end_s}
    for tablets in doses.tablets:
        edges |= {tablets.start_s + tablets.lag_s, tablets.end_s + tablets.lag_s}
    edges |= {bolus.at_s for bolus in doses.boluses}
    if grid:
        edges |= {grid.start_s, grid.end_s}
    inside = sorted(edge for edge in edges if start_s <= edge <= end_s)
    course = _Course(doses, {name: n for n, name in enumerate(sources)}, len(sources), grid)
    for low, high in itertools.pairwise(inside):
        yield from course.between(low, high)


@dataclass(frozen=True, slots=True)
class _Course:
    doses: Doses
    place: dict[str, int]
    width: int
    grid: Grid | None

    def between(self, low: int, high: int) -> Iterator[Span]:
        """The spans between two instants at which something begins or ends."""
        flowing = [one for one in self.doses.infusions if one.start_s <= low < one.end_s]
        taken = [one for one in self.doses.tablets if one.start_s + one.lag_s <= low < one.end_s + one.lag_s]
        looked = self.grid is not None and self.grid.start_s <= low < self.grid.end_s
        periods = [one.period_s for one in flowing if not one.steady] + [one.period_s for one in taken]
        if looked and self.grid:
            periods.append(self.grid.step_s)
        cycle = lcm(*periods) if periods else high - low
        if cycle < DAY_S:
            cycle *= DAY_S // cycle
        times = (high - low) // cycle if cycle <= _CYCLE_MAX_S else 0
        if times > 1 and any(bolus.at_s == low for bolus in self.doses.boluses):  # given once, so its day does not repeat
            yield Span(tuple(self._pieces(low, low + cycle, flowing, taken)))
            low, times = low + cycle, times - 1
        if times > 1 and not looked and self.grid is not None and self.grid.holds(low + times * cycle):
            times -= 1  # the body is looked at at the end of the last, and not of those before
        if times > 1:
            yield Span(tuple(self._pieces(low, low + cycle, flowing, taken)), times)
            low += times * cycle
        if low < high:
            yield Span(tuple(self._pieces(low, high, flowing, taken)))

    def _pieces(self, low: int, high: int, flowing: list[Infusion], taken: list[Tablets]) -> Iterator[Piece]:
        """The pieces from ``low`` to ``high``, between which no infusion or tablets begin or end, and no bolus is given."""
        cuts = {low, high}
        for infusion in flowing:
            if not infusion.steady:
                cuts.update(_repeated(infusion.ends_s, infusion.period_s, infusion.start_s - infusion.phase_s, low, high))
        gut: dict[int, float | Floats] = {}
        for tablets in taken:
            for offset, mg in zip(tablets.times_s, tablets.mg, strict=True):
                for at in _repeated((offset,), tablets.period_s, tablets.start_s + tablets.lag_s, low, high):
                    gut[at] = gut.get(at, 0.0) + mg * _MCG_PER_MG
        cuts.update(gut)
        for begin, end in itertools.pairwise(sorted(cuts)):
            flows, given = self._flows(begin, flowing), self._given(begin, gut.get(begin, 0.0))
            for seconds, parts, seen in self._looks(begin, end):
                yield Piece(seconds, flows, given, seen, parts)
                given = None

    def _looks(self, low: int, high: int) -> Iterator[tuple[int, int, bool]]:
        """What the grid cuts the time between two instants into: (seconds, so many times, whether they end in a look)."""
        grid = self.grid
        if grid is None or high < grid.start_s or low >= grid.end_s:
            yield high - low, 1, False
            return
        ahead = (grid.start_s - low) % grid.step_s if low >= grid.start_s else grid.start_s - low
        if low + ahead > high:
            yield high - low, 1, False
            return
        if ahead:
            yield ahead, 1, True
        parts, rest = divmod(high - low - ahead, grid.step_s)
        while parts:
            several = min(parts, _PARTS_MAX)
            yield grid.step_s, several, True
            parts -= several
        if rest:
            yield rest, 1, False

    def _flows(self, second: int, flowing: list[Infusion]) -> Floats:
        total = np.zeros(self.width)
        for infusion in flowing:
            phase = (second - infusion.start_s + infusion.phase_s) % infusion.period_s
            step = int(np.searchsorted(infusion.ends_s, phase, side="right"))
            total = _added(total, self.place[infusion.level], infusion.mcg_per_h[step])
        return total

    def _given(self, second: int, gut_mcg: float | Floats) -> Floats | None:
        due = [one for one in self.doses.boluses if one.at_s == second]
        if not due and not np.any(gut_mcg):
            return None
        total = _added(np.zeros(self.width + 1), -1, np.asarray(gut_mcg))
        for bolus in due:
            total = _added(total, self.place[bolus.level], bolus.mcg)
        return total


def _added(total: Floats, place: int, amount: Floats) -> Floats:
    """With so much more at one source; for each patient, where the amount is."""
    each = np.atleast_1d(amount)
    if len(each) > 1 and total.ndim == 1:
        total = np.tile(total, (len(each), 1))
    total[..., place] += each if total.ndim > 1 else each[0]
    return total


def _repeated(offsets: Sequence[int], period: int, origin: int, low: int, high: int) -> Iterator[int]:
    """Every ``origin + offset + n period`` from ``low`` up to but not including ``high``."""
    for offset in offsets:
        at = origin + offset
        yield from range(at + -((at - low) // period) * period, high, period)
