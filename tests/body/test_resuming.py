"""A run that goes on from a state is the run in one go."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.body.bodies import (
    CONCENTRATIONS,
    DAY,
    EFFECTS,
    HOUR,
    MINUTE,
    Floats,
    alone,
    day_and_night,
    everything,
    mcg,
    population,
    seen,
    typical_of,
)
from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.response import Response, State
from thecal.body.schedule import Grid
from thecal.errors import InputError

ALL = (*CONCENTRATIONS, *EFFECTS)


def pieces(
    patients: Patients, doses: Doses, cuts: list[int], step: int, implant: int = 0, channels: tuple[str, ...] = ALL
) -> list[Response]:
    """Runs on ``doses`` that go on from one another: each looks on the common grid up to its cut."""
    found: list[Response] = []
    state: State | None = None
    looked = 0
    for cut in cuts:
        grid = Grid(looked * step, step, (cut - looked * step) // step + 1)
        found.append(propagate(patients, doses, Record(grid, channels, implant, resumable=True), state))
        state = found[-1].state
        behind = 0 if state is None else -(-state.second // step)
        looked = max(behind, looked)
    return found


def joined(parts: list[Response], name: str, whole: Response) -> Floats:
    """One trajectory; where parts overlap, of the later."""
    values = np.full_like(whole[name], np.nan)
    for part in parts:
        first = (part.grid.start_s - whole.grid.start_s) // whole.grid.step_s
        values[:, first : first + part.grid.count] = part[name]
    return values


def check(patients: Patients, doses: Doses, cuts: list[int], step: int, implant: int = 0) -> None:
    grid = Grid(0, step, cuts[-1] // step + 1)
    whole = seen(patients, doses, grid, ALL, implant)
    parts = pieces(patients, doses, [cut // step * step for cut in cuts], step, implant)
    for name in ALL:
        apart = np.abs(joined(parts, name, whole) - whole[name])
        assert apart.max() <= 1e-10 * max(1, whole[name].max()), name
    assert np.allclose(parts[-1].balance.fluid, whole.balance.fluid, rtol=1e-9, atol=1e-12 * whole.balance.given.max())
    assert all(part.balance.closes for part in parts)


@settings(max_examples=15)
@given(
    everything(),
    st.lists(st.integers(0, 6 * DAY), min_size=1, max_size=4),
    st.sampled_from([HOUR, 37 * MINUTE, 5 * HOUR]),
    st.integers(0, 2**32 - 1),
)
def test_however_it_is_cut(doses: Doses, cuts: list[int], step: int, seed: int) -> None:
    """Cut anywhere, several times in a row, some of them less than a day apart: channels, tolerance, effects and balance."""
    check(population(2, seed), doses, [*sorted(cuts), 7 * DAY], step)


@pytest.mark.parametrize("implant", [7 * HOUR, 2 * DAY + 17 * MINUTE, -400 * DAY])
def test_with_an_implant_at_another_time(implant: int) -> None:
    """Days count from the implant, and the disease with them, whether it was during the course or long before it."""
    doses = Doses(
        (day_and_night(0, 7 * DAY, low=4, high=12),), (Bolus(HOUR, mcg(50)),), (Tablets(0, 6 * DAY, (10,), (0,), 8 * HOUR),)
    )
    check(population(2, 60), doses, [2 * DAY, 3 * DAY + 5 * HOUR, 4 * DAY, 9 * DAY], HOUR, implant)


def test_after_more_than_a_year() -> None:
    """Worsening, tolerance and withdrawal go on as they were: two years with a stop in the second, resumed month by month."""
    patients = population(2, 61).with_values(progression_per_year=[0.3, -0.2])
    doses = alone(Infusion.constant(300, "T10", 0, 600 * DAY))
    grid = Grid(0, DAY, 731)
    whole = seen(patients, doses, grid, EFFECTS)
    parts = pieces(patients, doses, list(range(70 * DAY, 731 * DAY, 60 * DAY)), DAY, channels=EFFECTS)
    for name in EFFECTS:
        assert np.abs(joined(parts, name, whole) - whole[name]).max() <= 1e-10, name
    assert whole["withdrawal_index"][0, 610] > whole["withdrawal_index"][0, 600]
    assert not np.allclose(whole["ashworth_legs"][:, 500], whole["ashworth_legs"][:, 360], atol=1e-3)


@pytest.mark.parametrize("sheet", ["adult-cerebral", "adult-ms"])
def test_long_after_a_stop(sheet: str) -> None:
    """A typical patient whose therapy ended is looked at again for months, each time from the state before."""
    patients, doses = typical_of(sheet), alone(Infusion.constant(300, "T10", 0, 20 * DAY))
    for step in (10 * DAY, 20 * DAY, 60 * DAY):
        parts = pieces(
            patients, doses, [20 * DAY, *range(20 * DAY + step, 20 * DAY + 5 * step, step)], DAY, channels=("tolerance",)
        )
        assert np.all(parts[-1]["tolerance"] > 0)


def test_hour_by_hour() -> None:
    """A hundred runs of an hour each, most of which end within the day they began in."""
    doses = Doses((day_and_night(0, 9 * DAY, low=4, high=12),), (Bolus(30 * HOUR, mcg(50)),))
    check(population(1, 62), doses, [hour * HOUR for hour in range(1, 101)], HOUR)


def test_where_no_whole_day_has_passed() -> None:
    """There is no state yet, and the next run begins with the course; afterwards the state stays until another day is over."""
    patients, doses = population(2, 63), alone(Infusion.constant(100, "T10", 0, 5 * DAY))
    first = propagate(patients, doses, Record(Grid.over(0, 23 * HOUR, HOUR), ("tolerance",), resumable=True))
    assert first.state is None
    second = propagate(patients, doses, Record(Grid.over(0, 25 * HOUR, HOUR), ("tolerance",), resumable=True), first.state)
    assert second.state is not None
    assert second.state.second == DAY
    third = propagate(
        patients, doses, Record(Grid.over(26 * HOUR, 47 * HOUR, HOUR), ("tolerance",), resumable=True), second.state
    )
    assert third.state is not None
    assert third.state.second == DAY
    exactly = propagate(
        patients, doses, Record(Grid.over(26 * HOUR, 48 * HOUR, HOUR), ("tolerance",), resumable=True), third.state
    )
    assert exactly.state is not None
    assert exactly.state.second == 2 * DAY


def test_the_state_is_the_start_of_the_last_day_since_the_implant() -> None:
    """Days count from the implant, and the state says its second and its tolerance."""
    patients, doses = population(2, 64), alone(Infusion.constant(100, "T10", 0, 9 * DAY))
    implant = 5 * HOUR
    response = propagate(patients, doses, Record(Grid.over(0, 8 * DAY, HOUR), ("tolerance",), implant, resumable=True))
    assert response.state is not None
    assert response.tolerance is not None
    assert response.state.second == implant + 7 * DAY
    assert np.array_equal(response.state.tolerance, response.tolerance[:, -1])
    assert seen(patients, doses, Grid.over(0, 8 * DAY, HOUR), ("tolerance",)).state is None


def test_what_was_given_before_the_state_is_in_it() -> None:
    """Earlier boluses, a flow and tablets that are named again are not given again; named or not, the run is the same."""
    patients = population(2, 65)
    early = Doses((Infusion.constant(500, "T4", 0, 2 * DAY),), (Bolus(DAY, mcg(80), "T8"),), (Tablets(0, DAY, (10,)),))
    late = Doses((day_and_night(3 * DAY, 6 * DAY),), (Bolus(3 * DAY, mcg(50)),))
    record = Record(Grid.over(0, 3 * DAY, HOUR), ALL, resumable=True)
    state = propagate(patients, early.and_also(late), record).state
    assert state is not None
    assert state.second == 3 * DAY
    on = Record(Grid.over(3 * DAY, 6 * DAY, HOUR), ALL)
    again, once = propagate(patients, early.and_also(late), on, state), propagate(patients, late, on, state)
    for name in ALL:
        assert np.allclose(again[name], once[name], rtol=1e-9, atol=1e-12), name
    assert np.allclose(again.balance.given, once.balance.given, rtol=1e-9)
    held = early.and_also(late)
    whole = seen(patients, held, Grid.over(3 * DAY, 6 * DAY, HOUR), ALL)
    for name in ALL:
        assert np.allclose(again[name], whole[name], rtol=1e-9, atol=1e-12), name


def test_a_tablet_swallowed_before_the_state_and_absorbed_after_it() -> None:
    """Within its lag a tablet is in neither gut nor blood; named again, it is absorbed when it is due, once."""
    patients = population(2, 66)
    doses = alone(Tablets(DAY - 5 * MINUTE, 2 * DAY - 5 * MINUTE, (10,)))
    check(patients, doses, [DAY, 2 * DAY, 3 * DAY], HOUR)
    state = propagate(patients, doses, Record(Grid.over(0, DAY, HOUR), ALL, resumable=True)).state
    assert state is not None
    later = propagate(patients, doses, Record(Grid.over(DAY, 3 * DAY, HOUR), ALL), state)
    assert np.allclose(later.balance.given, 10_000)


@pytest.mark.parametrize(
    "channel",
    [
        "legs_ng_per_ml",
        "tolerance",
        "plasma_ng_per_ml",
    ],
)
def test_the_balance_counts_what_was_there(channel: str) -> None:
    """What the state holds counts as given, and closes with what came after."""
    patients = population(2, 67)
    doses = alone(Infusion.constant(240, "T10", 0, 4 * DAY))
    first = propagate(patients, doses, Record(Grid.over(0, 2 * DAY, HOUR), (channel,), resumable=True))
    second = propagate(patients, doses, Record(Grid.over(2 * DAY, 4 * DAY, HOUR), (channel,)), first.state)
    there = first.balance.fluid + first.balance.gut + first.balance.plasma
    assert np.allclose(second.balance.given, there + 480, rtol=1e-9)
    assert second.balance.closes


def test_a_state_is_not_used_up() -> None:
    """Two futures of one state are each what they would have been; one of them changes nothing in the other."""
    patients = population(2, 68)
    past = alone(Infusion.constant(240, "T10", 0, 4 * DAY))
    state = propagate(patients, past, Record(Grid.over(0, 4 * DAY, HOUR), ALL, resumable=True)).state
    on = Record(Grid.over(4 * DAY, 6 * DAY, HOUR), ALL)
    stopped, more = Doses(), alone(Infusion.constant(900, "T10", 4 * DAY, 6 * DAY))
    one = propagate(patients, stopped, on, state)
    propagate(patients, more, on, state)
    again = propagate(patients, stopped, on, state)
    for name in ALL:
        assert np.array_equal(one[name], again[name])


def test_another_level_after_the_state() -> None:
    """What is given after a state may enter where nothing entered before."""
    patients = population(2, 69)
    past, future = alone(Infusion.constant(240, "T10", 0, 2 * DAY)), alone(Infusion.constant(99, "C5", 2 * DAY, 4 * DAY))
    state = propagate(patients, past, Record(Grid.over(0, 2 * DAY, HOUR), ("tolerance",), resumable=True)).state
    grid = Grid.over(2 * DAY, 4 * DAY, HOUR)
    resumed, whole = propagate(patients, future, Record(grid, ALL), state), seen(patients, past.and_also(future), grid, ALL)
    for name in ALL:
        assert np.allclose(resumed[name], whole[name], rtol=1e-9, atol=1e-12), name


def test_with_tissue() -> None:
    """A patient whose tissue gives drug back resumes as well."""
    patients = typical_of(tissue_ratio=2.0, tissue_exchange_per_h=0.3)
    doses = Doses((day_and_night(0, 5 * DAY),), (Bolus(0, mcg(50)),), (Tablets(0, 3 * DAY, (10,)),))
    check(patients, doses, [DAY, 2 * DAY + 1, 3 * DAY, 6 * DAY], HOUR)


def state_after(days: int, patients: Patients) -> State:
    doses = alone(Infusion.constant(100, "T10", 0, days * DAY))
    state = propagate(patients, doses, Record(Grid.over(0, days * DAY, HOUR), ("tolerance",), resumable=True)).state
    assert state is not None
    return state


@pytest.mark.parametrize("start", [0, DAY, 3 * DAY - 1])
@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("channel", ["plasma_ng_per_ml", "ashworth_legs"])
def test_a_grid_before_the_state(start: int, count: int, channel: str) -> None:
    """What was before a state is not known any more; to look at it is an error of input."""
    patients = population(2, 70)
    state = state_after(3, patients)
    with pytest.raises(InputError):
        propagate(patients, Doses(), Record(Grid(start, HOUR, count), (channel,)), state)


def test_a_state_of_other_patients() -> None:
    """A state of two patients is no beginning for three, or for one."""
    state = state_after(2, population(2, 71))
    for count in (1, 3):
        with pytest.raises(InputError):
            propagate(population(count, 71), Doses(), Record(Grid.over(2 * DAY, 3 * DAY, HOUR), ("tolerance",)), state)


def test_a_state_under_another_implant() -> None:
    """A state stands at the start of a day since its implant; with another it is at no such start, which is an error of input."""
    patients = population(2, 72)
    state = state_after(2, patients)
    record = Record(Grid.over(2 * DAY, 4 * DAY, HOUR), ("tolerance",), implant_s=7 * HOUR)
    with pytest.raises(InputError):
        propagate(patients, Doses(), record, state)


def test_a_record_without_tolerance_can_be_resumed() -> None:
    """Also where only concentrations are asked for, the state has the tolerance that effects need later."""
    patients = population(2, 73)
    doses = alone(Infusion.constant(300, "T10", 0, 9 * DAY))
    first = propagate(patients, doses, Record(Grid.over(0, 5 * DAY, 5 * HOUR), ("plasma_ng_per_ml",), resumable=True))
    second = propagate(patients, doses, Record(Grid.over(6 * DAY, 9 * DAY, HOUR), EFFECTS), first.state)
    whole = seen(patients, doses, replace(second.grid), EFFECTS)
    for name in EFFECTS:
        assert np.abs(second[name] - whole[name]).max() <= 1e-10, name
