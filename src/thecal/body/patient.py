"""Patients: the parameters of one body or of a hundred thousand, each with unit, accepted range, source and confidence."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.datum import DataError, Datum, data_names, pick, read_data, read_datum
from thecal.errors import InputError, nearest_name

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
DEFAULT_PATIENT = "adult-ms"
T = TypeVar("T")
_REMEMBERED_MAX = 4  # whoever asks again asks for one of the latest
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the body: what it is, its unit, and the values that the model is defined for.

    The range is a bound on the program (beyond it an equation has no meaning or nobody has such a body), not a clinical limit.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str

    @property
    def accepted(self) -> str:
        """The range in words."""
        return f"{self.low:g} to {self.high:g} {self.unit}".rstrip()

    def check(self, values: Floats, source: str = "") -> None:
        """Raises InputError for a value outside the range, naming it and where the range comes from."""
        wrong = ~((values >= self.low) & (values <= self.high))  # NaN is outside too
        if np.any(wrong):
            value = float(np.ravel(values)[np.flatnonzero(np.ravel(wrong))[0]])
            said = f" (given by {source})" if source else ""
            problem = f"is outside what the body model is defined for: {self.meaning}{said}"
            raise InputError(self.name, f"{value:g} {self.unit}".strip(), problem, accepted=(self.accepted,))


def _parameters() -> Iterator[Parameter]:
    """Every parameter, in the order in which a population draws them: a new one goes to the end, so that nobody else changes."""
    for row in (
        ("canal_length_cm", "cm", 20, 90, "sac end to foramen magnum"),
        ("area_lumbosacral_cm2", "cm2", 0.2, 8, "spinal fluid in a cross-section below T12"),
        ("area_thoracic_cm2", "cm2", 0.2, 8, "spinal fluid in a cross-section of the thoracic canal"),
        ("area_cervical_cm2", "cm2", 0.2, 8, "spinal fluid in a cross-section of the cervical canal"),
        ("area_scale", "", 0.1, 8, "factor on all three areas"),
        ("dispersion_cm2_per_h", "cm2/h", 0.1, 20_000, "how fast drug spreads along the canal, in the lumbosacral part"),
        ("dispersion_thoracic_ratio", "", 0.05, 50, "thoracic dispersion over lumbosacral dispersion"),
        ("dispersion_cervical_ratio", "", 0.05, 50, "cervical dispersion over lumbosacral dispersion"),
        ("uptake_per_h", "/h", 0.001, 50, "loss from spinal fluid into cord and blood"),
        ("tissue_ratio", "", 0, 50, "what tissue holds at equilibrium, over what the fluid beside it holds; 0 is no exchange"),
        ("tissue_exchange_per_h", "/h", 0.001, 100, "exchange of the fluid with tissue that gives it back"),
        ("cranial_volume_ml", "mL", 5, 500, "spinal fluid above the foramen magnum"),
        ("cranial_loss_ml_per_h", "mL/h", 0, 500, "clearance from the cranial fluid"),
        ("ke0_tone_per_h", "/h", 0.005, 20, "how fast cord and brain follow the fluid"),
        ("ec50_tone_ng_per_ml", "ng/mL", 0.5, 10_000, "effect-site concentration of half the effect on tone, without tolerance"),
        ("hill_tone", "", 0.3, 12, "steepness of the effect on tone"),
        ("emax_tone", "", 0.01, 1, "the largest effect on tone"),
        (
            "ec50_spasm_ng_per_ml",
            "ng/mL",
            0.5,
            10_000,
            "effect-site concentration of half the effect on spasms, without tolerance",
        ),
        ("hill_spasm", "", 0.3, 12, "steepness of the effect on spasms"),
        ("emax_spasm", "", 0.01, 1, "the largest effect on spasms"),
        ("ke0_reflex_per_h", "/h", 0.005, 20, "how fast the H reflex follows the fluid"),
        ("ec50_reflex_ng_per_ml", "ng/mL", 0.5, 10_000, "effect-site concentration of half the effect on the H reflex"),
        ("hill_reflex", "", 0.3, 12, "steepness of the effect on the H reflex"),
        ("legs_ashworth", "", 1, 5, "Ashworth score of the legs without drug, 1 to 5"),
        ("arms_ashworth", "", 1, 5, "Ashworth score of the arms without drug, 1 to 5"),
        ("spasm_penn", "", 0, 4, "spasm frequency without drug, Penn 0 to 4"),
        ("reflex_percent", "%", 0, 200, "H/M ratio without drug"),
        ("tolerance_max", "", 0, 20, "how much EC50 rises under full occupancy, as a part of itself"),
        ("tolerance_days", "days", 1, 5000, "time constant of tolerance"),
        ("progression_per_year", "/y", -0.5, 2, "rise of EC50 by the disease after the first year"),
        ("ec50_weakness_ng_per_ml", "ng/mL", 0.5, 100_000, "concentration at the leg cord of half the weakness index"),
        ("hill_weakness", "", 0.3, 12, "steepness of the weakness index"),
        ("ec50_sedation_ng_per_ml", "ng/mL", 0.5, 100_000, "concentration at the brain of half the sedation index"),
        ("hill_sedation", "", 0.3, 12, "steepness of the sedation index"),
        ("ec50_overdose_ng_per_ml", "ng/mL", 0.5, 100_000, "concentration at the brain of half the overdose index"),
        ("hill_overdose", "", 0.3, 12, "steepness of the overdose index"),
        ("oral_clearance_l_per_h", "L/h", 0.1, 200, "CL/F at normal renal function"),
        ("oral_volume_l", "L", 0.5, 1000, "central volume Vc/F"),
        ("k12_per_h", "/h", 0.001, 50, "from the central to the peripheral compartment"),
        ("k21_per_h", "/h", 0.001, 50, "back from the peripheral compartment"),
        ("absorption_per_h", "/h", 0.02, 50, "absorption from the gut"),
        ("bioavailability", "", 0.05, 1, "part of an oral dose that reaches blood"),
        ("renal_fraction", "", 0, 1, "part of the clearance that is renal"),
        ("creatinine_clearance_ml_per_min", "mL/min", 5, 250, "renal function"),
        ("csf_per_plasma", "", 0, 2, "spinal fluid over plasma concentration after oral doses"),
        ("brain_per_cranial", "", 0, 1, "how much of the concentration in the cranial fluid reaches the brain beside it"),
    ):
        yield Parameter(*row)


PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _parameters()}


@dataclass(frozen=True, slots=True)
class Spread:
    """How a parameter varies between patients.

    ``log-normal``: ``size`` is the SD of the logarithm; ``normal``: the SD, drawn within the accepted range; ``mixture``: a part
    ``size`` of the patients has ``factor`` times the value.
    """

    kind: str
    size: float
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter of a kind of patient: its typical value, how it varies, and the datum it comes from."""

    parameter: Parameter
    typical: float
    spread: Spread | None
    datum: Datum


