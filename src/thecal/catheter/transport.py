"""From the pump's outlet to the tip: plug flow, every parcel behind the one before it."""

from collections.abc import Iterator

from thecal.catheter.line import Line
from thecal.timeline import Block


def transport(line: Line, block: Block) -> tuple[Line, tuple[Block, ...]]:
    """(the line afterwards, the Blocks at the tip): the same flow in time, with the fluid that was ahead in the line.

    A boundary between two fluids ends a Block at the first whole second at or after its passage.
    """
    line, out = line.pushed(block.parcels)
    at_tip = Block(block.interval, block.pattern, block.phase_s, block.carry, out)
    return line, tuple(_by_fluid(at_tip))


def _by_fluid(block: Block) -> Iterator[Block]:
    while len(block.parcels) > 1:
        seconds = block.first_second(block.parcels[0].volume_nl)
        if seconds is None or seconds >= block.interval.seconds:
            break  # the boundary passes in the very last second
        before, block = block.cut(seconds)
        yield before
    yield block
