"""A day's schedule by superposition: the steady day that any of millions of schedules leads to, by one matrix product.

Concentrations are linear in what is given, so the day that a schedule comes to is the sum of those that its steps come to, each
exact to round-off (:class:`DayResponse`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.column import CELLS
from thecal.body.doses import Doses, Infusion
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import DERIVED, Record
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

_SETTLED_DAYS = 1_000_000  # the slowest body that is accepted has forgotten its first day by then; a repeated day costs nothing


@dataclass(frozen=True, slots=True)
class DayResponse:
    """What the dose in each step of a day does to a channel once days repeat.

    ``matrix`` (instants, steps) is in ng/mL per mcg: steps are equal and begin at the start of the day, instants are equally
    spaced and begin with it.
    """

    channel: str
    matrix: Floats

    @classmethod
    def of(
        cls, patient: Patients, level: str, channel: str, steps: int = 24, instants: int = 24, cells: int = CELLS
    ) -> "DayResponse":
        """The response of one patient to an infusion at a vertebral level.

        Raises InputError for more than one patient, for a channel that is not linear in the dose or does not exist, and for a
        number of steps or instants that does not divide a day into whole seconds.
        """
        if patient.count != 1:
            raise InputError("patient", f"{patient.count} patients", "are more than one", accepted=("a batch of one",))
        if channel in DERIVED:
            raise InputError("channel", channel, "is an effect, which does not add up", accepted=("a concentration",))
        step_s, apart_s = _part_of_day("steps", steps), _part_of_day("instants", instants)
        flows = np.zeros(steps)
        flows[0] = steps / 24  # 1 mcg in the first step
        start = _SETTLED_DAYS * DAY_S
        infusion = Infusion(0, start + DAY_S, level, flows, tuple(step_s * (n + 1) for n in range(steps)))
        apart = int(np.gcd(step_s, apart_s))
        record = Record(Grid(start, apart, DAY_S // apart), (channel,))
        day = propagate(patient, Doses((infusion,)), record, cells=cells)[channel][0]
        since = apart_s * np.arange(instants)[:, None] - step_s * np.arange(steps)  # an instant, counted from each step
        return cls(channel, day[since % DAY_S // apart])

    def under(self, candidates: Floats, out: Floats | None = None) -> Floats:
        """The channel under each candidate, (candidates, instants), of the mcg in each step, (candidates, steps).

        Raises InputError where the candidates have another number of steps.
        """
        if candidates.ndim != 2 or candidates.shape[1] != self.matrix.shape[1]:
            accepted = (f"(candidates, {self.matrix.shape[1]})",)
            raise InputError("candidates", str(candidates.shape), "are not a dose in each step", accepted=accepted)
        return np.matmul(candidates, self.matrix.T, out=out)


def _part_of_day(field: str, parts: int) -> int:
    if parts < 1 or DAY_S % parts:
        raise InputError(field, parts, "do not divide a day into whole seconds", accepted=("1, 6, 24, 96, ...",))
    return DAY_S // parts
