"""What is kept of a body: channels that exist, on a grid with an instant, whole or as true summaries."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.body.bodies import (
    CONCENTRATIONS,
    DAY,
    FLUID,
    HOUR,
    MINUTE,
    alone,
    day_and_night,
    everything,
    grids,
    mcg,
    population,
    seeds,
    seen,
)
from thecal.body.doses import Bolus, Doses, Infusion
from thecal.body.propagate import propagate
from thecal.body.record import DERIVED, LINEAR, Record, Watch
from thecal.body.schedule import Grid
from thecal.errors import InputError

GRID = Grid.over(0, DAY, HOUR)
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "an unknown channel": (lambda: Record(GRID, ("ashworth_leg",)), ("'ashworth_leg'", "Did you mean 'ashworth_legs'?")),
    "another": (lambda: Record(GRID, ("plasma",)), ("'plasma'", "Did you mean 'plasma_ng_per_ml'?")),
    "one of several": (lambda: Record(GRID, ("tolerance", "Legs_ng_per_ml")), ("Did you mean 'legs_ng_per_ml'?",)),
    "a name of nothing": (lambda: Record(GRID, ("",)), ("channel", "plasma_ng_per_ml")),
    "a level that is none": (lambda: Record(GRID, ("csf_t13_ng_per_ml",)), ("channel", "T13", "T1 to T12")),
    "a level in capitals": (lambda: Record(GRID, ("csf_T10_ng_per_ml",)), ("csf_T10_ng_per_ml", "'csf_t10_ng_per_ml'")),
    "a level with a gap": (lambda: Record(GRID, ("csf_t_10_ng_per_ml",)), ("channel", "T1 to T12")),
    "no unit": (lambda: Record(GRID, ("csf_t10",)), ("'csf_t10'", "'csf_t10_ng_per_ml'")),
    "no channel": (lambda: Record(GRID, ()), ("channels", "plasma_ng_per_ml")),
    "a channel twice": (lambda: Record(GRID, ("tolerance", "tolerance")), ("channels", "twice")),
    "a watch of what is not kept": (
        lambda: Record(GRID, ("tolerance",), summarize=True, watch=(Watch("spasm_penn", 1),)),
        ("watch", "'spasm_penn'", "tolerance"),
    ),
    "a watch of what is no channel": (
        lambda: Record(GRID, ("tolerance",), watch=(Watch("tolerence", 1),)),
        ("'tolerence'", "Did you mean 'tolerance'?"),
    ),
    "no instant": (lambda: Record(Grid(0, HOUR, 0), ("tolerance",)), ("grid", "no instant", "1 or more")),
    "fewer than none": (lambda: Record(Grid.over(DAY, 0, HOUR), ("tolerance",)), ("grid", "no instant")),
    "no step": (lambda: Record(Grid(0, 0, 5), ("tolerance",)), ("grid", "0 s")),
    "a step backwards": (lambda: Record(Grid(0, -HOUR, 5), ("tolerance",)), ("grid", f"{-HOUR} s")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept(case: str) -> None:
    """Refused with what was written, what is accepted, and the nearest that is known."""
    make, words = REFUSED[case]
    with pytest.raises(InputError) as refused:
        make()
    for word in words:
        assert word in str(refused.value)


def test_a_grid_over_a_span_of_no_steps() -> None:
    """A step of nothing over a span is an error of input too."""
    with pytest.raises(InputError, match="step"):
        Record(Grid.over(0, DAY, 0), ("tolerance",))


def test_a_grid() -> None:
    """As often as it fits, the end included; one instant where the step is too long."""
    assert Grid.over(0, DAY, HOUR) == Grid(0, HOUR, 25)
    assert Grid.over(0, DAY - 1, HOUR).end_s == 23 * HOUR
    assert Grid.over(5, 5, HOUR) == Grid(5, HOUR, 1)
    assert Grid.over(0, HOUR - 1, HOUR).count == 1
    assert Grid(HOUR, 1800, 3).hours.tolist() == [1.0, 1.5, 2.0]
    assert Grid(10, 5, 3).holds(20)
    assert not Grid(10, 5, 3).holds(25)
    assert not Grid(10, 5, 3).holds(12)


@given(st.integers(-50, 50), st.integers(1, 12), st.integers(1, 20), st.integers(-50, 50), st.integers(1, 12), st.integers(1, 20))
def test_a_grid_within_a_grid(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    """Where the instants of a grid stand in a finer one, they are the same instants; None where one of them does not."""
    fine, coarse = Grid(a, b, c), Grid(d, e, f)
    instants = [a + b * n for n in range(c)]
    wanted = [d + e * n for n in range(f)]
    found = fine.within(coarse)
    if found is not None:
        assert instants[found] == wanted
    elif f > 1:
        assert not set(wanted) <= set(instants)


@settings(max_examples=15)
@given(everything(), grids, seeds)
def test_summaries_are_those_of_the_trajectory(doses: Doses, grid: Grid, seed: int) -> None:
    """Minimum, mean by the trapezoidal rule, maximum, and the hours above and below, of every channel."""
    patients = population(2, seed)
    channels = (*CONCENTRATIONS, *DERIVED)
    whole = seen(patients, doses, grid, channels)
    watch = tuple(Watch(name, level) for name in channels for level in (0.0, float(np.median(whole[name])), 3.0))
    response = propagate(patients, doses, Record(grid, channels, summarize=True, watch=watch))
    assert not response.values
    assert set(response.summaries) == set(channels)
    weights = np.full(grid.count, grid.step_s / 3600)
    weights[[0, -1]] /= 2
    for name in channels:
        summary, values = response.summaries[name], whole[name]
        size = max(1e-300, float(values.max()))
        assert np.allclose(summary.minimum, values.min(axis=1), rtol=0, atol=1e-12 * size)
        assert np.allclose(summary.maximum, values.max(axis=1), rtol=0, atol=1e-12 * size)
        mean = np.trapezoid(values, axis=1) / (grid.count - 1)
        assert np.allclose(summary.mean, mean, rtol=0, atol=1e-12 * size)
        for level in {one.level for one in watch if one.channel == name}:
            near = np.abs(values - level) <= 1e-12 * size
            unsure = near @ weights
            assert np.all(np.abs(summary.hours_above[level] - (values > level) @ weights) <= unsure + 1e-9)
            assert np.all(np.abs(summary.hours_below[level] - (values < level) @ weights) <= unsure + 1e-9)
    assert response.balance.closes


def test_a_summary_of_one_instant() -> None:
    """Minimum, mean and maximum are the value that is there."""
    patients = population(2, 50)
    doses, grid = alone(Bolus(0, mcg(50))), Grid(6 * HOUR, HOUR, 1)
    summary = propagate(patients, doses, Record(grid, ("legs_ng_per_ml",), summarize=True)).summaries["legs_ng_per_ml"]
    value = seen(patients, doses, grid, ("legs_ng_per_ml",))["legs_ng_per_ml"][:, 0]
    for number in (summary.minimum, summary.mean, summary.maximum):
        assert np.allclose(number, value, rtol=1e-12, atol=0)


def test_a_summary_of_more_patients_than_fit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory holds only some of the patients at a time, every one is still there, in the same order."""
    patients = population(40, 51)
    doses = alone(Infusion.constant(np.linspace(10, 400, 40), "T10", 0, 3 * DAY))
    monkeypatch.setattr("thecal.body.propagate._BLOCK_BYTES", 8 * 2 * 73 * 7)
    grid = Grid.over(0, 3 * DAY, HOUR)
    record = Record(grid, ("legs_ng_per_ml",), summarize=True, watch=(Watch("legs_ng_per_ml", 20.0),))
    response = propagate(patients, doses, record)
    ends = seen(patients, doses, Grid(3 * DAY, 1, 1), ("legs_ng_per_ml",))["legs_ng_per_ml"][:, 0]
    assert np.allclose(response.summaries["legs_ng_per_ml"].maximum, ends, rtol=1e-9, atol=0)
    assert np.allclose(response.balance.given, np.linspace(10, 400, 40) * 3)
    whole = seen(patients, doses, grid, ("legs_ng_per_ml",))["legs_ng_per_ml"]
    weights = np.array([0.5, *[1.0] * 71, 0.5])
    assert np.allclose(response.summaries["legs_ng_per_ml"].hours_above[20.0], (whole > 20) @ weights)


