"""What baclofen does: every index stays within its scale and moves the way its docstring says."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.body.bodies import (
    DAY,
    HOUR,
    MINUTE,
    SCORES,
    SHEETS,
    Floats,
    alone,
    day_and_night,
    mcg,
    population,
    populations,
    seen,
    typical_of,
)
from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.effect import (
    ashworth,
    hill,
    occupancy,
    overdose,
    reflex,
    sedation,
    spasm,
    weakness,
    withdrawal,
    worsening,
)
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import DERIVED, Record
from thecal.body.schedule import Grid
from thecal.body.tolerance import tolerance_by_day

RISING = np.concatenate([[0.0], np.geomspace(1e-6, 1e6, 60)])
COURSE = Doses(
    (day_and_night(0, 6 * DAY, low=4, high=12),), (Bolus(2 * DAY + 1234, mcg(50)),), (Tablets(0, 5 * DAY, (10,), (0,), 8 * HOUR),)
)


def everywhere(patients: Patients, values: Floats = RISING) -> Floats:
    return np.broadcast_to(values, (patients.count, len(values)))


@given(populations, st.floats(0, 5), st.floats(1, 3))
def test_scores_fall_with_drug_and_stay_on_their_scales(patients: Patients, tolerance: float, worse: float) -> None:
    """From the baseline at none, never above it, down to no less than 1 or 0."""
    held, factor = (np.full((patients.count, len(RISING)), value) for value in (tolerance, worse))
    site = everywhere(patients)
    for score, baseline, floor in (
        (ashworth(patients, site, held, factor), patients["legs_ashworth"], 1),
        (ashworth(patients, site, held, factor, "arms"), patients["arms_ashworth"], 1),
        (spasm(patients, site, held, factor), patients["spasm_penn"], 0),
        (reflex(patients, site, held, factor), patients["reflex_percent"], 0),
    ):
        assert np.allclose(score[:, 0], baseline, rtol=1e-12, atol=0)
        assert np.all(np.diff(score, axis=1) <= 1e-12)
        assert np.all(score >= floor)
        assert np.all(score <= baseline[:, None] * (1 + 1e-12))


@given(populations)
def test_indices_rise_with_drug_from_0_to_1(patients: Patients) -> None:
    """Weakness, sedation, overdose and occupancy."""
    for index in (weakness, sedation, overdose, occupancy):
        values = index(patients, everywhere(patients))
        assert np.all(values[:, 0] == 0)
        assert np.all(np.diff(values, axis=1) >= 0)
        assert np.all((values >= 0) & (values <= 1))


@given(populations, st.floats(0.01, 1000))
def test_tolerance_and_disease_only_take_away(patients: Patients, concentration: float) -> None:
    """More of either leaves less effect; together they count as the product."""
    site = np.full((patients.count, 20), concentration)
    rising, none, ones = np.broadcast_to(np.linspace(0, 5, 20), site.shape), np.zeros_like(site), np.ones_like(site)
    for score in (ashworth, spasm, reflex):
        assert np.all(np.diff(score(patients, site, rising, ones), axis=1) >= -1e-12)
        by_disease = score(patients, site, none, 1 + rising)
        assert np.allclose(by_disease, score(patients, site, rising, ones), rtol=1e-12, atol=0)


@given(populations, st.floats(0, 3))
def test_half_the_effect_at_the_ec50_that_tolerance_has_raised(patients: Patients, tolerance: float) -> None:
    """``1 + (A0 - 1)(1 - Emax / 2)`` at EC50 times one plus tolerance."""
    site = patients["ec50_tone_ng_per_ml"][:, None] * (1 + tolerance)
    score = ashworth(patients, site, np.full_like(site, tolerance), np.ones_like(site))
    half = 1 + (patients["legs_ashworth"] - 1) * (1 - patients["emax_tone"] / 2)
    assert score[:, 0] == pytest.approx(half)


def test_hill() -> None:
    """0 at none, one half at half, 1 far above; steeper where the exponent is larger."""
    half, steepness = np.array([10.0]), np.array([3.0])
    assert hill(np.array([0.0]), half, steepness)[0] == 0
    assert hill(half, half, steepness)[0] == 0.5
    assert hill(np.array([1e5]), half, steepness)[0] == pytest.approx(1)
    assert hill(np.array([20.0]), half, np.array([6.0]))[0] > hill(np.array([20.0]), half, steepness)[0]


@pytest.mark.parametrize("steepness", [0.3, 2.5, 12])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_hill_far_beyond_half(steepness: float) -> None:
    """However far above half, a part of the full effect is at most the full effect."""
    far = np.array([1e6, 1e20, 1e40, 1e200])
    assert np.all(hill(far, np.array([0.5]), np.array([steepness])) <= 1)


def test_the_disease_by_years() -> None:
    """1 in the first year, then compounding: two years after it is (1 + p) squared; a body that gets better falls."""
    patients = typical_of(progression_per_year=[0.07, 0.0, -0.1])
    years = np.array([-1.0, 0, 0.5, 1, 2, 3, 11])
    factor = worsening(patients, years * 365.25 * 24)
    assert factor.shape == (3, 7)
    assert np.all(factor[:, :4] == 1)
    assert factor[0, 4:] == pytest.approx([1.07, 1.07**2, 1.07**10])
    assert np.all(factor[1] == 1)
    assert factor[2, 4:] == pytest.approx([0.9, 0.9**2, 0.9**10])


def test_withdrawal_is_tolerance_that_nothing_answers() -> None:
    """None under full occupancy or without tolerance, all of it when the drug is gone."""
    taken = np.array([[0.0, 0.25, 1.0]])
    assert withdrawal(np.full((1, 3), 0.8), taken)[0].tolist() == pytest.approx([0.8, 0.6, 0.0])
    assert np.all(withdrawal(np.zeros((1, 3)), taken) == 0)


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_effect_of_a_run_is_within_its_scale(sheet: str) -> None:
    """Under more than anybody is given: Ashworth 1 to 5 and never above baseline, Penn 0 to 4, indices 0 to 1."""
    patients = population(6, 40, sheet)
    heavy = Doses((Infusion.constant(3000, "T10", 0, 6 * DAY),), (Bolus(DAY, mcg(1000)),))
    response = seen(patients, heavy, Grid.over(0, 12 * DAY, HOUR), tuple(DERIVED))
    for name, baseline in zip(SCORES, ("legs_ashworth", "arms_ashworth", "spasm_penn", "reflex_percent"), strict=True):
        least = 1 if "ashworth" in name else 0
        assert np.all(response[name] >= least)
        assert np.all(response[name] <= patients[baseline][:, None] + 1e-12)
    for name in ("weakness_index", "sedation_index", "overdose_index"):
        assert np.all((response[name] >= 0) & (response[name] <= 1))
    assert np.all((response["tolerance"] >= 0) & (response["tolerance"] <= patients["tolerance_max"][:, None]))
    assert np.all((response["withdrawal_index"] >= 0) & (response["withdrawal_index"] <= response["tolerance"]))


@pytest.mark.parametrize("implant", [0, -3 * DAY, DAY + 17])
def test_effects_do_not_depend_on_the_grid(implant: int) -> None:
    """At common instants every channel is the same from 15 min, 37 min, 1 h, 5 h, and on grids that begin late or end early."""
    patients = population(2, 41)
    reference = seen(patients, COURSE, Grid.over(0, 4 * DAY, MINUTE), tuple(DERIVED), implant)
    for grid in (
        Grid.over(0, 4 * DAY, 15 * MINUTE),
        Grid.over(0, 4 * DAY, 37 * MINUTE),
        Grid.over(0, 4 * DAY, HOUR),
        Grid.over(0, 4 * DAY, 5 * HOUR),
        Grid.over(2 * DAY + 5 * MINUTE, 4 * DAY, HOUR),
        Grid.over(1 * DAY, 3 * DAY + 2 * HOUR, HOUR),
        Grid(3 * DAY + 11 * MINUTE, 1, 1),
    ):
        response = seen(patients, COURSE, grid, tuple(DERIVED), implant)
        for name in DERIVED:
            step = max(1, grid.step_s // MINUTE)
            there = reference[name][:, grid.start_s // MINUTE :: step][:, : grid.count]
            assert np.abs(response[name] - there).max() <= 1e-9, (name, grid)


def test_effects_do_not_depend_on_what_else_is_asked_for() -> None:
    """Every derived channel alone, in reverse order, beside others, or summarized is the same."""
    patients, grid = population(2, 42), Grid.over(0, 4 * DAY, 37 * MINUTE)
    everything = seen(patients, COURSE, grid, ("plasma_ng_per_ml", "csf_t4_ng_per_ml", *DERIVED))
    reverse = seen(patients, COURSE, grid, tuple(reversed(DERIVED)))
    for name in DERIVED:
        alone_ = seen(patients, COURSE, grid, (name,))[name]
        summary = propagate(patients, COURSE, Record(grid, (name,), summarize=True)).summaries[name]
        assert np.abs(everything[name] - alone_).max() <= 1e-9, name
        assert np.abs(reverse[name] - alone_).max() <= 1e-9, name
        assert summary.maximum == pytest.approx(alone_.max(axis=1), abs=1e-12)


def fine_tolerance(patients: Patients, doses: Doses, days: int, step_s: int = 10 * MINUTE) -> Floats:
    """``dT/dt = (Tmax occupancy - T) / tau`` by many small steps, each exact for the mean occupancy of it; (patients, times)."""
    legs = seen(patients, doses, Grid.over(0, days * DAY, step_s), ("legs_ng_per_ml",))["legs_ng_per_ml"]
    taken = occupancy(patients, legs)
    means = (taken[:, 1:] + taken[:, :-1]) / 2
    stays = np.exp(-step_s / DAY / patients["tolerance_days"])
    result = np.zeros_like(legs)
    for n in range(means.shape[1]):
        result[:, n + 1] = result[:, n] * stays + patients["tolerance_max"] * means[:, n] * (1 - stays)
    return result


COURSES: dict[str, Callable[[], Doses]] = {
    "constant": lambda: alone(Infusion.constant(300, "T10", 0, 30 * DAY)),
    "day and night": lambda: alone(day_and_night(0, 30 * DAY, low=2, high=30)),
    "stopped": lambda: alone(Infusion.constant(600, "T10", 0, 15 * DAY)),
    "boluses": lambda: Doses((), tuple(Bolus(day * DAY + 11 * HOUR + 7, mcg(200)) for day in range(0, 30, 3))),
    "every day": lambda: Doses((), tuple(Bolus(day * DAY + 11 * HOUR + 1, mcg(200)) for day in range(120))),
    "overdose": lambda: alone(Bolus(23 * HOUR, mcg(20_000))),
}


@pytest.mark.parametrize(
    ("course", "days", "ke0"),
    [(course, days, 0.11) for course in COURSES if course not in ("overdose", "every day") for days in (1.0, 150.0)]
    + [("overdose", 150.0, 0.11), ("every day", 150.0, 1.0)],
)
def test_tolerance_against_its_differential_equation(course: str, days: float, ke0: float) -> None:
    """Late by up to a day's change, at most Tmax / tau, and off by half an hour a day where doses begin inside an hour."""
    patients = typical_of(tolerance_days=days, ke0_tone_per_h=ke0)
    length = 120 if course == "every day" else 30
    exact = fine_tolerance(patients, COURSES[course](), length)
    held = seen(patients, COURSES[course](), Grid.over(0, length * DAY, 10 * MINUTE), ("tolerance",))["tolerance"]
    inside = patients["tolerance_max"] / 48 if course in ("overdose", "every day") else 0.0
    allowed = patients["tolerance_max"] / days + inside
    assert np.all(np.abs(held - exact) <= allowed[:, None])