@dataclass(frozen=True, slots=True)
class PatientSheet:
    """A kind of patient: every parameter with source and confidence, and the correlations between those that vary."""

    name: str
    title: str
    settings: Mapping[str, Setting]
    correlations: Mapping[tuple[str, str], float]

    @property
    def data(self) -> tuple[Datum, ...]:
        """Every value as written, with its source and confidence."""
        return tuple(setting.datum for setting in self.settings.values())

    def source(self, name: str) -> str:
        """Where a value comes from, in words."""
        datum = self.settings[name].datum
        return f"{self.name} patient sheet, {name}, confidence {datum.confidence}: {datum.source}"


class Patients:
    """A batch of bodies: every parameter as an array of one float per patient, by its name.

    Raises InputError for an unknown or missing parameter, an empty batch, arrays of different lengths, and a value that is
    outside the parameter's range or no number, naming field, value and accepted range.
    """

    __slots__ = ("_remembered", "_values", "_whole", "count")

    def __init__(self, values: Mapping[str, ArrayLike], source: str = "") -> None:
        unknown = [name for name in values if name not in PARAMETERS]
        if unknown:
            nearest = nearest_name(unknown[0], PARAMETERS)
            raise InputError(unknown[0], "", "is not a parameter of the body", accepted=PARAMETERS, nearest=nearest)
        missing = [name for name in PARAMETERS if name not in values]
        if missing:
            raise InputError(missing[0], "", "is missing; a body needs every parameter (start from a patient sheet)")
        arrays = {name: _floats(name, values[name]) for name in PARAMETERS}
        shapes = {name: array.shape for name, array in arrays.items() if array.shape != (1,)}
        self.count = next(iter(shapes.values()))[0] if shapes else 1
        odd = next((name for name, shape in shapes.items() if shape != (self.count,)), None)
        if odd is not None:
            accepted = (f"one for all, or one for each of {self.count}",)
            raise InputError(odd, f"shape {shapes[odd]}", "is not one number for each patient", accepted=accepted)
        if not self.count:
            raise InputError("patients", "0", "is an empty population", accepted=("one patient or more",))
        for name, array in arrays.items():
            PARAMETERS[name].check(array, source)
        self._values = {name: np.ascontiguousarray(np.broadcast_to(array, (self.count,))) for name, array in arrays.items()}
        self._remembered: dict[object, Any] = {}
        self._whole: tuple[Patients, Places] | None = None
        for array in self._values.values():
            array.flags.writeable = False

    def __getitem__(self, name: str) -> Floats:
        return self._values[name]

    def __len__(self) -> int:
        return self.count

    def with_values(self, source: str = "", **values: ArrayLike) -> "Patients":
        """The same patients with other values of some parameters. Raises InputError as the class does."""
        return Patients({**self._values, **values}, source)

    def remembered(self, kind: object, work_out: Callable[["Patients"], T], of_some: Callable[[T, "Patients", Places], T]) -> T:
        """What is worked out of these parameters alone, by its kind: once, and then as it was.

        Of patients who are ``part`` of others it is worked out for all of those, once, and ``of_some`` takes theirs.
        """
        if kind not in self._remembered:
            if self._whole is None:
                found = work_out(self)
            else:
                everybody, places = self._whole
                found = of_some(everybody.remembered(kind, work_out, of_some), self, places)
            kept = list(self._remembered.items())[1 - _REMEMBERED_MAX :]
            self._remembered = {**dict(kept), kind: found}
        remembered: T = self._remembered[kind]
        return remembered

    def part(self, which: Sequence[int]) -> "Patients":
        """Some of the patients, who share what is remembered of all."""
        some = self.take(which)
        some._whole = (self, np.array(which))
        return some

    def take(self, which: Sequence[int] | slice | NDArray[np.intp] | NDArray[np.bool_]) -> "Patients":
        """Some of the patients, in that order."""
        indices = np.arange(self.count)[which]
        if not len(indices):
            raise InputError("patients", "0", "is an empty population", accepted=("one patient or more",))
        some = object.__new__(Patients)  # what was checked once is not checked again
        some.count, some._values = len(indices), {name: array[indices] for name, array in self._values.items()}
        some._remembered, some._whole = {}, None
        for array in some._values.values():
            array.flags.writeable = False
        return some


