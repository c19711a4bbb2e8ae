"""What passes through first-order steps in a row: divided differences of the exponential, exact where rates meet.

A unit that enters the first of two steps with rates ``a`` and ``b`` at time 0 stands in the second, per unit of the link between
them, as ``(exp(-a t) - exp(-b t)) / (b - a)`` at time ``t``. That form loses every digit where ``a`` nears ``b``; these do not.
All work elementwise on arrays that broadcast; rates per hour, times in hours.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TERMS = 18  # of the series of chain3 below a spread of 1: the next is less than 1e-17 of the first


def filled(a: Floats, hours: float) -> Floats:
    """What a flow of 1 in an hour leaves in one step: ``(1 - exp(-a t)) / a``; rates are above 0."""
    held: Floats = -np.expm1(-a * hours) / a
    return held


def filled2(a: Floats, b: Floats, hours: float, passed: Floats) -> Floats:
    """What a flow of 1 in an hour leaves in the second of two steps, per unit of the link: the integral of ``chain2``, which is
    ``passed``; rates are above 0.
    """
    left: Floats = (filled(np.minimum(a, b), hours) - passed) / np.maximum(a, b)
    return left


def chain2(a: Floats, b: Floats, hours: float) -> Floats:
    """Through two steps: ``integral of exp(-a s) exp(-b (t - s)) ds`` from 0 to ``t``."""
    slow, gap = np.minimum(a, b), np.abs(b - a)
    apart = gap > 0
    safe = np.where(apart, gap, 1.0)
    return np.exp(-slow * hours) * np.where(apart, -np.expm1(-safe * hours) / safe, hours)


def chain3(a: Floats, b: Floats, c: Floats, hours: float) -> Floats:
    """Through three steps: the divided difference of second order."""
    low, mid, high = np.sort(np.broadcast_arrays(a, b, c), axis=0)
    wide = (high - low) * hours > 1
    spread = np.where(wide, high - low, 1.0)
    apart = (chain2(low, mid, hours) - chain2(mid, high, hours)) / spread
    first, last = (mid - low) * hours, (high - low) * hours
    term, power, total, factorial = np.ones_like(first), np.ones_like(first), np.zeros_like(first), 2.0
    with np.errstate(over="ignore", invalid="ignore"):  # where the rates are wide apart the series is not used
        for k in range(_TERMS):
            total = total + term / factorial
            power = power * -first
            term = term * -last + power
            factorial *= k + 3
        near = np.exp(-low * hours) * hours**2 * total
    return np.where(wide, apart, near)
