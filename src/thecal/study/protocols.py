"""How each published number is asked of the model: a function for each row that bodies alone can answer.

They take a batch and answer for each of its patients, and change nothing of them but what the published patients had. The same in
words stands beside the numbers in ``data/validation/rows.toml``.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.patient import Patients
from thecal.body.plasma import NORMAL_RENAL_ML_PER_MIN
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]
Protocol = Callable[[Patients], Floats]

LUMBAR_TIP, TIP = "L3", "T10"
"""A lumbar infusion as the CSF studies had it, and the tip of a patient treated for spastic legs."""
_HOUR_S, _MINUTE_S = 3600, 60
_PUNCTURE = "csf_lumbar_puncture_ng_per_ml"
_HALF_DAY = Grid.over(0, 12 * _HOUR_S, _MINUTE_S)
_STOP = Grid.over(365 * DAY_S, 375 * DAY_S, 15 * _MINUTE_S)


def half_life(patients: Patients) -> Floats:
    """C1, h: log-linear regression over the first 4 h after a lumbar bolus, every 15 min but not at the bolus itself."""
    grid = Grid.over(15 * _MINUTE_S, 4 * _HOUR_S, 15 * _MINUTE_S)
    slope = np.polyfit(grid.hours, np.log(_after_bolus(patients, _PUNCTURE, grid)).T, 1)[0]
    half: Floats = np.log(2) / -slope
    return half


def clearance(patients: Patients) -> Floats:
    """C2, mL/h: the rate of a lumbar infusion over the steady concentration at the level of the puncture."""
    return 100 / 24 * 1000 / _steady(patients, LUMBAR_TIP, 100, _PUNCTURE)


def gradient(patients: Patients) -> Floats:
    """C3: T2 over T12 at the end of 72 h of lumbar infusion."""
    high, low = "csf_t2_ng_per_ml", "csf_t12_ng_per_ml"
    doses = _infusion(LUMBAR_TIP, 100, 72 * _HOUR_S)
    response = propagate(patients, doses, Record(Grid(72 * _HOUR_S, 1, 1), (high, low)))
    return response[high][:, 0] / response[low][:, 0]


def time_of_effect(patients: Patients) -> Floats:
    """C5, h: when the score of the legs is lowest after a lumbar bolus."""
    grid = Grid.over(0, DAY_S, 5 * _MINUTE_S)
    return _peak(grid, -_after_bolus(patients, "ashworth_legs", grid))


def legs_after_bolus(patients: Patients) -> Floats:
    """C6, points: the score of the legs 4 h after a lumbar bolus, from 4.2."""
    return _after_bolus(patients.with_values(legs_ashworth=4.2), "ashworth_legs", Grid(4 * _HOUR_S, 1, 1))[:, 0]


def spasm_after_bolus(patients: Patients) -> Floats:
    """C18, points: the spasm score 4 h after a lumbar bolus, from 3.1."""
    return _after_bolus(patients.with_values(spasm_penn=3.1), "spasm_penn", Grid(4 * _HOUR_S, 1, 1))[:, 0]


def reflex_fall(patients: Patients) -> Floats:
    """C15, %: the fall of the H/M reflex 1 h after a lumbar bolus."""
    left = _after_bolus(patients, "reflex_percent", Grid(_HOUR_S, 1, 1))[:, 0]
    return 100 * (1 - left / patients["reflex_percent"])


def plasma_peak(mg: float, patients: Patients) -> Floats:
    """C10a, K7, ng/mL: the largest plasma concentration after one dose by mouth."""
    highest: Floats = _after_tablet(patients, mg, _HALF_DAY).max(axis=1)
    return highest


def time_of_plasma_peak(patients: Patients) -> Floats:
    """C10b, h: when plasma is highest after a 10 mg tablet."""
    return _peak(_HALF_DAY, _after_tablet(patients, 10, _HALF_DAY))


def plasma_area(mg: float, patients: Patients) -> Floats:
    """K8, ng h/mL: the area under the plasma curve after one dose by mouth."""
    grid = Grid.over(0, 20 * DAY_S, 5 * _MINUTE_S)
    plasma = _after_tablet(patients, mg, grid)
    area: Floats = (plasma.sum(axis=1) - (plasma[:, 0] + plasma[:, -1]) / 2) * (grid.step_s / _HOUR_S)  # trapezoidal rule
    return area


def renal_factor(ml_per_min: float, patients: Patients) -> Floats:
    """C12: the area under the curve of 5 mg at normal renal function over that at a creatinine clearance."""
    normal = plasma_area(5, patients.with_values(creatinine_clearance_ml_per_min=NORMAL_RENAL_ML_PER_MIN))
    return normal / plasma_area(5, patients.with_values(creatinine_clearance_ml_per_min=ml_per_min))


def cisternal_ratio(patients: Patients) -> Floats:
    """K1: the level of the puncture over the cranial fluid, in a steady lumbar infusion."""
    return _steady(patients, LUMBAR_TIP, 100, _PUNCTURE) / _steady(patients, LUMBAR_TIP, 100, "csf_cranial_ng_per_ml")


def infusion_reaches(part: float, patients: Patients) -> Floats:
    """K2, K3, h: when the effect site of the legs has reached a part of its plateau."""
    grid = Grid.over(0, 10 * DAY_S, 5 * _MINUTE_S)
    legs = _response(patients, _infusion(TIP, 100, 31 * DAY_S), "legs_ng_per_ml", grid)
    plateau = _steady(patients, TIP, 100, "legs_ng_per_ml")
    return _first(grid, legs >= part * plateau[:, None])


def plasma_of_infusion(patients: Patients) -> Floats:
    """K4, ng/mL: steady plasma at 800 mcg/day."""
    return _steady(patients, TIP, 800, "plasma_ng_per_ml")


def effect_lasts(patients: Patients) -> Floats:
    """K5, h: how long the score of the legs is down by half of its largest fall or more."""
    grid = Grid.over(0, 3 * DAY_S, 5 * _MINUTE_S)
    fall = patients["legs_ashworth"][:, None] - _after_bolus(patients, "ashworth_legs", grid)
    hours: Floats = (fall >= fall.max(axis=1, keepdims=True) / 2).sum(axis=1) * (grid.step_s / _HOUR_S)
    return hours


def arms_respond_less(patients: Patients) -> Floats:
    """K6, 1 for true: whether the score of the arms falls less than that of the legs, both from the legs' score."""
    same, grid = patients.with_values(arms_ashworth=patients["legs_ashworth"]), Grid.over(0, DAY_S, 15 * _MINUTE_S)
    arms, legs = (_after_bolus(same, f"ashworth_{limbs}", grid).min(axis=1) for limbs in ("arms", "legs"))
    less: Floats = np.where(arms > legs, 1.0, 0.0)
    return less


