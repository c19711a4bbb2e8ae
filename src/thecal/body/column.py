"""The spinal canal cut into cells: volumes, what passes between them, what is lost, and where sites and sources lie.

``A(z) dC/dt = d/dz (A D dC/dz) - A k C + S``, from the sac end to a well-mixed cranial box. A cell's volume is the integral of
the area over it and the resistance between two cells that of ``1 / (A D)``, so that a border between regions may lie anywhere in
a cell; sites, sources and levels count for the part of a cell that they cover.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.levels import CANAL_CM
from thecal.body.patient import Patients

Floats = NDArray[np.float64]

CELLS = 40
_REGIONS_CM = (0.0, 20.0, 47.0, CANAL_CM)  # lumbosacral, thoracic, cervical: the lengths that the areas were measured over


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of a batch of canals, the cranial box last.

    ``volume_ml`` and ``loss_ml_per_h`` have shape (patients, cells + 1), ``exchange_ml_per_h`` (patients, cells): between a cell
    and the one above it. Heights are those of an adult canal and scale with each patient's length.
    """

    cells: int
    volume_ml: Floats
    exchange_ml_per_h: Floats
    loss_ml_per_h: Floats

    @classmethod
    def of(cls, patients: Patients, cells: int = CELLS) -> "Column":
        """The canals of a batch of patients."""
        areas = np.stack([patients[f"area_{region}_cm2"] for region in ("lumbosacral", "thoracic", "cervical")], axis=1)
        areas = areas * patients["area_scale"][:, None]
        ratios = np.stack(
            [np.ones(patients.count), patients["dispersion_thoracic_ratio"], patients["dispersion_cervical_ratio"]], axis=1
        )
        spread = ratios * patients["dispersion_cm2_per_h"][:, None]
        stretch = (patients["canal_length_cm"] / CANAL_CM)[:, None]
        edges = np.linspace(0.0, CANAL_CM, cells + 1)
        middles = (edges[:-1] + edges[1:]) / 2
        volume = np.diff(_integral(areas, edges), axis=1) * stretch
        resistance = np.diff(_integral(1 / (areas * spread), np.append(middles, CANAL_CM)), axis=1) * stretch
        box = patients["cranial_volume_ml"][:, None], patients["cranial_loss_ml_per_h"][:, None]
        return cls(
            cells,
            np.concatenate([volume, box[0]], axis=1),
            1 / resistance,
            np.concatenate([volume * patients["uptake_per_h"][:, None], box[1]], axis=1),
        )

    def between(self, low_cm: float, high_cm: float) -> Floats:
        """How much of a stretch of the canal lies in each cell, in parts of 1; the box is above all of it."""
        edges = np.linspace(0.0, CANAL_CM, self.cells + 1)
        covered = np.minimum(edges[1:], high_cm) - np.maximum(edges[:-1], low_cm)
        return np.append(np.maximum(covered, 0.0) / (high_cm - low_cm), 0.0)

    def at(self, height_cm: float) -> Floats:
        """A point of the canal, shared between the two cells whose middles it lies between."""
        place = height_cm / CANAL_CM * self.cells - 0.5
        place = min(max(place, 0.0), self.cells - 1.0)
        low = min(int(place), self.cells - 2)
        weights = np.zeros(self.cells + 1)
        weights[low], weights[low + 1] = low + 1 - place, place - low
        return weights

    @property
    def cranial(self) -> Floats:
        """The cranial box."""
        return np.append(np.zeros(self.cells), 1.0)


def _integral(values: Floats, heights: Floats) -> Floats:
    """The integral from the sac end to each height of what is constant in each region; (patients, heights)."""
    low, high = np.array(_REGIONS_CM[:-1]), np.array(_REGIONS_CM[1:])
    covered = np.clip(heights[:, None] - low, 0.0, high - low)
    integral: Floats = np.sum(values[:, :, None] * covered.T, axis=1)  # each patient for itself, to the last bit
    return integral
