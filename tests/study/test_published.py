"""The rows of validation: what is published, what is accepted, and that the model was asked what the row says."""

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from tests.study.canal import ARMS, L3, LEGS, PUNCTURE, T2, T10, T12, Canal, Course, fall, hill, value
from thecal.body.patient import Patients, typical
from thecal.datum import read_data
from thecal.errors import InputError
from thecal.report.validation import Published
from thecal.study.arm import Visit
from thecal.study.population import draw
from thecal.study.protocols import TYPICAL
from thecal.study.published import WITH_STUDIES, dose_at_one_year, holding, rise_of_dose, validate
from thecal.study.titration import candidates, screen

Floats = NDArray[np.float64]

# What the rows accept: (published, low, high). A factor of two and a quarter are the rules; these are the numbers.
ACCEPTED = {
    "C1": (1.51, 0.9, 5), "C2": (30, 13, 80), "C3": (0.43, 0.32, 0.54), "C5": (4, 3, 5), "C6": (2.2, 1.6, 2.8),
    "C7": (94.6, 88, 98), "C8": (229 / 136, 1.26, 2.1), "C10a": (138.8, 107, 170), "C10b": ((1.25 + 1.5) / 2, 0.9, 1.9),
    "C12a": (0.67, 0.67 * 0.75, 0.67 * 1.25), "C12b": (0.5, 0.5 * 0.75, 0.5 * 1.25), "C12c": (0.33, 0.33 * 0.75, 0.33 * 1.25),
    "C15": (77, 65, 89), "C18": (1, 0.3, 1.7), "K1": (4, 1.8, 8.7), "K2": (7, 4, 10), "K3": (36, 18, 54), "K4": (5, 0, 5),
    "K5": (6, 4, 10), "K6": (1, 1, 1), "K7": (738, 590, 886), "K8": (3980, 3184, 4776), "K9": (15, 6, 24), "K10": (48, 24, 72),
    "K11": (168, 110, 260), "C14": (1 / 20.1, 1 / 40, 1 / 10),
}  # fmt: skip


def asked(row: str) -> float:
    return float(TYPICAL[row](typical())[0])


@pytest.fixture(scope="module")
def canal() -> Canal:
    return Canal()


@pytest.fixture(scope="module")
def bolus(canal: Canal) -> Course:
    """50 mcg by lumbar puncture, two days."""
    return canal.course(np.arange(0, 48 + 1e-9, 1 / 60), canal.puncture(50))


@pytest.mark.requirement("BOD-10")
def test_the_bounds_are_as_they_were_set() -> None:
    """Nobody widens a row that fails; every row says its source, how it is asked, and its role."""
    tables = read_data("validation", "rows")
    assert set(tables) == set(ACCEPTED)
    for name, (published, low, high) in ACCEPTED.items():
        table = tables[name]
        assert (table["low"], table["high"]) == pytest.approx((low, high), rel=1e-9), name
        assert table["published"] == pytest.approx(published, rel=5e-3), name
        assert table["source"]
        assert table["protocol"]
        assert table["role"].startswith("calibration" if name.startswith("C") else "consistency")
    assert {name for name, table in tables.items() if "with studies" in table["role"]} == {"K11", "C14"}


def test_csf_after_a_bolus(bolus: Course) -> None:
    """C1: a straight line through the logarithms of the first four hours."""
    quarter = slice(15, 241, 15)
    hours, logs = bolus.hours[quarter], np.log(bolus.at(PUNCTURE)[quarter])
    slope = np.cov(hours, logs)[0, 1] / np.var(hours, ddof=1)
    assert asked("C1") == pytest.approx(-np.log(2) / slope, rel=0.01)


def test_effects_after_a_bolus(bolus: Course) -> None:
    """C5, C6, C15, C18, K5 and K6: Hill functions of sites that follow the fluid with a delay."""
    hour, four = 60, 240
    assert asked("C5") == pytest.approx(bolus.hours[bolus.legs.argmax()], abs=0.05)
    assert asked("C6") == pytest.approx(1 + 3.2 * (1 - fall(bolus.legs)[four]), rel=0.01)
    assert asked("C15") == pytest.approx(100 * hill("reflex", bolus.reflex)[hour], rel=0.01)
    assert asked("C18") == pytest.approx(3.1 * (1 - value("emax_spasm") * hill("spasm", bolus.legs)[four]), rel=0.01)
    score = fall(bolus.legs)
    assert asked("K5") == pytest.approx((score >= score.max() / 2).sum() / 60, abs=0.15)
    assert asked("K6") == float(fall(bolus.arms).max() < score.max())


def test_csf_under_an_infusion(canal: Canal) -> None:
    """C2, C3 and K1 from the steady state, K2 and K3 from the way there."""
    lumbar = canal.steady(canal.source(L3))
    at = partial(Course(np.zeros(1), lumbar[:, None], *np.zeros((3, 1))).at)
    assert asked("C2") == pytest.approx(1000 / at(PUNCTURE)[0], rel=0.01)
    assert asked("C3") == pytest.approx(at(T2)[0] / at(T12)[0], rel=0.01)
    assert asked("K1") == pytest.approx(at(PUNCTURE)[0] / lumbar[-1], rel=0.01)
    course = canal.course(np.arange(0, 240, 1 / 12), np.zeros(301), canal.source(T10))
    reached = course.legs / course.legs[-1]
    for row, part in (("K2", 0.3), ("K3", 0.9)):
        assert asked(row) == pytest.approx(course.hours[(reached >= part).argmax()], abs=0.3)


