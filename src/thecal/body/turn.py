"""The modes of many canals, and the Hill function, as compiled loops."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from thecal.body.jit import compiled

Floats = NDArray[np.float64]

_EPSILON = 2.0**-53
_SWEEPS_MAX = 60


@compiled(parallel=True)
def hill(concentration: Floats, half: Floats, steepness: Floats, part: Floats) -> None:
    """The Hill function of (patients, times) into ``part``; ``half`` may be one for each patient."""
    for patient in prange(len(part)):
        for t in range(part.shape[1]):
            ratio = concentration[patient, t] / half[patient, t % half.shape[1]]
            part[patient, t] = 1.0 / (1.0 + np.exp(-steepness[patient] * np.log(ratio)))


@compiled(parallel=True)
def turn(diagonal: Floats, beside: Floats, rows: Floats, rate: Floats, turned: Floats) -> bool:
    """Diagonalize symmetric tridiagonal matrices by implicit QL with Wilkinson's shift, turning the rows with them."""
    count, size = diagonal.shape
    found = np.ones(count, dtype=np.bool_)
    for patient in prange(count):
        d, e = diagonal[patient].copy(), np.zeros(size)
        e[: size - 1] = beside[patient]
        r = np.ascontiguousarray(rows[patient].T)
        for low in range(size):
            for sweep in range(_SWEEPS_MAX + 1):
                high = low
                while high < size - 1 and abs(e[high]) > _EPSILON * (abs(d[high]) + abs(d[high + 1])):
                    high += 1
                if high == low:
                    break
                if sweep == _SWEEPS_MAX:
                    found[patient] = False
                    break
                g = (d[low + 1] - d[low]) / (2.0 * e[low])
                g = d[high] - d[low] + e[low] / (g + np.copysign(np.hypot(g, 1.0), g))
                s, c, p = 1.0, 1.0, 0.0
                whole = True
                for i in range(high - 1, low - 1, -1):
                    f, b = s * e[i], c * e[i]
                    length = np.sqrt(f * f + g * g)
                    e[i + 1] = length
                    if length == 0.0:
                        d[i + 1] -= p
                        e[high] = 0.0
                        whole = False
                        break
                    s, c = f / length, g / length
                    g = d[i + 1] - p
                    length = (d[i] - g) * s + 2.0 * c * b
                    p = s * length
                    d[i + 1] = g + p
                    g = c * length - b
                    for k in range(r.shape[1]):
                        upper = r[i + 1, k]
                        r[i + 1, k] = s * r[i, k] + c * upper
                        r[i, k] = c * r[i, k] - s * upper
                if whole:
                    d[low] -= p
                    e[low] = g
                    e[high] = 0.0
        for i in range(size):
            least = i
            for j in range(i + 1, size):
                least = j if d[j] < d[least] else least
            rate[patient, i], d[least] = d[least], d[i]
            for k in range(r.shape[1]):
                turned[patient, k, i], r[least, k] = r[least, k], r[i, k]
    return bool(np.all(found))
