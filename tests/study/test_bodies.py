"""Bodies of a block: together as alone, in rounds as in one, whatever was given before."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thecal.body.doses import Infusion
from thecal.body.engine import engine_for
from thecal.body.patient import Patients
from thecal.body.schedule import Grid
from thecal.quantity import OralDose
from thecal.study.bodies import ARMS, CHANNELS, REMEMBERED_S, Bodies, spent
from thecal.study.population import draw
from thecal.timeline import DAY_S, Instant, read_zone
from thecal.twin.exposure import Exposure, TabletCourse

START_S = 1_767_258_000
LOOK_S = 21_600
UTC = read_zone("UTC")
DAYS = (0, 1, 3, 9, 30)
PATIENTS = draw("adult-ms", 3, range(6), legs_ashworth=4.0)


def at(day: float) -> int:
    return START_S + int(day * DAY_S)


def flow(mcg_per_day: float, begin: float, end: float) -> Infusion:
    return Infusion(at(begin), at(end), "T10", np.array([mcg_per_day / 24]))


def night(mcg_per_day: float, begin: float, end: float) -> Infusion:
    rates = np.array([mcg_per_day / 32, mcg_per_day / 16])
    return Infusion(at(begin), at(end), "T10", rates, (57_600, 86_400), 7200)


def tablets(mg: float, begin: float, end: float | None = None) -> TabletCourse:
    doses = (OralDose(round(1000 * mg)),) * 3
    return TabletCourse(
        Instant(at(begin)), doses, (28_800, 50_400, 72_000), "tablet", UTC, None if end is None else Instant(at(end))
    )


def of(n: int, patients: Patients, **given_: Any) -> Exposure:
    return Exposure(patients.take([n]), **given_)


def pump(n: int, dose: float = 100.0, kind: Any = flow) -> Exposure:
    return of(n, PATIENTS, infusions=(kind(dose, 0, 30),), implant=Instant(START_S))


def rounds(
    exposures: Sequence[Exposure | None], patients: Patients, days: Sequence[int] = DAYS
) -> dict[str, NDArray[np.float64]]:
    """All looks from the first visit to the last: what was given up to each visit, spent after it."""
    bodies, left = Bodies(patients, engine_for(10**6)), list(exposures)
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in CHANNELS}
    for low, high in pairwise(days):
        known = [None if one is None else until(one, at(high)) for one in left]
        looks = bodies.advance(known, at(low), at(high), LOOK_S)
        assert looks.failures == {}
        for name in CHANNELS:
            found[name].append(looks.values[name][:, 1 if low else 0 :])
        left = [None if one is None else spent(one, at(high)) for one in left]
    return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}


def until(exposure: Exposure, end_s: int) -> Exposure:
    """As it is known at a visit: what flows later has not flowed yet."""
    cut = [replace(one, end_s=min(one.end_s, end_s)) for one in exposure.infusions if one.start_s < end_s]
    # an infusion that goes on is cut at the visit, as the line cuts it where the flow changes
    return replace(exposure, infusions=tuple(cut))


def mixed() -> list[Exposure]:
    """A steady pump, another dose, a night pattern, tablets before and beside a pump, tablets alone, nothing."""
    return [
        pump(0),
        pump(1, 250.0),
        pump(2, 120.0, night),
        of(3, PATIENTS, infusions=(flow(80, 0, 30),), courses=(tablets(20, -14, 5), tablets(10, 5)), implant=Instant(START_S)),
        of(4, PATIENTS, courses=(tablets(20, -14),)),
        of(5, PATIENTS),
    ]


def test_a_group_is_as_each_alone() -> None:
    """To the last bit, whoever else is in the block."""
    together = rounds(mixed(), PATIENTS)
    for n, one in enumerate(mixed()):
        alone = rounds([one], PATIENTS.take([n]))
        for name in CHANNELS:
            assert np.array_equal(together[name][n], alone[name][0]), (n, name)


@settings(max_examples=4)
@given(st.lists(st.sampled_from([40.0, 100.0, 250.0, 600.0]), min_size=2, max_size=6), st.sampled_from([flow, night]))
def test_people_with_one_shape_and_several_doses_are_as_each_alone(doses: list[float], kind: Any) -> None:
    """To the last bit, also where they are propagated together."""
    exposures = [pump(n, dose, kind) for n, dose in enumerate(doses)]
    together = rounds(exposures, PATIENTS.take(range(len(doses))))
    for n, one in enumerate(exposures):
        alone = rounds([one], PATIENTS.take([n]))
        for name in CHANNELS:
            assert np.array_equal(together[name][n], alone[name][0]), (n, name)


def test_rounds_are_as_one_long_propagation() -> None:
    """From visit to visit, as from the start to the end at once."""
    by_visits, at_once = rounds(mixed(), PATIENTS), rounds(mixed(), PATIENTS, (0, 30))
    for name in CHANNELS:
        assert by_visits[name] == pytest.approx(at_once[name], abs=1e-9), name


def test_rounds_are_as_the_twin_s_own_body() -> None:
    """The same exposure through the twin's own door, from its beginning."""
    by_visits = rounds(mixed(), PATIENTS)
    for n, one in enumerate(mixed()):
        seen = one.response(Grid.over(at(0), at(30), LOOK_S), CHANNELS)
        for name in CHANNELS:
            assert by_visits[name][n] == pytest.approx(seen[name][0], abs=1e-6), (n, name)


