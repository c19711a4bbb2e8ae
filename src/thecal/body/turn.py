"""The modes of many canals, and the Hill function, as compiled loops.

Both are written so that a compiler can do several numbers at once: canals are solved eight side by side, and exponentials and
logarithms are polynomials. Nothing that one lane does depends on what stands in another.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from thecal.body.jit import compiled, inside

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LANES = 8
_EPSILON = 2.0**-53
_LEAST = 1e-300
_SWEEPS_MAX = 60
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2
_ROOT_2 = 1.4142135623730951
_WHOLE = 6755399441055744.0  # 1.5 * 2^52: added to a number it leaves the whole part in the lowest bits
_EXPONENT = 4503599627370496.0  # 2^52: or-ed to a small integer it makes the float of it
_EXP_MAX = 700.0


@compiled(parallel=True)
def hill(concentration: Floats, half: Floats, steepness: Floats, part: Floats) -> None:
    """As the effect module, into ``part`` (patients, times); ``half`` is (patients, times) or (patients, 1)."""
    for patient in prange(len(part)):
        one, h = part[patient], steepness[patient]
        if half.shape[1] == 1:
            _hill(concentration[patient], half[patient, 0], h, one)
        else:
            _hill_of_each(concentration[patient], half[patient], h, one)


@inside(ordered=True)
def _hill(concentration: Floats, half: float, h: float, part: Floats) -> None:
    for t in range(len(part)):
        value = 1.0 / (1.0 + _exp(-h * _log(concentration[t] / half)))
        part[t] = value if concentration[t] > 0.0 else 0.0


@inside(ordered=True)
def _hill_of_each(concentration: Floats, half: Floats, h: float, part: Floats) -> None:
    for t in range(len(part)):
        value = 1.0 / (1.0 + _exp(-h * _log(concentration[t] / half[t])))
        part[t] = value if concentration[t] > 0.0 else 0.0


@inside(ordered=True)
def _exp(x: float) -> float:
    """Within an ulp or two, of what is not beyond floating point."""
    x = min(max(x, -_EXP_MAX), _EXP_MAX)
    shifted = x / (_LN2_HIGH + _LN2_LOW) + _WHOLE
    whole = shifted - _WHOLE
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = ((p * r + 1.0 / 479001600.0) * r + 1.0 / 39916800.0) * r + 1.0 / 3628800.0
    p = ((p * r + 1.0 / 362880.0) * r + 1.0 / 40320.0) * r + 1.0 / 5040.0
    p = ((p * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0
    p = (((p * r + 1.0 / 6.0) * r + 0.5) * r + 1.0) * r + 1.0
    raised = np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << np.int64(52))
    return np.int64(raised).view(np.float64)


@inside(ordered=True)
def _log(x: float) -> float:
    """Within an ulp or two, of what is above 0 and normal."""
    bits = np.float64(x).view(np.uint64)
    power = np.uint64((bits >> np.uint64(52)) | np.uint64(0x4330000000000000)).view(np.float64) - (_EXPONENT + 1023.0)
    m = np.uint64((bits & np.uint64(0x000FFFFFFFFFFFFF)) | np.uint64(0x3FF0000000000000)).view(np.float64)
    power = power + 1.0 if m > _ROOT_2 else power
    m = 0.5 * m if m > _ROOT_2 else m
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = ((z / 21.0 + 1.0 / 19.0) * z + 1.0 / 17.0) * z + 1.0 / 15.0
    p = ((p * z + 1.0 / 13.0) * z + 1.0 / 11.0) * z + 1.0 / 9.0
    p = ((p * z + 1.0 / 7.0) * z + 1.0 / 5.0) * z + 1.0 / 3.0
    return power * _LN2_HIGH + (2.0 * s + (2.0 * s * z * p + power * _LN2_LOW))


@compiled(parallel=True)
def turn(diagonal: Floats, beside: Floats, rows: Floats, rate: Floats, turned: Floats) -> bool:
    """Squared singular values of upper bidiagonal matrices into ``rate``, least first; ``rows`` turned with them into ``turned``.

    Implicit QR from the top down, shifted by the least singular value of the last two rows (Golub and Kahan); False where it does
    not come to an end.
    """
    groups = (len(diagonal) + _LANES - 1) // _LANES
    found = np.ones(groups, dtype=np.bool_)
    for group in prange(groups):
        found[group] = _turn_lanes(diagonal, beside, rows, rate, turned, group * _LANES)
    return bool(np.all(found))


@inside()
def _turn_lanes(diagonal: Floats, beside: Floats, rows: Floats, rate: Floats, turned: Floats, first: int) -> bool:
    """Some patients side by side; those over in the last group are the last patient again."""
    count, size, several = len(diagonal), diagonal.shape[1], rows.shape[1]
    d, e, r = np.empty((size, _LANES)), np.zeros((size + 1, _LANES)), np.empty((size, several, _LANES))
    for lane in range(_LANES):
        patient = min(first + lane, count - 1)
        for i in range(size):
            d[i, lane] = diagonal[patient, i]
            e[i, lane] = beside[patient, i] if i < size - 1 else 0.0
            for k in range(several):
                r[i, k, lane] = rows[patient, k, i]
    going, spare = np.empty(_LANES, np.bool_), np.empty((4, _LANES))
    found = True
    for high in range(size - 1, 0, -1):
        for sweep in range(_SWEEPS_MAX + 1):
            some = False
            for lane in range(_LANES):
                going[lane] = abs(e[high - 1, lane]) > _EPSILON * abs(d[high, lane])
                some = some or going[lane]
            found = found and not (some and sweep == _SWEEPS_MAX)
            if not some or sweep == _SWEEPS_MAX:
                break
            _shift(d, e, high, spare[0], spare[1])
            _sweep(d, e, r, high, going, spare[0], spare[1], spare[2], spare[3])
    for lane in range(min(_LANES, count - first)):
        for i in range(size):
            least = i
            for j in range(i + 1, size):
                least = j if abs(d[j, lane]) < abs(d[least, lane]) else least
            rate[first + lane, i] = d[least, lane] * d[least, lane]
            d[least, lane] = d[i, lane]
            for k in range(several):
                turned[first + lane, k, i] = r[least, k, lane]
                r[least, k, lane] = r[i, k, lane]
    return found


@inside()
def _shift(d: Floats, e: Floats, high: int, f: Floats, g: Floats) -> None:
    """The first rotation of a sweep, as the pair that it turns into one."""
    for lane in range(_LANES):
        a, b = abs(d[high - 1, lane]), abs(d[high, lane])
        low, most, first = min(a, b), max(a, b), d[0, lane]
        up, down, across = 1.0 + low / most, (most - low) / most, (e[high - 1, lane] / most) ** 2
        shift = 2.0 * low / (np.sqrt(up * up + across) + np.sqrt(down * down + across))
        shift = shift if shift * shift > _EPSILON * first * first else 0.0  # a smaller one would cost the slowest rate its digits
        f[lane] = (abs(first) - shift) * (np.copysign(1.0, first) + shift / first)
        g[lane] = e[0, lane]


@inside()
def _sweep(d: Floats, e: Floats, r: Floats, high: int, going: Flags, f: Floats, g: Floats, c: Floats, s: Floats) -> None:
    """From the top down to ``high``, in the lanes that are still going: a rotation from the right, one from the left."""
    for i in range(high):
        here, below, over, before, after = d[i], d[i + 1], e[i], e[max(i - 1, 0)], e[i + 1]
        for lane in range(_LANES):
            on = going[lane]
            length = np.sqrt(f[lane] * f[lane] + g[lane] * g[lane])
            right = f[lane] / max(length, _LEAST) if length > 0.0 else 1.0
            rise = g[lane] / max(length, _LEAST)
            top, next_over = right * here[lane] + rise * over[lane], right * over[lane] - rise * here[lane]
            bulge, next_below = rise * below[lane], right * below[lane]
            size = np.sqrt(top * top + bulge * bulge)
            left = top / max(size, _LEAST) if size > 0.0 else 1.0
            fall = bulge / max(size, _LEAST)
            before[lane] = length if on and i > 0 else before[lane]
            here[lane] = size if on else here[lane]
            f[lane] = left * next_over + fall * next_below
            below[lane] = left * next_below - fall * next_over if on else below[lane]
            over[lane] = f[lane] if on else over[lane]
            g[lane] = fall * after[lane]
            after[lane] = left * after[lane] if on and i < high - 1 else after[lane]
            c[lane], s[lane] = right if on else 1.0, rise if on else 0.0
        upper, lower = r[i], r[i + 1]
        for k in range(r.shape[1]):
            for lane in range(_LANES):
                one, other = upper[k, lane], lower[k, lane]
                upper[k, lane] = c[lane] * one + s[lane] * other
                lower[k, lane] = c[lane] * other - s[lane] * one
