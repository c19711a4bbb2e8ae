"""Who is in a study: people with a body, an origin of their spasticity, an age, renal function, a tip, a pump, tablets.

Person ``number`` of a seed is the same in every study that describes its population alike, in any order and on any number of
machines. A share or a filter changes nothing else about anybody: every covariate has a uniform of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from thecal.body.patient import PARAMETERS, Patients, patient_sheet
from thecal.errors import InputError
from thecal.study.population import draw, uniforms
from thecal.study.setting import Settings, study_settings

Floats = NDArray[np.float64]
Shares = tuple[tuple[str, float], ...]
"""Names and the part of the people that each has; the parts add up to 1."""

ORIGINS = {"adult-ms": "multiple sclerosis", "adult-sci": "spinal-cord injury", "adult-cerebral": "cerebral"}
AGE_YEARS = (18.0, 90.0)
_DECLINE_FROM_YEARS = 40.0
_UNIFORMS = 7
_SHEET, _AGE, _RENAL, _TIP, _PUMP, _CATHETER, _TABLETS = range(_UNIFORMS)
_AT_ONCE = 1024
_TRIED_MAX = 1000  # people drawn for each who is enrolled


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody on enrolment; ``tablets_mg_per_day`` is baclofen by mouth before the study."""

    number: int
    sheet: str
    origin: str
    stratum: str
    age_years: float
    crcl_ml_per_min: float
    tip_level: str
    pump: str
    catheter: str
    tablets_mg_per_day: float


@dataclass(frozen=True, slots=True)
class People:
    """Some persons and their bodies, in the same order."""

    persons: tuple[Person, ...]
    patients: Patients

    def take(self, which: Sequence[int]) -> "People":
        """Some of them."""
        return People(tuple(self.persons[n] for n in which), self.patients.take(which))


@dataclass(frozen=True, slots=True)
class Only:
    """Who is enrolled: those in whom a covariate or a parameter of the body lies within bounds, both included."""

    name: str
    low: float
    high: float

    def holds(self, people: People) -> NDArray[np.bool_]:
        """For each, whether it does."""
        if self.name in PARAMETERS:
            values = people.patients[self.name]
        else:
            values = np.array([getattr(person, self.name) for person in people.persons])
        found: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return found


BOUNDED = ("age_years", "crcl_ml_per_min", "tablets_mg_per_day")
STRATIFIED = ("origin", "sheet", "tip_level", "pump", "catheter")


