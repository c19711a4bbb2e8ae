"""The same equations as compiled loops, a patient at a time on every core (numba, extra ``fast``)."""

from collections.abc import Sequence

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from thecal.body.engine import FADED
from thecal.body.march import Contents, Reading, Steps
from thecal.body.schedule import Piece
from thecal.errors import ThecalError

Floats = NDArray[np.float64]

_SUMS = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinity stay what they are
_SWEEPS_MAX = 60


class CompiledEngine:
    """The equations of the body in compiled loops."""

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """As the protocol says, by implicit QL turning the rows only; the eigenvectors themselves are never formed."""
        rate, turned = diagonal.copy(), np.ascontiguousarray(rows.transpose(0, 2, 1))
        if not _turn(rate, np.concatenate([beside, np.zeros((len(beside), 1))], axis=1), turned):
            raise ThecalError("the modes of a canal were not found: its parameters are beyond floating point")
        order = np.argsort(rate, axis=1)
        turned = np.take_along_axis(turned, order[:, :, None], axis=1)
        return np.take_along_axis(rate, order, axis=1), np.ascontiguousarray(turned.transpose(0, 2, 1))

    def once(
        self, pieces: Sequence[Piece], contents: Contents, steps: Steps, reading: Reading, out: Floats, first: int
    ) -> Contents:
        """As the protocol says."""
        modes, links = contents.modes.copy(), contents.links.copy()
        seen = np.array([piece.seen for piece in pieces])
        nothing = np.zeros(steps.cascade.given.shape[1])
        flows = _by_patient([piece.flows for piece in pieces])
        given = _by_patient([nothing if piece.given is None else piece.given for piece in pieces])
        gets = np.array([piece.given is not None for piece in pieces])
        which, stacked = _stacked(pieces, steps)
        into = steps.cascade.given
        decay, feed, own, mode_given, link_given = stacked
        read = reading.modes, reading.links
        _once(which, flows, given, gets, seen, decay, feed, own, mode_given, link_given, into, *read, modes, links, out, first)
        return Contents(modes, links)

    def fade(
        self, apart: Contents, pieces: Sequence[Piece], steps: Steps, reading: Reading, out: Floats, first: int, days: int
    ) -> None:
        """As the protocol says."""
        seen = np.array([piece.seen for piece in pieces])
        which, (decay, feed, own, _, _) = _stacked(pieces, steps)
        modes, links = apart.modes.copy(), apart.links.copy()
        _fade(which, seen, decay, feed, own, reading.modes, reading.links, modes, links, out, first, days)


def _by_patient(rows: Sequence[Floats]) -> Floats:
    """(pieces, patients or 1, sources)."""
    count = max(row.shape[0] if row.ndim == 2 else 1 for row in rows)
    return np.stack([np.broadcast_to(row, (count, row.shape[-1])) for row in rows])


def _stacked(pieces: Sequence[Piece], steps: Steps) -> tuple[NDArray[np.int64], tuple[Floats, ...]]:
    """(which step each piece is, every step's arrays along a new first axis)."""
    lengths = list(dict.fromkeys(piece.seconds for piece in pieces))
    names = ("decay", "feed", "own", "mode_given", "link_given")
    stacked = tuple(np.stack([getattr(steps[seconds], name) for seconds in lengths]) for name in names)
    return np.array([lengths.index(piece.seconds) for piece in pieces]), stacked


@njit(parallel=True, error_model="numpy", fastmath=_SUMS)
def _turn(diagonal: Floats, beside: Floats, rows: Floats) -> bool:
    """Diagonalize every symmetric tridiagonal matrix in place by implicit QL with Wilkinson's shift; rows are (patients, n,
    rows).
    """
    found = np.ones(len(diagonal), dtype=np.bool_)
    for patient in prange(len(diagonal)):
        d, e, r = diagonal[patient], beside[patient], rows[patient]
        size = len(d)
        for low in range(size):
            for sweep in range(_SWEEPS_MAX + 1):
                high = low
                while high < size - 1:
                    near = abs(d[high]) + abs(d[high + 1])
                    if abs(e[high]) + near == near:
                        break
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
    return bool(np.all(found))