def test_a_full_stop_after_a_year(canal: Canal) -> None:
    """K9 and K10: what was held fades, and tolerance with it, held for a day at a time by its own equation."""
    steady = canal.steady(168 / 24 * canal.source(T10))
    legs, arms = float(steady[:-1][LEGS].mean()), float(steady[:-1][ARMS].mean())
    course = canal.course(np.arange(0, 241, 0.25), steady, sites=(legs, arms, legs))
    taken, stays = hill("tone", course.legs), np.exp(-1 / value("tolerance_days"))
    kept = value("tolerance_max") * taken[0] * (1 - stays**365)
    tolerance = np.empty_like(taken)
    for day in range(0, len(taken), 96):
        tolerance[day : day + 96] = kept
        kept = kept * stays + value("tolerance_max") * taken[day : day + 97].mean() * (1 - stays)
    effect = fall(course.legs, tolerance)
    assert asked("K9") == pytest.approx(course.hours[(effect < 0.9 * effect[0]).argmax()], abs=0.3)
    assert asked("K10") == pytest.approx(course.hours[(tolerance * (1 - taken)).argmax()], abs=0.3)


def test_blood() -> None:
    """C10, C12, K4, K7 and K8: areas are doses over clearance, and courses those of three compartments."""
    clearance, volume, fe = value("oral_clearance_l_per_h"), value("oral_volume_l"), value("renal_fraction")
    assert asked("K8") == pytest.approx(50_000 / clearance, rel=1e-3)
    for row, ml_per_min in (("C12a", 65), ("C12b", 40), ("C12c", 15)):
        assert asked(row) == pytest.approx(1 - fe + fe * ml_per_min / 105, rel=2e-3)
    assert asked("K4") == pytest.approx(800 / 24 / (clearance * value("bioavailability")), rel=1e-6)
    ka, k12, k21 = value("absorption_per_h"), value("k12_per_h"), value("k21_per_h")

    def flows(_: float, held: Floats) -> list[float]:
        gut, central, peripheral = held
        moved = k12 * central - k21 * peripheral
        return [-ka * gut, ka * gut - clearance / volume * central - moved, moved]

    minutes = np.arange(0, 12, 1 / 60)
    found = solve_ivp(flows, (0, 12), [10_000, 0, 0], t_eval=minutes, rtol=1e-9, atol=1e-9).y[1] / volume
    assert asked("C10a") == pytest.approx(found.max(), rel=1e-4)
    assert asked("C10b") == pytest.approx(0.25 + minutes[found.argmax()], abs=0.02)  # after the lag
    assert asked("K7") == pytest.approx(5 * found.max(), rel=1e-4)


def test_the_dose_rises_by_tolerance_and_by_nothing_else() -> None:
    """C8: without tolerance it stays; with it, it rises by no more than tolerance can."""
    patients = draw("adult-ms", 9, range(20))
    assert rise_of_dose(patients.with_values(tolerance_max=0.0)) == pytest.approx(1, abs=1e-4)  # day 7 is not quite the plateau
    assert 1.1 < rise_of_dose(patients.with_values(tolerance_max=0.7, tolerance_days=100)) < 1.7
    quick = rise_of_dose(patients.with_values(tolerance_max=0.7, tolerance_days=1))  # all of it has come by day 7
    assert quick == pytest.approx(1, abs=0.02)


def test_the_holding_policy_knows_the_curve() -> None:
    """A score that has worsened because EC50 rose by a half takes half as much again."""
    patients = typical().with_values(legs_ashworth=4.0)
    sites = np.array([80.0]), np.array([80.0])
    then, now = (4 - 3 * fall(site, tolerance) for site, tolerance in zip(sites, (0.0, 0.5), strict=True))
    assert holding(patients, then)(Visit(30, now, np.array([100.0]))) == pytest.approx([150])


def test_who_needs_more_gets_more() -> None:
    """K11: the median dose goes with what the cord needs; nobody in it failed to respond."""
    patients = candidates("adult-ms", 4, 30)

    def median(factor: float) -> float:
        body = patients.with_values(ec50_tone_ng_per_ml=factor * patients["ec50_tone_ng_per_ml"])
        return dose_at_one_year(body, screen(body))

    assert median(0.5) < median(1)


@pytest.mark.parametrize(
    ("model", "ok", "verdict"), [(0.9, True, "ok"), (5, True, "ok"), (5.01, False, "FAILS"), (None, None, "-")]
)
def test_a_row_says_whether_it_fails(model: float | None, ok: bool | None, verdict: str) -> None:
    """Both bounds are accepted; what was not asked neither holds nor fails."""
    row = Published("C1", "half-life", 1.51, "1.51", "h", model, 0.9, 5, "calibration", "label", "a bolus")
    assert (row.ok, row.verdict) == (ok, verdict)


def test_the_population_of_c7_is_asked_as_it_says() -> None:
    """Responders are those in whom one of three boluses holds two points for four hours, whoever counts them."""
    patients: Patients = candidates("adult-ms", 8, 25)
    assert len(screen(patients).responders) == sum(len(screen(patients.take([n])).responders) for n in range(25))


def test_every_row_is_there() -> None:
    """In the order of the data; what needs studies has no number yet; a kind of patient that there is not is refused."""
    assert set(TYPICAL) == set(ACCEPTED) - {"C7", "C8", "K11"} - WITH_STUDIES
    with pytest.raises(InputError, match="adult-ms"):
        validate("adult-sm")