def effect_is_lost(patients: Patients) -> Floats:
    """K9, h: when a tenth of the fall of the score is lost after a year of infusion is stopped."""
    fall = patients["legs_ashworth"][:, None] - _after_stop(patients, "ashworth_legs")
    return _first(_STOP, fall < 0.9 * fall[:, :1])


def withdrawal_peaks(patients: Patients) -> Floats:
    """K10, h: when the withdrawal index is largest after a year of infusion is stopped."""
    return _peak(_STOP, _after_stop(patients, "withdrawal_index"))


def _response(patients: Patients, doses: Doses, channel: str, grid: Grid) -> Floats:
    return propagate(patients, doses, Record(grid, (channel,)))[channel]


def _after_bolus(patients: Patients, channel: str, grid: Grid) -> Floats:
    return _response(patients, Doses(boluses=(Bolus(0, np.array([50.0])),)), channel, grid)


def _after_tablet(patients: Patients, mg: float, grid: Grid) -> Floats:
    return _response(patients, Doses(tablets=(Tablets(0, 30 * DAY_S, (mg,), period_s=30 * DAY_S),)), "plasma_ng_per_ml", grid)


def _after_stop(patients: Patients, channel: str) -> Floats:
    return _response(patients, _infusion(TIP, 168, _STOP.start_s), channel, _STOP)


def _infusion(level: str, mcg_per_day: float, seconds: int) -> Doses:
    return Doses(infusions=(Infusion.constant(mcg_per_day, level, 0, seconds),))


def _steady(patients: Patients, level: str, mcg_per_day: float, channel: str) -> Floats:
    """A concentration after 30 days of constant infusion: nothing changes any more."""
    return _response(patients, _infusion(level, mcg_per_day, 31 * DAY_S), channel, Grid(30 * DAY_S, 1, 1))[:, 0]


def _peak(grid: Grid, values: Floats) -> Floats:
    """Hours into the grid at which a channel is highest: the top of the parabola through the highest value and its neighbors."""
    top = np.clip(values.argmax(axis=1), 1, grid.count - 2)
    before, at, after = (np.take_along_axis(values, (top + n)[:, None], axis=1)[:, 0] for n in (-1, 0, 1))
    off = (before - after) / (2 * (before - 2 * at + after))
    hours: Floats = (top + off) * (grid.step_s / _HOUR_S)
    return hours


def _first(grid: Grid, true: NDArray[np.bool_]) -> Floats:
    """Hours into the grid at which something is first true; NaN where it never is."""
    hours = true.argmax(axis=1) * (grid.step_s / _HOUR_S)
    return np.where(true.any(axis=1), hours, np.nan)


TYPICAL: Mapping[str, Protocol] = {
    "C1": half_life,
    "C2": clearance,
    "C3": gradient,
    "C5": time_of_effect,
    "C6": legs_after_bolus,
    "C10a": partial(plasma_peak, 10),
    "C10b": time_of_plasma_peak,
    "C12a": partial(renal_factor, 65),
    "C12b": partial(renal_factor, 40),
    "C12c": partial(renal_factor, 15),
    "C15": reflex_fall,
    "C18": spasm_after_bolus,
    "K1": cisternal_ratio,
    "K2": partial(infusion_reaches, 0.3),
    "K3": partial(infusion_reaches, 0.9),
    "K4": plasma_of_infusion,
    "K5": effect_lasts,
    "K6": arms_respond_less,
    "K7": partial(plasma_peak, 50),
    "K8": partial(plasma_area, 50),
    "K9": effect_is_lost,
    "K10": withdrawal_peaks,
}
"""The rows that a typical patient answers."""