@dataclass(frozen=True, slots=True)
class Population:
    """How people are drawn. ``given`` sets parameters of the body for all, ``correlations`` add to those of the sheets; who does
    not fit ``only`` is passed over; ``strata`` are enrolled in these parts of the whole, by the covariate ``stratum``.
    """

    sheets: Shares
    tip_levels: Shares
    pumps: Shares
    catheters: Shares
    given: tuple[tuple[str, float], ...] = ()
    correlations: tuple[tuple[str, str, float], ...] = ()
    only: tuple[Only, ...] = ()
    stratum: str = ""
    strata: Shares = ()
    settings: Settings = field(default_factory=lambda: study_settings("people"))

    def people(self, seed: int, numbers: Sequence[int]) -> People:
        """The people of these numbers, whether or not they would be enrolled. Raises InputError as ``draw`` does."""
        chance = uniforms(seed, numbers, "covariates", _UNIFORMS)
        sheet = _chosen(self.sheets, chance[:, _SHEET])
        age = np.clip(self.settings["age_mean"] + self.settings["age_spread"] * ndtri(chance[:, _AGE]), *AGE_YEARS)
        kept = 1 - self.settings["renal_decline_per_year"] * np.maximum(age - _DECLINE_FROM_YEARS, 0)
        renal = kept * np.exp(self.settings["renal_spread"] * ndtri(chance[:, _RENAL]))
        patients, crcl = self._bodies(seed, numbers, sheet, renal)
        tip, pump = _chosen(self.tip_levels, chance[:, _TIP]), _chosen(self.pumps, chance[:, _PUMP])
        catheter = _chosen(self.catheters, chance[:, _CATHETER])
        takes = chance[:, _TABLETS] < self.settings["tablets_share"]
        mg = np.where(takes, self.settings["tablets_before"], 0.0)
        persons = tuple(
            Person(
                number,
                sheet[n],
                ORIGINS.get(sheet[n], sheet[n]),
                "",
                float(age[n]),
                float(crcl[n]),
                tip[n],
                pump[n],
                catheter[n],
                float(mg[n]),
            )
            for n, number in enumerate(numbers)
        )
        if self.stratum:
            persons = tuple(replace(person, stratum=str(getattr(person, self.stratum))) for person in persons)
        return People(persons, patients)

    def _bodies(self, seed: int, numbers: Sequence[int], sheet: Sequence[str], renal: Floats) -> tuple[Patients, Floats]:
        """Their bodies, and their creatinine clearance in mL/min."""
        values = {name: np.empty(len(numbers)) for name in PARAMETERS}
        renal_range = PARAMETERS["creatinine_clearance_ml_per_min"]
        for name, _ in self.sheets:
            which = [n for n, one in enumerate(sheet) if one == name]
            if not which:
                continue
            kind = patient_sheet(name)
            added = {(a, b): value for a, b, value in self.correlations}
            kind = replace(kind, correlations={**kind.correlations, **added}) if added else kind
            typical = kind.settings["creatinine_clearance_ml_per_min"].typical
            given: dict[str, float | Floats] = dict(self.given)
            given.setdefault(
                "creatinine_clearance_ml_per_min", np.clip(typical * renal[which], renal_range.low, renal_range.high)
            )
            drawn = draw(kind, seed, [numbers[n] for n in which], **given)
            for parameter in PARAMETERS:
                values[parameter][which] = drawn[parameter]
        return Patients(values, "a study's population"), values["creatinine_clearance_ml_per_min"]

    @property
    def takes_all(self) -> bool:
        """Whether everybody who is drawn is enrolled."""
        return not self.only and not self.strata

    def enrolled(self, seed: int, count: int) -> Sequence[int]:
        """The numbers of the first ``count`` people who fit, in order.

        Raises InputError where too few of those who are drawn fit, or a stratum does not fill.
        """
        if self.takes_all:
            return range(count)
        places = _places(self.strata, count)
        found: list[int] = []
        for low in range(0, count * _TRIED_MAX, _AT_ONCE):
            for person in self._fitting(seed, range(low, low + _AT_ONCE)):
                if self.strata and not places.get(person.stratum):
                    continue
                if self.strata:
                    places[person.stratum] -= 1
                found.append(person.number)
                if len(found) == count:
                    return tuple(found)
        tried = count * _TRIED_MAX
        missing = ", ".join(f"{left} of {name}" for name, left in places.items() if left)
        problem = f"finds only {len(found)} of {count} people among {tried:,}" + (f"; missing: {missing}" if missing else "")
        raise InputError("population", "its filters and strata", problem, accepted=("filters and strata that people fit",))

    def _fitting(self, seed: int, numbers: range) -> Iterator[Person]:
        people = self.people(seed, numbers)
        fits = np.ones(len(numbers), dtype=np.bool_)
        for only in self.only:
            fits &= only.holds(people)
        yield from (person for person, fit in zip(people.persons, fits, strict=True) if fit)


def shares(named: Mapping[str, float]) -> Shares:
    """Parts of the whole by name, in their order. Raises InputError where they do not add up to 1, or one is not above 0."""
    wrong = [name for name, part in named.items() if not 0 < part <= 1]
    if wrong or abs(sum(named.values()) - 1) > 1e-9:
        text = ", ".join(f"{name} {part:g}" for name, part in named.items())
        raise InputError("shares", text, "are not parts of a whole", accepted=("numbers above 0 that add up to 1",))
    return tuple(named.items())


def _places(parts: Shares, count: int) -> dict[str, int]:
    """How many of each stratum: whole numbers that add up to ``count``, the largest remainders rounded up."""
    exact = {name: part * count for name, part in parts}
    places = {name: int(value) for name, value in exact.items()}
    by_rest = sorted(exact, key=lambda name: places[name] - exact[name])
    for name in by_rest[: count - sum(places.values())]:
        places[name] += 1
    return places


def _chosen(parts: Shares, chance: Floats) -> list[str]:
    """For each uniform the name in whose part of the whole it lies."""
    ends = np.cumsum([part for _, part in parts])
    places = np.minimum(np.searchsorted(ends, chance, side="right"), len(parts) - 1)
    return [parts[place][0] for place in places]
