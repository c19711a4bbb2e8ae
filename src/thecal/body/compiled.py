"""The same equations as compiled loops, a patient at a time on every core (numba, extra ``fast``)."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thecal.body.loops import through
from thecal.body.march import Contents, Room, Sights
from thecal.body.plan import LoopBody, Plan
from thecal.body.schedule import Span
from thecal.body.turn import hill, turn
from thecal.errors import ThecalError

Floats = NDArray[np.float64]

_PLAIN: tuple[Literal["C"], Literal["W"]] = ("C", "W")  # of others a loop would be compiled anew


class CompiledEngine:
    """The equations of the body in compiled loops."""

    block = 1024

    def __init__(self) -> None:
        self._latest: tuple[Sights, LoopBody] | None = None  # one course has many spans

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """As the protocol says, by implicit QR turning the rows only; the vectors themselves are never formed."""
        rate, turned = np.empty_like(diagonal), np.empty_like(rows)
        if not turn(diagonal, beside, np.ascontiguousarray(rows), rate, turned):
            raise ThecalError("the modes of a canal were not found: its parameters are beyond floating point")
        return rate, turned

    def once(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """As the protocol says."""
        return self.fade(span, contents, sights, room, first)

    def fade(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """As the protocol says."""
        if self._latest is None or self._latest[0] is not sights:
            self._latest = sights, LoopBody.of(sights.steps.cascade, sights.reading)
        body = self._latest[1]
        both = np.concatenate([contents.modes[:, : body.modes], contents.links], axis=1)
        through(Plan.of(span), body, both, room.values, room.least, room.most, room.low, first)
        modes = np.zeros_like(contents.modes)
        modes[:, : body.modes] = both[:, : body.modes]
        return Contents(modes, both[:, body.modes :])

    def hill(self, concentration: Floats, half: Floats, steepness: Floats, out: Floats | None = None) -> Floats:
        """As the protocol says."""
        part = np.empty(concentration.shape) if out is None else out
        hill(*(np.require(array, np.float64, _PLAIN) for array in (concentration, half, np.ravel(steepness))), part)
        return part