def _floats(name: str, values: ArrayLike) -> Floats:
    """A copy, at least one-dimensional. Raises InputError for what are no numbers."""
    try:
        return np.atleast_1d(np.array(values, dtype=np.float64))
    except (TypeError, ValueError):
        accepted = (PARAMETERS[name].accepted,)
        raise InputError(name, str(values), "is no number, nor one for each patient", accepted=accepted) from None


@cache
def patient_sheet(name: str, field: str = "patient") -> PatientSheet:
    """A kind of patient by name. Raises InputError with the nearest known name."""
    pick(name, dict.fromkeys(data_names("patients")), field)
    return read_sheet(name, _tables(name))


def patient_sheets() -> Mapping[str, PatientSheet]:
    """Every kind of patient of the package, by name."""
    return {name: patient_sheet(name) for name in data_names("patients")}


def typical(name: str = DEFAULT_PATIENT) -> Patients:
    """The typical patient of a kind, as a batch of one. Raises InputError with the nearest known name."""
    sheet = patient_sheet(name)
    return Patients({key: setting.typical for key, setting in sheet.settings.items()}, f"patient sheet {name}")


def _tables(name: str) -> dict[str, Any]:
    """The tables of a sheet with those of the sheet that it is based on beneath."""
    own = dict(read_data("patients", name))
    if "based_on" not in own:
        return own
    base = _tables(own["based_on"])
    parameters = {**base.get("parameters", {}), **own.get("parameters", {})}
    return {**base, **own, "parameters": parameters}


