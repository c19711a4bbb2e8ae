"""What a body did."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.balance import Balance
from thecal.body.march import Contents
from thecal.body.record import Record, Summary
from thecal.body.schedule import Grid
from thecal.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class State:
    """A batch at the start of a day counted from the implant at ``implant_s``: what it holds, and its tolerance (patients,)."""

    second: int
    implant_s: int
    contents: Contents
    tolerance: Floats

    def of(self, part: slice | NDArray[np.intp]) -> "State":
        """Some of the patients."""
        return State(self.second, self.implant_s, self.contents.of(part), self.tolerance[part])

    def check(self, patients: int, record: Record) -> None:
        """Raises InputError where a run of so many patients under this record cannot go on from here."""
        if len(self.tolerance) != patients:
            raise InputError(
                "state", f"{len(self.tolerance)} patients", "is of other patients", accepted=(f"a state of {patients}",)
            )
        if record.implant_s != self.implant_s:
            accepted = (f"{self.implant_s} s, as in the run that it comes from",)
            raise InputError("implant_s", f"{record.implant_s} s", "is not the implant of the state", accepted=accepted)
        if record.grid.start_s < self.second:
            raise InputError(
                "grid", f"{record.grid.start_s} s", "begins before the state", accepted=(f"{self.second} s or later",)
            )


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