@njit(parallel=True, error_model="numpy", fastmath=_SUMS)
def _once(
    which: NDArray[np.int64],
    flows: Floats,
    given: Floats,
    gets: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    decay: Floats,
    feed: Floats,
    own: Floats,
    mode_given: Floats,
    link_given: Floats,
    at_once: Floats,
    read_modes: Floats,
    read_links: Floats,
    modes: Floats,
    links: Floats,
    out: Floats,
    first: int,
) -> None:
    sources, size = at_once.shape[1], modes.shape[1]
    for patient in prange(len(modes)):
        x, s = modes[patient], links[patient]
        flowing, giving = patient % flows.shape[1], patient % given.shape[1]
        row = first
        for piece in range(len(which)):
            if gets[piece]:
                for q in range(sources):
                    amount = given[piece, giving, q]
                    for j in range(size):
                        x[j] += amount * at_once[patient, q, j]
            n = which[piece]
            _links(s, x, own[n, patient], feed[n, patient], size)
            for j in range(size):
                x[j] *= decay[n, patient, j]
            for q in range(sources):
                flow = flows[piece, flowing, q]
                if flow != 0.0:
                    for k in range(len(s)):
                        s[k] += flow * link_given[n, patient, q, k]
                    for j in range(size):
                        x[j] += flow * mode_given[n, patient, q, j]
            if seen[piece]:
                _read(out[patient, :, row], x, s, read_modes[patient], read_links[patient], size)
                row += 1


@njit(parallel=True, error_model="numpy", fastmath=_SUMS)
def _fade(
    which: NDArray[np.int64],
    shown: NDArray[np.bool_],
    decay: Floats,
    feed: Floats,
    own: Floats,
    read_modes: Floats,
    read_links: Floats,
    modes: Floats,
    links: Floats,
    out: Floats,
    first: int,
    days: int,
) -> None:
    for patient in prange(len(modes)):
        x, s = modes[patient], links[patient]
        channels = out.shape[1]
        most, largest, sight = np.zeros(channels), np.zeros(channels), np.zeros(channels)
        row = first
        for piece in range(len(which)):
            if shown[piece]:
                for c in range(channels):
                    most[c] = max(most[c], FADED * abs(out[patient, c, row]))
                row += 1
        begun = np.max(np.abs(x))
        active = len(x)
        row = first
        for _ in range(days):
            # The last mode is the gut; of the others the fastest are gone first.
            if active == len(x) and x[-1] == 0.0:
                active -= 1
            while 0 < active < len(x) and abs(x[active - 1]) <= FADED * begun:
                active -= 1
            for piece in range(len(which)):
                n = which[piece]
                _links(s, x, own[n, patient], feed[n, patient], active)
                for j in range(active):
                    x[j] *= decay[n, patient, j]
                if shown[piece]:
                    _read(sight, x, s, read_modes[patient], read_links[patient], active)
                    for c in range(channels):
                        out[patient, c, row] += sight[c]
                        largest[c] = max(largest[c], abs(sight[c]))
                    row += 1
            gone = True
            for c in range(channels):
                gone = gone and largest[c] <= most[c]
                largest[c] = 0.0
            if gone:
                break


@njit(error_model="numpy", fastmath=_SUMS)
def _links(s: Floats, x: Floats, own: Floats, feed: Floats, active: int) -> None:
    """One step of the links, which follow each other only upwards, so that the last is done first."""
    for k in range(len(s) - 1, -1, -1):
        total = 0.0
        for i in range(k + 1):
            total += own[k, i] * s[i]
        for j in range(active):
            total += feed[k, j] * x[j]
        s[k] = total


@njit(error_model="numpy", fastmath=_SUMS)
def _read(out: Floats, x: Floats, s: Floats, modes: Floats, links: Floats, active: int) -> None:
    for c in range(len(out)):
        total = 0.0
        for k in range(len(s)):
            total += links[c, k] * s[k]
        if c < len(modes):
            for j in range(active):
                total += modes[c, j] * x[j]
        out[c] = total
