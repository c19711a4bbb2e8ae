"""What a body did."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.balance import Balance
from thecal.body.march import Contents
from thecal.body.record import Record, Summary
from thecal.body.schedule import Grid

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class State:
    """A batch at the start of a day counted from the implant: what it holds, and its tolerance (patients,)."""

    second: int
    contents: Contents
    tolerance: Floats


@dataclass(frozen=True, slots=True)
class Response:
    """What a batch of bodies did. ``values`` are (patients, times) by channel, or ``summaries`` are there where the record asks
    for those; ``tolerance`` is that at the start of each day since the implant, or since the state that the run went on from,
    (patients, days). ``state`` is the batch at the last of these days, where the record asks for it.
    """

    grid: Grid
    values: Mapping[str, Floats]
    summaries: Mapping[str, Summary]
    tolerance: Floats | None
    balance: Balance
    state: State | None = None

    @classmethod
    def blank(cls, count: int, record: Record, tolerance: Floats | None) -> "Response":
        """Room for so many patients."""
        values = {} if record.summarize else {name: np.empty((count, record.grid.count)) for name in record.channels}
        summaries = {
            name: Summary.blank(count, tuple(watch.level for watch in record.watch if watch.channel == name))
            for name in (record.channels if record.summarize else ())
        }
        return cls(record.grid, values, summaries, tolerance, Balance.blank(count))

    @property
    def hours(self) -> Floats:
        """The instants of the grid, in hours from the origin."""
        return self.grid.hours

    def __getitem__(self, channel: str) -> Floats:
        """A channel, (patients, times)."""
        return self.values[channel]
