"""Tolerance: what occupied receptors become, on a fixed daily grid that begins at the implant.

``dT/dt = (Tmax occupancy - T) / tau`` with the mean occupancy of each day, by the trapezoidal rule over its hours, and T held for
the day. Against the continuous equation T is late by up to a day's change, at most ``Tmax / tau`` (0.5 % of EC50 with the typical
patient); what is printed does not change it.
"""

import numpy as np
from numpy.typing import NDArray

from thecal.body.effect import occupancy
from thecal.body.patient import Patients
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

HOUR_S = 3600
_HOURS = DAY_S // HOUR_S


def tolerance_by_day(patients: Patients, legs_by_hour: Floats, first: Floats | None = None) -> Floats:
    """Tolerance at the start of each day, shape (patients, whole days + 1).

    ``legs_by_hour`` (patients, hours + 1) in ng/mL begins at the implant or at a later day of it, where ``first`` is the
    tolerance.
    """
    days = (legs_by_hour.shape[1] - 1) // _HOURS
    taken = occupancy(patients, legs_by_hour)
    result = np.zeros((patients.count, days + 1))
    if first is not None:
        result[:, 0] = first
    stays = np.exp(-1 / patients["tolerance_days"])
    for day in range(days):
        hours = taken[:, day * _HOURS : (day + 1) * _HOURS + 1]
        mean = (hours[:, 1:].sum(axis=1) + hours[:, :-1].sum(axis=1)) / (2 * _HOURS)
        result[:, day + 1] = result[:, day] * stays + patients["tolerance_max"] * mean * (1 - stays)
    return result
