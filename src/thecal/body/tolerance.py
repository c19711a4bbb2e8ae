"""Tolerance: what occupied receptors become, on a fixed daily grid that begins at the implant.

``dT/dt = (Tmax occupancy - T) / tau`` with the mean occupancy of each day, by the trapezoidal rule over its hours, and T held for
the day. Against the continuous equation T is late by up to a day's change, at most ``Tmax / tau`` (0.5 % of EC50 with the typical
patient), and off by at most ``Tmax / 48`` where doses begin or end inside an hour day after day, since the rule sees such an hour
by half; what is printed does not change it.
"""

import numpy as np
from numpy.typing import NDArray

from thecal.body.effect import Curve, hill, occupancy
from thecal.body.patient import Patients
from thecal.timeline import DAY_S, HOUR_S

Floats = NDArray[np.float64]

_HOURS = DAY_S // HOUR_S


def tolerance_by_day(patients: Patients, legs_by_hour: Floats, first: Floats | None = None, curve: Curve = hill) -> Floats:
    """Tolerance at the start of each day, shape (patients, whole days + 1).

    ``legs_by_hour`` (patients, hours + 1) in ng/mL begins at the implant or at a later day of it, where ``first`` is the
    tolerance.
    """
    days = (legs_by_hour.shape[1] - 1) // _HOURS
    taken = occupancy(patients, legs_by_hour[:, : days * _HOURS + 1], curve)
    within = taken[:, :-1].reshape(patients.count, days, _HOURS).sum(axis=2)
    at_midnight = taken[:, ::_HOURS]
    mean = (within + (at_midnight[:, 1:] - at_midnight[:, :-1]) / 2) / _HOURS
    result = np.zeros((patients.count, days + 1))
    if first is not None:
        result[:, 0] = first
    stays = np.exp(-1 / patients["tolerance_days"])
    becomes = (patients["tolerance_max"] * (1 - stays))[:, None] * mean
    for day in range(days):
        result[:, day + 1] = result[:, day] * stays + becomes[:, day]
    return result
