"""How a trial screens and titrates: the boluses, who responds, and the doses after that, every number a setting with its source.

The settings stand in ``data/studies/titration.toml``. They follow the label where it says a number, take the middle of a
published range, and are settings where nobody published one: when a dose is raised or lowered is such a setting.

    from thecal.study.arm import Arm
    from thecal.study.titration import candidates, label_titration, screen

    patients = candidates("adult-ms", seed=7, count=100)
    screening = screen(patients)
    arm = Arm(patients.take(screening.responders), titration=label_titration(screening))
    year = arm.run(["ashworth_legs", "spasm_penn"], until="365 days", every="1 day")
    print(year.quantiles("mcg_per_day", "365 days"))

A policy of one's own is a function of a :class:`~thecal.study.arm.Visit`; ``replace(LabelPolicy(), raise_above=2.5)`` is the
label's with another setting.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.body.doses import Bolus, Doses
from thecal.body.engine import Engine
from thecal.body.patient import Patients, PatientSheet
from thecal.datum import Datum, read_data, read_datum
from thecal.errors import InputError
from thecal.study.arm import Arm, Titration, Visit
from thecal.study.population import draw
from thecal.timeline import Duration

Floats = NDArray[np.float64]

_LOOK_S = 900


@cache
def settings() -> dict[str, Datum]:
    """Every setting as written, with its source and confidence."""
    tables = read_data("studies", "titration")
    return {name: read_datum(name, table, "titration") for name, table in tables.items()}


def _numbers(name: str) -> tuple[float, ...]:
    *numbers, last = settings()[name].value.split()
    return tuple(map(float, [*numbers, last] if last[0].isdigit() else numbers))


def titration_number(name: str) -> float:
    """A setting of one number."""
    (number,) = _numbers(name)
    return number


def titration_days() -> tuple[int, ...]:
    """The days of the visits after an implant."""
    return tuple(int(day) for day in _numbers("visits"))


@dataclass(frozen=True, slots=True)
class Screening:
    """Who responded to screening boluses: for each patient the first bolus that was enough, in mcg (NaN where none was), and for
    how many hours the score of the legs stayed down after it.
    """

    bolus_mcg: Floats
    hours: Floats

    @property
    def responders(self) -> NDArray[np.intp]:
        """The places of those who responded."""
        return np.flatnonzero(~np.isnan(self.bolus_mcg))


def candidates(sheet: PatientSheet | str, seed: int, count: int, **given: ArrayLike) -> Patients:
    """The first patients of a population whose legs are as spastic as the trials asked for (``entry_ashworth``).

    Raises InputError as ``draw`` does, and where fewer than a tenth of the population are.
    """
    least, found = titration_number("entry_ashworth"), 0
    drawn: Patients | None = None
    for factor in (2, 10):
        drawn = draw(sheet, seed, range(factor * count), **given)
        enough = np.flatnonzero(drawn["legs_ashworth"] >= least)
        found = len(enough)
        if found >= count:
            return drawn.take(enough[:count])
    name = sheet if isinstance(sheet, str) else sheet.name
    problem = f"has only {found} of {10 * count} patients with an Ashworth score of {least:g} or more in the legs"
    raise InputError("patient", name, problem, accepted=("a kind of patient with more spasticity",))


def screen(patients: Patients, engine: Engine | None = None) -> Screening:
    """Screening by lumbar puncture: a larger bolus on the next day for those in whom the one before was not enough.

    A bolus is enough where the score of the legs is down by ``screening_fall`` or more for ``screening_hours`` or longer within
    the interval, looked at every 15 minutes. What is left of the bolus before counts.
    """
    boluses, interval_s = _numbers("screening_boluses"), int(titration_number("screening_interval") * 3600)
    doses = Doses(boluses=tuple(Bolus(n * interval_s, np.array([mcg])) for n, mcg in enumerate(boluses)))
    outcome = Arm(patients, doses).run(["ashworth_legs"], Duration(len(boluses) * interval_s), Duration(_LOOK_S), engine=engine)
    down = patients["legs_ashworth"][:, None] - outcome.values["ashworth_legs"] >= titration_number("screening_fall")
    looks = interval_s // _LOOK_S
    hours = down[:, 1:].reshape(patients.count, len(boluses), looks).sum(axis=2) * _LOOK_S / 3600
    enough = hours >= titration_number("screening_hours")
    first, any_of_them = enough.argmax(axis=1), enough.any(axis=1)
    held = np.take_along_axis(hours, first[:, None], axis=1)[:, 0]
    return Screening(np.where(any_of_them, np.array(boluses)[first], np.nan), np.where(any_of_them, held, np.nan))


@dataclass(frozen=True, slots=True)
class LabelPolicy:
    """More while the legs are above one score, less where they are below another, by the parts that the label allows.

    A rise that would pass ``mcg_per_day_max`` is not made. Any number may be replaced: ``replace(LabelPolicy(), fall=0.1)``.
    """

    early_rise: float = titration_number("early_rise")
    early_days: float = titration_number("early_days")
    later_rise: float = titration_number("later_rise")
    fall: float = titration_number("fall")
    mcg_per_day_max: float = titration_number("dose_max")
    raise_above: float = titration_number("raise_above")
    lower_below: float = titration_number("lower_below")

    def __call__(self, visit: Visit) -> Floats:
        rise = self.early_rise if visit.day <= self.early_days else self.later_rise
        dose, score = visit.mcg_per_day, visit.ashworth_legs
        raised = dose * (1 + rise)
        more = (score > self.raise_above) & (raised <= self.mcg_per_day_max)
        return np.where(more, raised, np.where(score < self.lower_below, dose * (1 - self.fall), dose))


def first_doses(screening: Screening) -> Floats:
    """The first day's dose of those who responded, mcg/day: twice the effective bolus, once where it lasted long."""
    who = screening.responders
    long = screening.hours[who] > titration_number("long_effect")
    ratio = np.where(long, titration_number("first_ratio_long"), titration_number("first_ratio"))
    return ratio * screening.bolus_mcg[who]


def label_titration(screening: Screening, policy: LabelPolicy | None = None) -> Titration:
    """The titration of those who responded: ``patients.take(screening.responders)``."""
    return Titration(first_doses(screening), policy or LabelPolicy(), titration_days(), settings()["tip_level"].value)
