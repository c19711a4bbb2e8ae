"""What a sensitivity study varies: parameters of the body and settings of the world, each between two ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from thecal.body.patient import PARAMETERS, Setting, patient_sheet
from thecal.errors import InputError, nearest_name
from thecal.study.people import Population
from thecal.study.policy import Route
from thecal.study.setting import study_data
from thecal.study.treatment import Treatment

FIELD = "--vary"
QUANTILES = (0.05, 0.95)
_WITH_PUMP = (
    "ec50_tone_ng_per_ml",
    "ke0_tone_per_h",
    "dispersion_cm2_per_h",
    "tolerance_max",
    "catheter_per_year",
    "fault_found_days",
)
USUAL: Mapping[Route, Sequence[str]] = {
    "pump": _WITH_PUMP,
    "tablets then pump": _WITH_PUMP,
    "tablets": ("ec50_tone_ng_per_ml", "ke0_tone_per_h", "tolerance_max", "oral_clearance_l_per_h", "absorption_per_h"),
    "untreated": ("ec50_tone_ng_per_ml", "ke0_tone_per_h", "dispersion_cm2_per_h", "uptake_per_h"),
}
"""What is varied where nothing is named, by how an arm treats."""
_NO_PARTS = ("programming_error_factor",)  # numbers without a unit that are no part of a whole


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that is varied from ``low`` to ``high``, in ``unit``; ``typical`` is what it is while others are varied alone.

    ``chosen`` says in words where the ends come from, ``source`` where the typical value does.
    """

    name: str
    place: Literal["body", "world"]
    unit: str
    low: float
    high: float
    typical: float
    chosen: str = ""
    meaning: str = ""
    source: str = ""


def factors_for(population: Population, arm: Treatment, asked: Sequence[str]) -> tuple[Factor, ...]:
    """The factors that are asked for, as ``NAME=LOW:HIGH`` or ``NAME``; where none is, the usual ones of such an arm that have a
    usual range in it.

    A parameter of the body goes from 5 to 95 % of its spread by itself, a setting of the world from half to twice what it is.

    Raises InputError for a name that is none, with the nearest, one that is asked for twice, ends that are no numbers, not in
    order or outside what is accepted, and where no range is usual.
    """
    if not asked:
        usual = (_named(name, population, arm) for name in USUAL[arm.route])
        return tuple(factor for factor in usual if factor.low < factor.high)
    found = tuple(_asked(population, arm, asked))
    names = [factor.name for factor in found]
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if twice is not None:
        raise InputError(FIELD, twice, "is varied twice", accepted=("each name once",))
    return found


def _asked(population: Population, arm: Treatment, asked: Sequence[str]) -> Iterator[Factor]:
    for text in asked:
        name, equals, ends = text.partition("=")
        factor = _named(name.strip(), population, arm)
        yield _between(factor, ends, text) if equals else _usual(factor)


def _named(name: str, population: Population, arm: Treatment) -> Factor:
    """The factor of a name with its usual range."""
    if name in PARAMETERS:
        return _of_body(name, population)
    if name in study_data("world"):
        return _of_world(name, arm)
    known = (*PARAMETERS, *study_data("world"))
    accepted = (f"of the body {', '.join(PARAMETERS)}", f"of the world {', '.join(study_data('world'))}")
    problem = "is neither a parameter of the body nor a setting of the world"
    raise InputError(FIELD, name, problem, accepted=accepted, nearest=nearest_name(name, known))


def _of_body(name: str, population: Population) -> Factor:
    """A parameter with its usual range, of the kind of patient that is most frequent; nan where it does not vary."""
    sheet = patient_sheet(max(population.sheets, key=lambda part: part[1])[0])
    setting, parameter, given = sheet.settings[name], PARAMETERS[name], dict(population.given)
    low, high = _spread_ends(setting)
    typical = given.get(name, setting.typical)
    source = f"the protocol gives {typical:g} to everybody" if name in given else sheet.source(name)
    chosen = f"5 to 95 % of the spread between patients of {sheet.name}"
    return Factor(name, "body", parameter.unit, low, high, typical, chosen, parameter.meaning, source)