def read_sheet(name: str, tables: Mapping[str, Any]) -> PatientSheet:
    """A sheet from its tables. Raises DataError for tables that cannot be right, InputError for values and correlations."""
    where = f"patient {name}"
    if "title" not in tables:
        raise DataError(f"{where} has no title")
    given = tables.get("parameters", {})
    if set(given) != set(PARAMETERS):
        odd = sorted(set(given) ^ set(PARAMETERS))
        raise DataError(f"{where}: {odd[0]} is missing, or is no parameter of the body")
    settings = {key: _setting(PARAMETERS[key], given[key], where) for key in PARAMETERS}
    correlations = _correlations(tables.get("correlation", ()), where)
    check_correlations(settings, correlations)
    return PatientSheet(name, tables["title"], settings, correlations)


def _correlations(rows: Iterable[Mapping[str, Any]], where: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        if set(row) != {"between", "value", "source", "confidence"} or len(row["between"]) != 2:
            raise DataError(f"{where}: a correlation needs exactly between (two parameters), value, source and confidence")
        one, other = row["between"]
        if (one, other) in found or (other, one) in found:
            raise InputError(f"{where} correlation", f"{one} and {other}", "are correlated twice")
        found[one, other] = float(row["value"])
    return found


def _setting(parameter: Parameter, table: Mapping[str, Any], where: str) -> Setting:
    spread = _spread(table["varies"], f"{where} {parameter.name}") if "varies" in table else None
    datum = read_datum(parameter.name, {key: text for key, text in table.items() if key != "varies"}, where)
    if not isinstance(datum.value, str):
        raise DataError(f"{where}: {parameter.name} is not text with its unit")
    number, _, unit = datum.value.partition(" ")
    if unit != parameter.unit:
        raise InputError(f"{where} {parameter.name}", datum.value, "has the wrong unit", accepted=(parameter.accepted,))
    if not _NUMBER.fullmatch(number):
        raise InputError(f"{where} {parameter.name}", datum.value, "is no plain number", accepted=(parameter.accepted,))
    value = float(number)
    parameter.check(np.array([value]), where)
    return Setting(parameter, value, spread, datum)


def _spread(text: str, where: str) -> Spread:
    match text.split():
        case ["log-normal" | "normal" as kind, size] if _positive(size):
            return Spread(kind, float(size))
        case ["mixture", part, "times", factor] if _positive(part) and _positive(factor) and float(part) < 1:
            return Spread("mixture", float(part), float(factor))
        case _:
            accepted = ("log-normal SD", "normal SD", "mixture PART times FACTOR, all above 0 and the part below 1")
            raise InputError(where, text, "is not a distribution", accepted=accepted)


def _positive(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and float(text) > 0


def correlation_matrix(names: Sequence[str], correlations: Mapping[tuple[str, str], float]) -> Floats:
    """The correlations of the underlying normal variables, in the order of ``names``."""
    matrix = np.eye(len(names))
    place = {name: n for n, name in enumerate(names)}
    for (one, other), value in correlations.items():
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = value
    return matrix


def check_correlations(settings: Mapping[str, Setting], correlations: Mapping[tuple[str, str], float]) -> None:
    """Raises InputError for correlations of what does not vary, outside -1 to 1, or that no variables can have together."""
    varying = [name for name, setting in settings.items() if setting.spread is not None]
    for pair, value in correlations.items():
        field = f"correlation of {pair[0]} and {pair[1]}"
        odd = next((name for name in pair if name not in varying), None)
        if odd is not None or pair[0] == pair[1]:
            raise InputError(field, value, "is not between two parameters that vary", accepted=varying)
        if not -1 <= value <= 1:
            raise InputError(field, value, "is not a correlation", accepted=("-1 to 1",))
    least = float(np.linalg.eigvalsh(correlation_matrix(varying, correlations))[0]) if varying else 1.0
    if least <= 0:
        problem = f"cannot all hold together: the correlation matrix is not positive definite (least eigenvalue {least:.3g})"
        pairs = ", ".join(f"{one}/{other} {value:g}" for (one, other), value in correlations.items())
        raise InputError("correlations", pairs, problem, accepted=("a positive definite matrix: make some of them smaller",))
