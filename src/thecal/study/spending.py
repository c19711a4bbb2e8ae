"""How a trial may look at itself before its end: Lan and DeMets' spending of the error, like O'Brien and Fleming's boundary.

By the part ``t`` of the information, ``2 - 2 Phi(z / sqrt(t))`` of the error of each side may have been spent, where z is the
deviate of half of that error. The boundaries are symmetric, and what crosses one does not come back.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from thecal.errors import InputError

Floats = NDArray[np.float64]

ALPHA = 0.05
"""The two-sided error of the whole trial."""
_FARTHEST = 38.0
"""Beyond so many standard deviations there is nothing that a float can tell from 0."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(512)


def spent(fraction: float, alpha: float = ALPHA) -> float:
    """What of the error of one side, ``alpha / 2``, may be spent by a part of the information from above 0 to 1."""
    return float(2 * ndtr(ndtri(alpha / 4) / sqrt(fraction)))


def boundaries(fractions: Sequence[float], alpha: float = ALPHA) -> tuple[float, ...]:
    """The standard normal deviates that a test has to come to at each look, so that chance alone does so with ``alpha`` in all.

    The probabilities of the multivariate normal of the looks, whose correlations are ``sqrt(t1 / t2)``, are worked out one look
    after another by integrating over what goes on (Armitage, McPherson and Rowe), which needs no chance. A look at which nothing
    can be spent yet has the boundary infinity. Raises InputError for fractions that do not rise from above 0 to 1.
    """
    if not fractions or any(after <= before for before, after in pairwise((0.0, *fractions))) or fractions[-1] > 1:
        raise InputError(
            "fractions", str(tuple(fractions)), "are not parts of the information", accepted=("rising, above 0 to 1",)
        )
    found: list[float] = []
    points, density = np.zeros(1), np.ones(1)  # before the first look all stands at 0
    for before, after in pairwise((0.0, *fractions)):
        step = sqrt(after - before)
        may = spent(after, alpha) - (spent(before, alpha) if before else 0.0)
        found.append(_boundary(points, density, step, sqrt(after), may))
        edge = min(found[-1], _FARTHEST) * sqrt(after)
        onward = edge * _NODES
        steps = (onward[:, None] - points[None, :]) / step
        points, density = onward, edge * _WEIGHTS * (np.exp(-(steps**2) / 2) @ density) / (step * sqrt(2 * np.pi))
    return tuple(found)


def _boundary(points: Floats, density: Floats, step: float, size: float, may: float) -> float:
    """The deviate above which, at one side, as much lies as may be spent; infinity where that is nothing to a float."""

    def crosses(z: float) -> float:
        return float(ndtr((points - z * size) / step) @ density)

    if may <= crosses(_FARTHEST):
        return inf
    return float(brentq(lambda z: crosses(z) - may, 0.0, _FARTHEST, xtol=1e-12))
