"""The line ledger: what lies where between the reservoir and the tip."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from thecal.catheter.dispersion import SLICE_CM
from thecal.fluid import ALL_PPM, Content, Parcel, amount_of, kept, take_front, volume_of
from thecal.quantity import Volume

_WORTH_MIXING = 1000  # neighbors that differ by less than one in so many are left as they are


@dataclass(frozen=True, slots=True)
class Bore:
    """The lumen of the catheter, in which fluids mix; the tubing before it, whose bore is not known, is taken as a plug."""

    nl_per_cm: int
    lumen_nl: int

    @property
    def slice_nl(self) -> int:
        return self.nl_per_cm * SLICE_CM


@dataclass(frozen=True, slots=True)
class Hole:
    """Where fluid gets out: ``beyond_nl`` lie between it and the tip, ``kept_ppm`` of what passes goes on towards the tip."""

    beyond_nl: int
    kept_ppm: int

    def until_past(self, volume_nl: int, passing: tuple[Parcel, ...]) -> int | None:
        """How much of ``passing`` comes to the hole until so much has gone on towards the tip; None where all of it is less."""
        pushed_nl = 0
        for parcel in passing:
            through_nl = replace(parcel, kept_ppm=self.kept_ppm).volume_nl
            if through_nl >= volume_nl:
                wanted = kept(parcel.start, self.kept_ppm) + volume_nl
                return pushed_nl - parcel.start - (-wanted * ALL_PPM // self.kept_ppm)
            pushed_nl += parcel.volume_nl
            volume_nl -= through_nl
        return None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did: the line afterwards, what passed the hole (or the tip, without one), what came out, what was lost."""

    line: "Line"
    passed: tuple[Parcel, ...]
    out: tuple[Parcel, ...]
    lost_nl: int = 0
    lost_pg: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """The fluids in pump tubing and catheter, the one nearest the tip first. Their volumes always add up to the dead volume.

    ``bore`` is None where nothing mixes; ``spread`` is what has come together of the next mixing; ``open_ppm`` is how much of
    the flow a kink lets through; a tip ``outside`` the spinal canal loses all that comes out of it.
    """

    parcels: tuple[Parcel, ...]
    bore: Bore | None = None
    spread: Fraction = Fraction(0)
    hole: Hole | None = None
    open_ppm: int = ALL_PPM
    outside: bool = False

    @classmethod
    def holding(cls, dead_volume: Volume, content: Content, mcg_per_ml: int = 0, bore: Bore | None = None) -> "Line":
        """A line full of one fluid."""
        return cls((Parcel.whole(dead_volume.nl, dead_volume.nl * mcg_per_ml, content),), bore)

    @property
    def volume_nl(self) -> int:
        return volume_of(self.parcels)

    @property
    def amount_pg(self) -> int:
        return amount_of(self.parcels)

    def pushed(self, incoming: tuple[Parcel, ...]) -> Pushed:
        """Plug flow: what ``incoming`` at the pump's end drives out, into the spinal canal and elsewhere."""
        pushed = self._pushed(incoming)
        if not self.outside:
            return pushed
        lost_nl, lost_pg = pushed.lost_nl + volume_of(pushed.out), pushed.lost_pg + amount_of(pushed.out)
        return Pushed(pushed.line, pushed.passed, (), lost_nl, lost_pg)

    def _pushed(self, incoming: tuple[Parcel, ...]) -> Pushed:
        volume_nl = volume_of(incoming)
        if self.hole is None:
            out, rest = take_front(_row(self.parcels, incoming), volume_nl)
            return Pushed(self.with_parcels(rest), out, out)
        beyond, before = take_front(self.parcels, self.hole.beyond_nl)
        passed, before = take_front(_row(before, incoming), volume_nl)
        through = tuple(replace(parcel, kept_ppm=self.hole.kept_ppm) for parcel in passed)
        kept_nl = volume_of(through)
        out, beyond = take_front(_row(beyond, through if self.hole.kept_ppm else ()), kept_nl)
        line = self.with_parcels((*beyond, *before))
        return Pushed(line, passed, out, volume_nl - kept_nl, amount_of(passed) - amount_of(through))

    def with_parcels(self, parcels: tuple[Parcel, ...]) -> "Line":
        """The same line with other fluids in it."""
        return Line(parcels, self.bore, self.spread, self.hole, self.open_ppm, self.outside)

    def with_row(self, parcels: tuple[Parcel, ...]) -> "Line":
        """The same line with other fluids in it; parts of one fluid that lie side by side are one again."""
        return self.with_parcels(tuple(_row((), parcels)))

    def with_spread(self, spread: Fraction) -> "Line":
        """The same line with another part of the next mixing due."""
        return Line(self.parcels, self.bore, spread, self.hole, self.open_ppm, self.outside)

    def settled(self) -> "Line":
        """The same fluids, each a fluid of its own: what went through a hole once may go through another.

        A trace of drug in less than a nanolitre goes to the fluid behind it, or before it where it is the last.
        """
        own: list[Parcel] = []
        trace_pg = 0
        for parcel in self.parcels:
            volume_nl, amount_pg = parcel.volume_nl, parcel.amount_pg + trace_pg
            if not volume_nl:
                trace_pg = amount_pg
                continue
            plain = parcel.kept_ppm == ALL_PPM and not trace_pg
            own.append(parcel if plain else Parcel.whole(volume_nl, amount_pg, parcel.content))
            trace_pg = 0
        if trace_pg:
            last = own.pop()
            own.append(Parcel.whole(last.volume_nl, last.amount_pg + trace_pg, last.content))
        return self.with_parcels(tuple(own))

    def until_mixing(self, incoming: tuple[Parcel, ...] = ()) -> int | None:
        """The nanolitres to push until the lumen holds fluids that differ by a thousandth (below that no dose would change).

        Zero where it holds them already, None where no others are on their way.
        """
        if self.bore is None:
            return None
        at_nl = next(_fronts((*self.parcels, *incoming)), None)
        shut = self.hole is not None and not self.hole.kept_ppm and self.hole.beyond_nl == self.bore.lumen_nl
        if at_nl is None or (shut and at_nl >= self.bore.lumen_nl):
            return None  # apart at the pump's end: nothing ever enters the lumen
        return max(at_nl - self.bore.lumen_nl + 1, 0)

    def until_alike(self, incoming: tuple[Parcel, ...] = ()) -> int | None:
        """Nanolitres of ``incoming`` to push before the fluids that differ in the lumen now can all have left it.

        Exact without a hole; with one, they leave no sooner. None where this flow does not drive them out.
        """
        assert self.bore is not None  # only a line with a bore mixes
        row = _row(self.parcels, incoming)
        fronts = [at_nl for at_nl in _fronts(row) if at_nl < self.bore.lumen_nl]
        if self.hole is None:
            return max(*fronts, 1)
        _, passing = take_front(row, self.hole.beyond_nl)
        left = [self._until_gone(at_nl, self.hole, passing) for at_nl in fronts]
        return None if None in left else max([1, *(nl for nl in left if nl is not None)])

    def _until_gone(self, at_nl: int, hole: Hole, passing: tuple[Parcel, ...]) -> int | None:
        """The same for the front ``at_nl`` from the tip, where ``passing`` is what comes to the hole."""
        if at_nl > hole.beyond_nl:
            return at_nl - hole.beyond_nl
        out = hole.until_past(at_nl, passing)
        if at_nl < hole.beyond_nl or len(passing) < 2 or replace(passing[0], kept_ppm=hole.kept_ppm).volume_nl:
            return out
        lost_nl = passing[0].volume_nl  # all of what is behind it is lost at the hole
        return lost_nl if out is None else min(out, lost_nl)

    def mixed(self) -> "Line":
        """The line after one mixing: neighboring slices of the lumen have exchanged a quarter of their difference."""
        assert self.bore is not None  # only a line with a bore mixes
        lumen, tubing = take_front(self.parcels, self.bore.lumen_nl)
        cells = _lumped(_sliced(lumen, self.bore.slice_nl), self.bore.slice_nl)
        return self.with_row((*_mixed(cells, self.bore.slice_nl), *tubing))


