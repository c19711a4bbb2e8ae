"""A schedule by superposition is the schedule propagated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.body.bodies import DAY, Floats, population, seeds, typical_of
from thecal.body.doses import Doses, Infusion
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.body.superposition import DayResponse
from thecal.errors import InputError

CHANNELS = ("csf_t12_ng_per_ml", "plasma_ng_per_ml", "legs_ng_per_ml", "brain_ng_per_ml")


def steady_day(patient: Patients, level: str, mcg: Floats, channel: str, instants: int, days: int = 400) -> Floats:
    """The last of many days of a schedule, propagated."""
    steps = len(mcg)
    ends = tuple(DAY // steps * (n + 1) for n in range(steps))
    infusion = Infusion(0, (days + 1) * DAY, level, mcg * steps / 24, ends)
    record = Record(Grid(days * DAY, DAY // instants, instants), (channel,))
    last: Floats = propagate(patient, Doses((infusion,)), record)[channel][0]
    return last


@settings(max_examples=8)
@given(seeds, st.sampled_from(CHANNELS), st.sampled_from(["L3", "T10", "C5"]), st.sampled_from([6, 24, 48]), st.data())
def test_a_schedule_is_the_sum_of_its_steps(seed: int, channel: str, level: str, steps: int, data: st.DataObject) -> None:
    """On any number of steps and instants, also where one does not divide the other."""
    patient, instants = population(1, seed), data.draw(st.sampled_from([1, 5, 24, 96]))
    candidates = np.random.default_rng(seed).exponential(5.0, (3, steps))
    candidates[1, 1:] = 0
    found = DayResponse.of(patient, level, channel, steps, instants).under(candidates)
    assert found.shape == (3, instants)
    for each in range(3):
        expected = steady_day(patient, level, candidates[each], channel, instants)
        assert np.abs(found[each] - expected).max() <= 1e-11 * expected.max()


def test_an_even_day_is_the_constant_infusion() -> None:
    """The same in every step: the steady state, at every instant."""
    patient = typical_of()
    response = DayResponse.of(patient, "T10", "legs_ng_per_ml", 24, 96)
    flat = response.under(np.full((1, 24), 10.0))[0]
    infusion = Infusion.constant(240, "T10", 0, 400 * DAY)
    steady = propagate(patient, Doses((infusion,)), Record(Grid(400 * DAY, 1, 1), ("legs_ng_per_ml",)))["legs_ng_per_ml"][0, 0]
    assert flat == pytest.approx(np.full(96, steady), rel=1e-12)


def test_a_slow_body_has_settled_too() -> None:
    """Tissue that gives drug back over years is in its steady state: as much leaves as enters."""
    patient = typical_of(tissue_ratio=50, tissue_exchange_per_h=0.001)
    response = DayResponse.of(patient, "T10", "plasma_ng_per_ml", 4, 96)
    clearance = patient["oral_clearance_l_per_h"] * patient["bioavailability"]
    mean = response.under(np.array([[40.0, 0, 0, 0], [10.0, 10, 10, 10]])).mean(axis=1)
    assert mean == pytest.approx(np.full(2, 40 / 24 / clearance[0]), rel=1e-3)


def test_into_a_place_that_is_there() -> None:
    """Millions of candidates go into an array that the caller keeps."""
    response = DayResponse.of(typical_of(), "T10", "legs_ng_per_ml")
    candidates, out = np.ones((1000, 24)), np.empty((1000, 24))
    assert response.under(candidates, out) is out
    assert np.array_equal(out, response.under(candidates))


def test_what_does_not_add_up_is_refused() -> None:
    """Effects, several patients at once, steps that do not fit."""
    patient = typical_of()
    with pytest.raises(InputError, match="does not add up"):
        DayResponse.of(patient, "T10", "ashworth_legs")
    with pytest.raises(InputError, match="is not a channel"):
        DayResponse.of(patient, "T10", "legs")
    with pytest.raises(InputError, match="more than one"):
        DayResponse.of(population(2, 1), "T10", "legs_ng_per_ml")
    with pytest.raises(InputError, match="do not divide a day"):
        DayResponse.of(patient, "T10", "legs_ng_per_ml", steps=7)
    with pytest.raises(InputError, match="a dose in each step"):
        DayResponse.of(patient, "T10", "legs_ng_per_ml").under(np.ones((5, 6)))
