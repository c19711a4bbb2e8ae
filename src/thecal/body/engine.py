"""Who does the arithmetic of a batch: NumPy, or compiled loops over the same numbers where they are worth the wait for them."""

from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thecal.body.effect import Curve, hill
from thecal.body.march import Contents, Room, Sights, fade, once
from thecal.body.schedule import Span

Floats = NDArray[np.float64]

COMPILED_FROM = 1000
"""Patients in a batch from which compiled loops are used; it depends on nothing else, so that a batch always gives the same."""


class Engine(Protocol):
    """What an engine must do. It may say how many patients it likes to have at once (``block``) and have a ``hill`` of its
    own.
    """

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """(the squares of the singular values, least first; every row in the frame of the right singular vectors) of upper
        bidiagonal matrices, above 0 on the diagonal and below 0 beside it: the eigenvalues and eigenvectors of ``R^T R``.

        Shapes (patients, n), (patients, n - 1) and (patients, rows, n).
        """

    def once(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """The contents at the end of a span that comes once; what is seen in it goes into the room, from its instant ``first``
        on.
        """

    def fade(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """As ``once`` for a span that repeats, in which the difference from its steady state fades."""


class NumpyEngine:
    """The equations over whole batches with NumPy."""

    block = 64

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """As the protocol says."""
        size = diagonal.shape[1]
        inverse = np.zeros((len(diagonal), size, size))
        for n in range(size):
            inverse[:, n, n] = 1 / diagonal[:, n]
            if n:
                inverse[:, :n, n] = inverse[:, :n, n - 1] * (-beside[:, n - 1] / diagonal[:, n])[:, None]
        # Of the inverse the slowest rate is the largest eigenvalue, and all of it are sums of products that are above 0.
        held, vectors = np.linalg.eigh(np.matmul(inverse, inverse.transpose(0, 2, 1)))
        return 1 / held[:, ::-1], rows @ vectors[:, :, ::-1]

    def once(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """As the protocol says."""
        out, _, _ = room.part(len(contents.modes))
        after = once(span, contents, sights, out, first)
        room.bound(out[:, :, first : first + span.seen])
        return after

    def fade(self, span: Span, contents: Contents, sights: Sights, room: Room, first: int) -> Contents:
        """As the protocol says."""
        out, _, _ = room.part(len(contents.modes))
        after = fade(span, contents, sights, out, first)
        room.bound(out[:, :, first : first + span.seen])
        return after


def block_of(engine: Engine, patients: int) -> int:
    """How many of so many patients are worked on at once: as many as stay in the cache and are worth a call."""
    block: int = getattr(engine, "block", NumpyEngine.block if patients < COMPILED_FROM else COMPILED_FROM)
    return block


def curve_of(engine: Engine) -> Curve:
    """The Hill function of an engine."""
    curve: Curve = getattr(engine, "hill", hill)
    return curve


def engine_for(patients: int) -> Engine:
    """The engine of a batch of so many patients: compiled from ``COMPILED_FROM`` on, where numba is installed."""
    if patients >= COMPILED_FROM and find_spec("numba"):
        from thecal.body.compiled import CompiledEngine  # noqa: PLC0415  # numba takes a second to import and more to compile

        return CompiledEngine()
    return NumpyEngine()