def test_what_a_bolus_left_is_felt_after_a_visit() -> None:
    """Also by somebody without a pump."""
    exposure = of(0, PATIENTS).injected(Instant(START_S), 100 * 10**6, "lumbar puncture")
    one, other = rounds([exposure], PATIENTS.take([0]), (0, 1, 3)), rounds([exposure], PATIENTS.take([0]), (0, 3))
    assert one["ashworth_legs"] == pytest.approx(other["ashworth_legs"], abs=1e-6)


def test_tablets_that_were_remembered_long_enough_change_nothing() -> None:
    """Of a tablet older than what is remembered nothing is left."""
    days = REMEMBERED_S // DAY_S
    exposures = [of(n, PATIENTS, courses=(tablets(20, -10 * (n + 1)),)) for n in range(4)]
    looks = rounds(exposures, PATIENTS.take(range(4)), (days * 4, days * 4 + 1))
    for n in range(4):
        longer = rounds([of(n, PATIENTS, courses=(tablets(20, -100),))], PATIENTS.take([n]), (days * 4, days * 4 + 1))
        assert looks["ashworth_legs"][n] == pytest.approx(longer["ashworth_legs"][0], abs=1e-12)


def test_who_is_left_out_shows_nothing() -> None:
    """No number, in no channel, and the others are as they were."""
    some: list[Exposure | None] = [*mixed()]
    some[1] = some[4] = None
    looks, whole = rounds(some, PATIENTS), rounds(mixed(), PATIENTS)
    for name in CHANNELS:
        assert np.isnan(looks[name][[1, 4]]).all()
        assert np.array_equal(looks[name][[0, 2, 3, 5]], whole[name][[0, 2, 3, 5]]), name


def test_a_body_without_drug_stays_as_it_was() -> None:
    """The scores of before, at every look."""
    looks = rounds([of(0, PATIENTS)], PATIENTS.take([0]))
    for name, before in (("ashworth_legs", "legs_ashworth"), ("spasm_penn", "spasm_penn")):
        assert looks[name] == pytest.approx(np.full_like(looks[name], PATIENTS[before][0]), abs=1e-12)
    assert np.all(looks["withdrawal_index"] == 0)
    assert np.all(looks["overdose_index"] == 0)


def test_what_is_spent_is_not_carried_on() -> None:
    """Old flows and tablets go; what still flows, and tablets that may still be felt, stay."""
    one = of(0, PATIENTS, infusions=(flow(1, 0, 1), flow(2, 1, 3)), courses=(tablets(5, -40, -20), tablets(5, -20, -1)))
    left = spent(one, at(2))
    assert left.infusions == one.infusions[1:]
    assert left.courses == one.courses[1:]
    assert spent(one, at(0)).infusions == one.infusions


def test_the_arms_are_looked_at_where_they_are_asked_for() -> None:
    """Without drug their score is that of before; nobody looks at them otherwise."""
    bodies = Bodies(PATIENTS.take([0]), engine_for(10**6), (ARMS,))
    arms = bodies.advance([of(0, PATIENTS)], at(0), at(1), LOOK_S).values[ARMS]
    assert arms == pytest.approx(np.full_like(arms, PATIENTS["arms_ashworth"][0]), abs=1e-12)
    assert ARMS not in Bodies(PATIENTS, engine_for(10**6)).advance([None] * PATIENTS.count, at(0), at(1), LOOK_S).values
