"""Who does the arithmetic of a batch: NumPy, or compiled loops over the same numbers where they are worth the wait for them."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thecal.body.march import Contents, Reading, Steps
from thecal.body.schedule import Piece

Floats = NDArray[np.float64]

FADED = 1e-18
"""A difference no larger than this part of what it is a difference to is none in floating point."""
COMPILED_FROM = 1000
"""Patients in a batch from which compiled loops are used; it depends on nothing else, so that a batch always gives the same."""


class Engine(Protocol):
    """What an engine can do."""

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """(the eigenvalues, slowest first; every row in the frame of the eigenvectors) of symmetric tridiagonal matrices.

        Shapes (patients, n), (patients, n - 1) and (patients, rows, n).
        """

    def once(
        self, pieces: Sequence[Piece], contents: Contents, steps: Steps, reading: Reading, out: Floats, first: int
    ) -> Contents:
        """The contents at the end of the pieces; what is seen goes into ``out`` (patients, channels, times) from ``first`` on."""

    def fade(
        self, apart: Contents, pieces: Sequence[Piece], steps: Steps, reading: Reading, out: Floats, first: int, days: int
    ) -> None:
        """Add to ``out``, from ``first`` on, what ``apart`` shows while it fades without input through as many ``days``."""


class NumpyEngine:
    """The equations over whole batches with NumPy."""

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """As the protocol says."""
        count, size = diagonal.shape
        matrix = np.zeros((count, size, size))
        each = np.arange(size)
        matrix[:, each, each] = diagonal
        matrix[:, each[1:], each[:-1]] = beside
        rate, vectors = np.linalg.eigh(matrix)  # reads the lower half
        return rate, rows @ vectors

    def once(
        self, pieces: Sequence[Piece], contents: Contents, steps: Steps, reading: Reading, out: Floats, first: int
    ) -> Contents:
        """As the protocol says."""
        for piece in pieces:
            if piece.given is not None:
                contents = Contents(contents.modes + _into(piece.given, steps.cascade.given), contents.links)
            step = steps[piece.seconds]
            contents = contents.left(step)
            if np.any(piece.flows):
                flowed = Contents(_into(piece.flows, step.mode_given), _into(piece.flows, step.link_given))
                contents = contents.plus(flowed)
            if piece.seen:
                out[:, :, first] = reading.of(contents)
                first += 1
        return contents

    def fade(
        self, apart: Contents, pieces: Sequence[Piece], steps: Steps, reading: Reading, out: Floats, first: int, days: int
    ) -> None:
        """As the protocol says."""
        whole = steps[sum(piece.seconds for piece in pieces)]
        rows = sum(piece.seen for piece in pieces)
        most = FADED * np.max(np.abs(out[:, :, first : first + rows]), axis=2, initial=0.0)
        for _ in range(days):
            contents, largest = apart, np.zeros_like(most)
            for piece in pieces:
                contents = contents.left(steps[piece.seconds])
                if piece.seen:
                    shown = reading.of(contents)
                    out[:, :, first] += shown
                    largest = np.maximum(largest, np.abs(shown))
                    first += 1
            if np.all(largest <= most):
                return
            apart = apart.left(whole)


def _into(amounts: Floats, given: Floats) -> Floats:
    """Amounts by source, (sources,) or (patients, sources), through what each source gives (patients, sources, ...)."""
    each = np.broadcast_to(amounts, given.shape[:2])
    into: Floats = np.matmul(each[:, None, :], given)[:, 0]
    return into


def engine_for(patients: int) -> Engine:
    """The engine of a batch of so many patients: compiled from ``COMPILED_FROM`` on, where numba is installed."""
    if patients >= COMPILED_FROM and find_spec("numba"):
        from thecal.body.compiled import CompiledEngine  # noqa: PLC0415  # numba takes a second to import and more to compile

        return CompiledEngine()
    return NumpyEngine()