def test_tolerance_by_day() -> None:
    """Under a steady concentration tolerance nears Tmax times occupancy, and from there on stays; it starts where it is told."""
    patients = typical_of(tolerance_days=[1.0, 20.0], tolerance_max=[0.7, 2.0])
    legs = np.full((2, 24 * 400 + 1), 65.0)
    steady = patients["tolerance_max"] * occupancy(patients, legs[:, :1])[:, 0]
    by_day = tolerance_by_day(patients, legs)
    assert by_day.shape == (2, 401)
    assert np.all(by_day[:, 0] == 0)
    assert by_day[:, -1] == pytest.approx(steady, rel=1e-6)
    assert np.allclose(by_day[1, :101], steady[1] * -np.expm1(-np.arange(101) / 20), rtol=1e-10, atol=0)
    assert np.allclose(tolerance_by_day(patients, legs, steady), steady[:, None], rtol=1e-12, atol=0)
    assert tolerance_by_day(patients, legs[:, :24]).shape == (2, 1)


def test_a_stop_after_a_year_brings_withdrawal() -> None:
    """After an abrupt stop the withdrawal index rises to near the tolerance reached, then fades with it."""
    patients = typical_of()
    doses = alone(Infusion.constant(300, "T10", 0, 300 * DAY))
    grid = Grid.over(299 * DAY, 330 * DAY, HOUR)
    response = seen(patients, doses, grid, ("withdrawal_index", "tolerance", "ashworth_legs"))
    index, held = response["withdrawal_index"][0], response["tolerance"][0]
    assert index[0] < 0.5 * held[0]
    peak = int(np.argmax(index))
    assert 24 + 6 < peak < 24 + 120
    assert index[peak] > 0.9 * held[peak]
    assert index[-1] < index[peak]
    assert response["ashworth_legs"][0, -1] > response["ashworth_legs"][0, 0]
