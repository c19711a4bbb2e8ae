"""Blood: two compartments, as the two exponentials that they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.patient import Patients

Floats = NDArray[np.float64]

NORMAL_RENAL_ML_PER_MIN = 105.0
"""The creatinine clearance to which the typical clearance belongs."""


@dataclass(frozen=True, slots=True)
class Plasma:
    """The disposition of a batch. Drug that enters the central compartment is followed in two parts, which decay at the ``rate``
    (patients, 2) of each; ``central`` and ``peripheral`` (patients, 2) are what 1 mcg in a part has in either compartment.
    """

    rate: Floats
    central: Floats
    peripheral: Floats
    volume_ml: Floats
    elimination_per_h: Floats

    @classmethod
    def of(cls, patients: Patients) -> "Plasma":
        """Micro-constants to exponentials. Systemic clearance is CL/F times F, and falls with renal function by
        ``CL0 (1 - fe + fe CrCL / 105)``.
        """
        fe = patients["renal_fraction"]
        renal = 1 - fe + fe * patients["creatinine_clearance_ml_per_min"] / NORMAL_RENAL_ML_PER_MIN
        k10 = patients["oral_clearance_l_per_h"] * renal / patients["oral_volume_l"]
        k12, k21 = patients["k12_per_h"], patients["k21_per_h"]
        total = k10 + k12 + k21
        apart = np.sqrt((k10 + k12 - k21) ** 2 + 4 * k12 * k21)  # never 0: every constant is positive
        fast = (total + apart) / 2
        slow = k10 * k21 / fast
        rate = np.stack([fast, slow], axis=1)
        central = np.stack([(fast - k21) / apart, (k21 - slow) / apart], axis=1)
        share = k12 / apart
        return cls(
            rate, central, np.stack([-share, share], axis=1), patients["oral_volume_l"] * 1000 * patients["bioavailability"], k10
        )