@pytest.mark.parametrize("name", [*FLUID, "csf_l3_ng_per_ml", "csf_c1_ng_per_ml", *LINEAR, *DERIVED])
def test_every_channel_alone(name: str) -> None:
    """Each can be asked for by itself, has one value for each patient and instant, and is what it is beside the others."""
    patients, grid = population(2, 52), Grid.over(0, 2 * DAY, 30 * MINUTE)
    doses = Doses((day_and_night(0, 2 * DAY),), (Bolus(0, mcg(50)),))
    response = seen(patients, doses, grid, (name,))
    assert set(response.values) == {name}
    assert response[name].shape == (2, grid.count)
    beside = seen(patients, doses, grid, tuple(dict.fromkeys((*CONCENTRATIONS, name, *DERIVED))))[name]
    assert np.abs(beside - response[name]).max() <= 1e-12 * max(1, np.abs(beside).max())
    assert np.array_equal(response.hours, grid.hours)


def test_tolerance_of_a_response() -> None:
    """At the start of each day since the implant, (patients, days), where an effect that needs it was asked for."""
    patients = population(2, 53)
    doses = alone(Infusion.constant(200, "T10", 0, 5 * DAY))
    response = seen(patients, doses, Grid.over(0, 5 * DAY + HOUR, HOUR), ("tolerance",), DAY)
    assert response.tolerance is not None
    assert response.tolerance.shape == (2, 5)
    assert np.all(response.tolerance[:, 0] == 0)
    assert np.all(np.diff(response.tolerance, axis=1) > 0)
    assert np.array_equal(response["tolerance"][:, 24 + 12 :: 24], response.tolerance[:, :4])
    assert seen(patients, doses, GRID, ("weakness_index", "plasma_ng_per_ml")).tolerance is None


def test_a_grid_that_ends_before_the_implant() -> None:
    """A screening bolus long before the implant: effects without tolerance, and no error."""
    patients = population(2, 54)
    response = seen(patients, alone(Bolus(0, mcg(50))), Grid.over(0, DAY, HOUR), tuple(DERIVED), 40 * DAY)
    assert np.all(response["tolerance"] == 0)
    assert np.all(response["ashworth_legs"].min(axis=1) < response["ashworth_legs"][:, 0])
