"""From the pump's outlet to the tip: every parcel behind the one before it, and neighbors that mix on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from thecal.catheter.dispersion import mixings
from thecal.catheter.line import Line, Pushed
from thecal.fluid import take_front, volume_of
from thecal.timeline import Block, Pattern


@dataclass(frozen=True, slots=True)
class Arrived:
    """The line afterwards, the Blocks at the tip, and what was lost through a hole."""

    line: Line
    tip: tuple[Block, ...]
    lost_nl: int = 0
    lost_pg: int = 0


def transport(line: Line, block: Block) -> Arrived:
    """The same flow in time, with the fluid that was ahead in the line.

    A boundary between two fluids ends a Block at the first whole second at or after its passage. Where the line holds different
    fluids it is mixed at the first whole second at which a mixing is due.
    """
    tip: list[Block] = []
    lost_nl = lost_pg = 0
    while True:
        pattern, seconds = _until_next(line, block)
        rest: Block | None = None
        if seconds is not None and seconds < block.interval.seconds:
            block, rest = block.cut(seconds)
        pushed = line.pushed(block.parcels)
        tip.extend(_at_tip(block, pushed, line))
        lost_nl += pushed.lost_nl
        lost_pg += pushed.lost_pg
        line = pushed.line
        if pattern is not None:
            due = line.spread + Fraction(pattern.numerator(block.phase_s, block.interval.seconds), pattern.per)
            if due >= 1:
                line, due = line.mixed(), due - 1
            line = line.with_spread(due if line.until_mixing() == 0 else Fraction(0))
        if rest is None:
            return Arrived(line, tuple(tip), lost_nl, lost_pg)
        block = rest


def _until_next(line: Line, block: Block) -> tuple[Pattern | None, int | None]:
    """(how mixings come due, the second at which the next one is, or there is no more to mix).

    In a lumen of one fluid: when another one enters it.
    """
    to_push_nl = line.until_mixing(block.parcels)
    if line.bore is None or to_push_nl is None:
        return None, None
    if to_push_nl:
        return None, block.first_second(to_push_nl)
    pattern = mixings(block.pattern, line.bore.nl_per_cm)
    short = 1 - line.spread
    due = pattern.seconds_to(block.phase_s, -(-short.numerator * pattern.per // short.denominator))
    alike_nl = line.until_alike(block.parcels)
    alike = None if alike_nl is None else block.first_second(alike_nl)
    return pattern, min((seconds for seconds in (due, alike) if seconds is not None), default=None)


def _at_tip(block: Block, pushed: Pushed, line: Line) -> Iterator[Block]:
    if line.outside:
        yield Block(block.interval, block.pattern, block.phase_s, block.carry, (), kept_ppm=0)
        return
    if line.hole is None:
        yield from _by_fluid(Block(block.interval, block.pattern, block.phase_s, block.carry, pushed.out))
        return
    # Each fluid that passes the hole keeps its own share of the flow, counted along that fluid.
    kept_ppm, out = line.hole.kept_ppm, pushed.out
    for part in _by_fluid(replace(block, parcels=pushed.passed)):
        kept_nl = volume_of(replace(parcel, kept_ppm=kept_ppm) for parcel in part.parcels)
        front, out = take_front(out, kept_nl)
        kept_from = part.parcels[0].start if part.parcels else 0
        yield from _by_fluid(replace(part, parcels=front, kept_ppm=kept_ppm, kept_from=kept_from))


def _by_fluid(block: Block) -> Iterator[Block]:
    """The Block cut at its boundaries; a trace of fluid below a nanolitre goes with what follows it."""
    while len(block.parcels) > 1:
        volumes = accumulate(parcel.volume_nl for parcel in block.parcels)
        boundary_nl = next((volume_nl for volume_nl in volumes if volume_nl), 0)
        if boundary_nl == block.volume_nl:
            break
        seconds = block.first_second(boundary_nl)
        if seconds is None or seconds >= block.interval.seconds:
            break  # the boundary passes in the very last second
        before, block = block.cut(seconds)
        yield before
    yield block
