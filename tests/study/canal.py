"""A spinal canal worked out in another way: small cells and an implicit solver, straight from the equation and the sheet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.sparse import csc_matrix, diags
from scipy.sparse.linalg import spsolve

from thecal.body.patient import patient_sheet

Floats = NDArray[np.float64]

CELL_CM, CELLS = 0.2, 300
CELL_MIDDLES = CELL_CM * (np.arange(CELLS) + 0.5)
PUNCTURE, T12, T10, T2 = 10.0, 20.0, 25.0, 40.0
L3 = 10 + 10 / 7  # half a vertebra above L3/4, of the three and a half to T12 in 10 cm
LEGS = (CELL_MIDDLES > 17) & (CELL_MIDDLES < 24)
ARMS = (CELL_MIDDLES > 43.5) & (CELL_MIDDLES < 53)


def value(name: str) -> float:
    """The typical value of a parameter."""
    return patient_sheet("adult-ms").settings[name].typical


def hill(name: str, site: Floats, tolerance: Floats | float = 0.0) -> Floats:
    """An effect at an effect site, without the largest that it can be."""
    ratio = site / (value(f"ec50_{name}_ng_per_ml") * (1 + tolerance))
    power: Floats = ratio ** value(f"hill_{name}")
    return power / (1 + power)


def fall(site: Floats, tolerance: Floats | float = 0.0) -> Floats:
    """By how much of the way to 1 the Ashworth score is down."""
    return value("emax_tone") * hill("tone", site, tolerance)


@dataclass(frozen=True)
class Course:
    """Hours, concentrations in ng/mL (cells and the box, times), and effect sites that follow them."""

    hours: Floats
    fluid: Floats
    legs: Floats
    arms: Floats
    reflex: Floats

    def at(self, height_cm: float) -> Floats:
        """The concentration at a height."""
        return np.array([np.interp(height_cm, CELL_MIDDLES, column) for column in self.fluid[:-1].T])


class Canal:
    """The typical patient's canal; amounts in mcg, concentrations in ng/mL."""

    def __init__(self) -> None:
        region = np.digitize(CELL_MIDDLES, [20, 47])
        areas = np.array([value(f"area_{name}_cm2") for name in ("lumbosacral", "thoracic", "cervical")])
        ratios = np.array([1, value("dispersion_thoracic_ratio"), value("dispersion_cervical_ratio")])
        area = areas[region] * value("area_scale")
        half = CELL_CM / 2 / (area * ratios[region] * value("dispersion_cm2_per_h"))  # resistance of half a cell
        between = 1 / np.append(half[:-1] + half[1:], half[-1])
        self.volume = np.append(area * CELL_CM, value("cranial_volume_ml"))
        self.loss = np.append(area * CELL_CM * value("uptake_per_h"), value("cranial_loss_ml_per_h"))
        out = self.loss + np.append(between, 0) + np.insert(between, 0, 0)
        flows = diags([between, -out, between], [-1, 0, 1])
        self.matrix = csc_matrix(diags(1 / self.volume) @ flows)
        assert value("tissue_ratio") == 0

    def source(self, height_cm: float) -> Floats:
        """1 mcg/h at a point, as ng/mL in an hour."""
        given = np.zeros(CELLS + 1)
        place = int(height_cm / CELL_CM)
        given[place] = 1000 / self.volume[place]
        return given

    def puncture(self, mcg: float) -> Floats:
        """A bolus over the 6 cm around the puncture."""
        share = np.append(np.abs(CELL_MIDDLES - PUNCTURE) < 3, False)
        given: Floats = 1000 * mcg * share / share.sum() / self.volume
        return given

    def steady(self, source: Floats) -> Floats:
        """What an endless infusion leaves."""
        return np.array(spsolve(-self.matrix, source), dtype=np.float64)

    def course(
        self, hours: Floats, start: Floats, source: Floats | None = None, sites: tuple[float, float, float] = (0, 0, 0)
    ) -> Course:
        """What follows from a beginning, by an implicit solver: canal and sites of legs, arms and reflex as one system."""
        size = CELLS + 4
        ke0, fast = value("ke0_tone_per_h"), value("ke0_reflex_per_h")
        system = np.zeros((size, size))
        system[: CELLS + 1, : CELLS + 1] = self.matrix.toarray()
        for place, (rate, where) in enumerate(((ke0, LEGS), (ke0, ARMS), (fast, LEGS)), start=CELLS + 1):
            system[place, :CELLS] = rate * where / where.sum()
            system[place, place] = -rate
        sparse = csc_matrix(system)
        given = np.append(np.zeros(CELLS + 1) if source is None else source, np.zeros(3))
        found = solve_ivp(  # not by BDF: SciPy's takes differences of memory that it never wrote, which now and then warns
            lambda _, held: sparse @ held + given, (0, hours[-1]), np.append(start, sites), "Radau", hours,
            jac=sparse, rtol=1e-7, atol=1e-7,
        )  # fmt: skip
        assert found.success
        return Course(hours, found.y[: CELLS + 1], *found.y[CELLS + 1 :])