def _fronts(parcels: Iterable[Parcel]) -> Iterator[int]:
    """How far from the tip neighbors meet that differ by a thousandth."""
    at_nl = 0
    for a, b in pairwise(parcels):
        at_nl += a.volume_nl
        here, there = a.of_pg * b.of_nl, b.of_pg * a.of_nl
        if here != there and abs(here - there) * _WORTH_MIXING >= max(here, there):
            yield at_nl


def _row(parcels: tuple[Parcel, ...], incoming: tuple[Parcel, ...]) -> list[Parcel]:
    """A row of parcels with more behind it; the next part of the same fluid joins what is there."""
    row = list(parcels)
    for parcel in incoming:
        if row and row[-1].joins(parcel):
            row[-1] = row[-1].joined(parcel)
        else:
            row.append(parcel)
    return row


def _sliced(parcels: tuple[Parcel, ...], slice_nl: int) -> list[Parcel]:
    """The parcels with a slice cut off at each end of a long one, where it can exchange with its neighbor."""
    cells: list[Parcel] = []
    for number, parcel in enumerate(parcels):
        rest = parcel
        if number and rest.volume_nl > 2 * slice_nl:
            first, rest = rest.take(slice_nl)
            cells.append(first)
        if number < len(parcels) - 1 and rest.volume_nl > 2 * slice_nl:
            rest, last = rest.take(rest.volume_nl - slice_nl)
            cells += [rest, last]
        else:
            cells.append(rest)
    return cells


