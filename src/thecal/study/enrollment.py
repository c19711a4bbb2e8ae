"""Who is enrolled, as a protocol says it: its population, read."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from thecal.body.patient import PARAMETERS, Parameter, check_correlations, patient_sheet
from thecal.catheter.geometry import TIP_LEVELS, catheter_sheet
from thecal.errors import InputError, nearest_name
from thecal.pump.sheet import pump_sheet
from thecal.study.people import BOUNDED, ORIGINS, STRATIFIED, Only, Population, Shares, shares
from thecal.study.protocol_document import PopulationTable
from thecal.study.setting import study_settings
from thecal.twin.reading import Found


def read_population(table: PopulationTable, found: Found) -> Population | None:
    """A population from its table; every mistake goes to ``found``, and then there is none."""
    parts = {}
    for field, known in _NAMES.items():
        with found.at("population", field):
            asked = getattr(table, field)
            for name in asked:
                known(name)
            parts[field] = shares(asked)
    if len(parts) < len(_NAMES):
        return None
    settings = study_settings("people")
    with found.at("population", "settings"):
        settings = settings.with_own(table.settings)
    for name, value in table.given.items():
        with found.at("population", "given", name):
            _parameter("given", name).check(np.array([value]))
    only = tuple(_only(table, found))
    stratum, strata = _strata(table, found)
    added = tuple((one.between[0], one.between[1], one.value) for one in table.correlation)
    people: Population | None = None
    with found.at("population"):
        people = Population(
            **parts,
            given=tuple(table.given.items()),
            correlations=added,
            only=only,
            stratum=stratum,
            strata=strata,
            settings=settings,
        )
    with found.at("population", "correlation"):
        for name in table.sheets:  # what cannot hold together is said here, and not by a worker
            kind = patient_sheet(name)
            check_correlations(kind.settings, {**kind.correlations, **{(a, b): value for a, b, value in added}})
    return people


def _only(table: PopulationTable, found: Found) -> Iterator[Only]:
    for n, one in enumerate(table.only):
        with found.at("population", "only", n):
            if one.name not in BOUNDED and one.name not in PARAMETERS:
                known = (*BOUNDED, *PARAMETERS)
                problem = "is neither a covariate nor a parameter of the body"
                raise InputError("name", one.name, problem, accepted=known, nearest=nearest_name(one.name, known))
            low = -float("inf") if one.at_least is None else one.at_least
            high = float("inf") if one.at_most is None else one.at_most
            if not low <= high:
                raise InputError("at_least", f"{low:g}", f"is not at most {high:g}: nobody fits")
            yield Only(one.name, low, high)


def _strata(table: PopulationTable, found: Found) -> tuple[str, Shares]:
    stratum: str = ""
    parts: Shares = ()
    if table.strata is not None:
        with found.at("population", "strata"):
            if table.strata.by not in STRATIFIED:
                raise InputError("by", table.strata.by, "is not a covariate with names", accepted=STRATIFIED)
            stratum, parts = table.strata.by, shares(table.strata.shares)
            known = _names_of(table, table.strata.by)
            odd = next((name for name in table.strata.shares if name not in known), None)
            if odd is not None:
                problem = f"is no {table.strata.by} of this population"
                raise InputError("shares", odd, problem, accepted=known, nearest=nearest_name(odd, known))
    return stratum, parts


def _names_of(table: PopulationTable, covariate: str) -> tuple[str, ...]:
    """What a covariate may be in a population."""
    if covariate == "origin":
        return tuple(dict.fromkeys(ORIGINS.get(name, name) for name in table.sheets))
    return tuple(getattr(table, f"{covariate}s"))


def _parameter(field: str, name: str) -> Parameter:
    if name not in PARAMETERS:
        problem = "is not a parameter of the body"
        raise InputError(field, name, problem, accepted=PARAMETERS, nearest=nearest_name(name, PARAMETERS))
    return PARAMETERS[name]


def _tip_level(name: str) -> None:
    if name not in TIP_LEVELS:
        raise InputError("tip_levels", name, "is not a vertebral level", accepted=("C1 to C7", "T1 to T12", "L1 to L5"))


def _pump(name: str) -> None:
    sheet = pump_sheet(name, "pumps")
    refusal = sheet.check_programmable("a study's program")
    if refusal:
        raise InputError("pumps", name, "cannot be programmed", accepted=("a programmable pump",))


_NAMES: Mapping[str, Callable[[str], object]] = {
    "sheets": partial(patient_sheet, field="sheets"),
    "tip_levels": _tip_level,
    "pumps": _pump,
    "catheters": partial(catheter_sheet, field="catheters"),
}
"""What is named in a population, and who knows the names."""