def _spread_ends(setting: Setting) -> tuple[float, float]:
    """The 5 % and the 95 % quantile of a parameter between patients, nan where it does not vary."""
    spread, parameter, typical = setting.spread, setting.parameter, setting.typical
    if spread is None:
        return np.nan, np.nan
    if spread.kind == "mixture":
        low, high = (typical * spread.factor if quantile > 1 - spread.size else typical for quantile in QUANTILES)
        return min(low, high), max(low, high)
    ends = np.array([parameter.low, parameter.high])
    if spread.kind == "log-normal":
        with np.errstate(divide="ignore"):  # a range may begin at 0
            below, above = ndtr(np.log(ends / typical) / spread.size)
    else:
        below, above = ndtr((ends - typical) / spread.size)
    normal = spread.size * ndtri(below + np.array(QUANTILES) * (above - below))
    low, high = (typical * np.exp(normal) if spread.kind == "log-normal" else typical + normal).tolist()
    return low, high


def _of_world(name: str, arm: Treatment) -> Factor:
    """A setting with its usual range."""
    datum, typical = study_data("world")[name], arm.world[name]
    unit = datum.value.partition(" ")[2]
    own = arm.world.own.get(name)
    source = f"{own!r} by the protocol" if own is not None else f"confidence {datum.confidence}: {datum.source}"
    high = min(2 * typical, _most(name, unit))
    chosen = "half of it to twice" if high == 2 * typical else f"half of it to the most that it can be, {high:g}"
    return Factor(name, "world", unit, typical / 2, high, typical, chosen, "setting of the world", source)


def _most(name: str, unit: str) -> float:
    """The greatest value of a setting: a part of a whole has one."""
    return np.inf if unit or name in _NO_PARTS else 1.0


def _usual(factor: Factor) -> Factor:
    if not factor.low < factor.high:
        why = "does not vary between patients" if factor.place == "body" else f"is {factor.typical:g} here"
        accepted = (f"{factor.name}=LOW:HIGH{f' in {factor.unit}' if factor.unit else ''}",)
        raise InputError(FIELD, factor.name, f"has no usual range, since it {why}", accepted=accepted)
    return factor


def _between(factor: Factor, ends: str, text: str) -> Factor:
    """With its own ends."""
    accepted = (f"{factor.name}=LOW:HIGH{f' in {factor.unit}' if factor.unit else ''}, such as {_example(factor)}",)
    try:
        low, high = (float(end) for end in ends.split(":"))
    except ValueError:
        raise InputError(FIELD, text, "has not two numbers for its ends", accepted=accepted) from None
    if not (isfinite(low) and isfinite(high) and low < high):
        raise InputError(FIELD, text, "has ends that are not in order: low is below high", accepted=accepted)
    if factor.place == "body":
        parameter = PARAMETERS[factor.name]
        if low < parameter.low or high > parameter.high:
            problem = f"goes beyond what the body model is defined for: {parameter.meaning}"
            raise InputError(FIELD, text, problem, accepted=(parameter.accepted,))
    elif low < 0 or high > _most(factor.name, factor.unit):
        most = _most(factor.name, factor.unit)
        allowed = f"from 0 to {most:g}: it is a part of a whole" if isfinite(most) else f"from 0 {factor.unit} on"
        raise InputError(FIELD, text, "goes beyond what the setting can be", accepted=(allowed,))
    return Factor(factor.name, factor.place, factor.unit, low, high, factor.typical, "as asked", factor.meaning, factor.source)


def _example(factor: Factor) -> str:
    """A range that is accepted."""
    if factor.low < factor.high:
        return f"{factor.name}={factor.low:.3g}:{factor.high:.3g}"
    least, most = 0.0, _most(factor.name, factor.unit)
    if factor.place == "body":
        least, most = PARAMETERS[factor.name].low, PARAMETERS[factor.name].high
    low, high = max(least, 0.8 * factor.typical), min(most, 1.2 * factor.typical or 1.0)
    return f"{factor.name}={low:.3g}:{high:.3g}"
