"""What is published, and what the model says of each: the rows of validation.

The numbers and their bounds are data (``data/validation/rows.toml``); what a typical patient answers is asked by
:mod:`thecal.study.protocols`, what a population answers here. A row that fails stays.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thecal.body.engine import NumpyEngine
from thecal.body.patient import DEFAULT_PATIENT, Patients, typical
from thecal.datum import DataError, read_data
from thecal.report.validation import Published
from thecal.study.arm import DOSE, Arm, Policy, Titration, Visit
from thecal.study.population import draw
from thecal.study.protocols import TIP, TYPICAL
from thecal.study.titration import Screening, candidates, label_titration, screen

Floats = NDArray[np.float64]

SEED = 1
SCREENED, FOLLOWED = 1000, 300
"""Patients of the row that screens, and of the rows that follow a year."""
WITH_STUDIES = frozenset({"C14"})
"""Rows that need the rates of complications: studies ask them, not the body alone."""
_STARTING_MCG_PER_DAY = 136.2
_COMPARED_DAY, _MONTHS = 7, tuple(range(30, 361, 30))
_ENGINE = NumpyEngine()  # compiling loops would cost more than they save here


def validate(patient: str = DEFAULT_PATIENT, seed: int = SEED) -> tuple[Published, ...]:
    """Every published row and what the model says of it: the typical patient of a kind, or populations drawn with a seed.

    Raises InputError for a kind of patient that does not exist and a seed that is none.
    """
    body = typical(patient)
    models = {name: float(protocol(body)[0]) for name, protocol in TYPICAL.items()} | _of_populations(patient, seed)
    tables = read_data("validation", "rows")
    if set(tables) - WITH_STUDIES != set(models):
        raise DataError(f"validation rows and protocols differ: {sorted(set(tables) ^ set(models))}")
    return tuple(_row(name, table, models.get(name)) for name, table in tables.items())


def _row(name: str, table: Mapping[str, object], model: float | None) -> Published:
    texts = [str(table[key]) for key in ("quantity", "unit", "role", "source", "protocol")]
    published, low, high = (float(str(table[key])) for key in ("published", "low", "high"))
    shown = str(table.get("shown", f"{published:g}"))
    quantity, unit, role, source, protocol = texts
    return Published(name, quantity, published, shown, unit, model, low, high, role, source, protocol)


def _of_populations(patient: str, seed: int) -> dict[str, float]:
    """C7, C8 and K11."""
    screened = candidates(patient, seed, SCREENED)
    screening = screen(screened, _ENGINE)
    return {
        "C7": 100 * len(screening.responders) / SCREENED,
        "C8": rise_of_dose(draw(patient, seed, range(FOLLOWED))),
        "K11": dose_at_one_year(screened, screening),
    }


def rise_of_dose(patients: Patients) -> float:
    """C8: all begin with one dose, which is set anew every month to what brings back the score of day 7; the ratio of the means
    at 12 months.
    """
    whole_week = f"{_COMPARED_DAY} days"
    held = Titration(_STARTING_MCG_PER_DAY, lambda visit: visit.mcg_per_day, (), TIP)
    score = Arm(patients, titration=held).run(["ashworth_legs"], whole_week, "1 day", _ENGINE).at("ashworth_legs", whole_week)
    titration = Titration(_STARTING_MCG_PER_DAY, holding(patients, score), _MONTHS, TIP)
    year = Arm(patients, titration=titration).run(["ashworth_legs"], "365 days", "1 day", _ENGINE)
    return float(year.at(DOSE, "365 days").mean() / _STARTING_MCG_PER_DAY)


def holding(patients: Patients, score: Floats) -> Policy:
    """The policy that knows a patient's effect curve and gives what brings back a score of the legs.

    Concentration goes with the dose, so the dose goes with the concentration, in parts of EC50 as it now is, at which the curve
    has either score.
    """

    def relative(ashworth: Floats) -> Floats:
        effect = (patients["legs_ashworth"] - ashworth) / (patients["legs_ashworth"] - 1)
        odds: Floats = effect / (patients["emax_tone"] - effect)
        return np.power(odds, 1 / patients["hill_tone"])

    def policy(visit: Visit) -> Floats:
        return visit.mcg_per_day * relative(score) / relative(visit.ashworth_legs)

    return policy


def dose_at_one_year(screened: Patients, screening: Screening) -> float:
    """K11, mcg/day: the median of those who responded, under the titration by the label."""
    who = screening.responders[:FOLLOWED]
    first = Screening(screening.bolus_mcg[who], screening.hours[who])
    arm = Arm(screened.take(who), titration=label_titration(first))
    return arm.run(["ashworth_legs"], "365 days", "1 day", _ENGINE).quantiles(DOSE, "365 days")[0.5]
