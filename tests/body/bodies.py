"""Bodies, doses and grids for the tests of the body."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from thecal.body.doses import LUMBAR_PUNCTURE, Bolus, Doses, Infusion, Tablets
from thecal.body.patient import PARAMETERS, Patients, patient_sheets
from thecal.body.propagate import propagate
from thecal.body.record import DERIVED, LINEAR, Record
from thecal.body.response import Response
from thecal.body.schedule import Grid
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

MINUTE, HOUR, DAY = 60, 3600, DAY_S
SHEETS = tuple(patient_sheets())
FLUID = ("csf_lumbar_puncture_ng_per_ml", "csf_t10_ng_per_ml", "csf_t2_ng_per_ml", "csf_cranial_ng_per_ml")
CONCENTRATIONS = (*FLUID, *LINEAR)
EFFECTS = tuple(DERIVED)
SCORES = ("ashworth_legs", "ashworth_arms", "spasm_penn", "reflex_percent")
TIPS = ("L3", "T12", "T10", "T6", "T2", "C5")
SPAN = 5 * DAY
SETTLED = 4 * HOUR
"""From here on after a dose every channel is far above round-off."""


def typical_of(sheet: str = "adult-ms", **values: ArrayLike) -> Patients:
    """The typical patient of a sheet, with other values of some parameters."""
    settings = patient_sheets()[sheet].settings
    return Patients({**{name: setting.typical for name, setting in settings.items()}, **values})


def population(count: int, seed: int, sheet: str = "adult-ms", factor: float = 1.6) -> Patients:
    """Patients around the typical one: every parameter up to ``factor`` times as large or as small."""
    rng = np.random.default_rng(seed)
    settings = patient_sheets()[sheet].settings
    values = {}
    for name, parameter in PARAMETERS.items():
        drawn = settings[name].typical * factor ** rng.uniform(-1, 1, count)
        values[name] = np.clip(drawn, parameter.low, parameter.high)
    return Patients(values)


def alone(doses: Infusion | Bolus | Tablets) -> Doses:
    """One thing given."""
    match doses:
        case Infusion():
            return Doses(infusions=(doses,))
        case Bolus():
            return Doses(boluses=(doses,))
        case Tablets():
            return Doses(tablets=(doses,))


def mcg(*amounts: float) -> Floats:
    return np.array(amounts, dtype=np.float64)


def day_and_night(start: int, end: int, level: str = "T10", phase: int = 0, low: float = 2, high: float = 6) -> Infusion:
    """More in the day than at night."""
    return Infusion(start, end, level, mcg(low, high, low), (7 * HOUR, 22 * HOUR, DAY), phase)


def seen(patients: Patients, doses: Doses, grid: Grid, channels: Sequence[str] = CONCENTRATIONS, implant_s: int = 0) -> Response:
    return propagate(patients, doses, Record(grid, tuple(channels), implant_s))


def worst(one: Response, other: Response, channels: Sequence[str] = CONCENTRATIONS) -> float:
    """The largest difference, as a part of the largest value of its channel in its patient."""
    largest = 0.0
    for name in channels:
        most = np.maximum(one[name].max(axis=1), other[name].max(axis=1))
        apart = np.abs(one[name] - other[name]).max(axis=1)
        largest = max(largest, float(np.max(apart / np.where(most > 0, most, 1.0))))
    return largest


def renal_factor(patients: Patients) -> Floats:
    """Clearance over normal clearance, from the written law."""
    fe = patients["renal_fraction"]
    factor: Floats = 1 - fe + fe * patients["creatinine_clearance_ml_per_min"] / 105
    return factor


def clearance(patients: Patients) -> Floats:
    """Systemic clearance, L/h."""
    return patients["oral_clearance_l_per_h"] * patients["bioavailability"] * renal_factor(patients)


seeds = st.integers(0, 2**32 - 1)


populations = st.builds(population, st.integers(1, 3), seeds, st.sampled_from(SHEETS)) | st.builds(
    lambda seed, ratio, exchange: population(1, seed).with_values(tissue_ratio=ratio, tissue_exchange_per_h=exchange),
    seeds,
    st.floats(0.01, 5),
    st.floats(0.02, 5),
)
levels = st.sampled_from(TIPS)
amounts = st.floats(0, 500)


@st.composite
def infusions(draw: st.DrawFn, within: int = SPAN) -> Infusion:
    """A pattern of any period, entered anywhere."""
    start = draw(st.integers(0, within - 2))
    end = draw(st.integers(start + 1, within))
    period = draw(st.sampled_from([DAY, 8 * HOUR, 7 * DAY]) | st.integers(2 * HOUR, 3 * DAY))
    inner = draw(st.lists(st.integers(1, period - 1), max_size=3, unique=True))
    ends = (*sorted(inner), period)
    rates = draw(st.lists(st.floats(0, 40), min_size=len(ends), max_size=len(ends)))
    return Infusion(start, end, draw(levels), np.array(rates), ends, draw(st.integers(0, period - 1)))


boluses = st.builds(Bolus, st.integers(0, SPAN - 1), amounts.map(mcg), st.just(LUMBAR_PUNCTURE) | levels)


@st.composite
def tablets(draw: st.DrawFn, within: int = SPAN) -> Tablets:
    """Doses by mouth, of any period."""
    start = draw(st.integers(0, within - 2))
    end = draw(st.integers(start + 1, within))
    period = draw(st.sampled_from([DAY, 8 * HOUR]) | st.integers(2 * HOUR, 2 * DAY))
    times = sorted(draw(st.lists(st.integers(0, period - 1), min_size=1, max_size=4, unique=True)))
    mg = draw(st.lists(st.floats(0, 30), min_size=len(times), max_size=len(times)))
    form = draw(st.sampled_from(["tablet", "solution", "suspension", "granules"]))
    return Tablets(start, end, tuple(mg), tuple(times), period, form)


@st.composite
def everything(draw: st.DrawFn) -> Doses:
    """Some of each route, at least one bolus at the beginning so that every channel has something to show."""
    first = Bolus(0, mcg(draw(st.floats(10, 100))))
    return Doses(
        tuple(draw(st.lists(infusions(), max_size=2))),
        (first, *draw(st.lists(boluses, max_size=2))),
        tuple(draw(st.lists(tablets(), max_size=2))),
    )


grids = st.builds(
    lambda start, step: Grid.over(start, SPAN, step),
    st.integers(SETTLED, 2 * DAY),
    st.sampled_from([HOUR, 37 * MINUTE, 5 * HOUR]) | st.integers(20 * MINUTE, 9 * HOUR),
)
