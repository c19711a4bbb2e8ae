"""Where a vertebral level lies along the spinal canal."""

import itertools
import re

from thecal.errors import InputError

CANAL_CM = 60.0
"""Sac end to foramen magnum of an adult; the heights below are of such a canal, and scale with its length."""
LUMBAR_PUNCTURE_CM = 10.0
"""L3/4, where a screening bolus is given and CSF is drawn."""
LEG_CORD_CM = (17.0, 24.0)
"""The cord segments L2 to S2 lie at vertebral T11 to L1."""
ARM_CORD_CM = (43.5, 53.0)
"""The cord segments C5 to T1 lie at vertebral C4 to C7."""
_LEVEL = re.compile(r"([CTL])([1-9][0-9]?)")
_LAST = {"C": 7, "T": 12, "L": 5}
# Landmarks in cm above the sac end; between them levels are spaced evenly.
_LANDMARKS = ((-3.5, LUMBAR_PUNCTURE_CM), (0.0, 20.0), (2.0, 25.0), (10.0, 40.0), (18.5, CANAL_CM))


def level_cm(level: str, field: str = "tip_level") -> float:
    """The height of a vertebral level above the sac end of an adult canal.

    From the landmarks L3/4 10, T12 20, T10 25, T2 40 and the foramen magnum 60 cm (anatomy, recalled; confidence R), evenly
    spaced between them (D). Raises InputError for what is no vertebral level.
    """
    match = _LEVEL.fullmatch(level)
    if match is None or not 1 <= int(match[2]) <= _LAST[match[1]]:
        accepted = ("C1 to C7", "T1 to T12", "L1 to L5")
        raise InputError(field, level, "is not a vertebral level", accepted=accepted, nearest=None)
    number = int(match[2])
    above = {"L": -number, "T": 12 - number, "C": 19 - number}[match[1]]  # vertebrae above T12
    for (low, low_cm), (high, high_cm) in itertools.pairwise(_LANDMARKS):
        if above <= high:
            return low_cm + (above - low) * (high_cm - low_cm) / (high - low)
    raise AssertionError(level)