def _mixed(cells: list[Parcel], slice_nl: int) -> list[Parcel]:
    volumes = [cell.volume_nl for cell in cells]
    amounts = [cell.amount_pg for cell in cells]
    moved = [
        _exchange(volumes[n], amounts[n], volumes[n + 1], amounts[n + 1], slice_nl) if not cells[n].joins(cells[n + 1]) else 0
        for n in range(len(cells) - 1)
    ]
    mixed: list[Parcel] = []
    for cell, volume_nl, amount_pg, came, went in zip(cells, volumes, amounts, [0, *moved], [*moved, 0], strict=True):
        now_pg = amount_pg + came - went
        if not came and not went:
            if mixed and mixed[-1].joins(cell):
                mixed[-1] = mixed[-1].joined(cell)
            else:
                mixed.append(cell)
        elif volume_nl or now_pg:
            mixed.append(Parcel.whole(volume_nl, now_pg, "drug" if now_pg else cell.content))
    return mixed


def _exchange(a_nl: int, a_pg: int, b_nl: int, b_pg: int, slice_nl: int) -> int:
    """The picograms that go from one cell to the next, whole and toward zero.

    A slice squared over four times the distance of their middles, times the difference in concentration; of a cell shorter
    than a slice no more than half, so that two neighbors never take more than there is.
    """
    if not a_nl or not b_nl:
        return 0
    difference = a_pg * b_nl - b_pg * a_nl
    if slice_nl**2 < min(a_nl, b_nl) * (a_nl + b_nl):
        moved = abs(difference) * slice_nl**2 // (2 * (a_nl + b_nl) * a_nl * b_nl)
    else:
        moved = abs(difference) // (2 * max(a_nl, b_nl))
    return moved if difference > 0 else -moved


def _lumped(cells: list[Parcel], slice_nl: int) -> list[Parcel]:
    """The cells, with each that is too short to pass on its share made one with the shorter of its neighbors.

    Below a slice over the square root of two, half of a cell is less than what goes from slice to slice: it would be a barrier.
    The cells at both ends of the lumen stay: there is nothing to pass on to.
    """
    lumped = cells[:1]
    rest = list(reversed(cells[1:]))
    while rest:
        cell = rest.pop()
        if (
            rest
            and 10 * cell.volume_nl < 7 * slice_nl
            and (_differ(lumped[-1], cell, slice_nl) or _differ(cell, rest[-1], slice_nl))
        ):
            other = lumped.pop() if lumped[-1].volume_nl <= rest[-1].volume_nl else rest.pop()
            amount_pg = cell.amount_pg + other.amount_pg
            cell = Parcel.whole(cell.volume_nl + other.volume_nl, amount_pg, "drug" if amount_pg else cell.content)
        lumped.append(cell)
    return lumped


def _differ(a: Parcel, b: Parcel, slice_nl: int) -> bool:
    return not a.joins(b) and _exchange(a.volume_nl, a.amount_pg, b.volume_nl, b.amount_pg, slice_nl) != 0
