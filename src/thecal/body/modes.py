"""The canal in its own modes: shapes of concentration that decay without changing.

Weighted with the root of the volumes the canal is a symmetric tridiagonal matrix, so its rates are real and its modes orthogonal.
They are found from the bidiagonal root of that matrix, so that the slowest rate keeps every digit beside the fastest, which may
be a million times as large.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thecal.body.column import Column
from thecal.body.patient import Patients

if TYPE_CHECKING:
    from thecal.body.engine import Engine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of a batch of canals. Rates per hour have shape (patients, modes), slowest first.

    ``given`` (patients, sources, modes) is what 1 mcg at each source puts into each mode, ``seen`` (patients, sites, modes) the
    concentration in mcg/mL that a mode of size 1 shows at each site, ``held`` and ``lost`` (patients, modes) the mcg that it
    holds and those that it loses to blood in an hour.
    """

    rate: Floats
    given: Floats
    seen: Floats
    held: Floats
    lost: Floats


def modes_of(patients: Patients, column: Column, sources: Floats, sites: Floats, engine: "Engine") -> Modes:
    """The modes of a batch, with ``sources`` and ``sites`` as rows of cell weights (shape (rows, cells + 1))."""
    root = np.sqrt(column.volume_ml)
    diagonal, beside = _root_of_rates(column, root)
    rows = np.empty((patients.count, len(sources) + len(sites) + 3, root.shape[1]))
    end = np.eye(1, root.shape[1])[0]
    for n, row in enumerate((*sources, *sites, column.volume_ml, column.loss_ml_per_h, end)):
        np.divide(row, root, out=rows[:, n])
    rate, turned = engine.decompose(diagonal, beside, rows)
    turned = turned[:, :-1] * np.where(turned[:, -1:] < 0, -1.0, 1.0)  # a mode is the same, whoever found it: up at the sac's end
    split = len(sources), len(sources) + len(sites)
    given, seen, held, lost = turned[:, : split[0]], turned[:, split[0] : split[1]], turned[:, -2], turned[:, -1]
    if not np.any(patients["tissue_ratio"]):
        return Modes(rate, given, seen, held, lost)
    return _with_tissue(patients, rate, given, seen, held, lost)


def _root_of_rates(column: Column, root: Floats) -> tuple[Floats, Floats]:
    """(the diagonal, what stands above it) of the upper bidiagonal R whose ``R^T R`` is the symmetric rate matrix.

    Cell by cell from the sac end: what is lost below, seen from the cell above, is one more loss of it. Nothing is subtracted.
    """
    exchange, lost = column.exchange_ml_per_h, column.loss_ml_per_h.copy()
    for cell in range(column.cells):
        between = exchange[:, cell]
        lost[:, cell + 1] += between * lost[:, cell] / (between + lost[:, cell])
    lost[:, :-1] += exchange
    diagonal = np.sqrt(lost) / root
    return diagonal, -exchange / (np.sqrt(lost[:, :-1]) * root[:, 1:])


def _with_tissue(patients: Patients, rate: Floats, given: Floats, seen: Floats, held: Floats, lost: Floats) -> Modes:
    """Every mode with the tissue beside it: two modes each, of a symmetric matrix of two."""
    ratio, exchange = patients["tissue_ratio"][:, None], patients["tissue_exchange_per_h"][:, None]
    exchange = np.where(ratio > 0, exchange, 0.0)
    back = np.where(ratio > 0, exchange / np.where(ratio > 0, ratio, 1.0), 1.0)
    fluid, across = rate + exchange, np.sqrt(exchange * back)
    fast = (fluid + back) / 2 + np.hypot((fluid - back) / 2, across)
    angle = np.arctan2(2 * across, fluid - back) / 2  # of the fast mode against the fluid
    cosine, sine = np.cos(angle), np.sin(angle)
    rates = np.concatenate([rate * back / fast, fast], axis=1)
    order = np.argsort(rates, axis=1)

    def split(row: Floats, in_tissue: Floats | float = 0.0) -> Floats:
        c, s, place = (cosine, sine, order) if row.ndim == 2 else (cosine[:, None], sine[:, None], order[:, None])
        return np.take_along_axis(np.concatenate([row * s + in_tissue * c, row * c - in_tissue * s], axis=-1), place, axis=-1)

    # Tissue holds root(ratio) times what the symmetric variable says.
    return Modes(
        np.take_along_axis(rates, order, axis=1), split(given), split(seen), split(held, held * np.sqrt(ratio)), split(lost)
    )
