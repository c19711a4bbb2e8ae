"""The canal cut into cells: however many there are, volumes, losses and resistances are the integrals that they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.body.bodies import SHEETS, populations, typical_of
from thecal.body.column import CELLS, Column
from thecal.body.levels import CANAL_CM
from thecal.body.patient import Patients

cells = st.integers(2, 300)
heights = st.floats(0, CANAL_CM)
REGIONS = {"lumbosacral": (0.0, 20.0), "thoracic": (20.0, 47.0), "cervical": (47.0, 60.0)}


@given(populations, cells)
def test_volumes_are_the_integral_of_the_areas(patients: Patients, count: int) -> None:
    """Region by region, whether or not a border falls between two cells; the cranial box is as given."""
    column = Column.of(patients, count)
    stretch = patients["canal_length_cm"] / 60
    whole = sum(patients[f"area_{name}_cm2"] * (high - low) for name, (low, high) in REGIONS.items())
    assert column.volume_ml.shape == (patients.count, count + 1)
    assert column.volume_ml[:, :-1].sum(axis=1) == pytest.approx(whole * patients["area_scale"] * stretch, rel=1e-12)
    assert np.array_equal(column.volume_ml[:, -1], patients["cranial_volume_ml"])
    assert np.all(column.volume_ml > 0)
    assert np.all(column.exchange_ml_per_h > 0)


@given(populations, cells)
def test_losses_are_uptake_over_the_canal_and_the_cranial_loss(patients: Patients, count: int) -> None:
    """A cell loses its volume times uptake; the box what the patient's cranial fluid loses."""
    column = Column.of(patients, count)
    uptake = column.volume_ml[:, :-1] * patients["uptake_per_h"][:, None]
    assert column.loss_ml_per_h[:, :-1] == pytest.approx(uptake, rel=1e-12)
    assert np.array_equal(column.loss_ml_per_h[:, -1], patients["cranial_loss_ml_per_h"])


@given(populations, cells)
def test_resistances_add_up(patients: Patients, count: int) -> None:
    """From the middle of the lowest cell to the foramen magnum it is the integral of 1 / (A D), whatever lies between."""
    column = Column.of(patients, count)
    total = (1 / column.exchange_ml_per_h).sum(axis=1)
    middle = CANAL_CM / count / 2
    expected = np.zeros(patients.count)
    for name, (low, high) in REGIONS.items():
        ratio = np.ones(patients.count) if name == "lumbosacral" else patients[f"dispersion_{name}_ratio"]
        conductance = patients[f"area_{name}_cm2"] * patients["area_scale"] * patients["dispersion_cm2_per_h"] * ratio
        expected += max(0.0, high - max(low, middle)) / conductance
    assert total == pytest.approx(expected * patients["canal_length_cm"] / 60, rel=1e-12)


@given(cells, heights, heights)
def test_a_stretch_counts_once(count: int, one: float, other: float) -> None:
    """The parts of a stretch are none below 0, add up to 1, have its middle as their mean, and leave out the box."""
    low, high = sorted((one, other))
    if high - low < 1e-3:
        return
    column = Column.of(typical_of(), count)
    weights = column.between(low, high)
    assert weights.shape == (count + 1,)
    assert np.all(weights >= 0)
    assert weights.sum() == pytest.approx(1, rel=1e-9)
    assert weights[-1] == 0
    outside = [cell for cell in range(count) if (cell + 1) * 60 / count <= low or cell * 60 / count >= high]
    assert np.all(weights[outside] == 0)


@given(cells, heights)
def test_a_point_counts_once(count: int, height: float) -> None:
    """A point is shared by at most two neighbors, none below 0, 1 in all; between middles its mean height is its own."""
    weights = Column.of(typical_of(), count).at(height)
    assert weights.shape == (count + 1,)
    assert np.all(weights >= 0)
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    held = np.flatnonzero(weights)
    assert len(held) <= 2
    assert held[-1] - held[0] <= 1
    assert weights[-1] == 0
    middles = (np.arange(count) + 0.5) * CANAL_CM / count
    inside = min(max(height, middles[0]), middles[-1])
    assert weights[:-1] @ middles == pytest.approx(inside, rel=1e-12, abs=1e-12)


def test_the_box_is_above_all_cells() -> None:
    """The cranial fluid is one place and no part of the canal."""
    column = Column.of(typical_of())
    assert column.cells == CELLS
    assert column.cranial.tolist() == [0.0] * CELLS + [1.0]


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_longer_canal_holds_more(sheet: str) -> None:
    """Volumes and resistances grow in proportion to the length of the canal."""
    patients = typical_of(sheet)
    one = Column.of(patients)
    other = Column.of(patients.with_values(canal_length_cm=patients["canal_length_cm"] * 1.25))
    assert other.volume_ml[:, :-1] == pytest.approx(one.volume_ml[:, :-1] * 1.25)
    assert other.exchange_ml_per_h == pytest.approx(one.exchange_ml_per_h / 1.25)
